/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ha/halist: which home agents a link has. No network, no clock. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ha/halist.h"

static struct in6_addr own[2];
static struct halist list;
static mtime now;
static uint32_t seed;

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static uint32_t fake_random(uint32_t limit)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)seed * limit >> 32);
}

static void setup(void)
{
	now = MTIME_SEC(1000);
	own[0] = addr("2001:db8:1::1");
	own[1] = addr("2001:db8:1:1::1");
	list = (struct halist){ .random = fake_random, .preference = 10,
				.own = own, .n_own = 1 };
	seed = 1;
}

static void pass(unsigned int s)
{
	now = mtime_add(now, MTIME_SEC(s));
}

static void add_addr(struct nd_ra *ra, const char *text, uint32_t valid)
{
	ra->prefixes[ra->n_prefixes++] = (struct nd_prefix){
		.prefix = addr(text), .len = 64, .on_link = true,
		.router_addr = true, .valid = valid };
}

static struct nd_ra info(uint16_t preference, uint16_t lifetime,
			 const char *text)
{
	struct nd_ra ra = { .home_agent = true, .lifetime = 1800,
			    .has_ha_info = true, .ha_preference = preference,
			    .ha_lifetime = lifetime };

	if (text)
		add_addr(&ra, text, UINT32_MAX);
	return ra;
}

static enum halist_change hear(const char *src, const struct nd_ra *ra)
{
	struct in6_addr a = addr(src);

	return halist_ra(&list, &a, ra, now);
}

static void expect(size_t n, const char *const *want)
{
	struct mip mip = { 0 };
	struct in6_addr a;
	size_t i;

	halist_reply(&list, &mip, now);
	ck_assert_uint_eq(mip.n_addrs, n);
	for (i = 0; i < n; i++) {
		a = addr(want[i]);
		ck_assert(ip6_addr_eq(&mip.addrs[i], &a));
	}
}

#define EXPECT(...) do { \
	const char *const want_[] = { __VA_ARGS__ }; \
	expect(sizeof(want_) / sizeof(*want_), want_); \
} while (0)

/* 10.5.1: the steps for what is received */
START_TEST(no_home_agent)
{
	struct nd_ra ra = info(20, 100, "2001:db8:1::2");

	ra.home_agent = false;
	ck_assert_int_eq(hear("fe80::2", &ra), HALIST_NOTHING);
	EXPECT("2001:db8:1::1");
	ra.home_agent = true;
	ck_assert_int_eq(hear("fe80::2", &ra), HALIST_ADDED);
	EXPECT("2001:db8:1::2", "2001:db8:1::1");
	ra.home_agent = false;
	ck_assert_int_eq(hear("fe80::2", &ra), HALIST_DELETED);
	EXPECT("2001:db8:1::1");
}
END_TEST

START_TEST(preference_and_lifetime_of_the_option)
{
	struct nd_ra ra = info(20, 100, "2001:db8:1::2");

	ck_assert_int_eq(hear("fe80::2", &ra), HALIST_ADDED);
	ck_assert_int_eq(list.entries[0].preference, 20);
	pass(99);
	EXPECT("2001:db8:1::2", "2001:db8:1::1");
	pass(1);
	EXPECT("2001:db8:1::1");
	ck_assert_uint_eq(list.n, 0);
}
END_TEST

START_TEST(preference_and_lifetime_without_the_option)
{
	struct nd_ra ra = { .home_agent = true, .lifetime = 50 };

	add_addr(&ra, "2001:db8:1::2", 100);
	ck_assert_int_eq(hear("fe80::2", &ra), HALIST_ADDED);
	ck_assert_int_eq(list.entries[0].preference, 0);
	EXPECT("2001:db8:1::1", "2001:db8:1::2");
	pass(50);
	EXPECT("2001:db8:1::1");
}
END_TEST

START_TEST(lifetime_zero)
{
	struct nd_ra ra = info(20, 0, "2001:db8:1::2");

	ck_assert_int_eq(hear("fe80::2", &ra), HALIST_NOTHING);
	ra.ha_lifetime = 100;
	hear("fe80::2", &ra);
	ra.ha_lifetime = 0;
	ck_assert_int_eq(hear("fe80::2", &ra), HALIST_DELETED);
	EXPECT("2001:db8:1::1");
}
END_TEST

