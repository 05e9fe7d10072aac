/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mobile routers' networks (RFC 3963) at work: what connects ha/mnp.h to the
 * binding cache, the data plane and the disk.
 */
#ifndef KEDGE_HA_NEMO_H
#define KEDGE_HA_NEMO_H

#include <json-c/json.h>

#include "ha/kern.h"
#include "proto/tunnel.h"

struct nemo;

/* Takes over the networks of the bindings that were restored, and ends what is
 * in the data plane of others. 0 or -errno, logged. */
int nemo_start(struct kern *k);
void nemo_stop(struct kern *k);		/* forwarding goes on */

/* struct bcache_ops' router(): is it to be registered? */
enum reason nemo_judge(void *arg, const struct bcache_bu *bu, int *status);
/* The binding is as told from now on, and so are the networks behind it: those
 * that were judged just now. 0 or -errno; then none of them is forwarded. */
int nemo_set(struct kern *k, const struct binding *b);
/* The same networks, by another care-of address. 0 or -errno, as before. */
int nemo_moved(struct kern *k, const struct binding *b);
/* A binding has ended. */
void nemo_end(struct kern *k, const struct in6_addr *hoa);

/* The tunnel that leads to addr, a home address or one of a network; false:
 * none does. */
bool nemo_tunnel(struct kern *k, const struct in6_addr *addr,
		 struct tunnel_ends *out);

/* ["prefix/length"], or NULL: that binding is no mobile router's. */
struct json_object *nemo_json(struct kern *k, const struct in6_addr *hoa);

#endif
