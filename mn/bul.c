/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/bul.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ip6.h"

/* RFC 6275 12 and 13 */
static const mtime INITIAL_BINDACK_TIMEOUT = {1000000000};
static const mtime INITIAL_BINDACK_TIMEOUT_FIRST_REG = {1500000000};
static const mtime MAX_BINDACK_TIMEOUT = {32000000000};

/* A release that nobody answers is given up after so many BUs: the binding
 * ends by its lifetime. At home that is waited for: until then the HA takes
 * the packets, and defends the address against us. */
enum { RELEASE_SENDS_MAX = 5 };

/* RFC 6275 11.7.3: what may pass is asked for again, at the slowest rate; so
 * many times, then the HA will not have us. */
enum { REFUSALS_MAX = 8 };

/* RFC 6275 11.3.5: no BU to a HA that does not know them, for so long. */
static const mtime BARRED = {300000000000};

/* RFC 6275 11.3.6: a Binding Error has no protection; a flood of them is not
 * to become one of BUs. */
static const mtime ERROR_PAUSE = {10000000000};

/* Packets that overtake the HA's work on a BU are dropped there: they are not
 * from the care-of address that it knows (RFC 6275 10.4.5). They wait for the
 * BA or, where an earlier binding was accepted, for so long at most. */
static const mtime FOLLOW_BU = {10000000};

const char *bul_state_str(enum bul_state state)
{
	switch (state) {
	case BUL_NEW: return "new";
	case BUL_DETACHED: return "detached";
	case BUL_REGISTERING: return "registering";
	case BUL_BOUND: return "bound";
	case BUL_REFRESHING: return "refreshing";
	case BUL_RETURNING: return "returning";
	case BUL_RELEASING: return "releasing";
	case BUL_GONE: return "gone";
	}
	return "?";
}

void bul_init(struct bul *bul, const struct bul_ops *ops, void *arg,
	      struct timers *timers, uint32_t lifetime)
{
	memset(bul, 0, sizeof(*bul));
	bul->ops = ops;
	bul->arg = arg;
	bul->timers = timers;
	bul->lifetime = lifetime;
	bul->first_timeout = INITIAL_BINDACK_TIMEOUT_FIRST_REG;
}

void bul_fini(struct bul *bul)
{
	while (bul->entries)
		bul_del(bul->entries);
}

struct bul_entry *bul_find(struct bul *bul, const struct in6_addr *hoa)
{
	struct bul_entry *e;

	for (e = bul->entries; e; e = e->next)
		if (ip6_addr_eq(&e->hoa, hoa))
			return e;
	return NULL;
}

static void on_timer(struct timer *timer, mtime now)
{
	struct bul_entry *e = (struct bul_entry *)((char *)timer -
				offsetof(struct bul_entry, timer));

	bul_event(e, BUL_EV_TIMER, now);
}

struct bul_entry *bul_add(struct bul *bul, const struct in6_addr *hoa,
			  const struct in6_addr *ha, uint16_t seq, mtime now)
{
	struct bul_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->bul = bul;
	e->hoa = *hoa;
	e->ha = *ha;
	e->seq = seq;
	e->since = now;
	e->hoa_valid = e->coa_valid = MTIME_NEVER;
	e->error_at = mtime_sub(now, ERROR_PAUSE);
	e->timer.fn = on_timer;
	e->next = bul->entries;
	bul->entries = e;
	return e;
}

void bul_del(struct bul_entry *e)
{
	struct bul_entry **p;

	timers_del(e->bul->timers, &e->timer);
	for (p = &e->bul->entries; *p; p = &(*p)->next) {
		if (*p == e) {
			*p = e->next;
			break;
		}
	}
	free(e);
}

void bul_set_coa(struct bul_entry *e, const struct in6_addr *coa,
		 uint32_t ifindex)
{
	e->coa = *coa;
	e->ifindex = ifindex;
	e->coa_valid = MTIME_NEVER;
}

void bul_set_ha(struct bul_entry *e, const struct in6_addr *ha)
{
	e->ha = *ha;
	e->bound = e->idle = e->answered = e->disowned = false;
	e->multi = NULL;
	e->held_until = (mtime){0};
	e->sends = 0;
}

bool bul_may_hold(const struct bul_entry *e, mtime now)
{
	return mtime_before(now, e->held_until);
}

