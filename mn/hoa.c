/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Home addresses that are away: what is done at each turn of one's binding, and
 * how one goes (its last flow ended: flows.c, its home agent refused it, or it
 * is at home again). How one comes is adopt.c's.
 */
#include <stdlib.h>

#include "core/count.h"
#include "core/figure.h"
#include "core/log.h"
#include "mn/mn.h"

/* ---- its binding's turns */

/* RFC 7333 REQ6 (b): since *at, which is over. */
static void measure(enum duration which, mtime *at)
{
	if (at->ns)
		figure_took(which, mtime_sub(loop_now(), *at));
	at->ns = 0;
}

static void go_up(struct mn *mn, struct hoa *h)
{
	bool was = h->up;
	struct json_object *ev;

	h->up = true;
	hoa_path_changed(h);
	slow_drain(mn, h);
	hoa_write(h);
	/* what came between the two: at once, or more overtakes it */
	slow_drain(mn, h);
	measure(DURATION_HANDOVER, &h->lost_at);
	if (was || h->way.home)
		return;
	ev = ctl_ev("tunnel_up", "hoa", ip6_str(&h->e->hoa), "ha",
		    ip6_str(&h->e->ha), "coa", ip6_str(&h->e->coa), NULL);
	mn_event(mn, ev);
}

/* The binding before the rule where packets are to leave kedge0. */
void hoa_follow(struct hoa *h)
{
	if (!h->way.home)
		hoa_set_rule(h, true);
	go_up(h->mn, h);
	if (h->way.home)
		hoa_set_rule(h, false);
}

static void hold(struct mn *mn, struct hoa *h)
{
	struct bul_entry *e = h->e;

	/* natively they need nobody's leave */
	if (h->way.home)
		return;
	h->up = false;
	h->way.coa = e->coa;
	h->way.ifindex = e->ifindex;
	beat_moved(mn);
	hoa_write(h);
	hoa_set_rule(h, true);
}

static void op_tunnel(void *arg, struct bul_entry *e, enum bul_tunnel what)
{
	struct hoa *h = hoa_of(e);
	struct mn *mn = arg;

	select_soon(mn);
	switch (what) {
	case BUL_TUNNEL_HOLD:
		hold(mn, h);
		break;
	case BUL_TUNNEL_UP:
		paths_up(h);
		hoa_follow(h);
		break;
	case BUL_TUNNEL_OFF:
		h->up = h->way.home = false;
		h->way.coa = e->coa;
		h->way.ifindex = e->ifindex;
		/* still in the map: a bound HoA must do no DAD at home
		 * (RFC 6275 11.5.5), which BPF sees to */
		hoa_write(h);
		hoa_set_rule(h, false);
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
	beat_soon(mn);
	move_settled(mn);
	prefix_state(hoa_of(e));
	paths_asks(hoa_of(e));
	log_info("HoA %s, HA %s, CoA %s: %s -> %s", ip6_str(&e->hoa),
		 ip6_str(&e->ha), ip6_str(&e->coa), bul_state_str(old),
		 bul_state_str(e->state));
	mn_event(mn, ctl_ev("binding", "hoa", ip6_str(&e->hoa), "state",
			    bul_state_str(e->state), "old",
			    bul_state_str(old), NULL));
	/* without several ways, those are over */
	if (hoa_of(e)->paths && (e->state == BUL_BOUND ||
				 e->state == BUL_DETACHED))
		paths_tell(hoa_of(e)->paths);
	if (e->state != BUL_BOUND)
		return;
	if (old != BUL_NEW) {	/* not taken over from before a restart */
		figure_took(DURATION_REGISTRATION,
			    mtime_sub(loop_now(), e->sent_at));
		measure(DURATION_REACTIVITY, &hoa_of(e)->moved_at);
	}
	count(old == BUL_REFRESHING ? COUNT_BINDING_REFRESHED :
				      COUNT_BINDING_CREATED);
	flows_refreshed(mn);
}

/* ---- going */

static void hoa_free(struct hoa *h)
{
	struct mn *mn = h->mn;

	paths_free(h);
	slow_drop(h);
	mpd_fini(&h->mpd);
	timers_del(&mn->loop.timers, &h->grace);
	timers_del(&mn->loop.timers, &h->graceful);
	home_forget(h);
	bul_del(h->e);
	free(h);
	beat_soon(mn);
	slow_hoas_changed(mn);
	flows_hoas_changed(mn);
}

static const char UNSUPPORTED[] = "HA does not know Mobile IPv6";

static void tell_lost(struct mn *mn, const struct bul_entry *e,
		      const char *why)
{
	count(COUNT_HOA_ABANDONED);
	log_warn("HoA %s, HA %s: %s (last status %u)",
		 ip6_str(&e->hoa), ip6_str(&e->ha), why, e->last_status);
	mn_event(mn, ctl_ev("abandoned", "hoa", ip6_str(&e->hoa), "why", why,
			    NULL));
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
		tell_lost(mn, e, mh_status_str(e->last_status));
		break;
	case BUL_END_UNSUPPORTED:
		tell_lost(mn, e, UNSUPPORTED);
		break;
	}
}

