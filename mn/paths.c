/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/paths.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mn/pathplan.h"
#include "mn/pathsint.h"

/* A move that no home agent acknowledges is taken back: after four Binding
 * Updates (RFC 6275 11.8), or two by what led nowhere before. It may be that
 * they get there, so that packets come by it, and acknowledgements do not. */
static const mtime DOUBT = {9000000000};
static const mtime DOUBT_AGAIN = {3000000000};

bool paths_usable(struct mn *mn, uint32_t ifindex)
{
	const struct mn_iface *i = mn_iface(mn, ifindex);

	return i && iface_usable(i);
}

/* Two interfaces may be on it: RFC 5648 5.6.3, only one home binding. */
struct mn_iface *paths_home(const struct hoa *h)
{
	struct mn *mn = h->mn;
	struct mn_iface *i, *found = NULL;
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++) {
		i = &mn->ifaces[k];
		if (!iface_usable(i) || !mn_at_home(mn, i, h->e))
			continue;
		if (!found || (h->paths &&
			       h->paths->want.ifindex == i->ifindex))
			found = i;
	}
	return found;
}

/* Only where there is another one, which packets take. */
bool paths_doubts(const struct hoa *h, uint32_t ifindex)
{
	return h->way.ifindex != ifindex &&
	       move_iface_barred(h->mn, &h->e->hoa, ifindex) &&
	       paths_usable(h->mn, h->way.ifindex);
}

/* Is it to have one care-of address? Its home agent takes no more, or does not
 * for now. */
static bool is_alone(struct mn *mn, const struct in6_addr *hoa,
		     const struct in6_addr *ha)
{
	return (bul_lacks(&mn->bul, ha) & MULTI_LACKS_ALL) ||
	       move_several_barred(mn, hoa);
}

bool paths_on_trial(const struct hoa *h, uint32_t ifindex)
{
	const struct bul_entry *e = h->e;

	return ifindex == h->paths->want.ifindex && h->way.ifindex != ifindex &&
	       e->bound && h->mn->conf.heartbeat.ns &&
	       move_iface_unheard(h->mn, &e->hoa, ifindex) &&
	       !is_alone(h->mn, &e->hoa, &e->ha) &&
	       paths_usable(h->mn, h->way.ifindex);
}

/* What is wanted, or what comes next to it. */
struct mn_iface *paths_default(const struct hoa *h)
{
	const struct path_want *want = &h->paths->want;
	const struct multi_path *p;
	struct mn *mn = h->mn;

	if (paths_doubts(h, want->ifindex) || paths_on_trial(h, want->ifindex))
		return mn_iface(mn, h->way.ifindex);
	if (paths_usable(mn, want->ifindex))
		return mn_iface(mn, want->ifindex);
	if (paths_usable(mn, want->also))
		return mn_iface(mn, want->also);
	if (paths_home(h))
		return paths_home(h);
	for (p = h->paths->multi.paths; h->e->multi &&
	     p < h->paths->multi.paths + h->paths->multi.n_paths; p++)
		if (p->registered && paths_usable(mn, p->ifindex))
			return mn_iface(mn, p->ifindex);
	return mn_iface_for(mn, h);
}

/* ---- the data plane's default */

static void take_way(struct hoa *h, const struct multi_path *p)
{
	bool was_home = h->way.home;
	struct mn_iface *i = mn_iface(h->mn, p->ifindex);

	h->way.home = p->home;
	h->way.ifindex = p->ifindex;
	h->way.coa = p->home ? h->e->coa : p->coa;
	/* RFC 5648 5.6.4: not before the BA; kedge_mn_out has to know of it */
	if (p->home && !was_home && i) {
		if (h->up)
			hoa_write(h);
		home_appear(h->mn, i, h->e);
	}
}

