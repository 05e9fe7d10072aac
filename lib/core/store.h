/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Durable state: two LMDB environments in the daemon's state folder, one for
 * what must be on disk before the daemon goes on (state.mdb) and one for what
 * need only survive the daemon (soft.mdb). They are apart because LMDB without
 * sync may leave a broken file if the machine itself dies: after that soft.mdb
 * is thrown away, and state.mdb is never at risk.
 */
#ifndef KEDGE_STORE_H
#define KEDGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum { STORE_KEY_MAX = 500,	/* bytes of a key's text */
       STORE_BOOT_ID = 36 };

/* Opens or makes dir/state.mdb; dir is made (0700) if missing, but not its
 * parents. 0 or -errno, the reason logged; -EBUSY: another process has this
 * folder; -ELOOP: a file in it is a link. A file that LMDB calls corrupt is
 * moved aside to state.mdb.corrupt and reported; *fresh (may be NULL) says that
 * nothing was there or could be kept. */
int store_open(struct store **out, const char *dir, bool *fresh);
void store_close(struct store *store);	/* NULL is allowed */

/*
 * sync: on disk when it returns; else it survives the daemon's death but not
 * the machine's (a reboot in good order it does). A key is always put with the
 * same sync. 0 or -errno (-ENOSPC).
 */
int store_put(struct store *store, const char *key, const void *val,
	      size_t len, bool sync);
/* Exactly len bytes, or -ENOENT, -EINVAL (another length), -EIO. */
int store_get(struct store *store, const char *key, void *val, size_t len);
int store_del(struct store *store, const char *key);	/* -ENOENT */
/*
 * Puts (sync) and deletions up to store_commit() reach the disk at once, in
 * one transaction: all or none. One at a time, and never left open while
 * others use the store: what they put is not on disk before the commit either.
 * 0 or -errno; commit tells the first of the errors since begin, and nothing
 * of all that is kept then. -EBUSY: begun already.
 */
int store_begin(struct store *store);
int store_commit(struct store *store);
/*
 * The same for puts without sync, to spare a transaction for each. One that
 * fails is told by commit. What was put since begin does not survive the
 * daemon's death before commit.
 */
int store_begin_soft(struct store *store);
int store_commit_soft(struct store *store);
/* Calls fn for every synced key that begins with prefix, in order; val is
 * valid in fn alone, which must not write. 0 or -errno. */
int store_each(struct store *store, const char *prefix,
	       void (*fn)(void *arg, const char *key, const void *val,
			  size_t len), void *arg);

/* Another one after each boot of the machine; no text with an end. */
void store_boot_id(char out[STORE_BOOT_ID]);

#endif
