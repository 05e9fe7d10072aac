/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ha/bcache against a fake data plane and a naive model; no network. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ha/bcache.h"

enum { MAX_LIFETIME = 600, MAX_BINDINGS = 4, NO_STATUS = -1 };

/* What the machine asked for, last and how often. */
static struct {
	int bas, intercepts, releases, forgets, advertises, states;
	struct bcache_ba ba;
	struct in6_addr hoa, coa;
	enum binding_state old, state;
	int intercept_err;
} got;

static struct timers timers;
static struct bcache bc;
static mtime now;
static struct in6_addr addrs[2];
static struct bcache_prefix prefixes[2];

static void fake_send_ba(void *arg, const struct bcache_ba *ba)
{
	ck_assert_ptr_eq(arg, &got);
	got.bas++;
	got.ba = *ba;
}

static int fake_intercept(void *arg, const struct binding *b)
{
	(void)arg;
	got.intercepts++;
	got.hoa = b->hoa;
	got.coa = b->reg.coa;
	return got.intercept_err;
}

static void fake_release(void *arg, const struct binding *b)
{
	(void)arg;
	got.releases++;
	got.hoa = b->hoa;
}

static void fake_forget(void *arg, const struct binding *b)
{
	(void)arg;
	got.forgets++;
	got.hoa = b->hoa;
}

static void fake_advertise(void *arg, const struct binding *b)
{
	(void)arg;
	got.advertises++;
	got.hoa = b->hoa;
}

static void fake_state(void *arg, const struct binding *b,
		       enum binding_state old)
{
	(void)arg;
	got.states++;
	got.old = old;
	got.state = b->state;
}

static const struct bcache_ops fake_ops = {
	.send_ba = fake_send_ba,
	.intercept = fake_intercept,
	.release = fake_release,
	.forget = fake_forget,
	.advertise = fake_advertise,
	.state = fake_state,
};

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

#define HA "2001:db8:1::1"
#define HOA "2001:db8:1::100"
#define HOA2 "2001:db8:1::200"
#define COA "2001:db8:2::100"
#define COA2 "2001:db8:3::100"

#define ck_addr_eq(a, text) do { \
	struct in6_addr want_ = addr(text); \
	ck_assert_mem_eq(&(a), &want_, sizeof(want_)); \
} while (0)

static void start(uint32_t max_bindings)
{
	struct bcache_conf conf = {
		.max_bindings = max_bindings,
		.max_lifetime = MAX_LIFETIME,
		.prefixes = prefixes,
		.n_prefixes = 2,
		.addrs = addrs,
		.n_addrs = 2,
	};

	memset(&got, 0, sizeof(got));
	now = MTIME_SEC(1000);
	addrs[0] = addr(HA);
	addrs[1] = addr("2001:db8:1:1::1");
	prefixes[0].prefix = (struct ip6_prefix){addr("2001:db8:1::"), 64};
	prefixes[0].link = 0;
	prefixes[1].prefix = (struct ip6_prefix){addr("2001:db8:1:1::"), 64};
	prefixes[1].link = 1;
	timers_init(&timers);
	bcache_init(&bc, &fake_ops, &got, &timers, &conf);
}

static void setup(void)
{
	start(MAX_BINDINGS);
}

static void teardown(void)
{
	bcache_fini(&bc);
	ck_assert_uint_eq(timers.n, 0);
	timers_fini(&timers);
}

static void pass(int ms)
{
	mtime at, end = mtime_add(now, MTIME_MS(ms));

	while (timers_next(&timers, &at) && !mtime_before(end, at)) {
		if (mtime_before(now, at))
			now = at;
		timers_run(&timers, now);
	}
	now = end;
}

/* A Binding Update that is right in everything; tests spoil it. */
struct sample {
	struct mh mh;
	struct bcache_bu bu;
};

static void alt_coa(struct sample *s, const char *coa)
{
	mh_opt_add(&s->mh, MH_OPT_ALT_COA)->alt_coa = addr(coa);
}

