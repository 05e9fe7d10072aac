/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/log.h"
#include "sys/bpfmap.h"
#include "sys/dpint.h"

enum {
	DP_BPFFS_MAGIC = (int)0xcafe4a11,
	DP_RING_HA = 4 << 20,
	DP_RING_MN = 512 << 10,
	/* Rekeying needs two; hosts at home have SAs as well. With IKE each
	 * takes 17 kB or more of the daemon's memory. */
	DP_SPIS_PER_BINDING = 4,
	DP_SPIS_MIN = 4096,
	DP_SPIS_MAX = 1 << 17,
	DP_FLOWS_MAX = 1 << 16,
	DP_FLOWS_SPARE = 128,		/* a home address's, being replaced */
	DP_FLOWS_EACH = 4,
	DP_COAS_HOAS_MAX = 1 << 13,
	DP_COAS_EACH = 8,
	DP_SELECTORS_HOAS_MAX = 1 << 12,	/* of 3 kB each */
	DP_RECS_AT_ONCE = 256,
	DP_BINDINGS_PER_ROUTE = 2,
	DP_ROUTE_BITS_MIN = 8,
	DP_ROUTE_BITS_MAX = 16,
	DP_ROUTES_MAX = 1 << 20,	/* of all processors: 32 MiB */
};

#define XDP_PIN "xdp-%" SCNu32

static const char *const map_names[] = {
	[MAP_BINDINGS] = "bindings",
	[MAP_PREFIXES] = "prefixes",
	[MAP_COAS] = "coas",
	[MAP_FLOWS] = "flows",
	[MAP_SELECTORS] = "selectors",
	[MAP_ADDRS] = "addrs",
	[MAP_SPIS] = "spis",
	[MAP_RING] = "ring",
	[MAP_STATS] = "stats",
	[MAP_LAYOUT] = "layout",
};

static int on_libbpf(enum libbpf_print_level level, const char *fmt,
		     va_list args)
{
	char line[1024];
	int len = vsnprintf(line, sizeof(line), fmt, args);

	if (level == LIBBPF_DEBUG || len <= 0)
		return 0;
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	while (len && line[len - 1] == '\n')
		line[--len] = 0;
	log_debug("%s", line);
	return 0;
}

/* The folder. */

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (int)fs.f_type == DP_BPFFS_MAGIC;
}

static int mkdir_if_missing(const char *path, mode_t mode)
{
	return mkdir(path, mode) && errno != EEXIST ? -errno : 0;
}

static int mkdir_parents(char *path)
{
	char *slash;
	int err = 0;

	for (slash = strchr(path + 1, '/'); slash && !err;
	     slash = strchr(slash + 1, '/')) {
		*slash = 0;
		err = mkdir_if_missing(path, 0755);
		*slash = '/';
	}
	return err;
}

