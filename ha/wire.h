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
void wire_advertise(void *arg, const struct binding *b);

/* Did the message at hand come from the HoA's own home link? */
bool wire_from_home_link(struct kern *k, const struct in6_addr *hoa);

#endif