static void sample(struct sample *s, const char *hoa, const char *coa,
		   uint16_t seq, uint16_t lifetime)
{
	memset(s, 0, sizeof(*s));
	s->mh.type = MH_BU;
	s->mh.bu.seq = seq;
	s->mh.bu.flags = MH_BU_A | MH_BU_H;
	s->mh.bu.lifetime = lifetime;
	s->bu.mh = &s->mh;
	s->bu.hoa = addr(hoa);
	s->bu.src = addr(coa);
	s->bu.ha = addr(HA);
	s->bu.has_esp = true;
	s->bu.owns = true;
	if (lifetime)
		alt_coa(s, coa);
}

static enum reason give(const struct sample *s, int *status)
{
	struct sample copy = *s;

	copy.bu.mh = &copy.mh;
	return bcache_bu(&bc, &copy.bu, now, status);
}

static void expect(const struct sample *s, enum reason reason, int status)
{
	int bas = got.bas, have = 12345;

	ck_assert_str_eq(reason_str(give(s, &have)), reason_str(reason));
	ck_assert_int_eq(have, status);
	ck_assert_int_eq(got.bas, bas + (status != NO_STATUS));
	if (status != NO_STATUS)
		ck_assert_int_eq(got.ba.mh.ba.status, status);
}

static void bind_ok(const char *hoa, const char *coa, uint16_t seq,
		    uint16_t lifetime)
{
	struct sample s;

	sample(&s, hoa, coa, seq, lifetime);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
}

static enum binding_state state_of(const char *hoa)
{
	struct in6_addr a = addr(hoa);
	struct binding *b = bcache_find(&bc, &a);

	return b ? b->state : BINDING_GONE;
}

START_TEST(registration)
{
	bind_ok(HOA, COA, 7, 75);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
	ck_assert_int_eq(got.intercepts, 1);
	ck_addr_eq(got.coa, COA);
	ck_assert_int_eq(got.old, BINDING_NEW);
	ck_assert_int_eq(got.ba.mh.type, MH_BA);
	ck_assert_uint_eq(got.ba.mh.ba.seq, 7);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 75);
	ck_assert_uint_eq(got.ba.mh.n_opts, 0);
	ck_addr_eq(got.ba.dst, COA);
	ck_addr_eq(got.ba.hoa, HOA);
	ck_addr_eq(got.ba.ha, HA);
	ck_assert(got.ba.rh2);
	ck_assert_uint_eq(bc.n_bound, 1);
}
END_TEST

/* 9.5.4: the answer goes to the source, not to the alternate address */
START_TEST(answer_goes_to_source)
{
	struct sample s;

	sample(&s, HOA, COA, 1, 10);
	s.bu.src = addr(COA2);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_addr_eq(got.ba.dst, COA2);
	ck_addr_eq(got.coa, COA);
}
END_TEST

START_TEST(answered_without_a_flag)
{
	struct sample s;

	sample(&s, HOA, COA, 1, 10);
	s.mh.bu.flags = MH_BU_H;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
}
END_TEST

START_TEST(handover_and_refresh)
{
	struct in6_addr hoa = addr(HOA);
	mtime created;

	bind_ok(HOA, COA, 1, 75);
	created = bcache_find(&bc, &hoa)->reg.created;
	pass(5000);
	bind_ok(HOA, COA2, 2, 75);
	ck_addr_eq(got.coa, COA2);
	ck_assert_int_eq(got.old, BINDING_BOUND);
	ck_assert_int_eq(got.state, BINDING_BOUND);
	ck_assert_int_eq(bcache_find(&bc, &hoa)->reg.created.ns, created.ns);
	ck_assert_uint_eq(bc.n_bound, 1);
}
END_TEST

START_TEST(dropped_unprotected)
{
	struct sample s;

	sample(&s, HOA, COA, 1, 10);
	s.bu.has_esp = false;
	expect(&s, REASON_BU_UNPROTECTED, NO_STATUS);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
}
END_TEST

