/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/ra.h"

#include <sodium.h>
#include <stddef.h>
#include <string.h>

enum {
	/* RFC 4861 10: MIN_DELAY_BETWEEN_RAS and the least of MinRtrAdvInterval
	 * where MaxRtrAdvInterval is one of RFC 4861's */
	DELAY_MIN = 3,			/* s */
	INTERVAL_4861 = 4,		/* s */
	/* RFC 6275 7.5: where it is shorter */
	DELAY_MIN_MOBILE = 30,		/* ms */
	SHORT_INTERVAL = 200,		/* ms; below it, in the option: */
	SHORT_ALLOWANCE = 20,
};

static const struct in6_addr all_nodes = {
	.s6_addr = { 0xff, 0x02, [15] = 0x01 } };
static const uint8_t all_nodes_mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };

/* When. */

static mtime delay_min(const struct ra *ra)
{
	return mtime_before(ra->conf.interval, MTIME_SEC(INTERVAL_4861)) ?
	       MTIME_MS(DELAY_MIN_MOBILE) : MTIME_SEC(DELAY_MIN);
}

/* RFC 4861 6.2.1: MinRtrAdvInterval is a third of MaxRtrAdvInterval, not less
 * than the least there may be, nor more than three quarters. */
static mtime interval_min(const struct ra *ra)
{
	mtime min = {ra->conf.interval.ns / 3};
	mtime most = {ra->conf.interval.ns / 4 * 3};

	if (mtime_before(min, delay_min(ra)))
		min = delay_min(ra);
	return mtime_before(most, min) ? most : min;
}

/* RFC 4861 6.2.4: at random, each time anew, and the first ones soon. */
static mtime random_interval(const struct ra *ra)
{
	const mtime initial = MTIME_SEC(RA_INITIAL_INTERVAL);
	mtime min = interval_min(ra), t;
	uint32_t us = (uint32_t)((ra->conf.interval.ns - min.ns) / 1000);

	t = mtime_add(min, (mtime){1000 * (int64_t)
				   ra->ops->random(ra->arg, us + 1)});
	if (ra->n_initial < RA_INITIAL_MAX && mtime_before(initial, t))
		t = initial;
	return t;
}

/* No two to all in less than the least delay, RFC 4861 6.2.6. */
static mtime earliest(const struct ra *ra, mtime now)
{
	mtime at = mtime_add(ra->last, delay_min(ra));

	return ra->last.ns && mtime_before(now, at) ? at : now;
}

/* What. */

static void option_flags(struct nd_ra *msg, const struct ra *ra)
{
	const int64_t ms = ra->conf.interval.ns / 1000000;

	msg->has_slla = true;
	memcpy(msg->slla, ra->slla, sizeof(msg->slla));
	/* RFC 6275 7.5, and 8.3: it is told if it is to be */
	if (!ra->conf.alone && !ra->conf.untold_interval)
		msg->adv_interval = (uint32_t)ms +
				    (ms < SHORT_INTERVAL ? SHORT_ALLOWANCE : 0);
	msg->mtu = ra->conf.mtu;
}

struct nd_ra ra_message(const struct ra *ra)
{
	struct nd_ra msg = {
		.hop_limit = RA_HOP_LIMIT,
		.home_agent = true,
		.n_prefixes = ra->conf.n_prefixes,
	};

	memcpy(msg.prefixes, ra->conf.prefixes, sizeof(msg.prefixes));
	option_flags(&msg, ra);
	/* RFC 4861 6.2.2: one that does not forward has to say so. No home
	 * agent either then: without the option its lifetime is the router's,
	 * RFC 6275 7.4. */
	if (!ra->running || !ra->ops->forwards(ra->arg))
		return msg;
	msg.lifetime = ra->conf.lifetime;
	/* RFC 6275 7.4: not where it would tell what is taken without it */
	msg.has_ha_info = ra->conf.ha_preference ||
			  ra->conf.ha_lifetime != msg.lifetime;
	if (!msg.has_ha_info)
		return msg;
	msg.ha_preference = ra->conf.ha_preference;
	msg.ha_lifetime = ra->conf.ha_lifetime;
	return msg;
}

static void send_to_all(const struct ra *ra)
{
	struct nd_ra msg = ra_message(ra);

	ra->ops->send(ra->arg, &msg, &all_nodes, all_nodes_mac);
}

/* Nobody else arms the timer. last: when all were told. */
static void control_timer(struct ra *ra, mtime now)
{
	mtime at;

	if (ra->conf.alone)
		return;
	if (ra->wanted)
		at = earliest(ra, now);
	else
		at = mtime_add(now, random_interval(ra));
	timers_set(ra->timers, &ra->timer, at);
}

static void on_timer(struct timer *timer, mtime now)
{
	struct ra *ra = (struct ra *)((char *)timer -
				      offsetof(struct ra, timer));

	ra->wanted = false;
	ra->last = now;
	ra->n_initial += ra->n_initial < RA_INITIAL_MAX;
	send_to_all(ra);
	control_timer(ra, now);
}

/* Starting and stopping. */

