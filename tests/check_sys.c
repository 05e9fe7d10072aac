/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lib/sys against the kernel, in network and mount namespaces of each test's
 * own, with a pair of veth, v0 and v1, both in it. Needs root.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "proto/ip6.h"
#include "sys/dp.h"
#include "sys/priv.h"
#include "sys/raw.h"
#include "sys/rtnl.h"
#include "sys/sockdiag.h"
#include "sys/tun.h"

enum { SKIP = 77, WAIT_MS = 2000, PROTO = 77, TABLE = 7700 };

static uint32_t v0, v1;

static struct in6_addr ip(const char *text)
{
	struct in6_addr out;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &out), 1);
	return out;
}

/* A new address's own route is a kernel worker's to set. */
static void routes_settle(void)
{
	int rc = system("for i in $(seq 100); do "
			"all=1; local=$(ip -6 route show table local); "
			"for a in $(ip -o -6 addr | awk '{print $4}'); do "
			"case $local in *\"local ${a%/*} \"*) ;; *) all=; esac; "
			"done; [ $all ] && break; sleep 0.02; done");

	ck_assert_int_eq(rc, 0);
}

static void run(const char *cmd)
{
	ck_assert_msg(system(cmd) == 0, "%s", cmd);
	if (strstr(cmd, "addr add"))
		routes_settle();
}

/* What a command prints. */
static const char *output(const char *cmd)
{
	static char text[8192];
	FILE *f = popen(cmd, "r");
	size_t n = fread(text, 1, sizeof(text) - 1, f);

	text[n] = 0;
	pclose(f);
	return text;
}

static bool readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

