/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/bcache.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

/* What is to be done with a Binding Update. */
struct verdict {
	enum reason reason;
	int status;		/* of the answer; SILENCE: none */
};

enum { SILENCE = -1 };

#define ACCEPT ((struct verdict){REASON_NONE, MH_STATUS_ACCEPTED})
#define DROP(why) ((struct verdict){REASON_##why, SILENCE})
#define REJECT(why, how) ((struct verdict){REASON_##why, MH_STATUS_##how})

const char *binding_state_str(enum binding_state state)
{
	switch (state) {
	case BINDING_NEW:
		return "new";
	case BINDING_BOUND:
		return "bound";
	case BINDING_DELETED:
		return "deleted";
	case BINDING_GONE:
		return "gone";
	}
	return "?";
}

/* Memory: records by number, found by HoA in an index of numbers. */

/*
 * A binding. Many of them: nothing in here that could be derived. Unused
 * ones are BINDING_NEW.
 */
struct bcache_record {
	struct in6_addr hoa, coa;
	mtime expires;
	int32_t created;	/* CREATED_UNIT, up: no NA is too early */
	uint32_t next, prev;	/* in the wheel's slot; see WHEEL_HEAD */
	uint16_t lifetime;	/* MH_LIFETIME_UNIT */
	uint16_t seq;		/* of the last BU accepted */
	uint16_t flags;		/* of that BU */
	uint16_t ha;		/* index of conf.addrs */
	uint16_t link;		/* the home link */
	uint8_t state;		/* enum binding_state */
	uint8_t na_sent;
};

_Static_assert(sizeof(struct bcache_record) == 64, "a record, a cache line");

enum { SPARE = 1024, SPARE_PART = 32 };	/* for tombstones, at least */

static uint32_t number(const struct bcache *bc, const struct bcache_record *r)
{
	return (uint32_t)(r - bc->records);
}

/* Remote parties choose the addresses: keyed, lest they choose collisions. */
static uint32_t index_home(const struct bcache *bc, const struct in6_addr *hoa)
{
	uint64_t hash;

	_Static_assert(crypto_shorthash_BYTES == sizeof(hash) &&
		       crypto_shorthash_KEYBYTES == sizeof(bc->index_key),
		       "SipHash");
	crypto_shorthash((uint8_t *)&hash, hoa->s6_addr, sizeof(*hoa),
			 bc->index_key);
	return (uint32_t)hash & bc->index_mask;
}

static struct bcache_record *record_find(const struct bcache *bc,
					 const struct in6_addr *hoa)
{
	uint32_t i = index_home(bc, hoa);

	for (; bc->index[i]; i = (i + 1) & bc->index_mask) {
		struct bcache_record *r = &bc->records[bc->index[i]];

		if (ip6_addr_eq(&r->hoa, hoa))
			return r;
	}
	return NULL;
}

static void index_add(struct bcache *bc, const struct bcache_record *r)
{
	uint32_t i = index_home(bc, &r->hoa);

	while (bc->index[i])
		i = (i + 1) & bc->index_mask;
	bc->index[i] = number(bc, r);
}

/* What would not be found any more beyond the hole is moved into it. */
static void index_del(struct bcache *bc, const struct bcache_record *r)
{
	uint32_t mask = bc->index_mask, hole = index_home(bc, &r->hoa), i;

	while (bc->index[hole] != number(bc, r))
		hole = (hole + 1) & mask;
	for (i = (hole + 1) & mask; bc->index[i]; i = (i + 1) & mask) {
		const struct bcache_record *at = &bc->records[bc->index[i]];
		uint32_t home = index_home(bc, &at->hoa);

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		bc->index[hole] = bc->index[i];
		hole = i;
	}
	bc->index[hole] = 0;
}

/*
 * The wheel: a slot for each tick, and round in 1024 s, more than the usual
 * lifetime. A record is in the slot of the tick when it is due, rounded up, or
 * in an earlier one: when its turn comes it is put further on.
 */
