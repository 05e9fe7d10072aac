/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/ctl.h"
#include "core/log.h"
#include "ha/slow.h"
#include "proto/nd.h"
#include "sys/raw.h"

enum {
	ND_HOP_LIMIT = 255,
};

/* A Binding Acknowledgement, for when it is known whether it was sent. */
struct wire_ba {
	struct in6_addr hoa, ha, dst, coa;
	uint16_t seq, lifetime;
	uint8_t status;
};

struct wire {
	struct raw_batch *batch;
	struct wire_ba bas[RAW_BATCH_MAX];
};

static const struct in6_addr all_nodes = {
	.s6_addr = { 0xff, 0x02, [15] = 0x01 } };
static const uint8_t all_nodes_mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };

/* Neighbour Advertisements. */

/* RFC 6275 10.4.1: an address of the home agent on that interface. */
static const struct in6_addr *na_source(const struct kern_iface *iface,
					const struct binding *b)
{
	if (!IN6_IS_ADDR_UNSPECIFIED(&iface->ha))
		return &iface->ha;
	if (!IN6_IS_ADDR_UNSPECIFIED(&iface->lladdr))
		return &iface->lladdr;
	return &b->reg.ha;
}

static void na_send(struct kern *k, const struct kern_iface *iface,
		    const struct in6_addr *src, const struct in6_addr *dst,
		    const uint8_t *mac, struct nd_na *na)
{
	uint8_t msg[64], packet[IP6_HDR_LEN + sizeof(msg)];
	struct ip6_pkt pkt = {
		.src = *src,
		.dst = *dst,
		.hop_limit = ND_HOP_LIMIT,
		.proto = IP6_PROTO_ICMPV6,
		.upper = msg,
	};
	ssize_t n;

	na->has_tlla = true;
	memcpy(na->tlla, iface->mac, sizeof(na->tlla));
	n = nd_na_build(msg, sizeof(msg), na, src, dst);
	if (n >= 0) {
		pkt.upper_len = (size_t)n;
		n = ip6_build(packet, sizeof(packet), &pkt);
	}
	if (n >= 0)
		n = packet_send(k->packet_fd, iface->ifindex, mac, packet,
				(size_t)n);
	if (n < 0)
		count_refusal(REASON_SEND_FAILED, "NA for HoA %s on %s: %s",
			      ip6_str(&na->target), iface->name,
			      strerror((int)-n));
	else
		count(COUNT_NA_SENT);
}

/*
 * RFC 6275 10.4.1, RFC 4861 7.2.4: R clear. O is clear too, RFC 4861 7.2.8:
 * all solicited proxy advertisements. To nobody in particular, it tells who
 * does DAD that the address is taken.
 */
static void na_answer(struct kern *k, const struct kern_iface *iface,
		      const struct binding *b, const struct in6_addr *asker)
{
	bool dad = IN6_IS_ADDR_UNSPECIFIED(asker);
	struct nd_na na = { .target = b->hoa, .solicited = !dad };

	na_send(k, iface, na_source(iface, b), dad ? &all_nodes : asker,
		dad ? all_nodes_mac : k->rec->mac, &na);
}

static void on_ns(struct kern *k, const struct dp_rec *rec)
{
	struct kern_iface *iface = kern_iface_find(k, rec->ifindex);
	struct ip6_pkt pkt = {0};
	struct nd_ns ns = {0};
	struct binding b;
	enum reason reason = ip6_parse(&pkt, rec->data, rec->len);

	count(COUNT_NS_RECEIVED);
	if (!reason)
		reason = nd_ns_parse(&ns, &pkt);
	if (reason) {
		count_refusal(reason, "NS for HoA %s from %s on %s",
			      ip6_str(&ns.target), ip6_str(&pkt.src),
			      iface ? iface->name : "?");
		return;
	}
	if (!bcache_find_bound(&k->bcache, &ns.target, &b) || !iface ||
	    iface->link != b.link || !iface->has_mac)
		return;
	na_answer(k, iface, &b, &pkt.src);
}

/* Packet Too Big. */

static void on_too_big(struct kern *k, const struct dp_rec *rec)
{
	struct nd_error err = { ND_TYPE_PTB, 0, rec->mtu };

	slow_error(k, &k->conf->addrs.v[0], &err, rec->data, rec->len);
}

static struct kern_iface *iface_of_link(struct kern *k, int link)
{
	struct kern_iface *iface;

	for (iface = k->ifaces; iface; iface = iface->next)
		if (iface->link == link)
			return iface;
	return NULL;
}

