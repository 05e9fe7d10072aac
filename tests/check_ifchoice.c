/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/ifchoice.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct in6_addr a(const char *text)
{
	struct in6_addr addr;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &addr), 1);
	return addr;
}

START_TEST(test_none_is_usable)
{
	const struct ifchoice list[2] = {{.preference = 9}, {.metered = true}};

	ck_assert_uint_eq(ifchoice_best(list, 2), 2);
	ck_assert_uint_eq(ifchoice_best(list, 0), 0);
}
END_TEST

START_TEST(test_order_decides_last)
{
	struct ifchoice list[3] = {
		{.usable = true}, {.usable = true}, {.usable = true},
	};

	ck_assert_uint_eq(ifchoice_best(list, 3), 0);
	list[0].usable = false;
	ck_assert_uint_eq(ifchoice_best(list, 3), 1);
	list[0].usable = list[0].metered = list[1].metered = true;
	ck_assert_uint_eq(ifchoice_best(list, 3), 2);
	list[2].metered = true;
	ck_assert_uint_eq(ifchoice_best(list, 3), 0);
}
END_TEST

START_TEST(test_preference_before_metered)
{
	struct ifchoice list[2] = {
		{.usable = true}, {.usable = true, .metered = true},
	};

	ck_assert_uint_eq(ifchoice_best(list, 2), 0);
	list[1].preference = 1;
	ck_assert_uint_eq(ifchoice_best(list, 2), 1);
	list[0].preference = 2;
	ck_assert_uint_eq(ifchoice_best(list, 2), 0);
	list[0].usable = false;
	ck_assert_uint_eq(ifchoice_best(list, 2), 1);
}
END_TEST

/* A weak signal is worse than any good one, and better than what goes; what is
 * not usable stays the worst. */
START_TEST(test_weak_and_leaving)
{
	struct ifchoice list[3] = {
		{.usable = true, .preference = 2},
		{.usable = true, .preference = 1},
		{.usable = true, .metered = true},
	};

	list[0].weak = true;
	ck_assert_uint_eq(ifchoice_best(list, 3), 1);
	list[1].leaving = true;
	ck_assert_uint_eq(ifchoice_best(list, 3), 2);
	list[2].usable = false;
	ck_assert_uint_eq(ifchoice_best(list, 3), 0);
	list[0].leaving = true;
	ck_assert_uint_eq(ifchoice_best(list, 3), 0);
	list[0].leaving = false;
	list[1] = (struct ifchoice){.usable = true, .weak = true};
	ck_assert_uint_eq(ifchoice_best(list, 3), 0);
	list[1].weak = false;
	ck_assert_uint_eq(ifchoice_best(list, 3), 1);
	list[0].weak = false;
	ck_assert_uint_eq(ifchoice_best(list, 3), 0);
}
END_TEST

/* What an interface with two prefixes, one of them not on link, has. */
static void fill(struct attach *at)
{
	memset(at, 0, sizeof(*at));
	at->state = ATTACH_ATTACHED;
	at->ra.n_prefixes = 4;
	at->ra.prefixes[0] = (struct nd_prefix){
		.prefix = a("2001:db8:1::1"), .len = 64, .on_link = true,
		.autonomous = true, .router_addr = true, .valid = 100,
	};
	at->ra.prefixes[1] = (struct nd_prefix){
		.prefix = a("2001:db8:2::"), .len = 64, .autonomous = true,
		.valid = 100,
	};
	at->ra.prefixes[2] = (struct nd_prefix){	/* withdrawn */
		.prefix = a("2001:db8:3::"), .len = 64, .on_link = true,
		.autonomous = true,
	};
	at->ra.prefixes[3] = at->ra.prefixes[0];	/* told twice */
	at->n_addrs = 4;
	at->addrs[0].addr = a("2001:db8:1::10");
	at->addrs[1].addr = a("2001:db8:2::10");
	at->addrs[2].addr = a("2001:db8:3::10");
	at->addrs[3].addr = a("2001:db8:9::10");
}

START_TEST(test_routes)
{
	const struct in6_addr gateway = a("fe80::1"), one = a("2001:db8:1::10"),
		two = a("2001:db8:2::10"), gone = a("2001:db8:3::10"),
		other = a("2001:db8:9::10");
	const struct ip6_prefix first = {a("2001:db8:1::"), 64},
		second = {a("2001:db8:2::"), 64};
	struct ifroutes r;
	struct attach at;

	fill(&at);
	ifroutes_of(&r, &at, &gateway);
	ck_assert(ip6_addr_eq(&r.gateway, &gateway));
	ck_assert_uint_eq(r.n_prefixes, 1);
	ck_assert(ifroutes_has_prefix(&r, &first));
	ck_assert(!ifroutes_has_prefix(&r, &second));
	ck_assert_uint_eq(r.n_addrs, 2);
	ck_assert(ifroutes_has_addr(&r, &one));
	ck_assert(ifroutes_has_addr(&r, &two));
	ck_assert(!ifroutes_has_addr(&r, &gone));
	ck_assert(!ifroutes_has_addr(&r, &other));
}
END_TEST

START_TEST(test_no_network_no_routes)
{
	struct ifroutes r, none = {0};
	struct attach at;

	fill(&at);
	ifroutes_of(&r, &at, &in6addr_any);
	ck_assert_int_eq(memcmp(&r, &none, sizeof(r)), 0);
}
END_TEST

/* As many as an advertisement and an interface can have. */
START_TEST(test_full)
{
	const struct in6_addr gateway = a("fe80::1");
	struct ifroutes r;
	struct attach at;
	unsigned int k;

	fill(&at);
	at.ra.n_prefixes = ND_PREFIXES_MAX;
	for (k = 0; k < ND_PREFIXES_MAX; k++) {
		at.ra.prefixes[k] = at.ra.prefixes[0];
		at.ra.prefixes[k].prefix.s6_addr[7] = (uint8_t)k;
	}
	at.n_addrs = ATTACH_ADDRS_MAX;
	for (k = 0; k < ATTACH_ADDRS_MAX; k++) {
		at.addrs[k].addr = at.ra.prefixes[k % ND_PREFIXES_MAX].prefix;
		at.addrs[k].addr.s6_addr[15] = (uint8_t)(k + 16);
	}
	ifroutes_of(&r, &at, &gateway);
	ck_assert_uint_eq(r.n_prefixes, ND_PREFIXES_MAX);
	ck_assert_uint_eq(r.n_addrs, ATTACH_ADDRS_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ifchoice");
	TCase *tc = tcase_create("ifchoice");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, test_none_is_usable);
	tcase_add_test(tc, test_order_decides_last);
	tcase_add_test(tc, test_preference_before_metered);
	tcase_add_test(tc, test_weak_and_leaving);
	tcase_add_test(tc, test_routes);
	tcase_add_test(tc, test_no_network_no_routes);
	tcase_add_test(tc, test_full);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
