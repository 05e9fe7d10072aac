/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/flows.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"

/* Sockets end in bursts: counted once for all, and never more than a tenth
 * of the time is spent on it. */
static const mtime SCAN_DELAY = {20000000};
enum { SCAN_SHARE = 10, TRIES = 3 };

/* A count that is younger is not repeated because a binding is refreshed. */
static const mtime STALE = {10000000000};

/* A handover goes before telling those that do not take part in it. */
static const mtime RESET_WAIT = {20000000};

/* And where that comes meanwhile: so many at once take 2 ms, then the loop does
 * what else there is. */
enum { RESETS_AT_ONCE = 64 };

/* Where counting failed. */
static const mtime RETRY = {1000000000};

/* An address that a remote anchor assigned is kept for so long for the socket
 * that is to have it. */
static const mtime ASSIGNED_KEEP = {10000000000};

/* ---- all sockets */

static int each_of_hook(struct mn *mn, void (*fn)(void *arg,
			const struct sock_rec *rec), void *arg)
{
	int err = sockhook_each(mn->sh, fn, arg);

	if (!err)
		return sockdiag_each_bound(mn->sd, fn, arg);
	log_warn("the socket programs cannot list sockets: %s (sock_diag "
		 "does, without their types)", strerror(-err));
	mn->flows.no_hook = true;
	return err;
}

/* Without the socket programs: what the shim told of some. */
struct telling {
	struct mn *mn;
	void (*fn)(void *arg, const struct sock_rec *rec);
	void *arg;
};

static void with_told(void *arg, const struct sock_rec *rec)
{
	const struct telling *t = arg;
	const struct sock_state *state = app_sock(t->mn->app, rec->cookie,
						  rec->uid);
	struct sock_rec known = *rec;

	if (state) {
		known.has_state = true;
		known.state = *state;
		if (!known.bound)
			known.local = state->source;
	}
	if (!IN6_IS_ADDR_UNSPECIFIED(&known.local))
		t->fn(t->arg, &known);
}

int flows_each(struct mn *mn, bool tcp_info, void (*fn)(void *arg,
	       const struct sock_rec *rec), void *arg)
{
	struct telling t = { mn, fn, arg };

	if (mn->sh && !mn->flows.no_hook)
		return each_of_hook(mn, fn, arg);
	return sockdiag_each(mn->sd, tcp_info, with_told, &t);
}

struct counting {
	const struct policy *policy;
	struct use_table table;
};

static void on_sock(void *arg, const struct sock_rec *rec)
{
	struct counting *c = arg;

	use_table_add(&c->table, c->policy, rec);
}

static int count_once(struct mn *mn, struct counting *c)
{
	int err;

	use_table_clear(&c->table);
	mn->flows.counted = loop_now();
	count(COUNT_SOCKETS_COUNTED);
	err = flows_each(mn, false, on_sock, c);
	use_table_finish(&c->table);
	return err;
}

static int count_all(struct mn *mn, struct flow_use *uses, size_t n)
{
	struct counting c = {.policy = &mn->policy};
	int tries = 0, err = use_table_init(&c.table, uses, n);
	mtime begun = loop_now(), spent;

	while (!err && n) {
		err = count_once(mn, &c);
		if (!err || ++tries == TRIES)
			break;
		err = 0;
	}
	if (err) {
		log_warn("counting sockets: %s", strerror(-err));
		mn->flows.counted = (mtime){0};
	}
	spent = mtime_sub(loop_now(), begun);
	mn->flows.not_before.ns = loop_now().ns + SCAN_SHARE * spent.ns;
	use_table_fini(&c.table);
	return err;
}

void flows_take(struct hoa *h, const struct flow_use *use)
{
	bool none = h->graceful_over && use->tcp + use->udp == use->graceful;

	h->tcp = none ? 0 : use->tcp;
	h->udp = none ? 0 : use->udp;
	h->udp_asked = none ? 0 : use->udp_asked;
}

