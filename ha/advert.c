/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/advert.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/count.h"
#include "core/log.h"
#include "ha/hostlink.h"
#include "ha/ra.h"
#include "sys/raw.h"

enum {
	READS = 64,		/* at a time: others have their turn */
	HOP_LIMIT = 255,
};

struct advert {
	struct kern *k;		/* NULL: --flush */
	const struct kern_iface *iface;
	struct ra ra;
	int fd, packet_fd;
	struct loop_fd lf;
};

/* Verbs of the machine. */

static ssize_t build(uint8_t *out, size_t cap, const struct nd_ra *msg,
		     const struct in6_addr *src, const struct in6_addr *dst)
{
	uint8_t icmp[512];
	struct ip6_pkt pkt = {
		.src = *src,
		.dst = *dst,
		.hop_limit = HOP_LIMIT,
		.proto = IP6_PROTO_ICMPV6,
		.upper = icmp,
	};
	ssize_t n = nd_ra_build(icmp, sizeof(icmp), msg, src, dst);

	if (n < 0)
		return n;
	pkt.upper_len = (size_t)n;
	return ip6_build(out, cap, &pkt);
}

static int send_ra(int packet_fd, const struct kern_iface *iface,
		   const struct nd_ra *msg, const struct in6_addr *dst,
		   const uint8_t mac[6])
{
	uint8_t packet[IP6_HDR_LEN + 512];
	ssize_t n = build(packet, sizeof(packet), msg, &iface->lladdr, dst);

	return n < 0 ? (int)n : packet_send(packet_fd, iface->ifindex, mac,
					    packet, (size_t)n);
}

static void op_send(void *arg, const struct nd_ra *msg,
		    const struct in6_addr *dst, const uint8_t mac[6])
{
	struct advert *ad = arg;
	int err = send_ra(ad->packet_fd, ad->iface, msg, dst, mac);

	if (err < 0)
		count_refusal(REASON_SEND_FAILED, "RA to %s on %s: %s",
			      ip6_str(dst), ad->iface->name, strerror(-err));
	else
		count(mac[0] & 1 ? COUNT_RA_SENT : COUNT_RA_ANSWERED);
}

static bool op_forwards(void *arg)
{
	const struct advert *ad = arg;

	return kern_forwards(ad->iface);
}

static uint32_t op_random(void *arg, uint32_t limit)
{
	(void)arg;
	return randombytes_uniform(limit);
}

static bool op_own(void *arg, const struct in6_addr *src,
		   const uint8_t mac[6], struct nd_prefix *out)
{
	struct advert *ad = arg;

	return hostlink_own(ad->k, ad->iface, src, mac, out);
}

static const struct ra_ops ops = {
	.send = op_send,
	.forwards = op_forwards,
	.random = op_random,
	.own = op_own,
};

/* What comes in. */

static void on_rs(struct advert *ad, const struct ip6_pkt *pkt,
		  const uint8_t mac[6])
{
	struct nd_rs rs;
	enum reason reason = nd_rs_parse(&rs, pkt);

	count(COUNT_RS_RECEIVED);
	if (!reason)
		reason = ra_solicited(&ad->ra, &pkt->src, mac, loop_now());
	if (reason)
		count_refusal(reason, "RS from %s on %s", ip6_str(&pkt->src),
			      ad->iface->name);
}

static void on_ra(struct advert *ad, const struct ip6_pkt *pkt)
{
	struct nd_ra msg;
	enum reason reason = nd_ra_parse(&msg, pkt);
	const char *what;

	count(COUNT_RA_RECEIVED);
	if (reason) {
		count_refusal(reason, "RA from %s on %s", ip6_str(&pkt->src),
			      ad->iface->name);
		return;
	}
	what = ra_differs(&ad->ra, &msg);
	if (what)
		count_refusal(REASON_RA_INCONSISTENT, "RA from %s on %s: %s",
			      ip6_str(&pkt->src), ad->iface->name, what);
}

static void on_packet(struct advert *ad, const uint8_t *p, size_t len,
		      const uint8_t mac[6])
{
	struct ip6_pkt pkt = {0};

	if (ip6_parse(&pkt, p, len) || pkt.proto != IP6_PROTO_ICMPV6 ||
	    !pkt.upper_len)
		return;
	if (pkt.upper[0] == ND_TYPE_RS)
		on_rs(ad, &pkt, mac);
	else if (pkt.upper[0] == ND_TYPE_RA)
		on_ra(ad, &pkt);
}

