/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dynamic home agent address discovery, RFC 6275 11.4.1: one question about one
 * home prefix, asked until it is answered or DHAAD_RETRIES are used up. Pure:
 * it acts through struct haad_ops and is told the time.
 *
 * Nothing protects an answer. What it is checked for keeps others than those on
 * the path, and what cannot be true, from being listened to; that an address is
 * a home agent's, that has to prove by IKE, or by SAs.
 */
#ifndef KEDGE_HAAD_H
#define KEDGE_HAAD_H

#include "proto/mip.h"
#include "proto/timers.h"

/* Of an answer, the first ones: those that are preferred (10.5.1). */
enum { HAAD_ADDRS_MAX = 8 };

/* RFC 6275 10.5.1: an answer fits the minimum MTU. A longer one is no good. */
enum { HAAD_REPLY_MAX = IP6_MIN_MTU - IP6_HDR_LEN };

struct haad;

struct haad_ops {
	/* To dst, the home agents' anycast address, from the present care-of
	 * address. Failing is like a loss. */
	void (*send)(void *arg, struct haad *haad, const struct in6_addr *dst,
		     const struct mip *request);
	/* In the order of the answer, at least one. */
	void (*found)(void *arg, struct haad *haad, const struct in6_addr *has,
		      unsigned int n);
	void (*failed)(void *arg, struct haad *haad);
};

struct haad {
	const struct haad_ops *ops;
	void *arg;
	struct timers *timers;
	struct timer timer;		/* armed: asking */
	struct ip6_prefix prefix;
	uint16_t id;
	unsigned int sends;
	mtime rto;
};

void haad_init(struct haad *haad, const struct haad_ops *ops, void *arg,
	       struct timers *timers, const struct ip6_prefix *prefix);
/* id: any number that is hard to guess. false: a prefix that has no room for
 * the anycast address. */
bool haad_ask(struct haad *haad, uint16_t id, mtime now);
/* Whoever asked is somewhere else now: an answer would not arrive. No matter
 * where nothing is being asked. */
void haad_moved(struct haad *haad, uint16_t id, mtime now);
/* Without a word. */
void haad_stop(struct haad *haad);
bool haad_asking(const struct haad *haad);
/*
 * An answer of len bytes from src. REASON_NONE: found() has been called. Else
 * REASON_HAAD_UNMATCHED (not ours: it may be another's), REASON_HAAD_SOURCE or
 * REASON_HAAD_LIST, and the question stands.
 */
enum reason haad_reply(struct haad *haad, const struct in6_addr *src,
		       const struct mip *reply, size_t len);

#endif
