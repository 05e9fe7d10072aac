/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/ifaces.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "ha/advert.h"
#include "ha/discover.h"
#include "ha/hostlink.h"
#include "ha/kern.h"
#include "ha/proxy.h"
#include "sys/raw.h"

enum {
	DUMP_DELAY = 200,	/* ms */
	NEIGH_DELAY = 50,	/* ms */
};

struct kern_iface *kern_iface_find(struct kern *k, uint32_t ifindex)
{
	struct kern_iface *iface;

	for (iface = k->ifaces; iface; iface = iface->next)
		if (iface->ifindex == ifindex)
			return iface;
	return NULL;
}

static struct kern_iface *iface_get(struct kern *k, uint32_t ifindex)
{
	struct kern_iface *iface = kern_iface_find(k, ifindex);

	if (iface)
		return iface;
	iface = calloc(1, sizeof(*iface));
	if (!iface)
		return NULL;
	iface->ifindex = ifindex;
	iface->link = -1;
	iface->next = k->ifaces;
	k->ifaces = iface;
	return iface;
}

static void iface_del(struct kern *k, uint32_t ifindex)
{
	struct kern_iface **at, *iface;

	for (at = &k->ifaces; (iface = *at); at = &iface->next) {
		if (iface->ifindex != ifindex)
			continue;
		log_info("interface %s has gone", iface->name);
		dp_gone(k->dp, ifindex);
		hostlink_iface(k, iface, false);
		discover_gone(k, iface);
		advert_free(iface);
		proxy_iface(k, iface, true);
		*at = iface->next;
		free(iface);
		return;
	}
}

static int conf_link(const struct ha_conf *conf, const char *name)
{
	size_t i;

	for (i = 0; i < conf->n_links; i++)
		if (!strcmp(conf->links[i].name, name))
			return (int)i;
	return -1;
}

static bool conf_listed(const struct ha_conf *conf, const char *name)
{
	size_t i;

	for (i = 0; i < conf->ifnames.n; i++)
		if (!strcmp(conf->ifnames.v[i].name, name))
			return true;
	return false;
}

/* The data plane goes to home links, and to what is listed or, without a
 * list, everywhere. It knows Ethernet alone. */
static bool iface_wanted(const struct kern *k, const struct kern_iface *iface,
			 const struct rtnl_event *ev)
{
	bool listed = conf_listed(k->conf, iface->name);

	if (ev->link.arptype != ARPHRD_ETHER || ev->link.flags & IFF_LOOPBACK) {
		if (listed || iface->link >= 0)
			log_warn("interface %s is not Ethernet: left alone",
				 iface->name);
		return false;
	}
	return listed || iface->link >= 0 || !k->conf->ifnames.n;
}

bool kern_forwards(const struct kern_iface *iface)
{
	char path[64 + IFNAMSIZ];
	int value = 1;		/* where it cannot be known */
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding",
		 iface->name);
	f = fopen(path, "re");
	if (!f)
		return true;
	if (fscanf(f, "%d", &value) != 1)
		value = 1;
	fclose(f);
	return value;
}

/* A packet out of a tunnel is the stack's to forward, if it may. */
static void check_forwarding(const struct kern_iface *iface)
{
	if (!kern_forwards(iface))
		log_warn("interface %s does not forward: set "
			 "net.ipv6.conf.all.forwarding=1", iface->name);
}

/* By XDP as well, if it can be. */
static void iface_xdp(struct kern *k, struct kern_iface *iface)
{
	int err = iface->has_mac ? dp_attach_xdp(k->dp, iface->ifindex,
						 iface->mac) : -EOPNOTSUPP;

	if (iface->xdp != !err)
		log_info("interface %s: %s", iface->name, err ?
			 "no longer by XDP" : "by XDP, in the driver");
	else if (err == -EPERM)
		log_err("interface %s: there is an XDP program that may not be "
			"looked at; an older one of ours, it would tunnel to "
			"where hosts were", iface->name);
	else if (err && err != -EOPNOTSUPP)
		log_info("interface %s: not by XDP: %s", iface->name,
			 strerror(-err));
	iface->xdp = !err;
}

static void iface_attach(struct kern *k, struct kern_iface *iface)
{
	int err = dp_attach(k->dp, iface->ifindex, iface->link >= 0);

	if (err < 0) {
		log_err("interface %s: data plane is not attached: %s",
			iface->name, strerror(-err));
		return;
	}
	iface->attached = true;
	proxy_iface(k, iface, false);
	log_info("interface %s: data plane is attached%s", iface->name,
		 iface->link >= 0 ? ", home link" : "");
	check_forwarding(iface);
}

/* Solicitations for bound HoAs come to groups that nobody joined. */
static void iface_allmulti(struct kern *k, struct kern_iface *iface)
{
	int err = packet_allmulti(k->packet_fd, iface->ifindex);

	if (err < 0)
		log_err("home link %s: all-multicast: %s", iface->name,
			strerror(-err));
	iface->allmulti = !err;
}

