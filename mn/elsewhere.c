/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/elsewhere.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "core/log.h"
#include "mn/mn.h"

static bool same_prefix(const struct ip6_prefix *a, const struct ip6_prefix *b)
{
	return a->len == b->len && ip6_addr_eq(&a->addr, &b->addr);
}

/* What the kernel itself has made of our interfaces, and we, is in their
 * tables, or of no use to anybody but the home addresses. */
static bool leads_elsewhere(struct mn *mn, const struct rtnl_event *ev)
{
	bool managed = mn_iface(mn, ev->ifindex);

	if (ev->route.table != RT_TABLE_MAIN || !ev->route.dst_len ||
	    ev->ifindex == mn->tun_ifindex ||
	    IN6_IS_ADDR_LINKLOCAL(&ev->route.dst) ||
	    IN6_IS_ADDR_MULTICAST(&ev->route.dst))
		return false;
	return !managed || (ev->route.protocol != RTPROT_KERNEL &&
			    ev->route.protocol != RTPROT_RA &&
			    ev->route.protocol != mn->conf.protocol);
}

static void set(struct mn_iface *i, const struct ip6_prefix *dst, bool there)
{
	const struct mn *mn = i->mn;
	const struct rtnl_route r = {
		.dst = dst->addr, .dst_len = dst->len, .throws = true,
		.protocol = (uint8_t)mn->conf.protocol,
		.table = mn->conf.table + 1 + (uint32_t)(i - mn->ifaces),
	};
	int err = there ? rtnl_route_put(mn->rtnl, &r, true) :
			  rtnl_route_drop(mn->rtnl, &r);

	if (err && err != -ESRCH)
		log_err("%s: %s/%u is the main table's: %s", i->name,
			ip6_str(&dst->addr), dst->len, strerror(-err));
}

static void set_all(struct mn *mn, const struct ip6_prefix *dst, bool there)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		if (!IN6_IS_ADDR_UNSPECIFIED(&mn->ifaces[k].routes.gateway))
			set(&mn->ifaces[k], dst, there);
}

/* Several routes, by other interfaces or with other metrics, may have one
 * destination. */
static bool has(const struct elsewhere *el, const struct ip6_prefix *dst)
{
	unsigned int k;

	for (k = 0; k < el->n; k++)
		if (same_prefix(&el->list[k].dst, dst))
			return true;
	return false;
}

static struct elsewhere_route *find(struct elsewhere *el,
				    const struct elsewhere_route *r)
{
	unsigned int k;

	for (k = 0; k < el->n; k++)
		if (same_prefix(&el->list[k].dst, &r->dst) &&
		    el->list[k].ifindex == r->ifindex &&
		    el->list[k].metric == r->metric)
			return &el->list[k];
	return NULL;
}

static void add(struct mn *mn, const struct elsewhere_route *r)
{
	struct elsewhere *el = &mn->elsewhere;

	if (el->n == ELSEWHERE_MAX) {
		if (!el->full)
			log_warn("the main table has more than %d routes of "
				 "somebody else: others do not hold for what is "
				 "from an interface's address", ELSEWHERE_MAX);
		el->full = true;
		return;
	}
	if (!has(el, &r->dst))
		set_all(mn, &r->dst, true);
	el->list[el->n++] = *r;
}

void elsewhere_route(struct mn *mn, const struct rtnl_event *ev, bool there)
{
	const struct elsewhere_route r = {
		.dst = {ev->route.dst, ev->route.dst_len},
		.ifindex = ev->ifindex, .metric = ev->route.metric,
	};
	struct elsewhere *el = &mn->elsewhere;
	struct elsewhere_route *known;

	if (!leads_elsewhere(mn, ev))
		return;
	known = find(el, &r);
	if (there && !known) {
		add(mn, &r);
	} else if (!there && known) {
		*known = el->list[--el->n];
		if (!has(el, &r.dst))
			set_all(mn, &r.dst, false);
	}
}

void elsewhere_forget(struct mn *mn)
{
	struct elsewhere *el = &mn->elsewhere;

	while (el->n) {
		struct ip6_prefix dst = el->list[--el->n].dst;

		if (!has(el, &dst))
			set_all(mn, &dst, false);
	}
	el->full = false;
}

bool elsewhere_has(const struct mn *mn, const struct ip6_prefix *dst)
{
	return has(&mn->elsewhere, dst);
}

void elsewhere_table(struct mn_iface *i, bool there)
{
	const struct elsewhere *el = &i->mn->elsewhere;
	unsigned int k;

	for (k = 0; k < el->n; k++)
		set(i, &el->list[k].dst, there);
}
