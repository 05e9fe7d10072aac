/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/timers.h"

enum {
	N = 200,
};

/* A timer, and what the naive model says of it. */
struct item {
	struct timer timer;	/* first: fn gets back to the item */
	bool armed;
	int64_t at;
	unsigned int runs, due;
};

static struct timers timers;
static struct item items[N];
static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static void setup(void)
{
	timers_init(&timers);
	memset(items, 0, sizeof(items));
	seed = 1;
}

static void teardown(void)
{
	timers_fini(&timers);
}

static void arm(struct item *item, int64_t at)
{
	ck_assert_int_eq(timers_set(&timers, &item->timer, (mtime){at}), 0);
	item->armed = true;
	item->at = at;
}

static void disarm(struct item *item)
{
	timers_del(&timers, &item->timer);
	item->armed = false;
}

static int64_t last_at;

static void on_due(struct timer *timer, mtime now)
{
	struct item *item = (struct item *)timer;

	ck_assert(!timer_armed(timer));
	ck_assert(item->armed);
	ck_assert_int_eq(item->at, timer->at.ns);
	ck_assert_int_le(item->at, now.ns);
	ck_assert_int_ge(item->at, last_at);	/* earliest first */
	last_at = item->at;
	item->armed = false;
	item->runs++;
}

static void check_model(void)
{
	int64_t first = INT64_MAX;
	size_t n = 0, wrong = 0;
	mtime at;

	for (size_t i = 0; i < N; i++) {
		wrong += items[i].armed != timer_armed(&items[i].timer);
		n += items[i].armed;
		if (items[i].armed && items[i].at < first)
			first = items[i].at;
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(timers.n, n);
	ck_assert(timers_next(&timers, &at) == (n > 0));
	if (n)
		ck_assert_int_eq(at.ns, first);
}

static void run_model(int64_t now)
{
	size_t wrong = 0;

	for (size_t i = 0; i < N; i++)
		items[i].due += items[i].armed && items[i].at <= now;
	last_at = INT64_MIN;
	timers_run(&timers, (mtime){now});
	for (size_t i = 0; i < N; i++)
		wrong += items[i].runs != items[i].due;
	ck_assert_uint_eq(wrong, 0);
}

START_TEST(random_against_model)
{
	int64_t now = 0;

	for (size_t i = 0; i < N; i++)
		items[i].timer.fn = on_due;
	for (unsigned int step = 0; step < 20000; step++) {
		struct item *item = &items[rnd(N)];

		switch (rnd(8)) {
		case 0:
			now += rnd(20);
			run_model(now);
			break;
		case 1:
		case 2:
			disarm(item);
			break;
		default:
			arm(item, now + rnd(300) - 5);
			break;
		}
		if (step % 16 == 0)
			check_model();
	}
	run_model(now + 1000);
	ck_assert_uint_eq(timers.n, 0);
}
END_TEST

/* Arms itself for now: must run once a call, and not for ever. */
static void on_due_again(struct timer *timer, mtime now)
{
	((struct item *)timer)->runs++;
	ck_assert_int_eq(timers_set(&timers, timer, now), 0);
}

START_TEST(arms_itself_for_now)
{
	mtime at;

	items[0].timer.fn = on_due_again;
	arm(&items[0], 5);
	timers_run(&timers, (mtime){4});
	ck_assert_uint_eq(items[0].runs, 0);
	timers_run(&timers, (mtime){7});
	ck_assert_uint_eq(items[0].runs, 1);
	ck_assert(timers_next(&timers, &at) && at.ns == 7);
	timers_run(&timers, (mtime){7});
	ck_assert_uint_eq(items[0].runs, 2);
}
END_TEST

/* Deletes all the others, itself too, though it is not armed. */
static void on_due_delete(struct timer *timer, mtime now)
{
	(void)now;
	((struct item *)timer)->runs++;
	for (size_t i = 0; i < N; i++)
		timers_del(&timers, &items[i].timer);
}

START_TEST(deletes_others)
{
	unsigned int runs = 0;

	for (size_t i = 0; i < N; i++) {
		items[i].timer.fn = on_due_delete;
		arm(&items[i], 1);
	}
	timers_run(&timers, (mtime){1});
	for (size_t i = 0; i < N; i++)
		runs += items[i].runs;
	ck_assert_uint_eq(runs, 1);
	ck_assert_uint_eq(timers.n, 0);
}
END_TEST

/* Any timer does anything at random, from within a run. */
static void on_due_chaos(struct timer *timer, mtime now)
{
	struct item *self = (struct item *)timer;

	self->armed = false;
	for (unsigned int i = rnd(4); i > 0; i--) {
		struct item *item = &items[rnd(N)];

		if (rnd(3) == 0)
			disarm(item);
		else
			arm(item, now.ns + rnd(50));
	}
	if (rnd(2))
		arm(self, now.ns + 1 + rnd(9));
}

START_TEST(chaos_within_run)
{
	for (size_t i = 0; i < N; i++) {
		items[i].timer.fn = on_due_chaos;
		arm(&items[i], rnd(50));
	}
	for (int64_t now = 0; now < 2000; now++) {
		timers_run(&timers, (mtime){now});
		check_model();
	}
}
END_TEST

START_TEST(fini_disarms)
{
	arm(&items[0], 1);
	timers_fini(&timers);
	ck_assert(!timer_armed(&items[0].timer));
	timers_del(&timers, &items[0].timer);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("timers");
	TCase *tc = tcase_create("timers");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, random_against_model);
	tcase_add_test(tc, arms_itself_for_now);
	tcase_add_test(tc, deletes_others);
	tcase_add_test(tc, chaos_within_run);
	tcase_add_test(tc, fini_disarms);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
