/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/several.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/ctl.h"
#include "core/log.h"
#include "ha/nemo.h"
#include "ha/proxy.h"
#include "ha/severalint.h"
#include "ha/wire.h"

static const struct multi_host *host_of(const struct kern *k,
					const struct in6_addr *hoa)
{
	return multi_find(&k->several->multi, hoa);
}

/* What the binding cache has of it. */
void several_view(const struct kern *k, const struct multi_host *host,
		  struct bcache_several *out)
{
	const struct multi_path *over = multi_first_over(host);

	out->home = multi_home(host) && !athome_other_routers(k, &host->hoa);
	out->coa = host->paths[0].coa;
	out->expires = over->expires;
	out->lifetime = over->lifetime;
}

/* Judging. */

bool several_coa_usable(void *arg, const struct in6_addr *hoa,
			const struct in6_addr *coa)
{
	const struct kern *k = arg;

	return bcache_coa_usable(&k->bcache, hoa, coa, loop_now());
}

/* Of a mobile router we know no route on the home link. */
bool several_may_be_home(const struct kern *k, const struct in6_addr *hoa,
			 uint16_t flags)
{
	const struct bcache_prefix *prefix = bcache_prefix(&k->bcache, hoa);

	return prefix && !(flags & MH_BU_R) &&
	       k->conf->links[prefix->link].simultaneous;
}

/* Some were rejected, and others not. */
static void count_faults(const struct bcache_bu *bu,
			 const struct multi_judged *j)
{
	unsigned int i, n = 0;

	for (i = 0; i < bu->mh->n_opts && n < j->n; i++) {
		const struct mh_opt *opt = &bu->mh->opts[i];

		if (opt->type != MH_OPT_BID || !j->faults[n++])
			continue;
		count_refusal(multi_reason(j->faults[n - 1]),
			      "BU for HoA %s from %s to HA %s, BID %u: %s",
			      ip6_str(&bu->hoa), ip6_str(&bu->src),
			      ip6_str(&bu->ha), opt->bid.id,
			      mh_status_str(j->faults[n - 1]));
	}
}

static void count_flow_faults(const struct bcache_bu *bu,
			      const struct mh_flows *flows)
{
	unsigned int i;

	for (i = 0; i < flows->n_ids; i++)
		if (flows->ids[i].status)
			count_refusal(REASON_FLOW_REFUSED,
				      "BU for HoA %s from %s to HA %s, FID "
				      "%u: %s", ip6_str(&bu->hoa),
				      ip6_str(&bu->src), ip6_str(&bu->ha),
				      flows->ids[i].fid,
				      flow_status_str(flows->ids[i].status));
}

enum reason several_judge(void *arg, const struct bcache_bu *bu, bool bound,
			  uint32_t lifetime, mtime now,
			  struct bcache_several *out)
{
	struct kern *k = arg;
	struct multi_judged *j = &k->several->multi.judged;
	/* where the host does no Neighbour Discovery, its packets need it */
	const bool others = athome_other_routers(k, &bu->hoa);
	const uint8_t *mac = others ? athome_mac(k, bu) : NULL;
	const struct multi_bu mbu = {
		.mh = bu->mh,
		.flows = bu->flows,
		.hoa = bu->hoa,
		.src = bu->src,
		.bound = bound,
		.lifetime = lifetime,
		.may_be_home = several_may_be_home(k, &bu->hoa,
						   bu->mh->bu.flags) &&
			       (!others || mac),
		.without_ndp = others,
		.mac = mac,
		.coa_usable = several_coa_usable,
		.arg = k,
	};
	enum reason reason = multi_judge(&k->several->multi, &mbu, now);

	k->several->bu = bu;
	out->status = j->status;
	if (reason)
		return reason;
	count_faults(bu, j);
	count_flow_faults(bu, &j->flows);
	out->none = !j->host;
	if (j->host)
		several_view(k, j->host, out);
	return REASON_NONE;
}

