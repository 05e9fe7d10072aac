/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/keys.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"

enum {
	TOMBSTONE = 30,		/* s that an expired SA's refusals are told */
	RETIRE = 5,		/* s that a replaced IKE SA stays: what was sent
				 * under the old ESP SAs arrives in that time */
	RETRY_MIN = 1,		/* s */
	RETRIES = 20,		/* in the lifetime of an ESP SA */
	RECHECK = 3600,		/* s between looks at peers' certificates */
};

/* keys_find() looks up by both addresses at once. */
_Static_assert(offsetof(struct keys_peer, ha) ==
	       offsetof(struct keys_peer, hoa) + sizeof(struct in6_addr),
	       "hoa and ha are one key");

struct keys {
	struct loop *loop;
	struct sadb *sadb;
	const struct ike_conf *conf;
	const struct keys_ops *ops;
	void *arg;
	struct ike *ike;
	bool hold;
	struct timer recheck;
	struct keys_peer *peers;	/* by id */
	struct keys_peer *pairs;	/* by hoa and ha: the newest up, which
					 * leads to the older ones */
};

/* An ESP SA, one direction. The SADB may lack it: see in_sadb(). */
struct keys_sa {
	struct keys_sa *next;		/* older */
	struct keys_peer *p;
	uint32_t spi;
	bool inbound, expired;
	struct timer timer;		/* hard lifetime, then the tombstone's */
	mtime hard;			/* the hard lifetime ends */
	mtime soft;			/* inbound: rekeying is tried next */
	uint64_t packets;		/* inbound: at the last look */
};

static const char *name(const struct keys_peer *p)
{
	static char text[2 * INET6_ADDRSTRLEN + 16];

	snprintf(text, sizeof(text), "HoA %s, HA %s", ip6_str(&p->hoa),
		 ip6_str(&p->ha));
	return text;
}

static struct keys_peer *find(struct keys *keys, uint32_t id)
{
	struct keys_peer *p;

	HASH_FIND(hh, keys->peers, &id, sizeof(id), p);
	return p;
}

struct keys_peer *keys_find(struct keys *keys, const struct in6_addr *hoa,
			    const struct in6_addr *ha)
{
	const struct in6_addr key[2] = { *hoa, *ha };
	struct keys_peer *p;

	HASH_FIND(hh_pair, keys->pairs, key, sizeof(key), p);
	return p;
}

void keys_each(struct keys *keys,
	       void (*fn)(void *arg, struct keys_peer *p), void *arg)
{
	struct keys_peer *p, *tmp;

	HASH_ITER(hh, keys->peers, p, tmp)
		fn(arg, p);
}

static void pair_add_head(struct keys *keys, struct keys_peer *p)
{
	HASH_ADD(hh_pair, keys->pairs, hoa, 2 * sizeof(p->hoa), p);
}

static void pair_add(struct keys_peer *p)
{
	struct keys *keys = p->keys;

	p->older = keys_find(keys, &p->hoa, &p->ha);
	if (p->older)
		HASH_DELETE(hh_pair, keys->pairs, p->older);
	pair_add_head(keys, p);
}

/* Does no harm where it is not there. */
static void pair_del(struct keys_peer *p)
{
	struct keys_peer *head = keys_find(p->keys, &p->hoa, &p->ha);

	if (head == p) {
		HASH_DELETE(hh_pair, p->keys->pairs, p);
		if (p->older)
			pair_add_head(p->keys, p->older);
		return;
	}
	while (head && head->older != p)
		head = head->older;
	if (head)
		head->older = p->older;
}

static mtime part(mtime whole, double by)
{
	return (mtime){(int64_t)((double)whole.ns * by)};
}

static mtime earlier(mtime a, mtime b)
{
	return mtime_before(b, a) ? b : a;
}

/* Expired or not. */
static struct keys_sa *newest(const struct keys_peer *p, bool inbound)
{
	struct keys_sa *sa = p->sas;

	while (sa && sa->inbound != inbound)
		sa = sa->next;
	return sa;
}

static bool is_living(const struct keys_peer *p)
{
	const struct keys_sa *sa;

	for (sa = p->sas; sa; sa = sa->next)
		if (sa->inbound && !sa->expired)
			return true;
	return false;
}

