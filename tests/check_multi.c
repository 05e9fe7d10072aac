/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ha/multi and ha/multiflow: RFC 5648 6.2 and RFC 6089 5.3, no network. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <string.h>

#include "ha/multi.h"
#include "proto/ip6.h"

#define HOA "2001:db8:1::100"
#define HOA2 "2001:db8:1::101"
#define CN "2001:db8:c::2"
#define COA1 "2001:db8:2::100"
#define COA2 "2001:db8:3::100"
#define COA3 "2001:db8:4::100"
#define OURS "2001:db8:1::1"	/* no care-of address */

enum { LIFETIME = 60 };

static struct multi m;
static mtime now;
/* The Binding Update that is made. */
static struct mh mh;
static struct mh_flows flows;
static struct multi_bu bu;

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static bool usable(void *arg, const struct in6_addr *hoa,
		   const struct in6_addr *coa)
{
	struct in6_addr ours = addr(OURS);

	ck_assert_ptr_eq(arg, &m);
	ck_assert_ptr_nonnull(hoa);
	return !ip6_addr_eq(coa, &ours);
}

static void bu_new(uint16_t flags)
{
	memset(&mh, 0, sizeof(mh));
	memset(&flows, 0, sizeof(flows));
	mh.type = MH_BU;
	mh.bu.flags = (uint16_t)(MH_BU_A | MH_BU_H | flags);
	mh.bu.lifetime = LIFETIME / MH_LIFETIME_UNIT;
	bu = (struct multi_bu){
		.mh = &mh,
		.flows = &flows,
		.hoa = addr(HOA),
		.src = addr(COA1),
		.bound = multi_find(&m, &bu.hoa),
		.lifetime = LIFETIME,
		.may_be_home = true,
		.coa_usable = usable,
		.arg = &m,
	};
}

static void bu_dereg(void)
{
	bu_new(0);
	mh.bu.lifetime = 0;
	bu.lifetime = 0;
}

/* coa NULL: none in the option */
static struct mh_opt *bid(uint16_t id, uint8_t pri, const char *coa)
{
	struct mh_opt *opt = mh_opt_add(&mh, MH_OPT_BID);

	opt->bid.id = id;
	opt->bid.pri = pri;
	opt->bid.len = coa ? MH_BID_LEN_IPV6 : MH_BID_LEN;
	if (coa)
		opt->bid.coa = addr(coa);
	return opt;
}

static void home(uint16_t id, uint8_t pri)
{
	bid(id, pri, HOA)->bid.home = true;
}

/* From CN's port to the home address's, UDP. */
static struct flow_id *flow(uint16_t fid, uint16_t pri, uint16_t sport,
			    uint16_t to)
{
	struct flow_id *id = &flows.ids[flows.n_ids++];

	*id = (struct flow_id){
		.fid = fid, .pri = pri, .n_bids = 1, .bids = { to },
		.has_ts = true,
		.ts = {
			.fields = TS_SRC | TS_SPORT | TS_DPORT | TS_NH,
			.src = addr(CN), .src_end = addr(CN),
			.sport = sport, .sport_end = sport,
			.dport = 7, .dport_end = 7,
			.nh = 17, .nh_end = 17,
		},
	};
	return id;
}

static void keep(uint16_t fid)
{
	flows.kept[flows.n_kept++] = fid;
}

static enum reason judge(void)
{
	return multi_judge(&m, &bu, now);
}

static void refused(enum reason reason, uint8_t status)
{
	ck_assert_str_eq(reason_str(judge()), reason_str(reason));
	ck_assert_uint_eq(m.judged.status, status);
	ck_assert_ptr_null(m.judged.host);
}

static void taken(uint8_t status)
{
	ck_assert_str_eq(reason_str(judge()), reason_str(REASON_NONE));
	ck_assert_uint_eq(m.judged.status, status);
	if (m.judged.host)
		multi_commit(&m);
	else
		multi_end(&m, &bu.hoa);
}

static const struct multi_host *host(void)
{
	return multi_find(&m, &bu.hoa);
}

/* The BIDs that there are, the primary first; 0 ends them. */
static void paths_are(const uint16_t *ids)
{
	unsigned int i;

	for (i = 0; ids[i]; i++) {
		ck_assert_ptr_nonnull(host());
		ck_assert_uint_gt(host()->n_paths, i);
		ck_assert_uint_eq(host()->paths[i].bid, ids[i]);
	}
	ck_assert_uint_eq(host() ? host()->n_paths : 0, i);
}

static void flows_are(const uint16_t *fids)
{
	unsigned int i;

	for (i = 0; fids[i]; i++) {
		ck_assert_uint_gt(host()->n_flows, i);
		ck_assert_uint_eq(host()->flows[i].fid, fids[i]);
	}
	ck_assert_uint_eq(host()->n_flows, i);
}

#define PATHS(...) paths_are((const uint16_t[]){ __VA_ARGS__, 0 })
#define NO_PATHS() paths_are((const uint16_t[]){ 0 })
#define FLOWS(...) flows_are((const uint16_t[]){ __VA_ARGS__, 0 })
#define NO_FLOWS() flows_are((const uint16_t[]){ 0 })

static void coa_is(uint16_t id, const char *coa)
{
	struct in6_addr want = addr(coa);

	ck_assert(ip6_addr_eq(&multi_path(host(), id)->coa, &want));
}

/* BIDs 1 (first) and 2 */
static void two(void)
{
	bu_new(MH_BU_O);
	bid(1, 10, COA1);
	bid(2, 20, COA2);
}

static unsigned int ways(void)
{
	const struct multi_path *at[MULTI_WAYS];

	return multi_ways(host(), &host()->flows[0], at);
}

static void register_two(void)
{
	two();
	taken(MH_STATUS_ACCEPTED);
	PATHS(1, 2);
}

static void start(unsigned int max_paths, unsigned int max_flows)
{
	const struct multi_conf conf = {
		.on = true, .bulk = true,
		.max_paths = max_paths, .max_flows = max_flows,
		.flows_all = 1000,
	};

	now = MTIME_SEC(1000);
	multi_init(&m, &conf);
	memset(&bu, 0, sizeof(bu));
	bu.hoa = addr(HOA);
}

static void setup(void)
{
	start(MULTI_PATHS_MAX, MULTI_FLOWS_MAX);
}

