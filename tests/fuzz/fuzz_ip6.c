/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Input: an IPv6 packet. What parses must build and parse to the same; then
 * it goes on to the Mobility Header or Neighbour Discovery, as on reception.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/ip6.h"
#include "proto/mh.h"
#include "proto/nd.h"
#include "proto/tunnel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_same(const struct ip6_pkt *a, const struct ip6_pkt *b)
{
	check(ip6_addr_eq(&a->src, &b->src));
	check(ip6_addr_eq(&a->dst, &b->dst));
	check(ip6_addr_eq(&a->hao, &b->hao));
	check(ip6_addr_eq(&a->rh2, &b->rh2));
	check(a->has_hao == b->has_hao && a->has_rh2 == b->has_rh2);
	check(a->hop_limit == b->hop_limit || !a->hop_limit);
	check(a->proto == b->proto && a->upper_len == b->upper_len);
	check(!a->upper_len || !memcmp(a->upper, b->upper, a->upper_len));
}

static void check_upper(const struct ip6_pkt *pkt)
{
	struct nd_ra ra;
	struct nd_ns ns;
	struct nd_na na;
	struct mh mh;

	mh_parse(&mh, pkt->upper, pkt->upper_len, ip6_home_src(pkt),
		 ip6_final_dst(pkt));
	nd_ra_parse(&ra, pkt);
	nd_ns_parse(&ns, pkt);
	nd_na_parse(&na, pkt);
}

/* RFC 4443 2.4 (c): whatever was too big, its answer is not. */
static void check_error(const uint8_t *data, size_t size)
{
	static const struct in6_addr src = {{{0x20, 1, 0x0d, 0xb8, [15] = 1}}};
	static const struct nd_error err = { ND_TYPE_PTB, 0, 1280 };
	uint8_t out[IP6_MIN_MTU], small[200];
	struct ip6_pkt pkt;
	ssize_t n = nd_error_build(out, sizeof(out), &src, &err, data, size);

	if (n < 0)
		return;
	check(n <= IP6_MIN_MTU);
	check(ip6_parse(&pkt, out, (size_t)n) == REASON_NONE);
	check(ip6_checksum(&pkt.src, &pkt.dst, IP6_PROTO_ICMPV6, pkt.upper,
			   pkt.upper_len) == 0);
	/* RFC 4443 2.4 (e.1): no error for an error */
	check(nd_error_build(small, sizeof(small), &src, &err, out,
			     (size_t)n) < 0);
}

/* RFC 2473 8.2: nothing that was not quoted is told, nor less than 1280. */
static void check_tunnel_error(const uint8_t *data, size_t size)
{
	struct nd_error err = {0};
	struct tunnel_error te;

	if (size < 6)
		return;
	err.type = data[0];
	err.code = data[1];
	memcpy(&err.param, data + 2, sizeof(err.param));
	data += 6;
	size -= 6;
	if (tunnel_error_parse(&te, &err, data, size) != REASON_NONE)
		return;
	check(te.inner >= data + IP6_HDR_LEN && te.inner_len >= IP6_HDR_LEN &&
	      te.inner + te.inner_len <= data + size);
	check(te.tell.type == 0 ||
	      (te.tell.type == ND_TYPE_UNREACHABLE && te.tell.code == 3) ||
	      (te.tell.type == ND_TYPE_PTB && te.tell.param >= IP6_MIN_MTU));
}

/* What is let through fits its header, and stays so. */
static void check_inner(const uint8_t *data, size_t size)
{
	uint8_t p[2000];

	if (!size || size - 1 > sizeof(p))
		return;
	memcpy(p, data + 1, size - 1);
	tunnel_complete(p, size - 1);
	if (tunnel_inner(p, size - 1, data[0]) != REASON_NONE)
		return;
	check(tunnel_inner(p, size - 1, 0) == REASON_NONE);
	check(!memcmp(p + 8, data + 9, 32));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* extension headers not our own are left out: never longer */
	uint8_t out[IP6_SIGNAL_MAX];
	struct ip6_pkt pkt, back;
	ssize_t n;

	check_error(data, size);
	check_tunnel_error(data, size);
	check_inner(data, size);
	if (ip6_parse(&pkt, data, size) != REASON_NONE)
		return 0;
	check(pkt.upper >= data && pkt.upper + pkt.upper_len <= data + size);
	n = ip6_build(out, sizeof(out), &pkt);
	check(n > 0 && (size_t)n <= size);
	check(ip6_parse(&back, out, (size_t)n) == REASON_NONE);
	check_same(&pkt, &back);
	check_upper(&pkt);
	return 0;
}
