/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/dad.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "proto/ip6.h"

static void probe_on_timer(struct timer *timer, mtime now);

struct in6_addr dad_link_local(const struct in6_addr *hoa)
{
	struct in6_addr addr = { .s6_addr = { 0xfe, 0x80 } };

	memcpy(&addr.s6_addr[8], &hoa->s6_addr[8], 8);
	return addr;
}

void dad_init(struct dad *d, const struct dad_ops *ops, void *arg,
	      struct timers *timers)
{
	unsigned int i;

	*d = (struct dad){ .ops = ops, .arg = arg, .timers = timers };
	for (i = 0; i < DAD_MAX; i++) {
		d->probes[i].dad = d;
		d->probes[i].timer.fn = probe_on_timer;
	}
}

void dad_fini(struct dad *d)
{
	unsigned int i;

	for (i = 0; i < DAD_MAX && d->timers; i++)
		timers_del(d->timers, &d->probes[i].timer);
	d->n = 0;
}

static bool at_work(const struct dad_probe *p)
{
	return timer_armed(&p->timer);
}

static struct dad_probe *probe_find(struct dad *d, const struct in6_addr *hoa)
{
	unsigned int i;

	for (i = 0; i < DAD_MAX && d->n; i++)
		if (at_work(&d->probes[i]) &&
		    ip6_addr_eq(&d->probes[i].targets[0], hoa))
			return &d->probes[i];
	return NULL;
}

static struct dad_probe *probe_unused(struct dad *d)
{
	unsigned int i;

	for (i = 0; i < DAD_MAX; i++)
		if (!at_work(&d->probes[i]))
			return &d->probes[i];
	return NULL;
}

static void probe_end(struct dad_probe *p, bool unique)
{
	struct dad *d = p->dad;

	timers_del(d->timers, &p->timer);
	d->n--;
	d->ops->done(d->arg, (unsigned int)(p - d->probes), unique);
}

/* One round, and the wait after it. */
static int probe_solicit(struct dad_probe *p, mtime now)
{
	struct dad *d = p->dad;
	unsigned int i;
	int err = timers_set(d->timers, &p->timer,
			     mtime_add(now, MTIME_MS(DAD_RETRANS)));

	if (err < 0)
		return err;
	p->sent++;
	for (i = 0; i < p->n_targets; i++)
		d->ops->solicit(d->arg, p->link, &p->targets[i]);
	return 0;
}

/* RFC 4862 5.4: unique where nobody was heard for so long after the last. */
static void probe_on_timer(struct timer *timer, mtime now)
{
	struct dad_probe *p = (struct dad_probe *)
		((char *)timer - offsetof(struct dad_probe, timer));

	/* its place in the heap of timers was there a moment ago */
	if (p->sent < DAD_TRANSMITS && !probe_solicit(p, now))
		return;
	probe_end(p, p->sent >= DAD_TRANSMITS);
}

int dad_start(struct dad *d, const struct in6_addr *hoa, bool link_local,
	      uint16_t link, mtime now)
{
	struct dad_probe *p = probe_find(d, hoa);
	bool goes_on = p;
	int err;

	if (!p)
		p = probe_unused(d);
	if (!p)
		return -ENOSPC;
	if (!goes_on || (link_local && p->n_targets == 1)) {
		p->targets[0] = *hoa;
		p->targets[1] = dad_link_local(hoa);
		p->n_targets = link_local ? 2 : 1;
		p->link = link;
		p->sent = 0;
		err = probe_solicit(p, now);
		if (err < 0)
			return err;
		d->n += !goes_on;
	}
	return (int)(p - d->probes);
}

static bool is_about(const struct dad_probe *p, uint16_t link,
		     const struct in6_addr *target)
{
	unsigned int i;

	if (!at_work(p) || p->link != link)
		return false;
	for (i = 0; i < p->n_targets; i++)
		if (ip6_addr_eq(&p->targets[i], target))
			return true;
	return false;
}

void dad_heard(struct dad *d, uint16_t link, const struct in6_addr *target)
{
	unsigned int i;

	for (i = 0; i < DAD_MAX && d->n; i++)
		if (is_about(&d->probes[i], link, target))
			probe_end(&d->probes[i], false);
}
