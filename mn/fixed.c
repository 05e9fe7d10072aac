/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Home addresses that are kept without a flow: fixed ones, by configuration,
 * with a home agent that is configured or one that is to be found; and those
 * that a remote anchor assigned.
 */
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"

/* A fixed home address that was lost is tried again after this. */
static const mtime FIXED_RETRY = {30000000000};

/* With a home agent that refused it, after this (RFC 6275 11.3.5, 11.7.3). */
static const mtime FIXED_REFUSED = {300000000000};
/* RFC 6275 13, InitialBindackTimeoutFirstReg: 11.4.1 has a mobile node wait so
 * long before it tries the next home agent. */
static const mtime NEXT_AGENT = {1500000000};

/* One that went from its home link is looked after when that has settled. */
static const mtime FIXED_LOST = {2000000000};

const struct mn_conf_fixed *hoa_fixed_conf(const struct mn *mn,
					   const struct in6_addr *hoa)
{
	const struct mn_conf_fixed *f;

	for (f = mn->conf.fixed; f; f = f->next)
		if (ip6_addr_eq(&f->hoa, hoa))
			return f;
	return NULL;
}

bool fixed_has_ha(const struct mn_conf_fixed *f)
{
	return !IN6_IS_ADDR_UNSPECIFIED(&f->ha);
}

bool hoa_may_turn(const struct mn *mn, const struct in6_addr *hoa)
{
	const struct mn_conf_fixed *f = hoa_fixed_conf(mn, hoa);

	return !f || !fixed_has_ha(f);
}

bool hoa_is_fixed(const struct mn *mn, const struct in6_addr *hoa,
		  const struct in6_addr *ha)
{
	const struct mn_conf_fixed *f = hoa_fixed_conf(mn, hoa);

	return f && (!fixed_has_ha(f) || ip6_addr_eq(&f->ha, ha));
}

/* Not later than what is armed already: whoever asks for ever and ever is to
 * get it. */
static void fixed_check_at(struct mn *mn, mtime at)
{
	if (!mn->flushing && (!timer_armed(&mn->fixed) ||
			      mtime_before(at, mn->fixed.at)))
		timers_set(&mn->loop.timers, &mn->fixed, at);
}

static void fixed_check_in(struct mn *mn, mtime wait)
{
	fixed_check_at(mn, mtime_add(loop_now(), wait));
}

void hoa_fixed_retry(struct mn *mn)
{
	fixed_check_in(mn, FIXED_RETRY);
}

void hoa_fixed_soon(struct mn *mn)
{
	fixed_check_in(mn, (mtime){0});
}

static bool is_anchored(const struct mn *mn, const struct mn_conf_fixed *f)
{
	return fixed_has_ha(f) ?
	       anchors_names(&mn->anchors, &f->hoa, &f->ha) :
	       anchors_find(&mn->anchors, &f->hoa, NULL, loop_now()) != NULL;
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

/* Of two on that link, the one that has the address. */
static struct mn_iface *home_link(struct mn *mn,
				  const struct mn_conf_fixed *f)
{
	struct mn_iface *i, *found = NULL;
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++) {
		i = &mn->ifaces[k];
		if (i->at.state != ATTACH_ATTACHED ||
		    !attach_prefix(&i->at, &f->hoa) || !is_anchored(mn, f))
			continue;
		if (!found || is_settled(i, &f->hoa))
			found = i;
	}
	return found;
}

/*
 * On its link, where no binding says that it is ours: with DAD. That fails
 * where a home agent still defends it for a binding that we have forgotten
 * (RFC 6275 10.4.1): once more, until the binding's lifetime is over.
 */
static void settle_at_home(struct mn *mn, struct mn_iface *i,
			   const struct mn_conf_fixed *f)
{
	int err;

	hoa_fixed_retry(mn);
	rtnl_addr_del(mn->rtnl, i->ifindex, &f->hoa, f->prefix.len);
	err = rtnl_addr_set(mn->rtnl, i->ifindex, &f->hoa, f->prefix.len, 0,
			    UINT32_MAX / 2, 0);
	if (err)
		log_err("HoA %s: address at home: %s", ip6_str(&f->hoa),
			strerror(-err));
}

