/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The codec against packets of another implementation, tests/wire/ (its
 * README.md says which). KEDGE_WIRE names another folder with the same files.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ip6.h"
#include "proto/mh.h"
#include "proto/nd.h"

enum {
	SKIPPED = 77,		/* automake's exit status for it */
	ETHER_LEN = 14,
	PACKET_MAX = 2048,
	BLOCK_MAX = 4096,
	SECTION = 0x0a0d0d0a,
	SECTION_ORDER = 0x1a2b3c4d,
	PACKET = 6,		/* Enhanced Packet Block */
	PACKET_HEAD = 20,
};

/* pcapng, whatever the files are called, of one Ethernet interface. */
struct pcap {
	FILE *file;
	uint8_t block[BLOCK_MAX];
	const uint8_t *ip6;
	size_t len;
};

static const char *wire_path(const char *name)
{
	static char path[4096];
	const char *dir = getenv("KEDGE_WIRE"), *srcdir = getenv("srcdir");

	if (dir)
		snprintf(path, sizeof(path), "%s/%s", dir, name);
	else
		snprintf(path, sizeof(path), "%s/tests/wire/%s",
			 srcdir ? srcdir : ".", name);
	return path;
}

/* A block's body is left in pcap->block. Returns its type, 0 at the end. */
static uint32_t pcap_block(struct pcap *pcap)
{
	uint32_t head[2];

	if (fread(head, sizeof(head), 1, pcap->file) != 1)
		return 0;
	ck_assert(head[1] > sizeof(head) && head[1] <= BLOCK_MAX);
	ck_assert_uint_eq(fread(pcap->block, head[1] - sizeof(head), 1,
				pcap->file), 1);
	return head[0];
}

static void pcap_open(struct pcap *pcap, const char *name)
{
	const uint32_t order = SECTION_ORDER;

	pcap->file = fopen(wire_path(name), "rb");
	ck_assert_msg(pcap->file, "cannot open %s", wire_path(name));
	ck_assert_msg(pcap_block(pcap) == SECTION &&
		      memcmp(pcap->block, &order, sizeof(order)) == 0,
		      "%s: no pcapng of this byte order", name);
}

static bool pcap_next(struct pcap *pcap)
{
	uint32_t type, head[PACKET_HEAD / 4];

	do {
		type = pcap_block(pcap);
	} while (type && type != PACKET);
	if (!type) {
		fclose(pcap->file);
		return false;
	}
	memcpy(head, pcap->block, sizeof(head));
	ck_assert(head[3] > ETHER_LEN && head[3] <= PACKET_MAX);
	ck_assert_mem_eq(pcap->block + PACKET_HEAD + 12, "\x86\xdd", 2);
	pcap->ip6 = pcap->block + PACKET_HEAD + ETHER_LEN;
	pcap->len = head[3] - ETHER_LEN;
	return true;
}

/*
 * What the packet's addresses and extension headers are, ours must be: byte
 * for byte but for the traffic class and the flow label.
 */
static void check_ip6_rebuilt(const struct ip6_pkt *pkt, const uint8_t *ip6,
			      size_t len)
{
	uint8_t out[PACKET_MAX];

	ck_assert_int_eq(ip6_build(out, sizeof(out), pkt), (ssize_t)len);
	ck_assert_mem_eq(out + 4, ip6 + 4, len - 4);
}

/* Parses a packet, and the packet within if it is a tunnel's. */
static void parse(struct ip6_pkt *pkt, const uint8_t *ip6, size_t len)
{
	ck_assert_int_eq(ip6_parse(pkt, ip6, len), REASON_NONE);
	check_ip6_rebuilt(pkt, ip6, len);
	if (pkt->proto == IP6_PROTO_IPV6)
		parse(pkt, pkt->upper, pkt->upper_len);
}

static void check_mh_rebuilt(struct mh *mh, const struct ip6_pkt *pkt)
{
	const struct in6_addr *src = ip6_home_src(pkt);
	const struct in6_addr *dst = ip6_final_dst(pkt);
	uint8_t out[MH_MAX_LEN];

	ck_assert_int_eq(mh_parse(mh, pkt->upper, pkt->upper_len, src, dst),
			 REASON_NONE);
	ck_assert_uint_eq(mh->n_unknown, 0);
	ck_assert_int_eq(mh_build(out, sizeof(out), mh, src, dst),
			 (ssize_t)pkt->upper_len);
	ck_assert_mem_eq(out, pkt->upper, pkt->upper_len);
}

START_TEST(signalling)
{
	/* how many of each type, as tshark counts them */
	static const unsigned int expected[MH_BE + 1] = {
		[MH_HOTI] = 2, [MH_COTI] = 5, [MH_HOT] = 2, [MH_COT] = 5,
		[MH_BU] = 12, [MH_BA] = 12,
	};
	unsigned int found[MH_BE + 1] = {0};
	struct pcap pcap;
	struct ip6_pkt pkt;
	struct mh mh;

	pcap_open(&pcap, "mip6-signalling-umip.pcap");
	while (pcap_next(&pcap)) {
		parse(&pkt, pcap.ip6, pcap.len);
		ck_assert_uint_eq(pkt.proto, IP6_PROTO_MH);
		check_mh_rebuilt(&mh, &pkt);
		found[mh.type]++;
	}
	ck_assert_mem_eq(found, expected, sizeof(found));
}
END_TEST

