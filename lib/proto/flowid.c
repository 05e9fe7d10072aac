/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "proto/flowid.h"
#include "proto/mh.h"

enum {
	SUB_PAD1 = 0,
	SUB_PADN = 1,
	SUB_BIDS = 2,		/* Binding Reference, RFC 6089 4.2.1.3 */
	SUB_TS = 3,		/* Traffic Selector, 4.2.1.4 */
	MESSAGE_LEN = 12,	/* of BU and BA, RFC 6275 6.1.7, 6.1.8 */
	LABEL_MASK = 0x000fffff,
	DS_MASK = 0xfc,
};

/* ---- RFC 6088 3.2 */

enum { STARTS = 0xaaaa, ENDS = 0x5555 };

/* An end without its start MUST NOT be. */
static bool ends_have_starts(uint16_t fields)
{
	return !(fields & ENDS & ~((fields & STARTS) >> 1));
}

static void addrs_parse(struct rbuf *rb, uint16_t fields, uint16_t first,
			struct in6_addr *start, struct in6_addr *end)
{
	if (fields & first)
		rbuf_bytes(rb, start, sizeof(*start));
	*end = *start;
	if (fields & first >> 1)
		rbuf_bytes(rb, end, sizeof(*end));
}

static void words_parse(struct rbuf *rb, uint16_t fields, uint16_t first,
			uint32_t *start, uint32_t *end)
{
	if (fields & first)
		*start = rbuf_u32(rb);
	*end = fields & first >> 1 ? rbuf_u32(rb) : *start;
}

static void ports_parse(struct rbuf *rb, uint16_t fields, uint16_t first,
			uint16_t *start, uint16_t *end)
{
	if (fields & first)
		*start = rbuf_u16(rb);
	*end = fields & first >> 1 ? rbuf_u16(rb) : *start;
}

static void bytes_parse(struct rbuf *rb, uint16_t fields, uint16_t first,
			uint8_t *start, uint8_t *end)
{
	if (fields & first)
		*start = rbuf_u8(rb);
	*end = fields & first >> 1 ? rbuf_u8(rb) : *start;
}

static bool is_ordered(const struct traffic_selector *ts)
{
	return memcmp(&ts->src, &ts->src_end, sizeof(ts->src)) <= 0 &&
	       memcmp(&ts->dst, &ts->dst_end, sizeof(ts->dst)) <= 0 &&
	       ts->spi <= ts->spi_end && ts->label <= ts->label_end &&
	       ts->sport <= ts->sport_end && ts->dport <= ts->dport_end &&
	       ts->tc <= ts->tc_end && ts->nh <= ts->nh_end;
}

/* What follows TS Format and its reserved octet. */
static bool ts_parse(struct traffic_selector *ts, struct rbuf *rb)
{
	uint16_t f = ts->fields = rbuf_u16(rb);

	rbuf_u16(rb);
	addrs_parse(rb, f, TS_SRC, &ts->src, &ts->src_end);
	addrs_parse(rb, f, TS_DST, &ts->dst, &ts->dst_end);
	words_parse(rb, f, TS_SPI, &ts->spi, &ts->spi_end);
	words_parse(rb, f, TS_LABEL, &ts->label, &ts->label_end);
	ports_parse(rb, f, TS_SPORT, &ts->sport, &ts->sport_end);
	ports_parse(rb, f, TS_DPORT, &ts->dport, &ts->dport_end);
	bytes_parse(rb, f, TS_TC, &ts->tc, &ts->tc_end);
	bytes_parse(rb, f, TS_NH, &ts->nh, &ts->nh_end);
	ts->label &= LABEL_MASK;
	ts->label_end &= LABEL_MASK;
	ts->tc &= DS_MASK;
	ts->tc_end &= DS_MASK;
	return !rb->bad && !rbuf_left(rb) && ends_have_starts(f) &&
	       is_ordered(ts);
}

static void addrs_build(struct wbuf *wb, uint16_t fields, uint16_t first,
			const struct in6_addr *start,
			const struct in6_addr *end)
{
	if (fields & first)
		wbuf_bytes(wb, start, sizeof(*start));
	if (fields & first >> 1)
		wbuf_bytes(wb, end, sizeof(*end));
}

static void words_build(struct wbuf *wb, uint16_t fields, uint16_t first,
			uint32_t start, uint32_t end)
{
	if (fields & first)
		wbuf_u32(wb, start);
	if (fields & first >> 1)
		wbuf_u32(wb, end);
}

static void ports_build(struct wbuf *wb, uint16_t fields, uint16_t first,
			uint16_t start, uint16_t end)
{
	if (fields & first)
		wbuf_u16(wb, start);
	if (fields & first >> 1)
		wbuf_u16(wb, end);
}

