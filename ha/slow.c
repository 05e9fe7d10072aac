/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/slow.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "core/count.h"
#include "core/figure.h"
#include "core/log.h"
#include "ha/nemo.h"
#include "ha/several.h"
#include "proto/tunnel.h"
#include "sys/raw.h"
#include "sys/relay.h"

enum {
	AT_ONCE = 64,		/* before others get their turn */
	PACKET_MAX = 65536,
};

/* Who is told by a link-local address is on the link that it is about. */
static uint32_t scope_of(const struct kern *k, const uint8_t *orig)
{
	struct in6_addr to;

	memcpy(&to, orig + 8, sizeof(to));
	return IN6_IS_ADDR_LINKLOCAL(&to) && k->rec ? k->rec->ifindex : 0;
}

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
		n = raw_send(k->raw_fd, packet, (size_t)n, scope_of(k, orig));
	if (n < 0)
		count_refusal(REASON_SEND_FAILED,
			      "ICMPv6 error %u/%u from HA %s: %s", err->type,
			      err->code, ip6_str(src), strerror((int)-n));
	else
		count(event);
}

/* By the source that is to be told: nobody's packets keep another's from being
 * told. Which share one, only we know. */
bool slow_may_tell(struct kern *k, const struct in6_addr *whom)
{
	uint8_t hash[crypto_shorthash_BYTES];

	crypto_shorthash(hash, whom->s6_addr, sizeof(*whom), k->errors_key);
	if (bucket_take(&k->errors[hash[0] % KERN_BUCKETS], loop_now()))
		return true;
	count(COUNT_ERRORS_LIMITED);
	return false;
}

void slow_error(struct kern *k, const struct in6_addr *src,
		const struct nd_error *err, const uint8_t *orig, size_t len)
{
	struct in6_addr whom;

	if (len < IP6_HDR_LEN)
		return;
	memcpy(&whom, orig + 8, sizeof(whom));
	if (slow_may_tell(k, &whom))
		send_error(k, src, err, orig, len, err->type == ND_TYPE_PTB ?
			   COUNT_PTB_SENT : COUNT_ERRORS_SENT);
}

/* Is it hoa's end of the tunnel, or one of its ends (RFC 5648 6.5)? */
static bool is_end(struct kern *k, const struct in6_addr *hoa,
		   const struct tunnel_ends *ends, const struct in6_addr *addr)
{
	return ip6_addr_eq(&ends->dst, addr) || several_has(k, hoa, addr);
}

/* Errors from inside a tunnel, RFC 2473 8. */

/* Anybody can send an error; who knows the binding was, it seems, on the path
 * of a packet that we tunnelled. */
static enum reason op_check(void *arg, const struct tunnel_error *te)
{
	struct kern *k = arg;
	struct tunnel_ends ends;

	if (!nemo_tunnel(k, &te->inner_dst, &ends) ||
	    !is_end(k, &te->inner_dst, &ends, &te->dst) ||
	    !ip6_addr_eq(&ends.src, &te->src))
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
	if (i)
		figure_slow(true, len);
	return n < 0 ? (int)n : err;
}

void slow_fragment(struct kern *k, const struct dp_rec *rec)
{
	/* of the care-of address that the packet was to take: it may be another
	 * than the binding's own, RFC 6089 5.3.6 */
	const struct tunnel_ends ends = { rec->ends.local, rec->ends.remote };
	struct tunnel_ends now;
	uint8_t p[IP6_MIN_MTU];
	struct in6_addr hoa;
	int err;

	if (rec->len < IP6_HDR_LEN || rec->len > sizeof(p))
		return;
	memcpy(p, rec->data, rec->len);
	memcpy(&hoa, p + 24, sizeof(hoa));
	if (!nemo_tunnel(k, &hoa, &now) ||
	    !is_end(k, &hoa, &now, &rec->ends.remote))
		return;		/* released meanwhile */
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
	struct tunnel_ends ends;

	if (!iface || !iface->attached)
		return REASON_TUNNEL_INTERFACE;
	if (!nemo_tunnel(k, hoa, &ends))
		return REASON_TUNNEL_NO_BINDING;
	if (!is_end(k, hoa, &ends, &t->src))
		return REASON_TUNNEL_WRONG_COA;
	if (!ip6_addr_eq(&ends.src, &t->dst))
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
		figure_slow(false, len);
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
