/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobility Headers out and in, each under its SA. */
#include <errno.h>
#include <string.h>

#include "core/count.h"
#include "core/figure.h"
#include "core/log.h"
#include "mn/mn.h"
#include "proto/tunnel.h"
#include "sys/raw.h"

void signal_know_ha(struct mn *mn, const struct in6_addr *ha)
{
	struct mn_conf_sa *sa;
	bool added = false;
	int err;

	for (sa = mn->conf.sas; sa; sa = sa->next) {
		bool out = ip6_addr_eq(&sa->sa.dst, ha);

		if (sa->installed || (!out && !ip6_addr_eq(&sa->sa.src, ha)))
			continue;
		err = sadb_add(mn->sadb, &sa->sa, !out);
		if (!err && !out)
			err = dp_spi_add(mn->dp, sa->sa.spi);
		if (err)
			log_err("SA %s: %s", sa->sa.name, strerror(-err));
		sa->installed = added = true;
	}
	/* now rather than in the midst of a handover: the disk is slow */
	if (added)
		sadb_sync(mn->sadb);
}

struct pair {
	const struct in6_addr *hoa, *ha;
	bool in, out, manual_in, manual_out;
};

static void see_sa(void *arg, struct sadb_sa *sa)
{
	struct pair *p = arg;
	bool manual = !sa->peer;

	if (sa->expired)
		return;
	if (sa->inbound && ip6_addr_eq(&sa->conf.src, p->ha) &&
	    ip6_addr_eq(&sa->conf.dst, p->hoa)) {
		p->in = true;
		p->manual_in |= manual;
	} else if (!sa->inbound && ip6_addr_eq(&sa->conf.src, p->hoa) &&
		   ip6_addr_eq(&sa->conf.dst, p->ha)) {
		p->out = true;
		p->manual_out |= manual;
	}
}

bool signal_has_sas(struct mn *mn, const struct in6_addr *hoa,
		    const struct in6_addr *ha)
{
	struct pair p = {.hoa = hoa, .ha = ha};

	sadb_each(mn->sadb, see_sa, &p);
	return p.in && p.out;
}

bool signal_has_manual_sas(struct mn *mn, const struct in6_addr *hoa,
			   const struct in6_addr *ha)
{
	struct pair p = {.hoa = hoa, .ha = ha};

	sadb_each(mn->sadb, see_sa, &p);
	return p.manual_in && p.manual_out;
}

bool signal_keyed(struct mn *mn, const struct bul_entry *e)
{
	const struct sadb_sa *sa = sadb_out(mn->sadb, &e->hoa, &e->ha);

	return sa && sa->peer;
}

/* Nor will there be one: another home agent may do. */
static void without_sa(struct mn *mn, const struct bul_entry *e)
{
	count_refusal(REASON_NO_SA, "BU of HoA %s to HA %s", ip6_str(&e->hoa),
		      ip6_str(&e->ha));
	anchors_fail(&mn->anchors, &e->hoa, &e->ha,
		     "no security association with it", loop_now());
}

static int no_sa(struct mn *mn, const struct bul_entry *e)
{
	if (keying_awaited(mn, &e->hoa, &e->ha))
		log_debug("BU of HoA %s to HA %s waits for IKE",
			  ip6_str(&e->hoa), ip6_str(&e->ha));
	else
		without_sa(mn, e);
	/* they were there, and have expired */
	keying_suspect(mn, &e->hoa, &e->ha);
	keying_soon(mn);
	return -ENOENT;
}

static void tell_bu(struct mn *mn, const struct bul_entry *e,
		    const struct mh *bu, bool at_home)
{
	struct json_object *ev = ctl_ev("bu_sent", "hoa", ip6_str(&e->hoa),
			"ha", ip6_str(&e->ha), "coa",
			ip6_str(at_home ? &e->hoa : &e->coa), NULL);

	json_object_object_add(ev, "seq", json_object_new_int(bu->bu.seq));
	json_object_object_add(ev, "lifetime_s", json_object_new_int(
				bu->bu.lifetime * MH_LIFETIME_UNIT));
	mn_event(mn, ev);
}

