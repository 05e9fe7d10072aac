/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/sockcgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

int sockcgroup_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return -errno;
	if (!fstatfs(fd, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
		return fd;
	close(fd);
	return -EINVAL;
}

uint64_t sockcgroup_id(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

/* proc(5): a space, a tab, a newline and \ are written as \OOO. */
static void unescape(char *text)
{
	char *out = text;
	unsigned int octal;

	for (; *text; text++) {
		if (*text == '\\' && sscanf(text + 1, "%3o", &octal) == 1) {
			*out++ = octal;
			text += strnlen(text + 1, 3);
		} else {
			*out++ = *text;
		}
	}
	*out = 0;
}

/* A line of mountinfo: a descriptor where it is cgroup2's root, or -ENOENT */
static int root_of_line(char *line)
{
	char *type = strstr(line, " - "), *at = NULL;
	char root[2];

	if (!type || strncmp(type + 3, "cgroup2 ", 8))
		return -ENOENT;
	if (sscanf(line, "%*s %*s %*s %1s%*[ ]%ms", root, &at) != 2 || !at) {
		free(at);
		return -ENOENT;
	}
	unescape(at);
	int fd = sockcgroup_folder(at);
	free(at);
	return fd;
}

static int root_mounted(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	int fd = -ENOENT;

	while (f && fd < 0 && getline(&line, &size, f) > 0)
		fd = root_of_line(line);
	free(line);
	if (f)
		fclose(f);
	return fd;
}

/* It lasts as long as its descriptor. */
static int root_detached(void)
{
	int fs = fsopen("cgroup2", FSOPEN_CLOEXEC), mnt, fd;

	if (fs < 0)
		return -errno;
	mnt = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ? -1 :
		fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID |
			MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	fd = mnt < 0 ? -errno : openat(mnt, ".", O_RDONLY | O_DIRECTORY |
				       O_CLOEXEC);
	if (mnt >= 0 && fd < 0)
		fd = -errno;
	if (mnt >= 0)
		close(mnt);
	close(fs);
	return fd;
}

int sockcgroup_root(void)
{
	int fd = root_mounted();

	return fd >= 0 ? fd : root_detached();
}
