/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/multi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ip6.h"

/* Home addresses. */

void multi_init(struct multi *m, const struct multi_conf *conf)
{
	*m = (struct multi){ .conf = *conf };
}

static struct multi_host *find(const struct multi *m,
			       const struct in6_addr *hoa)
{
	struct multi_host *host;

	HASH_FIND(hh, m->hosts, hoa, sizeof(*hoa), host);
	return host;
}

const struct multi_host *multi_find(const struct multi *m,
				    const struct in6_addr *hoa)
{
	return m->n_hosts ? find(m, hoa) : NULL;
}

/* With room for so many flows, which are not copied. */
static struct multi_host *host_new(const struct in6_addr *hoa,
				   unsigned int flows)
{
	struct multi_host *host = calloc(1, sizeof(*host) +
					 flows * sizeof(host->flows[0]));

	if (host)
		host->hoa = *hoa;
	return host;
}

/* What is kept has no room to spare. */
static struct multi_host *host_trim(struct multi_host *host)
{
	struct multi_host *trimmed =
		realloc(host, sizeof(*host) +
			host->n_flows * sizeof(host->flows[0]));

	return trimmed ? trimmed : host;
}

static void host_add(struct multi *m, struct multi_host *host)
{
	HASH_ADD(hh, m->hosts, hoa, sizeof(host->hoa), host);
	m->n_hosts++;
	m->n_flows += host->n_flows;
	m->n_ranged += multi_ranges(host) > 0;
}

static void host_take(struct multi *m, struct multi_host *host)
{
	HASH_DELETE(hh, m->hosts, host);
	m->n_hosts--;
	m->n_flows -= host->n_flows;
	m->n_ranged -= multi_ranges(host) > 0;
}

static void judged_clear(struct multi *m)
{
	free(m->judged.host);
	m->judged = (struct multi_judged){0};
}

void multi_end(struct multi *m, const struct in6_addr *hoa)
{
	struct multi_host *host = find(m, hoa);

	if (!host)
		return;
	host_take(m, host);
	free(host);
}

void multi_fini(struct multi *m)
{
	while (m->hosts)
		multi_end(m, &m->hosts->hoa);
	judged_clear(m);
}

void multi_commit(struct multi *m)
{
	struct multi_host *host = m->judged.host;

	if (!host)
		return;
	m->judged.host = NULL;
	multi_end(m, &host->hoa);
	host_add(m, host_trim(host));
}

void multi_cut(struct multi *m, const struct in6_addr *hoa, mtime end)
{
	struct multi_host *host = find(m, hoa);
	unsigned int i;

	for (i = 0; host && i < host->n_paths; i++)
		if (mtime_before(end, host->paths[i].expires))
			host->paths[i].expires = end;
}

/* Care-of addresses. */

const struct multi_path *multi_path(const struct multi_host *host,
				    uint16_t bid)
{
	unsigned int i;

	for (i = 0; host && i < host->n_paths; i++)
		if (host->paths[i].bid == bid)
			return &host->paths[i];
	return NULL;
}

const struct multi_path *multi_home(const struct multi_host *host)
{
	unsigned int i;

	for (i = 0; host && i < host->n_paths; i++)
		if (host->paths[i].home)
			return &host->paths[i];
	return NULL;
}

bool multi_has_coa(const struct multi_host *host, const struct in6_addr *coa)
{
	unsigned int i;

	for (i = 0; host && i < host->n_paths; i++)
		if (!host->paths[i].home &&
		    ip6_addr_eq(&host->paths[i].coa, coa))
			return true;
	return false;
}

const struct multi_path *multi_first_over(const struct multi_host *host)
{
	const struct multi_path *first = NULL;
	unsigned int i;

	for (i = 0; i < host->n_paths; i++)
		if (!first || mtime_before(host->paths[i].expires,
					   first->expires))
			first = &host->paths[i];
	return first;
}

unsigned int multi_ways(const struct multi_host *host,
			const struct multi_flow *flow,
			const struct multi_path *ways[MULTI_WAYS])
{
	unsigned int i, n = 0;

	for (i = 0; i < flow->n_bids; i++) {
		const struct multi_path *path = multi_path(host,
							   flow->bids[i]);

		if (path && !(n && ip6_addr_eq(&path->coa, &ways[0]->coa)))
			ways[n++] = path;
	}
	return n;
}

/*
 * RFC 6089 5.1.1: by BID-PRI, the lowest first; those without, which are as in
 * RFC 5648, last. RFC 5648 3: where nothing else says it, the one that was last
 * heard from.
 */