/* Status 129; but silence where the form is wrong. */
START_TEST(prohibited_not_owner)
{
	struct sample s;

	sample(&s, HOA, COA, 1, 10);
	s.bu.owns = false;
	expect(&s, REASON_BU_NOT_OWNER, MH_STATUS_PROHIBITED);
	ck_addr_eq(got.ba.dst, COA);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 0);
	ck_assert_int_eq(got.intercepts, 0);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
	s.bu.src = addr("ff02::1");
	expect(&s, REASON_BAD_ADDRESS, NO_STATUS);
	s.bu.has_esp = false;
	expect(&s, REASON_BU_UNPROTECTED, NO_STATUS);
}
END_TEST

/* Another's binding stays as it is: its number too. */
START_TEST(not_owner_changes_nothing)
{
	struct sample s;

	bind_ok(HOA, COA, 5, 10);
	sample(&s, HOA, COA2, 3, 10);
	s.bu.owns = false;
	expect(&s, REASON_BU_NOT_OWNER, MH_STATUS_PROHIBITED);
	ck_assert_uint_eq(got.ba.mh.ba.seq, 3);
	sample(&s, HOA, COA2, 9, 0);
	s.bu.owns = false;
	expect(&s, REASON_BU_NOT_OWNER, MH_STATUS_PROHIBITED);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
	ck_assert_int_eq(got.releases, 0);
	bind_ok(HOA, COA2, 6, 10);
}
END_TEST

START_TEST(dropped_not_home_registration)
{
	struct sample s;

	sample(&s, HOA, COA, 1, 10);
	s.mh.bu.flags &= ~MH_BU_H;
	expect(&s, REASON_BU_NOT_HOME_REG, NO_STATUS);
}
END_TEST

START_TEST(dropped_bad_addresses)
{
	static const char *const bad[] = {
		"::", "::1", "ff02::1", "fe80::1", "::ffff:192.0.2.1" };
	struct sample s;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		sample(&s, bad[i], COA, 1, 10);
		expect(&s, REASON_BAD_ADDRESS, NO_STATUS);
		sample(&s, HOA, bad[i], 1, 10);
		expect(&s, REASON_BAD_ADDRESS, NO_STATUS);
	}
}
END_TEST

START_TEST(dropped_nonce_indices)
{
	struct sample s;

	sample(&s, HOA, COA, 1, 10);
	mh_opt_add(&s.mh, MH_OPT_NONCE);
	expect(&s, REASON_BU_NONCE_INDICES, NO_STATUS);
}
END_TEST

/* Earlier checks win: what fails all of them is told by the first. */
START_TEST(order_of_checks)
{
	struct sample s;

	bind_ok(HOA, COA, 9, 10);
	sample(&s, HOA, COA, 9, 10);
	s.bu.has_esp = false;
	s.mh.bu.flags = 0;
	mh_opt_add(&s.mh, MH_OPT_NONCE);
	expect(&s, REASON_BU_UNPROTECTED, NO_STATUS);
	s.bu.has_esp = true;
	expect(&s, REASON_BU_NOT_HOME_REG, NO_STATUS);
	s.mh.bu.flags = MH_BU_H;
	expect(&s, REASON_BU_NONCE_INDICES, NO_STATUS);
	s.mh.n_opts--;
	expect(&s, REASON_BU_SEQ, MH_STATUS_SEQ);
}
END_TEST

/* 9.5.1's own example: after 15, 0..15 and 32783..65535 are old. */
START_TEST(sequence_window)
{
	static const struct {
		uint16_t last, seq;
		bool ok;
	} t[] = {
		{ 15, 15, false }, { 15, 0, false }, { 15, 14, false },
		{ 15, 65535, false }, { 15, 32783, false },
		{ 15, 32782, true }, { 15, 16, true },
		{ 65535, 0, true }, { 65535, 65535, false },
		{ 65535, 32766, true }, { 65535, 32767, false },
		{ 0, 65535, false }, { 0, 1, true },
	};
	struct sample s;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		bind_ok(HOA, COA, t[i].last, 10);
		sample(&s, HOA, COA2, t[i].seq, 10);
		if (t[i].ok) {
			expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
		} else {
			expect(&s, REASON_BU_SEQ, MH_STATUS_SEQ);
			ck_assert_uint_eq(got.ba.mh.ba.seq, t[i].last);
			ck_assert_uint_eq(got.ba.mh.ba.lifetime, 0);
			ck_addr_eq(got.ba.dst, COA2);
			ck_assert(got.ba.rh2);
		}
		pass(60000);
	}
}
END_TEST

