/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which home agent anchors which prefix: configured, or learnt from router
 * advertisements (H flag, and a prefix option with the R flag, RFC 6275 7.1,
 * 7.2), from home agents that were asked (RFC 6275 11.4.1), from the DNS
 * (RFC 5026 5.1) or from one that would be relieved (RFC 5142). Anybody can
 * say so: what is learnt is a claim. It is trusted when that home agent has
 * authenticated itself (IKE) or SAs for an address in that prefix name it. Two
 * claims to one prefix stand side by side, many of them push out nothing that
 * is trusted, and which is chosen is mn/choice.h's.
 */
#ifndef KEDGE_ANCHORS_H
#define KEDGE_ANCHORS_H

#include <stdbool.h>
#include <stdint.h>

#include "mn/choice.h"
#include "proto/ip6.h"
#include "proto/mtime.h"
#include "proto/nd.h"

enum anchor_source {
	ANCHOR_RA,
	ANCHOR_CONFIG,
	ANCHOR_DHAAD,
	ANCHOR_DNS,
	ANCHOR_SWITCH,		/* a home agent names another, RFC 5142 */
};

struct anchor {
	struct ip6_prefix prefix;
	struct in6_addr ha;
	enum anchor_source source;
	bool trusted;
	bool failed;		/* the last we heard of it for this prefix... */
	const char *why;	/* ...and why (static); NULL: never */
	mtime failed_at;
	uint32_t ifindex;	/* of its last RA; 0: none came */
	uint16_t preference;	/* RFC 6275 7.4; 0 unless told */
	uint8_t order;		/* in the list that it came in; 0 first */
	mtime learnt_at;	/* or heard again */
	mtime until;		/* who said it, says; 0: no end */
};

/* What a home agent has shown that it can do. */
enum anchor_capability {
	ANCHOR_HEARTBEAT = 1u << 0,	/* answers them, RFC 5847 */
	ANCHOR_KEY_MOBILITY = 1u << 1,	/* K flag in a BA, RFC 6275 6.1.8 */
	ANCHOR_NETWORKS = 1u << 2,	/* R flag in a BA, RFC 3963 4.2 */
	ANCHOR_ASSIGNS = 1u << 3,	/* home addresses, RFC 5026 5.3.1 */
	ANCHOR_REVOKES = 1u << 4,	/* bindings, RFC 5846 */
	ANCHOR_SWITCHES = 1u << 5,	/* names others, RFC 5142 */
};

/*
 * What is known of one home agent by what came of it, whatever it anchors and
 * whoever named it. Nothing of it is by hearsay: messages under its SAs alone
 * may be told here.
 */
struct anchor_peer {
	struct in6_addr ha;
	unsigned int capabilities;	/* enum anchor_capability */
	mtime rtt;			/* smoothed; 0: not measured */
	bool dead;			/* no answer, and none since */
	mtime heard_at, dead_at;	/* 0: never */
	unsigned int worked, failed;	/* attempts, in all */
	uint8_t record;			/* 0 bad to 255 good, at... */
	mtime record_at;
};

/* Where there are more, the one that was learnt longest ago goes. */
enum { ANCHORS_UNTRUSTED_MAX = 16, ANCHORS_TRUSTED_MAX = 112,
       ANCHORS_MAX = ANCHORS_UNTRUSTED_MAX + ANCHORS_TRUSTED_MAX };

struct anchors {
	unsigned int n;
	struct anchor list[ANCHORS_MAX];	/* most recently learnt last */
	unsigned int n_peers;
	struct anchor_peer peers[ANCHORS_MAX];	/* least recently told first */
	/* One has failed, or is dead: to be looked into later, the lists are in
	 * use. May be NULL. */
	void (*lost)(void *arg);
	void *arg;
};

/* In place of what is configured or learnt for this prefix. -ENOSPC when all
 * that are trusted are configured ones. */
int anchors_configure(struct anchors *anchors, const struct ip6_prefix *prefix,
		      const struct in6_addr *ha, mtime now);
/* Forgets those that are configured; with learnt, those of RAs too (SIGHUP:
 * then configure anew). */
void anchors_unconfigure(struct anchors *anchors, bool learnt);
/*
 * Takes an RA's anchors over, but for prefixes that are configured; fn is
 * called for each that is new, and may trust it.
 */
void anchors_learn(struct anchors *anchors, const struct nd_ra *ra,
		   uint32_t ifindex, mtime now,
		   void (*fn)(void *arg, const struct anchor *anchor),
		   void *arg);
/* The same for one that was told otherwise: new's prefix, ha, source, order,
 * and until. Where the prefix is configured, of a home agent alone that would
 * be relieved (ANCHOR_SWITCH). */
void anchors_learn_ha(struct anchors *anchors, const struct anchor *new,
		      mtime now,
		      void (*fn)(void *arg, const struct anchor *anchor),
		      void *arg);
/* The anchor of an address as mn/choice.h has it, NULL where there is none.
 * current: the one in use, or NULL. */
const struct anchor *anchors_find(const struct anchors *anchors,
				  const struct in6_addr *addr,
				  const struct in6_addr *current, mtime now);
/* Does ha anchor a prefix that addr is in, by anybody's word? */
bool anchors_names(const struct anchors *anchors, const struct in6_addr *addr,
		   const struct in6_addr *ha);
bool anchors_trusts(const struct anchors *anchors, const struct in6_addr *addr,
		    const struct in6_addr *ha);
/* Neither has it failed for this prefix of late, nor is it dead. */
bool anchors_works(const struct anchors *anchors, const struct anchor *a,
		   mtime now);
/* Does ha, for addr? One that nobody names any more does while it lives. */
bool anchors_serves(const struct anchors *anchors, const struct in6_addr *addr,
		    const struct in6_addr *ha, mtime now);
/* It is proved, or what says so is not outdated. */
bool anchors_fresh(const struct anchor *a, mtime now);
/* What counts when one is chosen. */
struct choice anchors_choice(const struct anchors *anchors,
			     const struct anchor *a, mtime now);

/* ha is the home agent of addr: it has proved it, or SAs say so. */
void anchors_trust(struct anchors *anchors, const struct in6_addr *addr,
		   const struct in6_addr *ha);
/* It did not answer, is not what it claims to be, or would not have us: why, of
 * static storage. Its record suffers. */
void anchors_fail(struct anchors *anchors, const struct in6_addr *addr,
		  const struct in6_addr *ha, const char *why, mtime now);
/* It did what it was asked for (IKE, a registration). */
void anchors_worked(struct anchors *anchors, const struct in6_addr *addr,
		    const struct in6_addr *ha, mtime now);
/* "ra", "config"... */
const char *anchor_source_str(enum anchor_source source);
/* The single one's name: "heartbeat", "key-mobility"... */
const char *anchor_capability_str(enum anchor_capability capability);

/* NULL: nothing is known of it yet. */
const struct anchor_peer *anchors_peer(const struct anchors *anchors,
				       const struct in6_addr *ha);
/* It answered, after so long (a heartbeat). */
void anchors_measured(struct anchors *anchors, const struct in6_addr *ha,
		      mtime rtt, mtime now);
/* It sent something under its SA: it lives, and can do these things (enum
 * anchor_capability; 0: that says nothing of it). */
void anchors_heard(struct anchors *anchors, const struct in6_addr *ha,
		   unsigned int capability, mtime now);
/* It answers no more; until anchors_measured() or anchors_heard(). */
void anchors_dead(struct anchors *anchors, const struct in6_addr *ha,
		  mtime now);

#endif
