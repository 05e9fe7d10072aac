/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/hosts.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIX_BYTES = 8 };

void hosts_init(struct hosts *hs, const struct hosts_ops *ops, void *arg,
		struct timers *timers, const struct ip6_prefix *from,
		mtime lease, const uint8_t hash_key[16])
{
	*hs = (struct hosts){
		.ops = ops,
		.arg = arg,
		.timers = timers,
		.from = *from,
		.lease = lease,
	};
	memcpy(hs->hash_key, hash_key, sizeof(hs->hash_key));
}

static void host_free(struct hosts *hs, struct host *h)
{
	timers_del(hs->timers, &h->timer);
	HASH_DELETE(hh, hs->table, h);
	HASH_DELETE(by_prefix, hs->prefixes, h);
	free(h);
}

void hosts_fini(struct hosts *hs)
{
	struct host *h, *next;

	HASH_ITER(hh, hs->table, h, next)
		host_free(hs, h);
}

/* Looking. */

static struct host_key key_of(const struct in6_addr *lladdr,
			      const uint8_t mac[6])
{
	struct host_key key = { .lladdr = *lladdr };

	memcpy(key.mac, mac, sizeof(key.mac));
	return key;
}

static struct host *find(struct hosts *hs, const struct host_key *key)
{
	struct host *h;

	HASH_FIND(hh, hs->table, key, sizeof(*key), h);
	return h;
}

struct host *hosts_find(struct hosts *hs, const struct in6_addr *addr)
{
	struct host *h;

	HASH_FIND(by_prefix, hs->prefixes, addr, PREFIX_BYTES, h);
	return h;
}

struct host *hosts_by_mac(struct hosts *hs, const uint8_t mac[6])
{
	struct host *h;

	for (h = hs->table; h; h = h->hh.next)
		if (!memcmp(h->key.mac, mac, sizeof(h->key.mac)))
			return h;
	return NULL;
}

void hosts_each(struct hosts *hs,
		void (*fn)(void *arg, const struct host *h), void *arg)
{
	struct host *h, *next;

	HASH_ITER(hh, hs->table, h, next)
		fn(arg, h);
}

/* Leases. */

mtime hosts_until(const struct host *h)
{
	mtime lease = h->confirmed ? h->hosts->lease : MTIME_SEC(HOSTS_TRIAL);
	mtime until = mtime_add(h->seen, lease);

	return mtime_before(until, h->kept) ? h->kept : until;
}

static bool is_over(const struct host *h, mtime now)
{
	return !h->n_bound && !mtime_before(now, hosts_until(h));
}

static mtime refresh(const struct hosts *hs)
{
	return (mtime){hs->lease.ns / HOSTS_REFRESH};
}

/* Nobody else arms the timer. A bound one's end is its binding's to tell. */
static void control_timer(struct host *h, mtime now)
{
	struct hosts *hs = h->hosts;
	mtime at = hosts_until(h), probe;

	if (!h->confirmed)
		probe = mtime_add(now, MTIME_SEC(HOSTS_PROBE));
	else
		probe = mtime_add(now, refresh(hs));
	if (h->n_bound || ((h->present || !h->confirmed) &&
			   mtime_before(probe, at)))
		at = probe;
	timers_set(hs->timers, &h->timer, at);
}

static void end(struct host *h)
{
	struct hosts *hs = h->hosts;

	hs->ops->route(hs->arg, h, true);
	if (h->confirmed)
		hs->ops->changed(hs->arg, h, true);
	host_free(hs, h);
}

static void on_timer(struct timer *timer, mtime now)
{
	struct host *h = (struct host *)((char *)timer -
					 offsetof(struct host, timer));

	if (is_over(h, now)) {
		end(h);
		return;
	}
	if (!h->n_bound && (h->present || !h->confirmed))
		h->hosts->ops->probe(h->hosts->arg, h);
	control_timer(h, now);
}

/* Not each time that it is seen is a matter for the disk. */
static void store(struct host *h, bool at_once)
{
	mtime step = {h->hosts->lease.ns / (2 * HOSTS_REFRESH)};

	if (!h->confirmed ||
	    (!at_once && mtime_before(h->seen, mtime_add(h->stored, step))))
		return;
	h->stored = h->seen;
	h->hosts->ops->changed(h->hosts->arg, h, false);
}

/* Prefixes. */

static struct in6_addr nth(const struct hosts *hs, uint64_t n)
{
	uint64_t mask = UINT64_MAX >> hs->from.len, upper, be;
	struct in6_addr out = hs->from.addr;

	memcpy(&be, out.s6_addr, sizeof(be));
	upper = (be64toh(be) & ~mask) | (n & mask);
	be = htobe64(upper);
	memcpy(out.s6_addr, &be, sizeof(be));
	return out;
}

/* So many there are, up to what there may be. */
static uint64_t room(const struct hosts *hs)
{
	uint64_t n = UINT64_C(1) << (64 - hs->from.len);

	return n < HOSTS_MAX ? n : HOSTS_MAX;
}

/* A host has one link-local address, or a few. */
static bool has_many(const struct hosts *hs, const uint8_t mac[6])
{
	const struct host *h;
	unsigned int n = 0;

	for (h = hs->table; h; h = h->hh.next)
		n += !memcmp(h->key.mac, mac, sizeof(h->key.mac));
	return n >= HOSTS_MAC_MAX;
}

