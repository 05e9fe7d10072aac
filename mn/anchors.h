/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which home agent anchors which prefix: learnt from router advertisements
 * (H flag, and a prefix option with the R flag, RFC 6275 7.1, 7.2) or
 * configured. A configured anchor is never replaced by a learnt one.
 */
#ifndef KEDGE_ANCHORS_H
#define KEDGE_ANCHORS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/ip6.h"
#include "proto/nd.h"

struct anchor {
	struct ip6_prefix prefix;
	struct in6_addr ha;
	bool configured;
	uint32_t ifindex;	/* where learnt last; 0: configured */
	uint16_t preference;	/* RFC 6275 7.4; 0 unless told */
};

enum { ANCHORS_MAX = 128 };	/* the oldest learnt one goes */

struct anchors {
	unsigned int n;
	struct anchor list[ANCHORS_MAX];	/* most recently learnt last */
};

/* -ENOSPC when all are configured ones. */
int anchors_configure(struct anchors *anchors, const struct ip6_prefix *prefix,
		      const struct in6_addr *ha);
/*
 * Takes an RA's anchors over; fn is called for each that is new or now at
 * another address.
 */
void anchors_learn(struct anchors *anchors, const struct nd_ra *ra,
		   uint32_t ifindex,
		   void (*fn)(void *arg, const struct anchor *anchor),
		   void *arg);
/* The anchor of an address: longest prefix, NULL where there is none. */
const struct anchor *anchors_find(const struct anchors *anchors,
				  const struct in6_addr *addr);

#endif
