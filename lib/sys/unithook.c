/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/unithook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/unit.h"
#include "sys/sockint.h"
#include "unit.skel.h"

struct unithook {
	struct unit_bpf *skel;
	struct sockhook *sh;
};

/* Of no cgroup: with it the socket programs take it that there are entries. */
static const uint64_t NOBODY;

static int load(struct unithook *uh, struct sockhook *sh)
{
	int fd = bpf_map__fd(sh->skel->maps.cgroups), err;

	uh->skel = unit_bpf__open();
	if (!uh->skel)
		return -errno;
	err = bpf_map__set_max_entries(uh->skel->maps.cgroups,
			bpf_map__max_entries(sh->skel->maps.cgroups));
	if (!err)
		err = bpf_map__reuse_fd(uh->skel->maps.cgroups, fd);
	if (!err)
		err = unit_bpf__load(uh->skel);
	return err ? err : unit_bpf__attach(uh->skel);
}

int unithook_open(struct unithook **out, struct sockhook *sh)
{
	static const struct sock_cgroup none;
	struct unithook *uh = calloc(1, sizeof(*uh));
	int err;

	if (!uh)
		return -ENOMEM;
	uh->sh = sh;
	err = load(uh, sh);
	if (!err)
		err = sockhook_cgroup_set(sh, NOBODY, &none);
	if (err) {
		unithook_close(uh);
		return err;
	}
	*out = uh;
	return 0;
}

void unithook_clear(struct unithook *uh)
{
	if (uh)
		__atomic_store_n(&uh->skel->bss->n_units, 0, __ATOMIC_SEQ_CST);
}

void unithook_set(struct unithook *uh, const char *const *paths, size_t n)
{
	struct unit_path *u;
	size_t i;

	if (!uh)
		return;
	unithook_clear(uh);
	for (i = 0; i < n && i < SOCK_RULES_MAX; i++) {
		u = &uh->skel->bss->units[i];
		u->len = (uint32_t)strnlen(paths[i], UNIT_PATH_MAX - 1);
		memcpy(u->text, paths[i], u->len);
	}
	__atomic_store_n(&uh->skel->bss->n_units, (uint32_t)i,
			 __ATOMIC_SEQ_CST);
}

void unithook_close(struct unithook *uh)
{
	if (!uh)
		return;
	unit_bpf__destroy(uh->skel);
	sockhook_cgroup_del(uh->sh, NOBODY);
	free(uh);
}
