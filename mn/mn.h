/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kedge-mn as a whole: what its files share. start.c starts and ends it, kern.c
 * carries the kernel's events to the machines, network.c acts for those of the
 * interfaces' networks, adopt.c and hoa.c keep the home addresses that are
 * away, keying.c sees to it that there are SAs, signal.c sends and takes in
 * Mobility Headers, slow.c has the packets that BPF leaves to us.
 */
#ifndef KEDGE_MN_H
#define KEDGE_MN_H

#include "mn/anchors.h"
#include "mn/assoc.h"
#include "mn/attach.h"
#include "mn/bul.h"
#include "mn/conf.h"
#include "mn/discover.h"
#include "mn/elsewhere.h"
#include "mn/flows.h"
#include "mn/iface.h"
#include "mn/live.h"
#include "mn/move.h"
#include "mn/mpd.h"
#include "mn/paths.h"
#include "mn/policy.h"
#include "mn/radio.h"
#include "mn/repair.h"
#include "mn/select.h"
#include "mn/units.h"
#include "core/ctl.h"
#include "core/loop.h"
#include "core/sadb.h"
#include "core/store.h"
#include "ike/keys.h"
#include "proto/bucket.h"
#include "proto/pace.h"
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
	struct timer others;		/* armed: iface.c looks once more */
	/* the way out of its network; unspecified where it has none */
	struct in6_addr gateway;
	struct ifroutes routes;		/* in its table, and the rules to it */
	bool swept;			/* of what a daemon before us left */
	bool routes_lost;		/* somebody deleted some of it */
	mtime gateway_asked;
	bool prepared;			/* its sysctls are as we set them */
	struct stray stray;
	struct radio radio;
};

struct packet {
	struct packet *next;
	size_t len;
	uint8_t data[];
};

/* What packets that have no flow binding take now. Until the home agent knows
 * of another it may be none that the BUL has any more. */
struct hoa_way {
	bool home;		/* the home link, natively */
	uint32_t ifindex;	/* to send on */
	struct in6_addr coa;	/* the tunnel's; home: one that is registered */
};

/* A home address that is not on its link, or not with all that it sends: with
 * its entry in the BUL. */
struct hoa {
	struct mn *mn;
	struct bul_entry *e;
	bool up;			/* the tunnel carries its packets */
	bool at_home;			/* returning: back on its link */
	bool ruled;			/* "from HoA lookup T" is there */
	bool unruled, unaddressed;	/* somebody deleted rule, address */
	bool fixed;			/* configured: kept without a flow */
	bool assigned;			/* by a remote anchor, by IKE */
	struct in6_addr next_ha;	/* that takes over, once this one has
					 * let go of it; :: none */
	bool leaving;			/* it is deregistered for that, or for
					 * lost_why */
	bool rehomed;			/* it is not with whom it was configured */
	const char *lost_why;		/* it ends with its binding; or NULL */
	bool parting;			/* the last count before it goes: it is
					 * nobody's to choose any more */
	unsigned int tcp, udp;		/* sockets that keep it: at the last */
	unsigned int udp_asked;		/* count, less those that ended */
	mtime used_since;		/* for UDP: adoption, slow path */
	struct hoa_way way;
	struct paths *paths;		/* NULL: it never had several */
	uint32_t mtu;			/* of the path to the HA; of the home
					 * link where that is the way */
	struct mpd mpd;
	mtime lost_at, moved_at;	/* the handover that is under way: its
					 * network lost; attached anew. 0: none */
	struct timer grace;		/* armed: no flow is known */
	struct timer homing;		/* armed: at home, its HA's link-layer
					 * address is being asked for */
	uint32_t home_ifindex;		/* the home link's, then */
	unsigned int ha_solicits;	/* so many times, so far */
	bool unbound;			/* at home, and nobody defends it */
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
	bool taken;			/* by another node, DAD says */
	struct in6_addr ha;		/* its last, which refused it... */
	mtime refused_at;		/* ...then; 0: it did not */
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
	struct wifi *wifi;		/* NULL: none */
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
	struct discover discover;
	struct keying keying;
	struct mn_iface ifaces[MN_IFACES_MAX];
	const struct mn_iface *preferred;	/* as was told; NULL: none */
	iface_policy_fn *iface_policy;	/* NULL: none */
	struct {
		uint32_t ifindex;	/* 0: there is to be none */
		uint32_t metric;
		struct in6_addr gateway;
		bool there;		/* or somebody else's is */
		bool lost;
	} main;				/* our default route in that table */
	struct elsewhere elsewhere;
	int tun_fd, raw_fd, ra_fd, packet_fd, hold_fds[3];
	uint32_t tun_ifindex;
	struct loop_fd on_rtnl, on_ring, on_ra, on_tun, on_tunnel, on_errors;
	struct loop_fd on_wifi;
	struct bucket errors;		/* relayed out of tunnels, and our own */
	struct pace bes;		/* Binding Errors that we send */
	struct flows flows;
	struct moves moves;
	struct live live;
	struct timer beat;		/* armed: live's home agents may differ */
	uint32_t restarts;		/* Restart Counter, RFC 5847 3.2 */
	struct testpath *tests;		/* under way */
	struct timer flush;		/* armed: kedgectl flush is under way */
	struct timer sync;		/* armed: SA numbers go to the disk */
	struct timer fixed;		/* armed: hoa_fixed_check() is due */
	struct repair repair;
	struct count_limit anchors_told, states_told;
	bool flushing, resync, starting;
	mtime started;
	uint8_t buf[65536];
};

