/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory: records by number, found by HoA in an index of numbers, and by when
 * they are due in a wheel. */
#include "ha/bcacheint.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

_Static_assert(sizeof(struct bcache_record) == 64, "a record, a cache line");

enum { SPARE = 1024, SPARE_PART = 32 };	/* for tombstones, at least */

static uint32_t number(const struct bcache *bc, const struct bcache_record *r)
{
	return (uint32_t)(r - bc->records);
}

/* Remote parties choose the addresses: keyed, lest they choose collisions. */
static uint32_t index_home(const struct bcache *bc, const struct in6_addr *hoa)
{
	uint64_t hash;

	_Static_assert(crypto_shorthash_BYTES == sizeof(hash) &&
		       crypto_shorthash_KEYBYTES == sizeof(bc->index_key),
		       "SipHash");
	crypto_shorthash((uint8_t *)&hash, hoa->s6_addr, sizeof(*hoa),
			 bc->index_key);
	return (uint32_t)hash & bc->index_mask;
}

struct bcache_record *record_find(const struct bcache *bc,
				  const struct in6_addr *hoa)
{
	uint32_t i = index_home(bc, hoa);

	for (; bc->index[i]; i = (i + 1) & bc->index_mask) {
		struct bcache_record *r = &bc->records[bc->index[i]];

		if (ip6_addr_eq(&r->hoa, hoa))
			return r;
	}
	return NULL;
}

static void index_add(struct bcache *bc, const struct bcache_record *r)
{
	uint32_t i = index_home(bc, &r->hoa);

	while (bc->index[i])
		i = (i + 1) & bc->index_mask;
	bc->index[i] = number(bc, r);
}

/* What would not be found any more beyond the hole is moved into it. */
static void index_del(struct bcache *bc, const struct bcache_record *r)
{
	uint32_t mask = bc->index_mask, hole = index_home(bc, &r->hoa), i;

	while (bc->index[hole] != number(bc, r))
		hole = (hole + 1) & mask;
	for (i = (hole + 1) & mask; bc->index[i]; i = (i + 1) & mask) {
		const struct bcache_record *at = &bc->records[bc->index[i]];
		uint32_t home = index_home(bc, &at->hoa);

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		bc->index[hole] = bc->index[i];
		hole = i;
	}
	bc->index[hole] = 0;
}

/*
 * The wheel: a slot for each tick, and round in 1024 s, more than the usual
 * lifetime. A record is in the slot of the tick when it is due, rounded up, or
 * in an earlier one: when its turn comes it is put further on.
 */
enum {
	WHEEL_SLOTS = 1 << 16,
	WHEEL_MASK = WHEEL_SLOTS - 1,
	WHEEL_TICKS = 64,		/* a second */
	WHEEL_TICK = 1000000000 / WHEEL_TICKS,	/* ns */
};

/* The first in a slot has the slot's number in prev, with this bit. */
#define WHEEL_HEAD (1u << 31)

static mtime tick_time(int64_t tick)
{
	return (mtime){tick * WHEEL_TICK};
}

static void wheel_link(struct bcache *bc, struct bcache_record *r, mtime due)
{
	int64_t at = round_up(due, WHEEL_TICK);
	uint32_t slot;

	if (at < bc->wheel_at)
		at = bc->wheel_at;
	if (at > bc->wheel_at + WHEEL_MASK)
		at = bc->wheel_at + WHEEL_MASK;
	slot = (uint32_t)at & WHEEL_MASK;
	r->prev = WHEEL_HEAD | slot;
	r->next = bc->wheel[slot];
	if (r->next)
		bc->records[r->next].prev = number(bc, r);
	bc->wheel[slot] = number(bc, r);
	if (mtime_before(tick_time(at), bc->timer.at))
		timers_set(bc->timers, &bc->timer, tick_time(at));
}

/* Does no harm to one that is not linked. */
static void wheel_unlink(struct bcache *bc, struct bcache_record *r)
{
	if (r->prev & WHEEL_HEAD)
		bc->wheel[r->prev & WHEEL_MASK] = r->next;
	else if (r->prev)
		bc->records[r->prev].next = r->next;
	if (r->next)
		bc->records[r->next].prev = r->prev;
	r->prev = r->next = 0;
}

