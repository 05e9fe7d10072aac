/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What move.c, movework.c and movecourse.c share. */
#ifndef KEDGE_MOVEINT_H
#define KEDGE_MOVEINT_H

#include <stddef.h>

#include "mn/bar.h"
#include "mn/mn.h"
#include "mn/paths.h"
#include "mn/way.h"

/* What is wanted of a home address. */
struct move_home {
	struct move_home *next;
	struct in6_addr hoa;
	struct path_want want;
	enum move_why why;
	bool by_flows;		/* where its flows agree to go */
	bool seen;
	int err;		/* of paths_want() */
	bool again;		/* asked for once more, though it is the same */
	struct bar several;	/* its home agent refused several care-of
				 * addresses... */
	uint8_t several_status;	/* ...with that */
	struct bar dead[MN_IFACES_MAX];	/* no answer came by it */
	mtime lost_at;		/* what it went by was lost; 0: it was not */
};

static inline struct mn *move_mn(struct moves *moves)
{
	return (struct mn *)((char *)moves - offsetof(struct mn, moves));
}

static inline int move_number(const struct mn *mn, const struct mn_iface *i)
{
	return i ? (int)(i - mn->ifaces) : -1;
}

static inline bool move_same_key(const struct dp_flow_key *a,
				 const struct dp_flow_key *b)
{
	return a->proto == b->proto && a->hoa_port == b->hoa_port &&
	       a->peer_port == b->peer_port &&
	       ip6_addr_eq(&a->hoa, &b->hoa) && ip6_addr_eq(&a->peer, &b->peer);
}

/* The key of a home address as a whole. */
static inline struct dp_flow_key move_whole(const struct in6_addr *hoa)
{
	return (struct dp_flow_key){.hoa = *hoa};
}

static inline bool move_is_whole(const struct dp_flow_key *key)
{
	return !key->proto;
}

/* move.c: facts for way.h */
void move_describe(const struct mn *mn, struct way_iface out[MN_IFACES_MAX]);
struct way_wish move_wish(struct mn *mn, const struct dp_flow_key *key);
int move_rule(struct mn *mn, const struct sock_rec *rec);
struct move_home *move_home(const struct mn *mn, const struct in6_addr *hoa);
void move_forget_order(struct moves *m, unsigned int k);

/* movekeep.c: to the store, where orders have come or gone. */
void movekeep_save(struct mn *mn);

/* movework.c */
/* NULL: no memory. */
struct move_home *movework_home(struct mn *mn, const struct in6_addr *hoa);
void movework_init(struct mn *mn);
void movework_stop(struct mn *mn);

/* movebar.c */
/* When the next of those ends, later than now; 0: there is none. */
mtime movebar_next(const struct mn *mn, mtime now);
/* One has. */
void movebar_ended(struct mn *mn);
/* Interface i has no network any more. */
void movebar_lost(struct mn *mn, const struct mn_iface *i);
/* SIGHUP */
void movebar_forget(struct mn *mn);

/* movecourse.c. It begins, or goes on otherwise; with err it ends at once.
 * as->next does not matter. */
void movecourse_init(struct mn *mn);
void movecourse_stop(struct mn *mn);
void movecourse_begin(struct mn *mn, const struct move_course *as,
		      int err);
/* Courses or notices have come or gone. */
void movecourse_arm(struct mn *mn);

#endif
