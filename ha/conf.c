/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/conf.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/conf.h"
#include "ha/pool.h"
#include "proto/mh.h"

enum {
	MAX_BINDINGS = 65536,
	MAX_LIFETIME = 600,			/* s */
	OWNER_LEASE = 24 * 3600,		/* s */
	OWNER_MAX = 64,		/* temporary addresses come and go */
	POOL_MAX = 4096,
	LIFETIME_LIMIT = 0xffff * MH_LIFETIME_UNIT,	/* the field's */
};

/* Room for one more at the end of *v, zeroed; NULL and err if there is none. */
static void *append(void **v, size_t *n, size_t size, char *err, size_t len)
{
	void *grown = reallocarray(*v, *n + 1, size);

	if (!grown) {
		snprintf(err, len, "out of memory");
		return NULL;
	}
	*v = grown;
	return memset((char *)grown + (*n)++ * size, 0, size);
}

static int add_addr(void *dst, const char *v, char *err, size_t n)
{
	struct ha_addrs *list = dst;
	struct in6_addr *addr = append((void **)&list->v, &list->n,
				       sizeof(*addr), err, n);

	if (!addr || conf_set_addr(addr, v, err, n) < 0)
		return -1;
	if (ip6_unicast_routable(addr))
		return 0;
	snprintf(err, n, "'%s' is not unicast routable", v);
	return -1;
}

static int add_prefix(void *dst, const char *v, char *err, size_t n)
{
	struct ha_prefixes *list = dst;
	struct ip6_prefix *prefix = append((void **)&list->v, &list->n,
					   sizeof(*prefix), err, n);

	return prefix ? conf_set_prefix(prefix, v, err, n) : -1;
}

static int add_ifname(void *dst, const char *v, char *err, size_t n)
{
	struct ha_ifnames *list = dst;
	struct ha_ifname *ifname = append((void **)&list->v, &list->n,
					  sizeof(*ifname), err, n);

	return ifname ? conf_set_ifname(ifname->name, v, err, n) : -1;
}

static void *open_ha(void *conf, const char *name, char *err, size_t n)
{
	(void)name;
	(void)err;
	(void)n;
	return conf;
}

static int close_ha(void *arg, void *section, char *err, size_t n)
{
	const struct ha_conf *conf = section;

	(void)arg;
	if (conf->max_lifetime.ns < MTIME_SEC(MH_LIFETIME_UNIT).ns ||
	    conf->max_lifetime.ns > MTIME_SEC(LIFETIME_LIMIT).ns) {
		snprintf(err, n, "max-lifetime is not within %d and %d "
			 "seconds", MH_LIFETIME_UNIT, LIFETIME_LIMIT);
		return -1;
	}
	if (!conf->max_bindings) {
		snprintf(err, n, "max-bindings is 0");
		return -1;
	}
	if (mtime_before(conf->owner_lease, MTIME_SEC(1))) {
		snprintf(err, n, "owner-lease is below a second");
		return -1;
	}
	return 0;
}

static void *open_link(void *arg, const char *name, char *err, size_t n)
{
	struct ha_conf *conf = arg;
	struct ha_link *link;
	char ifname[IFNAMSIZ];

	if (conf_set_ifname(ifname, name, err, n) < 0)
		return NULL;
	link = append((void **)&conf->links, &conf->n_links, sizeof(*link),
		      err, n);
	if (link)
		memcpy(link->name, ifname, sizeof(ifname));
	return link;
}

static void *open_sa(void *arg, const char *name, char *err, size_t n)
{
	struct ha_conf *conf = arg;
	struct sadb_conf **slot, *sa;

	if (strlen(name) >= sizeof(sa->name)) {
		snprintf(err, n, "name is too long");
		return NULL;
	}
	slot = append((void **)&conf->sas, &conf->n_sas, sizeof(*slot), err,
		      n);
	if (!slot)
		return NULL;
	/* one by one: growing a list would leave copies of keys behind */
	sa = *slot = calloc(1, sizeof(*sa));
	if (!sa) {
		conf->n_sas--;
		snprintf(err, n, "out of memory");
		return NULL;
	}
	strcpy(sa->name, name);
	return sa;
}

