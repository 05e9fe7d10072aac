/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Without memory for its table, uthash leaves the element out. */
#define HASH_NONFATAL_OOM 1

#include "ha/prefixadv.h"

#include <errno.h>
#include <stdlib.h>

void prefixadv_init(struct prefixadv *pa, const struct prefixadv_ops *ops,
		    void *arg, struct timers *timers,
		    const struct prefixadv_conf *conf)
{
	*pa = (struct prefixadv){ .ops = ops, .arg = arg, .timers = timers,
				  .conf = *conf };
}

static struct prefixadv_mn *find(struct prefixadv *pa,
				 const struct in6_addr *hoa)
{
	struct prefixadv_mn *mn;

	HASH_FIND(hh, pa->table, hoa, sizeof(*hoa), mn);
	return mn;
}

static void set_state(struct prefixadv_mn *mn, enum prefixadv_state state)
{
	mn->pa->n_given_up -= mn->state == PREFIXADV_GIVEN_UP;
	mn->pa->n_given_up += state == PREFIXADV_GIVEN_UP;
	mn->state = state;
}

static void set_change(struct prefixadv_mn *mn, bool change)
{
	mn->pa->n_changes -= mn->change;
	mn->pa->n_changes += change;
	mn->change = change;
}

static void del(struct prefixadv_mn *mn)
{
	set_state(mn, PREFIXADV_QUIET);
	set_change(mn, false);
	timers_del(mn->pa->timers, &mn->timer);
	HASH_DEL(mn->pa->table, mn);
	free(mn);
}

void prefixadv_fini(struct prefixadv *pa)
{
	struct prefixadv_mn *mn, *next;

	HASH_ITER(hh, pa->table, mn, next)
		del(mn);
}

void prefixadv_set(struct prefixadv *pa, const struct prefixadv_conf *conf)
{
	pa->conf = *conf;
	if (!conf->on)
		prefixadv_fini(pa);
}

static mtime later(mtime a, mtime b)
{
	return mtime_before(a, b) ? b : a;
}

/* RFC 6275 6.8: no more than one a second to any mobile node. */
static mtime free_at(const struct prefixadv_mn *mn, mtime now)
{
	return mn->sent_any ? later(now, mtime_add(mn->sent,
				MTIME_SEC(PREFIXADV_SPACING))) : now;
}

/* Timers follow from state: only here is one set. */
static void plan(struct prefixadv_mn *mn, mtime now)
{
	timers_set(mn->pa->timers, &mn->timer,
		   free_at(mn, mn->asked ? now : mn->due));
}

static mtime seconds(uint32_t s)
{
	return MTIME_SEC(s);
}

/* In [0, limit), by milliseconds. */
static mtime random_time(const struct prefixadv *pa, mtime limit)
{
	int64_t ms = limit.ns / MTIME_MS(1).ns;

	if (ms > UINT32_MAX)
		ms = UINT32_MAX;
	return MTIME_MS(ms > 0 ? pa->ops->random((uint32_t)ms) : 0);
}

/*
 * RFC 6275 10.6.2: RAND_ADV_DELAY. That is for changes by which the address
 * is not deprecated. Where it is, or ends soon, its node has to hear of it
 * before: within half of what is left, and MinMobPfxAdvInterval at most.
 */
static mtime random_delay(const struct prefixadv_mn *mn, bool *urgent)
{
	const struct prefixadv *pa = mn->pa;
	mtime min = pa->conf.min, max = pa->conf.max, range;
	uint32_t preferred, valid;

	pa->ops->lifetimes(pa->arg, &mn->hoa, &preferred, &valid);
	range = seconds(valid / 2);
	*urgent = !preferred || mtime_before(range, min);
	if (*urgent)
		return random_time(pa, mtime_before(range, min) ? range : min);
	if (mtime_before(seconds(preferred), max))
		max = seconds(preferred);
	range.ns = llabs(max.ns - min.ns);
	return mtime_add(min, random_time(pa, range));
}

static void schedule(struct prefixadv_mn *mn, mtime now)
{
	bool urgent, waits = mn->state == PREFIXADV_SCHEDULED ||
			     mn->state == PREFIXADV_UNACKED;
	mtime due = mtime_add(now, random_delay(mn, &urgent));

	/* 10.6.2: the new one goes when the old one was to go */
	if (!waits || (urgent && mtime_before(due, mn->due)))
		mn->due = due;
	set_state(mn, PREFIXADV_SCHEDULED);
	mn->sends = 0;
	plan(mn, now);
}

/* Is it one of those that there is no room for, but for a reason? */
static bool is_spare(const struct prefixadv_mn *mn)
{
	return HASH_COUNT(mn->pa->table) > mn->pa->conf.room;
}

static void be_quiet(struct prefixadv_mn *mn, mtime now)
{
	set_state(mn, PREFIXADV_QUIET);
	set_change(mn, false);
	mn->sends = 0;
	mn->due = mtime_add(now, is_spare(mn) ? MTIME_SEC(PREFIXADV_SPACING) :
				 mn->pa->conf.max);
	plan(mn, now);
}

