// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The home agent's data plane: takes signalling, tunnels what is for a mobile
 * node that is away, forwards what comes out of its tunnel.
 */
#include "bpf/common.bpf.h"

#include <linux/types.h>

enum {
	FAMILY_INET6 = 10,
	EPOCH_SHIFT = 32,	/* of ns: 4.3 s */
	ASKED_BITS = 10,
	ASKED = 1 << ASKED_BITS,
};

#define HASH_FACTOR 0x9e3779b1	/* 2^32 by the golden ratio */

/* The daemon's: another number when routes, neighbours or a path's MTU have
 * changed. */
__u32 route_generation;

/* The loader's: how many routes a processor remembers, 1 << route_bits, and
 * random keys. */
const volatile __u32 route_bits = 0;
const volatile __u64 route_keys[DP_ROUTE_KEYS] = { 0 };

/*
 * A route as it was looked up, neighbour included. Of its source and
 * destination a hash of 64 bits under secret keys: two in a line of the cache,
 * and nobody finds another pair of addresses that has it.
 */
struct route {
	__u64 hash;
	__u32 ifindex;
	__u32 tag;		/* until when: route_tag() */
	__u16 mtu;
	__u8 dmac[ETH_ALEN], smac[ETH_ALEN];
	__u16 pad;
};

/* Each processor has its part. Mapped, that is, in line with pages. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct route);
} routes SEC(".maps");

/* Neighbours asked for: an epoch, and part of the link-layer address. All
 * processors', as XDP may be on one and what it leaves to tc on another. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ASKED);
	__type(key, __u32);
	__type(value, __u32);
} asked SEC(".maps");

/*
 * Multilinear hashing: of each sum modulo 2^64 the upper half is universal. The
 * interface counts for policy rules, and for links' scopes.
 */
static __always_inline __u64 route_hash(__u32 ifindex,
					const struct in6_addr *src,
					const struct in6_addr *dst)
{
	__u64 high = route_keys[16] * ifindex, low = route_keys[17] * ifindex;
	int i;

	for (i = 0; i < 4; i++) {
		high += route_keys[i] * src->s6_addr32[i];
		high += route_keys[i + 4] * dst->s6_addr32[i];
		low += route_keys[i + 8] * src->s6_addr32[i];
		low += route_keys[i + 12] * dst->s6_addr32[i];
	}
	return (high & 0xffffffff00000000) | low >> 32;
}

/* Either of two neighbouring places may have it. */
static __always_inline struct route *route_place(__u64 hash, __u32 other)
{
	__u32 key = ((__u32)hash >> (32 - route_bits)) ^ other;

	key += bpf_get_smp_processor_id() << route_bits;
	return bpf_map_lookup_elem(&routes, &key);
}

/* So long a route is taken for right without the daemon's saying so. */
static __always_inline __u32 epoch(__u64 now)
{
	return now >> EPOCH_SHIFT;
}

static __always_inline __u32 route_tag(__u64 now)
{
	return epoch(now) + route_generation * HASH_FACTOR;
}

/*
 * The first packet to a neighbour in an epoch goes by the neighbour machinery,
 * which a look-up leaves alone: it sees to it that the neighbour is still there
 * (RFC 4861 7.3). XDP, which cannot, only looks.
 */
static __always_inline bool neighbour_due(const __u8 *mac, __u64 now, bool xdp)
{
	__u32 low = *(__u16 *)mac << 16 ^ *(__u16 *)(mac + 2) << 8 ^
		    *(__u16 *)(mac + 4);
	__u32 key = low * HASH_FACTOR >> (32 - ASKED_BITS);
	__u32 *at = bpf_map_lookup_elem(&asked, &key);

	low ^= epoch(now) << 16;
	if (!at || *at == low)
		return false;
	if (!xdp)
		*at = low;
	return true;
}

/*
 * The kernel's routes, policy rules and neighbours, with the path's MTU as it
 * knows it (ICMPv6 errors included). BPF_FIB_LKUP_RET_*.
 */
