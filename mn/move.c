/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/move.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "mn/iface.h"
#include "mn/moveint.h"
#include "mn/whose.h"

/* RFC 6089 5.3.6: both interfaces carry what the one that is about to go had. */
static const mtime COPIES = {2000000000};

static bool is_attached(const struct mn_iface *i)
{
	return i->at.state == ATTACH_ATTACHED &&
	       !IN6_IS_ADDR_UNSPECIFIED(&i->gateway);
}

static bool is_leaving(const struct mn *mn, unsigned int k)
{
	return mtime_before(loop_now(), mn->moves.notices[k].until);
}

/* ---- facts for way.c */

void move_describe(const struct mn *mn, struct way_iface out[MN_IFACES_MAX])
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		out[k] = (struct way_iface){
			.name = mn->ifaces[k].name,
			.preference = mn->conf.ifaces[k].preference,
			.metered = mn->conf.ifaces[k].metered,
			.attached = is_attached(&mn->ifaces[k]),
			.leaving = is_leaving(mn, k),
			.weak = mn->moves.notices[k].weak,
		};
}

static bool has_addr(const struct mn_iface *i, const struct in6_addr *addr)
{
	const struct attach_addr *a;

	for (a = i->at.addrs; a < i->at.addrs + i->at.n_addrs; a++)
		if (a->usable && ip6_addr_eq(&a->addr, addr))
			return true;
	return false;
}

static int home_of(struct mn *mn, const struct in6_addr *hoa)
{
	const struct bul_entry *e = bul_find(&mn->bul, hoa);
	struct mn_iface *i;
	int k, home = -1;

	for (k = 0; k < (int)mn->conf.n_ifaces; k++) {
		i = &mn->ifaces[k];
		if (!is_attached(i) || !attach_prefix(&i->at, hoa))
			continue;
		if (has_addr(i, hoa))
			return k;
		if (home < 0 && e && mn_at_home(mn, i, e))
			home = k;
	}
	return home;
}

const struct move_order *move_ordered(const struct mn *mn,
				      const struct dp_flow_key *key)
{
	const struct moves *m = &mn->moves;
	unsigned int k;

	for (k = 0; k < m->n_orders; k++)
		if (move_same_key(&m->orders[k].key, key))
			return &m->orders[k];
	return NULL;
}

struct way_wish move_wish(struct mn *mn, const struct dp_flow_key *key)
{
	const struct move_order *o = move_ordered(mn, key);

	return (struct way_wish){
		.hand = o ? (int)o->iface : -1,
		.insists = o && o->insists,
		.home = home_of(mn, &key->hoa),
	};
}

struct move_home *move_home(const struct mn *mn,
				   const struct in6_addr *hoa)
{
	struct move_home *h = mn->moves.homes;

	while (h && !ip6_addr_eq(&h->hoa, hoa))
		h = h->next;
	return h;
}

/* By what was worked out last, where that can be; else without its flows. */
static int choose_home(struct mn *mn, const struct in6_addr *hoa,
		       enum move_why *why)
{
	struct way_iface ifaces[MN_IFACES_MAX];
	struct dp_flow_key key = move_whole(hoa);
	const struct move_home *h = move_home(mn, hoa);
	struct mn_iface *i = h && h->by_flows ?
		mn_iface(mn, h->want.ifindex) : NULL;
	struct way_wish wish = move_wish(mn, &key);

	if (i && is_attached(i)) {
		*why = h->why;
		return move_number(mn, i);
	}
	move_describe(mn, ifaces);
	return way_choose(ifaces, mn->conf.n_ifaces, &wish, why);
}

/* The interface for a home address' packets, those of flows with a way of
 * their own aside; NULL: none is attached. Pure look-up. */
static struct mn_iface *iface_for(struct mn *mn, const struct in6_addr *hoa,
				  enum move_why *why)
{
	int k = choose_home(mn, hoa, why);

	return k < 0 ? NULL : &mn->ifaces[k];
}

