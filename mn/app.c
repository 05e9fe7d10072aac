/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The applications' socket: who asks is any user, and not to be trusted. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/ask.h"
#include "core/count.h"
#include "core/log.h"
#include "core/unixpath.h"
#include "mn/mn.h"
#include "mn/run.h"
#include "mn/told.h"

enum { CLIENTS_MAX = 256, CLIENTS_USER_MAX = 16, ACCEPTS = 64 };

/* How long one may take to ask, having connected. */
static const mtime SPEAK = {2000000000};

struct client {
	struct app *app;
	struct client *next;
	int fd;
	struct loop_fd on_fd;
	struct timer end;	/* it has asked, or has its answer, by then */
	bool waiting;		/* it has asked */
	struct ucred cred;
	struct ask ask;
};

struct app {
	struct mn *mn;
	int fd;
	struct loop_fd on_fd;
	struct client *clients;
	unsigned int n;
	struct told *told;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static void client_close(struct client *c)
{
	struct client **at;

	for (at = &c->app->clients; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	c->app->n--;
	timers_del(&c->app->mn->loop.timers, &c->end);
	loop_fd_del(&c->on_fd);
	close(c->fd);
	free(c);
}

/* ---- what is asked */

/* No byte of it has been looked at before. */
static bool ask_is_sound(const struct ask *ask)
{
	if (ask->version != ASK_VERSION || ask->service >= SERVICE__MAX ||
	    ask->wait_ms > ASK_WAIT_MAX_MS)
		return false;
	if (ask->pad[0] || ask->pad[1] || ask->pad[2])
		return false;
	if (ask->protocol && ask->protocol != IPPROTO_TCP &&
	    ask->protocol != IPPROTO_UDP)
		return false;
	if (ask->service == SERVICE_NONE)
		return ask->op == ASK_SOURCE && !ask->why;
	if (ask->why != SERVICE_WHY_RUN && ask->why != SERVICE_WHY_PREFER &&
	    ask->why != SERVICE_WHY_OPTION)
		return false;
	return ask->op == ASK_SOURCE || ask->op == ASK_RUN ||
	       (ask->op == ASK_IS_SOURCE &&
		!IN6_IS_ADDR_UNSPECIFIED(&ask->dst));
}

/* The name of a process; "" where it cannot be told. */
static void read_comm(pid_t pid, char comm[SOCK_COMM])
{
	char path[32];
	ssize_t n = 0;
	int fd;

	memset(comm, 0, SOCK_COMM);
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, comm, SOCK_COMM - 1);
	if (fd >= 0)
		close(fd);
	comm[n > 0 ? n : 0] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
}

static void query_of(const struct client *c, struct select_query *q)
{
	*q = (struct select_query){
		.asked = c->ask.service, .why = c->ask.why,
		.prefer = c->ask.prefer, .protocol = c->ask.protocol,
		.port = c->ask.port, .dst = c->ask.dst,
		.uid = c->cred.uid, .gid = c->cred.gid, .pid = c->cred.pid,
	};
	read_comm(c->cred.pid, q->comm);
}

/* ---- answers */

static void client_answer(struct client *c, const struct answer *answer)
{
	struct answer a = *answer;

	a.version = ASK_VERSION;
	/* it has room, or the client is none of ours */
	if (send(c->fd, &a, sizeof(a), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("process %d: answer not sent: %s", c->cred.pid,
			  strerror(errno));
	client_close(c);
}

static void client_error(struct client *c, int error)
{
	struct answer a = { .error = error };

	client_answer(c, &a);
}

static void client_refuse(struct client *c, enum reason reason)
{
	count_refusal(reason, "process %d of uid %u", c->cred.pid,
		      (unsigned int)c->cred.uid);
	client_close(c);
}

/* kedgectl flows and the next move go by it. native: what its datagrams have
 * for source, or ::. */
static void remember(struct client *c, const struct select_query *q,
		     const struct select_choice *choice,
		     const struct in6_addr *native)
{
	bool keeps = c->ask.protocol == IPPROTO_UDP &&
		     choice->service != SERVICE_NONPERSISTENT &&
		     IN6_IS_ADDR_UNSPECIFIED(&choice->source);
	struct sock_state state = {
		.source = keeps ? *native : choice->source, .since = (uint64_t)loop_now().ns,
		.pid = (uint32_t)c->cred.pid, .uid = c->cred.uid,
		.prefer = q->prefer,
		.rule = choice->rule < 0 ? 0 : (uint16_t)choice->rule,
		.asked = q->why == SERVICE_WHY_OPTION ? (uint8_t)q->asked : 0,
		.service = (uint8_t)choice->service,
		.why = (uint8_t)choice->why,
	};

	memcpy(state.comm, q->comm, sizeof(state.comm));
	if (c->ask.cookie && choice->why != SERVICE_WHY_DEFAULT)
		told_set(c->app->told, c->ask.cookie, &state);
}

static void refuse_denied(const struct client *c,
			  const struct select_choice *choice)
{
	count_refusal(REASON_APP_DENIED, "process %d of uid %u: %s",
		      c->cred.pid, (unsigned int)c->cred.uid, choice->reason);
}

/* What may come in time is waited for, once more. */
static void try_source(struct client *c)
{
	struct mn *mn = c->app->mn;
	struct mn_iface *i = mn_preferred(mn);
	struct select_choice choice;
	struct select_query q;
	struct answer a = {0};

	query_of(c, &q);
	select_choose(mn, &q, c->ask.wait_ms, &choice);
	if (choice.error == EINPROGRESS && timer_armed(&c->end))
		return;
	if (choice.error == EPERM)
		refuse_denied(c, &choice);
	if (IN6_IS_ADDR_UNSPECIFIED(&choice.source) && i)
		a.native = i->at.coa;
	if (!choice.error)
		remember(c, &q, &choice, &a.native);
	a.error = choice.error == EINPROGRESS ? EADDRNOTAVAIL : choice.error;
	a.source = choice.source;
	a.service = (uint8_t)choice.service;
	a.why = (uint8_t)choice.why;
	client_answer(c, &a);
}

static bool is_native(struct mn *mn, const struct in6_addr *addr)
{
	struct mn_iface *i = mn_preferred(mn);
	unsigned int k;

	for (k = 0; i && k < i->at.n_addrs; k++)
		if (ip6_addr_eq(&i->at.addrs[k].addr, addr))
			return attach_prefix(&i->at, addr);
	return false;
}

/* Is it what sockets of that type get now, or one that is kept for some? */
static bool is_source(struct client *c)
{
	struct mn *mn = c->app->mn;
	const struct in6_addr *addr = &c->ask.dst;
	struct select_choice choice;
	struct select_query q;

	query_of(c, &q);
	q.dst = in6addr_any;
	select_choose(mn, &q, false, &choice);
	if (q.asked == SERVICE_SESSION_LASTING && bul_find(&mn->bul, addr))
		return true;
	if (choice.error)
		return false;
	return IN6_IS_ADDR_UNSPECIFIED(&choice.source) ? is_native(mn, addr) :
		ip6_addr_eq(addr, &choice.source);
}

/* As if by the socket option: a type that is not to be had is refused now, not
 * at every socket of the command. */
static int may_run(struct client *c)
{
	struct select_choice choice;
	struct select_query q;

	query_of(c, &q);
	q.why = SERVICE_WHY_OPTION;
	select_choose(c->app->mn, &q, false, &choice);
	if (choice.error == EPERM)
		refuse_denied(c, &choice);
	return choice.error == EPERM || choice.error == ENOTSUP ?
		-choice.error : 0;
}

static void run(struct client *c)
{
	struct answer a = { .service = c->ask.service };
	int err = may_run(c);

	if (!err)
		err = run_put(c->app->mn, c->cred.pid, c->cred.uid,
			      c->ask.service, a.path, sizeof(a.path));
	if (!err)
		count(COUNT_APP_RUN);
	a.error = -err;
	client_answer(c, &a);
}

static void carry_out(struct client *c)
{
	count(COUNT_APP_ASKED);
	timers_del(&c->app->mn->loop.timers, &c->end);
	switch ((enum ask_op)c->ask.op) {
	case ASK_SOURCE:
		if (c->ask.wait_ms)
			timers_set(&c->app->mn->loop.timers, &c->end,
				   mtime_add(loop_now(),
					     MTIME_MS(c->ask.wait_ms)));
		c->waiting = true;
		try_source(c);
		break;
	case ASK_RUN:
		run(c);
		break;
	case ASK_IS_SOURCE:
		client_error(c, is_source(c) ? 0 : EADDRNOTAVAIL);
		break;
	}
}

/* ---- clients */

static void on_client(void *arg)
{
	struct client *c = arg;
	struct ask ask;
	ssize_t n = recv(c->fd, &ask, sizeof(ask), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_close(c);
	} else if (c->waiting || n != sizeof(ask) || !ask_is_sound(&ask)) {
		client_refuse(c, REASON_APP_MALFORMED);
	} else {
		c->ask = ask;
		carry_out(c);
	}
}

static void on_end(struct timer *timer, mtime now)
{
	struct client *c = (struct client *)((char *)timer -
					     offsetof(struct client, end));

	(void)now;
	if (c->waiting) {
		count_refusal(REASON_APP_TIMEOUT, "process %d of uid %u, %s",
			      c->cred.pid, (unsigned int)c->cred.uid,
			      service_str(c->ask.service));
		client_error(c, ETIMEDOUT);
	} else {
		client_refuse(c, REASON_APP_MALFORMED);
	}
}

static void client_crowded(struct client *c)
{
	count_refusal(REASON_APP_CROWDED, "process %d of uid %u", c->cred.pid,
		      (unsigned int)c->cred.uid);
	client_error(c, EBUSY);
}

/* One user is not to keep the others out. */
static bool crowded(const struct app *app, const struct client *c)
{
	const struct client *other;
	unsigned int n = 0;

	for (other = app->clients; other; other = other->next)
		n += other->cred.uid == c->cred.uid;
	return c->cred.uid && n > CLIENTS_USER_MAX;
}

/* Nor is one who has many (subuid(5)): who has been there longest may come
 * again. */
static void make_room(struct app *app)
{
	struct client *oldest = app->clients;

	if (app->n <= CLIENTS_MAX)
		return;
	while (oldest->next)
		oldest = oldest->next;
	client_crowded(oldest);
}

static void client_new(struct app *app, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	socklen_t len = sizeof(c->cred);

	if (!c) {
		close(fd);
		return;
	}
	c->app = app;
	c->fd = fd;
	c->end.fn = on_end;
	c->next = app->clients;
	app->clients = c;
	app->n++;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->cred, &len)) {
		client_close(c);
	} else if (crowded(app, c)) {
		client_crowded(c);
	} else if (loop_fd_add(&app->mn->loop, &c->on_fd, fd, on_client, c)) {
		client_close(c);
	} else {
		make_room(app);
		timers_set(&app->mn->loop.timers, &c->end,
			   mtime_add(loop_now(), SPEAK));
		on_client(c);	/* most have asked by now */
	}
}

static void on_listen(void *arg)
{
	struct app *app = arg;
	int k, fd;

	for (k = 0; k < ACCEPTS; k++) {
		fd = accept4(app->fd, NULL, NULL,
			     SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		client_new(app, fd);
	}
}

void app_changed(struct app *app)
{
	struct client *c, *next;

	for (c = app->clients; c; c = next) {
		next = c->next;
		if (c->waiting)
			try_source(c);
	}
}

bool app_knows(const struct app *app)
{
	return app && !told_empty(app->told);
}

const struct sock_state *app_sock(const struct app *app, uint64_t cookie,
				  uint32_t uid)
{
	return app ? told_find(app->told, cookie, uid) : NULL;
}

/* ---- start and end */

static int listen_at(struct app *app)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int err = unixpath_prepare(app->path, SOCK_SEQPACKET);

	if (err)
		return err;
	strcpy(sun.sun_path, app->path);
	app->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC |
			 SOCK_NONBLOCK, 0);
	if (app->fd < 0)
		return -errno;
	/* nobody can connect before listen() */
	if (bind(app->fd, (struct sockaddr *)&sun, sizeof(sun)) ||
	    chmod(app->path, 0666) || listen(app->fd, CLIENTS_MAX))
		return -errno;
	return loop_fd_add(&app->mn->loop, &app->on_fd, app->fd, on_listen,
			   app);
}

int app_open(struct app **out, struct mn *mn, const char *path)
{
	struct app *app;
	int err;

	if (strlen(path) >= sizeof(app->path))
		return -ENAMETOOLONG;
	app = calloc(1, sizeof(*app));
	if (!app)
		return -ENOMEM;
	app->mn = mn;
	app->fd = -1;
	strcpy(app->path, path);
	app->told = told_new();
	err = app->told ? listen_at(app) : -ENOMEM;
	if (err) {
		log_err("applications' socket %s: %s", path, strerror(-err));
		app_close(app);
		return err;
	}
	run_sweep(mn);
	*out = app;
	return 0;
}

void app_close(struct app *app)
{
	if (!app)
		return;
	while (app->clients)
		client_close(app->clients);
	loop_fd_del(&app->on_fd);
	if (app->fd >= 0) {
		close(app->fd);
		unlink(app->path);
	}
	told_free(app->told);
	run_forget(app->mn);
	free(app);
}