static __always_inline long route_ask(void *ctx, __u32 ifindex,
				      const struct in6_addr *src,
				      const struct in6_addr *dst,
				      __be32 vtf, __u32 len,
				      struct bpf_fib_lookup *fib)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->family = FAMILY_INET6;
	fib->ifindex = ifindex;
	fib->tot_len = len;
	fib->flowinfo = vtf & bpf_htonl(0x0fffffff);
	__builtin_memcpy(fib->ipv6_src, src, sizeof(fib->ipv6_src));
	__builtin_memcpy(fib->ipv6_dst, dst, sizeof(fib->ipv6_dst));
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
}

static __always_inline void route_keep(struct route *r, __u64 hash, __u32 tag,
				       const struct bpf_fib_lookup *fib)
{
	r->hash = hash;
	r->ifindex = fib->ifindex;
	r->tag = tag;
	r->mtu = fib->mtu_result;
	__builtin_memcpy(r->dmac, fib->dmac, ETH_ALEN);
	__builtin_memcpy(r->smac, fib->smac, ETH_ALEN);
}

/* What the look-up came to. */
struct way {
	__u32 ifindex;
	__u32 mtu;		/* BPF_FIB_LKUP_RET_FRAG_NEEDED: the path's */
	bool resolve;		/* the neighbour is to be asked for first */
	struct ethhdr eth;
};

/*
 * The way from src to dst for a packet of len bytes, IPv6 header included.
 * What was looked up within this epoch is not looked up again.
 */
static __always_inline long route(void *ctx, __u32 ifindex,
				  const struct in6_addr *src,
				  const struct in6_addr *dst, __be32 vtf,
				  __u32 len, __u64 now, bool xdp,
				  struct way *way)
{
	__u64 hash = route_hash(ifindex, src, dst);
	struct route *r = route_place(hash, 0);
	struct route *r2 = route_place(hash, 1);
	__u32 tag = route_tag(now);
	struct bpf_fib_lookup fib;
	long rc;

	if (!r || !r2)		/* there is no such processor */
		return BPF_FIB_LKUP_RET_UNREACHABLE;
	/* A group's address, were it left there, would have the packet dropped
	 * on its way through the neighbour machinery. */
	way->eth = (struct ethhdr){ .h_proto = bpf_htons(ETH_P_IPV6) };
	if (r->hash != hash && r->tag == tag)
		r = r2;		/* or the first one's place is free */
	if (r->hash != hash || r->tag != tag || len > r->mtu) {
		rc = route_ask(ctx, ifindex, src, dst, vtf, len, &fib);
		way->ifindex = fib.ifindex;
		way->mtu = fib.mtu_result;
		way->resolve = rc == BPF_FIB_LKUP_RET_NO_NEIGH;
		if (rc)
			return rc;
		route_keep(r, hash, tag, &fib);
	}
	way->ifindex = r->ifindex;
	__builtin_memcpy(way->eth.h_dest, r->dmac, ETH_ALEN);
	__builtin_memcpy(way->eth.h_source, r->smac, ETH_ALEN);
	way->resolve = neighbour_due(r->dmac, now, xdp);
	return BPF_FIB_LKUP_RET_SUCCESS;
}

static __always_inline int leave(const struct way *way)
{
	return way->resolve ? bpf_redirect_neigh(way->ifindex, NULL, 0, 0) :
	       bpf_redirect(way->ifindex, 0);
}

/* What a packet gets in front of its addresses. A checksum that the device has
 * made of it follows; the Ethernet header is none of it. */
struct head {
	struct ip6h outer;
	__u64 inner;		/* to the hop limit */
};

enum { INNER_LEN = sizeof(__u64) };

/* A packet of which the daemon makes fragments. */
static __always_inline int take_whole(struct __sk_buff *skb, struct ip6h *h,
				      __u16 mtu)
{
	__u32 len = sizeof(*h) + bpf_ntohs(h->len);

	if (skb->gso_size || len > MIN_MTU ||
	    hops_set(skb, ETH_HLEN, h, h->hops))
		return drop(DP_STAT_DROP_ADJUST);
	if (!emit(skb, ETH_HLEN, len, EMIT_TYPE(DP_REC_FRAGMENT, mtu)))
		count(DP_STAT_TO_DAEMON);
	return TC_ACT_SHOT;
}

/*
 * RFC 6275 10.4.1: a packet for a host that is away. forwarded: we are a
 * router on its way, so its hop limit is ours to count down (RFC 2473 3.1).
 */
