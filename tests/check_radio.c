/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mn/radio: what Wi-Fi tells of itself, and what is done of it; and nl80211's
 * messages. No kernel, no clock. */
#include <check.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <stdlib.h>
#include <string.h>

#include "mn/radio.h"

enum { WEAK_AT = -70, IFINDEX = 7 };

static struct {
	int watches, asks, states, leaves, stays, joins, losses;
	int signal;
	bool cannot;
} got;

static struct timers timers;
static struct radio r;
static mtime now;

static bool fake_watch(void *arg, struct radio *of)
{
	ck_assert_ptr_eq(arg, &got);
	ck_assert_ptr_eq(of, &r);
	got.watches++;
	return !got.cannot;
}

static int fake_ask(void *arg, struct radio *of)
{
	(void)arg, (void)of;
	got.asks++;
	return got.signal;
}

static void fake_state(void *arg, struct radio *of, enum radio_state old)
{
	(void)arg;
	ck_assert_int_ne(of->state, old);
	got.states++;
}

static void fake_leaving(void *arg, struct radio *of, bool leaving)
{
	(void)arg, (void)of;
	if (leaving)
		got.leaves++;
	else
		got.stays++;
}

static void fake_lost(void *arg, struct radio *of)
{
	(void)arg;
	ck_assert_int_ne(of->state, RADIO_NONE);
	got.losses++;
}

static void fake_joined(void *arg, struct radio *of)
{
	(void)arg, (void)of;
	got.joins++;
}

static const struct radio_ops ops = {
	.watch = fake_watch,
	.ask = fake_ask,
	.state = fake_state,
	.leaving = fake_leaving,
	.lost = fake_lost,
	.joined = fake_joined,
};

static void setup(void)
{
	memset(&got, 0, sizeof(got));
	timers_init(&timers);
	now = MTIME_SEC(1000);
	radio_init(&r, &ops, &got, &timers);
	radio_set(&r, WEAK_AT, now);
}

static void teardown(void)
{
	mtime at;

	radio_fini(&r);
	ck_assert(!timers_next(&timers, &at));
	timers_fini(&timers);
}

static void event(enum wifi_event_type type, int dbm)
{
	struct wifi_event ev = {type, IFINDEX, dbm};

	radio_event(&r, &ev, now);
}

static void later(int seconds)
{
	int i;

	for (i = 0; i < seconds; i++) {
		now = mtime_add(now, MTIME_SEC(1));
		timers_run(&timers, now);
	}
}

START_TEST(weak_and_good_again)
{
	event(WIFI_CONNECTED, 0);
	ck_assert_int_eq(r.state, RADIO_GOOD);
	ck_assert_int_eq(got.watches, 1);
	ck_assert_int_eq(got.joins, 1);
	event(WIFI_SIGNAL_LOW, WEAK_AT - 1);
	ck_assert_int_eq(r.state, RADIO_WEAK);
	ck_assert_int_eq(r.dbm, WEAK_AT - 1);
	got.signal = WEAK_AT + 1;
	later(10);
	ck_assert_int_ge(got.asks, 4);
	ck_assert_int_eq(r.state, RADIO_WEAK);
	event(WIFI_SIGNAL_HIGH, WEAK_AT + RADIO_HYSTERESIS);
	ck_assert_int_eq(r.state, RADIO_GOOD);
	ck_assert_int_eq(got.leaves, 0);
	got.asks = 0;
	later(10);
	ck_assert_int_eq(got.asks, 0);
}
END_TEST

/* It is not back before its time, and no event is needed for it then. */
START_TEST(not_back_at_once)
{
	event(WIFI_CONNECTED, 0);
	event(WIFI_SIGNAL_LOW, WEAK_AT);
	got.signal = WEAK_AT + 20;
	event(WIFI_SIGNAL_HIGH, WEAK_AT + 20);
	ck_assert_int_eq(r.state, RADIO_WEAK);
	later(4);
	ck_assert_int_eq(r.state, RADIO_WEAK);
	later(4);
	ck_assert_int_eq(r.state, RADIO_GOOD);
}
END_TEST

/* Another program's threshold is above ours: once it was passed we ask. */
START_TEST(threshold_of_another)
{
	event(WIFI_CONNECTED, 0);
	event(WIFI_SIGNAL_LOW, WEAK_AT + 5);
	ck_assert_int_eq(r.state, RADIO_GOOD);
	got.signal = WEAK_AT + 3;
	later(3);
	ck_assert_int_ge(got.asks, 1);
	ck_assert_int_eq(r.state, RADIO_GOOD);
	got.signal = WEAK_AT - 2;
	later(3);
	ck_assert_int_eq(r.state, RADIO_WEAK);
}
END_TEST