static bool comes_before(const struct multi_path *a,
			 const struct multi_path *b)
{
	unsigned int x = a->pri ? a->pri : UINT8_MAX;
	unsigned int y = b->pri ? b->pri : UINT8_MAX;

	return x != y ? x < y : a->heard > b->heard;
}

static void path_del(struct multi_host *host, const struct multi_path *path)
{
	size_t i = (size_t)(path - host->paths);

	host->n_paths--;
	memmove(&host->paths[i], &host->paths[i + 1],
		(host->n_paths - i) * sizeof(host->paths[0]));
}

/* In its place, and in the place of what its BID had; there is room. */
static void path_put(struct multi_host *host, const struct multi_path *path)
{
	const struct multi_path *old = multi_path(host, path->bid);
	unsigned int i;

	if (old)
		path_del(host, old);
	for (i = 0; i < host->n_paths; i++)
		if (comes_before(path, &host->paths[i]))
			break;
	memmove(&host->paths[i + 1], &host->paths[i],
		(host->n_paths - i) * sizeof(host->paths[0]));
	host->paths[i] = *path;
	host->n_paths++;
}

static void copy_paths(struct multi_host *to, const struct multi_host *from,
		       mtime now)
{
	unsigned int i;

	for (i = 0; from && i < from->n_paths; i++)
		if (mtime_before(now, from->paths[i].expires))
			to->paths[to->n_paths++] = from->paths[i];
}

bool multi_expire(struct multi *m, const struct in6_addr *hoa, mtime now)
{
	const struct multi_host *old = find(m, hoa);
	struct multi_host *host;
	unsigned int i;

	judged_clear(m);
	host = old ? host_new(hoa, old->n_flows) : NULL;
	if (!host)
		return false;
	copy_paths(host, old, now);
	for (i = 0; i < old->n_flows; i++)
		multi_flow_put(host, &old->flows[i]);
	m->judged.host = host;
	return host->n_paths > 0;
}

/* Binding Identifier options, RFC 5648 6.2. */

static bool is_length(uint8_t len)
{
	return len == MH_BID_LEN || len == MH_BID_LEN_IPV4 ||
	       len == MH_BID_LEN_IPV6;
}

static bool is_repeated(const struct multi_bu *bu, const struct mh_opt *opt)
{
	const struct mh_opt *at;

	for (at = bu->mh->opts; at < opt; at++)
		if (at->type == MH_OPT_BID &&
		    (at->bid.id == opt->bid.id ||
		     (at->bid.home && opt->bid.home)))
			return true;
	return false;
}

/*
 * What an option says of its own: a status. 4.3: BID 0 is reserved. 5.1, 5.6.3:
 * a BID is there once, and one of them is the home link's.
 */
static uint8_t form_fault(const struct multi_bu *bu, const struct mh_opt *opt)
{
	bool at_hoa = ip6_addr_eq(&opt->bid.coa, &bu->hoa);

	if (!opt->bid.id || is_repeated(bu, opt))
		return MH_STATUS_MCOA_MALFORMED;
	/* 8.1: we have no IPv4 tunnels (RFC 5555) */
	if (opt->bid.len == MH_BID_LEN_IPV4)
		return MH_STATUS_INVALID_COA;
	if (opt->bid.len != MH_BID_LEN_IPV6)
		return MH_STATUS_ACCEPTED;
	if (!ip6_unicast_routable(&opt->bid.coa))
		return MH_STATUS_MCOA_MALFORMED;
	/* 5.6.3: with H the care-of address MUST be the home address */
	if (opt->bid.home)
		return at_hoa ? MH_STATUS_ACCEPTED : MH_STATUS_MCOA_MALFORMED;
	return at_hoa ? MH_STATUS_INVALID_COA : MH_STATUS_ACCEPTED;
}

/*
 * The care-of address: of a BID that is known there may be none in the option.
 * 4.4 has status 164 for that under ESP; 6.2, which says in which order what is
 * looked at, has 167, and 5.1 allows it for a BID that is known.
 */
static uint8_t option_coa(const struct multi_bu *bu, const struct mh_opt *opt,
			  const struct multi_path *known,
			  struct in6_addr *coa)
{
	if (opt->bid.len == MH_BID_LEN && !known)
		return MH_STATUS_MCOA_UNKNOWN_COA;
	if (opt->bid.home) {
		*coa = bu->hoa;
		return bu->may_be_home ? MH_STATUS_ACCEPTED :
		       MH_STATUS_MCOA_HOME_PROHIBITED;
	}
	*coa = opt->bid.len == MH_BID_LEN ? known->coa : opt->bid.coa;
	/* no longer at home, and not said where else */
	if (ip6_addr_eq(coa, &bu->hoa))
		return MH_STATUS_MCOA_UNKNOWN_COA;
	return bu->coa_usable(bu->arg, &bu->hoa, coa) ? MH_STATUS_ACCEPTED :
	       MH_STATUS_INVALID_COA;
}

