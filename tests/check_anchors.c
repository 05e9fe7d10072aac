/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of anchors, and which of them is chosen: links only mn/anchors.o,
 * mn/choice.o and libproto.
 */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mn/anchors.h"

static struct anchors anchors;
static struct in6_addr hoa1, hoa2, ha1, ha2;
static mtime now;
static unsigned int news, losses;

static void on_new(void *arg, const struct anchor *anchor)
{
	(void)arg, (void)anchor;
	news++;
}

static void on_lost(void *arg)
{
	ck_assert_ptr_eq(arg, &anchors);
	losses++;
}

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static void setup(void)
{
	anchors = (struct anchors){.lost = on_lost, .arg = &anchors};
	news = losses = 0;
	now = MTIME_SEC(1000);
	hoa1 = addr("2001:db8:1::10");
	ha1 = addr("2001:db8:1::1");
	hoa2 = addr("2001:db8:2::10");
	ha2 = addr("2001:db8:1::2");
}

static void later(int64_t s)
{
	now = mtime_add(now, MTIME_SEC(s));
}

static void advertise_as(const char *router, uint8_t len, uint16_t preference,
			 uint16_t lifetime)
{
	struct nd_ra ra = {.home_agent = true, .n_prefixes = 1,
			   .has_ha_info = true, .ha_preference = preference,
			   .ha_lifetime = lifetime};

	ra.prefixes[0].prefix = addr(router);
	ra.prefixes[0].len = len;
	ra.prefixes[0].router_addr = true;
	ra.prefixes[0].autonomous = true;
	anchors_learn(&anchors, &ra, 7, now, on_new, NULL);
}

static void advertise(const char *router, uint8_t len)
{
	advertise_as(router, len, 0, 1800);
}

static void tell(const char *ha, enum anchor_source source, uint8_t order,
		 int64_t seconds)
{
	struct anchor new = {.prefix = {addr("2001:db8:1::"), 64},
			     .ha = addr(ha), .source = source, .order = order};

	if (seconds)
		new.until = mtime_add(now, MTIME_SEC(seconds));
	anchors_learn_ha(&anchors, &new, now, on_new, NULL);
}

static void ck_anchor(const char *of, const char *ha)
{
	struct in6_addr a = addr(of), expected = addr(ha);
	const struct anchor *found = anchors_find(&anchors, &a, NULL, now);

	ck_assert_ptr_nonnull(found);
	ck_assert_mem_eq(&found->ha, &expected, 16);
}

START_TEST(learnt)
{
	struct in6_addr other = addr("2001:db8:9::1");

	advertise("2001:db8:1::1", 64);
	advertise("2001:db8:1::1", 64);
	ck_assert_uint_eq(news, 1);
	ck_assert_uint_eq(anchors.n, 1);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	ck_assert_ptr_null(anchors_find(&anchors, &other, NULL, now));
	/* unproved claims: the last word */
	advertise("2001:db8:1::2", 64);
	ck_anchor("2001:db8:1::10", "2001:db8:1::2");
	advertise("2001:db8:1::1", 64);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	/* nobody's own prefix is of another length */
	advertise("2001:db8:1::3", 72);
	advertise("2001:db8:1::3", 0);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	ck_assert_uint_eq(anchors.n, 2);
}
END_TEST

START_TEST(only_what_claims_it)
{
	struct nd_ra ra = {.home_agent = false, .n_prefixes = 1};

	ra.prefixes[0].prefix = ha1;
	ra.prefixes[0].len = 64;
	ra.prefixes[0].router_addr = true;
	ra.prefixes[0].autonomous = true;
	anchors_learn(&anchors, &ra, 7, now, on_new, NULL);	/* no H flag */
	ra.home_agent = true;
	ra.prefixes[0].router_addr = false;
	ra.prefixes[0].on_link = true;
	anchors_learn(&anchors, &ra, 7, now, on_new, NULL);	/* no R flag */
	ra.prefixes[0].router_addr = true;
	ra.prefixes[0].autonomous = false;
	anchors_learn(&anchors, &ra, 7, now, on_new, NULL);	/* no A flag */
	ra.prefixes[0].autonomous = true;
	ra.prefixes[0].prefix = addr("fe80::1");
	anchors_learn(&anchors, &ra, 7, now, on_new, NULL);
	ck_assert_uint_eq(anchors.n, 0);
}
END_TEST