static void setup(void)
{
	log_init("check_sys", LOG_LEVEL_ERR);
	ck_assert_int_eq(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	run("sysctl -qw net.ipv6.conf.default.accept_dad=0 && "
	    "ip link set lo up && ip link add v0 type veth peer name v1 && "
	    "ip link set v1 up && ip link set v0 up");
	/* Of carrier events that it takes for unimportant the kernel handles
	 * one a second, all namespaces' together; before that no route leads
	 * there. */
	run("for i in $(seq 200); do "
	    "[ $(ip -o link | grep -c 'state UP') = 2 ] && exit 0; "
	    "sleep 0.05; done; exit 1");
	v0 = if_nametoindex("v0");
	v1 = if_nametoindex("v1");
}

/* rtnl */

static struct rtnl_event seen[4096];
static size_t n_seen;

static void on_event(void *arg, const struct rtnl_event *event)
{
	(void)arg;
	if (n_seen < sizeof(seen) / sizeof(seen[0]))
		seen[n_seen++] = *event;
}

static struct rtnl *open_rtnl(void)
{
	struct rtnl *rtnl;

	ck_assert_int_eq(rtnl_open(&rtnl, on_event, NULL), 0);
	return rtnl;
}

static const struct rtnl_event *find(enum rtnl_event_type type,
				     uint32_t ifindex, const char *addr)
{
	struct in6_addr a = addr ? ip(addr) : in6addr_any;
	size_t i;

	for (i = n_seen; i-- > 0;) {
		if (seen[i].type != type || seen[i].ifindex != ifindex)
			continue;
		/* addr, dst and neigh.addr stand at the same place. */
		if (!addr || !memcmp(&seen[i].addr.addr, &a, sizeof(a)))
			return &seen[i];
	}
	return NULL;
}

static void events(struct rtnl *rtnl)
{
	n_seen = 0;
	while (readable(rtnl_event_fd(rtnl), 50))
		rtnl_read_events(rtnl);
}

START_TEST(test_rtnl_links)
{
	struct rtnl *rtnl = open_rtnl();
	const struct rtnl_event *ev;

	ck_assert_int_eq(rtnl_dump_links(rtnl), 0);
	ev = find(RTNL_LINK, v0, NULL);
	ck_assert_ptr_nonnull(ev);
	ck_assert_str_eq(ev->link.name, "v0");
	ck_assert_uint_eq(ev->link.mtu, 1500);
	ck_assert_uint_eq(ev->link.arptype, 1);
	ck_assert(ev->link.has_mac && ev->link.flags & IFF_UP);
	ck_assert_int_eq(rtnl_link_up(rtnl, v0, 1400), 0);
	events(rtnl);
	ev = find(RTNL_LINK, v0, NULL);
	ck_assert(ev && ev->link.mtu == 1400);
	ck_assert_int_eq(rtnl_link_del(rtnl, v0), 0);
	events(rtnl);
	ck_assert_ptr_nonnull(find(RTNL_LINK_GONE, v0, NULL));
	ck_assert_int_eq(rtnl_link_del(rtnl, v0), -ENODEV);
	rtnl_close(rtnl);
}
END_TEST

START_TEST(test_rtnl_addrs)
{
	struct in6_addr a = ip("2001:db8::1");
	struct rtnl *rtnl = open_rtnl();
	const struct rtnl_event *ev;

	ck_assert_int_eq(rtnl_addr_set(rtnl, v0, &a, 64, IFA_F_NODAD,
				       UINT32_MAX, 0), 0);
	events(rtnl);
	ev = find(RTNL_ADDR, v0, "2001:db8::1");
	ck_assert_ptr_nonnull(ev);
	ck_assert_uint_eq(ev->addr.prefix_len, 64);
	ck_assert_uint_eq(ev->addr.valid, UINT32_MAX);
	ck_assert_uint_eq(ev->addr.preferred, 0);
	ck_assert(ev->addr.flags & IFA_F_NODAD);
	ck_assert(ev->addr.flags & IFA_F_DEPRECATED);
	/* A second time changes the lifetimes. */
	ck_assert_int_eq(rtnl_addr_set(rtnl, v0, &a, 64, IFA_F_NODAD, 100, 50),
			 0);
	n_seen = 0;
	ck_assert_int_eq(rtnl_dump_addrs(rtnl), 0);
	ev = find(RTNL_ADDR, v0, "2001:db8::1");
	ck_assert(ev && ev->addr.valid <= 100 && ev->addr.preferred <= 50);
	ck_assert_int_eq(rtnl_addr_del(rtnl, v0, &a, 64), 0);
	events(rtnl);
	ck_assert_ptr_nonnull(find(RTNL_ADDR_GONE, v0, "2001:db8::1"));
	ck_assert_int_eq(rtnl_addr_del(rtnl, v0, &a, 64), -EADDRNOTAVAIL);
	rtnl_close(rtnl);
}
END_TEST

START_TEST(test_rtnl_rules)
{
	struct rtnl_rule rule = {
		.priority = 500, .table = TABLE, .protocol = PROTO,
		.from = ip("2001:db8::99"),
	};
	struct rtnl *rtnl = open_rtnl();

	ck_assert_int_eq(rtnl_rule_add(rtnl, &rule), 0);
	ck_assert_int_eq(rtnl_rule_add(rtnl, &rule), 1);	/* is there */
	ck_assert_ptr_nonnull(strstr(output("ip -6 rule"), "500:\tfrom "
				     "2001:db8::99 lookup 7700 proto 77"));
	ck_assert_int_eq(rtnl_rule_del(rtnl, &rule), 0);
	ck_assert_int_eq(rtnl_rule_del(rtnl, &rule), -ENOENT);
	for (rule.priority = 600; rule.priority < 700; rule.priority++)
		ck_assert_int_eq(rtnl_rule_add(rtnl, &rule), 0);
	run("ip -6 rule add from 2001:db8::98 lookup 7700 prio 700 proto 78");
	ck_assert_int_eq(rtnl_rules_flush(rtnl, PROTO), 0);
	ck_assert_ptr_null(strstr(output("ip -6 rule"), "2001:db8::99"));
	ck_assert_ptr_nonnull(strstr(output("ip -6 rule"), "2001:db8::98"));
	rtnl_close(rtnl);
}
END_TEST

static bool wants_it(void *arg, const struct rtnl_route *route)
{
	const struct rtnl_route *want = arg;

	return route->dst_len == want->dst_len &&
	       ip6_addr_eq(&route->dst, &want->dst) &&
	       ip6_addr_eq(&route->gw, &want->gw) &&
	       route->ifindex == want->ifindex &&
	       route->throws == want->throws && route->table == TABLE;
}

static const char *table(void)
{
	return output("ip -6 route show table 7700 | sed 's/ *proto.*//'");
}

/* An interface's own table: the source decides, whatever the main table says;
 * what somebody else has there is counted, and left alone. */
START_TEST(test_rtnl_table)
{
	struct in6_addr far = ip("2001:db8:ffff::1"), on_v0 = ip("2001:db8::10"),
		gone = ip("2001:db8::11");
	struct rtnl_rule rule = {
		.priority = 501, .table = TABLE, .protocol = PROTO,
	};
	struct rtnl_route route = {
		.gw = ip("fe80::1"), .ifindex = v0, .table = TABLE,
		.protocol = PROTO,
	}, preferred = {
		.gw = ip("fe80::2"), .ifindex = v1, .metric = 50,
		.protocol = PROTO,
	}, on_link = {
		.dst = ip("2001:db8:6::"), .dst_len = 64, .ifindex = v0,
		.table = TABLE, .protocol = PROTO,
	}, thrown = {
		.dst = ip("2001:db8:7::"), .dst_len = 48, .throws = true,
		.table = TABLE, .protocol = PROTO,
	};
	struct rtnl *rtnl = open_rtnl();
	struct rtnl_path path;

	run("ip -6 address add 2001:db8::10/64 dev v0 nodad");
	ck_assert_int_eq(rtnl_route_put(rtnl, &preferred, false), 0);
	ck_assert_int_eq(rtnl_route_put(rtnl, &preferred, false), -EEXIST);
	ck_assert_ptr_nonnull(strstr(output("ip -6 route"), "default via "
				     "fe80::2 dev v1 proto 77 metric 50"));
	ck_assert_int_eq(rtnl_route_put(rtnl, &route, true), 0);
	for (rule.from = on_v0;; rule.from = gone) {
		ck_assert_int_eq(rtnl_rule_add(rtnl, &rule), 0);
		if (ip6_addr_eq(&rule.from, &gone))
			break;
	}
	ck_assert_int_eq(rtnl_path_get(rtnl, &far, &path), 0);
	ck_assert_uint_eq(path.ifindex, v1);
	ck_assert_int_eq(rtnl_path_from(rtnl, &far, &on_v0, &path), 0);
	ck_assert_uint_eq(path.ifindex, v0);
	ck_assert_uint_eq(path.gw.s6_addr[15], 1);
	run("ip -6 route add 2001:db8:5::/48 dev v0 table 7700 proto static;"
	    "ip -6 rule add from 2001:db8::12 lookup 7700 prio 502");
	ck_assert_int_eq(rtnl_rules_sweep(rtnl, PROTO, TABLE, &on_v0, 1), 1);
	ck_assert_ptr_nonnull(strstr(output("ip -6 rule"), "2001:db8::10 "));
	ck_assert_ptr_null(strstr(output("ip -6 rule"), "2001:db8::11 "));
	ck_assert_ptr_nonnull(strstr(output("ip -6 rule"), "2001:db8::12 "));
	ck_assert_int_eq(rtnl_route_put(rtnl, &on_link, true), 0);
	ck_assert_int_eq(rtnl_route_put(rtnl, &thrown, true), 0);
	ck_assert_int_eq(rtnl_table_sweep(rtnl, PROTO, TABLE, wants_it,
					  &route), 1);
	ck_assert_str_eq(table(), "2001:db8:5::/48 dev v0\n"
			 "default via fe80::1 dev v0\n");
	ck_assert_int_eq(rtnl_route_put(rtnl, &thrown, true), 0);
	ck_assert_int_eq(rtnl_table_sweep(rtnl, PROTO, TABLE, wants_it,
					  &thrown), 1);
	ck_assert_str_eq(table(), "2001:db8:5::/48 dev v0\n"
			 "throw 2001:db8:7::/48 dev lo\n");
	ck_assert_int_eq(rtnl_table_sweep(rtnl, PROTO, TABLE, NULL, NULL), 1);
	ck_assert_ptr_null(strstr(output("ip -6 route show table 7700"),
				  "default"));
	ck_assert_ptr_nonnull(strstr(output("ip -6 route show table 7700"),
				     "2001:db8:5::/48"));
	ck_assert_ptr_nonnull(strstr(output("ip -6 route"), "metric 50"));
	ck_assert_int_eq(rtnl_route_drop(rtnl, &preferred), 0);
	ck_assert_int_eq(rtnl_route_drop(rtnl, &preferred), -ESRCH);
	rtnl_close(rtnl);
}
END_TEST

START_TEST(test_rtnl_gone)
{
	struct rtnl_rule rule = {
		.priority = 500, .table = TABLE, .protocol = PROTO,
		.from = ip("2001:db8::99"),
	};
	struct in6_addr ha = ip("2001:db8:77::1"), gw = ip("fe80::1");
	struct rtnl *rtnl = open_rtnl();
	const struct rtnl_event *ev;

	ck_assert_int_eq(rtnl_rule_add(rtnl, &rule), 0);
	ck_assert_int_eq(rtnl_route_set(rtnl, v0, &ha, 128, &gw,
					PROTO), 0);
	ck_assert_int_eq(rtnl_route_set(rtnl, v0, &ha, 128, &gw,
					PROTO), 0);
	ck_assert_ptr_nonnull(strstr(output("ip -6 route"), "2001:db8:77::1 "
				     "via fe80::1 dev v0 proto 77 metric"));
	run("tc qdisc add dev v1 clsact");
	events(rtnl);
	n_seen = 0;
	run("ip -6 rule del priority 500;"
	    "ip -6 route del 2001:db8:77::1/128 proto 77;"
	    "tc qdisc del dev v1 clsact");
	events(rtnl);
	ev = find(RTNL_RULE_GONE, 0, NULL);
	ck_assert(ev && ev->rule.table == TABLE && ev->rule.protocol == PROTO &&
		  ev->rule.priority == 500 &&
		  !memcmp(&ev->rule.from, &rule.from, sizeof(rule.from)));
	ck_assert_ptr_nonnull(find(RTNL_ROUTE_GONE, v0, "2001:db8:77::1"));
	ck_assert_ptr_nonnull(find(RTNL_FILTER_GONE, v1, NULL));
	ck_assert_int_eq(rtnl_route_del(rtnl, v0, &ha, 128, PROTO), -ESRCH);
	ck_assert_int_eq(rtnl_route_set(rtnl, v0, &ha, 128, &gw,
					PROTO), 0);
	ck_assert_int_eq(rtnl_routes_flush(rtnl, PROTO), 0);
	ck_assert_ptr_null(strstr(output("ip -6 route"), "2001:db8:77::1"));
	rtnl_close(rtnl);
}
END_TEST

START_TEST(test_rtnl_router_forget)
{
	struct ip6_prefix prefix = {ip("2001:db8:1::"), 64};
	struct in6_addr router = ip("fe80::1");
	struct rtnl *rtnl = open_rtnl();
	const char *left;

	run("ip -6 route add default via fe80::1 dev v0 proto ra metric 10;"
	    "ip -6 route add default via fe80::2 dev v0 proto ra metric 11;"
	    "ip -6 route add default via fe80::1 dev v0 proto static;"
	    "ip -6 route add 2001:db8:1::/64 dev v0 proto kernel;"
	    "ip -6 route add 2001:db8:2::/64 dev v0 proto kernel");
	ck_assert_int_eq(rtnl_router_forget(rtnl, v0, &router, &prefix, 1), 0);
	left = output("ip -6 route");
	ck_assert_ptr_null(strstr(left, "via fe80::1 dev v0 proto ra"));
	ck_assert_ptr_nonnull(strstr(left, "via fe80::1 dev v0 proto static"));
	ck_assert_ptr_nonnull(strstr(left, "via fe80::2 "));
	ck_assert_ptr_null(strstr(left, "2001:db8:1::/64"));
	ck_assert_ptr_nonnull(strstr(left, "2001:db8:2::/64"));
	rtnl_close(rtnl);
}
END_TEST

START_TEST(test_rtnl_routes)
{
	struct in6_addr far = ip("2001:db8:ffff::1");
	struct rtnl *rtnl = open_rtnl();
	const struct rtnl_event *ev;
	struct rtnl_path path;

	ck_assert_int_eq(rtnl_path_get(rtnl, &far, &path), -ENETUNREACH);
	ck_assert_int_eq(rtnl_default_set(rtnl, v0, TABLE, PROTO, 1460), 0);
	ck_assert_int_eq(rtnl_default_set(rtnl, v0, TABLE, PROTO, 1300), 0);
	events(rtnl);
	ev = find(RTNL_ROUTE, v0, "::");
	ck_assert(ev && ev->route.table == TABLE &&
		  ev->route.protocol == PROTO && !ev->route.has_gw);
	ck_assert_ptr_nonnull(strstr(output("ip -6 route show table 7700"),
				     "default dev v0 proto 77 metric 1024 "
				     "mtu 1300"));
	run("ip -6 route add 2001:db8:ffff::/48 via fe80::1 dev v0");
	ck_assert_int_eq(rtnl_path_get(rtnl, &far, &path), 0);
	ck_assert_uint_eq(path.ifindex, v0);
	ck_assert_uint_eq(path.mtu, 1500);
	ck_assert(path.gw.s6_addr[0] == 0xfe && path.gw.s6_addr[15] == 1);
	run("ip -6 route replace 2001:db8:ffff::/48 via fe80::1 dev v0 "
	    "mtu 1380");
	ck_assert_int_eq(rtnl_path_get(rtnl, &far, &path), 0);
	ck_assert_uint_eq(path.mtu, 1380);
	run("ip -6 route add 2001:db8:2::/48 nexthop via fe80::1 dev v0 "
	    "nexthop via fe80::2 dev v1");
	n_seen = 0;
	ck_assert_int_eq(rtnl_dump_routes(rtnl), 0);
	ck_assert_ptr_nonnull(find(RTNL_ROUTE, v0, "2001:db8:2::"));
	ck_assert_ptr_nonnull(find(RTNL_ROUTE, v1, "2001:db8:2::"));
	rtnl_close(rtnl);
}
END_TEST

START_TEST(test_rtnl_ra_routes)
{
	struct rtnl *rtnl = open_rtnl();
	const char *left;

	run("ip -6 route add default via fe80::1 dev v0 proto ra metric 10;"
	    "ip -6 route add default via fe80::2 dev v0 proto ra metric 11 "
	    "expires 60;"
	    "ip -6 route add default via fe80::3 dev v0 proto static;"
	    "ip -6 route add default via fe80::4 dev v1 proto ra metric 12;"
	    "ip -6 route add 2001:db8:1::/64 dev v0 proto kernel expires 60;"
	    "ip -6 route add 2001:db8:2::/64 dev v0 proto kernel");
	ck_assert_int_eq(rtnl_ra_routes_flush(rtnl, v0, false), 0);
	left = output("ip -6 route");
	ck_assert_ptr_null(strstr(left, "fe80::1 "));
	ck_assert_ptr_null(strstr(left, "fe80::2 "));
	ck_assert_ptr_nonnull(strstr(left, "fe80::3 "));
	ck_assert_ptr_nonnull(strstr(left, "fe80::4 "));
	ck_assert_ptr_nonnull(strstr(left, "2001:db8:1::/64"));
	ck_assert_int_eq(rtnl_ra_routes_flush(rtnl, v0, true), 0);
	left = output("ip -6 route");
	ck_assert_ptr_null(strstr(left, "2001:db8:1::/64"));
	ck_assert_ptr_nonnull(strstr(left, "2001:db8:2::/64"));
	ck_assert_ptr_nonnull(strstr(left, "fe80::/64 dev v0"));
	rtnl_close(rtnl);
}
END_TEST

START_TEST(test_rtnl_neigh_sysctl)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	struct in6_addr a = ip("fe80::9");
	struct rtnl *rtnl = open_rtnl();
	const struct rtnl_event *ev;

	ck_assert_int_eq(rtnl_neigh_set(rtnl, v0, &a, mac, NUD_REACHABLE,
					true), 0);
	events(rtnl);
	ev = find(RTNL_NEIGH, v0, "fe80::9");
	ck_assert(ev && ev->neigh.state == NUD_REACHABLE && ev->neigh.router);
	ck_assert_int_eq(rtnl_neigh_set(rtnl, v0, &a, NULL, NUD_PROBE, true),
			 0);
	ck_assert_int_eq(sysctl_ipv6_set("v0", "optimistic_dad", 1), 0);
	ck_assert_str_eq(output("sysctl -n net.ipv6.conf.v0.optimistic_dad"),
			 "1\n");
	ck_assert_int_eq(sysctl_ipv6_set("v9", "optimistic_dad", 1), -ENOENT);
	ck_assert_int_eq(sysctl_ipv6_set("../../x", "forwarding", 1), -EINVAL);
	rtnl_close(rtnl);
}
END_TEST

