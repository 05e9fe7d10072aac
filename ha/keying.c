/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/keying.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/count.h"
#include "core/ctl.h"
#include "core/log.h"
#include "core/store.h"
#include "ha/hostlink.h"
#include "ha/kern.h"

enum {
	WRITE_DELAY = 20,	/* ms: many that come at once cost one sync */
	WRITE_RETRY = 10,	/* s, where the disk fails */
	QUEUE_MIN = 64,
	OWNERS_PER_BINDING = 2,	/* hosts at home own an address too */
	CLOCK_SANE = 1735689600,	/* 2025: before, the clock is not set */
};

/* Some 95 years: more would not fit into an mtime. */
static const int64_t age_max = 3000000000;

/* "owner/ADDRESS" in the store. */
struct record {
	int64_t since, seen;	/* s, since 1970 */
	char identity[OWNER_ID_LEN];
};

static const char record_prefix[] = "owner/";

enum { RECORD_KEY_LEN = sizeof(record_prefix) + INET6_ADDRSTRLEN };

/* To the disk. */

static void record_key(char out[RECORD_KEY_LEN], const struct in6_addr *hoa)
{
	snprintf(out, RECORD_KEY_LEN, "%s%s", record_prefix, ip6_str(hoa));
}

static int64_t walltime_of(mtime t)
{
	return (int64_t)loop_walltime() - mtime_sec(mtime_sub(loop_now(), t));
}

static int write_one(struct keying *kg, const struct in6_addr *hoa)
{
	const struct owner *o = owners_find(&kg->owners, hoa);
	struct record r = {0};
	char key[RECORD_KEY_LEN];
	int err;

	record_key(key, hoa);
	if (!o || o->configured) {
		err = store_del(kg->k->store, key);
		return err == -ENOENT ? 0 : err;
	}
	r.since = walltime_of(o->since);
	r.seen = walltime_of(o->seen);
	strcpy(r.identity, o->identity);
	return store_put(kg->k->store, key, &r, sizeof(r), true);
}

static int write_all(struct keying *kg)
{
	size_t i;
	int err = store_begin(kg->k->store), end;

	if (err < 0)
		return err;
	for (i = 0; i < kg->n_queue && !err; i++)
		err = write_one(kg, &kg->queue[i]);
	end = store_commit(kg->k->store);
	return err ? err : end;
}

static void queue_write(struct keying *kg)
{
	struct owner *o;
	size_t i;
	int err = kg->n_queue ? write_all(kg) : 0;

	if (err < 0) {
		log_err("owners: %zu are not on disk: %s", kg->n_queue,
			strerror(-err));
		timers_set(&kg->k->loop->timers, &kg->write_timer,
			   mtime_add(loop_now(), MTIME_SEC(WRITE_RETRY)));
		return;
	}
	for (i = 0; i < kg->n_queue; i++) {
		o = owners_find(&kg->owners, &kg->queue[i]);
		if (o)
			o->dirty = false;
	}
	kg->n_queue = 0;
}

static void write_on_timer(struct timer *timer, mtime now)
{
	struct keying *kg = (struct keying *)
		((char *)timer - offsetof(struct keying, write_timer));

	(void)now;
	queue_write(kg);
}

static bool queue_grow(struct keying *kg)
{
	size_t cap = kg->cap_queue ? 2 * kg->cap_queue : QUEUE_MIN;
	struct in6_addr *grown;

	if (kg->n_queue < kg->cap_queue)
		return true;
	grown = reallocarray(kg->queue, cap, sizeof(*grown));
	if (!grown)
		return false;
	kg->queue = grown;
	kg->cap_queue = cap;
	return true;
}

static void queue_add(struct keying *kg, const struct in6_addr *hoa)
{
	if (!queue_grow(kg))
		queue_write(kg);	/* makes room */
	if (kg->n_queue == kg->cap_queue) {
		log_err("owner of HoA %s: not written: out of memory",
			ip6_str(hoa));
		return;
	}
	kg->queue[kg->n_queue++] = *hoa;
	if (!timer_armed(&kg->write_timer))
		timers_set(&kg->k->loop->timers, &kg->write_timer,
			   mtime_add(loop_now(), MTIME_MS(WRITE_DELAY)));
}

/* From the disk. */

struct restore {
	struct keying *kg;
	int64_t wall;
	mtime now;
	unsigned int kept, dropped;
};

