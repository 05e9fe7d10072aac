/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Without memory for its table, uthash leaves the element out. */
#define HASH_NONFATAL_OOM 1

#include "ha/bcache.h"

#include <errno.h>
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

void bcache_init(struct bcache *bc, const struct bcache_ops *ops, void *arg,
		 struct timers *timers, const struct bcache_conf *conf)
{
	*bc = (struct bcache){
		.ops = ops,
		.arg = arg,
		.timers = timers,
		.conf = *conf,
	};
}

void bcache_limits(struct bcache *bc, uint32_t max_bindings,
		   uint32_t max_lifetime)
{
	bc->conf.max_bindings = max_bindings;
	bc->conf.max_lifetime = max_lifetime;
}

struct binding *bcache_find(const struct bcache *bc,
			    const struct in6_addr *hoa)
{
	struct binding *b;

	HASH_FIND(hh, bc->table, hoa, sizeof(*hoa), b);
	return b;
}

struct binding *bcache_find_bound(const struct bcache *bc,
				  const struct in6_addr *hoa)
{
	struct binding *b = bcache_find(bc, hoa);

	return b && b->state == BINDING_BOUND ? b : NULL;
}

void bcache_each(struct bcache *bc,
		 void (*fn)(void *arg, struct binding *b), void *arg)
{
	struct binding *b, *next;

	HASH_ITER(hh, bc->table, b, next)
		fn(arg, b);
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

static bool is_ours(const struct bcache *bc, const struct in6_addr *addr)
{
	size_t i;

	for (i = 0; i < bc->conf.n_addrs; i++)
		if (ip6_addr_eq(&bc->conf.addrs[i], addr))
			return true;
	return false;
}

/* Bindings: their states and their one timer. */

static void binding_set_state(struct binding *b, enum binding_state state)
{
	enum binding_state old = b->state;

	b->bc->n_bound += (state == BINDING_BOUND) - (old == BINDING_BOUND);
	b->state = state;
	b->bc->ops->state(b->bc->arg, b, old);
}

static mtime na_due(const struct binding *b)
{
	return mtime_add(b->reg.created,
			 MTIME_SEC(b->na_sent * BCACHE_NA_SPACING));
}

/* Nobody else arms the timer. -ENOMEM only if it was never armed before. */
static int binding_control_timer(struct binding *b)
{
	mtime at = b->reg.expires;

	if (b->state == BINDING_BOUND && b->na_sent < BCACHE_NA_COUNT &&
	    mtime_before(na_due(b), at))
		at = na_due(b);
	return timers_set(b->bc->timers, &b->timer, at);
}

static void binding_free(struct binding *b)
{
	timers_del(b->bc->timers, &b->timer);
	HASH_DEL(b->bc->table, b);
	free(b);
}

static void binding_end(struct binding *b)
{
	b->bc->ops->forget(b->bc->arg, b);
	binding_set_state(b, BINDING_GONE);
	binding_free(b);
}

/* RFC 6275 10.4.1: the first one at once, the others spaced. */
static void binding_advertise(struct binding *b)
{
	b->na_sent++;
	b->bc->ops->advertise(b->bc->arg, b);
}

static void binding_on_timer(struct timer *timer, mtime now)
{
	struct binding *b = (struct binding *)
		((char *)timer - offsetof(struct binding, timer));

	if (!mtime_before(now, b->reg.expires)) {
		binding_end(b);
		return;
	}
	if (b->state == BINDING_BOUND && b->na_sent < BCACHE_NA_COUNT)
		binding_advertise(b);
	binding_control_timer(b);
}

/* A binding with its timer armed at expires, or NULL. */
static struct binding *binding_new(struct bcache *bc,
				   const struct in6_addr *hoa, uint16_t link,
				   mtime expires)
{
	struct binding *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->bc = bc;
	b->hoa = *hoa;
	b->link = link;
	b->timer.fn = binding_on_timer;
	b->reg.expires = expires;
	HASH_ADD(hh, bc->table, hoa, sizeof(b->hoa), b);
	if (bcache_find(bc, hoa) != b) {
		free(b);
		return NULL;
	}
	if (binding_control_timer(b) < 0) {
		binding_free(b);
		return NULL;
	}
	return b;
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
				const struct binding *b)
{
	if (b && !mh_seq_gt(bu->mh->bu.seq, b->reg.seq))
		return REJECT(BU_SEQ, SEQ);
	return ACCEPT;
}

/*
 * Would packets for the HoA go round in circles, because its care-of address
 * is, by way of other bindings, the HoA itself?
 */
static bool coa_loops(const struct bcache *bc, const struct in6_addr *hoa,
		      struct in6_addr addr)
{
	int i;

	for (i = 0; i < BCACHE_NESTING; i++) {
		const struct binding *b;

		if (ip6_addr_eq(&addr, hoa))
			return true;
		b = bcache_find_bound(bc, &addr);
		if (!b)
			return false;
		addr = b->reg.coa;
	}
	return true;
}

static struct verdict check_coa(const struct bcache *bc,
				const struct bcache_bu *bu)
{
	struct in6_addr coa = bu_coa(bu);

	/* 11.7.1: MUST be included, ESP does not protect the IPv6 header */
	if (!mh_opt_find(bu->mh, MH_OPT_ALT_COA))
		return REJECT(BU_NO_ALT_COA, UNSPECIFIED);
	/* 10.3.1: a registration MUST have a Home Address option, that is,
	 * it is not from the home address itself */
	if (ip6_addr_eq(&bu->src, &bu->hoa))
		return REJECT(BU_BAD_COA, INVALID_COA);
	if (!ip6_unicast_routable(&coa) || is_ours(bc, &coa))
		return REJECT(BU_BAD_COA, INVALID_COA);
	if (coa_loops(bc, &bu->hoa, coa))
		return REJECT(BU_BAD_COA, INVALID_COA);
	return ACCEPT;
}

/* RFC 6275 10.3.1 and 10.3.2, the tests that they begin with. */
static struct verdict check_acceptable(const struct bcache *bc,
				       const struct bcache_bu *bu,
				       const struct binding *b)
{
	struct verdict v;

	if (!bcache_prefix(bc, &bu->hoa))
		return REJECT(BU_NOT_HOME_SUBNET, NOT_HOME_SUBNET);
	if (bu_is_dereg(bu)) {
		/* A tombstone will do: a deregistration repeated because the
		 * answer was lost gets the same answer. */
		if (!b)
			return REJECT(BU_NO_BINDING, NOT_HA_FOR_MN);
		return ACCEPT;
	}
	v = check_coa(bc, bu);
	if (v.reason)
		return v;
	if (!(b && b->state == BINDING_BOUND) &&
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
				  const struct binding *b, mtime now)
{
	bool bound = b && b->state == BINDING_BOUND;
	uint32_t lifetime = grant(bc, bu);

	return (struct binding_reg){
		.coa = bu_coa(bu),
		.ha = bu->ha,
		.created = bound ? b->reg.created : now,
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

static struct verdict do_register(struct bcache *bc,
				  const struct bcache_bu *bu,
				  struct binding *b, mtime now)
{
	struct binding_reg reg = new_reg(bc, bu, b, now), old;
	int err;

	if (!b)
		b = binding_new(bc, &bu->hoa, bcache_prefix(bc, &bu->hoa)->link,
				reg.expires);
	if (!b)
		return REJECT(BU_RESOURCES, RESOURCES);
	old = b->reg;
	b->reg = reg;
	err = bc->ops->intercept(bc->arg, b);
	if (err < 0) {
		if (b->state == BINDING_NEW)
			binding_free(b);
		else
			b->reg = old;
		return intercept_verdict(err);
	}
	if (b->state != BINDING_BOUND)
		b->na_sent = 0;
	binding_set_state(b, BINDING_BOUND);
	binding_control_timer(b);
	return ACCEPT;
}

/*
 * RFC 6275 10.3.2: interception stops at once, but the sequence number is
 * kept a while, lest a delayed BU brings the binding back.
 */
static struct verdict do_deregister(struct bcache *bc,
				    const struct bcache_bu *bu,
				    struct binding *b, mtime now)
{
	b->reg.seq = bu->mh->bu.seq;
	b->reg.flags = bu->mh->bu.flags;
	b->reg.expires = mtime_add(now, MTIME_SEC(BCACHE_TOMBSTONE));
	bc->ops->release(bc->arg, b);
	if (b->state != BINDING_DELETED)
		binding_set_state(b, BINDING_DELETED);
	binding_control_timer(b);
	return ACCEPT;
}

/* RFC 6275 9.5.4: to the BU's source, whatever the Acknowledge flag says. */
static void answer(struct bcache *bc, const struct bcache_bu *bu,
		   const struct binding *b, struct verdict v)
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
		ba.mh.ba.seq = b->reg.seq;
	/* 10.3.1: not with manual keys, they have no connection to move */
	if (!v.reason && (bu->mh->bu.flags & MH_BU_K) && bu->dynamic)
		ba.mh.ba.flags |= MH_BA_K;
	if (!v.reason && b->state == BINDING_BOUND)
		ba.mh.ba.lifetime = b->reg.lifetime / MH_LIFETIME_UNIT;
	bc->ops->send_ba(bc->arg, &ba);
}

static struct verdict judge(struct bcache *bc, const struct bcache_bu *bu,
			    struct binding *b, mtime now)
{
	struct verdict v = check_valid(bu);

	if (!v.reason)
		v = check_authorised(bu);
	if (!v.reason)
		v = check_seq(bu, b);
	if (v.reason)
		return v;
	/* 9.5.1: valid, so its number counts, even if it is rejected below */
	if (b)
		b->reg.seq = bu->mh->bu.seq;
	v = check_acceptable(bc, bu, b);
	if (v.reason)
		return v;
	return bu_is_dereg(bu) ? do_deregister(bc, bu, b, now) :
	       do_register(bc, bu, b, now);
}

enum reason bcache_bu(struct bcache *bc, const struct bcache_bu *bu, mtime now,
		      int *status)
{
	struct binding *b = bcache_find(bc, &bu->hoa);
	struct verdict v;

	/* A timer that is due but has not run yet makes no difference. */
	if (b && !mtime_before(now, b->reg.expires)) {
		binding_end(b);
		b = NULL;
	}
	v = judge(bc, bu, b, now);
	*status = v.status;
	if (v.status == SILENCE)
		return v.reason;
	b = bcache_find(bc, &bu->hoa);
	answer(bc, bu, b, v);
	if (!v.reason && b->state == BINDING_BOUND && !b->na_sent) {
		binding_advertise(b);
		binding_control_timer(b);
	}
	return v.reason;
}

int bcache_restore(struct bcache *bc, const struct in6_addr *hoa,
		   const struct binding_reg *reg, bool deleted, mtime now)
{
	const struct bcache_prefix *prefix = bcache_prefix(bc, hoa);
	struct binding *b;

	if (!mtime_before(now, reg->expires))
		return -ETIME;
	if (!prefix || !is_ours(bc, &reg->ha))
		return -EADDRNOTAVAIL;
	if (bcache_find(bc, hoa))
		return -EEXIST;
	b = binding_new(bc, hoa, prefix->link, reg->expires);
	if (!b)
		return -ENOMEM;
	b->reg = *reg;
	b->na_sent = BCACHE_NA_COUNT;
	b->state = deleted ? BINDING_DELETED : BINDING_BOUND;
	bc->n_bound += !deleted;
	binding_control_timer(b);
	return 0;
}

void bcache_fini(struct bcache *bc)
{
	struct binding *b, *next;

	HASH_ITER(hh, bc->table, b, next)
		binding_free(b);
	bc->n_bound = 0;
}
