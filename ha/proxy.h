/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * On the home link in the place of hosts that are away (RFC 6275 10.4.1): their
 * home addresses, and with the L flag their link-local ones, are advertised,
 * defended, and taken from there.
 */
#ifndef KEDGE_HA_PROXY_H
#define KEDGE_HA_PROXY_H

#include "ha/kern.h"

/* A solicitation for such an address; what came to a link-local one. */
void proxy_on_ns(struct kern *k, const struct dp_rec *rec);
void proxy_on_link_local(struct kern *k, const struct dp_rec *rec);

/* Of struct bcache_ops; arg is a struct kern. */
void proxy_advertise(void *arg, const struct binding *b);

/* RFC 4862 5.4.2: a solicitation from :: for target. */
void proxy_solicit(struct kern *k, const struct kern_iface *iface,
		   const struct in6_addr *target);

/*
 * Before b is put in the place of what is bound: the link-local address is
 * taken, or given up, as b's L flag says. 0, or -errno of dp_binding_set().
 */
int proxy_claim(struct kern *k, const struct binding *b);
/* b is not served any more. */
void proxy_unclaim(struct kern *k, const struct binding *b);
/* A home link's interface is there, or has gone: its link-local addresses. */
void proxy_iface(struct kern *k, const struct kern_iface *iface, bool gone);

struct kern_iface *proxy_iface_of(struct kern *k, int link);

#endif
