/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The home agent's slow path: tunnel packets that BPF leaves to the stack
 * (fragments, those with an encapsulation limit), ICMPv6 errors about ours, and
 * the errors that are ours to send.
 */
#ifndef KEDGE_HA_SLOW_H
#define KEDGE_HA_SLOW_H

#include "ha/kern.h"
#include "proto/nd.h"

/* Reads the tunnel socket. True where the MTU of a path has changed. */
bool slow_read(struct kern *k);

/* Tunnels a packet for a bound HoA, in fragments where the path wants it. */
void slow_fragment(struct kern *k, const struct dp_rec *rec);

/* May one more be told of an error now? RFC 4443 2.4 (f). */
bool slow_may_tell(struct kern *k, const struct in6_addr *whom);

/* An ICMPv6 error from src to the source of the packet whose head is orig, at a
 * limited rate. */
void slow_error(struct kern *k, const struct in6_addr *src,
		const struct nd_error *err, const uint8_t *orig, size_t len);

#endif
