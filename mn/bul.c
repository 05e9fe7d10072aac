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

/* A deregistration that nobody answers is given up after so many BUs: the
 * binding ends by its lifetime. */
enum { DEREG_SENDS_MAX = 5 };

/* Packets that overtake the HA's work on a BU are dropped there: they are not
 * from the care-of address that it knows (RFC 6275 10.4.5). They wait for the
 * BA or, where an earlier binding was accepted, for so long at most. */
static const mtime FOLLOW_BU = {10000000};

static const mtime NEVER = {INT64_MAX};

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

/* Timers follow from state: the one place that arms e's timer. */
static void timer_control(struct bul_entry *e)
{
	mtime at = NEVER;

	if (awaits_ba(e->state))
		at = e->retry_at;
	else if (e->state == BUL_BOUND)
		at = e->refresh_at;
	if (e->state == BUL_REFRESHING && mtime_before(e->follow_at, at))
		at = e->follow_at;
	if (e->bound && mtime_before(e->expires, at))
		at = e->expires;
	if (at.ns == NEVER.ns)
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

static struct bul_peer *peer_get(struct bul *bul, const struct in6_addr *ha)
{
	struct bul_peer *oldest = bul->peers, *p;

	for (p = bul->peers; p < bul->peers + BUL_PEERS; p++) {
		if (p->n && ip6_addr_eq(&p->ha, ha))
			return p;
		if (mtime_before(p->last, oldest->last))
			oldest = p;
	}
	memset(oldest, 0, sizeof(*oldest));
	oldest->ha = *ha;
	return oldest;
}

/* RFC 6275 11.8, MAX_UPDATE_RATE. When the next message may go to e's HA. */
static mtime rate_allows_at(struct bul_entry *e, mtime now)
{
	struct bul_peer *p = peer_get(e->bul, &e->ha);
	mtime free_at;

	if (p->n < BUL_MAX_UPDATE_RATE)
		return now;
	free_at = mtime_add(p->sent[p->next], MTIME_SEC(1));
	return mtime_before(now, free_at) ? free_at : now;
}

static void rate_note(struct bul_entry *e, mtime now)
{
	struct bul_peer *p = peer_get(e->bul, &e->ha);

	p->last = p->sent[p->next] = now;
	p->next = (p->next + 1) % BUL_MAX_UPDATE_RATE;
	if (p->n < BUL_MAX_UPDATE_RATE)
		p->n++;
}

static bool deregistering(const struct bul_entry *e)
{
	return e->state == BUL_RETURNING || e->state == BUL_RELEASING;
}

/* RFC 6275 11.7.1; 11.5.5 for the return home */
static int build_and_send(struct bul_entry *e)
{
	bool home = e->state == BUL_RETURNING;
	struct mh bu = {.type = MH_BU};
	uint32_t units = e->bul->lifetime / MH_LIFETIME_UNIT;

	bu.bu.seq = e->seq;
	bu.bu.flags = MH_BU_A | MH_BU_H;
	if (e->bul->ops->keyed(e->bul->arg, e))
		bu.bu.flags |= MH_BU_K;
	bu.bu.lifetime = units > UINT16_MAX ? UINT16_MAX : units;
	if (!bu.bu.lifetime)
		bu.bu.lifetime = 1;
	if (deregistering(e))
		bu.bu.lifetime = 0;
	/* ESP does not cover the IPv6 header: the option is a MUST */
	mh_opt_add(&bu, MH_OPT_ALT_COA)->alt_coa = home ? e->hoa : e->coa;
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

/* Sends the BU that e's state asks for, or puts it off to keep the rate. */
static void send_now(struct bul_entry *e, mtime now)
{
	mtime at = rate_allows_at(e, now);

	if (mtime_before(now, at)) {
		e->retry_at = at;
		return;
	}
	/* RFC 6275 11.8: a retransmission has a greater number too */
	e->seq++;
	/* no SA yet: nothing to answer or to take back. Any other failure is
	 * like a loss. The timer tries again. */
	if (build_and_send(e) == -ENOENT) {
		e->seq--;
		back_off(e, now);
		return;
	}
	rate_note(e, now);
	e->asked = true;
	e->sent_at = now;
	back_off(e, now);
	if (!e->sends++ && e->state == BUL_REFRESHING)
		e->follow_at = mtime_add(now, FOLLOW_BU);
}

/* Begins an exchange in the given state. */
static void exchange(struct bul_entry *e, enum bul_state state, mtime now)
{
	e->sends = e->tries = 0;
	e->follow_at = NEVER;
	e->resynced = false;
	e->rto = e->bound ? INITIAL_BINDACK_TIMEOUT :
			    INITIAL_BINDACK_TIMEOUT_FIRST_REG;
	set_state(e, state);
	send_now(e, now);
}

static void do_register(struct bul_entry *e, mtime now)
{
	exchange(e, e->bound ? BUL_REFRESHING : BUL_REGISTERING, now);
}

static void do_away(struct bul_entry *e, mtime now)
{
	e->bul->ops->tunnel(e->bul->arg, e, BUL_TUNNEL_HOLD);
	do_register(e, now);
}

static void do_home(struct bul_entry *e, mtime now)
{
	/* packets go natively right behind the BU, RFC 6275 11.5.5 */
	e->bul->ops->tunnel(e->bul->arg, e, BUL_TUNNEL_OFF);
	if (e->asked)
		exchange(e, BUL_RETURNING, now);
	else
		end(e, BUL_END_HOME);
}

static void do_release(struct bul_entry *e, mtime now)
{
	e->idle = true;
	if (e->asked && !IN6_IS_ADDR_UNSPECIFIED(&e->coa))
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

static void do_timer(struct bul_entry *e, mtime now)
{
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
		e->follow_at = NEVER;
		e->bul->ops->tunnel(e->bul->arg, e, BUL_TUNNEL_UP);
	}
	if (!awaits_ba(e->state) || mtime_before(now, e->retry_at))
		return;
	if (deregistering(e) && e->tries >= DEREG_SENDS_MAX)
		end(e, e->state == BUL_RETURNING ? BUL_END_HOME :
						   BUL_END_RELEASED);
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
	e->asked = true;
	e->bound = true;
	e->granted = granted;
	e->expires = expires;
	e->refresh_at = now;
	set_state(e, BUL_BOUND);
	timer_control(e);
}

/* RFC 6275 11.7.3, an accepted registration */
static void accepted(struct bul_entry *e, const struct mh *ba, mtime now)
{
	const struct mh_opt *advice = mh_opt_find(ba, MH_OPT_REFRESH);
	int64_t refresh;

	/* counted from the sending of the BU: never longer than the HA's */
	e->granted = ba->ba.lifetime * MH_LIFETIME_UNIT;
	e->expires = mtime_add(e->sent_at, MTIME_SEC(e->granted));
	refresh = e->granted * 3 / 4;
	if (advice && advice->refresh &&
	    advice->refresh * MH_LIFETIME_UNIT < refresh)
		refresh = advice->refresh * MH_LIFETIME_UNIT;
	e->refresh_at = mtime_add(now, MTIME_SEC(refresh));
	e->bound = true;
	set_state(e, BUL_BOUND);
	e->bul->ops->tunnel(e->bul->arg, e, BUL_TUNNEL_UP);
}

/* RFC 6275 11.7.3, a status of 128 or more */
static void rejected(struct bul_entry *e, uint8_t status, mtime now)
{
	if (deregistering(e)) {
		end(e, e->state == BUL_RETURNING ? BUL_END_HOME :
						   BUL_END_RELEASED);
		return;
	}
	switch (status) {
	case MH_STATUS_PROHIBITED:
	case MH_STATUS_NO_HOME_REG:
	case MH_STATUS_NOT_HOME_SUBNET:
	case MH_STATUS_NOT_HA_FOR_MN:
	case MH_STATUS_DAD_FAILED:
		end(e, BUL_END_REFUSED);
		return;
	}
	/* it may pass (resources): keep asking, slowly */
	e->bound = false;
	e->rto = MAX_BINDACK_TIMEOUT;
	e->retry_at = mtime_add(now, e->rto);
	set_state(e, BUL_REGISTERING);
	e->bul->ops->tunnel(e->bul->arg, e, BUL_TUNNEL_HOLD);
}

static enum reason take_ba(struct bul_entry *e, const struct mh *ba, mtime now)
{
	if (!awaits_ba(e->state) || !e->sends)
		return REASON_BA_UNMATCHED;
	if (ba->ba.status == MH_STATUS_SEQ) {
		/* The number in it is the HA's last; go on from there. Obeyed
		 * once an exchange, or two would chase each other. */
		if (e->resynced)
			return REASON_BA_SEQ;
		e->resynced = true;
		e->seq = ba->ba.seq;
		e->last_status = ba->ba.status;
		e->sends = 0;
		send_now(e, now);
		return REASON_NONE;
	}
	/* any BU of this exchange: a late BA is as good */
	if ((uint16_t)(e->seq - ba->ba.seq) >= e->sends)
		return REASON_BA_SEQ;
	e->last_status = ba->ba.status;
	if (ba->ba.status >= 128)
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