static void bytes_build(struct wbuf *wb, uint16_t fields, uint16_t first,
			uint8_t start, uint8_t end)
{
	if (fields & first)
		wbuf_u8(wb, start);
	if (fields & first >> 1)
		wbuf_u8(wb, end);
}

/* RFC 6088 3.2: aligned by the largest field. */
static size_t ts_alignment(uint16_t fields)
{
	if (fields & (TS_SRC | TS_DST))
		return 8;
	if (fields & (TS_SPI | TS_LABEL))
		return 4;
	return fields & (TS_SPORT | TS_DPORT) ? 2 : 1;
}

static void ts_build(struct wbuf *wb, const struct traffic_selector *ts)
{
	uint16_t f = ts->fields;
	size_t len_at;

	mh_align(wb, ts_alignment(f), 0);
	wbuf_u8(wb, SUB_TS);
	len_at = wb->len;
	wbuf_u8(wb, 0);
	wbuf_u8(wb, TS_FORMAT_IPV6);
	wbuf_u8(wb, 0);
	wbuf_u16(wb, f);
	wbuf_u16(wb, 0);
	addrs_build(wb, f, TS_SRC, &ts->src, &ts->src_end);
	addrs_build(wb, f, TS_DST, &ts->dst, &ts->dst_end);
	words_build(wb, f, TS_SPI, ts->spi, ts->spi_end);
	words_build(wb, f, TS_LABEL, ts->label, ts->label_end);
	ports_build(wb, f, TS_SPORT, ts->sport, ts->sport_end);
	ports_build(wb, f, TS_DPORT, ts->dport, ts->dport_end);
	bytes_build(wb, f, TS_TC, ts->tc, ts->tc_end);
	bytes_build(wb, f, TS_NH, ts->nh, ts->nh_end);
	wbuf_set_u8(wb, len_at, (uint8_t)(wb->len - len_at - 1));
}

/* ---- RFC 6089 4.2.1 */

static uint8_t bids_parse(struct flow_id *id, struct rbuf *rb)
{
	size_t n = rbuf_left(rb) / sizeof(id->bids[0]);
	size_t i;

	if (id->n_bids || !n || rbuf_left(rb) % sizeof(id->bids[0]))
		return FLOW_STATUS_MALFORMED;
	if (n > FLOW_BIDS_MAX)
		return FLOW_STATUS_UNSPECIFIED;
	for (i = 0; i < n; i++)
		id->bids[i] = rbuf_u16(rb);
	id->n_bids = (uint8_t)n;
	return FLOW_STATUS_OK;
}

static uint8_t selector_parse(struct flow_id *id, struct rbuf *rb)
{
	uint8_t format = rbuf_u8(rb);

	rbuf_u8(rb);
	if (rb->bad || !format || id->has_ts)
		return FLOW_STATUS_MALFORMED;
	if (format != TS_FORMAT_IPV6)
		return FLOW_STATUS_TS_UNSUPPORTED;
	id->has_ts = true;
	return ts_parse(&id->ts, rb) ? FLOW_STATUS_OK : FLOW_STATUS_MALFORMED;
}

/* 4.2.1: what we do not know is skipped. */
static uint8_t sub_parse(struct flow_id *id, uint8_t type, struct rbuf *rb)
{
	if (type == SUB_BIDS)
		return bids_parse(id, rb);
	return type == SUB_TS ? selector_parse(id, rb) : FLOW_STATUS_OK;
}

static uint8_t subs_parse(struct flow_id *id, struct rbuf *rb)
{
	uint8_t fault = FLOW_STATUS_OK;

	while (rbuf_left(rb) > 0 && !fault) {
		uint8_t type = rbuf_u8(rb);
		struct rbuf body;

		if (type == SUB_PAD1)
			continue;
		body = rbuf_sub(rb, rbuf_u8(rb));
		fault = rb->bad ? FLOW_STATUS_MALFORMED :
			sub_parse(id, type, &body);
	}
	return fault;
}

/* Nothing is left of a faulty one that somebody could go by. */
static void forget_subs(struct flow_id *id)
{
	id->n_bids = 0;
	memset(id->bids, 0, sizeof(id->bids));
	id->has_ts = false;
	memset(&id->ts, 0, sizeof(id->ts));
}

/* 4.2: a FID or FID-PRI of zero MUST NOT be used. */
static void flow_parse(struct flow_id *id, struct rbuf *rb)
{
	struct rbuf subs;

	id->fid = rbuf_u16(rb);
	id->pri = rbuf_u16(rb);
	rbuf_u8(rb);
	id->status = rbuf_u8(rb);
	subs = rbuf_sub(rb, rbuf_left(rb));
	id->fault = subs_parse(id, &subs);
	if (!id->fault && (!id->fid || !id->pri))
		id->fault = FLOW_STATUS_MALFORMED;
	if (id->fault)
		forget_subs(id);
}

