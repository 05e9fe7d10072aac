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
	uint16_t seq;
	int bas, intercepts, stores, releases, forgets, advertises, states;
	int probes, refreshes, probe_rc;
	uint16_t link;
	struct bcache_ba ba;
	struct in6_addr hoa, coa;
	enum binding_state old, state;
	int intercept_err;
	int routers;
	enum reason router;	/* what is said of mobile routers, */
	int router_status;	/* with this status */
	int severals, outlives;
	bool several_bound;
	uint32_t several_lifetime;
	struct binding_reg reg;	/* that was to be intercepted */
	/* what is said of Binding Identifiers, */
	enum reason several_reason;
	struct bcache_several several;
	/* and of what there is after one is over; expires 0: nothing */
	struct bcache_several next;
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
	got.seq = b->reg.seq;
	got.reg = b->reg;
	return got.intercept_err;
}

static void fake_store(void *arg, const struct binding *b)
{
	(void)arg;
	got.stores++;
	got.coa = b->reg.coa;
	got.seq = b->reg.seq;
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

/* 1: no test needed; 0: put off. */
static int fake_probe(void *arg, const struct bcache_bu *bu, uint16_t link)
{
	(void)arg;
	got.probes++;
	got.hoa = bu->hoa;
	got.link = link;
	return got.probe_rc;
}

static void fake_refresh(void *arg, const struct binding *b)
{
	(void)arg;
	got.refreshes++;
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

static enum reason fake_router(void *arg, const struct bcache_bu *bu,
			       int *status)
{
	(void)arg;
	(void)bu;
	got.routers++;
	if (got.router)
		*status = got.router_status;
	return got.router;
}

static enum reason fake_several(void *arg, const struct bcache_bu *bu,
				bool bound, uint32_t lifetime, mtime at,
				struct bcache_several *out)
{
	(void)arg;
	ck_assert_ptr_nonnull(mh_opt_find(bu->mh, MH_OPT_BID));
	ck_assert_int_eq(at.ns, now.ns);
	got.severals++;
	got.several_bound = bound;
	got.several_lifetime = lifetime;
	*out = got.several;
	return got.several_reason;
}

static bool fake_outlive(void *arg, const struct binding *b, mtime at,
			 struct bcache_several *out)
{
	(void)arg;
	(void)at;
	ck_assert(b->reg.several);
	got.outlives++;
	*out = got.next;
	return got.next.expires.ns;
}

static const struct bcache_ops fake_ops = {
	.several = fake_several,
	.outlive = fake_outlive,
	.router = fake_router,
	.send_ba = fake_send_ba,
	.probe = fake_probe,
	.intercept = fake_intercept,
	.store = fake_store,
	.release = fake_release,
	.forget = fake_forget,
	.advertise = fake_advertise,
	.refresh = fake_refresh,
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
	struct in6_addr have_ = (a), want_ = addr(text); \
	ck_assert_mem_eq(&have_, &want_, sizeof(want_)); \
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
	got.probe_rc = 1;
	now = MTIME_SEC(1000);
	addrs[0] = addr(HA);
	addrs[1] = addr("2001:db8:1:1::1");
	prefixes[0].prefix = (struct ip6_prefix){addr("2001:db8:1::"), 64};
	prefixes[0].link = 0;
	prefixes[0].valid = prefixes[0].preferred = BCACHE_FOR_EVER;
	prefixes[1].prefix = (struct ip6_prefix){addr("2001:db8:1:1::"), 64};
	prefixes[1].link = 1;
	prefixes[1].valid = prefixes[1].preferred = BCACHE_FOR_EVER;
	timers_init(&timers);
	ck_assert_int_eq(bcache_init(&bc, &fake_ops, &got, &timers, &conf), 0);
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
	ck_assert_int_eq(got.bas, bas + (status >= 0));
	if (status >= 0)
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
	struct binding b;

	return bcache_find(&bc, &a, &b) ? b.state : BINDING_GONE;
}

static struct binding_reg reg_of(const char *hoa)
{
	struct in6_addr a = addr(hoa);
	struct binding b;

	ck_assert(bcache_find(&bc, &a, &b));
	ck_assert(ip6_addr_eq(&a, &b.hoa));
	return b.reg;
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

/* 6.1.7: reserved bits are ignored */
START_TEST(reserved_bits)
{
	struct sample s;

	sample(&s, HOA, COA, 1, 10);
	s.mh.bu.flags |= 0x0bff;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(got.ba.mh.ba.flags, 0);
}
END_TEST

START_TEST(handover_and_refresh)
{
	mtime created;

	bind_ok(HOA, COA, 1, 75);
	created = reg_of(HOA).created;
	pass(5000);
	bind_ok(HOA, COA2, 2, 75);
	ck_addr_eq(got.coa, COA2);
	ck_assert_int_eq(got.old, BINDING_BOUND);
	ck_assert_int_eq(got.state, BINDING_BOUND);
	ck_assert_int_eq(reg_of(HOA).created.ns, created.ns);
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
	s.bu.owns = false;
	expect(&s, REASON_BU_NOT_HOME_REG, NO_STATUS);
	s.bu.owns = true;
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
	struct binding b;

	bind_ok("2001:db8:1:1::100", COA, 1, 10);
	ck_assert(bcache_find(&bc, &hoa, &b));
	ck_assert_uint_eq(b.link, 1);
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
	/* 6.1.7: MUST be silently discarded */
	static const char *const bad[] = {
		"::", "::1", "ff0e::1", "fe80::1", "::ffff:192.0.2.1" };
	static const char *const invalid[] = { HA, "2001:db8:1:1::1" };
	struct sample s;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		sample(&s, HOA, COA, 1, 10);
		s.mh.n_opts = 0;
		alt_coa(&s, bad[i]);
		expect(&s, REASON_BU_BAD_COA, NO_STATUS);
	}
	for (i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
		sample(&s, HOA, COA, 1, 10);
		s.mh.n_opts = 0;
		alt_coa(&s, invalid[i]);
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

/* Nor does a binding that is over, though its timer has not run yet. */
START_TEST(coa_of_one_that_is_over)
{
	bind_ok(HOA, HOA2, 1, 10);
	now = mtime_add(now, MTIME_SEC(40));
	bind_ok(HOA2, HOA, 1, 10);
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

/* 9.5.1: stored, where it outlives a restart; 10.3.1's checks fail it. */
START_TEST(rejected_seq_is_stored)
{
	struct sample s;

	bind_ok(HOA, COA, 1, 10);
	ck_assert_int_eq(got.intercepts, 1);
	sample(&s, HOA, HA, 5, 10);
	s.bu.src = addr(COA);
	expect(&s, REASON_BU_BAD_COA, MH_STATUS_INVALID_COA);
	ck_assert_int_eq(got.stores, 1);
	ck_addr_eq(got.coa, COA);
	ck_assert_uint_eq(got.seq, 5);
	ck_assert_uint_eq(reg_of(HOA).seq, 5);
	/* neither of one that is out of window, nor of a stranger's */
	sample(&s, HOA, COA, 5, 10);
	expect(&s, REASON_BU_SEQ, MH_STATUS_SEQ);
	s.mh.bu.seq = 9;
	s.bu.owns = false;
	expect(&s, REASON_BU_NOT_OWNER, MH_STATUS_PROHIBITED);
	ck_assert_int_eq(got.stores, 1);
	ck_assert_uint_eq(reg_of(HOA).seq, 5);
}
END_TEST

/* 9.5.1: the H flag of what is bound does not change; 9.5.1 has the sequence
 * number before it, and does not store that of a BU that fails. */
START_TEST(type_change)
{
	struct sample s;

	bind_ok(HOA, COA, 5, 10);
	sample(&s, HOA, COA2, 5, 10);
	s.mh.bu.flags &= ~MH_BU_H;
	expect(&s, REASON_BU_SEQ, MH_STATUS_SEQ);
	s.mh.bu.seq = 6;
	expect(&s, REASON_BU_TYPE_CHANGE, MH_STATUS_TYPE_CHANGE);
	mh_opt_add(&s.mh, MH_OPT_NONCE);
	expect(&s, REASON_BU_TYPE_CHANGE, MH_STATUS_TYPE_CHANGE);
	ck_assert_uint_eq(reg_of(HOA).flags, MH_BU_A | MH_BU_H);
	ck_addr_eq(reg_of(HOA).coa, COA);
	/* a stranger hears nothing of what is bound */
	s.bu.owns = false;
	expect(&s, REASON_BU_NOT_HOME_REG, NO_STATUS);
	s.bu.has_esp = false;
	expect(&s, REASON_BU_UNPROTECTED, NO_STATUS);
	bind_ok(HOA, COA2, 6, 10);
	sample(&s, HOA, HOA, 7, 0);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	sample(&s, HOA, COA, 8, 10);
	s.mh.bu.flags &= ~MH_BU_H;
	expect(&s, REASON_BU_NOT_HOME_REG, NO_STATUS);
}
END_TEST

/* 10.3.1: not configured to act as a home agent */
START_TEST(no_home_link)
{
	struct sample s;

	bc.conf.n_prefixes = 0;
	sample(&s, HOA, COA, 1, 10);
	expect(&s, REASON_BU_NO_HOME_LINK, MH_STATUS_NO_HOME_REG);
	ck_assert_int_eq(got.intercepts, 0);
}
END_TEST

/* 10.3.1: the answer waits for duplicate address detection. */
START_TEST(dad_unique)
{
	struct sample s;

	got.probe_rc = 0;
	sample(&s, "2001:db8:1:1::100", COA, 7, 10);
	expect(&s, REASON_NONE, BCACHE_PUT_OFF);
	ck_assert_int_eq(got.probes, 1);
	ck_assert_uint_eq(got.link, 1);
	ck_assert_int_eq(got.intercepts + got.advertises, 0);
	ck_assert_int_eq(state_of("2001:db8:1:1::100"), BINDING_PROBING);
	ck_assert_uint_eq(bc.n_bound, 0);
	pass(1000);
	s.bu.dad = BCACHE_DAD_UNIQUE;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_int_eq(got.probes, 1);
	ck_assert_int_eq(got.intercepts, 1);
	ck_assert_int_eq(got.advertises, 1);
	ck_assert_uint_eq(got.ba.mh.ba.seq, 7);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 10);
	ck_assert_int_eq(got.old, BINDING_PROBING);
	pass(39999);
	ck_assert_int_eq(state_of("2001:db8:1:1::100"), BINDING_BOUND);
	pass(1);
	ck_assert_int_eq(state_of("2001:db8:1:1::100"), BINDING_GONE);
}
END_TEST

START_TEST(dad_duplicate)
{
	struct sample s;

	got.probe_rc = 0;
	sample(&s, HOA, COA, 7, 10);
	expect(&s, REASON_NONE, BCACHE_PUT_OFF);
	s.bu.dad = BCACHE_DAD_DUPLICATE;
	expect(&s, REASON_BU_DUPLICATE, MH_STATUS_DAD_FAILED);
	ck_addr_eq(got.ba.dst, COA);
	ck_assert(got.ba.rh2);
	ck_assert_uint_eq(got.ba.mh.ba.seq, 7);
	ck_assert_int_eq(got.intercepts + got.advertises, 0);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
	ck_assert_uint_eq(timers.n, 0);
	/* no entry: any number will do */
	sample(&s, HOA, COA, 3, 10);
	expect(&s, REASON_NONE, BCACHE_PUT_OFF);
}
END_TEST

/* 10.3.1: unless there is a binding already */
START_TEST(dad_once)
{
	struct sample s;

	bind_ok(HOA, COA, 1, 10);
	got.probe_rc = 0;
	bind_ok(HOA, COA2, 2, 10);
	ck_assert_int_eq(got.probes, 1);
	/* a tombstone is none */
	sample(&s, HOA, HOA, 3, 0);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	sample(&s, HOA, COA, 4, 10);
	expect(&s, REASON_NONE, BCACHE_PUT_OFF);
	ck_assert_int_eq(state_of(HOA), BINDING_PROBING);
	s.bu.dad = BCACHE_DAD_UNIQUE;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
}
END_TEST

/* Of several while it is tested the last one is answered, and once. */
START_TEST(dad_repeated)
{
	struct sample first, second, old;

	got.probe_rc = 0;
	sample(&first, HOA, COA, 7, 10);
	expect(&first, REASON_NONE, BCACHE_PUT_OFF);
	sample(&second, HOA, COA2, 9, 10);
	expect(&second, REASON_NONE, BCACHE_PUT_OFF);
	sample(&old, HOA, COA, 8, 10);
	expect(&old, REASON_BU_SEQ, MH_STATUS_SEQ);
	ck_assert_uint_eq(got.ba.mh.ba.seq, 9);
	ck_assert_int_eq(state_of(HOA), BINDING_PROBING);
	ck_assert_int_eq(got.states, 1);
	first.bu.dad = BCACHE_DAD_UNIQUE;
	expect(&first, REASON_BU_SUPERSEDED, NO_STATUS);
	ck_assert_int_eq(state_of(HOA), BINDING_PROBING);
	second.bu.dad = BCACHE_DAD_UNIQUE;
	expect(&second, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_addr_eq(reg_of(HOA).coa, COA2);
	expect(&second, REASON_BU_SUPERSEDED, NO_STATUS);
	ck_assert_int_eq(got.intercepts, 1);
}
END_TEST

/* The mobile node is home again: there is no binding, and will be none. */
START_TEST(dad_and_home)
{
	struct sample s, dereg;

	got.probe_rc = 0;
	sample(&s, HOA, COA, 7, 10);
	expect(&s, REASON_NONE, BCACHE_PUT_OFF);
	sample(&dereg, HOA, HOA, 8, 0);
	expect(&dereg, REASON_BU_NO_BINDING, MH_STATUS_NOT_HA_FOR_MN);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
	s.bu.dad = BCACHE_DAD_UNIQUE;
	expect(&s, REASON_BU_SUPERSEDED, NO_STATUS);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
}
END_TEST

/* A stranger's BU meanwhile changes nothing. */
START_TEST(dad_and_stranger)
{
	struct sample s, other;

	got.probe_rc = 0;
	sample(&s, HOA, COA, 7, 10);
	expect(&s, REASON_NONE, BCACHE_PUT_OFF);
	sample(&other, HOA, COA2, 9, 10);
	other.bu.owns = false;
	expect(&other, REASON_BU_NOT_OWNER, MH_STATUS_PROHIBITED);
	s.bu.dad = BCACHE_DAD_UNIQUE;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
}
END_TEST

/* Nor is there a record for what cannot be tested, or is never told. */
START_TEST(dad_fails)
{
	struct sample s;

	got.probe_rc = -ENOSPC;
	sample(&s, HOA, COA, 7, 10);
	expect(&s, REASON_BU_DAD_CROWDED, MH_STATUS_RESOURCES);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
	ck_assert_uint_eq(timers.n, 0);
	got.probe_rc = 0;
	expect(&s, REASON_NONE, BCACHE_PUT_OFF);
	pass(9999);
	ck_assert_int_eq(state_of(HOA), BINDING_PROBING);
	pass(1);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
}
END_TEST

/* 10.3.1: not beyond the prefix's valid lifetime, in units of four seconds. */
START_TEST(prefix_lifetime)
{
	struct sample s;

	prefixes[0].valid = 43;
	sample(&s, HOA, COA, 1, 75);
	expect(&s, REASON_NONE, MH_STATUS_PREFIX_DISCOVERY);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 10);
	ck_assert_uint_eq(reg_of(HOA).lifetime, 40);
	sample(&s, HOA, COA, 2, 9);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 9);
	sample(&s, HOA, COA, 3, 10);
	expect(&s, REASON_NONE, MH_STATUS_PREFIX_DISCOVERY);
	prefixes[0].valid = 3;
	sample(&s, HOA, COA, 4, 10);
	expect(&s, REASON_BU_NOT_HOME_SUBNET, MH_STATUS_NOT_HOME_SUBNET);
	prefixes[0].valid = 0;
	sample(&s, HOA2, COA, 4, 10);
	expect(&s, REASON_BU_NOT_HOME_SUBNET, MH_STATUS_NOT_HOME_SUBNET);
}
END_TEST

/* 10.3.1: 1 where it is deprecated, or will be, or the prefix has changed; 10.3.2:
 * 0 for a deregistration. */
START_TEST(prefix_status)
{
	struct sample s;

	prefixes[0].preferred = 40;
	bind_ok(HOA, COA, 1, 10);
	sample(&s, HOA, COA, 2, 11);
	expect(&s, REASON_NONE, MH_STATUS_PREFIX_DISCOVERY);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 11);
	prefixes[0].preferred = 0;
	sample(&s, HOA, COA, 3, 1);
	expect(&s, REASON_NONE, MH_STATUS_PREFIX_DISCOVERY);
	prefixes[0].preferred = BCACHE_FOR_EVER;
	bind_ok(HOA, COA, 4, 10);
	sample(&s, HOA, COA, 5, 10);
	s.bu.prefix_changed = true;
	expect(&s, REASON_NONE, MH_STATUS_PREFIX_DISCOVERY);
	sample(&s, HOA, HOA, 6, 0);
	s.bu.prefix_changed = true;
	prefixes[0].preferred = 0;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
}
END_TEST

/* 10.3.1: MUST remove a binding when its prefix is not valid any more. */
START_TEST(prefix_ends)
{
	bind_ok(HOA, COA, 1, 75);
	bind_ok("2001:db8:1:1::100", COA, 1, 75);
	prefixes[0].valid = 20;
	bcache_cut(&bc, now);
	pass(19999);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
	pass(1);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
	ck_assert_int_eq(got.forgets, 1);
	ck_assert_int_eq(state_of("2001:db8:1:1::100"), BINDING_BOUND);
}
END_TEST

/* 9.5.5: asked for in the last part of the lifetime, some times, spaced. */
START_TEST(refresh_requests)
{
	struct sample s;

	bc.conf.brr = true;
	bind_ok(HOA, COA, 1, 60);	/* 240 s: 30 s before, each 7.5 s */
	pass(209900);
	ck_assert_int_eq(got.refreshes, 0);
	pass(200);
	ck_assert_int_eq(got.refreshes, 1);
	ck_addr_eq(got.hoa, HOA);
	pass(7300);
	ck_assert_int_eq(got.refreshes, 1);
	pass(200);
	ck_assert_int_eq(got.refreshes, 2);
	/* refreshed: no more, until it is old again */
	bind_ok(HOA, COA, 2, 60);
	pass(209000);
	ck_assert_int_eq(got.refreshes, 2);
	pass(30000);
	ck_assert_int_eq(got.refreshes, 5);
	pass(2000);
	ck_assert_int_eq(got.refreshes, 5);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);

	/* 9.5.5: MUST stop when a Binding Update comes, a rejected one too */
	bind_ok(HOA, COA, 1, 60);
	pass(211000);
	ck_assert_int_eq(got.refreshes, 6);
	sample(&s, HOA, HA, 2, 60);
	s.bu.src = addr(COA);
	expect(&s, REASON_BU_BAD_COA, MH_STATUS_INVALID_COA);
	pass(28000);
	ck_assert_int_eq(got.refreshes, 6);
}
END_TEST

START_TEST(refresh_requests_of_short_ones)
{
	bc.conf.brr = true;
	bind_ok(HOA, COA, 1, 1);	/* 4 s */
	pass(2900);
	ck_assert_int_eq(got.refreshes, 0);
	pass(1099);
	ck_assert_int_eq(got.refreshes, 1);
	pass(10000);
	ck_assert_int_eq(got.refreshes, 1);
	/* a tombstone asks for nothing */
	bind_ok(HOA, COA, 5, 60);
	bind_ok(HOA, HOA, 6, 0);
	pass(10000);
	bc.conf.brr = false;
	bind_ok(HOA, COA, 7, 60);
	pass(241000);
	ck_assert_int_eq(got.refreshes, 1);
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
	ck_addr_eq(reg_of(HOA).coa, COA);
	ck_assert_uint_eq(reg_of(HOA).seq, 3);
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

/* RFC 3963 6.2, 6.6 and 6.7 */
START_TEST(mobile_routers)
{
	struct sample s, host;

	sample(&s, HOA, COA, 1, 30);
	s.mh.bu.flags |= MH_BU_R;
	got.router = REASON_BU_PREFIX_DENIED;
	got.router_status = MH_STATUS_PREFIX_PROHIBITED;
	expect(&s, REASON_BU_PREFIX_DENIED, MH_STATUS_PREFIX_PROHIBITED);
	ck_assert_int_eq(got.intercepts, 0);
	ck_assert_uint_eq(got.ba.mh.ba.flags, 0);
	got.router = REASON_NONE;
	got.intercept_err = -EADDRNOTAVAIL;
	expect(&s, REASON_BU_PREFIX_INVALID, MH_STATUS_INVALID_PREFIX);
	got.intercept_err = 0;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(got.ba.mh.ba.flags, MH_BA_R);
	ck_assert_int_eq(got.routers, 3);
	/* 139: R is not as it was bound; a deregistration may say anything */
	sample(&host, HOA, COA, 2, 30);
	expect(&host, REASON_BU_ROUTER_CHANGE, MH_STATUS_TYPE_CHANGE);
	sample(&host, HOA, COA, 3, 0);
	expect(&host, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_uint_eq(got.ba.mh.ba.flags, 0);
	sample(&host, HOA, COA, 4, 30);
	expect(&host, REASON_NONE, MH_STATUS_ACCEPTED);
	s.mh.bu.seq = 5;
	expect(&s, REASON_BU_ROUTER_CHANGE, MH_STATUS_TYPE_CHANGE);
	ck_assert_int_eq(got.routers, 3);
	/* 140: H clear is answered */
	s.mh.bu.seq = 6;
	s.mh.bu.flags &= ~MH_BU_H;
	expect(&s, REASON_BU_ROUTER, MH_STATUS_ROUTER_PROHIBITED);
}
END_TEST

START_TEST(lifetime_is_limited)
{
	bind_ok(HOA, COA, 1, 65535);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime,
			  MAX_LIFETIME / MH_LIFETIME_UNIT);
	bcache_limits(&bc, MAX_BINDINGS, 11);
	bind_ok(HOA, COA, 2, 65535);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 2);
	ck_assert_uint_eq(reg_of(HOA).lifetime, 8);
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
	ck_assert_uint_eq(got.ba.mh.n_opts, 0);
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

/* A care-of address that a Binding Update would be refused for. */
START_TEST(restored_with_a_bad_coa)
{
	struct in6_addr hoa = addr(HOA), hoa2 = addr(HOA2);
	struct binding_reg reg = {
		.coa = addr(HOA2),
		.ha = addr(HA),
		.expires = mtime_add(now, MTIME_SEC(20)),
		.lifetime = 300,
	};

	/* it leads to another's home address: no harm */
	ck_assert_int_eq(bcache_restore(&bc, &hoa, &reg, false, now), 0);
	reg.coa = addr(HOA);
	ck_assert_int_eq(bcache_restore(&bc, &hoa2, &reg, false, now), -ELOOP);
	ck_assert_int_eq(state_of(HOA2), BINDING_GONE);
	/* ours by now */
	reg.coa = addrs[1];
	ck_assert_int_eq(bcache_restore(&bc, &hoa2, &reg, false, now), -ELOOP);
	/* of several another may do; and a tombstone leads nowhere */
	reg.several = true;
	ck_assert_int_eq(bcache_restore(&bc, &hoa2, &reg, false, now), 0);
	hoa2 = addr("2001:db8:1::3");
	reg.several = false;
	ck_assert_int_eq(bcache_restore(&bc, &hoa2, &reg, true, now), 0);
}
END_TEST

/* Created at a fraction of a second: none is early, and none gets lost. */
START_TEST(advertisements_are_spaced)
{
	now = mtime_add(now, MTIME_MS(300));
	bind_ok(HOA, COA, 1, 75);
	ck_assert_int_eq(got.advertises, 1);
	pass(999);
	ck_assert_int_eq(got.advertises, 1);
	pass(76);	/* rounded up to 1/8 s */
	ck_assert_int_eq(got.advertises, 2);
	pass(999);
	ck_assert_int_eq(got.advertises, 2);
	pass(1);
	ck_assert_int_eq(got.advertises, 3);
}
END_TEST

START_TEST(restored_with_strange_values)
{
	struct in6_addr hoa = addr(HOA), hoa2 = addr(HOA2);
	struct binding_reg reg = {
		.coa = addr(COA),
		.ha = addrs[1],
		.created = MTIME_SEC(-100000),	/* before the machine's start */
		.expires.ns = INT64_MAX,
		.lifetime = UINT32_MAX,
	};

	ck_assert_int_eq(bcache_restore(&bc, &hoa, &reg, false, now), 0);
	reg.lifetime = 303;
	ck_assert_int_eq(bcache_restore(&bc, &hoa2, &reg, false, now), 0);
	ck_assert_int_eq(reg_of(HOA).created.ns, reg.created.ns);
	ck_assert_uint_eq(reg_of(HOA).lifetime, 65535 * MH_LIFETIME_UNIT);
	ck_assert_uint_eq(reg_of(HOA2).lifetime, 300);
	ck_addr_eq(reg_of(HOA).ha, "2001:db8:1:1::1");
	pass(100000);
	now = mtime_add(now, MTIME_SEC(2000000000));
	pass(1);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
}
END_TEST

/* The timer looks ahead a second; what is due before that is in time, too. */
START_TEST(restored_with_little_left)
{
	struct binding_reg reg = { .coa = addr(COA), .ha = addr(HA) };
	struct in6_addr hoa2 = addr(HOA2);

	ck_assert_int_eq(restore(HOA, HA, 20, false), 0);
	reg.expires = mtime_add(now, MTIME_MS(250));
	ck_assert_int_eq(bcache_restore(&bc, &hoa2, &reg, false, now), 0);
	pass(249);
	ck_assert_int_eq(state_of(HOA2), BINDING_BOUND);
	pass(1);
	ck_assert_int_eq(state_of(HOA2), BINDING_GONE);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
}
END_TEST

START_TEST(sent_to_nobody)
{
	struct sample s;

	sample(&s, HOA, COA, 1, 10);
	s.bu.ha = addr("2001:db8:9::1");
	expect(&s, REASON_BU_INTERNAL, MH_STATUS_UNSPECIFIED);
	ck_assert_int_eq(got.intercepts, 0);
	ck_assert_int_eq(state_of(HOA), BINDING_GONE);
}
END_TEST

/* Many bindings: the n-th, without an address in text. */

static const struct in6_addr
	hoas = {{{ 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 1 }}},
	coas = {{{ 0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0, 0, 1 }}};

static struct in6_addr nth(const struct in6_addr *base, uint32_t n)
{
	struct in6_addr a = *base;

	a.s6_addr[12] = (uint8_t)(n >> 24);
	a.s6_addr[13] = (uint8_t)(n >> 16);
	a.s6_addr[14] = (uint8_t)(n >> 8);
	a.s6_addr[15] = (uint8_t)n;
	return a;
}

static enum reason give_nth(uint32_t n, uint16_t seq, uint16_t lifetime)
{
	struct sample s;
	int status;

	sample(&s, HOA, COA, seq, lifetime);
	s.bu.hoa = nth(&hoas, n);
	return give(&s, &status);
}

static void bind_nth(uint32_t n, uint16_t seq, uint16_t lifetime)
{
	ck_assert_str_eq(reason_str(give_nth(n, seq, lifetime)),
			 reason_str(REASON_NONE));
}

static enum binding_state state_of_nth(uint32_t n)
{
	struct in6_addr a = nth(&hoas, n);
	struct binding b;

	return bcache_find(&bc, &a, &b) ? b.state : BINDING_GONE;
}

static void restart(uint32_t max_bindings)
{
	bcache_fini(&bc);
	timers_fini(&timers);
	start(max_bindings);
}

START_TEST(limits)
{
	uint32_t room = bcache_room(&bc);
	struct bcache_conf conf = bc.conf;
	struct bcache other;

	ck_assert_uint_ge(room, MAX_BINDINGS + 1024);
	ck_assert_int_eq(bcache_limits(&bc, room, 8), 0);
	ck_assert_int_eq(bcache_limits(&bc, room + 1, 8), -ENOSPC);
	ck_assert_uint_eq(bc.conf.max_bindings, room);
	ck_assert_int_eq(bcache_limits(&bc, UINT32_MAX, 12), -ENOSPC);
	ck_assert_uint_eq(bc.conf.max_bindings, room);
	ck_assert_uint_eq(bc.conf.max_lifetime, 12);
	restart(640000);
	ck_assert_uint_eq(bcache_room(&bc), 660000);

	conf.max_bindings = UINT32_MAX;
	ck_assert_int_eq(bcache_init(&other, &fake_ops, &got, &timers, &conf),
			 -ENOMEM);
	bcache_fini(&other);
}
END_TEST

/* Tombstones take all the room there is; they can still be revived. */
START_TEST(full_table)
{
	uint32_t i, room = bcache_room(&bc);

	for (i = 0; i < room; i++) {
		bind_nth(i, 1, 100);
		bind_nth(i, 2, 0);
	}
	ck_assert_int_eq(give_nth(room, 1, 100), REASON_BU_RESOURCES);
	ck_assert_int_eq(got.ba.mh.ba.status, MH_STATUS_RESOURCES);
	ck_assert_int_eq(restore(HOA, HA, 20, false), -ENOMEM);
	bind_nth(room / 2, 3, 100);
	pass(9999);
	ck_assert_int_eq(give_nth(room, 1, 100), REASON_BU_RESOURCES);
	pass(2);
	ck_assert_int_eq(got.forgets, room - 1);
	for (i = 0; i + 1 < MAX_BINDINGS; i++)
		bind_nth(room + i, 1, 100);
	ck_assert_int_eq(give_nth(2 * room, 1, 100), REASON_BU_RESOURCES);
	ck_assert_int_eq(state_of_nth(room / 2), BINDING_BOUND);
	ck_assert_int_eq(state_of_nth(room / 2 + 1), BINDING_GONE);
}
END_TEST

static int others;

static void on_other(struct timer *timer, mtime at)
{
	(void)timer;
	(void)at;
	others++;
}

/* Many at once: by bursts, and others have their turn. */
START_TEST(burst)
{
	struct timer other = { .fn = on_other }, later[3] = {0};
	uint32_t i, n = 3 * BCACHE_BURST;
	int runs = 0;
	mtime at;

	restart(n);
	for (i = 0; i < n; i++)
		bind_nth(i, 100, 10);
	ck_assert_int_eq(got.advertises, n);
	pass(3000);
	ck_assert_int_eq(got.advertises, n * BCACHE_NA_COUNT);
	pass(36999);
	ck_assert_int_eq(got.forgets, 0);
	now = mtime_add(now, MTIME_MS(1));
	timers_set(&timers, &other, now);
	for (i = 0; i < 3; i++)
		timers_set(&timers, &later[i], MTIME_SEC(100000));
	timers_run(&timers, now);
	ck_assert_int_eq(got.forgets, BCACHE_BURST);
	ck_assert_int_eq(others, 1);
	ck_assert(timers_next(&timers, &at));
	ck_assert_int_le(at.ns, now.ns + 1);

	/* over, whether the timer came to it or not: any number will do */
	for (i = 0; i < n; i++)
		bind_nth(i, 50, 1000);
	ck_assert_int_eq(got.forgets, n);
	for (; timers_next(&timers, &at) && at.ns <= now.ns + 1; runs++)
		timers_run(&timers, now = at);
	ck_assert_int_le(runs, 2);
	ck_assert_uint_eq(bc.n_bound, n);
	for (i = 0; i < 3; i++)
		timers_del(&timers, &later[i]);
}
END_TEST

/* As after a suspension: the timer runs once, late. */
static void jump(int seconds)
{
	now = mtime_add(now, MTIME_SEC(seconds));
	pass(1);
}

START_TEST(clock_jumps)
{
	int i;

	restart(1000);
	for (i = 1; i <= 1000; i++)
		bind_nth(i, 1, i % 150 + 1);
	jump(300);	/* those with 75 * 4 s and less are over */
	for (i = 1; i <= 1000; i++)
		ck_assert_int_eq(state_of_nth(i), i % 150 + 1 <= 75 ?
				 BINDING_GONE : BINDING_BOUND);
	pass(4 * 1000 - 2);
	ck_assert_int_eq(state_of_nth(75), BINDING_BOUND);
	pass(1);
	ck_assert_int_eq(state_of_nth(75), BINDING_GONE);
	ck_assert_int_eq(state_of_nth(76), BINDING_BOUND);
	jump(2000000000);
	ck_assert_uint_eq(bc.n_bound, 0);
	ck_assert_uint_eq(timers.n, 0);
	ck_assert_int_eq(got.forgets, 1000);
}
END_TEST

/* The longest lifetime there is, from anywhere in the wheel. */
START_TEST(long_lifetimes)
{
	const int whole = 65535 * MH_LIFETIME_UNIT;
	int i;

	bcache_limits(&bc, MAX_BINDINGS, (uint32_t)whole);
	for (i = 0; i < 4; i++) {
		pass(12345 * i + 250);
		bind_nth(i, 1, 65535);
		ck_assert_uint_eq(got.ba.mh.ba.lifetime, 65535);
		pass(whole / 2 * 1000);
		bind_nth(i, 2, 65535);
		jump(whole - 2);
		pass(1998);
		ck_assert_int_eq(state_of_nth(i), BINDING_BOUND);
		pass(1001);
		ck_assert_int_eq(state_of_nth(i), BINDING_GONE);
	}
}
END_TEST

/* A round on, where the wheel stands just at its slot again. */
START_TEST(jump_while_advertising)
{
	bcache_limits(&bc, MAX_BINDINGS, 10000);
	bind_nth(1, 1, 2500);
	jump(1025);
	ck_assert_int_eq(got.advertises, BCACHE_NA_COUNT);
	ck_assert_int_eq(state_of_nth(1), BINDING_BOUND);
}
END_TEST

/* Further ahead than the wheel is long, as it has not been turned a while. */
START_TEST(long_lifetime_while_late)
{
	const int whole = 65535 * MH_LIFETIME_UNIT;

	bcache_limits(&bc, MAX_BINDINGS, (uint32_t)whole);
	bind_nth(1, 1, 65535);
	now = mtime_add(now, MTIME_SEC(200000));
	bind_nth(2, 1, 65535);
	pass(0);
	ck_assert_int_eq(state_of_nth(1), BINDING_BOUND);
	pass((whole - 200000) * 1000);
	ck_assert_int_eq(state_of_nth(1), BINDING_GONE);
	pass(199999 * 1000);
	ck_assert_int_eq(state_of_nth(2), BINDING_BOUND);
	pass(1000);
	ck_assert_int_eq(state_of_nth(2), BINDING_GONE);
	ck_assert_uint_eq(timers.n, 0);
}
END_TEST

/* What bcache_each and bcache_range showed, by the number in the HoA. */
enum { SHOWN = 4096 };

static struct {
	uint8_t times[SHOWN];
	int n;
} shown;

static uint32_t number_of(const struct in6_addr *a)
{
	return (uint32_t)a->s6_addr[12] << 24 | (uint32_t)a->s6_addr[13] << 16 |
	       (uint32_t)a->s6_addr[14] << 8 | a->s6_addr[15];
}

static void show(void *arg, const struct binding *b)
{
	uint32_t n = number_of(&b->hoa);

	if (arg != &shown || n >= SHOWN ||
	    (b->state != BINDING_BOUND && b->state != BINDING_DELETED))
		ck_abort_msg("shown: record %u, state %d", n, b->state);
	shown.times[n]++;
	shown.n++;
}

START_TEST(range_while_changing)
{
	enum { STEADY = 500, STEP = 9 };	/* the last one is alone */
	uint32_t cursor = 0, calls = 0, i;

	restart(2 * STEADY);
	ck_assert_uint_eq(bcache_range(&bc, 0, show, &shown, STEP), 0);
	ck_assert_int_eq(shown.n, 0);
	/* odd ones stay, even ones come and go */
	for (i = 0; i < 2 * STEADY; i++)
		bind_nth(i, 1, i & 1 ? 150 : 10);
	do {
		int before = shown.n;

		cursor = bcache_range(&bc, cursor, show, &shown, STEP);
		ck_assert_int_le(shown.n - before, STEP);
		i = calls++ % STEADY;
		bind_nth(2 * i + 1, 2, 150);
		give_nth(2 * i, 2, i % 3 ? 0 : 10);
		if (calls == 30)
			pass(45000);
		if (calls == 60)
			bind_nth(2 * STEADY, 1, 10);
	} while (cursor);
	ck_assert_uint_le(calls, bcache_room(&bc) / STEP + 1);
	for (i = 0; i < STEADY; i++)
		ck_assert_uint_eq(shown.times[2 * i + 1], 1);
	ck_assert_uint_eq(bcache_range(&bc, UINT32_MAX, show, &shown, STEP), 0);
}
END_TEST

static void end_shown(void *arg, const struct binding *b)
{
	show(arg, b);
	give_nth(number_of(&b->hoa), b->reg.seq + 1, 0);
}

START_TEST(each_may_change)
{
	int i;

	restart(100);
	for (i = 0; i < 100; i++)
		bind_nth(i, 1, 100);
	bcache_each(&bc, end_shown, &shown);
	ck_assert_int_eq(shown.n, 100);
	ck_assert_uint_eq(bc.n_bound, 0);
}
END_TEST

/*
 * A naive model: for each HoA, what should be known of it; fed the same
 * random Binding Updates.
 */
enum { MODEL_HOAS = 3000, TICK = 1000000000 / 64 };

struct model {
	bool entry, bound;
	uint16_t seq;
	uint32_t coa;
	int64_t expires;
};

static struct model_conf {
	uint32_t hoas, max_bindings, max_lifetime;
	int steps;
	unsigned int lifetimes;		/* asked for: up to so many units */
	unsigned int rare, ms, jump_s;	/* one step in rare takes time */
} mc;

static struct model model[MODEL_HOAS];
static uint32_t model_bound;

static uint32_t rnd_state = 12345;

static unsigned int rnd(unsigned int n)
{
	rnd_state = rnd_state * 1664525 + 1013904223;
	return (rnd_state >> 8) % n;
}

static void model_end(struct model *m)
{
	model_bound -= m->bound;
	*m = (struct model){0};
}

/* The timer comes with the next tick; earlier where it had a reason to. */
static void model_age(void)
{
	uint32_t i;

	for (i = 0; i < mc.hoas; i++) {
		struct model *m = &model[i];
		struct in6_addr hoa = nth(&hoas, i);
		struct binding b;

		if (!m->entry || m->expires > now.ns)
			continue;
		if (now.ns / TICK * TICK >= m->expires ||
		    !bcache_find(&bc, &hoa, &b))
			model_end(m);
	}
}

static int model_bu(struct model *m, uint16_t seq, uint32_t life, uint32_t coa)
{
	if (m->entry && m->expires <= now.ns)
		model_end(m);
	if (m->entry && (int16_t)(seq - m->seq) <= 0)
		return MH_STATUS_SEQ;
	if (m->entry)
		m->seq = seq;
	if (!life) {
		if (!m->entry)
			return MH_STATUS_NOT_HA_FOR_MN;
		model_bound -= m->bound;
		m->bound = false;
		m->expires = now.ns + MTIME_SEC(BCACHE_TOMBSTONE).ns;
		return MH_STATUS_ACCEPTED;
	}
	if (!m->bound && model_bound >= mc.max_bindings)
		return MH_STATUS_RESOURCES;
	if (life > mc.max_lifetime / MH_LIFETIME_UNIT)
		life = mc.max_lifetime / MH_LIFETIME_UNIT;
	model_bound += !m->bound;
	*m = (struct model){true, true, seq, coa,
			    now.ns + MTIME_SEC(life * MH_LIFETIME_UNIT).ns};
	return MH_STATUS_ACCEPTED;
}

static bool model_same(uint32_t i)
{
	struct in6_addr hoa = nth(&hoas, i), coa = nth(&coas, model[i].coa);
	const struct model *m = &model[i];
	struct binding b;

	if (!bcache_find(&bc, &hoa, &b))
		return !m->entry;
	return m->entry && (b.state == BINDING_BOUND) == m->bound &&
	       b.reg.seq == m->seq && b.reg.expires.ns == m->expires &&
	       ip6_addr_eq(&b.reg.coa, &coa) && ip6_addr_eq(&b.hoa, &hoa);
}

static void model_compare_all(void)
{
	uint32_t i, wrong = 0;

	memset(&shown, 0, sizeof(shown));
	bcache_each(&bc, show, &shown);
	for (i = 0; i < mc.hoas; i++)
		wrong += !model_same(i) || shown.times[i] != model[i].entry;
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(bc.n_bound, model_bound);
}

static void model_time(void)
{
	if (rnd(mc.rare))
		return;
	if (mc.jump_s && !rnd(2))
		jump((int)rnd(mc.jump_s));
	else
		pass((int)rnd(mc.ms));
	model_age();
	model_compare_all();
}

static void model_step(void)
{
	uint32_t i = rnd(mc.hoas), coa = rnd(1000);
	uint16_t life = rnd(3) ? (uint16_t)rnd(mc.lifetimes) : 0;
	uint16_t seq = (uint16_t)(model[i].seq + rnd(40) - 8);
	struct sample s;
	int have;

	sample(&s, HOA, COA, seq, life);
	s.bu.hoa = nth(&hoas, i);
	s.bu.src = nth(&coas, coa);
	if (life)
		s.mh.opts[0].alt_coa = s.bu.src;
	give(&s, &have);
	ck_assert_int_eq(have, model_bu(&model[i], seq, life, coa));
	ck_assert(model_same(i));
}

static void model_run(const struct model_conf *conf)
{
	int step;

	mc = *conf;
	restart(mc.max_bindings);
	bcache_limits(&bc, mc.max_bindings, mc.max_lifetime);
	for (step = 0; step < mc.steps; step++) {
		model_time();
		model_step();
	}
	model_compare_all();
	jump(65535 * MH_LIFETIME_UNIT);
	ck_assert_uint_eq(timers.n, 0);
}

START_TEST(random_few)
{
	model_run(&(struct model_conf){
		.hoas = 6, .max_bindings = 4, .max_lifetime = 600,
		.steps = 20000, .lifetimes = 200,
		.rare = 4, .ms = 20000,
	});
}
END_TEST

/* The table gets full and empty again, and the index crowded. */
START_TEST(random_many)
{
	model_run(&(struct model_conf){
		.hoas = MODEL_HOAS, .max_bindings = 1700, .max_lifetime = 600,
		.steps = 100000, .lifetimes = 200,
		.rare = 1000, .ms = 20000, .jump_s = 200,
	});
}
END_TEST

/* The wheel goes round many times. */
START_TEST(random_long)
{
	model_run(&(struct model_conf){
		.hoas = 60, .max_bindings = 50, .max_lifetime = 65535 * 4,
		.steps = 20000, .lifetimes = 65536,
		.rare = 10, .ms = 100000, .jump_s = 100000,
	});
}
END_TEST

/* ck_assert is a system call each: not in loops like these. */
START_TEST(very_many)
{
	const uint32_t n = 250000;
	uint32_t i, wrong = 0;
	struct in6_addr a;
	struct binding b;
	struct sample s;
	int status;

	restart(n);
	sample(&s, HOA, COA, 1, 100);
	for (i = 0; i < n; i++) {
		s.bu.hoa = nth(&hoas, i);
		wrong += bcache_bu(&bc, &s.bu, now, &status) != REASON_NONE;
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_int_eq(give_nth(n, 1, 100), REASON_BU_RESOURCES);
	s.mh.bu.seq = 2;
	for (i = 0; i < n; i += 16) {
		s.bu.hoa = nth(&hoas, i);
		wrong += bcache_bu(&bc, &s.bu, now, &status) != REASON_NONE;
		a = nth(&hoas, i + 1);
		wrong += !bcache_find_bound(&bc, &a, &b) || b.reg.seq != 1;
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(bc.n_bound, n);
	jump(400);
	ck_assert_uint_eq(bc.n_bound, 0);
	ck_assert_uint_eq(got.forgets, n);
}
END_TEST

/* RFC 5648 */

/* One option, and what several() will say: that care-of address, so long. */
static void several(struct sample *s, const char *coa, uint16_t seq,
		    uint16_t lifetime)
{
	struct mh_opt *opt;

	sample(s, HOA, coa, seq, lifetime);
	s->mh.n_opts = 0;	/* 5.2: no alternate care-of address */
	opt = mh_opt_add(&s->mh, MH_OPT_BID);
	opt->bid.id = 1;
	opt->bid.len = MH_BID_LEN_IPV6;
	opt->bid.coa = addr(coa);
	got.several = (struct bcache_several){
		.coa = addr(coa),
		.expires = mtime_add(now, MTIME_SEC(lifetime *
						    MH_LIFETIME_UNIT)),
		.lifetime = lifetime * MH_LIFETIME_UNIT,
	};
}

START_TEST(several_registered)
{
	struct sample s;
	struct binding b;
	struct in6_addr hoa = addr(HOA);

	several(&s, COA, 1, 10);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_int_eq(got.severals, 1);
	ck_assert(!got.several_bound);
	ck_assert_uint_eq(got.several_lifetime, 40);
	ck_assert(got.reg.several);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 10);
	/* another of its care-of addresses ends before: the BA is about this
	 * BU's */
	several(&s, COA2, 2, 20);
	got.several.coa = addr(COA);
	got.several.expires = mtime_add(now, MTIME_SEC(40));
	got.several.lifetime = 40;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert(got.several_bound);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 20);
	ck_assert(bcache_find_bound(&bc, &hoa, &b));
	ck_addr_eq(b.reg.coa, COA);
	ck_assert(b.reg.several);
	ck_assert_uint_eq(b.reg.seq, 2);
	/* 6.2: one without replaces them all */
	bind_ok(HOA, COA2, 3, 10);
	ck_assert(!got.reg.several);
	ck_assert_int_eq(got.severals, 2);
	ck_assert(bcache_find_bound(&bc, &hoa, &b) && !b.reg.several);
}
END_TEST

START_TEST(several_rejected)
{
	struct sample s;

	bind_ok(HOA, COA, 1, 10);
	several(&s, COA2, 2, 10);
	got.several.status = MH_STATUS_MCOA_NON_MCOA_EXISTS;
	got.several_reason = REASON_BID_PLAIN;
	expect(&s, REASON_BID_PLAIN, MH_STATUS_MCOA_NON_MCOA_EXISTS);
	ck_assert(got.several_bound);
	ck_assert_int_eq(got.intercepts, 1);
	/* its number counts all the same, RFC 6275 9.5.1 */
	ck_assert_int_eq(got.stores, 1);
	/* what comes before it is not told of it: 9.5.1 */
	got.several_reason = REASON_NONE;
	several(&s, COA2, 2, 10);
	expect(&s, REASON_BU_SEQ, MH_STATUS_SEQ);
	several(&s, COA2, 3, 10);
	s.bu.owns = false;
	expect(&s, REASON_BU_NOT_OWNER, MH_STATUS_PROHIBITED);
	several(&s, COA2, 3, 10);
	s.bu.has_esp = false;
	expect(&s, REASON_BU_UNPROTECTED, BCACHE_SILENT);
	several(&s, COA2, 3, 10);
	s.bu.leaving = true;
	expect(&s, REASON_BU_LEAVING, MH_STATUS_PROHIBITED);
	ck_assert_int_eq(got.severals, 1);
	/* and it is carried out in part */
	several(&s, COA2, 4, 10);
	got.several.status = MH_STATUS_MCOA_NOTCOMPLETE;
	expect(&s, REASON_NONE, MH_STATUS_MCOA_NOTCOMPLETE);
}
END_TEST

START_TEST(several_removed)
{
	struct sample s;

	several(&s, COA, 1, 0);
	expect(&s, REASON_BU_NO_BINDING, MH_STATUS_NOT_HA_FOR_MN);
	ck_assert_int_eq(got.severals, 0);
	several(&s, COA, 2, 10);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	/* one of them: the rest stays bound, with the flags it had */
	several(&s, COA2, 3, 0);
	s.mh.bu.flags |= MH_BU_L;
	got.several.expires = mtime_add(now, MTIME_SEC(30));
	got.several.lifetime = 40;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
	ck_assert_uint_eq(got.ba.mh.ba.lifetime, 0);
	ck_assert(!(got.reg.flags & MH_BU_L));
	ck_assert_int_eq(got.releases, 0);
	/* the last one */
	several(&s, COA2, 4, 0);
	got.several.none = true;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_int_eq(state_of(HOA), BINDING_DELETED);
	ck_assert_int_eq(got.releases, 1);
	/* and all at once, 5.4 */
	several(&s, COA, 5, 10);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	bind_ok(HOA, COA, 6, 0);
	ck_assert_int_eq(state_of(HOA), BINDING_DELETED);
}
END_TEST

START_TEST(several_outlives)
{
	struct in6_addr hoa = addr(HOA);
	struct sample s;
	struct binding b;

	several(&s, COA, 1, 10);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	got.next = (struct bcache_several){
		.coa = addr(COA2),
		.expires = mtime_add(now, MTIME_SEC(60)),
		.lifetime = 60,
	};
	pass(41000);
	ck_assert_int_eq(got.outlives, 1);
	ck_assert(bcache_find_bound(&bc, &hoa, &b));
	ck_addr_eq(b.reg.coa, COA2);
	ck_assert_uint_eq(b.reg.lifetime, 60);
	got.next.expires.ns = 0;
	pass(20000);
	ck_assert_int_eq(got.outlives, 2);
	ck_assert_int_eq(got.forgets, 1);
	ck_assert(!bcache_find(&bc, &hoa, &b));
}
END_TEST

/* A Binding Update comes after one is over, and before the timer has run. */
START_TEST(several_outlives_for_bu)
{
	struct sample s;

	several(&s, COA, 1, 10);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	got.next = (struct bcache_several){
		.coa = addr(COA2),
		.expires = mtime_add(now, MTIME_SEC(60)),
		.lifetime = 60,
	};
	now = mtime_add(now, MTIME_SEC(40));
	several(&s, COA, 1, 10);
	expect(&s, REASON_BU_SEQ, MH_STATUS_SEQ);
	ck_assert_int_eq(got.outlives, 1);
	ck_assert_int_eq(state_of(HOA), BINDING_BOUND);
}
END_TEST

/* 5.6, 6.3 */
START_TEST(several_at_home)
{
	struct sample s;
	struct binding b;
	struct in6_addr hoa = addr(HOA);

	/* from the home address itself; it has the address there, so that it
	 * is not tested, nor advertised */
	got.probe_rc = 0;
	several(&s, HOA, 1, 50);
	got.several.home = true;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_int_eq(got.probes, 0);
	ck_assert(got.reg.home);
	pass(10000);
	ck_assert_int_eq(got.advertises, 0);
	/* away again: advertised as at first, spaced */
	several(&s, COA, 2, 50);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_int_eq(got.advertises, 1);
	pass(500);
	ck_assert_int_eq(got.advertises, 1);
	pass(5000);
	ck_assert_int_eq(got.advertises, BCACHE_NA_COUNT);
	/* so, too, where its home binding is over by itself */
	several(&s, HOA, 3, 5);
	got.several.home = true;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	got.next = (struct bcache_several){
		.coa = addr(COA),
		.expires = mtime_add(now, MTIME_SEC(200)),
		.lifetime = 200,
	};
	pass(24000);
	ck_assert_int_eq(got.advertises, 2 * BCACHE_NA_COUNT);
	ck_assert(bcache_find_bound(&bc, &hoa, &b) && !b.reg.home);
}
END_TEST

START_TEST(several_probed)
{
	struct sample s;

	got.probe_rc = 0;
	several(&s, COA, 1, 10);
	expect(&s, REASON_NONE, BCACHE_PUT_OFF);
	ck_assert_int_eq(got.intercepts, 0);
	s.bu.dad = BCACHE_DAD_UNIQUE;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert_int_eq(got.severals, 2);
	ck_assert_int_eq(got.intercepts, 1);
}
END_TEST

START_TEST(several_coa_usable)
{
	struct in6_addr hoa = addr(HOA), hoa2 = addr(HOA2), ours = addr(HA);
	struct in6_addr coa = addr(COA);
	struct sample s;

	bind_ok(HOA2, HOA, 1, 10);
	ck_assert(!bcache_coa_usable(&bc, &hoa, &ours, now));
	ck_assert(!bcache_coa_usable(&bc, &hoa, &hoa2, now));
	ck_assert(bcache_coa_usable(&bc, &hoa, &coa, now));
	/* by default the other one is at home: there packets end */
	several(&s, HOA2, 2, 10);
	s.bu.hoa = hoa2;
	got.several.home = true;
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert(bcache_coa_usable(&bc, &hoa, &hoa2, now));
}
END_TEST

/* Without the callback they are options like others that nobody knows. */
START_TEST(several_unknown)
{
	struct bcache_ops plain = fake_ops;
	struct sample s;

	plain.several = NULL;
	bc.ops = &plain;
	several(&s, COA, 1, 10);
	alt_coa(&s, COA);
	expect(&s, REASON_NONE, MH_STATUS_ACCEPTED);
	ck_assert(!got.reg.several);
	bc.ops = &fake_ops;
}
END_TEST

START_TEST(several_restored)
{
	struct in6_addr hoa = addr(HOA);
	const struct bcache_several next = {
		.coa = addr(COA2),
		.expires = mtime_add(now, MTIME_SEC(20)),
		.lifetime = 40,
	};
	struct binding_reg reg = {
		.coa = addr(COA), .ha = addr(HA), .lifetime = 100,
		.expires = mtime_add(now, MTIME_SEC(100)), .several = true,
	};
	struct binding b;

	ck_assert_int_eq(bcache_restore(&bc, &hoa, &reg, false, now), 0);
	ck_assert(bcache_find_bound(&bc, &hoa, &b) && b.reg.several);
	bcache_set_several(&bc, &hoa, &next);
	ck_assert(bcache_find_bound(&bc, &hoa, &b));
	ck_addr_eq(b.reg.coa, COA2);
	ck_assert_uint_eq(b.reg.lifetime, 40);
	bcache_set_several(&bc, &hoa, NULL);
	ck_assert(bcache_find_bound(&bc, &hoa, &b) && !b.reg.several);
	pass(21000);
	ck_assert(!bcache_find(&bc, &hoa, &b));
	ck_assert_int_eq(got.outlives, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bcache");
	TCase *tc = tcase_create("bcache");
	TCase *severals = tcase_create("5648");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, registration);
	tcase_add_test(tc, answer_goes_to_source);
	tcase_add_test(tc, answered_without_a_flag);
	tcase_add_test(tc, reserved_bits);
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
	tcase_add_test(tc, coa_of_one_that_is_over);
	tcase_add_test(tc, nesting_is_bounded);
	tcase_add_test(tc, rejected_seq_counts);
	tcase_add_test(tc, rejected_seq_is_stored);
	tcase_add_test(tc, type_change);
	tcase_add_test(tc, no_home_link);
	tcase_add_test(tc, dad_unique);
	tcase_add_test(tc, dad_duplicate);
	tcase_add_test(tc, dad_once);
	tcase_add_test(tc, dad_repeated);
	tcase_add_test(tc, dad_and_home);
	tcase_add_test(tc, dad_and_stranger);
	tcase_add_test(tc, dad_fails);
	tcase_add_test(tc, prefix_lifetime);
	tcase_add_test(tc, prefix_status);
	tcase_add_test(tc, prefix_ends);
	tcase_add_test(tc, refresh_requests);
	tcase_add_test(tc, refresh_requests_of_short_ones);
	tcase_add_test(tc, capacity);
	tcase_add_test(tc, data_plane_fails);
	tcase_add_test(tc, k_flag);
	tcase_add_test(tc, lifetime_is_limited);
	tcase_add_test(tc, mobile_routers);
	tcase_add_test(tc, expiry);
	tcase_add_test(tc, expiry_without_timer);
	tcase_add_test(tc, tombstone);
	tcase_add_test(tc, tombstone_revived);
	tcase_add_test(tc, deregistration_repeated);
	tcase_add_test(tc, deregistration_by_coa);
	tcase_add_test(tc, advertisements);
	tcase_add_test(tc, restored);
	tcase_add_test(tc, restored_with_a_bad_coa);
	tcase_add_test(tc, advertisements_are_spaced);
	tcase_add_test(tc, restored_with_strange_values);
	tcase_add_test(tc, restored_with_little_left);
	tcase_add_test(tc, sent_to_nobody);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, full_table);
	tcase_add_test(tc, burst);
	tcase_add_test(tc, clock_jumps);
	tcase_add_test(tc, jump_while_advertising);
	tcase_add_test(tc, long_lifetimes);
	tcase_add_test(tc, long_lifetime_while_late);
	tcase_add_test(tc, range_while_changing);
	tcase_add_test(tc, each_may_change);
	tcase_add_test(tc, random_few);
	tcase_add_test(tc, random_many);
	tcase_add_test(tc, random_long);
	tcase_add_test(tc, very_many);
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(severals, setup, teardown);
	tcase_add_test(severals, several_registered);
	tcase_add_test(severals, several_rejected);
	tcase_add_test(severals, several_removed);
	tcase_add_test(severals, several_outlives);
	tcase_add_test(severals, several_outlives_for_bu);
	tcase_add_test(severals, several_at_home);
	tcase_add_test(severals, several_probed);
	tcase_add_test(severals, several_coa_usable);
	tcase_add_test(severals, several_unknown);
	tcase_add_test(severals, several_restored);
	suite_add_tcase(s, severals);
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
