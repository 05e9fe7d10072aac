/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ha/bcache.c, bctable.c and bcupdate.c share: the records that bindings
 * are kept in.
 */
#ifndef KEDGE_HA_BCACHEINT_H
#define KEDGE_HA_BCACHEINT_H

#include "ha/bcache.h"

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
	uint16_t seq;		/* of the last valid BU */
	uint16_t flags;		/* of the last registration */
	uint16_t ha;		/* index of conf.addrs */
	uint16_t link;		/* the home link */
	uint8_t state;		/* enum binding_state */
	uint8_t na_sent : 3, brr_sent : 3;
	uint8_t several : 1, home : 1;	/* as in struct binding_reg */
};

static inline bool is_bound(const struct bcache_record *r)
{
	return r && r->state == BINDING_BOUND;
}

enum { CREATED_UNIT = 125 };	/* ms: 8 years in 31 bits */

static inline int64_t round_up(mtime at, int64_t unit)
{
	return at.ns / unit + (at.ns % unit > 0);
}

static inline mtime created_time(int64_t created)
{
	return MTIME_MS(created * CREATED_UNIT);
}

static inline int64_t created_units(mtime at)
{
	return round_up(at, MTIME_MS(CREATED_UNIT).ns);
}

/* bctable.c */
/* For conf.max_bindings, and some tombstones. 0, or -ENOMEM or -ENOSYS as
 * bcache_init() has them; bctable_free() in any case. */
int bctable_new(struct bcache *bc);
void bctable_free(struct bcache *bc);
/* NULL: there is none. One that is over may be there, bcache_find(). */
struct bcache_record *record_find(const struct bcache *bc,
				  const struct in6_addr *hoa);
/* One that is not due yet. NULL: no room. */
struct bcache_record *record_new(struct bcache *bc, const struct in6_addr *hoa,
				 uint16_t link, mtime now);
void record_free(struct bcache *bc, struct bcache_record *r);
/* Its place in the wheel is that time's: record_on_time() follows. */
void record_due(struct bcache *bc, struct bcache_record *r, mtime due);

/* bcache.c */
/* It is due, or was when it was given its place. May free it. */
void record_on_time(struct bcache *bc, struct bcache_record *r, mtime now);
/* Nobody else gives a record its place in the wheel. */
void record_control_timer(struct bcache *bc, struct bcache_record *r);
struct binding record_view(const struct bcache *bc,
			   const struct bcache_record *r);
void record_set_state(struct bcache *bc, struct bcache_record *r,
		      enum binding_state state);
/* All but hoa, link, state and na_sent; reg->ha is ours. */
void record_set_reg(const struct bcache *bc, struct bcache_record *r,
		    const struct binding_reg *reg);
/*
 * RFC 5648 5.6: from the home link alone to elsewhere, we defend the HoA again,
 * and say so. It counts as made then: advertisements are spaced from there.
 */
void record_leaves_home(struct bcache_record *r, mtime now);
/* RFC 6275 10.4.1: the first one at once, the others spaced. */
bool record_na_wanted(const struct bcache_record *r);
void record_advertise(struct bcache *bc, struct bcache_record *r);
/* Ends it if it is over. */
bool record_over(struct bcache *bc, struct bcache_record *r, mtime now);
void record_end(struct bcache *bc, struct bcache_record *r);
/* Which of our addresses it is, or -1. */
int bcache_addr_index(const struct bcache *bc, const struct in6_addr *addr);

#endif
