/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Movement detection against a fake world: links only mn/attach.o and
 * libproto. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mn/attach.h"

static struct {
	unsigned int solicited, detached, attached, probed;
	struct in6_addr coa;
	unsigned int addrs_at_detach;
} seen;

static struct timers timers;
static struct attach at;
static struct in6_addr router1, router2;

static void fake_solicit(void *arg, struct attach *a)
{
	(void)arg, (void)a;
	seen.solicited++;
}

static void fake_detached(void *arg, struct attach *a)
{
	(void)arg;
	seen.detached++;
	seen.addrs_at_detach = a->n_addrs;
}

static void fake_attached(void *arg, struct attach *a)
{
	(void)arg;
	seen.attached++;
	seen.coa = a->coa;
}

static void fake_probe(void *arg, struct attach *a)
{
	(void)arg, (void)a;
	seen.probed++;
}

static void fake_state(void *arg, struct attach *a, enum attach_state old)
{
	(void)arg;
	ck_assert(a->state != old);
}

static const struct attach_ops ops = {
	.solicit = fake_solicit, .detached = fake_detached,
	.attached = fake_attached, .probe = fake_probe, .state = fake_state,
};

static mtime ms(int64_t n)
{
	return MTIME_MS(1000000 + n);
}

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static struct nd_ra ra_of(const char *prefix)
{
	struct nd_ra ra = {.lifetime = 1800, .n_prefixes = 1};

	ra.prefixes[0] = (struct nd_prefix){
		.prefix = addr(prefix), .len = 64, .on_link = true,
		.autonomous = true, .valid = 3600, .preferred = 1800,
	};
	return ra;
}

static void give_ra(const struct in6_addr *router, const char *prefix, int t)
{
	struct nd_ra ra = ra_of(prefix);

	attach_ra(&at, router, &ra, ms(t));
}

static void give_addr(const char *text, bool usable, int t)
{
	struct attach_addr a = {.addr = addr(text), .prefix_len = 64,
				.usable = usable};

	attach_addr(&at, &a, ms(t));
}

static void setup(void)
{
	memset(&seen, 0, sizeof(seen));
	router1 = addr("fe80::1");
	router2 = addr("fe80::2");
	timers_init(&timers);
	attach_init(&at, &ops, NULL, &timers, 7);
}

static void teardown(void)
{
	attach_fini(&at);
	timers_fini(&timers);
}

static void attach_at_1(void)
{
	attach_link(&at, true, ms(0));
	give_ra(&router1, "2001:db8:1::1", 10);
	give_addr("2001:db8:1::10", true, 11);
	ck_assert_int_eq(at.state, ATTACH_ATTACHED);
}

START_TEST(straight)
{
	attach_link(&at, true, ms(0));
	ck_assert_uint_eq(seen.solicited, 1);
	ck_assert_int_eq(at.state, ATTACH_SOLICITING);
	give_ra(&router1, "2001:db8:1::1", 10);
	ck_assert_int_eq(at.state, ATTACH_CONFIGURING);
	give_addr("2001:db8:1::10", false, 11);		/* tentative */
	ck_assert_uint_eq(seen.attached, 0);
	give_addr("2001:db8:1::10", true, 12);
	ck_assert_uint_eq(seen.attached, 1);
	ck_assert(at.state == ATTACH_ATTACHED);
	/* the same again is no news */
	give_addr("2001:db8:1::10", true, 1000);
	give_ra(&router1, "2001:db8:1::1", 1001);
	ck_assert_uint_eq(seen.attached, 1);
	ck_assert(!timer_armed(&at.timer));
}
END_TEST

START_TEST(address_before_ra)
{
	struct in6_addr want = addr("2001:db8:1::10");

	attach_link(&at, true, ms(0));
	give_addr("2001:db8:9::10", true, 1);	/* of another network */
	give_addr("2001:db8:1::10", true, 1);
	ck_assert_uint_eq(seen.attached, 0);
	give_ra(&router1, "2001:db8:1::1", 2);
	ck_assert_uint_eq(seen.attached, 1);
	ck_assert_mem_eq(&seen.coa, &want, 16);
}
END_TEST

