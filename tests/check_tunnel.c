/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bucket.h"
#include "proto/ip6.h"
#include "proto/tunnel.h"

static struct in6_addr ha, coa, hoa, cn;

static struct in6_addr addr(const char *text)
{
	struct in6_addr out;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &out), 1);
	return out;
}

static void setup(void)
{
	ha = addr("2001:db8:1::1");
	coa = addr("2001:db8:2::10");
	hoa = addr("2001:db8:1::10");
	cn = addr("2001:db8:c::2");
}

/* An IPv6 header for len bytes that follow it; returns where they go. */
static uint8_t *header(uint8_t *p, const struct in6_addr *src,
		       const struct in6_addr *dst, uint8_t next, size_t len)
{
	memset(p, 0, IP6_HDR_LEN);
	p[0] = 0x60;
	p[4] = (uint8_t)(len >> 8);
	p[5] = (uint8_t)len;
	p[6] = next;
	p[7] = 64;
	memcpy(p + 8, src, 16);
	memcpy(p + 24, dst, 16);
	return p + IP6_HDR_LEN;
}

/* HA -> CoA, headers between (their bytes, the first one's type), CN -> HoA
 * with a payload of this length, of which as much is quoted as fits in cap. */
static size_t quote(uint8_t *p, size_t cap, uint8_t first, const char *between,
		    size_t n, size_t payload)
{
	uint8_t *at = header(p, &ha, &coa, n ? first : IP6_PROTO_IPV6,
			     n + IP6_HDR_LEN + payload);

	memcpy(at, between, n);
	at = header(at + n, &cn, &hoa, IPPROTO_UDP, payload);
	memset(at, 0xaa, cap - (size_t)(at - p));
	n += 2 * (size_t)IP6_HDR_LEN + payload;
	return n < cap ? n : cap;
}

/* RFC 2473 8.1, 8.2. told: type, or 0. */
static const struct {
	struct nd_error err;
	size_t payload;
	struct nd_error told;
} told[] = {
	/* unreachable, for whatever reason */
	{{1, 0, 0}, 100, {1, 3, 0}},
	{{1, 1, 0}, 100, {1, 3, 0}},
	{{1, 3, 0}, 100, {1, 3, 0}},
	{{1, 6, 7}, 100, {1, 3, 0}},
	/* the hop limit, but not reassembly */
	{{3, 0, 0}, 100, {1, 3, 0}},
	{{3, 1, 0}, 100, {0, 0, 0}},
	/* too big: 40 less, the minimum at least */
	{{2, 0, 1400}, 1400, {2, 0, 1360}},
	{{2, 7, 1400}, 1321, {2, 0, 1360}},
	{{2, 0, 1400}, 1320, {0, 0, 0}},	/* it would fit */
	{{2, 0, 1320}, 1400, {2, 0, 1280}},
	{{2, 0, 1321}, 1400, {2, 0, 1281}},
	{{2, 0, 1280}, 1400, {2, 0, 1280}},
	{{2, 0, 0}, 1400, {2, 0, 1280}},
	{{2, 0, 1280}, 1241, {2, 0, 1280}},
	{{2, 0, 1280}, 1240, {0, 0, 0}},	/* none shorter can be sent */
	{{2, 0, 0xffffffff}, 1400, {0, 0, 0}},
	/* no option that it could point at */
	{{4, 0, 0}, 100, {0, 0, 0}},
	{{4, 0, 44}, 100, {0, 0, 0}},
	{{4, 1, 6}, 100, {0, 0, 0}},
	/* not an error, an unknown one */
	{{128, 0, 0}, 100, {0, 0, 0}},
	{{100, 0, 0}, 100, {0, 0, 0}},
};

static void check_told(const struct tunnel_error *te,
		       const struct nd_error *want, int i)
{
	ck_assert_msg(te->tell.type == want->type &&
		      te->tell.code == want->code &&
		      te->tell.param == want->param, "case %d: %u/%u %u", i,
		      te->tell.type, te->tell.code, te->tell.param);
}

START_TEST(error_told)
{
	size_t len;
	uint8_t p[1500];
	struct tunnel_error te;

	len = quote(p, 1232, 0, "", 0, told[_i].payload);
	ck_assert_int_eq(tunnel_error_parse(&te, &told[_i].err, p, len),
			 REASON_NONE);
	check_told(&te, &told[_i].told, _i);
	ck_assert(ip6_addr_eq(&te.src, &ha) && ip6_addr_eq(&te.dst, &coa));
	ck_assert(ip6_addr_eq(&te.inner_src, &cn));
	ck_assert(ip6_addr_eq(&te.inner_dst, &hoa));
	ck_assert_ptr_eq(te.inner, p + 40);
	ck_assert_uint_eq(te.inner_len, len - 40);
}
END_TEST

