/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel is told of interfaces: each one's table, the rules that lead
 * to it, the default route of new flows; and that it stays there. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/iface.h"
#include "mn/mn.h"

static void complain(int err, const struct mn_iface *i, const char *what)
{
	if (err && err != -ESRCH && err != -ENOENT && err != -ENODEV)
		log_err("%s: %s: %s", i->name, what, strerror(-err));
}

uint32_t iface_table(const struct mn_iface *i)
{
	return i->mn->conf.table + 1 + (uint32_t)(i - i->mn->ifaces);
}

/* ---- tables and rules */

static struct rtnl_rule rule_of(const struct mn_iface *i,
				const struct in6_addr *addr)
{
	const struct mn_conf *conf = &i->mn->conf;

	return (struct rtnl_rule){
		/* behind those of the home addresses, which may be on a link
		 * and away at the same time */
		.priority = conf->rule_priority + 1,
		.table = iface_table(i),
		.protocol = (uint8_t)conf->protocol, .from = *addr,
	};
}

static struct rtnl_route route_of(const struct mn_iface *i,
				  const struct ip6_prefix *prefix)
{
	const struct mn_conf *conf = &i->mn->conf;

	return (struct rtnl_route){
		.dst = prefix->addr, .dst_len = prefix->len,
		.ifindex = i->ifindex, .protocol = (uint8_t)conf->protocol,
		.table = iface_table(i),
	};
}

static struct rtnl_route default_of(const struct mn_iface *i,
				    const struct in6_addr *gateway)
{
	struct rtnl_route r = route_of(i, &(struct ip6_prefix){0});

	r.gw = *gateway;
	return r;
}

static void tell_clash(const struct mn_iface *i, int others, const char *what)
{
	if (others > 0)
		log_warn("%s: %d %s table %u, which ought to be kedge-mn's "
			 "alone: table in kedge-mn.conf says which ones it "
			 "takes", i->name, others, what,
			 iface_table(i));
	else
		complain(others, i, what);
}

static bool is_wanted(void *arg, const struct rtnl_route *route)
{
	const struct ip6_prefix dst = {route->dst, route->dst_len};
	const struct mn_iface *i = arg;

	if (route->throws)
		return elsewhere_has(i->mn, &dst);
	if (route->ifindex != i->ifindex)
		return false;
	if (!route->dst_len)
		return ip6_addr_eq(&route->gw, &i->routes.gateway);
	return IN6_IS_ADDR_UNSPECIFIED(&route->gw) &&
	       ifroutes_has_prefix(&i->routes, &dst);
}

/* What a daemon before us left there. Packets go on by what is to stay: it is
 * all there before anything goes. */
static void sweep(struct mn_iface *i, const struct ifroutes *want)
{
	const struct mn_conf *conf = &i->mn->conf;
	uint32_t table = iface_table(i);
	uint8_t protocol = (uint8_t)conf->protocol;

	tell_clash(i, rtnl_rules_sweep(i->mn->rtnl, protocol, table,
				       want->addrs, want->n_addrs),
		   "ip rules of somebody else lead to");
	tell_clash(i, rtnl_table_sweep(i->mn->rtnl, protocol, table,
				       is_wanted, i),
		   "routes of somebody else are in");
	i->swept = true;
}

static void add_routes(struct mn_iface *i, const struct ifroutes *want,
		       const struct ifroutes *have)
{
	struct rtnl_route r = default_of(i, &want->gateway);
	unsigned int k;

	for (k = 0; k < want->n_prefixes; k++) {
		struct rtnl_route p = route_of(i, &want->prefixes[k]);

		if (!ifroutes_has_prefix(have, &want->prefixes[k]))
			complain(rtnl_route_put(i->mn->rtnl, &p, true), i,
				 "on-link route");
	}
	if (!ip6_addr_eq(&want->gateway, &have->gateway))
		complain(rtnl_route_put(i->mn->rtnl, &r, true), i,
			 "default route");
}

static void del_routes(struct mn_iface *i, const struct ifroutes *have,
		       const struct ifroutes *want)
{
	struct rtnl_route r = default_of(i, &have->gateway);
	unsigned int k;

	for (k = 0; k < have->n_prefixes; k++) {
		struct rtnl_route p = route_of(i, &have->prefixes[k]);

		if (!ifroutes_has_prefix(want, &have->prefixes[k]))
			complain(rtnl_route_drop(i->mn->rtnl, &p), i,
				 "on-link route");
	}
	if (!IN6_IS_ADDR_UNSPECIFIED(&have->gateway) &&
	    IN6_IS_ADDR_UNSPECIFIED(&want->gateway))
		complain(rtnl_route_drop(i->mn->rtnl, &r), i, "default route");
}

