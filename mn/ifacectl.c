/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedgectl interfaces. */
#include "mn/json.h"
#include "mn/mn.h"

static void put_counts(struct json_object *o, struct mn *mn,
		       const struct mn_iface *i)
{
	const struct bul_entry *e;
	unsigned int hoas = 0, bindings = 0;

	for (e = mn->bul.entries; e; e = e->next) {
		if (!i->ifindex || e->ifindex != i->ifindex ||
		    IN6_IS_ADDR_UNSPECIFIED(&e->coa))
			continue;
		hoas++;
		bindings += e->bound;
	}
	put_int(o, "hoas", hoas);
	put_int(o, "bindings", bindings);
}

static struct json_object *prefixes_json(const struct attach *at)
{
	struct json_object *list = json_object_new_array();
	const struct nd_prefix *p;
	char text[64];

	for (p = at->ra.prefixes; p < at->ra.prefixes + at->ra.n_prefixes;
	     p++) {
		struct ip6_prefix prefix = {p->prefix, p->len};

		ip6_prefix_mask(&prefix);
		snprintf(text, sizeof(text), "%s/%u", ip6_str(&prefix.addr),
			 p->len);
		if (p->valid)
			json_object_array_add(list,
					      json_object_new_string(text));
	}
	return list;
}

struct json_object *ifacectl_json(struct mn *mn, const struct mn_iface *i)
{
	const struct mn_conf_iface *conf = &mn->conf.ifaces[i - mn->ifaces];
	const struct nd_prefix *p = attach_prefix(&i->at, &i->at.coa);
	struct json_object *o = json_object_new_object();

	put(o, "name", i->name);
	put_int(o, "ifindex", i->ifindex);
	put_bool(o, "carrier", i->up);
	put(o, "state", attach_state_str(i->at.state));
	put_bool(o, "preferred", i == mn_preferred(mn));
	put_int(o, "preference", conf->preference);
	put_bool(o, "metered", conf->metered);
	put_addr(o, "router", &i->at.router);
	put_addr(o, "gateway", &i->gateway);
	put_addr(o, "coa", &i->at.coa);
	put_prefix(o, "prefix", p ? &p->prefix : &in6addr_any, p ? p->len : 0);
	json_object_object_add(o, "prefixes", prefixes_json(&i->at));
	radios_json(o, mn, i);
	put_int(o, "mtu", i->mtu);
	put_int(o, "table", mn->conf.table + 1 + (i - mn->ifaces));
	put_counts(o, mn, i);
	put_int(o, "unheard", move_count_unheard(mn, i));
	return o;
}

int ifacectl_interfaces(void *arg, struct json_object *request,
			struct json_object *answer)
{
	struct json_object *list = json_object_new_array();
	struct mn *mn = arg;
	unsigned int k;

	(void)request;
	for (k = 0; k < mn->conf.n_ifaces; k++)
		json_object_array_add(list,
				      ifacectl_json(mn, &mn->ifaces[k]));
	json_object_object_add(answer, "interfaces", list);
	return 0;
}
