/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ha/owners: who owns which home address. No network, no disk. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ha/owners.h"

enum { LEASE = 800, MANY = 100000 };

#define HOA "2001:db8:1::100"
#define HOA2 "2001:db8:1::200"
#define POOLED "2001:db8:1:0:8::1"
#define POOLED2 "2001:db8:1:0:8::2"
#define MN1 "mn1@example.org"
#define MN2 "mn2@example.org"

/* What the machine told, and what it is told. */
static struct {
	int changes, gone;
	struct in6_addr hoa;
	char identity[OWNER_ID_LEN];
	bool in_use;
} got;

static struct timers timers;
static struct owners os;
static mtime now;

static bool fake_in_use(void *arg, const struct in6_addr *hoa)
{
	(void)hoa;
	ck_assert_ptr_eq(arg, &got);
	return got.in_use;
}

/* As a daemon does whose disk is infinitely fast. */
static void fake_changed(void *arg, const struct owner *o, bool gone)
{
	ck_assert_ptr_eq(arg, &got);
	ck_assert(!o->configured);
	got.changes += !gone;
	got.gone += gone;
	got.hoa = o->hoa;
	strcpy(got.identity, o->identity);
	if (!gone)
		((struct owner *)o)->dirty = false;
}

static bool fake_pooled(void *arg, const struct in6_addr *hoa)
{
	ck_assert_ptr_eq(arg, &got);
	return hoa->s6_addr[9] == 8;
}

static const struct owners_ops fake_ops = {
	.in_use = fake_in_use,
	.pooled = fake_pooled,
	.changed = fake_changed,
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
	now = MTIME_SEC(5000);
	timers_init(&timers);
	owners_init(&os, &fake_ops, &got, &timers, MTIME_SEC(LEASE));
}

static void teardown(void)
{
	owners_fini(&os);
	ck_assert_uint_eq(timers.n, 0);
	ck_assert_uint_eq(os.n_claimed, 0);
	ck_assert_uint_eq(os.n_assigned, 0);
	ck_assert_ptr_null(os.tallies);
	timers_fini(&timers);
}

static void pass(int s)
{
	now = mtime_add(now, MTIME_SEC(s));
	timers_run(&timers, now);
}

static enum reason claim(const char *hoa, const char *identity, bool at_home)
{
	struct in6_addr a = addr(hoa);

	return owners_claim(&os, &a, identity, at_home, now);
}

static bool is(const char *hoa, const char *identity)
{
	struct in6_addr a = addr(hoa);

	return owners_is(&os, &a, identity);
}

static int configure(const char *hoa, const char *identity)
{
	struct in6_addr a = addr(hoa);

	return owners_configure(&os, &a, identity, now);
}

static int restore(const char *hoa, const char *identity, int ago)
{
	struct in6_addr a = addr(hoa);
	mtime seen = mtime_sub(now, MTIME_SEC(ago));

	return owners_restore(&os, &a, identity, seen, seen, now);
}

static int forget(const char *hoa)
{
	struct in6_addr a = addr(hoa);

	return owners_forget(&os, &a);
}

static void seen(const char *hoa)
{
	struct in6_addr a = addr(hoa);

	owners_seen(&os, &a, now);
}

static struct owner *find(const char *hoa)
{
	struct in6_addr a = addr(hoa);

	return owners_find(&os, &a);
}

#define ck_reason(have, want) \
	ck_assert_str_eq(reason_str(have), reason_str(want))

START_TEST(claim_at_home)
{
	ck_reason(claim(HOA, MN1, true), REASON_NONE);
	ck_assert(is(HOA, MN1));
	ck_assert(!is(HOA, MN2));
	ck_assert(!is(HOA2, MN1));
	ck_assert_int_eq(got.changes, 1);
	ck_assert_str_eq(got.identity, MN1);
	ck_assert_int_eq(find(HOA)->since.ns, now.ns);
	/* again, at home or not: it is the owner's */
	ck_reason(claim(HOA, MN1, true), REASON_NONE);
	ck_reason(claim(HOA, MN1, false), REASON_NONE);
	ck_assert_int_eq(got.changes, 1);
}
END_TEST

