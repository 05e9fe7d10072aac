/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ICMPv6 messages of RFC 6275 6.5 to 6.8: home agents' addresses and home
 * prefixes, asked for from afar.
 */
#ifndef KEDGE_MIP_H
#define KEDGE_MIP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/ip6.h"
#include "proto/nd.h"
#include "proto/reason.h"

enum mip_type {
	MIP_HAAD_REQUEST = 144,	/* Home Agent Address Discovery, 6.5 */
	MIP_HAAD_REPLY = 145,	/* 6.6 */
	MIP_MPS = 146,		/* Mobile Prefix Solicitation, 6.7 */
	MIP_MPA = 147,		/* Mobile Prefix Advertisement, 6.8 */
};

/* A reply fits the minimum MTU, 10.5. */
enum { MIP_ADDRS_MAX = 64 };

struct mip {
	uint8_t type;			/* enum mip_type */
	uint16_t id;			/* a reply's is the request's */
	bool managed, other;		/* MPA: M, O */
	uint8_t n_addrs;		/* reply; more are skipped */
	struct in6_addr addrs[MIP_ADDRS_MAX];
	uint8_t n_prefixes;		/* MPA; more are skipped */
	struct nd_prefix prefixes[ND_PREFIXES_MAX];
};

/*
 * Parses one ICMPv6 message of len bytes. src and dst are those of the
 * checksum's pseudo-header: ip6_home_src() and ip6_final_dst(). *out is wholly
 * written. Which addresses and headers the packet must have is the caller's to
 * check. REASON_ND_UNKNOWN_TYPE for another type, or a code that is not 0.
 */
enum reason mip_parse(struct mip *out, const uint8_t *p, size_t len,
		      const struct in6_addr *src, const struct in6_addr *dst);
/* The length, -EMSGSIZE, or -EINVAL for what mip_parse() would refuse. */
ssize_t mip_build(uint8_t *out, size_t cap, const struct mip *mip,
		  const struct in6_addr *src, const struct in6_addr *dst);

/*
 * The Mobile IPv6 Home-Agents anycast address of a home prefix, RFC 2526 2 and
 * 3: the interface identifier fdff:ffff:ffff:fffe for a /64, all ones but for
 * the last bit for another length. false: no room for one (longer than 121).
 */
bool mip_anycast(struct in6_addr *out, const struct ip6_prefix *home);

#endif
