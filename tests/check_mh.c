/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ip6.h"
#include "proto/mh.h"

static const struct in6_addr hoa = {{{0x20, 0x01, 0x0d, 0xb8, 0, 0xaa,
				      [14] = 1, [15] = 0}}};
static const struct in6_addr ha = {{{0x20, 0x01, 0x0d, 0xb8, 0, 0xaa,
				     [15] = 1}}};
static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void rnd_bytes(void *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)rnd();
}

static void setup(void)
{
	seed = 0x9e3779b97f4a7c15;
}

/* Writes the checksum of bytes that are to be a Mobility Header. */
static void fix(uint8_t *p, size_t len)
{
	uint16_t sum;

	p[4] = p[5] = 0;
	sum = ip6_checksum(&hoa, &ha, IP6_PROTO_MH, p, len);
	p[4] = (uint8_t)(sum >> 8);
	p[5] = (uint8_t)sum;
}

static void random_msg(struct mh *mh, uint8_t type)
{
	mh->type = type;
	switch ((enum mh_type)type) {
	case MH_BRR:
		break;
	case MH_HOTI:
	case MH_COTI:
		mh->hoti.cookie = rnd();
		break;
	case MH_HOT:
	case MH_COT:
		mh->hot.nonce_index = (uint16_t)rnd();
		mh->hot.cookie = rnd();
		mh->hot.token = rnd();
		break;
	case MH_BU:
		mh->bu.seq = (uint16_t)rnd();
		mh->bu.flags = (uint16_t)rnd();
		mh->bu.lifetime = (uint16_t)rnd();
		break;
	case MH_BA:
		mh->ba.status = (uint8_t)rnd();
		mh->ba.flags = (uint8_t)rnd();
		mh->ba.seq = (uint16_t)rnd();
		mh->ba.lifetime = (uint16_t)rnd();
		break;
	case MH_BE:
		mh->be.status = (uint8_t)rnd();
		rnd_bytes(&mh->be.home, 16);
		break;
	case MH_HAS:
		mh->has.n = (uint8_t)(rnd() % (MH_HAS_MAX + 1));
		rnd_bytes(mh->has.addrs, 16u * mh->has.n);
		break;
	case MH_HB:
		mh->hb.flags = (uint16_t)rnd();
		mh->hb.seq = (uint32_t)rnd();
		break;
	case MH_BR:
		mh->br.kind = (uint8_t)rnd();
		mh->br.code = (uint8_t)rnd();
		mh->br.seq = (uint16_t)rnd();
		mh->br.flags = (uint16_t)rnd();
		break;
	}
}

/* RFC 5648 4.3; now and then of a length that there is not */
static void random_bid(struct mh_opt *opt)
{
	static const uint8_t lens[] = {4, 8, 20, 20, 0, 1, 2, 7, 22};

	opt->bid.len = lens[rnd() % sizeof(lens)];
	if (opt->bid.len >= 2)
		opt->bid.id = (uint16_t)rnd();
	if (opt->bid.len % 4 || !opt->bid.len)
		return;
	opt->bid.status = (uint8_t)rnd();
	opt->bid.home = rnd() % 2;
	opt->bid.pri = rnd() % 128;
	rnd_bytes(&opt->bid.coa, opt->bid.len - 4u);
}

static void random_opt(struct mh *mh, uint8_t type)
{
	struct mh_opt *opt = mh_opt_add(mh, type);

	ck_assert_ptr_nonnull(opt);
	switch (type) {
	case MH_OPT_REFRESH:
		opt->refresh = (uint16_t)rnd();
		break;
	case MH_OPT_ALT_COA:
		rnd_bytes(&opt->alt_coa, 16);
		break;
	case MH_OPT_NONCE:
		opt->nonce.home = (uint16_t)rnd();
		opt->nonce.coa = (uint16_t)rnd();
		break;
	case MH_OPT_AUTH:
		rnd_bytes(opt->auth, MH_AUTH_LEN);
		break;
	case MH_OPT_PREFIX:
		opt->prefix.len = (uint8_t)(rnd() % 129);
		rnd_bytes(&opt->prefix.addr, 16);
		break;
	case MH_OPT_RESTART:
		opt->restart = (uint32_t)rnd();
		break;
	case MH_OPT_LLA:
		opt->lla.code = (uint8_t)rnd();
		rnd_bytes(opt->lla.addr, 6);
		break;
	case MH_OPT_BID:
		random_bid(opt);
		break;
	}
}

