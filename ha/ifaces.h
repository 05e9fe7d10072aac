/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces, as rtnetlink tells of them: which ones have the data plane, which
 * are home links, and who has to hear that one has changed. What they are is in
 * struct kern's ifaces; kern.h has what finds one.
 */
#ifndef KEDGE_HA_IFACES_H
#define KEDGE_HA_IFACES_H

struct kern;

/* Before all else. */
void ifaces_init(struct kern *k);
/* Opens rtnetlink, and learns what there is. 0 or -errno; ifaces_stop() in both
 * cases. */
int ifaces_start(struct kern *k);
/* Once nothing is left that sends or listens by one. */
void ifaces_stop(struct kern *k);

#endif