void paths_up(struct hoa *h)
{
	const struct multi_path *p = h->e->multi ? multi_default(h->e->multi) :
						   NULL;

	if (p)
		take_way(h, p);
	else
		h->way = (struct hoa_way){.coa = h->e->coa,
					  .ifindex = h->e->ifindex};
	if (!h->paths)
		return;
	paths_dp_flows(h->paths);
	/* what paths_keep() kept goes, in a moment */
	if (h->e->state == BUL_BOUND && !h->e->multi && h->paths->n_coas)
		timers_set(&h->mn->loop.timers, &h->paths->timer, loop_now());
}

/* Where a path to the home link is one of several, and kedge0 is the default:
 * what BPF sends on that link finds its way by that link's own table. */
static void sync_home_rule(struct paths *p)
{
	const struct mn_iface *home = p->h->e->multi ? paths_home(p->h) : NULL;
	struct rtnl_rule rule = hoa_rule(p->h);

	rule.priority--;
	if (p->home_rule && !(home && !strcmp(home->name, p->home_link))) {
		rule.oif = p->home_link;
		rule.table = p->home_table;
		rtnl_rule_del(p->h->mn->rtnl, &rule);
		p->home_rule = false;
	}
	if (!home || p->home_rule)
		return;
	p->home_rule = true;
	p->home_table = iface_table(home);
	memcpy(p->home_link, home->name, sizeof(p->home_link));
	rule.oif = p->home_link;
	rule.table = p->home_table;
	rtnl_rule_add(p->h->mn->rtnl, &rule);
}

static mtime sooner(mtime a, mtime b)
{
	return !a.ns || (b.ns && mtime_before(b, a)) ? b : a;
}

/* The maps, then the binding that leads there, then the timer for what goes. */
void paths_sync(struct paths *p)
{
	mtime next;

	paths_dp_prepare(p, PATHS_KEEP);
	paths_dp_flows(p);
	next = paths_dp_sweep(p, loop_now());
	sync_home_rule(p);
	hoa_write(p->h);
	paths_probe_plan(p);
	paths_dp_active(p->h->mn);
	next = sooner(next, p->settle_at);
	next = sooner(next, p->doubt_at);
	next = sooner(next, p->probe_at);
	next = sooner(next, p->back_until);
	if (p->judge)
		next = loop_now();
	if (next.ns)
		timers_set(&p->h->mn->loop.timers, &p->timer, next);
	else
		timers_del(&p->h->mn->loop.timers, &p->timer);
}

/* ---- Binding Updates */

/* All of it is at home again: RFC 6275 11.5.5, which ends all that there is at
 * the home agent (RFC 5648 5.5.1). h may be gone afterwards. */
static void go_home(struct hoa *h, struct mn_iface *i)
{
	mtime now = loop_now();

	if (h->way.home && !bul_may_hold(h->e, now))
		bul_event(h->e, BUL_EV_HOME, now);	/* it never left */
	else
		home_come(h->mn, i, h->e, now);
}

/* Of what the home agent refused as a whole nothing is there: the plain binding
 * is, as before. */
static bool stands(const struct hoa *h, const struct path_plan *plan)
{
	return h->e->bound && !h->way.home && !multi_default(h->e->multi) &&
	       ip6_addr_eq(&h->way.coa, &plan->paths[0].coa);
}

/* One way is left: RFC 5648 6.2, a plain BU replaces all. */
static void go_plain(struct hoa *h, struct mn_iface *i,
		     const struct path_plan *plan)
{
	struct bul_entry *e = h->e;
	bool refused = e->multi && e->multi->refused, there;

	if (!e->multi) {
		if (e->ifindex != i->ifindex ||
		    !ip6_addr_eq(&e->coa, &i->at.coa))
			hoa_go_away(i, e, loop_now());
		return;
	}
	there = refused && stands(h, plan);
	e->multi = NULL;
	bul_set_coa(e, &plan->paths[0].coa, i->ifindex);
	e->coa_valid = plan->valid;
	if (!refused) {
		h->way = (struct hoa_way){.coa = e->coa,
					  .ifindex = e->ifindex};
		hoa_follow(h);
	}
	paths_sync(h->paths);
	if (!there)
		bul_event(e, BUL_EV_WAYS, loop_now());
}

