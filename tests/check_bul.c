/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The binding update list machine against a fake world: links only mn/bul.o
 * and libproto (DESIGN's dependency rule).
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "mn/bul.h"

static struct {
	unsigned int sent, gone;
	struct mh bu;		/* the last */
	bool at_home, retransmission;
	enum bul_tunnel tunnel;
	enum bul_end end;
	int send_error;
	bool keyed;
	unsigned int third;	/* third BUs of an exchange */
} seen;

static struct timers timers;
static struct bul bul;
static struct bul_entry *e;
static struct in6_addr hoa, ha, coa1, coa2;

static int fake_send(void *arg, struct bul_entry *entry, const struct mh *bu,
		     bool at_home, bool retransmission)
{
	(void)arg;
	if (seen.send_error == -ENOENT)
		return -ENOENT;
	seen.sent++;
	seen.third += entry->sends == 2;
	seen.bu = *bu;
	seen.at_home = at_home;
	seen.retransmission = retransmission;
	return seen.send_error;
}

static bool fake_keyed(void *arg, const struct bul_entry *entry)
{
	(void)arg, (void)entry;
	return seen.keyed;
}

static void fake_tunnel(void *arg, struct bul_entry *entry,
			enum bul_tunnel what)
{
	(void)arg, (void)entry;
	seen.tunnel = what;
}

static void fake_state(void *arg, struct bul_entry *entry, enum bul_state old)
{
	(void)arg;
	ck_assert(entry->state != old);
}

static void fake_gone(void *arg, struct bul_entry *entry, enum bul_end end)
{
	(void)arg;
	seen.gone++;
	seen.end = end;
	bul_del(entry);
	e = NULL;
}

static const struct bul_ops ops = {
	.send_bu = fake_send,
	.keyed = fake_keyed,
	.tunnel = fake_tunnel,
	.state = fake_state,
	.gone = fake_gone,
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
	inet_pton(AF_INET6, "2001:db8:1::10", &hoa);
	inet_pton(AF_INET6, "2001:db8:1::1", &ha);
	inet_pton(AF_INET6, "2001:db8:2::10", &coa1);
	inet_pton(AF_INET6, "2001:db8:3::10", &coa2);
	timers_init(&timers);
	bul_init(&bul, &ops, NULL, &timers, 300);
	e = bul_add(&bul, &hoa, &ha, 100, at_ms(0));
	bul_event(e, BUL_EV_LOST, at_ms(0));
}

static void teardown(void)
{
	bul_fini(&bul);
	timers_fini(&timers);
}

static enum reason ba(uint8_t status, uint16_t seq, uint32_t seconds,
		      int64_t ms)
{
	struct mh m = {.type = MH_BA};

	m.ba.status = status;
	m.ba.seq = seq;
	m.ba.lifetime = seconds / 4;
	return bul_ba(e, &m, at_ms(ms));
}

static void go_away(const struct in6_addr *coa, int64_t ms)
{
	bul_set_coa(e, coa, 7);
	bul_event(e, BUL_EV_AWAY, at_ms(ms));
}

static void bind_it(int64_t ms)
{
	go_away(&coa1, ms);
	ck_assert_int_eq(ba(0, seen.bu.bu.seq, 300, ms + 1), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
}

START_TEST(registration)
{
	ck_assert_int_eq(e->state, BUL_DETACHED);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_HOLD);
	go_away(&coa1, 0);
	ck_assert_int_eq(e->state, BUL_REGISTERING);
	ck_assert_uint_eq(seen.sent, 1);
	ck_assert_uint_eq(seen.bu.bu.seq, 101);
	ck_assert_uint_eq(seen.bu.bu.flags, MH_BU_A | MH_BU_H);
	ck_assert_uint_eq(seen.bu.bu.lifetime, 75);
	ck_assert(!seen.at_home);
	/* RFC 6275 11.7.1: the alternate care-of address is a MUST */
	ck_assert_mem_eq(&mh_opt_find(&seen.bu, MH_OPT_ALT_COA)->alt_coa,
			 &coa1, 16);
	/* nothing flows before the BA of a first registration */
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_HOLD);
	ck_assert_int_eq(ba(0, 101, 300, 5), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_UP);
}
END_TEST