START_TEST(not_home_subnet)
{
	struct sample s;

	sample(&s, "2001:db8:9::1", COA, 1, 10);
	expect(&s, REASON_BU_NOT_HOME_SUBNET, MH_STATUS_NOT_HOME_SUBNET);
	ck_assert(got.ba.rh2);
	ck_assert_int_eq(got.intercepts, 0);
}
END_TEST

START_TEST(second_link)
{
	struct in6_addr hoa = addr("2001:db8:1:1::100");

	bind_ok("2001:db8:1:1::100", COA, 1, 10);
	ck_assert_uint_eq(bcache_find(&bc, &hoa)->link, 1);
}
END_TEST

START_TEST(deregistration_without_binding)
{
	struct sample s;

	sample(&s, HOA, COA, 1, 0);
	expect(&s, REASON_BU_NO_BINDING, MH_STATUS_NOT_HA_FOR_MN);
	sample(&s, HOA, HOA, 1, 0);
	expect(&s, REASON_BU_NO_BINDING, MH_STATUS_NOT_HA_FOR_MN);
	ck_addr_eq(got.ba.dst, HOA);
	ck_assert(!got.ba.rh2);
}
END_TEST

START_TEST(no_alternate_coa)
{
	struct sample s;

	sample(&s, HOA, COA, 1, 10);
	s.mh.n_opts = 0;
	expect(&s, REASON_BU_NO_ALT_COA, MH_STATUS_UNSPECIFIED);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
}
END_TEST

START_TEST(invalid_coa)
{
	static const char *const bad[] = {
		"::", "::1", "ff0e::1", "fe80::1", HA, "2001:db8:1:1::1" };
	struct sample s;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		sample(&s, HOA, COA, 1, 10);
		s.mh.n_opts = 0;
		alt_coa(&s, bad[i]);
		expect(&s, REASON_BU_BAD_COA, MH_STATUS_INVALID_COA);
	}
	/* from the HoA itself, without Home Address option */
	sample(&s, HOA, HOA, 1, 10);
	s.mh.n_opts = 0;
	alt_coa(&s, COA);
	expect(&s, REASON_BU_BAD_COA, MH_STATUS_INVALID_COA);
	ck_assert(!got.ba.rh2);
	ck_assert_int_eq(got.intercepts, 0);
}
END_TEST

START_TEST(coa_in_a_circle)
{
	struct sample s;

	bind_ok(HOA, HOA2, 1, 10);
	sample(&s, HOA2, HOA, 1, 10);
	expect(&s, REASON_BU_BAD_COA, MH_STATUS_INVALID_COA);
	bind_ok(HOA2, COA, 2, 10);
	bind_ok("2001:db8:1::300", HOA, 1, 10);
	sample(&s, HOA2, "2001:db8:1::300", 3, 10);
	expect(&s, REASON_BU_BAD_COA, MH_STATUS_INVALID_COA);
	/* once the HoA is at home again, it may serve as a CoA */
	sample(&s, HOA, HOA, 2, 0);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	bind_ok(HOA2, HOA, 4, 10);
}
END_TEST

START_TEST(nesting_is_bounded)
{
	char hoa[32], coa[32];
	struct sample s;
	int i;

	bcache_limits(&bc, 100, MAX_LIFETIME);
	for (i = 0; i < BCACHE_NESTING; i++) {
		snprintf(hoa, sizeof(hoa), "2001:db8:1::%x", 0x100 + i);
		snprintf(coa, sizeof(coa), "2001:db8:1::%x", 0xff + i);
		bind_ok(hoa, i ? coa : COA, 1, 10);
	}
	sample(&s, "2001:db8:1::999", hoa, 1, 10);
	expect(&s, REASON_BU_BAD_COA, MH_STATUS_INVALID_COA);
}
END_TEST

