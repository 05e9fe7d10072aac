/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The home agent's way into the tunnel for home addresses with several care-of
 * addresses (RFC 5648) or flow bindings (RFC 6089). Included by ha.bpf.c.
 *
 * Packets of other bindings cost it nothing: theirs are gone when to_several()
 * begins, with the programs' stack to itself.
 */
#ifndef KEDGE_HAFLOW_BPF_H
#define KEDGE_HAFLOW_BPF_H

enum {
	ICMP_HAAD_REQUEST = 144,	/* RFC 6275 6.5 to 6.8 */
	ICMP_MOBILE_PREFIX = 147,
	DSCP_MASK = 0xfc,
	FID_PRI_NONE = 0x10000,		/* lower than all */
	/* At ingress the packet was left to the stack, which sends it by the
	 * home link: at egress it is not looked at again. What is in tc_classid
	 * there, clsact makes tc_index of. */
	WAY_FOUND = 0x6b64,
};

/* In the order of the wire. */
static __always_inline bool addr_le(const struct in6_addr *a,
				    const struct in6_addr *b)
{
	__u32 i, x, y;

	for (i = 0; i < 4; i++) {
		x = bpf_ntohl(a->s6_addr32[i]);
		y = bpf_ntohl(b->s6_addr32[i]);
		if (x != y)
			return x < y;
	}
	return true;
}

static __always_inline bool within(__u32 x, __u32 from, __u32 to)
{
	return from <= x && x <= to;
}

/* RFC 6088 3.2, of what is in the IPv6 header. Of the traffic class the lower
 * two bits count for nothing. */
static __always_inline bool header_fits(const struct dp_selector *s,
					const struct ip6h *h)
{
	__u32 vtf = bpf_ntohl(h->vtf), tc = vtf >> 20 & DSCP_MASK;

	if (s->fields & TS_SRC && !(addr_le(&s->peer, &h->src) &&
				    addr_le(&h->src, &s->peer_end)))
		return false;
	if (s->fields & TS_DST && !(addr_le(&s->hoa, &h->dst) &&
				    addr_le(&h->dst, &s->hoa_end)))
		return false;
	if (s->fields & TS_LABEL &&
	    !within(vtf & VTF_LABEL, s->label, s->label_end))
		return false;
	return !(s->fields & TS_TC) ||
	       within(tc, s->tc & DSCP_MASK, s->tc_end & DSCP_MASK);
}

static __always_inline bool upper_fits(const struct dp_selector *s,
				       const struct upper *up)
{
	const __u16 ports = TS_SPORT | TS_DPORT;

	if (s->fields & TS_NH && !within(up->proto, s->proto, s->proto_end))
		return false;
	if (s->fields & TS_SPI && !(up->has & UPPER_SPI &&
				    within(up->spi, s->spi, s->spi_end)))
		return false;
	if (s->fields & ports && !(up->has & UPPER_PORTS))
		return false;
	if (s->fields & TS_SPORT && !within(bpf_ntohs(up->sport), s->peer_port,
					    s->peer_port_end))
		return false;
	return !(s->fields & TS_DPORT) ||
	       within(bpf_ntohs(up->dport), s->hoa_port, s->hoa_port_end);
}

/* Not static: the verifier looks at it once, and not for each selector. */
__noinline int selector_takes(const struct dp_selector *s,
			      const struct ip6h *h, const struct upper *up)
{
	if (!s || !h || !up)	/* for the verifier's peace */
		return 0;
	return header_fits(s, h) && upper_fits(s, up);
}

/*
 * RFC 5648 6.5: may tunnel packets of hoa come from there? By the whole address:
 * what has a /64's first address for its home address has no say in another's.
 */
static __noinline bool coa_known(const struct in6_addr *hoa,
				 const struct in6_addr *coa)
{
	struct dp_coa_key key = { *hoa, *coa };

	return bpf_map_lookup_elem(&coas, &key);
}

