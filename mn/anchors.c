/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/anchors.h"

#include <errno.h>
#include <string.h>

/* One that has failed is passed over so long; then it may do again. */
static const mtime FAILED_FOR = {600000000000};
/* A record that nothing is added to loses half of what it says in so long. */
static const mtime RECORD_HALF = {3600000000000};

enum { RECORD_UNKNOWN = 128, RECORD_GOOD = 192, RECORD_POOR = 64 };

const char *anchor_source_str(enum anchor_source source)
{
	switch (source) {
	case ANCHOR_RA: return "ra";
	case ANCHOR_CONFIG: return "config";
	case ANCHOR_DHAAD: return "dhaad";
	case ANCHOR_DNS: return "dns";
	case ANCHOR_SWITCH: return "switch";
	}
	return "?";
}

const char *anchor_capability_str(enum anchor_capability capability)
{
	switch (capability) {
	case ANCHOR_HEARTBEAT: return "heartbeat";
	case ANCHOR_KEY_MOBILITY: return "key-mobility";
	case ANCHOR_NETWORKS: return "networks";
	case ANCHOR_ASSIGNS: return "assigns";
	case ANCHOR_REVOKES: return "revokes";
	case ANCHOR_SWITCHES: return "switches";
	}
	return "?";
}

static bool is_configured(const struct anchor *a)
{
	return a->source == ANCHOR_CONFIG;
}

static struct anchor *end_of(struct anchors *anchors)
{
	return anchors->list + anchors->n;
}

static bool prefix_eq(const struct ip6_prefix *a, const struct ip6_prefix *b)
{
	return a->len == b->len && ip6_addr_eq(&a->addr, &b->addr);
}

static struct anchor *find_configured(struct anchors *anchors,
				      const struct ip6_prefix *prefix)
{
	struct anchor *a;

	for (a = anchors->list; a < end_of(anchors); a++)
		if (is_configured(a) && prefix_eq(&a->prefix, prefix))
			return a;
	return NULL;
}

static struct anchor *find_learnt(struct anchors *anchors,
				  const struct ip6_prefix *prefix,
				  const struct in6_addr *ha)
{
	struct anchor *a;

	for (a = anchors->list; a < end_of(anchors); a++)
		if (!is_configured(a) && prefix_eq(&a->prefix, prefix) &&
		    ip6_addr_eq(&a->ha, ha))
			return a;
	return NULL;
}

static void remove_at(struct anchors *anchors, struct anchor *a)
{
	struct anchor *last = anchors->list + --anchors->n;

	memmove(a, a + 1, (char *)last - (char *)a);
}

static unsigned int max_of(bool trusted)
{
	return trusted ? ANCHORS_TRUSTED_MAX : ANCHORS_UNTRUSTED_MAX;
}

/* No more than max of this kind: the oldest learnt one goes. False where all
 * are configured. */
static bool limit(struct anchors *anchors, bool trusted, unsigned int max)
{
	struct anchor *a, *oldest = NULL;
	unsigned int n = 0;

	for (a = anchors->list; a < end_of(anchors); a++) {
		if (a->trusted != trusted)
			continue;
		n++;
		if (!oldest && !is_configured(a))
			oldest = a;
	}
	if (n <= max)
		return true;
	if (!oldest)
		return false;
	remove_at(anchors, oldest);
	return true;
}

static struct anchor *append(struct anchors *anchors, const struct anchor *new)
{
	struct anchor *a;

	if (!limit(anchors, new->trusted, max_of(new->trusted) - 1))
		return NULL;
	a = &anchors->list[anchors->n++];
	*a = *new;
	return a;
}

static void forget_prefix(struct anchors *anchors,
			  const struct ip6_prefix *prefix)
{
	struct anchor *a = anchors->list;

	while (a < end_of(anchors)) {
		if (prefix_eq(&a->prefix, prefix))
			remove_at(anchors, a);
		else
			a++;
	}
}

