/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wanted of each home address, worked out, and that it becomes so. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/iface.h"
#include "mn/moveint.h"

/* A pass over all flows: not more than a tenth of the time. Those that begin
 * untold (accepted; or without the socket programs) are found by one now and
 * then. */
enum { SCAN_SHARE = 10, FLOWS_MAX = 16384 };
static const mtime SCAN_DELAY = {2000000};
static const mtime RESCAN = {5000000000};

/* An attempt that failed is made again. */
static const mtime RETRY = {2000000000};

static uint32_t ifindex_of(const struct mn *mn, int k)
{
	return k < 0 ? 0 : mn->ifaces[k].ifindex;
}

static const char *name_of(struct mn *mn, uint32_t ifindex)
{
	const struct mn_iface *i = mn_iface(mn, ifindex);

	return i ? i->name : "";
}

/* ---- flows */

struct found {
	struct sock_rec rec;
	int rule;
};

/* All flows that may have a way of their own. */
struct pass {
	struct mn *mn;
	struct found *v;
	size_t n, max;
	bool whole;		/* it has seen them all */
};

/* Those that keep their address: one that does not has no binding, but where a
 * person wants it so. */
static void on_flow(void *arg, const struct sock_rec *rec)
{
	struct pass *p = arg;
	struct flow_type type = use_type(&p->mn->policy, rec);
	struct dp_flow_key key;

	if (!use_is_flow(rec) || !ip6_unicast_routable(&rec->local))
		return;
	move_key(&key, rec);
	if (!use_keeps(rec, &type) && !move_ordered(p->mn, &key))
		return;
	if (p->n == p->max)
		p->whole = false;
	else
		p->v[p->n++] = (struct found){.rec = *rec, .rule = -1};
}

static int by_address(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int order = memcmp(&x->rec.local, &y->rec.local,
			   sizeof(x->rec.local));

	if (order)
		return order;
	return x->rec.cookie < y->rec.cookie ? -1 :
		x->rec.cookie > y->rec.cookie;
}

static bool needs_flows(const struct mn *mn)
{
	const struct move_home *h;
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		if (move_noticed(mn, &mn->ifaces[k]) ||
		    move_is_weak(mn, &mn->ifaces[k]))
			return true;
	for (h = mn->moves.homes; h; h = h->next)
		if (h->want.n_flows)	/* that may go back */
			return true;
	return mn->moves.n_orders || policy_has_ways(&mn->policy);
}

/* 0 or -errno; then nothing is to be concluded. */
static int find_flows(struct pass *p)
{
	struct mn *mn = p->mn;
	mtime begun = loop_now(), spent;
	size_t i, n = 0;
	int err;

	p->v = calloc(FLOWS_MAX, sizeof(*p->v));
	if (!p->v)
		return -ENOMEM;
	p->max = FLOWS_MAX;
	p->whole = true;
	err = flows_each(mn, false, on_flow, p);
	p->whole &= !err;
	qsort(p->v, p->n, sizeof(*p->v), by_address);
	for (i = 0; i < p->n; i++)	/* a pass may see one twice */
		if (!n || p->v[n - 1].rec.cookie != p->v[i].rec.cookie)
			p->v[n++] = p->v[i];
	p->n = n;
	for (i = 0; i < n; i++)
		p->v[i].rule = move_rule(mn, &p->v[i].rec);
	spent = mtime_sub(loop_now(), begun);
	mn->moves.not_before = mtime_add(loop_now(),
					 (mtime){spent.ns * SCAN_SHARE});
	return err == -EINTR ? 0 : err;
}

/* Those whose flow has ended, unnoticed. */
static void forget_ended(struct mn *mn, const struct pass *p)
{
	struct moves *m = &mn->moves;
	unsigned int k;
	size_t i;

	for (k = m->n_orders; p->whole && k-- > 0;) {
		if (!m->orders[k].cookie)
			continue;
		for (i = 0; i < p->n; i++)
			if (p->v[i].rec.cookie == m->orders[k].cookie)
				break;
		if (i == p->n)
			move_forget_order(m, k);
	}
}

/* ---- what is wanted, and that it becomes so */

struct job {
	struct mn *mn;
	struct way_iface ifaces[MN_IFACES_MAX];
	struct in6_addr hoa;
	const struct found *found;
	struct way_flow *flows;
	unsigned int n;
	struct way_wish wish;
	struct way_plan plan;
	mtime since;		/* when that began which moves it */
	bool lost;		/* a loss */
};

