/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ways.h"

#include <stdbool.h>
#include <stdio.h>

#include "json.h"
#include "show.h"

enum { TEXT_LEN = 128 };

static void print(const char *before, struct json_object *o, const char *key)
{
	char text[TEXT_LEN];

	text_of(text, sizeof(text), get(o, key));
	printf("%s%s", before, text);
}

static bool is(struct json_object *o, const char *key)
{
	return json_object_get_boolean(get(o, key));
}

static void print_left(struct json_object *path)
{
	char left[TEXT_LEN], all[TEXT_LEN];

	text_of_seconds(left, sizeof(left), get(path, "remaining_s"));
	text_of_seconds(all, sizeof(all), get(path, "lifetime_s"));
	printf(", %s of %s left", left, all);
}

/* kedge-mn knows what has become of it. */
static void print_fate(struct json_object *o)
{
	if (!get(o, "registered"))
		return;
	printf(is(o, "registered") ? ", registered" : ", not registered");
	if (json_object_get_int(get(o, "status")) >= 128)
		print(", status ", o, "status");
}

static void print_path(struct json_object *path)
{
	print("  BID ", path, "bid");
	print(": ", path, "coa");
	if (is(path, "home"))
		printf(", the home link");
	if (get(path, "interface"))
		print(" on ", path, "interface");
	print(", priority ", path, "pri");
	if (is(path, "primary"))
		printf(", by default");
	if (get(path, "remaining_s"))
		print_left(path);
	print_fate(path);
	printf("\n");
}

/* All packets, if none of it is there. */
static void print_selector(struct json_object *o)
{
	static const struct {
		const char *key, *name;
	} fields[] = {
		{ "protocol", "protocol" },
		{ "proto", "protocol" },
		{ "peer", "peer" },
		{ "peer_port", "its port" },
		{ "hoa", "home address" },
		{ "hoa_port", "port" },
		{ "traffic_class", "traffic class" },
		{ "flow_label", "flow label" },
		{ "spi", "SPI" },
	};
	bool any = false;
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!get(o, fields[i].key))
			continue;
		printf(any ? ", %s" : ": %s", fields[i].name);
		print(" ", o, fields[i].key);
		any = true;
	}
	if (!any)
		printf(": all packets");
}

static void print_flow(struct json_object *flow)
{
	struct json_object *bids = get(flow, "bids");
	struct json_object *selector = get(flow, "selector");
	size_t i;

	print("  FID ", flow, "fid");
	for (i = 0; i < json_object_array_length(bids); i++)
		printf("%s %d", i ? " and" : " by BID", json_object_get_int(
		       json_object_array_get_idx(bids, i)));
	print_selector(selector ? selector : flow);
	print("; priority ", flow, "pri");
	if (get(flow, "active") && !is(flow, "active"))
		printf(", inactive");
	if (get(flow, "tx_packets"))
		print(", packets ", flow, "tx_packets");
	print_fate(flow);
	printf("\n");
}

static void print_all(struct json_object *list,
		      void (*one)(struct json_object *o))
{
	size_t i;

	if (!json_object_is_type(list, json_type_array))
		return;
	for (i = 0; i < json_object_array_length(list); i++)
		one(json_object_array_get_idx(list, i));
}

static void print_refused(struct json_object *o)
{
	char left[TEXT_LEN];

	text_of_seconds(left, sizeof(left), get(o, "again_s"));
	print("  one care-of address: several are refused, status ", o,
	      "status");
	print(" (", o, "why");
	printf("); asked for again in %s\n", left);
}

void ways_print(struct json_object *binding)
{
	if (get(binding, "several_refused"))
		print_refused(get(binding, "several_refused"));
	print_all(get(binding, "paths"), print_path);
	print_all(get(binding, "flow_bindings"), print_flow);
}
