/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"

enum { RTNL_BUFFER = 65536, RTNL_RCVBUF = 4 << 20, ATTRS_MAX = 64 };

struct rtnl {
	struct mnl_socket *request, *event;
	unsigned int seq;
	void (*fn)(void *arg, const struct rtnl_event *event);
	void *arg;
	char buffer[RTNL_BUFFER] __attribute__((aligned(8)));
};

/* Attributes by type; one whose size is not as the table says is left out. */
struct attrs {
	const struct nlattr *tb[ATTRS_MAX];
};

struct attr_rule {
	uint16_t min, max;
};

static const struct attr_rule link_rules[ATTRS_MAX] = {
	[IFLA_ADDRESS] = { 1, 32 },
	[IFLA_IFNAME] = { 2, IFNAMSIZ },
	[IFLA_MTU] = { 4, 4 },
	[IFLA_CARRIER_DOWN_COUNT] = { 4, 4 },
};

static const struct attr_rule addr_rules[ATTRS_MAX] = {
	[IFA_ADDRESS] = { 16, 16 },
	[IFA_LOCAL] = { 16, 16 },
	[IFA_FLAGS] = { 4, 4 },
	[IFA_CACHEINFO] = { sizeof(struct ifa_cacheinfo), UINT16_MAX },
};

static const struct attr_rule route_rules[ATTRS_MAX] = {
	[RTA_DST] = { 16, 16 },
	[RTA_OIF] = { 4, 4 },
	[RTA_GATEWAY] = { 16, 16 },
	[RTA_PREFSRC] = { 16, 16 },
	[RTA_PRIORITY] = { 4, 4 },
	[RTA_METRICS] = { 0, UINT16_MAX },
	[RTA_TABLE] = { 4, 4 },
	[RTA_MULTIPATH] = { sizeof(struct rtnexthop), UINT16_MAX },
	[RTA_CACHEINFO] = { sizeof(struct rta_cacheinfo), UINT16_MAX },
};

static const struct attr_rule metrics_rules[ATTRS_MAX] = {
	[RTAX_MTU] = { 4, 4 },
};

static const struct attr_rule neigh_rules[ATTRS_MAX] = {
	[NDA_DST] = { 16, 16 },
};

static const struct attr_rule rule_rules[ATTRS_MAX] = {
	[FRA_PROTOCOL] = { 1, 1 },
};

static void attr_keep(struct attrs *out, const struct nlattr *attr,
		      const struct attr_rule *rules)
{
	unsigned int type = mnl_attr_get_type(attr);
	unsigned int len = mnl_attr_get_payload_len(attr);

	if (type < ATTRS_MAX && rules[type].max &&
	    len >= rules[type].min && len <= rules[type].max)
		out->tb[type] = attr;
}

static void attrs_parse(struct attrs *out, const struct nlmsghdr *nlh,
			size_t header, const struct attr_rule *rules)
{
	const struct nlattr *attr;

	memset(out, 0, sizeof(*out));
	mnl_attr_for_each(attr, nlh, header)
		attr_keep(out, attr, rules);
}

static void attrs_parse_mem(struct attrs *out, const void *mem, size_t len,
			    const struct attr_rule *rules)
{
	const struct nlattr *attr;

	memset(out, 0, sizeof(*out));
	mnl_attr_for_each_payload(mem, len)
		attr_keep(out, attr, rules);
}

static uint32_t attr_u32(const struct nlattr *attr, uint32_t otherwise)
{
	return attr ? mnl_attr_get_u32(attr) : otherwise;
}

static void attr_addr(const struct nlattr *attr, struct in6_addr *out)
{
	if (attr)
		memcpy(out, mnl_attr_get_payload(attr), sizeof(*out));
}

/* Decoding: each delivers nothing where the message is not ours. */

