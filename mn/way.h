/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which interface: of a home address and of each of its flows, from what is
 * attached, what was ordered by hand, what is about to go, and the policy.
 * Pure: facts in, a plan out.
 *
 * What is ordered by hand goes before what the policy says, that before the
 * home link, and that before the preferred interface. Where the one that is
 * wanted is not attached, is about to go, or has a weak signal, the next best is
 * taken until it is back.
 */
#ifndef KEDGE_WAY_H
#define KEDGE_WAY_H

#include <stdbool.h>
#include <stdint.h>

#include "mn/paths.h"
#include "mn/policy.h"

/* Why an interface was chosen; move_why_str(). */
enum move_why {
	MOVE_WHY_NONE,		/* none is attached, or none may be used */
	MOVE_WHY_HOME,		/* its home link */
	MOVE_WHY_PREFERRED,	/* away: the preferred interface */
	MOVE_WHY_POLICY,
	MOVE_WHY_HAND,		/* kedgectl move */
	MOVE_WHY_PREPARE,	/* the other one is about to go */
	MOVE_WHY_SIGNAL,	/* the other one's signal is weak */
	MOVE_WHY_FAILOVER,	/* the wanted one is not attached */
	MOVE_WHY_REFUSED,	/* the home agent would not have the wanted one */
	MOVE_WHY_DEAD,		/* no answer came by the wanted one */
};

const char *move_why_str(enum move_why why);

/* Each by its place in the configuration; these lists are in that order. */
struct way_iface {
	const char *name;
	uint32_t preference;	/* higher is better; of equals, the one that
				 * is not metered, the first */
	bool attached, metered;
	bool leaving;		/* it is about to go: kedgectl prepare */
	bool weak;		/* for its signal: better than nothing */
};

struct way_wish {
	int hand;		/* ordered by hand; -1: none */
	bool insists;		/* though that one is about to go */
	const struct policy_way *rule;	/* NULL: the policy says nothing */
	int home;		/* it is attached to its home link; -1: none */
};

/* The interface for what is wished so; -1: none. */
int way_choose(const struct way_iface *ifaces, unsigned int n,
	       const struct way_wish *wish, enum move_why *why);

struct way_flow {
	struct dp_flow_key key;
	struct way_wish wish;
	/* the plan's: */
	int to;
	enum move_why why;
	bool own;		/* it needs a way of its own, and has one */
};

struct way_plan {
	int to;			/* what has no way of its own; -1: none */
	enum move_why why;
	bool by_flows;		/* that is where all of its flows are to go */
	unsigned int n_own;
	unsigned int left_out;	/* flows above PATHS_FLOWS_MAX: as the rest */
};

/*
 * Of a home address: wish.rule is not looked at. A flow without an order of its
 * own follows the home address'. Those ordered by hand have the first ways.
 */
void way_plan(const struct way_iface *ifaces, unsigned int n,
	      const struct way_wish *wish, struct way_flow *flows,
	      unsigned int n_flows, struct way_plan *plan);

#endif
