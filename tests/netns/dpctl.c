/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives dp.c for tests/netns/dataplane: commands on standard input, one a
 * line, each answered by lines of which the last is "ok ..." or "err N".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "sys/dp.h"
#include "sys/tun.h"

enum { WORDS_MAX = 12, READ_MS = 100 };

static struct dp *dp;
static int tun_fd = -1;

static struct in6_addr addr(const char *text)
{
	struct in6_addr out = { 0 };

	if (inet_pton(AF_INET6, text, &out) != 1)
		fprintf(stderr, "dpctl: bad address %s\n", text);
	return out;
}

static void hex(const uint8_t *p, size_t len)
{
	while (len--)
		printf("%02x", *p++);
}

static int cmd_open(char **w)
{
	struct dp_conf conf = {
		.role = strcmp(w[1], "ha") ? DP_MN : DP_HA,
		.bpffs = w[2],
		.xdp = DP_XDP_YES,
		.max_bindings = atoi(w[3]),
		.tun_ifindex = w[4] ? if_nametoindex(w[4]) : 0,
	};
	bool took_over = false;
	int err = dp_open(&dp, &conf, &took_over);

	if (!err)
		err = dp_complete(dp);
	if (!err)
		printf("took_over %d\n", took_over);
	return err;
}

static int cmd_bind(char **w)
{
	struct dp_binding b = {
		.local = addr(w[2]), .remote = addr(w[3]),
		.ifindex = if_nametoindex(w[4]),
		.mtu = atoi(w[5]), .flags = atoi(w[6]),
		.seq = w[7] ? atoi(w[7]) : 0,
	};
	struct in6_addr hoa = addr(w[1]);

	return dp_binding_set(dp, &hoa, &b);
}

/* fill N HOA COA HA: N bindings, whose addresses end in 1 to N */
static int cmd_fill(char **w)
{
	struct dp_binding b = { .local = addr(w[4]), .remote = addr(w[3]) };
	struct in6_addr hoa = addr(w[2]);
	uint32_t i, n = (uint32_t)atoi(w[1]);
	int err = 0;

	for (i = 1; i <= n && !err; i++) {
		hoa.s6_addr32[3] = b.remote.s6_addr32[3] = htonl(i);
		err = dp_bindings_load(dp, &hoa, &b, 1);
	}
	return err;
}

/* prefix ADDR LOCAL REMOTE; unprefix ADDR */
static int cmd_prefix(char **w)
{
	struct dp_binding b = { .local = addr(w[2]), .remote = addr(w[3]) };
	struct in6_addr prefix = addr(w[1]);

	return dp_prefix_set(dp, &prefix, &b);
}

/* home ADDR: its /64 is the home link's */
static int cmd_home(char **w)
{
	struct ip6_prefix prefix = { addr(w[1]), 64 };

	return dp_homes_set(dp, &prefix, 1);
}

/* xdp IF */
static int cmd_xdp(char **w)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	int err = 0;

	strncpy(ifr.ifr_name, w[1], IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr))
		err = -errno;
	close(fd);
	return err ? err : dp_attach_xdp(dp, if_nametoindex(w[1]),
					 (uint8_t *)ifr.ifr_hwaddr.sa_data);
}

static int cmd_get(char **w)
{
	struct in6_addr hoa = addr(w[1]);
	struct dp_binding b;
	int err = dp_binding_get(dp, &hoa, &b);

	if (!err)
		printf("tx %" PRIu64 " %" PRIu64 " rx %" PRIu64 " %" PRIu64
		       " last %" PRIu64 " seq %u\n",
		       (uint64_t)b.tx_packets, (uint64_t)b.tx_bytes,
		       (uint64_t)b.rx_packets, (uint64_t)b.rx_bytes,
		       (uint64_t)dp_last_used(&b).ns, b.seq);
	return err;
}

static void delete_each(void *arg, const struct in6_addr *hoa,
			const struct dp_binding *b)
{
	(void)b;
	++*(int *)arg;
	dp_binding_del(dp, hoa);
}

static int cmd_clear(char **w)
{
	int n = 0, err;

	(void)w;
	err = dp_binding_each(dp, delete_each, &n);
	dp_addr_clear(dp);
	dp_spi_clear(dp);
	printf("deleted %d\n", n);
	return err;
}

