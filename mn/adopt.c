/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a home address comes: adopted when its network goes and a flow still uses
 * it, kept at home beside other ways, put away by a remote anchor's leave, or
 * taken over from a daemon before us.
 */
#include <sodium.h>
#include <stdlib.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"

/* Graceful-replacement: old and new address have stood side by side for the
 * time that was configured. */
static void on_graceful(struct timer *timer, mtime now)
{
	struct hoa *h = (struct hoa *)((char *)timer -
				       offsetof(struct hoa, graceful));

	h->graceful_over = true;
	flows_reset(h->mn, &h->e->hoa, 1u << SERVICE_GRACEFUL);
	flows_scan(h->mn, now);
}

static struct hoa *hoa_new(struct mn *mn, const struct in6_addr *hoa,
			   const struct in6_addr *ha, uint16_t seq, mtime now)
{
	struct hoa *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->mn = mn;
	h->grace.fn = flows_on_grace;
	h->graceful.fn = on_graceful;
	h->homing.fn = home_on_timer;
	h->fixed = hoa_is_fixed(mn, hoa, ha);
	h->queue_tail = &h->queue;
	h->used_since = now;
	h->mtu = IP6_MIN_MTU;
	h->e = bul_add(&mn->bul, hoa, ha, seq, now);
	if (!h->e) {
		free(h);
		return NULL;
	}
	h->e->priv = h;
	prefix_init(h);
	slow_hoas_changed(mn);
	flows_hoas_changed(mn);
	return h;
}

static uint16_t last_seq(struct mn *mn, const struct in6_addr *hoa)
{
	const struct gone *g = hoa_gone(mn, hoa);

	return g ? g->seq : randombytes_random();
}

static void begin_replacement(struct hoa *h, const struct flow_use *use,
			      mtime now)
{
	if (use->graceful && !hoa_is_replaced(h))
		timers_set(&h->mn->loop.timers, &h->graceful,
			   mtime_add(now, h->mn->policy.grace));
}

struct hoa *hoa_stay(struct mn *mn, const struct mn_iface *i,
		     const struct in6_addr *hoa, const struct in6_addr *ha)
{
	struct hoa *h = hoa_new(mn, hoa, ha, last_seq(mn, hoa), loop_now());

	if (!h)
		return NULL;
	h->way = (struct hoa_way){.home = true, .ifindex = i->ifindex};
	h->e->hoa_valid = attach_valid_until(&i->at, hoa);
	prefix_learn(h, &i->at);
	signal_know_ha(mn, ha);
	/* should its link go, it is there */
	hoa_put_on_tun(h);
	hoa_path_changed(h);
	mn_addr_sync(mn, hoa);
	keying_soon(mn);
	log_info("HoA %s, HA %s: at home, and to go by another interface",
		 ip6_str(hoa), ip6_str(ha));
	return h;
}

/* It was on its way home, or there and not yet acknowledged. */
static void leave_again(struct bul_entry *e, const struct flow_use *use,
			mtime now)
{
	hoa_of(e)->lost_at = now;
	begin_replacement(hoa_of(e), use, now);
	hoa_write(hoa_of(e));
}

bool hoa_agent(struct mn *mn, const struct in6_addr *hoa, struct in6_addr *ha)
{
	const struct mn_conf_fixed *f = hoa_fixed_conf(mn, hoa);

	if (!f || !fixed_has_ha(f))
		return keying_ha(mn, hoa, ha);
	*ha = f->ha;
	return true;
}

