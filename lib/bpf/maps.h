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

enum { DP_LAYOUT = 8 };

/*
 * map "bindings": HASH, struct in6_addr hoa -> struct dp_binding. HA: besides,
 * for a HoA whose BU had the L flag, its link-local address with the home
 * link's ifindex in bytes 4 to 7 (host order), DP_BINDING_DELETED: of no
 * tunnel.
 */
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
	/* several care-of addresses (RFC 5648) or flow bindings (RFC 6089):
	 * there may be more in "coas", "flows", "selectors". MN: also where its
	 * address stays on a link, and its packets are not to go by that */
	DP_BINDING_MULTI = 16,
	/* with MULTI: what no flow binding takes goes by the home link, and is
	 * left to the stack. MN: ifindex and mtu are that link's, remote is the
	 * HA, as in any other */
	DP_BINDING_HOME = 32,
	/* HA: with MULTI: some path is the home link (RFC 5648's H flag), and
	 * Neighbour Discovery for the HoA the mobile node's (6.3), as there
	 * are no other routers. MN: the same, the HA has acknowledged it */
	DP_BINDING_ON_LINK = 64,
	/* MN: the HA sends copies by two ways (RFC 6089 5.3.6), or may still:
	 * the second of each is dropped. For a bounded time */
	DP_BINDING_BICAST = 128,
};

/* Of a tunnel. */
struct dp_ends {
	struct in6_addr remote;	/* outer destination: CoA, or the HA */
	struct in6_addr local;	/* outer source: HA's address, or the CoA */
};

/*
 * In the order in which a packet on its way into the tunnel reads it: with a
 * million of them, each cache line is memory's to deliver.
 */
struct dp_binding {
	union {
		struct { struct in6_addr remote, local; };
		struct dp_ends ends;
	};
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
	__u32 home;		/* MN, with ON_LINK: the home link's ifindex */
};

/* For kedge_ha_renew, which is run by the daemon. */
struct dp_renewal {
	struct in6_addr hoa;
	struct dp_binding binding;
};

enum { DP_USED_SHIFT = 26 };	/* 67 ms; 32 bits of it are 9 years */

/*
 * map "coas": HASH, struct dp_coa_key -> struct dp_coa: besides a binding's own,
 * the care-of addresses that its tunnel packets may come from (HA) or to (MN).
 * Looked up where DP_BINDING_MULTI is set: by the home address, and not for a
 * /64 of "prefixes", which has one way; in "selectors" too.
 */
struct dp_coa_key {
	struct in6_addr hoa, coa;
};

struct dp_coa {
	__u32 ifindex;		/* MN: of coa */
	__u16 bid;
	__u16 pri;		/* the control plane's: BID-PRI; MN: 0, it is
				 * about to go */
	__u64 expires;		/* ns, CLOCK_BOOTTIME; the control plane's */
};

/*
 * A way that packets of a home address may take. MN: where "ip rule from HOA"
 * leads to kedge0, and a path is the home link, a rule before it must lead
 * packets "from HOA oif LINK" to that link's own routes.
 */
enum dp_path_flag {
	DP_PATH_HOME = 1,	/* the home link, natively */
};

struct dp_path {
	union {
		struct { struct in6_addr remote, local; };
		struct dp_ends ends;
	};
	__u32 ifindex;		/* MN: to send on */
	__u16 mtu;		/* MN: largest inner packet; home: the link's */
	__u16 flags;		/* enum dp_path_flag */
};

enum { DP_PATHS = 2 };

/*
 * map "flows": HASH, struct dp_flow_key -> struct dp_flow: flow bindings of one
 * five-tuple. HA: packets to the mobile node; MN: from it.
 */
struct dp_flow_key {
	struct in6_addr hoa, peer;
	__be16 hoa_port, peer_port;
	__u8 proto;		/* TCP, UDP, or another that has ports there */
	__u8 pad[3];
};

struct dp_flow {
	struct dp_path paths[DP_PATHS];
	__u64 packets, bytes;	/* kept by the programs */
	__u32 n;		/* paths; a packet goes by each of them; 0: the
				 * flow binding is inactive (RFC 6089 4.3) */
	__u16 pri, fid;		/* FID-PRI, FID */
};

/*
 * map "selectors" (HA): HASH, struct in6_addr hoa -> struct dp_selectors, by
 * pri: flow bindings of RFC 6088's selectors that are no single five-tuple.
 * Addresses in network order, all else in host order, both ends included. Of
 * these and "flows" the lower FID-PRI wins.
 */
enum { DP_SELECTORS_MAX = 16 };

struct dp_selector {
	__u16 fields;		/* enum ts_field: those that are compared */
	__u16 pri, fid;
	__u16 n;		/* paths */
	struct in6_addr peer, peer_end, hoa, hoa_end;
	__u32 spi, spi_end, label, label_end;
	__u16 peer_port, peer_port_end, hoa_port, hoa_port_end;
	__u8 tc, tc_end, proto, proto_end;
	__u32 pad;
	struct dp_path paths[DP_PATHS];
	__u64 packets, bytes;	/* kept by the programs */
};

struct dp_selectors {
	__u32 n, pad;
	struct dp_selector list[DP_SELECTORS_MAX];
};

/* map "prefixes": HASH, the first 8 bytes of a /64 -> struct dp_binding of all
 * its addresses */
/* map "homes": HASH, the first 8 bytes of a home link's /64 -> __u32, for how
 * many it is there */
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
	DP_REC_LINK_LOCAL,	/* HA: head of a packet to such an address */
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
	struct dp_ends ends;	/* DP_REC_FRAGMENT: of its tunnel */
	__u8 data[DP_REC_DATA];
};

/* map "stats": PERCPU_ARRAY of __u64, by these */
#define DP_STATS(X) \
	X(ENCAP, "encap") \
	X(ENCAP_BYTES, "encap_bytes") \
	X(DECAP, "decap") \
	X(DECAP_BYTES, "decap_bytes") \
	X(HAIRPIN, "mn_to_mn") \
	X(FLOW, "by_flow_binding") \
	X(COPY, "copies") \
	X(NATIVE, "by_home_link") \
	X(OFF_LINK, "taken_off_link") \
	X(BY_XDP, "by_xdp") \
	X(SIGNAL, "signal_taken") \
	X(NS, "ns_taken") \
	X(TO_DAEMON, "to_slow_path") \
	X(DAD_SUPPRESSED, "dad_suppressed") \
	X(NA_SUPPRESSED, "na_suppressed") \
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
	X(DROP_SECOND_COPY, "drop_second_copy") \
	X(DROP_COPY, "drop_copy") \
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