START_TEST(backoff)
{
	static const int64_t first_reg[] = {1500, 4500, 10500, 22500, 46500,
					    78500, 110500};
	unsigned int i;

	go_away(&coa1, 0);
	for (i = 0; i < 7; i++) {
		run_to(first_reg[i] - 1);
		ck_assert_uint_eq(seen.sent, i + 1);
		run_to(first_reg[i]);
		ck_assert_uint_eq(seen.sent, i + 2);
		ck_assert(seen.retransmission);
		/* a retransmission has a number of its own */
		ck_assert_uint_eq(seen.bu.bu.seq, 102 + i);
	}
	/* a late BA for any of them is as good */
	ck_assert_int_eq(ba(0, 103, 300, 110600), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
}
END_TEST

START_TEST(second_registration_is_faster)
{
	bind_it(0);
	go_away(&coa2, 10000);
	ck_assert_int_eq(e->state, BUL_REFRESHING);
	/* an earlier binding was accepted: packets need not wait for the BA,
	 * but must not overtake the BU's processing */
	run_to(10009);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_HOLD);
	run_to(10010);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_UP);
	run_to(10999);
	ck_assert_uint_eq(seen.sent, 2);
	run_to(11000);
	ck_assert_uint_eq(seen.sent, 3);
}
END_TEST

START_TEST(wrong_numbers)
{
	ck_assert_int_eq(ba(0, 100, 300, 0), REASON_BA_UNMATCHED);
	go_away(&coa1, 0);
	ck_assert_int_eq(ba(0, 100, 300, 1), REASON_BA_SEQ);
	ck_assert_int_eq(ba(0, 102, 300, 1), REASON_BA_SEQ);
	ck_assert_int_eq(e->state, BUL_REGISTERING);
	ck_assert_int_eq(ba(0, 101, 300, 1), REASON_NONE);
	ck_assert_int_eq(ba(0, 101, 300, 2), REASON_BA_UNMATCHED);
}
END_TEST

START_TEST(resynchronised_by_status_135)
{
	go_away(&coa1, 0);
	ck_assert_int_eq(ba(MH_STATUS_SEQ, 40000, 0, 1), REASON_NONE);
	ck_assert_uint_eq(seen.sent, 2);
	ck_assert_uint_eq(seen.bu.bu.seq, 40001);
	/* answered at once only the first time, or two ends chase each other;
	 * but the number is the HA's (RFC 6275 11.7.3) */
	ck_assert_int_eq(ba(MH_STATUS_SEQ, 50000, 0, 2), REASON_NONE);
	run_to(1500);
	ck_assert_uint_eq(seen.sent, 2);
	ck_assert_int_eq(ba(0, 40001, 300, 1501), REASON_BA_UNMATCHED);
	run_to(4600);
	ck_assert_uint_eq(seen.sent, 3);
	ck_assert_uint_eq(seen.bu.bu.seq, 50001);
	ck_assert_int_eq(ba(0, 50001, 300, 4700), REASON_NONE);
}
END_TEST

START_TEST(longer_than_asked)
{
	/* RFC 6275 11.7.3: a BA may shorten what was asked for, no more */
	go_away(&coa1, 0);
	ck_assert_int_eq(ba(0, 101, 4000, 10), REASON_NONE);
	ck_assert_uint_eq(e->granted, 300);
	ck_assert_int_eq(e->expires.ns, at_ms(300000).ns);
}
END_TEST

START_TEST(late_answer)
{
	/* to the first of three BUs: the HA counts from that one */
	go_away(&coa1, 0);
	run_to(4600);
	ck_assert_uint_eq(seen.sent, 3);
	ck_assert_int_eq(ba(0, 101, 200, 4700), REASON_NONE);
	ck_assert_int_eq(e->expires.ns, at_ms(200000).ns);
}
END_TEST

START_TEST(no_longer_than_valid)
{
	/* RFC 6275 11.7.1: neither than the home nor the care-of address */
	e->hoa_valid = at_ms(100000);
	go_away(&coa1, 0);
	ck_assert_uint_eq(seen.bu.bu.lifetime, 25);
	e->coa_valid = at_ms(43999);
	run_to(1500);
	ck_assert_uint_eq(seen.bu.bu.lifetime, 10);
	e->coa_valid = at_ms(4000);
	run_to(4500);
	/* never 0, which would be a deregistration */
	ck_assert_uint_eq(seen.bu.bu.lifetime, 1);
	/* another care-of address has a lifetime of its own */
	go_away(&coa2, 5000);
	ck_assert_uint_eq(seen.bu.bu.lifetime, 23);
}
END_TEST

