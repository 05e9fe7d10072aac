/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several care-of addresses of a home address (RFC 5648), and which flows take
 * which of them (RFC 6089): pure. A Binding Update that the binding cache found
 * valid is judged, which changes nothing but multi.judged; then it is carried
 * out in the data plane; then multi_commit() makes it so.
 *
 * Only home addresses that have Binding Identifiers are here.
 */
#ifndef KEDGE_HA_MULTI_H
#define KEDGE_HA_MULTI_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "proto/flowid.h"
#include "proto/mh.h"
#include "proto/mtime.h"

enum {
	MULTI_PATHS_MAX = 8,	/* care-of addresses of a home address */
	MULTI_FLOWS_MAX = 128,	/* flow bindings of a home address */
	MULTI_RANGES_MAX = 16,	/* of these, that are no five-tuple */
	MULTI_WAYS = 2,		/* care-of addresses of a flow binding */
	/* of all: as the data plane has room */
	MULTI_HOSTS_ALL = 8192,
	MULTI_RANGED_ALL = 4096,	/* home addresses that have ranges */
};

/* A Binding Identifier's binding. */
struct multi_path {
	struct in6_addr coa;	/* the home address, if home */
	mtime expires;
	uint32_t lifetime;	/* s, as granted */
	uint16_t bid;
	uint8_t pri;		/* BID-PRI; 0: registered without */
	bool home;		/* the H flag */
	uint8_t mac[6];		/* there, without Neighbour Discovery; or 0s */
	uint64_t heard;		/* the greater, the later it was registered */
};

struct multi_flow {
	struct traffic_selector ts;
	uint16_t fid, pri;
	uint16_t bids[MULTI_WAYS];
	uint8_t n_bids;
	bool exact;		/* the selector is one five-tuple */
};

struct multi_host {
	UT_hash_handle hh;
	struct in6_addr hoa;
	unsigned int n_paths, n_flows;
	bool known;		/* restored: its flows are all there are */
	struct multi_path paths[MULTI_PATHS_MAX];	/* the primary first */
	struct multi_flow flows[];	/* by FID-PRI */
};

struct multi_conf {
	bool on;		/* else status 166 */
	bool bulk;		/* else 168 */
	unsigned int max_paths;	/* of a home address, to MULTI_PATHS_MAX */
	unsigned int max_flows;	/* to MULTI_FLOWS_MAX; 0: none, status 128 */
	unsigned int flows_all;	/* of all: as the data plane has room */
};

/* What a Binding Update with Binding Identifier options came to. */
struct multi_judged {
	struct multi_host *host;	/* as it will be; NULL: rejected, or
					 * nothing is left */
	uint8_t status;			/* of the Acknowledgement */
	uint8_t n;			/* options */
	uint8_t statuses[MH_OPTS_MAX];	/* theirs, as the BA has them */
	uint8_t faults[MH_OPTS_MAX];	/* theirs, whoever tells it */
	struct mh_flows flows;		/* of the BA; none if rejected */
};

struct multi {
	struct multi_conf conf;
	struct multi_judged judged;
	/* the rest is multi.c's */
	struct multi_host *hosts;
	unsigned int n_hosts, n_flows, n_ranged;
	uint64_t heard;
};

struct multi_bu {
	const struct mh *mh;
	const struct mh_flows *flows;	/* NULL: none */
	struct in6_addr hoa, src;
	bool bound;		/* there is a binding */
	uint32_t lifetime;	/* s, as granted; 0: deregistration */
	bool may_be_home;	/* the H flag is allowed; else status 169 */
	bool without_ndp;	/* a home link with other routers: status 5 */
	const uint8_t *mac;	/* its link-layer address there, or NULL */
	/* packets for hoa may be tunnelled there: else status 174 */
	bool (*coa_usable)(void *arg, const struct in6_addr *hoa,
			   const struct in6_addr *coa);
	void *arg;
};

void multi_init(struct multi *m, const struct multi_conf *conf);
void multi_fini(struct multi *m);

