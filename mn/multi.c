/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/multi.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "proto/ip6.h"

void multi_init(struct multi *m)
{
	memset(m, 0, sizeof(*m));
	/* RFC 5648 5.9: set where we register several for the first time */
	m->replace = true;
}

/* ---- look-up */

static struct multi_path *find_path(struct multi *m, uint16_t bid)
{
	unsigned int k;

	for (k = 0; k < m->n_paths; k++)
		if (m->paths[k].bid == bid)
			return &m->paths[k];
	return NULL;
}

const struct multi_path *multi_path(const struct multi *m, uint16_t bid)
{
	return find_path((struct multi *)m, bid);
}

const struct multi_path *multi_path_by(const struct multi *m,
				       uint32_t ifindex)
{
	unsigned int k;

	for (k = 0; k < m->n_paths; k++)
		if (m->paths[k].ifindex == ifindex)
			return &m->paths[k];
	return NULL;
}

/* RFC 6089 5.1.1: what no flow binding takes goes by the one with the lowest
 * BID-PRI. */
const struct multi_path *multi_default(const struct multi *m)
{
	const struct multi_path *best = NULL, *p;

	for (p = m->paths; p < m->paths + m->n_paths; p++)
		if (p->registered && (!best || p->known_pri < best->known_pri))
			best = p;
	return best;
}

static bool same_flow(const struct multi_flow *a, const struct multi_flow *b)
{
	return a->wide == b->wide && !memcmp(&a->key, &b->key, sizeof(a->key));
}

const struct multi_flow *multi_flow(const struct multi *m,
				    const struct dp_flow_key *key)
{
	const struct multi_flow *f;

	for (f = m->flows; f < m->flows + m->n_flows; f++)
		if (!f->wide && !memcmp(&f->key, key, sizeof(*key)))
			return f;
	return NULL;
}

/* No two are the same (RFC 6089 4.2); the narrower comes first. */
uint16_t multi_pri(const struct multi_flow *f)
{
	return f->wide ? MULTI_PRI_ALL - f->key.proto : f->fid;
}

/* ---- what is wanted */

/* As the home agent has it, where that is so. */
static void keep_path(const struct multi *m, struct multi_path *p)
{
	const struct multi_path *was = multi_path(m, p->bid);
	bool same = was && was->home == p->home &&
		    ip6_addr_eq(&was->coa, &p->coa);

	p->registered = same && was->registered;
	p->known_pri = p->registered ? was->known_pri : 0;
	p->status = same ? was->status : 0;
	p->sent = same && was->sent;
	p->due = !same || was->due || was->pri != p->pri;
}

static bool want_paths(struct multi *m, const struct multi_path *paths,
		       unsigned int n)
{
	struct multi_path new[MULTI_PATHS_MAX];
	unsigned int k, kept = 0;
	bool due = false;

	for (k = 0; k < n; k++) {
		new[k] = paths[k];
		keep_path(m, &new[k]);
		due |= new[k].due;
	}
	for (k = 0; k < m->n_paths; k++) {
		const struct multi_path *p = &m->paths[k];
		unsigned int j;

		for (j = 0; j < n && new[j].bid != p->bid; j++)
			;
		kept += j < n;
	}
	if (kept < m->n_paths)
		due = m->replace = true;
	memcpy(m->paths, new, n * sizeof(*new));
	m->n_paths = n;
	return due;
}

static bool fid_used(const struct multi *m, uint16_t fid)
{
	unsigned int k;

	for (k = 0; k < m->n_flows; k++)
		if (m->flows[k].fid == fid)
			return true;
	return false;
}

/* RFC 6089 5.2.2.1: one that is not in the home agent's list. */
static uint16_t new_fid(struct multi *m)
{
	do {
		m->next_fid++;
	} while (!m->next_fid || m->next_fid > MULTI_FID_MAX ||
		 fid_used(m, m->next_fid));
	return m->next_fid;
}

