/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A home agent lets go of us: it revokes a binding (RFC 5846 10), or wants
 * another one to take it over (RFC 5142 6).
 */
#include <errno.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"

/* ---- revocation */

/* RFC 5846 10 and 6.2.1. A trigger of our own kind, whatever it means, is
 * obeyed: the binding is gone at the home agent in any case. */
static uint8_t judge(const struct mh *bri)
{
	if (bri->br.flags & MH_BR_P)
		return MH_BR_PROXY_UNSUPPORTED;
	/* no option with an IPv4 home address is known here */
	if (bri->br.flags & MH_BR_V)
		return MH_BR_IPV4_HOA_REQUIRED;
	if (bri->br.flags & MH_BR_G)
		return MH_BR_GLOBAL_DENIED;
	/* 5.1: those of 128 and more go with the G bit */
	if (bri->br.code >= 128)
		return MH_BR_UNSUPPORTED;
	if (bri->br.code > MH_BR_TRIGGER_OUT_OF_SYNC)
		return MH_BR_TRIGGER_UNSUPPORTED;
	return MH_BR_SUCCESS;
}

static const char *trigger_str(uint8_t trigger)
{
	if (trigger == MH_BR_TRIGGER_ADMIN)
		return "its home agent revoked it, for an administrative "
		       "reason";
	return "its home agent revoked it";
}

/* 6.1.2 */
static void send_bra(struct mn *mn, const struct bul_entry *e,
		     const struct mh *bri, uint8_t status)
{
	const uint16_t flags = MH_BR_P | MH_BR_V | MH_BR_G;
	const struct mh bra = {.type = MH_BR,
			       .br = {.kind = MH_BRA, .code = status,
				      .seq = bri->br.seq,
				      .flags = bri->br.flags & flags}};
	uint8_t msg[64];
	ssize_t n = mh_build(msg, sizeof(msg), &bra, &e->hoa, &e->ha);
	int err = n < 0 ? (int)n : signal_send(mn, e, IP6_PROTO_MH, msg,
					       (size_t)n);

	if (err)
		count_refusal(REASON_SEND_FAILED,
			      "BRA of HoA %s to HA %s: %s", ip6_str(&e->hoa),
			      ip6_str(&e->ha), strerror(-err));
	else
		count(COUNT_BRA_SENT);
}

static void tell_revoked(struct mn *mn, const struct bul_entry *e,
			 const struct mh *bri)
{
	struct json_object *ev = ctl_ev("revoked", "hoa", ip6_str(&e->hoa),
					"ha", ip6_str(&e->ha), NULL);

	json_object_object_add(ev, "trigger",
			       json_object_new_int(bri->br.code));
	mn_event(mn, ev);
}

enum reason revoke_receive(struct mn *mn, const struct ip6_pkt *pkt,
			   struct bul_entry *e, const struct mh *mh)
{
	uint8_t status;

	if (mh->br.kind != MH_BRI)
		return REASON_MH_UNEXPECTED;
	count(COUNT_BRI_RECEIVED);
	anchors_heard(&mn->anchors, &e->ha, ANCHOR_REVOKES, loop_now());
	/* 10: by its type 2 routing header; we are not at home, then */
	if (!pkt->has_rh2 || e->state == BUL_RETURNING)
		return REASON_BRI_REFUSED;
	status = judge(mh);
	send_bra(mn, e, mh, status);
	if (status >= 128)
		return REASON_BRI_REFUSED;
	tell_revoked(mn, e, mh);
	log_warn("HoA %s, HA %s: revoked, trigger %u", ip6_str(&e->hoa),
		 ip6_str(&e->ha), mh->br.code);
	/* it knows no more than we that something is wrong: anew */
	if (mh->br.code == MH_BR_TRIGGER_OUT_OF_SYNC)
		bul_event(e, BUL_EV_REFRESH, loop_now());
	else
		hoa_abandon(mn, e, trigger_str(mh->br.code));
	return REASON_NONE;
}

/* ---- switch */

/* RFC 5142 6.2: on the home link, by the same prefix. */
static bool is_of_home_link(struct mn *mn, const struct in6_addr *hoa,
			    const struct in6_addr *ha)
{
	const struct ip6_prefix link = {*hoa, 64};

	return ip6_prefix_has(&link, ha) ||
	       anchors_names(&mn->anchors, hoa, ha);
}

