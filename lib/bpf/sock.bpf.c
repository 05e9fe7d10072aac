// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Service types (RFC 8653) for the sockets of kedge-mn's network namespace:
 * the socket option, source addresses at connect() and for datagrams, and a
 * list of all sockets with what each one got.
 *
 * These programs see every process of the machine: the network namespace is
 * asked for before anything else is looked at. Kept to what Linux 6.1 knows.
 */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/sock.h"
#include "bpf/sockkern.bpf.h"

enum {
	ALLOW = 1, REFUSE = 0,
	FAMILY_INET6 = 10,
	ADDR_PREFERENCES = 72,
	TYPE_SHIFT = 16,	/* of the OnDemand field: see app/kedge.h */
	TYPE_MASK = 7 << TYPE_SHIFT,
	PREFER_TMP = 0x0001, PREFER_PUBLIC = 0x0002, PREFER_COA = 0x0004,
	PREFER_CGA = 0x0008, PREFER_PUBTMP_DEFAULT = 0x0100,
	PREFER_HOME = 0x0400, PREFER_NONCGA = 0x0800,
	PREFER_PUBTMP = PREFER_TMP | PREFER_PUBLIC | PREFER_PUBTMP_DEFAULT,
	PREFER_PLACE = PREFER_HOME | PREFER_COA,
	PREFER_CGAS = PREFER_CGA | PREFER_NONCGA,
	SCOPE_SITE = 5,
	GROUP_STEPS = 17,	/* a process has 65536 groups at most */
	PORT_NONE = 0,
};

struct service_slot {
	struct sock_service service;
	struct bpf_spin_lock lock;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct sock_state);
} socks SEC(".maps");

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

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SOCK_HELD_MAX);
	__type(key, struct in6_addr);
	__type(value, struct sock_hold);
} held SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 << 10);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} layout SEC(".maps");

/* The daemon is to look at all that is held. */
__u32 events_lost;
/* When somebody was last told of as wanting what cannot be had; two at once do
 * no harm. */
__u64 wanted_at;
enum { WANTED_EVERY = 100000000 };	/* ns */

/* Addresses. */

static __always_inline bool is_any(const struct in6_addr *a)
{
	return !(a->s6_addr32[0] | a->s6_addr32[1] | a->s6_addr32[2] |
		 a->s6_addr32[3]);
}

static __always_inline bool is_equal(const struct in6_addr *a,
				     const struct in6_addr *b)
{
	return a->s6_addr32[0] == b->s6_addr32[0] &&
	       a->s6_addr32[1] == b->s6_addr32[1] &&
	       a->s6_addr32[2] == b->s6_addr32[2] &&
	       a->s6_addr32[3] == b->s6_addr32[3];
}

static __always_inline bool is_mapped(const struct in6_addr *a)
{
	return !a->s6_addr32[0] && !a->s6_addr32[1] &&
	       a->s6_addr32[2] == bpf_htonl(0xffff);
}

/* With these nothing is done at all: no address of ours goes there. */
static __always_inline bool is_local(const struct in6_addr *a)
{
	__u32 top = bpf_ntohl(a->s6_addr32[0]);

	if (top >> 24 == 0xff)
		return (top >> 16 & 0xf) <= SCOPE_SITE;
	return top >> 22 == 0xfe80 >> 6 || is_mapped(a) ||
	       /* ::, which the kernel takes for ::1, and ::1 */
	       (!a->s6_addr32[0] && !a->s6_addr32[1] && !a->s6_addr32[2] &&
		bpf_ntohl(a->s6_addr32[3]) <= 1);
}

static __always_inline bool is_in(const struct in6_addr *a,
				  const struct in6_addr *prefix, __u8 len)
{
	int i, left = len;

	for (i = 0; i < 4 && left > 0; i++, left -= 32) {
		__u32 mask = left >= 32 ? ~0U : ~0U << (32 - left);

		if ((a->s6_addr32[i] ^ prefix->s6_addr32[i]) &
		    bpf_htonl(mask))
			return false;
	}
	return true;
}

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

/* Who holds an address without being bound to it. */

static __always_inline void event_send(__u32 type, const struct in6_addr *addr)
{
	struct sock_event ev = { .type = type, .addr = *addr };

	if (bpf_ringbuf_output(&ring, &ev, sizeof(ev), 0))
		events_lost = 1;
}

