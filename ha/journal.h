/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The binding journal: what brings the bindings back where the pinned maps
 * are gone (a reboot, maps of another size).
 *
 * Segments, files that are only appended to (ha/chunk.h), in the state folder.
 * What changes is collected and written by a thread, JOURNAL_DELAY after the
 * first change, and synced; the loop never waits for the disk. With every
 * write goes a share of all bindings, from a cursor that goes round and round:
 * once it has been round, the segment tells all there is, and those before it
 * are deleted. Where changes could not be written, the cursor goes round at
 * once ("a round by itself"), in a segment of its own. Without changes nothing
 * is written. A binding's care-of addresses and flow bindings go with it
 * (ha/chunk.h); they count as so many more changes.
 *
 * Plain files and not LMDB, as in core/store.h: LMDB believes what its pages
 * say and can be brought to crash by a broken one, a tree gives nothing to
 * what is only ever read as a whole, and read(2) leaves no mapped pages.
 */
#ifndef KEDGE_HA_JOURNAL_H
#define KEDGE_HA_JOURNAL_H

#include "core/loop.h"
#include "ha/chunk.h"

enum {
	JOURNAL_DELAY = 100,		/* ms, from a change to the write */
	JOURNAL_DIRTY = 16384,		/* changes between two writes */
	JOURNAL_SHARE = 2,		/* old records with each changed one */
	JOURNAL_STEP = 8192,		/* at once, in a round by itself */
	JOURNAL_SEGMENT_MIN = 256 << 10,	/* bytes, before the next */
	JOURNAL_RETRY_MIN = 1,		/* s, doubled up to */
	JOURNAL_RETRY_MAX = 60,
	JOURNAL_CLOCK_CHECK = 60,	/* s */
};

struct journal;

/* Where the share of all bindings comes from: bcache_range(). */
struct journal_source {
	uint32_t (*range)(void *arg, uint32_t cursor,
			  void (*fn)(void *fn_arg, const struct binding *b),
			  void *fn_arg, uint32_t n);
	/*
	 * What is behind r, the record of b, which has several care-of
	 * addresses: as chunk_more_from(). wall: as chunk_record_from() has it
	 */
	uint32_t (*more)(void *arg, const struct binding *b,
			 struct chunk_record *r, int64_t wall);
	void *arg;
};

/*
 * Reads what is in the folder; every fault is logged, and what is right is
 * taken. *image is to be freed in any case. 0; -ENOMEM or what the folder
 * gave; then nothing was read.
 */
int journal_load(struct image *image, const char *dir);
/* Deletes all of it. Nobody else may be at work in the folder. */
int journal_remove(const char *dir);

/*
 * Starts a journal in dir, which is there, with a round by itself: what the
 * source has now replaces what the folder has. The folder is opened here, with
 * the rights of a start: by its path it may be out of reach later. -ENOMEM, or
 * what reading the folder gave. loop and source are kept, not owned.
 */
int journal_open(struct journal **out, struct loop *loop, const char *dir,
		 const struct journal_source *source, uint64_t corrupt);
/* Writes what is left, waits for it. NULL is allowed. */
void journal_close(struct journal *j);

/*
 * A binding was made, changed, or (end) deregistered. What has expired needs
 * no word: the record says when. Never fails, never waits.
 */
void journal_put(struct journal *j, const struct binding *b);
void journal_end(struct journal *j, const struct binding *b);

#endif
