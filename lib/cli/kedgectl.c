/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedgectl: asks a daemon over its control socket. See kedgectl(8). */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "flows.h"
#include "metrics.h"
#include "order.h"
#include "policy.h"
#include "run.h"
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
	{ "interfaces", "where the host is attached, by which interface it is "
		"reached (kedge-mn)" },
	{ "bindings", "home addresses, their care-of addresses and traffic" },
	{ "anchors", "routers that anchor, or may anchor, addresses" },
	{ "halist", "home agents of the home links (kedge-ha)" },
	{ "flows", "sockets: service type, why, anchor and path (kedge-mn)" },
	{ "explain", "DST: the address that a flow there would get "
		"(kedge-mn)" },
	{ "sas", "security associations, IKE's too; never a key" },
	{ "owners", "who owns which home address (kedge-ha)" },
	{ "hosts", "which host has which prefix of its own (kedge-ha)" },
	{ "policy", "which flows get which service type (kedge-mn)" },
	{ "counters", "events, refused messages, the data plane's packets" },
	{ "metrics", "the same and more as OpenMetrics text, for Prometheus" },
	{ "request", "ask the remote anchor for a home address (kedge-mn)" },
	{ "revoke", "HOA: end a binding, its mobile node is told (kedge-ha)" },
	{ "switch", "HOA: another home agent is to take it over (kedge-ha)" },
	{ "test-path", "HOA: does its tunnel work, both ways? (kedge-mn)" },
	{ "move", "FLOW|HOA: to another interface (kedge-mn)" },
	{ "prepare", "IFACE: it is about to go, all leaves it (kedge-mn)" },
	{ "monitor", "events as they happen, until interrupted" },
	{ "flush", "release every binding, take all down, end kedge-mn" },
	{ NULL, NULL },
};

static struct json_object *request;	/* of a command with words of its own */

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
		printf("  %-10s %s\n", c->name, c->help);
	printf("  explain DST [--service=TYPE] [--protocol=tcp|udp] "
	       "[--port=N]\n"
	       "            [--command=NAME] [--user=NAME]\n"
	       "            for what a program asks, or is\n");
	printf("  owners forget HOA\n"
	       "            takes a home address from its owner\n"
	       "  revoke HOA | --identity=ID [--reason=admin|unspecified|"
	       "out-of-sync]\n"
	       "  switch HOA | --all [--cancel] [ADDRESS...]\n"
	       "            ADDRESS: a home agent that takes over\n"
	       "  test-path HOA [--count=N] [--wait=SECONDS]\n"
	       "            exit status 1: it does not\n"
	       "  move FLOW|HOA --to=IFACE|auto\n"
	       "            FLOW: its number in 'flows', local port, far end "
	       "or command;\n"
	       "            auto: where the policy has it\n"
	       "  prepare IFACE [--seconds=N] [--cancel]\n"
	       "            within N seconds; --cancel: it stays\n"
	       "  policy check [FILE]\n"
	       "            reads a policy file, tells its errors; asks no "
	       "daemon\n"
	       "  run [-v] [--service=TYPE] [--] COMMAND [ARGUMENT...]\n"
	       "            runs a command whose sockets get that service "
	       "type\n");
	printf("\nOptions:\n"
	       "  -s, --socket SOCKET  control socket (default $KEDGE_SOCKET, "
	       "then\n"
	       "                       %s, then %s)\n"
	       "  -j, --json           JSON, for programs\n"
	       "  -h, --help           this text\n"
	       "      --version        print the version\n\n"
	       "Exit status: 0, 1 if the daemon cannot be asked or says no, "
	       "2 for wrong usage;\nof run, the command's.\n", default_sockets[0], default_sockets[1]);
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

static int connect_to(const char *path)
{
	int fd;

	if (!path)
		path = getenv("KEDGE_SOCKET");
	if (!path || !*path)
		return dial_default();
	fd = dial(path);
	if (fd < 0)
		dial_error(path, -fd);
	return fd;
}

/* A daemon, read line by line. Not stdio: it would wait for the daemon alone,
 * not also for whoever reads our output to go away. */
struct conn {
	int fd;
	int timeout;	/* ms, or -1 */
	char *buf;
	size_t len, cap;
	size_t used;	/* of buf, by the line read last */
};

/* 0, or -errno: -EPIPE if nobody reads our output any more. */
static int wait_for(struct conn *c)
{
	struct pollfd fds[] = {
		{ .fd = c->fd, .events = POLLIN },
		{ .fd = STDOUT_FILENO },	/* POLLERR alone */
	};
	int n = interrupted ? 0 : poll(fds, 2, c->timeout);

	if (n < 0)
		return -errno;
	if (n == 0)
		return -ETIMEDOUT;
	return fds[1].revents & POLLERR ? -EPIPE : 0;
}