static void on_link(struct rtnl *rtnl, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct rtnl_event ev = {
		.type = nlh->nlmsg_type == RTM_NEWLINK ? RTNL_LINK :
							 RTNL_LINK_GONE,
	};
	const struct nlattr *mac;
	struct attrs at;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi) ||
	    ifi->ifi_family != AF_UNSPEC)	/* AF_BRIDGE: of a port */
		return;
	attrs_parse(&at, nlh, sizeof(*ifi), link_rules);
	ev.ifindex = ifi->ifi_index;
	ev.link.flags = ifi->ifi_flags;
	ev.link.arptype = ifi->ifi_type;
	ev.link.mtu = attr_u32(at.tb[IFLA_MTU], 0);
	ev.link.carrier_downs = attr_u32(at.tb[IFLA_CARRIER_DOWN_COUNT], 0);
	if (at.tb[IFLA_IFNAME])
		snprintf(ev.link.name, sizeof(ev.link.name), "%.*s",
			 (int)mnl_attr_get_payload_len(at.tb[IFLA_IFNAME]),
			 mnl_attr_get_str(at.tb[IFLA_IFNAME]));
	mac = at.tb[IFLA_ADDRESS];
	if (mac && mnl_attr_get_payload_len(mac) == sizeof(ev.link.mac)) {
		memcpy(ev.link.mac, mnl_attr_get_payload(mac),
		       sizeof(ev.link.mac));
		ev.link.has_mac = true;
	}
	rtnl->fn(rtnl->arg, &ev);
}

static void on_addr(struct rtnl *rtnl, const struct nlmsghdr *nlh)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct rtnl_event ev = {
		.type = nlh->nlmsg_type == RTM_NEWADDR ? RTNL_ADDR :
							 RTNL_ADDR_GONE,
		.addr = { .valid = UINT32_MAX, .preferred = UINT32_MAX },
	};
	const struct ifa_cacheinfo *info;
	struct attrs at;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa) ||
	    ifa->ifa_family != AF_INET6)
		return;
	attrs_parse(&at, nlh, sizeof(*ifa), addr_rules);
	if (!at.tb[IFA_ADDRESS] && !at.tb[IFA_LOCAL])
		return;
	ev.ifindex = ifa->ifa_index;
	ev.addr.prefix_len = ifa->ifa_prefixlen;
	ev.addr.flags = attr_u32(at.tb[IFA_FLAGS], ifa->ifa_flags);
	/* Where there is a peer, IFA_ADDRESS is it and IFA_LOCAL is ours. */
	attr_addr(at.tb[IFA_ADDRESS], &ev.addr.addr);
	attr_addr(at.tb[IFA_LOCAL], &ev.addr.addr);
	if (at.tb[IFA_CACHEINFO]) {
		info = mnl_attr_get_payload(at.tb[IFA_CACHEINFO]);
		ev.addr.valid = info->ifa_valid;
		ev.addr.preferred = info->ifa_prefered;
	}
	rtnl->fn(rtnl->arg, &ev);
}

static void route_nexthops(struct rtnl *rtnl, struct rtnl_event *ev,
			   const struct nlattr *multipath)
{
	const struct rtnexthop *nh = mnl_attr_get_payload(multipath);
	int left = mnl_attr_get_payload_len(multipath);
	struct attrs at;

	for (; RTNH_OK(nh, left); left -= RTNH_ALIGN(nh->rtnh_len),
	     nh = RTNH_NEXT(nh)) {
		attrs_parse_mem(&at, RTNH_DATA(nh),
				nh->rtnh_len - sizeof(*nh), route_rules);
		ev->ifindex = nh->rtnh_ifindex;
		ev->route.has_gw = at.tb[RTA_GATEWAY];
		memset(&ev->route.gw, 0, sizeof(ev->route.gw));
		attr_addr(at.tb[RTA_GATEWAY], &ev->route.gw);
		rtnl->fn(rtnl->arg, ev);
	}
}

