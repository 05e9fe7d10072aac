/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ha/chunk, ha/journal: what is on disk, whatever became of the disk. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/count.h"
#include "core/log.h"
#include "ha/journal.h"

enum { ROOM = 100000, LIFETIME = 3600 };

static char dir[64];
static struct loop loop;
static struct journal *journal;
static struct binding *table;	/* the cache's stand-in; seq 0: no binding */
static uint32_t table_n;	/* of it that is in use */
static int64_t clock_step;	/* ns, by which somebody set the clock */

int64_t __real_loop_wall_offset(void);
int64_t __wrap_loop_wall_offset(void);

int64_t __wrap_loop_wall_offset(void)
{
	return __real_loop_wall_offset() + clock_step;
}

static uint32_t range(void *arg, uint32_t cursor,
		      void (*fn)(void *fn_arg, const struct binding *b),
		      void *fn_arg, uint32_t n)
{
	uint32_t i;

	(void)arg;
	/* called for each record: an assertion costs a system call */
	if (!n)
		ck_abort();
	for (i = cursor; i < table_n && i < cursor + n; i++)
		if (table[i].reg.seq)
			fn(fn_arg, &table[i]);
	return i < table_n ? i : 0;
}

static const struct journal_source source = { .range = range };

static void start(uint64_t corrupt)
{
	ck_assert_int_eq(loop_init(&loop), 0);
	ck_assert_int_eq(journal_open(&journal, &loop, dir, &source, corrupt),
			 0);
}

static void stop(void)
{
	journal_close(journal);
	journal = NULL;
	loop_fini(&loop);
}

