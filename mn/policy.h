/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kedge-policy.conf(5): which flows get which service type when they ask for
 * none, and who may ask for which (RFC 8653 3.4 and 5).
 */
#ifndef KEDGE_POLICY_H
#define KEDGE_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/sock.h"
#include "proto/mtime.h"
#include "sys/sockhook.h"

enum { POLICY_NAME_MAX = 32, POLICY_CGROUP_MAX = 256, POLICY_PERMITS_MAX = 64 };

struct policy_rule {
	char name[POLICY_NAME_MAX];
	unsigned int line;		/* 0: built in */
	char cgroup[POLICY_CGROUP_MAX];	/* "/system.slice/x.service", or "" */
	struct sock_rule match;		/* command, uid, ... and service */
};

struct policy {
	unsigned int n_rules;
	struct policy_rule rules[SOCK_RULES_MAX];
	enum service dflt;		/* where none matches */
	uint32_t everybody;		/* may ask for: mask of 1 << service */
	unsigned int n_permits;
	struct sockhook_permit permits[POLICY_PERMITS_MAX];
	bool reset_nonpersistent;	/* SOCK_DESTROY at a move */
	bool reset_lost;		/* and where an address cannot be kept */
	mtime grace;			/* of graceful-replacement */
};

struct policy_flow {
	struct in6_addr dst;
	uint16_t port;			/* remote, host order */
	uint8_t protocol;
	bool mptcp;
	uint32_t uid, gid;
	const char *comm;		/* "" unknown */
	const char *cgroup;		/* path from the root, "" unknown */
};

/* What holds without a file. */
void policy_default(struct policy *policy);
/* path NULL or "": policy_default(). 0, or -errno with every error printed to
 * errs as FILE:LINE: what; *policy is then as it was. */
int policy_load(struct policy *policy, const char *path, FILE *errs);
/* The rule that holds, by its number, or -1. Pure. */
int policy_match(const struct policy *policy, const struct policy_flow *flow);
bool policy_permits(const struct policy *policy, enum service service,
		    uint32_t uid, uint32_t gid);

#endif