static void set_neigh(struct rtnl *rtnl, const char *addr, uint16_t state)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	struct in6_addr a = ip(addr);

	ck_assert_int_eq(rtnl_neigh_set(rtnl, v0, &a, state == NUD_FAILED ?
					NULL : mac, state, true), 0);
}

START_TEST(test_rtnl_neigh_failures)
{
	struct rtnl *rtnl = open_rtnl();
	const struct rtnl_event *ev;

	ck_assert_int_eq(rtnl_neigh_failures(rtnl), 0);
	events(rtnl);
	set_neigh(rtnl, "fe80::9", NUD_REACHABLE);
	set_neigh(rtnl, "fe80::9", NUD_STALE);
	ck_assert(!readable(rtnl_event_fd(rtnl), 100));
	set_neigh(rtnl, "fe80::9", NUD_FAILED);
	run("ip -6 addr add 2001:db8::7/64 dev v0 nodad");
	events(rtnl);
	ev = find(RTNL_NEIGH, v0, "fe80::9");
	ck_assert(ev && ev->neigh.state == NUD_FAILED);
	ck_assert_ptr_nonnull(find(RTNL_ADDR, v0, "2001:db8::7"));
	rtnl_close(rtnl);
}
END_TEST

/* More events than the socket holds are told as lost, and the next are seen. */
START_TEST(test_rtnl_overrun)
{
	struct in6_addr a = ip("2001:db8::1");
	struct rtnl *rtnl = open_rtnl();
	bool overrun = false;
	size_t i;

	for (i = 0; i < 40000; i++)
		ck_assert_int_eq(rtnl_addr_set(rtnl, v0, &a, 64, IFA_F_NODAD,
					       1000 + i % 2, 0), 0);
	while (readable(rtnl_event_fd(rtnl), 50)) {
		n_seen = 0;
		rtnl_read_events(rtnl);
		overrun |= find(RTNL_OVERRUN, 0, NULL) != NULL;
	}
	ck_assert(overrun);
	ck_assert_int_eq(rtnl_addr_del(rtnl, v0, &a, 64), 0);
	events(rtnl);
	ck_assert_ptr_nonnull(find(RTNL_ADDR_GONE, v0, "2001:db8::1"));
	rtnl_close(rtnl);
}
END_TEST

