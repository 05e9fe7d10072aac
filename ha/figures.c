/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/figures.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "core/figure.h"
#include "ha/kern.h"
#include "ha/several.h"

enum {
	PEERS_SHOWN = 1000,
	REST = 100,	/* times as long as it took the figures stay as they are */
};

struct figure_peer {
	const char *identity;
	uint64_t now, age_s;	/* bindings, and their ages together */
};

/* Of who has manual SAs, and no owner's entry for that home address. */
struct figure_manual {
	UT_hash_handle hh;
	struct figure_peer peer;
	char identity[];
};

struct figure_peers {
	struct kern *k;
	struct figure_manual *manual;
	mtime at;
	bool short_of_memory;
	uint64_t n;		/* with a binding */
	/* those with the most of them: a heap, the least one first */
	int n_most;
	struct figure_peer most[PEERS_SHOWN];
};

/* Is it to be shown before the other? */
static bool comes_first(const struct figure_peer *a,
			const struct figure_peer *b)
{
	return a->now != b->now ? a->now > b->now :
	       strcmp(a->identity, b->identity) < 0;
}

static void swap(struct figure_peer *a, struct figure_peer *b)
{
	struct figure_peer tmp = *a;

	*a = *b;
	*b = tmp;
}

static void sift_up(struct figure_peer *heap, int i)
{
	for (; i && comes_first(&heap[(i - 1) / 2], &heap[i]); i = (i - 1) / 2)
		swap(&heap[(i - 1) / 2], &heap[i]);
}

static void sift_down(struct figure_peer *heap, int n)
{
	int i = 0, j;

	while ((j = 2 * i + 1) < n) {
		if (j + 1 < n && comes_first(&heap[j], &heap[j + 1]))
			j++;
		if (!comes_first(&heap[i], &heap[j]))
			return;
		swap(&heap[i], &heap[j]);
		i = j;
	}
}

static void peer_add(struct figure_peers *ps, const struct figure_peer *p)
{
	if (!p->now)
		return;
	ps->n++;
	if (ps->n_most < PEERS_SHOWN) {
		ps->most[ps->n_most] = *p;
		sift_up(ps->most, ps->n_most++);
	} else if (comes_first(p, &ps->most[0])) {
		ps->most[0] = *p;
		sift_down(ps->most, ps->n_most);
	}
}

static void count_binding(const struct figure_peers *ps,
			  const struct in6_addr *hoa, struct figure_peer *p)
{
	struct binding b;

	if (!bcache_find_bound(&ps->k->bcache, hoa, &b))
		return;
	p->now++;
	p->age_s += (uint64_t)mtime_sec(mtime_sub(ps->at, b.reg.created));
}

static struct figure_manual *manual_get(struct figure_peers *ps,
					const char *identity)
{
	struct figure_manual *m;

	HASH_FIND_STR(ps->manual, identity, m);
	if (m)
		return m;
	m = calloc(1, sizeof(*m) + strlen(identity) + 1);
	if (!m) {
		ps->short_of_memory = true;
		return NULL;
	}
	memcpy(m->identity, identity, strlen(identity) + 1);
	m->peer.identity = m->identity;
	HASH_ADD_STR(ps->manual, identity, m);
	return m;
}

static void see_sa(struct figure_peers *ps, const struct sadb_conf *sa)
{
	struct figure_manual *m;

	if (!ha_conf_has_addr(ps->k->conf, &sa->dst) ||
	    owners_find(&ps->k->keying.owners, &sa->src))
		return;
	m = manual_get(ps, sa->identity);
	if (m)
		count_binding(ps, &sa->src, &m->peer);
}

static void see_identity(void *arg, const struct owner *first)
{
	struct figure_peer p = { .identity = first->identity };
	struct figure_peers *ps = arg;
	const struct owner *o;
	struct figure_manual *m;

	HASH_FIND_STR(ps->manual, first->identity, m);
	if (m) {
		p.now = m->peer.now;
		p.age_s = m->peer.age_s;
		m->peer.now = 0;
	}
	for (o = first; o; o = o->next_of)
		count_binding(ps, &o->hoa, &p);
	peer_add(ps, &p);
}

static void collect(struct figure_peers *ps)
{
	const struct ha_conf *conf = ps->k->conf;
	struct figure_manual *m;
	size_t i;

	for (i = 0; i < conf->n_sas; i++)
		see_sa(ps, conf->sas[i]);
	owners_each_identity(&ps->k->keying.owners, see_identity, ps);
	for (m = ps->manual; m; m = m->hh.next)
		peer_add(ps, &m->peer);
}

static struct json_object *peer_json(const struct figure_peer *p)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "peer",
			       json_object_new_string(p->identity));
	json_object_object_add(o, "now", json_object_new_uint64(p->now));
	json_object_object_add(o, "mean_age_s",
			       json_object_new_uint64(p->age_s / p->now));
	return o;
}

/* The heap gives the least one first. */
static struct json_object *most_json(struct figure_peers *ps)
{
	struct json_object *list = json_object_new_array();

	while (ps->n_most) {
		json_object_array_put_idx(list, (size_t)--ps->n_most,
					  peer_json(&ps->most[0]));
		ps->most[0] = ps->most[ps->n_most];
		sift_down(ps->most, ps->n_most);
	}
	return list;
}

static void peers_free(struct figure_peers *ps)
{
	struct figure_manual *m, *next;

	HASH_ITER(hh, ps->manual, m, next) {
		HASH_DEL(ps->manual, m);
		free(m);
	}
	free(ps);
}

/* Looks at all that there is: who asks often, of many, gets what was found
 * before. */
static void figures_renew(struct kern *k)
{
	struct figures *f = &k->figures;
	struct figure_peers *ps = calloc(1, sizeof(*ps));
	mtime began = loop_now(), took;

	figures_close(k);
	if (!ps)
		return;
	ps->k = k;
	ps->at = began;
	collect(ps);
	f->peers = ps->short_of_memory ? NULL : json_object_new_uint64(ps->n);
	f->per_peer = most_json(ps);
	f->security = figure_security(k->sadb);
	peers_free(ps);
	took = mtime_sub(loop_now(), began);
	f->until = mtime_add(loop_now(), (mtime){REST * took.ns});
}

void figures_close(struct kern *k)
{
	json_object_put(k->figures.peers);
	json_object_put(k->figures.per_peer);
	json_object_put(k->figures.security);
	k->figures = (struct figures){0};
}

static struct json_object *sessions_json(const struct kern *k)
{
	struct json_object *out = json_object_new_object();

	json_object_object_add(out, "now",
			       json_object_new_uint64(k->bcache.n_bound));
	json_object_object_add(out, "peers",
			       json_object_get(k->figures.peers));
	json_object_object_add(out, "per_peer",
			       json_object_get(k->figures.per_peer));
	several_figures(k, out);
	return out;
}

void figures_add(struct kern *k, const uint64_t *stats,
		 struct json_object *answer)
{
	const struct figure_tunnels tunnels = {
		.now = k->bcache.n_bound,
		.tx_packets = stats[DP_STAT_ENCAP],
		.tx_bytes = stats[DP_STAT_ENCAP_BYTES],
		.rx_packets = stats[DP_STAT_DECAP],
		.rx_bytes = stats[DP_STAT_DECAP_BYTES],
	};

	if (!mtime_before(loop_now(), k->figures.until))
		figures_renew(k);
	json_object_object_add(answer, "sessions", sessions_json(k));
	json_object_object_add(answer, "tunnels", figure_tunnels(&tunnels));
	json_object_object_add(answer, "security",
			       json_object_get(k->figures.security));
}