/* RFC 8273: a prefix of ours alone, whose router is told by another option. */
START_TEST(prefix_of_our_own)
{
	struct nd_ra ra = {.home_agent = true, .n_prefixes = 2};
	struct in6_addr own = addr("2001:db8:100:7::5");

	ra.prefixes[0] = (struct nd_prefix){
		.prefix = ha1, .len = 64, .router_addr = true };
	ra.prefixes[1] = (struct nd_prefix){
		.prefix = addr("2001:db8:100:7::"), .len = 64,
		.autonomous = true, .on_link = true };
	anchors_learn(&anchors, &ra, 7, now, on_new, NULL);	/* others' as well */
	ck_assert_uint_eq(anchors.n, 0);
	ra.prefixes[1].on_link = false;
	ra.prefixes[0].router_addr = false;
	anchors_learn(&anchors, &ra, 7, now, on_new, NULL);	/* whose? */
	ck_assert_uint_eq(anchors.n, 0);
	ra.prefixes[0].router_addr = true;
	anchors_learn(&anchors, &ra, 7, now, on_new, NULL);
	ck_assert_uint_eq(anchors.n, 1);
	ck_assert(anchors_names(&anchors, &own, &ha1));
	ck_assert(!anchors_trusts(&anchors, &own, &ha1));
	ck_assert(!anchors_find(&anchors, &hoa1, NULL, now));
}
END_TEST

START_TEST(rogue_router)
{
	advertise("2001:db8:1::1", 64);
	anchors_trust(&anchors, &hoa1, &ha1);
	ck_assert(anchors_trusts(&anchors, &hoa1, &ha1));
	/* same prefix, or a part of it: beside, not in place */
	advertise("2001:db8:1::bad", 64);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	advertise("2001:db8:1::bad", 128 - 12);
	advertise("2001:db8:1::bad", 72);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	ck_assert_uint_eq(anchors.n, 2);
	/* what is told again does not lose its trust */
	advertise("2001:db8:1::1", 64);
	ck_assert(anchors_trusts(&anchors, &hoa1, &ha1));
}
END_TEST

START_TEST(rogue_first)
{
	struct in6_addr bad = addr("2001:db8:1::bad");

	/* before anybody has proved anything, the one that fails goes last */
	advertise("2001:db8:1::1", 64);
	advertise("2001:db8:1::bad", 64);
	ck_anchor("2001:db8:1::10", "2001:db8:1::bad");
	anchors_fail(&anchors, &hoa1, &bad, "test", now);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	advertise("2001:db8:1::bad", 64);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	anchors_trust(&anchors, &hoa1, &ha1);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	/* both fail: whom we know */
	anchors_fail(&anchors, &hoa1, &ha1, "test", now);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	/* its successor gets a chance to prove itself */
	advertise("2001:db8:1::2", 64);
	ck_anchor("2001:db8:1::10", "2001:db8:1::2");
	anchors_trust(&anchors, &hoa1, &ha1);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
}
END_TEST

START_TEST(ra_storm)
{
	char text[64];
	unsigned int i;

	advertise("2001:db8:1::1", 64);
	anchors_trust(&anchors, &hoa1, &ha1);
	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "2001:db8:%x::1", 0x100 + i);
		advertise(text, 64);
		advertise("2001:db8:2::1", 64);
	}
	ck_assert_uint_eq(anchors.n, 1 + ANCHORS_UNTRUSTED_MAX);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	ck_anchor("2001:db8:2::10", "2001:db8:2::1");
	ck_anchor("2001:db8:4e7::10", "2001:db8:4e7::1");
}
END_TEST