static void on_route(struct rtnl *rtnl, const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct rtnl_event ev = {
		.type = nlh->nlmsg_type == RTM_NEWROUTE ? RTNL_ROUTE :
							  RTNL_ROUTE_GONE,
	};
	struct attrs at;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
	    rtm->rtm_family != AF_INET6 || rtm->rtm_flags & RTM_F_CLONED)
		return;
	if (rtm->rtm_type != RTN_UNICAST) {
		ev.type = RTNL_ROUTING;
		rtnl->fn(rtnl->arg, &ev);
		return;
	}
	attrs_parse(&at, nlh, sizeof(*rtm), route_rules);
	ev.ifindex = attr_u32(at.tb[RTA_OIF], 0);
	ev.route.dst_len = rtm->rtm_dst_len;
	ev.route.protocol = rtm->rtm_protocol;
	ev.route.table = attr_u32(at.tb[RTA_TABLE], rtm->rtm_table);
	ev.route.has_gw = at.tb[RTA_GATEWAY];
	attr_addr(at.tb[RTA_DST], &ev.route.dst);
	attr_addr(at.tb[RTA_GATEWAY], &ev.route.gw);
	if (at.tb[RTA_MULTIPATH])
		route_nexthops(rtnl, &ev, at.tb[RTA_MULTIPATH]);
	else
		rtnl->fn(rtnl->arg, &ev);
}

static void on_neigh(struct rtnl *rtnl, const struct nlmsghdr *nlh)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	struct rtnl_event ev = { .type = RTNL_NEIGH };
	struct attrs at;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ndm) ||
	    ndm->ndm_family != AF_INET6)
		return;
	attrs_parse(&at, nlh, sizeof(*ndm), neigh_rules);
	if (!at.tb[NDA_DST])
		return;
	ev.ifindex = ndm->ndm_ifindex;
	ev.neigh.state = nlh->nlmsg_type == RTM_NEWNEIGH ? ndm->ndm_state :
							   NUD_NONE;
	ev.neigh.router = ndm->ndm_flags & NTF_ROUTER;
	attr_addr(at.tb[NDA_DST], &ev.neigh.addr);
	rtnl->fn(rtnl->arg, &ev);
}

static void on_rule(struct rtnl *rtnl)
{
	const struct rtnl_event ev = { .type = RTNL_ROUTING };

	rtnl->fn(rtnl->arg, &ev);
}

static void on_event(struct rtnl *rtnl, const struct nlmsghdr *nlh, void *arg)
{
	(void)arg;
	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		on_link(rtnl, nlh);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		on_addr(rtnl, nlh);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		on_route(rtnl, nlh);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		on_neigh(rtnl, nlh);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		on_rule(rtnl);
		break;
	}
}

/* Sockets. */

