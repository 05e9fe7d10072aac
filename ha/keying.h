/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IKE at the home agent: which identity may ask for SAs for which home
 * address, who owns which, on disk too, and what a Binding Update under such
 * an SA means for IKE.
 */
#ifndef KEDGE_HA_KEYING_H
#define KEDGE_HA_KEYING_H

#include "core/sadb.h"
#include "ha/bcache.h"
#include "ha/conf.h"
#include "ha/owners.h"
#include "ha/pool.h"
#include "ike/keys.h"

struct kern;

struct keying {
	struct kern *k;
	struct keys *keys;	/* NULL: no [ike] */
	struct owners owners;
	struct pool_recent released;
	struct timer write_timer;
	/* to be written; deleted where nobody owns it now */
	struct in6_addr *queue;
	size_t n_queue, cap_queue;
};

/*
 * Takes over the owners from the store and the configuration, and reads the
 * credentials. k's store, sadb, binding cache (restored) and data plane must
 * be there. Before privileges are dropped. 0 or -errno, logged;
 * keying_close() in both cases.
 */
int keying_open(struct keying *kg, struct kern *k);
/* IKE's threads, after privileges are dropped. */
int keying_start(struct keying *kg);
/* What is not on disk goes there. Before sadb and data plane are closed. */
void keying_close(struct keying *kg);

/* SIGHUP: the SADB was exchanged for this one. Takes IKE's SAs over. */
void keying_set_sadb(struct keying *kg, struct sadb *sadb);
/* SIGHUP: swaps [owner], allow, deny, pool-identity, owner-lease, owner-max and
 * pool-max with the running configuration's. IKE SAs of identities that are
 * denied now are ended; who owns an address no more is refused at its next
 * Binding Update. */
void keying_reload(struct keying *kg, struct ha_conf *conf);

/* May what came under this SA bind its home address? */
bool keying_owns(struct keying *kg, const struct sadb_sa *sa);
/* Does the table show that the owner was on the home link with it, or that we
 * assigned it? By IKE; configuration alone shows neither. */
bool keying_seen(struct keying *kg, const struct in6_addr *hoa);
/* A BU under sa was accepted; the mobile node is at coa now. */
void keying_accepted(struct keying *kg, const struct sadb_sa *sa,
		     const struct bcache_bu *bu, const struct in6_addr *coa);
/* A binding has ended: its lease as owner begins anew. */
void keying_unbound(struct keying *kg, const struct in6_addr *hoa);

bool keying_in_use(struct keying *kg, const struct in6_addr *hoa);
/* An administrator takes it away: its binding is revoked, and its IKE SAs are
 * ended. -ENOENT, -EPERM. */
int keying_forget(struct keying *kg, const struct in6_addr *hoa);
/* Its binding was revoked, and the mobile node knows, if ever: where its owner
 * is none any more, or is denied, its IKE SAs are ended. */
void keying_revoked(struct keying *kg, const struct in6_addr *hoa);
/* Revokes the bindings of an identity, or (NULL) of all that are denied. Their
 * number, or -ENOMEM. */
int keying_revoke(struct keying *kg, const char *identity, uint8_t trigger);

#endif
