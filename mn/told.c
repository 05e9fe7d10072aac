/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/told.h"

#include <stdlib.h>
#include <uthash.h>

/* Cookies are easy to guess: who tells of another's overwrites nothing. */
struct key {
	uint64_t cookie, uid;
};

struct entry {
	struct key key;
	struct sock_state state;
	UT_hash_handle hh;	/* in the order in which they came */
};

struct told {
	struct entry *entries;
};

struct told *told_new(void)
{
	return calloc(1, sizeof(struct told));
}

static void forget(struct told *told, struct entry *e)
{
	HASH_DEL(told->entries, e);
	free(e);
}

void told_free(struct told *told)
{
	if (!told)
		return;
	while (told->entries)
		forget(told, told->entries);
	free(told);
}

/* Room for one of uid's more: in place of his oldest where he has his share,
 * or of everybody's oldest. */
static void make_room(struct told *told, uint32_t uid)
{
	struct entry *e, *oldest = NULL;
	unsigned int n = 0;

	for (e = told->entries; e; e = e->hh.next) {
		if (e->state.uid != uid)
			continue;
		if (!n++)
			oldest = e;
	}
	if (n >= TOLD_USER_MAX)
		forget(told, oldest);
	else if (HASH_COUNT(told->entries) >= TOLD_MAX)
		forget(told, oldest ? oldest : told->entries);
}

static struct entry *find(const struct told *told, uint64_t cookie,
			  uint32_t uid)
{
	const struct key key = { cookie, uid };
	struct entry *e;

	HASH_FIND(hh, told->entries, &key, sizeof(key), e);
	return e;
}

void told_set(struct told *told, uint64_t cookie,
	      const struct sock_state *state)
{
	struct entry *e = find(told, cookie, state->uid);

	if (e)
		forget(told, e);
	make_room(told, state->uid);
	e = calloc(1, sizeof(*e));
	if (!e)
		return;
	e->key = (struct key){ cookie, state->uid };
	e->state = *state;
	HASH_ADD(hh, told->entries, key, sizeof(e->key), e);
}

bool told_empty(const struct told *told)
{
	return !told->entries;
}

const struct sock_state *told_find(const struct told *told, uint64_t cookie,
				   uint32_t uid)
{
	const struct entry *e = find(told, cookie, uid);

	return e ? &e->state : NULL;
}
