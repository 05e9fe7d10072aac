/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, as sock.bpf.c looks at them. */
#ifndef KEDGE_SOCKADDR_BPF_H
#define KEDGE_SOCKADDR_BPF_H

#include <linux/bpf.h>
#include <linux/in6.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { SCOPE_SITE = 5 };

static __always_inline bool is_any(const struct in6_addr *a)
{
	return !(a->s6_addr32[0] | a->s6_addr32[1] | a->s6_addr32[2] |
		 a->s6_addr32[3]);
}

static __always_inline bool is_equal(const struct in6_addr *a,
				     const struct in6_addr *b)
{
	return a->s6_addr32[0] == b->s6_addr32[0] &&
	       a->s6_addr32[1] == b->s6_addr32[1] &&
	       a->s6_addr32[2] == b->s6_addr32[2] &&
	       a->s6_addr32[3] == b->s6_addr32[3];
}

static __always_inline bool is_mapped(const struct in6_addr *a)
{
	return !a->s6_addr32[0] && !a->s6_addr32[1] &&
	       a->s6_addr32[2] == bpf_htonl(0xffff);
}

/* With these nothing is done at all: no address of ours goes there. */
static __always_inline bool is_local(const struct in6_addr *a)
{
	__u32 top = bpf_ntohl(a->s6_addr32[0]);

	if (top >> 24 == 0xff)
		return (top >> 16 & 0xf) <= SCOPE_SITE;
	return top >> 22 == 0xfe80 >> 6 || is_mapped(a) ||
	       /* ::, which the kernel takes for ::1, and ::1 */
	       (!a->s6_addr32[0] && !a->s6_addr32[1] && !a->s6_addr32[2] &&
		bpf_ntohl(a->s6_addr32[3]) <= 1);
}

static __always_inline bool is_in(const struct in6_addr *a,
				  const struct in6_addr *prefix, __u8 len)
{
	int i, left = len;

	for (i = 0; i < 4 && left > 0; i++, left -= 32) {
		__u32 mask = left >= 32 ? ~0U : ~0U << (32 - left);

		if ((a->s6_addr32[i] ^ prefix->s6_addr32[i]) &
		    bpf_htonl(mask))
			return false;
	}
	return true;
}

#endif