static const struct multi_path *known_path(const struct multi_host *old,
					   uint16_t bid, mtime now)
{
	const struct multi_path *path = multi_path(old, bid);

	return path && mtime_before(now, path->expires) ? path : NULL;
}

static uint8_t register_one(struct multi *m, const struct multi_bu *bu,
			    const struct multi_host *old,
			    const struct mh_opt *opt, mtime now)
{
	struct multi_host *host = m->judged.host;
	struct multi_path path = {
		.bid = opt->bid.id,
		.pri = opt->bid.pri,
		.home = opt->bid.home,
		.lifetime = bu->lifetime,
		.expires = mtime_add(now, MTIME_SEC(bu->lifetime)),
	};
	const struct multi_path *home = multi_home(host);
	uint8_t fault = form_fault(bu, opt);

	if (!fault)
		fault = option_coa(bu, opt, known_path(old, path.bid, now),
				   &path.coa);
	if (fault)
		return fault;
	/* 5.6.3: only one home binding at a time */
	if (path.home && home)
		path_del(host, home);
	if (!multi_path(host, path.bid) && host->n_paths >= m->conf.max_paths)
		return MH_STATUS_RESOURCES;
	if (path.home && bu->mac)
		memcpy(path.mac, bu->mac, sizeof(path.mac));
	path.heard = ++m->heard + (ip6_addr_eq(&path.coa, &bu->src) ?
				   MH_OPTS_MAX : 0);
	path_put(host, &path);
	return MH_STATUS_ACCEPTED;
}

static uint8_t remove_one(struct multi *m, const struct mh_opt *opt)
{
	const struct multi_path *path = multi_path(m->judged.host,
						   opt->bid.id);

	if (!path)
		return MH_STATUS_NOT_HA_FOR_MN;
	path_del(m->judged.host, path);
	return MH_STATUS_ACCEPTED;
}

/* What rejects the Binding Update as a whole, before its options are looked
 * into. */
static uint8_t whole_fault(const struct multi *m, const struct multi_bu *bu)
{
	unsigned int i, n = 0;

	if (!m->conf.on)
		return MH_STATUS_MCOA_PROHIBITED;
	for (i = 0; i < bu->mh->n_opts; i++) {
		if (bu->mh->opts[i].type != MH_OPT_BID)
			continue;
		if (!is_length(bu->mh->opts[i].bid.len))
			return MH_STATUS_MCOA_MALFORMED;
		n++;
	}
	return n > 1 && !m->conf.bulk ? MH_STATUS_MCOA_BULK_PROHIBITED :
	       MH_STATUS_ACCEPTED;
}

/*
 * 5.6.5: where no option of a registration has the H flag, the mobile node has
 * left its home link.
 */
static void leave_home(struct multi *m, const struct multi_bu *bu)
{
	const struct multi_path *home = multi_home(m->judged.host);
	unsigned int i;

	for (i = 0; i < bu->mh->n_opts; i++)
		if (bu->mh->opts[i].type == MH_OPT_BID &&
		    bu->mh->opts[i].bid.home)
			return;
	if (home)
		path_del(m->judged.host, home);
}

static void options_judge(struct multi *m, const struct multi_bu *bu,
			  const struct multi_host *old, mtime now)
{
	struct multi_judged *j = &m->judged;
	unsigned int i;

	for (i = 0; i < bu->mh->n_opts; i++) {
		const struct mh_opt *opt = &bu->mh->opts[i];

		if (opt->type != MH_OPT_BID)
			continue;
		j->faults[j->n++] = bu->lifetime ?
			register_one(m, bu, old, opt, now) :
			remove_one(m, opt);
	}
	m->heard += MH_OPTS_MAX;
	if (bu->lifetime)
		leave_home(m, bu);
}

static bool all_the_same(const struct multi_judged *j)
{
	unsigned int i;

	for (i = 1; i < j->n; i++)
		if (j->faults[i] != j->faults[0])
			return false;
	return true;
}

/*
 * 6.2: a status that is some options' alone is theirs, with NOTCOMPLETE in the
 * Acknowledgement. 6.3: where Neighbour Discovery is not to be used on the home
 * link, the home binding's option says so, and if nothing failed the
 * Acknowledgement as well. True: at least one was carried out.
 */
