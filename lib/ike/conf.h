/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * [ike] and [psk NAME], the same for both daemons, as plain data. The daemon's
 * own open() returns &conf->ike for [ike], and what ike_conf_psk() returns for
 * [psk NAME].
 */
#ifndef KEDGE_IKE_CONF_H
#define KEDGE_IKE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/conf.h"
#include "proto/mtime.h"

enum { IKE_IDENTITY_LEN = 128, IKE_SECRET_MAX = 128 };

struct ike_list {
	char **v;
	size_t n;
};

/* A pre-shared key, for the peers whose identity matches (with * and ?). */
struct ike_psk {
	char name[64];
	char identity[IKE_IDENTITY_LEN];
	uint8_t secret[IKE_SECRET_MAX];
	size_t len;
	struct ike_psk *next;
};

struct ike_conf {
	bool on;		/* there is an [ike] section: open() says so */
	char *identity;		/* ours: "mn1@example.org", an address, a DN */
	char *certificate, *key;	/* files, PEM or DER; NULL: PSK alone */
	struct ike_list cas, crls;	/* files */
	struct ike_list anchors;	/* MN: identities of trusted HAs */
	struct ike_list allow, deny;	/* HA: identities that may be served */
	struct ike_list assign;	/* HA: those that may be assigned addresses */
	mtime sa_lifetime;	/* hard, of an ESP SA; rekeyed well before */
	mtime ike_lifetime;	/* of an IKE SA before it is rekeyed */
	mtime dpd;		/* silence before a peer is asked; 0: never */
	uint32_t port, nat_port;	/* our UDP ports; 0: any free one */
	struct ike_psk *psks;
};

/* -ENOMEM; ike_conf_free() in any case. */
int ike_conf_init(struct ike_conf *conf, bool responder);
void ike_conf_free(struct ike_conf *conf);	/* wipes secrets */

/* Tables for [ike] (off is in struct ike_conf) and [psk NAME]. */
extern const struct conf_key ike_conf_keys_mn[];
extern const struct conf_key ike_conf_keys_ha[];
extern const struct conf_key ike_conf_psk_keys[];
/* For struct conf_section's open of [psk NAME]. */
struct ike_psk *ike_conf_psk(struct ike_conf *conf, const char *name,
			     char *err, size_t n);
/* What the keys' setters cannot see: a key without a certificate, nothing to
 * authenticate with, no identity. 0 or -EINVAL, told on errs. A build without
 * IKE refuses an [ike] section here. */
int ike_conf_check(const struct ike_conf *conf, const char *path, FILE *errs);
bool ike_conf_same(const struct ike_conf *a, const struct ike_conf *b);

/* Does identity match a pattern with * (any string) and ? (any character)?
 * Letters' case makes no difference. An empty list matches nothing. */
bool ike_match(const char *pattern, const char *identity);
bool ike_match_any(const struct ike_list *patterns, const char *identity);

#endif
