/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binding Updates: checked in the RFC's order, carried out, and answered. */
#include "ha/bcacheint.h"

#include <errno.h>

#include "proto/flowid.h"

/* What is to be done with a Binding Update. */
struct verdict {
	enum reason reason;
	int status;		/* of the answer, or why there is none */
};

#define ACCEPT ((struct verdict){REASON_NONE, MH_STATUS_ACCEPTED})
#define PUT_OFF ((struct verdict){REASON_NONE, BCACHE_PUT_OFF})
#define DROP(why) ((struct verdict){REASON_##why, BCACHE_SILENT})
#define REJECT(why, how) ((struct verdict){REASON_##why, MH_STATUS_##how})

/* Checks, in the RFC's order. */

static struct in6_addr bu_coa(const struct bcache_bu *bu)
{
	const struct mh_opt *opt = mh_opt_find(bu->mh, MH_OPT_ALT_COA);

	return opt ? opt->alt_coa : bu->src;
}

/* RFC 5648 6.2: its care-of addresses are those of its options. */
static bool bu_is_several(const struct bcache *bc, const struct bcache_bu *bu)
{
	return bc->ops->several && mh_opt_find(bu->mh, MH_OPT_BID);
}

/* Of all that is bound. */
static bool bu_is_dereg(const struct bcache *bc, const struct bcache_bu *bu)
{
	struct in6_addr coa = bu_coa(bu);

	return !bu_is_several(bc, bu) &&
	       (!bu->mh->bu.lifetime || ip6_addr_eq(&coa, &bu->hoa));
}

static bool bu_is_home_reg(const struct bcache_bu *bu)
{
	return bu->mh->bu.flags & MH_BU_H;
}

/* One that was put off, and is given again. */
static bool bu_was_put_off(const struct bcache_bu *bu)
{
	return bu->dad == BCACHE_DAD_UNIQUE || bu->dad == BCACHE_DAD_DUPLICATE;
}

/* RFC 6275 5.1, 6.1.7 and 9.5.1: what is dropped in silence. */
static struct verdict check_valid(const struct bcache *bc,
				  const struct bcache_bu *bu,
				  const struct bcache_record *r)
{
	struct in6_addr coa = bu_coa(bu);

	if (!bu->has_esp)
		return DROP(BU_UNPROTECTED);
	/* RFC 3963 6.2: a mobile router's is answered */
	if (!bu_is_home_reg(bu) && bu->mh->bu.flags & MH_BU_R)
		return REJECT(BU_ROUTER, ROUTER_PROHIBITED);
	/* we are no correspondent node; see check_type() */
	if (!bu_is_home_reg(bu) && !(is_bound(r) && bu->owns))
		return DROP(BU_NOT_HOME_REG);
	if (!ip6_unicast_routable(&bu->hoa))
		return DROP(BAD_ADDRESS);
	/* 9.5.4: an answer goes to the source, so it has to be one address */
	if (!ip6_unicast_routable(&bu->src))
		return DROP(BAD_ADDRESS);
	if (bu_is_home_reg(bu) && mh_opt_find(bu->mh, MH_OPT_NONCE))
		return DROP(BU_NONCE_INDICES);
	if (!bu_is_dereg(bc, bu) && !ip6_unicast_routable(&coa))
		return DROP(BU_BAD_COA);
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
	if (!bu_was_put_off(bu))
		return r && !mh_seq_gt(bu->mh->bu.seq, r->seq) ?
			REJECT(BU_SEQ, SEQ) : ACCEPT;
	/* its number was stored when it came first */
	if (!r || r->state != BINDING_PROBING || r->seq != bu->mh->bu.seq)
		return DROP(BU_SUPERSEDED);
	return ACCEPT;
}

/* RFC 6275 9.5.1: what is bound is a home registration, and stays one. */
static struct verdict check_type(const struct bcache_bu *bu)
{
	return bu_is_home_reg(bu) ? ACCEPT : REJECT(BU_TYPE_CHANGE, TYPE_CHANGE);
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
	if (!bcache_coa_usable(bc, &bu->hoa, &coa, now))
		return REJECT(BU_BAD_COA, INVALID_COA);
	return ACCEPT;
}

