/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libkedge: applications ask for the mobility that a socket needs (RFC 8653),
 * and choose source addresses (RFC 5014). See kedge(3). The same can be asked
 * for without this library, by the socket option below.
 */
#ifndef KEDGE_H
#define KEDGE_H

#include <netinet/in.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* RFC 8653 3.1 */
typedef enum {
	FIXED_IP_ADDRESS = 1,
	SESSION_LASTING_IP_ADDRESS = 2,
	NON_PERSISTENT_IP_ADDRESS = 3,
	GRACEFUL_REPLACEMENT_IP_ADDRESS = 4,
} sc_type;

/*
 * RFC 8653 appendix A: the OnDemand field of IPV6_ADDR_PREFERENCES, an sc_type
 * in bits 16 to 18. A kernel without kedge ignores it: read the option back.
 */
#ifndef IPV6_ADDR_PREFERENCES
#define IPV6_ADDR_PREFERENCES		72
#endif
#define IPV6_ONDEMAND_SHIFT		16
#define IPV6_ONDEMAND_MASK		0x00070000
#define IPV6_ONDEMAND(type)		((type) << IPV6_ONDEMAND_SHIFT)

/* RFC 5014 5, by Linux's values */
#ifndef IPV6_PREFER_SRC_TMP
#define IPV6_PREFER_SRC_TMP		0x0001
#define IPV6_PREFER_SRC_PUBLIC		0x0002
#define IPV6_PREFER_SRC_PUBTMP_DEFAULT	0x0100
#define IPV6_PREFER_SRC_COA		0x0004
#define IPV6_PREFER_SRC_HOME		0x0400
#define IPV6_PREFER_SRC_CGA		0x0008
#define IPV6_PREFER_SRC_NONCGA		0x0800
#endif

/* Errors of setsc() beside -1, which leaves errno. */
#define EAI_REQUIREDIPNOTSUPPORTED	(-300)
#define EAI_REQUIREDIPFAILED		(-301)

/*
 * "Set service continuity" (RFC 8653, appendix A): gets an address of that type,
 * waiting for the network where it must (kedge_timeout() at most), tells it in
 * *source (may be NULL) and binds the socket to it, without a port: connect(),
 * sendto() or a bind() of the application choose that. An IPv6 socket that is
 * not connected. One that is bound to an address keeps it. One that is to be
 * nonpersistent is not bound: *source is this network's address now, and the
 * kernel chooses for each destination, then and after every move.
 *
 * 0; EAI_REQUIREDIPNOTSUPPORTED: this host has no such service (no kedge-mn, or
 * none of this type is configured, or this user may not have it: errno is
 * ENOTSUP or EPERM); EAI_REQUIREDIPFAILED: it cannot be had now (errno is
 * ETIMEDOUT, EADDRNOTAVAIL, EBUSY); then the socket asks for nothing any more.
 * -1 and errno: the call is at fault (EINVAL no such type, or bound to a port
 * alone; EAFNOSUPPORT, EISCONN, EBADF, ENOTSOCK).
 */
int setsc(int sockfd, struct in6_addr *source, sc_type type);

/* How long setsc() waits for the network, in ms; 10000 at first. Returns what
 * it was; a negative one changes nothing. For all threads. */
int kedge_timeout(int ms);

/*
 * RFC 5014 13: binds the socket to the source address that its preferences
 * choose for dstaddr. Sends nothing. 0, or -1 and errno, as bind() and connect()
 * set it.
 */
int bind2addrsel(int sockfd, const struct sockaddr *dstaddr,
		 socklen_t dstaddrlen);

/*
 * RFC 5014 13: is srcaddr an address of this host that satisfies all of flags
 * (IPV6_PREFER_SRC_*; an OnDemand field too)? 1, or 0 (also where flags
 * contradict each other), or -1: not an IPv6 address of this host, or flags
 * that are none.
 */
short inet6_is_srcaddr(struct sockaddr_in6 *srcaddr, uint32_t flags);

#ifdef __cplusplus
}
#endif

#endif
