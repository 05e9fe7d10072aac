/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's events to the machines, and the daemon's start and end. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/flows.h"
#include "mn/mn.h"
#include "sys/priv.h"
#include "sys/raw.h"
#include "sys/tun.h"

/* How long kedgectl flush waits for the home agents' answers. */
static const mtime FLUSH_WAIT = {3000000000};

struct mn_iface *mn_iface(struct mn *mn, uint32_t ifindex)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		if (ifindex && mn->ifaces[k].ifindex == ifindex)
			return &mn->ifaces[k];
	return NULL;
}

struct mn_iface *mn_attached(struct mn *mn)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		if (mn->ifaces[k].at.state == ATTACH_ATTACHED)
			return &mn->ifaces[k];
	return NULL;
}

static bool addr_is_ours(struct mn *mn, const struct in6_addr *addr)
{
	unsigned int k, j;

	if (bul_find(&mn->bul, addr))
		return true;
	for (k = 0; k < mn->conf.n_ifaces; k++)
		for (j = 0; j < mn->ifaces[k].at.n_addrs; j++)
			if (ip6_addr_eq(&mn->ifaces[k].at.addrs[j].addr, addr))
				return true;
	return false;
}

void mn_addr_sync(struct mn *mn, const struct in6_addr *addr)
{
	int err = addr_is_ours(mn, addr) ? dp_addr_add(mn->dp, addr) :
					   dp_addr_del(mn->dp, addr);

	if (err && err != -ENOENT)
		log_err("address map, %s: %s", ip6_str(addr), strerror(-err));
}

void mn_event(struct mn *mn, struct json_object *ev)
{
	ctl_event(mn->ctl, ev);
}

/* ---- what the attachment machines ask for */

static struct mn_iface *iface_of(struct attach *at)
{
	return (struct mn_iface *)((char *)at - offsetof(struct mn_iface, at));
}

static void op_solicit(void *arg, struct attach *at)
{
	signal_solicit(arg, iface_of(at));
}

static void op_detached(void *arg, struct attach *at)
{
	struct mn_iface *i = iface_of(at);
	struct mn *mn = arg;

	if (at->ra.n_prefixes)
		i->left = (struct ip6_prefix){at->ra.prefixes[0].prefix,
					      at->ra.prefixes[0].len};
	keying_moving(mn);
	hoa_adopt_all(mn, i);
	/* or the old router's route is a black hole until NUD finds out */
	rtnl_ra_routes_flush(mn->rtnl, i->ifindex, true);
}

static const char *prefix_str(const struct ip6_prefix *p, char *out, size_t n)
{
	struct ip6_prefix masked = *p;	/* the R flag's has the router in it */

	ip6_prefix_mask(&masked);
	snprintf(out, n, "%s/%u", ip6_str(&masked.addr), masked.len);
	return out;
}

static void tell_move(struct mn *mn, struct mn_iface *i)
{
	const struct nd_prefix *p = attach_prefix(&i->at, &i->at.coa);
	struct ip6_prefix now;
	char from[64], to[64];

	if (!p)
		return;
	now = (struct ip6_prefix){p->prefix, p->len};
	if (!i->left.len || ip6_prefix_has(&now, &i->left.addr))
		return;
	count(COUNT_MOVES);
	mn_event(mn, ctl_ev("move", "interface", i->name,
			    "from", prefix_str(&i->left, from, sizeof(from)),
			    "to", prefix_str(&now, to, sizeof(to)), NULL));
	i->left = now;
}

static void op_attached(void *arg, struct attach *at)
{
	struct mn_iface *i = iface_of(at);
	struct mn *mn = arg;

	log_info("%s: at router %s, CoA %s", i->name, ip6_str(&at->router),
		 ip6_str(&at->coa));
	hoa_attached(mn, i);
	keying_moved(mn);
	tell_move(mn, i);
}

static void op_probe(void *arg, struct attach *at)
{
	struct mn *mn = arg;

	rtnl_neigh_set(mn->rtnl, at->ifindex, &at->router, NULL, NUD_PROBE,
		       true);
}

static void op_state(void *arg, struct attach *at, enum attach_state old)
{
	(void)arg;
	log_info("%s: %s -> %s", iface_of(at)->name, attach_state_str(old),
		 attach_state_str(at->state));
}

