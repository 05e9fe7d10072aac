/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by ha.bpf.c and mn.bpf.c: maps, the extension header walk, taking
 * signalling, pushing and popping the tunnel header (RFC 2473).
 *
 * Kept to what Linux 6.1 knows. Every access to a packet goes through helpers
 * that check its length and reach into fragments of an skb, so nothing is
 * pulled that is not needed.
 */
#ifndef KEDGE_COMMON_BPF_H
#define KEDGE_COMMON_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in6.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/maps.h"

enum {
	NEXT_HOP = 0,
	NEXT_TCP = 6,
	NEXT_UDP = 17,
	NEXT_IPV6 = 41,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_ESP = 50,
	NEXT_ICMPV6 = 58,
	NEXT_NONE = 59,
	NEXT_DEST = 60,
	NEXT_MH = 135,

	OPT_PAD1 = 0,
	OPT_HAO = 0xc9,		/* RFC 6275 6.3 */
	ROUTING_TYPE2 = 2,	/* RFC 6275 6.4 */

	ND_FIRST = 133,
	ND_NS = 135,
	ND_NA = 136,
	ND_LAST = 137,

	ECN_MASK = 3,
	ECN_ECT1 = 1,
	ECN_ECT0 = 2,
	ECN_CE = 3,

	OUTER_HOPS = 64,
	WALK_STEPS = 24,	/* extension headers and options, together */
	MIN_MTU = 1280,
	TOOBIG_HEAD = 1232,	/* 1280 less the headers of the ICMPv6 error */
};

/* Aligned so that it is copied by eights, wherever the packet's is. */
struct ip6h {
	__be32 vtf;		/* version, traffic class, flow label */
	__be16 len;
	__u8 next;
	__u8 hops;
	struct in6_addr src, dst;
} __attribute__((aligned(8)));

#define VTF_VERSION 0x60000000
#define VTF_CLASS 0x0ff00000
#define VTF_LABEL 0x000fffff
#define VTF_ECN_SHIFT 20

/* Sizes of bindings, spis and ring are the loader's to set. */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct in6_addr);
	__type(value, struct dp_binding);
} bindings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct dp_binding);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct dp_coa_key);
	__type(value, struct dp_coa);
} coas SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct dp_flow_key);
	__type(value, struct dp_flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct in6_addr);
	__type(value, struct dp_selectors);
} selectors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, __u32);
} homes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct in6_addr);
	__type(value, __u32);
} addrs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} spis SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DP_STAT__MAX);
	__type(key, __u32);
	__type(value, __u64);
} stats SEC(".maps");

/* DP_LAYOUT, for the next daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} layout SEC(".maps");

/* The daemon's: how many prefixes are bound. While there are none, nobody
 * looks. */
__u32 n_prefixes;
/* The MN's daemon's: see dp_multi_active(). */
__u32 multi_active;
/* The daemon's: "homes" is all that home addresses can be in. */
__u32 homes_known;

static __always_inline void count_n(__u32 stat, __u64 n)
{
	__u64 *value = bpf_map_lookup_elem(&stats, &stat);

	if (value)
		*value += n;
}

/* Packets into or out of tunnels, and their inner bytes. */
static __always_inline void count_encap(__u64 n, __u64 len)
{
	count_n(DP_STAT_ENCAP, n);
	count_n(DP_STAT_ENCAP_BYTES, len);
}

static __always_inline void count_decap(__u64 n, __u64 len)
{
	count_n(DP_STAT_DECAP, n);
	count_n(DP_STAT_DECAP_BYTES, len);
}

static __always_inline void count(__u32 stat)
{
	count_n(stat, 1);
}

static __always_inline int drop(__u32 stat)
{
	count(stat);
	return TC_ACT_SHOT;
}