int flows_count(struct mn *mn, struct flow_use *uses, size_t n)
{
	size_t away = 0, i = 0, k;
	struct flow_use *all;
	struct bul_entry *e;
	int err;

	for (e = mn->bul.entries; e; e = e->next)
		away++;
	all = calloc(away + n + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (e = mn->bul.entries; e; e = e->next)
		all[i++].addr = e->hoa;
	for (k = 0; k < n; k++)
		all[i++].addr = uses[k].addr;
	err = count_all(mn, all, away + n);
	for (k = 0; k < n; k++) {
		uses[k] = (struct flow_use){.addr = all[away + k].addr};
		if (!err)
			uses[k] = all[away + k];
	}
	for (e = mn->bul.entries, i = 0; e && !err; e = e->next)
		flows_take(hoa_of(e), &all[i++]);
	free(all);
	return err;
}

/* ---- which home addresses have flows */

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

/* Whatever the packets do: a connection, or a socket that asked for an address
 * that stays (RFC 8653 3.1), has it for as long as it is open. One that is on its
 * link goes when nobody wants a part of it elsewhere. */
static bool kept_open(const struct hoa *h)
{
	return h->fixed || h->tcp || h->udp_asked || h->way.home ||
	       (h->paths && h->paths->wanted && paths_home(h));
}

static mtime release_at(struct mn *mn, const struct hoa *h, mtime now)
{
	mtime end = mtime_add(now, mn->conf.release_grace);
	mtime keep = mtime_add(h->used_since, ASSIGNED_KEEP);

	return h->assigned && mtime_before(end, keep) ? keep : end;
}

/* Arms what has to happen next, from what was counted. */
static void judge(struct mn *mn, struct hoa *h, mtime now)
{
	mtime until, end;

	if (kept_open(h)) {
		timers_del(&mn->loop.timers, &h->grace);
	} else if (udp_in_use(mn, h, now, &until)) {
		timers_set(&mn->loop.timers, &h->grace, until);
	} else {
		end = release_at(mn, h, now);
		/* or it may be armed for when UDP would have been idle */
		if (!timer_armed(&h->grace) ||
		    mtime_before(end, h->grace.at))
			timers_set(&mn->loop.timers, &h->grace, end);
		return;
	}
	if (h->e->idle && !h->leaving)
		bul_event(h->e, BUL_EV_BUSY, now);
}

/* 0 where there is a count that began at now or later; -errno: there is none */
static int count_since(struct mn *mn, mtime now)
{
	return mtime_before(mn->flows.counted, now) ?
		flows_count(mn, NULL, 0) : 0;
}

void flows_scan(struct mn *mn, mtime now)
{
	struct bul_entry *e, *next;

	if (mn->flushing || !mn->bul.entries)
		return;
	if (count_since(mn, now)) {
		timers_set(&mn->loop.timers, &mn->flows.scan,
			   mtime_add(now, RETRY));
		return;
	}
	for (e = mn->bul.entries; e; e = next) {
		next = e->next;
		judge(mn, hoa_of(e), now);
	}
}

void flows_scan_soon(struct mn *mn)
{
	mtime at = mtime_add(loop_now(), SCAN_DELAY);

	if (!mn->flows.watching || timer_armed(&mn->flows.scan))
		return;
	if (mtime_before(at, mn->flows.not_before))
		at = mn->flows.not_before;
	timers_set(&mn->loop.timers, &mn->flows.scan, at);
}

void flows_refreshed(struct mn *mn)
{
	mtime age = mtime_sub(loop_now(), mn->flows.counted);

	if (mtime_before(STALE, age))
		flows_scan_soon(mn);
}

static void on_scan(struct timer *timer, mtime now)
{
	struct flows *flows = (struct flows *)((char *)timer -
					       offsetof(struct flows, scan));

	flows_scan((struct mn *)((char *)flows - offsetof(struct mn, flows)),
		   now);
}

/* No flow was known for the grace time, or UDP was silent: look once more. */
void flows_on_grace(struct timer *timer, mtime now)
{
	struct hoa *h = (struct hoa *)((char *)timer -
				       offsetof(struct hoa, grace));
	struct mn *mn = h->mn;
	/* a socket may have got it since another one's count */
	mtime since = select_withdraw(mn, h) ? loop_now() : now, until;
	int err = count_since(mn, since);
	bool used = err || kept_open(h) || udp_in_use(mn, h, now, &until);

	h->parting = false;
	if (used)	/* it may be chosen again */
		select_soon(mn);
	if (err) {
		timers_set(&mn->loop.timers, &h->grace,
			   mtime_add(now, RETRY));
		return;
	}
	if (used) {
		judge(mn, h, now);
		return;
	}
	mn_event(mn, ctl_ev("flow_end", "hoa", ip6_str(&h->e->hoa), NULL));
	bul_event(h->e, BUL_EV_IDLE, now);
}

/* ---- what the kernel tells meanwhile */

/*
 * A socket's type is not told with its end, nor is whether it was there at the
 * last count: what is kept here may fall below the truth, and the count that
 * follows at 0 puts it right.
 */
static void on_end(void *arg, const struct sock_rec *rec)
{
	struct mn *mn = arg;
	struct bul_entry *e = bul_find(&mn->bul, &rec->local);
	struct hoa *h = e ? hoa_of(e) : NULL;

	move_flow_ended(mn, rec);
	/* whose it was is not told: one that the shim knows, perhaps */
	if (!rec->bound && !mn->sh && app_knows(mn->app))
		flows_scan_soon(mn);
	if (!h)
		return;
	if (rec->protocol == IPPROTO_TCP) {
		if (h->tcp && !--h->tcp)
			flows_scan_soon(mn);
		return;
	}
	if (h->udp)
		h->udp--;
	if (!h->tcp && (h->udp_asked || !h->udp))
		flows_scan_soon(mn);
}

static void on_end_readable(void *arg)
{
	struct mn *mn = arg;
	bool overrun = false;

	sockdiag_read_events(mn->sd, on_end, mn, &overrun);
	if (!overrun)
		return;
	count(COUNT_SOCKET_EVENTS_LOST);
	flows_scan_soon(mn);
}

/* A socket that is bound to no address began to send from this one, or the last
 * of such ended, or one would have an address. With TCP there, the count at its
 * end will tell. */
static void on_held(void *arg, const struct sock_event *ev)
{
	struct mn *mn = arg;
	const struct bul_entry *e = bul_find(&mn->bul, &ev->addr);

	if (ev->type == SOCK_EVENT_WANTED)
		select_wanted(mn, ev->service);
	else if (ev->type == SOCK_EVENT_WAY)
		move_soon(mn);
	else if (e && !hoa_of(e)->tcp)
		flows_scan_soon(mn);
}

static void on_held_readable(void *arg)
{
	struct mn *mn = arg;

	sockhook_read_events(mn->sh, on_held, mn);
}

static void watch(struct mn *mn, bool on)
{
	int err;

	if (mn->flows.watching == on)
		return;
	mn->flows.watching = on;
	err = sockdiag_watch(mn->sd, on);
	if (err)
		log_err("ends of sockets: %s", strerror(-err));
	if (!on)
		timers_del(&mn->loop.timers, &mn->flows.scan);
}

void flows_hoas_changed(struct mn *mn)
{
	const struct bul_entry *e = mn->bul.entries;

	while (e && hoa_of(e)->fixed)
		e = e->next;
	watch(mn, e || move_watches(mn));
}

void flows_moving(struct mn *mn)
{
	watch(mn, true);
}

static void forget_doomed(struct flows *flows);
static void on_reset(struct timer *timer, mtime now);

void flows_init(struct mn *mn)
{
	mn->flows.scan.fn = on_scan;
	mn->flows.reset.fn = on_reset;
}

int flows_start(struct mn *mn)
{
	int err = loop_fd_add(&mn->loop, &mn->flows.on_end,
			      sockdiag_event_fd(mn->sd), on_end_readable, mn);

	if (!err && mn->sh)
		err = loop_fd_add(&mn->loop, &mn->flows.on_held,
				  sockhook_event_fd(mn->sh), on_held_readable,
				  mn);
	return err;
}

void flows_stop(struct mn *mn)
{
	timers_del(&mn->loop.timers, &mn->flows.scan);
	timers_del(&mn->loop.timers, &mn->flows.reset);
	forget_doomed(&mn->flows);
	loop_fd_del(&mn->flows.on_end);
	loop_fd_del(&mn->flows.on_held);
}

/* ---- telling sockets that their address is gone */

struct doomed {
	struct mn *mn;
	size_t cap;
};

static struct flow_due *due_of(struct mn *mn, const struct in6_addr *addr)
{
	unsigned int k;

	for (k = 0; k < mn->flows.n_due; k++)
		if (ip6_addr_eq(&mn->flows.due[k].addr, addr))
			return &mn->flows.due[k];
	return NULL;
}

static void doom(struct doomed *d, const struct sock_rec *rec)
{
	struct flows *flows = &d->mn->flows;
	size_t cap = d->cap ? d->cap * 2 : RESETS_AT_ONCE;
	struct sock_rec *list;

	if (flows->n_doomed == d->cap) {
		list = reallocarray(flows->doomed, cap, sizeof(*list));
		if (!list) {
			log_err("resetting sockets: out of memory");
			return;
		}
		flows->doomed = list;
		d->cap = cap;
	}
	flows->doomed[flows->n_doomed++] = *rec;
}

static void choose(void *arg, const struct sock_rec *rec)
{
	struct doomed *d = arg;
	struct flow_due *due = due_of(d->mn, &rec->local);
	struct flow_type type;

	if (!due || !use_is_flow(rec))
		return;
	type = use_type(&d->mn->policy, rec);
	if (due->services & 1u << type.service)
		doom(d, rec);
}

/* Those of a pass that was cut short are none the less right. */
static void find_doomed(struct mn *mn)
{
	struct doomed d = {.mn = mn};
	unsigned int k;

	for (k = 0; k < mn->flows.n_due; k++)
		mn->flows.due[k].looked_for = true;
	flows_each(mn, false, choose, &d);
}

static void cannot_destroy(struct mn *mn)
{
	mn->flows.n_doomed = 0;
	if (mn->flows.no_destroy)
		return;
	mn->flows.no_destroy = true;
	log_warn("this kernel has no SOCK_DESTROY (CONFIG_INET_DIAG_DESTROY): "
		 "sockets whose address is gone have to find out by "
		 "themselves");
}

static void destroy(struct mn *mn, const struct sock_rec *rec)
{
	int err = sockdiag_destroy(mn->sd, rec);

	if (err == -EOPNOTSUPP)
		cannot_destroy(mn);
	if (err)	/* gone by itself */
		return;
	due_of(mn, &rec->local)->told++;
	count(COUNT_SOCKETS_RESET);
}

static void tell_reset(struct mn *mn, const struct flow_due *due)
{
	struct json_object *ev;

	if (!due->told)
		return;
	ev = ctl_ev("reset", "address", ip6_str(&due->addr), NULL);
	json_object_object_add(ev, "sockets", json_object_new_int(due->told));
	mn_event(mn, ev);
	log_info("HoA %s: %u sockets were told that it is gone",
		 ip6_str(&due->addr), due->told);
	/* who was told may leave it open, and nobody tells of that */
	flows_scan_soon(mn);
}

static void forget_doomed(struct flows *flows)
{
	free(flows->doomed);
	flows->doomed = NULL;
	flows->n_doomed = flows->next_doomed = 0;
}

/* What has become due meanwhile stays. */
static void reset_done(struct mn *mn)
{
	struct flows *flows = &mn->flows;
	unsigned int k, n = 0;

	forget_doomed(flows);
	for (k = 0; k < flows->n_due; k++) {
		if (flows->due[k].looked_for)
			tell_reset(mn, &flows->due[k]);
		else
			flows->due[n++] = flows->due[k];
	}
	flows->n_due = n;
}

/* False: there is more to do. */
static bool reset_some(struct mn *mn)
{
	struct flows *flows = &mn->flows;
	unsigned int k;

	if (!flows->doomed)
		find_doomed(mn);
	for (k = 0; k < RESETS_AT_ONCE &&
	     flows->next_doomed < flows->n_doomed; k++)
		destroy(mn, &flows->doomed[flows->next_doomed++]);
	if (flows->next_doomed < flows->n_doomed)
		return false;
	reset_done(mn);
	return !flows->n_due;
}

static void on_reset(struct timer *timer, mtime now)
{
	struct flows *flows = (struct flows *)((char *)timer -
					       offsetof(struct flows, reset));
	struct mn *mn = (struct mn *)((char *)flows -
				      offsetof(struct mn, flows));

	(void)now;
	if (!reset_some(mn))
		timers_set(&mn->loop.timers, timer, loop_now());
}

void flows_reset(struct mn *mn, const struct in6_addr *addr, uint32_t services)
{
	struct flow_due *due = due_of(mn, addr);

	while (!due && mn->flows.n_due == FLOWS_DUE_MAX)
		reset_some(mn);
	if (!due) {
		due = &mn->flows.due[mn->flows.n_due++];
		*due = (struct flow_due){.addr = *addr};
	}
	due->services |= services;
	due->looked_for = false;
	if (!timer_armed(&mn->flows.reset))
		timers_set(&mn->loop.timers, &mn->flows.reset,
			   mtime_add(loop_now(), RESET_WAIT));
}

void flows_forget(struct mn *mn, const struct in6_addr *addr)
{
	if (mn->sh)
		sockhook_lost(mn->sh, addr);
}

void flows_lost(struct mn *mn, const struct in6_addr *addr)
{
	if (mn->policy.reset_lost)
		flows_reset(mn, addr, FLOWS_ALL);
	flows_forget(mn, addr);
}
