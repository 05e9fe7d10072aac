/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app/kedge.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/ask.h"
#include "app/srcaddr.h"
#include "proto/service.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum {
	PATIENCE_MS = 1000,	/* of a daemon that need not wait for others */
	BUSY_MS = 20,		/* until one that is busy is asked again */
};

static int timeout_ms = 10000;

int kedge_timeout(int ms)
{
	if (ms < 0)
		return __atomic_load_n(&timeout_ms, __ATOMIC_RELAXED);
	return __atomic_exchange_n(&timeout_ms, ms, __ATOMIC_RELAXED);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int option(int fd, int level, int name, int *value)
{
	socklen_t len = sizeof(*value);

	return getsockopt(fd, level, name, value, &len);
}

static bool is_any(const struct in6_addr *addr)
{
	return IN6_IS_ADDR_UNSPECIFIED(addr);
}

/* Of the kernel's preferences, those that go together with a type. */
static int kept_preferences(int fd)
{
	int flags;

	if (option(fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &flags))
		return 0;
	return flags & IPV6_PREFER_SRC_TMP;
}

/* type 0: asks for none any more. */
static int ask_option(int fd, int type)
{
	int value = kept_preferences(fd) | IPV6_ONDEMAND(type);

	return setsockopt(fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &value,
			  sizeof(value));
}

/* 0, or -1 and errno: it is no socket that could be given an address. *bound:
 * it has one. */
static int check_socket(int fd, bool *bound)
{
	struct sockaddr_in6 sin6;
	socklen_t len = sizeof(sin6);
	int domain;

	if (option(fd, SOL_SOCKET, SO_DOMAIN, &domain))
		return -1;
	if (domain != AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	if (!getpeername(fd, (struct sockaddr *)&sin6, &len)) {
		errno = EISCONN;
		return -1;
	}
	len = sizeof(sin6);
	if (getsockname(fd, (struct sockaddr *)&sin6, &len))
		return -1;
	*bound = !is_any(&sin6.sin6_addr);
	if (*bound || !sin6.sin6_port)
		return 0;
	errno = EINVAL;		/* the kernel would bind no second time */
	return -1;
}

/* With the port left to connect(), sendto() or another bind(). */
static int bind_address(int fd, const struct sockaddr_in6 *to)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6, .sin6_addr = to->sin6_addr,
		.sin6_scope_id = to->sin6_scope_id,
	};
	int on = 1, was = 0, rc, err;

	option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &was);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	rc = bind(fd, (struct sockaddr *)&sin6, sizeof(sin6));
	err = errno;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &was, sizeof(was));
	errno = err;
	return rc;
}

/* Until it is there, or the time is over. 0 or an errno. */
static int wait_source(struct ask *ask, struct answer *answer)
{
	const struct timespec pause = { 0, BUSY_MS * 1000000L };
	int64_t end = now_ms() + kedge_timeout(-1), left;
	int err;

	for (;;) {
		left = end - now_ms();
		if (left < 0)
			left = 0;
		ask->wait_ms = left < ASK_WAIT_MAX_MS ? (uint32_t)left :
							ASK_WAIT_MAX_MS;
		err = kedge_ask(ask, answer, PATIENCE_MS);
		if (err)	/* no daemon, or it is of no use */
			return err == -ETIMEDOUT ? ETIMEDOUT : ENOTSUP;
		if (answer->error == EBUSY && left > BUSY_MS)
			nanosleep(&pause, NULL);
		else if (answer->error != ETIMEDOUT || left < ASK_WAIT_MAX_MS)
			return answer->error;
	}
}

static int failed(int fd, int err)
{
	ask_option(fd, 0);
	errno = err;
	return err == ENOTSUP || err == EPERM ? EAI_REQUIREDIPNOTSUPPORTED :
						EAI_REQUIREDIPFAILED;
}

static bool is_type(int type)
{
	return type >= FIXED_IP_ADDRESS &&
	       type <= GRACEFUL_REPLACEMENT_IP_ADDRESS;
}

int setsc(int sockfd, struct in6_addr *source, sc_type type)
{
	struct ask ask = { .op = ASK_SOURCE, .service = (uint8_t)type,
			   .why = SERVICE_WHY_OPTION };
	struct sockaddr_in6 sin6 = {0};
	socklen_t len = sizeof(ask.cookie);
	int saved = errno, protocol, err;
	struct answer answer;
	bool bound;

	if (!is_type((int)type)) {
		errno = EINVAL;
		return -1;
	}
	if (check_socket(sockfd, &bound) ||
	    option(sockfd, SOL_SOCKET, SO_PROTOCOL, &protocol))
		return -1;
	/* The socket programs are to know too; a kernel without ignores it. */
	if (ask_option(sockfd, (int)type))
		return failed(sockfd, errno);
	getsockopt(sockfd, SOL_SOCKET, SO_COOKIE, &ask.cookie, &len);
	ask.protocol = protocol == IPPROTO_UDP ? IPPROTO_UDP :
		protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP ?
		IPPROTO_TCP : 0;
	ask.prefer = (uint32_t)kept_preferences(sockfd);
	err = wait_source(&ask, &answer);
	if (err)
		return failed(sockfd, err);
	sin6.sin6_addr = answer.source;
	if (!bound && !is_any(&answer.source) && bind_address(sockfd, &sin6))
		return failed(sockfd, errno);
	if (source)
		*source = is_any(&answer.source) ? answer.native :
						   answer.source;
	errno = saved;
	return 0;
}

