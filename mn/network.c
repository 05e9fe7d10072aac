/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Networks that interfaces come to and leave: what their attachment machines
 * ask for, and the router advertisements that they are told of.
 */
#include <linux/neighbour.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"
#include "sys/raw.h"

/* Between two questions whether a router is there: it takes 3 s to fail. */
static const mtime GATEWAY_PAUSE = {3000000000};

/* ---- what the attachment machines ask for */

static struct mn_iface *iface_of(struct attach *at)
{
	return (struct mn_iface *)((char *)at - offsetof(struct mn_iface, at));
}

static void op_solicit(void *arg, struct attach *at)
{
	signal_solicit(arg, iface_of(at));
}

/* The prefixes' routes that never expire look like an administrator's, but for
 * the addresses, which the kernel says it made itself. */
static void forget_endless(struct mn *mn, const struct mn_iface *i)
{
	struct ip6_prefix prefixes[ATTACH_ADDRS_MAX];
	unsigned int k, n = 0;

	for (k = 0; k < i->at.n_addrs; k++)
		if (!i->at.addrs[k].permanent &&
		    attach_prefix(&i->at, &i->at.addrs[k].addr))
			prefixes[n++] = (struct ip6_prefix){
				i->at.addrs[k].addr,
				i->at.addrs[k].prefix_len};
	rtnl_router_forget(mn->rtnl, i->ifindex, NULL, prefixes, n);
}

static void op_detached(void *arg, struct attach *at)
{
	struct mn_iface *i = iface_of(at);
	struct mn *mn = arg;
	mtime now = loop_now();

	if (at->ra.n_prefixes)
		i->left = (struct ip6_prefix){at->ra.prefixes[0].prefix,
					      at->ra.prefixes[0].len};
	keying_moving(mn);
	stray_detached(i);
	move_lost(mn, i);
	i->gateway = in6addr_any;
	hoa_adopt_all(mn, i);
	iface_lost(mn, i, now);
	/* or the old router's route is a black hole until NUD finds out */
	rtnl_ra_routes_flush(mn->rtnl, i->ifindex, true);
	forget_endless(mn, i);
}

static const char *prefix_str(const struct ip6_prefix *p, char *out, size_t n)
{
	struct ip6_prefix masked = *p;	/* the R flag's has the router in it */

	ip6_prefix_mask(&masked);
	snprintf(out, n, "%s/%u", ip6_str(&masked.addr), masked.len);
	return out;
}

static void tell_move(struct mn *mn, struct mn_iface *i)
{
	const struct nd_prefix *p = attach_prefix(&i->at, &i->at.coa);
	struct ip6_prefix now;
	char from[64], to[64];

	if (!p)
		return;
	now = (struct ip6_prefix){p->prefix, p->len};
	if (!i->left.len || ip6_prefix_has(&now, &i->left.addr))
		return;
	count(COUNT_MOVES);
	mn_event(mn, ctl_ev("move", "interface", i->name,
			    "from", prefix_str(&i->left, from, sizeof(from)),
			    "to", prefix_str(&now, to, sizeof(to)), NULL));
	i->left = now;
}

static void op_attached(void *arg, struct attach *at)
{
	struct mn_iface *i = iface_of(at);
	struct mn *mn = arg;

	if (count_may_log(&mn->states_told))
		log_info("%s: at router %s, CoA %s%s", i->name,
			 ip6_str(&at->router), ip6_str(&at->coa),
			 count_left_out(&mn->states_told));
	i->gateway = at->router;
	mn_event(mn, ctl_ev("attached", "interface", i->name, "router",
			    ip6_str(&at->router), "coa", ip6_str(&at->coa),
			    NULL));
	stray_attached(i);	/* before a BU looks for its way */
	iface_attached(mn, i);
	discover_attached(mn);
	keying_moved(mn);
	tell_move(mn, i);
	move_soon(mn);
}

static void op_probe(void *arg, struct attach *at)
{
	struct mn *mn = arg;

	rtnl_neigh_set(mn->rtnl, at->ifindex, &at->router, NULL, NUD_PROBE,
		       true);
}

static void op_state(void *arg, struct attach *at, enum attach_state old)
{
	struct mn *mn = arg;

	if (count_may_log(&mn->states_told))
		log_info("%s: %s -> %s%s", iface_of(at)->name,
			 attach_state_str(old), attach_state_str(at->state),
			 count_left_out(&mn->states_told));
	stray_state(iface_of(at), old == ATTACH_ATTACHED);
	/* its care-of address alone is gone: another interface has one */
	if (old == ATTACH_ATTACHED && at->state == ATTACH_CONFIGURING)
		iface_settle(mn);
}

static const struct attach_ops attach_ops = {
	.solicit = op_solicit,
	.detached = op_detached,
	.attached = op_attached,
	.probe = op_probe,
	.state = op_state,
};

