/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Not by libmnl: libkedge depends on libc alone. */
#include "app/srcaddr.h"

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct search {
	const struct in6_addr *addr;
	uint32_t scope;
	bool found, temporary;
};

static void take(struct search *s, struct nlmsghdr *nlh)
{
	struct ifaddrmsg *ifa = NLMSG_DATA(nlh);
	struct rtattr *a = IFA_RTA(ifa);
	int len = (int)IFA_PAYLOAD(nlh);
	uint32_t flags = ifa->ifa_flags;
	bool same = false;

	for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if ((a->rta_type == IFA_ADDRESS || a->rta_type == IFA_LOCAL) &&
		    RTA_PAYLOAD(a) == sizeof(*s->addr))
			same = !memcmp(RTA_DATA(a), s->addr, sizeof(*s->addr));
		else if (a->rta_type == IFA_FLAGS &&
			 RTA_PAYLOAD(a) == sizeof(flags))
			memcpy(&flags, RTA_DATA(a), sizeof(flags));
	}
	if (!same || (flags & IFA_F_DADFAILED) ||
	    ((flags & IFA_F_TENTATIVE) && !(flags & IFA_F_OPTIMISTIC)))
		return;
	if (IN6_IS_ADDR_LINKLOCAL(s->addr) && s->scope &&
	    s->scope != ifa->ifa_index)
		return;
	s->found = true;
	s->temporary = flags & IFA_F_TEMPORARY;
}

/* false: that was the last */
static bool take_all(struct search *s, void *buf, size_t n)
{
	struct nlmsghdr *nlh = buf;

	for (; NLMSG_OK(nlh, n); nlh = NLMSG_NEXT(nlh, n)) {
		if (nlh->nlmsg_type == NLMSG_DONE ||
		    nlh->nlmsg_type == NLMSG_ERROR)
			return false;
		if (nlh->nlmsg_type == RTM_NEWADDR &&
		    nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
			take(s, nlh);
	}
	return true;
}

static void dump(struct search *s, int fd)
{
	struct {
		struct nlmsghdr nlh;
		struct ifaddrmsg ifa;
	} request = {
		.nlh = { .nlmsg_len = sizeof(request),
			 .nlmsg_type = RTM_GETADDR,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.ifa = { .ifa_family = AF_INET6 },
	};
	/* the kernel fills what there is room for */
	_Alignas(struct nlmsghdr) char buf[8192];
	const struct timeval tv = { 1, 0 };
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (send(fd, &request, sizeof(request), 0) < 0)
		return;
	do
		n = recv(fd, buf, sizeof(buf), 0);
	while (n > 0 && take_all(s, buf, (size_t)n));
}

bool srcaddr_find(const struct in6_addr *addr, uint32_t scope,
		  bool *temporary)
{
	struct search s = { .addr = addr, .scope = scope };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return false;
	dump(&s, fd);
	close(fd);
	*temporary = s.temporary;
	return s.found;
}
