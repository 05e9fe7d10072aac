/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/radio.h"

#include <stddef.h>
#include <string.h>

/* While it is low the signal is asked for this often: the threshold that
 * passes may be another program's, and not every driver tells of a rise. */
static const mtime ASK_EVERY = {2000000000};

/* What has left a weak one does not come back sooner: each way costs a message
 * to every home agent. */
static const mtime WEAK_LEAST = {5000000000};

const char *radio_state_str(enum radio_state state)
{
	switch (state) {
	case RADIO_NONE: return "none";
	case RADIO_GOOD: return "good";
	case RADIO_WEAK: return "weak";
	}
	return "?";
}

static void set_state(struct radio *r, enum radio_state state, mtime now)
{
	enum radio_state old = r->state;

	if (state == old)
		return;
	r->state = state;
	r->since = now;
	r->ops->state(r->arg, r, old);
}

/* The first that says so has copies sent by both ways; not each of them. */
static void leaving(struct radio *r, mtime now)
{
	if (r->state == RADIO_NONE || mtime_before(now, r->leaving_until))
		return;
	r->leaving_until = mtime_add(now, RADIO_LEAVING);
	r->ops->leaving(r->arg, r, true);
}

static void stays(struct radio *r, mtime now)
{
	bool was = mtime_before(now, r->leaving_until);

	r->leaving_until.ns = 0;
	if (was)
		r->ops->leaving(r->arg, r, false);
}

static void watch(struct radio *r)
{
	r->low = r->weak_at && !r->ops->watch(r->arg, r);
}

/* The timer follows from the state. */
static void arm(struct radio *r, mtime now)
{
	if (r->weak_at && (r->state == RADIO_WEAK ||
			   (r->state == RADIO_GOOD && r->low)))
		timers_set(r->timers, &r->timer, mtime_add(now, ASK_EVERY));
	else
		timers_del(r->timers, &r->timer);
}

/* It is associated. Where nothing is known of the signal, it is good. */
static void judge(struct radio *r, int dbm, mtime now)
{
	if (dbm)
		r->dbm = dbm;
	if (!r->weak_at || !r->dbm)
		set_state(r, RADIO_GOOD, now);
	else if (dbm && dbm <= r->weak_at)
		set_state(r, RADIO_WEAK, now);
	else if (dbm && dbm >= r->weak_at + RADIO_HYSTERESIS &&
		 !mtime_before(now, mtime_add(r->since, WEAK_LEAST)))
		set_state(r, RADIO_GOOD, now);
	arm(r, now);
}

static void on_timer(struct timer *timer, mtime now)
{
	struct radio *r = (struct radio *)((char *)timer -
					   offsetof(struct radio, timer));

	judge(r, r->ops->ask(r->arg, r), now);
}

void radio_init(struct radio *r, const struct radio_ops *ops, void *arg,
		struct timers *timers)
{
	*r = (struct radio){
		.ops = ops, .arg = arg, .timers = timers,
		.timer.fn = on_timer,
	};
}

void radio_fini(struct radio *r)
{
	if (r->timers)
		timers_del(r->timers, &r->timer);
}

/* The threshold is set at each association, before wpa_supplicant has its own
 * keys: one of its own (bgscan) comes after it, and stays. */
static void associate(struct radio *r, mtime now)
{
	r->dbm = 0;
	stays(r, now);
	/* with the next one it may be as weak: what is known of that says */
	if (r->state != RADIO_WEAK)
		set_state(r, RADIO_GOOD, now);
	watch(r);
	arm(r, now);
}

/* Where it was about to go, that is over when it is back, not before. */
static void disconnect(struct radio *r, mtime now)
{
	r->low = false;
	r->dbm = 0;
	set_state(r, RADIO_NONE, now);
	arm(r, now);
}

void radio_set(struct radio *r, int weak_at, mtime now)
{
	bool same = weak_at == r->weak_at;

	r->weak_at = weak_at;
	if (same || r->state == RADIO_NONE)
		return;
	watch(r);
	judge(r, weak_at ? r->ops->ask(r->arg, r) : 0, now);
}

void radio_found(struct radio *r, bool associated, mtime now)
{
	if (!associated) {
		disconnect(r, now);
		return;
	}
	if (r->state == RADIO_NONE)
		associate(r, now);
	else	/* anew perhaps, without a threshold; another's is let be */
		r->low = true;
	if (r->weak_at)
		judge(r, r->ops->ask(r->arg, r), now);
}

static void passed(struct radio *r, const struct wifi_event *ev, mtime now)
{
	if (r->state == RADIO_NONE)
		return;
	stays(r, now);		/* that is told of beacons */
	r->low = ev->type == WIFI_SIGNAL_LOW;
	judge(r, ev->dbm || !r->weak_at ? ev->dbm : r->ops->ask(r->arg, r),
	      now);
}

void radio_event(struct radio *r, const struct wifi_event *ev, mtime now)
{
	switch (ev->type) {
	case WIFI_LOOK:
		break;
	case WIFI_CONNECTED:
		associate(r, now);
		r->ops->joined(r->arg, r);
		break;
	case WIFI_DISCONNECTED:
		if (r->state != RADIO_NONE)
			r->ops->lost(r->arg, r);
		disconnect(r, now);
		break;
	case WIFI_SIGNAL_LOW:
	case WIFI_SIGNAL_HIGH:
		passed(r, ev, now);
		break;
	case WIFI_BEACONS_LOST:
		leaving(r, now);
		break;
	}
}