START_TEST(many_trusted)
{
	struct in6_addr home = hoa1, agent = ha1;
	char text[64];
	unsigned int i;

	for (i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "2001:db8:%x::1", 0x100 + i);
		advertise(text, 64);
		agent = home = addr(text);
		home.s6_addr[15] = 0x10;
		anchors_trust(&anchors, &home, &agent);
	}
	ck_assert_uint_eq(anchors.n, ANCHORS_TRUSTED_MAX);
	ck_assert(anchors_trusts(&anchors, &home, &agent));
}
END_TEST

START_TEST(configured)
{
	struct ip6_prefix p = {addr("2001:db8:1::"), 64};
	unsigned int i;

	advertise("2001:db8:1::bad", 64);
	ck_assert_int_eq(anchors_configure(&anchors, &p, &ha1, now), 0);
	ck_assert_uint_eq(anchors.n, 1);
	ck_assert(anchors_trusts(&anchors, &hoa1, &ha1));
	/* nobody else is heard about that prefix */
	advertise("2001:db8:1::bad", 64);
	ck_assert_uint_eq(anchors.n, 1);
	advertise("2001:db8:1::bad", 72);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	for (i = 1; i < ANCHORS_TRUSTED_MAX; i++) {
		p.addr.s6_addr[4] = i;
		ck_assert_int_eq(anchors_configure(&anchors, &p, &ha1, now), 0);
	}
	p.addr.s6_addr[4] = i;
	ck_assert_int_lt(anchors_configure(&anchors, &p, &ha1, now), 0);
	/* SIGHUP */
	anchors_unconfigure(&anchors, false);
	ck_assert_uint_eq(anchors.n, 0);
	advertise("2001:db8:1::1", 64);
	anchors_unconfigure(&anchors, false);
	ck_assert_uint_eq(anchors.n, 1);
	anchors_unconfigure(&anchors, true);
	ck_assert_uint_eq(anchors.n, 0);
}
END_TEST

START_TEST(named)
{
	struct in6_addr bad = addr("2001:db8:1::bad");

	advertise("2001:db8:1::1", 64);
	advertise("2001:db8:1::bad", 64);
	ck_assert(anchors_names(&anchors, &hoa1, &ha1));
	ck_assert(anchors_names(&anchors, &hoa1, &bad));
	ck_assert(!anchors_names(&anchors, &hoa2, &ha1));
	ck_assert(!anchors_trusts(&anchors, &hoa1, &ha1));
}
END_TEST

/* RFC 6275 7.4: the greater one; who authenticated goes before. */
START_TEST(preferred)
{
	advertise_as("2001:db8:1::1", 64, 10, 1800);
	advertise_as("2001:db8:1::2", 64, 9, 1800);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	advertise_as("2001:db8:1::2", 64, 0x8001, 1800);
	ck_anchor("2001:db8:1::10", "2001:db8:1::2");
	/* RFC 6275 11.4.1: whoever has the registration is tried first */
	ck_assert(anchors_serves(&anchors, &hoa1, &ha1, now));
	anchors_trust(&anchors, &hoa1, &ha1);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
}
END_TEST

/* RFC 6275 11.4.1: "in the order they appear" */
START_TEST(in_order)
{
	tell("2001:db8:1::3", ANCHOR_DHAAD, 0, 0);
	tell("2001:db8:1::1", ANCHOR_DHAAD, 1, 0);
	tell("2001:db8:1::2", ANCHOR_DHAAD, 2, 0);
	ck_assert_uint_eq(news, 3);
	ck_anchor("2001:db8:1::10", "2001:db8:1::3");
	struct in6_addr third = addr("2001:db8:1::3");
	anchors_fail(&anchors, &hoa1, &third, "refused", now);
	ck_assert_uint_eq(losses, 1);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	anchors_fail(&anchors, &hoa1, &ha1, "refused", now);
	ck_anchor("2001:db8:1::10", "2001:db8:1::2");
	anchors_fail(&anchors, &hoa1, &ha2, "refused", now);
	ck_assert(!anchors_works(&anchors,
				 anchors_find(&anchors, &hoa1, NULL, now),
				 now));
	/* they may do again after a while */
	later(601);
	ck_assert(anchors_works(&anchors,
				anchors_find(&anchors, &hoa1, NULL, now),
				now));
	ck_anchor("2001:db8:1::10", "2001:db8:1::3");
}
END_TEST

