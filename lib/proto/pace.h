/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 6275 11.8: no more than MAX_UPDATE_RATE messages in any second. Zeroed is
 * unused.
 */
#ifndef KEDGE_PACE_H
#define KEDGE_PACE_H

#include <stdbool.h>

#include "proto/mtime.h"

enum { PACE_MAX_UPDATE_RATE = 3 };

struct pace {
	mtime sent[PACE_MAX_UPDATE_RATE];	/* a ring; next is the oldest */
	unsigned int next, n;
};

/* When the next may go, so that within that second left more (fewer than
 * PACE_MAX_UPDATE_RATE) may. */
static inline mtime pace_leaves_at(const struct pace *pace, mtime now,
				   unsigned int left)
{
	mtime at;

	if (pace->n + left < PACE_MAX_UPDATE_RATE)
		return now;
	at = pace->sent[(pace->next + left) % PACE_MAX_UPDATE_RATE];
	at = mtime_add(at, MTIME_SEC(1));
	return mtime_before(now, at) ? at : now;
}

/* When the next may go. */
static inline mtime pace_allows_at(const struct pace *pace, mtime now)
{
	return pace_leaves_at(pace, now, 0);
}

static inline void pace_note(struct pace *pace, mtime now)
{
	pace->sent[pace->next] = now;
	pace->next = (pace->next + 1) % PACE_MAX_UPDATE_RATE;
	if (pace->n < PACE_MAX_UPDATE_RATE)
		pace->n++;
}

/* False where it may not go now. */
static inline bool pace_take(struct pace *pace, mtime now)
{
	if (mtime_before(now, pace_allows_at(pace, now)))
		return false;
	pace_note(pace, now);
	return true;
}

#endif
