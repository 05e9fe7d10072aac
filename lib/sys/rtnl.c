/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "sys/rtnlint.h"

enum { RTNL_BUFFER = 65536, RTNL_RCVBUF = 4 << 20 };

struct rtnl {
	struct mnl_socket *request, *event;
	unsigned int seq;
	void (*fn)(void *arg, const struct rtnl_event *event);
	void *arg;
	char buffer[RTNL_BUFFER] __attribute__((aligned(8)));
};

static const struct attr_rule link_rules[ATTRS_MAX] = {
	[IFLA_ADDRESS] = { 1, 32 },
	[IFLA_IFNAME] = { 2, IFNAMSIZ },
	[IFLA_MTU] = { 4, 4 },
	[IFLA_CARRIER_DOWN_COUNT] = { 4, 4 },
	[IFLA_XDP] = { 5, UINT16_MAX },
};

static const struct attr_rule xdp_rules[ATTRS_MAX] = {
	[IFLA_XDP_ATTACHED] = { 1, 1 },
};

static const struct attr_rule addr_rules[ATTRS_MAX] = {
	[IFA_ADDRESS] = { 16, 16 },
	[IFA_LOCAL] = { 16, 16 },
	[IFA_FLAGS] = { 4, 4 },
	[IFA_CACHEINFO] = { sizeof(struct ifa_cacheinfo), UINT16_MAX },
	[IFA_PROTO] = { 1, 1 },
};

const struct attr_rule rtnl_route_attrs[ATTRS_MAX] = {
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

static const struct attr_rule neigh_rules[ATTRS_MAX] = {
	[NDA_DST] = { 16, 16 },
};

const struct attr_rule rtnl_rule_attrs[ATTRS_MAX] = {
	[FRA_PROTOCOL] = { 1, 1 },
	[FRA_SRC] = { 16, 16 },
	[FRA_PRIORITY] = { 4, 4 },
	[FRA_TABLE] = { 4, 4 },
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

void rtnl_attrs_parse(struct attrs *out, const struct nlmsghdr *nlh,
		      size_t header, const struct attr_rule *rules)
{
	const struct nlattr *attr;

	memset(out, 0, sizeof(*out));
	mnl_attr_for_each(attr, nlh, header)
		attr_keep(out, attr, rules);
}

void rtnl_attrs_mem(struct attrs *out, const void *mem, size_t len,
		    const struct attr_rule *rules)
{
	const struct nlattr *attr;

	memset(out, 0, sizeof(*out));
	mnl_attr_for_each_payload(mem, len)
		attr_keep(out, attr, rules);
}

uint32_t rtnl_attr_u32(const struct nlattr *attr, uint32_t otherwise)
{
	return attr ? mnl_attr_get_u32(attr) : otherwise;
}

void rtnl_attr_addr(const struct nlattr *attr, struct in6_addr *out)
{
	if (attr)
		memcpy(out, mnl_attr_get_payload(attr), sizeof(*out));
}

/* Decoding: each delivers nothing where the message is not ours. */

static bool has_xdp(const struct nlattr *nest)
{
	struct attrs at;

	if (!nest)
		return false;
	rtnl_attrs_mem(&at, mnl_attr_get_payload(nest),
			mnl_attr_get_payload_len(nest), xdp_rules);
	return at.tb[IFLA_XDP_ATTACHED] &&
	       mnl_attr_get_u8(at.tb[IFLA_XDP_ATTACHED]) != XDP_ATTACHED_NONE;
}

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
	rtnl_attrs_parse(&at, nlh, sizeof(*ifi), link_rules);
	ev.ifindex = ifi->ifi_index;
	ev.link.flags = ifi->ifi_flags;
	ev.link.arptype = ifi->ifi_type;
	ev.link.mtu = rtnl_attr_u32(at.tb[IFLA_MTU], 0);
	ev.link.carrier_downs = rtnl_attr_u32(at.tb[IFLA_CARRIER_DOWN_COUNT], 0);
	ev.link.has_xdp = has_xdp(at.tb[IFLA_XDP]);
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
	rtnl_attrs_parse(&at, nlh, sizeof(*ifa), addr_rules);
	if (!at.tb[IFA_ADDRESS] && !at.tb[IFA_LOCAL])
		return;
	ev.ifindex = ifa->ifa_index;
	ev.addr.prefix_len = ifa->ifa_prefixlen;
	ev.addr.flags = rtnl_attr_u32(at.tb[IFA_FLAGS], ifa->ifa_flags);
	/* Where there is a peer, IFA_ADDRESS is it and IFA_LOCAL is ours. */
	rtnl_attr_addr(at.tb[IFA_ADDRESS], &ev.addr.addr);
	rtnl_attr_addr(at.tb[IFA_LOCAL], &ev.addr.addr);
	ev.addr.from_ra = at.tb[IFA_PROTO] && mnl_attr_get_u8(
				at.tb[IFA_PROTO]) == IFAPROT_KERNEL_RA;
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
		rtnl_attrs_mem(&at, RTNH_DATA(nh),
				nh->rtnh_len - sizeof(*nh), rtnl_route_attrs);
		ev->ifindex = nh->rtnh_ifindex;
		ev->route.has_gw = at.tb[RTA_GATEWAY];
		memset(&ev->route.gw, 0, sizeof(ev->route.gw));
		rtnl_attr_addr(at.tb[RTA_GATEWAY], &ev->route.gw);
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
	rtnl_attrs_parse(&at, nlh, sizeof(*rtm), rtnl_route_attrs);
	ev.ifindex = rtnl_attr_u32(at.tb[RTA_OIF], 0);
	ev.route.dst_len = rtm->rtm_dst_len;
	ev.route.protocol = rtm->rtm_protocol;
	ev.route.table = rtnl_attr_u32(at.tb[RTA_TABLE], rtm->rtm_table);
	ev.route.metric = rtnl_attr_u32(at.tb[RTA_PRIORITY], 0);
	ev.route.has_gw = at.tb[RTA_GATEWAY];
	rtnl_attr_addr(at.tb[RTA_DST], &ev.route.dst);
	rtnl_attr_addr(at.tb[RTA_GATEWAY], &ev.route.gw);
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
	rtnl_attrs_parse(&at, nlh, sizeof(*ndm), neigh_rules);
	if (!at.tb[NDA_DST])
		return;
	ev.ifindex = ndm->ndm_ifindex;
	ev.neigh.state = nlh->nlmsg_type == RTM_NEWNEIGH ? ndm->ndm_state :
							   NUD_NONE;
	ev.neigh.router = ndm->ndm_flags & NTF_ROUTER;
	rtnl_attr_addr(at.tb[NDA_DST], &ev.neigh.addr);
	rtnl->fn(rtnl->arg, &ev);
}

static void on_rule(struct rtnl *rtnl, const struct nlmsghdr *nlh)
{
	const struct fib_rule_hdr *frh = mnl_nlmsg_get_payload(nlh);
	struct rtnl_event ev = { .type = RTNL_ROUTING };
	struct attrs at;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*frh) ||
	    frh->family != AF_INET6)
		return;
	if (nlh->nlmsg_type == RTM_DELRULE) {
		rtnl_attrs_parse(&at, nlh, sizeof(*frh), rtnl_rule_attrs);
		ev.type = RTNL_RULE_GONE;
		ev.rule.priority = rtnl_attr_u32(at.tb[FRA_PRIORITY], 0);
		ev.rule.table = rtnl_attr_u32(at.tb[FRA_TABLE], frh->table);
		rtnl_attr_addr(at.tb[FRA_SRC], &ev.rule.from);
		if (at.tb[FRA_PROTOCOL])
			ev.rule.protocol =
				mnl_attr_get_u8(at.tb[FRA_PROTOCOL]);
	}
	rtnl->fn(rtnl->arg, &ev);
}

