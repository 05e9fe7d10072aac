/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's start and end, and what is left of it after that. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/flows.h"
#include "mn/mn.h"
#include "mn/testpath.h"
#include "sys/priv.h"
#include "sys/raw.h"
#include "sys/tun.h"

/* How long kedgectl flush waits for the home agents' answers. */
static const mtime FLUSH_WAIT = {3000000000};

static void on_fixed(struct timer *timer, mtime now)
{
	(void)now;
	hoa_fixed_check((struct mn *)((char *)timer -
				      offsetof(struct mn, fixed)));
}

static void on_sync(struct timer *timer, mtime now)
{
	struct mn *mn = (struct mn *)((char *)timer -
				      offsetof(struct mn, sync));

	(void)now;
	sadb_sync(mn->sadb);
}

/* ---- start */

static int open_tun(struct mn *mn)
{
	uint32_t mtu = 1500;
	unsigned int k;
	int err;

	if (mn->tun_ifindex)
		mn->tun_fd = tun_open_again(mn->conf.tun, mn->tun_ifindex);
	else
		mn->tun_fd = tun_open(mn->conf.tun, &mn->tun_ifindex);
	if (mn->tun_fd < 0) {
		log_err("%s: %s%s", mn->conf.tun, strerror(-mn->tun_fd),
			mn->tun_fd == -EBUSY ?
			" (is another kedge-mn running?)" : "");
		return mn->tun_fd;
	}
	for (k = 0; k < mn->conf.n_ifaces; k++)
		if (mn->ifaces[k].mtu && mn->ifaces[k].mtu < mtu)
			mtu = mn->ifaces[k].mtu;
	sysctl_ipv6_set(mn->conf.tun, "addr_gen_mode", 1);
	sysctl_ipv6_set(mn->conf.tun, "accept_ra", 0);
	err = rtnl_link_up(mn->rtnl, mn->tun_ifindex, mtu - IP6_HDR_LEN);
	if (!err)
		err = rtnl_default_set(mn->rtnl, mn->tun_ifindex,
				       mn->conf.table, mn->conf.protocol, 0);
	if (err)
		log_err("%s: %s", mn->conf.tun, strerror(-err));
	return err;
}

int mn_tun_again(struct mn *mn)
{
	int err;

	loop_fd_del(&mn->on_tun);
	close(mn->tun_fd);
	/* with the index that the programs know */
	err = open_tun(mn);
	if (!err)
		err = dp_attach_tun(mn->dp, mn->tun_ifindex);
	if (!err)
		err = loop_fd_add(&mn->loop, &mn->on_tun, mn->tun_fd,
				  slow_on_tun, mn);
	if (!err)
		hoa_lost_all(mn);
	return err;
}

static int open_sockets(struct mn *mn)
{
	int *const fds[] = {&mn->raw_fd, &mn->ra_fd, &mn->packet_fd,
			    &mn->hold_fds[0], &mn->hold_fds[1],
			    &mn->hold_fds[2]};
	unsigned int k;
	int err = 0;

	mn->raw_fd = raw_open();
	mn->ra_fd = raw_ra_open();
	mn->packet_fd = packet_open();
	mn->hold_fds[0] = raw_tunnel_open();
	mn->hold_fds[1] = raw_hold(IP6_PROTO_ESP);
	mn->hold_fds[2] = raw_hold(IP6_PROTO_MH);
	for (k = 0; !err && k < 6; k++)
		err = *fds[k] < 0 ? *fds[k] : 0;
	if (err)
		log_err("raw sockets: %s (kedge-mn needs CAP_NET_RAW)",
			strerror(-err));
	return err;
}

static int open_state(struct mn *mn)
{
	int err = store_open(&mn->store, mn->conf.state, NULL);

	if (!err)
		err = sadb_new(&mn->sadb, mn->store);
	if (!err)
		err = sockdiag_open(&mn->sd);
	if (err)
		log_err("state in %s: %s", mn->conf.state, strerror(-err));
	return err;
}

static int open_dp(struct mn *mn, bool *took_over)
{
	struct dp_conf conf = {
		.role = DP_MN, .bpffs = mn->conf.bpffs,
		.max_bindings = MN_BINDINGS_MAX,
		.tun_ifindex = mn->tun_ifindex,
	};
	int err = dp_open(&mn->dp, &conf, took_over);

	if (!err)
		err = dp_attach_tun(mn->dp, mn->tun_ifindex);
	return err ? err : dp_complete(mn->dp);
}