#define LIMIT(n) "\x29\0\4\1" n "\1\1\0"	/* and PadN of one byte */
#define LIMIT_LATE "\x29\0\0\0\0\4\1\0"		/* after three Pad1 */

/* Headers before the inner one, and a parameter problem's pointer. */
static const struct {
	uint8_t first;
	const char *between;
	size_t n;
	uint32_t pointer;
	bool good;
	uint8_t type;	/* told */
} limits[] = {
	{60, LIMIT("\0"), 8, 44, true, 1},
	{60, LIMIT("\1"), 8, 44, true, 1},
	{60, LIMIT("\2"), 8, 44, true, 0},
	{60, LIMIT("\0"), 8, 42, true, 0},
	{60, LIMIT("\0"), 8, 0, true, 0},
	{60, LIMIT_LATE, 8, 47, true, 1},
	{60, "\x29\0\4\2\0\0\1\0", 8, 44, true, 0},	/* not its length */
	{60, "\x29\0\1\4\4\1\0\0", 8, 46, true, 0},	/* within PadN */
	{60, "\x29\0\4\1\0\1\4\0", 8, 44, true, 0},	/* PadN leads out */
	{0, "\x3c\0\1\4\0\0\0\0" LIMIT("\0"), 16, 52, true, 1},
	{44, "\x29\0\0\1\0\0\0\7", 8, 44, true, 0},
	{44, "\x29\0\0\x09\0\0\0\7", 8, 44, false, 0},	/* a later one */
	{44, "\x3c\0\0\1\0\0\0\7" LIMIT("\0"), 16, 44, true, 1},
	{43, "\x29\0\0\0\0\0\0\0", 8, 44, false, 0},
	{60, "\x3b\0\1\4\0\0\0\0", 8, 44, false, 0},
	{6, "", 0, 0, true, 0},
};

START_TEST(error_headers)
{
	const struct nd_error err = {4, 0, limits[_i].pointer};
	const struct nd_error unreachable = {limits[_i].type,
					     limits[_i].type ? 3 : 0, 0};
	struct tunnel_error te;
	uint8_t p[400];
	size_t len = quote(p, sizeof(p), limits[_i].first, limits[_i].between,
			   limits[_i].n, 100);
	enum reason reason = tunnel_error_parse(&te, &err, p, len);

	ck_assert_int_eq(reason, limits[_i].good ? REASON_NONE :
						   REASON_TUNNEL_QUOTE);
	check_told(&te, &unreachable, _i);
	if (limits[_i].good)
		ck_assert(ip6_addr_eq(&te.inner_dst, &hoa));
}
END_TEST

/* What options take is taken from the MTU too; a fragment's header is not
 * there again when the packet is shorter. */
START_TEST(error_mtu_with_headers)
{
	const struct nd_error err = {2, 0, 1400}, want = {2, 0, 1352};
	struct tunnel_error te;
	uint8_t p[1500];
	size_t len = quote(p, 1232, 60, LIMIT("\4"), 8, 1400);

	ck_assert_int_eq(tunnel_error_parse(&te, &err, p, len), REASON_NONE);
	check_told(&te, &want, 0);
}
END_TEST

/* Any cut before the inner header's end is refused, none is read beyond. */
START_TEST(error_cut)
{
	const struct nd_error err = {1, 0, 0};
	struct tunnel_error te;
	uint8_t p[400], *exact;
	size_t len, full = quote(p, sizeof(p), 60, LIMIT("\0"), 8, 100);

	for (len = 0; len <= full; len++) {
		exact = malloc(len + 1);	/* for the sanitizer */
		memcpy(exact, p, len);
		ck_assert_int_eq(tunnel_error_parse(&te, &err, exact, len),
				 len < 88 ? REASON_TUNNEL_QUOTE : REASON_NONE);
		free(exact);
	}
	p[48] = 0x40;
	ck_assert_int_eq(tunnel_error_parse(&te, &err, p, full),
			 REASON_TUNNEL_QUOTE);
	p[0] = 0x40;
	ck_assert_int_eq(tunnel_error_parse(&te, &err, p, full),
			 REASON_TUNNEL_QUOTE);
}
END_TEST

/* RFC 6040 4.2, figure 4: [inner][outer]; -1: dropped */
static const int ecn[4][4] = {
	{0, 0, 0, -1},	/* Not-ECT */
	{1, 1, 1, 3},	/* ECT(1) */
	{2, 1, 2, 3},	/* ECT(0) */
	{3, 3, 3, 3},	/* CE */
};

