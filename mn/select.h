/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which source address a service type gets (DESIGN 8): from where we are
 * attached, which addresses are anchored, and what is configured, to one
 * struct sock_service a type. The socket programs, the shim and kedgectl
 * explain go by the same.
 */
#ifndef KEDGE_SELECT_H
#define KEDGE_SELECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/sock.h"
#include "proto/timers.h"

struct hoa;
struct mn;

struct select {
	struct sock_service now[SERVICE__MAX];	/* as published */
	bool published;			/* now, all of it */
	struct timer update;		/* armed: something has changed */
	bool tell;			/* applications that wait, then */
	bool requesting;		/* a remote anchor is being asked */
	bool looking;			/* one is to be found first */
	mtime retry_at;			/* after it said no */
	char refusal[64];		/* why it did */
};

/* What is to be chosen for. */
struct select_query {
	enum service asked;	/* SERVICE_NONE: as policy has it */
	enum service_why why;	/* of asked: OPTION, RUN or PREFER */
	uint32_t prefer;	/* IPV6_PREFER_SRC_* */
	uint8_t protocol;	/* 0: any */
	uint16_t port;		/* remote; 0: any */
	struct in6_addr dst;	/* :: any */
	uid_t uid;
	gid_t gid;
	pid_t pid;		/* for its cgroup; 0: none */
	char comm[SOCK_COMM];
};

struct select_choice {
	int error;		/* 0, ENOTSUP, EPERM, EADDRNOTAVAIL; or
				 * EINPROGRESS: it is being got, app_changed()
				 * tells when to ask again */
	struct in6_addr source;	/* ::: the kernel's choice */
	enum service service;	/* in force */
	enum service_why why;
	int rule;		/* of the policy, from 0; -1: none */
	char reason[96];	/* for people: which rule, which anchor */
};

void select_init(struct mn *mn);
void select_fini(struct mn *mn);
/* Addresses, anchors, bindings or SAs have changed. */
void select_soon(struct mn *mn);
/* Who waits may have it now, or should be told that there will be none. */
void select_tell(struct mn *mn);
/* h is about to be counted for the last time: from now on no socket that has
 * not chosen gets it. True: until now, some did. */
bool select_withdraw(struct mn *mn, struct hoa *h);
/* A socket asked for it in vain. */
void select_wanted(struct mn *mn, enum service service);
/* Home agents were looked for: who waits, and whom that one is asked for. */
void select_found(struct mn *mn);
/* What became of keying_request(); failed NULL: all is well. */
void select_requested(struct mn *mn, const char *failed);

/* want: get it, where it is not there (a remote anchor is asked, and kept for
 * a while). */
void select_choose(struct mn *mn, const struct select_query *q, bool want,
		   struct select_choice *out);

#endif
