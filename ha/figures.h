/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobility sessions by user, tunnels, security: RFC 7333 REQ6 (a) and (d). */
#ifndef KEDGE_HA_FIGURES_H
#define KEDGE_HA_FIGURES_H

#include <json-c/json.h>
#include <stdint.h>

#include "proto/mtime.h"

struct kern;

/* What took a look at all: as it was, until it may be looked at again. */
struct figures {
	struct json_object *peers, *per_peer, *security;
	mtime until;
};

/*
 * Adds "sessions", "tunnels", "security" to the answer to "counters". stats:
 * the data plane's. The time it takes grows with the table of owners, and it
 * takes that for a hundredth of the time at most.
 */
void figures_add(struct kern *k, const uint64_t *stats,
		 struct json_object *answer);
void figures_close(struct kern *k);

#endif
