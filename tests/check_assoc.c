/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The association machine against a fake world: links only mn/assoc.o and
 * libproto (DESIGN's dependency rule).
 */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mn/assoc.h"
#include "proto/ip6.h"

static struct {
	unsigned int begun, ended, told, failed, refused;
	uint32_t ended_id;
	struct in6_addr source, ha;	/* of the last one begun */
	bool no_memory;
} seen;

static struct timers timers;
static struct assocs assocs;
static struct in6_addr hoa1, hoa2, ha1, ha2, coa1, coa2;
static uint32_t last_id;

static uint32_t fake_initiate(void *arg, struct assoc *a)
{
	const struct assoc *b;
	unsigned int busy = 0;

	(void)arg;
	ck_assert(!IN6_IS_ADDR_UNSPECIFIED(&a->source));
	ck_assert_uint_eq(a->attempt, 0);
	for (b = assocs.list; b; b = b->next) {
		busy += b->attempt != 0;
		ck_assert(!b->attempt || !ip6_addr_eq(&b->ha, &a->ha));
	}
	ck_assert_uint_lt(busy, ASSOC_BUSY_MAX);
	if (seen.no_memory)
		return 0;
	seen.begun++;
	seen.source = a->source;
	seen.ha = a->ha;
	return ++last_id;
}

static void fake_end(void *arg, struct assoc *a, uint32_t id, bool told)
{
	(void)arg, (void)a;
	seen.ended++;
	seen.ended_id = id;
	seen.told += told;
}

static void fake_state(void *arg, struct assoc *a, enum assoc_state old)
{
	(void)arg;
	ck_assert(a->state != old);
	/* a timer runs where it should and nowhere else */
	ck_assert(timer_armed(&a->timer) == (a->state == ASSOC_FAILED));
}

static void fake_failed(void *arg, struct assoc *a)
{
	(void)arg, (void)a;
	seen.failed++;
}

static void fake_refused(void *arg, struct assoc *a)
{
	(void)arg, (void)a;
	seen.refused++;
}

static const struct assoc_ops ops = {
	.initiate = fake_initiate,
	.end = fake_end,
	.state = fake_state,
	.failed = fake_failed,
	.refused = fake_refused,
};

static mtime at_ms(int64_t ms)
{
	return MTIME_MS(1000000 + ms);
}

static void run_to(int64_t ms)
{
	mtime next;

	while (timers_next(&timers, &next) && !mtime_before(at_ms(ms), next))
		timers_run(&timers, next);
}

static void setup(void)
{
	memset(&seen, 0, sizeof(seen));
	last_id = 0;
	inet_pton(AF_INET6, "2001:db8:1::10", &hoa1);
	inet_pton(AF_INET6, "2001:db8:1::1", &ha1);
	inet_pton(AF_INET6, "2001:db8:2::10", &hoa2);
	inet_pton(AF_INET6, "2001:db8:2::1", &ha2);
	inet_pton(AF_INET6, "2001:db8:2::10", &coa1);
	inet_pton(AF_INET6, "2001:db8:3::10", &coa2);
	timers_init(&timers);
	assocs_init(&assocs, &ops, NULL, &timers);
}

static void teardown(void)
{
	assocs_fini(&assocs);
	timers_fini(&timers);
}

static struct assoc *want(const struct in6_addr *hoa, const struct in6_addr *ha,
			  const struct in6_addr *source, bool away, int64_t ms)
{
	struct assoc *a = assoc_get(&assocs, hoa, ha);

	assoc_want(a, source, away, true, at_ms(ms));
	assocs_run(&assocs, at_ms(ms));
	return a;
}

static void down(uint32_t id, enum reason why, int64_t ms)
{
	assocs_down(&assocs, id, why, at_ms(ms));
	assocs_run(&assocs, at_ms(ms));
}

static struct assoc *up(const struct in6_addr *hoa, const struct in6_addr *ha,
			int64_t ms)
{
	struct assoc *a = want(hoa, ha, hoa, false, ms);

	assocs_up(&assocs, a->attempt, at_ms(ms));
	ck_assert_int_eq(a->state, ASSOC_UP);
	return a;
}

static void suspect(struct assoc *a, int64_t ms)
{
	assoc_event(a, ASSOC_EV_SUSPECT, at_ms(ms));
	assocs_run(&assocs, at_ms(ms));
}

static void hold(bool held, int64_t ms)
{
	assocs.held = held;
	assocs_run(&assocs, at_ms(ms));
}

START_TEST(at_home)
{
	struct assoc *a = want(&hoa1, &ha1, &in6addr_any, false, 0);

	/* nothing without an address */
	ck_assert_int_eq(a->state, ASSOC_IDLE);
	want(&hoa1, &ha1, &hoa1, false, 1);
	ck_assert_int_eq(a->state, ASSOC_CONNECTING);
	ck_assert_mem_eq(&seen.source, &hoa1, 16);
	assocs_up(&assocs, 77, at_ms(2));	/* somebody else's */
	ck_assert_int_eq(a->state, ASSOC_CONNECTING);
	assocs_up(&assocs, 1, at_ms(2));
	ck_assert_int_eq(a->state, ASSOC_UP);
	ck_assert_uint_eq(a->id, 1);
	/* the SAs do not change when we move */
	want(&hoa1, &ha1, &coa1, true, 100);
	want(&hoa1, &ha1, &coa2, true, 200);
	ck_assert_int_eq(a->state, ASSOC_UP);
	ck_assert_uint_eq(seen.begun, 1);
	ck_assert_uint_eq(seen.ended, 0);
}
END_TEST

START_TEST(backs_off)
{
	static const int64_t gaps[] = {1000, 2000, 4000, 8000, 16000, 32000,
				       64000, 64000};
	struct assoc *a = want(&hoa1, &ha1, &hoa1, false, 0);
	int64_t ms = 0;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		down(last_id, REASON_IKE_NO_ANSWER, ms);
		ck_assert_int_eq(a->state, ASSOC_FAILED);
		ck_assert_int_eq(a->why, REASON_IKE_NO_ANSWER);
		run_to(ms + gaps[i] - 1);
		ck_assert_uint_eq(seen.begun, i + 1);
		ms += gaps[i];
		run_to(ms);
		ck_assert_uint_eq(seen.begun, i + 2);
	}
	ck_assert_uint_eq(seen.failed, 8);
	ck_assert_uint_eq(seen.refused, 0);
}
END_TEST