/* 9.5.1: the number of a BU that is valid counts, rejected or not. */
START_TEST(rejected_seq_counts)
{
	struct sample s;

	bind_ok(HOA, COA, 1, 10);
	sample(&s, HOA, COA, 5, 10);
	s.mh.n_opts = 0;
	expect(&s, REASON_BU_NO_ALT_COA, MH_STATUS_UNSPECIFIED);
	sample(&s, HOA, COA2, 5, 10);
	expect(&s, REASON_BU_SEQ, MH_STATUS_SEQ);
	ck_assert_uint_eq(got.ba.mh.ba.seq, 5);
	/* a stranger's does not, nor one that was dropped */
	sample(&s, HOA, COA2, 9, 10);
	s.bu.owns = false;
	expect(&s, REASON_BU_NOT_OWNER, MH_STATUS_PROHIBITED);
	s.mh.bu.flags &= ~MH_BU_H;
	expect(&s, REASON_BU_NOT_HOME_REG, NO_STATUS);
	bind_ok(HOA, COA2, 6, 10);
}
END_TEST

START_TEST(capacity)
{
	char hoa[32];
	struct sample s;
	int i;

	for (i = 0; i < MAX_BINDINGS; i++) {
		snprintf(hoa, sizeof(hoa), "2001:db8:1::%x", 0x100 + i);
		bind_ok(hoa, COA, 1, 10);
	}
	sample(&s, "2001:db8:1::999", COA, 1, 10);
	expect(&s, REASON_BU_RESOURCES, MH_STATUS_RESOURCES);
	bind_ok(hoa, COA2, 2, 10);	/* a handover needs no room */
	sample(&s, hoa, COA2, 3, 0);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	bind_ok("2001:db8:1::999", COA, 1, 10);
	sample(&s, hoa, COA, 4, 10);	/* the tombstone's place is taken */
	expect(&s, REASON_BU_RESOURCES, MH_STATUS_RESOURCES);
	bcache_limits(&bc, MAX_BINDINGS + 1, MAX_LIFETIME);
	bind_ok(hoa, COA, 5, 10);
}
END_TEST

START_TEST(data_plane_fails)
{
	struct in6_addr hoa = addr(HOA);
	struct sample s;

	sample(&s, HOA, COA, 1, 10);
	got.intercept_err = -E2BIG;
	expect(&s, REASON_BU_RESOURCES, MH_STATUS_RESOURCES);
	got.intercept_err = -EPERM;
	expect(&s, REASON_BU_INTERNAL, MH_STATUS_UNSPECIFIED);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
	ck_assert_uint_eq(timers.n, 0);

	got.intercept_err = 0;
	bind_ok(HOA, COA, 2, 10);
	got.intercept_err = -EPERM;
	sample(&s, HOA, COA2, 3, 10);
	expect(&s, REASON_BU_INTERNAL, MH_STATUS_UNSPECIFIED);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
	ck_addr_eq(bcache_find(&bc, &hoa)->reg.coa, COA);
	ck_assert_uint_eq(bcache_find(&bc, &hoa)->reg.seq, 3);
}
END_TEST

START_TEST(k_flag)
{
	struct sample s;

	sample(&s, HOA, COA, 1, 10);
	s.mh.bu.flags |= MH_BU_K;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(got.ba.mh.ba.flags, 0);	/* manual keys */
	s.mh.bu.seq = 2;
	s.bu.dynamic = true;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(got.ba.mh.ba.flags, MH_BA_K);
	s.mh.bu.seq = 3;
	s.mh.bu.flags &= ~MH_BU_K;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(got.ba.mh.ba.flags, 0);
}
END_TEST

