/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was tried and did not work is not tried again for a while: longer each
 * time that it does not. Pure.
 */
#ifndef KEDGE_BAR_H
#define KEDGE_BAR_H

#include <stdbool.h>

#include "proto/mtime.h"

/* All 0: nothing is barred. */
struct bar {
	mtime until;
	mtime pause;		/* the last one: the next is twice that */
	bool barred;	/* it has not worked since */
};

/* It did not work: at first for so long, and never longer than most. */
void bar_set(struct bar *b, mtime first, mtime most, mtime now);
/* It did, or nothing is known of it any more. */
void bar_clear(struct bar *b);
/* Not to be tried? */
bool bar_holds(const struct bar *b, mtime now);
/* When it may be tried again, where that is later than now; else 0. */
mtime bar_ends(const struct bar *b, mtime now);

#endif