START_TEST(a_move_is_a_new_chance)
{
	struct assoc *a = want(&hoa1, &ha1, &hoa1, false, 0);
	unsigned int i;

	for (i = 0; i < 5; i++) {
		down(last_id, REASON_IKE_NO_ANSWER, 100000 * i);
		run_to(100000 * i + 99999);
	}
	down(last_id, REASON_IKE_NO_ANSWER, 500000);
	i = seen.begun;
	want(&hoa1, &ha1, &coa1, true, 500001);
	ck_assert_uint_eq(seen.begun, i + 1);
	ck_assert_mem_eq(&seen.source, &coa1, 16);
	/* from the first step again */
	down(last_id, REASON_IKE_NO_ANSWER, 500002);
	run_to(501002);
	ck_assert_uint_eq(seen.begun, i + 2);
	ck_assert_int_eq(a->state, ASSOC_CONNECTING);
}
END_TEST

START_TEST(moved_while_connecting)
{
	struct assoc *a = want(&hoa1, &ha1, &hoa1, false, 0);

	/* link down: what was begun ends without a word */
	want(&hoa1, &ha1, &in6addr_any, true, 100);
	ck_assert_int_eq(a->state, ASSOC_IDLE);
	ck_assert_uint_eq(seen.ended_id, 1);
	ck_assert_uint_eq(seen.told, 0);
	/* what is heard of it later is no matter */
	down(1, REASON_NONE, 101);
	assocs_up(&assocs, 1, at_ms(102));
	ck_assert_int_eq(a->state, ASSOC_IDLE);
	/* proxy mode, from the CoA */
	want(&hoa1, &ha1, &coa1, true, 200);
	ck_assert_int_eq(a->state, ASSOC_CONNECTING);
	ck_assert_mem_eq(&seen.source, &coa1, 16);
}
END_TEST