struct gone *hoa_gone(struct mn *mn, const struct in6_addr *hoa)
{
	struct gone *g;

	for (g = mn->gone; g < mn->gone + MN_GONE_MAX; g++)
		if (ip6_addr_eq(&g->hoa, hoa))
			return g;
	return NULL;
}

/* Its home agent would not have it, or cannot. */
static bool was_refused(const struct bul_entry *e)
{
	return e->state == BUL_GONE && (e->end == BUL_END_REFUSED ||
					e->end == BUL_END_UNSUPPORTED);
}

static void remember(struct mn *mn, const struct bul_entry *e)
{
	struct gone *g = hoa_gone(mn, &e->hoa);

	if (!g)
		g = &mn->gone[mn->gone_next++ % MN_GONE_MAX];
	*g = (struct gone){.hoa = e->hoa, .seq = e->seq, .ha = e->ha};
	if (!was_refused(e))
		return;
	g->refused_at = loop_now();
	/* RFC 6275 11.7.1: another node has it, it MUST NOT be tried again */
	g->taken = e->end == BUL_END_REFUSED &&
		   e->last_status == MH_STATUS_DAD_FAILED;
}

void hoa_unbar(struct mn *mn)
{
	struct gone *g;

	bul_lacks_forget(&mn->bul);
	for (g = mn->gone; g < mn->gone + MN_GONE_MAX; g++) {
		g->refused_at = (mtime){0};
		g->taken = false;
	}
}

/* Nothing of it is left at work. */
static void erase(struct hoa *h)
{
	struct in6_addr hoa = h->e->hoa;
	struct mn *mn = h->mn;

	count(COUNT_BINDING_DELETED);
	remember(mn, h->e);
	hoa_set_rule(h, false);
	dp_binding_del(mn->dp, &hoa);
	paths_end(h);
	hoa_free(h);
	paths_dp_active(mn);
	rtnl_addr_del(mn->rtnl, mn->tun_ifindex, &hoa, 128);
	mn_addr_sync(mn, &hoa);
	keying_soon(mn);
	if (hoa_fixed_conf(mn, &hoa))
		hoa_fixed_retry(mn);
	if (mn->flushing && !mn->bul.entries)
		timers_set(&mn->loop.timers, &mn->flush, loop_now());
}

void hoa_flows_lost(struct mn *mn, const struct in6_addr *addr,
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
	hoa_flows_lost(mn, &e->hoa, why);
	erase(hoa_of(e));
}

/* Does another one anchor it, which may do better? */
static bool has_stand_in(struct mn *mn, const struct bul_entry *e)
{
	const struct anchor *a = anchors_find(&mn->anchors, &e->hoa, NULL,
					      loop_now());

	return a && !ip6_addr_eq(&a->ha, &e->ha) &&
	       anchors_works(&mn->anchors, a, loop_now());
}

/* RFC 6275 11.4.1: a fixed one goes on to the next home agent, and its flows
 * with it; find_agent() sees to that. */
static void refused(struct mn *mn, struct bul_entry *e)
{
	anchors_fail(&mn->anchors, &e->hoa, &e->ha,
		     e->end == BUL_END_UNSUPPORTED ? UNSUPPORTED :
		     mh_status_str(e->last_status), loop_now());
	if (!hoa_of(e)->way.home &&
	    (!hoa_of(e)->fixed || !hoa_may_turn(mn, &e->hoa) ||
	     !has_stand_in(mn, e)))
		flows_lost(mn, &e->hoa);
}

/* For its flows nothing happens: address, rule, counts and what waits on kedge0
 * are as they were. */
