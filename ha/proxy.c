/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/proxy.h"

#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "ha/dad.h"
#include "ha/slow.h"
#include "proto/nd.h"
#include "sys/raw.h"

enum {
	ND_HOP_LIMIT = 255,
	IID_AT = 8,		/* the interface identifier, RFC 4291 2.5.1 */
	SUBNET_LEN = 64,
};

static const struct in6_addr all_nodes = {
	.s6_addr = { 0xff, 0x02, [15] = 0x01 } };
static const uint8_t all_nodes_mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };

struct kern_iface *proxy_iface_of(struct kern *k, int link)
{
	struct kern_iface *iface;

	for (iface = k->ifaces; iface; iface = iface->next)
		if (iface->link == link)
			return iface;
	return NULL;
}

/* Link-local addresses: where the L flag is set, the home address's interface
 * identifier behind fe80::/64 (RFC 6275 10.3.1). */

static bool is_with_lla(const struct binding *b)
{
	return b->reg.flags & MH_BU_L && !b->reg.home;
}

/* The home address that prefix and the link-local address's identifier make. */
static struct in6_addr hoa_of(const struct bcache_prefix *prefix,
			      const struct in6_addr *lla)
{
	struct in6_addr hoa = prefix->prefix.addr;

	memcpy(&hoa.s6_addr[IID_AT], &lla->s6_addr[IID_AT],
	       sizeof(hoa) - IID_AT);
	return hoa;
}

/* The binding that a link-local address on a home link is defended for; not
 * except's, if that is not NULL. */
static bool find_by_lla(const struct kern *k, int link,
			const struct in6_addr *lla,
			const struct in6_addr *except, struct binding *out)
{
	const struct bcache_conf *bc = &k->bcache.conf;
	size_t i;

	for (i = 0; i < bc->n_prefixes; i++) {
		struct in6_addr hoa = hoa_of(&bc->prefixes[i], lla);

		if (bc->prefixes[i].link == link &&
		    bc->prefixes[i].prefix.len >= SUBNET_LEN &&
		    !(except && ip6_addr_eq(except, &hoa)) &&
		    bcache_find_bound(&k->bcache, &hoa, out) &&
		    out->link == link && is_with_lla(out))
			return true;
	}
	return false;
}

/* As the data plane has it: see bpf/maps.h. */
static struct in6_addr lla_key(const struct kern_iface *iface,
			       const struct in6_addr *hoa)
{
	struct in6_addr key = dad_link_local(hoa);

	memcpy(&key.s6_addr[4], &iface->ifindex, sizeof(iface->ifindex));
	return key;
}

/* Of no tunnel: the flag keeps packets out of it. */
static int lla_set(struct kern *k, const struct kern_iface *iface,
		   const struct binding *b)
{
	struct in6_addr key = lla_key(iface, &b->hoa);
	struct dp_binding d = { .flags = DP_BINDING_DELETED };
	int err = dp_binding_set(k->dp, &key, &d);

	if (err < 0)
		log_err("binding HoA %s: its link-local address: data plane: "
			"%s", ip6_str(&b->hoa), strerror(-err));
	return err;
}

/* Unless another home address of the same host is away with it. */
static void lla_del(struct kern *k, const struct kern_iface *iface,
		    const struct binding *b)
{
	struct in6_addr key = lla_key(iface, &b->hoa);
	struct in6_addr lla = dad_link_local(&b->hoa);
	struct binding other;

	if (!find_by_lla(k, b->link, &lla, &b->hoa, &other))
		dp_binding_del(k->dp, &key);
}

int proxy_claim(struct kern *k, const struct binding *b)
{
	const struct kern_iface *iface = proxy_iface_of(k, b->link);
	struct binding old;
	bool had = bcache_find_bound(&k->bcache, &b->hoa, &old) &&
		   is_with_lla(&old);

	if (!iface || had == is_with_lla(b))
		return 0;
	if (!had)
		return lla_set(k, iface, b);
	lla_del(k, iface, b);
	return 0;
}