static bool awaits_ba(enum bul_state state)
{
	switch (state) {
	case BUL_REGISTERING:
	case BUL_REFRESHING:
	case BUL_RETURNING:
	case BUL_RELEASING:
		return true;
	case BUL_NEW:
	case BUL_DETACHED:
	case BUL_BOUND:
	case BUL_GONE:
		return false;
	}
	return false;
}

static mtime earlier(mtime a, mtime b)
{
	return mtime_before(a, b) ? a : b;
}

static mtime later(mtime a, mtime b)
{
	return mtime_before(a, b) ? b : a;
}

static bool deregistering(const struct bul_entry *e)
{
	return e->state == BUL_RETURNING || e->state == BUL_RELEASING;
}

/* Timers follow from state: the one place that arms e's timer. */
static void timer_control(struct bul_entry *e)
{
	mtime at = MTIME_NEVER;

	if (awaits_ba(e->state))
		at = e->retry_at;
	else if (e->state == BUL_BOUND)
		at = e->refresh_at;
	if (e->state == BUL_REFRESHING)
		at = earlier(at, e->follow_at);
	if (e->state == BUL_RETURNING)
		at = earlier(at, e->held_until);
	if (e->bound)
		at = earlier(at, e->expires);
	if (at.ns == MTIME_NEVER.ns)
		timers_del(e->bul->timers, &e->timer);
	else
		timers_set(e->bul->timers, &e->timer, at);
}

static void set_state(struct bul_entry *e, enum bul_state state)
{
	enum bul_state old = e->state;

	e->state = state;
	if (old != state)
		e->bul->ops->state(e->bul->arg, e, old);
}

/* The event's last act, in finish(), is to tell the owner. */
static void end(struct bul_entry *e, enum bul_end why)
{
	e->end = why;
	set_state(e, BUL_GONE);
}

static void finish(struct bul_entry *e)
{
	if (e->state != BUL_GONE) {
		timer_control(e);
		return;
	}
	timers_del(e->bul->timers, &e->timer);
	e->bul->ops->gone(e->bul->arg, e, e->end);
}

/* That HA's, or the one that can best be spared for it. */
static struct bul_peer *peer_get(struct bul *bul, const struct in6_addr *ha)
{
	struct bul_peer *oldest = bul->peers, *p;

	for (p = bul->peers; p < bul->peers + BUL_PEERS; p++) {
		if (ip6_addr_eq(&p->ha, ha))
			return p;
		if (mtime_before(p->last, oldest->last))
			oldest = p;
	}
	return oldest;
}

/*
 * RFC 6275 11.8, MAX_UPDATE_RATE. When the next message may go to e's HA. Who
 * has no place waits for one that is not needed any more: none is forgotten
 * within the second that it counts.
 */
static mtime rate_allows_at(struct bul_entry *e, mtime now)
{
	struct bul_peer *p = peer_get(e->bul, &e->ha);
	bool known = ip6_addr_eq(&p->ha, &e->ha);

	if (known)
		return later(pace_leaves_at(&p->pace, now, e->patience),
			     p->barred);
	if (!p->pace.n)
		return now;
	return later(mtime_add(p->last, MTIME_SEC(1)), now);
}

static struct bul_peer *peer_take(struct bul *bul, const struct in6_addr *ha)
{
	struct bul_peer *p = peer_get(bul, ha);

	if (!ip6_addr_eq(&p->ha, ha)) {
		memset(p, 0, sizeof(*p));
		p->ha = *ha;
	}
	return p;
}

static void rate_note(struct bul_entry *e, mtime now)
{
	struct bul_peer *p = peer_take(e->bul, &e->ha);

	p->last = now;
	pace_note(&p->pace, now);
}

unsigned int bul_lacks(const struct bul *bul, const struct in6_addr *ha)
{
	const struct bul_peer *p;

	for (p = bul->peers; p < bul->peers + BUL_PEERS; p++)
		if (ip6_addr_eq(&p->ha, ha))
			return p->lacks;
	return 0;
}

bool bul_takes_several(const struct bul *bul, const struct in6_addr *ha)
{
	const struct bul_peer *p;

	for (p = bul->peers; p < bul->peers + BUL_PEERS; p++)
		if (ip6_addr_eq(&p->ha, ha))
			return p->several;
	return false;
}

void bul_lacks_forget(struct bul *bul)
{
	struct bul_peer *p;

	for (p = bul->peers; p < bul->peers + BUL_PEERS; p++)
		p->lacks = 0;
}

