/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds an address without being bound to it: datagrams of a socket go from
 * there. The daemon hears of the first one of an address, and when the last one
 * has let go of it.
 */
#ifndef KEDGE_SOCKHOLD_BPF_H
#define KEDGE_SOCKHOLD_BPF_H

#include <linux/bpf.h>
#include <linux/in6.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "bpf/sock.h"

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

/* The daemon is to look at all that is held. */
__u32 events_lost;

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

#endif