static void make_flows(struct job *j)
{
	const struct policy *policy = &j->mn->policy;
	unsigned int i, n = 0;

	for (i = 0; i < j->n; i++) {
		const struct found *f = &j->found[i];
		struct way_flow *w = &j->flows[n];

		*w = (struct way_flow){0};
		if (!move_key(&w->key, &f->rec))
			continue;
		w->wish = move_wish(j->mn, &w->key);
		if (f->rule >= 0)
			w->wish.rule = &policy->rules[f->rule].way;
		n++;
	}
	j->n = n;
}

/* Only what the one that is about to go carries is copied. */
static uint32_t copies_by(struct job *j, uint32_t to)
{
	struct mn *mn = j->mn;
	struct way_iface all[MN_IFACES_MAX];
	enum move_why why;
	unsigned int k;
	int was;

	memcpy(all, j->ifaces, sizeof(all));
	for (k = 0; k < mn->conf.n_ifaces; k++)
		all[k].leaving = all[k].weak = false;
	was = way_choose(all, mn->conf.n_ifaces, &j->wish, &why);
	if (was < 0 || ifindex_of(mn, was) == to ||
	    !mn->moves.notices[was].copies_until.ns)
		return 0;
	return ifindex_of(mn, was);
}

static void make_want(struct job *j, struct path_want *want)
{
	unsigned int i;

	*want = (struct path_want){.ifindex = ifindex_of(j->mn, j->plan.to)};
	want->also = copies_by(j, want->ifindex);
	for (i = 0; i < j->n; i++)
		if (j->flows[i].own)
			want->flows[want->n_flows++] = (struct path_flow){
				.key = j->flows[i].key,
				.ifindex = ifindex_of(j->mn, j->flows[i].to),
			};
}

static bool same_want(const struct path_want *a, const struct path_want *b)
{
	return a->ifindex == b->ifindex && a->also == b->also &&
	       a->n_flows == b->n_flows &&
	       !memcmp(a->flows, b->flows, a->n_flows * sizeof(*a->flows));
}

static const char *rule_name(const struct job *j, const struct way_flow *f)
{
	const struct policy *p = &j->mn->policy;
	unsigned int i;

	if (f->why == MOVE_WHY_POLICY)
		for (i = 0; i < p->n_rules; i++)
			if (&p->rules[i].way == f->wish.rule)
				return p->rules[i].name;
	return "";
}

static void note(struct job *j, const struct dp_flow_key *key, uint32_t from,
		 uint32_t to, enum move_why why, const char *rule, int err)
{
	struct move_course c = {
		.key = *key, .from = from, .to = to, .why = why,
		.since = j->since,
	};

	snprintf(c.from_name, sizeof(c.from_name), "%s",
		 name_of(j->mn, from));
	snprintf(c.to_name, sizeof(c.to_name), "%s", name_of(j->mn, to));
	snprintf(c.rule, sizeof(c.rule), "%s", rule);
	movecourse_begin(j->mn, &c, err);
}

/* Where they are before it begins. */
static void where_now(const struct job *j, uint32_t *home, uint32_t *at)
{
	struct dp_flow_key key = move_whole(&j->hoa);
	unsigned int i;

	*home = paths_of(j->mn, &key, NULL);
	for (i = 0; i < j->n; i++)
		at[i] = paths_of(j->mn, &j->flows[i].key, NULL);
}

/* A flow that goes with the rest is not told of by itself, but where somebody
 * waits for it. */
static void note_all(struct job *j, uint32_t home, const uint32_t *at,
		     const struct path_want *want, int err)
{
	struct dp_flow_key key = move_whole(&j->hoa);
	unsigned int i;

	note(j, &key, home, want->ifindex, j->lost &&
	     j->plan.why == MOVE_WHY_PREFERRED ? MOVE_WHY_FAILOVER :
						 j->plan.why, "", err);
	for (i = 0; i < j->n; i++) {
		const struct way_flow *f = &j->flows[i];
		uint32_t to = f->own ? ifindex_of(j->mn, f->to) :
				       want->ifindex;

		if (f->own || at[i] != home || move_ordered(j->mn, &f->key))
			note(j, &f->key, at[i], to, f->why, rule_name(j, f),
			     err);
	}
}

struct move_home *movework_home(struct mn *mn, const struct in6_addr *hoa)
{
	struct move_home *h = move_home(mn, hoa);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->hoa = *hoa;
	h->next = mn->moves.homes;
	mn->moves.homes = h;
	return h;
}

/* At home with nothing wanted but that, and nothing that was. */
static bool is_plain(const struct job *j, const struct path_want *want)
{
	return !want->n_flows && !want->also && j->wish.home >= 0 &&
	       j->plan.to == j->wish.home && !move_home(j->mn, &j->hoa) &&
	       !bul_find(&j->mn->bul, &j->hoa);
}

