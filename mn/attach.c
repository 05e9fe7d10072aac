/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/attach.h"

#include <stddef.h>
#include <string.h>

/* RFC 6275 11.5.1: of a router that tells its interval, so many advertisements
 * may be missing before we ask whether it is there. */
enum { RAS_MISSING = 3 };
static const mtime PROBE_PAUSE = {10000000000};

/*
 * RFC 4861 6.3.7 waits 4 s between solicitations. A host that moves cannot:
 * the first frames after an association are often lost. So 250 ms, doubled
 * to 32 s (in the manner of RFC 7559).
 */
static const mtime RS_FIRST = {250000000};
static const mtime RS_MAX = {32000000000};

const char *attach_state_str(enum attach_state state)
{
	switch (state) {
	case ATTACH_DOWN: return "down";
	case ATTACH_SOLICITING: return "soliciting";
	case ATTACH_CONFIGURING: return "configuring";
	case ATTACH_ATTACHED: return "attached";
	}
	return "?";
}

static void solicit(struct attach *at, mtime now)
{
	at->ops->solicit(at->arg, at);
	timers_set(at->timers, &at->timer, mtime_add(now, at->rs_interval));
	at->rs_interval = mtime_add(at->rs_interval, at->rs_interval);
	if (mtime_before(RS_MAX, at->rs_interval))
		at->rs_interval = RS_MAX;
}

static void expect_ra(struct attach *at, mtime now)
{
	if (at->ra.adv_interval)
		timers_set(at->timers, &at->timer, mtime_add(now,
			MTIME_MS((int64_t)at->ra.adv_interval * RAS_MISSING)));
	else
		timers_del(at->timers, &at->timer);
}

static void on_timer(struct timer *timer, mtime now)
{
	struct attach *at = (struct attach *)((char *)timer -
					      offsetof(struct attach, timer));

	if (at->state == ATTACH_SOLICITING) {
		solicit(at, now);
		return;
	}
	at->ops->probe(at->arg, at);
	/* not again while the kernel is still asking */
	timers_set(at->timers, timer, mtime_add(now, PROBE_PAUSE));
}

void attach_init(struct attach *at, const struct attach_ops *ops, void *arg,
		 struct timers *timers, uint32_t ifindex)
{
	memset(at, 0, sizeof(*at));
	at->ops = ops;
	at->arg = arg;
	at->timers = timers;
	at->ifindex = ifindex;
	at->timer.fn = on_timer;
}

void attach_fini(struct attach *at)
{
	timers_del(at->timers, &at->timer);
}

static void set_state(struct attach *at, enum attach_state state)
{
	enum attach_state old = at->state;

	at->state = state;
	if (state != old)
		at->ops->state(at->arg, at, old);
}

static bool prefix_holds(const struct nd_prefix *p, const struct in6_addr *addr)
{
	struct ip6_prefix prefix = {p->prefix, p->len};

	return p->valid && ip6_prefix_has(&prefix, addr);
}

const struct nd_prefix *attach_prefix(const struct attach *at,
				      const struct in6_addr *addr)
{
	unsigned int i;

	for (i = 0; i < at->ra.n_prefixes; i++)
		if (prefix_holds(&at->ra.prefixes[i], addr))
			return &at->ra.prefixes[i];
	return NULL;
}

bool attach_on_link(const struct attach *at, const struct in6_addr *addr)
{
	if (at->state == ATTACH_DOWN || at->state == ATTACH_SOLICITING)
		return false;
	return attach_prefix(at, addr) != NULL;
}

/* The best of our addresses in the present network: lasting rather than
 * temporary, preferred rather than deprecated. */
static const struct attach_addr *choose_coa(const struct attach *at)
{
	const struct attach_addr *best = NULL, *a;
	int score, best_score = -1;

	for (a = at->addrs; a < at->addrs + at->n_addrs; a++) {
		if (!a->usable || !attach_prefix(at, &a->addr))
			continue;
		score = 2 * !a->deprecated + !a->temporary;
		if (score > best_score) {
			best = a;
			best_score = score;
		}
	}
	return best;
}

static const struct attach_addr *find_addr(const struct attach *at,
					   const struct in6_addr *addr)
{
	unsigned int i;

	for (i = 0; i < at->n_addrs; i++)
		if (ip6_addr_eq(&at->addrs[i].addr, addr))
			return &at->addrs[i];
	return NULL;
}

mtime attach_valid_until(const struct attach *at, const struct in6_addr *addr)
{
	const struct attach_addr *a = find_addr(at, addr);

	return a ? a->valid_until : MTIME_NEVER;
}

/* RFC 6275 11.5.3: a deprecated one is given up for one that is not. */
static bool still_serves(const struct attach *at, const struct in6_addr *coa,
			 const struct attach_addr *best)
{
	const struct attach_addr *a = find_addr(at, coa);

	return a && a->usable && attach_prefix(at, coa) &&
	       (!a->deprecated || !best || best->deprecated);
}

/* Keeps a care-of address that still serves; finds one where none does. */
static void settle(struct attach *at)
{
	const struct attach_addr *a;

	if (at->state != ATTACH_CONFIGURING && at->state != ATTACH_ATTACHED)
		return;
	a = choose_coa(at);
	if (at->state == ATTACH_ATTACHED && still_serves(at, &at->coa, a))
		return;
	if (!a) {
		at->coa = in6addr_any;
		set_state(at, ATTACH_CONFIGURING);
		return;
	}
	at->coa = a->addr;
	set_state(at, ATTACH_ATTACHED);
	at->ops->attached(at->arg, at);
}