/* The count rises from 0 for one of those who raise it at a time alone. */
static __always_inline bool hold(struct sock_state *st)
{
	struct sock_hold *h = bpf_map_lookup_elem(&held, &st->source);
	struct sock_hold fresh = { .born = bpf_get_prandom_u32() };

	if (!h) {
		bpf_map_update_elem(&held, &st->source, &fresh, BPF_NOEXIST);
		h = bpf_map_lookup_elem(&held, &st->source);
	}
	if (!h)
		return false;
	st->born = h->born;
	st->flags |= SOCK_HELD;
	if (!__sync_fetch_and_add(&h->count, 1))
		event_send(SOCK_EVENT_HELD, &st->source);
	return true;
}

/* The entry that st is counted in; NULL: the daemon took it away. */
static __always_inline struct sock_hold *hold_of(struct sock_state *st)
{
	struct sock_hold *h = bpf_map_lookup_elem(&held, &st->source);

	return h && h->born == st->born ? h : NULL;
}

static __always_inline void let_go(struct sock_state *st)
{
	struct sock_hold *h;

	if (!(st->flags & SOCK_HELD))
		return;
	st->flags &= ~SOCK_HELD;
	h = hold_of(st);
	if (h && __sync_fetch_and_add(&h->count, -1) == 1)
		event_send(SOCK_EVENT_FREE, &st->source);
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
};

static long rule_try(__u32 i, struct rules_walk *walk)
{
	if (i >= SOCK_RULES_MAX || i >= walk->policy->n_rules)
		return 1;
	if (!rule_matches(walk->q, &walk->policy->rules[i], i))
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

	st->rule = 0;
	st->why = SERVICE_WHY_OPTION;
	st->service = st->asked;
	if (st->service)
		return;
	st->why = SERVICE_WHY_PREFER;
	st->service = preferred(st);
	if (st->service)
		return;
	if (c && c->any_cgroup)
		cgroups_look(q);
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

static __always_inline void caller_note(struct sock_state *st,
					const struct query *q)
{
	st->since = bpf_ktime_get_boot_ns();
	st->pid = bpf_get_current_pid_tgid() >> 32;
	st->uid = q->uid;
	__builtin_memcpy(st->comm, q->comm, SOCK_COMM);
}

/* The socket option. */

/* A buffer that is longer than what we are shown goes as it is. */
static __always_inline int option_pass(struct bpf_sockopt *ctx)
{
	if (ctx->optlen > (long)ctx->optval_end - (long)ctx->optval)
		ctx->optlen = 0;
	return ALLOW;
}

/* MPTCP's sockets do not have this option (ENOPROTOOPT). */
static __always_inline bool option_is_ours(struct bpf_sockopt *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	return ctx->level == IPPROTO_IPV6 &&
	       ctx->optname == ADDR_PREFERENCES && sk &&
	       is_ours(bpf_get_netns_cookie(ctx)) &&
	       sk->family == FAMILY_INET6 &&
	       (sk->protocol == IPPROTO_TCP || sk->protocol == IPPROTO_UDP);
}

static __always_inline int refuse(int err)
{
	bpf_set_retval(err);
	return REFUSE;
}

static __always_inline bool one_at_most(__u32 flags)
{
	return !(flags & (flags - 1));
}

/* What the kernel refuses is not to leave a trace here. */
static __always_inline bool prefer_valid(__u32 value)
{
	return one_at_most(value & PREFER_PUBTMP) &&
	       one_at_most(value & PREFER_PLACE) &&
	       one_at_most(value & PREFER_CGAS);
}

/* As the kernel does: a group of flags that is not named stays as it was. */
static __always_inline __u32 prefer_merge(__u32 old, __u32 value)
{
	if (value & PREFER_PUBTMP)
		old &= ~PREFER_PUBTMP;
	if (value & PREFER_PLACE)
		old &= ~PREFER_PLACE;
	return old | (value & (PREFER_PUBTMP | PREFER_PLACE));
}

/* RFC 8653 appendix A */
static __always_inline int option_set(struct bpf_sock *sk, __u32 value)
{
	__u32 asked = (value & TYPE_MASK) >> TYPE_SHIFT, may = permitted();
	struct sock_service s = {};
	struct sock_state *st;

	if (asked >= SERVICE__MAX || !prefer_valid(value))
		return -EINVAL;
	if (asked && !(may >> asked & 1))
		return -EPERM;
	service_get(&s, asked);
	if (asked && s.state == SOCK_SERVICE_NONE)
		return -EOPNOTSUPP;
	if (asked && s.state == SOCK_SERVICE_LATER)
		tell_wanted(asked);	/* it may be there at connect() */
	st = bpf_sk_storage_get(&socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!st)	/* who asks for nothing need not know */
		return asked ? -ENOMEM : 0;
	let_go(st);
	st->flags &= ~SOCK_CHOSEN;
	st->asked = asked;
	st->may = may;
	st->prefer = prefer_merge(st->prefer, value);
	return 0;
}

SEC("cgroup/setsockopt")
int kedge_setsockopt(struct bpf_sockopt *ctx)
{
	__u32 *value = ctx->optval;
	int err;

	if (!option_is_ours(ctx) || ctx->optlen < (int)sizeof(*value) ||
	    (void *)(value + 1) > ctx->optval_end)
		return option_pass(ctx);
	err = option_set(ctx->sk, *value);
	if (err)
		return refuse(err);
	*value &= ~TYPE_MASK;
	return option_pass(ctx);
}

/* What getsockopt() says is in force; the default is nothing to be told. */
static __always_inline __u32 in_force(struct sock_state *st)
{
	if (st->asked)
		return st->asked;
	if (st->since)
		return st->why == SERVICE_WHY_DEFAULT ? SERVICE_NONE :
							st->service;
	return preferred(st);
}

SEC("cgroup/getsockopt")
int kedge_getsockopt(struct bpf_sockopt *ctx)
{
	__u32 *value = ctx->optval;
	struct sock_state *st;

	if (ctx->retval || !option_is_ours(ctx) ||
	    ctx->optlen != sizeof(*value) ||
	    (void *)(value + 1) > ctx->optval_end)
		return option_pass(ctx);
	st = bpf_sk_storage_get(&socks, ctx->sk, NULL, 0);
	if (st)
		*value |= in_force(st) << TYPE_SHIFT;
	return ALLOW;
}

/* Calls with an address. */

static __always_inline bool addr_is_ours(struct bpf_sock_addr *ctx)
{
	return is_ours(bpf_get_netns_cookie(ctx)) &&
	       ctx->family == FAMILY_INET6 &&
	       ctx->user_family == FAMILY_INET6 && ctx->sk &&
	       (ctx->protocol == IPPROTO_TCP || ctx->protocol == IPPROTO_UDP);
}

static __always_inline void user_addr(struct bpf_sock_addr *ctx,
				      struct in6_addr *out)
{
	out->s6_addr32[0] = ctx->user_ip6[0];
	out->s6_addr32[1] = ctx->user_ip6[1];
	out->s6_addr32[2] = ctx->user_ip6[2];
	out->s6_addr32[3] = ctx->user_ip6[3];
}

static __always_inline void own_addr(struct bpf_sock *sk, struct in6_addr *out)
{
	out->s6_addr32[0] = sk->src_ip6[0];
	out->s6_addr32[1] = sk->src_ip6[1];
	out->s6_addr32[2] = sk->src_ip6[2];
	out->s6_addr32[3] = sk->src_ip6[3];
}

static __always_inline void query_init(struct query *q,
				       struct bpf_sock_addr *ctx, bool remote)
{
	if (remote) {
		user_addr(ctx, &q->dst);
		q->port = bpf_ntohs(ctx->user_port);
	}
	q->protocol = ctx->protocol;
	q->uid = bpf_get_current_uid_gid();
	comm_get(q->comm);
}

/* With port 0: connect() finds the port, among those that are free for this
 * pair of addresses. */
static __always_inline int bind_to(struct bpf_sock_addr *ctx,
				   const struct in6_addr *addr)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = FAMILY_INET6, .sin6_addr = *addr,
	};

	return bpf_bind(ctx, (struct sockaddr *)&sin6, sizeof(sin6));
}

