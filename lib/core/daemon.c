/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unreleased"
#endif

static int ready_fd = -1;

const char *daemon_version(void)
{
	return PACKAGE_VERSION;
}

static void print_help(const char *ident, const char *conf,
		       const char *summary)
{
	printf("Usage: %s [-c FILE] [--check | --flush] [--foreground] [-v]\n"
	       "%s\n\n"
	       "  -c, --config FILE  configuration (default %s),\n"
	       "                     with FILE.d/*.conf\n"
	       "      --check        read the configuration, tell its errors, "
	       "exit\n"
	       "      --flush        take down what a daemon that does not run "
	       "any more\n"
	       "                     left at work, exit\n"
	       "  -f, --foreground   do not go into the background\n"
	       "  -v, --verbose      log debug messages\n"
	       "  -h, --help         this text\n"
	       "      --version      print the version\n\n"
	       "See %s(8) and %s.conf(5).\n",
	       ident, summary, conf, ident, ident);
}

__attribute__((noreturn))
static void usage_error(const char *ident)
{
	fprintf(stderr, "Try '%s --help'.\n", ident);
	exit(2);
}

void daemon_args(struct daemon_args *args, int argc, char **argv,
		 const char *ident, const char *default_conf,
		 const char *summary)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'C' },
		{ "flush", no_argument, NULL, 'F' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	*args = (struct daemon_args){ .conf = default_conf };
	while ((opt = getopt_long(argc, argv, "c:fvh", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			args->conf = optarg;
			break;
		case 'C':
			args->check = true;
			break;
		case 'F':
			args->flush = true;
			break;
		case 'f':
			args->foreground = true;
			break;
		case 'v':
			args->verbose = true;
			break;
		case 'h':
			print_help(ident, default_conf, summary);
			exit(0);
		case 'V':
			printf("%s %s\n", ident, PACKAGE_VERSION);
			exit(0);
		default:
			usage_error(ident);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: what is '%s'?\n", ident, argv[optind]);
		usage_error(ident);
	}
}

/* The parent: ends as the child tells it to, or dies before telling. */
__attribute__((noreturn))
static void wait_for_child(int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? 0 : 1);
}

/* The folder stays what it was: paths in a configuration may be relative. */
int daemon_start(const struct daemon_args *args)
{
	int fds[2], rc;
	pid_t pid;

	if (args->foreground)
		return 0;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		rc = -errno;
		close(fds[0]);
		close(fds[1]);
		return rc;
	}
	if (pid > 0) {
		close(fds[1]);
		wait_for_child(fds[0]);
	}
	close(fds[0]);
	ready_fd = fds[1];
	setsid();
	return 0;
}

/* Errors up to here were told on the terminal, later ones go to syslog. */
void daemon_ready(void)
{
	int null;

	if (ready_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	log_to_syslog();
	if (write(ready_fd, "", 1) != 1)
		log_debug("whoever started us has gone");
	close(ready_fd);
	ready_fd = -1;
}