void proxy_unclaim(struct kern *k, const struct binding *b)
{
	const struct kern_iface *iface = proxy_iface_of(k, b->link);

	if (iface && is_with_lla(b))
		lla_del(k, iface, b);
}

struct change {
	struct kern *k;
	const struct kern_iface *iface;
	bool gone;
};

static void change_one(void *arg, const struct binding *b)
{
	struct change *c = arg;

	if (b->link != c->iface->link || b->state != BINDING_BOUND ||
	    !is_with_lla(b))
		return;
	if (c->gone) {
		struct in6_addr key = lla_key(c->iface, &b->hoa);

		dp_binding_del(c->k->dp, &key);
	} else {
		lla_set(c->k, c->iface, b);
	}
}

void proxy_iface(struct kern *k, const struct kern_iface *iface, bool gone)
{
	struct change c = { k, iface, gone };

	if (iface->link >= 0)
		bcache_each(&k->bcache, change_one, &c);
}

/* Sending. */

/* RFC 6275 10.4.1: an address of the home agent on that interface. */
static const struct in6_addr *na_source(const struct kern_iface *iface,
					const struct binding *b)
{
	if (!IN6_IS_ADDR_UNSPECIFIED(&iface->ha))
		return &iface->ha;
	if (!IN6_IS_ADDR_UNSPECIFIED(&iface->lladdr))
		return &iface->lladdr;
	return &b->reg.ha;
}

/* msg is in pkt. */
static int nd_send(struct kern *k, const struct kern_iface *iface,
		   const uint8_t *mac, struct ip6_pkt *pkt, ssize_t msg_len)
{
	uint8_t packet[IP6_HDR_LEN + 64];
	ssize_t n = msg_len;

	if (n >= 0) {
		pkt->upper_len = (size_t)n;
		n = ip6_build(packet, sizeof(packet), pkt);
	}
	if (n >= 0)
		n = packet_send(k->packet_fd, iface->ifindex, mac, packet,
				(size_t)n);
	return n < 0 ? (int)n : 0;
}

static void na_send(struct kern *k, const struct kern_iface *iface,
		    const struct in6_addr *src, const struct in6_addr *dst,
		    const uint8_t *mac, struct nd_na *na)
{
	uint8_t msg[64];
	struct ip6_pkt pkt = {
		.src = *src,
		.dst = *dst,
		.hop_limit = ND_HOP_LIMIT,
		.proto = IP6_PROTO_ICMPV6,
		.upper = msg,
	};
	int err;

	na->has_tlla = true;
	memcpy(na->tlla, iface->mac, sizeof(na->tlla));
	err = nd_send(k, iface, mac, &pkt,
		      nd_na_build(msg, sizeof(msg), na, src, dst));
	if (err < 0)
		count_refusal(REASON_SEND_FAILED, "NA for HoA %s on %s: %s",
			      ip6_str(&na->target), iface->name,
			      strerror(-err));
	else
		count(COUNT_NA_SENT);
}

/* RFC 4862 5.4.2 */
void proxy_solicit(struct kern *k, const struct kern_iface *iface,
		   const struct in6_addr *target)
{
	const struct nd_ns ns = { .target = *target };
	uint8_t msg[64], mac[6] = { 0x33, 0x33 };
	struct ip6_pkt pkt = {
		.dst = nd_solicited_node(target),
		.hop_limit = ND_HOP_LIMIT,
		.proto = IP6_PROTO_ICMPV6,
		.upper = msg,
	};
	int err;

	memcpy(&mac[2], &pkt.dst.s6_addr[12], 4);
	err = nd_send(k, iface, mac, &pkt,
		      nd_ns_build(msg, sizeof(msg), &ns, &pkt.src, &pkt.dst));
	if (err < 0)
		count_refusal(REASON_SEND_FAILED, "NS for HoA %s on %s: %s",
			      ip6_str(target), iface->name, strerror(-err));
	else
		count(COUNT_DAD_PROBED);
}

/* RFC 3963 6.2: a mobile router is none to its home link but for that flag. */
static bool is_router(const struct binding *b)
{
	return b->reg.flags & MH_BU_R;
}