enum {
	WHEEL_SLOTS = 1 << 16,
	WHEEL_MASK = WHEEL_SLOTS - 1,
	WHEEL_TICKS = 64,		/* a second */
	WHEEL_TICK = 1000000000 / WHEEL_TICKS,	/* ns */
	CREATED_UNIT = 125,		/* ms: 8 years in 31 bits */
};

/* The first in a slot has the slot's number in prev, with this bit. */
#define WHEEL_HEAD (1u << 31)

static int64_t round_up(mtime at, int64_t unit)
{
	return at.ns / unit + (at.ns % unit > 0);
}

static mtime tick_time(int64_t tick)
{
	return (mtime){tick * WHEEL_TICK};
}

static void wheel_link(struct bcache *bc, struct bcache_record *r, mtime due)
{
	int64_t at = round_up(due, WHEEL_TICK);
	uint32_t slot;

	if (at < bc->wheel_at)
		at = bc->wheel_at;
	if (at > bc->wheel_at + WHEEL_MASK)
		at = bc->wheel_at + WHEEL_MASK;
	slot = (uint32_t)at & WHEEL_MASK;
	r->prev = WHEEL_HEAD | slot;
	r->next = bc->wheel[slot];
	if (r->next)
		bc->records[r->next].prev = number(bc, r);
	bc->wheel[slot] = number(bc, r);
	if (mtime_before(tick_time(at), bc->timer.at))
		timers_set(bc->timers, &bc->timer, tick_time(at));
}

/* Does no harm to one that is not linked. */
static void wheel_unlink(struct bcache *bc, struct bcache_record *r)
{
	if (r->prev & WHEEL_HEAD)
		bc->wheel[r->prev & WHEEL_MASK] = r->next;
	else if (r->prev)
		bc->records[r->prev].next = r->next;
	if (r->next)
		bc->records[r->next].prev = r->prev;
	r->prev = r->next = 0;
}

/* When the timer has to look again: in a second, if not before. */
static mtime wheel_next(const struct bcache *bc)
{
	int64_t at = bc->wheel_at;

	while (at < bc->wheel_at + WHEEL_TICKS && !bc->wheel[at & WHEEL_MASK])
		at++;
	return tick_time(at);
}

/* Starting and stopping. */

static void wheel_on_timer(struct timer *timer, mtime now);

static int tables_new(struct bcache *bc)
{
	uint64_t size = 1, want = bc->room + bc->room / 3;

	while (size <= want)
		size *= 2;
	bc->index_mask = (uint32_t)size - 1;
	bc->index = calloc(size, sizeof(*bc->index));
	bc->wheel = calloc(WHEEL_SLOTS, sizeof(*bc->wheel));
	/* number 0 is nobody's, and one more to begin at a cache line */
	bc->memory = calloc(bc->room + 2, sizeof(*bc->records));
	if (!bc->index || !bc->wheel || !bc->memory)
		return -ENOMEM;
	bc->records = (struct bcache_record *)
		(((uintptr_t)bc->memory + sizeof(*bc->records) - 1) &
		 ~(uintptr_t)(sizeof(*bc->records) - 1));
	return 0;
}

int bcache_init(struct bcache *bc, const struct bcache_ops *ops, void *arg,
		struct timers *timers, const struct bcache_conf *conf)
{
	uint64_t room = conf->max_bindings;

	room += room / SPARE_PART > SPARE ? room / SPARE_PART : SPARE;
	*bc = (struct bcache){
		.ops = ops,
		.arg = arg,
		.timers = timers,
		.conf = *conf,
		.timer.fn = wheel_on_timer,
	};
	if (conf->n_addrs > UINT16_MAX)
		return -EINVAL;
	if (room > BCACHE_ROOM_MAX)
		return -ENOMEM;
	if (sodium_init() < 0)
		return -ENOSYS;
	bc->room = (uint32_t)room;
	crypto_shorthash_keygen(bc->index_key);
	return tables_new(bc);
}

