/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/flowid.h"
#include "proto/ip6.h"
#include "proto/mh.h"

enum {
	BID_H = 0x80,
	BID_PRI = 0x7f,
	COMMON_LEN = 6,		/* to the end of the checksum, 6.1.1 */
	CHECKSUM_AT = 4,
	PREFIX_LEN_MAX = 128,
};

/*
 * Messages. Each parse and build starts after the checksum; parse is given
 * no fewer than min_len bytes, the checksum and what is before it included.
 */
struct msg_ops {
	const char *name;
	size_t min_len;
	void (*parse)(struct mh *mh, struct rbuf *rb);
	void (*build)(const struct mh *mh, struct wbuf *wb);
};

/* RFC 6275 6.1.2 */
static void brr_parse(struct mh *mh, struct rbuf *rb)
{
	(void)mh;
	rbuf_u16(rb);
}

static void brr_build(const struct mh *mh, struct wbuf *wb)
{
	(void)mh;
	wbuf_u16(wb, 0);
}

/* RFC 6275 6.1.3 */
static void hoti_parse(struct mh *mh, struct rbuf *rb)
{
	rbuf_u16(rb);
	mh->hoti.cookie = rbuf_u64(rb);
}

static void hoti_build(const struct mh *mh, struct wbuf *wb)
{
	wbuf_u16(wb, 0);
	wbuf_u64(wb, mh->hoti.cookie);
}

/* RFC 6275 6.1.4 */
static void coti_parse(struct mh *mh, struct rbuf *rb)
{
	rbuf_u16(rb);
	mh->coti.cookie = rbuf_u64(rb);
}

static void coti_build(const struct mh *mh, struct wbuf *wb)
{
	wbuf_u16(wb, 0);
	wbuf_u64(wb, mh->coti.cookie);
}

/* RFC 6275 6.1.5 */
static void hot_parse(struct mh *mh, struct rbuf *rb)
{
	mh->hot.nonce_index = rbuf_u16(rb);
	mh->hot.cookie = rbuf_u64(rb);
	mh->hot.token = rbuf_u64(rb);
}

static void hot_build(const struct mh *mh, struct wbuf *wb)
{
	wbuf_u16(wb, mh->hot.nonce_index);
	wbuf_u64(wb, mh->hot.cookie);
	wbuf_u64(wb, mh->hot.token);
}

/* RFC 6275 6.1.6 */
static void cot_parse(struct mh *mh, struct rbuf *rb)
{
	mh->cot.nonce_index = rbuf_u16(rb);
	mh->cot.cookie = rbuf_u64(rb);
	mh->cot.token = rbuf_u64(rb);
}

static void cot_build(const struct mh *mh, struct wbuf *wb)
{
	wbuf_u16(wb, mh->cot.nonce_index);
	wbuf_u64(wb, mh->cot.cookie);
	wbuf_u64(wb, mh->cot.token);
}

/* RFC 6275 6.1.7 */
static void bu_parse(struct mh *mh, struct rbuf *rb)
{
	mh->bu.seq = rbuf_u16(rb);
	mh->bu.flags = rbuf_u16(rb);
	mh->bu.lifetime = rbuf_u16(rb);
}

static void bu_build(const struct mh *mh, struct wbuf *wb)
{
	wbuf_u16(wb, mh->bu.seq);
	wbuf_u16(wb, mh->bu.flags);
	wbuf_u16(wb, mh->bu.lifetime);
}

/* RFC 6275 6.1.8 */
static void ba_parse(struct mh *mh, struct rbuf *rb)
{
	mh->ba.status = rbuf_u8(rb);
	mh->ba.flags = rbuf_u8(rb);
	mh->ba.seq = rbuf_u16(rb);
	mh->ba.lifetime = rbuf_u16(rb);
}

static void ba_build(const struct mh *mh, struct wbuf *wb)
{
	wbuf_u8(wb, mh->ba.status);
	wbuf_u8(wb, mh->ba.flags);
	wbuf_u16(wb, mh->ba.seq);
	wbuf_u16(wb, mh->ba.lifetime);
}

/* RFC 6275 6.1.9 */
static void be_parse(struct mh *mh, struct rbuf *rb)
{
	mh->be.status = rbuf_u8(rb);
	rbuf_u8(rb);
	rbuf_bytes(rb, &mh->be.home, sizeof(mh->be.home));
}

