/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/anchors.h"

#include <errno.h>
#include <string.h>

static struct anchor *end_of(struct anchors *anchors)
{
	return anchors->list + anchors->n;
}

static bool prefix_eq(const struct ip6_prefix *a, const struct ip6_prefix *b)
{
	return a->len == b->len && ip6_addr_eq(&a->addr, &b->addr);
}

static struct anchor *find_configured(struct anchors *anchors,
				      const struct ip6_prefix *prefix)
{
	struct anchor *a;

	for (a = anchors->list; a < end_of(anchors); a++)
		if (a->configured && prefix_eq(&a->prefix, prefix))
			return a;
	return NULL;
}

static struct anchor *find_learnt(struct anchors *anchors,
				  const struct ip6_prefix *prefix,
				  const struct in6_addr *ha)
{
	struct anchor *a;

	for (a = anchors->list; a < end_of(anchors); a++)
		if (!a->configured && prefix_eq(&a->prefix, prefix) &&
		    ip6_addr_eq(&a->ha, ha))
			return a;
	return NULL;
}

static void remove_at(struct anchors *anchors, struct anchor *a)
{
	struct anchor *last = anchors->list + --anchors->n;

	memmove(a, a + 1, (char *)last - (char *)a);
}

static unsigned int max_of(bool trusted)
{
	return trusted ? ANCHORS_TRUSTED_MAX : ANCHORS_UNTRUSTED_MAX;
}

/* No more than max of this kind: the oldest learnt one goes. False where all
 * are configured. */
static bool limit(struct anchors *anchors, bool trusted, unsigned int max)
{
	struct anchor *a, *oldest = NULL;
	unsigned int n = 0;

	for (a = anchors->list; a < end_of(anchors); a++) {
		if (a->trusted != trusted)
			continue;
		n++;
		if (!oldest && !a->configured)
			oldest = a;
	}
	if (n <= max)
		return true;
	if (!oldest)
		return false;
	remove_at(anchors, oldest);
	return true;
}

static struct anchor *append(struct anchors *anchors, const struct anchor *new)
{
	struct anchor *a;

	if (!limit(anchors, new->trusted, max_of(new->trusted) - 1))
		return NULL;
	a = &anchors->list[anchors->n++];
	*a = *new;
	return a;
}

static void forget_prefix(struct anchors *anchors,
			  const struct ip6_prefix *prefix)
{
	struct anchor *a = anchors->list;

	while (a < end_of(anchors)) {
		if (prefix_eq(&a->prefix, prefix))
			remove_at(anchors, a);
		else
			a++;
	}
}

int anchors_configure(struct anchors *anchors, const struct ip6_prefix *prefix,
		      const struct in6_addr *ha)
{
	struct anchor new = {.prefix = *prefix, .ha = *ha, .configured = true,
			     .trusted = true};

	ip6_prefix_mask(&new.prefix);
	forget_prefix(anchors, &new.prefix);
	return append(anchors, &new) ? 0 : -ENOSPC;
}

void anchors_unconfigure(struct anchors *anchors, bool learnt)
{
	struct anchor *a = anchors->list;

	while (a < end_of(anchors)) {
		if (a->configured || learnt)
			remove_at(anchors, a);
		else
			a++;
	}
}

static void learn(struct anchors *anchors, struct anchor *new,
		  void (*fn)(void *arg, const struct anchor *anchor),
		  void *arg)
{
	struct anchor *a;

	ip6_prefix_mask(&new->prefix);
	if (find_configured(anchors, &new->prefix))
		return;
	a = find_learnt(anchors, &new->prefix, &new->ha);
	if (a) {
		new->trusted = a->trusted;
		new->failed = a->failed;
		remove_at(anchors, a);
		append(anchors, new);
		return;
	}
	a = append(anchors, new);
	if (a)
		fn(arg, a);
}

void anchors_learn(struct anchors *anchors, const struct nd_ra *ra,
		   uint32_t ifindex,
		   void (*fn)(void *arg, const struct anchor *anchor),
		   void *arg)
{
	unsigned int i;

	if (!ra->home_agent)
		return;
	for (i = 0; i < ra->n_prefixes; i++) {
		const struct nd_prefix *p = &ra->prefixes[i];
		/* the R flag's prefix is the router's whole address */
		struct anchor new = {
			.prefix = {p->prefix, p->len}, .ha = p->prefix,
			.ifindex = ifindex, .preference = ra->ha_preference,
		};

		/* RFC 4862 5.5.3 makes addresses of a /64 alone. A shorter
		 * one would make a router the anchor of others' addresses. */
		if (p->router_addr && p->autonomous && p->len == 64 &&
		    ip6_unicast_routable(&p->prefix))
			learn(anchors, &new, fn, arg);
	}
}

/* What did not fail first: a trusted home agent may be gone for good, and
 * whoever stands in for it has to authenticate as well. */
static unsigned int rank(const struct anchor *a)
{
	return 2 * !a->failed + a->trusted;
}

static bool better(const struct anchor *a, const struct anchor *b)
{
	if (rank(a) != rank(b))
		return rank(a) > rank(b);
	return a->prefix.len >= b->prefix.len;
}

const struct anchor *anchors_find(const struct anchors *anchors,
				  const struct in6_addr *addr)
{
	const struct anchor *a, *best = NULL;

	for (a = anchors->list; a < anchors->list + anchors->n; a++)
		if (ip6_prefix_has(&a->prefix, addr) &&
		    (!best || better(a, best)))
			best = a;
	return best;
}

/* The next one, from a on, that says so. */
static const struct anchor *next_naming(const struct anchors *anchors,
					const struct anchor *a,
					const struct in6_addr *addr,
					const struct in6_addr *ha)
{
	for (; a < anchors->list + anchors->n; a++)
		if (ip6_addr_eq(&a->ha, ha) && ip6_prefix_has(&a->prefix, addr))
			return a;
	return NULL;
}

bool anchors_names(const struct anchors *anchors, const struct in6_addr *addr,
		   const struct in6_addr *ha)
{
	return next_naming(anchors, anchors->list, addr, ha);
}

bool anchors_trusts(const struct anchors *anchors, const struct in6_addr *addr,
		    const struct in6_addr *ha)
{
	const struct anchor *a = anchors->list;

	while ((a = next_naming(anchors, a, addr, ha))) {
		if (a->trusted)
			return true;
		a++;
	}
	return false;
}

void anchors_trust(struct anchors *anchors, const struct in6_addr *addr,
		   const struct in6_addr *ha)
{
	struct anchor *a = anchors->list;

	while ((a = (struct anchor *)next_naming(anchors, a, addr, ha))) {
		a->failed = false;
		if (a->trusted) {
			a++;
			continue;
		}
		a->trusted = true;
		limit(anchors, true, ANCHORS_TRUSTED_MAX);
		a = anchors->list;	/* limit() may have moved it */
	}
}

void anchors_fail(struct anchors *anchors, const struct in6_addr *addr,
		  const struct in6_addr *ha)
{
	struct anchor *a = anchors->list;

	while ((a = (struct anchor *)next_naming(anchors, a, addr, ha))) {
		a->failed = true;
		a++;
	}
}
