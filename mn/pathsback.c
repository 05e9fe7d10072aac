/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several ways over restarts of the daemon. A binding is refreshed at once, and
 * a Binding Update with one care-of address would end all others (RFC 5648
 * 6.2), and all flow bindings; what is under way to them would be lost. So the
 * first one names what the maps tell of; and until the interfaces of it are
 * there nothing is worked out by those that happened to be found first.
 */
#include <net/if.h>
#include <string.h>

#include "mn/pathplan.h"
#include "mn/pathsint.h"

/* As iface.c waits for the one of a single care-of address. */
static const mtime BACK_WAIT = {3000000000};

struct back {
	struct path_plan plan;
	const struct dp_binding *b;
	bool unclear;
};

static const struct mn_iface *iface_of(const struct mn *mn, uint32_t ifindex)
{
	unsigned int k;

	/* they know their index when the links are read, after this */
	for (k = 0; ifindex && k < mn->conf.n_ifaces; k++)
		if (if_nametoindex(mn->ifaces[k].name) == ifindex)
			return &mn->ifaces[k];
	return NULL;
}

/* Of an interface that is not ours any more, or has another BID by now, or of
 * which there are two: what the home agent has is to be replaced. */
static void add_path(struct back *back, const struct in6_addr *coa,
		     uint32_t ifindex, uint16_t bid, bool home)
{
	struct path_plan *plan = &back->plan;
	const struct mn_iface *i = iface_of(plan->h->mn, ifindex);
	unsigned int k;

	for (k = 0; k < plan->n_paths; k++)
		back->unclear |= plan->paths[k].bid == bid;
	back->unclear |= !i || path_bid(i) != bid ||
			 plan->n_paths == MULTI_PATHS_MAX;
	if (!back->unclear)
		plan->paths[plan->n_paths++] = (struct multi_path){
			.bid = bid, .home = home, .coa = *coa,
			.ifindex = ifindex,
		};
}

static void on_coa(void *arg, const struct dp_coa_key *key,
		   const struct dp_coa *value)
{
	struct back *back = arg;
	struct hoa *h = back->plan.h;
	struct paths *p = h->paths;

	if (!ip6_addr_eq(&key->hoa, &h->e->hoa) ||
	    p->n_coas == PATHS_COAS_MAX)
		return;
	p->coas[p->n_coas++] = (struct path_coa){
		.coa = key->coa, .value = *value,
	};
	if (value->pri)
		add_path(back, &key->coa, value->ifindex, value->bid, false);
}

static void add_home(struct back *back)
{
	const struct hoa *h = back->plan.h;
	const struct mn_iface *i = iface_of(h->mn, back->b->home);

	back->plan.home = i;
	if (back->b->home)
		add_path(back, &h->e->hoa, back->b->home, i ? path_bid(i) : 0,
			 true);
}

static bool is_default(const struct dp_binding *b, const struct multi_path *p)
{
	return b->flags & DP_BINDING_HOME ?
	       p->home && p->ifindex == b->ifindex :
	       !p->home && ip6_addr_eq(&p->coa, &b->local);
}

/* By priority, the default first. */
static void order(struct back *back)
{
	struct multi_path *paths = back->plan.paths, first;
	unsigned int k, n = back->plan.n_paths;

	for (k = 0; k < n && !is_default(back->b, &paths[k]); k++)
		;
	back->unclear |= k == n;
	if (back->unclear)
		return;
	first = paths[k];
	memmove(paths + 1, paths, k * sizeof(*paths));
	paths[0] = first;
	for (k = 0; k < n; k++)
		paths[k].pri = (uint8_t)(k + 1);
}

static uint16_t bid_of(const struct path_plan *plan, const struct dp_path *way)
{
	const struct multi_path *p;

	for (p = plan->paths; p < plan->paths + plan->n_paths; p++)
		if (way->flags & DP_PATH_HOME ? p->home :
		    ip6_addr_eq(&p->coa, &way->local))
			return p->bid;
	return 0;
}

static void on_flow(void *arg, const struct dp_flow_key *key,
		    const struct dp_flow *flow)
{
	struct back *back = arg;
	struct path_plan *plan = &back->plan;
	struct paths *p = plan->h->paths;
	struct multi_flow f = {.key = *key, .fid = flow->fid, .n_bids = 1};

	if (!ip6_addr_eq(&key->hoa, &plan->h->e->hoa) || !flow->n ||
	    !flow->fid || plan->n_flows == PATHS_FLOWS_MAX)
		return;
	f.bids[0] = bid_of(plan, &flow->paths[0]);
	if (!f.bids[0])
		return;
	plan->flows[plan->n_flows++] = f;
	p->flows[p->n_flows++] = *key;
}

/* Where local is not the way's, a Binding Update is sent by that all the same. */
static void find_sender(struct back *back)
{
	const struct path_plan *plan = &back->plan;
	struct bul_entry *e = plan->h->e;
	unsigned int k;

	for (k = 0; k < plan->n_paths; k++)
		if (!plan->paths[k].home &&
		    ip6_addr_eq(&plan->paths[k].coa, &e->coa))
			e->ifindex = plan->paths[k].ifindex;
	back->unclear |= !e->ifindex;
}

static void go_on(struct back *back)
{
	struct path_plan *plan = &back->plan;
	struct hoa *h = plan->h;
	struct paths *p = h->paths;
	unsigned int k;

	dp_flow_each(h->mn->dp, on_flow, back);
	for (k = 0; k < plan->n_paths; k++)
		if (plan->paths[k].home)
			path_plan_tunnels(plan, &plan->paths[k]);
	multi_restore(&p->multi, plan->paths, plan->n_paths, plan->flows,
		      plan->n_flows);
	h->e->multi = &p->multi;
	h->way.home = plan->paths[0].home;
	p->back_until = mtime_add(loop_now(), BACK_WAIT);
	timers_set(&h->mn->loop.timers, &p->timer, p->back_until);
}

void paths_restore(struct hoa *h, const struct dp_binding *b)
{
	struct back back = {.plan.h = h, .b = b};

	if (!(b->flags & DP_BINDING_MULTI) || h->mn->conf.n_ifaces < 2 ||
	    !paths_get(h))
		return;
	dp_coa_each(h->mn->dp, on_coa, &back);
	add_home(&back);
	order(&back);
	find_sender(&back);
	if (!back.unclear && back.plan.n_paths > 1)
		go_on(&back);
	else
		h->paths->n_coas = 0;
}

bool paths_waits(const struct hoa *h)
{
	const struct multi *m = h->e->multi;
	unsigned int k;

	if (!h->paths || !h->paths->back_until.ns || !m)
		return false;
	for (k = 0; k < m->n_paths; k++) {
		const struct mn_iface *i = mn_iface(h->mn,
						    m->paths[k].ifindex);

		if (i && i->up && !iface_usable(i))
			return true;
	}
	return false;
}

void paths_back_over(struct paths *p)
{
	if (!p->back_until.ns)
		return;
	p->back_until = (mtime){0};
	/* what is wanted no more; where a BU is under way, after its BA */
	if (p->h->e->state == BUL_BOUND)
		p->settle_at = mtime_add(loop_now(), PATHS_KEEP);
	/* at the BU there was no other interface yet */
	paths_asks(p->h);
}