static void be_build(const struct mh *mh, struct wbuf *wb)
{
	wbuf_u8(wb, mh->be.status);
	wbuf_u8(wb, 0);
	wbuf_bytes(wb, &mh->be.home, sizeof(mh->be.home));
}

/* RFC 5142 4 */
static void has_parse(struct mh *mh, struct rbuf *rb)
{
	uint8_t n = rbuf_u8(rb), i;
	struct rbuf addrs;

	rbuf_u8(rb);
	addrs = rbuf_sub(rb, n * sizeof(mh->has.addrs[0]));
	if (rb->bad)
		return;
	mh->has.n = n < MH_HAS_MAX ? n : MH_HAS_MAX;
	for (i = 0; i < mh->has.n; i++)
		rbuf_bytes(&addrs, &mh->has.addrs[i],
			   sizeof(mh->has.addrs[i]));
}

static void has_build(const struct mh *mh, struct wbuf *wb)
{
	uint8_t n = mh->has.n < MH_HAS_MAX ? mh->has.n : MH_HAS_MAX;

	wbuf_u8(wb, n);
	wbuf_u8(wb, 0);
	wbuf_bytes(wb, mh->has.addrs, n * sizeof(mh->has.addrs[0]));
}

/* RFC 5847 3.3 */
static void hb_parse(struct mh *mh, struct rbuf *rb)
{
	mh->hb.flags = rbuf_u16(rb);
	mh->hb.seq = rbuf_u32(rb);
}

static void hb_build(const struct mh *mh, struct wbuf *wb)
{
	wbuf_u16(wb, mh->hb.flags);
	wbuf_u32(wb, mh->hb.seq);
}

/* RFC 5846 5.1, 5.2 */
static void br_parse(struct mh *mh, struct rbuf *rb)
{
	mh->br.kind = rbuf_u8(rb);
	mh->br.code = rbuf_u8(rb);
	mh->br.seq = rbuf_u16(rb);
	mh->br.flags = rbuf_u16(rb);
}

static void br_build(const struct mh *mh, struct wbuf *wb)
{
	wbuf_u8(wb, mh->br.kind);
	wbuf_u8(wb, mh->br.code);
	wbuf_u16(wb, mh->br.seq);
	wbuf_u16(wb, mh->br.flags);
}

static const struct msg_ops msgs[] = {
	[MH_BRR] = {"BRR", 8, brr_parse, brr_build},
	[MH_HOTI] = {"HoTI", 16, hoti_parse, hoti_build},
	[MH_COTI] = {"CoTI", 16, coti_parse, coti_build},
	[MH_HOT] = {"HoT", 24, hot_parse, hot_build},
	[MH_COT] = {"CoT", 24, cot_parse, cot_build},
	[MH_BU] = {"BU", 12, bu_parse, bu_build},
	[MH_BA] = {"BA", 12, ba_parse, ba_build},
	[MH_BE] = {"BE", 24, be_parse, be_build},
	[MH_HAS] = {"HAS", 8, has_parse, has_build},
	[MH_HB] = {"HB", 12, hb_parse, hb_build},
	[MH_BR] = {"BR", 12, br_parse, br_build},
};

static const struct msg_ops *msg_find(uint8_t type)
{
	if (type >= sizeof(msgs) / sizeof(msgs[0]) || !msgs[type].parse)
		return NULL;
	return &msgs[type];
}

/* RFC 6275 6.2.2 and 6.2.3: Pad1 for one octet, else PadN */
static void pad_build(struct wbuf *wb, size_t n)
{
	if (n == 1) {
		wbuf_u8(wb, MH_OPT_PAD1);
	} else if (n > 1) {
		wbuf_u8(wb, MH_OPT_PADN);
		wbuf_u8(wb, (uint8_t)(n - 2));
		wbuf_zero(wb, n - 2);
	}
}

/* Pads up to the next offset that is x * n + y. */
void mh_align(struct wbuf *wb, size_t x, size_t y)
{
	pad_build(wb, (x + y - wb->len % x) % x);
}

/*
 * Options. len is that of the data, the only one allowed (ANY_LEN: the
 * option's own); the option is aligned to align_x * n + align_y, as its
 * section says.
 */
enum { ANY_LEN = 255 };