static const uint8_t types[] = {
	MH_BRR, MH_HOTI, MH_COTI, MH_HOT, MH_COT, MH_BU, MH_BA, MH_BE, MH_HAS,
	MH_HB, MH_BR,
};

enum { N_TYPES = sizeof(types) };

static const size_t fixed[] = {
	8, 16, 16, 24, 24, 12, 12, 24, [MH_HAS] = 8, [MH_HB] = 12, [MH_BR] = 12,
};

/* Where options begin; every option of a built message at its alignment. */
static void check_alignment(const uint8_t *p, size_t len)
{
	bool good = true;
	size_t at = fixed[p[2]];

	if (p[2] == MH_HAS)
		at += p[6] * 16u;
	while (at < len) {
		switch (p[at]) {
		case MH_OPT_PAD1:
			at++;
			continue;
		case MH_OPT_REFRESH:
		case MH_OPT_NONCE:
			good &= at % 2 == 0;
			break;
		case MH_OPT_ALT_COA:
			good &= at % 8 == 6;
			break;
		case MH_OPT_AUTH:
			good &= at % 8 == 2 && at + 14 == len;
			break;
		case MH_OPT_PREFIX:
			good &= at % 8 == 4;
			break;
		case MH_OPT_RESTART:
			good &= at % 4 == 2;
			break;
		case MH_OPT_BID:
			good &= p[at + 1] == 20 || p[at + 1] == 8 ?
				at % 8 == 2 : at % 2 == 0;
			break;
		}
		at += 2 + p[at + 1];
	}
	ck_assert(good && at == len && len % 8 == 0);
}

START_TEST(build_then_parse)
{
	static const uint8_t kinds[] = {
		MH_OPT_REFRESH, MH_OPT_ALT_COA, MH_OPT_NONCE, MH_OPT_PREFIX,
		MH_OPT_RESTART, MH_OPT_LLA, MH_OPT_BID,
	};
	uint8_t buf[MH_MAX_LEN], again[MH_MAX_LEN];
	struct mh mh, back;
	ssize_t n;

	for (int i = 0; i < 1000; i++) {
		unsigned int n_opts = (unsigned int)(rnd() % MH_OPTS_MAX);

		memset(&mh, 0, sizeof(mh));
		random_msg(&mh, types[_i]);
		while (n_opts-- > 0)
			random_opt(&mh, kinds[rnd() % sizeof(kinds)]);
		if (rnd() % 2)
			random_opt(&mh, MH_OPT_AUTH);
		n = mh_build(buf, sizeof(buf), &mh, &hoa, &ha);
		ck_assert_int_gt(n, 0);
		check_alignment(buf, (size_t)n);
		ck_assert_int_eq(mh_parse(&back, buf, (size_t)n, &hoa, &ha),
				 REASON_NONE);
		ck_assert_mem_eq(&mh, &back, sizeof(mh));
		ck_assert_int_eq(mh_build(again, (size_t)n, &back, &hoa, &ha),
				 n);
		ck_assert_mem_eq(buf, again, (size_t)n);
		ck_assert_int_eq(mh_build(again, (size_t)rnd() % (size_t)n,
					  &mh, &hoa, &ha), -EMSGSIZE);
		buf[rnd() % (size_t)n] ^= (uint8_t)(1 << rnd() % 8);
		ck_assert_int_ne(mh_parse(&back, buf, (size_t)n, &hoa, &ha),
				 REASON_NONE);
	}
}
END_TEST