/* The data plane. */

/* All that there is lives on, however soon one of them is over. */
static mtime last_over(const struct multi_host *host)
{
	mtime last = host->paths[0].expires;
	unsigned int i;

	for (i = 1; i < host->n_paths; i++)
		if (mtime_before(last, host->paths[i].expires))
			last = host->paths[i].expires;
	return last;
}

static void refine(const struct multi_host *host, const struct binding *b,
		   struct dp_binding *d)
{
	d->flags |= DP_BINDING_MULTI;
	if (host->paths[0].home)
		d->flags |= DP_BINDING_HOME;
	if (b->reg.home)
		d->flags |= DP_BINDING_ON_LINK;
	d->expires = (uint64_t)last_over(host).ns;
}

void several_refine(struct kern *k, const struct binding *b,
		    struct dp_binding *d)
{
	const struct multi_host *host = b->reg.several ?
					host_of(k, &b->hoa) : NULL;

	if (host)
		refine(host, b, d);
}

int several_begin(struct kern *k, const struct binding *b,
		  struct dp_binding *d)
{
	const struct multi_host *host = k->several->multi.judged.host;

	if (!b->reg.several)
		return 0;
	refine(host, b, d);
	/* A flow that new defaults make superfluous has its way until then. */
	return ways_set(k->dp, host, host_of(k, &b->hoa), &b->reg.ha);
}

/* Telling. */

static void path_tell(struct kern *k, const struct in6_addr *hoa,
		      const struct multi_path *path, bool added)
{
	struct json_object *ev;

	count(added ? COUNT_PATH_ADDED : COUNT_PATH_ENDED);
	if (count_may_log(&k->several->told))
		log_info("binding HoA %s: BID %u CoA %s%s, priority %u: %s%s",
			 ip6_str(hoa), path->bid, ip6_str(&path->coa),
			 path->home ? " (home link)" : "", path->pri,
			 added ? "registered" : "ended",
			 count_left_out(&k->several->told));
	if (!ctl_heard(k->ctl))
		return;
	ev = ctl_ev("path", "hoa", ip6_str(hoa), "coa", ip6_str(&path->coa),
		    "state", added ? "registered" : "ended", (char *)NULL);
	json_object_object_add(ev, "bid", json_object_new_int(path->bid));
	ctl_event(k->ctl, ev);
}

static void flow_tell(struct kern *k, const struct in6_addr *hoa,
		      const struct multi_flow *flow, bool added)
{
	count(added ? COUNT_FLOW_BOUND : COUNT_FLOW_ENDED);
	if (count_may_log(&k->several->told))
		log_info("binding HoA %s: flow FID %u, priority %u, BID %u%s: "
			 "%s%s", ip6_str(hoa), flow->fid, flow->pri,
			 flow->bids[0], flow->n_bids > 1 ? " and another" : "",
			 added ? "bound" : "ended",
			 count_left_out(&k->several->told));
}

static bool has_path(const struct multi_host *host,
		     const struct multi_path *path)
{
	const struct multi_path *at = multi_path(host, path->bid);

	return at && ip6_addr_eq(&at->coa, &path->coa);
}

static bool same_flow(const struct multi_flow *a, const struct multi_flow *b)
{
	return a->fid == b->fid && a->pri == b->pri &&
	       a->n_bids == b->n_bids &&
	       !memcmp(a->bids, b->bids, a->n_bids * sizeof(a->bids[0])) &&
	       !memcmp(&a->ts, &b->ts, sizeof(a->ts));
}

static bool has_flow(const struct multi_host *host,
		     const struct multi_flow *flow)
{
	unsigned int i;

	for (i = 0; host && i < host->n_flows; i++)
		if (same_flow(&host->flows[i], flow))
			return true;
	return false;
}