static const struct attach_ops attach_ops = {
	.solicit = op_solicit,
	.detached = op_detached,
	.attached = op_attached,
	.probe = op_probe,
	.state = op_state,
};

/* ---- rtnetlink */

static void set_sysctls(const char *name)
{
	/* RFC 4429: use an address while DAD is still under way */
	static const char *const keys[] = {"optimistic_dad", "use_optimistic"};
	unsigned int k;

	for (k = 0; k < 2; k++) {
		int err = sysctl_ipv6_set(name, keys[k], 1);

		if (err)
			log_warn("%s: net.ipv6.conf.%s.%s: %s (moves will "
				 "wait for DAD, one second)", name, name,
				 keys[k], strerror(-err));
	}
}

static void iface_found(struct mn *mn, struct mn_iface *i,
			const struct rtnl_event *ev)
{
	int err;

	i->ifindex = ev->ifindex;
	i->at.ifindex = ev->ifindex;
	i->carrier_downs = ev->link.carrier_downs;
	set_sysctls(i->name);
	err = dp_attach(mn->dp, ev->ifindex, true);
	if (!err)
		err = raw_ra_join(mn->ra_fd, ev->ifindex);
	if (err)
		log_err("%s: %s", i->name, strerror(-err));
}

static void set_link(struct mn *mn, struct mn_iface *i, bool up)
{
	if (up == i->up)
		return;
	i->up = up;
	count(up ? COUNT_LINK_UP : COUNT_LINK_DOWN);
	mn_event(mn, ctl_ev(up ? "link_up" : "link_down", "interface",
			    i->name, NULL));
	attach_link(&i->at, up, loop_now());
}

static void iface_gone(struct mn *mn, struct mn_iface *i)
{
	set_link(mn, i, false);
	i->at.n_addrs = 0;
	i->ifindex = 0;
}

static void on_link(struct mn *mn, const struct rtnl_event *ev)
{
	bool up = (ev->link.flags & IFF_UP) && (ev->link.flags & IFF_RUNNING);
	struct mn_iface *i;
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++) {
		i = &mn->ifaces[k];
		if (strcmp(i->name, ev->link.name) != 0)
			continue;
		if (i->ifindex && i->ifindex != ev->ifindex)
			iface_gone(mn, i);
		if (!i->ifindex)
			iface_found(mn, i, ev);
		i->mtu = ev->link.mtu;
		if (ev->link.has_mac)
			memcpy(i->mac, ev->link.mac, 6);
		/* the kernel may tell of a short outage only by its count */
		if (up && i->carrier_downs != ev->link.carrier_downs)
			set_link(mn, i, false);
		i->carrier_downs = ev->link.carrier_downs;
		set_link(mn, i, up);
	}
}

static bool usable(uint32_t flags)
{
	if (flags & IFA_F_DADFAILED)
		return false;
	return !(flags & IFA_F_TENTATIVE) || (flags & IFA_F_OPTIMISTIC);
}

static void tell_addr(struct mn *mn, struct mn_iface *i,
		      const struct attach_addr *a, uint32_t flags)
{
	if (a->usable && i->at.state != ATTACH_ATTACHED)
		mn_event(mn, ctl_ev("address", "interface", i->name, "address",
				    ip6_str(&a->addr), "flags",
				    flags & IFA_F_OPTIMISTIC ? "optimistic" :
							       "", NULL));
}

static void on_addr(struct mn *mn, const struct rtnl_event *ev)
{
	struct mn_iface *i = mn_iface(mn, ev->ifindex);
	uint32_t flags = ev->addr.flags;
	struct attach_addr a = {
		.addr = ev->addr.addr, .prefix_len = ev->addr.prefix_len,
		.usable = usable(flags),
		.temporary = flags & IFA_F_TEMPORARY,
		.deprecated = flags & IFA_F_DEPRECATED,
		.permanent = flags & IFA_F_PERMANENT,
	};

	if (!i)
		return;
	if (IN6_IS_ADDR_LINKLOCAL(&a.addr)) {
		if (a.usable)
			i->link_local = a.addr;
		return;
	}
	if (!ip6_unicast_routable(&a.addr))
		return;
	tell_addr(mn, i, &a, flags);
	if (dp_addr_add(mn->dp, &a.addr))
		log_err("address map is full: %s", ip6_str(&a.addr));
	attach_addr(&i->at, &a, loop_now());
	keying_soon(mn);
}

