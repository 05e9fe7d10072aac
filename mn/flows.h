/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of our addresses sockets use, and which home address that is away has
 * no flow any more. One pass over all sockets at a move; then the kernel's word
 * of each one's end, as long as a home address is away; and one pass more where
 * that makes it look as if the last had gone.
 */
#ifndef KEDGE_FLOWS_H
#define KEDGE_FLOWS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/loop.h"
#include "mn/use.h"

struct hoa;
struct mn;

/* Sockets that are to be told that their address is gone. */
struct flow_due {
	struct in6_addr addr;
	uint32_t services;	/* mask of 1 << enum service */
	unsigned int told;
	bool looked_for;	/* they were, in the pass under way */
};

enum { FLOWS_DUE_MAX = 64 };

struct flows {
	struct timer scan;	/* armed: sockets are to be counted */
	mtime counted;		/* when the last pass began */
	mtime not_before;	/* when the next may */
	bool watching;		/* the kernel tells of ends */
	bool no_destroy;	/* it cannot reset sockets: was said */
	bool no_hook;		/* nor the programs list them: was said */
	struct loop_fd on_end, on_held;
	struct timer reset;	/* armed: these are due */
	unsigned int n_due;
	struct flow_due due[FLOWS_DUE_MAX];
	struct sock_rec *doomed;	/* found, and to be reset, from next on */
	size_t n_doomed, next_doomed;
};

void flows_init(struct mn *mn);
/* After the data plane is open. 0 or -errno. */
int flows_start(struct mn *mn);
void flows_stop(struct mn *mn);

/* fn for every socket, in one pass. tcp_info: with bytes. 0 or -errno; then fn
 * may have had some of them, some twice. */
int flows_each(struct mn *mn, bool tcp_info, void (*fn)(void *arg,
	       const struct sock_rec *rec), void *arg);
/* Counts the sockets of each address in uses. 0 or -errno; then all counts are
 * 0, and not to be trusted. */
int flows_count(struct mn *mn, struct flow_use *uses, size_t n);
/* What was counted for the address of h before it was ours. */
void flows_take(struct hoa *h, const struct flow_use *use);

/* Judges every home address that is away, by a count that began at now or
 * later, and arms what follows. */
void flows_scan(struct mn *mn, mtime now);
/* That, in a moment: something may have ended. */
void flows_scan_soon(struct mn *mn);
/* A binding was refreshed: the time to see whether its address was let go of
 * without a socket's end (connect() to AF_UNSPEC), of which nobody tells. */
void flows_refreshed(struct mn *mn);
/* Sockets are about to be counted for what may become home addresses: from now
 * on their ends are told; until, with or without such, flows_hoas_changed(). */
void flows_moving(struct mn *mn);
/* Home addresses have come or gone. */
void flows_hoas_changed(struct mn *mn);
/* What a hoa's timer "grace" calls. */
void flows_on_grace(struct timer *timer, mtime now);

/* An address is no more: sockets that are bound to none get another one. */
void flows_forget(struct mn *mn, const struct in6_addr *addr);
/* It is no more, though flows used it: they are told, if the policy wants. */
void flows_lost(struct mn *mn, const struct in6_addr *addr);

#define FLOWS_ALL UINT32_MAX
/*
 * Resets the sockets of addr (SOCK_DESTROY) whose type is in services, a mask
 * of 1 << enum service: their owners are told in a moment: a handover goes
 * first.
 */
void flows_reset(struct mn *mn, const struct in6_addr *addr,
		 uint32_t services);

#endif