START_TEST(valid_no_more)
{
	/* its owner's to end; the HA may know of a longer lifetime */
	e->hoa_valid = at_ms(50000);
	bind_it(0);
	ck_assert_uint_eq(seen.bu.bu.lifetime, 12);
	run_to(49999);
	ba(0, seen.bu.bu.seq, 4, 50000);
	run_to(60000);
	ck_assert_uint_eq(seen.gone, 0);
	ck_assert_uint_eq(seen.bu.bu.lifetime, 75);
}
END_TEST

START_TEST(first_timeout_is_configured)
{
	/* RFC 6275 13: InitialBindackTimeoutFirstReg */
	bul.first_timeout = MTIME_MS(700);
	go_away(&coa1, 0);
	run_to(699);
	ck_assert_uint_eq(seen.sent, 1);
	run_to(700);
	ck_assert_uint_eq(seen.sent, 2);
	run_to(2100);
	ck_assert_uint_eq(seen.sent, 3);
}
END_TEST

START_TEST(binding_error)
{
	bind_it(0);
	/* RFC 6275 11.3.6, status 1 from the HA: a BU */
	ck_assert_int_eq(bul_be(e, MH_BE_NO_BINDING, at_ms(5000)),
			 REASON_NONE);
	ck_assert_uint_eq(seen.sent, 2);
	ck_assert_int_eq(e->state, BUL_REFRESHING);
	/* packets go on: it may be anybody's */
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_UP);
	ck_assert_int_eq(bul_be(e, MH_BE_NO_BINDING, at_ms(5001)),
			 REASON_BE_UNMATCHED);
	ck_assert_int_eq(ba(0, 102, 300, 5010), REASON_NONE);
	/* not as often as somebody likes */
	ck_assert_int_eq(bul_be(e, MH_BE_NO_BINDING, at_ms(14999)),
			 REASON_BE_UNMATCHED);
	ck_assert_int_eq(bul_be(e, MH_BE_NO_BINDING, at_ms(15000)),
			 REASON_NONE);
	ck_assert_uint_eq(seen.sent, 3);
}
END_TEST

START_TEST(binding_error_of_other_status)
{
	bind_it(0);
	/* status 2: BUs are no extension */
	ck_assert_int_eq(bul_be(e, MH_BE_UNKNOWN_TYPE, at_ms(5000)),
			 REASON_BE_UNMATCHED);
	ck_assert_int_eq(bul_be(e, 3, at_ms(5000)), REASON_BE_UNMATCHED);
	ck_assert_uint_eq(seen.sent, 1);
}
END_TEST

START_TEST(no_mobility_header_there)
{
	/* RFC 6275 11.3.5: it is left in peace, for a while */
	ck_assert_int_eq(bul_unsupported(e), REASON_BA_UNMATCHED);
	go_away(&coa1, 0);
	ck_assert_int_eq(bul_unsupported(e), REASON_NONE);
	run_to(1499);
	ck_assert_uint_eq(seen.gone, 0);
	run_to(1500);
	ck_assert_uint_eq(seen.gone, 1);
	ck_assert_int_eq(seen.end, BUL_END_UNSUPPORTED);
	e = bul_add(&bul, &hoa, &ha, 100, at_ms(1600));
	go_away(&coa1, 1600);
	run_to(301499);
	ck_assert_uint_eq(seen.sent, 1);
	run_to(301500);
	ck_assert_uint_eq(seen.sent, 2);
}
END_TEST

START_TEST(forged_disowning)
{
	/* anybody on the link sees a BU and can say so: the HA knows better */
	go_away(&coa1, 0);
	ck_assert_int_eq(bul_unsupported(e), REASON_NONE);
	ck_assert_int_eq(ba(0, seen.bu.bu.seq, 300, 1), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
	go_away(&coa2, 2000);
	ck_assert_int_eq(e->state, BUL_REFRESHING);
	ck_assert_int_eq(bul_unsupported(e), REASON_BA_UNMATCHED);
	run_to(10000);
	ck_assert_uint_eq(seen.gone, 0);
}
END_TEST

START_TEST(another_home_agent)
{
	struct in6_addr next;

	inet_pton(AF_INET6, "2001:db8:1::2", &next);
	bind_it(0);
	bul_set_ha(e, &next);
	bul_event(e, BUL_EV_LOST, at_ms(10));
	ck_assert(!bul_may_hold(e, at_ms(10)));
	go_away(&coa1, 10);
	ck_assert_int_eq(e->state, BUL_REGISTERING);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_HOLD);
	ck_assert_uint_eq(seen.sent, 2);
	/* an RFC 6275 11.3.5 error counts again: this one has not answered */
	ck_assert_int_eq(bul_unsupported(e), REASON_NONE);
}
END_TEST