/* RFC 6275 11.7.1: HAO and CoA away, the HoA alone at home */
static int send_under(struct mn *mn, const struct bul_entry *e,
		      struct sadb_sa *sa, bool at_home, uint8_t proto,
		      const uint8_t *msg, size_t msg_len)
{
	uint8_t esp[MH_MAX_LEN + ESP_OVERHEAD_MAX], out[IP6_SIGNAL_MAX];
	struct ip6_pkt pkt = {
		.src = at_home ? e->hoa : e->coa, .dst = e->ha,
		.has_hao = !at_home, .hao = e->hoa, .proto = IP6_PROTO_ESP,
		.upper = esp,
	};
	ssize_t len = sadb_seal(mn->sadb, sa, esp, sizeof(esp), proto, msg,
				msg_len);

	if (len > 0) {
		pkt.upper_len = len;
		len = ip6_build(out, sizeof(out), &pkt);
	}
	if (len < 0)
		return (int)len;
	figure_signal(true, len);
	/* RFC 6275 11.5.5: the HoA's other packets still wait on kedge0 */
	return at_home ? raw_send_bound(mn->raw_fd, out, len, e->ifindex) :
			 raw_send(mn->raw_fd, out, len, e->ifindex);
}

static int send_tunnelled(struct mn *mn, const struct bul_entry *e,
			  const uint8_t *esp, size_t len)
{
	const struct tunnel_ends ends = {e->coa, e->ha};
	uint8_t in[IP6_SIGNAL_MAX], out[IP6_SIGNAL_MAX];
	struct ip6_pkt pkt = {
		.src = e->hoa, .dst = e->ha, .proto = IP6_PROTO_ESP,
		.upper = esp, .upper_len = len,
	};
	ssize_t n = ip6_build(in, sizeof(in), &pkt);

	if (n > 0)
		n = tunnel_build(out, sizeof(out), &ends, in, n,
				 IP6_SIGNAL_MAX, 0, 0);
	if (n < 0)
		return (int)n;
	figure_signal(true, n);
	return raw_send(mn->raw_fd, out, n, e->ifindex);
}

int signal_send(struct mn *mn, const struct bul_entry *e, uint8_t proto,
		const uint8_t *msg, size_t len)
{
	struct sadb_sa *sa = sadb_out(mn->sadb, &e->hoa, &e->ha);
	uint8_t esp[IP6_SIGNAL_MAX];
	ssize_t n;

	if (IN6_IS_ADDR_UNSPECIFIED(&e->coa))
		return -EDESTADDRREQ;
	/* RFC 6275 11.5.5: on its link the HoA needs neither */
	if (proto == IP6_PROTO_ICMPV6 || e->state == BUL_RETURNING)
		return send_under(mn, e, sa, e->state == BUL_RETURNING, proto,
				  msg, len);
	n = sadb_seal(mn->sadb, sa, esp, sizeof(esp), proto, msg, len);
	return n < 0 ? (int)n : send_tunnelled(mn, e, esp, n);
}

