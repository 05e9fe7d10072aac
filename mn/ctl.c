/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedge-mn's answers on the control socket; kedgectl(8) has the fields. */
#include <errno.h>
#include <unistd.h>

#include "core/count.h"
#include "core/daemon.h"
#include "mn/json.h"
#include "mn/flows.h"
#include "mn/mn.h"

static void put_prefix(struct json_object *o, const char *key,
		       const struct in6_addr *addr, unsigned int len)
{
	struct ip6_prefix prefix = {*addr, len};
	char text[64];

	ip6_prefix_mask(&prefix);
	snprintf(text, sizeof(text), "%s/%u", ip6_str(&prefix.addr), len);
	put(o, key, len ? text : NULL);
}

static struct json_object *iface_json(const struct mn_iface *i)
{
	struct json_object *o = json_object_new_object();
	const struct nd_prefix *p = attach_prefix(&i->at, &i->at.coa);

	put(o, "name", i->name);
	put_int(o, "ifindex", i->ifindex);
	put_bool(o, "carrier", i->up);
	put(o, "state", attach_state_str(i->at.state));
	put_addr(o, "router", &i->at.router);
	put_addr(o, "coa", &i->at.coa);
	put_prefix(o, "prefix", p ? &p->prefix : &in6addr_any, p ? p->len : 0);
	return o;
}

static unsigned int hoas_at(const struct mn *mn, const struct in6_addr *ha)
{
	const struct bul_entry *e;
	unsigned int n = 0;

	for (e = mn->bul.entries; e; e = e->next)
		n += !ha || ip6_addr_eq(&e->ha, ha);
	return n;
}

static int run_status(void *arg, struct json_object *request,
		      struct json_object *answer)
{
	struct json_object *list = json_object_new_array();
	struct mn *mn = arg;
	const struct bul_entry *e;
	unsigned int k, bound = 0;

	(void)request;
	for (k = 0; k < mn->conf.n_ifaces; k++)
		json_object_array_add(list, iface_json(&mn->ifaces[k]));
	for (e = mn->bul.entries; e; e = e->next)
		bound += e->bound;
	put(answer, "daemon", "kedge-mn");
	put(answer, "version", daemon_version());
	put_int(answer, "pid", getpid());
	put_int(answer, "uptime_s",
		mtime_sec(mtime_sub(loop_now(), mn->started)));
	json_object_object_add(answer, "interfaces", list);
	put_int(answer, "hoas", hoas_at(mn, NULL));
	put_int(answer, "bindings", bound);
	put_int(answer, "anchors", mn->anchors.n);
	return 0;
}

static void put_usage(struct json_object *o, const struct dp_binding *b,
		      mtime now)
{
	mtime last = dp_last_used(b);

	put_int(o, "tx_packets", b->tx_packets);
	put_int(o, "tx_bytes", b->tx_bytes);
	put_int(o, "rx_packets", b->rx_packets);
	put_int(o, "rx_bytes", b->rx_bytes);
	if (last.ns)
		put_int(o, "idle_s", mtime_sec(mtime_sub(now, last)));
	else
		json_object_object_add(o, "idle_s", NULL);
}

static struct json_object *binding_json(struct mn *mn,
					const struct bul_entry *e, mtime now)
{
	struct json_object *o = json_object_new_object();
	const struct hoa *h = e->priv;
	struct dp_binding b = {0};

	put_addr(o, "hoa", &e->hoa);
	put_addr(o, "coa", &e->coa);
	put_addr(o, "ha", &e->ha);
	put(o, "state", bul_state_str(e->state));
	put_int(o, "seq", e->seq);
	put_int(o, "lifetime_s", e->granted);
	put_int(o, "remaining_s", e->bound ?
		mtime_sec(mtime_sub(e->expires, now)) : 0);
	put_int(o, "age_s", mtime_sec(mtime_sub(now, e->since)));
	put_int(o, "flows", h->tcp + h->udp);
	put_int(o, "queued", h->queued);
	dp_binding_get(mn->dp, &e->hoa, &b);
	put_usage(o, &b, now);
	return o;
}

