/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several ways: what their home agent says to them, or does not. */
#include <errno.h>
#include <stddef.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/pathsint.h"

/* What was before a move is kept, once the home agent has acknowledged it, for
 * what is under way: two round trips, and no less and no more than these. */
static const mtime KEEP_MOST = {5000000000};

static mtime keep_of(const struct paths *p)
{
	const struct bul_entry *e = p->h->e;
	mtime rtt = e->sent_at.ns ? mtime_sub(loop_now(), e->sent_at) :
				    (mtime){0};
	mtime keep = mtime_add(rtt, rtt);

	if (mtime_before(keep, PATHS_KEEP))
		return PATHS_KEEP;
	return mtime_before(KEEP_MOST, keep) ? KEEP_MOST : keep;
}

static bool can_turn_back(const struct hoa *h)
{
	const struct bul_entry *e = h->e;

	if (!e->multi || h->way.ifindex == e->ifindex ||
	    !paths_usable(h->mn, h->way.ifindex))
		return false;
	return h->way.home ? e->state == BUL_REFRESHING ||
			     e->state == BUL_REGISTERING :
			     e->state == BUL_REFRESHING && e->bound;
}

/* Was it one that packets took, or one that was to be new? */
static void tell_dead(const struct hoa *h)
{
	const struct bul_entry *e = h->e;
	const struct multi_path *p = multi_path_by(e->multi, e->ifindex);
	const struct mn_iface *i = mn_iface(h->mn, e->ifindex);
	const char *name = i ? i->name : "?";

	if (p && p->registered && !paths_on_trial(h, e->ifindex)) {
		count(COUNT_PATHS_DEAD);
		log_warn("HoA %s, HA %s: no answer by %s any more: what went "
			 "by it goes with the rest, it is tried again later",
			 ip6_str(&e->hoa), ip6_str(&e->ha), name);
	} else {
		count(COUNT_MOVES_TAKEN_BACK);
		log_warn("HoA %s, HA %s: no answer by %s: it stays where it "
			 "is, the move is tried again later",
			 ip6_str(&e->hoa), ip6_str(&e->ha), name);
	}
	mn_event(h->mn, ctl_ev("path_dead", "hoa", ip6_str(&e->hoa), "coa",
			       ip6_str(&e->coa), "interface", name, NULL));
}

/* RFC 6275 11.8: the rate may have had the BU wait, and it cannot be answered
 * before it is sent. */
static bool asked_late(struct paths *p, mtime now)
{
	const struct bul_entry *e = p->h->e;
	mtime due = mtime_add(e->tries ? e->began_at : now, p->doubt_for);

	if ((e->tries && !e->sends) || !mtime_before(now, due))
		return false;
	p->doubt_at = due;
	paths_sync(p);
	return true;
}

/* No answer came: what packets take else is refreshed by that, and what took
 * this goes with them. */
static void turn_back(struct hoa *h)
{
	struct bul_entry *e = h->e;
	struct mn *mn = h->mn;

	paths_back_over(h->paths);
	h->paths->doubt_at = (mtime){0};
	if (!can_turn_back(h) || asked_late(h->paths, loop_now()))
		return;
	tell_dead(h);
	h->paths->proving = false;
	move_bar_iface(mn, &e->hoa, e->ifindex);
	paths_sync(h->paths);
	paths_apply(h, true, PATHS_LOST);
	move_soon(mn);
}

/* Does the home agent have the new default? */
static bool has_settled(const struct hoa *h, const struct mn_iface *first)
{
	const struct multi_path *p = h->e->multi ?
		multi_default(h->e->multi) : NULL;

	return !p || p->ifindex == first->ifindex;
}

/* RFC 5648 5.7: one care-of address, as of one that knows no others; several
 * again later. h may be gone afterwards. */
static void take_refusal(struct hoa *h, uint8_t status)
{
	const struct bul_entry *e = h->e;
	struct mn *mn = h->mn;
	mtime pause = move_bar_several(mn, &e->hoa, status);

	count(COUNT_SEVERAL_REFUSED);
	log_warn("HoA %s, HA %s: refuses several care-of addresses (status "
		 "%u, %s): one is registered, several are asked for again in "
		 "%lld s", ip6_str(&e->hoa), ip6_str(&e->ha), status,
		 mh_status_str(status), (long long)mtime_sec(pause));
	paths_apply(h, true, PATHS_MOVE);
	move_settled(mn);
	move_soon(mn);
}

/* What it does not do, and has just let us know. */
static void take_lack(struct hoa *h, unsigned int lacks)
{
	const struct bul_entry *e = h->e;
	struct mn *mn = h->mn;

	if (!e->multi && (lacks & MULTI_LACKS_ALL))
		log_info("HoA %s, HA %s: takes one care-of address only",
			 ip6_str(&e->hoa), ip6_str(&e->ha));
	paths_sync(h->paths);
	paths_apply(h, true, PATHS_MOVE);
	move_settled(mn);
	move_soon(mn);	/* what it cannot have any more */
}