/* Told by several: each adds what it knows. */
START_TEST(told_twice)
{
	const struct anchor *a;

	advertise_as("2001:db8:1::1", 64, 10, 1800);
	tell("2001:db8:1::1", ANCHOR_DHAAD, 3, 0);
	ck_assert_uint_eq(anchors.n, 1);
	a = anchors_find(&anchors, &hoa1, NULL, now);
	ck_assert_int_eq(a->source, ANCHOR_DHAAD);
	ck_assert_uint_eq(a->preference, 10);
	ck_assert_uint_eq(a->ifindex, 7);
	ck_assert_uint_eq(a->order, 3);
	tell("2001:db8:1::1", ANCHOR_DNS, 0, 60);
	advertise_as("2001:db8:1::1", 64, 11, 1800);
	ck_assert_uint_eq(anchors.n, 1);
	a = anchors_find(&anchors, &hoa1, NULL, now);
	ck_assert_int_eq(a->source, ANCHOR_DNS);
	ck_assert_uint_eq(a->preference, 11);
}
END_TEST

START_TEST(no_home_agent)
{
	tell("ff02::1", ANCHOR_DHAAD, 0, 0);
	tell("::1", ANCHOR_DHAAD, 0, 0);
	tell("::", ANCHOR_DNS, 0, 0);
	tell("fe80::1", ANCHOR_DNS, 0, 0);
	ck_assert_uint_eq(anchors.n, 0);
	ck_assert_uint_eq(news, 0);
}
END_TEST

/* A flood of answers pushes out nothing that is trusted. */
START_TEST(answer_storm)
{
	char text[64];
	unsigned int i;

	advertise("2001:db8:1::1", 64);
	anchors_trust(&anchors, &hoa1, &ha1);
	for (i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "2001:db8:1::%x", 0x100 + i);
		tell(text, i % 2 ? ANCHOR_DHAAD : ANCHOR_DNS, i % 8, 0);
	}
	ck_assert_uint_eq(anchors.n, 1 + ANCHORS_UNTRUSTED_MAX);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
}
END_TEST

START_TEST(outdated)
{
	tell("2001:db8:1::1", ANCHOR_DNS, 0, 60);
	tell("2001:db8:1::2", ANCHOR_DHAAD, 0, 0);
	/* named in the configuration goes before hearsay */
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	later(61);
	ck_anchor("2001:db8:1::10", "2001:db8:1::2");
	anchors_trust(&anchors, &hoa1, &ha1);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	ck_assert(anchors_fresh(anchors_find(&anchors, &hoa1, NULL, now), now));
}
END_TEST

/* RFC 6275 7.4: a lifetime of its own, or the router's */
START_TEST(ra_lifetime)
{
	struct nd_ra ra = {.home_agent = true, .n_prefixes = 1,
			   .lifetime = 100, .ha_lifetime = 50};

	ra.prefixes[0] = (struct nd_prefix){.prefix = ha1, .len = 64,
		.router_addr = true, .autonomous = true};
	anchors_learn(&anchors, &ra, 7, now, on_new, NULL);
	ck_assert_int_eq(anchors.list[0].until.ns,
			 mtime_add(now, MTIME_SEC(100)).ns);
	ra.has_ha_info = true;
	anchors_learn(&anchors, &ra, 7, now, on_new, NULL);
	ck_assert_int_eq(anchors.list[0].until.ns,
			 mtime_add(now, MTIME_SEC(50)).ns);
}
END_TEST

