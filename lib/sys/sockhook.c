/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading, taking over, attaching, and the list of all sockets. */
#include "sys/sockhook.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "sys/bpfmap.h"
#include "sys/sockcgroup.h"
#include "sys/sockint.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define PIN_PREFIX "sock-"

enum { EACH_BUFFER = 256 << 10 };

/* The layout comes last: where it is missing, a start was cut short. */
static const char *const map_names[] = {
	"socks", "services", "policy", "cgroups", "conf", "held", "ring",
	"layout",
};

static const char *const hook_names[] = {
	"kedge_setsockopt", "kedge_getsockopt", "kedge_connect6",
	"kedge_sendmsg6", "kedge_bind6", "kedge_release",
};

enum { N_MAPS = sizeof(map_names) / sizeof(map_names[0]),
       N_HOOKS = sizeof(hook_names) / sizeof(hook_names[0]) };

static void pin_path(const char *bpffs, const char *name,
		     char out[SOCK_PATH_MAX])
{
	/* sockhook_open() left room for the name. */
	snprintf(out, SOCK_PATH_MAX, "%.*s/" PIN_PREFIX "%s",
		 SOCK_PATH_MAX - 32, bpffs, name);
}

/* Without its pin a link would go as well, but a while later. */
static void pin_remove(const char *path)
{
	int fd = bpf_obj_get(path);

	if (fd >= 0) {
		bpf_link_detach(fd);	/* refused where it is a map */
		close(fd);
	}
	unlink(path);
}

void sockhook_clean(const char *bpffs)
{
	char path[SOCK_PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(bpffs);

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, PIN_PREFIX, strlen(PIN_PREFIX)))
			continue;
		pin_path(bpffs, entry->d_name + strlen(PIN_PREFIX), path);
		pin_remove(path);
	}
	if (dir)
		closedir(dir);
}

/* Maps. */

static bool pinned_layout_ok(const char *bpffs)
{
	uint32_t key = 0, layout = 0;
	char path[SOCK_PATH_MAX];
	int fd;

	pin_path(bpffs, "layout", path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	bpf_map_lookup_elem(fd, &key, &layout);
	close(fd);
	return layout == SOCK_LAYOUT;
}

/* Takes a pinned map over, or unpins it where it is not as it must be. */
static int map_reuse(const char *bpffs, struct bpf_map *map, bool layout_ok,
		     bool *reused)
{
	char path[SOCK_PATH_MAX];
	int fd, err = 0;

	pin_path(bpffs, bpf_map__name(map), path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	*reused = layout_ok && bpfmap_same_shape(fd, map);
	if (*reused) {
		err = bpf_map__reuse_fd(map, fd);
	} else {
		log_warn("%s: of another layout, made anew", path);
		err = unlink(path) ? -errno : 0;
	}
	close(fd);
	return err;
}

static int map_pin(const char *bpffs, const struct bpf_map *map)
{
	char path[SOCK_PATH_MAX];

	pin_path(bpffs, bpf_map__name(map), path);
	return bpf_obj_pin(bpf_map__fd(map), path);
}

static int layout_write(struct sockhook *sh)
{
	uint32_t zero = 0, number = SOCK_LAYOUT;

	return bpf_map_update_elem(bpf_map__fd(sh->skel->maps.layout), &zero,
				   &number, BPF_ANY);
}

static int programs_load(struct sockhook *sh)
{
	bool layout_ok = pinned_layout_ok(sh->bpffs), reused[N_MAPS] = { 0 };
	struct bpf_map *maps[N_MAPS];
	int i, err = 0;

	sh->skel = sock_bpf__open();
	if (!sh->skel)
		return -errno;
	for (i = 0; i < N_MAPS && !err; i++) {
		maps[i] = bpf_object__find_map_by_name(sh->skel->obj,
						       map_names[i]);
		err = maps[i] ? map_reuse(sh->bpffs, maps[i], layout_ok,
					  &reused[i]) : -ENOENT;
	}
	if (!err)
		err = sock_bpf__load(sh->skel);
	if (!err)
		err = layout_write(sh);
	for (i = 0; i < N_MAPS && !err; i++)
		err = reused[i] ? 0 : map_pin(sh->bpffs, maps[i]);
	return err;
}

/* What the programs are to know before they are attached. */
static int conf_write(struct sockhook *sh)
{
	struct sock_conf conf = { 0 };
	socklen_t len = sizeof(conf.netns);
	uint32_t zero = 0;
	int err, fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	err = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &conf.netns, &len) ?
		-errno : 0;
	close(fd);
	if (!err)
		err = bpf_map_update_elem(bpf_map__fd(sh->skel->maps.conf),
					  &zero, &conf, BPF_ANY);
	return err ? err : sock_cgroups_count(sh);
}

/* Attaching. */

static uint64_t link_cgroup(const struct bpf_link *link)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &len) ||
	    info.type != BPF_LINK_TYPE_CGROUP)
		return 0;
	return info.cgroup.cgroup_id;
}

