/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time as a type of its own: nanoseconds of CLOCK_BOOTTIME, so that lifetimes
 * go on while a laptop sleeps. Machines never read a clock: "now" is passed in.
 */
#ifndef KEDGE_MTIME_H
#define KEDGE_MTIME_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
	int64_t ns;
} mtime;

#define MTIME_SEC(s) ((mtime){(int64_t)(s) * 1000000000})
#define MTIME_MS(ms) ((mtime){(int64_t)(ms) * 1000000})
#define MTIME_NEVER ((mtime){INT64_MAX})

static inline mtime mtime_add(mtime a, mtime b)
{
	return (mtime){a.ns + b.ns};
}

static inline mtime mtime_sub(mtime a, mtime b)
{
	return (mtime){a.ns - b.ns};
}

static inline bool mtime_before(mtime a, mtime b)
{
	return a.ns < b.ns;
}

/* Whole seconds, rounded down; 0 where the time is negative. */
static inline int64_t mtime_sec(mtime a)
{
	return a.ns > 0 ? a.ns / 1000000000 : 0;
}

#endif
