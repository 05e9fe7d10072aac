/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The data plane as the daemons see it: BPF programs and maps, pinned in a
 * folder of bpffs, attached by clsact. They go on forwarding when the daemon
 * dies; dp_open() of the next one takes the same maps over and replaces the
 * programs in place.
 */
#ifndef KEDGE_DP_H
#define KEDGE_DP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/maps.h"
#include "proto/ip6.h"
#include "proto/mtime.h"

enum dp_role { DP_HA, DP_MN };

enum dp_xdp {
	DP_XDP_AUTO,	/* in drivers that have it, veth and tun excepted */
	DP_XDP_YES,	/* in these too */
	DP_XDP_NO,
};

struct dp;

struct dp_conf {
	enum dp_role role;
	enum dp_xdp xdp;	/* HA */
	const char *bpffs;	/* folder, made (0700) if missing; a bpffs is
				 * mounted there if its parent is not one */
	uint32_t max_bindings;
	uint32_t tun_ifindex;	/* MN */
};

/*
 * Loads, pins, or takes over what is pinned. *took_over says which. 0 or
 * -errno, the reason logged. -EPERM where BPF is not allowed.
 */
int dp_open(struct dp **out, const struct dp_conf *conf, bool *took_over);
/*
 * What is in the maps is whole from now on, and all interfaces have this
 * daemon's programs: a next one may believe it. Before that it starts afresh. 0
 * or -errno.
 */
int dp_complete(struct dp *dp);
/*
 * Readable, until drained, when something is deleted from the folder of pins;
 * then dp_pins_again() puts back what is missing: how many, or -errno. Without
 * pins forwarding goes on, but a next daemon would find nothing. After
 * dp_complete(). -errno where it cannot be watched.
 */
int dp_pins_fd(struct dp *dp);
void dp_pins_drain(struct dp *dp);
int dp_pins_again(struct dp *dp);
/* Closes the descriptors; programs, maps and filters stay at work. */
void dp_close(struct dp *dp);
/* Takes everything down: filters, pins, folder. Then dp_close() it. */
void dp_flush(struct dp *dp);

/*
 * Attaches to an interface (idempotent, replaces an older program).
 * Ingress; and where it is a home link (HA), or a link for the MN, egress.
 * kedge0's egress with dp_attach_tun. 0 or -errno.
 */
int dp_attach(struct dp *dp, uint32_t ifindex, bool home);
int dp_attach_tun(struct dp *dp, uint32_t ifindex);
/* Somebody may have taken our filters off: puts them back. 1: he had; 0: they
 * are there; or -errno. */
int dp_attach_again(struct dp *dp, uint32_t ifindex, bool home);
int dp_attach_tun_again(struct dp *dp, uint32_t ifindex);
/*
 * HA: besides, in the driver, where dp_conf.xdp says so; what XDP does not take
 * goes to the other programs. And is it an output for XDP? To be asked again
 * when its link comes up or its address changes. Attached: 0; else -errno as
 * xdp_attach() has it, and the interface is as before. Idempotent.
 */
int dp_attach_xdp(struct dp *dp, uint32_t ifindex, const uint8_t mac[6]);
void dp_detach(struct dp *dp, uint32_t ifindex);
/* HA: an interface has gone, or is none for XDP any more. */
void dp_gone(struct dp *dp, uint32_t ifindex);
/* HA: routes, neighbours or a path's MTU have changed: the programs look them
 * up again at once, not within seconds. */
void dp_routes_changed(struct dp *dp);

/*
 * Writes the daemon's part of a binding; the counters that the programs keep
 * in an existing entry are carried over. 0 or -errno (-E2BIG: map full).
 */
int dp_binding_set(struct dp *dp, const struct in6_addr *hoa,
		   const struct dp_binding *binding);
int dp_binding_get(struct dp *dp, const struct in6_addr *hoa,
		   struct dp_binding *out);		/* -ENOENT */
/* When a packet last went through it, to 67 ms; 0: never. */
mtime dp_last_used(const struct dp_binding *binding);
int dp_binding_del(struct dp *dp, const struct in6_addr *hoa);
/* n new ones at once, counters as given. 0 or -errno; then some may be in. */
int dp_bindings_load(struct dp *dp, const struct in6_addr *hoas,
		     const struct dp_binding *bindings, uint32_t n);
/* Calls fn for each; fn may delete the entry it is given, but set none. */
int dp_binding_each(struct dp *dp, void (*fn)(void *arg,
		    const struct in6_addr *hoa, const struct dp_binding *b),
		    void *arg);