/* start.c. mn_start: 0 or -errno, the reason logged; mn->conf is loaded. */
int mn_start(struct mn *mn);
/* Lets go of everything; forwarding stays at work, for a restart. */
void mn_stop(struct mn *mn);
/* Without a daemon: takes down what one left (kedge-mn --flush). */
int mn_flush_leftovers(const struct mn_conf *conf);
/* Deregisters all, takes everything down, and stops the loop. */
void mn_flush(struct mn *mn);
/* kedge0 was deleted: makes it anew, as it was. 0 or -errno, logged. */
int mn_tun_again(struct mn *mn);

/* reload.c */
/*
 * SIGHUP: takes over policy, and from conf what can change while running (SAs,
 * anchors, times, limits), swapping it with what was there. 0 or -errno,
 * logged.
 */
int mn_reload(struct mn *mn, struct mn_conf *conf,
	      const struct policy *policy);
/* The anchors of mn->conf. */
void mn_know_configured(struct mn *mn);

/* network.c */
void network_init(struct mn *mn);
/* The socket of router advertisements has something. */
void network_on_ra(void *arg);
/* SAs that are configured say whose home agent it is. */
void network_trust(struct mn *mn, const struct anchor *anchor);
/* For anchors_learn(): a home agent that was not known; arg is the mn. */
void mn_anchor_learnt(void *arg, const struct anchor *anchor);

/* kern.c */
void kern_on_rtnl_event(void *arg, const struct rtnl_event *ev);
/* They have something: rtnl's socket of events, the programs' ring. */
void kern_on_rtnl(void *arg);
void kern_on_ring(void *arg);
struct mn_iface *mn_iface(struct mn *mn, uint32_t ifindex);
/* i's carrier is about to go, or has gone: the kernel tells that up to a second
 * later (net/core/link_watch.c). */
void mn_link_lost(struct mn *mn, struct mn_iface *i);
/* Packets to this address may be signalling or tunnelled: says so to BPF, or
 * takes it back where no interface and no entry has it. */
void mn_addr_sync(struct mn *mn, const struct in6_addr *addr);

/* hoa.c */
static inline struct hoa *hoa_of(const struct bul_entry *e)
{
	return e->priv;
}

