/* SPDX-License-Identifier: GPL-2.0-or-later */
/* That all are to go to another home agent (kedgectl switch --all), in the
 * store: whoever ordered it takes it back, a restart does not. */
#ifndef KEDGE_HA_DRAIN_H
#define KEDGE_HA_DRAIN_H

#include <stdbool.h>

#include "core/store.h"
#include "ha/peer.h"

/* On disk when it returns; NULL: there is none any more. 0 or -errno. */
int drain_save(struct store *store, const struct peer_addrs *addrs);
/* Is there one? *addrs: to whom. What is damaged is none, counted and told. */
bool drain_load(struct store *store, struct peer_addrs *addrs);

#endif
