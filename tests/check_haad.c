/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Home agent address discovery, RFC 6275 11.4.1, against a fake world: links
 * only mn/haad.o and libproto.
 */
#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mn/haad.h"

static struct {
	unsigned int sent, found, failed, n;
	uint16_t id;
	struct in6_addr dst, has[HAAD_ADDRS_MAX];
	mtime at[16];
} seen;

static struct timers timers;
static struct haad haad;
static struct in6_addr ha1, ha2;
static mtime now;

static void fake_send(void *arg, struct haad *h, const struct in6_addr *dst,
		      const struct mip *request)
{
	(void)arg;
	ck_assert_ptr_eq(h, &haad);
	ck_assert_uint_eq(request->type, MIP_HAAD_REQUEST);
	ck_assert_uint_lt(seen.sent, 16);
	seen.at[seen.sent++] = now;
	seen.id = request->id;
	seen.dst = *dst;
}

static void fake_found(void *arg, struct haad *h, const struct in6_addr *has,
		       unsigned int n)
{
	(void)arg, (void)h;
	ck_assert_uint_le(n, HAAD_ADDRS_MAX);
	ck_assert_uint_gt(n, 0);
	seen.found++;
	seen.n = n;
	memcpy(seen.has, has, n * sizeof(*has));
}

static void fake_failed(void *arg, struct haad *h)
{
	(void)arg, (void)h;
	seen.failed++;
}

static const struct haad_ops ops = {
	.send = fake_send, .found = fake_found, .failed = fake_failed,
};

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static void setup(void)
{
	struct ip6_prefix home = {addr("2001:db8:1::1"), 64};

	memset(&seen, 0, sizeof(seen));
	timers_init(&timers);
	now = MTIME_SEC(100);
	ha1 = addr("2001:db8:1::1");
	ha2 = addr("2001:db8:1::2");
	haad_init(&haad, &ops, NULL, &timers, &home);
}

static void teardown(void)
{
	timers_fini(&timers);
}

static void run_to(int64_t s)
{
	mtime end = MTIME_SEC(100 + s), next;

	while (timers_next(&timers, &next) && !mtime_before(end, next)) {
		now = next;
		timers_run(&timers, now);
	}
	now = end;
}

static enum reason answer(uint16_t id, const struct in6_addr *src,
			  const struct in6_addr *has, unsigned int n)
{
	struct mip reply = {.type = MIP_HAAD_REPLY, .id = id, .n_addrs = n};

	memcpy(reply.addrs, has, n * sizeof(*has));
	return haad_reply(&haad, src, &reply, 8 + 16 * n);
}

START_TEST(answered)
{
	struct in6_addr anycast = addr("2001:db8:1:0:fdff:ffff:ffff:fffe");
	struct in6_addr has[] = {ha2, ha1};

	ck_assert(haad_ask(&haad, 77, now));
	ck_assert(haad_asking(&haad));
	ck_assert_uint_eq(seen.sent, 1);
	ck_assert_mem_eq(&seen.dst, &anycast, 16);
	ck_assert_uint_eq(seen.id, 77);
	ck_assert_int_eq(answer(77, &ha1, has, 2), REASON_NONE);
	ck_assert_uint_eq(seen.found, 1);
	ck_assert_uint_eq(seen.n, 2);
	ck_assert_mem_eq(seen.has, has, sizeof(has));	/* in that order */
	ck_assert(!haad_asking(&haad));
	/* once */
	ck_assert_int_eq(answer(77, &ha1, has, 2), REASON_HAAD_UNMATCHED);
	run_to(1000);
	ck_assert_uint_eq(seen.sent, 1);
	ck_assert_uint_eq(seen.failed, 0);
}
END_TEST

/* 11.4.1 and 12: the same request, at most DHAAD_RETRIES times more, each after
 * twice the time, INITIAL_DHAAD_TIMEOUT first */
START_TEST(retransmitted)
{
	static const int64_t at[] = {0, 3, 9, 21, 45};
	unsigned int i;

	ck_assert(haad_ask(&haad, 77, now));
	run_to(92);
	ck_assert_uint_eq(seen.sent, 5);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(seen.at[i].ns, MTIME_SEC(100 + at[i]).ns);
	ck_assert_uint_eq(seen.id, 77);
	ck_assert_uint_eq(seen.failed, 0);
	run_to(93);
	ck_assert_uint_eq(seen.failed, 1);
	run_to(10000);
	ck_assert_uint_eq(seen.sent, 5);
	ck_assert_uint_eq(seen.failed, 1);
	/* and once more, from the beginning */
	ck_assert(haad_ask(&haad, 78, now));
	ck_assert_uint_eq(seen.id, 78);
	run_to(10003);
	ck_assert_uint_eq(seen.sent, 7);
}
END_TEST

START_TEST(late)
{
	ck_assert(haad_ask(&haad, 77, now));
	run_to(30);
	ck_assert_int_eq(answer(77, &ha1, &ha1, 1), REASON_NONE);
	ck_assert_uint_eq(seen.found, 1);
}
END_TEST

