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
#include "bpf/sockaddr.bpf.h"
#include "bpf/sockchoice.bpf.h"
#include "bpf/sockhold.bpf.h"
#include "bpf/sockkern.bpf.h"

enum {
	ALLOW = 1, REFUSE = 0,
	FAMILY_INET6 = 10,
	ADDR_PREFERENCES = 72,
	TYPE_SHIFT = 16,	/* of the OnDemand field: see app/kedge.h */
	TYPE_MASK = 7 << TYPE_SHIFT,
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct sock_state);
} socks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} layout SEC(".maps");

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
	int err, way = 0;
	bool chosen;

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
	chosen = !is_any(&want);
	if (!err)
		way = way_choose(st, &q, &want);
	if (way < 0)
		return refuse(way);
	if (!err)
		err = connect_from(ctx, st, &want);
	if (way && !chosen)	/* a rule makes no call fail */
		err = 0;
	if (!err && way)
		tell_way(st, &want, chosen);
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