/*
 * A socket that we bound at an earlier connect(), which is over: it cannot be
 * made unbound, but be bound anew. Now the kernel is to choose: what it has
 * will do while it is an address of ours, and else the present network's.
 */
static __always_inline void bind_again(struct bpf_sock_addr *ctx,
				       struct sock_state *st)
{
	struct sock_service s = {};

	if (!bind_to(ctx, &st->source))
		return;
	service_get(&s, SERVICE_SESSION_LASTING);
	if (s.state == SOCK_SERVICE_ADDR && !bind_to(ctx, &s.addr))
		st->source = s.addr;
}

/*
 * 0, or -EADDRNOTAVAIL for who asked by option. Bound to a port, but to no
 * address: no more can be done (bpf_bind() takes no bound socket).
 */
static __always_inline int connect_from(struct bpf_sock_addr *ctx,
					struct sock_state *st,
					const struct in6_addr *want)
{
	struct bpf_sock *sk = ctx->sk;
	struct in6_addr own;
	bool again;

	if (!sk)
		return 0;
	own_addr(sk, &own);
	again = st->flags & SOCK_BOUND && is_equal(&own, &st->source);
	if (!again)
		st->flags &= ~SOCK_BOUND;
	if (!is_any(&own) && (!again || sk->src_port)) {
		/* its own address; or a connected one's, which it keeps as
		 * the kernel has it */
		st->source = own;
		return 0;
	}
	if (is_any(want)) {
		if (again)
			bind_again(ctx, st);
		else
			st->source = *want;
		return 0;
	}
	if (sk->src_port || bind_to(ctx, want)) {
		if (!again)
			__builtin_memset(&st->source, 0, sizeof(st->source));
		return st->why == SERVICE_WHY_OPTION ? -EADDRNOTAVAIL : 0;
	}
	st->source = *want;
	st->flags |= SOCK_BOUND;
	return 0;
}

