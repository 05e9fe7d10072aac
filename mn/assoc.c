/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/assoc.h"

#include <stddef.h>
#include <stdlib.h>

#include "proto/ip6.h"

/* An attempt that failed is made again after this, doubled each time. */
static const mtime RETRY_FIRST = {1000000000};
static const mtime RETRY_MAX = {64000000000};
/* What was up so long may be made again at once; else two ends that quarrel
 * would do so for ever. */
static const mtime STEADY = {10000000000};

const char *assoc_state_str(enum assoc_state state)
{
	switch (state) {
	case ASSOC_IDLE: return "idle";
	case ASSOC_CONNECTING: return "connecting";
	case ASSOC_UP: return "up";
	case ASSOC_RENEWING: return "renewing";
	case ASSOC_FAILED: return "failed";
	case ASSOC_LEAVING: return "leaving";
	}
	return "?";
}

bool assoc_definitive(enum reason why)
{
	switch ((int)why) {
	case REASON_IKE_REFUSED_TS:
	case REASON_IKE_REFUSED_US:
	case REASON_IKE_ANCHOR:
	case REASON_IKE_UNKNOWN_CA:
	case REASON_IKE_CERT_EXPIRED:
	case REASON_IKE_CERT_REVOKED:
	case REASON_IKE_CERT_POLICY:
	case REASON_IKE_PSK:
	case REASON_IKE_SIGNATURE:
		return true;
	}
	return false;
}

/* Refusals in this network before one is believed that anybody in it can send:
 * 15 s, by the back-off from RETRY_FIRST. */
enum { UNPROVED_MAX = 5 };

/* Of those that assoc_definitive() knows: this one the HA sends when it has
 * authenticated itself (RFC 7296 2.9), the others say that it has not. */
static bool is_believed(const struct assoc *a)
{
	return !a->away || a->why == REASON_IKE_REFUSED_TS ||
	       a->unproved >= UNPROVED_MAX;
}

void assocs_init(struct assocs *assocs, const struct assoc_ops *ops, void *arg,
		 struct timers *timers)
{
	*assocs = (struct assocs){.ops = ops, .arg = arg, .timers = timers};
}

static void delete(struct assoc *a)
{
	struct assoc **p;

	timers_del(a->assocs->timers, &a->timer);
	for (p = &a->assocs->list; *p; p = &(*p)->next) {
		if (*p == a) {
			*p = a->next;
			break;
		}
	}
	free(a);
}

void assocs_fini(struct assocs *assocs)
{
	while (assocs->list)
		delete(assocs->list);
}

struct assoc *assoc_find(struct assocs *assocs, const struct in6_addr *hoa,
			 const struct in6_addr *ha)
{
	struct assoc *a;

	for (a = assocs->list; a; a = a->next)
		if (ip6_addr_eq(&a->hoa, hoa) && ip6_addr_eq(&a->ha, ha))
			return a;
	return NULL;
}

static void on_timer(struct timer *timer, mtime now)
{
	struct assoc *a = (struct assoc *)((char *)timer -
					   offsetof(struct assoc, timer));
	struct assocs *assocs = a->assocs;

	assoc_event(a, ASSOC_EV_TIMER, now);
	assocs_run(assocs, now);
}

struct assoc *assoc_get(struct assocs *assocs, const struct in6_addr *hoa,
			const struct in6_addr *ha)
{
	struct assoc *a = assoc_find(assocs, hoa, ha), **p;

	if (a)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->assocs = assocs;
	a->hoa = *hoa;
	a->ha = *ha;
	a->rto = RETRY_FIRST;
	a->timer.fn = on_timer;
	for (p = &assocs->list; *p; p = &(*p)->next)
		;
	*p = a;
	return a;
}

/* Timers follow from state: the one place that arms a's timer. */
static void timer_control(struct assoc *a)
{
	if (a->state == ASSOC_FAILED)
		timers_set(a->assocs->timers, &a->timer, a->retry_at);
	else
		timers_del(a->assocs->timers, &a->timer);
}