static uint32_t grant(const struct bcache *bc, const struct bcache_bu *bu);

static struct verdict check_several(const struct bcache *bc,
				    const struct bcache_bu *bu,
				    const struct bcache_record *r, mtime now,
				    struct bcache_several *several)
{
	enum reason reason = bc->ops->several(bc->arg, bu, is_bound(r),
					      grant(bc, bu), now, several);

	return (struct verdict){ reason, several->status };
}

/* RFC 3963 6.2 */
static struct verdict check_router(const struct bcache *bc,
				   const struct bcache_bu *bu,
				   const struct bcache_record *r)
{
	bool router = bu->mh->bu.flags & MH_BU_R;
	struct verdict v = ACCEPT;

	if (is_bound(r) && router != !!(r->flags & MH_BU_R))
		return REJECT(BU_ROUTER_CHANGE, TYPE_CHANGE);
	if (!router)
		return v;
	if (!bc->ops->router)
		return REJECT(BU_ROUTER, ROUTER_PROHIBITED);
	v.reason = bc->ops->router(bc->arg, bu, &v.status);
	return v;
}

/* RFC 6275 10.3.1: lifetimes of prefixes in units of four seconds, too. */
static uint32_t in_units(uint32_t seconds)
{
	return seconds / MH_LIFETIME_UNIT;
}

static bool on_home_link(const struct bcache *bc, const struct in6_addr *hoa)
{
	const struct bcache_prefix *prefix = bcache_prefix(bc, hoa);

	return prefix && in_units(prefix->valid) > 0;
}

/* RFC 6275 10.3.1 and 10.3.2, the tests that they begin with. */
static struct verdict check_acceptable(const struct bcache *bc,
				       const struct bcache_bu *bu,
				       const struct bcache_record *r,
				       mtime now,
				       struct bcache_several *several)
{
	struct verdict v;

	/* RFC 6275 9.5.1: what is in them cannot be carried out */
	if (bu->mh->n_excess || (bu->flows && bu->flows->excess))
		return REJECT(BU_OPTIONS, RESOURCES);
	if (!bc->conf.n_prefixes)
		return REJECT(BU_NO_HOME_LINK, NO_HOME_REG);
	if (!on_home_link(bc, &bu->hoa))
		return REJECT(BU_NOT_HOME_SUBNET, NOT_HOME_SUBNET);
	if (bu_is_dereg(bc, bu)) {
		/* A tombstone will do: a deregistration repeated because the
		 * answer was lost gets the same answer. */
		if (!r || r->state == BINDING_PROBING)
			return REJECT(BU_NO_BINDING, NOT_HA_FOR_MN);
		return ACCEPT;
	}
	/* RFC 5648 6.2 */
	if (!bu->mh->bu.lifetime)
		return is_bound(r) ? check_several(bc, bu, r, now, several) :
		       REJECT(BU_NO_BINDING, NOT_HA_FOR_MN);
	/* RFC 5142 5.3, RFC 5846 7 */
	if (bu->leaving)
		return REJECT(BU_LEAVING, PROHIBITED);
	v = bu_is_several(bc, bu) ? check_several(bc, bu, r, now, several) :
	    check_coa(bc, bu, now);
	if (!v.reason)
		v = check_router(bc, bu, r);
	if (v.reason)
		return v;
	if (!is_bound(r) && bc->n_bound >= bc->conf.max_bindings)
		return REJECT(BU_RESOURCES, RESOURCES);
	if (bu->dad == BCACHE_DAD_DUPLICATE)
		return REJECT(BU_DUPLICATE, DAD_FAILED);
	return ACCEPT;
}

/* RFC 6275 10.3.1: no longer than asked for, nor than the prefix is valid. */
static uint32_t grant(const struct bcache *bc, const struct bcache_bu *bu)
{
	uint32_t valid = in_units(bcache_prefix(bc, &bu->hoa)->valid);
	uint32_t units = bu->mh->bu.lifetime;

	if (units > in_units(bc->conf.max_lifetime))
		units = in_units(bc->conf.max_lifetime);
	if (units > valid)
		units = valid;
	return units * MH_LIFETIME_UNIT;
}

