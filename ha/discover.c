/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/discover.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "ha/halist.h"
#include "proto/mip.h"
#include "sys/raw.h"

enum {
	READS = 64,		/* at a time: others have their turn */
	SOURCES = 256,		/* buckets, by who asks */
	SOURCE_BURST = 4,	/* requests of one at once, then */
	SOURCE_STEP = 1,	/* s between two */
};

struct discover_link {
	const struct ha_link *conf;
	uint32_t ifindex;		/* anycast addresses are joined; 0 */
	struct in6_addr *own;
	struct halist list;
};

struct discover {
	int ra_fd, request_fd;
	struct loop_fd ra_lf, request_lf;
	struct bucket all, sources[SOURCES];
	uint8_t key[crypto_shorthash_KEYBYTES];
	struct count_limit told;
	size_t n_links;
	struct discover_link links[];
};

static struct discover_link *link_of(struct kern *k, uint32_t ifindex)
{
	const struct kern_iface *iface = kern_iface_find(k, ifindex);

	return iface && iface->link >= 0 ?
		&k->discover->links[iface->link] : NULL;
}

/* Advertisements of other home agents. */

static void tell(struct discover *d, const struct discover_link *link,
		 const struct in6_addr *router, const struct nd_ra *ra,
		 enum halist_change change)
{
	switch (change) {
	case HALIST_NOTHING:
	case HALIST_KEPT:
		return;
	case HALIST_ADDED:
	case HALIST_DELETED:
		break;
	case HALIST_FULL:
		count_refusal(REASON_HALIST_FULL, "RA from %s on %s, "
			      "preference %u", ip6_str(router),
			      link->conf->name, ra->ha_preference);
		return;
	}
	if (count_may_log(&d->told))
		log_info("home link %s: home agent %s, preference %u, has %s%s",
			 link->conf->name, ip6_str(router), ra->ha_preference,
			 change == HALIST_ADDED ? "come" : "gone",
			 count_left_out(&d->told));
}

/* RFC 6275 10.5.1. Our own, which the kernel may show us, is none. */
static void on_ra(struct kern *k, const struct ip6_pkt *pkt, uint32_t ifindex)
{
	const struct kern_iface *iface = kern_iface_find(k, ifindex);
	struct discover_link *link = link_of(k, ifindex);
	struct nd_ra ra;
	enum reason reason;

	if (!link || ip6_addr_eq(&pkt->src, &iface->lladdr))
		return;
	reason = nd_ra_parse(&ra, pkt);
	if (reason)
		count_refusal(reason, "RA from %s on %s", ip6_str(&pkt->src),
			      iface->name);
	else
		tell(k->discover, link, &pkt->src, &ra,
		     halist_ra(&link->list, &pkt->src, &ra, loop_now()));
}

/* Requests. */

/* The link whose anycast address it is, and the prefix; or NULL. */
static struct discover_link *asked(struct discover *d,
				   const struct in6_addr *dst,
				   const struct ip6_prefix **prefix)
{
	struct in6_addr anycast;
	size_t i, j;

	for (i = 0; i < d->n_links; i++) {
		const struct ha_prefixes *p = &d->links[i].conf->prefixes;

		for (j = 0; j < p->n; j++) {
			*prefix = &p->v[j];
			if (mip_anycast(&anycast, *prefix) &&
			    ip6_addr_eq(&anycast, dst))
				return &d->links[i];
		}
	}
	return NULL;
}

/* What a forged source can have sent there through us is little. */
static bool may_answer(struct discover *d, const struct in6_addr *src)
{
	uint8_t hash[crypto_shorthash_BYTES];
	mtime now = loop_now();

	crypto_shorthash(hash, src->s6_addr, sizeof(*src), d->key);
	return bucket_take_of(&d->sources[hash[0]], MTIME_SEC(SOURCE_STEP),
			      SOURCE_BURST, now) &&
	       bucket_take(&d->all, now);
}