static __always_inline bool addr_eq(const struct in6_addr *a,
				    const struct in6_addr *b)
{
	return a->s6_addr32[0] == b->s6_addr32[0] &&
	       a->s6_addr32[1] == b->s6_addr32[1] &&
	       a->s6_addr32[2] == b->s6_addr32[2] &&
	       a->s6_addr32[3] == b->s6_addr32[3];
}

static __always_inline bool addr_unspecified(const struct in6_addr *a)
{
	return !(a->s6_addr32[0] | a->s6_addr32[1] | a->s6_addr32[2] |
		 a->s6_addr32[3]);
}

static __always_inline bool addr_multicast(const struct in6_addr *a)
{
	return a->s6_addr[0] == 0xff;
}

static __always_inline bool addr_link_local(const struct in6_addr *a)
{
	return (a->s6_addr32[0] & bpf_htonl(0xffc00000)) ==
	       bpf_htonl(0xfe800000);
}

/* RFC 4291 2.7: scope 1 or 2, never forwarded */
static __always_inline bool addr_link_multicast(const struct in6_addr *a)
{
	return addr_multicast(a) && (a->s6_addr[1] & 0xf) <= 2;
}

static __always_inline bool is_ip6(const struct ip6h *h)
{
	return (h->vtf & bpf_htonl(0xf0000000)) == bpf_htonl(VTF_VERSION);
}

/* The header at off: where it lies in one piece, without a call. */
static __always_inline bool header_load(struct __sk_buff *skb, __u32 off,
					struct ip6h *out)
{
	const __u8 *data = (const __u8 *)(long)skb->data;

	if (data + off + sizeof(*out) <= (const __u8 *)(long)skb->data_end)
		*out = *(const struct ip6h *)(data + off);
	else if (bpf_skb_load_bytes(skb, off, out, sizeof(*out)))
		return false;
	return is_ip6(out);
}

/*
 * A tag still in the skb's side band means that the packet belongs to a VLAN
 * device, whose own filters see it.
 */
static __always_inline bool ip6_load(struct __sk_buff *skb, __u32 off,
				     struct ip6h *out)
{
	return skb->protocol == bpf_htons(ETH_P_IPV6) && !skb->vlan_present &&
	       header_load(skb, off, out);
}

static __always_inline bool truncated(struct __sk_buff *skb, __u32 off,
				      const struct ip6h *h)
{
	return skb->len < off + sizeof(*h) + bpf_ntohs(h->len);
}

/*
 * A binding that is in force, or NULL. An address's own goes before its /64's.
 * Most packets are for addresses in no home link's prefix: for them one look-up
 * in a small map is all.
 */
static __always_inline struct dp_binding *
binding_find(const struct in6_addr *hoa)
{
	struct dp_binding *b = NULL;
	__u64 upper;

	__builtin_memcpy(&upper, hoa, sizeof(upper));
	if (!homes_known || bpf_map_lookup_elem(&homes, &upper))
		b = bpf_map_lookup_elem(&bindings, hoa);
	if (!b && n_prefixes)
		b = bpf_map_lookup_elem(&prefixes, &upper);
	return b && !(b->flags & DP_BINDING_DELETED) ? b : NULL;
}

/* What the walk over a packet's extension headers found. */
struct chain {
	__u32 at;		/* of the upper header, or the fragment's */
	__u8 proto;		/* NEXT_NONE where the walk came to no end */
	bool mobile;		/* a HAO or a type 2 routing header */
};

/* One option at *at; the next one's place is put there. */
static __always_inline int walk_option(struct __sk_buff *skb, __u32 *at,
				       struct chain *out)
{
	__u8 type, len;

	if (bpf_skb_load_bytes(skb, *at, &type, 1))
		return -1;
	if (type == OPT_PAD1) {
		*at += 1;
		return 0;
	}
	if (bpf_skb_load_bytes(skb, *at + 1, &len, 1))
		return -1;
	if (type == OPT_HAO)
		out->mobile = true;
	*at += 2 + len;
	return 0;
}

/*
 * From the header of type next at off. Malformed: as far as it was sound. Not
 * static: so the verifier looks at it once and not at every call.
 */
