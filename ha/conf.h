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
#include "ha/mnp.h"
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

/* Duplicate address detection before a home address is first served. */
enum ha_dad {
	HA_DAD_UNSEEN,		/* unless IKE has shown whose it is */
	HA_DAD_YES,
	HA_DAD_NO,
};

/* A home link: an interface, and the prefixes of the hosts on it. */
struct ha_link {
	char name[IFNAMSIZ];
	struct ha_prefixes prefixes;
	struct ha_prefixes pools;	/* of those: to be assigned by IKE */
	/* router advertisements of our own */
	bool advertise, ra_interval_option;
	mtime ra_interval, router_lifetime, ha_lifetime;
	/* if not 0, the prefixes' lifetimes; also without advertise */
	mtime prefix_valid, prefix_preferred;
	uint32_t ha_preference, mtu;
	struct ip6_prefix host_prefixes;	/* len 0: none */
	enum ha_dad dad;
	bool simultaneous;	/* home and foreign, RFC 5648 5.6 */
	bool other_routers;	/* there: hosts do no ND of their own, 6.3 */
};

/* A home address that is an identity's for good. */
struct ha_owner {
	char name[64];
	struct in6_addr hoa;
	char identity[IKE_IDENTITY_LEN];
	struct mnp_list nets;	/* of a mobile router, RFC 3963 */
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
	bool brr;		/* Binding Refresh Requests */
	bool several, bulk;	/* care-of addresses, RFC 5648 */
	uint32_t max_paths, max_flows;	/* of a home address */
	uint32_t owner_max;	/* addresses of one identity; 0: no limit */
	bool prefix_advertisements;	/* to who is away, RFC 6275 8.4 */
	mtime prefix_adv_min, prefix_adv_max;
	uint32_t pool_max;	/* addresses assigned, of all pools */
	uint32_t revoke_retries;	/* RFC 5846 11 */
	mtime revoke_delay, revoke_delay_max;
	uint32_t switch_rate;	/* a second, RFC 5142 8 */
};

/* 0 or -errno, every error told on errs. *conf is to be freed in any case. */
int ha_conf_load(struct ha_conf *conf, const char *path, FILE *errs);
/* The last part of it: does all fit together? 0 or -EINVAL. */
int ha_conf_check(const struct ha_conf *conf, const char *path, FILE *errs);
void ha_conf_free(struct ha_conf *conf);	/* wipes keys */

bool ha_conf_has_addr(const struct ha_conf *conf, const struct in6_addr *addr);

/* Is it of a pool? */
bool ha_conf_pooled(const struct ha_conf *conf, const struct in6_addr *addr);

/* The same links and prefixes, in the same order? */
bool ha_conf_same_links(const struct ha_conf *a, const struct ha_conf *b);
/* Takes over what may change while running. Have lifetimes of prefixes? */
bool ha_conf_link_reload(struct ha_link *link, const struct ha_link *from);

/* What differs and is taken over only by a restart: a key's name, or NULL. */
const char *ha_conf_fixed_diff(const struct ha_conf *a,
			       const struct ha_conf *b);
/* The same security associations, in the same order? */
bool ha_conf_same_sas(const struct ha_conf *a, const struct ha_conf *b);

#endif
