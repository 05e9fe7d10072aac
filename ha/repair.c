/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/repair.h"

#include <string.h>

#include "core/log.h"
#include "ha/kern.h"

/* Between two passes. */
static const mtime PAUSE = {100000000};

static void arm(struct kern *k)
{
	struct repair *r = &k->repair;
	mtime now = loop_now();

	if (!timer_armed(&r->timer))
		timers_set(&k->loop->timers, &r->timer,
			   mtime_before(now, r->not_before) ? r->not_before :
							      now);
}

static void tell(struct kern *k, enum count_event event, const char *where,
		 const char *what)
{
	count(event);
	if (count_may_log(&k->repair.told))
		log_warn("%s: %s by somebody: put back%s", where, what,
			 count_left_out(&k->repair.told));
}

static void repair_filters(struct kern *k)
{
	struct kern_iface *i;

	for (i = k->ifaces; i; i = i->next)
		if (i->attached &&
		    dp_attach_again(k->dp, i->ifindex, i->link >= 0) > 0)
			tell(k, COUNT_REPAIRED_FILTER, i->name,
			     "the data plane was taken off");
}

static void repair_xdp(struct kern *k)
{
	struct kern_iface *i;

	for (i = k->ifaces; i; i = i->next) {
		if (!i->xdp || i->has_xdp)
			continue;
		i->xdp = !dp_attach_xdp(k->dp, i->ifindex, i->mac);
		if (i->xdp)
			tell(k, COUNT_REPAIRED_XDP, i->name,
			     "the XDP program was taken off");
		else
			log_err("interface %s: no longer by XDP: its program "
				"was taken off by somebody", i->name);
	}
}

static void repair_pins(struct kern *k)
{
	int n = dp_pins_again(k->dp);

	if (n > 0)
		tell(k, COUNT_REPAIRED_PINS, k->conf->bpffs,
		     "pins were deleted");
	else if (n < 0)
		log_err("%s: pins were deleted by somebody: %s",
			k->conf->bpffs, strerror(-n));
}

static void on_timer(struct timer *timer, mtime now)
{
	struct kern *k = (struct kern *)
		((char *)timer - offsetof(struct kern, repair.timer));
	struct repair *r = &k->repair, todo = *r;

	r->filters = r->xdp = r->pins = false;
	r->not_before = mtime_add(now, PAUSE);
	if (todo.filters)
		repair_filters(k);
	if (todo.xdp)
		repair_xdp(k);
	if (todo.pins)
		repair_pins(k);
}

static void on_pins(void *arg)
{
	struct kern *k = arg;

	dp_pins_drain(k->dp);
	k->repair.pins = true;
	arm(k);
}

void repair_init(struct kern *k)
{
	k->repair.timer.fn = on_timer;
}

void repair_start(struct kern *k)
{
	int err, fd = dp_pins_fd(k->dp);

	err = fd < 0 ? fd : loop_fd_add(k->loop, &k->repair.on_pins, fd,
					on_pins, k);
	if (err)
		log_warn("%s: pins are not watched: %s", k->conf->bpffs,
			 strerror(-err));
}

void repair_stop(struct kern *k)
{
	loop_fd_del(&k->repair.on_pins);
	timers_del(&k->loop->timers, &k->repair.timer);
}

void repair_filter_gone(struct kern *k, uint32_t ifindex)
{
	struct kern_iface *i = kern_iface_find(k, ifindex);

	if (!i || !i->attached)
		return;
	k->repair.filters = true;
	arm(k);
}

void repair_xdp_gone(struct kern *k)
{
	k->repair.xdp = true;
	arm(k);
}

void repair_all(struct kern *k)
{
	k->repair.filters = true;
	arm(k);
}