static bool sum_up(struct multi *m, const struct multi_bu *bu)
{
	struct multi_judged *j = &m->judged;
	bool same = all_the_same(j), any = false, without_ndp = false;
	unsigned int i, n = 0;

	for (i = 0; i < bu->mh->n_opts; i++) {
		const struct mh_opt *opt = &bu->mh->opts[i];

		if (opt->type != MH_OPT_BID)
			continue;
		if (!same)
			j->statuses[n] = j->faults[n];
		if (!j->faults[n] && opt->bid.home && bu->lifetime &&
		    bu->without_ndp) {
			j->statuses[n] = MH_STATUS_MCOA_HOME_WO_NDP;
			without_ndp = true;
		}
		any |= !j->faults[n++];
	}
	if (!same)
		j->status = MH_STATUS_MCOA_NOTCOMPLETE;
	else if (without_ndp)
		j->status = MH_STATUS_MCOA_HOME_WO_NDP;
	else
		j->status = j->faults[0];
	return any;
}

enum reason multi_reason(uint8_t fault)
{
	switch (fault) {
	case MH_STATUS_MCOA_MALFORMED:
		return REASON_BID_MALFORMED;
	case MH_STATUS_MCOA_PROHIBITED:
	case MH_STATUS_MCOA_BULK_PROHIBITED:
	case MH_STATUS_MCOA_HOME_PROHIBITED:
		return REASON_BID_PROHIBITED;
	case MH_STATUS_MCOA_NON_MCOA_EXISTS:
		return REASON_BID_PLAIN;
	case MH_STATUS_INVALID_COA:
		return REASON_BU_BAD_COA;
	case MH_STATUS_RESOURCES:
		return REASON_BU_RESOURCES;
	}
	return REASON_BID_UNKNOWN;
}

/* Rejected as a whole. */
static enum reason reject(struct multi *m, uint8_t status)
{
	uint8_t n = m->judged.n;

	judged_clear(m);
	m->judged.n = n;
	m->judged.status = status;
	return multi_reason(status);
}

/* None of them was carried out: what they were told stays. */
static enum reason reject_all(struct multi *m)
{
	free(m->judged.host);
	m->judged.host = NULL;
	return multi_reason(m->judged.faults[0]);
}

/* From one of the care-of addresses; from the home address only by who is on
 * the home link (RFC 6275 10.3.1). */
static bool comes_from_there(const struct multi_bu *bu,
			     const struct multi_host *host)
{
	return !bu->lifetime || !ip6_addr_eq(&bu->src, &bu->hoa) ||
	       multi_home(host);
}

static void flows_judge(struct multi *m, const struct multi_bu *bu,
			const struct multi_host *old)
{
	static const struct mh_flows none;

	if (m->judged.host->n_paths)
		multi_judge_flows(m, old, bu->flows ? bu->flows : &none);
	if (m->judged.host->n_paths)
		return;
	free(m->judged.host);
	m->judged.host = NULL;
}

enum reason multi_judge(struct multi *m, const struct multi_bu *bu, mtime now)
{
	const struct multi_host *old = find(m, &bu->hoa);
	bool afresh = bu->lifetime && bu->mh->bu.flags & MH_BU_O;
	uint8_t fault = whole_fault(m, bu);

	judged_clear(m);
	if (fault)
		return reject(m, fault);
	if (!old && m->n_hosts >= MULTI_HOSTS_ALL)
		return reject(m, MH_STATUS_RESOURCES);
	m->judged.host = host_new(&bu->hoa, MULTI_FLOWS_MAX);
	if (!m->judged.host)
		return reject(m, MH_STATUS_RESOURCES);
	/* 5.9: the O flag removes what there was */
	if (!afresh)
		copy_paths(m->judged.host, old, now);
	options_judge(m, bu, old, now);
	if (!sum_up(m, bu))
		return reject_all(m);
	/* what is bound without a BID is not added to */
	if (bu->lifetime && bu->bound && !old && !afresh)
		return reject(m, MH_STATUS_MCOA_NON_MCOA_EXISTS);
	if (!comes_from_there(bu, m->judged.host))
		return reject(m, MH_STATUS_INVALID_COA);
	flows_judge(m, bu, old);
	return REASON_NONE;
}