static mtime ike_due(const struct keys_peer *p)
{
	mtime lifetime = p->keys->conf->ike_lifetime;

	/* RFC 7296 2.8: each end rekeys by itself; ours is before theirs */
	return mtime_add(p->keyed, p->peer.initiator ? lifetime :
			 part(lifetime, 1.1));
}

static mtime probe_due(const struct keys_peer *p)
{
	return mtime_add(p->heard, p->keys->conf->dpd);
}

/*
 * Timers follow from state: this is the only place that sets a peer's. What
 * was replaced or ended is left alone until it goes.
 */
static void plan(struct keys_peer *p)
{
	struct timers *timers = &p->keys->loop->timers;
	const struct keys_sa *sa = newest(p, true);
	mtime at = ike_due(p);

	if (sa)
		at = earlier(at, sa->soft);
	if (p->keys->conf->dpd.ns)
		at = earlier(at, probe_due(p));
	if (p->retire.ns)
		at = p->retire;
	else if (!p->up || p->keys->hold)
		at.ns = 0;
	if (p->ending || !at.ns)
		timers_del(timers, &p->timer);
	else if (timers_set(timers, &p->timer, at))
		log_err("%s: IKE: out of memory: is not rekeyed", name(p));
}

/* Our own SA in the SADB, which may have dropped it (sadb_take_ike()). */
static struct sadb_sa *in_sadb(const struct keys_sa *sa)
{
	const struct keys_peer *p = sa->p;
	bool to_ha = p->peer.initiator != sa->inbound;
	struct sadb_sa *found;

	if (sa->inbound)
		found = sadb_in(p->keys->sadb, sa->spi);
	else
		found = sadb_out_spi(p->keys->sadb, to_ha ? &p->hoa : &p->ha,
				     to_ha ? &p->ha : &p->hoa, sa->spi);
	return found && found->peer == p->peer.id ? found : NULL;
}

/* Wipes the key, and nobody knows of it any more. */
static void sa_del(struct keys_sa *sa)
{
	struct keys *keys = sa->p->keys;
	struct sadb_sa *known = in_sadb(sa);
	struct keys_sa **at = &sa->p->sas;

	if (known) {
		sadb_del(keys->sadb, known);
		if (sa->inbound)
			keys->ops->spi_del(keys->arg, sa->spi);
	}
	timers_del(&keys->loop->timers, &sa->timer);
	while (*at != sa)
		at = &(*at)->next;
	*at = sa->next;
	free(sa);
}

/* An answer by down() follows. */
static void end(struct keys_peer *p, bool told)
{
	if (p->ending)
		return;
	p->ending = true;
	pair_del(p);
	while (p->sas)	/* the peer may take its time, or not answer */
		sa_del(p->sas);
	plan(p);
	ike_end(p->keys->ike, p->peer.id, told);
}

static void peer_free(struct keys_peer *p)
{
	pair_del(p);
	while (p->sas)
		sa_del(p->sas);
	timers_del(&p->keys->loop->timers, &p->timer);
	HASH_DEL(p->keys->peers, p);
	free(p);
}

static void sa_expire(struct keys_sa *sa, mtime now)
{
	struct timers *timers = &sa->p->keys->loop->timers;
	struct sadb_sa *known = in_sadb(sa);

	sa->expired = true;
	if (sa->inbound)
		log_at(is_living(sa->p) ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
		       "%s: ESP SA with SPI 0x%08x has expired", name(sa->p),
		       sa->spi);
	if (known)
		sadb_expire(sa->p->keys->sadb, known);
	/* cannot fail: the heap has just lost this one */
	timers_set(timers, &sa->timer, mtime_add(now, MTIME_SEC(TOMBSTONE)));
}

static void on_sa_timer(struct timer *timer, mtime now)
{
	struct keys_sa *sa = (struct keys_sa *)
		((char *)timer - offsetof(struct keys_sa, timer));
	struct keys_peer *p = sa->p;

	if (!sa->expired) {
		sa_expire(sa, now);
		return;
	}
	sa_del(sa);
	plan(p);
	if (!is_living(p))
		end(p, true);
}

/* The responder comes later, and only where the initiator did not. */
static mtime soft_time(const struct keys_peer *p)
{
	double jitter = randombytes_uniform(1 << 16) / (double)(1 << 16);

	return part(p->keys->conf->sa_lifetime, p->peer.initiator ?
		    0.70 + 0.10 * jitter : 0.90 + 0.05 * jitter);
}