/* 10.5.1: one of our global unicast addresses; of that prefix if there is
 * one. */
static const struct in6_addr *source(const struct discover_link *link,
				     const struct ip6_prefix *prefix)
{
	size_t i;

	for (i = 0; i < link->list.n_own; i++)
		if (ip6_prefix_has(prefix, &link->own[i]))
			return &link->own[i];
	return &link->own[0];
}

static int send_reply(struct kern *k, const struct mip *mip,
		      const struct in6_addr *src, const struct in6_addr *dst)
{
	uint8_t msg[IP6_MIN_MTU - IP6_HDR_LEN], packet[IP6_MIN_MTU];
	struct ip6_pkt pkt = { .src = *src, .dst = *dst, .upper = msg,
			       .proto = IP6_PROTO_ICMPV6 };
	ssize_t n = mip_build(msg, sizeof(msg), mip, src, dst);

	if (n < 0)
		return (int)n;
	pkt.upper_len = (size_t)n;
	n = ip6_build(packet, sizeof(packet), &pkt);
	return n < 0 ? (int)n : raw_send(k->raw_fd, packet, (size_t)n, 0);
}

static void answer(struct kern *k, struct discover_link *link,
		   const struct ip6_prefix *prefix,
		   const struct in6_addr *asker, uint16_t id)
{
	struct mip mip = { .type = MIP_HAAD_REPLY, .id = id };
	const struct in6_addr *src = source(link, prefix);
	int err;

	halist_reply(&link->list, &mip, loop_now());
	err = send_reply(k, &mip, src, asker);
	if (err < 0)
		count_refusal(REASON_SEND_FAILED, "home agents of %s to %s "
			      "from HA %s: %s", link->conf->name,
			      ip6_str(asker), ip6_str(src), strerror(-err));
	else
		count(COUNT_HAAD_ANSWERED);
}

static void on_request(struct kern *k, const struct ip6_pkt *pkt)
{
	struct discover *d = k->discover;
	const struct ip6_prefix *prefix;
	struct discover_link *link = asked(d, &pkt->dst, &prefix);
	enum reason reason = REASON_NONE;
	struct mip mip;

	count(COUNT_HAAD_RECEIVED);
	/* RFC 6275 10.5: requests go to the anycast address alone */
	if (!link)
		reason = REASON_MIP_UNEXPECTED;
	else if (!ip6_unicast_routable(&pkt->src))
		reason = REASON_ND_SOURCE;
	else
		reason = mip_parse(&mip, pkt->upper, pkt->upper_len, &pkt->src,
				   &pkt->dst);
	if (!reason && !may_answer(d, &pkt->src))
		reason = REASON_HAAD_LIMITED;
	if (reason)
		count_refusal(reason, "home agent discovery by %s at %s",
			      ip6_str(&pkt->src), ip6_str(&pkt->dst));
	else
		answer(k, link, prefix, &pkt->src, mip.id);
}

static void read_all(struct kern *k, int fd,
		     void (*fn)(struct kern *k, const struct ip6_pkt *pkt,
				uint32_t ifindex))
{
	uint8_t mem[IP6_SIGNAL_MAX];
	struct ip6_pkt pkt;
	uint32_t ifindex;
	ssize_t n = 0;
	int i;

	for (i = 0; i < READS && n != -EAGAIN; i++) {
		n = raw_ra_read(fd, mem, sizeof(mem), &pkt, &ifindex);
		if (n > 0)
			fn(k, &pkt, ifindex);
	}
}

static void take_request(struct kern *k, const struct ip6_pkt *pkt,
			 uint32_t ifindex)
{
	(void)ifindex;
	on_request(k, pkt);
}

static void on_ra_fd(void *arg)
{
	struct kern *k = arg;

	read_all(k, k->discover->ra_fd, on_ra);
}

static void on_request_fd(void *arg)
{
	struct kern *k = arg;

	read_all(k, k->discover->request_fd, take_request);
}