__noinline int walk(struct __sk_buff *skb, __u32 off, __u32 next,
		    struct chain *out)
{
	__u32 at = off, end = 0;	/* end: of the options being read */
	__u8 hdr[4];
	int i;

	if (!out)	/* for the verifier's peace */
		return -1;
	out->proto = NEXT_NONE;
	out->mobile = false;
	for (i = 0; i < WALK_STEPS; i++) {
		if (at < end) {
			if (walk_option(skb, &at, out) || at > end)
				return -1;
			continue;
		}
		if (next != NEXT_HOP && next != NEXT_DEST &&
		    next != NEXT_ROUTING) {
			out->at = at;
			out->proto = next;
			return 0;
		}
		if (bpf_skb_load_bytes(skb, at, hdr, sizeof(hdr)))
			return -1;
		end = at + 8 + hdr[1] * 8;
		if (next == NEXT_ROUTING && hdr[2] == ROUTING_TYPE2)
			out->mobile = true;
		at = next == NEXT_DEST ? at + 2 : end;
		next = hdr[0];
	}
	return -1;
}

/* Hands len bytes from off to the daemon; ends may be NULL. Non-zero: lost, and
 * counted. */
static __noinline int emit(struct __sk_buff *skb, __u32 off, __u32 len,
			   __u32 type_mtu, const struct dp_ends *ends)
{
	struct dp_rec *rec = NULL;

	/* What anybody can cause leaves room for what is authenticated. */
	if (type_mtu >> 16 == DP_REC_SIGNAL ||
	    bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) <
	    bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE) / 4)
		rec = bpf_ringbuf_reserve(&ring, sizeof(*rec), 0);
	if (!rec) {
		count(DP_STAT_DROP_RING_FULL);
		return -1;
	}
	rec->ifindex = skb->ifindex;
	rec->type = type_mtu >> 16;
	rec->mtu = type_mtu & 0xffff;
	rec->len = len;
	__builtin_memset(rec->mac, 0, sizeof(rec->mac) + sizeof(rec->pad));
	__builtin_memset(&rec->ends, 0, sizeof(rec->ends));
	if (ends)
		rec->ends = *ends;
	if (off >= ETH_HLEN)
		bpf_skb_load_bytes(skb, off - ETH_HLEN + ETH_ALEN, rec->mac,
				   sizeof(rec->mac));
	barrier_var(len);	/* or the check is moved to a copy of it */
	if (len < 1 || len > DP_REC_DATA ||
	    bpf_skb_load_bytes(skb, off, rec->data, len)) {
		bpf_ringbuf_discard(rec, 0);
		count(DP_STAT_DROP_RING_FULL);
		return -1;
	}
	bpf_ringbuf_submit(rec, 0);
	return 0;
}

#define EMIT_TYPE(type, mtu) ((__u32)(type) << 16 | (mtu))

/* An NS, whole, whose target is bound: the daemon's, not the stack's. */
static __always_inline int take_ns(struct __sk_buff *skb, const struct ip6h *h)
{
	__u32 len = sizeof(*h) + bpf_ntohs(h->len);

	if (truncated(skb, ETH_HLEN, h) || len > DP_REC_DATA)
		return TC_ACT_OK;
	if (!emit(skb, ETH_HLEN, len, EMIT_TYPE(DP_REC_NS, 0), NULL))
		count(DP_STAT_NS);
	return TC_ACT_SHOT;
}

static __always_inline int take_signal(struct __sk_buff *skb,
				       const struct ip6h *h)
{
	__u32 len = sizeof(*h) + bpf_ntohs(h->len);

	if (truncated(skb, ETH_HLEN, h))
		return TC_ACT_OK;
	if (len > DP_REC_DATA)
		return drop(DP_STAT_DROP_SIGNAL_OVERSIZE);
	if (!emit(skb, ETH_HLEN, len, EMIT_TYPE(DP_REC_SIGNAL, 0), NULL))
		count(DP_STAT_SIGNAL);
	return TC_ACT_SHOT;
}

