/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "ha/dad.h"
#include "ha/proxy.h"
#include "ha/wire.h"
#include "proto/flowid.h"
#include "proto/nd.h"
#include "sys/raw.h"

enum {
	ND_MESSAGE_MAX = 1500,
	READS = 64,		/* at a time: others have their turn */
};

/* A Binding Update that is answered later. */
struct waiting {
	struct bcache_bu bu;
	struct mh mh;
	struct mh_flows *flows;	/* or NULL */
	uint32_t spi;		/* of the SA that protected it */
};

struct probe {
	struct dad dad;
	struct loop_fd lf;
	int fd;			/* while there are probes; or -1 */
	struct waiting waiting[DAD_MAX];
};

/* Listening: what solicitations of ours are answered with, and other nodes'. */

static void heard(struct kern *k, const struct ip6_pkt *pkt, uint32_t ifindex)
{
	const struct kern_iface *iface = kern_iface_find(k, ifindex);
	struct nd_ns ns;
	struct nd_na na;

	if (!iface || iface->link < 0)
		return;
	/* RFC 4862 5.4.3: with a source it is address resolution */
	if (!nd_na_parse(&na, pkt))
		dad_heard(&k->probe->dad, (uint16_t)iface->link, &na.target);
	else if (!nd_ns_parse(&ns, pkt) && IN6_IS_ADDR_UNSPECIFIED(&pkt->src))
		dad_heard(&k->probe->dad, (uint16_t)iface->link, &ns.target);
}

static void on_nd_fd(void *arg)
{
	struct kern *k = arg;
	uint8_t mem[ND_MESSAGE_MAX];
	struct ip6_pkt pkt;
	uint32_t ifindex;
	ssize_t n = 0;
	int i;

	/* what is heard may end the last probe, and that closes it */
	for (i = 0; i < READS && k->probe->fd >= 0 && n != -EAGAIN; i++) {
		n = raw_ra_read(k->probe->fd, mem, sizeof(mem), &pkt,
				&ifindex);
		if (n >= 0)
			heard(k, &pkt, ifindex);
	}
}

static int listen_start(struct kern *k)
{
	struct probe *p = k->probe;
	int err;

	if (p->fd >= 0)
		return 0;
	p->fd = raw_nd_open();
	if (p->fd < 0)
		return p->fd;
	err = loop_fd_add(k->loop, &p->lf, p->fd, on_nd_fd, k);
	if (err < 0) {
		close(p->fd);
		p->fd = -1;
	}
	return err;
}

