/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/hostlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ctl.h"
#include "core/log.h"
#include "ha/advert.h"
#include "ha/hosts.h"

enum {
	WRITE_DELAY = 200,	/* ms */
	WRITE_RETRY = 5,	/* s */
	KEY_LEN = 64,
};

static const char key_hash[] = "hosts-key";
static const char key_prefix[] = "host/";

struct hostlink {
	struct hostlink *next;
	struct kern *k;
	const struct ha_link *link;
	uint32_t ifindex;	/* 0: not up */
	struct hosts hosts;
	struct count_limit told;
	struct timer write_timer;
	/* to be written; deleted where nobody has them now */
	struct in6_addr *queue;
	size_t n_queue, cap_queue;
};

/* As it is on disk; times in ns since 1970. */
struct record {
	int64_t seen, kept;
	struct in6_addr lladdr;
	uint8_t mac[6], pad[2];
};

static struct hostlink *by_ifindex(struct kern *k, uint32_t ifindex)
{
	struct hostlink *hl;

	for (hl = k->hostlinks; hl; hl = hl->next)
		if (hl->ifindex == ifindex)
			return hl;
	return NULL;
}

/* The one that gives prefixes of which addr is. */
static struct hostlink *by_addr(struct kern *k, const struct in6_addr *addr)
{
	struct hostlink *hl;

	for (hl = k->hostlinks; hl; hl = hl->next)
		if (ip6_prefix_has(&hl->link->host_prefixes, addr))
			return hl;
	return NULL;
}

/* The disk. */

static void record_key(char out[KEY_LEN], const struct in6_addr *prefix)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, prefix, text, sizeof(text));
	snprintf(out, KEY_LEN, "%s%s", key_prefix, text);
}

static int write_one(struct hostlink *hl, const struct in6_addr *prefix)
{
	const struct host *h = hosts_find(&hl->hosts, prefix);
	int64_t wall = loop_wall_offset();
	struct record r = {0};
	char key[KEY_LEN];
	int err;

	record_key(key, prefix);
	if (!h) {
		err = store_del(hl->k->store, key);
		return err == -ENOENT ? 0 : err;
	}
	r.seen = h->seen.ns + wall;
	r.kept = h->kept.ns + wall;
	r.lladdr = h->key.lladdr;
	memcpy(r.mac, h->key.mac, sizeof(r.mac));
	return store_put(hl->k->store, key, &r, sizeof(r), true);
}

static int write_all(struct hostlink *hl)
{
	int err = store_begin(hl->k->store), end;
	size_t i;

	if (err < 0)
		return err;
	for (i = 0; i < hl->n_queue && !err; i++)
		err = write_one(hl, &hl->queue[i]);
	end = store_commit(hl->k->store);
	return err ? err : end;
}

static void queue_write(struct hostlink *hl)
{
	int err = hl->n_queue ? write_all(hl) : 0;

	if (!err) {
		hl->n_queue = 0;
		return;
	}
	log_err("home link %s: %zu hosts' prefixes are not on disk: %s",
		hl->link->name, hl->n_queue, strerror(-err));
	timers_set(&hl->k->loop->timers, &hl->write_timer,
		   mtime_add(loop_now(), MTIME_SEC(WRITE_RETRY)));
}

static void write_on_timer(struct timer *timer, mtime now)
{
	(void)now;
	queue_write((struct hostlink *)
		    ((char *)timer - offsetof(struct hostlink, write_timer)));
}

/* Each of them once: no more than there may be hosts, and those that ended
 * since the last write. */
static bool queue_has(const struct hostlink *hl, const struct in6_addr *prefix)
{
	size_t i;

	for (i = 0; i < hl->n_queue; i++)
		if (ip6_addr_eq(&hl->queue[i], prefix))
			return true;
	return false;
}

static void queue_add(struct hostlink *hl, const struct in6_addr *prefix)
{
	struct in6_addr *grown = hl->queue;
	size_t cap = hl->cap_queue ? 2 * hl->cap_queue : 16;

	if (queue_has(hl, prefix))
		return;
	if (hl->n_queue == hl->cap_queue) {
		grown = reallocarray(hl->queue, cap, sizeof(*grown));
		if (!grown) {
			log_err("host prefix %s/64: not written: out of memory",
				ip6_str(prefix));
			return;
		}
		hl->queue = grown;
		hl->cap_queue = cap;
	}
	hl->queue[hl->n_queue++] = *prefix;
	if (!timer_armed(&hl->write_timer))
		timers_set(&hl->k->loop->timers, &hl->write_timer,
			   mtime_add(loop_now(), MTIME_MS(WRITE_DELAY)));
}

