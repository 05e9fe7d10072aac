/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Home addresses that are away: how one comes (adopted when its network goes
 * and a flow still uses it), what BPF and the kernel are told at each turn of
 * its binding, and how it goes (its last flow ended: flows.c, or it is at home again).
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"

/* A fixed home address that was lost is tried again after this. */
static const mtime FIXED_RETRY = {30000000000};

/* One that went from its home link is looked after when that has settled. */
static const mtime FIXED_LOST = {2000000000};

static struct hoa *hoa_of(struct bul_entry *e)
{
	return e->priv;
}

static struct rtnl_rule rule_of(const struct hoa *h)
{
	const struct mn_conf *conf = &h->mn->conf;

	return (struct rtnl_rule){
		.priority = conf->rule_priority, .table = conf->table,
		.protocol = conf->protocol, .from = h->e->hoa,
	};
}

static void complain(int err, const char *what, const struct bul_entry *e)
{
	if (err)
		log_err("HoA %s, HA %s: %s: %s", ip6_str(&e->hoa),
			ip6_str(&e->ha), what, strerror(-err));
}

/* ---- what the data plane does */

static uint32_t path_mtu(struct mn *mn, const struct bul_entry *e)
{
	struct rtnl_path path;

	if (rtnl_path_get(mn->rtnl, &e->ha, &path) || path.mtu < IP6_MIN_MTU)
		return IP6_MIN_MTU;
	return path.mtu > UINT16_MAX ? UINT16_MAX : path.mtu;
}

/* Has its time begun, over or not? */
static bool is_replaced(const struct hoa *h)
{
	return timer_armed(&h->graceful) || h->graceful_over;
}

static void write_binding(struct mn *mn, struct bul_entry *e, bool up)
{
	struct dp_binding b = {
		.local = e->coa, .remote = e->ha, .ifindex = e->ifindex,
		.flags = (up ? DP_BINDING_UP : 0) |
			 (is_replaced(hoa_of(e)) ? DP_BINDING_GRACEFUL : 0) |
			 (hoa_of(e)->assigned ? DP_BINDING_ASSIGNED : 0),
		.expires = e->expires.ns,
		.created = e->since.ns, .seq = e->seq, .lifetime = e->granted,
		.mtu = (uint16_t)(hoa_of(e)->mtu - IP6_HDR_LEN),
	};

	complain(dp_binding_set(mn->dp, &e->hoa, &b), "binding map", e);
}

void hoa_path_changed(struct hoa *h)
{
	h->mtu = path_mtu(h->mn, h->e);
}

void hoa_paths_changed(struct mn *mn)
{
	struct bul_entry *e;

	for (e = mn->bul.entries; e; e = e->next) {
		if (!hoa_of(e)->up)
			continue;
		hoa_path_changed(hoa_of(e));
		write_binding(mn, e, true);
	}
}

static void set_rule(struct hoa *h, bool on)
{
	struct rtnl_rule rule = rule_of(h);

	if (!on && !h->ruled)
		return;
	/* again at every move: others delete rules that are not theirs */
	h->ruled = on;
	complain(on ? rtnl_rule_add(h->mn->rtnl, &rule) :
		      rtnl_rule_del(h->mn->rtnl, &rule), "ip rule", h->e);
}

static void go_up(struct mn *mn, struct hoa *h)
{
	bool was = h->up;
	struct json_object *ev;

	h->up = true;
	hoa_path_changed(h);
	slow_drain(mn, h);
	write_binding(mn, h->e, true);
	/* what came between the two: at once, or more overtakes it */
	slow_drain(mn, h);
	if (was)
		return;
	ev = ctl_ev("tunnel_up", "hoa", ip6_str(&h->e->hoa), "ha",
		    ip6_str(&h->e->ha), "coa", ip6_str(&h->e->coa), NULL);
	mn_event(mn, ev);
}

