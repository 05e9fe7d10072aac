/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/nemo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "core/log.h"
#include "ha/mnp.h"
#include "ha/several.h"

enum { KEY_LEN = 64 };

struct net {
	UT_hash_handle hh;
	struct in6_addr hoa;
	struct mnp_list list;
};

struct nemo {
	struct net *nets;
	struct mnp_list judged;		/* of the Binding Update at hand */
};

static struct net *find(struct kern *k, const struct in6_addr *hoa)
{
	struct net *net;

	HASH_FIND(hh, k->nemo->nets, hoa, sizeof(*hoa), net);
	return net;
}

/* The prefix table, RFC 3963 6.1.2: the configuration. */

static const struct mnp_list *allowed(const struct ha_conf *conf,
				      const struct in6_addr *hoa)
{
	static const struct mnp_list none;
	size_t i;

	for (i = 0; i < conf->n_owners; i++)
		if (ip6_addr_eq(&conf->owners[i].hoa, hoa))
			return &conf->owners[i].nets;
	return &none;
}

static bool any(const struct ha_conf *conf)
{
	size_t i;

	for (i = 0; i < conf->n_owners; i++)
		if (conf->owners[i].nets.n)
			return true;
	return false;
}

enum reason nemo_judge(void *arg, const struct bcache_bu *bu, int *status)
{
	struct kern *k = arg;

	return mnp_judge(bu->mh, allowed(k->conf, &bu->hoa), any(k->conf),
			 &k->nemo->judged, status);
}

/* The disk. */

static void record_key(char out[KEY_LEN], const struct in6_addr *hoa)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, hoa, text, sizeof(text));
	snprintf(out, KEY_LEN, "mnp/%s", text);
}

/* On disk before the answer: they change seldom. */
static void store(struct kern *k, const struct in6_addr *hoa,
		  const struct mnp_list *list)
{
	char key[KEY_LEN];
	int err;

	record_key(key, hoa);
	if (list)
		err = store_put(k->store, key, list, sizeof(*list), true);
	else
		err = store_del(k->store, key);
	if (err < 0 && err != -ENOENT)
		log_err("binding HoA %s: networks are not on disk: %s",
			ip6_str(hoa), strerror(-err));
}

/* The data plane. */

static void forward_end(struct kern *k, const struct mnp_list *list,
			const struct mnp_list *but)
{
	unsigned int i, n = mnp_slices(list);

	for (i = 0; i < n; i++) {
		struct ip6_prefix slice = { mnp_slice(list, i), MNP_LEN_MAX };

		if (!but || !mnp_within(but, &slice))
			dp_prefix_del(k->dp, &slice.addr);
	}
}

static int forward(struct kern *k, const struct mnp_list *list,
		   const struct binding *b)
{
	const struct dp_binding d = kern_to_dp(&b->reg);
	unsigned int i, n = mnp_slices(list);
	int err = 0;

	for (i = 0; i < n && !err; i++) {
		struct in6_addr slice = mnp_slice(list, i);

		err = dp_prefix_set(k->dp, &slice, &d);
	}
	if (err < 0)
		forward_end(k, list, NULL);
	return err;
}

static struct net *net_get(struct kern *k, const struct in6_addr *hoa)
{
	struct net *net = find(k, hoa);

	if (net)
		return net;
	net = calloc(1, sizeof(*net));
	if (!net)
		return NULL;
	net->hoa = *hoa;
	HASH_ADD(hh, k->nemo->nets, hoa, sizeof(net->hoa), net);
	return net;
}

static void tell(const struct in6_addr *hoa, const struct mnp_list *list,
		 const char *what)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		log_info("binding HoA %s: network %s/%u: %s", ip6_str(hoa),
			 ip6_str(&list->v[i].addr),
			 (unsigned int)list->v[i].len, what);
}

static void net_del(struct kern *k, struct net *net)
{
	HASH_DELETE(hh, k->nemo->nets, net);
	free(net);
}

void nemo_end(struct kern *k, const struct in6_addr *hoa)
{
	struct net *net = find(k, hoa);

	if (!net)
		return;
	forward_end(k, &net->list, NULL);
	tell(hoa, &net->list, "ended");
	store(k, hoa, NULL);
	net_del(k, net);
}

bool nemo_tunnel(struct kern *k, const struct in6_addr *addr,
		 struct tunnel_ends *out)
{
	struct dp_binding d = {0};
	struct binding b;