static struct multi_flow *find_flow(struct multi *m,
				    const struct multi_flow *like)
{
	unsigned int k;

	for (k = 0; k < m->n_flows; k++)
		if (same_flow(&m->flows[k], like))
			return &m->flows[k];
	return NULL;
}

static void take_bids(struct multi_flow *f, const struct multi_flow *want)
{
	if (!f->gone && f->n_bids == want->n_bids &&
	    !memcmp(f->bids, want->bids, sizeof(f->bids)))
		return;
	f->gone = false;
	f->n_bids = want->n_bids;
	memcpy(f->bids, want->bids, sizeof(f->bids));
	f->due = true;
	f->tries = 0;
}

static void add_flow(struct multi *m, const struct multi_flow *want)
{
	struct multi_flow *f = find_flow(m, want);

	if (f) {
		take_bids(f, want);
		return;
	}
	if (m->n_flows == MULTI_FLOWS_MAX)
		return;
	f = &m->flows[m->n_flows];
	*f = *want;
	f->fid = new_fid(m);
	f->registered = f->sent = f->gone = false;
	f->at = 0;
	f->status = f->tries = 0;
	f->due = true;
	m->n_flows++;
}

static bool is_wanted(const struct multi_flow *f, const struct multi_flow *list,
		      unsigned int n)
{
	unsigned int k;

	for (k = 0; k < n; k++)
		if (same_flow(f, &list[k]))
			return true;
	return false;
}

static void want_flows(struct multi *m, const struct multi_flow *flows,
		       unsigned int n)
{
	unsigned int k, kept = 0;

	for (k = 0; k < m->n_flows; k++) {
		struct multi_flow *f = &m->flows[k];

		if (!is_wanted(f, flows, n)) {
			/* it may be there, if its BA was lost */
			m->dropped |= f->registered || f->sent;
			f->gone = true;
			f->due = false;
		}
		if (!f->gone || f->registered)
			m->flows[kept++] = *f;
	}
	m->n_flows = kept;
	for (k = 0; k < n; k++)
		add_flow(m, &flows[k]);
}

static bool paths_as_before(struct multi *m, const struct multi_path *paths,
			    unsigned int n)
{
	const struct multi_path *p;
	unsigned int k;

	for (k = 0; k < n; k++) {
		p = find_path(m, paths[k].bid);
		if (!p || p->pri != paths[k].pri || p->home != paths[k].home ||
		    !ip6_addr_eq(&p->coa, &paths[k].coa))
			return false;
	}
	return n == m->n_paths;
}

static bool flows_as_before(struct multi *m, const struct multi_flow *flows,
			    unsigned int n)
{
	const struct multi_flow *f;
	unsigned int k, there = 0;

	for (k = 0; k < m->n_flows; k++)
		there += !m->flows[k].gone;
	for (k = 0; k < n; k++) {
		f = find_flow(m, &flows[k]);
		if (!f || f->gone || f->n_bids != flows[k].n_bids ||
		    memcmp(f->bids, flows[k].bids, sizeof(f->bids)) != 0)
			return false;
	}
	return n == there;
}

bool multi_want(struct multi *m, const struct multi_path *paths,
		unsigned int n_paths, const struct multi_flow *flows,
		unsigned int n_flows)
{
	bool due;

	m->asked = m->asked && paths_as_before(m, paths, n_paths) &&
		   flows_as_before(m, flows, n_flows);
	due = want_paths(m, paths, n_paths);
	want_flows(m, flows, n_flows);
	m->retried = false;
	return !m->asked && (multi_due(m) || due);
}

void multi_restore(struct multi *m, const struct multi_path *paths,
		   unsigned int n_paths, const struct multi_flow *flows,
		   unsigned int n_flows)
{
	unsigned int k;

	multi_init(m);
	m->n_paths = n_paths;
	memcpy(m->paths, paths, n_paths * sizeof(*paths));
	for (k = 0; k < n_paths; k++) {
		m->paths[k].registered = true;
		m->paths[k].known_pri = paths[k].pri;
	}
	for (k = 0; k < n_flows; k++) {
		struct multi_flow *f = &m->flows[m->n_flows];

		if (!flows[k].fid)
			continue;
		*f = flows[k];
		f->registered = true;
		f->at = f->bids[0];
		m->n_flows++;
	}
	for (k = 0; k < n_flows; k++)
		if (!flows[k].fid)
			add_flow(m, &flows[k]);
}