/* RFC 6275 11.7.1: no longer than the addresses are valid, and never 0. When
 * the home address is so no more, and its owner keeps it (mpd.h), its home
 * agent may know better. */
static uint16_t lifetime_units(const struct bul_entry *e, mtime now)
{
	bool known = mtime_before(now, e->hoa_valid);
	mtime end = known ? earlier(e->hoa_valid, e->coa_valid) : e->coa_valid;
	int64_t seconds = mtime_sec(mtime_sub(end, now));

	if (deregistering(e))
		return 0;
	if (seconds > e->bul->lifetime)
		seconds = e->bul->lifetime;
	seconds /= MH_LIFETIME_UNIT;
	if (seconds > UINT16_MAX)
		return UINT16_MAX;
	return seconds ? (uint16_t)seconds : 1;
}

/*
 * RFC 6275 11.7.1; 11.5.5 for the return home. The L flag stays clear: nobody
 * is to defend our link-local address. No flow outlives a move by it, and it
 * undergoes DAD whenever a link comes up, before a router has told us which
 * one: on the home link that would fail (11.5.5 forbids it there for the flag's
 * sake alone).
 */
static int build_and_send(struct bul_entry *e, uint16_t units)
{
	bool home = e->state == BUL_RETURNING;
	struct mh bu = {.type = MH_BU};

	bu.bu.seq = e->seq;
	bu.bu.flags = MH_BU_A | MH_BU_H;
	if (e->bul->ops->keyed(e->bul->arg, e))
		bu.bu.flags |= MH_BU_K;
	bu.bu.lifetime = units;
	/* ESP does not cover the IPv6 header: the option is a MUST; but a MUST
	 * NOT where BID options have the address (RFC 5648 5.2) */
	if (e->multi && !deregistering(e))
		multi_build(e->multi, &bu);
	else
		mh_opt_add(&bu, MH_OPT_ALT_COA)->alt_coa = home ? e->hoa :
								  e->coa;
	return e->bul->ops->send_bu(e->bul->arg, e, &bu, home, e->sends > 0);
}

static void back_off(struct bul_entry *e, mtime now)
{
	e->tries++;
	e->retry_at = mtime_add(now, e->rto);
	e->rto = mtime_add(e->rto, e->rto);
	if (mtime_before(MAX_BINDACK_TIMEOUT, e->rto))
		e->rto = MAX_BINDACK_TIMEOUT;
}

static void note_sent(struct bul_entry *e, uint16_t units, mtime now)
{
	e->asked = units * MH_LIFETIME_UNIT;
	e->held_until = later(e->held_until,
			      mtime_add(now, MTIME_SEC(e->asked)));
	e->sent_at = now;
	if (e->sends++)
		return;
	e->began_at = now;
	if (e->state == BUL_REFRESHING && !e->multi)
		e->follow_at = mtime_add(now, FOLLOW_BU);
	/* RFC 6275 11.5.5: not one packet natively before the BU, all of them
	 * right behind it */
	if (e->state == BUL_RETURNING)
		e->bul->ops->tunnel(e->bul->arg, e, BUL_TUNNEL_OFF);
}

/* Sends the BU that e's state asks for, or puts it off to keep the rate. */
static void send_now(struct bul_entry *e, mtime now)
{
	mtime at = rate_allows_at(e, now);
	uint16_t units = lifetime_units(e, now);

	if (mtime_before(now, at)) {
		e->retry_at = at;
		return;
	}
	/* RFC 6275 11.8: a retransmission has a greater number too */
	e->seq++;
	/* no SA yet: nothing to answer or to take back. Any other failure is
	 * like a loss. The timer tries again. */
	if (build_and_send(e, units) == -ENOENT) {
		e->seq--;
		back_off(e, now);
		return;
	}
	rate_note(e, now);
	back_off(e, now);
	note_sent(e, units, now);
}

/* Begins an exchange in the given state. */
static void exchange(struct bul_entry *e, enum bul_state state, mtime now)
{
	e->sends = e->tries = 0;
	e->follow_at = MTIME_NEVER;
	e->resynced = e->disowned = false;
	e->rto = e->bound ? INITIAL_BINDACK_TIMEOUT : e->bul->first_timeout;
	set_state(e, state);
	send_now(e, now);
}

void bul_set_patience(struct bul_entry *e, unsigned int left)
{
	if (!awaits_ba(e->state) || left < e->patience)
		e->patience = left;
}

