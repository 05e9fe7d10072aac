/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Neighbour Discovery (RFC 4861) with RFC 6275 section 7's additions, and
 * ICMPv6 errors (RFC 4443 section 3).
 * Parsers take the ICMPv6 message (ip6_pkt.upper) with the packet's addresses
 * and hop limit, and check both as RFC 4861 6.1 and 7.1 say. Builders write
 * the ICMPv6 message alone unless said otherwise, and return its length,
 * -EMSGSIZE, or -EINVAL for what their parser would refuse.
 */
#ifndef KEDGE_ND_H
#define KEDGE_ND_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/buf.h"
#include "proto/ip6.h"
#include "proto/reason.h"

enum {
	ND_TYPE_UNREACHABLE = 1,
	ND_TYPE_PTB = 2,
	ND_TYPE_TIME_EXCEEDED = 3,
	ND_TYPE_PARAM_PROBLEM = 4,
	ND_TYPE_RS = 133,
	ND_TYPE_RA = 134,
	ND_TYPE_NS = 135,
	ND_TYPE_NA = 136,
	ND_PREFIXES_MAX = 8,
	/* codes, RFC 4443 3.1, 3.3 and 3.4 */
	ND_UNREACH_NO_ROUTE = 0,
	ND_UNREACH_ADDRESS = 3,
	ND_EXCEEDED_HOPS = 0,
	ND_PARAM_FIELD = 0,
	ND_PARAM_HEADER = 1,
	ND_PARAM_OPTION = 2,
};

struct nd_prefix {
	struct in6_addr prefix;		/* with R set: the router's address */
	uint8_t len;
	bool on_link, autonomous;	/* L, A */
	bool router_addr;		/* R, RFC 6275 7.2 */
	uint32_t valid, preferred;	/* seconds; 0xffffffff: for ever */
};

/* The options to the end of rb: up to ND_PREFIXES_MAX of this kind, the others
 * are skipped. */
enum reason nd_prefixes_parse(struct nd_prefix *out, uint8_t *n,
			      struct rbuf *rb);
void nd_prefix_build(struct wbuf *wb, const struct nd_prefix *prefix);

struct nd_ra {
	uint8_t hop_limit;
	bool managed, other, home_agent;	/* M, O, H (RFC 6275 7.1) */
	uint16_t lifetime;			/* s, as default router */
	uint32_t reachable, retrans;		/* ms */
	bool has_slla;
	uint8_t slla[6];
	uint32_t mtu;				/* 0: none */
	uint32_t adv_interval;			/* ms, 7.3; 0: none */
	bool has_ha_info;			/* 7.4 */
	uint16_t ha_preference;
	uint16_t ha_lifetime;			/* s */
	uint8_t n_prefixes;			/* more are skipped */
	struct nd_prefix prefixes[ND_PREFIXES_MAX];
};

/* len bytes of ICMPv6; src, dst, hop limit and upper are taken from pkt. */
enum reason nd_ra_parse(struct nd_ra *out, const struct ip6_pkt *pkt);
ssize_t nd_ra_build(uint8_t *out, size_t cap, const struct nd_ra *ra,
		    const struct in6_addr *src, const struct in6_addr *dst);

struct nd_rs {
	bool has_slla;
	uint8_t slla[6];
};

enum reason nd_rs_parse(struct nd_rs *out, const struct ip6_pkt *pkt);
/* slla may be NULL (it must be where src is unspecified). */
ssize_t nd_rs_build(uint8_t *out, size_t cap, const uint8_t *slla,
		    const struct in6_addr *src, const struct in6_addr *dst);

struct nd_ns {
	struct in6_addr target;
	bool has_slla;
	uint8_t slla[6];
};

enum reason nd_ns_parse(struct nd_ns *out, const struct ip6_pkt *pkt);
ssize_t nd_ns_build(uint8_t *out, size_t cap, const struct nd_ns *ns,
		    const struct in6_addr *src, const struct in6_addr *dst);

struct nd_na {
	struct in6_addr target;
	bool router, solicited, override;	/* R, S, O */
	bool has_tlla;
	uint8_t tlla[6];
};

enum reason nd_na_parse(struct nd_na *out, const struct ip6_pkt *pkt);
ssize_t nd_na_build(uint8_t *out, size_t cap, const struct nd_na *na,
		    const struct in6_addr *src, const struct in6_addr *dst);

/* What an ICMPv6 error says, RFC 4443 3. param: the MTU, the pointer, or 0. */
struct nd_error {
	uint8_t type, code;
	uint32_t param;
};

/*
 * A whole IPv6 packet: an error from src to the source of the packet that it
 * is about (its first len bytes at orig), cut to 1280 bytes. Returns -EINVAL
 * where RFC 4443 2.4 (e) forbids an answer (to an ICMPv6 error, to a source
 * that is no unicast address), else the length or -EMSGSIZE.
 */
ssize_t nd_error_build(uint8_t *out, size_t cap, const struct in6_addr *src,
		       const struct nd_error *err, const uint8_t *orig,
		       size_t len);

/* ff02::1:ffXX:XXXX for target, RFC 4291 2.7.1 */
struct in6_addr nd_solicited_node(const struct in6_addr *target);

#endif
