/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ha/chunkmore, and ha/journal with it: several care-of addresses and flow
 * bindings on disk. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/count.h"
#include "core/log.h"
#include "ha/chunkmore.h"
#include "ha/journal.h"

enum {
	HOSTS = 600,	/* more than a chunk has room for */
	LIFETIME = 3600,
	SEGMENT = 7,
};

static const int64_t wall = INT64_C(1700000000) * 1000000000;
static const mtime now = { INT64_C(5000) * 1000000000 };

static struct chunk *chunk;
static char dir[64];
static struct multi_host *hosts[HOSTS];
static uint32_t n_hosts;

static struct in6_addr addr(uint8_t kind, uint32_t i)
{
	struct in6_addr a = { .s6_addr = { 0x20, 1, 0xd, 0xb8, kind } };

	memcpy(&a.s6_addr[12], &i, sizeof(i));
	return a;
}

static struct multi_path path_of(uint32_t host, unsigned int i)
{
	return (struct multi_path){
		.coa = i ? addr(2, host * MULTI_PATHS_MAX + i) : addr(1, host),
		.expires = mtime_add(now, MTIME_SEC(LIFETIME - i)),
		.lifetime = LIFETIME,
		.bid = (uint16_t)(i + 1),
		.pri = (uint8_t)(i * 3),
		.home = !i,
		.mac = { 2, 0, 0, 0, (uint8_t)host, (uint8_t)i },
	};
}

static struct multi_flow flow_of(uint32_t host, unsigned int i)
{
	return (struct multi_flow){
		.fid = (uint16_t)(i + 1),
		.pri = (uint16_t)(i + 500),
		.bids = { 1, i % 2 ? 2 : 0 },
		.n_bids = i % 2 ? 2 : 1,
		.ts = {
			.fields = (uint16_t)(0xffff - i),
			.src = addr(3, host), .src_end = addr(4, i),
			.dst = addr(5, i), .dst_end = addr(6, host),
			.spi = i, .spi_end = i + 1,
			.label = i + 2, .label_end = i + 3,
			.sport = (uint16_t)i, .sport_end = 65535,
			.dport = 1, .dport_end = (uint16_t)(i + 2),
			.tc = 4, .tc_end = 8, .nh = 6, .nh_end = 17,
		},
	};
}

static struct multi_host *host_new(uint32_t host, unsigned int paths,
				   unsigned int flows)
{
	struct multi_host *h = calloc(1, sizeof(*h) +
				      flows * sizeof(h->flows[0]));
	unsigned int i;

	ck_assert_ptr_nonnull(h);
	h->hoa = addr(1, host);
	h->n_paths = paths;
	h->n_flows = flows;
	for (i = 0; i < paths; i++)
		h->paths[i] = path_of(host, i);
	for (i = 0; i < flows; i++)
		h->flows[i] = flow_of(host, i);
	return h;
}

static struct binding binding_of(const struct multi_host *h)
{
	return (struct binding){
		.hoa = h->hoa,
		.state = BINDING_BOUND,
		.reg = {
			.coa = h->paths[0].coa,
			.ha = addr(9, 0),
			.expires = h->paths[0].expires,
			.lifetime = LIFETIME,
			.seq = 1,
			.several = true,
		},
	};
}

/* Into chunk, as the journal does. */
static void put(const struct multi_host *h)
{
	struct chunk_record *r = &chunk->records[chunk->n++];
	struct binding b = binding_of(h);

	chunk_record_from(r, &h->hoa, &b.reg, false, wall);
	chunk->n += chunk_more_from(r, h, wall);
}

