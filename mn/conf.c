/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/conf.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf.h"
#include "mn/resolve.h"
#include "proto/mip.h"

static struct mn_conf_iface *find_iface(struct mn_conf *conf, const char *name)
{
	unsigned int k;

	for (k = 0; k < conf->n_ifaces; k++)
		if (!strcmp(conf->ifaces[k].name, name))
			return &conf->ifaces[k];
	return NULL;
}

static struct mn_conf_iface *add_iface(struct mn_conf *conf, const char *name,
				       char *err, size_t n)
{
	struct mn_conf_iface *i = &conf->ifaces[conf->n_ifaces];

	if (conf->n_ifaces == MN_IFACES_MAX) {
		snprintf(err, n, "more than %d interfaces", MN_IFACES_MAX);
		return NULL;
	}
	if (conf_set_ifname(i->name, name, err, n))
		return NULL;
	conf->n_ifaces++;
	return i;
}

/* One that has a section too is the same. */
static int set_iface(void *dst, const char *v, char *err, size_t n)
{
	struct mn_conf *conf = dst;

	return find_iface(conf, v) || add_iface(conf, v, err, n) ? 0 : -1;
}

static int set_byte(void *dst, const char *v, char *err, size_t n)
{
	if (conf_set_u32(dst, v, err, n))
		return -1;
	if (*(uint32_t *)dst >= 1 && *(uint32_t *)dst <= 255)
		return 0;
	snprintf(err, n, "not between 1 and 255");
	return -1;
}

/* RFC 6275 6.1.7: 16 bits of 4 s */
static int set_lifetime(void *dst, const char *v, char *err, size_t n)
{
	if (conf_set_seconds(dst, v, err, n))
		return -1;
	if (mtime_sec(*(mtime *)dst) >= MTIME_SEC(4).ns / 1000000000 &&
	    mtime_sec(*(mtime *)dst) <= 65535 * 4)
		return 0;
	snprintf(err, n, "not between 4 and 262140 seconds");
	return -1;
}

/* RFC 6275 11.8: it doubles until it is MAX_BINDACK_TIMEOUT. */
static int set_timeout(void *dst, const char *value, char *err, size_t n)
{
	if (conf_set_seconds(dst, value, err, n))
		return -1;
	if (!mtime_before(*(mtime *)dst, MTIME_MS(100)) &&
	    !mtime_before(MTIME_SEC(32), *(mtime *)dst))
		return 0;
	snprintf(err, n, "not between 0.1 and 32 seconds");
	return -1;
}

static int set_heartbeat(void *dst, const char *v, char *err, size_t n)
{
	if (conf_set_seconds(dst, v, err, n))
		return -1;
	if (!((mtime *)dst)->ns ||
	    (!mtime_before(*(mtime *)dst, MTIME_SEC(1)) &&
	     !mtime_before(MTIME_SEC(3600), *(mtime *)dst)))
		return 0;
	snprintf(err, n, "neither 0 nor between 1 and 3600 seconds");
	return -1;
}

static int set_dead_anchor(void *dst, const char *v, char *err, size_t n)
{
	*(bool *)dst = !strcmp(v, "reset");
	if (*(bool *)dst || !strcmp(v, "keep"))
		return 0;
	snprintf(err, n, "neither keep nor reset");
	return -1;
}

/* RFC 5026 5.1.2: after a home agent was looked for in vain */
static int set_interval(void *dst, const char *v, char *err, size_t n)
{
	if (conf_set_seconds(dst, v, err, n))
		return -1;
	if (mtime_sec(*(mtime *)dst) >= 1 && mtime_sec(*(mtime *)dst) <= 86400)
		return 0;
	snprintf(err, n, "not between 1 second and a day");
	return -1;
}

/* Native addresses' rules have the next one, and the main table's comes after
 * both (32766). The one before is that of home addresses on their own link, and
 * comes after the local table's (0). */
