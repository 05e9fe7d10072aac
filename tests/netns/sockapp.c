/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An application for tests/netns/sockets: what Python cannot do, or not fast
 * enough.
 *   sockapp rate tcp|udp ADDR PORT SECONDS	prints how many connect() a second
 *					of CPU, to an address of this host
 *   sockapp mmsg ADDR PORT		one sendmmsg() of 3, prints the answers
 *   sockapp plain ADDR TCPPORT UDPPORT	asks for nothing; its calls are traced
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DATAGRAMS = 3, TEXT = 128, ADDR_PREFERENCES = 72 };

static struct sockaddr_in6 to(const char *addr, const char *port)
{
	struct sockaddr_in6 out = {
		.sin6_family = AF_INET6, .sin6_port = htons(atoi(port)),
	};

	if (inet_pton(AF_INET6, addr, &out.sin6_addr) != 1)
		exit(2);
	return out;
}

/* Of this process's processor time: others may keep the machine busy. */
static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* A reset, so that no port stays in TIME_WAIT. */
static void close_now(int fd)
{
	struct linger l = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}

/* Its own server: nobody else's speed is measured. */
static int server(struct sockaddr_in6 *at)
{
	socklen_t len = sizeof(*at);
	int one = 1, fd = socket(AF_INET6, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)at, sizeof(*at)) || listen(fd, 16) ||
	    getsockname(fd, (struct sockaddr *)at, &len))
		exit(2);
	return fd;
}

static int rate(char **a)
{
	struct sockaddr_in6 dst = to(a[1], a[2]);
	bool tcp = !strcmp(a[0], "tcp");
	int fd, listening = tcp ? server(&dst) : -1;
	double from = now(), end = from + atof(a[3]);
	unsigned long n = 0, failed = 0;

	while (now() < end) {
		fd = socket(AF_INET6, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
		if (connect(fd, (struct sockaddr *)&dst, sizeof(dst)))
			failed++;
		n++;
		if (tcp)
			close_now(accept(listening, NULL, NULL));
		close_now(fd);
	}
	printf("%.0f failed %lu\n", n / (now() - from), failed);
	return 0;
}

static void answers(int fd, int n)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[TEXT];
	ssize_t len;

	while (n-- && poll(&p, 1, 5000) > 0) {
		len = recv(fd, text, sizeof(text) - 1, 0);
		text[len < 0 ? 0 : len] = 0;
		printf("%s\n", text);
	}
}

static int mmsg(char **a)
{
	struct sockaddr_in6 dst = to(a[0], a[1]);
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct mmsghdr m[DATAGRAMS] = { 0 };
	int i, fd = socket(AF_INET6, SOCK_DGRAM, 0);

	for (i = 0; i < DATAGRAMS; i++)
		m[i].msg_hdr = (struct msghdr){
			.msg_name = &dst, .msg_namelen = sizeof(dst),
			.msg_iov = &iov, .msg_iovlen = 1,
		};
	if (sendmmsg(fd, m, DATAGRAMS, 0) != DATAGRAMS)
		return 1;
	answers(fd, DATAGRAMS);
	return 0;
}

static void options(int fd)
{
	struct sockaddr_in6 own;
	socklen_t len = sizeof(int);
	int value = 0;

	getsockopt(fd, IPPROTO_IPV6, ADDR_PREFERENCES, &value, &len);
	len = sizeof(int);
	getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, sizeof(value));
	setsockopt(fd, IPPROTO_IPV6, 9999, &value, sizeof(value));
	len = sizeof(own);
	getsockname(fd, (struct sockaddr *)&own, &len);
}

/* With fixed ports, so that two runs can be compared. */
static void plain_one(int type, const struct sockaddr_in6 *dst,
		      const char *port, bool connected)
{
	struct sockaddr_in6 own = to("::", port);
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int one = 1, fd = socket(AF_INET6, type, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	options(fd);
	bind(fd, (struct sockaddr *)&own, sizeof(own));
	if (connected) {
		connect(fd, (const struct sockaddr *)dst, sizeof(*dst));
		options(fd);
		send(fd, "x", 1, 0);
	} else {
		sendto(fd, "x", 1, 0, (const struct sockaddr *)dst,
		       sizeof(*dst));
	}
	answers(fd, 1);
	if (type == SOCK_DGRAM)
		connect(fd, &none, sizeof(none));
	options(fd);
	close_now(fd);
}

static int plain(char **a)
{
	struct sockaddr_in6 tcp = to(a[0], a[1]), udp = to(a[0], a[2]);
	struct sockaddr_in6 bad = to("2001:db8:dead::1", "1");

	plain_one(SOCK_STREAM, &tcp, "45001", true);
	plain_one(SOCK_DGRAM, &udp, "45002", true);
	plain_one(SOCK_DGRAM, &udp, "45003", false);
	bad.sin6_scope_id = 77;
	bad.sin6_addr = tcp.sin6_addr;
	bad.sin6_port = htons(1);
	plain_one(SOCK_STREAM, &bad, "45004", true);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "rate"))
		return rate(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "mmsg"))
		return mmsg(argv + 2);
	if (argc == 5 && !strcmp(argv[1], "plain"))
		return plain(argv + 2);
	return 2;
}