/* Carrying them out. */

static struct binding_reg new_reg(const struct bcache *bc,
				  const struct bcache_bu *bu,
				  const struct bcache_record *r, mtime now,
				  const struct bcache_several *several)
{
	bool bound = r->state == BINDING_BOUND;
	int64_t created = bound ? r->created : created_units(now);
	uint32_t lifetime = grant(bc, bu);

	if (bu_is_several(bc, bu))
		return (struct binding_reg){
			.coa = several->coa,
			.ha = bu->ha,
			.created = created_time(created),
			.expires = several->expires,
			.lifetime = several->lifetime,
			.seq = bu->mh->bu.seq,
			/* nothing is registered with lifetime 0 */
			.flags = bu->mh->bu.lifetime ? bu->mh->bu.flags :
				 r->flags,
			.several = true,
			.home = several->home,
		};
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
	if (err == -EADDRNOTAVAIL)
		return REJECT(BU_PREFIX_INVALID, INVALID_PREFIX);
	return REJECT(BU_INTERNAL, UNSPECIFIED);
}

/* *at is its record, or NULL; then a new one, if there is room. */
static struct bcache_record *record_get(struct bcache *bc,
					const struct bcache_bu *bu,
					struct bcache_record **at, mtime now)
{
	if (!*at)
		*at = record_new(bc, &bu->hoa,
				 bcache_prefix(bc, &bu->hoa)->link, now);
	return *at;
}

/* What there is for nothing: a record that was made for a BU that failed. */
static void record_drop(struct bcache *bc, struct bcache_record **at)
{
	if ((*at)->state != BINDING_NEW)
		return;
	record_free(bc, *at);
	*at = NULL;
}

/*
 * RFC 6275 10.3.1: before it is first served the HoA is tested on its link. A
 * newer BU meanwhile takes the place of the one that waits.
 */
static struct verdict check_unique(struct bcache *bc,
				   const struct bcache_bu *bu,
				   struct bcache_record *r, mtime now,
				   const struct bcache_several *several)
{
	struct binding_reg reg;
	int rc;

	/* who is on the home link has it there himself, RFC 5648 5.6.3 */
	if (is_bound(r) || bu_was_put_off(bu) || several->home)
		return ACCEPT;
	rc = bc->ops->probe(bc->arg, bu, r->link);
	if (rc < 0)
		return REJECT(BU_DAD_CROWDED, RESOURCES);
	if (rc > 0)
		return ACCEPT;
	reg = new_reg(bc, bu, r, now, several);
	reg.expires = mtime_add(now, MTIME_SEC(BCACHE_PROBING));
	record_set_reg(bc, r, &reg);
	if (r->state != BINDING_PROBING)
		record_set_state(bc, r, BINDING_PROBING);
	return PUT_OFF;
}

static struct verdict do_register(struct bcache *bc,
				  const struct bcache_bu *bu,
				  struct bcache_record **at, mtime now,
				  const struct bcache_several *several)
{
	struct bcache_record *r;
	struct verdict v;
	struct binding b;
	int err;

	if (bcache_addr_index(bc, &bu->ha) < 0)
		return REJECT(BU_INTERNAL, UNSPECIFIED);
	r = record_get(bc, bu, at, now);
	if (!r)
		return REJECT(BU_RESOURCES, RESOURCES);
	v = check_unique(bc, bu, r, now, several);
	if (v.reason)
		record_drop(bc, at);
	if (v.reason || v.status == BCACHE_PUT_OFF)
		return v;
	b = record_view(bc, r);
	b.reg = new_reg(bc, bu, r, now, several);
	err = bc->ops->intercept(bc->arg, &b);
	if (err < 0) {
		record_drop(bc, at);
		return intercept_verdict(err);
	}
	if (is_bound(r) && r->home && !b.reg.home) {
		record_leaves_home(r, now);
		b.reg.created = created_time(r->created);
	}
	record_set_reg(bc, r, &b.reg);
	if (r->state != BINDING_BOUND)
		r->na_sent = 0;
	r->brr_sent = 0;
	record_set_state(bc, r, BINDING_BOUND);
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
	r->expires = mtime_add(now, MTIME_SEC(BCACHE_TOMBSTONE));
	b = record_view(bc, r);
	bc->ops->release(bc->arg, &b);
	if (r->state != BINDING_DELETED)
		record_set_state(bc, r, BINDING_DELETED);
	return ACCEPT;
}