static void on_link(struct kern *k, const struct rtnl_event *ev)
{
	struct kern_iface *iface = iface_get(k, ev->ifindex);
	bool up, changed;

	if (!iface)
		return;
	up = ev->link.flags & IFF_RUNNING;
	changed = iface->has_mac != ev->link.has_mac || (up && !iface->up) ||
		  memcmp(iface->mac, ev->link.mac, sizeof(iface->mac));
	memcpy(iface->name, ev->link.name, sizeof(iface->name));
	memcpy(iface->mac, ev->link.mac, sizeof(iface->mac));
	iface->has_mac = ev->link.has_mac;
	iface->up = up;
	iface->has_xdp = ev->link.has_xdp;
	iface->link = conf_link(k->conf, iface->name);
	if (!iface->attached && iface_wanted(k, iface, ev))
		iface_attach(k, iface);
	if (iface->attached && iface->link >= 0 && !iface->allmulti)
		iface_allmulti(k, iface);
	if (iface->attached && changed)
		iface_xdp(k, iface);
	else if (iface->xdp && !iface->has_xdp)
		repair_xdp_gone(k);
	discover_iface(k, iface, ev->link.flags & IFF_UP);
	advert_iface(k, iface);
}

static void on_addr(struct kern *k, const struct rtnl_event *ev)
{
	struct kern_iface *iface = kern_iface_find(k, ev->ifindex);
	const struct in6_addr none = IN6ADDR_ANY_INIT;
	/* RFC 4862 5.4: nor is one ours that may be another's */
	bool gone = ev->type == RTNL_ADDR_GONE ||
		    ev->addr.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED);
	struct in6_addr *slot;

	if (!iface)
		return;
	if (IN6_IS_ADDR_LINKLOCAL(&ev->addr.addr))
		slot = &iface->lladdr;
	else if (ha_conf_has_addr(k->conf, &ev->addr.addr))
		slot = &iface->ha;
	else
		return;
	if (!gone)
		*slot = ev->addr.addr;
	else if (ip6_addr_eq(slot, &ev->addr.addr))
		*slot = none;
	advert_iface(k, iface);
}

/* Events were lost: all is told again, a moment later than the burst. */
static void dump_on_timer(struct timer *timer, mtime now)
{
	struct kern *k = (struct kern *)
		((char *)timer - offsetof(struct kern, dump_timer));

	(void)now;
	rtnl_dump_links(k->rtnl);
	rtnl_dump_addrs(k->rtnl);
	repair_all(k);
}

static void routes_on_timer(struct timer *timer, mtime now)
{
	struct kern *k = (struct kern *)
		((char *)timer - offsetof(struct kern, routes_timer));

	(void)now;
	dp_routes_changed(k->dp);
}

static void on_rtnl(void *arg, const struct rtnl_event *ev)
{
	struct kern *k = arg;

	hostlink_on_rtnl(k, ev);
	switch (ev->type) {
	case RTNL_LINK:
		on_link(k, ev);
		break;
	case RTNL_LINK_GONE:
		iface_del(k, ev->ifindex);
		break;
	case RTNL_ADDR:
	case RTNL_ADDR_GONE:
		on_addr(k, ev);
		break;
	case RTNL_OVERRUN:
		if (!timer_armed(&k->dump_timer))
			timers_set(&k->loop->timers, &k->dump_timer,
				   mtime_add(loop_now(),
					     MTIME_MS(DUMP_DELAY)));
		break;
	case RTNL_NEIGH:
		/* they come and go all the time; one look for many */
		if (!timer_armed(&k->routes_timer))
			timers_set(&k->loop->timers, &k->routes_timer,
				   mtime_add(loop_now(),
					     MTIME_MS(NEIGH_DELAY)));
		return;
	case RTNL_FILTER_GONE:
		repair_filter_gone(k, ev->ifindex);
		return;
	case RTNL_ROUTE:
	case RTNL_ROUTE_GONE:
	case RTNL_RULE_GONE:
	case RTNL_ROUTING:
		break;
	}
	dp_routes_changed(k->dp);
}

static void on_rtnl_fd(void *arg)
{
	struct kern *k = arg;

	rtnl_read_events(k->rtnl);
}

void ifaces_init(struct kern *k)
{
	k->dump_timer.fn = dump_on_timer;
	k->routes_timer.fn = routes_on_timer;
}

int ifaces_start(struct kern *k)
{
	int err = rtnl_open(&k->rtnl, on_rtnl, k);

	if (!err)
		err = loop_fd_add(k->loop, &k->rtnl_lf,
				  rtnl_event_fd(k->rtnl), on_rtnl_fd, k);
	/* before the interfaces come */
	if (!err)
		err = hostlink_start(k);
	if (!err)
		err = rtnl_dump_links(k->rtnl);
	if (!err)
		err = rtnl_dump_addrs(k->rtnl);
	if (!err && k->hostlinks)
		err = rtnl_dump_routes(k->rtnl);
	return err;
}

void ifaces_stop(struct kern *k)
{
	timers_del(&k->loop->timers, &k->dump_timer);
	timers_del(&k->loop->timers, &k->routes_timer);
	while (k->ifaces) {
		struct kern_iface *next = k->ifaces->next;

		advert_free(k->ifaces);
		free(k->ifaces);
		k->ifaces = next;
	}
}
