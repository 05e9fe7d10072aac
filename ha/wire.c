/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/ctl.h"
#include "core/figure.h"
#include "core/log.h"
#include "ha/prefixes.h"
#include "ha/proxy.h"
#include "ha/several.h"
#include "ha/slow.h"
#include "proto/esp.h"
#include "proto/flowid.h"
#include "proto/nd.h"
#include "proto/tunnel.h"
#include "sys/raw.h"

/* RFC 6275 6.1.1 */
enum {
	MH_HDR_LEN_AT = 1,
	MH_TYPE_AT = 2,
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

/* Packet Too Big. */

static void on_too_big(struct kern *k, const struct dp_rec *rec)
{
	struct nd_error err = { ND_TYPE_PTB, 0, rec->mtu };

	slow_error(k, &k->conf->addrs.v[0], &err, rec->data, rec->len);
}

/* Sending signalling. */

static int send_packet(struct kern *k, struct ip6_pkt *pkt, bool to_mac)
{
	uint8_t packet[IP6_SIGNAL_MAX];
	ssize_t n = ip6_build(packet, sizeof(packet), pkt);
	bool scoped = IN6_IS_ADDR_LINKLOCAL(&pkt->dst) && k->rec;

	if (n < 0)
		return (int)n;
	figure_signal(true, (size_t)n);
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
	    !slow_may_tell(k, &in->src))
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

/*
 * RFC 6275 9.2: to the source on the wire, with the field's place in the packet
 * as it came. Under ESP too: there each byte of text has its own of ciphertext.
 */
static void send_problem(struct kern *k, const struct ip6_pkt *in,
			 uint32_t at, bool sealed)
{
	const size_t upper = (size_t)(in->upper - k->rec->data);
	const struct nd_error err = {
		.type = ND_TYPE_PARAM_PROBLEM,
		.code = ND_PARAM_FIELD,
		.param = (uint32_t)upper + (sealed ? ESP_TEXT_AT : 0) + at,
	};

	slow_error(k, &in->dst, &err, k->rec->data, k->rec->len);
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
	const struct kern_iface *iface = k->rec ?
		kern_iface_find(k, k->rec->ifindex) : NULL;
	const struct bcache_prefix *prefix = bcache_prefix(&k->bcache, hoa);

	return iface && prefix && iface->link == prefix->link;
}

static ssize_t ba_protect(struct kern *k, const struct bcache_ba *ba,
			  uint8_t *out, size_t cap)
{
	struct sadb_sa *sa = sadb_reply(k->sadb, k->sa);
	uint8_t msg[MH_MAX_LEN];
	struct mh room;
	ssize_t n = mh_build(msg, sizeof(msg), several_answer(k, ba, &room),
			     &ba->ha, &ba->hoa);

	if (n < 0)
		return n;
	return sadb_seal(k->sadb, sa, out, cap, IP6_PROTO_MH, msg, (size_t)n);
}

static int send_tunnelled(struct kern *k, const struct binding *b,
			  const struct ip6_pkt *pkt)
{
	const struct tunnel_ends ends = { b->reg.ha, b->reg.coa };
	uint8_t in[IP6_SIGNAL_MAX], out[IP6_SIGNAL_MAX];
	ssize_t n = ip6_build(in, sizeof(in), pkt);

	if (n > 0)
		n = tunnel_build(out, sizeof(out), &ends, in, (size_t)n,
				 IP6_SIGNAL_MAX, 0, 0);
	if (n < 0)
		return (int)n;
	figure_signal(true, (size_t)n);
	return raw_send(k->raw_fd, out, (size_t)n, 0);
}

static bool wants_rh2(uint8_t proto, const uint8_t *msg, size_t len)
{
	return proto == IP6_PROTO_ICMPV6 ||
	       (len > MH_TYPE_AT && msg[MH_TYPE_AT] == MH_BR);
}

int wire_send(struct kern *k, const struct in6_addr *hoa, uint8_t proto,
	      const uint8_t *msg, size_t len)
{
	uint8_t esp[IP6_SIGNAL_MAX];
	struct ip6_pkt pkt = {
		.dst = *hoa,
		.proto = IP6_PROTO_ESP,
		.upper = esp,
	};
	struct binding b;
	ssize_t n;

	if (!bcache_find_bound(&k->bcache, hoa, &b))
		return -EDESTADDRREQ;
	pkt.src = b.reg.ha;
	n = sadb_seal(k->sadb, sadb_out(k->sadb, &b.reg.ha, hoa), esp,
		      sizeof(esp), proto, msg, len);
	if (n < 0)
		return (int)n;
	pkt.upper_len = (size_t)n;
	/* RFC 5648 5.6: by default it is reached on its home link */
	if (ip6_addr_eq(&b.reg.coa, hoa))
		return send_packet(k, &pkt, false);
	if (!wants_rh2(proto, msg, len))
		return send_tunnelled(k, &b, &pkt);
	pkt.dst = b.reg.coa;
	pkt.has_rh2 = true;
	pkt.rh2 = *hoa;
	return send_packet(k, &pkt, false);
}

int wire_reply(struct kern *k, const struct ip6_pkt *in,
	       struct sadb_sa *sa, uint8_t proto, const uint8_t *msg,
	       size_t len)
{
	uint8_t esp[IP6_SIGNAL_MAX];
	struct ip6_pkt pkt = { .src = in->dst, .dst = in->src,
			       .proto = IP6_PROTO_ESP, .upper = esp };
	ssize_t n = sadb_seal(k->sadb, sadb_reply(k->sadb, sa), esp,
			      sizeof(esp), proto, msg, len);

	if (n < 0)
		return (int)n;
	pkt.upper_len = (size_t)n;
	return send_packet(k, &pkt, wire_from_home_link(k, &in->src));
}

/*
 * RFC 6275 9.5.5: to the home address, if it was used since it was last
 * refreshed.
 */
void wire_refresh(void *arg, const struct binding *b)
{
	struct mh brr = { .type = MH_BRR };
	/* less what the time of use is rounded down by */
	const mtime since = mtime_sub(mtime_sub(b->reg.expires,
						MTIME_SEC(b->reg.lifetime)),
				      (mtime){1 << DP_USED_SHIFT});
	struct kern *k = arg;
	struct dp_binding d = {0};
	uint8_t msg[64];
	ssize_t n;

	if (dp_binding_get(k->dp, &b->hoa, &d) < 0 ||
	    mtime_before(dp_last_used(&d), since))
		return;
	several_refresh(k, b, &brr);
	n = mh_build(msg, sizeof(msg), &brr, &b->reg.ha, &b->hoa);
	if (n >= 0)
		n = wire_send(k, &b->hoa, IP6_PROTO_MH, msg, (size_t)n);
	if (n < 0)
		count_refusal(n == -ENOENT ? REASON_NO_SA : REASON_SEND_FAILED,
			      "BRR for HoA %s to %s from HA %s: %s",
			      ip6_str(&b->hoa), ip6_str(&b->reg.coa),
			      ip6_str(&b->reg.ha), strerror((int)-n));
	else
		count(COUNT_BRR_SENT);
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
	figure_signal(true, (size_t)n);
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

void wire_bu(struct kern *k, const struct bcache_bu *bu, struct sadb_sa *sa)
{
	enum reason reason;
	int status;

	k->bu = bu;
	k->sa = sa;
	reason = bcache_bu(&k->bcache, bu, loop_now(), &status);
	several_answered(k);
	k->bu = NULL;
	k->sa = NULL;
	if (!reason && status != BCACHE_PUT_OFF)
		keying_accepted(&k->keying, sa, bu, bu_coa(bu));
	if (reason)
		count_refusal(reason, "BU for HoA %s CoA %s from %s to HA %s, "
			      "seq %u, %s%s", ip6_str(&bu->hoa),
			      ip6_str(bu_coa(bu)), ip6_str(&bu->src),
			      ip6_str(&bu->ha), bu->mh->bu.seq,
			      status < 0 ? "dropped" : "answered ",
			      status < 0 ? "" : mh_status_str(
						(uint8_t)status));
}

/* sa's selectors have matched the home address, RFC 6275 5.1. */
static void on_bu(struct kern *k, const struct ip6_pkt *pkt,
		  const struct mh *mh, const struct mh_flows *flows,
		  struct sadb_sa *sa)
{
	const struct bcache_bu bu = {
		.mh = mh,
		.flows = flows,
		.hoa = *ip6_home_src(pkt),
		.src = pkt->src,
		.ha = pkt->dst,
		.has_esp = sa != NULL,
		.owns = sa && keying_owns(&k->keying, sa),
		.dynamic = sa && sa->peer,
		.leaving = peers_leaving(&k->recall.peers, ip6_home_src(pkt)),
		.prefix_changed = prefixadv_pending(&k->prefixadv,
						    ip6_home_src(pkt)),
	};

	count(COUNT_BU_RECEIVED);
	wire_bu(k, &bu, sa);
}

/* What RFC 6275 9.2 answers to a Mobility Header that it discards. */
static void tell_discarded(struct kern *k, const struct ip6_pkt *pkt,
			   const uint8_t *msg, size_t len, enum reason reason,
			   bool sealed)
{
	bool whole = len > MH_HDR_LEN_AT &&
		     (size_t)8 * msg[MH_HDR_LEN_AT] + 8 == len;

	if (reason == REASON_MH_UNKNOWN_TYPE)
		send_be(k, pkt, MH_BE_UNKNOWN_TYPE);
	else if (reason == REASON_MH_PAYLOAD_PROTO)
		send_problem(k, pkt, 0, sealed);
	else if (reason == REASON_MH_LENGTH && whole)
		send_problem(k, pkt, MH_HDR_LEN_AT, sealed);
}

/* msg: a Mobility Header in the clear (sa NULL), or out of ESP. */
static void on_mh(struct kern *k, const struct ip6_pkt *pkt,
		  const uint8_t *msg, size_t len, struct sadb_sa *sa)
{
	static struct mh_flows flows;
	struct mh mh;
	enum reason reason = mh_parse(&mh, msg, len, ip6_home_src(pkt),
				      ip6_final_dst(pkt));

	if (!reason && mh.type == MH_BU && mh.n_flows)
		reason = mh_flows_parse(&flows, msg, len);
	if (!reason && mh.type == MH_BU) {
		on_bu(k, pkt, &mh, mh.n_flows ? &flows : NULL, sa);
		return;
	}
	if (!reason && mh.type == MH_HB)
		reason = recall_heartbeat(&k->recall, pkt, &mh, sa);
	else if (!reason && mh.type == MH_BR)
		reason = recall_bra(&k->recall, pkt, &mh, sa);
	else if (!reason)
		reason = REASON_MH_UNEXPECTED;
	if (!reason)
		return;
	refuse(reason, "Mobility Header", pkt);
	tell_discarded(k, pkt, msg, len, reason, sa);
}

/* RFC 6275 5.4: prefix discovery. */
static void on_icmp(struct kern *k, const struct ip6_pkt *pkt,
		    const uint8_t *msg, size_t len)
{
	enum reason reason = prefixes_solicited(k, pkt, msg, len);

	if (reason)
		refuse(reason, "ICMPv6 under ESP", pkt);
	/* 9.3.1: a home address that is not bound there */
	if (reason == REASON_MPS_UNBOUND && pkt->has_hao)
		send_be(k, pkt, MH_BE_NO_BINDING);
}

static void on_esp(struct kern *k, const struct ip6_pkt *pkt)
{
	uint8_t msg[DP_REC_DATA], proto;
	struct sadb_sa *sa;
	size_t len;
	enum reason reason = sadb_open(k->sadb, pkt, msg, sizeof(msg), &len,
				       &proto, &sa);

	if (reason)
		refuse(reason, "ESP", pkt);
	else if (proto == IP6_PROTO_ICMPV6)
		on_icmp(k, pkt, msg, len);
	else
		on_mh(k, pkt, msg, len, sa);
}

/* As from the home address, to the stack; what it answers is tunnelled. */
static void deliver(struct kern *k, const struct ip6_pkt *pkt)
{
	struct ip6_pkt plain = *pkt;
	int err;

	plain.src = pkt->hao;
	plain.has_hao = false;
	err = send_packet(k, &plain, false);
	if (err < 0)
		count_refusal(REASON_SEND_FAILED, "packet of HoA %s to HA %s: "
			      "%s", ip6_str(&pkt->hao), ip6_str(&pkt->dst),
			      strerror(-err));
	else
		count(COUNT_HAO_DELIVERED);
}

/*
 * RFC 6275 9.3.1: a home address with anything but signalling is believed if it
 * is bound, and to where the packet comes from.
 */
static void on_other(struct kern *k, const struct ip6_pkt *pkt)
{
	struct binding b;

	if (bcache_find_bound(&k->bcache, ip6_home_src(pkt), &b) &&
	    several_is_coa(k, &b, &pkt->src)) {
		deliver(k, pkt);
		return;
	}
	refuse(REASON_HAO_NO_BINDING, "packet with a Home Address option",
	       pkt);
	send_be(k, pkt, MH_BE_NO_BINDING);
}

static void on_signal(struct kern *k, const struct dp_rec *rec)
{
	struct ip6_pkt pkt = {0};
	enum reason reason = ip6_parse(&pkt, rec->data, rec->len);

	figure_signal(false, rec->len);
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
	else if (pkt.has_hao)
		on_other(k, &pkt);
	else
		refuse(REASON_BAD_OPTION, "no signalling", &pkt);
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
		proxy_on_ns(k, rec);
		break;
	case DP_REC_LINK_LOCAL:
		proxy_on_link_local(k, rec);
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

