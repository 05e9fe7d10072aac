/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/kern.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "ha/advert.h"
#include "ha/discover.h"
#include "ha/hostlink.h"
#include "ha/ifaces.h"
#include "ha/intercept.h"
#include "ha/nemo.h"
#include "ha/prefixes.h"
#include "ha/probe.h"
#include "ha/restore.h"
#include "ha/several.h"
#include "ha/slow.h"
#include "ha/wire.h"
#include "sys/raw.h"

enum {
	SPARE_BINDINGS = 1024,	/* room for tombstones, at least */
	MAP_SIZE_MAX = 1 << 28,
};

static void on_tunnel_fd(void *arg)
{
	struct kern *k = arg;

	if (slow_read(k))
		dp_routes_changed(k->dp);
}

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
	k->conf->brr = k->bcache.conf.brr = conf->brr;
	several_reload(k, conf);
}

/* Without configured lifetimes: for ever. */
static uint32_t lifetime(const struct ha_link *link, mtime t)
{
	int64_t s = mtime_sec(t);

	return link->prefix_valid.ns && s < BCACHE_FOR_EVER ? (uint32_t)s :
							      BCACHE_FOR_EVER;
}

/* RFC 6275 10.3.1: no binding is granted for longer than that. */
static void lifetimes_set(struct kern *k, const struct bcache_conf *bc,
			  size_t n)
{
	const struct ha_link *link = &k->conf->links[n];
	size_t i;

	for (i = 0; i < bc->n_prefixes; i++) {
		if (k->prefixes[i].link != n)
			continue;
		k->prefixes[i].valid = lifetime(link, link->prefix_valid);
		k->prefixes[i].preferred =
			lifetime(link, link->prefix_preferred);
	}
}

/* What may change of a link: how it is advertised, here and to who is away. */
static void links_reload(struct kern *k, const struct ha_conf *conf)
{
	bool changed = false;
	size_t i;

	for (i = 0; i < conf->n_links; i++) {
		if (!ha_conf_link_reload(&k->conf->links[i], &conf->links[i]))
			continue;
		log_info("home link %s: lifetimes of its prefixes have changed",
			 conf->links[i].name);
		lifetimes_set(k, &k->bcache.conf, i);
		prefixes_changed(k, i);
		changed = true;
	}
	if (changed) {
		several_cut(k);
		bcache_cut(&k->bcache, loop_now());
	}
	advert_reload(k);
	discover_reload(k);
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
	recall_reload(&k->recall, conf);
	k->conf->prefix_advertisements = conf->prefix_advertisements;
	k->conf->prefix_adv_min = conf->prefix_adv_min;
	k->conf->prefix_adv_max = conf->prefix_adv_max;
	prefixes_reload(k);
	if (ha_conf_same_links(k->conf, conf))
		links_reload(k, conf);
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
		.brr = conf->brr,
	};
	size_t i, j, n = 0;
	int err;

	for (i = 0; i < conf->n_links; i++)
		n += conf->links[i].prefixes.n + 1;
	k->prefixes = calloc(n + 1, sizeof(*k->prefixes));
	k->links_changed = calloc(conf->n_links + 1,
				  sizeof(*k->links_changed));
	if (!k->prefixes || !k->links_changed)
		return -ENOMEM;
	for (i = 0; i < conf->n_links; i++) {
		const struct ha_link *link = &conf->links[i];

		for (j = 0; j < link->prefixes.n; j++)
			k->prefixes[bc.n_prefixes++] = (struct bcache_prefix){
				link->prefixes.v[j], (uint16_t)i, 0, 0 };
		if (link->host_prefixes.len)
			k->prefixes[bc.n_prefixes++] = (struct bcache_prefix){
				link->host_prefixes, (uint16_t)i, 0, 0 };
		lifetimes_set(k, &bc, i);
	}
	bc.prefixes = k->prefixes;
	err = bcache_init(&k->bcache, &intercept_ops, k, &k->loop->timers, &bc);
	if (!n)
		log_warn("no [link]: no home address can be served");
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
	err = several_open(k);
	if (!err)
		err = restore(k, took_over);
	if (!err)
		err = several_start(k);
	if (!err)
		err = nemo_start(k);
	for (i = 0; i < k->conf->addrs.n && !err; i++)
		err = dp_addr_add(k->dp, &k->conf->addrs.v[i]);
	if (err < 0)
		return err;
	err = intercept_homes(k);
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
	if (!err)
		err = probe_open(k);
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
		.sync_timer.fn = sync_on_timer,
	};
	ifaces_init(k);
	repair_init(k);
	for (i = 0; i < KERN_HOLDS; i++)
		k->holds[i] = -1;
	randombytes_buf(k->errors_key, sizeof(k->errors_key));
	prefixes_open(k);
	err = start_step(sas_load(&k->sadb, store, conf),
			 "security associations");
	if (!err)
		err = start_step(cache_start(k), "binding cache");
	if (!err)
		err = start_step(sockets_start(k), "sockets");
	if (!err)
		err = start_step(dp_start(k), "data plane");
	if (!err)
		recall_open(&k->recall, k, k->lost);
	if (!err)
		err = start_step(discover_open(k), "discovery");
	if (!err)
		err = start_step(ifaces_start(k), "rtnetlink");
	if (!err)
		err = start_step(keying_open(&k->keying, k), "keying");
	if (!err)
		err = start_step(dp_complete(k->dp), "data plane");
	if (!err)
		repair_start(k);
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

	recall_close(&k->recall);
	keying_close(&k->keying);
	hostlink_stop(k);
	nemo_stop(k);
	probe_close(k);
	timers_del(&k->loop->timers, &k->sync_timer);
	repair_stop(k);
	figures_close(k);
	prefixes_close(k);
	discover_close(k);
	journal_close(k->journal);
	several_stop(k);
	bcache_fini(&k->bcache);
	free(k->prefixes);
	free(k->links_changed);
	loop_fd_del(&k->ring_lf);
	loop_fd_del(&k->rtnl_lf);
	loop_fd_del(&k->tunnel_lf);
	if (k->rtnl)
		rtnl_close(k->rtnl);
	if (k->dp)
		dp_close(k->dp);
	sadb_free(k->sadb);
	ifaces_stop(k);
	wire_close(k);
	close_fd(k->raw_fd);
	close_fd(k->packet_fd);
	for (i = 0; i < KERN_HOLDS; i++)
		close_fd(k->holds[i]);
}
