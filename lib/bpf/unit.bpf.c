// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A cgroup that a rule of the policy names has the rule before whoever made it
 * can put a process into it: at mkdir(2). kedge-mn, which inotify tells, would
 * be too late for a process that connects at once. Only for those that root
 * makes; what users make by the thousand is kedge-mn's to bound.
 */
#include <linux/bpf.h>
#include <linux/in6.h>
#include <stddef.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/sock.h"
#include "bpf/unit.h"

enum { STEPS_MAX = 4096, NO_STAR = UNIT_PATH_MAX };

char _license[] SEC("license") = "GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

struct kernfs_node {
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

#pragma clang attribute pop

/* sock.bpf.c's, by its descriptor */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct sock_cgroup);
} cgroups SEC(".maps");

/* By kedge-mn; n_units is 0 while it writes. */
struct unit_path units[SOCK_RULES_MAX];
__u32 n_units;

/*
 * The kernel calls us under one lock for all cgroups, the path's. What is here
 * could not be on the stack: Linux 6.1 takes it that a loop's body sees what
 * was there before the first turn. Nor static: the compiler takes it to pieces,
 * which do not fit its own description.
 */
char path[UNIT_PATH_MAX];
__u32 path_len;
struct unit_glob g;
__u64 rules;

/* policy_glob(), but that neither "*" nor "?" is a "/". */
static long glob_step(__u32 i, void *arg)
{
	const struct unit_path *u = &units[g.unit % SOCK_RULES_MAX];
	char want = g.p < u->len ? u->text[g.p % UNIT_PATH_MAX] : 0;
	char have = g.n < path_len ? path[g.n % UNIT_PATH_MAX] : 0;

	if (want == '*') {
		g.star = g.p++;
		g.taken = g.n;
		return 0;
	}
	if (!want && !have) {
		g.fits = 1;
		return 1;
	}
	if (want && have && (want == have || (want == '?' && have != '/'))) {
		g.p++;
		g.n++;
		return 0;
	}
	have = g.taken < path_len ? path[g.taken % UNIT_PATH_MAX] : 0;
	if (g.star == NO_STAR || !have || have == '/')
		return 1;
	g.p = g.star + 1;
	g.n = ++g.taken;
	return 0;
}

static long unit_try(__u32 i, void *arg)
{
	if (i >= n_units)
		return 1;
	if (!units[i % SOCK_RULES_MAX].len)
		return 0;
	g.unit = i;
	g.p = g.n = g.taken = g.fits = 0;
	g.star = NO_STAR;
	bpf_loop(STEPS_MAX, glob_step, NULL, 0);
	if (g.fits)
		rules |= 1ULL << i;
	return 0;
}

/* Not one of cgroup1's hierarchies, whose ids are others'. */
static __always_inline __u64 id_of(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, root, hierarchy_id) ? 0 :
		BPF_CORE_READ(cgroup, kn, id);
}

SEC("tp_btf/cgroup_mkdir")
int on_mkdir(__u64 *args)
{
	struct sock_cgroup fresh = {};
	__u64 id = id_of((struct cgroup *)args[0]);
	long len;

	if (!n_units || !id || (__u32)bpf_get_current_uid_gid())
		return 0;
	len = bpf_probe_read_kernel_str(path, sizeof(path), (void *)args[1]);
	/* cut off, perhaps */
	if (len <= 1 || len == sizeof(path))
		return 0;
	path_len = len - 1;
	rules = 0;
	bpf_loop(SOCK_RULES_MAX, unit_try, NULL, 0);
	if (!rules)
		return 0;
	fresh.rules = rules;
	bpf_map_update_elem(&cgroups, &id, &fresh, BPF_NOEXIST);
	return 0;
}

/* It may go before kedge-mn has heard that it came. */
SEC("tp_btf/cgroup_rmdir")
int on_rmdir(__u64 *args)
{
	__u64 id = id_of((struct cgroup *)args[0]);
	struct sock_cgroup *c = bpf_map_lookup_elem(&cgroups, &id);

	if (c && c->service == SERVICE_NONE)
		bpf_map_delete_elem(&cgroups, &id);
	return 0;
}
