/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/nd.h"

enum {
	TYPE_REDIRECT = 137,
	TYPE_INFORMATIONAL = 128,	/* and above; below: errors */
	HOP_LIMIT = 255,
	HDR_LEN = 4,			/* type, code, checksum */
	CODE_AT = 1,
	CHECKSUM_AT = 2,
	LLA_LEN = 6,
	PREFIX_LEN_MAX = 128,
};

/* Options: RFC 4861 4.6; 7 and 8: RFC 6275 7.3, 7.4 */
enum opt_type {
	OPT_SLLA = 1,
	OPT_TLLA = 2,
	OPT_PREFIX = 3,
	OPT_MTU = 5,
	OPT_ADV_INTERVAL = 7,
	OPT_HA_INFO = 8,
};

enum ra_flag {
	RA_M = 0x80,
	RA_O = 0x40,
	RA_H = 0x20,	/* RFC 6275 7.1 */
};

enum prefix_flag {
	PREFIX_L = 0x80,
	PREFIX_A = 0x40,
	PREFIX_R = 0x20,	/* RFC 6275 7.2 */
};

enum na_flag {
	NA_R = 0x80,
	NA_S = 0x40,
	NA_O = 0x20,
};

/* An option's data after type and length, always 8n + 6 octets. */
struct opt_ops {
	uint8_t type;
	uint8_t len;	/* in units of 8 octets, type and length included */
	void (*parse)(void *msg, struct rbuf *rb);
};

/*
 * What RFC 4861 6.1.2, 7.1.1 and 7.1.2 have in common. rb is left after the
 * checksum.
 */
static enum reason msg_open(struct rbuf *rb, const struct ip6_pkt *pkt,
			    uint8_t type, size_t min_len)
{
	rbuf_init(rb, pkt->upper, pkt->upper_len);
	if (rbuf_left(rb) < HDR_LEN)
		return REASON_ND_TRUNCATED;
	if (pkt->proto != IP6_PROTO_ICMPV6 || rbuf_u8(rb) != type)
		return REASON_ND_UNKNOWN_TYPE;
	/* RFC 6275 9.3.1: none has a home address but by a binding, and
	 * what was sent to a neighbour was not routed */
	if (pkt->has_hao)
		return REASON_ND_SOURCE;
	if (pkt->has_rh2)
		return REASON_BAD_RH;
	if (pkt->hop_limit != HOP_LIMIT)
		return REASON_ND_HOP_LIMIT;
	if (ip6_checksum(&pkt->src, &pkt->dst, IP6_PROTO_ICMPV6, pkt->upper,
			 pkt->upper_len) != 0)
		return REASON_ND_CHECKSUM;
	if (rbuf_u8(rb) != 0)	/* code */
		return REASON_ND_UNKNOWN_TYPE;
	rbuf_u16(rb);
	return pkt->upper_len < min_len ? REASON_ND_TRUNCATED : REASON_NONE;
}

static const struct opt_ops *opt_find(const struct opt_ops *ops, uint8_t type)
{
	for (; ops->parse; ops++) {
		if (ops->type == type)
			return ops;
	}
	return NULL;
}

static bool is_lla(uint8_t type)
{
	return type == OPT_SLLA || type == OPT_TLLA;
}

/* ops ends with an entry without parse; options not in it are skipped. */
static enum reason opts_parse(void *msg, struct rbuf *rb,
			      const struct opt_ops *ops)
{
	while (rbuf_left(rb) > 0) {
		uint8_t type = rbuf_u8(rb), len = rbuf_u8(rb);
		const struct opt_ops *opt = opt_find(ops, type);
		struct rbuf body;

		/* RFC 4861 6.1.2: all options have a length above zero */
		if (len == 0)
			return REASON_ND_OPTION;
		body = rbuf_sub(rb, len * 8u - 2);
		if (rb->bad)
			return REASON_ND_OPTION;
		/* RFC 4861 4.6.1: link layers other than Ethernet have
		 * longer addresses, of no use to us */
		if (!opt || (is_lla(type) && len != opt->len))
			continue;
		if (len != opt->len)
			return REASON_ND_OPTION;
		opt->parse(msg, &body);
		if (body.bad)
			return REASON_ND_OPTION;
	}
	return REASON_NONE;
}