static void add_rules(struct mn_iface *i, const struct ifroutes *want,
		      const struct ifroutes *have)
{
	unsigned int k;
	int err;

	for (k = 0; k < want->n_addrs; k++) {
		struct rtnl_rule rule = rule_of(i, &want->addrs[k]);

		if (ifroutes_has_addr(have, &want->addrs[k]))
			continue;
		err = rtnl_rule_add(i->mn->rtnl, &rule);
		complain(err < 0 ? err : 0, i, "ip rule");
	}
}

static void del_rules(struct mn_iface *i, const struct ifroutes *have,
		      const struct ifroutes *want)
{
	unsigned int k;

	for (k = 0; k < have->n_addrs; k++) {
		struct rtnl_rule rule = rule_of(i, &have->addrs[k]);

		if (!ifroutes_has_addr(want, &have->addrs[k]))
			complain(rtnl_rule_del(i->mn->rtnl, &rule), i,
				 "ip rule");
	}
}

/* No rule ever leads to a table that has no route yet, or none any more. */
static void apply(struct mn_iface *i, const struct ifroutes *want)
{
	const struct ifroutes have = i->routes;
	bool began = IN6_IS_ADDR_UNSPECIFIED(&have.gateway) &&
		     !IN6_IS_ADDR_UNSPECIFIED(&want->gateway);
	bool ended = IN6_IS_ADDR_UNSPECIFIED(&want->gateway) &&
		     !IN6_IS_ADDR_UNSPECIFIED(&have.gateway);

	i->routes = *want;
	if (!IN6_IS_ADDR_UNSPECIFIED(&want->gateway))
		add_routes(i, want, &have);
	if (began != ended)
		elsewhere_table(i, began);
	if (!i->swept && !IN6_IS_ADDR_UNSPECIFIED(&want->gateway))
		sweep(i, want);
	add_rules(i, want, &have);
	del_rules(i, &have, want);
	del_routes(i, &have, want);
}

/* ---- new flows: the main table's default route */

/* NULL: with fewer than two the kernel has no choice to make. */
static struct mn_iface *default_iface(struct mn *mn)
{
	unsigned int k, n = 0;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		n += iface_usable(&mn->ifaces[k]);
	return n > 1 && !mn->flushing ? mn_preferred(mn) : NULL;
}

static struct rtnl_route main_default(const struct mn *mn)
{
	return (struct rtnl_route){
		.gw = mn->main.gateway, .ifindex = mn->main.ifindex,
		.metric = mn->main.metric,
		.protocol = (uint8_t)mn->conf.protocol,
	};
}

static void put_main_default(struct mn *mn, bool replace)
{
	struct rtnl_route r = main_default(mn);
	int err = rtnl_route_put(mn->rtnl, &r, replace);

	mn->main.there = !err;
	if (err == -EEXIST)
		log_warn("somebody's default route has metric %u, which ought "
			 "to be kedge-mn's alone (metric in kedge-mn.conf): "
			 "new flows may not go by the preferred interface",
			 r.metric);
	else if (err)
		log_err("default route by the preferred interface: %s",
			strerror(-err));
}

static void drop_main_default(struct mn *mn)
{
	struct rtnl_route r = main_default(mn);

	if (mn->main.there)
		rtnl_route_drop(mn->rtnl, &r);
	mn->main.ifindex = 0;
	mn->main.there = false;
}

void iface_main_default(struct mn *mn)
{
	const struct mn_iface *i = default_iface(mn);

	if (!i || mn->main.metric != mn->conf.metric)
		drop_main_default(mn);
	if (!i || (mn->main.ifindex == i->ifindex &&
		   ip6_addr_eq(&mn->main.gateway, &i->gateway)))
		return;
	mn->main.ifindex = i->ifindex;
	mn->main.gateway = i->gateway;
	mn->main.metric = mn->conf.metric;
	put_main_default(mn, mn->main.there);
}

void iface_routes(struct mn *mn, struct mn_iface *i)
{
	struct ifroutes want;

	ifroutes_of(&want, &i->at, &i->gateway);
	if (memcmp(&want, &i->routes, sizeof(want)))
		apply(i, &want);
	iface_main_default(mn);
}

/* Tables of interfaces that are not configured any more, and the default route
 * of a daemon before us. */
