/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which address of a pool is assigned next: any, so that nobody can tell which
 * one another host has or will get, and where that can be helped none that
 * somebody had until just now. Pure.
 */
#ifndef KEDGE_POOL_H
#define KEDGE_POOL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/ip6.h"

/* A pool leaves the prefix of its link, of 64 bits, to the link. */
enum { POOL_LEN_MIN = 65, POOL_RECENT = 64 };

/* Those that were released last; zeroed at first. */
struct pool_recent {
	struct in6_addr v[POOL_RECENT];
	unsigned int next;
};

struct pool_ops {
	bool (*taken)(void *arg, const struct in6_addr *addr);
	void (*random)(void *buf, size_t n);
	size_t n_taken;		/* no more addresses are taken than these */
};

void pool_released(struct pool_recent *recent, const struct in6_addr *addr);
/* 0, or -ENOSPC: all are taken. len of pool: POOL_LEN_MIN to 128. */
int pool_pick(const struct ip6_prefix *pool, const struct pool_recent *recent,
	      const struct pool_ops *ops, void *arg, struct in6_addr *out);

#endif