/*
 * The clock may have been set meanwhile: what lies in the future, or is from
 * when the clock was not set, counts as seen just now. Rather a lease too
 * long than a host that is away and cannot come back.
 */
static int64_t age_of(const struct restore *r, int64_t then)
{
	int64_t age;

	if (then < CLOCK_SANE || then > r->wall)
		return 0;
	age = r->wall - then;
	return age > age_max ? age_max : age;
}

static int restore_record(struct restore *r, const struct in6_addr *hoa,
			  const struct record *record)
{
	int64_t seen = age_of(r, record->seen);
	int64_t since = age_of(r, record->since);

	if (since < seen)
		since = seen;
	return owners_restore(&r->kg->owners, hoa, record->identity,
			      mtime_sub(r->now, MTIME_SEC(since)),
			      mtime_sub(r->now, MTIME_SEC(seen)), r->now);
}

static void restore_one(void *arg, const char *key, const void *val,
			size_t len)
{
	struct restore *r = arg;
	struct in6_addr hoa;
	struct record record;
	int err = -EINVAL;

	if (inet_pton(AF_INET6, key + strlen(record_prefix), &hoa) != 1)
		return;
	if (len == sizeof(record)) {
		memcpy(&record, val, sizeof(record));
		record.identity[sizeof(record.identity) - 1] = 0;
		err = bcache_prefix(&r->kg->k->bcache, &hoa) ?
			restore_record(r, &hoa, &record) : -EADDRNOTAVAIL;
	}
	r->kept += !err;
	r->dropped += err < 0;
	if (!err)
		return;
	log_info("owner of HoA %s: not restored: %s", ip6_str(&hoa),
		 err == -ETIME ? "its lease is over" : strerror(-err));
	queue_add(r->kg, &hoa);
}

static int restore_all(struct keying *kg)
{
	struct restore r = {
		.kg = kg,
		.wall = (int64_t)loop_walltime(),
		.now = loop_now(),
	};
	int err = store_each(kg->k->store, record_prefix, restore_one, &r);

	if (err < 0)
		log_err("owners: cannot be read: %s", strerror(-err));
	else if (r.kept || r.dropped)
		log_info("owners: %u restored, %u dropped", r.kept, r.dropped);
	return err;
}

/* The owner table's verbs. */

bool keying_in_use(struct keying *kg, const struct in6_addr *hoa)
{
	const struct ha_conf *conf = kg->k->conf;
	struct binding b;
	size_t i;

	if (bcache_find_bound(&kg->k->bcache, hoa, &b))
		return true;
	for (i = 0; i < conf->addrs.n && kg->keys; i++)
		if (keys_find(kg->keys, hoa, &conf->addrs.v[i]))
			return true;
	return false;
}

static bool op_in_use(void *arg, const struct in6_addr *hoa)
{
	return keying_in_use(arg, hoa);
}

static void owner_event(struct keying *kg, const struct owner *o,
			const char *state)
{
	log_info("owner of HoA %s: %s: %s", ip6_str(&o->hoa), o->identity,
		 state);
	ctl_event(kg->k->ctl, ctl_ev("owner", "hoa", ip6_str(&o->hoa),
				     "identity", o->identity, "state", state,
				     (char *)NULL));
}

static void op_changed(void *arg, const struct owner *o, bool gone)
{
	struct keying *kg = arg;

	queue_add(kg, &o->hoa);
	/* told again at the latest when that much of it is over */
	if (!gone && !o->configured)
		hostlink_keep(kg->k, &o->hoa, mtime_add(owners_until(o),
			(mtime){kg->owners.lease.ns / OWNERS_SEEN_STEPS}));
	if (gone && o->assigned)
		pool_released(&kg->released, &o->hoa);
	if (!gone && o->since.ns == o->seen.ns) {
		count(COUNT_OWNER_ADDED);
		owner_event(kg, o, o->assigned ? "assigned" : "added");
	} else if (gone && !mtime_before(loop_now(), owners_until(o))) {
		count(COUNT_OWNER_EXPIRED);
		owner_event(kg, o, "expired");
	} else if (gone) {
		owner_event(kg, o, "removed");
	}
}

static bool op_pooled(void *arg, const struct in6_addr *hoa)
{
	struct keying *kg = arg;

	return ha_conf_pooled(kg->k->conf, hoa);
}

