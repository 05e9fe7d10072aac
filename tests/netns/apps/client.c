/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of echo.py, for tests/netns/services: one socket, numbered records,
 * and a line of JSON for all that happens. Built dynamic, static, and (RAW)
 * static with each socket call a system call instruction of its own: what no
 * library can hook.
 *
 * client CELL tcp|udp|udp-connected api|option|none TYPE ADDRESS PORT
 *
 * TYPE: 1 to 4. Ends by SIGTERM, or when a connection fails.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "app/kedge.h"

enum { RECORD = 32, EVERY_MS = 150, STEP_MS = 50 };

#ifdef RAW
#ifdef __x86_64__
static long raw(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e,
		      r9 __asm__("r9") = f;
	long rc;

	__asm__ volatile("syscall" : "=a"(rc) : "a"(nr), "D"(a), "S"(b),
			 "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return rc;
}
#else
#define raw(...) syscall_result(syscall(__VA_ARGS__))
static long syscall_result(long rc)
{
	return rc < 0 ? -errno : rc;
}
#endif

static long call(long nr, long a, long b, long c, long d, long e, long f)
{
	long rc = raw(nr, a, b, c, d, e, f);

	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}
#define socket(d, t, p) (int)call(SYS_socket, d, t, p, 0, 0, 0)
#define connect(fd, a, n) (int)call(SYS_connect, fd, (long)(a), (long)(n), 0, \
				    0, 0)
#define setsockopt(fd, l, o, v, n) \
	(int)call(SYS_setsockopt, fd, l, o, (long)(v), (long)(n), 0)
#define getsockopt(fd, l, o, v, n) \
	(int)call(SYS_getsockopt, fd, l, o, (long)(v), (long)(n), 0)
#define getsockname(fd, a, n) \
	(int)call(SYS_getsockname, fd, (long)(a), (long)(n), 0, 0, 0)
#define sendto(fd, b, n, f, a, m) \
	call(SYS_sendto, fd, (long)(b), (long)(n), f, (long)(a), (long)(m))
#define recvfrom(fd, b, n, f, a, m) \
	call(SYS_recvfrom, fd, (long)(b), (long)(n), f, (long)(a), (long)(m))
#endif

static struct client {
	const char *cell;
	struct sockaddr_in6 to;
	bool tcp, connected;
	int fd;
	unsigned int sent, echoed;
	size_t got;		/* of a record */
	char in[RECORD];
} me;

static volatile sig_atomic_t ended;

static void on_term(int signum)
{
	(void)signum;
	ended = 1;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

__attribute__((format(printf, 2, 3)))
static void tell(const char *event, const char *fmt, ...)
{
	va_list ap;

	printf("{\"cell\":\"%s\",\"time\":%.6f,\"event\":\"%s\"", me.cell,
	       now(), event);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(",\"sent\":%u,\"echoed\":%u}\n", me.sent, me.echoed);
	fflush(stdout);
}

/* A call failed: says so, with the name of the error. */
static void tell_error(const char *call, int result)
{
	tell("error", ",\"call\":\"%s\",\"errno\":\"%s\",\"result\":%d", call,
	     strerrorname_np(errno), result);
}

static bool ask(const char *how, int type)
{
	struct in6_addr source = in6addr_any;
	char text[INET6_ADDRSTRLEN];
	int value = IPV6_ONDEMAND(type), rc;

	if (!strcmp(how, "api")) {
		rc = setsc(me.fd, &source, (sc_type)type);
		if (rc) {
			tell_error("setsc", rc);
			return false;
		}
		inet_ntop(AF_INET6, &source, text, sizeof(text));
		tell("setsc", ",\"source\":\"%s\"", text);
	} else if (!strcmp(how, "option")) {
		rc = setsockopt(me.fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES,
				&value, sizeof(value));
		if (rc) {
			tell_error("setsockopt", rc);
			return false;
		}
	}
	return true;
}

static void tell_local(const char *event)
{
	struct sockaddr_in6 sin6 = {0};
	socklen_t len = sizeof(sin6), n = sizeof(int);
	char text[INET6_ADDRSTRLEN];
	int value = 0;

	if (getsockname(me.fd, (struct sockaddr *)&sin6, &len) ||
	    getsockopt(me.fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &value, &n))
		tell_error("getsockname", -1);
	inet_ntop(AF_INET6, &sin6.sin6_addr, text, sizeof(text));
	tell(event, ",\"local\":\"%s\",\"port\":%u,\"type\":%d", text,
	     (unsigned int)ntohs(sin6.sin6_port),
	     (value & IPV6_ONDEMAND_MASK) >> IPV6_ONDEMAND_SHIFT);
}

static bool open_socket(const char *how, int type)
{
	me.fd = socket(AF_INET6, (me.tcp ? SOCK_STREAM : SOCK_DGRAM) |
		       SOCK_CLOEXEC, 0);
	if (me.fd < 0) {
		tell_error("socket", -1);
		return false;
	}
	if (!ask(how, type))
		return false;
	if (me.connected && connect(me.fd, (struct sockaddr *)&me.to,
				    sizeof(me.to))) {
		tell_error("connect", -1);
		return false;
	}
	tell_local("open");
	return true;
}

/* false: the connection has failed. Datagrams are lost, and no more. */
static bool send_record(void)
{
	const struct sockaddr *to = (const struct sockaddr *)&me.to;
	char out[RECORD + 1];
	long n;

	snprintf(out, sizeof(out), "%-20.20s %10u\n", me.cell, me.sent);
	n = sendto(me.fd, out, RECORD, MSG_NOSIGNAL | MSG_DONTWAIT,
		   me.connected ? NULL : to, me.connected ? 0 : sizeof(me.to));
	if (n == RECORD) {
		me.sent++;
		return true;
	}
	if (n < 0 && errno == EAGAIN)
		return true;
	tell_error("send", (int)n);
	return !me.tcp;
}

static bool receive(void)
{
	long n = recvfrom(me.fd, me.in + me.got, RECORD - me.got, MSG_DONTWAIT,
			  NULL, NULL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0 || (!n && me.tcp)) {
		if (!n)
			errno = ENODATA;
		tell_error("recv", (int)n);
		return !me.tcp;
	}
	me.got += (size_t)n;
	if (me.got < RECORD)
		return true;
	me.got = 0;
	me.echoed = (unsigned int)strtoul(me.in + 20, NULL, 10) + 1;
	return true;
}

static void run(void)
{
	struct pollfd pfd = { .fd = me.fd, .events = POLLIN };
	double next = 0, told = 0;

	while (!ended) {
		if (now() >= next) {
			next = now() + EVERY_MS / 1e3;
			if (!send_record())
				return;
		}
		if (poll(&pfd, 1, STEP_MS) > 0 && !receive())
			return;
		if (now() >= told + 0.5) {
			told = now();
			tell("echo", "%s", "");
		}
	}
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_term };

	if (argc != 7) {
		fprintf(stderr, "usage: see client.c\n");
		return 2;
	}
	sigaction(SIGTERM, &sa, NULL);
	me.cell = argv[1];
	me.tcp = !strcmp(argv[2], "tcp");
	me.connected = strcmp(argv[2], "udp") != 0;
	me.to.sin6_family = AF_INET6;
	me.to.sin6_port = htons((uint16_t)atoi(argv[6]));
	if (inet_pton(AF_INET6, argv[5], &me.to.sin6_addr) != 1)
		return 2;
	if (!open_socket(argv[3], atoi(argv[4])))
		return 1;
	run();
	tell_local("end");
	return 0;
}
