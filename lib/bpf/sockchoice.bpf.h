/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which service type holds for a socket, by whose word, and which address and
 * interface that leads to: what the daemon's maps say for who calls.
 */
#ifndef KEDGE_SOCKCHOICE_BPF_H
#define KEDGE_SOCKCHOICE_BPF_H

#include <linux/bpf.h>
#include <linux/errno.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/sock.h"
#include "bpf/sockaddr.bpf.h"
#include "bpf/sockhold.bpf.h"
#include "bpf/sockkern.bpf.h"

enum {
	PREFER_TMP = 0x0001, PREFER_PUBLIC = 0x0002, PREFER_COA = 0x0004,
	PREFER_CGA = 0x0008, PREFER_PUBTMP_DEFAULT = 0x0100,
	PREFER_HOME = 0x0400, PREFER_NONCGA = 0x0800,
	PREFER_PUBTMP = PREFER_TMP | PREFER_PUBLIC | PREFER_PUBTMP_DEFAULT,
	PREFER_PLACE = PREFER_HOME | PREFER_COA,
	PREFER_CGAS = PREFER_CGA | PREFER_NONCGA,
	GROUP_STEPS = 17,	/* a process has 65536 groups at most */
};

struct service_slot {
	struct sock_service service;
	struct bpf_spin_lock lock;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SERVICE__MAX);
	__type(key, __u32);
	__type(value, struct service_slot);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 1);
		__uint(key_size, sizeof(__u32));
		__uint(value_size, sizeof(struct sock_policy));
	});
} policy SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct sock_cgroup);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sock_conf);
} conf SEC(".maps");

/* When somebody was last told of as wanting what cannot be had; two at once do
 * no harm. */
__u64 wanted_at;
enum { WANTED_EVERY = 100000000 };	/* ns */

/* Who calls. */

static __always_inline void comm_get(char out[SOCK_COMM])
{
	struct task_struct *task = (void *)bpf_get_current_task();
	/* A thread may have a name of its own; the process's is meant. */
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	__builtin_memset(out, 0, SOCK_COMM);
	bpf_core_read_str(out, SOCK_COMM, &leader->comm);
}

static __always_inline __u32 group_at(struct group_info *groups, __u32 i)
{
	__u32 gid = 0;

	bpf_probe_read_kernel(&gid, sizeof(gid), (char *)groups +
			      bpf_core_field_offset(struct group_info, gid) +
			      i * sizeof(gid));
	return gid;
}