static int request_open(struct rtnl *rtnl)
{
	int on = 1;

	rtnl->request = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!rtnl->request ||
	    mnl_socket_bind(rtnl->request, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	mnl_socket_setsockopt(rtnl->request, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(rtnl->request, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

static int event_open(struct rtnl *rtnl)
{
	const int groups[] = {
		RTNLGRP_LINK, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE,
		RTNLGRP_IPV6_RULE, RTNLGRP_NEIGH,
	};
	int size = RTNL_RCVBUF, fd;
	size_t i;

	rtnl->event = mnl_socket_open2(NETLINK_ROUTE,
				       SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!rtnl->event || mnl_socket_bind(rtnl->event, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	fd = mnl_socket_get_fd(rtnl->event);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (mnl_socket_setsockopt(rtnl->event, NETLINK_ADD_MEMBERSHIP,
					  (void *)&groups[i], sizeof(int)) < 0)
			return -errno;
	return 0;
}

int rtnl_neigh_failures(struct rtnl *rtnl)
{
	/* an event is one message; BPF loads in network order, it has host's */
	const uint32_t type_at = offsetof(struct nlmsghdr, nlmsg_type);
	const uint32_t state_at = NLMSG_HDRLEN +
				  offsetof(struct ndmsg, ndm_state);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, type_at),
		BPF_JUMP(BPF_JMP | BPF_JEQ, htons(RTM_NEWNEIGH), 0, 2),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, state_at),
		BPF_JUMP(BPF_JMP | BPF_JEQ, htons(NUD_FAILED), 0, 1),
		BPF_STMT(BPF_RET, UINT32_MAX),
		BPF_STMT(BPF_RET, 0),
	};
	struct sock_fprog prog = {
		.len = sizeof(code) / sizeof(*code), .filter = code,
	};

	return setsockopt(mnl_socket_get_fd(rtnl->event), SOL_SOCKET,
			  SO_ATTACH_FILTER, &prog, sizeof(prog)) ? -errno : 0;
}

int rtnl_open(struct rtnl **out,
	      void (*fn)(void *arg, const struct rtnl_event *event), void *arg)
{
	struct rtnl *rtnl = calloc(1, sizeof(*rtnl));
	int err;

	if (!rtnl)
		return -ENOMEM;
	rtnl->fn = fn;
	rtnl->arg = arg;
	err = request_open(rtnl);
	if (!err)
		err = event_open(rtnl);
	if (err) {
		log_err("rtnetlink: %s", strerror(-err));
		rtnl_close(rtnl);
		return err;
	}
	*out = rtnl;
	return 0;
}

void rtnl_close(struct rtnl *rtnl)
{
	if (!rtnl)
		return;
	if (rtnl->request)
		mnl_socket_close(rtnl->request);
	if (rtnl->event)
		mnl_socket_close(rtnl->event);
	free(rtnl);
}

int rtnl_event_fd(struct rtnl *rtnl)
{
	return mnl_socket_get_fd(rtnl->event);
}

/*
 * fn may call this module's requests, which use rtnl->buffer: events have
 * theirs on the stack.
 */
void rtnl_read_events(struct rtnl *rtnl)
{
	const struct rtnl_event overrun = { .type = RTNL_OVERRUN };
	char buffer[16384] __attribute__((aligned(8)));
	const struct nlmsghdr *nlh;
	ssize_t n;
	int len;

	for (;;) {
		n = mnl_socket_recvfrom(rtnl->event, buffer, sizeof(buffer));
		/* ENOSPC: a message longer than the buffer, lost too. */
		if (n < 0 && (errno == ENOBUFS || errno == ENOSPC))
			rtnl->fn(rtnl->arg, &overrun);
		else if (n < 0 && errno != EINTR)
			return;
		len = n < 0 ? 0 : n;
		for (nlh = (void *)buffer; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len))
			on_event(rtnl, nlh, NULL);
	}
}

/* Requests. */

/* The kernel's own words on a refusal (NETLINK_EXT_ACK). */
static void log_ext_ack(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t header = sizeof(*err);
	const struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		header += err->msg.nlmsg_len - sizeof(err->msg);
	if (header >= mnl_nlmsg_get_payload_len(nlh))
		return;
	mnl_attr_for_each(attr, nlh, header)
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			log_debug("rtnetlink: the kernel says: %.*s",
				  (int)mnl_attr_get_payload_len(attr),
				  mnl_attr_get_str(attr));
}

typedef void (*message_fn)(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			   void *arg);

/* 1: this was the last message of the answer. */
static int answer_message(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			  message_fn fn, void *arg)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_seq != rtnl->seq)
		return 0;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return 1;
	if (nlh->nlmsg_type != NLMSG_ERROR) {
		if (fn)
			fn(rtnl, nlh, arg);
		return 0;
	}
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err))
		return -EBADMSG;
	if (!err->error)
		return 1;
	log_ext_ack(nlh);
	return err->error;
}

/*
 * Sends nlh and hands every message of the answer to fn, which must make no
 * request. An interrupted dump is not repeated: the change that interrupted
 * it comes as an event.
 */
