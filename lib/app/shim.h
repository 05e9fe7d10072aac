/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the shim knows of this process's sockets, by SO_COOKIE. */
#ifndef KEDGE_SHIM_H
#define KEDGE_SHIM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/service.h"

struct shim_sock {
	uint64_t cookie;
	uint64_t age;		/* the table's own */
	struct in6_addr source;	/* of its datagrams, where chosen; :: kernel's */
	uint8_t asked;		/* enum service, by the option */
	uint8_t prefer;		/* enum service, by RFC 5014's HOME or COA */
	uint8_t service;	/* enum service in force, where chosen */
	uint8_t why;		/* enum service_why */
	bool chosen;
};

/*
 * Safe in signal handlers, in threads, and over fork(). A socket that is not
 * known has all fields 0 but cookie. Where there are too many, those that were
 * set longest ago are forgotten: they go on as if they had asked for nothing.
 */
void shim_get(uint64_t cookie, struct shim_sock *out);
void shim_set(const struct shim_sock *sock);

#endif
