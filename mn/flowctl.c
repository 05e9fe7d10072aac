/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each flow got, and would get: kedgectl flows and explain. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "mn/json.h"
#include "mn/mn.h"

enum { FLOWS_PAGE = 2048 };	/* in one answer: the loop waits for it */

/* ---- what a request says */

static bool get(struct json_object *request, const char *key,
		enum json_type type, struct json_object **v)
{
	return json_object_object_get_ex(request, key, v) &&
	       json_object_is_type(*v, type);
}

/* Out of these bounds, or no number: -EINVAL. */
static int get_int(struct json_object *request, const char *key,
		   int64_t without, int64_t min, int64_t max, int64_t *out)
{
	struct json_object *v;

	*out = without;
	if (!json_object_object_get_ex(request, key, &v))
		return 0;
	*out = get(request, key, json_type_int, &v) ?
		json_object_get_int64(v) : -1;
	return *out < min || *out > max ? -EINVAL : 0;
}

static int refuse(struct json_object *answer, const char *why)
{
	put(answer, "error", why);
	return -EINVAL;
}

/* ---- flows */

/*
 * A page: the n sockets with the lowest cookies above from. A cookie stays what
 * it is, so a socket that is there all the time is in one page, and there is
 * nothing to be kept from one request to the next.
 */
struct page {
	const struct policy *policy;
	uint64_t above, upto;		/* upto 0: no bound yet */
	struct sock_rec *v;		/* room for 2 * max */
	size_t n, max;
	bool more;
};

static bool is_shown(const struct policy *policy, const struct sock_rec *rec)
{
	struct flow_type type;

	if (!ip6_unicast_routable(&rec->local))
		return false;
	type = use_type(policy, rec);
	return use_is_flow(rec) || use_keeps(rec, &type);
}

