/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/recall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "core/count.h"
#include "core/ctl.h"
#include "core/log.h"
#include "core/restart.h"
#include "ha/drain.h"
#include "ha/kern.h"
#include "ha/wire.h"

enum {
	TELL_STEP = 100,	/* ms, between some that are told of a restart */
	TELL_AT_ONCE = 100,
};

/* To who is bound. 0 or -errno, told but for what is tried again. */
static int send_mh(struct kern *k, const struct binding *b,
		   const struct mh *mh)
{
	uint8_t msg[MH_MAX_LEN];
	ssize_t n = mh_build(msg, sizeof(msg), mh, &b->reg.ha, &b->hoa);
	int err = n < 0 ? (int)n : wire_send(k, &b->hoa, IP6_PROTO_MH, msg,
					     (size_t)n);

	if (err)
		count_refusal(err == -ENOENT ? REASON_NO_SA :
			      REASON_SEND_FAILED, "%s for HoA %s to %s: %s",
			      mh_type_str(mh->type), ip6_str(&b->hoa),
			      ip6_str(&b->reg.coa), strerror(-err));
	return err;
}

/* Heartbeats. */

static void heartbeat_answer(struct recall *r, struct mh *mh)
{
	struct mh_opt *opt = mh_opt_add(mh, MH_OPT_RESTART);

	opt->restart = r->restarts;
}

/* Back as it came: by the tunnel (RFC 6275 6.1), or on the home link. */
static int answer_mh(struct kern *k, const struct ip6_pkt *pkt,
		     struct sadb_sa *sa, const struct mh *mh)
{
	const struct in6_addr *hoa = ip6_home_src(pkt);
	uint8_t msg[64];
	ssize_t n = mh_build(msg, sizeof(msg), mh, &pkt->dst, hoa);
	struct binding b;

	if (n < 0)
		return (int)n;
	if (bcache_find_bound(&k->bcache, hoa, &b))
		return wire_send(k, hoa, IP6_PROTO_MH, msg, (size_t)n);
	/* RFC 6275 6.3: none but a BU comes with it; and no way leads back */
	if (pkt->has_hao)
		return -EDESTADDRREQ;
	return wire_reply(k, pkt, sa, IP6_PROTO_MH, msg, (size_t)n);
}

/* RFC 5847 3: answered whether there is a binding or not. */
enum reason recall_heartbeat(struct recall *r, const struct ip6_pkt *pkt,
			     const struct mh *mh, struct sadb_sa *sa)
{
	struct mh answer = { .type = MH_HB,
			     .hb = { .flags = MH_HB_R, .seq = mh->hb.seq } };
	int err;

	if (!sa)
		return REASON_MH_UNPROTECTED;
	/* we ask nobody */
	if (mh->hb.flags & MH_HB_R)
		return REASON_HB_UNMATCHED;
	count(COUNT_HEARTBEAT_RECEIVED);
	heartbeat_answer(r, &answer);
	err = answer_mh(r->k, pkt, sa, &answer);
	if (err == -EDESTADDRREQ)
		return REASON_BAD_OPTION;
	if (err)
		return err == -ENOENT ? REASON_NO_SA : REASON_SEND_FAILED;
	count(COUNT_HEARTBEAT_ANSWERED);
	return REASON_NONE;
}

static void tell_one(void *arg, const struct binding *b)
{
	struct recall *r = arg;
	struct mh mh = { .type = MH_HB,
			 .hb.flags = MH_HB_R | MH_HB_U };

	if (b->state != BINDING_BOUND)
		return;
	heartbeat_answer(r, &mh);
	if (!send_mh(r->k, b, &mh))
		count(COUNT_HEARTBEAT_ANSWERED);
}

/* RFC 5847 3.2: who is known, after a restart that lost some. By and by: each
 * of them comes back with a Binding Update. */
static void tell_on_timer(struct timer *timer, mtime now)
{
	struct recall *r = (struct recall *)
		((char *)timer - offsetof(struct recall, tell));

	r->tell_at = bcache_range(&r->k->bcache, r->tell_at, tell_one, r,
				  TELL_AT_ONCE);
	if (r->tell_at)
		timers_set(&r->k->loop->timers, timer,
			   mtime_add(now, MTIME_MS(TELL_STEP)));
}

/* Revocations and switches: the machine's verbs. */

