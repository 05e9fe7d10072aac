/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The binding journal's format, pure: chunks of records, one after the other
 * in a segment (a file), each with a checksum. A later record about a home
 * address replaces an earlier one. Nothing of what is read is believed before
 * the checksum of its chunk was found right, nor any length before it was
 * compared with what there is.
 *
 * Behind the record of a binding with several care-of addresses (ha/multi.h)
 * are these and its flow bindings, in places of a record's size: chunkmore.h.
 */
#ifndef KEDGE_HA_CHUNK_H
#define KEDGE_HA_CHUNK_H

#include <netinet/in.h>
#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ha/bcache.h"
#include "ha/multi.h"

enum {
	CHUNK_RECORDS_MAX = 49152,
	CHUNK_SUM = 32,		/* bytes of BLAKE2b */
	CHUNK_FLOW_PLACES = 2,	/* of a flow binding */
	/* behind a record */
	CHUNK_MORE_MAX = MULTI_PATHS_MAX + MULTI_FLOWS_MAX * CHUNK_FLOW_PLACES,
};

/* On disk as it is here, in this machine's byte order: it goes nowhere. */
struct chunk_record {
	struct in6_addr hoa, coa, ha;
	int64_t expires;	/* ns since 1970 */
	uint32_t created;	/* s since 1970 */
	uint32_t lifetime;	/* s, as granted */
	uint16_t seq, flags;	/* of the last BU accepted */
	uint8_t deleted;	/* 1: a tombstone, for the number alone */
	/* behind it; 0 in version 1, which had none */
	uint8_t n_paths;
	uint16_t n_flows;
};

struct chunk {
	uint32_t magic;
	uint32_t version;
	uint64_t segment;	/* its number, lest a file takes another's name */
	uint32_t index;		/* of the chunk in the segment */
	uint32_t n;		/* records and what is behind them, 1 to
				 * CHUNK_RECORDS_MAX */
	int64_t written;	/* ns since 1970 */
	uint8_t sum[CHUNK_SUM];	/* of all the rest */
	struct chunk_record records[];
};

size_t chunk_len(const struct chunk *chunk);
/* Places behind a record. */
uint32_t chunk_more(const struct chunk_record *r);
/* wall: nanoseconds from CLOCK_BOOTTIME to the time since 1970. */
void chunk_record_from(struct chunk_record *r, const struct in6_addr *hoa,
		       const struct binding_reg *reg, bool deleted,
		       int64_t wall);
/*
 * Back to this boot's clock. What is left of the lifetime is never more than
 * was granted. False: no writer of ours made this.
 */
bool chunk_record_to(const struct chunk_record *r, struct binding_reg *reg,
		     int64_t wall, mtime now);
/* Fills the head; n and the records are there. */
void chunk_seal(struct chunk *chunk, uint64_t segment, uint32_t index,
		int64_t written);

/* What segments say, the last word about each home address. */
struct image {
	struct chunk_record *v;
	uint32_t n, room;
	struct chunk_record *more;	/* what was behind records */
	uint32_t *more_at;	/* by place in v */
	uint32_t n_more;
	uint32_t *index;	/* by HoA: 1 + place in v, or 0 */
	uint32_t mask;
	uint8_t key[crypto_shorthash_KEYBYTES];
	int64_t newest;		/* the latest time a chunk was written at */
	uint64_t records;	/* read, earlier ones of the same HoA too */
	uint64_t left_out;	/* of HoAs that there was no room for */
	uint64_t corrupt;	/* the last segment with useless bytes, or 0 */
};

/* Room for so many home addresses; what is not used costs nothing. -ENOMEM. */
int image_init(struct image *image, uint64_t room);
void image_fini(struct image *image);
/*
 * Takes what is right in a segment, and looks for the next right chunk behind
 * what is not. Segments come in the order of their numbers. Returns the number
 * of bytes that were of no use.
 */
size_t image_read(struct image *image, const void *data, size_t len,
		  uint64_t segment);
/* NULL where there is none. */
const struct chunk_record *image_find(const struct image *image,
				      const struct in6_addr *hoa);
/* What is behind one of image->v. */
const struct chunk_record *image_more(const struct image *image,
				      const struct chunk_record *r);

#endif
