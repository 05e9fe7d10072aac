/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/restore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "ha/several.h"

enum {
	RESTORE_LINES = 100,	/* in the log, about one binding each */
	RESTORE_BATCH = 4096,	/* to the map at once */
};

struct batch {
	struct in6_addr hoas[RESTORE_BATCH];
	struct dp_binding bindings[RESTORE_BATCH];
	uint32_t n;
};

struct restore {
	struct kern *k;
	struct image image;	/* what the journal says */
	struct batch *batch;
	mtime now;
	int64_t wall;		/* ns, from now to the time since 1970 */
	unsigned int lines;
	unsigned int kept, tombstones, expired, foreign, refused, excess, bad;
	unsigned int same, other;	/* in the map, and in the journal */
};

/* With a million of them the log is not the place to look. */
static bool may_tell(struct restore *r)
{
	if (r->lines == RESTORE_LINES)
		log_info("other bindings are not told one by one");
	return r->lines++ < RESTORE_LINES;
}

static const char *why_not(int err)
{
	if (err == -ETIME)
		return "expired";
	if (err == -ENOMEM)
		return "more than there is room for";
	if (err == -ELOOP)
		return "its care-of address would be refused now";
	return "no home link of ours";
}

static void count_result(struct restore *r, int err, bool deleted)
{
	if (err == -ETIME)
		r->expired++;
	else if (err == -ENOMEM)
		r->excess++;
	else if (err == -ELOOP)
		r->refused++;
	else if (err < 0)
		r->foreign++;
	else if (deleted)
		r->tombstones++;
	else
		r->kept++;
	if (err == -ELOOP)
		count(COUNT_JOURNAL_REFUSED);
	if (!err && !deleted)
		count(COUNT_BINDING_RESTORED);
}

/* Into the cache. */
static int restore_one(struct restore *r, const struct in6_addr *hoa,
		       const struct binding_reg *reg, bool deleted)
{
	int err = bcache_restore(&r->k->bcache, hoa, reg, deleted, r->now);

	count_result(r, err, deleted);
	if (deleted || !may_tell(r))
		return err;
	log_info("binding HoA %s CoA %s HA %s: %s%s, seq %u", ip6_str(hoa),
		 ip6_str(&reg->coa), ip6_str(&reg->ha),
		 err ? "not restored: " : "restored", err ? why_not(err) : "",
		 reg->seq);
	return err;
}

/* The map was taken over. */

static bool journal_agrees(const struct restore *r, const struct in6_addr *hoa,
			   const struct binding_reg *reg, bool deleted)
{
	const struct chunk_record *rec = image_find(&r->image, hoa);

	return rec && rec->deleted == deleted && rec->seq == reg->seq &&
	       rec->lifetime == reg->lifetime &&
	       ip6_addr_eq(&rec->coa, &reg->coa) &&
	       ip6_addr_eq(&rec->ha, &reg->ha);
}

static void from_map(void *arg, const struct in6_addr *hoa,
		     const struct dp_binding *d)
{
	struct restore *r = arg;
	bool deleted = d->flags & DP_BINDING_DELETED;
	struct binding_reg reg = {
		.coa = d->remote,
		.ha = d->local,
		.created.ns = (int64_t)d->created,
		.expires.ns = (int64_t)d->expires,
		.lifetime = d->lifetime,
		.seq = d->seq,
		.flags = d->bu_flags,
		.several = d->flags & DP_BINDING_MULTI,
	};

	/* of a HoA with the L flag: taken again with its interface */
	if (IN6_IS_ADDR_LINKLOCAL(hoa))
		dp_binding_del(r->k->dp, hoa);
	else if (restore_one(r, hoa, &reg, deleted) < 0)
		dp_binding_del(r->k->dp, hoa);
	else if (journal_agrees(r, hoa, &reg, deleted))
		r->same++;
	else
		r->other++;
}

/* The maps have no flow binding that was inactive, and no link-layer address. */
static void rest_from_journal(struct restore *r)
{
	uint32_t i;

	for (i = 0; i < r->image.n; i++) {
		const struct chunk_record *rec = &r->image.v[i];
		struct binding b;

		if (rec->n_paths &&
		    bcache_find_bound(&r->k->bcache, &rec->hoa, &b) &&
		    b.reg.several &&
		    journal_agrees(r, &rec->hoa, &b.reg, false))
			several_rest_from_journal(r->k, rec,
						  image_more(&r->image, rec));
	}
}

static int restore_from_map(struct restore *r)
{
	int err = dp_binding_each(r->k->dp, from_map, r);

	if (!err)
		err = ways_restore_paths(r->k);
	if (err < 0)
		return err;
	rest_from_journal(r);
	log_info("took over the data plane: %u bindings go on, %u tombstones; "
		 "%u expired, %u of links that are not ours any more, %u "
		 "refused, %u too many; the journal has %u of them as they "
		 "are, %u not", r->kept, r->tombstones, r->expired,
		 r->foreign, r->refused, r->excess, r->same, r->other);
	return 0;
}

