/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Duplicate address detection on home links, and the Binding Updates that wait
 * for it: what connects ha/dad to the binding cache and the kernel.
 */
#ifndef KEDGE_HA_PROBE_H
#define KEDGE_HA_PROBE_H

#include "ha/kern.h"

int probe_open(struct kern *k);		/* 0 or -ENOMEM */
void probe_close(struct kern *k);

/* Of struct bcache_ops; arg is a struct kern. */
int probe_bu(void *arg, const struct bcache_bu *bu, uint16_t link);

#endif
