/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in the maps. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sys/dpint.h"

enum { DP_BATCH = 4096 };	/* bindings read at once */

/* What the programs count meanwhile is lost; a counter may then step back by
 * a few packets. */
static void keep_counters(struct dp_binding *new, const struct dp_binding *old)
{
	new->tx_packets = old->tx_packets;
	new->tx_bytes = old->tx_bytes;
	new->rx_packets = old->rx_packets;
	new->rx_bytes = old->rx_bytes;
	new->used = old->used;
}

/* By the program, where the tunnel stays as it is. */
static bool renew(struct dp *dp, const struct in6_addr *hoa,
		  const struct dp_binding *binding)
{
	struct dp_renewal in = { *hoa, *binding };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &in,
			    .ctx_size_in = sizeof(in));

	return dp->role == DP_HA &&
	       !bpf_prog_test_run_opts(bpf_program__fd(
			dp->ha->progs.kedge_ha_renew), &opts) && !opts.retval;
}

int dp_binding_set(struct dp *dp, const struct in6_addr *hoa,
		   const struct dp_binding *binding)
{
	struct dp_binding new = *binding, old = { 0 };
	int fd = dp_map_fd(dp, MAP_BINDINGS);

	if (renew(dp, hoa, binding))
		return 0;
	bpf_map_lookup_elem(fd, hoa, &old);
	keep_counters(&new, &old);
	return bpf_map_update_elem(fd, hoa, &new, BPF_ANY);
}

/* The programs have no quick clock that counts what was slept through. */
mtime dp_last_used(const struct dp_binding *binding)
{
	struct timespec boot, mono;
	int64_t ns = (int64_t)binding->used << DP_USED_SHIFT;

	if (!ns)
		return (mtime){0};
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	ns += (boot.tv_sec - mono.tv_sec) * INT64_C(1000000000) +
	      boot.tv_nsec - mono.tv_nsec;
	return (mtime){ns};
}

int dp_binding_get(struct dp *dp, const struct in6_addr *hoa,
		   struct dp_binding *out)
{
	return bpf_map_lookup_elem(dp_map_fd(dp, MAP_BINDINGS), hoa, out);
}

int dp_binding_del(struct dp *dp, const struct in6_addr *hoa)
{
	return bpf_map_delete_elem(dp_map_fd(dp, MAP_BINDINGS), hoa);
}

int dp_bindings_load(struct dp *dp, const struct in6_addr *hoas,
		     const struct dp_binding *bindings, uint32_t n)
{
	DECLARE_LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = BPF_ANY);

	return bpf_map_update_batch(dp_map_fd(dp, MAP_BINDINGS), hoas, bindings,
				    &n, &opts);
}

/* A batch of them, as the kernel hands them out: whole buckets. */
struct batch {
	struct in6_addr hoas[DP_BATCH];
	struct dp_binding bindings[DP_BATCH];
};

static int each_batch(int fd, struct batch *batch,
		      void (*fn)(void *arg, const struct in6_addr *hoa,
				 const struct dp_binding *b), void *arg)
{
	DECLARE_LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t at, n, i;
	void *in = NULL;
	int err;

	do {
		n = DP_BATCH;
		err = bpf_map_lookup_batch(fd, in, &at, batch->hoas,
					   batch->bindings, &n, &opts);
		if (err && err != -ENOENT)
			return err;
		for (i = 0; i < n; i++)
			fn(arg, &batch->hoas[i], &batch->bindings[i]);
		in = &at;
	} while (!err);
	return 0;
}

int dp_binding_each(struct dp *dp, void (*fn)(void *arg,
		    const struct in6_addr *hoa, const struct dp_binding *b),
		    void *arg)
{
	struct batch *batch = malloc(sizeof(*batch));
	int err;

	if (!batch)
		return -ENOMEM;
	err = each_batch(dp_map_fd(dp, MAP_BINDINGS), batch, fn, arg);
	free(batch);
	return err;
}

/* The programs look for prefixes only where there are some. */
int dp_prefixes_count(struct dp *dp)
{
	int fd = dp_map_fd(dp, MAP_PREFIXES), more;
	uint64_t key, next;
	uint32_t n = 0;

	more = bpf_map_get_next_key(fd, NULL, &next);
	while (!more) {
		n++;
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next);
	}
	if (dp->ha)
		dp->ha->bss->n_prefixes = n;
	return more == -ENOENT ? 0 : more;
}

int dp_prefix_set(struct dp *dp, const struct in6_addr *prefix,
		  const struct dp_binding *binding)
{
	int fd = dp_map_fd(dp, MAP_PREFIXES);
	struct dp_binding new = *binding, old = { 0 };
	int missing = bpf_map_lookup_elem(fd, prefix, &old);
	int err;

	keep_counters(&new, &old);
	err = bpf_map_update_elem(fd, prefix, &new, BPF_ANY);
	if (!err && missing)
		dp->ha->bss->n_prefixes++;
	return err;
}

int dp_prefix_get(struct dp *dp, const struct in6_addr *prefix,
		  struct dp_binding *out)
{
	return bpf_map_lookup_elem(dp_map_fd(dp, MAP_PREFIXES), prefix, out);
}

int dp_prefix_del(struct dp *dp, const struct in6_addr *prefix)
{
	int err = bpf_map_delete_elem(dp_map_fd(dp, MAP_PREFIXES), prefix);

	if (!err)
		dp->ha->bss->n_prefixes--;
	return err;
}