static int set_priority(void *dst, const char *v, char *err, size_t n)
{
	if (conf_set_u32(dst, v, err, n))
		return -1;
	if (*(uint32_t *)dst >= 2 && *(uint32_t *)dst <= 32764)
		return 0;
	snprintf(err, n, "not between 2 and 32764");
	return -1;
}

/* Those of the interfaces follow it. */
static int set_table(void *dst, const char *v, char *err, size_t n)
{
	if (conf_set_u32(dst, v, err, n))
		return -1;
	if (*(uint32_t *)dst >= 1 &&
	    *(uint32_t *)dst <= UINT32_MAX - 1 - MN_IFACES_MAX &&
	    (*(uint32_t *)dst < RT_TABLE_DEFAULT - MN_IFACES_MAX ||
	     *(uint32_t *)dst > RT_TABLE_LOCAL))
		return 0;
	snprintf(err, n, "it or one of the %d after it is none of ours",
		 MN_IFACES_MAX);
	return -1;
}

static int set_metric(void *dst, const char *v, char *err, size_t n)
{
	if (conf_set_u32(dst, v, err, n))
		return -1;
	if (*(uint32_t *)dst)
		return 0;
	snprintf(err, n, "not between 1 and 4294967295");
	return -1;
}

#define MN(name, set, field) \
	{name, set, offsetof(struct mn_conf, field), false, false}

static const struct conf_key mn_keys[] = {
	{"interface", set_iface, 0, false, true},
	MN("control", conf_set_string, control),
	MN("state", conf_set_string, state),
	MN("bpffs", conf_set_string, bpffs),
	MN("user", conf_set_string, user),
	MN("applications", conf_set_string, applications),
	MN("cgroup", conf_set_string, cgroup),
	MN("policy", conf_set_string, policy),
	MN("tun", conf_set_ifname, tun),
	MN("lifetime", set_lifetime, lifetime),
	MN("first-registration-timeout", set_timeout, first_timeout),
	MN("release-grace", conf_set_seconds, release_grace),
	MN("udp-idle", conf_set_seconds, udp_idle),
	MN("heartbeat", set_heartbeat, heartbeat),
	MN("missing-heartbeats", set_byte, missing_heartbeats),
	MN("dead-anchor", set_dead_anchor, dead_anchor_reset),
	MN("queue", conf_set_u32, queue),
	MN("rule-priority", set_priority, rule_priority),
	MN("table", set_table, table),
	MN("metric", set_metric, metric),
	MN("protocol", set_byte, protocol),
	MN("accept-ra-anchors", conf_set_bool, accept_ra_anchors),
	MN("discovery-interval", set_interval, discovery_interval),
	{0},
};

static const struct conf_key anchor_keys[] = {
	{"prefix", conf_set_prefix, offsetof(struct mn_conf_anchor, prefix),
	 true, false},
	{"address", conf_set_addr, offsetof(struct mn_conf_anchor, address),
	 false, false},
	{"name", conf_set_string, offsetof(struct mn_conf_anchor, name),
	 false, false},
	{"domain", conf_set_string, offsetof(struct mn_conf_anchor, domain),
	 false, false},
	{"remote", conf_set_bool, offsetof(struct mn_conf_anchor, remote),
	 false, false},
	{0},
};

static const struct conf_key fixed_keys[] = {
	{"address", conf_set_addr, offsetof(struct mn_conf_fixed, hoa), true,
	 false},
	{"home-agent", conf_set_addr, offsetof(struct mn_conf_fixed, ha),
	 false, false},
	{"name", conf_set_string, offsetof(struct mn_conf_fixed, name), false,
	 false},
	{"domain", conf_set_string, offsetof(struct mn_conf_fixed, domain),
	 false, false},
	{"prefix", conf_set_prefix, offsetof(struct mn_conf_fixed, prefix),
	 true, false},
	{0},
};