/* Without these programs all goes on but what applications ask for by the
 * socket option; the shim asks over the applications' socket. */
static int open_sockhook(struct mn *mn)
{
	int err;

	if (!strcmp(mn->conf.cgroup, "none")) {
		sockhook_clean(mn->conf.bpffs);	/* a daemon's before us */
		return 0;
	}
	err = sockhook_open(&mn->sh, mn->conf.bpffs, mn->conf.cgroup);
	if (!err) {
		policy_apply(mn);
		return 0;
	}
	log_warn("no service types by socket option: %s", strerror(-err));
	return *mn->conf.cgroup ? err : 0;
}

static int open_app(struct mn *mn)
{
	return *mn->conf.applications ?
		app_open(&mn->app, mn, mn->conf.applications) : 0;
}

static int watch(struct mn *mn)
{
	struct loop *loop = &mn->loop;
	int err;

	err = loop_fd_add(loop, &mn->on_rtnl, rtnl_event_fd(mn->rtnl),
			  kern_on_rtnl, mn);
	if (!err)
		err = loop_fd_add(loop, &mn->on_ring, dp_ring_fd(mn->dp),
				  kern_on_ring, mn);
	if (!err)
		err = loop_fd_add(loop, &mn->on_ra, mn->ra_fd, network_on_ra,
				  mn);
	if (!err)
		err = loop_fd_add(loop, &mn->on_tun, mn->tun_fd, slow_on_tun,
				  mn);
	if (!err)
		err = flows_start(mn);
	if (!err)
		err = loop_fd_add(loop, &mn->on_tunnel, mn->hold_fds[0],
				  slow_on_tunnel, mn);
	if (!err)
		err = raw_report_errors(mn->hold_fds[1]);
	if (!err)
		err = loop_fd_add(loop, &mn->on_errors, mn->hold_fds[1],
				  errors_on_readable, mn);
	if (!err)
		err = ctl_open(&mn->ctl, loop, mn->conf.control, mn_ctl_cmds,
			       mn);
	return err;
}

static void on_flush(struct timer *timer, mtime now);

int mn_start(struct mn *mn)
{
	const char *paths[] = {mn->conf.state, mn->conf.bpffs, NULL};
	bool took_over = false;
	int err;

	flows_init(mn);
	mn->flush.fn = on_flush;
	mn->sync.fn = on_sync;
	mn->fixed.fn = on_fixed;
	bul_init(&mn->bul, &hoa_bul_ops, mn, &mn->loop.timers,
		 mtime_sec(mn->conf.lifetime));
	mn->bul.first_timeout = mn->conf.first_timeout;
	beat_init(mn);
	keying_init(mn);
	discover_init(mn);
	select_init(mn);
	repair_init(mn);
	network_init(mn);
	radios_init(mn);
	move_init(mn);
	err = esp_init();
	if (!err)
		err = open_state(mn);
	if (!err)
		err = open_sockets(mn);
	if (!err)
		err = rtnl_open(&mn->rtnl, kern_on_rtnl_event, mn);
	if (!err)
		err = rtnl_neigh_failures(mn->rtnl);
	if (!err)
		err = discover_open(mn);
	if (!err)
		err = open_tun(mn);
	if (!err)
		err = open_dp(mn, &took_over);
	if (!err)
		err = open_sockhook(mn);
	if (!err)
		err = watch(mn);
	if (!err)
		err = open_app(mn);
	if (!err)
		err = keying_open(mn);
	if (!err)
		err = priv_drop(mn->conf.user, paths);
	if (!err)
		err = keying_start(mn);
	if (err)
		return err;
	/* loading the programs may have taken longer than interfaces are waited
	 * for (iface.c) */
	mn->started = loop_now();
	if (!took_over)
		rtnl_rules_flush(mn->rtnl, mn->conf.protocol);
	iface_sweep(mn);
	beat_start(mn, !took_over);
	mn_know_configured(mn);
	discover_configured(mn);
	slow_hoas_changed(mn);
	hoa_restore_all(mn);
	movekeep_load(mn);	/* before an interface is chosen for them */
	err = rtnl_dump_links(mn->rtnl);
	mn->starting = true;
	if (!err)
		err = rtnl_dump_routes(mn->rtnl);
	mn->starting = false;
	if (!err)
		err = rtnl_dump_addrs(mn->rtnl);
	if (!err)
		radios_open(mn);
	dp_sweep(mn->dp);
	repair_start(mn);
	return err;
}