SEC("cgroup/connect6")
int kedge_connect6(struct bpf_sock_addr *ctx)
{
	struct in6_addr want = {};
	struct query q = {};
	struct sock_state *st;
	int err;

	if (!addr_is_ours(ctx) || !ctx->sk)
		return ALLOW;
	user_addr(ctx, &q.dst);
	if (is_local(&q.dst))
		return ALLOW;
	st = bpf_sk_storage_get(&socks, ctx->sk, NULL,
				BPF_SK_STORAGE_GET_F_CREATE);
	if (!st)
		return ALLOW;
	let_go(st);
	st->flags &= ~SOCK_CHOSEN;
	query_init(&q, ctx, true);
	if (q.protocol == IPPROTO_TCP &&
	    bpf_core_type_exists(struct mptcp_sock))
		q.mptcp = !!bpf_skc_to_mptcp_sock(ctx->sk);
	service_choose(st, &q);
	caller_note(st, &q);
	err = source_choose(st, false, &want);
	if (!err)
		err = connect_from(ctx, st, &want);
	return err ? refuse(err) : ALLOW;
}

/* The first datagram of a socket that is not connected, or the first after
 * something changed. */
static __always_inline void choose_once(struct bpf_sock_addr *ctx,
					struct sock_state *st)
{
	struct query q = {};

	query_init(&q, ctx, true);
	service_choose(st, &q);
	caller_note(st, &q);
	st->flags |= SOCK_CHOSEN;
}

static __always_inline int send_from(struct bpf_sock_addr *ctx,
				     struct sock_state *st)
{
	bool keep = st->service != SERVICE_NONPERSISTENT;
	struct in6_addr want = {};
	int err;

	if (st->flags & SOCK_HELD && !hold_of(st))
		st->flags &= ~SOCK_HELD;
	if (!(st->flags & SOCK_HELD)) {
		err = source_choose(st, keep, &want);
		if (err)
			return err;
		st->source = want;
		if (keep && !is_any(&want))
			hold(st);
	}
	ctx->msg_src_ip6[0] = st->source.s6_addr32[0];
	ctx->msg_src_ip6[1] = st->source.s6_addr32[1];
	ctx->msg_src_ip6[2] = st->source.s6_addr32[2];
	ctx->msg_src_ip6[3] = st->source.s6_addr32[3];
	return 0;
}

static __always_inline bool has_source(struct bpf_sock_addr *ctx)
{
	return ctx->msg_src_ip6[0] | ctx->msg_src_ip6[1] |
	       ctx->msg_src_ip6[2] | ctx->msg_src_ip6[3];
}

SEC("cgroup/sendmsg6")
int kedge_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct sock_state *st;
	struct in6_addr dst;
	int err;

	/* It is bound to an address, or this datagram has IPV6_PKTINFO. */
	if (!addr_is_ours(ctx) || !ctx->sk || has_source(ctx))
		return ALLOW;
	user_addr(ctx, &dst);
	if (is_local(&dst))
		return ALLOW;
	st = bpf_sk_storage_get(&socks, ctx->sk, NULL,
				BPF_SK_STORAGE_GET_F_CREATE);
	if (!st)
		return ALLOW;
	if (!(st->flags & SOCK_CHOSEN))
		choose_once(ctx, st);
	if (st->why == SERVICE_WHY_DEFAULT)
		return ALLOW;
	err = send_from(ctx, st);
	return err ? refuse(err) : ALLOW;
}

/* A server that asked for an address that stays is bound to it. */
static __always_inline bool bind_takes(struct sock_state *st,
				       struct in6_addr *want)
{
	return st->asked && st->asked != SERVICE_NONPERSISTENT &&
	       !source_choose(st, false, want) && !is_any(want);
}