/* sockdiag */

static struct sock_rec socks[64];
static size_t n_socks;

static void on_sock(void *arg, const struct sock_rec *sock)
{
	(void)arg;
	if (n_socks < 64)
		socks[n_socks++] = *sock;
}

static const struct sock_rec *find_sock(uint8_t protocol, uint16_t port,
					     const char *local)
{
	struct in6_addr a = ip(local);
	size_t i;

	for (i = 0; i < n_socks; i++)
		if (socks[i].protocol == protocol &&
		    socks[i].local_port == port &&
		    ip6_addr_eq(&socks[i].local, &a))
			return &socks[i];
	return NULL;
}

static int bound(int type, const char *addr, uint16_t port)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(port),
		.sin6_addr = ip(addr),
	};
	int fd = socket(AF_INET6, type, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	ck_assert_int_eq(bind(fd, (void *)&sin6, sizeof(sin6)), 0);
	return fd;
}

static void connect_to(int fd, const char *addr, uint16_t port)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(port),
		.sin6_addr = ip(addr),
	};

	if (connect(fd, (void *)&sin6, sizeof(sin6)))
		ck_abort_msg("connect to %s: %s", addr, strerror(errno));
}

START_TEST(test_sockdiag)
{
	int any, udp, srv, tcp, mapped;
	const struct sock_rec *s;
	struct sockdiag *sd;
	bool overrun;

	run("ip -6 addr add 2001:db8::1/128 dev lo nodad");
	ck_assert_int_eq(sockdiag_open(&sd), 0);
	any = bound(SOCK_DGRAM, "::", 1001);
	udp = bound(SOCK_DGRAM, "2001:db8::1", 1002);
	srv = bound(SOCK_STREAM, "2001:db8::1", 1003);
	ck_assert_int_eq(listen(srv, 5), 0);
	tcp = bound(SOCK_STREAM, "2001:db8::1", 1004);
	connect_to(tcp, "2001:db8::1", 1003);
	mapped = bound(SOCK_DGRAM, "::ffff:127.0.0.1", 1005);
	ck_assert_int_eq(sockdiag_each(sd, false, on_sock, NULL), 0);
	ck_assert_ptr_nonnull(find_sock(IPPROTO_UDP, 1002, "2001:db8::1"));
	s = find_sock(IPPROTO_TCP, 1004, "2001:db8::1");
	ck_assert(s && s->tcp_state == 1 && s->remote_port == 1003 && s->inode);
	ck_assert_uint_eq(s->uid, 0);
	s = find_sock(IPPROTO_UDP, 1001, "::");
	ck_assert(s && !s->bound);
	ck_assert_ptr_null(find_sock(IPPROTO_UDP, 1005, "::ffff:127.0.0.1"));
	close(any);
	ck_assert(!readable(sockdiag_event_fd(sd), 100));
	ck_assert_int_eq(sockdiag_watch(sd, true), 0);
	close(udp);
	n_socks = 0;
	ck_assert(readable(sockdiag_event_fd(sd), WAIT_MS));
	sockdiag_read_events(sd, on_sock, NULL, &overrun);
	ck_assert(find_sock(IPPROTO_UDP, 1002, "2001:db8::1") && !overrun);
	close(srv);	/* resets the connection */
	close(tcp);
	while (readable(sockdiag_event_fd(sd), 200))
		sockdiag_read_events(sd, on_sock, NULL, &overrun);
	ck_assert_ptr_nonnull(find_sock(IPPROTO_TCP, 1004, "2001:db8::1"));
	ck_assert_int_eq(sockdiag_watch(sd, false), 0);
	close(mapped);
	ck_assert(!readable(sockdiag_event_fd(sd), 100));
	sockdiag_close(sd);
}
END_TEST

/* What whoever has the socket is told: 0 while it is in order. */
static int told(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	return err;
}

static struct sock_rec one_of(struct sockdiag *sd, uint8_t protocol,
			      uint16_t port)
{
	const struct sock_rec *rec;

	n_socks = 0;
	ck_assert_int_eq(sockdiag_each(sd, true, on_sock, NULL), 0);
	rec = find_sock(protocol, port, "2001:db8::1");
	ck_assert_ptr_nonnull(rec);
	return *rec;
}

/* By cookie: never another socket that has come to the same addresses. */
START_TEST(test_sockdiag_destroy)
{
	struct sock_rec udp_rec, tcp_rec;
	struct sockdiag *sd;
	int udp, srv, tcp;

	run("ip -6 addr add 2001:db8::1/128 dev lo nodad");
	ck_assert_int_eq(sockdiag_open(&sd), 0);
	udp = bound(SOCK_DGRAM, "2001:db8::1", 1002);
	srv = bound(SOCK_STREAM, "2001:db8::1", 1003);
	ck_assert_int_eq(listen(srv, 5), 0);
	tcp = bound(SOCK_STREAM, "2001:db8::1", 1004);
	connect_to(tcp, "2001:db8::1", 1003);
	ck_assert_int_eq(write(tcp, "12345", 5), 5);
	tcp_rec = one_of(sd, IPPROTO_TCP, 1004);
	ck_assert_uint_eq(tcp_rec.tx_bytes, 5);
	udp_rec = one_of(sd, IPPROTO_UDP, 1002);
	ck_assert(tcp_rec.cookie && udp_rec.cookie != tcp_rec.cookie);
	udp_rec.cookie++;
	ck_assert_int_eq(sockdiag_destroy(sd, &udp_rec), -ENOENT);
	ck_assert_int_eq(told(udp), 0);
	udp_rec.cookie--;
	ck_assert_int_eq(sockdiag_destroy(sd, &udp_rec), 0);
	ck_assert_int_eq(told(udp), ECONNABORTED);
	ck_assert_int_eq(sockdiag_destroy(sd, &tcp_rec), 0);
	ck_assert_int_eq(told(tcp), ECONNABORTED);
	ck_assert_int_eq(sockdiag_destroy(sd, &tcp_rec), -ENOENT);
	close(udp);
	close(tcp);
	close(srv);
	sockdiag_close(sd);
}
END_TEST

/* tun */

/* Reads until a UDP packet comes; its checksum must be right. */
static ssize_t tun_udp(int fd, uint8_t *mem, size_t cap)
{
	struct in6_addr src, dst;
	ssize_t n = -EAGAIN;

	while (readable(fd, WAIT_MS)) {
		n = tun_read(fd, mem, cap);
		if (n < 0 || mem[6] == IPPROTO_UDP)
			break;
	}
	if (n <= 0)
		return n;
	memcpy(&src, mem + 8, 16);
	memcpy(&dst, mem + 24, 16);
	ck_assert_uint_eq(ip6_checksum(&src, &dst, IPPROTO_UDP, mem + 40,
				       n - 40), 0);
	return n;
}

