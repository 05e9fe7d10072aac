/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/bar.h"

void bar_set(struct bar *b, mtime first, mtime most, mtime now)
{
	b->pause = b->barred ? mtime_add(b->pause, b->pause) : first;
	if (mtime_before(most, b->pause))
		b->pause = most;
	b->until = mtime_add(now, b->pause);
	b->barred = true;
}

void bar_clear(struct bar *b)
{
	*b = (struct bar){0};
}

bool bar_holds(const struct bar *b, mtime now)
{
	return b->barred && mtime_before(now, b->until);
}

mtime bar_ends(const struct bar *b, mtime now)
{
	return bar_holds(b, now) ? b->until : (mtime){0};
}