/* A driver that cannot watch, or an event without the level, or no level. */
START_TEST(asked_instead)
{
	got.cannot = true;
	event(WIFI_CONNECTED, 0);
	got.signal = WEAK_AT;
	later(3);
	ck_assert_int_eq(r.state, RADIO_WEAK);
	got.cannot = false;
	event(WIFI_DISCONNECTED, 0);
	event(WIFI_CONNECTED, 0);
	ck_assert_int_eq(r.state, RADIO_GOOD);
	event(WIFI_SIGNAL_LOW, 0);
	ck_assert_int_eq(r.state, RADIO_WEAK);
	got.signal = 0;
	later(20);
	ck_assert_int_eq(r.state, RADIO_WEAK);
}
END_TEST

static void weak_for(int seconds)
{
	event(WIFI_CONNECTED, 0);
	event(WIFI_SIGNAL_LOW, WEAK_AT - 1);
	ck_assert_int_eq(r.state, RADIO_WEAK);
	got.signal = WEAK_AT - 1;
	later(seconds);
	got.states = 0;
}

/* From one access point to the next, none of them good. */
START_TEST(roams_while_weak)
{
	weak_for(10);
	event(WIFI_BEACONS_LOST, 0);
	event(WIFI_CONNECTED, 0);
	ck_assert_int_eq(got.watches, 2);
	ck_assert_int_eq(got.joins, 2);
	ck_assert_int_eq(got.stays, 1);
	ck_assert_int_eq(r.dbm, 0);
	event(WIFI_SIGNAL_LOW, WEAK_AT - 3);
	got.signal = WEAK_AT - 3;
	later(10);
	event(WIFI_CONNECTED, 0);
	event(WIFI_SIGNAL_HIGH, WEAK_AT + RADIO_HYSTERESIS - 1);
	got.signal = WEAK_AT + RADIO_HYSTERESIS - 1;
	later(10);
	ck_assert_int_eq(r.state, RADIO_WEAK);
	ck_assert_int_eq(got.states, 0);
}
END_TEST

/* The next one is good: what is known of it first says so, told or asked for;
 * not sooner than without it. */
START_TEST(roams_to_a_good_one)
{
	weak_for(10);
	event(WIFI_CONNECTED, 0);
	event(WIFI_SIGNAL_HIGH, WEAK_AT + RADIO_HYSTERESIS);
	ck_assert_int_eq(r.state, RADIO_GOOD);
	weak_for(10);
	event(WIFI_CONNECTED, 0);
	got.signal = WEAK_AT + 20;
	later(2);
	ck_assert_int_eq(r.state, RADIO_GOOD);
	weak_for(1);
	event(WIFI_CONNECTED, 0);
	event(WIFI_SIGNAL_HIGH, WEAK_AT + 20);
	got.signal = WEAK_AT + 20;
	later(3);
	ck_assert_int_eq(r.state, RADIO_WEAK);
	later(3);
	ck_assert_int_eq(r.state, RADIO_GOOD);
}
END_TEST

/* Of the next one nothing is known, nor told. */
START_TEST(roams_to_who_knows)
{
	weak_for(1);
	event(WIFI_CONNECTED, 0);
	got.signal = 0;
	later(2);
	ck_assert_int_eq(r.state, RADIO_GOOD);
	later(20);
	ck_assert_int_eq(got.states, 1);
}
END_TEST

START_TEST(about_to_go)
{
	event(WIFI_BEACONS_LOST, 0);
	event(WIFI_DISCONNECTED, 0);
	ck_assert_int_eq(got.leaves + got.losses, 0);	/* of what? */
	event(WIFI_CONNECTED, 0);
	event(WIFI_BEACONS_LOST, 0);
	event(WIFI_BEACONS_LOST, 0);
	ck_assert_int_eq(got.leaves, 1);
	event(WIFI_DISCONNECTED, 0);
	ck_assert_int_eq(got.losses, 1);
	ck_assert_int_eq(r.state, RADIO_NONE);
	ck_assert_int_eq(got.stays, 0);
	event(WIFI_CONNECTED, 0);		/* it is back */
	ck_assert_int_eq(got.stays, 1);
	event(WIFI_BEACONS_LOST, 0);
	ck_assert_int_eq(got.leaves, 2);
	event(WIFI_SIGNAL_HIGH, WEAK_AT + 9);
	ck_assert_int_eq(got.stays, 2);
	event(WIFI_BEACONS_LOST, 0);
	later(31);			/* it has answered, after all */
	event(WIFI_BEACONS_LOST, 0);
	ck_assert_int_eq(got.leaves, 4);
	event(WIFI_CONNECTED, 0);
	ck_assert_int_eq(got.stays, 3);
	event(WIFI_BEACONS_LOST, 0);
	event(WIFI_DISCONNECTED, 0);
	radio_found(&r, true, now);		/* that it is was not told */
	ck_assert_int_eq(got.stays, 4);
	event(WIFI_BEACONS_LOST, 0);
	event(WIFI_DISCONNECTED, 0);
	later(31);				/* over before it is back */
	event(WIFI_CONNECTED, 0);
	ck_assert_int_eq(got.stays, 4);
}
END_TEST

