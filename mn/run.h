/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cgroups of kedgectl run: kedge.TYPE below the one that the process is in.
 * What is in one of them, and starts there later, has that service type.
 */
#ifndef KEDGE_RUN_H
#define KEDGE_RUN_H

#include <stddef.h>
#include <sys/types.h>

#include "proto/service.h"

struct mn;

/*
 * Puts process pid, of user uid, there. 0 or -errno: -ENOSYS no cgroup-BPF;
 * -ESRCH the process is gone, or is not uid's; -EACCES kedge-mn may not write
 * there, or it is another user's: path is the cgroup that the process is to
 * make and enter by itself; -EBUSY there are too many, of this user's or of
 * all.
 */
int run_put(struct mn *mn, pid_t pid, uid_t uid, enum service service,
	    char *path, size_t n);
/* At the start: takes away the cgroups of which every process has ended, and
 * gets to know the others. */
void run_sweep(struct mn *mn);
/* At the end: takes away the former, and leaves the others as they are. */
void run_forget(struct mn *mn);

#endif
