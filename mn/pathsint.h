/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What paths.c, pathsaid.c and pathsprobe.c share. */
#ifndef KEDGE_PATHSINT_H
#define KEDGE_PATHSINT_H

#include "mn/mn.h"
#include "mn/paths.h"

/* RFC 6275 11.8, three Binding Updates a second: what has lost its way is not to
 * wait for those of moves, which lose nothing, nor these for the ones that only
 * give up what was before, or ask whether anybody is there. So many each of them
 * leaves to others. */
enum { PATHS_LOST, PATHS_MOVE, PATHS_SETTLE };

/* What was before a move is kept so long at the least. */
#define PATHS_KEEP MTIME_MS(1500)

/* paths.c */
/* h->paths, new where there is none; NULL: no memory. */
struct paths *paths_get(struct hoa *h);
bool paths_usable(struct mn *mn, uint32_t ifindex);
/* What is wanted as the default, or what comes next to it; NULL. */
struct mn_iface *paths_default(const struct hoa *h);
/*
 * Makes it so. settle: what was before, and is wanted no more, goes. leaves: of
 * the above. h may be gone afterwards.
 */
void paths_apply(struct hoa *h, bool settle, unsigned int leaves);
/* The maps, the binding that leads there, the timer for what goes. */
void paths_sync(struct paths *p);
/* A BU that is sent by from is to be answered within limit, and in time for what
 * packets take now to be refreshed; or else whenever. */
void paths_doubt(struct paths *p, uint32_t from, mtime limit);

/* What is wanted as the default led nowhere, and may do so now: it is one more
 * care-of address until the home agent has been heard by it. */
bool paths_on_trial(const struct hoa *h, uint32_t ifindex);

/* pathsback.c. What is wanted is known, or cannot be as it was: it is as any
 * other now. */
void paths_back_over(struct paths *p);

/* pathsaid.c */
void paths_on_timer(struct timer *timer, mtime now);

/* pathsprobe.c */
/* Whether, and when, it is asked next. */
void paths_probe_plan(struct paths *p);
void paths_probe(struct paths *p, mtime now);
/* A BA has come. */
void paths_proved(struct paths *p);

#endif