/* use: as counted, or all 0 where that failed. */
static void adopt(struct mn *mn, const struct flow_use *use, mtime now)
{
	const struct in6_addr *addr = &use->addr;
	const char *why;
	struct in6_addr ha;
	struct hoa *h;

	if (!hoa_agent(mn, addr, &ha)) {
		hoa_flows_lost(mn, addr, "no home agent is known for it");
		return;
	}
	why = keying_refusal(mn, addr, &ha);
	if (why) {
		hoa_flows_lost(mn, addr, why);
		return;
	}
	h = hoa_new(mn, addr, &ha, last_seq(mn, addr), now);
	if (!h) {
		hoa_flows_lost(mn, addr, "out of memory");
		return;
	}
	hoa_put_on_tun(h);
	count(COUNT_HOA_ADOPTED);
	log_info("HoA %s, HA %s: adopted", ip6_str(addr), ip6_str(&ha));
	mn_event(mn, ctl_ev("adopted", "hoa", ip6_str(addr), "ha",
			    ip6_str(&ha), NULL));
	h->lost_at = now;
	flows_take(h, use);
	begin_replacement(h, use, now);
	bul_event(h->e, BUL_EV_LOST, now);
	mn_addr_sync(mn, addr);
}

static void lose_coa(struct mn *mn, struct mn_iface *i, mtime now)
{
	struct bul_entry *e, *next;

	/* what has other ways does not wait for any */
	paths_lost(mn, i->ifindex);
	for (e = mn->bul.entries; e; e = next) {
		next = e->next;
		if (e->ifindex != i->ifindex)
			continue;
		hoa_of(e)->at_home = false;
		hoa_of(e)->lost_at = now;
		bul_event(e, BUL_EV_LOST, now);
	}
	for (e = mn->bul.entries; e; e = e->next)
		if (hoa_of(e)->home_ifindex == i->ifindex)
			home_forget(hoa_of(e));
}

/* Does anything use the address, or may something? Where the count failed, all
 * are taken for used. */
static bool in_use(struct mn *mn, const struct flow_use *use, bool counted)
{
	return !counted || use->tcp || use->udp ||
	       hoa_fixed_conf(mn, &use->addr);
}

/* RFC 8653 3.1: they asked for no more than this network's address; they are
 * told that it is gone, instead of hanging. After all else: it may be many. */
static void reset_nonpersistent(struct mn *mn, const struct flow_use *uses,
				unsigned int n)
{
	unsigned int k;

	for (k = 0; k < n && mn->policy.reset_nonpersistent; k++)
		if (uses[k].nonpersistent)
			flows_reset(mn, &uses[k].addr,
				    1u << SERVICE_NONPERSISTENT);
}

static void learn_lifetime(struct bul_entry *e, const struct attach_addr *a,
			   const struct attach *at)
{
	e->hoa_valid = a->valid_until;
	prefix_learn(hoa_of(e), at);
}

void hoa_adopt_these(struct mn *mn, struct mn_iface *i,
		     const struct attach_addr *addrs, unsigned int n)
{
	struct flow_use uses[ATTACH_ADDRS_MAX];
	mtime now = loop_now();
	unsigned int k;
	int err;

	flows_moving(mn);
	for (k = 0; k < n; k++)
		uses[k].addr = addrs[k].addr;
	err = flows_count(mn, uses, n);
	for (k = 0; k < n; k++) {
		const struct attach_addr *a = &addrs[k];
		struct bul_entry *e = bul_find(&mn->bul, &a->addr);

		if (e)
			leave_again(e, &uses[k], now);
		else if (in_use(mn, &uses[k], !err))
			adopt(mn, &uses[k], now);
		e = bul_find(&mn->bul, &a->addr);
		if (e)
			learn_lifetime(e, a, &i->at);
		else
			flows_forget(mn, &a->addr);
		if (!a->permanent)
			rtnl_addr_del(mn->rtnl, i->ifindex, &a->addr,
				      a->prefix_len);
	}
	flows_hoas_changed(mn);
	flows_scan(mn, now);
	if (!err)
		reset_nonpersistent(mn, uses, n);
}

void hoa_adopt_all(struct mn *mn, struct mn_iface *i)
{
	lose_coa(mn, i, loop_now());
	/* who is away already does not wait for the sockets to be counted */
	iface_settle(mn);
	hoa_adopt_these(mn, i, i->at.addrs, i->at.n_addrs);
}