START_TEST(held)
{
	struct assoc *a, *b, *c;

	a = up(&hoa1, &ha1, 0);
	hold(true, 10);
	/* the new network's address waits for the BA */
	b = want(&hoa2, &ha2, &hoa2, false, 20);
	ck_assert_int_eq(b->state, ASSOC_IDLE);
	/* what is away and has no SA cannot */
	c = want(&coa2, &hoa1, &hoa2, true, 30);
	ck_assert_int_eq(c->state, ASSOC_CONNECTING);
	/* nor can what is doubted */
	suspect(a, 3000);
	ck_assert_int_eq(a->state, ASSOC_RENEWING);
	hold(false, 3001);
	ck_assert_int_eq(b->state, ASSOC_CONNECTING);
}
END_TEST

START_TEST(one_at_a_time_for_each_ha)
{
	struct assoc *a = want(&hoa1, &ha1, &hoa1, false, 0);
	struct assoc *b = want(&coa2, &ha1, &coa2, false, 0);
	struct assoc *c = want(&hoa2, &ha2, &hoa2, false, 0);

	ck_assert_int_eq(a->state, ASSOC_CONNECTING);
	ck_assert_int_eq(b->state, ASSOC_IDLE);
	ck_assert_int_eq(c->state, ASSOC_CONNECTING);
	assocs_up(&assocs, a->attempt, at_ms(5));
	assocs_run(&assocs, at_ms(5));
	ck_assert_int_eq(b->state, ASSOC_CONNECTING);
	/* a renewal is one as well */
	suspect(a, 6);
	ck_assert_int_eq(a->state, ASSOC_IDLE);
	down(b->attempt, REASON_IKE_NO_ANSWER, 7);
	ck_assert_int_eq(a->state, ASSOC_RENEWING);
}
END_TEST

START_TEST(few_at_a_time)
{
	struct in6_addr hoa = hoa1, ha = ha1;
	struct assoc *a;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		hoa.s6_addr[5] = ha.s6_addr[5] = 16 + i;
		a = assoc_get(&assocs, &hoa, &ha);
		assoc_want(a, &hoa, false, false, at_ms(0));
		assocs_run(&assocs, at_ms(0));
	}
	ck_assert_uint_eq(seen.begun, ASSOC_UNTRUSTED_MAX);
	/* those that are known are not kept from it */
	for (i = 0; i < 100; i++) {
		hoa.s6_addr[5] = ha.s6_addr[5] = 116 + i;
		want(&hoa, &ha, &hoa, false, 1);
	}
	ck_assert_uint_eq(seen.begun, ASSOC_BUSY_MAX);
	/* one that needs it most is next */
	want(&hoa2, &ha2, &coa2, true, 2);
	down(8, REASON_IKE_NO_ANSWER, 3);
	ck_assert_mem_eq(&seen.ha, &ha2, 16);
}
END_TEST

START_TEST(doubted)
{
	struct assoc *a = up(&hoa1, &ha1, 0);

	want(&hoa1, &ha1, &coa1, true, 10);
	suspect(a, 3000);
	ck_assert_int_eq(a->state, ASSOC_RENEWING);
	ck_assert_mem_eq(&seen.source, &coa1, 16);
	ck_assert_uint_eq(a->id, 1);	/* beside the old one */
	assocs_up(&assocs, 2, at_ms(3010));
	ck_assert_int_eq(a->state, ASSOC_UP);
	ck_assert_uint_eq(a->id, 2);
	down(1, REASON_NONE, 8010);	/* the old one, replaced */
	ck_assert_int_eq(a->state, ASSOC_UP);
	ck_assert_uint_eq(seen.begun, 2);
}
END_TEST

START_TEST(answers_ike_but_no_bu)
{
	struct assoc *a = up(&hoa1, &ha1, 0);
	int64_t ms;

	/* each third BU, for an hour: not an IKE SA each time */
	for (ms = 0; ms < 3600000; ms += 3000) {
		suspect(a, ms);
		if (a->attempt)
			assocs_up(&assocs, a->attempt, at_ms(ms));
	}
	ck_assert_uint_lt(seen.begun, 70);
	ck_assert_uint_gt(seen.begun, 50);
	/* one answer, and it is believed again */
	assoc_event(a, ASSOC_EV_ANSWERED, at_ms(ms));
	ms = seen.begun;
	suspect(a, 3600001);
	ck_assert_uint_eq(seen.begun, ms + 1);
}
END_TEST

