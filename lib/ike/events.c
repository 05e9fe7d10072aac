/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libcharon tells of its IKE SAs and asks about them, on its own threads:
 * looked at, and put into the box.
 */
#include "ike/charon.h"

#include <string.h>

#include "core/log.h"

/* Of one IKE SA. What was rekeyed stays 5 s: so many if that is done each 2 s,
 * and two for a collision. */
enum { CHILDREN_MAX = 6 };

/* ---- why it failed */

static enum reason alert_reason(alert_t alert)
{
	switch ((int)alert) {
	case ALERT_CERT_NO_ISSUER:
	case ALERT_CERT_UNTRUSTED_ROOT:
		return REASON_IKE_UNKNOWN_CA;
	case ALERT_CERT_EXPIRED:
		return REASON_IKE_CERT_EXPIRED;
	case ALERT_CERT_REVOKED:
		return REASON_IKE_CERT_REVOKED;
	case ALERT_CERT_EXCEEDED_PATH_LEN:
	case ALERT_CERT_POLICY_VIOLATION:
		return REASON_IKE_CERT_POLICY;
	case ALERT_PROPOSAL_MISMATCH_IKE:
	case ALERT_PROPOSAL_MISMATCH_CHILD:
		return REASON_IKE_PROPOSAL;
	case ALERT_HALF_OPEN_TIMEOUT:
		return REASON_IKE_HALF_OPEN;
	case ALERT_RETRANSMIT_SEND_TIMEOUT:
	case ALERT_PEER_INIT_UNREACHABLE:
		return REASON_IKE_NO_ANSWER;
	case ALERT_PARSE_ERROR_HEADER:
	case ALERT_PARSE_ERROR_BODY:
		return REASON_IKE_MALFORMED;
	case ALERT_LOCAL_AUTH_FAILED:
		return REASON_IKE_REFUSED_US;
	case ALERT_PEER_AUTH_FAILED:
		return REASON_IKE_SIGNATURE;
	case ALERT_TS_MISMATCH:
		return REASON_IKE_REFUSED_TS;
	}
	return REASON_NONE;
}

/* A certificate may fail by one chain and pass by another: only what ends the
 * exchange is a refusal, for the reason that was noted before it. */
static bool alert_ends(alert_t alert)
{
	switch ((int)alert) {
	case ALERT_PROPOSAL_MISMATCH_IKE:
	case ALERT_PROPOSAL_MISMATCH_CHILD:
	case ALERT_HALF_OPEN_TIMEOUT:
	case ALERT_PEER_AUTH_FAILED:
	case ALERT_PARSE_ERROR_HEADER:
	case ALERT_PARSE_ERROR_BODY:
	case ALERT_TS_MISMATCH:
		return true;
	}
	return false;
}

static bool is_parse_error(alert_t alert)
{
	return alert == ALERT_PARSE_ERROR_HEADER ||
	       alert == ALERT_PARSE_ERROR_BODY;
}

/* A message that anybody can have made: its integrity was not checked, or the
 * check failed. */
static bool is_forged(alert_t alert, va_list args)
{
	va_list copy;
	bool forged;

	if (alert != ALERT_PARSE_ERROR_BODY)
		return false;
	va_copy(copy, args);
	(void)va_arg(copy, message_t *);
	forged = va_arg(copy, status_t) == FAILED;
	va_end(copy);
	return forged;
}

static struct in6_addr alert_source(alert_t alert, va_list args)
{
	message_t *message;

	if (!is_parse_error(alert))
		return in6addr_any;
	message = va_arg(args, message_t *);
	return ike_addr(message->get_source(message));
}

/*
 * One exchange that fails may raise several alerts, and is one refusal; of an
 * IKE SA that is up each is its own, but for what the daemon has counted.
 */
static void refused(struct ike *ike, struct conn *conn, ike_sa_t *ike_sa,
		    enum reason reason, struct in6_addr source)
{
	struct box_item item = {.what = BOX_REFUSED, .reason = reason,
				.peer.remote = source};
	bool counted = conn && conn->refused;