struct opt_ops {
	uint8_t len, align_x, align_y;
	void (*parse)(struct mh_opt *opt, struct rbuf *rb);
	void (*build)(const struct mh_opt *opt, struct wbuf *wb);
};

/* RFC 6275 6.2.4 */
static void refresh_parse(struct mh_opt *opt, struct rbuf *rb)
{
	opt->refresh = rbuf_u16(rb);
}

static void refresh_build(const struct mh_opt *opt, struct wbuf *wb)
{
	wbuf_u16(wb, opt->refresh);
}

/* RFC 6275 6.2.5 */
static void alt_coa_parse(struct mh_opt *opt, struct rbuf *rb)
{
	rbuf_bytes(rb, &opt->alt_coa, sizeof(opt->alt_coa));
}

static void alt_coa_build(const struct mh_opt *opt, struct wbuf *wb)
{
	wbuf_bytes(wb, &opt->alt_coa, sizeof(opt->alt_coa));
}

/* RFC 6275 6.2.6 */
static void nonce_parse(struct mh_opt *opt, struct rbuf *rb)
{
	opt->nonce.home = rbuf_u16(rb);
	opt->nonce.coa = rbuf_u16(rb);
}

static void nonce_build(const struct mh_opt *opt, struct wbuf *wb)
{
	wbuf_u16(wb, opt->nonce.home);
	wbuf_u16(wb, opt->nonce.coa);
}

/* RFC 6275 6.2.7 */
static void auth_parse(struct mh_opt *opt, struct rbuf *rb)
{
	rbuf_bytes(rb, opt->auth, sizeof(opt->auth));
}

static void auth_build(const struct mh_opt *opt, struct wbuf *wb)
{
	wbuf_bytes(wb, opt->auth, sizeof(opt->auth));
}

/* RFC 3963 4.3 */
static void prefix_parse(struct mh_opt *opt, struct rbuf *rb)
{
	rbuf_u8(rb);
	opt->prefix.len = rbuf_u8(rb);
	rbuf_bytes(rb, &opt->prefix.addr, sizeof(opt->prefix.addr));
	if (opt->prefix.len > PREFIX_LEN_MAX)
		rb->bad = true;
}

static void prefix_build(const struct mh_opt *opt, struct wbuf *wb)
{
	wbuf_u8(wb, 0);
	wbuf_u8(wb, opt->prefix.len);
	wbuf_bytes(wb, &opt->prefix.addr, sizeof(opt->prefix.addr));
}

/* RFC 5847 3.4 */
static void restart_parse(struct mh_opt *opt, struct rbuf *rb)
{
	opt->restart = rbuf_u32(rb);
}

static void restart_build(const struct mh_opt *opt, struct wbuf *wb)
{
	wbuf_u32(wb, opt->restart);
}

/* RFC 5568 6.4.4, of an Ethernet link */
static void lla_parse(struct mh_opt *opt, struct rbuf *rb)
{
	opt->lla.code = rbuf_u8(rb);
	rbuf_bytes(rb, opt->lla.addr, sizeof(opt->lla.addr));
}

static void lla_build(const struct mh_opt *opt, struct wbuf *wb)
{
	wbuf_u8(wb, opt->lla.code);
	wbuf_bytes(wb, opt->lla.addr, sizeof(opt->lla.addr));
}

/* RFC 5648 4.3: how long the care-of address is; negative: malformed. */
static int bid_coa_len(uint8_t len)
{
	switch (len) {
	case MH_BID_LEN:
	case MH_BID_LEN_IPV4:
	case MH_BID_LEN_IPV6:
		return len - MH_BID_LEN;
	}
	return -1;
}

/* RFC 5648 4.3, RFC 6089 4.1. A wrong length has a status to be answered with
 * (RFC 5648 6.2), so it is no error here. */
static void bid_parse(struct mh_opt *opt, struct rbuf *rb)
{
	uint8_t last;
	int coa_len;

	opt->bid.len = (uint8_t)rbuf_left(rb);
	coa_len = bid_coa_len(opt->bid.len);
	if (opt->bid.len >= sizeof(opt->bid.id))
		opt->bid.id = rbuf_u16(rb);
	if (coa_len < 0)
		return;
	opt->bid.status = rbuf_u8(rb);
	last = rbuf_u8(rb);
	opt->bid.home = last & BID_H;
	opt->bid.pri = last & BID_PRI;
	rbuf_bytes(rb, &opt->bid.coa, (size_t)coa_len);
}