/* What was sent, or was to be, is acknowledged by what comes next. */
static void answer(struct prefixadv_mn *mn, mtime now)
{
	mn->asked = false;
	mn->sent_any = true;
	mn->sent = now;
	mn->pa->ops->send(mn->pa->arg, &mn->hoa, mn->id, true);
	be_quiet(mn, now);
}

/* RFC 6275 10.6.2: PREFIX_ADV_TIMEOUT, doubled each time, until all were tried;
 * then nothing but another BU, or time, begins it again. */
static void send_unsolicited(struct prefixadv_mn *mn, mtime now)
{
	struct prefixadv *pa = mn->pa;

	mn->rto = mn->sends ? mtime_add(mn->rto, mn->rto) :
			      MTIME_SEC(PREFIXADV_TIMEOUT);
	mn->sends++;
	set_state(mn, mn->sends > PREFIXADV_RETRIES ? PREFIXADV_GIVEN_UP :
						     PREFIXADV_UNACKED);
	mn->sent_any = true;
	mn->sent = now;
	mn->due = mtime_add(now, mn->state == PREFIXADV_UNACKED ? mn->rto :
								 pa->conf.max);
	pa->ops->send(pa->arg, &mn->hoa, (uint16_t)pa->ops->random(1 << 16),
		      false);
	plan(mn, now);
}

static void on_timer(struct timer *timer, mtime now)
{
	struct prefixadv_mn *mn = (struct prefixadv_mn *)
		((char *)timer - offsetof(struct prefixadv_mn, timer));

	if (mn->asked) {
		answer(mn, now);
		return;
	}
	switch ((enum prefixadv_state)mn->state) {
	case PREFIXADV_QUIET:
	case PREFIXADV_GIVEN_UP:
		/* none was sent in the last MaxMobPfxAdvInterval */
		if (is_spare(mn))
			del(mn);
		else
			schedule(mn, now);
		break;
	case PREFIXADV_SCHEDULED:
	case PREFIXADV_UNACKED:
		send_unsolicited(mn, now);
		break;
	}
}

/* NULL: no memory. */
static struct prefixadv_mn *get(struct prefixadv *pa,
				const struct in6_addr *hoa)
{
	struct prefixadv_mn *mn = find(pa, hoa);

	if (mn)
		return mn;
	mn = calloc(1, sizeof(*mn));
	if (!mn)
		return NULL;
	mn->pa = pa;
	mn->hoa = *hoa;
	mn->timer.fn = on_timer;
	HASH_ADD(hh, pa->table, hoa, sizeof(mn->hoa), mn);
	if (find(pa, hoa) == mn)
		return mn;
	free(mn);
	return NULL;
}

void prefixadv_bound(struct prefixadv *pa, const struct in6_addr *hoa,
		     mtime now)
{
	struct prefixadv_mn *mn = find(pa, hoa);

	if (!pa->conf.on)
		return;
	if (!mn) {
		/* 10.6.2: none was sent to it yet */
		if (HASH_COUNT(pa->table) < pa->conf.room)
			mn = get(pa, hoa);
		if (mn)
			schedule(mn, now);
		return;
	}
	/* 10.6.2: it sends another BU: begin again */
	if (mn->state != PREFIXADV_GIVEN_UP)
		return;
	set_state(mn, PREFIXADV_SCHEDULED);
	mn->sends = 0;
	mn->due = now;
	plan(mn, now);
}

bool prefixadv_settled(const struct prefixadv *pa, uint32_t n_bound)
{
	uint32_t all = n_bound < pa->conf.room ? n_bound : pa->conf.room;

	return !pa->conf.on ||
	       (!pa->n_given_up && HASH_COUNT(pa->table) >= all);
}

void prefixadv_unbound(struct prefixadv *pa, const struct in6_addr *hoa)
{
	struct prefixadv_mn *mn = find(pa, hoa);

	if (mn)
		del(mn);
}

int prefixadv_changed(struct prefixadv *pa, const struct in6_addr *hoa,
		      mtime now)
{
	struct prefixadv_mn *mn;

	if (!pa->conf.on)
		return 0;
	mn = get(pa, hoa);
	if (!mn)
		return -ENOMEM;
	set_change(mn, true);
	schedule(mn, now);
	return 0;
}

int prefixadv_solicited(struct prefixadv *pa, const struct in6_addr *hoa,
			uint16_t id, mtime now)
{
	struct prefixadv_mn *mn;

	if (!pa->conf.on)
		return -EPERM;
	mn = get(pa, hoa);
	if (!mn)
		return -ENOMEM;
	mn->asked = true;
	mn->id = id;
	if (mtime_before(now, free_at(mn, now)))
		plan(mn, now);
	else
		answer(mn, now);
	return 0;
}

bool prefixadv_pending(struct prefixadv *pa, const struct in6_addr *hoa)
{
	/* Binding Updates ask, all of them */
	const struct prefixadv_mn *mn = pa->n_changes ? find(pa, hoa) : NULL;

	return mn && mn->change;
}
