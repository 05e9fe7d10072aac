/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bindings at start: from the pinned map, or from the journal. */
#ifndef KEDGE_HA_RESTORE_H
#define KEDGE_HA_RESTORE_H

#include "ha/kern.h"

/*
 * The map's bindings go on if it was taken over, and the journal's say is not
 * heard: what it alone has was ended after it was written. Else the map is
 * empty, and what the journal has goes to the cache and the map. Then starts
 * k->journal. k->dp and k->bcache are ready. 0 or -errno.
 */
int restore(struct kern *k, bool took_over);

#endif