static int mount_bpffs(const char *path)
{
	if (mount("bpf", path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0700"))
		return -errno;
	log_info("%s: mounted a bpffs", path);
	return 0;
}

static void parent_of(const char *path, char out[DP_PATH_MAX])
{
	char *slash;

	snprintf(out, DP_PATH_MAX, "%s", path);
	slash = strrchr(out, '/');
	if (slash)
		slash[slash == out] = 0;
}

static int folder_make(const char *path)
{
	char parent[DP_PATH_MAX];
	int err;

	parent_of(path, parent);
	/* sysfs lets nobody make folders in the place it has for this. */
	if (!strcmp(parent, "/sys/fs/bpf") && !is_bpffs(parent)) {
		err = mount_bpffs(parent);
		if (err)
			return err;
	}
	err = mkdir_if_missing(path, 0700);
	return err || is_bpffs(path) ? err : mount_bpffs(path);
}

static int folder_prepare(struct dp *dp, const char *path)
{
	size_t len = strlen(path);
	int err;

	if (path[0] != '/' || len + 16 > sizeof(dp->bpffs)) {
		log_err("%s: not a folder for BPF maps: must be absolute "
			"and short", path);
		return -EINVAL;
	}
	memcpy(dp->bpffs, path, len + 1);
	while (len > 1 && dp->bpffs[len - 1] == '/')
		dp->bpffs[--len] = 0;
	err = mkdir_parents(dp->bpffs);
	if (!err)
		err = folder_make(dp->bpffs);
	if (err)
		log_err("%s: cannot make the folder of a bpffs: %s", path,
			strerror(-err));
	return err;
}

static void map_path(const struct dp *dp, enum dp_map map,
		     char out[DP_PATH_MAX])
{
	/* folder_prepare() left room for the name. */
	snprintf(out, DP_PATH_MAX, "%.*s/%s", DP_PATH_MAX - 16, dp->bpffs,
		 map_names[map]);
}

/* Taking over. */

static bool pinned_layout_ok(struct dp *dp)
{
	uint32_t key = 0, layout = 0;
	char path[DP_PATH_MAX];
	int fd;

	map_path(dp, MAP_LAYOUT, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	bpf_map_lookup_elem(fd, &key, &layout);
	close(fd);
	return layout == DP_LAYOUT;
}

/* Takes a pinned map over, or unpins it where it is not as it must be. */
static int map_reuse(struct dp *dp, enum dp_map map, bool layout_ok)
{
	char path[DP_PATH_MAX];
	int fd, err = 0;

	map_path(dp, map, path);
	fd = bpf_obj_get(path);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	if (layout_ok && bpfmap_same_shape(fd, dp->maps[map])) {
		err = bpf_map__reuse_fd(dp->maps[map], fd);
		dp->reused[map] = !err;
	} else {
		log_warn("%s: of another layout or size, made anew", path);
		if (unlink(path))
			err = -errno;
	}
	close(fd);
	return err;
}

/* What is of bindings is worth nothing without them; and a map of these may
 * still have its shape where the bindings' has another. */
static bool of_bindings(enum dp_map map)
{
	return map == MAP_COAS || map == MAP_FLOWS || map == MAP_SELECTORS;
}

static int maps_reuse(struct dp *dp)
{
	bool layout_ok = pinned_layout_ok(dp);
	char path[DP_PATH_MAX];
	int map, err = 0;

	for (map = 0; map < MAP__MAX && !err; map++)
		err = map_reuse(dp, map, layout_ok && (!of_bindings(map) ||
						       dp->reused[MAP_BINDINGS]));
	/* Until the bindings are in a new map nobody is to believe it. */
	if (!err && dp->reused[MAP_LAYOUT] && !dp->reused[MAP_BINDINGS]) {
		map_path(dp, MAP_LAYOUT, path);
		err = unlink(path) ? -errno : 0;
		dp->reused[MAP_LAYOUT] = false;
	}
	return err;
}

static int map_pin(struct dp *dp, enum dp_map map)
{
	char path[DP_PATH_MAX];

	map_path(dp, map, path);
	return dp->reused[map] ? 0 : bpf_obj_pin(dp_map_fd(dp, map), path);
}

static int maps_pin(struct dp *dp)
{
	uint32_t key = 0, layout = DP_LAYOUT;
	int map, err;

	err = bpf_map_update_elem(dp_map_fd(dp, MAP_LAYOUT), &key, &layout,
				  BPF_ANY);
	for (map = 0; map < MAP_LAYOUT && !err; map++)
		err = map_pin(dp, map);
	return err;
}

/* XDP programs are pinned as well, under their numbers: whoever comes after us
 * knows by that which are ours. */

/* n of XDP_PIN, or 0 */
static uint32_t xdp_pin_id(const char *name)
{
	uint32_t id = 0;

	return sscanf(name, XDP_PIN, &id) == 1 ? id : 0;
}

static void xdp_pin_path(const struct dp *dp, uint32_t id,
			 char out[DP_PATH_MAX])
{
	snprintf(out, DP_PATH_MAX, "%.*s/" XDP_PIN, DP_PATH_MAX - 16,
		 dp->bpffs, id);
}

static void xdp_pins_read(struct dp *dp)
{
	DIR *dir = opendir(dp->bpffs);
	struct dirent *entry;
	uint32_t id;

	while (dir && (entry = readdir(dir))) {
		id = xdp_pin_id(entry->d_name);
		if (id && dp->ours.n < XDP_OURS_MAX)
			dp->ours.ids[dp->ours.n++] = id;
	}
	if (dir)
		closedir(dir);
}

/* All but that one (0: all). */
static void xdp_pins_remove(struct dp *dp, uint32_t but)
{
	char path[DP_PATH_MAX];
	unsigned int i;

	for (i = 0; i < dp->ours.n; i++) {
		xdp_pin_path(dp, dp->ours.ids[i], path);
		if (dp->ours.ids[i] != but)
			unlink(path);
	}
}

static int xdp_pin(struct dp *dp)
{
	int fd = bpf_program__fd(dp->ha->progs.kedge_ha_xdp);
	uint32_t id = xdp_id(fd);
	char path[DP_PATH_MAX];

	xdp_pins_read(dp);
	if (dp->ours.n == XDP_OURS_MAX)
		return -ENOSPC;
	dp->ours.ids[dp->ours.n++] = id;
	xdp_pin_path(dp, id, path);
	return bpf_obj_pin(fd, path);
}

int dp_complete(struct dp *dp)
{
	if (dp->ha)
		xdp_pins_remove(dp, dp->ours.ids[dp->ours.n - 1]);
	return map_pin(dp, MAP_LAYOUT);
}

/* Watching the pins. */

int dp_pins_fd(struct dp *dp)
{
	const uint32_t what = IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF |
			      IN_MOVE_SELF | IN_UNMOUNT;

	if (dp->pins_fd < 0)
		dp->pins_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* the folder may be another one since: watched by its name */
	if (dp->pins_fd < 0 ||
	    inotify_add_watch(dp->pins_fd, dp->bpffs, what) < 0)
		return -errno;
	return dp->pins_fd;
}

static int pin_again(int fd, const char *path)
{
	int err;

	if (!access(path, F_OK))
		return 0;
	err = bpf_obj_pin(fd, path);
	return err ? err : 1;
}

static int pins_again(struct dp *dp)
{
	char path[DP_PATH_MAX];
	int map, n = 0, ret = 0;

	if (dp->ha) {
		xdp_pin_path(dp, dp->ours.ids[dp->ours.n - 1], path);
		ret = pin_again(bpf_program__fd(dp->ha->progs.kedge_ha_xdp),
				path);
		n += ret > 0;
	}
	for (map = 0; map < MAP__MAX && ret >= 0; map++) {
		map_path(dp, map, path);
		ret = pin_again(dp_map_fd(dp, map), path);
		n += ret > 0;
	}
	return ret < 0 ? ret : n;
}

void dp_pins_drain(struct dp *dp)
{
	char events[4096];

	while (read(dp->pins_fd, events, sizeof(events)) > 0)
		;
}

int dp_pins_again(struct dp *dp)
{
	char folder[DP_PATH_MAX];
	int err, n;

	memcpy(folder, dp->bpffs, sizeof(folder));
	err = folder_prepare(dp, folder);
	if (err)
		return err;
	/* before the pins: what is deleted meanwhile is told again */
	err = dp_pins_fd(dp);
	n = pins_again(dp);
	return n < 0 || err >= 0 ? n : err;
}

/* Loading. */

/* Not all bindings are in use at a time, and a route is 32 bytes. */
static int routes_size(struct ha_bpf *ha, uint32_t max_bindings)
{
	int cpus = libbpf_num_possible_cpus();
	uint32_t bits = DP_ROUTE_BITS_MIN;

	if (cpus < 0)
		return cpus;
	while (1U << bits < max_bindings / DP_BINDINGS_PER_ROUTE &&
	       bits < DP_ROUTE_BITS_MAX &&
	       ((uint64_t)cpus << (bits + 1)) <= DP_ROUTES_MAX)
		bits++;
	if (getrandom(ha->rodata->route_keys, sizeof(ha->rodata->route_keys),
		      0) != sizeof(ha->rodata->route_keys))
		return -EIO;
	ha->rodata->route_bits = bits;
	return bpf_map__set_max_entries(ha->maps.routes,
					(uint32_t)cpus << bits);
}

static int object_open(struct dp *dp, const struct dp_conf *conf)
{
	if (dp->role == DP_HA) {
		dp->ha = ha_bpf__open();
		if (!dp->ha)
			return -errno;
		dp->obj = dp->ha->obj;
		return routes_size(dp->ha, conf->max_bindings);
	}
	dp->mn = mn_bpf__open();
	if (!dp->mn)
		return -errno;
	dp->mn->rodata->config.tun_ifindex = conf->tun_ifindex;
	dp->obj = dp->mn->obj;
	return getrandom(&dp->mn->rodata->copies_key,
			 sizeof(dp->mn->rodata->copies_key), 0) ==
	       sizeof(dp->mn->rodata->copies_key) ? 0 : -EIO;
}

static uint32_t spis_size(uint32_t max_bindings)
{
	if (max_bindings >= DP_SPIS_MAX / DP_SPIS_PER_BINDING)
		return DP_SPIS_MAX;
	if (max_bindings <= DP_SPIS_MIN / DP_SPIS_PER_BINDING)
		return DP_SPIS_MIN;
	return max_bindings * DP_SPIS_PER_BINDING;
}

static uint32_t at_most(uint32_t n, uint32_t max)
{
	return n < max ? n : max;
}

/*
 * A few mobile nodes have several care-of addresses, with a few flows each.
 * What replaces them is there before they go, so there is room to spare.
 */
static int multi_maps_size(struct dp *dp, uint32_t n)
{
	uint32_t flows = at_most(n, DP_FLOWS_MAX / DP_FLOWS_EACH) *
			 DP_FLOWS_EACH;
	uint32_t hoas = at_most(n, DP_COAS_HOAS_MAX) + 1;
	int err;

	err = bpf_map__set_max_entries(dp->maps[MAP_COAS],
				       hoas * DP_COAS_EACH);
	if (!err)
		err = bpf_map__set_max_entries(dp->maps[MAP_FLOWS],
					       flows + DP_FLOWS_SPARE);
	if (!err)
		err = bpf_map__set_max_entries(dp->maps[MAP_SELECTORS],
				at_most(n, DP_SELECTORS_HOAS_MAX));
	return err;
}

uint32_t dp_flows_room(const struct dp *dp)
{
	return bpf_map__max_entries(dp->maps[MAP_FLOWS]) - DP_FLOWS_SPARE;
}

static int maps_size(struct dp *dp, const struct dp_conf *conf)
{
	uint32_t n = conf->max_bindings ? conf->max_bindings : 1;
	int err;

	err = bpf_map__set_max_entries(dp->maps[MAP_BINDINGS], n);
	if (!err)
		err = multi_maps_size(dp, n);
	if (!err)
		err = bpf_map__set_max_entries(dp->maps[MAP_SPIS],
					       spis_size(n));
	if (!err)
		err = bpf_map__set_max_entries(dp->maps[MAP_RING],
					       dp->role == DP_HA ?
					       DP_RING_HA : DP_RING_MN);
	return err;
}

static int object_load(struct dp *dp, const struct dp_conf *conf)
{
	int map, err;

	err = object_open(dp, conf);
	for (map = 0; map < MAP__MAX && !err; map++) {
		dp->maps[map] = bpf_object__find_map_by_name(dp->obj,
							     map_names[map]);
		if (!dp->maps[map])
			err = -ENOENT;
	}
	if (!err)
		err = maps_size(dp, conf);
	if (!err)
		err = maps_reuse(dp);
	if (!err)
		err = dp->ha ? ha_bpf__load(dp->ha) : mn_bpf__load(dp->mn);
	if (!err)
		err = maps_pin(dp);
	if (!err && dp->ha)
		err = xdp_pin(dp);
	if (err)
		log_err("%s: cannot load the data plane: %s", conf->bpffs,
			strerror(-err));
	return err;
}

/* A record is taken even where the reading stops after it. */
static int on_rec(void *ctx, void *data, size_t len)
{
	struct dp *dp = ctx;
	const struct dp_rec *rec = data;

	if (len >= sizeof(*rec) && rec->len <= DP_REC_DATA)
		dp->fn(dp->arg, rec);
	return ++dp->n_recs < DP_RECS_AT_ONCE ? 0 : -EAGAIN;
}

static int ring_open(struct dp *dp)
{
	dp->rb = ring_buffer__new(dp_map_fd(dp, MAP_RING), on_rec, dp, NULL);
	if (dp->rb)
		return 0;
	log_err("%s: ring buffer: %s", dp->bpffs, strerror(errno));
	return -errno;
}

int dp_open(struct dp **out, const struct dp_conf *conf, bool *took_over)
{
	struct dp *dp = calloc(1, sizeof(*dp));
	int err;

	if (!dp)
		return -ENOMEM;
	dp->role = conf->role;
	dp->xdp = conf->xdp;
	dp->pins_fd = -1;
	/* another one than the daemon's before us */
	if (getrandom(&dp->mark, sizeof(dp->mark), 0) < 0)
		dp->mark = getpid();
	libbpf_set_print(on_libbpf);
	err = folder_prepare(dp, conf->bpffs);
	if (!err)
		err = object_load(dp, conf);
	if (!err)
		err = ring_open(dp);
	if (!err)
		err = dp_prefixes_count(dp);
	if (!err)
		err = dp_multi_count(dp);
	if (!err && dp->role == DP_HA && dp->xdp != DP_XDP_NO &&
	    xdp_probe_new(&dp->probe))
		log_info("nothing goes by XDP: it cannot be found out which "
			 "interfaces send: %s", strerror(errno));
	if (err) {
		dp_close(dp);
		return err;
	}
	*took_over = dp->reused[MAP_BINDINGS];
	*out = dp;
	return 0;
}

void dp_close(struct dp *dp)
{
	if (!dp)
		return;
	ring_buffer__free(dp->rb);
	xdp_probe_free(dp->probe);
	ha_bpf__destroy(dp->ha);
	mn_bpf__destroy(dp->mn);
	if (dp->pins_fd >= 0)
		close(dp->pins_fd);
	free(dp);
}

static void folder_remove(struct dp *dp)
{
	char parent[DP_PATH_MAX], path[DP_PATH_MAX];
	struct stat st, up;
	int map;

	for (map = 0; map < MAP__MAX; map++) {
		map_path(dp, map, path);
		unlink(path);
	}
	xdp_pins_remove(dp, 0);
	parent_of(dp->bpffs, parent);
	if (!stat(dp->bpffs, &st) && !stat(parent, &up) &&
	    st.st_dev != up.st_dev && umount2(dp->bpffs, MNT_DETACH))
		log_debug("%s: umount: %s", dp->bpffs, strerror(errno));
	if (rmdir(dp->bpffs))
		log_debug("%s: rmdir: %s", dp->bpffs, strerror(errno));
}

void dp_flush(struct dp *dp)
{
	struct if_nameindex *all = if_nameindex(), *i;

	for (i = all; i && i->if_index; i++)
		dp_interface_clean(dp, i->if_index);
	if_freenameindex(all);
	folder_remove(dp);
}

int dp_ring_fd(struct dp *dp)
{
	return ring_buffer__epoll_fd(dp->rb);
}

/* A bounded number at once: the descriptor stays readable for the rest. */
void dp_ring_read(struct dp *dp,
		  void (*fn)(void *arg, const struct dp_rec *rec), void *arg)
{
	dp->fn = fn;
	dp->arg = arg;
	dp->n_recs = 0;
	ring_buffer__consume(dp->rb);
}