static void lla_build(struct wbuf *wb, uint8_t type, const uint8_t *lla)
{
	wbuf_u8(wb, type);
	wbuf_u8(wb, 1);
	wbuf_bytes(wb, lla, LLA_LEN);
}

static void msg_start(struct wbuf *wb, uint8_t *out, size_t cap, uint8_t type)
{
	wbuf_init(wb, out, cap);
	wbuf_u8(wb, type);
	wbuf_u8(wb, 0);		/* code */
	wbuf_u16(wb, 0);	/* checksum, below */
}

static ssize_t msg_finish(struct wbuf *wb, const struct in6_addr *src,
			  const struct in6_addr *dst)
{
	if (wb->bad)
		return -EMSGSIZE;
	wbuf_set_u16(wb, CHECKSUM_AT,
		     ip6_checksum(src, dst, IP6_PROTO_ICMPV6, wb->base,
				  wb->len));
	return wb->bad ? -EMSGSIZE : (ssize_t)wb->len;
}

static void ra_slla_parse(void *msg, struct rbuf *rb)
{
	struct nd_ra *ra = msg;

	rbuf_bytes(rb, ra->slla, sizeof(ra->slla));
	ra->has_slla = true;
}

/* RFC 4861 4.6.2, RFC 6275 7.2 */
static void ra_prefix_parse(void *msg, struct rbuf *rb)
{
	struct nd_ra *ra = msg;
	struct nd_prefix *prefix = &ra->prefixes[ra->n_prefixes];
	uint8_t len = rbuf_u8(rb), flags = rbuf_u8(rb);

	if (len > PREFIX_LEN_MAX)
		rb->bad = true;
	if (rb->bad || ra->n_prefixes == ND_PREFIXES_MAX)
		return;
	prefix->len = len;
	prefix->on_link = flags & PREFIX_L;
	prefix->autonomous = flags & PREFIX_A;
	prefix->router_addr = flags & PREFIX_R;
	prefix->valid = rbuf_u32(rb);
	prefix->preferred = rbuf_u32(rb);
	rbuf_u32(rb);	/* reserved */
	rbuf_bytes(rb, &prefix->prefix, sizeof(prefix->prefix));
	ra->n_prefixes++;
}

void nd_prefix_build(struct wbuf *wb, const struct nd_prefix *prefix)
{
	wbuf_u8(wb, OPT_PREFIX);
	wbuf_u8(wb, 4);
	wbuf_u8(wb, prefix->len);
	wbuf_u8(wb, (prefix->on_link ? PREFIX_L : 0) |
		    (prefix->autonomous ? PREFIX_A : 0) |
		    (prefix->router_addr ? PREFIX_R : 0));
	wbuf_u32(wb, prefix->valid);
	wbuf_u32(wb, prefix->preferred);
	wbuf_u32(wb, 0);
	wbuf_bytes(wb, &prefix->prefix, sizeof(prefix->prefix));
}

/* RFC 4861 4.6.4 */
static void ra_mtu_parse(void *msg, struct rbuf *rb)
{
	struct nd_ra *ra = msg;

	rbuf_u16(rb);
	ra->mtu = rbuf_u32(rb);
}

/* RFC 6275 7.3 */
static void ra_adv_interval_parse(void *msg, struct rbuf *rb)
{
	struct nd_ra *ra = msg;

	rbuf_u16(rb);
	ra->adv_interval = rbuf_u32(rb);
}

/* The MTU and the advertisement interval have the same form. */
static void u32_build(struct wbuf *wb, uint8_t type, uint32_t v)
{
	if (!v)
		return;
	wbuf_u8(wb, type);
	wbuf_u8(wb, 1);
	wbuf_u16(wb, 0);
	wbuf_u32(wb, v);
}

