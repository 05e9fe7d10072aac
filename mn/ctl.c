/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedge-mn's answers on the control socket; kedgectl(8) has the fields. */
#include <errno.h>
#include <unistd.h>

#include "core/count.h"
#include "core/daemon.h"
#include "mn/json.h"
#include "mn/flows.h"
#include "mn/mn.h"
#include "mn/testpath.h"

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
		json_object_array_add(list,
				      ifacectl_json(mn, &mn->ifaces[k]));
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
	beat_json(o, mn, &e->ha);
	put_int(o, "seq", e->seq);
	put_int(o, "lifetime_s", e->granted);
	put_int(o, "remaining_s", e->bound ?
		mtime_sec(mtime_sub(e->expires, now)) : 0);
	put_int(o, "age_s", mtime_sec(mtime_sub(now, e->since)));
	put_int(o, "flows", h->tcp + h->udp);
	put_int(o, "queued", h->queued);
	paths_json(o, h);
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
	put(answer, "daemon", "kedge-mn");
	put(answer, "version", daemon_version());
	put_int(answer, "uptime_s",
		mtime_sec(mtime_sub(loop_now(), mn->started)));
	merge(answer, count_json());
	json_object_object_add(answer, "dataplane", dataplane);
	figures_add(mn, stats, answer);
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

static int run_ha_only(void *arg, struct json_object *request,
		       struct json_object *answer)
{
	(void)arg;
	(void)request;
	put(answer, "error", "home agents do that: ask kedge-ha");
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
	struct ip6_prefix prefix;
	struct in6_addr ha;
	struct mn *mn = arg;
	bool works;
	int err;

	(void)request;
	if (!discover_has_remote(mn)) {
		put(answer, "error", "no [anchor NAME] has remote = yes");
		return -ENOENT;
	}
	if (!discover_remote(mn, &ha, &prefix, &works)) {
		discover_want_remote(mn);
		put(answer, "error", "no remote anchor is known yet: it is "
		    "being looked for");
		return -EAGAIN;
	}
	err = keying_request(mn, &ha, &prefix);
	if (err == -ENOTSUP)
		put(answer, "error", "addresses are assigned by IKE: there "
		    "is no [ike]");
	put_addr(answer, "ha", &ha);
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
	{"interfaces", ifacectl_interfaces},
	{"bindings", run_bindings},
	{"anchors", anchorctl_anchors},
	{"flows", flowctl_flows},
	{"explain", flowctl_explain},
	{"sas", run_sas},
	{"owners", run_owners},
	{"owners-forget", run_owners},
	{"counters", run_counters},
	{"policy", run_policy},
	{"move", movectl_move},
	{"prepare", movectl_prepare},
	{"request", run_request},
	{"test-path", testpath_run},
	{"revoke", run_ha_only},
	{"switch", run_ha_only},
	{"flush", run_flush},
	{0},
};
