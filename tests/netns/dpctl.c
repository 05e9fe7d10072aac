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
#include "proto/tsfield.h"
#include "sys/dp.h"
#include "sys/tun.h"

enum { WORDS_MAX = 24, READ_MS = 100 };

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

/* prefix ADDR LOCAL REMOTE [FLAGS]; unprefix ADDR */
static int cmd_prefix(char **w)
{
	struct dp_binding b = {
		.local = addr(w[2]), .remote = addr(w[3]),
		.flags = w[4] ? atoi(w[4]) : 0,
	};
	struct in6_addr prefix = addr(w[1]);

	return dp_prefix_set(dp, &prefix, &b);
}

/* home ADDR: its /64 is the home link's; see home+ and home- for those of a link
 * that has more */
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

/* coa HOA COA [IF] */
static int cmd_coa(char **w)
{
	struct in6_addr hoa = addr(w[1]), coa = addr(w[2]);
	struct dp_coa value = { .ifindex = w[3] ? if_nametoindex(w[3]) : 0 };

	return dp_coa_set(dp, &hoa, &coa, &value);
}

static int cmd_uncoa(char **w)
{
	struct in6_addr hoa = addr(w[1]), coa = addr(w[2]);

	return dp_coa_del(dp, &hoa, &coa);
}

static struct dp_flow_key flow_key(char **w)
{
	return (struct dp_flow_key){
		.hoa = addr(w[1]), .peer = addr(w[2]),
		.hoa_port = htons(atoi(w[3])),
		.peer_port = htons(atoi(w[4])), .proto = atoi(w[5]),
	};
}

/* flow HOA PEER HOA-PORT PEER-PORT PROTO LOCAL REMOTE IF MTU FLAGS N */
static int cmd_flow(char **w)
{
	struct dp_flow_key key = flow_key(w);
	struct dp_flow flow = {
		.paths[0] = {
			.local = addr(w[6]), .remote = addr(w[7]),
			.ifindex = if_nametoindex(w[8]),
			.mtu = atoi(w[9]), .flags = atoi(w[10]),
		},
		.n = atoi(w[11]),
	};

	return dp_flow_set(dp, &key, &flow);
}

/* PATH[+PATH], PATH: home, or LOCAL,REMOTE; or none. How many. */
static uint32_t paths_parse(char *text, struct dp_path paths[DP_PATHS])
{
	char *next, *remote;
	uint32_t n = 0;

	if (!strcmp(text, "none"))
		return 0;
	for (; text && n < DP_PATHS; text = next, n++) {
		next = strchr(text, '+');
		if (next)
			*next++ = 0;
		remote = strchr(text, ',');
		if (!remote) {
			paths[n].flags = DP_PATH_HOME;
			continue;
		}
		*remote++ = 0;
		paths[n].local = addr(text);
		paths[n].remote = addr(remote);
	}
	return n;
}

/* ways HOA PEER HOA-PORT PEER-PORT PROTO PRI PATHS: a flow binding of the HA's */
static int cmd_ways(char **w)
{
	struct dp_flow_key key = flow_key(w);
	struct dp_flow flow = { .pri = atoi(w[6]) };

	flow.n = paths_parse(w[7], flow.paths);
	return dp_flow_set(dp, &key, &flow);
}

/* What a field of a selector is called. */
static int field_set(struct dp_selector *s, const char *name, char *from,
		     char *to)
{
	uint32_t start = strtoul(from, NULL, 0), end = strtoul(to, NULL, 0);

	if (!strcmp(name, "peer")) {
		s->peer = addr(from);
		s->peer_end = addr(to);
		s->fields |= TS_SRC;
	} else if (!strcmp(name, "hoa")) {
		s->hoa = addr(from);
		s->hoa_end = addr(to);
		s->fields |= TS_DST;
	} else if (!strcmp(name, "spi")) {
		s->spi = start;
		s->spi_end = end;
		s->fields |= TS_SPI;
	} else if (!strcmp(name, "label")) {
		s->label = start;
		s->label_end = end;
		s->fields |= TS_LABEL;
	} else if (!strcmp(name, "peer_port")) {
		s->peer_port = start;
		s->peer_port_end = end;
		s->fields |= TS_SPORT;
	} else if (!strcmp(name, "hoa_port")) {
		s->hoa_port = start;
		s->hoa_port_end = end;
		s->fields |= TS_DPORT;
	} else if (!strcmp(name, "tc")) {
		s->tc = start;
		s->tc_end = end;
		s->fields |= TS_TC;
	} else if (!strcmp(name, "proto")) {
		s->proto = start;
		s->proto_end = end;
		s->fields |= TS_NH;
	} else {
		return -EINVAL;
	}
	return 0;
}