static void on_filter_gone(struct rtnl *rtnl, const struct nlmsghdr *nlh)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	struct rtnl_event ev = { .type = RTNL_FILTER_GONE };

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*tcm) ||
	    TC_H_MAJ(tcm->tcm_parent) != TC_H_MAJ(TC_H_CLSACT))
		return;
	ev.ifindex = tcm->tcm_ifindex;
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
		on_rule(rtnl, nlh);
		break;
	case RTM_DELQDISC:
	case RTM_DELTFILTER:
		on_filter_gone(rtnl, nlh);
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
		RTNLGRP_IPV6_RULE, RTNLGRP_NEIGH, RTNLGRP_TC,
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

/* 1: this was the last message of the answer. */
static int answer_message(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			  rtnl_message_fn fn, void *arg)
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

int rtnl_request(struct rtnl *rtnl, struct nlmsghdr *nlh, rtnl_message_fn fn,
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

struct nlmsghdr *rtnl_message(struct message *msg, uint16_t type,
			      uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(msg->mem);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	return nlh;
}

void rtnl_put_addr(struct nlmsghdr *nlh, uint16_t type,
		   const struct in6_addr *addr)
{
	mnl_attr_put(nlh, type, sizeof(*addr), addr);
}

int rtnl_dump(struct rtnl *rtnl, uint16_t type, size_t header, uint8_t family,
	      rtnl_message_fn fn, void *arg)
{
	struct message msg;
	struct nlmsghdr *nlh = rtnl_message(&msg, type, NLM_F_DUMP);
	uint8_t *first = mnl_nlmsg_put_extra_header(nlh, header);

	*first = family;	/* the first byte of each such header */
	return rtnl_request(rtnl, nlh, fn, arg);
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
	err = rtnl_dump(rtnl, type, header, family, on_event, NULL);
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
	struct nlmsghdr *nlh = rtnl_message(msg, type, NLM_F_ACK | flags);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = AF_INET6;
	ifa->ifa_prefixlen = prefix_len;
	ifa->ifa_index = ifindex;
	rtnl_put_addr(nlh, IFA_LOCAL, addr);
	rtnl_put_addr(nlh, IFA_ADDRESS, addr);
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
	err = rtnl_request(rtnl, nlh, NULL, NULL);
	return err == -EEXIST ? 0 : err;
}

int rtnl_addr_del(struct rtnl *rtnl, uint32_t ifindex,
		  const struct in6_addr *addr, uint8_t prefix_len)
{
	struct message msg;

	return rtnl_request(rtnl, addr_message(&msg, RTM_DELADDR, 0, ifindex,
					       addr, prefix_len), NULL, NULL);
}

/* Links and neighbours. */

static struct nlmsghdr *link_message(struct message *msg, uint16_t type,
				     uint32_t ifindex, unsigned int up)
{
	struct nlmsghdr *nlh = rtnl_message(msg, type, NLM_F_ACK);
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
	return rtnl_request(rtnl, nlh, NULL, NULL);
}

int rtnl_link_del(struct rtnl *rtnl, uint32_t ifindex)
{
	struct message msg;

	return rtnl_request(rtnl, link_message(&msg, RTM_DELLINK, ifindex, 0),
			    NULL, NULL);
}

static struct nlmsghdr *neigh_message(struct message *msg, uint32_t ifindex,
				      const struct in6_addr *addr,
				      uint16_t state, uint8_t flags)
{
	struct nlmsghdr *nlh = rtnl_message(msg, RTM_NEWNEIGH, NLM_F_ACK |
					    NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	ndm->ndm_family = AF_INET6;
	ndm->ndm_ifindex = ifindex;
	ndm->ndm_state = state;
	ndm->ndm_flags = flags;
	rtnl_put_addr(nlh, NDA_DST, addr);
	return nlh;
}

/*
 * A probe where its link-layer address is known; else it is asked for, anew:
 * packets that wait for the answer fill their sockets' buffers, which would
 * stop who sends.
 */
int rtnl_neigh_ask(struct rtnl *rtnl, uint32_t ifindex,
		   const struct in6_addr *addr)
{
	int err = rtnl_neigh_set(rtnl, ifindex, addr, NULL, NUD_PROBE, true);
	struct nlmsghdr *nlh;
	struct message msg;

	if (!err)
		return 0;
	nlh = neigh_message(&msg, ifindex, addr, NUD_NONE, 0);
	nlh->nlmsg_type = RTM_DELNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	rtnl_request(rtnl, nlh, NULL, NULL);
	return rtnl_request(rtnl, neigh_message(&msg, ifindex, addr, NUD_NONE,
						NTF_USE), NULL, NULL);
}

int rtnl_neigh_set(struct rtnl *rtnl, uint32_t ifindex,
		   const struct in6_addr *addr, const uint8_t *mac,
		   uint16_t state, bool router)
{
	struct message msg;
	struct nlmsghdr *nlh = neigh_message(&msg, ifindex, addr, state,
					     router ? NTF_ROUTER : 0);

	if (mac)
		mnl_attr_put(nlh, NDA_LLADDR, 6, mac);
	return rtnl_request(rtnl, nlh, NULL, NULL);
}

/* 0 or -errno */
static int sysctl_path(char path[128], const char *ifname, const char *key)
{
	if (strchr(ifname, '/') || strchr(key, '/') || !strcmp(ifname, ".."))
		return -EINVAL;
	return snprintf(path, 128, "/proc/sys/net/ipv6/conf/%s/%s", ifname,
			key) < 128 ? 0 : -ENAMETOOLONG;
}

int sysctl_ipv6_get(const char *ifname, const char *key)
{
	char path[128];
	int value, err = sysctl_path(path, ifname, key);
	FILE *file;

	if (err)
		return err;
	file = fopen(path, "re");
	if (!file)
		return -errno;
	if (fscanf(file, "%d", &value) != 1 || value < 0)
		value = -EINVAL;
	fclose(file);
	return value;
}

int sysctl_ipv6_set(const char *ifname, const char *key, int value)
{
	char path[128], text[16];
	int fd, len, err = sysctl_path(path, ifname, key);

	if (err)
		return err;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "%d", value);
	if (write(fd, text, len) != len)
		err = -errno;
	close(fd);
	return err;
}