static __always_inline int to_mobile(struct __sk_buff *skb, struct ip6h *h,
				     struct dp_binding *b, bool forwarded)
{
	__u32 len = sizeof(*h) + bpf_ntohs(h->len), n = segments(skb);
	__u32 seg = segment_len(skb, ETH_HLEN, h);
	__u64 now = bpf_ktime_get_coarse_ns();
	bool shrink = false;
	struct head head;
	struct way way;
	long rc;

	/* The stack answers a hop limit that ends here. */
	if ((forwarded && h->hops <= 1) || truncated(skb, ETH_HLEN, h))
		return TC_ACT_OK;
	rc = route(skb, skb->ifindex, &b->local, &b->remote, h->vtf,
		   seg + sizeof(*h), now, false, &way);
	if (rc == BPF_FIB_LKUP_RET_FRAG_NEEDED && seg > MIN_MTU)
		return too_big(skb, ETH_HLEN, h, inner_mtu(way.mtu));
	h->hops -= forwarded;
	if (rc == BPF_FIB_LKUP_RET_FRAG_NEEDED && !may_shrink(skb, h))
		return take_whole(skb, h, way.mtu);
	if (rc == BPF_FIB_LKUP_RET_FRAG_NEEDED) {
		shrink = true;
		rc = route(skb, skb->ifindex, &b->local, &b->remote, h->vtf,
			   way.mtu, now, false, &way);
	}
	if (rc != BPF_FIB_LKUP_RET_SUCCESS && rc != BPF_FIB_LKUP_RET_NO_NEIGH)
		return drop(DP_STAT_DROP_NO_ROUTE);
	if (len > 0xffff - sizeof(*h) || trim(skb, ETH_HLEN, h) ||
	    push_room(skb, shrink))
		return drop(DP_STAT_DROP_ADJUST);
	outer_header(&head.outer, b, h);
	head.inner = *(__u64 *)h;
	if (bpf_skb_store_bytes(skb, 0, &way.eth, sizeof(way.eth), 0) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, &head, sizeof(head),
				BPF_F_RECOMPUTE_CSUM))
		return drop(DP_STAT_DROP_ADJUST);
	used(b, &b->tx_packets, &b->tx_bytes, n, len, now);
	count_n(DP_STAT_ENCAP, n);
	return leave(&way);
}

/* A packet that arrived for a bound HoA. */
static __always_inline int intercept(struct __sk_buff *skb, struct ip6h *h,
				     struct dp_binding *b)
{
	__u8 type = icmp_type(skb, h);
	struct in6_addr target;

	if (type == ND_NS && ns_target(skb, &target) && binding_find(&target))
		return take_ns(skb, h);
	/* RFC 6275 10.4.2: link-local traffic is not tunnelled. */
	if (is_nd(type) || addr_link_local(&h->src))
		return TC_ACT_OK;
	return to_mobile(skb, h, b, true);
}

/* RFC 6275 10.4.1: the home agent answers solicitations for a bound HoA. */
static __always_inline int on_multicast(struct __sk_buff *skb,
					const struct ip6h *h)
{
	struct in6_addr target;

	if (h->dst.s6_addr32[0] != bpf_htonl(0xff020000) ||
	    h->dst.s6_addr32[1] || h->dst.s6_addr32[2] != bpf_htonl(1) ||
	    h->dst.s6_addr[12] != 0xff || icmp_type(skb, h) != ND_NS ||
	    !ns_target(skb, &target) || !binding_find(&target))
		return TC_ACT_OK;
	return take_ns(skb, h);
}

/* Out of a tunnel and on to the stack, which routes or answers it. */
static __always_inline int to_stack(struct __sk_buff *skb, struct ip6h *in)
{
	if (hops_not_on_link(skb, in))
		return drop(DP_STAT_DROP_ADJUST);
	return TC_ACT_OK;
}

/*
 * Straight out where the route and the next hop are known; the rest (local,
 * too big, no neighbour yet, unreachable, hop limit at its end) is the
 * stack's to handle and to answer.
 */
