/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ha/ra: when router advertisements are sent, to whom, and what they say. */
#include <arpa/inet.h>
#include <check.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "ha/ra.h"

static struct {
	unsigned int n, n_all;
	mtime at;		/* of the last to all */
	struct nd_ra msg;
	struct in6_addr dst;
	uint8_t mac[6];
} sent;

static struct timers timers;
static struct ra ra;
static mtime now;
static bool forwards;
static uint32_t (*chance)(uint32_t limit);
static const uint8_t own[6] = {2, 0, 0, 0, 1, 1}, host[6] = {2, 0, 0, 0, 0, 9};
static struct in6_addr lladdr, all_nodes;

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static void on_send(void *arg, const struct nd_ra *msg,
		    const struct in6_addr *dst, const uint8_t mac[6])
{
	ck_assert_ptr_eq(arg, &sent);
	sent.n++;
	sent.msg = *msg;
	sent.dst = *dst;
	memcpy(sent.mac, mac, 6);
	if (!(mac[0] & 1))
		return;
	sent.n_all++;
	sent.at = now;
}

static bool on_forwards(void *arg)
{
	(void)arg;
	return forwards;
}

static uint32_t on_random(void *arg, uint32_t limit)
{
	(void)arg;
	return chance(limit);
}

static uint32_t least(uint32_t limit)
{
	(void)limit;
	return 0;
}

static uint32_t most(uint32_t limit)
{
	return limit - 1;
}

static const struct ra_ops ops = {
	.send = on_send, .forwards = on_forwards, .random = on_random,
};

static struct ra_conf conf(mtime interval)
{
	return (struct ra_conf){
		.interval = interval,
		.lifetime = 1800,
		.ha_preference = 7,
		.ha_lifetime = 900,
		.mtu = 1400,
		.n_prefixes = 1,
		.prefixes = {{
			.prefix = addr("2001:db8:1::1"), .len = 64,
			.on_link = true, .autonomous = true,
			.router_addr = true, .valid = 3600, .preferred = 1800,
		}},
	};
}

static void begin(mtime interval)
{
	struct ra_conf c = conf(interval);

	ra_fini(&ra);
	ra_init(&ra, &ops, &sent, &timers, &c);
	memset(&sent, 0, sizeof(sent));
	ra_start(&ra, own, now);
}

static void setup(void)
{
	ck_assert_int_ge(sodium_init(), 0);
	timers_init(&timers);
	ra.timers = &timers;
	now = MTIME_SEC(1000);
	forwards = true;
	chance = randombytes_uniform;
	lladdr = addr("fe80::9");
	all_nodes = addr("ff02::1");
	begin(MTIME_SEC(600));
	timers_run(&timers, now);
}

static void teardown(void)
{
	ra_fini(&ra);
	timers_fini(&timers);
}

/* To the next to all, and how long that took. */
static mtime next(void)
{
	mtime before = now;
	unsigned int n = sent.n_all;

	while (sent.n_all == n) {
		ck_assert(timers_next(&timers, &now));
		timers_run(&timers, now);
	}
	return mtime_sub(now, before);
}

static enum reason solicit(const struct in6_addr *src, const uint8_t *mac)
{
	return ra_solicited(&ra, src, mac, now);
}

/* RFC 4861 6.2.4: at random within the bounds; the first ones soon. */
START_TEST(intervals_are_rfc_4861_6_2_4)
{
	mtime t;
	int i;

	ck_assert_uint_eq(sent.n_all, 1);	/* at once */
	for (i = 1; i < RA_INITIAL_MAX; i++)
		ck_assert_int_eq(next().ns, MTIME_SEC(16).ns);
	for (i = 0; i < 200; i++) {
		t = next();
		ck_assert_int_ge(t.ns, MTIME_SEC(200).ns);
		ck_assert_int_le(t.ns, MTIME_SEC(600).ns);
	}
	ck_assert(ip6_addr_eq(&sent.dst, &all_nodes));
}
END_TEST

/* The bounds for each: RFC 4861 6.2.1, RFC 6275 7.5. */
START_TEST(bounds_of_intervals)
{
	static const struct {
		int64_t max, min;	/* ms */
	} bounds[] = {
		{1800000, 600000}, {30000, 10000}, {9000, 3000}, {6000, 3000},
		{4000, 3000}, {1000, 333}, {70, 30}, {50, 30},
	};
	size_t i, j;

	for (i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		begin(MTIME_MS(bounds[i].max));
		chance = most;
		for (j = 0; j <= RA_INITIAL_MAX; j++)
			next();
		ck_assert_int_eq((next().ns + 999999) / 1000000,
				 bounds[i].max);
		chance = least;
		next();
		ck_assert_int_eq(next().ns / 1000000, bounds[i].min);
	}
}
END_TEST

