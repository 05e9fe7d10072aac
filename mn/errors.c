/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors about Mobility Headers: what we tell others (RFC 6275 9.2, 11.2), and
 * what others tell us (11.3.5, 11.3.6).
 */
#include <errno.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"
#include "sys/raw.h"

enum {
	ERRORS_AT_ONCE = 64,	/* before others get their turn */
	QUOTED_MAX = 1500,
};

static int send_it(struct mn *mn, const uint8_t *p, ssize_t len)
{
	return len < 0 ? (int)len : raw_send(mn->raw_fd, p, (size_t)len, 0);
}

/* RFC 6275 9.3.3. At most MAX_UPDATE_RATE a second in all, so that it is no
 * more to anyone (11.8). */
static void send_be(struct mn *mn, const struct ip6_pkt *in)
{
	struct mh mh = {.type = MH_BE, .be.status = MH_BE_UNKNOWN_TYPE};
	uint8_t msg[64], out[128];
	struct ip6_pkt pkt = {
		.src = in->dst, .dst = in->src, .proto = IP6_PROTO_MH,
		.upper = msg,
	};
	ssize_t len;
	int err;

	if (!ip6_unicast_routable(&in->src) && !IN6_IS_ADDR_LINKLOCAL(&in->src))
		return;
	if (!pace_take(&mn->bes, loop_now())) {
		count(COUNT_ERRORS_LIMITED);
		return;
	}
	if (in->has_hao)
		mh.be.home = in->hao;
	len = mh_build(msg, sizeof(msg), &mh, &pkt.src, &pkt.dst);
	if (len > 0) {
		pkt.upper_len = (size_t)len;
		len = ip6_build(out, sizeof(out), &pkt);
	}
	err = send_it(mn, out, len);
	if (err)
		count_refusal(REASON_SEND_FAILED, "BE to %s: %s",
			      ip6_str(&pkt.dst), strerror(-err));
	else
		count(COUNT_BE_SENT);
}

/* The packet is quoted as it came, so under ESP enciphered: the ciphers that
 * there are keep every octet's place, which is all that the pointer needs. */
static void send_problem(struct mn *mn, const struct ip6_pkt *in,
			 const struct dp_rec *rec, unsigned int at)
{
	struct nd_error problem = {ND_TYPE_PARAM_PROBLEM, ND_PARAM_FIELD, at};
	uint8_t out[IP6_MIN_MTU];
	ssize_t len;
	int err;

	if (!bucket_take(&mn->errors, loop_now())) {
		count(COUNT_ERRORS_LIMITED);
		return;
	}
	len = nd_error_build(out, sizeof(out), &in->dst, &problem, rec->data,
			     rec->len);
	if (len == -EINVAL)
		return;	/* RFC 4443 2.4 (e): no error for that one */
	err = send_it(mn, out, len);
	if (err)
		count_refusal(REASON_SEND_FAILED,
			      "ICMPv6 parameter problem to %s: %s",
			      ip6_str(&in->src), strerror(-err));
	else
		count(COUNT_ERRORS_SENT);
}

void errors_answer(struct mn *mn, const struct ip6_pkt *in,
		   const struct dp_rec *rec, enum reason reason)
{
	int at = mh_problem_at(reason);

	if (reason == REASON_MH_UNKNOWN_TYPE)
		send_be(mn, in);
	if (at < 0)
		return;
	if (in->proto == IP6_PROTO_ESP)
		at += ESP_HEAD_LEN;
	send_problem(mn, in, rec, (unsigned int)(in->upper - rec->data + at));
}

/* The entry that it is about: by the HoA, where the packet that it is about had
 * one, else by the home agent. */
static struct bul_entry *find_entry(struct mn *mn, const struct in6_addr *ha,
				    const struct in6_addr *home)
{
	struct bul_entry *e;

	for (e = mn->bul.entries; e; e = e->next)
		if (ip6_addr_eq(&e->ha, ha) &&
		    (IN6_IS_ADDR_UNSPECIFIED(home) ||
		     ip6_addr_eq(&e->hoa, home)))
			return e;
	return NULL;
}

enum reason errors_on_be(struct mn *mn, const struct ip6_pkt *pkt,
			 const struct mh *be)
{
	struct bul_entry *e = find_entry(mn, ip6_home_src(pkt), &be->be.home);
	enum reason reason;

	count(COUNT_BE_RECEIVED);
	if (!e)
		return REASON_BE_UNMATCHED;
	/* 11.3.6: an extension that is used no more; heartbeats are all that
	 * we send unasked */
	if (be->be.status == MH_BE_UNKNOWN_TYPE)
		reason = beat_refused(mn, &e->ha) ? REASON_NONE :
						    REASON_BE_UNMATCHED;
	else
		reason = bul_be(e, be->be.status, loop_now());
	if (!reason)
		log_warn("HoA %s, HA %s: Binding Error, status %u",
			 ip6_str(&e->hoa), ip6_str(&e->ha), be->be.status);
	return reason;
}

/* Is it about a message of ours? Who knows the SPI was on its way. */
static struct bul_entry *find_quoted(struct mn *mn, const uint8_t *p,
				     size_t len)
{
	struct bul_entry *e;
	struct sadb_sa *sa;
	struct ip6_pkt pkt;
	uint32_t spi;

	if (ip6_parse(&pkt, p, len) || pkt.proto != IP6_PROTO_ESP ||
	    pkt.upper_len < sizeof(spi))
		return NULL;
	e = bul_find(&mn->bul, ip6_home_src(&pkt));
	sa = e ? sadb_out(mn->sadb, &e->hoa, &e->ha) : NULL;
	memcpy(&spi, pkt.upper, sizeof(spi));
	if (!sa || sa->conf.spi != ntohl(spi) || !ip6_addr_eq(&e->ha, &pkt.dst))
		return NULL;
	return e;
}

/* RFC 4443 3.4: code 1, unrecognized next header; 2, unrecognized option. RFC
 * 6275 11.3.5: the former ends the attempt, the latter is told. */
static enum reason on_problem(struct mn *mn, const struct nd_error *err,
			      const uint8_t *quoted, size_t len)
{
	struct bul_entry *e = find_quoted(mn, quoted, len);

	if (!e)
		return REASON_ICMP_UNMATCHED;
	if (err->code == ND_PARAM_OPTION)
		return REASON_HAO_UNSUPPORTED;
	if (err->code != ND_PARAM_HEADER || bul_unsupported(e))
		return REASON_ICMP_UNMATCHED;
	return REASON_MH_UNSUPPORTED;
}

void errors_on_readable(void *arg)
{
	uint8_t quoted[QUOTED_MAX];
	struct mn *mn = arg;
	struct in6_addr from;
	struct nd_error err;
	enum reason reason;
	ssize_t n;
	int i;

	for (i = 0; i < ERRORS_AT_ONCE; i++) {
		n = raw_tunnel_error(mn->hold_fds[1], quoted, sizeof(quoted),
				     &err, &from);
		if (n == -EAGAIN)
			return;
		if (n < 0 || err.type != ND_TYPE_PARAM_PROBLEM)
			continue;
		reason = on_problem(mn, &err, quoted, (size_t)n);
		count_refusal(reason, "ICMPv6 %u/%u from %s about a BU",
			      err.type, err.code, ip6_str(&from));
	}
}
