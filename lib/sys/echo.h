/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMPv6 echo (RFC 4443 4) from one of this host's addresses: kedgectl
 * test-path. */
#ifndef KEDGE_ECHO_H
#define KEDGE_ECHO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct echo {
	struct in6_addr from;
	bool reply;		/* else a request */
	uint16_t id, seq;
};

enum { ECHO_HDR_LEN = 8 };

/* What is for addr, and what is sent is from it; nothing is sent in fragments.
 * Descriptor or -errno (-EADDRNOTAVAIL). */
int echo_open(const struct in6_addr *addr);
/* A request of len bytes with its header (at most 65535), as the routes say. 0
 * or -errno: -EMSGSIZE, it is longer than the path's MTU allows. */
int echo_send(int fd, const struct in6_addr *dst, uint16_t id, uint16_t seq,
	      size_t len);
/* The next one. 0 or -errno: -EAGAIN, there is none. */
int echo_read(int fd, struct echo *out);
/* A request for whoever sends packets whole: ICMPv6, with its checksum. len, or
 * -EMSGSIZE. */
ssize_t echo_build(uint8_t *out, size_t cap, const struct in6_addr *src,
		   const struct in6_addr *dst, uint16_t id, uint16_t seq,
		   size_t len);

#endif
