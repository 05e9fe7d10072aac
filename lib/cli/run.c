/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kedgectl run: a command of which all sockets get a service type. By a cgroup,
 * and where there is no cgroup-BPF, by the shim.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/ask.h"
#include "proto/service.h"

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_NOT_RUN = 126,
       EXIT_NOT_FOUND = 127, PATIENCE_MS = 5000 };

static bool verbose;

static int usage(void)
{
	fprintf(stderr, "usage: kedgectl run [-v] [--service=TYPE] [--] "
		"COMMAND [ARGUMENT...]\n"
		"TYPE: fixed, session-lasting (the default), nonpersistent, "
		"graceful-replacement\n");
	return EXIT_USAGE;
}

static int execute(char **command)
{
	execvp(command[0], command);
	fprintf(stderr, "kedgectl: %s: %s\n", command[0], strerror(errno));
	return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
}

/* ---- the cgroup that kedge-mn may not make */

/* Where the root of cgroup2 is mounted, of the mounts that we see. */
static int open_root(void)
{
	char line[4096], root[1024], where[1024];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int fd = -1;
	char *type;

	while (f && fd < 0 && fgets(line, sizeof(line), f)) {
		type = strstr(line, " - ");
		if (!type || strncmp(type, " - cgroup2 ", 11) != 0 ||
		    sscanf(line, "%*s %*s %*s %1023s %1023s", root,
			   where) != 2 || strcmp(root, "/") != 0)
			continue;
		fd = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (f)
		fclose(f);
	return fd;
}

/* 0 or an errno */
static int move_into(int root, const char *path)
{
	int dir = openat(root, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = -1, err = 0;

	if (dir >= 0)
		fd = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0\n", 2) != 2)
		err = errno;
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return err;
}

/* Those that are empty beside it: kedge-mn may not take them away either. */
static void sweep(int root, const char *path)
{
	const char *leaf = strrchr(path, '.');
	enum service service;
	char other[ASK_PATH_MAX + 32];

	for (service = SERVICE_FIXED; leaf && service < SERVICE__MAX;
	     service++) {
		snprintf(other, sizeof(other), "%.*s.%s", (int)(leaf - path),
			 path, service_str(service));
		unlinkat(root, other, AT_REMOVEDIR);
	}
}

/* One that another user left is made anew, if nobody is in it. */
static int enter(const char *path)
{
	int root = open_root(), err;

	if (root < 0)
		return ENOENT;
	while (*path == '/')
		path++;
	mkdirat(root, path, 0755);	/* or it is there */
	err = move_into(root, path);
	if (err && !unlinkat(root, path, AT_REMOVEDIR) &&
	    !mkdirat(root, path, 0755)) {
		err = move_into(root, path);
	}
	sweep(root, path);
	close(root);
	return err;
}

/* 0: we are under that type. Else why not: errno, ENOENT there is no daemon. */
static int ask_run(enum service service)
{
	const struct ask ask = { .op = ASK_RUN, .service = (uint8_t)service,
				 .why = SERVICE_WHY_RUN };
	struct answer answer;
	int err = kedge_ask(&ask, &answer, PATIENCE_MS);

	if (err || answer.error != EACCES)
		return err ? -err : answer.error;
	answer.path[sizeof(answer.path) - 1] = '\0';
	err = enter(answer.path);
	if (verbose)
		fprintf(stderr, "kedgectl: cgroup %s: %s\n", answer.path,
			strerror(err));
	if (err)
		return EACCES;
	err = kedge_ask(&ask, &answer, PATIENCE_MS);
	return err ? -err : answer.error;
}

/* ---- the shim */

static int preload(enum service service)
{
	const char *shim = getenv("KEDGE_SHIM"), *others = getenv("LD_PRELOAD");
	char *text;

	if (!shim || !*shim)
		shim = SHIM;
	if (access(shim, R_OK)) {
		fprintf(stderr, "kedgectl: kedge-mn has no cgroup-BPF here, "
			"and %s: %s\n", shim, strerror(errno));
		return EXIT_REFUSED;
	}
	if (asprintf(&text, "%s%s%s", shim, others && *others ? ":" : "",
		     others ? others : "") < 0 ||
	    setenv("LD_PRELOAD", text, 1) ||
	    setenv("KEDGE_SERVICE", service_str(service), 1)) {
		fprintf(stderr, "kedgectl: %s\n", strerror(errno));
		return EXIT_REFUSED;
	}
	free(text);
	if (verbose)
		fprintf(stderr, "kedgectl: no cgroup for it: by %s, which "
			"programs that are static do not load\n", shim);
	return 0;
}

static int refused(enum service service, int err)
{
	const char *name = service_str(service);

	if (err == ENOTSUP)
		fprintf(stderr, "kedgectl: there is no %s address on this "
			"host: none is configured\n", name);
	else if (err == EPERM)
		fprintf(stderr, "kedgectl: uid %u may not ask for %s (see "
			"kedge-policy.conf(5))\n", (unsigned int)geteuid(),
			name);
	else if (err == ENOENT)
		fprintf(stderr, "kedgectl: no kedge-mn answers at the "
			"applications' socket (is it running?)\n");
	else
		fprintf(stderr, "kedgectl: %s: %s\n", name, strerror(err));
	return EXIT_REFUSED;
}

static int run(enum service service, char **command)
{
	int err = ask_run(service), status = 0;

	switch (err) {
	case 0:
		break;
	case ENOTSUP:
	case EPERM:
	case ENOENT:
	case ETIMEDOUT:
	case EPROTO:
	case EINVAL:
		return refused(service, err);
	default:		/* ENOSYS, EACCES, what cgroups do not allow */
		status = preload(service);
	}
	return status ? status : execute(command);
}

int run_command(int argc, char **argv)
{
	static const struct option options[] = {
		{ "service", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	enum service service = SERVICE_SESSION_LASTING;
	int opt;

	/* "+": the command's options are its own */
	while ((opt = getopt_long(argc, argv, "+s:vh", options, NULL)) != -1) {
		if (opt == 'v') {
			verbose = true;
		} else if (opt == 's' && service_parse(optarg, &service)) {
			continue;
		} else if (opt == 's') {
			fprintf(stderr, "kedgectl: no service type '%s'\n",
				optarg);
			return usage();
		} else {
			usage();
			return opt == 'h' ? 0 : EXIT_USAGE;
		}
	}
	return optind == argc ? usage() : run(service, argv + optind);
}
