/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which sockets use which address: NETLINK_SOCK_DIAG dumps, and the kernel's
 * events at a socket's end (SKNLGRP_INET6_TCP/UDP_DESTROY; the socket must be
 * bound to the groups).
 */
#ifndef KEDGE_SOCKDIAG_H
#define KEDGE_SOCKDIAG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct sockdiag;

struct sockdiag_sock {
	uint8_t protocol;		/* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t state;			/* TCP_ESTABLISHED, ... */
	struct in6_addr local, remote;
	uint16_t local_port, remote_port;	/* host order */
	uint32_t uid;
	uint64_t inode;
};

int sockdiag_open(struct sockdiag **out);
void sockdiag_close(struct sockdiag *sd);

/*
 * Every IPv6 TCP socket (but TIME_WAIT and CLOSE) and UDP socket that is
 * bound to a unicast address of its own (not ::). fn is called for each.
 * 0 or -errno (-EINTR: the dump was inconsistent, call again).
 */
int sockdiag_dump(struct sockdiag *sd,
		  void (*fn)(void *arg, const struct sockdiag_sock *sock),
		  void *arg);

int sockdiag_event_fd(struct sockdiag *sd);
/* fn for each socket destroyed; *overrun is set if events were lost. */
void sockdiag_read_events(struct sockdiag *sd,
		void (*fn)(void *arg, const struct sockdiag_sock *sock),
		void *arg, bool *overrun);

#endif
