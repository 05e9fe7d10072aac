/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kedgectl move and prepare: who asks is answered when it is done, or cannot
 * be.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "mn/json.h"
#include "mn/moveint.h"
#include "mn/mn.h"
#include "mn/paths.h"

enum { WAITS_MAX = 32, CANDIDATES = 8 };

/* How long an interface that is about to go is believed to be. */
static const mtime NOTICE = {30000000000};
enum { NOTICE_MAX = 3600 };

struct move_wait {
	struct move_wait *next;
	uint64_t token;			/* 0: not yet, run() goes on */
	struct dp_flow_key key;		/* of "move" */
	uint32_t leaving;		/* of "prepare": that interface; or 0 */
	char name[IFNAMSIZ];
	mtime since;
	bool done;
	int err;			/* of what failed last */
	uint8_t status;			/* its home agent's, of that */
	struct in6_addr err_of;
	unsigned int homes, flows, failed;
	struct json_object *answer;
};

__attribute__((format(printf, 3, 4)))
static int refuse(struct json_object *answer, int err, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(answer, "error", text);
	return err;
}

static void put_seconds(struct json_object *o, const char *key, mtime t)
{
	json_object_object_add(o, key, json_object_new_double(
			       (double)(t.ns / 1000) / 1e6));
}

static bool is_whole(const struct dp_flow_key *key)
{
	return !key->proto;
}

static void put_key(struct json_object *o, const struct dp_flow_key *key)
{
	put_addr(o, "hoa", &key->hoa);
	if (is_whole(key))
		return;
	put(o, "protocol", key->proto == IPPROTO_TCP ? "tcp" : "udp");
	put_int(o, "local_port", ntohs(key->hoa_port));
	put_addr(o, "remote", &key->peer);
	put_int(o, "remote_port", ntohs(key->peer_port));
}

void movectl_put(struct json_object *o, const struct move_course *c)
{
	put_key(o, &c->key);
	put(o, "from", *c->from_name ? c->from_name : NULL);
	put(o, "to", *c->to_name ? c->to_name : NULL);
	put(o, "why", move_why_str(c->why));
	put(o, "rule", *c->rule ? c->rule : NULL);
	put_seconds(o, "took_s", mtime_sub(loop_now(), c->since));
}

/* ---- who waits */

static struct move_wait *wait_new(struct mn *mn, struct json_object *answer)
{
	struct move_wait *w;
	unsigned int n = 0;

	for (w = mn->moves.waits; w; w = w->next)
		n++;
	w = n < WAITS_MAX ? calloc(1, sizeof(*w)) : NULL;
	if (!w) {
		refuse(answer, 0, "too many are waiting for moves");
		return NULL;
	}
	w->since = loop_now();
	w->answer = json_object_get(answer);
	w->next = mn->moves.waits;
	mn->moves.waits = w;
	return w;
}

static void wait_free(struct mn *mn, struct move_wait *w)
{
	struct move_wait **at = &mn->moves.waits;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	json_object_put(w->answer);
	free(w);
}

static const char *why_not(int err)
{
	switch (-err) {
	case ENETUNREACH:
		return "the interface is not attached";
	case ENOENT:
		return "no home agent of this address is known";
	case ENOKEY:
		return "there are no security associations with its home "
		       "agent";
	case EOPNOTSUPP:
		return "its home agent does not take several care-of "
		       "addresses (RFC 5648): the home address moves as a "
		       "whole";
	case ETIMEDOUT:
		return "its home agent has not acknowledged it; it is asked "
		       "again";
	case ECONNREFUSED:
		return "its home agent refused several care-of addresses, and "
		       "is not asked for now";
	case EHOSTUNREACH:
		return "no answer came by that interface; it is tried again "
		       "later";
	case EHOSTDOWN:
		return "the address is on no interface and not registered";
	default:
		return strerror(-err);
	}
}

/* What its home agent said. */
static int say_refused(struct move_wait *w)
{
	put_int(w->answer, "status", w->status);
	if (w->err == -EACCES)
		return refuse(w->answer, w->err, "its home agent refuses it a "
			      "way of its own: flow status %u (RFC 6089 4.2)",
			      w->status);
	return refuse(w->answer, w->err, "its home agent refuses it: status "
		      "%u, %s", w->status, mh_status_str(w->status));
}

static int say_move(struct move_wait *w)
{
	if (w->err && w->status)
		return say_refused(w);
	return w->err ? refuse(w->answer, w->err, "%s", why_not(w->err)) : 0;
}