static void tell_sent(struct kern *k, const struct peer *p,
		      const struct binding *b)
{
	const char *what = p->kind == PEER_REVOKE ? "revocation" : "switch";

	log_info("%s for HoA %s CoA %s HA %s: sent, %u before%s", what,
		 ip6_str(&b->hoa), ip6_str(&b->reg.coa), ip6_str(&b->reg.ha),
		 p->sends, p->kind == PEER_SWITCH && !p->addrs.n ?
		 ", naming no other home agent" : "");
	if (ctl_heard(k->ctl))
		ctl_event(k->ctl, ctl_ev(p->kind == PEER_REVOKE ?
					 "bri_sent" : "switch_sent", "hoa",
					 ip6_str(&b->hoa), "coa",
					 ip6_str(&b->reg.coa), (char *)NULL));
}

/* RFC 5846 5.1 and 7 */
static int send_bri(struct recall *r, const struct peer *p,
		    const struct binding *b)
{
	const struct mh mh = { .type = MH_BR,
			       .br = { .kind = MH_BRI, .code = p->trigger,
				       .seq = p->seq } };
	int err = send_mh(r->k, b, &mh);

	if (!err)
		count(p->sends ? COUNT_BRI_RETRANSMITTED : COUNT_BRI_SENT);
	return err;
}

/* RFC 5142 5.1: the advice tells when the binding will be deleted, that is, by
 * its lifetime. */
static int send_has(struct recall *r, const struct peer *p,
		    const struct binding *b, mtime *left)
{
	struct mh mh = { .type = MH_HAS, .has.n = (uint8_t)p->addrs.n };
	struct mh_opt *opt = mh_opt_add(&mh, MH_OPT_REFRESH);
	int err;

	memcpy(mh.has.addrs, p->addrs.v, p->addrs.n * sizeof(*p->addrs.v));
	*left = mtime_sub(b->reg.expires, loop_now());
	opt->refresh = (uint16_t)(mtime_sec(*left) / MH_LIFETIME_UNIT);
	err = send_mh(r->k, b, &mh);
	if (!err)
		count(COUNT_SWITCH_SENT);
	return err;
}

static int op_send(void *arg, const struct peer *p, mtime *left)
{
	struct recall *r = arg;
	struct binding b;
	int err = -EDESTADDRREQ;

	if (!bcache_find_bound(&r->k->bcache, &p->hoa, &b))
		return err;
	switch (p->kind) {
	case PEER_REVOKE:
		err = send_bri(r, p, &b);
		break;
	case PEER_SWITCH:
		err = send_has(r, p, &b, left);
		break;
	}
	if (!err)
		tell_sent(r->k, p, &b);
	return err;
}

static const char *end_str(enum peer_end end)
{
	switch (end) {
	case PEER_END_ACKNOWLEDGED: return "acknowledged";
	case PEER_END_REFUSED: return "refused by the mobile node";
	case PEER_END_SILENT: return "not answered";
	case PEER_END_UNSENT: return "the mobile node could not be told";
	}
	return "?";
}

/* RFC 5846 6.2.2, 6.3: the binding goes, whatever the mobile node said. */
static void op_revoked(void *arg, const struct peer *p, enum peer_end end)
{
	struct recall *r = arg;
	struct kern *k = r->k;
	int err = bcache_end(&k->bcache, &p->hoa, loop_now());

	if (!err)
		count(COUNT_BINDING_REVOKED);
	log_info("binding HoA %s: revoked, %s", ip6_str(&p->hoa),
		 end_str(end));
	ctl_event(k->ctl, ctl_ev("revoked", "hoa", ip6_str(&p->hoa), "how",
				 end_str(end), (char *)NULL));
	keying_revoked(&k->keying, &p->hoa);
}

struct looking {
	struct in6_addr *hoa;
	bool *found;
};

static void look_at(void *arg, const struct binding *b)
{
	struct looking *l = arg;

	if (b->state != BINDING_BOUND)
		return;
	*l->hoa = b->hoa;
	*l->found = true;
}

static uint32_t op_next(void *arg, uint32_t cursor, uint32_t n,
			struct in6_addr *hoa, bool *found)
{
	struct recall *r = arg;
	struct looking l = { hoa, found };

	*found = false;
	do
		cursor = bcache_range(&r->k->bcache, cursor, look_at, &l, 1);
	while (cursor && !*found && --n);
	return cursor;
}

static const struct peers_ops ops = {
	.send = op_send,
	.revoked = op_revoked,
	.next = op_next,
};

/* What mobile nodes, and others, do. */