/* What a has and b has not. */
static void tell(struct kern *k, const struct multi_host *a,
		 const struct multi_host *b, bool added)
{
	unsigned int i;

	for (i = 0; a && i < a->n_paths; i++)
		if (!has_path(b, &a->paths[i]))
			path_tell(k, &a->hoa, &a->paths[i], added);
	for (i = 0; a && i < a->n_flows; i++)
		if (!has_flow(b, &a->flows[i]))
			flow_tell(k, &a->hoa, &a->flows[i], added);
}

/* Carrying it out. */

/* What was there stands as it was; of the new one nothing is left. */
static void undo(struct kern *k, const struct in6_addr *hoa)
{
	const struct multi_host *old = host_of(k, hoa);
	const struct multi_host *host = k->several->multi.judged.host;
	struct binding was = {0};

	if (old && !bcache_find_bound(&k->bcache, hoa, &was))
		old = NULL;
	ways_del(k->dp, host, old, &was.reg.ha);
	if (old)
		ways_set(k->dp, old, NULL, &was.reg.ha);
}

static void forget(struct kern *k, const struct in6_addr *hoa)
{
	const struct multi_host *old = host_of(k, hoa);

	if (!old)
		return;
	ways_del(k->dp, old, NULL, NULL);
	tell(k, old, NULL, false);
	if (multi_home(old))
		athome_left(k, hoa);
	multi_end(&k->several->multi, hoa);
}

static void replace(struct kern *k, const struct in6_addr *hoa,
		    const struct in6_addr *ha)
{
	const struct multi_host *old = host_of(k, hoa);
	const struct multi_host *host = k->several->multi.judged.host;

	if (old)
		ways_del(k->dp, old, host, ha);
	tell(k, old, host, false);
	tell(k, host, old, true);
	if (multi_home(host) && (!multi_home(old) ||
				 athome_other_routers(k, hoa)))
		athome_came(k, hoa);
	else if (!multi_home(host) && multi_home(old))
		athome_left(k, hoa);
	multi_commit(&k->several->multi);
}

void several_finish(struct kern *k, const struct binding *b, int err)
{
	if (!b->reg.several && !err)
		forget(k, &b->hoa);
	else if (b->reg.several && err)
		undo(k, &b->hoa);
	else if (b->reg.several)
		replace(k, &b->hoa, &b->reg.ha);
}

void several_end(struct kern *k, const struct binding *b)
{
	forget(k, &b->hoa);
}

bool several_outlive(void *arg, const struct binding *b, mtime now,
		     struct bcache_several *out)
{
	struct kern *k = arg;
	struct binding next = *b;
	struct dp_binding d;
	int err;

	if (!multi_expire(&k->several->multi, &b->hoa, now))
		return false;
	several_view(k, k->several->multi.judged.host, out);
	next.reg.coa = out->coa;
	next.reg.expires = out->expires;
	next.reg.lifetime = out->lifetime;
	next.reg.home = out->home;
	d = kern_to_dp(&next.reg);
	err = nemo_moved(k, &next);
	if (!err)
		err = proxy_claim(k, &next);
	if (!err)
		err = several_begin(k, &next, &d);
	if (!err)
		err = dp_binding_set(k->dp, &b->hoa, &d);
	several_finish(k, &next, err);
	if (err < 0)
		log_err("binding HoA %s: one of its care-of addresses is over, "
			"and it with it: data plane: %s", ip6_str(&b->hoa),
			strerror(-err));
	else
		journal_put(k->journal, &next);
	return !err;
}

/* Asking. */

bool several_has(const struct kern *k, const struct in6_addr *hoa,
		 const struct in6_addr *coa)
{
	return multi_has_coa(host_of(k, hoa), coa);
}

bool several_is_coa(const struct kern *k, const struct binding *b,
		    const struct in6_addr *coa)
{
	return ip6_addr_eq(&b->reg.coa, coa) ||
	       (b->reg.several && several_has(k, &b->hoa, coa));
}

bool several_tunnel(struct kern *k, const struct binding *b,
		    struct tunnel_ends *out)
{
	const struct multi_host *host;
	unsigned int i;