SEC("cgroup/bind6")
int kedge_bind6(struct bpf_sock_addr *ctx)
{
	struct in6_addr addr, want = {};
	struct query q = {};
	struct sock_state *st;
	bool any;

	/* One that has a port is refused by the kernel, and goes on with what
	 * it holds. */
	if (!addr_is_ours(ctx) || !ctx->sk || ctx->sk->src_port)
		return ALLOW;
	user_addr(ctx, &addr);
	any = is_any(&addr);
	if (!any && is_local(&addr))
		return ALLOW;
	st = bpf_sk_storage_get(&socks, ctx->sk, NULL,
				any ? 0 : BPF_SK_STORAGE_GET_F_CREATE);
	if (!st || (any && !st->asked))
		return ALLOW;
	query_init(&q, ctx, false);
	service_choose(st, &q);
	if (any && !bind_takes(st, &want))
		return ALLOW;
	let_go(st);
	caller_note(st, &q);
	st->source = any ? want : addr;
	if (any) {
		ctx->user_ip6[0] = want.s6_addr32[0];
		ctx->user_ip6[1] = want.s6_addr32[1];
		ctx->user_ip6[2] = want.s6_addr32[2];
		ctx->user_ip6[3] = want.s6_addr32[3];
	}
	return ALLOW;
}

SEC("cgroup/sock_release")
int kedge_release(struct bpf_sock *ctx)
{
	struct sock_state *st;

	if (!is_ours(bpf_get_netns_cookie(ctx)))
		return ALLOW;
	st = bpf_sk_storage_get(&socks, ctx, NULL, 0);
	if (st)
		let_go(st);
	return ALLOW;
}

/* Every socket. An iterator goes through its own network namespace. */

static __always_inline __u64 inode_of(struct sock *sk)
{
	struct socket_alloc *s = (void *)BPF_CORE_READ(sk, sk_socket);

	return s ? BPF_CORE_READ(s, vfs_inode.i_ino) : 0;
}

/* false: not IPv6's. A v4-mapped one is not, whatever its family. */
static __always_inline bool rec_init(struct sock_rec *rec,
				     struct sock_common *skc, __u32 uid)
{
	BPF_CORE_READ_INTO(&rec->local, skc, skc_v6_rcv_saddr);
	BPF_CORE_READ_INTO(&rec->remote, skc, skc_v6_daddr);
	rec->local_port = skc->skc_num;
	rec->remote_port = bpf_ntohs(skc->skc_dport);
	rec->tcp_state = skc->skc_state;
	rec->uid = uid;
	rec->ifindex = skc->skc_bound_dev_if;
	return skc->skc_family == FAMILY_INET6 && !is_mapped(&rec->local) &&
	       !is_mapped(&rec->remote);
}

static __always_inline void rec_state(struct sock_rec *rec,
				      const struct sock_state *st)
{
	rec->bound = !is_any(&rec->local);
	if (!st)
		return;
	rec->has_state = 1;
	rec->state = *st;
	if (!rec->bound && st->flags & SOCK_HELD)
		rec->local = st->source;
}

SEC("iter/tcp")
int kedge_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_rec rec = { .protocol = IPPROTO_TCP };
	struct sock_common *skc = ctx->sk_common;
	struct tcp_sock *tp;

	/* Those in TIME_WAIT, and those who only sent a SYN, are smaller. */
	if (!skc || skc->skc_state == TCP_STATE_TIME_WAIT ||
	    skc->skc_state == TCP_STATE_NEW_SYN_RECV ||
	    !rec_init(&rec, skc, ctx->uid))
		return 0;
	tp = bpf_skc_to_tcp_sock(skc);
	if (!tp)
		return 0;
	rec.cookie = bpf_get_socket_cookie(tp);
	rec.inode = inode_of((struct sock *)tp);
	/* bytes_acked would have the SYN */
	rec.tx_bytes = tp->bytes_sent - tp->bytes_retrans;
	rec.rx_bytes = tp->bytes_received;
	if (bpf_core_field_exists(tp->is_mptcp))
		rec.mptcp = tp->is_mptcp;
	rec_state(&rec, bpf_sk_storage_get(&socks, tp, NULL, 0));
	bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec));
	return 0;
}

SEC("iter/udp")
int kedge_udp(struct bpf_iter__udp *ctx)
{
	struct sock_rec rec = { .protocol = IPPROTO_UDP };
	struct udp_sock *up = ctx->udp_sk;

	if (!up || !rec_init(&rec, (struct sock_common *)up, ctx->uid))
		return 0;
	rec.cookie = bpf_get_socket_cookie(up);
	rec.inode = inode_of((struct sock *)up);
	rec_state(&rec, bpf_sk_storage_get(&socks, up, NULL, 0));
	bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
