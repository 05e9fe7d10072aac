/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/halist.h"

#include <string.h>

static const mtime forever = {INT64_MAX};

static struct halist_entry *find(struct halist *list,
				 const struct in6_addr *link_local)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (ip6_addr_eq(&list->entries[i].link_local, link_local))
			return &list->entries[i];
	return NULL;
}

static void del(struct halist *list, struct halist_entry *e)
{
	struct halist_entry *end = &list->entries[list->n--];

	memmove(e, e + 1, (size_t)(end - (e + 1)) * sizeof(*e));
}

/* RFC 6275 10.1: addresses of prefixes that are no longer valid, too. */
static void expire_addrs(struct halist_entry *e, mtime now)
{
	uint8_t i, n = 0;

	for (i = 0; i < e->n_addrs; i++)
		if (mtime_before(now, e->addrs[i].expires))
			e->addrs[n++] = e->addrs[i];
	e->n_addrs = n;
}

void halist_expire(struct halist *list, mtime now)
{
	size_t i = 0;

	while (i < list->n) {
		if (!mtime_before(now, list->entries[i].expires)) {
			del(list, &list->entries[i]);
			continue;
		}
		expire_addrs(&list->entries[i++], now);
	}
}

void halist_clear(struct halist *list)
{
	list->n = 0;
}

/* The last to come of the least preferred. */
static struct halist_entry *worst(struct halist *list)
{
	struct halist_entry *e = list->entries;
	size_t i;

	for (i = 1; i < list->n; i++)
		if (list->entries[i].preference <= e->preference)
			e = &list->entries[i];
	return e;
}

static struct halist_entry *add(struct halist *list,
				const struct in6_addr *link_local,
				uint16_t preference, mtime now)
{
	struct halist_entry *e;

	if (list->n == HALIST_MAX) {
		e = worst(list);
		if (e->preference >= preference)
			return NULL;
		del(list, e);
	}
	e = &list->entries[list->n++];
	*e = (struct halist_entry){ .link_local = *link_local, .since = now };
	return e;
}

static bool is_own(const struct halist *list, const struct in6_addr *addr)
{
	size_t i;

	for (i = 0; i < list->n_own; i++)
		if (ip6_addr_eq(&list->own[i], addr))
			return true;
	return false;
}

static struct halist_addr *addr_get(struct halist_entry *e,
				    const struct in6_addr *addr)
{
	uint8_t i;

	for (i = 0; i < e->n_addrs; i++)
		if (ip6_addr_eq(&e->addrs[i].addr, addr))
			return &e->addrs[i];
	return e->n_addrs < HALIST_ADDRS_MAX ? &e->addrs[e->n_addrs++] : NULL;
}

/* RFC 6275 7.2: with R the Prefix field is the router's address, whole. */
static void take_addrs(const struct halist *list, struct halist_entry *e,
		       const struct nd_ra *ra, mtime now)
{
	const struct nd_prefix *p;
	struct halist_addr *a;

	for (p = ra->prefixes; p < ra->prefixes + ra->n_prefixes; p++) {
		if (!p->router_addr || !ip6_unicast_routable(&p->prefix) ||
		    is_own(list, &p->prefix))
			continue;
		a = addr_get(e, &p->prefix);
		if (!a)
			continue;
		a->addr = p->prefix;
		a->expires = p->valid == UINT32_MAX ? forever :
			mtime_add(now, MTIME_SEC(p->valid));
	}
	expire_addrs(e, now);
}

/* RFC 6275 10.5.1, step by step. */
enum halist_change halist_ra(struct halist *list, const struct in6_addr *src,
			     const struct nd_ra *ra, mtime now)
{
	uint16_t preference = ra->has_ha_info ? ra->ha_preference : 0;
	uint16_t lifetime = ra->has_ha_info ? ra->ha_lifetime : ra->lifetime;
	enum halist_change change = HALIST_KEPT;
	struct halist_entry *e;

	halist_expire(list, now);
	e = find(list, src);
	if (!ra->home_agent || !lifetime) {
		if (!e)
			return HALIST_NOTHING;
		del(list, e);
		return HALIST_DELETED;
	}
	if (!e) {
		e = add(list, src, preference, now);
		change = HALIST_ADDED;
	}
	if (!e)
		return HALIST_FULL;
	e->preference = preference;
	e->expires = mtime_add(now, MTIME_SEC(lifetime));
	take_addrs(list, e, ra, now);
	return change;
}

/* Places of a reply: entries, and HALIST_MAX for ourselves. */
static uint16_t preference_of(const struct halist *list, size_t place)
{
	return place == HALIST_MAX ? list->preference :
				     list->entries[place].preference;
}

/* Insertion keeps the order of equals, which is a random one. */
static void sort(const struct halist *list, size_t *places, size_t n)
{
	size_t i, j, place;

	for (i = 1; i < n; i++) {
		place = places[i];
		for (j = i; j && preference_of(list, places[j - 1]) <
				 preference_of(list, place); j--)
			places[j] = places[j - 1];
		places[j] = place;
	}
}

static size_t places_set(const struct halist *list,
			 size_t places[HALIST_MAX + 1])
{
	size_t i, j, n = list->n + 1;

	/* RFC 6275 10.5.1: randomized every time; by Fisher and Yates */
	for (i = 0; i < n; i++) {
		j = list->random((uint32_t)i + 1);
		places[i] = places[j];
		places[j] = i == list->n ? HALIST_MAX : i;
	}
	sort(list, places, n);
	return n;
}

/* Of one home agent, up to room of all; get tells its n-th. */
static void put_addrs(const struct halist *list, struct mip *out, size_t room,
		      const struct in6_addr *(*get)(const void *arg, size_t n),
		      const void *arg, size_t n)
{
	uint8_t first = out->n_addrs, j;
	size_t i;

	for (i = 0; i < n && out->n_addrs < room; i++) {
		j = (uint8_t)(first + list->random((uint32_t)i + 1));
		out->addrs[out->n_addrs++] = out->addrs[j];
		out->addrs[j] = *get(arg, i);
	}
}

static const struct in6_addr *own_addr(const void *arg, size_t n)
{
	return (const struct in6_addr *)arg + n;
}

static const struct in6_addr *entry_addr(const void *arg, size_t n)
{
	return &((const struct halist_addr *)arg)[n].addr;
}

void halist_reply(struct halist *list, struct mip *out, mtime now)
{
	size_t places[HALIST_MAX + 1] = {0}, i, n, room = MIP_ADDRS_MAX;
	const struct halist_entry *e;

	/* Whatever others on the link say they are, we are not left out. */
	room -= list->n_own < room ? list->n_own : room;

	halist_expire(list, now);
	n = places_set(list, places);
	out->n_addrs = 0;
	for (i = 0; i < n; i++) {
		if (places[i] == HALIST_MAX) {
			room = MIP_ADDRS_MAX;
			put_addrs(list, out, room, own_addr, list->own,
				  list->n_own);
			continue;
		}
		e = &list->entries[places[i]];
		put_addrs(list, out, room, entry_addr, e->addrs, e->n_addrs);
	}
}
