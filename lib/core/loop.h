/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libuv with two things more: our timer heap on CLOCK_BOOTTIME (a timerfd, so
 * that lifetimes run while a laptop sleeps), and descriptors as one call.
 */
#ifndef KEDGE_LOOP_H
#define KEDGE_LOOP_H

#include <uv.h>

#include "proto/timers.h"

struct loop {
	uv_loop_t uv;
	struct timers timers;	/* set timers here at any time */
	uv_poll_t timer_poll;
	uv_prepare_t prepare;	/* arms the timerfd for the earliest timer */
	int timer_fd;
	int64_t armed_ns;
	uv_signal_t sigint, sigterm, sighup;
	void (*on_hup)(void *arg);
	void *hup_arg;
};

struct loop_fd {
	uv_poll_t *poll;	/* its own memory: libuv frees it later */
	void (*fn)(void *arg);
	void *arg;
};

/* 0 or -errno. SIGINT and SIGTERM stop loop_run(); SIGPIPE is ignored. */
int loop_init(struct loop *loop);
void loop_fini(struct loop *loop);
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
void loop_on_hup(struct loop *loop, void (*fn)(void *arg), void *arg);

/* Calls fn whenever fd is readable (or in error: reading tells). fd is made
 * non-blocking. The caller keeps fd and closes it after loop_fd_del() and
 * before loop_fini(). 0 or -errno; nothing to delete then, though deleting
 * what is zeroed or deleted does no harm. *lf must outlive the delete call
 * alone. */
int loop_fd_add(struct loop *loop, struct loop_fd *lf, int fd,
		void (*fn)(void *arg), void *arg);
void loop_fd_del(struct loop_fd *lf);

mtime loop_now(void);		/* CLOCK_BOOTTIME */
/* Nanoseconds from CLOCK_BOOTTIME to the time since 1970: it changes only when
 * the clock is set. */
int64_t loop_wall_offset(void);
double loop_walltime(void);	/* seconds since 1970, for people's eyes */

#endif
