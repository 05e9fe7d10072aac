/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a home agent alive (RFC 5847)? One machine per home agent that a home
 * address of ours is bound to, however many of them. Pure: it acts through
 * struct live_ops and is told the time.
 *
 *	      answer            "allowed" unanswered
 *	NEW ---------> UP --------------------------> DEAD
 *	 | "allowed" unanswered ^ any sign of life      |
 *	 v                      +-----------------------+
 *	MUTE (it has never answered: it may know no heartbeats)
 *
 * All requests go at ticks, multiples of the interval: one timer for all, and
 * none where no binding is in use. What comes through the tunnel is a sign of
 * life as good as an answer, so under traffic requests are few. Between a
 * death and its being noticed are at most interval * (allowed + 1); where
 * packets came until then, one interval more: when in it the last one came is
 * not known.
 */
#ifndef KEDGE_LIVE_H
#define KEDGE_LIVE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/mh.h"
#include "proto/timers.h"

enum live_state {
	LIVE_NEW,	/* it has answered none yet */
	LIVE_UP,
	LIVE_DEAD,
	LIVE_MUTE,	/* nothing is known, and asking helps little */
};

enum {
	LIVE_FIRST = 1,		/* s, from a binding to the first request */
	LIVE_MEASURE = 16,	/* ticks: under traffic, for RTT and restarts */
	LIVE_SKIP_DEAD = 3,	/* ticks without a request, at most */
	LIVE_SKIP_MUTE = 15,
	LIVE_REFUSED = 3600,	/* s, from a refusal to the next request */
};

struct live_peer {
	struct live_peer *next;
	struct in6_addr ha;
	enum live_state state;
	bool used;		/* by this round of live_begin() */
	bool active;		/* a binding with it is in use */
	bool waiting;		/* for the answer to the last request */
	bool refused;		/* it knows none, somebody said */
	bool has_restart, has_rtt;
	uint32_t restart;	/* its Restart Counter */
	uint32_t seq;		/* of the last request */
	uint32_t unanswered;	/* requests since the last answer */
	uint32_t missing;	/* MISSING_HEARTBEATS, RFC 5847 3.1 */
	unsigned int skip;	/* ticks to let pass */
	unsigned int skipped;	/* how many were last, for the back-off */
	uint64_t received;	/* packets of the tunnel, as last seen */
	mtime first_at;		/* not before that; 0: asked at ticks */
	mtime sent_at, answered_at, heard_at;
	mtime rtt, measured_at;
};

struct live_ops {
	/* Sends a request. 0 or -errno: then it counts as none. */
	int (*request)(void *arg, const struct live_peer *p);
	/* Packets that came out of its tunnels so far. */
	uint64_t (*received)(void *arg, const struct in6_addr *ha);
	void (*state)(void *arg, const struct live_peer *p,
		      enum live_state old);
	/* A request was not answered. */
	void (*missed)(void *arg, const struct live_peer *p);
	/* An answer: p->rtt where p->has_rtt. */
	void (*answered)(void *arg, const struct live_peer *p);
	/* It has lost its bindings, RFC 5847 3.2. */
	void (*restarted)(void *arg, const struct live_peer *p);
};

struct live {
	const struct live_ops *ops;
	void *arg;
	struct timers *timers;
	mtime interval;		/* HEARTBEAT_INTERVAL; 0: none are sent */
	uint32_t allowed;	/* MISSING_HEARTBEATS_ALLOWED */
	struct live_peer *peers;
	struct timer timer;
	mtime ticked;		/* the last tick */
};

void live_init(struct live *live, const struct live_ops *ops, void *arg,
	       struct timers *timers, mtime interval, uint32_t allowed);
void live_fini(struct live *live);
/* SIGHUP */
void live_configure(struct live *live, mtime interval, uint32_t allowed,
		    mtime now);

/*
 * Which home agents there are bindings with: live_begin(), live_use() for each
 * binding, live_end(); the others are forgotten. active: the binding is there
 * and in use. live_use(): 0 or -ENOMEM.
 */
void live_begin(struct live *live);
int live_use(struct live *live, const struct in6_addr *ha, bool active,
	     uint32_t seq, mtime now);
void live_end(struct live *live, mtime now);

/* We have moved: an answer may have been lost by that. */
void live_moved(struct live *live);
/* A sign of life that is none of the below. */
void live_heard(struct live *live, const struct in6_addr *ha, mtime now);
/* A response of ha, come under its SA. REASON_NONE, or why it was not taken. */
enum reason live_response(struct live *live, const struct in6_addr *ha,
			  const struct mh *mh, mtime now);
/* It says that it does not know the message; true: that was believed. Anybody
 * can say so, in the clear: it is not taken of one that has answered, nor for
 * ever, and an answer that comes all the same counts. */
bool live_refused(struct live *live, const struct in6_addr *ha, mtime now);
/* A request out of turn. 0 or -errno; -ENOENT: no binding with it is in use. */
int live_probe(struct live *live, const struct in6_addr *ha, mtime now);

/* NULL where there is none. */
const struct live_peer *live_find(const struct live *live,
				  const struct in6_addr *ha);

#endif