/* RFC 6275 7.4 */
static void ra_ha_info_parse(void *msg, struct rbuf *rb)
{
	struct nd_ra *ra = msg;

	rbuf_u16(rb);
	ra->ha_preference = rbuf_u16(rb);
	ra->ha_lifetime = rbuf_u16(rb);
	ra->has_ha_info = true;
}

static void ha_info_build(struct wbuf *wb, const struct nd_ra *ra)
{
	wbuf_u8(wb, OPT_HA_INFO);
	wbuf_u8(wb, 1);
	wbuf_u16(wb, 0);
	wbuf_u16(wb, ra->ha_preference);
	wbuf_u16(wb, ra->ha_lifetime);
}

static const struct opt_ops ra_opts[] = {
	{OPT_SLLA, 1, ra_slla_parse},
	{OPT_PREFIX, 4, ra_prefix_parse},
	{OPT_MTU, 1, ra_mtu_parse},
	{OPT_ADV_INTERVAL, 1, ra_adv_interval_parse},
	{OPT_HA_INFO, 1, ra_ha_info_parse},
	{0, 0, NULL},
};

/* RFC 6275 6.8 */
enum reason nd_prefixes_parse(struct nd_prefix *out, uint8_t *n,
			      struct rbuf *rb)
{
	static const struct opt_ops ops[] = {
		{OPT_PREFIX, 4, ra_prefix_parse},
		{0, 0, NULL},
	};
	struct nd_ra ra = {0};
	enum reason reason = opts_parse(&ra, rb, ops);

	*n = reason ? 0 : ra.n_prefixes;
	memcpy(out, ra.prefixes, *n * sizeof(*out));
	return reason;
}

/* RFC 4861 4.2 and 6.1.2, RFC 6275 7.1 */
enum reason nd_ra_parse(struct nd_ra *out, const struct ip6_pkt *pkt)
{
	enum reason reason;
	struct rbuf rb;
	uint8_t flags;

	memset(out, 0, sizeof(*out));
	reason = msg_open(&rb, pkt, ND_TYPE_RA, 16);
	if (reason != REASON_NONE)
		return reason;
	if (!IN6_IS_ADDR_LINKLOCAL(&pkt->src))
		return REASON_ND_SOURCE;
	out->hop_limit = rbuf_u8(&rb);
	flags = rbuf_u8(&rb);
	out->managed = flags & RA_M;
	out->other = flags & RA_O;
	out->home_agent = flags & RA_H;
	out->lifetime = rbuf_u16(&rb);
	out->reachable = rbuf_u32(&rb);
	out->retrans = rbuf_u32(&rb);
	return opts_parse(out, &rb, ra_opts);
}

static bool ra_valid(const struct nd_ra *ra)
{
	if (ra->n_prefixes > ND_PREFIXES_MAX)
		return false;
	for (size_t i = 0; i < ra->n_prefixes; i++) {
		if (ra->prefixes[i].len > PREFIX_LEN_MAX)
			return false;
	}
	return true;
}

ssize_t nd_ra_build(uint8_t *out, size_t cap, const struct nd_ra *ra,
		    const struct in6_addr *src, const struct in6_addr *dst)
{
	struct wbuf wb;

	if (!IN6_IS_ADDR_LINKLOCAL(src) || !ra_valid(ra))
		return -EINVAL;
	msg_start(&wb, out, cap, ND_TYPE_RA);
	wbuf_u8(&wb, ra->hop_limit);
	wbuf_u8(&wb, (ra->managed ? RA_M : 0) | (ra->other ? RA_O : 0) |
		     (ra->home_agent ? RA_H : 0));
	wbuf_u16(&wb, ra->lifetime);
	wbuf_u32(&wb, ra->reachable);
	wbuf_u32(&wb, ra->retrans);
	for (size_t i = 0; i < ra->n_prefixes; i++)
		nd_prefix_build(&wb, &ra->prefixes[i]);
	u32_build(&wb, OPT_MTU, ra->mtu);
	if (ra->has_slla)
		lla_build(&wb, OPT_SLLA, ra->slla);
	u32_build(&wb, OPT_ADV_INTERVAL, ra->adv_interval);
	if (ra->has_ha_info)
		ha_info_build(&wb, ra);
	return msg_finish(&wb, src, dst);
}

