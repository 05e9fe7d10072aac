/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/log.h"

/* A burst of ends that does not fit is an overrun, and costs one count. */
enum { DIAG_BUFFER = 32768, DIAG_RCVBUF = 4 << 20 };

/* netinet/tcp.h has these too, but does not go with linux/tcp.h. The last is
 * Linux 6.8's, of those that are bound and no more; others ignore the bit. */
enum { STATE_TIME_WAIT = 6, STATE_CLOSE = 7, STATE_BOUND = 13 };

/* A UDP socket that is not connected is in CLOSE. */
enum {
	STATES_UDP = -1,
	STATES_TCP = ~(1 << STATE_TIME_WAIT | 1 << STATE_CLOSE),
	STATES_BOUND = 1 << STATE_BOUND,
};

struct sockdiag {
	struct mnl_socket *request, *event;
	unsigned int seq;
	bool watched;
	char buffer[DIAG_BUFFER] __attribute__((aligned(8)));
};

static int event_open(struct sockdiag *sd)
{
	int size = DIAG_RCVBUF;

	sd->event = mnl_socket_open2(NETLINK_SOCK_DIAG,
				     SOCK_CLOEXEC | SOCK_NONBLOCK);
	/* Events come to a socket that was bound before it joined. */
	if (!sd->event || mnl_socket_bind(sd->event, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	setsockopt(mnl_socket_get_fd(sd->event), SOL_SOCKET, SO_RCVBUFFORCE,
		   &size, sizeof(size));
	return 0;
}

int sockdiag_watch(struct sockdiag *sd, bool on)
{
	int groups[] = { SKNLGRP_INET6_TCP_DESTROY, SKNLGRP_INET6_UDP_DESTROY };
	size_t i;

	if (on == sd->watched)
		return 0;
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (mnl_socket_setsockopt(sd->event, on ?
					  NETLINK_ADD_MEMBERSHIP :
					  NETLINK_DROP_MEMBERSHIP,
					  &groups[i], sizeof(int)) < 0)
			return -errno;
	sd->watched = on;
	return 0;
}

static int request_open(struct sockdiag *sd)
{
	sd->request = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (!sd->request || mnl_socket_bind(sd->request, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	return 0;
}

int sockdiag_open(struct sockdiag **out)
{
	struct sockdiag *sd = calloc(1, sizeof(*sd));
	int err;

	if (!sd)
		return -ENOMEM;
	err = request_open(sd);
	if (!err)
		err = event_open(sd);
	if (err) {
		log_err("sock_diag: %s", strerror(-err));
		sockdiag_close(sd);
		return err;
	}
	*out = sd;
	return 0;
}

void sockdiag_close(struct sockdiag *sd)
{
	if (!sd)
		return;
	if (sd->request)
		mnl_socket_close(sd->request);
	if (sd->event)
		mnl_socket_close(sd->event);
	free(sd);
}

static void take_info(struct sock_rec *out, const struct nlattr *attr)
{
	struct tcp_info info = {0};
	size_t len = mnl_attr_get_payload_len(attr);

	if (len > sizeof(info))
		len = sizeof(info);
	memcpy(&info, mnl_attr_get_payload(attr), len);
	/* tcpi_bytes_acked would have the SYN */
	out->tx_bytes = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
	out->rx_bytes = info.tcpi_bytes_received;
}

static void take_ulp(struct sock_rec *out, const struct nlattr *nest)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) == INET_ULP_INFO_NAME &&
		    mnl_attr_get_payload_len(attr) == sizeof("mptcp"))
			out->mptcp = !memcmp(mnl_attr_get_payload(attr),
					     "mptcp", sizeof("mptcp"));
}

static void take_attr(struct sock_rec *out, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case INET_DIAG_PROTOCOL:
		if (mnl_attr_get_payload_len(attr) >= 1)
			out->protocol = mnl_attr_get_u8(attr);
		break;
	case INET_DIAG_INFO:
		take_info(out, attr);
		break;
	case INET_DIAG_ULP_INFO:
		take_ulp(out, attr);
		break;
	}
}

