/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Returning home, RFC 6275 11.5.5: the home address comes onto its link again,
 * and its home agent is told from there. What that agent defends until then
 * must not be the source of a Neighbour Solicitation, not even of the one for
 * the agent's own link-layer address.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"
#include "sys/raw.h"

/* RFC 4861 10: MAX_MULTICAST_SOLICIT, RetransTimer */
enum { HA_SOLICITS_MAX = 3 };
static const mtime HA_SOLICIT_EVERY = {1000000000};

static void complain(int err, const char *what, const struct bul_entry *e)
{
	if (err)
		log_err("HoA %s, HA %s: %s: %s", ip6_str(&e->hoa),
			ip6_str(&e->ha), what, strerror(-err));
}

/* On the home link, with DAD where no home agent defends it. */
static void put_on_link(struct mn *mn, struct mn_iface *i,
			const struct bul_entry *e, bool dad)
{
	const struct nd_prefix *p = attach_prefix(&i->at, &e->hoa);
	/* a lifetime that ends is what tells it from somebody's own address */
	uint32_t valid = !p || p->valid == UINT32_MAX ? UINT32_MAX / 2 :
							p->valid;
	uint32_t preferred = p && p->preferred < valid ? p->preferred : valid;
	const struct hoa *h = e->priv;

	/* and for those alone who ask for it; the kernel has no RA renew what
	 * it did not make itself of one */
	if (h->fixed || h->assigned) {
		valid = UINT32_MAX / 2;
		preferred = 0;
	}
	/* the kernel may have formed it already, unasked: of that one kedge_mn_out
	 * dropped the solicitation */
	if (dad)
		rtnl_addr_del(mn->rtnl, i->ifindex, &e->hoa, p ? p->len : 128);
	complain(rtnl_addr_set(mn->rtnl, i->ifindex, &e->hoa, p ? p->len : 128,
			       dad ? IFA_F_OPTIMISTIC : IFA_F_NODAD, valid,
			       preferred), "address at home", e);
}

static bool is_on_link(const struct mn_iface *i, const struct in6_addr *hoa)
{
	const struct attach_addr *a;

	for (a = i->at.addrs; a < i->at.addrs + i->at.n_addrs; a++)
		if (ip6_addr_eq(&a->addr, hoa))
			return a->usable;
	return false;
}

void home_appear(struct mn *mn, struct mn_iface *i, struct bul_entry *e)
{
	if (!is_on_link(i, &e->hoa))
		put_on_link(mn, i, e, false);
	signal_announce(mn, i, &e->hoa);
}

/* Neighbour Advertisements are of use as long as one is being waited for; each
 * would wake us. */
static void hear_nas(struct mn *mn)
{
	const struct bul_entry *e;
	bool on = false;

	for (e = mn->bul.entries; e; e = e->next)
		on |= home_asks(e->priv);
	raw_ra_and_na(mn->ra_fd, on);
}

void home_forget(struct hoa *h)
{
	if (!home_asks(h))
		return;
	timers_del(&h->mn->loop.timers, &h->homing);
	hear_nas(h->mn);
}

/* The BU, from the HoA. e may be gone afterwards. */
static void tell_ha(struct mn *mn, struct mn_iface *i, struct bul_entry *e,
		    mtime now)
{
	struct in6_addr coa = e->hoa;

	home_forget(hoa_of(e));
	if (!hoa_of(e)->way.home)
		put_on_link(mn, i, e, false);
	hoa_of(e)->at_home = true;
	hoa_of(e)->moved_at = now;
	bul_set_coa(e, &coa, i->ifindex);
	bul_event(e, BUL_EV_HOME, now);
}

/* RFC 6275 11.5.5: if the bindings of all care-of addresses have expired, DAD
 * is done. What is bound undergoes none here (kedge_mn_out): so it comes after
 * the binding's end. */
