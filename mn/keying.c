/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IKE at the mobile node: for which home addresses and home agents SAs are
 * wanted, from where, and what their coming and going means for anchors and
 * bindings. When one is begun is mn/assoc.c's to decide.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"

/* A handover is a round trip; where it takes longer, other home agents' IKE
 * does not wait for it. */
static const mtime HOLD_MAX = {3000000000};

static struct keys *keys_of(struct mn *mn)
{
	return mn->keying.keys;
}

/* ---- home addresses that are asked for */

/* As associations for ::, until the home agent has said for which. */

static struct keying_request *request_find(struct mn *mn,
					   const struct in6_addr *ha)
{
	struct keying_request *r = mn->keying.requests;

	while (r && !ip6_addr_eq(&r->ha, ha))
		r = r->next;
	return r;
}

static void request_free(struct mn *mn, struct keying_request *r)
{
	struct keying_request **at = &mn->keying.requests;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	free(r);
}

int keying_request(struct mn *mn, const struct in6_addr *ha,
		   const struct ip6_prefix *prefix)
{
	struct keying_request *r = request_find(mn, ha);

	if (!keys_of(mn))
		return -ENOTSUP;
	if (r)
		return 0;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->ha = *ha;
	r->prefix = *prefix;
	r->next = mn->keying.requests;
	mn->keying.requests = r;
	log_info("HA %s: asked for a home address", ip6_str(ha));
	keying_soon(mn);
	return 0;
}

/* Told later: the association machine is at work. */
static void request_failed(struct mn *mn, const struct in6_addr *ha,
			   enum reason why)
{
	struct keying_request *r = request_find(mn, ha);

	if (!r)
		return;
	r->failed = true;
	r->why = why;
	keying_soon(mn);
}

/* Has any interface of this host it? The home addresses of kedge0 are known by
 * their home agents: the same one may be assigned again. */
static bool may_take(struct mn *mn, const struct in6_addr *hoa,
		     const struct in6_addr *ha)
{
	const struct bul_entry *e = bul_find(&mn->bul, hoa);
	struct rtnl_path path;

	if (e)
		return ip6_addr_eq(&e->ha, ha);
	return rtnl_path_get(mn->rtnl, hoa, &path) || !path.local;
}

/*
 * RFC 5026 5.3.1 has the home agent name the address. It is taken only of the
 * prefix that this home agent is configured for: whoever that is, it gets no
 * packets of others' addresses by this.
 */
static enum reason op_authorize(void *arg, const struct ike_peer *peer,
				const struct in6_addr *hoa,
				const struct in6_addr *ha)
{
	struct mn *mn = arg;
	const struct keying_request *r = request_find(mn, ha);

	if (!peer->initiator)
		return REASON_IKE_ID_DENIED;
	if (!r)
		return REASON_IKE_LOCAL;
	if (ip6_prefix_has(&r->prefix, hoa) && ip6_unicast_routable(hoa) &&
	    !ip6_addr_eq(hoa, ha) && may_take(mn, hoa, ha))
		return REASON_NONE;
	log_warn("HA %s assigned %s, which is no home address of its prefix "
		 "or is ours already", ip6_str(ha), ip6_str(hoa));
	return REASON_IKE_ASSIGNED;
}

/* ---- what the association machines ask for */

static uint32_t op_initiate(void *arg, struct assoc *a)
{
	return keys_initiate(keys_of(arg), &a->source, &a->hoa, &a->ha);
}

struct search {
	uint32_t id;
	struct keys_peer *found;
};

static void match_id(void *arg, struct keys_peer *p)
{
	struct search *s = arg;

	if (p->peer.id == s->id)
		s->found = p;
}

static void op_end(void *arg, struct assoc *a, uint32_t id, bool told)
{
	struct keys *keys = keys_of(arg);
	struct search s = {.id = id};

	keys_each(keys, match_id, &s);
	if (!s.found)
		return;
	if (told)	/* the address that it ran from may be gone */
		keys_move(keys, s.found, &a->source, NULL);
	keys_end(keys, s.found, told);
}

