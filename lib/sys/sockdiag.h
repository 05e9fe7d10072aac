/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets by NETLINK_SOCK_DIAG: all there are, for where the socket programs
 * are not at work (sockhook_each() says more); the kernel's events at the end
 * of one (SKNLGRP_INET6_TCP/UDP_DESTROY); and SOCK_DESTROY.
 */
#ifndef KEDGE_SOCKDIAG_H
#define KEDGE_SOCKDIAG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/sock.h"

struct sockdiag;

int sockdiag_open(struct sockdiag **out);
void sockdiag_close(struct sockdiag *sd);

/*
 * Every IPv6 UDP socket, and TCP socket (but TIME_WAIT) that has an address of
 * its own, has_state 0; from Linux 6.8 on also TCP sockets that are but bound
 * (TCP_CLOSE). tcp_info: with tx_bytes and rx_bytes, which
 * costs more. 0 or -errno (-EINTR: the dump was inconsistent, call again).
 */
int sockdiag_each(struct sockdiag *sd, bool tcp_info, void (*fn)(void *arg,
		  const struct sock_rec *rec), void *arg);
/* Of these, the TCP sockets that are but bound: no BPF iterator sees them. */
int sockdiag_each_bound(struct sockdiag *sd, void (*fn)(void *arg,
			const struct sock_rec *rec), void *arg);

/* Whether events are wanted: only then does the kernel make them, and wake us.
 * 0 or -errno. */
int sockdiag_watch(struct sockdiag *sd, bool on);
int sockdiag_event_fd(struct sockdiag *sd);
/* fn for each socket destroyed (addresses, ports, protocol and cookie);
 * *overrun is set if events were lost. */
void sockdiag_read_events(struct sockdiag *sd, void (*fn)(void *arg,
			  const struct sock_rec *rec), void *arg,
			  bool *overrun);

/*
 * SOCK_DESTROY: whoever waits on the socket gets ECONNABORTED at once. By
 * addresses and cookie: never another one. 0 or -errno: -ENOENT it is gone,
 * -EOPNOTSUPP this kernel cannot.
 */
int sockdiag_destroy(struct sockdiag *sd, const struct sock_rec *rec);

#endif