	if (bcache_find_bound(&k->bcache, addr, &b))
		return several_tunnel(k, &b, out);
	if (k->nemo->nets && !dp_prefix_get(k->dp, addr, &d))
		*out = (struct tunnel_ends){ d.local, d.remote };
	else
		return false;
	return true;
}

/* RFC 3963 6.2: what is not in this Binding Update is forwarded no more. */
int nemo_set(struct kern *k, const struct binding *b)
{
	const struct mnp_list *list = &k->nemo->judged;
	struct net *net;
	int err;

	if (!(b->reg.flags & MH_BU_R)) {
		nemo_end(k, &b->hoa);
		return 0;
	}
	net = net_get(k, &b->hoa);
	err = net ? forward(k, list, b) : -ENOMEM;
	if (err < 0) {
		log_err("binding HoA %s: its networks: data plane: %s",
			ip6_str(&b->hoa), strerror(-err));
		nemo_end(k, &b->hoa);
		return -EADDRNOTAVAIL;
	}
	if (!memcmp(&net->list, list, sizeof(*list)))
		return 0;
	forward_end(k, &net->list, list);
	net->list = *list;
	tell(&b->hoa, list, "forwarded");
	store(k, &b->hoa, list);
	return 0;
}

int nemo_moved(struct kern *k, const struct binding *b)
{
	const struct net *net = find(k, &b->hoa);
	int err = net ? forward(k, &net->list, b) : 0;

	if (err < 0)
		nemo_end(k, &b->hoa);
	return err < 0 ? -EADDRNOTAVAIL : 0;
}

/* Starting and stopping. */

/* A change of the configuration ends what it does not allow any more. */
static bool still_allowed(const struct kern *k, const struct in6_addr *hoa,
			  const struct mnp_list *list)
{
	const struct mnp_list *may = allowed(k->conf, hoa);
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (!mnp_within(may, &list->v[i]))
			return false;
	return true;
}

static void restore_one(void *arg, const struct binding *b)
{
	struct kern *k = arg;
	struct mnp_list list;
	struct net *net;
	char key[KEY_LEN];

	if (b->state != BINDING_BOUND || !(b->reg.flags & MH_BU_R))
		return;
	record_key(key, &b->hoa);
	if (store_get(k->store, key, &list, sizeof(list)) < 0 ||
	    list.n > MNP_MAX || !still_allowed(k, &b->hoa, &list)) {
		log_warn("binding HoA %s: its networks are not restored: "
			 "its next registration says", ip6_str(&b->hoa));
		return;
	}
	net = net_get(k, &b->hoa);
	if (!net || forward(k, &list, b) < 0) {
		log_err("binding HoA %s: its networks are not restored",
			ip6_str(&b->hoa));
		return;
	}
	net->list = list;
	tell(&b->hoa, &list, "restored");
}

/* Whose is it? */
static bool is_forwarded(struct kern *k, const struct in6_addr *slice)
{
	const struct ip6_prefix prefix = { *slice, MNP_LEN_MAX };
	struct net *net;

	for (net = k->nemo->nets; net; net = net->hh.next)
		if (mnp_within(&net->list, &prefix))
			return true;
	return false;
}

static void sweep_one(void *arg, const struct in6_addr *slice)
{
	struct kern *k = arg;

	if (!is_forwarded(k, slice))
		dp_prefix_del(k->dp, slice);
}

int nemo_start(struct kern *k)
{
	k->nemo = calloc(1, sizeof(*k->nemo));
	if (!k->nemo)
		return -ENOMEM;
	bcache_each(&k->bcache, restore_one, k);
	return dp_prefix_each(k->dp, sweep_one, k);
}

void nemo_stop(struct kern *k)
{
	struct net *net, *next;

	if (!k->nemo)
		return;
	HASH_ITER(hh, k->nemo->nets, net, next)
		net_del(k, net);
	free(k->nemo);
	k->nemo = NULL;
}

struct json_object *nemo_json(struct kern *k, const struct in6_addr *hoa)
{
	const struct net *net = find(k, hoa);
	struct json_object *array;
	char text[INET6_ADDRSTRLEN + 4];
	unsigned int i;

	if (!net)
		return NULL;
	array = json_object_new_array();
	for (i = 0; i < net->list.n; i++) {
		snprintf(text, sizeof(text), "%s/%u",
			 ip6_str(&net->list.v[i].addr),
			 (unsigned int)net->list.v[i].len);
		json_object_array_add(array, json_object_new_string(text));
	}
	return array;
}