/* One host must not use up what there is for all. */
START_TEST(limit_of_one_identity)
{
	os.max_each = 2;
	ck_reason(claim(HOA, MN1, true), REASON_NONE);
	ck_reason(claim(HOA2, "MN1@Example.org", true), REASON_NONE);
	ck_reason(claim("2001:db8:1::300", MN1, true), REASON_IKE_OWNS_MANY);
	ck_reason(claim("2001:db8:1::300", MN2, true), REASON_NONE);
	/* what it has it has, what goes makes room, what is configured does
	 * not count */
	ck_reason(claim(HOA, MN1, true), REASON_NONE);
	ck_assert_int_eq(forget(HOA2), 0);
	ck_assert_int_eq(configure("2001:db8:1::400", MN1), 0);
	ck_reason(claim(HOA2, MN1, true), REASON_NONE);
	ck_reason(claim("2001:db8:1::500", MN1, true), REASON_IKE_OWNS_MANY);
}
END_TEST

START_TEST(claim_from_afar)
{
	ck_reason(claim(HOA, MN1, false), REASON_IKE_NOT_AT_HOME);
	ck_assert_ptr_null(find(HOA));
	ck_assert_int_eq(got.changes, 0);
}
END_TEST

START_TEST(claim_of_anothers)
{
	claim(HOA, MN1, true);
	ck_reason(claim(HOA, MN2, true), REASON_IKE_NOT_OWNER);
	ck_reason(claim(HOA, MN2, false), REASON_IKE_NOT_OWNER);
	ck_assert(is(HOA, MN1));
	/* one identity may own many */
	ck_reason(claim(HOA2, MN1, true), REASON_NONE);
}
END_TEST

START_TEST(case_makes_no_difference)
{
	claim(HOA, MN1, true);
	ck_assert(is(HOA, "Mn1@EXAMPLE.org"));
	ck_reason(claim(HOA, "MN1@example.ORG", false), REASON_NONE);
	ck_assert_str_eq(find(HOA)->identity, MN1);
}
END_TEST

START_TEST(identities_that_do_not_fit)
{
	char text[OWNER_ID_LEN + 1];

	memset(text, 'a', sizeof(text));
	text[OWNER_ID_LEN] = 0;
	ck_reason(claim(HOA, text, true), REASON_IKE_NOT_OWNER);
	ck_reason(claim(HOA, "", true), REASON_IKE_NOT_OWNER);
	ck_assert_int_eq(configure(HOA, text), -EINVAL);
	ck_assert_int_eq(configure(HOA, ""), -EINVAL);
	ck_assert_int_eq(restore(HOA, text, 0), -EINVAL);
	text[OWNER_ID_LEN - 1] = 0;
	ck_reason(claim(HOA, text, true), REASON_NONE);
	ck_assert(is(HOA, text));
}
END_TEST

START_TEST(lease_ends)
{
	claim(HOA, MN1, true);
	pass(LEASE - 1);
	ck_assert(is(HOA, MN1));
	ck_assert_int_eq(got.gone, 0);
	pass(1);
	ck_assert_ptr_null(find(HOA));
	ck_assert_int_eq(got.gone, 1);
	ck_reason(claim(HOA, MN2, true), REASON_NONE);
}
END_TEST

START_TEST(lease_begins_anew_when_seen)
{
	claim(HOA, MN1, true);
	pass(LEASE - 1);
	seen(HOA);
	pass(LEASE - 1);
	ck_assert(is(HOA, MN1));
	claim(HOA, MN1, false);
	pass(LEASE - 1);
	ck_assert(is(HOA, MN1));
	pass(1);
	ck_assert_ptr_null(find(HOA));
	seen(HOA);	/* does nothing */
}
END_TEST

START_TEST(lease_goes_on_in_use)
{
	claim(HOA, MN1, true);
	got.in_use = true;
	pass(LEASE);
	ck_assert(is(HOA, MN1));
	ck_assert_int_eq(find(HOA)->seen.ns, now.ns);
	pass(LEASE);
	ck_assert(is(HOA, MN1));
	got.in_use = false;
	pass(LEASE);
	ck_assert_ptr_null(find(HOA));
}
END_TEST

