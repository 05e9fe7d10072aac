/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Heartbeats against a fake world and a virtual clock: links only mn/live.o
 * and libproto (DESIGN's dependency rule).
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "mn/live.h"
#include "proto/ip6.h"

enum { INTERVAL = 10, ALLOWED = 3 };

static struct {
	unsigned int sent, missed, answered, restarted, states;
	uint32_t seq;			/* of the last request */
	struct in6_addr to;
	enum live_state state;
	uint64_t received;		/* for one of them */
	bool answers;			/* it is alive, and at once */
	int error;
} seen;

static struct timers timers;
static struct live live;
static struct in6_addr ha, other;
static mtime now;

static enum reason answer(uint32_t seq, uint16_t flags, int64_t restart)
{
	struct mh m = {.type = MH_HB, .hb = {MH_HB_R | flags, seq}};
	struct mh_opt *opt;

	if (restart >= 0) {
		opt = mh_opt_add(&m, MH_OPT_RESTART);
		opt->restart = (uint32_t)restart;
	}
	return live_response(&live, &ha, &m, now);
}

static int fake_request(void *arg, const struct live_peer *p)
{
	(void)arg;
	if (seen.error)
		return seen.error;
	seen.sent++;
	seen.seq = p->seq;
	seen.to = p->ha;
	return 0;
}

static uint64_t fake_received(void *arg, const struct in6_addr *of)
{
	(void)arg;
	return ip6_addr_eq(of, &ha) ? seen.received : 0;
}

static void fake_state(void *arg, const struct live_peer *p,
		       enum live_state old)
{
	(void)arg;
	ck_assert(p->state != old);
	seen.states++;
	seen.state = p->state;
}

static void fake_missed(void *arg, const struct live_peer *p)
{
	(void)arg, (void)p;
	seen.missed++;
}

static void fake_answered(void *arg, const struct live_peer *p)
{
	(void)arg, (void)p;
	seen.answered++;
}

static void fake_restarted(void *arg, const struct live_peer *p)
{
	(void)arg, (void)p;
	seen.restarted++;
}

static const struct live_ops ops = {
	.request = fake_request,
	.received = fake_received,
	.state = fake_state,
	.missed = fake_missed,
	.answered = fake_answered,
	.restarted = fake_restarted,
};

static void use(const struct in6_addr *a, bool active)
{
	live_begin(&live);
	if (a)
		ck_assert_int_eq(live_use(&live, a, active, 7, now), 0);
	live_end(&live, now);
}

static void run_to(int64_t s)
{
	mtime to = MTIME_SEC(s), next;

	while (timers_next(&timers, &next) && !mtime_before(to, next)) {
		unsigned int sent = seen.sent;

		now = next;
		timers_run(&timers, now);
		if (seen.answers && seen.sent != sent) {
			now = mtime_add(now, MTIME_MS(20));
			ck_assert_int_eq(answer(seen.seq, 0, 5), REASON_NONE);
		}
	}
	now = to;
}

static void setup(void)
{
	memset(&seen, 0, sizeof(seen));
	inet_pton(AF_INET6, "2001:db8:1::1", &ha);
	inet_pton(AF_INET6, "2001:db8:2::1", &other);
	timers_init(&timers);
	live_init(&live, &ops, NULL, &timers, MTIME_SEC(INTERVAL), ALLOWED);
	now = MTIME_SEC(1003);
}

static void teardown(void)
{
	live_fini(&live);
	ck_assert_uint_eq(timers.n, 0);
	timers_fini(&timers);
}

/* A binding, answered once, at 1004.02. */
static void bind_up(void)
{
	use(&ha, true);
	seen.answers = true;
	run_to(1005);
	ck_assert_int_eq(seen.state, LIVE_UP);
	ck_assert_uint_eq(seen.sent, 1);
}

START_TEST(nothing_while_idle)
{
	run_to(2000);
	ck_assert_uint_eq(seen.sent, 0);
	ck_assert_uint_eq(timers.n, 0);
	/* a binding that is not in use: RFC 5847 3 */
	use(&ha, false);
	ck_assert_uint_eq(timers.n, 0);
	run_to(3000);
	ck_assert_uint_eq(seen.sent, 0);
	use(NULL, false);
	ck_assert_ptr_null(live_find(&live, &ha));
}
END_TEST

START_TEST(one_each_interval)
{
	use(&ha, true);
	ck_assert_uint_eq(seen.sent, 0);
	seen.answers = true;
	run_to(1003);
	ck_assert_uint_eq(seen.sent, 0);
	run_to(1004);
	ck_assert_uint_eq(seen.sent, 1);
	/* 3: the number grows by one each */
	ck_assert_uint_eq(seen.seq, 8);
	run_to(1009);
	ck_assert_uint_eq(seen.sent, 1);
	run_to(1010);
	ck_assert_uint_eq(seen.sent, 2);
	run_to(1100);
	ck_assert_uint_eq(seen.sent, 11);
	ck_assert_uint_eq(seen.seq, 18);
	ck_assert_uint_eq(seen.missed, 0);
	ck_assert_int_eq(live_find(&live, &ha)->rtt.ns, MTIME_MS(20).ns);
	use(NULL, false);
	ck_assert_uint_eq(timers.n, 0);
}
END_TEST

/* Ticks are multiples of the interval: two home agents cost one wakeup. */
START_TEST(one_timer_for_all)
{
	bind_up();
	seen.answers = false;
	run_to(1007);
	live_begin(&live);
	live_use(&live, &ha, true, 0, now);
	live_use(&live, &other, true, 0, now);
	live_end(&live, now);
	ck_assert_uint_eq(timers.n, 1);
	run_to(1008);
	ck_assert_uint_eq(seen.sent, 2);
	ck_assert(ip6_addr_eq(&seen.to, &other));
	run_to(1010);
	ck_assert_uint_eq(seen.sent, 4);
	ck_assert_uint_eq(timers.n, 1);
	ck_assert_int_eq(timers.heap[0]->at.ns, MTIME_SEC(1020).ns);
}
END_TEST

START_TEST(many_bindings_one_request)
{
	unsigned int i;

	live_begin(&live);
	for (i = 0; i < 100; i++)
		live_use(&live, &ha, i == 50, 0, now);
	live_end(&live, now);
	seen.answers = true;
	run_to(1004);
	ck_assert_uint_eq(seen.sent, 1);
}
END_TEST

/* The worst case: it dies right after a tick. */
START_TEST(dead_within_the_time)
{
	bind_up();
	run_to(1020);
	seen.answers = false;
	run_to(1020 + INTERVAL * (ALLOWED + 1) - 1);
	ck_assert_int_eq(seen.state, LIVE_UP);
	ck_assert_uint_eq(seen.missed, 2);
	run_to(1020 + INTERVAL * (ALLOWED + 1));
	ck_assert_int_eq(seen.state, LIVE_DEAD);
	ck_assert_uint_eq(seen.missed, 3);
}
END_TEST

/* Two lost ones in a row, over and over, are no death: the count is reset. */
START_TEST(some_may_be_lost)
{
	int64_t t;

	bind_up();
	for (t = 1010; t < 2000; t += 30) {
		seen.answers = false;
		run_to(t + 10);
		seen.answers = true;
		run_to(t + 29);
		ck_assert_int_eq(seen.state, LIVE_UP);
	}
	ck_assert_uint_ge(seen.missed, 60);
}
END_TEST

START_TEST(dead_is_probed_slowly_and_comes_back)
{
	unsigned int sent;

	bind_up();
	seen.answers = false;
	run_to(1050);
	ck_assert_int_eq(seen.state, LIVE_DEAD);
	sent = seen.sent;
	run_to(1450);
	ck_assert_uint_ge(seen.sent - sent, 9);
	ck_assert_uint_le(seen.sent - sent, 11);
	ck_assert_uint_eq(seen.missed, 3);
	seen.answers = true;
	run_to(1491);
	ck_assert_int_eq(seen.state, LIVE_UP);
	sent = seen.sent;
	run_to(1591);
	ck_assert_uint_eq(seen.sent - sent, 10);
}
END_TEST

START_TEST(traffic_is_life)
{
	int64_t t;

	bind_up();
	seen.answers = false;
	for (t = 1006; t < 1160; t++) {
		seen.received++;
		run_to(t);
	}
	ck_assert_uint_eq(seen.sent, 1);
	/* now and then for the RTT, and it need not be answered */
	for (; t < 2000; t++) {
		seen.received++;
		run_to(t);
	}
	ck_assert_uint_ge(seen.sent, 6);
	ck_assert_uint_le(seen.sent, 7);
	ck_assert_uint_eq(seen.missed, 0);
	ck_assert_int_eq(seen.state, LIVE_UP);
	/* worst case: the last packet came right after a tick */
	run_to(2000);
	seen.received++;
	run_to(2000 + INTERVAL * (ALLOWED + 2));
	ck_assert_int_eq(seen.state, LIVE_DEAD);
	seen.received++;
	run_to(2000 + INTERVAL * (ALLOWED + 3));
	ck_assert_int_eq(seen.state, LIVE_UP);
}
END_TEST

/* A counter that falls, because a binding is gone, is no packet. */
START_TEST(fewer_packets_are_no_life)
{
	bind_up();
	seen.answers = false;
	seen.received = 1000;
	run_to(1011);
	seen.received = 10;
	run_to(1051);
	ck_assert_int_eq(seen.state, LIVE_DEAD);
}
END_TEST

START_TEST(others_are_untouched)
{
	bind_up();
	live_begin(&live);
	live_use(&live, &ha, true, 0, now);
	live_use(&live, &other, true, 0, now);
	live_end(&live, now);
	seen.answers = false;
	while (now.ns < MTIME_SEC(1100).ns) {
		run_to(mtime_sec(now) + 1);
		live_heard(&live, &other, now);
	}
	ck_assert_int_eq(live_find(&live, &ha)->state, LIVE_DEAD);
	ck_assert_int_ne(live_find(&live, &other)->state, LIVE_DEAD);
	ck_assert_uint_eq(seen.states, 2);
}
END_TEST

/* One that never answered may know no heartbeats: it is not called dead. */
START_TEST(mute)
{
	unsigned int sent;

	use(&ha, true);
	run_to(1100);
	ck_assert_int_eq(seen.state, LIVE_MUTE);
	sent = seen.sent;
	run_to(2060);
	ck_assert_uint_le(seen.sent - sent, 960 / 160 + 1);
	ck_assert_uint_ge(seen.sent - sent, 5);
	seen.answers = true;
	run_to(2400);
	ck_assert_int_eq(seen.state, LIVE_UP);
}
END_TEST

/* RFC 5847 3: a Binding Error with status 2: not again with that one, for long;
 * it may be a stranger's. */
START_TEST(refused)
{
	unsigned int sent;

	use(&ha, true);
	ck_assert(!live_refused(&live, &ha, now));	/* it was not asked */
	run_to(1004);
	ck_assert(live_refused(&live, &ha, now));
	ck_assert_int_eq(seen.state, LIVE_MUTE);
	sent = seen.sent;
	run_to(1004 + LIVE_REFUSED - 1);
	ck_assert_uint_eq(seen.sent, sent);
	ck_assert_int_eq(live_probe(&live, &ha, now), -ENOENT);
	ck_assert(!live_refused(&live, &other, now));
	run_to(1004 + LIVE_REFUSED);
	ck_assert_uint_eq(seen.sent, sent + 1);
	ck_assert(live_refused(&live, &ha, now));
	ck_assert(!live_refused(&live, &ha, now));	/* told twice */
	run_to(6000);
	ck_assert_uint_eq(seen.sent, sent + 1);
	/* its answer to that one came late */
	ck_assert_int_eq(answer(seen.seq, 0, 5), REASON_NONE);
	ck_assert_int_eq(seen.state, LIVE_UP);
	run_to(6000 + INTERVAL);
	ck_assert_uint_eq(seen.sent, sent + 2);
}
END_TEST

/* Anybody can send that. */
START_TEST(refused_is_forged)
{
	bind_up();
	seen.answers = false;
	run_to(1010);
	ck_assert(!live_refused(&live, &ha, now));
	ck_assert_int_eq(seen.state, LIVE_UP);
}
END_TEST

/* RFC 5847 3.1: matched by the sequence number */
START_TEST(sequence)
{
	bind_up();
	seen.answers = false;
	run_to(1010);
	ck_assert_int_eq(answer(seen.seq + 1, 0, 5), REASON_HB_UNMATCHED);
	ck_assert_int_eq(answer(seen.seq - 1, 0, 5), REASON_HB_UNMATCHED);
	ck_assert_int_eq(answer(seen.seq, 0, 5), REASON_NONE);
	ck_assert_int_eq(answer(seen.seq, 0, 5), REASON_HB_UNMATCHED);
	/* late, when another one is under way: life, but no RTT */
	run_to(1031);
	now = mtime_add(now, MTIME_SEC(1));
	ck_assert_int_eq(answer(seen.seq - 1, 0, 5), REASON_NONE);
	ck_assert_int_eq(live_find(&live, &ha)->rtt.ns, 0);
	ck_assert_uint_eq(live_find(&live, &ha)->missing, 0);
}
END_TEST

/* RFC 5847 3.2 */
START_TEST(restart)
{
	bind_up();
	run_to(1100);
	ck_assert_uint_eq(seen.restarted, 0);
	seen.answers = false;
	run_to(1110);
	ck_assert_int_eq(answer(seen.seq, 0, 6), REASON_NONE);
	ck_assert_uint_eq(seen.restarted, 1);
	run_to(1120);
	ck_assert_int_eq(answer(seen.seq, 0, 6), REASON_NONE);
	ck_assert_uint_eq(seen.restarted, 1);
	/* unsolicited: the number is ignored */
	ck_assert_int_eq(answer(4711, MH_HB_U, 7), REASON_NONE);
	ck_assert_uint_eq(seen.restarted, 2);
	/* without the option nothing is learnt, nor forgotten */
	ck_assert_int_eq(answer(0, MH_HB_U, -1), REASON_NONE);
	ck_assert_int_eq(answer(0, MH_HB_U, 7), REASON_NONE);
	ck_assert_uint_eq(seen.restarted, 2);
}
END_TEST

START_TEST(own_moves_do_not_count)
{
	bind_up();
	seen.answers = false;
	run_to(1010);
	live_moved(&live);
	run_to(1020);
	ck_assert_uint_eq(seen.missed, 0);
	/* no care-of address for a while */
	use(&ha, false);
	run_to(1200);
	use(&ha, true);
	run_to(1209);
	ck_assert_uint_eq(seen.missed, 0);
	ck_assert_int_eq(live_find(&live, &ha)->state, LIVE_UP);
	run_to(1241);
	ck_assert_int_eq(live_find(&live, &ha)->state, LIVE_DEAD);
}
END_TEST

/* The machine was suspended: the clock went on, and answers were lost. */
START_TEST(sleep_does_not_count)
{
	int i;

	bind_up();
	seen.answers = false;
	for (i = 1; i < 10; i++) {
		run_to(1000 + 1000 * i + 10);
		now = MTIME_SEC(1000 + 1000 * (i + 1) + 5);
		if (i == 1)
			ck_assert_int_eq(seen.state, LIVE_DEAD);
	}
	seen.answers = true;
	run_to(11100);
	seen.answers = false;
	for (i = 12; i < 20; i++) {
		now = MTIME_SEC(1000 * i + 5);
		timers_run(&timers, now);
	}
	ck_assert_int_eq(seen.state, LIVE_UP);
}
END_TEST

/* What could not be sent is nobody's fault but ours. */
START_TEST(sending_fails)
{
	bind_up();
	seen.error = -ENETUNREACH;
	run_to(1200);
	ck_assert_uint_eq(seen.missed, 0);
	ck_assert_int_eq(live_probe(&live, &ha, now), -EIO);
	seen.error = 0;
	ck_assert_int_eq(live_probe(&live, &ha, now), 0);
	ck_assert_int_eq(live_probe(&live, &other, now), -ENOENT);
}
END_TEST

START_TEST(off)
{
	bind_up();
	live_configure(&live, (mtime){0}, ALLOWED, now);
	ck_assert_uint_eq(timers.n, 0);
	run_to(2000);
	ck_assert_uint_eq(seen.sent, 1);
	seen.answers = false;
	live_configure(&live, MTIME_SEC(1), 1, now);
	run_to(2002);
	ck_assert_int_eq(seen.state, LIVE_DEAD);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("live");
	TCase *tc = tcase_create("live");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_while_idle);
	tcase_add_test(tc, one_each_interval);
	tcase_add_test(tc, one_timer_for_all);
	tcase_add_test(tc, many_bindings_one_request);
	tcase_add_test(tc, dead_within_the_time);
	tcase_add_test(tc, some_may_be_lost);
	tcase_add_test(tc, dead_is_probed_slowly_and_comes_back);
	tcase_add_test(tc, traffic_is_life);
	tcase_add_test(tc, fewer_packets_are_no_life);
	tcase_add_test(tc, others_are_untouched);
	tcase_add_test(tc, mute);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, refused_is_forged);
	tcase_add_test(tc, sequence);
	tcase_add_test(tc, restart);
	tcase_add_test(tc, own_moves_do_not_count);
	tcase_add_test(tc, sleep_does_not_count);
	tcase_add_test(tc, sending_fails);
	tcase_add_test(tc, off);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
