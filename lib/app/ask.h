/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libkedge, the shim and kedgectl run ask of kedge-mn, on a socket of
 * Unix's SOCK_SEQPACKET that every user may connect to: one struct ask in one
 * packet, one struct answer, and the daemon hangs up. Who asks is known by
 * SO_PEERCRED alone. This side of it depends on libc alone.
 */
#ifndef KEDGE_ASK_H
#define KEDGE_ASK_H

#include <netinet/in.h>
#include <stdint.h>

#define ASK_SOCKET "/run/kedge/app.sock"	/* $KEDGE_APP_SOCKET instead */

enum { ASK_VERSION = 1, ASK_PATH_MAX = 512,
       ASK_WAIT_MAX_MS = 60000 };

enum ask_op {
	ASK_SOURCE = 1,		/* an address for a socket */
	ASK_RUN,		/* put my process under this type: a cgroup */
	ASK_IS_SOURCE,		/* is dst an address of that type? 0 or
				 * EADDRNOTAVAIL */
};

/* No hole in it that a compiler fills: what is not used is 0. */
struct ask {
	uint32_t version;
	uint8_t op;
	uint8_t service;	/* enum service; SERVICE_NONE: what policy says */
	uint8_t why;		/* enum service_why, of service */
	uint8_t protocol;	/* IPPROTO_TCP, IPPROTO_UDP; 0 not known */
	uint32_t prefer;	/* IPV6_PREFER_SRC_* */
	uint32_t wait_ms;	/* an answer by then at the latest; 0: now */
	uint64_t cookie;	/* SO_COOKIE of the socket that will go by the
				 * answer, for kedgectl flows and for the next
				 * move; 0: it is not to be remembered */
	struct in6_addr dst;	/* :: not known */
	uint16_t port;		/* of the destination, host order; 0: none */
	uint16_t pad[3];
};

struct answer {
	uint32_t version;
	int32_t error;		/* 0, or errno: ENOTSUP no such service here,
				 * EPERM not for this user, EADDRNOTAVAIL not
				 * now, ETIMEDOUT, EINVAL, EBUSY; of ASK_RUN
				 * also EACCES, and ENOSYS: no cgroup-BPF here,
				 * but the type may be had */
	struct in6_addr source;	/* :: the kernel's choice is right */
	struct in6_addr native;	/* this network's, where source is ::; or :: */
	uint8_t service;	/* in force */
	uint8_t why;		/* enum service_why */
	uint16_t pad;
	char path[ASK_PATH_MAX];	/* ASK_RUN that failed for EACCES: the
				 * cgroup that the asker is to make and enter,
				 * from the root of cgroup2 */
};

/*
 * Asks kedge-mn; the fields version are not the caller's affair. patience_ms is
 * how long all may take, beyond ask->wait_ms; it is not ended by signals.
 * 0: *answer is there (with an error in it, perhaps). -errno: -ENOENT there is
 * no daemon, -ETIMEDOUT it does not answer, others. Opens one descriptor, and
 * closes it; takes no memory. Keeps errno.
 */
int kedge_ask(const struct ask *ask, struct answer *answer, int patience_ms);

#endif
