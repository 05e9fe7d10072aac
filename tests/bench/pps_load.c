/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ends of the packets-per-second benchmark, and its user-space peer.
 *
 *   pps_load sink IF                       attaches the sink; a line in: the
 *                                          packets that came so far, out
 *   pps_load send|paced|frames IF MAC SECONDS FLOWS STRIDE FROM TO [OUTER-FROM
 *   OUTER-TO]                              packets sent, seconds of CPU, seconds
 *   pps_load tun NAME LOCAL REMOTE         tunnels what TUN device NAME gives
 *
 *   pps_load cost PROGRAM-ID IF MAC RUNS FROM TO [OUTER-FROM OUTER-TO]
 *                                          ns of one run, the median
 *
 * With four addresses packets are tunnelled. An address that ends in "*" ends
 * in the flow's number on the wire. `send` is a packet socket: packets come to
 * the stack as from a host's; `frames` hands the veth frames as a driver would.
 * Either way all that happens to a packet happens in our thread, unless a daemon
 * handles it: for one `paced` sends no faster than it can.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/pps.h"
#include "pps.skel.h"

enum {
	IP6 = 40,
	BATCH = 64,
	ROUND = 1 << 16,
	UDP_LEN = 8 + 18,
	PACE = 500,	/* us */
};

static void die(const char *what)
{
	fprintf(stderr, "pps_load: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	if (inet_pton(AF_INET6, text, &a) != 1) {
		fprintf(stderr, "pps_load: %s: no IPv6 address\n", text);
		exit(EXIT_FAILURE);
	}
	return a;
}

static unsigned int interface(const char *name)
{
	unsigned int ifindex = if_nametoindex(name);

	if (!ifindex)
		die(name);
	return ifindex;
}

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct pps_bpf *load(const struct pps_config *config)
{
	struct pps_bpf *skel = pps_bpf__open();

	if (!skel)
		die("BPF");
	memcpy((void *)&skel->rodata->config, config, sizeof(*config));
	if (pps_bpf__load(skel))
		die("BPF");
	return skel;
}

static void sink(char **w)
{
	struct pps_config none = { 0 };
	struct pps_bpf *skel = load(&none);
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)interface(w[0]),
			    .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1,
			    .prog_fd = bpf_program__fd(skel->progs.pps_sink));
	char line[16];

	if (bpf_tc_hook_create(&hook) || bpf_tc_attach(&hook, &opts))
		die(w[0]);
	printf("0\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		printf("%llu\n", (unsigned long long)skel->bss->sunk);
		fflush(stdout);
	}
	pps_bpf__destroy(skel);
}

/* An address at a place in the frame. */
static void put_addr(struct pps_config *c, uint32_t at, char *text)
{
	size_t len = strlen(text);
	struct in6_addr a;

	if (len && text[len - 1] == '*') {
		text[len - 1] = '1';
		c->at[(c->at[0] != 0) + (c->at[1] != 0)] = at + 12;
	}
	a = addr(text);
	memcpy((uint8_t *)c->frame + at, &a, sizeof(a));
}

/* An IPv6 header at a place in the frame. */
static void put_ip6(struct pps_config *c, uint32_t at, uint8_t next,
		    uint16_t len, char *from, char *to)
{
	uint8_t *p = (uint8_t *)c->frame + at;

	memset(p, 0, IP6);
	p[0] = 0x60;
	p[4] = len >> 8;
	p[5] = len & 0xff;
	p[6] = next;
	p[7] = 64;
	put_addr(c, at + 8, from);
	put_addr(c, at + 24, to);
}

static void put_ether(uint8_t *p, const char *to)
{
	unsigned int m[6], i;

	if (sscanf(to, "%x:%x:%x:%x:%x:%x", m, m + 1, m + 2, m + 3, m + 4,
		   m + 5) != 6) {
		fprintf(stderr, "pps_load: %s: no MAC address\n", to);
		exit(EXIT_FAILURE);
	}
	for (i = 0; i < 6; i++)
		p[i] = (uint8_t)m[i];
	p[6] = 2;
	p[12] = ETH_P_IPV6 >> 8;
	p[13] = ETH_P_IPV6 & 0xff;
}

