/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy for kedgectl policy; kedgectl(8) has the fields. */
#include "mn/policy.h"

#include <json-c/json.h>
#include <string.h>

#include "proto/ip6.h"

static void put(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, value && *value ?
			       json_object_new_string(value) : NULL);
}

static void put_int(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static const char *protocol_str(const struct sock_rule *m)
{
	if (m->flags & SOCK_RULE_MPTCP)
		return "mptcp";
	return m->protocol == IPPROTO_TCP ? "tcp" : "udp";
}

static void put_ports(struct json_object *o, const struct sock_rule *m)
{
	char text[16];

	snprintf(text, sizeof(text), m->port_low == m->port_high ? "%u" :
		 "%u-%u", m->port_low, m->port_high);
	put(o, "port", text);
}

static void put_prefix(struct json_object *o, const struct sock_rule *m)
{
	char text[64];

	snprintf(text, sizeof(text), "%s/%u", ip6_str(&m->prefix),
		 m->prefix_len);
	put(o, "destination", text);
}

static void put_conditions(struct json_object *o, const struct policy_rule *r)
{
	const struct sock_rule *m = &r->match;

	if (m->flags & SOCK_RULE_COMMAND)
		put(o, "command", m->command);
	if (m->flags & SOCK_RULE_UID)
		put_int(o, "uid", m->uid);
	if (m->flags & SOCK_RULE_GID)
		put_int(o, "gid", m->gid);
	if (m->flags & SOCK_RULE_CGROUP)
		put(o, "cgroup", r->cgroup);
	if (m->flags & (SOCK_RULE_PROTOCOL | SOCK_RULE_MPTCP))
		put(o, "protocol", protocol_str(m));
	if (m->flags & SOCK_RULE_PORT)
		put_ports(o, m);
	if (m->flags & SOCK_RULE_PREFIX)
		put_prefix(o, m);
	if (m->of_service != SERVICE_NONE)
		put(o, "of_service", service_str(m->of_service));
}

/* As the file has it: "eth0 wlan0 !wwan0". */
static void put_interface(struct json_object *o, const struct policy_way *w)
{
	char text[2 * POLICY_WAY_NAMES * (IFNAMSIZ + 2)] = "";
	unsigned int i;
	size_t len = 0;

	for (i = 0; i < w->n_prefer; i++)
		len += (size_t)sprintf(text + len, "%s%s", len ? " " : "",
				       w->prefer[i]);
	for (i = 0; i < w->n_never; i++)
		len += (size_t)sprintf(text + len, "%s!%s", len ? " " : "",
				       w->never[i]);
	put(o, "interface", text);
}

static void put_way(struct json_object *o, const struct policy_way *w)
{
	if (w->n_prefer || w->n_never)
		put_interface(o, w);
	if (w->unmetered)
		json_object_object_add(o, "metered",
				       json_object_new_boolean(false));
}

static struct json_object *rule_json(const struct policy_rule *r,
				     unsigned int number)
{
	struct json_object *o = json_object_new_object();

	put_int(o, "number", number);
	put(o, "name", r->name);
	put_conditions(o, r);
	put(o, "service", r->match.service == SERVICE_NONE ? NULL :
			  service_str(r->match.service));
	put_way(o, &r->way);
	put(o, "from", r->from);
	return o;
}

static struct json_object *allow_json(const struct policy *policy,
				      enum service service)
{
	struct json_object *o = json_object_new_object();
	struct json_object *users = json_object_new_array();
	struct json_object *groups = json_object_new_array();
	uint32_t bit = UINT32_C(1) << service;
	unsigned int i;

	for (i = 0; i < policy->n_permits; i++) {
		const struct sockhook_permit *p = &policy->permits[i];

		if (p->services & bit)
			json_object_array_add(p->who.is_group ? groups : users,
					json_object_new_int64(p->who.id));
	}
	put(o, "service", service_str(service));
	json_object_object_add(o, "everybody", json_object_new_boolean(
			       policy->everybody & bit));
	json_object_object_add(o, "uids", users);
	json_object_object_add(o, "gids", groups);
	return o;
}

struct json_object *policy_json(const struct policy *policy, const char *path)
{
	struct json_object *o = json_object_new_object();
	struct json_object *rules = json_object_new_array();
	struct json_object *allow = json_object_new_array();
	unsigned int i;
	enum service s;

	for (i = 0; i < policy->n_rules; i++)
		json_object_array_add(rules, rule_json(&policy->rules[i], i));
	for (s = SERVICE_FIXED; s < SERVICE__MAX; s++)
		json_object_array_add(allow, allow_json(policy, s));
	put(o, "file", path);
	put(o, "default", service_str(policy->dflt));
	json_object_object_add(o, "reset_nonpersistent",
			json_object_new_boolean(policy->reset_nonpersistent));
	json_object_object_add(o, "reset_lost",
			       json_object_new_boolean(policy->reset_lost));
	json_object_object_add(o, "graceful_s", json_object_new_double(
			       (double)policy->grace.ns / 1e9));
	json_object_object_add(o, "rules", rules);
	json_object_object_add(o, "allow", allow);
	return o;
}