START_TEST(bound_needs_no_mobility_header)
{
	/* what is acknowledged is not given up for an ICMPv6 error */
	bind_it(0);
	ck_assert_int_eq(bul_unsupported(e), REASON_BA_UNMATCHED);
	ck_assert_int_eq(e->state, BUL_BOUND);
}
END_TEST

START_TEST(sequence_wraps)
{
	e->seq = 65535;
	go_away(&coa1, 0);
	ck_assert_uint_eq(seen.bu.bu.seq, 0);
	run_to(1500);
	ck_assert_uint_eq(seen.bu.bu.seq, 1);
	ck_assert_int_eq(ba(0, 65535, 300, 1600), REASON_BA_SEQ);
	ck_assert_int_eq(ba(0, 0, 300, 1600), REASON_NONE);
}
END_TEST

START_TEST(refresh_and_expiry)
{
	bind_it(0);
	run_to(224999);
	ck_assert_uint_eq(seen.sent, 1);
	run_to(225010);
	ck_assert_uint_eq(seen.sent, 2);
	ck_assert_int_eq(e->state, BUL_REFRESHING);
	/* nobody answers: at the lifetime's end the binding is gone */
	run_to(299999);
	ck_assert(e->bound);
	run_to(300000);
	ck_assert(!e->bound);
	ck_assert_int_eq(e->state, BUL_REGISTERING);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_HOLD);
}
END_TEST

START_TEST(refresh_advice)
{
	struct mh m = {.type = MH_BA};

	go_away(&coa1, 0);
	m.ba.seq = 101;
	m.ba.lifetime = 75;
	mh_opt_add(&m, MH_OPT_REFRESH)->refresh = 10;
	bul_ba(e, &m, at_ms(1));
	run_to(40000);
	ck_assert_uint_eq(seen.sent, 1);
	run_to(40001);
	ck_assert_uint_eq(seen.sent, 2);
}
END_TEST

START_TEST(home_again)
{
	bind_it(0);
	bul_event(e, BUL_EV_LOST, at_ms(500));
	ck_assert_int_eq(e->state, BUL_DETACHED);
	bul_set_coa(e, &hoa, 7);
	/* RFC 6275 11.5.5: no packet from the home link before the BU */
	seen.send_error = -ENOENT;
	bul_event(e, BUL_EV_HOME, at_ms(600));
	ck_assert_int_eq(e->state, BUL_RETURNING);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_HOLD);
	seen.send_error = 0;
	bul_event(e, BUL_EV_KEYED, at_ms(601));
	ck_assert(seen.at_home);
	ck_assert_uint_eq(seen.bu.bu.lifetime, 0);
	ck_assert_mem_eq(&mh_opt_find(&seen.bu, MH_OPT_ALT_COA)->alt_coa,
			 &hoa, 16);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_OFF);
	ck_assert_int_eq(ba(0, seen.bu.bu.seq, 0, 610), REASON_NONE);
	ck_assert_uint_eq(seen.gone, 1);
	ck_assert_int_eq(seen.end, BUL_END_HOME);
}
END_TEST

START_TEST(home_unanswered)
{
	int64_t ms;

	/* until the binding is over: so long the HA defends the HoA */
	bind_it(0);
	bul_event(e, BUL_EV_HOME, at_ms(1000));
	run_to(2000);
	ck_assert_uint_eq(seen.sent, 3);
	ck_assert(seen.retransmission);
	for (ms = 2000; ms < 300000; ms += 1000)
		run_to(ms);
	ck_assert_uint_eq(seen.gone, 0);
	ck_assert_uint_gt(seen.sent, 10);
	run_to(300001);
	ck_assert_uint_eq(seen.gone, 1);
	ck_assert_int_eq(seen.end, BUL_END_HOME);
}
END_TEST