static void on_addr_gone(struct mn *mn, const struct rtnl_event *ev)
{
	struct mn_iface *i = mn_iface(mn, ev->ifindex);

	if (ev->ifindex == mn->tun_ifindex)
		hoa_repair(mn, &ev->addr.addr);
	if (!i)
		return;
	if (IN6_IS_ADDR_LINKLOCAL(&ev->addr.addr)) {
		if (ip6_addr_eq(&i->link_local, &ev->addr.addr))
			i->link_local = in6addr_any;
		return;
	}
	attach_addr_gone(&i->at, &ev->addr.addr, loop_now());
	if (hoa_fixed_conf(mn, &ev->addr.addr))
		hoa_fixed_lost(mn);
	mn_addr_sync(mn, &ev->addr.addr);
	keying_soon(mn);
}

static void on_neigh(struct mn *mn, const struct rtnl_event *ev)
{
	struct mn_iface *i = mn_iface(mn, ev->ifindex);

	if (i && ev->neigh.state == NUD_FAILED)
		attach_router_failed(&i->at, &ev->neigh.addr, loop_now());
}

static void on_rtnl_event(void *arg, const struct rtnl_event *ev)
{
	struct mn *mn = arg;
	struct mn_iface *i;

	switch (ev->type) {
	case RTNL_LINK:
		on_link(mn, ev);
		break;
	case RTNL_LINK_GONE:
		i = mn_iface(mn, ev->ifindex);
		if (i)
			iface_gone(mn, i);
		break;
	case RTNL_ADDR:
		on_addr(mn, ev);
		break;
	case RTNL_ADDR_GONE:
		on_addr_gone(mn, ev);
		break;
	case RTNL_NEIGH:
		on_neigh(mn, ev);
		break;
	case RTNL_OVERRUN:
		log_warn("rtnetlink events were lost: reading all again");
		mn->resync = true;
		break;
	case RTNL_ROUTE:
	case RTNL_ROUTE_GONE:
	case RTNL_ROUTING:
		break;
	}
}

static void on_rtnl_readable(void *arg)
{
	struct mn *mn = arg;

	rtnl_read_events(mn->rtnl);
	if (!mn->resync)
		return;
	mn->resync = false;
	rtnl_dump_links(mn->rtnl);
	rtnl_dump_addrs(mn->rtnl);
}

/* ---- router advertisements */

/* SAs that are configured say whose home agent it is. */
static void trust_by_sas(struct mn *mn, const struct anchor *anchor)
{
	struct ip6_prefix prefix = anchor->prefix;
	struct in6_addr ha = anchor->ha;
	const struct mn_conf_sa *sa;

	for (sa = mn->conf.sas; sa; sa = sa->next)
		if (ip6_addr_eq(&sa->sa.dst, &ha) &&
		    ip6_prefix_has(&prefix, &sa->sa.src))
			anchors_trust(&mn->anchors, &sa->sa.src, &ha);
}

static void on_anchor(void *arg, const struct anchor *anchor)
{
	struct mn *mn = arg;
	char prefix[64];

	signal_know_ha(mn, &anchor->ha);
	prefix_str(&anchor->prefix, prefix, sizeof(prefix));
	log_info("anchor of %s: HA %s", prefix, ip6_str(&anchor->ha));
	mn_event(mn, ctl_ev("anchor", "prefix", prefix, "ha",
			    ip6_str(&anchor->ha), NULL));
	trust_by_sas(mn, anchor);
}

static void tell_ra(struct mn *mn, struct mn_iface *i,
		    const struct in6_addr *router, const struct nd_ra *ra)
{
	struct ip6_prefix p;
	char prefix[64] = "";

	if (i->at.state != ATTACH_SOLICITING &&
	    ip6_addr_eq(router, &i->at.router))
		return;
	if (ra->n_prefixes) {
		p = (struct ip6_prefix){ra->prefixes[0].prefix,
					ra->prefixes[0].len};
		prefix_str(&p, prefix, sizeof(prefix));
	}
	mn_event(mn, ctl_ev("ra", "interface", i->name, "router",
			    ip6_str(router), "prefix", prefix, NULL));
}