static __always_inline bool spi_ours(struct __sk_buff *skb, __u32 at)
{
	__be32 wire;
	__u32 spi;

	if (bpf_skb_load_bytes(skb, at, &wire, sizeof(wire)))
		return false;
	spi = bpf_ntohl(wire);
	return bpf_map_lookup_elem(&spis, &spi);
}

/*
 * A fragment of what would be signalling. Its first fragment alone could be
 * looked into, so all go by the fragment header's next header.
 */
static __always_inline int on_fragment(struct __sk_buff *skb,
				       const struct chain *chain)
{
	__u8 next;

	if (bpf_skb_load_bytes(skb, chain->at, &next, 1))
		return TC_ACT_OK;
	if (chain->mobile || next == NEXT_DEST || next == NEXT_ROUTING ||
	    next == NEXT_MH)
		return drop(DP_STAT_DROP_SIGNAL_FRAGMENT);
	return TC_ACT_OK;
}

/* Most packets, by one look, are not. */
static __always_inline bool may_be_signal(const struct ip6h *h)
{
	return h->next != NEXT_TCP && h->next != NEXT_UDP &&
	       h->next != NEXT_ICMPV6;
}

/*
 * A packet to one of our addresses that is no tunnel packet. A kernel answers
 * a HAO, a type 2 routing header or a Mobility Header that it does not
 * implement with an ICMPv6 error, so signalling must not reach it.
 */
static __always_inline int on_ours(struct __sk_buff *skb, const struct ip6h *h)
{
	struct chain chain = { 0 };

	walk(skb, ETH_HLEN + sizeof(*h), h->next, &chain);
	if (chain.proto == NEXT_FRAGMENT)
		return on_fragment(skb, &chain);
	if (chain.mobile || chain.proto == NEXT_MH ||
	    (chain.proto == NEXT_ESP && spi_ours(skb, chain.at)))
		return take_signal(skb, h);
	return TC_ACT_OK;
}

/*
 * A packet out of a tunnel whose ends have been checked: RFC 6275 6.1 has all
 * Mobility Headers but BU and BA go by the tunnel. Not counted as the binding's
 * use: heartbeats are no traffic of its flows.
 */
static __always_inline int on_inner(struct __sk_buff *skb,
				    const struct ip6h *in)
{
	if (!may_be_signal(in) || !bpf_map_lookup_elem(&addrs, &in->dst))
		return TC_ACT_OK;
	return on_ours(skb, in);
}

/* ICMPv6 type, or 0 where it is another protocol. */
static __always_inline __u8 icmp_type(struct __sk_buff *skb,
				      const struct ip6h *h)
{
	__u8 type;

	if (h->next != NEXT_ICMPV6 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(*h), &type, 1))
		return 0;
	return type;
}

static __always_inline bool is_nd(__u8 type)
{
	return type >= ND_FIRST && type <= ND_LAST;
}

/* Of a Neighbour Solicitation or Advertisement. */
static __always_inline bool nd_target(struct __sk_buff *skb,
				      struct in6_addr *target)
{
	return !bpf_skb_load_bytes(skb, ETH_HLEN + sizeof(struct ip6h) + 8,
				   target, sizeof(*target));
}

/* The headers that every segment of a GSO packet gets. */
static __always_inline __u32 gso_headers(struct __sk_buff *skb, __u32 off,
					 const struct ip6h *h)
{
	struct chain chain = { .at = off + sizeof(*h), .proto = h->next };
	__u8 doff = 0;

	if (h->next != NEXT_TCP && h->next != NEXT_UDP)
		walk(skb, chain.at, h->next, &chain);
	if (chain.proto == NEXT_TCP) {
		bpf_skb_load_bytes(skb, chain.at + 12, &doff, 1);
		return chain.at - off + (doff >> 4) * 4;
	}
	return chain.at - off + 8;
}