static void bid_build(const struct mh_opt *opt, struct wbuf *wb)
{
	int coa_len = bid_coa_len(opt->bid.len);

	if (coa_len < 0) {
		if (opt->bid.len >= sizeof(opt->bid.id)) {
			wbuf_u16(wb, opt->bid.id);
			wbuf_zero(wb, opt->bid.len - sizeof(opt->bid.id));
		} else {
			wbuf_zero(wb, opt->bid.len);
		}
		return;
	}
	wbuf_u16(wb, opt->bid.id);
	wbuf_u8(wb, opt->bid.status);
	wbuf_u8(wb, (uint8_t)((opt->bid.home ? BID_H : 0) |
			      (opt->bid.pri & BID_PRI)));
	wbuf_bytes(wb, &opt->bid.coa, (size_t)coa_len);
}

static const struct opt_ops opts[] = {
	[MH_OPT_REFRESH] = {2, 2, 0, refresh_parse, refresh_build},
	[MH_OPT_ALT_COA] = {16, 8, 6, alt_coa_parse, alt_coa_build},
	[MH_OPT_NONCE] = {4, 2, 0, nonce_parse, nonce_build},
	[MH_OPT_AUTH] = {MH_AUTH_LEN, 8, 2, auth_parse, auth_build},
	[MH_OPT_PREFIX] = {18, 8, 4, prefix_parse, prefix_build},
	[MH_OPT_LLA] = {7, 1, 0, lla_parse, lla_build},
	[MH_OPT_RESTART] = {4, 4, 2, restart_parse, restart_build},
	[MH_OPT_BID] = {ANY_LEN, 2, 0, bid_parse, bid_build},
};

static uint8_t opt_len(const struct mh_opt *opt, const struct opt_ops *ops)
{
	return ops->len == ANY_LEN ? opt->bid.len : ops->len;
}

/* RFC 5648 4.3: with a care-of address a BID option is at 8n + 2. */
static void opt_align(struct wbuf *wb, const struct mh_opt *opt,
		      const struct opt_ops *ops)
{
	if (opt->type == MH_OPT_BID && bid_coa_len(opt->bid.len) > 0)
		mh_align(wb, 8, 2);
	else
		mh_align(wb, ops->align_x, ops->align_y);
}

/* NULL for padding and for what we do not know. */
static const struct opt_ops *opt_find(uint8_t type)
{
	if (type >= sizeof(opts) / sizeof(opts[0]) || !opts[type].parse)
		return NULL;
	return &opts[type];
}

/* RFC 6275 6.2.1: quietly ignore and skip over the option */
static enum reason opt_skip(struct mh *mh, uint8_t type)
{
	if (type == MH_OPT_FLOW_ID || type == MH_OPT_FLOW_SUMMARY)
		mh->n_flows += mh->n_flows < UINT8_MAX;
	else if (type != MH_OPT_PADN)
		mh->n_unknown += mh->n_unknown < UINT8_MAX;
	return REASON_NONE;
}

static enum reason opt_parse(struct mh *mh, uint8_t type, struct rbuf *body)
{
	const struct opt_ops *ops = opt_find(type);
	struct mh_opt *opt;

	/* another link layer's address */
	if (!ops || (type == MH_OPT_LLA && rbuf_left(body) != ops->len))
		return opt_skip(mh, type);
	if (ops->len != ANY_LEN && rbuf_left(body) != ops->len)
		return REASON_MH_OPTION;
	opt = mh_opt_add(mh, type);
	if (!opt && mh->type == MH_BU) {
		mh->n_excess += mh->n_excess < UINT8_MAX;
		return REASON_NONE;
	}
	if (!opt)
		return REASON_MH_OPTION;
	ops->parse(opt, body);
	return body->bad ? REASON_MH_OPTION : REASON_NONE;
}

static enum reason opts_parse(struct mh *mh, struct rbuf *rb)
{
	while (rbuf_left(rb) > 0) {
		uint8_t type = rbuf_u8(rb);
		enum reason reason;
		struct rbuf body;

		/* RFC 6275 6.2: the authorization data MUST be the last
		 * option and MUST NOT have trailing padding */
		if (mh_opt_find(mh, MH_OPT_AUTH))
			return REASON_MH_OPTION;
		if (type == MH_OPT_PAD1)
			continue;
		body = rbuf_sub(rb, rbuf_u8(rb));
		if (rb->bad)
			return REASON_MH_OPTION;
		reason = opt_parse(mh, type, &body);
		if (reason != REASON_NONE)
			return reason;
	}
	return REASON_NONE;
}