START_TEST(answers_after_all)
{
	struct assoc *a = up(&hoa1, &ha1, 0);

	suspect(a, 3000);
	assoc_event(a, ASSOC_EV_ANSWERED, at_ms(3001));
	ck_assert_int_eq(a->state, ASSOC_RENEWING);
	down(2, REASON_IKE_NO_ANSWER, 5000);
	ck_assert_int_eq(a->state, ASSOC_UP);
	/* and where the answer comes later still */
	suspect(a, 10000);
	down(3, REASON_IKE_NO_ANSWER, 11000);
	ck_assert_int_eq(a->state, ASSOC_FAILED);
	assoc_event(a, ASSOC_EV_ANSWERED, at_ms(11100));
	ck_assert_int_eq(a->state, ASSOC_UP);
	ck_assert_uint_eq(a->id, 1);
}
END_TEST

START_TEST(stopped_in_order)
{
	struct assoc *a = up(&hoa1, &ha1, 0);

	down(1, REASON_NONE, 20000);
	ck_assert_int_eq(a->state, ASSOC_CONNECTING);
	/* up and down and up: not for ever at that pace */
	assocs_up(&assocs, 2, at_ms(20010));
	down(2, REASON_NONE, 20020);
	ck_assert_int_eq(a->state, ASSOC_FAILED);
	run_to(21019);
	ck_assert_int_eq(a->state, ASSOC_FAILED);
	run_to(21020);
	ck_assert_int_eq(a->state, ASSOC_CONNECTING);
	/* the old one may go while its successor is made */
	assocs_up(&assocs, 3, at_ms(21030));
	suspect(a, 60000);
	down(3, REASON_IKE_NO_ANSWER, 60100);
	ck_assert_int_eq(a->state, ASSOC_CONNECTING);
	ck_assert_uint_eq(a->id, 0);
}
END_TEST

START_TEST(stopped_while_held)
{
	struct assoc *a = up(&hoa1, &ha1, 0);

	hold(true, 20000);
	down(1, REASON_NONE, 20001);
	ck_assert_int_eq(a->state, ASSOC_IDLE);
	hold(false, 23000);
	ck_assert_int_eq(a->state, ASSOC_CONNECTING);
}
END_TEST

static const enum reason definitive[] = {
	REASON_IKE_REFUSED_TS, REASON_IKE_REFUSED_US, REASON_IKE_ANCHOR,
	REASON_IKE_UNKNOWN_CA, REASON_IKE_CERT_EXPIRED,
	REASON_IKE_CERT_REVOKED, REASON_IKE_CERT_POLICY, REASON_IKE_PSK,
	REASON_IKE_SIGNATURE,
};

START_TEST(refused_at_home)
{
	struct assoc *a = want(&hoa1, &ha1, &hoa1, false, 0);

	down(1, definitive[_i], 10);
	ck_assert_int_eq(a->state, ASSOC_FAILED);
	ck_assert_uint_eq(seen.refused, 0);
	run_to(64009);
	ck_assert_uint_eq(seen.begun, 1);
	run_to(64010);
	ck_assert_uint_eq(seen.begun, 2);
}
END_TEST

START_TEST(refused_while_away)
{
	unsigned int i, n = definitive[_i] == REASON_IKE_REFUSED_TS ? 1 : 5;

	/* one that the HA has not signed may be the network's */
	want(&hoa1, &ha1, &coa1, true, 0);
	for (i = 0; i < n; i++) {
		run_to(i * 20000);
		ck_assert_uint_eq(seen.refused, 0);
		down(i + 1, definitive[_i], i * 20000 + 10);
	}
	ck_assert_uint_eq(seen.refused, 1);
}
END_TEST

START_TEST(refused_by_a_network)
{
	unsigned int i;

	/* and the next network is another one's */
	want(&hoa1, &ha1, &coa1, true, 0);
	for (i = 0; i < 4; i++) {
		run_to(i * 20000);
		down(i + 1, REASON_IKE_REFUSED_US, i * 20000 + 10);
	}
	want(&hoa1, &ha1, &coa2, true, 70000);
	run_to(70000);
	ck_assert_uint_eq(seen.begun, 5);
	for (i = 4; i < 8; i++) {
		down(i + 1, REASON_IKE_REFUSED_US, i * 20000 + 10);
		run_to(i * 20000 + 20000);
	}
	ck_assert_uint_eq(seen.refused, 0);
}
END_TEST