static void setup(void)
{
	strcpy(dir, "/tmp/check_journal.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	log_init("check_journal", LOG_LEVEL_ERR);
	table = calloc(ROOM, sizeof(*table));
	ck_assert_ptr_nonnull(table);
	table_n = 0;
	clock_step = 0;
}

static void teardown(void)
{
	char cmd[96];

	free(table);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	ck_assert_int_eq(system(cmd), 0);
}

static const char *in_dir(const char *name)
{
	static char path[4][384];
	static unsigned int turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

/* Runs the loop until it has counted so many, or (0) for a while. */
static void run_until(enum count_event event, uint64_t n, int ms)
{
	mtime end = mtime_add(loop_now(), MTIME_MS(ms));

	while (mtime_before(loop_now(), end) &&
	       (!n || count_get(event) < n)) {
		uv_run(&loop.uv, UV_RUN_NOWAIT);
		usleep(200);
	}
	ck_assert_msg(!n || count_get(event) >= n, "event %d: %llu of %llu",
		      (int)event, (unsigned long long)count_get(event),
		      (unsigned long long)n);
}

static void run_written(uint64_t more)
{
	run_until(COUNT_JOURNAL_WRITTEN,
		  count_get(COUNT_JOURNAL_WRITTEN) + more, 20000);
}

static struct in6_addr addr(uint8_t kind, uint32_t i)
{
	struct in6_addr a = { .s6_addr = { 0x20, 1, 0xd, 0xb8, kind } };

	memcpy(&a.s6_addr[12], &i, sizeof(i));
	return a;
}

/* The table's i-th binding, made or refreshed; the journal is not told. */
static struct binding *bind_silently(uint32_t i, uint16_t seq)
{
	struct binding *b = &table[i];

	*b = (struct binding){
		.hoa = addr(1, i),
		.state = BINDING_BOUND,
		.reg = {
			.coa = addr(2, i + seq),
			.ha = addr(3, 0),
			.created = mtime_sub(loop_now(), MTIME_SEC(100)),
			.expires = mtime_add(loop_now(), MTIME_SEC(LIFETIME)),
			.lifetime = LIFETIME,
			.seq = seq,
			.flags = MH_BU_A | MH_BU_H,
		},
	};
	if (i >= table_n)
		table_n = i + 1;
	return b;
}

static void bind_one(uint32_t i, uint16_t seq)
{
	journal_put(journal, bind_silently(i, seq));
}

static void unbind(uint32_t i, uint16_t seq)
{
	struct binding *b = &table[i];

	b->reg.seq = seq;
	b->reg.expires = mtime_add(loop_now(), MTIME_SEC(BCACHE_TOMBSTONE));
	journal_end(journal, b);
	b->state = BINDING_DELETED;
}

/* As a BU's and the timers' work would be: then it is in the table no more. */
static void expire(uint32_t i)
{
	table[i].reg.seq = 0;
}

static struct image load(void)
{
	struct image image;

	ck_assert_int_eq(journal_load(&image, dir), 0);
	return image;
}

static void check_record(const struct image *image, const struct binding *b)
{
	const struct chunk_record *r = image_find(image, &b->hoa);
	struct binding_reg reg;
	mtime now = loop_now();
	int64_t off;

	ck_assert_ptr_nonnull(r);
	ck_assert(chunk_record_to(r, &reg, loop_wall_offset(), now));
	ck_assert(ip6_addr_eq(&reg.coa, &b->reg.coa));
	ck_assert(ip6_addr_eq(&reg.ha, &b->reg.ha));
	ck_assert_uint_eq(reg.seq, b->reg.seq);
	ck_assert_uint_eq(reg.flags, b->reg.flags);
	ck_assert_uint_eq(reg.lifetime, b->reg.lifetime);
	ck_assert_int_eq(r->deleted, b->state == BINDING_DELETED);
	off = reg.expires.ns - b->reg.expires.ns;
	/* a clock that jumps by less than 2 s goes unnoticed; two are read one
	 * after the other, and a busy machine does others' work in between */
	ck_assert_int_lt(llabs(off), MTIME_MS(2100).ns);
	off = reg.created.ns - b->reg.created.ns;
	ck_assert_int_lt(llabs(off), MTIME_MS(2100).ns);
}

/* The folder tells what the table does, and of others nothing that lives. */
static void check_all(const struct image *image)
{
	uint32_t i, n = 0;

	for (i = 0; i < table_n; i++) {
		if (!table[i].reg.seq)
			continue;
		check_record(image, &table[i]);
		n++;
	}
	ck_assert_uint_ge(image->n, n);
	ck_assert(!image->corrupt);
}

static void check_folder(void)
{
	struct image image = load();

	check_all(&image);
	image_fini(&image);
}

/* Files and bytes of the journal. */
static unsigned int segments(size_t *bytes)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;
	unsigned int n = 0;

	ck_assert_ptr_nonnull(d);
	*bytes = 0;
	while ((e = readdir(d))) {
		if (strncmp(e->d_name, "bindings-", 9) ||
		    stat(in_dir(e->d_name), &st))
			continue;
		n++;
		*bytes += (size_t)st.st_size;
	}
	closedir(d);
	return n;
}

/* What is written is what is read. */

START_TEST(round_trip)
{
	struct image image;
	uint32_t i;

	start(0);
	for (i = 0; i < 3; i++)
		bind_one(i, (uint16_t)(i + 1));
	run_written(1);
	/* as after kill -9: nothing is closed */
	image = load();
	check_all(&image);
	ck_assert_uint_eq(image.n, 3);
	ck_assert_ptr_null(image_find(&image, &(struct in6_addr){0}));
	image_fini(&image);
	stop();
	check_folder();
	ck_assert_int_eq(journal_remove(dir), 0);
	image = load();
	ck_assert_uint_eq(image.n, 0);
	image_fini(&image);
}
END_TEST

START_TEST(later_wins)
{
	struct image image;
	int i;

	start(0);
	for (i = 1; i < 20; i++) {
		bind_one(0, (uint16_t)i);
		bind_one(1, (uint16_t)i);
		if (i % 5 == 0)
			run_written(1);
	}
	unbind(0, 99);
	run_written(1);
	image = load();
	ck_assert_uint_eq(image_find(&image, &table[0].hoa)->deleted, 1);
	ck_assert_uint_eq(image_find(&image, &table[0].hoa)->seq, 99);
	ck_assert_uint_eq(image_find(&image, &table[1].hoa)->seq, 19);
	check_all(&image);
	image_fini(&image);
	bind_one(0, 100);
	stop();
	check_folder();
}
END_TEST

/* The remaining lifetime is at most what was granted, and the clock's faults
 * make no nonsense. */
START_TEST(lifetimes)
{
	struct binding *b = bind_silently(0, 7);
	int64_t wall = loop_wall_offset();
	struct chunk_record r;
	struct binding_reg reg;
	mtime now = loop_now();

	chunk_record_from(&r, &b->hoa, &b->reg, false, wall);
	ck_assert(chunk_record_to(&r, &reg, wall, now));
	ck_assert_int_eq(reg.expires.ns, b->reg.expires.ns);
	ck_assert(chunk_record_to(&r, &reg, wall + MTIME_SEC(600).ns, now));
	ck_assert_int_eq(reg.expires.ns,
			 b->reg.expires.ns - MTIME_SEC(600).ns);
	ck_assert(chunk_record_to(&r, &reg, wall - MTIME_SEC(600).ns, now));
	ck_assert_int_eq(reg.expires.ns,
			 mtime_add(now, MTIME_SEC(LIFETIME)).ns);
	/* another boot: less time on its clock than the binding is old */
	ck_assert(chunk_record_to(&r, &reg, wall + now.ns - 5, (mtime){5}));
	ck_assert_int_lt(reg.created.ns, 0);
	ck_assert(chunk_record_to(&r, &reg, wall * 2, now));
	ck_assert(!mtime_before(now, reg.expires));
	ck_assert(!chunk_record_to(&r, &reg, -wall, now));
	r.created = UINT32_MAX;
	r.expires = INT64_MAX;
	r.lifetime = UINT32_MAX;
	ck_assert(chunk_record_to(&r, &reg, wall, now));
	ck_assert(!mtime_before(now, reg.created));
	r.created = 0;
	ck_assert(chunk_record_to(&r, &reg, wall, now));
	ck_assert_int_gt(reg.created.ns, MTIME_SEC(INT32_MIN / 8).ns);
	r.expires = -1;
	ck_assert(!chunk_record_to(&r, &reg, wall, now));
	r.expires = 1;
	r.deleted = 2;
	ck_assert(!chunk_record_to(&r, &reg, wall, now));
}
END_TEST

/* A start writes all there is, even if nobody told the journal. */
START_TEST(start_writes_all)
{
	size_t bytes;
	uint32_t i;

	for (i = 0; i < 3 * JOURNAL_STEP; i++)
		bind_silently(i, 5);
	start(0);
	run_written(3);
	check_folder();
	stop();
	/* and what the table has not is not there any more */
	for (i = 0; i < table_n; i++)
		if (i % 2)
			expire(i);
	start(0);
	stop();
	ck_assert_uint_eq(segments(&bytes), 1);
	check_folder();
	ck_assert_uint_le(bytes, table_n / 2 * 72 + 3 * 64);
	/* nothing at all: no file */
	table_n = 0;
	start(0);
	stop();
	ck_assert_uint_eq(segments(&bytes), 0);
}
END_TEST

/* Rounds: the folder tells all, and no more than some three times over. */
START_TEST(rounds_bound_the_folder)
{
	const size_t all = (size_t)ROOM * sizeof(struct chunk_record);
	size_t bytes, most = 0;
	uint32_t i, batch;

	for (i = 0; i < ROOM; i++)
		bind_silently(i, 1);
	start(0);
	run_written(ROOM / JOURNAL_STEP + 1);
	for (batch = 0; batch < 40; batch++) {
		for (i = 0; i < JOURNAL_DIRTY / 2; i++)
			bind_one((uint32_t)random() % (ROOM / 2),
				 (uint16_t)(2 + batch));
		run_written(1);
		ck_assert_uint_le(segments(&bytes), 2);
		if (bytes > most)
			most = bytes;
		ck_assert_uint_le(bytes, 3 * all + 4 * 1024 * 1024);
		if (batch % 8 == 7)
			check_folder();
	}
	ck_assert_uint_gt(most, all * 2);
	stop();
	check_folder();
}
END_TEST

/* A small table in one segment: it is not made anew with every write. */
START_TEST(small_rounds)
{
	size_t bytes;
	int i;

	start(0);
	for (i = 0; i < 6; i++) {
		bind_one(i % 2, (uint16_t)(i + 1));
		run_written(1);
	}
	ck_assert_uint_eq(segments(&bytes), 1);
	ck_assert_int_eq(access(in_dir("bindings-0000000000000001"), F_OK), 0);
	stop();
	check_folder();
}
END_TEST

/* Whatever comes in whatever order, and ends however: what was told before
 * the end is there. */
START_TEST(random_lives)
{
	int life, i;

	srandom((unsigned int)_i + 1);
	for (life = 0; life < 12; life++) {
		start(0);
		for (i = 0; i < 30000; i++) {
			uint32_t at = (uint32_t)random() % 5000;
			uint16_t seq = (uint16_t)(table[at].reg.seq + 1);

			if (random() % 4 || !table[at].reg.seq)
				bind_one(at, seq ? seq : 1);
			else if (random() % 2)
				unbind(at, seq ? seq : 1);
			else if (table[at].state == BINDING_DELETED)
				expire(at);
			if (random() % 500 == 0)
				uv_run(&loop.uv, UV_RUN_NOWAIT);
		}
		stop();
		check_folder();
	}
}
END_TEST

/* What the disk has said yes to outlives the process. */
START_TEST(killed)
{
	pid_t pid;
	int status, i;

	for (i = 0; i < 2000; i++)
		bind_silently((uint32_t)i, 3);
	pid = fork();
	if (!pid) {
		start(0);
		for (i = 0; i < 2000; i++)
			bind_one((uint32_t)i, 3);
		run_written(1);
		for (i = 0; i < JOURNAL_DIRTY; i++)
			bind_one((uint32_t)i % 2000, 4);
		uv_run(&loop.uv, UV_RUN_NOWAIT);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	{
		struct image image = load();

		ck_assert_uint_eq(image.n, 2000);
		for (i = 0; i < 2000; i++)
			ck_assert_uint_ge(image_find(&image, &table[i].hoa)->seq,
					  3);
		image_fini(&image);
	}
	/* and the next one goes on with it, if cut off or not */
	start(0);
	stop();
	check_folder();
}
END_TEST

/* More than there is room for: nothing is lost, it takes a round. */
START_TEST(overrun)
{
	uint64_t before = count_get(COUNT_JOURNAL_OVERRUN);
	uint32_t i;

	start(0);
	run_until(COUNT_JOURNAL_WRITTEN, 0, 50);
	for (i = 0; i < 2 * JOURNAL_DIRTY; i++)
		bind_one(i, 1);
	ck_assert_uint_eq(count_get(COUNT_JOURNAL_OVERRUN), before + 1);
	run_written(2 * JOURNAL_DIRTY / JOURNAL_STEP);
	check_folder();
	/* in the middle of a round by itself */
	for (i = 0; i < 2 * JOURNAL_DIRTY; i++)
		bind_one(i, 2);
	run_written(1);
	for (i = 0; i < 2 * JOURNAL_DIRTY; i++)
		bind_one(i, 3);
	ck_assert_uint_eq(count_get(COUNT_JOURNAL_OVERRUN), before + 3);
	stop();
	check_folder();
}
END_TEST

/* The end comes while the thread writes. */
START_TEST(stop_while_busy)
{
	uint32_t i;
	int turn;

	for (turn = 1; turn < 8; turn++) {
		start(0);
		for (i = 0; i < JOURNAL_DIRTY; i++)
			bind_one(i, (uint16_t)turn);
		uv_run(&loop.uv, UV_RUN_NOWAIT);
		bind_one(turn, 1000);
		stop();
		check_folder();
	}
}
END_TEST

/* Nothing happens, nothing is written. */
START_TEST(idle)
{
	struct stat before, after;
	uint64_t n;
	size_t bytes;
	uint32_t i;

	start(0);
	for (i = 0; i < 100; i++)
		bind_one(i, 1);
	run_written(1);
	run_until(COUNT_JOURNAL_WRITTEN, 0, 300);
	n = count_get(COUNT_JOURNAL_WRITTEN);
	segments(&bytes);
	ck_assert_int_eq(stat(dir, &before), 0);
	for (i = 0; i < 50; i++)
		expire(i);
	run_until(COUNT_JOURNAL_WRITTEN, 0, 1000);
	ck_assert_uint_eq(count_get(COUNT_JOURNAL_WRITTEN), n);
	ck_assert_int_eq(stat(dir, &after), 0);
	ck_assert_int_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	segments(&bytes);
	stop();
	ck_assert_uint_eq(count_get(COUNT_JOURNAL_WRITTEN), n);
}
END_TEST

/* Times on disk are the clock's as it is now. */
START_TEST(clock_set)
{
	uint32_t i;

	for (i = 0; i < 10; i++)
		bind_silently(i, 1);
	clock_step = -MTIME_SEC(50 * 365 * 86400).ns;
	start(0);
	run_written(1);
	clock_step = 0;
	bind_one(0, 2);
	run_written(1);
	check_folder();
	stop();
}
END_TEST

/* Files that are not as they should be. */

/* A segment of chunks of one record each, as the writer makes them. */
static uint8_t *make_segment(uint64_t number, uint32_t chunks, size_t *len)
{
	size_t each = sizeof(struct chunk) + sizeof(struct chunk_record);
	uint8_t *data = calloc(chunks, each);
	uint32_t i;

	for (i = 0; i < chunks; i++) {
		struct chunk *c = (struct chunk *)(data + i * each);
		struct binding *b = bind_silently(i, 9);

		c->n = 1;
		chunk_record_from(c->records, &b->hoa, &b->reg, false,
				  loop_wall_offset());
		chunk_seal(c, number, i, 1);
	}
	*len = chunks * each;
	return data;
}

static void put_file(const char *name, const void *data, size_t len)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
}

enum { CHUNKS = 5 };
static const char segment_5[] = "bindings-0000000000000005";

/* Cut anywhere: what was whole before is there. */
START_TEST(cut_off)
{
	size_t len, cut, each = sizeof(struct chunk) +
				sizeof(struct chunk_record);
	uint8_t *data = make_segment(5, CHUNKS, &len);

	for (cut = 0; cut <= len; cut++) {
		struct image image;

		put_file(segment_5, data, cut);
		image = load();
		ck_assert_uint_eq(image.n, cut / each);
		ck_assert_uint_eq(image.corrupt, cut % each ? 5 : 0);
		image_fini(&image);
	}
	free(data);
}
END_TEST

/* Any bit turned over, anywhere: its chunk is out, the others are there. */
START_TEST(bit_flips)
{
	size_t len, bit;
	uint8_t *data = make_segment(5, CHUNKS, &len);

	for (bit = 0; bit < len * 8; bit++) {
		struct image image;

		ck_assert_int_eq(image_init(&image, CHUNKS), 0);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_uint_gt(image_read(&image, data, len, 5), 0);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_uint_eq(image.n, CHUNKS - 1);
		ck_assert_uint_eq(image.corrupt, 5);
		image_fini(&image);
	}
	free(data);
}
END_TEST

/* Seals anew what was changed: the checksum is right, the content is not. */
static void reseal(struct chunk *c, size_t len)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, CHUNK_SUM);
	crypto_generichash_update(&state, (uint8_t *)c,
				  offsetof(struct chunk, sum));
	crypto_generichash_update(&state, (uint8_t *)c->records,
				  len - sizeof(*c));
	crypto_generichash_final(&state, c->sum, CHUNK_SUM);
}

