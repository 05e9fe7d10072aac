/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hands the policy to the socket programs. */
#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "mn/mn.h"

/* Keeps what kedgectl run said of the cgroup. */
static void set_rules(struct mn *mn, uint64_t id, const struct sock_cgroup *was,
		      uint64_t rules)
{
	struct sock_cgroup c = *was;
	int err;

	c.rules = rules;
	if (c.rules || c.service != SERVICE_NONE)
		err = sockhook_cgroup_set(mn->sh, id, &c);
	else
		err = sockhook_cgroup_del(mn->sh, id);
	if (err && err != -ENOENT)
		log_warn("cgroup %llu: the policy's rules do not reach it: %s",
			 (unsigned long long)id, strerror(-err));
}

static void on_cgroup(void *arg, uint64_t id, uint64_t rules)
{
	struct sock_cgroup was = {0};
	struct mn *mn = arg;
	int err = sockhook_cgroup_get(mn->sh, id, &was);

	if (err && err != -ENOENT)
		log_warn("cgroup %llu: %s", (unsigned long long)id,
			 strerror(-err));
	else
		set_rules(mn, id, &was, rules);
}

static void clear_rules(void *arg, uint64_t id, const struct sock_cgroup *as)
{
	if (as->rules)
		set_rules(arg, id, as, 0);
}

/*
 * Rules about cgroups are known there by their numbers, which are other rules'
 * now: for a moment, with the socket programs at work, no such rule holds, but
 * never a wrong one. A daemon before us may have left some, too.
 */
int policy_apply(struct mn *mn)
{
	struct sock_rule rules[SOCK_RULES_MAX];
	const struct policy *p = &mn->policy;
	unsigned int i;
	int err = 0;

	if (!mn->sh)
		return 0;
	for (i = 0; i < p->n_rules; i++)
		rules[i] = p->rules[i].match;
	if (!mn->units)
		err = units_open(&mn->units, &mn->loop,
				 sockhook_cgroup_fd(mn->sh), on_cgroup, mn);
	if (!err)
		err = sockhook_cgroup_each(mn->sh, clear_rules, mn);
	if (!err)
		err = sockhook_policy_set(mn->sh, rules, p->n_rules,
					  p->permits, p->n_permits,
					  p->everybody, p->dflt);
	if (!err)
		err = units_set(mn->units, p);
	if (err)
		log_err("policy: not handed to the kernel: %s",
			strerror(-err));
	return err;
}
