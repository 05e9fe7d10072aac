/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "app/ask.h"
#include "core/log.h"
#include "mn/mn.h"
#include "mn/units.h"

#define LEAF "kedge."

/* Cgroups that are known at a time: in all, of those that root's processes did
 * not ask for, and of one user's. */
enum { RUNS_MAX = 2048, RUNS_USERS_MAX = 1024, RUNS_USER_MAX = 128 };

/* Where that is reached, this often at most all are looked at. */
static const mtime SWEEP_EVERY = {1000000000};

struct run {
	struct run *next;
	uint64_t id;
	uid_t uid;
	char path[];
};

/* The type that a folder's name says, or SERVICE_NONE. */
static enum service leaf_service(const char *name)
{
	enum service service;

	if (strncmp(name, LEAF, strlen(LEAF)) != 0 ||
	    !service_parse(name + strlen(LEAF), &service))
		return SERVICE_NONE;
	return service;
}

/* path from root, by folders of that mount alone. A descriptor or -errno. */
static int open_below(int root, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	while (*path == '/')
		path++;
	fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how,
			  sizeof(how));
	return fd < 0 ? -errno : fd;
}

static int cgroup_id(int fd, uint64_t *id)
{
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = { .head.handle_bytes = sizeof(handle.id) };
	int mount;

	if (name_to_handle_at(fd, "", &handle.head, &mount, AT_EMPTY_PATH))
		return -errno;
	memcpy(id, handle.head.f_handle, sizeof(*id));
	return 0;
}

/* ---- the process that asks */

/*
 * /proc/PID, held open: it stays that process's and no other's. One who has
 * another's PID by now is not touched: he has another user, or is the asker's
 * own to move about.
 */
static int open_process(pid_t pid, uid_t uid)
{
	char path[32];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	if (!fstat(fd, &st) && st.st_uid == uid)
		return fd;
	close(fd);
	return -ESRCH;
}

/* Where it is to go: below where it is, or beside where it was put before. */
static int target_of(char *path, size_t n, enum service service)
{
	char *leaf = strrchr(path, '/');
	size_t len;

	if (leaf_service(leaf + 1))
		*leaf = '\0';
	len = strlen(path);
	if (len && path[len - 1] == '/')
		path[--len] = '\0';
	if ((size_t)snprintf(path + len, n - len, "/" LEAF "%s",
			     service_str(service)) >= n - len)
		return -ENAMETOOLONG;
	return 0;
}

/* ---- putting it there */

static int enter(int dir, pid_t pid)
{
	char text[16];
	int fd = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC), err = 0;
	int len = snprintf(text, sizeof(text), "%d\n", pid);

	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)len) != len)
		err = -errno;
	close(fd);
	return err;
}

