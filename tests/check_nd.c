/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ip6.h"
#include "proto/nd.h"

static uint64_t seed;
static struct in6_addr router, host, global, all_nodes, unspecified;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void rnd_bytes(void *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)rnd();
}

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static void setup(void)
{
	seed = 0x9e3779b97f4a7c15;
	router = addr("fe80::1");
	host = addr("fe80::2");
	global = addr("2001:db8::100");
	all_nodes = addr("ff02::1");
	unspecified = addr("::");
}

static struct ip6_pkt packet(const struct in6_addr *src,
			     const struct in6_addr *dst,
			     const uint8_t *icmp, size_t len)
{
	return (struct ip6_pkt){
		.src = *src, .dst = *dst, .hop_limit = 255,
		.proto = IP6_PROTO_ICMPV6, .upper = icmp, .upper_len = len,
	};
}

static void fix(const struct ip6_pkt *pkt, uint8_t *icmp)
{
	uint16_t sum;

	icmp[2] = icmp[3] = 0;
	sum = ip6_checksum(&pkt->src, &pkt->dst, 58, icmp, pkt->upper_len);
	icmp[2] = (uint8_t)(sum >> 8);
	icmp[3] = (uint8_t)sum;
}

static void random_ra(struct nd_ra *ra)
{
	memset(ra, 0, sizeof(*ra));
	ra->hop_limit = (uint8_t)rnd();
	ra->managed = rnd() % 2;
	ra->other = rnd() % 2;
	ra->home_agent = rnd() % 2;
	ra->lifetime = (uint16_t)rnd();
	ra->reachable = (uint32_t)rnd();
	ra->retrans = (uint32_t)rnd();
	ra->has_slla = rnd() % 2;
	if (ra->has_slla)
		rnd_bytes(ra->slla, 6);
	ra->mtu = rnd() % 2 ? (uint32_t)rnd() : 0;
	ra->adv_interval = rnd() % 2 ? (uint32_t)rnd() : 0;
	ra->has_ha_info = rnd() % 2;
	if (ra->has_ha_info) {
		ra->ha_preference = (uint16_t)rnd();
		ra->ha_lifetime = (uint16_t)rnd();
	}
	ra->n_prefixes = rnd() % (ND_PREFIXES_MAX + 1);
	for (size_t i = 0; i < ra->n_prefixes; i++) {
		struct nd_prefix *p = &ra->prefixes[i];

		rnd_bytes(&p->prefix, 16);
		p->len = rnd() % 129;
		p->on_link = rnd() % 2;
		p->autonomous = rnd() % 2;
		p->router_addr = rnd() % 2;
		p->valid = (uint32_t)rnd();
		p->preferred = (uint32_t)rnd();
	}
}

START_TEST(ra_build_then_parse)
{
	uint8_t buf[512];
	struct nd_ra ra, back;
	struct ip6_pkt pkt;
	ssize_t n;

	for (int i = 0; i < 1000; i++) {
		random_ra(&ra);
		n = nd_ra_build(buf, sizeof(buf), &ra, &router, &all_nodes);
		ck_assert_int_gt(n, 0);
		pkt = packet(&router, &all_nodes, buf, (size_t)n);
		ck_assert_int_eq(nd_ra_parse(&back, &pkt), REASON_NONE);
		ck_assert_mem_eq(&ra, &back, sizeof(ra));
		ck_assert_int_eq(nd_ra_build(buf, (size_t)rnd() % (size_t)n,
					     &ra, &router, &all_nodes),
				 -EMSGSIZE);
	}
}
END_TEST

/* RFC 6275 7.3, 7.4: the reserved field is ignored */
START_TEST(ra_options_reserved)
{
	uint8_t buf[32] = {ND_TYPE_RA};
	struct ip6_pkt pkt = packet(&router, &host, buf, sizeof(buf));
	struct nd_ra ra;

	memcpy(buf + 16, "\7\1\xff\xff\0\0\0\x5a\x08\1\xff\xff\0\x0a\7\x08",
	       16);
	fix(&pkt, buf);
	ck_assert_int_eq(nd_ra_parse(&ra, &pkt), REASON_NONE);
	ck_assert_uint_eq(ra.adv_interval, 90);
	ck_assert(ra.has_ha_info);
	ck_assert_uint_eq(ra.ha_preference, 10);
	ck_assert_uint_eq(ra.ha_lifetime, 1800);
}
END_TEST

