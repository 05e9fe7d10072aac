/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ha/hosts: a prefix for each host, its lease, and what keeps it. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "ha/hosts.h"

enum { LEASE = 1000 };	/* s */

static struct {
	unsigned int routes, ended, told, probes, stored, deleted;
	int away;	/* the last word; -1: none */
} did;

static struct timers timers;
static struct hosts hosts;
static mtime now;
static struct in6_addr ll;
static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
static const uint8_t key[16] = {1, 2, 3};

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static void on_route(void *arg, const struct host *h, bool gone)
{
	ck_assert_ptr_eq(arg, &did);
	ck_assert(ip6_prefix_has(&hosts.from, &h->prefix));
	did.routes += !gone;
	did.ended += gone;
}

static void on_advertise(void *arg, const struct host *h)
{
	(void)arg;
	(void)h;
	did.told++;
}

static void on_probe(void *arg, const struct host *h)
{
	(void)arg;
	(void)h;
	did.probes++;
}

static void on_away(void *arg, const struct host *h, bool away)
{
	(void)arg;
	(void)h;
	did.away = away;
}

static void on_changed(void *arg, const struct host *h, bool gone)
{
	(void)arg;
	(void)h;
	did.stored += !gone;
	did.deleted += gone;
}

static const struct hosts_ops ops = {
	.route = on_route, .advertise = on_advertise, .probe = on_probe,
	.away = on_away, .changed = on_changed,
};

static void begin(const char *prefix, uint8_t len)
{
	struct ip6_prefix from = {addr(prefix), len};

	hosts_init(&hosts, &ops, &did, &timers, &from, MTIME_SEC(LEASE), key);
}

static void setup(void)
{
	ck_assert_int_ge(sodium_init(), 0);
	memset(&did, 0, sizeof(did));
	did.away = -1;
	timers_init(&timers);
	now = MTIME_SEC(100000);
	ll = addr("fe80::9");
	begin("2001:db8:100::", 48);
}

static void teardown(void)
{
	hosts_fini(&hosts);
	timers_fini(&timers);
}

static struct host *solicit(const struct in6_addr *lladdr, const uint8_t *m)
{
	struct host *h;

	if (hosts_solicited(&hosts, lladdr, m, now, &h))
		return NULL;
	return h;
}

static void confirm(struct host *h)
{
	ck_assert_ptr_nonnull(h);
	hosts_reachable(&hosts, &h->key.lladdr, now);
	ck_assert(h->confirmed);
}

/* On to that time; others answer probes if there is one to say so. */
static void pass(int64_t s, bool answers)
{
	mtime end = mtime_add(now, MTIME_SEC(s)), at;
	unsigned int probes;

	while (timers_next(&timers, &at) && !mtime_before(end, at)) {
		now = mtime_before(at, now) ? now : at;
		probes = did.probes;
		timers_run(&timers, now);
		if (answers && did.probes > probes)
			hosts_reachable(&hosts, &ll, now);
	}
	now = end;
}

/* Another host, by number. */
static struct host *other(unsigned int i)
{
	uint8_t m[6] = {2, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};

	return solicit(&ll, m);
}

START_TEST(each_host_has_its_own)
{
	struct host *a = solicit(&ll, mac), *b;
	struct in6_addr ll2 = addr("fe80::10"), prefix = a->prefix;
	unsigned int i, j;

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_eq(solicit(&ll, mac), a);
	b = solicit(&ll2, mac);
	ck_assert_ptr_ne(a, b);
	ck_assert(!ip6_addr_eq(&a->prefix, &b->prefix));
	for (i = 0; i < 8; i++)
		ck_assert_uint_eq(prefix.s6_addr[8 + i], 0);
	ck_assert_uint_eq(did.routes, 2);
	/* the address may be any in it */
	prefix.s6_addr[15] = 77;
	ck_assert_ptr_eq(hosts_find(&hosts, &prefix), a);
	ck_assert_ptr_nonnull(hosts_by_mac(&hosts, mac));
	ck_assert_ptr_null(hosts_by_mac(&hosts, (const uint8_t[6]){9}));
	for (i = 0; i < 500; i++)
		ck_assert_ptr_nonnull(other(i));
	for (i = 0; i < 500; i++)
		for (j = 0; j < i; j++)
			ck_assert(!ip6_addr_eq(&other(i)->prefix,
					       &other(j)->prefix));
}
END_TEST

