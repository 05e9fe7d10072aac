/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedge-ha's configuration, kedge-ha.conf(5), as plain data. */
#ifndef KEDGE_HA_CONF_H
#define KEDGE_HA_CONF_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/sadb.h"
#include "ike/conf.h"
#include "proto/ip6.h"
#include "proto/mtime.h"
#include "sys/dp.h"

/* A list that a setter appends to. */
struct ha_addrs {
	struct in6_addr *v;
	size_t n;
};

struct ha_prefixes {
	struct ip6_prefix *v;
	size_t n;
};

struct ha_ifname {
	char name[IFNAMSIZ];
};

struct ha_ifnames {
	struct ha_ifname *v;
	size_t n;
};

/* A home link: an interface, and the prefixes of the hosts on it. */
struct ha_link {
	char name[IFNAMSIZ];
	struct ha_prefixes prefixes;
	struct ha_prefixes pools;	/* of those: to be assigned by IKE */
};

/* A home address that is an identity's for good. */
struct ha_owner {
	char name[64];
	struct in6_addr hoa;
	char identity[IKE_IDENTITY_LEN];
};

struct ha_conf {
	struct ha_addrs addrs;
	struct ha_ifnames ifnames;	/* empty: all Ethernet interfaces */
	struct ha_link *links;
	size_t n_links;
	struct sadb_conf **sas;
	size_t n_sas;
	struct ike_conf ike;
	struct ha_owner *owners;
	size_t n_owners;
	char *control, *state, *bpffs, *user;
	uint32_t max_bindings;
	mtime max_lifetime, owner_lease;
	enum dp_xdp xdp;
	uint32_t owner_max;	/* addresses of one identity; 0: no limit */
	uint32_t pool_max;	/* addresses assigned, of all pools */
};

/* 0 or -errno, every error told on errs. *conf is to be freed in any case. */
int ha_conf_load(struct ha_conf *conf, const char *path, FILE *errs);
void ha_conf_free(struct ha_conf *conf);	/* wipes keys */

bool ha_conf_has_addr(const struct ha_conf *conf, const struct in6_addr *addr);

/* Is it of a pool? */
bool ha_conf_pooled(const struct ha_conf *conf, const struct in6_addr *addr);

/* What differs and is taken over only by a restart: a key's name, or NULL. */
const char *ha_conf_fixed_diff(const struct ha_conf *a,
			       const struct ha_conf *b);
/* The same security associations, in the same order? */
bool ha_conf_same_sas(const struct ha_conf *a, const struct ha_conf *b);

#endif
