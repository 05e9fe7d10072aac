/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * While the home agent sends each packet by two ways (RFC 6089 5.3.6), the
 * second copy of each is dropped.
 *
 * Nothing on the wire numbers them, so copies are found by what is in them: a
 * packet whose contents have just come by the other way, and were handed on, is
 * the second copy, and then the pair is forgotten. So
 *
 * - where one way loses a packet, or is the slower one for some packets and the
 *   faster one for others, the first that comes is handed on, the other is not;
 * - of an application's packets with the same contents (a keep-alive) each pair
 *   is a pair of its own. Only one that waits for its copy is remembered: the
 *   copies of a volley of them may come through, but none is lost for that;
 * - one is lost wrongly only where the same contents are sent again within
 *   COPY_WINDOW after a packet whose copy did not come, and that again comes
 *   by the other way alone: at most one for each time that the ways change;
 * - contents that differ are taken for the same at one in 2^32 of what falls
 *   into a place in use; two care-of addresses for the same one at one in 2^16:
 *   then all copies come through;
 * - where a packet's place is taken by another before its copy comes, the copy
 *   comes through; so it does where it comes later than COPY_WINDOW, or the
 *   ways' devices put TCP segments together differently (TCP drops those), or
 *   one way's tunnel packets come in fragments, which the daemon takes.
 */
#ifndef KEDGE_COPIES_BPF_H
#define KEDGE_COPIES_BPF_H

#include "bpf/common.bpf.h"

enum {
	COPIES_BITS = 15,
	COPY_TICK_SHIFT = 22,	/* of ns: 4.2 ms */
	COPY_WINDOW = 120,	/* ticks: 0.5 s */
	COPY_CHUNK = 64,
	COPY_CHUNKS = 24,	/* all of what a link of 1500 bytes carries */
	COPY_TRIES = 2,
	TCP_CSUM = 16,
	UDP_CSUM = 6,
};

#define COPY_FACTOR 0x9e3779b97f4a7c15	/* 2^64 by the golden ratio */

/* The loader's: random, so that nobody can make contents that look like
 * somebody else's. */
const volatile __u64 copies_key = 0;

/*
 * What waits for its copy; 0: nothing. From the top: 32 bits of the contents'
 * hash, 16 of the hash of the address that it came to, 16 of the time.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << COPIES_BITS);
	__type(key, __u32);
	__type(value, __u64);
} copies SEC(".maps");

static __always_inline __u64 copy_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * COPY_FACTOR;
	return hash ^ hash >> 29;
}

/*
 * What of a packet is not in its copy: checksums, which one of two devices may
 * have completed and the other not; and of the IPv6 header traffic class and
 * hop limit.
 */
static __always_inline void copy_level(__u8 *chunk, __u8 next)
{
	if (next == NEXT_TCP)
		*(__u16 *)(chunk + TCP_CSUM) = 0;
	else if (next == NEXT_UDP)
		*(__u16 *)(chunk + UDP_CSUM) = 0;
}

/* Of len bytes from off on, behind an IPv6 header whose next header is next. */
__noinline int copy_hash(struct __sk_buff *skb, __u32 off, __u32 len_next,
			 __u64 *hash)
{
	__u32 len = len_next >> 8, n, i, k;
	__u64 chunk[COPY_CHUNK / 8];

	if (!hash)	/* for the verifier's peace */
		return -1;
	for (i = 0; i < COPY_CHUNKS && len; i++) {
		n = len < COPY_CHUNK ? len : COPY_CHUNK;
		barrier_var(n);	/* which then has to be seen to be 1 to 64 */
		n = ((n - 1) & (COPY_CHUNK - 1)) + 1;
		__builtin_memset(chunk, 0, sizeof(chunk));
		if (bpf_skb_load_bytes(skb, off, chunk, n))
			return -1;
		if (!i)
			copy_level((__u8 *)chunk, len_next & 0xff);
		for (k = 0; k < COPY_CHUNK / 8; k++)
			*hash = copy_mix(*hash, chunk[k]);
		off += n;
		len -= n;
	}
	return 0;
}

static __always_inline __u64 copy_addr_hash(__u64 hash,
					    const struct in6_addr *a)
{
	const __u64 *word = (const __u64 *)a;

	return copy_mix(copy_mix(hash, word[0]), word[1]);
}

/* Has what waits in this place the same contents, come another way? */
static __always_inline bool copy_waits(__u64 old, __u64 mine)
{
	return old >> 32 == mine >> 32 &&
	       (__u16)(old >> 16) != (__u16)(mine >> 16) &&
	       (__u16)(mine - old) < COPY_WINDOW;
}

/* The packet with header h at off, which came to this address: the care-of
 * address, or, natively, the home address. */
static __always_inline bool second_copy(struct __sk_buff *skb, __u32 off,
					const struct ip6h *h,
					const struct in6_addr *to)
{
	__u64 hash = copies_key, way, mine, old, *place;
	__u32 len = bpf_ntohs(h->len), key, i;
	bool second;

	hash = copy_addr_hash(copy_addr_hash(hash, &h->src), &h->dst);
	hash = copy_mix(hash, (__u64)(h->vtf & bpf_htonl(VTF_LABEL)) << 32 |
			len << 8 | h->next);
	if (copy_hash(skb, off + sizeof(*h), len << 8 | h->next, &hash))
		return false;
	way = copy_addr_hash(copies_key, to) >> 48;
	key = hash & ((1 << COPIES_BITS) - 1);
	mine = (hash & 0xffffffff00000000) | way << 16 |
	       (__u16)(bpf_ktime_get_coarse_ns() >> COPY_TICK_SHIFT);
	place = bpf_map_lookup_elem(&copies, &key);
	for (i = 0; place && i < COPY_TRIES; i++) {
		old = *(volatile __u64 *)place;
		second = copy_waits(old, mine);
		if (__sync_val_compare_and_swap(place, old,
						second ? 0 : mine) == old)
			return second;
	}
	return false;
}

#endif
