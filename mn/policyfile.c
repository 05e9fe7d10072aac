/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy as a file, kedge-policy.conf(5). */
#include "mn/policy.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf.h"

enum { COMMANDS_MAX = 32, ALLOW_MAX = POLICY_PERMITS_MAX };

/* Who may ask for a type, as the lines of [allow] said so far. */
struct allow {
	bool given, everybody;
	unsigned int n;
	struct sock_who who[ALLOW_MAX];
};

/* A section [rule NAME]. */
struct draft {
	char name[POLICY_NAME_MAX], from[POLICY_FROM_MAX];
	char commands[COMMANDS_MAX][SOCK_COMM];
	unsigned int n_commands;
	char cgroup[POLICY_CGROUP_MAX];
	struct sock_rule match;		/* but the command */
	struct policy_way way;
	bool said;			/* what is to be, maybe wrongly */
	bool quic;
	bool dropin;
};

struct loader {
	const char *path;
	struct policy policy;
	unsigned int n_dropin;	/* rules of drop-ins, which stand first */
	struct draft draft;
	struct allow allow[SERVICE__MAX];
};

static int set_service(void *dst, const char *v, char *err, size_t n)
{
	enum service service;
	uint8_t *out = dst;

	if (!service_parse(v, &service))
		return wrong(err, n, "'%s' is none of fixed, session-lasting, "
			     "nonpersistent, graceful-replacement", v);
	*out = (uint8_t)service;
	return 0;
}

static int set_default(void *dst, const char *v, char *err, size_t n)
{
	enum service *out = dst;
	uint8_t service = SERVICE_NONE;

	if (strcmp(v, "none") && set_service(&service, v, err, n))
		return -1;
	*out = service;
	return 0;
}

static int set_gives(void *dst, const char *v, char *err, size_t n)
{
	struct draft *d = dst;

	d->said = true;
	return set_service(&d->match.service, v, err, n);
}

/* comm is what the kernel keeps of a command's name. */
static int set_command(void *dst, const char *v, char *err, size_t n)
{
	struct draft *d = dst;
	size_t len = strlen(v);

	if (!len || len >= SOCK_COMM)
		return wrong(err, n, "not of 1 to %d characters (ps -o comm "
			     "shows what the kernel keeps of a name)",
			     SOCK_COMM - 1);
	if (d->n_commands == COMMANDS_MAX)
		return wrong(err, n, "more than %d in one rule", COMMANDS_MAX);
	memcpy(d->commands[d->n_commands++], v, len);
	d->match.flags |= SOCK_RULE_COMMAND;
	return 0;
}

/* A number, or a name that getid() knows. */
static int set_id(uint32_t *id, const char *v, bool (*getid)(const char *name,
		  uint32_t *id), const char *what, char *err, size_t n)
{
	if (v[0] >= '0' && v[0] <= '9')
		return conf_set_u32(id, v, err, n);
	if (getid(v, id))
		return 0;
	return wrong(err, n, "there is no %s '%s'", what, v);
}

static bool uid_of(const char *name, uint32_t *id)
{
	const struct passwd *pw = getpwnam(name);

	if (pw)
		*id = pw->pw_uid;
	return pw;
}

static bool gid_of(const char *name, uint32_t *id)
{
	const struct group *gr = getgrnam(name);

	if (gr)
		*id = gr->gr_gid;
	return gr;
}

static int set_user(void *dst, const char *v, char *err, size_t n)
{
	struct draft *d = dst;

	d->match.flags |= SOCK_RULE_UID;
	return set_id(&d->match.uid, v, uid_of, "user", err, n);
}

static int set_group(void *dst, const char *v, char *err, size_t n)
{
	struct draft *d = dst;

	d->match.flags |= SOCK_RULE_GID;
	return set_id(&d->match.gid, v, gid_of, "group", err, n);
}