/* RFC 6275 11.7.1: a BU comes from a care-of address; one of the home link's
 * would have none. */
static const struct multi_path *sender_of(const struct path_plan *plan)
{
	unsigned int k;

	for (k = 0; k < plan->n_paths; k++)
		if (!plan->paths[k].home)
			return &plan->paths[k];
	return NULL;
}

/* From a new one that flows are to take, it shows that they get somewhere: the
 * acknowledgement comes by it as well (RFC 6275 9.5.4). */
static const struct multi_path *prover_of(const struct path_plan *plan)
{
	const struct multi *m = plan->h->e->multi;
	const struct multi_path *p, *was;

	if (!plan->h->e->bound || !paths_usable(plan->h->mn,
						plan->h->way.ifindex))
		return NULL;
	for (p = plan->paths + 1; p < plan->paths + plan->n_paths; p++) {
		was = m ? multi_path(m, p->bid) : NULL;
		if (!p->home && p->ifindex != plan->h->way.ifindex &&
		    !(was && was->registered &&
		      ip6_addr_eq(&was->coa, &p->coa)))
			return p;
	}
	return NULL;
}

/* What packets take now is to be refreshed in time, if this is not heard. */
void paths_doubt(struct paths *p, uint32_t from, mtime limit)
{
	const struct hoa *h = p->h;
	mtime now = loop_now(), left = mtime_sub(h->e->expires, now);

	p->doubt_at = (mtime){0};
	if (h->way.ifindex == from || !paths_usable(h->mn, h->way.ifindex) ||
	    (!h->e->bound && !h->way.home))
		return;
	left.ns /= 2;
	p->doubt_for = h->e->bound && mtime_before(left, limit) ? left : limit;
	p->doubt_at = mtime_add(now, p->doubt_for);
}

void paths_asks(struct hoa *h)
{
	const struct bul_entry *e = h->e;
	struct paths *p = h->paths;

	if (!p || !e->multi || p->doubt_at.ns ||
	    (e->state != BUL_REFRESHING && e->state != BUL_REGISTERING))
		return;
	paths_doubt(p, e->ifindex, DOUBT);
	if (p->doubt_at.ns && (!timer_armed(&p->timer) ||
			       mtime_before(p->doubt_at, p->timer.at)))
		timers_set(&h->mn->loop.timers, &p->timer, p->doubt_at);
}

static bool led_nowhere(const struct hoa *h, const struct multi_path *p)
{
	return move_iface_unheard(h->mn, &h->e->hoa, p->ifindex);
}

static void go_several(struct hoa *h, const struct path_plan *plan, bool hurry)
{
	const struct multi_path *sender = sender_of(plan);
	const struct multi_path *prover = hurry ? NULL : prover_of(plan);
	const struct multi_path *from = sender;
	struct paths *p = h->paths;
	struct bul_entry *e = h->e;
	bool due;

	if (!sender)
		return;
	/* one that takes no several would take that one for all */
	if (prover && bul_takes_several(&h->mn->bul, &e->ha))
		from = prover;
	if (!e->multi)
		multi_init(&p->multi);
	p->multi.has_mac = plan->home;
	if (plan->home)
		memcpy(p->multi.mac, plan->home->mac, sizeof(p->multi.mac));
	p->multi.lacks = bul_lacks(&h->mn->bul, &e->ha);
	due = multi_want(&p->multi, plan->paths, plan->n_paths, plan->flows,
			 plan->n_flows);
	due |= !e->multi;
	e->multi = &p->multi;
	if (due) {
		bul_set_coa(e, &from->coa, from->ifindex);
		e->coa_valid = plan->valid;
		p->settle_at = (mtime){0};
		paths_doubt(p, from->ifindex, from == sender &&
			    led_nowhere(h, from) ? DOUBT_AGAIN : DOUBT);
		p->sender = *sender;
		p->proving = from != sender;
		p->unproved = prover && prover != from;
	}
	paths_sync(p);
	if (due)
		bul_event(e, BUL_EV_WAYS, loop_now());
}

