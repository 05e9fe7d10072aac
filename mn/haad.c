/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/haad.h"

#include <stddef.h>

/* RFC 6275 12 */
static const mtime INITIAL_DHAAD_TIMEOUT = {3000000000};
enum { DHAAD_RETRIES = 4 };

static void send_one(struct haad *haad, mtime now)
{
	struct mip request = {.type = MIP_HAAD_REQUEST, .id = haad->id};
	struct in6_addr dst;

	haad->sends++;
	/* first: the callee may well stop it */
	timers_set(haad->timers, &haad->timer, mtime_add(now, haad->rto));
	haad->rto = mtime_add(haad->rto, haad->rto);
	if (mip_anycast(&dst, &haad->prefix))
		haad->ops->send(haad->arg, haad, &dst, &request);
}

static void on_timer(struct timer *timer, mtime now)
{
	struct haad *haad = (struct haad *)((char *)timer -
					    offsetof(struct haad, timer));

	if (haad->sends <= DHAAD_RETRIES)
		send_one(haad, now);
	else
		haad->ops->failed(haad->arg, haad);
}

void haad_init(struct haad *haad, const struct haad_ops *ops, void *arg,
	       struct timers *timers, const struct ip6_prefix *prefix)
{
	*haad = (struct haad){.ops = ops, .arg = arg, .timers = timers,
			      .prefix = *prefix, .timer.fn = on_timer};
	ip6_prefix_mask(&haad->prefix);
}

bool haad_ask(struct haad *haad, uint16_t id, mtime now)
{
	struct in6_addr dst;

	if (!mip_anycast(&dst, &haad->prefix))
		return false;
	haad->id = id;
	haad->sends = 0;
	haad->rto = INITIAL_DHAAD_TIMEOUT;
	send_one(haad, now);
	return true;
}

void haad_moved(struct haad *haad, uint16_t id, mtime now)
{
	if (haad_asking(haad))
		haad_ask(haad, id, now);
}

void haad_stop(struct haad *haad)
{
	timers_del(haad->timers, &haad->timer);
}

bool haad_asking(const struct haad *haad)
{
	return timer_armed(&haad->timer);
}

static bool has(const struct in6_addr *list, unsigned int n,
		const struct in6_addr *addr)
{
	while (n--)
		if (ip6_addr_eq(&list[n], addr))
			return true;
	return false;
}

/* One on the home link: of the prefix that was asked about, so that nobody has
 * us knock at strangers' doors. */
static bool good(const struct haad *haad, const struct in6_addr *addr)
{
	struct in6_addr anycast;

	return ip6_unicast_routable(addr) &&
	       ip6_prefix_has(&haad->prefix, addr) &&
	       !(mip_anycast(&anycast, &haad->prefix) &&
		 ip6_addr_eq(&anycast, addr));
}

enum reason haad_reply(struct haad *haad, const struct in6_addr *src,
		       const struct mip *reply, size_t len)
{
	struct in6_addr found[HAAD_ADDRS_MAX];
	unsigned int i, n = 0;

	if (!haad_asking(haad) || reply->id != haad->id)
		return REASON_HAAD_UNMATCHED;
	/* 10.5: from a unicast address of a home agent that serves it */
	if (!good(haad, src))
		return REASON_HAAD_SOURCE;
	for (i = 0; i < reply->n_addrs && n < HAAD_ADDRS_MAX; i++)
		if (good(haad, &reply->addrs[i]) &&
		    !has(found, n, &reply->addrs[i]))
			found[n++] = reply->addrs[i];
	if (!n || len > HAAD_REPLY_MAX)
		return REASON_HAAD_LIST;
	haad_stop(haad);
	haad->ops->found(haad->arg, haad, found, n);
	return REASON_NONE;
}