static __always_inline int forward(struct __sk_buff *skb, struct ip6h *in,
				   __u64 now)
{
	struct way way;
	__u64 head;		/* to the hop limit */

	if (in->hops <= 1 ||
	    route(skb, skb->ifindex, &in->src, &in->dst, in->vtf,
		  segment_len(skb, ETH_HLEN, in), now, false, &way))
		return to_stack(skb, in);
	in->hops--;
	head = *(__u64 *)in;
	if (bpf_skb_store_bytes(skb, 0, &way.eth, sizeof(way.eth), 0) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, &head, INNER_LEN,
				BPF_F_RECOMPUTE_CSUM))
		return drop(DP_STAT_DROP_ADJUST);
	return leave(&way);
}

/* From one mobile node to another, both of them ours. */
static __always_inline int hairpin(struct __sk_buff *skb, struct ip6h *in,
				   struct dp_binding *other, __u32 n)
{
	count_n(DP_STAT_HAIRPIN, n);
	return to_mobile(skb, in, other, true);
}

/* RFC 6275 10.4.5: a packet reverse-tunnelled to us. */
static __always_inline int on_tunnel(struct __sk_buff *skb,
				     const struct ip6h *h)
{
	struct dp_binding *b, *other;
	struct ip6h in;
	__u64 now = bpf_ktime_get_coarse_ns();
	__u32 n;
	int act;

	if (!inner_load(skb, h, &in))
		return drop(DP_STAT_DROP_INNER);
	/* RFC 6275 10.4.2: neither is forwarded; MLD is not done, 10.4.3 */
	if (addr_link_local(&in.dst) || addr_link_multicast(&in.dst))
		return drop(DP_STAT_DROP_LINK_SCOPE);
	b = binding_find(&in.src);
	if (!b)
		return drop(DP_STAT_DROP_NO_BINDING);
	if (!addr_eq(&b->remote, &h->src))
		return drop(DP_STAT_DROP_WRONG_COA);
	if (!addr_eq(&b->local, &h->dst))
		return drop(DP_STAT_DROP_WRONG_HA);
	act = pop(skb, h, &in);
	if (act)
		return act;
	n = segments(skb);
	count_n(DP_STAT_DECAP, n);
	other = binding_find(&in.dst);
	if (other)
		act = hairpin(skb, &in, other, n);
	else
		act = forward(skb, &in, now);
	used(b, &b->rx_packets, &b->rx_bytes, n,
	     sizeof(in) + bpf_ntohs(in.len), now);
	return act;
}

SEC("tc")
int kedge_ha_in(struct __sk_buff *skb)
{
	struct dp_binding *b;
	struct ip6h h;

	if (!ip6_load(skb, ETH_HLEN, &h))
		return TC_ACT_OK;
	if (addr_multicast(&h.dst))
		return on_multicast(skb, &h);
	/* Another host's frame, seen because of promiscuous mode. */
	if (skb->pkt_type != PACKET_HOST)
		return TC_ACT_OK;
	if (h.next == NEXT_IPV6 && bpf_map_lookup_elem(&addrs, &h.dst))
		return on_tunnel(skb, &h);
	b = binding_find(&h.dst);
	if (b)
		return intercept(skb, &h, b);
	if (!may_be_signal(&h) || !bpf_map_lookup_elem(&addrs, &h.dst))
		return TC_ACT_OK;
	return on_ours(skb, &h);
}

/*
 * XDP: the same for the packets that are plain in every way, before the kernel
 * has made an skb of them. All others are passed on, and end in the program
 * above; so what is refused is refused and counted there.
 */

/* Interfaces that were seen to send what is redirected to them. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u32);
} outputs SEC(".maps");

/* Their own link-layer addresses: other hosts' frames come where an interface
 * is promiscuous. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct dp_mac);
} macs SEC(".maps");

static __always_inline bool xdp_for_us(struct xdp_md *ctx)
{
	__u32 ifindex = ctx->ingress_ifindex;
	struct dp_mac *mac = bpf_map_lookup_elem(&macs, &ifindex);
	__u16 *to = (__u16 *)(long)ctx->data;

	return mac && (void *)(to + 3) <= (void *)(long)ctx->data_end &&
	       to[0] == mac->part[0] && to[1] == mac->part[1] &&
	       to[2] == mac->part[2];
}

/* NULL: none, or one with padding behind it. */
static __always_inline struct ip6h *xdp_ip6(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct ip6h *h = (void *)(eth + 1);
	void *end = (void *)(long)ctx->data_end;

	if ((void *)(h + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6) ||
	    !is_ip6(h) || end - (void *)(h + 1) != bpf_ntohs(h->len))
		return NULL;
	return h;
}

