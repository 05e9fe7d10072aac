/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMPv6 errors from inside a tunnel, about packets that we sent through it, to
 * whom those packets were from (RFC 2473 8): the same at both ends.
 */
#ifndef KEDGE_RELAY_H
#define KEDGE_RELAY_H

#include <stdbool.h>

#include "proto/bucket.h"
#include "proto/reason.h"
#include "proto/tunnel.h"

struct relay_ops {
	/* Did we send the packet that te quotes, as far as bindings tell? */
	enum reason (*check)(void *arg, const struct tunnel_error *te);
	/* Sends te->tell to the inner packet's source. */
	void (*tell)(void *arg, const struct tunnel_error *te);
};

/* Reads a bounded number of them from a socket of raw_tunnel_open(); bucket
 * limits what is told. true: a path's MTU may have become smaller. */
bool relay_errors(int fd, const struct relay_ops *ops, void *arg,
		  struct bucket *bucket, mtime now);

#endif