static void do_ways(struct bul_entry *e, mtime now)
{
	if (e->multi)
		e->multi->lacks = bul_lacks(e->bul, &e->ha);
	exchange(e, e->bound ? BUL_REFRESHING : BUL_REGISTERING, now);
}

static void do_register(struct bul_entry *e, mtime now)
{
	if (e->multi && e->bound)
		multi_refresh(e->multi);
	else if (e->multi)
		multi_forget(e->multi);
	exchange(e, e->bound ? BUL_REFRESHING : BUL_REGISTERING, now);
}

static void do_away(struct bul_entry *e, mtime now)
{
	e->refusals = 0;
	e->patience = 0;
	e->bul->ops->tunnel(e->bul->arg, e, BUL_TUNNEL_HOLD);
	do_register(e, now);
}

static void do_home(struct bul_entry *e, mtime now)
{
	bool held = bul_may_hold(e, now);

	e->multi = NULL;
	e->patience = 0;
	e->bul->ops->tunnel(e->bul->arg, e, held ? BUL_TUNNEL_HOLD :
						   BUL_TUNNEL_OFF);
	if (held)
		exchange(e, BUL_RETURNING, now);
	else
		end(e, BUL_END_HOME);
}

static void do_release(struct bul_entry *e, mtime now)
{
	e->idle = true;
	if (bul_may_hold(e, now) && !IN6_IS_ADDR_UNSPECIFIED(&e->coa))
		exchange(e, BUL_RELEASING, now);
	else
		end(e, BUL_END_RELEASED);
}

/* What waits goes at once. Whoever made new SAs may have lost the binding
 * with the old ones: a binding that stands is refreshed. */
static void do_keyed(struct bul_entry *e, mtime now)
{
	if (awaits_ba(e->state))
		exchange(e, e->state, now);
	else if (e->state == BUL_BOUND)
		do_register(e, now);
}

static void do_lost(struct bul_entry *e)
{
	e->coa = in6addr_any;
	e->multi = NULL;
	if (e->state == BUL_RELEASING) {
		end(e, BUL_END_RELEASED);
		return;
	}
	/* whether the deregistration arrived is not known */
	if (e->state == BUL_RETURNING)
		e->bound = false;
	set_state(e, BUL_DETACHED);
	e->bul->ops->tunnel(e->bul->arg, e, BUL_TUNNEL_HOLD);
}

/* RFC 6275 11.3.5 */
static void end_disowned(struct bul_entry *e, mtime now)
{
	peer_take(e->bul, &e->ha)->barred = mtime_add(now, BARRED);
	end(e, e->state == BUL_RETURNING ? BUL_END_HOME :
	       e->state == BUL_RELEASING ? BUL_END_RELEASED :
					   BUL_END_UNSUPPORTED);
}

static void do_timer(struct bul_entry *e, mtime now)
{
	if (e->state == BUL_RETURNING && !bul_may_hold(e, now)) {
		end(e, BUL_END_HOME);
		return;
	}
	if (e->bound && !mtime_before(now, e->expires)) {
		e->bound = false;
		if (e->state == BUL_BOUND || e->state == BUL_REFRESHING) {
			do_away(e, now);
			return;
		}
	}
	if (e->state == BUL_BOUND && !mtime_before(now, e->refresh_at)) {
		do_register(e, now);
		return;
	}
	if (e->state == BUL_REFRESHING && !mtime_before(now, e->follow_at)) {
		e->follow_at = MTIME_NEVER;
		e->bul->ops->tunnel(e->bul->arg, e, BUL_TUNNEL_UP);
	}
	if (!awaits_ba(e->state) || mtime_before(now, e->retry_at))
		return;
	if (e->disowned)
		end_disowned(e, now);
	else if (e->state == BUL_RELEASING && e->tries >= RELEASE_SENDS_MAX)
		end(e, BUL_END_RELEASED);
	else
		send_now(e, now);
}

