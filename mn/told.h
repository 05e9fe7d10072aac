/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sockets have been given over the applications' socket, by SO_COOKIE: the
 * shim's sockets, of which no program in the kernel has a state. Kept within
 * bounds, for each user and for all: the oldest are forgotten.
 */
#ifndef KEDGE_TOLD_H
#define KEDGE_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/sock.h"

enum { TOLD_MAX = 8192, TOLD_USER_MAX = 2048 };

struct told;

struct told *told_new(void);	/* or NULL */
void told_free(struct told *told);	/* NULL is allowed */
/* state->uid says who tells. Where memory is short, nothing is kept. */
void told_set(struct told *told, uint64_t cookie,
	      const struct sock_state *state);
bool told_empty(const struct told *told);
/* The socket's owner must be who told of it: others' sockets are not his to
 * speak about. NULL: nothing is known. */
const struct sock_state *told_find(const struct told *told, uint64_t cookie,
				   uint32_t uid);

#endif
