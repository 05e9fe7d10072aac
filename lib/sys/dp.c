/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/dp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "ha.skel.h"
#include "mn.skel.h"
#include "sys/xdp.h"

enum {
	/* Our filters' place; fixed, so that a restart replaces them. */
	DP_HANDLE = 1,
	DP_PRIORITY = 77,
	DP_PATH_MAX = 256,
	DP_BPFFS_MAGIC = (int)0xcafe4a11,
	DP_RING_HA = 4 << 20,
	DP_RING_MN = 512 << 10,
	/* Rekeying needs two; hosts at home have SAs as well. With IKE each
	 * takes 17 kB or more of the daemon's memory. */
	DP_SPIS_PER_BINDING = 4,
	DP_SPIS_MIN = 4096,
	DP_SPIS_MAX = 1 << 17,
	DP_RECS_AT_ONCE = 256,
	DP_BINDINGS_PER_ROUTE = 2,
	DP_ROUTE_BITS_MIN = 8,
	DP_ROUTE_BITS_MAX = 16,
	DP_ROUTES_MAX = 1 << 20,	/* of all processors: 32 MiB */
	DP_BATCH = 4096,	/* bindings read at once */
};

#define XDP_PIN "xdp-%" SCNu32

/* The layout comes last: where it is missing, a start was cut short. */
enum dp_map { MAP_BINDINGS, MAP_PREFIXES, MAP_ADDRS, MAP_SPIS, MAP_RING, MAP_STATS,
	      MAP_LAYOUT, MAP__MAX };

static const char *const map_names[] = {
	[MAP_BINDINGS] = "bindings",
	[MAP_PREFIXES] = "prefixes",
	[MAP_ADDRS] = "addrs",
	[MAP_SPIS] = "spis",
	[MAP_RING] = "ring",
	[MAP_STATS] = "stats",
	[MAP_LAYOUT] = "layout",
};

struct dp {
	enum dp_role role;
	enum dp_xdp xdp;
	char bpffs[DP_PATH_MAX];
	struct ha_bpf *ha;
	struct mn_bpf *mn;
	struct xdp_ours ours;		/* programs of before, and this one */
	struct probe_bpf *probe;	/* of outputs for XDP; NULL: none */
	struct bpf_object *obj;		/* of ha or mn */
	struct bpf_map *maps[MAP__MAX];
	bool reused[MAP__MAX];
	struct ring_buffer *rb;
	void (*fn)(void *arg, const struct dp_rec *rec);
	void *arg;
	int n_recs;
	uint32_t mark;			/* of what this daemon put in a set */
};

static int map_fd(const struct dp *dp, enum dp_map map)
{
	return bpf_map__fd(dp->maps[map]);
}

__attribute__((format(printf, 2, 0)))
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

