/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ha/prefixadv: when mobile nodes hear of prefixes. No network, no clock. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ha/prefixadv.h"
#include "proto/ip6.h"

enum { SENDS_MAX = 64, MANY = 100 };

static struct {
	int n;
	struct {
		mtime at;
		struct in6_addr hoa;
		uint16_t id;
		bool solicited;
	} v[SENDS_MAX];
	uint32_t preferred, valid;
	uint32_t random;	/* of 1000 parts of the limit */
} got;

static struct timers timers;
static struct prefixadv pa;
static struct in6_addr hoa;
static mtime now;

static void fake_send(void *arg, const struct in6_addr *to, uint16_t id,
		      bool solicited)
{
	ck_assert_ptr_eq(arg, &got);
	if (got.n < SENDS_MAX) {
		got.v[got.n].at = now;
		got.v[got.n].hoa = *to;
		got.v[got.n].id = id;
		got.v[got.n].solicited = solicited;
	}
	got.n++;
}

static void fake_lifetimes(void *arg, const struct in6_addr *of,
			   uint32_t *preferred, uint32_t *valid)
{
	(void)of;
	ck_assert_ptr_eq(arg, &got);
	*preferred = got.preferred;
	*valid = got.valid;
}

static uint32_t fake_random(uint32_t limit)
{
	ck_assert_uint_gt(limit, 0);
	return (uint32_t)((uint64_t)limit * got.random / 1000);
}

static const struct prefixadv_ops ops = {
	.send = fake_send,
	.lifetimes = fake_lifetimes,
	.random = fake_random,
};

static const struct prefixadv_conf defaults = {
	.on = true,
	.min = {(int64_t)PREFIXADV_MIN_INTERVAL * 1000000000},
	.max = {(int64_t)PREFIXADV_MAX_INTERVAL * 1000000000},
	.room = 2 * MANY,
};

static void setup(void)
{
	memset(&got, 0, sizeof(got));
	got.preferred = got.valid = UINT32_MAX;
	ck_assert_int_eq(inet_pton(AF_INET6, "2001:db8:1::100", &hoa), 1);
	now = MTIME_SEC(1000);
	timers_init(&timers);
	prefixadv_init(&pa, &ops, &got, &timers, &defaults);
}

static void teardown(void)
{
	prefixadv_fini(&pa);
	ck_assert_uint_eq(timers.n, 0);
	timers_fini(&timers);
}

static void pass_ms(int64_t ms)
{
	mtime end = mtime_add(now, MTIME_MS(ms)), at;

	while (timers_next(&timers, &at) && !mtime_before(end, at)) {
		now = mtime_before(now, at) ? at : now;
		timers_run(&timers, now);
	}
	now = end;
}

static void pass(int64_t s)
{
	pass_ms(s * 1000);
}

/* s since the last advertisement but back */
static double gap(int i)
{
	return (double)mtime_sub(got.v[i].at, got.v[i - 1].at).ns / 1e9;
}

/* Bound, and what it heard of at first is acknowledged. */
static void settle(void)
{
	prefixadv_bound(&pa, &hoa, now);
	ck_assert_int_eq(prefixadv_solicited(&pa, &hoa, 7, now), 0);
	pass(5);
	got.n = 0;
}

/* 10.6.2: "If a mobile node sends a solicitation, answer right away." */
START_TEST(solicited)
{
	ck_assert_int_eq(prefixadv_solicited(&pa, &hoa, 0xbeef, now), 0);
	ck_assert_int_eq(got.n, 1);
	ck_assert(got.v[0].solicited);
	ck_assert(ip6_addr_eq(&got.v[0].hoa, &hoa));
	/* 6.8: its identifier */
	ck_assert_uint_eq(got.v[0].id, 0xbeef);
	pass(600);
	ck_assert_int_eq(got.n, 1);
}
END_TEST

/* 6.8: no more than one a second to any mobile node */
START_TEST(one_a_second)
{
	int i;

	for (i = 0; i < 50; i++) {
		prefixadv_solicited(&pa, &hoa, (uint16_t)i, now);
		pass_ms(100);
	}
	pass(2);
	ck_assert_int_eq(got.n, 6);
	for (i = 1; i < got.n; i++)
		ck_assert_double_ge(gap(i), 1);
	ck_assert_uint_eq(got.v[5].id, 49);
}
END_TEST

