/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an entry of the Binding Update List has besides where its home address
 * takes several ways: care-of addresses with Binding Identifiers (RFC 5648) and
 * flow bindings (RFC 6089). Pure: the owner says what is wanted, bul.c has it
 * put into Binding Updates, and the acknowledgements judged.
 *
 * Each Binding Update names all that is wanted: each path in bulk with its
 * care-of address, each flow by itself or in a summary. So whatever was lost
 * on the way, or at the home agent, is right again with the next one. A path is
 * removed by a Binding Update without it that has the O flag (RFC 5648 6.2)
 * rather than by one of lifetime 0 (5.4): that would need a second one for what
 * else has changed, and leave a path for ever where it is lost with its entry.
 */
#ifndef KEDGE_MULTI_H
#define KEDGE_MULTI_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/maps.h"
#include "proto/flowid.h"
#include "proto/mh.h"

enum {
	MULTI_PATHS_MAX = 8,
	MULTI_FLOWS_MAX = 67,	/* 64, and the wide ones of paths.c */
	/* new or changed ones in one BU: with 8 paths and all others in a
	 * summary it is shorter than the least MTU (RFC 6089 6) */
	MULTI_FLOWS_AT_ONCE = 14,
	MULTI_FLOW_TRIES = 3,
	MULTI_FID_MAX = 0xfeff,
	MULTI_PRI_ALL = 0xffff,	/* FID-PRI: after all others */
};

/* What a home agent does not do: learnt from its answers. */
enum multi_lack {
	MULTI_LACKS_ALL = 1,	/* RFC 5648, or 166 */
	MULTI_LACKS_BULK = 2,	/* 168: one path in a BU */
	MULTI_LACKS_HOME = 4,	/* 169, or status 5 */
	MULTI_LACKS_FLOWS = 8,	/* RFC 6089, or its status 128 */
};

struct multi_path {
	uint16_t bid;
	uint8_t pri;		/* BID-PRI, from 1: the lowest is the default */
	bool home;		/* H flag; coa is the home address */
	struct in6_addr coa;
	uint32_t ifindex;	/* of coa */
	/* kept by multi.c: */
	bool registered;	/* the home agent has it, at coa... */
	uint8_t known_pri;	/* ...with this BID-PRI */
	bool due;		/* it is to be in a BU that is answered */
	bool sent;		/* in the last BU */
	uint8_t status;		/* the last about it; >= 128: refused */
};

struct multi_flow {
	struct dp_flow_key key;	/* its hoa is not sent: no packet for another
				 * home address is compared with it */
	bool wide;		/* no five-tuple: of the key its proto alone
				 * counts; 0: all that no other flow takes */
	uint8_t n_bids;
	uint16_t bids[DP_PATHS];
	/* kept by multi.c: */
	uint16_t fid;
	bool registered, due, sent;
	uint16_t at;		/* its first BID, as registered */
	bool gone;		/* wanted no more; until the BA it is there */
	uint8_t status, tries;
};

struct multi {
	unsigned int lacks;	/* enum multi_lack, of the home agent */
	bool has_mac;		/* RFC 5648 5.6.3, with a home path */
	uint8_t mac[6];
	bool replace;		/* the O flag is due: it may have others */
	bool asked;		/* all that is wanted, by what waits for its BA */
	bool retried;		/* 165 or 167 was obeyed once */
	uint8_t refused;	/* all of it, with that status, by the last BA;
				 * 0: it was not. The owner wants less then */
	uint16_t next_fid;
	unsigned int n_paths, n_flows;
	struct multi_path paths[MULTI_PATHS_MAX];
	struct multi_flow flows[MULTI_FLOWS_MAX];
	bool dropped;		/* the home agent may know of more flows */
	struct mh_flows out;	/* of the BU being built */
};

/* A home agent that has a plain binding, or nothing of ours. */
void multi_init(struct multi *m);

/*
 * What is wanted from now on: of each only what is the owner's is read. What is
 * as before stays registered. True: that takes a BU, and none is under way that
 * says so: what waits for its BA is not to be forgotten for another of the same.
 */
bool multi_want(struct multi *m, const struct multi_path *paths,
		unsigned int n_paths, const struct multi_flow *flows,
		unsigned int n_flows);
/*
 * What the home agent has, by what a daemon before us left: flows with their
 * FIDs; 0: it may not have that one. The next BU names all of it, and replaces
 * whatever else there is (the O flag).
 */
void multi_restore(struct multi *m, const struct multi_path *paths,
		   unsigned int n_paths, const struct multi_flow *flows,
		   unsigned int n_flows);
/* All of it again: the binding is to be refreshed; it was lost there. */
void multi_refresh(struct multi *m);
void multi_forget(struct multi *m);
/* Is there anything that the next BU has to tell? */
bool multi_due(const struct multi *m);

/* Adds to a BU what belongs there; valid as long as m is not changed. */
void multi_build(struct multi *m, struct mh *bu);

enum multi_verdict {
	MULTI_TAKEN,	/* accepted, as each path and flow has it */
	MULTI_AGAIN,	/* not so: to be sent again, at once */
	MULTI_PLAIN,	/* it made a plain binding, and knows no other */
	MULTI_NEVER,	/* 166: to be sent again plainly */
	MULTI_REFUSED,	/* *status, as of a plain BU */
	MULTI_HOMELESS,	/* 169: as it was before; the owner wants anew */
};

/* A BA to the last BU. Its flow options are in ba->flows. *status: of the
 * whole, what bul.c is to go by. m->lacks may be more afterwards. */
enum multi_verdict multi_ba(struct multi *m, const struct mh *ba,
			    uint8_t *status);

/* The registered path with the best BID-PRI; NULL where none is. */
const struct multi_path *multi_default(const struct multi *m);
const struct multi_path *multi_path(const struct multi *m, uint16_t bid);
const struct multi_path *multi_path_by(const struct multi *m,
				       uint32_t ifindex);
/* NULL where it has none of its own. */
const struct multi_flow *multi_flow(const struct multi *m,
				    const struct dp_flow_key *key);
/* Of FID, for the HA as for us: its FID-PRI. */
uint16_t multi_pri(const struct multi_flow *f);

#endif
