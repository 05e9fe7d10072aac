/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SRV records of home agents, RFC 5026 5.1.2 and RFC 2782: messages made here
 * by hand. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mn/resolve.h"

static uint8_t msg[4096];
static size_t len;

static void put8(unsigned int v)
{
	ck_assert_uint_lt(len, sizeof(msg));
	msg[len++] = v;
}

static void put16(unsigned int v)
{
	put8(v >> 8);
	put8(v & 0xff);
}

static void put32(uint32_t v)
{
	put16(v >> 16);
	put16(v & 0xffff);
}

/* "a.b": 1 a 1 b 0 */
static void put_name(const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");

		put8(n);
		while (n--)
			put8(*name++);
		name += *name == '.';
	}
	put8(0);
}

static void begin(unsigned int answers)
{
	len = 0;
	put16(1);		/* ID */
	put16(0x8180);
	put16(1);
	put16(answers);
	put16(0);
	put16(0);
	put_name("_mip6._ipv6.example.org");
	put16(33);
	put16(1);
}

static void srv(unsigned int priority, unsigned int weight, uint32_t ttl,
		const char *target)
{
	size_t at;

	put16(0xc00c);		/* the question's name */
	put16(33);
	put16(1);
	put32(ttl);
	at = len;
	put16(0);
	put16(priority);
	put16(weight);
	put16(0);		/* port */
	put_name(target);
	msg[at] = (len - at - 2) >> 8;
	msg[at + 1] = (len - at - 2) & 0xff;
}

static struct resolve_srv list[RESOLVE_NAMES_MAX];
static uint32_t ttl;

static int parse(uint32_t spin)
{
	return resolve_srv_parse(list, &ttl, msg, len, spin);
}

START_TEST(by_priority)
{
	begin(3);
	srv(20, 0, 300, "ha3.example.org");
	srv(10, 0, 120, "ha1.example.org");
	srv(15, 9, 600, "ha2.example.org");
	ck_assert_int_eq(parse(_i), 3);
	ck_assert_str_eq(list[0].target, "ha1.example.org");
	ck_assert_str_eq(list[1].target, "ha2.example.org");
	ck_assert_str_eq(list[2].target, "ha3.example.org");
	ck_assert_uint_eq(ttl, 120);
}
END_TEST

/* RFC 2782: by its share of the weights */
START_TEST(by_weight)
{
	unsigned int first = 0, idle = 0, i;

	begin(3);
	srv(1, 0, 300, "idle.example.org");
	srv(1, 90, 300, "big.example.org");
	srv(1, 10, 300, "small.example.org");
	for (i = 0; i < 10000; i++) {
		ck_assert_int_eq(parse(i * 2654435761u), 3);
		first += !strcmp(list[0].target, "big.example.org");
		idle += !strcmp(list[0].target, "idle.example.org");
		ck_assert_str_ne(list[0].target, list[1].target);
		ck_assert_str_ne(list[1].target, list[2].target);
	}
	ck_assert_uint_gt(first, 8000);
	ck_assert_uint_lt(first, 9800);
	ck_assert_uint_lt(idle, 500);
}
END_TEST

START_TEST(left_out)
{
	begin(4);
	srv(1, 0, 300, "");			/* there is no such service */
	srv(1, 0, 300, "a b.example.org");
	srv(1, 0, 300, "x;rm.example.org");
	srv(1, 0, 300, "ha.example.org");
	ck_assert_int_eq(parse(1), 1);
	ck_assert_str_eq(list[0].target, "ha.example.org");
	begin(0);
	ck_assert_int_eq(parse(1), 0);
}
END_TEST

START_TEST(many)
{
	char name[32];
	unsigned int i;

	begin(60);
	for (i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "ha%u.example.org", i);
		srv(60 - i, 0, 300, name);
	}
	ck_assert_int_eq(parse(1), RESOLVE_NAMES_MAX);
}
END_TEST

/* Cut anywhere, or with any octet changed: no harm. */
START_TEST(malformed)
{
	uint8_t whole[sizeof(msg)];
	size_t n, i, size;

	begin(2);
	srv(20, 1, 300, "ha3.example.org");
	srv(10, 2, 120, "ha1.example.org");
	size = len;
	memcpy(whole, msg, size);
	for (n = 0; n < size; n++) {
		uint8_t *copy = malloc(n ? n : 1);	/* for ASan */

		memcpy(copy, whole, n);
		ck_assert_int_eq(resolve_srv_parse(list, &ttl, copy, n, 1),
				 -1);
		free(copy);
	}
	for (i = 0; i < 20000; i++) {
		memcpy(msg, whole, size);
		msg[random() % size] = random();
		msg[random() % size] = random();
		n = parse(i) + 1;
		ck_assert_uint_le(n, 1 + RESOLVE_NAMES_MAX);
	}
	/* a name that points at itself */
	begin(1);
	n = len;
	srv(1, 1, 1, "x");
	msg[len - 3] = 0xc0;
	msg[len - 2] = len - 3;
	msg[n + 11] = 8;
	ck_assert_int_le(parse(1), 0);
}
END_TEST

START_TEST(names)
{
	char name[300];

	ck_assert(resolve_name_valid("ha.example.org"));
	ck_assert(resolve_name_valid("ha.example.org."));
	ck_assert(resolve_name_valid("a"));
	ck_assert(!resolve_name_valid(""));
	ck_assert(!resolve_name_valid("."));
	ck_assert(!resolve_name_valid("a..b"));
	ck_assert(!resolve_name_valid(".a"));
	ck_assert(!resolve_name_valid("a b"));
	ck_assert(!resolve_name_valid("2001:db8::1"));
	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	ck_assert(!resolve_name_valid(name));
	name[63] = '\0';
	ck_assert(resolve_name_valid(name));
	memset(name, 'a', sizeof(name));
	name[100] = name[50] = name[150] = name[200] = '.';
	name[253] = '\0';
	ck_assert(resolve_name_valid(name));
	name[253] = 'a';
	name[254] = '\0';
	ck_assert(!resolve_name_valid(name));
}
END_TEST

/* ---- through the loop */

static unsigned int answers;

static void on_result(void *arg, const struct resolve_result *r)
{
	struct resolve_result *out = arg;

	answers++;
	*out = *r;
}

/* Of /etc/hosts, or of the resolver itself: an address that is no home agent's
 * is none. */
START_TEST(no_home_agent)
{
	struct resolve_result r = {0};
	struct resolve *q;
	uv_loop_t loop;

	answers = 0;
	uv_loop_init(&loop);
	ck_assert_int_eq(resolve_start(&q, &loop, "localhost", NULL, on_result,
				       &r), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(answers, 1);
	ck_assert_ptr_nonnull(r.error);
	ck_assert_uint_eq(r.n, 0);
	/* nobody waits any more */
	ck_assert_int_eq(resolve_start(&q, &loop, "localhost", NULL, on_result,
				       &r), 0);
	resolve_drop(q);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(answers, 1);
	uv_loop_close(&loop);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resolve");
	TCase *tc = tcase_create("resolve");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, by_priority, 0, 20);
	tcase_add_test(tc, by_weight);
	tcase_add_test(tc, left_out);
	tcase_add_test(tc, many);
	tcase_add_test(tc, malformed);
	tcase_add_test(tc, names);
	tcase_add_test(tc, no_home_agent);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