enum reason recall_bra(struct recall *r, const struct ip6_pkt *pkt,
		       const struct mh *mh, const struct sadb_sa *sa)
{
	const struct in6_addr *hoa = ip6_home_src(pkt);

	if (!sa)
		return REASON_MH_UNPROTECTED;
	/* RFC 5846 8.2 is a local mobility anchor's: mobile nodes revoke by
	 * deregistering */
	if (mh->br.kind != MH_BRA)
		return REASON_MH_UNEXPECTED;
	count(COUNT_BRA_RECEIVED);
	if (mh->br.code >= 128)
		log_warn("BRA for HoA %s from %s: status %u, %s",
			 ip6_str(hoa), ip6_str(&pkt->src), mh->br.code,
			 mh_br_status_str(mh->br.code));
	return peers_bra(&r->peers, hoa, mh);
}

void recall_state(struct recall *r, const struct binding *b)
{
	if (!r->k)
		return;
	if (b->state == BINDING_BOUND)
		peers_bound(&r->peers, &b->hoa);
	else
		peers_unbound(&r->peers, &b->hoa);
}

bool recall_revoke(struct recall *r, const struct in6_addr *hoa,
		   uint8_t trigger)
{
	struct binding b;
	int err;

	if (!bcache_find_bound(&r->k->bcache, hoa, &b))
		return false;
	err = peers_revoke(&r->peers, hoa, trigger, loop_now());
	if (err) {	/* rather untold than served on */
		log_warn("binding HoA %s: revoked, but its mobile node is not "
			 "told: %s", ip6_str(hoa), strerror(-err));
		bcache_end(&r->k->bcache, hoa, loop_now());
		return false;
	}
	return true;
}

/* Control commands. */

static int fail(struct json_object *answer, int err, const char *why)
{
	json_object_object_add(answer, "error", json_object_new_string(why));
	return err;
}

static const char *get_str(struct json_object *request, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(request, key, &v) ||
	    !json_object_is_type(v, json_type_string))
		return NULL;
	return json_object_get_string(v);
}

static bool get_flag(struct json_object *request, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(request, key, &v) &&
	       json_object_get_boolean(v);
}

/* RFC 5846 5.1; -1: no such */
static int trigger_of(const char *reason)
{
	if (!reason || !strcmp(reason, "admin"))
		return MH_BR_TRIGGER_ADMIN;
	if (!strcmp(reason, "unspecified"))
		return MH_BR_TRIGGER_UNSPECIFIED;
	if (!strcmp(reason, "out-of-sync"))
		return MH_BR_TRIGGER_OUT_OF_SYNC;
	return -1;
}

static int revoke_identity(struct recall *r, const char *identity, int trigger,
			   struct json_object *answer)
{
	int n = keying_revoke(&r->k->keying, identity, (uint8_t)trigger);

	if (n < 0)
		return n;
	if (!n)
		return fail(answer, -ENOENT, "no binding is of that identity");
	json_object_object_add(answer, "bindings", json_object_new_int(n));
	return 0;
}

int recall_cmd_revoke(struct recall *r, struct json_object *request,
		      struct json_object *answer)
{
	const char *hoa = get_str(request, "hoa");
	const char *identity = get_str(request, "identity");
	int trigger = trigger_of(get_str(request, "reason"));
	struct in6_addr addr;
	struct binding b;

	if (trigger < 0)
		return fail(answer, -EINVAL, "reason is none of admin, "
			    "out-of-sync, unspecified");
	if (identity && !hoa)
		return revoke_identity(r, identity, trigger, answer);
	if (!hoa || identity || inet_pton(AF_INET6, hoa, &addr) != 1)
		return fail(answer, -EINVAL, "hoa or identity is wanted");
	if (!bcache_find_bound(&r->k->bcache, &addr, &b))
		return fail(answer, -ENOENT, "it is not bound");
	recall_revoke(r, &addr, (uint8_t)trigger);
	json_object_object_add(answer, "bindings", json_object_new_int(1));
	return 0;
}

/* "to": other home agents. */
static int get_addrs(struct json_object *request, struct peer_addrs *out)
{
	struct json_object *list, *v;
	size_t i;

	*out = (struct peer_addrs){0};
	if (!json_object_object_get_ex(request, "to", &list))
		return 0;
	if (!json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) > PEER_ADDRS_MAX)
		return -EINVAL;
	for (i = 0; i < json_object_array_length(list); i++) {
		v = json_object_array_get_idx(list, i);
		if (!json_object_is_type(v, json_type_string) ||
		    inet_pton(AF_INET6, json_object_get_string(v),
			      &out->v[out->n]) != 1 ||
		    !ip6_unicast_routable(&out->v[out->n]))
			return -EINVAL;
		out->n++;
	}
	return 0;
}