static int request(struct rtnl *rtnl, struct nlmsghdr *nlh, message_fn fn,
		   void *arg)
{
	const struct nlmsghdr *in;
	ssize_t n;
	int len, ret;

	nlh->nlmsg_seq = ++rtnl->seq;
	if (mnl_socket_sendto(rtnl->request, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		n = mnl_socket_recvfrom(rtnl->request, rtnl->buffer,
					sizeof(rtnl->buffer));
		if (n < 0 && errno != EINTR)
			return -errno;
		len = n < 0 ? 0 : n;
		for (in = (void *)rtnl->buffer; mnl_nlmsg_ok(in, len);
		     in = mnl_nlmsg_next(in, &len)) {
			ret = answer_message(rtnl, in, fn, arg);
			if (ret)
				return ret < 0 ? ret : 0;
		}
	}
}

/* A request is small: it stands in the caller's memory. */
struct message {
	char mem[512] __attribute__((aligned(8)));
};

static struct nlmsghdr *message_init(struct message *msg, uint16_t type,
				     uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(msg->mem);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	return nlh;
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type,
		     const struct in6_addr *addr)
{
	mnl_attr_put(nlh, type, sizeof(*addr), addr);
}

static int dump(struct rtnl *rtnl, uint16_t type, size_t header,
		uint8_t family, message_fn fn, void *arg)
{
	struct message msg;
	struct nlmsghdr *nlh = message_init(&msg, type, NLM_F_DUMP);
	uint8_t *first = mnl_nlmsg_put_extra_header(nlh, header);

	*first = family;	/* the first byte of each such header */
	return request(rtnl, nlh, fn, arg);
}

/*
 * fn may answer a dumped object with a request (which would overwrite the
 * buffer, and mix its answer with the dump's): events are kept until the dump
 * is over.
 */
struct event_list {
	struct rtnl_event *events;
	size_t n, cap;
	bool no_memory;
};

static void event_keep(void *arg, const struct rtnl_event *event)
{
	struct event_list *list = arg;
	struct rtnl_event *more;

	if (list->n == list->cap) {
		more = realloc(list->events,
			       (list->cap * 2 + 64) * sizeof(*more));
		if (!more) {
			list->no_memory = true;
			return;
		}
		list->events = more;
		list->cap = list->cap * 2 + 64;
	}
	list->events[list->n++] = *event;
}

static int dump_events(struct rtnl *rtnl, uint16_t type, size_t header,
		       uint8_t family)
{
	void (*fn)(void *arg, const struct rtnl_event *event) = rtnl->fn;
	struct event_list list = { 0 };
	void *arg = rtnl->arg;
	size_t i;
	int err;

	rtnl->fn = event_keep;
	rtnl->arg = &list;
	err = dump(rtnl, type, header, family, on_event, NULL);
	rtnl->fn = fn;
	rtnl->arg = arg;
	for (i = 0; i < list.n; i++)
		fn(arg, &list.events[i]);
	free(list.events);
	return list.no_memory ? -ENOMEM : err;
}

int rtnl_dump_links(struct rtnl *rtnl)
{
	return dump_events(rtnl, RTM_GETLINK, sizeof(struct ifinfomsg),
			   AF_UNSPEC);
}

int rtnl_dump_addrs(struct rtnl *rtnl)
{
	return dump_events(rtnl, RTM_GETADDR, sizeof(struct ifaddrmsg),
			   AF_INET6);
}

int rtnl_dump_routes(struct rtnl *rtnl)
{
	return dump_events(rtnl, RTM_GETROUTE, sizeof(struct rtmsg), AF_INET6);
}

/* Addresses. */

static struct nlmsghdr *addr_message(struct message *msg, uint16_t type,
				     uint16_t flags, uint32_t ifindex,
				     const struct in6_addr *addr,
				     uint8_t prefix_len)
{
	struct nlmsghdr *nlh = message_init(msg, type, NLM_F_ACK | flags);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = AF_INET6;
	ifa->ifa_prefixlen = prefix_len;
	ifa->ifa_index = ifindex;
	put_addr(nlh, IFA_LOCAL, addr);
	put_addr(nlh, IFA_ADDRESS, addr);
	return nlh;
}

int rtnl_addr_set(struct rtnl *rtnl, uint32_t ifindex,
		  const struct in6_addr *addr, uint8_t prefix_len,
		  uint32_t flags, uint32_t valid, uint32_t preferred)
{
	const struct ifa_cacheinfo info = {
		.ifa_valid = valid, .ifa_prefered = preferred,
	};
	struct message msg;
	struct nlmsghdr *nlh;
	int err;

	nlh = addr_message(&msg, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
			   ifindex, addr, prefix_len);
	mnl_attr_put_u32(nlh, IFA_FLAGS, flags);
	mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(info), &info);
	err = request(rtnl, nlh, NULL, NULL);
	return err == -EEXIST ? 0 : err;
}