void multi_refresh(struct multi *m)
{
	unsigned int k;

	m->retried = false;
	for (k = 0; k < m->n_paths; k++)
		m->paths[k].due = true;
}

void multi_forget(struct multi *m)
{
	unsigned int k;

	multi_refresh(m);
	m->replace = true;
	for (k = 0; k < m->n_paths; k++)
		m->paths[k].registered = false;
	for (k = 0; k < m->n_flows; k++) {
		struct multi_flow *f = &m->flows[k];

		f->due |= f->registered && !f->gone;
		f->registered = false;
		f->tries = 0;
	}
}

/* ---- Binding Updates */

/* RFC 6089 5.2.2.1: its care-of addresses are registered by the same BU or by
 * an earlier one. */
static bool has_paths(const struct multi *m, const struct multi_flow *f)
{
	unsigned int k;

	for (k = 0; k < f->n_bids; k++) {
		const struct multi_path *p = multi_path(m, f->bids[k]);

		if (!p || !(p->sent || (p->registered && !m->replace)))
			return false;
	}
	return !(m->lacks & MULTI_LACKS_FLOWS);
}

static bool is_refused(const struct multi_path *p)
{
	return !p->due && !p->registered;
}

/* RFC 5648 5.3; where that is not taken, the first one that is due. */
static void choose_paths(struct multi *m)
{
	bool bulk = !(m->lacks & MULTI_LACKS_BULK), one = false;
	struct multi_path *p;

	for (p = m->paths; p < m->paths + m->n_paths; p++) {
		p->sent = bulk ? !is_refused(p) : p->due && !one;
		one |= p->sent;
	}
	if (!one && m->n_paths)
		m->paths[0].sent = true;
}

static bool flow_due(const struct multi *m, const struct multi_flow *f)
{
	return f->due && has_paths(m, f);
}

bool multi_due(const struct multi *m)
{
	unsigned int k;

	if (m->dropped)
		return true;
	for (k = 0; k < m->n_paths; k++)
		if (m->paths[k].due)
			return true;
	for (k = 0; k < m->n_flows; k++)
		if (flow_due(m, &m->flows[k]))
			return true;
	return false;
}

static void add_path(const struct multi *m, struct mh *bu,
		     const struct multi_path *p)
{
	struct mh_opt *opt = mh_opt_add(bu, MH_OPT_BID);

	if (!opt)
		return;
	opt->bid.id = p->bid;
	opt->bid.home = p->home;
	opt->bid.pri = p->pri;
	opt->bid.len = MH_BID_LEN_IPV6;
	opt->bid.coa = p->coa;
	/* RFC 5648 5.6.3 */
	if (!p->home || !m->has_mac)
		return;
	opt = mh_opt_add(bu, MH_OPT_LLA);
	if (!opt)
		return;
	opt->lla.code = MH_LLA_OF_MN;
	memcpy(opt->lla.addr, m->mac, sizeof(m->mac));
}

/* RFC 6088 3.2: as the home agent sees its packets. */
static struct traffic_selector selector_of(const struct multi_flow *f)
{
	struct traffic_selector ts = {0};

	ts.nh = f->key.proto;
	if (f->wide) {
		ts.fields = ts.nh ? TS_NH : 0;
		return ts;
	}
	ts.fields = TS_SRC | TS_SPORT | TS_DPORT | TS_NH;
	ts.src = f->key.peer;
	ts.sport = ntohs(f->key.peer_port);
	ts.dport = ntohs(f->key.hoa_port);
	return ts;
}

