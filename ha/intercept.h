/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The binding cache's verbs, but for those that send, which are wire.c's: what
 * is intercepted, in the data plane and on the home link, and who has to hear
 * of a binding's state.
 */
#ifndef KEDGE_HA_INTERCEPT_H
#define KEDGE_HA_INTERCEPT_H

#include "ha/bcache.h"

struct kern;

/* Their arg is the struct kern. */
extern const struct bcache_ops intercept_ops;

/* Tells the data plane which prefixes are home links', and what is bound of
 * those that are shorter than a /64. 0 or -errno. */
int intercept_homes(struct kern *k);

#endif
