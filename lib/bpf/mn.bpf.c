// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mobile node's data plane: takes signalling, hands what comes through
 * the tunnel to kedge0, sends what leaves kedge0 into the tunnel. Where a home
 * address has several ways (RFC 5648, RFC 6089), by that of its flow.
 */
#include "bpf/copies.bpf.h"
#include "bpf/flow.bpf.h"

enum { PORT_IKE = 500, PORT_IKE_NAT = 4500 };

/* No verdict of the kernel's: the packet is out of a tunnel. */
enum { ACT_OUT = 0x100 };

const volatile struct dp_config config = { 0 };

/* RFC 5648: is it bound to this care-of address as well? */
static __always_inline bool coa_bound(const struct dp_binding *b,
				      const struct in6_addr *hoa,
				      const struct in6_addr *coa)
{
	const struct dp_coa_key key = { *hoa, *coa };

	return (b->flags & DP_BINDING_MULTI) &&
	       bpf_map_lookup_elem(&coas, &key);
}

/*
 * RFC 6275 11.3.3: from the home agent of this HoA, to its care-of address; or,
 * nested, to one that was it until a moment ago, and is a HoA with a tunnel of
 * its own by now. What is not for a HoA is another tunnel's: the stack's, which
 * drops it where there is no such tunnel. ACT_OUT: it is what in says now.
 */
static __noinline int detunnel(struct __sk_buff *skb, const struct ip6h *h,
			       struct ip6h *in, bool nested)
{
	struct dp_binding *b;
	__u32 n, len;
	int act;

	if (!inner_load(skb, h, in))
		return drop(DP_STAT_DROP_INNER);
	b = binding_find(&in->dst);
	if (!b) {
		count(DP_STAT_PASS_TUNNEL);
		return TC_ACT_OK;
	}
	if (!addr_eq(&b->remote, &h->src))
		return drop(DP_STAT_DROP_WRONG_HA);
	if (!nested && !addr_eq(&b->local, &h->dst) &&
	    !coa_bound(b, &in->dst, &h->dst))
		return drop(DP_STAT_DROP_WRONG_COA);
	if ((b->flags & DP_BINDING_BICAST) &&
	    second_copy(skb, ETH_HLEN + sizeof(*h), in, &h->dst))
		return drop(DP_STAT_DROP_SECOND_COPY);
	act = pop(skb, h, in);
	if (!act)
		act = on_inner(skb, in);
	if (act)
		return act;
	n = segments(skb);
	len = sizeof(*in) + bpf_ntohs(in->len);
	used(b, &b->rx_packets, &b->rx_bytes, n, len,
	     bpf_ktime_get_coarse_ns());
	count_decap(n, len);
	return ACT_OUT;
}

static __always_inline int on_tunnel(struct __sk_buff *skb,
				     const struct ip6h *h)
{
	struct ip6h in, out;
	int act = detunnel(skb, h, &out, false);

	if (act == ACT_OUT && out.next == NEXT_IPV6 &&
	    bpf_map_lookup_elem(&addrs, &out.dst)) {
		in = out;
		act = detunnel(skb, &in, &out, true);
		if (act == TC_ACT_OK) {
			out = in;
			act = ACT_OUT;
		}
	}
	if (act != ACT_OUT)
		return act;
	if (hops_not_on_link(skb, &out))
		return drop(DP_STAT_DROP_ADJUST);
	/* kedge0 has no Ethernet header: the kernel takes it off. */
	return bpf_redirect(config.tun_ifindex, BPF_F_INGRESS);
}

/* One of the ways may be the home link. */
static __always_inline bool second_on_link(struct __sk_buff *skb,
					   const struct ip6h *h)
{
	struct dp_binding *b = bpf_map_lookup_elem(&bindings, &h->dst);

	return b && (b->flags & DP_BINDING_BICAST) && h->next != NEXT_IPV6 &&
	       !truncated(skb, ETH_HLEN, h) &&
	       second_copy(skb, ETH_HLEN, h, &h->dst);
}

SEC("tc")
int kedge_mn_in(struct __sk_buff *skb)
{
	struct ip6h h;

	if (!ip6_load(skb, ETH_HLEN, &h) || skb->pkt_type != PACKET_HOST)
		return TC_ACT_OK;
	if (multi_active && second_on_link(skb, &h))
		return drop(DP_STAT_DROP_SECOND_COPY);
	if (!may_be_signal(&h) || !bpf_map_lookup_elem(&addrs, &h.dst))
		return TC_ACT_OK;
	if (h.next == NEXT_IPV6)
		return on_tunnel(skb, &h);
	return on_ours(skb, &h);
}