extern const struct bul_ops hoa_bul_ops;
/* e is to be bound to interface i's care-of address; where it is that already,
 * it is refreshed. */
void hoa_go_away(struct mn_iface *i, struct bul_entry *e, mtime now);
void hoa_flush_all(struct mn *mn);
void hoa_free_all(struct mn *mn);
/* h->way is another: at once. */
void hoa_follow(struct hoa *h);
/* What is remembered of it; NULL. */
struct gone *hoa_gone(struct mn *mn, const struct in6_addr *hoa);
/* SIGHUP: what was refused is tried again. */
void hoa_unbar(struct mn *mn);
/* Nothing keeps this address: its flows are lost, told at once. */
void hoa_flows_lost(struct mn *mn, const struct in6_addr *addr,
		    const char *why);
/* The same of e, which it frees. */
void hoa_abandon(struct mn *mn, struct bul_entry *e, const char *why);
/* e is deregistered, and then registered with another home agent; to NULL: its
 * flows are lost, for this reason (static). May free it. */
void hoa_rehome(struct bul_entry *e, const struct in6_addr *to,
		const char *why);
/* e is registered with ha from now on: the one before is dead, would not have
 * it, or has let go of it. */
void hoa_turn(struct mn *mn, struct bul_entry *e, const struct in6_addr *ha);
/* Is it away, or without a network? Else it is about to go. */
bool hoa_is_movable(const struct bul_entry *e);
/* Graceful-replacement: has its time begun, over or not? */
static inline bool hoa_is_replaced(const struct hoa *h)
{
	return timer_armed(&h->graceful) || h->graceful_over;
}
/* What the kernel says of an interface's address: care-of addresses' lifetimes
 * follow. */
void hoa_coa_changed(struct mn *mn, const struct mn_iface *i,
		     const struct attach_addr *addr);

/* adopt.c */
/* Interface i lost its network: adopts the addresses that carry flows, takes
 * the others off. */
void hoa_adopt_all(struct mn *mn, struct mn_iface *i);
/* The same of these n addresses, at most ATTACH_ADDRS_MAX. */
void hoa_adopt_these(struct mn *mn, struct mn_iface *i,
		     const struct attach_addr *addrs, unsigned int n);
/* Network addresses of interface i that are not of its present network go as
 * in hoa_adopt_all(), and this router's routes with them. */
void hoa_adopt_strays(struct mn *mn, struct mn_iface *i,
		      const struct in6_addr *router);
/* Its address is on its link, i, and stays there; what goes by other ways is
 * paths.c's. NULL: no memory. */
struct hoa *hoa_stay(struct mn *mn, const struct mn_iface *i,
		     const struct in6_addr *hoa, const struct in6_addr *ha);
/* One that has never been away, or was lost, comes as if it had just gone;
 * NULL: abandoned, told. */
struct hoa *hoa_put_away(struct mn *mn, const struct in6_addr *hoa,
			 const struct in6_addr *ha, bool assigned);
/* The home agent of an address that is away, or to go; false: none is known. */
bool hoa_agent(struct mn *mn, const struct in6_addr *hoa, struct in6_addr *ha);
/* Takes over what a daemon before us left in the maps. */
void hoa_restore_all(struct mn *mn);

/* hoadp.c */
/* h's binding to the data plane, as it is. */
void hoa_write(struct hoa *h);
struct rtnl_rule hoa_rule(const struct hoa *h);
/* Its packets are routed to kedge0, or not. */
void hoa_set_rule(struct hoa *h, bool on);
/* Its address is put on kedge0. 0 or -errno, logged. */
int hoa_put_on_tun(const struct hoa *h);
/* Of the path to its HA from that care-of address. */
uint32_t hoa_mtu(const struct hoa *h, const struct in6_addr *coa);
/* A path's MTU may have changed: the bindings that are up follow. */
void hoa_paths_changed(struct mn *mn);
/* h's may have, whose binding is about to follow. */
void hoa_path_changed(struct hoa *h);
/* Somebody took an address off kedge0, deleted a rule: is it ours? */
bool hoa_lost_address(struct mn *mn, const struct in6_addr *addr);
bool hoa_lost_rule(struct mn *mn, const struct rtnl_rule *rule);
/* They may be there or not. */
void hoa_lost_all(struct mn *mn);
/* Puts back what was lost. */
void hoa_repair_all(struct mn *mn);

