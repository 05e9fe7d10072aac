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

struct rtnl;

enum rtnl_event_type {
	RTNL_LINK,	/* new or changed */
	RTNL_LINK_GONE,
	RTNL_ADDR,	/* IPv6 address new or changed */
	RTNL_ADDR_GONE,
	RTNL_ROUTE,	/* IPv6 route new, changed */
	RTNL_ROUTE_GONE,
	RTNL_ROUTING,	/* what else routes IPv6: rules, routes that refuse */
	RTNL_NEIGH,	/* IPv6 neighbour changed */
	RTNL_OVERRUN,	/* events were lost (ENOBUFS): dump again */
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
		} link;
		struct {
			struct in6_addr addr;
			uint8_t prefix_len;
			uint32_t flags;		/* IFA_F_* */
			uint32_t valid, preferred;	/* s */
		} addr;
		struct {
			struct in6_addr dst, gw;
			uint8_t dst_len;
			uint8_t protocol;
			uint32_t table;
			bool has_gw;
		} route;
		struct {
			struct in6_addr addr;
			uint16_t state;		/* NUD_* */
			bool router;
		} neigh;
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

struct rtnl_rule {
	uint32_t priority, table;
	uint8_t protocol;
	struct in6_addr from;	/* /128 */
};

int rtnl_rule_add(struct rtnl *rtnl, const struct rtnl_rule *rule);
int rtnl_rule_del(struct rtnl *rtnl, const struct rtnl_rule *rule);
/* Deletes every IPv6 rule of that protocol number. */
int rtnl_rules_flush(struct rtnl *rtnl, uint8_t protocol);

/* default dev IFINDEX table TABLE, with an mtu if not 0; replaces. */
int rtnl_default_set(struct rtnl *rtnl, uint32_t ifindex, uint32_t table,
		     uint8_t protocol, uint32_t mtu);
/* Deletes the default routes (and RA-learnt prefix routes, if prefixes) that
 * router advertisements made on an interface: after a change of link they
 * lead nowhere. */
int rtnl_ra_routes_flush(struct rtnl *rtnl, uint32_t ifindex, bool prefixes);

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

int rtnl_link_up(struct rtnl *rtnl, uint32_t ifindex, uint32_t mtu);
int rtnl_link_del(struct rtnl *rtnl, uint32_t ifindex);
/* Sets a neighbour entry's state (NUD_REACHABLE with mac, NUD_PROBE, ...). */
int rtnl_neigh_set(struct rtnl *rtnl, uint32_t ifindex,
		   const struct in6_addr *addr, const uint8_t *mac,
		   uint16_t state, bool router);

/* Writes net.ipv6.conf.IFNAME.KEY, where "/proc/sys" is. 0 or -errno. */
int sysctl_ipv6_set(const char *ifname, const char *key, int value);

#endif