/* RFC 6275 9.2's rules, in its order. */
enum reason mh_parse(struct mh *out, const uint8_t *p, size_t len,
		     const struct in6_addr *src, const struct in6_addr *dst)
{
	const struct msg_ops *msg;
	uint8_t payload_proto;
	struct rbuf rb;
	size_t mh_len;

	memset(out, 0, sizeof(*out));
	rbuf_init(&rb, p, len);
	payload_proto = rbuf_u8(&rb);
	mh_len = 8 + (size_t)rbuf_u8(&rb) * 8;
	if (mh_len > len)
		return REASON_MH_TRUNCATED;
	/* RFC 6275 6.1.1: the sum is that of the Mobility Header alone */
	if (ip6_checksum(src, dst, IP6_PROTO_MH, p, mh_len) != 0)
		return REASON_MH_CHECKSUM;
	out->type = rbuf_u8(&rb);
	msg = msg_find(out->type);
	if (!msg)
		return REASON_MH_UNKNOWN_TYPE;
	if (payload_proto != IP6_PROTO_NONE)
		return REASON_MH_PAYLOAD_PROTO;
	if (mh_len < msg->min_len || mh_len != len)
		return REASON_MH_LENGTH;

	rbuf_u8(&rb);	/* reserved */
	rbuf_u16(&rb);	/* checksum */
	msg->parse(out, &rb);
	return rb.bad ? REASON_MH_LENGTH : opts_parse(out, &rb);
}

int mh_problem_at(enum reason reason)
{
	if (reason == REASON_MH_PAYLOAD_PROTO)
		return 0;
	return reason == REASON_MH_LENGTH ? 1 : -1;
}

static int opts_build(struct wbuf *wb, const struct mh *mh)
{
	if (mh->n_opts > MH_OPTS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < mh->n_opts; i++) {
		const struct mh_opt *opt = &mh->opts[i];
		const struct opt_ops *ops = opt_find(opt->type);

		if (!ops)
			return -EINVAL;
		/* RFC 6275 6.2: it MUST be the last option */
		if (opt->type == MH_OPT_AUTH && i + 1 != mh->n_opts)
			return -EINVAL;
		opt_align(wb, opt, ops);
		wbuf_u8(wb, opt->type);
		wbuf_u8(wb, opt_len(opt, ops));
		ops->build(opt, wb);
	}
	if (mh->flows && mh_opt_find(mh, MH_OPT_AUTH))
		return -EINVAL;
	if (mh->flows)
		mh_flows_build(wb, mh->flows);
	/* RFC 6275 6.1.1: the length MUST be a multiple of 8 octets */
	mh_align(wb, 8, 0);
	return 0;
}

ssize_t mh_build(uint8_t *out, size_t cap, const struct mh *mh,
		 const struct in6_addr *src, const struct in6_addr *dst)
{
	const struct msg_ops *msg = msg_find(mh->type);
	struct wbuf wb;

	if (!msg)
		return -EINVAL;
	wbuf_init(&wb, out, cap);
	wbuf_u8(&wb, IP6_PROTO_NONE);
	wbuf_u8(&wb, 0);	/* header length, below */
	wbuf_u8(&wb, mh->type);
	wbuf_zero(&wb, COMMON_LEN - 3);
	msg->build(mh, &wb);
	if (opts_build(&wb, mh) < 0)
		return -EINVAL;
	wbuf_set_u8(&wb, 1, (uint8_t)(wb.len / 8 - 1));
	if (wb.bad)
		return -EMSGSIZE;
	wbuf_set_u16(&wb, CHECKSUM_AT,
		     ip6_checksum(src, dst, IP6_PROTO_MH, out, wb.len));
	return (ssize_t)wb.len;
}

const struct mh_opt *mh_opt_find(const struct mh *mh, uint8_t type)
{
	for (size_t i = 0; i < mh->n_opts && i < MH_OPTS_MAX; i++) {
		if (mh->opts[i].type == type)
			return &mh->opts[i];
	}
	return NULL;
}