	if (conn)
		conn->refused = !conn->up;
	if (conn && (conn->initiator || counted))
		return;
	if (conn)
		ike_about(&item, conn, ike_sa);
	else if (ike_sa)
		item.peer.remote = ike_addr(ike_sa->get_other_host(ike_sa));
	box_tell(&ike->box, &item);
}

/* Why it will have ended. When it is up, only silence ends it. */
static enum reason note_reason(struct conn *conn, alert_t alert,
			       enum reason reason)
{
	if (conn->psk && reason == REASON_IKE_SIGNATURE)
		reason = REASON_IKE_PSK;
	if (!conn->initiator && alert == ALERT_TS_MISMATCH)
		reason = REASON_IKE_TS;
	if (conn->up && reason == REASON_IKE_NO_ANSWER)
		conn->reason = reason;
	if (conn->up)
		return reason;
	if (!conn->reason)
		conn->reason = reason;
	return conn->reason;
}

static bool on_alert(listener_t *this, ike_sa_t *ike_sa, alert_t alert,
		     va_list args)
{
	enum reason reason = alert_reason(alert);
	struct ike *ike = the_ike;
	struct conn *conn;

	(void)this;
	if (!reason)
		return true;
	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	if (conn && is_forged(alert, args))
		conn = NULL;	/* counted, but no word about this one */
	if (conn)
		reason = note_reason(conn, alert, reason);
	if (alert_ends(alert))
		refused(ike, conn, ike_sa, reason,
			alert_source(alert, args));
	pthread_mutex_unlock(&ike->lock);
	return true;
}

uint32_t ike_disown(struct ike *ike, ike_sa_t *ike_sa, enum reason why)
{
	struct conn *conn;
	uint32_t id = 0;

	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	if (conn && conn->told) {
		id = conn->id;
		conn->reason = why;
		conn->refused = false;
		refused(ike, conn, ike_sa, why, in6addr_any);
		/* it may take its time to answer to that */
		while (conn->n_sas)
			ike_tell_sa_del(ike, conn, ike_sa, 0);
	}
	pthread_mutex_unlock(&ike->lock);
	return id;
}

static bool uses_psk(message_t *message)
{
	auth_payload_t *auth;

	auth = (auth_payload_t *)message->get_payload(message, PLV2_AUTH);
	return auth && auth->get_auth_method(auth) == AUTH_PSK;
}

/* What the peer told by a notification alone. */
static enum reason told_reason(message_t *message)
{
	if (message->get_notify(message, NO_PROPOSAL_CHOSEN))
		return REASON_IKE_PROPOSAL;
	if (message->get_notify(message, TS_UNACCEPTABLE))
		return REASON_IKE_REFUSED_TS;
	if (message->get_notify(message, AUTHENTICATION_FAILED))
		return REASON_IKE_REFUSED_US;
	if (message->get_notify(message, INTERNAL_ADDRESS_FAILURE))
		return REASON_IKE_REFUSED_HOA;
	return REASON_NONE;
}

static void on_received(struct ike *ike, ike_sa_t *ike_sa,
			message_t *message, exchange_type_t exchange)
{
	struct conn *conn = exchange == IKE_AUTH ? ike_conn_get(ike, ike_sa) :
						   ike_conn_find(ike, ike_sa);

	if (conn && exchange == IKE_AUTH)
		conn->psk = uses_psk(message);
	if (conn && conn->initiator && !conn->reason)
		conn->reason = told_reason(message);
}

/*
 * RFC 7296 2.4: INITIAL_CONTACT, where we know of no other IKE SA with this
 * home agent: what it has of us is from before a restart. libcharon would say
 * so by itself only if it knew the peer's identity beforehand.
 */
static void on_sending(struct ike *ike, ike_sa_t *ike_sa, message_t *message)
{
	struct conn *conn = ike_conn_find(ike, ike_sa), *other;

	if (!conn || !conn->initiator || message->get_message_id(message) != 1)
		return;
	for (other = ike->by_id; other; other = other->hh.next)
		if (other != conn && ip6_addr_eq(&other->ha, &conn->ha))
			return;
	message->add_notify(message, FALSE, INITIAL_CONTACT, chunk_empty);
}

