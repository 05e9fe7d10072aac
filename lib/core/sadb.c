/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/sadb.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "core/log.h"
#include "core/loop.h"

enum {
	/* outbound numbers reserved at a time: twice as many, up to the
	 * maximum, where half of them lasted shorter than this, in seconds */
	RESERVE = 1024,
	RESERVE_MAX = 1 << 20,
	RESERVE_TIME = 60,
	INBOUND_SYNC = 64,	/* inbound packets between syncs */
};

/* sadb_out() looks up by both addresses at once. */
_Static_assert(offsetof(struct sadb_conf, dst) ==
	       offsetof(struct sadb_conf, src) + sizeof(struct in6_addr),
	       "src and dst are one key");

struct sadb {
	struct store *store;
	struct sadb_sa *in;	/* by spi */
	/* by src and dst: the newest with these addresses, which leads to the
	 * older ones, and to a manual one at the end */
	struct sadb_sa *out;
	struct sadb_sa *by_key[2];	/* manual ones; [1]: inbound */
	struct sadb_sa *due;	/* those that sadb_sync() is for */
	uint64_t changes;	/* of the outbound ones */
	bool batch;		/* from begin to commit */
	bool batch_open;	/* a transaction of the store's is */
	bool failing;		/* the last batch was not stored */
	bool disk_failing;	/* nor was what the disk was last asked for */
};

int sadb_new(struct sadb **out, struct store *store)
{
	struct sadb *sadb;
	int rc = esp_init();

	if (rc)
		return rc;
	sadb = calloc(1, sizeof(*sadb));
	if (!sadb)
		return -ENOMEM;
	sadb->store = store;
	*out = sadb;
	return 0;
}

static void sa_free(struct sadb_sa *sa)
{
	esp_fini(&sa->esp);
	sodium_memzero(&sa->conf, sizeof(sa->conf));
	free(sa);
}

/* The newest that goes out between these addresses, expired or not. */
static struct sadb_sa *out_head(const struct sadb *sadb,
				const struct in6_addr *src,
				const struct in6_addr *dst)
{
	const struct in6_addr key[2] = { *src, *dst };
	struct sadb_sa *sa;

	HASH_FIND(hh, sadb->out, key, sizeof(key), sa);
	return sa;
}

static void out_add_head(struct sadb *sadb, struct sadb_sa *sa)
{
	HASH_ADD(hh, sadb->out, conf.src, 2 * sizeof(sa->conf.src), sa);
}

/* A manual one goes to the end: IKE's go before it, the newest first. */
static void out_add(struct sadb *sadb, struct sadb_sa *sa)
{
	struct sadb_sa *head = out_head(sadb, &sa->conf.src, &sa->conf.dst);

	sadb->changes++;
	sa->older = NULL;
	if (head && !sa->peer) {
		while (head->older)
			head = head->older;
		head->older = sa;
		return;
	}
	sa->older = head;
	if (head)
		HASH_DEL(sadb->out, head);
	out_add_head(sadb, sa);
}

static void out_del(struct sadb *sadb, struct sadb_sa *sa)
{
	struct sadb_sa *head = out_head(sadb, &sa->conf.src, &sa->conf.dst);

	sadb->changes++;
	if (head == sa) {
		HASH_DEL(sadb->out, sa);
		if (sa->older)
			out_add_head(sadb, sa->older);
		return;
	}
	while (head->older != sa)
		head = head->older;
	head->older = sa->older;
}

void sadb_free(struct sadb *sadb)
{
	if (!sadb)
		return;
	while (sadb->in)
		sadb_del(sadb, sadb->in);
	while (sadb->out)
		sadb_del(sadb, sadb->out);
	free(sadb);
}

static void fingerprint(uint8_t fp[SADB_FP_LEN], const uint8_t *p, size_t len)
{
	crypto_generichash(fp, SADB_FP_LEN, p, len, NULL, 0);
}

/* The algorithm is part of it: another cipher never shares a key stream. */
static void set_store_key(struct sadb_sa *sa)
{
	uint8_t material[1 + ESP_KEY_LEN], fp[SADB_FP_LEN];
	char hex[2 * SADB_FP_LEN + 1];

	material[0] = (uint8_t)sa->conf.alg;
	memcpy(material + 1, sa->conf.key, ESP_KEY_LEN);
	fingerprint(fp, material, sizeof(material));
	sodium_memzero(material, sizeof(material));
	sodium_bin2hex(hex, sizeof(hex), fp, sizeof(fp));
	snprintf(sa->store_key, sizeof(sa->store_key), "%s/%s",
		 sa->inbound ? "in" : "out", hex);
}

