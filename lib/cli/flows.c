/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flows.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <getopt.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 4000000 };	/* looked at in all */

/* ---- whose is a socket? */

struct owned {
	uint64_t inode;
	struct json_object *flow;
};

struct search {
	struct owned *v;	/* by inode */
	size_t n, left;		/* left: not found yet */
	unsigned int files;
};

static uint64_t inode_of(struct json_object *flow)
{
	struct json_object *v;

	if (!json_object_object_get_ex(flow, "inode", &v))
		return 0;
	return (uint64_t)json_object_get_int64(v);
}

static bool has_process(struct json_object *flow)
{
	struct json_object *v;

	return json_object_object_get_ex(flow, "pid", &v) && v;
}

static int by_inode(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* A name may be any bytes; JSON is UTF-8. */
static void read_comm(const char *pid, char *out, size_t len)
{
	char path[64];
	size_t n = 0;
	FILE *f;
	int c;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	while (f && n + 1 < len && (c = getc(f)) != EOF && c != '\n')
		out[n++] = c >= ' ' && c <= '~' ? (char)c : '?';
	out[n] = '\0';
	if (f)
		fclose(f);
}

static void found(struct search *s, struct owned *o, const char *pid)
{
	char comm[32];

	if (has_process(o->flow))
		return;
	read_comm(pid, comm, sizeof(comm));
	json_object_object_add(o->flow, "pid", json_object_new_int64(
			       strtoll(pid, NULL, 10)));
	json_object_object_add(o->flow, "command", *comm ?
			       json_object_new_string(comm) : NULL);
	s->left--;
}

static void see_file(struct search *s, int dir, const char *name,
		     const char *pid)
{
	struct owned key = {0}, *o;
	char link[64];
	ssize_t len = readlinkat(dir, name, link, sizeof(link) - 1);
	unsigned long long inode;

	s->files++;
	if (len < 0)
		return;
	link[len] = '\0';
	if (sscanf(link, "socket:[%llu]", &inode) != 1)
		return;
	key.inode = inode;
	o = bsearch(&key, s->v, s->n, sizeof(*s->v), by_inode);
	if (o)
		found(s, o, pid);
}

static void see_process(struct search *s, const char *pid)
{
	struct dirent *d;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while (s->left && s->files < FILES_MAX && (d = readdir(dir)))
		see_file(s, dirfd(dir), d->d_name, pid);
	closedir(dir);
}

static void see_all(struct search *s)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;

	while (proc && s->left && s->files < FILES_MAX && (d = readdir(proc)))
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9' &&
		    strlen(d->d_name) < 16)
			see_process(s, d->d_name);
	if (proc)
		closedir(proc);
}

void flows_find_processes(struct json_object *flows)
{
	size_t i, n = json_object_array_length(flows);
	struct search s = {.v = calloc(n + 1, sizeof(*s.v))};

	for (i = 0; s.v && i < n; i++) {
		struct json_object *flow = json_object_array_get_idx(flows, i);

		if (!has_process(flow) && inode_of(flow))
			s.v[s.n++] = (struct owned){inode_of(flow), flow};
	}
	s.left = s.n;
	if (s.n) {
		qsort(s.v, s.n, sizeof(*s.v), by_inode);
		see_all(&s);
	}
	free(s.v);
}

/* ---- explain */

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static bool add_number(struct json_object *o, const char *key,
		       const char *text, long max)
{
	char *end;
	long n = strtol(text, &end, 10);

	json_object_object_add(o, key, json_object_new_int64(n));
	return *text && !*end && n >= 0 && n <= max;
}

/* A name, or a number. */
static bool add_user(struct json_object *o, const char *name)
{
	const struct passwd *pw = getpwnam(name);

	if (!pw)
		return add_number(o, "uid", name, UINT32_MAX);
	json_object_object_add(o, "uid", json_object_new_int64(pw->pw_uid));
	json_object_object_add(o, "gid", json_object_new_int64(pw->pw_gid));
	return true;
}

/* An option other than -j. */
static bool add_option(struct json_object *o, int opt, const char *value)
{
	switch (opt) {
	case 't':
		add_text(o, "service", value);
		return true;
	case 'p':
		return add_number(o, "port", value, UINT16_MAX);
	case 'P':
		add_text(o, "protocol", value);
		return true;
	case 'c':
		add_text(o, "command", value);
		return true;
	case 'u':
		return add_user(o, value);
	default:	/* getopt_long() has told */
		return false;
	}
}

static struct json_object *wrong(struct json_object *o, const char *what)
{
	if (what && !*what)
		fprintf(stderr, "kedgectl: explain: to which address?\n");
	else if (what)
		fprintf(stderr, "kedgectl: explain: what is '%s'?\n", what);
	json_object_put(o);
	return NULL;
}

struct json_object *explain_request(int argc, char **argv, bool *json)
{
	static const struct option options[] = {
		{ "service", required_argument, NULL, 't' },
		{ "port", required_argument, NULL, 'p' },
		{ "protocol", required_argument, NULL, 'P' },
		{ "command", required_argument, NULL, 'c' },
		{ "user", required_argument, NULL, 'u' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct json_object *o = json_object_new_object();
	struct in6_addr addr;
	int opt;

	add_text(o, "cmd", "explain");
	optind = 0;	/* a new scan */
	while ((opt = getopt_long(argc, argv, "j", options, NULL)) != -1) {
		if (opt == 'j')
			*json = true;
		else if (!add_option(o, opt, optarg))
			return wrong(o, opt == '?' ? NULL : optarg);
	}
	if (optind == argc)
		return wrong(o, "");
	if (inet_pton(AF_INET6, argv[optind], &addr) != 1)
		return wrong(o, argv[optind]);
	add_text(o, "dst", argv[optind++]);
	return optind == argc ? o : wrong(o, argv[optind]);
}
