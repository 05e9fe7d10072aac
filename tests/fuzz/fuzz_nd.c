/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Input: source and destination address, then an ICMPv6 message. It is tried
 * as it is, and once more with hop limit and checksum made right.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/mip.h"
#include "proto/nd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

/* The same addresses, another message. */
static struct ip6_pkt with(struct ip6_pkt pkt, const uint8_t *p, ssize_t n)
{
	check(n > 0 && n % 8 == 0);
	pkt.upper = p;
	pkt.upper_len = (size_t)n;
	return pkt;
}

/* What parses must build and parse to the same. */
static void check_ra(const struct ip6_pkt *pkt)
{
	struct nd_ra msg, back;
	struct ip6_pkt built;
	uint8_t out[512];

	if (nd_ra_parse(&msg, pkt) != REASON_NONE)
		return;
	built = with(*pkt, out, nd_ra_build(out, sizeof(out), &msg, &pkt->src,
					    &pkt->dst));
	check(nd_ra_parse(&back, &built) == REASON_NONE);
	check(!memcmp(&msg, &back, sizeof(msg)));
}

static void check_rs(const struct ip6_pkt *pkt)
{
	struct nd_rs msg, back;
	struct ip6_pkt built;
	uint8_t out[64];

	if (nd_rs_parse(&msg, pkt) != REASON_NONE)
		return;
	built = with(*pkt, out, nd_rs_build(out, sizeof(out),
					    msg.has_slla ? msg.slla : NULL,
					    &pkt->src, &pkt->dst));
	check(nd_rs_parse(&back, &built) == REASON_NONE);
	check(!memcmp(&msg, &back, sizeof(msg)));
}

static void check_ns(const struct ip6_pkt *pkt)
{
	struct nd_ns msg, back;
	struct ip6_pkt built;
	uint8_t out[64];

	if (nd_ns_parse(&msg, pkt) != REASON_NONE)
		return;
	built = with(*pkt, out, nd_ns_build(out, sizeof(out), &msg, &pkt->src,
					    &pkt->dst));
	check(nd_ns_parse(&back, &built) == REASON_NONE);
	check(!memcmp(&msg, &back, sizeof(msg)));
}

static void check_na(const struct ip6_pkt *pkt)
{
	struct nd_na msg, back;
	struct ip6_pkt built;
	uint8_t out[64];

	if (nd_na_parse(&msg, pkt) != REASON_NONE)
		return;
	built = with(*pkt, out, nd_na_build(out, sizeof(out), &msg, &pkt->src,
					    &pkt->dst));
	check(nd_na_parse(&back, &built) == REASON_NONE);
	check(!memcmp(&msg, &back, sizeof(msg)));
}

static void check_mip(const struct ip6_pkt *pkt)
{
	struct mip msg, back;
	uint8_t out[IP6_SIGNAL_MAX];
	ssize_t n;

	if (mip_parse(&msg, pkt->upper, pkt->upper_len, &pkt->src,
		      &pkt->dst) != REASON_NONE)
		return;
	n = mip_build(out, sizeof(out), &msg, &pkt->src, &pkt->dst);
	check(n > 0);
	check(mip_parse(&back, out, (size_t)n, &pkt->src,
			&pkt->dst) == REASON_NONE);
	check(!memcmp(&msg, &back, sizeof(msg)));
}

static void check_all(const struct ip6_pkt *pkt)
{
	check_mip(pkt);
	check_ra(pkt);
	check_rs(pkt);
	check_ns(pkt);
	check_na(pkt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ip6_pkt pkt = {.proto = IP6_PROTO_ICMPV6, .hop_limit = 255};
	uint8_t fixed[IP6_SIGNAL_MAX];
	uint16_t sum;

	if (size < 32 + 4 || size > 32 + sizeof(fixed))
		return 0;
	memcpy(&pkt.src, data, 16);
	memcpy(&pkt.dst, data + 16, 16);
	pkt.upper = data + 32;
	pkt.upper_len = size - 32;
	check_all(&pkt);

	memcpy(fixed, pkt.upper, pkt.upper_len);
	fixed[1] = fixed[2] = fixed[3] = 0;
	pkt.upper = fixed;
	sum = ip6_checksum(&pkt.src, &pkt.dst, IP6_PROTO_ICMPV6, fixed,
			   pkt.upper_len);
	fixed[2] = (uint8_t)(sum >> 8);
	fixed[3] = (uint8_t)sum;
	check_all(&pkt);
	return 0;
}
