/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links with "host-prefixes": what connects ha/hosts.h to routes, neighbours,
 * advertisements and the disk.
 */
#ifndef KEDGE_HA_HOSTLINK_H
#define KEDGE_HA_HOSTLINK_H

#include <json-c/json.h>

#include "ha/kern.h"
#include "proto/nd.h"

struct hostlink;

enum { HOSTLINK_PROTOCOL = 77 };	/* of our routes */

/* Takes over from the store who has which prefix. The binding cache has its
 * bindings, rtnetlink is open. 0 or -errno, logged; hostlink_stop() in both
 * cases. */
int hostlink_start(struct kern *k);
/* What is not on disk goes there. Routes stay. */
void hostlink_stop(struct kern *k);

/* The link's interface is up (it may have lost its routes), or it is not. */
void hostlink_iface(struct kern *k, const struct kern_iface *iface, bool up);

/* A solicitation from src (may be ::): false: it has no prefix of its own. */
bool hostlink_own(struct kern *k, const struct kern_iface *iface,
		  const struct in6_addr *src, const uint8_t mac[6],
		  struct nd_prefix *out);

/* rtnetlink's word on neighbours and routes. */
void hostlink_on_rtnl(struct kern *k, const struct rtnl_event *ev);
/* A binding of hoa begins or ends; hoa has an owner until then. */
void hostlink_bound(struct kern *k, const struct in6_addr *hoa, bool bound);
void hostlink_keep(struct kern *k, const struct in6_addr *hoa, mtime until);

/* [{"prefix", "interface", "address", "mac", ...}] for kedgectl hosts */
void hostlink_json(struct kern *k, struct json_object *array);

#endif
