/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes many bindings where a kedge-ha that starts will find them:
 *
 *     fill --journal FOLDER --count N --ha ADDR --prefix HOA --coa COA
 *     fill --map BPFFS --count N --ha ADDR --prefix HOA --coa COA
 *
 * --journal: in a journal, written by the daemon's own code, in its state
 * folder. --map: in the map that a daemon left pinned there. No daemon is to
 * be at work. The i-th binding is HOA + i to COA + i (the last 32 bits), with
 * --lifetime SECONDS (3600). Prints a line of JSON: how long it took, and with
 * --cost, which leaves the journal longer, what a change costs the loop: to
 * note it, and its share of a write.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/maps.h"
#include "core/count.h"
#include "core/log.h"
#include "ha/journal.h"

enum { BATCH = 4096, BURST = 512, CHANGES = 1 << 18 };

struct fill {
	struct in6_addr hoa, coa, ha;
	uint32_t count, lifetime;
	bool cost;
	mtime now;
};

static struct in6_addr plus(const struct in6_addr *addr, uint32_t i)
{
	struct in6_addr out = *addr;
	uint32_t low;

	memcpy(&low, &out.s6_addr[12], sizeof(low));
	low = htonl(ntohl(low) + i);
	memcpy(&out.s6_addr[12], &low, sizeof(low));
	return out;
}

static struct binding nth(const struct fill *f, uint32_t i)
{
	return (struct binding){
		.hoa = plus(&f->hoa, i),
		.state = BINDING_BOUND,
		.reg = {
			.coa = plus(&f->coa, i),
			.ha = f->ha,
			.created = f->now,
			.expires = mtime_add(f->now, MTIME_SEC(f->lifetime)),
			.lifetime = f->lifetime,
			.seq = (uint16_t)i,
			.flags = MH_BU_A | MH_BU_H,
		},
	};
}

static double ms_since(mtime begun)
{
	return (double)mtime_sub(loop_now(), begun).ns / 1e6;
}

static uint32_t range(void *arg, uint32_t cursor,
		      void (*fn)(void *fn_arg, const struct binding *b),
		      void *fn_arg, uint32_t n)
{
	const struct fill *f = arg;
	uint32_t i;

	for (i = cursor; i < f->count && i - cursor < n; i++) {
		struct binding b = nth(f, i);

		fn(fn_arg, &b);
	}
	return i < f->count ? i : 0;
}

/* The loop's time alone: the thread and the disk work while we sleep. */
static double turn(struct loop *loop)
{
	mtime begun = loop_now();
	double ms;

	uv_run(&loop->uv, UV_RUN_NOWAIT);
	ms = ms_since(begun);
	usleep(2000);
	return ms;
}

/* What a Binding Update costs the loop: to note it, and its share of what is
 * done for many at once. False: there was an overrun, which costs less. */
static bool changes(const struct fill *f, struct loop *loop, struct journal *j,
		    double *put_ns, double *rest_ns)
{
	uint64_t writes = f->count / JOURNAL_STEP + 1;
	double put = 0, rest = 0;
	uint32_t i, n = 0;

	writes += count_get(COUNT_JOURNAL_WRITTEN);
	while (count_get(COUNT_JOURNAL_WRITTEN) < writes)
		turn(loop);
	while (n < CHANGES) {
		struct binding b = nth(f, n % f->count);
		mtime begun = loop_now();

		for (i = 0; i < BURST; i++)
			journal_put(j, &b);
		put += ms_since(begun);
		n += BURST;
		rest += turn(loop);
	}
	*put_ns = put * 1e6 / n;
	*rest_ns = rest * 1e6 / n;
	return !count_get(COUNT_JOURNAL_OVERRUN);
}