static uint32_t read_one(const void *data, size_t len)
{
	struct image image;
	uint32_t n;

	ck_assert_int_eq(image_init(&image, CHUNKS), 0);
	image_read(&image, data, len, 5);
	n = image.n;
	image_fini(&image);
	return n;
}

START_TEST(wrong_heads)
{
	size_t len;
	uint8_t *data = make_segment(5, 1, &len);
	struct chunk *c = (struct chunk *)data;

	reseal(c, len);
	ck_assert_uint_eq(read_one(c, len), 1);
	c->version++;
	reseal(c, len);
	ck_assert_uint_eq(read_one(c, len), 0);
	c->version--;
	c->segment++;
	reseal(c, len);
	ck_assert_uint_eq(read_one(c, len), 0);
	c->segment--;
	c->n = 0;
	reseal(c, len);
	ck_assert_uint_eq(read_one(c, len), 0);
	for (c->n = 2; c->n; c->n <<= 1) {
		reseal(c, len);
		ck_assert_uint_eq(read_one(c, len), 0);
	}
	free(data);
}
END_TEST

/* Rubbish, with and without heads in it that look right. */
START_TEST(rubbish)
{
	size_t len = 1 << 20, one, at;
	uint8_t *data = malloc(len), *good = make_segment(5, 1, &one);
	struct chunk *head = (struct chunk *)good;
	struct image image;

	srandom((unsigned int)_i + 1);
	for (at = 0; at < len; at++)
		data[at] = (uint8_t)random();
	if (_i % 2) {
		head->n = CHUNK_RECORDS_MAX / 100;
		for (at = 0; at + one < len; at += one)
			memcpy(data + at, good, one);
	}
	put_file(segment_5, data, len);
	image = load();
	ck_assert_uint_eq(image.n, 0);
	ck_assert_uint_eq(image.corrupt, 5);
	start(image.corrupt);
	image_fini(&image);
	bind_one(3, 4);
	stop();
	check_folder();
	ck_assert_int_eq(access(in_dir("bindings.corrupt"), F_OK), 0);
	ck_assert_int_ne(access(in_dir(segment_5), F_OK), 0);
	free(data);
	free(good);
}
END_TEST

