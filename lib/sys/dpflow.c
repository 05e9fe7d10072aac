/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps of several care-of addresses and flow bindings. */
#include <bpf/bpf.h>
#include <errno.h>

#include "sys/dpint.h"

int dp_coa_set(struct dp *dp, const struct in6_addr *hoa,
	       const struct in6_addr *coa, const struct dp_coa *value)
{
	struct dp_coa_key key = { *hoa, *coa };

	return bpf_map_update_elem(dp_map_fd(dp, MAP_COAS), &key, value,
				   BPF_ANY);
}

int dp_coa_del(struct dp *dp, const struct in6_addr *hoa,
	       const struct in6_addr *coa)
{
	struct dp_coa_key key = { *hoa, *coa };

	return bpf_map_delete_elem(dp_map_fd(dp, MAP_COAS), &key);
}

int dp_flow_set(struct dp *dp, const struct dp_flow_key *key,
		const struct dp_flow *flow)
{
	int fd = dp_map_fd(dp, MAP_FLOWS);
	struct dp_flow new = *flow, old = { 0 };

	bpf_map_lookup_elem(fd, key, &old);
	new.packets = old.packets;
	new.bytes = old.bytes;
	return bpf_map_update_elem(fd, key, &new, BPF_ANY);
}

int dp_flow_get(struct dp *dp, const struct dp_flow_key *key,
		struct dp_flow *out)
{
	return bpf_map_lookup_elem(dp_map_fd(dp, MAP_FLOWS), key, out);
}

int dp_flow_del(struct dp *dp, const struct dp_flow_key *key)
{
	return bpf_map_delete_elem(dp_map_fd(dp, MAP_FLOWS), key);
}

static void keep_counters(struct dp_selector *s, const struct dp_selectors *old)
{
	uint32_t i;

	for (i = 0; i < old->n && i < DP_SELECTORS_MAX; i++) {
		if (old->list[i].fid != s->fid)
			continue;
		s->packets = old->list[i].packets;
		s->bytes = old->list[i].bytes;
	}
}

int dp_selectors_set(struct dp *dp, const struct in6_addr *hoa,
		     const struct dp_selectors *selectors)
{
	int fd = dp_map_fd(dp, MAP_SELECTORS), err;
	struct dp_selectors new = *selectors, old = { 0 };
	uint32_t i;

	bpf_map_lookup_elem(fd, hoa, &old);
	for (i = 0; i < new.n && i < DP_SELECTORS_MAX; i++)
		keep_counters(&new.list[i], &old);
	if (new.n)
		return bpf_map_update_elem(fd, hoa, &new, BPF_ANY);
	err = bpf_map_delete_elem(fd, hoa);
	return err == -ENOENT ? 0 : err;
}

int dp_selectors_get(struct dp *dp, const struct in6_addr *hoa,
		     struct dp_selectors *out)
{
	return bpf_map_lookup_elem(dp_map_fd(dp, MAP_SELECTORS), hoa, out);
}

int dp_coa_each(struct dp *dp, void (*fn)(void *arg,
		const struct dp_coa_key *key, const struct dp_coa *value),
		void *arg)
{
	int fd = dp_map_fd(dp, MAP_COAS), more;
	struct dp_coa_key key, next;
	struct dp_coa value;

	more = bpf_map_get_next_key(fd, NULL, &next);
	while (!more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next);
		if (!bpf_map_lookup_elem(fd, &key, &value))
			fn(arg, &key, &value);
	}
	return more == -ENOENT ? 0 : more;
}

int dp_flow_each(struct dp *dp, void (*fn)(void *arg,
		 const struct dp_flow_key *key, const struct dp_flow *flow),
		 void *arg)
{
	int fd = dp_map_fd(dp, MAP_FLOWS), more;
	struct dp_flow_key key, next;
	struct dp_flow flow;

	more = bpf_map_get_next_key(fd, NULL, &next);
	while (!more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next);
		if (!bpf_map_lookup_elem(fd, &key, &flow))
			fn(arg, &key, &flow);
	}
	return more == -ENOENT ? 0 : more;
}

int dp_selectors_each(struct dp *dp, void (*fn)(void *arg,
		      const struct in6_addr *hoa), void *arg)
{
	int fd = dp_map_fd(dp, MAP_SELECTORS), more;
	struct in6_addr key, next;

	more = bpf_map_get_next_key(fd, NULL, &next);
	while (!more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next);
		fn(arg, &key);
	}
	return more == -ENOENT ? 0 : more;
}

static void count_multi(void *arg, const struct in6_addr *hoa,
			const struct dp_binding *b)
{
	(void)hoa;
	*(uint32_t *)arg += (b->flags & DP_BINDING_MULTI) != 0;
}

/* Not pinned, as the maps are: until the next daemon knows which of them are on
 * a link, all may be. */
int dp_multi_count(struct dp *dp)
{
	uint32_t n = 0;
	int err = dp->mn ? dp_binding_each(dp, count_multi, &n) : 0;

	if (dp->mn)
		dp_multi_active(dp, n);
	return err;
}

void dp_multi_active(struct dp *dp, uint32_t n)
{
	dp->mn->bss->multi_active = n;
}
