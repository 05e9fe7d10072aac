/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/policy.h"

#include <string.h>

#include "proto/ip6.h"

#define BIT(service) (UINT32_C(1) << (service))

/*
 * examples/policy.conf is the same as a file, and says why; check_policy
 * compares them.
 */
static const struct builtin {
	const char *name, *command;
	uint32_t flags;
	uint16_t port_low, port_high;
	uint8_t protocol, service;
} builtins[] = {
#define COMMAND(name, command, service) \
	{name, command, SOCK_RULE_COMMAND, 0, 0, 0, service}
#define PORT(name, low, high, service) \
	{name, "", SOCK_RULE_PORT, low, high, 0, service}
#define PROTO_PORT(name, proto, low, high, service) \
	{name, "", SOCK_RULE_PROTOCOL | SOCK_RULE_PORT, low, high, proto, \
	 service}
	{"mptcp", "", SOCK_RULE_MPTCP, 0, 0, 0, SERVICE_NONPERSISTENT},
	PROTO_PORT("quic", IPPROTO_UDP, 443, 443, SERVICE_NONPERSISTENT),
	COMMAND("mosh", "mosh-client", SERVICE_NONPERSISTENT),
	PORT("dns", 53, 53, SERVICE_NONPERSISTENT),
	PORT("dns-encrypted", 853, 853, SERVICE_NONPERSISTENT),
	PROTO_PORT("ntp", IPPROTO_UDP, 123, 123, SERVICE_NONPERSISTENT),
	COMMAND("ssh", "ssh", SERVICE_SESSION_LASTING),
	PROTO_PORT("ssh-port", IPPROTO_TCP, 22, 22, SERVICE_SESSION_LASTING),
	PORT("sip", 5060, 5061, SERVICE_SESSION_LASTING),
	PORT("turn", 3478, 3481, SERVICE_SESSION_LASTING),
	COMMAND("voip", "baresip", SERVICE_SESSION_LASTING),
	COMMAND("voip", "jami", SERVICE_SESSION_LASTING),
	COMMAND("voip", "jamid", SERVICE_SESSION_LASTING),
	COMMAND("voip", "linphone", SERVICE_SESSION_LASTING),
	COMMAND("voip", "linphonec", SERVICE_SESSION_LASTING),
	COMMAND("voip", "mumble", SERVICE_SESSION_LASTING),
	COMMAND("voip", "twinkle", SERVICE_SESSION_LASTING),
	COMMAND("streams", "celluloid", SERVICE_SESSION_LASTING),
	COMMAND("streams", "ffplay", SERVICE_SESSION_LASTING),
	COMMAND("streams", "mpv", SERVICE_SESSION_LASTING),
	COMMAND("streams", "rhythmbox", SERVICE_SESSION_LASTING),
	COMMAND("streams", "totem", SERVICE_SESSION_LASTING),
	COMMAND("streams", "vlc", SERVICE_SESSION_LASTING),
	PROTO_PORT("rsync", IPPROTO_TCP, 873, 873, SERVICE_SESSION_LASTING),
	PORT("rdp", 3389, 3389, SERVICE_SESSION_LASTING),
	PROTO_PORT("vnc", IPPROTO_TCP, 5900, 5909, SERVICE_SESSION_LASTING),
#undef COMMAND
#undef PORT
#undef PROTO_PORT
};

enum { N_BUILTINS = sizeof(builtins) / sizeof(*builtins) };

_Static_assert((int)N_BUILTINS <= (int)SOCK_RULES_MAX, "too many built-in rules");

void policy_empty(struct policy *policy)
{
	memset(policy, 0, sizeof(*policy));
	policy->dflt = SERVICE_SESSION_LASTING;
	policy->reset_nonpersistent = true;
	policy->reset_lost = true;
	policy->grace = MTIME_SEC(30);
}

void policy_default(struct policy *policy)
{
	struct sock_who root = {0};
	const struct builtin *b;
	struct policy_rule *r;

	policy_empty(policy);
	for (b = builtins; b < builtins + N_BUILTINS; b++) {
		r = &policy->rules[policy->n_rules++];
		strcpy(r->name, b->name);
		strcpy(r->from, "built in");
		strcpy(r->match.command, b->command);
		r->match.flags = b->flags;
		r->match.port_low = b->port_low;
		r->match.port_high = b->port_high;
		r->match.protocol = b->protocol;
		r->match.service = b->service;
	}
	policy->everybody = BIT(SERVICE_SESSION_LASTING) |
			    BIT(SERVICE_NONPERSISTENT) | BIT(SERVICE_GRACEFUL);
	policy_permit(policy, root, SERVICE_FIXED);
}

bool policy_permit(struct policy *policy, struct sock_who who,
		   enum service service)
{
	struct sockhook_permit *p = policy->permits;
	unsigned int i;