/* RFC 5142: it may name others, also where it is configured itself. */
START_TEST(relieved)
{
	struct ip6_prefix p = {addr("2001:db8:1::"), 64};

	ck_assert_int_eq(anchors_configure(&anchors, &p, &ha1, now), 0);
	tell("2001:db8:1::2", ANCHOR_DHAAD, 0, 0);
	ck_assert_uint_eq(anchors.n, 1);
	tell("2001:db8:1::2", ANCHOR_SWITCH, 0, 0);
	ck_assert_uint_eq(anchors.n, 2);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	anchors_dead(&anchors, &ha1, now);
	ck_anchor("2001:db8:1::10", "2001:db8:1::2");
}
END_TEST

/* Heartbeats: dead until it is heard, or for a while. */
START_TEST(dead)
{
	advertise_as("2001:db8:1::1", 64, 1, 1800);
	advertise("2001:db8:1::2", 64);
	ck_assert_ptr_null(anchors_peer(&anchors, &ha1));
	ck_assert(anchors_serves(&anchors, &hoa1, &ha1, now));
	anchors_dead(&anchors, &ha1, now);
	ck_assert_uint_eq(losses, 1);
	ck_assert(!anchors_serves(&anchors, &hoa1, &ha1, now));
	ck_anchor("2001:db8:1::10", "2001:db8:1::2");
	anchors_measured(&anchors, &ha1, MTIME_MS(20), now);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	anchors_dead(&anchors, &ha1, now);
	anchors_heard(&anchors, &ha1, 0, now);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	anchors_dead(&anchors, &ha1, now);
	later(599);
	ck_anchor("2001:db8:1::10", "2001:db8:1::2");
	later(2);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	/* one that nobody names */
	ck_assert(anchors_serves(&anchors, &hoa2, &hoa2, now));
	anchors_dead(&anchors, &hoa2, now);
	ck_assert(!anchors_serves(&anchors, &hoa2, &hoa2, now));
}
END_TEST

START_TEST(capable)
{
	const struct anchor_peer *p;

	anchors_heard(&anchors, &ha1, ANCHOR_HEARTBEAT, now);
	anchors_heard(&anchors, &ha1, ANCHOR_NETWORKS, now);
	anchors_measured(&anchors, &ha1, MTIME_MS(80), now);
	p = anchors_peer(&anchors, &ha1);
	ck_assert_uint_eq(p->capabilities, ANCHOR_HEARTBEAT | ANCHOR_NETWORKS);
	ck_assert_int_eq(p->rtt.ns, MTIME_MS(80).ns);
	anchors_measured(&anchors, &ha1, MTIME_MS(160), now);
	ck_assert_int_eq(p->rtt.ns, MTIME_MS(90).ns);
	ck_assert_str_eq(anchor_capability_str(ANCHOR_HEARTBEAT), "heartbeat");
	ck_assert_str_eq(anchor_source_str(ANCHOR_DHAAD), "dhaad");
}
END_TEST

START_TEST(many_peers)
{
	struct in6_addr ha = ha1;
	unsigned int i;

	anchors_heard(&anchors, &ha1, ANCHOR_REVOKES, now);
	for (i = 0; i < 3 * ANCHORS_MAX; i++) {
		ha.s6_addr[14] = 1 + i / 256;
		ha.s6_addr[13] = i;
		anchors_dead(&anchors, &ha, now);
		anchors_heard(&anchors, &ha1, 0, now);
	}
	ck_assert_uint_eq(anchors.n_peers, ANCHORS_MAX);
	ck_assert_uint_eq(anchors_peer(&anchors, &ha1)->capabilities,
			  ANCHOR_REVOKES);
}
END_TEST