/* select HOA [PRI PATHS [FIELD=FROM-TO...]]: one more selector, of FID PRI; or
 * none */
static int cmd_select(char **w)
{
	struct dp_selectors all = { 0 };
	struct in6_addr hoa = addr(w[1]);
	struct dp_selector *s;
	char *from, *to;
	int err = 0;

	if (!w[2])
		return dp_selectors_set(dp, &hoa, &all);
	dp_selectors_get(dp, &hoa, &all);
	if (all.n == DP_SELECTORS_MAX)
		return -E2BIG;
	s = &all.list[all.n++];
	s->pri = s->fid = atoi(w[2]);
	s->n = paths_parse(w[3], s->paths);
	for (w += 4; *w && !err; w++) {
		from = strchr(*w, '=');
		to = strchr(*w, '-');
		if (!from || !to)
			return -EINVAL;
		*from++ = 0;
		*to++ = 0;
		err = field_set(s, *w, from, to);
	}
	return err ? err : dp_selectors_set(dp, &hoa, &all);
}

static int cmd_selected(char **w)
{
	struct in6_addr hoa = addr(w[1]);
	struct dp_selectors all;
	int err = dp_selectors_get(dp, &hoa, &all);

	if (!err)
		printf("selectors %u\n", all.n);
	return err;
}

/* selget HOA: of each selector, in order */
static int cmd_selget(char **w)
{
	struct in6_addr hoa = addr(w[1]);
	struct dp_selectors all;
	int err = dp_selectors_get(dp, &hoa, &all);
	uint32_t i;

	for (i = 0; !err && i < all.n; i++)
		printf("selector %u %" PRIu64 " %" PRIu64 "\n",
		       all.list[i].fid, (uint64_t)all.list[i].packets,
		       (uint64_t)all.list[i].bytes);
	return err;
}

static int cmd_flowget(char **w)
{
	struct dp_flow_key key = flow_key(w);
	struct dp_flow flow;
	int err = dp_flow_get(dp, &key, &flow);

	if (!err)
		printf("flow %" PRIu64 " %" PRIu64 "\n",
		       (uint64_t)flow.packets, (uint64_t)flow.bytes);
	return err;
}

static int cmd_unflow(char **w)
{
	struct dp_flow_key key = flow_key(w);

	return dp_flow_del(dp, &key);
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

/* tunwrite HEX: as if it came out of the tunnel */
static int cmd_tunwrite(char **w)
{
	uint8_t mem[256];
	unsigned int n, byte;

	for (n = 0; n < sizeof(mem); n++) {
		if (sscanf(w[1] + 2 * n, "%2x", &byte) != 1)
			break;
		mem[n] = (uint8_t)byte;
	}
	return tun_write(tun_fd, mem, n);
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
	if (!strcmp(c, "home+"))
		return dp_home_add(dp, &a);
	if (!strcmp(c, "home-"))
		return dp_home_del(dp, &a), 0;
	if (!strcmp(c, "fill"))
		return cmd_fill(w);
	if (!strcmp(c, "get"))
		return cmd_get(w);
	if (!strcmp(c, "coa"))
		return cmd_coa(w);
	if (!strcmp(c, "uncoa"))
		return cmd_uncoa(w);
	if (!strcmp(c, "flow"))
		return cmd_flow(w);
	if (!strcmp(c, "ways"))
		return cmd_ways(w);
	if (!strcmp(c, "select"))
		return cmd_select(w);
	if (!strcmp(c, "selected"))
		return cmd_selected(w);
	if (!strcmp(c, "selget"))
		return cmd_selget(w);
	if (!strcmp(c, "flowget"))
		return cmd_flowget(w);
	if (!strcmp(c, "unflow"))
		return cmd_unflow(w);
	if (!strcmp(c, "multi"))
		return dp_multi_active(dp, atoi(w[1])), 0;
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
	if (!strcmp(c, "tunwrite"))
		return cmd_tunwrite(w);
	if (!strcmp(c, "close"))
		return dp_close(dp), 0;
	if (!strcmp(c, "flush"))
		return dp_flush(dp), dp_close(dp), 0;
	return -ENOSYS;
}

int main(void)
{
	char line[1024], *w[WORDS_MAX + 1];
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