static bool same_shape(int fd, const struct bpf_map *map)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	       info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
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
	if (layout_ok && same_shape(fd, dp->maps[map])) {
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

static int maps_reuse(struct dp *dp)
{
	bool layout_ok = pinned_layout_ok(dp);
	char path[DP_PATH_MAX];
	int map, err = 0;

	for (map = 0; map < MAP__MAX && !err; map++)
		err = map_reuse(dp, map, layout_ok);
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
	return dp->reused[map] ? 0 : bpf_obj_pin(map_fd(dp, map), path);
}

static int maps_pin(struct dp *dp)
{
	uint32_t key = 0, layout = DP_LAYOUT;
	int map, err;

	err = bpf_map_update_elem(map_fd(dp, MAP_LAYOUT), &key, &layout,
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
	return 0;
}

static uint32_t spis_size(uint32_t max_bindings)
{
	if (max_bindings >= DP_SPIS_MAX / DP_SPIS_PER_BINDING)
		return DP_SPIS_MAX;
	if (max_bindings <= DP_SPIS_MIN / DP_SPIS_PER_BINDING)
		return DP_SPIS_MIN;
	return max_bindings * DP_SPIS_PER_BINDING;
}

static int maps_size(struct dp *dp, const struct dp_conf *conf)
{
	uint32_t n = conf->max_bindings ? conf->max_bindings : 1;
	int err;

	err = bpf_map__set_max_entries(dp->maps[MAP_BINDINGS], n);
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
	dp->rb = ring_buffer__new(map_fd(dp, MAP_RING), on_rec, dp, NULL);
	if (dp->rb)
		return 0;
	log_err("%s: ring buffer: %s", dp->bpffs, strerror(errno));
	return -errno;
}

static int prefixes_count(struct dp *dp);

int dp_open(struct dp **out, const struct dp_conf *conf, bool *took_over)
{
	struct dp *dp = calloc(1, sizeof(*dp));
	int err;

	if (!dp)
		return -ENOMEM;
	dp->role = conf->role;
	dp->xdp = conf->xdp;
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
		err = prefixes_count(dp);
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
	free(dp);
}

/* Filters. */

static const enum bpf_tc_attach_point points[] = {
	BPF_TC_INGRESS, BPF_TC_EGRESS
};

static int filter_attach(struct dp *dp, uint32_t ifindex,
			 enum bpf_tc_attach_point point, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(dp->obj,
								    name);
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = DP_HANDLE,
			    .priority = DP_PRIORITY, .flags = BPF_TC_F_REPLACE);
	int err;

	if (!prog)
		return -ENOENT;
	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		return err;
	hook.attach_point = point;
	opts.prog_fd = bpf_program__fd(prog);
	return bpf_tc_attach(&hook, &opts);
}

/* The programs count on an Ethernet header, or on none. */
static int check_arptype(uint32_t ifindex, uint16_t arptype)
{
	struct ifreq ifr = { 0 };
	int fd, err = 0;

	if (!if_indextoname(ifindex, ifr.ifr_name))
		return -errno;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFHWADDR, &ifr))
		err = -errno;
	else if (ifr.ifr_hwaddr.sa_family != arptype)
		err = -EPROTONOSUPPORT;
	close(fd);
	return err;
}

static int attached(uint32_t ifindex, int err)
{
	if (err)
		log_err("interface %u: cannot attach the data plane: %s",
			ifindex, strerror(-err));
	return err;
}

/* What a dump of a hook's filters showed. */
struct filters {
	bool ours, others;
};

static int on_option(const struct nlattr *attr, void *arg)
{
	const char **name = arg;

	if (mnl_attr_get_type(attr) == TCA_BPF_NAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*name = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

/* Each classifier comes once without a handle, then each of its filters. */
static int on_filter(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	struct filters *found = arg;
	const struct nlattr *attr;
	const char *name = "";

	if (nlh->nlmsg_type != RTM_NEWTFILTER ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*tcm) || !tcm->tcm_handle)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*tcm))
		if (mnl_attr_get_type(attr) == TCA_OPTIONS)
			mnl_attr_parse_nested(attr, on_option, &name);
	if (TC_H_MAJ(tcm->tcm_info) >> 16 == DP_PRIORITY &&
	    tcm->tcm_handle == DP_HANDLE && !strncmp(name, "kedge_", 6))
		found->ours = true;
	else
		found->others = true;
	return MNL_CB_OK;
}

static void filters_dump(struct mnl_socket *nl, uint32_t ifindex,
			 enum bpf_tc_attach_point point, struct filters *found)
{
	char buffer[16384] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct tcmsg *tcm;
	ssize_t n;

	nlh->nlmsg_type = RTM_GETTFILTER;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));
	tcm->tcm_ifindex = ifindex;
	tcm->tcm_parent = TC_H_MAKE(TC_H_CLSACT, point == BPF_TC_INGRESS ?
				    TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return;
	do {
		n = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
	} while (n > 0 && mnl_cb_run(buffer, n, 0, 0, on_filter, found) > 0);
}

static struct filters filters_find(uint32_t ifindex,
				   enum bpf_tc_attach_point point)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct filters found = { 0 };

	if (!nl)
		return found;
	if (!mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		filters_dump(nl, ifindex, point, &found);
	mnl_socket_close(nl);
	return found;
}

static bool filter_detach(uint32_t ifindex, enum bpf_tc_attach_point point)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
			    .attach_point = point);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = DP_HANDLE,
			    .priority = DP_PRIORITY);

	return filters_find(ifindex, point).ours &&
	       !bpf_tc_detach(&hook, &opts);
}