START_TEST(inner_ecn)
{
	uint8_t p[60];
	int in, out;

	for (in = 0; in < 4; in++) {
		for (out = 0; out < 4; out++) {
			header(p, &hoa, &cn, 17, 20);
			p[0] = 0x6b;	/* DSCP 46, label 0x54321 */
			p[1] = (uint8_t)(0x85 | in << 4);
			ck_assert_int_eq(tunnel_inner(p, 60,
						      (uint8_t)(0x14 | out)),
					 ecn[in][out] < 0 ? REASON_TUNNEL_ECN :
							    REASON_NONE);
			if (ecn[in][out] < 0)
				continue;
			ck_assert_uint_eq(p[0], 0x6b);
			ck_assert_uint_eq(p[1], 0x85 | ecn[in][out] << 4);
		}
	}
}
END_TEST

START_TEST(inner_refused)
{
	static const struct {
		const char *dst;
		enum reason reason;
	} dsts[] = {
		{"fe80::1", REASON_TUNNEL_LINK_SCOPE},
		{"ff02::1", REASON_TUNNEL_LINK_SCOPE},
		{"ff01::1", REASON_TUNNEL_LINK_SCOPE},
		{"ff12::1", REASON_TUNNEL_LINK_SCOPE},
		{"ff05::1", REASON_NONE},
		{"ff0e::1", REASON_NONE},
		{"2001:db8::1", REASON_NONE},
	};
	uint8_t p[61];
	size_t i;

	for (i = 0; i < sizeof(dsts) / sizeof(dsts[0]); i++) {
		struct in6_addr dst = addr(dsts[i].dst);

		header(p, &hoa, &dst, 17, 20);
		ck_assert_int_eq(tunnel_inner(p, 60, 0), dsts[i].reason);
	}
	header(p, &hoa, &cn, 17, 20);
	ck_assert_int_eq(tunnel_inner(p, 59, 0), REASON_TUNNEL_INNER);
	ck_assert_int_eq(tunnel_inner(p, 61, 0), REASON_TUNNEL_INNER);
	ck_assert_int_eq(tunnel_inner(p, 39, 0), REASON_TUNNEL_INNER);
	ck_assert_int_eq(tunnel_inner(p, 0, 0), REASON_TUNNEL_INNER);
	p[0] = 0x40;
	ck_assert_int_eq(tunnel_inner(p, 60, 0), REASON_TUNNEL_INNER);
}
END_TEST

START_TEST(inner_hops)
{
	static const uint8_t cases[][3] = {	/* next, before, after */
		{58, 255, 254}, {58, 254, 254}, {58, 1, 1}, {0, 255, 254},
		{17, 255, 255}, {6, 255, 255}, {60, 255, 254},
	};
	uint8_t p[60];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		header(p, &hoa, &cn, cases[i][0], 20);
		p[7] = cases[i][1];
		ck_assert_int_eq(tunnel_inner(p, 60, 0), REASON_NONE);
		ck_assert_uint_eq(p[7], cases[i][2]);
	}
}
END_TEST

/* Puts the fragments of inner together again; how many they were. */
static unsigned int reassemble(uint8_t *whole, const uint8_t *inner,
			       size_t len, uint32_t mtu)
{
	const struct tunnel_ends ends = {coa, ha};
	uint8_t out[2000];
	unsigned int i;
	size_t at = 0;
	bool more = true;
	ssize_t n;

	for (i = 0; (n = tunnel_build(out, sizeof(out), &ends, inner, len, mtu,
				      0xabcdef01, i)) > 0; i++) {
		ck_assert(more);
		ck_assert_int_le(n, mtu);
		ck_assert_int_eq(n, 40 + (out[4] << 8 | out[5]));
		ck_assert_mem_eq(out + 8, &ends, 32);
		ck_assert_uint_eq(out[7], TUNNEL_HOP_LIMIT);
		ck_assert_mem_eq(out, "\x6b\x80\0\0", 4);
		if (out[6] == 41) {
			memcpy(whole, out + 40, (size_t)n - 40);
			at += (size_t)n - 40;
			more = false;
			continue;
		}
		ck_assert_uint_eq(out[6], 44);
		ck_assert_uint_eq(out[40], 41);
		ck_assert_uint_eq((out[42] << 8 | out[43]) & 0xfff8, at);
		ck_assert_mem_eq(out + 44, "\xab\xcd\xef\1", 4);
		more = out[43] & 1;
		memcpy(whole + at, out + 48, (size_t)n - 48);
		at += (size_t)n - 48;
	}
	ck_assert_int_eq(n, 0);
	ck_assert(!more);
	ck_assert_uint_eq(at, len);
	return i;
}

