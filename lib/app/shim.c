/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD: what the socket programs (lib/bpf/sock.bpf.c) do, where there is
 * no cgroup-BPF, for programs that call libc. The same semantics; it asks
 * kedge-mn where they look into their maps. A program that asked for nothing is
 * never failed by it, and is kept waiting by a daemon that hangs for a moment
 * alone.
 */
#include "app/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "app/ask.h"
#include "app/kedge.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum {
	PATIENCE_MS = 200,	/* of a daemon that hangs */
	DEAF_MS = 5000,		/* it hung: others do not wait for it */
	CONTROL_MAX = 1024,	/* of a datagram that is to have a source */
};

/* ---- libc's own */

static struct {
	int (*setsockopt)(int, int, int, const void *, socklen_t);
	int (*getsockopt)(int, int, int, void *, socklen_t *);
	int (*bind)(int, const struct sockaddr *, socklen_t);
	int (*connect)(int, const struct sockaddr *, socklen_t);
	ssize_t (*sendto)(int, const void *, size_t, int,
			  const struct sockaddr *, socklen_t);
	ssize_t (*sendmsg)(int, const struct msghdr *, int);
	int (*sendmmsg)(int, struct mmsghdr *, unsigned int, int);
} libc;

static enum service run_service;	/* $KEDGE_SERVICE */
static int64_t deaf_until;

static void init(void)
{
	const char *text = getenv("KEDGE_SERVICE");

	*(void **)&libc.setsockopt = dlsym(RTLD_NEXT, "setsockopt");
	*(void **)&libc.getsockopt = dlsym(RTLD_NEXT, "getsockopt");
	*(void **)&libc.bind = dlsym(RTLD_NEXT, "bind");
	*(void **)&libc.sendto = dlsym(RTLD_NEXT, "sendto");
	*(void **)&libc.sendmsg = dlsym(RTLD_NEXT, "sendmsg");
	*(void **)&libc.sendmmsg = dlsym(RTLD_NEXT, "sendmmsg");
	if (!text || !service_parse(text, &run_service))
		run_service = SERVICE_NONE;
	/* the last: ready() looks at it */
	__atomic_store_n((void **)&libc.connect, dlsym(RTLD_NEXT, "connect"),
			 __ATOMIC_RELEASE);
}

/* Another library's constructor may be first. To resolve twice is no harm. */
__attribute__((constructor))
static void ready(void)
{
	int saved = errno;

	if (!__atomic_load_n((void **)&libc.connect, __ATOMIC_ACQUIRE))
		init();
	errno = saved;
}

static int fail(int err)
{
	errno = err;
	return -1;
}

static int option(int fd, int level, int name, int *value)
{
	socklen_t len = sizeof(*value);

	return libc.getsockopt(fd, level, name, value, &len);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- which sockets, which destinations */

/* Are the kernel's programs at work? Then there is nothing to do here. A kernel
 * without ignores the field. */
static bool probe_kernel(void)
{
	int value = IPV6_ONDEMAND(NON_PERSISTENT_IP_ADDRESS), err;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	err = libc.setsockopt(fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &value,
			      sizeof(value)) ||
	      option(fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &value);
	close(fd);
	return err || (value & IPV6_ONDEMAND_MASK);
}

static bool kernel_does_it(void)
{
	static int known;	/* 1: it does, 2: it does not */
	int is = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (!is) {
		is = probe_kernel() ? 1 : 2;
		__atomic_store_n(&known, is, __ATOMIC_RELAXED);
	}
	return is == 1;
}

/* TCP (MPTCP is too) or UDP over IPv6: its protocol; 0: not ours. */
static uint8_t protocol_of(int fd)
{
	int domain, protocol;

	if (option(fd, SOL_SOCKET, SO_DOMAIN, &domain) || domain != AF_INET6 ||
	    option(fd, SOL_SOCKET, SO_PROTOCOL, &protocol))
		return 0;
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP)
		return IPPROTO_TCP;
	return protocol == IPPROTO_UDP ? IPPROTO_UDP : 0;
}

static bool is_any(const struct in6_addr *addr)
{
	return IN6_IS_ADDR_UNSPECIFIED(addr);
}

/* Has that destination a source that could be chosen? */
static bool is_destination(const struct sockaddr *addr, socklen_t len,
			   struct sockaddr_in6 *out)
{
	const struct in6_addr *a = &out->sin6_addr;

	if (!addr || len < sizeof(*out) || addr->sa_family != AF_INET6)
		return false;
	memcpy(out, addr, sizeof(*out));
	if (is_any(a) || IN6_IS_ADDR_LOOPBACK(a) ||
	    IN6_IS_ADDR_LINKLOCAL(a) || IN6_IS_ADDR_V4MAPPED(a))
		return false;
	/* up to site scope */
	return !IN6_IS_ADDR_MULTICAST(a) || (a->s6_addr[1] & 0x0f) > 5;
}

