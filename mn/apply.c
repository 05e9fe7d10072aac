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

static bool has_cgroups(const struct policy *p)
{
	unsigned int i;

	for (i = 0; i < p->n_rules; i++)
		if (p->rules[i].match.flags & SOCK_RULE_CGROUP)
			return true;
	return false;
}

/* What follows cgroups as they come: nothing does where no rule asks for it. */
static int open_units(struct mn *mn)
{
	int err = 0;

	if (!mn->units)
		err = units_open(&mn->units, &mn->loop,
				 sockhook_cgroup_fd(mn->sh), on_cgroup, mn);
	if (err || mn->unithook)
		return err;
	err = unithook_open(&mn->unithook, mn->sh);
	if (err)
		log_warn("policy: rules reach a cgroup only some time after "
			 "it was made: %s", strerror(-err));
	return 0;
}

void policy_release(struct mn *mn)
{
	unithook_close(mn->unithook);
	units_close(mn->units);
	mn->unithook = NULL;
	mn->units = NULL;
}

static int set_policy(struct mn *mn)
{
	struct sock_rule rules[SOCK_RULES_MAX];
	const struct policy *p = &mn->policy;
	unsigned int i;

	for (i = 0; i < p->n_rules; i++) {
		rules[i] = p->rules[i].match;
		rules[i].source = move_source(mn, &p->rules[i]);
		if (move_forbidden(mn, &p->rules[i]))
			rules[i].flags |= SOCK_RULE_NO_WAY;
	}
	return sockhook_policy_set(mn->sh, rules, p->n_rules, p->permits,
				   p->n_permits, p->everybody, p->dflt);
}

void policy_sources_changed(struct mn *mn)
{
	int err = mn->sh ? set_policy(mn) : 0;

	if (err)
		log_err("policy: interfaces' addresses are not handed to the "
			"kernel: %s", strerror(-err));
}

/* Those that come from now on first, then those that are there. */
static int set_units(struct mn *mn)
{
	const char *paths[SOCK_RULES_MAX];
	const struct policy *p = &mn->policy;
	unsigned int i;

	for (i = 0; i < p->n_rules; i++)
		paths[i] = p->rules[i].cgroup;
	unithook_set(mn->unithook, paths, p->n_rules);
	return units_set(mn->units, p);
}

/*
 * Rules about cgroups are known there by their numbers, which are other rules'
 * now: for a moment, with the socket programs at work, no such rule holds, but
 * never a wrong one. A daemon before us may have left some, too.
 */
int policy_apply(struct mn *mn)
{
	bool cgroups = has_cgroups(&mn->policy);
	int err;

	if (!mn->sh)
		return 0;
	unithook_clear(mn->unithook);
	err = sockhook_cgroup_each(mn->sh, clear_rules, mn);
	if (!err)
		err = set_policy(mn);
	if (!cgroups)
		policy_release(mn);
	if (!err && cgroups)
		err = open_units(mn);
	if (!err && cgroups)
		err = set_units(mn);
	if (err)
		log_err("policy: not handed to the kernel: %s",
			strerror(-err));
	return err;
}
