/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slow path. What BPF left on kedge0: packets of a HoA whose tunnel is not
 * up wait in a bounded queue; when it is, they go out in order, encapsulated
 * here, and BPF takes the rest. What it left of the tunnels: fragments, headers
 * before the inner one, and ICMPv6 errors about our packets.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/figure.h"
#include "core/log.h"
#include "mn/mn.h"
#include "proto/tunnel.h"
#include "sys/raw.h"
#include "sys/relay.h"
#include "sys/tun.h"

enum {
	READ_AT_ONCE = 256,
	DRAIN_AT_ONCE = 4096,	/* the device's queue is shorter */
	TUNNEL_AT_ONCE = 64,	/* packets, and errors, of the tunnel socket */
};

void slow_drop(struct hoa *h)
{
	while (h->queue) {
		struct packet *next = h->queue->next;

		free(h->queue);
		h->queue = next;
		count(COUNT_QUEUE_DROPPED);
	}
	h->queue_tail = &h->queue;
	h->queued = 0;
}

static void drop_oldest(struct hoa *h)
{
	struct packet *oldest = h->queue;

	if (!oldest)
		return;
	h->queue = oldest->next;
	h->queued--;
	free(oldest);
	count(COUNT_QUEUE_DROPPED);
}

/* Where it is full the oldest goes: after a long outage it is the newest, a
 * retransmission or a voice frame of now, that is of use. */
static void enqueue(struct hoa *h, const uint8_t *p, size_t len)
{
	struct packet *packet = malloc(sizeof(*packet) + len);

	while (h->queue && h->queued >= h->mn->conf.queue)
		drop_oldest(h);
	if (!packet || !h->mn->conf.queue) {
		free(packet);
		count(COUNT_QUEUE_DROPPED);
		return;
	}
	packet->next = NULL;
	packet->len = len;
	memcpy(packet->data, p, len);
	if (!h->queue)
		h->queue_tail = &h->queue;
	*h->queue_tail = packet;
	h->queue_tail = &packet->next;
	h->queued++;
	count(COUNT_QUEUED);
}

/* ---- the way of a packet of ours, as the program on kedge0 has it */

static bool has_ports(const struct ip6_pkt *pkt)
{
	switch (pkt->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		return pkt->upper_len >= 4;
	default:
		return false;
	}
}

/* False: it has none, so no flow binding is for it. Fragments too. */
static bool five_tuple(struct dp_flow_key *key, const uint8_t *p, size_t len)
{
	struct ip6_pkt pkt;

	if (ip6_parse(&pkt, p, len) || !has_ports(&pkt))
		return false;
	memset(key, 0, sizeof(*key));
	memcpy(&key->hoa, p + 8, sizeof(key->hoa));
	memcpy(&key->peer, p + 24, sizeof(key->peer));
	memcpy(&key->hoa_port, pkt.upper, 2);
	memcpy(&key->peer_port, pkt.upper + 2, 2);
	key->proto = pkt.proto;
	return true;
}

static struct dp_path way_of(const struct hoa *h, const uint8_t *p, size_t len)
{
	struct dp_path way = {
		.remote = h->e->ha, .local = h->way.coa,
		.ifindex = h->way.ifindex,
		.mtu = (uint16_t)(h->way.home ? h->mtu :
						h->mtu - IP6_HDR_LEN),
		.flags = h->way.home ? DP_PATH_HOME : 0,
	};
	struct dp_flow_key key;
	struct dp_flow flow;

	if (h->paths && five_tuple(&key, p, len) &&
	    !dp_flow_get(h->mn->dp, &key, &flow) && flow.n)
		way = flow.paths[0];
	return way;
}

/* RFC 2473 7.1: whole, or in fragments. */
static int send_tunnelled(struct mn *mn, const struct dp_path *way,
			  const uint8_t *inner, size_t len)
{
	static uint8_t out[65536 + IP6_HDR_LEN];
	const struct tunnel_ends ends = {way->local, way->remote};
	uint32_t id = randombytes_random();
	unsigned int i;
	ssize_t n;
	int err = 0;

	for (i = 0; !err; i++) {
		n = tunnel_build(out, sizeof(out), &ends, inner, len,
				 way->mtu + IP6_HDR_LEN, id, i);
		if (n <= 0)
			break;
		err = raw_send(mn->raw_fd, out, (size_t)n, way->ifindex);
	}
	if (i > 1)
		count(COUNT_SLOW_FRAGMENTED);
	if (i)
		figure_slow(true, len);
	return n < 0 ? (int)n : err;
}

/* RFC 2473 7 and 8: the tunnel's entry tells the original source, which is
 * this host: the error comes in on kedge0, as if from the tunnel. */