/* The first that takes the packet, of a lower FID-PRI than below; or NULL. */
static __always_inline struct dp_selector *
selector_find(const struct ip6h *h, const struct upper *up, __u32 below)
{
	struct dp_selectors *all = bpf_map_lookup_elem(&selectors, &h->dst);
	struct dp_selector *s;
	__u32 i;

	for (i = 0; all && i < DP_SELECTORS_MAX && i < all->n; i++) {
		s = &all->list[i];
		if (s->pri >= below)
			break;
		if (s->n && selector_takes(s, h, up))
			return s;
	}
	return NULL;
}

/* Mobile IPv6's own packets take the default path, whatever the mobile node's
 * selectors say: what they are about must not decide where they go. */
static __always_inline bool is_signal(const struct ip6h *h,
				      const struct upper *up)
{
	if (up->mobile || up->proto == NEXT_MH)
		return true;
	if (up->proto == NEXT_ICMPV6)
		return within(up->icmp_type, ICMP_HAAD_REQUEST,
			      ICMP_MOBILE_PREFIX);
	return up->proto == NEXT_ESP && bpf_map_lookup_elem(&addrs, &h->src);
}

/* Where a packet goes. */
struct choice {
	struct dp_binding *b;
	const struct dp_ends *ends;
	const struct dp_ends *copy;	/* NULL: of one more, for it */
	bool home;			/* ends are nothing: the home link */
};

/* A copy needs a tunnel; the packet itself, as it is, can be left. */
static __always_inline void choose(struct choice *to,
				   const struct dp_path *paths, __u32 n)
{
	bool home0 = paths[0].flags & DP_PATH_HOME;
	bool home1 = n > 1 && paths[1].flags & DP_PATH_HOME;

	to->home = home0 || home1;
	to->ends = &paths[0].ends;
	if (n > 1 && home0 && !home1)
		to->copy = &paths[1].ends;
	if (n > 1 && !home0) {
		to->copy = &paths[0].ends;
		to->ends = &paths[1].ends;
	}
}

/* RFC 6089 5.3.6: the flow binding of the lowest FID-PRI that takes the packet.
 * Inactive ones (4.3) are skipped. */
static __always_inline void choose_flow(struct choice *to,
					struct __sk_buff *skb,
					const struct ip6h *h,
					const struct upper *up)
{
	struct dp_flow *flow = flow_find(h, up, true);
	__u32 below = flow && flow->n ? flow->pri : FID_PRI_NONE;
	struct dp_selector *s = selector_find(h, up, below);
	__u32 n = segments(skb), len = sizeof(*h) + bpf_ntohs(h->len);

	if (s) {
		choose(to, s->paths, s->n);
		used_by(&s->packets, &s->bytes, n, len);
	} else if (flow && flow->n) {
		choose(to, flow->paths, flow->n);
		flow_used(flow, n, len);
	} else {
		return;
	}
	count_n(DP_STAT_FLOW, n);
}

/*
 * Tunnels may lead in a circle: of home agents, none of which sees more of it
 * than its own part. A packet on it grows until it is too big; were there a
 * copy more each time, there would be thousands of millions by then. So what
 * has been tunnelled twice, or is a part of a tunnel packet, is not copied.
 */
static __always_inline bool nested(struct __sk_buff *skb, const struct ip6h *h,
				   const struct upper *up)
{
	const __u32 at = ETH_HLEN + sizeof(*h) +
			 __builtin_offsetof(struct ip6h, next);
	__u8 inner;

	if (up->proto != NEXT_IPV6)
		return false;
	return h->next != NEXT_IPV6 ||
	       bpf_skb_load_bytes(skb, at, &inner, sizeof(inner)) ||
	       inner == NEXT_IPV6;
}

/* ACT_SEVERAL, or the verdict where there is nothing to choose. */
static __noinline int find_way(struct __sk_buff *skb, bool forwarded,
			       struct choice *to)
{
	struct upper up = { 0 };
	struct ip6h h;