	*out = (struct tunnel_ends){ b->reg.ha, b->reg.coa };
	if (!b->reg.several || !ip6_addr_eq(&b->reg.coa, &b->hoa))
		return true;
	host = host_of(k, &b->hoa);
	for (i = 0; host && i < host->n_paths; i++) {
		if (host->paths[i].home)
			continue;
		out->dst = host->paths[i].coa;
		return true;
	}
	return false;
}

/* The wire. */

/* RFC 5648 6.2: each is copied, but for its status; its care-of address may
 * be left out. */
static void bids_answer(struct mh *mh, const struct mh *bu,
			const uint8_t *statuses)
{
	unsigned int i, n = 0;

	for (i = 0; i < bu->n_opts; i++) {
		struct mh_opt *opt;

		if (bu->opts[i].type != MH_OPT_BID)
			continue;
		opt = mh_opt_add(mh, MH_OPT_BID);
		if (!opt)
			return;
		opt->bid.id = bu->opts[i].bid.id;
		opt->bid.home = bu->opts[i].bid.home;
		opt->bid.pri = bu->opts[i].bid.pri;
		opt->bid.len = MH_BID_LEN;
		opt->bid.status = statuses ? statuses[n] : 0;
		n++;
	}
}

const struct mh *several_answer(struct kern *k, const struct bcache_ba *ba,
				struct mh *room)
{
	const struct bcache_bu *bu = k->bu;
	const struct multi_judged *j = &k->several->multi.judged;
	bool several = mh_opt_find(bu->mh, MH_OPT_BID);
	/* it may have been rejected before or after that for another reason */
	bool judged = several && k->several->bu == bu;
	uint8_t status = ba->mh.ba.status;

	if (!several && !bu->flows)
		return &ba->mh;
	*room = ba->mh;
	bids_answer(room, bu->mh, judged && status == j->status ?
		    j->statuses : NULL);
	if (several && bu->flows && judged && status < MH_STATUS_UNSPECIFIED)
		room->flows = &j->flows;
	if (!several && status < MH_STATUS_UNSPECIFIED) {
		multi_judge_plain(&k->several->multi, &bu->hoa, bu->flows);
		count_flow_faults(bu, &j->flows);
		room->flows = &j->flows;
	}
	return room;
}

void several_answered(struct kern *k)
{
	k->several->bu = NULL;
}

void several_refresh(struct kern *k, const struct binding *b, struct mh *brr)
{
	const struct multi_host *host = b->reg.several ?
					host_of(k, &b->hoa) : NULL;
	const mtime soon = mtime_add(b->reg.expires,
				     MTIME_SEC(b->reg.lifetime /
					       BCACHE_BRR_PART + 1));
	unsigned int i;

	for (i = 0; host && i < host->n_paths; i++) {
		const struct multi_path *path = &host->paths[i];
		struct mh_opt *opt;

		if (mtime_before(soon, path->expires))
			continue;
		opt = mh_opt_add(brr, MH_OPT_BID);
		if (!opt)
			return;
		opt->bid.id = path->bid;
		opt->bid.home = path->home;
		opt->bid.pri = path->pri;
		opt->bid.len = MH_BID_LEN;
	}
}

/* Starting and stopping. */

static struct multi_conf conf_of(const struct kern *k,
				 const struct ha_conf *conf)
{
	return (struct multi_conf){
		.on = conf->several, .bulk = conf->bulk,
		.max_paths = conf->max_paths,
		.max_flows = conf->several ? conf->max_flows : 0,
		.flows_all = dp_flows_room(k->dp),
	};
}

void several_reload(struct kern *k, const struct ha_conf *conf)
{
	k->conf->several = conf->several;
	k->conf->bulk = conf->bulk;
	k->conf->max_paths = conf->max_paths;
	k->conf->max_flows = conf->max_flows;
	k->several->multi.conf = conf_of(k, conf);
}

