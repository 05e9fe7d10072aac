/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The binding cache of a home agent (RFC 6275 sections 9.5 and 10.3): pure.
 * It is given decoded Binding Updates and the time, and acts through struct
 * bcache_ops.
 *
 *	      registration        deregistration           10 s
 *	NEW --------------> BOUND ---------------> DELETED -----> GONE
 *	  \                 ^ |  ^                     |
 *	   \          unique| |  +---------------------+
 *	    +--> PROBING ----+ |        registration
 *	    DAD     |          |
 *	            v duplicate v lifetime over
 *	           GONE        GONE
 *
 * PROBING: a first registration (or one after DELETED) whose home address is
 * tested for uniqueness; the caller keeps the Binding Update and gives it
 * again when it knows.
 *
 * Made for a million bindings: bcache_init() takes all the memory there will
 * ever be, untouched pages of it cost nothing, and whatever a Binding Update
 * does takes the same time however many bindings there are. That is for each
 * a record of 64 bytes and 5.3 to 10.7 bytes of a hash index (8.4 at a
 * million), and once a timer wheel of 256 kB.
 */
#ifndef KEDGE_BCACHE_H
#define KEDGE_BCACHE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ip6.h"
#include "proto/mh.h"
#include "proto/timers.h"

enum binding_state {
	BINDING_NEW,		/* before its first registration */
	BINDING_PROBING,	/* duplicate address detection, 10.3.1 */
	BINDING_BOUND,
	BINDING_DELETED,	/* a tombstone, for its sequence number */
	BINDING_GONE,		/* about to be freed */
};

enum {
	BCACHE_TOMBSTONE = 10,	/* s, MAX_DELETE_BCE_TIMEOUT, RFC 6275 12 */
	BCACHE_NA_COUNT = 3,	/* MAX_NEIGHBOR_ADVERTISEMENT, RFC 4861 10 */
	BCACHE_NA_SPACING = 1,	/* s, RetransTimer, RFC 4861 7.2.6 */
	BCACHE_NESTING = 8,	/* bindings whose CoA is another's HoA */
	BCACHE_PROBING = 10,	/* s; DAD takes 1 s, it is for when it is lost */
	BCACHE_BRR_COUNT = 3,	/* Binding Refresh Requests, then it may end */
	BCACHE_BRR_PART = 8,	/* of the lifetime: the last one, but within */
	BCACHE_BRR_MIN = 1,	/* s */
	BCACHE_BRR_MAX = 30,	/* s */
	BCACHE_BURST = 1024,	/* bindings that one run of the timer sees to */
	BCACHE_ROOM_MAX = 1 << 28,
};

/* A binding as it is shown: a copy, out of the cache's record. */
struct binding {
	struct in6_addr hoa;
	uint8_t state;		/* enum binding_state */
	uint8_t na_sent;	/* unsolicited advertisements */
	uint16_t link;		/* the home link, an index of the owner's */
	struct binding_reg {
		struct in6_addr coa, ha;
		mtime created;		/* rounded up to 1/8 s */
		mtime expires;
		uint32_t lifetime;	/* s, as granted */
		uint16_t seq;		/* of the last valid BU */
		uint16_t flags;		/* of the last registration */
		/* RFC 5648: there may be more than coa, which is what packets
		 * take by default; expires and lifetime are of the first one
		 * to end */
		bool several;
		/* it is on its home link as well, where Neighbour Discovery is
		 * its own (RFC 5648 6.3) */
		bool home;
	} reg;
};

/* Is the HoA known to be unique on its home link? (10.3.1) */
enum bcache_dad {
	BCACHE_DAD_UNTESTED,
	/* the BU was put off: */
	BCACHE_DAD_UNIQUE,
	BCACHE_DAD_DUPLICATE,	/* another node has it */
};

/* *status of bcache_bu() where there is no answer: never, or not yet. */
enum { BCACHE_SILENT = -1, BCACHE_PUT_OFF = -2 };

/* A Binding Update, and what came with it. */
struct bcache_bu {
	const struct mh *mh;
	const struct mh_flows *flows;	/* RFC 6089; NULL: none */
	struct in6_addr hoa;	/* Home Address option, or source */
	struct in6_addr src;	/* the IPv6 header's */
	struct in6_addr ha;	/* where it was sent: one of conf.addrs */
	bool has_esp;
	bool owns;		/* the SA's identity owns the HoA */
	bool dynamic;		/* the SA was made by IKE */
	bool leaving;		/* it is to go: no registration */
	bool prefix_changed;	/* it has not been told yet: status 1 */
	enum bcache_dad dad;
};