static bool may_apply(const struct bul_entry *e)
{
	switch (e->state) {
	case BUL_NEW:
	case BUL_REGISTERING:
	case BUL_BOUND:
	case BUL_REFRESHING:
		return !home_asks(e->priv);
	case BUL_DETACHED:
	case BUL_RETURNING:
	case BUL_RELEASING:
	case BUL_GONE:
		return false;
	}
	return false;
}

/*
 * Makes it so. settle: what was before, and is wanted no more, goes. h may be
 * gone afterwards.
 */
void paths_apply(struct hoa *h, bool settle, unsigned int leaves)
{
	struct path_plan plan = {.h = h};
	bool alone = is_alone(h->mn, &h->e->hoa, &h->e->ha);
	struct mn_iface *first, *home = paths_home(h);

	first = paths_default(h);
	if (!first || !may_apply(h->e) || h->paths->back_until.ns)
		return;
	bul_set_patience(h->e, h->e->bound ? leaves : PATHS_LOST);
	/* all of it is where it is at home, or there is no home link */
	if (home && (alone || (bul_lacks(&h->mn->bul, &h->e->ha) &
			       MULTI_LACKS_HOME))) {
		go_home(h, home);
		return;
	}
	plan.home = home;
	path_plan_make(&plan, first, settle || alone);
	if (plan.n_paths == 1 && first == home)
		go_home(h, home);
	else if (plan.n_paths == 1 || alone)
		go_plain(h, first, &plan);
	else
		go_several(h, &plan, leaves == PATHS_LOST);
}

/* ---- what is wanted */

struct paths *paths_get(struct hoa *h)
{
	struct paths *p = h->paths ? h->paths : calloc(1, sizeof(*p));

	if (!p || h->paths)
		return p;
	p->h = h;
	p->timer.fn = paths_on_timer;
	multi_init(&p->multi);
	h->paths = p;
	return p;
}

/* RFC 6275 11.5.4: until the home agent has the Binding Update, and for what is
 * under way then. */
void paths_keep(struct hoa *h)
{
	const struct bul_entry *e = h->e;
	const struct multi_path former = {.coa = e->coa,
					  .ifindex = e->ifindex};
	const struct mn_iface *i = mn_iface(h->mn, e->ifindex);

	if (e->bound && i && attach_on_link(&i->at, &e->coa) && paths_get(h))
		paths_dp_former(h->paths, &former, PATHS_KEEP);
}

void paths_end(struct hoa *h)
{
	if (!h->paths)
		return;
	h->e->multi = NULL;
	paths_tell(h->paths);
	sync_home_rule(h->paths);
	paths_dp_clear(h->paths);
}

void paths_free(struct hoa *h)
{
	struct paths *p = h->paths;

	if (!p)
		return;
	h->e->multi = NULL;
	timers_del(&h->mn->loop.timers, &p->timer);
	h->paths = NULL;
	free(p);
}

/* The interface that has it as its own. */
static const struct mn_iface *holder_of(struct mn *mn,
					const struct in6_addr *hoa)
{
	const struct attach_addr *a;
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++) {
		const struct mn_iface *i = &mn->ifaces[k];

		for (a = i->at.addrs; a < i->at.addrs + i->at.n_addrs; a++)
			if (a->usable && ip6_addr_eq(&a->addr, hoa))
				return i;
	}
	return NULL;
}

static bool all_by(const struct path_want *want, uint32_t ifindex)
{
	unsigned int k;

	if (want->ifindex != ifindex ||
	    (want->also && want->also != ifindex))
		return false;
	for (k = 0; k < want->n_flows; k++)
		if (want->flows[k].ifindex != ifindex)
			return false;
	return true;
}