START_TEST(lifetime_is_limited)
{
	struct in6_addr hoa = addr(HOA);

	bind_ok(HOA, COA, 1, 65535);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime,
			  MAX_LIFETIME / MH_LIFETIME_UNIT);
	bcache_limits(&bc, MAX_BINDINGS, 11);
	bind_ok(HOA, COA, 2, 65535);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 2);
	ck_assert_uint_eq(bcache_find(&bc, &hoa)->reg.lifetime, 8);
	bind_ok(HOA, COA, 3, 1);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 1);
	pass(3999);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
	pass(1);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
}
END_TEST

START_TEST(expiry)
{
	bind_ok(HOA, COA, 1, 10);
	pass(30000);
	bind_ok(HOA, COA, 2, 10);
	pass(39999);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
	ck_assert_int_eq(got.forgets, 0);
	pass(1);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
	ck_assert_int_eq(got.forgets, 1);
	ck_addr_eq(got.hoa, HOA);
	ck_assert_int_eq(got.old, BINDING_BOUND);
	ck_assert_int_eq(got.state, BINDING_GONE);
	ck_assert_uint_eq(bc.n_bound, 0);
	/* no entry: any sequence number will do */
	bind_ok(HOA, COA, 1, 10);
}
END_TEST

/* A BU that comes after the lifetime, but before its timer was run. */
START_TEST(expiry_without_timer)
{
	struct sample s;

	bind_ok(HOA, COA, 100, 10);
	now = mtime_add(now, MTIME_SEC(40));
	sample(&s, HOA, COA, 50, 0);
	expect(&s, REASON_BU_NO_BINDING, MH_STATUS_NOT_HA_FOR_MN);
	ck_assert_int_eq(got.forgets, 1);
}
END_TEST

START_TEST(tombstone)
{
	struct sample s;

	bind_ok(HOA, COA, 10, 75);
	sample(&s, HOA, HOA, 12, 0);	/* at home */
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_int_eq(got.releases, 1);
	ck_assert_int_eq(state_of(HOA), BINDING_DELETED);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 0);
	ck_assert_uint_eq(got.ba.mh.ba.seq, 12);
	ck_addr_eq(got.ba.dst, HOA);
	ck_assert(!got.ba.rh2);
	ck_assert_uint_eq(bc.n_bound, 0);

	/* 10.3.2: the delayed BU from the visited link */
	pass(9000);
	sample(&s, HOA, COA, 11, 75);
	expect(&s, REASON_BU_SEQ, MH_STATUS_SEQ);
	ck_assert_uint_eq(got.ba.mh.ba.seq, 12);
	ck_addr_eq(got.ba.dst, COA);
	ck_assert_int_eq(state_of(HOA), BINDING_DELETED);

	pass(999);
	ck_assert_int_eq(got.forgets, 0);
	pass(1);
	ck_assert_int_eq(got.forgets, 1);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
}
END_TEST

START_TEST(tombstone_revived)
{
	struct sample s;

	bind_ok(HOA, COA, 10, 75);
	pass(5000);
	sample(&s, HOA, COA, 11, 0);	/* away */
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_addr_eq(got.ba.dst, COA);
	ck_assert(got.ba.rh2);
	pass(5000);
	bind_ok(HOA, COA2, 12, 75);
	ck_assert_int_eq(got.old, BINDING_DELETED);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
	ck_assert_int_eq(got.advertises, 4);
	pass(11000);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
	ck_assert_int_eq(got.advertises, 6);
}
END_TEST

/* The answer was lost: the same again, and ten seconds anew. */
START_TEST(deregistration_repeated)
{
	struct sample s;

	bind_ok(HOA, COA, 10, 75);
	sample(&s, HOA, COA, 11, 0);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	pass(6000);
	s.mh.bu.seq = 12;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_int_eq(got.states, 2);
	pass(6000);
	ck_assert_int_eq(state_of(HOA), BINDING_DELETED);
	pass(4000);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
}
END_TEST

/* Lifetime not zero, but the CoA is the HoA: a deregistration, too. */
START_TEST(deregistration_by_coa)
{
	struct sample s;

	bind_ok(HOA, COA, 1, 75);
	sample(&s, HOA, HOA, 2, 75);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_int_eq(state_of(HOA), BINDING_DELETED);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 0);
}
END_TEST