START_TEST(the_same_again_after_all_is_forgotten)
{
	struct in6_addr prefix = solicit(&ll, mac)->prefix;

	hosts_fini(&hosts);
	begin("2001:db8:100::", 48);
	ck_assert(ip6_addr_eq(&solicit(&ll, mac)->prefix, &prefix));
}
END_TEST

/* All of a short range are given, and no more; then one is free again. */
START_TEST(full)
{
	struct host *h;
	unsigned int i;

	hosts_fini(&hosts);
	begin("2001:db8:100::", 60);
	for (i = 0; i < 16; i++)
		confirm(other(i));
	ck_assert_int_eq(hosts_solicited(&hosts, &ll, mac, now, &h),
			 REASON_HOSTS_FULL);
	ck_assert_ptr_null(h);
	pass(LEASE, false);
	ck_assert_ptr_nonnull(solicit(&ll, mac));
	hosts_fini(&hosts);
	begin("2001:db8::", 32);
	for (i = 0; i < HOSTS_MAX; i++)
		confirm(other(i));
	ck_assert_ptr_null(solicit(&ll, mac));
}
END_TEST

/* Solicitations from addresses that are nobody's keep nobody out: who is not
 * seen to be there gives way, and who is does not. */
START_TEST(trials_give_way)
{
	struct in6_addr there = addr("fe80::10"), prefix;
	unsigned int i;

	hosts_fini(&hosts);
	begin("2001:db8:100::", 60);
	for (i = 0; i < 16; i++)
		ck_assert_ptr_nonnull(other(i));
	ck_assert_ptr_nonnull(solicit(&there, mac));
	ck_assert_uint_eq(did.ended, 1);
	ck_assert_uint_eq(did.deleted, 0);
	confirm(solicit(&there, mac));
	prefix = solicit(&there, mac)->prefix;
	for (i = 100; i < 200; i++)
		ck_assert_ptr_nonnull(other(i));
	ck_assert_uint_eq(did.ended, 101);
	ck_assert_ptr_nonnull(hosts_find(&hosts, &prefix));
}
END_TEST

/* One host of many link-local addresses does not get them all. */
START_TEST(many_of_a_mac)
{
	struct in6_addr a = ll;
	unsigned int i;

	for (i = 0; i < HOSTS_MAC_MAX; i++) {
		a.s6_addr[14] = (uint8_t)i;
		confirm(solicit(&a, mac));
	}
	a.s6_addr[14] = (uint8_t)i;
	ck_assert_ptr_null(solicit(&a, mac));
	ck_assert_uint_eq(did.routes, HOSTS_MAC_MAX);
	ck_assert_ptr_nonnull(other(1));
	a.s6_addr[14] = 0;
	ck_assert_ptr_nonnull(solicit(&a, mac));
}
END_TEST

/* Who only solicits keeps nothing for long, and nothing goes to disk. */
START_TEST(on_trial_until_seen)
{
	int i;

	solicit(&ll, mac);
	ck_assert_uint_eq(did.probes, 1);
	for (i = 0; i < HOSTS_TRIAL - 1; i++) {
		pass(1, false);
		solicit(&ll, mac);
		ck_assert_uint_eq(did.routes, 1);
	}
	ck_assert_uint_gt(did.probes, 5);
	pass(2, false);
	ck_assert_uint_eq(did.ended, 1);
	ck_assert_uint_eq(did.stored + did.deleted, 0);
}
END_TEST

/* It is looked for, and told again before what it was told is over. */
START_TEST(as_long_as_it_is_there)
{
	solicit(&ll, mac);
	hosts_reachable(&hosts, &ll, now);
	ck_assert_uint_eq(did.stored, 1);
	pass(10 * LEASE, true);
	ck_assert_uint_eq(did.ended, 0);
	ck_assert_uint_ge(did.told, 9 * HOSTS_REFRESH);
	ck_assert_uint_le(did.told, 10 * HOSTS_REFRESH);
	ck_assert_uint_le(did.stored, 10 * 2 * HOSTS_REFRESH + 1);
}
END_TEST