START_TEST(rs_build_then_parse)
{
	const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	struct nd_rs back;
	struct ip6_pkt pkt;
	uint8_t buf[64];
	ssize_t n = nd_rs_build(buf, sizeof(buf), mac, &host, &all_nodes);

	ck_assert_int_eq(n, 16);
	pkt = packet(&host, &all_nodes, buf, (size_t)n);
	ck_assert_int_eq(nd_rs_parse(&back, &pkt), REASON_NONE);
	ck_assert(back.has_slla);
	ck_assert_mem_eq(back.slla, mac, 6);
	n = nd_rs_build(buf, sizeof(buf), NULL, &unspecified, &all_nodes);
	ck_assert_int_eq(n, 8);
	pkt = packet(&unspecified, &all_nodes, buf, (size_t)n);
	ck_assert_int_eq(nd_rs_parse(&back, &pkt), REASON_NONE);
	ck_assert(!back.has_slla);
}
END_TEST

/* What RFC 4861 6.1.1 has a router discard. */
START_TEST(rs_refused)
{
	const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	struct nd_rs back;
	uint8_t buf[64];
	size_t n = (size_t)nd_rs_build(buf, sizeof(buf), mac, &host,
				       &all_nodes);
	struct ip6_pkt good = packet(&host, &all_nodes, buf, n), pkt = good;

	pkt.hop_limit = 254;
	ck_assert_int_eq(nd_rs_parse(&back, &pkt), REASON_ND_HOP_LIMIT);
	pkt = good;
	buf[2] ^= 1;
	ck_assert_int_eq(nd_rs_parse(&back, &pkt), REASON_ND_CHECKSUM);
	buf[2] ^= 1;
	buf[1] = 1;	/* code */
	fix(&pkt, buf);
	ck_assert_int_eq(nd_rs_parse(&back, &pkt), REASON_ND_UNKNOWN_TYPE);
	buf[1] = 0;
	buf[9] = 0;	/* an option's length */
	fix(&pkt, buf);
	ck_assert_int_eq(nd_rs_parse(&back, &pkt), REASON_ND_OPTION);
	buf[9] = 2;
	fix(&pkt, buf);
	ck_assert_int_eq(nd_rs_parse(&back, &pkt), REASON_ND_OPTION);
	buf[9] = 1;
	pkt.src = unspecified;	/* and has an address */
	fix(&pkt, buf);
	ck_assert_int_eq(nd_rs_parse(&back, &pkt), REASON_ND_SOURCE);
	pkt.src = all_nodes;
	fix(&pkt, buf);
	ck_assert_int_eq(nd_rs_parse(&back, &pkt), REASON_ND_SOURCE);
	pkt.src = host;
	pkt.upper_len = 7;
	fix(&pkt, buf);
	ck_assert_int_eq(nd_rs_parse(&back, &pkt), REASON_ND_TRUNCATED);
}
END_TEST