void hoa_turn(struct mn *mn, struct bul_entry *e, const struct in6_addr *ha)
{
	struct mn_iface *i = mn_iface(mn, e->ifindex);
	bool there = i && i->at.state == ATTACH_ATTACHED &&
		     !IN6_IS_ADDR_UNSPECIFIED(&e->coa);

	count(COUNT_HA_CHANGED);
	log_warn("HoA %s: HA %s instead of %s", ip6_str(&e->hoa), ip6_str(ha),
		 ip6_str(&e->ha));
	mn_event(mn, ctl_ev("ha_changed", "hoa", ip6_str(&e->hoa), "ha",
			    ip6_str(ha), "old", ip6_str(&e->ha), NULL));
	bul_set_ha(e, ha);
	signal_know_ha(mn, ha);
	bul_event(e, BUL_EV_LOST, loop_now());
	if (there)
		hoa_go_away(i, e, loop_now());
	beat_soon(mn);
	keying_soon(mn);
}

/* The one before has let go of it. */
static void go_over(struct hoa *h)
{
	struct in6_addr ha = h->next_ha;

	h->leaving = h->parting = false;
	h->rehomed = true;
	hoa_turn(h->mn, h->e, &ha);
	flows_scan_soon(h->mn);
}

static void op_gone(void *arg, struct bul_entry *e, enum bul_end end)
{
	struct hoa *h = hoa_of(e);
	struct mn *mn = arg;
	struct mn_iface *i = mn_iface(mn, e->ifindex);
	bool leaving = end == BUL_END_RELEASED && h->leaving && !mn->flushing;

	if (leaving && !h->lost_why) {
		go_over(h);
		return;
	}
	if (!leaving)
		tell_end(mn, e, end);
	if (e->held_until.ns)
		figure_took(DURATION_SESSION, mtime_sub(loop_now(), e->since));
	if (leaving) {
		hoa_abandon(mn, e, h->lost_why);
		return;
	}
	if (end == BUL_END_HOME) {
		measure(DURATION_HANDOVER, &h->lost_at);
		measure(DURATION_REACTIVITY, &h->moved_at);
	}
	if (was_refused(e))
		refused(mn, e);
	if (end == BUL_END_RELEASED && !h->way.home)
		flows_forget(mn, &e->hoa);
	/* one that has another home agent now comes again, from that */
	if (end == BUL_END_RELEASED && hoa_fixed_conf(mn, &e->hoa))
		hoa_fixed_soon(mn);
	if (end == BUL_END_HOME && i && h->at_home) {
		slow_drain_home(mn, h);
		if (!h->unbound) {
			signal_announce(mn, i, &e->hoa);
			signal_announce(mn, i, &i->link_local);
		}
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
	.multi = paths_multi,
	.gone = op_gone,
};

void hoa_go_away(struct mn_iface *i, struct bul_entry *e, mtime now)
{
	bool same = e->ifindex == i->ifindex &&
		    ip6_addr_eq(&e->coa, &i->at.coa);

	/* taken over from before a restart, it may wait for IKE: as it is,
	 * the tunnel works */
	if (same && (e->state == BUL_BOUND || e->state == BUL_REFRESHING)) {
		bul_event(e, BUL_EV_REFRESH, now);
		return;
	}
	hoa_of(e)->moved_at = now;
	paths_keep(hoa_of(e));
	bul_set_coa(e, &i->at.coa, i->ifindex);
	e->coa_valid = attach_valid_until(&i->at, &e->coa);
	bul_event(e, BUL_EV_AWAY, now);
}

void hoa_coa_changed(struct mn *mn, const struct mn_iface *i,
		     const struct attach_addr *addr)
{
	struct bul_entry *e;

	for (e = mn->bul.entries; e; e = e->next)
		if (e->ifindex == i->ifindex &&
		    ip6_addr_eq(&e->coa, &addr->addr))
			e->coa_valid = addr->valid_until;
}

/* ---- to another home agent */

void hoa_rehome(struct bul_entry *e, const struct in6_addr *to,
		const char *why)
{
	struct hoa *h = hoa_of(e);

	h->leaving = true;
	h->lost_why = to ? NULL : why;
	if (to)
		h->next_ha = *to;
	bul_event(e, BUL_EV_IDLE, loop_now());
}

/* Away, or without a network: else it is about to go. */
bool hoa_is_movable(const struct bul_entry *e)
{
	const struct hoa *h = e->priv;

	switch (e->state) {
	case BUL_DETACHED:
	case BUL_REGISTERING:
	case BUL_BOUND:
	case BUL_REFRESHING:
		return !h->at_home;
	case BUL_NEW:
	case BUL_RETURNING:
	case BUL_RELEASING:
	case BUL_GONE:
		return false;
	}
	return false;
}

/* ---- the end */

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