static void cut_one(void *arg, const struct binding *b)
{
	const struct bcache_prefix *prefix;
	struct kern *k = arg;

	if (!b->reg.several)
		return;
	prefix = bcache_prefix(&k->bcache, &b->hoa);
	if (prefix && prefix->valid != BCACHE_FOR_EVER)
		multi_cut(&k->several->multi, &b->hoa,
			  mtime_add(loop_now(), MTIME_SEC(prefix->valid)));
}

void several_cut(struct kern *k)
{
	bcache_each(&k->bcache, cut_one, k);
}

/* There is less than the binding says, or several are not allowed: it goes on by
 * the one care-of address that it has; if that may be none, it ends as soon as all
 * is at work. */
static void restore_plain(struct kern *k, const struct binding *b)
{
	const struct bcache_several over = { .coa = b->reg.coa,
					     .expires = loop_now() };
	struct binding alone = *b;
	struct dp_binding d;

	log_warn("binding HoA %s: its care-of addresses are not restored: its "
		 "next registration says", ip6_str(&b->hoa));
	several_end(k, b);
	if (!bcache_coa_usable(&k->bcache, &b->hoa, &b->reg.coa, loop_now())) {
		bcache_set_several(&k->bcache, &b->hoa, &over);
		return;
	}
	alone.reg.several = alone.reg.home = false;
	d = kern_to_dp(&alone.reg);
	bcache_set_several(&k->bcache, &b->hoa, NULL);
	dp_binding_set(k->dp, &b->hoa, &d);
}

static void count_restored(const struct multi_host *host, unsigned int paths)
{
	unsigned int i;

	for (i = 0; i < paths; i++)
		count(COUNT_PATH_RESTORED);
	for (i = 0; i < host->n_flows; i++)
		count(COUNT_FLOW_RESTORED);
}

static void restore_one(void *arg, const struct binding *b)
{
	struct kern *k = arg;
	const struct multi_host *host = host_of(k, &b->hoa);
	struct bcache_several several = {0};
	struct binding first = *b;
	unsigned int paths;

	if (!b->reg.several)
		return;
	multi_restore_primary(&k->several->multi, &b->hoa, &b->reg.coa);
	cut_one(k, b);
	if (!host || !ip6_addr_eq(&host->paths[0].coa, &b->reg.coa) ||
	    ways_set(k->dp, host, NULL, &b->reg.ha) < 0) {
		restore_plain(k, b);
		return;
	}
	several.coa = b->reg.coa;
	several.expires = first.reg.expires = host->paths[0].expires;
	several.lifetime = first.reg.lifetime = host->paths[0].lifetime;
	paths = several_judge_again(k, b);
	if (!k->several->multi.conf.on) {
		bcache_set_several(&k->bcache, &b->hoa, &several);
		restore_plain(k, &first);
		return;
	}
	count_restored(host, paths);
	several_view(k, host, &several);
	bcache_set_several(&k->bcache, &b->hoa, &several);
	if (count_may_log(&k->several->told))
		log_info("binding HoA %s: %u care-of addresses and %u flows "
			 "restored%s", ip6_str(&b->hoa), paths, host->n_flows,
			 count_left_out(&k->several->told));
}

int several_open(struct kern *k)
{
	struct multi_conf conf = conf_of(k, k->conf);

	k->several = calloc(1, sizeof(*k->several));
	if (!k->several)
		return -ENOMEM;
	multi_init(&k->several->multi, &conf);
	return athome_rtnl(&k->several->rtnl);
}

int several_start(struct kern *k)
{
	int err = ways_restore(k);

	if (!err)
		bcache_each(&k->bcache, restore_one, k);
	rtnl_close(k->several->rtnl);
	k->several->rtnl = NULL;
	return err;
}

void several_stop(struct kern *k)
{
	if (!k->several)
		return;
	multi_fini(&k->several->multi);
	if (k->several->rtnl)
		rtnl_close(k->several->rtnl);
	free(k->several);
	k->several = NULL;
}
