/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/count.h"
#include "core/log.h"

enum {
	CLOCK_STEP = 2,		/* s, that the wall clock may jump unnoticed */
	NAME_DIGITS = 16,
	NAME_LEN = sizeof("bindings-") + NAME_DIGITS,
};

#define NAME_PREFIX "bindings-"
#define NAME_CORRUPT "bindings.corrupt"
#define SEGMENT_LAST (UINT64_MAX / 2)
#define SEGMENT_FAR (SEGMENT_LAST / 2)	/* nobody counts so far */

/* The thread's, while there is a job; else the loop's. */
struct writer {
	char dir[PATH_MAX];	/* for the log */
	int dir_fd;		/* opened by root, used by who we are then */
	struct chunk *chunk;	/* to be written, if it has records */
	int64_t written;	/* ns since 1970 */
	uint64_t segment;	/* where to */
	bool restart;		/* what is in the segment is void */
	bool alone;		/* a round by itself: nothing is worth keeping
				 * if it cannot be completed */
	bool drop;		/* the segments before it are of no use then */
	uint64_t corrupt;	/* one of those, to be kept by another name */
	int fd;			/* of the segment open */
	uint64_t open;		/* its number */
	off_t end;
	uint32_t index;		/* of its next chunk */
	int err, drop_err;
};

/* Outlives the journal until the loop has heard of its end. */
struct work {
	uv_work_t uv;
	uv_sem_t done;
	struct journal *j;
	struct writer writer;
};

struct journal {
	struct loop *loop;
	struct journal_source source;
	struct work *work;
	bool busy;		/* the thread has a job */
	struct chunk *chunks[2];
	struct chunk *chunk;	/* of them, the one being filled */
	int64_t wall;		/* ns, CLOCK_BOOTTIME to since 1970 */
	struct timer timer;
	mtime due;		/* when the changes are to be written */
	/* the round */
	uint64_t segment;
	size_t len;		/* what the segment holds */
	uint32_t cursor;
	bool alone;		/* it is by itself */
	bool whole;		/* it has been round */
	bool lost;		/* there were changes that are not in it */
	bool overrun;		/* as they were too many; told */
	int drop_err;		/* told */
	/* an outage */
	int err;
	int64_t retry;		/* s, from one trial to the next */
	mtime retry_at;
};

/* Files. */

static int dir_open(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void segment_file(uint64_t segment, char out[NAME_LEN])
{
	snprintf(out, NAME_LEN, NAME_PREFIX "%0*" PRIx64, NAME_DIGITS,
		 segment);
}

static bool segment_name(const char *name, uint64_t *segment)
{
	size_t len = strlen(NAME_PREFIX);

	if (strncmp(name, NAME_PREFIX, len) ||
	    strlen(name) != len + NAME_DIGITS ||
	    strspn(name + len, "0123456789abcdef") != NAME_DIGITS)
		return false;
	*segment = strtoull(name + len, NULL, 16);
	return *segment && *segment <= SEGMENT_LAST;
}

struct segments {
	uint64_t *v;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int segments_add(struct segments *s, uint64_t segment)
{
	uint64_t *v = realloc(s->v, (s->n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	s->v = v;
	s->v[s->n++] = segment;
	return 0;
}

/* In the order of their numbers; s->v is to be freed in any case. */
static int segments_list(struct segments *s, int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t segment;
	int err = 0;

	*s = (struct segments){0};
	if (!d) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (!err && (entry = readdir(d)))
		if (segment_name(entry->d_name, &segment))
			err = segments_add(s, segment);
	closedir(d);
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), compare);
	return err;
}

/* Reading. */

/* The folder may be another user's: no link is followed, and what is not a
 * file is not waited for. */
static int segment_open(int dir_fd, const char *name, size_t *len)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
			O_CLOEXEC);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	if (err) {
		close(fd);
		return err;
	}
	*len = (size_t)st.st_size;
	return fd;
}

/* How much there was, up to len. */
static size_t read_all(int fd, uint8_t *data, size_t len, int *err)
{
	size_t got = 0;
	ssize_t n;

	do {
		n = read(fd, data + got, len - got);
		if (n > 0)
			got += (size_t)n;
	} while (got < len && (n > 0 || (n < 0 && errno == EINTR)));
	*err = n < 0 ? -errno : 0;
	return got;
}

