/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mobile network prefixes (RFC 3963): which of them a Binding Update of a
 * mobile router registers, by the prefix table (6.1.2). Pure.
 */
#ifndef KEDGE_HA_MNP_H
#define KEDGE_HA_MNP_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/ip6.h"
#include "proto/mh.h"
#include "proto/reason.h"

enum {
	MNP_MAX = 8,		/* of a mobile router */
	MNP_SLICES = 16,	/* /64s that they are, together */
	MNP_LEN_MIN = 60, MNP_LEN_MAX = 64,
};

/* Zeroed where not used, so that two can be compared as memory. */
struct mnp_list {
	struct ip6_prefix v[MNP_MAX];
	uint8_t n;
};

/*
 * allowed: the prefix table's for this home address; any: there is a prefix
 * for some home address. REASON_NONE, and *out: what is to be forwarded from
 * now on; or the reason, and *status of RFC 3963 4.2.
 */
enum reason mnp_judge(const struct mh *bu, const struct mnp_list *allowed,
		      bool any, struct mnp_list *out, int *status);

/* -EINVAL: it cannot be a mobile network's (its length, its kind); -EEXIST: it
 * is within one that is there; -ENOSPC: MNP_MAX or MNP_SLICES. */
int mnp_add(struct mnp_list *list, const struct ip6_prefix *prefix);
/* Is all of prefix in one of list's? */
bool mnp_within(const struct mnp_list *list, const struct ip6_prefix *prefix);

/* So many /64s there are, and the one of number i. */
unsigned int mnp_slices(const struct mnp_list *list);
struct in6_addr mnp_slice(const struct mnp_list *list, unsigned int i);

#endif
