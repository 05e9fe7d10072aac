/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Token buckets: RFC 4443 2.4 (f) for errors that we originate, 100 a second
 * and as many at once; or of another size. Zeroed is full.
 */
#ifndef KEDGE_BUCKET_H
#define KEDGE_BUCKET_H

#include "proto/mtime.h"

enum { BUCKET_PER_SECOND = 100 };

struct bucket {
	mtime full;	/* when what was taken will be there again */
};

/* One every step, burst at once. False where there is nothing left. */
static inline bool bucket_take_of(struct bucket *bucket, mtime step,
				  unsigned int burst, mtime now)
{
	const mtime empty = {now.ns - step.ns * burst};

	if (mtime_before(bucket->full, empty))
		bucket->full = empty;
	if (mtime_before(now, mtime_add(bucket->full, step)))
		return false;
	bucket->full = mtime_add(bucket->full, step);
	return true;
}

static inline bool bucket_take(struct bucket *bucket, mtime now)
{
	const mtime step = {1000000000 / BUCKET_PER_SECOND};

	return bucket_take_of(bucket, step, BUCKET_PER_SECOND, now);
}

#endif