/* Verbs of the machine. */

static void tell(struct hostlink *hl, const struct host *h, const char *state)
{
	/* whoever solicits is one: the log is not his to fill */
	if (count_may_log(&hl->told))
		log_info("home link %s: host %s: prefix %s/64 %s%s",
			 hl->link->name, ip6_str(&h->key.lladdr),
			 ip6_str(&h->prefix), state,
			 count_left_out(&hl->told));
	ctl_event(hl->k->ctl, ctl_ev("host_prefix", "prefix",
				     ip6_str(&h->prefix), "address",
				     ip6_str(&h->key.lladdr), "state", state,
				     (char *)NULL));
}

static void route_set(struct hostlink *hl, const struct host *h)
{
	int err = hl->ifindex ? rtnl_route_set(hl->k->rtnl, hl->ifindex,
					       &h->prefix, 64, &h->key.lladdr,
					       HOSTLINK_PROTOCOL) : 0;

	if (err < 0)
		log_err("home link %s: route to %s/64 by %s: %s",
			hl->link->name, ip6_str(&h->prefix),
			ip6_str(&h->key.lladdr), strerror(-err));
}

static void route_del(struct hostlink *hl, const struct in6_addr *prefix)
{
	int err = hl->ifindex ? rtnl_route_del(hl->k->rtnl, hl->ifindex,
					       prefix, 64, HOSTLINK_PROTOCOL) : 0;

	if (err < 0 && err != -ESRCH && err != -ENOENT)
		log_err("home link %s: route to %s/64: %s", hl->link->name,
			ip6_str(prefix), strerror(-err));
}

static void op_route(void *arg, const struct host *h, bool gone)
{
	struct hostlink *hl = arg;

	if (gone)
		route_del(hl, &h->prefix);
	else
		route_set(hl, h);
	tell(hl, h, gone ? "ended" : "given");
	count(gone ? COUNT_HOST_PREFIX_ENDED : COUNT_HOST_PREFIX_GIVEN);
}

static struct nd_prefix to_nd(const struct hostlink *hl,
			      const struct host *h)
{
	/* RFC 8273 4: not on-link, for nobody else is there */
	return (struct nd_prefix){
		.prefix = h->prefix,
		.len = 64,
		.autonomous = true,
		.valid = (uint32_t)mtime_sec(hl->link->prefix_valid),
		.preferred = (uint32_t)mtime_sec(hl->link->prefix_preferred),
	};
}

static void op_advertise(void *arg, const struct host *h)
{
	struct hostlink *hl = arg;
	struct nd_prefix own = to_nd(hl, h);

	advert_tell(hl->k, hl->ifindex, &h->key.lladdr, h->key.mac, &own);
}

static void neigh_set(struct hostlink *hl, const struct host *h,
		      uint16_t state)
{
	int err = hl->ifindex ? rtnl_neigh_set(hl->k->rtnl, hl->ifindex,
					       &h->key.lladdr, h->key.mac,
					       state, false) : 0;

	if (err < 0)
		log_err("home link %s: neighbour %s: %s", hl->link->name,
			ip6_str(&h->key.lladdr), strerror(-err));
}

static void op_probe(void *arg, const struct host *h)
{
	if (!h->n_bound)
		neigh_set(arg, h, NUD_PROBE);
}

/*
 * The router's own packets to a bound home address come to the data plane at
 * egress, RFC 6275 10.4.2, if the stack has a neighbour to send them to: that
 * one is not there to answer.
 */
static void op_away(void *arg, const struct host *h, bool away)
{
	neigh_set(arg, h, away ? NUD_PERMANENT : NUD_STALE);
}

static void op_changed(void *arg, const struct host *h, bool gone)
{
	(void)gone;
	queue_add(arg, &h->prefix);
}

static const struct hosts_ops ops = {
	.route = op_route,
	.advertise = op_advertise,
	.probe = op_probe,
	.away = op_away,
	.changed = op_changed,
};