/* Names that are ours, and are no files of ours. */
START_TEST(strange_files)
{
	size_t len;
	uint8_t *data = make_segment(5, CHUNKS, &len);
	struct image image;

	put_file(segment_5, data, len);
	put_file("elsewhere", data, len);
	ck_assert_int_eq(mkfifo(in_dir("bindings-0000000000000006"), 0600), 0);
	ck_assert_int_eq(symlink("elsewhere",
				 in_dir("bindings-0000000000000007")), 0);
	put_file("bindings-00000000000000ff", "", 0);
	put_file("bindings-7fffffffffffffff", "", 0);
	put_file("bindings-ffffffffffffffff", data, len);
	put_file("bindings-5", data, len);
	put_file("bindings-000000000000000G", data, len);
	image = load();
	ck_assert_uint_eq(image.n, CHUNKS);
	ck_assert_uint_eq(image.records, CHUNKS);
	start(image.corrupt);
	image_fini(&image);
	/* one that a next one could not follow */
	ck_assert_int_ne(access(in_dir("bindings-7fffffffffffffff"), F_OK), 0);
	ck_assert_int_eq(access(in_dir("bindings.corrupt"), F_OK), 0);
	stop();
	ck_assert_int_eq(access(in_dir("bindings-0000000000000100"), F_OK), 0);
	ck_assert_int_ne(access(in_dir("bindings-0000000000000006"), F_OK), 0);
	ck_assert_int_eq(access(in_dir("elsewhere"), F_OK), 0);
	ck_assert_int_eq(access(in_dir("bindings-ffffffffffffffff"), F_OK), 0);
	free(data);
}
END_TEST