/* RFC 6275 6.1.2 to 6.1.9, RFC 5142 4, RFC 5846 5: the last sentence of each */
START_TEST(header_len_without_options)
{
	struct mh mh = {.type = types[_i]};
	uint8_t buf[64], lens = (uint8_t)((fixed[types[_i]] - 1) / 8);
	ssize_t n = mh_build(buf, sizeof(buf), &mh, &hoa, &ha);

	ck_assert_int_eq(n, 8 + lens * 8);
	ck_assert_uint_eq(buf[0], 59);
	ck_assert_uint_eq(buf[1], lens);
	ck_assert_uint_eq(buf[2], types[_i]);

	/* RFC 6275 9.2: a header length below that is refused */
	for (uint8_t len = 0; len < lens; len++) {
		buf[1] = len;
		fix(buf, 8 + len * 8u);
		ck_assert_int_eq(mh_parse(&mh, buf, 8 + len * 8u, &hoa, &ha),
				 REASON_MH_LENGTH);
	}
}
END_TEST

/* RFC 5142 4: as many addresses as it says are in it */
START_TEST(home_agent_switch)
{
	struct mh mh = {.type = MH_HAS, .has.n = 2}, back;
	uint8_t buf[8 + 16 * 30] = {0};
	size_t n = (size_t)mh_build(buf, sizeof(buf), &mh, &hoa, &ha);

	ck_assert_uint_eq(n, 40);
	buf[6] = 3;
	fix(buf, n);
	ck_assert_int_eq(mh_parse(&back, buf, n, &hoa, &ha), REASON_MH_LENGTH);
	/* more than we keep */
	buf[1] = 60;
	buf[6] = 30;
	fix(buf, sizeof(buf));
	ck_assert_int_eq(mh_parse(&back, buf, sizeof(buf), &hoa, &ha),
			 REASON_NONE);
	ck_assert_uint_eq(back.has.n, MH_HAS_MAX);
	ck_assert_uint_eq(back.n_opts, 0);
}
END_TEST

/* RFC 6275 6.1.1 to 6.1.9: sent as zero, ignored when received */
START_TEST(reserved_fields)
{
	static const struct {
		uint8_t at, mask;
	} fields[][2] = {
		[MH_BRR] = {{6, 0xff}, {7, 0xff}},
		[MH_HOTI] = {{6, 0xff}, {7, 0xff}},
		[MH_COTI] = {{6, 0xff}, {7, 0xff}},
		[MH_BU] = {{8, 0x0b}, {9, 0xff}},	/* R: RFC 3963 */
		[MH_BA] = {{7, 0x3f}},
		[MH_BE] = {{7, 0xff}},
	};
	struct mh mh = {0}, back;
	uint8_t buf[64];
	ssize_t n;

	random_msg(&mh, (uint8_t)_i);
	if (_i == MH_BU)
		mh.bu.flags = MH_BU_A | MH_BU_H | MH_BU_L | MH_BU_K;
	if (_i == MH_BA)
		mh.ba.flags = MH_BA_K;
	n = mh_build(buf, sizeof(buf), &mh, &hoa, &ha);
	ck_assert_uint_eq(buf[3], 0);
	buf[3] = 0xff;
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(buf[fields[_i][i].at] & fields[_i][i].mask,
				  0);
		buf[fields[_i][i].at] |= fields[_i][i].mask;
	}
	fix(buf, (size_t)n);
	ck_assert_int_eq(mh_parse(&back, buf, (size_t)n, &hoa, &ha),
			 REASON_NONE);
	/* these are in a field with flags, and no flag anybody looks at */
	if (_i == MH_BU)
		back.bu.flags &= 0xf000;
	if (_i == MH_BA)
		back.ba.flags &= MH_BA_K;
	ck_assert_mem_eq(&mh, &back, sizeof(mh));
}
END_TEST

/* RFC 6275 6.1.2 to 6.1.9, 6.2.1: in each message */
START_TEST(unknown_options)
{
	struct mh mh = {0}, back;
	uint8_t buf[64];
	size_t n;

	random_msg(&mh, (uint8_t)_i);
	n = (size_t)mh_build(buf, sizeof(buf), &mh, &hoa, &ha);
	memcpy(buf + n, "\x80\4abcd\xff", 8);
	buf[1]++;
	fix(buf, n + 8);
	ck_assert_int_eq(mh_parse(&back, buf, n + 8, &hoa, &ha), REASON_NONE);
	ck_assert_uint_eq(back.n_unknown, 2);
	back.n_unknown = 0;
	ck_assert_mem_eq(&mh, &back, sizeof(mh));
}
END_TEST