/* fixed.c. Fixed home addresses that are not there come (again): at start, at a
 * reload, where one was lost. */
void hoa_fixed_check(struct mn *mn);
/* The same in a while: one was lost; at once. */
void hoa_fixed_retry(struct mn *mn);
void hoa_fixed_soon(struct mn *mn);
/* An interface has an address no more that is fixed. */
void hoa_fixed_lost(struct mn *mn);
/* Home agents have come, or failed: those whose home agent is to be found get
 * one, or a better one. */
void hoa_fixed_find(struct mn *mn);
/* May it have another home agent than the present one? Not where one is
 * configured for it. */
bool hoa_may_turn(const struct mn *mn, const struct in6_addr *hoa);
/* What is configured of a fixed home address; NULL: it is none. */
const struct mn_conf_fixed *hoa_fixed_conf(const struct mn *mn,
					   const struct in6_addr *hoa);
/* Fixed, by this home agent? The configuration may have another one since. */
bool hoa_is_fixed(const struct mn *mn, const struct in6_addr *hoa,
		  const struct in6_addr *ha);
/* Is its home agent configured, or is one to be found? */
bool fixed_has_ha(const struct mn_conf_fixed *f);

/* ha has assigned hoa, and there are SAs; or it has not. */
void hoa_assigned(struct mn *mn, const struct in6_addr *hoa,
		  const struct in6_addr *ha);
void hoa_assign_failed(struct mn *mn, const struct in6_addr *ha,
		       const char *why);

/* home.c */
/* Interface i is on the home link of e, which may be gone afterwards. */
void home_come(struct mn *mn, struct mn_iface *i, struct bul_entry *e,
	       mtime now);
/* The same, from another interface of ours on the same link, this moment. */
void home_carry(struct mn *mn, struct mn_iface *i, struct bul_entry *e,
		mtime now);
void home_on_timer(struct timer *timer, mtime now);
void home_on_na(struct mn *mn, struct mn_iface *i, const struct ip6_pkt *pkt);
/* Its home agent leaves Neighbour Discovery to us: it is on i, and its
 * neighbours learn so. */
void home_appear(struct mn *mn, struct mn_iface *i, struct bul_entry *e);
/* It is at home no more, or nothing any more. */
void home_forget(struct hoa *h);
/* Is its HA's link-layer address still being asked for? */
static inline bool home_asks(const struct hoa *h)
{
	return timer_armed(&h->homing);
}

/* errors.c */
/* Tells the sender of a Mobility Header why it was refused, if that is due. */
void errors_answer(struct mn *mn, const struct ip6_pkt *in,
		   const struct dp_rec *rec, enum reason reason);
/* REASON_NONE, or why a Binding Error was ignored. */
enum reason errors_on_be(struct mn *mn, const struct ip6_pkt *pkt,
			 const struct mh *be);
/* ICMPv6 errors about BUs */
void errors_on_readable(void *arg);

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
/* A Mobility Header but a BU (proto 135), through the tunnel (RFC 6275 6.1), or
 * an ICMPv6 message (58), with a Home Address option (6.7), built for the
 * addresses HoA and HA; under e's SA. At home
 * either goes as it is. 0 or -errno: -EDESTADDRREQ, there is no care-of
 * address; else as sadb_seal() has it. The caller counts. */
int signal_send(struct mn *mn, const struct bul_entry *e, uint8_t proto,
		const uint8_t *msg, size_t len);
