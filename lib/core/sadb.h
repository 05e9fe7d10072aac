/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The security associations of a daemon: manual ones from the configuration,
 * and IKE's. Found by SPI inbound, by addresses outbound. IKE's keys live no
 * longer than the daemon: nothing of them is stored.
 *
 * RFC 4106 3.1 and RFC 7634 2: an IV never repeats under one key. A manual
 * key outlives the daemon, so the outbound number is reserved ahead in the
 * store in blocks, on disk before use, the larger the sooner they are used up;
 * the inbound one is stored as accepted, and on disk each 64 packets. Records
 * are found by a fingerprint of the key alone: numbers go on where they were if
 * an SA is renamed, or its key is changed and changed back. As a second line of
 * defence, against a state folder that was lost, outbound numbers begin no
 * lower than the clock says.
 */
#ifndef KEDGE_SADB_H
#define KEDGE_SADB_H

#include <json-c/json.h>
#include <netinet/in.h>
#include <uthash.h>

#include "core/store.h"
#include "proto/esp.h"
#include "proto/ip6.h"
#include "proto/mtime.h"

struct sadb;

enum { SADB_FP_LEN = 16 };

/* What a [sa NAME] section says. */
struct sadb_conf {
	uint32_t spi;			/* >= 256, RFC 4303 2.1 */
	struct in6_addr src, dst;
	enum esp_alg alg;
	char name[64];
	uint8_t key[ESP_KEY_LEN];
	char identity[128];
	bool mh_only;	/* IKE: the peer wants no ICMPv6 under it; else both
			 * are protected, RFC 6275 5.1 and 5.4 */
};

/*
 * What protected a message, or will. What each message needs comes first and
 * together: with many of them, each cache line is memory's to deliver.
 */
struct sadb_sa {
	UT_hash_handle hh;
	bool inbound;
	uint32_t peer;		/* id of the IKE SA that made it; 0: manual */
	bool expired;		/* its key is wiped: all under it is refused */
	uint64_t packets;
	/* private to sadb.c */
	struct sadb_sa *reply;	/* in: what sadb_reply() found when */
	uint64_t reply_of;	/* so many changes had there been */
	uint32_t reserved;	/* out: numbers up to this are ours to use;
				 * in: highest that is surely on disk */
	uint32_t syncing;	/* what it will be after this sync, or 0 */
	struct sadb_sa *due_prev, *due_next;	/* before the next sync */
	uint32_t block;		/* out: how many are reserved at once */
	mtime reserved_at;
	struct sadb_sa *older;	/* out: the next one with these addresses */
	struct sadb_conf conf;
	struct esp_sa esp;
	UT_hash_handle hk;	/* manual ones: by key_fp */
	uint8_t key_fp[SADB_FP_LEN];	/* fingerprint of the key alone */
	char store_key[40];	/* DIRECTION/FINGERPRINT of key and cipher */
};

/* store is kept, not owned; it may be NULL (tests alone). */
int sadb_new(struct sadb **out, struct store *store);
/* Wipes every key. */
void sadb_free(struct sadb *sadb);

/*
 * Adds a manual SA; inbound where it protects what comes to us. 0, -EEXIST (an
 * inbound SPI or an outbound pair of addresses is taken), -EKEYREJECTED
 * (another SA has this key: both would use the same numbers), -ENOTSUP (the
 * machine lacks the algorithm), -EIO (the store failed), -ENOMEM. The reason
 * is logged. One section may be added once in each direction. sadb_sync() when
 * all are added: else the first message under it waits for the disk.
 */
int sadb_add(struct sadb *sadb, const struct sadb_conf *conf, bool inbound);

/*
 * Adds an SA that IKE made: nothing is stored. Outbound, any number may have
 * the same addresses. peer is not 0. 0, -EEXIST (inbound SPI is taken; or an
 * outbound one with these addresses and this SPI), -ENOTSUP, -ENOMEM.
 */
int sadb_add_ike(struct sadb *sadb, const struct sadb_conf *conf, bool inbound,
		 uint32_t peer);
/* Its hard lifetime is over (RFC 4301 4.4.2.1): wipes the key and refuses what
 * comes under it from now on, with a reason of its own. */