static void set_state(struct assoc *a, enum assoc_state state)
{
	enum assoc_state old = a->state;

	a->state = state;
	timer_control(a);
	if (old != state)
		a->assocs->ops->state(a->assocs->arg, a, old);
}

/* The present delay, for the next time doubled. */
static mtime back_off(struct assoc *a)
{
	mtime delay = a->rto;

	a->rto = mtime_add(a->rto, a->rto);
	if (mtime_before(RETRY_MAX, a->rto))
		a->rto = RETRY_MAX;
	return delay;
}

static void fail(struct assoc *a, mtime now)
{
	mtime delay = back_off(a);

	if (assoc_definitive(a->why) && is_believed(a))
		delay = RETRY_MAX;
	a->retry_at = mtime_add(now, delay);
	set_state(a, ASSOC_FAILED);
}

static void drop_attempt(struct assoc *a)
{
	uint32_t id = a->attempt;

	a->attempt = 0;
	if (id)
		a->assocs->ops->end(a->assocs->arg, a, id, false);
}

/* A move: what was begun elsewhere leads nowhere, and what failed elsewhere
 * may well work here. */
static void do_source(struct assoc *a)
{
	drop_attempt(a);
	a->rto = RETRY_FIRST;
	a->unproved = 0;
	a->renew_at = (mtime){0};
	a->suspect = false;	/* the old place may have been at fault */
	if (a->state == ASSOC_CONNECTING || a->state == ASSOC_RENEWING ||
	    a->state == ASSOC_FAILED || a->state == ASSOC_IDLE)
		set_state(a, a->id ? ASSOC_UP : ASSOC_IDLE);
}

static void do_up(struct assoc *a, mtime now)
{
	a->id = a->attempt;
	a->attempt = 0;
	a->suspect = false;
	a->why = REASON_NONE;
	a->unproved = 0;
	a->up_since = now;
	set_state(a, ASSOC_UP);
}

static void do_failed(struct assoc *a, mtime now)
{
	a->attempt = 0;
	if (assoc_definitive(a->why))
		a->unproved++;
	if (a->id && !a->suspect)	/* it has answered after all */
		set_state(a, ASSOC_UP);
	else
		fail(a, now);
	a->assocs->ops->failed(a->assocs->arg, a);
	if (assoc_definitive(a->why) && is_believed(a) && a->away &&
	    (!a->id || a->suspect))
		a->assocs->ops->refused(a->assocs->arg, a);
}

/* The home agent ended it, or was found dead. */
static void do_lost(struct assoc *a, mtime now)
{
	a->id = 0;
	a->suspect = false;
	if (a->state == ASSOC_RENEWING) {
		set_state(a, ASSOC_CONNECTING);
		return;
	}
	if (a->state != ASSOC_UP)
		return;
	if (mtime_before(now, mtime_add(a->up_since, STEADY))) {
		fail(a, now);
		return;
	}
	a->rto = RETRY_FIRST;
	set_state(a, ASSOC_IDLE);
}

/* A home agent that answers IKE and no BU would have us make SAs for ever:
 * that is done less and less often. */
static void do_suspect(struct assoc *a, mtime now)
{
	if (a->state != ASSOC_UP || mtime_before(now, a->renew_at))
		return;
	a->suspect = true;
	a->renew_at = mtime_add(now, back_off(a));
	set_state(a, ASSOC_IDLE);
}

static void do_answered(struct assoc *a)
{
	a->suspect = false;
	a->rto = RETRY_FIRST;
	a->renew_at = (mtime){0};
	if (a->id && (a->state == ASSOC_IDLE || a->state == ASSOC_FAILED))
		set_state(a, ASSOC_UP);
}

void assoc_event(struct assoc *a, enum assoc_event ev, mtime now)
{
	switch (ev) {
	case ASSOC_EV_SOURCE:
		do_source(a);
		break;
	case ASSOC_EV_UP:
		do_up(a, now);
		break;
	case ASSOC_EV_FAILED:
		do_failed(a, now);
		break;
	case ASSOC_EV_LOST:
		do_lost(a, now);
		break;
	case ASSOC_EV_SUSPECT:
		do_suspect(a, now);
		break;
	case ASSOC_EV_ANSWERED:
		do_answered(a);
		break;
	case ASSOC_EV_TIMER:
		if (a->state == ASSOC_FAILED)
			set_state(a, ASSOC_IDLE);
		break;
	}
}

