/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Security associations with home agents by IKE: one machine for each pair of
 * home address and home agent for which they are wanted. It decides when an
 * IKE SA is begun, when again, and when it is ended. Pure: it acts through
 * struct assoc_ops and is told the time.
 *
 *	     may begin                up            doubted
 *	IDLE ---------> CONNECTING ---------> UP ------------> IDLE
 *	  |                 ^                  ^                 |
 *	  |            lost |               up |       may begin |
 *	  |                 +------------- RENEWING <------------+
 *	  +<-- time, moved -- FAILED <-- down: CONNECTING, RENEWING
 *	not wanted: gone, or, where there are SAs, LEAVING until it is told
 */
#ifndef KEDGE_ASSOC_H
#define KEDGE_ASSOC_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/reason.h"
#include "proto/timers.h"

enum assoc_state {
	ASSOC_IDLE,		/* begins as soon as it may */
	ASSOC_CONNECTING,
	ASSOC_UP,
	ASSOC_RENEWING,		/* has SAs; new ones are being made */
	ASSOC_FAILED,		/* waits to try again */
	ASSOC_LEAVING,		/* not wanted any more: to be ended */
};

enum assoc_event {
	ASSOC_EV_SOURCE,	/* its source is another one, or none, now */
	ASSOC_EV_UP,		/* what was begun is up */
	ASSOC_EV_FAILED,	/* it is not, and will not be */
	ASSOC_EV_LOST,		/* what was up is over */
	ASSOC_EV_SUSPECT,	/* the HA does not answer under its SAs */
	ASSOC_EV_ANSWERED,	/* it does */
	ASSOC_EV_TIMER,
};

struct assoc;

struct assoc_ops {
	/* Begins an IKE SA from a->source: its id, or 0 (out of memory). */
	uint32_t (*initiate)(void *arg, struct assoc *a);
	/* Ends one. told: the HA is told, from a->source; else, not a word. */
	void (*end)(void *arg, struct assoc *a, uint32_t id, bool told);
	void (*state)(void *arg, struct assoc *a, enum assoc_state old);
	/* An attempt failed, for a->why; another one follows unless... */
	void (*failed)(void *arg, struct assoc *a);
	/* ...the HA will not have us, or we it: the HoA is away, and lost. Where
	 * nobody has authenticated himself it may be the network that we are in
	 * which says so: then it is believed after some time. */
	void (*refused)(void *arg, struct assoc *a);
};

/* At most so many IKE exchanges under way, to any and to untrusted HAs: an RA
 * with many prefixes must not start one for each. */
enum { ASSOC_BUSY_MAX = 8, ASSOC_UNTRUSTED_MAX = 4 };

struct assocs {
	const struct assoc_ops *ops;
	void *arg;
	struct timers *timers;
	struct assoc *list;	/* in the order in which they came */
	bool held;		/* a handover is under way: see assocs_run() */
};

struct assoc {
	struct assocs *assocs;
	struct assoc *next;
	struct in6_addr hoa, ha;	/* hoa ::: ha is to assign one */
	struct in6_addr source;	/* that IKE would run from; :: for none */
	bool away;		/* the HoA is not on its link */
	bool trusted;		/* we know that this is its home agent */
	bool suspect;		/* the HA does not answer under the SAs */
	bool seen;		/* the owner's, to find what is not wanted */
	enum assoc_state state;
	struct timer timer;
	uint32_t id;		/* of the IKE SA with its SAs; 0: none */
	uint32_t attempt;	/* of the one that is under way; 0: none */
	enum reason why;	/* of the last failure */
	unsigned int unproved;	/* refusals in a row that anybody can send */
	mtime rto, retry_at, up_since, renew_at;
};

void assocs_init(struct assocs *assocs, const struct assoc_ops *ops, void *arg,
		 struct timers *timers);
/* Frees all without a word to anybody. */
void assocs_fini(struct assocs *assocs);

/* NULL where there is none. */
struct assoc *assoc_find(struct assocs *assocs, const struct in6_addr *hoa,
			 const struct in6_addr *ha);
/* The same, made in ASSOC_IDLE where there is none. NULL: out of memory. */
struct assoc *assoc_get(struct assocs *assocs, const struct in6_addr *hoa,
			const struct in6_addr *ha);

/* It is wanted, with IKE to run from source (:: where there is no address). */
void assoc_want(struct assoc *a, const struct in6_addr *source, bool away,
		bool trusted, mtime now);
/* It is not. Frees it, unless the HA is to be told: as soon as nothing is held
 * and there is a source. */
void assoc_unwant(struct assoc *a, const struct in6_addr *source);

/*
 * Begins what may begin: with a source; one at a time with one HA (or the
 * INITIAL_CONTACT of one would end the other, RFC 7296 2.4); and while held
 * only for home addresses that are away and have no SAs that work. To be
 * called after any of these functions, when all is told.
 */
void assocs_run(struct assocs *assocs, mtime now);

/* What became of IKE SAs, by their ids; an unknown id is no matter. */
void assocs_up(struct assocs *assocs, uint32_t id, mtime now);
void assocs_down(struct assocs *assocs, uint32_t id, enum reason why,
		 mtime now);
/* What was begun as id, for an address that the HA was to assign, is for hoa
 * from now on, in place of what there was for that. To be followed by
 * assocs_up(). */
void assocs_assigned(struct assocs *assocs, uint32_t id,
		     const struct in6_addr *hoa);
void assoc_event(struct assoc *a, enum assoc_event ev, mtime now);

/* Trying again is of no use: somebody has to change something. */
bool assoc_definitive(enum reason why);
const char *assoc_state_str(enum assoc_state state);

#endif