static int say_prepare(struct move_wait *w)
{
	put_int(w->answer, "hoas", w->homes);
	put_int(w->answer, "flows", w->flows);
	put_int(w->answer, "failed", w->failed);
	put_seconds(w->answer, "took_s", mtime_sub(loop_now(), w->since));
	return w->failed ? refuse(w->answer, w->err, "%u of %u could not be "
				  "moved off %s; home address %s: %s",
				  w->failed, w->homes + w->flows + w->failed,
				  w->name, ip6_str(&w->err_of),
				  why_not(w->err)) : 0;
}

static int say(struct move_wait *w)
{
	return w->leaving ? say_prepare(w) : say_move(w);
}

/* For whom it is done gets his answer, where he waits for it already. */
static void finish(struct mn *mn, struct move_wait *w)
{
	int err;

	w->done = true;
	if (!w->token)
		return;
	err = say(w);
	ctl_answer(mn->ctl, w->token, json_object_get(w->answer), err);
	wait_free(mn, w);
}

static bool any_left(const struct mn *mn, const struct move_wait *w,
		     const struct move_course *but)
{
	const struct move_course *c;

	for (c = mn->moves.courses; c; c = c->next)
		if (c != but && c->from == w->leaving)
			return true;
	return false;
}

static void count_one(struct mn *mn, struct move_wait *w,
		      const struct move_course *c, int err)
{
	if (c->from != w->leaving)
		return;
	if (err) {
		w->failed++;
		w->err = err;
		w->err_of = c->key.hoa;
	} else if (is_whole(&c->key)) {
		w->homes++;
	} else {
		w->flows++;
	}
	if (w->token && !any_left(mn, w, c))
		finish(mn, w);
}

void movectl_done(struct mn *mn, const struct move_course *c, int err)
{
	struct move_wait *w, *next;

	for (w = mn->moves.waits; w; w = next) {
		next = w->next;
		if (w->leaving) {
			count_one(mn, w, c, err);
			continue;
		}
		if (w->done || memcmp(&w->key, &c->key, sizeof(w->key)))
			continue;
		movectl_put(w->answer, c);
		put_bool(w->answer, "moved", !err);
		w->err = err;
		w->status = c->status;
		finish(mn, w);
	}
}

/* What run() returns: an answer, or later. */
static int answer_or_wait(struct mn *mn, struct move_wait *w)
{
	int err;

	if (!w->done) {
		w->token = ctl_defer(mn->ctl);
		return 0;
	}
	err = say(w);
	wait_free(mn, w);
	return err;
}

void movectl_stop(struct mn *mn)
{
	while (mn->moves.waits)
		wait_free(mn, mn->moves.waits);
}

/* ---- which interface */

static const char *get_text(struct json_object *request, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(request, key, &v) &&
	       json_object_is_type(v, json_type_string) ?
		json_object_get_string(v) : "";
}

/* NULL: refused. */
static struct mn_iface *get_iface(struct mn *mn, const char *name,
				  struct json_object *answer)
{
	char list[MN_IFACES_MAX * (IFNAMSIZ + 2)] = "";
	size_t len = 0;
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++) {
		if (!strcmp(mn->ifaces[k].name, name))
			return &mn->ifaces[k];
		len += (size_t)sprintf(list + len, "%s%s", k ? ", " : "",
				       mn->ifaces[k].name);
	}
	refuse(answer, 0, "'%.64s' is none of kedge-mn's interfaces (%s)",
	       name, list);
	return NULL;
}

static bool is_attached(const struct mn_iface *i)
{
	return i->at.state == ATTACH_ATTACHED;
}

/* ---- which flow */

struct search {
	struct mn *mn;
	const char *text;
	bool is_number, is_port;	/* may be, both unless "#" or ":" says
					 * which */
	bool has_addr;
	uint64_t number;
	struct in6_addr addr;
	uint16_t port;			/* of addr; 0: any */
	unsigned int n;
	struct sock_rec found[CANDIDATES];
};

/* "ADDRESS", "[ADDRESS]:PORT" */
static bool read_end(struct search *s)
{
	char addr[INET6_ADDRSTRLEN];
	unsigned int port = 0;
	int len = 0;

	if (inet_pton(AF_INET6, s->text, &s->addr) == 1)
		return true;
	if (sscanf(s->text, "[%45[^]]]:%5u%n", addr, &port, &len) != 2 ||
	    s->text[len] || !port || port > UINT16_MAX)
		return false;
	s->port = (uint16_t)port;
	return inet_pton(AF_INET6, addr, &s->addr) == 1;
}