START_TEST(advertisements)
{
	struct sample s;

	bind_ok(HOA, COA, 1, 75);
	ck_assert_int_eq(got.advertises, 1);
	pass(999);
	ck_assert_int_eq(got.advertises, 1);
	pass(1);
	ck_assert_int_eq(got.advertises, 2);
	bind_ok(HOA, COA2, 2, 75);	/* no new ones for a handover */
	ck_assert_int_eq(got.advertises, 2);
	pass(1000);
	ck_assert_int_eq(got.advertises, 3);
	pass(100000);
	ck_assert_int_eq(got.advertises, 3);

	bind_ok(HOA2, COA, 1, 75);
	sample(&s, HOA2, HOA2, 2, 0);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	pass(5000);
	ck_assert_int_eq(got.advertises, 4);	/* stopped */
}
END_TEST

static int restore(const char *hoa, const char *ha, int left_s, bool deleted)
{
	struct in6_addr a = addr(hoa);
	struct binding_reg reg = {
		.coa = addr(COA),
		.ha = addr(ha),
		.created = MTIME_SEC(1),
		.expires = mtime_add(now, MTIME_SEC(left_s)),
		.lifetime = 300,
		.seq = 41,
		.flags = MH_BU_H,
	};

	return bcache_restore(&bc, &a, &reg, deleted, now);
}

START_TEST(restored)
{
	struct sample s;

	ck_assert_int_eq(restore(HOA, HA, 20, false), 0);
	ck_assert_int_eq(restore(HOA, HA, 20, false), -EEXIST);
	ck_assert_int_eq(restore(HOA2, HA, 5, true), 0);
	ck_assert_int_eq(restore("2001:db8:1::3", HA, 0, false), -ETIME);
	ck_assert_int_eq(restore("2001:db8:8::3", HA, 20, false),
			 -EADDRNOTAVAIL);
	ck_assert_int_eq(restore("2001:db8:1::3", "2001:db8::5", 20, false),
			 -EADDRNOTAVAIL);
	ck_assert_uint_eq(bc.n_bound, 1);
	ck_assert_int_eq(got.intercepts + got.states + got.bas, 0);

	sample(&s, HOA, COA, 41, 10);
	expect(&s, REASON_BU_SEQ, MH_STATUS_SEQ);
	sample(&s, HOA2, COA, 41, 10);
	expect(&s, REASON_BU_SEQ, MH_STATUS_SEQ);
	pass(5000);
	ck_assert_int_eq(state_of(HOA2), BINDING_GONE);
	pass(14999);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
	pass(1);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
	ck_assert_int_eq(got.advertises, 0);
}
END_TEST

/*
 * A naive model: for each of a few HoAs, what should be known of it; fed the
 * same random Binding Updates.
 */
enum { MODEL_HOAS = 6, MODEL_STEPS = 20000 };

struct model {
	bool entry, bound;
	uint16_t seq;
	int coa;
	int64_t expires;
};

static uint32_t rnd_state = 12345;

static unsigned int rnd(unsigned int n)
{
	rnd_state = rnd_state * 1664525 + 1013904223;
	return (rnd_state >> 8) % n;
}

static struct in6_addr nth(const char *base, int n)
{
	struct in6_addr a = addr(base);

	a.s6_addr[15] = n;
	return a;
}

static int model_bound(const struct model *m)
{
	int i, n = 0;

	for (i = 0; i < MODEL_HOAS; i++)
		n += m[i].bound;
	return n;
}

static void model_age(struct model *m)
{
	int i;

	for (i = 0; i < MODEL_HOAS; i++)
		if (m[i].entry && m[i].expires <= now.ns)
			m[i] = (struct model){0};
}

