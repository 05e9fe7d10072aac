/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A /64 for each host of a link (RFC 8273; RFC 8818 1): which host has which,
 * and for how long. A host is a link-local address at a link-layer address, as
 * it solicits. It has its prefix for a lease after it was last there; while an
 * address in it is bound or owned, on and on. Pure: acts through hosts_ops.
 */
#ifndef KEDGE_HA_HOSTS_H
#define KEDGE_HA_HOSTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "proto/ip6.h"
#include "proto/reason.h"
#include "proto/timers.h"

enum {
	HOSTS_MAX = 4096,	/* of a link */
	HOSTS_MAC_MAX = 16,	/* of a link-layer address */
	HOSTS_TRIAL = 30,	/* s: one that was never seen to be there */
	HOSTS_PROBE = 5,	/* s, as long as it is on trial */
	HOSTS_REFRESH = 4,	/* times in a lease it is told again */
	HOSTS_LEN_MIN = 32, HOSTS_LEN_MAX = 63,	/* what /64s are taken from */
};

struct host_key {
	struct in6_addr lladdr;
	uint8_t mac[6], pad[2];
};

struct hosts;

struct host {
	UT_hash_handle hh, by_prefix;
	struct hosts *hosts;
	struct host_key key;
	struct in6_addr prefix;
	bool confirmed;		/* was seen to be there: answers at its address */
	bool present;		/* the last that we heard */
	unsigned int n_bound;	/* home addresses in it */
	mtime seen;
	mtime kept;		/* an owner of an address in it: till then */
	mtime told, stored;	/* advertised to it; seen, as on disk */
	struct timer timer;
};

struct hosts_ops {
	/* A route for its prefix, by its link-local address; or none more. */
	void (*route)(void *arg, const struct host *h, bool gone);
	/* Its advertisement, now. */
	void (*advertise)(void *arg, const struct host *h);
	/* Is it there? Answered by hosts_reachable(), or hosts_failed(). */
	void (*probe)(void *arg, const struct host *h);
	/* A home address in it is bound: what is for it has to come to the
	 * data plane, whether its link-layer address answers or not. */
	void (*away)(void *arg, const struct host *h, bool away);
	/* To be written to disk, or (gone) deleted from it. Only of those that
	 * are confirmed. */
	void (*changed)(void *arg, const struct host *h, bool gone);
};

struct hosts {
	const struct hosts_ops *ops;
	void *arg;
	struct timers *timers;
	struct ip6_prefix from;
	mtime lease;
	uint8_t hash_key[16];
	struct host *table, *prefixes;
};

/* from: HOSTS_LEN_MIN to HOSTS_LEN_MAX bits. The same hash_key gives the same
 * host the same prefix again, if it is free, also when its lease is over. */
void hosts_init(struct hosts *hs, const struct hosts_ops *ops, void *arg,
		struct timers *timers, const struct ip6_prefix *from,
		mtime lease, const uint8_t hash_key[16]);
void hosts_fini(struct hosts *hs);	/* calls nobody */

/* A solicitation. *out: the host, with its prefix. REASON_NONE;
 * REASON_HOSTS_FULL: all prefixes, or as many as there may be, of the link or
 * of that link-layer address, are given. Who was never seen to be there gives
 * way, the longest on trial first. */
enum reason hosts_solicited(struct hosts *hs, const struct in6_addr *lladdr,
			    const uint8_t mac[6], mtime now,
			    struct host **out);
/* Neighbour unreachability detection's word on that link-local address. */
void hosts_reachable(struct hosts *hs, const struct in6_addr *lladdr,
		     mtime now);
void hosts_failed(struct hosts *hs, const struct in6_addr *lladdr, mtime now);

/* A binding of hoa has begun or ended; hoa has an owner until then. What is in
 * no host's prefix makes no difference. */
void hosts_bound(struct hosts *hs, const struct in6_addr *hoa, bool bound,
		 mtime now);
void hosts_keep(struct hosts *hs, const struct in6_addr *hoa, mtime until);

/* From disk. -EINVAL: not of this prefix; -EEXIST; -ETIME: its lease is over;
 * -ENOMEM. */
int hosts_restore(struct hosts *hs, const struct in6_addr *lladdr,
		  const uint8_t mac[6], const struct in6_addr *prefix,
		  mtime seen, mtime kept, mtime now);

/* The host whose prefix has addr, or NULL. */
struct host *hosts_find(struct hosts *hs, const struct in6_addr *addr);
/* One with that link-layer address, or NULL. */
struct host *hosts_by_mac(struct hosts *hs, const uint8_t mac[6]);
void hosts_each(struct hosts *hs,
		void (*fn)(void *arg, const struct host *h), void *arg);
/* When its lease ends, unless it is seen before. */
mtime hosts_until(const struct host *h);

#endif
