/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Without memory for its table, uthash leaves the element out. */
#define HASH_NONFATAL_OOM 1

#include "ha/owners.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void owners_init(struct owners *os, const struct owners_ops *ops, void *arg,
		 struct timers *timers, mtime lease)
{
	*os = (struct owners){
		.ops = ops,
		.arg = arg,
		.timers = timers,
		.lease = lease,
	};
}

struct owner *owners_find(struct owners *os, const struct in6_addr *hoa)
{
	struct owner *o;

	HASH_FIND(hh, os->table, hoa, sizeof(*hoa), o);
	return o;
}

static bool same_identity(const struct owner *o, const char *identity)
{
	return !strcasecmp(o->identity, identity);
}

bool owners_is(struct owners *os, const struct in6_addr *hoa,
	       const char *identity)
{
	const struct owner *o = owners_find(os, hoa);

	return o && same_identity(o, identity);
}

void owners_each(struct owners *os,
		 void (*fn)(void *arg, const struct owner *o), void *arg)
{
	struct owner *o, *next;

	HASH_ITER(hh, os->table, o, next)
		fn(arg, o);
}

mtime owners_until(const struct owner *o)
{
	return mtime_add(o->seen, o->os->lease);
}

/* What an identity has; one with many addresses must not use up all. */

struct owner_tally {
	UT_hash_handle hh;
	size_t n;			/* claimed ones */
	struct owner *first;		/* configured ones, too */
	char identity[OWNER_ID_LEN];	/* in small letters: case is no matter */
};

static void fold(char out[OWNER_ID_LEN], const char *identity)
{
	size_t i;

	for (i = 0; i < OWNER_ID_LEN - 1 && identity[i]; i++)
		out[i] = (char)tolower((unsigned char)identity[i]);
	out[i] = 0;
}

static struct owner_tally *tally_find(struct owners *os, const char *identity)
{
	char key[OWNER_ID_LEN];
	struct owner_tally *t;

	fold(key, identity);
	HASH_FIND_STR(os->tallies, key, t);
	return t;
}

static struct owner_tally *tally_get(struct owners *os, const char *identity)
{
	struct owner_tally *t = tally_find(os, identity);

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	fold(t->identity, identity);
	HASH_ADD_STR(os->tallies, identity, t);
	if (tally_find(os, identity) == t)
		return t;
	free(t);
	return NULL;
}

static int tally_add(struct owner *o)
{
	struct owner_tally *t = tally_get(o->os, o->identity);

	if (!t)
		return -ENOMEM;
	t->n += !o->configured;
	o->next_of = t->first;
	o->at_of = &t->first;
	if (o->next_of)
		o->next_of->at_of = &o->next_of;
	t->first = o;
	return 0;
}

static void tally_del(struct owner *o)
{
	struct owner_tally *t = tally_find(o->os, o->identity);

	*o->at_of = o->next_of;
	if (o->next_of)
		o->next_of->at_of = o->at_of;
	t->n -= !o->configured;
	if (t->first)
		return;
	HASH_DEL(o->os->tallies, t);
	free(t);
}

void owners_each_identity(struct owners *os,
			  void (*fn)(void *arg, const struct owner *first),
			  void *arg)
{
	const struct owner_tally *t;

	for (t = os->tallies; t; t = t->hh.next)
		fn(arg, t->first);
}

struct owner *owners_first(struct owners *os, const char *identity,
			   bool (*fn)(void *arg, const struct owner *o),
			   void *arg)
{
	const struct owner_tally *t = tally_find(os, identity);
	struct owner *o = t ? t->first : NULL;

	while (o && !fn(arg, o))
		o = o->next_of;
	return o;
}

static bool owns_many(struct owners *os, const char *identity)
{
	const struct owner_tally *t = tally_find(os, identity);

	return os->max_each && t && t->n >= os->max_each;
}

/* One owner: its one timer, its way to the disk, its end. */

/* Nobody else arms the timer. -ENOMEM only if it was never armed before. */
static int owner_control_timer(struct owner *o)
{
	if (o->configured)
		return 0;
	return timers_set(o->os->timers, &o->timer, owners_until(o));
}

static void owner_changed(struct owner *o)
{
	o->told = o->seen;
	if (o->dirty)
		return;
	o->dirty = true;
	o->os->ops->changed(o->os->arg, o, false);
}

static void owner_seen(struct owner *o, mtime now)
{
	const mtime step = {o->os->lease.ns / OWNERS_SEEN_STEPS};

	o->seen = now;
	if (o->configured)
		return;
	owner_control_timer(o);
	if (!mtime_before(now, mtime_add(o->told, step)))
		owner_changed(o);
}

static void owner_free(struct owner *o)
{
	timers_del(o->os->timers, &o->timer);
	o->os->n_claimed -= !o->configured;
	o->os->n_assigned -= o->assigned;
	tally_del(o);
	HASH_DEL(o->os->table, o);
	free(o);
}

/* A configured one was never on the disk. */
static void owner_end(struct owner *o)
{
	if (!o->configured)
		o->os->ops->changed(o->os->arg, o, true);
	owner_free(o);
}

