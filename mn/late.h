/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Routers that advertised another network while ours is there: of the same link
 * (RFC 6275 11.5.1: there may be several, with different prefixes), or of one
 * that we left, whose advertisement was under way for longer than the move
 * took. An advertisement does not show which. Neighbour Unreachability Detection
 * does (RFC 4861 7.3): who does not answer is not on this link. Pure; one for
 * each interface.
 */
#ifndef KEDGE_LATE_H
#define KEDGE_LATE_H

#include <netinet/in.h>
#include <stdbool.h>

#include "proto/ip6.h"
#include "proto/mtime.h"
#include "proto/nd.h"

enum { LATE_MAX = 8 };	/* at a time; the others' are left as they are */

struct late_router {
	struct in6_addr addr;
	mtime asked;
	unsigned int n;		/* networks that are not those we are in */
	struct ip6_prefix prefixes[ND_PREFIXES_MAX];
};

struct late {
	unsigned int n;
	struct late_router list[LATE_MAX];
};

/*
 * An advertisement of a router that is not ours; ours: what that said last.
 * True: the router is to be asked whether it is there, now.
 */
bool late_heard(struct late *l, const struct in6_addr *router,
		const struct nd_ra *ra, const struct nd_ra *ours, mtime now);
/* A router did not answer. True: it is none of this link, *out is what it
 * advertised and nobody else does. It is forgotten then. Ours may have begun to
 * advertise that since, or be another one by now. */
bool late_failed(struct late *l, const struct in6_addr *router,
		 const struct nd_ra *ours, mtime now, struct late_router *out);
/* It is our router now; the link is another. */
void late_forget(struct late *l, const struct in6_addr *router);
void late_clear(struct late *l);

#endif
