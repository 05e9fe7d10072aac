/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several care-of addresses and flow bindings as they are shown. */
#include <stdio.h>

#include "ha/severalint.h"

enum { RANGE_LEN = 2 * INET6_ADDRSTRLEN + 2 };

static void add_str(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void add_int(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static void add_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

static struct json_object *path_json(const struct multi_host *host,
				     unsigned int i)
{
	const struct multi_path *path = &host->paths[i];
	struct json_object *o = json_object_new_object();

	add_int(o, "bid", path->bid);
	add_str(o, "coa", ip6_str(&path->coa));
	add_int(o, "pri", path->pri);
	add_bool(o, "home", path->home);
	add_bool(o, "primary", !i);
	add_int(o, "lifetime_s", path->lifetime);
	add_int(o, "remaining_s",
		mtime_sec(mtime_sub(path->expires, loop_now())));
	return o;
}

/* "a", or "a-b" */
static void add_numbers(struct json_object *o, const char *key, bool there,
			uint32_t a, uint32_t b)
{
	char text[RANGE_LEN];

	if (!there)
		return;
	if (a == b)
		snprintf(text, sizeof(text), "%u", a);
	else
		snprintf(text, sizeof(text), "%u-%u", a, b);
	add_str(o, key, text);
}

static void add_addrs(struct json_object *o, const char *key, bool there,
		      const struct in6_addr *a, const struct in6_addr *b)
{
	char text[RANGE_LEN];

	if (!there)
		return;
	snprintf(text, sizeof(text), "%s%s%s", ip6_str(a),
		 ip6_addr_eq(a, b) ? "" : "-",
		 ip6_addr_eq(a, b) ? "" : ip6_str(b));
	add_str(o, key, text);
}

/* What it has; {}: it matches all. */
static struct json_object *selector_json(const struct traffic_selector *ts)
{
	struct json_object *o = json_object_new_object();
	uint16_t f = ts->fields;

	add_numbers(o, "protocol", f & TS_NH, ts->nh, ts->nh_end);
	add_addrs(o, "peer", f & TS_SRC, &ts->src, &ts->src_end);
	add_numbers(o, "peer_port", f & TS_SPORT, ts->sport, ts->sport_end);
	add_addrs(o, "hoa", f & TS_DST, &ts->dst, &ts->dst_end);
	add_numbers(o, "hoa_port", f & TS_DPORT, ts->dport, ts->dport_end);
	add_numbers(o, "traffic_class", f & TS_TC, ts->tc, ts->tc_end);
	add_numbers(o, "flow_label", f & TS_LABEL, ts->label, ts->label_end);
	add_numbers(o, "spi", f & TS_SPI, ts->spi, ts->spi_end);
	return o;
}

static struct json_object *flow_json(struct kern *k,
				     const struct multi_host *host,
				     unsigned int i)
{
	const struct multi_flow *flow = &host->flows[i];
	const struct multi_path *ways[MULTI_WAYS];
	struct json_object *o = json_object_new_object();
	struct json_object *bids = json_object_new_array();
	uint64_t packets, bytes;
	unsigned int j;

	add_int(o, "fid", flow->fid);
	add_int(o, "pri", flow->pri);
	for (j = 0; j < flow->n_bids; j++)
		json_object_array_add(bids,
				      json_object_new_int(flow->bids[j]));
	json_object_object_add(o, "bids", bids);
	add_bool(o, "active", multi_ways(host, flow, ways));
	json_object_object_add(o, "selector", selector_json(&flow->ts));
	ways_traffic(k->dp, host, i, &packets, &bytes);
	add_int(o, "tx_packets", (int64_t)packets);
	add_int(o, "tx_bytes", (int64_t)bytes);
	return o;
}

void several_json(struct kern *k, const struct binding *b,
		  struct json_object *o)
{
	const struct multi_host *host = b->reg.several ?
		multi_find(&k->several->multi, &b->hoa) : NULL;
	struct json_object *paths = NULL, *flows = NULL;
	unsigned int i;

	if (host) {
		paths = json_object_new_array();
		flows = json_object_new_array();
	}
	for (i = 0; host && i < host->n_paths; i++)
		json_object_array_add(paths, path_json(host, i));
	for (i = 0; host && i < host->n_flows; i++)
		json_object_array_add(flows, flow_json(k, host, i));
	json_object_object_add(o, "paths", paths);
	json_object_object_add(o, "flow_bindings", flows);
}

void several_figures(const struct kern *k, struct json_object *sessions)
{
	add_int(sessions, "several", k->several->multi.n_hosts);
	add_int(sessions, "flow_bindings", k->several->multi.n_flows);
}
