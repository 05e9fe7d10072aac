/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/pool.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

enum {
	TRIES = 16,		/* at random; then in order */
	IID_AT = 8,		/* RFC 4291 2.5.1 */
	ANYCAST_IIDS = 128,	/* RFC 2526 2 */
};

static const uint64_t anycast_first = 0xfdffffffffffff80;

void pool_released(struct pool_recent *recent, const struct in6_addr *addr)
{
	recent->v[recent->next++ % POOL_RECENT] = *addr;
}

static bool was_recent(const struct pool_recent *recent,
		       const struct in6_addr *addr)
{
	unsigned int i;

	for (i = 0; i < POOL_RECENT; i++)
		if (ip6_addr_eq(&recent->v[i], addr))
			return true;
	return false;
}

/* RFC 5453 3: 0 is the routers' anycast address. */
static bool is_reserved(uint64_t iid)
{
	return !iid || iid - anycast_first < ANYCAST_IIDS;
}

/* What autoconfiguration makes of MAC addresses, RFC 4291 appendix A. */
static bool is_eui64(uint64_t iid)
{
	return (iid >> 24 & 0xffff) == 0xfffe;
}

static uint64_t iid_of(const struct ip6_prefix *pool)
{
	uint64_t iid;

	memcpy(&iid, pool->addr.s6_addr + IID_AT, sizeof(iid));
	return be64toh(iid);
}

/* Its address number n of the pool, modulo the pool's size. */
static uint64_t nth(const struct ip6_prefix *pool, uint64_t n,
		    struct in6_addr *out)
{
	uint64_t mask = pool->len == 128 ? 0 : UINT64_MAX >> (pool->len - 64);
	uint64_t iid = (iid_of(pool) & ~mask) | (n & mask), be = htobe64(iid);

	*out = pool->addr;
	memcpy(out->s6_addr + IID_AT, &be, sizeof(be));
	return iid;
}

static uint64_t random_number(const struct pool_ops *ops)
{
	uint64_t n;

	ops->random(&n, sizeof(n));
	return n;
}

/* One of each taken or reserved may be in the way, but no more. */
static uint64_t steps(const struct ip6_prefix *pool,
		      const struct pool_ops *ops)
{
	uint64_t size = pool->len == 128 ? 1 : UINT64_C(1) << (128 - pool->len);
	uint64_t most = ops->n_taken + ANYCAST_IIDS + 2 + POOL_RECENT;

	return size < most ? size : most;
}

/* From anywhere on: rather one that was released just now than none. */
static int pick_in_order(const struct ip6_prefix *pool,
			 const struct pool_recent *recent,
			 const struct pool_ops *ops, void *arg,
			 struct in6_addr *out)
{
	uint64_t n = random_number(ops), left = steps(pool, ops);
	struct in6_addr addr;
	bool found = false;

	for (; left; left--, n++) {
		if (is_reserved(nth(pool, n, &addr)) || ops->taken(arg, &addr))
			continue;
		*out = addr;
		found = true;
		if (!was_recent(recent, &addr))
			break;
	}
	return found ? 0 : -ENOSPC;
}

int pool_pick(const struct ip6_prefix *pool, const struct pool_recent *recent,
	      const struct pool_ops *ops, void *arg, struct in6_addr *out)
{
	uint64_t iid;
	int i;

	for (i = 0; i < TRIES; i++) {
		iid = nth(pool, random_number(ops), out);
		if (!is_reserved(iid) && !is_eui64(iid) &&
		    !was_recent(recent, out) && !ops->taken(arg, out))
			return 0;
	}
	return pick_in_order(pool, recent, ops, arg, out);
}