static void op_tunnel(void *arg, struct bul_entry *e, enum bul_tunnel what)
{
	struct hoa *h = hoa_of(e);
	struct mn *mn = arg;

	select_soon(mn);
	switch (what) {
	case BUL_TUNNEL_HOLD:
		h->up = false;
		write_binding(mn, e, false);
		set_rule(h, true);
		break;
	case BUL_TUNNEL_UP:
		set_rule(h, true);
		go_up(mn, h);
		break;
	case BUL_TUNNEL_OFF:
		h->up = false;
		/* still in the map: a bound HoA must do no DAD at home
		 * (RFC 6275 11.5.5), which BPF sees to */
		write_binding(mn, e, false);
		set_rule(h, false);
		break;
	}
}

static int op_send_bu(void *arg, struct bul_entry *e, const struct mh *bu,
		      bool at_home, bool retransmission)
{
	return signal_send_bu(arg, e, bu, at_home, retransmission);
}

static bool op_keyed(void *arg, const struct bul_entry *e)
{
	return signal_keyed(arg, e);
}

static void op_state(void *arg, struct bul_entry *e, enum bul_state old)
{
	struct mn *mn = arg;

	keying_soon(mn);
	log_info("HoA %s, HA %s, CoA %s: %s -> %s", ip6_str(&e->hoa),
		 ip6_str(&e->ha), ip6_str(&e->coa), bul_state_str(old),
		 bul_state_str(e->state));
	mn_event(mn, ctl_ev("binding", "hoa", ip6_str(&e->hoa), "state",
			    bul_state_str(e->state), "old",
			    bul_state_str(old), NULL));
	if (e->state != BUL_BOUND)
		return;
	count(old == BUL_REFRESHING ? COUNT_BINDING_REFRESHED :
				      COUNT_BINDING_CREATED);
	flows_refreshed(mn);
}

/* ---- going */

static void hoa_free(struct hoa *h)
{
	struct mn *mn = h->mn;

	slow_drop(h);
	timers_del(&mn->loop.timers, &h->grace);
	timers_del(&mn->loop.timers, &h->graceful);
	bul_del(h->e);
	free(h);
	slow_hoas_changed(mn);
	flows_hoas_changed(mn);
}

static void tell_end(struct mn *mn, const struct bul_entry *e,
		     enum bul_end end)
{
	const char *hoa = ip6_str(&e->hoa), *ha = ip6_str(&e->ha);

	switch (end) {
	case BUL_END_RELEASED:
		count(COUNT_HOA_RELEASED);
		log_info("HoA %s, HA %s: released", hoa, ha);
		mn_event(mn, ctl_ev("released", "hoa", hoa, "ha", ha, NULL));
		break;
	case BUL_END_HOME:
		count(COUNT_HOA_RELEASED);
		log_info("HoA %s, HA %s: at home", hoa, ha);
		mn_event(mn, ctl_ev("home", "hoa", hoa, "ha", ha, NULL));
		break;
	case BUL_END_REFUSED:
		count(COUNT_HOA_ABANDONED);
		log_warn("HoA %s, HA %s: refused with status %u (%s), its "
			 "flows are lost", hoa, ha, e->last_status,
			 mh_status_str(e->last_status));
		mn_event(mn, ctl_ev("abandoned", "hoa", hoa, "why",
				    mh_status_str(e->last_status), NULL));
		break;
	}
}

static struct gone *find_gone(struct mn *mn, const struct in6_addr *hoa)
{
	struct gone *g;

	for (g = mn->gone; g < mn->gone + MN_GONE_MAX; g++)
		if (ip6_addr_eq(&g->hoa, hoa))
			return g;
	return NULL;
}

static void remember_seq(struct mn *mn, const struct bul_entry *e)
{
	struct gone *g = find_gone(mn, &e->hoa);

	if (!g)
		g = &mn->gone[mn->gone_next++ % MN_GONE_MAX];
	*g = (struct gone){e->hoa, e->seq};
}

static uint16_t last_seq(struct mn *mn, const struct in6_addr *hoa)
{
	const struct gone *g = find_gone(mn, hoa);

	return g ? g->seq : randombytes_random();
}

const struct mn_conf_fixed *hoa_fixed_conf(const struct mn *mn,
					   const struct in6_addr *hoa)
{
	const struct mn_conf_fixed *f;

	for (f = mn->conf.fixed; f; f = f->next)
		if (ip6_addr_eq(&f->hoa, hoa))
			return f;
	return NULL;
}

