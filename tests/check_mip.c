/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mip.h"

static struct in6_addr hoa, ha;

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static void setup(void)
{
	hoa = addr("2001:db8:a::100");
	ha = addr("2001:db8:a::1");
}

static void fix(uint8_t *p, size_t len)
{
	uint16_t sum;

	p[2] = p[3] = 0;
	sum = ip6_checksum(&hoa, &ha, IP6_PROTO_ICMPV6, p, len);
	p[2] = (uint8_t)(sum >> 8);
	p[3] = (uint8_t)sum;
}

static struct mip sample(uint8_t type)
{
	struct mip mip = {.type = type, .id = 0xbeef};

	if (type == MIP_HAAD_REPLY) {
		mip.n_addrs = 2;
		mip.addrs[0] = ha;
		mip.addrs[1] = addr("2001:db8:a::2");
	}
	if (type == MIP_MPA) {
		mip.managed = true;
		mip.n_prefixes = 1;
		mip.prefixes[0] = (struct nd_prefix){
			.prefix = ha, .len = 64, .on_link = true,
			.autonomous = true, .router_addr = true,
			.valid = 7200, .preferred = 3600,
		};
	}
	return mip;
}

/* RFC 6275 6.5 to 6.8 */
START_TEST(build_then_parse)
{
	static const size_t lens[] = {8, 40, 8, 40};
	struct mip mip = sample((uint8_t)_i), back;
	uint8_t buf[128];
	ssize_t n = mip_build(buf, sizeof(buf), &mip, &hoa, &ha);

	ck_assert_int_eq(n, (ssize_t)lens[_i - MIP_HAAD_REQUEST]);
	ck_assert_uint_eq(buf[0], _i);
	ck_assert_uint_eq(buf[1], 0);
	ck_assert_int_eq(mip_parse(&back, buf, (size_t)n, &hoa, &ha),
			 REASON_NONE);
	ck_assert_mem_eq(&mip, &back, sizeof(mip));
	for (size_t cap = 0; cap < (size_t)n; cap++)
		ck_assert_int_eq(mip_build(buf, cap, &mip, &hoa, &ha),
				 -EMSGSIZE);
}
END_TEST

/* RFC 6275 6.5 to 6.8: sent as zero, ignored when received */
START_TEST(reserved)
{
	const uint8_t first = _i == MIP_MPA ? 0x3f : 0xff;	/* M, O */
	struct mip mip = sample((uint8_t)_i), back;
	uint8_t buf[128];
	size_t n = (size_t)mip_build(buf, sizeof(buf), &mip, &hoa, &ha);

	ck_assert_uint_eq(buf[6] & first, 0);
	ck_assert_uint_eq(buf[7], 0);
	buf[6] |= first;
	buf[7] = 0xff;
	fix(buf, n);
	ck_assert_int_eq(mip_parse(&back, buf, n, &hoa, &ha), REASON_NONE);
	ck_assert_mem_eq(&mip, &back, sizeof(mip));
}
END_TEST

START_TEST(refused)
{
	struct mip mip = sample((uint8_t)_i), back;
	uint8_t buf[128];
	size_t n = (size_t)mip_build(buf, sizeof(buf), &mip, &hoa, &ha), len;

	for (len = 0; len < 8; len++)
		ck_assert_int_eq(mip_parse(&back, buf, len, &hoa, &ha),
				 REASON_ND_TRUNCATED);
	ck_assert_int_eq(mip_parse(&back, buf, n, &hoa, &hoa),
			 REASON_ND_CHECKSUM);
	buf[1] = 1;
	fix(buf, n);
	ck_assert_int_eq(mip_parse(&back, buf, n, &hoa, &ha),
			 REASON_ND_UNKNOWN_TYPE);
	buf[1] = 0;
	buf[0] = MIP_MPA + 1;
	fix(buf, n);
	ck_assert_int_eq(mip_parse(&back, buf, n, &hoa, &ha),
			 REASON_ND_UNKNOWN_TYPE);
}
END_TEST