/* Where its lease is over but it is in use: it was seen now. */
static bool owner_lapsed(struct owner *o, mtime now)
{
	if (o->configured || mtime_before(now, owners_until(o)))
		return false;
	if (!o->os->ops->in_use(o->os->arg, &o->hoa))
		return true;
	owner_seen(o, now);
	return false;
}

static void owner_on_timer(struct timer *timer, mtime now)
{
	struct owner *o = (struct owner *)
		((char *)timer - offsetof(struct owner, timer));

	if (owner_lapsed(o, now))
		owner_end(o);
}

static bool identity_fits(const char *identity)
{
	return *identity && strlen(identity) < OWNER_ID_LEN;
}

static bool is_pooled(struct owners *os, const struct in6_addr *hoa)
{
	return os->ops->pooled && os->ops->pooled(os->arg, hoa);
}

/* With its timer armed, or NULL. */
static struct owner *owner_new(struct owners *os, const struct in6_addr *hoa,
			       const char *identity, bool configured,
			       mtime since, mtime seen)
{
	struct owner *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->os = os;
	o->hoa = *hoa;
	strcpy(o->identity, identity);
	o->configured = configured;
	o->since = since;
	o->seen = o->told = seen;
	o->timer.fn = owner_on_timer;
	o->assigned = !configured && is_pooled(os, hoa);
	HASH_ADD(hh, os->table, hoa, sizeof(o->hoa), o);
	if (owners_find(os, hoa) != o) {
		free(o);
		return NULL;
	}
	if (tally_add(o)) {
		HASH_DEL(os->table, o);
		free(o);
		return NULL;
	}
	os->n_claimed += !configured;
	os->n_assigned += o->assigned;
	if (owner_control_timer(o) < 0) {
		owner_free(o);
		return NULL;
	}
	return o;
}

/* What changes the table. */

void owners_set_lease(struct owners *os, mtime lease)
{
	struct owner *o;

	os->lease = lease;
	for (o = os->table; o; o = o->hh.next)
		owner_control_timer(o);
}

int owners_configure(struct owners *os, const struct in6_addr *hoa,
		     const char *identity, mtime now)
{
	struct owner *o = owners_find(os, hoa);

	if (!identity_fits(identity))
		return -EINVAL;
	if (o && o->configured)
		return -EEXIST;
	if (o)
		owner_end(o);
	return owner_new(os, hoa, identity, true, now, now) ? 0 : -ENOMEM;
}

void owners_unconfigure(struct owners *os)
{
	struct owner *o, *next;

	HASH_ITER(hh, os->table, o, next)
		if (o->configured)
			owner_end(o);
}

int owners_restore(struct owners *os, const struct in6_addr *hoa,
		   const char *identity, mtime since, mtime seen, mtime now)
{
	if (!identity_fits(identity))
		return -EINVAL;
	if (owners_find(os, hoa))
		return -EEXIST;
	if (!mtime_before(now, mtime_add(seen, os->lease)) &&
	    !os->ops->in_use(os->arg, hoa))
		return -ETIME;
	return owner_new(os, hoa, identity, false, since, seen) ? 0 : -ENOMEM;
}

static enum reason take_unowned(struct owners *os, const struct in6_addr *hoa,
				const char *identity, mtime now)
{
	struct owner *o;

	if (owns_many(os, identity))
		return REASON_IKE_OWNS_MANY;
	if (os->max && os->n_claimed >= os->max)
		return REASON_IKE_LOCAL;
	o = owner_new(os, hoa, identity, false, now, now);
	if (!o)
		return REASON_IKE_LOCAL;
	owner_changed(o);
	return REASON_NONE;
}

/* vouched: where nobody has it, he who comes may. */
static enum reason take(struct owners *os, const struct in6_addr *hoa,
			const char *identity, bool vouched, mtime now)
{
	struct owner *o = owners_find(os, hoa);

	if (!identity_fits(identity))
		return REASON_IKE_NOT_OWNER;
	/* A timer that is due but has not run yet makes no difference. */
	if (o && owner_lapsed(o, now)) {
		owner_end(o);
		o = NULL;
	}
	if (!o)
		return vouched ? take_unowned(os, hoa, identity, now) :
				 REASON_IKE_NOT_AT_HOME;
	if (!same_identity(o, identity))
		return REASON_IKE_NOT_OWNER;
	owner_seen(o, now);
	return REASON_NONE;
}

enum reason owners_claim(struct owners *os, const struct in6_addr *hoa,
			 const char *identity, bool at_home, mtime now)
{
	/* what stands on the link with an address of a pool took it itself */
	return take(os, hoa, identity, at_home && !is_pooled(os, hoa), now);
}

enum reason owners_assign(struct owners *os, const struct in6_addr *hoa,
			  const char *identity, mtime now)
{
	return take(os, hoa, identity, true, now);
}

void owners_seen(struct owners *os, const struct in6_addr *hoa, mtime now)
{
	struct owner *o = owners_find(os, hoa);

	if (o)
		owner_seen(o, now);
}

int owners_forget(struct owners *os, const struct in6_addr *hoa)
{
	struct owner *o = owners_find(os, hoa);

	if (!o)
		return -ENOENT;
	if (o->configured)
		return -EPERM;
	owner_end(o);
	return 0;
}

void owners_fini(struct owners *os)
{
	struct owner *o, *next;

	HASH_ITER(hh, os->table, o, next)
		owner_free(o);
}
