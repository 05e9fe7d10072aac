/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several care-of addresses and flow bindings in the binding update list,
 * against a fake home agent: links only mn/bul.o, mn/multi.o and libproto.
 * RFC 5648 section 5, RFC 6089 section 5.2.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mn/bul.h"

static struct {
	unsigned int sent, gone, told;
	struct mh bu;			/* the last */
	struct mh_flows flows;		/* its own */
	bool at_home;
	enum bul_tunnel tunnel;
	unsigned int tunnels;
	enum bul_end end;
} seen;

static struct timers timers;
static struct bul bul;
static struct bul_entry *e;
static struct multi multi;
static struct in6_addr hoa, ha, coa[3], peer;

static int fake_send(void *arg, struct bul_entry *entry, const struct mh *bu,
		     bool at_home, bool retransmission)
{
	(void)arg, (void)entry, (void)retransmission;
	seen.sent++;
	seen.bu = *bu;
	memset(&seen.flows, 0, sizeof(seen.flows));
	if (bu->flows)
		seen.flows = *bu->flows;
	seen.at_home = at_home;
	return 0;
}

static bool fake_keyed(void *arg, const struct bul_entry *entry)
{
	(void)arg, (void)entry;
	return false;
}

static void fake_tunnel(void *arg, struct bul_entry *entry,
			enum bul_tunnel what)
{
	(void)arg, (void)entry;
	seen.tunnel = what;
	seen.tunnels++;
}

static void fake_state(void *arg, struct bul_entry *entry, enum bul_state old)
{
	(void)arg;
	ck_assert(entry->state != old);
}

static void fake_multi(void *arg, struct bul_entry *entry)
{
	(void)arg, (void)entry;
	seen.told++;
}

static void fake_gone(void *arg, struct bul_entry *entry, enum bul_end end)
{
	(void)arg;
	seen.gone++;
	seen.end = end;
	bul_del(entry);
	e = NULL;
}

static const struct bul_ops ops = {
	.send_bu = fake_send,
	.keyed = fake_keyed,
	.tunnel = fake_tunnel,
	.state = fake_state,
	.multi = fake_multi,
	.gone = fake_gone,
};

static mtime at_ms(int64_t ms)
{
	return MTIME_MS(1000000 + ms);
}

static void run_to(int64_t ms)
{
	mtime next;

	while (timers_next(&timers, &next) && !mtime_before(at_ms(ms), next))
		timers_run(&timers, next);
}

static void setup(void)
{
	memset(&seen, 0, sizeof(seen));
	inet_pton(AF_INET6, "2001:db8:1::10", &hoa);
	inet_pton(AF_INET6, "2001:db8:1::1", &ha);
	inet_pton(AF_INET6, "2001:db8:2::10", &coa[0]);
	inet_pton(AF_INET6, "2001:db8:3::10", &coa[1]);
	inet_pton(AF_INET6, "2001:db8:4::10", &coa[2]);
	inet_pton(AF_INET6, "2001:db8:9::9", &peer);
	timers_init(&timers);
	bul_init(&bul, &ops, NULL, &timers, 300);
	e = bul_add(&bul, &hoa, &ha, 100, at_ms(0));
	multi_init(&multi);
}

static void teardown(void)
{
	bul_fini(&bul);
	timers_fini(&timers);
}

static enum reason plain_ba(uint8_t status, int64_t ms)
{
	struct mh m = {.type = MH_BA};

	m.ba.status = status;
	m.ba.seq = seen.bu.bu.seq;
	m.ba.lifetime = status < 128 ? seen.bu.bu.lifetime : 0;
	return bul_ba(e, &m, at_ms(ms));
}

/* What a home agent answers: it copies BID and flow identification options (RFC
 * 5648 6.2, RFC 6089 5.3.5). */
struct answer {
	uint8_t status, bid_status[5];	/* by BID */
	uint8_t flow_status;
	bool no_flows;
	uint16_t unknown_fid;
};

static enum reason ba(const struct answer *a, int64_t ms)
{
	struct mh m = {.type = MH_BA};
	struct mh_flows flows = seen.flows;
	unsigned int k;

	m.ba.status = a->status;
	m.ba.seq = seen.bu.bu.seq;
	m.ba.lifetime = a->status < 128 ? seen.bu.bu.lifetime : 0;
	for (k = 0; k < seen.bu.n_opts; k++)
		if (seen.bu.opts[k].type == MH_OPT_BID) {
			struct mh_opt *opt = mh_opt_add(&m, MH_OPT_BID);

			opt->bid = seen.bu.opts[k].bid;
			opt->bid.status = a->bid_status[opt->bid.id];
		}
	flows.n_kept = 0;
	for (k = 0; k < flows.n_ids; k++)
		flows.ids[k].status = a->flow_status;
	if (a->unknown_fid) {
		flows.ids[flows.n_ids].fid = a->unknown_fid;
		flows.ids[flows.n_ids++].status = FLOW_STATUS_FID_NOT_FOUND;
	}
	if (flows.n_ids && !a->no_flows)
		m.flows = &flows;
	return bul_ba(e, &m, at_ms(ms));
}

static const struct answer accepted = {0};

static void ok(int64_t ms)
{
	ck_assert_int_eq(ba(&accepted, ms), REASON_NONE);
}

static unsigned int bids_sent(void)
{
	unsigned int k, n = 0;

	for (k = 0; k < seen.bu.n_opts; k++)
		n += seen.bu.opts[k].type == MH_OPT_BID;
	return n;
}

