/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/intercept.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/ctl.h"
#include "core/figure.h"
#include "core/log.h"
#include "ha/hostlink.h"
#include "ha/kern.h"
#include "ha/nemo.h"
#include "ha/prefixes.h"
#include "ha/probe.h"
#include "ha/proxy.h"
#include "ha/several.h"
#include "ha/wire.h"

struct dp_binding kern_to_dp(const struct binding_reg *reg)
{
	return (struct dp_binding){
		.local = reg->ha,
		.remote = reg->coa,
		.expires = (uint64_t)reg->expires.ns,
		.created = (uint64_t)reg->created.ns,
		.seq = reg->seq,
		.bu_flags = reg->flags,
		.lifetime = reg->lifetime,
	};
}

/* They are served all the same, but each packet that is forwarded costs a look
 * at the bindings. */
static void homes_full(int err)
{
	if (!count_get(COUNT_HOMES_FULL))
		log_warn("more /64s with home addresses than the data plane "
			 "has room for (%s): as long as there are, all packets "
			 "are looked up", strerror(-err));
	count(COUNT_HOMES_FULL);
}

/* Where a link has more than a /64, what of it is bound. */
static bool has_home(const struct kern *k, const struct binding *b)
{
	const struct bcache_prefix *prefix = bcache_prefix(&k->bcache, &b->hoa);

	return prefix && prefix->prefix.len < 64;
}

static void home_add(struct kern *k, const struct binding *b)
{
	int err = has_home(k, b) ? dp_home_add(k->dp, &b->hoa) : 0;

	if (err)
		homes_full(err);
}

static void home_del(struct kern *k, const struct binding *b)
{
	if (has_home(k, b))
		dp_home_del(k->dp, &b->hoa);
}

static void home_restored(void *arg, const struct binding *b)
{
	if (b->state == BINDING_BOUND)
		home_add(arg, b);
}

int intercept_homes(struct kern *k)
{
	size_t i, n = 0, all = k->bcache.conf.n_prefixes;
	struct ip6_prefix *homes = calloc(all + 1, sizeof(*homes));
	int err;

	if (!homes)
		return -ENOMEM;
	for (i = 0; i < all; i++)
		if (k->prefixes[i].prefix.len >= 64)
			homes[n++] = k->prefixes[i].prefix;
	err = dp_homes_set(k->dp, homes, n);
	free(homes);
	if (err == -E2BIG) {
		homes_full(err);
		err = 0;
	}
	if (!err)
		bcache_each(&k->bcache, home_restored, k);
	return err;
}

static void not_intercepted(struct kern *k, const struct binding *b, int err)
{
	struct binding old;

	log_err("binding HoA %s CoA %s HA %s: data plane: %s",
		ip6_str(&b->hoa), ip6_str(&b->reg.coa), ip6_str(&b->reg.ha),
		strerror(-err));
	nemo_end(k, &b->hoa);
	if (!bcache_find_bound(&k->bcache, &b->hoa, &old))
		proxy_unclaim(k, b);
}

static int op_intercept(void *arg, const struct binding *b)
{
	struct kern *k = arg;
	struct dp_binding d = kern_to_dp(&b->reg);
	/* RFC 5648 6.2: with lifetime 0, what is left is as it was */
	int err = k->bu->mh->bu.lifetime ? nemo_set(k, b) : nemo_moved(k, b);

	if (err < 0)
		return err;
	err = proxy_claim(k, b);
	if (!err)
		err = several_begin(k, b, &d);
	if (!err) {
		/* as it was until now: a refresh has it there already */
		if (b->state != BINDING_BOUND)
			home_add(k, b);
		err = dp_binding_set(k->dp, &b->hoa, &d);
		if (err < 0 && b->state != BINDING_BOUND)
			home_del(k, b);
	}
	several_finish(k, b, err);
	if (err < 0)
		not_intercepted(k, b, err);
	else
		journal_put(k->journal, b);
	return err;
}

static void op_store(void *arg, const struct binding *b)
{
	struct kern *k = arg;
	struct dp_binding d = kern_to_dp(&b->reg);

	several_refine(k, b, &d);
	if (!dp_binding_set(k->dp, &b->hoa, &d))
		journal_put(k->journal, b);
}