static int grow(struct conn *c)
{
	char *buf = realloc(c->buf, c->cap * 2 + 4096);

	if (!buf)
		return -ENOMEM;
	c->buf = buf;
	c->cap = c->cap * 2 + 4096;
	return 0;
}

static int read_more(struct conn *c)
{
	int rc = wait_for(c);
	ssize_t n;

	if (!rc && c->len == c->cap)
		rc = grow(c);
	if (rc)
		return rc;
	n = read(c->fd, c->buf + c->len, c->cap - c->len);
	if (n <= 0)
		return n ? -errno : -ECONNRESET;
	c->len += (size_t)n;
	return 0;
}

/* *line is valid until the next call. 0 or -errno. */
static int read_line(struct conn *c, const char **line)
{
	size_t seen = 0;
	char *nl = NULL;
	int rc;

	if (c->used) {
		c->len -= c->used;
		memmove(c->buf, c->buf + c->used, c->len);
		c->used = 0;
	}
	while (c->len == seen ||
	       !(nl = memchr(c->buf + seen, '\n', c->len - seen))) {
		seen = c->len;
		rc = read_more(c);
		if (rc)
			return rc;
	}
	*nl = '\0';
	c->used = (size_t)(nl - c->buf) + 1;
	*line = c->buf;
	return 0;
}

/* The next line and the object that it is. 0 or -errno. */
static int read_object(struct conn *c, const char **line,
		       struct json_object **o)
{
	int rc = read_line(c, line);

	if (rc)
		return rc;
	*o = json_tokener_parse(*line);
	if (json_object_is_type(*o, json_type_object))
		return 0;
	json_object_put(*o);
	return -EBADMSG;
}

/* Says why there was nothing to read; the exit status. */
static int read_error(int err)
{
	if (interrupted || err == -EPIPE)
		return 0;
	if (err == -ECONNRESET)
		fprintf(stderr, "kedgectl: the daemon hung up\n");
	else if (err == -ETIMEDOUT)
		fprintf(stderr, "kedgectl: no answer within %d s\n",
			ANSWER_SECONDS);
	else
		fprintf(stderr, "kedgectl: cannot read the answer: %s\n",
			strerror(-err));
	return 1;
}

static bool says_ok(struct json_object *answer)
{
	struct json_object *v;

	if (json_object_object_get_ex(answer, "ok", &v) &&
	    json_object_get_boolean(v))
		return true;
	if (!json_object_object_get_ex(answer, "error", &v))
		v = NULL;
	fprintf(stderr, "kedgectl: %s\n",
		v ? json_object_get_string(v) : "the daemon says no");
	return false;
}

static int send_line(struct conn *c, const char *line)
{
	ssize_t len = (ssize_t)strlen(line);

	if (write(c->fd, line, (size_t)len) == len)
		return 0;
	fprintf(stderr, "kedgectl: cannot ask: %s\n", strerror(errno));
	return -1;
}

/* hoa NULL: the command alone. An address needs no quoting. */
static int send_request(struct conn *c, const char *cmd, const char *hoa)
{
	char line[4096];

	if (request)
		snprintf(line, sizeof(line), "%s\n",
			 json_object_to_json_string_ext(request,
						JSON_C_TO_STRING_PLAIN));
	else if (hoa)
		snprintf(line, sizeof(line), "{\"cmd\":\"%s-forget\","
			 "\"hoa\":\"%s\"}\n", cmd, hoa);
	else
		snprintf(line, sizeof(line), "{\"cmd\":\"%s\"}\n",
			 strcmp(cmd, "metrics") ? cmd : "counters");
	return send_line(c, line);
}

/* Takes "next" out of an answer; 0: there is no more. */
static int64_t take_next(struct json_object *answer)
{
	struct json_object *v;
	int64_t next = 0;

	if (json_object_object_get_ex(answer, "next", &v))
		next = json_object_get_int64(v);
	json_object_object_del(answer, "next");
	return next;
}

static void move_list(struct json_object *to, struct json_object *from,
		      const char *key)
{
	struct json_object *list, *more;
	size_t i;

	if (!json_object_object_get_ex(to, key, &list) ||
	    !json_object_object_get_ex(from, key, &more))
		return;
	for (i = 0; i < json_object_array_length(more); i++)
		json_object_array_add(list, json_object_get(
				json_object_array_get_idx(more, i)));
}

/* What an answer left for later, into the answer; the exit status. */
static int ask_rest(struct conn *c, const char *cmd,
		    struct json_object *answer)
{
	struct json_object *page;
	char request[128];
	const char *line;
	int64_t next;
	int rc = 0;

	while (!rc && (next = take_next(answer))) {
		snprintf(request, sizeof(request),
			 "{\"cmd\":\"%s\",\"from\":%lld}\n", cmd,
			 (long long)next);
		if (send_line(c, request))
			return 1;
		rc = read_object(c, &line, &page);
		if (rc)
			return read_error(rc);
		rc = !says_ok(page);
		move_list(answer, page, cmd);
		json_object_object_add(answer, "next", json_object_new_int64(
				       take_next(page)));
		json_object_put(page);
	}
	return rc;
}