int dp_attach(struct dp *dp, uint32_t ifindex, bool home)
{
	bool ha = dp->role == DP_HA;
	int err = check_arptype(ifindex, ARPHRD_ETHER);

	if (!err)
		err = filter_attach(dp, ifindex, BPF_TC_INGRESS,
				    ha ? "kedge_ha_in" : "kedge_mn_in");
	if (!err && home)
		err = filter_attach(dp, ifindex, BPF_TC_EGRESS,
				    ha ? "kedge_ha_out" : "kedge_mn_out");
	else if (!err)
		filter_detach(ifindex, BPF_TC_EGRESS);
	return attached(ifindex, err);
}

int dp_attach_xdp(struct dp *dp, uint32_t ifindex, const uint8_t mac[6])
{
	struct dp_mac ours = { 0 };
	int err, fd = bpf_program__fd(dp->ha->progs.kedge_ha_xdp);

	if (dp->xdp == DP_XDP_NO) {
		err = xdp_detach(ifindex, &dp->ours);
		return err ? err : -EOPNOTSUPP;
	}
	err = xdp_attach(ifindex, fd, &dp->ours, dp->xdp == DP_XDP_YES);
	if (err)
		return err;
	memcpy(&ours, mac, sizeof(ours.part));
	err = bpf_map_update_elem(bpf_map__fd(dp->ha->maps.macs), &ifindex,
				  &ours, BPF_ANY);
	if (!err && xdp_sends(dp->probe, ifindex, mac))
		return bpf_map_update_elem(bpf_map__fd(dp->ha->maps.outputs),
					   &ifindex, &ifindex, BPF_ANY);
	bpf_map_delete_elem(bpf_map__fd(dp->ha->maps.outputs), &ifindex);
	return err;
}

void dp_gone(struct dp *dp, uint32_t ifindex)
{
	bpf_map_delete_elem(bpf_map__fd(dp->ha->maps.macs), &ifindex);
	bpf_map_delete_elem(bpf_map__fd(dp->ha->maps.outputs), &ifindex);
}

void dp_routes_changed(struct dp *dp)
{
	if (dp->ha)
		dp->ha->bss->route_generation++;
}

int dp_attach_tun(struct dp *dp, uint32_t ifindex)
{
	int err = check_arptype(ifindex, ARPHRD_NONE);

	if (!err)
		err = filter_attach(dp, ifindex, BPF_TC_EGRESS, "kedge_mn_tun");
	return attached(ifindex, err);
}

/* clsact goes too, unless another's filter is on it. */
static void interface_clean(const struct dp *dp, uint32_t ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	bool removed = false, others = false;
	size_t i;

	int err = dp->ha ? xdp_detach(ifindex, &dp->ours) : 0;

	if (err == -EPERM)
		log_err("interface %u: there is an XDP program that may not "
			"be looked at, ours or not: %s", ifindex,
			strerror(-err));
	for (i = 0; i < 2; i++)
		removed |= filter_detach(ifindex, points[i]);
	for (i = 0; removed && i < 2; i++)
		others |= filters_find(ifindex, points[i]).others;
	if (removed && !others)
		bpf_tc_hook_destroy(&hook);
}

void dp_detach(struct dp *dp, uint32_t ifindex)
{
	interface_clean(dp, ifindex);
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
		interface_clean(dp, i->if_index);
	if_freenameindex(all);
	folder_remove(dp);
}

/* Maps. */

/* What the programs count meanwhile is lost; a counter may then step back by
 * a few packets. */
static void keep_counters(struct dp_binding *new, const struct dp_binding *old)
{
	new->tx_packets = old->tx_packets;
	new->tx_bytes = old->tx_bytes;
	new->rx_packets = old->rx_packets;
	new->rx_bytes = old->rx_bytes;
	new->used = old->used;
}

/* By the program, where the tunnel stays as it is. */
static bool renew(struct dp *dp, const struct in6_addr *hoa,
		  const struct dp_binding *binding)
{
	struct dp_renewal in = { *hoa, *binding };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &in,
			    .ctx_size_in = sizeof(in));

	return dp->role == DP_HA &&
	       !bpf_prog_test_run_opts(bpf_program__fd(
			dp->ha->progs.kedge_ha_renew), &opts) && !opts.retval;
}