void bcache_fini(struct bcache *bc)
{
	timers_del(bc->timers, &bc->timer);
	free(bc->memory);
	free(bc->index);
	free(bc->wheel);
	*bc = (struct bcache){0};
}

uint32_t bcache_room(const struct bcache *bc)
{
	return bc->room;
}

int bcache_limits(struct bcache *bc, uint32_t max_bindings,
		  uint32_t max_lifetime)
{
	bc->conf.max_lifetime = max_lifetime;
	bc->conf.max_bindings = max_bindings < bc->room ? max_bindings :
				bc->room;
	return max_bindings > bc->room ? -ENOSPC : 0;
}

/* Looking. */

static mtime created_time(int64_t created)
{
	return MTIME_MS(created * CREATED_UNIT);
}

static int64_t created_units(mtime at)
{
	return round_up(at, MTIME_MS(CREATED_UNIT).ns);
}

static struct binding view(const struct bcache *bc,
			   const struct bcache_record *r)
{
	return (struct binding){
		.hoa = r->hoa,
		.state = r->state,
		.na_sent = r->na_sent,
		.link = r->link,
		.reg = {
			.coa = r->coa,
			.ha = bc->conf.addrs[r->ha],
			.created = created_time(r->created),
			.expires = r->expires,
			.lifetime = (uint32_t)r->lifetime * MH_LIFETIME_UNIT,
			.seq = r->seq,
			.flags = r->flags,
		},
	};
}

bool bcache_find(const struct bcache *bc, const struct in6_addr *hoa,
		 struct binding *out)
{
	const struct bcache_record *r = record_find(bc, hoa);

	if (r)
		*out = view(bc, r);
	return r;
}

bool bcache_find_bound(const struct bcache *bc, const struct in6_addr *hoa,
		       struct binding *out)
{
	return bcache_find(bc, hoa, out) && out->state == BINDING_BOUND;
}

uint32_t bcache_range(struct bcache *bc, uint32_t cursor,
		      void (*fn)(void *arg, const struct binding *b),
		      void *arg, uint32_t n)
{
	uint32_t i;

	for (i = cursor ? cursor : 1; i <= bc->top && n; i++, n--) {
		struct binding b;

		if (bc->records[i].state == BINDING_NEW)
			continue;
		b = view(bc, &bc->records[i]);
		fn(arg, &b);
	}
	return i <= bc->top ? i : 0;
}

void bcache_each(struct bcache *bc,
		 void (*fn)(void *arg, const struct binding *b), void *arg)
{
	bcache_range(bc, 0, fn, arg, bc->room);
}

const struct bcache_prefix *bcache_prefix(const struct bcache *bc,
					  const struct in6_addr *addr)
{
	size_t i;

	for (i = 0; i < bc->conf.n_prefixes; i++)
		if (ip6_prefix_has(&bc->conf.prefixes[i].prefix, addr))
			return &bc->conf.prefixes[i];
	return NULL;
}

/* Which of our addresses it is, or -1. */
static int addr_index(const struct bcache *bc, const struct in6_addr *addr)
{
	size_t i;

	for (i = 0; i < bc->conf.n_addrs; i++)
		if (ip6_addr_eq(&bc->conf.addrs[i], addr))
			return (int)i;
	return -1;
}

/* Bindings: their states, and when they are due. */

static void record_set_state(struct bcache *bc, struct bcache_record *r,
			     enum binding_state state)
{
	enum binding_state old = r->state;
	struct binding b;

	bc->n_bound += (state == BINDING_BOUND) - (old == BINDING_BOUND);
	r->state = state;
	b = view(bc, r);
	bc->ops->state(bc->arg, &b, old);
}

