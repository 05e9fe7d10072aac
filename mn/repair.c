/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/repair.h"

#include <string.h>

#include "core/log.h"
#include "mn/mn.h"

/* Between two passes. */
static const mtime PAUSE = {100000000};

/* An address by SLAAC takes 2 s at most (RFC 4862 5.4.2: a random delay of up
 * to 1 s, then DAD); told again after twice the time, to this limit. */
static const mtime MISSING_FIRST = {2500000000};
static const mtime MISSING_MAX = {60000000000};

/* RFC 4861 6.3.7 would have 4 s between solicitations, and three of them: for
 * one that stays where it is and has lost its address, one a second. */
static const mtime SOLICIT_PAUSE = {1000000000};

/* A neighbour that fails sooner than this failed before it was asked. */
static const mtime ASKED = {500000000};

static void arm(struct mn *mn)
{
	struct repair *r = &mn->repair;
	mtime now = loop_now();

	if (mn->flushing || timer_armed(&r->timer))
		return;
	timers_set(&mn->loop.timers, &r->timer,
		   mtime_before(now, r->not_before) ? r->not_before : now);
}

bool repair_tells(struct mn *mn, enum count_event event)
{
	count(event);
	return count_may_log(&mn->repair.told);
}

static const char *left_out(struct mn *mn)
{
	return count_left_out(&mn->repair.told);
}

static void repair_route(struct mn *mn)
{
	int err = rtnl_default_set(mn->rtnl, mn->tun_ifindex, mn->conf.table,
				   mn->conf.protocol, 0);

	if (err)
		log_err("%s: route in table %u: %s", mn->conf.tun,
			mn->conf.table, strerror(-err));
	else if (repair_tells(mn, COUNT_REPAIRED_ROUTE))
		log_warn("%s: the route in table %u was deleted by somebody: "
			 "put back%s", mn->conf.tun, mn->conf.table,
			 left_out(mn));
}

static void repair_filters(struct mn *mn)
{
	unsigned int k, n = 0;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		if (mn->ifaces[k].ifindex)
			n += dp_attach_again(mn->dp, mn->ifaces[k].ifindex,
					     true) > 0;
	n += dp_attach_tun_again(mn->dp, mn->tun_ifindex) > 0;
	if (n && repair_tells(mn, COUNT_REPAIRED_FILTER))
		log_warn("the data plane was taken off an interface by "
			 "somebody: put back%s", left_out(mn));
}

/* Down means without addresses and routes as well. */
static void repair_tun(struct mn *mn, bool gone)
{
	int err = gone ? mn_tun_again(mn) :
			 rtnl_link_up(mn->rtnl, mn->tun_ifindex, 0);

	if (err)
		log_err("%s: %s by somebody: %s", mn->conf.tun,
			gone ? "deleted" : "set down", strerror(-err));
	else if (repair_tells(mn, COUNT_REPAIRED_TUN))
		log_warn("%s was %s by somebody: put back%s", mn->conf.tun,
			 gone ? "deleted" : "set down", left_out(mn));
}

static void repair_pins(struct mn *mn)
{
	int n = dp_pins_again(mn->dp), hooks = 0;

	if (n >= 0 && mn->sh)
		hooks = sockhook_pins_again(mn->sh);
	if (n < 0 || hooks < 0)
		log_err("%s: pins were deleted by somebody: %s",
			mn->conf.bpffs, strerror(n < 0 ? -n : -hooks));
	else if (n + hooks && repair_tells(mn, COUNT_REPAIRED_PINS))
		log_warn("%s: pins were deleted by somebody: put back%s",
			 mn->conf.bpffs, left_out(mn));
}

