/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"

enum {
	MAP_SIZE = 256 << 20,	/* of address space; files grow as needed */
};

/* In state.mdb: the boot in which soft.mdb is being written, or all zero
 * once it was closed in good order. */
static const char boot_key[] = "store/soft-boot";

struct db {
	MDB_env *env;
	MDB_dbi dbi;
	MDB_txn *txn;		/* from begin to commit */
	int txn_rc;		/* why it must not be committed */
};

struct store {
	char dir[PATH_MAX];
	int lock_fd;
	struct db hard, soft;
};

/* LMDB's own codes are between -30799 and -30700; others are errno's. */
static int to_errno(int rc)
{
	if (rc == MDB_NOTFOUND)
		return -ENOENT;
	if (rc == MDB_MAP_FULL)
		return -ENOSPC;
	return rc > 0 ? -rc : rc < 0 ? -EIO : 0;
}

static bool is_corrupt(int rc)
{
	return rc == MDB_INVALID || rc == MDB_CORRUPTED ||
	       rc == MDB_PAGE_NOTFOUND || rc == MDB_VERSION_MISMATCH;
}

static int store_path(const struct store *store, char *out, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", store->dir, name);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static void db_close(struct db *db)
{
	if (db->txn)
		mdb_txn_abort(db->txn);
	db->txn = NULL;
	if (db->env)
		mdb_env_close(db->env);
	db->env = NULL;
}

/* LMDB maps the file and would die of SIGBUS if its end were missing. */
static int check_size(MDB_env *env, const char *path)
{
	MDB_envinfo info;
	MDB_stat mst;
	struct stat st;

	mdb_env_info(env, &info);
	mdb_env_stat(env, &mst);
	if (stat(path, &st))
		return errno;
	/* a new file holds nothing yet but its two meta pages */
	if (info.me_last_pgno <= 1)
		return 0;
	if ((uint64_t)st.st_size < (info.me_last_pgno + 1) * mst.ms_psize)
		return MDB_CORRUPTED;
	return 0;
}

static int open_dbi(struct db *db)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(db->env, NULL, 0, &txn);

	if (rc)
		return rc;
	rc = mdb_dbi_open(txn, NULL, 0, &db->dbi);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

/* Returns LMDB's code. No lock file: store_open() holds a lock of its own. */
static int db_try_open(struct db *db, const char *path, unsigned int flags)
{
	int rc = mdb_env_create(&db->env);

	if (rc)
		return rc;
	rc = mdb_env_set_mapsize(db->env, MAP_SIZE);
	if (!rc)
		rc = mdb_env_open(db->env, path,
				  MDB_NOSUBDIR | MDB_NOLOCK | flags, 0600);
	if (!rc)
		rc = check_size(db->env, path);
	if (!rc)
		rc = open_dbi(db);
	if (rc)
		db_close(db);
	return rc;
}

static int set_aside(const char *path)
{
	char aside[PATH_MAX + 16];

	snprintf(aside, sizeof(aside), "%s.corrupt", path);
	log_err("%s is corrupt: moved to %s, starting with nothing", path,
		aside);
	return rename(path, aside) ? -errno : 0;
}

/* The folder is the user's under whom the daemon runs, and we may be root: a
 * link that he left there would have us write elsewhere. LMDB follows it. */
static int check_regular(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (S_ISREG(st.st_mode))
		return 0;
	log_err("%s: not a regular file", path);
	return -ELOOP;
}

static int db_open(struct store *store, struct db *db, const char *name,
		   unsigned int flags, bool *fresh)
{
	char path[PATH_MAX];
	int rc = store_path(store, path, name);

	if (!rc)
		rc = check_regular(path);
	if (rc)
		return rc;
	*fresh = access(path, F_OK) != 0;
	rc = db_try_open(db, path, flags);
	if (is_corrupt(rc)) {
		*fresh = true;
		rc = set_aside(path);
		if (rc)
			return rc;
		rc = db_try_open(db, path, flags);
	}
	if (rc)
		log_err("%s: %s", path, mdb_strerror(rc));
	return to_errno(rc);
}

static int txn_get(MDB_txn *txn, MDB_dbi dbi, const char *key, void *val,
		   size_t len)
{
	MDB_val k = { strlen(key), (void *)key }, v;
	int rc = to_errno(mdb_get(txn, dbi, &k, &v));

	if (!rc && v.mv_size != len)
		rc = -EINVAL;
	if (!rc)
		memcpy(val, v.mv_data, len);
	return rc;
}

static int db_get(struct db *db, const char *key, void *val, size_t len)
{
	MDB_txn *txn;
	int rc;

	if (db->txn)
		return txn_get(db->txn, db->dbi, key, val, len);
	rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return to_errno(rc);
	rc = txn_get(txn, db->dbi, key, val, len);
	mdb_txn_abort(txn);
	return rc;
}

/* val NULL deletes. Returns LMDB's code. */
static int txn_write(MDB_txn *txn, MDB_dbi dbi, const char *key,
		     const void *val, size_t len)
{
	MDB_val k = { strlen(key), (void *)key }, v = { len, (void *)val };

	return val ? mdb_put(txn, dbi, &k, &v, 0) :
		mdb_del(txn, dbi, &k, NULL);
}

/* In the transaction that is open. */
static int db_write_open(struct db *db, const char *key, const void *val,
			 size_t len)
{
	int rc = to_errno(txn_write(db->txn, db->dbi, key, val, len));

	if (rc && rc != -ENOENT && !db->txn_rc)
		db->txn_rc = rc;
	return rc;
}

static int db_write(struct db *db, const char *key, const void *val,
		    size_t len)
{
	MDB_txn *txn;
	int rc;

	if (db->txn)
		return db_write_open(db, key, val, len);
	rc = mdb_txn_begin(db->env, NULL, 0, &txn);
	if (rc)
		return to_errno(rc);
	rc = txn_write(txn, db->dbi, key, val, len);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	return to_errno(rc);
}

static int db_begin(struct db *db)
{
	int rc;

	if (db->txn)
		return -EBUSY;
	db->txn_rc = 0;
	rc = mdb_txn_begin(db->env, NULL, 0, &db->txn);
	if (rc)
		db->txn = NULL;
	return to_errno(rc);
}

static int db_commit(struct db *db)
{
	MDB_txn *txn = db->txn;

	if (!txn)
		return -EINVAL;
	db->txn = NULL;
	if (!db->txn_rc)
		return to_errno(mdb_txn_commit(txn));
	mdb_txn_abort(txn);
	return db->txn_rc;
}

void store_boot_id(char out[STORE_BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id",
		      O_RDONLY | O_CLOEXEC);

	memset(out, '?', STORE_BOOT_ID);
	if (fd < 0)
		return;
	if (read(fd, out, STORE_BOOT_ID) != STORE_BOOT_ID)
		memset(out, '?', STORE_BOOT_ID);
	close(fd);
}

/* Was soft.mdb being written when an earlier boot ended? Then it may lack
 * pages that its root refers to, and nothing in it can be trusted. */
static int soft_check(struct store *store)
{
	static const char in_order[STORE_BOOT_ID];
	char now[STORE_BOOT_ID], then[STORE_BOOT_ID], path[PATH_MAX];
	int rc = db_get(&store->hard, boot_key, then, sizeof(then));

	store_boot_id(now);
	if (rc && rc != -ENOENT)
		return rc;
	if (!rc && memcmp(then, in_order, sizeof(then)) &&
	    memcmp(then, now, sizeof(then))) {
		rc = store_path(store, path, "soft.mdb");
		if (rc)
			return rc;
		log_warn("%s: the machine stopped without warning; what was "
			 "not yet on disk is dropped", path);
		if (unlink(path) && errno != ENOENT)
			return -errno;
	}
	return db_write(&store->hard, boot_key, now, sizeof(now));
}

static int lock_dir(struct store *store)
{
	char path[PATH_MAX];
	int rc = store_path(store, path, "lock");

	if (rc)
		return rc;
	if (mkdir(store->dir, 0700) && errno != EEXIST) {
		rc = -errno;
		log_err("state folder %s: %s", store->dir, strerror(errno));
		return rc;
	}
	rc = check_regular(path);
	if (rc)
		return rc;
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			      0600);
	if (store->lock_fd < 0) {
		rc = -errno;
		log_err("%s: %s", path, strerror(errno));
		return rc;
	}
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB)) {
		log_err("state folder %s: another daemon uses it", store->dir);
		return -EBUSY;
	}
	return 0;
}