static int cmd_stats(char **w)
{
	uint64_t stats[DP_STAT__MAX];
	int i, err = dp_stats(dp, stats);

	(void)w;
	for (i = 0; i < DP_STAT__MAX && !err; i++)
		printf("%s %" PRIu64 "\n", dp_stat_str(i), stats[i]);
	return err;
}

static void print_rec(void *arg, const struct dp_rec *rec)
{
	(void)arg;
	printf("rec %u %u %u ", rec->type, rec->ifindex, rec->mtu);
	hex(rec->mac, 6);
	printf(" ");
	hex(rec->data, rec->len);
	printf("\n");
}

static int cmd_ring(char **w)
{
	struct pollfd pfd = { .fd = dp_ring_fd(dp), .events = POLLIN };

	(void)w;
	while (poll(&pfd, 1, READ_MS) > 0)
		dp_ring_read(dp, print_rec, NULL);
	return 0;
}

static int cmd_tun(char **w)
{
	uint32_t ifindex;

	tun_fd = tun_open(w[1], &ifindex);
	return tun_fd < 0 ? tun_fd : 0;
}

static int cmd_tunread(char **w)
{
	struct pollfd pfd = { .fd = tun_fd, .events = POLLIN };
	uint8_t mem[2048];
	ssize_t n;

	(void)w;
	while (poll(&pfd, 1, READ_MS) > 0) {
		n = tun_read(tun_fd, mem, sizeof(mem));
		if (n <= 0)
			continue;
		printf("pkt ");
		hex(mem, n);
		printf("\n");
	}
	return 0;
}

static int run(char **w)
{
	struct in6_addr a = in6addr_any;
	const char *c = w[0];

	if (w[1] && strchr(w[1], ':'))
		a = addr(w[1]);
	if (!strcmp(c, "open"))
		return cmd_open(w);
	if (!strcmp(c, "attach"))
		return dp_attach(dp, if_nametoindex(w[1]),
				 !w[2] || strcmp(w[2], "away"));
	if (!strcmp(c, "attach_tun"))
		return dp_attach_tun(dp, if_nametoindex(w[1]));
	if (!strcmp(c, "detach"))
		return dp_detach(dp, if_nametoindex(w[1])), 0;
	if (!strcmp(c, "bind"))
		return cmd_bind(w);
	if (!strcmp(c, "xdp"))
		return cmd_xdp(w);
	if (!strcmp(c, "prefix"))
		return cmd_prefix(w);
	if (!strcmp(c, "unprefix"))
		return dp_prefix_del(dp, &a);
	if (!strcmp(c, "routes")) {
		dp_routes_changed(dp);
		return 0;
	}
	if (!strcmp(c, "home"))
		return cmd_home(w);
	if (!strcmp(c, "fill"))
		return cmd_fill(w);
	if (!strcmp(c, "get"))
		return cmd_get(w);
	if (!strcmp(c, "del"))
		return dp_binding_del(dp, &a);
	if (!strcmp(c, "clear"))
		return cmd_clear(w);
	if (!strcmp(c, "addr"))
		return dp_addr_add(dp, &a);
	if (!strcmp(c, "spi"))
		return dp_spi_add(dp, strtoul(w[1], NULL, 0));
	if (!strcmp(c, "stats"))
		return cmd_stats(w);
	if (!strcmp(c, "ring"))
		return cmd_ring(w);
	if (!strcmp(c, "tun"))
		return cmd_tun(w);
	if (!strcmp(c, "tunread"))
		return cmd_tunread(w);
	if (!strcmp(c, "close"))
		return dp_close(dp), 0;
	if (!strcmp(c, "flush"))
		return dp_flush(dp), dp_close(dp), 0;
	return -ENOSYS;
}

int main(void)
{
	char line[512], *w[WORDS_MAX + 1];
	int n, err;

	log_init("dpctl", getenv("DPCTL_DEBUG") ? LOG_LEVEL_DEBUG :
						  LOG_LEVEL_WARN);
	while (fgets(line, sizeof(line), stdin)) {
		memset(w, 0, sizeof(w));
		for (n = 0; n < WORDS_MAX; n++) {
			w[n] = strtok(n ? NULL : line, " \n");
			if (!w[n])
				break;
		}
		if (!w[0])
			continue;
		err = run(w);
		printf(err ? "err %d\n" : "ok\n", err);
		fflush(stdout);
	}
	return 0;
}
