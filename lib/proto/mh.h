/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mobility Header messages and options, RFC 6275 section 6. Parsed into
 * structs in host order; built from the same structs. Options keep their
 * order, and padding is recomputed from each option's alignment rule, so that
 * parse, build, parse yields the same struct.
 */
#ifndef KEDGE_MH_H
#define KEDGE_MH_H

#include <netinet/in.h>
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
};

/* BU flags as on the wire, RFC 6275 6.1.7; bits below are other RFCs' */
enum mh_bu_flag {
	MH_BU_A = 0x8000,
	MH_BU_H = 0x4000,
	MH_BU_L = 0x2000,
	MH_BU_K = 0x1000,
};

enum mh_ba_flag {
	MH_BA_K = 0x80,
};

/* RFC 6275 6.1.8. Below 128: accepted. */
enum mh_status {
	MH_STATUS_ACCEPTED = 0,
	MH_STATUS_PREFIX_DISCOVERY = 1,
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
	MH_STATUS_INVALID_COA = 174,
};

enum mh_be_status {
	MH_BE_NO_BINDING = 1,
	MH_BE_UNKNOWN_TYPE = 2,
};

enum mh_opt_type {
	MH_OPT_PAD1 = 0,
	MH_OPT_PADN = 1,
	MH_OPT_REFRESH = 2,	/* Binding Refresh Advice, BA only */
	MH_OPT_ALT_COA = 3,	/* BU only */
	MH_OPT_NONCE = 4,	/* Nonce Indices */
	MH_OPT_AUTH = 5,	/* Binding Authorization Data, last */
};

enum {
	MH_OPTS_MAX = 16,
	MH_AUTH_LEN = 12,	/* authenticator: 96 bits, 6.2.7 */
	MH_LIFETIME_UNIT = 4,	/* seconds */
	MH_MAX_LEN = 8 + 255 * 8,
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
	};
};

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
	};
	uint8_t n_opts;
	struct mh_opt opts[MH_OPTS_MAX];	/* known ones but padding */
	uint8_t n_unknown;	/* options skipped, 6.2.1; stops at 255 */
};

/*
 * Parses one Mobility Header of len bytes (all that follows the IPv6 and
 * extension headers, or what ESP held). src and dst are those of the
 * checksum's pseudo-header: home address and final destination, RFC 6275
 * 6.1.1. *out is wholly written (zeroed first); it holds nothing of p.
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

#endif