static int load_number(struct sadb *sadb, const char *key, uint32_t *number)
{
	int rc;

	*number = 0;
	if (!sadb->store)
		return 0;
	rc = store_get(sadb->store, key, number, sizeof(*number));
	if (rc == -ENOENT)
		return 0;
	if (rc)
		log_err("SA state %s: %s", key, strerror(-rc));
	return rc ? -EIO : 0;
}

static void synced_key(const struct sadb_sa *sa, char out[48])
{
	snprintf(out, 48, "%s/disk", sa->store_key);
}

/* All that is not above the highest stored counts as seen. */
static int restore_inbound(struct sadb *sadb, struct sadb_sa *sa)
{
	char key[48];
	uint32_t highest;
	int rc;

	synced_key(sa, key);
	rc = load_number(sadb, key, &sa->reserved);
	if (!rc)
		rc = load_number(sadb, sa->store_key, &highest);
	if (rc)
		return rc;
	if (highest < sa->reserved)
		highest = sa->reserved;
	sa->esp.highest = highest;
	if (highest)
		memset(sa->esp.window, 0xff, sizeof(sa->esp.window));
	return 0;
}

/*
 * Seconds since 2025, or 0 where the clock is senseless. An SA for signalling
 * uses less than one number a second, so that this is above all that was used
 * even where the state folder was lost or comes from a backup; and the peer,
 * who kept his, does not take us for a replay.
 */
static uint32_t clock_floor(void)
{
	time_t now = time(NULL), since = now - 1735689600;

	return since > 0 && since < INT32_MAX ? (uint32_t)since : 0;
}

/* Where the next block ends; a larger one where the last one went fast. */
static uint32_t next_end(const struct sadb_sa *sa, mtime now)
{
	mtime slow = mtime_add(sa->reserved_at, MTIME_SEC(RESERVE_TIME));
	uint32_t block = sa->block ? sa->block : RESERVE;

	if (sa->block && mtime_before(now, slow) && block <= RESERVE_MAX / 2)
		block *= 2;
	return sa->reserved < UINT32_MAX - block ? sa->reserved + block :
		UINT32_MAX;
}

/* It is on disk. */
static void set_reserved(struct sadb_sa *sa, uint32_t end, mtime now)
{
	sa->block = end - sa->reserved;
	sa->reserved = end;
	sa->reserved_at = now;
}

/* Once for each time that it begins or ends: messages are many. */
static void tell_failing(bool *failing, int rc, const char *where)
{
	if (*failing == (rc < 0))
		return;
	*failing = rc < 0;
	if (rc)
		log_err("SAs: numbers are not %s: %s", where, strerror(-rc));
	else
		log_info("SAs: numbers are %s again", where);
}

static int reserve(struct sadb *sadb, struct sadb_sa *sa)
{
	mtime now = loop_now();
	uint32_t end = next_end(sa, now);
	int rc = sadb->store ? store_put(sadb->store, sa->store_key, &end,
					 sizeof(end), true) : 0;

	tell_failing(&sadb->disk_failing, rc, "on disk");
	if (!rc)
		set_reserved(sa, end, now);
	return rc ? -EIO : 0;
}

/* Is no more than half of a block left, or none yet? IKE's have all numbers. */
static bool is_low(const struct sadb_sa *sa)
{
	return sa->reserved < UINT32_MAX &&
	       sa->reserved - sa->esp.seq <= sa->block / 2;
}

/* What was reserved may have been used: go on after it. */
static int restore_outbound(struct sadb *sadb, struct sadb_sa *sa)
{
	int rc = load_number(sadb, sa->store_key, &sa->reserved);

	if (sadb->store && sa->reserved < clock_floor())
		sa->reserved = clock_floor();
	sa->esp.seq = sa->reserved;
	return rc;
}

/* One section added in both directions is one SA. */
static bool same_sa(const struct sadb_conf *a, const struct sadb_conf *b)
{
	return a->spi == b->spi && ip6_addr_eq(&a->src, &b->src) &&
	       ip6_addr_eq(&a->dst, &b->dst);
}