/* Events. */

static void again(void *arg, const struct host *h)
{
	struct hostlink *hl = arg;

	route_set(hl, h);
	if (h->n_bound)
		op_away(hl, h, true);
}

void hostlink_iface(struct kern *k, const struct kern_iface *iface, bool up)
{
	struct hostlink *hl;

	for (hl = k->hostlinks; hl; hl = hl->next) {
		if (strcmp(hl->link->name, iface->name) ||
		    hl->ifindex == (up ? iface->ifindex : 0))
			continue;
		hl->ifindex = up ? iface->ifindex : 0;
		if (up)
			hosts_each(&hl->hosts, again, hl);
	}
}

bool hostlink_own(struct kern *k, const struct kern_iface *iface,
		  const struct in6_addr *src, const uint8_t mac[6],
		  struct nd_prefix *out)
{
	struct hostlink *hl = by_ifindex(k, iface->ifindex);
	enum reason reason = REASON_NONE;
	struct host *h;

	if (!hl)
		return false;
	/* Without an address of its own there is no way to route to it; it may
	 * be one that has a prefix already. */
	if (!IN6_IS_ADDR_LINKLOCAL(src))
		h = hosts_by_mac(&hl->hosts, mac);
	else
		reason = hosts_solicited(&hl->hosts, src, mac, loop_now(), &h);
	if (reason)
		count_refusal(reason, "RS from %s on %s", ip6_str(src),
			      iface->name);
	if (reason || !h)
		return false;
	*out = to_nd(hl, h);
	return true;
}

static void on_neigh(struct hostlink *hl, const struct rtnl_event *ev)
{
	/* none is found by another, and those are many */
	if (!IN6_IS_ADDR_LINKLOCAL(&ev->neigh.addr))
		return;
	if (ev->neigh.state & NUD_REACHABLE)
		hosts_reachable(&hl->hosts, &ev->neigh.addr, loop_now());
	else if (ev->neigh.state & NUD_FAILED)
		hosts_failed(&hl->hosts, &ev->neigh.addr, loop_now());
}

/* Somebody else took our route away, or left one of before. */
static void on_route(struct hostlink *hl, const struct rtnl_event *ev)
{
	const struct host *h;

	if (ev->route.protocol != HOSTLINK_PROTOCOL || ev->route.dst_len != 64 ||
	    ev->route.table != RT_TABLE_MAIN ||
	    !ip6_prefix_has(&hl->link->host_prefixes, &ev->route.dst))
		return;
	h = hosts_find(&hl->hosts, &ev->route.dst);
	if (ev->type == RTNL_ROUTE && !h)
		route_del(hl, &ev->route.dst);
	else if (ev->type == RTNL_ROUTE_GONE && h)
		route_set(hl, h);
}

void hostlink_on_rtnl(struct kern *k, const struct rtnl_event *ev)
{
	struct hostlink *hl = k->hostlinks ? by_ifindex(k, ev->ifindex) : NULL;

	if (!hl || !hl->ifindex)
		return;
	if (ev->type == RTNL_NEIGH)
		on_neigh(hl, ev);
	else if (ev->type == RTNL_ROUTE || ev->type == RTNL_ROUTE_GONE)
		on_route(hl, ev);
}

void hostlink_bound(struct kern *k, const struct in6_addr *hoa, bool bound)
{
	struct hostlink *hl = by_addr(k, hoa);

	if (hl)
		hosts_bound(&hl->hosts, hoa, bound, loop_now());
}

void hostlink_keep(struct kern *k, const struct in6_addr *hoa, mtime until)
{
	struct hostlink *hl = by_addr(k, hoa);

	if (hl)
		hosts_keep(&hl->hosts, hoa, until);
}

/* Starting and stopping. */

struct restoring {
	struct hostlink *hl;
	unsigned int kept, over;
};