START_TEST(home_refused)
{
	bind_it(0);
	bul_event(e, BUL_EV_HOME, at_ms(1000));
	/* that may pass: asked again */
	ck_assert_int_eq(ba(MH_STATUS_RESOURCES, 102, 0, 1010), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_RETURNING);
	run_to(33010);
	ck_assert_uint_eq(seen.sent, 3);
	/* no binding there: nothing to wait for */
	ck_assert_int_eq(ba(MH_STATUS_NOT_HA_FOR_MN, 103, 0, 33020),
			 REASON_NONE);
	ck_assert_int_eq(seen.end, BUL_END_HOME);
}
END_TEST

START_TEST(home_after_expiry)
{
	/* RFC 6275 11.5.5: nobody defends it, nobody is to be told */
	bind_it(0);
	bul_event(e, BUL_EV_LOST, at_ms(1000));
	ck_assert(bul_may_hold(e, at_ms(300000)));
	ck_assert(!bul_may_hold(e, at_ms(300001)));
	run_to(300001);
	bul_event(e, BUL_EV_HOME, at_ms(300001));
	ck_assert_uint_eq(seen.sent, 1);
	ck_assert_int_eq(seen.end, BUL_END_HOME);
}
END_TEST

START_TEST(home_without_a_binding)
{
	bul_event(e, BUL_EV_HOME, at_ms(1));
	ck_assert_uint_eq(seen.sent, 0);
	ck_assert_uint_eq(seen.gone, 1);
	ck_assert_int_eq(seen.end, BUL_END_HOME);
}
END_TEST

START_TEST(home_after_an_unanswered_bu)
{
	/* the BU may have arrived: the HA must be told all the same */
	go_away(&coa1, 0);
	bul_event(e, BUL_EV_LOST, at_ms(100));
	bul_event(e, BUL_EV_HOME, at_ms(200));
	ck_assert_uint_eq(seen.sent, 2);
	ck_assert_uint_eq(seen.bu.bu.lifetime, 0);
}
END_TEST

START_TEST(lost_while_returning)
{
	bind_it(0);
	bul_event(e, BUL_EV_HOME, at_ms(600));
	bul_event(e, BUL_EV_LOST, at_ms(700));
	go_away(&coa2, 2000);
	/* whether the HA still has a binding is not known: wait for the BA */
	ck_assert_int_eq(e->state, BUL_REGISTERING);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_HOLD);
}
END_TEST

START_TEST(release)
{
	bind_it(0);
	bul_event(e, BUL_EV_IDLE, at_ms(1000));
	ck_assert_int_eq(e->state, BUL_RELEASING);
	ck_assert_uint_eq(seen.bu.bu.lifetime, 0);
	ck_assert(!seen.at_home);
	ck_assert_int_eq(ba(133, seen.bu.bu.seq, 0, 1010), REASON_NONE);
	ck_assert_uint_eq(seen.gone, 1);
	ck_assert_int_eq(seen.end, BUL_END_RELEASED);
}
END_TEST

START_TEST(release_unanswered)
{
	bind_it(0);
	bul_event(e, BUL_EV_IDLE, at_ms(1000));
	run_to(31999);
	ck_assert_uint_eq(seen.gone, 0);
	ck_assert_uint_eq(seen.sent, 6);
	run_to(32000);
	ck_assert_uint_eq(seen.gone, 1);
}
END_TEST

START_TEST(release_without_a_network)
{
	bind_it(0);
	bul_event(e, BUL_EV_LOST, at_ms(500));
	bul_event(e, BUL_EV_IDLE, at_ms(1000));
	ck_assert_uint_eq(seen.gone, 1);
	ck_assert_uint_eq(seen.sent, 1);
}
END_TEST