static int model_bu(struct model *all, int i, uint16_t seq, int life, int coa)
{
	struct model *m = &all[i];

	if (m->entry && (int16_t)(seq - m->seq) <= 0)
		return MH_STATUS_SEQ;
	if (m->entry)
		m->seq = seq;
	if (!life) {
		if (!m->entry)
			return MH_STATUS_NOT_HA_FOR_MN;
		m->bound = false;
		m->expires = now.ns + MTIME_SEC(BCACHE_TOMBSTONE).ns;
		return MH_STATUS_ACCEPTED;
	}
	if (!m->bound && model_bound(all) >= MAX_BINDINGS)
		return MH_STATUS_RESOURCES;
	if (life > MAX_LIFETIME / 4)
		life = MAX_LIFETIME / 4;
	*m = (struct model){true, true, seq, coa,
			    now.ns + MTIME_SEC(life * 4).ns};
	return MH_STATUS_ACCEPTED;
}

static void model_compare(const struct model *m)
{
	int i;

	for (i = 0; i < MODEL_HOAS; i++) {
		struct in6_addr hoa = nth("2001:db8:1::100", i);
		struct in6_addr coa = nth("2001:db8:2::100", m[i].coa);
		struct binding *b = bcache_find(&bc, &hoa);

		ck_assert_int_eq(!!b, m[i].entry);
		if (!b)
			continue;
		ck_assert_int_eq(b->state == BINDING_BOUND, m[i].bound);
		ck_assert_uint_eq(b->reg.seq, m[i].seq);
		ck_assert_int_eq(b->reg.expires.ns, m[i].expires);
		ck_assert(ip6_addr_eq(&b->reg.coa, &coa));
	}
	ck_assert_int_eq(bc.n_bound, model_bound(m));
}

START_TEST(random_against_model)
{
	struct model m[MODEL_HOAS] = {0};
	int step, have;

	for (step = 0; step < MODEL_STEPS; step++) {
		int i = rnd(MODEL_HOAS), coa = rnd(200);
		int life = rnd(3) ? rnd(200) : 0;
		uint16_t seq = m[i].seq + rnd(40) - 8;
		struct sample s;

		pass(rnd(4) ? 0 : rnd(20000));
		model_age(m);
		sample(&s, HOA, COA, seq, life);
		s.bu.hoa = nth("2001:db8:1::100", i);
		s.bu.src = nth("2001:db8:2::100", coa);
		if (life)
			s.mh.opts[0].alt_coa = s.bu.src;
		give(&s, &have);
		ck_assert_int_eq(have, model_bu(m, i, seq, life, coa));
		model_compare(m);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bcache");
	TCase *tc = tcase_create("bcache");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, registration);
	tcase_add_test(tc, answer_goes_to_source);
	tcase_add_test(tc, answered_without_a_flag);
	tcase_add_test(tc, handover_and_refresh);
	tcase_add_test(tc, dropped_unprotected);
	tcase_add_test(tc, prohibited_not_owner);
	tcase_add_test(tc, not_owner_changes_nothing);
	tcase_add_test(tc, dropped_not_home_registration);
	tcase_add_test(tc, dropped_bad_addresses);
	tcase_add_test(tc, dropped_nonce_indices);
	tcase_add_test(tc, order_of_checks);
	tcase_add_test(tc, sequence_window);
	tcase_add_test(tc, not_home_subnet);
	tcase_add_test(tc, second_link);
	tcase_add_test(tc, deregistration_without_binding);
	tcase_add_test(tc, no_alternate_coa);
	tcase_add_test(tc, invalid_coa);
	tcase_add_test(tc, coa_in_a_circle);
	tcase_add_test(tc, nesting_is_bounded);
	tcase_add_test(tc, rejected_seq_counts);
	tcase_add_test(tc, capacity);
	tcase_add_test(tc, data_plane_fails);
	tcase_add_test(tc, k_flag);
	tcase_add_test(tc, lifetime_is_limited);
	tcase_add_test(tc, expiry);
	tcase_add_test(tc, expiry_without_timer);
	tcase_add_test(tc, tombstone);
	tcase_add_test(tc, tombstone_revived);
	tcase_add_test(tc, deregistration_repeated);
	tcase_add_test(tc, deregistration_by_coa);
	tcase_add_test(tc, advertisements);
	tcase_add_test(tc, restored);
	tcase_add_test(tc, random_against_model);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