/* 10.6.2: MinMobPfxAdvInterval + rand() % (MaxMobPfxAdvInterval - Min...) */
START_TEST(change_is_scheduled)
{
	static const double want[] = {600, 600 + 85800 / 2.0, 600 + 85800 - 86};
	mtime begin;

	settle();
	got.random = _i * 500 - (_i == 2);
	begin = now;
	ck_assert_int_eq(prefixadv_changed(&pa, &hoa, now), 0);
	ck_assert(prefixadv_pending(&pa, &hoa));
	pass(86400);
	ck_assert_int_ge(got.n, 1);
	ck_assert(!got.v[0].solicited);
	ck_assert_double_eq_tol((double)mtime_sub(got.v[0].at, begin).ns / 1e9,
				want[_i], 1);
}
END_TEST

/* 10.6.2: MaxScheduleDelay = min(MaxMobPfxAdvInterval, preferred lifetime) */
START_TEST(preferred_lifetime_limits)
{
	mtime begin;

	settle();
	got.random = 500;
	got.preferred = 1600;
	got.valid = 3600;
	begin = now;
	prefixadv_changed(&pa, &hoa, now);
	pass(1600);
	ck_assert_int_ge(got.n, 1);
	ck_assert_double_eq_tol((double)mtime_sub(got.v[0].at, begin).ns / 1e9,
				1100, 1);
	got.n = 0;
	prefixadv_solicited(&pa, &hoa, 1, now);
	pass(2);
	/* the absolute value, where it is below the minimum */
	got.n = 0;
	got.preferred = 500;
	begin = now;
	prefixadv_changed(&pa, &hoa, now);
	pass(700);
	ck_assert_double_eq_tol((double)mtime_sub(got.v[0].at, begin).ns / 1e9,
				650, 1);
}
END_TEST

/* A deprecated address, or one that ends soon, is not told a day later. */
START_TEST(deprecated)
{
	mtime begin;

	settle();
	got.random = 999;
	prefixadv_changed(&pa, &hoa, now);	/* a day from now */
	got.preferred = 0;
	got.valid = 100;
	begin = now;
	prefixadv_changed(&pa, &hoa, now);
	pass(100);
	ck_assert_int_ge(got.n, 1);
	ck_assert_double_le((double)mtime_sub(got.v[0].at, begin).ns / 1e9,
			    50);
}
END_TEST

/* 10.6.2: what is scheduled is replaced, and goes when that was to go */
START_TEST(changed_again)
{
	settle();
	prefixadv_changed(&pa, &hoa, now);
	pass(599);
	prefixadv_changed(&pa, &hoa, now);
	ck_assert_int_eq(got.n, 0);
	pass(2);
	ck_assert_int_eq(got.n, 1);
}
END_TEST

/* 10.6.2, 12: PREFIX_ADV_TIMEOUT, doubled, PREFIX_ADV_RETRIES times */
START_TEST(retransmitted)
{
	settle();
	prefixadv_changed(&pa, &hoa, now);
	pass(3600);
	ck_assert_int_eq(got.n, 4);
	ck_assert_double_eq(gap(1), 3);
	ck_assert_double_eq(gap(2), 6);
	ck_assert_double_eq(gap(3), 12);
	ck_assert(prefixadv_pending(&pa, &hoa));
}
END_TEST

/* 10.6.2: another BU after that, and it begins again */
START_TEST(another_binding_update)
{
	settle();
	prefixadv_changed(&pa, &hoa, now);
	pass(602);
	ck_assert_int_eq(got.n, 1);
	prefixadv_bound(&pa, &hoa, now);	/* no reason to hurry */
	ck_assert_int_eq(got.n, 1);
	ck_assert(prefixadv_settled(&pa, 1));
	ck_assert(!prefixadv_settled(&pa, 2));
	pass(3600);
	ck_assert_int_eq(got.n, 4);
	ck_assert(!prefixadv_settled(&pa, 1));
	prefixadv_bound(&pa, &hoa, now);
	ck_assert(prefixadv_settled(&pa, 1));
	pass(0);
	ck_assert_int_eq(got.n, 5);
	pass(3600);
	ck_assert_int_eq(got.n, 8);
	ck_assert_double_eq(gap(5), 3);
}
END_TEST

/* 10.6.2: until it is acknowledged by a solicitation */
START_TEST(acknowledged)
{
	settle();
	prefixadv_changed(&pa, &hoa, now);
	pass(600);
	ck_assert_int_eq(got.n, 1);
	pass_ms(200);
	prefixadv_solicited(&pa, &hoa, 9, now);
	ck_assert_int_eq(got.n, 1);	/* 6.8: not within a second */
	pass(30);
	ck_assert_int_eq(got.n, 2);
	ck_assert(got.v[1].solicited);
	ck_assert_uint_eq(got.v[1].id, 9);
	ck_assert_double_eq(gap(1), 1);
	ck_assert(!prefixadv_pending(&pa, &hoa));
	pass(3600);
	ck_assert_int_eq(got.n, 2);
}
END_TEST

