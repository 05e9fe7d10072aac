/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/raw.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "proto/mip.h"

enum { RAW_SNDBUF = 1 << 20 };

/* Room for a struct in6_pktinfo and an int of ancillary data. */
union cmsg_mem {
	struct cmsghdr align;
	char mem[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
		 CMSG_SPACE(sizeof(int))];
};

/* A message that came, and what came beside it. */
struct raw_in {
	struct sockaddr_in6 from;
	union cmsg_mem cmsg;
	struct iovec iov;
	struct msghdr msg;
};

/* too_big: flags of what is refused. The message's length, or -errno. */
static ssize_t raw_in_read(int fd, struct raw_in *in, uint8_t *mem, size_t cap,
			   int too_big)
{
	ssize_t n;

	*in = (struct raw_in){ .iov = { mem, cap } };
	in->msg = (struct msghdr){
		.msg_name = &in->from, .msg_namelen = sizeof(in->from),
		.msg_iov = &in->iov, .msg_iovlen = 1,
		.msg_control = in->cmsg.mem,
		.msg_controllen = sizeof(in->cmsg.mem),
	};
	n = recvmsg(fd, &in->msg, 0);
	if (n < 0)
		return -errno;
	return in->msg.msg_flags & too_big ? -EMSGSIZE : n;
}

static int raw_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	int err = fd < 0 ? -errno : 0;

	if (err)
		log_err("raw socket of protocol %d: %s", protocol,
			strerror(-err));
	return err ? err : fd;
}

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ?
		-errno : 0;
}

static int close_on(int err, int fd)
{
	if (!err)
		return fd;
	log_err("raw socket option: %s", strerror(-err));
	close(fd);
	return err;
}

int raw_open(void)
{
	int fd = raw_socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	int err;

	if (fd < 0)
		return fd;
	/* Room for a batch that waits in a queue; the default has none. */
	set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, RAW_SNDBUF);
	/* The source may be an address that no interface has any more. */
	err = set_int(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	return close_on(err, fd);
}

/* What sendmsg() is given for a whole packet. */
struct raw_msg {
	struct sockaddr_in6 to;
	struct iovec iov;
	union {
		struct cmsghdr align;
		char mem[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control;
};

static int raw_msg_fill(struct raw_msg *m, struct msghdr *msg,
			const uint8_t *p, size_t len, uint32_t ifindex)
{
	struct in6_pktinfo info = { .ipi6_ifindex = ifindex };
	struct cmsghdr *cmsg;

	if (len < IP6_HDR_LEN)
		return -EINVAL;
	m->to = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	m->iov = (struct iovec){ (void *)p, len };
	*msg = (struct msghdr){
		.msg_name = &m->to, .msg_namelen = sizeof(m->to),
		.msg_iov = &m->iov, .msg_iovlen = 1,
		.msg_control = m->control.mem,
		/* without the padding the kernel needs no memory for it */
		.msg_controllen = CMSG_LEN(sizeof(info)),
	};
	memcpy(&info.ipi6_addr, p + 8, 16);
	memcpy(&m->to.sin6_addr, p + 24, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&m->to.sin6_addr) ||
	    IN6_IS_ADDR_MC_LINKLOCAL(&m->to.sin6_addr))
		m->to.sin6_scope_id = ifindex;
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = IPPROTO_IPV6;
	cmsg->cmsg_type = IPV6_PKTINFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
	return 0;
}

int raw_send(int fd, const uint8_t *p, size_t len, uint32_t ifindex)
{
	struct raw_msg m = { 0 };
	struct msghdr msg;
	int err = raw_msg_fill(&m, &msg, p, len, ifindex);

	if (err)
		return err;
	return sendmsg(fd, &msg, 0) < 0 ? -errno : 0;
}

int raw_send_bound(int fd, const uint8_t *p, size_t len, uint32_t ifindex)
{
	int err = set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, (int)ifindex);

	if (err)
		return err;
	err = raw_send(fd, p, len, ifindex);
	set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, 0);
	return err;
}

struct raw_batch {
	unsigned int n;
	size_t used;		/* of mem */
	struct mmsghdr msgs[RAW_BATCH_MAX];
	struct raw_msg parts[RAW_BATCH_MAX];
	/* most packets are much shorter than they may be */
	uint8_t mem[RAW_BATCH_MAX * 160 + IP6_SIGNAL_MAX];
};

