/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flow bindings on the wire: RFC 6089 4.2, RFC 6088 3.2. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/flowid.h"
#include "proto/mh.h"

static struct in6_addr hoa, ha;
static struct mh_flows got;
static uint8_t buf[MH_MAX_LEN];

static void setup(void)
{
	inet_pton(AF_INET6, "2001:db8:1::10", &hoa);
	inet_pton(AF_INET6, "2001:db8:1::1", &ha);
}

/* A BU of these flow options alone; its length. */
static size_t build(const struct mh_flows *flows)
{
	struct mh mh = {.type = MH_BU, .flows = flows}, back;
	ssize_t n = mh_build(buf, sizeof(buf), &mh, &hoa, &ha);

	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(mh_parse(&back, buf, (size_t)n, &hoa, &ha),
			 REASON_NONE);
	ck_assert_uint_eq(back.n_flows != 0, flows->n_ids || flows->n_kept);
	return (size_t)n;
}

/* One option of these bytes, type and length included. */
static enum reason parse(const uint8_t *opt, size_t len)
{
	memset(buf, 0, 12);
	memcpy(buf + 12, opt, len);
	return mh_flows_parse(&got, buf, 12 + len);
}

static uint8_t fault(const uint8_t *opt, size_t len)
{
	ck_assert_int_eq(parse(opt, len), REASON_NONE);
	ck_assert_uint_eq(got.n_ids, 1);
	return got.ids[0].fault;
}

#define FAULT(...) fault((const uint8_t[]){__VA_ARGS__}, \
			 sizeof((const uint8_t[]){__VA_ARGS__}))
#define PARSE(...) parse((const uint8_t[]){__VA_ARGS__}, \
			 sizeof((const uint8_t[]){__VA_ARGS__}))

static uint32_t rnd32(void)
{
	return (uint32_t)random() << 16 ^ (uint32_t)random();
}

static void random_addr(struct in6_addr *a)
{
	for (int i = 0; i < 4; i++)
		a->s6_addr32[i] = rnd32();
}

static uint16_t random_fields(void)
{
	uint16_t f = (uint16_t)rnd32();

	return f & ~(f & 0x5555 & ~((f & 0xaaaa) >> 1));
}

/* first, last: field and end; where there is no end it is the start */
#define RANGE(ts, field, end, bit, mask) do { \
	if ((ts)->fields & (bit)) \
		(ts)->field = rnd32() & (mask) & 0x7f7f7f7f; \
	(ts)->end = (ts)->field; \
	if ((ts)->fields & (bit) >> 1) \
		(ts)->end |= (mask) & 0x80808080 & rnd32(); \
} while (0)

static void random_ts(struct traffic_selector *ts)
{
	ts->fields = random_fields();
	if (ts->fields & TS_SRC)
		random_addr(&ts->src);
	ts->src.s6_addr[0] &= 0x7f;
	ts->src_end = ts->src;
	if (ts->fields & TS_SRC_END)
		ts->src_end.s6_addr[0] |= 0x80;
	if (ts->fields & TS_DST)
		random_addr(&ts->dst);
	ts->dst_end = ts->dst;
	RANGE(ts, spi, spi_end, TS_SPI, UINT32_MAX);
	RANGE(ts, label, label_end, TS_LABEL, 0xfffff);
	RANGE(ts, sport, sport_end, TS_SPORT, UINT16_MAX);
	RANGE(ts, dport, dport_end, TS_DPORT, UINT16_MAX);
	RANGE(ts, tc, tc_end, TS_TC, 0xfc);
	RANGE(ts, nh, nh_end, TS_NH, 0xff);
}

START_TEST(build_then_parse)
{
	struct mh_flows flows;
	size_t len;

	for (int i = 0; i < 2000; i++) {
		memset(&flows, 0, sizeof(flows));
		flows.n_ids = (unsigned int)random() % 9;
		for (unsigned int k = 0; k < flows.n_ids; k++) {
			struct flow_id *id = &flows.ids[k];

			id->fid = (uint16_t)(k + 1);
			id->pri = (uint16_t)(1 + random() % 65535);
			id->status = (uint8_t)random();
			id->n_bids = (uint8_t)(random() % (FLOW_BIDS_MAX + 1));
			for (int b = 0; b < id->n_bids; b++)
				id->bids[b] = (uint16_t)random();
			id->has_ts = random() % 4;
			if (id->has_ts)
				random_ts(&id->ts);
		}
		flows.n_kept = (unsigned int)random() % 200;
		for (unsigned int k = 0; k < flows.n_kept; k++)
			flows.kept[k] = (uint16_t)random();
		len = build(&flows);
		ck_assert_int_eq(mh_flows_parse(&got, buf, len), REASON_NONE);
		ck_assert_mem_eq(&got, &flows, sizeof(got));
	}
}
END_TEST