static void same_paths(const struct multi_host *h,
		       const struct chunk_record *more, int64_t at, mtime then,
		       int64_t off)
{
	struct multi_path path;
	unsigned int i;

	for (i = 0; i < h->n_paths; i++) {
		const struct multi_path *p = &h->paths[i];

		ck_assert(chunk_path_to(&path, more, i, at, then));
		ck_assert(ip6_addr_eq(&path.coa, &p->coa));
		ck_assert_int_le(llabs(path.expires.ns - p->expires.ns), off);
		ck_assert_uint_eq(path.lifetime, p->lifetime);
		ck_assert_uint_eq(path.bid, p->bid);
		ck_assert_uint_eq(path.pri, p->pri);
		ck_assert_int_eq(path.home, p->home);
		ck_assert_mem_eq(path.mac, p->mac, sizeof(p->mac));
	}
}

static void same_flows(const struct multi_host *h,
		       const struct chunk_record *r,
		       const struct chunk_record *more)
{
	struct multi_flow flow;
	unsigned int i;

	for (i = 0; i < h->n_flows; i++) {
		ck_assert(chunk_flow_to(&flow, r, more, i));
		ck_assert_uint_eq(flow.fid, h->flows[i].fid);
		ck_assert_uint_eq(flow.pri, h->flows[i].pri);
		ck_assert_uint_eq(flow.n_bids, h->flows[i].n_bids);
		ck_assert_mem_eq(flow.bids, h->flows[i].bids,
				 flow.n_bids * sizeof(flow.bids[0]));
		ck_assert_mem_eq(&flow.ts, &h->flows[i].ts, sizeof(flow.ts));
	}
}

static void same(const struct image *image, const struct multi_host *h)
{
	const struct chunk_record *r = image_find(image, &h->hoa);

	ck_assert_ptr_nonnull(r);
	ck_assert_uint_eq(r->n_paths, h->n_paths);
	ck_assert_uint_eq(r->n_flows, h->n_flows);
	same_paths(h, image_more(image, r), wall, now, 0);
	same_flows(h, r, image_more(image, r));
}

static struct image taken(size_t *bad)
{
	struct image image;

	ck_assert_int_eq(image_init(&image, CHUNK_RECORDS_MAX), 0);
	*bad = image_read(&image, chunk, chunk_len(chunk), SEGMENT);
	return image;
}

