/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/ip6.h"

enum {
	OPT_PAD1 = 0,
	OPT_PADN = 1,
	RH_TYPE2 = 2,
	EXT_LEN = 24,		/* DestOpt with a HAO alone, and a type 2 RH */
	HOP_LIMIT = 64,
};

/* RFC 6275 6.3. It must come after a routing header and only once. */
static enum reason parse_hao(struct ip6_pkt *out, struct rbuf *opt)
{
	if (out->has_hao || rbuf_left(opt) != sizeof(out->hao))
		return REASON_BAD_OPTION;
	rbuf_bytes(opt, &out->hao, sizeof(out->hao));
	/* RFC 6275 9.3.1 */
	if (!ip6_unicast_routable(&out->hao))
		return REASON_BAD_ADDRESS;
	out->has_hao = true;
	return REASON_NONE;
}

/* Options of a hop-by-hop or a destination options header, RFC 8200 4.2. */
static enum reason parse_options(struct ip6_pkt *out, struct rbuf *rb,
				 uint8_t header)
{
	while (rbuf_left(rb) > 0) {
		uint8_t type = rbuf_u8(rb);
		enum reason reason = REASON_NONE;
		struct rbuf opt;

		if (type == OPT_PAD1)
			continue;
		opt = rbuf_sub(rb, rbuf_u8(rb));
		if (rb->bad)
			return REASON_BAD_OPTION;
		if (type == IP6_OPT_HAO && header == IP6_PROTO_DSTOPTS)
			reason = parse_hao(out, &opt);
		else if (type >> 6 != 0)	/* RFC 8200 4.2: 00 is skip */
			reason = REASON_BAD_OPTION;
		if (reason != REASON_NONE)
			return reason;
	}
	return REASON_NONE;
}

/* RFC 6275 6.4.1; RFC 8200 4.4 for types other than 2. */
static enum reason parse_routing(struct ip6_pkt *out, struct rbuf *rb)
{
	uint8_t type = rbuf_u8(rb);
	uint8_t segments_left = rbuf_u8(rb);

	/* RFC 6275 6.3: the HAO comes after the routing header */
	if (out->has_hao)
		return REASON_BAD_EXTHDR;
	if (type != RH_TYPE2)
		return segments_left ? REASON_BAD_RH : REASON_NONE;
	if (out->has_rh2)
		return REASON_BAD_EXTHDR;
	rbuf_u32(rb);	/* reserved */
	if (segments_left != 1 || rbuf_left(rb) != sizeof(out->rh2))
		return REASON_BAD_RH;
	rbuf_bytes(rb, &out->rh2, sizeof(out->rh2));
	/* RFC 6275 6.4 */
	if (!ip6_unicast_routable(&out->rh2))
		return REASON_BAD_ADDRESS;
	out->has_rh2 = true;
	return REASON_NONE;
}

/* One extension header, out->proto, at rb; leaves out->proto the next's. */
static enum reason parse_exthdr(struct ip6_pkt *out, struct rbuf *rb)
{
	uint8_t header = out->proto;
	struct rbuf body;

	out->proto = rbuf_u8(rb);
	/* RFC 8200 4.3: in units of 8 octets, without the first 8 */
	body = rbuf_sub(rb, rbuf_u8(rb) * 8u + 6);
	if (rb->bad)
		return REASON_TRUNCATED;
	/* RFC 8200 4.1: hop-by-hop options follow the IPv6 header alone */
	if (out->proto == IP6_PROTO_HOPOPTS)
		return REASON_BAD_EXTHDR;
	if (header == IP6_PROTO_ROUTING)
		return parse_routing(out, &body);
	return parse_options(out, &body, header);
}

static bool is_exthdr(uint8_t proto)
{
	return proto == IP6_PROTO_HOPOPTS || proto == IP6_PROTO_DSTOPTS ||
	       proto == IP6_PROTO_ROUTING;
}

enum reason ip6_parse(struct ip6_pkt *out, const uint8_t *p, size_t len)
{
	struct rbuf rb, body;
	size_t payload;

	memset(out, 0, sizeof(*out));
	rbuf_init(&rb, p, len);
	if (rbuf_left(&rb) >= 1 && p[0] >> 4 != 6)
		return REASON_NOT_IPV6;
	rbuf_u32(&rb);	/* version, traffic class, flow label */
	payload = rbuf_u16(&rb);
	out->proto = rbuf_u8(&rb);
	out->hop_limit = rbuf_u8(&rb);
	rbuf_bytes(&rb, &out->src, sizeof(out->src));
	rbuf_bytes(&rb, &out->dst, sizeof(out->dst));
	if (payload > IP6_SIGNAL_MAX - IP6_HDR_LEN)
		return REASON_OVERSIZE;
	/* what follows the payload is the link layer's padding */
	body = rbuf_sub(&rb, payload);
	if (rb.bad)
		return REASON_TRUNCATED;

	while (is_exthdr(out->proto)) {
		enum reason reason = parse_exthdr(out, &body);

		if (reason != REASON_NONE)
			return reason;
	}
	if (out->proto == IP6_PROTO_FRAGMENT)
		return REASON_FRAGMENT;
	out->upper_len = rbuf_left(&body);
	out->upper = body.p;
	return REASON_NONE;
}

