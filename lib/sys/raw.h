/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Raw sockets: whole IPv6 packets out, router advertisements and what BPF
 * leaves of tunnels in, and the sockets whose being open stops the kernel's
 * "unrecognized next header".
 */
#ifndef KEDGE_RAW_H
#define KEDGE_RAW_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/ip6.h"
#include "proto/nd.h"

/* IPPROTO_RAW: descriptor or -errno. */
int raw_open(void);
/*
 * Sends a whole packet (IPv6 header first). The route is looked up for the
 * header's destination with its source, on ifindex if not 0. 0 or -errno.
 */
int raw_send(int fd, const uint8_t *p, size_t len, uint32_t ifindex);
/* The same, but by routes of that interface alone: rules that lead elsewhere
 * are passed over. */
int raw_send_bound(int fd, const uint8_t *p, size_t len, uint32_t ifindex);

/*
 * Whole packets that go out together, by as few system calls as the kernel
 * allows. All memory is taken by raw_batch_new(): 0 or -ENOMEM.
 */
struct raw_batch;
enum { RAW_BATCH_MAX = 256 };	/* packets */

int raw_batch_new(struct raw_batch **out);
void raw_batch_free(struct raw_batch *batch);	/* NULL is allowed */
/* Room for one more of IP6_SIGNAL_MAX bytes, or NULL: full, send first. */
uint8_t *raw_batch_room(struct raw_batch *batch);
/* Takes what was written there, len bytes; ifindex as for raw_send(). Returns
 * its place among the others, from 0 on, or -EINVAL (no whole header). */
int raw_batch_add(struct raw_batch *batch, size_t len, uint32_t ifindex);
/* Sends all in order and calls done for each, err 0 or -errno: one that cannot
 * be sent does not keep the others back. Empty afterwards. */
void raw_batch_send(struct raw_batch *batch, int fd,
		    void (*done)(void *arg, unsigned int i, int err),
		    void *arg);

/* A socket that receives nothing, held open for its protocol number (50, 135):
 * the kernel then sends no parameter problem for packets of it that BPF lets
 * pass. Descriptor or -errno. */
int raw_hold(int protocol);

/* From now on raw_tunnel_error() reads the ICMPv6 errors about packets of its
 * protocol that were sent from here. 0 or -errno. */
int raw_report_errors(int fd);

/*
 * The same for 41, but it receives: what BPF did not take, reassembled and
 * without the tunnel's headers, and each ICMPv6 error about a packet of 41 that
 * was sent from here. The kernel then learns the MTU of paths to tunnels' ends
 * (RFC 2473 7.1). Descriptor or -errno.
 */
int raw_tunnel_open(void);
/* Packets from now on with one of these as the destination in the tunnel's, or
 * in the inner header, and no others; any where there are more than
 * RAW_FILTER_MAX. Errors come in any case. 0 or -errno. */
enum { RAW_FILTER_MAX = 16 };	/* the kernel grants little memory for it */
enum raw_filter { RAW_FILTER_OUTER, RAW_FILTER_INNER };
int raw_tunnel_filter(int fd, enum raw_filter which,
		      const struct in6_addr *dsts, unsigned int n);

/* What the tunnel's header was. */
struct raw_tunnel {
	struct in6_addr src, dst;
	uint32_t ifindex;		/* arrived on */
	uint8_t tclass;
};

/* One packet: what was in the tunnel. Its length, or -errno (-EAGAIN; -EMSGSIZE
 * where it is longer than cap; others are about an error in the queue). */
ssize_t raw_tunnel_read(int fd, uint8_t *mem, size_t cap,
			struct raw_tunnel *out);
/*
 * One ICMPv6 error, and who sent it. mem gets what it quotes, from the tunnel's
 * IPv6 header on, cut at cap. The length, or -errno (-EAGAIN: no more).
 */
ssize_t raw_tunnel_error(int fd, uint8_t *mem, size_t cap,
			 struct nd_error *err, struct in6_addr *from);

/* ICMPv6, router advertisements only, with hop limit and interface told.
 * Descriptor or -errno. */
int raw_ra_open(void);
/* The same for Home Agent Address Discovery Reply messages, RFC 6275 6.6. */
int raw_haad_open(void);
/* The same for Neighbour Solicitations and Advertisements, of groups that were
 * joined; raw_ra_read() reads them. Descriptor or -errno. */
int raw_nd_open(void);
/* Joins or leaves a group on an interface. 0 or -errno; to join one twice is no
 * error. */
int raw_group(int fd, uint32_t ifindex, const struct in6_addr *group,
	      bool join);
/* Joins all-nodes on an interface (it is joined by the kernel anyway, but
 * this makes the socket see it there). 0 or -errno. */
int raw_ra_join(int fd, uint32_t ifindex);
/* Neighbour Advertisements as well, or no more. 0 or -errno. */
int raw_ra_and_na(int fd, bool na);
/* The same for Home Agent Address Discovery Requests (RFC 6275 6.5). */
int raw_request_open(void);
/* Has an anycast address on that interface while fd is open, or until it is
 * left; the kernel forgets it too when the interface goes down. CAP_NET_ADMIN;
 * where no prefix of the interface has it, only a router may. 0 or -errno. */
int raw_anycast_join(int fd, uint32_t ifindex, const struct in6_addr *addr);
void raw_anycast_leave(int fd, uint32_t ifindex, const struct in6_addr *addr);
/*
 * One message: pkt's src, dst (if known), hop_limit, proto = 58, upper =
 * mem. Its length, or -errno (-EAGAIN).
 */
ssize_t raw_ra_read(int fd, uint8_t *mem, size_t cap, struct ip6_pkt *pkt,
		    uint32_t *ifindex);

/*
 * A whole Ethernet frame with an IPv6 packet, to mac, on ifindex: for
 * Neighbour Advertisements that must not wait for the kernel's own neighbour
 * resolution. fd from packet_open(). 0 or -errno.
 */
int packet_open(void);
int packet_send(int fd, uint32_t ifindex, const uint8_t mac[6],
		const uint8_t *p, size_t len);
/* The same, unseen by what stands at the interface's egress (tc). */
int packet_send_direct(int fd, uint32_t ifindex, const uint8_t mac[6],
		       const uint8_t *p, size_t len);
/*
 * Router solicitations and advertisements as they come in on an interface, with
 * hop limit 255, whole packets and the link-layer address that each came from:
 * an answer to it needs no neighbour entry. A host's own packets are not seen.
 * Descriptor or -errno.
 */
int packet_router_open(uint32_t ifindex);
/* One packet, IPv6 header first. Its length, or -errno (-EAGAIN; -EMSGSIZE). */
ssize_t packet_read(int fd, uint8_t *mem, size_t cap, uint8_t mac[6]);
/* All-multicast reception on an interface while fd is open: solicitations
 * for bound HoAs come to groups that nobody joined. 0 or -errno. */
int packet_allmulti(int fd, uint32_t ifindex);

#endif