void iface_sweep(struct mn *mn)
{
	const struct rtnl_route r = {
		.metric = mn->conf.metric,
		.protocol = (uint8_t)mn->conf.protocol,
	};
	uint8_t protocol = (uint8_t)mn->conf.protocol;
	unsigned int k;

	for (k = mn->conf.n_ifaces; k < MN_IFACES_MAX; k++) {
		rtnl_rules_sweep(mn->rtnl, protocol, mn->conf.table + 1 + k,
				 NULL, 0);
		rtnl_table_sweep(mn->rtnl, protocol, mn->conf.table + 1 + k,
				 NULL, NULL);
	}
	while (!rtnl_route_drop(mn->rtnl, &r))
		;
}

/* ---- others delete it */

bool iface_lost_rule(struct mn *mn, const struct rtnl_rule *rule)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++) {
		struct mn_iface *i = &mn->ifaces[k];

		if (rule->table != mn->conf.table + 1 + k ||
		    !ifroutes_has_addr(&i->routes, &rule->from))
			continue;
		i->routes_lost = true;
		return true;
	}
	return false;
}

/* Or that which is there in its stead. */
static bool is_main_default(const struct mn *mn, const struct rtnl_event *ev)
{
	if (ev->route.table != RT_TABLE_MAIN || ev->route.dst_len ||
	    !mn->main.ifindex || ev->route.metric != mn->main.metric)
		return false;
	return !mn->main.there || (ev->ifindex == mn->main.ifindex &&
				   ev->route.protocol == mn->conf.protocol);
}

bool iface_lost_route(struct mn *mn, const struct rtnl_event *ev)
{
	const struct ip6_prefix prefix = {ev->route.dst, ev->route.dst_len};
	unsigned int k;

	if (is_main_default(mn, ev))
		return mn->main.lost = true;
	if (ev->route.protocol != mn->conf.protocol)
		return false;
	for (k = 0; k < mn->conf.n_ifaces; k++) {
		struct mn_iface *i = &mn->ifaces[k];

		if (ev->route.table != mn->conf.table + 1 + k ||
		    IN6_IS_ADDR_UNSPECIFIED(&i->routes.gateway) ||
		    (prefix.len && !ifroutes_has_prefix(&i->routes, &prefix)))
			continue;
		i->routes_lost = true;
		return true;
	}
	return false;
}

void iface_lost_all(struct mn *mn)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		mn->ifaces[k].routes_lost = true;
	mn->main.lost = mn->main.ifindex;
}

static void tell_repaired(const struct mn_iface *i, enum count_event event,
			  const char *what)
{
	if (repair_tells(i->mn, event))
		log_warn("%s: %s table %u was deleted by somebody: put "
			 "back%s", i->name, what,
			 iface_table(i),
			 count_left_out(&i->mn->repair.told));
}

/* What is there already is no news. */
static void repair_route(struct mn_iface *i, const struct rtnl_route *r)
{
	int err = rtnl_route_put(i->mn->rtnl, r, false);

	if (!err)
		tell_repaired(i, COUNT_REPAIRED_ROUTE, "a route in");
	else if (err != -EEXIST)
		complain(err, i, "route");
}

static void repair_iface(struct mn_iface *i)
{
	struct rtnl_route r;
	struct rtnl_rule rule;
	unsigned int k;
	int err;

	for (k = 0; k < i->routes.n_prefixes; k++) {
		r = route_of(i, &i->routes.prefixes[k]);
		repair_route(i, &r);
	}
	r = default_of(i, &i->routes.gateway);
	repair_route(i, &r);
	elsewhere_table(i, true);
	for (k = 0; k < i->routes.n_addrs; k++) {
		rule = rule_of(i, &i->routes.addrs[k]);
		err = rtnl_rule_add(i->mn->rtnl, &rule);
		if (!err)
			tell_repaired(i, COUNT_REPAIRED_RULE,
				      "an ip rule that leads to");
		complain(err < 0 ? err : 0, i, "ip rule");
	}
}

static void repair_main_default(struct mn *mn)
{
	struct rtnl_route r = main_default(mn);
	bool was = mn->main.there;
	int err = rtnl_route_put(mn->rtnl, &r, false);

	mn->main.there |= !err;
	if (!err && was && repair_tells(mn, COUNT_REPAIRED_ROUTE))
		log_warn("the default route by the preferred interface was "
			 "deleted by somebody: put back%s",
			 count_left_out(&mn->repair.told));
	else if (err && err != -EEXIST)
		log_err("default route by the preferred interface: %s",
			strerror(-err));
}

void iface_repair(struct mn *mn)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++) {
		struct mn_iface *i = &mn->ifaces[k];

		if (i->routes_lost &&
		    !IN6_IS_ADDR_UNSPECIFIED(&i->routes.gateway))
			repair_iface(i);
		i->routes_lost = false;
	}
	if (mn->main.lost && mn->main.ifindex)
		repair_main_default(mn);
	mn->main.lost = false;
}