/* ---- end */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void mn_stop(struct mn *mn)
{
	struct loop_fd *watched[] = {&mn->on_rtnl, &mn->on_ring, &mn->on_ra,
				     &mn->on_tun, &mn->on_tunnel,
				     &mn->on_errors};
	unsigned int k;

	for (k = 0; k < sizeof(watched) / sizeof(*watched); k++)
		loop_fd_del(watched[k]);
	if (mn->ctl)
		ctl_close(mn->ctl);
	mn->ctl = NULL;
	app_close(mn->app);
	mn->app = NULL;
	keying_close(mn);
	testpath_stop(mn);
	radios_close(mn);
	move_stop(mn);
	hoa_free_all(mn);
	beat_stop(mn);
	discover_close(mn);
	flows_stop(mn);
	for (k = 0; k < mn->conf.n_ifaces; k++) {
		timers_del(&mn->loop.timers, &mn->ifaces[k].others);
		if (mn->ifaces[k].mn)
			stray_fini(&mn->ifaces[k]);
		if (mn->ifaces[k].at.timers)
			attach_fini(&mn->ifaces[k].at);
	}
	timers_del(&mn->loop.timers, &mn->flush);
	timers_del(&mn->loop.timers, &mn->sync);
	timers_del(&mn->loop.timers, &mn->fixed);
	repair_stop(mn);
	select_fini(mn);
	if (mn->sd)
		sockdiag_close(mn->sd);
	policy_release(mn);
	sockhook_close(mn->sh);
	if (mn->dp)
		dp_close(mn->dp);
	if (mn->sadb)
		sadb_free(mn->sadb);
	if (mn->store)
		store_close(mn->store);
	if (mn->rtnl)
		rtnl_close(mn->rtnl);
	for (k = 0; k < 3; k++)
		close_fd(&mn->hold_fds[k]);
	close_fd(&mn->tun_fd);
	close_fd(&mn->raw_fd);
	close_fd(&mn->ra_fd);
	close_fd(&mn->packet_fd);
}

static void take_down(struct rtnl *rtnl, struct dp *dp, uint32_t tun_ifindex,
		      uint8_t protocol)
{
	rtnl_rules_flush(rtnl, protocol);
	rtnl_routes_flush(rtnl, protocol);
	if (dp)
		dp_flush(dp);
	/* with the device go its addresses and the route in our table */
	if (tun_ifindex)
		rtnl_link_del(rtnl, tun_ifindex);
}

static void on_flush(struct timer *timer, mtime now)
{
	struct mn *mn = (struct mn *)((char *)timer -
				      offsetof(struct mn, flush));

	(void)now;
	if (mn->bul.entries)
		log_warn("flush: a home agent did not answer; its binding "
			 "ends with its lifetime");
	keying_close(mn);
	hoa_free_all(mn);
	movekeep_forget(mn);
	if (mn->sh)	/* before the folder that they are pinned in goes */
		sockhook_flush(mn->sh);
	take_down(mn->rtnl, mn->dp, mn->tun_ifindex, mn->conf.protocol);
	log_info("flushed");
	loop_stop(&mn->loop);
}

void mn_flush(struct mn *mn)
{
	mn->flushing = true;
	timers_set(&mn->loop.timers, &mn->flush,
		   mtime_add(loop_now(), mn->bul.entries ? FLUSH_WAIT :
							   (mtime){0}));
	hoa_flush_all(mn);
}

static void ignore_event(void *arg, const struct rtnl_event *ev)
{
	(void)arg, (void)ev;
}

int mn_flush_leftovers(const struct mn_conf *conf)
{
	struct dp_conf dp_conf = {
		.role = DP_MN, .bpffs = conf->bpffs,
		.max_bindings = MN_BINDINGS_MAX,
		.tun_ifindex = if_nametoindex(conf->tun),
	};
	struct rtnl *rtnl;
	struct dp *dp = NULL;
	bool took_over;
	int err = rtnl_open(&rtnl, ignore_event, NULL);

	if (err)
		return err;
	err = dp_open(&dp, &dp_conf, &took_over);
	sockhook_clean(conf->bpffs);
	take_down(rtnl, dp, dp_conf.tun_ifindex, conf->protocol);
	if (dp)
		dp_close(dp);
	rtnl_close(rtnl);
	return err;
}