/* By this home agent: the configuration may have another one since. */
static bool is_fixed(const struct mn *mn, const struct in6_addr *hoa,
		     const struct in6_addr *ha)
{
	const struct mn_conf_fixed *f = hoa_fixed_conf(mn, hoa);

	return f && ip6_addr_eq(&f->ha, ha);
}

/* Not before what is armed already: nobody is to ask for ever and ever. */
static void fixed_check_in(struct mn *mn, mtime wait)
{
	if (mn->flushing || timer_armed(&mn->fixed))
		return;
	timers_set(&mn->loop.timers, &mn->fixed,
		   mtime_add(loop_now(), wait));
}

/* Nothing of it is left at work. */
static void erase(struct hoa *h)
{
	struct in6_addr hoa = h->e->hoa;
	struct mn *mn = h->mn;

	count(COUNT_BINDING_DELETED);
	remember_seq(mn, h->e);
	set_rule(h, false);
	dp_binding_del(mn->dp, &hoa);
	hoa_free(h);
	rtnl_addr_del(mn->rtnl, mn->tun_ifindex, &hoa, 128);
	mn_addr_sync(mn, &hoa);
	keying_soon(mn);
	if (hoa_fixed_conf(mn, &hoa))
		fixed_check_in(mn, FIXED_RETRY);
	if (mn->flushing && !mn->bul.entries)
		timers_set(&mn->loop.timers, &mn->flush, loop_now());
}

static void op_gone(void *arg, struct bul_entry *e, enum bul_end end)
{
	struct hoa *h = hoa_of(e);
	struct mn *mn = arg;
	struct mn_iface *i = mn_iface(mn, e->ifindex);

	tell_end(mn, e, end);
	if (end == BUL_END_REFUSED)
		flows_lost(mn, &e->hoa);
	if (end == BUL_END_RELEASED)
		flows_forget(mn, &e->hoa);
	/* one that has another home agent now comes again, from that */
	if (end == BUL_END_RELEASED && hoa_fixed_conf(mn, &e->hoa))
		fixed_check_in(mn, (mtime){0});
	if (end == BUL_END_HOME && i && h->at_home) {
		slow_drain_home(mn, h);
		signal_announce(mn, i, &e->hoa);
		signal_announce(mn, i, &i->link_local);
		if (ip6_addr_eq(&e->hoa, &i->at.coa))
			timers_set(&mn->loop.timers, &i->others, loop_now());
	}
	erase(h);
}

const struct bul_ops hoa_bul_ops = {
	.send_bu = op_send_bu,
	.keyed = op_keyed,
	.tunnel = op_tunnel,
	.state = op_state,
	.gone = op_gone,
};

/* ---- coming */

/* Graceful-replacement: old and new address have stood side by side for the
 * time that was configured. */
static void on_graceful(struct timer *timer, mtime now)
{
	struct hoa *h = (struct hoa *)((char *)timer -
				       offsetof(struct hoa, graceful));

	h->graceful_over = true;
	flows_reset(h->mn, &h->e->hoa, 1u << SERVICE_GRACEFUL);
	flows_scan(h->mn, now);
}

static struct hoa *hoa_new(struct mn *mn, const struct in6_addr *hoa,
			   const struct in6_addr *ha, uint16_t seq, mtime now)
{
	struct hoa *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->mn = mn;
	h->grace.fn = flows_on_grace;
	h->graceful.fn = on_graceful;
	h->fixed = is_fixed(mn, hoa, ha);
	h->queue_tail = &h->queue;
	h->used_since = now;
	h->mtu = IP6_MIN_MTU;
	h->e = bul_add(&mn->bul, hoa, ha, seq, now);
	if (!h->e) {
		free(h);
		return NULL;
	}
	h->e->priv = h;
	slow_hoas_changed(mn);
	flows_hoas_changed(mn);
	return h;
}