START_TEST(reset_by_the_next)
{
	struct nd_ra ra = info(20, 100, "2001:db8:1::2");

	hear("fe80::2", &ra);
	pass(90);
	ra.ha_preference = 5;
	ck_assert_int_eq(hear("fe80::2", &ra), HALIST_KEPT);
	ck_assert_uint_eq(list.n, 1);
	pass(90);
	EXPECT("2001:db8:1::1", "2001:db8:1::2");
}
END_TEST

START_TEST(addresses_are_added)
{
	struct nd_ra ra = info(20, 1000, "2001:db8:1::2"), other;
	struct mip mip = { 0 };

	hear("fe80::2", &ra);
	other = info(20, 1000, "2001:db8:2::2");
	hear("fe80::2", &other);
	halist_reply(&list, &mip, now);
	ck_assert_uint_eq(mip.n_addrs, 3);
	ck_assert_uint_eq(list.entries[0].n_addrs, 2);
}
END_TEST

/* 10.1: deleted once the prefix is no longer valid */
START_TEST(addresses_expire)
{
	struct nd_ra ra = info(20, 1000, NULL);

	add_addr(&ra, "2001:db8:1::2", 30);
	hear("fe80::2", &ra);
	pass(29);
	EXPECT("2001:db8:1::2", "2001:db8:1::1");
	pass(1);
	EXPECT("2001:db8:1::1");
	ck_assert_uint_eq(list.n, 1);
	ra.prefixes[0].valid = 0;
	hear("fe80::2", &ra);
	EXPECT("2001:db8:1::1");
}
END_TEST

/* 7.2: no R, no address; nor one that nobody could register with */
START_TEST(addresses_refused)
{
	struct nd_ra ra = info(20, 1000, NULL);

	add_addr(&ra, "2001:db8:1::", 30);
	ra.prefixes[0].router_addr = false;
	add_addr(&ra, "ff0e::1", 30);
	add_addr(&ra, "fe80::2", 30);
	add_addr(&ra, "::", 30);
	add_addr(&ra, "2001:db8:1::1", 30);	/* ours */
	ck_assert_int_eq(hear("fe80::2", &ra), HALIST_ADDED);
	ck_assert_uint_eq(list.entries[0].n_addrs, 0);
	EXPECT("2001:db8:1::1");
}
END_TEST

START_TEST(many_addresses)
{
	struct nd_ra ra;
	char text[64];
	int i;

	for (i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "2001:db8:%x::2", i + 1);
		ra = info(20, 1000, text);
		hear("fe80::2", &ra);
	}
	ck_assert_uint_eq(list.entries[0].n_addrs, HALIST_ADDRS_MAX);
}
END_TEST

/* 10.5.1: decreasing preference, ourselves among them */
START_TEST(order)
{
	struct nd_ra a = info(5, 100, "2001:db8:1::5"),
		     b = info(65535, 100, "2001:db8:1::6"),
		     c = info(11, 100, "2001:db8:1::7");

	hear("fe80::5", &a);
	hear("fe80::6", &b);
	hear("fe80::7", &c);
	EXPECT("2001:db8:1::6", "2001:db8:1::7", "2001:db8:1::1",
	       "2001:db8:1::5");
}
END_TEST

/* 10.5.1: equal ones in a random order, each address of one too */
START_TEST(random_order)
{
	struct nd_ra a = info(10, 100, "2001:db8:1::5"),
		     b = info(10, 100, "2001:db8:1::6");
	unsigned int first[3] = { 0 }, swapped = 0, apart = 0, i, j;
	struct mip mip = { 0 };
	bool last;

	add_addr(&a, "2001:db8:2::5", 100);
	hear("fe80::5", &a);
	hear("fe80::6", &b);
	for (i = 0; i < 3000; i++) {
		halist_reply(&list, &mip, now);
		ck_assert_uint_eq(mip.n_addrs, 4);
		last = mip.addrs[0].s6_addr[15] == 1;
		first[last ? 0 : mip.addrs[0].s6_addr[15] - 4]++;
		for (j = 0; mip.addrs[j].s6_addr[15] != 5; j++)
			;
		swapped += mip.addrs[j].s6_addr[5] == 2;
		apart += j > 2 || mip.addrs[j + 1].s6_addr[15] != 5;
	}
	for (i = 0; i < 3; i++)
		ck_assert_uint_gt(first[i], 800);
	ck_assert_uint_gt(swapped, 1200);
	ck_assert_uint_lt(swapped, 1800);
	ck_assert_uint_eq(apart, 0);
}
END_TEST

