/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flow bindings, RFC 6089 5.3. */
#include <string.h>

#include "ha/multi.h"
#include "proto/ip6.h"

enum {
	/* whose ports are the first four bytes */
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_DCCP = 33,
	PROTO_SCTP = 132,
	PROTO_UDPLITE = 136,
};

static bool has_ports(uint8_t proto)
{
	return proto == PROTO_TCP || proto == PROTO_UDP ||
	       proto == PROTO_DCCP || proto == PROTO_SCTP ||
	       proto == PROTO_UDPLITE;
}

bool multi_is_exact(const struct traffic_selector *ts,
		    const struct in6_addr *hoa)
{
	enum {
		TUPLE = TS_SRC | TS_SPORT | TS_DPORT | TS_NH,
		ENDS = TS_SRC_END | TS_SPORT_END | TS_DPORT_END | TS_NH_END,
		MAY = TS_DST | TS_DST_END,
	};

	if ((ts->fields & TUPLE) != TUPLE ||
	    ts->fields & ~(TUPLE | ENDS | MAY))
		return false;
	if (ts->fields & TS_DST && (!ip6_addr_eq(&ts->dst, hoa) ||
				    !ip6_addr_eq(&ts->dst_end, hoa)))
		return false;
	return ip6_addr_eq(&ts->src, &ts->src_end) &&
	       ts->sport == ts->sport_end && ts->dport == ts->dport_end &&
	       ts->nh == ts->nh_end && has_ports(ts->nh);
}

unsigned int multi_ranges(const struct multi_host *host)
{
	unsigned int i, n = 0;

	for (i = 0; host && i < host->n_flows; i++)
		n += !host->flows[i].exact;
	return n;
}

bool multi_flow_fits(const struct multi *m, const struct multi_host *host,
		     bool exact)
{
	unsigned int ranges = multi_ranges(host);

	if (host->n_flows >= m->conf.max_flows ||
	    m->n_flows >= m->conf.flows_all)
		return false;
	return exact || (ranges < MULTI_RANGES_MAX &&
			 (ranges || m->n_ranged < MULTI_RANGED_ALL));
}

void multi_flow_put(struct multi_host *host, const struct multi_flow *flow)
{
	unsigned int i;

	for (i = 0; i < host->n_flows; i++)
		if (flow->pri < host->flows[i].pri)
			break;
	memmove(&host->flows[i + 1], &host->flows[i],
		(host->n_flows - i) * sizeof(host->flows[0]));
	host->flows[i] = *flow;
	host->n_flows++;
}

static const struct multi_flow *flow_find(const struct multi_host *host,
					  uint16_t fid)
{
	unsigned int i;

	for (i = 0; host && i < host->n_flows; i++)
		if (host->flows[i].fid == fid)
			return &host->flows[i];
	return NULL;
}

/* 4.2: FID-PRI is each flow's own. */
static bool pri_is_taken(const struct multi_host *host, uint16_t pri)
{
	unsigned int i;

	for (i = 0; i < host->n_flows; i++)
		if (host->flows[i].pri == pri)
			return true;
	return false;
}

static bool has_bid(const struct multi_flow *flow, uint16_t bid)
{
	unsigned int i;

	for (i = 0; i < flow->n_bids; i++)
		if (flow->bids[i] == bid)
			return true;
	return false;
}

/* 4.2.1.3: each is to be registered by now. One named twice is one. */
static uint8_t set_bids(const struct multi_host *host,
			const struct flow_id *id, struct multi_flow *out)
{
	unsigned int i;

	out->n_bids = 0;
	for (i = 0; i < id->n_bids; i++) {
		if (!multi_path(host, id->bids[i]))
			return FLOW_STATUS_BID_NOT_FOUND;
		if (has_bid(out, id->bids[i]))
			continue;
		if (out->n_bids == MULTI_WAYS)
			return FLOW_STATUS_UNSPECIFIED;
		out->bids[out->n_bids++] = id->bids[i];
	}
	return FLOW_STATUS_OK;
}

/* Is there room for it, in this home address's and in all? */
static bool has_room(const struct multi *m, const struct multi_host *old,
		     const struct multi_flow *flow)
{
	const struct multi_host *host = m->judged.host;
	unsigned int ranges = multi_ranges(host);
	unsigned int others = m->n_flows - (old ? old->n_flows : 0);

	if (host->n_flows >= m->conf.max_flows ||
	    others + host->n_flows >= m->conf.flows_all)
		return false;
	if (flow->exact)
		return true;
	return ranges < MULTI_RANGES_MAX &&
	       (ranges || multi_ranges(old) || m->n_ranged < MULTI_RANGED_ALL);
}

