/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/log.h"

static struct watchdog {
	struct timer timer;
	struct timers *timers;
	mtime interval;
} watchdog;

void notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len;
	int fd;

	if (!path || !*path || strlen(path) >= sizeof(sun.sun_path))
		return;
	memcpy(sun.sun_path, path, strlen(path));
	len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
	if (path[0] == '@')	/* sd_notify(3): the abstract namespace */
		sun.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		   (struct sockaddr *)&sun, len) < 0)
		log_debug("notify socket: %s", strerror(errno));
	close(fd);
}

static void on_watchdog(struct timer *timer, mtime now)
{
	notify_send("WATCHDOG=1");
	timers_set(watchdog.timers, timer, mtime_add(now, watchdog.interval));
}

void notify_watchdog(struct loop *loop)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	long long us = usec ? strtoll(usec, NULL, 10) : 0;

	if (us <= 0 || (pid && strtol(pid, NULL, 10) != getpid()))
		return;
	watchdog = (struct watchdog){
		.timer.fn = on_watchdog,
		.timers = &loop->timers,
		.interval = {us * 1000 / 2},
	};
	on_watchdog(&watchdog.timer, loop_now());
}