int signal_send_bu(struct mn *mn, struct bul_entry *e, const struct mh *bu,
		   bool at_home, bool retransmission)
{
	struct sadb_sa *sa = sadb_out(mn->sadb, &e->hoa, &e->ha);
	const struct in6_addr *src = at_home ? &e->hoa : &e->coa;
	uint8_t mh[MH_MAX_LEN];
	ssize_t len;
	int err;

	if (!sa)
		return no_sa(mn, e);
	/* the third BU of an exchange: has the HA lost its SAs? */
	if (sa->peer && e->sends >= 2)
		keying_suspect(mn, &e->hoa, &e->ha);
	/* the fourth: others that anchor it may be tried, RFC 6275 11.4.1 */
	if (e->sends == 3)
		anchors_fail(&mn->anchors, &e->hoa, &e->ha,
			     "no Binding Update is acknowledged", loop_now());
	len = mh_build(mh, sizeof(mh), bu, &e->hoa, &e->ha);
	err = len < 0 ? (int)len : send_under(mn, e, sa, at_home, IP6_PROTO_MH,
					      mh, len);
	if (err) {
		count_refusal(REASON_SEND_FAILED,
			      "BU of HoA %s from %s to HA %s: %s",
			      ip6_str(&e->hoa), ip6_str(src),
			      ip6_str(&e->ha), strerror(-err));
		return err;
	}
	count(retransmission ? COUNT_BU_RETRANSMITTED : COUNT_BU_SENT);
	log_info("BU %s of HoA %s CoA %s to HA %s, seq %u, lifetime %u s",
		 retransmission ? "again" : "sent", ip6_str(&e->hoa),
		 ip6_str(src), ip6_str(&e->ha), bu->bu.seq,
		 bu->bu.lifetime * MH_LIFETIME_UNIT);
	tell_bu(mn, e, bu, at_home);
	return 0;
}

static void tell_ba(struct mn *mn, const struct bul_entry *e,
		    const struct mh *ba)
{
	struct json_object *ev = ctl_ev("ba_received", "hoa", ip6_str(&e->hoa),
					"ha", ip6_str(&e->ha), NULL);

	json_object_object_add(ev, "status",
			       json_object_new_int(ba->ba.status));
	json_object_object_add(ev, "seq", json_object_new_int(ba->ba.seq));
	mn_event(mn, ev);
	count(COUNT_BA_RECEIVED);
	if (ba->ba.status < 128)
		return;
	count(COUNT_BA_REJECTED);
	log_warn("BA for HoA %s from HA %s: status %u, %s", ip6_str(&e->hoa),
		 ip6_str(&e->ha), ba->ba.status,
		 mh_status_str(ba->ba.status));
}

/* What a BA says of the home agent. One that ends the binding is told by
 * hoa.c; one that is about the number alone says nothing. */
static void judge(struct mn *mn, const struct in6_addr *hoa,
		  const struct in6_addr *ha, const struct mh *ba)
{
	mtime now = loop_now();

	if (ba->ba.status < 128) {
		anchors_worked(&mn->anchors, hoa, ha, now);
		if (ba->ba.flags & MH_BA_K)
			anchors_heard(&mn->anchors, ha, ANCHOR_KEY_MOBILITY,
				      now);
		if (ba->ba.flags & MH_BA_R)
			anchors_heard(&mn->anchors, ha, ANCHOR_NETWORKS, now);
	} else if (ba->ba.status != MH_STATUS_SEQ &&
		   bul_find(&mn->bul, hoa)) {
		anchors_fail(&mn->anchors, hoa, ha,
			     mh_status_str(ba->ba.status), now);
	}
}

static enum reason receive_ba(struct mn *mn, struct bul_entry *e,
			      const struct mh *ba, const struct sadb_sa *sa)
{
	/* e may be gone after bul_ba() */
	struct in6_addr hoa = e->hoa, ha = e->ha;
	struct in6_addr at = e->state == BUL_RETURNING ? hoa : e->coa;
	enum reason reason;

	tell_ba(mn, e, ba);
	beat_heard(mn, &ha);
	reason = bul_ba(e, ba, loop_now());
	if (!reason) {
		judge(mn, &hoa, &ha, ba);
		prefix_status(mn, &hoa, ba->ba.status);
	}
	if (reason || !sa->peer)
		return reason;
	keying_answered(mn, &hoa, &ha);
	/* RFC 6275 11.7.3, the K flag */
	if (ba->ba.status < 128)
		keying_bound(mn, &hoa, &ha, &at, ba->ba.flags & MH_BA_K);
	return reason;
}

/* BRR, RFC 6275 11.7.4: the HA would like a BU */
static enum reason receive_brr(struct bul_entry *e)
{
	count(COUNT_BRR_RECEIVED);
	bul_event(e, BUL_EV_REFRESH, loop_now());
	return REASON_NONE;
}