/* What was lost went by what is wanted no more. */
static uint32_t where_before(const struct move_home *h, uint32_t home)
{
	return h->lost_at.ns && h->want.ifindex ? h->want.ifindex : home;
}

/* All of it is where it is to be, or will be when movebar.c says so. */
static bool is_settled(const struct job *j, const struct path_want *want,
		       uint32_t home)
{
	return home == want->ifindex ||
	       move_iface_barred(j->mn, &j->hoa, want->ifindex);
}

static void want(struct job *j, const struct path_want *want)
{
	uint32_t home, *at = calloc(j->n + 1, sizeof(*at));
	struct move_home *h = at ? movework_home(j->mn, &j->hoa) : NULL;
	int err = 0;
	bool same;

	if (h) {
		where_now(j, &home, at);
		same = same_want(&h->want, want) && !h->err && !h->again &&
		       is_settled(j, want, home);
		h->again = false;
		home = where_before(h, home);
		j->lost = h->lost_at.ns;
		j->since = j->lost ? h->lost_at : loop_now();
		h->lost_at.ns = 0;
		h->want = *want;
		h->why = j->plan.why;
		h->by_flows = j->plan.by_flows;
		h->seen = true;
		if (!same)
			err = paths_want(j->mn, &j->hoa, want);
		if (!same && (!err || err != h->err))
			note_all(j, home, at, want, err);
		h->err = err;
	}
	free(at);
}

/* It is about to go itself, or comes back by its own; or it was taken over, and
 * goes on as it is until its interfaces are there. */
static bool is_busy(struct mn *mn, const struct in6_addr *hoa)
{
	const struct bul_entry *e = bul_find(&mn->bul, hoa);

	return e && (e->idle || e->state == BUL_RELEASING ||
		     e->state == BUL_GONE || paths_waits(e->priv));
}

static void work_out(struct job *j)
{
	struct dp_flow_key key = move_whole(&j->hoa);
	struct path_want w;

	if (is_busy(j->mn, &j->hoa))
		return;
	j->wish = move_wish(j->mn, &key);
	make_flows(j);
	way_plan(j->ifaces, j->mn->conf.n_ifaces, &j->wish, j->flows, j->n,
		 &j->plan);
	if (j->plan.to < 0)	/* no network: it waits for one */
		return;
	make_want(j, &w);
	j->mn->moves.left_out += j->plan.left_out;
	if (!is_plain(j, &w))
		want(j, &w);
}

/* Of the flows of a pass those of one address. */
static void take_flows(struct job *j, const struct pass *p)
{
	size_t i = 0;

	while (i < p->n && memcmp(&p->v[i].rec.local, &j->hoa,
				  sizeof(j->hoa)) < 0)
		i++;
	j->found = p->v + i;
	j->n = 0;
	while (i + j->n < p->n &&
	       ip6_addr_eq(&p->v[i + j->n].rec.local, &j->hoa))
		j->n++;
}

static void each_home(struct job *j, const struct pass *p)
{
	struct in6_addr list[MN_BINDINGS_MAX + MN_IFACES_MAX *
			     ATTACH_ADDRS_MAX];
	struct mn *mn = j->mn;
	const struct bul_entry *e;
	unsigned int n = 0, k, a, i;

	for (e = mn->bul.entries; e && n < MN_BINDINGS_MAX; e = e->next)
		list[n++] = e->hoa;
	for (k = 0; k < mn->conf.n_ifaces; k++)
		for (a = 0; a < mn->ifaces[k].at.n_addrs; a++)
			if (mn->ifaces[k].at.addrs[a].usable &&
			    !bul_find(&mn->bul,
				      &mn->ifaces[k].at.addrs[a].addr))
				list[n++] = mn->ifaces[k].at.addrs[a].addr;
	for (i = 0; i < n; i++) {
		j->hoa = list[i];
		take_flows(j, p);
		/* one that nobody uses is nobody's to move */
		if (j->n || bul_find(&mn->bul, &j->hoa) ||
		    move_home(mn, &j->hoa) ||
		    move_ordered(mn, &(struct dp_flow_key){.hoa = j->hoa}))
			work_out(j);
	}
}

/* What the home agent, or nobody, has answered is tried when movebar.c says so. */
static bool is_worth_asking(int err)
{
	return err && err != -EOPNOTSUPP && err != -ECONNREFUSED &&
	       err != -EHOSTUNREACH;
}

