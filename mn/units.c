/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/units.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "core/count.h"
#include "core/log.h"

enum { READS_MAX = 16,		/* of events, before others get their turn */
       NAME_LEN = NAME_MAX + 1 };

/* A cgroup that a rule names, or one above such a one. */
struct node {
	UT_hash_handle hh;	/* by wd */
	struct node *parent, *children, *next;
	uint64_t id;
	uint64_t within;	/* rules that name cgroups below */
	uint64_t rules;		/* that name this one */
	int wd;			/* -1: not watched */
	unsigned int depth;	/* 0: the root */
	bool users;		/* not root's */
	char name[];
};

struct units {
	struct loop_fd on_events;
	int fd, root_fd;
	units_fn *fn;
	void *arg;
	struct node *root;	/* NULL: no rule is about cgroups */
	struct node *watched;	/* hash */
	unsigned int n, n_users;
	struct count_limit full;
	unsigned int n_rules;
	char paths[SOCK_RULES_MAX][POLICY_CGROUP_MAX];
};

static void look(struct units *u, struct node *parent, const char *name);

/* Component n of a rule's path, from 0. */
static const char *component(const char *path, unsigned int n, size_t *len)
{
	for (path++; n; n--)
		path += strcspn(path, "/") + 1;
	*len = strcspn(path, "/");
	return path;
}

/* Which of the rules that name something below parent go on with name. */
static void fit(const struct units *u, const struct node *parent,
		const char *name, uint64_t *within, uint64_t *rules)
{
	size_t len = strlen(name), want;
	const char *c;
	unsigned int i;

	*within = *rules = 0;
	for (i = 0; i < u->n_rules; i++) {
		if (!(parent->within & UINT64_C(1) << i))
			continue;
		c = component(u->paths[i], parent->depth, &want);
		if (!policy_glob(c, want, name, len))
			continue;
		*(c[want] ? within : rules) |= UINT64_C(1) << i;
	}
}

/* -ENAMETOOLONG, or 0 with the path of name in node, from the root. */
static int path_of(const struct node *node, const char *name, char *out,
		   size_t len)
{
	size_t at = len, n;

	for (;;) {
		n = strlen(name) + 1;
		if (n > at)
			return -ENAMETOOLONG;
		at -= n;
		memcpy(out + at, name, n);
		out[at + n - 1] = at + n == len ? '\0' : '/';
		if (!node->parent)
			break;
		name = node->name;
		node = node->parent;
	}
	memmove(out, out + at, len - at);
	return 0;
}