/* What came under the SA of this HoA and this HA. A Binding Error under it is
 * as good as one in the clear. */
static enum reason dispatch(struct mn *mn, const struct ip6_pkt *pkt,
			    const struct mh *mh, const struct sadb_sa *sa)
{
	struct bul_entry *e = bul_find(&mn->bul, ip6_final_dst(pkt));

	if (mh->type == MH_BE)
		return errors_on_be(mn, pkt, mh);
	if (!e)
		return mh->type == MH_BA ? REASON_BA_UNMATCHED :
					   REASON_NOT_FOR_US;
	if (!ip6_addr_eq(ip6_home_src(pkt), &e->ha))
		return REASON_BA_SOURCE;
	if (mh->type == MH_BA)
		return receive_ba(mn, e, mh, sa);
	if (mh->type == MH_BRR)
		return receive_brr(e);
	if (mh->type == MH_HB)
		return beat_receive(mn, e, mh);
	if (mh->type == MH_BR)
		return revoke_receive(mn, pkt, e, mh);
	if (mh->type == MH_HAS)
		return switch_receive(mn, e, mh);
	return REASON_MH_UNEXPECTED;
}

static enum reason parse(struct mn *mn, const struct dp_rec *rec,
			 const struct ip6_pkt *pkt, struct mh *mh,
			 const uint8_t *msg, size_t len)
{
	static struct mh_flows flows;	/* one message at a time */
	enum reason reason = mh_parse(mh, msg, len, ip6_home_src(pkt),
				      ip6_final_dst(pkt));

	if (!reason && mh->n_flows) {
		reason = mh_flows_parse(&flows, msg, len);
		mh->flows = &flows;
	}
	/* RFC 6275 9.2, 11.2 */
	if (reason)
		errors_answer(mn, pkt, rec, reason);
	return reason;
}

/* In the clear: of all types Binding Errors alone may come so. */
static enum reason receive_clear(struct mn *mn, const struct dp_rec *rec,
				 const struct ip6_pkt *pkt)
{
	struct mh mh;
	enum reason reason = parse(mn, rec, pkt, &mh, pkt->upper,
				   pkt->upper_len);

	if (reason)
		return reason;
	if (mh.type == MH_BA)
		return REASON_BA_UNPROTECTED;
	if (mh.type == MH_BE)
		return errors_on_be(mn, pkt, &mh);
	if (mh.type == MH_HB || mh.type == MH_BR || mh.type == MH_HAS)
		return REASON_MH_UNPROTECTED;
	return REASON_MH_UNEXPECTED;
}

static enum reason receive(struct mn *mn, const struct dp_rec *rec,
			   const struct ip6_pkt *pkt)
{
	uint8_t clear[IP6_SIGNAL_MAX], proto;
	struct sadb_sa *sa;
	enum reason reason;
	struct mh mh;
	size_t len;

	if (pkt->proto == IP6_PROTO_MH)
		return receive_clear(mn, rec, pkt);
	if (pkt->proto != IP6_PROTO_ESP)
		return REASON_MH_UNEXPECTED;
	reason = sadb_open(mn->sadb, pkt, clear, sizeof(clear), &len, &proto,
			   &sa);
	if (sadb_sync_due(mn->sadb) && !timer_armed(&mn->sync))
		timers_set(&mn->loop.timers, &mn->sync,
			   mtime_add(loop_now(), MTIME_SEC(1)));
	if (reason)
		return reason;
	if (proto == IP6_PROTO_ICMPV6)
		return prefix_receive(mn, pkt, clear, len);
	reason = parse(mn, rec, pkt, &mh, clear, len);
	if (reason)
		return reason;
	return dispatch(mn, pkt, &mh, sa);
}

void signal_receive(struct mn *mn, const struct dp_rec *rec)
{
	struct ip6_pkt pkt = {0};
	enum reason reason = ip6_parse(&pkt, rec->data, rec->len);

	figure_signal(false, rec->len);
	if (!reason)
		reason = receive(mn, rec, &pkt);
	if (reason)
		count_refusal(reason, "HoA %s from %s",
			      ip6_str(ip6_final_dst(&pkt)),
			      ip6_str(ip6_home_src(&pkt)));
}