int rtnl_addr_del(struct rtnl *rtnl, uint32_t ifindex,
		  const struct in6_addr *addr, uint8_t prefix_len)
{
	struct message msg;

	return request(rtnl, addr_message(&msg, RTM_DELADDR, 0, ifindex, addr,
					  prefix_len), NULL, NULL);
}

/* Rules. */

static struct nlmsghdr *rule_message(struct message *msg, uint16_t type,
				     uint16_t flags,
				     const struct rtnl_rule *rule)
{
	struct nlmsghdr *nlh = message_init(msg, type, NLM_F_ACK | flags);
	struct fib_rule_hdr *frh = mnl_nlmsg_put_extra_header(nlh,
							      sizeof(*frh));

	frh->family = AF_INET6;
	frh->src_len = 128;
	frh->action = FR_ACT_TO_TBL;
	frh->table = rule->table < 256 ? rule->table : RT_TABLE_UNSPEC;
	put_addr(nlh, FRA_SRC, &rule->from);
	mnl_attr_put_u32(nlh, FRA_PRIORITY, rule->priority);
	mnl_attr_put_u32(nlh, FRA_TABLE, rule->table);
	mnl_attr_put_u8(nlh, FRA_PROTOCOL, rule->protocol);
	return nlh;
}

int rtnl_rule_add(struct rtnl *rtnl, const struct rtnl_rule *rule)
{
	struct message msg;
	int err;

	err = request(rtnl, rule_message(&msg, RTM_NEWRULE,
					 NLM_F_CREATE | NLM_F_EXCL, rule),
		      NULL, NULL);
	return err == -EEXIST ? 0 : err;
}

int rtnl_rule_del(struct rtnl *rtnl, const struct rtnl_rule *rule)
{
	struct message msg;

	return request(rtnl, rule_message(&msg, RTM_DELRULE, 0, rule), NULL,
		       NULL);
}

/* Messages of a dump that are to be sent back, as deletions. */
struct deletions {
	struct message *msgs;
	size_t n;
	uint32_t ifindex;
	uint8_t protocol;
	bool prefixes;
	int err;
};

static void deletion_add(struct deletions *del, const struct nlmsghdr *nlh,
			 uint16_t type)
{
	struct message *msgs;
	struct nlmsghdr *copy;

	if (nlh->nlmsg_len > sizeof(msgs->mem))
		return;
	msgs = realloc(del->msgs, (del->n + 1) * sizeof(*msgs));
	if (!msgs) {
		del->err = -ENOMEM;
		return;
	}
	del->msgs = msgs;
	copy = memcpy(msgs[del->n++].mem, nlh, nlh->nlmsg_len);
	copy->nlmsg_type = type;
	copy->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	copy->nlmsg_pid = 0;
}

/* What is gone already is no error. */
static int deletions_do(struct rtnl *rtnl, struct deletions *del)
{
	size_t i;
	int err;

	for (i = 0; i < del->n; i++) {
		err = request(rtnl, (struct nlmsghdr *)del->msgs[i].mem, NULL,
			      NULL);
		if (err && err != -ENOENT && err != -ESRCH && !del->err)
			del->err = err;
	}
	free(del->msgs);
	return del->err;
}