static bool id_parse(struct mh_flows *out, struct rbuf *rb)
{
	struct flow_id *id = &out->ids[out->n_ids];

	if (out->n_ids == FLOW_IDS_MAX) {
		out->excess = true;
		return true;
	}
	flow_parse(id, rb);
	if (rb->bad)
		return false;
	out->repeated |= mh_flows_find(out, id->fid) != NULL;
	out->n_ids++;
	return true;
}

static bool summary_parse(struct mh_flows *out, struct rbuf *rb)
{
	if (!rbuf_left(rb))
		return false;
	while (rbuf_left(rb) > 0 && !rb->bad) {
		uint16_t fid = rbuf_u16(rb);

		if (out->n_kept < FLOW_KEPT_MAX)
			out->kept[out->n_kept++] = fid;
		else
			out->excess = true;
	}
	return !rb->bad;
}

static bool opt_parse(struct mh_flows *out, uint8_t type, struct rbuf *rb)
{
	if (type == MH_OPT_FLOW_ID)
		return id_parse(out, rb);
	return type != MH_OPT_FLOW_SUMMARY || summary_parse(out, rb);
}

enum reason mh_flows_parse(struct mh_flows *out, const uint8_t *p, size_t len)
{
	struct rbuf rb, body;

	memset(out, 0, sizeof(*out));
	rbuf_init(&rb, p, len);
	rbuf_take(&rb, MESSAGE_LEN);
	while (rbuf_left(&rb) > 0) {
		uint8_t type = rbuf_u8(&rb);

		if (type == MH_OPT_PAD1)
			continue;
		body = rbuf_sub(&rb, rbuf_u8(&rb));
		if (rb.bad || !opt_parse(out, type, &body))
			return REASON_MH_OPTION;
	}
	return rb.bad ? REASON_MH_OPTION : REASON_NONE;
}

static void flow_build(struct wbuf *wb, const struct flow_id *id)
{
	size_t len_at, i;

	mh_align(wb, 2, 0);
	wbuf_u8(wb, MH_OPT_FLOW_ID);
	len_at = wb->len;
	wbuf_u8(wb, 0);
	wbuf_u16(wb, id->fid);
	wbuf_u16(wb, id->pri);
	wbuf_u8(wb, 0);
	wbuf_u8(wb, id->status);
	if (id->n_bids && !id->fault) {
		wbuf_u8(wb, SUB_BIDS);
		wbuf_u8(wb, (uint8_t)(id->n_bids * sizeof(id->bids[0])));
		for (i = 0; i < id->n_bids; i++)
			wbuf_u16(wb, id->bids[i]);
	}
	if (id->has_ts && !id->fault)
		ts_build(wb, &id->ts);
	wbuf_set_u8(wb, len_at, (uint8_t)(wb->len - len_at - 1));
}

/* 4.2.2: up to 127 FIDs each */
static void summaries_build(struct wbuf *wb, const struct mh_flows *flows)
{
	enum { EACH = 127 };
	unsigned int i, n;

	for (i = 0; i < flows->n_kept; i++) {
		n = flows->n_kept - i < EACH ? flows->n_kept - i : EACH;
		if (i % EACH == 0) {
			mh_align(wb, 2, 0);
			wbuf_u8(wb, MH_OPT_FLOW_SUMMARY);
			wbuf_u8(wb, (uint8_t)(n * sizeof(flows->kept[0])));
		}
		wbuf_u16(wb, flows->kept[i]);
	}
}

void mh_flows_build(struct wbuf *wb, const struct mh_flows *flows)
{
	unsigned int i;

	for (i = 0; i < flows->n_ids; i++)
		flow_build(wb, &flows->ids[i]);
	summaries_build(wb, flows);
}

const struct flow_id *mh_flows_find(const struct mh_flows *flows, uint16_t fid)
{
	unsigned int i;

	for (i = 0; i < flows->n_ids; i++)
		if (flows->ids[i].fid == fid)
			return &flows->ids[i];
	return NULL;
}

/* RFC 6089 4.2 */
const char *flow_status_str(uint8_t status)
{
	switch (status) {
	case FLOW_STATUS_OK:
		return "flow bound";
	case FLOW_STATUS_PROHIBITED:
		return "flow bindings administratively prohibited";
	case FLOW_STATUS_UNSPECIFIED:
		return "flow binding rejected, reason unspecified";
	case FLOW_STATUS_MALFORMED:
		return "malformed Flow Identification option";
	case FLOW_STATUS_BID_NOT_FOUND:
		return "BID not found";
	case FLOW_STATUS_FID_NOT_FOUND:
		return "FID not found";
	case FLOW_STATUS_TS_UNSUPPORTED:
		return "traffic selector format not supported";
	}
	return status < FLOW_STATUS_PROHIBITED ?
	       "flow bound, unknown status" :
	       "flow binding rejected, unknown status";
}