int dp_binding_set(struct dp *dp, const struct in6_addr *hoa,
		   const struct dp_binding *binding)
{
	struct dp_binding new = *binding, old = { 0 };
	int fd = map_fd(dp, MAP_BINDINGS);

	if (renew(dp, hoa, binding))
		return 0;
	bpf_map_lookup_elem(fd, hoa, &old);
	keep_counters(&new, &old);
	return bpf_map_update_elem(fd, hoa, &new, BPF_ANY);
}

/* The programs have no quick clock that counts what was slept through. */
mtime dp_last_used(const struct dp_binding *binding)
{
	struct timespec boot, mono;
	int64_t ns = (int64_t)binding->used << DP_USED_SHIFT;

	if (!ns)
		return (mtime){0};
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	ns += (boot.tv_sec - mono.tv_sec) * INT64_C(1000000000) +
	      boot.tv_nsec - mono.tv_nsec;
	return (mtime){ns};
}

int dp_binding_get(struct dp *dp, const struct in6_addr *hoa,
		   struct dp_binding *out)
{
	return bpf_map_lookup_elem(map_fd(dp, MAP_BINDINGS), hoa, out);
}

int dp_binding_del(struct dp *dp, const struct in6_addr *hoa)
{
	return bpf_map_delete_elem(map_fd(dp, MAP_BINDINGS), hoa);
}

int dp_bindings_load(struct dp *dp, const struct in6_addr *hoas,
		     const struct dp_binding *bindings, uint32_t n)
{
	DECLARE_LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = BPF_ANY);

	return bpf_map_update_batch(map_fd(dp, MAP_BINDINGS), hoas, bindings,
				    &n, &opts);
}

/* A batch of them, as the kernel hands them out: whole buckets. */
struct batch {
	struct in6_addr hoas[DP_BATCH];
	struct dp_binding bindings[DP_BATCH];
};

static int each_batch(int fd, struct batch *batch,
		      void (*fn)(void *arg, const struct in6_addr *hoa,
				 const struct dp_binding *b), void *arg)
{
	DECLARE_LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t at, n, i;
	void *in = NULL;
	int err;

	do {
		n = DP_BATCH;
		err = bpf_map_lookup_batch(fd, in, &at, batch->hoas,
					   batch->bindings, &n, &opts);
		if (err && err != -ENOENT)
			return err;
		for (i = 0; i < n; i++)
			fn(arg, &batch->hoas[i], &batch->bindings[i]);
		in = &at;
	} while (!err);
	return 0;
}

int dp_binding_each(struct dp *dp, void (*fn)(void *arg,
		    const struct in6_addr *hoa, const struct dp_binding *b),
		    void *arg)
{
	struct batch *batch = malloc(sizeof(*batch));
	int err;

	if (!batch)
		return -ENOMEM;
	err = each_batch(map_fd(dp, MAP_BINDINGS), batch, fn, arg);
	free(batch);
	return err;
}

/* The programs look for prefixes only where there are some. */
static int prefixes_count(struct dp *dp)
{
	int fd = map_fd(dp, MAP_PREFIXES), more;
	uint64_t key, next;
	uint32_t n = 0;

	more = bpf_map_get_next_key(fd, NULL, &next);
	while (!more) {
		n++;
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next);
	}
	if (dp->ha)
		dp->ha->bss->n_prefixes = n;
	return more == -ENOENT ? 0 : more;
}

int dp_prefix_set(struct dp *dp, const struct in6_addr *prefix,
		  const struct dp_binding *binding)
{
	int fd = map_fd(dp, MAP_PREFIXES);
	struct dp_binding new = *binding, old = { 0 };
	int missing = bpf_map_lookup_elem(fd, prefix, &old);
	int err;

	keep_counters(&new, &old);
	err = bpf_map_update_elem(fd, prefix, &new, BPF_ANY);
	if (!err && missing)
		dp->ha->bss->n_prefixes++;
	return err;
}