static const struct owners_ops owner_ops = {
	.in_use = op_in_use,
	.pooled = op_pooled,
	.changed = op_changed,
};

/* Who may have SAs for which home address. */

static bool denied(const struct ike_conf *conf, const char *identity)
{
	return ike_match_any(&conf->deny, identity) ||
	       (conf->allow.n && !ike_match_any(&conf->allow, identity));
}

static bool servable(const struct kern *k, const struct in6_addr *hoa,
		     const struct in6_addr *ha)
{
	return ha_conf_has_addr(k->conf, ha) &&
	       !ha_conf_has_addr(k->conf, hoa) && ip6_unicast_routable(hoa) &&
	       bcache_prefix(&k->bcache, hoa);
}

/* RFC 6275 5.1: by its [sa] the configuration says whose the address is. */
static bool manual_of_another(const struct ha_conf *conf,
			      const struct in6_addr *hoa, const char *identity)
{
	size_t i;

	for (i = 0; i < conf->n_sas; i++)
		if (ip6_addr_eq(&conf->sas[i]->src, hoa) &&
		    strcasecmp(conf->sas[i]->identity, identity))
			return true;
	return false;
}

/*
 * At home is who speaks from the address itself; but while it is bound what
 * comes from it comes out of the tunnel, and is no word of the home link's.
 */
static enum reason judge(struct keying *kg, const struct ike_peer *peer,
			 const struct in6_addr *hoa, const struct in6_addr *ha)
{
	struct kern *k = kg->k;
	struct binding b;
	bool at_home = ip6_addr_eq(&peer->remote, hoa) &&
		       !bcache_find_bound(&k->bcache, hoa, &b);

	if (denied(&k->conf->ike, peer->identity))
		return REASON_IKE_ID_DENIED;
	if (!servable(k, hoa, ha))
		return REASON_IKE_TS;
	if (manual_of_another(k->conf, hoa, peer->identity))
		return REASON_IKE_NOT_OWNER;
	return owners_claim(&kg->owners, hoa, peer->identity, at_home,
			    loop_now());
}

static enum reason op_authorize(void *arg, const struct ike_peer *peer,
				const struct in6_addr *hoa,
				const struct in6_addr *ha)
{
	enum reason reason = judge(arg, peer, hoa, ha);

	if (reason)
		count_refusal(reason, "IKE of %s for HoA %s from %s to HA %s",
			      peer->identity, ip6_str(hoa),
			      ip6_str(&peer->remote), ip6_str(ha));
	return reason;
}

/* Home addresses that are assigned, RFC 5026 5.3.1. */

/* Those of the link of our address that was asked, if it has any. */
static const struct ha_link *pools_for(const struct ha_conf *conf,
				       const struct in6_addr *ha)
{
	const struct ha_link *link, *found = NULL;
	size_t i, j;

	for (i = 0; i < conf->n_links; i++) {
		link = &conf->links[i];
		if (!link->pools.n)
			continue;
		if (!found)
			found = link;
		for (j = 0; j < link->prefixes.n; j++)
			if (ip6_prefix_has(&link->prefixes.v[j], ha))
				return link;
	}
	return found;
}

static bool is_of_pools(void *arg, const struct owner *o)
{
	const struct ha_prefixes *pools = arg;
	size_t i;

	for (i = 0; i < pools->n; i++)
		if (ip6_prefix_has(&pools->v[i], &o->hoa))
			return true;
	return false;
}

static bool is_taken(void *arg, const struct in6_addr *addr)
{
	struct keying *kg = arg;
	struct binding b;

	return owners_find(&kg->owners, addr) ||
	       manual_of_another(kg->k->conf, addr, "") ||
	       bcache_find_bound(&kg->k->bcache, addr, &b);
}

static int pick(struct keying *kg, const struct ha_prefixes *pools,
		struct in6_addr *hoa)
{
	const struct pool_ops ops = {
		.taken = is_taken,
		.random = randombytes_buf,
		.n_taken = kg->owners.n_assigned + kg->k->conf->n_owners +
			   kg->k->conf->n_sas,
	};
	int err = -ENOSPC;
	size_t i;

	if (kg->owners.n_assigned >= kg->k->conf->pool_max)
		return err;
	for (i = 0; i < pools->n && err; i++)
		err = pool_pick(&pools->v[i], &kg->released, &ops, kg, hoa);
	return err;
}

