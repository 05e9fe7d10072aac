/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ha/mnp: which networks a mobile router registers, RFC 3963 6.2. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ha/mnp.h"

static struct mnp_list table, out;
static struct mh bu;
static int status;

static struct ip6_prefix prefix(const char *text, uint8_t len)
{
	struct ip6_prefix p = { .len = len };

	ck_assert_int_eq(inet_pton(AF_INET6, text, &p.addr), 1);
	return p;
}

static void allow(const char *text, uint8_t len)
{
	struct ip6_prefix p = prefix(text, len);

	ck_assert_int_eq(mnp_add(&table, &p), 0);
}

static void ask(const char *text, uint8_t len)
{
	struct ip6_prefix p = prefix(text, len);

	bu.opts[bu.n_opts++] = (struct mh_opt){
		.type = MH_OPT_PREFIX, .prefix = {p.addr, p.len} };
}

static enum reason judge(bool any)
{
	status = -1;
	return mnp_judge(&bu, &table, any, &out, &status);
}

static void setup(void)
{
	memset(&table, 0, sizeof(table));
	memset(&bu, 0, sizeof(bu));
	bu.type = MH_BU;
	bu.opts[bu.n_opts++].type = MH_OPT_ALT_COA;
	allow("2001:db8:5::", 64);
	allow("2001:db8:6:10::", 61);
}

START_TEST(implicit_mode_is_what_is_configured)
{
	ck_assert_int_eq(judge(true), REASON_NONE);
	ck_assert_mem_eq(&out, &table, sizeof(out));
	memset(&table, 0, sizeof(table));
	ck_assert_int_eq(judge(true), REASON_BU_PREFIX_NONE);
	ck_assert_int_eq(status, 143);
}
END_TEST

START_TEST(no_mobile_router_where_none_is_configured)
{
	ck_assert_int_eq(judge(false), REASON_BU_ROUTER);
	ck_assert_int_eq(status, 140);
}
END_TEST

START_TEST(explicit_mode_is_what_is_asked_and_allowed)
{
	struct ip6_prefix p = prefix("2001:db8:6:13::", 64);

	ask("2001:db8:6:13::", 64);
	ck_assert_int_eq(judge(true), REASON_NONE);
	ck_assert_uint_eq(out.n, 1);
	ck_assert_mem_eq(&out.v[0], &p, sizeof(p));
	ask("2001:db8:5::77", 64);	/* what follows its length is nothing */
	ask("2001:db8:5::", 64);	/* twice is once */
	ck_assert_int_eq(judge(true), REASON_NONE);
	ck_assert_uint_eq(out.n, 2);
	ask("2001:db8:7::", 64);
	ck_assert_int_eq(judge(true), REASON_BU_PREFIX_DENIED);
	ck_assert_int_eq(status, 142);
}
END_TEST

START_TEST(explicit_mode_wider_than_allowed)
{
	ask("2001:db8:5::", 63);
	ck_assert_int_eq(judge(true), REASON_BU_PREFIX_DENIED);
	ck_assert_int_eq(status, 142);
}
END_TEST

START_TEST(prefixes_that_cannot_be)
{
	static const struct {
		const char *text;
		uint8_t len;
	} bad[] = {
		{"2001:db8:5::", 65}, {"2001:db8:5::", 128}, {"::", 0},
		{"2001:db8:5::", 59}, {"ff05::", 64}, {"fe80::", 64},
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		bu.n_opts = 1;
		ask(bad[i].text, bad[i].len);
		ck_assert_int_eq(judge(true), REASON_BU_PREFIX_INVALID);
		ck_assert_int_eq(status, 141);
	}
}
END_TEST

START_TEST(not_more_than_there_may_be)
{
	struct ip6_prefix p = prefix("2001:db8:8::", 60);
	struct mnp_list list = {0};
	unsigned int i;

	ck_assert_int_eq(mnp_add(&list, &p), 0);
	ck_assert_uint_eq(mnp_slices(&list), 16);
	p = prefix("2001:db8:9::", 64);
	ck_assert_int_eq(mnp_add(&list, &p), -ENOSPC);
	memset(&list, 0, sizeof(list));
	for (i = 0; i < MNP_MAX; i++) {
		p.addr.s6_addr[6] = (uint8_t)i;
		ck_assert_int_eq(mnp_add(&list, &p), 0);
	}
	p.addr.s6_addr[6] = 99;
	ck_assert_int_eq(mnp_add(&list, &p), -ENOSPC);
	ck_assert_int_eq(mnp_add(&list, &list.v[3]), -EEXIST);
}
END_TEST

START_TEST(slices)
{
	struct in6_addr a;
	struct ip6_prefix p;

	ck_assert_uint_eq(mnp_slices(&table), 9);
	a = mnp_slice(&table, 0);
	p = prefix("2001:db8:5::", 64);
	ck_assert_mem_eq(&a, &p.addr, sizeof(a));
	a = mnp_slice(&table, 1);
	p = prefix("2001:db8:6:10::", 64);
	ck_assert_mem_eq(&a, &p.addr, sizeof(a));
	a = mnp_slice(&table, 8);
	p = prefix("2001:db8:6:17::", 64);
	ck_assert_mem_eq(&a, &p.addr, sizeof(a));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mnp");
	TCase *tc = tcase_create("mnp");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, implicit_mode_is_what_is_configured);
	tcase_add_test(tc, no_mobile_router_where_none_is_configured);
	tcase_add_test(tc, explicit_mode_is_what_is_asked_and_allowed);
	tcase_add_test(tc, explicit_mode_wider_than_allowed);
	tcase_add_test(tc, prefixes_that_cannot_be);
	tcase_add_test(tc, not_more_than_there_may_be);
	tcase_add_test(tc, slices);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