static void listen_stop(struct probe *p)
{
	loop_fd_del(&p->lf);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* Does a probe at work need this group? */
static bool group_needed(const struct dad *d, uint16_t link,
			 const struct in6_addr *group)
{
	unsigned int i, j;

	for (i = 0; i < DAD_MAX; i++) {
		const struct dad_probe *p = &d->probes[i];

		for (j = 0; j < p->n_targets && timer_armed(&p->timer); j++) {
			struct in6_addr g = nd_solicited_node(&p->targets[j]);

			if (p->link == link && ip6_addr_eq(&g, group))
				return true;
		}
	}
	return false;
}

/* With the last one all are left. */
static void groups_leave(struct kern *k, const struct dad_probe *p)
{
	const struct kern_iface *iface = proxy_iface_of(k, p->link);
	unsigned int i;

	if (!k->probe->dad.n)
		listen_stop(k->probe);
	for (i = 0; i < p->n_targets && k->probe->dad.n && iface; i++) {
		struct in6_addr group = nd_solicited_node(&p->targets[i]);

		if (!group_needed(&k->probe->dad, p->link, &group))
			raw_group(k->probe->fd, iface->ifindex, &group, false);
	}
}

/* RFC 4862 5.4.2: the group is joined first; that is a report for switches that
 * snoop, too. */
static void op_solicit(void *arg, uint16_t link, const struct in6_addr *target)
{
	struct kern *k = arg;
	const struct kern_iface *iface = proxy_iface_of(k, link);
	struct in6_addr group = nd_solicited_node(target);
	int err;

	if (!iface)
		return;		/* and with it who could answer */
	err = raw_group(k->probe->fd, iface->ifindex, &group, true);
	if (err < 0)
		log_err("home link %s: group %s: %s", iface->name,
			ip6_str(&group), strerror(-err));
	proxy_solicit(k, iface, target);
}

/* The SA may be another's by now, or none. */
static struct sadb_sa *sa_of(struct kern *k, const struct waiting *w)
{
	struct sadb_sa *sa = sadb_in(k->sadb, w->spi);

	return sa && !sa->expired && ip6_addr_eq(&sa->conf.src, &w->bu.hoa) &&
	       ip6_addr_eq(&sa->conf.dst, &w->bu.ha) ? sa : NULL;
}

static void op_done(void *arg, unsigned int place, bool unique)
{
	struct kern *k = arg;
	struct waiting w = k->probe->waiting[place];
	struct sadb_sa *sa = sa_of(k, &w);

	groups_leave(k, &k->probe->dad.probes[place]);
	w.bu.mh = &w.mh;
	w.bu.flows = w.flows;
	k->probe->waiting[place].flows = NULL;
	w.bu.dad = unique ? BCACHE_DAD_UNIQUE : BCACHE_DAD_DUPLICATE;
	if (!sa) {
		count_refusal(REASON_NO_SA, "BU for HoA %s from %s to HA %s: "
			      "its SA has gone", ip6_str(&w.bu.hoa),
			      ip6_str(&w.bu.src), ip6_str(&w.bu.ha));
	} else {
		w.bu.owns = keying_owns(&k->keying, sa);
		wire_begin(k);
		wire_bu(k, &w.bu, sa);
		wire_end(k);
	}
	free(w.flows);
}

static const struct dad_ops dad_ops = {
	.solicit = op_solicit,
	.done = op_done,
};

/*
 * Nobody can have the address while the link is down; when it comes up we
 * defend it. Where IKE has shown whose address it is on that very link, or it
 * is of a pool that is ours alone, that stands for a test.
 */
static bool wanted(struct kern *k, const struct in6_addr *hoa, uint16_t link)
{
	const struct kern_iface *iface = proxy_iface_of(k, link);

	if (!iface || !iface->up || !iface->has_mac)
		return false;
	switch (k->conf->links[link].dad) {
	case HA_DAD_NO:
		return false;
	case HA_DAD_YES:
		return true;
	case HA_DAD_UNSEEN:
		return !keying_seen(&k->keying, hoa);
	}
	return true;
}

/* Where there is no memory they are not answered, and asked for again. */
static struct mh_flows *flows_copy(const struct mh_flows *flows)
{
	struct mh_flows *copy = flows ? malloc(sizeof(*copy)) : NULL;

	if (copy)
		*copy = *flows;
	return copy;
}

int probe_bu(void *arg, const struct bcache_bu *bu, uint16_t link)
{
	struct kern *k = arg;
	struct waiting *w;
	int place, err;

	if (!wanted(k, &bu->hoa, link))
		return 1;
	err = listen_start(k);
	if (err < 0)
		return err;
	place = dad_start(&k->probe->dad, &bu->hoa,
			  bu->mh->bu.flags & MH_BU_L, link, loop_now());
	if (place < 0) {
		if (!k->probe->dad.n)
			listen_stop(k->probe);
		return place;
	}
	w = &k->probe->waiting[place];
	w->bu = *bu;
	w->mh = *bu->mh;
	free(w->flows);
	w->flows = flows_copy(bu->flows);
	w->spi = k->sa->conf.spi;
	log_debug("BU for HoA %s from %s to HA %s: seq %u, waits for DAD on "
		  "%s", ip6_str(&bu->hoa), ip6_str(&bu->src),
		  ip6_str(&bu->ha), bu->mh->bu.seq, k->conf->links[link].name);
	return 0;
}

int probe_open(struct kern *k)
{
	k->probe = calloc(1, sizeof(*k->probe));
	if (!k->probe)
		return -ENOMEM;
	k->probe->fd = -1;
	dad_init(&k->probe->dad, &dad_ops, k, &k->loop->timers);
	return 0;
}

void probe_close(struct kern *k)
{
	unsigned int i;

	if (!k->probe)
		return;
	dad_fini(&k->probe->dad);
	for (i = 0; i < DAD_MAX; i++)
		free(k->probe->waiting[i].flows);
	listen_stop(k->probe);
	free(k->probe);
	k->probe = NULL;
}