START_TEST(solicits_until_answered)
{
	static const int when[] = {250, 750, 1750, 3750, 7750};
	unsigned int i;

	attach_link(&at, true, ms(0));
	for (i = 0; i < 5; i++) {
		timers_run(&timers, ms(when[i] - 1));
		ck_assert_uint_eq(seen.solicited, i + 1);
		timers_run(&timers, ms(when[i]));
		ck_assert_uint_eq(seen.solicited, i + 2);
	}
	attach_link(&at, false, ms(8000));
	ck_assert(!timer_armed(&at.timer));
}
END_TEST

START_TEST(link_down_and_up)
{
	attach_at_1();
	attach_link(&at, false, ms(100));
	ck_assert_uint_eq(seen.detached, 1);
	ck_assert_uint_eq(seen.addrs_at_detach, 1);
	attach_link(&at, false, ms(101));
	ck_assert_uint_eq(seen.detached, 1);
	attach_link(&at, true, ms(200));
	/* the old address must not be taken for one of the new network, even
	 * if it is the same network */
	give_ra(&router1, "2001:db8:1::1", 210);
	ck_assert_int_eq(at.state, ATTACH_CONFIGURING);
	give_addr("2001:db8:1::10", true, 220);
	ck_assert_uint_eq(seen.attached, 2);
}
END_TEST

START_TEST(permanent_addresses_stay)
{
	struct attach_addr own = {.addr = addr("2001:db8:5::5"),
				  .prefix_len = 64, .usable = true,
				  .permanent = true};

	attach_at_1();
	attach_addr(&at, &own, ms(20));
	attach_link(&at, false, ms(100));
	ck_assert_uint_eq(at.n_addrs, 1);
	attach_link(&at, true, ms(200));
	give_ra(&router2, "2001:db8:5::1", 210);
	ck_assert_int_eq(at.state, ATTACH_ATTACHED);
}
END_TEST

START_TEST(second_router_of_the_link)
{
	attach_at_1();
	give_ra(&router2, "2001:db8:1::2", 100);	/* same prefix */
	ck_assert_uint_eq(seen.detached, 0);
	ck_assert_uint_eq(seen.probed, 0);
}
END_TEST

START_TEST(moved_without_link_event)
{
	struct in6_addr want = addr("2001:db8:2::10");

	attach_at_1();
	give_ra(&router2, "2001:db8:2::1", 100);
	ck_assert_uint_eq(seen.probed, 1);
	ck_assert_uint_eq(seen.detached, 0);
	give_ra(&router2, "2001:db8:2::1", 150);
	ck_assert_uint_eq(seen.probed, 1);
	give_addr("2001:db8:2::10", true, 160);
	ck_assert_uint_eq(seen.attached, 1);
	attach_router_failed(&at, &router1, ms(3100));
	ck_assert_uint_eq(seen.detached, 1);
	ck_assert_int_eq(at.state, ATTACH_CONFIGURING);
	give_addr("2001:db8:2::10", true, 3110);
	ck_assert_uint_eq(seen.attached, 2);
	ck_assert_mem_eq(&seen.coa, &want, 16);
}
END_TEST

/* Another access point, the carrier stayed: routers are asked for at once. */
START_TEST(joined)
{
	attach_joined(&at);
	attach_link(&at, true, ms(0));
	attach_joined(&at);
	ck_assert_uint_eq(seen.solicited, 1);	/* it is, by itself */
	attach_fini(&at);
	attach_init(&at, &ops, NULL, &timers, 7);
	attach_at_1();
	seen.solicited = seen.probed = 0;
	attach_joined(&at);
	ck_assert_uint_eq(seen.solicited, 1);
	ck_assert_uint_eq(seen.probed, 1);
	ck_assert_int_eq(at.state, ATTACH_ATTACHED);
}
END_TEST

START_TEST(two_routers_both_alive)
{
	attach_at_1();
	give_ra(&router2, "2001:db8:2::1", 100);
	attach_router_failed(&at, &router2, ms(200));
	ck_assert_int_eq(at.state, ATTACH_ATTACHED);
	ck_assert_uint_eq(seen.detached, 0);
}
END_TEST