static void tell_host(struct mn *mn, const struct in6_addr *ha,
		      const struct nd_error *err, const uint8_t *orig,
		      size_t len, enum count_event event)
{
	uint8_t out[IP6_MIN_MTU];
	ssize_t n = nd_error_build(out, sizeof(out), ha, err, orig, len);
	int failed;

	if (n < 0)
		return;	/* RFC 4443 2.4 (e): no error for that one */
	failed = tun_write(mn->tun_fd, out, (size_t)n);
	if (failed)
		count_refusal(REASON_SEND_FAILED,
			      "ICMPv6 error %u/%u as from HA %s: %s",
			      err->type, err->code, ip6_str(ha),
			      strerror(-failed));
	else
		count(event);
}

static void tell_too_big(struct mn *mn, const struct bul_entry *e,
			 uint32_t mtu, const uint8_t *orig, size_t len)
{
	const struct nd_error err = {ND_TYPE_PTB, 0, mtu};

	tell_host(mn, &e->ha, &err, orig, len, COUNT_PTB_SENT);
}

/* RFC 2473 7.1: (a) if it is too big, (b) else. */
static int tell_or_send(struct mn *mn, struct hoa *h,
			const struct dp_path *way, const uint8_t *inner,
			size_t len)
{
	if (len <= IP6_MIN_MTU || len <= way->mtu)
		return send_tunnelled(mn, way, inner, len);
	tell_too_big(mn, h->e, way->mtu > IP6_MIN_MTU ? way->mtu : IP6_MIN_MTU,
		     inner, len);
	return 0;
}

static int send_by(struct mn *mn, struct hoa *h, const struct dp_path *way,
		   const uint8_t *inner, size_t len)
{
	/* it came by kedge0 before its way was the home link */
	if (way->flags & DP_PATH_HOME)
		return raw_send(mn->raw_fd, inner, len, way->ifindex);
	return tell_or_send(mn, h, way, inner, len);
}

static void send_on(struct mn *mn, struct hoa *h, const struct dp_path *way,
		    const uint8_t *inner, size_t len)
{
	const struct bul_entry *e = h->e;
	int err = send_by(mn, h, way, inner, len);
	struct dp_path again;

	h->used_since = loop_now();
	/* the kernel may know of a packet before that the path is narrower */
	if (err == -EMSGSIZE) {
		hoa_path_changed(h);
		again = way_of(h, inner, len);
		err = send_by(mn, h, &again, inner, len);
	}
	if (err)
		count_refusal(REASON_SEND_FAILED,
			      "packet of HoA %s from %s to HA %s: %s",
			      ip6_str(&e->hoa), ip6_str(&way->local),
			      ip6_str(&e->ha), strerror(-err));
}

static void take(struct mn *mn, const uint8_t *p, size_t len)
{
	struct bul_entry *e;
	struct in6_addr src;
	struct dp_path way;
	struct hoa *h;

	if (len < IP6_HDR_LEN || p[0] >> 4 != 6)
		return;
	memcpy(&src, p + 8, sizeof(src));
	e = bul_find(&mn->bul, &src);
	if (!e || !e->priv)
		return;
	h = e->priv;
	way = way_of(h, p, len);
	if (h->up || (way.flags & DP_PATH_HOME))
		send_on(mn, h, &way, p, len);
	else
		enqueue(h, p, len);
}

static void read_tun(struct mn *mn, int max)
{
	ssize_t len;

	while (max--) {
		len = tun_read(mn->tun_fd, mn->buf, sizeof(mn->buf));
		if (len == -EAGAIN)
			return;
		if (len > 0)
			take(mn, mn->buf, (size_t)len);
	}
}

void slow_on_tun(void *arg)
{
	read_tun(arg, READ_AT_ONCE);
}

static struct packet *dequeue(struct hoa *h)
{
	struct packet *packet = h->queue;

	if (!packet)
		return NULL;
	h->queue = packet->next;
	if (!h->queue)
		h->queue_tail = &h->queue;
	h->queued--;
	return packet;
}

void slow_drain(struct mn *mn, struct hoa *h)
{
	struct packet *packet;
	struct dp_path way;

	while ((packet = dequeue(h))) {
		way = way_of(h, packet->data, packet->len);
		send_on(mn, h, &way, packet->data, packet->len);
		count(COUNT_QUEUE_SENT);
		free(packet);
	}
	read_tun(mn, DRAIN_AT_ONCE);
}

void slow_drain_home(struct mn *mn, struct hoa *h)
{
	struct packet *packet;

	while ((packet = dequeue(h))) {
		int err = raw_send(mn->raw_fd, packet->data, packet->len,
				   h->e->ifindex);

		if (err)
			count_refusal(REASON_SEND_FAILED,
				      "packet of HoA %s, at home: %s",
				      ip6_str(&h->e->hoa), strerror(-err));
		count(COUNT_QUEUE_SENT);
		free(packet);
	}
}

