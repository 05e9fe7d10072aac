/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedge-ha's control commands, kedgectl(8). */
#ifndef KEDGE_HA_CTL_H
#define KEDGE_HA_CTL_H

#include "core/ctl.h"
#include "ha/kern.h"

/* Commands are answered from k, which must be started before the loop runs.
 * 0 or -errno as ctl_open(). */
int ha_ctl_open(struct ctl **out, struct loop *loop, const char *path,
		struct kern *k);

#endif