static int run_bindings(void *arg, struct json_object *request,
			struct json_object *answer)
{
	struct json_object *list = json_object_new_array();
	struct mn *mn = arg;
	const struct bul_entry *e;
	mtime now = loop_now();

	(void)request;
	flows_count(mn, NULL, 0);	/* for whoever looks */
	for (e = mn->bul.entries; e; e = e->next)
		json_object_array_add(list, binding_json(mn, e, now));
	json_object_object_add(answer, "bindings", list);
	return 0;
}

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
	put(o, "learnt", a->configured ? "config" : "ra");
	put_bool(o, "current", current);
	put(o, "interface", i ? i->name : NULL);
	put_int(o, "hoas", hoas_at(mn, &a->ha));
	put_int(o, "preference", a->preference);
	put_bool(o, "sa", s.in && s.out);
	put_bool(o, "anchorable", s.in && s.out);
	put_bool(o, "trusted", a->trusted);
	put(o, "state", assoc ? assoc_state_str(assoc->state) : NULL);
	put(o, "why", why_not(mn, &s, assoc));
	return o;
}

static int run_anchors(void *arg, struct json_object *request,
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
	return 0;
}

static void merge(struct json_object *into, struct json_object *from)
{
	json_object_object_foreach(from, key, value)
		json_object_object_add(into, key, json_object_get(value));
	json_object_put(from);
}

static int run_sas(void *arg, struct json_object *request,
		   struct json_object *answer)
{
	struct mn *mn = arg;
	struct json_object *ike = keying_json(mn);

	(void)request;
	merge(answer, sadb_json(mn->sadb));
	if (ike)
		merge(answer, ike);
	return 0;
}

static int run_counters(void *arg, struct json_object *request,
			struct json_object *answer)
{
	struct json_object *dataplane = json_object_new_object();
	uint64_t stats[DP_STAT__MAX] = {0};
	struct mn *mn = arg;
	int err = dp_stats(mn->dp, stats), k;

	(void)request;
	for (k = 0; k < DP_STAT__MAX; k++)
		put_int(dataplane, dp_stat_str(k), stats[k]);
	merge(answer, count_json());
	json_object_object_add(answer, "dataplane", dataplane);
	return err;
}

static int run_owners(void *arg, struct json_object *request,
		      struct json_object *answer)
{
	(void)arg;
	(void)request;
	put(answer, "error", "kedge-mn keeps no owners: ask kedge-ha");
	return -EOPNOTSUPP;
}

static int run_policy(void *arg, struct json_object *request,
		      struct json_object *answer)
{
	struct mn *mn = arg;

	(void)request;
	merge(answer, policy_json(&mn->policy, mn->conf.policy));
	return 0;
}

/* So that people can see whether a remote anchor works before a program needs
 * it. What became of it is an event. */
static int run_request(void *arg, struct json_object *request,
		       struct json_object *answer)
{
	const struct mn_conf_anchor *a;
	struct mn *mn = arg;
	int err;

	(void)request;
	for (a = mn->conf.anchors; a && !a->remote; a = a->next)
		;
	if (!a) {
		put(answer, "error", "no [anchor NAME] has remote = yes");
		return -ENOENT;
	}
	err = keying_request(mn, &a->address, &a->prefix);
	if (err == -ENOTSUP)
		put(answer, "error", "addresses are assigned by IKE: there "
		    "is no [ike]");
	put_addr(answer, "ha", &a->address);
	return err;
}

static int run_flush(void *arg, struct json_object *request,
		     struct json_object *answer)
{
	struct mn *mn = arg;

	(void)request;
	put_int(answer, "bindings", hoas_at(mn, NULL));
	mn_flush(mn);
	return 0;
}

const struct ctl_cmd mn_ctl_cmds[] = {
	{"status", run_status},
	{"bindings", run_bindings},
	{"anchors", run_anchors},
	{"flows", flowctl_flows},
	{"explain", flowctl_explain},
	{"sas", run_sas},
	{"owners", run_owners},
	{"owners-forget", run_owners},
	{"counters", run_counters},
	{"policy", run_policy},
	{"request", run_request},
	{"flush", run_flush},
	{0},
};
