/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "app/shim.h"

enum { SLOTS = 4096, WINDOW = 16 };

static struct shim_sock table[SLOTS + WINDOW];
static uint64_t age;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* connect() may be called by a signal handler: none may run while the lock is
 * held. */
static void take(sigset_t *was)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, was);
	pthread_mutex_lock(&lock);
}

static void release(const sigset_t *was)
{
	pthread_mutex_unlock(&lock);
	pthread_sigmask(SIG_SETMASK, was, NULL);
}

static sigset_t forker;		/* under the lock */

static void before_fork(void)
{
	sigset_t was;

	take(&was);
	forker = was;
}

static void after_fork(void)
{
	sigset_t was = forker;

	release(&was);
}

__attribute__((constructor))
static void table_init(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}

/* Cookies are numbers in sequence. */
static struct shim_sock *window(uint64_t cookie)
{
	return &table[cookie * 31 % SLOTS];
}

static struct shim_sock *find(uint64_t cookie)
{
	struct shim_sock *s = window(cookie), *end = s + WINDOW;

	for (; s < end; s++)
		if (s->cookie == cookie)
			return s;
	return NULL;
}

static struct shim_sock *oldest(uint64_t cookie)
{
	struct shim_sock *s = window(cookie), *end = s + WINDOW, *best = s;

	for (; s < end; s++)
		if (s->age < best->age)
			best = s;
	return best;
}

void shim_get(uint64_t cookie, struct shim_sock *out)
{
	const struct shim_sock *s;
	sigset_t was;

	memset(out, 0, sizeof(*out));
	out->cookie = cookie;
	take(&was);
	s = find(cookie);
	if (s)
		*out = *s;
	release(&was);
}

void shim_set(const struct shim_sock *sock)
{
	struct shim_sock *s;
	sigset_t was;

	take(&was);
	s = find(sock->cookie);
	if (!s)
		s = oldest(sock->cookie);
	*s = *sock;
	s->age = ++age;
	release(&was);
}
