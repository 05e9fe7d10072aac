/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedgectl anchors: what is known of home agents, and which comes first. */
#include "mn/json.h"
#include "mn/mn.h"

struct sa_search {
	const struct anchor *anchor;
	bool in, out;
};

static void see_sa(void *arg, struct sadb_sa *sa)
{
	const struct sadb_conf *c = &sa->conf;
	struct sa_search *s = arg;

	if (sa->expired)
		return;
	if (sa->inbound)
		s->in |= ip6_addr_eq(&c->src, &s->anchor->ha) &&
			 ip6_prefix_has(&s->anchor->prefix, &c->dst);
	else
		s->out |= ip6_addr_eq(&c->dst, &s->anchor->ha) &&
			  ip6_prefix_has(&s->anchor->prefix, &c->src);
}

/* Why its addresses cannot be kept; NULL where they can. */
static const char *why_not(struct mn *mn, const struct sa_search *s,
			   const struct assoc *assoc)
{
	if (assoc)
		return keying_why(assoc);
	if (s->in && s->out)
		return NULL;
	if (s->in || s->out)
		return "only one of two security associations is configured";
	if (mn->conf.ike.on)
		return "this host has no address of it";
	return "no security association is configured";
}

/* One claim among those to the same prefix, in the order of choice. */
struct ranked {
	const struct anchor *a;
	struct choice choice;
	unsigned int rank;		/* from 1 on */
	enum choice_why why;		/* before the next, behind the former */
};

static bool rivals(const struct anchor *a, const struct anchor *b)
{
	return a->prefix.len == b->prefix.len &&
	       ip6_addr_eq(&a->prefix.addr, &b->prefix.addr);
}

/* Does any of its addresses use it now? */
static bool in_use(const struct mn *mn, const struct anchor *a)
{
	const struct bul_entry *e;

	for (e = mn->bul.entries; e; e = e->next)
		if (ip6_addr_eq(&e->ha, &a->ha) &&
		    ip6_prefix_has(&a->prefix, &e->hoa))
			return true;
	return false;
}

static void sort(struct ranked *list, unsigned int n)
{
	enum choice_why why;
	unsigned int i, k;

	for (i = 1; i < n; i++) {
		struct ranked r = list[i];

		/* of equals, who was heard last is first */
		for (k = i; k && choice_compare(&list[k - 1].choice, &r.choice,
						&why) >= 0; k--)
			list[k] = list[k - 1];
		list[k] = r;
	}
}

/* The one that is in use stays first, see choice_worth(). */
static void keep(struct ranked *list, unsigned int n)
{
	struct ranked r;
	unsigned int k;

	for (k = 1; k < n; k++) {
		if (!list[k].choice.current ||
		    choice_worth(&list[0].choice, &list[k].choice))
			continue;
		for (r = list[k]; k; k--)
			list[k] = list[k - 1];
		list[0] = r;
		list[0].why = CHOICE_KEPT;
		return;
	}
}

/* What decided between each and its neighbour. */
static void explain(struct ranked *list, unsigned int n)
{
	enum choice_why why = CHOICE_ONLY;
	unsigned int k;

	for (k = 0; k < n; k++) {
		list[k].rank = k + 1;
		if (k)
			choice_compare(&list[k - 1].choice, &list[k].choice,
				       &why);
		if (k)
			list[k].why = why;
		if (k == 1 && list[0].why != CHOICE_KEPT)
			list[0].why = why;
	}
}

/* a's place among its rivals. */
static struct ranked rank(const struct mn *mn, const struct anchor *a)
{
	struct ranked list[ANCHORS_MAX];
	const struct anchor *b = mn->anchors.list;
	unsigned int n = 0, k;

	for (; b < mn->anchors.list + mn->anchors.n; b++) {
		if (!rivals(a, b))
			continue;
		list[n] = (struct ranked){
			.a = b, .why = CHOICE_ONLY,
			.choice = anchors_choice(&mn->anchors, b, loop_now()),
		};
		list[n++].choice.current = in_use(mn, b);
	}
	sort(list, n);
	keep(list, n);
	explain(list, n);
	for (k = 0; list[k].a != a; k++)
		;
	return list[k];
}