START_TEST(lengths)
{
	struct mh mh = {.type = MH_BU}, back;
	uint8_t buf[64] = {0};
	ssize_t n = mh_build(buf, sizeof(buf), &mh, &hoa, &ha);

	for (size_t len = 0; len < (size_t)n; len++)
		ck_assert_int_eq(mh_parse(&back, buf, len, &hoa, &ha),
				 REASON_MH_TRUNCATED);
	ck_assert_int_eq(mh_parse(&back, NULL, 0, &hoa, &ha),
			 REASON_MH_TRUNCATED);
	ck_assert_int_eq(mh_parse(&back, buf, (size_t)n + 1, &hoa, &ha),
			 REASON_MH_LENGTH);
	ck_assert_int_eq(mh_parse(&back, buf, (size_t)n + 8, &hoa, &ha),
			 REASON_MH_LENGTH);
	/* The length is checked before whatever the sum would be over it. */
	buf[1] = 255;
	ck_assert_int_eq(mh_parse(&back, buf, (size_t)n, &hoa, &ha),
			 REASON_MH_TRUNCATED);
}
END_TEST

/* RFC 6275 9.2: checksum, then type, then payload proto, then length */
START_TEST(order_of_checks)
{
	struct mh mh = {.type = MH_BE}, back;
	uint8_t buf[64];
	size_t n = (size_t)mh_build(buf, sizeof(buf), &mh, &hoa, &ha);

	ck_assert_int_eq(mh_parse(&back, buf, n, &hoa, &hoa),
			 REASON_MH_CHECKSUM);
	buf[0] = 41;
	buf[1] = 1;
	buf[2] = 8;
	ck_assert_int_eq(mh_parse(&back, buf, n, &hoa, &ha),
			 REASON_MH_CHECKSUM);
	fix(buf, 16);
	ck_assert_int_eq(mh_parse(&back, buf, n, &hoa, &ha),
			 REASON_MH_UNKNOWN_TYPE);
	ck_assert_uint_eq(back.type, 8);
	buf[2] = MH_BE;
	fix(buf, 16);
	ck_assert_int_eq(mh_parse(&back, buf, n, &hoa, &ha),
			 REASON_MH_PAYLOAD_PROTO);
	buf[0] = 59;
	fix(buf, 16);
	ck_assert_int_eq(mh_parse(&back, buf, n, &hoa, &ha),
			 REASON_MH_LENGTH);
	buf[1] = 2;
	buf[3] = 0xff;	/* reserved: ignored */
	buf[7] = 0xff;
	fix(buf, 24);
	ck_assert_int_eq(mh_parse(&back, buf, n, &hoa, &ha), REASON_NONE);
}
END_TEST

/* Mobility options after a BU's 12 octets, raw. */
static enum reason parse_opts(struct mh *out, const void *opts, size_t len)
{
	uint8_t buf[MH_MAX_LEN] = {59, 0, MH_BU};

	memcpy(buf + 12, opts, len);
	buf[1] = (uint8_t)((12 + len) / 8 - 1);
	ck_assert_uint_eq((12 + len) % 8, 0);
	fix(buf, 12 + len);
	return mh_parse(out, buf, 12 + len, &hoa, &ha);
}

#define A12 "abcdefghijkl"
#define A16 "abcdefghijklmnop"