static int to_journal(const struct fill *f, const char *dir)
{
	const struct journal_source source = { .range = range,
						.arg = (void *)f };
	double put_ns = 0, rest_ns = 0, ms = 0;
	struct journal *j;
	struct loop loop;
	mtime begun = loop_now();
	int err = loop_init(&loop);

	if (err < 0)
		return err;
	err = journal_open(&j, &loop, dir, &source, 0);
	if (!err) {
		journal_close(j);
		ms = ms_since(begun);
		err = count_get(COUNT_JOURNAL_FAILED) ? -EIO : 0;
	}
	if (!err && f->cost)
		err = journal_open(&j, &loop, dir, &source, 0);
	if (!err && f->cost) {
		err = changes(f, &loop, j, &put_ns, &rest_ns) ? 0 : -EOVERFLOW;
		journal_close(j);
	}
	if (!err)
		printf("{\"bindings\":%u,\"ms\":%.1f,\"put_ns\":%.1f,"
		       "\"share_ns\":%.1f}\n", f->count, ms, put_ns, rest_ns);
	loop_fini(&loop);
	return err;
}

static int load(const struct fill *f, int fd)
{
	static struct dp_binding bindings[BATCH];
	static struct in6_addr hoas[BATCH];
	DECLARE_LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = BPF_ANY);
	uint32_t i, n;
	int err = 0;

	for (i = 0; i < f->count && !err; i += n) {
		for (n = 0; n < BATCH && i + n < f->count; n++) {
			struct binding b = nth(f, i + n);

			hoas[n] = b.hoa;
			bindings[n] = (struct dp_binding){
				.local = b.reg.ha,
				.remote = b.reg.coa,
				.expires = (uint64_t)b.reg.expires.ns,
				.created = (uint64_t)b.reg.created.ns,
				.seq = b.reg.seq,
				.bu_flags = b.reg.flags,
				.lifetime = b.reg.lifetime,
			};
		}
		err = bpf_map_update_batch(fd, hoas, bindings, &n, &opts);
	}
	return err;
}

static int to_map(const struct fill *f, const char *bpffs)
{
	mtime begun = loop_now();
	char path[256];
	int fd, err;

	snprintf(path, sizeof(path), "%s/bindings", bpffs);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	err = load(f, fd);
	close(fd);
	if (!err)
		printf("{\"bindings\":%u,\"ms\":%.1f}\n", f->count,
		       ms_since(begun));
	return err;
}

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fill: %s\n", what);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "journal", required_argument, NULL, 'j' },
		{ "map", required_argument, NULL, 'm' },
		{ "count", required_argument, NULL, 'n' },
		{ "ha", required_argument, NULL, 'a' },
		{ "prefix", required_argument, NULL, 'p' },
		{ "coa", required_argument, NULL, 'c' },
		{ "lifetime", required_argument, NULL, 'l' },
		{ "cost", no_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	const char *journal = NULL, *map = NULL;
	struct fill f = { .lifetime = 3600, .now = loop_now() };
	int opt, addrs = 0, err;

	log_init("fill", LOG_LEVEL_INFO);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'j')
			journal = optarg;
		else if (opt == 'm')
			map = optarg;
		else if (opt == 'n')
			f.count = (uint32_t)strtoul(optarg, NULL, 0);
		else if (opt == 'l')
			f.lifetime = (uint32_t)strtoul(optarg, NULL, 0);
		else if (opt == 't')
			f.cost = true;
		else if (opt == 'a')
			addrs += inet_pton(AF_INET6, optarg, &f.ha) == 1;
		else if (opt == 'p')
			addrs += inet_pton(AF_INET6, optarg, &f.hoa) == 1;
		else if (opt == 'c')
			addrs += inet_pton(AF_INET6, optarg, &f.coa) == 1;
		else
			return 2;
	}
	need(!journal != !map, "--journal FOLDER or --map BPFFS");
	need(f.count && addrs == 3, "--count N --ha ADDR --prefix HOA "
	     "--coa COA");
	err = journal ? to_journal(&f, journal) : to_map(&f, map);
	if (err < 0)
		fprintf(stderr, "fill: %s\n", strerror(-err));
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
