/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Revocations and switches against a fake world and a virtual clock: links
 * only ha/peer.o and libproto (DESIGN's dependency rule).
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ha/peer.h"

enum { SENT_MAX = 64 };

static struct {
	unsigned int sent, revoked;
	struct peer last;		/* that was sent */
	mtime times[SENT_MAX];
	enum peer_end end;
	int error;
	mtime left;
	uint32_t bound;			/* bindings there are, for the drain */
	unsigned int each[256];		/* sent to each of those */
} seen;

static struct timers timers;
static struct peers ps;
static struct in6_addr hoa, other;
static mtime now;
static const struct peer_addrs addrs = {.n = 1};

static int fake_send(void *arg, const struct peer *p, mtime *left)
{
	(void)arg;
	if (seen.error)
		return seen.error;
	*left = seen.left;
	seen.last = *p;
	seen.times[seen.sent++ % SENT_MAX] = now;
	seen.each[p->hoa.s6_addr[15]]++;
	return 0;
}

static void fake_revoked(void *arg, const struct peer *p, enum peer_end end)
{
	(void)arg;
	/* it is over: whoever deletes the binding tells us so */
	ck_assert_ptr_null(peers_find(&ps, &p->hoa));
	peers_unbound(&ps, &p->hoa);
	seen.revoked++;
	seen.end = end;
}

static uint32_t fake_next(void *arg, uint32_t cursor, uint32_t n,
			  struct in6_addr *out, bool *found)
{
	(void)arg;
	ck_assert_uint_gt(n, 0);
	*found = cursor < seen.bound;
	if (!*found)
		return 0;
	*out = (struct in6_addr){{{0x20, 1, 0xd, 0xb8, [15] = (uint8_t)cursor}}};
	return cursor + 1 < seen.bound ? cursor + 1 : 0;
}

static const struct peers_ops ops = {
	.send = fake_send,
	.revoked = fake_revoked,
	.next = fake_next,
};

static void init(uint32_t retries, uint32_t rate)
{
	const struct peers_conf conf = {
		.retries = retries, .delay = MTIME_SEC(1),
		.delay_max = MTIME_SEC(2), .rate = rate,
	};

	peers_init(&ps, &ops, NULL, &timers, &conf, 65534);
}

static void setup(void)
{
	memset(&seen, 0, sizeof(seen));
	inet_pton(AF_INET6, "2001:db8:1::10", &hoa);
	inet_pton(AF_INET6, "2001:db8:1::20", &other);
	timers_init(&timers);
	now = MTIME_SEC(1000);
	init(1, 1);
}

static void teardown(void)
{
	peers_fini(&ps);
	ck_assert_uint_eq(timers.n, 0);
	timers_fini(&timers);
}

static void run_to_ms(int64_t ms)
{
	mtime to = mtime_add(MTIME_SEC(1000), MTIME_MS(ms)), next;

	while (timers_next(&timers, &next) && !mtime_before(to, next)) {
		now = next;
		timers_run(&timers, now);
	}
	now = to;
}

static enum reason bra(const struct in6_addr *of, uint16_t seq, uint8_t status)
{
	struct mh mh = {.type = MH_BR,
			.br = {.kind = MH_BRA, .code = status, .seq = seq}};

	return peers_bra(&ps, of, &mh);
}

static void revoke(const struct in6_addr *of, uint8_t trigger)
{
	ck_assert_int_eq(peers_revoke(&ps, of, trigger, now), 0);
}

/* RFC 5846 6.2.2 */
START_TEST(acknowledged)
{
	revoke(&hoa, MH_BR_TRIGGER_ADMIN);
	ck_assert_uint_eq(seen.sent, 1);
	ck_assert_int_eq(seen.last.trigger, MH_BR_TRIGGER_ADMIN);
	ck_assert(peers_leaving(&ps, &hoa) && !peers_leaving(&ps, &other));
	ck_assert_uint_eq(seen.revoked, 0);
	ck_assert_int_eq(bra(&hoa, seen.last.seq, MH_BR_SUCCESS), REASON_NONE);
	ck_assert_uint_eq(seen.revoked, 1);
	ck_assert_int_eq(seen.end, PEER_END_ACKNOWLEDGED);
	ck_assert(!peers_leaving(&ps, &hoa));
	run_to_ms(60000);
	ck_assert_uint_eq(seen.sent, 1);
}
END_TEST

START_TEST(refused)
{
	revoke(&hoa, MH_BR_TRIGGER_ADMIN);
	bra(&hoa, seen.last.seq, MH_BR_UNSUPPORTED);
	ck_assert_int_eq(seen.end, PEER_END_REFUSED);
}
END_TEST

/* 6.2.2: the number has to be that of one that is outstanding */
START_TEST(unmatched)
{
	uint16_t seq;

	ck_assert_int_eq(bra(&hoa, 0, 0), REASON_BRA_UNMATCHED);
	revoke(&hoa, 0);
	seq = seen.last.seq;
	ck_assert_int_eq(bra(&hoa, seq + 1, 0), REASON_BRA_UNMATCHED);
	ck_assert_int_eq(bra(&other, seq, 0), REASON_BRA_UNMATCHED);
	ck_assert_uint_eq(seen.revoked, 0);
	ck_assert_int_eq(bra(&hoa, seq, 0), REASON_NONE);
	ck_assert_int_eq(bra(&hoa, seq, 0), REASON_BRA_UNMATCHED);
	ck_assert_int_eq(peers_switch(&ps, &hoa, &addrs, now), 0);
	ck_assert_int_eq(bra(&hoa, 0, 0), REASON_BRA_UNMATCHED);
}
END_TEST

/* 6.3 and 11: after 1 s once more, after 2 s more it is over */
START_TEST(silent)
{
	uint16_t seq;

	revoke(&hoa, 0);
	seq = seen.last.seq;
	run_to_ms(999);
	ck_assert_uint_eq(seen.sent, 1);
	run_to_ms(1000);
	ck_assert_uint_eq(seen.sent, 2);
	ck_assert_uint_eq(seen.last.seq, seq);
	run_to_ms(2999);
	ck_assert_uint_eq(seen.revoked, 0);
	run_to_ms(3000);
	ck_assert_uint_eq(seen.revoked, 1);
	ck_assert_int_eq(seen.end, PEER_END_SILENT);
}
END_TEST

/* 6.3: doubled, up to MAX_BRACK_TIMEOUT */
START_TEST(back_off)
{
	static const int64_t at[] = { 0, 1000, 3000, 5000, 7000 };
	unsigned int i;

	ps.conf.retries = 4;
	revoke(&hoa, 0);
	run_to_ms(20000);
	ck_assert_uint_eq(seen.sent, 5);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(seen.times[i].ns - MTIME_SEC(1000).ns,
				 MTIME_MS(at[i]).ns);
	ck_assert_uint_eq(seen.revoked, 1);
}
END_TEST

START_TEST(late_answer)
{
	revoke(&hoa, 0);
	run_to_ms(2500);
	ck_assert_int_eq(bra(&hoa, seen.last.seq, 0), REASON_NONE);
	ck_assert_int_eq(seen.end, PEER_END_ACKNOWLEDGED);
	run_to_ms(9000);
	ck_assert_uint_eq(seen.revoked, 1);
}
END_TEST

/* 5.1: no two outstanding ones have the same number, when it wraps neither */
START_TEST(numbers)
{
	struct in6_addr a = hoa;
	uint8_t used[65536] = {0};
	unsigned int i;

	for (i = 0; i < PEERS_MAX; i++) {
		a.s6_addr[13] = (uint8_t)(i >> 8);
		a.s6_addr[14] = (uint8_t)i;
		revoke(&a, 0);
		ck_assert(!used[seen.last.seq]++);
	}
	ck_assert_uint_eq(seen.last.seq, (65534 + PEERS_MAX) % 65536);
	ck_assert_int_eq(peers_revoke(&ps, &other, 0, now), -ENOSPC);
	ck_assert_int_eq(bra(&a, seen.last.seq, 0), REASON_NONE);
	/* another one, after a round: the others' are skipped */
	ps.seq = 65534;
	revoke(&other, 0);
	ck_assert_uint_eq(seen.last.seq, (65534 + PEERS_MAX) % 65536);
}
END_TEST

START_TEST(cannot_be_sent)
{
	seen.error = -ENOENT;
	revoke(&hoa, 0);
	ck_assert_uint_eq(seen.revoked, 1);
	ck_assert_int_eq(seen.end, PEER_END_UNSENT);
	ck_assert_ptr_null(peers_find(&ps, &hoa));
}
END_TEST

/* 7: the mobile node deregisters, or registers, meanwhile */
START_TEST(races)
{
	revoke(&hoa, MH_BR_TRIGGER_ADMIN);
	peers_unbound(&ps, &hoa);
	ck_assert_ptr_null(peers_find(&ps, &hoa));
	ck_assert_uint_eq(seen.revoked, 0);
	revoke(&hoa, MH_BR_TRIGGER_OUT_OF_SYNC);
	ck_assert(!peers_leaving(&ps, &hoa));
	peers_bound(&ps, &hoa);
	ck_assert_ptr_null(peers_find(&ps, &hoa));
	/* once more while one is under way: by another number */
	revoke(&hoa, 0);
	revoke(&hoa, 0);
	ck_assert_int_eq(bra(&hoa, seen.last.seq - 1, 0),
			 REASON_BRA_UNMATCHED);
	ck_assert_int_eq(peers_switch(&ps, &hoa, &addrs, now), -EBUSY);
	ck_assert_int_eq(bra(&hoa, seen.last.seq, 0), REASON_NONE);
}
END_TEST

/* RFC 5142 5.2: 5 s, 10, 20, 20, ... until the binding ends */
START_TEST(switched)
{
	static const int64_t at[] = { 0, 5, 15, 35, 55, 75 };
	unsigned int i;

	ck_assert_int_eq(peers_switch(&ps, &hoa, &addrs, now), 0);
	ck_assert(peers_leaving(&ps, &hoa));
	run_to_ms(90000);
	ck_assert_uint_eq(seen.sent, 6);
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(seen.times[i].ns - MTIME_SEC(1000).ns,
				 MTIME_SEC(at[i]).ns);
	/* 5.3: the home agent goes on to serve it */
	ck_assert_uint_eq(seen.revoked, 0);
	peers_unbound(&ps, &hoa);
	run_to_ms(200000);
	ck_assert_uint_eq(seen.sent, 6);
	ck_assert(!peers_leaving(&ps, &hoa));
}
END_TEST

/* 5.2: half of the time that is left, where that is less than 5 s */
START_TEST(switched_soon_over)
{
	seen.left = MTIME_SEC(6);
	peers_switch(&ps, &hoa, &addrs, now);
	run_to_ms(3000);
	ck_assert_uint_eq(seen.sent, 2);
	peers_stay(&ps, &hoa);
	seen.left = MTIME_SEC(600);
	peers_switch(&ps, &hoa, &addrs, now);
	run_to_ms(7999);
	ck_assert_uint_eq(seen.sent, 3);
	run_to_ms(8000);
	ck_assert_uint_eq(seen.sent, 4);
}
END_TEST

/* 7: one a second; 5.2: and again, until they are gone */
START_TEST(drain)
{
	unsigned int i;

	seen.bound = 10;
	peers_drain(&ps, &addrs, now);
	ck_assert(peers_leaving(&ps, &hoa));
	run_to_ms(0);
	ck_assert_uint_eq(seen.last.addrs.n, 1);
	run_to_ms(500);
	ck_assert_uint_eq(seen.sent, 1);
	run_to_ms(9500);
	ck_assert_uint_eq(seen.sent, 10);
	run_to_ms(100000);
	ck_assert_uint_le(seen.sent, 101);
	for (i = 0; i < 10; i++)
		ck_assert_uint_ge(seen.each[i], 4);
	seen.bound = 0;
	i = seen.sent;
	run_to_ms(200000);
	ck_assert_uint_eq(seen.sent, i);
	peers_stay(&ps, NULL);
	ck_assert(!peers_leaving(&ps, &hoa));
	ck_assert_uint_eq(timers.n, 0);
}
END_TEST

START_TEST(drain_of_few_backs_off)
{
	static const int64_t at[] = { 0, 5, 15, 35, 55 };
	unsigned int i;

	seen.bound = 1;
	peers_drain(&ps, &addrs, now);
	run_to_ms(60000);
	ck_assert_uint_eq(seen.sent, 5);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(seen.times[i].ns - MTIME_SEC(1000).ns,
				 MTIME_SEC(at[i]).ns);
}
END_TEST

START_TEST(drain_at_a_rate)
{
	ps.conf.rate = 100;
	seen.bound = 200;
	peers_drain(&ps, &addrs, now);
	run_to_ms(999);
	ck_assert_uint_eq(seen.sent, 100);
	run_to_ms(1999);
	ck_assert_uint_eq(seen.sent, 200);
	run_to_ms(4999);
	ck_assert_uint_eq(seen.sent, 200);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peer");
	TCase *tc = tcase_create("peer");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, acknowledged);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, unmatched);
	tcase_add_test(tc, silent);
	tcase_add_test(tc, back_off);
	tcase_add_test(tc, late_answer);
	tcase_add_test(tc, numbers);
	tcase_add_test(tc, cannot_be_sent);
	tcase_add_test(tc, races);
	tcase_add_test(tc, switched);
	tcase_add_test(tc, switched_soon_over);
	tcase_add_test(tc, drain);
	tcase_add_test(tc, drain_of_few_backs_off);
	tcase_add_test(tc, drain_at_a_rate);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
