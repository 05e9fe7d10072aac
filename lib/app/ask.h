/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libkedge, the shim and kedgectl run ask of kedge-mn, on a socket of
 * Unix's SOCK_SEQPACKET that every user may connect to: one struct ask in one
 * packet, one struct answer. Who asks is known by SO_PEERCRED alone.
 */
#ifndef KEDGE_ASK_H
#define KEDGE_ASK_H

#include <netinet/in.h>
#include <stdint.h>

#define ASK_SOCKET "/run/kedge/app.sock"	/* $KEDGE_APP_SOCKET instead */

enum { ASK_VERSION = 1, ASK_PATH_MAX = 512 };

enum ask_op {
	ASK_SOURCE = 1,		/* an address for a socket */
	ASK_RUN,		/* put my process under this type: a cgroup */
	ASK_IS_SOURCE,		/* is dst an address of that type? */
};

struct ask {
	uint32_t version;
	uint8_t op;
	uint8_t service;	/* enum service; SERVICE_NONE: what policy says */
	uint8_t protocol;	/* IPPROTO_TCP, IPPROTO_UDP */
	uint8_t pad;
	uint32_t prefer;	/* IPV6_PREFER_SRC_* */
	uint32_t wait_ms;	/* an answer by then at the latest */
	uint16_t port;		/* of the destination, host order; 0: none */
	uint16_t pad2;
	struct in6_addr dst;	/* ::: not known */
};

struct answer {
	uint32_t version;
	int32_t error;		/* 0, or errno: ENOTSUP no such service here,
				 * EPERM not for this user, EADDRNOTAVAIL not
				 * now, ETIMEDOUT, EINVAL, EBUSY */
	struct in6_addr source;	/* :::the kernel's choice is right */
	uint8_t service;	/* in force */
	uint8_t why;		/* enum service_why */
	uint16_t pad;
	char path[ASK_PATH_MAX];	/* ASK_RUN that failed for EACCES:
				 * the cgroup's folder that is to be made */
};

#endif