/* A link of before goes on with this program: no call is missed by both, and
 * none is seen by both. */
static bool hook_update(struct sockhook *sh, const char *path,
			const struct bpf_program *prog)
{
	struct bpf_link *link;
	bool done;

	link = access(path, F_OK) ? NULL : bpf_link__open(path);
	if (!link)
		return false;
	done = link_cgroup(link) == sockcgroup_id(sh->cgroup_fd) &&
	       !bpf_link__update_program(link, (struct bpf_program *)prog);
	bpf_link__destroy(link);
	return done;
}

static int hook_attach(struct sockhook *sh, const char *name)
{
	struct bpf_program *prog =
		bpf_object__find_program_by_name(sh->skel->obj, name);
	char path[SOCK_PATH_MAX];
	struct bpf_link *link;
	int err;

	if (!prog)
		return -ENOENT;
	pin_path(sh->bpffs, name, path);
	if (hook_update(sh, path, prog))
		return 0;
	pin_remove(path);
	link = bpf_program__attach_cgroup(prog, sh->cgroup_fd);
	if (!link)
		return -errno;
	err = bpf_link__pin(link, path);
	bpf_link__destroy(link);
	return err;
}

static int hooks_attach(struct sockhook *sh)
{
	int i, err = 0;

	for (i = 0; i < N_HOOKS && !err; i++)
		err = hook_attach(sh, hook_names[i]);
	return err;
}

int sockhook_pins_again(struct sockhook *sh)
{
	char path[SOCK_PATH_MAX];
	int i, n = 0, err = 0;

	for (i = 0; i < N_MAPS && !err; i++) {
		pin_path(sh->bpffs, map_names[i], path);
		if (!access(path, F_OK))
			continue;
		err = map_pin(sh->bpffs, bpf_object__find_map_by_name(
						sh->skel->obj, map_names[i]));
		n += !err;
	}
	for (i = 0; i < N_HOOKS && !err; i++) {
		pin_path(sh->bpffs, hook_names[i], path);
		if (!access(path, F_OK))
			continue;
		err = hook_attach(sh, hook_names[i]);
		n += !err;
	}
	return err ? err : n;
}

/* Made while we may: each pass over the sockets starts from these. */
static int iters_open(struct sockhook *sh)
{
	const struct bpf_program *progs[SOCK_ITERS] = {
		sh->skel->progs.kedge_tcp, sh->skel->progs.kedge_udp,
	};
	int i;

	for (i = 0; i < SOCK_ITERS; i++) {
		sh->iters[i] = bpf_program__attach_iter(progs[i], NULL);
		if (!sh->iters[i])
			return -errno;
	}
	return 0;
}

static int cgroup_open(struct sockhook *sh, const char *cgroup)
{
	sh->root_fd = sockcgroup_root();
	if (sh->root_fd < 0)
		return sh->root_fd;
	sh->cgroup_fd = cgroup && *cgroup ? sockcgroup_folder(cgroup) :
					    dup(sh->root_fd);
	if (sh->cgroup_fd < 0)
		log_err("%s: not a folder of cgroup2: %s", cgroup,
			strerror(-sh->cgroup_fd));
	return sh->cgroup_fd < 0 ? sh->cgroup_fd : 0;
}