/* Those of which nothing is wanted any more. */
static bool sweep_homes(struct mn *mn)
{
	struct move_home **at = &mn->moves.homes, *h;
	bool failed = false;

	while ((h = *at)) {
		if (h->seen) {
			failed |= is_worth_asking(h->err);
			at = &h->next;
			continue;
		}
		*at = h->next;
		free(h);
	}
	return failed;
}

static void tell_left_out(struct mn *mn, unsigned int before)
{
	if (mn->moves.left_out <= before)
		return;
	count(COUNT_FLOWS_LEFT_OUT);
	log_warn("%u flows go with the rest of their home address: %d of one "
		 "can have a way of their own", mn->moves.left_out,
		 PATHS_FLOWS_MAX);
}

static void publish_sources(struct mn *mn)
{
	struct in6_addr now[SOCK_RULES_MAX] = {0};
	uint64_t forbidden = 0;
	unsigned int i;

	for (i = 0; i < mn->policy.n_rules; i++) {
		now[i] = move_source(mn, &mn->policy.rules[i]);
		if (move_forbidden(mn, &mn->policy.rules[i]))
			forbidden |= UINT64_C(1) << i;
	}
	if (!memcmp(now, mn->moves.sources, sizeof(now)) &&
	    forbidden == mn->moves.forbidden)
		return;
	mn->moves.forbidden = forbidden;
	memcpy(mn->moves.sources, now, sizeof(now));
	policy_sources_changed(mn);
}

static void update(struct mn *mn)
{
	struct pass p = {.mn = mn};
	struct job j = {.mn = mn};
	unsigned int before = mn->moves.left_out;
	struct move_home *h;
	int err;

	if (mn->conf.n_ifaces < 2)	/* nothing to choose from */
		return;
	iface_sync_preferred(mn);	/* the sources are told by it */
	err = needs_flows(mn) ? find_flows(&p) : 0;
	publish_sources(mn);
	j.flows = calloc(p.n + 1, sizeof(*j.flows));
	if (err || !j.flows) {
		timers_set(&mn->loop.timers, &mn->moves.update,
			   mtime_add(loop_now(), RETRY));
	} else {
		forget_ended(mn, &p);
		movekeep_save(mn);
		move_describe(mn, j.ifaces);
		for (h = mn->moves.homes; h; h = h->next)
			h->seen = false;
		mn->moves.left_out = 0;
		each_home(&j, &p);
		tell_left_out(mn, before);
		if (sweep_homes(mn))
			timers_set(&mn->loop.timers, &mn->moves.update,
				   mtime_add(loop_now(), RETRY));
		move_settled(mn);
	}
	free(j.flows);
	free(p.v);
	movecourse_arm(mn);
}

static void arm_rescan(struct mn *mn)
{
	if (policy_has_ways(&mn->policy) && mn->conf.n_ifaces > 1)
		timers_set(&mn->loop.timers, &mn->moves.rescan,
			   mtime_add(loop_now(), RESCAN));
}

static void on_update(struct timer *timer, mtime now)
{
	struct mn *mn = move_mn((struct moves *)((char *)timer -
					offsetof(struct moves, update)));

	(void)now;
	if (mn->flushing)
		return;
	update(mn);
}

static void on_rescan(struct timer *timer, mtime now)
{
	struct mn *mn = move_mn((struct moves *)((char *)timer -
					offsetof(struct moves, rescan)));

	on_update(&mn->moves.update, now);
	arm_rescan(mn);
}

void move_soon(struct mn *mn)
{
	mtime at = mtime_add(loop_now(), SCAN_DELAY);

	if (mtime_before(at, mn->moves.not_before))
		at = mn->moves.not_before;
	if (!timer_armed(&mn->moves.update) ||
	    mtime_before(at, mn->moves.update.at))
		timers_set(&mn->loop.timers, &mn->moves.update, at);
}

void move_now(struct mn *mn)
{
	timers_del(&mn->loop.timers, &mn->moves.update);
	if (!mn->flushing)
		update(mn);
}

void move_reloaded(struct mn *mn)
{
	flows_hoas_changed(mn);
	movebar_forget(mn);
	timers_del(&mn->loop.timers, &mn->moves.rescan);
	arm_rescan(mn);
	move_soon(mn);
}

void movework_init(struct mn *mn)
{
	mn->moves.update.fn = on_update;
	mn->moves.rescan.fn = on_rescan;
	arm_rescan(mn);
}

void movework_stop(struct mn *mn)
{
	struct move_home *h;

	timers_del(&mn->loop.timers, &mn->moves.update);
	timers_del(&mn->loop.timers, &mn->moves.rescan);
	while ((h = mn->moves.homes)) {
		mn->moves.homes = h->next;
		free(h);
	}
}