static void rule_choose(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			void *arg)
{
	struct deletions *del = arg;
	struct attrs at;

	(void)rtnl;
	if (nlh->nlmsg_type != RTM_NEWRULE ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct fib_rule_hdr))
		return;
	attrs_parse(&at, nlh, sizeof(struct fib_rule_hdr), rule_rules);
	if (at.tb[FRA_PROTOCOL] &&
	    mnl_attr_get_u8(at.tb[FRA_PROTOCOL]) == del->protocol)
		deletion_add(del, nlh, RTM_DELRULE);
}

int rtnl_rules_flush(struct rtnl *rtnl, uint8_t protocol)
{
	struct deletions del = { .protocol = protocol };

	del.err = dump(rtnl, RTM_GETRULE, sizeof(struct fib_rule_hdr),
		       AF_INET6, rule_choose, &del);
	return deletions_do(rtnl, &del);
}

/* Routes. */

int rtnl_default_set(struct rtnl *rtnl, uint32_t ifindex, uint32_t table,
		     uint8_t protocol, uint32_t mtu)
{
	struct message msg;
	struct nlmsghdr *nlh = message_init(&msg, RTM_NEWROUTE, NLM_F_ACK |
					    NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct nlattr *metrics;

	rtm->rtm_family = AF_INET6;
	rtm->rtm_table = table < 256 ? table : RT_TABLE_UNSPEC;
	rtm->rtm_protocol = protocol;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_TABLE, table);
	mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	if (mtu) {
		metrics = mnl_attr_nest_start(nlh, RTA_METRICS);
		mnl_attr_put_u32(nlh, RTAX_MTU, mtu);
		mnl_attr_nest_end(nlh, metrics);
	}
	return request(rtnl, nlh, NULL, NULL);
}

/*
 * The kernel marks a default route from an RA RTPROT_RA, but the prefix's
 * on-link route RTPROT_KERNEL, as it does that of an address given by hand:
 * the lifetime tells them apart (one that never expires is left).
 */
static bool route_from_ra(const struct rtmsg *rtm, const struct attrs *at,
			  bool prefixes)
{
	const struct rta_cacheinfo *info;
	struct in6_addr dst = { 0 };

	if (!rtm->rtm_dst_len || !prefixes)
		return !rtm->rtm_dst_len && rtm->rtm_protocol == RTPROT_RA;
	attr_addr(at->tb[RTA_DST], &dst);
	if (IN6_IS_ADDR_LINKLOCAL(&dst) || IN6_IS_ADDR_MULTICAST(&dst))
		return false;
	if (rtm->rtm_protocol == RTPROT_RA)
		return true;
	if (rtm->rtm_protocol != RTPROT_KERNEL || at->tb[RTA_GATEWAY] ||
	    rtm->rtm_dst_len == 128 || !at->tb[RTA_CACHEINFO])
		return false;
	info = mnl_attr_get_payload(at->tb[RTA_CACHEINFO]);
	return info->rta_expires != 0;
}

static void ra_route_choose(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			    void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct deletions *del = arg;
	struct attrs at;

	(void)rtnl;
	if (nlh->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
	    rtm->rtm_type != RTN_UNICAST || rtm->rtm_flags & RTM_F_CLONED)
		return;
	attrs_parse(&at, nlh, sizeof(*rtm), route_rules);
	if (attr_u32(at.tb[RTA_OIF], 0) == del->ifindex &&
	    route_from_ra(rtm, &at, del->prefixes))
		deletion_add(del, nlh, RTM_DELROUTE);
}

int rtnl_ra_routes_flush(struct rtnl *rtnl, uint32_t ifindex, bool prefixes)
{
	struct deletions del = { .ifindex = ifindex, .prefixes = prefixes };

	del.err = dump(rtnl, RTM_GETROUTE, sizeof(struct rtmsg), AF_INET6,
		       ra_route_choose, &del);
	return deletions_do(rtnl, &del);
}

