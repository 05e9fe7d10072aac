/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/live.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ip6.h"

static struct live_peer *peer_find(const struct live *live,
				   const struct in6_addr *ha)
{
	struct live_peer *p;

	for (p = live->peers; p; p = p->next)
		if (ip6_addr_eq(&p->ha, ha))
			return p;
	return NULL;
}

const struct live_peer *live_find(const struct live *live,
				  const struct in6_addr *ha)
{
	return peer_find(live, ha);
}

static void set_state(struct live *live, struct live_peer *p,
		      enum live_state state)
{
	enum live_state old = p->state;

	p->state = state;
	if (old == state)
		return;
	p->skip = p->skipped = 0;
	live->ops->state(live->arg, p, old);
}

/* Timers follow from state: the one place that arms the timer. */
static void timer_control(struct live *live, mtime now)
{
	const int64_t step = live->interval.ns;
	const struct live_peer *p;
	mtime at = {INT64_MAX}, next;

	for (p = live->peers; p && step; p = p->next) {
		next = p->first_at;
		if (!next.ns)
			next.ns = (now.ns / step + 1) * step;
		if (p->active && mtime_before(next, at))
			at = next;
	}
	if (at.ns == INT64_MAX)
		timers_del(live->timers, &live->timer);
	else
		timers_set(live->timers, &live->timer, at);
}

static void request(struct live *live, struct live_peer *p, mtime now)
{
	p->seq++;
	if (live->ops->request(live->arg, p))
		return;
	p->waiting = true;
	p->unanswered++;
	p->sent_at = now;
}

/* RFC 5847 3.1: the count is reset. One that has not answered a heartbeat yet
 * may still not know them. */
static void alive(struct live *live, struct live_peer *p, mtime now)
{
	p->heard_at = now;
	p->waiting = false;
	p->missing = 0;
	if (p->state == LIVE_DEAD)
		set_state(live, p, LIVE_UP);
}

/* RFC 5847 3.1. Its section 5 has the limit as what concludes that the peer is
 * not reachable, its section 3.1 one more: here it is the limit. */
static void miss(struct live *live, struct live_peer *p)
{
	p->waiting = false;
	if (p->state == LIVE_DEAD || p->state == LIVE_MUTE)
		return;
	p->missing++;
	live->ops->missed(live->arg, p);
	if (p->missing < live->allowed)
		return;
	set_state(live, p, p->state == LIVE_NEW ? LIVE_MUTE : LIVE_DEAD);
}

/* Is it time for another request? One that does not answer is asked less and
 * less. */
static bool due(struct live *live, struct live_peer *p, bool grown, mtime now)
{
	const unsigned int max = p->state == LIVE_DEAD ? LIVE_SKIP_DEAD :
				 p->state == LIVE_MUTE ? LIVE_SKIP_MUTE : 0;
	mtime stale = {p->sent_at.ns + LIVE_MEASURE * live->interval.ns};

	if (p->skip) {
		p->skip--;
		return false;
	}
	if (max) {
		p->skipped = 2 * p->skipped + 1;
		if (p->skipped > max)
			p->skipped = max;
		p->skip = p->skipped;
	}
	return !(grown && p->state == LIVE_UP && mtime_before(now, stale));
}

static bool grown(struct live *live, struct live_peer *p)
{
	uint64_t was = p->received;

	p->received = live->ops->received(live->arg, &p->ha);
	return p->received > was;
}

/* slept: the machine did, and answers may have come to nobody. */
static void tick(struct live *live, struct live_peer *p, bool slept, mtime now)
{
	bool traffic = grown(live, p);

	if (traffic)
		alive(live, p, now);
	if (p->waiting && !slept)
		miss(live, p);
	if (due(live, p, traffic, now))
		request(live, p, now);
}

static void on_timer(struct timer *timer, mtime now)
{
	struct live *live = (struct live *)((char *)timer -
					    offsetof(struct live, timer));
	const int64_t step = live->interval.ns;
	/* late by some moments, it is still that tick */
	mtime begun = {now.ns / step * step};
	bool is_tick = mtime_before(live->ticked, begun);
	bool slept = now.ns - live->ticked.ns > 2 * step;
	struct live_peer *p;

	for (p = live->peers; p; p = p->next) {
		if (!p->active)
			continue;
		if (p->first_at.ns && !mtime_before(now, p->first_at)) {
			p->first_at = (mtime){0};
			p->refused = false;
			p->received = live->ops->received(live->arg, &p->ha);
			request(live, p, now);
		} else if (is_tick && !p->first_at.ns) {
			tick(live, p, slept, now);
		}
	}
	if (is_tick)
		live->ticked = begun;
	timer_control(live, now);
}

