/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When to send Mobile Prefix Advertisements (RFC 6275 10.6.2): pure.
 *
 *	      change, or MaxMobPfxAdvInterval     due
 *	QUIET ---------------------------> SCHEDULED ---> UNACKED --+
 *	  ^                                    |          |   ^     | again,
 *	  +--------- solicitation -------------+----------+   +-----+ 3 times
 *	  |                                              |
 *	  +--------- solicitation ---- GIVEN_UP <--------+
 *	                                  |  another BU: sent again
 *
 * A mobile node is known here while it has a binding, and something is to be
 * said to it: or, for as many as there is room, only because each is to hear of
 * the prefixes once in MaxMobPfxAdvInterval.
 */
#ifndef KEDGE_PREFIXADV_H
#define KEDGE_PREFIXADV_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "proto/timers.h"

enum {
	PREFIXADV_RETRIES = 3,		/* PREFIX_ADV_RETRIES, 12 */
	PREFIXADV_TIMEOUT = 3,		/* s, PREFIX_ADV_TIMEOUT, 12 */
	PREFIXADV_MAX_INTERVAL = 86400,	/* s, MaxMobPfxAdvInterval, 13 */
	PREFIXADV_MIN_INTERVAL = 600,	/* s, MinMobPfxAdvInterval, 13 */
	PREFIXADV_SPACING = 1,		/* s between two to one node, 6.8 */
};

enum prefixadv_state {
	PREFIXADV_QUIET,
	PREFIXADV_SCHEDULED,
	PREFIXADV_UNACKED,
	PREFIXADV_GIVEN_UP,
};

struct prefixadv;

struct prefixadv_mn {
	UT_hash_handle hh;
	struct prefixadv *pa;
	struct in6_addr hoa;
	uint8_t state;		/* enum prefixadv_state */
	uint8_t sends;		/* of this one: the first and the others */
	bool change;		/* it has not heard of one yet */
	bool asked;		/* an answer is due, of this id */
	uint16_t id;
	bool sent_any;
	mtime sent;		/* the last one */
	mtime due;		/* what the state waits for */
	mtime rto;
	struct timer timer;
};

struct prefixadv_ops {
	/* Sends the prefixes as they are now; id is the solicitation's, or
	 * any. What fails is tried again like a loss. */
	void (*send)(void *arg, const struct in6_addr *hoa, uint16_t id,
		     bool solicited);
	/* Those of hoa's prefix, in seconds; UINT32_MAX: for ever. */
	void (*lifetimes)(void *arg, const struct in6_addr *hoa,
			  uint32_t *preferred, uint32_t *valid);
	/* below the limit: sodium's randombytes_uniform() */
	uint32_t (*random)(uint32_t limit);
};

struct prefixadv_conf {
	bool on;		/* 8.4: or it sends nothing */
	mtime min, max;		/* Min- and MaxMobPfxAdvInterval */
	uint32_t room;		/* nodes that there is nothing new for */
};

struct prefixadv {
	const struct prefixadv_ops *ops;
	void *arg;
	struct timers *timers;
	struct prefixadv_conf conf;
	struct prefixadv_mn *table;
	unsigned int n_changes;		/* have one to hear of */
	unsigned int n_given_up;
};

void prefixadv_init(struct prefixadv *pa, const struct prefixadv_ops *ops,
		    void *arg, struct timers *timers,
		    const struct prefixadv_conf *conf);
void prefixadv_fini(struct prefixadv *pa);
/* SIGHUP: from now on. What is scheduled stays so, unless it is off. */
void prefixadv_set(struct prefixadv *pa, const struct prefixadv_conf *conf);

/* A Binding Update was accepted: a registration, or a refresh. */
void prefixadv_bound(struct prefixadv *pa, const struct in6_addr *hoa,
		     mtime now);
/* Does a refresh make no difference to any of n_bound mobile nodes? Then
 * prefixadv_bound() need not be called for it. */
bool prefixadv_settled(const struct prefixadv *pa, uint32_t n_bound);
/* Its binding has ended: nothing is sent any more. */
void prefixadv_unbound(struct prefixadv *pa, const struct in6_addr *hoa);
/* The prefixes of a bound HoA's link have changed, or their lifetimes other
 * than by time. 0 or -ENOMEM. */
int prefixadv_changed(struct prefixadv *pa, const struct in6_addr *hoa,
		      mtime now);
/* A solicitation of a bound HoA: answered now, or a second after the last
 * advertisement. 0, -ENOMEM, or -EPERM: it is off. */
int prefixadv_solicited(struct prefixadv *pa, const struct in6_addr *hoa,
			uint16_t id, mtime now);
/* Has it yet to hear of a change? (status 1 of its acknowledgement, 10.3.1) */
bool prefixadv_pending(struct prefixadv *pa, const struct in6_addr *hoa);

#endif
