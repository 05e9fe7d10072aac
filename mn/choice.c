/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/choice.h"

/* For one that was not measured: neither near nor far. */
static const mtime UNKNOWN_RTT = {100000000};
/* Closer by less is no reason to leave the one in use. */
static const mtime CLOSER = {10000000};

const char *choice_why_str(enum choice_why why)
{
	switch (why) {
	case CHOICE_WORKS: return "others failed";
	case CHOICE_CONFIGURED: return "configured";
	case CHOICE_TRUSTED: return "trusted";
	case CHOICE_FRESH: return "others are outdated";
	case CHOICE_NAMED: return "named in the configuration";
	case CHOICE_PREFIX: return "longer prefix";
	case CHOICE_PREFERENCE: return "greater preference";
	case CHOICE_ORDER: return "listed first";
	case CHOICE_RECORD: return "better record";
	case CHOICE_DISTANCE: return "closer";
	case CHOICE_LAST: return "heard last";
	case CHOICE_KEPT: return "in use";
	case CHOICE_ONLY: return "the only one";
	}
	return "?";
}

const char *choice_record_str(enum choice_record record)
{
	switch (record) {
	case CHOICE_POOR: return "poor";
	case CHOICE_MIXED: return "mixed";
	case CHOICE_GOOD: return "good";
	}
	return "?";
}

static int64_t rtt_of(const struct choice *c)
{
	return c->rtt.ns ? c->rtt.ns : UNKNOWN_RTT.ns;
}

/* As a figure of which more is better. */
static int64_t figure(const struct choice *c, enum choice_why why)
{
	switch (why) {
	case CHOICE_WORKS: return c->works;
	case CHOICE_CONFIGURED: return c->configured;
	case CHOICE_TRUSTED: return c->trusted;
	case CHOICE_FRESH: return c->fresh;
	case CHOICE_NAMED: return c->named;
	case CHOICE_PREFIX: return c->prefix_len;
	case CHOICE_PREFERENCE: return c->preference;
	case CHOICE_ORDER: return -c->order;
	case CHOICE_RECORD: return c->record;
	case CHOICE_DISTANCE: return -rtt_of(c);
	case CHOICE_LAST:
	case CHOICE_KEPT:
	case CHOICE_ONLY:
		break;
	}
	return 0;
}

int choice_compare(const struct choice *a, const struct choice *b,
		   enum choice_why *why)
{
	for (*why = CHOICE_WORKS; *why < CHOICE_LAST; (*why)++) {
		int64_t x = figure(a, *why), y = figure(b, *why);

		if (x != y)
			return x > y ? -1 : 1;
	}
	return 0;
}

bool choice_worth(const struct choice *first, const struct choice *current)
{
	enum choice_why why;
	int64_t to = rtt_of(first), from = rtt_of(current);

	if (choice_compare(first, current, &why) >= 0)
		return false;
	return why != CHOICE_DISTANCE ||
	       (to <= from - CLOSER.ns && to <= from / 4 * 3);
}

/* The first of all but one; n where there is no other. */
static unsigned int first_but(const struct choice *list, unsigned int n,
			      unsigned int but, enum choice_why *why)
{
	unsigned int i, best = n;

	for (i = 0; i < n; i++)
		if (i != but && (best == n ||
				 choice_compare(&list[i], &list[best],
						why) <= 0))
			best = i;
	return best;
}

unsigned int choice_pick(const struct choice *list, unsigned int n,
			 enum choice_why *why)
{
	unsigned int best = first_but(list, n, n, why), current, next;

	for (current = 0; current < n && !list[current].current; current++)
		;
	if (current < n && current != best &&
	    !choice_worth(&list[best], &list[current])) {
		*why = CHOICE_KEPT;
		return current;
	}
	next = first_but(list, n, best, why);
	if (next == n)
		*why = CHOICE_ONLY;
	else
		choice_compare(&list[best], &list[next], why);
	return best;
}
