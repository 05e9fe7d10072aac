/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a home agent asks of a mobile node, and asks again until it is done:
 * revocations of bindings (RFC 5846 6 and 7) and home agent switches (RFC 5142
 * 5), one at a time for each home address; and the drain, a switch for all
 * that are bound. Pure: it acts through struct peers_ops and is told the time.
 */
#ifndef KEDGE_PEER_H
#define KEDGE_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "proto/mh.h"
#include "proto/timers.h"

enum peer_kind {
	PEER_REVOKE,
	PEER_SWITCH,
};

enum {
	PEERS_MAX = 4096,	/* at a time; each has a number of 16 bits */
	PEER_SWITCH_FIRST = 5,	/* s, INITIAL-HA-SWITCH-TIMEOUT */
	PEER_SWITCH_LAST = 20,	/* s, MAX-HA-SWITCH-TIMEOUT */
	PEER_ADDRS_MAX = 8,	/* home agents that a switch names */
	PEER_DRAIN_STEP = 100,	/* ms, where more than 10 go in a second */
	PEER_DRAIN_LOOK = 4096,	/* bindings that one step looks at */
};

struct peers;

/* Other home agents, in the order in which they are to be tried. */
struct peer_addrs {
	unsigned int n;
	struct in6_addr v[PEER_ADDRS_MAX];
};

struct peer {
	UT_hash_handle hh;
	struct peers *ps;
	struct in6_addr hoa;
	enum peer_kind kind;
	uint8_t trigger;	/* enum mh_br_trigger */
	uint16_t seq;		/* of a revocation */
	struct peer_addrs addrs;	/* of a switch */
	unsigned int sends;
	mtime timeout;
	struct timer timer;
};

enum peer_end {
	PEER_END_ACKNOWLEDGED,	/* BRA */
	PEER_END_REFUSED,	/* BRA, with a status of 128 or more */
	PEER_END_SILENT,	/* no answer to any */
	PEER_END_UNSENT,	/* there is no SA, or no binding */
};

struct peers_ops {
	/* A BRI, or a Home Agent Switch message. *left: what the latter said to
	 * be left of the binding, 0 where it said nothing. 0 or -errno. */
	int (*send)(void *arg, const struct peer *p, mtime *left);
	/* A revocation is over: the binding is to be deleted. p is gone from
	 * the table and freed afterwards. */
	void (*revoked)(void *arg, const struct peer *p, enum peer_end end);
	/* Looks at n bindings from cursor (0: the first) until one is bound,
	 * *found, with its *hoa. The next cursor, or 0: no more. */
	uint32_t (*next)(void *arg, uint32_t cursor, uint32_t n,
			 struct in6_addr *hoa, bool *found);
};

struct peers_conf {
	uint32_t retries;	/* BRIMaxRetriesNumber */
	mtime delay;		/* InitMINDelayBRIs */
	mtime delay_max;	/* MAX_BRACK_TIMEOUT */
	uint32_t rate;		/* MAX-HA-SWITCH-TRANSMIT-RATE, a second */
};

struct peers {
	const struct peers_ops *ops;
	void *arg;
	struct timers *timers;
	struct peers_conf conf;
	struct peer *table;
	uint16_t seq;			/* of the last BRI */
	uint8_t seqs[8192];		/* bits: outstanding */
	/* the drain */
	bool draining;
	struct peer_addrs drain_to;
	struct timer drain;
	uint32_t cursor;
	mtime pass_begun, pass_timeout;
};

/* seq: any, better a random one. */
void peers_init(struct peers *ps, const struct peers_ops *ops, void *arg,
		struct timers *timers, const struct peers_conf *conf,
		uint16_t seq);
void peers_fini(struct peers *ps);	/* calls nobody */

/* Instead of what is under way for hoa, if anything. 0; -ENOMEM; -ENOSPC: too
 * many are under way. ops->revoked() may be called before it returns. */
int peers_revoke(struct peers *ps, const struct in6_addr *hoa, uint8_t trigger,
		 mtime now);
/* The same; -EBUSY: it is being revoked. Where it cannot be sent, it is tried
 * again like one that was lost. */
int peers_switch(struct peers *ps, const struct in6_addr *hoa,
		 const struct peer_addrs *addrs, mtime now);
/* All that are bound, again and again until they are not, at the rate. */
void peers_drain(struct peers *ps, const struct peer_addrs *addrs, mtime now);
/* Ends a switch: of hoa, or (NULL) all of them and the drain. */
void peers_stay(struct peers *ps, const struct in6_addr *hoa);

/* A BRA of hoa, under its SA. REASON_NONE, or why it was not taken. */
enum reason peers_bra(struct peers *ps, const struct in6_addr *hoa,
		      const struct mh *mh);
/* A binding ended, whoever ended it. */
void peers_unbound(struct peers *ps, const struct in6_addr *hoa);
/* A registration was accepted; none is while peers_leaving(). */
void peers_bound(struct peers *ps, const struct in6_addr *hoa);

/* Are registrations of it to be refused (RFC 5142 5.3, RFC 5846 7)? Not where
 * it is revoked because states differ: then the mobile node is to register. */
bool peers_leaving(const struct peers *ps, const struct in6_addr *hoa);
/* NULL where nothing is under way. */
const struct peer *peers_find(const struct peers *ps,
			      const struct in6_addr *hoa);

#endif
