/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the socket programs (sock.bpf.c) and kedge-mn share: the keys and values
 * of their maps. They are pinned and outlive a daemon; a change of layout here
 * needs a new SOCK_LAYOUT.
 */
#ifndef KEDGE_BPF_SOCK_H
#define KEDGE_BPF_SOCK_H

#ifndef __bpf__
#include <linux/in6.h>
#endif
#include <linux/types.h>

#include "proto/service.h"

enum { SOCK_LAYOUT = 2, SOCK_RULES_MAX = 64, SOCK_PERMITS_MAX = 64,
       SOCK_COMM = 16, SOCK_CGROUP_DEPTH = 16, SOCK_HELD_MAX = 4096 };

/* What a service type means just now. */
enum sock_service_state {
	SOCK_SERVICE_NONE,	/* none of this type here: ENOTSUP */
	SOCK_SERVICE_LATER,	/* cannot be had now: EADDRNOTAVAIL */
	SOCK_SERVICE_KERNEL,	/* as the kernel chooses by itself */
	SOCK_SERVICE_ADDR,	/* this address */
};

/* map "services": ARRAY[SERVICE__MAX] of these, by enum service, each with a
 * lock so that no half of one is seen */
struct sock_service {
	struct in6_addr addr;		/* SOCK_SERVICE_ADDR */
	struct in6_addr temporary;	/* for IPV6_PREFER_SRC_TMP; or addr */
	__u8 state;			/* enum sock_service_state */
	__u8 native;			/* addr is the present network's: only
					 * those who asked by option are bound
					 * to it, others get the kernel's choice */
	__u8 pad[6];
};

/* The first rule that matches and gives a service holds. */
enum sock_rule_flag {
	SOCK_RULE_COMMAND = 1,
	SOCK_RULE_UID = 2,
	SOCK_RULE_CGROUP = 4,	/* see struct sock_cgroup */
	SOCK_RULE_PROTOCOL = 8,
	SOCK_RULE_PORT = 16,
	SOCK_RULE_PREFIX = 32,
	SOCK_RULE_GID = 64,	/* the real one or a supplementary one */
	SOCK_RULE_MPTCP = 128,	/* a TCP socket that is MPTCP's: a subflow */
	SOCK_RULE_WAY = 256,	/* no condition: it says which interface. The
				 * first such rule holds, beside the first with
				 * a service */
	SOCK_RULE_NO_WAY = 512,	/* nor this: none that it may use is attached,
				 * so connect() fails */
};

struct sock_rule {
	struct in6_addr prefix;
	char command[SOCK_COMM];	/* of the process, its main thread's;
					 * zeros after it */
	__u32 flags;			/* enum sock_rule_flag: what is to match */
	__u32 uid, gid;
	__u16 port_low, port_high;	/* remote; host order, both included */
	__u8 prefix_len;
	__u8 protocol;
	__u8 service;			/* enum service; NONE: it gives none,
					 * and is not looked at for that */
	__u8 of_service;		/* WAY: of this type; NONE: of any */
	struct in6_addr source;		/* WAY: of the interface it wants now;
					 * ::: the kernel's choice */
};

/* map "cgroups": HASH, __u64 id -> of a cgroup and all below it */
struct sock_cgroup {
	__u64 rules;			/* bit n: rule n's cgroup is this */
	__u8 service;			/* kedgectl run's, or SERVICE_NONE */
	__u8 pad[7];
};

struct sock_who {
	__u32 id;
	__u32 is_group;
};

/* What this user or group may ask for beside what everybody may. */
struct sockhook_permit {
	struct sock_who who;
	__u32 services;		/* mask of 1 << enum service */
};

/* map "policy": ARRAY_OF_MAPS[1] of ARRAY[1] of these: a new one is exchanged
 * for the old one at once */
struct sock_policy {
	__u32 n_rules, n_permits;
	__u32 everybody;	/* may ask for: mask of 1 << enum service */
	__u8 service;		/* where no rule matches */
	__u8 has_ways;		/* a rule has SOCK_RULE_WAY */
	__u8 pad[2];
	struct sock_rule rules[SOCK_RULES_MAX];
	struct sockhook_permit permits[SOCK_PERMITS_MAX];
};

/* map "conf": ARRAY[1] */
struct sock_conf {
	__u64 netns;			/* cookie of kedge-mn's */
	__u64 any_cgroup;		/* map "cgroups" is not empty */
};

/* map "socks": SK_STORAGE, which a socket that is accepted inherits: */
enum sock_flag {
	SOCK_HELD = 1,		/* source is counted in map "held" */
	SOCK_BOUND = 2,		/* we bound it to source, in a connect() */
	SOCK_CHOSEN = 4,	/* not connected, but the first datagram was
				 * sent: service, rule and why hold */
};

struct sock_state {
	struct in6_addr source;	/* chosen; :: the kernel's own choice */
	__u64 since;		/* CLOCK_BOOTTIME, ns: of the last connect, bind
				 * to an address, or first datagram */
	__u32 pid, uid;		/* of who did that */
	__u32 prefer;		/* IPV6_PREFER_SRC_*, as the socket asked */
	__u32 born;		/* of what it holds: struct sock_hold */
	__u16 rule;		/* of the policy, from 0; where why says so */
	__u8 asked;		/* enum service, by the option */
	__u8 may;		/* who set the option may ask for: a mask */
	__u8 service;		/* enum service in force */
	__u8 why;		/* enum service_why */
	__u8 flags;		/* enum sock_flag */
	__u8 pad;
	char comm[SOCK_COMM];	/* of the process */
};

/* map "held": HASH, struct in6_addr -> how many sockets that are bound to no
 * address send from it. An entry goes at the daemon's word alone. */
struct sock_hold {
	__u32 count;
	__u32 born;		/* tells it from an earlier entry */
};

/* ring buffer "ring" */
enum sock_event_type {
	SOCK_EVENT_HELD = 1,	/* the first socket holds addr */
	SOCK_EVENT_FREE,	/* the last one let go of it */
	SOCK_EVENT_WANTED,	/* service, which cannot be had now, is asked
				 * for; ten times a second at most */
	SOCK_EVENT_WAY,		/* a flow begins for which a rule names
				 * interfaces, and it may be on another */
};

struct sock_event {
	__u32 type;
	__u32 service;			/* SOCK_EVENT_WANTED: enum service */
	struct in6_addr addr;
};

/* What the iterators (and, without them, sock_diag) say of a socket: IPv6, TCP
 * or UDP; TIME_WAIT ones are left out. */
struct sock_rec {
	struct in6_addr local, remote;	/* local: of a socket that is bound to
					 * none but holds one, that one */
	__u64 cookie, inode;
	__u64 tx_bytes, rx_bytes;	/* TCP's data, once; 0 for UDP */
	__u32 uid;
	__u32 ifindex;			/* it is bound to; 0: none */
	__u16 local_port, remote_port;	/* host order */
	__u8 protocol;			/* IPPROTO_TCP, IPPROTO_UDP */
	__u8 tcp_state;			/* TCP_ESTABLISHED, ... */
	__u8 has_state;
	__u8 mptcp;			/* a subflow */
	__u8 bound;			/* local is the socket's own */
	__u8 pad[7];
	struct sock_state state;	/* where has_state */
};

#endif
