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
 *	     refused -> gone
 *
 * One machine for the home address, however many care-of addresses it has
 * (multi.h): they share the lifetime, and each BU names them all.
 */
#ifndef KEDGE_BUL_H
#define KEDGE_BUL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "mn/multi.h"
#include "proto/mh.h"
#include "proto/pace.h"
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
	BUL_EV_WAYS,		/* e->multi, or coa, is another; until the BA
				 * packets go as they went */
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
	BUL_END_UNSUPPORTED,	/* it does not know the Mobility Header */
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
	/* A BA has changed e->multi, or the HA knows no such thing: NULL. The
	 * machine is not to be called from here. */
	void (*multi)(void *arg, struct bul_entry *e);
	/* e is not touched again by the machine: the callee may free it. */
	void (*gone)(void *arg, struct bul_entry *e, enum bul_end end);
};

enum { BUL_PEERS = 16 };	/* HAs whose rate is known at a time */

struct bul_peer {
	struct in6_addr ha;
	struct pace pace;	/* of BUs to it */
	mtime last;
	mtime barred;		/* no BU before that, RFC 6275 11.3.5 */
	unsigned int lacks;	/* enum multi_lack */
	bool several;		/* it has accepted several care-of addresses */
};

struct bul {
	const struct bul_ops *ops;
	void *arg;
	struct timers *timers;
	uint32_t lifetime;	/* s, asked for */
	mtime first_timeout;	/* InitialBindackTimeoutFirstReg, 13 */
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
	mtime held_until;		/* it may hold one: a BU was sent */
	/* The owner's to set: how long the addresses are valid (RFC 4862), as
	 * far as is known; at first for ever. */
	mtime hoa_valid, coa_valid;
	bool resynced;			/* status 135 was obeyed once */
	bool answered;			/* by the HA, under its SA */
	bool disowned;			/* somebody says: it is no HA */
	unsigned int refusals;		/* in a row, of those that may pass */
	enum bul_end end;		/* in BUL_GONE */
	unsigned int sends;		/* BUs of the present exchange */
	unsigned int tries;		/* the same, with those not sent */
	mtime began_at, sent_at;	/* its first BU, its last */
	mtime retry_at, refresh_at, expires;
	mtime follow_at;		/* when packets follow the BU */
	mtime rto;
	uint32_t asked;			/* s, in its last BU */
	uint32_t granted;		/* s */
	mtime error_at;			/* when a Binding Error was believed */
	uint8_t last_status;
	mtime since;			/* of the first registration */
	/* The owner's, to set before BUL_EV_WAYS; NULL: RFC 6275's plain
	 * binding. coa is then the care-of address that its BUs are sent from.
	 * NULL again when it is detached, at home, or with another HA. */
	struct multi *multi;
	unsigned int patience;		/* see bul_set_patience() */
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

/* May the HA hold a binding, as far as we know? */
bool bul_may_hold(const struct bul_entry *e, mtime now);

/* What it is known not to do: enum multi_lack. */
unsigned int bul_lacks(const struct bul *bul, const struct in6_addr *ha);
/* Has it accepted several care-of addresses? */
bool bul_takes_several(const struct bul *bul, const struct in6_addr *ha);
/* A reload: what was learnt of them may be different now. */
void bul_lacks_forget(struct bul *bul);

/* For BUL_EV_AWAY set the new address by this first; coa_valid is for ever
 * then. */
void bul_set_coa(struct bul_entry *e, const struct in6_addr *coa,
		 uint32_t ifindex);
/* Another home agent, which knows nothing of e; BUL_EV_LOST and BUL_EV_AWAY
 * begin anew. Also for one that is gone, in ops->gone(). */
void bul_set_ha(struct bul_entry *e, const struct in6_addr *ha);
/*
 * For BUL_EV_WAYS: how many of the BUs that its home agent may get within a
 * second are left to home addresses that are in a greater hurry. One whose BU
 * is under way already does not become more patient.
 */
void bul_set_patience(struct bul_entry *e, unsigned int left);
void bul_event(struct bul_entry *e, enum bul_event ev, mtime now);

/*
 * A Binding Acknowledgement for e that came under its SA. REASON_NONE, or why
 * it was not taken.
 */
enum reason bul_ba(struct bul_entry *e, const struct mh *ba, mtime now);

/*
 * A Binding Error that e's home agent sent, RFC 6275 11.3.6. Nobody vouches
 * for it: it is worth one BU in a while, if it says that there is no binding.
 * REASON_NONE, or why it was ignored.
 */
enum reason bul_be(struct bul_entry *e, uint8_t status, mtime now);

/*
 * The HA does not know the Mobility Header (RFC 6275 11.3.5, ICMPv6 Parameter
 * Problem, Code 1, about a BU of e). Anybody on the way can say so: an entry
 * that waits for a BA ends when the next BU were due, if none comes until then,
 * and BUs are kept from that HA for a while. REASON_BA_UNMATCHED where none
 * waits, or where the HA has answered before.
 */
enum reason bul_unsupported(struct bul_entry *e);

const char *bul_state_str(enum bul_state state);

#endif
