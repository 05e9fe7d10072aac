/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ha/several.c and ha/ways.c: what the data plane has while bindings with
 * several care-of addresses change. Its programs may look at any step of that:
 * the maps here are looked at as theirs are (bpf/haflow.bpf.h). Those of a home
 * address that is a care-of address as well, whose tunnels go by its home link:
 * for no moment is one to go into a tunnel itself.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ha/nemo.h"
#include "ha/proxy.h"
#include "ha/severalint.h"

enum { LIFETIME = 60, AWAY = 1, HOME = 2, FLOWS = 4 };

static struct in6_addr hoa, ha, coa, peer;
static struct kern k;
static struct binding bound;
static struct mh mh;
static struct mh_flows flows;
static struct bcache_bu bu;
static mtime now;
static int full;		/* what the data plane says to a binding */

/* The data plane's maps, of the home address. */
static struct {
	struct dp_binding binding;
	struct dp_selectors selectors;
	unsigned int n_flows;
	struct { struct dp_flow_key key; struct dp_flow flow; } flows[FLOWS];
} map;
static unsigned int steps;
static bool watched;

/* ---- where packets go */

static bool takes(const struct dp_selector *s, uint8_t proto)
{
	return s->n && (!(s->fields & TS_NH) ||
			(s->proto <= proto && proto <= s->proto_end));
}

static const struct dp_path *way_of(uint8_t proto)
{
	const struct dp_path *way = NULL;
	uint32_t i, below = UINT32_MAX;

	for (i = 0; i < map.n_flows; i++)
		if (map.flows[i].key.proto == proto && map.flows[i].flow.n) {
			way = map.flows[i].flow.paths;
			below = map.flows[i].flow.pri;
		}
	for (i = 0; i < map.selectors.n; i++) {
		const struct dp_selector *s = &map.selectors.list[i];

		if (s->pri >= below)
			break;
		if (takes(s, proto))
			return s->paths;
	}
	return way;
}

static bool by_home_link(uint8_t proto)
{
	const struct dp_path *way = way_of(proto);

	if (!(map.binding.flags & DP_BINDING_MULTI))
		return false;
	return way ? way->flags & DP_PATH_HOME :
		     map.binding.flags & DP_BINDING_HOME;
}

/* Of tunnels (41), and of a flow that is as they are (17). */
static void look(void)
{
	steps++;
	if (!watched)
		return;
	ck_assert_msg(by_home_link(41), "step %u: a tunnel in a tunnel", steps);
	ck_assert_msg(by_home_link(17), "step %u: the flow is away", steps);
}

/* ---- the data plane */

int dp_binding_set(struct dp *dp, const struct in6_addr *addr,
		   const struct dp_binding *binding)
{
	(void)dp, (void)addr;
	if (full)
		return full;
	map.binding = *binding;
	look();
	return 0;
}

int dp_selectors_set(struct dp *dp, const struct in6_addr *addr,
		     const struct dp_selectors *selectors)
{
	(void)dp, (void)addr;
	map.selectors = *selectors;
	look();
	return 0;
}

static unsigned int flow_at(const struct dp_flow_key *key)
{
	unsigned int i;

	for (i = 0; i < map.n_flows; i++)
		if (!memcmp(&map.flows[i].key, key, sizeof(*key)))
			break;
	return i;
}

int dp_flow_set(struct dp *dp, const struct dp_flow_key *key,
		const struct dp_flow *flow)
{
	unsigned int i = flow_at(key);

	(void)dp;
	ck_assert_uint_lt(i, FLOWS);
	map.flows[i].key = *key;
	map.flows[i].flow = *flow;
	map.n_flows += i == map.n_flows;
	look();
	return 0;
}

int dp_flow_del(struct dp *dp, const struct dp_flow_key *key)
{
	unsigned int i = flow_at(key);

	(void)dp;
	if (i == map.n_flows)
		return -ENOENT;
	map.flows[i] = map.flows[--map.n_flows];
	look();
	return 0;
}

int dp_coa_set(struct dp *dp, const struct in6_addr *addr,
	       const struct in6_addr *care_of, const struct dp_coa *value)
{
	(void)dp, (void)addr, (void)care_of, (void)value;
	look();
	return 0;
}

int dp_coa_del(struct dp *dp, const struct in6_addr *addr,
	       const struct in6_addr *care_of)
{
	(void)dp, (void)addr, (void)care_of;
	look();
	return 0;
}

uint32_t dp_flows_room(const struct dp *dp)
{
	(void)dp;
	return FLOWS;
}

/* Not asked for here: a restart's, and counters. */
int dp_flow_get(struct dp *dp, const struct dp_flow_key *key,
		struct dp_flow *out)
{
	(void)dp, (void)key, (void)out;
	return -ENOENT;
}

int dp_selectors_get(struct dp *dp, const struct in6_addr *addr,
		     struct dp_selectors *out)
{
	(void)dp, (void)addr, (void)out;
	return -ENOENT;
}