/* w: MAC and what follows. */
static void fill(struct pps_config *c, char **w)
{
	bool tunnelled = w[6];
	uint32_t at = ETH_HLEN;
	uint8_t *udp;

	put_ether((uint8_t *)c->frame, w[0]);
	c->len = tunnelled ? PPS_TUNNELLED : PPS_PLAIN;
	if (tunnelled) {
		put_ip6(c, at, IPPROTO_IPV6, IP6 + UDP_LEN, w[6], w[7]);
		at += IP6;
	}
	put_ip6(c, at, IPPROTO_UDP, UDP_LEN, w[4], w[5]);
	udp = (uint8_t *)c->frame + at + IP6;
	udp[0] = udp[2] = 4000 >> 8;
	udp[1] = udp[3] = 4000 & 0xff;
	udp[5] = UDP_LEN;
}

struct sender {
	struct pps_config c;
	struct pps_bpf *skel;	/* of live frames */
	int fd;
	void (*round)(struct sender *s);	/* sends ROUND packets */
	uint32_t turn;
	bool paced;
	struct mmsghdr msgs[BATCH];
	struct iovec iovs[BATCH];
	uint8_t mem[BATCH][PPS_TUNNELLED];
};

/* Live frames. */

static void round_of_frames(struct sender *s)
{
	struct xdp_md md = { .data_end = s->c.len };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts,
			    .data_in = s->c.frame, .data_size_in = s->c.len,
			    .ctx_in = &md, .ctx_size_in = sizeof(md),
			    .repeat = ROUND, .batch_size = BATCH,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

	if (bpf_prog_test_run_opts(s->fd, &opts))
		die("test run");
}

static void frames_open(struct sender *s)
{
	s->skel = load(&s->c);
	s->fd = bpf_program__fd(s->skel->progs.pps_generate);
	s->round = round_of_frames;
}

/* Packet sockets. */

static void number(const struct pps_config *c, uint8_t *frame, uint32_t turn)
{
	uint32_t n = htonl((turn * PPS_STEP & c->mask) * c->stride + 1);
	int i;

	for (i = 0; i < 3 && c->at[i]; i++)
		memcpy(frame + c->at[i], &n, sizeof(n));
}

/* One that a full queue on the way drops (ENOBUFS) is sent too: it is missed
 * where the others arrive. */
static void send_batch(struct sender *s)
{
	unsigned int done = 0;
	int n;

	while (done < BATCH) {
		n = sendmmsg(s->fd, s->msgs + done, BATCH - done, 0);
		if (n < 0 && errno != ENOBUFS)
			die("packet socket");
		done += n < 0 ? 1 : (unsigned int)n;
	}
}

static void round_of_packets(struct sender *s)
{
	uint32_t sent, i;

	for (sent = 0; sent < ROUND; sent += BATCH) {
		for (i = 0; i < BATCH; i++)
			number(&s->c, s->mem[i], s->turn++);
		send_batch(s);
		if (s->paced)
			usleep(PACE);
	}
}

static void packets_open(struct sender *s)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)s->c.ifindex };
	int i, on = 1;

	s->round = round_of_packets;
	s->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (s->fd < 0 || setsockopt(s->fd, SOL_PACKET, PACKET_QDISC_BYPASS,
				    &on, sizeof(on)) ||
	    bind(s->fd, (struct sockaddr *)&to, sizeof(to)))
		die("packet socket");
	for (i = 0; i < BATCH; i++) {
		memcpy(s->mem[i], s->c.frame, s->c.len);
		s->iovs[i] = (struct iovec){ s->mem[i], s->c.len };
		s->msgs[i].msg_hdr = (struct msghdr){
			.msg_iov = &s->iovs[i], .msg_iovlen = 1 };
	}
}

static void paced_open(struct sender *s)
{
	packets_open(s);
	s->paced = true;
}

static void send_all(char **w, void (*open_it)(struct sender *s))
{
	static struct sender s;
	double begun, used, end = atof(w[2]);
	long rounds = 0;

	s.c.ifindex = interface(w[0]);
	s.c.mask = (uint32_t)atoi(w[3]) - 1;
	s.c.stride = (uint32_t)atoi(w[4]);
	fill(&s.c, w + 1);
	open_it(&s);
	s.round(&s);	/* for the caches */
	begun = now(CLOCK_MONOTONIC);
	used = now(CLOCK_PROCESS_CPUTIME_ID);
	do {
		s.round(&s);
		rounds++;
	} while (now(CLOCK_MONOTONIC) - begun < end);
	printf("%ld %.6f %.6f\n", rounds * ROUND,
	       now(CLOCK_PROCESS_CPUTIME_ID) - used,
	       now(CLOCK_MONOTONIC) - begun);
	pps_bpf__destroy(s.skel);
}