/* It was on the link that we left: later it is nowhere to go to. */
START_TEST(candidate_not_there)
{
	attach_at_1();
	give_ra(&router2, "2001:db8:2::1", 100);
	attach_candidate_failed(&at, &router1);	/* which is none */
	ck_assert(at.has_candidate);
	attach_candidate_failed(&at, &router2);
	attach_router_failed(&at, &router1, ms(9000));
	ck_assert_int_eq(at.state, ATTACH_SOLICITING);
	ck_assert(IN6_IS_ADDR_UNSPECIFIED(&at.router));
}
END_TEST

START_TEST(every_router_is_fe80_1)
{
	struct nd_ra one = ra_of("2001:db8:1::1"), two = ra_of("2001:db8:2::1");

	one.has_slla = two.has_slla = true;
	one.slla[5] = 1;
	two.slla[5] = 2;
	attach_link(&at, true, ms(0));
	attach_ra(&at, &router1, &one, ms(1));
	give_addr("2001:db8:1::10", true, 2);
	attach_ra(&at, &router1, &two, ms(100));
	ck_assert_uint_eq(seen.detached, 1);
	ck_assert_int_eq(at.state, ATTACH_CONFIGURING);
	give_addr("2001:db8:2::10", true, 101);
	ck_assert_uint_eq(seen.attached, 2);
}
END_TEST

START_TEST(router_gone)
{
	attach_at_1();
	attach_router_failed(&at, &router1, ms(1000));
	ck_assert_uint_eq(seen.detached, 1);
	ck_assert_int_eq(at.state, ATTACH_SOLICITING);
	ck_assert_uint_eq(seen.solicited, 2);
}
END_TEST

START_TEST(address_replaced)
{
	attach_at_1();
	struct in6_addr first = at.coa;

	give_addr("2001:db8:1::20", true, 50);
	ck_assert_uint_eq(seen.attached, 1);
	attach_addr_gone(&at, &first, ms(60));
	ck_assert_uint_eq(seen.attached, 2);
	first = at.coa;
	attach_addr_gone(&at, &first, ms(70));
	ck_assert_int_eq(at.state, ATTACH_CONFIGURING);
}
END_TEST

START_TEST(useless_ra)
{
	struct nd_ra ra = ra_of("2001:db8:1::1");

	attach_link(&at, true, ms(0));
	ra.prefixes[0].autonomous = false;
	attach_ra(&at, &router1, &ra, ms(1));
	ck_assert_int_eq(at.state, ATTACH_SOLICITING);
	ra.n_prefixes = 0;
	attach_ra(&at, &router1, &ra, ms(1));
	ck_assert_int_eq(at.state, ATTACH_SOLICITING);
	ck_assert(timer_armed(&at.timer));
}
END_TEST

START_TEST(many_addresses)
{
	char text[64];
	int i;

	attach_at_1();
	for (i = 0; i < 3 * ATTACH_ADDRS_MAX; i++) {
		snprintf(text, sizeof(text), "2001:db8:1::%x", 0x100 + i);
		give_addr(text, true, 100 + i);
	}
	ck_assert_uint_eq(at.n_addrs, ATTACH_ADDRS_MAX);
	ck_assert_uint_eq(seen.attached, 1);
}
END_TEST

START_TEST(deprecated)
{
	struct attach_addr a = {.addr = addr("2001:db8:1::10"),
				.prefix_len = 64, .usable = true,
				.deprecated = true};
	struct in6_addr expect;

	/* RFC 6275 11.5.3: another one is formed, if there is one */
	attach_at_1();
	attach_addr(&at, &a, ms(100));
	ck_assert_uint_eq(seen.attached, 1);
	give_addr("2001:db8:1::11", true, 200);
	ck_assert_uint_eq(seen.attached, 2);
	expect = addr("2001:db8:1::11");
	ck_assert_mem_eq(&seen.coa, &expect, 16);
}
END_TEST

