/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedge-mn.conf(5) as plain data. */
#ifndef KEDGE_MN_CONF_H
#define KEDGE_MN_CONF_H

#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/sadb.h"
#include "ike/conf.h"
#include "proto/ip6.h"
#include "proto/mtime.h"

enum { MN_IFACES_MAX = 8 };

/* Its place in the list numbers it: its table, and (RFC 5648) its binding. */
struct mn_conf_iface {
	char name[IFNAMSIZ];
	uint32_t preference;	/* higher is better */
	bool metered;
	int weak_signal;	/* dBm: others are better then; 0: off */
};

struct mn_conf_anchor {
	struct ip6_prefix prefix;
	struct in6_addr address;	/* ::: to be found */
	char *name, *domain;	/* there; NULL */
	bool remote;		/* may be asked for addresses from afar */
	struct mn_conf_anchor *next;
};

struct mn_conf_sa {
	struct sadb_conf sa;
	bool installed;		/* in the SADB: its HA is known */
	struct mn_conf_sa *next;
};

/* A fixed home address (RFC 8653 3.1): registered as long as we run. */
struct mn_conf_fixed {
	struct in6_addr hoa, ha;	/* ha ::: to be found */
	char *name, *domain;		/* there; NULL */
	struct ip6_prefix prefix;	/* of its home link */
	struct mn_conf_fixed *next;
};

struct mn_conf {
	struct mn_conf_iface ifaces[MN_IFACES_MAX];
	unsigned int n_ifaces;
	char *control, *state, *bpffs, *user;
	char *applications;	/* path of the socket, or "" */
	char *cgroup;		/* "" its root, "none" */
	char *policy;		/* file, or "": built in */
	char tun[IFNAMSIZ];
	mtime lifetime, release_grace, udp_idle;
	mtime first_timeout;	/* InitialBindackTimeoutFirstReg, RFC 6275 13 */
	mtime heartbeat;	/* 0: none */
	uint32_t missing_heartbeats;
	bool dead_anchor_reset;
	uint32_t queue, rule_priority, table, protocol;
	uint32_t metric;	/* of the preferred interface's default route */
	bool accept_ra_anchors;
	mtime discovery_interval;
	struct mn_conf_anchor *anchors;
	struct mn_conf_fixed *fixed;
	struct mn_conf_sa *sas;
	struct ike_conf ike;
};

/* Reads path into *conf, with defaults. 0, or -errno with every error printed
 * to errs; *conf is to be freed by mn_conf_fini() in either case. */
int mn_conf_load(struct mn_conf *conf, const char *path, FILE *errs);
/* Frees; wipes the keys. */
void mn_conf_fini(struct mn_conf *conf);

#endif