/* Interfaces: the kernel forgets anycast addresses when one goes down. */

static void leave(struct discover *d, struct discover_link *link)
{
	const struct ha_prefixes *p = &link->conf->prefixes;
	struct in6_addr anycast;
	size_t i;

	for (i = 0; link->ifindex && i < p->n; i++)
		if (mip_anycast(&anycast, &p->v[i]))
			raw_anycast_leave(d->request_fd, link->ifindex,
					  &anycast);
	link->ifindex = 0;
}

/* RFC 6275 8.4: packets to the Home-Agents anycast address are taken. */
static void join_anycast(struct discover *d, const struct discover_link *link,
			 const struct ip6_prefix *prefix, uint32_t ifindex)
{
	struct in6_addr anycast;
	int err = 0;

	if (mip_anycast(&anycast, prefix))
		err = raw_anycast_join(d->request_fd, ifindex, &anycast);
	else
		log_warn("home link %s: a prefix of %u bits has no anycast "
			 "address for home agents", link->conf->name,
			 prefix->len);
	if (err < 0)
		log_err("home link %s: anycast address %s: %s",
			link->conf->name, ip6_str(&anycast), strerror(-err));
}

static void join(struct discover *d, struct discover_link *link,
		 uint32_t ifindex)
{
	const struct ha_prefixes *p = &link->conf->prefixes;
	size_t i;
	int err = raw_ra_join(d->ra_fd, ifindex);

	if (err < 0)
		log_err("home link %s: router advertisements are not heard: "
			"%s", link->conf->name, strerror(-err));
	for (i = 0; i < p->n; i++)
		join_anycast(d, link, &p->v[i], ifindex);
	link->ifindex = ifindex;
}

void discover_iface(struct kern *k, const struct kern_iface *iface, bool up)
{
	struct discover_link *link;

	if (iface->link < 0)
		return;
	link = &k->discover->links[iface->link];
	if (link->ifindex && (!up || link->ifindex != iface->ifindex))
		leave(k->discover, link);
	if (up && !link->ifindex)
		join(k->discover, link, iface->ifindex);
}

void discover_gone(struct kern *k, const struct kern_iface *iface)
{
	struct discover_link *link;

	if (iface->link < 0)
		return;
	link = &k->discover->links[iface->link];
	leave(k->discover, link);
	halist_clear(&link->list);
}

/* Start and end. */

/* Our addresses on a link: those of its prefixes, or all if none is. */
static int own_set(struct discover_link *link, const struct ha_addrs *addrs)
{
	const struct ha_prefixes *p = &link->conf->prefixes;
	size_t i, j;

	link->own = calloc(addrs->n, sizeof(*link->own));
	if (!link->own)
		return -ENOMEM;
	for (i = 0; i < addrs->n; i++) {
		for (j = 0; j < p->n; j++)
			if (ip6_prefix_has(&p->v[j], &addrs->v[i]))
				break;
		if (j < p->n)
			link->own[link->list.n_own++] = addrs->v[i];
	}
	if (!link->list.n_own) {
		memcpy(link->own, addrs->v, addrs->n * sizeof(*addrs->v));
		link->list.n_own = addrs->n;
	}
	link->list.own = link->own;
	return 0;
}

void discover_reload(struct kern *k)
{
	struct discover_link *link;
	size_t i;

	for (i = 0; i < k->discover->n_links; i++) {
		link = &k->discover->links[i];
		link->list.preference = (uint16_t)link->conf->ha_preference;
	}
}

static int links_set(struct kern *k)
{
	struct discover_link *link;
	size_t i;
	int err = 0;

	for (i = 0; i < k->conf->n_links && !err; i++) {
		link = &k->discover->links[i];
		link->conf = &k->conf->links[i];
		link->list.random = randombytes_uniform;
		err = own_set(link, &k->conf->addrs);
	}
	if (!err)
		discover_reload(k);
	return err;
}