int dp_coa_each(struct dp *dp, void (*fn)(void *arg,
		const struct dp_coa_key *key, const struct dp_coa *value),
		void *arg)
{
	(void)dp, (void)fn, (void)arg;
	return 0;
}

int dp_flow_each(struct dp *dp, void (*fn)(void *arg,
		 const struct dp_flow_key *key, const struct dp_flow *flow),
		 void *arg)
{
	(void)dp, (void)fn, (void)arg;
	return 0;
}

int dp_selectors_each(struct dp *dp, void (*fn)(void *arg,
		      const struct in6_addr *addr), void *arg)
{
	(void)dp, (void)fn, (void)arg;
	return 0;
}

/* ---- the rest of a home agent */

bool bcache_find_bound(const struct bcache *bc, const struct in6_addr *addr,
		       struct binding *out)
{
	(void)bc, (void)addr;
	*out = bound;
	return bound.state == BINDING_BOUND;
}

bool bcache_coa_usable(const struct bcache *bc, const struct in6_addr *addr,
		       const struct in6_addr *care_of, mtime at)
{
	(void)bc, (void)addr, (void)care_of, (void)at;
	return true;
}

static const struct bcache_prefix prefix = {.valid = BCACHE_FOR_EVER};

const struct bcache_prefix *bcache_prefix(const struct bcache *bc,
					  const struct in6_addr *addr)
{
	(void)bc, (void)addr;
	return &prefix;
}

void bcache_each(struct bcache *bc, void (*fn)(void *arg,
		 const struct binding *b), void *arg)
{
	(void)bc, (void)fn, (void)arg;
}

void bcache_set_several(struct bcache *bc, const struct in6_addr *addr,
			const struct bcache_several *several)
{
	(void)bc, (void)addr, (void)several;
}

struct dp_binding kern_to_dp(const struct binding_reg *reg)
{
	return (struct dp_binding){.local = reg->ha, .remote = reg->coa};
}

bool athome_other_routers(const struct kern *kern, const struct in6_addr *addr)
{
	(void)kern, (void)addr;
	return false;
}

const uint8_t *athome_mac(struct kern *kern, const struct bcache_bu *at_hand)
{
	(void)kern, (void)at_hand;
	return NULL;
}

void athome_came(struct kern *kern, const struct in6_addr *addr)
{
	(void)kern, (void)addr;
}

void athome_left(struct kern *kern, const struct in6_addr *addr)
{
	(void)kern, (void)addr;
}

int athome_rtnl(struct rtnl **out)
{
	*out = NULL;
	return 0;
}

void rtnl_close(struct rtnl *rtnl)
{
	(void)rtnl;
}

int nemo_moved(struct kern *kern, const struct binding *b)
{
	(void)kern, (void)b;
	return 0;
}

int proxy_claim(struct kern *kern, const struct binding *b)
{
	(void)kern, (void)b;
	return 0;
}

void journal_put(struct journal *journal, const struct binding *b)
{
	(void)journal, (void)b;
}

/* ---- Binding Updates */

static void bu_new(void)
{
	memset(&mh, 0, sizeof(mh));
	memset(&flows, 0, sizeof(flows));
	mh.type = MH_BU;
	mh.bu.flags = MH_BU_A | MH_BU_H | MH_BU_O;
	mh.bu.lifetime = LIFETIME / MH_LIFETIME_UNIT;
	bu = (struct bcache_bu){.mh = &mh, .flows = &flows, .hoa = hoa,
				.src = coa, .ha = ha};
}

static void path(uint16_t id, uint8_t pri)
{
	struct mh_opt *opt = mh_opt_add(&mh, MH_OPT_BID);

	opt->bid.id = id;
	opt->bid.pri = pri;
	opt->bid.home = id == HOME;
	opt->bid.len = MH_BID_LEN_IPV6;
	opt->bid.coa = id == HOME ? hoa : coa;
}

static struct flow_id *flow(uint16_t fid, uint8_t proto)
{
	struct flow_id *id = &flows.ids[flows.n_ids++];

	*id = (struct flow_id){
		.fid = fid, .pri = fid, .n_bids = 1, .bids = {HOME},
		.has_ts = true,
		.ts = {.fields = TS_NH, .nh = proto, .nh_end = proto},
	};
	return id;
}

/* Tunnels, and one five-tuple. */
static void by_flows(void)
{
	struct flow_id *id;

	flow(1, 41);
	id = flow(2, 17);
	id->ts.fields |= TS_SRC | TS_SPORT | TS_DPORT;
	id->ts.src = id->ts.src_end = peer;
	id->ts.sport = id->ts.sport_end = 9;
	id->ts.dport = id->ts.dport_end = 7;
}