static int monitor(struct conn *c, bool json)
{
	struct json_object *ev;
	const char *line;
	int err;

	c->timeout = -1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (!(err = read_object(c, &line, &ev))) {
		if (json)
			puts(line);
		else
			show_event(stdout, ev);
		json_object_put(ev);
		if (fflush(stdout) || ferror(stdout))
			return 0;	/* told by run(), if it is an error */
	}
	return read_error(err);
}

/* What the daemon cannot see. */
static void complete(const char *cmd, struct json_object *answer)
{
	struct json_object *flows;

	if (!strcmp(cmd, "flows") &&
	    json_object_object_get_ex(answer, "flows", &flows))
		flows_find_processes(flows);
}

static int ask(struct conn *c, const char *cmd, const char *hoa, bool json)
{
	struct json_object *answer;
	const char *line;
	int rc = send_request(c, cmd, hoa);

	if (rc)
		return 1;
	rc = read_object(c, &line, &answer);
	if (rc)
		return read_error(rc);
	if (!says_ok(answer) || ask_rest(c, cmd, answer)) {
		json_object_put(answer);
		return 1;
	}
	complete(cmd, answer);
	if (!strcmp(cmd, "monitor"))
		rc = monitor(c, json);
	else if (json)
		puts(json_object_to_json_string_ext(answer,
						    JSON_C_TO_STRING_PLAIN));
	else if (hoa)
		printf("%s is nobody's now\n", hoa);
	else if (order_is(cmd))
		order_show(cmd, answer);
	else if (!strcmp(cmd, "metrics"))
		metrics_print(stdout, answer);
	else
		show(cmd, answer);
	if (order_is(cmd))
		rc = order_status(answer);
	json_object_put(answer);
	return rc;
}

static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	/* no SA_RESTART: poll() ends */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int run(const char *socket_path, bool json, const char *cmd,
	       const char *hoa)
{
	struct conn c = { .fd = connect_to(socket_path),
			  .timeout = ANSWER_SECONDS * 1000 };
	int rc;

	if (c.fd < 0)
		return 1;
	rc = ask(&c, cmd, hoa, json);
	errno = 0;
	if ((fflush(stdout) || ferror(stdout)) && errno && errno != EPIPE) {
		fprintf(stderr, "kedgectl: cannot write: %s\n",
			strerror(errno));
		rc = 1;
	}
	free(c.buf);
	close(c.fd);
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

/*
 * COMMAND, or "owners forget HOA": *hoa is NULL or an address. The first word
 * that is not understood, or NULL.
 */
static const char *words_read(char **word, int n, const char **hoa)
{
	static char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (!is_command(word[0]))
		return word[0];
	if (n == 1)
		return NULL;
	if (strcmp(word[0], "owners") || strcmp(word[1], "forget") || n == 2)
		return word[1];
	if (inet_pton(AF_INET6, word[2], &addr) != 1)
		return word[2];
	if (n > 3)
		return word[3];
	*hoa = inet_ntop(AF_INET6, &addr, text, sizeof(text));
	return NULL;
}

static const struct option options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Where in argv the command is; what follows may be options of its own. */
static int command_at(int argc, char **argv)
{
	int at;

	opterr = 0;
	while (getopt_long(argc, argv, "+s:jh", options, NULL) != -1)
		;
	at = optind;
	optind = 0;	/* a new scan */
	opterr = 1;
	return at;
}

int main(int argc, char **argv)
{
	int at = command_at(argc, argv);
	const char *socket_path = NULL, *hoa = NULL, *wrong;
	bool json = false;
	int opt;

	if (at < argc && !strcmp(argv[at], "run")) {
		if (at == 1)
			return run_command(argc - 1, argv + 1);
		fprintf(stderr, "kedgectl: run: its options come after it "
			"($KEDGE_APP_SOCKET names another socket)\n");
		usage_error();
	}
	if (at < argc && (!strcmp(argv[at], "explain") ||
			  order_is(argv[at]))) {
		request = order_is(argv[at]) ?
			order_request(argc - at, argv + at, &json) :
			explain_request(argc - at, argv + at, &json);
		if (!request)
			usage_error();
		argc = at + 1;
		optind = 0;
	}
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
	if (optind == argc)
		usage_error();
	if (!strcmp(argv[optind], "policy") && argc - optind > 1 &&
	    !strcmp(argv[optind + 1], "check")) {
		wrong = argc - optind > 3 ? argv[optind + 3] : NULL;
		if (!wrong)
			return policy_check(argv[optind + 2], json);
	} else {
		wrong = words_read(argv + optind, argc - optind, &hoa);
	}
	if (wrong) {
		fprintf(stderr, "kedgectl: what is '%s'?\n", wrong);
		usage_error();
	}
	catch_signals();
	return run(socket_path, json, argv[optind], hoa);
}
