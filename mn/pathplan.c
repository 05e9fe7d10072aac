/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/pathplan.h"

#include <string.h>

#include "mn/mn.h"

static unsigned int number_of(const struct mn_iface *i)
{
	return (unsigned int)(i - i->mn->ifaces);
}

/* RFC 5648 5.1: unique for a home address, and never 0. */
uint16_t path_bid(const struct mn_iface *i)
{
	return (uint16_t)(number_of(i) + 1);
}

static const struct multi_path *planned(const struct path_plan *plan,
					uint32_t ifindex)
{
	unsigned int k;

	for (k = 0; k < plan->n_paths; k++)
		if (plan->paths[k].ifindex == ifindex)
			return &plan->paths[k];
	return NULL;
}

/* By priority: the first is the default. */
static void plan_path(struct path_plan *plan, uint32_t ifindex)
{
	const struct mn_iface *i = mn_iface(plan->h->mn, ifindex);
	struct multi_path *p = &plan->paths[plan->n_paths];
	mtime valid;

	if (!i || !iface_usable(i) || planned(plan, ifindex) ||
	    paths_doubts(plan->h, ifindex) ||
	    plan->n_paths == MULTI_PATHS_MAX)
		return;
	memset(p, 0, sizeof(*p));
	p->home = i == plan->home;
	p->coa = p->home ? plan->h->e->hoa : i->at.coa;
	if (!p->home && ip6_addr_eq(&p->coa, &plan->h->e->hoa))
		return;
	p->bid = path_bid(i);
	p->ifindex = ifindex;
	p->pri = (uint8_t)++plan->n_paths;
	if (p->home)
		return;
	valid = attach_valid_until(&i->at, &p->coa);
	if (mtime_before(valid, plan->valid))
		plan->valid = valid;
}

/* What the home agent has, above all what packets take now: it may be that none
 * of multi is acknowledged yet. */
static void plan_present(struct path_plan *plan)
{
	const struct bul_entry *e = plan->h->e;
	unsigned int k;

	if (e->bound && !plan->h->way.home)
		plan_path(plan, plan->h->way.ifindex);
	for (k = 0; e->multi && k < e->multi->n_paths; k++)
		if (e->multi->paths[k].registered)
			plan_path(plan, e->multi->paths[k].ifindex);
}

/* RFC 6089 5.3.6: a copy to each of two. */
static void plan_copies(struct path_plan *plan, uint32_t also)
{
	const struct multi_path *p = planned(plan, also);
	struct multi_flow *f = &plan->flows[plan->n_flows];

	if (!p || p == plan->paths)
		return;
	*f = (struct multi_flow){.wide = true, .n_bids = 2};
	f->bids[0] = plan->paths[0].bid;
	f->bids[1] = p->bid;
	plan->n_flows++;
}

static void plan_flows(struct path_plan *plan, const struct path_want *want)
{
	unsigned int k;

	for (k = 0; k < want->n_flows; k++) {
		const struct path_flow *w = &want->flows[k];
		const struct multi_path *p = planned(plan, w->ifindex);
		struct multi_flow *f = &plan->flows[plan->n_flows];

		if (!p || p == plan->paths)
			continue;
		*f = (struct multi_flow){.key = w->key, .n_bids = 1};
		f->bids[0] = p->bid;
		plan->n_flows++;
	}
}

/*
 * It may be a care-of address as well: of home addresses of other networks,
 * which are to find it on its link, with their tunnels (IPv6 in IPv6) and what
 * their home agents sign (ESP), wherever its own packets go.
 */
void path_plan_tunnels(struct path_plan *plan, const struct multi_path *home)
{
	static const uint8_t protos[] = {IP6_PROTO_IPV6, IP6_PROTO_ESP};
	unsigned int k;

	for (k = 0; home && home != plan->paths && k < sizeof(protos); k++) {
		struct multi_flow *f = &plan->flows[plan->n_flows++];

		*f = (struct multi_flow){.wide = true, .n_bids = 1};
		f->key.proto = protos[k];
		f->bids[0] = home->bid;
	}
}

void path_plan_make(struct path_plan *plan, const struct mn_iface *first,
		    bool settle)
{
	const struct path_want *want = &plan->h->paths->want;
	unsigned int k;

	plan->valid = MTIME_NEVER;
	plan_path(plan, first->ifindex);
	plan_path(plan, want->ifindex);		/* where it is on trial */
	plan_path(plan, want->also);
	for (k = 0; k < want->n_flows; k++)
		plan_path(plan, want->flows[k].ifindex);
	if (plan->home)
		plan_path(plan, plan->home->ifindex);
	if (!settle)
		plan_present(plan);
	plan_flows(plan, want);
	path_plan_tunnels(plan, plan->home ?
			  planned(plan, plan->home->ifindex) : NULL);
	plan_copies(plan, want->also);
}