static void read_text(struct search *s)
{
	const char *text = s->text;
	bool marked = (*text == '#' || *text == ':') && text[1] != ':';
	char *end;

	text += marked;
	s->number = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end) {
		s->is_number = !marked || *s->text == '#';
		s->is_port = !marked || *s->text == ':';
	} else {
		s->has_addr = read_end(s);
	}
}

static bool fits(const struct search *s, const struct sock_rec *rec)
{
	if (s->is_number || s->is_port)
		return (s->is_number && rec->cookie == s->number) ||
		       (s->is_port && rec->local_port == s->number);
	if (s->has_addr)
		return ip6_addr_eq(&rec->remote, &s->addr) &&
		       (!s->port || s->port == rec->remote_port);
	return rec->has_state && *rec->state.comm &&
	       !strncmp(rec->state.comm, s->text, SOCK_COMM);
}

static void on_flow(void *arg, const struct sock_rec *rec)
{
	struct search *s = arg;
	struct dp_flow_key key;
	unsigned int i;

	if (!use_is_flow(rec) || !move_key(&key, rec) || !fits(s, rec))
		return;
	for (i = 0; i < s->n && i < CANDIDATES; i++)
		if (s->found[i].cookie == rec->cookie)
			return;
	if (s->n < CANDIDATES)
		s->found[s->n] = *rec;
	s->n++;
}

static size_t put_candidate(char *out, size_t n, const struct sock_rec *rec)
{
	int len = snprintf(out, n, "#%llu (%s port %u to [%s]:%u%s%.*s)",
			   (unsigned long long)rec->cookie,
			   rec->protocol == IPPROTO_TCP ? "tcp" : "udp",
			   rec->local_port, ip6_str(&rec->remote),
			   rec->remote_port, *rec->state.comm ? ", " : "",
			   SOCK_COMM, rec->state.comm);

	return len > 0 && (size_t)len < n ? (size_t)len : 0;
}

static int too_many(const struct search *s, struct json_object *answer)
{
	char list[896] = "";
	unsigned int i;
	size_t len = 0;

	for (i = 0; i < s->n && i < CANDIDATES && len + 100 < sizeof(list);
	     i++) {
		len += (size_t)sprintf(list + len, "%s", i ? ", " : "");
		len += put_candidate(list + len, sizeof(list) - len,
				     &s->found[i]);
	}
	return refuse(answer, -EINVAL, "'%.40s' fits %u flows: %s%s", s->text,
		      s->n, list, i < s->n ? ", ..." : "");
}

/* Is it an address of ours, at home or away? */
static bool is_ours(struct mn *mn, const struct in6_addr *addr)
{
	unsigned int k, j;

	if (bul_find(&mn->bul, addr))
		return true;
	for (k = 0; k < mn->conf.n_ifaces; k++)
		for (j = 0; j < mn->ifaces[k].at.n_addrs; j++)
			if (ip6_addr_eq(&mn->ifaces[k].at.addrs[j].addr,
					addr))
				return true;
	return false;
}

/* 0, or refused. */
static int find_what(struct mn *mn, const char *text,
		     struct dp_flow_key *key, uint64_t *cookie,
		     struct json_object *answer)
{
	struct search s = {.mn = mn, .text = text};
	int err;

	if (!*text)
		return refuse(answer, -EINVAL, "move which flow or home "
			      "address?");
	read_text(&s);
	*cookie = 0;
	if (s.has_addr && !s.port && is_ours(mn, &s.addr)) {
		*key = (struct dp_flow_key){.hoa = s.addr};
		return 0;
	}
	err = flows_each(mn, false, on_flow, &s);
	if (err && err != -EINTR)
		return err;
	if (!s.n)
		return refuse(answer, -ENOENT, "'%.64s' is no flow: neither "
			      "a number that 'kedgectl flows' shows, nor a "
			      "local port, far end, command or home address",
			      text);
	if (s.n > 1)
		return too_many(&s, answer);
	*cookie = s.found[0].cookie;
	put_int(answer, "flow", (int64_t)*cookie);
	move_key(key, &s.found[0]);
	return 0;
}

/* ---- the commands */

/* It need not move: it is there, but from now on because it was said so. */
static void say_there(struct mn *mn, struct json_object *answer,
		      const struct dp_flow_key *key)
{
	const struct mn_iface *i = mn_iface(mn, paths_of(mn, key, NULL));

	put_key(answer, key);
	put(answer, "from", i ? i->name : NULL);
	put(answer, "to", i ? i->name : NULL);
	put(answer, "why", NULL);
	put(answer, "rule", NULL);
	json_object_object_add(answer, "took_s", NULL);
	put_bool(answer, "moved", false);
}

