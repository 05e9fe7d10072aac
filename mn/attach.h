/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Movement detection (RFC 6275 11.5.1 to 11.5.3), one machine per interface:
 * from link events, router advertisements, addresses and the fate of the
 * default router to "we are at this network, with this care-of address".
 * Pure: the kernel does SLAAC, ops do the rest.
 *
 *	DOWN --link up--> SOLICITING --RA--> CONFIGURING --address--> ATTACHED
 *	  ^                    ^                                          |
 *	  +---- link down -----+---- router failed, another network's RA --+
 */
#ifndef KEDGE_ATTACH_H
#define KEDGE_ATTACH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/ip6.h"
#include "proto/nd.h"
#include "proto/timers.h"

enum attach_state {
	ATTACH_DOWN,
	ATTACH_SOLICITING,
	ATTACH_CONFIGURING,
	ATTACH_ATTACHED,
};

struct attach;

struct attach_ops {
	/* Router Solicitation, now. */
	void (*solicit)(void *arg, struct attach *at);
	/* The network is gone: at->addrs are still those of before. All but
	 * the permanent ones are to be taken off the interface. */
	void (*detached)(void *arg, struct attach *at);
	/* A network and a care-of address: at->coa, at->ra, at->router. */
	void (*attached)(void *arg, struct attach *at);
	/* Is the present router there? Answered, if not, by
	 * attach_router_failed(). */
	void (*probe)(void *arg, struct attach *at);
	void (*state)(void *arg, struct attach *at, enum attach_state old);
};

struct attach_addr {
	struct in6_addr addr;
	uint8_t prefix_len;
	bool usable;		/* not tentative (or optimistic), no dup */
	bool temporary, deprecated;
	bool permanent;		/* somebody's own: we leave it alone */
	bool placed;		/* by us, not by SLAAC */
	mtime valid_until;	/* MTIME_NEVER: for ever */
};

enum { ATTACH_ADDRS_MAX = 32 };

struct attach {
	const struct attach_ops *ops;
	void *arg;
	struct timers *timers;
	uint32_t ifindex;
	enum attach_state state;
	struct timer timer;		/* next solicitation; with a router, when
					 * too many of its RAs are missing */
	mtime rs_interval;
	struct in6_addr router;		/* link-local; :: before an RA */
	struct nd_ra ra;		/* its last */
	struct in6_addr coa;		/* :: where there is none */
	bool has_candidate;		/* another network's RA, being judged */
	struct in6_addr candidate_router;
	struct nd_ra candidate;
	unsigned int n_addrs;
	struct attach_addr addrs[ATTACH_ADDRS_MAX];	/* global ones */
};

void attach_init(struct attach *at, const struct attach_ops *ops, void *arg,
		 struct timers *timers, uint32_t ifindex);
void attach_fini(struct attach *at);

/* carrier and administratively up; the same again is no event */
void attach_link(struct attach *at, bool up, mtime now);
void attach_ra(struct attach *at, const struct in6_addr *router,
	       const struct nd_ra *ra, mtime now);
/* new or changed */
void attach_addr(struct attach *at, const struct attach_addr *addr, mtime now);
void attach_addr_gone(struct attach *at, const struct in6_addr *addr,
		      mtime now);
/* The link layer has joined an access point, its carrier stayed: is this still
 * the same network? */
void attach_joined(struct attach *at);
/* A router of another network is not there: it is not believed later. */
void attach_candidate_failed(struct attach *at, const struct in6_addr *router);
/* Neighbour unreachability detection gave a neighbour up. */
void attach_router_failed(struct attach *at, const struct in6_addr *router,
			  mtime now);

/* How long addr is valid, as the kernel has it; for ever where it is none of
 * the interface's. */
mtime attach_valid_until(const struct attach *at, const struct in6_addr *addr);
/* Is addr in a prefix that the present router advertises? */
bool attach_on_link(const struct attach *at, const struct in6_addr *addr);
/* The advertised prefix that holds addr; NULL where none does. */
const struct nd_prefix *attach_prefix(const struct attach *at,
				      const struct in6_addr *addr);

const char *attach_state_str(enum attach_state state);

#endif