static void setup(void)
{
	chunk = calloc(1, sizeof(*chunk) +
		       CHUNK_RECORDS_MAX * sizeof(chunk->records[0]));
	ck_assert_ptr_nonnull(chunk);
	log_init("check_chunkmore", LOG_LEVEL_ERR);
	strcpy(dir, "/tmp/check_chunkmore.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	n_hosts = 0;
}

static void teardown(void)
{
	char cmd[96];

	while (n_hosts)
		free(hosts[--n_hosts]);
	free(chunk);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	ck_assert_int_eq(system(cmd), 0);
}

START_TEST(round_trip)
{
	struct multi_host *few = host_new(1, 2, 3);
	struct multi_host *none = host_new(2, 0, 0);
	struct multi_host *most = host_new(3, MULTI_PATHS_MAX,
					   MULTI_FLOWS_MAX);
	struct multi_host *later = host_new(1, 1, 5);
	struct image image;
	size_t bad;

	put(few);
	put(none);
	put(most);
	chunk_seal(chunk, SEGMENT, 0, 1);
	image = taken(&bad);
	ck_assert_uint_eq(bad, 0);
	ck_assert_uint_eq(image.n, 3);
	same(&image, few);
	same(&image, none);
	same(&image, most);
	/* the later word */
	put(later);
	chunk_seal(chunk, SEGMENT, 0, 1);
	ck_assert_uint_eq(image_read(&image, chunk, chunk_len(chunk), SEGMENT),
			  0);
	ck_assert_uint_eq(image.n, 3);
	same(&image, later);
	same(&image, most);
	image_fini(&image);
	free(few);
	free(none);
	free(most);
	free(later);
}
END_TEST

/* Read over and over, an image does not grow beyond its room. */
START_TEST(no_room)
{
	struct multi_host *h = host_new(1, 8, 8);
	struct image image;
	int i;

	put(h);
	chunk_seal(chunk, SEGMENT, 0, 1);
	ck_assert_int_eq(image_init(&image, 3 * 24 + 1), 0);
	for (i = 0; i < 3; i++)
		image_read(&image, chunk, chunk_len(chunk), SEGMENT);
	ck_assert_uint_eq(image.left_out, 0);
	same(&image, h);
	image_read(&image, chunk, chunk_len(chunk), SEGMENT);
	ck_assert_uint_eq(image.left_out, 1);
	ck_assert_uint_eq(image_find(&image, &h->hoa)->n_paths, 0);
	image_fini(&image);
	free(h);
}
END_TEST

/* Before there was anything behind records. */
START_TEST(version_1)
{
	struct multi_host *h = host_new(1, 0, 0);
	crypto_generichash_state state;
	struct image image;
	size_t bad;

	put(h);
	chunk_seal(chunk, SEGMENT, 0, 1);
	ck_assert_uint_eq(chunk->version, 2);
	for (chunk->version = 0; chunk->version < 4; chunk->version++) {
		crypto_generichash_init(&state, NULL, 0, CHUNK_SUM);
		crypto_generichash_update(&state, (const uint8_t *)chunk, 32);
		crypto_generichash_update(&state, (const uint8_t *)chunk + 64,
					  72);
		crypto_generichash_final(&state, chunk->sum, CHUNK_SUM);
		image = taken(&bad);
		if (chunk->version == 1 || chunk->version == 2) {
			ck_assert_uint_eq(bad, 0);
			same(&image, h);
		} else {
			ck_assert_uint_eq(bad, chunk_len(chunk));
			ck_assert_uint_eq(image.n, 0);
		}
		image_fini(&image);
	}
	free(h);
}
END_TEST

/* The checksum is right, and what the record says of itself is not. */
START_TEST(wrong_numbers)
{
	static const struct { uint8_t paths; uint16_t flows; uint32_t n; }
	cases[] = {
		{ MULTI_PATHS_MAX + 1, 0, 100 },
		{ UINT8_MAX, UINT16_MAX, 100 },
		{ 1, MULTI_FLOWS_MAX + 1, 1000 },
		{ 1, 0, 1 },
		{ 2, 0, 2 },
		{ 0, 1, 2 },
		{ 8, 46, 100 },
	};
	struct image image;
	unsigned int i;
	size_t bad;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(chunk, 0, sizeof(*chunk));
		chunk->n = cases[i].n;
		chunk->records[0] = (struct chunk_record){
			.hoa = addr(1, 1),
			.n_paths = cases[i].paths,
			.n_flows = cases[i].flows,
		};
		chunk_seal(chunk, SEGMENT, 0, 1);
		image = taken(&bad);
		ck_assert_uint_eq(bad, chunk_len(chunk));
		ck_assert_uint_eq(image.n, 0);
		ck_assert_uint_eq(image.corrupt, SEGMENT);
		image_fini(&image);
	}
}
END_TEST

START_TEST(lifetimes)
{
	struct multi_host *h = host_new(1, 1, 0);
	struct multi_path path;

	put(h);
	ck_assert(chunk_path_to(&path, &chunk->records[1], 0,
				wall + MTIME_SEC(600).ns, now));
	ck_assert_int_eq(path.expires.ns, now.ns +
			 MTIME_SEC(LIFETIME - 600).ns);
	/* a clock that is behind: never more than was granted */
	ck_assert(chunk_path_to(&path, &chunk->records[1], 0,
				wall - MTIME_SEC(600).ns, now));
	ck_assert_int_eq(path.expires.ns, now.ns + MTIME_SEC(LIFETIME).ns);
	ck_assert(!chunk_path_to(&path, &chunk->records[1], 0, -2 * now.ns,
				 now));
	free(h);
}
END_TEST