/* Why e cannot go there; NULL: it can, as far as is known. */
static const char *refusal(struct mn *mn, const struct bul_entry *e,
			   const struct in6_addr *ha)
{
	const struct live_peer *p = live_find(&mn->live, ha);

	if (!is_of_home_link(mn, &e->hoa, ha))
		return "its home agent stops, and others named serve other "
		       "prefixes";
	if (p && p->state == LIVE_DEAD)
		return "its home agent stops, and the other one is dead";
	signal_know_ha(mn, ha);
	return keying_refusal(mn, &e->hoa, ha);
}

/* Those that are named are claims, for later; 6.1: where none is, they are
 * looked for. */
static void learn(struct mn *mn, const struct bul_entry *e,
		  const struct mh *has)
{
	struct anchor new = {.prefix = {e->hoa, 64}, .source = ANCHOR_SWITCH};
	unsigned int i;

	for (i = 0; i < has->has.n; i++) {
		new.ha = has->has.addrs[i];
		new.order = (uint8_t)i;
		if (!ip6_addr_eq(&new.ha, &e->ha) &&
		    is_of_home_link(mn, &e->hoa, &new.ha))
			anchors_learn_ha(&mn->anchors, &new, loop_now(),
					 mn_anchor_learnt, mn);
	}
	if (!has->has.n)
		discover_want(mn, &e->hoa);
}

/* The first that will do, from the one that is heard last. */
static const struct in6_addr *known_ha(struct mn *mn, const struct bul_entry *e,
				       const char **why)
{
	const struct anchor *a;
	unsigned int i;

	for (i = mn->anchors.n; i--;) {
		a = &mn->anchors.list[i];
		if (ip6_addr_eq(&a->ha, &e->ha) ||
		    !ip6_prefix_has(&a->prefix, &e->hoa))
			continue;
		*why = refusal(mn, e, &a->ha);
		if (!*why)
			return &a->ha;
	}
	return NULL;
}

/* 6.2: in the order of the list. 6.1: where that is empty we look for one; what
 * we know is what the last look-up said. NULL and *why where there is none. */
static const struct in6_addr *next_ha(struct mn *mn, const struct bul_entry *e,
				      const struct mh *has, const char **why)
{
	unsigned int i;

	*why = "its home agent stops, and no other one serves its prefix";
	for (i = 0; i < has->has.n; i++) {
		if (ip6_addr_eq(&has->has.addrs[i], &e->ha))
			continue;
		*why = refusal(mn, e, &has->has.addrs[i]);
		if (!*why)
			return &has->has.addrs[i];
	}
	return has->has.n ? NULL : known_ha(mn, e, why);
}

static void tell_switch(struct mn *mn, const struct bul_entry *e,
			const struct in6_addr *to, const char *why)
{
	mn_event(mn, ctl_ev("switch", "hoa", ip6_str(&e->hoa), "ha",
			    ip6_str(&e->ha), "to", to ? ip6_str(to) :
			    (char *)NULL, "why", why, NULL));
	if (to)
		log_info("HoA %s, HA %s: it stops, HA %s takes over",
			 ip6_str(&e->hoa), ip6_str(&e->ha), ip6_str(to));
	else
		log_warn("HoA %s, HA %s: %s", ip6_str(&e->hoa),
			 ip6_str(&e->ha), why);
}

/*
 * 6.1: the binding is deleted, which acknowledges the message. Again while that
 * is under way is no harm.
 */
enum reason switch_receive(struct mn *mn, struct bul_entry *e,
			   const struct mh *mh)
{
	const struct in6_addr *to;
	const char *why;

	count(COUNT_SWITCH_RECEIVED);
	anchors_heard(&mn->anchors, &e->ha, ANCHOR_SWITCHES, loop_now());
	if (e->state == BUL_RELEASING || e->state == BUL_RETURNING)
		return REASON_NONE;
	learn(mn, e, mh);
	/* it will be repeated, and by then something may be found */
	if (!mh->has.n && discover_asking(mn, &e->hoa))
		return REASON_NONE;
	to = next_ha(mn, e, mh, &why);
	tell_switch(mn, e, to, why);
	hoa_rehome(e, to, why);
	return REASON_NONE;
}