static void take_ra(struct mn *mn, struct mn_iface *i,
		    const struct ip6_pkt *pkt)
{
	struct nd_ra ra;
	enum reason reason = nd_ra_parse(&ra, pkt);

	if (reason) {
		count_refusal(reason, "RA from %s on %s", ip6_str(&pkt->src),
			      i->name);
		return;
	}
	count(COUNT_RA_RECEIVED);
	tell_ra(mn, i, &pkt->src, &ra);
	if (mn->conf.accept_ra_anchors)
		anchors_learn(&mn->anchors, &ra, i->ifindex, on_anchor, mn);
	attach_ra(&i->at, &pkt->src, &ra, loop_now());
	keying_soon(mn);
}

static void on_ra_readable(void *arg)
{
	struct mn *mn = arg;
	struct ip6_pkt pkt;
	struct mn_iface *i;
	uint32_t ifindex;
	ssize_t len;

	for (;;) {
		len = raw_ra_read(mn->ra_fd, mn->buf, sizeof(mn->buf), &pkt,
				  &ifindex);
		if (len < 0)
			return;
		i = mn_iface(mn, ifindex);
		if (i)
			take_ra(mn, i, &pkt);
	}
}

/* ---- records of the BPF programs */

static void on_record(void *arg, const struct dp_rec *rec)
{
	struct mn *mn = arg;

	if (rec->type == DP_REC_SIGNAL)
		signal_receive(mn, rec);
	else if (rec->type == DP_REC_TOOBIG)
		slow_too_big(mn, rec);
}

static void on_ring_readable(void *arg)
{
	struct mn *mn = arg;

	dp_ring_read(mn->dp, on_record, mn);
}

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

/* The care-of address was a home address that has just come home. */
static void on_others(struct timer *timer, mtime now)
{
	struct mn_iface *i = (struct mn_iface *)((char *)timer -
					offsetof(struct mn_iface, others));

	(void)now;
	if (i->at.state == ATTACH_ATTACHED)
		hoa_attached(i->mn, i);
}

static void init_ifaces(struct mn *mn)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++) {
		struct mn_iface *i = &mn->ifaces[k];

		i->mn = mn;
		i->others.fn = on_others;
		memcpy(i->name, mn->conf.ifaces[k], sizeof(i->name));
		attach_init(&i->at, &attach_ops, mn, &mn->loop.timers, 0);
	}
}

static void know_anchor(struct mn *mn, const struct ip6_prefix *prefix,
			const struct in6_addr *ha)
{
	if (anchors_configure(&mn->anchors, prefix, ha))
		log_err("too many anchors are configured");
	signal_know_ha(mn, ha);
}

static void know_configured(struct mn *mn)
{
	const struct mn_conf_fixed *f;
	const struct mn_conf_anchor *a;

	for (a = mn->conf.anchors; a; a = a->next)
		know_anchor(mn, &a->prefix, &a->address);
	for (f = mn->conf.fixed; f; f = f->next)
		know_anchor(mn, &f->prefix, &f->ha);
}