START_TEST(lost_while_weak)
{
	event(WIFI_CONNECTED, 0);
	event(WIFI_SIGNAL_LOW, WEAK_AT);
	event(WIFI_DISCONNECTED, 0);
	ck_assert_int_eq(got.losses, 1);
	ck_assert_int_eq(r.state, RADIO_NONE);
	event(WIFI_SIGNAL_LOW, WEAK_AT);	/* on its way before that */
	ck_assert_int_eq(r.state, RADIO_NONE);
	later(10);
	ck_assert_int_eq(got.asks, 0);
}
END_TEST

START_TEST(found)
{
	radio_found(&r, false, now);
	ck_assert_int_eq(got.watches + got.states, 0);
	got.signal = WEAK_AT;
	radio_found(&r, true, now);
	ck_assert_int_eq(r.state, RADIO_WEAK);
	ck_assert_int_eq(got.watches, 1);
	radio_found(&r, true, now);
	ck_assert_int_eq(got.watches, 1);
	ck_assert_int_eq(got.joins, 0);
	radio_found(&r, false, now);
	ck_assert_int_eq(r.state, RADIO_NONE);
}
END_TEST

/* Events were lost, an association among them perhaps: its signal is asked for
 * until a threshold is known to be there. */
START_TEST(found_again)
{
	event(WIFI_CONNECTED, 0);
	got.signal = WEAK_AT + 20;
	later(10);
	ck_assert_int_eq(got.asks, 0);
	radio_found(&r, true, now);
	later(10);
	ck_assert_int_eq(r.state, RADIO_GOOD);
	got.signal = WEAK_AT;
	later(2);
	ck_assert_int_eq(r.state, RADIO_WEAK);
	later(10);
	event(WIFI_SIGNAL_HIGH, WEAK_AT + 20);
	ck_assert_int_eq(r.state, RADIO_GOOD);
	got.asks = 0;
	later(10);
	ck_assert_int_eq(got.asks, 0);
	ck_assert_int_eq(got.watches, 1);
}
END_TEST

START_TEST(configured_anew)
{
	radio_set(&r, 0, now);
	event(WIFI_CONNECTED, 0);
	event(WIFI_SIGNAL_LOW, -99);
	later(5);
	ck_assert_int_eq(r.state, RADIO_GOOD);
	ck_assert_int_eq(got.watches + got.asks, 0);
	got.signal = WEAK_AT;
	radio_set(&r, WEAK_AT, now);
	ck_assert_int_eq(got.watches, 1);
	ck_assert_int_eq(r.state, RADIO_WEAK);
	radio_set(&r, WEAK_AT, now);
	ck_assert_int_eq(got.watches, 1);
	radio_set(&r, 0, now);
	ck_assert_int_eq(r.state, RADIO_GOOD);
}
END_TEST

/* Whatever comes: the timer runs in the states that need it. */
START_TEST(anything)
{
	int i;

	srandom(1);
	for (i = 0; i < 20000; i++) {
		got.signal = -(int)(random() % 100);
		got.cannot = random() % 4 == 0;
		event(WIFI_CONNECTED + (enum wifi_event_type)(random() % 5),
		      -(int)(random() % 100));
		if (random() % 16 == 0)
			radio_set(&r, random() % 2 ? WEAK_AT : 0, now);
		if (random() % 16 == 0)
			radio_found(&r, random() % 2, now);
		later((int)(random() % 3));
		ck_assert(r.state != RADIO_WEAK || r.weak_at);
		ck_assert(timer_armed(&r.timer) == (r.weak_at &&
			(r.state == RADIO_WEAK ||
			 (r.state == RADIO_GOOD && r.low))));
	}
	ck_assert_int_le(got.stays, got.leaves);
}
END_TEST

/* ---- nl80211's messages */

static char mem[512] __attribute__((aligned(8)));

static struct nlmsghdr *message(uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(mem);
	struct genlmsghdr *head = mnl_nlmsg_put_extra_header(nlh,
							     sizeof(*head));

	head->cmd = cmd;
	mnl_attr_put_u32(nlh, NL80211_ATTR_WIPHY, 0);
	mnl_attr_put_u32(nlh, NL80211_ATTR_IFINDEX, IFINDEX);
	return nlh;
}

