/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/iface.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <string.h>

#include "core/log.h"
#include "mn/mn.h"

/* So many Binding Updates of a home address that returns are waited for by
 * those that use it as care-of address: then its home agent is dead. */
enum { OTHERS_WAIT = 5 };
static const mtime OTHERS_EVERY = {5000000000};

/* RFC 4861 10: a router answers a solicitation within half a second, and one
 * or two may be lost. */
static const mtime START_WAIT = {3000000000};

/* ---- which one */

/* Detached is one whose state still says that it is not, in the event that
 * tells so: it has no gateway any more. */
bool iface_usable(const struct mn_iface *i)
{
	return i->at.state == ATTACH_ATTACHED &&
	       !IN6_IS_ADDR_UNSPECIFIED(&i->gateway);
}

bool mn_at_home(struct mn *mn, const struct mn_iface *i,
		const struct bul_entry *e)
{
	return attach_prefix(&i->at, &e->hoa) &&
	       anchors_names(&mn->anchors, &e->hoa, &e->ha);
}

/* Of those on the home link of e; NULL: of all. */
static struct mn_iface *best(struct mn *mn, const struct bul_entry *e)
{
	struct ifchoice list[MN_IFACES_MAX] = {0};
	unsigned int k, n = mn->conf.n_ifaces;

	for (k = 0; k < n; k++)
		list[k] = (struct ifchoice){
			.usable = iface_usable(&mn->ifaces[k]) &&
				  (!e || mn_at_home(mn, &mn->ifaces[k], e)),
			.leaving = move_noticed(mn, &mn->ifaces[k]),
			.weak = move_is_weak(mn, &mn->ifaces[k]),
			.preference = mn->conf.ifaces[k].preference,
			.metered = mn->conf.ifaces[k].metered,
		};
	k = ifchoice_best(list, n);
	return k < n ? &mn->ifaces[k] : NULL;
}

struct mn_iface *mn_preferred(struct mn *mn)
{
	return best(mn, NULL);
}

/* Where two are on the same link it stays with the one that it is at. */
static struct mn_iface *home_of(struct mn *mn, const struct hoa *h)
{
	struct mn_iface *i = h->at_home || home_asks(h) ?
		mn_iface(mn, h->home_ifindex) : NULL;

	return i && iface_usable(i) && mn_at_home(mn, i, h->e) ? i :
							best(mn, h->e);
}

struct mn_iface *mn_iface_for(struct mn *mn, const struct hoa *h)
{
	struct mn_iface *i = mn->iface_policy ? mn->iface_policy(mn, h) : NULL;

	if (!i || !iface_usable(i))
		i = home_of(mn, h);
	return i ? i : mn_preferred(mn);
}

/* ---- each home address to its own */

static bool is_with(const struct mn_iface *i, const struct bul_entry *e)
{
	return e->ifindex == i->ifindex && ip6_addr_eq(&e->coa, &i->at.coa);
}

/* Its deregistration is under way where it is. */
static bool is_ending(struct mn *mn, const struct bul_entry *e)
{
	const struct mn_iface *i = mn_iface(mn, e->ifindex);

	return e->state == BUL_RELEASING && i && iface_usable(i);
}

/* A daemon before us bound it, and that holds: its interface is given a moment
 * to find its router, or it would go to another one and back. */
static bool is_taken_over(struct mn *mn, const struct bul_entry *e, mtime now)
{
	struct mn_iface *i = mn_iface(mn, e->ifindex);
	mtime until = mtime_add(mn->started, START_WAIT);

	if (!mtime_before(now, until) || !e->bound || !i || !i->up ||
	    iface_usable(i) || IN6_IS_ADDR_UNSPECIFIED(&e->coa))
		return false;
	timers_set(&mn->loop.timers, &i->others, until);
	return true;
}

static void come_home(struct mn *mn, mtime now)
{
	struct bul_entry *e, *next;
	struct mn_iface *i;

	for (e = mn->bul.entries; e; e = next) {
		next = e->next;
		i = mn_iface_for(mn, e->priv);
		if (i && mn_at_home(mn, i, e) && e->state != BUL_RETURNING &&
		    !paths_take(i, e))
			home_come(mn, i, e, now);
	}
}

/*
 * The care-of address may be a home address that has just come home: until its
 * home agent has let go of it, what is sent there goes astray (RFC 6275
 * 11.5.5), so the others wait for that, with the care-of address that they
 * have; op_gone() of hoa.c comes back.
 */
