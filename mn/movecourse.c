/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves that are under way: from the wish until it is so. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/json.h"
#include "mn/moveint.h"

/* What became of it is looked at so often, where nothing tells, and no longer
 * than that. */
static const mtime CHECK = {10000000};
static const mtime COURSE_MAX = {8000000000};

static struct move_course **find_course(const struct mn *mn,
					const struct dp_flow_key *key)
{
	struct move_course **at = (struct move_course **)&mn->moves.courses;

	while (*at && !move_same_key(&(*at)->key, key))
		at = &(*at)->next;
	return at;
}

const struct move_course *move_course(const struct mn *mn,
				      const struct dp_flow_key *key)
{
	return *find_course(mn, key);
}

static void tell_moved(struct mn *mn, const struct move_course *c)
{
	struct json_object *ev = json_object_new_object();
	mtime took = mtime_sub(loop_now(), c->since);

	put(ev, "event", move_is_whole(&c->key) ? "hoa_moved" : "flow_moved");
	movectl_put(ev, c);
	count(move_is_whole(&c->key) ? COUNT_HOAS_MOVED : COUNT_FLOWS_MOVED);
	if (move_is_whole(&c->key))
		log_info("HoA %s: by %s instead of %s (%s), after %lld ms",
			 ip6_str(&c->key.hoa), c->to_name, c->from_name,
			 move_why_str(c->why),
			 (long long)(took.ns / 1000000));
	else
		log_info("HoA %s, port %u to %s: by %s instead of %s (%s), "
			 "after %lld ms", ip6_str(&c->key.hoa),
			 ntohs(c->key.hoa_port), ip6_str(&c->key.peer),
			 c->to_name, c->from_name, move_why_str(c->why),
			 (long long)(took.ns / 1000000));
	mn_event(mn, ev);
}

static void end_course(struct mn *mn, struct move_course **at, int err)
{
	struct move_course *c = *at;

	*at = c->next;
	if (!err)
		tell_moved(mn, c);
	movectl_done(mn, c, err);
	free(c);
}

static bool is_there(struct mn *mn, const struct move_course *c)
{
	/* what the home agent refuses of it may be undone yet */
	return !paths_unjudged(mn, &c->key.hoa) &&
	       paths_of(mn, &c->key, NULL) == c->to;
}


void move_settled(struct mn *mn)
{
	if (mn->moves.courses)
		timers_set(&mn->loop.timers, &mn->moves.check, loop_now());
}

static void give_up(struct mn *mn, struct move_course **at, int err)
{
	const struct move_course *c = *at;

	count(COUNT_MOVES_FAILED);
	log_warn("HoA %s: not by %s: %s", ip6_str(&c->key.hoa),
		 *c->to_name ? c->to_name : "any interface", strerror(-err));
	end_course(mn, at, err);
}

/* What its home agent has said no to. 0: nothing. */
static int refusal(struct mn *mn, struct move_course *c)
{
	return paths_unjudged(mn, &c->key.hoa) ? 0 :
	       paths_refused(mn, &c->key, c->to, &c->status);
}

/* RFC 6089 5.2.6, RFC 5648 5.7: what it will not have is not to come to pass by
 * surprise later. Where no answer came, it is tried again. */
static void forget_refused(struct mn *mn, const struct dp_flow_key *key,
			   int err)
{
	if (err != -EHOSTUNREACH && !move_order(mn, key, 0, NULL))
		move_soon(mn);
}

static void look(struct mn *mn)
{
	struct move_course **at = &mn->moves.courses;
	struct dp_flow_key key;
	int err;

	while (*at) {
		if (is_there(mn, *at)) {
			end_course(mn, at, 0);
			continue;
		}
		key = (*at)->key;
		err = refusal(mn, *at);
		if (err) {
			give_up(mn, at, err);
			forget_refused(mn, &key, err);
		} else {
			at = &(*at)->next;
		}
	}
}

/* Timers: what did not come, and what is over. */
void movecourse_arm(struct mn *mn)
{
	struct moves *m = &mn->moves;
	mtime at = MTIME_NEVER, now = loop_now();
	unsigned int k;

	if (m->courses)
		at = mtime_add(now, CHECK);
	for (k = 0; k < mn->conf.n_ifaces; k++) {
		const struct move_notice *n = &m->notices[k];

		if (n->copies_until.ns && mtime_before(n->copies_until, at))
			at = n->copies_until;
		if (n->until.ns && mtime_before(n->until, at))
			at = n->until;
	}
	if (!m->bar_ends.ns || mtime_before(now, m->bar_ends))
		m->bar_ends = movebar_next(mn, now);
	/* else one is over, which on_check() has yet to be told */
	if (m->bar_ends.ns && mtime_before(m->bar_ends, at))
		at = m->bar_ends;
	if (mtime_before(at, MTIME_NEVER))
		timers_set(&mn->loop.timers, &m->check, at);
	else
		timers_del(&mn->loop.timers, &m->check);
}

static bool passed(mtime *at, mtime now)
{
	if (!at->ns || mtime_before(now, *at))
		return false;
	at->ns = 0;
	return true;
}

static void on_check(struct timer *timer, mtime now)
{
	struct mn *mn = move_mn((struct moves *)((char *)timer -
					offsetof(struct moves, check)));
	struct move_course **at = &mn->moves.courses;
	bool over = passed(&mn->moves.bar_ends, now);
	unsigned int k;

	if (over)
		movebar_ended(mn);
	look(mn);
	while (*at) {
		if (mtime_before(mtime_add((*at)->since, COURSE_MAX), now))
			give_up(mn, at, -ETIMEDOUT);
		else
			at = &(*at)->next;
	}
	for (k = 0; k < mn->conf.n_ifaces; k++) {
		over |= passed(&mn->moves.notices[k].copies_until, now);
		if (!passed(&mn->moves.notices[k].until, now))
			continue;
		over = true;
		log_info("%s: it was to go, and did not", mn->ifaces[k].name);
	}
	if (over)
		move_soon(mn);
	movecourse_arm(mn);
}

void movecourse_begin(struct mn *mn, const struct move_course *as, int err)
{
	struct move_course **at = find_course(mn, &as->key), *c = *at;

	if (!c) {
		if (as->from == as->to)
			return;
		c = calloc(1, sizeof(*c));
		if (!c)
			return;
		*c = *as;
		c->next = NULL;
		*at = c;
	} else if (c->to != as->to) {	/* another one before it was done */
		c->to = as->to;
		c->since = as->since;
		memcpy(c->to_name, as->to_name, sizeof(c->to_name));
	}
	c->why = as->why;
	memcpy(c->rule, as->rule, sizeof(c->rule));
	if (err)
		give_up(mn, at, err);
	else
		move_settled(mn);
}

void movecourse_init(struct mn *mn)
{
	mn->moves.check.fn = on_check;
}

void movecourse_stop(struct mn *mn)
{
	struct move_course *c;

	timers_del(&mn->loop.timers, &mn->moves.check);
	while ((c = mn->moves.courses)) {
		mn->moves.courses = c->next;
		free(c);
	}
}
