// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The home agent's data plane: takes signalling, tunnels what is for a mobile
 * node that is away, forwards what comes out of its tunnel.
 */
#include "bpf/common.bpf.h"

#include <linux/types.h>

#include "bpf/flow.bpf.h"
#include "bpf/haroute.bpf.h"
#include "proto/tsfield.h"

/* No verdict of the kernel's: to_several() is to find one. */
enum { ACT_SEVERAL = 0x100 };

/* What a packet gets in front of its addresses. A checksum that the device has
 * made of it follows; the Ethernet header is none of it. */
struct head {
	struct ip6h outer;
	__u64 inner;		/* to the hop limit */
};

enum { INNER_LEN = sizeof(__u64) };

/* A packet of which the daemon makes fragments. */
static __always_inline int take_whole(struct __sk_buff *skb, struct ip6h *h,
				      const struct dp_ends *ends,
				      bool forwarded, __u16 mtu)
{
	__u32 len = sizeof(*h) + bpf_ntohs(h->len);

	if (skb->gso_size || len > MIN_MTU ||
	    hops_set(skb, ETH_HLEN, h, h->hops - forwarded))
		return drop(DP_STAT_DROP_ADJUST);
	if (!emit(skb, ETH_HLEN, len, EMIT_TYPE(DP_REC_FRAGMENT, mtu), ends))
		count(DP_STAT_TO_DAEMON);
	return TC_ACT_SHOT;
}

/*
 * Headers for the tunnel between ends, and where they lead. forwarded: we are a
 * router on the packet's way, so its hop limit is ours to count down (RFC 2473
 * 3.1). 0, or the verdict on what cannot go there.
 */
static __always_inline int encap(struct __sk_buff *skb, struct ip6h *h,
				 const struct dp_ends *ends, bool forwarded,
				 __u64 now, bool copy, struct way *way)
{
	__u32 len = sizeof(*h) + bpf_ntohs(h->len);
	__u32 seg = segment_len(skb, ETH_HLEN, h);
	bool shrink = false;
	struct head head;
	long rc;

	rc = route(skb, skb->ifindex, &ends->local, &ends->remote, h->vtf,
		   seg + sizeof(*h), now, copy, way);
	if (rc == BPF_FIB_LKUP_RET_FRAG_NEEDED) {
		if (seg > MIN_MTU)
			return too_big(skb, ETH_HLEN, h, inner_mtu(way->mtu));
		if (!may_shrink(skb, h))
			return take_whole(skb, h, ends, forwarded, way->mtu);
		shrink = true;
		rc = route_anew(skb, &ends->local, &ends->remote, h->vtf,
				way->mtu, now, copy, way);
	}
	h->hops -= forwarded;
	if (rc != BPF_FIB_LKUP_RET_SUCCESS && rc != BPF_FIB_LKUP_RET_NO_NEIGH)
		return drop(DP_STAT_DROP_NO_ROUTE);
	if (len > 0xffff - sizeof(*h) || trim(skb, ETH_HLEN, h) ||
	    push_room(skb, shrink))
		return drop(DP_STAT_DROP_ADJUST);
	outer_header(&head.outer, ends, h);
	head.inner = *(__u64 *)h;
	if (bpf_skb_store_bytes(skb, 0, &way->eth, sizeof(way->eth), 0) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, &head, sizeof(head),
				BPF_F_RECOMPUTE_CSUM))
		return drop(DP_STAT_DROP_ADJUST);
	return 0;
}

/* Not ours to tunnel: the stack answers a hop limit that ends here. */
static __always_inline bool unfit(struct __sk_buff *skb, const struct ip6h *h,
				  bool forwarded)
{
	return (forwarded && h->hops <= 1) || truncated(skb, ETH_HLEN, h);
}

static __always_inline void count_into(struct dp_binding *b, __u32 n,
				       __u32 len, __u64 now)
{
	used(b, &b->tx_packets, &b->tx_bytes, n, len, now);
	count_encap(n, len);
}

/* To the care-of address that is at ends. */
static __always_inline int to_care_of(struct __sk_buff *skb, struct ip6h *h,
				      struct dp_binding *b,
				      const struct dp_ends *ends,
				      bool forwarded)
{
	__u32 len = sizeof(*h) + bpf_ntohs(h->len), n = segments(skb);
	__u64 now = bpf_ktime_get_coarse_ns();
	struct way way;
	int act;

	if (unfit(skb, h, forwarded))
		return TC_ACT_OK;
	act = encap(skb, h, ends, forwarded, now, false, &way);
	if (act)
		return act;
	count_into(b, n, len, now);
	return leave(&way);
}

/* RFC 6275 10.4.1: a packet for a host that is away. */
static __always_inline int to_mobile(struct __sk_buff *skb, struct ip6h *h,
				     struct dp_binding *b, bool forwarded)
{
	if (b->flags & DP_BINDING_MULTI)
		return ACT_SEVERAL;
	return to_care_of(skb, h, b, &b->ends, forwarded);
}

#include "bpf/haflow.bpf.h"

/* RFC 5648 6.3: for one with a path by the home link Neighbour Discovery is
 * the mobile node's. */
static __always_inline bool proxied(const struct in6_addr *hoa)
{
	struct dp_binding *b = binding_find(hoa);

	return b && !(b->flags & DP_BINDING_ON_LINK);
}

/* A packet that arrived for a bound HoA. */
static __always_inline int intercept(struct __sk_buff *skb, struct ip6h *h,
				     struct dp_binding *b)
{
	__u8 type = icmp_type(skb, h);
	struct in6_addr target;