static void add_new_flow(struct mh_flows *out, const struct multi_flow *f)
{
	struct flow_id *id = &out->ids[out->n_ids++];

	id->fid = f->fid;
	id->pri = multi_pri(f);
	id->n_bids = f->n_bids;
	memcpy(id->bids, f->bids, f->n_bids * sizeof(f->bids[0]));
	id->has_ts = true;
	id->ts = selector_of(f);
}

/* RFC 6089 5.2: what a BU does not name is deleted. One that has changed, but
 * for which there is no room yet, is kept as it was. */
static void add_flows(struct multi *m)
{
	struct multi_flow *f;

	memset(&m->out, 0, sizeof(m->out));
	for (f = m->flows; f < m->flows + m->n_flows; f++) {
		f->sent = flow_due(m, f) &&
			  m->out.n_ids < MULTI_FLOWS_AT_ONCE;
		if (f->sent)
			add_new_flow(&m->out, f);
		else if (f->registered && !f->gone)
			m->out.kept[m->out.n_kept++] = f->fid;
	}
}

void multi_build(struct multi *m, struct mh *bu)
{
	unsigned int k;

	m->refused = 0;
	choose_paths(m);
	if (m->replace)
		bu->bu.flags |= MH_BU_O;
	for (k = 0; k < m->n_paths; k++)
		if (m->paths[k].sent)
			add_path(m, bu, &m->paths[k]);
	add_flows(m);
	if (m->out.n_ids || m->out.n_kept)
		bu->flows = &m->out;
	m->asked = true;
}

/* ---- Binding Acknowledgements */

static const struct mh_opt *find_bid(const struct mh *ba, uint16_t bid)
{
	unsigned int k;

	for (k = 0; k < ba->n_opts; k++)
		if (ba->opts[k].type == MH_OPT_BID && ba->opts[k].bid.id == bid)
			return &ba->opts[k];
	return NULL;
}

/* RFC 5648 5.7: what the option says, where it says anything. 4 is that of the
 * whole alone. */
static uint8_t status_of(const struct mh *ba, const struct multi_path *p)
{
	const struct mh_opt *opt = find_bid(ba, p->bid);

	if (opt && opt->bid.status)
		return opt->bid.status;
	return ba->ba.status == MH_STATUS_MCOA_NOTCOMPLETE ?
	       MH_STATUS_ACCEPTED : ba->ba.status;
}

static bool says(const struct multi *m, const struct mh *ba, uint8_t status)
{
	const struct multi_path *p;

	for (p = m->paths; p < m->paths + m->n_paths; p++)
		if (p->sent && status_of(ba, p) == status)
			return true;
	return ba->ba.status == status;
}

/* One that has no BID option, and no status of RFC 5648 either. */
static bool knows_no_bids(const struct mh *ba)
{
	return !mh_opt_find(ba, MH_OPT_BID) &&
	       (ba->ba.status < MH_STATUS_MCOA_MALFORMED ||
		ba->ba.status > MH_STATUS_MCOA_HOME_PROHIBITED);
}

static void take_path(struct multi_path *p, uint8_t status)
{
	p->status = status;
	p->due = false;
	p->registered = status < 128;
	p->known_pri = p->registered ? p->pri : 0;
}

/* The O flag has removed those that were not in it. */
static void replaced(struct multi *m)
{
	struct multi_path *p;

	m->replace = false;
	for (p = m->paths; p < m->paths + m->n_paths; p++) {
		if (p->sent || is_refused(p))
			continue;
		p->registered = false;
		p->due = true;
	}
}

static void take_paths(struct multi *m, const struct mh *ba)
{
	struct multi_path *p;

	for (p = m->paths; p < m->paths + m->n_paths; p++)
		if (p->sent)
			take_path(p, status_of(ba, p));
	if (m->replace)
		replaced(m);
}

static void refuse_flow(struct multi_flow *f, uint8_t status)
{
	f->status = status;
	f->due = f->registered = false;
	f->at = 0;
}