static int watch(struct mn *mn)
{
	struct loop *loop = &mn->loop;
	int err;

	err = loop_fd_add(loop, &mn->on_rtnl, rtnl_event_fd(mn->rtnl),
			  on_rtnl_readable, mn);
	if (!err)
		err = loop_fd_add(loop, &mn->on_ring, dp_ring_fd(mn->dp),
				  on_ring_readable, mn);
	if (!err)
		err = loop_fd_add(loop, &mn->on_ra, mn->ra_fd, on_ra_readable,
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
		err = ctl_open(&mn->ctl, loop, mn->conf.control, mn_ctl_cmds,
			       mn);
	return err;
}

/* ---- reload */

static bool fixed_differ(const struct mn_conf *a, const struct mn_conf *b)
{
	return a->n_ifaces != b->n_ifaces ||
	       memcmp(a->ifaces, b->ifaces, sizeof(a->ifaces)) ||
	       strcmp(a->control, b->control) || strcmp(a->state, b->state) ||
	       strcmp(a->bpffs, b->bpffs) || strcmp(a->user, b->user) ||
	       strcmp(a->applications, b->applications) ||
	       strcmp(a->cgroup, b->cgroup) ||
	       strcmp(a->tun, b->tun) || a->table != b->table ||
	       a->rule_priority != b->rule_priority ||
	       a->protocol != b->protocol || !ike_conf_same(&a->ike, &b->ike);
}

#define SWAP(field) \
	do { \
		__typeof__(mn->conf.field) was = mn->conf.field; \
		mn->conf.field = conf->field; \
		conf->field = was; \
	} while (0)

int mn_reload(struct mn *mn, struct mn_conf *conf,
	      const struct policy *policy)
{
	struct sadb *fresh, *old = mn->sadb;
	const struct bul_entry *e;
	unsigned int k;
	int err = sadb_new(&fresh, mn->store);

	if (err)
		return err;
	if (fixed_differ(&mn->conf, conf))
		log_warn("an interface, path, user, table, priority, "
			 "protocol, [ike] or [psk] has changed: that takes a "
			 "restart");
	SWAP(sas);
	SWAP(anchors);
	SWAP(fixed);
	SWAP(lifetime);
	SWAP(release_grace);
	SWAP(udp_idle);
	SWAP(queue);
	SWAP(accept_ra_anchors);
	SWAP(policy);
	mn->policy = *policy;
	policy_apply(mn);
	mn->sadb = fresh;
	keying_reload(mn);
	mn->bul.lifetime = mtime_sec(mn->conf.lifetime);
	anchors_unconfigure(&mn->anchors, !mn->conf.accept_ra_anchors);
	know_configured(mn);
	for (k = 0; k < mn->anchors.n; k++) {
		signal_know_ha(mn, &mn->anchors.list[k].ha);
		trust_by_sas(mn, &mn->anchors.list[k]);
	}
	for (e = mn->bul.entries; e; e = e->next)
		signal_know_ha(mn, &e->ha);
	sadb_take_seen(fresh, old);
	keying_set_sadb(mn, fresh);
	sadb_free(old);
	hoa_fixed_check(mn);
	keying_soon(mn);
	return 0;
}

static void on_flush(struct timer *timer, mtime now);

int mn_start(struct mn *mn)
{
	const char *paths[] = {mn->conf.state, mn->conf.bpffs, NULL};
	bool took_over = false;
	int err;

	mn->started = loop_now();
	flows_init(mn);
	mn->flush.fn = on_flush;
	mn->sync.fn = on_sync;
	mn->fixed.fn = on_fixed;
	bul_init(&mn->bul, &hoa_bul_ops, mn, &mn->loop.timers,
		 mtime_sec(mn->conf.lifetime));
	keying_init(mn);
	select_init(mn);
	init_ifaces(mn);
	err = esp_init();
	if (!err)
		err = open_state(mn);
	if (!err)
		err = open_sockets(mn);
	if (!err)
		err = rtnl_open(&mn->rtnl, on_rtnl_event, mn);
	if (!err)
		err = rtnl_neigh_failures(mn->rtnl);
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
	if (!took_over)
		rtnl_rules_flush(mn->rtnl, mn->conf.protocol);
	know_configured(mn);
	slow_hoas_changed(mn);
	hoa_restore_all(mn);
	err = rtnl_dump_links(mn->rtnl);
	if (!err)
		err = rtnl_dump_addrs(mn->rtnl);
	dp_sweep(mn->dp);
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
				     &mn->on_tun, &mn->on_tunnel};
	unsigned int k;

	for (k = 0; k < sizeof(watched) / sizeof(*watched); k++)
		loop_fd_del(watched[k]);
	if (mn->ctl)
		ctl_close(mn->ctl);
	mn->ctl = NULL;
	app_close(mn->app);
	mn->app = NULL;
	keying_close(mn);
	hoa_free_all(mn);
	flows_stop(mn);
	for (k = 0; k < mn->conf.n_ifaces; k++) {
		timers_del(&mn->loop.timers, &mn->ifaces[k].others);
		if (mn->ifaces[k].at.timers)
			attach_fini(&mn->ifaces[k].at);
	}
	timers_del(&mn->loop.timers, &mn->flush);
	timers_del(&mn->loop.timers, &mn->sync);
	timers_del(&mn->loop.timers, &mn->fixed);
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