void signal_receive(struct mn *mn, const struct dp_rec *rec);
/* Tells the home link who has the HoA now, RFC 6275 11.5.5. */
void signal_announce(struct mn *mn, struct mn_iface *i,
		     const struct in6_addr *addr);
/* Asks for the link-layer address of whoever defends the HoA, RFC 6275
 * 11.5.5. */
void signal_solicit_ha(struct mn *mn, struct mn_iface *i,
		       const struct in6_addr *hoa);
/* Router Solicitation */
void signal_solicit(struct mn *mn, struct mn_iface *i);

/* beat.c: heartbeats */
void beat_init(struct mn *mn);
/* The store is open; lost: bindings of before. */
void beat_start(struct mn *mn, bool lost);
void beat_reload(struct mn *mn);
void beat_stop(struct mn *mn);
/* Bindings have come, gone, or changed their state. */
void beat_soon(struct mn *mn);
/* A care-of address was lost, or is another. */
void beat_moved(struct mn *mn);
/* A message came from it, under its SA. */
void beat_heard(struct mn *mn, const struct in6_addr *ha);
/* A Binding Error with status 2, in the clear. True: it was a heartbeat's. */
bool beat_refused(struct mn *mn, const struct in6_addr *ha);
enum reason beat_receive(struct mn *mn, const struct bul_entry *e,
			 const struct mh *mh);
/* Adds "alive". */
void beat_json(struct json_object *o, struct mn *mn,
	       const struct in6_addr *ha);

/* revoke.c: messages of e's home agent under its SA. They may free e. */
enum reason revoke_receive(struct mn *mn, const struct ip6_pkt *pkt,
			   struct bul_entry *e, const struct mh *mh);
enum reason switch_receive(struct mn *mn, struct bul_entry *e,
			   const struct mh *mh);

/* prefix.c: mobile prefix discovery */
void prefix_init(struct hoa *h);	/* h->e is there */
/* How long its prefix is valid, by what the home link advertised. */
void prefix_learn(struct hoa *h, const struct attach *at);
/* h->e has another state. */
void prefix_state(struct hoa *h);
/* The status of an acknowledgement that was accepted. */
void prefix_status(struct mn *mn, const struct in6_addr *hoa, uint8_t status);
/* An ICMPv6 message that came under the SA of its home address. */
enum reason prefix_receive(struct mn *mn, const struct ip6_pkt *pkt,
			   const uint8_t *msg, size_t len);

/* radiokern.c: what nl80211 tells; nothing where there is none. */
void radios_init(struct mn *mn);
void radios_open(struct mn *mn);
void radios_close(struct mn *mn);
/* The configuration may be another. */
void radios_reload(struct mn *mn);
/* i has appeared, or goes (its ifindex is 0 then). */
void radios_look(struct mn *mn, struct mn_iface *i);
/* Adds "signal" and "signal_dbm". */
void radios_json(struct json_object *o, struct mn *mn,
		 const struct mn_iface *i);

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
 * apply.c: mn->policy to the socket programs, whatever was there before. 0,
 * also where there are none (mn->sh NULL), or -errno, logged.
 */
int policy_apply(struct mn *mn);
/* The addresses that rules' interfaces have are others. */
void policy_sources_changed(struct mn *mn);
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

/* figures.c: RFC 7333 REQ6, for the answer to "counters". stats: the data
 * plane's. */
void figures_add(struct mn *mn, const uint64_t *stats,
		 struct json_object *answer);

/* anchorctl.c and flowctl.c: their parts of the control commands */
int anchorctl_anchors(void *arg, struct json_object *request,
		      struct json_object *answer);
int flowctl_flows(void *arg, struct json_object *request,
		  struct json_object *answer);
/* As "flows" has it. */
struct json_object *flowctl_json(struct mn *mn, const struct sock_rec *rec);
int flowctl_explain(void *arg, struct json_object *request,
		    struct json_object *answer);

#endif