static bool load(int fd, struct shim_sock *s)
{
	socklen_t len = sizeof(s->cookie);
	uint64_t cookie;

	if (libc.getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len))
		return false;
	shim_get(cookie, s);
	return true;
}

/* Its own address; :: with or without a port. */
static bool local_of(int fd, struct sockaddr_in6 *out)
{
	socklen_t len = sizeof(*out);

	return !getsockname(fd, (struct sockaddr *)out, &len) &&
	       out->sin6_family == AF_INET6;
}

/* ---- what is to be had */

static enum service wanted(const struct shim_sock *s, enum service_why *why)
{
	*why = s->asked ? SERVICE_WHY_OPTION :
	       s->prefer ? SERVICE_WHY_PREFER :
	       run_service ? SERVICE_WHY_RUN : SERVICE_WHY_DEFAULT;
	return s->asked ?: s->prefer ?: run_service;
}

static bool deaf(void)
{
	return now_ms() < __atomic_load_n(&deaf_until, __ATOMIC_RELAXED);
}

/* One that must know waits for a daemon again that has just hung. */
static int ask_daemon(const struct ask *ask, struct answer *answer, bool must)
{
	int err;

	if (!must && deaf())
		return -ETIMEDOUT;
	err = kedge_ask(ask, answer, PATIENCE_MS);
	if (err == -ETIMEDOUT)
		__atomic_store_n(&deaf_until, now_ms() + DEAF_MS,
				 __ATOMIC_RELAXED);
	return err;
}

/* Is there such a type for us? 0 or errno; -ENOENT: there is no daemon. */
static int ask_type(enum service service, enum service_why why)
{
	const struct ask ask = { .op = ASK_SOURCE, .service = (uint8_t)service,
				 .why = (uint8_t)why };
	struct answer answer;
	int err = ask_daemon(&ask, &answer, true);

	return err ? -ENOENT : answer.error;
}

/* A socket that is not bound is to have this network's after a move as well. */
static struct in6_addr kept(const struct answer *answer)
{
	if (!is_any(&answer->source) ||
	    answer->service == SERVICE_NONPERSISTENT ||
	    answer->why == SERVICE_WHY_DEFAULT)
		return answer->source;
	return answer->native;
}

/*
 * The source for dst, and *s as it is then. 0: s->source, where :: is the
 * kernel's choice; an errno: who asked by option is to be failed by it. keep:
 * for datagrams of a socket that is not bound.
 */
static int choose(struct shim_sock *s, uint8_t protocol, int preferences,
		  const struct sockaddr_in6 *dst, bool keep)
{
	struct ask ask = {
		.op = ASK_SOURCE, .protocol = protocol, .cookie = s->cookie,
		.prefer = (uint32_t)preferences & IPV6_PREFER_SRC_TMP,
		.dst = dst->sin6_addr, .port = ntohs(dst->sin6_port),
	};
	struct answer answer;
	enum service_why why;
	int err;

	ask.service = (uint8_t)wanted(s, &why);
	ask.why = (uint8_t)why;
	err = ask_daemon(&ask, &answer, why == SERVICE_WHY_OPTION);
	if (err)
		answer = (struct answer){ .error = EADDRNOTAVAIL };
	s->chosen = true;
	s->source = keep ? kept(&answer) : answer.source;
	s->service = answer.service;
	s->why = answer.why;
	if (!answer.error)
		return 0;
	s->source = in6addr_any;
	if (why != SERVICE_WHY_OPTION)
		return 0;
	return answer.error == EPERM || answer.error == ENOTSUP ?
		answer.error : EADDRNOTAVAIL;
}

static int preferences_of(int fd)
{
	int value;

	return option(fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &value) ? 0 :
								value;
}

/* With the port left to the kernel. 0 or errno. */
static int give_address(int fd, const struct in6_addr *addr)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
				     .sin6_addr = *addr };
	int on = 1, was = 0, err = 0;

	option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &was);
	libc.setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
			sizeof(on));
	if (libc.bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)))
		err = errno;
	libc.setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &was,
			sizeof(was));
	return err;
}

/*
 * Before a connection: binds the socket to what it is to have. 0, or errno that
 * the call is to fail with.
 */
static int prepare(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_in6 dst, local;
	struct shim_sock s;
	uint8_t protocol;
	int err;

	if (!is_destination(addr, len, &dst) || kernel_does_it())
		return 0;
	protocol = protocol_of(fd);
	if (!protocol || !local_of(fd, &local) || !load(fd, &s))
		return 0;
	/* its own, or this shim's; the daemon is told of its type all the same */
	if (!is_any(&local.sin6_addr) && !s.asked && !s.prefer && !run_service)
		return 0;
	err = choose(&s, protocol, preferences_of(fd), &dst, false);
	if (!is_any(&local.sin6_addr))
		err = 0;
	else if (!err && !is_any(&s.source) && give_address(fd, &s.source))
		err = s.asked ? EADDRNOTAVAIL : 0;
	shim_set(&s);
	return err;
}

