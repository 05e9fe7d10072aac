/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Router advertisements of the home links that have "advertise": what connects
 * the machine (ha/ra.h) to sockets and interfaces. */
#ifndef KEDGE_HA_ADVERT_H
#define KEDGE_HA_ADVERT_H

#include "ha/kern.h"
#include "proto/nd.h"

struct advert;

/* An interface, or its addresses, have changed: starts or stops. */
void advert_iface(struct kern *k, struct kern_iface *iface);
/* It has gone, or the daemon ends: hosts are told nothing. */
void advert_free(struct kern_iface *iface);

/* To one host of that interface, with a prefix of its own. */
void advert_tell(struct kern *k, uint32_t ifindex, const struct in6_addr *dst,
		 const uint8_t mac[6], const struct nd_prefix *own);
/* SIGHUP: lifetimes and preferences may have changed. */
void advert_reload(struct kern *k);

/* As it is advertised. Without configured lifetimes: for ever. */
struct nd_prefix advert_prefix(const struct ha_conf *conf,
			       const struct ha_link *link,
			       const struct ip6_prefix *prefix);

/* --flush: hosts are told that their router is none any more. Of a kern that
 * was not started. 0 or -errno, logged. */
int advert_flush(const struct ha_conf *conf);

#endif