static int put_on_tun(struct mn *mn, const struct in6_addr *hoa)
{
	/* deprecated: an address for old flows, never for new ones */
	return rtnl_addr_set(mn->rtnl, mn->tun_ifindex, hoa, 128, IFA_F_NODAD,
			     UINT32_MAX, 0);
}

static void abandon(struct mn *mn, const struct in6_addr *addr,
		    const char *why)
{
	/* told at once, they need not find out by time-outs */
	flows_lost(mn, addr);
	count(COUNT_HOA_ABANDONED);
	log_warn("HoA %s: %s, its flows are lost", ip6_str(addr), why);
	mn_event(mn, ctl_ev("abandoned", "hoa", ip6_str(addr), "why", why,
			    NULL));
}

void hoa_abandon(struct mn *mn, struct bul_entry *e, const char *why)
{
	abandon(mn, &e->hoa, why);
	erase(hoa_of(e));
}

static void begin_replacement(struct hoa *h, const struct flow_use *use,
			      mtime now)
{
	if (use->graceful && !is_replaced(h))
		timers_set(&h->mn->loop.timers, &h->graceful,
			   mtime_add(now, h->mn->policy.grace));
}

/* It was on its way home, or there and not yet acknowledged. */
static void leave_again(struct mn *mn, struct bul_entry *e,
			const struct flow_use *use, mtime now)
{
	begin_replacement(hoa_of(e), use, now);
	write_binding(mn, e, hoa_of(e)->up);
}

/* use: as counted, or all 0 where that failed. */
static void adopt(struct mn *mn, const struct flow_use *use, mtime now)
{
	const struct in6_addr *addr = &use->addr;
	const struct mn_conf_fixed *f = hoa_fixed_conf(mn, addr);
	const char *why;
	struct in6_addr ha;
	struct hoa *h;

	if (f) {
		ha = f->ha;
	} else if (!keying_ha(mn, addr, &ha)) {
		abandon(mn, addr, "no home agent is known for it");
		return;
	}
	why = keying_refusal(mn, addr, &ha);
	if (why) {
		abandon(mn, addr, why);
		return;
	}
	h = hoa_new(mn, addr, &ha, last_seq(mn, addr), now);
	if (!h) {
		abandon(mn, addr, "out of memory");
		return;
	}
	complain(put_on_tun(mn, addr), "address on kedge0", h->e);
	count(COUNT_HOA_ADOPTED);
	log_info("HoA %s, HA %s: adopted", ip6_str(addr), ip6_str(&ha));
	mn_event(mn, ctl_ev("adopted", "hoa", ip6_str(addr), "ha",
			    ip6_str(&ha), NULL));
	flows_take(h, use);
	begin_replacement(h, use, now);
	bul_event(h->e, BUL_EV_LOST, now);
	mn_addr_sync(mn, addr);
}

static void lose_coa(struct mn *mn, struct mn_iface *i, mtime now)
{
	struct bul_entry *e, *next;

	for (e = mn->bul.entries; e; e = next) {
		next = e->next;
		if (e->ifindex != i->ifindex)
			continue;
		hoa_of(e)->at_home = false;
		bul_event(e, BUL_EV_LOST, now);
	}
}

/* Does anything use the address, or may something? Where the count failed, all
 * are taken for used. */
static bool in_use(struct mn *mn, const struct flow_use *use, bool counted)
{
	return !counted || use->tcp || use->udp ||
	       hoa_fixed_conf(mn, &use->addr);
}

/* RFC 8653 3.1: they asked for no more than this network's address; they are
 * told that it is gone, instead of hanging. After all else: it may be many. */
static void reset_nonpersistent(struct mn *mn, const struct flow_use *uses,
				unsigned int n)
{
	unsigned int k;

	for (k = 0; k < n && mn->policy.reset_nonpersistent; k++)
		if (uses[k].nonpersistent)
			flows_reset(mn, &uses[k].addr,
				    1u << SERVICE_NONPERSISTENT);
}