static void on_fd(void *arg)
{
	struct advert *ad = arg;
	uint8_t packet[IP6_SIGNAL_MAX], mac[6];
	ssize_t n = 0;
	int i;

	for (i = 0; i < READS && n != -EAGAIN; i++) {
		n = packet_read(ad->fd, packet, sizeof(packet), mac);
		if (n >= 0)
			on_packet(ad, packet, (size_t)n, mac);
	}
}

/* Which links, and with what. */

static uint32_t seconds(mtime t)
{
	int64_t s = mtime_sec(t);

	return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

/*
 * RFC 6275 7.2: with our own address in the prefix's place, if there is one;
 * RFC 4862 5.5.3 makes addresses of a /64 alone. Where each host has a prefix
 * of its own this one only tells the address.
 */
struct nd_prefix advert_prefix(const struct ha_conf *conf,
			       const struct ha_link *link,
			       const struct ip6_prefix *prefix)
{
	struct nd_prefix out = {
		.prefix = prefix->addr,
		.len = prefix->len,
		.on_link = !link->host_prefixes.len,
		.autonomous = prefix->len == 64 && !link->host_prefixes.len,
		.valid = link->prefix_valid.ns ?
			seconds(link->prefix_valid) : UINT32_MAX,
		.preferred = seconds(link->prefix_preferred),
	};
	size_t i;

	for (i = 0; i < conf->addrs.n && !out.router_addr; i++) {
		if (!ip6_prefix_has(prefix, &conf->addrs.v[i]))
			continue;
		out.prefix = conf->addrs.v[i];
		out.router_addr = true;
	}
	return out;
}

static struct ra_conf to_ra(const struct ha_conf *conf,
			    const struct ha_link *link)
{
	struct ra_conf out = {
		.interval = link->ra_interval,
		.untold_interval = !link->ra_interval_option,
		.lifetime = (uint16_t)seconds(link->router_lifetime),
		.ha_preference = (uint16_t)link->ha_preference,
		.ha_lifetime = (uint16_t)seconds(link->ha_lifetime),
		.mtu = link->mtu,
		.alone = link->host_prefixes.len > 0,
	};
	size_t i;

	for (i = 0; i < link->prefixes.n && i < ND_PREFIXES_MAX; i++)
		out.prefixes[out.n_prefixes++] =
			advert_prefix(conf, link, &link->prefixes.v[i]);
	return out;
}

static bool wanted(const struct kern *k, const struct kern_iface *iface)
{
	return iface->link >= 0 && k->conf->links[iface->link].advertise &&
	       iface->has_mac;
}

static struct advert *advert_new(struct kern *k, struct kern_iface *iface)
{
	struct ra_conf conf = to_ra(k->conf, &k->conf->links[iface->link]);
	struct advert *ad = calloc(1, sizeof(*ad));
	int err;

	if (!ad)
		return NULL;
	ad->k = k;
	ad->iface = iface;
	ad->packet_fd = k->packet_fd;
	ra_init(&ad->ra, &ops, ad, &k->loop->timers, &conf);
	ad->fd = packet_router_open(iface->ifindex);
	err = ad->fd < 0 ? ad->fd :
	      loop_fd_add(k->loop, &ad->lf, ad->fd, on_fd, ad);
	if (!err)
		return ad;
	log_err("home link %s: router advertisements: %s", iface->name,
		strerror(-err));
	if (ad->fd >= 0)
		close(ad->fd);
	free(ad);
	return NULL;
}

static void start(struct advert *ad)
{
	const struct kern_iface *iface = ad->iface;

	if (ad->ra.running && !memcmp(ad->ra.slla, iface->mac, 6))
		return;
	log_info("home link %s: router advertisements from %s begin",
		 iface->name, ip6_str(&iface->lladdr));
	ra_start(&ad->ra, iface->mac, loop_now());
}

void advert_iface(struct kern *k, struct kern_iface *iface)
{
	if (!iface->advert && wanted(k, iface))
		iface->advert = advert_new(k, iface);
	if (!iface->advert)
		return;
	if (iface->up && !IN6_IS_ADDR_UNSPECIFIED(&iface->lladdr))
		start(iface->advert);
	else
		ra_stop(&iface->advert->ra);
	hostlink_iface(k, iface, iface->advert->ra.running);
}

void advert_tell(struct kern *k, uint32_t ifindex, const struct in6_addr *dst,
		 const uint8_t mac[6], const struct nd_prefix *own)
{
	struct kern_iface *iface = kern_iface_find(k, ifindex);

	if (iface && iface->advert)
		ra_tell(&iface->advert->ra, dst, mac, own);
}

void advert_reload(struct kern *k)
{
	const struct kern_iface *iface;

	for (iface = k->ifaces; iface; iface = iface->next)
		if (iface->advert)
			iface->advert->ra.conf = to_ra(k->conf,
					&k->conf->links[iface->link]);
}

void advert_free(struct kern_iface *iface)
{
	struct advert *ad = iface->advert;

	iface->advert = NULL;
	if (!ad)
		return;
	loop_fd_del(&ad->lf);
	close(ad->fd);
	ra_fini(&ad->ra);
	free(ad);
}

/* --flush: no daemon runs, so the links are looked up here. */

struct flush {
	const struct ha_conf *conf;
	struct kern_iface *ifaces;	/* one for each link of conf */
	struct in6_addr *routes;	/* to hosts' prefixes */
	size_t n_routes;
};

/* A prefix of its own that a host was given? */
static bool is_hosts(const struct flush *f, const struct rtnl_event *ev)
{
	size_t i;

	for (i = 0; i < f->conf->n_links; i++) {
		const struct ip6_prefix *p = &f->conf->links[i].host_prefixes;

		if (p->len && ip6_prefix_has(p, &ev->route.dst))
			return ev->route.protocol == HOSTLINK_PROTOCOL &&
			       ev->route.dst_len == 64;
	}
	return false;
}

static void add_route(struct flush *f, const struct rtnl_event *ev)
{
	struct in6_addr *grown = reallocarray(f->routes, f->n_routes + 1,
					      sizeof(*grown));

	if (!grown)
		return;
	f->routes = grown;
	f->routes[f->n_routes++] = ev->route.dst;
}

static void on_flush_event(void *arg, const struct rtnl_event *ev)
{
	struct flush *f = arg;
	size_t i;

	if (ev->type == RTNL_ROUTE && is_hosts(f, ev))
		add_route(f, ev);
	for (i = 0; i < f->conf->n_links; i++) {
		struct kern_iface *iface = &f->ifaces[i];

		if (ev->type == RTNL_LINK && ev->link.has_mac &&
		    !strcmp(ev->link.name, f->conf->links[i].name)) {
			iface->ifindex = ev->ifindex;
			memcpy(iface->name, ev->link.name, IFNAMSIZ);
			memcpy(iface->mac, ev->link.mac, sizeof(iface->mac));
		} else if (ev->type == RTNL_ADDR &&
			   ev->ifindex == iface->ifindex &&
			   IN6_IS_ADDR_LINKLOCAL(&ev->addr.addr)) {
			iface->lladdr = ev->addr.addr;
		}
	}
}

static void flush_one(const struct ha_conf *conf, const struct ha_link *link,
		      const struct kern_iface *iface, int packet_fd)
{
	struct ra_conf rc = to_ra(conf, link);
	struct advert ad = { .iface = iface, .packet_fd = packet_fd };
	struct timers timers;

	if (!link->advertise || IN6_IS_ADDR_UNSPECIFIED(&iface->lladdr))
		return;
	timers_init(&timers);
	ra_init(&ad.ra, &ops, &ad, &timers, &rc);
	memcpy(ad.ra.slla, iface->mac, sizeof(ad.ra.slla));
	ra_final(&ad.ra);
	ra_fini(&ad.ra);
	timers_fini(&timers);
	log_info("home link %s: hosts are told that this is their router no "
		 "more", iface->name);
}

static int flush_links(struct flush *f)
{
	struct rtnl *rtnl;
	int fd, err = rtnl_open(&rtnl, on_flush_event, f);
	size_t i;

	if (err < 0)
		return err;
	err = rtnl_dump_links(rtnl);
	if (!err)
		err = rtnl_dump_addrs(rtnl);
	if (!err)
		err = rtnl_dump_routes(rtnl);
	for (i = 0; i < f->n_routes; i++)
		rtnl_route_del(rtnl, 0, &f->routes[i], 64, HOSTLINK_PROTOCOL);
	rtnl_close(rtnl);
	fd = err ? err : packet_open();
	if (fd < 0)
		return fd;
	for (i = 0; i < f->conf->n_links; i++)
		flush_one(f->conf, &f->conf->links[i], &f->ifaces[i], fd);
	close(fd);
	return 0;
}

int advert_flush(const struct ha_conf *conf)
{
	struct flush f = {
		.conf = conf,
		.ifaces = calloc(conf->n_links + 1, sizeof(*f.ifaces)),
	};
	int err = -ENOMEM;

	if (f.ifaces && sodium_init() >= 0)
		err = flush_links(&f);
	free(f.ifaces);
	free(f.routes);
	if (err < 0)
		log_err("router advertisements: %s", strerror(-err));
	return err;
}