static bool wants_home(const struct hoa *h)
{
	const struct multi *m = h->e->multi;
	unsigned int k;

	for (k = 0; m && k < m->n_paths; k++)
		if (m->paths[k].home)
			return true;
	return paths_home(h);
}

/* A BA came: what was before it may go in a while, or what is wanted cannot
 * be. Since then but one link may be left, so that all of it goes by that. */
static void judge(struct hoa *h)
{
	struct paths *p = h->paths;
	const struct bul_entry *e = h->e;
	const struct mn_iface *first = paths_default(h);
	unsigned int lacks = bul_lacks(&h->mn->bul, &h->e->ha);
	bool on_trial = paths_on_trial(h, p->want.ifindex);
	struct mn *mn = h->mn;

	p->judge = false;
	p->doubt_at = (mtime){0};
	paths_proved(p);
	paths_tell(p);
	if (e->multi && e->multi->refused) {
		paths_back_over(p);
		take_refusal(h, e->multi->refused);
		return;
	}
	if (((lacks & MULTI_LACKS_HOME) && wants_home(h)) ||
	    (!e->multi && (lacks & MULTI_LACKS_ALL))) {
		paths_back_over(p);
		take_lack(h, lacks);
		return;
	}
	if (e->multi)
		move_several_taken(mn, &e->hoa);
	if (e->multi && e->state == BUL_BOUND && first && has_settled(h, first))
		p->settle_at = mtime_add(loop_now(), keep_of(p));
	paths_sync(p);
	move_settled(mn);
	if (on_trial && !paths_on_trial(h, p->want.ifindex))
		move_soon(mn);		/* it leads somewhere */
}

static bool due(const mtime *at, mtime now)
{
	return at->ns && !mtime_before(now, *at);
}

void paths_on_timer(struct timer *timer, mtime now)
{
	struct paths *p = (struct paths *)((char *)timer -
					   offsetof(struct paths, timer));
	bool settle = due(&p->settle_at, now);

	if (due(&p->back_until, now)) {
		paths_back_over(p);
		move_soon(p->h->mn);
	}
	if (p->judge) {
		judge(p->h);
		return;
	}
	if (settle)
		p->settle_at = (mtime){0};
	paths_sync(p);
	/* one of them: h may be gone afterwards */
	if (settle)
		paths_apply(p->h, true, PATHS_SETTLE);
	else if (due(&p->doubt_at, now))
		turn_back(p->h);
	else if (due(&p->probe_at, now))
		paths_probe(p, now);
}

void paths_multi(void *arg, struct bul_entry *e)
{
	struct hoa *h = e->priv;
	struct mn *mn = arg;

	h->paths->judge = true;
	timers_set(&mn->loop.timers, &h->paths->timer, loop_now());
}

/* ---- to whoever asks why */

static int flow_refused(const struct hoa *h, const struct dp_flow_key *key,
			uint8_t *status)
{
	const struct multi_flow *f = h->e->multi ?
		multi_flow(h->e->multi, key) : NULL;

	if (!f || f->due || f->registered || f->status < FLOW_STATUS_PROHIBITED)
		return 0;
	*status = f->status;
	return -EACCES;
}

static int path_refused(const struct hoa *h, uint32_t to, uint8_t *status)
{
	const struct multi_path *p = h->e->multi ?
		multi_path_by(h->e->multi, to) : NULL;

	if (!p || p->due || p->registered || p->status < 128)
		return 0;
	*status = p->status;
	return -ECONNREFUSED;
}

/* One that is away may go as a whole all the same. */
static int several_refused(struct mn *mn, const struct dp_flow_key *key,
			   const struct hoa *h, uint8_t *status)
{
	if ((!key->proto && h && !paths_home(h)) ||
	    !move_several_barred(mn, &key->hoa))
		return 0;
	*status = move_several_status(mn, &key->hoa);
	return -ECONNREFUSED;
}

/* Flow status 128, or no flow options at all (RFC 6089 5.2.6), and the likes of
 * RFC 5648 5.7: known until the next reload. */
static int lacks_it(const struct hoa *h, const struct dp_flow_key *key)
{
	unsigned int lacks = bul_lacks(&h->mn->bul, &h->e->ha);
	unsigned int home = paths_home(h) ? MULTI_LACKS_ALL |
					    MULTI_LACKS_HOME : 0;

	if (lacks & (key->proto ? MULTI_LACKS_ALL | MULTI_LACKS_FLOWS | home :
				  home))
		return -EOPNOTSUPP;
	return 0;
}

int paths_refused(struct mn *mn, const struct dp_flow_key *key, uint32_t to,
		  uint8_t *status)
{
	const struct bul_entry *e = bul_find(&mn->bul, &key->hoa);
	const struct hoa *h = e ? e->priv : NULL;
	int err;

	*status = 0;
	err = several_refused(mn, key, h, status);
	if (!err && move_iface_barred(mn, &key->hoa, to))
		err = -EHOSTUNREACH;
	if (err || !h)
		return err;
	err = flow_refused(h, key, status);
	if (!err)
		err = path_refused(h, to, status);
	return err ? err : lacks_it(h, key);
}
