/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ha/several.c, severaldisk.c, severaljson.c and ways.c share. */
#ifndef KEDGE_HA_SEVERALINT_H
#define KEDGE_HA_SEVERALINT_H

#include "ha/multi.h"
#include "ha/several.h"

struct several {
	struct multi multi;
	/* what was judged last; the Binding Update at hand, or not */
	const struct bcache_bu *bu;
	struct count_limit told;
	struct rtnl *rtnl;	/* while starting, before the daemon has its own */
};

/* several.c: what the binding cache has of host. */
void several_view(const struct kern *k, const struct multi_host *host,
		  struct bcache_several *out);

/* For struct multi_bu. */
bool several_coa_usable(void *arg, const struct in6_addr *hoa,
			const struct in6_addr *coa);
/* May hoa, registered with these flags, have the H flag (status 169)? */
bool several_may_be_home(const struct kern *k, const struct in6_addr *hoa,
			 uint16_t flags);

/* severaldisk.c: of a flow binding or so of before the start. */
void several_not_taken(struct kern *k, const struct in6_addr *hoa,
		       const char *what, unsigned int number, const char *why);
/* What was restored for b, and would be refused today, is over; how much is
 * not. */
unsigned int several_judge_again(struct kern *k, const struct binding *b);

/* athome.c. RFC 5648 6.3: are hosts of hoa's link to do no Neighbour Discovery
 * for a home address of theirs, as there are other routers? */
bool athome_other_routers(const struct kern *k, const struct in6_addr *hoa);
/* RFC 5648 5.6.3: the mobile node's link-layer address, by its option; or where
 * the BU came from, if that was the home link. NULL: unknown, or no host's. */
const uint8_t *athome_mac(struct kern *k, const struct bcache_bu *bu);
/* Its neighbour entry, by the BU at hand. */
void athome_came(struct kern *k, const struct in6_addr *hoa);
/* Anew after a reboot, where it is needed. False: there can be none. */
bool athome_again(struct kern *k, const struct in6_addr *hoa,
		  const uint8_t mac[6]);
void athome_left(struct kern *k, const struct in6_addr *hoa);
/* Where there is none of a daemon's. 0 or -errno */
int athome_rtnl(struct rtnl **out);

#endif