/* A flow that goes with the rest of its home address has no course of its
 * own: who waits for it waits for that. False: it need not move. */
static bool is_under_way(struct mn *mn, struct move_wait *w)
{
	struct dp_flow_key whole = move_whole(&w->key.hoa);

	if (!move_course(mn, &w->key) && move_course(mn, &whole))
		w->key = whole;
	return move_course(mn, &w->key);
}

static int run_move(struct mn *mn, const struct dp_flow_key *key,
		    uint64_t cookie, struct mn_iface *to,
		    struct json_object *answer)
{
	struct move_wait *w;
	int err = move_order(mn, key, cookie, to);

	if (err == -ENOENT)
		return refuse(answer, err, "it was not moved by hand: there "
			      "is nothing to take back");
	if (err == -ENOSPC)
		return refuse(answer, err, "%d are moved by hand already",
			      MOVE_ORDERS_MAX);
	w = err ? NULL : wait_new(mn, answer);
	if (!w)
		return err ? err : -EBUSY;
	w->key = *key;
	move_now(mn);
	if (!w->done && !is_under_way(mn, w)) {
		say_there(mn, answer, key);
		w->done = true;
	}
	/* what cannot be is not to come to pass by surprise later */
	if (w->done && w->err && w->err != -ETIMEDOUT) {
		move_order(mn, key, cookie, NULL);
		move_soon(mn);
	}
	return answer_or_wait(mn, w);
}

int movectl_move(void *arg, struct json_object *request,
		 struct json_object *answer)
{
	const char *to = get_text(request, "to");
	struct mn_iface *iface = NULL;
	struct dp_flow_key key;
	struct mn *mn = arg;
	uint64_t cookie;
	int err;

	if (strcmp(to, "auto")) {
		iface = get_iface(mn, to, answer);
		if (!iface)
			return -ENODEV;
		if (!is_attached(iface))
			return refuse(answer, -ENETDOWN, "%s is not attached "
				      "to a network", iface->name);
	}
	err = find_what(mn, get_text(request, "what"), &key, &cookie, answer);
	return err ? err : run_move(mn, &key, cookie, iface, answer);
}

static bool other_attached(const struct mn *mn, const struct mn_iface *but)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		if (&mn->ifaces[k] != but && is_attached(&mn->ifaces[k]) &&
		    !move_noticed(mn, &mn->ifaces[k]))
			return true;
	return false;
}

static int run_prepare(struct mn *mn, struct mn_iface *i, mtime in,
		       struct json_object *answer)
{
	struct move_wait *w;

	if (!is_attached(i))
		return refuse(answer, -ENETDOWN, "%s is not attached: "
			      "nothing uses it", i->name);
	if (!other_attached(mn, i))
		return refuse(answer, -ENETUNREACH, "no other interface is "
			      "attached: there is nothing to move to");
	w = wait_new(mn, answer);
	if (!w)
		return -EBUSY;
	w->leaving = i->ifindex;
	memcpy(w->name, i->name, sizeof(w->name));
	put_seconds(answer, "for_s", in);
	move_notice(mn, i, in);
	move_now(mn);
	w->done = !any_left(mn, w, NULL);
	return answer_or_wait(mn, w);
}

static int run_cancel(struct mn *mn, const struct mn_iface *i,
		      struct json_object *answer)
{
	if (!move_noticed(mn, i))
		return refuse(answer, -ENOENT, "%s is not about to go",
			      i->name);
	move_notice(mn, i, (mtime){0});
	move_now(mn);
	return 0;
}

int movectl_prepare(void *arg, struct json_object *request,
		    struct json_object *answer)
{
	struct mn *mn = arg;
	struct mn_iface *i = get_iface(mn, get_text(request, "interface"),
				       answer);
	double seconds = (double)NOTICE.ns / 1e9;
	struct json_object *v;

	if (!i)
		return -ENODEV;
	put(answer, "interface", i->name);
	if (json_object_object_get_ex(request, "cancel", &v) &&
	    json_object_get_boolean(v))
		return run_cancel(mn, i, answer);
	if (json_object_object_get_ex(request, "seconds", &v))
		seconds = json_object_get_double(v);
	if (!(seconds > 0 && seconds <= NOTICE_MAX))
		return refuse(answer, -EINVAL, "seconds is not between 0 and "
			      "%d", NOTICE_MAX);
	return run_prepare(mn, i, (mtime){(int64_t)(seconds * 1e9)}, answer);
}
