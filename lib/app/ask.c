/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct ask) == 48, "the same for 32 and 64 bits");
_Static_assert(sizeof(struct answer) == 44 + ASK_PATH_MAX, "likewise");

static struct sockaddr_un daemon_at = { .sun_family = AF_UNIX };

/* Once: a program may change its environment in one thread while another one
 * connects. */
__attribute__((constructor))
static void read_path(void)
{
	const char *path = secure_getenv("KEDGE_APP_SOCKET");

	if (!path || !*path || strlen(path) >= sizeof(daemon_at.sun_path))
		path = ASK_SOCKET;
	strcpy(daemon_at.sun_path, path);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What is left until end, at least 1. */
static int left_ms(int64_t end)
{
	int64_t left = end - now_ms();

	return left < 1 ? 1 : (int)left;
}

/* Connecting waits where the daemon's queue is full. */
static int dial(int fd, int64_t end)
{
	const struct sockaddr *sa = (struct sockaddr *)&daemon_at;
	struct timeval tv;
	int left;

	do {
		left = left_ms(end);
		tv = (struct timeval){ left / 1000, left % 1000 * 1000 };
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		if (!connect(fd, sa, sizeof(daemon_at)))
			return 0;
	} while (errno == EINTR && now_ms() < end);
	switch (errno) {
	case EAGAIN:
	case EINTR:
		return -ETIMEDOUT;
	case ECONNREFUSED:
	case ENOENT:
	case ENOTDIR:
		return -ENOENT;
	}
	return -errno;
}

static int await(int fd, int64_t end)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&pfd, 1, left_ms(end));
	while (n < 0 && errno == EINTR && now_ms() < end);
	if (n > 0)
		return 0;
	return n && errno != EINTR ? -errno : -ETIMEDOUT;
}

static int talk(int fd, struct ask *ask, struct answer *answer, int64_t end)
{
	int err = dial(fd, end);
	ssize_t n;

	if (err)
		return err;
	/* It may have answered already, for it is busy, and hung up. */
	if (send(fd, ask, sizeof(*ask), MSG_NOSIGNAL) < 0 && errno != EPIPE &&
	    errno != ECONNRESET)
		return errno == EAGAIN || errno == EINTR ? -ETIMEDOUT : -errno;
	err = await(fd, end);
	if (err)
		return err;
	n = recv(fd, answer, sizeof(*answer), MSG_DONTWAIT);
	/* That it did so unread is told once, before the answer. */
	if (n < 0 && errno == ECONNRESET)
		n = recv(fd, answer, sizeof(*answer), MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	if (n != sizeof(*answer) || answer->version != ASK_VERSION ||
	    answer->error < 0)
		return -EPROTO;
	return 0;
}

int kedge_ask(const struct ask *ask, struct answer *answer, int patience_ms)
{
	int64_t end = now_ms() + patience_ms + (int64_t)ask->wait_ms;
	struct ask copy = *ask;
	int saved = errno, err = 0, fd;

	copy.version = ASK_VERSION;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err = -errno;
	else
		err = talk(fd, &copy, answer, end);
	if (fd >= 0)
		close(fd);
	errno = saved;
	return err;
}