/* The care-of address was a home address that has just come home; or it has not
 * found its router in time after our start. */
static void on_others(struct timer *timer, mtime now)
{
	struct mn_iface *i = (struct mn_iface *)((char *)timer -
					offsetof(struct mn_iface, others));

	(void)now;
	if (i->at.state == ATTACH_ATTACHED)
		iface_attached(i->mn, i);
	else
		iface_settle(i->mn);
}

void network_init(struct mn *mn)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++) {
		struct mn_iface *i = &mn->ifaces[k];

		i->mn = mn;
		i->others.fn = on_others;
		stray_init(i);
		memcpy(i->name, mn->conf.ifaces[k].name, sizeof(i->name));
		attach_init(&i->at, &attach_ops, mn, &mn->loop.timers, 0);
	}
}

/* ---- router advertisements */

void network_trust(struct mn *mn, const struct anchor *anchor)
{
	struct ip6_prefix prefix = anchor->prefix;
	struct in6_addr ha = anchor->ha;
	const struct mn_conf_sa *sa;

	for (sa = mn->conf.sas; sa; sa = sa->next)
		if (ip6_addr_eq(&sa->sa.dst, &ha) &&
		    ip6_prefix_has(&prefix, &sa->sa.src))
			anchors_trust(&mn->anchors, &sa->sa.src, &ha);
}

void mn_anchor_learnt(void *arg, const struct anchor *anchor)
{
	struct mn *mn = arg;
	char prefix[64];

	signal_know_ha(mn, &anchor->ha);
	prefix_str(&anchor->prefix, prefix, sizeof(prefix));
	if (count_may_log(&mn->anchors_told))
		log_info("anchor of %s: HA %s%s", prefix,
			 ip6_str(&anchor->ha),
			 count_left_out(&mn->anchors_told));
	mn_event(mn, ctl_ev("anchor", "prefix", prefix, "ha",
			    ip6_str(&anchor->ha), NULL));
	network_trust(mn, anchor);
}

static void tell_ra(struct mn *mn, struct mn_iface *i,
		    const struct in6_addr *router, const struct nd_ra *ra)
{
	struct ip6_prefix p;
	char prefix[64] = "";

	if (i->at.state != ATTACH_SOLICITING &&
	    ip6_addr_eq(router, &i->at.router))
		return;
	if (ra->n_prefixes) {
		p = (struct ip6_prefix){ra->prefixes[0].prefix,
					ra->prefixes[0].len};
		prefix_str(&p, prefix, sizeof(prefix));
	}
	mn_event(mn, ctl_ev("ra", "interface", i->name, "router",
			    ip6_str(router), "prefix", prefix, NULL));
}

/* Another router advertises the same prefix: it is believed where the one that
 * we use is not there any more. */
static void gateway_check(struct mn *mn, struct mn_iface *i)
{
	mtime now = loop_now();

	if (i->at.state != ATTACH_ATTACHED ||
	    ip6_addr_eq(&i->gateway, &i->at.router) ||
	    mtime_before(now, mtime_add(i->gateway_asked, GATEWAY_PAUSE)))
		return;
	i->gateway_asked = now;
	rtnl_neigh_ask(mn->rtnl, i->ifindex, &i->gateway);
}

static void take_ra(struct mn *mn, struct mn_iface *i,
		    const struct ip6_pkt *pkt)
{
	struct nd_ra ra;
	enum reason reason = nd_ra_parse(&ra, pkt);

	if (reason) {
		count_refusal(reason, "RA from %s on %s", ip6_str(&pkt->src),
			      i->name);
		return;
	}
	count(COUNT_RA_RECEIVED);
	stray_heard(i, &pkt->src, &ra);
	tell_ra(mn, i, &pkt->src, &ra);
	if (mn->conf.accept_ra_anchors)
		anchors_learn(&mn->anchors, &ra, i->ifindex, loop_now(),
			      mn_anchor_learnt, mn);
	attach_ra(&i->at, &pkt->src, &ra, loop_now());
	iface_routes(mn, i);
	gateway_check(mn, i);
	keying_soon(mn);
}

void network_on_ra(void *arg)
{
	struct mn *mn = arg;
	struct ip6_pkt pkt;
	struct mn_iface *i;
	uint32_t ifindex;
	ssize_t len;

	for (;;) {
		len = raw_ra_read(mn->ra_fd, mn->buf, sizeof(mn->buf), &pkt,
				  &ifindex);
		if (len < 0)
			return;
		i = mn_iface(mn, ifindex);
		if (i && len && mn->buf[0] == ND_TYPE_NA)
			home_on_na(mn, i, &pkt);
		else if (i)
			take_ra(mn, i, &pkt);
	}
}