/* So that a failure can be told by its kind. */
static bool on_message(listener_t *this, ike_sa_t *ike_sa, message_t *message,
		       bool incoming, bool plain)
{
	exchange_type_t exchange = message->get_exchange_type(message);
	struct ike *ike = the_ike;

	(void)this;
	if (!plain || (exchange != IKE_AUTH && exchange != IKE_SA_INIT))
		return true;
	pthread_mutex_lock(&ike->lock);
	if (incoming)
		on_received(ike, ike_sa, message, exchange);
	else if (exchange == IKE_AUTH && message->get_request(message))
		on_sending(ike, ike_sa, message);
	pthread_mutex_unlock(&ike->lock);
	return true;
}

/* ---- whom to believe, and for what */

static bool cert_names(auth_cfg_t *auth, identification_t *id)
{
	certificate_t *cert = auth->get(auth, AUTH_RULE_SUBJECT_CERT);

	return cert && cert->has_subject(cert, id) == ID_MATCH_PERFECT;
}

/* Initiator: is this the home agent that was meant? Its identity is its
 * address or one of those configured, or its certificate has the address. */
static bool names_anchor(const struct ike *ike, ike_sa_t *ike_sa,
			 const struct in6_addr *ha)
{
	chunk_t raw = chunk_create((u_char *)ha, sizeof(*ha));
	identification_t *want, *id = ike_sa->get_other_id(ike_sa);
	char text[IKE_IDENTITY_LEN];
	enumerator_t *e;
	auth_cfg_t *auth;
	bool found;

	if (ike_identity(id, text))
		return false;
	if (ike_match_any(&ike->conf->anchors, text))
		return true;
	want = identification_create_from_encoding(ID_IPV6_ADDR, raw);
	found = id->equals(id, want) ||
		cert_names(ike_sa->get_auth_cfg(ike_sa, FALSE), want);
	e = ike_sa->create_auth_cfg_enumerator(ike_sa, FALSE);
	while (!found && e->enumerate(e, &auth))
		found = cert_names(auth, want);
	e->destroy(e);
	want->destroy(want);
	return found;
}

/* One that libcharon began by itself, because the peer asked for a new
 * authentication or sent us elsewhere: nobody vouches for that. */
static bool is_own_idea(const struct conn *conn, ike_sa_t *ike_sa)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);

	return !conn || (!conn->initiator && id->is_initiator(id));
}

static bool on_authorize(listener_t *this, ike_sa_t *ike_sa, bool final,
			 bool *success)
{
	struct ike *ike = the_ike;
	struct conn *conn, copy = {0};
	bool own_idea;

	(void)this;
	if (!final)
		return true;
	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	own_idea = is_own_idea(conn, ike_sa);
	if (conn)
		copy = *conn;
	pthread_mutex_unlock(&ike->lock);
	if (!own_idea && (!copy.initiator ||
			  names_anchor(ike, ike_sa, &copy.ha)))
		return true;
	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	if (conn && conn->initiator)
		conn->reason = REASON_IKE_ANCHOR;
	pthread_mutex_unlock(&ike->lock);
	*success = false;
	return true;
}

/* What is judged here; who may have which HoA is the daemon's to say. */
static enum reason judge_request(const struct conn *conn, ike_sa_t *ike_sa,
				 linked_list_t *local, linked_list_t *remote,
				 struct box_item *item)
{
	bool mh_only;

	if (!ike_ts_addr(local, &item->ha, &mh_only) ||
	    !ike_ts_addr(remote, &item->hoa, &mh_only))
		return REASON_IKE_TS;
	if (!item->peer.identity[0])
		return REASON_IKE_ID_DENIED;
	/* one home address for each IKE SA, and not any number of SAs */
	if (conn->allowed && (!ip6_addr_eq(&conn->hoa, &item->hoa) ||
			      !ip6_addr_eq(&conn->ha, &item->ha)))
		return REASON_IKE_TS;
	if (ike_sa->get_child_count(ike_sa) >= CHILDREN_MAX)
		return REASON_IKE_TS;
	return REASON_NONE;
}

