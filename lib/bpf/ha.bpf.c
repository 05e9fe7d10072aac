// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The home agent's data plane: takes signalling, tunnels what is for a mobile
 * node that is away, forwards what comes out of its tunnel.
 */
#include "bpf/common.bpf.h"

#include <linux/types.h>

enum { FAMILY_INET6 = 10 };

/* A packet of which the daemon makes fragments. */
static __always_inline int take_whole(struct __sk_buff *skb,
				      const struct ip6h *h, __u16 mtu)
{
	__u32 len = sizeof(*h) + bpf_ntohs(h->len);

	if (skb->gso_size || len > MIN_MTU)
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
	__u32 len = segment_len(skb, ETH_HLEN, h);
	bool shrink = b->mtu && len > b->mtu && len <= MIN_MTU;

	/* The stack answers a hop limit that ends here. */
	if ((forwarded && h->hops <= 1) || truncated(skb, ETH_HLEN, h))
		return TC_ACT_OK;
	if (b->mtu && len > b->mtu && !shrink)
		return too_big(skb, ETH_HLEN, h, b->mtu < MIN_MTU ? MIN_MTU :
								    b->mtu);
	if (forwarded && hops_set(skb, ETH_HLEN, h, h->hops - 1))
		return drop(DP_STAT_DROP_ADJUST);
	if (shrink && !may_shrink(skb, h))
		return take_whole(skb, h, b->mtu + sizeof(*h));
	return tunnel(skb, b, h, shrink);
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
static __always_inline int forward(struct __sk_buff *skb, struct ip6h *in)
{
	struct bpf_fib_lookup fib = {
		.family = FAMILY_INET6,
		.ifindex = skb->ifindex,
		.tot_len = segment_len(skb, ETH_HLEN, in),
		.flowinfo = in->vtf & bpf_htonl(0x0fffffff),
	};

	if (in->hops <= 1)
		return to_stack(skb, in);
	__builtin_memcpy(fib.ipv6_src, &in->src, sizeof(fib.ipv6_src));
	__builtin_memcpy(fib.ipv6_dst, &in->dst, sizeof(fib.ipv6_dst));
	if (bpf_fib_lookup(skb, &fib, sizeof(fib), 0))
		return to_stack(skb, in);
	if (hops_set(skb, ETH_HLEN, in, in->hops - 1))
		return drop(DP_STAT_DROP_ADJUST);
	return bpf_redirect_neigh(fib.ifindex, NULL, 0, 0);
}

/* RFC 6275 10.4.5: a packet reverse-tunnelled to us. */
static __always_inline int on_tunnel(struct __sk_buff *skb,
				     const struct ip6h *h)
{
	struct dp_binding *b, *other;
	struct ip6h in;
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
	used(&b->rx_packets, &b->rx_bytes, &b->last_used, n,
	     sizeof(in) + bpf_ntohs(in.len));
	count_n(DP_STAT_DECAP, n);
	other = binding_find(&in.dst);
	if (!other)
		return forward(skb, &in);
	count_n(DP_STAT_HAIRPIN, n);
	return to_mobile(skb, &in, other, true);
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
	if (bpf_map_lookup_elem(&addrs, &h.dst)) {
		if (h.next == NEXT_IPV6)
			return on_tunnel(skb, &h);
		return on_ours(skb, &h);
	}
	b = binding_find(&h.dst);
	return b ? intercept(skb, &h, b) : TC_ACT_OK;
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

char LICENSE[] SEC("license") = "GPL";
