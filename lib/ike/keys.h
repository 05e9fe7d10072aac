/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What IKE negotiated, put to use: ESP SAs go to the SADB and their SPIs to
 * the data plane; lifetimes, rekeying and probing are timed here (RFC 7296
 * 2.8: each end has its own). The same for both daemons.
 */
#ifndef KEDGE_IKE_KEYS_H
#define KEDGE_IKE_KEYS_H

#include <json-c/json.h>

#include "core/sadb.h"
#include "ike/ike.h"

struct keys;

struct keys_sa;

/* One IKE SA with its ESP SAs. */
struct keys_peer {
	UT_hash_handle hh;
	struct ike_peer peer;
	struct in6_addr hoa, ha;	/* :: before the first ESP SA */
	mtime since;			/* it is up, or was begun */
	bool up;
	/* the rest is keys.c's */
	struct keys *keys;
	struct keys_peer *older;	/* the next with this hoa and ha, up */
	UT_hash_handle hh_pair;
	struct keys_sa *sas;		/* the newest first */
	struct timer timer;		/* the next of what is below */
	mtime keyed;			/* the IKE SA has its keys since then */
	mtime heard;			/* last sign of life, or probe */
	mtime retire;			/* replaced: is ended then; 0: is not */
	bool ending;			/* down() is waited for */
	enum reason failed;		/* why we end it ourselves */
};

struct keys_ops {
	/* As struct ike_ops says; NULL where nobody may begin with us, nor
	 * home addresses are asked for, or assigned. */
	enum reason (*authorize)(void *arg, const struct ike_peer *peer,
				 const struct in6_addr *hoa,
				 const struct in6_addr *ha);
	enum reason (*assign)(void *arg, const struct ike_peer *peer,
			      struct in6_addr *hoa);
	int (*spi_add)(void *arg, uint32_t spi);	/* 0 or -errno */
	void (*spi_del)(void *arg, uint32_t spi);
	/* keys_find() has it already. */
	void (*up)(void *arg, const struct keys_peer *p);
	/* Not called where nothing of it was known here: a peer that was
	 * refused. p is freed after this, and is not found any more. */
	void (*down)(void *arg, const struct keys_peer *p, enum reason why);
};

/*
 * sadb, conf and ops are kept, not owned. The SADB may be exchanged (SIGHUP)
 * with keys_set_sadb(), which takes over what is in the old one by IKE.
 */
int keys_open(struct keys **out, struct loop *loop, struct sadb *sadb,
	      const struct ike_conf *conf, const struct ike_responder *resp,
	      const struct keys_ops *ops, void *arg);
int keys_start(struct keys *keys);
/* Wipes what IKE made in the SADB and deletes its SPIs; up() and down() are
 * not called. Before the SADB and the loop are freed. NULL is allowed. */
void keys_close(struct keys *keys);
void keys_set_sadb(struct keys *keys, struct sadb *sadb);

/* Begins one; the id, or 0. up() or down() follows. hoa ::: ha is to assign
 * one, which authorize() is asked about before there are SAs for it. */
uint32_t keys_initiate(struct keys *keys, const struct in6_addr *local,
		       const struct in6_addr *hoa, const struct in6_addr *ha);
/* The newest that is up for this pair, or NULL. */
struct keys_peer *keys_find(struct keys *keys, const struct in6_addr *hoa,
			    const struct in6_addr *ha);
void keys_each(struct keys *keys,
	       void (*fn)(void *arg, struct keys_peer *p), void *arg);
void keys_end(struct keys *keys, const struct keys_peer *p, bool told);

/* As ike_move() and ike_move_told(), unless it is there already. */
void keys_move(struct keys *keys, struct keys_peer *p,
	       const struct in6_addr *local, const struct in6_addr *remote);
void keys_move_told(struct keys *keys, struct keys_peer *p,
		    const struct in6_addr *local);
/* While a handover is under way nothing of ours is sent: rekeying and probing
 * wait. A hard lifetime does not. */
void keys_hold(struct keys *keys, bool hold);

/* SIGHUP: revocation files are read again. 0, or the last error, logged. */
int keys_reload_crls(struct keys *keys, const struct ike_list *crls);

/* "ike" of kedgectl's sas: [{"id","identity","local","remote","hoa","ha",
 * "initiator","state","age_s","spi_in","spi_out","expires_s"}] and "threads".
 * The caller owns it. */
struct json_object *keys_json(struct keys *keys);

#endif