/* RFC 6275 10.4.1: S and R clear, O set, to all nodes. */
void wire_advertise(void *arg, const struct binding *b)
{
	struct kern *k = arg;
	struct kern_iface *iface = iface_of_link(k, b->link);
	struct nd_na na = { .target = b->hoa, .override = true };

	if (iface && iface->has_mac)
		na_send(k, iface, na_source(iface, b), &all_nodes, all_nodes_mac,
			&na);
	else if (count_may_log(&k->links_told))
		log_warn("binding HoA %s: its home link %s is not there%s",
			 ip6_str(&b->hoa), k->conf->links[b->link].name,
			 count_left_out(&k->links_told));
}

/* Sending signalling. */

static int send_packet(struct kern *k, struct ip6_pkt *pkt, bool to_mac)
{
	uint8_t packet[IP6_SIGNAL_MAX];
	ssize_t n = ip6_build(packet, sizeof(packet), pkt);
	bool scoped = IN6_IS_ADDR_LINKLOCAL(&pkt->dst);

	if (n < 0)
		return (int)n;
	if (to_mac)
		return packet_send(k->packet_fd, k->rec->ifindex, k->rec->mac,
				   packet, (size_t)n);
	return raw_send(k->raw_fd, packet, (size_t)n,
			scoped ? k->rec->ifindex : 0);
}

/* RFC 6275 9.3.3: to the source on the wire, at a limited rate. */
static void send_be(struct kern *k, const struct ip6_pkt *in, uint8_t status)
{
	struct mh mh = { .type = MH_BE, .be.status = status };
	uint8_t msg[64];
	struct ip6_pkt pkt = {
		.src = in->dst,
		.dst = in->src,
		.proto = IP6_PROTO_MH,
		.upper = msg,
	};
	ssize_t n;

	if (IN6_IS_ADDR_MULTICAST(&in->src) ||
	    IN6_IS_ADDR_UNSPECIFIED(&in->src) ||
	    !bucket_take(&k->bes, loop_now()))
		return;
	if (in->has_hao)
		mh.be.home = in->hao;
	n = mh_build(msg, sizeof(msg), &mh, &pkt.src, &pkt.dst);
	if (n >= 0) {
		pkt.upper_len = (size_t)n;
		n = send_packet(k, &pkt, false);
	}
	if (n < 0)
		count_refusal(REASON_SEND_FAILED, "BE to %s: %s",
			      ip6_str(&pkt.dst), strerror((int)-n));
	else
		count(COUNT_BE_SENT);
}

static void add_int(struct json_object *ev, const char *key, int64_t value)
{
	json_object_object_add(ev, key, json_object_new_int64(value));
}

static const struct in6_addr *bu_coa(const struct bcache_bu *bu)
{
	const struct mh_opt *opt = mh_opt_find(bu->mh, MH_OPT_ALT_COA);

	return opt ? &opt->alt_coa : &bu->src;
}

static void bu_event(struct kern *k, const struct bcache_ba *ba)
{
	const struct bcache_bu *bu = k->bu;
	struct json_object *ev;

	if (!ctl_heard(k->ctl))
		return;
	ev = ctl_ev("bu_received", "hoa", ip6_str(&bu->hoa), "coa",
		    ip6_str(bu_coa(bu)), (char *)NULL);
	add_int(ev, "seq", bu->mh->bu.seq);
	add_int(ev, "lifetime_s", bu->mh->bu.lifetime * MH_LIFETIME_UNIT);
	add_int(ev, "status", ba->mh.ba.status);
	ctl_event(k->ctl, ev);
}

static void ba_event(struct kern *k, const struct wire_ba *ba)
{
	struct json_object *ev;

	if (!ctl_heard(k->ctl))
		return;
	ev = ctl_ev("ba_sent", "hoa", ip6_str(&ba->hoa), "coa",
		    ip6_str(&ba->coa), (char *)NULL);
	add_int(ev, "status", ba->status);
	ctl_event(k->ctl, ev);
}

/* Did the message at hand come from the HoA's own home link? */
bool wire_from_home_link(struct kern *k, const struct in6_addr *hoa)
{
	const struct kern_iface *iface = kern_iface_find(k, k->rec->ifindex);
	const struct bcache_prefix *prefix = bcache_prefix(&k->bcache, hoa);

	return iface && prefix && iface->link == prefix->link;
}

static ssize_t ba_protect(struct kern *k, const struct bcache_ba *ba,
			  uint8_t *out, size_t cap)
{
	struct sadb_sa *sa = sadb_reply(k->sadb, k->sa);
	uint8_t msg[MH_MAX_LEN];
	ssize_t n = mh_build(msg, sizeof(msg), &ba->mh, &ba->ha, &ba->hoa);

	if (n < 0)
		return n;
	return sadb_seal(k->sadb, sa, out, cap, msg, (size_t)n);
}