START_TEST(build)
{
	static const struct {
		size_t len;
		uint32_t mtu;
		unsigned int fragments;
	} cases[] = {
		{1240, 1280, 1}, {1241, 1280, 2}, {1280, 1280, 2},
		{1280, 1319, 2}, {1280, 1320, 1}, {1264, 1303, 2},
		{1265, 1287, 2}, {40, 1280, 1}, {2600, 1280, 3},
	};
	uint8_t inner[2600], whole[2600];
	size_t i;

	for (i = 0; i < sizeof(inner); i++)
		inner[i] = (uint8_t)(i * 7 + i / 256);
	header(inner, &hoa, &cn, 17, 0);
	inner[0] = 0x6b;
	inner[1] = 0x8f;	/* of the label, the outer header has nothing */
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_uint_eq(reassemble(whole, inner, cases[i].len,
					     cases[i].mtu),
				  cases[i].fragments);
		ck_assert_mem_eq(whole, inner, cases[i].len);
	}
}
END_TEST

/* p with its checksum as it should be, and as a device would complete it */
START_TEST(complete)
{
	static const struct {
		uint8_t proto;
		size_t at;
	} cases[] = {{17, 6}, {6, 16}};
	uint8_t good[140], p[140];
	size_t i, at;
	uint32_t sum;
	unsigned int k;

	for (i = 0; i < 2; i++) {
		at = 40 + cases[i].at;
		header(good, &cn, &hoa, cases[i].proto, 100);
		for (k = 40; k < 140; k++)
			good[k] = (uint8_t)(k * 37);
		good[at] = good[at + 1] = 0;
		sum = ip6_checksum(&cn, &hoa, cases[i].proto, good + 40, 100);
		good[at] = (uint8_t)(sum >> 8);
		good[at + 1] = (uint8_t)sum;
		/* right already: left */
		memcpy(p, good, 140);
		tunnel_complete(p, 140);
		ck_assert_mem_eq(p, good, 140);
		/* the pseudo-header's sum, counted apart */
		for (k = 8, sum = 100u + cases[i].proto; k < 40; k += 2)
			sum += (uint32_t)p[k] << 8 | p[k + 1];
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		p[at] = (uint8_t)(sum >> 8);
		p[at + 1] = (uint8_t)sum;
		tunnel_complete(p, 140);
		ck_assert_mem_eq(p, good, 140);
		/* wrong: left, or a damaged packet would look sound */
		p[at] ^= 0x10;
		memcpy(good, p, 140);
		tunnel_complete(p, 140);
		ck_assert_mem_eq(p, good, 140);
		/* too short, another protocol */
		tunnel_complete(p, at + 1);
		p[6] = 58;
		tunnel_complete(p, 140);
		p[6] = cases[i].proto;
		tunnel_complete(p, 39);
		ck_assert_mem_eq(p, good, 140);
	}
}
END_TEST

START_TEST(build_refused)
{
	static uint8_t inner[65537], out[65577];
	const struct tunnel_ends ends = {coa, ha};

	ck_assert_int_eq(tunnel_build(out, 99, &ends, inner, 60, 1500, 1, 0),
			 -EMSGSIZE);
	ck_assert_int_eq(tunnel_build(out, 100, &ends, inner, 60, 1500, 1, 0),
			 100);
	ck_assert_int_eq(tunnel_build(out, sizeof(out), &ends, inner, 65536,
				      1500, 1, 0), -EMSGSIZE);
	ck_assert_int_eq(tunnel_build(out, sizeof(out), &ends, inner, 60, 1279,
				      1, 0), -EMSGSIZE);
}
END_TEST

START_TEST(bucket)
{
	struct bucket b = {0};
	mtime now = MTIME_SEC(1000);
	int i, n = 0;

	for (i = 0; i < 1000; i++)
		n += bucket_take(&b, now);
	ck_assert_int_eq(n, BUCKET_PER_SECOND);
	ck_assert(!bucket_take(&b, mtime_add(now, MTIME_MS(9))));
	ck_assert(bucket_take(&b, mtime_add(now, MTIME_MS(10))));
	ck_assert(!bucket_take(&b, mtime_add(now, MTIME_MS(10))));
	for (i = 0, n = 0; i < 1000; i++)
		n += bucket_take(&b, mtime_add(now, MTIME_SEC(3600)));
	ck_assert_int_eq(n, BUCKET_PER_SECOND);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tunnel");
	TCase *tc = tcase_create("tunnel");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, error_told, 0, sizeof(told) / sizeof(told[0]));
	tcase_add_loop_test(tc, error_headers, 0,
			    sizeof(limits) / sizeof(limits[0]));
	tcase_add_test(tc, error_mtu_with_headers);
	tcase_add_test(tc, error_cut);
	tcase_add_test(tc, inner_ecn);
	tcase_add_test(tc, inner_refused);
	tcase_add_test(tc, inner_hops);
	tcase_add_test(tc, build);
	tcase_add_test(tc, complete);
	tcase_add_test(tc, build_refused);
	tcase_add_test(tc, bucket);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
