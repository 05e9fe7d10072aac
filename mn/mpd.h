/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mobile prefix discovery (RFC 6275 11.4.2 and 11.4.3), one machine for each
 * home address: when to ask its home agent for the prefixes of its link, what
 * to believe, and when the address is over. Pure.
 *
 * It asks when the home agent says so (status 1 of an acknowledgement, an
 * advertisement that was not asked for), and before the prefix ends; while
 * there is a binding, or as soon as there is one.
 */
#ifndef KEDGE_MPD_H
#define KEDGE_MPD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/mip.h"
#include "proto/reason.h"
#include "proto/timers.h"

enum {
	MPD_TIMEOUT = 3,	/* s, INITIAL_SOLICIT_TIMER, 12; doubled */
	MPD_SENDS_MAX = 5,	/* then not before there is another reason */
	MPD_SPACING = 1,	/* s: no answer would come sooner (6.8) */
	MPD_EARLY_MAX = 86400,	/* s before the prefix ends, or a quarter of
				 * what is left */
	MPD_UNSURE = 7200,	/* s, RFC 4862 5.5.3 */
	MPD_AGAIN_MIN = 30,	/* s to the next try near the end */
};

struct mpd;

struct mpd_ops {
	/* What fails is tried again like a loss. */
	void (*solicit)(void *arg, struct mpd *m, uint16_t id);
	/* A prefix of the home link that does not have the HoA. */
	void (*other)(void *arg, struct mpd *m, const struct nd_prefix *p);
	/* New lifetimes of the HoA's own prefix. */
	void (*renewed)(void *arg, struct mpd *m, const struct nd_prefix *p);
	/* The prefix is valid no more. m is not touched after that. */
	void (*over)(void *arg, struct mpd *m);
	/* below the limit: sodium's randombytes_uniform() */
	uint32_t (*random)(uint32_t limit);
};

struct mpd {
	const struct mpd_ops *ops;
	void *arg;
	struct timers *timers;
	struct in6_addr hoa;
	bool bound;		/* there is somebody to ask */
	bool wanted;		/* and something to ask for */
	bool asked;		/* and id is to be answered */
	bool known;		/* how long the prefix is valid */
	uint16_t id;
	unsigned int sends;	/* of this id */
	mtime rto, sent, retry;
	mtime valid;		/* until when; INT64_MAX: for ever */
	mtime early;		/* it is asked for then */
	struct timer timer;
};

void mpd_init(struct mpd *m, const struct mpd_ops *ops, void *arg,
	      struct timers *timers, const struct in6_addr *hoa);
void mpd_fini(struct mpd *m);

/* There is a binding, or none. The same again is no event. */
void mpd_bound(struct mpd *m, bool bound, mtime now);
/* How long the prefix is valid (s), as the home link's router said: when to
 * ask, but two hours at the least. */
void mpd_learn(struct mpd *m, uint32_t valid, mtime now);
/* The home agent says that there is something to ask for. */
void mpd_want(struct mpd *m, mtime now);
/*
 * An advertisement that came from the home agent, under its SA and with a
 * routing header. REASON_NONE, or REASON_MPA_UNSOLICITED: nothing of it is
 * believed.
 */
enum reason mpd_receive(struct mpd *m, const struct mip *mpa, mtime now);

#endif