static void op_state(void *arg, struct assoc *a, enum assoc_state old)
{
	struct mn *mn = arg;

	log_info("IKE for HoA %s, HA %s, from %s: %s -> %s", ip6_str(&a->hoa),
		 ip6_str(&a->ha), ip6_str(&a->source), assoc_state_str(old),
		 assoc_state_str(a->state));
	mn_event(mn, ctl_ev("association", "hoa", ip6_str(&a->hoa), "ha",
			    ip6_str(&a->ha), "state",
			    assoc_state_str(a->state), "old",
			    assoc_state_str(old), "why", a->why ?
			    reason_str(a->why) : (char *)NULL, NULL));
}

static const char *failure(enum reason why)
{
	if (why == REASON_NONE)
		return "the home agent ended it";
	if (why == REASON_IKE_NO_ANSWER)
		return "the home agent does not answer";
	if (why == REASON_IKE_ANCHOR)
		return "its certificate does not name it";
	return reason_text(why);
}

/* Another router's word for it may be as good, or better. any: also of one that
 * has failed as well, but is before the present one. */
static bool try_another(struct mn *mn, struct bul_entry *e, bool any)
{
	const struct anchor *other = anchors_find(&mn->anchors, &e->hoa,
						  NULL, loop_now());
	struct in6_addr ha;

	if (bul_may_hold(e, loop_now()) || !hoa_is_movable(e) || !other ||
	    ip6_addr_eq(&other->ha, &e->ha) ||
	    (!any && !anchors_works(&mn->anchors, other, loop_now())) ||
	    !hoa_may_turn(mn, &e->hoa))
		return false;
	ha = other->ha;
	hoa_turn(mn, e, &ha);
	return true;
}

static void op_failed(void *arg, struct assoc *a)
{
	struct mn *mn = arg;
	struct bul_entry *e = bul_find(&mn->bul, &a->hoa);

	if (IN6_IS_ADDR_UNSPECIFIED(&a->hoa)) {
		request_failed(mn, &a->ha, a->why);
		return;
	}
	log_warn("IKE for HoA %s, HA %s: %s", ip6_str(&a->hoa),
		 ip6_str(&a->ha), failure(a->why));
	anchors_fail(&mn->anchors, &a->hoa, &a->ha, failure(a->why),
		     loop_now());
	/* RFC 5026 5.1.2: the next one. For others than fixed ones a home agent
	 * that is late is no reason to believe whoever claims their prefix. */
	if (e && ip6_addr_eq(&e->ha, &a->ha) && hoa_fixed_conf(mn, &e->hoa))
		try_another(mn, e, true);
	keying_soon(mn);
	select_tell(mn);	/* a remote anchor may do */
}

static void op_refused(void *arg, struct assoc *a)
{
	struct mn *mn = arg;
	struct bul_entry *e = bul_find(&mn->bul, &a->hoa);

	if (!e || !ip6_addr_eq(&e->ha, &a->ha))
		return;
	/* the HA has lost what it knew of us, but while the binding holds
	 * packets flow: the next refusal after that is the end */
	if (!e->bound && !try_another(mn, e, false))
		hoa_abandon(mn, e, failure(a->why));
}

static const struct assoc_ops assoc_ops = {
	.initiate = op_initiate,
	.end = op_end,
	.state = op_state,
	.failed = op_failed,
	.refused = op_refused,
};

/* ---- what became of IKE */

static int op_spi_add(void *arg, uint32_t spi)
{
	struct mn *mn = arg;

	return dp_spi_add(mn->dp, spi);
}

static void op_spi_del(void *arg, uint32_t spi)
{
	struct mn *mn = arg;

	dp_spi_del(mn->dp, spi);
}

/* The request that this IKE SA is of; NULL: it is of none. */
static struct keying_request *request_of(struct mn *mn,
					 const struct keys_peer *p)
{
	const struct assoc *a = assoc_find(&mn->keying.assocs, &in6addr_any,
					   &p->ha);

	return a && a->attempt == p->peer.id ? request_find(mn, &p->ha) : NULL;
}

