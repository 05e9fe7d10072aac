/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has a path by the home link (RFC 5648 5.6, 6.3): how it is found. */
#include <errno.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <string.h>

#include "core/log.h"
#include "ha/severalint.h"
#include "ha/wire.h"

bool athome_other_routers(const struct kern *k, const struct in6_addr *hoa)
{
	const struct bcache_prefix *prefix = bcache_prefix(&k->bcache, hoa);

	return prefix && k->conf->links[prefix->link].other_routers;
}

/* One host's: what is sent to a group's, all of the link have. */
static bool is_hosts(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return !(mac[0] & 1) && memcmp(mac, none, sizeof(none)) != 0;
}

const uint8_t *athome_mac(struct kern *k, const struct bcache_bu *bu)
{
	unsigned int i;

	for (i = 0; i < bu->mh->n_opts; i++) {
		const struct mh_opt *opt = &bu->mh->opts[i];

		if (opt->type == MH_OPT_LLA && opt->lla.code == MH_LLA_OF_MN)
			return is_hosts(opt->lla.addr) ? opt->lla.addr : NULL;
	}
	if (ip6_addr_eq(&bu->src, &bu->hoa) &&
	    wire_from_home_link(k, &bu->hoa))
		return k->rec->mac;
	return NULL;
}

static const struct ha_link *link_of(const struct ha_conf *conf,
				     const struct in6_addr *hoa)
{
	size_t i, j;

	for (i = 0; i < conf->n_links; i++)
		for (j = 0; j < conf->links[i].prefixes.n; j++)
			if (ip6_prefix_has(&conf->links[i].prefixes.v[j], hoa))
				return &conf->links[i];
	return NULL;
}

/*
 * RFC 5648 6.3: at first by the link-layer address it has told; where it does
 * no Neighbour Discovery of its own, for as long as it is there.
 */
void athome_came(struct kern *k, const struct in6_addr *hoa)
{
	const struct ha_link *link = link_of(k->conf, hoa);
	uint32_t ifindex = link ? if_nametoindex(link->name) : 0;
	/* none where a BU at hand is not judged yet */
	const uint8_t *mac = k->bu && k->several->bu == k->bu ?
			     athome_mac(k, k->bu) : NULL;
	int err;

	if (!ifindex || !mac)
		return;
	err = rtnl_neigh_set(k->rtnl, ifindex, hoa, mac,
			     link->other_routers ? NUD_PERMANENT : NUD_STALE,
			     false);
	if (err < 0)
		log_err("binding HoA %s: its neighbour entry on %s: %s",
			ip6_str(hoa), link->name, strerror(-err));
}

bool athome_again(struct kern *k, const struct in6_addr *hoa,
		  const uint8_t mac[6])
{
	const struct ha_link *link = link_of(k->conf, hoa);
	uint32_t ifindex = link ? if_nametoindex(link->name) : 0;

	return !athome_other_routers(k, hoa) ||
	       (ifindex && is_hosts(mac) &&
		!rtnl_neigh_set(k->several->rtnl, ifindex, hoa, mac,
				NUD_PERMANENT, false));
}

/* By name, as before the daemon knows its interfaces, and without it; and even
 * if there are no other routers any more. */
static void forget(struct rtnl *rtnl, const struct ha_conf *conf,
		   const struct in6_addr *hoa)
{
	const struct ha_link *link = link_of(conf, hoa);
	uint32_t ifindex = link ? if_nametoindex(link->name) : 0;

	if (ifindex)
		rtnl_neigh_set(rtnl, ifindex, hoa, NULL, NUD_FAILED, false);
}

void athome_left(struct kern *k, const struct in6_addr *hoa)
{
	forget(k->rtnl ? k->rtnl : k->several->rtnl, k->conf, hoa);
}

static void on_nothing(void *arg, const struct rtnl_event *ev)
{
	(void)arg;
	(void)ev;
}

int athome_rtnl(struct rtnl **out)
{
	return rtnl_open(out, on_nothing, NULL);
}

struct flush {
	const struct ha_conf *conf;
	struct rtnl *rtnl;
};

static void flush_one(void *arg, const struct dp_coa_key *key,
		      const struct dp_coa *value)
{
	const struct flush *f = arg;

	(void)value;
	if (ip6_addr_eq(&key->hoa, &key->coa))
		forget(f->rtnl, f->conf, &key->hoa);
}

int several_flush(struct dp *dp, const struct ha_conf *conf)
{
	struct flush f = { .conf = conf };
	int err = athome_rtnl(&f.rtnl);

	if (err < 0)
		return err;
	err = dp_coa_each(dp, flush_one, &f);
	rtnl_close(f.rtnl);
	return err;
}
