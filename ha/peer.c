/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/peer.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ip6.h"

/* The numbers of those that are outstanding, RFC 5846 5.1: no two the same. */

static bool seq_taken(const struct peers *ps, uint16_t seq)
{
	return ps->seqs[seq / 8] & 1u << seq % 8;
}

static uint16_t seq_take(struct peers *ps)
{
	do
		ps->seq++;
	while (seq_taken(ps, ps->seq));
	ps->seqs[ps->seq / 8] |= 1u << ps->seq % 8;
	return ps->seq;
}

static struct peer *find(const struct peers *ps, const struct in6_addr *hoa)
{
	struct peer *p;

	HASH_FIND(hh, ps->table, hoa, sizeof(*hoa), p);
	return p;
}

const struct peer *peers_find(const struct peers *ps,
			      const struct in6_addr *hoa)
{
	return find(ps, hoa);
}

/* Out of the table; the caller frees it. */
static void take_out(struct peer *p)
{
	struct peers *ps = p->ps;

	if (p->kind == PEER_REVOKE)
		ps->seqs[p->seq / 8] &= (uint8_t)~(1u << p->seq % 8);
	timers_del(ps->timers, &p->timer);
	HASH_DEL(ps->table, p);
}

static void drop(struct peer *p)
{
	take_out(p);
	free(p);
}

static void revoked(struct peer *p, enum peer_end end)
{
	struct peers *ps = p->ps;

	take_out(p);
	ps->ops->revoked(ps->arg, p, end);
	free(p);
}

/* Sending, and again. */

static mtime doubled(mtime timeout, mtime max)
{
	timeout.ns *= 2;
	return mtime_before(timeout, max) ? timeout : max;
}

/* RFC 5846 6.3. Where it cannot be sent no mobile node can be told. */
static void send_revocation(struct peer *p, mtime now)
{
	const struct peers_conf *conf = &p->ps->conf;
	mtime left;

	if (p->ps->ops->send(p->ps->arg, p, &left)) {
		revoked(p, PEER_END_UNSENT);
		return;
	}
	p->timeout = p->sends++ ? doubled(p->timeout, conf->delay_max) :
		     conf->delay;
	timers_set(p->ps->timers, &p->timer, mtime_add(now, p->timeout));
}

/* RFC 5142 5.2: half of what is left, or the initial time-out if that is less;
 * doubled each time, for as long as the binding is there. */
static mtime switch_timeout(unsigned int sends, mtime before, mtime left)
{
	const mtime first = MTIME_SEC(PEER_SWITCH_FIRST);
	mtime half = {left.ns / 2};

	if (sends)
		return doubled(before, MTIME_SEC(PEER_SWITCH_LAST));
	return left.ns && mtime_before(half, first) &&
	       mtime_before(MTIME_SEC(1), half) ? half : first;
}

static void send_switch(struct peer *p, mtime now)
{
	mtime left = {0};

	p->ps->ops->send(p->ps->arg, p, &left);
	p->timeout = switch_timeout(p->sends++, p->timeout, left);
	timers_set(p->ps->timers, &p->timer, mtime_add(now, p->timeout));
}

static void on_timer(struct timer *timer, mtime now)
{
	struct peer *p = (struct peer *)((char *)timer -
					 offsetof(struct peer, timer));

	switch (p->kind) {
	case PEER_REVOKE:
		if (p->sends > p->ps->conf.retries)
			revoked(p, PEER_END_SILENT);
		else
			send_revocation(p, now);
		break;
	case PEER_SWITCH:
		send_switch(p, now);
		break;
	}
}

/* In the place of what is under way for it. */
static int peer_new(struct peers *ps, const struct in6_addr *hoa,
		    enum peer_kind kind, struct peer **out)
{
	struct peer *p = find(ps, hoa);

	if (p)
		drop(p);
	if (HASH_COUNT(ps->table) >= PEERS_MAX)
		return -ENOSPC;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->ps = ps;
	p->hoa = *hoa;
	p->kind = kind;
	p->timer.fn = on_timer;
	HASH_ADD(hh, ps->table, hoa, sizeof(p->hoa), p);
	*out = p;
	return 0;
}

int peers_revoke(struct peers *ps, const struct in6_addr *hoa, uint8_t trigger,
		 mtime now)
{
	struct peer *p;
	int err = peer_new(ps, hoa, PEER_REVOKE, &p);

	if (err)
		return err;
	p->trigger = trigger;
	p->seq = seq_take(ps);
	send_revocation(p, now);
	return 0;
}

int peers_switch(struct peers *ps, const struct in6_addr *hoa,
		 const struct peer_addrs *addrs, mtime now)
{
	struct peer *p = find(ps, hoa);
	int err;

	if (p && p->kind == PEER_REVOKE)
		return -EBUSY;
	err = peer_new(ps, hoa, PEER_SWITCH, &p);
	if (err)
		return err;
	p->addrs = *addrs;
	send_switch(p, now);
	return 0;
}

