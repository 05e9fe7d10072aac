/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon's counters: one for every reason of refusal (proto/reason.h) and
 * one for every event below. Process-wide, single-threaded.
 */
#ifndef KEDGE_COUNT_H
#define KEDGE_COUNT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/reason.h"

#define EVENTS(X) \
	X(BU_RECEIVED, "bu_received") \
	X(BU_SENT, "bu_sent") \
	X(BU_RETRANSMITTED, "bu_retransmitted") \
	X(BA_RECEIVED, "ba_received") \
	X(BA_SENT, "ba_sent") \
	X(BA_REJECTED, "ba_rejected") \
	X(BE_RECEIVED, "be_received") \
	X(BE_SENT, "be_sent") \
	X(BRR_RECEIVED, "brr_received") \
	X(BINDING_CREATED, "binding_created") \
	X(BINDING_REFRESHED, "binding_refreshed") \
	X(BINDING_DELETED, "binding_deleted") \
	X(BINDING_EXPIRED, "binding_expired") \
	X(BINDING_RESTORED, "binding_restored") \
	X(JOURNAL_WRITTEN, "journal_written") \
	X(JOURNAL_FAILED, "journal_failed") \
	X(JOURNAL_OVERRUN, "journal_overrun") \
	X(NS_RECEIVED, "ns_received") \
	X(NA_SENT, "na_sent") \
	X(RA_RECEIVED, "ra_received") \
	X(RS_SENT, "rs_sent") \
	X(PTB_SENT, "ptb_sent") \
	X(TUNNEL_ERRORS, "tunnel_errors") \
	X(ERRORS_RELAYED, "errors_relayed") \
	X(ERRORS_SENT, "errors_sent") \
	X(ERRORS_LIMITED, "errors_limited") \
	X(SLOW_DECAP, "slow_decap") \
	X(SLOW_FRAGMENTED, "slow_fragmented") \
	X(LINK_UP, "link_up") \
	X(LINK_DOWN, "link_down") \
	X(MOVES, "moves") \
	X(HOA_ADOPTED, "hoa_adopted") \
	X(HOA_ASSIGNED, "hoa_assigned") \
	X(HOA_RELEASED, "hoa_released") \
	X(HOA_ABANDONED, "hoa_abandoned") \
	X(SOCKETS_COUNTED, "sockets_counted") \
	X(SOCKETS_RESET, "sockets_reset") \
	X(SOCKET_EVENTS_LOST, "socket_events_lost") \
	X(IKE_UP, "ike_up") \
	X(IKE_DOWN, "ike_down") \
	X(IKE_REKEYED, "ike_rekeyed") \
	X(ESP_REKEYED, "esp_rekeyed") \
	X(OWNER_ADDED, "owner_added") \
	X(OWNER_EXPIRED, "owner_expired") \
	X(QUEUED, "queued") \
	X(QUEUE_SENT, "queue_sent") \
	X(QUEUE_DROPPED, "queue_dropped") \
	X(APP_ASKED, "app_asked") \
	X(APP_RUN, "app_run") \
	X(UNITS_FULL, "units_full")

enum count_event {
#define X(sym, name) COUNT_##sym,
	EVENTS(X)
#undef X
	COUNT__MAX
};

/* A kind of log line, of which there are at most 10 a second. Zero at first. */
struct count_limit {
	int64_t second;		/* that "lines" is about */
	unsigned int lines;
	uint64_t left_out;
};

/* May one more be written? */
bool count_may_log(struct count_limit *limit);
/* For the end of one that is: " (17 more not shown)" or ""; then they are
 * told. Valid until the next call. */
const char *count_left_out(struct count_limit *limit);

void count(enum count_event event);
uint64_t count_get(enum count_event event);

/*
 * Counts a refusal and logs it, with a count_limit for each reason. fmt names
 * the binding: "HoA 2001:db8::1 from 2001:db8::2". Prints "refused: NAME
 * (text): ...".
 */
#define count_refusal(why, ...) do { \
	enum reason why_ = (why); \
	if (count_refused_one(why_)) \
		count_tell(why_, __VA_ARGS__); \
} while (0)

/* The two halves of count_refusal(): counts, and says whether a line may be
 * written (under a flood its arguments are not even computed); writes it. */
bool count_refused_one(enum reason reason);
void count_tell(enum reason reason, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
uint64_t count_refused(enum reason reason);

/* {"refused":{NAME:N,...},"events":{NAME:N,...}}, each name always there.
 * The caller owns it. */
struct json_object *count_json(void);

#endif