static const struct mh_opt *bid_sent(uint16_t bid)
{
	unsigned int k;

	for (k = 0; k < seen.bu.n_opts; k++)
		if (seen.bu.opts[k].type == MH_OPT_BID &&
		    seen.bu.opts[k].bid.id == bid)
			return &seen.bu.opts[k];
	return NULL;
}

static bool is_kept(uint16_t fid)
{
	unsigned int k;

	for (k = 0; k < seen.flows.n_kept; k++)
		if (seen.flows.kept[k] == fid)
			return true;
	return false;
}

/* BIDs by priority, each 1 + the number of its care-of address; 4: the home
 * link. */
static unsigned int paths_of(struct multi_path *out, const char *bids)
{
	unsigned int n = 0;

	for (; *bids; bids++) {
		struct multi_path *p = &out[n];

		memset(p, 0, sizeof(*p));
		p->bid = (uint16_t)(*bids - '0');
		p->home = p->bid == 4;
		p->coa = p->home ? hoa : coa[p->bid - 1];
		p->ifindex = p->bid;
		p->pri = (uint8_t)++n;
	}
	return n;
}

static struct multi_flow flow(uint16_t port, uint16_t bid)
{
	struct multi_flow f = {.n_bids = 1, .bids = {bid}};

	f.key.hoa = hoa;
	f.key.peer = peer;
	f.key.hoa_port = htons(port);
	f.key.peer_port = htons(80);
	f.key.proto = 6;
	return f;
}

static bool want_with(const char *bids, const struct multi_flow *flows,
		      unsigned int n)
{
	struct multi_path paths[MULTI_PATHS_MAX];
	unsigned int n_paths = paths_of(paths, bids);

	return multi_want(&multi, paths, n_paths, flows, n);
}

static void want(const char *bids, int64_t ms)
{
	ck_assert(want_with(bids, NULL, 0));
	e->multi = &multi;
	bul_set_coa(e, &coa[bids[0] == '4' ? bids[1] - '1' : bids[0] - '1'],
		    1);
	bul_event(e, BUL_EV_WAYS, at_ms(ms));
}

static void bind_plain(int64_t ms)
{
	bul_event(e, BUL_EV_LOST, at_ms(ms));
	bul_set_coa(e, &coa[0], 1);
	bul_event(e, BUL_EV_AWAY, at_ms(ms));
	ck_assert_int_eq(plain_ba(0, ms + 1), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
}

START_TEST(bulk)
{
	bind_plain(0);
	want("21", 1000);
	ck_assert_int_eq(e->state, BUL_REFRESHING);
	ck_assert_uint_eq(bids_sent(), 2);
	ck_assert_uint_eq(bid_sent(2)->bid.pri, 1);
	ck_assert_uint_eq(bid_sent(1)->bid.pri, 2);
	/* RFC 5648 5.1: the care-of address of each at its first registration;
	 * 5.2: not in an alternate care-of address option */
	ck_assert_uint_eq(bid_sent(1)->bid.len, MH_BID_LEN_IPV6);
	ck_assert_mem_eq(&bid_sent(1)->bid.coa, &coa[0], 16);
	ck_assert_mem_eq(&bid_sent(2)->bid.coa, &coa[1], 16);
	ck_assert_ptr_null(mh_opt_find(&seen.bu, MH_OPT_ALT_COA));
	/* 5.9: there is a plain binding */
	ck_assert(seen.bu.bu.flags & MH_BU_O);
	/* make before break: the tunnel goes on as it was */
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_UP);
	seen.tunnels = 0;
	run_to(1900);
	ck_assert_uint_eq(seen.tunnels, 0);
	ck_assert_ptr_null(multi_default(&multi));
	ok(1901);
	ck_assert_int_eq(e->state, BUL_BOUND);
	ck_assert_uint_eq(seen.tunnels, 1);
	ck_assert_uint_eq(multi_default(&multi)->bid, 2);
	ck_assert_uint_eq(seen.told, 1);
}
END_TEST

/* RFC 6275 11.8: what waits for its BA is not sent once more, and is taken. */
START_TEST(wanted_twice)
{
	struct multi_flow f = flow(1, 1);

	bind_plain(0);
	want("21", 1000);
	ck_assert(!want_with("21", NULL, 0));
	ok(1040);
	ck_assert_int_eq(e->state, BUL_BOUND);
	ck_assert_uint_eq(multi_default(&multi)->bid, 2);
	want("12", 2000);
	/* but what is wanted now is */
	ck_assert(want_with("21", NULL, 0));
	ck_assert(want_with("12", &f, 1));
	bul_event(e, BUL_EV_WAYS, at_ms(2010));
	ck_assert(!want_with("12", &f, 1));
	ck_assert(want_with("12", NULL, 0));
}
END_TEST

START_TEST(replaced_by_a_plain_one)
{
	bind_plain(0);
	want("21", 1000);
	ok(1001);
	e->multi = NULL;
	bul_set_coa(e, &coa[1], 2);
	bul_event(e, BUL_EV_WAYS, at_ms(3000));
	/* RFC 5648 6.2: without a BID option, it replaces all */
	ck_assert_uint_eq(bids_sent(), 0);
	ck_assert_mem_eq(&mh_opt_find(&seen.bu, MH_OPT_ALT_COA)->alt_coa,
			 &coa[1], 16);
	ck_assert_uint_eq(seen.bu.bu.flags & MH_BU_O, 0);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_UP);
	ck_assert_int_eq(plain_ba(0, 3001), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
}
END_TEST