static void rs_slla_parse(void *msg, struct rbuf *rb)
{
	struct nd_rs *rs = msg;

	rbuf_bytes(rb, rs->slla, sizeof(rs->slla));
	rs->has_slla = true;
}

static const struct opt_ops rs_opts[] = {
	{OPT_SLLA, 1, rs_slla_parse},
	{0, 0, NULL},
};

/* RFC 4861 4.1 and 6.1.1 */
enum reason nd_rs_parse(struct nd_rs *out, const struct ip6_pkt *pkt)
{
	enum reason reason;
	struct rbuf rb;

	memset(out, 0, sizeof(*out));
	reason = msg_open(&rb, pkt, ND_TYPE_RS, 8);
	if (reason != REASON_NONE)
		return reason;
	rbuf_u32(&rb);	/* reserved */
	reason = opts_parse(out, &rb, rs_opts);
	if (reason != REASON_NONE)
		return reason;
	if (IN6_IS_ADDR_MULTICAST(&pkt->src) ||
	    (IN6_IS_ADDR_UNSPECIFIED(&pkt->src) && out->has_slla))
		return REASON_ND_SOURCE;
	return REASON_NONE;
}

/* RFC 4861 4.1 */
ssize_t nd_rs_build(uint8_t *out, size_t cap, const uint8_t *slla,
		    const struct in6_addr *src, const struct in6_addr *dst)
{
	struct wbuf wb;

	if (slla && IN6_IS_ADDR_UNSPECIFIED(src))
		return -EINVAL;
	msg_start(&wb, out, cap, ND_TYPE_RS);
	wbuf_u32(&wb, 0);
	if (slla)
		lla_build(&wb, OPT_SLLA, slla);
	return msg_finish(&wb, src, dst);
}

static void ns_slla_parse(void *msg, struct rbuf *rb)
{
	struct nd_ns *ns = msg;

	rbuf_bytes(rb, ns->slla, sizeof(ns->slla));
	ns->has_slla = true;
}

static const struct opt_ops ns_opts[] = {
	{OPT_SLLA, 1, ns_slla_parse},
	{0, 0, NULL},
};

static bool is_solicited_node(const struct in6_addr *addr)
{
	struct in6_addr group = nd_solicited_node(addr);

	return ip6_addr_eq(addr, &group);
}

/* RFC 4861 7.1.1, the rules on addresses */
static enum reason ns_check(const struct nd_ns *ns, const struct in6_addr *src,
			    const struct in6_addr *dst)
{
	if (IN6_IS_ADDR_MULTICAST(&ns->target))
		return REASON_ND_TARGET;
	if (IN6_IS_ADDR_MULTICAST(src))
		return REASON_ND_SOURCE;
	if (!IN6_IS_ADDR_UNSPECIFIED(src))
		return REASON_NONE;
	if (!is_solicited_node(dst) || ns->has_slla)
		return REASON_ND_SOURCE;
	return REASON_NONE;
}

/* RFC 4861 4.3 */
enum reason nd_ns_parse(struct nd_ns *out, const struct ip6_pkt *pkt)
{
	enum reason reason;
	struct rbuf rb;

	memset(out, 0, sizeof(*out));
	reason = msg_open(&rb, pkt, ND_TYPE_NS, 24);
	if (reason != REASON_NONE)
		return reason;
	rbuf_u32(&rb);	/* reserved */
	rbuf_bytes(&rb, &out->target, sizeof(out->target));
	reason = opts_parse(out, &rb, ns_opts);
	if (reason != REASON_NONE)
		return reason;
	return ns_check(out, &pkt->src, &pkt->dst);
}

