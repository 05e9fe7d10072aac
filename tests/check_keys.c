/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/ike/keys.c against a fake of ike.h, and with a clock of its own: this
 * file has loop_now(), and only the timers of struct loop are used.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "ike/keys.h"

enum {
	LIFETIME = 100,		/* s, of ESP SAs */
	IKE_LIFETIME = 1000,
};

static int64_t clock_ms;

mtime loop_now(void)
{
	return MTIME_MS(1000000 + clock_ms);
}

/* The fake ike.h: what was asked for, and when */

enum call {
	INITIATE, REKEY_ESP, REKEY_IKE, PROBE, MOVE, MOVE_TOLD, END_TOLD,
	END_UNTOLD, CALLS,
};

static struct {
	const struct ike_ops *ops;
	void *arg;
	unsigned int n[CALLS];
	int64_t first_ms[CALLS], last_ms[CALLS];
	uint32_t id, spi;		/* of the last call */
	uint32_t last_id;
	bool closed;
} fake;

static void called(enum call what, uint32_t id)
{
	if (!fake.n[what]++)
		fake.first_ms[what] = clock_ms;
	fake.last_ms[what] = clock_ms;
	fake.id = id;
}

int ike_open(struct ike **out, struct loop *loop, const struct ike_conf *conf,
	     const struct ike_responder *resp, const struct ike_ops *ops,
	     void *arg)
{
	(void)loop, (void)conf, (void)resp;
	fake.ops = ops;
	fake.arg = arg;
	*out = (struct ike *)&fake;
	return 0;
}

int ike_start(struct ike *ike)
{
	(void)ike;
	return 0;
}

void ike_close(struct ike *ike)
{
	(void)ike;
	fake.closed = true;
}

uint32_t ike_initiate(struct ike *ike, const struct in6_addr *local,
		      const struct in6_addr *hoa, const struct in6_addr *ha)
{
	(void)ike, (void)local, (void)hoa, (void)ha;
	called(INITIATE, ++fake.last_id);
	return fake.last_id;
}

void ike_rekey_esp(struct ike *ike, uint32_t id, uint32_t spi)
{
	(void)ike;
	called(REKEY_ESP, id);
	fake.spi = spi;
}

void ike_rekey_ike(struct ike *ike, uint32_t id)
{
	(void)ike;
	called(REKEY_IKE, id);
}

void ike_probe(struct ike *ike, uint32_t id)
{
	(void)ike;
	called(PROBE, id);
}

void ike_move(struct ike *ike, uint32_t id, const struct in6_addr *local,
	      const struct in6_addr *remote)
{
	(void)ike, (void)local, (void)remote;
	called(MOVE, id);
}

void ike_move_told(struct ike *ike, uint32_t id, const struct in6_addr *local)
{
	(void)ike, (void)local;
	called(MOVE_TOLD, id);
}

void ike_end(struct ike *ike, uint32_t id, bool told)
{
	(void)ike;
	called(told ? END_TOLD : END_UNTOLD, id);
}

void ike_recheck(struct ike *ike)
{
	(void)ike;
}

int ike_reload_crls(struct ike *ike, const struct ike_list *crls)
{
	(void)ike, (void)crls;
	return 0;
}

unsigned int ike_threads(struct ike *ike)
{
	(void)ike;
	return 4;
}

/* The daemon */

static struct {
	unsigned int up, down;
	uint32_t id;		/* of the last of these */
	enum reason why;
	bool spis[1 << 16];	/* in the data plane */
	unsigned int n_spis;
	bool no_room;
} seen;

static int spi_add(void *arg, uint32_t spi)
{
	(void)arg;
	if (seen.no_room)
		return -ENOSPC;
	ck_assert(!seen.spis[spi]);
	seen.spis[spi] = true;
	seen.n_spis++;
	return 0;
}

static void spi_del(void *arg, uint32_t spi)
{
	(void)arg;
	ck_assert(seen.spis[spi]);
	seen.spis[spi] = false;
	seen.n_spis--;
}

static void on_up(void *arg, const struct keys_peer *p)
{
	(void)arg;
	seen.up++;
	seen.id = p->peer.id;
}

static void on_down(void *arg, const struct keys_peer *p, enum reason why)
{
	(void)arg;
	seen.down++;
	seen.id = p->peer.id;
	seen.why = why;
}

static const struct keys_ops ops = {
	.spi_add = spi_add,
	.spi_del = spi_del,
	.up = on_up,
	.down = on_down,
};

static struct loop loop;
static struct sadb *sadb;
static struct ike_conf conf;
static struct keys *keys;
static struct in6_addr hoa, ha, coa;

