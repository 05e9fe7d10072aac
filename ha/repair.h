/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The data plane's filters, XDP programs and pins, when somebody else takes
 * them away: put back, counted and told, ten times a second and no more often.
 */
#ifndef KEDGE_HA_REPAIR_H
#define KEDGE_HA_REPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/count.h"
#include "core/loop.h"

struct kern;

struct repair {
	struct timer timer;	/* armed: these are to be looked at */
	bool filters, xdp, pins;
	mtime not_before;
	struct count_limit told;
	struct loop_fd on_pins;
};

void repair_init(struct kern *k);
/* After the data plane is complete. */
void repair_start(struct kern *k);
void repair_stop(struct kern *k);
/* An interface has lost a filter; or it has no XDP program, and had one. */
void repair_filter_gone(struct kern *k, uint32_t ifindex);
void repair_xdp_gone(struct kern *k);
/* Events were lost. */
void repair_all(struct kern *k);

#endif