START_TEST(one_is_removed)
{
	bind_plain(0);
	want("213", 1000);
	ok(1001);
	/* a change of priority adds nothing and removes nothing: no O flag */
	want("123", 2000);
	ck_assert_uint_eq(seen.bu.bu.flags & MH_BU_O, 0);
	ck_assert_uint_eq(multi_default(&multi)->bid, 2);
	ok(2001);
	ck_assert_uint_eq(multi_default(&multi)->bid, 1);
	/* RFC 5648 6.2: with it, those that are not named go */
	want("12", 3000);
	ck_assert(seen.bu.bu.flags & MH_BU_O);
	ck_assert_uint_eq(bids_sent(), 2);
	ok(3001);
	ck_assert(!want_with("12", NULL, 0));
}
END_TEST

START_TEST(not_heard_twice)
{
	bind_plain(0);
	want("21", 1000);
	/* a late BA for the plain one says nothing of these */
	seen.bu.bu.seq--;
	ck_assert_int_eq(ba(&accepted, 1100), REASON_BA_SEQ);
	seen.bu.bu.seq++;
	run_to(2000);
	ck_assert_uint_eq(seen.sent, 3);
	ck_assert_uint_eq(bids_sent(), 2);
	ck_assert(seen.bu.bu.flags & MH_BU_O);
	ok(2001);
	ck_assert_int_eq(e->state, BUL_BOUND);
}
END_TEST

START_TEST(refreshed)
{
	bind_plain(0);
	want("21", 1000);
	ok(1001);
	run_to(226010);
	ck_assert_uint_eq(seen.sent, 3);
	ck_assert_uint_eq(bids_sent(), 2);
	ck_assert_uint_eq(seen.bu.bu.flags & MH_BU_O, 0);
	/* RFC 5648 5.7: the home agent has a plain one, of whomever */
	ck_assert_int_eq(ba(&(struct answer){.status =
			 MH_STATUS_MCOA_NON_MCOA_EXISTS}, 226020), REASON_NONE);
	ck_assert_uint_eq(seen.sent, 4);
	ck_assert(seen.bu.bu.flags & MH_BU_O);
	/* not for ever */
	ck_assert_int_eq(ba(&(struct answer){.status =
			 MH_STATUS_MCOA_NON_MCOA_EXISTS}, 226030), REASON_NONE);
	ck_assert_uint_eq(seen.sent, 4);
}
END_TEST

/* Of a daemon before us: the first BU names all of it, and adds what may not be
 * there. */
START_TEST(taken_over)
{
	struct multi_flow flows[] = {flow(1000, 2), flow(1001, 2), flow(0, 4)};
	struct multi_path paths[MULTI_PATHS_MAX];
	unsigned int n = paths_of(paths, "124");

	flows[0].fid = 7;
	flows[1].fid = 3;
	flows[2].wide = true;
	multi_restore(&multi, paths, n, flows, 3);
	ck_assert_uint_eq(multi_default(&multi)->bid, 1);
	ck_assert_uint_eq(multi_flow(&multi, &flows[0].key)->at, 2);
	bul_restore(e, &coa[0], 1, 300, at_ms(200000), at_ms(0));
	e->multi = &multi;
	run_to(1);
	ck_assert_uint_eq(seen.sent, 1);
	ck_assert(seen.bu.bu.flags & MH_BU_O);
	ck_assert_uint_eq(bids_sent(), 3);
	ck_assert(bid_sent(4)->bid.home);
	ck_assert_uint_eq(seen.flows.n_kept, 2);
	ck_assert(is_kept(7) && is_kept(3));
	/* a FID that no flow of before has */
	ck_assert_uint_eq(seen.flows.n_ids, 1);
	ck_assert_uint_eq(seen.flows.ids[0].fid, 1);
	/* the same, wanted by us: that is being asked for */
	ck_assert(!want_with("124", flows, 3));
	ok(10);
	ck_assert(!want_with("124", flows, 3));
	/* and what the home agent does not have after all */
	ck_assert(want_with("12", flows, 2));
	bul_event(e, BUL_EV_WAYS, at_ms(20));
	ba(&(struct answer){.unknown_fid = 7}, 30);
	ck_assert_uint_eq(seen.sent, 3);
	ck_assert_uint_eq(seen.flows.n_ids, 1);
	ck_assert_uint_eq(seen.flows.ids[0].fid, 7);
}
END_TEST

START_TEST(unknown_coa)
{
	bind_plain(0);
	want("21", 1000);
	ok(1001);
	bul_event(e, BUL_EV_REFRESH, at_ms(2000));
	ck_assert_int_eq(ba(&(struct answer){
		.status = MH_STATUS_MCOA_NOTCOMPLETE,
		.bid_status = {0, MH_STATUS_MCOA_UNKNOWN_COA, 0, 0}}, 2001),
		REASON_NONE);
	/* RFC 5648 5.7: again, with the Care-of Address field */
	ck_assert_uint_eq(seen.sent, 4);
	ck_assert_uint_eq(bid_sent(1)->bid.len, MH_BID_LEN_IPV6);
	ok(2002);
	ck_assert_int_eq(e->state, BUL_BOUND);
}
END_TEST

/* RFC 5648 5.8 */
START_TEST(asked_by_brr)
{
	bind_plain(0);
	want("21", 1000);
	ok(1001);
	bul_event(e, BUL_EV_REFRESH, at_ms(2000));
	ck_assert_uint_eq(seen.sent, 3);
	ck_assert_uint_eq(bids_sent(), 2);
}
END_TEST