/* The timer is due but has not run: over is over. */
START_TEST(lease_over_without_timer)
{
	claim(HOA, MN1, true);
	now = mtime_add(now, MTIME_SEC(LEASE));
	ck_reason(claim(HOA, MN2, false), REASON_IKE_NOT_AT_HOME);
	ck_assert_int_eq(got.gone, 1);
	claim(HOA2, MN1, true);
	now = mtime_add(now, MTIME_SEC(LEASE));
	got.in_use = true;
	ck_reason(claim(HOA2, MN2, true), REASON_IKE_NOT_OWNER);
}
END_TEST

/* What is seen goes to the disk each eighth of a lease at the most. */
START_TEST(renewals_are_written_seldom)
{
	int i;

	claim(HOA, MN1, true);
	for (i = 1; i < LEASE / OWNERS_SEEN_STEPS; i++) {
		pass(1);
		seen(HOA);
	}
	ck_assert_int_eq(got.changes, 1);
	pass(1);
	seen(HOA);
	ck_assert_int_eq(got.changes, 2);
	for (i = 0; i < LEASE; i++) {
		pass(1);
		seen(HOA);
	}
	ck_assert_int_eq(got.changes, 2 + OWNERS_SEEN_STEPS);
}
END_TEST

/* Not told again before it was written. */
START_TEST(dirty_is_told_once)
{
	claim(HOA, MN1, true);
	find(HOA)->dirty = true;
	pass(LEASE / 2);
	seen(HOA);
	ck_assert_int_eq(got.changes, 1);
	ck_assert_int_eq(forget(HOA), 0);
	ck_assert_int_eq(got.gone, 1);
}
END_TEST

START_TEST(configured_beats_claimed)
{
	claim(HOA, MN1, true);
	ck_assert_int_eq(configure(HOA, MN2), 0);
	ck_assert_int_eq(got.gone, 1);
	ck_assert(is(HOA, MN2));
	ck_assert_uint_eq(os.n_claimed, 0);
	ck_reason(claim(HOA, MN1, true), REASON_IKE_NOT_OWNER);
	ck_reason(claim(HOA, MN2, false), REASON_NONE);
	ck_assert_int_eq(configure(HOA, MN1), -EEXIST);
	ck_assert_int_eq(restore(HOA, MN1, 1), -EEXIST);
	ck_assert_int_eq(forget(HOA), -EPERM);
	pass(10 * LEASE);
	seen(HOA);
	ck_assert(is(HOA, MN2));
	ck_assert_int_eq(got.changes, 1);
}
END_TEST

START_TEST(unconfigured)
{
	claim(HOA, MN1, true);
	configure(HOA2, MN2);
	owners_unconfigure(&os);
	ck_assert_ptr_null(find(HOA2));
	ck_assert(is(HOA, MN1));
	ck_assert_int_eq(got.gone, 0);
	ck_assert_int_eq(configure(HOA2, MN1), 0);
	ck_assert(is(HOA2, MN1));
}
END_TEST

START_TEST(forgotten)
{
	ck_assert_int_eq(forget(HOA), -ENOENT);
	claim(HOA, MN1, true);
	ck_assert_int_eq(forget(HOA), 0);
	ck_assert_int_eq(got.gone, 1);
	ck_assert_str_eq(got.identity, MN1);
	ck_reason(claim(HOA, MN1, false), REASON_IKE_NOT_AT_HOME);
	ck_reason(claim(HOA, MN2, true), REASON_NONE);
}
END_TEST

START_TEST(restored)
{
	ck_assert_int_eq(restore(HOA, MN1, LEASE - 10), 0);
	ck_assert_int_eq(restore(HOA, MN1, 0), -EEXIST);
	ck_assert_int_eq(restore(HOA2, MN2, LEASE), -ETIME);
	ck_assert_ptr_null(find(HOA2));
	ck_assert_int_eq(got.changes, 0);
	ck_reason(claim(HOA, MN2, true), REASON_IKE_NOT_OWNER);
	pass(9);
	ck_assert(is(HOA, MN1));
	pass(1);
	ck_assert_ptr_null(find(HOA));
	ck_assert_int_eq(got.gone, 1);
}
END_TEST