/* HA: a binding for all addresses of a /64 that have none of their own; only
 * the first 8 bytes of prefix count. 0 or -errno. */
int dp_prefix_set(struct dp *dp, const struct in6_addr *prefix,
		  const struct dp_binding *binding);
int dp_prefix_get(struct dp *dp, const struct in6_addr *prefix,
		  struct dp_binding *out);		/* -ENOENT */
int dp_prefix_del(struct dp *dp, const struct in6_addr *prefix);
/* fn may delete the one it is given, but set none. 0 or -errno. */
int dp_prefix_each(struct dp *dp,
		   void (*fn)(void *arg, const struct in6_addr *prefix),
		   void *arg);

/*
 * Several care-of addresses and flow bindings, dpflow.c; of a binding that has
 * DP_BINDING_MULTI. All: 0 or -errno. Set before the binding is, deleted after.
 */
int dp_coa_set(struct dp *dp, const struct in6_addr *hoa,
	       const struct in6_addr *coa, const struct dp_coa *value);
int dp_coa_del(struct dp *dp, const struct in6_addr *hoa,
	       const struct in6_addr *coa);
/* The counters of an existing one are carried over. */
int dp_flow_set(struct dp *dp, const struct dp_flow_key *key,
		const struct dp_flow *flow);
int dp_flow_get(struct dp *dp, const struct dp_flow_key *key,
		struct dp_flow *out);			/* -ENOENT */
int dp_flow_del(struct dp *dp, const struct dp_flow_key *key);
/* How many flows there may be; 128 more while some are replaced. */
uint32_t dp_flows_room(const struct dp *dp);
/* HA. n 0: deletes. -ENOENT is 0 there. The counters of existing ones are
 * carried over, by FID. */
int dp_selectors_set(struct dp *dp, const struct in6_addr *hoa,
		     const struct dp_selectors *selectors);
int dp_selectors_get(struct dp *dp, const struct in6_addr *hoa,
		     struct dp_selectors *out);		/* -ENOENT */
/* fn may delete the one it is given, but set none. */
int dp_coa_each(struct dp *dp, void (*fn)(void *arg,
		const struct dp_coa_key *key, const struct dp_coa *value),
		void *arg);
int dp_flow_each(struct dp *dp, void (*fn)(void *arg,
		 const struct dp_flow_key *key, const struct dp_flow *flow),
		 void *arg);
int dp_selectors_each(struct dp *dp, void (*fn)(void *arg,
		      const struct in6_addr *hoa), void *arg);
/* MN: so many home addresses that are on a link have DP_BINDING_MULTI: only then
 * programs look for them there. After a take-over: as many as have it. */
void dp_multi_active(struct dp *dp, uint32_t n);

/*
 * HA: the prefixes that home addresses are in. With none but /64s, packets to
 * other addresses are seen to be none of ours at once. 0 or -errno; -E2BIG:
 * there is no room for so many, and all packets are looked up: none is missed.
 */
int dp_homes_set(struct dp *dp, const struct ip6_prefix *prefixes, size_t n);

/* One more home address, of a /64 that is there as long as one of them is: the
 * first 8 bytes of addr. As above. */
int dp_home_add(struct dp *dp, const struct in6_addr *addr);
/* For each of the former, whatever it returned. */
void dp_home_del(struct dp *dp, const struct in6_addr *addr);

int dp_addr_add(struct dp *dp, const struct in6_addr *addr);
int dp_addr_del(struct dp *dp, const struct in6_addr *addr);
void dp_addr_clear(struct dp *dp);
int dp_spi_add(struct dp *dp, uint32_t spi);
int dp_spi_del(struct dp *dp, uint32_t spi);
void dp_spi_clear(struct dp *dp);
/* After a take-over, when all that is ours was added: deletes the addresses
 * and SPIs that the daemon before us had and we do not. To clear them first
 * would drop packets in between. */
void dp_sweep(struct dp *dp);

/* Sums over CPUs into out[DP_STAT__MAX]. */
int dp_stats(struct dp *dp, uint64_t out[DP_STAT__MAX]);
const char *dp_stat_str(enum dp_stat stat);

/* Poll this for reading, then call dp_ring_read. rec is valid in fn alone. */
int dp_ring_fd(struct dp *dp);
void dp_ring_read(struct dp *dp,
		  void (*fn)(void *arg, const struct dp_rec *rec), void *arg);

#endif
