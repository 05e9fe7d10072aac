/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IKEv2 (RFC 7296) by strongSwan's libcharon within this process. Its threads
 * stay behind this header: every callback is called from the loop, in the
 * order in which things happened, and every request returns at once and is
 * carried out by a thread of libcharon's.
 *
 * One IKE SA carries one pair of ESP SAs (RFC 4877 3): transport mode, MH and,
 * if both ends want, mobile prefix discovery (RFC 6275 5.1 and 5.4) between one
 * home address and one home agent address, whatever addresses the IKE SA itself
 * runs between. Nothing rekeys, expires or is probed by itself: see ike/keys.h.
 */
#ifndef KEDGE_IKE_H
#define KEDGE_IKE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/loop.h"
#include "ike/conf.h"
#include "proto/esp.h"
#include "proto/ip6.h"
#include "proto/reason.h"

struct ike;

/* An IKE SA, as the callbacks tell of it. id is ours alone, never 0, and
 * stays the same when the IKE SA is rekeyed. */
struct ike_peer {
	uint32_t id;
	bool initiator;			/* we began it */
	struct in6_addr local, remote;	/* where it runs */
	char identity[IKE_IDENTITY_LEN];	/* the peer's, authenticated */
};

/* An ESP SA, one direction. */
struct ike_sa {
	uint32_t spi;			/* host order */
	bool inbound;
	enum esp_alg alg;
	uint8_t key[ESP_KEY_LEN];
	struct in6_addr src, dst;	/* selectors: HoA and HA */
	bool mh_only;			/* not mobile prefix discovery too */
};

struct ike_ops {
	/*
	 * Responder: a peer who has authenticated asks for SAs for hoa at our
	 * address ha; it runs IKE from peer->remote. REASON_NONE if it may.
	 * What is refused is counted by the callee. Called again at a rekey.
	 * Initiator (peer->initiator), once, where the home agent was to
	 * assign a home address: is hoa one to take? What is refused is told
	 * by down(), and counted then.
	 */
	enum reason (*authorize)(void *arg, const struct ike_peer *peer,
				 const struct in6_addr *hoa,
				 const struct in6_addr *ha);
	/*
	 * Responder: a peer who has authenticated asks for a home address
	 * (RFC 5026 5.3.1); REASON_NONE with *hoa. It is his before he hears
	 * of it. What is refused is counted by the callee.
	 */
	enum reason (*assign)(void *arg, const struct ike_peer *peer,
			      struct in6_addr *hoa);
	/* To be used from now on. At a rekey the old ones are told by sa_del()
	 * later; outbound, the newest is the one to use. */
	void (*sa_add)(void *arg, const struct ike_peer *peer,
		       const struct ike_sa *sa);
	void (*sa_del)(void *arg, const struct ike_peer *peer,
		       const struct ike_sa *sa);	/* key is zero */
	/* Both directions are there: the first ones of this IKE SA. */
	void (*up)(void *arg, const struct ike_peer *peer);
	/*
	 * The IKE SA is over, or could not be set up; its ESP SAs have been
	 * told by sa_del(). why: REASON_NONE where somebody ended it in order.
	 * The last call for this id.
	 */
	void (*down)(void *arg, const struct ike_peer *peer, enum reason why);
	/* The peer is elsewhere now, by its word (MOBIKE). */
	void (*moved)(void *arg, const struct ike_peer *peer);
	/* The IKE SA itself has new keys, whichever end began that. */
	void (*rekeyed)(void *arg, const struct ike_peer *peer);
};

struct ike_responder {
	const struct in6_addr *addrs;		/* home agent addresses */
	size_t n_addrs;
	const struct ip6_prefix *prefixes;	/* that home addresses are in */
	size_t n_prefixes;
};

/*
 * Reads credentials and opens the sockets; nothing runs yet, so privileges can
 * be dropped after this (threads have their own) and before ike_start().
 * CAP_NET_BIND_SERVICE for ports below 1024. One for each process. resp: NULL
 * where nobody may begin an IKE SA with us; copied. 0 or -errno, the reason
 * logged: -ENOENT and so on for a file, -EKEYREJECTED (key and certificate do
 * not belong together, or cannot be read), -EADDRINUSE, -ELIBACC (libcharon
 * is not the one that this was built for), -ENOSYS (built without).
 */
int ike_open(struct ike **out, struct loop *loop, const struct ike_conf *conf,
	     const struct ike_responder *resp, const struct ike_ops *ops,
	     void *arg);
/* Starts its threads. */
int ike_start(struct ike *ike);
/* Tells the peers, without waiting for them; no callback is called any more.
 * Up to a second. NULL is allowed. */
void ike_close(struct ike *ike);

/*
 * Begins an IKE SA from local, with SAs for hoa at ha; hoa ::: for one that ha
 * is to assign. Returns its id at once; up() or down() follows. 0 when out of
 * memory.
 */
uint32_t ike_initiate(struct ike *ike, const struct in6_addr *local,
		      const struct in6_addr *hoa, const struct in6_addr *ha);
/* New keys for the ESP SAs of which spi is the inbound one. */
void ike_rekey_esp(struct ike *ike, uint32_t id, uint32_t spi);
void ike_rekey_ike(struct ike *ike, uint32_t id);
/* Is the peer there? If not, down() with REASON_IKE_NO_ANSWER. */
void ike_probe(struct ike *ike, uint32_t id);
/* The addresses that it runs between, without a message: RFC 6275's K flag,
 * 10.3.1 and 11.7.3. NULL leaves one as it is. */
void ike_move(struct ike *ike, uint32_t id, const struct in6_addr *local,
	      const struct in6_addr *remote);
/* The same, by MOBIKE (RFC 4555 3.5), where we began it. */
void ike_move_told(struct ike *ike, uint32_t id, const struct in6_addr *local);
/* Ends it. told: with a message to the peer. */
void ike_end(struct ike *ike, uint32_t id, bool told);

/* Ends the IKE SAs of peers whose certificate has expired or was revoked since
 * they came in: down() with that reason. */
void ike_recheck(struct ike *ike);
/* Reads revocation files again, then ike_recheck(). 0, or the last error,
 * logged. */
int ike_reload_crls(struct ike *ike, const struct ike_list *crls);

/* How many threads libcharon has. */
unsigned int ike_threads(struct ike *ike);

#endif
