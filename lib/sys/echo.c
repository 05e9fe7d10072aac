/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/echo.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/ip6.h"

static int set_up(int fd, const struct in6_addr *addr)
{
	const struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
					   .sin6_addr = *addr };
	int discover = IPV6_PMTUDISC_DO, on = 1;
	struct icmp6_filter filter;

	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REQUEST, &filter);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter,
		       sizeof(filter)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover,
		       sizeof(discover)) ||
	    bind(fd, (const struct sockaddr *)&sin6, sizeof(sin6)))
		return -errno;
	return fd;
}

int echo_open(const struct in6_addr *addr)
{
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			IPPROTO_ICMPV6);
	int rc;

	if (fd < 0)
		return -errno;
	rc = set_up(fd, addr);
	if (rc < 0)
		close(fd);
	return rc;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void fill(uint8_t *p, uint16_t id, uint16_t seq, size_t len)
{
	memset(p, 0, len);
	p[0] = ICMP6_ECHO_REQUEST;
	put16(p + 4, id);
	put16(p + 6, seq);
}

int echo_send(int fd, const struct in6_addr *dst, uint16_t id, uint16_t seq,
	      size_t len)
{
	const struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
					   .sin6_addr = *dst };
	uint8_t p[65536];

	if (len < ECHO_HDR_LEN || len > sizeof(p))
		return -EINVAL;
	fill(p, id, seq, len);
	/* the kernel sees to the checksum, RFC 3542 3.1 */
	return sendto(fd, p, len, 0, (const struct sockaddr *)&sin6,
		      sizeof(sin6)) < 0 ? -errno : 0;
}

int echo_read(int fd, struct echo *out)
{
	struct sockaddr_in6 sin6;
	socklen_t size = sizeof(sin6);
	uint8_t p[ECHO_HDR_LEN];
	ssize_t n = recvfrom(fd, p, sizeof(p), 0, (struct sockaddr *)&sin6,
			     &size);

	if (n < 0)
		return -errno;
	*out = (struct echo){ .from = sin6.sin6_addr };
	if (n < ECHO_HDR_LEN)
		return 0;
	out->reply = p[0] == ICMP6_ECHO_REPLY;
	out->id = get16(p + 4);
	out->seq = get16(p + 6);
	return 0;
}

ssize_t echo_build(uint8_t *out, size_t cap, const struct in6_addr *src,
		   const struct in6_addr *dst, uint16_t id, uint16_t seq,
		   size_t len)
{
	if (len < ECHO_HDR_LEN || len > cap)
		return -EMSGSIZE;
	fill(out, id, seq, len);
	put16(out + 2, ip6_checksum(src, dst, IPPROTO_ICMPV6, out, len));
	return (ssize_t)len;
}
