/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What unit.bpf.c and kedge-mn share. */
#ifndef KEDGE_BPF_UNIT_H
#define KEDGE_BPF_UNIT_H

#include <linux/types.h>

enum { UNIT_PATH_MAX = 256 };

/* Of the cgroups that a rule names. */
struct unit_path {
	__u32 len;		/* 0: it names none */
	char text[UNIT_PATH_MAX];
};

/* The program's own: how far it is with comparing a path. */
struct unit_glob {
	__u32 unit;		/* whose */
	__u32 p, n;		/* places in its path, and in the cgroup's */
	__u32 star, taken;	/* the last "*", and what it has up to */
	__u32 fits;
};

#endif
