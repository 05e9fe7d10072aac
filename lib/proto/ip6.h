/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv6 packets with the Home Address option and the type 2 routing header
 * (RFC 8200, RFC 6275 6.3 and 6.4), the Internet checksum, address tests.
 */
#ifndef KEDGE_IP6_H
#define KEDGE_IP6_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/reason.h"

enum {
	IP6_HDR_LEN = 40,
	IP6_SIGNAL_MAX = 1500,	/* longest signalling packet that we take */
	IP6_PROTO_HOPOPTS = 0,
	IP6_PROTO_IPV6 = 41,
	IP6_PROTO_ROUTING = 43,
	IP6_PROTO_FRAGMENT = 44,
	IP6_PROTO_ESP = 50,
	IP6_PROTO_AH = 51,
	IP6_PROTO_ICMPV6 = 58,
	IP6_PROTO_NONE = 59,
	IP6_PROTO_DSTOPTS = 60,
	IP6_PROTO_MH = 135,
	IP6_OPT_HAO = 0xc9,	/* RFC 6275 6.3 */
	IP6_MIN_MTU = 1280,
};

/*
 * A packet's addresses and its first header that is no extension header.
 * home_src() and final_dst() below are what checksums and SAs are about.
 */
struct ip6_pkt {
	struct in6_addr src, dst;	/* of the IPv6 header */
	struct in6_addr hao;		/* Home Address option, if has_hao */
	struct in6_addr rh2;		/* type 2 routing header's, if has_rh2 */
	bool has_hao, has_rh2;
	uint8_t hop_limit;
	uint8_t proto;			/* of upper: 135, 50, 58, ... */
	const uint8_t *upper;		/* into the packet given to parse */
	size_t upper_len;
};

static inline const struct in6_addr *ip6_home_src(const struct ip6_pkt *pkt)
{
	return pkt->has_hao ? &pkt->hao : &pkt->src;
}

static inline const struct in6_addr *ip6_final_dst(const struct ip6_pkt *pkt)
{
	return pkt->has_rh2 ? &pkt->rh2 : &pkt->dst;
}

/*
 * Parses hop-by-hop, destination options, routing (type 2 with one segment
 * left; other types with none left are skipped) up to the upper header. A
 * fragment header is REASON_FRAGMENT. Unknown options: RFC 8200 4.2's two
 * high bits decide, skip or REASON_BAD_OPTION. Two HAOs or RH2s are refused,
 * and a routing header after a HAO. The HAO and RH2 address must be unicast
 * routable (REASON_BAD_ADDRESS; fields up to there are filled in then).
 */
enum reason ip6_parse(struct ip6_pkt *out, const uint8_t *p, size_t len);

/*
 * Builds IPv6 | DestOpt(HAO) if pkt->has_hao | RH2 if has_rh2 | upper, in
 * RFC 6275 6.3's order (RH2 before the HAO's DestOpt where both are there).
 * hop_limit 0 means 64. pkt->upper may not be within out. Returns the length
 * or -EMSGSIZE.
 */
ssize_t ip6_build(uint8_t *out, size_t cap, const struct ip6_pkt *pkt);

/* Checksum over the pseudo-header (RFC 8200 8.1) and p; 0 if p's is right. */
uint16_t ip6_checksum(const struct in6_addr *src, const struct in6_addr *dst,
		      uint8_t proto, const uint8_t *p, size_t len);

/* RFC 6275 6.3: a home address must be a unicast routable address. Not
 * multicast, unspecified, loopback, link-local, IPv4-mapped. */
bool ip6_unicast_routable(const struct in6_addr *addr);

struct ip6_prefix {
	struct in6_addr addr;
	uint8_t len;
};

bool ip6_prefix_has(const struct ip6_prefix *prefix,
		    const struct in6_addr *addr);
/* Zeroes the bits beyond the length. */
void ip6_prefix_mask(struct ip6_prefix *prefix);
bool ip6_addr_eq(const struct in6_addr *a, const struct in6_addr *b);

/* Text of an address, in one of 8 static buffers taken in turn. For logs. */
const char *ip6_str(const struct in6_addr *addr);

#endif