/* 5.3.2.1 and 5.3.2.2: known is what this FID was, or NULL; out, what it
 * becomes. */
static uint8_t flow_judge(const struct multi *m, const struct multi_host *old,
			  const struct multi_flow *known,
			  const struct flow_id *id, struct multi_flow *out)
{
	const struct multi_host *host = m->judged.host;
	uint8_t fault = id->fault;

	if (!m->conf.max_flows)
		return FLOW_STATUS_PROHIBITED;
	if (fault)
		return fault;
	if (!known && (!id->has_ts || !id->n_bids))
		return FLOW_STATUS_MALFORMED;
	*out = known ? *known : (struct multi_flow){ .fid = id->fid };
	out->pri = id->pri;
	if (id->has_ts) {
		out->ts = id->ts;
		out->exact = multi_is_exact(&id->ts, &host->hoa);
	}
	if (id->n_bids)
		fault = set_bids(host, id, out);
	if (!fault && (pri_is_taken(host, out->pri) ||
		       !has_room(m, old, out)))
		fault = FLOW_STATUS_UNSPECIFIED;
	return fault;
}

/* For the Acknowledgement, if there is room: without sub-options. */
static void answer(struct multi *m, uint16_t fid, uint16_t pri, uint8_t status)
{
	struct mh_flows *flows = &m->judged.flows;

	if (flows->n_ids < FLOW_IDS_MAX)
		flows->ids[flows->n_ids++] = (struct flow_id){
			.fid = fid, .pri = pri, .status = status };
}

/* What there was, as it was: where its option was rejected, too. */
static void flow_keep(struct multi *m, const struct multi_flow *known)
{
	struct multi_host *host = m->judged.host;

	if (known && host->n_flows < m->conf.max_flows &&
	    !flow_find(host, known->fid))
		multi_flow_put(host, known);
}

/* 5.3.3. Those that are modified as well have their own answer. */
static void keep_summary(struct multi *m, const struct multi_host *old,
			 const struct mh_flows *flows)
{
	unsigned int i;

	for (i = 0; i < flows->n_kept; i++)
		if (!mh_flows_find(flows, flows->kept[i]))
			flow_keep(m, flow_find(old, flows->kept[i]));
}

static bool asked_before(const struct mh_flows *flows, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (flows->kept[i] == flows->kept[n])
			return true;
	return false;
}

/* An answer is longer than what asks for it: all have to go into a packet that
 * gets everywhere. Who asked for more hears of the rest when it asks again. */
static bool has_room_for_answer(const struct multi *m)
{
	enum { ROOM = 1100, BID_LEN = 6, FLOW_LEN = 8 };

	return m->judged.n * BID_LEN + m->judged.flows.n_ids * FLOW_LEN < ROOM;
}

static void answer_summary(struct multi *m, const struct multi_host *old,
			   const struct mh_flows *flows)
{
	unsigned int i;

	for (i = 0; i < flows->n_kept && has_room_for_answer(m); i++)
		if (!flow_find(old, flows->kept[i]) &&
		    !mh_flows_find(flows, flows->kept[i]) &&
		    !asked_before(flows, i))
			answer(m, flows->kept[i], 0,
			       FLOW_STATUS_FID_NOT_FOUND);
}

/* 5.3.2: two of the same FID have all options rejected. */
static void flows_modify(struct multi *m, const struct multi_host *old,
			 const struct mh_flows *flows)
{
	unsigned int i;

	for (i = 0; i < flows->n_ids; i++) {
		const struct flow_id *id = &flows->ids[i];
		const struct multi_flow *known = flow_find(old, id->fid);
		struct multi_flow flow;
		uint8_t status = flows->repeated ? FLOW_STATUS_UNSPECIFIED :
				 flow_judge(m, old, known, id, &flow);

		answer(m, id->fid, id->pri, status);
		if (status)
			flow_keep(m, known);
		else
			multi_flow_put(m->judged.host, &flow);
	}
}

/* 5.3.4: what is not named is removed: it is not put into the new list. */
void multi_judge_flows(struct multi *m, const struct multi_host *old,
		       const struct mh_flows *flows)
{
	keep_summary(m, old, flows);
	flows_modify(m, old, flows);
	answer_summary(m, old, flows);
}