/* NULL where neither an order nor a notice nor the policy says anything. */
static struct mn_iface *by_policy(struct mn *mn, const struct hoa *h)
{
	enum move_why why;
	struct mn_iface *i = iface_for(mn, &h->e->hoa, &why);

	switch (why) {
	case MOVE_WHY_HAND:
	case MOVE_WHY_POLICY:
	case MOVE_WHY_PREPARE:
	case MOVE_WHY_SIGNAL:
		return i;
	case MOVE_WHY_NONE:
	case MOVE_WHY_HOME:
	case MOVE_WHY_PREFERRED:
	case MOVE_WHY_FAILOVER:
	case MOVE_WHY_REFUSED:
	case MOVE_WHY_DEAD:
		break;
	}
	return NULL;
}

/* ---- flows */

bool move_key(struct dp_flow_key *key, const struct sock_rec *rec)
{
	*key = (struct dp_flow_key){
		.hoa = rec->local, .peer = rec->remote,
		.hoa_port = htons(rec->local_port),
		.peer_port = htons(rec->remote_port),
		.proto = rec->protocol,
	};
	return rec->local_port && rec->remote_port &&
	       ip6_unicast_routable(&rec->local) &&
	       ip6_unicast_routable(&rec->remote);
}

int move_rule(struct mn *mn, const struct sock_rec *rec)
{
	struct policy_flow flow = {
		.dst = rec->remote, .port = rec->remote_port,
		.protocol = rec->protocol, .mptcp = rec->mptcp,
		.uid = rec->uid, .gid = UINT32_MAX,
		.service = use_type(&mn->policy, rec).service,
	};
	struct whose whose;

	if (!policy_has_ways(&mn->policy))
		return -1;
	whose_of(&whose, rec, policy_ways_ask(&mn->policy));
	flow.comm = whose.comm;
	flow.cgroup = whose.cgroup;
	flow.groups = whose.groups;
	flow.n_groups = whose.n_groups;
	return policy_way(&mn->policy, &flow);
}

/* ---- orders */

void move_forget_order(struct moves *m, unsigned int k)
{
	m->orders[k] = m->orders[--m->n_orders];
	m->unsaved = true;
}

int move_order(struct mn *mn, const struct dp_flow_key *key, uint64_t cookie,
	       const struct mn_iface *iface)
{
	struct moves *m = &mn->moves;
	unsigned int k = 0;

	while (k < m->n_orders && !move_same_key(&m->orders[k].key, key))
		k++;
	if (!iface) {
		if (k == m->n_orders)
			return -ENOENT;
		move_forget_order(m, k);
		movekeep_save(mn);
		return 0;
	}
	if (k == MOVE_ORDERS_MAX)
		return -ENOSPC;
	m->n_orders += k == m->n_orders;
	m->orders[k] = (struct move_order){
		.key = *key, .cookie = cookie,
		.iface = (unsigned int)move_number(mn, iface),
		.insists = move_noticed(mn, iface) ||
			   move_is_weak(mn, iface),
	};
	m->unsaved = true;
	movekeep_save(mn);
	flows_hoas_changed(mn);
	return 0;
}

static bool has_way(const struct mn *mn, const struct dp_flow_key *key)
{
	const struct move_home *h = move_home(mn, &key->hoa);
	unsigned int i;

	for (i = 0; h && i < h->want.n_flows; i++)
		if (move_same_key(&h->want.flows[i].key, key))
			return true;
	return false;
}

void move_flow_ended(struct mn *mn, const struct sock_rec *rec)
{
	struct moves *m = &mn->moves;
	struct dp_flow_key key;
	unsigned int k;
	bool known;

	if (!move_key(&key, rec))
		return;
	known = has_way(mn, &key);
	for (k = m->n_orders; k-- > 0;) {
		if (!move_same_key(&m->orders[k].key, &key))
			continue;
		move_forget_order(m, k);
		known = true;
	}
	if (known)
		move_soon(mn);
}

bool move_watches(const struct mn *mn)
{
	return mn->moves.n_orders || policy_has_ways(&mn->policy);
}

