/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ha/pool: which address is assigned next. And what kedge-ha.conf may say of
 * pools. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ha/conf.h"
#include "ha/pool.h"

static struct {
	struct in6_addr v[512];
	size_t n;
	bool all;
	unsigned int asked;
} used;

static struct pool_recent recent;
static struct ip6_prefix pool;
static uint64_t fixed_random;

static bool is_taken(void *arg, const struct in6_addr *addr)
{
	size_t i;

	ck_assert_ptr_eq(arg, &used);
	ck_assert(ip6_prefix_has(&pool, addr));
	used.asked++;
	for (i = 0; i < used.n; i++)
		if (ip6_addr_eq(&used.v[i], addr))
			return true;
	return used.all;
}

static void same_number(void *buf, size_t n)
{
	ck_assert_uint_eq(n, sizeof(fixed_random));
	memcpy(buf, &fixed_random, n);
}

static int pick_by(void (*random)(void *buf, size_t n), struct in6_addr *out)
{
	const struct pool_ops ops = {
		.taken = is_taken, .random = random, .n_taken = used.n,
	};

	return pool_pick(&pool, &recent, &ops, &used, out);
}

/* Picks one, which is used then. */
static int pick(struct in6_addr *out)
{
	int err = pick_by(randombytes_buf, out);

	if (!err)
		used.v[used.n++] = *out;
	return err;
}

static void set_pool(const char *text, uint8_t len)
{
	pool.len = len;
	ck_assert_int_eq(inet_pton(AF_INET6, text, &pool.addr), 1);
}

static void setup(void)
{
	memset(&used, 0, sizeof(used));
	memset(&recent, 0, sizeof(recent));
	set_pool("2001:db8:1:0:8000::", 80);
}

START_TEST(not_in_order)
{
	struct in6_addr a, b;

	ck_assert_int_eq(pick(&a), 0);
	ck_assert_int_eq(pick(&b), 0);
	/* 2^-32, that they have the same upper half */
	ck_assert(memcmp(&a.s6_addr[10], &b.s6_addr[10], 4));
}
END_TEST

/* Every address of a pool, of any size and none twice; then no more. */
START_TEST(all_of_it)
{
	struct in6_addr addr;
	int i;

	set_pool("2001:db8:1:0:8000::", (uint8_t)(128 - _i));
	for (i = 0; i < 1 << _i; i++)
		ck_assert_int_eq(pick(&addr), 0);
	used.asked = 0;
	ck_assert_int_eq(pick(&addr), -ENOSPC);
	ck_assert_uint_le(used.asked, 16 + (1U << _i));
}
END_TEST

/* A full pool of many costs no more than what is taken. */
START_TEST(bounded)
{
	struct in6_addr addr;

	used.all = true;
	ck_assert_int_eq(pick(&addr), -ENOSPC);
	ck_assert_uint_le(used.asked, 16 + 128 + 2 + POOL_RECENT);
}
END_TEST

START_TEST(not_those_just_released)
{
	struct in6_addr addr, first, second;

	set_pool("2001:db8:1:0:8000::", 127);
	ck_assert_int_eq(pick(&first), 0);
	pool_released(&recent, &first);
	used.n = 0;
	ck_assert_int_eq(pick(&second), 0);
	ck_assert(!ip6_addr_eq(&first, &second));
	/* but rather that than none */
	ck_assert_int_eq(pick(&addr), 0);
	ck_assert(ip6_addr_eq(&first, &addr));
}
END_TEST

START_TEST(not_the_reserved)
{
	static const struct {
		uint64_t random;
		const char *picked;
	} v[] = {
		{ 0, "2001:db8:1::1" },		/* the routers' anycast */
		{ 0x7dffffffffffff7f, "2001:db8:1:0:7dff:ffff:ffff:ff7f" },
	};
	struct in6_addr addr;
	size_t i;

	set_pool("2001:db8:1::", 65);
	for (i = 0; i < sizeof(v) / sizeof(*v); i++) {
		fixed_random = v[i].random;
		ck_assert_int_eq(pick_by(same_number, &addr), 0);
		ck_assert_str_eq(ip6_str(&addr), v[i].picked);
	}
	/* RFC 2526's anycast addresses: the next after them is 0 again */
	set_pool("2001:db8:1:0:fdff:ffff:ffff:ff00", 120);
	fixed_random = 0x80;
	ck_assert_int_eq(pick_by(same_number, &addr), 0);
	ck_assert_str_eq(ip6_str(&addr), "2001:db8:1:0:fdff:ffff:ffff:ff00");
	set_pool("2001:db8:1:0:fdff:ffff:ffff:ff80", 121);
	ck_assert_int_eq(pick(&addr), -ENOSPC);
}
END_TEST

/* The configuration */

static char told[2048];