	if ((!forwarded && skb->tc_index == WAY_FOUND) ||
	    !ip6_load(skb, ETH_HLEN, &h) || unfit(skb, &h, forwarded))
		return TC_ACT_OK;
	to->b = binding_find(&h.dst);
	if (!to->b)
		return TC_ACT_OK;
	to->ends = &to->b->ends;
	to->home = to->b->flags & DP_BINDING_HOME;
	upper_find(skb, ETH_HLEN + sizeof(h), h.next, &up);
	if (!is_signal(&h, &up))
		choose_flow(to, skb, &h, &up);
	if (to->copy && nested(skb, &h, &up))
		to->copy = NULL;
	return ACT_SEVERAL;
}

/* The outer header of a copy that has left off again, and all in front of the
 * addresses as it was. */
static __always_inline int undo(struct __sk_buff *skb, const struct ip6h *h,
				const struct ethhdr *eth, bool pushed)
{
	if (pushed && bpf_skb_adjust_room(skb, -(__s32)sizeof(*h),
					  BPF_ADJ_ROOM_MAC,
					  BPF_F_ADJ_ROOM_FIXED_GSO |
					  BPF_F_ADJ_ROOM_NO_CSUM_RESET))
		return -1;
	return bpf_skb_store_bytes(skb, 0, eth, sizeof(*eth), 0) ||
	       bpf_skb_store_bytes(skb, ETH_HLEN, h, INNER_LEN,
				   BPF_F_RECOMPUTE_CSUM);
}

/*
 * Off with a copy of what is in the packet now. There is no redirecting it by
 * the neighbour machinery; where that is needed first, the stack forwards what
 * came from outside: to it, the copy is a packet on its way like others.
 */
static __always_inline long send_copy(struct __sk_buff *skb,
				      const struct way *way,
				      const struct ethhdr *eth, bool forwarded)
{
	if (way_known(way))
		return bpf_clone_redirect(skb, way->ifindex, 0);
	if (!forwarded ||
	    bpf_skb_store_bytes(skb, 0, eth, sizeof(*eth), 0))
		return -1;
	return bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS);
}

/* A copy into the tunnel at ends; the packet is afterwards what it was. Not 0:
 * it is not, and lost. Not static: verified once, wherever ends are from. */
__noinline int copy_to(struct __sk_buff *skb, bool forwarded,
		       struct dp_binding *b, const struct dp_ends *ends)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	__u32 n = segments(skb), len;
	struct ethhdr eth;
	struct ip6h h, changed;
	struct way way;
	bool pushed;

	if (!b || !ends || !ip6_load(skb, ETH_HLEN, &h) ||
	    bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return -1;
	changed = h;
	len = sizeof(h) + bpf_ntohs(h.len);
	pushed = !encap(skb, &changed, ends, forwarded, now, true, &way);
	if (pushed && send_copy(skb, &way, &eth, forwarded)) {
		count_n(DP_STAT_DROP_COPY, n);
	} else if (pushed) {
		count_into(b, n, len, now);
		count_n(DP_STAT_COPY, n);
	}
	return undo(skb, &h, &eth, pushed);
}

__noinline int packet_to(struct __sk_buff *skb, bool forwarded,
			 struct dp_binding *b, const struct dp_ends *ends)
{
	struct ip6h h;

	return b && ends && ip6_load(skb, ETH_HLEN, &h) ?
	       to_care_of(skb, &h, b, ends, forwarded) : TC_ACT_SHOT;
}

/*
 * A packet for a home address with DP_BINDING_MULTI, as it arrived, came out of
 * another one's tunnel, or leaves this router.
 */
static __always_inline int to_several(struct __sk_buff *skb, bool forwarded)
{
	struct choice to = { 0 };
	int act = find_way(skb, forwarded, &to);

	if (act != ACT_SEVERAL || !to.b || !to.ends)
		return act;
	if (to.copy && copy_to(skb, forwarded, to.b, to.copy))
		return drop(DP_STAT_DROP_ADJUST);
	if (!to.home)
		return packet_to(skb, forwarded, to.b, to.ends);
	skb->tc_classid = WAY_FOUND;
	return TC_ACT_OK;
}

#endif