int raw_batch_new(struct raw_batch **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void raw_batch_free(struct raw_batch *batch)
{
	free(batch);
}

uint8_t *raw_batch_room(struct raw_batch *batch)
{
	if (batch->n == RAW_BATCH_MAX ||
	    sizeof(batch->mem) - batch->used < IP6_SIGNAL_MAX)
		return NULL;
	return batch->mem + batch->used;
}

int raw_batch_add(struct raw_batch *batch, size_t len, uint32_t ifindex)
{
	unsigned int i = batch->n;
	int err = raw_msg_fill(&batch->parts[i], &batch->msgs[i].msg_hdr,
			       batch->mem + batch->used, len, ifindex);

	if (err)
		return err;
	batch->used += len;
	batch->n++;
	return (int)i;
}

/* The kernel tells the error of the first of those that it is given alone. */
void raw_batch_send(struct raw_batch *batch, int fd,
		    void (*done)(void *arg, unsigned int i, int err),
		    void *arg)
{
	unsigned int i = 0;
	int rc, err;

	while (i < batch->n) {
		rc = sendmmsg(fd, batch->msgs + i, batch->n - i, 0);
		err = rc < 0 ? -errno : 0;
		if (rc <= 0)
			done(arg, i++, err ? err : -EIO);
		for (; rc > 0; rc--)
			done(arg, i++, 0);
	}
	batch->n = 0;
	batch->used = 0;
}

/* Being there is enough for the kernel: its queue stays empty. */
static int refuse_all(int fd)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { .len = 1, .filter = &drop };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			  sizeof(prog)) < 0 ? -errno : 0;
}

int raw_hold(int protocol)
{
	int fd = raw_socket(AF_INET6, SOCK_RAW, protocol);
	int err;

	if (fd < 0)
		return fd;
	err = refuse_all(fd);
	return close_on(err, fd);
}

int raw_report_errors(int fd)
{
	int err = set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);

	/* errors then tell the packet from its own header on */
	return err ? err : set_int(fd, IPPROTO_IPV6, IPV6_HDRINCL, 1);
}

int raw_tunnel_open(void)
{
	static const int options[] = {
		IPV6_RECVERR, IPV6_RECVPKTINFO, IPV6_RECVTCLASS,
		/* errors then tell the packet from its own header on */
		IPV6_HDRINCL,
	};
	int fd = raw_socket(AF_INET6, SOCK_RAW, IP6_PROTO_IPV6);
	unsigned int i;
	int err = 0;

	if (fd < 0)
		return fd;
	for (i = 0; i < sizeof(options) / sizeof(*options) && !err; i++)
		err = set_int(fd, IPPROTO_IPV6, options[i], 1);
	return close_on(err, fd);
}

enum { FILTER_LEN = 9 };	/* for an address */

/* Accepts if the address at this place is this one. */
static void filter_addr(struct sock_filter *f, uint32_t at,
			const struct in6_addr *addr)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		*f++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						    at + 4 * i);
		/* else: to the next address, past what is left of this */
		*f++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
				ntohl(addr->s6_addr32[i]), 0, 7 - 2 * i);
	}
	*f = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
}

/* The packet begins with the inner header here, as for the reader. */
int raw_tunnel_filter(int fd, enum raw_filter which,
		      const struct in6_addr *dsts, unsigned int n)
{
	const uint32_t at = 24 + (which == RAW_FILTER_OUTER ?
				  (uint32_t)SKF_NET_OFF : 0);
	struct sock_filter filter[RAW_FILTER_MAX * FILTER_LEN + 1];
	struct sock_fprog prog = { .filter = filter };
	bool all = n > RAW_FILTER_MAX;
	unsigned int i;

	if (all)
		n = 0;
	for (i = 0; i < n; i++)
		filter_addr(&filter[i * FILTER_LEN], at, &dsts[i]);
	filter[n * FILTER_LEN] = (struct sock_filter)
		BPF_STMT(BPF_RET | BPF_K, all ? UINT32_MAX : 0);
	prog.len = (unsigned short)(n * FILTER_LEN + 1);
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			  sizeof(prog)) < 0 ? -errno : 0;
}