static void count_send_failure(const struct wire_ba *ba, int err)
{
	enum reason reason = REASON_SEND_FAILED;

	if (err == -ENOENT)
		reason = REASON_NO_SA;
	else if (err == -EOVERFLOW)
		reason = REASON_ESP_SEQ_EXHAUSTED;
	else if (err == -EKEYEXPIRED)
		reason = REASON_ESP_EXPIRED;
	count_refusal(reason, "BA for HoA %s to %s from HA %s: %s",
		      ip6_str(&ba->hoa), ip6_str(&ba->dst), ip6_str(&ba->ha),
		      strerror(-err));
}

static void ba_done(struct kern *k, const struct wire_ba *ba, int err)
{
	if (err < 0) {
		count_send_failure(ba, err);
		return;
	}
	count(COUNT_BA_SENT);
	ba_event(k, ba);
	log_debug("BA for HoA %s to %s from HA %s: %s, seq %u, %u s",
		  ip6_str(&ba->hoa), ip6_str(&ba->dst), ip6_str(&ba->ha),
		  mh_status_str(ba->status), ba->seq,
		  ba->lifetime * MH_LIFETIME_UNIT);
}

static void on_batch_sent(void *arg, unsigned int i, int err)
{
	struct kern *k = arg;

	ba_done(k, &k->wire->bas[i], err);
}

/* Sends what waits. Before an answer the number is stored that it answers. */
static void flush(struct kern *k)
{
	sadb_commit(k->sadb);
	sadb_begin(k->sadb);
	raw_batch_send(k->wire->batch, k->raw_fd, on_batch_sent, k);
}

/* Into the batch; -errno where it cannot be. */
static int batch_ba(struct kern *k, const struct ip6_pkt *pkt,
		    const struct wire_ba *ba)
{
	bool scoped = IN6_IS_ADDR_LINKLOCAL(&pkt->dst);
	uint8_t *room = raw_batch_room(k->wire->batch);
	ssize_t n;
	int i;

	if (!room) {
		flush(k);
		room = raw_batch_room(k->wire->batch);
	}
	n = ip6_build(room, IP6_SIGNAL_MAX, pkt);
	if (n < 0)
		return (int)n;
	i = raw_batch_add(k->wire->batch, (size_t)n,
			  scoped ? k->rec->ifindex : 0);
	if (i < 0)
		return i;
	k->wire->bas[i] = *ba;
	return 0;
}

/*
 * RFC 6275 10.3.2: to a mobile node that is at home, straight to where the BU
 * came from: the binding, and what neighbours believe, point elsewhere.
 */
void wire_send_ba(void *arg, const struct bcache_ba *ba)
{
	struct kern *k = arg;
	uint8_t esp[IP6_SIGNAL_MAX];
	struct ip6_pkt pkt = {
		.src = ba->ha,
		.dst = ba->dst,
		.has_rh2 = ba->rh2,
		.rh2 = ba->hoa,
		.proto = IP6_PROTO_ESP,
		.upper = esp,
	};
	const struct wire_ba sent = {
		.hoa = ba->hoa,
		.ha = ba->ha,
		.dst = ba->dst,
		.coa = *bu_coa(k->bu),
		.seq = ba->mh.ba.seq,
		.lifetime = ba->mh.ba.lifetime,
		.status = ba->mh.ba.status,
	};
	ssize_t n = ba_protect(k, ba, esp, sizeof(esp));
	bool to_mac = !ba->rh2 && wire_from_home_link(k, &ba->hoa);
	int err = n < 0 ? (int)n : 0;

	bu_event(k, ba);
	pkt.upper_len = n < 0 ? 0 : (size_t)n;
	if (to_mac)
		flush(k);
	if (!err)
		err = to_mac ? send_packet(k, &pkt, true) :
			batch_ba(k, &pkt, &sent);
	if (err || to_mac)
		ba_done(k, &sent, err);
}

int wire_open(struct kern *k)
{
	int err;

	k->wire = calloc(1, sizeof(*k->wire));
	if (!k->wire)
		return -ENOMEM;
	err = raw_batch_new(&k->wire->batch);
	if (err < 0)
		wire_close(k);
	return err;
}

void wire_close(struct kern *k)
{
	if (k->wire)
		raw_batch_free(k->wire->batch);
	free(k->wire);
	k->wire = NULL;
}

void wire_begin(struct kern *k)
{
	sadb_begin(k->sadb);
}

void wire_end(struct kern *k)
{
	flush(k);
	sadb_commit(k->sadb);
	if (sadb_sync_due(k->sadb) && !timer_armed(&k->sync_timer))
		timers_set(&k->loop->timers, &k->sync_timer,
			   mtime_add(loop_now(), MTIME_SEC(1)));
}

/* Receiving signalling. */

static void refuse(enum reason reason, const char *what,
		   const struct ip6_pkt *pkt)
{
	if (pkt->has_hao)
		count_refusal(reason, "%s for HoA %s from %s to HA %s", what,
			      ip6_str(&pkt->hao), ip6_str(&pkt->src),
			      ip6_str(&pkt->dst));
	else
		count_refusal(reason, "%s from %s to HA %s", what,
			      ip6_str(&pkt->src), ip6_str(&pkt->dst));
}

