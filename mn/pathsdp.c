/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several ways in the data plane. A way is there before the home agent may use
 * it, and for a moment after it did: packets are on their way yet.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/log.h"
#include "mn/mn.h"

static void complain(int err, const char *what, const struct hoa *h)
{
	if (err && err != -ENOENT)
		log_err("HoA %s, HA %s: %s: %s", ip6_str(&h->e->hoa),
			ip6_str(&h->e->ha), what, strerror(-err));
}

/* ---- care-of addresses that tunnelled packets may come to */

static struct path_coa *find_coa(struct paths *p, const struct in6_addr *coa)
{
	unsigned int k;

	for (k = 0; k < p->n_coas; k++)
		if (ip6_addr_eq(&p->coas[k].coa, coa))
			return &p->coas[k];
	return NULL;
}

static void del_coa(struct paths *p, struct path_coa *c)
{
	complain(dp_coa_del(p->h->mn->dp, &p->h->e->hoa, &c->coa),
		 "coas map", p->h);
	*c = p->coas[--p->n_coas];
}

/* The one that goes first has no room any more. */
static void make_room(struct paths *p)
{
	struct path_coa *c, *first = NULL;

	for (c = p->coas; c < p->coas + p->n_coas; c++)
		if (c->until.ns &&
		    (!first || mtime_before(c->until, first->until)))
			first = c;
	if (p->n_coas == PATHS_COAS_MAX && first)
		del_coa(p, first);
}

static void put_coa(struct paths *p, const struct path_coa *c)
{
	complain(dp_coa_set(p->h->mn->dp, &p->h->e->hoa, &c->coa, &c->value),
		 "coas map", p->h);
}

static void set_coa(struct paths *p, const struct multi_path *path)
{
	struct path_coa *c = find_coa(p, &path->coa);

	if (!c) {
		make_room(p);
		c = &p->coas[p->n_coas++];
		c->coa = path->coa;
	}
	c->until = (mtime){0};
	c->value = (struct dp_coa){
		.ifindex = path->ifindex, .bid = path->bid, .pri = path->pri,
	};
	put_coa(p, c);
}

bool paths_has_coa(const struct hoa *h, const struct in6_addr *coa)
{
	return ip6_addr_eq(&h->e->coa, coa) ||
	       ip6_addr_eq(&h->way.coa, coa) ||
	       (h->paths && find_coa(h->paths, coa));
}

static bool is_path(const struct paths *p, const struct in6_addr *coa)
{
	const struct multi *m = p->h->e->multi;
	unsigned int k;

	for (k = 0; m && k < m->n_paths; k++)
		if (!m->paths[k].home && ip6_addr_eq(&m->paths[k].coa, coa))
			return true;
	return false;
}

static bool wants_copies(const struct multi *m)
{
	unsigned int k;

	for (k = 0; m && k < m->n_flows; k++)
		if (m->flows[k].wide && !m->flows[k].key.proto &&
		    !m->flows[k].gone)
			return true;
	return false;
}

static void let_go(struct paths *p, mtime keep)
{
	struct path_coa *c;

	for (c = p->coas; c < p->coas + p->n_coas; c++) {
		if (c->until.ns || is_path(p, &c->coa))
			continue;
		c->until = mtime_add(loop_now(), keep);
		/* no path for the next daemon */
		c->value.pri = 0;
		put_coa(p, c);
	}
}

void paths_dp_former(struct paths *p, const struct multi_path *former,
		     mtime keep)
{
	let_go(p, keep);
	set_coa(p, former);
}

void paths_dp_prepare(struct paths *p, mtime keep)
{
	const struct multi *m = p->h->e->multi;
	unsigned int k;

	let_go(p, keep);
	for (k = 0; m && k < m->n_paths; k++)
		if (!m->paths[k].home)
			set_coa(p, &m->paths[k]);
	if (wants_copies(m)) {
		p->bicast = true;
		p->bicast_until = (mtime){0};
	} else if (p->bicast && !p->bicast_until.ns) {
		p->bicast_until = mtime_add(loop_now(), keep);
	}
}

static mtime sooner(mtime a, mtime b)
{
	return !a.ns || (b.ns && mtime_before(b, a)) ? b : a;
}

mtime paths_dp_sweep(struct paths *p, mtime now)
{
	mtime next;
	unsigned int k = 0;

	if (p->bicast_until.ns && !mtime_before(now, p->bicast_until)) {
		p->bicast = false;
		p->bicast_until = (mtime){0};
	}
	next = p->bicast_until;

	while (k < p->n_coas) {
		struct path_coa *c = &p->coas[k];

		if (c->until.ns && !mtime_before(now, c->until)) {
			del_coa(p, c);
			continue;
		}
		next = sooner(next, c->until);
		k++;
	}
	return next;
}

/* ---- flows */

static uint32_t link_mtu(const struct mn *mn, uint32_t ifindex)
{
	const struct mn_iface *i = mn_iface((struct mn *)mn, ifindex);

	return i && i->mtu >= IP6_MIN_MTU ? i->mtu : IP6_MIN_MTU;
}