/* Decodes an answer or event. protocol 0: the message itself says it. */
static bool sock_decode(const struct nlmsghdr *nlh, uint8_t protocol,
			struct sock_rec *out)
{
	const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg) ||
	    msg->idiag_family != AF_INET6)
		return false;
	*out = (struct sock_rec) {
		.protocol = protocol,
		.tcp_state = msg->idiag_state == STATE_BOUND ? STATE_CLOSE :
				msg->idiag_state,
		.local_port = ntohs(msg->id.idiag_sport),
		.remote_port = ntohs(msg->id.idiag_dport),
		.cookie = (uint64_t)msg->id.idiag_cookie[1] << 32 |
				msg->id.idiag_cookie[0],
		.uid = msg->idiag_uid,
		.ifindex = msg->id.idiag_if,
		.inode = msg->idiag_inode,
		.bound = 1,
	};
	memcpy(&out->local, msg->id.idiag_src, sizeof(out->local));
	memcpy(&out->remote, msg->id.idiag_dst, sizeof(out->remote));
	out->bound = !IN6_IS_ADDR_UNSPECIFIED(&out->local);
	mnl_attr_for_each(attr, nlh, sizeof(*msg))
		take_attr(out, attr);
	return true;
}

static bool sock_wanted(const struct sock_rec *rec)
{
	return (rec->protocol == IPPROTO_TCP ||
		rec->protocol == IPPROTO_UDP) &&
	       (rec->bound || rec->protocol == IPPROTO_UDP) &&
	       !IN6_IS_ADDR_MULTICAST(&rec->local) &&
	       !IN6_IS_ADDR_V4MAPPED(&rec->local);
}

struct dump {
	void (*fn)(void *arg, const struct sock_rec *rec);
	void *arg;
	uint8_t protocol;
	uint8_t ext;
	int states;
	bool inconsistent;
};

/* A request in sd->buffer, about IPv6's sockets. */
static struct inet_diag_req_v2 *request_put(struct sockdiag *sd, uint16_t type,
					    uint16_t flags, uint8_t protocol)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(sd->buffer);
	struct inet_diag_req_v2 *req;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++sd->seq;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = AF_INET6;
	req->sdiag_protocol = protocol;
	return req;
}

/* What request_put() and its caller have put there. */
static int request_send(struct sockdiag *sd)
{
	const struct nlmsghdr *nlh = (const void *)sd->buffer;

	return mnl_socket_sendto(sd->request, nlh, nlh->nlmsg_len) < 0 ?
		-errno : 0;
}

static int dump_send(struct sockdiag *sd, const struct dump *dump)
{
	struct inet_diag_req_v2 *req = request_put(sd, SOCK_DIAG_BY_FAMILY,
						   NLM_F_DUMP, dump->protocol);

	req->idiag_ext = dump->ext;
	req->idiag_states = (uint32_t)dump->states;
	return request_send(sd);
}

/* 1: the dump is at its end. */
static int dump_message(struct sockdiag *sd, const struct nlmsghdr *nlh,
			struct dump *dump)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	struct sock_rec rec;

	if (nlh->nlmsg_seq != sd->seq)
		return 0;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		dump->inconsistent = true;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return 1;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return mnl_nlmsg_get_payload_len(nlh) < sizeof(*err) ?
			-EBADMSG : err->error;
	if (sock_decode(nlh, dump->protocol, &rec) && sock_wanted(&rec))
		dump->fn(dump->arg, &rec);
	return 0;
}

static int dump_read(struct sockdiag *sd, struct dump *dump)
{
	const struct nlmsghdr *nlh;
	ssize_t n;
	int len, ret;

	for (;;) {
		n = mnl_socket_recvfrom(sd->request, sd->buffer, DIAG_BUFFER);
		if (n < 0 && errno != EINTR)
			return -errno;
		len = n < 0 ? 0 : n;
		for (nlh = (void *)sd->buffer; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			ret = dump_message(sd, nlh, dump);
			if (ret)
				return ret < 0 ? ret : 0;
		}
	}
}

