/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both daemons' main() have in common: the command line. */
#ifndef KEDGE_DAEMON_H
#define KEDGE_DAEMON_H

#include <stdbool.h>

struct daemon_args {
	const char *conf;	/* -c FILE */
	bool check;		/* --check: read the configuration and exit */
	bool flush;		/* --flush: take down what was left, exit */
	bool foreground;	/* --foreground: do not fork */
	bool verbose;		/* -v: debug messages */
};

/*
 * Parses argv; --help and --version print and exit 0, a wrong option prints a
 * line and exits 2.
 */
void daemon_args(struct daemon_args *args, int argc, char **argv,
		 const char *ident, const char *default_conf,
		 const char *summary);

/*
 * Goes into the background unless args->foreground: the parent waits until
 * the child calls daemon_ready() and exits 0, or 1 if the child dies first.
 * Call before threads and descriptors are made. 0 or -errno.
 */
int daemon_start(const struct daemon_args *args);
/* Standard streams become /dev/null and log lines go to syslog from here. Does
 * nothing in the foreground. */
void daemon_ready(void);

const char *daemon_version(void);	/* "0.1" */

#endif