static int set_weak_signal(void *dst, const char *v, char *err, size_t n)
{
	char *end;
	long dbm = strtol(v, &end, 10);

	*(int *)dst = 0;
	if (!strcmp(v, "off"))
		return 0;
	if (*v == '-' && !*end && dbm >= -100 && dbm <= -20) {
		*(int *)dst = (int)dbm;
		return 0;
	}
	snprintf(err, n, "neither off nor between -100 and -20 (dBm)");
	return -1;
}

static void *open_mn(void *conf, const char *name, char *err, size_t n)
{
	(void)name, (void)err, (void)n;
	return conf;
}

static const struct conf_key iface_keys[] = {
	{"preference", conf_set_u32,
	 offsetof(struct mn_conf_iface, preference), false, false},
	{"metered", conf_set_bool, offsetof(struct mn_conf_iface, metered),
	 false, false},
	{"weak-signal", set_weak_signal,
	 offsetof(struct mn_conf_iface, weak_signal), false, false},
	{0},
};

static void *open_iface(void *arg, const char *name, char *err, size_t n)
{
	struct mn_conf_iface *i = find_iface(arg, name);

	return i ? i : add_iface(arg, name, err, n);
}

static void *open_anchor(void *arg, const char *name, char *err, size_t n)
{
	struct mn_conf *conf = arg;
	struct mn_conf_anchor **last = &conf->anchors;
	struct mn_conf_anchor *a = calloc(1, sizeof(*a));

	(void)name;
	if (!a) {
		snprintf(err, n, "out of memory");
		return NULL;
	}
	while (*last)
		last = &(*last)->next;
	*last = a;
	return a;
}

static void *open_fixed(void *arg, const char *name, char *err, size_t n)
{
	struct mn_conf *conf = arg;
	struct mn_conf_fixed **last = &conf->fixed;
	struct mn_conf_fixed *f = calloc(1, sizeof(*f));

	(void)name;
	if (!f) {
		snprintf(err, n, "out of memory");
		return NULL;
	}
	while (*last)
		last = &(*last)->next;
	*last = f;
	return f;
}

/* One way at most to a home agent's address: none is to ask on the home link,
 * where an anycast address for that has room. */
static int check_way(const struct in6_addr *address, const char *name,
		     const char *domain, const struct ip6_prefix *prefix,
		     char *err, size_t n)
{
	bool known = !IN6_IS_ADDR_UNSPECIFIED(address);
	struct in6_addr anycast;

	if (known + !!name + !!domain > 1)
		snprintf(err, n, "more than one of address, name and domain");
	else if ((name && !resolve_name_valid(name)) ||
		 (domain && !resolve_name_valid(domain)))
		snprintf(err, n, "name or domain is none");
	else if (!known && !mip_anycast(&anycast, prefix))
		snprintf(err, n, "a home agent of so long a prefix cannot be "
			 "found: it needs its address");
	else
		return 0;
	return -1;
}

static int close_anchor(void *arg, void *section, char *err, size_t n)
{
	const struct mn_conf_anchor *a = section;

	(void)arg;
	return check_way(&a->address, a->name, a->domain, &a->prefix, err, n);
}

static int close_fixed(void *arg, void *section, char *err, size_t n)
{
	const struct mn_conf_fixed *f = section;

	(void)arg;
	if (check_way(&f->ha, f->name, f->domain, &f->prefix, err, n))
		return -1;
	if (ip6_prefix_has(&f->prefix, &f->hoa) &&
	    ip6_unicast_routable(&f->hoa) &&
	    (IN6_IS_ADDR_UNSPECIFIED(&f->ha) || ip6_unicast_routable(&f->ha)))
		return 0;
	snprintf(err, n, "address is not in prefix, or one is not unicast");
	return -1;
}

static void *open_sa(void *arg, const char *name, char *err, size_t n)
{
	struct mn_conf *conf = arg;
	struct mn_conf_sa *sa;

	if (strlen(name) >= sizeof(sa->sa.name)) {
		snprintf(err, n, "name of SA is too long");
		return NULL;
	}
	sa = calloc(1, sizeof(*sa));
	if (!sa) {
		snprintf(err, n, "out of memory");
		return NULL;
	}
	strcpy(sa->sa.name, name);
	sa->next = conf->sas;
	conf->sas = sa;
	return &sa->sa;
}