static void up(struct mn *mn, const struct keys_peer *p)
{
	struct assoc *a = assoc_find(&mn->keying.assocs, &p->hoa, &p->ha);
	struct bul_entry *e = bul_find(&mn->bul, &p->hoa);

	assocs_up(&mn->keying.assocs, p->peer.id, loop_now());
	if (!a || a->id != p->peer.id) {	/* unwanted meanwhile */
		keys_end(keys_of(mn), p, true);
		return;
	}
	anchors_worked(&mn->anchors, &p->hoa, &p->ha, loop_now());
	if (e && ip6_addr_eq(&e->ha, &p->ha))
		bul_event(e, BUL_EV_KEYED, loop_now());
	keying_soon(mn);
}

static void op_up(void *arg, const struct keys_peer *p)
{
	struct mn *mn = arg;
	struct keying_request *r = request_of(mn, p);
	struct in6_addr hoa = p->hoa, ha = p->ha;

	if (r)
		assocs_assigned(&mn->keying.assocs, p->peer.id, &hoa);
	up(mn, p);
	if (!r)
		return;
	request_free(mn, r);
	count(COUNT_HOA_ASSIGNED);
	anchors_heard(&mn->anchors, &ha, ANCHOR_ASSIGNS, loop_now());
	hoa_assigned(mn, &hoa, &ha);
}

static void op_down(void *arg, const struct keys_peer *p, enum reason why)
{
	struct mn *mn = arg;

	assocs_down(&mn->keying.assocs, p->peer.id, why, loop_now());
	keying_soon(mn);
}

static const struct keys_ops keys_ops = {
	.authorize = op_authorize,
	.spi_add = op_spi_add,
	.spi_del = op_spi_del,
	.up = op_up,
	.down = op_down,
};

/* ---- what is wanted */

static struct in6_addr present_coa(struct mn *mn)
{
	struct mn_iface *i = mn_preferred(mn);

	return i ? i->at.coa : in6addr_any;
}

static void want(struct mn *mn, const struct in6_addr *hoa,
		 const struct in6_addr *ha, const struct in6_addr *source,
		 bool away)
{
	struct assoc *a;

	if (signal_has_manual_sas(mn, hoa, ha))
		return;
	a = assoc_get(&mn->keying.assocs, hoa, ha);
	if (!a) {
		log_err("IKE for HoA %s, HA %s: out of memory", ip6_str(hoa),
			ip6_str(ha));
		return;
	}
	a->seen = true;
	/* who is asked for an address is configured */
	assoc_want(a, source, away, IN6_IS_ADDR_UNSPECIFIED(hoa) ||
		   anchors_trusts(&mn->anchors, hoa, ha), loop_now());
}

/* From the CoA alone while away (RFC 6275 11.3.2), and it must be there. */
static void want_away(struct mn *mn, const struct bul_entry *e)
{
	const struct hoa *h = e->priv;
	struct mn_iface *i = mn_iface(mn, e->ifindex);
	bool there = i && i->at.state == ATTACH_ATTACHED;

	want(mn, &e->hoa, &e->ha, !there ? &in6addr_any :
	     h->at_home ? &e->hoa : &e->coa, !h->at_home);
}

static void want_on_link(struct mn *mn, const struct attach *at)
{
	const struct attach_addr *addr;
	struct in6_addr ha;

	if (at->state != ATTACH_ATTACHED)
		return;
	for (addr = at->addrs; addr < at->addrs + at->n_addrs; addr++)
		if (addr->usable && attach_prefix(at, &addr->addr) &&
		    !bul_find(&mn->bul, &addr->addr) &&
		    keying_ha(mn, &addr->addr, &ha))
			want(mn, &addr->addr, &ha, &addr->addr, false);
}

static void want_all(struct mn *mn)
{
	struct in6_addr coa = present_coa(mn);
	const struct keying_request *r;
	const struct bul_entry *e;
	struct assoc *a, *next;
	unsigned int k;

	for (a = mn->keying.assocs.list; a; a = a->next)
		a->seen = false;
	for (e = mn->bul.entries; e; e = e->next)
		want_away(mn, e);
	for (k = 0; k < mn->conf.n_ifaces && !mn->flushing; k++)
		want_on_link(mn, &mn->ifaces[k].at);
	for (r = mn->keying.requests; r && !mn->flushing; r = r->next)
		want(mn, &in6addr_any, &r->ha, &coa, false);
	for (a = mn->keying.assocs.list; a; a = next) {
		next = a->next;
		if (!a->seen)
			assoc_unwant(a, &coa);
	}
}

