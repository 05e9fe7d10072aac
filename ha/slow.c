/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/slow.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "proto/tunnel.h"
#include "sys/raw.h"
#include "sys/relay.h"

enum {
	AT_ONCE = 64,		/* before others get their turn */
	PACKET_MAX = 65536,
};

static void send_error(struct kern *k, const struct in6_addr *src,
		       const struct nd_error *err, const uint8_t *orig,
		       size_t len, enum count_event event)
{
	uint8_t packet[IP6_MIN_MTU];
	ssize_t n = nd_error_build(packet, sizeof(packet), src, err, orig,
				   len);

	if (n == -EINVAL)
		return;	/* RFC 4443 2.4 (e): no error for that one */
	if (n >= 0)
		n = raw_send(k->raw_fd, packet, (size_t)n, 0);
	if (n < 0)
		count_refusal(REASON_SEND_FAILED,
			      "ICMPv6 error %u/%u from HA %s: %s", err->type,
			      err->code, ip6_str(src), strerror((int)-n));
	else
		count(event);
}

/* By the source that is to be told: nobody's packets keep another's from being
 * told. Which share one, only we know. */
static struct bucket *error_bucket(struct kern *k, const uint8_t *orig)
{
	uint8_t hash[crypto_shorthash_BYTES];

	crypto_shorthash(hash, orig + 8, sizeof(struct in6_addr),
			 k->errors_key);
	return &k->errors[hash[0] % KERN_BUCKETS];
}

void slow_error(struct kern *k, const struct in6_addr *src,
		const struct nd_error *err, const uint8_t *orig, size_t len)
{
	if (len < IP6_HDR_LEN)
		return;
	if (!bucket_take(error_bucket(k, orig), loop_now()))
		count(COUNT_ERRORS_LIMITED);
	else
		send_error(k, src, err, orig, len, err->type == ND_TYPE_PTB ?
			   COUNT_PTB_SENT : COUNT_ERRORS_SENT);
}

/* Errors from inside a tunnel, RFC 2473 8. */

/* Anybody can send an error; who knows the binding was, it seems, on the path
 * of a packet that we tunnelled. */
static enum reason op_check(void *arg, const struct tunnel_error *te)
{
	struct kern *k = arg;
	struct binding b;

	if (!bcache_find_bound(&k->bcache, &te->inner_dst, &b) ||
	    !ip6_addr_eq(&b.reg.coa, &te->dst) ||
	    !ip6_addr_eq(&b.reg.ha, &te->src))
		return REASON_TUNNEL_QUOTE_UNBOUND;
	return REASON_NONE;
}

/* The inner source may be away itself: then our program at egress tunnels the
 * error to it, as all that this router sends. */
static void op_tell(void *arg, const struct tunnel_error *te)
{
	send_error(arg, &te->src, &te->tell, te->inner, te->inner_len,
		   COUNT_ERRORS_RELAYED);
}

static const struct relay_ops relay_ops = {op_check, op_tell};

/* Packets into a tunnel, RFC 2473 7.1 (b). */

static int send_fragments(struct kern *k, const struct tunnel_ends *ends,
			  const uint8_t *p, size_t len, uint32_t mtu)
{
	uint8_t out[IP6_HDR_LEN + IP6_MIN_MTU];
	uint32_t id = randombytes_random();
	unsigned int i;
	ssize_t n = 0;
	int err = 0;

	for (i = 0; !err; i++) {
		n = tunnel_build(out, sizeof(out), ends, p, len, mtu, id, i);
		if (n <= 0)
			break;
		err = raw_send(k->raw_fd, out, (size_t)n, 0);
	}
	return n < 0 ? (int)n : err;
}

void slow_fragment(struct kern *k, const struct dp_rec *rec)
{
	struct binding b;
	struct tunnel_ends ends;
	uint8_t p[IP6_MIN_MTU];
	struct in6_addr hoa;
	int err;

	if (rec->len < IP6_HDR_LEN || rec->len > sizeof(p))
		return;
	memcpy(p, rec->data, rec->len);
	memcpy(&hoa, p + 24, sizeof(hoa));
	if (!bcache_find_bound(&k->bcache, &hoa, &b))
		return;		/* released meanwhile */
	ends = (struct tunnel_ends){ b.reg.ha, b.reg.coa };
	tunnel_complete(p, rec->len);
	err = send_fragments(k, &ends, p, rec->len, rec->mtu);
	if (err)
		count_refusal(REASON_SEND_FAILED, "packet to HoA %s CoA %s: %s",
			      ip6_str(&hoa), ip6_str(&ends.dst),
			      strerror(-err));
	else
		count(COUNT_SLOW_FRAGMENTED);
}

