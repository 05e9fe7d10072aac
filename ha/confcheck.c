/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What no key can be refused for alone: whether they fit together. */
#include "ha/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ha/hosts.h"
#include "ha/pool.h"
#include "proto/nd.h"

/* An SA has to have one end here and the other on a home link. */
static int check_sas(const struct ha_conf *conf, const char *path, FILE *errs)
{
	size_t i;
	int err = 0;

	for (i = 0; i < conf->n_sas; i++) {
		const struct sadb_conf *sa = conf->sas[i];

		if (ha_conf_has_addr(conf, &sa->src) !=
		    ha_conf_has_addr(conf, &sa->dst))
			continue;
		fprintf(errs, "%s: [sa %s]: one of src and dst, not both, has "
			"to be an address of [ha]\n", path, sa->name);
		err = -EINVAL;
	}
	return err;
}

static bool on_a_link(const struct ha_conf *conf, const struct in6_addr *addr)
{
	const struct ha_prefixes *prefixes;
	size_t i, j;

	for (i = 0; i < conf->n_links; i++) {
		prefixes = &conf->links[i].prefixes;
		for (j = 0; j < prefixes->n; j++)
			if (ip6_prefix_has(&prefixes->v[j], addr))
				return true;
		if (conf->links[i].host_prefixes.len &&
		    ip6_prefix_has(&conf->links[i].host_prefixes, addr))
			return true;
	}
	return false;
}

/* By hoa; the ones that stand earlier first. */
static int by_hoa(const void *a, const void *b)
{
	const struct ha_owner *const *x = a, *const *y = b;
	int diff = memcmp(&(*x)->hoa, &(*y)->hoa, sizeof((*x)->hoa));

	return diff ? diff : (*x > *y) - (*x < *y);
}

static int is_of(const void *key, const void *element)
{
	const struct ha_owner *const *owner = element;

	return memcmp(key, &(*owner)->hoa, sizeof((*owner)->hoa));
}

/* Manual SAs by which another than the owner would bind its address: what
 * comes under them is refused. */
static void warn_sas(const struct ha_conf *conf,
		     const struct ha_owner *const *sorted, const char *path,
		     FILE *errs)
{
	const struct ha_owner *const *found;
	const struct sadb_conf *sa;
	size_t i;

	for (i = 0; i < conf->n_sas; i++) {
		sa = conf->sas[i];
		found = bsearch(&sa->src, sorted, conf->n_owners,
				sizeof(*sorted), is_of);
		if (found && strcasecmp(sa->identity, (*found)->identity))
			fprintf(errs, "%s: [owner %s]: warning: [sa %s] has "
				"this hoa and another identity: of no use\n",
				path, (*found)->name, sa->name);
	}
}

/* before: the one before it in order, or NULL */
static int check_owner(const struct ha_conf *conf,
		       const struct ha_owner *owner,
		       const struct ha_owner *before, const char *path,
		       FILE *errs)
{
	if (before && ip6_addr_eq(&before->hoa, &owner->hoa)) {
		fprintf(errs, "%s: [owner %s]: [owner %s] has this hoa\n",
			path, owner->name, before->name);
		return -EINVAL;
	}
	if (!on_a_link(conf, &owner->hoa) ||
	    ha_conf_has_addr(conf, &owner->hoa)) {
		fprintf(errs, "%s: [owner %s]: hoa is in no prefix of a "
			"[link], or is an address of [ha]\n", path,
			owner->name);
		return -EINVAL;
	}
	return 0;
}

static int check_owners(const struct ha_conf *conf, const char *path,
			FILE *errs)
{
	const struct ha_owner **sorted = calloc(conf->n_owners + 1,
						sizeof(const void *));
	size_t i;
	int err = 0;

	if (!sorted)
		return -ENOMEM;
	for (i = 0; i < conf->n_owners; i++)
		sorted[i] = &conf->owners[i];
	qsort(sorted, conf->n_owners, sizeof(*sorted), by_hoa);
	for (i = 0; i < conf->n_owners; i++)
		if (check_owner(conf, sorted[i], i ? sorted[i - 1] : NULL,
				path, errs) < 0)
			err = -EINVAL;
	warn_sas(conf, sorted, path, errs);
	free(sorted);
	return err;
}

static bool within(const struct ip6_prefix *outer,
		   const struct ip6_prefix *inner)
{
	return outer->len < inner->len && ip6_prefix_has(outer, &inner->addr);
}

/* Why this pool cannot be; NULL: it can. */
static const char *pool_fault(const struct ha_conf *conf,
			      const struct ha_link *link,
			      const struct ip6_prefix *pool)
{
	bool of_link = false;
	size_t i;

	for (i = 0; i < link->prefixes.n; i++)
		of_link |= within(&link->prefixes.v[i], pool);
	if (!of_link)
		return "is not a part of a prefix of this link";
	if (pool->len < POOL_LEN_MIN)
		return "has more than half of the addresses of a /64";
	for (i = 0; i < conf->addrs.n; i++)
		if (ip6_prefix_has(pool, &conf->addrs.v[i]))
			return "has an address of [ha]";
	if (!conf->ike.on)
		return "is of no use without [ike]";
	if (!conf->ike.assign.n)
		return "is for nobody: [ike] has no pool-identity";
	return NULL;
}

