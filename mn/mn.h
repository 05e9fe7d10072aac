/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kedge-mn as a whole: what its files share. kern.c carries the kernel's
 * events to the machines, hoa.c keeps the home addresses that are away,
 * keying.c sees to it that there are SAs, signal.c sends and takes in Mobility
 * Headers, slow.c has the packets that BPF leaves to us.
 */
#ifndef KEDGE_MN_H
#define KEDGE_MN_H

#include "mn/anchors.h"
#include "mn/assoc.h"
#include "mn/attach.h"
#include "mn/bul.h"
#include "mn/conf.h"
#include "mn/flows.h"
#include "mn/policy.h"
#include "mn/select.h"
#include "mn/units.h"
#include "core/ctl.h"
#include "core/loop.h"
#include "core/sadb.h"
#include "core/store.h"
#include "ike/keys.h"
#include "proto/bucket.h"
#include "sys/dp.h"
#include "sys/rtnl.h"
#include "sys/sockdiag.h"
#include "sys/sockhook.h"
#include "sys/unithook.h"

enum { MN_BINDINGS_MAX = 1024,	/* in the data plane's map */
       MN_GONE_MAX = 64 };	/* home addresses that are remembered */

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
	bool fixed;			/* configured: kept without a flow */
	bool assigned;			/* by a remote anchor, by IKE */
	bool parting;			/* the last count before it goes: it is
					 * nobody's to choose any more */
	unsigned int tcp, udp;		/* sockets that keep it: at the last */
	unsigned int udp_asked;		/* count, less those that ended */
	mtime used_since;		/* for UDP: adoption, slow path */
	uint32_t mtu;			/* of the path to the HA */
	struct timer grace;		/* armed: no flow is known */
	struct timer graceful;		/* armed: until these flows end */
	bool graceful_over;		/* they count no more: they were told,
					 * but a UDP socket can stay open */
	struct packet *queue, **queue_tail;
	unsigned int queued;
};

/* The last sequence number of a home address that is gone from the BUL: its
 * HA may remember it (RFC 6275 10.3.2), and would refuse a lower one. */
struct gone {
	struct in6_addr hoa;
	uint16_t seq;
};

/* A home address that was asked for; one at a time with each HA. */
struct keying_request {
	struct keying_request *next;
	struct in6_addr ha;
	struct ip6_prefix prefix;	/* that it has to be in */
	bool failed;			/* why: to be told */
	enum reason why;
};

struct keying {
	struct keys *keys;		/* NULL: no [ike] */
	struct keying_request *requests;
	struct assocs assocs;
	struct timer update;		/* armed: what is wanted may differ */
	mtime hold_until;		/* BAs are waited for, so long */
};

struct mn {
	struct mn_conf conf;
	struct loop loop;
	struct store *store;
	struct sadb *sadb;
	struct rtnl *rtnl;
	struct dp *dp;
	struct sockdiag *sd;
	struct sockhook *sh;		/* NULL: no cgroup-BPF here */
	struct policy policy;
	struct units *units;		/* NULL: no rule is about cgroups */
	struct unithook *unithook;	/* the same, or this kernel cannot */
	struct select select;
	struct app *app;		/* NULL: no socket for applications */
	struct run *runs;		/* kedgectl run's cgroups */
	mtime runs_swept;
	struct ctl *ctl;
	struct bul bul;
	struct gone gone[MN_GONE_MAX];	/* a ring */
	unsigned int gone_next;
	struct anchors anchors;
	struct keying keying;
	struct mn_iface ifaces[MN_IFACES_MAX];
	int tun_fd, raw_fd, ra_fd, packet_fd, hold_fds[3];
	uint32_t tun_ifindex;
	struct loop_fd on_rtnl, on_ring, on_ra, on_tun, on_tunnel;
	struct bucket errors;		/* relayed out of tunnels */
	struct flows flows;
	struct timer flush;		/* armed: kedgectl flush is under way */
	struct timer sync;		/* armed: SA numbers go to the disk */
	struct timer fixed;		/* armed: hoa_fixed_check() is due */
	bool flushing, resync;
	mtime started;
	uint8_t buf[65536];
};

/* kern.c. mn_start: 0 or -errno, the reason logged; mn->conf is loaded. */
int mn_start(struct mn *mn);
/*
 * SIGHUP: takes over policy, and from conf what can change while running (SAs,
 * anchors, times, limits), swapping it with what was there. 0 or -errno, logged.
 */
int mn_reload(struct mn *mn, struct mn_conf *conf,
	      const struct policy *policy);
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
void hoa_flush_all(struct mn *mn);
void hoa_free_all(struct mn *mn);
/* A path's MTU may have changed: the bindings that are up follow. */
void hoa_paths_changed(struct mn *mn);
/* h's may have, whose binding is about to follow. */
void hoa_path_changed(struct hoa *h);
/* Somebody took the address off kedge0: puts it back. */
void hoa_repair(struct mn *mn, const struct in6_addr *addr);

/* Fixed home addresses that are not there come (again): at start, at a
 * reload, where one was lost. */
void hoa_fixed_check(struct mn *mn);
/* An interface has an address no more that is fixed. */
void hoa_fixed_lost(struct mn *mn);
/* The binding of a configured fixed home address; NULL where it has none. */
const struct mn_conf_fixed *hoa_fixed_conf(const struct mn *mn,
					   const struct in6_addr *hoa);