static int dump(struct sockdiag *sd, struct dump *dump)
{
	int err = dump_send(sd, dump);

	if (!err)
		err = dump_read(sd, dump);
	return err ? err : dump->inconsistent ? -EINTR : 0;
}

int sockdiag_each(struct sockdiag *sd, bool tcp_info, void (*fn)(void *arg,
		  const struct sock_rec *rec), void *arg)
{
	struct dump tcp = {
		.fn = fn, .arg = arg, .protocol = IPPROTO_TCP,
		.ext = tcp_info ? 1u << (INET_DIAG_INFO - 1) : 0,
		.states = STATES_TCP,
	};
	struct dump udp = {
		.fn = fn, .arg = arg, .protocol = IPPROTO_UDP,
		.states = STATES_UDP,
	};
	int err = dump(sd, &tcp);

	return err ? err : dump(sd, &udp);
}

int sockdiag_each_bound(struct sockdiag *sd, void (*fn)(void *arg,
			const struct sock_rec *rec), void *arg)
{
	struct dump bound = {
		.fn = fn, .arg = arg, .protocol = IPPROTO_TCP,
		.states = STATES_BOUND,
	};

	return dump(sd, &bound);
}

int sockdiag_event_fd(struct sockdiag *sd)
{
	return mnl_socket_get_fd(sd->event);
}

void sockdiag_read_events(struct sockdiag *sd, void (*fn)(void *arg,
			  const struct sock_rec *rec), void *arg,
			  bool *overrun)
{
	const struct nlmsghdr *nlh;
	struct sock_rec rec;
	ssize_t n;
	int len;

	*overrun = false;
	for (;;) {
		n = mnl_socket_recvfrom(sd->event, sd->buffer, DIAG_BUFFER);
		if (n < 0 && errno == ENOBUFS)
			*overrun = true;
		else if (n < 0 && errno != EINTR)
			return;
		len = n < 0 ? 0 : n;
		for (nlh = (void *)sd->buffer; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len))
			if (sock_decode(nlh, 0, &rec) && sock_wanted(&rec))
				fn(arg, &rec);
	}
}

/* The answer to what was sent last. */
static int ack_read(struct sockdiag *sd)
{
	const struct nlmsghdr *nlh;
	const struct nlmsgerr *err;
	ssize_t n;
	int len;

	for (;;) {
		n = mnl_socket_recvfrom(sd->request, sd->buffer, DIAG_BUFFER);
		if (n < 0 && errno != EINTR)
			return -errno;
		len = n < 0 ? 0 : n;
		for (nlh = (void *)sd->buffer; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			err = mnl_nlmsg_get_payload(nlh);
			if (nlh->nlmsg_seq == sd->seq &&
			    nlh->nlmsg_type == NLMSG_ERROR &&
			    mnl_nlmsg_get_payload_len(nlh) >= sizeof(*err))
				return err->error;
		}
	}
}

int sockdiag_destroy(struct sockdiag *sd, const struct sock_rec *rec)
{
	/* one that is bound to none is found under none */
	const struct in6_addr *local = rec->bound ? &rec->local : &in6addr_any;
	struct inet_diag_req_v2 *req = request_put(sd, SOCK_DESTROY, NLM_F_ACK,
						   rec->protocol);
	int err;

	req->id.idiag_sport = htons(rec->local_port);
	req->id.idiag_dport = htons(rec->remote_port);
	memcpy(req->id.idiag_src, local, sizeof(*local));
	memcpy(req->id.idiag_dst, &rec->remote, sizeof(rec->remote));
	req->id.idiag_if = rec->ifindex;
	req->id.idiag_cookie[0] = (uint32_t)rec->cookie;
	req->id.idiag_cookie[1] = (uint32_t)(rec->cookie >> 32);
	err = request_send(sd);
	return err ? err : ack_read(sd);
}