/* As the configuration has it now: one that is fixed no more, or by another
 * home agent, goes with its flows. */
static void fixed_reconfigure(struct mn *mn)
{
	struct bul_entry *e;
	bool freed = false;

	for (e = mn->bul.entries; e; e = e->next) {
		bool fixed = hoa_is_fixed(mn, &e->hoa, &e->ha) ||
			     (hoa_of(e)->rehomed &&
			      hoa_fixed_conf(mn, &e->hoa));

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

/* May hoa be registered with ha now? Who said no is asked again much later,
 * another one soon; and hoa looked after then. */
static bool may_try(struct mn *mn, const struct in6_addr *hoa,
		    const struct in6_addr *ha)
{
	const struct gone *g = hoa_gone(mn, hoa);
	mtime at;

	if (!g || !g->refused_at.ns)
		return true;
	if (g->taken)
		return false;
	at = mtime_add(g->refused_at, ip6_addr_eq(&g->ha, ha) ? FIXED_REFUSED :
								NEXT_AGENT);
	if (!mtime_before(loop_now(), at))
		return true;
	fixed_check_at(mn, at);
	return false;
}

/* A Binding Update that has just gone to the one before may be answered yet. */
static void turn_in_time(struct mn *mn, struct bul_entry *e,
			 const struct in6_addr *ha)
{
	mtime next = mtime_add(e->sent_at, NEXT_AGENT);

	if (e->sends && mtime_before(loop_now(), next))
		fixed_check_at(mn, next);
	else
		hoa_turn(mn, e, ha);
}

/* RFC 5026: one whose home agent is to be found gets the best that is known,
 * and another one where that has failed (RFC 6275 11.4.1). */
static void find_agent(struct mn *mn, const struct mn_conf_fixed *f)
{
	struct bul_entry *e = bul_find(&mn->bul, &f->hoa);
	mtime now = loop_now();
	const struct anchor *a = anchors_find(&mn->anchors, &f->hoa,
					      e ? &e->ha : NULL, now);
	bool works = a && anchors_works(&mn->anchors, a, now);
	struct in6_addr ha = a ? a->ha : in6addr_any;

	if (e && !hoa_is_movable(e))
		return;
	if (!works || !anchors_fresh(a, now))
		discover_want(mn, &f->hoa);
	if (!a)
		return;
	/* it may have failed as well: then it is before the present one */
	if (e && !ip6_addr_eq(&e->ha, &ha) &&
	    !anchors_serves(&mn->anchors, &f->hoa, &e->ha, now))
		turn_in_time(mn, e, &ha);
	else if (!e && may_try(mn, &f->hoa, &ha))
		hoa_put_away(mn, &f->hoa, &ha, false);
}

void hoa_fixed_find(struct mn *mn)
{
	const struct mn_conf_fixed *f;

	for (f = mn->conf.fixed; f && !mn->flushing; f = f->next)
		if (!fixed_has_ha(f) && mn_preferred(mn) && !home_link(mn, f))
			find_agent(mn, f);
}

void hoa_fixed_check(struct mn *mn)
{
	const struct mn_conf_fixed *f;
	struct mn_iface *i;

	fixed_reconfigure(mn);
	for (f = mn->conf.fixed; f && !mn->flushing; f = f->next) {
		i = home_link(mn, f);
		if (bul_find(&mn->bul, &f->hoa) || !mn_preferred(mn))
			continue;
		if (!i && fixed_has_ha(f) && may_try(mn, &f->hoa, &f->ha))
			hoa_put_away(mn, &f->hoa, &f->ha, false);
		else if (i && !is_settled(i, &f->hoa))
			settle_at_home(mn, i, f);
	}
	hoa_fixed_find(mn);
}

void hoa_assigned(struct mn *mn, const struct in6_addr *hoa,
		  const struct in6_addr *ha)
{
	struct hoa *h;

	if (bul_find(&mn->bul, hoa)) {		/* the same one again */
		select_requested(mn, NULL);
		return;
	}
	h = hoa_put_away(mn, hoa, ha, true);
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
