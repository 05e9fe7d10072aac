/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cache itself: what a binding is in, what becomes of it in time. */
#include "ha/bcacheint.h"

#include <errno.h>

const char *binding_state_str(enum binding_state state)
{
	switch (state) {
	case BINDING_NEW:
		return "new";
	case BINDING_PROBING:
		return "probing";
	case BINDING_BOUND:
		return "bound";
	case BINDING_DELETED:
		return "deleted";
	case BINDING_GONE:
		return "gone";
	}
	return "?";
}

/* Starting and stopping. */

int bcache_init(struct bcache *bc, const struct bcache_ops *ops, void *arg,
		struct timers *timers, const struct bcache_conf *conf)
{
	*bc = (struct bcache){
		.ops = ops,
		.arg = arg,
		.timers = timers,
		.conf = *conf,
	};
	if (conf->n_addrs > UINT16_MAX)
		return -EINVAL;
	return bctable_new(bc);
}

void bcache_fini(struct bcache *bc)
{
	bctable_free(bc);
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

struct binding record_view(const struct bcache *bc,
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
			.several = r->several,
			.home = r->home,
		},
	};
}

bool bcache_find(const struct bcache *bc, const struct in6_addr *hoa,
		 struct binding *out)
{
	const struct bcache_record *r = record_find(bc, hoa);

	if (r)
		*out = record_view(bc, r);
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
		b = record_view(bc, &bc->records[i]);
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

int bcache_addr_index(const struct bcache *bc, const struct in6_addr *addr)
{
	size_t i;

	for (i = 0; i < bc->conf.n_addrs; i++)
		if (ip6_addr_eq(&bc->conf.addrs[i], addr))
			return (int)i;
	return -1;
}

static bool record_expired(const struct bcache_record *r, mtime now)
{
	return !mtime_before(now, r->expires);
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
		/* by default it is at home: there it ends */
		if (ip6_addr_eq(&r->coa, &r->hoa))
			return false;
		addr = r->coa;
	}
	return true;
}

bool bcache_coa_usable(const struct bcache *bc, const struct in6_addr *hoa,
		       const struct in6_addr *coa, mtime now)
{
	return bcache_addr_index(bc, coa) < 0 && !coa_loops(bc, hoa, *coa, now);
}

/* Bindings: their states, and when they are due. */

void record_set_state(struct bcache *bc, struct bcache_record *r,
		      enum binding_state state)
{
	enum binding_state old = r->state;
	struct binding b;

	bc->n_bound += (state == BINDING_BOUND) - (old == BINDING_BOUND);
	r->state = state;
	b = record_view(bc, r);
	bc->ops->state(bc->arg, &b, old);
}

void record_set_reg(const struct bcache *bc, struct bcache_record *r,
		    const struct binding_reg *reg)
{
	uint32_t units = reg->lifetime / MH_LIFETIME_UNIT;

	r->coa = reg->coa;
	r->ha = (uint16_t)bcache_addr_index(bc, &reg->ha);
	r->created = (int32_t)created_units(reg->created);
	r->expires = reg->expires;
	r->lifetime = units < UINT16_MAX ? (uint16_t)units : UINT16_MAX;
	r->seq = reg->seq;
	r->flags = reg->flags;
	r->several = reg->several;
	r->home = reg->home;
}

bool record_na_wanted(const struct bcache_record *r)
{
	return r->state == BINDING_BOUND && !r->home &&
	       r->na_sent < BCACHE_NA_COUNT;
}

static mtime na_due(const struct bcache_record *r)
{
	return mtime_add(created_time(r->created),
			 MTIME_SEC(r->na_sent * BCACHE_NA_SPACING));
}

/* RFC 6275 9.5.5: some requests in the last part of the lifetime, spaced. A
 * mobile node that is well has refreshed it before. */
static bool brr_wanted(const struct bcache *bc, const struct bcache_record *r)
{
	return bc->conf.brr && r->state == BINDING_BOUND &&
	       r->brr_sent < BCACHE_BRR_COUNT;
}

static mtime brr_due(const struct bcache_record *r)
{
	int64_t part = MTIME_SEC(r->lifetime * MH_LIFETIME_UNIT).ns /
		       BCACHE_BRR_PART;
	mtime step;

	if (part < MTIME_SEC(BCACHE_BRR_MIN).ns)
		part = MTIME_SEC(BCACHE_BRR_MIN).ns;
	if (part > MTIME_SEC(BCACHE_BRR_MAX).ns)
		part = MTIME_SEC(BCACHE_BRR_MAX).ns;
	step = (mtime){part / (BCACHE_BRR_COUNT + 1)};
	if (mtime_before(step, MTIME_SEC(BCACHE_BRR_MIN)))
		step = MTIME_SEC(BCACHE_BRR_MIN);
	return mtime_add(mtime_sub(r->expires, (mtime){part}),
			 (mtime){step.ns * r->brr_sent});
}

void record_control_timer(struct bcache *bc, struct bcache_record *r)
{
	mtime due = r->expires;

	if (record_na_wanted(r) && mtime_before(na_due(r), due))
		due = na_due(r);
	if (brr_wanted(bc, r) && mtime_before(brr_due(r), due))
		due = brr_due(r);
	record_due(bc, r, due);
}

