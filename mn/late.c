/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/late.h"

#include <stddef.h>

/*
 * RFC 4861 10: three solicitations, a second apart, then it has failed. A word
 * of it sooner is about what was before we asked; much later it is another
 * failure, of a router that was there.
 */
static const mtime SOONEST = {500000000};
static const mtime LATEST = {20000000000};

/* Who was there is asked again after that: we may have left its link unseen,
 * and it may be heard all the time. */
static const mtime AGAIN = {60000000000};

static struct late_router *find(struct late *l, const struct in6_addr *router)
{
	struct late_router *r;

	for (r = l->list; r < l->list + l->n; r++)
		if (ip6_addr_eq(&r->addr, router))
			return r;
	return NULL;
}

static bool advertises(const struct nd_ra *ra, const struct ip6_prefix *prefix)
{
	const struct nd_prefix *p;

	for (p = ra->prefixes; p < ra->prefixes + ra->n_prefixes; p++)
		if (p->valid && p->len == prefix->len &&
		    ip6_prefix_has(prefix, &p->prefix))
			return true;
	return false;
}

static void collect(struct late_router *r, const struct nd_ra *ra,
		    const struct nd_ra *ours)
{
	const struct nd_prefix *p;

	r->n = 0;
	for (p = ra->prefixes; p < ra->prefixes + ra->n_prefixes; p++) {
		struct ip6_prefix prefix = {p->prefix, p->len};

		/* the R flag's has the router's address in it */
		ip6_prefix_mask(&prefix);
		if (p->valid && !advertises(ours, &prefix))
			r->prefixes[r->n++] = prefix;
	}
}

/* In place of the one that was asked first, if it has had its time. */
static struct late_router *room(struct late *l, mtime now)
{
	struct late_router *r, *oldest = l->list;

	if (l->n < LATE_MAX)
		return &l->list[l->n++];
	for (r = l->list; r < l->list + l->n; r++)
		if (mtime_before(r->asked, oldest->asked))
			oldest = r;
	return mtime_before(mtime_add(oldest->asked, LATEST), now) ? oldest :
								     NULL;
}

bool late_heard(struct late *l, const struct in6_addr *router,
		const struct nd_ra *ra, const struct nd_ra *ours, mtime now)
{
	struct late_router *r = find(l, router), new = {.addr = *router};

	collect(&new, ra, ours);
	new.asked = now;
	if (!new.n)
		return false;
	if (r && mtime_before(now, mtime_add(r->asked, AGAIN))) {
		new.asked = r->asked;
		*r = new;
		return false;
	}
	if (!r)
		r = room(l, now);
	if (r)
		*r = new;
	return r;
}

static void drop(struct late *l, struct late_router *r)
{
	*r = l->list[--l->n];
}

static bool is_others(const struct late *l, const struct ip6_prefix *prefix)
{
	const struct late_router *r;
	unsigned int k;

	for (r = l->list; r < l->list + l->n; r++)
		for (k = 0; k < r->n; k++)
			if (r->prefixes[k].len == prefix->len &&
			    ip6_addr_eq(&r->prefixes[k].addr, &prefix->addr))
				return true;
	return false;
}

bool late_failed(struct late *l, const struct in6_addr *router,
		 const struct nd_ra *ours, mtime now, struct late_router *out)
{
	struct late_router *r = find(l, router);
	unsigned int k, n = 0;

	if (!r || mtime_before(now, mtime_add(r->asked, SOONEST)))
		return false;
	*out = *r;
	drop(l, r);
	if (mtime_before(mtime_add(out->asked, LATEST), now))
		return false;
	for (k = 0; k < out->n; k++)
		if (!is_others(l, &out->prefixes[k]) &&
		    !advertises(ours, &out->prefixes[k]))
			out->prefixes[n++] = out->prefixes[k];
	out->n = n;
	return true;
}

void late_forget(struct late *l, const struct in6_addr *router)
{
	struct late_router *r = find(l, router);

	if (r)
		drop(l, r);
}

void late_clear(struct late *l)
{
	l->n = 0;
}
