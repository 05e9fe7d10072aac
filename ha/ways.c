/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several care-of addresses and flow bindings in the data plane's maps. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "ha/severalint.h"

_Static_assert((int)MULTI_WAYS == (int)DP_PATHS &&
	       (int)MULTI_RANGES_MAX == (int)DP_SELECTORS_MAX,
	       "as many as the data plane has");

static uint32_t paths_of(struct dp_path paths[DP_PATHS],
			 const struct multi_host *host,
			 const struct multi_flow *flow,
			 const struct in6_addr *ha)
{
	const struct multi_path *ways[MULTI_WAYS];
	unsigned int i, n = multi_ways(host, flow, ways);

	for (i = 0; i < n; i++)
		paths[i] = (struct dp_path){
			.remote = ways[i]->coa,
			.local = *ha,
			.flags = ways[i]->home ? DP_PATH_HOME : 0,
		};
	return n;
}

static bool is_active(const struct multi_host *host,
		      const struct multi_flow *flow)
{
	const struct multi_path *ways[MULTI_WAYS];

	return multi_ways(host, flow, ways) > 0;
}

/* Five-tuples. */

static struct dp_flow_key key_of(const struct multi_host *host,
				 const struct multi_flow *flow)
{
	return (struct dp_flow_key){
		.hoa = host->hoa,
		.peer = flow->ts.src,
		.hoa_port = htons(flow->ts.dport),
		.peer_port = htons(flow->ts.sport),
		.proto = flow->ts.nh,
	};
}

/* The flow that has a five-tuple: of those that have the same, the first. */
static const struct multi_flow *flow_of(const struct multi_host *host,
					const struct dp_flow_key *key)
{
	unsigned int i;

	for (i = 0; host && i < host->n_flows; i++) {
		struct dp_flow_key at = key_of(host, &host->flows[i]);

		if (host->flows[i].exact && is_active(host, &host->flows[i]) &&
		    !memcmp(&at, key, sizeof(at)))
			return &host->flows[i];
	}
	return NULL;
}

static int flow_set(struct dp *dp, const struct multi_host *host,
		    const struct multi_flow *flow, const struct in6_addr *ha)
{
	struct dp_flow_key key = key_of(host, flow);
	struct dp_flow value = { .pri = flow->pri, .fid = flow->fid };

	if (flow_of(host, &key) != flow)
		return 0;
	value.n = paths_of(value.paths, host, flow, ha);
	return dp_flow_set(dp, &key, &value);
}

/* The others. */

static struct dp_selector selector_of(const struct multi_host *host,
				      const struct multi_flow *flow,
				      const struct in6_addr *ha)
{
	const struct traffic_selector *ts = &flow->ts;
	struct dp_selector s = {
		.fields = ts->fields,
		.pri = flow->pri,
		.fid = flow->fid,
		.peer = ts->src, .peer_end = ts->src_end,
		.hoa = ts->dst, .hoa_end = ts->dst_end,
		.spi = ts->spi, .spi_end = ts->spi_end,
		.label = ts->label, .label_end = ts->label_end,
		.peer_port = ts->sport, .peer_port_end = ts->sport_end,
		.hoa_port = ts->dport, .hoa_port_end = ts->dport_end,
		.tc = ts->tc, .tc_end = ts->tc_end,
		.proto = ts->nh, .proto_end = ts->nh_end,
	};

	s.n = (uint16_t)paths_of(s.paths, host, flow, ha);
	return s;
}

/* In the order of their priorities, as the data plane wants them; of equals, the
 * first that was put there. What has no room is left out. */
static void selectors_put(struct dp_selectors *all,
			  const struct multi_host *host,
			  const struct in6_addr *ha)
{
	unsigned int i, at;

	for (i = 0; host && i < host->n_flows && all->n < DP_SELECTORS_MAX;
	     i++) {
		const struct multi_flow *flow = &host->flows[i];

		if (flow->exact || !is_active(host, flow))
			continue;
		for (at = all->n++; at && all->list[at - 1].pri > flow->pri;
		     at--)
			all->list[at] = all->list[at - 1];
		all->list[at] = selector_of(host, flow, ha);
	}
}