/* A host that is away and bound keeps its address over a long stop. */
START_TEST(restored_in_use)
{
	got.in_use = true;
	ck_assert_int_eq(restore(HOA, MN1, 3 * LEASE), 0);
	pass(0);
	ck_assert(is(HOA, MN1));
	ck_assert_int_eq(got.changes, 1);
	got.in_use = false;
	pass(LEASE - 1);
	ck_assert(is(HOA, MN1));
}
END_TEST

START_TEST(restored_is_renewed)
{
	restore(HOA, MN1, LEASE - 10);
	ck_reason(claim(HOA, MN1, false), REASON_NONE);
	ck_assert_int_eq(got.changes, 1);
	pass(LEASE - 1);
	ck_assert(is(HOA, MN1));
}
END_TEST

START_TEST(another_lease)
{
	claim(HOA, MN1, true);
	configure(HOA2, MN2);
	pass(100);
	owners_set_lease(&os, MTIME_SEC(200));
	ck_assert_int_eq(owners_until(find(HOA)).ns,
			 mtime_add(now, MTIME_SEC(100)).ns);
	pass(99);
	ck_assert(is(HOA, MN1));
	pass(1);
	ck_assert_ptr_null(find(HOA));
	ck_assert(is(HOA2, MN2));
}
END_TEST

START_TEST(bounded)
{
	os.max = 1;
	ck_reason(claim(HOA, MN1, true), REASON_NONE);
	ck_reason(claim(HOA2, MN1, true), REASON_IKE_LOCAL);
	ck_reason(claim(HOA, MN1, true), REASON_NONE);
	ck_assert_int_eq(configure(HOA2, MN2), 0);
	forget(HOA);
	ck_reason(claim(HOA, MN2, true), REASON_NONE);
}
END_TEST

static void count_one(void *arg, const struct owner *o)
{
	ck_assert_ptr_eq(o->os, &os);
	++*(int *)arg;
}

START_TEST(many)
{
	struct in6_addr a = addr("2001:db8:1::");
	clock_t begin = clock();
	int i, n = 0;

	for (i = 0; i < MANY; i++) {
		a.s6_addr32[3] = htonl((uint32_t)i + 2);
		ck_reason(owners_claim(&os, &a, MN1, true, now), REASON_NONE);
	}
	pass(LEASE / 2);
	for (i = 0; i < MANY; i += 2) {
		a.s6_addr32[3] = htonl((uint32_t)i + 2);
		owners_seen(&os, &a, now);
	}
	pass(LEASE / 2);
	owners_each(&os, count_one, &n);
	ck_assert_int_eq(n, MANY / 2);
	ck_assert_int_eq(got.gone, MANY / 2);
	pass(LEASE / 2);
	ck_assert_ptr_null(os.table);
	printf("%d owners made, half seen again, all ended: %.0f ms\n", MANY,
	       (double)(clock() - begin) * 1000 / CLOCKS_PER_SEC);
}
END_TEST

static enum reason assign(const char *hoa, const char *identity)
{
	struct in6_addr a = addr(hoa);

	return owners_assign(&os, &a, identity, now);
}

static bool is_pooled(void *arg, const struct owner *o)
{
	return fake_pooled(arg, &o->hoa);
}

static const struct owner *first(const char *identity)
{
	return owners_first(&os, identity, is_pooled, &got);
}

