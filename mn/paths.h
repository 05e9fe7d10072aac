/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Home addresses whose packets take several ways: makes so what move.c wants,
 * by the Binding Update List (RFC 5648, RFC 6089), the data plane and rules.
 *
 * What is wanted is plain data; paths.c's apply() makes Binding Updates of it.
 * While the home link is attached it is one of the ways (the H flag), also
 * where nothing goes by it: Neighbour Discovery for the home address stays
 * ours, and no home agent defends it against us.
 */
#ifndef KEDGE_PATHS_H
#define KEDGE_PATHS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/maps.h"
#include "mn/multi.h"
#include "proto/mtime.h"
#include "proto/timers.h"

enum { PATHS_FLOWS_MAX = 64 };	/* of one home address */

struct bul_entry;
struct hoa;
struct json_object;
struct mn;
struct mn_iface;

struct path_flow {
	struct dp_flow_key key;
	uint32_t ifindex;
};

/* What is wanted of one home address. Interfaces are attached ones. */
struct path_want {
	uint32_t ifindex;	/* what has no way of its own goes by it: home
				 * where that is its home link */
	uint32_t also;		/* and copies by that, for a while; 0: none */
	unsigned int n_flows;
	struct path_flow flows[PATHS_FLOWS_MAX];
};

/* In the map "coas". */
struct path_coa {
	struct in6_addr coa;
	struct dp_coa value;
	mtime until;		/* 0: as long as it is registered */
};

struct path_told {
	uint16_t bid;
	uint32_t ifindex;
	struct in6_addr coa;
};

enum { PATHS_COAS_MAX = 2 * MULTI_PATHS_MAX };

/* Of a home address that has, or has had, several ways. */
struct paths {
	struct hoa *h;
	bool wanted;		/* by paths_want(); else it goes by itself */
	struct path_want want;
	struct multi multi;
	struct timer timer;
	bool judge;		/* armed for now: a BA has changed multi */
	mtime back_until;	/* taken over: it is told as it was, until its
				 * interfaces are there or then; 0: not */
	mtime settle_at;	/* what was before is let go of; 0: not armed */
	mtime doubt_at;		/* no BA by then: e->ifindex leads nowhere */
	mtime doubt_for;	/* so long after the BU */
	mtime probe_at;		/* one that flows take is asked then; 0: none */
	uint32_t probed;	/* the last one that was */
	bool unproved;		/* as soon as the BA is there */
	bool proving;		/* the BU under way is sent by one of those... */
	struct multi_path sender;	/* ...and the next by this again */
	bool bicast;		/* copies come, or may come yet... */
	mtime bicast_until;	/* ...so long; 0: as long as it is wanted */
	bool home_rule;		/* "from HoA oif LINK" is there */
	char home_link[16];	/* that one's name, and table */
	uint32_t home_table;
	unsigned int n_coas, n_flows, n_told;
	struct path_coa coas[PATHS_COAS_MAX];
	struct dp_flow_key flows[MULTI_FLOWS_MAX];	/* in the map "flows" */
	struct path_told told[MULTI_PATHS_MAX];		/* registered ones */
};

/*
 * From now on. Where there is no entry in the BUL, and all is to go by the home
 * link, nothing is done. Make before break: until the home agent knows, what
 * was before goes on; afterwards it is kept for a moment. 0 or -errno:
 * -ENETUNREACH, an interface is not attached; -ENOENT, no home agent of this
 * address is known; -ENOKEY, there are no SAs with it; -EOPNOTSUPP, it does not
 * take several care-of addresses, so flows go with the rest, and nothing goes
 * elsewhere while its home link is attached; -ECONNREFUSED, the same for now;
 * -EHOSTUNREACH, no answer came by the interface, for now; -EHOSTDOWN, the
 * address is on no interface and not registered; -EBUSY, its deregistration is
 * under way.
 */
int paths_want(struct mn *mn, const struct in6_addr *hoa,
	       const struct path_want *want);
/* Interface i is attached no more: what used it goes by what is left of what
 * was wanted, at once; move.c wants anew after that. */
void paths_lost(struct mn *mn, uint32_t ifindex);
/* A BA has come, and what it says is not all carried out yet. */
bool paths_unjudged(struct mn *mn, const struct in6_addr *hoa);
/* Why not by `to`, of a home address or one of its flows: what its home agent has
 * said. 0: nothing; else as above, with *status >= 128 where it is of a BA, or
 * -EACCES with that of a flow (RFC 6089 4.2). */
int paths_refused(struct mn *mn, const struct dp_flow_key *key, uint32_t to,
		  uint8_t *status);
/* Which interface a flow of hoa takes now (as the HA knows it); 0: none. *fid,
 * where not NULL: of its flow binding, 0: none of its own. */
uint32_t paths_of(struct mn *mn, const struct dp_flow_key *key, uint16_t *fid);

/* e is to go by i, says iface.c. True: it does, or goes on as it was wanted, by
 * several ways; e may be gone then. False: the plain way is the caller's. */
bool paths_take(struct mn_iface *i, struct bul_entry *e);
/* pathsback.c, at start: h is taken over, and its binding holds. Where the maps
 * tell of several ways it has them, for its home agent as for packets. */
void paths_restore(struct hoa *h, const struct dp_binding *b);
/* Some of its interfaces may be there in a moment: nothing is to be worked out
 * by the others. */
bool paths_waits(const struct hoa *h);
/* When all are taken over: the maps know of no more. */
void paths_clear(struct mn *mn);
/* h is nothing any more: out of data plane and rules. */
void paths_end(struct hoa *h);
void paths_free(struct hoa *h);
/* May tunnelled packets come to coa? */
bool paths_has_coa(const struct hoa *h, const struct in6_addr *coa);
/* pathstell.c: events of those that have been registered, or have ended. */
void paths_tell(struct paths *p);
/* "paths" and "flow_bindings" of a binding. */
void paths_json(struct json_object *o, const struct hoa *h);

/* For hoa.c: ops of the BUL. */
/* Packets may go: chooses h->way. */
void paths_up(struct hoa *h);
/* Its care-of address is about to be another one. */
void paths_keep(struct hoa *h);
/* For bul_ops.multi */
void paths_multi(void *arg, struct bul_entry *e);
/* DP_BINDING_MULTI and what belongs to it. */
uint16_t paths_flags(const struct hoa *h);
/* Where the HA has acknowledged it as a path, ifindex of the home link; 0. */
uint32_t paths_home_link(const struct hoa *h);

/* pathsdp.c: the data plane. Everything that is in multi is in the maps, before
 * a BU says so; what is not any more stays until now + keep. */
void paths_dp_prepare(struct paths *p, mtime keep);
/* One more, until the next paths_dp_prepare() + keep; the one before it goes. */
void paths_dp_former(struct paths *p, const struct multi_path *former,
		     mtime keep);
/* What the HA knows of: flows. */
void paths_dp_flows(struct paths *p);
/* Deletes what has stayed long enough; when the next is due, 0: none. */
mtime paths_dp_sweep(struct paths *p, mtime now);
void paths_dp_clear(struct paths *p);
void paths_dp_active(struct mn *mn);
/* A Binding Update is under way, for whatever reason: it tells whether what it is
 * sent from leads anywhere. */
void paths_asks(struct hoa *h);
/* Was the home agent not heard by it, though it is attached? */
bool paths_doubts(const struct hoa *h, uint32_t ifindex);
/* The home link of h, attached; NULL. */
struct mn_iface *paths_home(const struct hoa *h);

#endif