/* No writer of ours makes these. */
START_TEST(nonsense)
{
	struct multi_host *h = host_new(1, 1, 1);
	struct chunk_record *more = &chunk->records[1];
	struct multi_path path;
	struct multi_flow flow;
	uint8_t *at, mask;

	put(h);
	((uint8_t *)more)[31] = 2;	/* home */
	ck_assert(!chunk_path_to(&path, more, 0, wall, now));
	((uint8_t *)more)[31] = 1;
	ck_assert(chunk_path_to(&path, more, 0, wall, now));
	memset((uint8_t *)more + 16, 0xff, 8);	/* expires */
	ck_assert(!chunk_path_to(&path, more, 0, wall, now));
	at = (uint8_t *)(more + 1);
	mask = at[136];
	at[8] = mask ^ 0;		/* n_bids */
	ck_assert(!chunk_flow_to(&flow, more - 1, more, 0));
	at[8] = mask ^ (MULTI_WAYS + 1);
	ck_assert(!chunk_flow_to(&flow, more - 1, more, 0));
	at[8] = mask ^ MULTI_WAYS;
	ck_assert(chunk_flow_to(&flow, more - 1, more, 0));
	free(h);
}
END_TEST

/*
 * Two flow bindings of a mobile node's own choice that are a chunk, as they lie
 * on disk, with the binding of another: from the 24th byte of the first one to
 * the 88th of the second.
 */
static void forge(struct multi_host *h, const struct chunk_record *other)
{
	enum { PLACE = 2 * sizeof(*other), HEAD = 24, LABEL = 84,
	       LABEL_MAX = 0xfffff };
	static _Alignas(8) uint8_t mem[2 * PLACE];
	struct chunk *forged = (struct chunk *)(mem + HEAD);
	const uint32_t end = LABEL_MAX;
	uint32_t label;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		mem[i * PLACE] = mem[i * PLACE + 2] = (uint8_t)(i + 1);
		mem[i * PLACE + 4] = mem[i * PLACE + 8] = 1;
	}
	forged->n = 2;
	memcpy(mem + LABEL + 4, &end, sizeof(end));
	memcpy(&forged->records[1], other, sizeof(*other));
	/* what a selector may be: a part of the checksum is a flow label */
	for (i = 1, label = UINT32_MAX; label > LABEL_MAX; i++) {
		chunk_seal(forged, SEGMENT, 0, i);
		memcpy(&label, mem + LABEL, sizeof(label));
	}
	for (i = 0; i < 2; i++)
		ck_assert(chunk_flow_to(&h->flows[i],
					&(struct chunk_record){0},
					(struct chunk_record *)mem, i));
}

/* Where a chunk is torn, the next one is looked for in what is left of it. */
START_TEST(forged)
{
	struct multi_host *h = host_new(1, 1, 2);
	const struct chunk_record other = {
		.hoa = addr(1, 2), .coa = addr(2, 1), .ha = addr(9, 0),
		.expires = wall + MTIME_SEC(LIFETIME).ns,
		.lifetime = LIFETIME, .seq = 1,
	};
	struct image image;

	forge(h, &other);
	put(h);
	chunk_seal(chunk, SEGMENT, 0, 1);
	ck_assert_int_eq(image_init(&image, 100), 0);
	ck_assert_uint_eq(image_read(&image, chunk, chunk_len(chunk) - 8,
				     SEGMENT), chunk_len(chunk) - 8);
	ck_assert_uint_eq(image.n, 0);
	/* and while it is whole it is what it was */
	ck_assert_uint_eq(image_read(&image, chunk, chunk_len(chunk), SEGMENT),
			  0);
	ck_assert_uint_eq(image.n, 1);
	same(&image, h);
	image_fini(&image);
	free(h);
}
END_TEST

/* The journal. */

static uint32_t range(void *arg, uint32_t cursor,
		      void (*fn)(void *fn_arg, const struct binding *b),
		      void *fn_arg, uint32_t n)
{
	uint32_t i;

	(void)arg;
	for (i = cursor; i < n_hosts && i < cursor + n; i++) {
		struct binding b = binding_of(hosts[i]);

		fn(fn_arg, &b);
	}
	return i < n_hosts ? i : 0;
}

