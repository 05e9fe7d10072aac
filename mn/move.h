/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which interface each home address, and each flow of its own, is to use: by
 * hand (kedgectl move, prepare), by policy, by the interfaces' preference; and
 * that it becomes so (paths.h). way.h decides; here is what it decides from,
 * and what becomes of it.
 */
#ifndef KEDGE_MOVE_H
#define KEDGE_MOVE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/maps.h"
#include "mn/conf.h"
#include "mn/policy.h"
#include "mn/way.h"
#include "proto/timers.h"

struct hoa;
struct json_object;
struct mn;
struct mn_iface;
struct move_course;
struct move_home;
struct move_wait;

/* By hand; so many in all, the oldest is not forgotten for a new one. */
enum { MOVE_ORDERS_MAX = 256 };

struct move_order {
	struct dp_flow_key key;	/* of a whole home address: hoa alone */
	uint64_t cookie;	/* of the flow's socket; 0: whole */
	unsigned int iface;	/* its place in the configuration */
	bool insists;		/* given when that was known to be about to go */
};

/* An interface that is about to go. */
struct move_notice {
	mtime until;		/* 0: it is not */
	mtime copies_until;	/* what it carried goes by both, so long */
	bool by_link;		/* its own link says so, nobody else */
	bool weak;		/* it is not, but for its signal others are
				 * better */
};

struct moves {
	struct timer update;	/* armed: something has changed */
	struct timer check;	/* armed: moves are under way, or notices */
	struct timer rescan;	/* armed: flows begin untold */
	unsigned int n_orders;
	struct move_order orders[MOVE_ORDERS_MAX];
	bool unsaved;		/* the store has others */
	int save_err;		/* as was told */
	struct move_notice notices[MN_IFACES_MAX];
	struct move_home *homes;	/* for which more than nothing is
					 * wanted */
	struct move_course *courses;	/* under way */
	struct move_wait *waits;	/* who asked for it waits, movectl.c */
	mtime not_before;		/* the next pass over all flows */
	mtime bar_ends;			/* movebar.c: then; 0: none */
	unsigned int left_out;		/* flows without a way, as was told */
	struct in6_addr sources[SOCK_RULES_MAX];	/* as published */
	uint64_t forbidden;				/* bit n: rule n */
};

/* Where something is, and where it is to be. */
struct move_course {
	struct move_course *next;
	struct dp_flow_key key;		/* of a whole home address: hoa alone */
	uint32_t from, to;		/* ifindexes; 0: none */
	char from_name[IFNAMSIZ], to_name[IFNAMSIZ];
	enum move_why why;
	char rule[POLICY_NAME_MAX];	/* of the policy; or "" */
	uint8_t status;			/* its home agent's, refused */
	mtime since;
};

void move_init(struct mn *mn);
void move_stop(struct mn *mn);
/* At start, before interfaces are known: what was ordered by hand of a daemon
 * before us still is. */
void movekeep_load(struct mn *mn);
/* kedgectl flush: nothing is, for the next one either. */
void movekeep_forget(struct mn *mn);

/* Interfaces, policy, flows or home addresses have changed: what is wanted is
 * worked out anew, soon. */
void move_soon(struct mn *mn);
/* The same, now. */
void move_now(struct mn *mn);
/* Interface i is about to be attached no more: what used it is known yet. */
void move_lost(struct mn *mn, const struct mn_iface *i);
/* A socket has ended. */
void move_flow_ended(struct mn *mn, const struct sock_rec *rec);
/* Are ends of sockets to be told, though no home address is away? */
bool move_watches(const struct mn *mn);
/* A binding has changed: moves that were under way may be done. */
void move_settled(struct mn *mn);
/* The policy or the configuration is another. */
void move_reloaded(struct mn *mn);
/* The address to which the socket programs bind what a rule says the interface
 * of; ::: the kernel chooses. */
struct in6_addr move_source(struct mn *mn, const struct policy_rule *rule);
/* A flow for which it holds has no way now: it may use no interface of those
 * that are attached. */
bool move_forbidden(struct mn *mn, const struct policy_rule *rule);

/* What a flow's socket is in "coas" and "flows"; false: it has no far end. */
bool move_key(struct dp_flow_key *key, const struct sock_rec *rec);
/* Where a flow goes now, and why: NULL where it has no way. *rule: of the
 * policy, -1: none. */
struct mn_iface *move_of(struct mn *mn, const struct sock_rec *rec,
			 enum move_why *why, int *rule);

/* The same of a flow that would begin at source, *rule being what the policy
 * has for it. */
struct mn_iface *move_would(struct mn *mn, const struct in6_addr *source,
			    int rule, enum move_why *why);

/* By hand. iface NULL: back to the policy. 0 or -errno: -ENOSPC, too many
 * orders. Then move_now(). */
int move_order(struct mn *mn, const struct dp_flow_key *key, uint64_t cookie,
	       const struct mn_iface *iface);
const struct move_order *move_ordered(const struct mn *mn,
				      const struct dp_flow_key *key);
/* The interface that it is ordered to, and that is not attached; NULL. */
const struct mn_iface *move_waits_for(struct mn *mn,
				      const struct sock_rec *rec);
/* Its course, where one is under way. */
const struct move_course *move_course(const struct mn *mn,
				      const struct dp_flow_key *key);
/* i is about to go, within that time; 0: it stays. Then move_now(). */
void move_notice(struct mn *mn, const struct mn_iface *i, mtime in);
/* The same, which its own link says: what a person has said holds. */
void move_notice_by_link(struct mn *mn, const struct mn_iface *i, mtime in);
bool move_noticed(const struct mn *mn, const struct mn_iface *i);
/* i's signal is weak, or is no more. Then move_soon(). */
void move_weak(struct mn *mn, const struct mn_iface *i, bool weak);
bool move_is_weak(const struct mn *mn, const struct mn_iface *i);

/* movebar.c: what a home address does not ask for, for a while. */
/* Its home agent refused several care-of addresses; for how long now. */
mtime move_bar_several(struct mn *mn, const struct in6_addr *hoa,
		       uint8_t status);
bool move_several_barred(const struct mn *mn, const struct in6_addr *hoa);
uint8_t move_several_status(const struct mn *mn, const struct in6_addr *hoa);
/* 0: it is not barred. */
mtime move_several_left(const struct mn *mn, const struct in6_addr *hoa);
/* It has accepted several. */
void move_several_taken(struct mn *mn, const struct in6_addr *hoa);
/* No answer came by that interface; one did. */
void move_bar_iface(struct mn *mn, const struct in6_addr *hoa,
		    uint32_t ifindex);
bool move_iface_barred(const struct mn *mn, const struct in6_addr *hoa,
		       uint32_t ifindex);
/* Not for now, or not yet again. */
bool move_iface_unheard(const struct mn *mn, const struct in6_addr *hoa,
			uint32_t ifindex);
void move_iface_answers(struct mn *mn, const struct in6_addr *hoa,
			uint32_t ifindex);
/* By how many home addresses was nothing heard by i? */
unsigned int move_count_unheard(const struct mn *mn, const struct mn_iface *i);

/* movectl.c: kedgectl move and prepare */
int movectl_move(void *arg, struct json_object *request,
		 struct json_object *answer);
int movectl_prepare(void *arg, struct json_object *request,
		    struct json_object *answer);
/* c has ended; err: why not well. It is freed then. */
void movectl_done(struct mn *mn, const struct move_course *c, int err);
void movectl_stop(struct mn *mn);
/* As an event and an answer have it. */
void movectl_put(struct json_object *o, const struct move_course *c);

#endif
