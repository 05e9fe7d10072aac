/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/figure.h"

#include "proto/ip6.h"

enum { BUCKETS_MAX = 14 };

struct scale {
	int n;
	mtime upto[BUCKETS_MAX];
};

/* Handovers: from what a good link does to what people take for a failure. */
static const struct scale delays = { 13, {
	MTIME_MS(1), MTIME_MS(2), MTIME_MS(5), MTIME_MS(10), MTIME_MS(20),
	MTIME_MS(50), MTIME_MS(100), MTIME_MS(200), MTIME_MS(500),
	MTIME_SEC(1), MTIME_SEC(2), MTIME_SEC(5), MTIME_SEC(30),
} };

static const struct scale ages = { 7, {
	MTIME_SEC(1), MTIME_SEC(10), MTIME_SEC(60), MTIME_SEC(600),
	MTIME_SEC(3600), MTIME_SEC(6 * 3600), MTIME_SEC(24 * 3600),
} };

static const char *const names[DURATION__MAX] = {
#define X(sym, name) [DURATION_##sym] = name,
	DURATIONS(X)
#undef X
};

static struct distribution {
	uint64_t n, ns;
	mtime max;
	uint64_t in[BUCKETS_MAX];	/* this bucket's alone */
} durations[DURATION__MAX];

static struct traffic {
	uint64_t packets, bytes;
} signalling[2], slow[2];	/* received, sent */

static const struct scale *scale_of(enum duration which)
{
	return which == DURATION_SESSION ? &ages : &delays;
}

void figure_took(enum duration which, mtime took)
{
	struct distribution *d = &durations[which];
	const struct scale *s = scale_of(which);
	int i = 0;

	if (took.ns < 0)
		took.ns = 0;
	d->n++;
	d->ns += (uint64_t)took.ns;
	if (mtime_before(d->max, took))
		d->max = took;
	while (i < s->n && mtime_before(s->upto[i], took))
		i++;
	if (i < s->n)
		d->in[i]++;
}

static void add(struct traffic *t, size_t bytes)
{
	t->packets++;
	t->bytes += bytes;
}

void figure_signal(bool sent, size_t bytes)
{
	add(&signalling[sent], bytes);
}

void figure_slow(bool sent, size_t bytes)
{
	add(&slow[sent], bytes);
}

static void put_uint(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

static void put_seconds(struct json_object *o, const char *key, uint64_t ns)
{
	json_object_object_add(o, key, json_object_new_double(ns / 1e9));
}

static struct json_object *buckets_json(const struct distribution *d,
					const struct scale *s)
{
	struct json_object *list = json_object_new_array();
	uint64_t sum = 0;
	int i;

	for (i = 0; i < s->n; i++) {
		struct json_object *o = json_object_new_object();

		sum += d->in[i];
		put_seconds(o, "le_s", (uint64_t)s->upto[i].ns);
		put_uint(o, "count", sum);
		json_object_array_add(list, o);
	}
	return list;
}

struct json_object *figure_durations(void)
{
	struct json_object *out = json_object_new_object();
	int i;

	for (i = 0; i < DURATION__MAX; i++) {
		const struct distribution *d = &durations[i];
		struct json_object *o = json_object_new_object();

		put_uint(o, "count", d->n);
		put_seconds(o, "sum_s", d->ns);
		put_seconds(o, "max_s", (uint64_t)d->max.ns);
		json_object_object_add(o, "buckets",
				       buckets_json(d, scale_of(i)));
		json_object_object_add(out, names[i], o);
	}
	return out;
}

struct json_object *figure_signalling(void)
{
	struct json_object *out = json_object_new_object();

	put_uint(out, "sent", signalling[true].packets);
	put_uint(out, "sent_bytes", signalling[true].bytes);
	put_uint(out, "received", signalling[false].packets);
	put_uint(out, "received_bytes", signalling[false].bytes);
	return out;
}

struct json_object *figure_tunnels(const struct figure_tunnels *t)
{
	struct json_object *out = json_object_new_object();
	uint64_t tx = t->tx_packets + slow[true].packets;
	uint64_t rx = t->rx_packets + slow[false].packets;

	put_uint(out, "now", t->now);
	json_object_object_add(out, "method",
		json_object_new_string("IPv6 in IPv6, RFC 2473"));
	put_uint(out, "overhead", IP6_HDR_LEN);
	put_uint(out, "tx_packets", tx);
	put_uint(out, "tx_bytes", t->tx_bytes + slow[true].bytes);
	put_uint(out, "rx_packets", rx);
	put_uint(out, "rx_bytes", t->rx_bytes + slow[false].bytes);
	put_uint(out, "overhead_bytes", (tx + rx) * IP6_HDR_LEN);
	return out;
}

struct tally {
	uint64_t manual, ike, by_alg[2];
};

static void tally_sa(void *arg, struct sadb_sa *sa)
{
	struct tally *t = arg;

	if (sa->expired)
		return;
	if (sa->peer)
		t->ike++;
	else
		t->manual++;
	t->by_alg[sa->conf.alg]++;
}

struct json_object *figure_security(struct sadb *sadb)
{
	struct json_object *out = json_object_new_object();
	struct tally t = {0};

	sadb_each(sadb, tally_sa, &t);
	put_uint(out, "manual", t.manual);
	put_uint(out, "ike", t.ike);
	put_uint(out, esp_alg_str(ESP_CHACHA20_POLY1305),
		 t.by_alg[ESP_CHACHA20_POLY1305]);
	put_uint(out, esp_alg_str(ESP_AES_256_GCM), t.by_alg[ESP_AES_256_GCM]);
	return out;
}