START_TEST(busy_again)
{
	bind_it(0);
	bul_event(e, BUL_EV_IDLE, at_ms(1000));
	bul_event(e, BUL_EV_BUSY, at_ms(1001));
	ck_assert_int_eq(e->state, BUL_REGISTERING);
	ck_assert_uint_eq(seen.bu.bu.lifetime, 75);
	ck_assert_int_eq(ba(0, seen.bu.bu.seq, 300, 1010), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
}
END_TEST

START_TEST(refused_for_good)
{
	static const uint8_t status[] = {129, 131, 132, 133, 134};

	go_away(&coa1, 0);
	ck_assert_int_eq(ba(status[_i], 101, 0, 1), REASON_NONE);
	ck_assert_uint_eq(seen.gone, 1);
	ck_assert_int_eq(seen.end, BUL_END_REFUSED);
}
END_TEST

START_TEST(refused_for_now)
{
	bind_it(0);
	go_away(&coa2, 5000);
	ck_assert_int_eq(ba(MH_STATUS_RESOURCES, seen.bu.bu.seq, 0, 5001),
			 REASON_NONE);
	ck_assert_int_eq(e->state, BUL_REGISTERING);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_HOLD);
	run_to(37000);
	ck_assert_uint_eq(seen.sent, 2);
	run_to(37001);
	ck_assert_uint_eq(seen.sent, 3);
}
END_TEST

START_TEST(refused_again_and_again)
{
	unsigned int i;

	/* RFC 6275 11.7.3: no more BUs to that destination */
	go_away(&coa1, 0);
	for (i = 0; i < 8; i++) {
		ck_assert_uint_eq(seen.gone, 0);
		ck_assert_uint_eq(seen.sent, i + 1);
		ba(MH_STATUS_RESOURCES, seen.bu.bu.seq, 0, i * 32000 + 1);
		run_to(i * 32000 + 32001);
	}
	ck_assert_uint_eq(seen.gone, 1);
	ck_assert_int_eq(seen.end, BUL_END_REFUSED);
}
END_TEST

START_TEST(another_coa_is_another_try)
{
	unsigned int i;

	go_away(&coa1, 0);
	for (i = 0; i < 12; i++) {
		ba(MH_STATUS_INVALID_COA, seen.bu.bu.seq, 0, i * 5000 + 1);
		go_away(i % 2 ? &coa1 : &coa2, i * 5000 + 5000);
	}
	ck_assert_uint_eq(seen.gone, 0);
}
END_TEST

START_TEST(accepted_for_no_time)
{
	go_away(&coa1, 0);
	ck_assert_int_eq(ba(0, 101, 0, 1), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_REGISTERING);
	run_to(30000);
	ck_assert_uint_eq(seen.sent, 1);
}
END_TEST

START_TEST(update_rate)
{
	int64_t ms;

	/* RFC 6275 11.8: three in any second to one HA, whatever happens */
	bind_it(0);
	for (ms = 100; ms < 1000; ms += 100) {
		go_away(ms % 200 ? &coa2 : &coa1, ms);
		run_to(ms);
	}
	ck_assert_uint_eq(seen.sent, 3);
	run_to(1000);
	ck_assert_uint_eq(seen.sent, 4);
	run_to(1010);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_UP);
	ck_assert_mem_eq(&mh_opt_find(&seen.bu, MH_OPT_ALT_COA)->alt_coa,
			 &coa2, 16);
}
END_TEST

START_TEST(rate_is_by_home_agent)
{
	struct in6_addr hoa2, ha2;
	struct bul_entry *f;

	inet_pton(AF_INET6, "2001:db8:2::10", &hoa2);
	inet_pton(AF_INET6, "2001:db8:2::1", &ha2);
	f = bul_add(&bul, &hoa2, &ha2, 1, at_ms(0));
	go_away(&coa2, 0);
	go_away(&coa1, 1);
	go_away(&coa2, 2);
	ck_assert_uint_eq(seen.sent, 3);
	bul_set_coa(f, &coa2, 7);
	bul_event(f, BUL_EV_AWAY, at_ms(3));
	ck_assert_uint_eq(seen.sent, 4);
	ck_assert_ptr_eq(bul_find(&bul, &hoa2), f);
}
END_TEST

START_TEST(rate_with_many_home_agents)
{
	struct in6_addr hoas, has;
	struct bul_entry *f[20];
	unsigned int i, round;

	/* no HA is forgotten while it counts, however many there are */
	inet_pton(AF_INET6, "2001:db8:100::10", &hoas);
	inet_pton(AF_INET6, "2001:db8:100::1", &has);
	for (i = 0; i < 20; i++) {
		hoas.s6_addr[5] = has.s6_addr[5] = i;
		f[i] = bul_add(&bul, &hoas, &has, 1, at_ms(0));
	}
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 20; i++) {
			bul_set_coa(f[i], &coa1, 7);
			bul_event(f[i], BUL_EV_AWAY, at_ms(round * 100));
		}
	}
	ck_assert_uint_eq(seen.sent, BUL_PEERS * PACE_MAX_UPDATE_RATE);
}
END_TEST