/* What a program costs by itself, on one packet. */

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t one_run(int fd, const struct pps_config *c, bool xdp)
{
	struct xdp_md md = { .data_end = c->len,
			     .ingress_ifindex = c->ifindex };
	struct __sk_buff skb = { .ifindex = c->ifindex };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1,
			    .data_in = c->frame, .data_size_in = c->len,
			    .ctx_in = &skb, .ctx_size_in = sizeof(skb));

	if (xdp) {
		opts.ctx_in = &md;
		opts.ctx_size_in = sizeof(md);
	}
	if (bpf_prog_test_run_opts(fd, &opts))
		die("test run");
	/* now and then XDP leaves a packet to tc */
	return opts.retval == (xdp ? XDP_REDIRECT : TC_ACT_REDIRECT) ?
		opts.duration : 0;
}

static void cost(char **w)
{
	int fd = bpf_prog_get_fd_by_id((uint32_t)atoi(w[0]));
	struct pps_config c = { .ifindex = interface(w[1]) };
	char *rest[] = { w[2], w[3], w[3], w[3], w[4], w[5], w[6],
			 w[6] ? w[7] : NULL };
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info), *ns;
	int i, runs = atoi(w[3]);
	bool xdp;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		die("program");
	xdp = info.type == BPF_PROG_TYPE_XDP;
	fill(&c, rest);
	ns = calloc((size_t)runs + 1, sizeof(*ns));
	if (!ns)
		die("memory");
	one_run(fd, &c, xdp);
	for (i = 0; i < runs; i++)
		ns[i] = one_run(fd, &c, xdp);
	qsort(ns, (size_t)runs, sizeof(*ns), by_number);
	if (!ns[runs / 4]) {
		fprintf(stderr, "pps_load: the program took no packet\n");
		exit(EXIT_FAILURE);
	}
	printf("%u\n", ns[runs / 2]);
	free(ns);
}

/* The user-space peer: what any tunnel daemon on a TUN device does. */

static int tun(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr))
		die(name);
	return fd;
}

static void from_tun(int tun_fd, int raw_fd, const struct sockaddr_in6 *to)
{
	uint8_t packet[2048];
	ssize_t n;
	int i;

	for (i = 0; i < BATCH; i++) {
		n = read(tun_fd, packet, sizeof(packet));
		if (n <= 0)
			return;
		sendto(raw_fd, packet, (size_t)n, 0,
		       (const struct sockaddr *)to, sizeof(*to));
	}
}

static void to_tun(int tun_fd, int raw_fd)
{
	uint8_t packet[2048];
	ssize_t n;
	int i;

	for (i = 0; i < BATCH; i++) {
		n = recv(raw_fd, packet, sizeof(packet), MSG_DONTWAIT);
		if (n <= 0 || write(tun_fd, packet, (size_t)n) < 0)
			return;
	}
}

static void tunnel(char **w)
{
	struct sockaddr_in6 local = { .sin6_family = AF_INET6,
				      .sin6_addr = addr(w[1]) };
	struct sockaddr_in6 remote = { .sin6_family = AF_INET6,
				       .sin6_addr = addr(w[2]) };
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int size = 8 << 20;

	fds[0].fd = tun(w[0]);
	fds[1].fd = socket(AF_INET6, SOCK_RAW, IPPROTO_IPV6);
	if (fds[1].fd < 0 || bind(fds[1].fd, (struct sockaddr *)&local,
				  sizeof(local)))
		die("raw socket");
	setsockopt(fds[1].fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	printf("up\n");
	fflush(stdout);
	for (;;) {
		poll(fds, 2, -1);
		from_tun(fds[0].fd, fds[1].fd, &remote);
		to_tun(fds[0].fd, fds[1].fd);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "sink") && argc == 3)
		sink(argv + 2);
	else if (!strcmp(what, "send") && (argc == 9 || argc == 11))
		send_all(argv + 2, packets_open);
	else if (!strcmp(what, "paced") && (argc == 9 || argc == 11))
		send_all(argv + 2, paced_open);
	else if (!strcmp(what, "frames") && (argc == 9 || argc == 11))
		send_all(argv + 2, frames_open);
	else if (!strcmp(what, "cost") && (argc == 8 || argc == 10))
		cost(argv + 2);
	else if (!strcmp(what, "tun") && argc == 5)
		tunnel(argv + 2);
	else {
		fprintf(stderr, "usage: pps_load sink|send|paced|frames|cost|tun ... "
			"(see pps_load.c)\n");
		return EXIT_FAILURE;
	}
	return 0;
}