static void restore_one(void *arg, const char *key, const void *val,
			size_t len)
{
	struct restoring *r = arg;
	mtime now = loop_now(), seen, kept;
	int64_t wall = loop_wall_offset();
	struct in6_addr prefix;
	struct record rec;
	int err;

	if (len != sizeof(rec) ||
	    inet_pton(AF_INET6, key + strlen(key_prefix), &prefix) != 1)
		return;
	memcpy(&rec, val, sizeof(rec));
	seen.ns = rec.seen - wall;
	kept.ns = rec.kept - wall;
	if (mtime_before(now, seen))	/* the clock went back */
		seen = now;
	err = hosts_restore(&r->hl->hosts, &rec.lladdr, rec.mac, &prefix, seen,
			    kept, now);
	r->kept += !err;
	if (err != -ETIME)
		return;
	r->over++;
	queue_add(r->hl, &prefix);
}

static void restore_bound(void *arg, const struct binding *b)
{
	if (b->state == BINDING_BOUND)
		hostlink_bound(arg, &b->hoa, true);
}

static int load_key(struct store *store, uint8_t out[16])
{
	int err = store_get(store, key_hash, out, 16);

	if (err != -ENOENT)
		return err;
	randombytes_buf(out, 16);
	return store_put(store, key_hash, out, 16, true);
}

static int start_one(struct kern *k, const struct ha_link *link,
		     const uint8_t key[16])
{
	struct hostlink *hl = calloc(1, sizeof(*hl));
	struct restoring r = { .hl = hl };
	int err;

	if (!hl)
		return -ENOMEM;
	hl->k = k;
	hl->link = link;
	hl->write_timer.fn = write_on_timer;
	hl->next = k->hostlinks;
	k->hostlinks = hl;
	hosts_init(&hl->hosts, &ops, hl, &k->loop->timers,
		   &link->host_prefixes, link->prefix_valid, key);
	err = store_each(k->store, key_prefix, restore_one, &r);
	log_info("home link %s: a prefix for each host; %u kept, %u are over",
		 link->name, r.kept, r.over);
	return err;
}

int hostlink_start(struct kern *k)
{
	const struct ha_conf *conf = k->conf;
	uint8_t key[16];
	bool any = false;
	size_t i;
	int err;

	for (i = 0; i < conf->n_links; i++)
		any |= conf->links[i].host_prefixes.len > 0;
	if (!any)
		return 0;
	err = load_key(k->store, key);
	for (i = 0; i < conf->n_links && !err; i++)
		if (conf->links[i].host_prefixes.len)
			err = start_one(k, &conf->links[i], key);
	if (!err)
		bcache_each(&k->bcache, restore_bound, k);
	return err;
}

void hostlink_stop(struct kern *k)
{
	struct hostlink *hl;

	while ((hl = k->hostlinks)) {
		k->hostlinks = hl->next;
		queue_write(hl);
		timers_del(&k->loop->timers, &hl->write_timer);
		hosts_fini(&hl->hosts);
		free(hl->queue);
		free(hl);
	}
}

/* Showing. */

struct listing {
	struct json_object *array;
	const struct hostlink *hl;
	mtime now;
};

static void add_str(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void list_one(void *arg, const struct host *h)
{
	struct listing *l = arg;
	struct json_object *o = json_object_new_object();
	char text[INET6_ADDRSTRLEN + 4];
	const uint8_t *m = h->key.mac;

	snprintf(text, sizeof(text), "%s/64", ip6_str(&h->prefix));
	add_str(o, "prefix", text);
	add_str(o, "interface", l->hl->link->name);
	add_str(o, "address", ip6_str(&h->key.lladdr));
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", m[0],
		 m[1], m[2], m[3], m[4], m[5]);
	add_str(o, "mac", text);
	add_str(o, "state", h->n_bound ? "away" : !h->confirmed ? "new" :
		h->present ? "present" : "gone");
	json_object_object_add(o, "bindings",
			       json_object_new_int64(h->n_bound));
	json_object_object_add(o, "seen_s", json_object_new_int64(
			       mtime_sec(mtime_sub(l->now, h->seen))));
	json_object_object_add(o, "left_s", json_object_new_int64(
			       mtime_sec(mtime_sub(hosts_until(h), l->now))));
	json_object_array_add(l->array, o);
}

void hostlink_json(struct kern *k, struct json_object *array)
{
	struct listing l = { .array = array, .now = loop_now() };
	struct hostlink *hl;

	for (hl = k->hostlinks; hl; hl = hl->next) {
		l.hl = hl;
		hosts_each(&hl->hosts, list_one, &l);
	}
}
