/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/json.h"
#include "mn/mn.h"
#include "sys/raw.h"

/* After questions in vain the next one waits up to so many times the first
 * wait, which is configured; whatever happens, so long. */
enum { WAITS_MAX = 64 };
static const mtime GAP_MIN = {2000000000};

/* ---- questions and answers */

static bool has_name(const struct quest *q)
{
	return q->name || q->domain;
}

static bool asking(const struct quest *q)
{
	return q->lookup || haad_asking(&q->haad);
}

static mtime later(mtime a, mtime b)
{
	return mtime_before(a, b) ? b : a;
}

/* Whoever waits looks what there is now, and wants more if that will not do. */
static void tell(struct mn *mn)
{
	hoa_fixed_find(mn);
	keying_soon(mn);
	select_found(mn);
}

static void event(struct quest *q, const char *what)
{
	mn_event(q->mn, ctl_ev("discovery", "prefix", q->text,
			       "what", what, NULL));
}

/* The next one is later and later also where this one was answered: who was
 * found may be of no use. */
static void put_off(struct quest *q)
{
	mtime first = q->mn->conf.discovery_interval;
	mtime most = {first.ns * WAITS_MAX};

	q->rto = q->rto.ns ? mtime_add(q->rto, q->rto) : first;
	if (mtime_before(most, q->rto))
		q->rto = most;
	q->next_at = mtime_add(loop_now(), later(q->rto, GAP_MIN));
}

static void succeed(struct quest *q, unsigned int n)
{
	put_off(q);
	q->wanted = false;
	q->why = NULL;
	q->found = n;
	event(q, "found");
	tell(q->mn);
}

static void fail(struct quest *q, const char *why)
{
	put_off(q);
	q->wanted = false;
	q->found = 0;
	q->why = why;
	count(COUNT_DISCOVERY_FAILED);
	log_warn("home agent of %s: none found: %s", q->text,
		 why);
	event(q, why);
	tell(q->mn);
}

static void learn(struct quest *q, const struct in6_addr *has, unsigned int n,
		  enum anchor_source source, mtime until)
{
	unsigned int k;

	for (k = 0; k < n; k++) {
		struct anchor new = {.prefix = q->prefix, .ha = has[k],
				     .source = source, .order = k,
				     .until = until};

		anchors_learn_ha(&q->mn->anchors, &new, loop_now(),
				 mn_anchor_learnt, q->mn);
	}
}

/* ---- RFC 6275 11.4.1 */

static void op_send(void *arg, struct haad *haad, const struct in6_addr *dst,
		    const struct mip *request)
{
	struct quest *q = arg;
	struct mn_iface *i = mn_preferred(q->mn);
	uint8_t icmp[64], out[IP6_MIN_MTU];
	struct ip6_pkt pkt = {.dst = *dst, .proto = IP6_PROTO_ICMPV6,
			      .upper = icmp};
	ssize_t len;
	int err;

	(void)haad;
	if (!i)		/* as if it were lost: there will be a network */
		return;
	pkt.src = i->at.coa;
	len = mip_build(icmp, sizeof(icmp), request, &pkt.src, dst);
	if (len > 0) {
		pkt.upper_len = len;
		len = ip6_build(out, sizeof(out), &pkt);
	}
	err = len < 0 ? (int)len :
			raw_send(q->mn->raw_fd, out, len, i->ifindex);
	if (err) {
		count_refusal(REASON_SEND_FAILED, "home agent discovery for "
			      "%s from %s: %s", q->text,
			      ip6_str(&pkt.src), strerror(-err));
		return;
	}
	count(COUNT_HAAD_ASKED);
	log_info("home agent of %s: asked %s from CoA %s",
		 q->text, ip6_str(dst), ip6_str(&pkt.src));
}

static void op_found(void *arg, struct haad *haad, const struct in6_addr *has,
		     unsigned int n)
{
	struct quest *q = arg;

	(void)haad;
	count(COUNT_HAAD_FOUND);
	learn(q, has, n, ANCHOR_DHAAD, (mtime){0});
	succeed(q, n);
}