/* What cannot be removed stays, alone, however often rounds come by. */
START_TEST(folder_for_segment)
{
	size_t bytes;
	int i;

	ck_assert_int_eq(mkdir(in_dir(segment_5), 0700), 0);
	put_file("bindings.corrupt", "", 0);
	for (i = 0; i < 3; i++) {
		struct image image = load();

		ck_assert_uint_eq(image.corrupt, 5);
		start(image.corrupt);
		image_fini(&image);
		bind_one(1, (uint16_t)(i + 1));
		stop();
		ck_assert_uint_eq(segments(&bytes), 2);
	}
	ck_assert_int_eq(rmdir(in_dir(segment_5)), 0);
	check_folder();
}
END_TEST

/* The folder above is root's alone, and root we are no more: the daemon that
 * became a user. */
START_TEST(as_user)
{
	enum { NOBODY = 65534 };
	size_t bytes, len = strlen(dir);
	uint32_t i;

	ck_assert_msg(!geteuid(), "needs root");
	strcat(dir, "/state");
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	for (i = 0; i < 100; i++)
		bind_silently(i, 1);
	start(0);
	stop();
	start(0);
	ck_assert_int_eq(chown(dir, NOBODY, NOBODY), 0);
	ck_assert_int_eq(seteuid(NOBODY), 0);
	ck_assert_int_eq(open(dir, O_RDONLY), -1);
	bind_one(1, 2);
	run_written(1);
	stop();
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_uint_eq(segments(&bytes), 1);
	check_folder();
	dir[len] = '\0';
}
END_TEST

