/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the binding journal has behind the record of a binding with several
 * care-of addresses (RFC 5648): these, and its flow bindings (RFC 6089). Pure.
 */
#ifndef KEDGE_HA_CHUNKMORE_H
#define KEDGE_HA_CHUNKMORE_H

#include "ha/chunk.h"
#include "ha/multi.h"

/* Behind r, which is of host and has room for CHUNK_MORE_MAX places: how many
 * they are. wall: as chunk_record_from() has it. */
uint32_t chunk_more_from(struct chunk_record *r, const struct multi_host *host,
			 int64_t wall);
/* The i-th of r->n_paths, out of what is behind r. Never more is left than was
 * granted. False: no writer of ours made this. */
bool chunk_path_to(struct multi_path *out, const struct chunk_record *more,
		   unsigned int i, int64_t wall, mtime now);
/* The i-th of r->n_flows, but for out->exact. */
bool chunk_flow_to(struct multi_flow *out, const struct chunk_record *r,
		   const struct chunk_record *more, unsigned int i);

#endif