static void *open_ike(void *arg, const char *name, char *err, size_t n)
{
	struct ha_conf *conf = arg;

	(void)name;
	(void)err;
	(void)n;
	conf->ike.on = true;
	return &conf->ike;
}

static void *open_psk(void *arg, const char *name, char *err, size_t n)
{
	struct ha_conf *conf = arg;

	return ike_conf_psk(&conf->ike, name, err, n);
}

static void *open_owner(void *arg, const char *name, char *err, size_t n)
{
	struct ha_conf *conf = arg;
	struct ha_owner *owner;

	if (strlen(name) >= sizeof(owner->name)) {
		snprintf(err, n, "name is too long");
		return NULL;
	}
	owner = append((void **)&conf->owners, &conf->n_owners,
		       sizeof(*owner), err, n);
	if (owner)
		strcpy(owner->name, name);
	return owner;
}

static int set_xdp(void *dst, const char *v, char *err, size_t n)
{
	static const char *const names[] = {
		[DP_XDP_AUTO] = "auto",
		[DP_XDP_YES] = "yes",
		[DP_XDP_NO] = "no",
	};
	enum dp_xdp *xdp = dst;
	int i;

	for (i = DP_XDP_AUTO; i <= DP_XDP_NO; i++) {
		if (!strcmp(v, names[i])) {
			*xdp = (enum dp_xdp)i;
			return 0;
		}
	}
	snprintf(err, n, "neither auto, yes nor no");
	return -1;
}

static int set_identity(void *dst, const char *v, char *err, size_t n)
{
	size_t len = strlen(v);

	if (!len || len >= IKE_IDENTITY_LEN) {
		snprintf(err, n, "not of 1 to %d characters",
			 IKE_IDENTITY_LEN - 1);
		return -1;
	}
	memcpy(dst, v, len + 1);
	return 0;
}

#define HA(key_name, field, fn, ...) { \
	.name = key_name, .set = fn, \
	.off = offsetof(struct ha_conf, field), __VA_ARGS__ }

static const struct conf_key ha_keys[] = {
	HA("address", addrs, add_addr, .required = true, .many = true),
	HA("control", control, conf_set_string),
	HA("state", state, conf_set_string),
	HA("bpffs", bpffs, conf_set_string),
	HA("user", user, conf_set_string),
	HA("max-bindings", max_bindings, conf_set_u32),
	HA("xdp", xdp, set_xdp),
	HA("max-lifetime", max_lifetime, conf_set_seconds),
	HA("owner-lease", owner_lease, conf_set_seconds),
	HA("owner-max", owner_max, conf_set_u32),
	HA("pool-max", pool_max, conf_set_u32),
	HA("interface", ifnames, add_ifname, .many = true),
	{ .name = NULL },
};

static const struct conf_key link_keys[] = {
	{ .name = "prefix", .set = add_prefix,
	  .off = offsetof(struct ha_link, prefixes),
	  .required = true, .many = true },
	{ .name = "pool", .set = add_prefix,
	  .off = offsetof(struct ha_link, pools), .many = true },
	{ .name = NULL },
};

static const struct conf_key owner_keys[] = {
	{ .name = "hoa", .set = conf_set_addr,
	  .off = offsetof(struct ha_owner, hoa), .required = true },
	{ .name = "identity", .set = set_identity,
	  .off = offsetof(struct ha_owner, identity), .required = true },
	{ .name = NULL },
};

static const struct conf_section sections[] = {
	{ .type = "ha", .open = open_ha, .close = close_ha, .keys = ha_keys },
	{ .type = "link", .named = true, .open = open_link,
	  .keys = link_keys },
	{ .type = "sa", .named = true, .open = open_sa,
	  .keys = conf_sa_keys },
	{ .type = "ike", .open = open_ike, .keys = ike_conf_keys_ha },
	{ .type = "psk", .named = true, .open = open_psk,
	  .keys = ike_conf_psk_keys },
	{ .type = "owner", .named = true, .open = open_owner,
	  .keys = owner_keys },
	{ .type = NULL },
};

