// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mobile node's data plane: takes signalling, hands what comes through
 * the tunnel to kedge0, sends what leaves kedge0 into the tunnel.
 */
#include "bpf/common.bpf.h"

const volatile struct dp_config config = { 0 };

/*
 * RFC 6275 11.3.3: from the home agent of this HoA, to its care-of address.
 * What is not for a HoA is another tunnel's: the stack's, which drops it where
 * there is no such tunnel.
 */
static __always_inline int on_tunnel(struct __sk_buff *skb,
				     const struct ip6h *h)
{
	struct dp_binding *b;
	struct ip6h in;
	__u32 n;
	int act;

	if (!inner_load(skb, h, &in))
		return drop(DP_STAT_DROP_INNER);
	b = binding_find(&in.dst);
	if (!b) {
		count(DP_STAT_PASS_TUNNEL);
		return TC_ACT_OK;
	}
	if (!addr_eq(&b->remote, &h->src))
		return drop(DP_STAT_DROP_WRONG_HA);
	if (!addr_eq(&b->local, &h->dst))
		return drop(DP_STAT_DROP_WRONG_COA);
	act = pop(skb, h, &in);
	if (act)
		return act;
	if (hops_not_on_link(skb, &in))
		return drop(DP_STAT_DROP_ADJUST);
	n = segments(skb);
	used(b, &b->rx_packets, &b->rx_bytes, n,
	     sizeof(in) + bpf_ntohs(in.len), bpf_ktime_get_coarse_ns());
	count_n(DP_STAT_DECAP, n);
	/* kedge0 has no Ethernet header: the kernel takes it off. */
	return bpf_redirect(config.tun_ifindex, BPF_F_INGRESS);
}

SEC("tc")
int kedge_mn_in(struct __sk_buff *skb)
{
	struct ip6h h;

	if (!ip6_load(skb, ETH_HLEN, &h) || skb->pkt_type != PACKET_HOST ||
	    !may_be_signal(&h) || !bpf_map_lookup_elem(&addrs, &h.dst))
		return TC_ACT_OK;
	if (h.next == NEXT_IPV6)
		return on_tunnel(skb, &h);
	return on_ours(skb, &h);
}

/*
 * RFC 6275 11.5.5: a mobile node that comes home does no DAD for its home
 * address, which the home agent still defends. The stack does not know.
 */
SEC("tc")
int kedge_mn_out(struct __sk_buff *skb)
{
	struct in6_addr target;
	struct ip6h h;

	if (!ip6_load(skb, ETH_HLEN, &h) || !addr_unspecified(&h.src) ||
	    icmp_type(skb, &h) != ND_NS || !ns_target(skb, &target) ||
	    !bpf_map_lookup_elem(&bindings, &target))
		return TC_ACT_OK;
	return drop(DP_STAT_DAD_SUPPRESSED);
}

static __always_inline int to_daemon(void)
{
	count(DP_STAT_TO_DAEMON);
	return TC_ACT_OK;
}

/* Into the tunnel of b, and out; the packet has an Ethernet header. */
static __always_inline int tunnel(struct __sk_buff *skb, struct dp_binding *b,
				  const struct ip6h *h, bool shrink)
{
	__u32 len = sizeof(*h) + bpf_ntohs(h->len), n = segments(skb);
	struct ip6h outer;

	outer_header(&outer, b, h);
	if (len > 0xffff || trim(skb, ETH_HLEN, h) || push_room(skb, shrink) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, &outer, sizeof(outer),
				BPF_F_RECOMPUTE_CSUM))
		return drop(DP_STAT_DROP_ADJUST);
	if (bpf_redirect_neigh(b->ifindex, NULL, 0, 0) != TC_ACT_REDIRECT)
		return drop(DP_STAT_DROP_NO_ROUTE);
	used(b, &b->tx_packets, &b->tx_bytes, n, len,
	     bpf_ktime_get_coarse_ns());
	count_n(DP_STAT_ENCAP, n);
	return TC_ACT_REDIRECT;
}

/*
 * What leaves kedge0. Its hop limit stays: the mobile node is its origin, no
 * forwarding node (RFC 2473 3.1).
 */
SEC("tc")
int kedge_mn_tun(struct __sk_buff *skb)
{
	struct dp_binding *b;
	struct ip6h h;
	bool shrink;
	__u32 len;

	if (!ip6_load(skb, 0, &h))
		return TC_ACT_OK;
	b = bpf_map_lookup_elem(&bindings, &h.src);
	if (!b || !(b->flags & DP_BINDING_UP) || !b->ifindex)
		return to_daemon();
	len = segment_len(skb, 0, &h);
	shrink = b->mtu && len > b->mtu && len <= MIN_MTU;
	if (shrink && !may_shrink(skb, &h))
		return to_daemon();
	if (b->mtu && len > b->mtu && !shrink)
		return too_big(skb, 0, &h, inner_mtu(b->mtu + sizeof(h)));
	if (bpf_skb_change_head(skb, ETH_HLEN, 0))
		return drop(DP_STAT_DROP_ADJUST);
	return tunnel(skb, b, &h, shrink);
}

char LICENSE[] SEC("license") = "GPL";