static void on_timer(struct timer *timer, mtime now)
{
	struct mn *mn = (struct mn *)((char *)timer -
				      offsetof(struct mn, repair.timer));
	struct repair todo = mn->repair, *r = &mn->repair;

	r->tun_gone = r->tun = r->route = r->hoas = r->filters = false;
	r->pins = r->ifaces = false;
	r->not_before = mtime_add(now, PAUSE);
	if (todo.tun_gone || todo.tun)
		repair_tun(mn, todo.tun_gone);
	if (todo.route && !todo.tun_gone)	/* else it came with kedge0 */
		repair_route(mn);
	if (todo.hoas)
		hoa_repair_all(mn);
	if (todo.ifaces)
		iface_repair(mn);
	if (todo.filters && !todo.tun_gone)
		repair_filters(mn);
	if (todo.pins)
		repair_pins(mn);
}

static void on_pins(void *arg)
{
	struct mn *mn = arg;

	mn->repair.pins = true;
	dp_pins_drain(mn->dp);
	arm(mn);
}

void repair_init(struct mn *mn)
{
	mn->repair.timer.fn = on_timer;
}

void repair_start(struct mn *mn)
{
	int err, fd = dp_pins_fd(mn->dp);

	err = fd < 0 ? fd : loop_fd_add(&mn->loop, &mn->repair.on_pins, fd,
					on_pins, mn);
	if (err)
		log_warn("%s: pins are not watched: %s", mn->conf.bpffs,
			 strerror(-err));
}

void repair_stop(struct mn *mn)
{
	loop_fd_del(&mn->repair.on_pins);
	timers_del(&mn->loop.timers, &mn->repair.timer);
}

static bool route_is_ours(struct mn *mn, const struct rtnl_event *ev)
{
	return ev->ifindex == mn->tun_ifindex &&
	       ev->route.table == mn->conf.table && !ev->route.dst_len;
}

/* Of the daemon's own doing is what hoadp.c and iface.c do not want there any
 * more. */
void repair_event(struct mn *mn, const struct rtnl_event *ev)
{
	struct repair *r = &mn->repair;
	bool tun = ev->ifindex == mn->tun_ifindex;

	switch (ev->type) {
	case RTNL_LINK:
		if (tun)
			r->tun = !(ev->link.flags & IFF_UP);
		break;
	case RTNL_LINK_GONE:
		r->tun_gone |= tun;
		break;
	case RTNL_ADDR_GONE:
		r->hoas |= tun && hoa_lost_address(mn, &ev->addr.addr);
		break;
	case RTNL_ROUTE_GONE:
		r->route |= route_is_ours(mn, ev);
		r->ifaces |= iface_lost_route(mn, ev);
		break;
	case RTNL_RULE_GONE:
		r->hoas |= hoa_lost_rule(mn, &ev->rule);
		r->ifaces |= iface_lost_rule(mn, &ev->rule);
		break;
	case RTNL_FILTER_GONE:
		r->filters |= tun || mn_iface(mn, ev->ifindex);
		break;
	case RTNL_ADDR:
	case RTNL_ROUTE:
	case RTNL_ROUTING:
	case RTNL_NEIGH:
	case RTNL_OVERRUN:
		return;
	}
	if (r->tun || r->tun_gone || r->hoas || r->route || r->filters ||
	    r->ifaces)
		arm(mn);
}

void repair_all(struct mn *mn)
{
	hoa_lost_all(mn);
	iface_lost_all(mn);
	mn->repair.hoas = mn->repair.filters = mn->repair.ifaces = true;
	arm(mn);
}

/* RFC 4429: use an address while DAD is still under way */
void repair_sysctls(struct mn *mn, struct mn_iface *i)
{
	static const char *const keys[] = {"optimistic_dad", "use_optimistic"};
	unsigned int k;

	for (k = 0; k < 2; k++) {
		int err, was = sysctl_ipv6_get(i->name, keys[k]);

		if (was > 0)
			continue;
		err = sysctl_ipv6_set(i->name, keys[k], 1);
		if (err && count_may_log(&mn->repair.told))
			log_warn("%s: net.ipv6.conf.%s.%s: %s (moves will "
				 "wait for DAD, one second)%s", i->name,
				 i->name, keys[k], strerror(-err),
				 left_out(mn));
		if (!err && i->prepared &&
		    repair_tells(mn, COUNT_REPAIRED_SYSCTL))
			log_warn("%s: net.ipv6.conf.%s.%s was set to 0 by "
				 "somebody: 1 again%s", i->name, i->name,
				 keys[k], left_out(mn));
	}
	i->prepared = true;
}

