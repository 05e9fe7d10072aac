/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sockhook.c and sockmap.c share; nobody else's. */
#ifndef KEDGE_SOCKINT_H
#define KEDGE_SOCKINT_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sys/sockhook.h"

/* As the program declares it. */
struct service_slot {
	struct sock_service service;
	struct bpf_spin_lock lock;
};

#include "sock.skel.h"

enum { SOCK_PATH_MAX = 256, SOCK_ITERS = 2 };

struct sockhook {
	char bpffs[SOCK_PATH_MAX];
	struct sock_bpf *skel;
	struct bpf_link *iters[SOCK_ITERS];
	struct ring_buffer *rb;
	int root_fd, cgroup_fd;
	void (*fn)(void *arg, const struct sock_event *ev);
	void *arg;
	int n_events;
};

/* sockmap.c: says whether there is any, by what is in the map. 0 or -errno. */
int sock_cgroups_count(struct sockhook *sh);
/* Of a record of the ring. */
int sock_on_event(void *ctx, void *data, size_t len);

#endif
