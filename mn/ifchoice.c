/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/ifchoice.h"

#include <string.h>

/* As way.c has it for what goes on from before. */
static unsigned int worth(const struct ifchoice *c)
{
	return !c->usable ? 0 : c->leaving ? 1 : c->weak ? 2 : 3;
}

static bool is_better(const struct ifchoice *a, const struct ifchoice *b)
{
	if (worth(a) != worth(b))
		return worth(a) > worth(b);
	if (a->preference != b->preference)
		return a->preference > b->preference;
	return !a->metered && b->metered;
}

unsigned int ifchoice_best(const struct ifchoice *list, unsigned int n)
{
	unsigned int k, best = n;

	for (k = 0; k < n; k++)
		if (list[k].usable &&
		    (best == n || is_better(&list[k], &list[best])))
			best = k;
	return best;
}

bool ifroutes_has_prefix(const struct ifroutes *r,
			 const struct ip6_prefix *prefix)
{
	unsigned int k;

	for (k = 0; k < r->n_prefixes; k++)
		if (r->prefixes[k].len == prefix->len &&
		    ip6_addr_eq(&r->prefixes[k].addr, &prefix->addr))
			return true;
	return false;
}

bool ifroutes_has_addr(const struct ifroutes *r, const struct in6_addr *addr)
{
	unsigned int k;

	for (k = 0; k < r->n_addrs; k++)
		if (ip6_addr_eq(&r->addrs[k], addr))
			return true;
	return false;
}

static void add_prefix(struct ifroutes *out, const struct nd_prefix *p)
{
	struct ip6_prefix prefix = {p->prefix, p->len};

	ip6_prefix_mask(&prefix);	/* the R flag's has the router in it */
	if (p->on_link && p->valid && p->len &&
	    !ifroutes_has_prefix(out, &prefix))
		out->prefixes[out->n_prefixes++] = prefix;
}

void ifroutes_of(struct ifroutes *out, const struct attach *at,
		 const struct in6_addr *gateway)
{
	unsigned int k;

	memset(out, 0, sizeof(*out));
	if (IN6_IS_ADDR_UNSPECIFIED(gateway))
		return;
	out->gateway = *gateway;
	for (k = 0; k < at->ra.n_prefixes; k++)
		add_prefix(out, &at->ra.prefixes[k]);
	for (k = 0; k < at->n_addrs; k++)
		if (attach_prefix(at, &at->addrs[k].addr))
			out->addrs[out->n_addrs++] = at->addrs[k].addr;
}