/* ---- the calls */

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int saved = errno, err;

	ready();
	err = prepare(fd, addr, len);
	if (err)
		return fail(err);
	errno = saved;
	return libc.connect(fd, addr, len);
}

/* Of fixed, session-lasting and graceful-replacement by option: servers that
 * listen at all addresses listen at that one. */
static bool binds_to_type(int fd, const struct sockaddr *addr, socklen_t len,
			  struct sockaddr_in6 *to)
{
	const struct sockaddr_in6 anywhere = { .sin6_family = AF_INET6 };
	struct shim_sock s;
	uint8_t protocol;

	if (!addr || len < sizeof(*to) || addr->sa_family != AF_INET6)
		return false;
	memcpy(to, addr, sizeof(*to));
	if (!is_any(&to->sin6_addr) || kernel_does_it())
		return false;
	protocol = protocol_of(fd);
	if (!protocol || !load(fd, &s) || !s.asked ||
	    s.asked == SERVICE_NONPERSISTENT)
		return false;
	if (choose(&s, protocol, preferences_of(fd), &anywhere, false) ||
	    is_any(&s.source))
		return false;
	to->sin6_addr = s.source;
	shim_set(&s);
	return true;
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_in6 to;
	int saved = errno;
	bool other;

	ready();
	other = binds_to_type(fd, addr, len, &to);
	errno = saved;
	return libc.bind(fd, other ? (struct sockaddr *)&to : addr, len);
}

/* What HOME and COA amount to here, as preferences: they fail no call. */
static enum service preferred(int value)
{
	if ((value & IPV6_PREFER_SRC_COA) &&
	    !ask_type(SERVICE_NONPERSISTENT, SERVICE_WHY_PREFER))
		return SERVICE_NONPERSISTENT;
	if (!(value & IPV6_PREFER_SRC_HOME))
		return SERVICE_NONE;
	if (!ask_type(SERVICE_FIXED, SERVICE_WHY_OPTION))
		return SERVICE_FIXED;
	if (!ask_type(SERVICE_SESSION_LASTING, SERVICE_WHY_OPTION))
		return SERVICE_SESSION_LASTING;
	return SERVICE_NONE;
}

static int set_preferences(int fd, int value, const void *optval, socklen_t len)
{
	int type = (value & IPV6_ONDEMAND_MASK) >> IPV6_ONDEMAND_SHIFT, err;
	struct shim_sock s;

	if (type > GRACEFUL_REPLACEMENT_IP_ADDRESS)
		return fail(EINVAL);
	err = type ? ask_type((enum service)type, SERVICE_WHY_OPTION) : 0;
	if (err == EPERM || err == ENOTSUP)
		return fail(err);
	if (libc.setsockopt(fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, optval,
			    len))
		return -1;
	/* without a daemon it is as with a kernel that knows nothing of it */
	if (err == -ENOENT || !load(fd, &s))
		return 0;
	s.asked = (uint8_t)type;
	if (value & (IPV6_PREFER_SRC_HOME | IPV6_PREFER_SRC_COA))
		s.prefer = (uint8_t)preferred(value);
	s.chosen = false;
	shim_set(&s);
	return 0;
}

int setsockopt(int fd, int level, int name, const void *optval, socklen_t len)
{
	int saved = errno, value, rc;

	ready();
	if (level != IPPROTO_IPV6 || name != IPV6_ADDR_PREFERENCES ||
	    !optval || len < sizeof(value) || kernel_does_it() ||
	    !protocol_of(fd)) {
		errno = saved;
		return libc.setsockopt(fd, level, name, optval, len);
	}
	memcpy(&value, optval, sizeof(value));
	rc = set_preferences(fd, value, optval, len);
	if (!rc)
		errno = saved;
	return rc;
}

/* The type in force, for whatever reason but the default. */
static int in_force(int fd)
{
	struct shim_sock s;
	enum service_why why;
	enum service service;

	if (kernel_does_it() || !protocol_of(fd) || !load(fd, &s))
		return 0;
	service = wanted(&s, &why);
	if (s.chosen && why != SERVICE_WHY_OPTION)
		service = s.why == SERVICE_WHY_DEFAULT ? SERVICE_NONE :
							 s.service;
	return (int)service;
}

