/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Router advertisements of a home link (RFC 4861 6.2, RFC 6275 7), one machine
 * for each: at random intervals to all, and at once to a host that solicits.
 * Pure: it acts through struct ra_ops.
 */
#ifndef KEDGE_HA_RA_H
#define KEDGE_HA_RA_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/bucket.h"
#include "proto/nd.h"
#include "proto/reason.h"
#include "proto/timers.h"

enum {
	/* RFC 4861 10 and 6.2.1 */
	RA_INITIAL_MAX = 3,		/* MAX_INITIAL_RTR_ADVERTISEMENTS */
	RA_INITIAL_INTERVAL = 16,	/* s */
	RA_FINAL_MAX = 3,		/* MAX_FINAL_RTR_ADVERTISEMENTS */
	RA_INTERVAL_MAX = 1800,		/* s */
	RA_LIFETIME_MAX = 9000,		/* s */
	RA_HOP_LIMIT = 64,
	/* RFC 6275 7.5 has 70; a little less is of use in a laboratory */
	RA_INTERVAL_MIN = 50,		/* ms */
	/* answers: to one host, to all of the link */
	RA_HOSTS = 1024,
	RA_HOST_STEP = 250,		/* ms between two, in the long run */
	RA_HOST_BURST = 8,
	RA_LINK_PER_SECOND = 1000,
};

struct ra_conf {
	mtime interval;		/* MaxRtrAdvInterval, RFC 4861 6.2.1 */
	bool untold_interval;	/* no Advertisement Interval option */
	uint16_t lifetime;	/* s, as default router; 0: it is none */
	uint16_t ha_preference, ha_lifetime;	/* RFC 6275 7.4 */
	uint32_t mtu;		/* 0: none */
	/* Hosts are told one by one, each its own prefix: one to all would
	 * still those that have not solicited yet (RFC 4861 6.3.7). */
	bool alone;
	uint8_t n_prefixes;
	struct nd_prefix prefixes[ND_PREFIXES_MAX];
};

struct ra_ops {
	/* mac: where the frame goes, whatever the group that dst may be */
	void (*send)(void *arg, const struct nd_ra *msg,
		     const struct in6_addr *dst, const uint8_t mac[6]);
	/* Is it a router now? If not it is advertised that it is none. */
	bool (*forwards)(void *arg);
	/* A number below limit. */
	uint32_t (*random)(void *arg, uint32_t limit);
	/* A prefix that is that host's alone, for its answer. May be NULL; false
	 * where it has none. */
	bool (*own)(void *arg, const struct in6_addr *src,
		    const uint8_t mac[6], struct nd_prefix *out);
};

struct ra {
	const struct ra_ops *ops;
	void *arg;
	struct timers *timers;
	struct ra_conf conf;
	bool running;
	uint8_t slla[6];
	unsigned int n_initial;	/* sent since the start */
	bool wanted;		/* a host was not answered */
	mtime last;		/* when all were told last; 0: never */
	struct timer timer;	/* armed while it runs, but alone */
	struct bucket link, hosts[RA_HOSTS];
	uint8_t hosts_key[16];
};

/* conf is copied. Call ra_fini() in the end. */
void ra_init(struct ra *ra, const struct ra_ops *ops, void *arg,
	     struct timers *timers, const struct ra_conf *conf);
void ra_fini(struct ra *ra);

/* The link is there, and this is our address on it; or has gone. */
void ra_start(struct ra *ra, const uint8_t slla[6], mtime now);
void ra_stop(struct ra *ra);
/* RFC 4861 6.2.5: we are its router no more, all are told. It stops. */
void ra_final(struct ra *ra);

/*
 * A solicitation from src (may be ::), in a frame from mac. Answered at once,
 * or REASON_RA_LIMITED: the next advertisement to all comes early. Or
 * REASON_ND_SOURCE.
 */
enum reason ra_solicited(struct ra *ra, const struct in6_addr *src,
			 const uint8_t mac[6], mtime now);

/* To one host, with a prefix that is its own. */
void ra_tell(const struct ra *ra, const struct in6_addr *dst,
	     const uint8_t mac[6], const struct nd_prefix *own);

/* What another router of the link says otherwise than we do, RFC 4861 6.2.7:
 * its name, or NULL. */
const char *ra_differs(const struct ra *ra, const struct nd_ra *other);

/* The message as it is now. */
struct nd_ra ra_message(const struct ra *ra);

#endif