START_TEST(a_lease_after_it_has_gone)
{
	unsigned int probes;

	solicit(&ll, mac);
	hosts_reachable(&hosts, &ll, now);
	hosts_failed(&hosts, &ll, now);
	probes = did.probes;
	pass(LEASE - 1, false);
	ck_assert_uint_eq(did.ended, 0);
	ck_assert_uint_eq(did.probes, probes);
	pass(1, false);
	ck_assert_uint_eq(did.ended, 1);
	ck_assert_uint_eq(did.deleted, 1);
	ck_assert_ptr_null(hosts.table);
}
END_TEST

/* A binding keeps it, and says when data has to come to the tunnel. */
START_TEST(kept_by_bindings)
{
	struct in6_addr hoa = solicit(&ll, mac)->prefix, hoa2 = hoa;

	hoa.s6_addr[15] = 1;
	hoa2.s6_addr[15] = 2;
	hosts_bound(&hosts, &hoa, true, now);
	ck_assert_int_eq(did.away, 1);
	did.away = -1;
	hosts_bound(&hosts, &hoa2, true, now);
	hosts_bound(&hosts, &hoa, false, now);
	ck_assert_int_eq(did.away, -1);
	hosts_failed(&hosts, &ll, now);
	pass(3 * LEASE, false);
	ck_assert_uint_eq(did.ended, 0);
	hosts_bound(&hosts, &hoa2, false, now);
	ck_assert_int_eq(did.away, 0);
	pass(LEASE - 1, false);
	ck_assert_uint_eq(did.ended, 0);
	pass(1, false);
	ck_assert_uint_eq(did.ended, 1);
	/* nobody's */
	hosts_bound(&hosts, &hoa, true, now);
	hosts_bound(&hosts, &hoa, false, now);
}
END_TEST

START_TEST(kept_by_owners)
{
	struct in6_addr hoa = solicit(&ll, mac)->prefix;

	hosts_reachable(&hosts, &ll, now);
	hosts_failed(&hosts, &ll, now);
	hosts_keep(&hosts, &hoa, mtime_add(now, MTIME_SEC(5 * LEASE)));
	hosts_keep(&hosts, &hoa, mtime_add(now, MTIME_SEC(4 * LEASE)));
	pass(5 * LEASE - 1, false);
	ck_assert_uint_eq(did.ended, 0);
	pass(1, false);
	ck_assert_uint_eq(did.ended, 1);
}
END_TEST

START_TEST(restored)
{
	struct in6_addr prefix = addr("2001:db8:100:7::");
	struct in6_addr foreign = addr("2001:db8:101:7::");
	const mtime seen = mtime_sub(now, MTIME_SEC(LEASE - 10)), none = {0};

	ck_assert_int_eq(hosts_restore(&hosts, &ll, mac, &foreign, seen, none,
				       now), -EINVAL);
	ck_assert_int_eq(hosts_restore(&hosts, &ll, mac, &prefix, seen, none,
				       mtime_add(now, MTIME_SEC(10))), -ETIME);
	ck_assert_int_eq(hosts_restore(&hosts, &ll, mac, &prefix, seen, none,
				       now), 0);
	ck_assert_int_eq(hosts_restore(&hosts, &ll, mac, &prefix, seen, none,
				       now), -EEXIST);
	ck_assert(ip6_addr_eq(&solicit(&ll, mac)->prefix, &prefix));
	ck_assert_uint_eq(did.routes, 0);	/* who restores sets them */
	pass(11, false);
	ck_assert_uint_eq(did.ended, 0);	/* it solicited */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hosts");
	TCase *tc = tcase_create("hosts");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_host_has_its_own);
	tcase_add_test(tc, the_same_again_after_all_is_forgotten);
	tcase_add_test(tc, full);
	tcase_add_test(tc, trials_give_way);
	tcase_add_test(tc, many_of_a_mac);
	tcase_add_test(tc, on_trial_until_seen);
	tcase_add_test(tc, as_long_as_it_is_there);
	tcase_add_test(tc, a_lease_after_it_has_gone);
	tcase_add_test(tc, kept_by_bindings);
	tcase_add_test(tc, kept_by_owners);
	tcase_add_test(tc, restored);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