static bool all_usable(struct mn *mn, const struct path_want *want)
{
	unsigned int k;

	if (!paths_usable(mn, want->ifindex) ||
	    (want->also && !paths_usable(mn, want->also)))
		return false;
	for (k = 0; k < want->n_flows; k++)
		if (!paths_usable(mn, want->flows[k].ifindex))
			return false;
	return true;
}

/* Is there one besides home, of those that are wanted, that may lead there? */
static bool any_lives(const struct mn *mn, const struct in6_addr *hoa,
		      const struct path_want *want, uint32_t home)
{
	unsigned int k;

	if (want->ifindex != home &&
	    !move_iface_barred(mn, hoa, want->ifindex))
		return true;
	for (k = 0; k < want->n_flows; k++)
		if (want->flows[k].ifindex != home &&
		    !move_iface_barred(mn, hoa, want->flows[k].ifindex))
			return true;
	return want->also && want->also != home &&
	       !move_iface_barred(mn, hoa, want->also);
}

/* It is at home, and part of it is to go elsewhere. */
static int leave_home(struct mn *mn, const struct in6_addr *hoa,
		      const struct path_want *want, struct hoa **out)
{
	const struct mn_iface *i = holder_of(mn, hoa);
	struct in6_addr ha;

	*out = NULL;
	if (!i || !iface_usable(i))
		return -EHOSTDOWN;
	if (all_by(want, i->ifindex))
		return 0;
	if (!hoa_agent(mn, hoa, &ha))
		return -ENOENT;
	if (!signal_has_sas(mn, hoa, &ha))
		return -ENOKEY;
	if (bul_lacks(&mn->bul, &ha) & (MULTI_LACKS_ALL | MULTI_LACKS_HOME))
		return -EOPNOTSUPP;
	if (move_several_barred(mn, hoa))
		return -ECONNREFUSED;
	if (!any_lives(mn, hoa, want, i->ifindex))
		return -EHOSTUNREACH;
	*out = hoa_stay(mn, i, hoa, &ha);
	return *out ? 0 : -ENOMEM;
}

/* What cannot be, of what was wanted. */
static int refusal(const struct hoa *h, const struct path_want *want)
{
	unsigned int lacks = bul_lacks(&h->mn->bul, &h->e->ha);
	const struct mn_iface *home = paths_home(h);

	if (h->e->state == BUL_RETURNING || h->e->state == BUL_RELEASING)
		return -EBUSY;
	if (home && !all_by(want, home->ifindex) &&
	    (lacks & (MULTI_LACKS_ALL | MULTI_LACKS_HOME)))
		return -EOPNOTSUPP;
	if (want->n_flows && (lacks & (MULTI_LACKS_ALL | MULTI_LACKS_FLOWS)))
		return -EOPNOTSUPP;
	return (want->n_flows || (home && !all_by(want, home->ifindex))) &&
	       move_several_barred(h->mn, &h->e->hoa) ? -ECONNREFUSED : 0;
}

int paths_want(struct mn *mn, const struct in6_addr *hoa,
	       const struct path_want *want)
{
	struct bul_entry *e = bul_find(&mn->bul, hoa);
	struct hoa *h = e ? e->priv : NULL;
	int err;

	if (!all_usable(mn, want))
		return -ENETUNREACH;
	if (!h) {
		err = leave_home(mn, hoa, want, &h);
		if (err || !h)
			return err;
	}
	err = refusal(h, want);
	if (err == -EBUSY)
		return err;
	if (!paths_get(h))
		return -ENOMEM;
	h->paths->wanted = true;
	h->paths->want = *want;
	paths_back_over(h->paths);
	paths_apply(h, false, PATHS_MOVE);
	return err;
}

/* Bound by an interface that is there yet: then it can be told to change
 * before anything is lost. */