void record_end(struct bcache *bc, struct bcache_record *r)
{
	struct binding b = record_view(bc, r);

	bc->ops->forget(bc->arg, &b);
	record_set_state(bc, r, BINDING_GONE);
	record_free(bc, r);
}

void record_advertise(struct bcache *bc, struct bcache_record *r)
{
	struct binding b;

	r->na_sent++;
	b = record_view(bc, r);
	bc->ops->advertise(bc->arg, &b);
}

static void record_ask(struct bcache *bc, struct bcache_record *r)
{
	struct binding b;

	r->brr_sent++;
	b = record_view(bc, r);
	bc->ops->refresh(bc->arg, &b);
}

void record_leaves_home(struct bcache_record *r, mtime now)
{
	r->na_sent = 0;
	r->created = (int32_t)created_units(now);
}

static void record_set_several(struct bcache_record *r,
			       const struct bcache_several *several, mtime now)
{
	uint32_t units = several->lifetime / MH_LIFETIME_UNIT;

	if (r->home && !several->home)
		record_leaves_home(r, now);
	r->several = true;
	r->home = several->home;
	r->coa = several->coa;
	r->expires = several->expires;
	r->lifetime = units < UINT16_MAX ? (uint16_t)units : UINT16_MAX;
	r->brr_sent = 0;
}

/* Of several care-of addresses, one may be over and others not. */
static bool record_outlives(struct bcache *bc, struct bcache_record *r,
			    mtime now)
{
	struct bcache_several next = {0};
	struct binding b = record_view(bc, r);

	if (!r->several || r->state != BINDING_BOUND ||
	    !bc->ops->outlive(bc->arg, &b, now, &next))
		return false;
	record_set_several(r, &next, now);
	if (!ip6_addr_eq(&r->coa, &r->hoa) &&
	    coa_loops(bc, &r->hoa, r->coa, now))
		return false;
	return mtime_before(now, r->expires);
}

bool record_over(struct bcache *bc, struct bcache_record *r, mtime now)
{
	if (!record_expired(r, now) || record_outlives(bc, r, now))
		return false;
	record_end(bc, r);
	return true;
}

void record_on_time(struct bcache *bc, struct bcache_record *r, mtime now)
{
	if (record_over(bc, r, now))
		return;
	if (record_na_wanted(r) && !mtime_before(now, na_due(r)))
		record_advertise(bc, r);
	if (brr_wanted(bc, r) && !mtime_before(now, brr_due(r)))
		record_ask(bc, r);
	record_control_timer(bc, r);
}

/* Not by a Binding Update. */

int bcache_end(struct bcache *bc, const struct in6_addr *hoa, mtime now)
{
	struct bcache_record *r = record_find(bc, hoa);
	struct binding b;

	if (!r || r->state != BINDING_BOUND)
		return -ENOENT;
	r->expires = mtime_add(now, MTIME_SEC(BCACHE_TOMBSTONE));
	b = record_view(bc, r);
	bc->ops->release(bc->arg, &b);
	record_set_state(bc, r, BINDING_DELETED);
	record_control_timer(bc, r);
	return 0;
}

void bcache_set_several(struct bcache *bc, const struct in6_addr *hoa,
			const struct bcache_several *several)
{
	struct bcache_record *r = record_find(bc, hoa);

	if (!is_bound(r))
		return;
	if (several) {
		/* nothing was advertised of late, nor is it to be */
		r->home = several->home;
		record_set_several(r, several, (mtime){0});
	} else {
		r->several = r->home = false;
	}
	record_control_timer(bc, r);
}

static bool record_cut(const struct bcache *bc, struct bcache_record *r,
		       mtime now)
{
	const struct bcache_prefix *prefix = bcache_prefix(bc, &r->hoa);
	mtime end;

	if (!prefix || prefix->valid == BCACHE_FOR_EVER)
		return false;
	end = mtime_add(now, MTIME_SEC(prefix->valid));
	if (!mtime_before(end, r->expires))
		return false;
	r->expires = end;
	return true;
}

void bcache_cut(struct bcache *bc, mtime now)
{
	uint32_t i;

	for (i = 1; i <= bc->top; i++)
		if (bc->records[i].state != BINDING_NEW &&
		    record_cut(bc, &bc->records[i], now))
			record_control_timer(bc, &bc->records[i]);
}

int bcache_restore(struct bcache *bc, const struct in6_addr *hoa,
		   const struct binding_reg *reg, bool deleted, mtime now)
{
	const struct bcache_prefix *prefix = bcache_prefix(bc, hoa);
	struct bcache_record *r;

	if (!mtime_before(now, reg->expires))
		return -ETIME;
	if (!prefix || !prefix->valid ||
	    bcache_addr_index(bc, &reg->ha) < 0)
		return -EADDRNOTAVAIL;
	if (record_find(bc, hoa))
		return -EEXIST;
	/* of several, another may do */
	if (!deleted && !reg->several &&
	    !bcache_coa_usable(bc, hoa, &reg->coa, now))
		return -ELOOP;
	r = record_new(bc, hoa, prefix->link, now);
	if (!r)
		return -ENOMEM;
	record_set_reg(bc, r, reg);
	record_cut(bc, r, now);
	r->na_sent = BCACHE_NA_COUNT;
	r->state = deleted ? BINDING_DELETED : BINDING_BOUND;
	bc->n_bound += !deleted;
	record_control_timer(bc, r);
	return 0;
}