/* ---- the hold */

static bool awaits_ba(const struct bul_entry *e)
{
	switch (e->state) {
	case BUL_NEW:
	case BUL_DETACHED:
	case BUL_REGISTERING:
	case BUL_REFRESHING:
	case BUL_RETURNING:
	case BUL_RELEASING:
		return true;
	case BUL_BOUND:
	case BUL_GONE:
		return false;
	}
	return false;
}

/*
 * While there is no network, and then until the BAs are there, nothing else is
 * sent. A home address without SAs waits for IKE itself.
 */
static bool handover(struct mn *mn, mtime now)
{
	const struct bul_entry *e;

	if (!mn_preferred(mn))
		return true;
	if (!mtime_before(now, mn->keying.hold_until))
		return false;
	for (e = mn->bul.entries; e; e = e->next)
		if (awaits_ba(e) && sadb_out(mn->sadb, &e->hoa, &e->ha))
			return true;
	return false;
}

static void set_hold(struct mn *mn, bool hold)
{
	mn->keying.assocs.held = hold;
	keys_hold(keys_of(mn), hold);
}

void keying_moving(struct mn *mn)
{
	if (!keys_of(mn))
		return;
	set_hold(mn, true);
	keying_soon(mn);
}

void keying_moved(struct mn *mn)
{
	mn->keying.hold_until = mtime_add(loop_now(), HOLD_MAX);
	keying_soon(mn);
}

/* One attempt is all: who asked decides whether to ask again. */
static void tell_failed(struct mn *mn)
{
	struct keying_request *r, *next;
	struct in6_addr ha;
	enum reason why;

	for (r = mn->keying.requests; r; r = next) {
		next = r->next;
		if (!r->failed)
			continue;
		ha = r->ha;
		why = r->why;
		anchors_fail(&mn->anchors, &r->prefix.addr, &ha, failure(why),
			     loop_now());
		request_free(mn, r);
		hoa_assign_failed(mn, &ha, failure(why));
	}
}

static void on_update(struct timer *timer, mtime now)
{
	struct keying *kg = (struct keying *)((char *)timer -
					      offsetof(struct keying, update));
	struct mn *mn = kg->assocs.arg;
	bool hold = handover(mn, now);

	set_hold(mn, hold);
	if (hold && mtime_before(now, kg->hold_until))
		timers_set(&mn->loop.timers, timer, kg->hold_until);
	tell_failed(mn);
	want_all(mn);
	assocs_run(&kg->assocs, now);
}

/* Put off for a moment: one event often changes much, and what follows must
 * not happen while somebody is still at work on the lists. */
void keying_soon(struct mn *mn)
{
	select_soon(mn);
	if (keys_of(mn))
		timers_set(&mn->loop.timers, &mn->keying.update, loop_now());
}

/* ---- what others ask and tell */

bool keying_ha(struct mn *mn, const struct in6_addr *addr, struct in6_addr *ha)
{
	const struct anchor *best = anchors_find(&mn->anchors, addr, NULL,
						 loop_now());
	const struct assoc *a, *use = NULL;

	/* what is there, or nearly, is kept, unless a trusted one is known */
	for (a = mn->keying.assocs.list; a; a = a->next) {
		if (!ip6_addr_eq(&a->hoa, addr))
			continue;
		if (a->id || (!use && a->attempt &&
			      (a->trusted || !best || !best->trusted)))
			use = a;
		if (a->id)
			break;
	}
	if (!use && !best)
		return false;
	*ha = use ? use->ha : best->ha;
	return true;
}

const char *keying_refusal(struct mn *mn, const struct in6_addr *hoa,
			   const struct in6_addr *ha)
{
	const struct assoc *a = assoc_find(&mn->keying.assocs, hoa, ha);

	if (signal_has_sas(mn, hoa, ha))
		return NULL;
	if (!keys_of(mn))
		return "no security association with its HA";
	return a && assoc_definitive(a->why) ? failure(a->why) : NULL;
}

