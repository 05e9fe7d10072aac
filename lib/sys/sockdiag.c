/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/log.h"

enum { DIAG_BUFFER = 32768, DIAG_RCVBUF = 1 << 20 };

struct sockdiag {
	struct mnl_socket *request, *event;
	unsigned int seq;
	char buffer[DIAG_BUFFER] __attribute__((aligned(8)));
};

static int event_open(struct sockdiag *sd)
{
	int groups[] = { SKNLGRP_INET6_TCP_DESTROY, SKNLGRP_INET6_UDP_DESTROY };
	int size = DIAG_RCVBUF;
	size_t i;

	sd->event = mnl_socket_open2(NETLINK_SOCK_DIAG,
				     SOCK_CLOEXEC | SOCK_NONBLOCK);
	/* Events come to a socket that was bound before it joined. */
	if (!sd->event || mnl_socket_bind(sd->event, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	setsockopt(mnl_socket_get_fd(sd->event), SOL_SOCKET, SO_RCVBUFFORCE,
		   &size, sizeof(size));
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (mnl_socket_setsockopt(sd->event, NETLINK_ADD_MEMBERSHIP,
					  &groups[i], sizeof(int)) < 0)
			return -errno;
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

/* Decodes an answer or event. protocol 0: the message itself says it. */
static bool sock_decode(const struct nlmsghdr *nlh, uint8_t protocol,
			struct sockdiag_sock *out)
{
	const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg) ||
	    msg->idiag_family != AF_INET6)
		return false;
	*out = (struct sockdiag_sock) {
		.protocol = protocol,
		.state = msg->idiag_state,
		.local_port = ntohs(msg->id.idiag_sport),
		.remote_port = ntohs(msg->id.idiag_dport),
		.uid = msg->idiag_uid,
		.inode = msg->idiag_inode,
	};
	memcpy(&out->local, msg->id.idiag_src, sizeof(out->local));
	memcpy(&out->remote, msg->id.idiag_dst, sizeof(out->remote));
	mnl_attr_for_each(attr, nlh, sizeof(*msg))
		if (mnl_attr_get_type(attr) == INET_DIAG_PROTOCOL &&
		    mnl_attr_get_payload_len(attr) >= 1)
			out->protocol = mnl_attr_get_u8(attr);
	return true;
}

static bool sock_wanted(const struct sockdiag_sock *sock)
{
	return (sock->protocol == IPPROTO_TCP ||
		sock->protocol == IPPROTO_UDP) &&
	       !IN6_IS_ADDR_UNSPECIFIED(&sock->local) &&
	       !IN6_IS_ADDR_MULTICAST(&sock->local) &&
	       !IN6_IS_ADDR_V4MAPPED(&sock->local);
}

static int dump_send(struct sockdiag *sd, uint8_t protocol)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(sd->buffer);
	struct inet_diag_req_v2 *req;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++sd->seq;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = AF_INET6;
	req->sdiag_protocol = protocol;
	/* A UDP socket that is not connected is in TCP_CLOSE. */
	req->idiag_states = protocol == IPPROTO_UDP ? ~0u :
		~(1u << TCP_TIME_WAIT | 1u << TCP_CLOSE);
	return mnl_socket_sendto(sd->request, nlh, nlh->nlmsg_len) < 0 ?
		-errno : 0;
}

struct dump {
	void (*fn)(void *arg, const struct sockdiag_sock *sock);
	void *arg;
	uint8_t protocol;
	bool inconsistent;
};

/* 1: the dump is at its end. */
static int dump_message(struct sockdiag *sd, const struct nlmsghdr *nlh,
			struct dump *dump)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	struct sockdiag_sock sock;

	if (nlh->nlmsg_seq != sd->seq)
		return 0;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		dump->inconsistent = true;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return 1;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return mnl_nlmsg_get_payload_len(nlh) < sizeof(*err) ?
			-EBADMSG : err->error;
	if (sock_decode(nlh, dump->protocol, &sock) && sock_wanted(&sock))
		dump->fn(dump->arg, &sock);
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

int sockdiag_dump(struct sockdiag *sd,
		  void (*fn)(void *arg, const struct sockdiag_sock *sock),
		  void *arg)
{
	const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
	struct dump dump = { .fn = fn, .arg = arg };
	size_t i;
	int err;

	for (i = 0; i < sizeof(protocols); i++) {
		dump.protocol = protocols[i];
		err = dump_send(sd, protocols[i]);
		if (!err)
			err = dump_read(sd, &dump);
		if (err)
			return err;
	}
	return dump.inconsistent ? -EINTR : 0;
}

int sockdiag_event_fd(struct sockdiag *sd)
{
	return mnl_socket_get_fd(sd->event);
}

void sockdiag_read_events(struct sockdiag *sd,
		void (*fn)(void *arg, const struct sockdiag_sock *sock),
		void *arg, bool *overrun)
{
	const struct nlmsghdr *nlh;
	struct sockdiag_sock sock;
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
			if (sock_decode(nlh, 0, &sock) && sock_wanted(&sock))
				fn(arg, &sock);
	}
}