struct bcache_ba {
	struct mh mh;
	struct in6_addr ha, hoa;	/* inner addresses, for the checksum */
	struct in6_addr dst;		/* the IPv6 header's */
	bool rh2;			/* type 2 routing header with hoa */
};

/* What Binding Identifier options lead to, RFC 5648 6.2. */
struct bcache_several {
	int status;		/* of the answer */
	bool none;		/* no care-of address is left */
	bool home;		/* these as in struct binding_reg */
	struct in6_addr coa;
	mtime expires;
	uint32_t lifetime;
};

struct bcache_ops {
	void (*send_ba)(void *arg, const struct bcache_ba *ba);
	/*
	 * Before bu->hoa is served on that home link: 1, it may be; 0, it is
	 * tested whether it is unique there (with the L flag its link-local
	 * address as well): keep a copy of bu, in place of an earlier one of this
	 * HoA, and give it to bcache_bu() again when that is known, not from
	 * within. -errno: the BU is answered with 130.
	 */
	int (*probe)(void *arg, const struct bcache_bu *bu, uint16_t link);
	/*
	 * Intercept and tunnel by b->reg from now on; b->state is what it is
	 * until then: BINDING_BOUND is a refresh. 0 or -errno: -ENOSPC
	 * and -E2BIG are answered as lack of resources, -EADDRNOTAVAIL as
	 * mobile network prefixes that cannot be forwarded.
	 */
	int (*intercept)(void *arg, const struct binding *b);
	/* b is intercepted, and of b->reg the sequence number is new: that of a
	 * BU that was rejected. */
	void (*store)(void *arg, const struct binding *b);
	/* Stop it, but remember b (it is a tombstone). */
	void (*release)(void *arg, const struct binding *b);
	/* b is over: forget it. */
	void (*forget)(void *arg, const struct binding *b);
	/* An unsolicited Neighbour Advertisement for b->hoa, 10.4.1. */
	void (*advertise)(void *arg, const struct binding *b);
	/*
	 * RFC 3963 6.2: may a mobile router register what this says?
	 * intercept() follows if so. Or the reason, and *status. NULL: none may.
	 */
	enum reason (*router)(void *arg, const struct bcache_bu *bu,
			      int *status);
	/*
	 * RFC 5648 6.2, RFC 6089 5.3: what a BU with Binding Identifier options
	 * says; bound: the HoA is. It is registered for lifetime seconds; 0: it
	 * ends what it names. intercept() or, with out->none, release() follows
	 * if it may be. Else the reason; out->status is the answer's in both
	 * cases. NULL: such options are ignored.
	 */
	enum reason (*several)(void *arg, const struct bcache_bu *bu,
			       bool bound, uint32_t lifetime, mtime now,
			       struct bcache_several *out);
	/* A care-of address of b, which has several, is over: what b goes on
	 * with, if anything. */
	bool (*outlive)(void *arg, const struct binding *b, mtime now,
			struct bcache_several *out);
	/* b ends soon: a Binding Refresh Request if it is in use, 9.5.5. */
	void (*refresh)(void *arg, const struct binding *b);
	/* A change of state; old == b->state is a refresh or a new CoA. */
	void (*state)(void *arg, const struct binding *b,
		      enum binding_state old);
};

struct bcache_prefix {
	struct ip6_prefix prefix;
	uint16_t link;
	/* s, as they are advertised at any time; BCACHE_FOR_EVER */
	uint32_t valid, preferred;
};

#define BCACHE_FOR_EVER UINT32_MAX

struct bcache_conf {
	uint32_t max_bindings;	/* tombstones not counted */
	uint32_t max_lifetime;	/* s, at least MH_LIFETIME_UNIT */
	/* the caller's, which must outlive the cache */
	const struct bcache_prefix *prefixes;	/* of the home links; if their
						 * times change, bcache_cut() */
	size_t n_prefixes;
	const struct in6_addr *addrs;		/* ours */
	size_t n_addrs;
	bool brr;		/* ask for refreshes */
};

struct bcache_record;