/* Who failed often comes after who did not, and that is forgotten. */
START_TEST(records)
{
	const struct anchor_peer *p;
	struct choice c;
	unsigned int i;

	advertise("2001:db8:1::1", 64);
	advertise("2001:db8:1::2", 64);
	for (i = 0; i < 4; i++)
		anchors_fail(&anchors, &hoa1, &ha2, "no", now);
	anchors_worked(&anchors, &hoa1, &ha2, now);
	anchors_worked(&anchors, &hoa1, &ha1, now);
	p = anchors_peer(&anchors, &ha2);
	ck_assert_uint_eq(p->failed, 4);
	ck_assert_uint_eq(p->worked, 1);
	for (i = 0; i < 4; i++)
		anchors_worked(&anchors, &hoa1, &ha1, now);
	c = anchors_choice(&anchors, &anchors.list[0], now);
	ck_assert_int_eq(c.record, CHOICE_GOOD);
	ck_anchor("2001:db8:1::10", "2001:db8:1::1");
	later(5 * 3600);
	c = anchors_choice(&anchors, &anchors.list[0], now);
	ck_assert_int_eq(c.record, CHOICE_MIXED);
	/* who was heard last */
	ck_anchor("2001:db8:1::10", "2001:db8:1::2");
}
END_TEST

/* ---- the choice itself */

static enum choice_why ck_pick(const struct choice *list, unsigned int n,
			       unsigned int expected)
{
	enum choice_why why;

	ck_assert_uint_eq(choice_pick(list, n, &why), expected);
	return why;
}

/* Each criterion alone decides, and beats all that come after it. */
START_TEST(criteria)
{
	const struct choice none = {.order = 9}, all = {
		.works = true, .configured = true, .trusted = true,
		.fresh = true, .named = true, .prefix_len = 64,
		.preference = 7, .record = CHOICE_GOOD, .rtt = {1000000},
	};
	enum choice_why why;

	for (why = CHOICE_WORKS; why < CHOICE_LAST; why++) {
		struct choice a = none, b = all;

		/* b is better in all but this one */
		a.works = b.works = why != CHOICE_WORKS;
		b.works = why != CHOICE_WORKS;
		a.configured = b.configured = false;
		a.trusted = b.trusted = false;
		a.fresh = b.fresh = false;
		a.named = b.named = false;
		a.prefix_len = b.prefix_len = 64;
		if (why > CHOICE_CONFIGURED)
			a.configured = b.configured = true;
		if (why > CHOICE_PREFERENCE)
			a.preference = b.preference;
		if (why > CHOICE_ORDER)
			a.order = b.order;
		if (why > CHOICE_RECORD)
			a.record = b.record;
		switch (why) {
		case CHOICE_WORKS: a.works = true; break;
		case CHOICE_CONFIGURED: a.configured = true; break;
		case CHOICE_TRUSTED: a.trusted = true; break;
		case CHOICE_FRESH: a.fresh = true; break;
		case CHOICE_NAMED: a.named = true; break;
		case CHOICE_PREFIX: a.prefix_len = 65; break;
		case CHOICE_PREFERENCE: a.preference = 8; break;
		case CHOICE_ORDER: b.order = 10; break;
		case CHOICE_RECORD: b.record = CHOICE_POOR;
				    a.record = CHOICE_MIXED; break;
		case CHOICE_DISTANCE: a.rtt = (mtime){500000}; break;
		case CHOICE_LAST:
		case CHOICE_KEPT:
		case CHOICE_ONLY:
			break;
		}
		ck_assert_int_eq(ck_pick((struct choice[]){a, b}, 2, 0), why);
		ck_assert_int_eq(ck_pick((struct choice[]){b, a}, 2, 1), why);
		ck_assert_str_ne(choice_why_str(why), "?");
	}
	ck_assert_int_eq(ck_pick(&all, 1, 0), CHOICE_ONLY);
	/* of equals, the last */
	ck_assert_int_eq(ck_pick((struct choice[]){all, all, all}, 3, 2),
			 CHOICE_LAST);
}
END_TEST

