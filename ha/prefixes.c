/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/prefixes.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "ha/advert.h"
#include "ha/several.h"
#include "ha/wire.h"
#include "proto/mip.h"

enum {
	ROOM = 65536,		/* nodes that hear of nothing new */
	WALK = 4096,		/* bindings looked at at a time */
	WALK_STEP = 50,		/* ms */
};

static const struct ha_link *link_of(const struct kern *k,
				     const struct in6_addr *hoa)
{
	const struct bcache_prefix *p = bcache_prefix(&k->bcache, hoa);

	return p ? &k->conf->links[p->link] : NULL;
}

/* RFC 6275 10.6.1: all of the home link, with the lifetimes that it has. */
static void fill(const struct kern *k, struct mip *mip,
		 const struct ha_link *link)
{
	size_t i;

	for (i = 0; i < link->prefixes.n && i < ND_PREFIXES_MAX; i++)
		mip->prefixes[mip->n_prefixes++] =
			advert_prefix(k->conf, link, &link->prefixes.v[i]);
}

/* M and O stay clear: we have no DHCPv6 (6.8). */
static int send_mpa(struct kern *k, const struct in6_addr *hoa, uint16_t id)
{
	const struct ha_link *link = link_of(k, hoa);
	struct mip mip = { .type = MIP_MPA, .id = id };
	uint8_t msg[IP6_MIN_MTU];
	struct binding b;
	ssize_t n;

	if (!link || !bcache_find_bound(&k->bcache, hoa, &b))
		return -EDESTADDRREQ;
	fill(k, &mip, link);
	n = mip_build(msg, sizeof(msg), &mip, &b.reg.ha, hoa);
	return n < 0 ? (int)n : wire_send(k, hoa, IP6_PROTO_ICMPV6, msg,
					  (size_t)n);
}

static void op_send(void *arg, const struct in6_addr *hoa, uint16_t id,
		    bool solicited)
{
	struct kern *k = arg;
	int err = send_mpa(k, hoa, id);

	if (err < 0) {
		count_refusal(err == -ENOENT ? REASON_NO_SA :
			      err == -EPROTONOSUPPORT ? REASON_ESP_SELECTOR :
			      REASON_SEND_FAILED, "prefixes to HoA %s: %s",
			      ip6_str(hoa), strerror(-err));
		return;
	}
	count(solicited ? COUNT_MPA_ANSWERED : COUNT_MPA_SENT);
	log_debug("prefixes to HoA %s%s", ip6_str(hoa),
		  solicited ? ", as it asked" : "");
}

static void op_lifetimes(void *arg, const struct in6_addr *hoa,
			 uint32_t *preferred, uint32_t *valid)
{
	const struct kern *k = arg;
	const struct bcache_prefix *p = bcache_prefix(&k->bcache, hoa);
	struct nd_prefix nd = { .valid = UINT32_MAX, .preferred = UINT32_MAX };

	if (p)
		nd = advert_prefix(k->conf, &k->conf->links[p->link],
				   &p->prefix);
	*preferred = nd.preferred;
	*valid = nd.valid;
}

static const struct prefixadv_ops ops = {
	.send = op_send,
	.lifetimes = op_lifetimes,
	.random = randombytes_uniform,
};

/*
 * Who hears of a change: looked for by and by, however many there are. After a
 * restart that may be of everything: 10.6.2 as of those that nothing was sent
 * to.
 */

static void see_binding(void *arg, const struct binding *b)
{
	struct kern *k = arg;

	if (b->state != BINDING_BOUND || b->link >= k->conf->n_links)
		return;
	if (k->walk_restored)
		prefixadv_bound(&k->prefixadv, &b->hoa, loop_now());
	if (k->links_changed[b->link] &&
	    prefixadv_changed(&k->prefixadv, &b->hoa, loop_now()) < 0)
		log_err("HoA %s: out of memory: does not hear of its prefix",
			ip6_str(&b->hoa));
}

static void walk_on_timer(struct timer *timer, mtime now)
{
	struct kern *k = (struct kern *)
		((char *)timer - offsetof(struct kern, walk_timer));

	k->walk = bcache_range(&k->bcache, k->walk, see_binding, k, WALK);
	if (k->walk) {
		timers_set(&k->loop->timers, &k->walk_timer,
			   mtime_add(now, MTIME_MS(WALK_STEP)));
		return;
	}
	memset(k->links_changed, 0, k->conf->n_links);
	k->walk_restored = false;
}

static void walk_begin(struct kern *k)
{
	k->walk = 0;
	timers_set(&k->loop->timers, &k->walk_timer, loop_now());
}

void prefixes_changed(struct kern *k, size_t n)
{
	k->links_changed[n] = true;
	walk_begin(k);
}

void prefixes_state(struct kern *k, const struct binding *b, bool refreshed)
{
	if (refreshed && prefixadv_settled(&k->prefixadv, k->bcache.n_bound))
		return;
	if (b->state == BINDING_BOUND)
		prefixadv_bound(&k->prefixadv, &b->hoa, loop_now());
	else
		prefixadv_unbound(&k->prefixadv, &b->hoa);
}

/* What was asked. */

/* RFC 6275 9.3.1: the binding is to where it comes from. */
static bool is_bound(const struct kern *k, const struct ip6_pkt *pkt)
{
	struct binding b;

	return pkt->has_hao &&
	       bcache_find_bound(&k->bcache, &pkt->hao, &b) &&
	       several_is_coa(k, &b, &pkt->src) &&
	       ip6_addr_eq(&b.reg.ha, &pkt->dst);
}

enum reason prefixes_solicited(struct kern *k, const struct ip6_pkt *pkt,
			       const uint8_t *msg, size_t len)
{
	enum reason reason;
	struct mip mip;

	reason = mip_parse(&mip, msg, len, ip6_home_src(pkt),
			   ip6_final_dst(pkt));
	if (reason == REASON_ND_UNKNOWN_TYPE ||
	    (!reason && mip.type != MIP_MPS))
		return REASON_MIP_UNEXPECTED;
	if (reason)
		return reason;
	count(COUNT_MPS_RECEIVED);
	if (!is_bound(k, pkt))
		return REASON_MPS_UNBOUND;
	/* 8.4: the network's administrators may not want it */
	if (prefixadv_solicited(&k->prefixadv, &pkt->hao, mip.id,
				loop_now()) < 0)
		return REASON_MPS_REFUSED;
	return REASON_NONE;
}

/* Start and end. */

static struct prefixadv_conf conf_of(const struct ha_conf *conf)
{
	return (struct prefixadv_conf){
		.on = conf->prefix_advertisements,
		.min = conf->prefix_adv_min,
		.max = conf->prefix_adv_max,
		.room = ROOM,
	};
}

void prefixes_reload(struct kern *k)
{
	struct prefixadv_conf conf = conf_of(k->conf);

	prefixadv_set(&k->prefixadv, &conf);
}

void prefixes_open(struct kern *k)
{
	struct prefixadv_conf conf = conf_of(k->conf);

	prefixadv_init(&k->prefixadv, &ops, k, &k->loop->timers, &conf);
	k->walk_timer.fn = walk_on_timer;
	k->walk_restored = true;
	walk_begin(k);
}

void prefixes_close(struct kern *k)
{
	timers_del(&k->loop->timers, &k->walk_timer);
	prefixadv_fini(&k->prefixadv);
}
