/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/drain.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>

#include "core/count.h"
#include "proto/ip6.h"

enum { DRAIN_VERSION = 1, DRAIN_SUM = 16 };

static const char key[] = "switch-all";

struct kept {
	uint32_t version, n;
	struct in6_addr addrs[PEER_ADDRS_MAX];
	uint8_t sum[DRAIN_SUM];		/* of all before it */
};

static void sum_of(const struct kept *kept, uint8_t sum[DRAIN_SUM])
{
	crypto_generichash(sum, DRAIN_SUM, (const uint8_t *)kept,
			   offsetof(struct kept, sum), NULL, 0);
}

int drain_save(struct store *store, const struct peer_addrs *addrs)
{
	struct kept kept = {.version = DRAIN_VERSION};
	int err;

	if (!addrs) {
		err = store_del(store, key);
		return err == -ENOENT ? 0 : err;
	}
	kept.n = addrs->n;
	memcpy(kept.addrs, addrs->v, addrs->n * sizeof(*addrs->v));
	sum_of(&kept, kept.sum);
	return store_put(store, key, &kept, sizeof(kept), true);
}

static bool is_good(const struct kept *kept)
{
	uint8_t sum[DRAIN_SUM];
	uint32_t i;

	sum_of(kept, sum);
	if (memcmp(sum, kept->sum, sizeof(sum)) != 0 ||
	    kept->version != DRAIN_VERSION || kept->n > PEER_ADDRS_MAX)
		return false;
	for (i = 0; i < kept->n; i++)
		if (!ip6_unicast_routable(&kept->addrs[i]))
			return false;
	return true;
}

bool drain_load(struct store *store, struct peer_addrs *addrs)
{
	struct kept kept;
	int err = store_get(store, key, &kept, sizeof(kept));

	if (err == -ENOENT)
		return false;
	if (err || !is_good(&kept)) {
		count_refusal(REASON_SWITCH_STORED, "'%s': whether all are to "
			      "go to another home agent is not known: nobody "
			      "is told to", key);
		return false;
	}
	*addrs = (struct peer_addrs){.n = kept.n};
	memcpy(addrs->v, kept.addrs, kept.n * sizeof(*kept.addrs));
	return true;
}