static int check_pools(const struct ha_conf *conf, const char *path,
		       FILE *errs)
{
	const struct ha_link *link;
	const char *fault;
	char text[64];
	size_t i, j;
	int err = 0;

	for (i = 0; i < conf->n_links; i++) {
		link = &conf->links[i];
		for (j = 0; j < link->pools.n; j++) {
			fault = pool_fault(conf, link, &link->pools.v[j]);
			if (!fault)
				continue;
			snprintf(text, sizeof(text), "%s/%u",
				 ip6_str(&link->pools.v[j].addr),
				 (unsigned int)link->pools.v[j].len);
			fprintf(errs, "%s: [link %s]: pool %s %s\n", path,
				link->name, text, fault);
			err = -EINVAL;
		}
	}
	return err;
}

static bool overlap(const struct ip6_prefix *a, const struct ip6_prefix *b)
{
	return ip6_prefix_has(a, &b->addr) || ip6_prefix_has(b, &a->addr);
}

/* Why hosts cannot be given prefixes of this; NULL: they can. */
static const char *hosts_fault(const struct ha_conf *conf,
			       const struct ha_link *link)
{
	const struct ip6_prefix *from = &link->host_prefixes;
	const struct ha_link *other;
	size_t i;

	if (!link->advertise)
		return "needs advertise = yes";
	if (from->len < HOSTS_LEN_MIN || from->len > HOSTS_LEN_MAX)
		return "is not of 32 to 63 bits";
	if (link->prefixes.n >= ND_PREFIXES_MAX)
		return "is one more prefix than can be advertised";
	for (i = 0; i < conf->addrs.n; i++)
		if (ip6_prefix_has(from, &conf->addrs.v[i]))
			return "has an address of [ha]";
	for (other = conf->links; other < conf->links + conf->n_links;
	     other++) {
		for (i = 0; i < other->prefixes.n; i++)
			if (overlap(from, &other->prefixes.v[i]))
				return "overlaps a prefix of a [link]";
		if (other != link && other->host_prefixes.len &&
		    overlap(from, &other->host_prefixes))
			return "overlaps another link's";
	}
	return NULL;
}

static int check_hosts(const struct ha_conf *conf, const char *path,
		       FILE *errs)
{
	const struct ha_link *link;
	const char *fault;
	int err = 0;

	for (link = conf->links; link < conf->links + conf->n_links; link++) {
		fault = link->host_prefixes.len ? hosts_fault(conf, link) : NULL;
		if (!fault)
			continue;
		fprintf(errs, "%s: [link %s]: host-prefixes %s\n", path,
			link->name, fault);
		err = -EINVAL;
	}
	return err;
}

/* Whose a mobile network prefix is besides; NULL: nobody's. */
static const char *net_fault(const struct ha_conf *conf,
			     const struct ha_owner *owner,
			     const struct ip6_prefix *net)
{
	const struct ha_owner *other;
	const struct ha_link *link;
	size_t i;

	for (i = 0; i < conf->addrs.n; i++)
		if (ip6_prefix_has(net, &conf->addrs.v[i]))
			return "has an address of [ha]";
	for (link = conf->links; link < conf->links + conf->n_links; link++) {
		for (i = 0; i < link->prefixes.n; i++)
			if (overlap(net, &link->prefixes.v[i]))
				return "overlaps a prefix of a [link]";
		if (link->host_prefixes.len &&
		    overlap(net, &link->host_prefixes))
			return "overlaps host-prefixes of a [link]";
	}
	for (other = conf->owners; other < owner; other++)
		for (i = 0; i < other->nets.n; i++)
			if (overlap(net, &other->nets.v[i]))
				return "overlaps that of another [owner]";
	return NULL;
}

/* RFC 3963 6.1.2: each belongs to one. */
static int check_nets(const struct ha_conf *conf, const char *path,
		      FILE *errs)
{
	const struct ha_owner *owner;
	const char *fault;
	int err = 0;
	size_t i;

	for (owner = conf->owners; owner < conf->owners + conf->n_owners;
	     owner++) {
		for (i = 0; i < owner->nets.n; i++) {
			fault = net_fault(conf, owner, &owner->nets.v[i]);
			if (!fault)
				continue;
			fprintf(errs, "%s: [owner %s]: prefix %s/%u %s\n",
				path, owner->name,
				ip6_str(&owner->nets.v[i].addr),
				(unsigned int)owner->nets.v[i].len, fault);
			err = -EINVAL;
		}
	}
	return err;
}

int ha_conf_check(const struct ha_conf *conf, const char *path, FILE *errs)
{
	int pools = check_pools(conf, path, errs);
	int sas = check_sas(conf, path, errs);
	int owners = check_owners(conf, path, errs);
	int ike = ike_conf_check(&conf->ike, path, errs);
	int hosts = check_hosts(conf, path, errs);
	int nets = check_nets(conf, path, errs);

	return sas || owners || ike || pools || hosts || nets ? -EINVAL : 0;
}