static void settle(struct mn *mn, struct mn_iface *i, struct bul_entry *e,
		   mtime now)
{
	struct bul_entry was = *e;
	struct hoa h = *hoa_of(e);

	home_forget(hoa_of(e));
	hoa_of(e)->unbound = hoa_of(e)->at_home = true;
	bul_set_coa(e, &was.hoa, i->ifindex);
	bul_event(e, BUL_EV_HOME, now);
	was.priv = &h;
	put_on_link(mn, i, &was, true);
}

/* Nobody can have taken it, and no home agent defends it: no DAD. Its neighbours
 * learn of its new link-layer address, in op_gone() of hoa.c. */
void home_carry(struct mn *mn, struct mn_iface *i, struct bul_entry *e,
		mtime now)
{
	struct in6_addr hoa = e->hoa;

	put_on_link(mn, i, e, false);
	hoa_of(e)->at_home = true;
	hoa_of(e)->home_ifindex = i->ifindex;
	bul_set_coa(e, &hoa, i->ifindex);
	bul_event(e, BUL_EV_HOME, now);
}

/* The advertisement's link-layer address is the home agent's where the router
 * address in it (R flag) is. */
static bool ra_is_of(const struct nd_ra *ra, const struct in6_addr *ha)
{
	unsigned int k;

	for (k = 0; k < ra->n_prefixes; k++)
		if (ra->prefixes[k].router_addr &&
		    ip6_addr_eq(&ra->prefixes[k].prefix, ha))
			return ra->has_slla;
	return false;
}

static void ask(struct hoa *h, struct mn_iface *i, mtime now)
{
	h->ha_solicits++;
	timers_set(&h->mn->loop.timers, &h->homing,
		   mtime_add(now, HA_SOLICIT_EVERY));
	hear_nas(h->mn);
	signal_solicit_ha(h->mn, i, &h->e->hoa);
}

void home_on_timer(struct timer *timer, mtime now)
{
	struct hoa *h = (struct hoa *)((char *)timer -
				       offsetof(struct hoa, homing));
	struct mn_iface *i = mn_iface(h->mn, h->home_ifindex);

	if (!i)
		return;
	if (h->ha_solicits < HA_SOLICITS_MAX)
		ask(h, i, now);
	else	/* it defends the HoA no more */
		tell_ha(h->mn, i, h->e, now);
}

void home_come(struct mn *mn, struct mn_iface *i, struct bul_entry *e,
	       mtime now)
{
	struct hoa *h = hoa_of(e);

	if (home_asks(h) && h->home_ifindex == i->ifindex)
		return;
	timers_del(&mn->loop.timers, &h->graceful);
	h->graceful_over = false;
	h->home_ifindex = i->ifindex;
	if (!bul_may_hold(e, now)) {
		settle(mn, i, e, now);
		return;
	}
	if (ra_is_of(&i->at.ra, &e->ha)) {
		rtnl_neigh_set(mn->rtnl, i->ifindex, &e->ha, i->at.ra.slla,
			       NUD_REACHABLE, true);
	} else if (attach_on_link(&i->at, &e->ha)) {
		h->ha_solicits = 0;
		ask(h, i, now);
		return;
	}
	tell_ha(mn, i, e, now);
}

/* RFC 6275 11.5.5: the home agent's answer for the HoA, to all nodes, S
 * clear. */
void home_on_na(struct mn *mn, struct mn_iface *i, const struct ip6_pkt *pkt)
{
	struct bul_entry *e;
	struct nd_na na;
	enum reason reason = nd_na_parse(&na, pkt);

	if (reason) {
		count_refusal(reason, "NA from %s on %s", ip6_str(&pkt->src),
			      i->name);
		return;
	}
	e = bul_find(&mn->bul, &na.target);
	if (!e || !home_asks(hoa_of(e)) || !na.has_tlla ||
	    hoa_of(e)->home_ifindex != i->ifindex)
		return;
	rtnl_neigh_set(mn->rtnl, i->ifindex, &e->ha, na.tlla, NUD_REACHABLE,
		       true);
	tell_ha(mn, i, e, loop_now());
}