/* What RFC 4861 6.1.2 has a node discard. */
START_TEST(ra_refused)
{
	struct nd_ra ra = {.lifetime = 1}, back;
	uint8_t buf[512];
	size_t n = (size_t)nd_ra_build(buf, sizeof(buf), &ra, &router, &host);
	struct ip6_pkt pkt = packet(&router, &host, buf, n);

	ck_assert_int_eq(nd_ra_parse(&back, &pkt), REASON_NONE);
	pkt.hop_limit = 254;
	ck_assert_int_eq(nd_ra_parse(&back, &pkt), REASON_ND_HOP_LIMIT);
	pkt.hop_limit = 255;
	pkt.has_hao = true;
	ck_assert_int_eq(nd_ra_parse(&back, &pkt), REASON_ND_SOURCE);
	pkt.has_hao = false;
	pkt.has_rh2 = true;
	ck_assert_int_eq(nd_ra_parse(&back, &pkt), REASON_BAD_RH);
	pkt.has_rh2 = false;
	buf[4] ^= 1;
	ck_assert_int_eq(nd_ra_parse(&back, &pkt), REASON_ND_CHECKSUM);
	buf[1] = 1;
	fix(&pkt, buf);
	ck_assert_int_eq(nd_ra_parse(&back, &pkt), REASON_ND_UNKNOWN_TYPE);
	buf[1] = 0;
	buf[0] = ND_TYPE_NA;
	fix(&pkt, buf);
	ck_assert_int_eq(nd_ra_parse(&back, &pkt), REASON_ND_UNKNOWN_TYPE);
	buf[0] = ND_TYPE_RA;
	pkt.src = global;
	fix(&pkt, buf);
	ck_assert_int_eq(nd_ra_parse(&back, &pkt), REASON_ND_SOURCE);
	pkt.src = router;
	for (pkt.upper_len = 0; pkt.upper_len < 16; pkt.upper_len++) {
		fix(&pkt, buf);
		ck_assert_int_eq(nd_ra_parse(&back, &pkt),
				 REASON_ND_TRUNCATED);
	}
	ck_assert_int_eq(nd_ra_build(buf, 512, &ra, &global, &host), -EINVAL);
	ra.n_prefixes = ND_PREFIXES_MAX + 1;
	ck_assert_int_eq(nd_ra_build(buf, 512, &ra, &router, &host), -EINVAL);
	ra.n_prefixes = 1;
	ra.prefixes[0].len = 129;
	ck_assert_int_eq(nd_ra_build(buf, 512, &ra, &router, &host), -EINVAL);
}
END_TEST