const struct multi_host *multi_find(const struct multi *m,
				    const struct in6_addr *hoa);

/*
 * RFC 5648 6.2, RFC 6089 5.3: writes m->judged. REASON_NONE if at least one
 * option is carried out; then multi_commit(), or nothing, as one likes.
 */
enum reason multi_judge(struct multi *m, const struct multi_bu *bu, mtime now);
/* RFC 6089 5.3: flows of a Binding Update without Binding Identifiers: none can
 * be. Writes m->judged.flows. */
void multi_judge_plain(struct multi *m, const struct in6_addr *hoa,
		       const struct mh_flows *flows);
/* Why an option was rejected with that status. */
enum reason multi_reason(uint8_t fault);
/*
 * Care-of addresses of hoa that are over at now: writes m->judged.host without
 * them. False where none is left (or there is no memory).
 */
bool multi_expire(struct multi *m, const struct in6_addr *hoa, mtime now);
/* What was judged takes the place of what there was of hoa. */
void multi_commit(struct multi *m);
/* Forgets hoa. */
void multi_end(struct multi *m, const struct in6_addr *hoa);
/* No care-of address of hoa outlives that. */
void multi_cut(struct multi *m, const struct in6_addr *hoa, mtime end);

/*
 * From before a restart, before anything is committed: a care-of address, then
 * flows. -ENOSPC: no room;
 * -EINVAL: it makes no sense; -ENOMEM. Then the rest goes on.
 */
int multi_restore_path(struct multi *m, const struct in6_addr *hoa,
		       const struct multi_path *path);
int multi_restore_flow(struct multi *m, const struct in6_addr *hoa,
		       const struct multi_flow *flow);
/* Of its home path. */
void multi_restore_mac(struct multi *m, const struct in6_addr *hoa,
		       const uint8_t mac[6]);
/* These are all its flows, whatever else is found. */
void multi_restore_known(struct multi *m, const struct in6_addr *hoa);
/*
 * What of the care-of addresses of bu->hoa a Binding Update of today would not
 * be granted is over at now: *faults has why, 0 for others. Of bu: hoa,
 * may_be_home and coa_usable.
 */
void multi_restore_judge(struct multi *m, const struct multi_bu *bu, mtime now,
			 uint8_t faults[MULTI_PATHS_MAX]);
/* The one that was the primary where several have the same BID-PRI. */
void multi_restore_primary(struct multi *m, const struct in6_addr *hoa,
			   const struct in6_addr *coa);

/* Of a host: NULL where there is none. */
const struct multi_path *multi_path(const struct multi_host *host,
				    uint16_t bid);
const struct multi_path *multi_home(const struct multi_host *host);
/* The home link's is none. */
bool multi_has_coa(const struct multi_host *host, const struct in6_addr *coa);
/* The first one to end. */
const struct multi_path *multi_first_over(const struct multi_host *host);
/* RFC 6089 4.3: the registered ones of a flow's care-of addresses, each once:
 * how many; 0: it is inactive. */
unsigned int multi_ways(const struct multi_host *host,
			const struct multi_flow *flow,
			const struct multi_path *ways[MULTI_WAYS]);

/* multiflow.c: RFC 6089 5.3.2 to 5.3.4, of the paths that m->judged.host has.
 * old: what there was, or NULL. */
void multi_judge_flows(struct multi *m, const struct multi_host *old,
		       const struct mh_flows *flows);
/* One single five-tuple whose ports the data plane can read? */
bool multi_is_exact(const struct traffic_selector *ts,
		    const struct in6_addr *hoa);
/* How many flows are no such. */
unsigned int multi_ranges(const struct multi_host *host);
/* Is there room in m for one more, of host, which is in it? */
bool multi_flow_fits(const struct multi *m, const struct multi_host *host,
		     bool exact);
/* Puts it in its place by FID-PRI; there is room. */
void multi_flow_put(struct multi_host *host, const struct multi_flow *flow);

#endif