static int selectors_set(struct dp *dp, const struct multi_host *host,
			 const struct multi_host *old,
			 const struct in6_addr *ha)
{
	struct dp_selectors all = {0};

	selectors_put(&all, host, ha);
	selectors_put(&all, old, ha);
	return dp_selectors_set(dp, &host->hoa, &all);
}

static bool has_selectors(const struct multi_host *host)
{
	unsigned int i;

	for (i = 0; i < host->n_flows; i++)
		if (!host->flows[i].exact)
			return true;
	return false;
}

/* All of a home address. */

int ways_set(struct dp *dp, const struct multi_host *host,
	     const struct multi_host *old, const struct in6_addr *ha)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < host->n_paths && !err; i++) {
		const struct multi_path *path = &host->paths[i];
		const struct dp_coa value = {
			.ifindex = path->lifetime,
			.bid = path->bid,
			.pri = path->pri,
			.expires = (uint64_t)path->expires.ns,
		};

		err = dp_coa_set(dp, &host->hoa, &path->coa, &value);
	}
	for (i = 0; i < host->n_flows && !err; i++)
		if (host->flows[i].exact)
			err = flow_set(dp, host, &host->flows[i], ha);
	return err ? err : selectors_set(dp, host, old, ha);
}

static bool has_path_to(const struct multi_host *host,
			const struct in6_addr *coa)
{
	unsigned int i;

	for (i = 0; host && i < host->n_paths; i++)
		if (ip6_addr_eq(&host->paths[i].coa, coa))
			return true;
	return false;
}

void ways_del(struct dp *dp, const struct multi_host *host,
	      const struct multi_host *other, const struct in6_addr *ha)
{
	const struct dp_selectors none = {0};
	unsigned int i;

	if (!other)
		dp_selectors_set(dp, &host->hoa, &none);
	else if (has_selectors(host))
		selectors_set(dp, other, NULL, ha);
	for (i = 0; i < host->n_flows; i++) {
		struct dp_flow_key key = key_of(host, &host->flows[i]);

		if (host->flows[i].exact && !flow_of(other, &key))
			dp_flow_del(dp, &key);
	}
	for (i = 0; i < host->n_paths; i++)
		if (!has_path_to(other, &host->paths[i].coa))
			dp_coa_del(dp, &host->hoa, &host->paths[i].coa);
}

static void tuple_traffic(struct dp *dp, const struct multi_host *host,
			  const struct multi_flow *flow, uint64_t *packets,
			  uint64_t *bytes)
{
	struct dp_flow_key key = key_of(host, flow);
	struct dp_flow value = {0};

	if (flow_of(host, &key) == flow)
		dp_flow_get(dp, &key, &value);
	*packets = value.packets;
	*bytes = value.bytes;
}

static void range_traffic(struct dp *dp, const struct multi_host *host,
			  const struct multi_flow *flow, uint64_t *packets,
			  uint64_t *bytes)
{
	struct dp_selectors all = {0};
	uint32_t i;

	*packets = *bytes = 0;
	dp_selectors_get(dp, &host->hoa, &all);
	for (i = 0; i < all.n && i < DP_SELECTORS_MAX; i++) {
		if (all.list[i].fid != flow->fid)
			continue;
		*packets = all.list[i].packets;
		*bytes = all.list[i].bytes;
	}
}

void ways_traffic(struct dp *dp, const struct multi_host *host, unsigned int i,
		  uint64_t *packets, uint64_t *bytes)
{
	const struct multi_flow *flow = &host->flows[i];

	if (flow->exact)
		tuple_traffic(dp, host, flow, packets, bytes);
	else
		range_traffic(dp, host, flow, packets, bytes);
}

/* After a restart. */

static void path_restore(void *arg, const struct dp_coa_key *key,
			 const struct dp_coa *value)
{
	struct kern *k = arg;
	const struct multi_path path = {
		.coa = key->coa,
		.home = ip6_addr_eq(&key->coa, &key->hoa),
		.bid = value->bid,
		.pri = (uint8_t)value->pri,
		.lifetime = value->ifindex,
		.expires.ns = (int64_t)value->expires,
	};
	struct binding b;

	if (!bcache_find_bound(&k->bcache, &key->hoa, &b) || !b.reg.several ||
	    multi_restore_path(&k->several->multi, &key->hoa, &path) < 0) {
		dp_coa_del(k->dp, &key->hoa, &key->coa);
		if (path.home)
			athome_left(k, &key->hoa);
	}
}

