/* SPDX-License-Identifier: GPL-2.0-or-later */
/* At a reload: what differs, and whether that may change while running. */
#include "ha/conf.h"

#include <string.h>

static bool same(const void *a, size_t n_a, const void *b, size_t n_b,
		 size_t size)
{
	return n_a == n_b && (!n_a || !memcmp(a, b, n_a * size));
}

static bool same_ra(const struct ha_link *a, const struct ha_link *b)
{
	return a->advertise == b->advertise &&
	       a->ra_interval.ns == b->ra_interval.ns &&
	       a->ra_interval_option == b->ra_interval_option &&
	       a->router_lifetime.ns == b->router_lifetime.ns &&
	       a->mtu == b->mtu &&
	       a->host_prefixes.len == b->host_prefixes.len &&
	       ip6_addr_eq(&a->host_prefixes.addr, &b->host_prefixes.addr);
}

bool ha_conf_same_links(const struct ha_conf *a, const struct ha_conf *b)
{
	size_t i;

	if (a->n_links != b->n_links)
		return false;
	for (i = 0; i < a->n_links; i++) {
		const struct ha_link *x = &a->links[i], *y = &b->links[i];

		if (strcmp(x->name, y->name) || x->dad != y->dad ||
		    x->other_routers != y->other_routers ||
		    !same(x->prefixes.v, x->prefixes.n, y->prefixes.v,
			  y->prefixes.n, sizeof(*x->prefixes.v)) ||
		    !same_ra(x, y) ||
		    !same(x->pools.v, x->pools.n, y->pools.v, y->pools.n,
			  sizeof(*x->pools.v)))
			return false;
	}
	return true;
}

bool ha_conf_link_reload(struct ha_link *link, const struct ha_link *from)
{
	bool changed = link->prefix_valid.ns != from->prefix_valid.ns ||
		       link->prefix_preferred.ns != from->prefix_preferred.ns;

	link->prefix_valid = from->prefix_valid;
	link->prefix_preferred = from->prefix_preferred;
	link->ha_lifetime = from->ha_lifetime;
	link->ha_preference = from->ha_preference;
	link->simultaneous = from->simultaneous;
	return changed;
}

/* What is taken over at once apart: who may do what. */
static bool same_ike(const struct ha_conf *a, const struct ha_conf *b)
{
	struct ike_conf x = a->ike;

	x.allow = b->ike.allow;
	x.deny = b->ike.deny;
	x.assign = b->ike.assign;
	return ike_conf_same(&x, &b->ike);
}

const char *ha_conf_fixed_diff(const struct ha_conf *a,
			       const struct ha_conf *b)
{
	if (!same(a->addrs.v, a->addrs.n, b->addrs.v, b->addrs.n,
		  sizeof(*a->addrs.v)))
		return "address";
	if (!same(a->ifnames.v, a->ifnames.n, b->ifnames.v, b->ifnames.n,
		  sizeof(*a->ifnames.v)))
		return "interface";
	if (!ha_conf_same_links(a, b))
		return "[link]";
	if (strcmp(a->control, b->control))
		return "control";
	if (strcmp(a->state, b->state))
		return "state";
	if (strcmp(a->bpffs, b->bpffs))
		return "bpffs";
	if (strcmp(a->user, b->user))
		return "user";
	if (a->xdp != b->xdp)
		return "xdp";
	if (!same_ike(a, b))
		return "[ike] or [psk]";
	return NULL;
}

bool ha_conf_same_sas(const struct ha_conf *a, const struct ha_conf *b)
{
	size_t i;

	if (a->n_sas != b->n_sas)
		return false;
	for (i = 0; i < a->n_sas; i++)
		if (memcmp(a->sas[i], b->sas[i], sizeof(*a->sas[i])))
			return false;
	return true;
}