static const struct {
	const char *what, *bytes;
	size_t len;
	enum reason reason;
	unsigned int n_opts, n_unknown;
} opt_cases[] = {
#define CASE(what, bytes, reason, opts, unknown) \
	{what, bytes, sizeof(bytes) - 1, REASON_##reason, opts, unknown}
	CASE("four Pad1", "\0\0\0\0", NONE, 0, 0),
	CASE("PadN", "\1\2\7\7", NONE, 0, 0),
	CASE("unknown", "\x80\2\0\0", NONE, 0, 1),
	CASE("type 7 and 255", "\7\0\xff\0", NONE, 0, 2),
	CASE("unknown before a known one",
	     "\x80\0\2\2\0\1\x81\4\0\0\0\0", NONE, 1, 2),
	CASE("PadN beyond the message", "\1\3\0\0", MH_OPTION, 0, 0),
	CASE("unknown beyond the message", "\x80\3\0\0", MH_OPTION, 0, 0),
	CASE("no length", "\0\0\0\x80", MH_OPTION, 0, 0),
	CASE("refresh", "\2\2\1\2", NONE, 1, 0),
	CASE("refresh of one octet", "\2\1\1\0", MH_OPTION, 0, 0),
	CASE("refresh of none", "\2\0\0\0", MH_OPTION, 0, 0),
	CASE("alternate CoA, not aligned", "\3\x10" A16 "\0\0", NONE, 1, 0),
	CASE("alternate CoA of 17", "\3\x11" A16 "\0\0", MH_OPTION, 0, 0),
	CASE("alternate CoA of 4", "\3\4\0\0\0\0\0\0\0\0\0\0", MH_OPTION,
	     0, 0),
	CASE("nonces of 2", "\4\2\0\0", MH_OPTION, 0, 0),
	CASE("nonces and authorization", "\4\4\0\1\0\2\5\x0c" A12, NONE,
	     2, 0),
	CASE("authorization, trailing padding",
	     "\5\x0c" A12 "\1\4\0\0\0\0", MH_OPTION, 0, 0),
	CASE("authorization, trailing Pad1", "\1\3\0\0\0\5\x0c" A12 "\0",
	     MH_OPTION, 0, 0),
	CASE("network prefix", "\0\0\0\0\6\x12\0\x40" A16 "\0\0\0\0", NONE, 1,
	     0),
	CASE("network prefix of 129 bits",
	     "\0\0\0\0\6\x12\0\x81" A16 "\0\0\0\0", MH_OPTION, 0, 0),
	CASE("network prefix of 16", "\0\0\6\x10" A16, MH_OPTION, 0, 0),
	CASE("restart counter of 2", "\x1c\2\0\0", MH_OPTION, 0, 0),
	CASE("authorization twice", "\5\x0c" A12 "\5\x0c" A12,
	     MH_OPTION, 0, 0),
	CASE("authorization of 16", "\0\0\5\x10" A16, MH_OPTION, 0, 0),
#undef CASE
};

START_TEST(options)
{
	struct mh mh;
	enum reason reason = parse_opts(&mh, opt_cases[_i].bytes,
					opt_cases[_i].len);

	ck_assert_msg(reason == opt_cases[_i].reason, "%s: %s",
		      opt_cases[_i].what, reason_str(reason));
	if (reason == REASON_NONE) {
		ck_assert_uint_eq(mh.n_opts, opt_cases[_i].n_opts);
		ck_assert_uint_eq(mh.n_unknown, opt_cases[_i].n_unknown);
	}
}
END_TEST

START_TEST(many_options)
{
	uint8_t opts[2004] = {0};
	struct mh mh;

	for (int i = 0; i < MH_OPTS_MAX; i++)
		memcpy(opts + 4 * i, "\2\2\0", 4);
	ck_assert_int_eq(parse_opts(&mh, opts, 4 + 4 * MH_OPTS_MAX),
			 REASON_NONE);
	ck_assert_uint_eq(mh.n_opts, MH_OPTS_MAX);
	ck_assert_ptr_null(mh_opt_add(&mh, MH_OPT_NONCE));
	ck_assert_uint_eq(mh.n_excess, 0);
	memcpy(opts + 4 * MH_OPTS_MAX, "\2\2\0", 4);
	ck_assert_int_eq(parse_opts(&mh, opts, 4 + 4 * MH_OPTS_MAX),
			 REASON_NONE);
	ck_assert_uint_eq(mh.n_opts, MH_OPTS_MAX);
	ck_assert_uint_eq(mh.n_excess, 1);
	for (size_t i = 0; i < 2000; i += 4)
		memcpy(opts + i, "\2\2\0", 4);
	ck_assert_int_eq(parse_opts(&mh, opts, 2004), REASON_NONE);
	ck_assert_uint_eq(mh.n_excess, 255);
	/* malformed is malformed, wherever it is */
	opts[1997] = 3;
	ck_assert_int_eq(parse_opts(&mh, opts, 2004), REASON_MH_OPTION);

	for (size_t i = 0; i < sizeof(opts); i += 2)
		memcpy(opts + i, "\x80", 2);
	ck_assert_int_eq(parse_opts(&mh, opts, sizeof(opts)), REASON_NONE);
	ck_assert_uint_eq(mh.n_unknown, 255);
	ck_assert_uint_eq(mh.n_opts, 0);
}
END_TEST

START_TEST(build_refuses)
{
	struct mh mh = {.type = 8};
	uint8_t buf[512];

	ck_assert_int_eq(mh_build(buf, 512, &mh, &hoa, &ha), -EINVAL);
	mh.type = MH_BA;
	mh_opt_add(&mh, MH_OPT_AUTH);
	mh_opt_add(&mh, MH_OPT_REFRESH);
	ck_assert_int_eq(mh_build(buf, 512, &mh, &hoa, &ha), -EINVAL);
	mh.n_opts = 0;
	mh_opt_add(&mh, MH_OPT_PADN);
	ck_assert_int_eq(mh_build(buf, 512, &mh, &hoa, &ha), -EINVAL);
	mh.opts[0].type = 127;
	ck_assert_int_eq(mh_build(buf, 512, &mh, &hoa, &ha), -EINVAL);
	mh.n_opts = 17;
	ck_assert_int_eq(mh_build(buf, 512, &mh, &hoa, &ha), -EINVAL);
	mh.n_opts = 0;
	ck_assert_int_eq(mh_build(NULL, 0, &mh, &hoa, &ha), -EMSGSIZE);
}
END_TEST

/* RFC 6275 9.2: what a Parameter Problem points at, and what gets none */
START_TEST(problems)
{
	ck_assert_int_eq(mh_problem_at(REASON_MH_PAYLOAD_PROTO), 0);
	ck_assert_int_eq(mh_problem_at(REASON_MH_LENGTH), 1);
	ck_assert_int_lt(mh_problem_at(REASON_MH_CHECKSUM), 0);
	ck_assert_int_lt(mh_problem_at(REASON_MH_UNKNOWN_TYPE), 0);
	ck_assert_int_lt(mh_problem_at(REASON_MH_TRUNCATED), 0);
	ck_assert_int_lt(mh_problem_at(REASON_NONE), 0);
}
END_TEST

START_TEST(helpers)
{
	struct mh mh = {.type = MH_BU};

	ck_assert_ptr_null(mh_opt_find(&mh, MH_OPT_NONCE));
	mh_opt_add(&mh, MH_OPT_ALT_COA);
	mh_opt_add(&mh, MH_OPT_NONCE);
	ck_assert_ptr_eq(mh_opt_find(&mh, MH_OPT_NONCE), &mh.opts[1]);

	/* RFC 6275 9.5.1 */
	ck_assert(mh_seq_gt(1, 0) && !mh_seq_gt(0, 1) && !mh_seq_gt(7, 7));
	ck_assert(mh_seq_gt(0, 65535) && !mh_seq_gt(65535, 0));
	ck_assert(mh_seq_gt(32767, 0) && !mh_seq_gt(32769, 0));

	ck_assert_str_eq(mh_type_str(MH_BU), "BU");
	ck_assert_str_eq(mh_status_str(0), "accepted");
	for (int i = 0; i < 256; i++) {
		ck_assert_ptr_nonnull(mh_type_str((uint8_t)i));
		ck_assert_ptr_nonnull(mh_status_str((uint8_t)i));
		ck_assert_ptr_nonnull(mh_br_status_str((uint8_t)i));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mh");
	TCase *tc = tcase_create("mh");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, build_then_parse, 0, N_TYPES);
	tcase_add_loop_test(tc, header_len_without_options, 0, N_TYPES);
	tcase_add_test(tc, home_agent_switch);
	tcase_add_loop_test(tc, reserved_fields, MH_BRR, MH_BE + 1);
	tcase_add_loop_test(tc, unknown_options, MH_BRR, MH_BE + 1);
	tcase_add_test(tc, lengths);
	tcase_add_test(tc, order_of_checks);
	tcase_add_loop_test(tc, options, 0,
			    sizeof(opt_cases) / sizeof(opt_cases[0]));
	tcase_add_test(tc, many_options);
	tcase_add_test(tc, build_refuses);
	tcase_add_test(tc, problems);
	tcase_add_test(tc, helpers);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