static void op_forget(void *arg, const struct binding *b)
{
	struct kern *k = arg;
	int err = dp_binding_del(k->dp, &b->hoa);

	several_end(k, b);
	nemo_end(k, &b->hoa);
	proxy_unclaim(k, b);
	/* of several, others may not have expired: they go with it */
	if (b->reg.several && b->state == BINDING_BOUND)
		journal_end(k->journal, b);
	if (err < 0 && err != -ENOENT)
		log_err("binding HoA %s: data plane: %s", ip6_str(&b->hoa),
			strerror(-err));
}

/* We answered for the HoA towards ourselves as well: no more. */
static void neighbour_is_back(struct kern *k, const struct binding *b)
{
	rtnl_neigh_set(k->rtnl, k->rec->ifindex, &b->hoa, k->rec->mac,
		       NUD_STALE, false);
}

static void op_release(void *arg, const struct binding *b)
{
	struct kern *k = arg;
	struct dp_binding d = kern_to_dp(&b->reg);

	nemo_end(k, &b->hoa);
	d.flags = DP_BINDING_DELETED;
	if (dp_binding_set(k->dp, &b->hoa, &d) < 0)
		op_forget(k, b);	/* better than to go on with it */
	several_end(k, b);
	proxy_unclaim(k, b);
	journal_end(k->journal, b);
	if (k->bu && ip6_addr_eq(&k->bu->src, &b->hoa) &&
	    wire_from_home_link(k, &b->hoa))
		neighbour_is_back(k, b);
}

static enum count_event state_event(enum binding_state old,
				    enum binding_state state)
{
	switch (state) {
	case BINDING_BOUND:
		return old == BINDING_BOUND ? COUNT_BINDING_REFRESHED :
		       COUNT_BINDING_CREATED;
	case BINDING_DELETED:
		return COUNT_BINDING_DELETED;
	case BINDING_GONE:
		return old == BINDING_BOUND ? COUNT_BINDING_EXPIRED :
		       COUNT__MAX;
	case BINDING_NEW:
	case BINDING_PROBING:
		break;
	}
	return COUNT__MAX;
}

static void state_events(struct kern *k, const struct binding *b,
			 bool expired)
{
	ctl_event(k->ctl, ctl_ev("binding", "hoa", ip6_str(&b->hoa), "coa",
				 ip6_str(&b->reg.coa), "state",
				 binding_state_str(b->state), (char *)NULL));
	if (expired)
		ctl_event(k->ctl, ctl_ev("expired", "hoa", ip6_str(&b->hoa),
					 (char *)NULL));
}

/* Neither a host that refreshes nor many at once fill the log. */
static void log_state(struct kern *k, const struct binding *b,
		      enum binding_state old)
{
	bool refreshed = old == b->state;
	enum log_level level = refreshed ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;

	if (!log_wanted(level) ||
	    (!refreshed && !count_may_log(&k->states_told)))
		return;
	log_write(level, "binding HoA %s CoA %s HA %s: %s -> %s, seq %u, %u s%s",
		  ip6_str(&b->hoa), ip6_str(&b->reg.coa), ip6_str(&b->reg.ha),
		  binding_state_str(old), binding_state_str(b->state),
		  b->reg.seq, b->reg.lifetime,
		  refreshed ? "" : count_left_out(&k->states_told));
}

static void op_state(void *arg, const struct binding *b,
		     enum binding_state old)
{
	struct kern *k = arg;
	enum count_event event = state_event(old, b->state);

	log_state(k, b, old);
	if (event < COUNT__MAX)
		count(event);
	if (old == BINDING_BOUND && b->state != BINDING_BOUND) {
		figure_took(DURATION_SESSION,
			    mtime_sub(loop_now(), b->reg.created));
		keying_unbound(&k->keying, &b->hoa);
		home_del(k, b);		/* forgotten, or released */
	}
	recall_state(&k->recall, b);
	if ((old == BINDING_BOUND) != (b->state == BINDING_BOUND))
		hostlink_bound(k, &b->hoa, b->state == BINDING_BOUND);
	prefixes_state(k, b, old == b->state);
	if (ctl_heard(k->ctl))
		state_events(k, b, event == COUNT_BINDING_EXPIRED);
}

const struct bcache_ops intercept_ops = {
	.send_ba = wire_send_ba,
	.probe = probe_bu,
	.intercept = op_intercept,
	.store = op_store,
	.release = op_release,
	.forget = op_forget,
	.advertise = proxy_advertise,
	.refresh = wire_refresh,
	.state = op_state,
	.router = nemo_judge,
	.several = several_judge,
	.outlive = several_outlive,
};