static mtime retry_time(const struct keys *keys)
{
	mtime retry = { keys->conf->sa_lifetime.ns / RETRIES };

	return mtime_before(retry, MTIME_SEC(RETRY_MIN)) ?
		MTIME_SEC(RETRY_MIN) : retry;
}

/* A packet that came since the last look is as good as an answer. */
static bool has_spoken(struct keys_peer *p)
{
	const struct sadb_sa *known;
	struct keys_sa *sa;
	bool spoken = false;

	for (sa = p->sas; sa; sa = sa->next) {
		known = sa->inbound ? in_sadb(sa) : NULL;
		if (!known || known->packets == sa->packets)
			continue;
		sa->packets = known->packets;
		spoken = true;
	}
	return spoken;
}

static void probe(struct keys_peer *p, mtime now)
{
	p->heard = now;
	if (!has_spoken(p))
		ike_probe(p->keys->ike, p->peer.id);
}

static void run_due(struct keys_peer *p, mtime now)
{
	struct keys *keys = p->keys;
	struct keys_sa *sa = newest(p, true);

	if (sa && !mtime_before(now, sa->soft)) {
		sa->soft = mtime_add(now, retry_time(keys));
		ike_rekey_esp(keys->ike, p->peer.id, sa->spi);
	}
	if (!mtime_before(now, ike_due(p))) {
		p->keyed = now;		/* libcharon tries again by itself */
		ike_rekey_ike(keys->ike, p->peer.id);
	}
	if (keys->conf->dpd.ns && !mtime_before(now, probe_due(p)))
		probe(p, now);
}

static void on_peer_timer(struct timer *timer, mtime now)
{
	struct keys_peer *p = (struct keys_peer *)
		((char *)timer - offsetof(struct keys_peer, timer));

	if (p->retire.ns) {
		end(p, false);
	} else {
		run_due(p, now);
		plan(p);
	}
}

static struct keys_peer *peer_new(struct keys *keys,
				  const struct ike_peer *peer, mtime now)
{
	struct keys_peer *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->keys = keys;
	p->peer = *peer;
	p->since = p->keyed = p->heard = now;
	p->timer.fn = on_peer_timer;
	HASH_ADD(hh, keys->peers, peer.id, sizeof(p->peer.id), p);
	return p;
}

/*
 * RFC 7296 2.18: who rekeys an IKE SA is the initiator of the new one. Which
 * of us is the home agent does not change by that. Once it is up, addresses
 * are what keys_move() and moved() say: other calls may be older than those.
 */
static void set_peer(struct keys_peer *p, const struct ike_peer *peer)
{
	bool initiator = p->peer.initiator;

	p->peer = *peer;
	p->peer.initiator = initiator;
}

/* RFC 4877 3: one IKE SA is for one home address at one home agent. */
static bool set_pair(struct keys_peer *p, const struct ike_sa *sa)
{
	bool to_ha = p->peer.initiator != sa->inbound;
	const struct in6_addr *hoa = to_ha ? &sa->src : &sa->dst;
	const struct in6_addr *ha = to_ha ? &sa->dst : &sa->src;

	if (IN6_IS_ADDR_UNSPECIFIED(&p->hoa)) {
		p->hoa = *hoa;
		p->ha = *ha;
	}
	return ip6_addr_eq(&p->hoa, hoa) && ip6_addr_eq(&p->ha, ha);
}

static int to_sadb(struct keys_peer *p, const struct ike_sa *sa)
{
	struct keys *keys = p->keys;
	struct sadb_conf conf = {
		.spi = sa->spi,
		.src = sa->src,
		.dst = sa->dst,
		.alg = sa->alg,
		.mh_only = sa->mh_only,
	};
	int err;

	snprintf(conf.name, sizeof(conf.name), "ike-%u", p->peer.id);
	snprintf(conf.identity, sizeof(conf.identity), "%s",
		 p->peer.identity);
	memcpy(conf.key, sa->key, sizeof(conf.key));
	err = sadb_add_ike(keys->sadb, &conf, sa->inbound, p->peer.id);
	sodium_memzero(conf.key, sizeof(conf.key));
	if (err || !sa->inbound)
		return err;
	err = keys->ops->spi_add(keys->arg, sa->spi);
	if (err)
		sadb_del(keys->sadb, sadb_in(keys->sadb, sa->spi));
	return err;
}