START_TEST(withdrawn_prefix)
{
	struct nd_ra ra = ra_of("2001:db8:1::1");
	struct in6_addr expect;

	attach_at_1();
	ra.n_prefixes = 2;
	ra.prefixes[1] = ra.prefixes[0];
	ra.prefixes[1].prefix = addr("2001:db8:11::1");
	attach_ra(&at, &router1, &ra, ms(100));
	give_addr("2001:db8:11::10", true, 110);
	ck_assert_uint_eq(seen.attached, 1);
	/* RFC 6275 11.5.4: its prefix is advertised no more */
	ra.prefixes[0].valid = ra.prefixes[0].preferred = 0;
	attach_ra(&at, &router1, &ra, ms(200));
	ck_assert_uint_eq(seen.attached, 2);
	expect = addr("2001:db8:11::10");
	ck_assert_mem_eq(&seen.coa, &expect, 16);
}
END_TEST

START_TEST(no_default_router)
{
	struct nd_ra ra = ra_of("2001:db8:1::1");

	/* RFC 6275 11.5.4: the care-of address is of a default router's net */
	ra.lifetime = 0;
	attach_link(&at, true, ms(0));
	attach_ra(&at, &router1, &ra, ms(10));
	ck_assert_int_eq(at.state, ATTACH_SOLICITING);
}
END_TEST

START_TEST(missing_advertisements)
{
	struct nd_ra ra = ra_of("2001:db8:1::1");
	unsigned int i;

	/* RFC 6275 11.5.1: the Advertisement Interval as a hint */
	ra.adv_interval = 500;
	attach_link(&at, true, ms(0));
	for (i = 0; i < 10; i++) {
		timers_run(&timers, ms(i * 1400));
		attach_ra(&at, &router1, &ra, ms(i * 1400));
	}
	timers_run(&timers, ms(9 * 1400 + 1499));
	ck_assert_uint_eq(seen.probed, 0);
	timers_run(&timers, ms(9 * 1400 + 1500));
	ck_assert_uint_eq(seen.probed, 1);
	/* it may be there all the same */
	timers_run(&timers, ms(9 * 1400 + 11499));
	ck_assert_uint_eq(seen.probed, 1);
	timers_run(&timers, ms(9 * 1400 + 11500));
	ck_assert_uint_eq(seen.probed, 2);
	ck_assert_uint_eq(seen.detached, 0);
	attach_link(&at, false, ms(30000));
	timers_run(&timers, ms(90000));
	ck_assert_uint_eq(seen.probed, 2);
}
END_TEST

START_TEST(valid_until)
{
	struct attach_addr a = {.addr = addr("2001:db8:1::10"),
				.prefix_len = 64, .usable = true,
				.valid_until = ms(5000)};

	attach_link(&at, true, ms(0));
	attach_addr(&at, &a, ms(1));
	ck_assert_int_eq(attach_valid_until(&at, &a.addr).ns, ms(5000).ns);
	ck_assert_int_eq(attach_valid_until(&at, &router1).ns,
			 MTIME_NEVER.ns);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attach");
	TCase *tc = tcase_create("attach");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, straight);
	tcase_add_test(tc, address_before_ra);
	tcase_add_test(tc, solicits_until_answered);
	tcase_add_test(tc, link_down_and_up);
	tcase_add_test(tc, permanent_addresses_stay);
	tcase_add_test(tc, second_router_of_the_link);
	tcase_add_test(tc, moved_without_link_event);
	tcase_add_test(tc, joined);
	tcase_add_test(tc, two_routers_both_alive);
	tcase_add_test(tc, candidate_not_there);
	tcase_add_test(tc, every_router_is_fe80_1);
	tcase_add_test(tc, router_gone);
	tcase_add_test(tc, address_replaced);
	tcase_add_test(tc, useless_ra);
	tcase_add_test(tc, many_addresses);
	tcase_add_test(tc, deprecated);
	tcase_add_test(tc, withdrawn_prefix);
	tcase_add_test(tc, no_default_router);
	tcase_add_test(tc, missing_advertisements);
	tcase_add_test(tc, valid_until);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