/* A way that can be taken at once. */
static __always_inline bool xdp_route(struct xdp_md *ctx,
				      const struct in6_addr *src,
				      const struct in6_addr *dst, __be32 vtf,
				      __u32 len, __u64 now, struct way *way)
{
	return !route(ctx, ctx->ingress_ifindex, src, dst, vtf, len, now,
		      true, way) &&
	       !way->resolve &&
	       bpf_redirect_map(&outputs, way->ifindex, 0) == XDP_REDIRECT;
}

static __always_inline int xdp_encap(struct xdp_md *ctx, const struct ip6h *p,
				     struct dp_binding *b)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	__u32 len = sizeof(*p) + bpf_ntohs(p->len);
	struct ip6h h = *p;
	struct head *to;
	struct ethhdr *eth;
	struct head head;
	struct way way;

	outer_header(&head.outer, b, &h);
	/* Neighbour Discovery is among ICMPv6 */
	if (!xdp_for_us(ctx) || h.hops <= 1 || h.next == NEXT_ICMPV6 ||
	    addr_link_local(&h.src) || len > 0xffff - sizeof(h) ||
	    !xdp_route(ctx, &head.outer.src, &head.outer.dst, h.vtf,
		       len + sizeof(h), now, &way) ||
	    bpf_xdp_adjust_head(ctx, -(int)sizeof(h)))
		return XDP_PASS;
	eth = (void *)(long)ctx->data;
	to = (void *)(eth + 1);
	if ((void *)(to + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	h.hops--;
	head.inner = *(__u64 *)&h;
	*eth = way.eth;
	*to = head;
	used(b, &b->tx_packets, &b->tx_bytes, 1, len, now);
	count(DP_STAT_ENCAP);
	count(DP_STAT_BY_XDP);
	return XDP_REDIRECT;
}

/* What is odd about a tunnel packet, program kedge_ha_in looks into. */
static __always_inline bool xdp_inner(struct xdp_md *ctx, const struct ip6h *h,
				      struct ip6h *in)
{
	const struct ip6h *p = h + 1;

	if ((void *)(p + 1) > (void *)(long)ctx->data_end)
		return false;
	*in = *p;
	return is_ip6(in) && in->hops > 1 &&
	       bpf_ntohs(h->len) == sizeof(*in) + bpf_ntohs(in->len) &&
	       ecn(h) == ecn(in) && !addr_link_local(&in->dst) &&
	       !addr_multicast(&in->dst);
}

static __always_inline int xdp_decap(struct xdp_md *ctx, const struct ip6h *h)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	struct dp_binding *b;
	struct ethhdr *eth;
	struct ip6h in, *out;
	struct way way;
	__u32 len;

	if (!xdp_for_us(ctx) || !xdp_inner(ctx, h, &in))
		return XDP_PASS;
	len = sizeof(in) + bpf_ntohs(in.len);
	b = binding_find(&in.src);
	if (!b || !addr_eq(&b->remote, &h->src) ||
	    !addr_eq(&b->local, &h->dst) || binding_find(&in.dst) ||
	    !xdp_route(ctx, &in.src, &in.dst, in.vtf, len, now, &way) ||
	    bpf_xdp_adjust_head(ctx, sizeof(in)))
		return XDP_PASS;
	eth = (void *)(long)ctx->data;
	out = (void *)(eth + 1);
	if ((void *)(out + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	*eth = way.eth;
	out->hops = in.hops - 1;
	used(b, &b->rx_packets, &b->rx_bytes, 1, len, now);
	count(DP_STAT_DECAP);
	count(DP_STAT_BY_XDP);
	return XDP_REDIRECT;
}

SEC("xdp")
int kedge_ha_xdp(struct xdp_md *ctx)
{
	struct ip6h *p = xdp_ip6(ctx);
	struct dp_binding *b;
	struct in6_addr dst;

	if (!p || addr_multicast(&p->dst))
		return XDP_PASS;
	dst = p->dst;
	if (p->next == NEXT_IPV6 && bpf_map_lookup_elem(&addrs, &dst))
		return xdp_decap(ctx, p);
	b = binding_find(&dst);
	return b ? xdp_encap(ctx, p, b) : XDP_PASS;
}

/* A Neighbour Advertisement as it stands in the packet (RFC 4861 4.4). */
struct na {
	__u8 type, code;
	__be16 csum;
	__be32 flags;
	struct in6_addr target;
	__u8 opt_type, opt_len;
	__u8 mac[ETH_ALEN];
};

#define NA_SOLICITED_OVERRIDE 0x60000000

enum { OPT_SLLA = 1, OPT_TLLA = 2 };

static __always_inline __be16 na_csum(const struct ip6h *h, const struct na *na)
{
	struct {
		struct in6_addr src, dst;
		__be32 len, next;
		struct na na;
	} sum = {
		.src = h->src, .dst = h->dst,
		.len = bpf_htonl(sizeof(*na)),
		.next = bpf_htonl(NEXT_ICMPV6),
		.na = *na,
	};
	__s64 diff = bpf_csum_diff(NULL, 0, (__be32 *)&sum, sizeof(sum), 0);
	__u32 s = diff;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return ~s;
}

/*
 * RFC 6275 10.4.2: the router's own packets to a bound HoA are tunnelled as
 * well, but the stack first wants to know whose link-layer address it is. Its
 * solicitation is turned into our answer, with the router's own address.
 */
static __noinline int answer_ns(struct __sk_buff *skb, struct ip6h *h)
{
	struct na na;

	/* Without a source it is DAD, which is not ours to answer here. */
	if (addr_unspecified(&h->src) ||
	    skb->len != ETH_HLEN + sizeof(*h) + sizeof(na) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(*h), &na, sizeof(na)) ||
	    na.opt_type != OPT_SLLA || na.opt_len != 1)
		return TC_ACT_OK;
	na.type = ND_NA;
	na.csum = 0;
	na.flags = bpf_htonl(NA_SOLICITED_OVERRIDE);
	na.opt_type = OPT_TLLA;
	h->dst = h->src;
	h->src = na.target;
	na.csum = na_csum(h, &na);
	if (bpf_skb_store_bytes(skb, ETH_HLEN, h, sizeof(*h),
				BPF_F_RECOMPUTE_CSUM) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN + sizeof(*h), &na, sizeof(na),
				BPF_F_RECOMPUTE_CSUM) ||
	    bpf_skb_store_bytes(skb, 0, na.mac, ETH_ALEN, 0))
		return drop(DP_STAT_DROP_ADJUST);
	return bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

SEC("tc")
int kedge_ha_out(struct __sk_buff *skb)
{
	struct in6_addr target;
	struct dp_binding *b;
	struct ip6h h;
	__u8 type;

	if (!ip6_load(skb, ETH_HLEN, &h))
		return TC_ACT_OK;
	/* Tunnelled here already: a CoA that is itself a bound HoA must not
	 * be tunnelled again. */
	if (h.next == NEXT_IPV6 && bpf_map_lookup_elem(&addrs, &h.src))
		return TC_ACT_OK;
	type = icmp_type(skb, &h);
	if (type == ND_NS && ns_target(skb, &target) && binding_find(&target))
		return answer_ns(skb, &h);
	if (is_nd(type) || addr_link_local(&h.src))
		return TC_ACT_OK;
	b = binding_find(&h.dst);
	return b ? to_mobile(skb, &h, b, false) : TC_ACT_OK;
}

/*
 * A binding that goes on as it is, refreshed: in place, where to look it up,
 * make another one of it and have the kernel exchange them costs several times
 * as much and loses what is counted meanwhile. No packet's way reads what is
 * written here. Not 0: it is no such case.
 */
SEC("syscall")
int kedge_ha_renew(struct dp_renewal *in)
{
	struct dp_binding *b, new = in->binding;
	struct in6_addr hoa = in->hoa;

	b = bpf_map_lookup_elem(&bindings, &hoa);
	if (!b || b->flags != new.flags || b->mtu != new.mtu ||
	    b->ifindex != new.ifindex || !addr_eq(&b->remote, &new.remote) ||
	    !addr_eq(&b->local, &new.local))
		return 1;
	b->lifetime = new.lifetime;
	b->expires = new.expires;
	b->created = new.created;
	b->seq = new.seq;
	b->bu_flags = new.bu_flags;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
