/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the BPF programs and the daemons share: the maps' keys and values. The
 * maps are pinned and outlive a daemon, so a change of layout here needs a new
 * DP_LAYOUT; a daemon that finds another layout pinned starts afresh.
 */
#ifndef KEDGE_BPF_MAPS_H
#define KEDGE_BPF_MAPS_H

#ifndef __bpf__
#include <linux/in6.h>
#endif
#include <linux/types.h>

enum { DP_LAYOUT = 4 };

/* map "bindings": HASH, struct in6_addr hoa -> struct dp_binding */
enum dp_binding_flag {
	/* MN: packets may be sent into the tunnel (the BA came, or an earlier
	 * binding at that HA was accepted); without it they go to the daemon */
	DP_BINDING_UP = 1,
	/* HA: the binding is a tombstone of a deregistration (RFC 6275
	 * 10.3.2), for its sequence number alone: nothing is intercepted */
	DP_BINDING_DELETED = 2,
	/* MN: the control plane's: the time of graceful-replacement (RFC 8653
	 * 3.1) has begun when it was created */
	DP_BINDING_GRACEFUL = 4,
	DP_BINDING_ASSIGNED = 8,	/* MN: by a remote anchor */
};

/*
 * In the order in which a packet on its way into the tunnel reads it: with a
 * million of them, each cache line is memory's to deliver.
 */
struct dp_binding {
	struct in6_addr remote;	/* outer destination: CoA, or the HA */
	struct in6_addr local;	/* outer source: HA's address, or the CoA */
	__u16 flags;		/* enum dp_binding_flag */
	__u16 mtu;		/* MN: largest inner packet; larger:
				 * DP_REC_TOOBIG; HA: 0, as the path says */
	/* kept by the programs, up to rx_bytes: */
	__u32 used;		/* when last, in 1 << DP_USED_SHIFT ns of
				 * CLOCK_MONOTONIC_COARSE; 0: never */
	__u64 tx_packets, tx_bytes;	/* encapsulated, inner bytes */
	__u64 rx_packets, rx_bytes;	/* decapsulated */
	__u32 ifindex;		/* MN: to send on; HA: 0, as the route says */
	__u32 lifetime;		/* s, as granted */
	/* control plane's state, here so that a restarted daemon finds it */
	__u64 expires;		/* ns, CLOCK_BOOTTIME */
	__u64 created;		/* ns, CLOCK_BOOTTIME */
	__u16 seq;		/* of the last BU accepted */
	__u16 bu_flags;
	__u32 pad;
};

/* For kedge_ha_renew, which is run by the daemon. */
struct dp_renewal {
	struct in6_addr hoa;
	struct dp_binding binding;
};

enum { DP_USED_SHIFT = 26 };	/* 67 ms; 32 bits of it are 9 years */

/* map "prefixes": HASH, the first 8 bytes of a /64 -> struct dp_binding of all
 * its addresses */
/* map "homes": HASH, the first 8 bytes of a home link's /64 -> __u32 */
/* map "addrs": HASH, struct in6_addr -> __u32: HA's addresses, or the MN's
 * addresses (HoAs and CoAs): where signalling and tunnel packets may go */
/* map "spis": HASH, __u32 (host order) -> __u32 1: SPIs of our inbound SAs */

/* ring buffer "ring": records handed to the daemon */
enum dp_rec_type {
	DP_REC_SIGNAL = 1,	/* a signalling packet, whole */
	DP_REC_NS,		/* HA: solicitation whose target is bound */
	DP_REC_TOOBIG,		/* head of a packet too big for the tunnel */
	DP_REC_FRAGMENT,	/* HA: one too big that may not be shorter: whole,
				 * a hop less; mtu: the path's */
};

enum { DP_REC_DATA = 1500 };

struct dp_rec {
	__u32 ifindex;		/* arrived on */
	__u16 type;		/* enum dp_rec_type */
	__u16 len;		/* of data: IPv6 header onward */
	__u32 mtu;		/* DP_REC_TOOBIG: what would have fitted;
				 * DP_REC_FRAGMENT: the path's */
	__u8 mac[6];		/* DP_REC_NS: Ethernet source */
	__u8 pad[2];
	__u8 data[DP_REC_DATA];
};

/* map "stats": PERCPU_ARRAY of __u64, by these */
#define DP_STATS(X) \
	X(ENCAP, "encap") \
	X(DECAP, "decap") \
	X(HAIRPIN, "mn_to_mn") \
	X(BY_XDP, "by_xdp") \
	X(SIGNAL, "signal_taken") \
	X(NS, "ns_taken") \
	X(TO_DAEMON, "to_slow_path") \
	X(DAD_SUPPRESSED, "dad_suppressed") \
	X(TOO_BIG, "too_big") \
	X(PASS_TUNNEL, "pass_other_tunnel") \
	X(DROP_RING_FULL, "drop_ring_full") \
	X(DROP_SIGNAL_OVERSIZE, "drop_signal_oversize") \
	X(DROP_SIGNAL_FRAGMENT, "drop_signal_fragment") \
	X(DROP_NO_BINDING, "drop_tunnel_no_binding") \
	X(DROP_WRONG_COA, "drop_tunnel_wrong_coa") \
	X(DROP_WRONG_HA, "drop_tunnel_wrong_ha") \
	X(DROP_INNER, "drop_tunnel_inner_malformed") \
	X(DROP_LINK_SCOPE, "drop_tunnel_link_scope") \
	X(DROP_NO_ROUTE, "drop_no_route") \
	X(DROP_ADJUST, "drop_adjust_failed")

enum dp_stat {
#define X(sym, name) DP_STAT_##sym,
	DP_STATS(X)
#undef X
	DP_STAT__MAX
};

/* map "macs": HASH, __u32 ifindex -> where XDP takes packets, to whom */
struct dp_mac {
	__u16 part[3];
	__u16 pad;
};

enum { DP_ROUTE_KEYS = 18 };

/* Constants the loader sets in .rodata before it loads the programs. */
struct dp_config {
	__u32 tun_ifindex;	/* MN: kedge0 */
};

#endif