static void teardown(void)
{
	multi_fini(&m);
	ck_assert_uint_eq(m.n_hosts, 0);
	ck_assert_uint_eq(m.n_flows, 0);
	ck_assert_uint_eq(m.n_ranged, 0);
}

/* RFC 5648 6.2 */

START_TEST(test_bulk)
{
	register_two();
	coa_is(1, COA1);
	coa_is(2, COA2);
	ck_assert_int_eq(multi_path(host(), 2)->expires.ns,
			 now.ns + MTIME_SEC(LIFETIME).ns);
	/* 6.2: statuses of options are 0, and that is the BA's */
	ck_assert_uint_eq(m.judged.n, 2);
	ck_assert_uint_eq(m.judged.statuses[0], 0);
	ck_assert_uint_eq(m.judged.statuses[1], 0);
	ck_assert(multi_has_coa(host(), &(struct in6_addr[]){
					addr(COA2) }[0]));
	ck_assert(!multi_has_coa(host(), &(struct in6_addr[]){
					 addr(COA3) }[0]));
}
END_TEST

START_TEST(test_single_adds)
{
	bu_new(0);
	bid(1, 10, COA1);
	taken(MH_STATUS_ACCEPTED);
	PATHS(1);
	/* 6.2: no O flag: it is added */
	bu_new(0);
	bid(2, 5, COA2);
	taken(MH_STATUS_ACCEPTED);
	PATHS(2, 1);
}
END_TEST

START_TEST(test_update_coa)
{
	register_two();
	bu_new(0);
	bid(2, 20, COA3);
	taken(MH_STATUS_ACCEPTED);
	PATHS(1, 2);
	coa_is(2, COA3);
}
END_TEST

START_TEST(test_refresh_without_coa)
{
	register_two();
	now = mtime_add(now, MTIME_SEC(10));
	bu_new(0);
	bid(2, 1, NULL);
	taken(MH_STATUS_ACCEPTED);
	/* 5.1; and RFC 6089 4.1: with its new priority */
	PATHS(2, 1);
	coa_is(2, COA2);
	ck_assert_int_eq(multi_first_over(host())->bid, 1);
}
END_TEST

START_TEST(test_o_flag_replaces)
{
	register_two();
	bu_new(MH_BU_O);
	bid(3, 1, COA3);
	taken(MH_STATUS_ACCEPTED);
	PATHS(3);
	/* a known BID's care-of address need not be told again */
	bu_new(MH_BU_O);
	bid(3, 1, NULL);
	bid(1, 2, COA1);
	taken(MH_STATUS_ACCEPTED);
	PATHS(3, 1);
	coa_is(3, COA3);
}
END_TEST

START_TEST(test_length)
{
	two();
	mh.opts[1].bid.len = 6;
	refused(REASON_BID_MALFORMED, MH_STATUS_MCOA_MALFORMED);
	NO_PATHS();
	ck_assert_uint_eq(m.judged.statuses[0], 0);
}
END_TEST

START_TEST(test_not_routable)
{
	bu_new(MH_BU_O);
	bid(1, 10, "fe80::1");
	refused(REASON_BID_MALFORMED, MH_STATUS_MCOA_MALFORMED);
	bu_new(MH_BU_O);
	bid(1, 10, "ff02::1");
	refused(REASON_BID_MALFORMED, MH_STATUS_MCOA_MALFORMED);
	/* of two, it is that option's */
	bu_new(MH_BU_O);
	bid(1, 10, COA1);
	bid(2, 10, "::1");
	taken(MH_STATUS_MCOA_NOTCOMPLETE);
	PATHS(1);
	ck_assert_uint_eq(m.judged.statuses[0], 0);
	ck_assert_uint_eq(m.judged.statuses[1], MH_STATUS_MCOA_MALFORMED);
	ck_assert_uint_eq(m.judged.faults[1], MH_STATUS_MCOA_MALFORMED);
}
END_TEST

START_TEST(test_reserved_and_repeated)
{
	bu_new(MH_BU_O);
	bid(0, 10, COA1);
	refused(REASON_BID_MALFORMED, MH_STATUS_MCOA_MALFORMED);
	bu_new(MH_BU_O);
	bid(1, 10, COA1);
	bid(1, 10, COA2);
	taken(MH_STATUS_MCOA_NOTCOMPLETE);
	PATHS(1);
	coa_is(1, COA1);
	ck_assert_uint_eq(m.judged.statuses[1], MH_STATUS_MCOA_MALFORMED);
}
END_TEST

START_TEST(test_ipv4)
{
	bu_new(MH_BU_O);
	bid(1, 10, COA1)->bid.len = MH_BID_LEN_IPV4;
	refused(REASON_BU_BAD_COA, MH_STATUS_INVALID_COA);
}
END_TEST

START_TEST(test_coa_not_usable)
{
	bu_new(MH_BU_O);
	bid(1, 10, OURS);
	refused(REASON_BU_BAD_COA, MH_STATUS_INVALID_COA);
	/* the home address without the H flag */
	bu_new(MH_BU_O);
	bid(1, 10, HOA);
	refused(REASON_BU_BAD_COA, MH_STATUS_INVALID_COA);
}
END_TEST

START_TEST(test_unknown_coa)
{
	/* 4.4, 6.2: for the first time, and without a care-of address */
	bu_new(MH_BU_O);
	bid(1, 10, NULL);
	refused(REASON_BID_UNKNOWN, MH_STATUS_MCOA_UNKNOWN_COA);
	bu_new(MH_BU_O);
	bid(1, 10, NULL);
	bid(2, 20, COA2);
	taken(MH_STATUS_MCOA_NOTCOMPLETE);
	PATHS(2);
	ck_assert_uint_eq(m.judged.statuses[0], MH_STATUS_MCOA_UNKNOWN_COA);
	/* what is over is not known */
	now = mtime_add(now, MTIME_SEC(LIFETIME));
	bu_new(0);
	bid(2, 20, NULL);
	refused(REASON_BID_UNKNOWN, MH_STATUS_MCOA_UNKNOWN_COA);
}
END_TEST

START_TEST(test_non_mcoa_exists)
{
	two();
	mh.bu.flags = MH_BU_A | MH_BU_H;
	bu.bound = true;
	refused(REASON_BID_PLAIN, MH_STATUS_MCOA_NON_MCOA_EXISTS);
	NO_PATHS();
	/* 5.9 */
	two();
	bu.bound = true;
	taken(MH_STATUS_ACCEPTED);
	PATHS(1, 2);
	/* a BID there is no plain binding */
	bu_new(0);
	bid(3, 1, COA3);
	bu.bound = true;
	taken(MH_STATUS_ACCEPTED);
	PATHS(3, 1, 2);
}
END_TEST