int getsockopt(int fd, int level, int name, void *optval, socklen_t *len)
{
	int saved = errno, value, rc;

	ready();
	rc = libc.getsockopt(fd, level, name, optval, len);
	if (rc || level != IPPROTO_IPV6 || name != IPV6_ADDR_PREFERENCES ||
	    *len != sizeof(value))
		return rc;
	memcpy(&value, optval, sizeof(value));
	value |= IPV6_ONDEMAND(in_force(fd));
	memcpy(optval, &value, sizeof(value));
	errno = saved;
	return rc;
}

/* ---- datagrams of sockets that are bound to no address */

/*
 * The source that a datagram to addr is to have, once chosen for a socket the
 * same for all. false: whatever the kernel chooses. *err: the call fails.
 */
static bool datagram_source(int fd, const struct sockaddr *addr,
			    socklen_t len, struct in6_addr *source, int *err)
{
	struct sockaddr_in6 dst, local;
	struct shim_sock s;

	*err = 0;
	if (!is_destination(addr, len, &dst) || kernel_does_it() ||
	    protocol_of(fd) != IPPROTO_UDP || !local_of(fd, &local) ||
	    !is_any(&local.sin6_addr) || !load(fd, &s))
		return false;
	if (!s.chosen) {
		*err = choose(&s, IPPROTO_UDP, preferences_of(fd), &dst, true);
		s.chosen = !*err;
		shim_set(&s);
	}
	*source = s.source;
	return !*err && !is_any(source);
}

static void forget_choice(int fd)
{
	struct shim_sock s;

	if (!load(fd, &s))
		return;
	s.chosen = false;
	shim_set(&s);
}

static bool has_pktinfo(const struct msghdr *msg)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c))
		if (c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_PKTINFO)
			return true;
	return false;
}

/* RFC 3542 6.1: one more piece of ancillary data says the source. */
static ssize_t send_from(int fd, const struct msghdr *msg, int flags,
			 const struct in6_addr *source)
{
	const struct in6_pktinfo info = { .ipi6_addr = *source };
	_Alignas(struct cmsghdr) char control[CONTROL_MAX];
	size_t len = CMSG_ALIGN(msg->msg_controllen);
	struct msghdr with = *msg;
	struct cmsghdr *c;

	if (len + CMSG_SPACE(sizeof(info)) > sizeof(control))
		return libc.sendmsg(fd, msg, flags);
	memset(control, 0, sizeof(control));
	if (msg->msg_controllen)
		memcpy(control, msg->msg_control, msg->msg_controllen);
	c = (struct cmsghdr *)(control + len);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	with.msg_control = control;
	with.msg_controllen = len + CMSG_SPACE(sizeof(info));
	return libc.sendmsg(fd, &with, flags);
}

/* false: it goes as it is. *n: what came of it. */
static bool send_chosen(int fd, const struct msghdr *msg, int flags,
			ssize_t *n)
{
	struct in6_addr source;
	int round, err;

	if (has_pktinfo(msg))
		return false;
	for (round = 0; round < 2; round++) {
		if (!datagram_source(fd, msg->msg_name, msg->msg_namelen,
				     &source, &err)) {
			*n = err ? fail(err) : 0;
			return err;
		}
		*n = send_from(fd, msg, flags, &source);
		if (*n >= 0 || errno != EINVAL)
			break;
		forget_choice(fd);	/* the address has gone, perhaps */
	}
	return true;
}

/* false: libc's call is to do it. */
static bool send_ours(int fd, const struct msghdr *msg, int flags, ssize_t *n)
{
	int saved = errno, err;
	bool done;

	ready();
	if (flags & MSG_FASTOPEN) {
		err = prepare(fd, msg->msg_name, msg->msg_namelen);
		*n = err ? fail(err) : 0;
		done = err;
	} else {
		done = msg->msg_name && send_chosen(fd, msg, flags, n);
	}
	if (!done || *n >= 0)
		errno = saved;
	return done;
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags,
	       const struct sockaddr *addr, socklen_t addr_len)
{
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	struct msghdr msg = { .msg_name = (void *)addr,
			      .msg_namelen = addr_len, .msg_iov = &iov,
			      .msg_iovlen = 1 };
	ssize_t n;

	return send_ours(fd, &msg, flags, &n) ? n :
		libc.sendto(fd, buf, len, flags, addr, addr_len);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t n;

	return send_ours(fd, msg, flags, &n) ? n :
		libc.sendmsg(fd, msg, flags);
}

/* One by one where a source is to be said. */
int sendmmsg(int fd, struct mmsghdr *vec, unsigned int n, int flags)
{
	unsigned int k;
	ssize_t sent;

	ready();
	if (protocol_of(fd) != IPPROTO_UDP || kernel_does_it())
		return libc.sendmmsg(fd, vec, n, flags);
	for (k = 0; k < n; k++) {
		sent = sendmsg(fd, &vec[k].msg_hdr, flags);
		if (sent < 0)
			return k ? (int)k : -1;
		vec[k].msg_len = (unsigned int)sent;
	}
	return (int)k;
}
