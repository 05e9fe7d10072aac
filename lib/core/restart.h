/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Restart Counter of RFC 5847 3.2: how often this daemon has lost its
 * bindings, kept in the store.
 */
#ifndef KEDGE_RESTART_H
#define KEDGE_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#include "core/store.h"

/*
 * At a start; lost: bindings of before may be gone. Where the store has none,
 * it begins at the time, so that it is another one than before if the store was
 * lost too. A store that fails is told in the log; the value is good then too.
 */
uint32_t restart_count(struct store *store, bool lost);

#endif