/* No flapping: closer by a quarter and 10 ms, or nothing. */
START_TEST(hysteresis)
{
	struct choice a = {.works = true, .rtt = MTIME_MS(100),
			   .current = true};
	struct choice b = {.works = true, .rtt = MTIME_MS(76)};

	ck_assert_int_eq(ck_pick((struct choice[]){a, b}, 2, 0), CHOICE_KEPT);
	b.rtt = MTIME_MS(75);
	ck_assert_int_eq(ck_pick((struct choice[]){a, b}, 2, 1),
			 CHOICE_DISTANCE);
	a.rtt = MTIME_MS(12);
	b.rtt = MTIME_MS(3);
	ck_assert_int_eq(ck_pick((struct choice[]){a, b}, 2, 0), CHOICE_KEPT);
	/* heard last is no reason to leave */
	b.rtt = a.rtt;
	ck_assert_int_eq(ck_pick((struct choice[]){a, b}, 2, 0), CHOICE_KEPT);
	/* preference is, and failure */
	b.preference = 1;
	ck_assert_int_eq(ck_pick((struct choice[]){a, b}, 2, 1),
			 CHOICE_PREFERENCE);
	b.works = false;
	ck_assert_int_eq(ck_pick((struct choice[]){a, b}, 2, 0), CHOICE_WORKS);
}
END_TEST

/* Round trip times that come and go: it changes once at most. */
START_TEST(no_flapping)
{
	struct choice list[2] = {{.works = true, .current = true},
				 {.works = true}};
	unsigned int i, changes = 0, at = 0, next;
	enum choice_why why;

	srandom(1);
	for (i = 0; i < 10000; i++) {
		list[0].rtt = MTIME_MS(90 + random() % 20);
		list[1].rtt = MTIME_MS(90 + random() % 20);
		next = choice_pick(list, 2, &why);
		changes += next != at;
		list[at].current = false;
		list[at = next].current = true;
	}
	ck_assert_uint_eq(changes, 0);
}
END_TEST

/* The same one whatever the order: it is a total one. */
START_TEST(total)
{
	struct choice list[6], other[6];
	enum choice_why why;
	unsigned int i, k, n = 6;

	srandom(_i);
	for (i = 0; i < n; i++)
		list[i] = (struct choice){
			.works = random() % 2, .trusted = random() % 2,
			.fresh = random() % 2, .preference = random() % 2,
			.record = random() % 3,
			/* unlike any other's */
			.rtt = {(random() % 3) * 60000000 + i + 1},
		};
	memcpy(other, list, sizeof(list));
	for (i = n; i > 1; i--) {
		struct choice c = other[i - 1];

		k = random() % i;
		other[i - 1] = other[k];
		other[k] = c;
	}
	i = choice_pick(list, n, &why);
	k = choice_pick(other, n, &why);
	ck_assert_mem_eq(&list[i], &other[k], sizeof(*list));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("anchors");
	TCase *tc = tcase_create("anchors");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, learnt);
	tcase_add_test(tc, only_what_claims_it);
	tcase_add_test(tc, prefix_of_our_own);
	tcase_add_test(tc, rogue_router);
	tcase_add_test(tc, rogue_first);
	tcase_add_test(tc, ra_storm);
	tcase_add_test(tc, many_trusted);
	tcase_add_test(tc, configured);
	tcase_add_test(tc, named);
	tcase_add_test(tc, preferred);
	tcase_add_test(tc, in_order);
	tcase_add_test(tc, told_twice);
	tcase_add_test(tc, no_home_agent);
	tcase_add_test(tc, answer_storm);
	tcase_add_test(tc, outdated);
	tcase_add_test(tc, ra_lifetime);
	tcase_add_test(tc, relieved);
	tcase_add_test(tc, dead);
	tcase_add_test(tc, capable);
	tcase_add_test(tc, many_peers);
	tcase_add_test(tc, records);
	suite_add_tcase(suite, tc);
	tc = tcase_create("choice");
	tcase_add_test(tc, criteria);
	tcase_add_test(tc, hysteresis);
	tcase_add_test(tc, no_flapping);
	tcase_add_loop_test(tc, total, 0, 200);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