static int sa_add(struct keys_peer *p, const struct ike_sa *sa, mtime now)
{
	struct keys_sa *known = calloc(1, sizeof(*known));
	int err = known ? to_sadb(p, sa) : -ENOMEM;

	if (err) {
		free(known);
		return err;
	}
	known->p = p;
	known->spi = sa->spi;
	known->inbound = sa->inbound;
	known->timer.fn = on_sa_timer;
	known->hard = mtime_add(now, p->keys->conf->sa_lifetime);
	known->soft = mtime_add(now, soft_time(p));
	known->next = p->sas;
	p->sas = known;
	err = timers_set(&p->keys->loop->timers, &known->timer, known->hard);
	if (err)
		sa_del(known);	/* none lives for ever */
	return err;
}

/* An IKE SA whose ESP SAs cannot be used serves nobody. */
static void give_up(struct keys_peer *p, int err)
{
	p->failed = REASON_IKE_LOCAL;
	count_refusal(p->failed, "IKE for %s: ESP SA of '%s': %s",
		      name(p), p->peer.identity, strerror(-err));
	end(p, true);
}

static void on_sa_add(void *arg, const struct ike_peer *peer,
		      const struct ike_sa *sa)
{
	struct keys *keys = arg;
	struct keys_peer *p = find(keys, peer->id);
	mtime now = loop_now();
	int err;

	if (!p)
		p = peer_new(keys, peer, now);
	if (!p) {
		log_err("IKE with '%s': out of memory", peer->identity);
		ike_end(keys->ike, peer->id, true);
		return;
	}
	if (!p->up)
		set_peer(p, peer);
	err = set_pair(p, sa) ? sa_add(p, sa, now) : -EADDRNOTAVAIL;
	if (err) {
		give_up(p, err);
		return;
	}
	if (p->up && sa->inbound) {
		count(COUNT_ESP_REKEYED);
		log_info("%s: ESP SAs are rekeyed with %s", name(p),
			 p->peer.identity);
	}
	p->heard = now;
	plan(p);
}

static void on_sa_del(void *arg, const struct ike_peer *peer,
		      const struct ike_sa *sa)
{
	struct keys *keys = arg;
	struct keys_peer *p = find(keys, peer->id);
	struct keys_sa *known = p ? p->sas : NULL;

	while (known && (known->spi != sa->spi ||
			 known->inbound != sa->inbound))
		known = known->next;
	if (!known)
		return;		/* a tombstone that has gone */
	sa_del(known);
	plan(p);
}

/*
 * There may be several for one home address at one home agent: a peer that
 * lost its state begins anew, and the old one would wait for a probe. Where
 * another identity has the address now, the old one's ESP SAs go at once.
 */
static void replace(struct keys_peer *p, mtime now)
{
	struct keys_peer *old, *next;

	for (old = p->older; old; old = next) {
		next = old->older;
		if (strcmp(old->peer.identity, p->peer.identity)) {
			log_warn("%s: was of %s, now is of %s", name(p),
				 old->peer.identity, p->peer.identity);
			while (old->sas)
				sa_del(old->sas);
			end(old, true);
		} else if (!old->retire.ns) {
			old->retire = mtime_add(now, MTIME_SEC(RETIRE));
			plan(old);
		}
	}
}

static void on_up(void *arg, const struct ike_peer *peer)
{
	struct keys *keys = arg;
	struct keys_peer *p = find(keys, peer->id);
	mtime now = loop_now();

	if (!p || p->ending || p->up)
		return;
	set_peer(p, peer);
	p->up = true;
	p->since = p->keyed = p->heard = now;
	pair_add(p);
	count(COUNT_IKE_UP);
	log_info("%s: IKE is up with %s at %s, from %s", name(p),
		 p->peer.identity, ip6_str(&p->peer.remote),
		 ip6_str(&p->peer.local));
	replace(p, now);
	plan(p);
	keys->ops->up(keys->arg, p);
}