/* The manual one at the end of a chain of outbound SAs, or NULL. */
static struct sadb_sa *out_manual(struct sadb_sa *sa)
{
	while (sa && sa->peer)
		sa = sa->older;
	return sa;
}

/* Keys of IKE's are random: no manual one is the same. In one direction no two
 * have one key. */
static const struct sadb_sa *find_shared_key(const struct sadb *sadb,
					     const struct sadb_conf *conf)
{
	uint8_t fp[SADB_FP_LEN];
	struct sadb_sa *sa;
	int i;

	fingerprint(fp, conf->key, sizeof(conf->key));
	for (i = 0; i < 2; i++) {
		HASH_FIND(hk, sadb->by_key[i], fp, sizeof(fp), sa);
		if (sa && !same_sa(&sa->conf, conf))
			return sa;
	}
	return NULL;
}

static int check_alg(const struct sadb_conf *conf)
{
	if (esp_alg_available(conf->alg))
		return 0;
	log_err("SA %s: this machine has no %s", conf->name,
		esp_alg_str(conf->alg));
	return -ENOTSUP;
}

static int taken(const struct sadb_conf *conf, const struct sadb_sa *other,
		 const char *what)
{
	log_err("SA %s: SA %s has the same %s", conf->name, other->conf.name,
		what);
	return -EEXIST;
}

static int check_new(struct sadb *sadb, const struct sadb_conf *conf,
		     bool inbound)
{
	const struct sadb_sa *other;
	int rc = check_alg(conf);

	if (rc)
		return rc;
	other = inbound ? sadb_in(sadb, conf->spi) :
		out_manual(out_head(sadb, &conf->src, &conf->dst));
	if (other)
		return taken(conf, other, inbound ? "SPI" : "addresses");
	other = find_shared_key(sadb, conf);
	if (other) {
		log_err("SA %s: SA %s has the same key; each SA needs its own",
			conf->name, other->conf.name);
		return -EKEYREJECTED;
	}
	return 0;
}

static struct sadb_sa *sa_new(const struct sadb_conf *conf, bool inbound,
			      uint32_t peer)
{
	struct sadb_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	sa->conf = *conf;
	sa->inbound = inbound;
	sa->peer = peer;
	sa->esp.spi = conf->spi;
	sa->esp.alg = conf->alg;
	memcpy(sa->esp.key, conf->key, ESP_KEY_LEN);
	return sa;
}

static void sync_later(struct sadb *sadb, struct sadb_sa *sa)
{
	if (sadb->store && !sa->due_prev)
		DL_APPEND2(sadb->due, sa, due_prev, due_next);
}

static void sync_over(struct sadb *sadb, struct sadb_sa *sa)
{
	if (!sa->due_prev)
		return;
	DL_DELETE2(sadb->due, sa, due_prev, due_next);
	sa->due_prev = NULL;
}

/* What is there for manual ones alone; outbound, the first numbers are due. */
static void manual_add(struct sadb *sadb, struct sadb_sa *sa)
{
	fingerprint(sa->key_fp, sa->conf.key, sizeof(sa->conf.key));
	HASH_ADD(hk, sadb->by_key[sa->inbound], key_fp, sizeof(sa->key_fp),
		 sa);
	if (!sa->inbound)
		sync_later(sadb, sa);
}

static void manual_remove(struct sadb *sadb, struct sadb_sa *sa)
{
	HASH_DELETE(hk, sadb->by_key[sa->inbound], sa);
	sync_over(sadb, sa);
}

static void sa_add(struct sadb *sadb, struct sadb_sa *sa)
{
	sa->reply_of = UINT64_MAX;	/* what it was in another sadb */
	if (!sa->peer)
		manual_add(sadb, sa);
	if (sa->inbound)
		HASH_ADD(hh, sadb->in, conf.spi, sizeof(sa->conf.spi), sa);
	else
		out_add(sadb, sa);
}

static int restore(struct sadb *sadb, struct sadb_sa *sa)
{
	set_store_key(sa);
	return sa->inbound ? restore_inbound(sadb, sa) :
		restore_outbound(sadb, sa);
}