/* Which BIDs a flow's paths are of; none if one is of none. */
static void bids_restore(struct multi_flow *flow,
			 const struct multi_host *host,
			 const struct dp_path *paths, uint32_t n)
{
	const struct multi_path *end = host->paths + host->n_paths, *path;
	uint32_t i;

	for (i = 0; i < n && i < MULTI_WAYS; i++) {
		for (path = host->paths; path < end; path++)
			if (ip6_addr_eq(&path->coa, &paths[i].remote))
				break;
		if (path < end)
			flow->bids[flow->n_bids++] = path->bid;
	}
	if (flow->n_bids < n)
		flow->n_bids = 0;
}

/* Of a host whose flows are known: as much as it takes for it to stay. */
static bool is_there(const struct multi_host *host,
		     const struct multi_flow *flow)
{
	struct dp_flow_key key = key_of(host, flow);

	return !flow->exact || flow_of(host, &key);
}

static int flow_restore(struct kern *k, const struct in6_addr *hoa,
			struct multi_flow *flow, const struct dp_path *paths,
			uint32_t n)
{
	const struct multi_host *host = multi_find(&k->several->multi, hoa);
	int err;

	if (!host)
		return -ENOENT;
	flow->exact = multi_is_exact(&flow->ts, hoa);
	if (host->known)
		return is_there(host, flow) ? 0 : -ENOENT;
	bids_restore(flow, host, paths, n);
	err = multi_restore_flow(&k->several->multi, hoa, flow);
	if (err == -ENOSPC)
		several_not_taken(k, hoa, "flow FID", flow->fid,
				  "there is no room");
	return err;
}

static void tuple_restore(void *arg, const struct dp_flow_key *key,
			  const struct dp_flow *value)
{
	struct kern *k = arg;
	struct multi_flow flow = {
		.fid = value->fid,
		.pri = value->pri,
		.ts = {
			.fields = TS_SRC | TS_SPORT | TS_DPORT | TS_NH,
			.src = key->peer, .src_end = key->peer,
			.sport = ntohs(key->peer_port),
			.sport_end = ntohs(key->peer_port),
			.dport = ntohs(key->hoa_port),
			.dport_end = ntohs(key->hoa_port),
			.nh = key->proto, .nh_end = key->proto,
		},
	};

	if (flow_restore(k, &key->hoa, &flow, value->paths, value->n) < 0)
		dp_flow_del(k->dp, key);
}

static int range_restore(struct kern *k, const struct in6_addr *hoa,
			 const struct dp_selector *s)
{
	struct multi_flow flow = {
		.fid = s->fid,
		.pri = s->pri,
		.ts = {
			.fields = s->fields,
			.src = s->peer, .src_end = s->peer_end,
			.dst = s->hoa, .dst_end = s->hoa_end,
			.spi = s->spi, .spi_end = s->spi_end,
			.label = s->label, .label_end = s->label_end,
			.sport = s->peer_port, .sport_end = s->peer_port_end,
			.dport = s->hoa_port, .dport_end = s->hoa_port_end,
			.tc = s->tc, .tc_end = s->tc_end,
			.nh = s->proto, .nh_end = s->proto_end,
		},
	};

	return flow_restore(k, hoa, &flow, s->paths, s->n);
}

static void ranges_restore(void *arg, const struct in6_addr *hoa)
{
	const struct dp_selectors none = {0};
	struct kern *k = arg;
	struct dp_selectors all = {0};
	uint32_t i;
	int err = dp_selectors_get(k->dp, hoa, &all);

	for (i = 0; i < all.n && i < DP_SELECTORS_MAX && !err; i++)
		err = range_restore(k, hoa, &all.list[i]);
	/* what of it is known is set again */
	if (err)
		dp_selectors_set(k->dp, hoa, &none);
}

int ways_restore_paths(struct kern *k)
{
	return dp_coa_each(k->dp, path_restore, k);
}

int ways_restore(struct kern *k)
{
	int err = dp_flow_each(k->dp, tuple_restore, k);

	if (!err)
		err = dp_selectors_each(k->dp, ranges_restore, k);
	return err;
}
