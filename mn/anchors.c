/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/anchors.h"

#include <errno.h>
#include <string.h>

static struct anchor *same_prefix(struct anchors *anchors,
				  const struct ip6_prefix *prefix)
{
	struct anchor *a;

	for (a = anchors->list; a < anchors->list + anchors->n; a++)
		if (a->prefix.len == prefix->len &&
		    ip6_addr_eq(&a->prefix.addr, &prefix->addr))
			return a;
	return NULL;
}

static void remove_at(struct anchors *anchors, struct anchor *a)
{
	struct anchor *last = anchors->list + --anchors->n;

	memmove(a, a + 1, (char *)last - (char *)a);
}

static struct anchor *append(struct anchors *anchors)
{
	struct anchor *a = anchors->list;

	if (anchors->n == ANCHORS_MAX) {
		while (a < anchors->list + anchors->n && a->configured)
			a++;
		if (a == anchors->list + anchors->n)
			return NULL;
		remove_at(anchors, a);
	}
	a = &anchors->list[anchors->n++];
	memset(a, 0, sizeof(*a));
	return a;
}

int anchors_configure(struct anchors *anchors, const struct ip6_prefix *prefix,
		      const struct in6_addr *ha)
{
	struct ip6_prefix masked = *prefix;
	struct anchor *a;

	ip6_prefix_mask(&masked);
	a = same_prefix(anchors, &masked);
	if (!a)
		a = append(anchors);
	if (!a)
		return -ENOSPC;
	*a = (struct anchor){.prefix = masked, .ha = *ha, .configured = true};
	return 0;
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
		struct anchor new = {
			.prefix = {p->prefix, p->len}, .ha = p->prefix,
			.ifindex = ifindex, .preference = ra->ha_preference,
		};
		struct anchor *a;
		bool changed;

		if (!p->router_addr || !ip6_unicast_routable(&p->prefix))
			continue;
		ip6_prefix_mask(&new.prefix);
		a = same_prefix(anchors, &new.prefix);
		if (a && a->configured)
			continue;
		changed = !a || !ip6_addr_eq(&a->ha, &new.ha);
		if (!a)
			a = append(anchors);
		if (!a)
			return;
		*a = new;
		if (changed)
			fn(arg, a);
	}
}

const struct anchor *anchors_find(const struct anchors *anchors,
				  const struct in6_addr *addr)
{
	const struct anchor *a, *best = NULL;

	for (a = anchors->list; a < anchors->list + anchors->n; a++)
		if (ip6_prefix_has(&a->prefix, addr) &&
		    (!best || a->prefix.len > best->prefix.len))
			best = a;
	return best;
}
