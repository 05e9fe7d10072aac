/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which advertised networks are taken off again: those of routers that do not
 * answer (RFC 6275 11.5.1). */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "mn/late.h"

static struct late late;
static struct late_router out;
static struct nd_ra ours;

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static struct in6_addr router(unsigned int n)
{
	char text[32];

	snprintf(text, sizeof(text), "fe80::%x", n);
	return addr(text);
}

static void add(struct nd_ra *ra, const char *prefix)
{
	ra->prefixes[ra->n_prefixes++] = (struct nd_prefix){
		.prefix = addr(prefix), .len = 64, .autonomous = true,
		.on_link = true, .valid = 60,
	};
}

static mtime s(double n)
{
	return (mtime){(int64_t)((n + 1000) * 1e9)};
}

static bool heard(unsigned int n, const char *prefix, double at)
{
	struct in6_addr a = router(n);
	struct nd_ra ra = {0};

	add(&ra, prefix);
	return late_heard(&late, &a, &ra, &ours, s(at));
}

static bool failed(unsigned int n, double at)
{
	struct in6_addr a = router(n);

	return late_failed(&late, &a, &ours, s(at), &out);
}

static void setup(void)
{
	late = (struct late){0};
	ours = (struct nd_ra){0};
	add(&ours, "2001:db8:2::1");
}

START_TEST(not_there)
{
	struct in6_addr prefix = addr("2001:db8:1::");

	ck_assert(heard(1, "2001:db8:1::1", 0));
	ck_assert(!heard(1, "2001:db8:1::1", 1));	/* it is asked */
	ck_assert(failed(1, 3));
	ck_assert_uint_eq(out.n, 1);
	ck_assert(ip6_addr_eq(&out.prefixes[0].addr, &prefix));
	ck_assert_uint_eq(out.prefixes[0].len, 64);
	/* once more */
	ck_assert(!failed(1, 4));
	ck_assert(heard(1, "2001:db8:1::1", 5));
	ck_assert(failed(1, 8));
}
END_TEST

START_TEST(ours_too)
{
	ck_assert(!heard(1, "2001:db8:2::5", 0));
	ck_assert(!failed(1, 3));
}
END_TEST

/* Another router is ours by now, or ours says more. */
START_TEST(ours_since)
{
	ck_assert(heard(1, "2001:db8:1::", 0));
	add(&ours, "2001:db8:1::");
	ck_assert(failed(1, 3));
	ck_assert_uint_eq(out.n, 0);
}
END_TEST

START_TEST(when)
{
	ck_assert(heard(1, "2001:db8:1::", 0));
	ck_assert(!failed(1, 0.1));		/* of before */
	ck_assert(failed(1, 3));
	ck_assert(heard(1, "2001:db8:1::", 10));
	ck_assert(!failed(1, 50));		/* it was there */
	ck_assert(heard(1, "2001:db8:1::", 60));
	ck_assert(!heard(1, "2001:db8:1::", 119));
	ck_assert(heard(1, "2001:db8:1::", 121));
}
END_TEST

START_TEST(another_has_it)
{
	ck_assert(heard(1, "2001:db8:1::", 0));
	ck_assert(heard(2, "2001:db8:1::", 0));
	ck_assert(failed(1, 3));
	ck_assert_uint_eq(out.n, 0);
	ck_assert(failed(2, 3));
	ck_assert_uint_eq(out.n, 1);
}
END_TEST

START_TEST(left)
{
	struct in6_addr a = router(1);

	ck_assert(heard(1, "2001:db8:1::", 0));
	late_forget(&late, &a);
	ck_assert(!failed(1, 3));
	ck_assert(heard(1, "2001:db8:1::", 0));
	late_clear(&late);
	ck_assert(!failed(1, 3));
}
END_TEST

/* A storm: so many are asked and no more, until they have had their time. */
START_TEST(bounded)
{
	unsigned int n;

	for (n = 1; n <= 100; n++)
		ck_assert(heard(n, "2001:db8:1::", 0) == (n <= LATE_MAX));
	ck_assert(!heard(200, "2001:db8:1::", 5));
	ck_assert(!failed(200, 8));
	ck_assert(failed(1, 8));
	ck_assert(heard(201, "2001:db8:1::", 9));
	ck_assert(heard(202, "2001:db8:1::", 30));
	ck_assert_uint_eq(late.n, LATE_MAX);
	ck_assert(failed(201, 12));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("late");
	TCase *tc = tcase_create("late");
	SRunner *sr;
	int n;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, not_there);
	tcase_add_test(tc, ours_too);
	tcase_add_test(tc, ours_since);
	tcase_add_test(tc, when);
	tcase_add_test(tc, another_has_it);
	tcase_add_test(tc, left);
	tcase_add_test(tc, bounded);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	n = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n ? EXIT_FAILURE : EXIT_SUCCESS;
}
