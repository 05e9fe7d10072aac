/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mobile prefix discovery (RFC 6275 10.6): what connects ha/prefixadv.h to
 * bindings, to the configuration and to the wire.
 */
#ifndef KEDGE_HA_PREFIXES_H
#define KEDGE_HA_PREFIXES_H

#include "ha/kern.h"
#include "proto/ip6.h"

void prefixes_open(struct kern *k);
void prefixes_close(struct kern *k);

/* A binding has changed its state, or was refreshed. */
void prefixes_state(struct kern *k, const struct binding *b, bool refreshed);
/* The n-th link's prefixes have other lifetimes: all who are bound there hear
 * of it, by and by. */
void prefixes_changed(struct kern *k, size_t n);
/* SIGHUP: whether and when to send. */
void prefixes_reload(struct kern *k);

/*
 * An ICMPv6 message that came under the SA of its home address: REASON_NONE if
 * it was a solicitation, and is answered. REASON_MPS_UNBOUND: its home address
 * is not bound to where it came from.
 */
enum reason prefixes_solicited(struct kern *k, const struct ip6_pkt *pkt,
			       const uint8_t *msg, size_t len);

#endif