/* A link that comes and goes is no reason to send more often. */
START_TEST(a_flapping_link_waits)
{
	int i;

	for (i = 0; i < 10; i++) {
		ra_stop(&ra);
		ra_start(&ra, own, now);
		timers_run(&timers, now);
	}
	ck_assert_uint_eq(sent.n_all, 1);
	ck_assert_int_eq(next().ns, MTIME_SEC(3).ns);
	ra_stop(&ra);
	ck_assert(!timers_next(&timers, &now));
}
END_TEST

/* RFC 6275 7.1 to 7.4, RFC 4861 4.2 */
START_TEST(message_has_what_rfc_6275_7_adds)
{
	ck_assert(sent.msg.home_agent);
	ck_assert_uint_eq(sent.msg.lifetime, 1800);
	ck_assert_uint_eq(sent.msg.hop_limit, 64);
	ck_assert(sent.msg.has_ha_info);
	ck_assert_uint_eq(sent.msg.ha_preference, 7);
	ck_assert_uint_eq(sent.msg.ha_lifetime, 900);
	ck_assert_uint_eq(sent.msg.mtu, 1400);
	ck_assert_uint_eq(sent.msg.adv_interval, 600000);
	ck_assert(sent.msg.has_slla);
	ck_assert_mem_eq(sent.msg.slla, own, 6);
	ck_assert_uint_eq(sent.msg.n_prefixes, 1);
	ck_assert(sent.msg.prefixes[0].router_addr);
	begin(MTIME_MS(70));
	next();
	/* 7.5: 20 ms are added below 200 */
	ck_assert_uint_eq(sent.msg.adv_interval, 90);
	begin(MTIME_MS(200));
	next();
	ck_assert_uint_eq(sent.msg.adv_interval, 200);
}
END_TEST

/* RFC 6275 7.4: what is taken for it where it is not there */
START_TEST(defaults_of_a_home_agent_are_left_out)
{
	ra.conf.ha_preference = 0;
	next();
	ck_assert(sent.msg.has_ha_info);
	ck_assert_uint_eq(sent.msg.ha_lifetime, 900);
	ra.conf.ha_lifetime = 1800;
	next();
	ck_assert(sent.msg.home_agent && !sent.msg.has_ha_info);
	ra.conf.ha_preference = 1;
	next();
	ck_assert(sent.msg.has_ha_info);
	ck_assert_uint_eq(sent.msg.ha_lifetime, 1800);
	/* no default router, but a home agent */
	ra.conf.ha_preference = 0;
	ra.conf.lifetime = 0;
	next();
	ck_assert_uint_eq(sent.msg.lifetime, 0);
	ck_assert(sent.msg.has_ha_info);
}
END_TEST

/* RFC 6275 8.3 */
START_TEST(the_interval_need_not_be_told)
{
	ra.conf.untold_interval = true;
	next();
	ck_assert_uint_eq(sent.msg.adv_interval, 0);
}
END_TEST

/* At once, to that host alone; and no less to all. */
START_TEST(a_host_that_solicits_is_answered_at_once)
{
	unsigned int n = sent.n_all;
	mtime at, then;

	timers_next(&timers, &at);
	ck_assert_int_eq(solicit(&lladdr, host), REASON_NONE);
	ck_assert_mem_eq(sent.mac, host, 6);
	ck_assert(ip6_addr_eq(&sent.dst, &lladdr));
	ck_assert_uint_eq(sent.msg.lifetime, 1800);
	/* RFC 4861 6.2.6: without an address, to all nodes; RFC 6085: in a
	 * frame to the one that asked */
	ck_assert_int_eq(solicit(&in6addr_any, host), REASON_NONE);
	ck_assert_mem_eq(sent.mac, host, 6);
	ck_assert(ip6_addr_eq(&sent.dst, &all_nodes));
	ck_assert_uint_eq(sent.n_all, n);
	timers_next(&timers, &then);
	ck_assert_int_eq(at.ns, then.ns);
}
END_TEST

START_TEST(a_host_that_solicits_too_often_is_told_with_all)
{
	unsigned int i, n;

	now = mtime_add(now, MTIME_SEC(1));
	for (i = 0; i < RA_HOST_BURST; i++)
		ck_assert_int_eq(solicit(&lladdr, host), REASON_NONE);
	n = sent.n;
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(solicit(&lladdr, host), REASON_RA_LIMITED);
	ck_assert_uint_eq(sent.n, n);
	/* MIN_DELAY_BETWEEN_RAS since the last, and one for all of them */
	ck_assert_int_eq(next().ns, MTIME_SEC(2).ns);
	ck_assert_int_gt(next().ns, MTIME_SEC(10).ns);
	ck_assert_int_eq(solicit(&lladdr, host), REASON_NONE);
}
END_TEST