START_TEST(test_tun)
{
	int fd, udp, segment = 500, i;
	uint8_t mem[2000];
	uint32_t index, again;

	fd = tun_open("kedge0", &index);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(index, if_nametoindex("kedge0"));
	ck_assert_int_eq(tun_open("kedge0", &again), -EBUSY);
	ck_assert_int_eq(tun_open("a-name-much-too-long", &again), -EINVAL);
	ck_assert_int_eq(tun_read(fd, mem, sizeof(mem)), -EAGAIN);
	run("ip link set kedge0 up mtu 1460 && "
	    "ip -6 addr add 2001:db8::1/128 dev kedge0 nodad && "
	    "ip -6 route add 2001:db8:1::/48 dev kedge0");
	udp = bound(SOCK_DGRAM, "2001:db8::1", 1001);
	connect_to(udp, "2001:db8:1::1", 1002);
	ck_assert_int_eq(send(udp, "hello", 5, 0), 5);
	ck_assert_int_eq(tun_udp(fd, mem, sizeof(mem)), 40 + 8 + 5);
	ck_assert_int_eq(send(udp, mem, 1000, 0), 1000);
	ck_assert_int_eq(tun_udp(fd, mem, 1047), -EMSGSIZE);
	ck_assert_int_eq(send(udp, mem, 1000, 0), 1000);
	ck_assert_int_eq(tun_udp(fd, mem, 1048), 1048);
	/* UDP GSO needs TUN_F_CSUM. */
	ck_assert_int_eq(setsockopt(udp, IPPROTO_UDP, UDP_SEGMENT, &segment,
				    sizeof(segment)), 0);
	ck_assert_int_eq(send(udp, mem, 1400, 0), 1400);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(tun_udp(fd, mem, sizeof(mem)),
				 48 + (i < 2 ? 500 : 400));
	close(fd);
	ck_assert_uint_ne(if_nametoindex("kedge0"), 0);	/* persistent */
	fd = tun_open("kedge0", &again);
	ck_assert_uint_eq(index, again);
	ck_assert_int_eq(ioctl(fd, TUNSETPERSIST, 0), 0);
	close(fd);
	ck_assert_uint_eq(if_nametoindex("kedge0"), 0);
}
END_TEST

/* raw */

/* A listener for every frame that arrives at v1. */
static int sniff(void)
{
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6),
		.sll_ifindex = v1,
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IPV6));

	ck_assert_int_eq(bind(fd, (void *)&sll, sizeof(sll)), 0);
	return fd;
}

/* The first packet of a next header from src. */
static bool sniffed(int fd, uint8_t next, const char *src, uint8_t *p,
		    int ms)
{
	struct in6_addr want = ip(src);

	while (readable(fd, ms))
		if (recv(fd, p, 2000, 0) >= 40 && p[6] == next &&
		    !memcmp(p + 8, &want, 16))
			return true;
	return false;
}

static void header(uint8_t *p, const char *src, const char *dst, uint8_t next,
		   uint16_t len)
{
	struct in6_addr a = ip(src), b = ip(dst);

	memset(p, 0, 40);
	p[0] = 0x60;
	p[4] = len >> 8;
	p[5] = len & 0xff;
	p[6] = next;
	p[7] = 64;
	memcpy(p + 8, &a, 16);
	memcpy(p + 24, &b, 16);
}

START_TEST(test_raw_send)
{
	int fd = raw_open(), tap = sniff(), pkt = packet_open();
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	uint8_t p[100], got[2000];

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(pkt, 0);
	run("ip -6 addr add 2001:db8::1/64 dev v0 nodad && "
	    "ip -6 neigh add 2001:db8::9 dev v0 lladdr 02:00:00:00:00:09");
	memset(p, 0x5a, sizeof(p));
	header(p, "2001:db8::1", "2001:db8::9", 135, 60);
	ck_assert_int_eq(raw_send(fd, p, sizeof(p), v0), 0);
	ck_assert(sniffed(tap, 135, "2001:db8::1", got, WAIT_MS));
	ck_assert_mem_eq(got, p, sizeof(p));
	/* A source that no interface has. */
	header(p, "2001:db8:99::1", "2001:db8::9", 135, 60);
	ck_assert_int_eq(raw_send(fd, p, sizeof(p), 0), 0);
	ck_assert(sniffed(tap, 135, "2001:db8:99::1", got, WAIT_MS));
	header(p, "2001:db8::1", "2001:db8:7::9", 135, 60);
	ck_assert_int_eq(raw_send(fd, p, sizeof(p), 0), -ENETUNREACH);
	ck_assert_int_eq(raw_send(fd, p, 39, 0), -EINVAL);
	header(p, "2001:db8:99::2", "ff02::1", 59, 60);
	ck_assert_int_eq(packet_send(pkt, v0, mac, p, sizeof(p)), 0);
	ck_assert(sniffed(tap, 59, "2001:db8:99::2", got, WAIT_MS));
	ck_assert_int_eq(packet_allmulti(pkt, v0), 0);
	ck_assert_int_eq(packet_allmulti(pkt, 9999), -ENODEV);
}
END_TEST

static unsigned int batch_next;
static int batch_errs[RAW_BATCH_MAX];

static void on_batch_sent(void *arg, unsigned int i, int err)
{
	ck_assert_ptr_eq(arg, batch_errs);
	ck_assert_uint_eq(i, batch_next++);
	batch_errs[i] = err;
}

/* One of a batch that cannot be sent is told, and the others go out. */
START_TEST(test_raw_batch)
{
	static const char *const srcs[] = {
		"2001:db8:99::1", "2001:db8:99::2", "2001:db8:99::3",
		"2001:db8:99::4", "2001:db8:99::5", "2001:db8:99::6" };
	static const bool bad[] = { true, false, false, true, true, false };
	int fd = raw_open(), tap = sniff(), i;
	struct raw_batch *batch;
	uint8_t *p, got[2000];

	ck_assert_int_ge(fd, 0);
	run("ip -6 addr add 2001:db8::1/64 dev v0 nodad && "
	    "ip -6 neigh add 2001:db8::9 dev v0 lladdr 02:00:00:00:00:09");
	ck_assert_int_eq(raw_batch_new(&batch), 0);
	for (i = 0; i < 6; i++) {
		p = raw_batch_room(batch);
		ck_assert_ptr_nonnull(p);
		memset(p, i, 100 + i);
		header(p, srcs[i], bad[i] ? "2001:db8:7::9" : "2001:db8::9",
		       135, 60 + i);
		ck_assert_int_eq(raw_batch_add(batch, 100 + i, 0), i);
	}
	ck_assert_int_eq(raw_batch_add(batch, 39, 0), -EINVAL);
	raw_batch_send(batch, fd, on_batch_sent, batch_errs);
	ck_assert_uint_eq(batch_next, 6);
	for (i = 0; i < 6; i++) {
		ck_assert_int_eq(batch_errs[i], bad[i] ? -ENETUNREACH : 0);
		if (bad[i])
			continue;
		ck_assert(sniffed(tap, 135, srcs[i], got, WAIT_MS));
		ck_assert_uint_eq(got[5], 60 + i);
		ck_assert_uint_eq(got[99 + i], i);
	}
	/* empty again; and full is told, by number and by length */
	batch_next = 0;
	raw_batch_send(batch, fd, on_batch_sent, batch_errs);
	ck_assert_uint_eq(batch_next, 0);
	for (i = 0; (p = raw_batch_room(batch)); i++) {
		header(p, srcs[0], "2001:db8::9", 135, 0);
		ck_assert_int_eq(raw_batch_add(batch, 40, 0), i);
	}
	ck_assert_int_eq(i, RAW_BATCH_MAX);
	raw_batch_send(batch, fd, on_batch_sent, batch_errs);
	ck_assert_uint_eq(batch_next, RAW_BATCH_MAX);
	batch_next = 0;
	for (i = 0; (p = raw_batch_room(batch)); i++) {
		header(p, srcs[0], "2001:db8::9", 135, IP6_SIGNAL_MAX - 40);
		ck_assert_int_eq(raw_batch_add(batch, IP6_SIGNAL_MAX, 0), i);
	}
	ck_assert_int_ge(i, 16);
	raw_batch_send(batch, fd, on_batch_sent, batch_errs);
	ck_assert_uint_eq(batch_next, i);
	while (--i >= 0)
		ck_assert_int_eq(batch_errs[i], 0);
	raw_batch_free(batch);
}
END_TEST