/* All but hoa, link, state and na_sent; reg->ha is ours. */
static void record_set_reg(const struct bcache *bc, struct bcache_record *r,
			   const struct binding_reg *reg)
{
	uint32_t units = reg->lifetime / MH_LIFETIME_UNIT;

	r->coa = reg->coa;
	r->ha = (uint16_t)addr_index(bc, &reg->ha);
	r->created = (int32_t)created_units(reg->created);
	r->expires = reg->expires;
	r->lifetime = units < UINT16_MAX ? (uint16_t)units : UINT16_MAX;
	r->seq = reg->seq;
	r->flags = reg->flags;
}

/* RFC 6275 10.4.1: the first one at once, the others spaced. */
static bool na_wanted(const struct bcache_record *r)
{
	return r->state == BINDING_BOUND && r->na_sent < BCACHE_NA_COUNT;
}

static mtime na_due(const struct bcache_record *r)
{
	return mtime_add(created_time(r->created),
			 MTIME_SEC(r->na_sent * BCACHE_NA_SPACING));
}

/* Nobody else gives a record its place in the wheel. */
static void record_control_timer(struct bcache *bc, struct bcache_record *r)
{
	mtime due = r->expires;

	if (na_wanted(r) && mtime_before(na_due(r), due))
		due = na_due(r);
	wheel_unlink(bc, r);
	wheel_link(bc, r, due);
}

/* One that is in no slot yet. NULL: no room. */
static struct bcache_record *record_new(struct bcache *bc,
					const struct in6_addr *hoa,
					uint16_t link, mtime now)
{
	struct bcache_record *r;

	if (bc->n == bc->room)
		return NULL;
	if (!bc->n) {
		bc->wheel_at = now.ns / WHEEL_TICK + 1;
		if (timers_set(bc->timers, &bc->timer, wheel_next(bc)) < 0)
			return NULL;
	}
	bc->n++;
	r = &bc->records[bc->unused ? bc->unused : ++bc->top];
	bc->unused = r->next;
	*r = (struct bcache_record){ .hoa = *hoa, .link = link };
	index_add(bc, r);
	return r;
}

static void record_free(struct bcache *bc, struct bcache_record *r)
{
	wheel_unlink(bc, r);
	index_del(bc, r);
	r->state = BINDING_NEW;
	r->next = bc->unused;
	bc->unused = number(bc, r);
	if (!--bc->n)
		timers_del(bc->timers, &bc->timer);
}

static void record_end(struct bcache *bc, struct bcache_record *r)
{
	struct binding b = view(bc, r);

	bc->ops->forget(bc->arg, &b);
	record_set_state(bc, r, BINDING_GONE);
	record_free(bc, r);
}

static void record_advertise(struct bcache *bc, struct bcache_record *r)
{
	struct binding b;

	r->na_sent++;
	b = view(bc, r);
	bc->ops->advertise(bc->arg, &b);
}

static bool record_expired(const struct bcache_record *r, mtime now)
{
	return !mtime_before(now, r->expires);
}

static void record_on_time(struct bcache *bc, struct bcache_record *r,
			   mtime now)
{
	if (record_expired(r, now)) {
		record_end(bc, r);
		return;
	}
	if (na_wanted(r) && !mtime_before(now, na_due(r)))
		record_advertise(bc, r);
	record_control_timer(bc, r);
}

/*
 * Sees to the ticks that are over, and to no more records than a burst: the
 * rest waits for the next run, which comes as soon as others had their turn.
 */