int dp_prefix_each(struct dp *dp,
		   void (*fn)(void *arg, const struct in6_addr *prefix),
		   void *arg)
{
	int fd = dp_map_fd(dp, MAP_PREFIXES), more;
	struct in6_addr prefix = { 0 };
	uint64_t key, next;

	more = bpf_map_get_next_key(fd, NULL, &next);
	while (!more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next);
		memcpy(&prefix, &key, sizeof(key));
		fn(arg, &prefix);
	}
	return more == -ENOENT ? 0 : more;
}

/* Are they all there? */
static void homes_tell(struct dp *dp)
{
	dp->ha->bss->homes_known = dp->homes_set && !dp->homes_left_out;
}

int dp_homes_set(struct dp *dp, const struct ip6_prefix *prefixes, size_t n)
{
	int err = 0, first = 0;
	bool known = true;
	size_t i;

	for (i = 0; i < n; i++) {
		err = dp_home_add(dp, &prefixes[i].addr);
		first = first ? first : err;
		known &= prefixes[i].len == 64;
	}
	dp->homes_set = known;
	homes_tell(dp);
	return first;
}

int dp_home_add(struct dp *dp, const struct in6_addr *addr)
{
	int err, fd = bpf_map__fd(dp->ha->maps.homes);
	uint32_t n = 0;

	bpf_map_lookup_elem(fd, addr, &n);
	n++;
	err = bpf_map_update_elem(fd, addr, &n, BPF_ANY);
	dp->homes_left_out += err < 0;
	homes_tell(dp);
	return err;
}

/*
 * Of a /64 some may have been left out, and others come when there was room:
 * then those are taken for these, and the /64 is gone before its last one is.
 * As long as anybody is left out, everything is looked up.
 */
void dp_home_del(struct dp *dp, const struct in6_addr *addr)
{
	int fd = bpf_map__fd(dp->ha->maps.homes);
	uint32_t n;

	if (bpf_map_lookup_elem(fd, addr, &n) < 0)
		dp->homes_left_out -= dp->homes_left_out > 0;
	else if (n <= 1)
		bpf_map_delete_elem(fd, addr);
	else
		bpf_map_update_elem(fd, addr, &(uint32_t){n - 1}, BPF_EXIST);
	homes_tell(dp);
}

static int set_add(const struct dp *dp, enum dp_map map, const void *key)
{
	return bpf_map_update_elem(dp_map_fd(dp, map), key, &dp->mark, BPF_ANY);
}

/* key, next: room for one of the map's keys each */
static void set_sweep(const struct dp *dp, enum dp_map map, void *key,
		      void *next, size_t key_len)
{
	int fd = dp_map_fd(dp, map);
	int more = !bpf_map_get_next_key(fd, NULL, key);
	uint32_t mark;

	while (more) {
		more = !bpf_map_get_next_key(fd, key, next);
		if (!bpf_map_lookup_elem(fd, key, &mark) && mark != dp->mark)
			bpf_map_delete_elem(fd, key);
		memcpy(key, next, key_len);
	}
}

void dp_sweep(struct dp *dp)
{
	struct in6_addr addr, next_addr;
	uint32_t spi, next_spi;

	set_sweep(dp, MAP_ADDRS, &addr, &next_addr, sizeof(addr));
	set_sweep(dp, MAP_SPIS, &spi, &next_spi, sizeof(spi));
}

/* key: room for one of the map's keys */
static void set_clear(int fd, void *key)
{
	while (!bpf_map_get_next_key(fd, NULL, key) &&
	       !bpf_map_delete_elem(fd, key))
		;
}

int dp_addr_add(struct dp *dp, const struct in6_addr *addr)
{
	return set_add(dp, MAP_ADDRS, addr);
}

int dp_addr_del(struct dp *dp, const struct in6_addr *addr)
{
	return bpf_map_delete_elem(dp_map_fd(dp, MAP_ADDRS), addr);
}

void dp_addr_clear(struct dp *dp)
{
	struct in6_addr key;

	set_clear(dp_map_fd(dp, MAP_ADDRS), &key);
}

int dp_spi_add(struct dp *dp, uint32_t spi)
{
	return set_add(dp, MAP_SPIS, &spi);
}

int dp_spi_del(struct dp *dp, uint32_t spi)
{
	return bpf_map_delete_elem(dp_map_fd(dp, MAP_SPIS), &spi);
}

void dp_spi_clear(struct dp *dp)
{
	uint32_t key;

	set_clear(dp_map_fd(dp, MAP_SPIS), &key);
}

int dp_stats(struct dp *dp, uint64_t out[DP_STAT__MAX])
{
	int cpus = libbpf_num_possible_cpus(), cpu, err = 0;
	uint64_t *values;
	uint32_t stat;

	if (cpus < 0)
		return cpus;
	values = calloc(cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (stat = 0; stat < DP_STAT__MAX && !err; stat++) {
		err = bpf_map_lookup_elem(dp_map_fd(dp, MAP_STATS), &stat, values);
		out[stat] = 0;
		for (cpu = 0; cpu < cpus && !err; cpu++)
			out[stat] += values[cpu];
	}
	free(values);
	return err;
}

const char *dp_stat_str(enum dp_stat stat)
{
	static const char *const names[] = {
#define X(sym, name) [DP_STAT_##sym] = name,
		DP_STATS(X)
#undef X
	};

	return (unsigned int)stat < DP_STAT__MAX ? names[stat] : "?";
}