/* Where the route tells no MTU, IPv6's of the interface holds. */
static uint32_t ipv6_mtu(uint32_t ifindex)
{
	char name[IFNAMSIZ], path[64 + IFNAMSIZ];
	unsigned int mtu = 0;
	FILE *file;

	if (!if_indextoname(ifindex, name))
		return 0;
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/mtu", name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%u", &mtu) != 1)
		mtu = 0;
	fclose(file);
	return mtu;
}

static void path_decode(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			void *arg)
{
	struct rtnl_path *out = arg;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct attrs at, metrics;
	const struct nlattr *attr;

	(void)rtnl;
	if (nlh->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return;
	out->local = rtm->rtm_type == RTN_LOCAL;
	attrs_parse(&at, nlh, sizeof(struct rtmsg), route_rules);
	out->ifindex = attr_u32(at.tb[RTA_OIF], 0);
	attr_addr(at.tb[RTA_GATEWAY], &out->gw);
	attr_addr(at.tb[RTA_PREFSRC], &out->source);
	attr = at.tb[RTA_METRICS];
	if (!attr)
		return;
	attrs_parse_mem(&metrics, mnl_attr_get_payload(attr),
			mnl_attr_get_payload_len(attr), metrics_rules);
	out->mtu = attr_u32(metrics.tb[RTAX_MTU], 0);
}

int rtnl_path_get(struct rtnl *rtnl, const struct in6_addr *dst,
		  struct rtnl_path *out)
{
	struct message msg;
	struct nlmsghdr *nlh = message_init(&msg, RTM_GETROUTE, NLM_F_ACK);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	int err;

	rtm->rtm_family = AF_INET6;
	rtm->rtm_dst_len = 128;
	put_addr(nlh, RTA_DST, dst);
	memset(out, 0, sizeof(*out));
	err = request(rtnl, nlh, path_decode, out);
	if (!err && !out->ifindex)
		err = -ENETUNREACH;
	if (!err && !out->mtu)
		out->mtu = ipv6_mtu(out->ifindex);
	return err;
}

/* Links and neighbours. */

static struct nlmsghdr *link_message(struct message *msg, uint16_t type,
				     uint32_t ifindex, unsigned int up)
{
	struct nlmsghdr *nlh = message_init(msg, type, NLM_F_ACK);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = ifindex;
	ifi->ifi_flags = ifi->ifi_change = up;
	return nlh;
}

int rtnl_link_up(struct rtnl *rtnl, uint32_t ifindex, uint32_t mtu)
{
	struct message msg;
	struct nlmsghdr *nlh = link_message(&msg, RTM_NEWLINK, ifindex, IFF_UP);

	if (mtu)
		mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return request(rtnl, nlh, NULL, NULL);
}

int rtnl_link_del(struct rtnl *rtnl, uint32_t ifindex)
{
	struct message msg;

	return request(rtnl, link_message(&msg, RTM_DELLINK, ifindex, 0), NULL,
		       NULL);
}

int rtnl_neigh_set(struct rtnl *rtnl, uint32_t ifindex,
		   const struct in6_addr *addr, const uint8_t *mac,
		   uint16_t state, bool router)
{
	struct message msg;
	struct nlmsghdr *nlh = message_init(&msg, RTM_NEWNEIGH, NLM_F_ACK |
					    NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	ndm->ndm_family = AF_INET6;
	ndm->ndm_ifindex = ifindex;
	ndm->ndm_state = state;
	ndm->ndm_flags = router ? NTF_ROUTER : 0;
	put_addr(nlh, NDA_DST, addr);
	if (mac)
		mnl_attr_put(nlh, NDA_LLADDR, 6, mac);
	return request(rtnl, nlh, NULL, NULL);
}

int sysctl_ipv6_set(const char *ifname, const char *key, int value)
{
	char path[128], text[16];
	int fd, len, err = 0;

	if (strchr(ifname, '/') || strchr(key, '/') || !strcmp(ifname, ".."))
		return -EINVAL;
	len = snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s",
		       ifname, key);
	if (len >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "%d", value);
	if (write(fd, text, len) != len)
		err = -errno;
	close(fd);
	return err;
}
