/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/tunnel.h"

#include <errno.h>
#include <string.h>

#include "proto/buf.h"

enum {
	OPT_PAD1 = 0,
	OPT_ENCAP_LIMIT = 4,	/* RFC 2473 5.1 */
	FRAGMENT_LEN = 8,	/* of the header, RFC 8200 4.5 */
	FRAGMENT_OFFSET = 0xfff8,
	CLASS_ECN = 3,
};

enum { ECN_NOT = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 };

/* What the tunnel's headers of a quoted packet hold. */
struct outer {
	struct in6_addr src, dst;
	size_t headers;		/* their length, a fragment header's aside */
	size_t limit_at;	/* of an encapsulation limit's value; 0: none */
	uint8_t limit;
};

/* at: of the options, in the packet */
static void find_limit(struct outer *o, struct rbuf opts, size_t at)
{
	const uint8_t *start = opts.p;

	while (rbuf_left(&opts) > 0) {
		uint8_t type = rbuf_u8(&opts), len;

		if (type == OPT_PAD1)
			continue;
		len = rbuf_u8(&opts);
		if (type == OPT_ENCAP_LIMIT && len == 1) {
			o->limit_at = at + (size_t)(opts.p - start);
			o->limit = rbuf_u8(&opts);
		} else {
			rbuf_take(&opts, len);
		}
	}
	if (opts.bad)
		o->limit_at = 0;
}

static uint8_t options_header(struct outer *o, struct rbuf *rb)
{
	uint8_t next = rbuf_u8(rb), len = rbuf_u8(rb);
	struct rbuf opts = rbuf_sub(rb, len * 8u + 6);

	find_limit(o, opts, o->headers + 2);
	o->headers += len * 8u + 8;
	return next;
}

/* Of a later fragment nothing that could tell whose it was is quoted. */
static uint8_t fragment_header(struct rbuf *rb)
{
	uint8_t next = rbuf_u8(rb);

	rbuf_u8(rb);
	if (rbuf_u16(rb) & FRAGMENT_OFFSET)
		rb->bad = true;
	rbuf_u32(rb);
	return next;
}

/* Up to the inner header. */
static bool outer_parse(struct outer *o, struct rbuf *rb)
{
	uint8_t next;

	if (rbuf_u32(rb) >> 28 != 6)
		return false;
	rbuf_u16(rb);
	next = rbuf_u8(rb);
	rbuf_u8(rb);
	rbuf_bytes(rb, &o->src, sizeof(o->src));
	rbuf_bytes(rb, &o->dst, sizeof(o->dst));
	o->headers = IP6_HDR_LEN;
	while (!rb->bad && next != IP6_PROTO_IPV6) {
		if (next == IP6_PROTO_HOPOPTS || next == IP6_PROTO_DSTOPTS)
			next = options_header(o, rb);
		else if (next == IP6_PROTO_FRAGMENT)
			next = fragment_header(rb);
		else
			return false;
	}
	return !rb->bad;
}

/*
 * RFC 2473 8.2 with 7.1: told is only who can send less, with what the tunnel
 * leaves of the path's MTU. total: of the inner packet.
 */
static struct nd_error tell_too_big(uint32_t mtu, size_t headers, size_t total)
{
	struct nd_error tell = {0};

	mtu = mtu > headers + IP6_MIN_MTU ? mtu - (uint32_t)headers :
					    IP6_MIN_MTU;
	if (total <= mtu)
		return tell;
	tell.type = ND_TYPE_PTB;
	tell.param = mtu;
	return tell;
}

/* RFC 2473 8.1 and 8.2: which of them say that the tunnel is no way. One that
 * is about reassembly, or about our header, says nothing to the source. */
static bool is_unreachable(const struct nd_error *err, const struct outer *o)
{
	switch (err->type) {
	case ND_TYPE_UNREACHABLE:
		return true;
	case ND_TYPE_TIME_EXCEEDED:
		return err->code == ND_EXCEEDED_HOPS;
	case ND_TYPE_PARAM_PROBLEM:
		/* 8.1 says that the limit is one then, 8.2 and 4.1.1 zero */
		return err->code == ND_PARAM_FIELD && o->limit_at &&
		       err->param == o->limit_at && o->limit <= 1;
	default:
		return false;
	}
}

enum reason tunnel_error_parse(struct tunnel_error *out,
			       const struct nd_error *err,
			       const uint8_t *quoted, size_t len)
{
	struct outer o = {0};
	struct rbuf rb;
	size_t total;

	memset(out, 0, sizeof(*out));
	rbuf_init(&rb, quoted, len);
	if (!outer_parse(&o, &rb))
		return REASON_TUNNEL_QUOTE;
	out->src = o.src;
	out->dst = o.dst;
	out->inner = rb.p;
	out->inner_len = rbuf_left(&rb);
	if (rbuf_u32(&rb) >> 28 != 6)
		return REASON_TUNNEL_QUOTE;
	total = rbuf_u16(&rb) + (size_t)IP6_HDR_LEN;
	rbuf_u16(&rb);
	rbuf_bytes(&rb, &out->inner_src, sizeof(out->inner_src));
	rbuf_bytes(&rb, &out->inner_dst, sizeof(out->inner_dst));
	if (rb.bad)
		return REASON_TUNNEL_QUOTE;
	if (out->inner_len > total)	/* or it is padding of the link */
		out->inner_len = total;
	if (err->type == ND_TYPE_PTB)
		out->tell = tell_too_big(err->param, o.headers, total);
	else if (is_unreachable(err, &o))
		out->tell = (struct nd_error){ ND_TYPE_UNREACHABLE,
					       ND_UNREACH_ADDRESS, 0 };
	return REASON_NONE;
}