ssize_t nd_ns_build(uint8_t *out, size_t cap, const struct nd_ns *ns,
		    const struct in6_addr *src, const struct in6_addr *dst)
{
	struct wbuf wb;

	if (ns_check(ns, src, dst) != REASON_NONE)
		return -EINVAL;
	msg_start(&wb, out, cap, ND_TYPE_NS);
	wbuf_u32(&wb, 0);
	wbuf_bytes(&wb, &ns->target, sizeof(ns->target));
	if (ns->has_slla)
		lla_build(&wb, OPT_SLLA, ns->slla);
	return msg_finish(&wb, src, dst);
}

static void na_tlla_parse(void *msg, struct rbuf *rb)
{
	struct nd_na *na = msg;

	rbuf_bytes(rb, na->tlla, sizeof(na->tlla));
	na->has_tlla = true;
}

static const struct opt_ops na_opts[] = {
	{OPT_TLLA, 1, na_tlla_parse},
	{0, 0, NULL},
};

/* RFC 4861 7.1.2, the rules on addresses, and that none is sent from :: or
 * a group (4.4) */
static enum reason na_check(const struct nd_na *na, const struct in6_addr *src,
			    const struct in6_addr *dst)
{
	if (IN6_IS_ADDR_MULTICAST(&na->target))
		return REASON_ND_TARGET;
	if (IN6_IS_ADDR_MULTICAST(src) || IN6_IS_ADDR_UNSPECIFIED(src))
		return REASON_ND_SOURCE;
	if (IN6_IS_ADDR_MULTICAST(dst) && na->solicited)
		return REASON_ND_TARGET;
	return REASON_NONE;
}

/* RFC 4861 4.4 */
enum reason nd_na_parse(struct nd_na *out, const struct ip6_pkt *pkt)
{
	enum reason reason;
	struct rbuf rb;
	uint8_t flags;

	memset(out, 0, sizeof(*out));
	reason = msg_open(&rb, pkt, ND_TYPE_NA, 24);
	if (reason != REASON_NONE)
		return reason;
	flags = rbuf_u8(&rb);
	out->router = flags & NA_R;
	out->solicited = flags & NA_S;
	out->override = flags & NA_O;
	rbuf_take(&rb, 3);	/* reserved */
	rbuf_bytes(&rb, &out->target, sizeof(out->target));
	reason = opts_parse(out, &rb, na_opts);
	if (reason != REASON_NONE)
		return reason;
	return na_check(out, &pkt->src, &pkt->dst);
}

ssize_t nd_na_build(uint8_t *out, size_t cap, const struct nd_na *na,
		    const struct in6_addr *src, const struct in6_addr *dst)
{
	struct wbuf wb;

	if (na_check(na, src, dst) != REASON_NONE)
		return -EINVAL;
	msg_start(&wb, out, cap, ND_TYPE_NA);
	wbuf_u8(&wb, (na->router ? NA_R : 0) | (na->solicited ? NA_S : 0) |
		     (na->override ? NA_O : 0));
	wbuf_zero(&wb, 3);
	wbuf_bytes(&wb, &na->target, sizeof(na->target));
	if (na->has_tlla)
		lla_build(&wb, OPT_TLLA, na->tlla);
	return msg_finish(&wb, src, dst);
}

/*
 * Skips extension headers of a packet that may be cut off. Returns the upper
 * header's protocol; *later is set where rb is at a later fragment's data.
 */
static uint8_t skip_exthdrs(struct rbuf *rb, uint8_t proto, bool *later)
{
	*later = false;
	while (!rb->bad && !*later) {
		uint8_t next, len;

		switch (proto) {
		case IP6_PROTO_HOPOPTS:
		case IP6_PROTO_ROUTING:
		case IP6_PROTO_DSTOPTS:
			next = rbuf_u8(rb);
			len = rbuf_u8(rb);
			rbuf_take(rb, len * 8u + 6);
			break;
		case IP6_PROTO_FRAGMENT:
			next = rbuf_u8(rb);
			rbuf_u8(rb);
			*later = (rbuf_u16(rb) & 0xfff8) != 0;
			rbuf_u32(rb);
			break;
		case IP6_PROTO_AH:	/* RFC 4302 2.2 */
			next = rbuf_u8(rb);
			len = rbuf_u8(rb);
			rbuf_take(rb, len * 4u + 6);
			break;
		default:
			return proto;
		}
		proto = next;
	}
	return proto;
}

