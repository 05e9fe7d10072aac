/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by ha.bpf.c and mn.bpf.c: what flow bindings (RFC 6089) tell packets
 * apart by. Only packets of a binding with DP_BINDING_MULTI come here.
 */
#ifndef KEDGE_FLOW_BPF_H
#define KEDGE_FLOW_BPF_H

#include "bpf/common.bpf.h"

enum {
	NEXT_DCCP = 33,
	NEXT_SCTP = 132,
	NEXT_UDPLITE = 136,
};

enum upper_has { UPPER_PORTS = 1, UPPER_SPI = 2 };

/* The upper layer, as far as flow bindings go by it. */
struct upper {
	__be16 sport, dport;	/* UPPER_PORTS; else 0 */
	__u32 spi;		/* UPPER_SPI: host order; else 0 */
	__u8 proto;		/* NEXT_NONE: none was found */
	__u8 has;		/* enum upper_has */
	__u8 icmp_type;		/* of NEXT_ICMPV6 */
	bool mobile;		/* a HAO or a type 2 routing header */
};

/* Whose first four bytes are the two ports. */
static __always_inline bool proto_has_ports(__u8 proto)
{
	return proto == NEXT_TCP || proto == NEXT_UDP || proto == NEXT_SCTP ||
	       proto == NEXT_DCCP || proto == NEXT_UDPLITE;
}

/*
 * RFC 6089 5.3.6 (last paragraph) would have all fragments of a packet go the
 * same way. They do, and nothing need be remembered of any: of each, the first
 * one included, that alone is looked at which is in all of them. So no flow
 * binding that asks for ports or an SPI takes a fragment.
 */
static __always_inline int upper_of_fragment(struct __sk_buff *skb, __u32 at,
					     struct upper *out)
{
	out->proto = NEXT_NONE;
	return bpf_skb_load_bytes(skb, at, &out->proto, 1);
}

/*
 * Behind the IPv6 header, whose next header is next, at off; extension headers
 * as far as walk() goes. Not 0: there was no end to them, or to the packet.
 */
__noinline int upper_find(struct __sk_buff *skb, __u32 off, __u32 next,
			  struct upper *out)
{
	struct chain chain = { 0 };
	__be16 ports[2];
	__be32 spi;

	if (!out)	/* for the verifier's peace */
		return -1;
	__builtin_memset(out, 0, sizeof(*out));
	if (walk(skb, off, next, &chain)) {
		out->proto = NEXT_NONE;
		return -1;
	}
	out->mobile = chain.mobile;
	if (chain.proto == NEXT_FRAGMENT)
		return upper_of_fragment(skb, chain.at, out);
	out->proto = chain.proto;
	if (chain.proto == NEXT_ICMPV6)
		return bpf_skb_load_bytes(skb, chain.at, &out->icmp_type, 1);
	if (chain.proto == NEXT_ESP) {
		if (bpf_skb_load_bytes(skb, chain.at, &spi, sizeof(spi)))
			return -1;
		out->spi = bpf_ntohl(spi);
		out->has = UPPER_SPI;
	}
	if (!proto_has_ports(chain.proto))
		return 0;
	if (bpf_skb_load_bytes(skb, chain.at, ports, sizeof(ports)))
		return -1;
	out->sport = ports[0];
	out->dport = ports[1];
	out->has = UPPER_PORTS;
	return 0;
}

/* The flow binding of just this five-tuple, or NULL. down: to the home address
 * (at the HA); else from it (at the MN). */
static __always_inline struct dp_flow *
flow_find(const struct ip6h *h, const struct upper *up, bool down)
{
	struct dp_flow_key key = {
		.hoa = down ? h->dst : h->src,
		.peer = down ? h->src : h->dst,
		.hoa_port = down ? up->dport : up->sport,
		.peer_port = down ? up->sport : up->dport,
		.proto = up->proto,
	};

	return up->has & UPPER_PORTS ? bpf_map_lookup_elem(&flows, &key) : NULL;
}

static __always_inline void used_by(__u64 *packets, __u64 *bytes, __u32 n,
				    __u32 len)
{
	__sync_fetch_and_add(packets, n);
	__sync_fetch_and_add(bytes, len);
}

static __always_inline void flow_used(struct dp_flow *flow, __u32 n, __u32 len)
{
	used_by(&flow->packets, &flow->bytes, n, len);
}

#endif