/* ---- addresses that do not come */

static struct mn_iface *iface_of(struct stray *s)
{
	return (struct mn_iface *)((char *)s -
				   offsetof(struct mn_iface, stray));
}

static void ask_routers(struct mn_iface *i)
{
	mtime now = loop_now();

	if (mtime_before(now, mtime_add(i->stray.solicited, SOLICIT_PAUSE)))
		return;
	i->stray.solicited = now;
	signal_solicit(i->mn, i);
}

/* The one reason that is seen often: some other program's setting. */
static const char *why_missing(const struct mn_iface *i)
{
	return sysctl_ipv6_get(i->name, "accept_ra") ? "" :
		" (net.ipv6.conf.*.accept_ra is 0: the kernel makes none)";
}

static void on_missing(struct timer *timer, mtime now)
{
	struct stray *s = (struct stray *)((char *)timer -
					   offsetof(struct stray, missing));
	struct mn_iface *i = iface_of(s);

	if (repair_tells(i->mn, COUNT_ADDRESS_MISSING))
		log_warn("%s: at router %s, but there is no address of its "
			 "network%s: flows that are away wait%s", i->name,
			 ip6_str(&i->at.router), why_missing(i),
			 left_out(i->mn));
	mn_event(i->mn, ctl_ev("address_missing", "interface", i->name,
			       "router", ip6_str(&i->at.router), NULL));
	ask_routers(i);
	s->wait = mtime_add(s->wait, s->wait);
	if (mtime_before(MISSING_MAX, s->wait))
		s->wait = MISSING_MAX;
	timers_set(&i->mn->loop.timers, timer, mtime_add(now, s->wait));
}

void stray_init(struct mn_iface *i)
{
	i->stray.missing.fn = on_missing;
}

void stray_fini(struct mn_iface *i)
{
	timers_del(&i->mn->loop.timers, &i->stray.missing);
}

static void coa_lost(struct mn_iface *i)
{
	if (repair_tells(i->mn, COUNT_COA_LOST))
		log_warn("%s: the care-of address is gone, the network is "
			 "not: asking router %s for another one%s", i->name,
			 ip6_str(&i->at.router), left_out(i->mn));
	/* its next advertisement may be minutes away */
	ask_routers(i);
}

void stray_state(struct mn_iface *i, bool lost)
{
	struct timers *timers = &i->mn->loop.timers;

	if (i->at.state != ATTACH_CONFIGURING) {
		timers_del(timers, &i->stray.missing);
		return;
	}
	if (lost)
		coa_lost(i);
	i->stray.wait = MISSING_FIRST;
	timers_set(timers, &i->stray.missing,
		   mtime_add(loop_now(), i->stray.wait));
}

/* ---- a network that was left while no daemon looked */

void stray_router(struct mn_iface *i, const struct in6_addr *router)
{
	struct stray *s = &i->stray;

	if (s->n_routers < STRAY_ROUTERS)
		s->routers[s->n_routers++] = *router;
}

/* Was it one? It is none any more. */
static bool forget(struct stray *s, const struct in6_addr *router)
{
	unsigned int k;

	for (k = 0; k < s->n_routers; k++)
		if (ip6_addr_eq(&s->routers[k], router)) {
			s->routers[k] = s->routers[--s->n_routers];
			return true;
		}
	return false;
}