bool keying_awaited(struct mn *mn, const struct in6_addr *hoa,
		    const struct in6_addr *ha)
{
	const struct assoc *a = assoc_find(&mn->keying.assocs, hoa, ha);

	/* without one: keying_soon() is about to make it */
	return keys_of(mn) && (!a || a->state != ASSOC_FAILED);
}

void keying_suspect(struct mn *mn, const struct in6_addr *hoa,
		    const struct in6_addr *ha)
{
	struct assoc *a = assoc_find(&mn->keying.assocs, hoa, ha);

	if (!a)
		return;
	assoc_event(a, ASSOC_EV_SUSPECT, loop_now());
	keying_soon(mn);
}

void keying_answered(struct mn *mn, const struct in6_addr *hoa,
		     const struct in6_addr *ha)
{
	struct assoc *a = assoc_find(&mn->keying.assocs, hoa, ha);

	if (a)
		assoc_event(a, ASSOC_EV_ANSWERED, loop_now());
}

void keying_bound(struct mn *mn, const struct in6_addr *hoa,
		  const struct in6_addr *ha, const struct in6_addr *at, bool k)
{
	struct keys_peer *p = keys_of(mn) ? keys_find(keys_of(mn), hoa, ha) :
					    NULL;

	if (p && k)
		keys_move(keys_of(mn), p, at, NULL);
	else if (p)
		keys_move_told(keys_of(mn), p, at);
}

const char *keying_why(const struct assoc *a)
{
	switch (a->state) {
	case ASSOC_UP:
	case ASSOC_LEAVING:
		return NULL;
	case ASSOC_RENEWING:
		return "the home agent does not answer, IKE is under way";
	case ASSOC_CONNECTING:
		return "IKE is under way";
	case ASSOC_IDLE:
		return IN6_IS_ADDR_UNSPECIFIED(&a->source) ?
			"no address to run IKE from" : "IKE is to begin";
	case ASSOC_FAILED:
		return failure(a->why);
	}
	return "?";
}

const struct assoc *keying_assoc(struct mn *mn, const struct anchor *anchor)
{
	const struct assoc *a, *best = NULL;

	for (a = mn->keying.assocs.list; a; a = a->next)
		if (ip6_addr_eq(&a->ha, &anchor->ha) &&
		    ip6_prefix_has(&anchor->prefix, &a->hoa) &&
		    (!best || (a->id && !best->id)))
			best = a;
	return best;
}

struct json_object *keying_json(struct mn *mn)
{
	return keys_of(mn) ? keys_json(keys_of(mn)) : NULL;
}

void keying_set_sadb(struct mn *mn, struct sadb *sadb)
{
	if (keys_of(mn))
		keys_set_sadb(keys_of(mn), sadb);
}

void keying_reload(struct mn *mn)
{
	if (keys_of(mn))
		keys_reload_crls(keys_of(mn), &mn->conf.ike.crls);
}

/* ---- start and end */

void keying_init(struct mn *mn)
{
	mn->keying.update.fn = on_update;
	assocs_init(&mn->keying.assocs, &assoc_ops, mn, &mn->loop.timers);
}

int keying_open(struct mn *mn)
{
	int err;

	if (!mn->conf.ike.on)
		return 0;
	err = keys_open(&mn->keying.keys, &mn->loop, mn->sadb, &mn->conf.ike,
			NULL, &keys_ops, mn);
	if (err)
		log_err("IKE: %s", strerror(-err));
	return err;
}

int keying_start(struct mn *mn)
{
	int err = keys_of(mn) ? keys_start(keys_of(mn)) : 0;

	if (err)
		log_err("IKE: %s", strerror(-err));
	else
		keying_moving(mn);
	return err;
}

void keying_close(struct mn *mn)
{
	assocs_fini(&mn->keying.assocs);
	while (mn->keying.requests)
		request_free(mn, mn->keying.requests);
	timers_del(&mn->loop.timers, &mn->keying.update);
	keys_close(keys_of(mn));
	mn->keying.keys = NULL;
}
