/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtnetlink by libmnl: one socket for requests (with acknowledgements, made
 * and awaited in one call), one for events.
 */
#ifndef KEDGE_RTNL_H
#define KEDGE_RTNL_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/ip6.h"

struct rtnl;

enum rtnl_event_type {
	RTNL_LINK,	/* new or changed */
	RTNL_LINK_GONE,
	RTNL_ADDR,	/* IPv6 address new or changed */
	RTNL_ADDR_GONE,
	RTNL_ROUTE,	/* IPv6 route new, changed */
	RTNL_ROUTE_GONE,
	RTNL_RULE_GONE,	/* IPv6 rule */
	RTNL_ROUTING,	/* what else routes IPv6: rules, routes that refuse */
	RTNL_FILTER_GONE,	/* of clsact, or all of it */
	RTNL_NEIGH,	/* IPv6 neighbour changed */
	RTNL_OVERRUN,	/* events were lost (ENOBUFS): dump again */
};

struct rtnl_rule {
	uint32_t priority, table;
	uint8_t protocol;
	struct in6_addr from;	/* /128 */
	const char *oif;	/* an interface's name; NULL: any. Not read of
				 * events */
};

struct rtnl_event {
	enum rtnl_event_type type;
	uint32_t ifindex;
	union {
		struct {
			char name[IFNAMSIZ];
			unsigned int flags;	/* IFF_UP, IFF_LOWER_UP, ... */
			uint32_t mtu;
			uint32_t carrier_downs;	/* how often it was lost */
			uint16_t arptype;	/* ARPHRD_ETHER, ... */
			uint8_t mac[6];
			bool has_mac;
			bool has_xdp;		/* some program, in any mode */
		} link;
		struct {
			struct in6_addr addr;
			uint8_t prefix_len;
			uint32_t flags;		/* IFA_F_* */
			uint32_t valid, preferred;	/* s */
			bool from_ra;	/* the kernel made it of an RA */
		} addr;
		struct {
			struct in6_addr dst, gw;
			uint8_t dst_len;
			uint8_t protocol;
			uint32_t table, metric;
			bool has_gw;
		} route;
		struct {
			struct in6_addr addr;
			uint16_t state;		/* NUD_* */
			bool router;
		} neigh;
		struct rtnl_rule rule;
	};
};

/* fn is called by rtnl_read_events() and by the dumps. 0 or -errno. */
int rtnl_open(struct rtnl **out,
	      void (*fn)(void *arg, const struct rtnl_event *event), void *arg);
/* From now on neighbours are told of only when one has failed: their other
 * changes of state would wake an idle host all the time. 0 or -errno. */
int rtnl_neigh_failures(struct rtnl *rtnl);
void rtnl_close(struct rtnl *rtnl);
int rtnl_event_fd(struct rtnl *rtnl);
void rtnl_read_events(struct rtnl *rtnl);

/* Dumps come through fn as if they were events. */
int rtnl_dump_links(struct rtnl *rtnl);
int rtnl_dump_addrs(struct rtnl *rtnl);
int rtnl_dump_routes(struct rtnl *rtnl);

/* lifetimes in s, UINT32_MAX for ever; flags IFA_F_*. -EEXIST is 0. */
int rtnl_addr_set(struct rtnl *rtnl, uint32_t ifindex,
		  const struct in6_addr *addr, uint8_t prefix_len,
		  uint32_t flags, uint32_t valid, uint32_t preferred);
int rtnl_addr_del(struct rtnl *rtnl, uint32_t ifindex,
		  const struct in6_addr *addr, uint8_t prefix_len);

/* 1: it was there already. */
int rtnl_rule_add(struct rtnl *rtnl, const struct rtnl_rule *rule);
int rtnl_rule_del(struct rtnl *rtnl, const struct rtnl_rule *rule);
/* Deletes the rules of that protocol number that lead to a table, but those
 * from these addresses. How many others' lead there, or -errno. */
int rtnl_rules_sweep(struct rtnl *rtnl, uint8_t protocol, uint32_t table,
		     const struct in6_addr *keep, unsigned int n);
/* Deletes every IPv6 route of that protocol number. */
int rtnl_routes_flush(struct rtnl *rtnl, uint8_t protocol);
/* Deletes every IPv6 rule of that protocol number. */
int rtnl_rules_flush(struct rtnl *rtnl, uint8_t protocol);

