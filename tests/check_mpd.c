/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mn/mpd: mobile prefix discovery. No network, no clock. */
#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mn/mpd.h"

enum { SENDS_MAX = 128 };

static struct {
	int n, others, renewed, over;
	mtime at[SENDS_MAX];
	uint16_t ids[SENDS_MAX];
	uint32_t valid;
	uint16_t random;
} got;

static struct timers timers;
static struct mpd m;
static mtime now;

static void fake_solicit(void *arg, struct mpd *of, uint16_t id)
{
	ck_assert_ptr_eq(arg, &got);
	ck_assert_ptr_eq(of, &m);
	ck_assert_int_lt(got.n, SENDS_MAX);
	got.at[got.n] = now;
	got.ids[got.n++] = id;
}

static void fake_other(void *arg, struct mpd *of, const struct nd_prefix *p)
{
	(void)arg, (void)of, (void)p;
	got.others++;
}

static void fake_renewed(void *arg, struct mpd *of, const struct nd_prefix *p)
{
	(void)arg, (void)of;
	got.renewed++;
	got.valid = p->valid;
}

static void fake_over(void *arg, struct mpd *of)
{
	(void)arg;
	got.over++;
	mpd_fini(of);
	memset(of, 0xff, sizeof(*of));
}

static uint32_t fake_random(uint32_t limit)
{
	ck_assert_uint_eq(limit, 1 << 16);
	return got.random += 0x1235;
}

static const struct mpd_ops ops = {
	.solicit = fake_solicit,
	.other = fake_other,
	.renewed = fake_renewed,
	.over = fake_over,
	.random = fake_random,
};

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static void setup(void)
{
	struct in6_addr hoa = addr("2001:db8:1::100");

	memset(&got, 0, sizeof(got));
	now = MTIME_SEC(1000);
	timers_init(&timers);
	mpd_init(&m, &ops, &got, &timers, &hoa);
}

static void teardown(void)
{
	if (!got.over)
		mpd_fini(&m);
	ck_assert_uint_eq(timers.n, 0);
	timers_fini(&timers);
}

static void pass(int64_t s)
{
	mtime end = mtime_add(now, MTIME_SEC(s)), at;

	while (timers_next(&timers, &at) && !mtime_before(end, at)) {
		now = mtime_before(now, at) ? at : now;
		timers_run(&timers, now);
	}
	now = end;
}

static double gap(int i)
{
	return (double)mtime_sub(got.at[i], got.at[i - 1]).ns / 1e9;
}

static struct mip mpa(uint16_t id, uint32_t valid)
{
	struct mip mip = { .type = MIP_MPA, .id = id, .n_prefixes = 1 };

	mip.prefixes[0] = (struct nd_prefix){
		.prefix = addr("2001:db8:1::1"), .len = 64, .on_link = true,
		.autonomous = true, .router_addr = true, .valid = valid,
		.preferred = valid / 2 };
	return mip;
}

static enum reason answer(uint32_t valid)
{
	struct mip mip = mpa(got.ids[got.n - 1], valid);

	return mpd_receive(&m, &mip, now);
}

/* 11.7.3, status 1: prefix discovery is necessary */
START_TEST(asked_for)
{
	mpd_bound(&m, true, now);
	pass(100);
	ck_assert_int_eq(got.n, 0);
	mpd_want(&m, now);
	pass(0);
	ck_assert_int_eq(got.n, 1);
	ck_assert_int_eq(answer(3600), REASON_NONE);
	ck_assert_int_eq(got.renewed, 1);
	pass(100);
	ck_assert_int_eq(got.n, 1);
}
END_TEST

/* 6.7: sent while away, with a binding; else as soon as there is one */
START_TEST(unbound)
{
	mpd_want(&m, now);
	pass(100);
	ck_assert_int_eq(got.n, 0);
	mpd_bound(&m, true, now);
	pass(0);
	ck_assert_int_eq(got.n, 1);
	mpd_bound(&m, false, now);
	pass(100);
	ck_assert_int_eq(got.n, 1);
	mpd_bound(&m, true, now);
	pass(0);
	ck_assert_int_eq(got.n, 2);
}
END_TEST

/* 12: INITIAL_SOLICIT_TIMER; the same identifier, 11.4.3: the most recent */
START_TEST(retransmitted)
{
	int i;

	mpd_bound(&m, true, now);
	mpd_want(&m, now);
	pass(1000);
	ck_assert_int_eq(got.n, MPD_SENDS_MAX);
	for (i = 1; i < got.n; i++) {
		ck_assert_double_eq(gap(i), 3 << (i - 1));
		ck_assert_uint_eq(got.ids[i], got.ids[0]);
	}
	ck_assert_int_eq(answer(3600), REASON_NONE);
	/* 11.4.2: a random value the next time */
	mpd_want(&m, now);
	pass(0);
	ck_assert_uint_ne(got.ids[got.n - 1], got.ids[0]);
}
END_TEST