static int load(const char *ha, const char *link, const char *ike)
{
	char path[] = "/tmp/check_pool.XXXXXX";
	int fd = mkstemp(path), err;
	FILE *f = fdopen(fd, "w"), *errs = fmemopen(told, sizeof(told), "w");
	struct ha_conf conf;

	ck_assert(f && errs);
	fprintf(f, "[ha]\naddress = 2001:db8:1::1\n%s[link eth0]\n"
		"prefix = 2001:db8:1::/64\n%s%s", ha, link, ike);
	fclose(f);
	err = ha_conf_load(&conf, path, errs);
	fclose(errs);
	ha_conf_free(&conf);
	unlink(path);
	return err;
}

#define IKE "[ike]\nidentity = ar1.example.org\n[psk a]\nidentity = *\n" \
	"secret = of the test\n"
#define FOR_ALL "[ike]\nidentity = ar1.example.org\npool-identity = *\n" \
	"[psk a]\nidentity = *\nsecret = of the test\n"

/* A build without IKE refuses [ike]. */
#ifdef HAVE_IKE
enum { GOOD = 0 };
#else
enum { GOOD = -EINVAL };
#endif

START_TEST(configured)
{
	static const struct {
		const char *link, *ike, *fault;
	} bad[] = {
		{ "pool = 2001:db8:2:0:8000::/80\n", FOR_ALL, "not a part" },
		{ "pool = 2001:db8:1::/64\n", FOR_ALL, "not a part" },
		{ "pool = 2001:db8:1::/65\n", FOR_ALL, "address of [ha]" },
		{ "pool = 2001:db8:1::/112\n", FOR_ALL, "address of [ha]" },
		{ "prefix = 2001:db8::/32\npool = 2001:db8:7::/64\n", FOR_ALL,
		  "more than half" },
		{ "pool = 2001:db8:1:0:8000::/80\n", IKE, "for nobody" },
		{ "pool = 2001:db8:1:0:8000::/80\n", "", "without [ike]" },
	};
	size_t i;

	ck_assert_int_eq(load("", "pool = 2001:db8:1:0:8000::/80\n",
			      FOR_ALL), GOOD);
	ck_assert_int_eq(load("pool-max = 7\n", "pool = 2001:db8:1::8000:0/97\n"
			      "pool = 2001:db8:1:0:8000::/65\n", FOR_ALL), GOOD);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_int_eq(load("", bad[i].link, bad[i].ike), -EINVAL);
		ck_assert_msg(strstr(told, bad[i].fault), "%zu: '%s', not %s",
			      i, told, bad[i].fault);
	}
}
END_TEST

#define OWNER(name, hoa, prefix) "[owner " name "]\nhoa = 2001:db8:1::" hoa \
	"\nidentity = " name "\nprefix = " prefix "\n"

/* What [link] and [owner] may say of prefixes besides. */
START_TEST(other_prefixes)
{
	static const char net[] = "advertise = yes\n"
				  "host-prefixes = 2001:db8:100::/48\n";
	static const struct {
		const char *link, *owners, *fault;
	} bad[] = {
		{ "host-prefixes = 2001:db8:100::/48\n", "",
		  "needs advertise" },
		{ "advertise = yes\nhost-prefixes = 2001:db8:100::/64\n", "",
		  "32 to 63 bits" },
		{ "advertise = yes\nhost-prefixes = 2001:db8::/32\n", "",
		  "address of [ha]" },
		{ "prefix = 2001:db8:100:7::/64\nadvertise = yes\n"
		  "host-prefixes = 2001:db8:100::/48\n", "", "overlaps" },
		{ net, OWNER("a", "5", "2001:db8:100:1::/64"),
		  "overlaps host-prefixes" },
		{ net, OWNER("a", "5", "2001:db8:1::/60"), "address of [ha]" },
		{ net, OWNER("a", "5", "2001:db8:5::/59"), "60 to 64 bits" },
		{ net, OWNER("a", "5", "2001:db8:5::/60\n"
			     "prefix = 2001:db8:6::/64"), "more than" },
		{ net, OWNER("a", "5", "2001:db8:5::/62")
		  OWNER("b", "6", "2001:db8:5:1::/64"), "another [owner]" },
	};
	size_t i;

	ck_assert_int_eq(load("", net, OWNER("a", "5", "2001:db8:5::/62")
			      OWNER("b", "6", "2001:db8:5:4::/64")), 0);
	/* an address of a host's own prefix may have an owner for good */
	ck_assert_int_eq(load("", net, "[owner a]\nidentity = a\n"
			      "hoa = 2001:db8:100:7::9\n"), 0);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_int_eq(load("", bad[i].link, bad[i].owners),
				 -EINVAL);
		ck_assert_msg(strstr(told, bad[i].fault), "%zu: '%s', not %s",
			      i, told, bad[i].fault);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pool");
	TCase *tc = tcase_create("pool");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, not_in_order);
	tcase_add_loop_test(tc, all_of_it, 0, 9);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, not_those_just_released);
	tcase_add_test(tc, not_the_reserved);
	tcase_add_test(tc, configured);
	tcase_add_test(tc, other_prefixes);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