static const struct {
	const char *what, *bytes;
	size_t len;
	enum reason reason;
} ra_opt_cases[] = {
#define CASE(what, bytes, reason) \
	{what, bytes, sizeof(bytes) - 1, REASON_##reason}
	CASE("length 0", "\x0e\0......", ND_OPTION),
	CASE("unknown", "\x0e\1......", NONE),
	CASE("beyond the message", "\x0e\2......", ND_OPTION),
	CASE("half an option", "\1\1..", ND_OPTION),
	CASE("one octet", "\1", ND_OPTION),
	CASE("SLLA of another link layer", "\1\2..............", NONE),
	CASE("TLLA, not for an RA", "\2\1......", NONE),
	CASE("prefix of 8 octets", "\3\1......", ND_OPTION),
	CASE("prefix length 129", "\3\4\x81.............................",
	     ND_OPTION),
	CASE("MTU of 16 octets", "\5\2..............", ND_OPTION),
	CASE("interval of 16 octets", "\7\2..............", ND_OPTION),
	CASE("HA info of 16 octets", "\x08\2..............", ND_OPTION),
#undef CASE
};

START_TEST(ra_options)
{
	uint8_t buf[512] = {ND_TYPE_RA};
	struct ip6_pkt pkt = packet(&router, &host, buf,
				    16 + ra_opt_cases[_i].len);
	struct nd_ra ra;
	enum reason reason;

	memcpy(buf + 16, ra_opt_cases[_i].bytes, ra_opt_cases[_i].len);
	fix(&pkt, buf);
	reason = nd_ra_parse(&ra, &pkt);
	ck_assert_msg(reason == ra_opt_cases[_i].reason, "%s: %s",
		      ra_opt_cases[_i].what, reason_str(reason));
	ck_assert(!ra.has_slla);
}
END_TEST

START_TEST(ra_more_prefixes_than_fit)
{
	uint8_t buf[512] = {ND_TYPE_RA};
	struct ip6_pkt pkt = packet(&router, &host, buf, 16 + 10 * 32 + 8);
	struct nd_ra ra;

	for (uint8_t i = 0; i < 10; i++) {
		buf[16 + i * 32] = 3;
		buf[16 + i * 32 + 1] = 4;
		buf[16 + i * 32 + 2] = i;
	}
	memcpy(buf + 16 + 320, "\5\1\0\0\0\0\5\xdc", 8);
	fix(&pkt, buf);
	ck_assert_int_eq(nd_ra_parse(&ra, &pkt), REASON_NONE);
	ck_assert_uint_eq(ra.n_prefixes, ND_PREFIXES_MAX);
	ck_assert_uint_eq(ra.prefixes[7].len, 7);
	ck_assert_uint_eq(ra.mtu, 1500);
}
END_TEST

START_TEST(rs_build)
{
	static const uint8_t lla[6] = {2, 0, 0, 0, 0, 1};
	struct in6_addr routers = addr("ff02::2");
	uint8_t buf[16];

	ck_assert_int_eq(nd_rs_build(buf, 16, lla, &host, &routers), 16);
	ck_assert_mem_eq(buf, "\x85\0", 2);
	ck_assert_mem_eq(buf + 4, "\0\0\0\0\1\1\2\0\0\0\0\1", 12);
	ck_assert_uint_eq(ip6_checksum(&host, &routers, 58, buf, 16), 0);
	ck_assert_int_eq(nd_rs_build(buf, 16, NULL, &unspecified, &routers),
			 8);
	ck_assert_int_eq(nd_rs_build(buf, 16, lla, &unspecified, &routers),
			 -EINVAL);
	ck_assert_int_eq(nd_rs_build(buf, 15, lla, &host, &routers),
			 -EMSGSIZE);
}
END_TEST

static enum reason ns_case(struct nd_ns *ns, const struct in6_addr *src,
			   const struct in6_addr *dst, const char *opt,
			   size_t opt_len)
{
	uint8_t buf[64] = {ND_TYPE_NS};
	struct ip6_pkt pkt = packet(src, dst, buf, 24 + opt_len);

	memcpy(buf + 8, &ns->target, 16);
	memcpy(buf + 24, opt, opt_len);
	fix(&pkt, buf);
	return nd_ns_parse(ns, &pkt);
}

START_TEST(ns)
{
	struct in6_addr group = nd_solicited_node(&global);
	struct nd_ns ns = {.target = global}, back;
	uint8_t buf[32];
	struct ip6_pkt pkt;
	ssize_t n = nd_ns_build(buf, 32, &ns, &unspecified, &group);

	ck_assert_int_eq(n, 24);
	pkt = packet(&unspecified, &group, buf, 24);
	ck_assert_int_eq(nd_ns_parse(&back, &pkt), REASON_NONE);
	ck_assert_mem_eq(&ns, &back, sizeof(ns));
	pkt.upper_len = 20;
	fix(&pkt, buf);
	ck_assert_int_eq(nd_ns_parse(&back, &pkt), REASON_ND_TRUNCATED);

	ns.has_slla = true;
	memcpy(ns.slla, "abcdef", 6);
	ck_assert_int_eq(nd_ns_build(buf, 32, &ns, &unspecified, &group),
			 -EINVAL);
	ck_assert_int_eq(nd_ns_build(buf, 32, &ns, &host, &group), 32);
	pkt = packet(&host, &group, buf, 32);
	ck_assert_int_eq(nd_ns_parse(&back, &pkt), REASON_NONE);
	ck_assert_mem_eq(&ns, &back, sizeof(ns));

	/* RFC 4861 7.1.1 */
	ck_assert_int_eq(ns_case(&ns, &unspecified, &global, "", 0),
			 REASON_ND_SOURCE);
	ck_assert_int_eq(ns_case(&ns, &unspecified, &group, "\1\1......", 8),
			 REASON_ND_SOURCE);
	ck_assert_int_eq(ns_case(&ns, &host, &group, "\x0e\0......", 8),
			 REASON_ND_OPTION);
	/* RFC 6275 7.3, 7.4: ignored but in an RA, whatever they look like */
	ck_assert_int_eq(ns_case(&ns, &host, &group, "\7\1......\x08\1......",
				 16), REASON_NONE);
	ck_assert_int_eq(ns_case(&ns, &host, &group, "\7\2..............",
				 16), REASON_NONE);
	ck_assert_int_eq(ns_case(&ns, &host, &group, "\x08\2..............",
				 16), REASON_NONE);
	/* RFC 7527's nonce is no option of ours */
	ck_assert_int_eq(ns_case(&ns, &unspecified, &group, "\x0e\1......", 8),
			 REASON_NONE);
	ck_assert_int_eq(ns_case(&ns, &all_nodes, &group, "", 0),
			 REASON_ND_SOURCE);
	ns.target = group;
	ck_assert_int_eq(ns_case(&ns, &host, &group, "", 0),
			 REASON_ND_TARGET);
}
END_TEST

START_TEST(na)
{
	for (unsigned int i = 0; i < 16; i++) {
		struct nd_na na = {
			.target = global, .router = i & 1,
			.solicited = i & 2, .override = i & 4,
			.has_tlla = i & 8,
		}, back;
		uint8_t buf[32];
		struct ip6_pkt pkt;
		ssize_t n;

		if (na.has_tlla)
			memcpy(na.tlla, "abcdef", 6);
		n = nd_na_build(buf, 32, &na, &router, &host);
		ck_assert_int_eq(n, na.has_tlla ? 32 : 24);
		pkt = packet(&router, &host, buf, (size_t)n);
		ck_assert_int_eq(nd_na_parse(&back, &pkt), REASON_NONE);
		ck_assert_mem_eq(&na, &back, sizeof(na));

		/* RFC 4861 7.1.2 */
		n = nd_na_build(buf, 32, &na, &router, &all_nodes);
		ck_assert_int_eq(n, na.solicited ? -EINVAL :
				 na.has_tlla ? 32 : 24);
		pkt.dst = all_nodes;
		fix(&pkt, buf);
		ck_assert_int_eq(nd_na_parse(&back, &pkt), na.solicited ?
				 REASON_ND_TARGET : REASON_NONE);
		memset(buf + 8, 0xff, 16);
		fix(&pkt, buf);
		ck_assert_int_eq(nd_na_parse(&back, &pkt), REASON_ND_TARGET);
		memcpy(buf + 8, &global, 16);
		pkt.src = unspecified;
		fix(&pkt, buf);
		ck_assert_int_eq(nd_na_parse(&back, &pkt), REASON_ND_SOURCE);
		if (na.has_tlla) {
			buf[25] = 0;
			fix(&pkt, buf);
			ck_assert_int_eq(nd_na_parse(&back, &pkt),
					 REASON_ND_OPTION);
		}
		pkt.upper_len = 23;
		fix(&pkt, buf);
		ck_assert_int_eq(nd_na_parse(&back, &pkt),
				 REASON_ND_TRUNCATED);
		na.target = all_nodes;
		ck_assert_int_eq(nd_na_build(buf, 32, &na, &router, &host),
				 -EINVAL);
	}
}
END_TEST

static const struct nd_error ptb_1400 = { ND_TYPE_PTB, 0, 1400 };

/* Packet Too Big for a packet from global: IPv6, then payload. */
static ssize_t ptb_for(uint8_t *out, size_t cap, uint8_t next,
		       const void *payload, size_t len,
		       const struct in6_addr *src)
{
	static uint8_t orig[2000];
	struct ip6_pkt pkt = {
		.src = *src, .dst = addr("2001:db8:5::5"), .proto = next,
		.upper = payload, .upper_len = len,
	};
	struct in6_addr ha = addr("2001:db8::1");
	ssize_t n = ip6_build(orig, sizeof(orig), &pkt);

	ck_assert_int_gt(n, 0);
	n = nd_error_build(out, cap, &ha, &ptb_1400, orig, (size_t)n);
	if (n > 0)
		ck_assert_mem_eq(out + 48, orig, (size_t)n - 48);
	return n;
}

START_TEST(ptb)
{
	static const uint8_t payload[1500] = {0};
	uint8_t out[1500];
	struct ip6_pkt pkt;

	ck_assert_int_eq(ptb_for(out, 1280, 17, payload, 100, &global), 188);
	ck_assert_int_eq(ip6_parse(&pkt, out, 188), REASON_NONE);
	ck_assert(ip6_addr_eq(&pkt.dst, &global));
	ck_assert_uint_eq(pkt.proto, IP6_PROTO_ICMPV6);
	ck_assert_mem_eq(pkt.upper, "\2\0", 2);
	ck_assert_mem_eq(pkt.upper + 4, "\0\0\5\x78", 4);
	ck_assert_uint_eq(ip6_checksum(&pkt.src, &pkt.dst, 58, pkt.upper,
				       pkt.upper_len), 0);
	/* RFC 4443 2.4 (c) */
	ck_assert_int_eq(ptb_for(out, 1280, 17, payload, 1500, &global), 1280);
	ck_assert_int_eq(ptb_for(out, 1279, 17, payload, 1500, &global),
			 -EMSGSIZE);
	ck_assert_int_eq(ptb_for(out, 0, 17, payload, 1500, &global),
			 -EMSGSIZE);
}
END_TEST

/* RFC 4443 2.4 (e) */
START_TEST(ptb_forbidden)
{
	static const struct {
		uint8_t next;
		const char *bytes;
		size_t len;
		bool allowed;
	} cases[] = {
		{58, "\1\0", 2, false}, {58, "\2\0", 2, false},
		{58, "\x7f\0", 2, false}, {58, "\x89\0", 2, false},
		{58, "\x80\0", 2, true}, {58, "\x87\0", 2, true},
		{58, "", 0, false},
		{60, "\x3a\0\1\4\0\0\0\0\1\0", 10, false},
		{60, "\x3a\0\1\4\0\0\0\0\x80\0", 10, true},
		{60, "\x3a\1\1\4\0\0\0\0\x80\0", 10, false},
		{0, "\x2b\0\1\4\0\0\0\0\x3a\0\0\0\0\0\0\0\3\0", 18, false},
		{51, "\x3a\1\0\0\0\0\0\0\0\0\0\0\3\0", 14, false},
		{51, "\x3a\1\0\0\0\0\0\0\0\0\0\0\x80\0", 14, true},
		{44, "\x3a\0\0\1\0\0\0\0\3\0", 10, false},
		{44, "\x3a\0\0\x09\0\0\0\0\3\0", 10, true},
	};
	uint8_t out[1500];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ssize_t n = ptb_for(out, sizeof(out), cases[i].next,
				    cases[i].bytes, cases[i].len, &global);

		ck_assert_msg(cases[i].allowed ? n > 0 : n == -EINVAL,
			      "case %zu: %zd", i, n);
	}
	ck_assert_int_eq(ptb_for(out, 1500, 17, "", 0, &unspecified), -EINVAL);
	ck_assert_int_eq(ptb_for(out, 1500, 17, "", 0, &all_nodes), -EINVAL);
	ck_assert_int_eq(nd_error_build(out, 1500, &global, &ptb_1400, out, 39),
			 -EINVAL);
	memset(out, 0x40, 60);
	ck_assert_int_eq(nd_error_build(out + 60, 1400, &global, &ptb_1400, out,
					60),
			 -EINVAL);
}
END_TEST

START_TEST(solicited_node)
{
	struct in6_addr a = addr("2001:db8::1:2345:6789"), group;

	group = nd_solicited_node(&a);
	ck_assert_str_eq(ip6_str(&group), "ff02::1:ff45:6789");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nd");
	TCase *tc = tcase_create("nd");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, ra_build_then_parse);
	tcase_add_test(tc, ra_options_reserved);
	tcase_add_test(tc, rs_build_then_parse);
	tcase_add_test(tc, rs_refused);
	tcase_add_test(tc, ra_refused);
	tcase_add_loop_test(tc, ra_options, 0,
			    sizeof(ra_opt_cases) / sizeof(ra_opt_cases[0]));
	tcase_add_test(tc, ra_more_prefixes_than_fit);
	tcase_add_test(tc, rs_build);
	tcase_add_test(tc, ns);
	tcase_add_test(tc, na);
	tcase_add_test(tc, ptb);
	tcase_add_test(tc, ptb_forbidden);
	tcase_add_test(tc, solicited_node);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