/* When the timer has to look again: in a second, if not before. */
static mtime wheel_next(const struct bcache *bc)
{
	int64_t at = bc->wheel_at;

	while (at < bc->wheel_at + WHEEL_TICKS && !bc->wheel[at & WHEEL_MASK])
		at++;
	return tick_time(at);
}

void record_due(struct bcache *bc, struct bcache_record *r, mtime due)
{
	wheel_unlink(bc, r);
	wheel_link(bc, r, due);
}

struct bcache_record *record_new(struct bcache *bc, const struct in6_addr *hoa,
				 uint16_t link, mtime now)
{
	struct bcache_record *r;

	if (bc->n == bc->room)
		return NULL;
	if (!bc->n) {
		bc->wheel_at = now.ns / WHEEL_TICK + 1;
		if (timers_set(bc->timers, &bc->timer, wheel_next(bc)) < 0)
			return NULL;
	}
	bc->n++;
	r = &bc->records[bc->unused ? bc->unused : ++bc->top];
	bc->unused = r->next;
	*r = (struct bcache_record){ .hoa = *hoa, .link = link };
	index_add(bc, r);
	return r;
}

void record_free(struct bcache *bc, struct bcache_record *r)
{
	wheel_unlink(bc, r);
	index_del(bc, r);
	r->state = BINDING_NEW;
	r->next = bc->unused;
	bc->unused = number(bc, r);
	if (!--bc->n)
		timers_del(bc->timers, &bc->timer);
}

/*
 * Sees to the ticks that are over, and to no more records than a burst: the
 * rest waits for the next run, which comes as soon as others had their turn.
 */
static void wheel_on_timer(struct timer *timer, mtime now)
{
	struct bcache *bc = (struct bcache *)
		((char *)timer - offsetof(struct bcache, timer));
	const mtime again = mtime_add(now, (mtime){1});
	int64_t last = now.ns / WHEEL_TICK;
	int burst = BCACHE_BURST;

	/* at first, as long as there is a place in the heap for it */
	timers_set(bc->timers, timer, again);
	/* asleep for more than a round: one round sees everything */
	if (bc->wheel_at < last - WHEEL_MASK)
		bc->wheel_at = last - WHEEL_MASK;
	while (bc->n && bc->wheel_at <= last) {
		uint32_t i = bc->wheel[bc->wheel_at & WHEEL_MASK];

		if (i && !burst--)
			break;
		if (i)
			record_on_time(bc, &bc->records[i], now);
		else
			bc->wheel_at++;
	}
	if (bc->n)
		timers_set(bc->timers, timer, burst < 0 ? again :
			   wheel_next(bc));
}

int bctable_new(struct bcache *bc)
{
	uint64_t room = bc->conf.max_bindings, size = 1, want;

	room += room / SPARE_PART > SPARE ? room / SPARE_PART : SPARE;
	if (room > BCACHE_ROOM_MAX)
		return -ENOMEM;
	if (sodium_init() < 0)
		return -ENOSYS;
	bc->room = (uint32_t)room;
	bc->timer.fn = wheel_on_timer;
	crypto_shorthash_keygen(bc->index_key);
	want = bc->room + bc->room / 3;
	while (size <= want)
		size *= 2;
	bc->index_mask = (uint32_t)size - 1;
	bc->index = calloc(size, sizeof(*bc->index));
	bc->wheel = calloc(WHEEL_SLOTS, sizeof(*bc->wheel));
	/* number 0 is nobody's, and one more to begin at a cache line */
	bc->memory = calloc(bc->room + 2, sizeof(*bc->records));
	if (!bc->index || !bc->wheel || !bc->memory)
		return -ENOMEM;
	bc->records = (struct bcache_record *)
		(((uintptr_t)bc->memory + sizeof(*bc->records) - 1) &
		 ~(uintptr_t)(sizeof(*bc->records) - 1));
	return 0;
}

void bctable_free(struct bcache *bc)
{
	timers_del(bc->timers, &bc->timer);
	free(bc->memory);
	free(bc->index);
	free(bc->wheel);
}