START_TEST(test_prohibited)
{
	two();
	m.conf.on = false;
	refused(REASON_BID_PROHIBITED, MH_STATUS_MCOA_PROHIBITED);
	m.conf.on = true;
	m.conf.bulk = false;
	two();
	refused(REASON_BID_PROHIBITED, MH_STATUS_MCOA_BULK_PROHIBITED);
	bu_new(MH_BU_O);
	bid(1, 10, COA1);
	taken(MH_STATUS_ACCEPTED);
	PATHS(1);
}
END_TEST

START_TEST(test_remove_some)
{
	register_two();
	bu_dereg();
	mh.bu.flags |= MH_BU_O;		/* 6.2: is ignored */
	bid(1, 0, NULL);
	taken(MH_STATUS_ACCEPTED);
	PATHS(2);
	/* 133: there is none of that BID */
	bu_dereg();
	bid(1, 0, NULL);
	refused(REASON_BID_UNKNOWN, MH_STATUS_NOT_HA_FOR_MN);
	PATHS(2);
	bu_dereg();
	bid(1, 0, NULL);
	bid(2, 0, NULL);
	taken(MH_STATUS_MCOA_NOTCOMPLETE);
	ck_assert_uint_eq(m.judged.statuses[0], MH_STATUS_NOT_HA_FOR_MN);
	ck_assert_uint_eq(m.judged.statuses[1], 0);
	NO_PATHS();
}
END_TEST

START_TEST(test_all_fail)
{
	/* for one reason: that is the BA's; for several: each its own */
	bu_new(MH_BU_O);
	bid(1, 10, NULL);
	bid(2, 10, NULL);
	refused(REASON_BID_UNKNOWN, MH_STATUS_MCOA_UNKNOWN_COA);
	ck_assert_uint_eq(m.judged.statuses[0], 0);
	register_two();
	bu_new(MH_BU_O);
	bid(7, 10, NULL);
	bid(8, 10, "ff02::1");
	refused(REASON_BID_UNKNOWN, MH_STATUS_MCOA_NOTCOMPLETE);
	ck_assert_uint_eq(m.judged.statuses[0], MH_STATUS_MCOA_UNKNOWN_COA);
	ck_assert_uint_eq(m.judged.statuses[1], MH_STATUS_MCOA_MALFORMED);
	PATHS(1, 2);
}
END_TEST

START_TEST(test_max_paths)
{
	m.conf.max_paths = 2;
	register_two();
	bu_new(0);
	bid(3, 10, COA3);
	refused(REASON_BU_RESOURCES, MH_STATUS_RESOURCES);
	PATHS(1, 2);
	bu_new(0);
	bid(2, 5, COA3);
	taken(MH_STATUS_ACCEPTED);
	PATHS(2, 1);
}
END_TEST

START_TEST(test_expiry)
{
	register_two();
	now = mtime_add(now, MTIME_SEC(30));
	bu_new(0);
	bid(2, 20, NULL);
	flow(1, 1, 1000, 1);
	flow(2, 2, 2000, 2);
	taken(MH_STATUS_ACCEPTED);
	now = mtime_add(now, MTIME_SEC(30));
	ck_assert(multi_expire(&m, &bu.hoa, now));
	multi_commit(&m);
	PATHS(2);
	/* RFC 6089 4.3: the flow stays, and is inactive */
	FLOWS(1, 2);
	ck_assert_uint_eq(multi_ways(host(), &host()->flows[0],
				     (const struct multi_path *[2]){0}), 0);
	ck_assert_uint_eq(multi_ways(host(), &host()->flows[1],
				     (const struct multi_path *[2]){0}), 1);
	now = mtime_add(now, MTIME_SEC(30));
	ck_assert(!multi_expire(&m, &bu.hoa, now));
}
END_TEST

START_TEST(test_cut)
{
	register_two();
	multi_cut(&m, &bu.hoa, mtime_add(now, MTIME_SEC(5)));
	ck_assert(!multi_expire(&m, &bu.hoa, mtime_add(now, MTIME_SEC(5))));
}
END_TEST

/* RFC 6089 5.1.1 */
START_TEST(test_priorities)
{
	bu_new(MH_BU_O);
	bid(1, 30, COA1);
	bid(2, 20, COA2);
	bid(3, 0, COA3);
	taken(MH_STATUS_ACCEPTED);
	PATHS(2, 1, 3);
	/* RFC 5648 3: where they say nothing, the last one heard from */
	bu_new(MH_BU_O);
	bid(1, 0, COA1);
	bid(2, 0, COA2);
	bu.src = addr(COA1);
	taken(MH_STATUS_ACCEPTED);
	PATHS(1, 2);
	bu_new(0);
	bid(2, 0, NULL);
	bu.src = addr(COA2);
	taken(MH_STATUS_ACCEPTED);
	PATHS(2, 1);
}
END_TEST

/* RFC 5648 5.6, 6.3 */

START_TEST(test_home)
{
	bu_new(MH_BU_O);
	home(1, 10);
	bid(2, 20, COA2);
	taken(MH_STATUS_ACCEPTED);
	PATHS(1, 2);
	coa_is(1, HOA);
	ck_assert_ptr_eq(multi_home(host()), &host()->paths[0]);
	ck_assert(!multi_has_coa(host(), &bu.hoa));
	/* its own address: it is on the home link */
	bu_new(0);
	home(1, 10);
	bu.src = bu.hoa;
	taken(MH_STATUS_ACCEPTED);
	PATHS(1, 2);
}
END_TEST

START_TEST(test_home_without_ndp)
{
	bu_new(MH_BU_O);
	home(1, 10);
	bid(2, 20, COA2);
	bu.without_ndp = true;
	taken(MH_STATUS_MCOA_HOME_WO_NDP);
	ck_assert_uint_eq(m.judged.statuses[0], MH_STATUS_MCOA_HOME_WO_NDP);
	ck_assert_uint_eq(m.judged.statuses[1], 0);
	bu_new(MH_BU_O);
	home(1, 10);
	bid(3, 20, NULL);
	bu.without_ndp = true;
	taken(MH_STATUS_MCOA_NOTCOMPLETE);
	ck_assert_uint_eq(m.judged.statuses[0], MH_STATUS_MCOA_HOME_WO_NDP);
	ck_assert_uint_eq(m.judged.statuses[1], MH_STATUS_MCOA_UNKNOWN_COA);
	PATHS(1);
}
END_TEST

