/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ha/dad on a link that is not there (RFC 6275 10.3.1, RFC 4862 5.4). */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ha/dad.h"
#include "proto/ip6.h"

#define HOA "2001:db8:1::a:100"
#define LLA "fe80::a:100"
#define HOA2 "2001:db8:1::a:200"

static struct {
	int solicits, dones;
	struct in6_addr target[4];	/* the last ones, by turns */
	uint16_t link;
	unsigned int place;
	bool unique;
} got;

static struct timers timers;
static struct dad dad;
static mtime now;

static void fake_solicit(void *arg, uint16_t link,
			 const struct in6_addr *target)
{
	ck_assert_ptr_eq(arg, &got);
	got.target[got.solicits++ % 4] = *target;
	got.link = link;
}

static void fake_done(void *arg, unsigned int place, bool unique)
{
	ck_assert_ptr_eq(arg, &got);
	got.dones++;
	got.place = place;
	got.unique = unique;
}

static const struct dad_ops fake_ops = {
	.solicit = fake_solicit,
	.done = fake_done,
};

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static void setup(void)
{
	memset(&got, 0, sizeof(got));
	now = MTIME_SEC(1000);
	timers_init(&timers);
	dad_init(&dad, &fake_ops, &got, &timers);
}

static void teardown(void)
{
	dad_fini(&dad);
	ck_assert_uint_eq(timers.n, 0);
	timers_fini(&timers);
}

static void pass(int ms)
{
	mtime at, end = mtime_add(now, MTIME_MS(ms));

	while (timers_next(&timers, &at) && !mtime_before(end, at)) {
		now = at;
		timers_run(&timers, now);
	}
	now = end;
}

static int start(const char *hoa, bool link_local, uint16_t link)
{
	struct in6_addr a = addr(hoa);

	return dad_start(&dad, &a, link_local, link, now);
}

static void heard(uint16_t link, const char *target)
{
	struct in6_addr a = addr(target);

	dad_heard(&dad, link, &a);
}

static void ck_target(int i, const char *want)
{
	struct in6_addr a = addr(want);

	ck_assert_mem_eq(&got.target[i], &a, sizeof(a));
}

/* RFC 4862 5.4: one solicitation, and RetransTimer after it. */
START_TEST(unique)
{
	ck_assert_int_ge(start(HOA, false, 3), 0);
	ck_assert_int_eq(got.solicits, 1);
	ck_target(0, HOA);
	ck_assert_uint_eq(got.link, 3);
	pass(DAD_RETRANS - 1);
	ck_assert_int_eq(got.dones, 0);
	pass(1);
	ck_assert_int_eq(got.dones, 1);
	ck_assert(got.unique);
	ck_assert_uint_eq(dad.n, 0);
	pass(10000);
	ck_assert_int_eq(got.dones + got.solicits, 2);
}
END_TEST

/* 5.4.3, 5.4.4: on that link and for that address alone. */
START_TEST(duplicate)
{
	int place = start(HOA, false, 3);

	heard(3, HOA2);
	heard(2, HOA);
	heard(3, LLA);
	ck_assert_int_eq(got.dones, 0);
	pass(DAD_RETRANS - 1);
	heard(3, HOA);
	ck_assert_int_eq(got.dones, 1);
	ck_assert(!got.unique);
	ck_assert_uint_eq(got.place, (unsigned int)place);
	heard(3, HOA);
	pass(10000);
	ck_assert_int_eq(got.dones, 1);
}
END_TEST

/* RFC 6275 10.3.1: with L both are tested, and either fails it. */
START_TEST(link_local)
{
	start(HOA, true, 0);
	ck_assert_int_eq(got.solicits, 2);
	ck_target(0, HOA);
	ck_target(1, LLA);
	heard(0, LLA);
	ck_assert_int_eq(got.dones, 1);
	ck_assert(!got.unique);
	start(HOA, true, 0);
	heard(0, HOA);
	ck_assert_int_eq(got.dones, 2);
	ck_assert(!got.unique);
	start(HOA, true, 0);
	pass(DAD_RETRANS);
	ck_assert_int_eq(got.dones, 3);
	ck_assert(got.unique);
}
END_TEST

/* A repeated Binding Update neither begins anew nor makes a second probe. */
START_TEST(repeated)
{
	int place = start(HOA, false, 0);

	pass(600);
	ck_assert_int_eq(start(HOA, false, 0), place);
	ck_assert_int_eq(got.solicits, 1);
	ck_assert_uint_eq(dad.n, 1);
	pass(399);
	ck_assert_int_eq(got.dones, 0);
	pass(1);
	ck_assert_int_eq(got.dones, 1);
}
END_TEST

/* But for the link-local address that it did not ask for before. */
START_TEST(repeated_with_link_local)
{
	int place = start(HOA, false, 0);

	pass(600);
	ck_assert_int_eq(start(HOA, true, 0), place);
	ck_assert_int_eq(got.solicits, 3);
	ck_assert_uint_eq(dad.n, 1);
	pass(DAD_RETRANS - 1);
	ck_assert_int_eq(got.dones, 0);
	ck_assert_int_eq(start(HOA, false, 0), place);
	pass(1);
	ck_assert_int_eq(got.dones, 1);
	ck_assert(got.unique);
}
END_TEST

START_TEST(many)
{
	char hoa[32];
	int i;

	for (i = 0; i < DAD_MAX; i++) {
		snprintf(hoa, sizeof(hoa), "2001:db8:1::%x", i + 1);
		ck_assert_int_ge(start(hoa, false, 0), 0);
	}
	ck_assert_int_eq(start(HOA, false, 0), -ENOSPC);
	ck_assert_int_ge(start(hoa, false, 0), 0);	/* at work already */
	heard(0, hoa);
	ck_assert_int_eq(got.dones, 1);
	ck_assert_int_eq(start(HOA, false, 0), (int)got.place);
	pass(DAD_RETRANS);
	ck_assert_int_eq(got.dones, DAD_MAX + 1);
	ck_assert_uint_eq(dad.n, 0);
}
END_TEST

/* Two links may have hosts of the same link-local address. */
START_TEST(two_links)
{
	start(HOA, true, 0);
	start("2001:db8:2::a:100", true, 1);
	heard(1, LLA);
	ck_assert_int_eq(got.dones, 1);
	ck_assert(!got.unique);
	pass(DAD_RETRANS);
	ck_assert_int_eq(got.dones, 2);
	ck_assert(got.unique);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dad");
	TCase *tc = tcase_create("dad");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, unique);
	tcase_add_test(tc, duplicate);
	tcase_add_test(tc, link_local);
	tcase_add_test(tc, repeated);
	tcase_add_test(tc, repeated_with_link_local);
	tcase_add_test(tc, many);
	tcase_add_test(tc, two_links);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