static uint32_t more_of(void *arg, const struct binding *b,
			struct chunk_record *r, int64_t at)
{
	uint32_t i;

	(void)arg;
	memcpy(&i, &b->hoa.s6_addr[12], sizeof(i));
	return chunk_more_from(r, hosts[i], at);
}

static void folder_has_all(void)
{
	struct image image;
	uint32_t i;

	ck_assert_int_eq(journal_load(&image, dir), 0);
	ck_assert_uint_eq(image.corrupt, 0);
	ck_assert_uint_eq(image.left_out, 0);
	ck_assert_uint_eq(image.n, n_hosts);
	for (i = 0; i < n_hosts; i++) {
		const struct chunk_record *r = image_find(&image,
							  &hosts[i]->hoa);
		const struct chunk_record *more = image_more(&image, r);

		ck_assert_uint_eq(r->n_paths, hosts[i]->n_paths);
		ck_assert_uint_eq(r->n_flows, hosts[i]->n_flows);
		same_paths(hosts[i], more, loop_wall_offset(), loop_now(),
			   MTIME_SEC(1).ns);
		same_flows(hosts[i], r, more);
	}
	image_fini(&image);
}

/* Its binding is refreshed, with others. */
static struct binding change(uint32_t i, unsigned int paths, unsigned int flows)
{
	unsigned int k;

	free(hosts[i]);
	hosts[i] = host_new(i, paths, flows);
	for (k = 0; k < paths; k++)
		hosts[i]->paths[k].expires = mtime_add(loop_now(),
						       MTIME_SEC(LIFETIME));
	return binding_of(hosts[i]);
}

/* All of them, more than there is room for at once; then what changes. */
START_TEST(rounds)
{
	static const struct journal_source source = {
		.range = range, .more = more_of,
	};
	struct journal *journal;
	struct binding b;
	struct loop loop;
	uint32_t i;
	int round;

	for (n_hosts = 0; n_hosts < HOSTS; n_hosts++)
		change(n_hosts, MULTI_PATHS_MAX, MULTI_FLOWS_MAX);
	ck_assert_int_eq(loop_init(&loop), 0);
	ck_assert_int_eq(journal_open(&journal, &loop, dir, &source, 0), 0);
	for (round = 0; round < 5; round++) {
		while (count_get(COUNT_JOURNAL_WRITTEN) <
		       (uint64_t)4 * (round + 1)) {
			uv_run(&loop.uv, UV_RUN_NOWAIT);
			/* in one of the rounds more than can be kept */
			do {
				i = (uint32_t)random() %
				    (round == 2 ? HOSTS : 10);
				b = change(i, 1 + i % MULTI_PATHS_MAX,
					   (unsigned int)random() %
					   MULTI_FLOWS_MAX);
				journal_put(journal, &b);
			} while (round == 2 &&
				 !count_get(COUNT_JOURNAL_OVERRUN));
			usleep(round == 2 ? 0 : 2000);
		}
	}
	journal_close(journal);
	loop_fini(&loop);
	ck_assert_uint_gt(count_get(COUNT_JOURNAL_OVERRUN), 0);
	folder_has_all();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chunkmore");
	TCase *tcase = tcase_create("chunkmore");
	SRunner *runner;
	int failed;

	if (sodium_init() < 0)
		return EXIT_FAILURE;
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, round_trip);
	tcase_add_test(tcase, no_room);
	tcase_add_test(tcase, version_1);
	tcase_add_test(tcase, wrong_numbers);
	tcase_add_test(tcase, lifetimes);
	tcase_add_test(tcase, nonsense);
	tcase_add_test(tcase, forged);
	tcase_add_test(tcase, rounds);
	tcase_set_timeout(tcase, 120);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
