/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/kern.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/neighbour.h>
#include <net/if_arp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/count.h"
#include "core/ctl.h"
#include "core/log.h"
#include "ha/restore.h"
#include "ha/slow.h"
#include "ha/wire.h"
#include "sys/raw.h"

enum {
	DUMP_DELAY = 200,	/* ms */
	NEIGH_DELAY = 50,	/* ms */
	SPARE_BINDINGS = 1024,	/* room for tombstones, at least */
	MAP_SIZE_MAX = 1 << 28,
};

/* Interfaces. */

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

/* A packet out of a tunnel is the stack's to forward, if it may. */
static void check_forwarding(const struct kern_iface *iface)
{
	char path[64 + IFNAMSIZ];
	int value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding",
		 iface->name);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fscanf(f, "%d", &value) == 1 && !value)
		log_warn("interface %s does not forward: set "
			 "net.ipv6.conf.all.forwarding=1", iface->name);
	fclose(f);
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
	iface->link = conf_link(k->conf, iface->name);
	if (!iface->attached && iface_wanted(k, iface, ev))
		iface_attach(k, iface);
	if (iface->attached && iface->link >= 0 && !iface->allmulti)
		iface_allmulti(k, iface);
	if (iface->attached && changed)
		iface_xdp(k, iface);
}

static void on_addr(struct kern *k, const struct rtnl_event *ev)
{
	struct kern_iface *iface = kern_iface_find(k, ev->ifindex);
	const struct in6_addr none = IN6ADDR_ANY_INIT;
	bool gone = ev->type == RTNL_ADDR_GONE;
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
}