void multi_judge_plain(struct multi *m, const struct in6_addr *hoa,
		       const struct mh_flows *flows)
{
	judged_clear(m);
	m->judged.host = host_new(hoa, MULTI_FLOWS_MAX);
	if (!m->judged.host)
		return;
	multi_judge_flows(m, NULL, flows);
	free(m->judged.host);
	m->judged.host = NULL;
}

/* After a restart. */

int multi_restore_path(struct multi *m, const struct in6_addr *hoa,
		       const struct multi_path *path)
{
	struct multi_host *host = find(m, hoa);

	if (!path->bid || path->home != ip6_addr_eq(&path->coa, hoa) ||
	    multi_path(host, path->bid))
		return -EINVAL;
	if (host ? host->n_paths >= MULTI_PATHS_MAX :
	    m->n_hosts >= MULTI_HOSTS_ALL)
		return -ENOSPC;
	if (!host) {
		host = host_new(hoa, 0);
		if (!host)
			return -ENOMEM;
		host_add(m, host);
	}
	path_put(host, path);
	return 0;
}

void multi_restore_mac(struct multi *m, const struct in6_addr *hoa,
		       const uint8_t mac[6])
{
	struct multi_host *host = find(m, hoa);
	unsigned int i;

	for (i = 0; host && i < host->n_paths; i++)
		if (host->paths[i].home)
			memcpy(host->paths[i].mac, mac,
			       sizeof(host->paths[i].mac));
}

void multi_restore_known(struct multi *m, const struct in6_addr *hoa)
{
	struct multi_host *host = find(m, hoa);

	if (host)
		host->known = true;
}

void multi_restore_primary(struct multi *m, const struct in6_addr *hoa,
			   const struct in6_addr *coa)
{
	struct multi_host *host = find(m, hoa);
	unsigned int i;

	for (i = 0; host && i < host->n_paths; i++) {
		struct multi_path path = host->paths[i];

		if (!ip6_addr_eq(&path.coa, coa))
			continue;
		path.heard = ++m->heard;
		path_put(host, &path);
		return;
	}
}

/* A Binding Update that registers what there is anew. */
static void bu_of(struct mh *mh, const struct multi_host *host)
{
	unsigned int i;

	*mh = (struct mh){ .type = MH_BU };
	for (i = 0; i < host->n_paths; i++) {
		struct mh_opt *opt = mh_opt_add(mh, MH_OPT_BID);

		opt->bid.id = host->paths[i].bid;
		opt->bid.pri = host->paths[i].pri;
		opt->bid.home = host->paths[i].home;
		opt->bid.coa = host->paths[i].coa;
		opt->bid.len = MH_BID_LEN_IPV6;
	}
}

void multi_restore_judge(struct multi *m, const struct multi_bu *bu, mtime now,
			 uint8_t faults[MULTI_PATHS_MAX])
{
	struct multi_host *host = find(m, &bu->hoa);
	struct multi_bu again = *bu;
	struct in6_addr coa;
	unsigned int i, n = 0;
	struct mh mh;

	memset(faults, 0, MULTI_PATHS_MAX * sizeof(*faults));
	if (!host)
		return;
	bu_of(&mh, host);
	again.mh = &mh;
	for (i = 0; i < host->n_paths; i++) {
		if (!mtime_before(now, host->paths[i].expires))
			continue;
		if (!m->conf.on)
			faults[i] = MH_STATUS_MCOA_PROHIBITED;
		if (!faults[i])
			faults[i] = form_fault(&again, &mh.opts[i]);
		if (!faults[i])
			faults[i] = option_coa(&again, &mh.opts[i], NULL, &coa);
		/* the one that takes all by default comes first */
		if (!faults[i] && n++ >= m->conf.max_paths)
			faults[i] = MH_STATUS_RESOURCES;
		if (faults[i])
			host->paths[i].expires = now;
	}
}

int multi_restore_flow(struct multi *m, const struct in6_addr *hoa,
		       const struct multi_flow *flow)
{
	struct multi_host *host = find(m, hoa), *larger;
	unsigned int i;

	if (!host || !flow->fid || !flow->pri || !flow->n_bids ||
	    flow->n_bids > MULTI_WAYS)
		return -EINVAL;
	for (i = 0; i < host->n_flows; i++)
		if (host->flows[i].fid == flow->fid)
			return -EINVAL;
	if (!multi_flow_fits(m, host, flow->exact))
		return -ENOSPC;
	host_take(m, host);
	larger = realloc(host, sizeof(*host) +
			 (host->n_flows + 1) * sizeof(host->flows[0]));
	if (larger)
		multi_flow_put(larger, flow);
	host_add(m, larger ? larger : host);
	return larger ? 0 : -ENOMEM;
}