/* The map is new. */

static void batch_load(struct restore *r)
{
	struct batch *b = r->batch;
	uint32_t i, failed = 0;
	int err, first = 0;

	if (!b->n || !dp_bindings_load(r->k->dp, b->hoas, b->bindings, b->n)) {
		b->n = 0;
		return;
	}
	/* One by one, to have what there is room for. */
	for (i = 0; i < b->n; i++) {
		err = dp_binding_set(r->k->dp, &b->hoas[i], &b->bindings[i]);
		failed += err < 0;
		first = first ? first : err;
	}
	if (failed)
		log_err("%u bindings, first HoA %s: data plane: %s; nothing is "
			"tunnelled for them before they are refreshed", failed,
			ip6_str(&b->hoas[0]), strerror(-first));
	b->n = 0;
}

static void batch_add(struct restore *r, const struct binding *binding,
		      bool deleted)
{
	struct batch *b = r->batch;
	struct dp_binding *d = &b->bindings[b->n];

	b->hoas[b->n] = binding->hoa;
	*d = kern_to_dp(&binding->reg);
	several_refine(r->k, binding, d);
	if (deleted)
		d->flags = DP_BINDING_DELETED;
	if (++b->n == RESTORE_BATCH)
		batch_load(r);
}

/* All in the maps, before there is a program that could look into them. */
static void from_record(struct restore *r, const struct chunk_record *rec)
{
	struct binding b = { .hoa = rec->hoa };

	if (!chunk_record_to(rec, &b.reg, r->wall, r->now)) {
		r->bad++;
		return;
	}
	if (rec->n_paths)
		several_from_journal(r->k, rec, image_more(&r->image, rec),
				     r->wall, r->now, &b.reg);
	/* bound to its home link alone is not bound */
	if (!rec->deleted && !b.reg.several &&
	    ip6_addr_eq(&b.reg.coa, &b.hoa))
		r->bad += !rec->n_paths;
	else if (!restore_one(r, &b.hoa, &b.reg, rec->deleted))
		batch_add(r, &b, rec->deleted);
	else
		several_forget(r->k, &b.hoa);
}

/*
 * A machine without a clock of its own may start in the past. It is later now
 * than when the journal was written: by that clock lifetimes run on, if too
 * long by the time it was off, and never by more than was granted.
 */
static void check_clock(struct restore *r)
{
	int64_t behind = r->image.newest - (r->now.ns + r->wall);

	if (behind <= 0)
		return;
	log_warn("the clock is at least %lld s behind: lifetimes in the "
		 "binding journal count from when it was last written",
		 (long long)mtime_sec((mtime){behind}));
	r->wall += behind;
}

static int restore_from_journal(struct restore *r)
{
	uint32_t i;

	if (!r->image.n)
		return 0;
	r->batch = calloc(1, sizeof(*r->batch));
	if (!r->batch)
		return -ENOMEM;
	check_clock(r);
	for (i = 0; i < r->image.n; i++)
		from_record(r, &r->image.v[i]);
	batch_load(r);
	free(r->batch);
	log_info("binding journal: %u bindings go on, %u tombstones; %u "
		 "expired, %u of links that are not ours any more, %u refused, "
		 "%u too many, %u make no sense", r->kept, r->tombstones,
		 r->expired, r->foreign, r->refused, r->excess, r->bad);
	return 0;
}

/* What the journal is to have. */
static uint32_t range(void *arg, uint32_t cursor,
		      void (*fn)(void *fn_arg, const struct binding *b),
		      void *fn_arg, uint32_t n)
{
	struct kern *k = arg;

	return bcache_range(&k->bcache, cursor, fn, fn_arg, n);
}

int restore(struct kern *k, bool took_over)
{
	const struct journal_source source = { range, several_to_journal, k };
	struct restore r = {
		.k = k,
		.now = loop_now(),
		.wall = loop_wall_offset(),
	};
	int err;

	/* What is wrong with it was told, and keeps nobody from starting. */
	k->lost = journal_load(&r.image, k->conf->state) < 0 ||
		  r.image.corrupt || r.image.left_out || !r.image.records;
	err = took_over ? restore_from_map(&r) : restore_from_journal(&r);
	/* RFC 5847 3.2: without a journal nobody knows what there was */
	k->lost = (k->lost && !took_over) || r.excess || r.bad;
	if (!err)
		err = journal_open(&k->journal, k->loop, k->conf->state,
				   &source, r.image.corrupt);
	image_fini(&r.image);
	return err;
}