void hoa_adopt_all(struct mn *mn, struct mn_iface *i)
{
	struct flow_use uses[ATTACH_ADDRS_MAX];
	struct attach *at = &i->at;
	mtime now = loop_now();
	unsigned int k, n;
	int err;

	lose_coa(mn, i, now);
	flows_moving(mn);
	for (k = 0; k < at->n_addrs; k++)
		uses[k].addr = at->addrs[k].addr;
	n = at->n_addrs;
	err = flows_count(mn, uses, n);
	for (k = 0; k < n; k++) {
		const struct attach_addr *a = &at->addrs[k];
		struct bul_entry *e = bul_find(&mn->bul, &a->addr);

		if (e)
			leave_again(mn, e, &uses[k], now);
		else if (in_use(mn, &uses[k], !err))
			adopt(mn, &uses[k], now);
		if (!bul_find(&mn->bul, &a->addr))
			flows_forget(mn, &a->addr);
		if (!a->permanent)
			rtnl_addr_del(mn->rtnl, i->ifindex, &a->addr,
				      a->prefix_len);
	}
	flows_hoas_changed(mn);
	flows_scan(mn, now);
	if (!err)
		reset_nonpersistent(mn, uses, n);
}

/* RFC 6275 11.5.5: no DAD, the HA defends the address until it has our BU. */
static void come_home(struct mn *mn, struct mn_iface *i, struct bul_entry *e,
		      const struct nd_prefix *p, mtime now)
{
	struct in6_addr coa = e->hoa;
	/* a lifetime that ends is what tells it from somebody's own address */
	uint32_t valid = p->valid == UINT32_MAX ? UINT32_MAX / 2 : p->valid;
	uint32_t preferred = p->preferred < valid ? p->preferred : valid;

	/* and for those alone who ask for it; the kernel has no RA renew what
	 * it did not make itself of one */
	if (hoa_of(e)->fixed || hoa_of(e)->assigned) {
		valid = UINT32_MAX / 2;
		preferred = 0;
	}
	timers_del(&mn->loop.timers, &hoa_of(e)->graceful);
	hoa_of(e)->graceful_over = false;

	complain(rtnl_addr_set(mn->rtnl, i->ifindex, &coa, p->len, IFA_F_NODAD,
			       valid, preferred), "address at home", e);
	if (i->at.ra.has_slla && attach_on_link(&i->at, &e->ha))
		rtnl_neigh_set(mn->rtnl, i->ifindex, &e->ha, i->at.ra.slla,
			       NUD_REACHABLE, true);
	hoa_of(e)->at_home = true;
	bul_set_coa(e, &coa, i->ifindex);
	bul_event(e, BUL_EV_HOME, now);
}

static void go_away(struct mn_iface *i, struct bul_entry *e, mtime now)
{
	bool same = e->ifindex == i->ifindex &&
		    ip6_addr_eq(&e->coa, &i->at.coa);

	/* taken over from before a restart, it may wait for IKE: as it is,
	 * the tunnel works */
	if (same && (e->state == BUL_BOUND || e->state == BUL_REFRESHING)) {
		bul_event(e, BUL_EV_REFRESH, now);
		return;
	}
	bul_set_coa(e, &i->at.coa, i->ifindex);
	bul_event(e, BUL_EV_AWAY, now);
}

static bool is_home(struct mn *mn, struct mn_iface *i,
		    const struct bul_entry *e)
{
	return attach_prefix(&i->at, &e->hoa) &&
	       anchors_names(&mn->anchors, &e->hoa, &e->ha);
}

/*
 * Those at home first. The care-of address of the others may be one of them:
 * until its home agent has let go of it, what is sent there goes astray
 * (RFC 6275 11.5.5), so the others wait for that: op_gone() comes back here.
 */
void hoa_attached(struct mn *mn, struct mn_iface *i)
{
	struct bul_entry *e, *next;
	mtime now = loop_now();

	for (e = mn->bul.entries; e; e = next) {
		next = e->next;
		if (is_home(mn, i, e) && e->state != BUL_RETURNING)
			come_home(mn, i, e, attach_prefix(&i->at, &e->hoa),
				  now);
	}
	e = bul_find(&mn->bul, &i->at.coa);
	if (e && e->state == BUL_RETURNING)
		return;
	for (e = mn->bul.entries; e; e = next) {
		next = e->next;
		if (!is_home(mn, i, e) &&
		    (IN6_IS_ADDR_UNSPECIFIED(&e->coa) ||
		     e->ifindex == i->ifindex))
			go_away(i, e, now);
	}
	hoa_fixed_check(mn);
}