static void setup(void)
{
	log_init("check_keys", LOG_LEVEL_ERR);
	memset(&fake, 0, sizeof(fake));
	memset(&seen, 0, sizeof(seen));
	clock_ms = 0;
	inet_pton(AF_INET6, "2001:db8:1::10", &hoa);
	inet_pton(AF_INET6, "2001:db8:1::1", &ha);
	inet_pton(AF_INET6, "2001:db8:2::10", &coa);
	conf = (struct ike_conf){
		.sa_lifetime = MTIME_SEC(LIFETIME),
		.ike_lifetime = MTIME_SEC(IKE_LIFETIME),
	};
	timers_init(&loop.timers);
	ck_assert_int_eq(sadb_new(&sadb, NULL), 0);
	ck_assert_int_eq(keys_open(&keys, &loop, sadb, &conf, NULL, &ops,
				   NULL), 0);
}

static void teardown(void)
{
	keys_close(keys);
	ck_assert(fake.closed);
	ck_assert_uint_eq(loop.timers.n, 0);
	ck_assert_uint_eq(seen.n_spis, 0);
	sadb_free(sadb);
	timers_fini(&loop.timers);
}

static void run_to(int64_t ms)
{
	mtime next;

	while (timers_next(&loop.timers, &next) &&
	       next.ns <= MTIME_MS(1000000 + ms).ns) {
		next.ns = (next.ns + 999999) / 1000000 - 1000000;
		if (next.ns > clock_ms)
			clock_ms = next.ns;
		timers_run(&loop.timers, loop_now());
	}
	clock_ms = ms;
}

static struct ike_peer peer_of(uint32_t id, bool initiator)
{
	struct ike_peer peer = {
		.id = id, .initiator = initiator,
		.local = initiator ? hoa : ha, .remote = initiator ? ha : hoa,
	};

	strcpy(peer.identity, initiator ? "ar1.example.org" :
	       "mn1@example.org");
	return peer;
}

static struct ike_sa sa_of(uint32_t spi, bool inbound, bool initiator)
{
	struct ike_sa sa = {
		.spi = spi, .inbound = inbound, .alg = ESP_CHACHA20_POLY1305,
		.src = inbound == initiator ? ha : hoa,
		.dst = inbound == initiator ? hoa : ha,
	};

	memset(sa.key, 0x5a, sizeof(sa.key));
	return sa;
}

static void tell_sa(const struct ike_peer *peer, uint32_t spi, bool inbound,
		    bool add)
{
	struct ike_sa sa = sa_of(spi, inbound, peer->initiator);

	(add ? fake.ops->sa_add : fake.ops->sa_del)(fake.arg, peer, &sa);
}

/* spi is the inbound one, spi + 1 the outbound one. */
static void add_pair(const struct ike_peer *peer, uint32_t spi)
{
	tell_sa(peer, spi, true, true);
	tell_sa(peer, spi + 1, false, true);
}

static void del_pair(const struct ike_peer *peer, uint32_t spi)
{
	tell_sa(peer, spi, true, false);
	tell_sa(peer, spi + 1, false, false);
}

static struct ike_peer come_up(bool initiator, uint32_t spi)
{
	struct ike_peer peer;

	if (initiator)
		keys_initiate(keys, &hoa, &hoa, &ha);
	else
		fake.last_id++;
	peer = peer_of(fake.last_id, initiator);
	add_pair(&peer, spi);
	fake.ops->up(fake.arg, &peer);
	return peer;
}

static void go_down(const struct ike_peer *peer, uint32_t spi, enum reason why)
{
	del_pair(peer, spi);
	fake.ops->down(fake.arg, peer, why);
}

static struct sadb_sa *out_sa(bool initiator)
{
	return sadb_out(sadb, initiator ? &hoa : &ha, initiator ? &ha : &hoa);
}