/* As intercept.c does; fault: the data plane has no room. */
static void carry_out(int fault)
{
	struct bcache_several several = {0};
	struct binding b = {.hoa = hoa, .state = BINDING_BOUND};
	struct dp_binding d;
	int err;

	ck_assert_int_eq(several_judge(&k, &bu, bound.state == BINDING_BOUND,
				       LIFETIME, now, &several), REASON_NONE);
	b.reg = (struct binding_reg){
		.coa = several.coa, .ha = ha, .several = true,
		.expires = several.expires, .lifetime = several.lifetime,
		.home = several.home,
	};
	d = kern_to_dp(&b.reg);
	err = several_begin(&k, &b, &d);
	full = fault;
	if (!err)
		err = dp_binding_set(k.dp, &hoa, &d);
	full = 0;
	several_finish(&k, &b, err);
	ck_assert_int_eq(err, fault);
	if (!err)
		bound = b;
}

static void away_by_default(void)
{
	bu_new();
	path(AWAY, 1);
	path(HOME, 2);
	by_flows();
}

static void home_by_default(void)
{
	bu_new();
	path(HOME, 1);
	path(AWAY, 2);
}

static void setup(void)
{
	static struct ha_link link;
	static struct ha_conf conf;

	inet_pton(AF_INET6, "2001:db8:1::100", &hoa);
	inet_pton(AF_INET6, "2001:db8:1::1", &ha);
	inet_pton(AF_INET6, "2001:db8:2::100", &coa);
	inet_pton(AF_INET6, "2001:db8:c::2", &peer);
	link.simultaneous = true;
	conf = (struct ha_conf){
		.links = &link, .n_links = 1, .several = true, .bulk = true,
		.max_paths = MULTI_PATHS_MAX, .max_flows = FLOWS,
	};
	memset(&map, 0, sizeof(map));
	memset(&bound, 0, sizeof(bound));
	k = (struct kern){.conf = &conf};
	now = loop_now();
	watched = false;
	ck_assert_int_eq(several_open(&k), 0);
}

static void teardown(void)
{
	several_stop(&k);
}

static void watch(void)
{
	watched = true;
	steps = 0;
	look();
}

/* ---- tests */

/* All of it goes by the home link: the flow bindings are superfluous. */
START_TEST(comes_home)
{
	away_by_default();
	carry_out(0);
	watch();
	ck_assert_uint_eq(map.selectors.n, 1);
	ck_assert_uint_eq(map.n_flows, 1);
	home_by_default();
	carry_out(0);
	ck_assert_uint_gt(steps, 4);
	ck_assert_uint_eq(map.selectors.n, 0);
	ck_assert_uint_eq(map.n_flows, 0);
	ck_assert(map.binding.flags & DP_BINDING_HOME);
}
END_TEST

START_TEST(leaves_home)
{
	home_by_default();
	carry_out(0);
	watch();
	away_by_default();
	carry_out(0);
	ck_assert_uint_eq(map.selectors.n, 1);
	ck_assert_uint_eq(map.n_flows, 1);
	ck_assert(!(map.binding.flags & DP_BINDING_HOME));
}
END_TEST

/* Nothing of it comes to pass. */
START_TEST(no_room)
{
	away_by_default();
	carry_out(0);
	watch();
	home_by_default();
	carry_out(-E2BIG);
	ck_assert_uint_eq(map.selectors.n, 1);
	ck_assert_uint_eq(map.n_flows, 1);
	ck_assert(!(map.binding.flags & DP_BINDING_HOME));
}
END_TEST

/* By other FIDs, and a selector that takes more. */
START_TEST(other_flows)
{
	away_by_default();
	carry_out(0);
	watch();
	bu_new();
	path(AWAY, 1);
	path(HOME, 2);
	flow(3, 17);
	flow(4, 41)->ts.nh = 4;
	carry_out(0);
	ck_assert_uint_eq(map.selectors.n, 2);
	ck_assert_uint_eq(map.n_flows, 0);
}
END_TEST

/* The default's care-of address is over: several_outlive() does all of it. */
START_TEST(outlived)
{
	struct bcache_several several = {0};

	away_by_default();
	carry_out(0);
	now = mtime_add(now, MTIME_SEC(LIFETIME / 2));
	mh.bu.flags &= (uint16_t)~MH_BU_O;
	mh.n_opts = 0;
	path(HOME, 2);
	carry_out(0);
	watch();
	now = mtime_add(now, MTIME_SEC(LIFETIME / 2 + 1));
	ck_assert(several_outlive(&k, &bound, now, &several));
	ck_assert(several.home);
	ck_assert_uint_gt(steps, 1);
	ck_assert(map.binding.flags & DP_BINDING_HOME);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ways");
	TCase *tc = tcase_create("ways");
	SRunner *sr;
	int n;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, comes_home);
	tcase_add_test(tc, leaves_home);
	tcase_add_test(tc, no_room);
	tcase_add_test(tc, other_flows);
	tcase_add_test(tc, outlived);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	n = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n ? EXIT_FAILURE : EXIT_SUCCESS;
}