/* RFC 6275 10.4.1: S and R clear, O set, to all nodes. */
static void na_advertise(struct kern *k, const struct kern_iface *iface,
			 const struct binding *b,
			 const struct in6_addr *target)
{
	struct nd_na na = { .target = *target, .router = is_router(b),
			    .override = true };

	na_send(k, iface, na_source(iface, b), &all_nodes, all_nodes_mac, &na);
}

void proxy_advertise(void *arg, const struct binding *b)
{
	struct kern *k = arg;
	struct kern_iface *iface = proxy_iface_of(k, b->link);
	struct in6_addr lla = dad_link_local(&b->hoa);

	if (iface && iface->has_mac) {
		na_advertise(k, iface, b, &b->hoa);
		if (is_with_lla(b))
			na_advertise(k, iface, b, &lla);
	} else if (count_may_log(&k->links_told)) {
		log_warn("binding HoA %s: its home link %s is not there%s",
			 ip6_str(&b->hoa), k->conf->links[b->link].name,
			 count_left_out(&k->links_told));
	}
}

/*
 * RFC 6275 10.4.1, RFC 4861 7.2.4: R clear. O is clear too, RFC 4861 7.2.8:
 * all solicited proxy advertisements. To nobody in particular, it tells who
 * does DAD that the address is taken.
 */
static void na_answer(struct kern *k, const struct kern_iface *iface,
		      const struct binding *b, const struct in6_addr *target,
		      const struct in6_addr *asker)
{
	bool dad = IN6_IS_ADDR_UNSPECIFIED(asker);
	struct nd_na na = { .target = *target, .router = is_router(b),
			    .solicited = !dad };

	na_send(k, iface, na_source(iface, b), dad ? &all_nodes : asker,
		dad ? all_nodes_mac : k->rec->mac, &na);
}

/* Receiving. */

/* The binding that we have target on this interface for. */
static bool served(const struct kern *k, const struct kern_iface *iface,
		   const struct in6_addr *target, struct binding *out)
{
	if (!iface || iface->link < 0 || !iface->has_mac)
		return false;
	if (IN6_IS_ADDR_LINKLOCAL(target))
		return find_by_lla(k, iface->link, target, NULL, out);
	return bcache_find_bound(&k->bcache, target, out) &&
	       iface->link == out->link && !out->reg.home;
}

void proxy_on_ns(struct kern *k, const struct dp_rec *rec)
{
	struct kern_iface *iface = kern_iface_find(k, rec->ifindex);
	struct ip6_pkt pkt = {0};
	struct nd_ns ns = {0};
	struct binding b;
	enum reason reason = ip6_parse(&pkt, rec->data, rec->len);

	count(COUNT_NS_RECEIVED);
	if (!reason)
		reason = nd_ns_parse(&ns, &pkt);
	if (reason)
		count_refusal(reason, "NS for HoA %s from %s on %s",
			      ip6_str(&ns.target), ip6_str(&pkt.src),
			      iface ? iface->name : "?");
	else if (served(k, iface, &ns.target, &b))
		na_answer(k, iface, &b, &ns.target, &pkt.src);
}

/* RFC 6275 10.4.2: not tunnelled, and its sender is told so. */
void proxy_on_link_local(struct kern *k, const struct dp_rec *rec)
{
	const struct nd_error err = { ND_TYPE_UNREACHABLE, ND_UNREACH_ADDRESS,
				      0 };
	const struct kern_iface *iface = kern_iface_find(k, rec->ifindex);
	struct in6_addr src, dst;
	struct binding b;

	if (rec->len < IP6_HDR_LEN)
		return;
	memcpy(&src, rec->data + 8, sizeof(src));
	memcpy(&dst, rec->data + 24, sizeof(dst));
	if (served(k, iface, &dst, &b))
		slow_error(k, IN6_IS_ADDR_LINKLOCAL(&src) ? &iface->lladdr :
			   na_source(iface, &b), &err, rec->data, rec->len);
}