/* An answer tells all: what was scheduled needs not be sent. */
START_TEST(solicited_before_it_is_due)
{
	settle();
	prefixadv_changed(&pa, &hoa, now);
	pass(100);
	prefixadv_solicited(&pa, &hoa, 9, now);
	ck_assert_int_eq(got.n, 1);
	pass(3600);
	ck_assert_int_eq(got.n, 1);
}
END_TEST

/* 10.6.2: none is sent for a home registration that is over */
START_TEST(unbound)
{
	settle();
	prefixadv_changed(&pa, &hoa, now);
	prefixadv_unbound(&pa, &hoa);
	pass(3600);
	ck_assert_int_eq(got.n, 0);
	/* nor again */
	settle();
	prefixadv_changed(&pa, &hoa, now);
	pass(601);
	ck_assert_int_eq(got.n, 1);
	prefixadv_unbound(&pa, &hoa);
	pass(3600);
	ck_assert_int_eq(got.n, 1);
	ck_assert(!prefixadv_pending(&pa, &hoa));
	/* nor an answer */
	settle();
	prefixadv_solicited(&pa, &hoa, 1, now);
	prefixadv_solicited(&pa, &hoa, 2, now);
	prefixadv_unbound(&pa, &hoa);
	pass(10);
	ck_assert_int_eq(got.n, 1);
}
END_TEST

/* 10.6.2: each hears of them once in MaxMobPfxAdvInterval */
START_TEST(once_in_a_while)
{
	prefixadv_bound(&pa, &hoa, now);
	pass(600);
	ck_assert_int_eq(got.n, 1);
	pass(10);
	prefixadv_solicited(&pa, &hoa, 1, now);
	got.n = 0;
	pass(86400 + 599);
	ck_assert_int_eq(got.n, 0);
	pass(2);
	ck_assert_int_eq(got.n, 1);
}
END_TEST

/* Memory is for those alone who have to hear of something. */
START_TEST(room)
{
	struct in6_addr other = hoa;
	int i;

	for (i = 0; i < 3 * MANY; i++) {
		other.s6_addr16[7] = (uint16_t)i;
		prefixadv_bound(&pa, &other, now);
	}
	ck_assert_uint_eq(HASH_COUNT(pa.table), 2 * MANY);
	for (i = 0; i < 3 * MANY; i++) {
		other.s6_addr16[7] = (uint16_t)i;
		ck_assert_int_eq(prefixadv_changed(&pa, &other, now), 0);
	}
	ck_assert_uint_eq(HASH_COUNT(pa.table), 3 * MANY);
	for (i = 0; i < 3 * MANY; i++) {
		other.s6_addr16[7] = (uint16_t)i;
		prefixadv_solicited(&pa, &other, 1, now);
	}
	ck_assert_int_eq(got.n, 3 * MANY);
	pass(2);
	ck_assert_uint_eq(HASH_COUNT(pa.table), 2 * MANY);
}
END_TEST

/* 8.4: it can be told to send none */
START_TEST(off)
{
	struct prefixadv_conf conf = defaults;

	settle();
	prefixadv_changed(&pa, &hoa, now);
	conf.on = false;
	prefixadv_set(&pa, &conf);
	ck_assert_int_eq(prefixadv_solicited(&pa, &hoa, 1, now), -EPERM);
	prefixadv_bound(&pa, &hoa, now);
	ck_assert_int_eq(prefixadv_changed(&pa, &hoa, now), 0);
	pass(86400);
	ck_assert_int_eq(got.n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("prefixadv");
	TCase *tc = tcase_create("schedule");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, solicited);
	tcase_add_test(tc, one_a_second);
	tcase_add_loop_test(tc, change_is_scheduled, 0, 3);
	tcase_add_test(tc, preferred_lifetime_limits);
	tcase_add_test(tc, deprecated);
	tcase_add_test(tc, changed_again);
	tcase_add_test(tc, retransmitted);
	tcase_add_test(tc, another_binding_update);
	tcase_add_test(tc, acknowledged);
	tcase_add_test(tc, solicited_before_it_is_due);
	tcase_add_test(tc, unbound);
	tcase_add_test(tc, once_in_a_while);
	tcase_add_test(tc, room);
	tcase_add_test(tc, off);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
