/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/mpd.h"

#include <stddef.h>

static const mtime forever = {INT64_MAX};

static mtime earlier(mtime a, mtime b)
{
	return mtime_before(b, a) ? b : a;
}

static mtime later(mtime a, mtime b)
{
	return mtime_before(a, b) ? b : a;
}

static bool is_forever(mtime t)
{
	return t.ns == forever.ns;
}

/* Timers follow from state: only here is one set. */
static void plan(struct mpd *m)
{
	mtime at = forever;

	if (m->known)
		at = earlier(m->valid, m->early);
	if (m->bound && m->wanted)
		at = earlier(at, m->retry);
	if (is_forever(at))
		timers_del(m->timers, &m->timer);
	else	/* out of memory: the next event does it */
		timers_set(m->timers, &m->timer, at);
}

static void solicit(struct mpd *m, mtime now)
{
	/* RFC 6275 11.4.2: a random value; of one that is sent again, the
	 * same: its answer may only be late */
	if (!m->sends)
		m->id = (uint16_t)m->ops->random(1 << 16);
	m->rto = m->sends ? mtime_add(m->rto, m->rto) :
			    MTIME_SEC(MPD_TIMEOUT);
	m->asked = true;
	m->wanted = ++m->sends < MPD_SENDS_MAX;
	m->sent = now;
	m->retry = mtime_add(now, m->rto);
	m->ops->solicit(m->arg, m, m->id);
}

static void want(struct mpd *m, mtime now)
{
	if (m->wanted)
		return;
	m->wanted = true;
	m->sends = 0;
	m->retry = m->sent.ns ? later(now, mtime_add(m->sent,
					MTIME_SEC(MPD_SPACING))) : now;
}

/* All that it does by itself it does here: those who tell it of events may be
 * in the midst of something with the HoA. */
static void on_timer(struct timer *timer, mtime now)
{
	struct mpd *m = (struct mpd *)((char *)timer -
				       offsetof(struct mpd, timer));
	mtime half;

	if (m->known && !mtime_before(now, m->valid)) {
		m->ops->over(m->arg, m);
		return;
	}
	if (m->known && !mtime_before(now, m->early)) {
		half.ns = (m->valid.ns - now.ns) / 2;
		m->early = mtime_add(now, later(half,
						MTIME_SEC(MPD_AGAIN_MIN)));
		want(m, now);
	}
	if (m->bound && m->wanted && !mtime_before(now, m->retry))
		solicit(m, now);
	plan(m);
}

void mpd_init(struct mpd *m, const struct mpd_ops *ops, void *arg,
	      struct timers *timers, const struct in6_addr *hoa)
{
	*m = (struct mpd){ .ops = ops, .arg = arg, .timers = timers,
			   .hoa = *hoa, .timer.fn = on_timer };
}

void mpd_fini(struct mpd *m)
{
	timers_del(m->timers, &m->timer);
}

void mpd_bound(struct mpd *m, bool bound, mtime now)
{
	if (m->bound == bound)
		return;
	m->bound = bound;
	/* what was asked before went from elsewhere, and so will its answer */
	if (bound && m->asked && m->wanted) {
		m->asked = m->wanted = false;
		want(m, now);
	}
	plan(m);
}

void mpd_want(struct mpd *m, mtime now)
{
	want(m, now);
	plan(m);
}

static void set_valid(struct mpd *m, uint32_t valid, mtime now)
{
	mtime life = MTIME_SEC(valid), before = {life.ns / 4};

	m->known = true;
	m->valid = m->early = forever;
	if (valid == UINT32_MAX)
		return;
	m->valid = mtime_add(now, life);
	m->early = mtime_sub(m->valid, earlier(before,
					       MTIME_SEC(MPD_EARLY_MAX)));
}

void mpd_learn(struct mpd *m, uint32_t valid, mtime now)
{
	set_valid(m, valid, now);
	/* RFC 4862 5.5.3: anybody on that link could have said so */
	if (valid < MPD_UNSURE)
		m->valid = mtime_add(now, MTIME_SEC(MPD_UNSURE));
	plan(m);
}

/*
 * RFC 4862 5.5.3, as in a Router Advertisement at home; but for the rule of
 * two hours, which is not for what is authenticated: this was.
 */
static void take(struct mpd *m, const struct nd_prefix *p, mtime now)
{
	const struct ip6_prefix prefix = { p->prefix, p->len };

	if (p->preferred > p->valid || IN6_IS_ADDR_LINKLOCAL(&p->prefix))
		return;
	if (!ip6_prefix_has(&prefix, &m->hoa)) {
		m->ops->other(m->arg, m, p);
		return;
	}
	set_valid(m, p->valid, now);
	m->ops->renewed(m->arg, m, p);
}

enum reason mpd_receive(struct mpd *m, const struct mip *mpa, mtime now)
{
	size_t i;

	/* RFC 6275 11.4.3: discarded, and asked for; or told once already */
	if (!m->asked || mpa->id != m->id) {
		want(m, now);
		plan(m);
		return REASON_MPA_UNSOLICITED;
	}
	m->asked = m->wanted = false;
	m->sends = 0;
	for (i = 0; i < mpa->n_prefixes; i++)
		take(m, &mpa->prefixes[i], now);
	plan(m);
	return REASON_NONE;
}