/*
 * One for each identity and link, the same one for as long as its lease lasts.
 * For this alone an identity becomes an owner from afar: nobody can be robbed
 * by it, as nobody has the address.
 */
static enum reason assign(struct keying *kg, const struct ike_peer *peer,
			  struct in6_addr *hoa)
{
	const struct ha_conf *conf = kg->k->conf;
	const struct ha_link *link = pools_for(conf, &peer->local);
	const struct owner *o;

	if (!peer->identity[0] || denied(&conf->ike, peer->identity))
		return REASON_IKE_ID_DENIED;
	if (!link)
		return REASON_IKE_POOL_EMPTY;
	if (!ike_match_any(&conf->ike.assign, peer->identity))
		return REASON_IKE_POOL_DENIED;
	o = owners_first(&kg->owners, peer->identity, is_of_pools,
			 (void *)&link->pools);
	if (o)
		*hoa = o->hoa;
	else if (pick(kg, &link->pools, hoa))
		return REASON_IKE_POOL_EMPTY;
	return owners_assign(&kg->owners, hoa, peer->identity, loop_now());
}

static enum reason op_assign(void *arg, const struct ike_peer *peer,
			     struct in6_addr *hoa)
{
	struct in6_addr found = in6addr_any;
	enum reason reason = assign(arg, peer, &found);

	if (reason) {
		count_refusal(reason, "IKE of %s from %s, who asks HA %s for "
			      "a HoA", peer->identity, ip6_str(&peer->remote),
			      ip6_str(&peer->local));
		return reason;
	}
	*hoa = found;
	count(COUNT_HOA_ASSIGNED);
	log_info("HoA %s: assigned to %s, who asked HA %s from %s",
		 ip6_str(hoa), peer->identity, ip6_str(&peer->local),
		 ip6_str(&peer->remote));
	return REASON_NONE;
}

/* What IKE set up. */

static int op_spi_add(void *arg, uint32_t spi)
{
	struct keying *kg = arg;

	return dp_spi_add(kg->k->dp, spi);
}

static void op_spi_del(void *arg, uint32_t spi)
{
	struct keying *kg = arg;

	dp_spi_del(kg->k->dp, spi);
}

static void op_up(void *arg, const struct keys_peer *p)
{
	struct keying *kg = arg;

	owners_seen(&kg->owners, &p->hoa, loop_now());
	ctl_event(kg->k->ctl, ctl_ev("ike_up", "hoa", ip6_str(&p->hoa), "ha",
				     ip6_str(&p->ha), "identity",
				     p->peer.identity, "remote",
				     ip6_str(&p->peer.remote), (char *)NULL));
}

/* It was there until now: but another's lease is not made longer by it. */
static void op_down(void *arg, const struct keys_peer *p, enum reason why)
{
	struct keying *kg = arg;

	if (!p->up)
		return;
	if (owners_is(&kg->owners, &p->hoa, p->peer.identity))
		owners_seen(&kg->owners, &p->hoa, loop_now());
	ctl_event(kg->k->ctl, ctl_ev("ike_down", "hoa", ip6_str(&p->hoa),
				     "ha", ip6_str(&p->ha), "identity",
				     p->peer.identity, "why", why ?
				     reason_text(why) : "ended",
				     (char *)NULL));
}

static const struct keys_ops keys_ops = {
	.authorize = op_authorize,
	.assign = op_assign,
	.spi_add = op_spi_add,
	.spi_del = op_spi_del,
	.up = op_up,
	.down = op_down,
};

/* Binding Updates. */

bool keying_owns(struct keying *kg, const struct sadb_sa *sa)
{
	if (sa->peer && denied(&kg->k->conf->ike, sa->conf.identity))
		return false;
	if (owners_find(&kg->owners, &sa->conf.src))
		return owners_is(&kg->owners, &sa->conf.src,
				 sa->conf.identity);
	/* RFC 6275 5.1: a manual SA is its source's, by configuration */
	return !sa->peer;
}

bool keying_seen(struct keying *kg, const struct in6_addr *hoa)
{
	const struct owner *o = owners_find(&kg->owners, hoa);

	return o && !o->configured;
}

/*
 * RFC 6275 10.3.1, 10.3.2: with the K flag IKE follows to the care-of address,
 * or home. Not to the IPv6 header's source, which ESP does not protect.
 */