/* RFC 4861 6.2.6: no more than so many in all; then they hear one together. */
START_TEST(many_hosts_are_answered_together)
{
	unsigned int i, n = 0, limited = 0;
	uint8_t mac[6] = {2};

	for (i = 0; i < 100000; i++) {
		mac[3] = (uint8_t)(i >> 16);
		mac[4] = (uint8_t)(i >> 8);
		mac[5] = (uint8_t)i;
		if (solicit(&in6addr_any, mac) == REASON_NONE)
			n++;
		else
			limited++;
	}
	ck_assert_uint_eq(n, RA_LINK_PER_SECOND);
	ck_assert_uint_eq(n + limited, 100000);
	ck_assert_uint_eq(sent.n_all, 1);
	ck_assert_int_eq(next().ns, MTIME_SEC(3).ns);
}
END_TEST

/* A frame to a group would tell all, past every limit. */
START_TEST(no_answer_to_a_group_nor_without_a_link)
{
	unsigned int n = sent.n;

	ck_assert_int_eq(solicit(&lladdr, (const uint8_t[6]){0x33, 0x33}),
			 REASON_ND_SOURCE);
	ra_stop(&ra);
	ck_assert_int_eq(solicit(&lladdr, host), REASON_NONE);
	ck_assert_uint_eq(sent.n, n);
}
END_TEST

/* RFC 4861 6.2.2 and 6.2.5; RFC 6275 7.4: no home agent either. */
START_TEST(no_router_any_more)
{
	forwards = false;
	next();
	ck_assert_uint_eq(sent.msg.lifetime, 0);
	ck_assert(!sent.msg.has_ha_info);
	forwards = true;
	next();
	ck_assert_uint_eq(sent.msg.lifetime, 1800);
	memset(&sent, 0, sizeof(sent));
	ra_final(&ra);
	ck_assert_uint_eq(sent.n_all, RA_FINAL_MAX);
	ck_assert_uint_eq(sent.msg.lifetime, 0);
	ck_assert(!sent.msg.has_ha_info);
	ck_assert(!timers_next(&timers, &now));
}
END_TEST

/* RFC 4861 6.2.7 */
START_TEST(others_that_say_otherwise_are_noticed)
{
	const struct nd_ra same = ra_message(&ra);
	struct nd_ra other = same;

	other.home_agent = false;
	other.lifetime = 30;
	other.prefixes[0].prefix = addr("2001:db8:1::2");
	ck_assert_ptr_null(ra_differs(&ra, &other));
	other.hop_limit = 0;		/* says nothing about it */
	other.reachable = 5;
	other.mtu = 0;
	ck_assert_ptr_null(ra_differs(&ra, &other));
	other.hop_limit = 63;
	ck_assert_str_eq(ra_differs(&ra, &other), "hop limit");
	other = same;
	other.managed = true;
	ck_assert_str_eq(ra_differs(&ra, &other), "M or O flag");
	other = same;
	other.mtu = 1500;
	ck_assert_str_eq(ra_differs(&ra, &other), "MTU");
	other = same;
	other.prefixes[0].valid--;
	ck_assert_str_eq(ra_differs(&ra, &other),
			 "valid lifetime of a prefix");
	other = same;
	other.prefixes[0].preferred--;
	ck_assert_str_eq(ra_differs(&ra, &other),
			 "preferred lifetime of a prefix");
	other.prefixes[0].prefix = addr("2001:db8:2::1");
	ck_assert_ptr_null(ra_differs(&ra, &other));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ra");
	TCase *tc = tcase_create("ra");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, intervals_are_rfc_4861_6_2_4);
	tcase_add_test(tc, bounds_of_intervals);
	tcase_add_test(tc, a_flapping_link_waits);
	tcase_add_test(tc, message_has_what_rfc_6275_7_adds);
	tcase_add_test(tc, defaults_of_a_home_agent_are_left_out);
	tcase_add_test(tc, the_interval_need_not_be_told);
	tcase_add_test(tc, a_host_that_solicits_is_answered_at_once);
	tcase_add_test(tc, a_host_that_solicits_too_often_is_told_with_all);
	tcase_add_test(tc, many_hosts_are_answered_together);
	tcase_add_test(tc, no_answer_to_a_group_nor_without_a_link);
	tcase_add_test(tc, no_router_any_more);
	tcase_add_test(tc, others_that_say_otherwise_are_noticed);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