int sadb_add(struct sadb *sadb, const struct sadb_conf *conf, bool inbound)
{
	struct sadb_sa *sa;
	int rc = check_new(sadb, conf, inbound);

	if (rc)
		return rc;
	sa = sa_new(conf, inbound, 0);
	if (!sa)
		return -ENOMEM;
	rc = restore(sadb, sa);
	if (rc)
		sa_free(sa);
	else
		sa_add(sadb, sa);
	return rc;
}

/* An SA with this SPI (inbound) or this SPI and these addresses. */
static struct sadb_sa *find_clash(struct sadb *sadb,
				  const struct sadb_conf *conf, bool inbound)
{
	return inbound ? sadb_in(sadb, conf->spi) :
		sadb_out_spi(sadb, &conf->src, &conf->dst, conf->spi);
}

int sadb_add_ike(struct sadb *sadb, const struct sadb_conf *conf, bool inbound,
		 uint32_t peer)
{
	const struct sadb_sa *other = find_clash(sadb, conf, inbound);
	struct sadb_sa *sa;
	int rc = other ? taken(conf, other, "SPI") : check_alg(conf);

	if (rc)
		return rc;
	sa = sa_new(conf, inbound, peer);
	if (!sa)
		return -ENOMEM;
	/* a key of its own that dies with us: all numbers are free */
	sa->reserved = UINT32_MAX;
	sa_add(sadb, sa);
	return 0;
}

void sadb_expire(struct sadb *sadb, struct sadb_sa *sa)
{
	sadb->changes++;
	sa->expired = true;
	esp_fini(&sa->esp);
	sodium_memzero(sa->conf.key, sizeof(sa->conf.key));
}

static void sa_remove(struct sadb *sadb, struct sadb_sa *sa)
{
	if (!sa->peer)
		manual_remove(sadb, sa);
	if (sa->inbound)
		HASH_DEL(sadb->in, sa);
	else
		out_del(sadb, sa);
}

void sadb_del(struct sadb *sadb, struct sadb_sa *sa)
{
	sa_remove(sadb, sa);
	sa_free(sa);
}

static void take(struct sadb *into, struct sadb *from, struct sadb_sa *sa)
{
	const struct sadb_sa *other = find_clash(into, &sa->conf, sa->inbound);

	sa_remove(from, sa);
	if (other) {
		taken(&sa->conf, other, "SPI");
		sa_free(sa);
	} else {
		sa_add(into, sa);
	}
}

/* The oldest first, so that the newest is the newest again. */
static void take_chain(struct sadb *into, struct sadb *from,
		       struct sadb_sa *head)
{
	struct sadb_sa *oldest;

	while (head->peer) {
		oldest = head;
		while (oldest->older && oldest->older->peer)
			oldest = oldest->older;
		take(into, from, oldest);
		if (oldest == head)
			return;
	}
}

void sadb_take_ike(struct sadb *into, struct sadb *from)
{
	struct sadb_sa *sa, *next;

	for (sa = from->in; sa; sa = next) {
		next = sa->hh.next;
		if (sa->peer)
			take(into, from, sa);
	}
	for (sa = from->out; sa; sa = next) {
		next = sa->hh.next;
		take_chain(into, from, sa);
	}
}

static void sync_in_later(struct sadb *sadb, struct sadb_sa *sa)
{
	if (sa->esp.highest - sa->reserved >= INBOUND_SYNC)
		sync_later(sadb, sa);
}

void sadb_take_seen(struct sadb *into, const struct sadb *from)
{
	const struct sadb_sa *old;
	struct sadb_sa *sa;

	for (old = from->in; old; old = old->hh.next) {
		if (old->peer)
			continue;
		HASH_FIND(hk, into->by_key[true], old->key_fp,
			  sizeof(old->key_fp), sa);
		if (!sa || strcmp(sa->store_key, old->store_key))
			continue;
		sa->esp.highest = old->esp.highest;
		memcpy(sa->esp.window, old->esp.window,
		       sizeof(sa->esp.window));
		sync_in_later(into, sa);
	}
}

struct sadb_sa *sadb_in(struct sadb *sadb, uint32_t spi)
{
	struct sadb_sa *sa;

	HASH_FIND(hh, sadb->in, &spi, sizeof(spi), sa);
	return sa;
}

struct sadb_sa *sadb_out(struct sadb *sadb, const struct in6_addr *src,
			 const struct in6_addr *dst)
{
	struct sadb_sa *sa = out_head(sadb, src, dst);

	while (sa && sa->expired)
		sa = sa->older;
	return sa;
}