static void tell_down(const struct keys_peer *p, enum reason why)
{
	if (p->up) {
		count(COUNT_IKE_DOWN);
		log_info("%s: IKE with %s at %s, from %s, is down%s%s",
			 name(p), p->peer.identity, ip6_str(&p->peer.remote),
			 ip6_str(&p->peer.local), why ? ": " : "",
			 why ? reason_text(why) : "");
	}
	/* what a responder refuses has been counted where it was refused */
	if (why && p->peer.initiator)
		count_refusal(why, "IKE for %s, with %s from %s", name(p),
			      ip6_str(&p->peer.remote),
			      ip6_str(&p->peer.local));
}

static void on_down(void *arg, const struct ike_peer *peer, enum reason why)
{
	struct keys *keys = arg;
	struct keys_peer *p = find(keys, peer->id);

	if (!p)
		return;
	tell_down(p, why);
	p->ending = true;
	pair_del(p);
	while (p->sas)
		sa_del(p->sas);
	keys->ops->down(keys->arg, p, why ? why : p->failed);
	peer_free(p);
}

static void on_moved(void *arg, const struct ike_peer *peer)
{
	struct keys *keys = arg;
	struct keys_peer *p = find(keys, peer->id);

	if (!p)
		return;
	set_peer(p, peer);
	p->heard = loop_now();
	log_info("%s: IKE with %s is at %s now, from %s", name(p),
		 p->peer.identity, ip6_str(&p->peer.remote),
		 ip6_str(&p->peer.local));
	plan(p);
}

static void on_rekeyed(void *arg, const struct ike_peer *peer)
{
	struct keys *keys = arg;
	struct keys_peer *p = find(keys, peer->id);

	if (!p)
		return;
	p->keyed = p->heard = loop_now();
	count(COUNT_IKE_REKEYED);
	log_info("%s: IKE SA is rekeyed with %s", name(p), p->peer.identity);
	plan(p);
}

static enum reason on_authorize(void *arg, const struct ike_peer *peer,
				const struct in6_addr *hoa,
				const struct in6_addr *ha)
{
	struct keys *keys = arg;

	return keys->ops->authorize ?
		keys->ops->authorize(keys->arg, peer, hoa, ha) :
		REASON_IKE_ID_DENIED;
}

static enum reason on_assign(void *arg, const struct ike_peer *peer,
			     struct in6_addr *hoa)
{
	struct keys *keys = arg;

	return keys->ops->assign ? keys->ops->assign(keys->arg, peer, hoa) :
				   REASON_IKE_LOCAL;
}

static const struct ike_ops ike_ops = {
	.authorize = on_authorize,
	.assign = on_assign,
	.sa_add = on_sa_add,
	.sa_del = on_sa_del,
	.up = on_up,
	.down = on_down,
	.moved = on_moved,
	.rekeyed = on_rekeyed,
};

static void on_recheck(struct timer *timer, mtime now)
{
	struct keys *keys = (struct keys *)
		((char *)timer - offsetof(struct keys, recheck));

	ike_recheck(keys->ike);
	timers_set(&keys->loop->timers, timer,
		   mtime_add(now, MTIME_SEC(RECHECK)));
}

int keys_open(struct keys **out, struct loop *loop, struct sadb *sadb,
	      const struct ike_conf *conf, const struct ike_responder *resp,
	      const struct keys_ops *ops, void *arg)
{
	struct keys *keys = calloc(1, sizeof(*keys));
	int err;

	if (!keys)
		return -ENOMEM;
	keys->loop = loop;
	keys->sadb = sadb;
	keys->conf = conf;
	keys->ops = ops;
	keys->arg = arg;
	keys->recheck.fn = on_recheck;
	err = ike_open(&keys->ike, loop, conf, resp, &ike_ops, keys);
	if (err)
		free(keys);
	else
		*out = keys;
	return err;
}

int keys_start(struct keys *keys)
{
	int err = ike_start(keys->ike);

	if (!err)
		err = timers_set(&keys->loop->timers, &keys->recheck,
				 mtime_add(loop_now(), MTIME_SEC(RECHECK)));
	return err;
}

void keys_close(struct keys *keys)
{
	if (!keys)
		return;
	timers_del(&keys->loop->timers, &keys->recheck);
	ike_close(keys->ike);
	while (keys->peers)
		peer_free(keys->peers);
	free(keys);
}

void keys_set_sadb(struct keys *keys, struct sadb *sadb)
{
	sadb_take_ike(sadb, keys->sadb);
	keys->sadb = sadb;
}

