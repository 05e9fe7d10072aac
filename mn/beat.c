/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Heartbeats with home agents (RFC 5847): what mn/live.h's machine asks for,
 * and what its word means for bindings, anchors and flows.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "core/count.h"
#include "core/log.h"
#include "core/restart.h"
#include "mn/json.h"
#include "mn/mn.h"

enum { FLOWS_TOLD_MAX = 64 };	/* in one event */

/* How many unanswered ones it takes to doubt binding and SAs, if so many may be
 * missing. */
enum { MISSING_SUSPECT = 2 };

static bool is_active(const struct bul_entry *e)
{
	return e->bound && !e->idle &&
	       (e->state == BUL_BOUND || e->state == BUL_REFRESHING) &&
	       !IN6_IS_ADDR_UNSPECIFIED(&e->coa);
}

static struct bul_entry *active_at(struct mn *mn, const struct in6_addr *ha)
{
	struct bul_entry *e;

	for (e = mn->bul.entries; e; e = e->next)
		if (ip6_addr_eq(&e->ha, ha) && is_active(e))
			return e;
	return NULL;
}

/* ---- the machine's verbs */

static int send_heartbeat(struct mn *mn, const struct bul_entry *e,
			  const struct mh *mh)
{
	uint8_t msg[64];
	ssize_t n = mh_build(msg, sizeof(msg), mh, &e->hoa, &e->ha);
	int err = n < 0 ? (int)n : signal_send(mn, e, IP6_PROTO_MH, msg,
					       (size_t)n);

	if (err)
		count_refusal(err == -ENOENT ? REASON_NO_SA :
			      REASON_SEND_FAILED,
			      "heartbeat of HoA %s to HA %s: %s",
			      ip6_str(&e->hoa), ip6_str(&e->ha),
			      strerror(-err));
	return err;
}

/* Under the SA of any of its home addresses: one of many tells of all. */
static int op_request(void *arg, const struct live_peer *p)
{
	const struct mh mh = {.type = MH_HB, .hb.seq = p->seq};
	struct mn *mn = arg;
	const struct bul_entry *e = active_at(mn, &p->ha);
	int err = e ? send_heartbeat(mn, e, &mh) : -EDESTADDRREQ;

	if (!err)
		count(COUNT_HEARTBEAT_SENT);
	return err;
}

static uint64_t op_received(void *arg, const struct in6_addr *ha)
{
	const struct bul_entry *e;
	struct dp_binding b;
	struct mn *mn = arg;
	uint64_t n = 0;

	for (e = mn->bul.entries; e; e = e->next)
		if (ip6_addr_eq(&e->ha, ha) &&
		    !dp_binding_get(mn->dp, &e->hoa, &b))
			n += b.rx_packets;
	return n;
}

struct report {
	struct mn *mn;
	const struct in6_addr *ha;
	struct json_object *flows;
	unsigned int n;
};

static void add_flow(void *arg, const struct sock_rec *rec)
{
	struct report *r = arg;
	const struct bul_entry *e = bul_find(&r->mn->bul, &rec->local);

	if (!e || !ip6_addr_eq(&e->ha, r->ha) || !use_is_flow(rec))
		return;
	if (r->n++ < FLOWS_TOLD_MAX)
		json_object_array_add(r->flows, flowctl_json(r->mn, rec));
}

/* Which sockets it is about: theirs is the address that is anchored there. */
static void tell_dead(struct mn *mn, const struct live_peer *p)
{
	struct report r = {mn, &p->ha, json_object_new_array(), 0};
	struct json_object *ev = ctl_ev("anchor_dead", "ha", ip6_str(&p->ha),
					NULL);

	flows_each(mn, false, add_flow, &r);
	put_int(ev, "n_flows", r.n);
	put_bool(ev, "reset", mn->conf.dead_anchor_reset);
	json_object_object_add(ev, "flows", r.flows);
	mn_event(mn, ev);
	log_warn("HA %s: dead, %u heartbeats were not answered; %u flows "
		 "%s", ip6_str(&p->ha), p->missing, r.n,
		 mn->conf.dead_anchor_reset ? "are reset" :
		 "wait for it to come back");
}

static void on_dead(struct mn *mn, const struct live_peer *p)
{
	const struct bul_entry *e;

	count(COUNT_ANCHOR_DEAD);
	anchors_dead(&mn->anchors, &p->ha, loop_now());
	tell_dead(mn, p);
	for (e = mn->bul.entries; e && mn->conf.dead_anchor_reset; e = e->next)
		if (ip6_addr_eq(&e->ha, &p->ha))
			flows_reset(mn, &e->hoa, FLOWS_ALL);
}

static void on_back(struct mn *mn, const struct live_peer *p)
{
	count(COUNT_ANCHOR_BACK);
	anchors_heard(&mn->anchors, &p->ha, 0, loop_now());
	log_info("HA %s: answers again", ip6_str(&p->ha));
	mn_event(mn, ctl_ev("anchor_alive", "ha", ip6_str(&p->ha), NULL));
}

static void op_state(void *arg, const struct live_peer *p,
		     enum live_state old)
{
	struct mn *mn = arg;

	switch (p->state) {
	case LIVE_DEAD:
		on_dead(mn, p);
		break;
	case LIVE_UP:
		if (old == LIVE_DEAD)
			on_back(mn, p);
		break;
	case LIVE_MUTE:
		log_info("HA %s: %s: whether it is alive is seen by traffic "
			 "and registrations alone", ip6_str(&p->ha),
			 p->refused ? "knows no heartbeats" :
				      "answers no heartbeats");
		break;
	case LIVE_NEW:
		break;
	}
}