struct mh_opt *mh_opt_add(struct mh *mh, uint8_t type)
{
	struct mh_opt *opt;

	if (mh->n_opts >= MH_OPTS_MAX)
		return NULL;
	opt = &mh->opts[mh->n_opts++];
	memset(opt, 0, sizeof(*opt));
	opt->type = type;
	return opt;
}

const char *mh_type_str(uint8_t type)
{
	const struct msg_ops *msg = msg_find(type);

	return msg ? msg->name : "unknown";
}

/* RFC 6275 6.1.8 */
const char *mh_status_str(uint8_t status)
{
	switch (status) {
	case MH_STATUS_ACCEPTED:
		return "accepted";
	case MH_STATUS_PREFIX_DISCOVERY:
		return "accepted, prefix discovery necessary";
	case MH_STATUS_MCOA_NOTCOMPLETE:
		return "accepted, some care-of addresses were not";
	case MH_STATUS_MCOA_HOME_WO_NDP:
		return "accepted, without Neighbor Discovery at home";
	case MH_STATUS_UNSPECIFIED:
		return "reason unspecified";
	case MH_STATUS_PROHIBITED:
		return "administratively prohibited";
	case MH_STATUS_RESOURCES:
		return "insufficient resources";
	case MH_STATUS_NO_HOME_REG:
		return "home registration not supported";
	case MH_STATUS_NOT_HOME_SUBNET:
		return "not home subnet";
	case MH_STATUS_NOT_HA_FOR_MN:
		return "not home agent for this mobile node";
	case MH_STATUS_DAD_FAILED:
		return "duplicate address detection failed";
	case MH_STATUS_SEQ:
		return "sequence number out of window";
	case MH_STATUS_HOME_NONCE:
		return "expired home nonce index";
	case MH_STATUS_COA_NONCE:
		return "expired care-of nonce index";
	case MH_STATUS_NONCES:
		return "expired nonces";
	case MH_STATUS_TYPE_CHANGE:
		return "registration type change disallowed";
	case MH_STATUS_ROUTER_PROHIBITED:
		return "mobile router operation not permitted";
	case MH_STATUS_INVALID_PREFIX:
		return "invalid prefix";
	case MH_STATUS_PREFIX_PROHIBITED:
		return "not authorized for prefix";
	case MH_STATUS_PREFIXES_MISSING:
		return "forwarding setup failed, prefixes missing";
	case MH_STATUS_MCOA_MALFORMED:
		return "malformed Binding Identifier option";
	case MH_STATUS_MCOA_NON_MCOA_EXISTS:
		return "a binding without Binding Identifier exists";
	case MH_STATUS_MCOA_PROHIBITED:
		return "several care-of addresses prohibited";
	case MH_STATUS_MCOA_UNKNOWN_COA:
		return "no care-of address known for this Binding Identifier";
	case MH_STATUS_MCOA_BULK_PROHIBITED:
		return "bulk registration prohibited";
	case MH_STATUS_MCOA_HOME_PROHIBITED:
		return "simultaneous home and foreign binding prohibited";
	case MH_STATUS_INVALID_COA:
		return "invalid care-of address";
	}
	return status < 128 ? "accepted, unknown status" :
	       "rejected, unknown status";
}

/* RFC 5846 5.2 */
const char *mh_br_status_str(uint8_t status)
{
	switch (status) {
	case MH_BR_SUCCESS:
		return "success";
	case MH_BR_PARTIAL:
		return "partial success";
	case MH_BR_NO_BINDING:
		return "binding does not exist";
	case MH_BR_IPV4_HOA_REQUIRED:
		return "IPv4 home address option required";
	case MH_BR_GLOBAL_DENIED:
		return "global revocation not authorized";
	case MH_BR_NO_IDENTITY:
		return "revoked mobile nodes' identity required";
	case MH_BR_ATTACHED:
		return "mobile node is attached";
	case MH_BR_TRIGGER_UNSUPPORTED:
		return "revocation trigger not supported";
	case MH_BR_UNSUPPORTED:
		return "revocation not supported";
	case MH_BR_PROXY_UNSUPPORTED:
		return "proxy binding revocation not supported";
	}
	return status < 128 ? "accepted, unknown status" :
	       "rejected, unknown status";
}