static void op_failed(void *arg, struct haad *haad)
{
	(void)haad;
	fail(arg, "no home agent answers on the home link");
}

static const struct haad_ops haad_ops = {
	.send = op_send,
	.found = op_found,
	.failed = op_failed,
};

static void ask_link(struct quest *q)
{
	if (!haad_ask(&q->haad, randombytes_random(), loop_now()))
		fail(q, "the prefix has no home agents' anycast address");
}

/* Whose answer it is its number says; the last refusal is as good as any. */
static enum reason take_reply(struct mn *mn, const struct ip6_pkt *pkt)
{
	enum reason reason;
	struct quest *q;
	struct mip mip;

	reason = mip_parse(&mip, pkt->upper, pkt->upper_len, &pkt->src,
			   &pkt->dst);
	if (reason)
		return reason;
	if (mip.type != MIP_HAAD_REPLY)
		return REASON_MIP_UNEXPECTED;
	for (q = mn->discover.quests; q; q = q->next) {
		reason = haad_reply(&q->haad, &pkt->src, &mip, pkt->upper_len);
		if (reason != REASON_HAAD_UNMATCHED)
			return reason;
	}
	return REASON_HAAD_UNMATCHED;
}

static void on_readable(void *arg)
{
	struct mn *mn = arg;
	struct ip6_pkt pkt;
	enum reason reason;
	uint32_t ifindex;

	while (raw_ra_read(mn->discover.fd, mn->buf, sizeof(mn->buf), &pkt,
			   &ifindex) >= 0) {
		reason = take_reply(mn, &pkt);
		if (reason)
			count_refusal(reason, "home agent discovery, reply "
				      "from %s to CoA %s", ip6_str(&pkt.src),
				      ip6_str(&pkt.dst));
	}
}

/* ---- RFC 5026 5.1 */

static void on_resolved(void *arg, const struct resolve_result *r)
{
	struct quest *q = arg;
	const char *of = q->name ? q->name : q->domain;

	q->lookup = NULL;
	if (!r->error) {
		log_info("home agent of %s: %s has %u address%s",
			 q->text, of, r->n,
			 r->n == 1 ? "" : "es");
		learn(q, r->addrs, r->n, ANCHOR_DNS,
		      mtime_add(loop_now(), MTIME_SEC(r->ttl)));
		succeed(q, r->n);
		return;
	}
	count(COUNT_DNS_FAILED);
	log_warn("home agent of %s: %s: %s", q->text, of,
		 r->error);
	/* there may be one all the same */
	ask_link(q);
}

static void ask(struct quest *q)
{
	q->asked_at = loop_now();
	event(q, "asking");
	if (!has_name(q)) {
		ask_link(q);
		return;
	}
	count(COUNT_DNS_ASKED);
	if (resolve_start(&q->lookup, &q->mn->loop.uv, q->name, q->domain,
			  on_resolved, q))
		ask_link(q);
}

/* ---- when */

static void run(struct quest *q)
{
	struct mn *mn = q->mn;
	mtime now = loop_now();

	if (!q->wanted || asking(q) || mn->flushing || !mn_preferred(mn)) {
		timers_del(&mn->loop.timers, &q->timer);
		return;
	}
	if (mtime_before(now, q->next_at)) {
		timers_set(&mn->loop.timers, &q->timer, q->next_at);
		return;
	}
	ask(q);
}

static void on_timer(struct timer *timer, mtime now)
{
	(void)now;
	run((struct quest *)((char *)timer - offsetof(struct quest, timer)));
}

/* From the loop: he may be in the midst of a list. After a long time in which
 * nobody wanted one all begins anew. */
static void want(struct quest *q)
{
	if (q->wanted)
		return;
	q->wanted = true;
	if (mtime_before(mtime_add(q->next_at, q->rto), loop_now()))
		q->rto = (mtime){0};
	if (!asking(q))
		timers_set(&q->mn->loop.timers, &q->timer,
			   later(loop_now(), q->next_at));
}