static bool coa_is_held(struct mn *mn, struct mn_iface *i, mtime now)
{
	const struct bul_entry *e = bul_find(&mn->bul, &i->at.coa);

	if (!e || e->tries >= OTHERS_WAIT ||
	    (e->state != BUL_RETURNING && !home_asks(e->priv)))
		return false;
	timers_set(&mn->loop.timers, &i->others, mtime_add(now, OTHERS_EVERY));
	return true;
}

/* again: also those that are with it. NULL: of none. */
static void go_away(struct mn *mn, const struct mn_iface *again, mtime now)
{
	struct bul_entry *e, *next;
	struct mn_iface *i;

	for (e = mn->bul.entries; e; e = next) {
		next = e->next;
		i = mn_iface_for(mn, e->priv);
		if (!i || mn_at_home(mn, i, e) ||
		    (is_with(i, e) && i != again) || is_ending(mn, e) ||
		    is_taken_over(mn, e, now))
			continue;
		if (!coa_is_held(mn, i, now) && !paths_take(i, e))
			hoa_go_away(i, e, now);
	}
}

/* Those at home first: what the others use as care-of address may be one. */
static void settle(struct mn *mn, const struct mn_iface *again)
{
	mtime now = loop_now();

	come_home(mn, now);
	go_away(mn, again, now);
}

/* ---- new flows */

void iface_sync_preferred(struct mn *mn)
{
	const struct mn_iface *was = mn->preferred, *i = mn_preferred(mn);

	iface_main_default(mn);
	if (i == was)
		return;
	mn->preferred = i;
	select_soon(mn);
	keying_soon(mn);
	if (mn->conf.n_ifaces > 1)
		log_info("preferred interface: %s", i ? i->name : "none");
	mn_event(mn, ctl_ev("preferred", "interface", i ? i->name : "", "old",
			    was ? was->name : "", NULL));
}

/* ---- what happens */

void iface_settle(struct mn *mn)
{
	settle(mn, NULL);
	iface_sync_preferred(mn);
}

void iface_attached(struct mn *mn, struct mn_iface *i)
{
	/* before a BU looks for its way */
	iface_routes(mn, i);
	settle(mn, i);
	iface_sync_preferred(mn);
	hoa_fixed_check(mn);
}

/* Those that were adopted a moment ago, and have a second interface of ours on
 * their link: they are at home there, and nobody knows that they ever left. */
static void carry_over(struct mn *mn, mtime since)
{
	struct bul_entry *e, *next;
	struct mn_iface *i;

	for (e = mn->bul.entries; e; e = next) {
		const struct hoa *h = e->priv;

		next = e->next;
		i = mn_iface_for(mn, h);
		if (i && mn_at_home(mn, i, e) && !e->held_until.ns &&
		    !mtime_before(h->lost_at, since))
			home_carry(mn, i, e, loop_now());
	}
}

void iface_lost(struct mn *mn, struct mn_iface *i, mtime since)
{
	carry_over(mn, since);
	settle(mn, NULL);
	iface_routes(mn, i);
	iface_sync_preferred(mn);
	if (mn->preferred) {
		keying_moved(mn);
		discover_attached(mn);
	}
	mn_event(mn, ctl_ev("detached", "interface", i->name, NULL));
}

/* Not where a home agent may defend it: home.c sees to those. */
static struct mn_iface *holder_of(struct mn *mn, const struct mn_iface *but,
				  const struct in6_addr *addr)
{
	const struct attach_addr *a;
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces && !bul_find(&mn->bul, addr); k++) {
		struct mn_iface *i = &mn->ifaces[k];

		for (a = i->at.addrs; a < i->at.addrs + i->at.n_addrs; a++)
			if (i != but && a->placed &&
			    ip6_addr_eq(&a->addr, addr))
				return i;
	}
	return NULL;
}

bool iface_take_back(struct mn *mn, struct mn_iface *i,
		     const struct rtnl_event *ev)
{
	const struct in6_addr addr = ev->addr.addr;
	struct mn_iface *from = ev->addr.from_ra ? holder_of(mn, i, &addr) :
						   NULL;
	int err;

	if (!from)
		return false;
	log_info("%s: %s comes back from %s", i->name, ip6_str(&addr),
		 from->name);
	rtnl_addr_del(mn->rtnl, from->ifindex, &addr, ev->addr.prefix_len);
	rtnl_addr_del(mn->rtnl, i->ifindex, &addr, ev->addr.prefix_len);
	err = rtnl_addr_set(mn->rtnl, i->ifindex, &addr, ev->addr.prefix_len,
			    IFA_F_NODAD, ev->addr.valid, ev->addr.preferred);
	if (err)
		log_err("%s: %s: %s", i->name, ip6_str(&addr), strerror(-err));
	signal_announce(mn, i, &addr);
	return true;
}