/* RFC 6040 4.2: what leaves the tunnel's end, or -1: it is to be dropped. */
static int ecn_decap(uint8_t outer, uint8_t inner)
{
	if (inner == ECN_NOT)
		return outer == ECN_CE ? -1 : ECN_NOT;
	if (outer == ECN_CE)
		return ECN_CE;
	if (outer == ECN_ECT1 && inner == ECN_ECT0)
		return ECN_ECT1;
	return inner;
}

enum reason tunnel_inner(uint8_t *inner, size_t len, uint8_t tclass)
{
	struct in6_addr dst;
	int ecn;

	if (len < IP6_HDR_LEN || inner[0] >> 4 != 6 ||
	    len != IP6_HDR_LEN + ((size_t)inner[4] << 8 | inner[5]))
		return REASON_TUNNEL_INNER;
	memcpy(&dst, inner + 24, sizeof(dst));
	/* RFC 4291 2.7: scopes 1 and 2 are never forwarded */
	if (IN6_IS_ADDR_LINKLOCAL(&dst) ||
	    (IN6_IS_ADDR_MULTICAST(&dst) && (dst.s6_addr[1] & 0xf) <= 2))
		return REASON_TUNNEL_LINK_SCOPE;
	/* the traffic class stands across two bytes */
	ecn = ecn_decap(tclass & CLASS_ECN, inner[1] >> 4 & CLASS_ECN);
	if (ecn < 0)
		return REASON_TUNNEL_ECN;
	inner[1] = (uint8_t)((inner[1] & ~(CLASS_ECN << 4)) | ecn << 4);
	/* RFC 4861 takes 255 as proof that a packet was sent on the link: one
	 * out of a tunnel was not. TCP's and UDP's users may look at it too. */
	if (inner[7] == 255 && inner[6] != IPPROTO_TCP &&
	    inner[6] != IPPROTO_UDP)
		inner[7] = 254;
	return REASON_NONE;
}

/* RFC 8200 8.1: the pseudo-header's sum, folded. */
static uint16_t pseudo_sum(const struct in6_addr *src,
			   const struct in6_addr *dst, uint8_t proto,
			   size_t len)
{
	uint32_t sum = (uint16_t)~ip6_checksum(src, dst, proto, NULL, 0);

	sum += (uint32_t)len;
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

void tunnel_complete(uint8_t *p, size_t len)
{
	struct in6_addr src, dst;
	uint8_t *upper = p + IP6_HDR_LEN, *field;
	size_t at, n = len - IP6_HDR_LEN;
	uint16_t sum;

	if (len < IP6_HDR_LEN ||
	    (p[6] != IPPROTO_TCP && p[6] != IPPROTO_UDP))
		return;
	at = p[6] == IPPROTO_TCP ? 16 : 6;
	if (n < at + 2)
		return;
	memcpy(&src, p + 8, sizeof(src));
	memcpy(&dst, p + 24, sizeof(dst));
	field = upper + at;
	if (!ip6_checksum(&src, &dst, p[6], upper, n) ||
	    (field[0] << 8 | field[1]) != pseudo_sum(&src, &dst, p[6], n))
		return;
	field[0] = field[1] = 0;
	sum = ip6_checksum(&src, &dst, p[6], upper, n);
	if (!sum)	/* to UDP, zero means none */
		sum = 0xffff;
	field[0] = (uint8_t)(sum >> 8);
	field[1] = (uint8_t)sum;
}

/* RFC 2473 3.1, RFC 6040 4.1: traffic class copied, flow label zero */
static void outer_header(struct wbuf *wb, const struct tunnel_ends *ends,
			 const uint8_t *inner, uint8_t next, size_t payload)
{
	wbuf_u8(wb, 0x60 | (inner[0] & 0x0f));
	wbuf_u8(wb, inner[1] & 0xf0);
	wbuf_u16(wb, 0);
	wbuf_u16(wb, (uint16_t)payload);
	wbuf_u8(wb, next);
	wbuf_u8(wb, TUNNEL_HOP_LIMIT);
	wbuf_bytes(wb, &ends->src, sizeof(ends->src));
	wbuf_bytes(wb, &ends->dst, sizeof(ends->dst));
}

ssize_t tunnel_build(uint8_t *out, size_t cap, const struct tunnel_ends *ends,
		     const uint8_t *inner, size_t len, uint32_t mtu,
		     uint32_t id, unsigned int i)
{
	bool whole = len + IP6_HDR_LEN <= mtu;
	size_t part = whole ? len : (mtu - IP6_HDR_LEN - FRAGMENT_LEN) / 8 * 8;
	size_t at = part * i;
	struct wbuf wb;

	if (len > UINT16_MAX || mtu < IP6_MIN_MTU)
		return -EMSGSIZE;
	if (at >= len)
		return 0;
	if (part > len - at)
		part = len - at;
	wbuf_init(&wb, out, cap);
	outer_header(&wb, ends, inner, whole ? IP6_PROTO_IPV6 :
		     IP6_PROTO_FRAGMENT, part + (whole ? 0 : FRAGMENT_LEN));
	if (!whole) {
		wbuf_u8(&wb, IP6_PROTO_IPV6);
		wbuf_u8(&wb, 0);
		wbuf_u16(&wb, (uint16_t)(at | (at + part < len)));
		wbuf_u32(&wb, id);
	}
	wbuf_bytes(&wb, inner + at, part);
	return wb.bad ? -EMSGSIZE : (ssize_t)wb.len;
}