/* RFC 6089 4.2; 131 and 132 pass when the BID, or the flow, is registered. */
static void take_flow(struct multi *m, struct multi_flow *f, uint8_t status)
{
	switch (status) {
	case FLOW_STATUS_BID_NOT_FOUND:
	case FLOW_STATUS_FID_NOT_FOUND:
		refuse_flow(f, status);
		f->due = ++f->tries < MULTI_FLOW_TRIES;
		return;
	case FLOW_STATUS_PROHIBITED:
		m->lacks |= MULTI_LACKS_FLOWS;
		break;
	}
	if (status >= FLOW_STATUS_PROHIBITED) {
		refuse_flow(f, status);
		return;
	}
	f->status = status;
	f->due = false;
	f->registered = true;
	f->at = f->bids[0];
}

static void forget_gone(struct multi *m)
{
	unsigned int k, kept = 0;

	for (k = 0; k < m->n_flows; k++)
		if (!m->flows[k].gone)
			m->flows[kept++] = m->flows[k];
	m->n_flows = kept;
	m->dropped = false;
}

static void take_flows(struct multi *m, const struct mh_flows *flows)
{
	const struct flow_id *id;
	struct multi_flow *f;

	/* RFC 6089 5.2.6 */
	if (m->out.n_ids && (!flows || !flows->n_ids))
		m->lacks |= MULTI_LACKS_FLOWS;
	for (f = m->flows; f < m->flows + m->n_flows; f++) {
		id = flows ? mh_flows_find(flows, f->fid) : NULL;
		if (id)
			take_flow(m, f, id->status);
		else if (f->sent)
			refuse_flow(f, FLOW_STATUS_UNSPECIFIED);
		f->sent = false;
	}
	forget_gone(m);
}

/* Nothing of it was done. True: it is worth another BU. */
static bool retry(struct multi *m)
{
	bool again = !m->retried;

	m->retried = true;
	return again;
}

static enum multi_verdict refuse(struct multi *m, uint8_t status)
{
	m->refused = status;
	return MULTI_REFUSED;
}

static enum multi_verdict take(struct multi *m, const struct mh *ba,
			       uint8_t *status)
{
	unsigned int k;

	*status = ba->ba.status;
	if (*status >= 128)
		return refuse(m, *status);
	take_paths(m, ba);
	take_flows(m, ba->flows);
	if (says(m, ba, MH_STATUS_MCOA_HOME_WO_NDP) ||
	    says(m, ba, MH_STATUS_MCOA_HOME_PROHIBITED))
		m->lacks |= MULTI_LACKS_HOME;
	*status = MH_STATUS_ACCEPTED;
	if (multi_default(m))
		return MULTI_TAKEN;
	for (k = 0; k < m->n_paths; k++)
		if (m->paths[k].status >= 128)
			*status = m->paths[k].status;
	return refuse(m, *status);
}

/* RFC 5648 5.7 */
enum multi_verdict multi_ba(struct multi *m, const struct mh *ba,
			    uint8_t *status)
{
	*status = ba->ba.status;
	m->asked = false;
	if (knows_no_bids(ba) || says(m, ba, MH_STATUS_MCOA_PROHIBITED)) {
		m->lacks |= MULTI_LACKS_ALL;
		return ba->ba.status < 128 && knows_no_bids(ba) ?
		       MULTI_PLAIN : MULTI_NEVER;
	}
	if (says(m, ba, MH_STATUS_MCOA_BULK_PROHIBITED) &&
	    !(m->lacks & MULTI_LACKS_BULK)) {
		m->lacks |= MULTI_LACKS_BULK;
		return MULTI_AGAIN;
	}
	if ((says(m, ba, MH_STATUS_MCOA_NON_MCOA_EXISTS) ||
	     says(m, ba, MH_STATUS_MCOA_UNKNOWN_COA)) && retry(m)) {
		m->replace = true;
		return MULTI_AGAIN;
	}
	if (ba->ba.status == MH_STATUS_MCOA_HOME_PROHIBITED) {
		m->lacks |= MULTI_LACKS_HOME;
		return MULTI_HOMELESS;
	}
	return take(m, ba, status);
}
