/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mobility Header messages and options, RFC 6275 section 6, and those of RFC
 * 3963 (networks), 5142 (switch), 5648 (several care-of addresses), 5846
 * (revocation), 5847 (heartbeat), 6089 (flows: flowid.h). Parsed into structs
 * in host order; built from the same structs. Options keep their order, and
 * padding is recomputed from each option's alignment rule, so that parse,
 * build, parse yields the same struct.
 */
#ifndef KEDGE_MH_H
#define KEDGE_MH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/reason.h"

enum mh_type {
	MH_BRR = 0,
	MH_HOTI = 1,
	MH_COTI = 2,
	MH_HOT = 3,
	MH_COT = 4,
	MH_BU = 5,
	MH_BA = 6,
	MH_BE = 7,
	MH_HAS = 12,	/* Home Agent Switch, RFC 5142 4 */
	MH_HB = 13,	/* Heartbeat, RFC 5847 3.3 */
	MH_BR = 16,	/* Binding Revocation, RFC 5846 5 */
};

/* BU flags as on the wire, RFC 6275 6.1.7; R: RFC 3963 4.1; O: RFC 5648 4.2 */
enum mh_bu_flag {
	MH_BU_A = 0x8000,
	MH_BU_H = 0x4000,
	MH_BU_L = 0x2000,
	MH_BU_K = 0x1000,
	MH_BU_R = 0x0400,
	MH_BU_O = 0x0040,	/* replaces all bindings */
};

enum mh_ba_flag {
	MH_BA_K = 0x80,
	MH_BA_R = 0x40,	/* RFC 3963 4.2 */
};

/* RFC 5847 3.3 */
enum mh_hb_flag {
	MH_HB_U = 0x0002,	/* unsolicited */
	MH_HB_R = 0x0001,	/* a response */
};

/* RFC 5846 5: which of the two messages */
enum mh_br_kind {
	MH_BRI = 1,	/* Binding Revocation Indication */
	MH_BRA = 2,	/* Acknowledgement */
};

enum mh_br_flag {
	MH_BR_P = 0x8000,	/* proxy binding */
	MH_BR_V = 0x4000,	/* the IPv4 home address only */
	MH_BR_G = 0x2000,	/* all of a peer */
};

/* RFC 5846 5.1, those that a home agent sends to a mobile node */
enum mh_br_trigger {
	MH_BR_TRIGGER_UNSPECIFIED = 0,
	MH_BR_TRIGGER_ADMIN = 1,
	MH_BR_TRIGGER_OUT_OF_SYNC = 7,
};

/* RFC 5846 5.2. Below 128: accepted. */
enum mh_br_status {
	MH_BR_SUCCESS = 0,
	MH_BR_PARTIAL = 1,
	MH_BR_NO_BINDING = 128,
	MH_BR_IPV4_HOA_REQUIRED = 129,
	MH_BR_GLOBAL_DENIED = 130,
	MH_BR_NO_IDENTITY = 131,
	MH_BR_ATTACHED = 132,
	MH_BR_TRIGGER_UNSUPPORTED = 133,
	MH_BR_UNSUPPORTED = 134,
	MH_BR_PROXY_UNSUPPORTED = 135,
};

/* RFC 6275 6.1.8. Below 128: accepted. */
enum mh_status {
	MH_STATUS_ACCEPTED = 0,
	MH_STATUS_PREFIX_DISCOVERY = 1,
	/* RFC 5648 4.4 */
	MH_STATUS_MCOA_NOTCOMPLETE = 4,
	MH_STATUS_MCOA_HOME_WO_NDP = 5,
	MH_STATUS_UNSPECIFIED = 128,
	MH_STATUS_PROHIBITED = 129,
	MH_STATUS_RESOURCES = 130,
	MH_STATUS_NO_HOME_REG = 131,
	MH_STATUS_NOT_HOME_SUBNET = 132,
	MH_STATUS_NOT_HA_FOR_MN = 133,
	MH_STATUS_DAD_FAILED = 134,
	MH_STATUS_SEQ = 135,
	MH_STATUS_HOME_NONCE = 136,
	MH_STATUS_COA_NONCE = 137,
	MH_STATUS_NONCES = 138,
	MH_STATUS_TYPE_CHANGE = 139,
	/* RFC 3963 4.2 */
	MH_STATUS_ROUTER_PROHIBITED = 140,
	MH_STATUS_INVALID_PREFIX = 141,
	MH_STATUS_PREFIX_PROHIBITED = 142,
	MH_STATUS_PREFIXES_MISSING = 143,
	/* RFC 5648 4.4 */
	MH_STATUS_MCOA_MALFORMED = 164,
	MH_STATUS_MCOA_NON_MCOA_EXISTS = 165,
	MH_STATUS_MCOA_PROHIBITED = 166,
	MH_STATUS_MCOA_UNKNOWN_COA = 167,
	MH_STATUS_MCOA_BULK_PROHIBITED = 168,
	MH_STATUS_MCOA_HOME_PROHIBITED = 169,
	MH_STATUS_INVALID_COA = 174,
};

enum mh_be_status {
	MH_BE_NO_BINDING = 1,
	MH_BE_UNKNOWN_TYPE = 2,
};

