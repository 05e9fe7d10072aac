/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves by hand as the store has them, for the next daemon: one value of a
 * fixed length, with a checksum. Pure.
 */
#ifndef KEDGE_KEPT_H
#define KEDGE_KEPT_H

#include <net/if.h>
#include <stdint.h>

#include "bpf/maps.h"
#include "core/store.h"

enum { KEPT_MAX = 256, KEPT_SUM = 16 };

struct kept_order {
	struct dp_flow_key key;	/* of a whole home address: hoa alone */
	uint64_t cookie;	/* of the flow's socket; 0: whole */
	char iface[IFNAMSIZ];	/* its place in the configuration may change */
};

struct kept {
	uint32_t magic, version, n, pad;
	char boot[STORE_BOOT_ID];	/* sockets, and what is away, end with
					 * the boot that they are of */
	uint8_t pad2[4];
	struct kept_order orders[KEPT_MAX];
	uint8_t sum[KEPT_SUM];	/* of all before it */
};

/* n, orders and boot are there, what is not used of them is 0. */
void kept_seal(struct kept *kept);
/* NULL: all of it can be used. Else why nothing of it can. */
const char *kept_wrong(const struct kept *kept);

#endif
