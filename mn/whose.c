/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/whose.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mn/units.h"

static void add(struct whose *out, unsigned long gid)
{
	if (out->n_groups < WHOSE_GROUPS_MAX)
		out->groups[out->n_groups++] = (uint32_t)gid;
}

/* "Gid: real effective saved fs", then "Groups: ..." */
static void read_groups(struct whose *out, int proc)
{
	int fd = openat(proc, "status", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	unsigned long real, effective;
	char *line = NULL, *at, *end;
	size_t size = 0;

	if (!f && fd >= 0)
		close(fd);
	while (f && getline(&line, &size, f) > 0) {
		if (sscanf(line, "Gid: %lu %lu", &real, &effective) == 2)
			add(out, effective);
		if (strncmp(line, "Groups:", 7))
			continue;
		for (at = line + 7; *at && *at != '\n'; at = end) {
			unsigned long gid = strtoul(at, &end, 10);

			if (end == at)
				break;
			add(out, gid);
		}
	}
	free(line);
	if (f)
		fclose(f);
}

void whose_of(struct whose *out, const struct sock_rec *rec, bool more)
{
	char path[32];
	int proc;

	*out = (struct whose){0};
	if (!rec->has_state)
		return;
	memcpy(out->comm, rec->state.comm, SOCK_COMM);
	if (!more || !rec->state.pid)
		return;
	snprintf(path, sizeof(path), "/proc/%u", rec->state.pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return;
	read_groups(out, proc);
	units_of_proc(proc, out->cgroup, sizeof(out->cgroup));
	close(proc);
}