START_TEST(test_home_prohibited)
{
	bu_new(MH_BU_O);
	home(1, 10);
	bu.may_be_home = false;
	refused(REASON_BID_PROHIBITED, MH_STATUS_MCOA_HOME_PROHIBITED);
	bu_new(MH_BU_O);
	home(1, 10);
	bid(2, 20, COA2);
	bu.may_be_home = false;
	taken(MH_STATUS_MCOA_NOTCOMPLETE);
	ck_assert_uint_eq(m.judged.statuses[0],
			  MH_STATUS_MCOA_HOME_PROHIBITED);
	PATHS(2);
}
END_TEST

/* Of the home path alone, and no longer than it is there. */
START_TEST(test_home_mac)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 }, none[6];

	bu_new(MH_BU_O);
	bu.mac = mac;
	home(1, 10);
	bid(2, 20, COA2);
	taken(MH_STATUS_ACCEPTED);
	ck_assert_mem_eq(multi_path(host(), 1)->mac, mac, sizeof(mac));
	ck_assert_mem_eq(multi_path(host(), 2)->mac, none, sizeof(none));
	bu_new(MH_BU_O);
	bid(1, 10, COA1);
	bid(2, 20, HOA)->bid.home = true;
	taken(MH_STATUS_ACCEPTED);
	ck_assert_mem_eq(multi_path(host(), 1)->mac, none, sizeof(none));
	ck_assert_mem_eq(multi_path(host(), 2)->mac, none, sizeof(none));
	multi_restore_mac(&m, &bu.hoa, mac);
	ck_assert_mem_eq(multi_path(host(), 1)->mac, none, sizeof(none));
	ck_assert_mem_eq(multi_path(host(), 2)->mac, mac, sizeof(mac));
}
END_TEST

START_TEST(test_home_address)
{
	/* 5.6.3: it MUST be the home address */
	bu_new(MH_BU_O);
	bid(1, 10, COA1)->bid.home = true;
	refused(REASON_BID_MALFORMED, MH_STATUS_MCOA_MALFORMED);
	/* only one at a time: a second one in the same BU, */
	bu_new(MH_BU_O);
	home(1, 10);
	home(2, 20);
	taken(MH_STATUS_MCOA_NOTCOMPLETE);
	PATHS(1);
	/* and a later one, which takes its place */
	bu_new(0);
	home(3, 20);
	taken(MH_STATUS_ACCEPTED);
	PATHS(3);
	/* from the home address, and not said to be at home */
	bu_new(MH_BU_O);
	bid(1, 10, COA1);
	bu.src = bu.hoa;
	refused(REASON_BU_BAD_COA, MH_STATUS_INVALID_COA);
}
END_TEST

START_TEST(test_leaves_home)
{
	bu_new(MH_BU_O);
	home(1, 10);
	bid(2, 20, COA2);
	taken(MH_STATUS_ACCEPTED);
	/* 5.6.5: the H flag is not set any more */
	bu_new(0);
	bid(2, 20, NULL);
	taken(MH_STATUS_ACCEPTED);
	PATHS(2);
	/* nor is it where a BID was home and has no other address */
	bu_new(MH_BU_O);
	home(1, 10);
	taken(MH_STATUS_ACCEPTED);
	bu_new(0);
	bid(1, 10, NULL);
	refused(REASON_BID_UNKNOWN, MH_STATUS_MCOA_UNKNOWN_COA);
	/* a deregistration of another BID says nothing of it */
	bu_new(0);
	home(1, 10);
	bid(2, 20, COA2);
	taken(MH_STATUS_ACCEPTED);
	bu_dereg();
	bid(2, 0, NULL);
	taken(MH_STATUS_ACCEPTED);
	PATHS(1);
}
END_TEST

/* RFC 6089 5.3 */

static uint8_t flow_status(uint16_t fid)
{
	const struct flow_id *id = mh_flows_find(&m.judged.flows, fid);

	ck_assert_ptr_nonnull(id);
	return id->status;
}

START_TEST(test_flow_new)
{
	two();
	flow(7, 30, 1000, 1);
	flow(8, 20, 1001, 2);
	taken(MH_STATUS_ACCEPTED);
	/* 4.3: by FID-PRI */
	FLOWS(8, 7);
	ck_assert_uint_eq(m.judged.flows.n_ids, 2);
	ck_assert_uint_eq(flow_status(7), FLOW_STATUS_OK);
	/* 5.3.5: copied; without its sub-options */
	ck_assert_uint_eq(mh_flows_find(&m.judged.flows, 7)->pri, 30);
	ck_assert(!mh_flows_find(&m.judged.flows, 7)->has_ts);
	ck_assert(host()->flows[0].exact);
	ck_assert_uint_eq(m.n_flows, 2);
}
END_TEST

