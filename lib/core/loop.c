/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"

mtime loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (mtime){ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec};
}

double loop_walltime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int64_t loop_wall_offset(void)
{
	struct timespec ts;
	mtime now = loop_now();

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec - now.ns;
}

/* ns 0 disarms; a time that is past fires at once. */
static void arm(struct loop *loop, int64_t ns)
{
	struct itimerspec its = {
		.it_value.tv_sec = ns / 1000000000,
		.it_value.tv_nsec = ns % 1000000000,
	};

	if (ns == loop->armed_ns)
		return;
	if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &its, NULL))
		log_err("timerfd_settime: %s", strerror(errno));
	else
		loop->armed_ns = ns;
}

/* Runs before every wait for I/O, after whatever set or deleted timers. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;
	mtime at;

	if (!timers_next(&loop->timers, &at))
		arm(loop, 0);
	else
		arm(loop, at.ns > 0 ? at.ns : 1);
}

static void on_timer_fd(uv_poll_t *poll, int status, int revents)
{
	struct loop *loop = poll->data;
	uint64_t expirations;

	(void)status;
	(void)revents;
	if (read(loop->timer_fd, &expirations, sizeof(expirations)) < 0 &&
	    errno != EAGAIN)
		log_err("timerfd: %s", strerror(errno));
	loop->armed_ns = 0;	/* it fires once */
	timers_run(&loop->timers, loop_now());
}

static void on_signal(uv_signal_t *signal, int signum)
{
	struct loop *loop = signal->data;

	if (signum != SIGHUP) {
		log_info("%s: stopping", strsignal(signum));
		loop_stop(loop);
	} else if (loop->on_hup) {
		loop->on_hup(loop->hup_arg);
	}
}

static int signals_init(struct loop *loop)
{
	uv_signal_t *const handle[] = {
		&loop->sigint, &loop->sigterm, &loop->sighup };
	static const int signum[] = { SIGINT, SIGTERM, SIGHUP };
	int i, err = 0;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < 3; i++) {
		uv_signal_init(&loop->uv, handle[i]);
		handle[i]->data = loop;
		if (!err)
			err = uv_signal_start(handle[i], on_signal, signum[i]);
	}
	return err;
}

static int timer_init(struct loop *loop)
{
	timers_init(&loop->timers);
	uv_prepare_init(&loop->uv, &loop->prepare);
	loop->prepare.data = loop;
	uv_prepare_start(&loop->prepare, on_prepare);
	loop->timer_fd = timerfd_create(CLOCK_BOOTTIME,
					TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_fd < 0)
		return -errno;
	loop->timer_poll.data = loop;
	return uv_poll_init(&loop->uv, &loop->timer_poll, loop->timer_fd) ?:
	       uv_poll_start(&loop->timer_poll, UV_READABLE, on_timer_fd);
}

int loop_init(struct loop *loop)
{
	int err;

	memset(loop, 0, sizeof(*loop));
	loop->timer_fd = -1;
	err = uv_loop_init(&loop->uv);
	if (err)
		return err;	/* libuv's errors are -errno on Linux */
	err = timer_init(loop);
	if (!err)
		err = signals_init(loop);
	if (err)
		loop_fini(loop);
	return err;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_fini(struct loop *loop)
{
	/* What others forgot to close is closed with ours. */
	uv_walk(&loop->uv, close_handle, NULL);
	while (uv_run(&loop->uv, UV_RUN_DEFAULT))
		;
	if (uv_loop_close(&loop->uv))
		log_err("event loop: handles left open");
	timers_fini(&loop->timers);
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	loop->timer_fd = -1;
}

int loop_run(struct loop *loop)
{
	int err = uv_run(&loop->uv, UV_RUN_DEFAULT);

	return err < 0 ? err : 0;
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

void loop_on_hup(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	loop->on_hup = fn;
	loop->hup_arg = arg;
}

/*
 * libuv ends a poll at POLLERR, which here is no end: a netlink socket that
 * lost events, an ICMPv6 error for a raw one. fn finds it by reading.
 */
static void on_fd(uv_poll_t *poll, int status, int revents)
{
	struct loop_fd *lf = poll->data;

	(void)revents;
	lf->fn(lf->arg);
	if (status < 0 && !uv_is_closing((uv_handle_t *)poll))
		uv_poll_start(poll, UV_READABLE, on_fd);
}

static void on_fd_closed(uv_handle_t *handle)
{
	free(handle);
}

int loop_fd_add(struct loop *loop, struct loop_fd *lf, int fd,
		void (*fn)(void *arg), void *arg)
{
	int err;

	memset(lf, 0, sizeof(*lf));
	lf->poll = calloc(1, sizeof(*lf->poll));
	if (!lf->poll)
		return -ENOMEM;
	err = uv_poll_init(&loop->uv, lf->poll, fd);
	if (err) {
		free(lf->poll);
		lf->poll = NULL;
		return err;
	}
	lf->poll->data = lf;
	lf->fn = fn;
	lf->arg = arg;
	err = uv_poll_start(lf->poll, UV_READABLE, on_fd);
	if (err)
		loop_fd_del(lf);
	return err;
}

void loop_fd_del(struct loop_fd *lf)
{
	if (!lf->poll)
		return;
	uv_close((uv_handle_t *)lf->poll, on_fd_closed);
	lf->poll = NULL;
}