static void segment_read(struct image *image, const char *dir, int dir_fd,
			 uint64_t segment)
{
	size_t len = 0, got = 0, bad = 0;
	uint64_t before = image->records;
	char name[NAME_LEN];
	uint8_t *data = NULL;
	int fd, err;

	segment_file(segment, name);
	fd = segment_open(dir_fd, name, &len);
	err = fd < 0 ? fd : 0;
	if (!err && len)
		data = malloc(len);
	if (!err && len && !data)
		err = -ENOMEM;
	if (data)
		got = read_all(fd, data, len, &err);
	if (fd >= 0)
		close(fd);
	if (got)
		bad = image_read(image, data, got, segment);
	free(data);
	if (err < 0)
		log_err("%s/%s: %s; %zu of %zu bytes were read", dir, name,
			strerror(-err), got, len);
	if (bad)
		log_err("%s/%s is corrupt, or was cut off while it was written: "
			"%zu of %zu bytes are of no use, the other %" PRIu64
			" records are", dir, name, bad, len,
			image->records - before);
	if (bad || err < 0)
		image->corrupt = segment;
}

/* The most home addresses that these files can be about. */
static uint64_t segments_room(const struct segments *s, int dir_fd)
{
	uint64_t bytes = 0;
	char name[NAME_LEN];
	struct stat st;
	size_t i;

	for (i = 0; i < s->n; i++) {
		segment_file(s->v[i], name);
		if (!fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_size;
	}
	return bytes / sizeof(struct chunk_record);
}

static int load(struct image *image, const char *dir, int dir_fd)
{
	struct segments s;
	int err = segments_list(&s, dir_fd);
	size_t i;

	if (!err)
		err = image_init(image, segments_room(&s, dir_fd));
	for (i = 0; i < s.n && !err; i++)
		segment_read(image, dir, dir_fd, s.v[i]);
	free(s.v);
	return err;
}

int journal_load(struct image *image, const char *dir)
{
	int fd = dir_open(dir), err = fd;

	*image = (struct image){0};
	if (fd >= 0) {
		err = load(image, dir, fd);
		close(fd);
	}
	if (err < 0)
		log_err("%s: binding journal: %s", dir, strerror(-err));
	if (image->left_out)
		log_err("%s: binding journal: no room for %" PRIu64 " records",
			dir, image->left_out);
	return err;
}

static int segment_remove(int dir_fd, uint64_t segment)
{
	char name[NAME_LEN];

	segment_file(segment, name);
	return unlinkat(dir_fd, name, 0) && errno != ENOENT ? -errno : 0;
}

static int remove_all(int dir_fd)
{
	struct segments s;
	int rc, err = segments_list(&s, dir_fd);
	size_t i;

	for (i = 0; i < s.n; i++) {
		rc = segment_remove(dir_fd, s.v[i]);
		err = err ? err : rc;
	}
	free(s.v);
	return err;
}

int journal_remove(const char *dir)
{
	int fd = dir_open(dir), err;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = remove_all(fd);
	close(fd);
	return err;
}

/* Writing: in the thread. */

static int sync_dir(const struct writer *w)
{
	return fsync(w->dir_fd) ? -errno : 0;
}

static void writer_close(struct writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static int writer_cut(struct writer *w, off_t end)
{
	if (ftruncate(w->fd, end))
		return -errno;
	w->end = end;
	if (!end)
		w->index = 0;
	return 0;
}

/* The segment that the job is about; its name is on disk as well. */
static int writer_open(struct writer *w)
{
	char name[NAME_LEN];

	if (w->fd >= 0 && w->open == w->segment)
		return w->restart ? writer_cut(w, 0) : 0;
	writer_close(w);
	segment_file(w->segment, name);
	w->fd = openat(w->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC |
		       O_NOFOLLOW | O_CLOEXEC, 0600);
	if (w->fd < 0)
		return -errno;
	w->open = w->segment;
	w->end = 0;
	w->index = 0;
	return sync_dir(w);
}

static int write_all(int fd, const void *data, size_t len, off_t at)
{
	const uint8_t *from = data;

	while (len) {
		ssize_t n = pwrite(fd, from, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		from += n;
		at += n;
		len -= (size_t)n;
	}
	return fdatasync(fd) ? -errno : 0;
}

static int writer_append(struct writer *w)
{
	int err;

	chunk_seal(w->chunk, w->segment, w->index, w->written);
	err = write_all(w->fd, w->chunk, chunk_len(w->chunk), w->end);
	if (err < 0) {
		/* Leave no half of a chunk, and no part of what is of use
		 * only as a whole: others need the room as well. */
		if (writer_cut(w, w->alone ? 0 : w->end) < 0)
			writer_close(w);
		return err;
	}
	w->end += (off_t)chunk_len(w->chunk);
	w->index++;
	return 0;
}

/* False: it could not be moved there, so it is to go. */
static bool set_aside(const struct writer *w, uint64_t segment)
{
	char name[NAME_LEN];

	segment_file(segment, name);
	return !renameat(w->dir_fd, name, w->dir_fd, NAME_CORRUPT);
}

/* The oldest first: what is left is the end of the story, but for a name that
 * cannot be removed. */
static int writer_drop(const struct writer *w)
{
	struct segments s;
	int rc, err = segments_list(&s, w->dir_fd);
	size_t i;

	for (i = 0; i < s.n && s.v[i] < w->segment; i++) {
		if (s.v[i] == w->corrupt && set_aside(w, s.v[i]))
			continue;
		rc = segment_remove(w->dir_fd, s.v[i]);
		err = err ? err : rc;
	}
	free(s.v);
	rc = sync_dir(w);
	return err ? err : rc;
}

static void writer_run(struct writer *w)
{
	w->err = w->drop_err = 0;
	if (w->chunk->n || w->restart)
		w->err = writer_open(w);
	if (!w->err && w->chunk->n)
		w->err = writer_append(w);
	if (!w->err && w->drop)
		w->drop_err = writer_drop(w);
}

static void on_work(uv_work_t *req)
{
	struct work *work = req->data;

	writer_run(&work->writer);
	uv_sem_post(&work->done);
}


/* The loop's part: rounds. */

static size_t room_left(const struct journal *j)
{
	return CHUNK_RECORDS_MAX - j->chunk->n;
}

static void append(struct journal *j, const struct binding *b, bool deleted)
{
	struct chunk_record *r = &j->chunk->records[j->chunk->n++];

	chunk_record_from(r, &b->hoa, &b->reg, deleted, j->wall);
	if (!deleted && b->reg.several)
		j->chunk->n += j->source.more(j->source.arg, b, r, j->wall);
}

static void on_range(void *arg, const struct binding *b)
{
	struct journal *j = arg;

	/* one whose HoA is still tested is not promised to anybody yet */
	if (b->state != BINDING_PROBING)
		append(j, b, b->state == BINDING_DELETED);
}

/*
 * Another segment, which is to hold everything; the one before stays until it
 * does. A round by itself that has to begin again does so in its segment.
 */
static void round_begin(struct journal *j, bool alone)
{
	if (j->alone && !j->whole)
		j->work->writer.restart = true;
	else
		j->segment++;
	j->alone = alone;
	j->whole = false;
	j->lost = false;
	j->cursor = 0;
	j->len = 0;
}

/* Every record is what was true when it was appended, and the loop alone
 * appends: a later one is never the older word. True: the round is at its end.
 */
static bool round_go_on(struct journal *j)
{
	uint32_t n = j->alone ? JOURNAL_STEP : JOURNAL_SHARE * j->chunk->n;

	if (j->whole)
		return false;
	/* one by one, as each takes as much room as it needs */
	for (; n && room_left(j) > CHUNK_MORE_MAX; n--) {
		j->cursor = j->source.range(j->source.arg, j->cursor, on_range,
					    j, 1);
		if (!j->cursor)
			return true;
	}
	return false;
}

/* Makes what is to be written now; false: nothing. */
static bool job_make(struct journal *j)
{
	struct writer *w = &j->work->writer;

	if (j->lost)
		round_begin(j, true);
	else if (j->chunk->n && j->whole && j->len >= JOURNAL_SEGMENT_MIN)
		round_begin(j, false);
	w->drop = round_go_on(j);
	w->alone = j->alone && !j->whole;
	w->chunk = j->chunk;
	w->written = loop_now().ns + j->wall;
	w->segment = j->segment;
	return w->chunk->n || w->drop;
}

static void job_failed(struct journal *j)
{
	const struct writer *w = &j->work->writer;

	count(COUNT_JOURNAL_FAILED);
	if (!j->err)
		log_err("%s: binding journal: %s; bindings would not survive a "
			"reboot, forwarding goes on", w->dir, strerror(-w->err));
	j->retry = j->err ? 2 * j->retry : JOURNAL_RETRY_MIN;
	if (j->retry > JOURNAL_RETRY_MAX)
		j->retry = JOURNAL_RETRY_MAX;
	j->retry_at = mtime_add(loop_now(), MTIME_SEC(j->retry));
	j->err = w->err;
	j->lost = true;
}

static void job_written(struct journal *j)
{
	struct writer *w = &j->work->writer;

	w->restart = false;
	if (w->chunk->n) {
		count(COUNT_JOURNAL_WRITTEN);
		j->len += chunk_len(w->chunk);
	}
	if (!w->drop)
		return;
	if (w->drop_err && w->drop_err != j->drop_err)
		log_warn("%s: binding journal: what is old cannot be deleted: "
			 "%s", w->dir, strerror(-w->drop_err));
	j->drop_err = w->drop_err;
	j->whole = true;
	if (!j->lost)
		j->overrun = false;
	if (j->err)
		log_info("%s: binding journal: works again, all is on disk",
			 w->dir);
	j->err = 0;
}

static void job_done(struct journal *j)
{
	j->busy = false;
	if (j->work->writer.err)
		job_failed(j);
	else
		job_written(j);
}

/* When to look at it again, if no job is under way. */
static mtime next_due(const struct journal *j, mtime now)
{
	if (j->err && j->lost)
		return j->retry_at;
	if (j->lost || (j->alone && !j->whole) ||
	    j->chunk->n >= JOURNAL_DIRTY / 2)
		return now;
	if (j->chunk->n)
		return j->due;
	return mtime_add(now, MTIME_SEC(JOURNAL_CLOCK_CHECK));
}

/* Nobody else arms the timer. The end of a job comes here as well. */
static void control_timer(struct journal *j, mtime now)
{
	if (j->busy)
		timers_del(&j->loop->timers, &j->timer);
	else
		timers_set(&j->loop->timers, &j->timer, next_due(j, now));
}

static void on_done(uv_work_t *req, int status)
{
	struct work *work = req->data;

	(void)status;
	if (!work->j) {
		free(work);
		return;
	}
	uv_sem_wait(&work->done);
	job_done(work->j);
	control_timer(work->j, loop_now());
}

/* The other chunk is filled meanwhile. */
static void job_start(struct journal *j)
{
	j->chunk = j->chunks[j->chunk == j->chunks[0]];
	j->chunk->n = 0;
	j->busy = true;
	j->work->uv.data = j->work;
	uv_queue_work(&j->loop->uv, &j->work->uv, on_work, on_done);
}

/* A clock that was set makes what is in the segments wrong. */
static void check_clock(struct journal *j)
{
	int64_t wall = loop_wall_offset(), step = wall - j->wall;

	if (step > -MTIME_SEC(CLOCK_STEP).ns && step < MTIME_SEC(CLOCK_STEP).ns)
		return;
	log_info("binding journal: the clock was set: all is written anew");
	j->wall = wall;
	j->lost = true;
}

static void on_timer(struct timer *timer, mtime now)
{
	struct journal *j = (struct journal *)
		((char *)timer - offsetof(struct journal, timer));

	check_clock(j);
	if (!mtime_before(now, next_due(j, now)) && job_make(j))
		job_start(j);
	control_timer(j, now);
}

static void overrun(struct journal *j)
{
	count(COUNT_JOURNAL_OVERRUN);
	if (!j->overrun)
		log_warn("%s: binding journal: more changes than the disk keeps "
			 "pace with: all is written anew", j->work->writer.dir);
	j->overrun = true;
	j->lost = true;
}

static void changed(struct journal *j, const struct binding *b, bool deleted)
{
	uint32_t n = j->chunk->n;

	/* A round from the start is to come, which will have it. */
	if (j->lost)
		return;
	if (n >= JOURNAL_DIRTY) {
		overrun(j);
		return;
	}
	append(j, b, deleted);
	if (n && (n >= JOURNAL_DIRTY / 2 || j->chunk->n < JOURNAL_DIRTY / 2))
		return;
	if (!n)
		j->due = mtime_add(loop_now(), MTIME_MS(JOURNAL_DELAY));
	control_timer(j, loop_now());
}

void journal_put(struct journal *j, const struct binding *b)
{
	changed(j, b, false);
}

void journal_end(struct journal *j, const struct binding *b)
{
	changed(j, b, true);
}

/* Starting and stopping. */

/* One after a number that is far off would be one that nobody reads. */
static int segment_far(const struct writer *w, uint64_t segment)
{
	log_err("%s: binding journal: nobody counts to %" PRIx64 ": set aside",
		w->dir, segment);
	return set_aside(w, segment) ? 0 :
	       segment_remove(w->dir_fd, segment);
}

static int last_segment(const struct writer *w, uint64_t *segment)
{
	struct segments s;
	int err = segments_list(&s, w->dir_fd);

	while (!err && s.n && s.v[s.n - 1] > SEGMENT_FAR)
		err = segment_far(w, s.v[--s.n]);
	*segment = s.n ? s.v[s.n - 1] : 0;
	free(s.v);
	return err;
}

/* Nothing is open yet. */
static struct work *work_new(struct journal *j, const char *dir)
{
	struct work *work = calloc(1, sizeof(*work));

	if (!work)
		return NULL;
	work->j = j;
	work->writer.fd = work->writer.dir_fd = -1;
	snprintf(work->writer.dir, sizeof(work->writer.dir), "%s", dir);
	uv_sem_init(&work->done, 0);
	return work;
}

static int folder_open(struct journal *j, const char *dir)
{
	struct writer *w = &j->work->writer;

	w->dir_fd = dir_open(dir);
	return w->dir_fd < 0 ? w->dir_fd : last_segment(w, &j->segment);
}

static int buffers_new(struct journal *j, const char *dir)
{
	size_t len = sizeof(struct chunk) +
		     CHUNK_RECORDS_MAX * sizeof(struct chunk_record);

	j->work = work_new(j, dir);
	j->chunks[0] = calloc(1, len);
	j->chunks[1] = calloc(1, len);
	j->chunk = j->chunks[0];
	return j->work && j->chunk && j->chunks[1] ? 0 : -ENOMEM;
}

static void journal_free(struct journal *j, bool keep_work)
{
	if (j->work) {
		writer_close(&j->work->writer);
		if (j->work->writer.dir_fd >= 0)
			close(j->work->writer.dir_fd);
		uv_sem_destroy(&j->work->done);
		j->work->j = NULL;
	}
	if (!keep_work)
		free(j->work);
	free(j->chunks[0]);
	free(j->chunks[1]);
	free(j);
}

int journal_open(struct journal **out, struct loop *loop, const char *dir,
		 const struct journal_source *source, uint64_t corrupt)
{
	struct journal *j = calloc(1, sizeof(*j));
	int err;

	if (!j)
		return -ENOMEM;
	j->loop = loop;
	j->source = *source;
	j->timer.fn = on_timer;
	j->wall = loop_wall_offset();
	j->whole = j->lost = true;
	err = buffers_new(j, dir);
	if (!err)
		err = folder_open(j, dir);
	if (!err)
		err = timers_set(&loop->timers, &j->timer, loop_now());
	if (err) {
		journal_free(j, false);
		return err;
	}
	j->work->writer.corrupt = corrupt;
	*out = j;
	return 0;
}

/* Without the thread: the loop is at its end. */
static void write_rest(struct journal *j)
{
	check_clock(j);
	while (!j->err && (j->lost || j->chunk->n || (j->alone && !j->whole))) {
		if (!job_make(j))
			continue;
		writer_run(&j->work->writer);
		job_done(j);
		j->chunk->n = 0;
	}
}

void journal_close(struct journal *j)
{
	bool busy;

	if (!j)
		return;
	busy = j->busy;
	timers_del(&j->loop->timers, &j->timer);
	if (busy) {
		uv_sem_wait(&j->work->done);
		job_done(j);
	}
	write_rest(j);
	journal_free(j, busy);
}