int anchors_configure(struct anchors *anchors, const struct ip6_prefix *prefix,
		      const struct in6_addr *ha, mtime now)
{
	struct anchor new = {.prefix = *prefix, .ha = *ha, .trusted = true,
			     .source = ANCHOR_CONFIG, .learnt_at = now};

	ip6_prefix_mask(&new.prefix);
	forget_prefix(anchors, &new.prefix);
	return append(anchors, &new) ? 0 : -ENOSPC;
}

void anchors_unconfigure(struct anchors *anchors, bool learnt)
{
	struct anchor *a = anchors->list;

	while (a < end_of(anchors)) {
		if (is_configured(a) || (learnt && a->source == ANCHOR_RA))
			remove_at(anchors, a);
		else
			a++;
	}
}

/* What was known of it, and what somebody else says of it now. */
static void merge(struct anchor *new, const struct anchor *old)
{
	new->trusted = old->trusted;
	new->failed = old->failed;
	new->why = old->why;
	new->failed_at = old->failed_at;
	if (new->source == ANCHOR_RA) {
		new->order = old->order;
	} else {
		new->preference = old->preference;
		new->ifindex = old->ifindex;
	}
	/* it is named in the configuration, whoever else says so */
	if (old->source == ANCHOR_DNS)
		new->source = ANCHOR_DNS;
}

static void learn(struct anchors *anchors, struct anchor *new,
		  void (*fn)(void *arg, const struct anchor *anchor),
		  void *arg)
{
	struct anchor *a;

	ip6_prefix_mask(&new->prefix);
	if (new->source != ANCHOR_SWITCH &&
	    find_configured(anchors, &new->prefix))
		return;
	a = find_learnt(anchors, &new->prefix, &new->ha);
	if (a) {
		merge(new, a);
		remove_at(anchors, a);
		append(anchors, new);
		return;
	}
	a = append(anchors, new);
	if (a)
		fn(arg, a);
}

/* RFC 6275 7.4: the home agent's own, or the router's lifetime. */
static mtime ra_until(const struct nd_ra *ra, mtime now)
{
	uint16_t lifetime = ra->has_ha_info ? ra->ha_lifetime : ra->lifetime;

	return mtime_add(now, MTIME_SEC(lifetime));
}

/* The address of a router that tells it apart from prefixes, RFC 6275 7.2. */
static const struct in6_addr *router_address(const struct nd_ra *ra)
{
	unsigned int i;

	for (i = 0; i < ra->n_prefixes; i++)
		if (ra->prefixes[i].router_addr &&
		    ip6_unicast_routable(&ra->prefixes[i].prefix))
			return &ra->prefixes[i].prefix;
	return NULL;
}

/* The home agent of addresses in that prefix, or NULL: the router's address
 * in it; or, where the prefix is nobody's but ours (RFC 8273: not on-link), the
 * address of the router that routes it to us. */
static const struct in6_addr *home_agent(const struct nd_ra *ra,
					 const struct nd_prefix *p)
{
	if (p->router_addr)
		return &p->prefix;
	return p->on_link ? NULL : router_address(ra);
}

void anchors_learn(struct anchors *anchors, const struct nd_ra *ra,
		   uint32_t ifindex, mtime now,
		   void (*fn)(void *arg, const struct anchor *anchor),
		   void *arg)
{
	unsigned int i;

	if (!ra->home_agent)
		return;
	for (i = 0; i < ra->n_prefixes; i++) {
		const struct nd_prefix *p = &ra->prefixes[i];
		const struct in6_addr *ha = home_agent(ra, p);
		struct anchor new = {
			.prefix = {p->prefix, p->len},
			.source = ANCHOR_RA, .ifindex = ifindex,
			.preference = ra->ha_preference, .learnt_at = now,
			.until = ra_until(ra, now),
		};

		/* RFC 4862 5.5.3 makes addresses of a /64 alone. A shorter
		 * one would make a router the anchor of others' addresses. */
		if (!ha || !p->autonomous || p->len != 64 ||
		    !ip6_unicast_routable(ha))
			continue;
		new.ha = *ha;
		learn(anchors, &new, fn, arg);
	}
}