static void tunnel_cmsgs(struct msghdr *msg, struct raw_tunnel *out)
{
	struct in6_pktinfo info;
	struct cmsghdr *cmsg;
	int tclass;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != IPPROTO_IPV6)
			continue;
		if (cmsg->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
			out->dst = info.ipi6_addr;
			out->ifindex = info.ipi6_ifindex;
		} else if (cmsg->cmsg_type == IPV6_TCLASS) {
			memcpy(&tclass, CMSG_DATA(cmsg), sizeof(tclass));
			out->tclass = tclass;
		}
	}
}

ssize_t raw_tunnel_read(int fd, uint8_t *mem, size_t cap,
			struct raw_tunnel *out)
{
	struct raw_in in;
	ssize_t n = raw_in_read(fd, &in, mem, cap, MSG_TRUNC | MSG_CTRUNC);

	if (n < 0)
		return n;
	*out = (struct raw_tunnel){ .src = in.from.sin6_addr };
	tunnel_cmsgs(&in.msg, out);
	return n;
}

/* As much of the error as the kernel tells about it. */
struct icmp_report {
	struct sock_extended_err ee;
	struct sockaddr_in6 offender;
};

static bool report_find(struct msghdr *msg, struct icmp_report *out)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != IPPROTO_IPV6 ||
		    cmsg->cmsg_type != IPV6_RECVERR ||
		    cmsg->cmsg_len < CMSG_LEN(sizeof(*out)))
			continue;
		memcpy(out, CMSG_DATA(cmsg), sizeof(*out));
		return out->ee.ee_origin == SO_EE_ORIGIN_ICMP6;
	}
	return false;
}

ssize_t raw_tunnel_error(int fd, uint8_t *mem, size_t cap,
			 struct nd_error *err, struct in6_addr *from)
{
	union {
		struct cmsghdr align;
		char mem[CMSG_SPACE(sizeof(struct icmp_report)) +
			 CMSG_SPACE(sizeof(struct in6_pktinfo)) +
			 CMSG_SPACE(sizeof(int))];
	} cmsg = { 0 };
	struct icmp_report report;
	struct iovec iov = { mem, cap };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = cmsg.mem, .msg_controllen = sizeof(cmsg.mem),
	};
	ssize_t n = recvmsg(fd, &msg, MSG_ERRQUEUE);

	if (n < 0)
		return -errno;
	if (!report_find(&msg, &report))
		return -EBADMSG;
	*err = (struct nd_error){ report.ee.ee_type, report.ee.ee_code,
				  report.ee.ee_info };
	*from = report.offender.sin6_addr;
	return n;
}

/* For these two types, or one. */
static int icmp_open(int type, int other)
{
	int fd = raw_socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	struct icmp6_filter filter;
	int err;

	if (fd < 0)
		return fd;
	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(type, &filter);
	ICMP6_FILTER_SETPASS(other, &filter);
	err = setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter,
			 sizeof(filter)) < 0 ? -errno : 0;
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
	return close_on(err, fd);
}

int raw_ra_open(void)
{
	return icmp_open(ND_ROUTER_ADVERT, ND_ROUTER_ADVERT);
}

int raw_nd_open(void)
{
	return icmp_open(ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT);
}

int raw_haad_open(void)
{
	return icmp_open(MIP_HAAD_REPLY, MIP_HAAD_REPLY);
}

int raw_request_open(void)
{
	return icmp_open(MIP_HAAD_REQUEST, MIP_HAAD_REQUEST);
}

static int anycast(int fd, int option, uint32_t ifindex,
		   const struct in6_addr *addr)
{
	struct ipv6_mreq mreq = {
		.ipv6mr_multiaddr = *addr, .ipv6mr_interface = ifindex,
	};

	return setsockopt(fd, IPPROTO_IPV6, option, &mreq, sizeof(mreq)) < 0 ?
		-errno : 0;
}

int raw_anycast_join(int fd, uint32_t ifindex, const struct in6_addr *addr)
{
	return anycast(fd, IPV6_JOIN_ANYCAST, ifindex, addr);
}

void raw_anycast_leave(int fd, uint32_t ifindex, const struct in6_addr *addr)
{
	anycast(fd, IPV6_LEAVE_ANYCAST, ifindex, addr);
}

int raw_group(int fd, uint32_t ifindex, const struct in6_addr *group,
	      bool join)
{
	struct ipv6_mreq mreq = {
		.ipv6mr_multiaddr = *group,
		.ipv6mr_interface = ifindex,
	};

	if (!setsockopt(fd, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP :
			IPV6_LEAVE_GROUP, &mreq, sizeof(mreq)) ||
	    (join && errno == EADDRINUSE))
		return 0;
	return -errno;
}