/* _i: are we the initiator? */
START_TEST(up_and_down)
{
	uint64_t ups = count_get(COUNT_IKE_UP);
	uint64_t downs = count_get(COUNT_IKE_DOWN);
	struct ike_peer peer = come_up(_i, 0x1001);
	struct keys_peer *p = keys_find(keys, &hoa, &ha);
	struct sadb_sa *sa = sadb_in(sadb, 0x1001);

	ck_assert_uint_eq(seen.up, 1);
	ck_assert_uint_eq(count_get(COUNT_IKE_UP), ups + 1);
	ck_assert_ptr_nonnull(p);
	ck_assert(p->up);
	ck_assert_uint_eq(p->peer.id, peer.id);
	ck_assert_uint_eq(sa->peer, peer.id);
	ck_assert_str_eq(sa->conf.name, "ike-1");
	ck_assert_str_eq(sa->conf.identity, peer.identity);
	ck_assert_uint_eq(out_sa(_i)->conf.spi, 0x1002);
	ck_assert_uint_eq(seen.n_spis, 1);
	ck_assert(seen.spis[0x1001]);
	go_down(&peer, 0x1001, REASON_NONE);
	ck_assert_uint_eq(seen.down, 1);
	ck_assert_uint_eq(count_get(COUNT_IKE_DOWN), downs + 1);
	ck_assert_ptr_null(keys_find(keys, &hoa, &ha));
	ck_assert_ptr_null(sadb_in(sadb, 0x1001));
	ck_assert_ptr_null(out_sa(_i));
	ck_assert_uint_eq(seen.n_spis, 0);
	ck_assert_uint_eq(loop.timers.n, 0);
}
END_TEST

/* It fails: counted by the initiator alone, once. */
START_TEST(fails)
{
	uint64_t refused = count_refused(REASON_IKE_NO_ANSWER);
	uint64_t downs = count_get(COUNT_IKE_DOWN);
	struct ike_peer peer = peer_of(1, true);

	ck_assert_uint_eq(keys_initiate(keys, &hoa, &hoa, &ha), 1);
	ck_assert_ptr_null(keys_find(keys, &hoa, &ha));
	fake.ops->down(fake.arg, &peer, REASON_IKE_NO_ANSWER);
	ck_assert_uint_eq(seen.down, 1);
	ck_assert_int_eq(seen.why, REASON_IKE_NO_ANSWER);
	ck_assert_uint_eq(count_refused(REASON_IKE_NO_ANSWER), refused + 1);
	peer = come_up(false, 0x1001);
	fake.ops->down(fake.arg, &peer, REASON_IKE_NO_ANSWER);
	ck_assert_uint_eq(seen.down, 2);
	ck_assert_uint_eq(count_refused(REASON_IKE_NO_ANSWER), refused + 1);
	ck_assert_uint_eq(count_get(COUNT_IKE_DOWN), downs + 1);
	/* even where sa_del() was forgotten */
	ck_assert_ptr_null(sadb_in(sadb, 0x1001));
	/* a peer that was refused before anything */
	peer = peer_of(77, false);
	fake.ops->down(fake.arg, &peer, REASON_IKE_PSK);
	ck_assert_uint_eq(seen.down, 2);
}
END_TEST

START_TEST(rekeys_esp)
{
	uint64_t rekeyed = count_get(COUNT_ESP_REKEYED);
	struct ike_peer peer = come_up(_i, 0x1001);
	int from = _i ? 70 : 90, to = _i ? 80 : 95;

	run_to(from * 1000 - 1);
	ck_assert_uint_eq(fake.n[REKEY_ESP], 0);
	run_to(to * 1000);
	ck_assert_uint_ge(fake.n[REKEY_ESP], 1);
	ck_assert_uint_eq(fake.id, peer.id);
	ck_assert_uint_eq(fake.spi, 0x1001);
	/* tried again after each twentieth */
	ck_assert_uint_le(fake.n[REKEY_ESP], 3);
	run_to(fake.first_ms[REKEY_ESP] + 5001);
	ck_assert_uint_ge(fake.n[REKEY_ESP], 2);
	ck_assert_uint_eq(count_get(COUNT_ESP_REKEYED), rekeyed);

	/* both are accepted, the newer one is used */
	fake.n[REKEY_ESP] = 0;
	add_pair(&peer, 0x2001);
	ck_assert_uint_eq(count_get(COUNT_ESP_REKEYED), rekeyed + 1);
	ck_assert_ptr_nonnull(sadb_in(sadb, 0x1001));
	ck_assert_ptr_nonnull(sadb_in(sadb, 0x2001));
	ck_assert_uint_eq(out_sa(_i)->conf.spi, 0x2002);
	ck_assert_uint_eq(seen.n_spis, 2);
	del_pair(&peer, 0x1001);
	ck_assert_ptr_null(sadb_in(sadb, 0x1001));
	ck_assert_uint_eq(seen.n_spis, 1);
	run_to(clock_ms + from * 1000 - 1);
	ck_assert_uint_eq(fake.n[REKEY_ESP], 0);
	run_to(clock_ms + (to - from) * 1000 + 1);
	ck_assert_uint_ge(fake.n[REKEY_ESP], 1);
	ck_assert_uint_eq(fake.spi, 0x2001);
	ck_assert_uint_eq(seen.up, 1);
}
END_TEST