void hoa_adopt_strays(struct mn *mn, struct mn_iface *i,
		      const struct in6_addr *router)
{
	struct attach_addr addrs[ATTACH_ADDRS_MAX];
	struct ip6_prefix prefixes[ATTACH_ADDRS_MAX];
	const struct attach *at = &i->at;
	unsigned int k, n = 0;

	for (k = 0; k < at->n_addrs; k++) {
		const struct attach_addr *a = &at->addrs[k];

		if (a->permanent || attach_prefix(at, &a->addr))
			continue;
		prefixes[n] = (struct ip6_prefix){a->addr, a->prefix_len};
		addrs[n++] = *a;
	}
	hoa_adopt_these(mn, i, addrs, n);
	rtnl_router_forget(mn->rtnl, i->ifindex, router, prefixes, n);
	iface_attached(mn, i);
}

/* One that has never been away, or was lost: as if it had just gone. */
struct hoa *hoa_put_away(struct mn *mn, const struct in6_addr *hoa,
			 const struct in6_addr *ha, bool assigned)
{
	mtime now = loop_now();
	struct hoa *h = hoa_new(mn, hoa, ha, last_seq(mn, hoa), now);
	struct mn_iface *i;

	if (!h) {
		hoa_flows_lost(mn, hoa, "out of memory");
		return NULL;
	}
	h->assigned = assigned;
	hoa_put_on_tun(h);
	bul_event(h->e, BUL_EV_LOST, now);
	mn_addr_sync(mn, hoa);
	i = mn_iface_for(mn, h);
	if (i)
		hoa_go_away(i, h->e, now);
	keying_soon(mn);
	return h;
}

/* ---- after a restart */

static void restore(void *arg, const struct in6_addr *hoa,
		    const struct dp_binding *b)
{
	mtime now = loop_now(), expires = {(int64_t)b->expires};
	struct mn *mn = arg;
	struct hoa *h;
	bool holds;

	signal_know_ha(mn, &b->remote);
	if (bul_find(&mn->bul, hoa))
		return;
	h = hoa_new(mn, hoa, &b->remote, b->seq, now);
	if (!h)
		return;
	hoa_put_on_tun(h);
	/* a clock that goes on while we do not: CLOCK_BOOTTIME */
	if (b->created && (int64_t)b->created < now.ns)
		h->e->since.ns = (int64_t)b->created;
	if (b->flags & DP_BINDING_GRACEFUL)
		timers_set(&mn->loop.timers, &h->graceful,
			   mtime_add(h->e->since, mn->policy.grace));
	h->assigned = b->flags & DP_BINDING_ASSIGNED;
	h->up = b->flags & DP_BINDING_UP;
	h->mtu = b->mtu + IP6_HDR_LEN;
	h->way.coa = b->local;
	h->way.ifindex = b->ifindex;
	holds = h->up && mtime_before(now, expires);
	if (holds) {
		/* where the home link was its way, that is not local's */
		bul_restore(h->e, &b->local,
			    b->flags & DP_BINDING_HOME ? 0 : b->ifindex,
			    b->lifetime, expires, now);
		paths_restore(h, b);
	}
	if (!h->way.home)
		hoa_set_rule(h, true);
	if (!holds)
		bul_event(h->e, BUL_EV_LOST, now);
	mn_addr_sync(mn, hoa);
	count(COUNT_BINDING_RESTORED);
	log_info("HoA %s, HA %s: taken over, %s", ip6_str(hoa),
		 ip6_str(&b->remote), bul_state_str(h->e->state));
}

struct found {
	size_t n;
	struct in6_addr hoa[MN_BINDINGS_MAX];
	struct dp_binding b[MN_BINDINGS_MAX];
};

static void collect(void *arg, const struct in6_addr *hoa,
		    const struct dp_binding *b)
{
	struct found *f = arg;

	if (f->n == MN_BINDINGS_MAX)
		return;
	f->hoa[f->n] = *hoa;
	f->b[f->n++] = *b;
}

void hoa_restore_all(struct mn *mn)
{
	struct found *f = calloc(1, sizeof(*f));
	size_t i;

	if (!f)
		return;
	dp_binding_each(mn->dp, collect, f);
	for (i = 0; i < f->n; i++)
		restore(mn, &f->hoa[i], &f->b[i]);
	free(f);
	paths_clear(mn);
	flows_scan_soon(mn);
}
