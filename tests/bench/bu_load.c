/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Binding Updates of many mobile nodes, for tests/bench/bu, and what they are
 * compared with: UDP datagrams of the same sizes, and a server that echoes
 * them.
 *
 *     bu_load bu IFACE MAC PID SECONDS WINDOW HA COA SAS FIRST
 *     bu_load udp IFACE MAC PID SECONDS WINDOW SERVER CLIENT LEN
 *     bu_load echo SERVER LEN
 *
 * MAC is the other end's. PID is the server's, whose CPU time is looked at.
 * SAS is a file with a line for each mobile node: HOA ALGORITHM, then SPI and
 * key in hexadecimal digits up and down. FIRST is the last number that a run
 * before has used (its "last"), or 0. LEN is that of an IPv6 packet: udp's of
 * a request, echo's of an answer.
 *
 * Requests are built, and answers looked into, outside the measured time: the
 * loop between is the same for both kinds, and does no cryptography. Prints a
 * line of JSON. Exit status 1 if an answer was wrong.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/esp.h"
#include "proto/ip6.h"
#include "proto/mh.h"
#include "proto/mtime.h"

enum {
	BATCH = 256,		/* as many as kedge-ha reads at once */
	BURST = 32,		/* not fewer are sent at once */
	SLOT = 256,		/* bytes for a frame */
	ROUND = 1 << 16,	/* requests built at once */
	STALL = 200,		/* ms without an answer: they are lost */
	BUFFER = 64 << 20,
	LIFETIME = 60,			/* of a binding, units of 4 s */
	PORT = 7,
	UDP_HDR_LEN = 8,
};

struct node {
	struct in6_addr hoa;
	struct esp_sa up, down;
};

struct batch {
	struct mmsghdr msgs[BATCH];
	struct iovec iovs[BATCH];
};

struct load {
	/* the kind of traffic */
	ssize_t (*build)(struct load *l, uint32_t i, uint8_t *out, size_t cap);
	bool (*check)(struct load *l, const uint8_t *p, size_t len);
	struct in6_addr server, client;
	struct node *nodes;
	uint32_t n_nodes, number;	/* number: the last BU's, of each */
	size_t udp_len;
	/* the loop */
	int fd;
	struct ether_header eth;
	uint32_t window;
	uint8_t (*out)[SLOT], (*in)[SLOT];
	uint16_t *out_len, *in_len;
	struct batch tx, rx;
	/* figures */
	uint32_t pid;
	uint64_t sent, got, good, lost;
	size_t request_len, answer_len;
	mtime took, waited;
	uint64_t cpu_ns;
};

static mtime now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (mtime){ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec};
}

static double seconds(mtime t)
{
	return (double)t.ns / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "bu_load: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *get(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		die("memory");
	return p;
}

static void buffers(int fd)
{
	const int size = BUFFER;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
}

/* Binding Updates: node after node, each with the next number. */

static ssize_t bu_build(struct load *l, uint32_t i, uint8_t *out, size_t cap)
{
	struct node *node = &l->nodes[i % l->n_nodes];
	uint8_t msg[64], esp[128];
	struct mh mh = { .type = MH_BU, .bu = {
		.seq = (uint16_t)(node->up.seq + 1),
		.flags = MH_BU_A | MH_BU_H,
		.lifetime = LIFETIME,
	} };
	struct ip6_pkt pkt = {
		.src = l->client,
		.dst = l->server,
		.has_hao = true,
		.hao = node->hoa,
		.proto = IP6_PROTO_ESP,
		.upper = esp,
	};
	ssize_t n;

	mh_opt_add(&mh, MH_OPT_ALT_COA)->alt_coa = l->client;
	n = mh_build(msg, sizeof(msg), &mh, &node->hoa, &l->server);
	if (n > 0)
		n = esp_seal(&node->up, esp, sizeof(esp), IP6_PROTO_MH, msg,
			     (size_t)n);
	if (n < 0)
		return n;
	pkt.upper_len = (size_t)n;
	return ip6_build(out, cap, &pkt);
}

static struct node *node_find(struct load *l, const struct in6_addr *hoa)
{
	uint32_t i = 0;

	/* the last four digits are its number, as tests/bench/bu makes them */
	memcpy(&i, hoa->s6_addr + 12, sizeof(i));
	i = ntohl(i);
	if (i >= l->n_nodes || !ip6_addr_eq(&l->nodes[i].hoa, hoa))
		return NULL;
	return &l->nodes[i];
}

