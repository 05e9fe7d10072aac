/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of an IPv6-in-IPv6 tunnel (RFC 2473) outside of BPF: those that it
 * leaves to the daemon, and what ICMPv6 errors about them mean.
 */
#ifndef KEDGE_TUNNEL_H
#define KEDGE_TUNNEL_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/nd.h"
#include "proto/reason.h"

enum { TUNNEL_HOP_LIMIT = 64 };

/* An ICMPv6 error about a tunnel packet of ours. */
struct tunnel_error {
	struct in6_addr src, dst;	/* of the tunnel header */
	struct in6_addr inner_src, inner_dst;
	const uint8_t *inner;		/* as much as was quoted of it */
	size_t inner_len;
	/* what the inner packet's source is to be told (RFC 2473 8.2); type
	 * 0: nothing */
	struct nd_error tell;
};

/*
 * err says what the error is, quoted what it has of the packet, from the
 * tunnel's IPv6 header on. REASON_TUNNEL_QUOTE where that does not reach to
 * the end of an inner IPv6 header.
 */
enum reason tunnel_error_parse(struct tunnel_error *out,
			       const struct nd_error *err,
			       const uint8_t *quoted, size_t len);

/*
 * An inner packet that came with this traffic class in its tunnel's header:
 * checks its header and length, carries congestion marks over (RFC 6040), takes
 * the hop limit down where it would pass for a neighbour's.
 * REASON_TUNNEL_INNER, REASON_TUNNEL_ECN, REASON_TUNNEL_LINK_SCOPE (RFC 6275
 * 10.4.2: link-local, or multicast of link scope) or REASON_NONE.
 */
enum reason tunnel_inner(uint8_t *inner, size_t len, uint8_t tclass);

/*
 * A packet copied out of the kernel may still wait for its device to complete
 * TCP's or UDP's checksum: the field has the pseudo-header's sum then. Does it.
 * One that is wrong otherwise is left as it is.
 */
void tunnel_complete(uint8_t *p, size_t len);

struct tunnel_ends {
	struct in6_addr src, dst;
};

/*
 * The tunnel packet for inner, or, where that is longer than the path's mtu,
 * its i-th fragment (RFC 2473 7.1 (b), RFC 8200 4.5). The length; 0 where
 * there is no such fragment; -EMSGSIZE. inner has at least an IPv6 header, and
 * may not be within out.
 */
ssize_t tunnel_build(uint8_t *out, size_t cap, const struct tunnel_ends *ends,
		     const uint8_t *inner, size_t len, uint32_t mtu,
		     uint32_t id, unsigned int i);

#endif
