/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves by hand as the store has them: damage is seen, nonsense is refused. */
#include <arpa/inet.h>
#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mn/kept.h"

static struct kept kept;

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

/* A home address, and a flow. */
static void setup(void)
{
	kept = (struct kept){.n = 2};
	memset(kept.boot, 'b', sizeof(kept.boot));
	kept.orders[0].key.hoa = addr("2001:db8:1::10");
	strcpy(kept.orders[0].iface, "wlan0");
	kept.orders[1] = (struct kept_order){
		.key = {.hoa = addr("2001:db8:1::10"),
			.peer = addr("2001:db8:c::2"),
			.hoa_port = htons(4000), .peer_port = htons(443),
			.proto = IPPROTO_TCP},
		.cookie = 7, .iface = "eth0",
	};
	kept_seal(&kept);
}

static void nonsense(void)
{
	kept_seal(&kept);
	ck_assert_ptr_nonnull(kept_wrong(&kept));
	setup();
}

START_TEST(good)
{
	ck_assert_ptr_null(kept_wrong(&kept));
	kept.n = 0;
	kept_seal(&kept);
	ck_assert_ptr_null(kept_wrong(&kept));
}
END_TEST

START_TEST(each_byte)
{
	uint8_t *at = (uint8_t *)&kept;
	size_t i;

	for (i = 0; i < sizeof(kept); i++) {
		at[i] ^= 1;
		ck_assert_msg(kept_wrong(&kept), "byte %zu", i);
		at[i] ^= 1;
	}
	ck_assert_ptr_null(kept_wrong(&kept));
}
END_TEST

START_TEST(sums_right_but)
{
	struct kept_order *flow = &kept.orders[1];

	kept.n = KEPT_MAX + 1;
	nonsense();
	kept.n = 3;			/* an empty one */
	nonsense();
	kept.orders[0].key.hoa = addr("fe80::1");
	nonsense();
	kept.orders[0].key.peer_port = 1;	/* neither the one nor */
	nonsense();
	kept.orders[0].cookie = 1;		/* the other */
	nonsense();
	memset(flow->iface, 'x', sizeof(flow->iface));
	nonsense();
	flow->iface[0] = '\0';
	nonsense();
	flow->key.hoa_port = 0;
	nonsense();
	flow->key.proto = IPPROTO_ICMPV6;
	nonsense();
	flow->key.peer = addr("ff02::1");
	nonsense();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kept");
	TCase *tc = tcase_create("kept");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, good);
	tcase_add_test(tc, each_byte);
	tcase_add_test(tc, sums_right_but);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
