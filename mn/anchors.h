/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which home agent anchors which prefix: learnt from router advertisements
 * (H flag, and a prefix option with the R flag, RFC 6275 7.1, 7.2) or
 * configured. Anybody on a link can advertise, so what is learnt is a claim:
 * it is trusted when that home agent has authenticated itself (IKE) or SAs
 * for an address in that prefix name it. Two claims to one prefix stand side
 * by side, and many of them push out nothing that is trusted.
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
	bool trusted;
	bool failed;		/* the last we heard: IKE with it failed */
	uint32_t ifindex;	/* where learnt last; 0: configured */
	uint16_t preference;	/* RFC 6275 7.4; 0 unless told */
};

/* Where there are more, the one that was learnt longest ago goes. */
enum { ANCHORS_UNTRUSTED_MAX = 16, ANCHORS_TRUSTED_MAX = 112,
       ANCHORS_MAX = ANCHORS_UNTRUSTED_MAX + ANCHORS_TRUSTED_MAX };

struct anchors {
	unsigned int n;
	struct anchor list[ANCHORS_MAX];	/* most recently learnt last */
};

/* In place of what is configured or learnt for this prefix. -ENOSPC when all
 * that are trusted are configured ones. */
int anchors_configure(struct anchors *anchors, const struct ip6_prefix *prefix,
		      const struct in6_addr *ha);
/* Forgets those that are configured; with learnt, all (SIGHUP: then configure
 * anew). */
void anchors_unconfigure(struct anchors *anchors, bool learnt);
/*
 * Takes an RA's anchors over, but for prefixes that are configured; fn is
 * called for each that is new, and may trust it.
 */
void anchors_learn(struct anchors *anchors, const struct nd_ra *ra,
		   uint32_t ifindex,
		   void (*fn)(void *arg, const struct anchor *anchor),
		   void *arg);
/*
 * The anchor of an address, NULL where there is none: one that did not fail
 * before one that did, then a trusted one, then the longest prefix, then the
 * one learnt last.
 */
const struct anchor *anchors_find(const struct anchors *anchors,
				  const struct in6_addr *addr);
/* Does ha anchor a prefix that addr is in, by anybody's word? */
bool anchors_names(const struct anchors *anchors, const struct in6_addr *addr,
		   const struct in6_addr *ha);
bool anchors_trusts(const struct anchors *anchors, const struct in6_addr *addr,
		    const struct in6_addr *ha);

/* ha is the home agent of addr: it has proved it, or SAs say so. */
void anchors_trust(struct anchors *anchors, const struct in6_addr *addr,
		   const struct in6_addr *ha);
/* It did not answer, or is not what it claims to be. */
void anchors_fail(struct anchors *anchors, const struct in6_addr *addr,
		  const struct in6_addr *ha);

#endif
