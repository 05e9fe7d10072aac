/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the configuration says of anchors; and SIGHUP: what may change of it all
 * while we run. */
#include <string.h>

#include "core/log.h"
#include "mn/mn.h"

static void know_anchor(struct mn *mn, const struct ip6_prefix *prefix,
			const struct in6_addr *ha)
{
	if (IN6_IS_ADDR_UNSPECIFIED(ha))	/* to be found */
		return;
	if (anchors_configure(&mn->anchors, prefix, ha, loop_now()))
		log_err("too many anchors are configured");
	signal_know_ha(mn, ha);
}

void mn_know_configured(struct mn *mn)
{
	const struct mn_conf_fixed *f;
	const struct mn_conf_anchor *a;

	for (a = mn->conf.anchors; a; a = a->next)
		know_anchor(mn, &a->prefix, &a->address);
	for (f = mn->conf.fixed; f; f = f->next)
		know_anchor(mn, &f->prefix, &f->ha);
}

static const struct mn_conf_iface *conf_iface(const struct mn_conf *conf,
					      const char *name)
{
	unsigned int k;

	for (k = 0; k < conf->n_ifaces; k++)
		if (!strcmp(conf->ifaces[k].name, name))
			return &conf->ifaces[k];
	return NULL;
}

static bool ifaces_differ(const struct mn_conf *a, const struct mn_conf *b)
{
	unsigned int k;

	for (k = 0; k < a->n_ifaces; k++)
		if (!conf_iface(b, a->ifaces[k].name))
			return true;
	return a->n_ifaces != b->n_ifaces;
}

/* What is set of them, by their names: their numbers stay. */
static void take_ifaces(struct mn_conf *to, const struct mn_conf *from)
{
	const struct mn_conf_iface *new;
	unsigned int k;

	for (k = 0; k < to->n_ifaces; k++) {
		new = conf_iface(from, to->ifaces[k].name);
		if (new)
			to->ifaces[k] = *new;
	}
}

static bool fixed_differ(const struct mn_conf *a, const struct mn_conf *b)
{
	return ifaces_differ(a, b) ||
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
	SWAP(first_timeout);
	SWAP(release_grace);
	SWAP(udp_idle);
	SWAP(heartbeat);
	SWAP(missing_heartbeats);
	SWAP(dead_anchor_reset);
	SWAP(queue);
	SWAP(metric);
	take_ifaces(&mn->conf, conf);
	radios_reload(mn);
	SWAP(accept_ra_anchors);
	SWAP(discovery_interval);
	SWAP(policy);
	mn->policy = *policy;
	policy_apply(mn);
	move_reloaded(mn);
	mn->sadb = fresh;
	keying_reload(mn);
	mn->bul.lifetime = mtime_sec(mn->conf.lifetime);
	mn->bul.first_timeout = mn->conf.first_timeout;
	beat_reload(mn);
	anchors_unconfigure(&mn->anchors, !mn->conf.accept_ra_anchors);
	mn_know_configured(mn);
	discover_configured(mn);
	for (k = 0; k < mn->anchors.n; k++) {
		signal_know_ha(mn, &mn->anchors.list[k].ha);
		network_trust(mn, &mn->anchors.list[k]);
	}
	for (e = mn->bul.entries; e; e = e->next)
		signal_know_ha(mn, &e->ha);
	sadb_take_seen(fresh, old);
	keying_set_sadb(mn, fresh);
	sadb_free(old);
	hoa_unbar(mn);
	iface_settle(mn);
	hoa_fixed_check(mn);
	keying_soon(mn);
	return 0;
}