void live_init(struct live *live, const struct live_ops *ops, void *arg,
	       struct timers *timers, mtime interval, uint32_t allowed)
{
	*live = (struct live){
		.ops = ops, .arg = arg, .timers = timers,
		.interval = interval, .allowed = allowed,
		.timer.fn = on_timer,
	};
}

void live_fini(struct live *live)
{
	while (live->peers) {
		struct live_peer *next = live->peers->next;

		free(live->peers);
		live->peers = next;
	}
	if (live->timers)
		timers_del(live->timers, &live->timer);
}

void live_configure(struct live *live, mtime interval, uint32_t allowed,
		    mtime now)
{
	live->interval = interval;
	live->allowed = allowed;
	live->ticked = now;
	timer_control(live, now);
}

void live_begin(struct live *live)
{
	struct live_peer *p;

	for (p = live->peers; p; p = p->next)
		p->used = p->active = false;
}

int live_use(struct live *live, const struct in6_addr *ha, bool active,
	     uint32_t seq, mtime now)
{
	struct live_peer *p = peer_find(live, ha);

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		p->ha = *ha;
		p->seq = seq;
		p->first_at = mtime_add(now, MTIME_SEC(LIVE_FIRST));
		p->next = live->peers;
		live->peers = p;
	}
	p->used = true;
	p->active |= active;
	return 0;
}

void live_end(struct live *live, mtime now)
{
	struct live_peer **at = &live->peers, *p;

	while ((p = *at)) {
		/* what is lost while nobody listens is no sign of death */
		if (!p->active)
			p->waiting = false;
		if (p->used) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free(p);
	}
	if (!timer_armed(&live->timer))
		live->ticked = now;
	timer_control(live, now);
}

void live_moved(struct live *live)
{
	struct live_peer *p;

	for (p = live->peers; p; p = p->next)
		p->waiting = false;
}

void live_heard(struct live *live, const struct in6_addr *ha, mtime now)
{
	struct live_peer *p = peer_find(live, ha);

	if (p)
		alive(live, p, now);
}

static void measure(struct live_peer *p, mtime now)
{
	p->rtt = mtime_sub(now, p->sent_at);
	p->has_rtt = true;
	p->measured_at = now;
}

/* RFC 5847 3.2: another value than before, or the first that we hear. */
static void take_restart(struct live *live, struct live_peer *p,
			 const struct mh *mh)
{
	const struct mh_opt *opt = mh_opt_find(mh, MH_OPT_RESTART);
	bool changed = opt && p->has_restart && p->restart != opt->restart;

	if (!opt)
		return;
	p->has_restart = true;
	p->restart = opt->restart;
	if (changed)
		live->ops->restarted(live->arg, p);
}

enum reason live_response(struct live *live, const struct in6_addr *ha,
			  const struct mh *mh, mtime now)
{
	struct live_peer *p = peer_find(live, ha);
	bool unsolicited = mh->hb.flags & MH_HB_U;

	if (!p)
		return REASON_HB_UNMATCHED;
	/* 3.2: its sequence number is ignored. A late answer shows life too. */
	if (!unsolicited && p->seq - mh->hb.seq >= p->unanswered)
		return REASON_HB_UNMATCHED;
	if (!unsolicited && p->waiting && mh->hb.seq == p->seq)
		measure(p, now);
	if (!unsolicited) {
		p->unanswered = 0;
		p->answered_at = now;
	}
	if (p->refused)
		p->first_at = (mtime){0};
	p->refused = false;
	alive(live, p, now);
	set_state(live, p, LIVE_UP);
	timer_control(live, now);
	take_restart(live, p, mh);
	live->ops->answered(live->arg, p);
	return REASON_NONE;
}

bool live_refused(struct live *live, const struct in6_addr *ha, mtime now)
{
	struct live_peer *p = peer_find(live, ha);

	if (!p || !p->unanswered || p->answered_at.ns || p->refused)
		return false;
	p->refused = true;
	p->waiting = false;
	p->first_at = mtime_add(now, MTIME_SEC(LIVE_REFUSED));
	set_state(live, p, LIVE_MUTE);
	timer_control(live, now);
	return true;
}

int live_probe(struct live *live, const struct in6_addr *ha, mtime now)
{
	struct live_peer *p = peer_find(live, ha);
	uint32_t before = p ? p->unanswered : 0;

	if (!p || !p->active || p->refused)
		return -ENOENT;
	request(live, p, now);
	return p->unanswered > before ? 0 : -EIO;
}