static bool parse(const struct nlmsghdr *nlh, struct wifi_event *ev)
{
	return wifi_event_parse(ev, mnl_nlmsg_get_payload(nlh),
				mnl_nlmsg_get_payload_len(nlh));
}

static struct nlmsghdr *cqm(uint16_t type, uint32_t value, int dbm)
{
	struct nlmsghdr *nlh = message(NL80211_CMD_NOTIFY_CQM);
	struct nlattr *nest = mnl_attr_nest_start(nlh, NL80211_ATTR_CQM);

	mnl_attr_put_u32(nlh, type, value);
	if (dbm)
		mnl_attr_put_u32(nlh, NL80211_ATTR_CQM_RSSI_LEVEL,
				 (uint32_t)dbm);
	mnl_attr_nest_end(nlh, nest);
	return nlh;
}

static void expect(const struct nlmsghdr *nlh, enum wifi_event_type type,
		   int dbm)
{
	struct wifi_event ev;

	ck_assert(parse(nlh, &ev));
	ck_assert_int_eq(ev.type, type);
	ck_assert_int_eq(ev.dbm, dbm);
	ck_assert_uint_eq(ev.ifindex, IFINDEX);
}

START_TEST(messages)
{
	struct nlmsghdr *nlh;
	struct wifi_event ev;

	expect(message(NL80211_CMD_ROAM), WIFI_CONNECTED, 0);
	expect(message(NL80211_CMD_DISCONNECT), WIFI_DISCONNECTED, 0);
	nlh = message(NL80211_CMD_CONNECT);
	mnl_attr_put_u16(nlh, NL80211_ATTR_STATUS_CODE, 0);
	expect(nlh, WIFI_CONNECTED, 0);
	nlh = message(NL80211_CMD_CONNECT);
	mnl_attr_put_u16(nlh, NL80211_ATTR_STATUS_CODE, 1);
	ck_assert(!parse(nlh, &ev));
	expect(cqm(NL80211_ATTR_CQM_RSSI_THRESHOLD_EVENT,
		   NL80211_CQM_RSSI_THRESHOLD_EVENT_LOW, -71),
	       WIFI_SIGNAL_LOW, -71);
	expect(cqm(NL80211_ATTR_CQM_RSSI_THRESHOLD_EVENT,
		   NL80211_CQM_RSSI_THRESHOLD_EVENT_HIGH, 0),
	       WIFI_SIGNAL_HIGH, 0);
	expect(cqm(NL80211_ATTR_CQM_BEACON_LOSS_EVENT, 0, 0),
	       WIFI_BEACONS_LOST, 0);
	ck_assert(!parse(cqm(NL80211_ATTR_CQM_RSSI_THRESHOLD_EVENT, 9, -71),
			 &ev));
	ck_assert(!parse(cqm(NL80211_ATTR_CQM_PKT_LOSS_EVENT, 50, 0), &ev));
	ck_assert(!parse(message(NL80211_CMD_NOTIFY_CQM), &ev));
	ck_assert(!parse(message(NL80211_CMD_NEW_STATION), &ev));
}
END_TEST

/* Cut anywhere and with any octet changed, in memory of just that length, for
 * the sanitizer to guard. */
START_TEST(broken_messages)
{
	const struct nlmsghdr *nlh = cqm(NL80211_ATTR_CQM_RSSI_THRESHOLD_EVENT,
					 NL80211_CQM_RSSI_THRESHOLD_EVENT_LOW,
					 -71);
	size_t len = mnl_nlmsg_get_payload_len(nlh), n, i;
	struct wifi_event ev;
	uint8_t *copy;

	for (n = 0; n <= len; n++)
		for (i = 0; i < n * 256; i++) {
			copy = malloc(n);
			ck_assert_ptr_nonnull(copy);
			memcpy(copy, mnl_nlmsg_get_payload(nlh), n);
			copy[i / 256] = (uint8_t)i;
			wifi_event_parse(&ev, copy, n);
			free(copy);
		}
	ck_assert(!wifi_event_parse(&ev, "", 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("radio");
	TCase *tc = tcase_create("radio");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, weak_and_good_again);
	tcase_add_test(tc, not_back_at_once);
	tcase_add_test(tc, threshold_of_another);
	tcase_add_test(tc, asked_instead);
	tcase_add_test(tc, roams_while_weak);
	tcase_add_test(tc, roams_to_a_good_one);
	tcase_add_test(tc, roams_to_who_knows);
	tcase_add_test(tc, about_to_go);
	tcase_add_test(tc, lost_while_weak);
	tcase_add_test(tc, found);
	tcase_add_test(tc, found_again);
	tcase_add_test(tc, configured_anew);
	tcase_add_test(tc, anything);
	tcase_add_test(tc, messages);
	tcase_add_test(tc, broken_messages);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
