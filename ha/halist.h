/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Home Agents List of one home link (RFC 6275 10.1 and 10.5.1): the home
 * agents that the link's router advertisements tell of, and ourselves. Pure.
 *
 * Whoever is on the link can advertise anything, so it has limits: where it is
 * full, one of the least preferred gives way, the one that came last, but only
 * to a better one. What is over is deleted before anybody looks at the list.
 */
#ifndef KEDGE_HALIST_H
#define KEDGE_HALIST_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/mip.h"
#include "proto/mtime.h"
#include "proto/nd.h"

enum {
	HALIST_MAX = 32,			/* others on a link */
	HALIST_ADDRS_MAX = ND_PREFIXES_MAX,	/* of each */
};

struct halist_addr {
	struct in6_addr addr;
	mtime expires;			/* its prefix' valid lifetime */
};

struct halist_entry {
	struct in6_addr link_local;
	uint16_t preference;
	mtime since, expires;
	uint8_t n_addrs;
	struct halist_addr addrs[HALIST_ADDRS_MAX];
};

/* What an advertisement did to the list. */
enum halist_change {
	HALIST_NOTHING,		/* no home agent's, and none that we had */
	HALIST_ADDED,
	HALIST_KEPT,		/* its lifetime and preference are reset */
	HALIST_DELETED,
	HALIST_FULL,		/* there is no room for it */
};

struct halist {
	/* below the limit, in [0, limit): sodium's randombytes_uniform() */
	uint32_t (*random)(uint32_t limit);
	/* ourselves */
	uint16_t preference;
	const struct in6_addr *own;	/* the caller's */
	size_t n_own;
	size_t n;
	struct halist_entry entries[HALIST_MAX];	/* as they came */
};

/* A valid router advertisement (RFC 4861 6.1.2) of another router, src. */
enum halist_change halist_ra(struct halist *list, const struct in6_addr *src,
			     const struct nd_ra *ra, mtime now);
/* The link is another one: forgets all but ourselves. */
void halist_clear(struct halist *list);
/* Deletes what is over. */
void halist_expire(struct halist *list, mtime now);
/*
 * The Home Agent Addresses of a reply, 10.5.1: decreasing preference, equal
 * ones in another order each time, the addresses of each one too. As many as
 * fit, with ours among them.
 */
void halist_reply(struct halist *list, struct mip *out, mtime now);

#endif