/* RFC 6275 6.4.1 */
static void build_rh2(struct wbuf *wb, const struct ip6_pkt *pkt, uint8_t next)
{
	wbuf_u8(wb, next);
	wbuf_u8(wb, EXT_LEN / 8 - 1);
	wbuf_u8(wb, RH_TYPE2);
	wbuf_u8(wb, 1);		/* segments left */
	wbuf_u32(wb, 0);
	wbuf_bytes(wb, &pkt->rh2, sizeof(pkt->rh2));
}

/* RFC 6275 6.3: the option is aligned to 8n + 6, hence the PadN of four */
static void build_hao(struct wbuf *wb, const struct ip6_pkt *pkt)
{
	wbuf_u8(wb, pkt->proto);
	wbuf_u8(wb, EXT_LEN / 8 - 1);
	wbuf_u8(wb, OPT_PADN);
	wbuf_u8(wb, 2);
	wbuf_u16(wb, 0);
	wbuf_u8(wb, IP6_OPT_HAO);
	wbuf_u8(wb, sizeof(pkt->hao));
	wbuf_bytes(wb, &pkt->hao, sizeof(pkt->hao));
}

ssize_t ip6_build(uint8_t *out, size_t cap, const struct ip6_pkt *pkt)
{
	size_t ext = EXT_LEN * ((size_t)pkt->has_hao + pkt->has_rh2);
	uint8_t next = pkt->has_hao ? IP6_PROTO_DSTOPTS : pkt->proto;
	struct wbuf wb;

	if (pkt->upper_len > UINT16_MAX - ext)
		return -EMSGSIZE;
	wbuf_init(&wb, out, cap);
	wbuf_u32(&wb, 6u << 28);
	wbuf_u16(&wb, (uint16_t)(ext + pkt->upper_len));
	wbuf_u8(&wb, pkt->has_rh2 ? IP6_PROTO_ROUTING : next);
	wbuf_u8(&wb, pkt->hop_limit ? pkt->hop_limit : HOP_LIMIT);
	wbuf_bytes(&wb, &pkt->src, sizeof(pkt->src));
	wbuf_bytes(&wb, &pkt->dst, sizeof(pkt->dst));
	if (pkt->has_rh2)
		build_rh2(&wb, pkt, next);
	if (pkt->has_hao)
		build_hao(&wb, pkt);
	wbuf_bytes(&wb, pkt->upper, pkt->upper_len);
	return wb.bad ? -EMSGSIZE : (ssize_t)wb.len;
}

static uint64_t sum16(uint64_t sum, const uint8_t *p, size_t len)
{
	for (; len > 1; p += 2, len -= 2)
		sum += (uint64_t)p[0] << 8 | p[1];
	return len ? sum + ((uint64_t)p[0] << 8) : sum;
}

/* RFC 8200 8.1: addresses, upper-layer length, next header, the message */
uint16_t ip6_checksum(const struct in6_addr *src, const struct in6_addr *dst,
		      uint8_t proto, const uint8_t *p, size_t len)
{
	uint64_t sum = proto + (uint64_t)len;

	sum = sum16(sum, src->s6_addr, sizeof(*src));
	sum = sum16(sum, dst->s6_addr, sizeof(*dst));
	sum = sum16(sum, p, len);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

bool ip6_unicast_routable(const struct in6_addr *addr)
{
	return !IN6_IS_ADDR_UNSPECIFIED(addr) &&
	       !IN6_IS_ADDR_LOOPBACK(addr) &&
	       !IN6_IS_ADDR_MULTICAST(addr) &&
	       !IN6_IS_ADDR_LINKLOCAL(addr) &&
	       !IN6_IS_ADDR_V4MAPPED(addr);
}

bool ip6_prefix_has(const struct ip6_prefix *prefix,
		    const struct in6_addr *addr)
{
	const uint8_t *a = prefix->addr.s6_addr, *b = addr->s6_addr;
	unsigned int bytes = prefix->len / 8, bits = prefix->len % 8;

	if (prefix->len > 128 || memcmp(a, b, bytes) != 0)
		return false;
	return !bits || (a[bytes] ^ b[bytes]) >> (8 - bits) == 0;
}

bool ip6_addr_eq(const struct in6_addr *a, const struct in6_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

const char *ip6_str(const struct in6_addr *addr)
{
	static char text[8][INET6_ADDRSTRLEN];
	static unsigned int turn;
	char *out = text[turn++ % 8];

	return inet_ntop(AF_INET6, addr, out, INET6_ADDRSTRLEN);
}

void ip6_prefix_mask(struct ip6_prefix *prefix)
{
	unsigned int i;

	for (i = 0; i < 16; i++) {
		unsigned int bits = prefix->len > i * 8 ? prefix->len - i * 8 : 0;

		if (bits < 8)
			prefix->addr.s6_addr[i] &= (uint8_t)(0xff00 >> bits);
	}
}