/*
 * It may have been started anew, without its bindings: then what comes by the
 * tunnel is dropped there, heartbeats too (RFC 6275 6.1 has them go by it). A
 * Binding Update tells, and makes the binding again; where IKE made the SAs,
 * they may be gone as well.
 */
static void op_missed(void *arg, const struct live_peer *p)
{
	struct bul_entry *e, *next;
	struct mn *mn = arg;

	count(COUNT_HEARTBEAT_MISSED);
	log_debug("HA %s: heartbeat %u was not answered", ip6_str(&p->ha),
		  p->seq);
	if (p->state != LIVE_UP ||
	    (p->missing != MISSING_SUSPECT && p->missing < mn->live.allowed))
		return;
	for (e = mn->bul.entries; e; e = next) {
		next = e->next;
		if (!ip6_addr_eq(&e->ha, &p->ha) || !is_active(e))
			continue;
		if (signal_keyed(mn, e))
			keying_suspect(mn, &e->hoa, &e->ha);
		bul_event(e, BUL_EV_REFRESH, loop_now());
	}
}

static void op_answered(void *arg, const struct live_peer *p)
{
	struct mn *mn = arg;

	anchors_heard(&mn->anchors, &p->ha, ANCHOR_HEARTBEAT, loop_now());
	if (p->measured_at.ns && p->measured_at.ns == p->answered_at.ns)
		anchors_measured(&mn->anchors, &p->ha, p->rtt, loop_now());
}

/* RFC 5847 3.2: it has lost its bindings; so they are made again. */
static void op_restarted(void *arg, const struct live_peer *p)
{
	struct bul_entry *e, *next;
	struct mn *mn = arg;

	count(COUNT_ANCHOR_RESTARTED);
	log_warn("HA %s: it was started anew (restart counter %u), its "
		 "bindings are registered again", ip6_str(&p->ha), p->restart);
	mn_event(mn, ctl_ev("anchor_restarted", "ha", ip6_str(&p->ha), NULL));
	for (e = mn->bul.entries; e; e = next) {
		next = e->next;
		if (ip6_addr_eq(&e->ha, &p->ha))
			bul_event(e, BUL_EV_REFRESH, loop_now());
	}
}

static const struct live_ops ops = {
	.request = op_request,
	.received = op_received,
	.state = op_state,
	.missed = op_missed,
	.answered = op_answered,
	.restarted = op_restarted,
};

/* ---- what the rest of us tells */

/* Which home agents there are, after the events of the moment. */
static void on_sync(struct timer *timer, mtime now)
{
	struct mn *mn = (struct mn *)((char *)timer -
				      offsetof(struct mn, beat));
	const struct bul_entry *e;

	live_begin(&mn->live);
	for (e = mn->bul.entries; e; e = e->next)
		if (live_use(&mn->live, &e->ha, is_active(e),
			     randombytes_random(), now))
			log_err("HA %s: no heartbeats: out of memory",
				ip6_str(&e->ha));
	live_end(&mn->live, now);
}

void beat_soon(struct mn *mn)
{
	if (mn->beat.fn && !timer_armed(&mn->beat))
		timers_set(&mn->loop.timers, &mn->beat, loop_now());
}

void beat_moved(struct mn *mn)
{
	live_moved(&mn->live);
}

void beat_heard(struct mn *mn, const struct in6_addr *ha)
{
	live_heard(&mn->live, ha, loop_now());
}

bool beat_refused(struct mn *mn, const struct in6_addr *ha)
{
	return live_refused(&mn->live, ha, loop_now());
}

/* RFC 5847 3: a node answers, whatever bindings there are. */
static enum reason answer(struct mn *mn, const struct bul_entry *e,
			  const struct mh *request)
{
	struct mh mh = {.type = MH_HB,
			.hb = {.flags = MH_HB_R, .seq = request->hb.seq}};
	struct mh_opt *opt = mh_opt_add(&mh, MH_OPT_RESTART);

	opt->restart = mn->restarts;
	if (!send_heartbeat(mn, e, &mh))
		count(COUNT_HEARTBEAT_ANSWERED);
	return REASON_NONE;
}

enum reason beat_receive(struct mn *mn, const struct bul_entry *e,
			 const struct mh *mh)
{
	if (!(mh->hb.flags & MH_HB_R)) {
		count(COUNT_HEARTBEAT_RECEIVED);
		beat_heard(mn, &e->ha);
		return answer(mn, e, mh);
	}
	count(COUNT_HEARTBEAT_RESPONSES);
	return live_response(&mn->live, &e->ha, mh, loop_now());
}

/* "alive": true, false, or null: not known. */
void beat_json(struct json_object *o, struct mn *mn, const struct in6_addr *ha)
{
	const struct live_peer *p = live_find(&mn->live, ha);

	if (p && (p->state == LIVE_UP || p->state == LIVE_DEAD))
		put_bool(o, "alive", p->state == LIVE_UP);
	else
		put(o, "alive", NULL);
}

void beat_init(struct mn *mn)
{
	mn->beat.fn = on_sync;
	live_init(&mn->live, &ops, mn, &mn->loop.timers, mn->conf.heartbeat,
		  mn->conf.missing_heartbeats);
}

void beat_start(struct mn *mn, bool lost)
{
	mn->restarts = restart_count(mn->store, lost);
}

void beat_reload(struct mn *mn)
{
	live_configure(&mn->live, mn->conf.heartbeat,
		       mn->conf.missing_heartbeats, loop_now());
}

void beat_stop(struct mn *mn)
{
	timers_del(&mn->loop.timers, &mn->beat);
	live_fini(&mn->live);
}
