/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What RFC 7333 REQ6 wants to be seen of a mobility service, beside the
 * counters (core/count): how long things take, what signalling costs, the
 * tunnels. Process-wide, single-threaded.
 */
#ifndef KEDGE_FIGURE_H
#define KEDGE_FIGURE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/sadb.h"
#include "proto/mtime.h"

#define DURATIONS(X) \
	/* a binding, from its first registration to its end, REQ6 (a) */ \
	X(SESSION, "session") \
	/* MN: from the loss of a network until packets flow again, (b) (1) */ \
	X(HANDOVER, "handover") \
	/* MN: from being attached anew until the HA acknowledged, (b) (2) */ \
	X(REACTIVITY, "reactivity") \
	/* MN: from a Binding Update to its Acknowledgement */ \
	X(REGISTRATION, "registration")

enum duration {
#define X(sym, name) DURATION_##sym,
	DURATIONS(X)
#undef X
	DURATION__MAX
};

/* One of them is over; less than 0 is taken for 0. */
void figure_took(enum duration which, mtime took);
/* A packet of signalling, bytes from the IPv6 header on, REQ6 (c). */
void figure_signal(bool sent, size_t bytes);

/* A packet that the daemon itself, not BPF, put into a tunnel or took out of
 * one; inner bytes. */
void figure_slow(bool sent, size_t bytes);

/* REQ6 (d): inner packets and bytes of all tunnels. */
struct figure_tunnels {
	uint64_t now;		/* that are up */
	/* by BPF */
	uint64_t tx_packets, tx_bytes, rx_packets, rx_bytes;
};

/*
 * For the answer to "counters", each owned by the caller:
 * {NAME:{"count","sum_s","max_s","buckets":[{"le_s","count"}...]}}, buckets as
 * Prometheus has them, each with all that is in the smaller ones; those above
 * the last are in count alone
 */
struct json_object *figure_durations(void);
/* {"sent","sent_bytes","received","received_bytes"} */
struct json_object *figure_signalling(void);
/* {"now","method","overhead","tx_packets",..., "overhead_bytes"} */
struct json_object *figure_tunnels(const struct figure_tunnels *t);
/* How many SAs: {"manual","ike",ALGORITHM...} */
struct json_object *figure_security(struct sadb *sadb);

#endif
