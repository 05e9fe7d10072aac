/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nl80211's events to the interfaces' machines (radio.h), and what becomes of
 * it: that of kedgectl prepare, or of a lost carrier. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/json.h"
#include "mn/mn.h"

static struct mn_iface *iface_of(struct radio *r)
{
	return (struct mn_iface *)((char *)r -
				   offsetof(struct mn_iface, radio));
}

/* Without another one there is nothing to choose from, and a program's own
 * threshold is left alone. */
static int weak_at(const struct mn *mn, const struct mn_iface *i)
{
	return mn->conf.n_ifaces > 1 ?
		mn->conf.ifaces[i - mn->ifaces].weak_signal : 0;
}

/* ---- what the machines ask for */

static bool op_watch(void *arg, struct radio *r)
{
	struct mn_iface *i = iface_of(r);
	struct mn *mn = arg;
	int err = wifi_watch(mn->wifi, i->ifindex, r->weak_at,
			     RADIO_HYSTERESIS);

	if (err)
		count(COUNT_SIGNAL_UNWATCHED);
	if (err && count_may_log(&mn->states_told))
		log_info("%s: its signal is not watched (%s): it is asked for"
			 "%s", i->name, strerror(-err),
			 count_left_out(&mn->states_told));
	return !err;
}

static int op_ask(void *arg, struct radio *r)
{
	struct mn *mn = arg;
	int dbm, err = wifi_signal(mn->wifi, iface_of(r)->ifindex, &dbm);

	return err ? 0 : dbm;
}

static void tell(struct mn *mn, const struct mn_iface *i, const char *what)
{
	char dbm[16] = "";

	if (i->radio.dbm)
		snprintf(dbm, sizeof(dbm), "%d", i->radio.dbm);
	mn_event(mn, ctl_ev("signal", "interface", i->name, "state", what,
			    "dbm", dbm, NULL));
}

static void op_state(void *arg, struct radio *r, enum radio_state old)
{
	struct mn_iface *i = iface_of(r);
	bool weak = r->state == RADIO_WEAK;
	struct mn *mn = arg;

	if ((weak || old == RADIO_WEAK) && count_may_log(&mn->states_told))
		log_info("%s: signal %d dBm, %s -> %s%s", i->name, r->dbm,
			 radio_state_str(old), radio_state_str(r->state),
			 count_left_out(&mn->states_told));
	if (weak)
		count(COUNT_SIGNAL_WEAK);
	tell(mn, i, radio_state_str(r->state));
	move_weak(mn, i, weak);
	if (weak || old == RADIO_WEAK)
		move_soon(mn);
}

static void op_leaving(void *arg, struct radio *r, bool leaving)
{
	struct mn_iface *i = iface_of(r);
	struct mn *mn = arg;

	if (count_may_log(&mn->states_told))
		log_info("%s: its access point is %s%s", i->name,
			 leaving ? "not heard" : "heard again",
			 count_left_out(&mn->states_told));
	if (leaving) {
		count(COUNT_BEACONS_LOST);
		tell(mn, i, "silent");
	}
	move_notice_by_link(mn, i, leaving ? RADIO_LEAVING : (mtime){0});
	move_soon(mn);
}

/* It may be with the next one by now: then the kernel's count of carriers lost
 * tells, in its turn. */
static void op_lost(void *arg, struct radio *r)
{
	struct mn_iface *i = iface_of(r);
	struct mn *mn = arg;
	int dbm;

	log_debug("%s: disconnected from its access point", i->name);
	if (wifi_signal(mn->wifi, i->ifindex, &dbm))
		mn_link_lost(mn, i);
}

/* The carrier may have stayed; or it did not go when we were disconnected. */
static void op_joined(void *arg, struct radio *r)
{
	struct mn_iface *i = iface_of(r);
	struct mn *mn = arg;

	count(COUNT_WIFI_JOINED);
	log_debug("%s: joined an access point", i->name);
	attach_joined(&i->at);
	if (!i->up)
		rtnl_dump_links(mn->rtnl);
}

static const struct radio_ops radio_ops = {
	.watch = op_watch,
	.ask = op_ask,
	.state = op_state,
	.leaving = op_leaving,
	.lost = op_lost,
	.joined = op_joined,
};

/* ---- nl80211 */

void radios_look(struct mn *mn, struct mn_iface *i)
{
	bool associated;
	int dbm;

	if (!mn->wifi)
		return;
	associated = i->ifindex && !wifi_managed(mn->wifi, i->ifindex) &&
		     !wifi_signal(mn->wifi, i->ifindex, &dbm);
	radio_found(&i->radio, associated, loop_now());
}

static void look_all(struct mn *mn)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		radios_look(mn, &mn->ifaces[k]);
}

static void on_wifi_event(void *arg, const struct wifi_event *ev)
{
	struct mn *mn = arg;
	struct mn_iface *i;

	if (mn->flushing)
		return;
	if (ev->type == WIFI_LOOK) {
		log_debug("nl80211: looking at all interfaces");
		look_all(mn);
		return;
	}
	i = mn_iface(mn, ev->ifindex);
	if (i)
		radio_event(&i->radio, ev, loop_now());
}

static void on_readable(void *arg)
{
	struct mn *mn = arg;

	wifi_read_events(mn->wifi);
}

/* ---- configuration, start and end */

void radios_init(struct mn *mn)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++) {
		struct mn_iface *i = &mn->ifaces[k];

		radio_init(&i->radio, &radio_ops, mn, &mn->loop.timers);
		radio_set(&i->radio, weak_at(mn, i), loop_now());
	}
}

/* All goes on without it. */
void radios_open(struct mn *mn)
{
	int err = wifi_open(&mn->wifi, on_wifi_event, mn);

	if (!err)
		err = loop_fd_add(&mn->loop, &mn->on_wifi,
				  wifi_event_fd(mn->wifi), on_readable, mn);
	if (err) {
		log_info("no nl80211: %s", strerror(-err));
		radios_close(mn);
		return;
	}
	look_all(mn);
}

void radios_close(struct mn *mn)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		radio_fini(&mn->ifaces[k].radio);
	loop_fd_del(&mn->on_wifi);
	wifi_close(mn->wifi);
	mn->wifi = NULL;
}

void radios_reload(struct mn *mn)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		radio_set(&mn->ifaces[k].radio, weak_at(mn, &mn->ifaces[k]),
			  loop_now());
}

void radios_json(struct json_object *o, struct mn *mn,
		 const struct mn_iface *i)
{
	bool known = i->radio.state != RADIO_NONE;
	int dbm = 0;

	if (known)
		wifi_signal(mn->wifi, i->ifindex, &dbm);
	put(o, "signal", known ? radio_state_str(i->radio.state) : NULL);
	if (dbm)
		put_int(o, "signal_dbm", dbm);
	else
		put(o, "signal_dbm", NULL);
}