static int open_child(const struct units *u, const struct node *parent,
		      const char *name)
{
	char path[PATH_MAX];
	int fd = path_of(parent, name, path, sizeof(path));

	if (fd)
		return fd;
	fd = openat(u->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		    O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int watch(struct units *u, struct node *node, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	node->wd = inotify_add_watch(u->fd, path, IN_CREATE | IN_DELETE |
				     IN_ONLYDIR);
	if (node->wd < 0)
		return -errno;
	HASH_ADD_INT(u->watched, wd, node);
	return 0;
}

/* Tells of what goes, where tell is set. */
static void forget(struct units *u, struct node *node, bool tell)
{
	struct node **at;

	while (node->children)
		forget(u, node->children, tell);
	if (node->wd >= 0) {
		/* it is not ended by the folder's end alone */
		inotify_rm_watch(u->fd, node->wd);
		HASH_DELETE(hh, u->watched, node);
	}
	if (node->parent) {
		for (at = &node->parent->children; *at != node;)
			at = &(*at)->next;
		*at = node->next;
	}
	if (tell && node->rules)
		u->fn(u->arg, node->id, 0);
	u->n--;
	u->n_users -= node->users;
	free(node);
}

static bool has_room(struct units *u, bool users, const char *name)
{
	if (u->n < UNITS_MAX && (!users || u->n_users < UNITS_USERS_MAX))
		return true;
	count(COUNT_UNITS_FULL);
	if (count_may_log(&u->full))
		log_warn("cgroup %s: too many that rules of the policy name%s",
			 name, count_left_out(&u->full));
	return false;
}

static struct node *node_new(struct units *u, struct node *parent,
			     const char *name, const struct stat *st)
{
	bool users = st->st_uid;
	struct node *node;

	if (!has_room(u, users, name))
		return NULL;
	node = calloc(1, sizeof(*node) + strlen(name) + 1);
	if (!node)
		return NULL;
	strcpy(node->name, name);
	node->id = st->st_ino;
	node->wd = -1;
	node->users = users;
	u->n++;
	u->n_users += users;
	if (!parent)
		return node;
	node->depth = parent->depth + 1;
	node->parent = parent;
	node->next = parent->children;
	parent->children = node;
	return node;
}

/* Looks at what is in node's folder; takes fd. */
static void look_into(struct units *u, struct node *node, int fd)
{
	const struct dirent *entry;
	DIR *dir = fdopendir(fd);

	if (!dir) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			look(u, node, entry->d_name);
	closedir(dir);
}

/* The watch comes first: what is made meanwhile is seen twice, not never. */
static void begin(struct units *u, struct node *node, int fd)
{
	int err = node->within ? watch(u, node, fd) : 0;

	if (err) {
		count(COUNT_UNITS_FULL);
		log_warn("cgroup /%s: not watched: %s", node->name,
			 strerror(-err));
	}
	if (node->rules)
		u->fn(u->arg, node->id, node->rules);
	if (node->within)
		look_into(u, node, fd);
	else
		close(fd);
}

static void add(struct units *u, struct node *parent, const char *name,
		const struct stat *st, int fd)
{
	struct node *node;
	uint64_t within, rules;

	fit(u, parent, name, &within, &rules);
	node = node_new(u, parent, name, st);
	if (!node) {
		close(fd);
		return;
	}
	node->within = within;
	node->rules = rules;
	begin(u, node, fd);
}

static struct node *find_child(const struct node *parent, const char *name)
{
	struct node *c;

	for (c = parent->children; c; c = c->next)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

/*
 * Something was made or deleted under this name, or may have been. Events come
 * late: what counts is what is there.
 */
static void look(struct units *u, struct node *parent, const char *name)
{
	struct node *known;
	uint64_t within, rules;
	struct stat st;
	int fd;

	fit(u, parent, name, &within, &rules);
	if (!within && !rules)
		return;
	known = find_child(parent, name);
	fd = open_child(u, parent, name);
	if (fd >= 0 && fstat(fd, &st)) {
		close(fd);
		fd = -errno;
	}
	if (known && fd >= 0 && known->id == st.st_ino) {
		close(fd);
		return;
	}
	if (known && (fd >= 0 || fd == -ENOENT))
		forget(u, known, true);
	if (fd >= 0)
		add(u, parent, name, &st, fd);
}

/* Events were lost: looks at all that is known, and for what is not. */
static void look_again(struct units *u, struct node *node)
{
	struct node *child, *next;
	char name[NAME_LEN];
	int fd;

	for (child = node->children; child; child = next) {
		next = child->next;
		snprintf(name, sizeof(name), "%s", child->name);
		look(u, node, name);
	}
	for (child = node->children; child; child = child->next)
		look_again(u, child);
	if (!node->within)
		return;
	fd = node->parent ? open_child(u, node->parent, node->name) :
			    openat(u->root_fd, ".", O_RDONLY | O_DIRECTORY |
				   O_CLOEXEC);
	if (fd >= 0)
		look_into(u, node, fd);
}

static void on_event(struct units *u, const struct inotify_event *ev)
{
	struct node *node;

	if (ev->mask & IN_Q_OVERFLOW) {
		log_warn("cgroups: events were lost; looking again");
		if (u->root)
			look_again(u, u->root);
		return;
	}
	if (!(ev->mask & IN_ISDIR) || !ev->len)
		return;
	HASH_FIND_INT(u->watched, &ev->wd, node);
	if (node)
		look(u, node, ev->name);
}

static void on_events(void *arg)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct inotify_event *ev;
	struct units *u = arg;
	ssize_t n, at;
	int i;

	for (i = 0; i < READS_MAX; i++) {
		n = read(u->fd, buf, sizeof(buf));
		if (n <= 0)
			return;
		for (at = 0; at < n; at += (ssize_t)(sizeof(*ev) + ev->len)) {
			ev = (const struct inotify_event *)(buf + at);
			on_event(u, ev);
		}
	}
}

int units_open(struct units **out, struct loop *loop, int root_fd,
	       units_fn *fn, void *arg)
{
	struct units *u = calloc(1, sizeof(*u));
	int err;

	if (!u)
		return -ENOMEM;
	u->root_fd = root_fd;
	u->fn = fn;
	u->arg = arg;
	u->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	err = u->fd < 0 ? -errno : loop_fd_add(loop, &u->on_events, u->fd,
					       on_events, u);
	if (err) {
		if (u->fd >= 0)
			close(u->fd);
		free(u);
		return err;
	}
	*out = u;
	return 0;
}

static uint64_t take_paths(struct units *u, const struct policy *policy)
{
	uint64_t within = 0;
	unsigned int i;

	u->n_rules = policy->n_rules;
	for (i = 0; i < policy->n_rules; i++) {
		memcpy(u->paths[i], policy->rules[i].cgroup,
		       sizeof(u->paths[i]));
		if (policy->rules[i].match.flags & SOCK_RULE_CGROUP)
			within |= UINT64_C(1) << i;
	}
	return within;
}

int units_set(struct units *u, const struct policy *policy)
{
	uint64_t within = take_paths(u, policy);
	struct stat st;
	int fd;

	if (u->root)
		forget(u, u->root, false);
	u->root = NULL;
	if (!within)
		return 0;
	fd = openat(u->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		return err;
	}
	u->root = node_new(u, NULL, "", &st);
	if (!u->root) {
		close(fd);
		return -ENOMEM;
	}
	u->root->within = within;
	begin(u, u->root, fd);
	return u->root->wd < 0 ? -ENOSPC : 0;
}

void units_close(struct units *u)
{
	if (!u)
		return;
	loop_fd_del(&u->on_events);
	if (u->root)
		forget(u, u->root, false);
	close(u->fd);
	free(u);
}

unsigned int units_known(const struct units *u)
{
	return u->n;
}

unsigned int units_watched(const struct units *u)
{
	return HASH_COUNT(u->watched);
}

/*
 * The line that is cgroup2's: "0::/system.slice/...". Whole lines: users make
 * names that would look like one where a long line is read in pieces.
 */
int units_of_proc(int proc, char *out, size_t len)
{
	int fd = openat(proc, "cgroup", O_RDONLY | O_CLOEXEC), err = -ESRCH;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	size_t size = 0, n;
	char *line = NULL;

	*out = '\0';
	if (!f && fd >= 0)
		close(fd);
	while (f && err == -ESRCH && getline(&line, &size, f) > 0) {
		if (strncmp(line, "0::/", 4))
			continue;
		n = strcspn(line + 3, "\n");
		err = n < len ? 0 : -ENAMETOOLONG;
		if (!err)
			snprintf(out, len, "%.*s", (int)n, line + 3);
	}
	free(line);
	if (f)
		fclose(f);
	return err;
}

int units_of_pid(pid_t pid, char *out, size_t len)
{
	char path[32];
	int fd, err;

	*out = '\0';
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = units_of_proc(fd, out, len);
	close(fd);
	return err;
}
