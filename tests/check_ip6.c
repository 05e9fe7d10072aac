/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ip6.h"

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static struct ip6_pkt sample(bool hao, bool rh2)
{
	static const uint8_t upper[] = "0123456789abcdef";
	struct ip6_pkt pkt = {
		.src = addr("2001:db8:1::c0a"),
		.dst = addr("2001:db8:2::1"),
		.has_hao = hao,
		.has_rh2 = rh2,
		.hop_limit = 64,
		.proto = IP6_PROTO_MH,
		.upper = upper,
		.upper_len = 16,
	};

	if (hao)
		pkt.hao = addr("2001:db8:2::100");
	if (rh2)
		pkt.rh2 = addr("2001:db8:3::200");
	return pkt;
}

static void check_same(const struct ip6_pkt *a, const struct ip6_pkt *b)
{
	ck_assert(ip6_addr_eq(&a->src, &b->src));
	ck_assert(ip6_addr_eq(&a->dst, &b->dst));
	ck_assert(ip6_addr_eq(&a->hao, &b->hao));
	ck_assert(ip6_addr_eq(&a->rh2, &b->rh2));
	ck_assert(a->has_hao == b->has_hao && a->has_rh2 == b->has_rh2);
	ck_assert_uint_eq(a->hop_limit, b->hop_limit);
	ck_assert_uint_eq(a->proto, b->proto);
	ck_assert_uint_eq(a->upper_len, b->upper_len);
	ck_assert_mem_eq(a->upper, b->upper, a->upper_len);
}

START_TEST(build_then_parse)
{
	struct ip6_pkt pkt = sample(_i & 1, _i & 2), back;
	uint8_t buf[200];
	ssize_t n = ip6_build(buf, sizeof(buf), &pkt);

	ck_assert_int_eq(n, 40 + 16 + (_i & 1 ? 24 : 0) + (_i & 2 ? 24 : 0));
	ck_assert_int_eq(ip6_parse(&back, buf, (size_t)n), REASON_NONE);
	check_same(&pkt, &back);
	ck_assert_ptr_eq(ip6_home_src(&back), _i & 1 ? &back.hao : &back.src);
	ck_assert_ptr_eq(ip6_final_dst(&back), _i & 2 ? &back.rh2 : &back.dst);

	for (size_t cap = 0; cap < (size_t)n; cap++) {
		ck_assert_int_eq(ip6_build(buf, cap, &pkt), -EMSGSIZE);
		ck_assert_int_ne(ip6_parse(&back, buf, cap), REASON_NONE);
	}
	pkt.hop_limit = 0;
	ck_assert_int_eq(ip6_build(buf, sizeof(buf), &pkt), n);
	ck_assert_uint_eq(buf[7], 64);
}
END_TEST

/* RFC 6275 6.4.1: sent as zero, ignored when received */
START_TEST(rh2_reserved)
{
	static const uint8_t zero[4] = {0};
	struct ip6_pkt pkt = sample(false, true), back;
	uint8_t buf[200];
	ssize_t n = ip6_build(buf, sizeof(buf), &pkt);

	ck_assert_mem_eq(buf + 44, zero, 4);
	memset(buf + 44, 0xff, 4);
	ck_assert_int_eq(ip6_parse(&back, buf, (size_t)n), REASON_NONE);
	check_same(&pkt, &back);
}
END_TEST

/* An IPv6 header, then the given bytes as its payload. */
static enum reason parse_raw(struct ip6_pkt *out, uint8_t next,
			     const void *payload, size_t len)
{
	static uint8_t buf[2048];
	struct ip6_pkt pkt = sample(false, false);

	pkt.proto = next;
	pkt.upper = payload;
	pkt.upper_len = len;
	ck_assert_int_gt(ip6_build(buf, sizeof(buf), &pkt), 0);
	return ip6_parse(out, buf, 40 + len);
}

#define HAO "\xc9\x10\x20\x01\x0d\xb8\0\2\0\0\0\0\0\0\0\0\1\0"
#define RH2(next, left) next "\2\2" left "\0\0\0\0" \
	"\x20\x01\x0d\xb8\0\2\0\0\0\0\0\0\0\0\2\0"

