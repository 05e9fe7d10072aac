/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one place where strongSwan's headers are included, and what the files
 * that see them by it share: charon.c (start, end, requests), creds.c (who we
 * are, whom we believe), events.c, assign.c and kernel.c (what libcharon
 * calls). Nobody else includes this: their names are not ours to choose.
 *
 * libcharon's threads and the loop's meet in the table of conns, under
 * ike->lock, and in the box.
 */
#ifndef KEDGE_IKE_CHARON_H
#define KEDGE_IKE_CHARON_H

#include <daemon.h>
#include <library.h>

#include <attributes/attribute_provider.h>
#include <collections/array.h>
#include <config/child_cfg.h>
#include <credentials/certificates/crl.h>
#include <credentials/certificates/x509.h>
#include <credentials/sets/mem_cred.h>
#include <encoding/payloads/auth_payload.h>
#include <kernel/kernel_ipsec.h>
#include <kernel/kernel_net.h>
#include <processing/jobs/callback_job.h>

#include <uthash.h>

#include "ike/box.h"

enum { CONN_SAS_MAX = 16 };	/* ESP SAs of one IKE SA; see CHILDREN_MAX */

/* An IKE SA, from our first word about it to its end. */
struct conn {
	UT_hash_handle hh;		/* by id */
	UT_hash_handle hh_uid;		/* by uid */
	uint32_t id;
	uint32_t uid;			/* libcharon's number; 0: none yet */
	bool initiator;
	bool told;			/* the loop knows of it */
	bool up;
	bool ended;			/* before it had a uid */
	bool psk;			/* the peer authenticates by it */
	bool refused;			/* has been counted */
	bool wandered;			/* its address has changed: that is no
					 * word for where it is */
	bool allowed;			/* responder: SAs for hoa at ha */
	bool requested;			/* hoa is, or was, to be assigned */
	struct in6_addr assigned;	/* responder: by us; :: none */
	struct in6_addr hoa, ha;	/* :: before they are known */
	struct in6_addr local;		/* initiator: where it should run */
	enum reason reason;		/* why it fails */
	unsigned int n_sas;
	struct {
		uint32_t spi;		/* host order */
		bool inbound;
	} sas[CONN_SAS_MAX];
};

/* An SPI of ours that is in use. */
struct spi {
	UT_hash_handle hh;
	uint32_t spi;			/* host order */
	bool installed;			/* an inbound SA has it */
};

struct ike {
	struct box box;
	const struct ike_conf *conf;
	const struct ike_ops *ops;
	void *arg;
	struct in6_addr *addrs;		/* responder: of the home agent */
	size_t n_addrs;
	struct ip6_prefix *prefixes;
	size_t n_prefixes;
	bool responder;
	bool lib_up, charon_up;		/* what ike_close() has to undo */

	pthread_mutex_t lock;		/* of the next four */
	struct conn *by_id, *by_uid;
	struct spi *spis;
	uint32_t last_id;

	mem_cred_t *creds;
	credential_set_t psk_set;
	shared_key_t **psk_keys;	/* as conf->psks, in order */
	bool creds_added, backend_added;
	certificate_t *cert;		/* ours; NULL: PSK alone */
	identification_t *identity;
	backend_t backend;
	ike_cfg_t *ike_cfg;		/* responder */
	peer_cfg_t *peer_cfgs[2];	/* responder: certificate, PSK */
	attribute_provider_t provider;
	bool provider_added;
	listener_t listener;
	logger_t logger;
};

/* One for each process: libcharon is. */
extern struct ike *the_ike;

/* charon.c */
/* These four with ike->lock held. Find: NULL where there is none; get makes the
 * responder's when the first thing is known of it. */
struct conn *ike_conn_find(struct ike *ike, ike_sa_t *ike_sa);
struct conn *ike_conn_get(struct ike *ike, ike_sa_t *ike_sa);
void ike_conn_free(struct ike *ike, struct conn *conn);
/* Fills what every item has. */
void ike_about(struct box_item *item, const struct conn *conn,
	       ike_sa_t *ike_sa);
struct in6_addr ike_addr(host_t *host);			/* :: if not IPv6 */
host_t *ike_host(const struct in6_addr *addr, uint16_t port);

/* creds.c; 0 or -errno, logged */
int ike_creds_open(struct ike *ike);
void ike_creds_close(struct ike *ike);
int ike_responder_open(struct ike *ike);
void ike_responder_close(struct ike *ike);
int ike_creds_crl(const char *path, certificate_t **out);
/* Is the certificate by which the peer came in still good? */
enum reason ike_cert_reason(struct ike *ike, ike_sa_t *ike_sa);
/* A configuration to begin with, and its child. */
peer_cfg_t *ike_initiator_cfg(struct ike *ike, const struct conn *conn,
			      child_cfg_t **child);
/* As text; -EINVAL where it is none that can own anything. */
int ike_identity(identification_t *id, char out[IKE_IDENTITY_LEN]);

/* events.c */
void ike_events_init(struct ike *ike);
/* The certificate of ike_sa's peer is not good any more: its end will tell so.
 * Our id of it, or 0. */
uint32_t ike_disown(struct ike *ike, ike_sa_t *ike_sa, enum reason why);

/* assign.c: home addresses by the configuration payload. For responders. */
void ike_assign_open(struct ike *ike);
void ike_assign_close(struct ike *ike);
/* The assigned address, where remote has it among others, in their place. */
void ike_assign_narrow(const struct conn *conn, linked_list_t *remote);

/* kernel.c. Before charon->initialize() */
void ike_kernel_features(void);
/* What ESP SAs are for: Mobility Headers (RFC 6275 5.1), and Mobile Prefix
 * Solicitations and Advertisements (5.4): types in the upper half of what are
 * ports elsewhere (RFC 7296 3.13.1). */
enum ike_use { IKE_USE_MH, IKE_USE_PREFIXES, IKE_USES };
struct ike_range {
	uint8_t proto;
	uint16_t from, to;
};
extern const struct ike_range ike_ranges[IKE_USES];
/* A traffic selector for one of these. */
traffic_selector_t *ike_ts(const struct in6_addr *addr, uint8_t len,
			   enum ike_use use);
/* The one address that a list of traffic selectors for MH has, and whether
 * they are for that alone; false where they are for anything else. */
bool ike_ts_addr(linked_list_t *list, struct in6_addr *addr, bool *mh_only);
/* The n-th of conn's ESP SAs is over: forgets it; with ike->lock held. */
void ike_tell_sa_del(struct ike *ike, struct conn *conn, ike_sa_t *ike_sa,
		     unsigned int n);

#endif
