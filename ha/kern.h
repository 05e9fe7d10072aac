/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The home agent as a whole: what its files share, its start, reload and end.
 * ifaces.c has the interfaces, intercept.c what the binding cache asks for.
 */
#ifndef KEDGE_HA_KERN_H
#define KEDGE_HA_KERN_H

#include "core/count.h"
#include "core/loop.h"
#include "core/sadb.h"
#include "core/store.h"
#include "ha/bcache.h"
#include "ha/conf.h"
#include "ha/figures.h"
#include "ha/journal.h"
#include "ha/keying.h"
#include "ha/repair.h"
#include "ha/recall.h"
#include "ha/prefixadv.h"
#include "proto/bucket.h"
#include "sys/dp.h"
#include "sys/rtnl.h"

struct advert;
struct ctl;
struct hostlink;
struct nemo;
struct discover;
struct probe;
struct several;
struct wire;

struct kern_iface {
	struct kern_iface *next;
	uint32_t ifindex;
	char name[IFNAMSIZ];
	uint8_t mac[6];
	bool has_mac;
	int link;		/* index of the home link, or -1 */
	bool up;
	bool attached;		/* the data plane */
	bool xdp;		/* its XDP part as well */
	bool has_xdp;		/* by the kernel's word */
	bool allmulti;
	struct in6_addr lladdr;	/* :: where none is known */
	struct in6_addr ha;	/* an address of ours on it, or :: */
	struct advert *advert;	/* router advertisements, or NULL */
};

enum { KERN_BUCKETS = 256, KERN_HOLDS = 3 };

struct kern {
	struct loop *loop;
	struct ha_conf *conf;
	struct store *store;
	struct ctl *ctl;
	struct sadb *sadb;
	struct keying keying;
	struct recall recall;
	struct bcache bcache;
	struct bcache_prefix *prefixes;
	struct journal *journal;
	struct nemo *nemo;		/* mobile routers' networks */
	struct several *several;	/* care-of addresses, and flows */
	struct dp *dp;
	struct rtnl *rtnl;
	struct kern_iface *ifaces;
	struct hostlink *hostlinks;	/* links with a prefix for each host */
	int raw_fd, packet_fd, holds[KERN_HOLDS];
	struct wire *wire;
	struct discover *discover;
	struct prefixadv prefixadv;
	struct timer walk_timer;	/* armed: some have to hear of a change */
	uint32_t walk;			/* so far, by bcache_range() */
	bool *links_changed;		/* whose prefixes it is about */
	bool walk_restored;		/* or all, as at the start */
	struct probe *probe;
	struct loop_fd ring_lf, rtnl_lf, tunnel_lf;
	struct timer dump_timer;	/* events were lost */
	struct timer routes_timer;	/* neighbours changed */
	struct timer sync_timer;	/* SA numbers go to the disk */
	struct repair repair;
	struct figures figures;
	struct bucket errors[KERN_BUCKETS];	/* by whom they are for */
	uint8_t errors_key[16];
	struct bucket relayed;
	struct count_limit states_told, links_told;
	bool lost;		/* bindings of before the start */
	/* the message at hand */
	const struct dp_rec *rec;
	const struct bcache_bu *bu;
	struct sadb_sa *sa;	/* that protected it */
};

/*
 * Starts everything but IKE's threads (keying_start()); loop, conf, store and
 * ctl are kept, not owned. 0 or -errno with the reason logged; kern_stop() in
 * both cases.
 */
int kern_start(struct kern *k, struct loop *loop, struct ha_conf *conf,
	       struct store *store, struct ctl *ctl);
/* Ends the control plane; forwarding goes on. */
void kern_stop(struct kern *k);

/*
 * Takes over from conf what can change while running: security associations,
 * limits, who may own what. What it takes, it swaps with the running
 * configuration. 0 or -errno, logged; then nothing has changed.
 */
int kern_reload(struct kern *k, struct ha_conf *conf);

/* The data plane's settings, for kern_start() and --flush. */
struct dp_conf kern_dp_conf(const struct ha_conf *conf);

/* ifaces.c. NULL where there is none. */
struct kern_iface *kern_iface_find(struct kern *k, uint32_t ifindex);
/* Does the kernel forward what comes in there? */
bool kern_forwards(const struct kern_iface *iface);

/* intercept.c. A binding as the data plane has it. */
struct dp_binding kern_to_dp(const struct binding_reg *reg);

#endif
