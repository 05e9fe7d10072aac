/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which identity owns which home address (RFC 8818 5: authorisation). An
 * identity becomes owner by IKE from that address itself while nobody owns it,
 * so that the home link's own delivery vouches for it, or because it was
 * assigned the address, or by configuration. It stays owner for a lease after
 * it was last seen. Pure: it acts through struct owners_ops.
 */
#ifndef KEDGE_OWNERS_H
#define KEDGE_OWNERS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "proto/ip6.h"
#include "proto/reason.h"
#include "proto/timers.h"

enum { OWNER_ID_LEN = 128 };

struct owners;
struct owner_tally;

struct owner {
	UT_hash_handle hh;
	struct owners *os;
	struct in6_addr hoa;
	char identity[OWNER_ID_LEN];
	bool configured;	/* by an [owner] section: no lease */
	bool assigned;		/* of a pool: by owners_assign() */
	bool dirty;		/* not in the store as it is; who stored it
				 * clears this */
	mtime since, seen;
	mtime told;		/* seen, when changed() was called last */
	struct timer timer;	/* the lease's end */
	struct owner *next_of, **at_of;	/* the same identity's */
};

struct owners_ops {
	/* Has this HoA a binding, or an IKE SA? Then its lease goes on. */
	bool (*in_use)(void *arg, const struct in6_addr *hoa);
	/* Is it of a pool? Nobody gets it but by owners_assign(), or by
	 * configuration. NULL where there is none. */
	bool (*pooled)(void *arg, const struct in6_addr *hoa);
	/* o is to be written to disk, or (gone) deleted from it; soon. Not
	 * called again for what is dirty already, but for gone. */
	void (*changed)(void *arg, const struct owner *o, bool gone);
};

/* Times seen are written no oftener than each lease divided by this. */
enum { OWNERS_SEEN_STEPS = 8 };

struct owners {
	const struct owners_ops *ops;
	void *arg;
	struct timers *timers;
	mtime lease;
	size_t max;		/* that IKE may make; 0: no limit */
	size_t n_claimed;	/* that IKE made, assigned ones included */
	size_t n_assigned;
	size_t max_each;	/* of one identity's; 0: no limit */
	struct owner_tally *tallies;
	struct owner *table;
};

void owners_init(struct owners *os, const struct owners_ops *ops, void *arg,
		 struct timers *timers, mtime lease);
void owners_fini(struct owners *os);	/* calls nobody */

/* For all that IKE made, from when each was seen (SIGHUP). */
void owners_set_lease(struct owners *os, mtime lease);

/* By configuration; replaces what IKE made. -EEXIST (configured already),
 * -EINVAL (no identity, or too long a one), -ENOMEM. */
int owners_configure(struct owners *os, const struct in6_addr *hoa,
		     const char *identity, mtime now);
/* Forgets all configured ones (SIGHUP: then configure anew). */
void owners_unconfigure(struct owners *os);
/* From the store; seen is in the past. -ETIME (over, and not in use), -EEXIST,
 * -EINVAL, -ENOMEM. */
int owners_restore(struct owners *os, const struct in6_addr *hoa,
		   const char *identity, mtime since, mtime seen, mtime now);

struct owner *owners_find(struct owners *os, const struct in6_addr *hoa);
/* Letters' case makes no difference, as in DNS names. */
bool owners_is(struct owners *os, const struct in6_addr *hoa,
	       const char *identity);
void owners_each(struct owners *os,
		 void (*fn)(void *arg, const struct owner *o), void *arg);
/* Each identity that owns any: the first of its own, next_of the others. */
void owners_each_identity(struct owners *os,
			  void (*fn)(void *arg, const struct owner *first),
			  void *arg);
/* Those of one identity, until fn says true. */
struct owner *owners_first(struct owners *os, const char *identity,
			   bool (*fn)(void *arg, const struct owner *o),
			   void *arg);
/* When its lease ends unless it is seen before; not for configured ones. */
mtime owners_until(const struct owner *o);
/*
 * An authenticated identity wants SAs for hoa; at_home: it runs IKE from that
 * very address. REASON_NONE (it owns it, perhaps from now on), or
 * IKE_NOT_OWNER, IKE_NOT_AT_HOME, IKE_OWNS_MANY, IKE_LOCAL (out of memory, or
 * the table is full).
 */
enum reason owners_claim(struct owners *os, const struct in6_addr *hoa,
			 const char *identity, bool at_home, mtime now);
/*
 * hoa, of a pool, becomes identity's, or its lease begins anew. REASON_NONE,
 * or IKE_NOT_OWNER (it is another's), IKE_OWNS_MANY, IKE_LOCAL.
 */
enum reason owners_assign(struct owners *os, const struct in6_addr *hoa,
			  const char *identity, mtime now);
/* Seen (a binding, an IKE SA): the lease begins anew. */
void owners_seen(struct owners *os, const struct in6_addr *hoa, mtime now);
/* An administrator takes it away. -ENOENT, -EPERM (configured). */
int owners_forget(struct owners *os, const struct in6_addr *hoa);

#endif
