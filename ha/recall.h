/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a home agent tells its mobile nodes by itself: heartbeats' answers (RFC
 * 5847), revocations (RFC 5846), switches (RFC 5142). The wiring of ha/peer.h.
 */
#ifndef KEDGE_HA_RECALL_H
#define KEDGE_HA_RECALL_H

#include <json-c/json.h>

#include "core/sadb.h"
#include "ha/bcache.h"
#include "ha/peer.h"
#include "proto/ip6.h"
#include "proto/mh.h"

struct kern;
struct ha_conf;

struct recall {
	struct kern *k;		/* NULL: not open */
	struct peers peers;
	uint32_t restarts;	/* Restart Counter */
	struct timer tell;	/* armed: who is bound is told of a restart */
	uint32_t tell_at;	/* cursor of bcache_range() */
};

/* k's store and timers are there, its bindings restored; lost: not all. */
void recall_open(struct recall *r, struct kern *k, bool lost);
void recall_close(struct recall *r);
/* SIGHUP: conf's times and limits. */
void recall_reload(struct recall *r, const struct ha_conf *conf);

/*
 * Revokes a binding: the mobile node is told, and it ends when that has
 * answered, or does not. True: it is, or was there to be; false: not bound.
 */
bool recall_revoke(struct recall *r, const struct in6_addr *hoa,
		   uint8_t trigger);

/* Messages that came under sa; NULL: in the clear. REASON_NONE or why not. */
enum reason recall_heartbeat(struct recall *r, const struct ip6_pkt *pkt,
			     const struct mh *mh, struct sadb_sa *sa);
enum reason recall_bra(struct recall *r, const struct ip6_pkt *pkt,
		       const struct mh *mh, const struct sadb_sa *sa);

/* A binding's state has changed. */
void recall_state(struct recall *r, const struct binding *b);

/* Control commands, as ctl_cmd.run has it. */
int recall_cmd_revoke(struct recall *r, struct json_object *request,
		      struct json_object *answer);
int recall_cmd_switch(struct recall *r, struct json_object *request,
		      struct json_object *answer);
/* "revoking", "switching", or NULL: whether one of these is under way. */
const char *recall_what(const struct recall *r, const struct in6_addr *hoa);

#endif
