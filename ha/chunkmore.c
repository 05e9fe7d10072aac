/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/chunkmore.h"

#include <string.h>

#define NS INT64_C(1000000000)

/* On disk, as struct chunk_record is. */
struct place_path {
	struct in6_addr coa;
	int64_t expires;	/* ns since 1970 */
	uint32_t lifetime;	/* s, as granted */
	uint16_t bid;
	uint8_t pri, home;
	uint8_t mac[6];		/* 0s: not known, as to writers of before */
	uint8_t pad[34];
};

struct place_flow {
	uint16_t fid, pri;
	uint16_t bids[MULTI_WAYS];
	uint8_t n_bids, pad;
	/* as struct traffic_selector's */
	uint16_t fields;
	struct in6_addr src, src_end, dst, dst_end;
	uint32_t spi, spi_end, label, label_end;
	uint16_t sport, sport_end, dport, dport_end;
	uint8_t tc, tc_end, nh, nh_end;
	uint8_t rest[32];
	uint64_t mask;		/* over all words before it */
};

_Static_assert(sizeof(struct place_path) == sizeof(struct chunk_record) &&
	       sizeof(struct place_flow) ==
	       CHUNK_FLOW_PLACES * sizeof(struct chunk_record),
	       "they fill their places, without gaps");

/*
 * A mobile node chooses nearly all of its flow bindings. What is left of a chunk
 * that was torn is searched for another one, and flow bindings could be one,
 * with others' bindings in it. So nobody knows how they are on disk.
 */
static void flow_mask(struct place_flow *p)
{
	uint64_t words[sizeof(*p) / sizeof(p->mask)];
	size_t i;

	memcpy(words, p, sizeof(*p));
	for (i = 0; i < sizeof(words) / sizeof(words[0]) - 1; i++)
		words[i] ^= p->mask;
	memcpy(p, words, sizeof(*p));
}

static struct place_path path_from(const struct multi_path *path, int64_t wall)
{
	struct place_path p = {
		.coa = path->coa,
		.expires = path->expires.ns + wall,
		.lifetime = path->lifetime,
		.bid = path->bid,
		.pri = path->pri,
		.home = path->home,
	};

	memcpy(p.mac, path->mac, sizeof(p.mac));
	return p;
}

static struct place_flow flow_from(const struct multi_flow *flow)
{
	const struct traffic_selector *ts = &flow->ts;
	struct place_flow p = {
		.fid = flow->fid,
		.pri = flow->pri,
		.n_bids = flow->n_bids,
		.fields = ts->fields,
		.src = ts->src, .src_end = ts->src_end,
		.dst = ts->dst, .dst_end = ts->dst_end,
		.spi = ts->spi, .spi_end = ts->spi_end,
		.label = ts->label, .label_end = ts->label_end,
		.sport = ts->sport, .sport_end = ts->sport_end,
		.dport = ts->dport, .dport_end = ts->dport_end,
		.tc = ts->tc, .tc_end = ts->tc_end,
		.nh = ts->nh, .nh_end = ts->nh_end,
	};

	memcpy(p.bids, flow->bids, flow->n_bids * sizeof(p.bids[0]));
	return p;
}

uint32_t chunk_more_from(struct chunk_record *r, const struct multi_host *host,
			 int64_t wall)
{
	struct chunk_record *at = r + 1;
	uint64_t mask = 0;
	unsigned int i;

	r->n_paths = (uint8_t)host->n_paths;
	r->n_flows = (uint16_t)host->n_flows;
	for (i = 0; i < host->n_paths; i++, at++) {
		struct place_path p = path_from(&host->paths[i], wall);

		memcpy(at, &p, sizeof(p));
	}
	if (host->n_flows)
		randombytes_buf(&mask, sizeof(mask));
	for (i = 0; i < host->n_flows; i++, at += CHUNK_FLOW_PLACES) {
		struct place_flow p = flow_from(&host->flows[i]);

		p.mask = mask;
		flow_mask(&p);
		memcpy(at, &p, sizeof(p));
	}
	return chunk_more(r);
}

bool chunk_path_to(struct multi_path *out, const struct chunk_record *more,
		   unsigned int i, int64_t wall, mtime now)
{
	struct place_path p;
	int64_t left;

	memcpy(&p, &more[i], sizeof(p));
	if (p.expires < 0 || now.ns + wall < 0 || p.home > 1)
		return false;
	left = p.expires - (now.ns + wall);
	if (left > p.lifetime * NS)
		left = p.lifetime * NS;
	*out = (struct multi_path){
		.coa = p.coa,
		.expires.ns = now.ns + left,
		.lifetime = p.lifetime,
		.bid = p.bid,
		.pri = p.pri,
		.home = p.home,
	};
	memcpy(out->mac, p.mac, sizeof(p.mac));
	return true;
}

bool chunk_flow_to(struct multi_flow *out, const struct chunk_record *r,
		   const struct chunk_record *more, unsigned int i)
{
	struct place_flow p;

	memcpy(&p, &more[r->n_paths + i * CHUNK_FLOW_PLACES], sizeof(p));
	flow_mask(&p);
	if (!p.n_bids || p.n_bids > MULTI_WAYS)
		return false;
	*out = (struct multi_flow){
		.fid = p.fid,
		.pri = p.pri,
		.n_bids = p.n_bids,
		.ts = {
			.fields = p.fields,
			.src = p.src, .src_end = p.src_end,
			.dst = p.dst, .dst_end = p.dst_end,
			.spi = p.spi, .spi_end = p.spi_end,
			.label = p.label, .label_end = p.label_end,
			.sport = p.sport, .sport_end = p.sport_end,
			.dport = p.dport, .dport_end = p.dport_end,
			.tc = p.tc, .tc_end = p.tc_end,
			.nh = p.nh, .nh_end = p.nh_end,
		},
	};
	memcpy(out->bids, p.bids, p.n_bids * sizeof(p.bids[0]));
	return true;
}
