/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/ctl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/count.h"
#include "core/daemon.h"
#include "core/figure.h"
#include "ha/discover.h"
#include "ha/figures.h"
#include "ha/hostlink.h"
#include "ha/nemo.h"
#include "ha/several.h"

enum { BINDINGS_PAGE = 4096 };	/* in one answer: the loop waits for it */

static mtime started;

static void add_str(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void add_int(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static struct json_object *add_array(struct json_object *o, const char *key)
{
	struct json_object *array = json_object_new_array();

	json_object_object_add(o, key, array);
	return array;
}

static struct json_object *prefix_json(const struct ip6_prefix *prefix)
{
	char text[INET6_ADDRSTRLEN + 4];

	snprintf(text, sizeof(text), "%s/%u", ip6_str(&prefix->addr),
		 prefix->len);
	return json_object_new_string(text);
}

/* status */

static void add_links(struct json_object *answer, const struct ha_conf *conf)
{
	struct json_object *links = add_array(answer, "links");
	size_t i, j;

	for (i = 0; i < conf->n_links; i++) {
		const struct ha_link *link = &conf->links[i];
		struct json_object *o = json_object_new_object(), *prefixes;

		add_str(o, "name", link->name);
		prefixes = add_array(o, "prefixes");
		for (j = 0; j < link->prefixes.n; j++)
			json_object_array_add(prefixes,
				prefix_json(&link->prefixes.v[j]));
		json_object_array_add(links, o);
	}
}

/* Which way packets go through an interface. */
static void add_paths(struct json_object *answer,
		      const struct kern_iface *iface)
{
	struct json_object *tc = add_array(answer, "tc");
	struct json_object *xdp = add_array(answer, "xdp");

	for (; iface; iface = iface->next) {
		struct json_object *name = json_object_new_string(iface->name);

		if (iface->attached)
			json_object_array_add(iface->xdp ? xdp : tc, name);
		else
			json_object_put(name);
	}
}

static int cmd_status(void *arg, struct json_object *request,
		      struct json_object *answer)
{
	struct kern *k = arg;
	struct json_object *addresses;
	size_t i;

	(void)request;
	add_str(answer, "daemon", "kedge-ha");
	add_str(answer, "version", daemon_version());
	add_int(answer, "pid", getpid());
	add_int(answer, "uptime_s",
		mtime_sec(mtime_sub(loop_now(), started)));
	addresses = add_array(answer, "addresses");
	for (i = 0; i < k->conf->addrs.n; i++)
		json_object_array_add(addresses, json_object_new_string(
				      ip6_str(&k->conf->addrs.v[i])));
	add_links(answer, k->conf);
	add_paths(answer, k->ifaces);
	json_object_object_add(answer, "draining", json_object_new_boolean(
			       k->recall.peers.draining));
	add_int(answer, "restarts", k->recall.restarts);
	add_int(answer, "bindings", k->bcache.n_bound);
	add_int(answer, "max_bindings", k->conf->max_bindings);
	return 0;
}

/* bindings */

struct listing {
	struct kern *k;
	struct json_object *array;
	mtime now;
};

static void add_traffic(struct json_object *o, const struct listing *l,
			const struct binding *b)
{
	struct dp_binding d = {0};
	mtime used;

	dp_binding_get(l->k->dp, &b->hoa, &d);
	add_int(o, "tx_packets", (int64_t)d.tx_packets);
	add_int(o, "tx_bytes", (int64_t)d.tx_bytes);
	add_int(o, "rx_packets", (int64_t)d.rx_packets);
	add_int(o, "rx_bytes", (int64_t)d.rx_bytes);
	used = dp_last_used(&d);
	if (used.ns)
		add_int(o, "idle_s", mtime_sec(mtime_sub(l->now, used)));
	else
		json_object_object_add(o, "idle_s", NULL);
}

static void add_binding(void *arg, const struct binding *b)
{
	struct listing *l = arg;
	struct json_object *o = json_object_new_object();
	const char *what;

	add_str(o, "hoa", ip6_str(&b->hoa));
	add_str(o, "coa", ip6_str(&b->reg.coa));
	add_str(o, "ha", ip6_str(&b->reg.ha));
	add_str(o, "state", binding_state_str(b->state));
	add_int(o, "seq", b->reg.seq);
	add_int(o, "lifetime_s", b->reg.lifetime);
	add_int(o, "remaining_s",
		mtime_sec(mtime_sub(b->reg.expires, l->now)));
	add_int(o, "age_s", mtime_sec(mtime_sub(l->now, b->reg.created)));
	what = recall_what(&l->k->recall, &b->hoa);
	json_object_object_add(o, "leaving", what && b->state ==
			       BINDING_BOUND ? json_object_new_string(what) :
			       NULL);
	add_traffic(o, l, b);
	json_object_object_add(o, "networks", nemo_json(l->k, &b->hoa));
	several_json(l->k, b, o);
	json_object_array_add(l->array, o);
}

/* A number of the request; out of these bounds: -EINVAL. */
static int get_u32(struct json_object *request, const char *key,
		   uint32_t without, uint32_t min, uint32_t max, uint32_t *out)
{
	struct json_object *v;
	int64_t n = without;

	if (json_object_object_get_ex(request, key, &v))
		n = json_object_is_type(v, json_type_int) ?
			json_object_get_int64(v) : -1;
	if (n < min || n > max)
		return -EINVAL;
	*out = (uint32_t)n;
	return 0;
}

static int cmd_bindings(void *arg, struct json_object *request,
			struct json_object *answer)
{
	struct listing l = { .k = arg, .now = loop_now() };
	uint32_t from, n;
	int err = get_u32(request, "from", 0, 0, UINT32_MAX, &from);

	if (!err)
		err = get_u32(request, "n", BINDINGS_PAGE, 1, BINDINGS_PAGE, &n);
	if (err < 0) {
		add_str(answer, "error", "from or n is out of range");
		return err;
	}
	l.array = add_array(answer, "bindings");
	add_int(answer, "next", bcache_range(&l.k->bcache, from, add_binding,
					     &l, n));
	return 0;
}

/* anchors: the prefixes that we can be the anchor of */

struct tally {
	struct kern *k;
	uint32_t *n;		/* one for each of bcache.conf.prefixes */
};

static void tally_one(void *arg, const struct binding *b)
{
	struct tally *t = arg;
	const struct bcache_prefix *prefix;

	if (b->state != BINDING_BOUND)
		return;
	prefix = bcache_prefix(&t->k->bcache, &b->hoa);
	if (prefix)
		t->n[prefix - t->k->bcache.conf.prefixes]++;
}

static int cmd_anchors(void *arg, struct json_object *request,
		       struct json_object *answer)
{
	struct tally t = { .k = arg };
	const struct bcache_conf *bc = &t.k->bcache.conf;
	struct json_object *anchors;
	size_t i;

	(void)request;
	t.n = calloc(bc->n_prefixes + 1, sizeof(*t.n));
	if (!t.n)
		return -ENOMEM;
	bcache_each(&t.k->bcache, tally_one, &t);
	anchors = add_array(answer, "anchors");
	for (i = 0; i < bc->n_prefixes; i++) {
		const struct bcache_prefix *p = &bc->prefixes[i];
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "prefix", prefix_json(&p->prefix));
		add_str(o, "interface", t.k->conf->links[p->link].name);
		add_int(o, "bindings", t.n[i]);
		json_object_array_add(anchors, o);
	}
	free(t.n);
	return 0;
}

/* hosts: who has a prefix of its own */

static int cmd_hosts(void *arg, struct json_object *request,
		     struct json_object *answer)
{
	(void)request;
	hostlink_json(arg, add_array(answer, "hosts"));
	return 0;
}

static int cmd_halist(void *arg, struct json_object *request,
		      struct json_object *answer)
{
	(void)request;
	json_object_object_add(answer, "halist", discover_json(arg));
	return 0;
}

static int cmd_flows(void *arg, struct json_object *request,
		     struct json_object *answer)
{
	(void)arg;
	(void)request;
	add_str(answer, "error", "kedge-ha keeps no flows: ask kedge-mn");
	return -EOPNOTSUPP;
}

static int cmd_request(void *arg, struct json_object *request,
		       struct json_object *answer)
{
	(void)arg;
	(void)request;
	add_str(answer, "error", "kedge-ha assigns home addresses: ask "
		"kedge-mn to request one");
	return -EOPNOTSUPP;
}

/* What another module answers, moved into answer. */
static void merge(struct json_object *answer, struct json_object *from)
{
	json_object_object_foreach(from, key, value)
		json_object_object_add(answer, key, json_object_get(value));
	json_object_put(from);
}

static int cmd_sas(void *arg, struct json_object *request,
		   struct json_object *answer)
{
	struct kern *k = arg;

	(void)request;
	merge(answer, sadb_json(k->sadb));
	if (k->keying.keys) {
		merge(answer, keys_json(k->keying.keys));
		return 0;
	}
	add_array(answer, "ike");
	add_int(answer, "threads", 0);
	return 0;
}

/* owners */

static void add_owner(void *arg, const struct owner *owner)
{
	struct listing *l = arg;
	struct json_object *o = json_object_new_object();

	add_str(o, "hoa", ip6_str(&owner->hoa));
	add_str(o, "identity", owner->identity);
	add_str(o, "how", owner->configured ? "configured" :
		owner->assigned ? "assigned" : "ike");
	add_int(o, "age_s", mtime_sec(mtime_sub(l->now, owner->since)));
	add_int(o, "seen_s", mtime_sec(mtime_sub(l->now, owner->seen)));
	if (owner->configured)
		json_object_object_add(o, "left_s", NULL);
	else
		add_int(o, "left_s", mtime_sec(mtime_sub(owners_until(owner),
							 l->now)));
	json_object_object_add(o, "in_use", json_object_new_boolean(
			keying_in_use(&l->k->keying, &owner->hoa)));
	json_object_array_add(l->array, o);
}

static int cmd_owners(void *arg, struct json_object *request,
		      struct json_object *answer)
{
	struct listing l = { .k = arg, .now = loop_now() };

	(void)request;
	l.array = add_array(answer, "owners");
	owners_each(&l.k->keying.owners, add_owner, &l);
	return 0;
}

static int forget(struct kern *k, const char *text,
		  struct json_object *answer)
{
	struct in6_addr hoa;
	int err;

	if (!text || inet_pton(AF_INET6, text, &hoa) != 1) {
		add_str(answer, "error", "hoa is not an IPv6 address");
		return -EINVAL;
	}
	err = keying_forget(&k->keying, &hoa);
	if (err == -ENOENT)
		add_str(answer, "error", "nobody owns this address");
	else if (err == -EPERM)
		add_str(answer, "error", "its owner is configured: change "
			"the configuration, then SIGHUP");
	return err;
}

static int cmd_owners_forget(void *arg, struct json_object *request,
			     struct json_object *answer)
{
	struct json_object *hoa;

	if (!json_object_object_get_ex(request, "hoa", &hoa))
		hoa = NULL;
	return forget(arg, json_object_get_string(hoa), answer);
}

static int cmd_revoke(void *arg, struct json_object *request,
		      struct json_object *answer)
{
	struct kern *k = arg;

	return recall_cmd_revoke(&k->recall, request, answer);
}

static int cmd_switch(void *arg, struct json_object *request,
		      struct json_object *answer)
{
	struct kern *k = arg;

	return recall_cmd_switch(&k->recall, request, answer);
}

static int cmd_test_path(void *arg, struct json_object *request,
			 struct json_object *answer)
{
	(void)arg;
	(void)request;
	add_str(answer, "error", "paths are tested from the other end: ask "
		"kedge-mn");
	return -EOPNOTSUPP;
}

static int cmd_counters(void *arg, struct json_object *request,
			struct json_object *answer)
{
	struct kern *k = arg;
	struct json_object *dataplane = json_object_new_object();
	uint64_t stats[DP_STAT__MAX];
	int i, err = dp_stats(k->dp, stats);

	(void)request;
	add_str(answer, "daemon", "kedge-ha");
	add_str(answer, "version", daemon_version());
	add_int(answer, "uptime_s",
		mtime_sec(mtime_sub(loop_now(), started)));
	merge(answer, count_json());
	json_object_object_add(answer, "durations", figure_durations());
	json_object_object_add(answer, "signalling", figure_signalling());
	for (i = 0; i < DP_STAT__MAX && !err; i++)
		json_object_object_add(dataplane, dp_stat_str(i),
				       json_object_new_uint64(stats[i]));
	json_object_object_add(answer, "dataplane", dataplane);
	if (!err)
		figures_add(k, stats, answer);
	return err;
}

static const struct ctl_cmd cmds[] = {
	{ "status", cmd_status },
	{ "bindings", cmd_bindings },
	{ "anchors", cmd_anchors },
	{ "hosts", cmd_hosts },
	{ "halist", cmd_halist },
	{ "flows", cmd_flows },
	{ "sas", cmd_sas },
	{ "owners", cmd_owners },
	{ "owners-forget", cmd_owners_forget },
	{ "counters", cmd_counters },
	{ "request", cmd_request },
	{ "revoke", cmd_revoke },
	{ "switch", cmd_switch },
	{ "test-path", cmd_test_path },
	{ NULL, NULL },
};

int ha_ctl_open(struct ctl **out, struct loop *loop, const char *path,
		struct kern *k)
{
	started = loop_now();
	return ctl_open(out, loop, path, cmds, k);
}