/* Two ends do not always begin at the same instant. */
START_TEST(rekeying_is_jittered)
{
	int64_t first = 0;
	int i, differ = 0;

	for (i = 0; i < 20; i++) {
		struct ike_peer peer = come_up(true, 0x1001);
		int64_t from = clock_ms;

		fake.n[REKEY_ESP] = 0;
		run_to(from + 80000);
		ck_assert_uint_ge(fake.n[REKEY_ESP], 1);
		differ += i && fake.first_ms[REKEY_ESP] - from != first;
		first = fake.first_ms[REKEY_ESP] - from;
		go_down(&peer, 0x1001, REASON_NONE);
	}
	ck_assert_int_gt(differ, 10);
}
END_TEST

START_TEST(retries_no_faster_than_a_second)
{
	conf.sa_lifetime = MTIME_SEC(10);
	come_up(true, 0x1001);
	run_to(9999);
	ck_assert_uint_ge(fake.n[REKEY_ESP], 2);
	ck_assert_uint_le(fake.n[REKEY_ESP], 3);
}
END_TEST

START_TEST(rekeys_ike)
{
	uint64_t rekeyed = count_get(COUNT_IKE_REKEYED);
	int64_t after = _i ? 1000000 : 1100000;
	struct ike_peer peer;

	conf.sa_lifetime = MTIME_SEC(90000);
	peer = come_up(_i, 0x1001);
	run_to(after - 1);
	ck_assert_uint_eq(fake.n[REKEY_IKE], 0);
	run_to(after);
	ck_assert_uint_eq(fake.n[REKEY_IKE], 1);
	clock_ms += 5;
	fake.ops->rekeyed(fake.arg, &peer);
	ck_assert_uint_eq(count_get(COUNT_IKE_REKEYED), rekeyed + 1);
	run_to(2 * after + 4);
	ck_assert_uint_eq(fake.n[REKEY_IKE], 1);
	run_to(2 * after + 5);
	ck_assert_uint_eq(fake.n[REKEY_IKE], 2);
}
END_TEST

START_TEST(holds)
{
	conf.dpd = MTIME_SEC(60);
	conf.ike_lifetime = MTIME_SEC(90);
	come_up(true, 0x1001);
	keys_hold(keys, true);
	run_to(99999);
	ck_assert_uint_eq(fake.n[REKEY_ESP] + fake.n[REKEY_IKE] +
			  fake.n[PROBE], 0);
	/* a hard lifetime waits for nobody */
	ck_assert(!sadb_in(sadb, 0x1001)->expired);
	run_to(100000);
	ck_assert(sadb_in(sadb, 0x1001)->expired);
	keys_hold(keys, false);
	run_to(100001);
	ck_assert_uint_eq(fake.n[REKEY_ESP], 1);
	ck_assert_uint_eq(fake.n[REKEY_IKE], 1);
	ck_assert_uint_eq(fake.n[PROBE], 1);
	keys_hold(keys, true);
	run_to(129999);
	ck_assert_uint_eq(fake.n[REKEY_ESP], 1);
}
END_TEST

static enum reason receive(uint32_t spi, struct sadb_sa **sa)
{
	static const uint8_t mh[8] = { 59, 0, 5 };
	struct esp_sa sealing = { .spi = spi, .alg = ESP_CHACHA20_POLY1305 };
	static uint32_t seq;
	uint8_t esp[128], out[128];
	struct ip6_pkt pkt = {
		.src = hoa, .dst = ha, .proto = IP6_PROTO_ESP, .upper = esp,
	};
	uint8_t proto;
	size_t len;

	memset(sealing.key, 0x5a, sizeof(sealing.key));
	sealing.seq = seq++;
	pkt.upper_len = (size_t)esp_seal(&sealing, esp, sizeof(esp),
					 IP6_PROTO_MH, mh, sizeof(mh));
	return sadb_open(sadb, &pkt, out, sizeof(out), &len, &proto, sa);
}