static void wheel_on_timer(struct timer *timer, mtime now)
{
	struct bcache *bc = (struct bcache *)
		((char *)timer - offsetof(struct bcache, timer));
	const mtime again = mtime_add(now, (mtime){1});
	int64_t last = now.ns / WHEEL_TICK;
	int burst = BCACHE_BURST;

	/* at first, as long as there is a place in the heap for it */
	timers_set(bc->timers, timer, again);
	/* asleep for more than a round: one round sees everything */
	if (bc->wheel_at < last - WHEEL_MASK)
		bc->wheel_at = last - WHEEL_MASK;
	while (bc->n && bc->wheel_at <= last) {
		uint32_t i = bc->wheel[bc->wheel_at & WHEEL_MASK];

		if (i && !burst--)
			break;
		if (i)
			record_on_time(bc, &bc->records[i], now);
		else
			bc->wheel_at++;
	}
	if (bc->n)
		timers_set(bc->timers, timer, burst < 0 ? again :
			   wheel_next(bc));
}

/* Binding Updates: checks, in the RFC's order. */

static struct in6_addr bu_coa(const struct bcache_bu *bu)
{
	const struct mh_opt *opt = mh_opt_find(bu->mh, MH_OPT_ALT_COA);

	return opt ? opt->alt_coa : bu->src;
}

static bool bu_is_dereg(const struct bcache_bu *bu)
{
	struct in6_addr coa = bu_coa(bu);

	return !bu->mh->bu.lifetime || ip6_addr_eq(&coa, &bu->hoa);
}

/* RFC 6275 5.1 and 9.5.1: what is dropped in silence. */
static struct verdict check_valid(const struct bcache_bu *bu)
{
	if (!bu->has_esp)
		return DROP(BU_UNPROTECTED);
	if (!(bu->mh->bu.flags & MH_BU_H))
		return DROP(BU_NOT_HOME_REG);
	if (!ip6_unicast_routable(&bu->hoa))
		return DROP(BAD_ADDRESS);
	/* 9.5.4: an answer goes to the source, so it has to be one address */
	if (!ip6_unicast_routable(&bu->src))
		return DROP(BAD_ADDRESS);
	if (mh_opt_find(bu->mh, MH_OPT_NONCE))
		return DROP(BU_NONCE_INDICES);
	return ACCEPT;
}

/* RFC 8818 5, RFC 6275 10.3.1: may this identity bind this HoA? Asked before
 * the number counts: a stranger's BU changes nothing. */
static struct verdict check_authorised(const struct bcache_bu *bu)
{
	return bu->owns ? ACCEPT : REJECT(BU_NOT_OWNER, PROHIBITED);
}

static struct verdict check_seq(const struct bcache_bu *bu,
				const struct bcache_record *r)
{
	if (r && !mh_seq_gt(bu->mh->bu.seq, r->seq))
		return REJECT(BU_SEQ, SEQ);
	return ACCEPT;
}

/*
 * Would packets for the HoA go round in circles, because its care-of address
 * is, by way of other bindings, the HoA itself?
 */
static bool coa_loops(const struct bcache *bc, const struct in6_addr *hoa,
		      struct in6_addr addr, mtime now)
{
	int i;

	for (i = 0; i < BCACHE_NESTING; i++) {
		const struct bcache_record *r;

		if (ip6_addr_eq(&addr, hoa))
			return true;
		r = record_find(bc, &addr);
		if (!r || r->state != BINDING_BOUND || record_expired(r, now))
			return false;
		addr = r->coa;
	}
	return true;
}

static struct verdict check_coa(const struct bcache *bc,
				const struct bcache_bu *bu, mtime now)
{
	struct in6_addr coa = bu_coa(bu);

	/* 11.7.1: MUST be included, ESP does not protect the IPv6 header */
	if (!mh_opt_find(bu->mh, MH_OPT_ALT_COA))
		return REJECT(BU_NO_ALT_COA, UNSPECIFIED);
	/* 10.3.1: a registration MUST have a Home Address option, that is,
	 * it is not from the home address itself */
	if (ip6_addr_eq(&bu->src, &bu->hoa))
		return REJECT(BU_BAD_COA, INVALID_COA);
	if (!ip6_unicast_routable(&coa) || addr_index(bc, &coa) >= 0)
		return REJECT(BU_BAD_COA, INVALID_COA);
	if (coa_loops(bc, &bu->hoa, coa, now))
		return REJECT(BU_BAD_COA, INVALID_COA);
	return ACCEPT;
}