static void put_rank(struct json_object *o, const struct mn *mn,
		     const struct anchor *a)
{
	struct ranked r = rank(mn, a);
	char text[64];

	/* of the one before it: that is what it says */
	snprintf(text, sizeof(text), r.rank > 1 ? "behind: %s" : "%s",
		 choice_why_str(r.why));
	put_int(o, "rank", r.rank);
	put(o, "rank_why", text);
	put(o, "record", choice_record_str(r.choice.record));
	put_bool(o, "works", r.choice.works);
}

static struct json_object *capabilities_json(unsigned int capabilities)
{
	struct json_object *list = json_object_new_array();
	unsigned int bit;

	for (bit = 1; bit <= capabilities; bit <<= 1)
		if (capabilities & bit)
			json_object_array_add(list, json_object_new_string(
				anchor_capability_str(bit)));
	return list;
}

/* ns 0: null */
static void put_ago(struct json_object *o, const char *key, mtime at)
{
	if (at.ns)
		put_int(o, key, mtime_sec(mtime_sub(loop_now(), at)));
	else
		json_object_object_add(o, key, NULL);
}

static void put_rtt(struct json_object *o, mtime rtt)
{
	json_object_object_add(o, "rtt_ms", rtt.ns ?
			       json_object_new_double(rtt.ns / 1e6) : NULL);
}

/* What came of it, for this prefix and in all. */
static void put_experience(struct json_object *o, const struct mn *mn,
			   const struct anchor *a)
{
	static const struct anchor_peer unknown;
	const struct anchor_peer *p = anchors_peer(&mn->anchors, &a->ha);

	if (!p)
		p = &unknown;
	put_bool(o, "failed", a->failed);
	put(o, "failed_why", a->why);
	put_ago(o, "failed_ago_s", a->failed_at);
	put_bool(o, "dead", p->dead);
	put_ago(o, "heard_ago_s", p->heard_at);
	put_int(o, "successes", p->worked);
	put_int(o, "failures", p->failed);
	put_rtt(o, p->rtt);
	json_object_object_add(o, "capabilities",
			       capabilities_json(p->capabilities));
}

static void put_claim(struct json_object *o, const struct anchor *a)
{
	put(o, "learnt", anchor_source_str(a->source));
	put_ago(o, "learnt_ago_s", a->learnt_at);
	put_int(o, "preference", a->preference);
	put_int(o, "order", a->order);
	if (a->until.ns)
		put_int(o, "lifetime_s",
			mtime_sec(mtime_sub(a->until, loop_now())));
	else
		json_object_object_add(o, "lifetime_s", NULL);
	put_bool(o, "trusted", a->trusted);
}

static unsigned int hoas_at(const struct mn *mn, const struct in6_addr *ha)
{
	const struct bul_entry *e;
	unsigned int n = 0;

	for (e = mn->bul.entries; e; e = e->next)
		n += ip6_addr_eq(&e->ha, ha);
	return n;
}

static struct json_object *anchor_json(struct mn *mn, const struct anchor *a)
{
	struct json_object *o = json_object_new_object();
	const struct mn_iface *i = mn_iface(mn, a->ifindex);
	const struct assoc *assoc = keying_assoc(mn, a);
	struct sa_search s = {.anchor = a};
	bool current = false;
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		current |= attach_on_link(&mn->ifaces[k].at, &a->prefix.addr);
	sadb_each(mn->sadb, see_sa, &s);
	put_prefix(o, "prefix", &a->prefix.addr, a->prefix.len);
	put_addr(o, "ha", &a->ha);
	put_claim(o, a);
	put_bool(o, "current", current);
	put(o, "interface", i ? i->name : NULL);
	put_int(o, "hoas", hoas_at(mn, &a->ha));
	put_rank(o, mn, a);
	put_experience(o, mn, a);
	beat_json(o, mn, &a->ha);
	put_bool(o, "sa", s.in && s.out);
	put_bool(o, "anchorable", s.in && s.out);
	put(o, "state", assoc ? assoc_state_str(assoc->state) : NULL);
	put(o, "why", why_not(mn, &s, assoc));
	return o;
}

int anchorctl_anchors(void *arg, struct json_object *request,
		      struct json_object *answer)
{
	struct json_object *list = json_object_new_array();
	struct mn *mn = arg;
	unsigned int k;

	(void)request;
	for (k = 0; k < mn->anchors.n; k++)
		json_object_array_add(list,
				anchor_json(mn, &mn->anchors.list[k]));
	json_object_object_add(answer, "anchors", list);
	json_object_object_add(answer, "discovery", discover_json(mn));
	return 0;
}