	if (type == ND_NS && nd_target(skb, &target) && proxied(&target))
		return take_ns(skb, h);
	/* RFC 6275 10.4.2: link-local traffic is not tunnelled. */
	if (is_nd(type) || addr_link_local(&h->src))
		return TC_ACT_OK;
	return to_mobile(skb, h, b, true);
}

/* RFC 6275 10.3.1: is it the link-local address of one that is away? */
static __always_inline bool link_local_served(struct __sk_buff *skb,
					      const struct in6_addr *addr)
{
	struct in6_addr key = *addr;

	key.s6_addr32[1] = skb->ifindex;
	return bpf_map_lookup_elem(&bindings, &key);
}

static __always_inline bool served(struct __sk_buff *skb,
				   const struct in6_addr *target)
{
	return addr_link_local(target) ? link_local_served(skb, target) :
	       proxied(target);
}

/* RFC 6275 10.4.2: not tunnelled, and the daemon says so. */
static __always_inline int on_link_local(struct __sk_buff *skb,
					 const struct ip6h *h)
{
	__u32 len = sizeof(*h) + bpf_ntohs(h->len);
	struct in6_addr target;

	if (!link_local_served(skb, &h->dst))
		return TC_ACT_OK;
	if (icmp_type(skb, h) == ND_NS && nd_target(skb, &target) &&
	    served(skb, &target))
		return take_ns(skb, h);
	if (truncated(skb, ETH_HLEN, h))
		return TC_ACT_SHOT;
	emit(skb, ETH_HLEN, len < TOOBIG_HEAD ? len : TOOBIG_HEAD,
	     EMIT_TYPE(DP_REC_LINK_LOCAL, 0), NULL);
	return TC_ACT_SHOT;
}

/* RFC 6275 10.4.1: the home agent answers solicitations for a bound HoA. */
static __always_inline int on_multicast(struct __sk_buff *skb,
					const struct ip6h *h)
{
	struct in6_addr target;

	if (h->dst.s6_addr32[0] != bpf_htonl(0xff020000) ||
	    h->dst.s6_addr32[1] || h->dst.s6_addr32[2] != bpf_htonl(1) ||
	    h->dst.s6_addr[12] != 0xff || icmp_type(skb, h) != ND_NS ||
	    !nd_target(skb, &target) || !served(skb, &target))
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
	if (!addr_eq(&b->remote, &h->src) &&
	    !(b->flags & DP_BINDING_MULTI && coa_known(&in.src, &h->src)))
		return drop(DP_STAT_DROP_WRONG_COA);
	if (!addr_eq(&b->local, &h->dst))
		return drop(DP_STAT_DROP_WRONG_HA);
	act = pop(skb, h, &in);
	if (!act)
		act = on_inner(skb, &in);
	if (act)
		return act;
	n = segments(skb);
	count_decap(n, sizeof(in) + bpf_ntohs(in.len));
	other = binding_find(&in.dst);
	if (other)
		act = hairpin(skb, &in, other, n);
	else
		act = forward(skb, &in, now);
	used(b, &b->rx_packets, &b->rx_bytes, n,
	     sizeof(in) + bpf_ntohs(in.len), now);
	return act;
}

/* Tunnelled here already: a CoA that is itself a bound HoA must not be tunnelled
 * again. A copy comes by in front of the stack, too: see send_copy(). */
static __always_inline bool tunnelled_here(const struct ip6h *h)
{
	return h->next == NEXT_IPV6 && bpf_map_lookup_elem(&addrs, &h->src);
}

static __noinline int ha_in(struct __sk_buff *skb)
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
	if (addr_link_local(&h.dst))
		return on_link_local(skb, &h);
	if (h.next == NEXT_IPV6 && bpf_map_lookup_elem(&addrs, &h.dst))
		return on_tunnel(skb, &h);
	b = binding_find(&h.dst);
	if (b)
		return tunnelled_here(&h) ? TC_ACT_OK :
					    intercept(skb, &h, b);
	if (!may_be_signal(&h) || !bpf_map_lookup_elem(&addrs, &h.dst))
		return TC_ACT_OK;
	return on_ours(skb, &h);
}

SEC("tc")
int kedge_ha_in(struct __sk_buff *skb)
{
	int act = ha_in(skb);

	return act == ACT_SEVERAL ? to_several(skb, true) : act;
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

	outer_header(&head.outer, &b->ends, &h);
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
	count_encap(1, len);
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
	count_decap(1, len);
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
	return b && !(b->flags & DP_BINDING_MULTI) ? xdp_encap(ctx, p, b) :
	       XDP_PASS;
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

static __noinline int ha_out(struct __sk_buff *skb)
{
	struct in6_addr target;
	struct dp_binding *b;
	struct ip6h h;
	__u8 type;

	if (!ip6_load(skb, ETH_HLEN, &h))
		return TC_ACT_OK;
	if (tunnelled_here(&h))
		return TC_ACT_OK;
	type = icmp_type(skb, &h);
	if (type == ND_NS && nd_target(skb, &target) && proxied(&target))
		return answer_ns(skb, &h);
	if (is_nd(type) || addr_link_local(&h.src))
		return TC_ACT_OK;
	b = binding_find(&h.dst);
	return b ? to_mobile(skb, &h, b, false) : TC_ACT_OK;
}

SEC("tc")
int kedge_ha_out(struct __sk_buff *skb)
{
	int act = ha_out(skb);

	return act == ACT_SEVERAL ? to_several(skb, false) : act;
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