/* "Unrecognized next header" comes, unless a socket holds the number. */
START_TEST(test_raw_hold)
{
	int pkt = packet_open(), tap = sniff(), hold;
	uint8_t p[100] = { 0 }, got[2000];
	struct rtnl *rtnl = open_rtnl();
	const struct rtnl_event *ev;

	run("sysctl -qw net.ipv6.icmp.ratelimit=0 && "
	    "ip -6 addr add 2001:db8::1/64 dev v0 nodad && "
	    "ip -6 neigh add 2001:db8::9 dev v0 lladdr 02:00:00:00:00:09");
	rtnl_dump_links(rtnl);
	ev = find(RTNL_LINK, v0, NULL);
	header(p, "2001:db8::9", "2001:db8::1", 200, 60);
	ck_assert_int_eq(packet_send(pkt, v1, ev->link.mac, p, 100), 0);
	ck_assert(sniffed(tap, 58, "2001:db8::1", got, WAIT_MS));
	hold = raw_hold(200);
	ck_assert_int_ge(hold, 0);
	ck_assert_int_eq(packet_send(pkt, v1, ev->link.mac, p, 100), 0);
	ck_assert(!sniffed(tap, 58, "2001:db8::1", got, 200));
	ck_assert_int_eq(recv(hold, got, sizeof(got), 0), -1);	/* empty */
	ck_assert_int_eq(errno, EAGAIN);
	rtnl_close(rtnl);
}
END_TEST

/* Sends 2001:db8::9 -> 2001:db8::1, 8 bytes of headers of this type before the
 * inner one (or none), and inner, by v1 to v0. */
static void send_tunnelled(int pkt, const uint8_t *mac, const uint8_t *ext,
			   const uint8_t *inner, size_t len)
{
	uint8_t p[300] = { 0 };
	size_t n = ext ? 8 : 0;

	header(p, "2001:db8::9", "2001:db8::1", ext ? 44 : 41,
	       (uint16_t)(n + len));
	p[1] = 0x30;	/* CE */
	if (ext)
		memcpy(p + 40, ext, n);
	memcpy(p + 40 + n, inner, len);
	ck_assert_int_eq(packet_send(pkt, v1, mac, p, 40 + n + len), 0);
}

/* What was in it, within a second. */
static ssize_t tunnel_wait(int fd, uint8_t *mem, size_t cap,
			   struct raw_tunnel *t)
{
	if (!readable(fd, WAIT_MS))
		return -EAGAIN;
	return raw_tunnel_read(fd, mem, cap, t);
}

START_TEST(test_raw_tunnel)
{
	static const uint8_t first[] = { 41, 0, 0, 1, 0, 0, 0, 7 };
	static const uint8_t last[] = { 41, 0, 0, 64, 0, 0, 0, 7 };
	struct in6_addr us = ip("2001:db8::1"), hoa = ip("2001:db8:1::10"),
			other = ip("2001:db8:1::11"),
			many[RAW_FILTER_MAX + 1];
	int pkt = packet_open(), fd = raw_tunnel_open();
	struct rtnl *rtnl = open_rtnl();
	const struct rtnl_event *ev;
	struct raw_tunnel t;
	uint8_t inner[100], got[300];
	unsigned int i;

	ck_assert_int_ge(fd, 0);
	run("ip -6 addr add 2001:db8::1/64 dev v0 nodad");
	rtnl_dump_links(rtnl);
	ev = find(RTNL_LINK, v0, NULL);
	memset(inner, 0x55, sizeof(inner));
	header(inner, "2001:db8:c::2", "2001:db8:1::10", 17, 60);
	for (i = 0; i <= RAW_FILTER_MAX; i++)
		many[i] = other;

	/* whole */
	send_tunnelled(pkt, ev->link.mac, NULL, inner, 100);
	ck_assert_int_eq(tunnel_wait(fd, got, sizeof(got), &t), 100);
	ck_assert_mem_eq(got, inner, 100);
	ck_assert_str_eq(ip6_str(&t.src), "2001:db8::9");
	ck_assert_str_eq(ip6_str(&t.dst), "2001:db8::1");
	ck_assert_uint_eq(t.ifindex, v0);
	ck_assert_uint_eq(t.tclass, 3);
	/* in fragments; longer than there is room */
	send_tunnelled(pkt, ev->link.mac, last, inner + 64, 36);
	send_tunnelled(pkt, ev->link.mac, first, inner, 64);
	ck_assert_int_eq(tunnel_wait(fd, got, sizeof(got), &t), 100);
	ck_assert_mem_eq(got, inner, 100);
	send_tunnelled(pkt, ev->link.mac, NULL, inner, 100);
	ck_assert_int_eq(tunnel_wait(fd, got, 99, &t), -EMSGSIZE);
	ck_assert_int_eq(raw_tunnel_read(fd, got, sizeof(got), &t), -EAGAIN);

	/* filters: in the last place of a full one, too; then more than fit */
	for (i = 0; i < 8; i++) {
		static const struct {
			enum raw_filter which;
			unsigned int n;
			bool ours, pass;
		} cases[] = {
			{ RAW_FILTER_INNER, 0, false, false },
			{ RAW_FILTER_INNER, RAW_FILTER_MAX - 1, false, false },
			{ RAW_FILTER_INNER, RAW_FILTER_MAX, false, true },
			{ RAW_FILTER_OUTER, RAW_FILTER_MAX, false, false },
			{ RAW_FILTER_OUTER, RAW_FILTER_MAX, true, true },
			{ RAW_FILTER_OUTER, 1, true, false },
			{ RAW_FILTER_INNER, RAW_FILTER_MAX + 1, true, true },
			{ RAW_FILTER_OUTER, RAW_FILTER_MAX + 1, false, true },
		};

		many[RAW_FILTER_MAX - 1] = cases[i].ours ? us : hoa;
		ck_assert_int_eq(raw_tunnel_filter(fd, cases[i].which, many,
						   cases[i].n), 0);
		send_tunnelled(pkt, ev->link.mac, last, inner + 64, 36);
		send_tunnelled(pkt, ev->link.mac, first, inner, 64);
		ck_assert_msg(readable(fd, cases[i].pass ? WAIT_MS : 100) ==
			      cases[i].pass, "case %u", i);
		raw_tunnel_read(fd, got, sizeof(got), &t);
	}
	rtnl_close(rtnl);
}
END_TEST