/* RFC 6275 10.3.1 and 10.3.2, the tests that they begin with. */
static struct verdict check_acceptable(const struct bcache *bc,
				       const struct bcache_bu *bu,
				       const struct bcache_record *r,
				       mtime now)
{
	struct verdict v;

	if (!bcache_prefix(bc, &bu->hoa))
		return REJECT(BU_NOT_HOME_SUBNET, NOT_HOME_SUBNET);
	if (bu_is_dereg(bu)) {
		/* A tombstone will do: a deregistration repeated because the
		 * answer was lost gets the same answer. */
		if (!r)
			return REJECT(BU_NO_BINDING, NOT_HA_FOR_MN);
		return ACCEPT;
	}
	v = check_coa(bc, bu, now);
	if (v.reason)
		return v;
	if (!(r && r->state == BINDING_BOUND) &&
	    bc->n_bound >= bc->conf.max_bindings)
		return REJECT(BU_RESOURCES, RESOURCES);
	return ACCEPT;
}

/* RFC 6275 10.3.1, the lifetime; configured prefixes are valid for ever. */
static uint32_t grant(const struct bcache *bc, const struct bcache_bu *bu)
{
	uint32_t s = (uint32_t)bu->mh->bu.lifetime * MH_LIFETIME_UNIT;

	if (s > bc->conf.max_lifetime)
		s = bc->conf.max_lifetime;
	return s - s % MH_LIFETIME_UNIT;
}

/* Binding Updates: carrying them out. */

static struct binding_reg new_reg(const struct bcache *bc,
				  const struct bcache_bu *bu,
				  const struct bcache_record *r, mtime now)
{
	bool bound = r->state == BINDING_BOUND;
	int64_t created = bound ? r->created : created_units(now);
	uint32_t lifetime = grant(bc, bu);

	return (struct binding_reg){
		.coa = bu_coa(bu),
		.ha = bu->ha,
		.created = created_time(created),
		.expires = mtime_add(now, MTIME_SEC(lifetime)),
		.lifetime = lifetime,
		.seq = bu->mh->bu.seq,
		.flags = bu->mh->bu.flags,
	};
}

static struct verdict intercept_verdict(int err)
{
	if (err == -ENOSPC || err == -E2BIG || err == -ENOMEM)
		return REJECT(BU_RESOURCES, RESOURCES);
	return REJECT(BU_INTERNAL, UNSPECIFIED);
}

/* *at is its record, or NULL; then the new one. */
static struct verdict do_register(struct bcache *bc,
				  const struct bcache_bu *bu,
				  struct bcache_record **at, mtime now)
{
	struct bcache_record *r = *at;
	struct binding b;
	int err;

	if (addr_index(bc, &bu->ha) < 0)
		return REJECT(BU_INTERNAL, UNSPECIFIED);
	if (!r)
		r = record_new(bc, &bu->hoa, bcache_prefix(bc, &bu->hoa)->link,
			       now);
	if (!r)
		return REJECT(BU_RESOURCES, RESOURCES);
	b = view(bc, r);
	b.reg = new_reg(bc, bu, r, now);
	err = bc->ops->intercept(bc->arg, &b);
	if (err < 0) {
		if (r->state == BINDING_NEW)
			record_free(bc, r);
		return intercept_verdict(err);
	}
	record_set_reg(bc, r, &b.reg);
	if (r->state != BINDING_BOUND)
		r->na_sent = 0;
	record_set_state(bc, r, BINDING_BOUND);
	*at = r;
	return ACCEPT;
}

/*
 * RFC 6275 10.3.2: interception stops at once, but the sequence number is
 * kept a while, lest a delayed BU brings the binding back.
 */