void sadb_expire(struct sadb *sadb, struct sadb_sa *sa);
/* Wipes and frees. */
void sadb_del(struct sadb *sadb, struct sadb_sa *sa);
/* Moves all that IKE made from one to the other (SIGHUP). What does not fit
 * beside a manual one is logged and dropped. */
void sadb_take_ike(struct sadb *into, struct sadb *from);
/* What was seen under keys that both have (SIGHUP): the store may know less of
 * it than from, where the disk fails. */
void sadb_take_seen(struct sadb *into, const struct sadb *from);

/* Inbound by SPI; NULL where there is none. */
struct sadb_sa *sadb_in(struct sadb *sadb, uint32_t spi);
/* Outbound by addresses: the newest that IKE made and is not expired, else the
 * manual one, else NULL. */
struct sadb_sa *sadb_out(struct sadb *sadb, const struct in6_addr *src,
			 const struct in6_addr *dst);
struct sadb_sa *sadb_out_spi(struct sadb *sadb, const struct in6_addr *src,
			     const struct in6_addr *dst, uint32_t spi);
/* The outbound SA for an answer to what came under an inbound one: the same
 * IKE SA's, the newest; for a manual SA a manual one. NULL: none. */
struct sadb_sa *sadb_reply(struct sadb *sadb, struct sadb_sa *in);

/*
 * Opens an ESP packet's payload (pkt->proto is 50): SA by SPI, then its
 * selectors against the home source and final destination (RFC 4301 5.2),
 * with the packet authenticated first, next header 135 or 58 alone. *sa tells
 * which SA (NULL: none has this SPI), also where the packet is refused;
 * *out_len bytes at out are the Mobility Header or, *proto being 58, an ICMPv6
 * message of any type, 0 where it is refused: also where it is none of what the
 * SA is for (REASON_ESP_SELECTOR). cap must be pkt->upper_len or more.
 */
enum reason sadb_open(struct sadb *sadb, const struct ip6_pkt *pkt,
		      uint8_t *out, size_t cap, size_t *out_len,
		      uint8_t *proto, struct sadb_sa **sa);
/*
 * What sadb_open() stores between these two, it stores at once at the end: call
 * that before the answers go out. A daemon that dies in between could take
 * those messages again: what is in them has to have a number too (RFC 6275
 * 9.5.1: that of a Binding Update is kept with the binding).
 */
void sadb_begin(struct sadb *sadb);
void sadb_commit(struct sadb *sadb);

/*
 * Inbound numbers go to the disk now and then, and the next outbound ones are
 * reserved before they are needed, by sadb_sync(): call it within seconds of
 * when sadb_sync_due() became true, but not while a handover waits (it takes
 * as long as the disk does, once for all SAs). After a power cut the last 64
 * messages of an SA at the most could be replayed; after a daemon's death,
 * none. What the disk refused stays due.
 */
bool sadb_sync_due(const struct sadb *sadb);
void sadb_sync(struct sadb *sadb);

/* Protects a Mobility Header (proto 135) or an ICMPv6 message. The length, or
 * -ENOENT (sa is NULL or inbound), -EPROTONOSUPPORT (the SA is for Mobility
 * Headers alone), -EKEYEXPIRED, -EOVERFLOW (numbers used up: a new key is
 * needed), -EIO (the next block of numbers could not be stored; logged),
 * -EMSGSIZE (cap is too small). */
ssize_t sadb_seal(struct sadb *sadb, struct sadb_sa *sa, uint8_t *out,
		  size_t cap, uint8_t proto, const uint8_t *p, size_t len);

/* Inbound ones first, in the order of adding; outbound ones with the same
 * addresses together, the newest first. fn adds and deletes none. */
void sadb_each(struct sadb *sadb,
	       void (*fn)(void *arg, struct sadb_sa *sa), void *arg);
/* {"sas":[{"name","direction","spi","src","dst","algorithm","identity",
 * "made","expired","packets","seq"}]}; no keys. The caller owns it. */
struct json_object *sadb_json(struct sadb *sadb);

#endif
