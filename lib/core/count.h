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
	X(HEARTBEAT_SENT, "heartbeat_sent") \
	X(HEARTBEAT_RECEIVED, "heartbeat_received") \
	X(HEARTBEAT_ANSWERED, "heartbeat_answered") \
	X(HEARTBEAT_RESPONSES, "heartbeat_responses") \
	X(HEARTBEAT_MISSED, "heartbeat_missed") \
	X(ANCHOR_DEAD, "anchor_dead") \
	X(ANCHOR_BACK, "anchor_back") \
	X(ANCHOR_RESTARTED, "anchor_restarted") \
	X(BRI_SENT, "bri_sent") \
	X(BRI_RETRANSMITTED, "bri_retransmitted") \
	X(BRI_RECEIVED, "bri_received") \
	X(BRA_SENT, "bra_sent") \
	X(BRA_RECEIVED, "bra_received") \
	X(SWITCH_SENT, "switch_sent") \
	X(SWITCH_RECEIVED, "switch_received") \
	X(PATH_TESTED, "path_tested") \
	X(BINDING_REVOKED, "binding_revoked") \
	X(BRR_SENT, "brr_sent") \
	X(DAD_PROBED, "dad_probed") \
	X(HAO_DELIVERED, "hao_delivered") \
	X(BINDING_CREATED, "binding_created") \
	X(BINDING_REFRESHED, "binding_refreshed") \
	X(BINDING_DELETED, "binding_deleted") \
	X(BINDING_EXPIRED, "binding_expired") \
	X(BINDING_RESTORED, "binding_restored") \
	X(HOMES_FULL, "homes_full") \
	X(PATH_ADDED, "path_added") \
	X(PATH_ENDED, "path_ended") \
	X(FLOW_BOUND, "flow_bound") \
	X(FLOW_ENDED, "flow_ended") \
	X(PATH_RESTORED, "path_restored") \
	X(FLOW_RESTORED, "flow_restored") \
	X(JOURNAL_WRITTEN, "journal_written") \
	X(JOURNAL_FAILED, "journal_failed") \
	X(JOURNAL_OVERRUN, "journal_overrun") \
	X(JOURNAL_REFUSED, "journal_refused") \
	X(NS_RECEIVED, "ns_received") \
	X(NS_SENT, "ns_sent") \
	X(NA_SENT, "na_sent") \
	X(RA_RECEIVED, "ra_received") \
	X(RS_SENT, "rs_sent") \
	X(RS_RECEIVED, "rs_received") \
	X(RA_SENT, "ra_sent") \
	X(RA_ANSWERED, "ra_answered") \
	X(HOST_PREFIX_GIVEN, "host_prefix_given") \
	X(HOST_PREFIX_ENDED, "host_prefix_ended") \
	X(HAAD_RECEIVED, "haad_received") \
	X(HAAD_ANSWERED, "haad_answered") \
	X(MPS_RECEIVED, "mps_received") \
	X(MPS_SENT, "mps_sent") \
	X(MPA_SENT, "mpa_sent") \
	X(MPA_ANSWERED, "mpa_answered") \
	X(MPA_RECEIVED, "mpa_received") \
	X(PTB_SENT, "ptb_sent") \
	X(TUNNEL_ERRORS, "tunnel_errors") \
	X(ERRORS_RELAYED, "errors_relayed") \
	X(ERRORS_SENT, "errors_sent") \
	X(ERRORS_LIMITED, "errors_limited") \
	X(SLOW_DECAP, "slow_decap") \
	X(SLOW_FRAGMENTED, "slow_fragmented") \
	X(LINK_UP, "link_up") \
	X(LINK_DOWN, "link_down") \
	X(WIFI_JOINED, "wifi_joined") \
	X(BEACONS_LOST, "beacons_lost") \
	X(SIGNAL_WEAK, "signal_weak") \
	X(SIGNAL_UNWATCHED, "signal_unwatched") \
	X(MOVES, "moves") \
	X(FLOWS_MOVED, "flows_moved") \
	X(HOAS_MOVED, "hoas_moved") \
	X(MOVES_FAILED, "moves_failed") \
	X(MOVES_TAKEN_BACK, "moves_taken_back") \
	X(MOVES_RESTORED, "moves_restored") \
	X(PATHS_DEAD, "paths_dead") \
	X(SEVERAL_REFUSED, "several_refused") \
	X(FLOWS_LEFT_OUT, "flows_left_out") \
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
	X(HAAD_ASKED, "haad_asked") \
	X(HAAD_FOUND, "haad_found") \
	X(DNS_ASKED, "dns_asked") \
	X(DNS_FAILED, "dns_failed") \
	X(DISCOVERY_FAILED, "discovery_failed") \
	X(HA_CHANGED, "ha_changed") \
	X(APP_ASKED, "app_asked") \
	X(APP_RUN, "app_run") \
	X(UNITS_FULL, "units_full") \
	X(REPAIRED_ADDRESS, "repaired_address") \
	X(REPAIRED_RULE, "repaired_rule") \
	X(REPAIRED_ROUTE, "repaired_route") \
	X(REPAIRED_TUN, "repaired_tun") \
	X(REPAIRED_FILTER, "repaired_filter") \
	X(REPAIRED_XDP, "repaired_xdp") \
	X(REPAIRED_PINS, "repaired_pins") \
	X(REPAIRED_SYSCTL, "repaired_sysctl") \
	X(COA_LOST, "coa_lost") \
	X(ADDRESS_MISSING, "address_missing") \
	X(LEFT_UNSEEN, "left_unseen") \
	X(RA_LATE, "ra_late") \
	X(ROUTER_REPLACED, "router_replaced")

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