static struct verdict do_deregister(struct bcache *bc,
				    const struct bcache_bu *bu,
				    struct bcache_record *r, mtime now)
{
	struct binding b;

	r->seq = bu->mh->bu.seq;
	r->flags = bu->mh->bu.flags;
	r->expires = mtime_add(now, MTIME_SEC(BCACHE_TOMBSTONE));
	b = view(bc, r);
	bc->ops->release(bc->arg, &b);
	if (r->state != BINDING_DELETED)
		record_set_state(bc, r, BINDING_DELETED);
	return ACCEPT;
}

/* RFC 6275 9.5.4: to the BU's source, whatever the Acknowledge flag says. */
static void answer(struct bcache *bc, const struct bcache_bu *bu,
		   const struct bcache_record *r, struct verdict v)
{
	struct bcache_ba ba = {
		.mh.type = MH_BA,
		.mh.ba.status = v.status,
		.mh.ba.seq = bu->mh->bu.seq,
		.ha = bu->ha,
		.hoa = bu->hoa,
		.dst = bu->src,
		.rh2 = !ip6_addr_eq(&bu->src, &bu->hoa),
	};

	if (v.status == MH_STATUS_SEQ)
		ba.mh.ba.seq = r->seq;
	/* 10.3.1: not with manual keys, they have no connection to move */
	if (!v.reason && (bu->mh->bu.flags & MH_BU_K) && bu->dynamic)
		ba.mh.ba.flags |= MH_BA_K;
	if (!v.reason && r->state == BINDING_BOUND)
		ba.mh.ba.lifetime = r->lifetime;
	bc->ops->send_ba(bc->arg, &ba);
}

static struct verdict judge(struct bcache *bc, const struct bcache_bu *bu,
			    struct bcache_record **at, mtime now)
{
	struct bcache_record *r = *at;
	struct verdict v = check_valid(bu);

	if (!v.reason)
		v = check_authorised(bu);
	if (!v.reason)
		v = check_seq(bu, r);
	if (v.reason)
		return v;
	/* 9.5.1: valid, so its number counts, even if it is rejected below */
	if (r)
		r->seq = bu->mh->bu.seq;
	v = check_acceptable(bc, bu, r, now);
	if (v.reason)
		return v;
	return bu_is_dereg(bu) ? do_deregister(bc, bu, r, now) :
	       do_register(bc, bu, at, now);
}

enum reason bcache_bu(struct bcache *bc, const struct bcache_bu *bu, mtime now,
		      int *status)
{
	struct bcache_record *r = record_find(bc, &bu->hoa);
	struct verdict v;

	/* A timer that is due but has not run yet makes no difference. */
	if (r && record_expired(r, now)) {
		record_end(bc, r);
		r = NULL;
	}
	v = judge(bc, bu, &r, now);
	*status = v.status;
	if (v.status != SILENCE)
		answer(bc, bu, r, v);
	if (v.reason)
		return v.reason;
	if (na_wanted(r) && !r->na_sent)
		record_advertise(bc, r);
	record_control_timer(bc, r);
	return REASON_NONE;
}

int bcache_restore(struct bcache *bc, const struct in6_addr *hoa,
		   const struct binding_reg *reg, bool deleted, mtime now)
{
	const struct bcache_prefix *prefix = bcache_prefix(bc, hoa);
	struct bcache_record *r;

	if (!mtime_before(now, reg->expires))
		return -ETIME;
	if (!prefix || addr_index(bc, &reg->ha) < 0)
		return -EADDRNOTAVAIL;
	if (record_find(bc, hoa))
		return -EEXIST;
	r = record_new(bc, hoa, prefix->link, now);
	if (!r)
		return -ENOMEM;
	record_set_reg(bc, r, reg);
	r->na_sent = BCACHE_NA_COUNT;
	r->state = deleted ? BINDING_DELETED : BINDING_BOUND;
	bc->n_bound += !deleted;
	record_control_timer(bc, r);
	return 0;
}
