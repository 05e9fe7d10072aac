/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which sockets keep which address. policy_match() is a fake: what is not this
 * module's is not linked. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "mn/use.h"

static struct policy policy;

/* Rule 0 is port 53's, rule 1 port 5060's. */
int policy_match(const struct policy *p, const struct policy_flow *flow)
{
	ck_assert_ptr_eq(p, &policy);
	ck_assert_str_eq(flow->comm, "");
	return flow->port == 53 ? 0 : flow->port == 5060 ? 1 : -1;
}

static struct in6_addr ip(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static void set_policy(void)
{
	policy = (struct policy){.dflt = SERVICE_SESSION_LASTING, .n_rules = 2};
	policy.rules[0].match.service = SERVICE_NONPERSISTENT;
	policy.rules[1].match.service = SERVICE_GRACEFUL;
}

static struct sock_rec tcp(uint8_t state)
{
	return (struct sock_rec){
		.local = ip("2001:db8:1::10"), .remote = ip("2001:db8::1"),
		.remote_port = state == TCP_LISTEN ? 0 : 80,
		.protocol = IPPROTO_TCP, .tcp_state = state, .inode = 7,
		.bound = 1,
	};
}

static struct sock_rec udp(uint16_t port)
{
	struct sock_rec rec = tcp(TCP_CLOSE);

	rec.protocol = IPPROTO_UDP;
	rec.remote_port = port;
	return rec;
}

static struct sock_rec with(struct sock_rec rec, enum service service,
			    enum service_why why)
{
	rec.has_state = 1;
	rec.state.service = service;
	rec.state.why = why;
	rec.state.rule = 5;
	return rec;
}

static bool keeps(struct sock_rec rec)
{
	struct flow_type type = use_type(&policy, &rec);

	return use_keeps(&rec, &type);
}

START_TEST(test_type)
{
	struct sock_rec rec = udp(4000);
	struct flow_type type = use_type(&policy, &rec);

	ck_assert_int_eq(type.service, SERVICE_SESSION_LASTING);
	ck_assert_int_eq(type.why, SERVICE_WHY_DEFAULT);
	ck_assert_int_eq(type.rule, -1);
	rec = udp(53);
	type = use_type(&policy, &rec);
	ck_assert_int_eq(type.service, SERVICE_NONPERSISTENT);
	ck_assert_int_eq(type.why, SERVICE_WHY_POLICY);
	ck_assert_int_eq(type.rule, 0);
	/* what the socket programs say goes before what a rule would */
	rec = with(udp(53), SERVICE_FIXED, SERVICE_WHY_OPTION);
	type = use_type(&policy, &rec);
	ck_assert_int_eq(type.service, SERVICE_FIXED);
	ck_assert_int_eq(type.rule, -1);
	rec = with(udp(53), SERVICE_FIXED, SERVICE_WHY_POLICY);
	ck_assert_int_eq(use_type(&policy, &rec).rule, 5);
}
END_TEST

START_TEST(test_tcp)
{
	struct sock_rec rec;

	ck_assert(keeps(tcp(TCP_ESTABLISHED)));
	ck_assert(keeps(tcp(TCP_SYN_SENT)));
	ck_assert(keeps(tcp(TCP_CLOSE_WAIT)));
	ck_assert(keeps(tcp(TCP_CLOSE)));
	ck_assert(!keeps(tcp(TCP_TIME_WAIT)));
	ck_assert(!keeps(tcp(TCP_SYN_RECV)));
	ck_assert(!keeps(tcp(12)));	/* TCP_NEW_SYN_RECV */
	/* data that is on its way is waited for, a peer that does not close
	 * is not */
	rec = tcp(TCP_FIN_WAIT1);
	rec.inode = 0;
	ck_assert(keeps(rec));
	ck_assert(keeps(tcp(TCP_FIN_WAIT2)));
	rec.tcp_state = TCP_FIN_WAIT2;
	ck_assert(!keeps(rec));
	rec = with(tcp(TCP_ESTABLISHED), SERVICE_NONPERSISTENT,
		   SERVICE_WHY_OPTION);
	ck_assert(!keeps(rec));
	ck_assert(use_is_flow(&rec));
	/* not settled, or the policy's default */
	rec = with(tcp(TCP_ESTABLISHED), SERVICE_NONE, SERVICE_WHY_DEFAULT);
	ck_assert(keeps(rec));
	policy.dflt = SERVICE_NONE;
	ck_assert(!keeps(rec));
	ck_assert(!keeps(tcp(TCP_ESTABLISHED)));
	ck_assert(use_is_flow(&rec));
}
END_TEST

/* A server keeps an address if it asked for one to be reached at. */
START_TEST(test_listener)
{
	struct sock_rec rec = tcp(TCP_LISTEN);

	ck_assert(!keeps(rec));
	ck_assert(!use_is_flow(&rec));
	ck_assert(!keeps(with(rec, SERVICE_SESSION_LASTING,
			      SERVICE_WHY_DEFAULT)));
	ck_assert(keeps(with(rec, SERVICE_SESSION_LASTING,
			     SERVICE_WHY_OPTION)));
	ck_assert(keeps(with(rec, SERVICE_FIXED, SERVICE_WHY_RUN)));
	ck_assert(keeps(with(rec, SERVICE_FIXED, SERVICE_WHY_POLICY)));
	ck_assert(keeps(with(rec, SERVICE_FIXED, SERVICE_WHY_PREFER)));
	ck_assert(!keeps(with(rec, SERVICE_NONPERSISTENT,
			      SERVICE_WHY_OPTION)));
}
END_TEST

static void add(struct use_table *table, struct sock_rec rec, const char *local)
{
	rec.local = ip(local);
	use_table_add(table, &policy, &rec);
}

START_TEST(test_count)
{
	struct flow_use uses[4] = {
		{.addr = ip("2001:db8:3::10")}, {.addr = ip("2001:db8:1::10")},
		{.addr = ip("2001:db8:2::10"), .tcp = 99},
		{.addr = ip("2001:db8:1::10")},	/* twice */
	};
	struct use_table table;

	ck_assert_int_eq(use_table_init(&table, uses, 4), 0);
	use_table_clear(&table);
	add(&table, tcp(TCP_ESTABLISHED), "2001:db8:1::10");
	add(&table, tcp(TCP_ESTABLISHED), "2001:db8:1::10");
	add(&table, tcp(TCP_LISTEN), "2001:db8:1::10");
	add(&table, tcp(TCP_ESTABLISHED), "2001:db8:9::10");
	add(&table, udp(53), "2001:db8:1::10");
	add(&table, udp(4000), "2001:db8:3::10");
	add(&table, udp(5060), "2001:db8:3::10");
	use_table_finish(&table);
	use_table_fini(&table);
	ck_assert_uint_eq(uses[1].tcp, 2);
	ck_assert_uint_eq(uses[1].udp, 0);
	ck_assert_uint_eq(uses[1].nonpersistent, 1);
	ck_assert_mem_eq(&uses[1], &uses[3], sizeof(uses[1]));
	ck_assert_uint_eq(uses[2].tcp, 0);
	ck_assert_uint_eq(uses[0].udp, 2);
	ck_assert_uint_eq(uses[0].udp_asked, 1);
	ck_assert_uint_eq(uses[0].graceful, 1);
}
END_TEST

START_TEST(test_no_address)
{
	struct use_table table;

	ck_assert_int_eq(use_table_init(&table, NULL, 0), 0);
	add(&table, udp(1), "2001:db8:1::10");
	use_table_finish(&table);
	use_table_fini(&table);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("use");
	TCase *tc = tcase_create("use");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, set_policy, NULL);
	tcase_add_test(tc, test_type);
	tcase_add_test(tc, test_tcp);
	tcase_add_test(tc, test_listener);
	tcase_add_test(tc, test_count);
	tcase_add_test(tc, test_no_address);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
