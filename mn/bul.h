/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Binding Update List (RFC 6275 11.1): one machine per home address, any
 * number of them at different home agents at the same time. Pure: it acts
 * through struct bul_ops and is told the time.
 *
 *	          away             BA
 *	DETACHED ------> REGISTERING ----> BOUND <----> REFRESHING
 *	   ^  lost            |              |  away, timer   |
 *	   +------------------+--------------+----------------+
 *	any: home -> RETURNING -> gone     idle -> RELEASING -> gone
 */
#ifndef KEDGE_BUL_H
#define KEDGE_BUL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/mh.h"
#include "proto/timers.h"

enum bul_state {
	BUL_NEW,		/* before its first event */
	BUL_DETACHED,		/* no care-of address */
	BUL_REGISTERING,	/* BU sent, no binding at the HA */
	BUL_BOUND,
	BUL_REFRESHING,		/* BU sent, an earlier binding holds */
	BUL_RETURNING,		/* at home, deregistration sent */
	BUL_RELEASING,		/* away, deregistration sent */
	BUL_GONE,		/* ended: ops->gone() has been called */
};

enum bul_event {
	BUL_EV_AWAY,		/* there is a (new) care-of address */
	BUL_EV_LOST,		/* there is none any more */
	BUL_EV_HOME,		/* the HoA is on a link of ours again */
	BUL_EV_IDLE,		/* no flow uses the HoA */
	BUL_EV_BUSY,		/* one does again */
	BUL_EV_REFRESH,		/* the HA asked (BRR), or lost the binding */
	BUL_EV_KEYED,		/* there are (new) SAs to send under */
	BUL_EV_TIMER,
};

/* What the data plane is to do with packets from the HoA. */
enum bul_tunnel {
	BUL_TUNNEL_HOLD,	/* queue them */
	BUL_TUNNEL_UP,		/* CoA -> HA */
	BUL_TUNNEL_OFF,		/* leave them alone: the HoA is at home */
};

enum bul_end {
	BUL_END_RELEASED,	/* no flow any more, deregistered */
	BUL_END_HOME,		/* at home, deregistered */
	BUL_END_REFUSED,	/* the HA will not serve this HoA */
};

struct bul_entry;

struct bul_ops {
	/*
	 * Sends a BU for e: from e->coa with a Home Address option, or, where
	 * at_home, from e->hoa without. 0 or -errno; a failure is retried
	 * like a loss. -ENOENT: there is no SA, nothing was sent (see
	 * BUL_EV_KEYED).
	 */
	int (*send_bu)(void *arg, struct bul_entry *e, const struct mh *bu,
		       bool at_home, bool retransmission);
	/* Would it go under an SA that was made by IKE, whose endpoint we can
	 * move? RFC 6275 6.1.7, the K flag. */
	bool (*keyed)(void *arg, const struct bul_entry *e);
	void (*tunnel)(void *arg, struct bul_entry *e, enum bul_tunnel what);
	void (*state)(void *arg, struct bul_entry *e, enum bul_state old);
	/* e is not touched again by the machine: the callee may free it. */
	void (*gone)(void *arg, struct bul_entry *e, enum bul_end end);
};

/* RFC 6275 11.8: at most MAX_UPDATE_RATE messages a second to one HA. */
enum { BUL_MAX_UPDATE_RATE = 3, BUL_PEERS = 16 };

struct bul_peer {
	struct in6_addr ha;
	mtime sent[BUL_MAX_UPDATE_RATE];	/* a ring; next is the oldest */
	unsigned int next, n;
	mtime last;
};

struct bul {
	const struct bul_ops *ops;
	void *arg;
	struct timers *timers;
	uint32_t lifetime;	/* s, asked for */
	struct bul_entry *entries;
	struct bul_peer peers[BUL_PEERS];
};

struct bul_entry {
	struct bul *bul;
	struct bul_entry *next;
	struct in6_addr hoa, ha, coa;	/* coa: :: where there is none */
	uint32_t ifindex;		/* of coa */
	enum bul_state state;
	struct timer timer;
	uint16_t seq;			/* of the last BU sent */
	bool idle;
	bool bound;			/* the HA holds a binding, as we know */
	bool asked;			/* it may hold one: a BU was sent */
	bool resynced;			/* status 135 was obeyed once */
	enum bul_end end;		/* in BUL_GONE */
	unsigned int sends;		/* BUs of the present exchange */
	unsigned int tries;		/* the same, with those not sent */
	mtime sent_at, retry_at, refresh_at, expires;
	mtime follow_at;		/* when packets follow the BU */
	mtime rto;
	uint32_t granted;		/* s */
	uint8_t last_status;
	mtime since;			/* of the first registration */
	void *priv;			/* the owner's */
};

void bul_init(struct bul *bul, const struct bul_ops *ops, void *arg,
	      struct timers *timers, uint32_t lifetime);
/* Frees all entries without a word to anybody. */
void bul_fini(struct bul *bul);

/* NULL where there is none. */
struct bul_entry *bul_find(struct bul *bul, const struct in6_addr *hoa);
/*
 * A new entry in BUL_NEW; seq is the last number used (any, RFC 6275 11.7.1).
 * NULL when out of memory.
 */
struct bul_entry *bul_add(struct bul *bul, const struct in6_addr *hoa,
			  const struct in6_addr *ha, uint16_t seq, mtime now);
/* An entry as a daemon before us left it: bound until expires. */
void bul_restore(struct bul_entry *e, const struct in6_addr *coa,
		 uint32_t ifindex, uint32_t granted, mtime expires, mtime now);
/* Takes e out of the list and frees it. */
void bul_del(struct bul_entry *e);

/* For BUL_EV_AWAY set the new address by this first. */
void bul_set_coa(struct bul_entry *e, const struct in6_addr *coa,
		 uint32_t ifindex);
void bul_event(struct bul_entry *e, enum bul_event ev, mtime now);

/*
 * A Binding Acknowledgement for e that came under its SA. REASON_NONE, or why
 * it was not taken.
 */
enum reason bul_ba(struct bul_entry *e, const struct mh *ba, mtime now);

const char *bul_state_str(enum bul_state state);

#endif
