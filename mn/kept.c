/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/kept.h"

#include <sodium.h>
#include <stddef.h>
#include <string.h>

#include "proto/ip6.h"

enum { KEPT_MAGIC = 0x4d47444b,	/* "KDGM" */
       KEPT_VERSION = 1 };

_Static_assert(sizeof(struct kept_order) == 64, "orders have no gaps");
_Static_assert(offsetof(struct kept, sum) == 56 + KEPT_MAX * 64,
	       "the head has no gaps");

static void sum_of(const struct kept *kept, uint8_t sum[KEPT_SUM])
{
	crypto_generichash(sum, KEPT_SUM, (const uint8_t *)kept,
			   offsetof(struct kept, sum), NULL, 0);
}

void kept_seal(struct kept *kept)
{
	kept->magic = KEPT_MAGIC;
	kept->version = KEPT_VERSION;
	sum_of(kept, kept->sum);
}

/* A home address alone, or a flow with all that makes it one. */
static bool order_ok(const struct kept_order *o)
{
	const struct dp_flow_key *key = &o->key;
	const struct dp_flow_key whole = {.hoa = key->hoa};

	if (!ip6_unicast_routable(&key->hoa) || !*o->iface ||
	    !memchr(o->iface, '\0', sizeof(o->iface)))
		return false;
	if (!o->cookie)
		return !memcmp(key, &whole, sizeof(whole));
	return ip6_unicast_routable(&key->peer) && key->hoa_port &&
	       key->peer_port &&
	       (key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP);
}

const char *kept_wrong(const struct kept *kept)
{
	uint8_t sum[KEPT_SUM];
	uint32_t i;

	sum_of(kept, sum);
	if (memcmp(sum, kept->sum, sizeof(sum)) != 0)
		return "its checksum is wrong";
	if (kept->magic != KEPT_MAGIC || kept->version != KEPT_VERSION)
		return "another kedge-mn wrote it";
	if (kept->n > KEPT_MAX)
		return "there are too many";
	for (i = 0; i < kept->n; i++)
		if (!order_ok(&kept->orders[i]))
			return "one of them makes no sense";
	return NULL;
}
