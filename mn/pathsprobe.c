/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does each way that flows take lead anywhere? Heartbeats (RFC 5847) tell of the
 * home agent, by the way that packets take by default, and their answers come by
 * that. A Binding Update that is sent from another care-of address is answered
 * to that one (RFC 6275 9.5.4): it tells of both directions. As often as
 * heartbeats are sent, the binding is refreshed by one of these ways; where no
 * acknowledgement has come after as many heartbeats as may be missing, it leads
 * nowhere.
 */
#include "mn/pathsint.h"

static const mtime SOON = {1000000000};

static bool has_flow(const struct multi *m, uint16_t bid)
{
	const struct multi_flow *f;

	for (f = m->flows; f < m->flows + m->n_flows; f++)
		if (!f->wide && f->registered && !f->gone && f->at == bid)
			return true;
	return false;
}

static bool is_used(const struct hoa *h, const struct multi_path *p)
{
	return p->registered && !p->home && p->ifindex != h->way.ifindex &&
	       paths_usable(h->mn, p->ifindex) &&
	       (has_flow(h->e->multi, p->bid) || paths_on_trial(h, p->ifindex));
}

/* In turns. NULL: there is none but the default. */
static const struct multi_path *next_of(const struct paths *p)
{
	const struct multi *m = p->h->e->multi;
	const struct multi_path *q, *first = NULL;
	bool past = false;

	for (q = m ? m->paths : NULL; q && q < m->paths + m->n_paths; q++) {
		if (is_used(p->h, q)) {
			if (past)
				return q;
			if (!first)
				first = q;
		}
		past |= q->ifindex == p->probed;
	}
	return first;
}

void paths_probe_plan(struct paths *p)
{
	const mtime every = p->h->mn->conf.heartbeat;

	if (!every.ns || !next_of(p) || p->h->mn->flushing)
		p->probe_at = (mtime){0};
	else if (p->unproved || !p->probe_at.ns)
		p->probe_at = mtime_add(loop_now(), p->unproved ? (mtime){0} :
								  every);
	if (p->probe_at.ns)
		p->unproved = false;
}

void paths_probe(struct paths *p, mtime now)
{
	const struct mn_conf *conf = &p->h->mn->conf;
	const struct multi_path *q = next_of(p);
	mtime limit = {conf->heartbeat.ns * conf->missing_heartbeats};
	struct bul_entry *e = p->h->e;

	/* what is under way is answered, or doubted itself */
	p->probe_at = mtime_add(now, SOON);
	if (q && e->state == BUL_BOUND && !p->proving) {
		p->probe_at = (mtime){0};
		p->sender = *q;
		p->sender.coa = e->coa;
		p->sender.ifindex = e->ifindex;
		p->proving = true;
		p->probed = q->ifindex;
		bul_set_patience(e, PATHS_SETTLE);
		bul_set_coa(e, &q->coa, q->ifindex);
		paths_doubt(p, q->ifindex, limit);
		bul_event(e, BUL_EV_REFRESH, now);
	}
	paths_sync(p);
}

void paths_proved(struct paths *p)
{
	struct bul_entry *e = p->h->e;

	move_iface_answers(p->h->mn, &e->hoa, e->ifindex);
	if (!p->proving)
		return;
	p->proving = false;
	if (e->multi)
		bul_set_coa(e, &p->sender.coa, p->sender.ifindex);
}