/* RFC 6088 3.2: a sub-option with addresses is at 8n, with an SPI at 4n... */
START_TEST(alignment)
{
	static const struct {
		uint16_t fields;
		size_t align;
	} of[] = {
		{TS_SRC, 8}, {TS_DST | TS_NH, 8}, {TS_SPI, 4}, {TS_LABEL, 4},
		{TS_SPORT, 2}, {TS_DPORT | TS_TC, 2},
	};
	struct mh_flows flows;

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		for (uint8_t n = 0; n < 4; n++) {
			size_t len, at = 12 + 2 + 6;

			memset(&flows, 0, sizeof(flows));
			flows.n_ids = 1;
			flows.ids[0] = (struct flow_id){.fid = 1, .pri = 1,
				.n_bids = n, .has_ts = true};
			flows.ids[0].ts.fields = of[i].fields;
			len = build(&flows);
			at += n ? 2 + 2u * n : 0;
			while (buf[at] != 3 && at < len)
				at += buf[at] ? 2u + buf[at + 1] : 1;
			ck_assert_uint_lt(at, len);
			ck_assert_uint_eq(at % of[i].align, 0);
		}
	}
}
END_TEST

/* As the figures of RFC 6089 4.2 and RFC 6088 3.2 have it, octet by octet. */
START_TEST(octets)
{
	ck_assert_uint_eq(FAULT(45, 24, 0, 5, 0, 40, 0, 0,
				2, 4, 0, 1, 0, 3,
				3, 10, 2, 0, 0x00, 0x82, 0, 0,
				0x13, 0x88, 17, 99), FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(FAULT(45, 23, 0, 5, 0, 40, 0, 7,
				2, 4, 0, 1, 0, 3,
				3, 9, 2, 0, 0x00, 0x82, 0, 0,
				0x13, 0x88, 17), FLOW_STATUS_OK);
	ck_assert_uint_eq(got.ids[0].fid, 5);
	ck_assert_uint_eq(got.ids[0].pri, 40);
	ck_assert_uint_eq(got.ids[0].status, 7);
	ck_assert_uint_eq(got.ids[0].n_bids, 2);
	ck_assert_uint_eq(got.ids[0].bids[1], 3);
	ck_assert_uint_eq(got.ids[0].ts.sport, 5000);
	ck_assert_uint_eq(got.ids[0].ts.sport_end, 5000);
	ck_assert_uint_eq(got.ids[0].ts.nh, 17);
	ck_assert_int_eq(PARSE(44, 4, 0, 1, 1, 0), REASON_NONE);
	ck_assert_uint_eq(got.n_kept, 2);
	ck_assert_uint_eq(got.kept[1], 256);
}
END_TEST

/* RFC 6089 4.2: zero is reserved; 4.2.1.3, 4.2.1.4: no more than one of each;
 * 4.2.1: what is not known is skipped. */
START_TEST(sub_options)
{
	ck_assert_uint_eq(FAULT(45, 6, 0, 0, 0, 1, 0, 0),
			  FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(FAULT(45, 6, 0, 1, 0, 0, 0, 0),
			  FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(FAULT(45, 14, 0, 1, 0, 1, 0, 0,
				2, 2, 0, 1, 2, 2, 0, 2),
			  FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(FAULT(45, 22, 0, 1, 0, 1, 0, 0,
				3, 6, 2, 0, 0, 0, 0, 0,
				3, 6, 2, 0, 0, 0, 0, 0),
			  FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(FAULT(45, 9, 0, 1, 0, 1, 0, 0, 2, 1, 0),
			  FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(FAULT(45, 8, 0, 1, 0, 1, 0, 0, 2, 0),
			  FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(FAULT(45, 10, 0, 1, 0, 1, 0, 0, 2, 9, 0, 1),
			  FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(FAULT(45, 26, 0, 1, 0, 1, 0, 0, 2, 18, 0, 1, 0, 2,
				0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9),
			  FLOW_STATUS_UNSPECIFIED);
	ck_assert_uint_eq(FAULT(45, 15, 0, 1, 0, 1, 0, 0,
				99, 1, 7, 0, 1, 0, 2, 2, 0),
			  FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(FAULT(45, 16, 0, 1, 0, 1, 0, 0,
				99, 1, 7, 0, 1, 0, 2, 2, 0, 1), 0);
	ck_assert_uint_eq(got.ids[0].n_bids, 1);
}
END_TEST

/* RFC 6089 5.3.2.1: 133; RFC 6088 3.2: an end without its start, and what
 * else cannot be. */
START_TEST(selectors)
{
	ck_assert_uint_eq(FAULT(45, 14, 0, 1, 0, 1, 0, 0,
				3, 6, 1, 0, 0, 0, 0, 0),
			  FLOW_STATUS_TS_UNSUPPORTED);
	ck_assert_uint_eq(FAULT(45, 14, 0, 1, 0, 1, 0, 0,
				3, 6, 77, 0, 0, 0, 0, 0),
			  FLOW_STATUS_TS_UNSUPPORTED);
	ck_assert_uint_eq(FAULT(45, 14, 0, 1, 0, 1, 0, 0,
				3, 6, 0, 0, 0, 0, 0, 0),
			  FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(FAULT(45, 14, 0, 1, 0, 1, 0, 0,
				3, 6, 2, 0, 0, 0, 0, 0), 0);
	/* reserved bits are ignored */
	ck_assert_uint_eq(FAULT(45, 14, 0, 1, 0, 1, 9, 0,
				3, 6, 2, 9, 0, 0, 9, 9), 0);
	for (int bit = 0; bit < 16; bit += 2)
		ck_assert_uint_eq(FAULT(45, 30, 0, 1, 0, 1, 0, 0, 3, 22, 2, 0,
					(uint8_t)(1 << bit >> 8),
					(uint8_t)(1 << bit), 0, 0,
					0, 0, 0, 0, 0, 0, 0, 0,
					0, 0, 0, 0, 0, 0, 0, 0),
				  FLOW_STATUS_MALFORMED);
	/* from 5001 to 5000 */
	ck_assert_uint_eq(FAULT(45, 18, 0, 1, 0, 1, 0, 0, 3, 10, 2, 0,
				0x00, 0xc0, 0, 0, 0x13, 0x89, 0x13, 0x88),
			  FLOW_STATUS_MALFORMED);
	/* shorter than its fields */
	ck_assert_uint_eq(FAULT(45, 15, 0, 1, 0, 1, 0, 0, 3, 7, 2, 0,
				0x00, 0x80, 0, 0, 0x13),
			  FLOW_STATUS_MALFORMED);
	/* the ECN bits count for nothing */
	ck_assert_uint_eq(FAULT(45, 15, 0, 1, 0, 1, 0, 0, 3, 7, 2, 0,
				0x00, 0x08, 0, 0, 0xbb), 0);
	ck_assert_uint_eq(got.ids[0].ts.tc, 0xb8);
}
END_TEST

START_TEST(refused)
{
	uint8_t many[12 + (FLOW_IDS_MAX + 1) * 8] = { 0 };
	uint8_t kept[12 + 3 * 256] = { 0 };

	ck_assert_int_eq(PARSE(45, 5, 0, 1, 0, 1, 0), REASON_MH_OPTION);
	ck_assert_int_eq(PARSE(45, 7, 0, 1, 0, 1, 0, 0), REASON_MH_OPTION);
	ck_assert_int_eq(PARSE(44, 0), REASON_MH_OPTION);
	ck_assert_int_eq(PARSE(44, 3, 0, 1, 0), REASON_MH_OPTION);
	ck_assert_int_eq(mh_flows_parse(&got, buf, 11), REASON_MH_OPTION);
	for (uint8_t i = 0; i <= FLOW_IDS_MAX; i++)
		memcpy(many + 12 + i * 8u,
		       (uint8_t[]){45, 6, 0, (uint8_t)(i + 1), 0, 1, 0, 0}, 8);
	ck_assert_int_eq(mh_flows_parse(&got, many, sizeof(many) - 8),
			 REASON_NONE);
	ck_assert(!got.repeated && !got.excess);
	ck_assert_uint_eq(got.n_ids, FLOW_IDS_MAX);
	ck_assert_int_eq(mh_flows_parse(&got, many, sizeof(many)),
			 REASON_NONE);
	ck_assert(!got.repeated && got.excess);
	ck_assert_uint_eq(got.n_ids, FLOW_IDS_MAX);
	/* RFC 6089 5.3.2 */
	many[12 + 3] = 9;
	ck_assert_int_eq(mh_flows_parse(&got, many, sizeof(many) - 8),
			 REASON_NONE);
	ck_assert(got.repeated);
	for (unsigned int i = 0; i < 3; i++)
		memcpy(kept + 12 + i * 256, (uint8_t[]){44, 254}, 2);
	ck_assert_int_eq(mh_flows_parse(&got, kept, 12 + 2 * 256), REASON_NONE);
	ck_assert(!got.excess);
	ck_assert_int_eq(mh_flows_parse(&got, kept, sizeof(kept)), REASON_NONE);
	ck_assert(got.excess);
	ck_assert_uint_eq(got.n_kept, FLOW_KEPT_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flowid");
	TCase *tc = tcase_create("flowid");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, build_then_parse);
	tcase_add_test(tc, alignment);
	tcase_add_test(tc, octets);
	tcase_add_test(tc, sub_options);
	tcase_add_test(tc, selectors);
	tcase_add_test(tc, refused);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