struct sadb_sa *sadb_out_spi(struct sadb *sadb, const struct in6_addr *src,
			     const struct in6_addr *dst, uint32_t spi)
{
	struct sadb_sa *sa = out_head(sadb, src, dst);

	while (sa && sa->conf.spi != spi)
		sa = sa->older;
	return sa;
}

struct sadb_sa *sadb_reply(struct sadb *sadb, struct sadb_sa *in)
{
	struct sadb_sa *sa = in->reply;

	if (in->reply_of == sadb->changes)
		return sa;
	sa = out_head(sadb, &in->conf.dst, &in->conf.src);
	while (sa && (sa->expired || sa->peer != in->peer))
		sa = sa->older;
	in->reply = sa;
	in->reply_of = sadb->changes;
	return sa;
}

/*
 * A message does not wait for the disk: that is sadb_sync()'s, a little later.
 * A failure weakens replay protection across a restart: told, but the message
 * is taken.
 */
static void store_inbound(struct sadb *sadb, struct sadb_sa *sa)
{
	uint32_t highest = sa->esp.highest;
	int rc;

	if (!sadb->store || sa->peer)
		return;
	if (sadb->batch && !sadb->batch_open)
		sadb->batch_open = !store_begin_soft(sadb->store);
	rc = store_put(sadb->store, sa->store_key, &highest, sizeof(highest),
		       false);
	/* a batch's failure is told at its end */
	if (!sadb->batch_open)
		tell_failing(&sadb->failing, rc, "stored");
	sync_in_later(sadb, sa);
}

void sadb_begin(struct sadb *sadb)
{
	sadb->batch = true;
}

void sadb_commit(struct sadb *sadb)
{
	int rc = sadb->batch_open ? store_commit_soft(sadb->store) : 0;

	if (sadb->batch_open)
		tell_failing(&sadb->failing, rc, "stored");
	sadb->batch = sadb->batch_open = false;
}

bool sadb_sync_due(const struct sadb *sadb)
{
	return sadb->due != NULL;
}

static void sync_in(struct sadb *sadb, struct sadb_sa *sa)
{
	char key[48];

	sa->syncing = sa->esp.highest;
	synced_key(sa, key);
	store_put(sadb->store, key, &sa->syncing, sizeof(sa->syncing), true);
}

static void sync_out(struct sadb *sadb, struct sadb_sa *sa, mtime now)
{
	sa->syncing = is_low(sa) ? next_end(sa, now) : 0;
	if (sa->syncing)
		store_put(sadb->store, sa->store_key, &sa->syncing,
			  sizeof(sa->syncing), true);
}

/* Into the store's transaction, which tells what failed. */
static void sync_put(struct sadb *sadb, mtime now)
{
	struct sadb_sa *sa;

	DL_FOREACH2(sadb->due, sa, due_next) {
		if (sa->inbound)
			sync_in(sadb, sa);
		else
			sync_out(sadb, sa, now);
	}
}

static void sync_done(struct sadb *sadb, mtime now)
{
	struct sadb_sa *sa, *next;

	DL_FOREACH_SAFE2(sadb->due, sa, next, due_next) {
		if (sa->inbound)
			sa->reserved = sa->syncing;
		else if (sa->syncing)
			set_reserved(sa, sa->syncing, now);
		sync_over(sadb, sa);
	}
}

/*
 * All in one go: the disk is asked once. Where it fails, numbers that were not
 * reserved are when they are needed, or are not used.
 */
void sadb_sync(struct sadb *sadb)
{
	mtime now = loop_now();
	int rc;

	if (!sadb->due)
		return;
	rc = store_begin(sadb->store);
	if (!rc) {
		sync_put(sadb, now);
		rc = store_commit(sadb->store);
	}
	tell_failing(&sadb->disk_failing, rc, "on disk");
	if (!rc)
		sync_done(sadb, now);
}

/* RFC 6275 5.1 and 5.4: what goes between a HoA and its home agent. Which
 * ICMPv6 messages is for the caller to see. */
static bool is_protected(uint8_t proto)
{
	return proto == IP6_PROTO_MH || proto == IP6_PROTO_ICMPV6;
}