/* 6.6: the identifier is the request's */
START_TEST(not_asked)
{
	unsigned int id;

	ck_assert_int_eq(answer(77, &ha1, &ha1, 1), REASON_HAAD_UNMATCHED);
	ck_assert(haad_ask(&haad, 77, now));
	for (id = 0; id <= UINT16_MAX; id++)
		if (id != 77)
			ck_assert_int_eq(answer(id, &ha1, &ha1, 1),
					 REASON_HAAD_UNMATCHED);
	ck_assert_uint_eq(seen.found, 0);
	ck_assert(haad_asking(&haad));
	ck_assert_int_eq(answer(77, &ha1, &ha1, 1), REASON_NONE);
}
END_TEST

/* 10.5.1: from a unicast address of a home agent that serves that prefix */
START_TEST(from_elsewhere)
{
	static const char *const from[] = {
		"2001:db8:2::1", "fe80::1", "::", "ff02::1",
		"2001:db8:1:0:fdff:ffff:ffff:fffe",
	};
	struct in6_addr src;
	unsigned int i;

	ck_assert(haad_ask(&haad, 77, now));
	for (i = 0; i < sizeof(from) / sizeof(*from); i++) {
		src = addr(from[i]);
		ck_assert_int_eq(answer(77, &src, &ha1, 1),
				 REASON_HAAD_SOURCE);
	}
	ck_assert_uint_eq(seen.found, 0);
	ck_assert(haad_asking(&haad));
}
END_TEST

START_TEST(no_good_list)
{
	struct in6_addr bad[] = {
		addr("2001:db8:2::1"), addr("ff02::1"), addr("::1"),
		addr("2001:db8:1:0:fdff:ffff:ffff:fffe"), addr("::"),
	};
	struct mip reply = {.type = MIP_HAAD_REPLY, .id = 77, .n_addrs = 1};

	ck_assert(haad_ask(&haad, 77, now));
	ck_assert_int_eq(answer(77, &ha1, bad, 0), REASON_HAAD_LIST);
	ck_assert_int_eq(answer(77, &ha1, bad, 5), REASON_HAAD_LIST);
	/* 10.5.1: it fits the minimum MTU */
	reply.addrs[0] = ha1;
	ck_assert_int_eq(haad_reply(&haad, &ha1, &reply, HAAD_REPLY_MAX + 1),
			 REASON_HAAD_LIST);
	ck_assert_uint_eq(seen.found, 0);
	ck_assert(haad_asking(&haad));
	ck_assert_int_eq(haad_reply(&haad, &ha1, &reply, HAAD_REPLY_MAX),
			 REASON_NONE);
}
END_TEST

START_TEST(long_list)
{
	struct in6_addr many[MIP_ADDRS_MAX];
	unsigned int i;

	for (i = 0; i < MIP_ADDRS_MAX; i++) {
		many[i] = ha1;
		many[i].s6_addr[15] = 1 + i / 2;	/* each twice */
	}
	many[2] = addr("2001:db8:bad::1");
	ck_assert(haad_ask(&haad, 77, now));
	ck_assert_int_eq(answer(77, &ha1, many, MIP_ADDRS_MAX), REASON_NONE);
	ck_assert_uint_eq(seen.n, HAAD_ADDRS_MAX);
	for (i = 0; i < HAAD_ADDRS_MAX; i++)
		ck_assert_uint_eq(seen.has[i].s6_addr[15], 1 + i);
}
END_TEST

/* The answer would go to where we are no more. */
START_TEST(moved)
{
	haad_moved(&haad, 1, now);
	ck_assert_uint_eq(seen.sent, 0);
	ck_assert(haad_ask(&haad, 77, now));
	run_to(30);
	ck_assert_uint_eq(seen.sent, 4);
	haad_moved(&haad, 78, now);
	ck_assert_uint_eq(seen.sent, 5);
	ck_assert_uint_eq(seen.id, 78);
	ck_assert_int_eq(answer(77, &ha1, &ha1, 1), REASON_HAAD_UNMATCHED);
	run_to(33);
	ck_assert_uint_eq(seen.sent, 6);
	ck_assert_int_eq(answer(78, &ha1, &ha1, 1), REASON_NONE);
}
END_TEST

START_TEST(stopped)
{
	ck_assert(haad_ask(&haad, 77, now));
	haad_stop(&haad);
	run_to(1000);
	ck_assert_uint_eq(seen.sent, 1);
	ck_assert_uint_eq(seen.failed, 0);
}
END_TEST

START_TEST(no_room)
{
	struct ip6_prefix home = {ha1, 122};

	haad_init(&haad, &ops, NULL, &timers, &home);
	ck_assert(!haad_ask(&haad, 77, now));
	ck_assert(!haad_asking(&haad));
	ck_assert_uint_eq(seen.sent, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("haad");
	TCase *tc = tcase_create("haad");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, answered);
	tcase_add_test(tc, retransmitted);
	tcase_add_test(tc, late);
	tcase_add_test(tc, not_asked);
	tcase_add_test(tc, from_elsewhere);
	tcase_add_test(tc, no_good_list);
	tcase_add_test(tc, long_list);
	tcase_add_test(tc, moved);
	tcase_add_test(tc, stopped);
	tcase_add_test(tc, no_room);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