/* RFC 4301 4.4.2.1: what comes late is refused, and told so for a while. */
START_TEST(hard_lifetime)
{
	static const uint8_t wiped[ESP_KEY_LEN];
	struct ike_peer peer = come_up(false, 0x1001);
	struct sadb_sa *sa, *out = out_sa(false);

	run_to(99999);
	ck_assert_int_eq(receive(0x1001, &sa), REASON_NONE);
	run_to(100000);
	ck_assert_int_eq(receive(0x1001, &sa), REASON_ESP_EXPIRED);
	ck_assert_mem_eq(sa->esp.key, wiped, sizeof(wiped));
	ck_assert_ptr_null(out_sa(false));
	ck_assert(out->expired);
	ck_assert_mem_eq(out->esp.key, wiped, sizeof(wiped));
	ck_assert_uint_eq(seen.n_spis, 1);
	ck_assert_uint_eq(fake.n[END_TOLD] + fake.n[END_UNTOLD], 0);
	run_to(129999);
	ck_assert_int_eq(receive(0x1001, &sa), REASON_ESP_EXPIRED);
	run_to(130000);
	ck_assert_int_eq(receive(0x1001, &sa), REASON_ESP_UNKNOWN_SPI);
	ck_assert_uint_eq(seen.n_spis, 0);
	/* an IKE SA with nothing in it is of no use */
	ck_assert_uint_eq(fake.n[END_TOLD], 1);
	ck_assert_uint_eq(fake.id, peer.id);
	ck_assert_ptr_null(keys_find(keys, &hoa, &ha));
	run_to(1000000);
	ck_assert_uint_eq(fake.n[END_TOLD], 1);
	go_down(&peer, 0x1001, REASON_NONE);
	ck_assert_uint_eq(seen.down, 1);
}
END_TEST

/* New keys in time, or even late: it goes on. */
START_TEST(tombstone_beside_a_living_one)
{
	struct ike_peer peer = come_up(false, 0x1001);
	struct sadb_sa *sa;

	run_to(110000);
	add_pair(&peer, 0x2001);
	ck_assert_int_eq(receive(0x1001, &sa), REASON_ESP_EXPIRED);
	ck_assert_int_eq(receive(0x2001, &sa), REASON_NONE);
	ck_assert_uint_eq(out_sa(false)->conf.spi, 0x2002);
	run_to(130000);
	ck_assert_int_eq(receive(0x1001, &sa), REASON_ESP_UNKNOWN_SPI);
	ck_assert_int_eq(receive(0x2001, &sa), REASON_NONE);
	ck_assert_uint_eq(fake.n[END_TOLD] + fake.n[END_UNTOLD], 0);
	/* sa_del() for what has gone; its SPI is somebody else's by now */
	come_up(false, 0x1001);
	del_pair(&peer, 0x1001);
	ck_assert_int_eq(receive(0x1001, &sa), REASON_NONE);
	/* that one has replaced the first: nothing of it is left */
	run_to(136000);
	ck_assert_int_eq(receive(0x2001, &sa), REASON_ESP_UNKNOWN_SPI);
}
END_TEST

START_TEST(tombstone_taken_away)
{
	struct ike_peer peer = come_up(false, 0x1001);
	struct sadb_sa *sa;

	run_to(110000);
	ck_assert(sadb_in(sadb, 0x1001)->expired);
	del_pair(&peer, 0x1001);
	ck_assert_int_eq(receive(0x1001, &sa), REASON_ESP_UNKNOWN_SPI);
}
END_TEST

START_TEST(probes)
{
	struct ike_peer peer;
	struct sadb_sa *sa;

	conf.dpd = MTIME_SEC(20);
	peer = come_up(_i, 0x1001);
	run_to(19999);
	ck_assert_uint_eq(fake.n[PROBE], 0);
	run_to(20000);
	ck_assert_uint_eq(fake.n[PROBE], 1);
	ck_assert_uint_eq(fake.id, peer.id);
	run_to(30000);
	add_pair(&peer, 0x2001);	/* a sign of life */
	run_to(49999);
	ck_assert_uint_eq(fake.n[PROBE], 1);
	run_to(50000);
	ck_assert_uint_eq(fake.n[PROBE], 2);
	/* an accepted packet is one, what is refused is none */
	sadb_in(sadb, 0x2001)->packets++;
	run_to(70000);
	ck_assert_uint_eq(fake.n[PROBE], 2);
	receive(0x666, &sa);
	run_to(90000);
	ck_assert_uint_eq(fake.n[PROBE], 3);
	conf.dpd = MTIME_SEC(0);
	run_to(99000);
	tell_sa(&peer, 0x2001, true, false);	/* has it planned anew */
	run_to(119000);
	ck_assert_uint_eq(fake.n[PROBE], 3);
}
END_TEST