	for (i = 0; i < policy->n_permits; i++, p++)
		if (p->who.id == who.id && p->who.is_group == who.is_group)
			break;
	if (i == POLICY_PERMITS_MAX)
		return false;
	if (i == policy->n_permits)
		policy->n_permits++;
	p->who = who;
	p->services |= BIT(service);
	return true;
}

/* A "*" takes as little as it can; where that does not do, the last one takes
 * one character more. */
bool policy_glob(const char *pattern, size_t pattern_len, const char *name,
		 size_t len)
{
	size_t p = 0, n = 0, star = pattern_len, taken = 0;

	while (n < len) {
		if (p < pattern_len && pattern[p] == '*') {
			star = p++;
			taken = n;
		} else if (p < pattern_len &&
			   (pattern[p] == '?' || pattern[p] == name[n])) {
			p++;
			n++;
		} else if (star < pattern_len) {
			p = star + 1;
			n = ++taken;
		} else {
			return false;
		}
	}
	while (p < pattern_len && pattern[p] == '*')
		p++;
	return p == pattern_len;
}

/* Is path the cgroup, or one below it? Both begin with "/". */
static bool in_cgroup(const char *cgroup, const char *path)
{
	size_t want, have;

	while (*cgroup == '/') {
		if (*path != '/')
			return false;
		want = strcspn(++cgroup, "/");
		have = strcspn(++path, "/");
		if (!have || !policy_glob(cgroup, want, path, have))
			return false;
		cgroup += want;
		path += have;
	}
	return true;
}

static bool in_prefix(const struct sock_rule *m, const struct in6_addr *dst)
{
	struct ip6_prefix prefix = {m->prefix, m->prefix_len};

	return ip6_prefix_has(&prefix, dst);
}

static bool in_group(const struct policy_flow *f, uint32_t gid)
{
	unsigned int i;

	for (i = 0; i < f->n_groups; i++)
		if (f->groups[i] == gid)
			return true;
	return f->gid == gid;
}

static bool matches(const struct policy_rule *r, const struct policy_flow *f)
{
	const struct sock_rule *m = &r->match;

	if ((m->flags & SOCK_RULE_COMMAND) &&
	    strncmp(m->command, f->comm, SOCK_COMM))
		return false;
	if ((m->flags & SOCK_RULE_UID) && m->uid != f->uid)
		return false;
	if ((m->flags & SOCK_RULE_GID) && !in_group(f, m->gid))
		return false;
	if ((m->flags & SOCK_RULE_CGROUP) && !in_cgroup(r->cgroup, f->cgroup))
		return false;
	if ((m->flags & SOCK_RULE_PROTOCOL) && m->protocol != f->protocol)
		return false;
	if ((m->flags & SOCK_RULE_MPTCP) && !f->mptcp)
		return false;
	if ((m->flags & SOCK_RULE_PORT) &&
	    (f->port < m->port_low || f->port > m->port_high))
		return false;
	return !(m->flags & SOCK_RULE_PREFIX) || in_prefix(m, &f->dst);
}

bool policy_way_given(const struct policy_way *way)
{
	return way->n_prefer || way->n_never || way->unmetered;
}

bool policy_has_ways(const struct policy *policy)
{
	unsigned int i;

	for (i = 0; i < policy->n_rules; i++)
		if (policy_way_given(&policy->rules[i].way))
			return true;
	return false;
}

bool policy_ways_ask(const struct policy *policy)
{
	unsigned int i;

	for (i = 0; i < policy->n_rules; i++)
		if (policy_way_given(&policy->rules[i].way) &&
		    policy->rules[i].match.flags & (SOCK_RULE_CGROUP |
						    SOCK_RULE_GID))
			return true;
	return false;
}

int policy_way(const struct policy *policy, const struct policy_flow *flow)
{
	const struct policy_rule *r;
	unsigned int i;

	for (i = 0; i < policy->n_rules; i++) {
		r = &policy->rules[i];
		if (policy_way_given(&r->way) && matches(r, flow) &&
		    (r->match.of_service == SERVICE_NONE ||
		     r->match.of_service == flow->service))
			return (int)i;
	}
	return -1;
}

int policy_match(const struct policy *policy, const struct policy_flow *flow)
{
	unsigned int i;

	for (i = 0; i < policy->n_rules; i++)
		if (policy->rules[i].match.service != SERVICE_NONE &&
		    matches(&policy->rules[i], flow))
			return (int)i;
	return -1;
}

bool policy_permits(const struct policy *policy, enum service service,
		    uint32_t uid, uint32_t gid)
{
	uint32_t services = policy->everybody;
	unsigned int i;

	for (i = 0; i < policy->n_permits; i++) {
		const struct sockhook_permit *p = &policy->permits[i];

		if (p->who.id == (p->who.is_group ? gid : uid))
			services |= p->services;
	}
	return services & BIT(service);
}