/* Length of the packet, or of the longest that a GSO packet will become. */
static __always_inline __u32 segment_len(struct __sk_buff *skb, __u32 off,
					 const struct ip6h *h)
{
	if (!skb->gso_size)
		return sizeof(*h) + bpf_ntohs(h->len);
	return skb->gso_size + gso_headers(skb, off, h);
}

static __always_inline __u32 segments(struct __sk_buff *skb)
{
	return skb->gso_segs ? skb->gso_segs : 1;
}

/*
 * Cuts Ethernet padding off, which would be carried through the tunnel.
 * Non-zero: the length is not the header's (a truncated packet, or one of
 * more than 64 KiB: BIG TCP has no tunnel header to go with).
 */
static __always_inline int trim(struct __sk_buff *skb, __u32 off,
				const struct ip6h *h)
{
	__u32 len = off + sizeof(*h) + bpf_ntohs(h->len);

	if (skb->len == len)
		return 0;
	if (skb->len < len || skb->gso_size)
		return -1;
	return bpf_skb_change_tail(skb, len, 0);
}

static __always_inline int hops_set(struct __sk_buff *skb, __u32 off,
				    struct ip6h *h, __u8 hops)
{
	h->hops = hops;
	return bpf_skb_store_bytes(skb, off + 7, &h->hops, 1,
				   BPF_F_RECOMPUTE_CSUM);
}

/*
 * Room for the outer header. A packet that was popped here is still marked as
 * encapsulated, with its inner offsets right: the kernel then refuses to mark
 * it anew (-EALREADY), and need not. shrink: TCP's segments get shorter by as
 * much.
 */
static __always_inline int push_room(struct __sk_buff *skb, bool shrink)
{
	const __u64 flags = BPF_F_ADJ_ROOM_NO_CSUM_RESET |
			    (shrink ? 0 : BPF_F_ADJ_ROOM_FIXED_GSO);
	const __s32 len = sizeof(struct ip6h);

	if (!bpf_skb_adjust_room(skb, len, BPF_ADJ_ROOM_MAC,
				 flags | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6))
		return 0;
	return bpf_skb_adjust_room(skb, len, BPF_ADJ_ROOM_MAC, flags);
}

/*
 * RFC 6438: routers on the tunnel's way spread flows by addresses and flow
 * label; of the inner flow there is nothing else to go by. Its own label tells
 * the flows between two hosts apart (RFC 6437: the sender sets it).
 */
static __always_inline __u32 flow_label(const struct ip6h *h)
{
	__u32 hash = h->vtf & bpf_htonl(VTF_LABEL);

	hash ^= h->src.s6_addr32[2] ^ h->src.s6_addr32[3] * 5;
	hash ^= h->dst.s6_addr32[2] * 3 ^ h->dst.s6_addr32[3] * 7;
	return hash * 0x9e3779b1 >> 12;
}

/* The tunnel header of RFC 2473; traffic class as RFC 6040's normal mode. */
static __always_inline void outer_header(struct ip6h *out,
					 const struct dp_ends *ends,
					 const struct ip6h *h)
{
	out->vtf = (h->vtf & bpf_htonl(VTF_CLASS)) |
		   bpf_htonl(VTF_VERSION | flow_label(h));
	out->len = bpf_htons(bpf_ntohs(h->len) + sizeof(*h));
	out->next = NEXT_IPV6;
	out->hops = OUTER_HOPS;
	out->src = ends->local;
	out->dst = ends->remote;
}

/* What is told of a path's MTU: never less than RFC 8200 5 has it. */
static __always_inline __u16 inner_mtu(__u32 path)
{
	return path < MIN_MTU + sizeof(struct ip6h) ? MIN_MTU :
	       path - sizeof(struct ip6h);
}