static const struct {
	const char *what;
	uint8_t next;
	const char *bytes;
	size_t len;
	enum reason reason;
} raw_cases[] = {
#define CASE(what, next, bytes, reason) \
	{what, next, bytes, sizeof(bytes) - 1, reason}
	CASE("hop-by-hop first", 0, "\x3b\0\1\4\0\0\0\0", REASON_NONE),
	CASE("hop-by-hop after destination options", 60,
	     "\0\0\1\4\0\0\0\0\x3b\0\1\4\0\0\0\0", REASON_BAD_EXTHDR),
	CASE("destination options twice", 60,
	     "\x3c\0\1\4\0\0\0\0\x3b\0\1\4\0\0\0\0", REASON_NONE),
	CASE("eight Pad1", 60, "\x3b\0\0\0\0\0\0\0", REASON_NONE),
	CASE("unknown option, 00", 60, "\x3b\0\x1e\4\0\0\0\0", REASON_NONE),
	CASE("unknown option, 01", 60, "\x3b\0\x5e\4\0\0\0\0",
	     REASON_BAD_OPTION),
	CASE("unknown option, 10", 60, "\x3b\0\x9e\4\0\0\0\0",
	     REASON_BAD_OPTION),
	CASE("unknown option, 11", 60, "\x3b\0\xde\4\0\0\0\0",
	     REASON_BAD_OPTION),
	CASE("option beyond its header", 60, "\x3b\0\1\5\0\0\0\0",
	     REASON_BAD_OPTION),
	CASE("option without a length", 60, "\x3b\0\1\3\0\0\0\1",
	     REASON_BAD_OPTION),
	CASE("header beyond the packet", 60, "\x3b\1\1\4\0\0\0\0",
	     REASON_TRUNCATED),
	CASE("extension header missing", 60, "", REASON_TRUNCATED),
	CASE("HAO", 60, "\x3b\2\1\2\0\0" HAO, REASON_NONE),
	CASE("HAO not aligned", 60, "\x3b\2" HAO "\1\2\0\0", REASON_NONE),
	CASE("HAO in hop-by-hop", 0, "\x3b\2\1\2\0\0" HAO,
	     REASON_BAD_OPTION),
	CASE("HAO twice in a header", 60,
	     "\x3b\4\1\0" HAO HAO, REASON_BAD_OPTION),
	CASE("HAO in two headers", 60,
	     "\x3c\2\1\2\0\0" HAO "\x3b\2\1\2\0\0" HAO, REASON_BAD_OPTION),
	CASE("HAO too short", 60,
	     "\x3b\2\1\3\0\0\0\xc9\x0f\x20\x01\x0d\xb8\0\2\0\0\0\0\0\0\0\0\1",
	     REASON_BAD_OPTION),
	CASE("HAO is link-local", 60,
	     "\x3b\2\1\2\0\0\xc9\x10\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\1\0",
	     REASON_BAD_ADDRESS),
	CASE("RH2", 43, RH2("\x3b", "\1"), REASON_NONE),
	CASE("RH2, none left", 43, RH2("\x3b", "\0"), REASON_BAD_RH),
	CASE("RH2, two left", 43, RH2("\x3b", "\2"), REASON_BAD_RH),
	CASE("RH2 twice", 43, RH2("\x2b", "\1") RH2("\x3b", "\1"),
	     REASON_BAD_EXTHDR),
	CASE("RH2 after HAO", 60, "\x2b\2\1\2\0\0" HAO RH2("\x3b", "\1"),
	     REASON_BAD_EXTHDR),
	CASE("RH2 too short", 43, "\x3b\0\2\1\0\0\0\0", REASON_BAD_RH),
	CASE("RH2 is multicast", 43,
	     "\x3b\2\2\1\0\0\0\0\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1",
	     REASON_BAD_ADDRESS),
	CASE("RH2 is link-local", 43,
	     "\x3b\2\2\1\0\0\0\0\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1",
	     REASON_BAD_ADDRESS),
	CASE("other RH, none left", 43, "\x3b\0\4\0\0\0\0\0", REASON_NONE),
	CASE("other RH, one left", 43, "\x3b\0\4\1\0\0\0\0", REASON_BAD_RH),
	CASE("fragment", 44, "\x3b\0\0\1\0\0\0\0", REASON_FRAGMENT),
	CASE("fragment after options", 60,
	     "\x2c\0\1\4\0\0\0\0\x3b\0\0\0\0\0\0\0", REASON_FRAGMENT),
#undef CASE
};

START_TEST(extension_headers)
{
	struct ip6_pkt pkt;
	enum reason reason = parse_raw(&pkt, raw_cases[_i].next,
				       raw_cases[_i].bytes, raw_cases[_i].len);

	ck_assert_msg(reason == raw_cases[_i].reason, "%s: %s",
		      raw_cases[_i].what, reason_str(reason));
	if (reason == REASON_NONE) {
		ck_assert_uint_eq(pkt.proto, IP6_PROTO_NONE);
		ck_assert_uint_eq(pkt.upper_len, 0);
	}
}
END_TEST

START_TEST(header)
{
	struct ip6_pkt pkt = sample(false, false), back;
	uint8_t buf[2000], upper[1500] = {0};
	ssize_t n = ip6_build(buf, sizeof(buf), &pkt);

	/* what the link layer padded is not ours */
	ck_assert_int_eq(ip6_parse(&back, buf, (size_t)n + 6), REASON_NONE);
	check_same(&pkt, &back);
	buf[0] = 0x45;
	ck_assert_int_eq(ip6_parse(&back, buf, (size_t)n), REASON_NOT_IPV6);
	buf[0] = 0x6f;	/* traffic class */
	ck_assert_int_eq(ip6_parse(&back, buf, (size_t)n), REASON_NONE);
	ck_assert_int_eq(ip6_parse(&back, buf, 0), REASON_TRUNCATED);

	pkt.upper = upper;
	pkt.upper_len = 1460;
	n = ip6_build(buf, sizeof(buf), &pkt);
	ck_assert_int_eq(ip6_parse(&back, buf, (size_t)n), REASON_NONE);
	pkt.upper_len = 1461;
	n = ip6_build(buf, sizeof(buf), &pkt);
	ck_assert_int_eq(ip6_parse(&back, buf, (size_t)n), REASON_OVERSIZE);
	pkt.upper_len = 65536;
	ck_assert_int_eq(ip6_build(buf, sizeof(buf), &pkt), -EMSGSIZE);
}
END_TEST

