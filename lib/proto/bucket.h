/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 4443 2.4 (f): a token bucket for errors that we originate, 100 a second
 * and as many at once. Zeroed is full.
 */
#ifndef KEDGE_BUCKET_H
#define KEDGE_BUCKET_H

#include "proto/mtime.h"

enum { BUCKET_PER_SECOND = 100 };

struct bucket {
	mtime full;	/* when what was taken will be there again */
};

/* False where there is nothing left. */
static inline bool bucket_take(struct bucket *bucket, mtime now)
{
	const mtime step = {1000000000 / BUCKET_PER_SECOND};
	const mtime empty = mtime_sub(now, MTIME_SEC(1));

	if (mtime_before(bucket->full, empty))
		bucket->full = empty;
	if (mtime_before(now, mtime_add(bucket->full, step)))
		return false;
	bucket->full = mtime_add(bucket->full, step);
	return true;
}

#endif
