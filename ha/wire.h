/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The home agent's messages: what the data plane hands to the daemon, and
 * what is sent for the binding cache.
 */
#ifndef KEDGE_HA_WIRE_H
#define KEDGE_HA_WIRE_H

#include "ha/kern.h"

/* For dp_ring_read(): arg is a struct kern. Refusals are counted here. */
void wire_on_record(void *arg, const struct dp_rec *rec);

/*
 * Around a dp_ring_read(): acknowledgements go out together at the end, after
 * all that they promise was done and stored.
 */
int wire_open(struct kern *k);		/* 0 or -ENOMEM */
void wire_close(struct kern *k);
void wire_begin(struct kern *k);
void wire_end(struct kern *k);

/* Verbs of struct bcache_ops; arg is a struct kern. */
void wire_send_ba(void *arg, const struct bcache_ba *ba);
void wire_refresh(void *arg, const struct binding *b);

/* Carries out a Binding Update that came under sa; NULL: in the clear. */
void wire_bu(struct kern *k, const struct bcache_bu *bu, struct sadb_sa *sa);

/*
 * Sends a Mobility Header (proto 135) or an ICMPv6 message (58), built for the
 * addresses HA and HoA, to a bound HoA, under the newest SA: prefix
 * advertisements and Binding Revocations with a type 2 routing header (RFC 6275
 * 6.8, RFC 5846 7), all others through the tunnel (RFC 6275 6.1). 0 or -errno:
 * -EDESTADDRREQ, it is not bound; else as sadb_seal() and raw_send() have it.
 * The caller counts.
 */
int wire_send(struct kern *k, const struct in6_addr *hoa, uint8_t proto,
	      const uint8_t *msg, size_t len);

/*
 * Answers the message at hand, which came in pkt from a HoA that is not bound,
 * without a Home Address option: natively, under the SA that goes with sa. 0 or
 * -errno, as wire_send() has it.
 */
int wire_reply(struct kern *k, const struct ip6_pkt *pkt,
	       struct sadb_sa *sa, uint8_t proto, const uint8_t *msg,
	       size_t len);

/* Did the message at hand come from the HoA's own home link? */
bool wire_from_home_link(struct kern *k, const struct in6_addr *hoa);

#endif
