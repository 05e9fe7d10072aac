/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Home agents that are looked for: of each [anchor] and [fixed] that names none
 * by its address. By the DNS where a name or a domain is configured (RFC 5026
 * 5.1), then, or else, by asking on the home link (RFC 6275 11.4.1). What is
 * found goes into mn->anchors, as claims; which one is used is mn/choice.h's.
 *
 * Nothing is asked that nobody needs, one question about each at a time, and
 * after one that was in vain the next comes later and later, but for a move.
 */
#ifndef KEDGE_DISCOVER_H
#define KEDGE_DISCOVER_H

#include "mn/anchors.h"
#include "mn/haad.h"
#include "mn/resolve.h"
#include "core/loop.h"

struct json_object;
struct mn;

struct quest {
	struct quest *next;
	struct mn *mn;
	struct ip6_prefix prefix;
	char text[64];			/* of prefix, for people */
	const char *name, *domain;	/* the configuration's; NULL: none */
	bool wanted;			/* somebody needs one */
	struct haad haad;
	struct resolve *lookup;		/* under way */
	struct timer timer;		/* armed: waits for its time */
	mtime next_at, rto, asked_at;
	unsigned int found;		/* the last time */
	const char *why;		/* it was in vain; static */
};

struct discover {
	int fd;				/* answers; -1 before discover_open() */
	struct loop_fd on_fd;
	struct quest *quests;
	struct timer lost;		/* armed: a home agent has failed */
	struct in6_addr remote;		/* that was chosen last; :: none */
};

void discover_init(struct mn *mn);
/* Opens the socket (before privileges are dropped). 0 or -errno. */
int discover_open(struct mn *mn);
void discover_close(struct mn *mn);
/* mn->conf is another one: asks for what that one wants. */
void discover_configured(struct mn *mn);
/* There is a network, perhaps another one. */
void discover_attached(struct mn *mn);

/* A home agent of addr is needed, none that works is known: asks, unless that
 * is under way or not yet its time. No matter where there is nobody to ask. */
void discover_want(struct mn *mn, const struct in6_addr *addr);
/* Is one being looked for, at this moment? */
bool discover_asking(const struct mn *mn, const struct in6_addr *addr);

/* Is any [anchor] configured that may be asked for addresses from afar? */
bool discover_has_remote(const struct mn *mn);
/* The one to be asked, and for an address of which prefix; works: it has not
 * failed of late. false: none is known (yet). Not const: what was chosen is
 * kept, unless another one is better. */
bool discover_remote(struct mn *mn, struct in6_addr *ha,
		     struct ip6_prefix *prefix, bool *works);
/* discover_want() for those. true: it is being asked. */
bool discover_want_remote(struct mn *mn);

struct json_object *discover_json(const struct mn *mn);

#endif