/*
 * Neighbour Discovery to a multicast group, in a frame of our own: it must not
 * wait for what the kernel thinks of the source address just then.
 */
static int send_nd_by(struct mn *mn, struct mn_iface *i, struct ip6_pkt *pkt,
		      ssize_t icmp_len,
		      int (*send)(int fd, uint32_t ifindex,
				  const uint8_t mac[6], const uint8_t *p,
				  size_t len))
{
	uint8_t mac[6] = {0x33, 0x33}, out[IP6_MIN_MTU];
	ssize_t len = icmp_len;

	/* RFC 2464 7 */
	memcpy(mac + 2, &pkt->dst.s6_addr[12], 4);
	if (len > 0) {
		pkt->hop_limit = 255;
		pkt->proto = IP6_PROTO_ICMPV6;
		pkt->upper_len = len;
		len = ip6_build(out, sizeof(out), pkt);
	}
	return len < 0 ? (int)len : send(mn->packet_fd, i->ifindex, mac, out,
					 len);
}

static int send_nd(struct mn *mn, struct mn_iface *i, struct ip6_pkt *pkt,
		   ssize_t icmp_len)
{
	return send_nd_by(mn, i, pkt, icmp_len, packet_send);
}

/* From the unspecified address, for the HoA, as DAD would: which kedge_mn_out
 * would take it for, and drop. */
void signal_solicit_ha(struct mn *mn, struct mn_iface *i,
		       const struct in6_addr *hoa)
{
	struct nd_ns ns = {.target = *hoa};
	uint8_t icmp[64];
	struct ip6_pkt pkt = {.upper = icmp};
	int err;

	pkt.dst = nd_solicited_node(hoa);
	err = send_nd_by(mn, i, &pkt, nd_ns_build(icmp, sizeof(icmp), &ns,
						  &pkt.src, &pkt.dst),
			 packet_send_direct);
	if (err)
		count_refusal(REASON_SEND_FAILED, "NS for HoA %s on %s: %s",
			      ip6_str(hoa), i->name, strerror(-err));
	else
		count(COUNT_NS_SENT);
}

void signal_announce(struct mn *mn, struct mn_iface *i,
		     const struct in6_addr *addr)
{
	struct nd_na na = {.target = *addr, .override = true,
			   .has_tlla = true};
	uint8_t icmp[64];
	struct ip6_pkt pkt = {.src = *addr, .upper = icmp};
	int err;

	pkt.dst = (struct in6_addr){{{0xff, 2, [15] = 1}}};
	memcpy(na.tlla, i->mac, 6);
	err = send_nd(mn, i, &pkt, nd_na_build(icmp, sizeof(icmp), &na,
					       &pkt.src, &pkt.dst));
	if (err)
		count_refusal(REASON_SEND_FAILED, "NA for HoA %s on %s: %s",
			      ip6_str(addr), i->name, strerror(-err));
	else
		count(COUNT_NA_SENT);
}

void signal_solicit(struct mn *mn, struct mn_iface *i)
{
	bool ll = !IN6_IS_ADDR_UNSPECIFIED(&i->link_local);
	uint8_t icmp[64];
	struct ip6_pkt pkt = {.src = i->link_local, .upper = icmp};
	int err;

	pkt.dst = (struct in6_addr){{{0xff, 2, [15] = 2}}};
	/* RFC 4861 4.1: no link-layer address from the unspecified one */
	err = send_nd(mn, i, &pkt, nd_rs_build(icmp, sizeof(icmp),
					       ll ? i->mac : NULL, &pkt.src,
					       &pkt.dst));
	if (err) {
		count_refusal(REASON_SEND_FAILED, "RS on %s: %s", i->name,
			      strerror(-err));
		return;
	}
	count(COUNT_RS_SENT);
	mn_event(mn, ctl_ev("rs_sent", "interface", i->name, NULL));
}