/* ---- fixed and assigned ones */

/* One that has never been away, or was lost: as if it had just gone. */
static struct hoa *put_away(struct mn *mn, const struct in6_addr *hoa,
			    const struct in6_addr *ha, bool assigned)
{
	mtime now = loop_now();
	struct hoa *h = hoa_new(mn, hoa, ha, last_seq(mn, hoa), now);
	struct mn_iface *i = mn_attached(mn);

	if (!h) {
		abandon(mn, hoa, "out of memory");
		return NULL;
	}
	h->assigned = assigned;
	complain(put_on_tun(mn, hoa), "address on kedge0", h->e);
	bul_event(h->e, BUL_EV_LOST, now);
	mn_addr_sync(mn, hoa);
	if (i)
		go_away(i, h->e, now);
	keying_soon(mn);
	return h;
}

static struct mn_iface *home_link(struct mn *mn,
				  const struct mn_conf_fixed *f)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		if (mn->ifaces[k].at.state == ATTACH_ATTACHED &&
		    attach_prefix(&mn->ifaces[k].at, &f->hoa) &&
		    anchors_names(&mn->anchors, &f->hoa, &f->ha))
			return &mn->ifaces[k];
	return NULL;
}

/*
 * On its link, where no binding says that it is ours: with DAD. That fails where
 * a home agent still defends it for a binding that we have forgotten
 * (RFC 6275 10.4.1): once more, until the binding's lifetime is over.
 */
static void settle_at_home(struct mn *mn, struct mn_iface *i,
			   const struct mn_conf_fixed *f)
{
	int err;

	fixed_check_in(mn, FIXED_RETRY);
	rtnl_addr_del(mn->rtnl, i->ifindex, &f->hoa, f->prefix.len);
	err = rtnl_addr_set(mn->rtnl, i->ifindex, &f->hoa, f->prefix.len, 0,
			    UINT32_MAX / 2, 0);
	if (err)
		log_err("HoA %s, HA %s: address at home: %s",
			ip6_str(&f->hoa), ip6_str(&f->ha), strerror(-err));
}

/* Usable; or somebody's own, and none of our business. */
static bool is_settled(const struct mn_iface *i, const struct in6_addr *addr)
{
	const struct attach_addr *a;

	for (a = i->at.addrs; a < i->at.addrs + i->at.n_addrs; a++)
		if (ip6_addr_eq(&a->addr, addr))
			return a->usable || a->permanent;
	return false;
}

/* As the configuration has it now: one that is fixed no more, or by another home
 * agent, goes with its flows. */
static void fixed_reconfigure(struct mn *mn)
{
	struct bul_entry *e;
	bool freed = false;

	for (e = mn->bul.entries; e; e = e->next) {
		bool fixed = is_fixed(mn, &e->hoa, &e->ha);

		freed |= hoa_of(e)->fixed && !fixed;
		hoa_of(e)->fixed = fixed;
	}
	flows_hoas_changed(mn);
	if (freed)
		flows_scan(mn, loop_now());
}

void hoa_fixed_lost(struct mn *mn)
{
	fixed_check_in(mn, FIXED_LOST);
}

void hoa_fixed_check(struct mn *mn)
{
	const struct mn_conf_fixed *f;
	struct mn_iface *i;

	fixed_reconfigure(mn);
	for (f = mn->conf.fixed; f && !mn->flushing; f = f->next) {
		i = home_link(mn, f);
		if (bul_find(&mn->bul, &f->hoa) || !mn_attached(mn))
			continue;
		if (!i)
			put_away(mn, &f->hoa, &f->ha, false);
		else if (!is_settled(i, &f->hoa))
			settle_at_home(mn, i, f);
	}
}