/* RFC 7296 2.4: a peer that lost its state begins anew. */
START_TEST(replaced)
{
	struct ike_peer old = come_up(_i, 0x1001), new;
	struct sadb_sa *sa;

	run_to(68000);
	new = come_up(_i, 0x2001);
	ck_assert_uint_eq(keys_find(keys, &hoa, &ha)->peer.id, new.id);
	ck_assert_uint_eq(out_sa(_i)->conf.spi, 0x2002);
	if (!_i) {
		ck_assert_int_eq(receive(0x1001, &sa), REASON_NONE);
		ck_assert_uint_eq(sadb_reply(sadb, sa)->conf.spi, 0x1002);
	}
	run_to(72999);
	ck_assert_uint_eq(fake.n[END_UNTOLD], 0);
	ck_assert_uint_eq(fake.n[REKEY_ESP], 0);
	run_to(73000);
	ck_assert_uint_eq(fake.n[END_UNTOLD], 1);
	ck_assert_uint_eq(fake.id, old.id);
	run_to(90000);
	ck_assert_uint_eq(fake.n[REKEY_ESP], 0);
	go_down(&old, 0x1001, REASON_NONE);
	ck_assert_uint_eq(keys_find(keys, &hoa, &ha)->peer.id, new.id);
	ck_assert_uint_eq(out_sa(_i)->conf.spi, 0x2002);
	ck_assert_uint_eq(fake.n[END_UNTOLD], 1);
	ck_assert_uint_eq(fake.n[END_TOLD], 0);
}
END_TEST

/* Ownership has changed hands. */
START_TEST(replaced_by_another_identity)
{
	struct ike_peer old = come_up(false, 0x1001), new;

	new = peer_of(++fake.last_id, false);
	strcpy(new.identity, "mn2@example.org");
	add_pair(&new, 0x2001);
	fake.ops->up(fake.arg, &new);
	ck_assert_uint_eq(fake.n[END_TOLD], 1);
	ck_assert_uint_eq(fake.id, old.id);
	ck_assert_ptr_null(sadb_in(sadb, 0x1001));
	ck_assert_ptr_null(sadb_out_spi(sadb, &ha, &hoa, 0x1002));
	ck_assert_uint_eq(keys_find(keys, &hoa, &ha)->peer.id, new.id);
	go_down(&old, 0x1001, REASON_NONE);
	ck_assert_uint_eq(keys_find(keys, &hoa, &ha)->peer.id, new.id);
}
END_TEST

/* A third one does not keep the first from going in its time. */
START_TEST(replaced_twice)
{
	struct ike_peer first = come_up(true, 0x1001);

	come_up(true, 0x2001);
	run_to(3000);
	come_up(true, 0x3001);
	run_to(5000);
	ck_assert_uint_eq(fake.n[END_UNTOLD], 1);
	ck_assert_uint_eq(fake.id, first.id);
	run_to(8000);
	ck_assert_uint_eq(fake.n[END_UNTOLD], 2);
}
END_TEST

/* In any order: the pair leads to the newest that is there. */
START_TEST(three_for_one_pair)
{
	struct ike_peer a = come_up(true, 0x1001);
	struct ike_peer b = come_up(true, 0x2001);
	struct ike_peer c = come_up(true, 0x3001);

	go_down(&b, 0x2001, REASON_NONE);
	ck_assert_uint_eq(keys_find(keys, &hoa, &ha)->peer.id, c.id);
	go_down(&c, 0x3001, REASON_NONE);
	ck_assert_uint_eq(keys_find(keys, &hoa, &ha)->peer.id, a.id);
	go_down(&a, 0x1001, REASON_NONE);
	ck_assert_ptr_null(keys_find(keys, &hoa, &ha));
}
END_TEST

START_TEST(ended)
{
	struct ike_peer peer = come_up(true, 0x1001);
	struct keys_peer *p = keys_find(keys, &hoa, &ha);

	keys_end(keys, p, false);
	keys_end(keys, p, true);
	ck_assert_uint_eq(fake.n[END_UNTOLD], 1);
	ck_assert_uint_eq(fake.n[END_TOLD], 0);
	ck_assert_ptr_null(keys_find(keys, &hoa, &ha));
	run_to(80000);
	ck_assert_uint_eq(fake.n[REKEY_ESP], 0);
	go_down(&peer, 0x1001, REASON_NONE);
	ck_assert_uint_eq(seen.down, 1);
}
END_TEST

START_TEST(moves)
{
	struct ike_peer peer = come_up(true, 0x1001);
	struct keys_peer *p = keys_find(keys, &hoa, &ha);

	keys_move(keys, p, &hoa, &ha);
	keys_move(keys, p, NULL, NULL);
	keys_move(keys, p, NULL, &ha);
	keys_move_told(keys, p, &hoa);
	ck_assert_uint_eq(fake.n[MOVE] + fake.n[MOVE_TOLD], 0);
	keys_move(keys, p, &coa, NULL);
	keys_move(keys, p, &coa, &ha);
	ck_assert_uint_eq(fake.n[MOVE], 1);
	ck_assert(ip6_addr_eq(&p->peer.remote, &ha));
	keys_move(keys, p, NULL, &coa);
	ck_assert_uint_eq(fake.n[MOVE], 2);
	ck_assert(ip6_addr_eq(&p->peer.remote, &coa));
	/* a call that was on its way does not know of it */
	add_pair(&peer, 0x2001);
	fake.ops->rekeyed(fake.arg, &peer);
	ck_assert(ip6_addr_eq(&p->peer.local, &coa));
	keys_move_told(keys, p, &hoa);
	keys_move_told(keys, p, &hoa);
	ck_assert_uint_eq(fake.n[MOVE_TOLD], 1);
	peer.remote = coa;
	peer.initiator = false;		/* it rekeyed, but is no MN */
	fake.ops->moved(fake.arg, &peer);
	ck_assert(ip6_addr_eq(&p->peer.remote, &coa));
	ck_assert(p->peer.initiator);
}
END_TEST