/* They do not work, and there will be no others. */
START_TEST(refused_with_sas)
{
	struct assoc *a = up(&hoa1, &ha1, 0);

	want(&hoa1, &ha1, &coa1, true, 10);
	suspect(a, 3000);
	down(2, REASON_IKE_REFUSED_TS, 3010);
	ck_assert_uint_eq(seen.refused, 1);
	ck_assert_int_eq(a->state, ASSOC_FAILED);
	ck_assert_uint_eq(a->id, 1);
}
END_TEST

START_TEST(refused_with_sas_that_work)
{
	struct assoc *a = up(&hoa1, &ha1, 0);

	want(&hoa1, &ha1, &coa1, true, 10);
	suspect(a, 3000);
	assoc_event(a, ASSOC_EV_ANSWERED, (mtime){3005000000});
	down(2, REASON_IKE_REFUSED_TS, 3010);
	ck_assert_uint_eq(seen.refused, 0);
	ck_assert_int_eq(a->state, ASSOC_UP);
}
END_TEST

/* For an address that the HA is to assign; there is one already, or not. */
START_TEST(assigned)
{
	struct assoc *known = _i ? up(&hoa1, &ha1, 0) : NULL;
	unsigned int ended = seen.ended;
	struct assoc *a = want(&in6addr_any, &ha1, &coa1, false, 0);
	uint32_t id = a->attempt;

	ck_assert_uint_ne(id, 0);
	/* what was up says nothing about it */
	if (known)
		assocs_assigned(&assocs, known->id, &hoa2);
	ck_assert_ptr_null(assoc_find(&assocs, &hoa2, &ha1));
	assocs_assigned(&assocs, id, &hoa1);
	assocs_up(&assocs, id, at_ms(10));
	ck_assert_ptr_eq(assoc_find(&assocs, &hoa1, &ha1), a);
	ck_assert_ptr_null(assoc_find(&assocs, &in6addr_any, &ha1));
	ck_assert_ptr_null(a->next);
	ck_assert_int_eq(a->state, ASSOC_UP);
	ck_assert_uint_eq(a->id, id);
	ck_assert_uint_eq(seen.ended, ended);
	/* the older one goes, and that is nothing to us */
	down(1, REASON_NONE, 20);
	ck_assert_int_eq(a->state, _i ? ASSOC_UP : ASSOC_FAILED);
}
END_TEST

START_TEST(assigned_too_late)
{
	struct assoc *a = want(&in6addr_any, &ha1, &coa1, false, 0);
	uint32_t id = a->attempt;

	want(&in6addr_any, &ha1, &coa2, false, 10);	/* moved meanwhile */
	ck_assert_uint_eq(seen.ended_id, id);
	assocs_assigned(&assocs, id, &hoa1);
	ck_assert_ptr_null(assoc_find(&assocs, &hoa1, &ha1));
	ck_assert_uint_ne(a->attempt, id);
	ck_assert_uint_ne(a->attempt, 0);
}
END_TEST

START_TEST(out_of_memory)
{
	struct assoc *a;

	seen.no_memory = true;
	a = want(&hoa1, &ha1, &hoa1, false, 0);
	ck_assert_int_eq(a->state, ASSOC_FAILED);
	ck_assert_int_eq(a->why, REASON_IKE_LOCAL);
	seen.no_memory = false;
	run_to(1000);
	ck_assert_int_eq(a->state, ASSOC_CONNECTING);
}
END_TEST

START_TEST(left_behind)
{
	struct assoc *a = up(&hoa1, &ha1, 0);

	hold(true, 10);
	assoc_unwant(a, &in6addr_any);
	assocs_run(&assocs, at_ms(20));
	ck_assert_int_eq(a->state, ASSOC_LEAVING);
	/* there is a CoA, but other BUs go first */
	assoc_unwant(a, &coa1);
	assocs_run(&assocs, at_ms(30));
	ck_assert_uint_eq(seen.ended, 0);
	hold(false, 40);
	ck_assert_uint_eq(seen.told, 1);
	ck_assert_uint_eq(seen.ended_id, 1);
	ck_assert_ptr_null(assoc_find(&assocs, &hoa1, &ha1));
}
END_TEST

