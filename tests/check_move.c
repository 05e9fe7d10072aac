/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which interface a home address and each of its flows is to use. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mn/bar.h"
#include "mn/way.h"

enum { ETH, WLAN, WWAN, IFACES };

static struct way_iface ifaces[IFACES];
static struct policy_way rule;
static struct way_wish wish;
static enum move_why why;

static void setup(void)
{
	ifaces[ETH] = (struct way_iface){
		.name = "eth0", .preference = 30, .attached = true};
	ifaces[WLAN] = (struct way_iface){
		.name = "wlan0", .preference = 20, .attached = true};
	ifaces[WWAN] = (struct way_iface){
		.name = "wwan0", .preference = 10, .attached = true,
		.metered = true};
	rule = (struct policy_way){0};
	wish = (struct way_wish){.hand = -1, .home = -1};
}

static void prefer(const char *a, const char *b)
{
	rule.n_prefer = b ? 2 : 1;
	strcpy(rule.prefer[0], a);
	if (b)
		strcpy(rule.prefer[1], b);
	wish.rule = &rule;
}

static void never(const char *a)
{
	strcpy(rule.never[rule.n_never++], a);
	wish.rule = &rule;
}

static void expect(int to, enum move_why because)
{
	int k = way_choose(ifaces, IFACES, &wish, &why);

	ck_assert_msg(k == to && why == because, "%d, %s instead of %d, %s", k,
		      move_why_str(why), to, move_why_str(because));
}

START_TEST(order)
{
	expect(ETH, MOVE_WHY_PREFERRED);
	wish.home = WLAN;
	expect(WLAN, MOVE_WHY_HOME);
	prefer("wwan0", NULL);
	expect(WWAN, MOVE_WHY_POLICY);
	ifaces[WWAN].leaving = true;
	expect(WLAN, MOVE_WHY_PREPARE);
	wish.hand = ETH;
	expect(ETH, MOVE_WHY_HAND);
}
END_TEST

START_TEST(failover)
{
	ifaces[ETH].attached = false;
	expect(WLAN, MOVE_WHY_FAILOVER);
	wish.home = WLAN;
	expect(WLAN, MOVE_WHY_HOME);
	wish.hand = ETH;
	expect(WLAN, MOVE_WHY_FAILOVER);
	ifaces[ETH].attached = true;
	expect(ETH, MOVE_WHY_HAND);
	wish.hand = -1;
	prefer("wwan0", "eth0");
	ifaces[WWAN].attached = false;
	expect(ETH, MOVE_WHY_FAILOVER);
	ifaces[WWAN].attached = true;
	expect(WWAN, MOVE_WHY_POLICY);
}
END_TEST

START_TEST(none_attached)
{
	ifaces[ETH].attached = ifaces[WLAN].attached = false;
	ifaces[WWAN].attached = false;
	expect(-1, MOVE_WHY_NONE);
	wish.hand = ETH;
	expect(-1, MOVE_WHY_NONE);
}
END_TEST

/* What is about to go is better than nothing. */
START_TEST(prepare)
{
	ifaces[ETH].leaving = true;
	expect(WLAN, MOVE_WHY_PREPARE);
	wish.home = ETH;
	expect(WLAN, MOVE_WHY_PREPARE);
	ifaces[WLAN].attached = ifaces[WWAN].attached = false;
	expect(ETH, MOVE_WHY_HOME);
}
END_TEST

/* The later word holds: a notice moves what was put there by hand; an order
 * that was given in spite of it does not care. */
START_TEST(notice_and_hand)
{
	wish.hand = ETH;
	ifaces[ETH].leaving = true;
	expect(WLAN, MOVE_WHY_PREPARE);
	wish.insists = true;
	expect(ETH, MOVE_WHY_HAND);
}
END_TEST

/* A weak signal is worse than a good one, and better than what goes. */
START_TEST(signal_and_hand)
{
	ifaces[ETH].weak = true;
	expect(WLAN, MOVE_WHY_SIGNAL);
	wish.home = ETH;
	expect(WLAN, MOVE_WHY_SIGNAL);
	ifaces[WLAN].leaving = ifaces[WWAN].leaving = true;
	expect(ETH, MOVE_WHY_HOME);
	ifaces[WLAN].leaving = false;
	ifaces[WLAN].weak = ifaces[WWAN].weak = true;
	expect(ETH, MOVE_WHY_HOME);
	ifaces[WLAN].weak = false;
	ifaces[ETH].leaving = true;
	expect(WLAN, MOVE_WHY_PREPARE);
	wish.hand = ETH;
	wish.insists = true;
	expect(ETH, MOVE_WHY_HAND);
}
END_TEST