START_TEST(restored)
{
	bul_restore(e, &coa1, 7, 300, at_ms(100000), at_ms(0));
	ck_assert_int_eq(e->state, BUL_BOUND);
	/* it asks at once whether the HA still knows */
	run_to(0);
	ck_assert_uint_eq(seen.sent, 1);
	ck_assert_int_eq(e->state, BUL_REFRESHING);
}
END_TEST

START_TEST(k_flag)
{
	/* RFC 6275 6.1.7: clear under manual SAs, set under IKE's */
	go_away(&coa1, 0);
	ck_assert(!(seen.bu.bu.flags & MH_BU_K));
	seen.keyed = true;
	run_to(1500);
	ck_assert_uint_eq(seen.sent, 2);
	ck_assert(seen.bu.bu.flags & MH_BU_K);
	ck_assert_int_eq(ba(0, 102, 300, 1510), REASON_NONE);
	bul_event(e, BUL_EV_IDLE, at_ms(5000));
	ck_assert_uint_eq(seen.bu.bu.lifetime, 0);
	ck_assert(seen.bu.bu.flags & MH_BU_K);
}
END_TEST

START_TEST(waits_for_keys)
{
	seen.send_error = -ENOENT;
	go_away(&coa1, 0);
	run_to(200);
	ck_assert_int_eq(e->state, BUL_REGISTERING);
	ck_assert(!e->asked);
	/* nothing was sent, so neither rate nor number is used up */
	go_away(&coa2, 300);
	go_away(&coa1, 400);
	seen.send_error = 0;
	bul_event(e, BUL_EV_KEYED, at_ms(500));
	ck_assert_uint_eq(seen.sent, 1);
	ck_assert_uint_eq(seen.bu.bu.seq, 101);
	ck_assert(!seen.retransmission);
	/* the time-out begins anew */
	run_to(1999);
	ck_assert_uint_eq(seen.sent, 1);
	run_to(2000);
	ck_assert_uint_eq(seen.sent, 2);
	ck_assert_int_eq(ba(0, 101, 300, 2010), REASON_NONE);
}
END_TEST

START_TEST(no_keys_no_tunnel)
{
	bind_it(0);
	/* the HA's end is still where we were: no packet before the BU */
	seen.send_error = -ENOENT;
	go_away(&coa2, 5000);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_HOLD);
	run_to(8500);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_HOLD);
	seen.send_error = 0;
	bul_event(e, BUL_EV_KEYED, at_ms(9000));
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_HOLD);
	ck_assert_int_eq(ba(0, seen.bu.bu.seq, 300, 9001), REASON_NONE);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_UP);
}
END_TEST

START_TEST(home_without_keys)
{
	/* no BU was ever sent: there is nothing to take back */
	seen.send_error = -ENOENT;
	go_away(&coa1, 0);
	bul_event(e, BUL_EV_HOME, at_ms(100));
	ck_assert_uint_eq(seen.sent, 0);
	ck_assert_uint_eq(seen.gone, 1);
}
END_TEST

START_TEST(release_without_keys)
{
	bind_it(0);
	seen.send_error = -ENOENT;
	bul_event(e, BUL_EV_IDLE, at_ms(1000));
	run_to(31999);
	ck_assert_uint_eq(seen.gone, 0);
	run_to(32000);
	ck_assert_uint_eq(seen.gone, 1);
	ck_assert_uint_eq(seen.sent, 1);
}
END_TEST

START_TEST(keyed_anew)
{
	/* a HA that lost its SAs may have lost the binding as well */
	bind_it(0);
	bul_event(e, BUL_EV_KEYED, at_ms(2000));
	ck_assert_int_eq(e->state, BUL_REFRESHING);
	ck_assert_uint_eq(seen.sent, 2);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_UP);
	ck_assert_int_eq(ba(0, 102, 300, 2001), REASON_NONE);
	/* without a network there is nothing to do */
	bul_event(e, BUL_EV_LOST, at_ms(3000));
	bul_event(e, BUL_EV_KEYED, at_ms(3001));
	ck_assert_int_eq(e->state, BUL_DETACHED);
	ck_assert_uint_eq(seen.sent, 2);
}
END_TEST