static int by_cookie(const void *a, const void *b)
{
	const struct sock_rec *x = a, *y = b;

	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

/* Sorts; one that was seen twice in a pass is there once. */
static void page_cut(struct page *p)
{
	size_t i, n = 0;

	qsort(p->v, p->n, sizeof(*p->v), by_cookie);
	for (i = 0; i < p->n; i++)
		if (!n || p->v[n - 1].cookie != p->v[i].cookie)
			p->v[n++] = p->v[i];
	p->n = n;
	if (n <= p->max)
		return;
	p->n = p->max;
	p->upto = p->v[p->n - 1].cookie;
	p->more = true;
}

static void page_add(void *arg, const struct sock_rec *rec)
{
	struct page *p = arg;

	if (rec->cookie <= p->above || !is_shown(p->policy, rec))
		return;
	if (p->upto && rec->cookie > p->upto) {
		p->more = true;
		return;
	}
	if (p->n == 2 * p->max)
		page_cut(p);
	/* nothing but the same few over and over */
	if (p->n < 2 * p->max)
		p->v[p->n++] = *rec;
}

static const char *state_str(const struct sock_rec *rec)
{
	static const char *const names[] = {
		[TCP_ESTABLISHED] = "established", [TCP_SYN_SENT] = "syn-sent",
		[TCP_SYN_RECV] = "syn-received", [TCP_FIN_WAIT1] = "fin-wait-1",
		[TCP_FIN_WAIT2] = "fin-wait-2", [TCP_TIME_WAIT] = "time-wait",
		[TCP_CLOSE] = "bound", [TCP_CLOSE_WAIT] = "close-wait",
		[TCP_LAST_ACK] = "last-ack", [TCP_LISTEN] = "listen",
		[TCP_CLOSING] = "closing",
	};

	if (rec->protocol == IPPROTO_UDP)
		return rec->remote_port ? "connected" : "open";
	if (rec->tcp_state >= sizeof(names) / sizeof(*names) ||
	    !names[rec->tcp_state])
		return "?";
	return names[rec->tcp_state];
}

static void put_ends(struct json_object *o, const struct sock_rec *rec)
{
	bool tcp = rec->protocol == IPPROTO_TCP;

	put_int(o, "flow", (int64_t)rec->cookie);
	put(o, "protocol", tcp ? "tcp" : "udp");
	put(o, "state", state_str(rec));
	put_addr(o, "local", &rec->local);
	put_int(o, "local_port", rec->local_port);
	put_addr(o, "remote", &rec->remote);
	put_int(o, "remote_port", rec->remote_port);
	put_bool(o, "mptcp", rec->mptcp);
	if (tcp) {
		put_int(o, "tx_bytes", (int64_t)rec->tx_bytes);
		put_int(o, "rx_bytes", (int64_t)rec->rx_bytes);
	} else {
		put(o, "tx_bytes", NULL);
		put(o, "rx_bytes", NULL);
	}
}

static void put_age(struct json_object *o, const struct sock_state *s)
{
	mtime since = {(int64_t)s->since};

	put_int(o, "age_s", mtime_sec(mtime_sub(loop_now(), since)));
	json_object_object_add(o, "since", json_object_new_double(
			(double)(since.ns + loop_wall_offset()) / 1e9));
}

/* A process may give itself any name; JSON is UTF-8. */
static void copy_comm(char out[SOCK_COMM + 1], const char comm[SOCK_COMM])
{
	size_t i;

	for (i = 0; i < SOCK_COMM && comm[i]; i++)
		out[i] = comm[i] >= ' ' && comm[i] <= '~' ? comm[i] : '?';
	out[i] = '\0';
}

/* Whose it is; without a state kedgectl looks for who has the inode. */
static void put_owner(struct json_object *o, const struct sock_rec *rec)
{
	char comm[SOCK_COMM + 1];

	copy_comm(comm, rec->state.comm);
	put_int(o, "uid", rec->uid);
	put_int(o, "inode", (int64_t)rec->inode);
	if (rec->has_state && rec->state.pid)
		put_int(o, "pid", rec->state.pid);
	else
		put(o, "pid", NULL);
	put(o, "command", rec->has_state && *comm ? comm : NULL);
	if (rec->has_state && rec->state.since) {
		put_age(o, &rec->state);
		return;
	}
	put(o, "age_s", NULL);
	put(o, "since", NULL);
}

static const char *rule_name(const struct policy *policy, int rule)
{
	return rule >= 0 && (unsigned int)rule < policy->n_rules ?
		policy->rules[rule].name : NULL;
}

static void put_type(struct json_object *o, const struct policy *policy,
		     const struct sock_rec *rec)
{
	struct flow_type type = use_type(policy, rec);

	put(o, "service", service_str(type.service));
	put(o, "why", service_why_str(type.why));
	put(o, "rule", rule_name(policy, type.rule));
	put_bool(o, "keeps", use_keeps(rec, &type));
}

/* How packets from an address go, and who anchors it. */
static void put_path(struct json_object *o, struct mn *mn,
		     const struct in6_addr *local)
{
	const struct bul_entry *e = bul_find(&mn->bul, local);
	const struct hoa *h = e ? e->priv : NULL;
	struct in6_addr ha = in6addr_any;

	if (e)
		ha = e->ha;
	else
		keying_ha(mn, local, &ha);
	put(o, "path", !h || h->at_home ? "native" : h->up ? "tunnel" :
							     "queued");
	put_addr(o, "anchor", &ha);
	beat_json(o, mn, &ha);
}

/* By which it goes now, and who says so. */
static void put_interface(struct json_object *o, struct mn *mn,
			  const struct sock_rec *rec)
{
	enum move_why why;
	int rule;
	const struct mn_iface *i = move_of(mn, rec, &why, &rule);

	put(o, "interface", i ? i->name : NULL);
	put(o, "interface_why", move_why_str(why));
	put(o, "interface_rule", why == MOVE_WHY_POLICY ?
	    rule_name(&mn->policy, rule) : NULL);
	i = move_waits_for(mn, rec);
	put(o, "waits_for", i ? i->name : NULL);
}

struct json_object *flowctl_json(struct mn *mn, const struct sock_rec *rec)
{
	struct json_object *o = json_object_new_object();

	put_ends(o, rec);
	put_owner(o, rec);
	put_type(o, &mn->policy, rec);
	put_path(o, mn, &rec->local);
	put_interface(o, mn, rec);
	return o;
}

static int fill_page(struct mn *mn, struct page *p)
{
	int err;

	p->v = calloc(2 * p->max, sizeof(*p->v));
	if (!p->v)
		return -ENOMEM;
	err = flows_each(mn, true, page_add, p);
	page_cut(p);
	/* a pass that a change interrupted is good enough to look at */
	return err == -EINTR ? 0 : err;
}

int flowctl_flows(void *arg, struct json_object *request,
		  struct json_object *answer)
{
	struct json_object *list;
	struct mn *mn = arg;
	struct page p = {.policy = &mn->policy};
	int64_t from, n;
	size_t i;
	int err;

	if (get_int(request, "from", 0, 0, INT64_MAX, &from) ||
	    get_int(request, "n", FLOWS_PAGE, 1, FLOWS_PAGE, &n))
		return refuse(answer, "from or n is out of range");
	p.above = (uint64_t)from;
	p.max = (size_t)n;
	err = fill_page(mn, &p);
	list = json_object_new_array();
	for (i = 0; i < p.n; i++)
		json_object_array_add(list, flowctl_json(mn, &p.v[i]));
	json_object_object_add(answer, "flows", list);
	put_int(answer, "next", p.more && p.n ?
		(int64_t)p.v[p.n - 1].cookie : 0);
	free(p.v);
	return err;
}

/* ---- explain */

static int get_protocol(struct json_object *request, uint8_t *out)
{
	struct json_object *v;

	if (!json_object_object_get_ex(request, "protocol", &v))
		return 0;
	if (!strcmp(json_object_get_string(v) ?: "", "tcp"))
		*out = IPPROTO_TCP;
	else if (!strcmp(json_object_get_string(v) ?: "", "udp"))
		*out = IPPROTO_UDP;
	return *out ? 0 : -EINVAL;
}

static int get_service(struct json_object *request, struct select_query *q)
{
	struct json_object *v;

	if (!json_object_object_get_ex(request, "service", &v))
		return 0;
	q->why = SERVICE_WHY_OPTION;
	return get(request, "service", json_type_string, &v) &&
	       service_parse(json_object_get_string(v), &q->asked) &&
	       q->asked != SERVICE_NONE ? 0 : -EINVAL;
}

static void get_command(struct json_object *request, struct select_query *q)
{
	struct json_object *v;

	if (get(request, "command", json_type_string, &v))
		snprintf(q->comm, sizeof(q->comm), "%s",
			 json_object_get_string(v));
}

/* NULL, or what is wrong. */
static const char *get_query(struct json_object *request,
			     struct select_query *q)
{
	struct json_object *dst;
	int64_t port, uid, gid;

	if (!get(request, "dst", json_type_string, &dst) ||
	    inet_pton(AF_INET6, json_object_get_string(dst), &q->dst) != 1)
		return "dst is not an IPv6 address";
	if (get_service(request, q))
		return "service is none that there is";
	if (get_protocol(request, &q->protocol))
		return "protocol is neither tcp nor udp";
	if (get_int(request, "port", 0, 0, UINT16_MAX, &port) ||
	    get_int(request, "uid", 0, 0, UINT32_MAX, &uid) ||
	    get_int(request, "gid", 0, 0, UINT32_MAX, &gid))
		return "port, uid or gid is out of range";
	q->port = (uint16_t)port;
	q->uid = (uid_t)uid;
	q->gid = (gid_t)gid;
	get_command(request, q);
	return NULL;
}

/* What becomes of a flow from there when we leave the network. */
static void at_move(struct mn *mn, const struct select_choice *c,
		    const struct in6_addr *source, char *out, size_t n)
{
	const struct bul_entry *e = bul_find(&mn->bul, source);
	const char *why = NULL;
	struct in6_addr ha;
	bool known = true;

	if (e)
		ha = e->ha;
	else
		known = keying_ha(mn, source, &ha);
	if (known && !e)
		why = keying_refusal(mn, source, &ha);
	if (c->service == SERVICE_NONPERSISTENT && !e)
		snprintf(out, n, "%s", mn->policy.reset_nonpersistent ?
			 "lost: the socket is told at once (ECONNABORTED)" :
			 "lost: the socket finds out by itself");
	else if (!known)
		snprintf(out, n, "lost: no home agent is known for it");
	else if (why)
		snprintf(out, n, "lost: %s", why);
	else if (c->service == SERVICE_GRACEFUL)
		snprintf(out, n, "kept for %lld s by tunnel to %s, beside the "
			 "new address",
			 (long long)mtime_sec(mn->policy.grace), ip6_str(&ha));
	else
		snprintf(out, n, "kept, by tunnel to %s", ip6_str(&ha));
}

/* An unmarked socket's source, by RFC 6724; :: where there is no route. */
static struct in6_addr kernels_choice(struct mn *mn,
				      const struct in6_addr *dst)
{
	struct rtnl_path path = {0};

	return rtnl_path_get(mn->rtnl, dst, &path) ? in6addr_any :
						     path.source;
}

static const char *refusal(int error)
{
	switch (error) {
	case 0:
		return NULL;
	case ENOTSUP:
		return "ENOTSUP";
	case EPERM:
		return "EPERM";
	default:	/* not just now, which a socket is told as this */
		return "EADDRNOTAVAIL";
	}
}

/* The rule about interfaces, which may give the source. */
static int way_rule(struct mn *mn, const struct select_query *q,
		    const struct select_choice *c)
{
	struct policy_flow flow = {
		.dst = q->dst, .port = q->port, .protocol = q->protocol,
		.uid = q->uid, .gid = q->gid, .comm = q->comm, .cgroup = "",
		.service = c->service,
	};

	return policy_way(&mn->policy, &flow);
}

static void put_way(struct json_object *answer, struct mn *mn,
		    const struct in6_addr *source, int rule)
{
	enum move_why why;
	const struct mn_iface *i = move_would(mn, source, rule, &why);

	put(answer, "interface", i ? i->name : NULL);
	put(answer, "interface_why", move_why_str(why));
	put(answer, "interface_rule", rule_name(&mn->policy, rule));
}

static void put_choice(struct json_object *answer, struct mn *mn,
		       const struct select_query *q,
		       const struct select_choice *c)
{
	bool kernels = IN6_IS_ADDR_UNSPECIFIED(&c->source);
	struct in6_addr source = c->source;
	int rule = way_rule(mn, q, c);
	const char *by = "kedge";
	char text[160];

	put(answer, "service", service_str(c->service));
	put(answer, "why", service_why_str(c->why));
	put(answer, "rule", rule_name(&mn->policy, c->rule));
	put(answer, "reason", *c->reason ? c->reason : NULL);
	put(answer, "refused", refusal(c->error));
	if (c->error)
		return;
	if (kernels && rule >= 0) {
		source = move_source(mn, &mn->policy.rules[rule]);
		kernels = IN6_IS_ADDR_UNSPECIFIED(&source);
		by = "policy";
	}
	if (kernels)
		source = kernels_choice(mn, &q->dst);
	put(answer, "chosen_by", kernels ? "kernel" : by);
	put_addr(answer, "source", &source);
	if (!ip6_unicast_routable(&source))
		return;
	put_path(answer, mn, &source);
	put_way(answer, mn, &source, rule);
	at_move(mn, c, &source, text, sizeof(text));
	put(answer, "at_move", text);
}

int flowctl_explain(void *arg, struct json_object *request,
		    struct json_object *answer)
{
	struct select_query q = {.asked = SERVICE_NONE};
	struct select_choice choice;
	const char *wrong = get_query(request, &q);

	if (wrong)
		return refuse(answer, wrong);
	select_choose(arg, &q, false, &choice);
	put_addr(answer, "dst", &q.dst);
	put_choice(answer, arg, &q, &choice);
	return 0;
}
