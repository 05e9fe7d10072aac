/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of our addresses sockets use. */
#ifndef KEDGE_FLOWS_H
#define KEDGE_FLOWS_H

#include <netinet/in.h>
#include <stddef.h>

#include "sys/sockdiag.h"

struct flow_use {
	struct in6_addr addr;
	unsigned int tcp, udp;	/* sockets */
};

/*
 * Counts the sockets of each address in uses. A listening socket is no flow:
 * nobody loses anything when its address goes. 0 or -errno; then the counts
 * are not to be trusted.
 */
int flows_count(struct sockdiag *sd, struct flow_use *uses, size_t n);

#endif