enum mh_opt_type {
	MH_OPT_PAD1 = 0,
	MH_OPT_PADN = 1,
	MH_OPT_REFRESH = 2,	/* Binding Refresh Advice, BA and HAS only */
	MH_OPT_ALT_COA = 3,	/* BU only */
	MH_OPT_NONCE = 4,	/* Nonce Indices */
	MH_OPT_AUTH = 5,	/* Binding Authorization Data, last */
	MH_OPT_PREFIX = 6,	/* Mobile Network Prefix, RFC 3963 4.3 */
	MH_OPT_LLA = 7,		/* Mobility Header Link-Layer Address, RFC 5568
				 * 6.4.4: Ethernet's; others are skipped */
	MH_OPT_RESTART = 28,	/* Restart Counter, RFC 5847 3.4 */
	MH_OPT_BID = 35,	/* Binding Identifier, RFC 5648 4.3 */
	/* RFC 6089 4.2: both are in flowid.h. Its section 8 has the numbers
	 * the other way round; the figures are what IANA assigned. */
	MH_OPT_FLOW_SUMMARY = 44,
	MH_OPT_FLOW_ID = 45,
};

enum {
	/* more than a packet of IP6_SIGNAL_MAX has of the BIDs with a care-of
	 * address */
	MH_OPTS_MAX = 64,
	MH_HAS_MAX = 16,	/* home agents' addresses; more are skipped */
	MH_AUTH_LEN = 12,	/* authenticator: 96 bits, 6.2.7 */
	MH_LIFETIME_UNIT = 4,	/* seconds */
	MH_MAX_LEN = 8 + 255 * 8,
	MH_LLA_OF_MN = 2,	/* Option-Code, RFC 5568 6.4.4 */
	MH_BID_LEN = 4,		/* without a care-of address, RFC 5648 4.3 */
	MH_BID_LEN_IPV4 = 8,
	MH_BID_LEN_IPV6 = 20,
};

struct mh_opt {
	uint8_t type;
	union {
		uint16_t refresh;		/* units of 4 s */
		struct in6_addr alt_coa;
		struct {
			uint16_t home, coa;
		} nonce;
		uint8_t auth[MH_AUTH_LEN];
		struct {
			struct in6_addr addr;
			uint8_t len;
		} prefix;
		uint32_t restart;
		struct {
			uint8_t code, addr[6];
		} lla;
		/* RFC 5648 4.3, RFC 6089 4.1. len as on the wire: none of
		 * the three there are is malformed (status 164), and then id
		 * is all that there may be. */
		struct {
			uint16_t id;	/* BID */
			uint8_t status;
			bool home;	/* the H flag */
			uint8_t pri;	/* BID-PRI; 0: as in RFC 5648 */
			uint8_t len;
			struct in6_addr coa;	/* IPv4: the first 4 bytes */
		} bid;
	};
};

struct mh_flows;

struct mh {
	uint8_t type;		/* enum mh_type */
	union {
		struct {
			uint64_t cookie;
		} hoti, coti;
		struct {
			uint16_t nonce_index;
			uint64_t cookie, token;
		} hot, cot;
		struct {
			uint16_t seq;
			uint16_t flags;
			uint16_t lifetime;	/* units of 4 s */
		} bu;
		struct {
			uint8_t status;
			uint8_t flags;
			uint16_t seq;
			uint16_t lifetime;	/* units of 4 s */
		} ba;
		struct {
			uint8_t status;
			struct in6_addr home;
		} be;
		struct {
			uint8_t n;
			struct in6_addr addrs[MH_HAS_MAX];
		} has;
		struct {
			uint16_t flags;
			uint32_t seq;
		} hb;
		struct {
			uint8_t kind;	/* enum mh_br_kind, or another */
			uint8_t code;	/* BRI: trigger; BRA: status */
			uint16_t seq;
			uint16_t flags;
		} br;
	};
	uint8_t n_opts;
	struct mh_opt opts[MH_OPTS_MAX];	/* known ones but padding */
	uint8_t n_unknown;	/* options skipped, 6.2.1; stops at 255 */
	uint8_t n_excess;	/* parsed, of a BU: known ones beyond opts; to 255 */
	uint8_t n_flows;	/* parsed: options for mh_flows_parse(); to 255 */
	const struct mh_flows *flows;	/* to be built behind opts; or NULL */
};

/*
 * Parses one Mobility Header of len bytes (all that follows the IPv6 and
 * extension headers, or what ESP held). src and dst are those of the
 * checksum's pseudo-header: home address and final destination, RFC 6275
 * 6.1.1. *out is wholly written (zeroed first); it holds nothing of p.
 * Flow identification and summary options are counted alone. A BU may have more
 * options than opts has room for, as it is to be answered; of other messages
 * that is REASON_MH_OPTION.
 * REASON_MH_UNKNOWN_TYPE leaves out->type set.
 */
enum reason mh_parse(struct mh *out, const uint8_t *p, size_t len,
		     const struct in6_addr *src, const struct in6_addr *dst);

/*
 * Builds with padding and checksum. Returns the length, -EMSGSIZE where it
 * does not fit cap, -EINVAL for a type or option that does not exist or for
 * MH_OPT_AUTH that is not last (6.2). Reserved bits of flags are the caller's.
 */
ssize_t mh_build(uint8_t *out, size_t cap, const struct mh *mh,
		 const struct in6_addr *src, const struct in6_addr *dst);

/*
 * RFC 6275 9.2: the octet of a Mobility Header that mh_parse() refused which an
 * ICMPv6 Parameter Problem, Code 0, is to point at; negative: none is due.
 */
int mh_problem_at(enum reason reason);

/* The first option of a type, or NULL. */
const struct mh_opt *mh_opt_find(const struct mh *mh, uint8_t type);
/* Adds an option and returns it for filling; NULL where opts is full. */
struct mh_opt *mh_opt_add(struct mh *mh, uint8_t type);

/* RFC 6275 9.5.1: is a greater than b, modulo 2^16? */
static inline int mh_seq_gt(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b) > 0;
}

const char *mh_type_str(uint8_t type);		/* "BU", never NULL */
const char *mh_status_str(uint8_t status);	/* "accepted", never NULL */
const char *mh_br_status_str(uint8_t status);	/* "success", never NULL */

#endif