void bul_event(struct bul_entry *e, enum bul_event ev, mtime now)
{
	switch (ev) {
	case BUL_EV_AWAY:
		if (e->idle)
			do_release(e, now);
		else
			do_away(e, now);
		break;
	case BUL_EV_LOST:
		do_lost(e);
		break;
	case BUL_EV_HOME:
		do_home(e, now);
		break;
	case BUL_EV_IDLE:
		if (!deregistering(e))
			do_release(e, now);
		break;
	case BUL_EV_BUSY:
		e->idle = false;
		if (e->state == BUL_RELEASING) {
			e->bound = false;
			do_away(e, now);
		}
		break;
	case BUL_EV_REFRESH:
		if (e->state == BUL_BOUND)
			do_register(e, now);
		break;
	case BUL_EV_KEYED:
		do_keyed(e, now);
		break;
	case BUL_EV_WAYS:
		do_ways(e, now);
		break;
	case BUL_EV_TIMER:
		do_timer(e, now);
		break;
	}
	finish(e);
}

void bul_restore(struct bul_entry *e, const struct in6_addr *coa,
		 uint32_t ifindex, uint32_t granted, mtime expires, mtime now)
{
	bul_set_coa(e, coa, ifindex);
	e->bound = e->answered = true;
	e->held_until = expires;
	e->granted = granted;
	e->expires = expires;
	e->refresh_at = now;
	set_state(e, BUL_BOUND);
	timer_control(e);
}

/* RFC 6275 11.7.3, an accepted registration. No longer than we asked for, and
 * counted from the sending of the BU: never longer than the HA's. */
static void accepted(struct bul_entry *e, const struct mh *ba, mtime now)
{
	const struct mh_opt *advice = mh_opt_find(ba, MH_OPT_REFRESH);
	mtime from = ba->ba.seq == e->seq ? e->sent_at : e->began_at;
	int64_t refresh;

	e->granted = ba->ba.lifetime * MH_LIFETIME_UNIT;
	if (e->granted > e->asked)
		e->granted = e->asked;
	e->expires = mtime_add(from, MTIME_SEC(e->granted));
	/* but the HA counts from when it came there */
	e->held_until = mtime_add(now, MTIME_SEC(e->granted));
	refresh = e->granted * 3 / 4;
	if (advice && advice->refresh &&
	    advice->refresh * MH_LIFETIME_UNIT < refresh)
		refresh = advice->refresh * MH_LIFETIME_UNIT;
	e->refresh_at = mtime_add(now, MTIME_SEC(refresh));
	e->bound = true;
	e->refusals = 0;
	set_state(e, BUL_BOUND);
	e->bul->ops->tunnel(e->bul->arg, e, BUL_TUNNEL_UP);
}

static void ask_slowly(struct bul_entry *e, mtime now)
{
	e->rto = MAX_BINDACK_TIMEOUT;
	e->retry_at = mtime_add(now, e->rto);
}

/* It may pass (resources, a care-of address that it does not like). */
static void rejected_for_now(struct bul_entry *e, mtime now)
{
	e->bound = false;
	if (++e->refusals >= REFUSALS_MAX) {
		end(e, BUL_END_REFUSED);
		return;
	}
	ask_slowly(e, now);
	set_state(e, BUL_REGISTERING);
	e->bul->ops->tunnel(e->bul->arg, e, BUL_TUNNEL_HOLD);
}

/* RFC 6275 11.7.3, a status of 128 or more. Those of RFC 3963 4.2 and of
 * correspondent nodes (136 to 138) are nothing that we asked for: they may
 * pass, as one that we do not know. */
static void rejected(struct bul_entry *e, uint8_t status, mtime now)
{
	bool final = status == MH_STATUS_PROHIBITED ||
		     status == MH_STATUS_NO_HOME_REG ||
		     status == MH_STATUS_NOT_HOME_SUBNET ||
		     status == MH_STATUS_NOT_HA_FOR_MN ||
		     status == MH_STATUS_DAD_FAILED;

	if (e->state == BUL_RELEASING)
		end(e, BUL_END_RELEASED);
	else if (e->state == BUL_RETURNING && final)
		end(e, BUL_END_HOME);	/* it holds no binding (10.3.2) */
	else if (e->state == BUL_RETURNING)
		ask_slowly(e, now);
	else if (final)
		end(e, BUL_END_REFUSED);
	else
		rejected_for_now(e, now);
}

/* It would not have it so; what it had before holds. Where that was to be
 * refreshed it still is, at the slowest rate. */
static void stay(struct bul_entry *e, mtime now)
{
	if (e->bound) {
		e->refresh_at = later(e->refresh_at,
				      mtime_add(now, MAX_BINDACK_TIMEOUT));
		set_state(e, BUL_BOUND);
	} else {
		ask_slowly(e, now);
	}
}