static void ts_flush(linked_list_t *list)
{
	traffic_selector_t *ts;

	while (list->remove_last(list, (void **)&ts) == SUCCESS)
		ts->destroy(ts);
}

/* What the daemon said to it. A refusal it has counted; the alert that
 * follows is about the same. */
static void judged(struct ike *ike, ike_sa_t *ike_sa,
		   const struct box_item *item)
{
	struct conn *conn;

	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	if (conn && item->reason) {
		conn->refused = true;
	} else if (conn) {
		conn->allowed = true;
		conn->hoa = item->hoa;
		conn->ha = item->ha;
	}
	pthread_mutex_unlock(&ike->lock);
}

/* What the daemon said to the address that its home agent assigned. */
static void accepted(struct ike *ike, ike_sa_t *ike_sa,
		     const struct box_item *item)
{
	struct conn *conn;

	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	if (conn && item->reason)
		conn->reason = item->reason;
	else if (conn)
		conn->hoa = item->hoa;
	pthread_mutex_unlock(&ike->lock);
}

/*
 * An initiator's selectors are what it asked for itself, but where the home
 * agent was to name the address: that is judged before there is any SA. One
 * address, and the same in the configuration payload and as a selector:
 * libcharon has intersected them.
 */
static void narrow_ours(ike_sa_t *ike_sa, linked_list_t *local,
			linked_list_t *remote)
{
	struct box_item item = {.what = BOX_AUTHORIZE};
	struct ike *ike = the_ike;
	struct conn *conn;
	bool ask = false, mh_only;

	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	if (conn && conn->initiator && conn->requested &&
	    IN6_IS_ADDR_UNSPECIFIED(&conn->hoa)) {
		ike_about(&item, conn, ike_sa);
		ask = true;
	}
	pthread_mutex_unlock(&ike->lock);
	if (!ask)
		return;
	if (ike_ts_addr(local, &item.hoa, &mh_only) &&
	    ike_ts_addr(remote, &item.ha, &mh_only))
		box_ask(&ike->box, &item);
	else
		item.reason = REASON_IKE_ASSIGNED;
	accepted(ike, ike_sa, &item);
	if (item.reason)
		ts_flush(local);
}

static bool on_narrow(listener_t *this, ike_sa_t *ike_sa, child_sa_t *child,
		      narrow_hook_t type, linked_list_t *local,
		      linked_list_t *remote)
{
	struct box_item item = {.what = BOX_AUTHORIZE,
				.reason = REASON_IKE_LOCAL};
	struct ike *ike = the_ike;
	struct conn *conn;
	bool ours = false;

	(void)this, (void)child;
	if (type == NARROW_INITIATOR_POST_NOAUTH ||
	    type == NARROW_INITIATOR_POST_AUTH)
		narrow_ours(ike_sa, local, remote);
	if (type != NARROW_RESPONDER)
		return true;
	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_get(ike, ike_sa);
	if (conn && conn->initiator) {
		ours = true;
	} else if (conn) {
		ike_assign_narrow(conn, remote);
		ike_about(&item, conn, ike_sa);
		item.reason = judge_request(conn, ike_sa, local, remote,
					    &item);
		if (item.reason) {
			refused(ike, conn, ike_sa, item.reason, in6addr_any);
			conn->refused = true;
		}
		if (conn->wandered)
			item.peer.remote = in6addr_any;
	}
	pthread_mutex_unlock(&ike->lock);
	if (ours)
		return true;
	if (!item.reason) {
		box_ask(&ike->box, &item);
		judged(ike, ike_sa, &item);
	}
	if (item.reason)
		ts_flush(remote);
	return true;
}

/* ---- its life */

static bool on_child_updown(listener_t *this, ike_sa_t *ike_sa,
			    child_sa_t *child, bool up)
{
	struct box_item item = {.what = BOX_UP};
	struct ike *ike = the_ike;
	struct conn *conn;

	(void)this, (void)child;
	if (!up)
		return true;
	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	if (conn && conn->told && !conn->up) {
		conn->up = true;
		conn->reason = REASON_NONE;
		ike_about(&item, conn, ike_sa);
		box_tell(&ike->box, &item);
	}
	pthread_mutex_unlock(&ike->lock);
	return true;
}