/* An error tells the packet from the tunnel's header on, and who sent it. */
START_TEST(test_raw_tunnel_error)
{
	int pkt = packet_open(), fd = raw_tunnel_open();
	struct rtnl *rtnl = open_rtnl();
	const struct rtnl_event *ev;
	struct raw_tunnel t;
	struct in6_addr dst = ip("2001:db8::7"), from;
	struct nd_error err = { ND_TYPE_PTB, 0, 1400 }, got_err;
	struct rtnl_path path;
	uint8_t tunnelled[140], out[1280], got[300];
	ssize_t n;

	run("ip -6 addr add 2001:db8::1/64 dev v0 nodad");
	rtnl_dump_links(rtnl);
	ev = find(RTNL_LINK, v0, NULL);
	memset(tunnelled, 0x55, sizeof(tunnelled));
	header(tunnelled, "2001:db8::1", "2001:db8::9", 41, 100);
	header(tunnelled + 40, "2001:db8:1::10", "2001:db8:c::2", 17, 60);
	/* from a router: of one's own it would be 2001:db8::9's word */
	n = nd_error_build(out, sizeof(out), &dst, &err, tunnelled, 140);
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(raw_tunnel_error(fd, got, sizeof(got), &got_err,
					  &from), -EAGAIN);
	ck_assert_int_eq(packet_send(pkt, v1, ev->link.mac, out, (size_t)n),
			 0);
	ck_assert(readable(fd, WAIT_MS));
	ck_assert_int_eq(raw_tunnel_error(fd, got, sizeof(got), &got_err,
					  &from), 140);
	ck_assert_mem_eq(got, tunnelled, 140);
	ck_assert_str_eq(ip6_str(&from), "2001:db8::7");
	ck_assert_uint_eq(got_err.type, 2);
	ck_assert_uint_eq(got_err.code, 0);
	ck_assert_uint_eq(got_err.param, 1400);
	ck_assert_int_eq(raw_tunnel_error(fd, got, sizeof(got), &got_err,
					  &from), -EAGAIN);
	ck_assert_int_eq(raw_tunnel_read(fd, got, sizeof(got), &t), -EAGAIN);
	/* RFC 2473 7.1: the kernel has noted it */
	dst = ip("2001:db8::9");
	ck_assert_int_eq(rtnl_path_get(rtnl, &dst, &path), 0);
	ck_assert_uint_eq(path.mtu, 1400);
	rtnl_close(rtnl);
}
END_TEST

/* By v1, with the hop limit of Neighbour Discovery. */
static void to_all(int fd, const uint8_t *msg, size_t len)
{
	const struct sockaddr_in6 to = {
		.sin6_family = AF_INET6, .sin6_addr = ip("ff02::1"),
		.sin6_scope_id = v1,
	};
	const int hops = 255;

	ck_assert_int_eq(setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS,
				    &hops, sizeof(hops)), 0);
	ck_assert_int_eq(sendto(fd, msg, len, 0, (const void *)&to,
				sizeof(to)), (ssize_t)len);
}

START_TEST(test_raw_ra)
{
	uint8_t ra[16] = { 134 }, ns[24] = { 135 }, mem[1500];
	struct in6_addr all = ip("ff02::1");
	int fd = raw_ra_open(), out = raw_ra_open();
	struct ip6_pkt pkt;
	uint32_t index;
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(raw_ra_join(fd, v0), 0);
	ck_assert_int_eq(raw_ra_join(fd, v0), 0);
	ck_assert_int_eq(raw_ra_read(fd, mem, sizeof(mem), &pkt, &index),
			 -EAGAIN);
	usleep(100000);		/* v1's link-local address */
	to_all(out, ns, sizeof(ns));	/* is no RA */
	to_all(out, ra, sizeof(ra));
	ck_assert(readable(fd, WAIT_MS));
	n = raw_ra_read(fd, mem, sizeof(mem), &pkt, &index);
	ck_assert_int_eq(n, sizeof(ra));
	ck_assert_uint_eq(index, v0);
	ck_assert_uint_eq(pkt.hop_limit, 255);
	ck_assert_uint_eq(pkt.proto, 58);
	ck_assert(pkt.upper == mem && pkt.upper_len == sizeof(ra));
	ck_assert(ip6_addr_eq(&pkt.dst, &all));
	ck_assert_uint_eq(pkt.src.s6_addr[0], 0xfe);
	ck_assert_uint_eq(mem[0], 134);
	ck_assert_uint_eq(ip6_checksum(&pkt.src, &pkt.dst, 58, mem, n), 0);
	to_all(out, ra, sizeof(ra));
	ck_assert(readable(fd, WAIT_MS));
	ck_assert_int_eq(raw_ra_read(fd, mem, 8, &pkt, &index), -EMSGSIZE);
}
END_TEST

/* dp, and with it priv */

static char folder[] = "/tmp/check_sys.XXXXXX";

/* Mounted in the test's own mount namespace: gone with it. */
static void make_folder(void)
{
	ck_assert_int_eq(mount("t", "/tmp", "tmpfs", 0, "mode=1777"), 0);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	chmod(folder, 0755);
	ck_assert_int_eq(mount("bpf", folder, "bpf", 0, NULL), 0);
}

static struct dp *open_dp(const char *name, bool want_took_over)
{
	struct dp_conf conf = { .role = DP_HA, .max_bindings = 4 };
	char path[64];
	struct dp *dp;
	bool took_over;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	conf.bpffs = path;
	ck_assert_int_eq(dp_open(&dp, &conf, &took_over), 0);
	ck_assert(took_over == want_took_over);
	ck_assert_int_eq(dp_complete(dp), 0);
	return dp;
}

static void count_each(void *arg, const struct in6_addr *hoa,
		       const struct dp_binding *b)
{
	(void)hoa;
	*(int *)arg += b->seq;
}

START_TEST(test_dp_maps)
{
	struct in6_addr hoa = ip("2001:db8::10");
	struct dp_binding b = { .seq = 1, .ifindex = v0 }, got;
	struct dp *dp, *other;
	uint64_t stats[DP_STAT__MAX];
	int i, sum = 0;

	make_folder();
	dp = open_dp("ha", false);
	other = open_dp("other", false);
	ck_assert_int_eq(dp_binding_get(dp, &hoa, &got), -ENOENT);
	for (i = 0; i < 4; i++, hoa.s6_addr[15]++)
		ck_assert_int_eq(dp_binding_set(dp, &hoa, &b), 0);
	ck_assert_int_eq(dp_binding_set(dp, &hoa, &b), -E2BIG);
	ck_assert_int_eq(dp_binding_each(dp, count_each, &sum), 0);
	ck_assert_int_eq(sum, 4);
	dp_close(dp);
	dp = open_dp("ha", true);
	hoa = ip("2001:db8::10");
	ck_assert_int_eq(dp_binding_get(dp, &hoa, &got), 0);
	ck_assert_int_eq(dp_binding_del(dp, &hoa), 0);
	ck_assert_int_eq(dp_binding_del(dp, &hoa), -ENOENT);
	ck_assert_int_eq(dp_binding_get(other, &hoa, &got), -ENOENT);
	ck_assert_int_eq(dp_addr_add(dp, &hoa), 0);
	ck_assert_int_eq(dp_addr_add(dp, &hoa), 0);
	dp_addr_clear(dp);
	ck_assert_int_eq(dp_addr_del(dp, &hoa), -ENOENT);
	ck_assert_int_eq(dp_spi_add(dp, 256), 0);
	dp_spi_clear(dp);
	ck_assert_int_eq(dp_spi_del(dp, 256), -ENOENT);
	ck_assert_int_eq(dp_stats(dp, stats), 0);
	for (i = 0; i < DP_STAT__MAX; i++)
		ck_assert_uint_eq(stats[i], 0);
	ck_assert_str_eq(dp_stat_str(DP_STAT_ENCAP), "encap");
	ck_assert_int_eq(dp_attach(dp, v0, true), 0);
	ck_assert_int_eq(dp_attach(dp, v0, true), 0);
	ck_assert_int_eq(dp_attach(dp, 9999, true), -ENXIO);
	dp_flush(other);
	dp_close(other);
	dp_flush(dp);
	dp_close(dp);
	ck_assert_ptr_null(strstr(output("tc qdisc"), "clsact"));
	dp_close(open_dp("ha", false));
}
END_TEST