/* The drain: passes over all bindings. A pass sends to those that are still
 * bound, so one pass's message is the one before it sent again. */

static void drain_send(struct peers *ps, const struct in6_addr *hoa)
{
	const struct peer p = { .ps = ps, .hoa = *hoa, .kind = PEER_SWITCH,
				.addrs = ps->drain_to };
	mtime left = {0};

	if (!find(ps, hoa))
		ps->ops->send(ps->arg, &p, &left);
}

static mtime drain_step(const struct peers *ps)
{
	if (ps->conf.rate > 1000 / PEER_DRAIN_STEP)
		return MTIME_MS(PEER_DRAIN_STEP);
	return (mtime){1000000000 / ps->conf.rate};
}

/* How many a step may send. */
static uint32_t drain_burst(const struct peers *ps)
{
	uint32_t n = ps->conf.rate / (1000 / PEER_DRAIN_STEP);

	return n ? n : 1;
}

static void drain_on_timer(struct timer *timer, mtime now)
{
	struct peers *ps = (struct peers *)((char *)timer -
					    offsetof(struct peers, drain));
	uint32_t i, n = drain_burst(ps);
	struct in6_addr hoa;
	mtime at = mtime_add(now, drain_step(ps)), next;
	bool found;

	if (!ps->cursor)
		ps->pass_begun = now;
	for (i = 0; i < n; i++) {
		ps->cursor = ps->ops->next(ps->arg, ps->cursor,
					   PEER_DRAIN_LOOK, &hoa, &found);
		if (found)
			drain_send(ps, &hoa);
		if (!ps->cursor)
			break;
	}
	if (!ps->cursor) {
		next = mtime_add(ps->pass_begun, ps->pass_timeout);
		ps->pass_timeout = doubled(ps->pass_timeout,
					   MTIME_SEC(PEER_SWITCH_LAST));
		if (mtime_before(at, next))
			at = next;
	}
	timers_set(ps->timers, &ps->drain, at);
}

void peers_drain(struct peers *ps, const struct peer_addrs *addrs, mtime now)
{
	ps->draining = true;
	ps->drain_to = *addrs;
	ps->cursor = 0;
	ps->pass_timeout = MTIME_SEC(PEER_SWITCH_FIRST);
	timers_set(ps->timers, &ps->drain, now);
}

void peers_stay(struct peers *ps, const struct in6_addr *hoa)
{
	struct peer *p, *tmp;

	if (!hoa) {
		ps->draining = false;
		timers_del(ps->timers, &ps->drain);
	}
	HASH_ITER(hh, ps->table, p, tmp)
		if (p->kind == PEER_SWITCH &&
		    (!hoa || ip6_addr_eq(&p->hoa, hoa)))
			drop(p);
}

/* What mobile nodes do. */

/* RFC 5846 6.2.2. The G, P and V bits are the request's, which has none. One
 * that refuses is told that the binding ends, not asked. */
enum reason peers_bra(struct peers *ps, const struct in6_addr *hoa,
		      const struct mh *mh)
{
	struct peer *p = find(ps, hoa);

	if (!p || p->kind != PEER_REVOKE || p->seq != mh->br.seq)
		return REASON_BRA_UNMATCHED;
	revoked(p, mh->br.code < 128 ? PEER_END_ACKNOWLEDGED :
				       PEER_END_REFUSED);
	return REASON_NONE;
}

void peers_unbound(struct peers *ps, const struct in6_addr *hoa)
{
	struct peer *p = find(ps, hoa);

	if (p)
		drop(p);
}

/* RFC 5846 7: a Binding Update that is accepted ends the revocation. */
void peers_bound(struct peers *ps, const struct in6_addr *hoa)
{
	struct peer *p = find(ps, hoa);

	if (p && p->kind == PEER_REVOKE)
		drop(p);
}

bool peers_leaving(const struct peers *ps, const struct in6_addr *hoa)
{
	const struct peer *p = find(ps, hoa);

	return ps->draining || (p && p->trigger != MH_BR_TRIGGER_OUT_OF_SYNC);
}

void peers_init(struct peers *ps, const struct peers_ops *ops, void *arg,
		struct timers *timers, const struct peers_conf *conf,
		uint16_t seq)
{
	*ps = (struct peers){
		.ops = ops, .arg = arg, .timers = timers, .conf = *conf,
		.seq = seq, .drain.fn = drain_on_timer,
	};
}

void peers_fini(struct peers *ps)
{
	struct peer *p, *tmp;

	HASH_ITER(hh, ps->table, p, tmp)
		drop(p);
	if (ps->timers)
		timers_del(ps->timers, &ps->drain);
}
