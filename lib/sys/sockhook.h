/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs on every socket call of this network namespace (cgroup-BPF):
 * they take the socket option, and choose source addresses by service type.
 * Attached to a cgroup and pinned as links: at work without the daemon too.
 */
#ifndef KEDGE_SOCKHOOK_H
#define KEDGE_SOCKHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/sock.h"

struct sockhook;

/*
 * Loads, or takes over what is pinned in bpffs (a folder that dp_open() has
 * made). cgroup: a folder of cgroup2; NULL or "": its root, wherever it is
 * mounted, if at all. 0 or -errno, the reason logged; -EOPNOTSUPP: this kernel
 * cannot.
 */
int sockhook_open(struct sockhook **out, const char *bpffs, const char *cgroup);
/* Puts back what was deleted of its pins; hooks go with theirs. How many, or
 * -errno. */
int sockhook_pins_again(struct sockhook *sh);
/* Programs stay at work. NULL is allowed. */
void sockhook_close(struct sockhook *sh);
/* Takes everything down; then sockhook_close() it. */
void sockhook_flush(struct sockhook *sh);
/* The same for what others left there, also where it cannot be opened. */
void sockhook_clean(const char *bpffs);
/* Descriptor of the folder of cgroup2's root: for openat(). */
int sockhook_cgroup_fd(const struct sockhook *sh);

/* 0 or -errno */
int sockhook_service_set(struct sockhook *sh, enum service service,
			 const struct sock_service *as);
/* Rules, permits and default at once: no socket sees half of each. */
int sockhook_policy_set(struct sockhook *sh, const struct sock_rule *rules,
			size_t n_rules, const struct sockhook_permit *permits,
			size_t n_permits, uint32_t everybody,
			enum service dflt);
int sockhook_cgroup_set(struct sockhook *sh, uint64_t id,
			const struct sock_cgroup *as);
int sockhook_cgroup_get(struct sockhook *sh, uint64_t id,
			struct sock_cgroup *out);	/* -ENOENT */
int sockhook_cgroup_del(struct sockhook *sh, uint64_t id);
/* fn may delete the entry it is given. */
int sockhook_cgroup_each(struct sockhook *sh, void (*fn)(void *arg,
			 uint64_t id, const struct sock_cgroup *as), void *arg);

/* How many sockets hold addr that are not bound to it. */
uint32_t sockhook_held(struct sockhook *sh, const struct in6_addr *addr);
/* It is no more: who holds it gets another one with its next datagram. */
void sockhook_lost(struct sockhook *sh, const struct in6_addr *addr);

/*
 * Every TCP and UDP socket over IPv6 of this network namespace, but those in
 * TIME_WAIT. One pass in the kernel; 0 or -errno.
 */
int sockhook_each(struct sockhook *sh, void (*fn)(void *arg,
		  const struct sock_rec *rec), void *arg);

/* Each event says what is true now of its address; one may come twice. */
int sockhook_event_fd(const struct sockhook *sh);
void sockhook_read_events(struct sockhook *sh, void (*fn)(void *arg,
			  const struct sock_event *ev), void *arg);

#endif