void anchors_learn_ha(struct anchors *anchors, const struct anchor *new,
		      mtime now,
		      void (*fn)(void *arg, const struct anchor *anchor),
		      void *arg)
{
	struct anchor a = {
		.prefix = new->prefix, .ha = new->ha, .source = new->source,
		.order = new->order, .until = new->until, .learnt_at = now,
	};

	if (ip6_unicast_routable(&a.ha))
		learn(anchors, &a, fn, arg);
}

/* ---- the choice */

static bool recent(mtime at, mtime now)
{
	return mtime_before(now, mtime_add(at, FAILED_FOR));
}

bool anchors_works(const struct anchors *anchors, const struct anchor *a,
		   mtime now)
{
	const struct anchor_peer *p = anchors_peer(anchors, &a->ha);

	return !(a->failed && recent(a->failed_at, now)) &&
	       !(p && p->dead && recent(p->dead_at, now));
}

bool anchors_fresh(const struct anchor *a, mtime now)
{
	return a->trusted || !a->until.ns || mtime_before(now, a->until);
}

static uint8_t record_now(const struct anchor_peer *p, mtime now)
{
	int64_t halves = mtime_sub(now, p->record_at).ns / RECORD_HALF.ns;
	int said = p->record - RECORD_UNKNOWN;

	return RECORD_UNKNOWN + (halves < 8 ? said / (1 << halves) : 0);
}

static enum choice_record record_of(const struct anchor_peer *p, mtime now)
{
	uint8_t record = p && (p->worked || p->failed) ? record_now(p, now) :
							 RECORD_UNKNOWN;

	return record >= RECORD_GOOD ? CHOICE_GOOD :
	       record < RECORD_POOR ? CHOICE_POOR : CHOICE_MIXED;
}

struct choice anchors_choice(const struct anchors *anchors,
			     const struct anchor *a, mtime now)
{
	const struct anchor_peer *p = anchors_peer(anchors, &a->ha);

	return (struct choice){
		.works = anchors_works(anchors, a, now),
		.configured = is_configured(a),
		.trusted = a->trusted,
		.fresh = anchors_fresh(a, now),
		.named = a->source == ANCHOR_DNS,
		.prefix_len = a->prefix.len,
		.preference = a->preference,
		.order = a->order,
		.record = record_of(p, now),
		.rtt = p ? p->rtt : (mtime){0},
	};
}

const struct anchor *anchors_find(const struct anchors *anchors,
				  const struct in6_addr *addr,
				  const struct in6_addr *current, mtime now)
{
	const struct anchor *a, *of[ANCHORS_MAX];
	struct choice list[ANCHORS_MAX];
	enum choice_why why;
	unsigned int n = 0;

	for (a = anchors->list; a < anchors->list + anchors->n; a++) {
		if (!ip6_prefix_has(&a->prefix, addr))
			continue;
		list[n] = anchors_choice(anchors, a, now);
		list[n].current = current && ip6_addr_eq(&a->ha, current);
		of[n++] = a;
	}
	return n ? of[choice_pick(list, n, &why)] : NULL;
}

/* The next one, from a on, that says so. */
static const struct anchor *next_naming(const struct anchors *anchors,
					const struct anchor *a,
					const struct in6_addr *addr,
					const struct in6_addr *ha)
{
	for (; a < anchors->list + anchors->n; a++)
		if (ip6_addr_eq(&a->ha, ha) && ip6_prefix_has(&a->prefix, addr))
			return a;
	return NULL;
}

bool anchors_names(const struct anchors *anchors, const struct in6_addr *addr,
		   const struct in6_addr *ha)
{
	return next_naming(anchors, anchors->list, addr, ha);
}

bool anchors_trusts(const struct anchors *anchors, const struct in6_addr *addr,
		    const struct in6_addr *ha)
{
	const struct anchor *a = anchors->list;

	while ((a = next_naming(anchors, a, addr, ha))) {
		if (a->trusted)
			return true;
		a++;
	}
	return false;
}

bool anchors_serves(const struct anchors *anchors, const struct in6_addr *addr,
		    const struct in6_addr *ha, mtime now)
{
	const struct anchor *a = next_naming(anchors, anchors->list, addr, ha);
	const struct anchor unnamed = {.ha = *ha};

	return anchors_works(anchors, a ? a : &unnamed, now);
}

