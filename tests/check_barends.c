/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mn/movecourse.c and mn/movebar.c: the end of whatever was barred is acted
 * upon, whenever the timers are worked out anew. */
#include <check.h>
#include <stdlib.h>

#include "mn/moveint.h"

enum { HOMES = 2, IFACES = 2 };

static struct mn mn;
static struct move_home homes[HOMES];
static mtime clock_now, tick;	/* which each look at the clock takes */
static int soons;

mtime __wrap_loop_now(void);

mtime __wrap_loop_now(void)
{
	clock_now = mtime_add(clock_now, tick);
	return clock_now;
}

/* ---- the rest of kedge-mn */

struct move_home *move_home(const struct mn *of, const struct in6_addr *hoa)
{
	struct move_home *h = of->moves.homes;

	while (h && !ip6_addr_eq(&h->hoa, hoa))
		h = h->next;
	return h;
}

struct move_home *movework_home(struct mn *of, const struct in6_addr *hoa)
{
	return move_home(of, hoa);
}

struct mn_iface *mn_iface(struct mn *of, uint32_t ifindex)
{
	return &of->ifaces[ifindex - 1];
}

void move_soon(struct mn *of)
{
	(void)of;
	soons++;
}

int move_order(struct mn *of, const struct dp_flow_key *key, uint64_t cookie,
	       const struct mn_iface *iface)
{
	(void)of, (void)key, (void)cookie, (void)iface;
	return 0;
}

bool paths_unjudged(struct mn *of, const struct in6_addr *hoa)
{
	(void)of, (void)hoa;
	return false;
}

uint32_t paths_of(struct mn *of, const struct dp_flow_key *key, uint16_t *fid)
{
	(void)of, (void)key, (void)fid;
	return 0;
}

int paths_refused(struct mn *of, const struct dp_flow_key *key, uint32_t to,
		  uint8_t *status)
{
	(void)of, (void)key, (void)to, (void)status;
	return 0;
}

void movectl_put(struct json_object *o, const struct move_course *c)
{
	(void)o, (void)c;
}

void movectl_done(struct mn *of, const struct move_course *c, int err)
{
	(void)of, (void)c, (void)err;
}

void mn_event(struct mn *of, struct json_object *ev)
{
	(void)of, (void)ev;
}

/* ---- */

static void setup(void)
{
	unsigned int i;

	memset(&mn, 0, sizeof(mn));
	memset(homes, 0, sizeof(homes));
	tick.ns = 0;
	clock_now = MTIME_SEC(1000);
	soons = 0;
	timers_init(&mn.loop.timers);
	mn.conf.n_ifaces = IFACES;
	for (i = 0; i < HOMES; i++) {
		homes[i].hoa.s6_addr[15] = (uint8_t)(i + 1);
		homes[i].next = mn.moves.homes;
		mn.moves.homes = &homes[i];
	}
	movecourse_init(&mn);
}

static void teardown(void)
{
	mtime at;

	movecourse_stop(&mn);
	ck_assert(!timers_next(&mn.loop.timers, &at));
	timers_fini(&mn.loop.timers);
}

/* What is wanted is worked out: all is asked for once more. */
static void update(void)
{
	unsigned int i;

	for (i = 0; i < HOMES; i++)
		homes[i].again = false;
	movecourse_arm(&mn);
}

static void run(void)
{
	timers_run(&mn.loop.timers, clock_now);
}

static void sleep_until(mtime at)
{
	clock_now = at;
}

START_TEST(ends)
{
	move_bar_iface(&mn, &homes[0].hoa, 2);
	move_bar_several(&mn, &homes[1].hoa, 0);
	update();
	sleep_until(mtime_sub(homes[0].dead[1].until, MTIME_MS(1)));
	run();
	ck_assert(!homes[0].again && !soons);
	sleep_until(homes[0].dead[1].until);
	run();
	ck_assert(homes[0].again && homes[1].again);
	ck_assert_int_eq(soons, 1);
	ck_assert(!timer_armed(&mn.moves.check));
	update();
	ck_assert(!timer_armed(&mn.moves.check));
}
END_TEST

/* A suspend: what the kernel tells comes before the timers. */
START_TEST(armed_before_it_is_told)
{
	move_bar_iface(&mn, &homes[0].hoa, 2);
	update();
	sleep_until(mtime_add(clock_now, MTIME_SEC(3600)));
	movecourse_arm(&mn);
	movecourse_arm(&mn);
	run();
	ck_assert(homes[0].again);
	ck_assert_int_eq(soons, 1);
	ck_assert(!timer_armed(&mn.moves.check));
}
END_TEST

/* A new bar is none the less. */
START_TEST(barred_before_it_is_told)
{
	move_bar_iface(&mn, &homes[0].hoa, 2);
	update();
	sleep_until(homes[0].dead[1].until);
	move_bar_several(&mn, &homes[1].hoa, 0);
	run();
	ck_assert(homes[0].again);
	update();
	sleep_until(homes[1].several.until);
	run();
	ck_assert(homes[1].again);
	ck_assert_int_eq(soons, 2);
}
END_TEST

/* Of two the second ends during the update that the first one began. */
START_TEST(second_ends_meanwhile)
{
	move_bar_iface(&mn, &homes[0].hoa, 2);
	sleep_until(mtime_add(clock_now, MTIME_MS(3)));
	move_bar_iface(&mn, &homes[1].hoa, 2);
	update();
	sleep_until(homes[0].dead[1].until);
	run();
	ck_assert_int_eq(soons, 1);
	sleep_until(homes[1].dead[1].until);
	update();
	ck_assert(!homes[1].again);
	run();
	ck_assert(homes[1].again);
	ck_assert_int_eq(soons, 2);
}
END_TEST

/* Whatever the clock is when the timers are worked out, and between. */
START_TEST(at_any_moment)
{
	mtime until;
	int i, k;

	for (i = -20; i <= 20; i++) {
		teardown();
		setup();
		move_bar_iface(&mn, &homes[0].hoa, 1);
		move_bar_iface(&mn, &homes[1].hoa, 2);
		homes[0].again = homes[1].again = false;
		until = homes[0].dead[0].until;
		tick = MTIME_MS(1);
		sleep_until(mtime_add(until, (mtime){i * tick.ns}));
		for (k = 0; k < 3; k++)
			movecourse_arm(&mn);
		ck_assert(timer_armed(&mn.moves.check));
		sleep_until(mtime_add(until, MTIME_SEC(1)));
		run();
		ck_assert(homes[0].again && homes[1].again);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("barends");
	TCase *tc = tcase_create("barends");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ends);
	tcase_add_test(tc, armed_before_it_is_told);
	tcase_add_test(tc, barred_before_it_is_told);
	tcase_add_test(tc, second_ends_meanwhile);
	tcase_add_test(tc, at_any_moment);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
