/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "proto/timers.h"

void timers_init(struct timers *timers)
{
	*timers = (struct timers){0};
}

void timers_fini(struct timers *timers)
{
	for (size_t i = 0; i < timers->n; i++)
		timers->heap[i]->pos = 0;
	free(timers->heap);
	timers_init(timers);
}

static void heap_put(struct timers *timers, size_t i, struct timer *timer)
{
	timers->heap[i] = timer;
	timer->pos = i + 1;
}

/* Both take a timer whose place is i or, as the heap demands, elsewhere. */
static size_t sift_up(struct timers *timers, size_t i, struct timer *timer)
{
	while (i > 0) {
		size_t parent = (i - 1) / 2;

		if (!mtime_before(timer->at, timers->heap[parent]->at))
			break;
		heap_put(timers, i, timers->heap[parent]);
		i = parent;
	}
	heap_put(timers, i, timer);
	return i;
}

static void sift_down(struct timers *timers, size_t i, struct timer *timer)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= timers->n)
			break;
		if (child + 1 < timers->n &&
		    mtime_before(timers->heap[child + 1]->at,
				 timers->heap[child]->at))
			child++;
		if (!mtime_before(timers->heap[child]->at, timer->at))
			break;
		heap_put(timers, i, timers->heap[child]);
		i = child;
	}
	heap_put(timers, i, timer);
}

static void heap_settle(struct timers *timers, size_t i, struct timer *timer)
{
	sift_down(timers, sift_up(timers, i, timer), timer);
}

static int heap_grow(struct timers *timers)
{
	size_t cap = timers->cap ? timers->cap * 2 : 16;
	struct timer **heap;

	if (timers->n < timers->cap)
		return 0;
	heap = reallocarray(timers->heap, cap, sizeof(heap[0]));
	if (!heap)
		return -ENOMEM;
	timers->heap = heap;
	timers->cap = cap;
	return 0;
}

int timers_set(struct timers *timers, struct timer *timer, mtime at)
{
	if (!timer_armed(timer)) {
		if (heap_grow(timers) < 0)
			return -ENOMEM;
		timer->pos = ++timers->n;
	}
	timer->at = at;
	heap_settle(timers, timer->pos - 1, timer);
	return 0;
}

void timers_del(struct timers *timers, struct timer *timer)
{
	struct timer *last;
	size_t i = timer->pos - 1;

	if (!timer_armed(timer))
		return;
	timer->pos = 0;
	last = timers->heap[--timers->n];
	if (last != timer)
		heap_settle(timers, i, last);
}

bool timers_next(const struct timers *timers, mtime *at)
{
	if (!timers->n)
		return false;
	*at = timers->heap[0]->at;
	return true;
}

void timers_run(struct timers *timers, mtime now)
{
	size_t budget = timers->n;

	/* The budget ends a run whose timers arm themselves for now again. */
	while (budget-- > 0 && timers->n > 0) {
		struct timer *timer = timers->heap[0];

		if (mtime_before(now, timer->at))
			break;
		timers_del(timers, timer);
		timer->fn(timer, now);
	}
}