static int open_both(struct store *store, bool *fresh)
{
	bool soft_fresh;
	int rc = lock_dir(store);

	if (!rc)
		rc = db_open(store, &store->hard, "state.mdb", 0, fresh);
	if (!rc)
		rc = soft_check(store);
	if (!rc)
		rc = db_open(store, &store->soft, "soft.mdb", MDB_NOSYNC,
			     &soft_fresh);
	return rc;
}

int store_open(struct store **out, const char *dir, bool *fresh)
{
	struct store *store = calloc(1, sizeof(*store));
	bool was_fresh = false;
	int rc;

	if (!store)
		return -ENOMEM;
	store->lock_fd = -1;
	if (snprintf(store->dir, sizeof(store->dir), "%s", dir) >=
	    (int)sizeof(store->dir))
		rc = -ENAMETOOLONG;
	else
		rc = open_both(store, &was_fresh);
	if (rc) {
		log_err("state folder %s: %s", dir, strerror(-rc));
		store_close(store);
		return rc;
	}
	if (fresh)
		*fresh = was_fresh;
	*out = store;
	return 0;
}

void store_close(struct store *store)
{
	static const char in_order[STORE_BOOT_ID];

	if (!store)
		return;
	if (store->hard.txn)
		mdb_txn_abort(store->hard.txn);
	store->hard.txn = NULL;
	if (store->soft.env && !mdb_env_sync(store->soft.env, 1))
		db_write(&store->hard, boot_key, in_order, sizeof(in_order));
	db_close(&store->soft);
	db_close(&store->hard);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	free(store);
}