/* An ICMPv6 echo request of scapy's: IPv6(src='2001:db8::1',
 * dst='2001:db8::2')/ICMPv6EchoRequest(id=1,seq=2,data='odd') */
START_TEST(checksum)
{
	struct in6_addr src = addr("2001:db8::1"), dst = addr("2001:db8::2");
	uint8_t echo[] = {128, 0, 0, 0, 0, 1, 0, 2, 'o', 'd', 'd'};
	uint16_t sum = ip6_checksum(&src, &dst, IP6_PROTO_ICMPV6, echo, 11);

	ck_assert_uint_eq(sum, 0x50dd);
	echo[2] = (uint8_t)(sum >> 8);
	echo[3] = (uint8_t)sum;
	ck_assert_uint_eq(ip6_checksum(&src, &dst, 58, echo, 11), 0);
	ck_assert_uint_ne(ip6_checksum(&src, &src, 58, echo, 11), 0);
	ck_assert_uint_ne(ip6_checksum(&src, &dst, 135, echo, 11), 0);
	ck_assert_uint_eq(ip6_checksum(&dst, &src, 58, echo, 11), 0);
}
END_TEST

START_TEST(unicast_routable)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {
		{"2001:db8::1", true}, {"fd00::1", true}, {"64:ff9b::1", true},
		{"fec0::1", true}, {"::", false}, {"::1", false},
		{"fe80::1", false}, {"febf::1", false}, {"ff02::1", false},
		{"ff0e::1", false}, {"::ffff:192.0.2.1", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct in6_addr a = addr(cases[i].text);

		ck_assert_msg(ip6_unicast_routable(&a) == cases[i].is, "%s",
			      cases[i].text);
	}
}
END_TEST

START_TEST(prefix)
{
	struct in6_addr a = addr("2001:db8:ff00::1");
	struct ip6_prefix p = {addr("2001:db8:ff00::1"), 0};
	struct in6_addr off;

	for (p.len = 0; p.len <= 128; p.len++) {
		ck_assert(ip6_prefix_has(&p, &a));
		for (unsigned int bit = 0; bit < 128; bit++) {
			off = a;
			off.s6_addr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			ck_assert(ip6_prefix_has(&p, &off) == (bit >= p.len));
		}
	}
	p.len = 129;
	ck_assert(!ip6_prefix_has(&p, &a));
}
END_TEST

START_TEST(mask)
{
	struct ip6_prefix p;

	inet_pton(AF_INET6, "2001:db8:1:2:ffff:ffff:ffff:ffff", &p.addr);
	p.len = 128;
	ip6_prefix_mask(&p);
	ck_assert_str_eq(ip6_str(&p.addr), "2001:db8:1:2:ffff:ffff:ffff:ffff");
	p.len = 67;
	ip6_prefix_mask(&p);
	ck_assert_str_eq(ip6_str(&p.addr), "2001:db8:1:2:e000::");
	p.len = 64;
	ip6_prefix_mask(&p);
	ck_assert_str_eq(ip6_str(&p.addr), "2001:db8:1:2::");
	p.len = 0;
	ip6_prefix_mask(&p);
	ck_assert_str_eq(ip6_str(&p.addr), "::");
}
END_TEST

START_TEST(text)
{
	struct in6_addr a = addr("2001:db8::1"), b = addr("fe80::2");
	const char *first = ip6_str(&a);

	for (int i = 0; i < 7; i++)
		ck_assert_str_eq(ip6_str(&b), "fe80::2");
	ck_assert_str_eq(first, "2001:db8::1");
	for (int i = -1; i <= REASON__MAX; i++) {
		ck_assert_ptr_nonnull(reason_str((enum reason)i));
		ck_assert_ptr_nonnull(reason_text((enum reason)i));
	}
	ck_assert_str_eq(reason_str(REASON_ESP_REPLAY), "esp_replay");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ip6");
	TCase *tc = tcase_create("ip6");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, build_then_parse, 0, 4);
	tcase_add_test(tc, rh2_reserved);
	tcase_add_loop_test(tc, extension_headers, 0,
			    sizeof(raw_cases) / sizeof(raw_cases[0]));
	tcase_add_test(tc, header);
	tcase_add_test(tc, checksum);
	tcase_add_test(tc, unicast_routable);
	tcase_add_test(tc, prefix);
	tcase_add_test(tc, mask);
	tcase_add_test(tc, text);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