void ra_init(struct ra *ra, const struct ra_ops *ops, void *arg,
	     struct timers *timers, const struct ra_conf *conf)
{
	*ra = (struct ra){
		.ops = ops,
		.arg = arg,
		.timers = timers,
		.conf = *conf,
		.timer.fn = on_timer,
	};
	crypto_shorthash_keygen(ra->hosts_key);
}

void ra_fini(struct ra *ra)
{
	timers_del(ra->timers, &ra->timer);
}

void ra_start(struct ra *ra, const uint8_t slla[6], mtime now)
{
	memcpy(ra->slla, slla, sizeof(ra->slla));
	ra->running = true;
	ra->n_initial = 0;
	ra->wanted = true;	/* a link that comes and goes has to wait */
	control_timer(ra, now);
}

void ra_stop(struct ra *ra)
{
	ra->running = false;
	timers_del(ra->timers, &ra->timer);
}

/* One would be enough, but multicast gets lost. */
void ra_final(struct ra *ra)
{
	int i;

	ra_stop(ra);
	for (i = 0; i < RA_FINAL_MAX; i++)
		send_to_all(ra);
}

/* Solicitations. */

/* Who solicits chooses his address: keyed, lest he takes another's place. */
static struct bucket *host_bucket(struct ra *ra, const uint8_t mac[6])
{
	uint64_t hash;

	_Static_assert(crypto_shorthash_BYTES == sizeof(hash) &&
		       crypto_shorthash_KEYBYTES == sizeof(ra->hosts_key),
		       "SipHash");
	crypto_shorthash((uint8_t *)&hash, mac, 6, ra->hosts_key);
	return &ra->hosts[hash % RA_HOSTS];
}

static bool may_answer(struct ra *ra, const uint8_t mac[6], mtime now)
{
	const mtime step = {1000000000 / RA_LINK_PER_SECOND};

	return bucket_take_of(host_bucket(ra, mac), MTIME_MS(RA_HOST_STEP),
			      RA_HOST_BURST, now) &&
	       bucket_take_of(&ra->link, step, RA_LINK_PER_SECOND, now);
}

/* RFC 4861 6.2.6: many are answered by one to all. */
static void want(struct ra *ra, mtime now)
{
	if (ra->wanted || ra->conf.alone)
		return;
	ra->wanted = true;
	if (mtime_before(earliest(ra, now), ra->timer.at))
		control_timer(ra, now);
}

static void add_prefix(struct nd_ra *msg, const struct nd_prefix *prefix)
{
	if (msg->n_prefixes < ND_PREFIXES_MAX)
		msg->prefixes[msg->n_prefixes++] = *prefix;
}

void ra_tell(const struct ra *ra, const struct in6_addr *dst,
	     const uint8_t mac[6], const struct nd_prefix *own)
{
	struct nd_ra msg = ra_message(ra);

	if (!ra->running)
		return;
	add_prefix(&msg, own);
	ra->ops->send(ra->arg, &msg, dst, mac);
}

enum reason ra_solicited(struct ra *ra, const struct in6_addr *src,
			 const uint8_t mac[6], mtime now)
{
	const bool anonymous = IN6_IS_ADDR_UNSPECIFIED(src);
	struct nd_prefix own;
	struct nd_ra msg;

	if (mac[0] & 1)		/* a group's: it would tell all */
		return REASON_ND_SOURCE;
	if (!ra->running)
		return REASON_NONE;
	if (!may_answer(ra, mac, now)) {
		want(ra, now);
		return REASON_RA_LIMITED;
	}
	msg = ra_message(ra);
	if (ra->ops->own && ra->ops->own(ra->arg, src, mac, &own))
		add_prefix(&msg, &own);
	ra->ops->send(ra->arg, &msg, anonymous ? &all_nodes : src, mac);
	return REASON_NONE;
}

/* Others' advertisements. */

static bool prefix_is(const struct nd_prefix *a, const struct nd_prefix *b)
{
	struct ip6_prefix p = {a->prefix, a->len};

	return a->len == b->len && ip6_prefix_has(&p, &b->prefix);
}

static const char *prefix_differs(const struct nd_ra *mine,
				  const struct nd_prefix *other)
{
	const struct nd_prefix *p;

	for (p = mine->prefixes; p < mine->prefixes + mine->n_prefixes; p++) {
		if (!prefix_is(p, other))
			continue;
		if (p->valid != other->valid)
			return "valid lifetime of a prefix";
		if (p->preferred != other->preferred)
			return "preferred lifetime of a prefix";
	}
	return NULL;
}

/* What we leave unspecified (reachable time, retransmission timer) may be
 * anything. */
const char *ra_differs(const struct ra *ra, const struct nd_ra *other)
{
	struct nd_ra mine = ra_message(ra);
	const char *what = NULL;
	size_t i;

	if (other->hop_limit && other->hop_limit != mine.hop_limit)
		return "hop limit";
	if (other->managed || other->other)
		return "M or O flag";
	if (mine.mtu && other->mtu && other->mtu != mine.mtu)
		return "MTU";
	for (i = 0; i < other->n_prefixes && !what; i++)
		what = prefix_differs(&mine, &other->prefixes[i]);
	return what;
}
