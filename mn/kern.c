/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's events to the machines: rtnetlink, the BPF programs' records. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"
#include "sys/raw.h"

struct mn_iface *mn_iface(struct mn *mn, uint32_t ifindex)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		if (ifindex && mn->ifaces[k].ifindex == ifindex)
			return &mn->ifaces[k];
	return NULL;
}

static bool addr_is_ours(struct mn *mn, const struct in6_addr *addr)
{
	unsigned int k, j;

	if (bul_find(&mn->bul, addr))
		return true;
	for (k = 0; k < mn->conf.n_ifaces; k++)
		for (j = 0; j < mn->ifaces[k].at.n_addrs; j++)
			if (ip6_addr_eq(&mn->ifaces[k].at.addrs[j].addr, addr))
				return true;
	return false;
}

void mn_addr_sync(struct mn *mn, const struct in6_addr *addr)
{
	int err = addr_is_ours(mn, addr) ? dp_addr_add(mn->dp, addr) :
					   dp_addr_del(mn->dp, addr);

	if (err && err != -ENOENT)
		log_err("address map, %s: %s", ip6_str(addr), strerror(-err));
}

void mn_event(struct mn *mn, struct json_object *ev)
{
	ctl_event(mn->ctl, ev);
}

/* ---- rtnetlink */

static void iface_found(struct mn *mn, struct mn_iface *i,
			const struct rtnl_event *ev)
{
	int err;

	i->ifindex = ev->ifindex;
	i->at.ifindex = ev->ifindex;
	i->carrier_downs = ev->link.carrier_downs;
	i->prepared = false;
	repair_sysctls(mn, i);
	err = dp_attach(mn->dp, ev->ifindex, true);
	if (!err)
		err = raw_ra_join(mn->ra_fd, ev->ifindex);
	if (err)
		log_err("%s: %s", i->name, strerror(-err));
	radios_look(mn, i);
}

static void set_link(struct mn *mn, struct mn_iface *i, bool up)
{
	if (up == i->up)
		return;
	i->up = up;
	count(up ? COUNT_LINK_UP : COUNT_LINK_DOWN);
	if (up)
		repair_sysctls(mn, i);
	mn_event(mn, ctl_ev(up ? "link_up" : "link_down", "interface",
			    i->name, NULL));
	attach_link(&i->at, up, loop_now());
	/* what was sent in between asks for the router that was left */
	if (!up)
		rtnl_neigh_unanswered_flush(mn->rtnl, i->ifindex);
}

void mn_link_lost(struct mn *mn, struct mn_iface *i)
{
	set_link(mn, i, false);
}

static void iface_gone(struct mn *mn, struct mn_iface *i)
{
	set_link(mn, i, false);
	i->at.n_addrs = 0;
	i->ifindex = 0;
	radios_look(mn, i);
}

static void on_link(struct mn *mn, const struct rtnl_event *ev)
{
	bool up = (ev->link.flags & IFF_UP) && (ev->link.flags & IFF_RUNNING);
	struct mn_iface *i;
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++) {
		i = &mn->ifaces[k];
		if (strcmp(i->name, ev->link.name) != 0)
			continue;
		if (i->ifindex && i->ifindex != ev->ifindex)
			iface_gone(mn, i);
		if (!i->ifindex)
			iface_found(mn, i, ev);
		i->mtu = ev->link.mtu;
		if (ev->link.has_mac)
			memcpy(i->mac, ev->link.mac, 6);
		/* the kernel may tell of a short outage only by its count */
		if (up && i->carrier_downs != ev->link.carrier_downs)
			set_link(mn, i, false);
		i->carrier_downs = ev->link.carrier_downs;
		set_link(mn, i, up);
	}
}

static bool usable(uint32_t flags)
{
	if (flags & IFA_F_DADFAILED)
		return false;
	return !(flags & IFA_F_TENTATIVE) || (flags & IFA_F_OPTIMISTIC);
}

static void tell_addr(struct mn *mn, struct mn_iface *i,
		      const struct attach_addr *a, uint32_t flags)
{
	if (a->usable && i->at.state != ATTACH_ATTACHED)
		mn_event(mn, ctl_ev("address", "interface", i->name, "address",
				    ip6_str(&a->addr), "flags",
				    flags & IFA_F_OPTIMISTIC ? "optimistic" :
							       "", NULL));
}