void hoa_assigned(struct mn *mn, const struct in6_addr *hoa,
		  const struct in6_addr *ha)
{
	struct hoa *h;

	if (bul_find(&mn->bul, hoa)) {		/* the same one again */
		select_requested(mn, NULL);
		return;
	}
	h = put_away(mn, hoa, ha, true);
	select_requested(mn, h ? NULL : "out of memory");
	if (!h)
		return;
	count(COUNT_HOA_ADOPTED);
	log_info("HoA %s, HA %s: assigned by the remote anchor", ip6_str(hoa),
		 ip6_str(ha));
	mn_event(mn, ctl_ev("assigned", "hoa", ip6_str(hoa), "ha",
			    ip6_str(ha), NULL));
	flows_scan(mn, loop_now());
}

void hoa_assign_failed(struct mn *mn, const struct in6_addr *ha,
		       const char *why)
{
	log_warn("HA %s assigned no home address: %s", ip6_str(ha), why);
	mn_event(mn, ctl_ev("assign_failed", "ha", ip6_str(ha), "why", why,
			    NULL));
	select_requested(mn, why);
}

/* ---- restart, repair, the end */

static void restore(void *arg, const struct in6_addr *hoa,
		    const struct dp_binding *b)
{
	mtime now = loop_now(), expires = {(int64_t)b->expires};
	struct mn *mn = arg;
	struct hoa *h;

	signal_know_ha(mn, &b->remote);
	if (bul_find(&mn->bul, hoa))
		return;
	h = hoa_new(mn, hoa, &b->remote, b->seq, now);
	if (!h)
		return;
	complain(put_on_tun(mn, hoa), "address on kedge0", h->e);
	/* a clock that goes on while we do not: CLOCK_BOOTTIME */
	if (b->created && (int64_t)b->created < now.ns)
		h->e->since.ns = (int64_t)b->created;
	if (b->flags & DP_BINDING_GRACEFUL)
		timers_set(&mn->loop.timers, &h->graceful,
			   mtime_add(h->e->since, mn->policy.grace));
	h->assigned = b->flags & DP_BINDING_ASSIGNED;
	h->up = b->flags & DP_BINDING_UP;
	h->mtu = b->mtu + IP6_HDR_LEN;
	set_rule(h, true);
	if (h->up && mtime_before(now, expires))
		bul_restore(h->e, &b->local, b->ifindex, b->lifetime, expires,
			    now);
	else
		bul_event(h->e, BUL_EV_LOST, now);
	mn_addr_sync(mn, hoa);
	count(COUNT_BINDING_RESTORED);
	log_info("HoA %s, HA %s: taken over, %s", ip6_str(hoa),
		 ip6_str(&b->remote), bul_state_str(h->e->state));
}

struct found {
	size_t n;
	struct in6_addr hoa[MN_BINDINGS_MAX];
	struct dp_binding b[MN_BINDINGS_MAX];
};

static void collect(void *arg, const struct in6_addr *hoa,
		    const struct dp_binding *b)
{
	struct found *f = arg;

	if (f->n == MN_BINDINGS_MAX)
		return;
	f->hoa[f->n] = *hoa;
	f->b[f->n++] = *b;
}

void hoa_restore_all(struct mn *mn)
{
	struct found *f = calloc(1, sizeof(*f));
	size_t i;

	if (!f)
		return;
	dp_binding_each(mn->dp, collect, f);
	for (i = 0; i < f->n; i++)
		restore(mn, &f->hoa[i], &f->b[i]);
	free(f);
	flows_scan_soon(mn);
}

void hoa_repair(struct mn *mn, const struct in6_addr *addr)
{
	struct bul_entry *e = bul_find(&mn->bul, addr);

	if (!e)
		return;
	log_warn("HoA %s was taken off kedge0 by somebody: put back",
		 ip6_str(addr));
	complain(put_on_tun(mn, addr), "address on kedge0", e);
}

void hoa_flush_all(struct mn *mn)
{
	struct bul_entry *e, *next;

	for (e = mn->bul.entries; e; e = next) {
		next = e->next;
		bul_event(e, BUL_EV_IDLE, loop_now());
	}
}

void hoa_free_all(struct mn *mn)
{
	while (mn->bul.entries)
		hoa_free(hoa_of(mn->bul.entries));
}