/* What cannot be used is given up: told to the peer, counted once. */
START_TEST(cannot_be_used)
{
	uint64_t refused = count_refused(REASON_IKE_LOCAL);
	struct ike_peer peer = peer_of(1, true);

	if (_i == 0)
		seen.no_room = true;
	keys_initiate(keys, &hoa, &hoa, &ha);
	if (_i == 1)
		ha = coa;	/* not what was asked for */
	if (_i == 2)
		come_up(false, 0x1001);	/* has the SPI */
	add_pair(&peer, 0x1001);
	fake.ops->up(fake.arg, &peer);
	ck_assert_uint_eq(fake.n[END_TOLD], 1);
	ck_assert_uint_eq(fake.id, peer.id);
	ck_assert_uint_eq(seen.up, _i == 2);
	ck_assert_uint_ge(count_refused(REASON_IKE_LOCAL), refused + 1);
	go_down(&peer, 0x1001, REASON_NONE);
	ck_assert_int_eq(seen.why, REASON_IKE_LOCAL);
	ck_assert_uint_eq(seen.n_spis, _i == 2);
}
END_TEST

START_TEST(new_sadb)
{
	struct ike_peer peer = come_up(true, 0x1001);
	struct sadb_conf manual = {
		.name = "manual", .spi = 0x1001, .src = coa, .dst = hoa,
		.alg = ESP_CHACHA20_POLY1305, .key = { 1 },
	};
	struct ike_peer other;
	struct sadb *fresh;

	hoa = coa;
	other = come_up(true, 0x3001);
	ck_assert_int_eq(sadb_new(&fresh, NULL), 0);
	ck_assert_int_eq(sadb_add(fresh, &manual, true), 0);
	keys_set_sadb(keys, fresh);
	sadb_free(sadb);
	sadb = fresh;
	ck_assert_ptr_nonnull(sadb_in(sadb, 0x3001));
	ck_assert_ptr_nonnull(sadb_out_spi(sadb, &hoa, &ha, 0x3002));
	/* the manual one and its SPI in the data plane are not ours */
	run_to(100000);
	ck_assert(!sadb_in(sadb, 0x1001)->expired);
	ck_assert(sadb_in(sadb, 0x3001)->expired);
	go_down(&peer, 0x1001, REASON_NONE);
	ck_assert(seen.spis[0x1001]);
	ck_assert_ptr_nonnull(sadb_in(sadb, 0x1001));
	go_down(&other, 0x3001, REASON_NONE);
	ck_assert_uint_eq(seen.n_spis, 1);
	seen.n_spis = 0;
}
END_TEST

START_TEST(json)
{
	struct ike_peer peer = come_up(true, 0x1001);
	struct json_object *o, *list, *v;
	const char *text;

	run_to(10000);
	o = keys_json(keys);
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	ck_assert_str_eq(text, "{\"ike\":[{\"id\":1,"
		"\"identity\":\"ar1.example.org\","
		"\"local\":\"2001:db8:1::10\",\"remote\":\"2001:db8:1::1\","
		"\"hoa\":\"2001:db8:1::10\",\"ha\":\"2001:db8:1::1\","
		"\"initiator\":true,\"state\":\"up\",\"age_s\":10,"
		"\"spi_in\":4097,\"spi_out\":4098,\"expires_s\":90}],"
		"\"threads\":4}");
	json_object_put(o);
	del_pair(&peer, 0x1001);
	o = keys_json(keys);
	ck_assert(json_object_object_get_ex(o, "ike", &list));
	list = json_object_array_get_idx(list, 0);
	ck_assert(json_object_object_get_ex(list, "spi_in", &v));
	ck_assert_ptr_null(v);
	json_object_put(o);
}
END_TEST

static void count_peer(void *arg, struct keys_peer *p)
{
	ck_assert(p->up);
	++*(unsigned int *)arg;
}