/* An acceptance that authenticates, and is none of before. */
static bool bu_check(struct load *l, const uint8_t *p, size_t len)
{
	struct ip6_pkt pkt;
	struct node *node;
	uint8_t msg[SLOT], next_header;
	size_t msg_len;
	struct mh mh;

	if (ip6_parse(&pkt, p, len) || !pkt.has_rh2 ||
	    pkt.proto != IP6_PROTO_ESP)
		return false;
	node = node_find(l, &pkt.rh2);
	return node && !esp_open(&node->down, msg, sizeof(msg), &msg_len,
				 &next_header, NULL, pkt.upper,
				 pkt.upper_len) &&
	       next_header == IP6_PROTO_MH &&
	       !mh_parse(&mh, msg, msg_len, &pkt.src, &pkt.rh2) &&
	       mh.type == MH_BA && mh.ba.status == MH_STATUS_ACCEPTED &&
	       mh.ba.lifetime == LIFETIME &&
	       (uint16_t)(node->up.seq - mh.ba.seq) < ROUND / l->n_nodes + 1;
}

static bool sa_read(FILE *f, const char *alg, struct esp_sa *sa)
{
	char hex[2 * ESP_KEY_LEN + 1];

	return fscanf(f, "%x %72s", &sa->spi, hex) == 2 &&
	       !esp_alg_parse(alg, &sa->alg) &&
	       !sodium_hex2bin(sa->key, sizeof(sa->key), hex, strlen(hex),
			       NULL, NULL, NULL);
}

static void nodes_read(struct load *l, const char *path, uint32_t first)
{
	char addr[INET6_ADDRSTRLEN], alg[32];
	FILE *f = fopen(path, "re");
	struct node *node;

	if (!f)
		die(path);
	while (fscanf(f, "%45s %31s", addr, alg) == 2) {
		l->nodes = reallocarray(l->nodes, l->n_nodes + 1,
					sizeof(*l->nodes));
		if (!l->nodes)
			die("memory");
		node = &l->nodes[l->n_nodes++];
		memset(node, 0, sizeof(*node));
		if (inet_pton(AF_INET6, addr, &node->hoa) != 1 ||
		    !sa_read(f, alg, &node->up) || !sa_read(f, alg, &node->down))
			die(path);
		node->up.seq = first;
	}
	fclose(f);
}

/* Datagrams. */

static ssize_t udp_build(struct load *l, uint32_t i, uint8_t *out, size_t cap)
{
	uint8_t udp[SLOT] = { 0x40, 0, 0, PORT };
	struct ip6_pkt pkt = {
		.src = l->client,
		.dst = l->server,
		.proto = IPPROTO_UDP,
		.upper = udp,
		.upper_len = l->udp_len - IP6_HDR_LEN,
	};
	uint16_t sum;

	udp[5] = (uint8_t)pkt.upper_len;
	memcpy(udp + UDP_HDR_LEN, &i, sizeof(i));
	sum = htons(ip6_checksum(&l->client, &l->server, IPPROTO_UDP, udp,
				 pkt.upper_len));
	if (!sum)
		sum = 0xffff;
	memcpy(udp + 6, &sum, sizeof(sum));
	return ip6_build(out, cap, &pkt);
}

static bool udp_check(struct load *l, const uint8_t *p, size_t len)
{
	struct ip6_pkt pkt;

	return !ip6_parse(&pkt, p, len) && pkt.proto == IPPROTO_UDP &&
	       ip6_addr_eq(&pkt.src, &l->server) &&
	       ip6_addr_eq(&pkt.dst, &l->client);
}

/* The server's CPU time: of all its threads, with the softirqs that it ran. */

static uint64_t thread_ns(uint32_t pid, const char *tid)
{
	unsigned long long ns = 0;
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/task/%s/schedstat", pid, tid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	fclose(f);
	return ns;
}

static uint64_t cpu_ns(uint32_t pid)
{
	struct dirent *entry;
	char path[32];
	uint64_t sum = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	if (!dir)
		die(path);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			sum += thread_ns(pid, entry->d_name);
	closedir(dir);
	return sum;
}

/* The loop. */

static void wire_open(struct load *l, const char *iface, const char *mac)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE_IPV6),
		.sll_ifindex = (int)if_nametoindex(iface),
	};
	const int on = 1;
	uint8_t *m = l->eth.ether_dhost;

	if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &m[0], &m[1], &m[2],
		   &m[3], &m[4], &m[5]) != 6)
		die(mac);
	l->eth.ether_shost[0] = 2;
	l->eth.ether_type = htons(ETHERTYPE_IPV6);
	l->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0 || !at.sll_ifindex)
		die(iface);
	buffers(l->fd);
	if (setsockopt(l->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on,
		       sizeof(on)) ||
	    setsockopt(l->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on,
		       sizeof(on)) ||
	    bind(l->fd, (struct sockaddr *)&at, sizeof(at)))
		die("packet socket");
}

