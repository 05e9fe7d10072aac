/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives a cgroup that root makes the rules that name it, before a process can
 * be in it (unit.bpf.c). At work as long as it is open.
 */
#ifndef KEDGE_UNITHOOK_H
#define KEDGE_UNITHOOK_H

#include <stddef.h>

#include "sys/sockhook.h"

struct unithook;

/* 0 or -errno: this kernel cannot. sh is kept. */
int unithook_open(struct unithook **out, struct sockhook *sh);
/* No rules from now on: before they change. NULL is allowed. */
void unithook_clear(struct unithook *uh);
/* paths[i]: that rule i names, with * and ?; "" none. NULL is allowed. */
void unithook_set(struct unithook *uh, const char *const *paths, size_t n);
/* NULL is allowed. */
void unithook_close(struct unithook *uh);

#endif