START_TEST(wanted_again)
{
	struct assoc *a = up(&hoa1, &ha1, 0);

	hold(true, 10);
	assoc_unwant(a, &in6addr_any);
	/* the link was down for a moment */
	want(&hoa1, &ha1, &hoa1, false, 20);
	ck_assert_int_eq(a->state, ASSOC_UP);
	hold(false, 30);
	ck_assert_uint_eq(seen.ended, 0);
	ck_assert_uint_eq(seen.begun, 1);
}
END_TEST

START_TEST(unwanted)
{
	struct assoc *a = want(&hoa1, &ha1, &hoa1, false, 0);

	assoc_unwant(a, &coa1);
	ck_assert_uint_eq(seen.ended, 1);
	ck_assert_uint_eq(seen.told, 0);
	ck_assert_ptr_null(assocs.list);
	a = up(&hoa1, &ha1, 100);
	assoc_unwant(a, &in6addr_any);
	down(2, REASON_IKE_NO_ANSWER, 200);	/* nothing is left to tell */
	ck_assert_ptr_null(assocs.list);
}
END_TEST

/* Any order of events: no crash, and what fake_initiate() asserts. */
START_TEST(random_walk)
{
	struct in6_addr hoas[6], has[3];
	struct assoc *a;
	int64_t ms = 0;
	int i;

	srandom(_i);
	for (i = 0; i < 6; i++) {
		hoas[i] = hoa1;
		hoas[i].s6_addr[15] = 100 + i;
		has[i / 2] = ha1;
		has[i / 2].s6_addr[5] = i / 2;
	}
	for (i = 0; i < 5000; i++) {
		int n = random() % 6, event = random() % 9;

		ms += random() % 3000;
		run_to(ms);
		a = assoc_get(&assocs, &hoas[n], &has[n / 2]);
		if (event == 0)
			assoc_want(a, random() % 3 ? &coa1 : &coa2,
				   random() % 2, random() % 2, at_ms(ms));
		else if (event == 1)
			assoc_want(a, &in6addr_any, random() % 2, true,
				   at_ms(ms));
		else if (event == 2)
			assoc_unwant(a, random() % 2 ? &coa1 : &in6addr_any);
		else if (event < 5 && a->attempt)
			assocs_up(&assocs, a->attempt, at_ms(ms));
		else if (event == 5 && (a->attempt || a->id))
			assocs_down(&assocs, a->attempt ? a->attempt : a->id,
				    random() % REASON__MAX, at_ms(ms));
		else if (event == 6)
			assoc_event(a, ASSOC_EV_SUSPECT, at_ms(ms));
		else if (event == 7)
			assoc_event(a, ASSOC_EV_ANSWERED, at_ms(ms));
		else
			assocs.held = random() % 2;
		assocs_run(&assocs, at_ms(ms));
		for (a = assocs.list; a; a = a->next) {
			ck_assert((a->state == ASSOC_CONNECTING ||
				   a->state == ASSOC_RENEWING) ==
				  (a->attempt != 0));
			ck_assert(a->id || (a->state != ASSOC_UP &&
					    a->state != ASSOC_RENEWING &&
					    a->state != ASSOC_LEAVING));
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("assoc");
	TCase *tc = tcase_create("assoc");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, at_home);
	tcase_add_test(tc, backs_off);
	tcase_add_test(tc, a_move_is_a_new_chance);
	tcase_add_test(tc, moved_while_connecting);
	tcase_add_test(tc, held);
	tcase_add_test(tc, one_at_a_time_for_each_ha);
	tcase_add_test(tc, few_at_a_time);
	tcase_add_test(tc, doubted);
	tcase_add_test(tc, answers_ike_but_no_bu);
	tcase_add_test(tc, answers_after_all);
	tcase_add_test(tc, stopped_in_order);
	tcase_add_test(tc, stopped_while_held);
	tcase_add_loop_test(tc, refused_at_home, 0, 9);
	tcase_add_loop_test(tc, refused_while_away, 0, 9);
	tcase_add_test(tc, refused_by_a_network);
	tcase_add_test(tc, refused_with_sas);
	tcase_add_test(tc, refused_with_sas_that_work);
	tcase_add_loop_test(tc, assigned, 0, 2);
	tcase_add_test(tc, assigned_too_late);
	tcase_add_test(tc, out_of_memory);
	tcase_add_test(tc, left_behind);
	tcase_add_test(tc, wanted_again);
	tcase_add_test(tc, unwanted);
	tcase_add_loop_test(tc, random_walk, 1, 21);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
