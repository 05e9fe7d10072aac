/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rtnl.c (sockets, links, addresses, neighbours) and rtnlroute.c (rules,
 * routes, and what is deleted by the dump) share. Nobody else includes this. */
#ifndef KEDGE_RTNLINT_H
#define KEDGE_RTNLINT_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "sys/rtnl.h"

enum { ATTRS_MAX = 64 };

/* Attributes by type; one whose size is not as the table says is left out. */
struct attrs {
	const struct nlattr *tb[ATTRS_MAX];
};

struct attr_rule {
	uint16_t min, max;
};

extern const struct attr_rule rtnl_route_attrs[ATTRS_MAX];
extern const struct attr_rule rtnl_rule_attrs[ATTRS_MAX];

void rtnl_attrs_parse(struct attrs *out, const struct nlmsghdr *nlh,
		      size_t header, const struct attr_rule *rules);
void rtnl_attrs_mem(struct attrs *out, const void *mem, size_t len,
		    const struct attr_rule *rules);
uint32_t rtnl_attr_u32(const struct nlattr *attr, uint32_t otherwise);
void rtnl_attr_addr(const struct nlattr *attr, struct in6_addr *out);

/* A request is small: it stands in the caller's memory. */
struct message {
	char mem[512] __attribute__((aligned(8)));
};

struct nlmsghdr *rtnl_message(struct message *msg, uint16_t type,
			      uint16_t flags);
void rtnl_put_addr(struct nlmsghdr *nlh, uint16_t type,
		   const struct in6_addr *addr);

typedef void (*rtnl_message_fn)(struct rtnl *rtnl, const struct nlmsghdr *nlh,
				void *arg);

/*
 * Sends nlh and hands every message of the answer to fn, which must make no
 * request. An interrupted dump is not repeated: the change that interrupted
 * it comes as an event.
 */
int rtnl_request(struct rtnl *rtnl, struct nlmsghdr *nlh, rtnl_message_fn fn,
		 void *arg);
int rtnl_dump(struct rtnl *rtnl, uint16_t type, size_t header, uint8_t family,
	      rtnl_message_fn fn, void *arg);

#endif