struct rtnl_route {
	struct in6_addr dst;	/* with dst_len 0: the default route */
	uint8_t dst_len, protocol;
	struct in6_addr gw;	/* unspecified: on link */
	uint32_t ifindex;
	uint32_t table;		/* 0: main */
	uint32_t metric;	/* 0: as the kernel has it */
	uint32_t mtu;		/* 0: the interface's */
	bool throws;		/* the next rule is to decide: no ifindex */
};

/* replace: whichever has its destination and metric in that table; else such a
 * one is -EEXIST. */
int rtnl_route_put(struct rtnl *rtnl, const struct rtnl_route *route,
		   bool replace);
/* gw and mtu do not matter. -ESRCH: there is none. */
int rtnl_route_drop(struct rtnl *rtnl, const struct rtnl_route *route);

/* Of one that is there: all but metric and mtu are told. */
typedef bool rtnl_wants_fn(void *arg, const struct rtnl_route *route);
/* Deletes the routes of that protocol number in a table, but those that are
 * wanted (NULL: none). How many others' are there, or -errno. */
int rtnl_table_sweep(struct rtnl *rtnl, uint8_t protocol, uint32_t table,
		     rtnl_wants_fn *wants, void *arg);

/* default dev IFINDEX table TABLE, with an mtu if not 0; replaces. */
int rtnl_default_set(struct rtnl *rtnl, uint32_t ifindex, uint32_t table,
		     uint8_t protocol, uint32_t mtu);
/* PREFIX via GW dev IFINDEX, in the main table; replaces. -ENOENT, -ESRCH: no
 * such route to delete (ifindex 0: on any interface). */
int rtnl_route_set(struct rtnl *rtnl, uint32_t ifindex,
		   const struct in6_addr *dst, uint8_t dst_len,
		   const struct in6_addr *gw, uint8_t protocol);
int rtnl_route_del(struct rtnl *rtnl, uint32_t ifindex,
		   const struct in6_addr *dst, uint8_t dst_len,
		   uint8_t protocol);
/* Deletes the default routes (and RA-learnt prefix routes, if prefixes) that
 * router advertisements made on an interface: after a change of link they
 * lead nowhere. */
int rtnl_ra_routes_flush(struct rtnl *rtnl, uint32_t ifindex, bool prefixes);
/* Deletes the default routes that one router's advertisements made (NULL: none)
 * and the on-link routes of these prefixes, also those that never expire, of
 * which rtnl_ra_routes_flush() cannot know where they come from. */
int rtnl_router_forget(struct rtnl *rtnl, uint32_t ifindex,
		       const struct in6_addr *router,
		       const struct ip6_prefix *prefixes, unsigned int n);

/* Where the kernel would send a packet for dst, from which address, and the
 * path's MTU. */
struct rtnl_path {
	uint32_t ifindex;
	uint32_t mtu;
	struct in6_addr gw;	/* unspecified: on link */
	struct in6_addr source;	/* unspecified: it has none */
	bool local;		/* dst is an address of this host */
};

int rtnl_path_get(struct rtnl *rtnl, const struct in6_addr *dst,
		  struct rtnl_path *out);	/* -ENETUNREACH, ... */
/* For a packet from that address (unspecified: the kernel's choice). */
int rtnl_path_from(struct rtnl *rtnl, const struct in6_addr *dst,
		   const struct in6_addr *src, struct rtnl_path *out);

int rtnl_link_up(struct rtnl *rtnl, uint32_t ifindex, uint32_t mtu);
int rtnl_link_del(struct rtnl *rtnl, uint32_t ifindex);
/* Sets a neighbour entry's state (NUD_REACHABLE with mac, NUD_PROBE, ...). */
int rtnl_neigh_set(struct rtnl *rtnl, uint32_t ifindex,
		   const struct in6_addr *addr, const uint8_t *mac,
		   uint16_t state, bool router);

/* Gives up the neighbours of an interface that are being asked for, and drops
 * the packets that wait for them: after a loss of carrier. TCP sends nothing
 * again while a copy of it waits here, for 3 s. */
int rtnl_neigh_unanswered_flush(struct rtnl *rtnl, uint32_t ifindex);

/* Is there anybody? RTNL_NEIGH with NUD_FAILED follows where not, in some 3 s;
 * one that comes at once is about what was before. 0 or -errno. */
int rtnl_neigh_ask(struct rtnl *rtnl, uint32_t ifindex,
		   const struct in6_addr *addr);

/* Writes net.ipv6.conf.IFNAME.KEY, where "/proc/sys" is. 0 or -errno. */
int sysctl_ipv6_set(const char *ifname, const char *key, int value);
/* Its value, none of which is negative; or -errno. */
int sysctl_ipv6_get(const char *ifname, const char *key);

#endif
