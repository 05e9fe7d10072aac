/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/mip.h"

#include <errno.h>
#include <string.h>

#include "proto/buf.h"

enum {
	CHECKSUM_AT = 2,
	HDR_LEN = 8,		/* with identifier and flags, 6.5 */
	PREFIX_LEN_MAX = 128,
	ANYCAST_ID = 0xfe,	/* 126, and the bit above it: RFC 2526 2 */
	ANYCAST_BITS = 7,
};

/* RFC 6275 6.8 */
enum mpa_flag {
	MPA_M = 0x8000,
	MPA_O = 0x4000,
};

/* RFC 6275 6.6 */
static void addrs_parse(struct mip *mip, struct rbuf *rb)
{
	struct in6_addr skipped, *addr;

	while (rbuf_left(rb)) {
		addr = mip->n_addrs < MIP_ADDRS_MAX ?
			&mip->addrs[mip->n_addrs++] : &skipped;
		rbuf_bytes(rb, addr, sizeof(*addr));
	}
}

static enum reason body_parse(struct mip *mip, struct rbuf *rb, uint16_t flags)
{
	struct nd_prefix none[ND_PREFIXES_MAX];
	uint8_t n;

	switch ((enum mip_type)mip->type) {
	case MIP_HAAD_REQUEST:
		return REASON_NONE;
	case MIP_HAAD_REPLY:
		addrs_parse(mip, rb);
		return rb->bad ? REASON_ND_TRUNCATED : REASON_NONE;
	case MIP_MPS:
		/* 6.7: none is defined, all are skipped */
		return nd_prefixes_parse(none, &n, rb);
	case MIP_MPA:
		mip->managed = flags & MPA_M;
		mip->other = flags & MPA_O;
		return nd_prefixes_parse(mip->prefixes, &mip->n_prefixes, rb);
	}
	return REASON_ND_UNKNOWN_TYPE;
}

enum reason mip_parse(struct mip *out, const uint8_t *p, size_t len,
		      const struct in6_addr *src, const struct in6_addr *dst)
{
	struct rbuf rb;
	uint16_t flags;
	uint8_t code;

	memset(out, 0, sizeof(*out));
	rbuf_init(&rb, p, len);
	if (len < HDR_LEN)
		return REASON_ND_TRUNCATED;
	if (ip6_checksum(src, dst, IP6_PROTO_ICMPV6, p, len) != 0)
		return REASON_ND_CHECKSUM;
	out->type = rbuf_u8(&rb);
	code = rbuf_u8(&rb);
	if (code)
		return REASON_ND_UNKNOWN_TYPE;
	rbuf_u16(&rb);
	out->id = rbuf_u16(&rb);
	flags = rbuf_u16(&rb);
	return body_parse(out, &rb, flags);
}

static bool valid(const struct mip *mip)
{
	size_t i;

	if (mip->type < MIP_HAAD_REQUEST || mip->type > MIP_MPA ||
	    mip->n_addrs > MIP_ADDRS_MAX ||
	    mip->n_prefixes > ND_PREFIXES_MAX)
		return false;
	for (i = 0; i < mip->n_prefixes; i++)
		if (mip->prefixes[i].len > PREFIX_LEN_MAX)
			return false;
	return true;
}

ssize_t mip_build(uint8_t *out, size_t cap, const struct mip *mip,
		  const struct in6_addr *src, const struct in6_addr *dst)
{
	struct wbuf wb;
	size_t i;

	if (!valid(mip))
		return -EINVAL;
	wbuf_init(&wb, out, cap);
	wbuf_u8(&wb, mip->type);
	wbuf_u8(&wb, 0);
	wbuf_u16(&wb, 0);	/* checksum, below */
	wbuf_u16(&wb, mip->id);
	wbuf_u16(&wb, (mip->managed ? MPA_M : 0) | (mip->other ? MPA_O : 0));
	for (i = 0; mip->type == MIP_HAAD_REPLY && i < mip->n_addrs; i++)
		wbuf_bytes(&wb, &mip->addrs[i], sizeof(mip->addrs[i]));
	for (i = 0; mip->type == MIP_MPA && i < mip->n_prefixes; i++)
		nd_prefix_build(&wb, &mip->prefixes[i]);
	if (wb.bad)
		return -EMSGSIZE;
	wbuf_set_u16(&wb, CHECKSUM_AT,
		     ip6_checksum(src, dst, IP6_PROTO_ICMPV6, out, wb.len));
	return (ssize_t)wb.len;
}

bool mip_anycast(struct in6_addr *out, const struct ip6_prefix *home)
{
	unsigned int bit;

	if (home->len > PREFIX_LEN_MAX - ANYCAST_BITS)
		return false;
	*out = home->addr;
	for (bit = home->len; bit < PREFIX_LEN_MAX; bit++)
		out->s6_addr[bit / 8] |= 0x80 >> bit % 8;
	/* EUI-64 identifiers: the universal/local bit is 0 */
	if (home->len == 64)
		out->s6_addr[8] = 0xfd;
	out->s6_addr[15] = ANYCAST_ID;
	return true;
}
