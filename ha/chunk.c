/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/chunk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_MAGIC = 0x4a47444b,	/* "KDGJ" */
	CHUNK_VERSION = 2,	/* 1: the same, without anything behind records */
	CHUNK_ALIGN = 8,	/* every chunk's length is a multiple */
	CHUNK_TRIES = 256,	/* wrong checksums, before a segment is left */
	AGE_MAX = 5 * 365 * 86400,	/* s; the cache keeps 8 years */
	IMAGE_ROOM_MAX = 1 << 28,
};

#define NS INT64_C(1000000000)

_Static_assert(sizeof(struct chunk) == 64, "the head has no gaps");
_Static_assert(sizeof(struct chunk_record) == 72, "records have no gaps");

size_t chunk_len(const struct chunk *chunk)
{
	return sizeof(*chunk) + (size_t)chunk->n * sizeof(chunk->records[0]);
}

uint32_t chunk_more(const struct chunk_record *r)
{
	return r->n_paths + (uint32_t)r->n_flows * CHUNK_FLOW_PLACES;
}

void chunk_record_from(struct chunk_record *r, const struct in6_addr *hoa,
		       const struct binding_reg *reg, bool deleted,
		       int64_t wall)
{
	int64_t created = (reg->created.ns + wall) / NS;

	*r = (struct chunk_record){
		.hoa = *hoa,
		.coa = reg->coa,
		.ha = reg->ha,
		.expires = reg->expires.ns + wall,
		.created = created > 0 ? (uint32_t)created : 0,
		.lifetime = reg->lifetime,
		.seq = reg->seq,
		.flags = reg->flags,
		.deleted = deleted,
	};
}

bool chunk_record_to(const struct chunk_record *r, struct binding_reg *reg,
		     int64_t wall, mtime now)
{
	int64_t granted = (r->deleted ? BCACHE_TOMBSTONE : r->lifetime) * NS;
	int64_t today = now.ns + wall, left, age;

	if (r->deleted > 1 || r->expires < 0 || today < 0)
		return false;
	left = r->expires - today;
	if (left > granted)
		left = granted;
	age = today / NS - r->created;
	if (age < 0)
		age = 0;
	if (age > AGE_MAX)
		age = AGE_MAX;
	*reg = (struct binding_reg){
		.coa = r->coa,
		.ha = r->ha,
		.created = mtime_sub(now, MTIME_SEC(age)),
		.expires.ns = now.ns + left,
		.lifetime = r->lifetime,
		.seq = r->seq,
		.flags = r->flags,
	};
	return true;
}

static void chunk_sum(const struct chunk *chunk, uint8_t sum[CHUNK_SUM])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, CHUNK_SUM);
	crypto_generichash_update(&state, (const uint8_t *)chunk,
				  offsetof(struct chunk, sum));
	crypto_generichash_update(&state, (const uint8_t *)chunk->records,
				  chunk_len(chunk) - sizeof(*chunk));
	crypto_generichash_final(&state, sum, CHUNK_SUM);
}

void chunk_seal(struct chunk *chunk, uint64_t segment, uint32_t index,
		int64_t written)
{
	chunk->magic = CHUNK_MAGIC;
	chunk->version = CHUNK_VERSION;
	chunk->segment = segment;
	chunk->index = index;
	chunk->written = written;
	chunk_sum(chunk, chunk->sum);
}

/* Does a chunk of this segment begin here, and end within len? */
static bool head_ok(const struct chunk *chunk, size_t len, uint64_t segment)
{
	return len >= sizeof(*chunk) && chunk->magic == CHUNK_MAGIC &&
	       chunk->version && chunk->version <= CHUNK_VERSION &&
	       chunk->segment == segment &&
	       chunk->n && chunk->n <= CHUNK_RECORDS_MAX &&
	       chunk_len(chunk) <= len;
}

static bool sum_ok(const struct chunk *chunk)
{
	uint8_t sum[CHUNK_SUM];

	chunk_sum(chunk, sum);
	return !memcmp(sum, chunk->sum, sizeof(sum));
}

/* Does every record have behind it what it says, and no more than there can
 * be? */
