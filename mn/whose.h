/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose a socket is, as far as the policy asks: from what the socket programs
 * noted of the process, and from /proc.
 */
#ifndef KEDGE_WHOSE_H
#define KEDGE_WHOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/sock.h"

enum { WHOSE_GROUPS_MAX = 64, WHOSE_PATH_MAX = 1024 };

struct whose {
	char comm[SOCK_COMM + 1];		/* "" unknown */
	char cgroup[WHOSE_PATH_MAX];		/* "" unknown */
	unsigned int n_groups;			/* the effective one first */
	uint32_t groups[WHOSE_GROUPS_MAX];
};

/* more: with cgroup and groups, which take a look at the process. */
void whose_of(struct whose *out, const struct sock_rec *rec, bool more);

#endif