/*
 * RFC 4443 2.4 (e): no error for an error or a redirect, nor to a source
 * that is no single node. An ICMPv6 message whose type we cannot see could
 * be an error, but for a later fragment: of an error there is none.
 */
static bool error_allowed(const struct in6_addr *src, struct rbuf *payload,
			  uint8_t proto)
{
	bool later;
	uint8_t type;

	if (IN6_IS_ADDR_MULTICAST(src) || IN6_IS_ADDR_UNSPECIFIED(src) ||
	    IN6_IS_ADDR_LOOPBACK(src))
		return false;
	proto = skip_exthdrs(payload, proto, &later);
	if (payload->bad)
		return false;
	if (proto != IP6_PROTO_ICMPV6 || later)
		return true;
	type = rbuf_u8(payload);
	return type >= TYPE_INFORMATIONAL && type != TYPE_REDIRECT;
}

/* The header that an error's message goes behind. */
static void error_header(uint8_t *out, const struct in6_addr *src,
			 const struct in6_addr *dst, size_t payload)
{
	struct wbuf wb;

	wbuf_init(&wb, out, IP6_HDR_LEN);
	wbuf_u32(&wb, 6u << 28);
	wbuf_u16(&wb, (uint16_t)payload);
	wbuf_u8(&wb, IP6_PROTO_ICMPV6);
	wbuf_u8(&wb, HOP_LIMIT);
	wbuf_bytes(&wb, src, sizeof(*src));
	wbuf_bytes(&wb, dst, sizeof(*dst));
}

/* RFC 4443 3.1 to 3.4: they differ in type, code and one word */
ssize_t nd_error_build(uint8_t *out, size_t cap, const struct in6_addr *src,
		       const struct nd_error *err, const uint8_t *orig,
		       size_t len)
{
	struct wbuf wb;
	struct rbuf rb;
	struct in6_addr dst;
	uint8_t proto;
	size_t payload;

	rbuf_init(&rb, orig, len);
	if (rbuf_u32(&rb) >> 28 != 6)
		return -EINVAL;
	rbuf_u16(&rb);
	proto = rbuf_u8(&rb);
	rbuf_u8(&rb);
	rbuf_bytes(&rb, &dst, sizeof(dst));
	rbuf_take(&rb, sizeof(dst));
	if (rb.bad || !error_allowed(&dst, &rb, proto))
		return -EINVAL;

	/* RFC 4443 2.4 (c): as much of it as fits the minimum MTU */
	if (len > IP6_MIN_MTU - IP6_HDR_LEN - 8)
		len = IP6_MIN_MTU - IP6_HDR_LEN - 8;
	payload = 8 + len;
	if (cap < IP6_HDR_LEN + payload)
		return -EMSGSIZE;
	msg_start(&wb, out + IP6_HDR_LEN, cap - IP6_HDR_LEN, err->type);
	wbuf_set_u8(&wb, CODE_AT, err->code);
	wbuf_u32(&wb, err->param);
	wbuf_bytes(&wb, orig, len);
	msg_finish(&wb, src, &dst);
	error_header(out, src, &dst, payload);
	return (ssize_t)(IP6_HDR_LEN + payload);
}

struct in6_addr nd_solicited_node(const struct in6_addr *target)
{
	struct in6_addr group = {{{0xff, 0x02}}};

	group.s6_addr[11] = 1;
	group.s6_addr[12] = 0xff;
	memcpy(&group.s6_addr[13], &target->s6_addr[13], 3);
	return group;
}
