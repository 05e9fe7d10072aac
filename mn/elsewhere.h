/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the main table leads elsewhere than by our interfaces' routers: networks
 * of containers and VPNs, an administrator's static routes. A rule from a
 * native address to its interface's table must not hide them: each such
 * destination is a "throw" route there, and the main table decides.
 */
#ifndef KEDGE_ELSEWHERE_H
#define KEDGE_ELSEWHERE_H

#include <stdbool.h>

#include "sys/rtnl.h"

enum { ELSEWHERE_MAX = 256 };

struct elsewhere_route {
	struct ip6_prefix dst;
	uint32_t ifindex, metric;
};

struct elsewhere {
	struct elsewhere_route list[ELSEWHERE_MAX];
	unsigned int n;
	bool full;		/* was told */
};

struct mn;
struct mn_iface;

/* A route of the main table has come (there), or gone. */
void elsewhere_route(struct mn *mn, const struct rtnl_event *ev, bool there);
/* Events were lost: a dump of routes follows. */
void elsewhere_forget(struct mn *mn);
/* Is it one of those destinations? */
bool elsewhere_has(const struct mn *mn, const struct ip6_prefix *dst);
/* i's table has just been made, or is about to go. */
void elsewhere_table(struct mn_iface *i, bool there);

#endif