/* There may be more to tell than one BU can. */
static void accepted_multi(struct bul_entry *e, const struct mh *ba, mtime now)
{
	accepted(e, ba, now);
	if (e->multi && multi_due(e->multi))
		exchange(e, BUL_REFRESHING, now);
}

/* Whether it would have one care-of address is not said by that: the owner asks
 * for one. */
static void refused_multi(struct bul_entry *e, uint8_t status, mtime now)
{
	e->last_status = status;
	stay(e, now);
}

/* RFC 5648 5.7 */
static void take_multi(struct bul_entry *e, const struct mh *ba, mtime now)
{
	uint8_t status;
	enum multi_verdict verdict = multi_ba(e->multi, ba, &status);

	peer_take(e->bul, &e->ha)->lacks |= e->multi->lacks;
	switch (verdict) {
	case MULTI_TAKEN:
		peer_take(e->bul, &e->ha)->several = true;
		accepted_multi(e, ba, now);
		break;
	case MULTI_AGAIN:
		exchange(e, e->state, now);
		break;
	case MULTI_PLAIN:
		e->multi = NULL;
		accepted(e, ba, now);
		break;
	case MULTI_NEVER:
		e->multi = NULL;
		exchange(e, e->state, now);
		break;
	case MULTI_REFUSED:
		refused_multi(e, status, now);
		break;
	case MULTI_HOMELESS:
		stay(e, now);
		break;
	}
	e->bul->ops->multi(e->bul->arg, e);
}

/* RFC 6275 11.7.1, status 135: the number in it is the HA's last, ours is the
 * next one. Sent at once the first time in an exchange, or two ends would chase
 * each other; later when it is due. */
static void resync(struct bul_entry *e, const struct mh *ba, mtime now)
{
	e->seq = ba->ba.seq;
	e->last_status = ba->ba.status;
	e->sends = 0;
	if (e->resynced)
		return;
	e->resynced = true;
	send_now(e, now);
}

/* An acknowledgement under the SA says more than an error in the clear. */
static void knows_us(struct bul_entry *e)
{
	e->answered = true;
	e->disowned = false;
}

static enum reason take_ba(struct bul_entry *e, const struct mh *ba, mtime now)
{
	if (!awaits_ba(e->state) || !e->sends)
		return REASON_BA_UNMATCHED;
	knows_us(e);
	if (ba->ba.status == MH_STATUS_SEQ) {
		resync(e, ba, now);
		return REASON_NONE;
	}
	/* any BU of this exchange: a late BA is as good */
	if ((uint16_t)(e->seq - ba->ba.seq) >= e->sends)
		return REASON_BA_SEQ;
	e->last_status = ba->ba.status;
	if (e->multi && !deregistering(e) &&
	    (ba->ba.status >= 128 || ba->ba.lifetime))
		take_multi(e, ba, now);
	else if (ba->ba.status >= 128)
		rejected(e, ba->ba.status, now);
	else if (!deregistering(e) && !ba->ba.lifetime)
		rejected(e, MH_STATUS_UNSPECIFIED, now);
	else if (e->state == BUL_RETURNING)
		end(e, BUL_END_HOME);
	else if (e->state == BUL_RELEASING)
		end(e, BUL_END_RELEASED);
	else
		accepted(e, ba, now);
	return REASON_NONE;
}

enum reason bul_ba(struct bul_entry *e, const struct mh *ba, mtime now)
{
	enum reason reason = take_ba(e, ba, now);

	finish(e);
	return reason;
}

/* What it says of a HA that has lost the binding: a BU. Where one is under way
 * that is being done. */
static enum reason unbound_there(struct bul_entry *e, mtime now)
{
	if (e->state != BUL_BOUND ||
	    mtime_before(now, mtime_add(e->error_at, ERROR_PAUSE)))
		return REASON_BE_UNMATCHED;
	e->error_at = now;
	do_register(e, now);
	finish(e);
	return REASON_NONE;
}

enum reason bul_be(struct bul_entry *e, uint8_t status, mtime now)
{
	return status == MH_BE_NO_BINDING ? unbound_there(e, now) :
					    REASON_BE_UNMATCHED;
}

enum reason bul_unsupported(struct bul_entry *e)
{
	if (!awaits_ba(e->state) || !e->sends || e->answered)
		return REASON_BA_UNMATCHED;
	e->disowned = true;
	return REASON_NONE;
}