/* sa's selectors have matched the home address, RFC 6275 5.1. */
static void on_bu(struct kern *k, const struct ip6_pkt *pkt,
		  const struct mh *mh, struct sadb_sa *sa)
{
	struct bcache_bu bu = {
		.mh = mh,
		.hoa = *ip6_home_src(pkt),
		.src = pkt->src,
		.ha = pkt->dst,
		.has_esp = sa != NULL,
		.owns = sa && keying_owns(&k->keying, sa),
		.dynamic = sa && sa->peer,
	};
	enum reason reason;
	int status;

	count(COUNT_BU_RECEIVED);
	k->bu = &bu;
	k->sa = sa;
	reason = bcache_bu(&k->bcache, &bu, loop_now(), &status);
	k->bu = NULL;
	k->sa = NULL;
	if (!reason)
		keying_accepted(&k->keying, sa, &bu, bu_coa(&bu));
	else
		count_refusal(reason, "BU for HoA %s CoA %s from %s to HA %s, "
			      "seq %u, %s%s", ip6_str(&bu.hoa),
			      ip6_str(bu_coa(&bu)), ip6_str(&bu.src),
			      ip6_str(&bu.ha), mh->bu.seq,
			      status < 0 ? "dropped" : "answered ",
			      status < 0 ? "" : mh_status_str(
						(uint8_t)status));
}

/* msg: a Mobility Header in the clear (sa NULL), or out of ESP. */
static void on_mh(struct kern *k, const struct ip6_pkt *pkt,
		  const uint8_t *msg, size_t len, struct sadb_sa *sa)
{
	struct mh mh;
	enum reason reason = mh_parse(&mh, msg, len, ip6_home_src(pkt),
				      ip6_final_dst(pkt));

	if (!reason && mh.type == MH_BU) {
		on_bu(k, pkt, &mh, sa);
		return;
	}
	if (!reason)
		reason = REASON_MH_UNEXPECTED;
	refuse(reason, "Mobility Header", pkt);
	/* RFC 6275 9.2 */
	if (reason == REASON_MH_UNKNOWN_TYPE)
		send_be(k, pkt, MH_BE_UNKNOWN_TYPE);
}

static void on_esp(struct kern *k, const struct ip6_pkt *pkt)
{
	uint8_t msg[DP_REC_DATA];
	struct sadb_sa *sa;
	size_t len;
	enum reason reason = sadb_open(k->sadb, pkt, msg, sizeof(msg), &len,
				       &sa);

	if (reason)
		refuse(reason, "ESP", pkt);
	else
		on_mh(k, pkt, msg, len, sa);
}

/*
 * RFC 6275 9.3.1: a home address with anything but signalling needs a binding
 * of a correspondent node, which we are not.
 */
static void on_other(struct kern *k, const struct ip6_pkt *pkt)
{
	refuse(REASON_BAD_OPTION, "Home Address option with another protocol",
	       pkt);
	if (pkt->has_hao)
		send_be(k, pkt, MH_BE_NO_BINDING);
}

static void on_signal(struct kern *k, const struct dp_rec *rec)
{
	struct ip6_pkt pkt = {0};
	enum reason reason = ip6_parse(&pkt, rec->data, rec->len);

	if (!reason && !ha_conf_has_addr(k->conf, ip6_final_dst(&pkt)))
		reason = REASON_NOT_FOR_US;
	/* RFC 6275 6.4: a type 2 routing header leads to a home address */
	if (!reason && pkt.has_rh2)
		reason = REASON_BAD_RH;
	if (!reason && pkt.has_hao && !ip6_unicast_routable(&pkt.hao))
		reason = REASON_BAD_ADDRESS;
	if (reason)
		refuse(reason, "signalling", &pkt);
	else if (pkt.proto == IP6_PROTO_ESP)
		on_esp(k, &pkt);
	else if (pkt.proto == IP6_PROTO_MH)
		on_mh(k, &pkt, pkt.upper, pkt.upper_len, NULL);
	else
		on_other(k, &pkt);
}

void wire_on_record(void *arg, const struct dp_rec *rec)
{
	struct kern *k = arg;

	if (rec->len > sizeof(rec->data))
		return;
	k->rec = rec;
	switch (rec->type) {
	case DP_REC_SIGNAL:
		on_signal(k, rec);
		break;
	case DP_REC_NS:
		on_ns(k, rec);
		break;
	case DP_REC_TOOBIG:
		on_too_big(k, rec);
		break;
	case DP_REC_FRAGMENT:
		slow_fragment(k, rec);
		break;
	}
	k->rec = NULL;
}