/* ---- RFC 5014 */

/* What the probe below is to prefer, as sockfd does. HOME is told by a kernel
 * for every socket, and with kedge by the OnDemand field. */
static void copy_preferences(int from, int to)
{
	int value, index = 0;

	if (!option(from, SOL_SOCKET, SO_BINDTOIFINDEX, &index) && index)
		setsockopt(to, SOL_SOCKET, SO_BINDTOIFINDEX, &index,
			   sizeof(index));
	if (option(from, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &value))
		return;
	value &= ~(IPV6_PREFER_SRC_HOME | IPV6_PREFER_SRC_CGA |
		   IPV6_PREFER_SRC_NONCGA);
	if (!setsockopt(to, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &value,
			sizeof(value)))
		return;
	value &= ~IPV6_ONDEMAND_MASK;
	setsockopt(to, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &value,
		   sizeof(value));
}

/* The address that a datagram to dst would have; connecting sends none. */
static int choose(int like, const struct sockaddr_in6 *dst,
		  struct sockaddr_in6 *out)
{
	struct sockaddr_in6 to = *dst;
	socklen_t len = sizeof(*out);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc, err;

	if (fd < 0)
		return -1;
	copy_preferences(like, fd);
	if (!to.sin6_port)
		to.sin6_port = htons(9);
	rc = connect(fd, (struct sockaddr *)&to, sizeof(to));
	if (!rc)
		rc = getsockname(fd, (struct sockaddr *)out, &len);
	err = errno;
	close(fd);
	errno = err;
	return rc;
}

int bind2addrsel(int sockfd, const struct sockaddr *dstaddr,
		 socklen_t dstaddrlen)
{
	struct sockaddr_in6 dst, source;
	int saved = errno;
	bool bound;

	if (!dstaddr || dstaddrlen < sizeof(dst)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&dst, dstaddr, sizeof(dst));
	if (dst.sin6_family != AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	if (check_socket(sockfd, &bound))
		return -1;
	if (bound) {
		errno = EINVAL;
		return -1;
	}
	if (choose(sockfd, &dst, &source) || bind_address(sockfd, &source))
		return -1;
	errno = saved;
	return 0;
}

static bool is_of_type(const struct in6_addr *addr, int type)
{
	struct ask ask = { .op = ASK_IS_SOURCE, .service = (uint8_t)type,
			   .why = SERVICE_WHY_OPTION, .dst = *addr };
	struct answer answer;

	return !kedge_ask(&ask, &answer, PATIENCE_MS) && !answer.error;
}

/*
 * RFC 5014 13: true for HOME where there is no Mobile IPv6, and at home. Here
 * every address is at home at the router that gave it; a care-of address is
 * one that nonpersistent sockets have.
 */
static bool is_home(const struct in6_addr *addr)
{
	return is_of_type(addr, FIXED_IP_ADDRESS) ||
	       is_of_type(addr, SESSION_LASTING_IP_ADDRESS) ||
	       !is_of_type(addr, NON_PERSISTENT_IP_ADDRESS);
}

static bool contradict(uint32_t flags)
{
	static const uint32_t pairs[] = {
		IPV6_PREFER_SRC_HOME | IPV6_PREFER_SRC_COA,
		IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBLIC,
		IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBTMP_DEFAULT,
		IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_PUBTMP_DEFAULT,
		IPV6_PREFER_SRC_CGA | IPV6_PREFER_SRC_NONCGA,
	};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if ((flags & pairs[i]) == pairs[i])
			return true;
	return false;
}

static bool satisfies(const struct in6_addr *addr, bool temporary,
		      uint32_t flags)
{
	int type = (int)((flags & IPV6_ONDEMAND_MASK) >> IPV6_ONDEMAND_SHIFT);

	/* Linux makes no cryptographically generated addresses. */
	if (contradict(flags) || (flags & IPV6_PREFER_SRC_CGA))
		return false;
	if ((flags & IPV6_PREFER_SRC_TMP) && !temporary)
		return false;
	if ((flags & IPV6_PREFER_SRC_PUBLIC) && temporary)
		return false;
	if ((flags & IPV6_PREFER_SRC_COA) &&
	    !is_of_type(addr, NON_PERSISTENT_IP_ADDRESS))
		return false;
	if ((flags & IPV6_PREFER_SRC_HOME) && !is_home(addr))
		return false;
	return !type || is_of_type(addr, type);
}

short inet6_is_srcaddr(struct sockaddr_in6 *srcaddr, uint32_t flags)
{
	const uint32_t known = IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBLIC |
		IPV6_PREFER_SRC_PUBTMP_DEFAULT | IPV6_PREFER_SRC_COA |
		IPV6_PREFER_SRC_HOME | IPV6_PREFER_SRC_CGA |
		IPV6_PREFER_SRC_NONCGA | IPV6_ONDEMAND_MASK;
	int type = (int)((flags & IPV6_ONDEMAND_MASK) >> IPV6_ONDEMAND_SHIFT);
	int saved = errno;
	bool temporary;
	short answer = -1;

	if (srcaddr && srcaddr->sin6_family == AF_INET6 && !(flags & ~known) &&
	    (!type || is_type(type)) &&
	    srcaddr_find(&srcaddr->sin6_addr, srcaddr->sin6_scope_id,
			 &temporary))
		answer = satisfies(&srcaddr->sin6_addr, temporary, flags);
	errno = saved;
	return answer;
}