static int ring_open(struct sockhook *sh)
{
	sh->rb = ring_buffer__new(bpf_map__fd(sh->skel->maps.ring),
				  sock_on_event, sh, NULL);
	return sh->rb ? 0 : -errno;
}

static int steps(struct sockhook *sh, const char *cgroup, const char **what)
{
	int err;

	*what = "cgroup2";
	err = cgroup_open(sh, cgroup);
	if (err)
		return err;
	*what = "BTF of the kernel";
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return -errno;
	*what = "loading";
	err = programs_load(sh);
	if (err)
		return err;
	*what = "maps";
	err = conf_write(sh);
	if (!err)
		err = ring_open(sh);
	if (err)
		return err;
	*what = "iterators";
	err = iters_open(sh);
	if (err)
		return err;
	*what = "attaching";
	return hooks_attach(sh);
}

/* Where we may not, or there is no memory, another start may succeed. */
static int reason_of(int err)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return err;
	}
	return -EOPNOTSUPP;
}

int sockhook_open(struct sockhook **out, const char *bpffs, const char *cgroup)
{
	struct sockhook *sh = calloc(1, sizeof(*sh));
	const char *what;
	int err;

	if (!sh)
		return -ENOMEM;
	sh->root_fd = sh->cgroup_fd = -1;
	if (strlen(bpffs) + 32 > sizeof(sh->bpffs)) {
		log_err("%s: too long a name for the socket programs", bpffs);
		free(sh);
		return -EINVAL;
	}
	snprintf(sh->bpffs, sizeof(sh->bpffs), "%s", bpffs);
	err = steps(sh, cgroup, &what);
	if (err) {
		log_err("%s: the socket programs cannot be used: %s: %s",
			bpffs, what, strerror(-err));
		/* those of before would choose what is no more */
		sockhook_flush(sh);
		sockhook_close(sh);
		return reason_of(err);
	}
	*out = sh;
	return 0;
}

void sockhook_close(struct sockhook *sh)
{
	int i;

	if (!sh)
		return;
	ring_buffer__free(sh->rb);
	for (i = 0; i < SOCK_ITERS; i++)
		bpf_link__destroy(sh->iters[i]);
	sock_bpf__destroy(sh->skel);
	if (sh->cgroup_fd >= 0)
		close(sh->cgroup_fd);
	if (sh->root_fd >= 0)
		close(sh->root_fd);
	free(sh);
}

void sockhook_flush(struct sockhook *sh)
{
	sockhook_clean(sh->bpffs);
}

int sockhook_cgroup_fd(const struct sockhook *sh)
{
	return sh->root_fd;
}

/* All sockets. */

static ssize_t read_some(int fd, char *buf, size_t room)
{
	ssize_t n;

	do {
		n = read(fd, buf, room);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	return n < 0 ? -errno : n;
}

static int pass(int fd, char *buf,
		void (*fn)(void *arg, const struct sock_rec *rec), void *arg)
{
	struct sock_rec rec;
	size_t have = 0, at;
	ssize_t n;

	while ((n = read_some(fd, buf + have, EACH_BUFFER - have)) > 0) {
		have += n;
		for (at = 0; have - at >= sizeof(rec); at += sizeof(rec)) {
			memcpy(&rec, buf + at, sizeof(rec));
			fn(arg, &rec);
		}
		have -= at;
		memmove(buf, buf + at, have);
	}
	return n;
}

int sockhook_each(struct sockhook *sh,
		  void (*fn)(void *arg, const struct sock_rec *rec), void *arg)
{
	char *buf = malloc(EACH_BUFFER);
	int i, fd, err = buf ? 0 : -ENOMEM;

	for (i = 0; i < SOCK_ITERS && !err; i++) {
		fd = bpf_iter_create(bpf_link__fd(sh->iters[i]));
		if (fd < 0) {
			err = fd;
			break;
		}
		err = pass(fd, buf, fn, arg);
		close(fd);
	}
	free(buf);
	return err;
}