int store_put(struct store *store, const char *key, const void *val,
	      size_t len, bool sync)
{
	if (strlen(key) > STORE_KEY_MAX)
		return -EINVAL;
	return db_write(sync ? &store->hard : &store->soft, key, val, len);
}

int store_get(struct store *store, const char *key, void *val, size_t len)
{
	int rc = db_get(&store->hard, key, val, len);

	return rc == -ENOENT ? db_get(&store->soft, key, val, len) : rc;
}

int store_del(struct store *store, const char *key)
{
	int hard = db_write(&store->hard, key, NULL, 0);
	int soft = db_write(&store->soft, key, NULL, 0);

	if (hard && hard != -ENOENT)
		return hard;
	return soft == -ENOENT ? hard : soft;
}

int store_begin(struct store *store)
{
	return db_begin(&store->hard);
}

int store_commit(struct store *store)
{
	return db_commit(&store->hard);
}

int store_begin_soft(struct store *store)
{
	return db_begin(&store->soft);
}

int store_commit_soft(struct store *store)
{
	return db_commit(&store->soft);
}

static int txn_each(MDB_txn *txn, MDB_dbi dbi, const char *prefix,
		    void (*fn)(void *arg, const char *key, const void *val,
			       size_t len), void *arg)
{
	size_t n = strlen(prefix);
	MDB_val k = { n, (void *)prefix }, v;
	char key[STORE_KEY_MAX + 1];
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, dbi, &cursor);

	if (rc)
		return to_errno(rc);
	/* LMDB has no empty keys, and looks for none */
	rc = mdb_cursor_get(cursor, &k, &v, n ? MDB_SET_RANGE : MDB_FIRST);
	while (!rc && k.mv_size >= n && !memcmp(k.mv_data, prefix, n)) {
		if (k.mv_size < sizeof(key)) {
			memcpy(key, k.mv_data, k.mv_size);
			key[k.mv_size] = '\0';
			fn(arg, key, v.mv_data, v.mv_size);
		}
		rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : to_errno(rc);
}

int store_each(struct store *store, const char *prefix,
	       void (*fn)(void *arg, const char *key, const void *val,
			  size_t len), void *arg)
{
	MDB_txn *txn;
	int rc;

	if (store->hard.txn)
		return txn_each(store->hard.txn, store->hard.dbi, prefix, fn,
				arg);
	rc = mdb_txn_begin(store->hard.env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return to_errno(rc);
	rc = txn_each(txn, store->hard.dbi, prefix, fn, arg);
	mdb_txn_abort(txn);
	return rc;
}