struct bcache {
	const struct bcache_ops *ops;
	void *arg;
	struct timers *timers;
	struct bcache_conf conf;
	uint32_t n_bound;
	/* the rest is the cache's own, see bcacheint.h */
	uint32_t n;		/* records in use */
	uint32_t room;		/* records there are, from 1 on: 0 is none */
	uint32_t top;		/* the last one that was ever in use */
	uint32_t unused;	/* up to top: a list by next */
	struct bcache_record *records;
	void *memory;		/* that the records are in */
	uint32_t *index;	/* by HoA: numbers of records */
	uint32_t index_mask;
	uint8_t index_key[16];
	uint32_t *wheel;	/* by the tick: the first record due then */
	int64_t wheel_at;	/* the tick that is next */
	struct timer timer;	/* armed while there is any record */
};

/*
 * Takes the memory for max_bindings and some tombstones. *bc stays where it
 * is: its timer is in it. 0; -ENOMEM (also beyond BCACHE_ROOM_MAX); -EINVAL:
 * too many addrs; -ENOSYS: no libsodium. bcache_fini() in any case.
 */
int bcache_init(struct bcache *bc, const struct bcache_ops *ops, void *arg,
		struct timers *timers, const struct bcache_conf *conf);
/* Frees everything and calls nobody: what is intercepted stays so. */
void bcache_fini(struct bcache *bc);

/* So many bindings and tombstones are there room for. */
uint32_t bcache_room(const struct bcache *bc);
/*
 * Other limits from now on; what is granted stays granted. -ENOSPC: there is
 * room for less than max_bindings, so bcache_room() is the limit.
 */
int bcache_limits(struct bcache *bc, uint32_t max_bindings,
		  uint32_t max_lifetime);
/* RFC 6275 10.3.1: no binding outlives its prefix. Looks at all: for when
 * a prefix's valid lifetime became shorter. */
void bcache_cut(struct bcache *bc, mtime now);

/*
 * Carries out a Binding Update, and answers it unless it has to be dropped in
 * silence. REASON_NONE if it was accepted, or put off. *status is the answer's,
 * or BCACHE_SILENT, or BCACHE_PUT_OFF.
 */
enum reason bcache_bu(struct bcache *bc, const struct bcache_bu *bu, mtime now,
		      int *status);

/*
 * Ends a binding without a word of the mobile node's, as if it had been
 * deregistered: a tombstone stays. -ENOENT: it is not bound.
 */
int bcache_end(struct bcache *bc, const struct in6_addr *hoa, mtime now);

/* Packets to hoa may be tunnelled there: it is not ours, and they would not
 * come back here for hoa. */
bool bcache_coa_usable(const struct bcache *bc, const struct in6_addr *hoa,
		       const struct in6_addr *coa, mtime now);
/* Of a bound HoA that was restored: what its care-of addresses are; NULL: there
 * is but the one. */
void bcache_set_several(struct bcache *bc, const struct in6_addr *hoa,
			const struct bcache_several *several);

/*
 * Takes back a binding from before a restart, without a call to ops.
 * -ETIME: it has expired; -EADDRNOTAVAIL: not our prefix or HA address any
 * more; -ELOOP: bcache_coa_usable() says no, by what was restored so far (of
 * several care-of addresses nobody is asked); -EEXIST; -ENOMEM: no room.
 */
int bcache_restore(struct bcache *bc, const struct in6_addr *hoa,
		   const struct binding_reg *reg, bool deleted, mtime now);

/*
 * False where there is none; else *out is set. A binding that is over is
 * found until the timer comes to it, 16 ms later (more while it is one of
 * many): who must know looks at reg.expires. A Binding Update does.
 */
bool bcache_find(const struct bcache *bc, const struct in6_addr *hoa,
		 struct binding *out);	/* tombstones too */
bool bcache_find_bound(const struct bcache *bc, const struct in6_addr *hoa,
		       struct binding *out);
/* Tombstones too. fn may change the cache. */
void bcache_each(struct bcache *bc,
		 void (*fn)(void *arg, const struct binding *b), void *arg);
/*
 * The same by and by: looks at n records from cursor on (0: from the start),
 * so that fn is called n times at most, and returns the next cursor, or 0
 * when it came to the end. What is there from start to end is seen once.
 */
uint32_t bcache_range(struct bcache *bc, uint32_t cursor,
		      void (*fn)(void *arg, const struct binding *b),
		      void *arg, uint32_t n);
/* The prefix that an address is in, or NULL. */
const struct bcache_prefix *bcache_prefix(const struct bcache *bc,
					  const struct in6_addr *addr);

const char *binding_state_str(enum binding_state state);

#endif