void assoc_want(struct assoc *a, const struct in6_addr *source, bool away,
		bool trusted, mtime now)
{
	bool moved = !ip6_addr_eq(&a->source, source);

	a->source = *source;
	a->away = away;
	a->trusted = trusted;
	if (a->state == ASSOC_LEAVING)	/* just so: there is nothing to tell */
		set_state(a, ASSOC_UP);
	if (moved)
		assoc_event(a, ASSOC_EV_SOURCE, now);
}

void assoc_unwant(struct assoc *a, const struct in6_addr *source)
{
	drop_attempt(a);
	a->source = *source;
	if (a->id)
		set_state(a, ASSOC_LEAVING);
	else
		delete(a);
}

void assocs_up(struct assocs *assocs, uint32_t id, mtime now)
{
	struct assoc *a;

	for (a = assocs->list; a; a = a->next) {
		if (a->attempt == id) {
			assoc_event(a, ASSOC_EV_UP, now);
			return;
		}
	}
}

void assocs_assigned(struct assocs *assocs, uint32_t id,
		     const struct in6_addr *hoa)
{
	struct assoc *a = assocs->list, *other;

	while (a && a->attempt != id)
		a = a->next;
	if (!a || !IN6_IS_ADDR_UNSPECIFIED(&a->hoa))
		return;
	other = assoc_find(assocs, hoa, &a->ha);
	if (other) {
		/* its IKE SA is replaced by the new one */
		drop_attempt(other);
		delete(other);
	}
	a->hoa = *hoa;
}

void assocs_down(struct assocs *assocs, uint32_t id, enum reason why, mtime now)
{
	struct assoc *a;

	for (a = assocs->list; a; a = a->next) {
		if (a->attempt != id && a->id != id)
			continue;
		a->why = why;
		if (a->attempt == id)
			assoc_event(a, ASSOC_EV_FAILED, now);
		else if (a->state == ASSOC_LEAVING)
			delete(a);
		else
			assoc_event(a, ASSOC_EV_LOST, now);
		return;
	}
}

/* ---- whose turn it is */

/* RFC 6275 11.3.2 has IKE run from the CoA: no other way is left to it. */
static bool urgent(const struct assoc *a)
{
	return a->suspect || (a->away && !a->id);
}

static bool may_begin(const struct assoc *a)
{
	unsigned int busy = 0, untrusted = 0;
	const struct assoc *b;

	if (a->state != ASSOC_IDLE || IN6_IS_ADDR_UNSPECIFIED(&a->source) ||
	    (a->assocs->held && !urgent(a)))
		return false;
	for (b = a->assocs->list; b; b = b->next) {
		if (!b->attempt)
			continue;
		if (ip6_addr_eq(&a->ha, &b->ha))
			return false;
		busy++;
		untrusted += !b->trusted;
	}
	return busy < ASSOC_BUSY_MAX &&
	       (a->trusted || untrusted < ASSOC_UNTRUSTED_MAX);
}

static void begin(struct assoc *a, mtime now)
{
	a->attempt = a->assocs->ops->initiate(a->assocs->arg, a);
	if (a->attempt) {
		set_state(a, a->id ? ASSOC_RENEWING : ASSOC_CONNECTING);
		return;
	}
	a->why = REASON_IKE_LOCAL;
	fail(a, now);
}

static void leave(struct assoc *a)
{
	a->assocs->ops->end(a->assocs->arg, a, a->id, true);
	delete(a);
}

void assocs_run(struct assocs *assocs, mtime now)
{
	struct assoc *a, *next;

	for (a = assocs->list; a; a = a->next)
		if (urgent(a) && may_begin(a))
			begin(a, now);
	for (a = assocs->list; a; a = next) {
		next = a->next;
		if (may_begin(a))
			begin(a, now);
		else if (a->state == ASSOC_LEAVING && !assocs->held &&
			 !IN6_IS_ADDR_UNSPECIFIED(&a->source))
			leave(a);
	}
}
