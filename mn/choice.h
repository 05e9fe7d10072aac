/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of several home agents: for a home address that more than one claims
 * to anchor, for a fixed one whose home agent was found (RFC 6275 11.4.1,
 * RFC 5026), and among remote anchors. Pure: figures in, one of them out.
 *
 * There is no sum of weights: each of these decides alone, the first in which
 * two differ, so that people can be told why in a few words.
 *
 *	works		did not fail or fall silent of late: whom we trust
 *			may be gone for good, and a stand-in has to
 *			authenticate as well
 *	configured	by its address
 *	trusted		has proved itself (IKE), or SAs name it
 *	fresh		what only was said, and is outdated, comes after
 *	named		found by a DNS name that is configured
 *	prefix		the longest
 *	preference	RFC 6275 7.4, the greater
 *	order		as the home agents themselves (RFC 6275 11.4.1: SHOULD)
 *			or the DNS (RFC 2782) put them
 *	record		what became of it: good, mixed, poor (decays)
 *	distance	the smaller round trip time
 *	last		who was heard last
 *
 * The one in use stays (no flapping) where distance or what comes after it
 * alone speaks for another, unless that is closer by a quarter and by 10 ms.
 */
#ifndef KEDGE_CHOICE_H
#define KEDGE_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/mtime.h"

enum choice_record {
	CHOICE_POOR,
	CHOICE_MIXED,		/* or nothing is known */
	CHOICE_GOOD,
};

struct choice {
	bool works, configured, trusted, fresh, named;
	uint8_t prefix_len;
	uint16_t preference;
	uint8_t order;			/* 0 first */
	enum choice_record record;
	mtime rtt;			/* 0: not measured, taken for 100 ms */
	bool current;			/* in use; one at most */
};

/* What decided. */
enum choice_why {
	CHOICE_WORKS,
	CHOICE_CONFIGURED,
	CHOICE_TRUSTED,
	CHOICE_FRESH,
	CHOICE_NAMED,
	CHOICE_PREFIX,
	CHOICE_PREFERENCE,
	CHOICE_ORDER,
	CHOICE_RECORD,
	CHOICE_DISTANCE,
	CHOICE_LAST,
	CHOICE_KEPT,		/* it is in use */
	CHOICE_ONLY,		/* there is no other */
};

/* Which of two: below 0 a, above 0 b, for *why; 0: equal. What is in use does
 * not count here. */
int choice_compare(const struct choice *a, const struct choice *b,
		   enum choice_why *why);
/* Is the first of all, first, as much better than the one in use that it is to
 * be left for it? */
bool choice_worth(const struct choice *first, const struct choice *current);
/* The index of the best of n > 0, of which a later one was heard later; for
 * *why it is before the one that comes next. */
unsigned int choice_pick(const struct choice *list, unsigned int n,
			 enum choice_why *why);

/* For people: "preferred", "closer"... */
const char *choice_why_str(enum choice_why why);
const char *choice_record_str(enum choice_record record);

#endif