START_TEST(third_unanswered)
{
	/* what the owner doubts the HA by: within 3 s of a move */
	bind_it(0);
	go_away(&coa2, 10000);
	run_to(12999);
	ck_assert_uint_eq(seen.third, 0);
	run_to(13000);
	ck_assert_uint_eq(seen.third, 1);
	/* with new keys the exchange is a new one */
	bul_event(e, BUL_EV_KEYED, at_ms(14100));
	run_to(17099);
	ck_assert_uint_eq(seen.third, 1);
	run_to(17100);
	ck_assert_uint_eq(seen.third, 2);
}
END_TEST

/* Any order of events and answers: no crash, no timer for what is gone. */
START_TEST(random_walk)
{
	int64_t ms = 0;
	int i, ev;

	srandom(_i);
	for (i = 0; i < 2000; i++) {
		ms += random() % 3000;
		run_to(ms);
		if (!e) {
			e = bul_add(&bul, &hoa, &ha, random(), at_ms(ms));
			bul_event(e, BUL_EV_LOST, at_ms(ms));
		}
		ev = random() % 10;
		if (random() % 8 == 0)
			seen.send_error = random() % 3 ? 0 : -ENOENT;
		if (ev == BUL_EV_AWAY || ev == BUL_EV_HOME)
			bul_set_coa(e, ev == BUL_EV_HOME ? &hoa :
				    random() % 2 ? &coa1 : &coa2, 7);
		if (ev < BUL_EV_TIMER)
			bul_event(e, ev, at_ms(ms));
		else
			ba(random() % 4 ? 0 : 128 + random() % 12,
			   e->seq - random() % 3, random() % 600, ms);
		if (e && e->state == BUL_BOUND)
			ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_UP);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bul");
	TCase *tc = tcase_create("bul");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, registration);
	tcase_add_test(tc, backoff);
	tcase_add_test(tc, second_registration_is_faster);
	tcase_add_test(tc, wrong_numbers);
	tcase_add_test(tc, resynchronised_by_status_135);
	tcase_add_test(tc, longer_than_asked);
	tcase_add_test(tc, late_answer);
	tcase_add_test(tc, no_longer_than_valid);
	tcase_add_test(tc, valid_no_more);
	tcase_add_test(tc, first_timeout_is_configured);
	tcase_add_test(tc, binding_error);
	tcase_add_test(tc, binding_error_of_other_status);
	tcase_add_test(tc, no_mobility_header_there);
	tcase_add_test(tc, forged_disowning);
	tcase_add_test(tc, another_home_agent);
	tcase_add_test(tc, bound_needs_no_mobility_header);
	tcase_add_test(tc, refused_again_and_again);
	tcase_add_test(tc, another_coa_is_another_try);
	tcase_add_test(tc, home_unanswered);
	tcase_add_test(tc, home_refused);
	tcase_add_test(tc, home_after_expiry);
	tcase_add_test(tc, rate_with_many_home_agents);
	tcase_add_test(tc, sequence_wraps);
	tcase_add_test(tc, refresh_and_expiry);
	tcase_add_test(tc, refresh_advice);
	tcase_add_test(tc, home_again);
	tcase_add_test(tc, home_without_a_binding);
	tcase_add_test(tc, home_after_an_unanswered_bu);
	tcase_add_test(tc, lost_while_returning);
	tcase_add_test(tc, release);
	tcase_add_test(tc, release_unanswered);
	tcase_add_test(tc, release_without_a_network);
	tcase_add_test(tc, busy_again);
	tcase_add_loop_test(tc, refused_for_good, 0, 5);
	tcase_add_test(tc, refused_for_now);
	tcase_add_test(tc, accepted_for_no_time);
	tcase_add_test(tc, update_rate);
	tcase_add_test(tc, rate_is_by_home_agent);
	tcase_add_test(tc, restored);
	tcase_add_test(tc, k_flag);
	tcase_add_test(tc, waits_for_keys);
	tcase_add_test(tc, no_keys_no_tunnel);
	tcase_add_test(tc, home_without_keys);
	tcase_add_test(tc, release_without_keys);
	tcase_add_test(tc, keyed_anew);
	tcase_add_test(tc, third_unanswered);
	tcase_add_loop_test(tc, random_walk, 1, 21);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