static bool on_rekey(listener_t *this, ike_sa_t *old, ike_sa_t *new)
{
	struct box_item item = {.what = BOX_REKEYED};
	struct ike *ike = the_ike;
	struct conn *conn;

	(void)this;
	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, old);
	if (conn) {
		HASH_DELETE(hh_uid, ike->by_uid, conn);
		conn->uid = new->get_unique_id(new);
		HASH_ADD(hh_uid, ike->by_uid, uid, sizeof(conn->uid), conn);
		ike_about(&item, conn, old);
		if (conn->told)
			box_tell(&ike->box, &item);
	}
	pthread_mutex_unlock(&ike->lock);
	return true;
}

/*
 * IKE_AUTH, or MOBIKE, come from an address in an IPv6 header that nothing
 * protects, and nobody need have seen our answer: who began elsewhere is not at
 * home by that.
 */
static bool wanders(ike_sa_t *ike_sa, host_t *remote)
{
	return !remote->ip_equals(remote, ike_sa->get_other_host(ike_sa));
}

static bool on_update(listener_t *this, ike_sa_t *ike_sa, host_t *local,
		      host_t *remote)
{
	struct box_item item = {.what = BOX_MOVED};
	struct ike *ike = the_ike;
	struct conn *conn;

	(void)this;
	pthread_mutex_lock(&ike->lock);
	conn = wanders(ike_sa, remote) ? ike_conn_get(ike, ike_sa) :
					 ike_conn_find(ike, ike_sa);
	if (conn && wanders(ike_sa, remote))
		conn->wandered = true;
	if (conn && conn->told) {
		ike_about(&item, conn, ike_sa);
		item.peer.local = ike_addr(local);
		item.peer.remote = ike_addr(remote);
		box_tell(&ike->box, &item);
	}
	pthread_mutex_unlock(&ike->lock);
	return true;
}

/* The last that is heard of an IKE SA: libcharon deletes its ESP SAs only after
 * this, but for us they end now. */
static bool on_state(listener_t *this, ike_sa_t *ike_sa, ike_sa_state_t state)
{
	struct box_item item = {.what = BOX_DOWN};
	struct ike *ike = the_ike;
	struct conn *conn;

	(void)this;
	if (state != IKE_DESTROYING)
		return true;
	pthread_mutex_lock(&ike->lock);
	conn = ike_conn_find(ike, ike_sa);
	while (conn && conn->n_sas)
		ike_tell_sa_del(ike, conn, ike_sa, 0);
	if (conn && conn->told) {
		ike_about(&item, conn, ike_sa);
		if (!conn->ended)
			item.reason = conn->reason;
		if (!conn->up && !item.reason && !conn->ended)
			item.reason = REASON_IKE_LOCAL;
		box_tell(&ike->box, &item);
	}
	if (conn)
		ike_conn_free(ike, conn);
	pthread_mutex_unlock(&ike->lock);
	return true;
}

/* ---- log lines: nothing above level 1, keys are from level 3 on */

static void log_line(logger_t *this, debug_t group, level_t level, int thread,
		     ike_sa_t *ike_sa, const char *message)
{
	(void)this, (void)thread, (void)ike_sa, (void)level;
	log_debug("IKE [%s] %s", enum_to_name(debug_names, group), message);
}

static level_t log_level(logger_t *this, debug_t group)
{
	(void)this, (void)group;
	return LEVEL_CTRL;
}

/* ---- */

void ike_events_init(struct ike *ike)
{
	ike->listener = (listener_t){
		.alert = on_alert,
		.ike_state_change = on_state,
		.message = on_message,
		.ike_rekey = on_rekey,
		.ike_update = on_update,
		.child_updown = on_child_updown,
		.authorize = on_authorize,
		.narrow = on_narrow,
	};
	ike->logger = (logger_t){
		.log = log_line,
		.get_level = log_level,
	};
}
