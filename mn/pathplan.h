/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which paths and flow bindings a home address is to have, of what is wanted of
 * it, what it has, and which interfaces are attached.
 */
#ifndef KEDGE_PATHPLAN_H
#define KEDGE_PATHPLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "mn/multi.h"
#include "proto/mtime.h"

struct hoa;
struct mn_iface;

struct path_plan {
	struct hoa *h;
	const struct mn_iface *home;
	unsigned int n_paths, n_flows;
	struct multi_path paths[MULTI_PATHS_MAX];
	struct multi_flow flows[MULTI_FLOWS_MAX];
	mtime valid;		/* of all care-of addresses */
};

/*
 * h and home (NULL: not attached) are set, the rest is 0. The default goes by
 * first. settle: without what is there and wanted no more.
 */
void path_plan_make(struct path_plan *plan, const struct mn_iface *first,
		    bool settle);
/* Those of a home path that is not the default. */
void path_plan_tunnels(struct path_plan *plan, const struct multi_path *home);
/* The BID of its care-of address, whichever that is. */
uint16_t path_bid(const struct mn_iface *i);

#endif
