/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/conf.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf.h"

static int set_iface(void *dst, const char *v, char *err, size_t n)
{
	struct mn_conf *conf = dst;

	if (conf->n_ifaces == MN_IFACES_MAX) {
		snprintf(err, n, "more than %d interfaces", MN_IFACES_MAX);
		return -1;
	}
	if (conf_set_ifname(conf->ifaces[conf->n_ifaces], v, err, n))
		return -1;
	conf->n_ifaces++;
	return 0;
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

#define MN(name, set, field) \
	{name, set, offsetof(struct mn_conf, field), false, false}

static const struct conf_key mn_keys[] = {
	{"interface", set_iface, 0, true, true},
	MN("control", conf_set_string, control),
	MN("state", conf_set_string, state),
	MN("bpffs", conf_set_string, bpffs),
	MN("user", conf_set_string, user),
	MN("applications", conf_set_string, applications),
	MN("cgroup", conf_set_string, cgroup),
	MN("policy", conf_set_string, policy),
	MN("tun", conf_set_ifname, tun),
	MN("lifetime", set_lifetime, lifetime),
	MN("release-grace", conf_set_seconds, release_grace),
	MN("udp-idle", conf_set_seconds, udp_idle),
	MN("queue", conf_set_u32, queue),
	MN("rule-priority", conf_set_u32, rule_priority),
	MN("table", conf_set_u32, table),
	MN("protocol", set_byte, protocol),
	MN("accept-ra-anchors", conf_set_bool, accept_ra_anchors),
	{0},
};

static const struct conf_key anchor_keys[] = {
	{"prefix", conf_set_prefix, offsetof(struct mn_conf_anchor, prefix),
	 true, false},
	{"address", conf_set_addr, offsetof(struct mn_conf_anchor, address),
	 true, false},
	{"remote", conf_set_bool, offsetof(struct mn_conf_anchor, remote),
	 false, false},
	{0},
};

static const struct conf_key fixed_keys[] = {
	{"address", conf_set_addr, offsetof(struct mn_conf_fixed, hoa), true,
	 false},
	{"home-agent", conf_set_addr, offsetof(struct mn_conf_fixed, ha), true,
	 false},
	{"prefix", conf_set_prefix, offsetof(struct mn_conf_fixed, prefix),
	 true, false},
	{0},
};

static void *open_mn(void *conf, const char *name, char *err, size_t n)
{
	(void)name, (void)err, (void)n;
	return conf;
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

static int close_fixed(void *arg, void *section, char *err, size_t n)
{
	const struct mn_conf_fixed *f = section;

	(void)arg;
	if (ip6_prefix_has(&f->prefix, &f->hoa) &&
	    ip6_unicast_routable(&f->hoa) && ip6_unicast_routable(&f->ha))
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
	{"anchor", true, open_anchor, NULL, anchor_keys},
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
		.release_grace = MTIME_MS(500),
		.udp_idle = MTIME_SEC(120),
		.queue = 64,
		.rule_priority = 7070,
		.table = 7077,
		.protocol = 77,
		.accept_ra_anchors = true,
	};
	err = ike_conf_init(&conf->ike, false);
	if (!err)
		err = conf_load(path, sections, conf, errs);
	if (!err && !conf->n_ifaces) {
		fprintf(errs, "%s: section [mn] with interface is missing\n",
			path);
		err = -EINVAL;
	}
	return err ? err : ike_conf_check(&conf->ike, path, errs);
}

void mn_conf_fini(struct mn_conf *conf)
{
	while (conf->anchors) {
		struct mn_conf_anchor *next = conf->anchors->next;

		free(conf->anchors);
		conf->anchors = next;
	}
	while (conf->fixed) {
		struct mn_conf_fixed *next = conf->fixed->next;

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