/* RFC 6275 10.3.1, 10.3.2: 1 where the prefix does not stay as it is until the
 * binding's end. */
static int accepted_status(const struct bcache *bc, const struct bcache_bu *bu,
			   const struct bcache_record *r)
{
	const struct bcache_prefix *prefix = bcache_prefix(bc, &bu->hoa);

	if (r->state != BINDING_BOUND)
		return MH_STATUS_ACCEPTED;
	if (bu->prefix_changed || in_units(prefix->preferred) < r->lifetime ||
	    in_units(prefix->valid) <= r->lifetime)
		return MH_STATUS_PREFIX_DISCOVERY;
	return MH_STATUS_ACCEPTED;
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
	/* RFC 3963 6.6: its networks are forwarded */
	if (!v.reason && r->state == BINDING_BOUND && r->flags & MH_BU_R)
		ba.mh.ba.flags |= MH_BA_R;
	/* RFC 5648: others may end before those of this BU */
	if (!v.reason && r->state == BINDING_BOUND)
		ba.mh.ba.lifetime = bu_is_several(bc, bu) ?
			(uint16_t)in_units(grant(bc, bu)) : r->lifetime;
	bc->ops->send_ba(bc->arg, &ba);
}

/*
 * 9.5.1: its number is stored, where what is bound is stored. 9.5.5: and the
 * mobile node, who can be heard, is asked for no more of them.
 */
static void seq_counts(struct bcache *bc, struct bcache_record *r)
{
	struct binding b;

	if (!is_bound(r))
		return;
	r->brr_sent = BCACHE_BRR_COUNT;
	b = record_view(bc, r);
	bc->ops->store(bc->arg, &b);
}

static struct verdict judge(struct bcache *bc, const struct bcache_bu *bu,
			    struct bcache_record **at, mtime now)
{
	struct bcache_several several = {0};
	struct bcache_record *r = *at;
	struct verdict v = check_valid(bc, bu, r);

	if (!v.reason)
		v = check_authorised(bu);
	if (!v.reason)
		v = check_seq(bu, r);
	if (!v.reason)
		v = check_type(bu);
	if (v.reason)
		return v;
	/* 9.5.1: valid, so its number counts, even if it is rejected below */
	if (r)
		r->seq = bu->mh->bu.seq;
	v = check_acceptable(bc, bu, r, now, &several);
	if (v.reason) {
		seq_counts(bc, r);
		return v;
	}
	v = bu_is_dereg(bc, bu) || several.none ?
	    do_deregister(bc, bu, r, now) :
	    do_register(bc, bu, at, now, &several);
	if (!v.reason && v.status == MH_STATUS_ACCEPTED)
		v.status = several.status;
	return v;
}

/* The BU that was put off is answered, or the mobile node wants it no more. */
static bool probing_is_over(const struct bcache_bu *bu,
			    const struct bcache_record *r, struct verdict v)
{
	return r && r->state == BINDING_PROBING && v.status >= 0 &&
	       v.status != MH_STATUS_SEQ && bu->owns;
}

enum reason bcache_bu(struct bcache *bc, const struct bcache_bu *bu, mtime now,
		      int *status)
{
	struct bcache_record *r = record_find(bc, &bu->hoa);
	struct verdict v;

	/* A timer that is due but has not run yet makes no difference. */
	if (r && record_over(bc, r, now))
		r = NULL;
	v = judge(bc, bu, &r, now);
	if (!v.reason && v.status == MH_STATUS_ACCEPTED)
		v.status = accepted_status(bc, bu, r);
	*status = v.status;
	if (v.status >= 0)
		answer(bc, bu, r, v);
	if (v.reason && probing_is_over(bu, r, v))
		record_end(bc, r);
	if (v.reason)
		return v.reason;
	if (record_na_wanted(r) && !r->na_sent)
		record_advertise(bc, r);
	record_control_timer(bc, r);
	return REASON_NONE;
}