static void *open_ike(void *arg, const char *name, char *err, size_t n)
{
	struct mn_conf *conf = arg;

	(void)name, (void)err, (void)n;
	conf->ike.on = true;
	return &conf->ike;
}

static void *open_psk(void *arg, const char *name, char *err, size_t n)
{
	struct mn_conf *conf = arg;

	return ike_conf_psk(&conf->ike, name, err, n);
}

static const struct conf_section sections[] = {
	{"mn", false, open_mn, NULL, mn_keys},
	{"interface", true, open_iface, NULL, iface_keys},
	{"anchor", true, open_anchor, close_anchor, anchor_keys},
	{"fixed", true, open_fixed, close_fixed, fixed_keys},
	{"sa", true, open_sa, NULL, conf_sa_keys},
	{"ike", false, open_ike, NULL, ike_conf_keys_mn},
	{"psk", true, open_psk, NULL, ike_conf_psk_keys},
	{0},
};

static char *text(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		abort();
	return copy;
}

int mn_conf_load(struct mn_conf *conf, const char *path, FILE *errs)
{
	const struct mn_conf_anchor *a;
	int err;

	*conf = (struct mn_conf){
		.control = text("/run/kedge/mn.sock"),
		.state = text("/var/lib/kedge/mn"),
		.bpffs = text("/sys/fs/bpf/kedge-mn"),
		.user = text(""),
		.applications = text("/run/kedge/app.sock"),
		.cgroup = text(""),
		.policy = text(""),
		.tun = "kedge0",
		.lifetime = MTIME_SEC(300),
		.first_timeout = MTIME_MS(1500),
		.release_grace = MTIME_MS(500),
		.udp_idle = MTIME_SEC(120),
		.heartbeat = MTIME_SEC(10),
		.missing_heartbeats = 3,
		.queue = 64,
		.rule_priority = 7070,
		.table = 7077,
		.metric = 50,
		.protocol = 77,
		.accept_ra_anchors = true,
		.discovery_interval = MTIME_SEC(30),
	};
	err = ike_conf_init(&conf->ike, false);
	if (!err)
		err = conf_load(path, sections, conf, errs);
	if (!err && !conf->n_ifaces) {
		fprintf(errs, "%s: no [interface NAME], nor interface in "
			"[mn]\n",
			path);
		err = -EINVAL;
	}
	for (a = conf->anchors; a && !err; a = a->next)
		if (a->remote && !conf->ike.on) {
			fprintf(errs, "%s: [anchor %s]: remote: addresses are "
				"assigned by IKE, and there is no [ike]\n",
				path, a->name);
			err = -EINVAL;
		}
	return err ? err : ike_conf_check(&conf->ike, path, errs);
}

void mn_conf_fini(struct mn_conf *conf)
{
	while (conf->anchors) {
		struct mn_conf_anchor *next = conf->anchors->next;

		free(conf->anchors->name);
		free(conf->anchors->domain);
		free(conf->anchors);
		conf->anchors = next;
	}
	while (conf->fixed) {
		struct mn_conf_fixed *next = conf->fixed->next;

		free(conf->fixed->name);
		free(conf->fixed->domain);
		free(conf->fixed);
		conf->fixed = next;
	}
	while (conf->sas) {
		struct mn_conf_sa *next = conf->sas->next;

		sodium_memzero(conf->sas, sizeof(*conf->sas));
		free(conf->sas);
		conf->sas = next;
	}
	free(conf->control);
	free(conf->state);
	free(conf->bpffs);
	free(conf->user);
	free(conf->applications);
	free(conf->cgroup);
	free(conf->policy);
	ike_conf_free(&conf->ike);
	memset(conf, 0, sizeof(*conf));
}