void anchors_trust(struct anchors *anchors, const struct in6_addr *addr,
		   const struct in6_addr *ha)
{
	struct anchor *a = anchors->list;

	while ((a = (struct anchor *)next_naming(anchors, a, addr, ha))) {
		a->failed = false;
		if (a->trusted) {
			a++;
			continue;
		}
		a->trusted = true;
		limit(anchors, true, ANCHORS_TRUSTED_MAX);
		a = anchors->list;	/* limit() may have moved it */
	}
}

/* ---- what came of a home agent */

static struct anchor_peer *peer_find(struct anchors *anchors,
				     const struct in6_addr *ha)
{
	struct anchor_peer *p;

	for (p = anchors->peers; p < anchors->peers + anchors->n_peers; p++)
		if (ip6_addr_eq(&p->ha, ha))
			return p;
	return NULL;
}

static void peer_remove(struct anchors *anchors, struct anchor_peer *p)
{
	struct anchor_peer *last = anchors->peers + --anchors->n_peers;

	memmove(p, p + 1, (char *)last - (char *)p);
}

/* The one told longest ago makes room. */
static struct anchor_peer *peer_get(struct anchors *anchors,
				    const struct in6_addr *ha)
{
	struct anchor_peer *p = peer_find(anchors, ha), peer = {.ha = *ha};

	if (p) {
		peer = *p;
		peer_remove(anchors, p);
	} else if (anchors->n_peers == ANCHORS_MAX) {
		peer_remove(anchors, anchors->peers);
	}
	p = &anchors->peers[anchors->n_peers++];
	*p = peer;
	return p;
}

const struct anchor_peer *anchors_peer(const struct anchors *anchors,
				       const struct in6_addr *ha)
{
	return peer_find((struct anchors *)anchors, ha);
}

/* As TCP smooths its own, RFC 6298 2. */
static mtime smooth(mtime old, mtime sample)
{
	return old.ns ? (mtime){old.ns - old.ns / 8 + sample.ns / 8} : sample;
}

static struct anchor_peer *heard(struct anchors *anchors,
				 const struct in6_addr *ha, mtime now)
{
	struct anchor_peer *p = peer_get(anchors, ha);

	p->dead = false;
	p->heard_at = now;
	return p;
}

void anchors_measured(struct anchors *anchors, const struct in6_addr *ha,
		      mtime rtt, mtime now)
{
	struct anchor_peer *p = heard(anchors, ha, now);

	p->rtt = smooth(p->rtt, rtt);
}

void anchors_heard(struct anchors *anchors, const struct in6_addr *ha,
		   unsigned int capability, mtime now)
{
	heard(anchors, ha, now)->capabilities |= capability;
}

static void record(struct anchor_peer *p, bool good, mtime now)
{
	int old = p->worked || p->failed ? record_now(p, now) : RECORD_UNKNOWN;

	p->record = good ? old + (UINT8_MAX - old) / 4 : old - old / 4;
	p->record_at = now;
	if (good)
		p->worked++;
	else
		p->failed++;
}

static void lost(struct anchors *anchors)
{
	if (anchors->lost)
		anchors->lost(anchors->arg);
}

void anchors_dead(struct anchors *anchors, const struct in6_addr *ha, mtime now)
{
	struct anchor_peer *p = peer_get(anchors, ha);

	if (!p->dead)
		record(p, false, now);
	p->dead = true;
	p->dead_at = now;
	lost(anchors);
}

void anchors_fail(struct anchors *anchors, const struct in6_addr *addr,
		  const struct in6_addr *ha, const char *why, mtime now)
{
	struct anchor *a = anchors->list;

	record(peer_get(anchors, ha), false, now);
	while ((a = (struct anchor *)next_naming(anchors, a, addr, ha))) {
		a->failed = true;
		a->why = why;
		a->failed_at = now;
		a++;
	}
	lost(anchors);
}

void anchors_worked(struct anchors *anchors, const struct in6_addr *addr,
		    const struct in6_addr *ha, mtime now)
{
	record(heard(anchors, ha, now), true, now);
	anchors_trust(anchors, addr, ha);
}