/* Supplementary groups are sorted. */
static __noinline bool in_group(__u32 gid)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct group_info *groups = BPF_CORE_READ(task, cred, group_info);
	__u32 low = 0, high = BPF_CORE_READ(groups, ngroups), middle, at;
	int i;

	if (gid == bpf_get_current_uid_gid() >> 32)
		return true;
	for (i = 0; i < GROUP_STEPS && low < high; i++) {
		middle = (low + high) / 2;
		at = group_at(groups, middle);
		if (at == gid)
			return true;
		if (at < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static __always_inline bool is_ours(__u64 cookie)
{
	__u32 zero = 0;
	struct sock_conf *c = bpf_map_lookup_elem(&conf, &zero);

	return c && c->netns == cookie;
}

static __always_inline struct sock_policy *policy_get(void)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&policy, &zero);

	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

struct permits_walk {
	struct sock_policy *policy;
	__u32 uid, services;
};

static long permit_add(__u32 i, struct permits_walk *walk)
{
	struct sockhook_permit *p;

	if (i >= SOCK_PERMITS_MAX || i >= walk->policy->n_permits)
		return 1;
	p = &walk->policy->permits[i];
	if (p->who.is_group ? in_group(p->who.id) : p->who.id == walk->uid)
		walk->services |= p->services;
	return 0;
}

/* What the caller may ask for: RFC 8653 5. */
static __always_inline __u32 permitted(void)
{
	struct permits_walk walk = {
		.policy = policy_get(), .uid = bpf_get_current_uid_gid(),
	};

	if (!walk.policy)
		return 0;
	walk.services = walk.policy->everybody;
	if (walk.policy->n_permits)
		bpf_loop(SOCK_PERMITS_MAX, permit_add, &walk, 0);
	return walk.services;
}

/* Policy. */

struct query {
	struct in6_addr dst;
	__u64 rules;		/* whose cgroup is ours */
	__u32 uid;
	__u16 port;		/* remote, host order */
	__u8 protocol;
	__u8 mptcp;
	__u8 run;		/* enum service: kedgectl run's */
	__u8 prefer_tmp;
	__u16 pad;
	char comm[SOCK_COMM];
};

static __always_inline void cgroup_look(struct query *q, __u64 id)
{
	struct sock_cgroup *c = bpf_map_lookup_elem(&cgroups, &id);

	if (!c)
		return;
	q->rules |= c->rules;
	if (c->service != SERVICE_NONE)
		q->run = c->service;
}

/* From the root down: what is said of the nearest one holds. */
static __always_inline void cgroups_look(struct query *q)
{
	__u64 id, leaf = bpf_get_current_cgroup_id();
	int level;

	for (level = 0; level < SOCK_CGROUP_DEPTH; level++) {
		id = bpf_get_current_ancestor_cgroup_id(level);
		if (!id)
			return;
		cgroup_look(q, id);
		if (id == leaf)
			return;
	}
	cgroup_look(q, leaf);
}

static __always_inline bool comm_is(const struct query *q,
				    const struct sock_rule *r)
{
	int i;

	for (i = 0; i < SOCK_COMM; i++)
		if (q->comm[i] != r->command[i])
			return false;
	return true;
}

static __always_inline bool rule_matches(const struct query *q,
					 const struct sock_rule *r, __u32 i)
{
	__u32 f = r->flags;

	return (!(f & SOCK_RULE_PROTOCOL) || r->protocol == q->protocol) &&
	       (!(f & SOCK_RULE_PORT) ||
		(q->port >= r->port_low && q->port <= r->port_high)) &&
	       (!(f & SOCK_RULE_UID) || r->uid == q->uid) &&
	       (!(f & SOCK_RULE_CGROUP) || q->rules >> i & 1) &&
	       (!(f & SOCK_RULE_MPTCP) || q->mptcp) &&
	       (!(f & SOCK_RULE_PREFIX) ||
		is_in(&q->dst, &r->prefix, r->prefix_len)) &&
	       (!(f & SOCK_RULE_COMMAND) || comm_is(q, r)) &&
	       (!(f & SOCK_RULE_GID) || in_group(r->gid));
}

struct rules_walk {
	struct sock_policy *policy;
	struct query *q;
	__u32 found;
	__u32 service;		/* in force, for way_try() */
};

static long rule_try(__u32 i, struct rules_walk *walk)
{
	const struct sock_rule *r;

	if (i >= SOCK_RULES_MAX || i >= walk->policy->n_rules)
		return 1;
	r = &walk->policy->rules[i];
	if (r->service == SERVICE_NONE || !rule_matches(walk->q, r, i))
		return 0;
	walk->found = i;
	return 1;
}

static long way_try(__u32 i, struct rules_walk *walk)
{
	const struct sock_rule *r;

	if (i >= SOCK_RULES_MAX || i >= walk->policy->n_rules)
		return 1;
	r = &walk->policy->rules[i];
	if (!(r->flags & SOCK_RULE_WAY) ||
	    (r->of_service != SERVICE_NONE &&
	     r->of_service != walk->service) ||
	    !rule_matches(walk->q, r, i))
		return 0;
	walk->found = i;
	return 1;
}

/* The choice. */

static __always_inline void service_get(struct sock_service *out, __u32 service)
{
	struct service_slot *slot = bpf_map_lookup_elem(&services, &service);

	out->state = SOCK_SERVICE_NONE;
	if (!slot)
		return;
	bpf_spin_lock(&slot->lock);
	*out = slot->service;
	bpf_spin_unlock(&slot->lock);
}

static __always_inline bool can_be_had(__u32 service)
{
	struct sock_service s = {};

	service_get(&s, service);
	return s.state == SOCK_SERVICE_KERNEL || s.state == SOCK_SERVICE_ADDR;
}

/* RFC 5014's HOME and COA: a preference, for what may be asked for. */
static __always_inline __u8 preferred(const struct sock_state *st)
{
	if (st->prefer & PREFER_COA)
		return st->may & 1 << SERVICE_NONPERSISTENT ?
			SERVICE_NONPERSISTENT : SERVICE_NONE;
	if (!(st->prefer & PREFER_HOME))
		return SERVICE_NONE;
	if (st->may & 1 << SERVICE_FIXED && can_be_had(SERVICE_FIXED))
		return SERVICE_FIXED;
	return st->may & 1 << SERVICE_SESSION_LASTING ?
		SERVICE_SESSION_LASTING : SERVICE_NONE;
}

static __always_inline void by_policy(struct sock_state *st, struct query *q)
{
	struct rules_walk walk = {
		.policy = policy_get(), .q = q, .found = SOCK_RULES_MAX,
	};

	st->service = SERVICE_NONE;
	st->why = SERVICE_WHY_DEFAULT;
	if (!walk.policy)
		return;
	st->service = walk.policy->service;
	bpf_loop(SOCK_RULES_MAX, rule_try, &walk, 0);
	if (walk.found >= SOCK_RULES_MAX)
		return;
	st->why = SERVICE_WHY_POLICY;
	st->rule = walk.found;
	st->service = walk.policy->rules[walk.found].service;
}

/* Which type holds for this socket, and by whose word. */
static __always_inline void service_choose(struct sock_state *st,
					   struct query *q)
{
	__u32 zero = 0;
	struct sock_conf *c = bpf_map_lookup_elem(&conf, &zero);

	if (c && c->any_cgroup)
		cgroups_look(q);
	st->rule = 0;
	st->why = SERVICE_WHY_OPTION;
	st->service = st->asked;
	if (st->service)
		return;
	st->why = SERVICE_WHY_PREFER;
	st->service = preferred(st);
	if (st->service)
		return;
	st->why = SERVICE_WHY_RUN;
	st->service = q->run;
	if (!st->service)
		by_policy(st, q);
}

/* What somebody is refused now, the daemon may be able to get. */
static __always_inline void tell_wanted(__u32 service)
{
	struct sock_event ev = { .type = SOCK_EVENT_WANTED,
				 .service = service };
	__u64 now = bpf_ktime_get_boot_ns();

	if ((service != SERVICE_SESSION_LASTING &&
	     service != SERVICE_GRACEFUL) || now - wanted_at < WANTED_EVERY)
		return;
	wanted_at = now;
	bpf_ringbuf_output(&ring, &ev, sizeof(ev), 0);
}

/*
 * The address for the service in force, :: where the kernel chooses: 0, or the
 * error for who asked by option; nobody else's call fails. What is the present
 * network's by native is what the kernel chooses, so only who asked for it is
 * bound to it; and a socket that is not bound (keep), but is to have it after
 * a move as well.
 */
static __always_inline int source_choose(const struct sock_state *st, bool keep,
					 struct in6_addr *out)
{
	bool asked = st->why == SERVICE_WHY_OPTION;
	struct sock_service s = {};

	service_get(&s, st->service);
	__builtin_memset(out, 0, sizeof(*out));
	if (s.state == SOCK_SERVICE_NONE)
		return asked ? -EOPNOTSUPP : 0;
	if (s.state == SOCK_SERVICE_LATER) {
		if (st->why != SERVICE_WHY_DEFAULT)
			tell_wanted(st->service);
		return asked ? -EADDRNOTAVAIL : 0;
	}
	if (s.state != SOCK_SERVICE_ADDR || st->why == SERVICE_WHY_DEFAULT ||
	    (s.native && !asked && !keep))
		return 0;
	*out = st->prefer & PREFER_TMP && !is_any(&s.temporary) ?
		s.temporary : s.addr;
	return 0;
}

/*
 * 1 where a rule says by which interface, with, where the kernel is to choose
 * (*want ::), its present address of that one, if it is not what the kernel
 * chooses; 0; or -ENETUNREACH.
 */
static __always_inline int way_choose(const struct sock_state *st,
				       struct query *q, struct in6_addr *want)
{
	struct rules_walk walk = {
		.policy = policy_get(), .q = q, .found = SOCK_RULES_MAX,
		.service = st->service,
	};
	const struct sock_rule *r;

	if (!walk.policy || !walk.policy->has_ways)
		return 0;
	bpf_loop(SOCK_RULES_MAX, way_try, &walk, 0);
	if (walk.found >= SOCK_RULES_MAX)
		return 0;
	r = &walk.policy->rules[walk.found];
	if (r->flags & SOCK_RULE_NO_WAY)
		return -ENETUNREACH;
	if (is_any(want))
		*want = r->source;
	return 1;
}

/* The daemon moves it, if it is not where the rule wants it: its address is not
 * by the rule (want), nor by the kernel, who knows the preferred interface. */
static __always_inline void tell_way(const struct sock_state *st,
				     const struct in6_addr *want, bool chosen)
{
	struct sock_event ev = { .type = SOCK_EVENT_WAY,
				 .addr = st->source };

	if (!is_equal(&st->source, want) || (chosen && !is_any(want)))
		bpf_ringbuf_output(&ring, &ev, sizeof(ev), 0);
}

#endif
