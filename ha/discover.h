/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dynamic home agent address discovery (RFC 6275 10.5): the home links' router
 * advertisements in, requests to the Home-Agents anycast addresses in, replies
 * out. What it knows is in a ha/halist.h for each link.
 */
#ifndef KEDGE_HA_DISCOVER_H
#define KEDGE_HA_DISCOVER_H

#include <json-c/json.h>

#include "ha/kern.h"

/* 0 or -errno, the reason logged; discover_close() in both cases. Before
 * interfaces are told of. */
int discover_open(struct kern *k);
void discover_close(struct kern *k);

/* An interface is up (IFF_UP), or is not. */
void discover_iface(struct kern *k, const struct kern_iface *iface, bool up);
/* It has gone. */
void discover_gone(struct kern *k, const struct kern_iface *iface);
/* SIGHUP: preferences may have changed. */
void discover_reload(struct kern *k);

/* [{"interface","router","preference","lifetime_s","addresses","self"}], the
 * most preferred first. The caller owns it. */
struct json_object *discover_json(struct kern *k);

#endif
