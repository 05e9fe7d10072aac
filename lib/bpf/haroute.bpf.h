/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The home agent's ways: the kernel's routes and neighbours, remembered for
 * some seconds. Included by ha.bpf.c.
 */
#ifndef KEDGE_HAROUTE_BPF_H
#define KEDGE_HAROUTE_BPF_H

#include "bpf/common.bpf.h"

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
		/* or it is all done at once, and waits on the stack */
		barrier_var(high);
		barrier_var(low);
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
 * (RFC 4861 7.3). XDP and copies, which cannot, only look.
 */
static __always_inline bool neighbour_due(const __u8 *mac, __u64 now, bool look)
{
	__u32 low = *(__u16 *)mac << 16 ^ *(__u16 *)(mac + 2) << 8 ^
		    *(__u16 *)(mac + 4);
	__u32 key = low * HASH_FACTOR >> (32 - ASKED_BITS);
	__u32 *at = bpf_map_lookup_elem(&asked, &key);

	low ^= epoch(now) << 16;
	if (!at || *at == low)
		return false;
	if (!look)
		*at = low;
	return true;
}

/* What the look-up came to. */
struct way {
	__u32 ifindex;
	__u32 mtu;		/* the path's */
	struct ethhdr eth __attribute__((aligned(4)));
	bool resolve;		/* the neighbour is to be asked for first */
};

/* What is looked up. */
struct query {
	__u32 ifindex;		/* where the packet is now */
	__be32 vtf;
	__u32 len;		/* IPv6 header included */
};

/*
 * The kernel's routes, policy rules and neighbours, with the path's MTU as it
 * knows it (ICMPv6 errors included). BPF_FIB_LKUP_RET_*. Apart, for it is rare
 * and wants room on the stack.
 */
static __noinline long route_ask(void *ctx, const struct query *query,
				 const struct in6_addr *src,
				 const struct in6_addr *dst, struct way *way)
{
	struct bpf_fib_lookup fib;
	long rc;

	__builtin_memset(&fib, 0, sizeof(fib));
	fib.family = FAMILY_INET6;
	fib.ifindex = query->ifindex;
	fib.tot_len = query->len;
	fib.flowinfo = query->vtf & bpf_htonl(0x0fffffff);
	__builtin_memcpy(fib.ipv6_src, src, sizeof(fib.ipv6_src));
	__builtin_memcpy(fib.ipv6_dst, dst, sizeof(fib.ipv6_dst));
	rc = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	way->ifindex = fib.ifindex;
	way->mtu = fib.mtu_result;
	way->resolve = rc == BPF_FIB_LKUP_RET_NO_NEIGH;
	if (!rc) {
		__builtin_memcpy(way->eth.h_dest, fib.dmac, ETH_ALEN);
		__builtin_memcpy(way->eth.h_source, fib.smac, ETH_ALEN);
	}
	return rc;
}

static __always_inline void route_keep(struct route *r, __u64 hash, __u32 tag,
				       const struct way *way)
{
	r->hash = hash;
	r->ifindex = way->ifindex;
	r->tag = tag;
	r->mtu = way->mtu;
	__builtin_memcpy(r->dmac, way->eth.h_dest, ETH_ALEN);
	__builtin_memcpy(r->smac, way->eth.h_source, ETH_ALEN);
}

/*
 * The way from src to dst for a packet of len bytes, IPv6 header included.
 * What was looked up within this epoch is not looked up again.
 */
static __always_inline long route(void *ctx, __u32 ifindex,
				  const struct in6_addr *src,
				  const struct in6_addr *dst, __be32 vtf,
				  __u32 len, __u64 now, bool look,
				  struct way *way)
{
	__u64 hash = route_hash(ifindex, src, dst);
	struct route *r = route_place(hash, 0);
	struct route *r2 = route_place(hash, 1);
	__u32 tag = route_tag(now);
	struct query query = { ifindex, vtf, len };
	long rc;

	if (!r || !r2)		/* there is no such processor */
		return BPF_FIB_LKUP_RET_UNREACHABLE;
	/* A group's address, were it left there, would have the packet dropped
	 * on its way through the neighbour machinery. */
	way->eth = (struct ethhdr){ .h_proto = bpf_htons(ETH_P_IPV6) };
	if (r->hash != hash && r->tag == tag)
		r = r2;		/* or the first one's place is free */
	if (r->hash != hash || r->tag != tag || len > r->mtu) {
		rc = route_ask(ctx, &query, src, dst, way);
		if (rc)
			return rc;
		route_keep(r, hash, tag, way);
	}
	way->ifindex = r->ifindex;
	__builtin_memcpy(way->eth.h_dest, r->dmac, ETH_ALEN);
	__builtin_memcpy(way->eth.h_source, r->smac, ETH_ALEN);
	way->resolve = neighbour_due(r->dmac, now, look);
	return BPF_FIB_LKUP_RET_SUCCESS;
}

/* The same, but not of what was looked up before: it is rare. */
static __always_inline long route_anew(struct __sk_buff *skb,
				       const struct in6_addr *src,
				       const struct in6_addr *dst, __be32 vtf,
				       __u32 len, __u64 now, bool look,
				       struct way *way)
{
	struct query query = { skb->ifindex, vtf, len };
	long rc = route_ask(skb, &query, src, dst, way);

	if (!rc)
		way->resolve = neighbour_due(way->eth.h_dest, now, look);
	return rc;
}

/* The neighbour's link-layer address is there. */
static __always_inline bool way_known(const struct way *way)
{
	const __u8 *mac = way->eth.h_dest;

	return mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5];
}

static __always_inline int leave(const struct way *way)
{
	return way->resolve ? bpf_redirect_neigh(way->ifindex, NULL, 0, 0) :
	       bpf_redirect(way->ifindex, 0);
}

#endif