static bool good_path(const char *path)
{
	unsigned int depth = 0;
	size_t len;

	while (*path == '/') {
		len = strcspn(++path, "/");
		if (!len || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		depth++;
		path += len;
	}
	return depth && !*path && depth < SOCK_CGROUP_DEPTH;
}

static int set_cgroup(void *dst, const char *v, char *err, size_t n)
{
	struct draft *d = dst;

	if (d->match.flags & SOCK_RULE_CGROUP)
		return wrong(err, n, "cgroup, unit and user-unit: one of them "
			     "in a rule");
	d->match.flags |= SOCK_RULE_CGROUP;
	if (strlen(v) >= sizeof(d->cgroup) || !good_path(v))
		return wrong(err, n, "'%s' is not a path from the root of the "
			     "cgroups, of at most %d folders", v,
			     SOCK_CGROUP_DEPTH - 1);
	strcpy(d->cgroup, v);
	return 0;
}

static bool is_unit(const char *v)
{
	return *v && *v != '@' && !strchr(v, '/') && strchr(v, '.');
}

/*
 * Where systemd puts a service of the system: instances of a template are in
 * a slice named after it, in which "-" would nest slices.
 */
static int set_unit(void *dst, const char *v, char *err, size_t n)
{
	const char *at = strchr(v, '@'), *c;
	char path[3 * POLICY_CGROUP_MAX];
	size_t len;

	if (!is_unit(v) || strlen(v) >= POLICY_CGROUP_MAX / 2)
		return wrong(err, n, "'%s' is not a unit's name with its "
			     "suffix (.service)", v);
	len = (size_t)sprintf(path, "/system.slice/");
	if (at) {
		len += (size_t)sprintf(path + len, "system-");
		for (c = v; c < at; c++)
			len += (size_t)sprintf(path + len, *c == '-' ?
					       "\\x2d" : "%c", *c);
		len += (size_t)sprintf(path + len, ".slice/");
	}
	strcpy(path + len, v);
	return set_cgroup(dst, path, err, n);
}

static int set_user_unit(void *dst, const char *v, char *err, size_t n)
{
	char path[2 * POLICY_CGROUP_MAX];

	if (!is_unit(v))
		return wrong(err, n, "'%s' is not a unit's name with its "
			     "suffix (.service, .scope)", v);
	snprintf(path, sizeof(path),
		 "/user.slice/user-*.slice/user@*.service/*.slice/%s", v);
	return set_cgroup(dst, path, err, n);
}

static int set_protocol(void *dst, const char *v, char *err, size_t n)
{
	struct draft *d = dst;

	if (!strcmp(v, "mptcp")) {
		d->match.flags |= SOCK_RULE_MPTCP;
		return 0;
	}
	d->match.flags |= SOCK_RULE_PROTOCOL;
	d->match.protocol = IPPROTO_UDP;
	if (!strcmp(v, "tcp"))
		d->match.protocol = IPPROTO_TCP;
	else if (!strcmp(v, "quic"))
		d->quic = true;
	else if (strcmp(v, "udp"))
		return wrong(err, n, "'%s' is none of tcp, udp, mptcp, quic",
			     v);
	return 0;
}

/* 0: it is none. */
static uint16_t port_read(const char *v, const char **end)
{
	unsigned int port = 0;

	for (*end = v; **end >= '0' && **end <= '9' && port <= 65535; ++*end)
		port = port * 10 + (unsigned int)(**end - '0');
	return port <= 65535 ? (uint16_t)port : 0;
}

static int set_port(void *dst, const char *v, char *err, size_t n)
{
	struct draft *d = dst;
	const char *end;
	uint16_t low = port_read(v, &end), high = low;

	if (*end == '-')
		high = port_read(end + 1, &end);
	if (!low || *end || high < low)
		return wrong(err, n, "'%s' is neither a port, 1 to 65535, nor "
			     "LOW-HIGH", v);
	d->match.flags |= SOCK_RULE_PORT;
	d->match.port_low = low;
	d->match.port_high = high;
	return 0;
}

static int set_destination(void *dst, const char *v, char *err, size_t n)
{
	struct ip6_prefix prefix;
	struct draft *d = dst;

	if (conf_set_prefix(&prefix, v, err, n))
		return -1;
	d->match.flags |= SOCK_RULE_PREFIX;
	d->match.prefix = prefix.addr;
	d->match.prefix_len = prefix.len;
	return 0;
}

static int add_name(char names[][IFNAMSIZ], unsigned int *count,
		    const char *name, size_t len, char *err, size_t n)
{
	char text[IFNAMSIZ + 1];

	snprintf(text, sizeof(text), "%.*s", (int)len, name);
	if (*count == POLICY_WAY_NAMES)
		return wrong(err, n, "more than %d interfaces",
			     POLICY_WAY_NAMES);
	return conf_set_ifname(names[(*count)++], text, err, n);
}

/* NAME... in the order in which they are liked, !NAME: never. */
static int set_interface(void *dst, const char *v, char *err, size_t n)
{
	struct draft *d = dst;
	struct policy_way *w = &d->way;
	size_t len;
	int rc = 0;

	d->said |= *v != '\0';
	while (!rc && *(v += strspn(v, " \t"))) {
		bool never = *v == '!';

		v += never;
		len = strcspn(v, " \t");
		rc = never ? add_name(w->never, &w->n_never, v, len, err, n) :
			     add_name(w->prefer, &w->n_prefer, v, len, err, n);
		v += len;
	}
	return rc;
}

static int set_metered(void *dst, const char *v, char *err, size_t n)
{
	struct draft *d = dst;
	bool metered;

	if (conf_set_bool(&metered, v, err, n))
		return -1;
	d->way.unmetered = !metered;
	d->said |= !metered;
	return 0;
}

static int allow_one(struct allow *a, uint32_t id, bool group, char *err,
		     size_t n)
{
	if (a->n == ALLOW_MAX)
		return wrong(err, n, "more than %d users and groups",
			     ALLOW_MAX);
	a->who[a->n++] = (struct sock_who){id, group};
	return 0;
}

/*
 * The kernel knows a process by the one group that it runs with, but people
 * are in most of theirs by /etc/group: its members are allowed one by one.
 */
static int allow_group(struct allow *a, const char *name, char *err, size_t n)
{
	const struct group *gr;
	uint32_t gid, uid;
	char **member;

	if (set_id(&gid, name, gid_of, "group", err, n) ||
	    allow_one(a, gid, true, err, n))
		return -1;
	gr = getgrgid(gid);
	for (member = gr ? gr->gr_mem : NULL; member && *member; member++)
		if (uid_of(*member, &uid) && allow_one(a, uid, false, err, n))
			return -1;
	return 0;
}

static int set_allow(void *dst, const char *v, char *err, size_t n)
{
	struct allow *a = dst;
	uint32_t uid;

	a->given = true;
	if (!strcmp(v, "none")) {
		a->everybody = false;
		a->n = 0;
		return 0;
	}
	if (!strcmp(v, "everybody")) {
		a->everybody = true;
		return 0;
	}
	if (v[0] == '@')
		return allow_group(a, v + 1, err, n);
	if (set_id(&uid, v, uid_of, "user", err, n))
		return -1;
	return allow_one(a, uid, false, err, n);
}

static void *open_policy(void *arg, const char *name, char *err, size_t n)
{
	struct loader *l = arg;

	(void)name, (void)err, (void)n;
	return &l->policy;
}

static void *open_allow(void *arg, const char *name, char *err, size_t n)
{
	struct loader *l = arg;

	(void)name, (void)err, (void)n;
	return l->allow;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void *open_rule(void *arg, const char *name, char *err, size_t n)
{
	struct loader *l = arg;
	struct draft *d = &l->draft;

	if (strlen(name) >= sizeof(d->name)) {
		wrong(err, n, "the name is longer than %zu characters",
		      sizeof(d->name) - 1);
		return NULL;
	}
	memset(d, 0, sizeof(*d));
	strcpy(d->name, name);
	snprintf(d->from, sizeof(d->from), "%.48s:%u", base_name(conf_file()),
		 conf_line());
	d->dropin = strcmp(conf_file(), l->path);
	return d;
}

/* Drop-ins go before the file: they could not change what it has otherwise. */
static struct policy_rule *rule_new(struct loader *l)
{
	struct policy *p = &l->policy;
	struct policy_rule *r = &p->rules[p->n_rules];

	if (p->n_rules == SOCK_RULES_MAX)
		return NULL;
	if (l->draft.dropin) {
		r = &p->rules[l->n_dropin];
		memmove(r + 1, r, (p->n_rules - l->n_dropin++) * sizeof(*r));
	}
	p->n_rules++;
	return r;
}

/* What it gives; and of which type it is about is known only after that. */
static int check_rule(struct draft *d, char *err, size_t n)
{
	bool way = policy_way_given(&d->way);

	if (!d->said)
		return wrong(err, n, "it has neither service, interface nor "
			     "metered = no");
	if (d->match.of_service != SERVICE_NONE &&
	    d->match.service != SERVICE_NONE)
		return wrong(err, n, "a rule of one service type cannot give "
			     "another one");
	if (way)
		d->match.flags |= SOCK_RULE_WAY;
	return 0;
}

static int close_rule(void *arg, void *section, char *err, size_t n)
{
	struct loader *l = arg;
	struct draft *d = section;
	struct policy_rule *r;
	unsigned int i = 0;

	if (check_rule(d, err, n))
		return -1;
	if (d->quic && !(d->match.flags & SOCK_RULE_PORT)) {
		d->match.flags |= SOCK_RULE_PORT;
		d->match.port_low = d->match.port_high = 443;
	}
	do {
		r = rule_new(l);
		if (!r)
			return wrong(err, n, "more than %d rules (each command "
				     "of a rule is one)", SOCK_RULES_MAX);
		memcpy(r->name, d->name, sizeof(r->name));
		memcpy(r->from, d->from, sizeof(r->from));
		memcpy(r->cgroup, d->cgroup, sizeof(r->cgroup));
		r->match = d->match;
		r->way = d->way;
		memcpy(r->match.command, d->commands[i], SOCK_COMM);
	} while (++i < d->n_commands);
	return 0;
}

static const struct conf_key policy_keys[] = {
	{"default", set_default, offsetof(struct policy, dflt), false, false},
	{"reset-nonpersistent", conf_set_bool,
	 offsetof(struct policy, reset_nonpersistent), false, false},
	{"reset-lost", conf_set_bool, offsetof(struct policy, reset_lost),
	 false, false},
	{"graceful-replacement", conf_set_seconds,
	 offsetof(struct policy, grace), false, false},
	{0},
};

static const struct conf_key rule_keys[] = {
	{"command", set_command, 0, false, true},
	{"user", set_user, 0, false, false},
	{"group", set_group, 0, false, false},
	{"cgroup", set_cgroup, 0, false, false},
	{"unit", set_unit, 0, false, false},
	{"user-unit", set_user_unit, 0, false, false},
	{"protocol", set_protocol, 0, false, false},
	{"port", set_port, 0, false, false},
	{"destination", set_destination, 0, false, false},
	{"of-service", set_service, offsetof(struct draft, match.of_service),
	 false, false},
	{"service", set_gives, 0, false, false},
	{"interface", set_interface, 0, false, false},
	{"metered", set_metered, 0, false, false},
	{0},
};

#define ALLOW(name, service) \
	{name, set_allow, (service) * sizeof(struct allow), false, true}

static const struct conf_key allow_keys[] = {
	ALLOW("fixed", SERVICE_FIXED),
	ALLOW("session-lasting", SERVICE_SESSION_LASTING),
	ALLOW("nonpersistent", SERVICE_NONPERSISTENT),
	ALLOW("graceful-replacement", SERVICE_GRACEFUL),
	{0},
};

static const struct conf_section sections[] = {
	{"policy", false, open_policy, NULL, policy_keys},
	{"rule", true, open_rule, close_rule, rule_keys},
	{"allow", false, open_allow, NULL, allow_keys},
	{0},
};

/* A type that [allow] does not name is for those whom it is for without a
 * file. */
static void allow_rest(struct loader *l)
{
	struct policy dflt;
	unsigned int i;
	enum service s;

	policy_default(&dflt);
	for (s = SERVICE_FIXED; s < SERVICE__MAX; s++) {
		if (l->allow[s].given)
			continue;
		l->allow[s].everybody = dflt.everybody & UINT32_C(1) << s;
		for (i = 0; i < dflt.n_permits; i++)
			if (dflt.permits[i].services & UINT32_C(1) << s)
				l->allow[s].who[l->allow[s].n++] =
					dflt.permits[i].who;
	}
}

static int allow_all(struct loader *l, FILE *errs)
{
	unsigned int i;
	enum service s;

	allow_rest(l);
	for (s = SERVICE_FIXED; s < SERVICE__MAX; s++) {
		const struct allow *a = &l->allow[s];

		if (a->everybody)
			l->policy.everybody |= UINT32_C(1) << s;
		for (i = 0; i < a->n; i++)
			if (!policy_permit(&l->policy, a->who[i], s))
				break;
		if (i == a->n)
			continue;
		fprintf(errs, "%s: [allow]: more than %d users and groups in "
			"all\n", l->path, POLICY_PERMITS_MAX);
		return -EINVAL;
	}
	return 0;
}

int policy_load(struct policy *policy, const char *path, FILE *errs)
{
	struct loader *l;
	int err;

	if (!path || !*path) {
		policy_default(policy);
		return 0;
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->path = path;
	policy_empty(&l->policy);
	err = conf_load(path, sections, l, errs);
	if (!err)
		err = allow_all(l, errs);
	if (!err)
		*policy = l->policy;
	free(l);
	return err;
}
