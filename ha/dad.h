/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Duplicate address detection (RFC 4862 5.4) for home addresses, on behalf of
 * mobile nodes that are away (RFC 6275 10.3.1): pure. A probe is about a home
 * address and, with the L flag, its link-local address as well.
 *
 * RFC 4862 5.4.2's random delay is for a node's first message on a link, and
 * for addresses that a multicast advertisement made many nodes form: neither
 * is the case here.
 */
#ifndef KEDGE_DAD_H
#define KEDGE_DAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/timers.h"

enum {
	DAD_MAX = 256,		/* probes at a time */
	DAD_TRANSMITS = 1,	/* DupAddrDetectTransmits, RFC 4862 5.1 */
	DAD_RETRANS = 1000,	/* ms, RetransTimer, RFC 4861 10 */
};

struct dad;

struct dad_probe {
	struct timer timer;	/* armed while it is at work */
	struct dad *dad;
	struct in6_addr targets[2];
	uint8_t n_targets;
	uint8_t sent;		/* rounds of solicitations */
	uint16_t link;
};

struct dad_ops {
	/* A solicitation from :: for target, RFC 4862 5.4.2. */
	void (*solicit)(void *arg, uint16_t link,
			const struct in6_addr *target);
	/* It is over, and its place is free. Other probes may be started. */
	void (*done)(void *arg, unsigned int place, bool unique);
};

struct dad {
	const struct dad_ops *ops;
	void *arg;
	struct timers *timers;
	unsigned int n;		/* at work */
	struct dad_probe probes[DAD_MAX];
};

void dad_init(struct dad *d, const struct dad_ops *ops, void *arg,
	      struct timers *timers);
void dad_fini(struct dad *d);	/* calls nobody */

/*
 * Its place among DAD_MAX. One that is at work for the same address goes on; it
 * begins anew only if the link-local address was not asked for before.
 * -ENOSPC: too many; -ENOMEM.
 */
int dad_start(struct dad *d, const struct in6_addr *hoa, bool link_local,
	      uint16_t link, mtime now);

/*
 * RFC 4862 5.4.3, 5.4.4: a valid Neighbour Advertisement for target, or a
 * solicitation from :: that is another node's, came on that link.
 */
void dad_heard(struct dad *d, uint16_t link, const struct in6_addr *target);

/* RFC 6275 10.3.1: the interface identifier behind the link-local prefix. */
struct in6_addr dad_link_local(const struct in6_addr *hoa);

#endif
