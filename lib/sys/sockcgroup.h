/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where cgroup2 is. */
#ifndef KEDGE_SOCKCGROUP_H
#define KEDGE_SOCKCGROUP_H

#include <stdint.h>

/*
 * The root of cgroup2, wherever it is mounted; where it is not, of a mount of
 * our own that nobody sees. A descriptor or -errno.
 */
int sockcgroup_root(void);
/* A folder of cgroup2: a descriptor or -errno (-EINVAL: no such folder). */
int sockcgroup_folder(const char *path);
/* The kernel's number of that cgroup, 0: none */
uint64_t sockcgroup_id(int fd);

#endif
