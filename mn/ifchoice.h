/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Of several interfaces: which one is better, and what the kernel is to know of
 * each, so that what is from its addresses leaves by it. Pure.
 */
#ifndef KEDGE_IFCHOICE_H
#define KEDGE_IFCHOICE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "mn/attach.h"
#include "proto/ip6.h"
#include "proto/nd.h"

struct ifchoice {
	bool usable;		/* attached, and its router is there */
	bool leaving;		/* about to go: better than nothing */
	bool weak;		/* of signal: better than that */
	uint32_t preference;
	bool metered;
};

/* The place of the best usable one of n, in the order of the configuration; n
 * where none is usable. */
unsigned int ifchoice_best(const struct ifchoice *list, unsigned int n);

/*
 * An interface's routing table: its prefixes that are on link, and the default
 * route by its router; and the addresses whose packets go by that table (a host
 * with several care-of addresses must send each packet by the link that its
 * source is of, RFC 5648 section 1 and RFC 6724 section 4, or ingress filters
 * drop it). Addresses rather than prefixes: two interfaces may be on one link.
 */
struct ifroutes {
	struct in6_addr gateway;	/* ::: nothing at all */
	unsigned int n_prefixes, n_addrs;
	struct ip6_prefix prefixes[ND_PREFIXES_MAX];
	struct in6_addr addrs[ATTACH_ADDRS_MAX];
};

/* gateway ::: the interface has no network any more. */
void ifroutes_of(struct ifroutes *out, const struct attach *at,
		 const struct in6_addr *gateway);
bool ifroutes_has_prefix(const struct ifroutes *r,
			 const struct ip6_prefix *prefix);
bool ifroutes_has_addr(const struct ifroutes *r, const struct in6_addr *addr);

#endif