/* ha has assigned hoa, and there are SAs; or it has not. */
void hoa_assigned(struct mn *mn, const struct in6_addr *hoa,
		  const struct in6_addr *ha);
void hoa_assign_failed(struct mn *mn, const struct in6_addr *ha,
		       const char *why);
/* e's flows are lost, for this reason. Frees it. */
void hoa_abandon(struct mn *mn, struct bul_entry *e, const char *why);

/* keying.c. All of it does nothing where there is no [ike]. */
void keying_init(struct mn *mn);
/* Reads credentials, opens sockets: before privileges are dropped. */
int keying_open(struct mn *mn);
int keying_start(struct mn *mn);
/* Ends all IKE SAs, told; up to a second. Before SADB and data plane go. */
void keying_close(struct mn *mn);
/* Addresses, anchors, bindings or SAs have changed. */
void keying_soon(struct mn *mn);
/* A network is lost: nothing is sent that is not part of the handover. */
void keying_moving(struct mn *mn);
/* There is a network and a care-of address. */
void keying_moved(struct mn *mn);
/* The home agent of an address; false where none is known. */
bool keying_ha(struct mn *mn, const struct in6_addr *addr, struct in6_addr *ha);
/* Why a HoA that is to be kept cannot be; NULL: it can, now or soon. */
const char *keying_refusal(struct mn *mn, const struct in6_addr *hoa,
			   const struct in6_addr *ha);
/* There are no SAs, but IKE is about to make them. */
bool keying_awaited(struct mn *mn, const struct in6_addr *hoa,
		    const struct in6_addr *ha);
/* The HA does not answer under the SAs that IKE made, or does. */
void keying_suspect(struct mn *mn, const struct in6_addr *hoa,
		    const struct in6_addr *ha);
void keying_answered(struct mn *mn, const struct in6_addr *hoa,
		     const struct in6_addr *ha);
/* It knows that we are at this address now; k: its IKE does too (K flag). */
void keying_bound(struct mn *mn, const struct in6_addr *hoa,
		  const struct in6_addr *ha, const struct in6_addr *at, bool k);
/* The SADB was exchanged: IKE's SAs go to the new one. */
void keying_set_sadb(struct mn *mn, struct sadb *sadb);
/* SIGHUP: revocation lists are read again. */
void keying_reload(struct mn *mn);
/* NULL: it is up, all is well. */
const char *keying_why(const struct assoc *a);
/*
 * Asks ha, from the present care-of address, for a home address of prefix; one
 * of hoa_assigned() and hoa_assign_failed() follows. Again while one is under
 * way is 0. -errno; -ENOTSUP: there is no [ike].
 */
int keying_request(struct mn *mn, const struct in6_addr *ha,
		   const struct ip6_prefix *prefix);
/* The best one with this anchor; NULL where there is none. */
const struct assoc *keying_assoc(struct mn *mn, const struct anchor *anchor);
struct json_object *keying_json(struct mn *mn);	/* may be NULL */

/* signal.c */
/* Puts the SAs that name this HA into the SADB; again is no harm. */
void signal_know_ha(struct mn *mn, const struct in6_addr *ha);
/* Are there SAs both ways? */
bool signal_has_sas(struct mn *mn, const struct in6_addr *hoa,
		    const struct in6_addr *ha);
bool signal_has_manual_sas(struct mn *mn, const struct in6_addr *hoa,
			   const struct in6_addr *ha);
/* Would a BU of e go under an SA that IKE made? */
bool signal_keyed(struct mn *mn, const struct bul_entry *e);
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
/* What BPF left of tunnels to us, and ICMPv6 errors about ours. */
void slow_on_tunnel(void *arg);
/* Entries of the BUL have come or gone. */
void slow_hoas_changed(struct mn *mn);
/* Sends what was queued and what waits on kedge0, in order. */
void slow_drain(struct mn *mn, struct hoa *h);
/* Sends what was queued natively: the HoA is at home, and its HA knows. */
void slow_drain_home(struct mn *mn, struct hoa *h);
/* Throws it away. */
void slow_drop(struct hoa *h);

/*
 * apply.c: mn->policy to the socket programs, whatever was there before. 0, also
 * where there are none (mn->sh NULL), or -errno, logged.
 */
int policy_apply(struct mn *mn);
/* Before mn->sh goes. */
void policy_release(struct mn *mn);

/* app.c: what applications ask (app/ask.h). 0 or -errno, logged. */
int app_open(struct app **out, struct mn *mn, const char *path);
void app_close(struct app *app);	/* NULL is allowed */
/* What select_choose() says may have changed: who waits is answered. */
void app_changed(struct app *app);
/* Of any socket? */
bool app_knows(const struct app *app);
/* What the socket of this cookie and owner was given, where the shim asked for
 * it; NULL where it did not. app may be NULL. */
const struct sock_state *app_sock(const struct app *app, uint64_t cookie,
				  uint32_t uid);

/* ctl.c */
extern const struct ctl_cmd mn_ctl_cmds[];
void mn_event(struct mn *mn, struct json_object *ev);

/* flowctl.c: its part of the control commands */
int flowctl_flows(void *arg, struct json_object *request,
		  struct json_object *answer);
int flowctl_explain(void *arg, struct json_object *request,
		    struct json_object *answer);

#endif