/* The first home registration and its answer, as tshark shows them. */
START_TEST(registration)
{
	const struct mh_opt *opt;
	struct pcap pcap;
	struct ip6_pkt pkt;
	struct mh mh;

	pcap_open(&pcap, "mip6-signalling-umip.pcap");
	ck_assert(pcap_next(&pcap));
	parse(&pkt, pcap.ip6, pcap.len);
	check_mh_rebuilt(&mh, &pkt);
	ck_assert(pkt.has_hao && !pkt.has_rh2);
	ck_assert_str_eq(ip6_str(&pkt.hao), "2001:db8:aa::100");
	ck_assert_str_eq(ip6_str(&pkt.src),
			 "2001:db8:a1:0:f00d:85ff:fe32:14c");
	ck_assert_uint_eq(mh.type, MH_BU);
	ck_assert_uint_eq(mh.bu.flags, MH_BU_A | MH_BU_H);
	ck_assert_uint_eq(mh.bu.seq, 0x9d63);
	ck_assert_uint_eq(mh.bu.lifetime, 15);
	opt = mh_opt_find(&mh, MH_OPT_ALT_COA);
	ck_assert_ptr_nonnull(opt);
	ck_assert(ip6_addr_eq(&opt->alt_coa, &pkt.src));

	ck_assert(pcap_next(&pcap));
	parse(&pkt, pcap.ip6, pcap.len);
	check_mh_rebuilt(&mh, &pkt);
	ck_assert(!pkt.has_hao && pkt.has_rh2);
	ck_assert_str_eq(ip6_str(&pkt.rh2), "2001:db8:aa::100");
	ck_assert_uint_eq(mh.type, MH_BA);
	ck_assert_uint_eq(mh.ba.status, MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(mh.ba.seq, 0x9d63);
	ck_assert_uint_eq(mh.ba.lifetime, 15);
	fclose(pcap.file);
}
END_TEST

static void check_data(const char *name, unsigned int expected)
{
	unsigned int n = 0;
	struct pcap pcap;
	struct ip6_pkt pkt;

	for (pcap_open(&pcap, name); pcap_next(&pcap); n++) {
		parse(&pkt, pcap.ip6, pcap.len);
		ck_assert_uint_eq(pkt.proto, IP6_PROTO_ICMPV6);
		/* the sum is over the home addresses */
		ck_assert_uint_eq(ip6_checksum(ip6_home_src(&pkt),
					       ip6_final_dst(&pkt),
					       IP6_PROTO_ICMPV6, pkt.upper,
					       pkt.upper_len), 0);
	}
	ck_assert_uint_eq(n, expected);
}

START_TEST(data)
{
	check_data("ro-data-umip.pcap", 40);
	check_data("tunnel-data-umip.pcap", 20);
}
END_TEST

static void check_ra(const struct nd_ra *ra)
{
	static const uint8_t slla[] = {0x32, 0x2a, 0x20, 0x3d, 0xa8, 0x56};
	const struct nd_prefix *prefix = &ra->prefixes[0];

	ck_assert(ra->home_agent && !ra->managed && !ra->other);
	ck_assert_uint_eq(ra->hop_limit, 64);
	ck_assert_uint_eq(ra->lifetime, 30);
	ck_assert(ra->has_slla);
	ck_assert_mem_eq(ra->slla, slla, 6);
	ck_assert_uint_eq(ra->mtu, 0);
	ck_assert_uint_eq(ra->adv_interval, 90);
	ck_assert(ra->has_ha_info);
	ck_assert_uint_eq(ra->ha_preference, 10);
	ck_assert_uint_eq(ra->ha_lifetime, 1800);
	ck_assert_uint_eq(ra->n_prefixes, 1);
	ck_assert_str_eq(ip6_str(&prefix->prefix), "2001:db8:aa::1");
	ck_assert_uint_eq(prefix->len, 64);
	ck_assert(prefix->on_link && prefix->autonomous &&
		  prefix->router_addr);
	ck_assert_uint_eq(prefix->valid, 86400);
	ck_assert_uint_eq(prefix->preferred, 14400);
}

START_TEST(router_advertisements)
{
	uint8_t out[PACKET_MAX];
	unsigned int n = 0;
	struct pcap pcap;
	struct ip6_pkt pkt;
	struct nd_ra ra;

	pcap_open(&pcap, "ra-home-agent.pcap");
	for (; pcap_next(&pcap); n++) {
		parse(&pkt, pcap.ip6, pcap.len);
		ck_assert_int_eq(nd_ra_parse(&ra, &pkt), REASON_NONE);
		check_ra(&ra);
		ck_assert_int_eq(nd_ra_build(out, sizeof(out), &ra, &pkt.src,
					     &pkt.dst),
				 (ssize_t)pkt.upper_len);
		ck_assert_mem_eq(out, pkt.upper, pkt.upper_len);
	}
	ck_assert_uint_eq(n, 20);
}
END_TEST

static bool have_wire(void)
{
	FILE *file = fopen(wire_path("mip6-signalling-umip.pcap"), "rb");

	if (file)
		fclose(file);
	return file;
}

int main(void)
{
	SRunner *runner;
	Suite *suite;
	TCase *tc;
	int failed;

	if (!have_wire()) {
		printf("%s: no captures at %s\n",
		       getenv("CI") ? "FAILED" : "skipped", wire_path(""));
		return getenv("CI") ? EXIT_FAILURE : SKIPPED;
	}
	suite = suite_create("wire");
	tc = tcase_create("wire");
	runner = srunner_create(suite);
	tcase_add_test(tc, signalling);
	tcase_add_test(tc, registration);
	tcase_add_test(tc, data);
	tcase_add_test(tc, router_advertisements);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