/* Packets out of a tunnel. */

/* RFC 6275 10.4.5, as the program at ingress checks it. */
static enum reason packet_check(struct kern *k, const struct raw_tunnel *t,
				const struct in6_addr *hoa,
				const struct in6_addr *dst)
{
	const struct kern_iface *iface = kern_iface_find(k, t->ifindex);
	struct binding b;

	if (!iface || !iface->attached)
		return REASON_TUNNEL_INTERFACE;
	if (!bcache_find_bound(&k->bcache, hoa, &b))
		return REASON_TUNNEL_NO_BINDING;
	if (!ip6_addr_eq(&b.reg.coa, &t->src))
		return REASON_TUNNEL_WRONG_COA;
	if (!ip6_addr_eq(&b.reg.ha, &t->dst))
		return REASON_TUNNEL_WRONG_HA;
	/* a raw socket does not forward as a multicast router does */
	if (IN6_IS_ADDR_MULTICAST(dst))
		return REASON_TUNNEL_MULTICAST;
	return REASON_NONE;
}

/* What the stack would answer, were it to forward. */
static void not_forwarded(struct kern *k, const struct in6_addr *ha,
			  const struct in6_addr *dst, const uint8_t *p,
			  size_t len, int err)
{
	struct nd_error error = { ND_TYPE_UNREACHABLE, ND_UNREACH_NO_ROUTE, 0 };
	struct rtnl_path path;

	if (err == -EMSGSIZE && !rtnl_path_get(k->rtnl, dst, &path))
		error = (struct nd_error){ ND_TYPE_PTB, 0, path.mtu };
	else if (err != -ENETUNREACH && err != -EHOSTUNREACH)
		return;
	slow_error(k, ha, &error, p, len);
}

/* With its source kept; to a bound HoA our own program at egress tunnels it. */
static void forward(struct kern *k, const struct raw_tunnel *t,
		    const struct in6_addr *hoa, const struct in6_addr *dst,
		    uint8_t *p, size_t len)
{
	const struct nd_error hops = { ND_TYPE_TIME_EXCEEDED,
				       ND_EXCEEDED_HOPS, 0 };
	int err;

	if (!ha_conf_has_addr(k->conf, dst) && p[7] <= 1) {
		slow_error(k, &t->dst, &hops, p, len);
		return;
	}
	if (!ha_conf_has_addr(k->conf, dst))
		p[7]--;
	err = raw_send(k->raw_fd, p, len, 0);
	if (!err) {
		count(COUNT_SLOW_DECAP);
		return;
	}
	not_forwarded(k, &t->dst, dst, p, len, err);
	count_refusal(REASON_SEND_FAILED, "packet of HoA %s to %s: %s",
		      ip6_str(hoa), ip6_str(dst), strerror(-err));
}

static void on_packet(struct kern *k, const struct raw_tunnel *t, uint8_t *p,
		      size_t len)
{
	struct in6_addr hoa = IN6ADDR_ANY_INIT, dst = IN6ADDR_ANY_INIT;
	enum reason reason = tunnel_inner(p, len, t->tclass);

	if (len >= IP6_HDR_LEN) {
		memcpy(&hoa, p + 8, sizeof(hoa));
		memcpy(&dst, p + 24, sizeof(dst));
	}
	if (!reason)
		reason = packet_check(k, t, &hoa, &dst);
	if (reason)
		count_refusal(reason, "packet of HoA %s to %s, tunnelled from "
			      "%s to HA %s", ip6_str(&hoa), ip6_str(&dst),
			      ip6_str(&t->src), ip6_str(&t->dst));
	else
		forward(k, t, &hoa, &dst, p, len);
}

static void read_packets(struct kern *k)
{
	static uint8_t packet[PACKET_MAX];
	struct raw_tunnel t;
	ssize_t n;
	int i;

	for (i = 0; i < AT_ONCE; i++) {
		n = raw_tunnel_read(k->holds[0], packet, sizeof(packet), &t);
		if (n == -EAGAIN)
			return;
		/* else what an ICMPv6 error left behind, read above */
		if (n >= 0)
			on_packet(k, &t, packet, (size_t)n);
	}
}

bool slow_read(struct kern *k)
{
	bool changed = relay_errors(k->holds[0], &relay_ops, k,
				    &k->relayed, loop_now());

	read_packets(k);
	return changed;
}
