/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slow path: what BPF left on kedge0. Packets of a HoA whose tunnel is not
 * up wait in a bounded queue; when it is, they go out in order, encapsulated
 * here, and BPF takes the rest.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"
#include "sys/raw.h"
#include "sys/tun.h"

enum { READ_AT_ONCE = 256, TUNNEL_HOP_LIMIT = 64 };

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

/* RFC 2473 3.1: outer header before p, which has room for it. */
static int send_tunnelled(struct mn *mn, const struct bul_entry *e,
			  uint8_t *with_room, size_t len)
{
	uint8_t *outer = with_room, *inner = with_room + IP6_HDR_LEN;

	memset(outer, 0, IP6_HDR_LEN);
	/* traffic class copied, flow label zero */
	outer[0] = 0x60 | (inner[0] & 0x0f);
	outer[1] = inner[1] & 0xf0;
	outer[4] = len >> 8;
	outer[5] = len & 0xff;
	outer[6] = IP6_PROTO_IPV6;
	outer[7] = TUNNEL_HOP_LIMIT;
	memcpy(outer + 8, &e->coa, 16);
	memcpy(outer + 24, &e->ha, 16);
	return raw_send(mn->raw_fd, outer, IP6_HDR_LEN + len, e->ifindex);
}

static void tunnel(struct mn *mn, const struct bul_entry *e,
		   uint8_t *with_room, size_t len)
{
	int err = send_tunnelled(mn, e, with_room, len);

	if (err)
		count_refusal(REASON_SEND_FAILED,
			      "packet of HoA %s from %s to HA %s: %s",
			      ip6_str(&e->hoa), ip6_str(&e->coa),
			      ip6_str(&e->ha), strerror(-err));
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

	while ((packet = dequeue(h))) {
		memcpy(mn->buf + IP6_HDR_LEN, packet->data, packet->len);
		tunnel(mn, h->e, mn->buf, packet->len);
		count(COUNT_QUEUE_SENT);
		free(packet);
	}
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

static void take(struct mn *mn, size_t len)
{
	uint8_t *p = mn->buf + IP6_HDR_LEN;
	struct bul_entry *e;
	struct in6_addr src;
	struct hoa *h;

	if (len < IP6_HDR_LEN || p[0] >> 4 != 6)
		return;
	memcpy(&src, p + 8, sizeof(src));
	e = bul_find(&mn->bul, &src);
	if (!e || !e->priv)
		return;
	h = e->priv;
	if (h->up)
		tunnel(mn, e, mn->buf, len);
	else
		enqueue(h, p, len);
}

void slow_on_tun(void *arg)
{
	struct mn *mn = arg;
	ssize_t len;
	int i;

	for (i = 0; i < READ_AT_ONCE; i++) {
		len = tun_read(mn->tun_fd, mn->buf + IP6_HDR_LEN,
			       sizeof(mn->buf) - IP6_HDR_LEN);
		if (len == -EAGAIN)
			return;
		if (len > 0)
			take(mn, len);
	}
}

/*
 * RFC 2473 7: the tunnel's entry tells the original source, which is this
 * host: the error comes in on kedge0, as if from the tunnel.
 */
void slow_too_big(struct mn *mn, const struct dp_rec *rec)
{
	uint8_t out[IP6_MIN_MTU];
	struct bul_entry *e;
	struct in6_addr src;
	ssize_t len;

	if (rec->len < IP6_HDR_LEN)
		return;
	memcpy(&src, rec->data + 8, sizeof(src));
	e = bul_find(&mn->bul, &src);
	if (!e)
		return;
	len = nd_ptb_build(out, sizeof(out), &e->ha, rec->mtu, rec->data,
			   rec->len);
	if (len > 0 && tun_write(mn->tun_fd, out, len) == 0)
		count(COUNT_PTB_SENT);
}