START_TEST(test_flow_new_incomplete)
{
	two();
	flow(1, 1, 1000, 1)->has_ts = false;
	flow(2, 2, 1000, 1)->n_bids = 0;
	flow(3, 3, 1000, 9);
	flow(4, 4, 1000, 1)->fault = FLOW_STATUS_TS_UNSUPPORTED;
	flow(5, 5, 1000, 1)->fault = FLOW_STATUS_MALFORMED;
	taken(MH_STATUS_ACCEPTED);
	NO_FLOWS();
	ck_assert_uint_eq(flow_status(1), FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(flow_status(2), FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(flow_status(3), FLOW_STATUS_BID_NOT_FOUND);
	ck_assert_uint_eq(flow_status(4), FLOW_STATUS_TS_UNSUPPORTED);
	ck_assert_uint_eq(flow_status(5), FLOW_STATUS_MALFORMED);
}
END_TEST

START_TEST(test_flow_prohibited)
{
	m.conf.max_flows = 0;
	two();
	flow(1, 1, 1000, 1);
	taken(MH_STATUS_ACCEPTED);
	NO_FLOWS();
	ck_assert_uint_eq(flow_status(1), FLOW_STATUS_PROHIBITED);
}
END_TEST

START_TEST(test_flow_repeated)
{
	two();
	flow(1, 1, 1000, 1);
	taken(MH_STATUS_ACCEPTED);
	/* 5.3.2: all of them MUST be rejected; what there was stays */
	two();
	flow(1, 2, 1001, 2);
	flow(1, 3, 1002, 2);
	flow(4, 4, 1003, 2);
	flows.repeated = true;
	taken(MH_STATUS_ACCEPTED);
	FLOWS(1);
	ck_assert_uint_eq(host()->flows[0].pri, 1);
	ck_assert_uint_eq(m.judged.flows.n_ids, 3);
	ck_assert_uint_eq(m.judged.flows.ids[0].status,
			  FLOW_STATUS_UNSPECIFIED);
	ck_assert_uint_eq(m.judged.flows.ids[2].status,
			  FLOW_STATUS_UNSPECIFIED);
}
END_TEST

START_TEST(test_flow_modify)
{
	struct flow_id *id;

	two();
	flow(1, 1, 1000, 1);
	flow(2, 2, 1001, 1);
	taken(MH_STATUS_ACCEPTED);
	/* 5.3.2.2: priority and BIDs; the selector stays */
	two();
	id = flow(1, 9, 0, 2);
	id->has_ts = false;
	/* the selector; BIDs stay; and the priority that was 1's */
	flow(2, 1, 1005, 1)->n_bids = 0;
	taken(MH_STATUS_ACCEPTED);
	FLOWS(2, 1);
	ck_assert_uint_eq(flow_status(1), FLOW_STATUS_OK);
	ck_assert_uint_eq(flow_status(2), FLOW_STATUS_OK);
	ck_assert_uint_eq(host()->flows[0].ts.sport, 1005);
	ck_assert_uint_eq(host()->flows[0].bids[0], 1);
	ck_assert_uint_eq(host()->flows[1].ts.sport, 1000);
	ck_assert_uint_eq(host()->flows[1].bids[0], 2);
	/* to a BID that there is not: as it was */
	two();
	flow(1, 9, 1000, 5);
	keep(2);
	taken(MH_STATUS_ACCEPTED);
	FLOWS(2, 1);
	ck_assert_uint_eq(flow_status(1), FLOW_STATUS_BID_NOT_FOUND);
	ck_assert_uint_eq(host()->flows[1].bids[0], 2);
}
END_TEST

START_TEST(test_flow_removed)
{
	two();
	flow(1, 1, 1000, 1);
	flow(2, 2, 1001, 1);
	taken(MH_STATUS_ACCEPTED);
	/* 5.3.4: by not being named */
	two();
	keep(2);
	taken(MH_STATUS_ACCEPTED);
	FLOWS(2);
	ck_assert_uint_eq(m.judged.flows.n_ids, 0);
	/* a single BID's registration is one as well */
	bu_new(0);
	bid(2, 20, NULL);
	taken(MH_STATUS_ACCEPTED);
	NO_FLOWS();
	PATHS(1, 2);
}
END_TEST

START_TEST(test_flow_rejected_bu)
{
	two();
	flow(1, 1, 1000, 1);
	taken(MH_STATUS_ACCEPTED);
	/* nothing of one that is rejected counts */
	bu_new(0);
	bid(9, 1, NULL);
	flow(2, 2, 1000, 1);
	refused(REASON_BID_UNKNOWN, MH_STATUS_MCOA_UNKNOWN_COA);
	FLOWS(1);
	ck_assert_uint_eq(m.judged.flows.n_ids, 0);
}
END_TEST

START_TEST(test_summary)
{
	two();
	flow(1, 1, 1000, 1);
	taken(MH_STATUS_ACCEPTED);
	two();
	keep(1);
	keep(1);
	keep(5);
	keep(5);
	flow(6, 6, 1000, 1);
	keep(6);
	taken(MH_STATUS_ACCEPTED);
	FLOWS(1, 6);
	/* 5.3.3: once for each that is not there */
	ck_assert_uint_eq(m.judged.flows.n_ids, 2);
	ck_assert_uint_eq(flow_status(5), FLOW_STATUS_FID_NOT_FOUND);
	ck_assert_uint_eq(flow_status(6), FLOW_STATUS_OK);
}
END_TEST

START_TEST(test_flow_inactive)
{
	const struct multi_path *ways[MULTI_WAYS];

	two();
	flow(1, 1, 1000, 2);
	taken(MH_STATUS_ACCEPTED);
	/* 5.3.1: all its BIDs have gone, so it is inactive */
	bu_dereg();
	bid(2, 0, NULL);
	keep(1);
	taken(MH_STATUS_ACCEPTED);
	PATHS(1);
	FLOWS(1);
	ck_assert_uint_eq(multi_ways(host(), &host()->flows[0], ways), 0);
	/* one has come back, elsewhere */
	bu_new(0);
	bid(2, 20, COA3);
	keep(1);
	taken(MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(multi_ways(host(), &host()->flows[0], ways), 1);
	ck_assert_uint_eq(ways[0]->bid, 2);
}
END_TEST

START_TEST(test_flow_two_ways)
{
	const struct multi_path *ways[MULTI_WAYS];
	struct flow_id *id;

	two();
	bid(3, 30, COA3);
	id = flow(1, 1, 1000, 1);
	id->bids[1] = 2;
	id->n_bids = 2;
	id->ts.fields = 0;	/* matches all */
	/* as often as one likes it is one */
	id = flow(2, 2, 1001, 1);
	id->bids[1] = 1;
	id->bids[2] = 1;
	id->n_bids = 3;
	/* more than the data plane has */
	id = flow(3, 3, 1002, 1);
	id->bids[1] = 2;
	id->bids[2] = 3;
	id->n_bids = 3;
	taken(MH_STATUS_ACCEPTED);
	FLOWS(1, 2);
	ck_assert_uint_eq(flow_status(3), FLOW_STATUS_UNSPECIFIED);
	ck_assert_uint_eq(multi_ways(host(), &host()->flows[0], ways), 2);
	ck_assert_uint_eq(ways[1]->bid, 2);
	ck_assert_uint_eq(multi_ways(host(), &host()->flows[1], ways), 1);
	/* 5.3.6: the others go on where one has gone */
	bu_dereg();
	bid(1, 0, NULL);
	keep(1);
	taken(MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(multi_ways(host(), &host()->flows[0], ways), 1);
	ck_assert_uint_eq(ways[0]->bid, 2);
}
END_TEST

/* RFC 6089 5.3.6: a copy to each care-of address: not two of them to one that
 * has two BIDs. */
START_TEST(test_flow_one_address)
{
	bu_new(MH_BU_O);
	bid(1, 10, COA1);
	bid(2, 20, COA1);
	flow(1, 1, 5, 1)->bids[flows.ids[0].n_bids++] = 2;
	taken(MH_STATUS_ACCEPTED);
	PATHS(1, 2);
	FLOWS(1);
	ck_assert_uint_eq(ways(), 1);
	bu_new(0);
	bid(2, 20, COA2);
	keep(1);
	taken(MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(ways(), 2);
}
END_TEST

START_TEST(test_flow_same_priority)
{
	two();
	flow(1, 5, 1000, 1);
	flow(2, 5, 1001, 1);
	taken(MH_STATUS_ACCEPTED);
	FLOWS(1);
	ck_assert_uint_eq(flow_status(2), FLOW_STATUS_UNSPECIFIED);
	two();
	keep(1);
	flow(2, 5, 1001, 1);
	taken(MH_STATUS_ACCEPTED);
	FLOWS(1);
	ck_assert_uint_eq(flow_status(2), FLOW_STATUS_UNSPECIFIED);
}
END_TEST

START_TEST(test_flow_limits)
{
	uint16_t i;

	m.conf.max_flows = 3;
	two();
	for (i = 1; i <= 4; i++)
		flow(i, i, i, 1);
	taken(MH_STATUS_ACCEPTED);
	FLOWS(1, 2, 3);
	ck_assert_uint_eq(flow_status(4), FLOW_STATUS_UNSPECIFIED);
	m.conf.max_flows = MULTI_FLOWS_MAX;
	two();
	for (i = 1; i <= MULTI_RANGES_MAX + 1; i++)
		flow(i, i, i, 1)->ts.fields = TS_SPORT;
	flow(i, i, i, 1);
	taken(MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(multi_ranges(host()), MULTI_RANGES_MAX);
	ck_assert_uint_eq(host()->n_flows, MULTI_RANGES_MAX + 1);
	ck_assert_uint_eq(flow_status(MULTI_RANGES_MAX + 1),
			  FLOW_STATUS_UNSPECIFIED);
	ck_assert_uint_eq(flow_status(i), FLOW_STATUS_OK);
	ck_assert_uint_eq(m.n_ranged, 1);
}
END_TEST

/* What is left for it is refused, and the rest of its Binding Update is not:
 * others' flows must not keep it from where it is. */
START_TEST(test_flow_room_of_all)
{
	uint16_t i;

	m.conf.flows_all = 5;
	two();
	for (i = 1; i <= 3; i++)
		flow(i, i, i, 1);
	taken(MH_STATUS_ACCEPTED);
	FLOWS(1, 2, 3);
	two();
	bu.hoa = addr(HOA2);
	for (i = 1; i <= 3; i++)
		flow(i, i, i, 1);
	taken(MH_STATUS_ACCEPTED);
	PATHS(1, 2);
	FLOWS(1, 2);
	ck_assert_uint_eq(flow_status(3), FLOW_STATUS_UNSPECIFIED);
	/* its own are no obstacle to it */
	two();
	bu.hoa = addr(HOA2);
	flow(4, 1, 4, 2);
	flow(5, 2, 5, 2);
	flow(6, 3, 6, 2);
	taken(MH_STATUS_ACCEPTED);
	FLOWS(4, 5);
}
END_TEST

START_TEST(test_flow_all_there_can_be)
{
	enum { EACH = 32 };
	unsigned int round;
	uint16_t i;

	two();
	for (round = 0; round < 5; round++) {
		for (i = 0; i < EACH; i++)
			flow((uint16_t)(round * EACH + i + 1),
			     (uint16_t)(round * EACH + i + 1), i, 1);
		taken(MH_STATUS_ACCEPTED);
		two();
		for (i = 1; i <= (round + 1) * EACH; i++)
			keep(i);
	}
	ck_assert_uint_eq(host()->n_flows, MULTI_FLOWS_MAX);
	ck_assert_uint_eq(m.n_flows, MULTI_FLOWS_MAX);
	/* none is there: as many as an answer has room for are told */
	two();
	for (i = 0; i < FLOW_KEPT_MAX; i++)
		keep((uint16_t)(1000 + i));
	taken(MH_STATUS_ACCEPTED);
	NO_FLOWS();
	ck_assert_uint_eq(m.judged.flows.n_ids, 136);
	/* and at once */
	two();
	for (i = 0; i < FLOW_IDS_MAX; i++)
		flow(i + 1, i + 1, i, 1);
	taken(MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(host()->n_flows, MULTI_FLOWS_MAX);
	ck_assert_uint_eq(m.judged.flows.n_ids, FLOW_IDS_MAX);
	for (i = 0; i < FLOW_IDS_MAX; i++)
		ck_assert_uint_eq(m.judged.flows.ids[i].status,
				  i < MULTI_FLOWS_MAX ? FLOW_STATUS_OK :
				  FLOW_STATUS_UNSPECIFIED);
}
END_TEST

START_TEST(test_plain)
{
	bu_new(0);
	flow(1, 1, 1000, 1);
	flow(2, 2, 1000, 1)->n_bids = 0;
	keep(3);
	multi_judge_plain(&m, &bu.hoa, &flows);
	ck_assert_uint_eq(flow_status(1), FLOW_STATUS_BID_NOT_FOUND);
	ck_assert_uint_eq(flow_status(2), FLOW_STATUS_MALFORMED);
	ck_assert_uint_eq(flow_status(3), FLOW_STATUS_FID_NOT_FOUND);
	ck_assert_ptr_null(m.judged.host);
}
END_TEST

START_TEST(test_exact)
{
	struct in6_addr hoa = addr(HOA), other = addr(COA1);
	struct traffic_selector ts;

	bu_new(0);
	ts = flow(1, 1, 1000, 1)->ts;
	ck_assert(multi_is_exact(&ts, &hoa));
	ts.fields |= TS_DST;
	ts.dst = ts.dst_end = hoa;
	ck_assert(multi_is_exact(&ts, &hoa));
	ts.dst = ts.dst_end = other;
	ck_assert(!multi_is_exact(&ts, &hoa));
	ts.fields &= (uint16_t)~TS_DST;
	ts.fields |= TS_SPORT_END;
	ck_assert(multi_is_exact(&ts, &hoa));
	ts.sport_end++;
	ck_assert(!multi_is_exact(&ts, &hoa));
	ts.sport_end--;
	ts.nh = ts.nh_end = 50;		/* no ports there */
	ck_assert(!multi_is_exact(&ts, &hoa));
	ts.nh = ts.nh_end = 6;
	ck_assert(multi_is_exact(&ts, &hoa));
	ts.fields |= TS_TC;
	ck_assert(!multi_is_exact(&ts, &hoa));
	ts.fields = TS_SRC | TS_SPORT | TS_NH;
	ck_assert(!multi_is_exact(&ts, &hoa));
}
END_TEST

/* After a restart */

START_TEST(test_restore)
{
	struct multi_path path = {
		.coa = addr(COA1), .bid = 1, .expires = MTIME_SEC(2000),
		.lifetime = LIFETIME,
	};
	struct multi_flow f = { .fid = 1, .pri = 1, .n_bids = 1,
				.bids = { 2 } };
	struct in6_addr hoa = addr(HOA);

	ck_assert_int_eq(multi_restore_flow(&m, &hoa, &f), -EINVAL);
	ck_assert_int_eq(multi_restore_path(&m, &hoa, &path), 0);
	ck_assert_int_eq(multi_restore_path(&m, &hoa, &path), -EINVAL);
	path.bid = 2;
	path.coa = addr(COA2);
	ck_assert_int_eq(multi_restore_path(&m, &hoa, &path), 0);
	path.bid = 3;
	path.home = true;	/* and not the home address */
	ck_assert_int_eq(multi_restore_path(&m, &hoa, &path), -EINVAL);
	multi_restore_primary(&m, &hoa, &(struct in6_addr[]){
			      addr(COA2) }[0]);
	PATHS(2, 1);
	ck_assert_int_eq(multi_restore_flow(&m, &hoa, &f), 0);
	ck_assert_int_eq(multi_restore_flow(&m, &hoa, &f), -EINVAL);
	f.fid = 2;
	f.n_bids = 0;
	ck_assert_int_eq(multi_restore_flow(&m, &hoa, &f), -EINVAL);
	FLOWS(1);
	ck_assert_uint_eq(m.n_flows, 1);
	ck_assert_uint_eq(m.n_ranged, 1);
	/* and it goes on */
	bu_new(0);
	bid(2, 20, NULL);
	keep(1);
	taken(MH_STATUS_ACCEPTED);
	PATHS(2, 1);
	FLOWS(1);
}
END_TEST

static bool not_coa2(void *arg, const struct in6_addr *hoa,
		     const struct in6_addr *coa)
{
	struct in6_addr coa2 = addr(COA2);

	(void)arg;
	(void)hoa;
	return !ip6_addr_eq(coa, &coa2);
}

static void restored(uint16_t id, const char *coa)
{
	struct in6_addr hoa = addr(HOA);
	const struct multi_path path = {
		.coa = addr(coa), .bid = id, .pri = (uint8_t)id,
		.home = !strcmp(coa, HOA), .expires = MTIME_SEC(2000),
		.lifetime = LIFETIME,
	};

	ck_assert_int_eq(multi_restore_path(&m, &hoa, &path), 0);
}

/* The faults, by BID-PRI, and what is left. */
#define JUDGED_AGAIN(...) do { \
	const uint8_t want[MULTI_PATHS_MAX] = { __VA_ARGS__ }; \
	uint8_t faults[MULTI_PATHS_MAX]; \
	multi_restore_judge(&m, &bu, now, faults); \
	ck_assert_mem_eq(faults, want, sizeof(want)); \
	if (multi_expire(&m, &bu.hoa, now)) \
		multi_commit(&m); \
	else \
		multi_end(&m, &bu.hoa); \
} while (0)

START_TEST(test_restore_judged)
{
	const struct multi_path path = {
		.coa = { .s6_addr = { 0xff, 0x0e } }, .bid = 9, .pri = 99,
		.expires = MTIME_SEC(2000),
	};

	bu_new(0);
	JUDGED_AGAIN(0);	/* nothing is there */
	restored(1, COA2);
	restored(2, COA1);
	restored(3, HOA);
	restored(4, COA3);
	JUDGED_AGAIN(0);
	PATHS(1, 2, 3, 4);
	/* a loop, or an address of ours */
	bu.coa_usable = not_coa2;
	JUDGED_AGAIN(MH_STATUS_INVALID_COA);
	PATHS(2, 3, 4);
	/* simultaneous = no */
	bu.may_be_home = false;
	JUDGED_AGAIN(0, MH_STATUS_MCOA_HOME_PROHIBITED);
	PATHS(2, 4);
	ck_assert_int_eq(multi_restore_path(&m, &bu.hoa, &path), 0);
	JUDGED_AGAIN(0, 0, MH_STATUS_MCOA_MALFORMED);
	PATHS(2, 4);
	m.conf.max_paths = 1;
	JUDGED_AGAIN(0, MH_STATUS_RESOURCES);
	PATHS(2);
	m.conf.on = false;
	JUDGED_AGAIN(MH_STATUS_MCOA_PROHIBITED);
	NO_PATHS();
}
END_TEST

START_TEST(test_restore_judged_over)
{
	struct in6_addr hoa = addr(HOA);

	/* what is over takes nobody's room, nor is anything wrong with it */
	bu_new(0);
	restored(1, COA1);
	multi_cut(&m, &hoa, now);
	restored(2, COA2);
	m.conf.max_paths = 1;
	JUDGED_AGAIN(0);
	PATHS(2);
}
END_TEST

START_TEST(test_restore_max_flows)
{
	struct in6_addr hoa = addr(HOA);
	struct multi_flow f = { .fid = 1, .pri = 1, .n_bids = 1,
				.bids = { 1 } };

	bu_new(0);
	restored(1, COA1);
	m.conf.max_flows = 1;
	ck_assert_int_eq(multi_restore_flow(&m, &hoa, &f), 0);
	f.fid = 2;
	ck_assert_int_eq(multi_restore_flow(&m, &hoa, &f), -ENOSPC);
	FLOWS(1);
}
END_TEST

/* What holds whatever came before. */
static void check_host(const struct multi_host *h)
{
	unsigned int i, j, n_home = 0;

	ck_assert_uint_ge(h->n_paths, 1);
	ck_assert_uint_le(h->n_paths, MULTI_PATHS_MAX);
	ck_assert_uint_le(h->n_flows, m.conf.max_flows);
	ck_assert_uint_le(multi_ranges(h), MULTI_RANGES_MAX);
	for (i = 0; i < h->n_paths; i++) {
		ck_assert_uint_ne(h->paths[i].bid, 0);
		n_home += h->paths[i].home;
		ck_assert(h->paths[i].home ==
			  ip6_addr_eq(&h->paths[i].coa, &h->hoa));
		for (j = 0; j < i; j++)
			ck_assert_uint_ne(h->paths[i].bid, h->paths[j].bid);
	}
	ck_assert_uint_le(n_home, 1);
	for (i = 0; i < h->n_flows; i++) {
		ck_assert_uint_ge(h->flows[i].n_bids, 1);
		for (j = 0; j < i; j++) {
			ck_assert_uint_ne(h->flows[i].fid, h->flows[j].fid);
			ck_assert_uint_ge(h->flows[i].pri, h->flows[j].pri);
		}
	}
}

static unsigned int below(unsigned int n)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

static void random_bu(void)
{
	static const char *const coas[] = { COA1, COA2, COA3, OURS, HOA,
					    "ff02::1", NULL };
	static const char *const hoas[] = { HOA, "2001:db8:1::200",
					    "2001:db8:1::300" };
	unsigned int i, n = 1 + below(4);

	if (below(4))
		bu_new(below(3) ? 0 : MH_BU_O);
	else
		bu_dereg();
	bu.hoa = addr(hoas[below(3)]);
	bu.bound = multi_find(&m, &bu.hoa) || !below(8);
	bu.without_ndp = !below(4);
	for (i = 0; i < n; i++) {
		struct mh_opt *opt = bid((uint16_t)below(10),
					 (uint8_t)below(128),
					 coas[below(7)]);

		opt->bid.home = !below(4);
		if (!below(40))
			opt->bid.len = (uint8_t)below(30);
		if (opt->bid.home && below(2))
			opt->bid.coa = bu.hoa;
	}
	n = below(3) ? 0 : below(FLOW_IDS_MAX);
	for (i = 0; i < n; i++) {
		struct flow_id *id = flow((uint16_t)(1 + 6 * i + below(7)),
					  (uint16_t)(1 + below(60000)),
					  (uint16_t)below(4),
					  (uint16_t)below(6));

		flows.repeated |= mh_flows_find(&flows, id->fid) != id;
		id->bids[1] = (uint16_t)below(6);
		id->n_bids = (uint8_t)below(3);
		id->has_ts = below(4);
		if (!below(4))
			id->ts.fields = (uint16_t)below(65536);
	}
	n = below(10) ? 200 : 0;
	for (i = 0; i < n; i++)
		keep((uint16_t)(1 + i));
}

START_TEST(test_whatever_comes)
{
	const struct multi_host *h;
	unsigned int i, paths = 0, bound = 0;

	for (i = 0; i < 6000; i++) {
		now = mtime_add(now, MTIME_MS(below(1000)));
		random_bu();
		if (judge())
			ck_assert_ptr_null(m.judged.host);
		else if (m.judged.host)
			multi_commit(&m);
		else
			multi_end(&m, &bu.hoa);
		ck_assert_uint_le(m.judged.flows.n_ids, FLOW_IDS_MAX);
		if (!below(8) && multi_find(&m, &bu.hoa) &&
		    multi_expire(&m, &bu.hoa, now))
			multi_commit(&m);
		h = multi_find(&m, &bu.hoa);
		if (!h)
			continue;
		check_host(h);
		paths += h->n_paths > 3;
		bound += h->n_flows > 10;
	}
	/* it was worth the while */
	ck_assert_uint_gt(paths, 100);
	ck_assert_uint_gt(bound, 100);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("multi");
	TCase *paths = tcase_create("5648"), *links = tcase_create("home");
	TCase *bindings = tcase_create("6089");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(paths, setup, teardown);
	tcase_add_test(paths, test_bulk);
	tcase_add_test(paths, test_single_adds);
	tcase_add_test(paths, test_update_coa);
	tcase_add_test(paths, test_refresh_without_coa);
	tcase_add_test(paths, test_o_flag_replaces);
	tcase_add_test(paths, test_length);
	tcase_add_test(paths, test_not_routable);
	tcase_add_test(paths, test_reserved_and_repeated);
	tcase_add_test(paths, test_ipv4);
	tcase_add_test(paths, test_coa_not_usable);
	tcase_add_test(paths, test_unknown_coa);
	tcase_add_test(paths, test_non_mcoa_exists);
	tcase_add_test(paths, test_prohibited);
	tcase_add_test(paths, test_remove_some);
	tcase_add_test(paths, test_all_fail);
	tcase_add_test(paths, test_max_paths);
	tcase_add_test(paths, test_expiry);
	tcase_add_test(paths, test_cut);
	tcase_add_test(paths, test_priorities);
	tcase_add_test(paths, test_restore);
	tcase_add_test(paths, test_restore_judged);
	tcase_add_test(paths, test_restore_judged_over);
	tcase_add_test(paths, test_restore_max_flows);
	suite_add_tcase(s, paths);
	tcase_add_checked_fixture(links, setup, teardown);
	tcase_add_test(links, test_home);
	tcase_add_test(links, test_home_without_ndp);
	tcase_add_test(links, test_home_prohibited);
	tcase_add_test(links, test_home_address);
	tcase_add_test(links, test_home_mac);
	tcase_add_test(links, test_leaves_home);
	suite_add_tcase(s, links);
	tcase_set_timeout(bindings, 60);
	tcase_add_checked_fixture(bindings, setup, teardown);
	tcase_add_test(bindings, test_flow_new);
	tcase_add_test(bindings, test_flow_new_incomplete);
	tcase_add_test(bindings, test_flow_prohibited);
	tcase_add_test(bindings, test_flow_repeated);
	tcase_add_test(bindings, test_flow_modify);
	tcase_add_test(bindings, test_flow_removed);
	tcase_add_test(bindings, test_flow_rejected_bu);
	tcase_add_test(bindings, test_summary);
	tcase_add_test(bindings, test_flow_inactive);
	tcase_add_test(bindings, test_flow_two_ways);
	tcase_add_test(bindings, test_flow_same_priority);
	tcase_add_test(bindings, test_flow_limits);
	tcase_add_test(bindings, test_flow_room_of_all);
	tcase_add_test(bindings, test_flow_one_address);
	tcase_add_test(bindings, test_flow_all_there_can_be);
	tcase_add_test(bindings, test_plain);
	tcase_add_test(bindings, test_exact);
	tcase_add_test(bindings, test_whatever_comes);
	suite_add_tcase(s, bindings);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