int dp_prefix_get(struct dp *dp, const struct in6_addr *prefix,
		  struct dp_binding *out)
{
	return bpf_map_lookup_elem(map_fd(dp, MAP_PREFIXES), prefix, out);
}

int dp_prefix_del(struct dp *dp, const struct in6_addr *prefix)
{
	int err = bpf_map_delete_elem(map_fd(dp, MAP_PREFIXES), prefix);

	if (!err)
		dp->ha->bss->n_prefixes--;
	return err;
}

int dp_homes_set(struct dp *dp, const struct ip6_prefix *prefixes, size_t n)
{
	int fd = bpf_map__fd(dp->ha->maps.homes), err = 0;
	bool known = true;
	size_t i;

	for (i = 0; i < n && !err; i++) {
		known &= prefixes[i].len == 64;
		err = bpf_map_update_elem(fd, &prefixes[i].addr, &dp->mark,
					  BPF_ANY);
	}
	dp->ha->bss->homes_known = known && !err;
	return err == -E2BIG ? 0 : err;	/* then all are looked up */
}

static int set_add(const struct dp *dp, enum dp_map map, const void *key)
{
	return bpf_map_update_elem(map_fd(dp, map), key, &dp->mark, BPF_ANY);
}

/* key, next: room for one of the map's keys each */
static void set_sweep(const struct dp *dp, enum dp_map map, void *key,
		      void *next, size_t key_len)
{
	int fd = map_fd(dp, map);
	int more = !bpf_map_get_next_key(fd, NULL, key);
	uint32_t mark;

	while (more) {
		more = !bpf_map_get_next_key(fd, key, next);
		if (!bpf_map_lookup_elem(fd, key, &mark) && mark != dp->mark)
			bpf_map_delete_elem(fd, key);
		memcpy(key, next, key_len);
	}
}

void dp_sweep(struct dp *dp)
{
	struct in6_addr addr, next_addr;
	uint32_t spi, next_spi;

	set_sweep(dp, MAP_ADDRS, &addr, &next_addr, sizeof(addr));
	set_sweep(dp, MAP_SPIS, &spi, &next_spi, sizeof(spi));
}

/* key: room for one of the map's keys */
static void set_clear(int fd, void *key)
{
	while (!bpf_map_get_next_key(fd, NULL, key) &&
	       !bpf_map_delete_elem(fd, key))
		;
}

int dp_addr_add(struct dp *dp, const struct in6_addr *addr)
{
	return set_add(dp, MAP_ADDRS, addr);
}

int dp_addr_del(struct dp *dp, const struct in6_addr *addr)
{
	return bpf_map_delete_elem(map_fd(dp, MAP_ADDRS), addr);
}

void dp_addr_clear(struct dp *dp)
{
	struct in6_addr key;

	set_clear(map_fd(dp, MAP_ADDRS), &key);
}

int dp_spi_add(struct dp *dp, uint32_t spi)
{
	return set_add(dp, MAP_SPIS, &spi);
}

int dp_spi_del(struct dp *dp, uint32_t spi)
{
	return bpf_map_delete_elem(map_fd(dp, MAP_SPIS), &spi);
}

void dp_spi_clear(struct dp *dp)
{
	uint32_t key;

	set_clear(map_fd(dp, MAP_SPIS), &key);
}

int dp_stats(struct dp *dp, uint64_t out[DP_STAT__MAX])
{
	int cpus = libbpf_num_possible_cpus(), cpu, err = 0;
	uint64_t *values;
	uint32_t stat;

	if (cpus < 0)
		return cpus;
	values = calloc(cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (stat = 0; stat < DP_STAT__MAX && !err; stat++) {
		err = bpf_map_lookup_elem(map_fd(dp, MAP_STATS), &stat, values);
		out[stat] = 0;
		for (cpu = 0; cpu < cpus && !err; cpu++)
			out[stat] += values[cpu];
	}
	free(values);
	return err;
}

const char *dp_stat_str(enum dp_stat stat)
{
	static const char *const names[] = {
#define X(sym, name) [DP_STAT_##sym] = name,
		DP_STATS(X)
#undef X
	};

	return (unsigned int)stat < DP_STAT__MAX ? names[stat] : "?";
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
