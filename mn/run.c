/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

enum { SWEEP_IDS_MAX = 1024 };

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
	if (mkdirat(dir, leaf + 1, 0755) && errno != EEXIST)
		err = -errno;
	close(dir);
	return err;
}

static bool not_ours(int err)
{
	return err == -EACCES || err == -EPERM || err == -EROFS;
}

static int know(struct mn *mn, int dir, enum service service)
{
	struct sock_cgroup as = {0};
	uint64_t id;
	int err = cgroup_id(dir, &id);

	if (err)
		return err;
	if (sockhook_cgroup_get(mn->sh, id, &as))
		as = (struct sock_cgroup){0};
	as.service = (uint8_t)service;
	return sockhook_cgroup_set(mn->sh, id, &as);
}

static int put(struct mn *mn, pid_t pid, enum service service,
	       const char *path, bool there)
{
	int root = sockhook_cgroup_fd(mn->sh), dir, err;

	err = there ? 0 : make(root, path);
	if (err)
		return err;
	dir = open_below(root, path, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return dir;
	/* known first: no socket of the process is without its type */
	err = know(mn, dir, service);
	if (!err && !there)
		err = enter(dir, pid);
	close(dir);
	return err;
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
	if (!err) {
		run_sweep(mn);
		err = put(mn, pid, service, path, !strcmp(was, path));
	}
	close(proc);
	log_debug("run %s: process %d to %s: %s", service_str(service), pid,
		  path, strerror(-err));
	return not_ours(err) ? -EACCES : err;
}

/* ---- and away again */

struct sweep {
	struct mn *mn;
	unsigned int n;
	uint64_t ids[SWEEP_IDS_MAX];	/* of those that live */
};

/* One of ours: takes it away if nobody is in it. */
static void sweep_leaf(struct sweep *s, int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			O_CLOEXEC);

	if (fd < 0)
		return;
	if (unlinkat(parent, name, AT_REMOVEDIR) && s->n < SWEEP_IDS_MAX &&
	    !cgroup_id(fd, &s->ids[s->n]))
		s->n++;
	close(fd);
}

/* Takes over fd. */
static void sweep_folder(struct sweep *s, int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *d;
	int sub;

	if (!dir) {
		close(fd);
		return;
	}
	while ((d = readdir(dir))) {
		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		if (leaf_service(d->d_name))
			sweep_leaf(s, dirfd(dir), d->d_name);
		sub = depth ? openat(dirfd(dir), d->d_name, O_RDONLY |
				     O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) :
			      -1;
		if (sub >= 0)
			sweep_folder(s, sub, depth - 1);
	}
	closedir(dir);
}

static void forget_dead(void *arg, uint64_t id, const struct sock_cgroup *as)
{
	struct sock_cgroup without = *as;
	struct sweep *s = arg;
	unsigned int k;

	for (k = 0; k < s->n; k++)
		if (s->ids[k] == id)
			return;
	without.service = SERVICE_NONE;
	if (!as->service)
		return;
	if (as->rules)
		sockhook_cgroup_set(s->mn->sh, id, &without);
	else
		sockhook_cgroup_del(s->mn->sh, id);
}

void run_sweep(struct mn *mn)
{
	struct sweep s = { .mn = mn };
	int fd;

	if (!mn->sh)
		return;
	fd = open_below(sockhook_cgroup_fd(mn->sh), "/",
			O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return;
	sweep_folder(&s, fd, SOCK_CGROUP_DEPTH);
	if (s.n < SWEEP_IDS_MAX)
		sockhook_cgroup_each(mn->sh, forget_dead, &s);
}