/* Events were lost: all is told again, a moment later than the burst. */
static void dump_on_timer(struct timer *timer, mtime now)
{
	struct kern *k = (struct kern *)
		((char *)timer - offsetof(struct kern, dump_timer));

	(void)now;
	rtnl_dump_links(k->rtnl);
	rtnl_dump_addrs(k->rtnl);
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
	case RTNL_ROUTE:
	case RTNL_ROUTE_GONE:
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

static void on_tunnel_fd(void *arg)
{
	struct kern *k = arg;

	if (slow_read(k))
		dp_routes_changed(k->dp);
}

/* The binding cache's verbs; those that send are wire.c's. */

struct dp_binding kern_to_dp(const struct binding_reg *reg)
{
	return (struct dp_binding){
		.local = reg->ha,
		.remote = reg->coa,
		.expires = (uint64_t)reg->expires.ns,
		.created = (uint64_t)reg->created.ns,
		.seq = reg->seq,
		.bu_flags = reg->flags,
		.lifetime = reg->lifetime,
	};
}

static int op_intercept(void *arg, const struct binding *b)
{
	struct kern *k = arg;
	struct dp_binding d = kern_to_dp(&b->reg);
	int err = dp_binding_set(k->dp, &b->hoa, &d);

	if (err < 0)
		log_err("binding HoA %s CoA %s HA %s: data plane: %s",
			ip6_str(&b->hoa), ip6_str(&b->reg.coa),
			ip6_str(&b->reg.ha), strerror(-err));
	else
		journal_put(k->journal, b);
	return err;
}

static void op_forget(void *arg, const struct binding *b)
{
	struct kern *k = arg;
	int err = dp_binding_del(k->dp, &b->hoa);

	if (err < 0 && err != -ENOENT)
		log_err("binding HoA %s: data plane: %s", ip6_str(&b->hoa),
			strerror(-err));
}

/* We answered for the HoA towards ourselves as well: no more. */
static void neighbour_is_back(struct kern *k, const struct binding *b)
{
	rtnl_neigh_set(k->rtnl, k->rec->ifindex, &b->hoa, k->rec->mac,
		       NUD_STALE, false);
}

static void op_release(void *arg, const struct binding *b)
{
	struct kern *k = arg;
	struct dp_binding d = kern_to_dp(&b->reg);

	d.flags = DP_BINDING_DELETED;
	if (dp_binding_set(k->dp, &b->hoa, &d) < 0)
		op_forget(k, b);	/* better than to go on with it */
	journal_end(k->journal, b);
	if (ip6_addr_eq(&k->bu->src, &b->hoa) &&
	    wire_from_home_link(k, &b->hoa))
		neighbour_is_back(k, b);
}

static enum count_event state_event(enum binding_state old,
				    enum binding_state state)
{
	switch (state) {
	case BINDING_BOUND:
		return old == BINDING_BOUND ? COUNT_BINDING_REFRESHED :
		       COUNT_BINDING_CREATED;
	case BINDING_DELETED:
		return COUNT_BINDING_DELETED;
	case BINDING_GONE:
		return old == BINDING_BOUND ? COUNT_BINDING_EXPIRED :
		       COUNT__MAX;
	case BINDING_NEW:
		break;
	}
	return COUNT__MAX;
}

static void state_events(struct kern *k, const struct binding *b,
			 bool expired)
{
	ctl_event(k->ctl, ctl_ev("binding", "hoa", ip6_str(&b->hoa), "coa",
				 ip6_str(&b->reg.coa), "state",
				 binding_state_str(b->state), (char *)NULL));
	if (expired)
		ctl_event(k->ctl, ctl_ev("expired", "hoa", ip6_str(&b->hoa),
					 (char *)NULL));
}

/* Neither a host that refreshes nor many at once fill the log. */
static void log_state(struct kern *k, const struct binding *b,
		      enum binding_state old)
{
	bool refreshed = old == b->state;
	enum log_level level = refreshed ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;

	if (!log_wanted(level) ||
	    (!refreshed && !count_may_log(&k->states_told)))
		return;
	log_write(level, "binding HoA %s CoA %s HA %s: %s -> %s, seq %u, %u s%s",
		  ip6_str(&b->hoa), ip6_str(&b->reg.coa), ip6_str(&b->reg.ha),
		  binding_state_str(old), binding_state_str(b->state),
		  b->reg.seq, b->reg.lifetime,
		  refreshed ? "" : count_left_out(&k->states_told));
}

static void op_state(void *arg, const struct binding *b,
		     enum binding_state old)
{
	struct kern *k = arg;
	enum count_event event = state_event(old, b->state);

	log_state(k, b, old);
	if (event < COUNT__MAX)
		count(event);
	if (b->state != BINDING_BOUND)
		keying_unbound(&k->keying, &b->hoa);
	if (ctl_heard(k->ctl))
		state_events(k, b, event == COUNT_BINDING_EXPIRED);
}

static const struct bcache_ops ops = {
	.send_ba = wire_send_ba,
	.intercept = op_intercept,
	.release = op_release,
	.forget = op_forget,
	.advertise = wire_advertise,
	.state = op_state,
};

static void on_ring_fd(void *arg)
{
	struct kern *k = arg;

	wire_begin(k);
	dp_ring_read(k->dp, wire_on_record, k);
	wire_end(k);
}

/* A power of two: the map survives a restart with a limit that is a little
 * different. */
static uint32_t map_size(uint32_t max_bindings)
{
	uint64_t want = max_bindings + (uint64_t)max_bindings / 32 +
			SPARE_BINDINGS;
	uint32_t size = 1;

	while (size < want && size < MAP_SIZE_MAX)
		size *= 2;
	return size;
}

/* Security associations. */

static int sas_load(struct sadb **out, struct store *store,
		    const struct ha_conf *conf)
{
	struct sadb *sadb;
	size_t i;
	int err = sadb_new(&sadb, store);

	if (err < 0)
		return err;
	for (i = 0; i < conf->n_sas && !err; i++)
		err = sadb_add(sadb, conf->sas[i],
			       ha_conf_has_addr(conf, &conf->sas[i]->dst));
	if (err < 0) {
		sadb_free(sadb);
		return err;
	}
	sadb_sync(sadb);
	*out = sadb;
	return 0;
}

static void spi_add(void *arg, struct sadb_sa *sa)
{
	struct kern *k = arg;
	int err = sa->inbound ? dp_spi_add(k->dp, sa->conf.spi) : 0;

	if (err < 0)
		log_err("SA %s: data plane: %s", sa->conf.name,
			strerror(-err));
}

/* Of an SA of before: arg has the new ones already. */
static void spi_del(void *arg, struct sadb_sa *sa)
{
	struct kern *k = arg;

	if (sa->inbound && !sadb_in(k->sadb, sa->conf.spi))
		dp_spi_del(k->dp, sa->conf.spi);
}

static int sas_reload(struct kern *k, struct ha_conf *conf)
{
	struct sadb *old = k->sadb, *fresh;
	int err;

	if (ha_conf_same_sas(k->conf, conf))
		return 0;
	err = sas_load(&fresh, k->store, conf);
	if (err < 0)
		return err;
	sadb_take_seen(fresh, old);
	k->sadb = fresh;
	keying_set_sadb(&k->keying, fresh);
	sadb_each(old, spi_del, k);
	sadb_each(fresh, spi_add, k);
	sadb_free(old);
	log_info("security associations: %zu before, %zu now", k->conf->n_sas,
		 conf->n_sas);
	return 0;
}

/* The data plane's maps have at least as much room as the cache. */
static void limits_reload(struct kern *k, const struct ha_conf *conf)
{
	if (bcache_limits(&k->bcache, conf->max_bindings,
			  (uint32_t)mtime_sec(conf->max_lifetime)) < 0)
		log_warn("max-bindings has grown to %u: there is room for %u "
			 "before a restart", conf->max_bindings,
			 bcache_room(&k->bcache));
	k->conf->max_bindings = k->bcache.conf.max_bindings;
	k->conf->max_lifetime = conf->max_lifetime;
}

int kern_reload(struct kern *k, struct ha_conf *conf)
{
	const char *fixed = ha_conf_fixed_diff(k->conf, conf);
	struct sadb_conf **sas = k->conf->sas;
	size_t n_sas = k->conf->n_sas;
	int err = sas_reload(k, conf);

	if (err < 0)
		return err;
	if (fixed)
		log_warn("%s has changed: that takes a restart", fixed);
	k->conf->sas = conf->sas;
	k->conf->n_sas = conf->n_sas;
	conf->sas = sas;
	conf->n_sas = n_sas;
	limits_reload(k, conf);
	keying_reload(&k->keying, conf);
	return 0;
}

/* Starting and stopping. */

struct dp_conf kern_dp_conf(const struct ha_conf *conf)
{
	return (struct dp_conf){
		.role = DP_HA,
		.xdp = conf->xdp,
		.bpffs = conf->bpffs,
		.max_bindings = map_size(conf->max_bindings),
	};
}

static int cache_start(struct kern *k)
{
	const struct ha_conf *conf = k->conf;
	struct bcache_conf bc = {
		.max_bindings = conf->max_bindings,
		.max_lifetime = (uint32_t)mtime_sec(conf->max_lifetime),
		.addrs = conf->addrs.v,
		.n_addrs = conf->addrs.n,
	};
	size_t i, j, n = 0;
	int err;

	for (i = 0; i < conf->n_links; i++)
		n += conf->links[i].prefixes.n;
	k->prefixes = calloc(n + 1, sizeof(*k->prefixes));
	if (!k->prefixes)
		return -ENOMEM;
	for (i = 0; i < conf->n_links; i++)
		for (j = 0; j < conf->links[i].prefixes.n; j++)
			k->prefixes[bc.n_prefixes++] = (struct bcache_prefix){
				conf->links[i].prefixes.v[j], (uint16_t)i };
	bc.prefixes = k->prefixes;
	err = bcache_init(&k->bcache, &ops, k, &k->loop->timers, &bc);
	if (!n)
		log_warn("no [link]: no home address can be served");
	return err;
}

static int homes_set(struct kern *k)
{
	size_t i, n = k->bcache.conf.n_prefixes;
	struct ip6_prefix *homes = calloc(n + 1, sizeof(*homes));
	int err;

	if (!homes)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		homes[i] = k->prefixes[i].prefix;
	err = dp_homes_set(k->dp, homes, n);
	free(homes);
	return err;
}

static int dp_start(struct kern *k)
{
	struct dp_conf conf = kern_dp_conf(k->conf);
	bool took_over;
	size_t i;
	int err = dp_open(&k->dp, &conf, &took_over);

	if (err < 0)
		return err;
	err = restore(k, took_over);
	for (i = 0; i < k->conf->addrs.n && !err; i++)
		err = dp_addr_add(k->dp, &k->conf->addrs.v[i]);
	if (err < 0)
		return err;
	err = homes_set(k);
	if (err < 0)
		return err;
	sadb_each(k->sadb, spi_add, k);
	dp_sweep(k->dp);
	return loop_fd_add(k->loop, &k->ring_lf, dp_ring_fd(k->dp),
			   on_ring_fd, k);
}

static int sockets_start(struct kern *k)
{
	static const int protocols[KERN_HOLDS] = {
		IP6_PROTO_IPV6, IP6_PROTO_ESP, IP6_PROTO_MH };
	int i, err, on = 1;

	k->raw_fd = raw_open();
	if (k->raw_fd < 0)
		return k->raw_fd;
	err = wire_open(k);
	if (err < 0)
		return err;
	k->packet_fd = packet_open();
	if (k->packet_fd < 0)
		return k->packet_fd;
	/* Past our own program at egress: what is sent to an HoA by this
	 * socket is for the host itself, at home, not for the tunnel. */
	if (setsockopt(k->packet_fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on,
		       sizeof(on)))
		return -errno;
	for (i = 0; i < KERN_HOLDS; i++) {
		k->holds[i] = protocols[i] == IP6_PROTO_IPV6 ?
			raw_tunnel_open() : raw_hold(protocols[i]);
		if (k->holds[i] < 0)
			return k->holds[i];
	}
	/* Other tunnels may end at the router's other addresses. */
	err = raw_tunnel_filter(k->holds[0], RAW_FILTER_OUTER,
				k->conf->addrs.v,
				(unsigned int)k->conf->addrs.n);
	if (!err)
		err = loop_fd_add(k->loop, &k->tunnel_lf, k->holds[0],
				  on_tunnel_fd, k);
	return err;
}

static int rtnl_start(struct kern *k)
{
	int err = rtnl_open(&k->rtnl, on_rtnl, k);

	if (!err)
		err = loop_fd_add(k->loop, &k->rtnl_lf,
				  rtnl_event_fd(k->rtnl), on_rtnl_fd, k);
	if (!err)
		err = rtnl_dump_links(k->rtnl);
	if (!err)
		err = rtnl_dump_addrs(k->rtnl);
	return err;
}

static void sync_on_timer(struct timer *timer, mtime now)
{
	struct kern *k = (struct kern *)
		((char *)timer - offsetof(struct kern, sync_timer));

	(void)now;
	sadb_sync(k->sadb);
}

static int start_step(int err, const char *what)
{
	if (err < 0)
		log_err("%s: %s", what, strerror(-err));
	return err;
}

int kern_start(struct kern *k, struct loop *loop, struct ha_conf *conf,
	       struct store *store, struct ctl *ctl)
{
	int err, i;

	*k = (struct kern){
		.loop = loop,
		.conf = conf,
		.store = store,
		.ctl = ctl,
		.raw_fd = -1,
		.packet_fd = -1,
		.dump_timer.fn = dump_on_timer,
		.routes_timer.fn = routes_on_timer,
		.sync_timer.fn = sync_on_timer,
	};
	for (i = 0; i < KERN_HOLDS; i++)
		k->holds[i] = -1;
	randombytes_buf(k->errors_key, sizeof(k->errors_key));
	err = start_step(sas_load(&k->sadb, store, conf),
			 "security associations");
	if (!err)
		err = start_step(cache_start(k), "binding cache");
	if (!err)
		err = start_step(sockets_start(k), "sockets");
	if (!err)
		err = start_step(dp_start(k), "data plane");
	if (!err)
		err = start_step(rtnl_start(k), "rtnetlink");
	if (!err)
		err = start_step(keying_open(&k->keying, k), "keying");
	if (!err)
		err = start_step(dp_complete(k->dp), "data plane");
	return err;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void kern_stop(struct kern *k)
{
	int i;

	keying_close(&k->keying);
	timers_del(&k->loop->timers, &k->dump_timer);
	timers_del(&k->loop->timers, &k->routes_timer);
	timers_del(&k->loop->timers, &k->sync_timer);
	journal_close(k->journal);
	bcache_fini(&k->bcache);
	free(k->prefixes);
	loop_fd_del(&k->ring_lf);
	loop_fd_del(&k->rtnl_lf);
	loop_fd_del(&k->tunnel_lf);
	if (k->rtnl)
		rtnl_close(k->rtnl);
	if (k->dp)
		dp_close(k->dp);
	sadb_free(k->sadb);
	while (k->ifaces) {
		struct kern_iface *next = k->ifaces->next;

		free(k->ifaces);
		k->ifaces = next;
	}
	wire_close(k);
	close_fd(k->raw_fd);
	close_fd(k->packet_fd);
	for (i = 0; i < KERN_HOLDS; i++)
		close_fd(k->holds[i]);
}