/* Not a matter of minutes: a walk over all for each would be. */
START_TEST(many)
{
	const uint32_t many = 10000;
	struct ike_peer peer;
	unsigned int n = 0;
	uint32_t i;

	conf.dpd = MTIME_SEC(10);
	for (i = 1; i <= many; i++) {
		hoa.s6_addr32[3] = htonl(i);
		come_up(false, 0x1000 + 2 * i);
	}
	keys_each(keys, count_peer, &n);
	ck_assert_uint_eq(n, many);
	run_to(20000);
	ck_assert_uint_eq(fake.n[PROBE], 2 * many);
	for (i = 1; i <= many; i++) {
		hoa.s6_addr32[3] = htonl(i);
		ck_assert_uint_eq(keys_find(keys, &hoa, &ha)->peer.id, i);
		peer = peer_of(i, false);
		go_down(&peer, 0x1000 + 2 * i, REASON_NONE);
	}
	ck_assert_uint_eq(seen.down, many);
	ck_assert_uint_eq(loop.timers.n, 0);
}
END_TEST

static enum reason judge(void *arg, const struct ike_peer *peer,
			 const struct in6_addr *for_hoa,
			 const struct in6_addr *at)
{
	(void)arg;
	ck_assert(peer->initiator);
	ck_assert(ip6_addr_eq(at, &ha));
	return ip6_addr_eq(for_hoa, &hoa) ? REASON_NONE : REASON_IKE_ASSIGNED;
}

static enum reason give(void *arg, const struct ike_peer *peer,
			struct in6_addr *out)
{
	(void)arg;
	ck_assert(!peer->initiator);
	*out = hoa;
	return REASON_NONE;
}

/* The home agent says for which address. */
START_TEST(assigned)
{
	static const struct keys_ops more = {
		.authorize = judge, .assign = give, .spi_add = spi_add,
		.spi_del = spi_del, .up = on_up, .down = on_down,
	};
	struct ike_peer peer;
	struct in6_addr out;

	keys_close(keys);
	ck_assert_int_eq(keys_open(&keys, &loop, sadb, &conf, NULL, &more,
				   NULL), 0);
	ck_assert_uint_eq(keys_initiate(keys, &coa, &in6addr_any, &ha), 1);
	peer = peer_of(1, true);
	ck_assert_int_eq(fake.ops->authorize(fake.arg, &peer, &coa, &ha),
			 REASON_IKE_ASSIGNED);
	ck_assert_int_eq(fake.ops->authorize(fake.arg, &peer, &hoa, &ha),
			 REASON_NONE);
	add_pair(&peer, 0x1001);
	fake.ops->up(fake.arg, &peer);
	ck_assert_uint_eq(keys_find(keys, &hoa, &ha)->peer.id, 1);
	ck_assert_ptr_null(keys_find(keys, &in6addr_any, &ha));
	ck_assert_ptr_nonnull(out_sa(true));
	peer = peer_of(2, false);
	ck_assert_int_eq(fake.ops->assign(fake.arg, &peer, &out),
			 REASON_NONE);
	ck_assert(ip6_addr_eq(&out, &hoa));
}
END_TEST

START_TEST(assigns_nothing)
{
	struct ike_peer peer = peer_of(1, false);
	struct in6_addr out;

	ck_assert_int_eq(fake.ops->assign(fake.arg, &peer, &out),
			 REASON_IKE_LOCAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keys");
	TCase *tc = tcase_create("keys");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, up_and_down, 0, 2);
	tcase_add_test(tc, fails);
	tcase_add_loop_test(tc, rekeys_esp, 0, 2);
	tcase_add_test(tc, rekeying_is_jittered);
	tcase_add_test(tc, retries_no_faster_than_a_second);
	tcase_add_loop_test(tc, rekeys_ike, 0, 2);
	tcase_add_test(tc, holds);
	tcase_add_test(tc, hard_lifetime);
	tcase_add_test(tc, tombstone_beside_a_living_one);
	tcase_add_test(tc, tombstone_taken_away);
	tcase_add_loop_test(tc, probes, 0, 2);
	tcase_add_loop_test(tc, replaced, 0, 2);
	tcase_add_test(tc, replaced_by_another_identity);
	tcase_add_test(tc, replaced_twice);
	tcase_add_test(tc, three_for_one_pair);
	tcase_add_test(tc, ended);
	tcase_add_test(tc, moves);
	tcase_add_loop_test(tc, cannot_be_used, 0, 3);
	tcase_add_test(tc, new_sadb);
	tcase_add_test(tc, assigned);
	tcase_add_test(tc, assigns_nothing);
	tcase_add_test(tc, json);
	tcase_add_test(tc, many);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
