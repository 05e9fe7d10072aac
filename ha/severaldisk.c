/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several care-of addresses and flow bindings in the binding journal. */
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "ha/chunkmore.h"
#include "ha/severalint.h"

uint32_t several_to_journal(void *arg, const struct binding *b,
			    struct chunk_record *r, int64_t wall)
{
	const struct kern *k = arg;
	const struct multi_host *host = multi_find(&k->several->multi,
						   &b->hoa);

	return host ? chunk_more_from(r, host, wall) : 0;
}

void several_not_taken(struct kern *k, const struct in6_addr *hoa,
		       const char *what, unsigned int number, const char *why)
{
	count(COUNT_JOURNAL_REFUSED);
	if (count_may_log(&k->several->told))
		log_warn("binding HoA %s: %s %u is not restored: %s%s",
			 ip6_str(hoa), what, number, why,
			 count_left_out(&k->several->told));
}

/*
 * RFC 5648 6.3: who does no Neighbour Discovery on its home link can be reached
 * there by the neighbour entry alone, which went with the machine.
 */
static bool is_lost(struct kern *k, const struct in6_addr *hoa,
		    const struct multi_path *path)
{
	return path->home && !athome_again(k, hoa, path->mac);
}

/* What has expired is not told. */
static bool path_take(struct kern *k, const struct in6_addr *hoa,
		      const struct multi_path *path, mtime now)
{
	if (!mtime_before(now, path->expires))
		return false;
	if (is_lost(k, hoa, path)) {
		several_not_taken(k, hoa, "BID", path->bid,
				  "there is no neighbour entry for it");
		return false;
	}
	if (multi_restore_path(&k->several->multi, hoa, path) < 0) {
		several_not_taken(k, hoa, "BID", path->bid,
				  "it makes no sense, or there is no room");
		return false;
	}
	return true;
}

static void paths_take(struct kern *k, const struct chunk_record *rec,
		       const struct chunk_record *more, int64_t wall,
		       mtime now)
{
	struct multi_path path;
	bool home_gone = false;
	unsigned int i;

	for (i = 0; i < rec->n_paths; i++) {
		if (!chunk_path_to(&path, more, i, wall, now))
			several_not_taken(k, &rec->hoa, "care-of address", i,
					  "it makes no sense");
		else if (!path_take(k, &rec->hoa, &path, now))
			home_gone |= path.home;
	}
	/* where the machine went on running, its neighbour entry is there yet */
	if (home_gone && !multi_home(multi_find(&k->several->multi, &rec->hoa)))
		athome_left(k, &rec->hoa);
}

static void flows_take(struct kern *k, const struct chunk_record *rec,
		       const struct chunk_record *more)
{
	struct multi_flow flow;
	unsigned int i;

	for (i = 0; i < rec->n_flows; i++) {
		if (!chunk_flow_to(&flow, rec, more, i)) {
			several_not_taken(k, &rec->hoa, "flow binding", i,
					  "it makes no sense");
			continue;
		}
		flow.exact = multi_is_exact(&flow.ts, &rec->hoa);
		if (multi_restore_flow(&k->several->multi, &rec->hoa,
				       &flow) < 0)
			several_not_taken(k, &rec->hoa, "flow FID", flow.fid,
					  "it makes no sense, or there is no room");
	}
}

/* As by the functions that judge a Binding Update, of all that is bound now. */
unsigned int several_judge_again(struct kern *k, const struct binding *b)
{
	const struct multi_host *host = multi_find(&k->several->multi,
						   &b->hoa);
	const struct multi_bu bu = {
		.hoa = b->hoa,
		.may_be_home = several_may_be_home(k, &b->hoa, b->reg.flags),
		.coa_usable = several_coa_usable,
		.arg = k,
	};
	uint8_t faults[MULTI_PATHS_MAX];
	const mtime now = loop_now();
	unsigned int i, n = 0;

	multi_restore_judge(&k->several->multi, &bu, now, faults);
	for (i = 0; i < host->n_paths; i++) {
		n += mtime_before(now, host->paths[i].expires);
		if (faults[i])
			several_not_taken(k, &b->hoa, "BID",
					  host->paths[i].bid,
					  mh_status_str(faults[i]));
	}
	return n;
}

bool several_from_journal(struct kern *k, const struct chunk_record *rec,
			  const struct chunk_record *more, int64_t wall,
			  mtime now, struct binding_reg *reg)
{
	const struct multi_host *host;
	struct bcache_several s = {0};

	paths_take(k, rec, more, wall, now);
	host = multi_find(&k->several->multi, &rec->hoa);
	if (!host)
		return false;
	flows_take(k, rec, more);
	/* with room for the flows it may have moved */
	host = multi_find(&k->several->multi, &rec->hoa);
	several_view(k, host, &s);
	reg->several = true;
	reg->home = s.home;
	reg->coa = s.coa;
	reg->expires = s.expires;
	reg->lifetime = s.lifetime;
	return true;
}

void several_rest_from_journal(struct kern *k, const struct chunk_record *rec,
			       const struct chunk_record *more)
{
	struct multi_path path;
	unsigned int i;

	if (!multi_find(&k->several->multi, &rec->hoa))
		return;
	for (i = 0; i < rec->n_paths; i++)
		if (chunk_path_to(&path, more, i, 0, (mtime){0}) && path.home)
			multi_restore_mac(&k->several->multi, &rec->hoa,
					  path.mac);
	if (!rec->n_flows)
		return;
	flows_take(k, rec, more);
	multi_restore_known(&k->several->multi, &rec->hoa);
}

void several_forget(struct kern *k, const struct in6_addr *hoa)
{
	if (multi_home(multi_find(&k->several->multi, hoa)))
		athome_left(k, hoa);
	multi_end(&k->several->multi, hoa);
}