/*
 * RFC 6275 11.5.5: a mobile node that comes home does no DAD for its home
 * address, which the home agent still defends. The stack does not know.
 */
static __always_inline int on_dad(struct __sk_buff *skb, const struct ip6h *h)
{
	struct in6_addr target;

	if (icmp_type(skb, h) != ND_NS || !nd_target(skb, &target) ||
	    !bpf_map_lookup_elem(&bindings, &target))
		return TC_ACT_OK;
	return drop(DP_STAT_DAD_SUPPRESSED);
}

static __always_inline bool port_ike(__be16 port)
{
	return port == bpf_htons(PORT_IKE) || port == bpf_htons(PORT_IKE_NAT);
}

static __always_inline bool is_ike(const struct upper *up)
{
	return up->proto == NEXT_UDP &&
	       (port_ike(up->sport) || port_ike(up->dport));
}

/*
 * Nor does it answer for it before it has told the home agent, RFC 5648 5.6.3:
 * not before that has acknowledged a home binding. A deregistration is told by
 * a binding that is not up.
 */
static __always_inline int on_na(struct __sk_buff *skb)
{
	const __u16 up = DP_BINDING_UP, home = DP_BINDING_HOME |
					       DP_BINDING_ON_LINK;
	struct in6_addr target;
	struct dp_binding *b;

	if (!nd_target(skb, &target))
		return TC_ACT_OK;
	b = bpf_map_lookup_elem(&bindings, &target);
	if (!b || !(b->flags & up) || (b->flags & home))
		return TC_ACT_OK;
	return drop(DP_STAT_NA_SUPPRESSED);
}

/* The link's own affairs; tunnels, ours or another's; signalling of ours, also
 * of a home address that has this one for its care-of address. */
static __always_inline bool stays_on_link(const struct dp_binding *b,
					  const struct ip6h *h,
					  const struct upper *up)
{
	if (addr_multicast(&h->dst) || addr_link_local(&h->dst) ||
	    up->mobile || up->proto == NEXT_IPV6 ||
	    (up->proto == NEXT_ICMPV6 && is_nd(up->icmp_type)))
		return true;
	return addr_eq(&b->remote, &h->dst) &&
	       (up->proto == NEXT_ESP || up->proto == NEXT_MH || is_ike(up));
}

/* Its flow binding's way, or NULL: the binding's own. At a mobile node one way
 * is enough: its home agent takes packets from each. */
static __always_inline struct dp_flow *flow_of(const struct ip6h *h,
					       const struct upper *up)
{
	struct dp_flow *flow = flow_find(h, up, false);

	return flow && flow->n ? flow : NULL;
}

static __always_inline bool goes_home(const struct dp_binding *b,
				      const struct dp_flow *flow)
{
	return flow ? flow->paths[0].flags & DP_PATH_HOME :
		      b->flags & DP_BINDING_HOME;
}

/*
 * A packet that the stack sends on a link. Its source may be a home address on
 * its link, of which a flow, or all (sockets remember their routes), is to go
 * another way: by kedge0, as if it had been sent there.
 */
static __always_inline int off_link(struct __sk_buff *skb, const struct ip6h *h)
{
	struct dp_binding *b = bpf_map_lookup_elem(&bindings, &h->src);
	const __u16 both = DP_BINDING_UP | DP_BINDING_MULTI;
	struct upper up;

	if (!b || (b->flags & both) != both || !config.tun_ifindex ||
	    upper_find(skb, ETH_HLEN + sizeof(*h), h->next, &up) ||
	    stays_on_link(b, h, &up) || goes_home(b, flow_of(h, &up)))
		return TC_ACT_OK;
	count_n(DP_STAT_OFF_LINK, segments(skb));
	return bpf_redirect(config.tun_ifindex, 0);
}

SEC("tc")
int kedge_mn_out(struct __sk_buff *skb)
{
	struct ip6h h;

	if (!ip6_load(skb, ETH_HLEN, &h))
		return TC_ACT_OK;
	if (addr_unspecified(&h.src))
		return on_dad(skb, &h);
	if (icmp_type(skb, &h) == ND_NA)
		return on_na(skb);
	return multi_active ? off_link(skb, &h) : TC_ACT_OK;
}

static __always_inline int to_daemon(void)
{
	count(DP_STAT_TO_DAEMON);
	return TC_ACT_OK;
}