void keying_accepted(struct keying *kg, const struct sadb_sa *sa,
		     const struct bcache_bu *bu, const struct in6_addr *coa)
{
	struct keys_peer *p;

	owners_seen(&kg->owners, &bu->hoa, loop_now());
	if (!sa->peer || !(bu->mh->bu.flags & MH_BU_K) || !kg->keys)
		return;
	p = keys_find(kg->keys, &bu->hoa, &bu->ha);
	if (p && p->peer.id == sa->peer)
		keys_move(kg->keys, p, NULL, coa);
}

void keying_unbound(struct keying *kg, const struct in6_addr *hoa)
{
	owners_seen(&kg->owners, hoa, loop_now());
}

/* Configuration. */

static void configure_owner(struct keying *kg, const struct ha_owner *owner)
{
	int err = owners_configure(&kg->owners, &owner->hoa, owner->identity,
				   loop_now());

	if (err < 0)
		log_err("[owner %s]: HoA %s: %s", owner->name,
			ip6_str(&owner->hoa), strerror(-err));
}

/* Who claimed an address that the configuration gives to another. */
static void unclaim(struct keying *kg, const struct sadb_conf *sa)
{
	const struct owner *o = owners_find(&kg->owners, &sa->src);

	if (o && !o->configured && strcasecmp(o->identity, sa->identity))
		owners_forget(&kg->owners, &sa->src);
}

static void configure(struct keying *kg)
{
	const struct ha_conf *conf = kg->k->conf;
	size_t i;

	owners_unconfigure(&kg->owners);
	for (i = 0; i < conf->n_owners; i++)
		configure_owner(kg, &conf->owners[i]);
	for (i = 0; i < conf->n_sas; i++)
		unclaim(kg, conf->sas[i]);
	kg->owners.max = (size_t)conf->max_bindings * OWNERS_PER_BINDING;
	kg->owners.max_each = conf->owner_max;
}

static void end(struct keying *kg, const struct keys_peer *p, const char *why)
{
	log_info("IKE SA of %s for HoA %s at HA %s: ended: %s",
		 p->peer.identity, ip6_str(&p->hoa), ip6_str(&p->ha), why);
	keys_end(kg->keys, p, true);
}

static bool is_bound(struct keying *kg, const struct in6_addr *hoa)
{
	struct binding b;

	return bcache_find_bound(&kg->k->bcache, hoa, &b);
}

/* While a revocation is under way the SA is needed for it: keying_revoked(). */
static void end_denied(void *arg, struct keys_peer *p)
{
	struct keying *kg = arg;

	if (p->up && denied(&kg->k->conf->ike, p->peer.identity) &&
	    !is_bound(kg, &p->hoa))
		end(kg, p, "this identity is denied");
}

/* Home addresses whose bindings are to be revoked. */
struct revoking {
	struct keying *kg;
	const char *identity;	/* NULL: of all who are denied */
	struct in6_addr *hoas;	/* there is room for all */
	size_t n;
};

static void revoking_add(struct revoking *r, const struct in6_addr *hoa,
			 const char *identity)
{
	bool matches = r->identity ? !strcasecmp(identity, r->identity) :
		       denied(&r->kg->k->conf->ike, identity);

	if (matches && is_bound(r->kg, hoa))
		r->hoas[r->n++] = *hoa;
}

static void see_owner(void *arg, const struct owner *o)
{
	revoking_add(arg, &o->hoa, o->identity);
}

/* Who has manual SAs is denied by their being taken away. */
static void see_manual(struct revoking *r)
{
	const struct ha_conf *conf = r->kg->k->conf;
	size_t i;

	for (i = 0; i < conf->n_sas && r->identity; i++)
		if (!owners_find(&r->kg->owners, &conf->sas[i]->src))
			revoking_add(r, &conf->sas[i]->src,
				     conf->sas[i]->identity);
}

int keying_revoke(struct keying *kg, const char *identity, uint8_t trigger)
{
	struct revoking r = { .kg = kg, .identity = identity };
	size_t i;

	r.hoas = calloc(HASH_COUNT(kg->owners.table) + kg->k->conf->n_sas + 1,
			sizeof(*r.hoas));
	if (!r.hoas)
		return -ENOMEM;
	owners_each(&kg->owners, see_owner, &r);
	see_manual(&r);
	for (i = 0; i < r.n; i++)
		recall_revoke(&kg->k->recall, &r.hoas[i], trigger);
	free(r.hoas);
	return (int)r.n;
}

