/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/flows.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

/* Sockets end in bursts: counted once for all, and never more than a tenth
 * of the time is spent on it. */
static const mtime SCAN_DELAY = {20000000};
enum { SCAN_SHARE = 10 };

static struct hoa *hoa_of(const struct bul_entry *e)
{
	return e->priv;
}

struct counting {
	struct flow_use *uses;
	size_t n;
};

static void on_sock(void *arg, const struct sockdiag_sock *sock)
{
	struct counting *c = arg;
	size_t i;

	if (sock->protocol == IPPROTO_TCP && sock->state == TCP_LISTEN)
		return;
	for (i = 0; i < c->n; i++) {
		if (!ip6_addr_eq(&c->uses[i].addr, &sock->local))
			continue;
		if (sock->protocol == IPPROTO_TCP)
			c->uses[i].tcp++;
		else
			c->uses[i].udp++;
		return;
	}
}

int flows_count(struct mn *mn, struct flow_use *uses, size_t n)
{
	struct counting c = {uses, n};
	int tries, err;
	size_t i;

	for (tries = 0; tries < 3; tries++) {
		for (i = 0; i < n; i++)
			uses[i].tcp = uses[i].udp = 0;
		err = sockdiag_dump(mn->sd, on_sock, &c);
		if (err != -EINTR)
			return err;
	}
	return err;
}

static bool udp_in_use(struct mn *mn, struct hoa *h, mtime now, mtime *until)
{
	struct dp_binding b;
	mtime last = h->used_since;

	if (!h->udp)
		return false;
	if (!dp_binding_get(mn->dp, &h->e->hoa, &b) &&
	    mtime_before(last, dp_last_used(&b)))
		last = dp_last_used(&b);
	*until = mtime_add(last, mn->conf.udp_idle);
	return mtime_before(now, *until);
}

/* Arms what has to happen next, from what was counted. */
static void judge_use(struct mn *mn, struct hoa *h, mtime now)
{
	mtime until, end = mtime_add(now, mn->conf.release_grace);

	if (h->tcp) {
		timers_del(&mn->loop.timers, &h->grace);
	} else if (udp_in_use(mn, h, now, &until)) {
		timers_set(&mn->loop.timers, &h->grace, until);
	} else {
		/* or it may be armed for when UDP would have been idle */
		if (!timer_armed(&h->grace) ||
		    mtime_before(end, h->grace.at))
			timers_set(&mn->loop.timers, &h->grace, end);
		return;
	}
	if (h->e->idle)
		bul_event(h->e, BUL_EV_BUSY, now);
}

/* Counts the sockets of every home address that is away. */
static int count_use(struct mn *mn)
{
	struct flow_use *uses;
	struct bul_entry *e;
	size_t n = 0, i = 0;
	int err;

	for (e = mn->bul.entries; e; e = e->next)
		n++;
	uses = calloc(n + 1, sizeof(*uses));
	if (!uses)
		return -ENOMEM;
	for (e = mn->bul.entries; e; e = e->next)
		uses[i++].addr = e->hoa;
	err = flows_count(mn, uses, n);
	if (err)
		log_warn("counting sockets: %s", strerror(-err));
	for (e = mn->bul.entries, i = 0; e && !err; e = e->next, i++) {
		hoa_of(e)->tcp = uses[i].tcp;
		hoa_of(e)->udp = uses[i].udp;
	}
	free(uses);
	return err;
}

void flows_scan(struct mn *mn, mtime now)
{
	struct bul_entry *e, *next;
	mtime spent;

	if (mn->flushing || !mn->bul.entries || count_use(mn))
		return;
	for (e = mn->bul.entries; e; e = next) {
		next = e->next;
		judge_use(mn, hoa_of(e), now);
	}
	spent = mtime_sub(loop_now(), now);
	mn->scan_gap.ns = SCAN_DELAY.ns + SCAN_SHARE * spent.ns;
}

void flows_scan_soon(struct mn *mn, const struct in6_addr *local)
{
	if (!bul_find(&mn->bul, local) || timer_armed(&mn->scan))
		return;
	timers_set(&mn->loop.timers, &mn->scan,
		   mtime_add(loop_now(), mn->scan_gap));
}

/* No flow was known for the grace time, or UDP was silent: look once more. */
void flows_on_grace(struct timer *timer, mtime now)
{
	struct hoa *h = (struct hoa *)((char *)timer -
				       offsetof(struct hoa, grace));
	struct mn *mn = h->mn;
	mtime until;

	if (count_use(mn)) {
		timers_set(&mn->loop.timers, &h->grace,
			   mtime_add(now, MTIME_SEC(1)));
		return;
	}
	if (h->tcp || udp_in_use(mn, h, now, &until)) {
		judge_use(mn, h, now);
		return;
	}
	mn_event(mn, ctl_ev("flow_end", "hoa", ip6_str(&h->e->hoa), NULL));
	bul_event(h->e, BUL_EV_IDLE, now);
}