/* What the programs count stays, whatever the daemon sets; and all that it
 * sets is there, be it a refresh, another care-of address or a tombstone. */
START_TEST(test_dp_set_again)
{
	const struct in6_addr hoa = ip("2001:db8::10");
	struct dp_binding b = {
		.remote = ip("2001:db8:1::1"), .local = ip("2001:db8::1"),
		.tx_packets = 5, .tx_bytes = 6, .rx_packets = 7, .rx_bytes = 8,
		.used = 9, .seq = 1 };
	struct dp_binding got, expected = b;
	struct dp *dp;
	int i;

	make_folder();
	dp = open_dp("ha", false);
	ck_assert_int_eq(dp_bindings_load(dp, &hoa, &b, 1), 0);
	b.tx_packets = b.tx_bytes = b.rx_packets = b.rx_bytes = b.used = 0;
	for (i = 0; i < 6; i++) {
		b.seq = expected.seq = i + 10;
		b.expires = expected.expires = i + 20;
		b.created = expected.created = i + 30;
		b.lifetime = expected.lifetime = i + 40;
		b.bu_flags = expected.bu_flags = i + 50;
		if (i == 2)
			b.remote = expected.remote = ip("2001:db8:2::1");
		if (i == 3)
			b.local = expected.local = ip("2001:db8::2");
		if (i == 4)
			b.flags = expected.flags = DP_BINDING_DELETED;
		if (i == 5)
			b.mtu = expected.mtu = 1400;
		ck_assert_int_eq(dp_binding_set(dp, &hoa, &b), 0);
		ck_assert_int_eq(dp_binding_get(dp, &hoa, &got), 0);
		ck_assert_mem_eq(&got, &expected, sizeof(got));
	}
	dp_flush(dp);
	dp_close(dp);
}
END_TEST

static void check_dropped(void)
{
	ck_assert_int_ne(geteuid(), 0);
	ck_assert_int_ne(getegid(), 0);
	ck_assert_int_eq(getgroups(0, NULL), 0);
	ck_assert_int_eq(open("/etc/shadow", O_RDONLY), -1);
	ck_assert_int_eq(errno, EACCES);
	ck_assert_int_eq(setuid(0), -1);
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	ck_assert_int_eq(prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_CAPBSET_READ, CAP_NET_ADMIN, 0, 0, 0), 1);
	ck_assert_int_eq(mount("t", "/tmp", "tmpfs", 0, NULL), -1);
}

/* What a daemon does all day works as nobody. */
START_TEST(test_priv)
{
	struct in6_addr hoa = ip("2001:db8::10");
	struct dp_binding b = { .ifindex = v0 };
	struct rtnl *rtnl = open_rtnl();
	struct sockdiag *sd;
	char path[64];
	const char *paths[] = { path, NULL };
	struct dp *dp;

	make_folder();
	dp = open_dp("ha", false);
	snprintf(path, sizeof(path), "%s/ha", folder);
	ck_assert_int_eq(priv_drop("no-such-user", NULL), -ENOENT);
	log_init("check_sys", LOG_LEVEL_ERR);
	ck_assert_int_eq(priv_drop("nobody", paths), 0);
	check_dropped();
	ck_assert_int_eq(dp_binding_set(dp, &hoa, &b), 0);
	ck_assert_int_eq(dp_attach(dp, v0, true), 0);
	ck_assert_int_eq(rtnl_addr_set(rtnl, v0, &hoa, 128, IFA_F_NODAD,
				       UINT32_MAX, 0), 0);
	ck_assert_int_eq(sysctl_ipv6_set("v0", "optimistic_dad", 1), 0);
	ck_assert_int_ge(raw_open(), 0);
	ck_assert_int_ge(packet_open(), 0);
	ck_assert_int_eq(sockdiag_open(&sd), 0);
	ck_assert_int_eq(sockdiag_each(sd, false, on_sock, NULL), 0);
	dp_flush(dp);
	dp_close(dp);
	ck_assert_ptr_null(strstr(output("tc qdisc"), "clsact"));
	ck_assert_int_eq(access(path, F_OK), -1);
	sockdiag_close(sd);
	rtnl_close(rtnl);
}
END_TEST

/* Without a user, root stays, with the few capabilities alone. */
START_TEST(test_priv_root)
{
	struct rtnl *rtnl = open_rtnl();
	const char *paths[] = { "/tmp/state", NULL };

	ck_assert_int_eq(mount("t", "/tmp", "tmpfs", 0, "mode=1777"), 0);
	/* a user's, of a start before */
	ck_assert_int_eq(mkdir(paths[0], 0700), 0);
	ck_assert_int_eq(chown(paths[0], 65534, 65534), 0);
	ck_assert_int_eq(priv_drop("", paths), 0);
	ck_assert_int_eq(mkdir("/tmp/state/new", 0700), 0);
	ck_assert_int_eq(geteuid(), 0);
	ck_assert_int_eq(mount("t", "/tmp", "tmpfs", 0, NULL), -1);
	ck_assert_int_eq(rtnl_link_up(rtnl, v0, 1300), 0);
	rtnl_close(rtnl);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sys");
	TCase *tc = tcase_create("kernel");
	SRunner *runner;
	int failed;

	if (geteuid()) {
		puts("check_sys: skipped: needs root");
		return SKIP;
	}
	if (access("/dev/net/tun", F_OK) && system("modprobe tun"))
		puts("check_sys: no TUN driver");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_rtnl_links);
	tcase_add_test(tc, test_rtnl_addrs);
	tcase_add_test(tc, test_rtnl_rules);
	tcase_add_test(tc, test_rtnl_table);
	tcase_add_test(tc, test_rtnl_gone);
	tcase_add_test(tc, test_rtnl_router_forget);
	tcase_add_test(tc, test_rtnl_routes);
	tcase_add_test(tc, test_rtnl_ra_routes);
	tcase_add_test(tc, test_rtnl_neigh_sysctl);
	tcase_add_test(tc, test_rtnl_neigh_failures);
	tcase_add_test(tc, test_rtnl_overrun);
	tcase_add_test(tc, test_sockdiag);
	tcase_add_test(tc, test_sockdiag_destroy);
	tcase_add_test(tc, test_tun);
	tcase_add_test(tc, test_raw_send);
	tcase_add_test(tc, test_raw_batch);
	tcase_add_test(tc, test_raw_hold);
	tcase_add_test(tc, test_raw_tunnel);
	tcase_add_test(tc, test_raw_tunnel_error);
	tcase_add_test(tc, test_raw_ra);
	tcase_add_test(tc, test_dp_maps);
	tcase_add_test(tc, test_dp_set_again);
	tcase_add_test(tc, test_priv);
	tcase_add_test(tc, test_priv_root);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