static bool can_wait(const struct mn_iface *i, const struct bul_entry *e)
{
	const struct mn_iface *old = mn_iface(i->mn, e->ifindex);

	return old && old != i && iface_usable(old) && e->bound &&
	       (e->state == BUL_BOUND || e->state == BUL_REFRESHING) &&
	       ip6_addr_eq(&old->at.coa, &e->coa);
}

bool paths_take(struct mn_iface *i, struct bul_entry *e)
{
	struct hoa *h = e->priv;
	const struct mn_iface *home = paths_home(h);

	if (i->mn->flushing || !may_apply(e) ||
	    is_alone(i->mn, &e->hoa, &e->ha) ||
	    (home && (bul_lacks(&i->mn->bul, &e->ha) & MULTI_LACKS_HOME)))
		return false;
	if (!e->multi && !h->way.home && !can_wait(i, e))
		return false;
	if (!paths_get(h))
		return false;
	if (!h->paths->wanted || !paths_usable(i->mn, h->paths->want.ifindex))
		memset(&h->paths->want, 0, sizeof(h->paths->want));
	/* what move.c wanted before is not what it will want now */
	h->paths->want.ifindex = i->ifindex;
	paths_apply(h, false, PATHS_MOVE);
	return true;
}

/* ---- loss */

static void lose(struct hoa *h)
{
	struct mn_iface *first = paths_default(h);
	const struct multi_path *p = NULL;
	mtime now = loop_now();

	paths_back_over(h->paths);
	if (h->e->multi && first)
		p = multi_path(h->e->multi, path_bid(first));
	if (!paths_usable(h->mn, h->way.ifindex))
		h->lost_at = now;
	if (!first) {
		h->way.home = false;
		h->e->multi = NULL;
		h->paths->settle_at = h->paths->doubt_at = (mtime){0};
		bul_event(h->e, BUL_EV_LOST, now);
		/* flows wait as the others do, not on the way that they had */
		paths_sync(h->paths);
		return;
	}
	/* the home agent takes packets from there already */
	if (p && p->registered) {
		take_way(h, p);
		hoa_follow(h);
	} else if (h->way.home && first != paths_home(h)) {
		h->way.home = false;
	}
	paths_apply(h, true, PATHS_LOST);
}

static bool uses(const struct hoa *h, uint32_t ifindex)
{
	const struct multi_path *p;

	if (h->way.home)
		return h->way.ifindex == ifindex ||
		       h->e->ifindex == ifindex;
	if (!h->e->multi)
		return false;
	p = multi_path_by(h->e->multi, ifindex);
	return p || h->e->ifindex == ifindex;
}

void paths_lost(struct mn *mn, uint32_t ifindex)
{
	struct bul_entry *e, *next;

	for (e = mn->bul.entries; e; e = next) {
		struct hoa *h = e->priv;

		next = e->next;
		if (h->paths && uses(h, ifindex) &&
		    e->state != BUL_RETURNING && e->state != BUL_RELEASING)
			lose(h);
	}
}

/* ---- who asks */

bool paths_unjudged(struct mn *mn, const struct in6_addr *hoa)
{
	const struct bul_entry *e = bul_find(&mn->bul, hoa);
	const struct hoa *h = e ? e->priv : NULL;

	return h && h->paths && h->paths->judge;
}

uint32_t paths_of(struct mn *mn, const struct dp_flow_key *key, uint16_t *fid)
{
	const struct bul_entry *e = bul_find(&mn->bul, &key->hoa);
	const struct hoa *h = e ? e->priv : NULL;
	const struct multi_flow *f = e && e->multi ?
		multi_flow(e->multi, key) : NULL;
	const struct multi_path *p = f && f->at ? multi_path(e->multi, f->at) :
						  NULL;
	const struct mn_iface *i;

	if (fid)
		*fid = p ? f->fid : 0;
	if (p)
		return p->ifindex;
	if (h && h->at_home)
		return e->ifindex;
	if (h)
		return h->way.home || h->up ? h->way.ifindex : 0;
	i = holder_of(mn, &key->hoa);
	return i ? i->ifindex : 0;
}