/* Their addresses are about to be adopted. */
static void note_lost(struct mn *mn, const struct in6_addr *hoa,
		      const struct mn_iface *i)
{
	struct move_home *h;

	if (move_home(mn, hoa))
		return;
	h = movework_home(mn, hoa);
	if (!h)
		return;
	h->want = (struct path_want){.ifindex = i->ifindex};
	h->lost_at = loop_now();
}

static bool has_by(const struct path_want *want, uint32_t ifindex)
{
	unsigned int k;

	for (k = 0; k < want->n_flows; k++)
		if (want->flows[k].ifindex == ifindex)
			return true;
	return want->ifindex == ifindex;
}

void move_lost(struct mn *mn, const struct mn_iface *i)
{
	struct move_home *h;
	unsigned int k;

	if (mn->conf.n_ifaces < 2)
		return;
	/* what was to go has gone */
	mn->moves.notices[move_number(mn, i)] = (struct move_notice){
		.weak = move_is_weak(mn, i)};
	movebar_lost(mn, i);
	for (k = 0; k < i->at.n_addrs; k++)
		note_lost(mn, &i->at.addrs[k].addr, i);
	for (h = mn->moves.homes; h; h = h->next) {
		if (h->want.ifindex == i->ifindex)
			h->lost_at = loop_now();
		/* it may be back before what is left was worked out */
		h->again |= has_by(&h->want, i->ifindex);
	}
	move_soon(mn);
}

/* ---- notices */

bool move_noticed(const struct mn *mn, const struct mn_iface *i)
{
	return is_leaving(mn, (unsigned int)move_number(mn, i));
}

/* An order of before does not hold against a notice. */
static void insist_no_more(struct moves *m, unsigned int n)
{
	unsigned int k;

	for (k = 0; k < m->n_orders; k++)
		if (m->orders[k].iface == n)
			m->orders[k].insists = false;
}

void move_notice(struct mn *mn, const struct mn_iface *i, mtime in)
{
	unsigned int n = (unsigned int)move_number(mn, i);
	mtime copies = mtime_before(in, COPIES) ? in : COPIES;
	struct move_notice notice = {.weak = mn->moves.notices[n].weak};

	if (in.ns) {
		notice.until = mtime_add(loop_now(), in);
		notice.copies_until = mtime_add(loop_now(), copies);
	}
	mn->moves.notices[n] = notice;
	insist_no_more(&mn->moves, n);
	movecourse_arm(mn);
}

void move_notice_by_link(struct mn *mn, const struct mn_iface *i, mtime in)
{
	unsigned int n = (unsigned int)move_number(mn, i);

	if (move_noticed(mn, i) ? !mn->moves.notices[n].by_link : !in.ns)
		return;
	move_notice(mn, i, in);
	mn->moves.notices[n].by_link = true;
}

bool move_is_weak(const struct mn *mn, const struct mn_iface *i)
{
	return mn->moves.notices[move_number(mn, i)].weak;
}

void move_weak(struct mn *mn, const struct mn_iface *i, bool weak)
{
	unsigned int n = (unsigned int)move_number(mn, i);
	struct move_notice *notice = &mn->moves.notices[n];

	if (weak == notice->weak)
		return;
	notice->weak = weak;
	if (weak) {
		notice->copies_until = mtime_add(loop_now(), COPIES);
		insist_no_more(&mn->moves, n);
	}
	movecourse_arm(mn);
}

/* ---- for those who look */

/* Why a flow, with an order, a rule, or neither. */
static int choose_flow(struct mn *mn, const struct sock_rec *rec,
		       enum move_why *why, int *rule)
{
	struct way_iface ifaces[MN_IFACES_MAX];
	struct dp_flow_key key, home = move_whole(&rec->local);
	struct way_wish wish, of_home = move_wish(mn, &home);
	bool own = move_key(&key, rec);

	wish = own ? move_wish(mn, &key) : of_home;
	if (wish.hand < 0) {
		wish.hand = of_home.hand;
		wish.insists = of_home.insists;
	}
	*rule = own ? move_rule(mn, rec) : -1;
	if (*rule >= 0)
		wish.rule = &mn->policy.rules[*rule].way;
	move_describe(mn, ifaces);
	return way_choose(ifaces, mn->conf.n_ifaces, &wish, why);
}