void stray_attached(struct mn_iface *i)
{
	unsigned int k;

	forget(&i->stray, &i->at.router);
	late_forget(&i->stray.late, &i->at.router);
	for (k = 0; k < i->stray.n_routers; k++) {
		/* or our first BU may go to one that is not there */
		rtnl_router_forget(i->mn->rtnl, i->ifindex,
				   &i->stray.routers[k], NULL, 0);
		rtnl_neigh_ask(i->mn->rtnl, i->ifindex, &i->stray.routers[k]);
	}
	i->stray.asked = loop_now();
	/* who is there gives the kernel its route back */
	if (i->stray.n_routers)
		ask_routers(i);
}

/* ---- a router's word that comes when we are elsewhere already */

static bool has_network(const struct mn_iface *i)
{
	return i->at.state == ATTACH_ATTACHED ||
	       i->at.state == ATTACH_CONFIGURING;
}

/* Asked beside the present one, which attach.c asks. */
static void suspect(struct mn_iface *i, const struct in6_addr *router,
		    const struct nd_ra *ra)
{
	if (has_network(i) && !ip6_addr_eq(router, &i->at.router) &&
	    !ip6_addr_eq(router, &i->gateway) &&
	    late_heard(&i->stray.late, router, ra, &i->at.ra, loop_now()))
		rtnl_neigh_ask(i->mn->rtnl, i->ifindex, router);
}

static bool is_of(const struct late_router *r, const struct in6_addr *addr)
{
	unsigned int k;

	for (k = 0; k < r->n; k++)
		if (ip6_prefix_has(&r->prefixes[k], addr))
			return true;
	return false;
}

/* What it advertised, and SLAAC made of that. Flows that have begun there go on
 * as if its network had been left now. */
static void take_off(struct mn_iface *i, const struct late_router *r)
{
	struct attach_addr addrs[ATTACH_ADDRS_MAX];
	const struct attach_addr *a;
	struct mn *mn = i->mn;
	unsigned int n = 0;

	for (a = i->at.addrs; a < i->at.addrs + i->at.n_addrs; a++) {
		if (a->permanent || a->placed || !is_of(r, &a->addr))
			continue;
		/* one that is away stays so, on kedge0 */
		if (bul_find(&mn->bul, &a->addr))
			rtnl_addr_del(mn->rtnl, i->ifindex, &a->addr,
				      a->prefix_len);
		else
			addrs[n++] = *a;
	}
	if (n)
		hoa_adopt_these(mn, i, addrs, n);
	rtnl_router_forget(mn->rtnl, i->ifindex, &r->addr, r->prefixes, r->n);
	iface_routes(mn, i);
	iface_settle(mn);
}

static void suspect_failed(struct mn_iface *i, const struct in6_addr *router)
{
	struct late_router r;

	if (!has_network(i) || ip6_addr_eq(router, &i->at.router) ||
	    !late_failed(&i->stray.late, router, &i->at.ra, loop_now(), &r))
		return;
	if (repair_tells(i->mn, COUNT_RA_LATE))
		log_warn("%s: router %s advertised itself, but is not on this "
			 "link: its addresses are taken off%s", i->name,
			 ip6_str(&r.addr), left_out(i->mn));
	attach_candidate_failed(&i->at, &r.addr);
	take_off(i, &r);
}

void stray_detached(struct mn_iface *i)
{
	late_clear(&i->stray.late);
}

void stray_heard(struct mn_iface *i, const struct in6_addr *router,
		 const struct nd_ra *ra)
{
	forget(&i->stray, router);
	suspect(i, router, ra);
}

void stray_failed(struct mn_iface *i, const struct in6_addr *router)
{
	struct in6_addr was = *router;

	suspect_failed(i, router);
	if (i->at.state != ATTACH_ATTACHED ||
	    mtime_before(loop_now(), mtime_add(i->stray.asked, ASKED)) ||
	    !forget(&i->stray, router))
		return;
	log_warn("%s: router %s, of before the start, is not there: its "
		 "network was left unseen", i->name, ip6_str(&was));
	count(COUNT_LEFT_UNSEEN);
	hoa_adopt_strays(i->mn, i, &was);
}