/* Into the tunnel of b, or of its flow binding, and out; the packet has an
 * Ethernet header. */
static __always_inline int tunnel(struct __sk_buff *skb, struct dp_binding *b,
				  struct dp_flow *flow, const struct ip6h *h,
				  bool shrink)
{
	__u32 len = sizeof(*h) + bpf_ntohs(h->len), n = segments(skb);
	__u32 ifindex = flow ? flow->paths[0].ifindex : b->ifindex;
	struct ip6h outer;

	outer_header(&outer, flow ? &flow->paths[0].ends : &b->ends, h);
	if (len > 0xffff || trim(skb, ETH_HLEN, h) || push_room(skb, shrink) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, &outer, sizeof(outer),
				BPF_F_RECOMPUTE_CSUM))
		return drop(DP_STAT_DROP_ADJUST);
	if (bpf_redirect_neigh(ifindex, NULL, 0, 0) != TC_ACT_REDIRECT)
		return drop(DP_STAT_DROP_NO_ROUTE);
	used(b, &b->tx_packets, &b->tx_bytes, n, len,
	     bpf_ktime_get_coarse_ns());
	count_encap(n, len);
	if (flow) {
		flow_used(flow, n, len);
		count_n(DP_STAT_FLOW, n);
	}
	return TC_ACT_REDIRECT;
}

/* Where "ip rule from HOA" leads to kedge0 although this packet's way is the
 * home link. */
static __always_inline int natively(struct __sk_buff *skb,
				    struct dp_binding *b, struct dp_flow *flow,
				    const struct ip6h *h)
{
	__u32 ifindex = flow ? flow->paths[0].ifindex : b->ifindex;
	__u32 mtu = flow ? flow->paths[0].mtu : b->mtu;
	__u32 tick = bpf_ktime_get_coarse_ns() >> DP_USED_SHIFT;
	__u32 n = segments(skb);

	if (mtu && segment_len(skb, 0, h) > mtu)
		return too_big(skb, 0, h, mtu);
	if (bpf_skb_change_head(skb, ETH_HLEN, 0))
		return drop(DP_STAT_DROP_ADJUST);
	if (bpf_redirect_neigh(ifindex, NULL, 0, 0) != TC_ACT_REDIRECT)
		return drop(DP_STAT_DROP_NO_ROUTE);
	if (b->used != tick)
		b->used = tick;
	count_n(DP_STAT_NATIVE, n);
	if (flow) {
		flow_used(flow, n, sizeof(*h) + bpf_ntohs(h->len));
		count_n(DP_STAT_FLOW, n);
	}
	return TC_ACT_REDIRECT;
}

static __always_inline int into_tunnel(struct __sk_buff *skb,
				       struct dp_binding *b,
				       struct dp_flow *flow,
				       const struct ip6h *h)
{
	__u32 mtu = flow ? flow->paths[0].mtu : b->mtu;
	__u32 len = segment_len(skb, 0, h);
	bool shrink = mtu && len > mtu && len <= MIN_MTU;

	if (shrink && !may_shrink(skb, h))
		return to_daemon();
	if (mtu && len > mtu && !shrink)
		return too_big(skb, 0, h, inner_mtu(mtu + sizeof(*h)));
	if (bpf_skb_change_head(skb, ETH_HLEN, 0))
		return drop(DP_STAT_DROP_ADJUST);
	return tunnel(skb, b, flow, h, shrink);
}

/* Of a home address with several ways. */
static __always_inline int by_its_way(struct __sk_buff *skb,
				      struct dp_binding *b,
				      const struct ip6h *h)
{
	struct dp_flow *flow = NULL;
	struct upper up;

	if (!upper_find(skb, sizeof(*h), h->next, &up))
		flow = flow_of(h, &up);
	if (goes_home(b, flow))
		return natively(skb, b, flow, h);
	return b->flags & DP_BINDING_UP ? into_tunnel(skb, b, flow, h) :
					  to_daemon();
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

	if (!ip6_load(skb, 0, &h))
		return TC_ACT_OK;
	b = bpf_map_lookup_elem(&bindings, &h.src);
	if (b && (b->flags & DP_BINDING_MULTI))
		return by_its_way(skb, b, &h);
	if (!b || !(b->flags & DP_BINDING_UP) || !b->ifindex)
		return to_daemon();
	return into_tunnel(skb, b, NULL, &h);
}

char LICENSE[] SEC("license") = "GPL";