void slow_too_big(struct mn *mn, const struct dp_rec *rec)
{
	struct bul_entry *e;
	struct in6_addr src;

	if (rec->len < IP6_HDR_LEN)
		return;
	memcpy(&src, rec->data + 8, sizeof(src));
	e = bul_find(&mn->bul, &src);
	if (e)
		tell_too_big(mn, e, rec->mtu, rec->data, rec->len);
}

/* ---- errors from inside a tunnel, RFC 2473 8 */

/* Anybody can send an error; who knows the binding was, it seems, on the path
 * of a packet that we tunnelled. */
static enum reason op_check(void *arg, const struct tunnel_error *te)
{
	struct mn *mn = arg;
	const struct bul_entry *e = bul_find(&mn->bul, &te->inner_src);

	if (!e || !ip6_addr_eq(&e->ha, &te->dst) ||
	    !paths_has_coa(e->priv, &te->src))
		return REASON_TUNNEL_QUOTE_UNBOUND;
	return REASON_NONE;
}

static void op_tell(void *arg, const struct tunnel_error *te)
{
	tell_host(arg, &te->dst, &te->tell, te->inner, te->inner_len,
		  COUNT_ERRORS_RELAYED);
}

static const struct relay_ops relay_ops = {op_check, op_tell};

/* ---- packets out of a tunnel */

/* RFC 6275 11.3.3, as the program at ingress checks it. */
static enum reason packet_check(struct mn *mn, const struct raw_tunnel *t,
				const struct in6_addr *hoa)
{
	const struct bul_entry *e = bul_find(&mn->bul, hoa);

	if (!mn_iface(mn, t->ifindex))
		return REASON_TUNNEL_INTERFACE;
	if (!e)
		return REASON_TUNNEL_NO_BINDING;
	if (!ip6_addr_eq(&e->ha, &t->src))
		return REASON_TUNNEL_WRONG_HA;
	if (!paths_has_coa(e->priv, &t->dst))
		return REASON_TUNNEL_WRONG_COA;
	return REASON_NONE;
}

static void deliver(struct mn *mn, const struct in6_addr *hoa,
		    const uint8_t *p, size_t len)
{
	struct bul_entry *e = bul_find(&mn->bul, hoa);
	int err = tun_write(mn->tun_fd, p, len);

	if (err) {
		count_refusal(REASON_SEND_FAILED, "packet to HoA %s: %s",
			      ip6_str(hoa), strerror(-err));
		return;
	}
	count(COUNT_SLOW_DECAP);
	figure_slow(false, len);
	((struct hoa *)e->priv)->used_since = loop_now();
}

static void on_packet(struct mn *mn, const struct raw_tunnel *t, uint8_t *p,
		      size_t len)
{
	struct in6_addr hoa = IN6ADDR_ANY_INIT;
	enum reason reason = tunnel_inner(p, len, t->tclass);

	if (len >= IP6_HDR_LEN)
		memcpy(&hoa, p + 24, sizeof(hoa));
	if (!reason)
		reason = packet_check(mn, t, &hoa);
	if (reason)
		count_refusal(reason, "packet to HoA %s, tunnelled from HA %s "
			      "to %s", ip6_str(&hoa), ip6_str(&t->src),
			      ip6_str(&t->dst));
	else
		deliver(mn, &hoa, p, len);
}

static void read_packets(struct mn *mn)
{
	struct raw_tunnel t;
	ssize_t n;
	int i;

	for (i = 0; i < TUNNEL_AT_ONCE; i++) {
		n = raw_tunnel_read(mn->hold_fds[0], mn->buf, sizeof(mn->buf),
				    &t);
		if (n == -EAGAIN)
			return;
		/* else what an ICMPv6 error left behind, read above */
		if (n >= 0)
			on_packet(mn, &t, mn->buf, (size_t)n);
	}
}

void slow_on_tunnel(void *arg)
{
	struct mn *mn = arg;

	/* RFC 2473 7.1: the kernel noted the path's MTU before it told us */
	if (relay_errors(mn->hold_fds[0], &relay_ops, mn, &mn->errors,
			 loop_now()))
		hoa_paths_changed(mn);
	read_packets(mn);
}

/* Other tunnels' packets, which BPF lets pass, are not worth a wake-up. */
void slow_hoas_changed(struct mn *mn)
{
	struct in6_addr hoas[RAW_FILTER_MAX + 1];
	const struct bul_entry *e;
	unsigned int n = 0;
	int err;

	for (e = mn->bul.entries; e && n <= RAW_FILTER_MAX; e = e->next)
		hoas[n++] = e->hoa;
	err = raw_tunnel_filter(mn->hold_fds[0], RAW_FILTER_INNER, hoas, n);
	if (err)
		log_err("tunnel socket's filter: %s", strerror(-err));
}