START_TEST(never_strict)
{
	never("wwan0");
	expect(ETH, MOVE_WHY_PREFERRED);
	wish.home = WWAN;
	expect(ETH, MOVE_WHY_POLICY);
	ifaces[ETH].attached = false;
	expect(WLAN, MOVE_WHY_FAILOVER);
	ifaces[WLAN].attached = false;
	expect(-1, MOVE_WHY_NONE);
	wish.hand = WWAN;
	expect(WWAN, MOVE_WHY_HAND);
}
END_TEST

START_TEST(unmetered)
{
	rule.unmetered = true;
	wish.rule = &rule;
	wish.home = WWAN;
	expect(ETH, MOVE_WHY_POLICY);
	ifaces[ETH].attached = ifaces[WLAN].attached = false;
	expect(WWAN, MOVE_WHY_FAILOVER);
	ifaces[WLAN].attached = true;
	expect(WLAN, MOVE_WHY_FAILOVER);
}
END_TEST

/* Of equal preference, as new flows have it (ifchoice.c). */
START_TEST(equals)
{
	ifaces[ETH].preference = ifaces[WLAN].preference = 10;
	ifaces[ETH].metered = true;
	expect(WLAN, MOVE_WHY_PREFERRED);
	ifaces[ETH].metered = false;
	expect(ETH, MOVE_WHY_PREFERRED);
}
END_TEST

START_TEST(not_configured)
{
	prefer("usb0", NULL);
	expect(ETH, MOVE_WHY_PREFERRED);
}
END_TEST

/* ---- all flows of a home address */

static struct way_flow flows[PATHS_FLOWS_MAX + 8];
static struct way_plan plan;

static void plan_for(unsigned int n)
{
	way_plan(ifaces, IFACES, &wish, flows, n, &plan);
}

static void clear_flows(void)
{
	unsigned int i;

	for (i = 0; i < PATHS_FLOWS_MAX + 8; i++)
		flows[i] = (struct way_flow){.wish.hand = -1};
}

START_TEST(one_of_four)
{
	clear_flows();
	wish.home = ETH;
	flows[2].wish.hand = WLAN;
	plan_for(4);
	ck_assert_int_eq(plan.to, ETH);
	ck_assert_int_eq(plan.why, MOVE_WHY_HOME);
	ck_assert_uint_eq(plan.n_own, 1);
	ck_assert(flows[2].own && flows[2].to == WLAN);
	ck_assert_int_eq(flows[2].why, MOVE_WHY_HAND);
	ck_assert(!flows[0].own && !flows[1].own && !flows[3].own);
	ck_assert_int_eq(flows[3].why, MOVE_WHY_HOME);
}
END_TEST

/* What was said of the home address holds for its flows, but for those of
 * which something was said. */
START_TEST(whole_by_hand)
{
	clear_flows();
	wish.home = ETH;
	wish.hand = WWAN;
	prefer("wlan0", NULL);
	flows[0].wish.rule = &rule;
	flows[1].wish.hand = WLAN;
	plan_for(2);
	ck_assert_int_eq(plan.to, WWAN);
	ck_assert(!flows[0].own && flows[0].to == WWAN);
	ck_assert(flows[1].own && flows[1].to == WLAN);
}
END_TEST

/* A rule about flows is none about the home address. */
START_TEST(rule_of_home)
{
	clear_flows();
	wish.home = ETH;
	never("eth0");
	plan_for(0);
	ck_assert_int_eq(plan.to, ETH);
}
END_TEST

