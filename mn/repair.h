/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What we put into the kernel, and others take off again: rules and routes
 * (systemd-networkd deletes what it does not know), addresses (NetworkManager),
 * filters, kedge0, pins. It is put back, counted, and told. Whoever does it
 * again and again finds it back ten times a second and no more often.
 *
 * And what the network left in the kernel or keeps from us: addresses that do
 * not come, the router of a network that we left unseen, what a router
 * advertised that is not on this link.
 */
#ifndef KEDGE_REPAIR_H
#define KEDGE_REPAIR_H

#include "core/count.h"
#include "core/loop.h"
#include "mn/late.h"
#include "sys/rtnl.h"

struct hoa;
struct mn;
struct mn_iface;

struct repair {
	struct timer timer;	/* armed: these are to be looked at */
	bool tun_gone, tun, route, hoas, ifaces, filters, pins;
	mtime not_before;
	struct count_limit told;
	struct loop_fd on_pins;
};

enum { STRAY_ROUTERS = 4 };

/* An interface's. */
struct stray {
	struct timer missing;	/* armed: no address came so far */
	mtime wait;		/* before it is told again */
	mtime solicited;
	/* the kernel had them at our start, and they were not heard since */
	struct in6_addr routers[STRAY_ROUTERS];
	unsigned int n_routers;
	mtime asked;		/* whether they are there */
	struct late late;
};

void repair_init(struct mn *mn);
/* After the data plane is complete. */
void repair_start(struct mn *mn);
void repair_stop(struct mn *mn);
/* What rtnetlink says is gone or down, may be ours. */
void repair_event(struct mn *mn, const struct rtnl_event *ev);
/* Events were lost. */
void repair_all(struct mn *mn);
/* Whether the line may be written that tells of one; counts it in any case. */
bool repair_tells(struct mn *mn, enum count_event event);

/* The sysctls that a move needs, for an interface whose link comes up. */
void repair_sysctls(struct mn *mn, struct mn_iface *i);

void stray_init(struct mn_iface *i);
void stray_fini(struct mn_iface *i);
/* The kernel has a default route by this router's advertisement: at our
 * start. */
void stray_router(struct mn_iface *i, const struct in6_addr *router);
/* The interface's state has changed. */
void stray_state(struct mn_iface *i, bool lost);
/* It has a network now: these routers are to be asked whether they are
 * there. */
void stray_attached(struct mn_iface *i);
/* The network that it has is about to be none. */
void stray_detached(struct mn_iface *i);
/* A router was heard, or does not answer. */
void stray_heard(struct mn_iface *i, const struct in6_addr *router,
		 const struct nd_ra *ra);
void stray_failed(struct mn_iface *i, const struct in6_addr *router);

#endif