static int sockets_open(struct kern *k)
{
	struct discover *d = k->discover;
	int err;

	d->ra_fd = raw_ra_open();
	if (d->ra_fd < 0)
		return d->ra_fd;
	d->request_fd = raw_request_open();
	if (d->request_fd < 0)
		return d->request_fd;
	err = loop_fd_add(k->loop, &d->ra_lf, d->ra_fd, on_ra_fd, k);
	return err ? err : loop_fd_add(k->loop, &d->request_lf, d->request_fd,
				       on_request_fd, k);
}

int discover_open(struct kern *k)
{
	struct discover *d = calloc(1, sizeof(*d) +
				    k->conf->n_links * sizeof(d->links[0]));
	int err;

	if (!d)
		return -ENOMEM;
	k->discover = d;
	d->ra_fd = d->request_fd = -1;
	d->n_links = k->conf->n_links;
	randombytes_buf(d->key, sizeof(d->key));
	err = links_set(k);
	return err ? err : sockets_open(k);
}

void discover_close(struct kern *k)
{
	struct discover *d = k->discover;
	size_t i;

	if (!d)
		return;
	loop_fd_del(&d->ra_lf);
	loop_fd_del(&d->request_lf);
	if (d->ra_fd >= 0)
		close(d->ra_fd);
	if (d->request_fd >= 0)
		close(d->request_fd);
	for (i = 0; i < d->n_links; i++)
		free(d->links[i].own);
	free(d);
	k->discover = NULL;
}

/* kedgectl halist */

static struct json_object *row(const struct discover_link *link,
			       const struct in6_addr *router,
			       uint16_t preference, int64_t lifetime,
			       struct json_object *addrs)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "interface",
			       json_object_new_string(link->conf->name));
	json_object_object_add(o, "router", router ?
			       json_object_new_string(ip6_str(router)) : NULL);
	json_object_object_add(o, "self", json_object_new_boolean(!router));
	json_object_object_add(o, "preference",
			       json_object_new_int(preference));
	json_object_object_add(o, "lifetime_s",
			       json_object_new_int64(lifetime));
	json_object_object_add(o, "addresses", addrs);
	return o;
}

static void add_addr(struct json_object *list, const struct in6_addr *addr)
{
	json_object_array_add(list, json_object_new_string(ip6_str(addr)));
}

static void add_self(struct json_object *out, const struct discover_link *link)
{
	struct json_object *addrs = json_object_new_array();
	size_t i;

	for (i = 0; i < link->list.n_own; i++)
		add_addr(addrs, &link->own[i]);
	json_object_array_add(out, row(link, NULL, link->list.preference,
				       mtime_sec(link->conf->ha_lifetime),
				       addrs));
}

static void add_entry(struct json_object *out,
		      const struct discover_link *link,
		      const struct halist_entry *e, mtime now)
{
	struct json_object *addrs = json_object_new_array();
	uint8_t i;

	for (i = 0; i < e->n_addrs; i++)
		add_addr(addrs, &e->addrs[i].addr);
	json_object_array_add(out, row(link, &e->link_local, e->preference,
				       mtime_sec(mtime_sub(e->expires, now)),
				       addrs));
}

static int by_preference(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;

	return json_object_get_int(json_object_object_get(*y, "preference")) -
	       json_object_get_int(json_object_object_get(*x, "preference"));
}

struct json_object *discover_json(struct kern *k)
{
	struct json_object *out = json_object_new_array();
	struct discover_link *link;
	mtime now = loop_now();
	size_t i, j;

	for (i = 0; i < k->discover->n_links; i++) {
		link = &k->discover->links[i];
		halist_expire(&link->list, now);
		add_self(out, link);
		for (j = 0; j < link->list.n; j++)
			add_entry(out, link, &link->list.entries[j], now);
	}
	json_object_array_sort(out, by_preference);
	return out;
}