#define SWAP(a, b) do { \
	__typeof__(a) tmp_ = (a); \
	(a) = (b); \
	(b) = tmp_; \
} while (0)

void keying_reload(struct keying *kg, struct ha_conf *conf)
{
	struct ha_conf *run = kg->k->conf;

	SWAP(run->owners, conf->owners);
	SWAP(run->n_owners, conf->n_owners);
	SWAP(run->owner_lease, conf->owner_lease);
	SWAP(run->owner_max, conf->owner_max);
	SWAP(run->ike.allow, conf->ike.allow);
	SWAP(run->ike.deny, conf->ike.deny);
	SWAP(run->ike.assign, conf->ike.assign);
	SWAP(run->pool_max, conf->pool_max);
	owners_set_lease(&kg->owners, run->owner_lease);
	configure(kg);
	if (!kg->keys)
		return;
	/* RFC 5846: who is not to be served any more is told so */
	if (keying_revoke(kg, NULL, MH_BR_TRIGGER_ADMIN) < 0)
		log_err("bindings of who is denied: not revoked: out of "
			"memory");
	keys_reload_crls(kg->keys, &run->ike.crls);
	keys_each(kg->keys, end_denied, kg);
}

void keying_set_sadb(struct keying *kg, struct sadb *sadb)
{
	if (kg->keys)
		keys_set_sadb(kg->keys, sadb);
}

struct forget {
	struct keying *kg;
	const struct in6_addr *hoa;
};

static void end_forgotten(void *arg, struct keys_peer *p)
{
	struct forget *f = arg;

	if (ip6_addr_eq(&p->hoa, f->hoa) &&
	    (denied(&f->kg->k->conf->ike, p->peer.identity) ||
	     !owners_is(&f->kg->owners, f->hoa, p->peer.identity)))
		end(f->kg, p, "its owner is forgotten, or denied");
}

void keying_revoked(struct keying *kg, const struct in6_addr *hoa)
{
	struct forget f = { kg, hoa };

	if (kg->keys)
		keys_each(kg->keys, end_forgotten, &f);
}

int keying_forget(struct keying *kg, const struct in6_addr *hoa)
{
	int err = owners_forget(&kg->owners, hoa);

	/* its SAs tell the mobile node, and go when that has answered */
	if (!err && !recall_revoke(&kg->k->recall, hoa, MH_BR_TRIGGER_ADMIN))
		keying_revoked(kg, hoa);
	return err;
}

/* Starting and stopping. */

static int ike_start_up(struct keying *kg)
{
	struct kern *k = kg->k;
	const struct bcache_conf *bc = &k->bcache.conf;
	struct ip6_prefix *prefixes = calloc(bc->n_prefixes + 1,
					     sizeof(*prefixes));
	struct ike_responder resp = {
		.addrs = k->conf->addrs.v,
		.n_addrs = k->conf->addrs.n,
		.prefixes = prefixes,
		.n_prefixes = bc->n_prefixes,
	};
	size_t i;
	int err;

	if (!prefixes)
		return -ENOMEM;
	for (i = 0; i < bc->n_prefixes; i++)
		prefixes[i] = bc->prefixes[i].prefix;
	err = keys_open(&kg->keys, k->loop, k->sadb, &k->conf->ike, &resp,
			&keys_ops, kg);
	free(prefixes);
	return err;
}

int keying_open(struct keying *kg, struct kern *k)
{
	int err;

	*kg = (struct keying){
		.k = k,
		.write_timer.fn = write_on_timer,
	};
	owners_init(&kg->owners, &owner_ops, kg, &k->loop->timers,
		    k->conf->owner_lease);
	err = restore_all(kg);
	if (err < 0)
		return err;
	configure(kg);
	return k->conf->ike.on ? ike_start_up(kg) : 0;
}

int keying_start(struct keying *kg)
{
	return kg->keys ? keys_start(kg->keys) : 0;
}

void keying_close(struct keying *kg)
{
	if (!kg->k)
		return;
	keys_close(kg->keys);
	kg->keys = NULL;
	queue_write(kg);
	timers_del(&kg->k->loop->timers, &kg->write_timer);
	owners_fini(&kg->owners);
	free(kg->queue);
}