static int set_defaults(struct ha_conf *conf)
{
	*conf = (struct ha_conf){
		.control = strdup("/run/kedge/ha.sock"),
		.state = strdup("/var/lib/kedge/ha"),
		.bpffs = strdup("/sys/fs/bpf/kedge-ha"),
		.user = strdup(""),
		.max_bindings = MAX_BINDINGS,
		.max_lifetime = MTIME_SEC(MAX_LIFETIME),
		.owner_lease = MTIME_SEC(OWNER_LEASE),
		.owner_max = OWNER_MAX,
		.pool_max = POOL_MAX,
	};
	if (ike_conf_init(&conf->ike, true) < 0)
		return -ENOMEM;
	return conf->control && conf->state && conf->bpffs && conf->user ?
		0 : -ENOMEM;
}

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

bool ha_conf_pooled(const struct ha_conf *conf, const struct in6_addr *addr)
{
	const struct ha_prefixes *pools;
	size_t i, j;

	for (i = 0; i < conf->n_links; i++) {
		pools = &conf->links[i].pools;
		for (j = 0; j < pools->n; j++)
			if (ip6_prefix_has(&pools->v[j], addr))
				return true;
	}
	return false;
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

static int check_all(const struct ha_conf *conf, const char *path, FILE *errs)
{
	int pools = check_pools(conf, path, errs);
	int sas = check_sas(conf, path, errs);
	int owners = check_owners(conf, path, errs);
	int ike = ike_conf_check(&conf->ike, path, errs);

	return sas || owners || ike || pools ? -EINVAL : 0;
}

int ha_conf_load(struct ha_conf *conf, const char *path, FILE *errs)
{
	int err = set_defaults(conf);

	if (!err)
		err = conf_load(path, sections, conf, errs);
	return err ? err : check_all(conf, path, errs);
}

void ha_conf_free(struct ha_conf *conf)
{
	size_t i;

	for (i = 0; i < conf->n_sas; i++) {
		sodium_memzero(conf->sas[i], sizeof(*conf->sas[i]));
		free(conf->sas[i]);
	}
	free(conf->sas);
	ike_conf_free(&conf->ike);
	free(conf->owners);
	for (i = 0; i < conf->n_links; i++) {
		free(conf->links[i].prefixes.v);
		free(conf->links[i].pools.v);
	}
	free(conf->links);
	free(conf->addrs.v);
	free(conf->ifnames.v);
	free(conf->control);
	free(conf->state);
	free(conf->bpffs);
	free(conf->user);
	*conf = (struct ha_conf){0};
}

bool ha_conf_has_addr(const struct ha_conf *conf, const struct in6_addr *addr)
{
	size_t i;

	for (i = 0; i < conf->addrs.n; i++)
		if (ip6_addr_eq(&conf->addrs.v[i], addr))
			return true;
	return false;
}

static bool same(const void *a, size_t n_a, const void *b, size_t n_b,
		 size_t size)
{
	return n_a == n_b && (!n_a || !memcmp(a, b, n_a * size));
}

static bool same_links(const struct ha_conf *a, const struct ha_conf *b)
{
	size_t i;

	if (a->n_links != b->n_links)
		return false;
	for (i = 0; i < a->n_links; i++) {
		const struct ha_link *x = &a->links[i], *y = &b->links[i];

		if (strcmp(x->name, y->name) ||
		    !same(x->prefixes.v, x->prefixes.n, y->prefixes.v,
			  y->prefixes.n, sizeof(*x->prefixes.v)) ||
		    !same(x->pools.v, x->pools.n, y->pools.v, y->pools.n,
			  sizeof(*x->pools.v)))
			return false;
	}
	return true;
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
	if (!same_links(a, b))
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
