/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedgectl: asks a daemon over its control socket. See kedgectl(8). */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "show.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unreleased"
#endif

enum { EXIT_USAGE = 2, ANSWER_SECONDS = 10 };

static const char *const default_sockets[] = {
	"/run/kedge/mn.sock", "/run/kedge/ha.sock", NULL };

static const struct command {
	const char *name, *help;
} commands[] = {
	{ "status", "what the daemon is and where it is attached" },
	{ "bindings", "home addresses, their care-of addresses and traffic" },
	{ "anchors", "routers that anchor, or may anchor, addresses" },
	{ "flows", "sockets and the path that each takes (kedge-mn)" },
	{ "sas", "security associations; never a key" },
	{ "counters", "events, refused messages, the data plane's packets" },
	{ "monitor", "events as they happen, until interrupted" },
	{ "flush", "release every binding, take all down, end kedge-mn" },
	{ NULL, NULL },
};

static volatile sig_atomic_t interrupted;

static void on_signal(int signum)
{
	(void)signum;
	interrupted = 1;
}

static void print_help(void)
{
	const struct command *c;

	printf("Usage: kedgectl [-s SOCKET] [--json] COMMAND\n"
	       "Asks kedge-mn or kedge-ha on this machine.\n\nCommands:\n");
	for (c = commands; c->name; c++)
		printf("  %-9s %s\n", c->name, c->help);
	printf("\nOptions:\n"
	       "  -s, --socket SOCKET  control socket (default $KEDGE_SOCKET, "
	       "then\n"
	       "                       %s, then %s)\n"
	       "  -j, --json           JSON, for programs\n"
	       "  -h, --help           this text\n"
	       "      --version        print the version\n\n"
	       "Exit status: 0, 1 if the daemon cannot be asked or says no, "
	       "2 for wrong usage.\n", default_sockets[0], default_sockets[1]);
}

__attribute__((noreturn))
static void usage_error(void)
{
	fprintf(stderr, "Try 'kedgectl --help'.\n");
	exit(EXIT_USAGE);
}

/* A descriptor, or -errno. */
static int dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static void dial_error(const char *path, int err)
{
	if (err == ENOENT || err == ECONNREFUSED)
		fprintf(stderr, "kedgectl: no daemon at %s (is it running? "
			"-s names another socket)\n", path);
	else if (err == EACCES || err == EPERM)
		fprintf(stderr, "kedgectl: permission denied at %s (ask as "
			"root, or as a member of the socket's group)\n",
			path);
	else
		fprintf(stderr, "kedgectl: %s: %s\n", path, strerror(err));
}

/* The first default that answers; of errors, "permission denied" tells most. */
static int dial_default(void)
{
	int i, fd, err = ENOENT;
	const char *path = "/run/kedge/mn.sock or ha.sock";

	for (i = 0; default_sockets[i]; i++) {
		fd = dial(default_sockets[i]);
		if (fd >= 0)
			return fd;
		if (fd == -EACCES) {
			err = EACCES;
			path = default_sockets[i];
		}
	}
	dial_error(path, err);
	return -err;
}

static FILE *connect_to(const char *path)
{
	const struct timeval tv = { .tv_sec = ANSWER_SECONDS };
	FILE *f;
	int fd;

	if (!path)
		path = getenv("KEDGE_SOCKET");
	if (path && *path) {
		fd = dial(path);
		if (fd < 0)
			dial_error(path, -fd);
	} else {
		fd = dial_default();
	}
	if (fd < 0)
		return NULL;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	f = fdopen(fd, "r+");
	if (!f)
		close(fd);
	return f;
}

/* The next line as JSON, or NULL; *line holds its text. */
static struct json_object *read_object(FILE *f, char **line, size_t *cap)
{
	struct json_object *o;

	if (getline(line, cap, f) <= 0)
		return NULL;
	o = json_tokener_parse(*line);
	if (!json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		errno = EBADMSG;
		return NULL;
	}
	return o;
}

/* Says why there was nothing to read. */
static void read_error(FILE *f)
{
	if (feof(f))
		fprintf(stderr, "kedgectl: the daemon hung up\n");
	else if (errno == EAGAIN)
		fprintf(stderr, "kedgectl: no answer within %d s\n",
			ANSWER_SECONDS);
	else
		fprintf(stderr, "kedgectl: cannot read the answer: %s\n",
			strerror(errno));
}

static struct json_object *ask(FILE *f, const char *cmd, char **line,
			       size_t *cap)
{
	struct json_object *answer, *v;

	if (fprintf(f, "{\"cmd\":\"%s\"}\n", cmd) < 0 || fflush(f)) {
		fprintf(stderr, "kedgectl: cannot ask: %s\n",
			strerror(errno));
		return NULL;
	}
	answer = read_object(f, line, cap);
	if (!answer) {
		read_error(f);
		return NULL;
	}
	if (json_object_object_get_ex(answer, "ok", &v) &&
	    json_object_get_boolean(v))
		return answer;
	if (!json_object_object_get_ex(answer, "error", &v))
		v = NULL;
	fprintf(stderr, "kedgectl: %s\n",
		v ? json_object_get_string(v) : "the daemon says no");
	json_object_put(answer);
	return NULL;
}

/* Whoever read our output may have gone: no error. */
static bool out_is_gone(void)
{
	return fflush(stdout) && errno == EPIPE;
}

static int monitor(FILE *f, bool json, char **line, size_t *cap)
{
	const struct timeval forever = { 0 };
	struct json_object *ev;

	setsockopt(fileno(f), SOL_SOCKET, SO_RCVTIMEO, &forever,
		   sizeof(forever));
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((ev = read_object(f, line, cap))) {
		if (json)
			fputs(*line, stdout);
		else
			show_event(stdout, ev);
		json_object_put(ev);
		if (out_is_gone())
			return 0;
		if (interrupted)
			break;
	}
	if (interrupted)
		return 0;
	read_error(f);
	return 1;
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	/* no SA_RESTART: reading ends */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int run(const char *socket_path, bool json, const char *cmd)
{
	FILE *f = connect_to(socket_path);
	struct json_object *answer;
	char *line = NULL;
	size_t cap = 0;
	int rc = 0;

	if (!f)
		return 1;
	answer = ask(f, cmd, &line, &cap);
	if (!answer)
		rc = 1;
	else if (!strcmp(cmd, "monitor"))
		rc = monitor(f, json, &line, &cap);
	else if (json)
		fputs(line, stdout);
	else
		show(cmd, answer);
	if (fflush(stdout) && errno != EPIPE) {
		fprintf(stderr, "kedgectl: cannot write: %s\n",
			strerror(errno));
		rc = 1;
	}
	json_object_put(answer);
	free(line);
	fclose(f);
	return rc;
}

static bool is_command(const char *name)
{
	const struct command *c;

	for (c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char *socket_path = NULL;
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "s:jh", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			socket_path = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			print_help();
			return 0;
		case 'V':
			printf("kedgectl " PACKAGE_VERSION "\n");
			return 0;
		default:
			usage_error();
		}
	}
	if (optind + 1 != argc || !is_command(argv[optind])) {
		if (optind < argc)
			fprintf(stderr, "kedgectl: what is '%s'?\n",
				argv[optind + 1 < argc && is_command(
				     argv[optind]) ? optind + 1 : optind]);
		usage_error();
	}
	catch_signals();
	return run(socket_path, json, argv[optind]);
}
