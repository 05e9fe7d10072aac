/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For stock strongSwan on a kernel that has XFRM but no ESP: preloaded, it lets
 * charon believe that the kernel took its ESP SAs. IKE alone is at work then.
 */
#include <dlfcn.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <sys/socket.h>

static int is_xfrm(int fd)
{
	int domain = 0, protocol = 0;
	socklen_t len = sizeof(int);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) &&
	       domain == AF_NETLINK &&
	       !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) &&
	       protocol == NETLINK_XFRM;
}

static int changes_an_sa(int type)
{
	return type == XFRM_MSG_NEWSA || type == XFRM_MSG_UPDSA ||
	       type == XFRM_MSG_DELSA;
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	static ssize_t (*next)(int, void *, size_t, int);
	struct nlmsghdr *h = buf;
	struct nlmsgerr *e;
	ssize_t n;

	if (!next)
		next = (ssize_t (*)(int, void *, size_t, int))
			dlsym(RTLD_NEXT, "recv");
	n = next(fd, buf, len, flags);
	if (n <= 0 || (flags & MSG_PEEK) || !is_xfrm(fd) ||
	    !NLMSG_OK(h, (size_t)n) || h->nlmsg_type != NLMSG_ERROR)
		return n;
	e = NLMSG_DATA(h);
	if (changes_an_sa(e->msg.nlmsg_type))
		e->error = 0;
	return n;
}
