/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobile prefix discovery: mn/mpd.h's machines to the wire and the HoAs. */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"

static struct hoa *of_mpd(struct mpd *m)
{
	return (struct hoa *)((char *)m - offsetof(struct hoa, mpd));
}

/* RFC 6275 11.4.2, 6.7 */
static void op_solicit(void *arg, struct mpd *m, uint16_t id)
{
	const struct bul_entry *e = of_mpd(m)->e;
	const struct mip mip = { .type = MIP_MPS, .id = id };
	struct mn *mn = arg;
	uint8_t msg[16];
	ssize_t n = mip_build(msg, sizeof(msg), &mip, &e->hoa, &e->ha);
	int err = n < 0 ? (int)n : signal_send(mn, e, IP6_PROTO_ICMPV6, msg,
					       (size_t)n);

	if (err == -EPROTONOSUPPORT)
		count_refusal(REASON_ESP_SELECTOR, "HoA %s, HA %s: IKE did not "
			      "agree on prefix discovery", ip6_str(&e->hoa),
			      ip6_str(&e->ha));
	else if (err)
		count_refusal(REASON_SEND_FAILED, "prefix solicitation of HoA "
			      "%s to HA %s: %s", ip6_str(&e->hoa),
			      ip6_str(&e->ha), strerror(-err));
	else
		count(COUNT_MPS_SENT);
}

static void tell(struct mn *mn, const struct bul_entry *e,
		 const struct nd_prefix *p, bool own)
{
	struct ip6_prefix prefix = { p->prefix, p->len };
	struct json_object *ev;
	char text[INET6_ADDRSTRLEN + 4];

	ip6_prefix_mask(&prefix);
	snprintf(text, sizeof(text), "%s/%u", ip6_str(&prefix.addr),
		 prefix.len);
	ev = ctl_ev("home_prefix", "hoa", ip6_str(&e->hoa), "ha",
		    ip6_str(&e->ha), "prefix", text, NULL);
	json_object_object_add(ev, "own", json_object_new_boolean(own));
	json_object_object_add(ev, "valid_s", json_object_new_int64(p->valid));
	json_object_object_add(ev, "preferred_s",
			       json_object_new_int64(p->preferred));
	mn_event(mn, ev);
	log_info("HoA %s, HA %s: home link's prefix %s is valid for %u s, "
		 "preferred for %u s", ip6_str(&e->hoa), ip6_str(&e->ha), text,
		 p->valid, p->preferred);
}

/* RFC 6275 11.4.3: no home address is made of it; SAs for one would have to
 * be there. It is told, so that somebody can. */
static void op_other(void *arg, struct mpd *m, const struct nd_prefix *p)
{
	tell(arg, of_mpd(m)->e, p, false);
}

static void op_renewed(void *arg, struct mpd *m, const struct nd_prefix *p)
{
	of_mpd(m)->e->hoa_valid = m->valid;
	tell(arg, of_mpd(m)->e, p, true);
}

static void op_over(void *arg, struct mpd *m)
{
	hoa_abandon(arg, of_mpd(m)->e, "its home prefix is valid no more");
}

static const struct mpd_ops ops = {
	.solicit = op_solicit,
	.other = op_other,
	.renewed = op_renewed,
	.over = op_over,
	.random = randombytes_uniform,
};

void prefix_init(struct hoa *h)
{
	mpd_init(&h->mpd, &ops, h->mn, &h->mn->loop.timers, &h->e->hoa);
}

void prefix_learn(struct hoa *h, const struct attach *at)
{
	const struct nd_prefix *p = attach_prefix(at, &h->e->hoa);

	if (p)
		mpd_learn(&h->mpd, p->valid, loop_now());
}

void prefix_state(struct hoa *h)
{
	enum bul_state state = h->e->state;

	mpd_bound(&h->mpd, state == BUL_BOUND || state == BUL_REFRESHING,
		  loop_now());
}

void prefix_status(struct mn *mn, const struct in6_addr *hoa, uint8_t status)
{
	const struct bul_entry *e = bul_find(&mn->bul, hoa);
	struct hoa *h = e ? e->priv : NULL;

	if (h && status == MH_STATUS_PREFIX_DISCOVERY)
		mpd_want(&h->mpd, loop_now());
}

enum reason prefix_receive(struct mn *mn, const struct ip6_pkt *pkt,
			   const uint8_t *msg, size_t len)
{
	const struct bul_entry *e = bul_find(&mn->bul, ip6_final_dst(pkt));
	enum reason reason;
	struct mip mip;
	struct hoa *h;

	reason = mip_parse(&mip, msg, len, ip6_home_src(pkt),
			   ip6_final_dst(pkt));
	if (reason == REASON_ND_UNKNOWN_TYPE ||
	    (!reason && mip.type != MIP_MPA))
		return REASON_MIP_UNEXPECTED;
	if (reason)
		return reason;
	count(COUNT_MPA_RECEIVED);
	if (!e)
		return REASON_NOT_FOR_US;
	/* RFC 6275 11.4.3 */
	if (!pkt->has_rh2 || pkt->has_hao || !ip6_addr_eq(&pkt->src, &e->ha))
		return REASON_MPA_SOURCE;
	h = e->priv;
	return mpd_receive(&h->mpd, &mip, loop_now());
}