/* It costs nothing to solicit from addresses that are nobody's: who is there
 * is seen to be at once, and need not wait for their trials' end. */
static void make_room(struct hosts *hs)
{
	struct host *h = hs->table;

	if (HASH_CNT(hh, hs->table) < room(hs))
		return;
	/* in the order in which they came */
	while (h && (h->confirmed || h->n_bound))
		h = h->hh.next;
	if (h)
		end(h);
}

/* Where nobody else has it, the same for the same host; and none that could be
 * told from others'. */
static int pick(struct hosts *hs, const struct host_key *key,
		struct in6_addr *out)
{
	uint64_t n, i;

	_Static_assert(crypto_shorthash_BYTES == sizeof(n) &&
		       crypto_shorthash_KEYBYTES == sizeof(hs->hash_key),
		       "SipHash");
	if (HASH_CNT(hh, hs->table) >= room(hs))
		return -ENOSPC;
	crypto_shorthash((uint8_t *)&n, (const uint8_t *)key, sizeof(*key),
			 hs->hash_key);
	for (i = 0; i <= HASH_CNT(hh, hs->table); i++) {
		*out = nth(hs, n + i);
		if (!hosts_find(hs, out))
			return 0;
	}
	return -ENOSPC;
}

static struct host *add(struct hosts *hs, const struct host_key *key,
			const struct in6_addr *prefix, mtime seen)
{
	struct host *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->hosts = hs;
	h->key = *key;
	h->prefix = *prefix;
	h->seen = seen;
	h->timer.fn = on_timer;
	HASH_ADD(hh, hs->table, key, sizeof(h->key), h);
	HASH_ADD(by_prefix, hs->prefixes, prefix, PREFIX_BYTES, h);
	return h;
}

/* Events. */

enum reason hosts_solicited(struct hosts *hs, const struct in6_addr *lladdr,
			    const uint8_t mac[6], mtime now, struct host **out)
{
	struct host_key key = key_of(lladdr, mac);
	struct in6_addr prefix;
	struct host *h = find(hs, &key);

	*out = h;
	if (!h) {
		if (has_many(hs, mac))
			return REASON_HOSTS_FULL;
		make_room(hs);
		if (pick(hs, &key, &prefix) < 0)
			return REASON_HOSTS_FULL;
		h = *out = add(hs, &key, &prefix, now);
		if (!h)
			return REASON_HOSTS_FULL;
		hs->ops->route(hs->arg, h, false);
	}
	h->present = true;
	/* One on trial is not kept by asking on and on. */
	if (h->confirmed) {
		h->seen = now;
		store(h, false);
	} else {
		hs->ops->probe(hs->arg, h);
	}
	h->told = now;
	control_timer(h, now);
	return REASON_NONE;
}

static void reachable(struct host *h, mtime now)
{
	struct hosts *hs = h->hosts;
	bool new = !h->confirmed;

	h->confirmed = h->present = true;
	h->seen = now;
	store(h, new);
	/* before what it was told is over */
	if (!mtime_before(now, mtime_add(h->told, refresh(hs)))) {
		h->told = now;
		hs->ops->advertise(hs->arg, h);
	}
	control_timer(h, now);
}

void hosts_reachable(struct hosts *hs, const struct in6_addr *lladdr,
		     mtime now)
{
	struct host *h, *next;

	HASH_ITER(hh, hs->table, h, next)
		if (ip6_addr_eq(&h->key.lladdr, lladdr))
			reachable(h, now);
}

void hosts_failed(struct hosts *hs, const struct in6_addr *lladdr, mtime now)
{
	struct host *h, *next;

	HASH_ITER(hh, hs->table, h, next) {
		if (!ip6_addr_eq(&h->key.lladdr, lladdr))
			continue;
		h->present = false;
		control_timer(h, now);
	}
}

void hosts_bound(struct hosts *hs, const struct in6_addr *hoa, bool bound,
		 mtime now)
{
	struct host *h = hosts_find(hs, hoa);

	if (!h || (!bound && !h->n_bound))
		return;
	h->n_bound += bound ? 1 : -1;
	if (h->n_bound == (unsigned int)bound)
		hs->ops->away(hs->arg, h, bound);
	/* who has a binding has proved more than being there */
	h->confirmed = true;
	h->seen = now;
	store(h, true);
	control_timer(h, now);
}

void hosts_keep(struct hosts *hs, const struct in6_addr *hoa, mtime until)
{
	struct host *h = hosts_find(hs, hoa);

	if (!h || !mtime_before(h->kept, until))
		return;
	h->kept = until;
	store(h, true);
}

int hosts_restore(struct hosts *hs, const struct in6_addr *lladdr,
		  const uint8_t mac[6], const struct in6_addr *prefix,
		  mtime seen, mtime kept, mtime now)
{
	struct host_key key = key_of(lladdr, mac);
	struct host *h;

	if (!ip6_prefix_has(&hs->from, prefix))
		return -EINVAL;
	if (find(hs, &key) || hosts_find(hs, prefix))
		return -EEXIST;
	if (!mtime_before(now, mtime_add(seen, hs->lease)) &&
	    !mtime_before(now, kept))
		return -ETIME;
	h = add(hs, &key, prefix, seen);
	if (!h)
		return -ENOMEM;
	h->confirmed = true;
	h->present = true;	/* to be asked */
	h->stored = seen;
	h->kept = kept;
	control_timer(h, now);
	return 0;
}