static enum reason check_opened(const struct sadb_sa *sa,
				const struct ip6_pkt *pkt, uint8_t next_header)
{
	if (!ip6_addr_eq(&sa->conf.src, ip6_home_src(pkt)) ||
	    !ip6_addr_eq(&sa->conf.dst, ip6_final_dst(pkt)))
		return REASON_ESP_SELECTOR;
	if (!is_protected(next_header))
		return REASON_ESP_NEXT_HEADER;
	if (sa->conf.mh_only && next_header != IP6_PROTO_MH)
		return REASON_ESP_SELECTOR;
	return REASON_NONE;
}

enum reason sadb_open(struct sadb *sadb, const struct ip6_pkt *pkt,
		      uint8_t *out, size_t cap, size_t *out_len,
		      uint8_t *proto, struct sadb_sa **sa)
{
	uint32_t spi = esp_spi(pkt->upper, pkt->upper_len);
	enum reason reason;

	*out_len = 0;
	*sa = NULL;
	if (!spi)
		return REASON_ESP_TRUNCATED;
	*sa = sadb_in(sadb, spi);
	if (!*sa)
		return REASON_ESP_UNKNOWN_SPI;
	if ((*sa)->expired)
		return REASON_ESP_EXPIRED;
	reason = esp_open(&(*sa)->esp, out, cap, out_len, proto, NULL,
			  pkt->upper, pkt->upper_len);
	if (reason) {
		*out_len = 0;
		return reason;
	}
	(*sa)->packets++;
	store_inbound(sadb, *sa);
	reason = check_opened(*sa, pkt, *proto);
	if (reason) {
		sodium_memzero(out, *out_len);
		*out_len = 0;
	}
	return reason;
}

ssize_t sadb_seal(struct sadb *sadb, struct sadb_sa *sa, uint8_t *out,
		  size_t cap, uint8_t proto, const uint8_t *p, size_t len)
{
	ssize_t n;

	if (!sa || sa->inbound)
		return -ENOENT;
	if (sa->conf.mh_only && proto != IP6_PROTO_MH)
		return -EPROTONOSUPPORT;
	if (sa->expired)
		return -EKEYEXPIRED;
	if (sa->esp.seq == UINT32_MAX)
		return -EOVERFLOW;
	if (sa->esp.seq >= sa->reserved && reserve(sadb, sa))
		return -EIO;
	n = esp_seal(&sa->esp, out, cap, proto, p, len);
	if (n > 0)
		sa->packets++;
	if (is_low(sa))
		sync_later(sadb, sa);
	return n;
}

void sadb_each(struct sadb *sadb,
	       void (*fn)(void *arg, struct sadb_sa *sa), void *arg)
{
	struct sadb_sa *head, *sa;

	for (sa = sadb->in; sa; sa = sa->hh.next)
		fn(arg, sa);
	for (head = sadb->out; head; head = head->hh.next)
		for (sa = head; sa; sa = sa->older)
			fn(arg, sa);
}

static void add_string(struct json_object *o, const char *key, const char *v)
{
	json_object_object_add(o, key, json_object_new_string(v));
}

static void add_json(void *arg, struct sadb_sa *sa)
{
	struct json_object *list = arg, *o = json_object_new_object();

	add_string(o, "name", sa->conf.name);
	add_string(o, "direction", sa->inbound ? "in" : "out");
	json_object_object_add(o, "spi", json_object_new_int64(sa->conf.spi));
	add_string(o, "src", ip6_str(&sa->conf.src));
	add_string(o, "dst", ip6_str(&sa->conf.dst));
	add_string(o, "algorithm", esp_alg_str(sa->conf.alg));
	add_string(o, "identity", sa->conf.identity);
	add_string(o, "made", sa->peer ? "ike" : "manual");
	json_object_object_add(o, "icmpv6",
			       json_object_new_boolean(!sa->conf.mh_only));
	json_object_object_add(o, "expired",
			       json_object_new_boolean(sa->expired));
	json_object_object_add(o, "packets",
			       json_object_new_uint64(sa->packets));
	json_object_object_add(o, "seq", json_object_new_int64(
			sa->inbound ? sa->esp.highest : sa->esp.seq));
	json_object_array_add(list, o);
}

struct json_object *sadb_json(struct sadb *sadb)
{
	struct json_object *out = json_object_new_object();
	struct json_object *list = json_object_new_array();

	sadb_each(sadb, add_json, list);
	json_object_object_add(out, "sas", list);
	return out;
}
