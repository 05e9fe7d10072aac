/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways of home addresses, to those who watch or ask. */
#include <arpa/inet.h>
#include <string.h>

#include "mn/json.h"
#include "mn/mn.h"

static void tell_path(const struct hoa *h, const struct path_told *t,
		      const char *what)
{
	const struct mn_iface *i = mn_iface(h->mn, t->ifindex);
	struct json_object *ev = ctl_ev("path", "hoa", ip6_str(&h->e->hoa),
			"coa", ip6_str(&t->coa), "interface",
			i ? i->name : "", "state", what, NULL);

	json_object_object_add(ev, "bid", json_object_new_int(t->bid));
	mn_event(h->mn, ev);
}

static bool told_has(const struct path_told *list, unsigned int n,
		     const struct path_told *t)
{
	unsigned int k;

	for (k = 0; k < n; k++)
		if (list[k].bid == t->bid && ip6_addr_eq(&list[k].coa, &t->coa))
			return true;
	return false;
}

void paths_tell(struct paths *p)
{
	const struct multi *m = p->h->e->multi;
	struct path_told now[MULTI_PATHS_MAX];
	unsigned int k, n = 0;

	for (k = 0; m && k < m->n_paths; k++)
		if (m->paths[k].registered)
			now[n++] = (struct path_told){m->paths[k].bid,
				m->paths[k].ifindex, m->paths[k].coa};
	for (k = 0; k < p->n_told; k++)
		if (!told_has(now, n, &p->told[k]))
			tell_path(p->h, &p->told[k], "ended");
	for (k = 0; k < n; k++)
		if (!told_has(p->told, p->n_told, &now[k]))
			tell_path(p->h, &now[k], "registered");
	memcpy(p->told, now, sizeof(now));
	p->n_told = n;
}

static struct json_object *path_json(const struct hoa *h,
				     const struct multi_path *p)
{
	struct json_object *o = json_object_new_object();
	const struct mn_iface *i = mn_iface(h->mn, p->ifindex);

	put_int(o, "bid", p->bid);
	put(o, "interface", i ? i->name : "");
	put_addr(o, "coa", &p->coa);
	put_int(o, "pri", p->pri);
	put_bool(o, "home", p->home);
	put_bool(o, "registered", p->registered);
	put_int(o, "status", p->status);
	return o;
}

static struct json_object *flow_json(const struct multi_flow *f)
{
	struct json_object *o = json_object_new_object();
	struct json_object *bids = json_object_new_array();
	unsigned int k;

	put_int(o, "fid", f->fid);
	put_int(o, "pri", multi_pri(f));
	for (k = 0; k < f->n_bids; k++)
		json_object_array_add(bids, json_object_new_int(f->bids[k]));
	json_object_object_add(o, "bids", bids);
	if (f->key.proto)
		put_int(o, "proto", f->key.proto);
	if (!f->wide) {
		put_addr(o, "peer", &f->key.peer);
		put_int(o, "peer_port", ntohs(f->key.peer_port));
		put_int(o, "hoa_port", ntohs(f->key.hoa_port));
	}
	put_bool(o, "registered", f->registered && !f->due && !f->gone);
	put_int(o, "status", f->status);
	return o;
}

/* NULL: they are not. */
static struct json_object *refused_json(const struct hoa *h)
{
	mtime left = move_several_left(h->mn, &h->e->hoa);
	uint8_t status = move_several_status(h->mn, &h->e->hoa);
	struct json_object *o;

	if (!left.ns)
		return NULL;
	o = json_object_new_object();
	put_int(o, "status", status);
	put(o, "why", mh_status_str(status));
	put_int(o, "again_s", mtime_sec(left));
	return o;
}

void paths_json(struct json_object *o, const struct hoa *h)
{
	struct json_object *paths = json_object_new_array();
	struct json_object *flows = json_object_new_array();
	const struct multi *m = h->e->multi;
	unsigned int k;

	for (k = 0; m && k < m->n_paths; k++)
		json_object_array_add(paths, path_json(h, &m->paths[k]));
	for (k = 0; m && k < m->n_flows; k++)
		json_object_array_add(flows, flow_json(&m->flows[k]));
	json_object_object_add(o, "several_refused", refused_json(h));
	json_object_object_add(o, "paths", paths);
	json_object_object_add(o, "flow_bindings", flows);
}