int keys_reload_crls(struct keys *keys, const struct ike_list *crls)
{
	return ike_reload_crls(keys->ike, crls);
}

uint32_t keys_initiate(struct keys *keys, const struct in6_addr *local,
		       const struct in6_addr *hoa, const struct in6_addr *ha)
{
	struct ike_peer peer = {
		.id = ike_initiate(keys->ike, local, hoa, ha),
		.initiator = true,
		.local = *local,
		.remote = *ha,
	};
	struct keys_peer *p;

	if (!peer.id)
		return 0;
	p = peer_new(keys, &peer, loop_now());
	if (!p) {
		ike_end(keys->ike, peer.id, true);
		return 0;
	}
	p->hoa = *hoa;
	p->ha = *ha;
	log_debug("%s: IKE is begun from %s", name(p), ip6_str(local));
	return peer.id;
}

void keys_end(struct keys *keys, const struct keys_peer *p, bool told)
{
	struct keys_peer *own = find(keys, p->peer.id);

	if (own)
		end(own, told);
}

void keys_move(struct keys *keys, struct keys_peer *p,
	       const struct in6_addr *local, const struct in6_addr *remote)
{
	if ((!local || ip6_addr_eq(local, &p->peer.local)) &&
	    (!remote || ip6_addr_eq(remote, &p->peer.remote)))
		return;
	if (local)
		p->peer.local = *local;
	if (remote)
		p->peer.remote = *remote;
	log_debug("%s: IKE goes from %s to %s, untold", name(p),
		  ip6_str(&p->peer.local), ip6_str(&p->peer.remote));
	ike_move(keys->ike, p->peer.id, local, remote);
}

void keys_move_told(struct keys *keys, struct keys_peer *p,
		    const struct in6_addr *local)
{
	if (ip6_addr_eq(local, &p->peer.local))
		return;
	p->peer.local = *local;
	log_debug("%s: IKE goes from %s, told", name(p), ip6_str(local));
	ike_move_told(keys->ike, p->peer.id, local);
}

void keys_hold(struct keys *keys, bool hold)
{
	struct keys_peer *p;

	if (keys->hold == hold)
		return;
	keys->hold = hold;
	for (p = keys->peers; p; p = p->hh.next)
		plan(p);
}

static void add_string(struct json_object *o, const char *key, const char *v)
{
	json_object_object_add(o, key, json_object_new_string(v));
}

static const char *state(const struct keys_peer *p)
{
	if (p->ending)
		return "ending";
	if (p->retire.ns)
		return "replaced";
	return p->up ? "up" : "connecting";
}

static void add_spi(struct json_object *o, const char *key,
		    const struct keys_sa *sa)
{
	json_object_object_add(o, key, sa ?
			       json_object_new_int64(sa->spi) : NULL);
}

static struct json_object *peer_json(const struct keys_peer *p, mtime now)
{
	struct json_object *o = json_object_new_object();
	const struct keys_sa *in = newest(p, true);

	json_object_object_add(o, "id", json_object_new_int64(p->peer.id));
	add_string(o, "identity", p->peer.identity);
	add_string(o, "local", ip6_str(&p->peer.local));
	add_string(o, "remote", ip6_str(&p->peer.remote));
	add_string(o, "hoa", ip6_str(&p->hoa));
	add_string(o, "ha", ip6_str(&p->ha));
	json_object_object_add(o, "initiator",
			       json_object_new_boolean(p->peer.initiator));
	add_string(o, "state", state(p));
	json_object_object_add(o, "age_s", json_object_new_int64(
			mtime_sec(mtime_sub(now, p->since))));
	add_spi(o, "spi_in", in);
	add_spi(o, "spi_out", newest(p, false));
	json_object_object_add(o, "expires_s", in ? json_object_new_int64(
			mtime_sec(mtime_sub(in->hard, now))) : NULL);
	return o;
}

struct json_object *keys_json(struct keys *keys)
{
	struct json_object *out = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct keys_peer *p;
	mtime now = loop_now();

	for (p = keys->peers; p; p = p->hh.next)
		json_object_array_add(list, peer_json(p, now));
	json_object_object_add(out, "ike", list);
	json_object_object_add(out, "threads",
			       json_object_new_int64(
				       ike_threads(keys->ike)));
	return out;
}
