/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/conf.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf.h"
#include "ha/multi.h"
#include "ha/prefixadv.h"
#include "ha/ra.h"
#include "proto/mh.h"

enum {
	MAX_BINDINGS = 65536,
	MAX_LIFETIME = 600,			/* s */
	OWNER_LEASE = 24 * 3600,		/* s */
	OWNER_MAX = 64,		/* temporary addresses come and go */
	POOL_MAX = 4096,
	REVOKE_RETRIES = 1,			/* RFC 5846 11 */
	REVOKE_DELAY = 1,			/* s */
	REVOKE_DELAY_MAX = 2,			/* s */
	SWITCH_RATE = 1,			/* a second, RFC 5142 8 */
	SWITCH_RATE_MAX = 10000,
	LIFETIME_LIMIT = 0xffff * MH_LIFETIME_UNIT,	/* the field's */
	RA_INTERVAL = 30,			/* s */
	ROUTER_LIFETIME = 1800,			/* s */
	PREFIX_VALID = 3600,			/* s, where we advertise it */
	HA_LIFETIME_MAX = 0xffff,		/* s, RFC 6275 7.4 */
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

static int add_net(void *dst, const char *v, char *err, size_t n)
{
	struct ip6_prefix prefix;

	if (conf_set_prefix(&prefix, v, err, n) < 0)
		return -1;
	switch (mnp_add(dst, &prefix)) {
	case 0:
		return 0;
	case -EINVAL:
		snprintf(err, n, "'%s' is not of %d to %d bits, or not "
			 "unicast", v, MNP_LEN_MIN, MNP_LEN_MAX);
		return -1;
	case -EEXIST:
		snprintf(err, n, "'%s' overlaps another", v);
		return -1;
	default:
		snprintf(err, n, "more than %d prefixes, or /64s in them: %d",
			 MNP_MAX, MNP_SLICES);
		return -1;
	}
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
	if (mtime_before(conf->prefix_adv_max, MTIME_SEC(1)) ||
	    mtime_before(conf->prefix_adv_max, conf->prefix_adv_min)) {
		snprintf(err, n, "prefix-adv-max is below a second, or below "
			 "prefix-adv-min");
		return -1;
	}
	if (mtime_before(conf->owner_lease, MTIME_SEC(1))) {
		snprintf(err, n, "owner-lease is below a second");
		return -1;
	}
	/* RFC 5846 11 */
	if (mtime_before(conf->revoke_delay, MTIME_MS(500)) ||
	    mtime_before(conf->revoke_delay_max, conf->revoke_delay)) {
		snprintf(err, n, "revoke-delay is below half a second, or "
			 "above revoke-delay-max");
		return -1;
	}
	if (!conf->max_paths || conf->max_paths > MULTI_PATHS_MAX ||
	    conf->max_flows > MULTI_FLOWS_MAX) {
		snprintf(err, n, "max-paths is not between 1 and %d, or "
			 "max-flows above %d", MULTI_PATHS_MAX,
			 MULTI_FLOWS_MAX);
		return -1;
	}
	if (!conf->switch_rate || conf->switch_rate > SWITCH_RATE_MAX) {
		snprintf(err, n, "switch-rate is not between 1 and %d",
			 SWITCH_RATE_MAX);
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
	if (!link)
		return NULL;
	memcpy(link->name, ifname, sizeof(ifname));
	link->ra_interval = MTIME_SEC(RA_INTERVAL);
	link->ra_interval_option = true;
	link->router_lifetime = MTIME_SEC(ROUTER_LIFETIME);
	link->prefix_preferred.ns = -1;	/* not given; 0 is a lifetime */
	link->simultaneous = true;
	return link;
}

static bool beyond(mtime t, mtime min, mtime max)
{
	return mtime_before(t, min) || mtime_before(max, t);
}

/* RFC 4861 6.2.1, RFC 6275 7.4 and 7.5; NULL: all is well. */
static const char *ra_fault(const struct ha_link *link)
{
	if (beyond(link->ra_interval, MTIME_MS(RA_INTERVAL_MIN),
		   MTIME_SEC(RA_INTERVAL_MAX)))
		return "ra-interval is not within 50ms and 1800 s";
	if (beyond(link->router_lifetime, (mtime){0},
		   MTIME_SEC(RA_LIFETIME_MAX)) ||
	    (mtime_sec(link->router_lifetime) &&
	     mtime_before(link->router_lifetime, link->ra_interval)))
		return "router-lifetime is not 0, nor within ra-interval and "
		       "9000 s";
	if (beyond(link->ha_lifetime, MTIME_SEC(1),
		   MTIME_SEC(HA_LIFETIME_MAX)))
		return "ha-lifetime is not within 1 and 65535 s";
	if (link->ha_preference > UINT16_MAX)
		return "ha-preference is above 65535";
	if (link->mtu && (link->mtu < IP6_MIN_MTU || link->mtu > UINT16_MAX))
		return "mtu is not within 1280 and 65535";
	if (link->prefixes.n > ND_PREFIXES_MAX)
		return "has too many prefixes to advertise";
	return NULL;
}

/* What was not given follows from what was. */
static void ra_defaults(struct ha_link *link)
{
	if (!link->prefix_valid.ns && link->advertise)
		link->prefix_valid = MTIME_SEC(PREFIX_VALID);
	if (link->prefix_preferred.ns < 0 && link->prefix_valid.ns)
		link->prefix_preferred.ns = link->prefix_valid.ns / 2;
	else if (link->prefix_preferred.ns < 0)
		link->prefix_preferred = MTIME_SEC(UINT32_MAX);
	/* RFC 6275 7.4: the router's, unless that is 0 */
	if (!link->ha_lifetime.ns)
		link->ha_lifetime = mtime_sec(link->router_lifetime) ?
			link->router_lifetime : MTIME_SEC(ROUTER_LIFETIME);
}

static int close_link(void *arg, void *section, char *err, size_t n)
{
	struct ha_link *link = section;
	const char *fault;

	(void)arg;
	ra_defaults(link);
	fault = ra_fault(link);
	if (!fault && link->prefix_valid.ns &&
	    mtime_before(link->prefix_valid, link->prefix_preferred))
		fault = "prefix-preferred is above prefix-valid";
	/* A binding's lifetime is no longer, and has a unit. */
	if (!fault && link->prefix_valid.ns &&
	    mtime_before(link->prefix_valid, MTIME_SEC(MH_LIFETIME_UNIT)))
		fault = "prefix-valid is below 4 s";
	if (fault)
		snprintf(err, n, "%s", fault);
	return fault ? -1 : 0;
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

/* The index of v in names, which NULL ends; -1: it is none of them. */
static int choice(const char *const *names, const char *v)
{
	int i;

	for (i = 0; names[i]; i++)
		if (!strcmp(v, names[i]))
			return i;
	return -1;
}

static int set_xdp(void *dst, const char *v, char *err, size_t n)
{
	static const char *const names[] = {
		[DP_XDP_AUTO] = "auto",
		[DP_XDP_YES] = "yes",
		[DP_XDP_NO] = "no",
		NULL,
	};
	int i = choice(names, v);

	if (i < 0)
		return wrong(err, n, "neither auto, yes nor no");
	*(enum dp_xdp *)dst = (enum dp_xdp)i;
	return 0;
}

static int set_dad(void *dst, const char *v, char *err, size_t n)
{
	static const char *const names[] = {
		[HA_DAD_UNSEEN] = "unseen",
		[HA_DAD_YES] = "yes",
		[HA_DAD_NO] = "no",
		NULL,
	};
	int i = choice(names, v);

	if (i < 0)
		return wrong(err, n, "neither unseen, yes nor no");
	*(enum ha_dad *)dst = (enum ha_dad)i;
	return 0;
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
	HA("brr", brr, conf_set_bool),
	HA("several-care-of-addresses", several, conf_set_bool),
	HA("bulk", bulk, conf_set_bool),
	HA("max-paths", max_paths, conf_set_u32),
	HA("max-flows", max_flows, conf_set_u32),
	HA("max-lifetime", max_lifetime, conf_set_seconds),
	HA("owner-lease", owner_lease, conf_set_seconds),
	HA("owner-max", owner_max, conf_set_u32),
	HA("pool-max", pool_max, conf_set_u32),
	HA("revoke-retries", revoke_retries, conf_set_u32),
	HA("revoke-delay", revoke_delay, conf_set_seconds),
	HA("revoke-delay-max", revoke_delay_max, conf_set_seconds),
	HA("switch-rate", switch_rate, conf_set_u32),
	HA("prefix-advertisements", prefix_advertisements, conf_set_bool),
	HA("prefix-adv-min", prefix_adv_min, conf_set_seconds),
	HA("prefix-adv-max", prefix_adv_max, conf_set_seconds),
	HA("interface", ifnames, add_ifname, .many = true),
	{ .name = NULL },
};

#define LINK(key_name, field, fn) { \
	.name = key_name, .set = fn, .off = offsetof(struct ha_link, field) }

static const struct conf_key link_keys[] = {
	{ .name = "prefix", .set = add_prefix,
	  .off = offsetof(struct ha_link, prefixes),
	  .required = true, .many = true },
	{ .name = "pool", .set = add_prefix,
	  .off = offsetof(struct ha_link, pools), .many = true },
	LINK("advertise", advertise, conf_set_bool),
	LINK("ra-interval", ra_interval, conf_set_seconds),
	LINK("ra-interval-option", ra_interval_option, conf_set_bool),
	LINK("router-lifetime", router_lifetime, conf_set_seconds),
	LINK("prefix-valid", prefix_valid, conf_set_seconds),
	LINK("prefix-preferred", prefix_preferred, conf_set_seconds),
	LINK("ha-preference", ha_preference, conf_set_u32),
	LINK("ha-lifetime", ha_lifetime, conf_set_seconds),
	LINK("mtu", mtu, conf_set_u32),
	LINK("simultaneous", simultaneous, conf_set_bool),
	LINK("other-routers", other_routers, conf_set_bool),
	LINK("host-prefixes", host_prefixes, conf_set_prefix),
	{ .name = "dad", .set = set_dad,
	  .off = offsetof(struct ha_link, dad) },
	{ .name = NULL },
};

static const struct conf_key owner_keys[] = {
	{ .name = "hoa", .set = conf_set_addr,
	  .off = offsetof(struct ha_owner, hoa), .required = true },
	{ .name = "identity", .set = set_identity,
	  .off = offsetof(struct ha_owner, identity), .required = true },
	{ .name = "prefix", .set = add_net,
	  .off = offsetof(struct ha_owner, nets), .many = true },
	{ .name = NULL },
};

static const struct conf_section sections[] = {
	{ .type = "ha", .open = open_ha, .close = close_ha, .keys = ha_keys },
	{ .type = "link", .named = true, .open = open_link,
	  .close = close_link, .keys = link_keys },
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
		.brr = true,
		.several = true,
		.bulk = true,
		.max_paths = MULTI_PATHS_MAX,
		.max_flows = MULTI_FLOWS_MAX,
		.max_lifetime = MTIME_SEC(MAX_LIFETIME),
		.owner_lease = MTIME_SEC(OWNER_LEASE),
		.owner_max = OWNER_MAX,
		.pool_max = POOL_MAX,
		.revoke_retries = REVOKE_RETRIES,
		.revoke_delay = MTIME_SEC(REVOKE_DELAY),
		.revoke_delay_max = MTIME_SEC(REVOKE_DELAY_MAX),
		.switch_rate = SWITCH_RATE,
		.prefix_advertisements = true,
		.prefix_adv_min = MTIME_SEC(PREFIXADV_MIN_INTERVAL),
		.prefix_adv_max = MTIME_SEC(PREFIXADV_MAX_INTERVAL),
	};
	if (ike_conf_init(&conf->ike, true) < 0)
		return -ENOMEM;
	return conf->control && conf->state && conf->bpffs && conf->user ?
		0 : -ENOMEM;
}

int ha_conf_load(struct ha_conf *conf, const char *path, FILE *errs)
{
	int err = set_defaults(conf);

	if (!err)
		err = conf_load(path, sections, conf, errs);
	return err ? err : ha_conf_check(conf, path, errs);
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