START_TEST(cut_off)
{
	static const uint8_t types[] = {MIP_HAAD_REPLY, MIP_MPA};
	struct mip mip = sample(types[_i]), back;
	uint8_t buf[128];
	size_t n = (size_t)mip_build(buf, sizeof(buf), &mip, &hoa, &ha), len;

	for (len = 9; len < n; len++) {
		if (types[_i] == MIP_HAAD_REPLY && (len - 8) % 16 == 0)
			continue;
		fix(buf, len);
		ck_assert_int_ne(mip_parse(&back, buf, len, &hoa, &ha),
				 REASON_NONE);
	}
}
END_TEST

/* 6.7, 6.8: options that are not known are skipped */
START_TEST(options)
{
	uint8_t buf[24] = {(uint8_t)_i, [8] = 200, [9] = 1, [16] = 201, [17] = 1};
	struct mip mip;

	fix(buf, sizeof(buf));
	ck_assert_int_eq(mip_parse(&mip, buf, sizeof(buf), &hoa, &ha),
			 REASON_NONE);
	ck_assert_uint_eq(mip.n_prefixes, 0);
	buf[17] = 0;
	fix(buf, sizeof(buf));
	ck_assert_int_eq(mip_parse(&mip, buf, sizeof(buf), &hoa, &ha),
			 REASON_ND_OPTION);
}
END_TEST

START_TEST(more_than_fit)
{
	uint8_t buf[8 + 16 * (MIP_ADDRS_MAX + 5)] = {MIP_HAAD_REPLY};
	struct mip mip;

	fix(buf, sizeof(buf));
	ck_assert_int_eq(mip_parse(&mip, buf, sizeof(buf), &hoa, &ha),
			 REASON_NONE);
	ck_assert_uint_eq(mip.n_addrs, MIP_ADDRS_MAX);
	/* 10.5: the largest reply is no longer than the minimum MTU */
	ck_assert_uint_le(IP6_HDR_LEN + 8 + 16 * MIP_ADDRS_MAX, IP6_MIN_MTU);
}
END_TEST

START_TEST(build_refuses)
{
	struct mip mip = {.type = 143};
	uint8_t buf[64];

	ck_assert_int_eq(mip_build(buf, 64, &mip, &hoa, &ha), -EINVAL);
	mip = sample(MIP_MPA);
	mip.prefixes[0].len = 129;
	ck_assert_int_eq(mip_build(buf, 64, &mip, &hoa, &ha), -EINVAL);
}
END_TEST

/* RFC 2526 2: 64-bit identifiers in EUI-64 format, and others */
START_TEST(anycast)
{
	struct ip6_prefix home = {.addr = addr("2001:db8:a::"), .len = 64};
	struct in6_addr a;

	ck_assert(mip_anycast(&a, &home));
	ck_assert_str_eq(ip6_str(&a), "2001:db8:a:0:fdff:ffff:ffff:fffe");
	home.len = 120;
	ck_assert(mip_anycast(&a, &home));
	ck_assert_str_eq(ip6_str(&a), "2001:db8:a::fe");
	home.len = 122;
	ck_assert(!mip_anycast(&a, &home));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mip");
	TCase *tc = tcase_create("mip");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, build_then_parse, MIP_HAAD_REQUEST,
			    MIP_MPA + 1);
	tcase_add_loop_test(tc, reserved, MIP_HAAD_REQUEST, MIP_MPA + 1);
	tcase_add_loop_test(tc, refused, MIP_HAAD_REQUEST, MIP_MPA + 1);
	tcase_add_loop_test(tc, cut_off, 0, 2);
	tcase_add_loop_test(tc, options, MIP_MPS, MIP_MPA + 1);
	tcase_add_test(tc, more_than_fit);
	tcase_add_test(tc, build_refuses);
	tcase_add_test(tc, anycast);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
