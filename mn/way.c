/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/way.h"

#include <string.h>

const char *move_why_str(enum move_why why)
{
	switch (why) {
	case MOVE_WHY_NONE: return "none";
	case MOVE_WHY_HOME: return "home";
	case MOVE_WHY_PREFERRED: return "preferred";
	case MOVE_WHY_POLICY: return "policy";
	case MOVE_WHY_HAND: return "hand";
	case MOVE_WHY_PREPARE: return "prepare";
	case MOVE_WHY_SIGNAL: return "signal";
	case MOVE_WHY_FAILOVER: return "failover";
	case MOVE_WHY_REFUSED: return "refused";
	case MOVE_WHY_DEAD: return "dead";
	}
	return "?";
}

/* What counts more than what follows it; two figures of one interface each. */
enum figure {
	FIGURE_HAND,
	FIGURE_UNMETERED,	/* metered = no */
	FIGURE_LISTED,		/* in the rule: earlier is better */
	FIGURE_HOME,
	FIGURE_PREFERENCE,
	FIGURE_CHEAP,		/* not metered, though nobody said so */
	FIGURE__MAX
};

static int place_of(const char names[][IFNAMSIZ], unsigned int n,
		    const char *name)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

static int64_t listed(const struct policy_way *rule, const char *name)
{
	int place = rule ? place_of(rule->prefer, rule->n_prefer, name) : -1;

	return place < 0 ? 0 : POLICY_WAY_NAMES - place;
}

static int64_t figure(const struct way_iface *ifaces, int k,
		      const struct way_wish *wish, enum figure figure)
{
	const struct way_iface *i = &ifaces[k];

	switch (figure) {
	case FIGURE_HAND: return k == wish->hand;
	case FIGURE_UNMETERED:
		return wish->rule && wish->rule->unmetered && !i->metered;
	case FIGURE_LISTED: return listed(wish->rule, i->name);
	case FIGURE_HOME: return k == wish->home;
	case FIGURE_PREFERENCE: return i->preference;
	case FIGURE_CHEAP: return !i->metered;
	case FIGURE__MAX: break;
	}
	return 0;
}

static bool is_better(const struct way_iface *ifaces, int a, int b,
		      const struct way_wish *wish)
{
	enum figure f;

	for (f = FIGURE_HAND; f < FIGURE__MAX; f++) {
		int64_t x = figure(ifaces, a, wish, f);
		int64_t y = figure(ifaces, b, wish, f);

		if (x != y)
			return x > y;
	}
	return false;
}

/* An order by hand goes before "never" as well. */
static bool may(const struct way_iface *ifaces, int k,
		const struct way_wish *wish)
{
	const struct policy_way *rule = wish->rule;

	return k == wish->hand || !rule ||
	       place_of(rule->never, rule->n_never, ifaces[k].name) < 0;
}

static bool any_one(const struct way_iface *i, bool insisted)
{
	(void)i, (void)insisted;
	return true;
}

static bool is_attached(const struct way_iface *i, bool insisted)
{
	(void)insisted;
	return i->attached;
}

static bool is_staying(const struct way_iface *i, bool insisted)
{
	return i->attached && (!i->leaving || insisted);
}

static bool is_strong(const struct way_iface *i, bool insisted)
{
	return is_staying(i, insisted) && (!i->weak || insisted);
}

/* The best of those that are so; -1: none is. */
static int pick(const struct way_iface *ifaces, unsigned int n,
		const struct way_wish *wish,
		bool (*is)(const struct way_iface *i, bool insisted))
{
	int k, best = -1;

	for (k = 0; k < (int)n; k++) {
		bool insisted = k == wish->hand && wish->insists;

		if (!is(&ifaces[k], insisted) || !may(ifaces, k, wish))
			continue;
		if (best < 0 || is_better(ifaces, k, best, wish))
			best = k;
	}
	return best;
}

/* Why is this one wanted, attached or not? */
static enum move_why why_wanted(const struct way_iface *ifaces, unsigned int n,
				const struct way_wish *wish, int wanted)
{
	struct way_wish without = *wish;

	if (wanted == wish->hand)
		return MOVE_WHY_HAND;
	without.rule = NULL;
	if (wish->rule && (listed(wish->rule, ifaces[wanted].name) ||
			   pick(ifaces, n, &without, any_one) != wanted))
		return MOVE_WHY_POLICY;
	return wanted == wish->home ? MOVE_WHY_HOME : MOVE_WHY_PREFERRED;
}

int way_choose(const struct way_iface *ifaces, unsigned int n,
	       const struct way_wish *wish, enum move_why *why)
{
	int wanted = pick(ifaces, n, wish, any_one);
	int to = pick(ifaces, n, wish, is_strong);

	if (to < 0)
		to = pick(ifaces, n, wish, is_staying);
	if (to < 0)
		to = pick(ifaces, n, wish, is_attached);
	if (to < 0)
		*why = MOVE_WHY_NONE;
	else if (to == wanted)
		*why = why_wanted(ifaces, n, wish, wanted);
	else if (ifaces[wanted].attached)
		*why = ifaces[wanted].leaving ? MOVE_WHY_PREPARE :
						MOVE_WHY_SIGNAL;
	else
		*why = MOVE_WHY_FAILOVER;
	return to;
}

/* All of them by one interface, which is not the home address' own choice. */
static bool agree(const struct way_flow *flows, unsigned int n, int to)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (flows[i].to < 0 || flows[i].to != flows[0].to)
			return false;
	return n && flows[0].to != to;
}

static void choose_all(const struct way_iface *ifaces, unsigned int n,
		       const struct way_wish *wish, struct way_flow *flows,
		       unsigned int n_flows)
{
	struct way_flow *f;

	for (f = flows; f < flows + n_flows; f++) {
		f->wish.home = wish->home;
		if (f->wish.hand < 0) {
			f->wish.hand = wish->hand;
			f->wish.insists = wish->insists;
		}
		f->to = way_choose(ifaces, n, &f->wish, &f->why);
		f->own = false;
	}
}

/* Ways of their own for those that were ordered by hand, or the others. */
static void give(struct way_flow *flows, unsigned int n_flows, bool by_hand,
		 struct way_plan *plan)
{
	struct way_flow *f;

	for (f = flows; f < flows + n_flows; f++) {
		if (f->to == plan->to || (f->wish.hand >= 0) != by_hand)
			continue;
		if (plan->n_own == PATHS_FLOWS_MAX) {
			plan->left_out++;
			continue;
		}
		f->own = true;
		plan->n_own++;
	}
}

/*
 * One that is away gets no new flows: where those that it has agree, all of it
 * goes, by a plain binding. One that is at home does get some, which begin
 * there.
 */
void way_plan(const struct way_iface *ifaces, unsigned int n,
	      const struct way_wish *wish, struct way_flow *flows,
	      unsigned int n_flows, struct way_plan *plan)
{
	struct way_wish whole = *wish;

	*plan = (struct way_plan){0};
	whole.rule = NULL;
	plan->to = way_choose(ifaces, n, &whole, &plan->why);
	choose_all(ifaces, n, &whole, flows, n_flows);
	if (whole.home < 0 && whole.hand < 0 &&
	    agree(flows, n_flows, plan->to)) {
		plan->by_flows = true;
		plan->to = flows[0].to;
		plan->why = flows[0].why;
	}
	give(flows, n_flows, true, plan);
	give(flows, n_flows, false, plan);
}
