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

/* How many an identity has: one with many addresses must not use up all. */

struct owner_tally {
	UT_hash_handle hh;
	size_t n;
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

/* Without memory one is not counted: the limit is a little higher then. */
static void tally_add(struct owners *os, const char *identity)
{
	struct owner_tally *t = tally_find(os, identity);

	if (t) {
		t->n++;
		return;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return;
	t->n = 1;
	fold(t->identity, identity);
	HASH_ADD_STR(os->tallies, identity, t);
	if (tally_find(os, identity) != t)
		free(t);
}

static void tally_del(struct owners *os, const char *identity)
{
	struct owner_tally *t = tally_find(os, identity);

	if (!t || --t->n)
		return;
	HASH_DEL(os->tallies, t);
	free(t);
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
	if (!o->configured) {
		o->os->n_claimed--;
		tally_del(o->os, o->identity);
	}
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
	HASH_ADD(hh, os->table, hoa, sizeof(o->hoa), o);
	if (owners_find(os, hoa) != o) {
		free(o);
		return NULL;
	}
	if (!configured) {
		os->n_claimed++;
		tally_add(os, identity);
	}
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

static enum reason claim_unowned(struct owners *os, const struct in6_addr *hoa,
				 const char *identity, bool at_home, mtime now)
{
	struct owner *o;

	if (!at_home)
		return REASON_IKE_NOT_AT_HOME;
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

enum reason owners_claim(struct owners *os, const struct in6_addr *hoa,
			 const char *identity, bool at_home, mtime now)
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
		return claim_unowned(os, hoa, identity, at_home, now);
	if (!same_identity(o, identity))
		return REASON_IKE_NOT_OWNER;
	owner_seen(o, now);
	return REASON_NONE;
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
