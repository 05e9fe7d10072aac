/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves by hand over restarts of the daemon. They are in the store before who
 * asked is answered; what has ended leaves it with the next pass over all flows
 * (movework.c), and that of a daemon that was started finds what ended while
 * there was none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/kept.h"
#include "mn/moveint.h"

static const char key[] = "moves-by-hand";

_Static_assert(KEPT_MAX >= (int)MOVE_ORDERS_MAX, "there is room for all");

/* ---- to the store */

static void fill(const struct mn *mn, struct kept *kept)
{
	const struct moves *m = &mn->moves;
	unsigned int k;

	store_boot_id(kept->boot);
	kept->n = m->n_orders;
	for (k = 0; k < m->n_orders; k++) {
		const struct move_order *o = &m->orders[k];
		struct kept_order *to = &kept->orders[k];

		to->key = o->key;
		to->cookie = o->cookie;
		memcpy(to->iface, mn->ifaces[o->iface].name,
		       sizeof(to->iface));
	}
	kept_seal(kept);
}

static int put(struct mn *mn)
{
	struct kept *kept;
	int err;

	if (!mn->moves.n_orders) {
		err = store_del(mn->store, key);
		return err == -ENOENT ? 0 : err;
	}
	kept = calloc(1, sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	fill(mn, kept);
	/* they outlive the daemon, not the boot: the disk is not waited for */
	err = store_put(mn->store, key, kept, sizeof(*kept), false);
	free(kept);
	return err;
}

void movekeep_save(struct mn *mn)
{
	struct moves *m = &mn->moves;
	int err;

	if (!m->unsaved)
		return;
	err = put(mn);
	m->unsaved = err;	/* again with the next pass */
	if (err && err != m->save_err)
		log_err("moves by hand are not kept over a restart: %s",
			strerror(-err));
	m->save_err = err;
}

void movekeep_forget(struct mn *mn)
{
	mn->moves.n_orders = 0;
	mn->moves.unsaved = true;
	movekeep_save(mn);
}

/* ---- and back */

static const struct mn_iface *iface_of(const struct mn *mn, const char *name)
{
	unsigned int k;

	for (k = 0; k < mn->conf.n_ifaces; k++)
		if (!strcmp(mn->ifaces[k].name, name))
			return &mn->ifaces[k];
	return NULL;
}

static void take(struct mn *mn, const struct kept_order *o)
{
	const struct mn_iface *i = iface_of(mn, o->iface);
	const char *what = move_is_whole(&o->key) ? "" : ", one flow";
	struct moves *m = &mn->moves;

	if (!i) {
		log_warn("HoA %s%s: moved by hand to %s, which is no interface "
			 "of ours any more: forgotten", ip6_str(&o->key.hoa),
			 what, o->iface);
		return;
	}
	if (m->n_orders == MOVE_ORDERS_MAX || move_ordered(mn, &o->key))
		return;
	m->orders[m->n_orders++] = (struct move_order){
		.key = o->key, .cookie = o->cookie,
		.iface = (unsigned int)move_number(mn, i),
	};
	count(COUNT_MOVES_RESTORED);
	log_info("HoA %s%s: moved by hand to %s before the restart: it still "
		 "is", ip6_str(&o->key.hoa), what, o->iface);
}

static void take_all(struct mn *mn, const struct kept *kept)
{
	char boot[STORE_BOOT_ID];
	uint32_t i;

	store_boot_id(boot);
	if (memcmp(boot, kept->boot, sizeof(boot)) != 0) {
		log_info("%u moves by hand were before the last boot: "
			 "forgotten", kept->n);
		return;
	}
	for (i = 0; i < kept->n; i++)
		take(mn, &kept->orders[i]);
}

void movekeep_load(struct mn *mn)
{
	struct kept *kept = calloc(1, sizeof(*kept));
	const char *wrong = NULL;
	int err;

	if (!kept)
		return;
	err = store_get(mn->store, key, kept, sizeof(*kept));
	if (err == -EINVAL)
		wrong = "its length is wrong";
	else if (err && err != -ENOENT)
		wrong = strerror(-err);
	else if (!err)
		wrong = kept_wrong(kept);
	if (wrong)
		count_refusal(REASON_MOVES_STORED, "%s in %s: %s", key,
			      mn->conf.state, wrong);
	else if (!err)
		take_all(mn, kept);
	free(kept);
	/* without those that were refused, or are no more */
	mn->moves.unsaved = err != -ENOENT;
	movekeep_save(mn);
	if (!mn->moves.n_orders)
		return;
	flows_hoas_changed(mn);	/* their ends are to be told */
	move_soon(mn);
}

/* ---- for those who look */

const struct mn_iface *move_waits_for(struct mn *mn,
				      const struct sock_rec *rec)
{
	struct dp_flow_key flow, whole = move_whole(&rec->local);
	const struct move_order *o = NULL;
	const struct mn_iface *i;

	if (move_key(&flow, rec))
		o = move_ordered(mn, &flow);
	if (!o)
		o = move_ordered(mn, &whole);
	i = o ? &mn->ifaces[o->iface] : NULL;
	return i && !iface_usable(i) ? i : NULL;
}
