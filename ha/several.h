/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several care-of addresses and flow bindings (ha/multi.h): what connects them
 * to the binding cache, the data plane, the home link and the wire.
 */
#ifndef KEDGE_HA_SEVERAL_H
#define KEDGE_HA_SEVERAL_H

#include "ha/chunk.h"
#include "ha/kern.h"
#include "proto/tunnel.h"

struct several;
struct multi_host;

/* Before restore(). 0 or -errno. */
int several_open(struct kern *k);
/*
 * After restore(): what the data plane and the journal have of bindings that
 * were restored is in both afterwards, what it has besides is ended. 0 or
 * -errno, logged.
 */
int several_start(struct kern *k);
void several_stop(struct kern *k);	/* forwarding goes on */
void several_reload(struct kern *k, const struct ha_conf *conf);
/* --flush, no daemon runs: what is outside of the data plane. 0 or -errno. */
int several_flush(struct dp *dp, const struct ha_conf *conf);
/* Prefixes have become valid for shorter. */
void several_cut(struct kern *k);

/* Of struct bcache_ops; arg is a struct kern. */
enum reason several_judge(void *arg, const struct bcache_bu *bu, bool bound,
			  uint32_t lifetime, mtime now,
			  struct bcache_several *out);
bool several_outlive(void *arg, const struct binding *b, mtime now,
		     struct bcache_several *out);

/*
 * Around dp_binding_set() of d, for b, to be registered by the BU at hand: what
 * there is besides it is there before, and what there was until after.
 * several_begin(): 0 or -errno; then, or if dp_binding_set() fails, err says
 * so to several_finish(), and all is as it was.
 */
int several_begin(struct kern *k, const struct binding *b,
		  struct dp_binding *d);
void several_finish(struct kern *k, const struct binding *b, int err);
/* For dp_binding_set() of a binding that is bound. */
void several_refine(struct kern *k, const struct binding *b,
		    struct dp_binding *d);
/* b is over, in the data plane already. */
void several_end(struct kern *k, const struct binding *b);

/* severaldisk.c: of struct journal_source; arg is a struct kern. */
uint32_t several_to_journal(void *arg, const struct binding *b,
			    struct chunk_record *r, int64_t wall);
/*
 * The data plane is new: what is behind rec, into *reg as well. False: nothing
 * of it is left.
 */
bool several_from_journal(struct kern *k, const struct chunk_record *rec,
			  const struct chunk_record *more, int64_t wall,
			  mtime now, struct binding_reg *reg);
/* Then *reg was not restored. */
void several_forget(struct kern *k, const struct in6_addr *hoa);
/* The data plane was taken over, and rec agrees with it: it has all flow
 * bindings and a link-layer address, which the data plane has not. After
 * ways_restore_paths(). */
void several_rest_from_journal(struct kern *k, const struct chunk_record *rec,
			       const struct chunk_record *more);

/* RFC 5648 6.5: has hoa this care-of address, besides its binding's own? */
bool several_has(const struct kern *k, const struct in6_addr *hoa,
		 const struct in6_addr *coa);
/* Or is it that? */
bool several_is_coa(const struct kern *k, const struct binding *b,
		    const struct in6_addr *coa);
/* The tunnel that packets to b->hoa take by default; for who is at home by
 * default, another. False: there is none. */
bool several_tunnel(struct kern *k, const struct binding *b,
		    struct tunnel_ends *out);

/* What is to be sent: ba's, or in *room with the options of the BU at hand. */
const struct mh *several_answer(struct kern *k, const struct bcache_ba *ba,
				struct mh *room);
/* The BU at hand is none any more. */
void several_answered(struct kern *k);
/* RFC 5648 6.4: what is to be refreshed, into a Binding Refresh Request. */
void several_refresh(struct kern *k, const struct binding *b,
		     struct mh *brr);

/* "paths" and "flow_bindings" of b, or null. */
void several_json(struct kern *k, const struct binding *b,
		  struct json_object *o);
/* How many there are in all, into "sessions". */
void several_figures(const struct kern *k, struct json_object *sessions);

/* ways.c: in the data plane. ha: ours. */
/* Sets what host has, beside what old (or NULL) has there; -errno where there is
 * no room. */
int ways_set(struct dp *dp, const struct multi_host *host,
	     const struct multi_host *old, const struct in6_addr *ha);
/* Deletes what host has and other (or NULL, and ha too) has not. */
void ways_del(struct dp *dp, const struct multi_host *host,
	      const struct multi_host *other, const struct in6_addr *ha);
/* What a flow binding's packets have been: 0s where it is not there. */
void ways_traffic(struct dp *dp, const struct multi_host *host, unsigned int i,
		  uint64_t *packets, uint64_t *bytes);
/* From before a restart, of what is bound: care-of addresses, then the flow
 * bindings of those whose are not known already. 0 or -errno */
int ways_restore_paths(struct kern *k);
int ways_restore(struct kern *k);

#endif
