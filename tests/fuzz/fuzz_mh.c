/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Input: source and destination address, then a Mobility Header. It is tried
 * as it is, and once more with length and checksum made right, so that what
 * lies behind them is reached.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/flowid.h"
#include "proto/ip6.h"
#include "proto/mh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

/* What parses must build and parse to the same. */
static enum reason check_one(const uint8_t *p, size_t len,
			     const struct in6_addr *src,
			     const struct in6_addr *dst)
{
	uint8_t out[MH_MAX_LEN];
	struct mh mh, back;
	enum reason reason = mh_parse(&mh, p, len, src, dst);
	ssize_t n;

	mh_type_str(mh.type);
	if (reason != REASON_NONE)
		return reason;
	n = mh_build(out, sizeof(out), &mh, src, dst);
	check(n > 0 && n % 8 == 0);
	check(mh_parse(&back, out, (size_t)n, src, dst) == REASON_NONE);
	/* those are not built again */
	mh.n_unknown = mh.n_flows = mh.n_excess = 0;
	check(!memcmp(&mh, &back, sizeof(mh)));
	return reason;
}

/* The same of the flow options in it, whatever its type. */
static void check_flows(const uint8_t *p, size_t len)
{
	uint8_t out[2 * MH_MAX_LEN] = { 0 };
	struct mh_flows flows, back;
	struct wbuf wb;

	if (mh_flows_parse(&flows, p, len) != REASON_NONE)
		return;
	wbuf_init(&wb, out, sizeof(out));
	wbuf_zero(&wb, 12);
	mh_flows_build(&wb, &flows);
	check(!wb.bad);
	check(mh_flows_parse(&back, out, wb.len) == REASON_NONE);
	check(flows.n_ids == back.n_ids && flows.n_kept == back.n_kept);
	check(!memcmp(flows.kept, back.kept, sizeof(flows.kept)));
	for (unsigned int i = 0; i < flows.n_ids; i++) {
		if (!flows.ids[i].fault)
			check(!memcmp(&flows.ids[i], &back.ids[i],
				      sizeof(flows.ids[i])));
		flow_status_str(flows.ids[i].status);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t fixed[MH_MAX_LEN];
	struct in6_addr addrs[2];
	enum reason reason;
	uint16_t sum;

	if (size < sizeof(addrs))
		return 0;
	memcpy(addrs, data, sizeof(addrs));
	data += sizeof(addrs);
	size -= sizeof(addrs);
	check_one(data, size, &addrs[0], &addrs[1]);
	check_flows(data, size);

	size = size / 8 * 8;
	if (size < 8 || size > sizeof(fixed))
		return 0;
	memcpy(fixed, data, size);
	fixed[0] = IP6_PROTO_NONE;
	fixed[1] = (uint8_t)(size / 8 - 1);
	fixed[4] = fixed[5] = 0;
	sum = ip6_checksum(&addrs[0], &addrs[1], IP6_PROTO_MH, fixed, size);
	fixed[4] = (uint8_t)(sum >> 8);
	fixed[5] = (uint8_t)sum;
	reason = check_one(fixed, size, &addrs[0], &addrs[1]);
	check(reason == REASON_NONE || reason == REASON_MH_UNKNOWN_TYPE ||
	      reason == REASON_MH_LENGTH || reason == REASON_MH_OPTION);
	return 0;
}
