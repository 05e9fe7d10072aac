/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kedge-mn as a whole: what its files share. kern.c carries the kernel's
 * events to the machines, hoa.c keeps the home addresses that are away,
 * signal.c sends and takes in Mobility Headers, slow.c has the packets that
 * BPF leaves to us.
 */
#ifndef KEDGE_MN_H
#define KEDGE_MN_H

#include "mn/anchors.h"
#include "mn/attach.h"
#include "mn/bul.h"
#include "mn/conf.h"
#include "core/ctl.h"
#include "core/loop.h"
#include "core/sadb.h"
#include "core/store.h"
#include "sys/dp.h"
#include "sys/rtnl.h"
#include "sys/sockdiag.h"

struct mn_iface {
	struct mn *mn;
	char name[IFNAMSIZ];
	uint32_t ifindex;		/* 0: not there */
	uint32_t mtu;
	uint32_t carrier_downs;		/* the kernel's count */
	bool up;
	uint8_t mac[6];
	struct in6_addr link_local;
	struct ip6_prefix left;		/* the last network's, for "move" */
	struct attach at;
	struct timer others;		/* armed: hoa_attached() once more */
};

struct packet {
	struct packet *next;
	size_t len;
	uint8_t data[];
};

/* A home address that is not on its link: with its entry in the BUL. */
struct hoa {
	struct mn *mn;
	struct bul_entry *e;
	bool up;			/* the tunnel carries its packets */
	bool at_home;			/* returning: back on its link */
	bool ruled;			/* "from HoA lookup T" is there */
	unsigned int tcp, udp;		/* sockets, as last counted */
	mtime used_since;		/* for UDP: adoption */
	struct timer grace;		/* armed: no flow is known */
	struct packet *queue, **queue_tail;
	unsigned int queued;
};

struct mn {
	struct mn_conf conf;
	struct loop loop;
	struct store *store;
	struct sadb *sadb;
	struct rtnl *rtnl;
	struct dp *dp;
	struct sockdiag *sd;
	struct ctl *ctl;
	struct bul bul;
	struct anchors anchors;
	struct mn_iface ifaces[MN_IFACES_MAX];
	int tun_fd, raw_fd, ra_fd, packet_fd, hold_fds[3];
	uint32_t tun_ifindex;
	struct loop_fd on_rtnl, on_ring, on_ra, on_tun, on_sd, on_errors;
	struct timer scan;		/* armed: sockets are to be counted */
	mtime scan_gap;			/* from an event to the count */
	struct timer flush;		/* armed: kedgectl flush is under way */
	struct timer sync;		/* armed: SA numbers go to the disk */
	bool flushing, resync;
	mtime started;
	uint8_t buf[65536 + IP6_HDR_LEN];
};

/* kern.c. mn_start: 0 or -errno, the reason logged; mn->conf is loaded. */
int mn_start(struct mn *mn);
/*
 * SIGHUP: takes over from conf what can change while running (SAs, anchors,
 * times, limits), swapping it with what was there. 0 or -errno, logged.
 */
int mn_reload(struct mn *mn, struct mn_conf *conf);
/* Lets go of everything; forwarding stays at work, for a restart. */
void mn_stop(struct mn *mn);
/* Without a daemon: takes down what one left (kedge-mn --flush). */
int mn_flush_leftovers(const struct mn_conf *conf);
/* Deregisters all, takes everything down, and stops the loop. */
void mn_flush(struct mn *mn);
struct mn_iface *mn_iface(struct mn *mn, uint32_t ifindex);
/* The interface whose care-of address is to be used; NULL if none is. */
struct mn_iface *mn_attached(struct mn *mn);
/* Packets to this address may be signalling or tunnelled: says so to BPF, or
 * takes it back where no interface and no entry has it. */
void mn_addr_sync(struct mn *mn, const struct in6_addr *addr);

/* hoa.c */
extern const struct bul_ops hoa_bul_ops;
/* Interface i lost its network: adopts the addresses that carry flows, takes
 * the others off. */
void hoa_adopt_all(struct mn *mn, struct mn_iface *i);
/* Interface i has a network and a care-of address. */
void hoa_attached(struct mn *mn, struct mn_iface *i);
/* Takes over what a daemon before us left in the maps. */
void hoa_restore_all(struct mn *mn);
void hoa_scan_soon(struct mn *mn, const struct in6_addr *local);
void hoa_scan(struct mn *mn, mtime now);
void hoa_flush_all(struct mn *mn);
void hoa_free_all(struct mn *mn);
/* A path's MTU may have changed: the bindings that are up follow. */
void hoa_paths_changed(struct mn *mn);
/* Somebody took the address off kedge0: puts it back. */
void hoa_repair(struct mn *mn, const struct in6_addr *addr);

/* signal.c */
/* Puts the SAs that name this HA into the SADB; again is no harm. */
void signal_know_ha(struct mn *mn, const struct in6_addr *ha);
/* Are there SAs both ways? */
bool signal_has_sas(struct mn *mn, const struct in6_addr *hoa,
		    const struct in6_addr *ha);
int signal_send_bu(struct mn *mn, struct bul_entry *e, const struct mh *bu,
		   bool at_home, bool retransmission);
void signal_receive(struct mn *mn, const struct dp_rec *rec);
/* Tells the home link who has the HoA now, RFC 6275 11.5.5. */
void signal_announce(struct mn *mn, struct mn_iface *i,
		     const struct in6_addr *addr);
/* Router Solicitation */
void signal_solicit(struct mn *mn, struct mn_iface *i);

/* slow.c */
void slow_on_tun(void *arg);
void slow_too_big(struct mn *mn, const struct dp_rec *rec);
/* Sends what was queued, in order, or throws it away. */
void slow_drain(struct mn *mn, struct hoa *h);
void slow_drop(struct hoa *h);

/* ctl.c */
extern const struct ctl_cmd mn_ctl_cmds[];
void mn_event(struct mn *mn, struct json_object *ev);

#endif