static int make(int root, const char *path)
{
	char parent[ASK_PATH_MAX];
	const char *leaf = strrchr(path, '/');
	int dir, err = 0;

	snprintf(parent, sizeof(parent), "%.*s", (int)(leaf - path), path);
	dir = open_below(root, parent, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return dir;
	/* one that nobody is in may be another user's */
	unlinkat(dir, leaf + 1, AT_REMOVEDIR);
	if (mkdirat(dir, leaf + 1, 0755) && errno != EEXIST)
		err = -errno;
	close(dir);
	return err;
}

static bool not_ours(int err)
{
	return err == -EACCES || err == -EPERM || err == -EROFS;
}

static bool is_known(const struct mn *mn, uint64_t id)
{
	const struct run *r = mn->runs;

	while (r && r->id != id)
		r = r->next;
	return r;
}

static int remember(struct mn *mn, const char *path, uid_t uid, uint64_t id)
{
	size_t len = strlen(path) + 1;
	struct run *r;

	if (is_known(mn, id))
		return 0;
	r = calloc(1, sizeof(*r) + len);
	if (!r)
		return -ENOMEM;
	r->id = id;
	r->uid = uid;
	memcpy(r->path, path, len);
	r->next = mn->runs;
	mn->runs = r;
	return 0;
}

static int know(struct mn *mn, int dir, const char *path, uid_t uid,
		enum service service)
{
	struct sock_cgroup as = {0};
	uint64_t id;
	int err = cgroup_id(dir, &id);

	if (!err)
		err = remember(mn, path, uid, id);
	if (err)
		return err;
	if (sockhook_cgroup_get(mn->sh, id, &as))
		as = (struct sock_cgroup){0};
	as.service = (uint8_t)service;
	return sockhook_cgroup_set(mn->sh, id, &as);
}

/* Who owns it puts there whom he likes: who may not have that type is not to
 * find it in a cgroup of his. */
static bool is_others(int dir, uid_t uid)
{
	struct stat st;

	return fstat(dir, &st) || (st.st_uid && st.st_uid != geteuid() &&
				   st.st_uid != uid);
}

/* What is written there is a number, which is another's as soon as the process
 * has ended: it is looked at last of all. */
static int enter_alive(int dir, int proc, pid_t pid)
{
	char path[ASK_PATH_MAX];

	return units_of_proc(proc, path, sizeof(path)) == -ESRCH ? -ESRCH :
								enter(dir, pid);
}

static int put(struct mn *mn, int proc, pid_t pid, uid_t uid,
	       enum service service, const char *path, bool there)
{
	int root = sockhook_cgroup_fd(mn->sh), dir, err;

	err = there ? 0 : make(root, path);
	if (err)
		return err;
	dir = open_below(root, path, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return dir;
	/* known first: no socket of the process is without its type */
	err = is_others(dir, uid) ? -EACCES :
				    know(mn, dir, path, uid, service);
	if (!err && !there)
		err = enter_alive(dir, proc, pid);
	close(dir);
	return err;
}

/* ---- and away again */

static void unset(struct mn *mn, uint64_t id)
{
	struct sock_cgroup as;

	if (sockhook_cgroup_get(mn->sh, id, &as))
		return;
	as.service = SERVICE_NONE;
	if (as.rules)
		sockhook_cgroup_set(mn->sh, id, &as);
	else
		sockhook_cgroup_del(mn->sh, id);
}

/* Takes it away if nobody is in it. Is it gone? */
static bool take_away(int root, const struct run *r)
{
	int dir = open_below(root, r->path, O_RDONLY | O_DIRECTORY), parent;
	const char *leaf = strrchr(r->path, '/');
	char above[ASK_PATH_MAX];
	uint64_t id = 0;
	bool gone;

	if (dir < 0)
		return dir == -ENOENT;
	gone = !cgroup_id(dir, &id) && id != r->id;
	close(dir);
	if (gone)
		return true;
	snprintf(above, sizeof(above), "%.*s", (int)(leaf - r->path), r->path);
	parent = open_below(root, above, O_RDONLY | O_DIRECTORY);
	if (parent < 0)
		return parent == -ENOENT;
	gone = !unlinkat(parent, leaf + 1, AT_REMOVEDIR);
	close(parent);
	return gone;
}

static void sweep_known(struct mn *mn, uid_t uid, bool all)
{
	struct run **at = &mn->runs, *r;

	while ((r = *at)) {
		if ((!all && r->uid != uid) ||
		    !take_away(sockhook_cgroup_fd(mn->sh), r)) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		unset(mn, r->id);
		free(r);
	}
}

static bool is_full(const struct mn *mn, uid_t uid)
{
	unsigned int n = 0, users = 0, own = 0;
	const struct run *r;

	for (r = mn->runs; r; r = r->next) {
		n++;
		users += r->uid != 0;
		own += r->uid == uid;
	}
	return n >= RUNS_MAX ||
	       (uid && (users >= RUNS_USERS_MAX || own >= RUNS_USER_MAX));
}

/* Only what the asker himself had made is looked at, but where it is all full:
 * how much others have is not his affair, nor his what they wait for. */
static int make_room(struct mn *mn, uid_t uid)
{
	sweep_known(mn, uid, false);
	if (!is_full(mn, uid))
		return 0;
	if (mtime_before(loop_now(), mn->runs_swept))
		return -EBUSY;
	mn->runs_swept = mtime_add(loop_now(), SWEEP_EVERY);
	sweep_known(mn, uid, true);
	return is_full(mn, uid) ? -EBUSY : 0;
}

int run_put(struct mn *mn, pid_t pid, uid_t uid, enum service service,
	    char *path, size_t n)
{
	char was[ASK_PATH_MAX];
	int proc, err;

	if (!mn->sh)
		return -ENOSYS;
	proc = open_process(pid, uid);
	if (proc < 0)
		return proc;
	err = units_of_proc(proc, path, n);
	if (!err) {
		snprintf(was, sizeof(was), "%s", path);
		err = target_of(path, n, service);
	}
	if (!err)
		err = make_room(mn, uid);
	if (!err)
		err = put(mn, proc, pid, uid, service, path,
			  !strcmp(was, path));
	close(proc);
	log_debug("run %s: process %d to %s: %s", service_str(service), pid,
		  path, strerror(-err));
	return not_ours(err) ? -EACCES : err;
}

/* ---- what was left by a daemon before, or is left to one */

/* One of ours: takes it away if nobody is in it. */
static void sweep_leaf(struct mn *mn, int parent, const char *path,
		       const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			O_CLOEXEC);
	struct sock_cgroup as;
	struct stat st;
	uint64_t id;

	if (fd < 0)
		return;
	if (unlinkat(parent, name, AT_REMOVEDIR) && !fstat(fd, &st) &&
	    !cgroup_id(fd, &id) && !sockhook_cgroup_get(mn->sh, id, &as) &&
	    as.service && strlen(path) < ASK_PATH_MAX)
		remember(mn, path, st.st_uid, id);
	close(fd);
}

/* Takes over fd. */
static void sweep_folder(struct mn *mn, int fd, const char *path, int depth)
{
	char below[PATH_MAX];
	DIR *dir = fdopendir(fd);
	struct dirent *d;
	int sub;

	if (!dir) {
		close(fd);
		return;
	}
	while ((d = readdir(dir))) {
		if (d->d_type != DT_DIR || d->d_name[0] == '.' ||
		    (size_t)snprintf(below, sizeof(below), "%s/%s", path,
				     d->d_name) >= sizeof(below))
			continue;
		if (leaf_service(d->d_name))
			sweep_leaf(mn, dirfd(dir), below, d->d_name);
		sub = depth ? openat(dirfd(dir), d->d_name, O_RDONLY |
				     O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) :
			      -1;
		if (sub >= 0)
			sweep_folder(mn, sub, below, depth - 1);
	}
	closedir(dir);
}

static void forget_dead(void *arg, uint64_t id, const struct sock_cgroup *as)
{
	if (as->service && !is_known(arg, id))
		unset(arg, id);
}

void run_sweep(struct mn *mn)
{
	int fd;

	if (!mn->sh)
		return;
	fd = open_below(sockhook_cgroup_fd(mn->sh), "/",
			O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return;
	sweep_folder(mn, fd, "", SOCK_CGROUP_DEPTH);
	sockhook_cgroup_each(mn->sh, forget_dead, mn);
}

void run_forget(struct mn *mn)
{
	struct run *r;

	if (mn->sh)
		run_sweep(mn);
	while ((r = mn->runs)) {
		mn->runs = r->next;
		free(r);
	}
}