START_TEST(agreed)
{
	clear_flows();
	prefer("wlan0", NULL);
	flows[0].wish.rule = flows[1].wish.rule = &rule;
	wish.rule = NULL;
	plan_for(2);	/* away */
	ck_assert_int_eq(plan.to, WLAN);
	ck_assert(plan.by_flows);
	ck_assert_uint_eq(plan.n_own, 0);
	wish.home = ETH;
	plan_for(2);	/* new flows begin there */
	ck_assert_int_eq(plan.to, ETH);
	ck_assert(!plan.by_flows);
	ck_assert_uint_eq(plan.n_own, 2);
	wish.home = -1;
	plan_for(3);	/* the third does not */
	ck_assert_int_eq(plan.to, ETH);
	ck_assert_uint_eq(plan.n_own, 2);
}
END_TEST

START_TEST(too_many)
{
	unsigned int i;

	clear_flows();
	wish.home = ETH;
	prefer("wlan0", NULL);
	for (i = 0; i < PATHS_FLOWS_MAX + 2; i++)
		flows[i].wish.rule = &rule;
	flows[PATHS_FLOWS_MAX + 1].wish.hand = WWAN;
	wish.rule = NULL;
	plan_for(PATHS_FLOWS_MAX + 2);
	ck_assert_uint_eq(plan.n_own, PATHS_FLOWS_MAX);
	ck_assert_uint_eq(plan.left_out, 2);
	ck_assert(flows[PATHS_FLOWS_MAX + 1].own);
	ck_assert(flows[PATHS_FLOWS_MAX - 2].own);
	ck_assert(!flows[PATHS_FLOWS_MAX - 1].own);
}
END_TEST

/* Strictly "never", with nothing else: it has a way of its own, which is
 * none. */
START_TEST(waits)
{
	clear_flows();
	wish.home = WWAN;
	ifaces[ETH].attached = ifaces[WLAN].attached = false;
	never("wwan0");
	flows[0].wish.rule = &rule;
	wish.rule = NULL;
	plan_for(2);
	ck_assert_int_eq(plan.to, WWAN);
	ck_assert(flows[0].own && flows[0].to == -1);
	ck_assert(!flows[1].own);
	/* all of them, away: no reason to leave the home address nowhere */
	wish.home = -1;
	plan_for(1);
	ck_assert_int_eq(plan.to, WWAN);
	ck_assert(flows[0].own);
}
END_TEST

/* Longer each time, up to a limit; what works begins anew. */
START_TEST(bars)
{
	struct bar b = {0};
	mtime now = MTIME_SEC(1000);

	ck_assert(!bar_holds(&b, now));
	ck_assert_int_eq(bar_ends(&b, now).ns, 0);
	bar_set(&b, MTIME_SEC(60), MTIME_SEC(200), now);
	ck_assert(bar_holds(&b, MTIME_SEC(1059)));
	ck_assert_int_eq(bar_ends(&b, now).ns, MTIME_SEC(1060).ns);
	ck_assert(!bar_holds(&b, MTIME_SEC(1060)));
	ck_assert_int_eq(bar_ends(&b, MTIME_SEC(1060)).ns, 0);
	bar_set(&b, MTIME_SEC(60), MTIME_SEC(200), now);
	ck_assert_int_eq(b.pause.ns, MTIME_SEC(120).ns);
	bar_set(&b, MTIME_SEC(60), MTIME_SEC(200), now);
	ck_assert_int_eq(b.pause.ns, MTIME_SEC(200).ns);
	bar_clear(&b);
	ck_assert(!bar_holds(&b, now));
	bar_set(&b, MTIME_SEC(60), MTIME_SEC(200), now);
	ck_assert_int_eq(b.pause.ns, MTIME_SEC(60).ns);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("move");
	TCase *tc = tcase_create("way");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, bars);
	tcase_add_test(tc, order);
	tcase_add_test(tc, failover);
	tcase_add_test(tc, none_attached);
	tcase_add_test(tc, prepare);
	tcase_add_test(tc, notice_and_hand);
	tcase_add_test(tc, signal_and_hand);
	tcase_add_test(tc, never_strict);
	tcase_add_test(tc, unmetered);
	tcase_add_test(tc, equals);
	tcase_add_test(tc, not_configured);
	tcase_add_test(tc, one_of_four);
	tcase_add_test(tc, whole_by_hand);
	tcase_add_test(tc, rule_of_home);
	tcase_add_test(tc, agreed);
	tcase_add_test(tc, too_many);
	tcase_add_test(tc, waits);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