void discover_want(struct mn *mn, const struct in6_addr *addr)
{
	struct quest *q;

	for (q = mn->discover.quests; q; q = q->next)
		if (ip6_prefix_has(&q->prefix, addr))
			want(q);
}

/* From the loop, so perhaps in a moment. */
static bool is_due(const struct quest *q)
{
	return q->wanted && timer_armed(&q->timer) &&
	       !mtime_before(loop_now(), q->timer.at);
}

bool discover_asking(const struct mn *mn, const struct in6_addr *addr)
{
	const struct quest *q;

	for (q = mn->discover.quests; q; q = q->next)
		if (ip6_prefix_has(&q->prefix, addr) &&
		    (asking(q) || is_due(q)))
			return true;
	return false;
}

/* What was in vain elsewhere may do here, and an answer to where we were does
 * not come. Not at once where one is thrown to and fro. */
void discover_attached(struct mn *mn)
{
	mtime now = loop_now();
	struct quest *q;

	for (q = mn->discover.quests; q; q = q->next) {
		haad_moved(&q->haad, randombytes_random(), now);
		q->rto = (mtime){0};
		if (mtime_before(mtime_add(q->asked_at, GAP_MIN), q->next_at))
			q->next_at = mtime_add(q->asked_at, GAP_MIN);
		run(q);
	}
}

/* ---- remote anchors */

bool discover_has_remote(const struct mn *mn)
{
	const struct mn_conf_anchor *c = mn->conf.anchors;

	while (c && !c->remote)
		c = c->next;
	return c;
}

/* May a be asked, by what is configured of it? */
static bool is_remote(const struct mn *mn, const struct anchor *a)
{
	const struct mn_conf_anchor *c;
	struct ip6_prefix prefix;

	for (c = mn->conf.anchors; c; c = c->next) {
		prefix = c->prefix;
		ip6_prefix_mask(&prefix);
		if (c->remote && prefix.len == a->prefix.len &&
		    ip6_addr_eq(&prefix.addr, &a->prefix.addr))
			return true;
	}
	return false;
}

/* The one that is configured first is the last: who was heard last is before
 * others, and of those that are configured nothing was heard. */
bool discover_remote(struct mn *mn, struct in6_addr *ha,
		     struct ip6_prefix *prefix, bool *works)
{
	const struct anchors *anchors = &mn->anchors;
	struct choice list[ANCHORS_MAX];
	unsigned int of[ANCHORS_MAX], n = 0, k;
	enum choice_why why;

	for (k = anchors->n; k--;) {
		const struct anchor *a = &anchors->list[k];

		/* of hearsay, not from just any link */
		if (!is_remote(mn, a) ||
		    (a->source == ANCHOR_RA && !a->trusted))
			continue;
		list[n] = anchors_choice(anchors, a, loop_now());
		list[n].prefix_len = 0;		/* each is for itself */
		list[n].current = ip6_addr_eq(&a->ha, &mn->discover.remote);
		of[n++] = k;
	}
	if (!n)
		return false;
	k = choice_pick(list, n, &why);
	*works = list[k].works;
	k = of[k];
	*ha = mn->discover.remote = anchors->list[k].ha;
	*prefix = anchors->list[k].prefix;
	return true;
}

bool discover_want_remote(struct mn *mn)
{
	const struct mn_conf_anchor *c;
	bool asked = false;
	struct quest *q;

	for (c = mn->conf.anchors; c; c = c->next) {
		for (q = mn->discover.quests; c->remote && q; q = q->next) {
			if (!ip6_prefix_has(&q->prefix, &c->prefix.addr))
				continue;
			want(q);
			asked |= asking(q) || !mtime_before(loop_now(),
							    q->next_at);
		}
	}
	return asked;
}

/* ---- start and end */

static void quest_free(struct quest *q)
{
	if (q->lookup)
		resolve_drop(q->lookup);
	haad_stop(&q->haad);
	timers_del(&q->mn->loop.timers, &q->timer);
	free(q);
}