/* What SLAAC gave in the old network must not be taken for the new one's. */
static void forget_addrs(struct attach *at)
{
	unsigned int i, n = 0;

	for (i = 0; i < at->n_addrs; i++)
		if (at->addrs[i].permanent)
			at->addrs[n++] = at->addrs[i];
	at->n_addrs = n;
}

static void leave(struct attach *at)
{
	timers_del(at->timers, &at->timer);
	at->ops->detached(at->arg, at);
	forget_addrs(at);
	at->coa = in6addr_any;
	at->router = in6addr_any;
	memset(&at->ra, 0, sizeof(at->ra));
}

static void search(struct attach *at, mtime now)
{
	set_state(at, ATTACH_SOLICITING);
	at->rs_interval = RS_FIRST;
	solicit(at, now);
}

void attach_link(struct attach *at, bool up, mtime now)
{
	if (up == (at->state != ATTACH_DOWN))
		return;
	at->has_candidate = false;
	if (up) {
		search(at, now);
		return;
	}
	leave(at);
	set_state(at, ATTACH_DOWN);
}

/* RFC 6275 11.5.1: a hint from lower layers; routers tell. The present one is
 * asked too: where it is another link it fails, and the newcomer is believed
 * (judge()). */
void attach_joined(struct attach *at)
{
	if (at->state != ATTACH_CONFIGURING && at->state != ATTACH_ATTACHED)
		return;
	at->ops->solicit(at->arg, at);
	at->ops->probe(at->arg, at);
}

static bool gives_addresses(const struct nd_ra *ra)
{
	unsigned int i;

	for (i = 0; i < ra->n_prefixes; i++)
		if (ra->prefixes[i].autonomous && ra->prefixes[i].valid)
			return true;
	return false;
}

static bool shares_prefix(const struct nd_ra *a, const struct nd_ra *b)
{
	unsigned int i, j;

	for (i = 0; i < a->n_prefixes; i++)
		for (j = 0; j < b->n_prefixes; j++)
			if (a->prefixes[i].len == b->prefixes[j].len &&
			    prefix_holds(&a->prefixes[i],
					 &b->prefixes[j].prefix))
				return true;
	return false;
}

static void enter(struct attach *at, const struct in6_addr *router,
		  const struct nd_ra *ra, mtime now)
{
	at->has_candidate = false;
	at->router = *router;
	at->ra = *ra;
	expect_ra(at, now);
	if (at->state == ATTACH_SOLICITING)
		set_state(at, ATTACH_CONFIGURING);
	settle(at);
}

/*
 * An RA of another network while we are in one: either the link has two
 * routers, or we moved without a link event. The present router knows: it is
 * probed, and the newcomer believed when it fails (RFC 6275 11.5.1). Where
 * every router calls itself fe80::1, its link-layer address tells.
 */
static void judge(struct attach *at, const struct in6_addr *router,
		  const struct nd_ra *ra, mtime now)
{
	if (ip6_addr_eq(router, &at->router) && ra->has_slla &&
	    at->ra.has_slla && memcmp(ra->slla, at->ra.slla, 6) != 0) {
		leave(at);
		set_state(at, ATTACH_SOLICITING);
		enter(at, router, ra, now);
		return;
	}
	if (ip6_addr_eq(router, &at->router)) {
		at->ra = *ra;	/* the same router, renumbered */
		expect_ra(at, now);
		settle(at);
		return;
	}
	if (!at->has_candidate)
		at->ops->probe(at->arg, at);
	at->has_candidate = true;
	at->candidate_router = *router;
	at->candidate = *ra;
}

void attach_ra(struct attach *at, const struct in6_addr *router,
	       const struct nd_ra *ra, mtime now)
{
	if (at->state == ATTACH_DOWN || !gives_addresses(ra))
		return;
	/* RFC 6275 11.5.4: the prefix is one of our default router's */
	if (!ra->lifetime && !ip6_addr_eq(router, &at->router))
		return;
	if (at->state == ATTACH_SOLICITING || shares_prefix(&at->ra, ra))
		enter(at, router, ra, now);
	else
		judge(at, router, ra, now);
}

void attach_candidate_failed(struct attach *at, const struct in6_addr *router)
{
	if (at->has_candidate && ip6_addr_eq(router, &at->candidate_router))
		at->has_candidate = false;
}

void attach_router_failed(struct attach *at, const struct in6_addr *router,
			  mtime now)
{
	struct in6_addr next_router = at->candidate_router;
	struct nd_ra next = at->candidate;
	bool has_next = at->has_candidate;

	if ((at->state != ATTACH_CONFIGURING && at->state != ATTACH_ATTACHED) ||
	    !ip6_addr_eq(router, &at->router))
		return;
	leave(at);
	if (has_next) {
		set_state(at, ATTACH_SOLICITING);
		/* the addresses of its prefix went with the others */
		at->ops->solicit(at->arg, at);
		enter(at, &next_router, &next, now);
	} else {
		search(at, now);
	}
}

void attach_addr(struct attach *at, const struct attach_addr *addr, mtime now)
{
	unsigned int i;

	(void)now;
	for (i = 0; i < at->n_addrs; i++)
		if (ip6_addr_eq(&at->addrs[i].addr, &addr->addr))
			break;
	if (i == ATTACH_ADDRS_MAX)
		return;
	if (i == at->n_addrs)
		at->n_addrs++;
	at->addrs[i] = *addr;
	settle(at);
}

void attach_addr_gone(struct attach *at, const struct in6_addr *addr, mtime now)
{
	unsigned int i;

	(void)now;
	for (i = 0; i < at->n_addrs; i++)
		if (ip6_addr_eq(&at->addrs[i].addr, addr))
			break;
	if (i == at->n_addrs)
		return;
	at->addrs[i] = at->addrs[--at->n_addrs];
	settle(at);
}
