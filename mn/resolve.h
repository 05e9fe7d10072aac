/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Home agents by name, RFC 5026 5.1: the addresses of a name, or of those that
 * a domain's SRV records name. The resolver blocks, so it works on one of
 * libuv's threads; what it says is checked for form, and trusted by nobody.
 */
#ifndef KEDGE_RESOLVE_H
#define KEDGE_RESOLVE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { RESOLVE_ADDRS_MAX = 8, RESOLVE_NAMES_MAX = 8,
       RESOLVE_NAME_LEN = 254 };

struct resolve_result {
	const char *error;	/* static; NULL: there is an address at least */
	unsigned int n;
	struct in6_addr addrs[RESOLVE_ADDRS_MAX];	/* best first */
	uint32_t ttl;		/* s, that it may be used for */
};

/* One that is under way. */
struct resolve;

/*
 * Looks name up, or domain's SRV records (the other one is NULL or ""). fn is
 * called from the loop. 0 or -errno.
 */
int resolve_start(struct resolve **out, uv_loop_t *loop, const char *name,
		  const char *domain,
		  void (*fn)(void *arg, const struct resolve_result *result),
		  void *arg);
/* fn is not called any more; memory goes when the thread is done, for which
 * loop_fini() waits. */
void resolve_drop(struct resolve *resolve);

/* A host's name or a domain's: letters, digits, hyphens, dots. */
bool resolve_name_valid(const char *name);

struct resolve_srv {
	uint16_t priority, weight;
	char target[RESOLVE_NAME_LEN];
};

/*
 * The SRV records of a DNS message, those to be tried first in front (RFC
 * 2782; spin: a random number). Their number, at most RESOLVE_NAMES_MAX, and
 * the least TTL; -1: no good message. A target that is no host's name is left
 * out.
 */
int resolve_srv_parse(struct resolve_srv *out, uint32_t *ttl,
		      const uint8_t *msg, size_t len, uint32_t spin);

#endif
