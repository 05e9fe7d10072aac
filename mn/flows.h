/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of our addresses sockets use, and which home address that is away has
 * no flow any more.
 */
#ifndef KEDGE_FLOWS_H
#define KEDGE_FLOWS_H

#include <netinet/in.h>
#include <stddef.h>

#include "mn/mn.h"

struct flow_use {
	struct in6_addr addr;
	unsigned int tcp, udp;	/* sockets */
};

/*
 * Counts the sockets of each address in uses. A listening socket is no flow:
 * nobody loses anything when its address goes. 0 or -errno; then the counts
 * are not to be trusted.
 */
int flows_count(struct mn *mn, struct flow_use *uses, size_t n);

/* Counts for every home address that is away, and arms what follows. */
void flows_scan(struct mn *mn, mtime now);
/* A socket on this address has ended: flows_scan() soon, if it matters. */
void flows_scan_soon(struct mn *mn, const struct in6_addr *local);
/* What a hoa's timer "grace" calls. */
void flows_on_grace(struct timer *timer, mtime now);

#endif