int raw_ra_and_na(int fd, bool na)
{
	struct icmp6_filter filter;

	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ND_ROUTER_ADVERT, &filter);
	if (na)
		ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &filter);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter,
			  sizeof(filter)) < 0 ? -errno : 0;
}

int raw_ra_join(int fd, uint32_t ifindex)
{
	const struct in6_addr all_nodes = { .s6_addr = { 0xff, 2, [15] = 1 } };

	return raw_group(fd, ifindex, &all_nodes, true);
}

static void ra_cmsgs(struct msghdr *msg, struct ip6_pkt *pkt, uint32_t *ifindex)
{
	struct in6_pktinfo info;
	struct cmsghdr *cmsg;
	int hops;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != IPPROTO_IPV6)
			continue;
		if (cmsg->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
			pkt->dst = info.ipi6_addr;
			*ifindex = info.ipi6_ifindex;
		} else if (cmsg->cmsg_type == IPV6_HOPLIMIT) {
			memcpy(&hops, CMSG_DATA(cmsg), sizeof(hops));
			pkt->hop_limit = hops;
		}
	}
}

ssize_t raw_ra_read(int fd, uint8_t *mem, size_t cap, struct ip6_pkt *pkt,
		    uint32_t *ifindex)
{
	struct raw_in in;
	ssize_t n = raw_in_read(fd, &in, mem, cap, MSG_TRUNC);

	if (n < 0)
		return n;
	*pkt = (struct ip6_pkt) {
		.src = in.from.sin6_addr,
		.proto = IPPROTO_ICMPV6,
		.upper = mem,
		.upper_len = n,
	};
	*ifindex = in.from.sin6_scope_id;
	ra_cmsgs(&in.msg, pkt, ifindex);
	return n;
}

/* SOCK_DGRAM: the kernel writes the Ethernet header. Protocol 0: nothing is
 * received. */
int packet_open(void)
{
	return raw_socket(AF_PACKET, SOCK_DGRAM, 0);
}

int packet_send(int fd, uint32_t ifindex, const uint8_t mac[6],
		const uint8_t *p, size_t len)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IPV6),
		.sll_ifindex = ifindex,
		.sll_halen = ETH_ALEN,
	};

	memcpy(to.sll_addr, mac, ETH_ALEN);
	return sendto(fd, p, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ?
		-errno : 0;
}

int packet_send_direct(int fd, uint32_t ifindex, const uint8_t mac[6],
		       const uint8_t *p, size_t len)
{
	int err = set_int(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);

	if (err)
		return err;
	err = packet_send(fd, ifindex, mac, p, len);
	set_int(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 0);
	return err;
}

/* An ICMPv6 message of these types, straight behind the IPv6 header, that no
 * router has forwarded. */
static int filter_router(int fd)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IP6_PROTO_ICMPV6, 0, 6),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 7),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 255, 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IP6_HDR_LEN),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_TYPE_RS, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_TYPE_RA, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {
		.len = sizeof(filter) / sizeof(*filter), .filter = filter,
	};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			  sizeof(prog)) < 0 ? -errno : 0;
}

int packet_router_open(uint32_t ifindex)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IPV6),
		.sll_ifindex = (int)ifindex,
	};
	int fd = packet_open();
	int err;

	if (fd < 0)
		return fd;
	err = filter_router(fd);
	if (!err && bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		err = -errno;
	return close_on(err, fd);
}

ssize_t packet_read(int fd, uint8_t *mem, size_t cap, uint8_t mac[6])
{
	struct sockaddr_ll from = { 0 };
	struct iovec iov = { mem, cap };
	struct msghdr msg = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	ssize_t n = recvmsg(fd, &msg, 0);

	if (n < 0)
		return -errno;
	if (msg.msg_flags & MSG_TRUNC || from.sll_halen != ETH_ALEN)
		return -EMSGSIZE;
	memcpy(mac, from.sll_addr, ETH_ALEN);
	return n;
}

int packet_allmulti(int fd, uint32_t ifindex)
{
	struct packet_mreq mreq = {
		.mr_ifindex = ifindex, .mr_type = PACKET_MR_ALLMULTI,
	};

	return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq,
			  sizeof(mreq)) < 0 ? -errno : 0;
}
