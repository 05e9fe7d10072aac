/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A binary heap of timers: O(log n) to set and delete, O(1) to see the next
 * one. Pure: whoever owns the heap runs it with the time.
 */
#ifndef KEDGE_TIMERS_H
#define KEDGE_TIMERS_H

#include <stddef.h>

#include "proto/mtime.h"

struct timer {
	mtime at;
	size_t pos;	/* 1 + index in the heap; 0: not armed */
	void (*fn)(struct timer *timer, mtime now);
};

struct timers {
	struct timer **heap;
	size_t n, cap;
};

void timers_init(struct timers *timers);
/* Disarms all and frees the heap; timers belong to their owners. */
void timers_fini(struct timers *timers);

/* Arms or re-arms. Returns 0 or -ENOMEM (then the timer is not armed). */
int timers_set(struct timers *timers, struct timer *timer, mtime at);
void timers_del(struct timers *timers, struct timer *timer);
static inline bool timer_armed(const struct timer *timer)
{
	return timer->pos != 0;
}

/* The earliest deadline in *at; false where nothing is armed. */
bool timers_next(const struct timers *timers, mtime *at);
/*
 * Runs what is due at now, each disarmed before its fn is called; fn may set
 * and delete any timer. No more are run than were armed at the start, so that
 * a timer that arms itself for now again does not run for ever.
 */
void timers_run(struct timers *timers, mtime now);

#endif