static __always_inline int too_big(struct __sk_buff *skb, __u32 off,
				   const struct ip6h *h, __u16 mtu)
{
	__u32 len = sizeof(*h) + bpf_ntohs(h->len);

	if (len > TOOBIG_HEAD)
		len = TOOBIG_HEAD;
	emit(skb, off, len, EMIT_TYPE(DP_REC_TOOBIG, mtu), NULL);
	return drop(DP_STAT_TOO_BIG);
}

static __always_inline void used(struct dp_binding *b, __u64 *packets,
				 __u64 *bytes, __u32 n, __u32 len, __u64 now)
{
	__u32 tick = now >> DP_USED_SHIFT;

	__sync_fetch_and_add(packets, n);
	__sync_fetch_and_add(bytes, len);
	if (b->used != tick)	/* or processors fight over the line */
		b->used = tick;
}

/*
 * RFC 2473 7.1 (b): a packet that does not fit and may not be told to be
 * shorter goes in fragments, which the daemon makes. What is still to be cut
 * into TCP segments is cut to what fits instead.
 */
static __always_inline bool may_shrink(struct __sk_buff *skb,
				       const struct ip6h *h)
{
	return skb->gso_size && h->next == NEXT_TCP;
}

/* The inner header behind h; false where it is none, or of another length. */
static __always_inline bool inner_load(struct __sk_buff *skb,
				       const struct ip6h *h, struct ip6h *in)
{
	return !truncated(skb, ETH_HLEN, h) &&
	       header_load(skb, ETH_HLEN + sizeof(*h), in) &&
	       bpf_ntohs(h->len) == bpf_ntohs(in->len) + sizeof(*in);
}

static __always_inline __u32 ecn(const struct ip6h *h)
{
	return bpf_ntohl(h->vtf) >> VTF_ECN_SHIFT & ECN_MASK;
}

/*
 * RFC 6040 4.2: what leaves the tunnel's end, or a negative number where the
 * packet must be dropped (congestion marked, but its sender cannot hear it).
 */
static __always_inline int ecn_decap(__u32 outer, __u32 inner)
{
	if (!inner)
		return outer == ECN_CE ? -1 : 0;
	if (outer == ECN_CE)
		return ECN_CE;
	if (outer == ECN_ECT1 && inner == ECN_ECT0)
		return ECN_ECT1;
	return inner;
}

/*
 * Takes the outer header h off; in follows the change of its ECN field. 0, or
 * the verdict where the packet was dropped.
 */
static __always_inline int pop(struct __sk_buff *skb, const struct ip6h *h,
			       struct ip6h *in)
{
	int mark = ecn_decap(ecn(h), ecn(in));

	if (mark < 0)
		return drop(DP_STAT_DROP_INNER);
	if (bpf_skb_adjust_room(skb, -(__s32)sizeof(*h), BPF_ADJ_ROOM_MAC,
				BPF_F_ADJ_ROOM_FIXED_GSO |
				BPF_F_ADJ_ROOM_NO_CSUM_RESET) ||
	    trim(skb, ETH_HLEN, in))
		return drop(DP_STAT_DROP_ADJUST);
	if ((__u32)mark == ecn(in))
		return 0;
	in->vtf = (in->vtf & bpf_htonl(~(ECN_MASK << VTF_ECN_SHIFT))) |
		  bpf_htonl((__u32)mark << VTF_ECN_SHIFT);
	if (bpf_skb_store_bytes(skb, ETH_HLEN, &in->vtf, sizeof(in->vtf),
				BPF_F_RECOMPUTE_CSUM))
		return drop(DP_STAT_DROP_ADJUST);
	return 0;
}

/*
 * RFC 4861 takes a hop limit of 255 as proof that a packet was sent on the
 * link; what came through a tunnel was not, whatever it says. Nothing but ND
 * looks at this.
 */
static __always_inline int hops_not_on_link(struct __sk_buff *skb,
					    struct ip6h *in)
{
	if (in->hops != 255 || in->next == NEXT_TCP || in->next == NEXT_UDP)
		return 0;
	return hops_set(skb, ETH_HLEN, in, 254);
}

#endif