START_TEST(not_complete)
{
	bind_plain(0);
	want("213", 1000);
	ck_assert_int_eq(ba(&(struct answer){
		.status = MH_STATUS_MCOA_NOTCOMPLETE,
		.bid_status = {0, 0, MH_STATUS_RESOURCES, 0}}, 1001),
		REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
	ck_assert(!multi_path(&multi, 2)->registered);
	ck_assert_uint_eq(multi_path(&multi, 2)->status, MH_STATUS_RESOURCES);
	/* what is registered is used, by priority */
	ck_assert_uint_eq(multi_default(&multi)->bid, 1);
	ck_assert_uint_eq(seen.sent, 2);
	/* and it is tried again with the next refresh */
	run_to(226010);
	ck_assert_uint_eq(bids_sent(), 3);
}
END_TEST

/* RFC 5648 5.7: an answer without BID options, whatever its status */
START_TEST(unsupported)
{
	bind_plain(0);
	want("21", 1000);
	ck_assert_int_eq(plain_ba(0, 1001), REASON_NONE);
	ck_assert_ptr_null(e->multi);
	ck_assert_int_eq(e->state, BUL_BOUND);
	ck_assert_mem_eq(&e->coa, &coa[1], 16);
	ck_assert_uint_eq(seen.sent, 2);
	ck_assert(bul_lacks(&bul, &ha) & MULTI_LACKS_ALL);
	bul_lacks_forget(&bul);
	ck_assert_uint_eq(bul_lacks(&bul, &ha), 0);
}
END_TEST

START_TEST(unsupported_and_rejected)
{
	bind_plain(0);
	want("21", 1000);
	ck_assert_int_eq(plain_ba(MH_STATUS_RESOURCES, 1001), REASON_NONE);
	/* plainly, at once */
	ck_assert_ptr_null(e->multi);
	ck_assert_uint_eq(seen.sent, 3);
	ck_assert_mem_eq(&mh_opt_find(&seen.bu, MH_OPT_ALT_COA)->alt_coa,
			 &coa[1], 16);
}
END_TEST

/* RFC 5648 5.7: MUST stop registering several with it */
START_TEST(prohibited)
{
	const struct answer no = {.status = MH_STATUS_MCOA_PROHIBITED};

	bind_plain(0);
	want("21", 1000);
	ck_assert_int_eq(ba(&no, 1001), REASON_NONE);
	ck_assert_ptr_null(e->multi);
	ck_assert_uint_eq(seen.sent, 3);
	ck_assert_uint_eq(bids_sent(), 0);
	ck_assert(bul_lacks(&bul, &ha) & MULTI_LACKS_ALL);
	ck_assert_int_eq(plain_ba(0, 1002), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
}
END_TEST

START_TEST(no_bulk)
{
	const struct answer no = {.status = MH_STATUS_MCOA_BULK_PROHIBITED};

	bind_plain(0);
	want("21", 1000);
	ck_assert_int_eq(ba(&no, 1001), REASON_NONE);
	/* RFC 5648 5.7: none was registered; one after the other, the first
	 * with the O flag */
	ck_assert_uint_eq(seen.sent, 3);
	ck_assert_uint_eq(bids_sent(), 1);
	ck_assert_ptr_nonnull(bid_sent(2));
	ck_assert(seen.bu.bu.flags & MH_BU_O);
	ok(1002);
	ck_assert_uint_eq(seen.sent, 4);
	ck_assert_uint_eq(bids_sent(), 1);
	ck_assert_ptr_nonnull(bid_sent(1));
	ck_assert_uint_eq(seen.bu.bu.flags & MH_BU_O, 0);
	ok(1003);
	ck_assert_uint_eq(seen.sent, 4);
	ck_assert_int_eq(e->state, BUL_BOUND);
	ck_assert(multi_path(&multi, 1)->registered);
	ck_assert(multi_path(&multi, 2)->registered);
	/* and so they are refreshed */
	bul_event(e, BUL_EV_REFRESH, at_ms(5000));
	ck_assert_uint_eq(bids_sent(), 1);
	ok(5001);
	ck_assert_uint_eq(seen.sent, 6);
	ok(5002);
	ck_assert_int_eq(e->state, BUL_BOUND);
}
END_TEST

/* A rejected change leaves what was. */
START_TEST(rejected_while_bound)
{
	bind_plain(0);
	seen.tunnels = 0;
	want("21", 1000);
	ck_assert_int_eq(ba(&(struct answer){.status = MH_STATUS_RESOURCES},
			    1001), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
	ck_assert(e->bound);
	ck_assert_uint_eq(seen.tunnels, 0);
	ck_assert_uint_eq(seen.told, 1);
}
END_TEST

/* Nor does one end what has no binding: one care-of address is asked for by the
 * owner (RFC 5648 5.7), whatever the status. */
START_TEST(refused_altogether)
{
	static const uint8_t status[] = {
		MH_STATUS_UNSPECIFIED, MH_STATUS_PROHIBITED,
		MH_STATUS_RESOURCES, MH_STATUS_NO_HOME_REG,
		MH_STATUS_NOT_HA_FOR_MN, MH_STATUS_MCOA_MALFORMED,
	};

	bind_plain(0);
	want("21", 1000);
	ok(1001);
	run_to(302000);		/* nobody answers until it has ended */
	ck_assert(!e->bound);
	ck_assert_int_eq(ba(&(struct answer){.status = status[_i]}, 302001),
			 REASON_NONE);
	ck_assert_uint_eq(seen.gone, 0);
	ck_assert_uint_eq(multi.refused, status[_i]);
	ck_assert_uint_eq(e->last_status, status[_i]);
	ck_assert_uint_eq(seen.told, 2);
	e->multi = NULL;
	bul_set_coa(e, &coa[1], 2);
	bul_event(e, BUL_EV_WAYS, at_ms(302002));
	run_to(303100);		/* RFC 6275 11.8 */
	ck_assert_uint_eq(bids_sent(), 0);
	ck_assert_int_eq(plain_ba(0, 303101), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_UP);
	/* several again: what it said is of then */
	want("21", 400000);
	ck_assert_uint_eq(multi.refused, 0);
}
END_TEST

START_TEST(home_first)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 7};
	const struct mh_opt *lla;

	memcpy(multi.mac, mac, 6);
	multi.has_mac = true;
	bind_plain(0);
	want("41", 1000);
	/* RFC 5648 5.6.3 */
	ck_assert(bid_sent(4)->bid.home);
	ck_assert_mem_eq(&bid_sent(4)->bid.coa, &hoa, 16);
	ck_assert(!bid_sent(1)->bid.home);
	ck_assert_uint_gt(seen.bu.bu.lifetime, 0);
	ck_assert(!seen.at_home);
	lla = mh_opt_find(&seen.bu, MH_OPT_LLA);
	ck_assert_uint_eq(lla->lla.code, MH_LLA_OF_MN);
	ck_assert_mem_eq(lla->lla.addr, mac, 6);
	ok(1001);
	ck_assert(multi_default(&multi)->home);
	/* 5.5.1: then all of it */
	bul_set_coa(e, &hoa, 4);
	bul_event(e, BUL_EV_HOME, at_ms(3000));
	ck_assert_uint_eq(bids_sent(), 0);
	ck_assert_uint_eq(seen.bu.bu.lifetime, 0);
	ck_assert(seen.at_home);
	ck_assert_ptr_null(e->multi);
	ck_assert_int_eq(plain_ba(0, 3001), REASON_NONE);
	ck_assert_int_eq(seen.end, BUL_END_HOME);
}
END_TEST

/* A home address that is at home and has no binding goes by another link. */
START_TEST(from_home)
{
	want("14", 1000);
	ck_assert_int_eq(e->state, BUL_REGISTERING);
	ck_assert(seen.bu.bu.flags & MH_BU_O);
	/* natively until the BA */
	ck_assert_uint_eq(seen.tunnels, 0);
	ok(1001);
	ck_assert_int_eq(e->state, BUL_BOUND);
	ck_assert_uint_eq(seen.tunnels, 1);
	ck_assert_uint_eq(multi_default(&multi)->bid, 1);
	/* RFC 5648 5.6.5: at once without it */
	want("1", 2000);
	ck_assert_uint_eq(bids_sent(), 1);
	ck_assert(seen.bu.bu.flags & MH_BU_O);
	ck_assert(!bid_sent(1)->bid.home);
}
END_TEST

START_TEST(no_home)
{
	bind_plain(0);
	want("41", 1000);
	ck_assert_int_eq(ba(&(struct answer){
		.status = MH_STATUS_MCOA_HOME_PROHIBITED}, 1001), REASON_NONE);
	ck_assert(bul_lacks(&bul, &ha) & MULTI_LACKS_HOME);
	ck_assert_int_eq(e->state, BUL_BOUND);
	ck_assert_uint_eq(seen.told, 1);
}
END_TEST

START_TEST(home_without_nd)
{
	bind_plain(0);
	want("41", 1000);
	ok(1001);
	ck_assert_uint_eq(bul_lacks(&bul, &ha), 0);
	bul_event(e, BUL_EV_REFRESH, at_ms(2000));
	ck_assert_int_eq(ba(&(struct answer){
		.status = MH_STATUS_MCOA_HOME_WO_NDP}, 2001), REASON_NONE);
	/* RFC 5648 5.6.4: the owner is told, and lets go of it */
	ck_assert(bul_lacks(&bul, &ha) & MULTI_LACKS_HOME);
	ck_assert_int_eq(e->state, BUL_BOUND);
}
END_TEST

START_TEST(lost_altogether)
{
	bind_plain(0);
	want("21", 1000);
	ok(1001);
	bul_event(e, BUL_EV_LOST, at_ms(2000));
	ck_assert_ptr_null(e->multi);
	ck_assert_int_eq(e->state, BUL_DETACHED);
}
END_TEST

START_TEST(released)
{
	bind_plain(0);
	want("21", 1000);
	ok(1001);
	bul_event(e, BUL_EV_IDLE, at_ms(2000));
	/* RFC 5648 5.4: all of them, by a regular one */
	ck_assert_uint_eq(seen.bu.bu.lifetime, 0);
	ck_assert_uint_eq(bids_sent(), 0);
	ck_assert_int_eq(plain_ba(0, 2001), REASON_NONE);
	ck_assert_int_eq(seen.end, BUL_END_RELEASED);
}
END_TEST

START_TEST(expired)
{
	bind_plain(0);
	want("21", 1000);
	ok(1001);
	/* nobody answers; the binding has ended there as well */
	run_to(302000);
	ck_assert_int_eq(e->state, BUL_REGISTERING);
	ck_assert_ptr_null(multi_default(&multi));
	ck_assert(seen.bu.bu.flags & MH_BU_O);
	ck_assert_uint_eq(bids_sent(), 2);
}
END_TEST

/* ---- flows */

static void with_flows(const char *bids, const struct multi_flow *flows,
		       unsigned int n, int64_t ms)
{
	ck_assert(want_with(bids, flows, n));
	e->multi = &multi;
	bul_set_coa(e, &coa[bids[0] - '1'], 1);
	bul_event(e, BUL_EV_WAYS, at_ms(ms));
}

START_TEST(flow_added)
{
	struct multi_flow f[2] = {flow(1000, 2), flow(1001, 2)};
	const struct flow_id *id = seen.flows.ids;

	bind_plain(0);
	with_flows("12", f, 2, 1000);
	ck_assert_uint_eq(seen.flows.n_ids, 2);
	/* RFC 6089 5.2.2.1: one selector, one binding reference, a new FID,
	 * and a priority of its own */
	ck_assert(id[0].has_ts);
	ck_assert_uint_eq(id[0].n_bids, 1);
	ck_assert_uint_eq(id[0].bids[0], 2);
	ck_assert_uint_ne(id[0].fid, 0);
	ck_assert_uint_ne(id[0].pri, 0);
	ck_assert_uint_ne(id[0].fid, id[1].fid);
	ck_assert_uint_ne(id[0].pri, id[1].pri);
	/* RFC 6088 3.2: as the home agent sees its packets */
	ck_assert_uint_eq(id[0].ts.fields, TS_SRC | TS_SPORT | TS_DPORT |
					   TS_NH);
	ck_assert_mem_eq(&id[0].ts.src, &peer, 16);
	ck_assert_uint_eq(id[0].ts.sport, 80);
	ck_assert_uint_eq(id[0].ts.dport, 1000);
	ck_assert_uint_eq(id[0].ts.nh, 6);
	ck_assert_uint_eq(multi_flow(&multi, &f[0].key)->at, 0);
	ok(1001);
	ck_assert_uint_eq(seen.sent, 2);
	ck_assert_uint_eq(multi_flow(&multi, &f[0].key)->at, 2);
	/* RFC 6089 5.2.3: a refresh keeps them, by a summary */
	bul_event(e, BUL_EV_REFRESH, at_ms(2000));
	ck_assert_uint_eq(seen.flows.n_ids, 0);
	ck_assert_uint_eq(seen.flows.n_kept, 2);
	ok(2001);
	ck_assert_int_eq(e->state, BUL_BOUND);
}
END_TEST

START_TEST(flow_moved_and_removed)
{
	struct multi_flow f[2] = {flow(1000, 2), flow(1001, 2)};
	uint16_t fid;

	bind_plain(0);
	with_flows("123", f, 2, 1000);
	ok(1001);
	fid = multi_flow(&multi, &f[0].key)->fid;
	f[0].bids[0] = 3;
	with_flows("123", f, 2, 2000);
	/* RFC 6089 5.2.2.2: the same FID */
	ck_assert_uint_eq(seen.flows.n_ids, 1);
	ck_assert_uint_eq(seen.flows.ids[0].fid, fid);
	ck_assert_uint_eq(seen.flows.ids[0].bids[0], 3);
	ck_assert_uint_eq(seen.flows.n_kept, 1);
	ck_assert(!is_kept(fid));
	/* it is where it was until the BA */
	ck_assert_uint_eq(multi_flow(&multi, &f[0].key)->at, 2);
	ok(2001);
	ck_assert_uint_eq(multi_flow(&multi, &f[0].key)->at, 3);
	/* RFC 6089 5.2.4: by leaving it out */
	with_flows("123", f + 1, 1, 3000);
	ck_assert_uint_eq(seen.flows.n_ids, 0);
	ck_assert_uint_eq(seen.flows.n_kept, 1);
	ck_assert(!is_kept(fid));
	/* until then it is there, and goes where it went */
	ck_assert_uint_eq(multi_flow(&multi, &f[0].key)->at, 3);
	ok(3001);
	ck_assert_ptr_null(multi_flow(&multi, &f[0].key));
	ck_assert(!want_with("123", f + 1, 1));
}
END_TEST

START_TEST(many_flows)
{
	struct multi_flow f[MULTI_FLOWS_MAX - 3];
	uint8_t out[MH_MAX_LEN];
	unsigned int k, rounds = 0, n = 0;

	for (k = 0; k < MULTI_FLOWS_MAX - 3; k++)
		f[k] = flow((uint16_t)(1000 + k), 2);
	bind_plain(0);
	with_flows("123", f, MULTI_FLOWS_MAX - 3, 1000);
	while (e->state == BUL_REFRESHING) {
		/* RFC 6089 6: no fragments, with ESP and a Home Address
		 * option, on a path of the least MTU */
		ck_assert_int_lt(mh_build(out, sizeof(out), &seen.bu, &hoa,
					  &ha), 1280 - 40 - 24 - 40);
		/* those that are registered are not lost by the next */
		ck_assert_uint_eq(seen.flows.n_kept, n);
		n += seen.flows.n_ids;
		ok(1000 + 400 * ++rounds);
		run_to(1000 + 400 * rounds + 399);
		ck_assert_uint_lt(rounds, 10);
	}
	ck_assert_uint_eq(n, MULTI_FLOWS_MAX - 3);
	for (k = 0; k < MULTI_FLOWS_MAX - 3; k++)
		ck_assert(multi_flow(&multi, &f[k].key)->registered);
}
END_TEST

START_TEST(flow_unknown_there)
{
	struct multi_flow f = flow(1000, 2);
	uint16_t fid;

	bind_plain(0);
	with_flows("12", &f, 1, 1000);
	ok(1001);
	fid = multi_flow(&multi, &f.key)->fid;
	bul_event(e, BUL_EV_REFRESH, at_ms(2000));
	/* RFC 6089 5.3.3: of the summary, by 132 */
	ck_assert_int_eq(ba(&(struct answer){.unknown_fid = fid}, 2001),
			 REASON_NONE);
	ck_assert_uint_eq(seen.sent, 4);
	ck_assert_uint_eq(seen.flows.n_ids, 1);
	ck_assert_uint_eq(seen.flows.ids[0].fid, fid);
	ck_assert(seen.flows.ids[0].has_ts);
	ok(2002);
	ck_assert(multi_flow(&multi, &f.key)->registered);
}
END_TEST

/* RFC 6089 4.2: what the home agent will not have goes with the rest, and is
 * not asked for again and again. */
START_TEST(flow_refused)
{
	static const uint8_t status[] = {
		FLOW_STATUS_UNSPECIFIED, FLOW_STATUS_MALFORMED,
		FLOW_STATUS_TS_UNSUPPORTED, FLOW_STATUS_BID_NOT_FOUND,
		FLOW_STATUS_PROHIBITED,
	};
	struct multi_flow f = flow(1000, 2);
	unsigned int rounds = 0;

	bind_plain(0);
	with_flows("12", &f, 1, 1000);
	do {
		ck_assert_int_eq(ba(&(struct answer){
			.flow_status = status[_i]}, 1000 + 400 * ++rounds),
			REASON_NONE);
		run_to(1000 + 400 * rounds + 399);
	} while (e->state != BUL_BOUND && rounds < 10);
	ck_assert_uint_eq(rounds, status[_i] == FLOW_STATUS_BID_NOT_FOUND ?
				  MULTI_FLOW_TRIES : 1);
	ck_assert(!multi_flow(&multi, &f.key)->registered);
	ck_assert_uint_eq(multi_flow(&multi, &f.key)->at, 0);
	ck_assert_uint_eq(multi_flow(&multi, &f.key)->status, status[_i]);
	ck_assert_int_eq(!!(bul_lacks(&bul, &ha) & MULTI_LACKS_FLOWS),
			 status[_i] == FLOW_STATUS_PROHIBITED);
}
END_TEST

/* RFC 6089 5.2.6 */
START_TEST(flows_unsupported)
{
	struct multi_flow f = flow(1000, 2);

	bind_plain(0);
	with_flows("12", &f, 1, 1000);
	ck_assert_int_eq(ba(&(struct answer){.no_flows = true}, 1001),
			 REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
	ck_assert(bul_lacks(&bul, &ha) & MULTI_LACKS_FLOWS);
	ck_assert(!multi_flow(&multi, &f.key)->registered);
	bul_event(e, BUL_EV_REFRESH, at_ms(2000));
	ck_assert_uint_eq(seen.flows.n_ids, 0);
}
END_TEST

/* RFC 6089 5.3.6 */
START_TEST(bicast)
{
	struct multi_flow f[2] = {flow(1000, 2),
				  {.wide = true, .n_bids = 2, .bids = {1, 2}}};

	bind_plain(0);
	with_flows("12", f, 2, 1000);
	ck_assert_uint_eq(seen.flows.n_ids, 2);
	ck_assert_uint_eq(seen.flows.ids[1].n_bids, 2);
	ck_assert(seen.flows.ids[1].has_ts);
	ck_assert_uint_eq(seen.flows.ids[1].ts.fields, 0);
	/* after those of a flow of their own */
	ck_assert_uint_gt(seen.flows.ids[1].pri, seen.flows.ids[0].pri);
	ok(1001);
	with_flows("12", f, 1, 3000);
	ck_assert_uint_eq(seen.flows.n_kept, 1);
}
END_TEST

/* All packets of a protocol. */
START_TEST(wide)
{
	struct multi_flow f[3] = {
		{.wide = true, .n_bids = 2, .bids = {1, 2}},
		{.wide = true, .n_bids = 1, .bids = {2}},
		flow(1000, 2),
	};

	f[1].key.proto = 41;
	bind_plain(0);
	with_flows("12", f, 3, 1000);
	ck_assert_uint_eq(seen.flows.n_ids, 3);
	ck_assert_uint_eq(seen.flows.ids[1].ts.fields, TS_NH);
	ck_assert_uint_eq(seen.flows.ids[1].ts.nh, 41);
	ck_assert_uint_gt(seen.flows.ids[0].pri, seen.flows.ids[1].pri);
	ck_assert_uint_gt(seen.flows.ids[1].pri, seen.flows.ids[2].pri);
	ok(1001);
	ck_assert(!want_with("12", f, 3));
}
END_TEST

/* A flow whose path is refused is not asked for. */
START_TEST(flow_waits_for_its_path)
{
	const struct answer no = {.status = MH_STATUS_MCOA_BULK_PROHIBITED};
	struct multi_flow f = flow(1000, 2);

	bind_plain(0);
	with_flows("12", &f, 1, 1000);
	ck_assert_int_eq(ba(&no, 1001), REASON_NONE);
	ck_assert_ptr_nonnull(bid_sent(1));
	/* RFC 6089 5.2.2.1: not before its care-of address */
	ck_assert_uint_eq(seen.flows.n_ids, 0);
	ok(1002);
	ck_assert_ptr_nonnull(bid_sent(2));
	ck_assert_uint_eq(seen.flows.n_ids, 1);
	ok(1003);
	ck_assert(multi_flow(&multi, &f.key)->registered);
}
END_TEST

/* Whatever the answers: no end in BUs, and what is registered was answered. */
START_TEST(random_answers)
{
	static const uint8_t status[] = {
		0, 0, 0, 1, 4, 5, 128, 130, 164, 165, 166, 167, 168, 169,
	};
	struct multi_flow f[3] = {flow(1, 2), flow(2, 3), flow(3, 2)};
	unsigned int step, before;
	int64_t ms = 1000;

	srand((unsigned int)_i);
	bind_plain(0);
	for (step = 0; e && step < 300; step++) {
		struct answer a = {
			.status = status[rand() % sizeof(status)],
			.flow_status = (uint8_t)(rand() % 3 ? 0 :
						 128 + rand() % 6),
		};

		a.bid_status[rand() % 4] = rand() % 3 ? 0 :
			status[rand() % sizeof(status)];
		ms += 1000;
		run_to(ms);
		before = seen.sent;
		switch (rand() % 5) {
		case 0:
			if (want_with("213", f, (unsigned int)rand() % 4)) {
				e->multi = &multi;
				bul_set_coa(e, &coa[1], 2);
				bul_event(e, BUL_EV_WAYS, at_ms(ms));
			}
			break;
		case 1:
			bul_event(e, BUL_EV_REFRESH, at_ms(ms));
			break;
		case 2:
			bul_lacks_forget(&bul);
			break;
		default:
			ba(&a, ms);
			break;
		}
		ck_assert_uint_le(seen.sent, before + 2);
		if (!e)
			break;
		if (e->multi && e->state == BUL_BOUND && e->bound &&
		    !multi_due(&multi))
			ck_assert(multi_default(&multi) ||
				  e->last_status);
	}
}
END_TEST

/* RFC 6275 11.7.3: what may pass is asked for again at the slowest rate; what
 * is bound holds meanwhile. */
START_TEST(refresh_rejected)
{
	static const struct answer full = {.status = MH_STATUS_RESOURCES};

	bind_plain(0);
	want("21", 1000);
	ok(1001);
	run_to(226010);
	ck_assert_uint_eq(seen.sent, 3);
	ck_assert_int_eq(ba(&full, 226020), REASON_NONE);
	ck_assert_int_eq(e->state, BUL_BOUND);
	run_to(257000);
	ck_assert_uint_eq(seen.sent, 3);
	ck_assert_int_eq(seen.tunnel, BUL_TUNNEL_UP);
	run_to(259000);
	ck_assert_uint_eq(seen.sent, 4);
	ok(259001);
	ck_assert_int_eq(e->state, BUL_BOUND);
}
END_TEST

/* RFC 6275 11.8: three in a second, of which moves that lose nothing leave one
 * to what has lost its way, and what has been moved already leaves two. */
START_TEST(lost_ones_first)
{
	bind_plain(0);
	bul_set_patience(e, 1);
	want("21", 2000);
	ok(2001);
	want("12", 2100);
	ok(2101);
	want("21", 2200);
	ck_assert_uint_eq(seen.sent, 3);
	/* its interface is lost: at once */
	e->multi = NULL;
	bul_set_coa(e, &coa[0], 1);
	bul_set_patience(e, 0);
	bul_event(e, BUL_EV_WAYS, at_ms(2300));
	ck_assert_uint_eq(seen.sent, 4);
	ck_assert_int_eq(plain_ba(0, 2301), REASON_NONE);
	bul_set_patience(e, 2);
	want("12", 2400);
	run_to(3299);
	ck_assert_uint_eq(seen.sent, 4);
	/* what is wanted by the way does not make it wait longer */
	bul_set_patience(e, 0);
	bul_event(e, BUL_EV_WAYS, at_ms(3299));
	ck_assert_uint_eq(seen.sent, 5);
	ok(3299);
	bul_set_patience(e, 2);
	bul_event(e, BUL_EV_WAYS, at_ms(3350));
	run_to(4298);
	ck_assert_uint_eq(seen.sent, 5);
	run_to(4300);
	ck_assert_uint_eq(seen.sent, 6);
}
END_TEST

START_TEST(haste_stays)
{
	bind_plain(0);
	bul_set_patience(e, 0);
	want("21", 10);
	ok(11);
	want("12", 20);
	ok(21);
	want("21", 30);		/* put off until 1000 */
	ck_assert_uint_eq(seen.sent, 3);
	bul_set_patience(e, 2);
	bul_event(e, BUL_EV_WAYS, at_ms(40));
	run_to(1001);
	ck_assert_uint_eq(seen.sent, 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("multibul");
	TCase *tc = tcase_create("multibul");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, bulk);
	tcase_add_test(tc, wanted_twice);
	tcase_add_test(tc, replaced_by_a_plain_one);
	tcase_add_test(tc, one_is_removed);
	tcase_add_test(tc, not_heard_twice);
	tcase_add_test(tc, refreshed);
	tcase_add_test(tc, taken_over);
	tcase_add_test(tc, unknown_coa);
	tcase_add_test(tc, asked_by_brr);
	tcase_add_test(tc, not_complete);
	tcase_add_test(tc, unsupported);
	tcase_add_test(tc, unsupported_and_rejected);
	tcase_add_test(tc, prohibited);
	tcase_add_test(tc, no_bulk);
	tcase_add_test(tc, rejected_while_bound);
	tcase_add_loop_test(tc, refused_altogether, 0, 6);
	tcase_add_test(tc, home_first);
	tcase_add_test(tc, from_home);
	tcase_add_test(tc, no_home);
	tcase_add_test(tc, home_without_nd);
	tcase_add_test(tc, lost_altogether);
	tcase_add_test(tc, released);
	tcase_add_test(tc, expired);
	tcase_add_test(tc, flow_added);
	tcase_add_test(tc, flow_moved_and_removed);
	tcase_add_test(tc, many_flows);
	tcase_add_test(tc, flow_unknown_there);
	tcase_add_loop_test(tc, flow_refused, 0, 5);
	tcase_add_test(tc, flows_unsupported);
	tcase_add_test(tc, bicast);
	tcase_add_test(tc, wide);
	tcase_add_test(tc, flow_waits_for_its_path);
	tcase_add_test(tc, refresh_rejected);
	tcase_add_test(tc, lost_ones_first);
	tcase_add_test(tc, haste_stays);
	tcase_add_loop_test(tc, random_answers, 1, 41);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