static void on_addr(struct mn *mn, const struct rtnl_event *ev)
{
	struct mn_iface *i = mn_iface(mn, ev->ifindex);
	uint32_t flags = ev->addr.flags;
	struct attach_addr a = {
		.addr = ev->addr.addr, .prefix_len = ev->addr.prefix_len,
		.usable = usable(flags),
		.temporary = flags & IFA_F_TEMPORARY,
		.deprecated = flags & IFA_F_DEPRECATED,
		.permanent = (flags & IFA_F_PERMANENT) && !ev->addr.from_ra,
		.placed = !(flags & IFA_F_PERMANENT) && !ev->addr.from_ra,
		.valid_until = MTIME_NEVER,
	};

	if (!i)
		return;
	if (IN6_IS_ADDR_LINKLOCAL(&a.addr)) {
		if (a.usable)
			i->link_local = a.addr;
		return;
	}
	if (!ip6_unicast_routable(&a.addr) || iface_take_back(mn, i, ev))
		return;
	if (ev->addr.valid != UINT32_MAX)
		a.valid_until = mtime_add(loop_now(),
					  MTIME_SEC(ev->addr.valid));
	tell_addr(mn, i, &a, flags);
	hoa_coa_changed(mn, i, &a);
	if (dp_addr_add(mn->dp, &a.addr))
		log_err("address map is full: %s", ip6_str(&a.addr));
	attach_addr(&i->at, &a, loop_now());
	iface_routes(mn, i);
	keying_soon(mn);
}

static void on_addr_gone(struct mn *mn, const struct rtnl_event *ev)
{
	struct mn_iface *i = mn_iface(mn, ev->ifindex);

	if (!i)
		return;
	if (IN6_IS_ADDR_LINKLOCAL(&ev->addr.addr)) {
		if (ip6_addr_eq(&i->link_local, &ev->addr.addr))
			i->link_local = in6addr_any;
		return;
	}
	attach_addr_gone(&i->at, &ev->addr.addr, loop_now());
	iface_routes(mn, i);
	if (hoa_fixed_conf(mn, &ev->addr.addr))
		hoa_fixed_lost(mn);
	mn_addr_sync(mn, &ev->addr.addr);
	keying_soon(mn);
}

static void gateway_failed(struct mn *mn, struct mn_iface *i,
			   const struct in6_addr *router)
{
	if (i->at.state != ATTACH_ATTACHED ||
	    !ip6_addr_eq(&i->gateway, router) ||
	    ip6_addr_eq(&i->gateway, &i->at.router))
		return;
	/* no matter whether it was asked: tunnels go by it */
	count(COUNT_ROUTER_REPLACED);
	log_warn("%s: router %s is gone, %s has the same prefix", i->name,
		 ip6_str(router), ip6_str(&i->at.router));
	i->gateway = i->at.router;
	iface_routes(mn, i);
	rtnl_router_forget(mn->rtnl, i->ifindex, router, NULL, 0);
}

static void on_neigh(struct mn *mn, const struct rtnl_event *ev)
{
	struct mn_iface *i = mn_iface(mn, ev->ifindex);

	if (!i || ev->neigh.state != NUD_FAILED)
		return;
	stray_failed(i, &ev->neigh.addr);
	gateway_failed(mn, i, &ev->neigh.addr);
	attach_router_failed(&i->at, &ev->neigh.addr, loop_now());
}

/* The kernel's own default router; told in the dump at our start alone. */
static void on_route(struct mn *mn, const struct rtnl_event *ev)
{
	struct mn_iface *i = mn_iface(mn, ev->ifindex);

	if (mn->starting && i && !ev->route.dst_len && ev->route.has_gw &&
	    ev->route.protocol == RTPROT_RA)
		stray_router(i, &ev->route.gw);
}

void kern_on_rtnl_event(void *arg, const struct rtnl_event *ev)
{
	struct mn *mn = arg;
	struct mn_iface *i;

	repair_event(mn, ev);
	switch (ev->type) {
	case RTNL_LINK:
		on_link(mn, ev);
		break;
	case RTNL_LINK_GONE:
		i = mn_iface(mn, ev->ifindex);
		if (i)
			iface_gone(mn, i);
		break;
	case RTNL_ADDR:
		on_addr(mn, ev);
		break;
	case RTNL_ADDR_GONE:
		on_addr_gone(mn, ev);
		break;
	case RTNL_NEIGH:
		on_neigh(mn, ev);
		break;
	case RTNL_OVERRUN:
		log_warn("rtnetlink events were lost: reading all again");
		mn->resync = true;
		break;
	case RTNL_ROUTE:
		elsewhere_route(mn, ev, true);
		on_route(mn, ev);
		break;
	case RTNL_ROUTE_GONE:
		elsewhere_route(mn, ev, false);
		break;
	case RTNL_RULE_GONE:
	case RTNL_ROUTING:
	case RTNL_FILTER_GONE:
		break;
	}
}

void kern_on_rtnl(void *arg)
{
	struct mn *mn = arg;

	rtnl_read_events(mn->rtnl);
	if (!mn->resync)
		return;
	mn->resync = false;
	rtnl_dump_links(mn->rtnl);
	rtnl_dump_addrs(mn->rtnl);
	elsewhere_forget(mn);
	rtnl_dump_routes(mn->rtnl);
	repair_all(mn);
}

/* ---- records of the BPF programs */

static void on_record(void *arg, const struct dp_rec *rec)
{
	struct mn *mn = arg;

	if (rec->type == DP_REC_SIGNAL)
		signal_receive(mn, rec);
	else if (rec->type == DP_REC_TOOBIG)
		slow_too_big(mn, rec);
}

void kern_on_ring(void *arg)
{
	struct mn *mn = arg;

	dp_ring_read(mn->dp, on_record, mn);
}