START_TEST(assigned)
{
	/* not by standing there, but by being told so */
	ck_reason(claim(POOLED, MN1, true), REASON_IKE_NOT_AT_HOME);
	ck_reason(assign(POOLED, MN1), REASON_NONE);
	ck_assert(is(POOLED, MN1));
	ck_assert(find(POOLED)->assigned);
	ck_assert_uint_eq(os.n_assigned, 1);
	ck_assert_int_eq(got.changes, 1);
	/* its owner's then, from anywhere, and nobody else's */
	ck_reason(claim(POOLED, MN1, false), REASON_NONE);
	ck_reason(claim(POOLED, MN2, true), REASON_IKE_NOT_OWNER);
	ck_reason(assign(POOLED, MN2), REASON_IKE_NOT_OWNER);
	/* the lease begins anew with it */
	pass(LEASE - 1);
	ck_reason(assign(POOLED, MN1), REASON_NONE);
	pass(LEASE - 1);
	ck_assert(is(POOLED, MN1));
	pass(1);
	ck_assert_ptr_null(find(POOLED));
	ck_assert_int_eq(got.gone, 1);
	ck_assert_uint_eq(os.n_assigned, 0);
	ck_reason(assign(POOLED, MN2), REASON_NONE);
}
END_TEST

START_TEST(assigned_within_limits)
{
	os.max_each = 1;
	ck_reason(claim(HOA, MN1, true), REASON_NONE);
	ck_reason(assign(POOLED, MN1), REASON_IKE_OWNS_MANY);
	os.max_each = 0;
	os.max = 1;
	ck_reason(assign(POOLED, MN1), REASON_IKE_LOCAL);
	os.max = 0;
	ck_reason(assign(POOLED, ""), REASON_IKE_NOT_OWNER);
	ck_assert_ptr_null(find(POOLED));
}
END_TEST

START_TEST(assigned_found_again)
{
	ck_assert_ptr_null(first(MN1));
	ck_reason(assign(POOLED2, MN2), REASON_NONE);
	ck_reason(claim(HOA, MN1, true), REASON_NONE);
	ck_assert_ptr_null(first(MN1));
	ck_reason(assign(POOLED, MN1), REASON_NONE);
	ck_reason(claim(HOA2, MN1, true), REASON_NONE);
	ck_assert_ptr_eq(first("MN1@example.org"), find(POOLED));
	ck_assert_int_eq(forget(HOA), 0);
	ck_assert_ptr_eq(first(MN1), find(POOLED));
	ck_assert_int_eq(forget(POOLED), 0);
	ck_assert_ptr_null(first(MN1));
	/* one that is reserved by configuration */
	ck_assert_int_eq(configure(POOLED, MN1), 0);
	ck_assert_ptr_eq(first(MN1), find(POOLED));
	ck_assert(!find(POOLED)->assigned);
	ck_reason(assign(POOLED, MN1), REASON_NONE);
	owners_unconfigure(&os);
	ck_assert_ptr_null(first(MN1));
	/* from the disk */
	ck_assert_int_eq(restore(POOLED, MN1, 1), 0);
	ck_assert_ptr_eq(first(MN1), find(POOLED));
	ck_assert(find(POOLED)->assigned);
	ck_assert_ptr_eq(first(MN2), find(POOLED2));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("owners");
	TCase *tc = tcase_create("owners");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, claim_at_home);
	tcase_add_test(tc, limit_of_one_identity);
	tcase_add_test(tc, claim_from_afar);
	tcase_add_test(tc, claim_of_anothers);
	tcase_add_test(tc, case_makes_no_difference);
	tcase_add_test(tc, identities_that_do_not_fit);
	tcase_add_test(tc, lease_ends);
	tcase_add_test(tc, lease_begins_anew_when_seen);
	tcase_add_test(tc, lease_goes_on_in_use);
	tcase_add_test(tc, lease_over_without_timer);
	tcase_add_test(tc, renewals_are_written_seldom);
	tcase_add_test(tc, dirty_is_told_once);
	tcase_add_test(tc, configured_beats_claimed);
	tcase_add_test(tc, unconfigured);
	tcase_add_test(tc, forgotten);
	tcase_add_test(tc, restored);
	tcase_add_test(tc, restored_in_use);
	tcase_add_test(tc, restored_is_renewed);
	tcase_add_test(tc, another_lease);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, assigned);
	tcase_add_test(tc, assigned_within_limits);
	tcase_add_test(tc, assigned_found_again);
	tcase_add_test(tc, many);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