/* 10.5.1: within the minimum MTU, the most preferred ones */
START_TEST(long_list)
{
	struct mip mip = { .type = MIP_HAAD_REPLY };
	uint8_t out[2048];
	struct nd_ra ra;
	char text[64], src[64];
	int i, j;

	for (i = 0; i < 32; i++) {
		for (j = 0; j < 4; j++) {
			snprintf(text, sizeof(text), "2001:db8:%x::%x", j + 1,
				 i + 0x100);
			snprintf(src, sizeof(src), "fe80::%x", i + 0x100);
			ra = info((uint16_t)(i + 100), 1000, text);
			hear(src, &ra);
		}
	}
	list.preference = 131;
	halist_reply(&list, &mip, now);
	ck_assert_uint_eq(mip.n_addrs, MIP_ADDRS_MAX);
	/* ourselves and 31 first, then 30 and so on: 15 whole, 3 of one */
	for (i = 5; i < MIP_ADDRS_MAX; i++)
		ck_assert_int_eq(mip.addrs[i].s6_addr[15],
				 31 - (i - 1) / 4);
	ck_assert_int_le(mip_build(out, sizeof(out), &mip, own, own),
			 IP6_MIN_MTU - IP6_HDR_LEN);
	/* nor do we go under where all of them are said to be better */
	list.preference = 0;
	list.n_own = 2;
	halist_reply(&list, &mip, now);
	ck_assert_uint_eq(mip.n_addrs, MIP_ADDRS_MAX);
	for (i = j = 0; i < MIP_ADDRS_MAX; i++)
		j += ip6_addr_eq(&mip.addrs[i], &own[0]) ||
		     ip6_addr_eq(&mip.addrs[i], &own[1]);
	ck_assert_int_eq(j, 2);
}
END_TEST

/* A stranger on the link cannot fill the memory, nor push better ones out. */
START_TEST(full)
{
	struct nd_ra ra;
	char src[64];
	int i;

	for (i = 0; i < HALIST_MAX; i++) {
		ra = info((uint16_t)(i ? 20 : 30), 1000, "2001:db8:1::2");
		snprintf(src, sizeof(src), "fe80::%x", i + 1);
		ck_assert_int_eq(hear(src, &ra), HALIST_ADDED);
	}
	ra = info(20, 1000, "2001:db8:1::2");
	ck_assert_int_eq(hear("fe80::f:1", &ra), HALIST_FULL);
	ck_assert_uint_eq(list.n, HALIST_MAX);
	ra = info(21, 1000, "2001:db8:1::2");
	ck_assert_int_eq(hear("fe80::f:2", &ra), HALIST_ADDED);
	ck_assert_uint_eq(list.n, HALIST_MAX);
	/* the last of the least preferred has gone */
	ck_assert_int_eq(list.entries[HALIST_MAX - 2].link_local.s6_addr[15],
			 HALIST_MAX - 1);
	ck_assert_int_eq(list.entries[0].preference, 30);
	/* its place is free again */
	ra.ha_lifetime = 0;
	ck_assert_int_eq(hear("fe80::5", &ra), HALIST_DELETED);
	ra = info(0, 1000, "2001:db8:1::2");
	ck_assert_int_eq(hear("fe80::f:3", &ra), HALIST_ADDED);
	pass(1000);
	halist_expire(&list, now);
	ck_assert_uint_eq(list.n, 0);
}
END_TEST

START_TEST(cleared)
{
	struct nd_ra ra = info(20, 1000, "2001:db8:1::2");

	hear("fe80::2", &ra);
	halist_clear(&list);
	EXPECT("2001:db8:1::1");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("halist");
	TCase *tc = tcase_create("list");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, no_home_agent);
	tcase_add_test(tc, preference_and_lifetime_of_the_option);
	tcase_add_test(tc, preference_and_lifetime_without_the_option);
	tcase_add_test(tc, lifetime_zero);
	tcase_add_test(tc, reset_by_the_next);
	tcase_add_test(tc, addresses_are_added);
	tcase_add_test(tc, addresses_expire);
	tcase_add_test(tc, addresses_refused);
	tcase_add_test(tc, many_addresses);
	tcase_add_test(tc, order);
	tcase_add_test(tc, random_order);
	tcase_add_test(tc, long_list);
	tcase_add_test(tc, full);
	tcase_add_test(tc, cleared);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