/* It goes by i, and should go by another. */
static enum move_why why_instead(struct mn *mn, const struct dp_flow_key *key,
				 int wanted, const struct mn_iface *i)
{
	enum move_why why;
	uint8_t status;
	int err = wanted < 0 ? 0 : paths_refused(mn, key,
						 mn->ifaces[wanted].ifindex,
						 &status);

	if (wanted >= 0 && move_iface_unheard(mn, &key->hoa,
					      mn->ifaces[wanted].ifindex))
		return MOVE_WHY_DEAD;
	if (err)
		return MOVE_WHY_REFUSED;
	if (move_number(mn, i) == home_of(mn, &key->hoa))
		return MOVE_WHY_HOME;
	iface_for(mn, &key->hoa, &why);
	return why;
}

struct mn_iface *move_of(struct mn *mn, const struct sock_rec *rec,
			 enum move_why *why, int *rule)
{
	int wanted = choose_flow(mn, rec, why, rule);
	struct dp_flow_key key;
	struct mn_iface *i;

	if (!move_key(&key, rec))
		key = move_whole(&rec->local);
	i = mn_iface(mn, paths_of(mn, &key, NULL));
	/* not yet, or it is none that moves: its home address' way */
	if (i && move_number(mn, i) != wanted) {
		*rule = -1;
		*why = why_instead(mn, &key, wanted, i);
	}
	return i;
}

struct mn_iface *move_would(struct mn *mn, const struct in6_addr *source,
			    int rule, enum move_why *why)
{
	struct way_iface ifaces[MN_IFACES_MAX];
	struct dp_flow_key key = move_whole(source);
	struct way_wish wish = move_wish(mn, &key);
	int k;

	if (rule >= 0)
		wish.rule = &mn->policy.rules[rule].way;
	move_describe(mn, ifaces);
	k = way_choose(ifaces, mn->conf.n_ifaces, &wish, why);
	return k < 0 ? NULL : &mn->ifaces[k];
}

/* By temporary addresses where the kernel would (RFC 8981, use_tempaddr 2). */
static struct in6_addr address_of(const struct mn_iface *i)
{
	bool temporary = sysctl_ipv6_get(i->name, "use_tempaddr") >= 2;
	const struct attach_addr *a;

	for (a = i->at.addrs; a < i->at.addrs + i->at.n_addrs; a++)
		if (temporary && a->temporary && a->usable &&
		    !a->deprecated && attach_prefix(&i->at, &a->addr))
			return a->addr;
	return i->at.coa;
}

/* Interfaces are attached, and it may use none of them. */
bool move_forbidden(struct mn *mn, const struct policy_rule *rule)
{
	struct way_iface ifaces[MN_IFACES_MAX];
	struct way_wish wish = {
		.hand = -1, .home = -1, .rule = &rule->way,
	};
	enum move_why why;

	move_describe(mn, ifaces);
	return rule->way.n_never && mn_preferred(mn) &&
	       way_choose(ifaces, mn->conf.n_ifaces, &wish, &why) < 0;
}

struct in6_addr move_source(struct mn *mn, const struct policy_rule *rule)
{
	struct way_iface ifaces[MN_IFACES_MAX];
	struct way_wish wish = {
		.hand = -1, .home = -1, .rule = &rule->way,
	};
	enum move_why why;
	int k;

	if (!policy_way_given(&rule->way))
		return in6addr_any;
	move_describe(mn, ifaces);
	k = way_choose(ifaces, mn->conf.n_ifaces, &wish, &why);
	if (k < 0 || &mn->ifaces[k] == mn_preferred(mn))
		return in6addr_any;
	return address_of(&mn->ifaces[k]);
}

/* ---- start and end */

void move_init(struct mn *mn)
{
	mn->iface_policy = by_policy;
	movecourse_init(mn);
	movework_init(mn);
}

void move_stop(struct mn *mn)
{
	movectl_stop(mn);
	movecourse_stop(mn);
	movework_stop(mn);
}
