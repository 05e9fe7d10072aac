/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What data plane and kernel are told of a home address that is away: its
 * binding, its rule, its address on kedge0; and that it stays there.
 */
#include <linux/if_addr.h>
#include <string.h>

#include "core/log.h"
#include "mn/mn.h"

static void complain(int err, const char *what, const struct bul_entry *e)
{
	if (err)
		log_err("HoA %s, HA %s: %s: %s", ip6_str(&e->hoa),
			ip6_str(&e->ha), what, strerror(-err));
}

static uint32_t within(uint32_t mtu)
{
	if (mtu < IP6_MIN_MTU)
		return IP6_MIN_MTU;
	return mtu > UINT16_MAX ? UINT16_MAX : mtu;
}

uint32_t hoa_mtu(const struct hoa *h, const struct in6_addr *coa)
{
	struct rtnl_path path;

	if (rtnl_path_from(h->mn->rtnl, &h->e->ha, coa, &path))
		return IP6_MIN_MTU;
	return within(path.mtu);
}

void hoa_write(struct hoa *h)
{
	const struct bul_entry *e = h->e;
	struct dp_binding b = {
		.local = h->way.coa, .remote = e->ha,
		.ifindex = h->way.ifindex,
		.flags = (h->up ? DP_BINDING_UP : 0) |
			 (hoa_is_replaced(h) ? DP_BINDING_GRACEFUL : 0) |
			 (h->assigned ? DP_BINDING_ASSIGNED : 0) |
			 paths_flags(h),
		.home = paths_home_link(h), .expires = e->expires.ns,
		.created = e->since.ns, .seq = e->seq, .lifetime = e->granted,
		.mtu = (uint16_t)(h->way.home ? h->mtu :
						h->mtu - IP6_HDR_LEN),
	};

	complain(dp_binding_set(h->mn->dp, &e->hoa, &b), "binding map", e);
}

void hoa_path_changed(struct hoa *h)
{
	const struct mn_iface *i = mn_iface(h->mn, h->way.ifindex);

	h->mtu = h->way.home ? within(i ? i->mtu : 0) :
			       hoa_mtu(h, &h->way.coa);
	if (h->paths)
		paths_dp_flows(h->paths);
}

void hoa_paths_changed(struct mn *mn)
{
	struct bul_entry *e;

	for (e = mn->bul.entries; e; e = e->next) {
		if (!hoa_of(e)->up)
			continue;
		hoa_path_changed(hoa_of(e));
		hoa_write(hoa_of(e));
	}
}

struct rtnl_rule hoa_rule(const struct hoa *h)
{
	const struct mn_conf *conf = &h->mn->conf;

	return (struct rtnl_rule){
		.priority = conf->rule_priority, .table = conf->table,
		.protocol = conf->protocol, .from = h->e->hoa,
	};
}

void hoa_set_rule(struct hoa *h, bool on)
{
	struct rtnl_rule rule = hoa_rule(h);
	int err;

	if (!on && !h->ruled)
		return;
	h->ruled = on;
	err = on ? rtnl_rule_add(h->mn->rtnl, &rule) :
		   rtnl_rule_del(h->mn->rtnl, &rule);
	complain(err < 0 ? err : 0, "ip rule", h->e);
}

int hoa_put_on_tun(const struct hoa *h)
{
	/* deprecated: an address for old flows, never for new ones */
	int err = rtnl_addr_set(h->mn->rtnl, h->mn->tun_ifindex, &h->e->hoa,
				128, IFA_F_NODAD, UINT32_MAX, 0);

	complain(err, "address on kedge0", h->e);
	return err;
}

/* ---- somebody took it away */

bool hoa_lost_address(struct mn *mn, const struct in6_addr *addr)
{
	struct bul_entry *e = bul_find(&mn->bul, addr);

	if (e)
		hoa_of(e)->unaddressed = true;
	return e;
}

bool hoa_lost_rule(struct mn *mn, const struct rtnl_rule *rule)
{
	struct bul_entry *e = bul_find(&mn->bul, &rule->from);

	if (!e || !hoa_of(e)->ruled || rule->table != mn->conf.table)
		return false;
	hoa_of(e)->unruled = true;
	return true;
}

void hoa_lost_all(struct mn *mn)
{
	struct bul_entry *e;

	for (e = mn->bul.entries; e; e = e->next) {
		hoa_of(e)->unruled = hoa_of(e)->ruled;
		/* no harm where it is there, but nothing to count either */
		hoa_put_on_tun(hoa_of(e));
	}
}

static void repair_rule(struct hoa *h)
{
	struct rtnl_rule rule = hoa_rule(h);
	int err = rtnl_rule_add(h->mn->rtnl, &rule);

	complain(err < 0 ? err : 0, "ip rule", h->e);
	if (!err && repair_tells(h->mn, COUNT_REPAIRED_RULE))
		log_warn("HoA %s: its ip rule was deleted by somebody: put "
			 "back%s", ip6_str(&h->e->hoa),
			 count_left_out(&h->mn->repair.told));
}

static void repair_address(struct hoa *h)
{
	int err = hoa_put_on_tun(h);

	if (!err && repair_tells(h->mn, COUNT_REPAIRED_ADDRESS))
		log_warn("HoA %s was taken off kedge0 by somebody: put "
			 "back%s", ip6_str(&h->e->hoa),
			 count_left_out(&h->mn->repair.told));
}

void hoa_repair_all(struct mn *mn)
{
	struct bul_entry *e;

	for (e = mn->bul.entries; e; e = e->next) {
		struct hoa *h = hoa_of(e);

		if (h->unaddressed)
			repair_address(h);
		if (h->unruled && h->ruled)
			repair_rule(h);
		h->unaddressed = h->unruled = false;
	}
}