static bool records_ok(const struct chunk *chunk)
{
	uint32_t i, more;

	for (i = 0; i < chunk->n; i += 1 + more) {
		const struct chunk_record *r = &chunk->records[i];

		more = chunk_more(r);
		if (r->n_paths > MULTI_PATHS_MAX ||
		    r->n_flows > MULTI_FLOWS_MAX || more >= chunk->n - i)
			return false;
	}
	return true;
}

int image_init(struct image *image, uint64_t room)
{
	uint32_t slots = 2;

	*image = (struct image){0};
	if (room > IMAGE_ROOM_MAX)
		room = IMAGE_ROOM_MAX;
	while (slots < 2 * room)
		slots *= 2;
	image->room = (uint32_t)room;
	image->mask = slots - 1;
	image->v = calloc(room + 1, sizeof(*image->v));
	image->more = calloc(room + 1, sizeof(*image->more));
	image->more_at = calloc(room + 1, sizeof(*image->more_at));
	image->index = calloc(slots, sizeof(*image->index));
	crypto_shorthash_keygen(image->key);
	if (image->v && image->more && image->more_at && image->index)
		return 0;
	image_fini(image);
	return -ENOMEM;
}

void image_fini(struct image *image)
{
	free(image->v);
	free(image->more);
	free(image->more_at);
	free(image->index);
	*image = (struct image){0};
}

/* The slot of a home address, or the empty one where it would be. */
static uint32_t *image_slot(const struct image *image,
			    const struct in6_addr *hoa)
{
	uint64_t hash;
	uint32_t at;

	crypto_shorthash((uint8_t *)&hash, hoa->s6_addr, sizeof(*hoa),
			 image->key);
	for (at = (uint32_t)hash & image->mask; image->index[at];
	     at = (at + 1) & image->mask)
		if (ip6_addr_eq(&image->v[image->index[at] - 1].hoa, hoa))
			break;
	return &image->index[at];
}

/* What is behind r. An earlier one's stays where it is, of no use. */
static void more_put(struct image *image, uint32_t place,
		     const struct chunk_record *r)
{
	uint32_t n = chunk_more(r);

	if (n > image->room - image->n_more) {
		image->left_out++;
		image->v[place].n_paths = 0;
		image->v[place].n_flows = 0;
		return;
	}
	memcpy(&image->more[image->n_more], r + 1, n * sizeof(*r));
	image->more_at[place] = image->n_more;
	image->n_more += n;
}

static void image_put(struct image *image, const struct chunk_record *r)
{
	uint32_t *slot = image_slot(image, &r->hoa);

	image->records++;
	if (!*slot && image->n == image->room) {
		image->left_out++;
		return;
	}
	if (!*slot)
		*slot = ++image->n;
	image->v[*slot - 1] = *r;
	more_put(image, *slot - 1, r);
}

static void image_take(struct image *image, const struct chunk *chunk)
{
	uint32_t i;

	for (i = 0; i < chunk->n; i += 1 + chunk_more(&chunk->records[i]))
		image_put(image, &chunk->records[i]);
	if (chunk->written > image->newest)
		image->newest = chunk->written;
}

size_t image_read(struct image *image, const void *data, size_t len,
		  uint64_t segment)
{
	const uint8_t *at = data;
	size_t bad = 0;
	int tries = 0;

	while (len && tries < CHUNK_TRIES) {
		const struct chunk *chunk = (const struct chunk *)at;
		size_t step = len < CHUNK_ALIGN ? len : CHUNK_ALIGN;
		bool head = head_ok(chunk, len, segment);

		if (head && sum_ok(chunk) && records_ok(chunk)) {
			step = chunk_len(chunk);
			image_take(image, chunk);
		} else {
			tries += head;
			bad += step;
		}
		at += step;
		len -= step;
	}
	bad += len;
	if (bad)
		image->corrupt = segment;
	return bad;
}

const struct chunk_record *image_find(const struct image *image,
				      const struct in6_addr *hoa)
{
	uint32_t place = image->n ? *image_slot(image, hoa) : 0;

	return place ? &image->v[place - 1] : NULL;
}

const struct chunk_record *image_more(const struct image *image,
				      const struct chunk_record *r)
{
	return &image->more[image->more_at[r - image->v]];
}