static struct dp_path way_of(const struct hoa *h, const struct multi_path *p)
{
	uint32_t mtu = p->home ? link_mtu(h->mn, p->ifindex) :
				 hoa_mtu(h, &p->coa) - IP6_HDR_LEN;

	return (struct dp_path){
		.remote = h->e->ha, .local = p->coa, .ifindex = p->ifindex,
		.mtu = mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)mtu,
		.flags = p->home ? DP_PATH_HOME : 0,
	};
}

static unsigned int place_of(const struct paths *p,
			     const struct dp_flow_key *key)
{
	unsigned int k;

	for (k = 0; k < p->n_flows; k++)
		if (!memcmp(&p->flows[k], key, sizeof(*key)))
			break;
	return k;
}

/* Of those that wait for their BA the map keeps what was. */
static void set_flow(struct paths *p, const struct multi_flow *f)
{
	struct dp_flow flow = {.pri = multi_pri(f), .fid = f->fid};
	unsigned int k, place = place_of(p, &f->key);

	for (k = 0; k < f->n_bids; k++) {
		const struct multi_path *path = multi_path(p->h->e->multi,
							   f->bids[k]);

		if (path && path->registered)
			flow.paths[flow.n++] = way_of(p->h, path);
	}
	if (place == p->n_flows && place < MULTI_FLOWS_MAX)
		p->flows[p->n_flows++] = f->key;
	complain(dp_flow_set(p->h->mn->dp, &f->key, &flow), "flows map", p->h);
}

static void del_flow(struct paths *p, unsigned int place)
{
	complain(dp_flow_del(p->h->mn->dp, &p->flows[place]), "flows map",
		 p->h);
	p->flows[place] = p->flows[--p->n_flows];
}

static bool stays(const struct multi *m, const struct dp_flow_key *key)
{
	const struct multi_flow *f = m ? multi_flow(m, key) : NULL;

	/* and the way that it has until the BA is there */
	return f && f->at && multi_path(m, f->at);
}

void paths_dp_flows(struct paths *p)
{
	const struct multi *m = p->h->e->multi;
	unsigned int k = 0;

	while (k < p->n_flows)
		if (stays(m, &p->flows[k]))
			k++;
		else
			del_flow(p, k);
	for (k = 0; m && k < m->n_flows; k++)
		if (m->flows[k].registered && !m->flows[k].due &&
		    !m->flows[k].gone && !m->flows[k].wide)
			set_flow(p, &m->flows[k]);
}

void paths_dp_clear(struct paths *p)
{
	while (p->n_flows)
		del_flow(p, 0);
	while (p->n_coas)
		del_coa(p, p->coas);
}

/* ---- of the binding */

/* RFC 5648 5.6.3: with status 0, Neighbour Discovery is ours there. */
uint32_t paths_home_link(const struct hoa *h)
{
	const struct multi *m = h->e->multi;
	unsigned int k;

	for (k = 0; m && k < m->n_paths; k++)
		if (m->paths[k].home && m->paths[k].registered)
			return m->paths[k].ifindex;
	return 0;
}

uint16_t paths_flags(const struct hoa *h)
{
	const struct paths *p = h->paths;
	uint16_t flags = 0;

	if (h->e->multi || h->way.home || (p && p->n_coas))
		flags |= DP_BINDING_MULTI;
	if (h->way.home)
		flags |= DP_BINDING_HOME;
	if (paths_home_link(h))
		flags |= DP_BINDING_ON_LINK;
	if (p && p->bicast)
		flags |= DP_BINDING_BICAST;
	return flags;
}

void paths_dp_active(struct mn *mn)
{
	const struct bul_entry *e;
	uint32_t n = 0;

	for (e = mn->bul.entries; e; e = e->next)
		n += (paths_flags(e->priv) & DP_BINDING_MULTI) &&
		     (paths_home(e->priv) || paths_waits(e->priv));
	dp_multi_active(mn->dp, n);
}

static struct paths *paths_find(struct mn *mn, const struct in6_addr *hoa)
{
	const struct bul_entry *e = bul_find(&mn->bul, hoa);

	return e ? hoa_of(e)->paths : NULL;
}

static void drop_coa(void *arg, const struct dp_coa_key *key,
		     const struct dp_coa *value)
{
	struct mn *mn = arg;
	struct paths *p = paths_find(mn, &key->hoa);

	(void)value;
	if (!p || !find_coa(p, &key->coa))
		dp_coa_del(mn->dp, &key->hoa, &key->coa);
}

static void drop_flow(void *arg, const struct dp_flow_key *key,
		      const struct dp_flow *flow)
{
	struct mn *mn = arg;
	struct paths *p = paths_find(mn, &key->hoa);

	(void)flow;
	if (!p || place_of(p, key) == p->n_flows)
		dp_flow_del(mn->dp, key);
}

void paths_clear(struct mn *mn)
{
	dp_flow_each(mn->dp, drop_flow, mn);
	dp_coa_each(mn->dp, drop_coa, mn);
}