/* A segment that is right, and an older one that is right as well. */
START_TEST(order_of_segments)
{
	size_t len;
	uint8_t *data = make_segment(5, 1, &len);
	struct chunk *c = (struct chunk *)data;
	struct image image;

	put_file(segment_5, data, len);
	c->records[0].seq = 10;
	chunk_seal(c, 0x10, 0, 1);
	put_file("bindings-0000000000000010", data, len);
	c->records[0].seq = 8;
	chunk_seal(c, 4, 0, 1);
	put_file("bindings-0000000000000004", data, len);
	image = load();
	ck_assert_uint_eq(image.n, 1);
	ck_assert_uint_eq(image.records, 3);
	ck_assert_uint_eq(image.v[0].seq, 10);
	image_fini(&image);
	free(data);
}
END_TEST

/* A disk of its own for this test's process, of so many kilobytes. */
static void small_disk(int kb)
{
	char options[32];

	ck_assert_msg(!geteuid(), "needs root");
	snprintf(options, sizeof(options), "size=%dk", kb);
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL),
			 0);
	ck_assert_int_eq(mount("tmpfs", dir, "tmpfs", 0, options), 0);
}

static void fill_disk(void)
{
	static const char zero[4096];
	int fd = open(in_dir("ballast"), O_WRONLY | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	while (write(fd, zero, sizeof(zero)) == sizeof(zero))
		;
	close(fd);
}

START_TEST(disk_full)
{
	uint64_t failed = count_get(COUNT_JOURNAL_FAILED);
	size_t before, bytes;
	uint32_t i;

	small_disk(4096);
	start(0);
	for (i = 0; i < 5000; i++)
		bind_one(i, 1);
	run_written(1);
	check_folder();
	segments(&before);
	fill_disk();
	for (i = 0; i < 10000; i++)
		bind_one(i, 2);
	unbind(17, 3);
	run_until(COUNT_JOURNAL_FAILED, failed + 2, 5000);
	/* one second, then two: no more than these trials */
	ck_assert_uint_eq(count_get(COUNT_JOURNAL_FAILED), failed + 2);
	for (i = 0; i < 12000; i++)
		if (i != 17)
			bind_one(i, 4);
	segments(&bytes);
	ck_assert_uint_le(bytes, before);
	{
		struct image image = load();

		/* what was on disk is there still */
		ck_assert_uint_eq(image.n, 5000);
		ck_assert(!image.corrupt);
		image_fini(&image);
	}
	ck_assert_int_eq(unlink(in_dir("ballast")), 0);
	run_written(12000 / JOURNAL_STEP + 1);
	check_folder();
	ck_assert_uint_eq(segments(&bytes), 1);
	bind_one(1, 5);
	run_written(1);
	check_folder();
	stop();
	ck_assert_int_eq(umount(dir), 0);
}
END_TEST

/* Room for a part of it alone: that part is given back. */
START_TEST(disk_too_small)
{
	uint64_t failed = count_get(COUNT_JOURNAL_FAILED);
	size_t bytes;
	uint32_t i;

	small_disk(1024);
	for (i = 0; i < 20000; i++)
		bind_silently(i, 1);
	start(0);
	run_until(COUNT_JOURNAL_FAILED, failed + 2, 5000);
	segments(&bytes);
	ck_assert_uint_eq(bytes, 0);
	stop();
	ck_assert_int_eq(umount(dir), 0);
}
END_TEST

static TCase *tcase(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("journal");
	TCase *tc = tcase(s, "writing");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, later_wins);
	tcase_add_test(tc, lifetimes);
	tcase_add_test(tc, start_writes_all);
	tcase_add_test(tc, rounds_bound_the_folder);
	tcase_add_test(tc, small_rounds);
	tcase_add_loop_test(tc, random_lives, 0, 3);
	tcase_add_test(tc, killed);
	tcase_add_test(tc, overrun);
	tcase_add_test(tc, stop_while_busy);
	tcase_add_test(tc, idle);
	tcase_add_test(tc, clock_set);
	tc = tcase(s, "faults");
	tcase_add_test(tc, cut_off);
	tcase_add_test(tc, bit_flips);
	tcase_add_test(tc, wrong_heads);
	tcase_add_loop_test(tc, rubbish, 0, 4);
	tcase_add_test(tc, strange_files);
	tcase_add_test(tc, folder_for_segment);
	tcase_add_test(tc, as_user);
	tcase_add_test(tc, order_of_segments);
	tcase_add_test(tc, disk_full);
	tcase_add_test(tc, disk_too_small);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
