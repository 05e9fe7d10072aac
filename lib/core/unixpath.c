/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/unixpath.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* 0 where nobody listens at sun's path, and the file is gone if there was
 * one. */
static int remove_stale(const struct sockaddr_un *sun, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) ||
	    errno == EAGAIN || errno == EPROTOTYPE)
		rc = -EADDRINUSE;
	else if (errno == ECONNREFUSED && !lstat(sun->sun_path, &st) &&
		 S_ISSOCK(st.st_mode))
		rc = unlink(sun->sun_path) ? -errno : 0;
	else if (errno != ENOENT)
		rc = errno == ECONNREFUSED ? -ENOTSOCK : -errno;
	close(fd);
	return rc;
}

/* /run/kedge is not there after a boot without systemd */
static int make_folder(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return mkdir(dir, 0755) && errno != EEXIST ? -errno : 0;
}

int unixpath_prepare(const char *path, int type)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int rc;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	rc = make_folder(path);
	return rc ? rc : remove_stale(&sun, type);
}