/* 11.4.3: unsolicited is discarded, and asked for */
START_TEST(unsolicited)
{
	struct mip mip = mpa(0, 0);

	mpd_bound(&m, true, now);
	ck_assert_int_eq(mpd_receive(&m, &mip, now), REASON_MPA_UNSOLICITED);
	ck_assert_int_eq(got.renewed, 0);
	pass(0);
	ck_assert_int_eq(got.n, 1);
	/* another identifier: the same */
	mip.id = got.ids[0] + 1;
	ck_assert_int_eq(mpd_receive(&m, &mip, now), REASON_MPA_UNSOLICITED);
	pass(0);
	ck_assert_int_eq(got.n, 1);
	ck_assert_int_eq(answer(3600), REASON_NONE);
	/* "no other advertisement has yet been received for this value" */
	ck_assert_int_eq(answer(0), REASON_MPA_UNSOLICITED);
	pass(0);
	ck_assert_int_eq(got.over, 0);
	ck_assert_int_eq(got.renewed, 1);
	pass(5);
	ck_assert_int_eq(got.n, 3);
	ck_assert_double_ge(gap(1), 1);
}
END_TEST

/* 11.4.2: an address that is about to become invalid */
START_TEST(near_the_end)
{
	mpd_bound(&m, true, now);
	mpd_want(&m, now);
	pass(0);
	answer(3600);
	pass(2699);
	ck_assert_int_eq(got.n, 1);
	pass(2);
	ck_assert_int_eq(got.n, 2);
	answer(3600);
	pass(2698);
	ck_assert_int_eq(got.n, 2);
	ck_assert_int_eq(got.over, 0);
}
END_TEST

START_TEST(no_more_than_a_day_before)
{
	mpd_bound(&m, true, now);
	mpd_want(&m, now);
	pass(0);
	answer(30 * 86400);
	pass(29 * 86400 - 1);
	ck_assert_int_eq(got.n, 1);
	pass(2);
	ck_assert_int_eq(got.n, 2);
}
END_TEST

/* 11.4.3, RFC 4862 5.5.4: it is over; and nobody answered before */
START_TEST(over)
{
	mpd_bound(&m, true, now);
	mpd_want(&m, now);
	pass(0);
	answer(3600);
	pass(3598);
	ck_assert_int_gt(got.n, 5);	/* more than one attempt */
	ck_assert_int_eq(got.over, 0);
	pass(2);
	ck_assert_int_eq(got.over, 1);
}
END_TEST

/* What comes under the SA is authenticated: no rule of two hours. */
START_TEST(over_at_once)
{
	mpd_bound(&m, true, now);
	mpd_want(&m, now);
	pass(0);
	answer(0);
	ck_assert_int_eq(got.over, 0);	/* not in the midst of reception */
	pass(0);
	ck_assert_int_eq(got.over, 1);
}
END_TEST

START_TEST(for_ever)
{
	mpd_bound(&m, true, now);
	mpd_want(&m, now);
	pass(0);
	answer(UINT32_MAX);
	pass(100 * 86400);
	ck_assert_int_eq(got.n, 1);
	ck_assert_int_eq(got.over, 0);
}
END_TEST

/* RFC 4862 5.5.3: a router advertisement ends nothing within two hours */
START_TEST(learnt_from_the_link)
{
	mpd_learn(&m, 60, now);
	mpd_bound(&m, true, now);
	pass(44);
	ck_assert_int_eq(got.n, 0);
	pass(2);
	ck_assert_int_eq(got.n, 1);
	pass(7100);
	ck_assert_int_eq(got.over, 0);
	pass(100);
	ck_assert_int_eq(got.over, 1);
}
END_TEST

/* 11.4.3, as if in a router advertisement: RFC 4862 5.5.3 */
START_TEST(prefixes)
{
	struct mip mip = mpa(0, 3600);

	mip.n_prefixes = 4;
	mip.prefixes[1] = mip.prefixes[0];
	mip.prefixes[1].prefix = addr("2001:db8:2::1");
	mip.prefixes[2] = mip.prefixes[0];
	mip.prefixes[2].valid = 10;		/* preferred is above */
	mip.prefixes[3] = mip.prefixes[0];
	mip.prefixes[3].prefix = addr("fe80::");
	mip.prefixes[3].len = 0;
	mpd_bound(&m, true, now);
	mpd_want(&m, now);
	pass(0);
	mip.id = got.ids[0];
	ck_assert_int_eq(mpd_receive(&m, &mip, now), REASON_NONE);
	ck_assert_int_eq(got.others, 1);
	ck_assert_int_eq(got.renewed, 1);
	ck_assert_uint_eq(got.valid, 3600);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mpd");
	TCase *tc = tcase_create("mpd");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, asked_for);
	tcase_add_test(tc, unbound);
	tcase_add_test(tc, retransmitted);
	tcase_add_test(tc, unsolicited);
	tcase_add_test(tc, near_the_end);
	tcase_add_test(tc, no_more_than_a_day_before);
	tcase_add_test(tc, over);
	tcase_add_test(tc, over_at_once);
	tcase_add_test(tc, for_ever);
	tcase_add_test(tc, learnt_from_the_link);
	tcase_add_test(tc, prefixes);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
