/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flow bindings on the wire: Flow Identification and Flow Summary mobility
 * options (RFC 6089 4.2), and the IPv6 binary traffic selector (RFC 6088 3.2).
 * Apart from struct mh, as few Binding Updates have them and they are large.
 */
#ifndef KEDGE_FLOWID_H
#define KEDGE_FLOWID_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/buf.h"
#include "proto/reason.h"
#include "proto/tsfield.h"

/* Ranges, both ends included, addresses apart in host order. Parsed ones have
 * an end wherever they have a start. */
struct traffic_selector {
	uint16_t fields;	/* enum ts_field; 0: matches all */
	struct in6_addr src, src_end, dst, dst_end;
	uint32_t spi, spi_end;
	uint32_t label, label_end;
	uint16_t sport, sport_end, dport, dport_end;
	uint8_t tc, tc_end;	/* the lower two bits count for nothing */
	uint8_t nh, nh_end;
};

/* RFC 6089 4.2. Below 128: accepted. */
enum flow_status {
	FLOW_STATUS_OK = 0,
	FLOW_STATUS_PROHIBITED = 128,
	FLOW_STATUS_UNSPECIFIED = 129,
	FLOW_STATUS_MALFORMED = 130,
	FLOW_STATUS_BID_NOT_FOUND = 131,
	FLOW_STATUS_FID_NOT_FOUND = 132,
	FLOW_STATUS_TS_UNSUPPORTED = 133,
};

enum {
	FLOW_BIDS_MAX = 8,
	/* in one message: as many as have room in the answer, too */
	FLOW_IDS_MAX = 160,
	FLOW_KEPT_MAX = 254,	/* two summaries */
	TS_FORMAT_IPV4 = 1,	/* RFC 6088 3 */
	TS_FORMAT_IPV6 = 2,
};

struct flow_id {
	uint16_t fid, pri;	/* FID, FID-PRI: 0 is reserved */
	uint8_t status;		/* enum flow_status, in a BA */
	/* What it deserves as it is, whatever is known of its FID and BIDs:
	 * FLOW_STATUS_MALFORMED, _TS_UNSUPPORTED, _UNSPECIFIED, or 0 */
	uint8_t fault;
	uint8_t n_bids;		/* 0: there is no binding reference */
	uint16_t bids[FLOW_BIDS_MAX];
	bool has_ts;
	struct traffic_selector ts;
};

struct mh_flows {
	unsigned int n_ids, n_kept;
	bool repeated;		/* two have the same FID, RFC 6089 5.3.2 */
	bool excess;		/* there are more than these, parsed of a BU */
	struct flow_id ids[FLOW_IDS_MAX];
	uint16_t kept[FLOW_KEPT_MAX];	/* FIDs of summaries */
};

/*
 * The flow options of a BU or BA that mh_parse() took. REASON_NONE, or
 * REASON_MH_OPTION: an option without a FID. *out holds nothing of p; of a malformed option fid, pri and fault alone are
 * set.
 */
enum reason mh_flows_parse(struct mh_flows *out, const uint8_t *p, size_t len);
/* For mh_build(). Faulty ones, and those whose status is not 0, go without
 * sub-options. */
void mh_flows_build(struct wbuf *wb, const struct mh_flows *flows);

/* NULL where none has this FID. */
const struct flow_id *mh_flows_find(const struct mh_flows *flows, uint16_t fid);

const char *flow_status_str(uint8_t status);	/* never NULL */

/* mh.c: pads up to the next offset of wb that is x * n + y, RFC 6275 6.2 */
void mh_align(struct wbuf *wb, size_t x, size_t y);

#endif