static void batch_init(struct batch *b)
{
	int i;

	for (i = 0; i < BATCH; i++)
		b->msgs[i].msg_hdr = (struct msghdr){
			.msg_iov = &b->iovs[i], .msg_iovlen = 1 };
}

static uint32_t send_some(struct load *l, uint32_t from, uint32_t n)
{
	uint32_t i;
	int rc;

	if (n > BATCH)
		n = BATCH;
	for (i = 0; i < n; i++)
		l->tx.iovs[i] = (struct iovec){ l->out[from + i],
						l->out_len[from + i] };
	rc = sendmmsg(l->fd, l->tx.msgs, n, 0);
	if (rc < 0 && errno != EAGAIN && errno != ENOBUFS)
		die("sendmmsg");
	return rc < 0 ? 0 : (uint32_t)rc;
}

static uint32_t receive_some(struct load *l, uint32_t from, uint32_t n)
{
	int i, rc;

	if (n > BATCH)
		n = BATCH;
	for (i = 0; i < (int)n; i++)
		l->rx.iovs[i] = (struct iovec){ l->in[from + i], SLOT };
	rc = recvmmsg(l->fd, l->rx.msgs, n, MSG_DONTWAIT, NULL);
	if (rc < 0 && errno != EAGAIN)
		die("recvmmsg");
	for (i = 0; i < rc; i++)
		l->in_len[from + i] = (uint16_t)l->rx.msgs[i].msg_len;
	return rc < 0 ? 0 : (uint32_t)rc;
}

/*
 * Sends all, window of them at a time unanswered. Where there is nothing to
 * do, it waits for the server: a generator that never waits tells nothing
 * about the server.
 */
static uint32_t blast(struct load *l)
{
	uint32_t sent = 0, got = 0, lost = 0, did, room;
	mtime begun = now(), last = begun, t;
	uint64_t cpu = cpu_ns(l->pid);
	bool idle = false;

	while (got + lost < ROUND) {
		room = l->window - (sent - got - lost);
		if (room > ROUND - sent)
			room = ROUND - sent;
		did = 0;
		if (room >= BURST || (room && room == ROUND - sent))
			did = send_some(l, sent, room);
		sent += did;
		room = receive_some(l, got, sent - got - lost);
		got += room;
		t = now();
		if (!room && mtime_sub(t, last).ns > STALL * 1000000) {
			lost = sent - got;
			last = t;
		}
		if (room)
			last = t;
		if (idle)
			l->waited = mtime_add(l->waited, mtime_sub(t, begun));
		idle = !did && !room;
		begun = t;
	}
	l->cpu_ns += cpu_ns(l->pid) - cpu;
	l->sent += sent;
	l->lost += lost;
	l->got += got;
	return got;
}

static void build_all(struct load *l)
{
	uint32_t i;
	ssize_t n = 0;

	for (i = 0; i < ROUND; i++) {
		memcpy(l->out[i], &l->eth, sizeof(l->eth));
		n = l->build(l, i, l->out[i] + sizeof(l->eth),
			     SLOT - sizeof(l->eth));
		if (n < 0) {
			errno = (int)-n;
			die("building a packet");
		}
		l->out_len[i] = (uint16_t)((size_t)n + sizeof(l->eth));
	}
	l->request_len = (size_t)n;
}

static void check_all(struct load *l, uint32_t got)
{
	const size_t skip = sizeof(l->eth);
	uint32_t i;

	for (i = 0; i < got; i++) {
		if (l->in_len[i] < skip)
			continue;
		l->good += l->check(l, l->in[i] + skip, l->in_len[i] - skip);
		l->answer_len = l->in_len[i] - skip;
	}
}

/* What came too late for its round. */
static void drain(struct load *l)
{
	while (receive_some(l, 0, BATCH))
		;
}

static void one_round(struct load *l)
{
	mtime begun;
	uint32_t got;

	build_all(l);
	drain(l);
	begun = now();
	got = blast(l);
	l->took = mtime_add(l->took, mtime_sub(now(), begun));
	check_all(l, got);
}