static void free_all(struct mn *mn)
{
	while (mn->discover.quests) {
		struct quest *next = mn->discover.quests->next;

		quest_free(mn->discover.quests);
		mn->discover.quests = next;
	}
}

static void add(struct mn *mn, const struct ip6_prefix *prefix,
		const char *name, const char *domain)
{
	struct quest *q = calloc(1, sizeof(*q));

	if (!q) {
		log_err("home agent of %s: out of memory",
			ip6_str(&prefix->addr));
		return;
	}
	q->mn = mn;
	q->prefix = *prefix;
	ip6_prefix_mask(&q->prefix);
	snprintf(q->text, sizeof(q->text), "%s/%u", ip6_str(&q->prefix.addr),
		 q->prefix.len);
	q->name = name;
	q->domain = domain;
	q->timer.fn = on_timer;
	haad_init(&q->haad, &haad_ops, q, &mn->loop.timers, prefix);
	q->next = mn->discover.quests;
	mn->discover.quests = q;
}

void discover_configured(struct mn *mn)
{
	const struct mn_conf_anchor *a;
	const struct mn_conf_fixed *f;

	free_all(mn);
	mn->discover.remote = in6addr_any;
	for (a = mn->conf.anchors; a; a = a->next)
		if (IN6_IS_ADDR_UNSPECIFIED(&a->address))
			add(mn, &a->prefix, a->name, a->domain);
	for (f = mn->conf.fixed; f; f = f->next)
		if (IN6_IS_ADDR_UNSPECIFIED(&f->ha))
			add(mn, &f->prefix, f->name, f->domain);
}

static void on_lost(struct timer *timer, mtime now)
{
	struct discover *d = (struct discover *)((char *)timer -
					offsetof(struct discover, lost));
	struct mn *mn = (struct mn *)((char *)d -
				      offsetof(struct mn, discover));

	(void)now;
	hoa_fixed_find(mn);
}

/* Whoever says so is in the midst of something. */
static void on_anchor_lost(void *arg)
{
	struct mn *mn = arg;

	timers_set(&mn->loop.timers, &mn->discover.lost, loop_now());
}

void discover_init(struct mn *mn)
{
	mn->discover = (struct discover){.fd = -1, .lost.fn = on_lost};
	mn->anchors.lost = on_anchor_lost;
	mn->anchors.arg = mn;
}

int discover_open(struct mn *mn)
{
	mn->discover.fd = raw_haad_open();
	if (mn->discover.fd < 0)
		return mn->discover.fd;
	return loop_fd_add(&mn->loop, &mn->discover.on_fd, mn->discover.fd,
			   on_readable, mn);
}

void discover_close(struct mn *mn)
{
	loop_fd_del(&mn->discover.on_fd);
	free_all(mn);
	timers_del(&mn->loop.timers, &mn->discover.lost);
	if (mn->discover.fd >= 0)
		close(mn->discover.fd);
	mn->discover.fd = -1;
}

/* ---- for people */

static const char *state_of(const struct quest *q)
{
	return q->lookup ? "resolving" : haad_asking(&q->haad) ? "asking" :
	       q->wanted ? "waiting" : q->why ? "failed" :
	       q->found ? "found" : "idle";
}

struct json_object *discover_json(const struct mn *mn)
{
	struct json_object *list = json_object_new_array(), *o;
	const struct quest *q;
	mtime now = loop_now();

	for (q = mn->discover.quests; q; q = q->next) {
		o = json_object_new_object();
		put_prefix(o, "prefix", &q->prefix.addr, q->prefix.len);
		put(o, "name", q->name);
		put(o, "domain", q->domain);
		put(o, "state", state_of(q));
		put_int(o, "found", q->found);
		put(o, "why", q->why);
		put_int(o, "next_s", mtime_sec(mtime_sub(q->next_at, now)));
		json_object_array_add(list, o);
	}
	return list;
}
