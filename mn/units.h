/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy's rules about cgroups: which cgroups there are that they fit, by
 * the ids that BPF knows them by. A unit that is started again gets a new one;
 * inotify tells, and nothing else wakes us.
 */
#ifndef KEDGE_UNITS_H
#define KEDGE_UNITS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/loop.h"
#include "mn/policy.h"

/* Cgroups that are watched or known at a time, in all and of those that do not
 * belong to root. Who may make some cannot use up what others need. */
enum { UNITS_MAX = 4096, UNITS_USERS_MAX = 1024 };

struct units;

/* A cgroup is there, and the rules (bit n: rule n) that name it; 0: it has
 * gone, or none names it any more. */
typedef void units_fn(void *arg, uint64_t id, uint64_t rules);

/* root_fd: of the cgroups' root, O_PATH is enough; it is kept, and remains the
 * caller's. 0 or -errno. */
int units_open(struct units **out, struct loop *loop, int root_fd,
	       units_fn *fn, void *arg);
/*
 * From now on these rules. What was known before is forgotten, without calls
 * of fn. 0, or -errno: then the rules hold for no cgroup or for some.
 */
int units_set(struct units *units, const struct policy *policy);
/* NULL is allowed. */
void units_close(struct units *units);

/* Cgroups known now, and of them the ones that are watched. */
unsigned int units_known(const struct units *units);
unsigned int units_watched(const struct units *units);

/* The path of a process's cgroup from the root. 0 or -errno; *out is ""
 * then. */
int units_of_pid(pid_t pid, char *out, size_t len);
/* The same of one of which /proc/PID is open. -ESRCH: it has ended. */
int units_of_proc(int proc, char *out, size_t len);

#endif
