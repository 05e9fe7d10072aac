/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several interfaces at a time: which one new flows and each home address use,
 * and that it is so, in the kernel and at the home agents, in the very event
 * that changes it: no timer, no advertisement, no DAD is waited for.
 */
#ifndef KEDGE_IFACE_H
#define KEDGE_IFACE_H

#include <stdbool.h>

#include "mn/ifchoice.h"
#include "sys/rtnl.h"

struct bul_entry;
struct hoa;
struct json_object;
struct mn;
struct mn_iface;

/*
 * Whoever knows better than "the home link, else the preferred interface"
 * (flows moved by hand, policy) says which interface a home address is to use;
 * NULL: he does not. One that is not attached is passed over. When his mind
 * changes, iface_settle() makes it so.
 */
typedef struct mn_iface *iface_policy_fn(struct mn *mn, const struct hoa *h);

/* New flows go by it natively; NULL: none is attached. One that is about to go
 * or is weak (move.h) is passed over, where there is another. */
struct mn_iface *mn_preferred(struct mn *mn);
/* The one that h is to use: h's home link where it is attached (either one, of
 * two on the same link), else the preferred one; NULL where none is. */
struct mn_iface *mn_iface_for(struct mn *mn, const struct hoa *h);
/* Attached, and with a router. Detached is also one whose state still says that
 * it is not, in the event that tells so. */
bool iface_usable(const struct mn_iface *i);
uint32_t iface_table(const struct mn_iface *i);
/* Is i on the home link of e? */
bool mn_at_home(struct mn *mn, const struct mn_iface *i,
		const struct bul_entry *e);

/* Interface i has a network and a care-of address: routes, then all home
 * addresses that are to use it from now on. */
void iface_attached(struct mn *mn, struct mn_iface *i);
/* It has none any more. Its home addresses and addresses were adopted, not
 * before since: others take them on, at once; then its routes go. */
void iface_lost(struct mn *mn, struct mn_iface *i, mtime since);
/* Every home address to the interface that it is to use, where it is not. */
void iface_settle(struct mn *mn);
/* Which one new flows go by may have changed, for what was said of them. */
void iface_sync_preferred(struct mn *mn);
/* The kernel makes an address of an advertisement on i, which is on another
 * interface of ours in its stead: back to i with it, or DAD fails. False: it is
 * not so. */
bool iface_take_back(struct mn *mn, struct mn_iface *i,
		     const struct rtnl_event *ev);

/* ifroute.c */
/* The number of its routing table. */
uint32_t iface_table(const struct mn_iface *i);
/* What is known of i's network has changed: addresses, prefixes, router. */
void iface_routes(struct mn *mn, struct mn_iface *i);
/* The preferred interface, its router, the metric, or how many are attached. */
void iface_main_default(struct mn *mn);
/* At start: tables of interfaces that are not configured any more. */
void iface_sweep(struct mn *mn);

/* Somebody deleted a rule, a route: is it ours? iface_repair() puts it back. */
bool iface_lost_rule(struct mn *mn, const struct rtnl_rule *rule);
bool iface_lost_route(struct mn *mn, const struct rtnl_event *ev);
void iface_lost_all(struct mn *mn);
void iface_repair(struct mn *mn);

/* ifacectl.c */
int ifacectl_interfaces(void *arg, struct json_object *request,
			struct json_object *answer);
struct json_object *ifacectl_json(struct mn *mn, const struct mn_iface *i);

#endif