static int switch_one(struct recall *r, const struct in6_addr *hoa,
		      const struct peer_addrs *addrs,
		      struct json_object *answer)
{
	struct binding b;
	int err;

	if (!bcache_find_bound(&r->k->bcache, hoa, &b))
		return fail(answer, -ENOENT, "it is not bound");
	err = peers_switch(&r->peers, hoa, addrs, loop_now());
	if (err == -EBUSY)
		return fail(answer, err, "it is being revoked");
	return err;
}

static void drain(struct recall *r, const struct peer_addrs *addrs,
		  const char *when)
{
	log_warn("switch%s: %u bindings are to go, %u a second, and no "
		 "registration is accepted any more", when,
		 r->k->bcache.n_bound, r->peers.conf.rate);
	peers_drain(&r->peers, addrs, loop_now());
}

/* A full disk keeps nobody from emptying this home agent. */
static int switch_all(struct recall *r, const struct peer_addrs *addrs,
		      struct json_object *answer)
{
	int err = drain_save(r->k->store, addrs);

	json_object_object_add(answer, "bindings", json_object_new_int64(
			       r->k->bcache.n_bound));
	drain(r, addrs, "");
	if (!err)
		return 0;
	log_err("switch: not on disk: %s", strerror(-err));
	return fail(answer, err, "they are to go, but a restart will forget "
		    "it: it could not be written to the state folder");
}

static int stay(struct recall *r, const struct in6_addr *hoa,
		struct json_object *answer)
{
	int err = hoa ? 0 : drain_save(r->k->store, NULL);

	peers_stay(&r->peers, hoa);
	log_info("switch: ended%s%s", hoa ? " for HoA " : "",
		 hoa ? ip6_str(hoa) : "");
	if (!err)
		return 0;
	log_err("switch: ended, but not on disk: %s", strerror(-err));
	return fail(answer, err, "it has ended, but begins again with a "
		    "restart: the state folder could not be written");
}

int recall_cmd_switch(struct recall *r, struct json_object *request,
		      struct json_object *answer)
{
	const char *text = get_str(request, "hoa");
	bool all = get_flag(request, "all");
	struct peer_addrs addrs;
	struct in6_addr hoa;

	if (all == (text != NULL) ||
	    (text && inet_pton(AF_INET6, text, &hoa) != 1))
		return fail(answer, -EINVAL, "hoa or all is wanted");
	if (get_addrs(request, &addrs))
		return fail(answer, -EINVAL, "to: at most 8 addresses of home "
			    "agents");
	if (get_flag(request, "cancel"))
		return stay(r, all ? NULL : &hoa, answer);
	return all ? switch_all(r, &addrs, answer) :
	       switch_one(r, &hoa, &addrs, answer);
}

const char *recall_what(const struct recall *r, const struct in6_addr *hoa)
{
	const struct peer *p = peers_find(&r->peers, hoa);

	if (p && p->kind == PEER_REVOKE)
		return "revoking";
	return p || r->peers.draining ? "switching" : NULL;
}

/* Starting and stopping. */

static struct peers_conf conf_of(const struct ha_conf *conf)
{
	return (struct peers_conf){
		.retries = conf->revoke_retries,
		.delay = conf->revoke_delay,
		.delay_max = conf->revoke_delay_max,
		.rate = conf->switch_rate,
	};
}

void recall_open(struct recall *r, struct kern *k, bool lost)
{
	struct peers_conf conf = conf_of(k->conf);
	struct peer_addrs addrs;

	*r = (struct recall){ .k = k, .tell.fn = tell_on_timer };
	peers_init(&r->peers, &ops, r, &k->loop->timers, &conf,
		   (uint16_t)randombytes_random());
	r->restarts = restart_count(k->store, lost);
	if (drain_load(k->store, &addrs))
		drain(r, &addrs, " as before the restart");
	if (lost && k->bcache.n_bound)
		timers_set(&k->loop->timers, &r->tell,
			   mtime_add(loop_now(), MTIME_SEC(1)));
}

void recall_close(struct recall *r)
{
	if (!r->k)
		return;
	timers_del(&r->k->loop->timers, &r->tell);
	peers_fini(&r->peers);
	r->k = NULL;
}

void recall_reload(struct recall *r, const struct ha_conf *conf)
{
	r->peers.conf = conf_of(conf);
	r->k->conf->revoke_retries = conf->revoke_retries;
	r->k->conf->revoke_delay = conf->revoke_delay;
	r->k->conf->revoke_delay_max = conf->revoke_delay_max;
	r->k->conf->switch_rate = conf->switch_rate;
}