static int run(struct load *l, double limit)
{
	l->out = get(ROUND, SLOT);
	l->in = get(ROUND, SLOT);
	l->out_len = get(ROUND, sizeof(*l->out_len));
	l->in_len = get(ROUND, sizeof(*l->in_len));
	batch_init(&l->tx);
	batch_init(&l->rx);
	/* the first one makes the bindings, fills caches and sizes blocks */
	one_round(l);
	l->sent = l->got = l->good = l->lost = l->cpu_ns = 0;
	l->took = l->waited = (mtime){0};
	while (seconds(l->took) < limit)
		one_round(l);
	printf("{\"sent\":%llu,\"answered\":%llu,\"good\":%llu,\"lost\":%llu,"
	       "\"seconds\":%.6f,\"waited\":%.6f,\"cpu\":%.6f,"
	       "\"request_len\":%zu,\"answer_len\":%zu,\"last\":%u}\n",
	       (unsigned long long)l->sent, (unsigned long long)l->got,
	       (unsigned long long)l->good, (unsigned long long)l->lost,
	       seconds(l->took), seconds(l->waited), (double)l->cpu_ns / 1e9,
	       l->request_len, l->answer_len,
	       l->nodes ? l->nodes[0].up.seq : 0);
	return l->good != l->got;
}

/* The server. */

struct echo {
	struct batch rx, tx;
	struct sockaddr_in6 from[BATCH];
	uint8_t data[BATCH][SLOT];
};

static int echo_open(const struct in6_addr *addr)
{
	struct sockaddr_in6 at = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(PORT),
		.sin6_addr = *addr,
	};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		die("server");
	buffers(fd);
	return fd;
}

static void echo_init(struct echo *e, size_t answer)
{
	int i;

	batch_init(&e->rx);
	batch_init(&e->tx);
	for (i = 0; i < BATCH; i++) {
		e->rx.iovs[i] = (struct iovec){ e->data[i], SLOT };
		e->tx.iovs[i] = (struct iovec){ e->data[i], answer };
		e->rx.msgs[i].msg_hdr.msg_name = &e->from[i];
		e->tx.msgs[i].msg_hdr.msg_name = &e->from[i];
		e->tx.msgs[i].msg_hdr.msg_namelen = sizeof(e->from[i]);
	}
}

/* All that is there, in batches. */
static void echo_answer(struct echo *e, int fd)
{
	int i, n;

	do {
		for (i = 0; i < BATCH; i++)
			e->rx.msgs[i].msg_hdr.msg_namelen =
				sizeof(e->from[i]);
		n = recvmmsg(fd, e->rx.msgs, BATCH, MSG_DONTWAIT, NULL);
		if (n > 0 && sendmmsg(fd, e->tx.msgs, (unsigned int)n, 0) < 0)
			die("echo");
	} while (n == BATCH);
}

static int echo(const struct in6_addr *addr, size_t answer)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct echo *e = get(1, sizeof(*e));
	int fd = echo_open(addr), ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		die("epoll");
	echo_init(e, answer);
	printf("ready\n");
	fflush(stdout);
	while (epoll_wait(ep, &ev, 1, -1) >= 0 || errno == EINTR)
		echo_answer(e, fd);
	die("epoll");
	return 2;
}

static int usage(void)
{
	fprintf(stderr, "usage: see tests/bench/bu_load.c\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct load l;
	struct in6_addr addr;
	size_t len;

	if (esp_init() || argc < 4)
		return usage();
	if (!strcmp(argv[1], "echo")) {
		len = strtoul(argv[3], NULL, 10) - IP6_HDR_LEN - UDP_HDR_LEN;
		if (inet_pton(AF_INET6, argv[2], &addr) != 1 || len > SLOT)
			return usage();
		return echo(&addr, len);
	}
	if (argc < 10 || inet_pton(AF_INET6, argv[7], &l.server) != 1 ||
	    inet_pton(AF_INET6, argv[8], &l.client) != 1)
		return usage();
	wire_open(&l, argv[2], argv[3]);
	l.pid = (uint32_t)strtoul(argv[4], NULL, 10);
	l.window = (uint32_t)strtoul(argv[6], NULL, 10);
	if (!strcmp(argv[1], "bu") && argc == 11) {
		nodes_read(&l, argv[9], (uint32_t)strtoul(argv[10], NULL, 10));
		l.build = bu_build;
		l.check = bu_check;
	} else if (!strcmp(argv[1], "udp") && argc == 10) {
		l.udp_len = strtoul(argv[9], NULL, 10);
		if (l.udp_len > SLOT - sizeof(l.eth) || l.udp_len < 64)
			return usage();
		l.build = udp_build;
		l.check = udp_check;
	} else {
		return usage();
	}
	return run(&l, strtod(argv[5], NULL));
}
