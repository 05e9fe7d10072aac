/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kedge-policy.conf(5): which flows get which service type when they ask for
 * none, who may ask for which (RFC 8653 3.4 and 5), and which interfaces flows
 * are to use.
 */
#ifndef KEDGE_POLICY_H
#define KEDGE_POLICY_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/sock.h"
#include "proto/mtime.h"
#include "sys/sockhook.h"

enum { POLICY_NAME_MAX = 32, POLICY_FROM_MAX = 64, POLICY_CGROUP_MAX = 256,
       POLICY_PERMITS_MAX = 64, POLICY_WAY_NAMES = 8 };

/* Which interfaces a rule's flows are to use; all 0: it says nothing. */
struct policy_way {
	unsigned int n_prefer, n_never;
	char prefer[POLICY_WAY_NAMES][IFNAMSIZ];	/* the first the best */
	char never[POLICY_WAY_NAMES][IFNAMSIZ];
	bool unmetered;		/* a metered one only where no other is
				 * attached */
};

/* A section [rule NAME] makes one of these for each of its commands. */
struct policy_rule {
	char name[POLICY_NAME_MAX];
	char from[POLICY_FROM_MAX];	/* "policy.conf:12", or "built in" */
	char cgroup[POLICY_CGROUP_MAX];	/* "/system.slice/x.service", with * and
					 * ? as in file names; or "" */
	struct sock_rule match;		/* command, uid, ... and service, NONE
					 * where it says nothing of that */
	struct policy_way way;
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
	uint8_t protocol;		/* MPTCP's is TCP */
	bool mptcp;
	uint32_t uid, gid;
	const char *comm;		/* of the process; "" unknown */
	const char *cgroup;		/* path from the root, "" unknown */
	/* for policy_way(): */
	enum service service;		/* in force */
	const uint32_t *groups;		/* that the process has, beside gid */
	unsigned int n_groups;
};

/* What holds without a file. */
void policy_default(struct policy *policy);
/* Without rules and permits: what a file begins with. */
void policy_empty(struct policy *policy);
/* The rule that gives the service type, by its number, or -1. Pure. */
int policy_match(const struct policy *policy, const struct policy_flow *flow);
/* The rule that says which interfaces, or -1. Pure. */
int policy_way(const struct policy *policy, const struct policy_flow *flow);
/* Does any rule say that? Any that asks for a cgroup or a group? */
bool policy_has_ways(const struct policy *policy);
bool policy_ways_ask(const struct policy *policy);
bool policy_way_given(const struct policy_way *way);
bool policy_permits(const struct policy *policy, enum service service,
		    uint32_t uid, uint32_t gid);
/* One more permit; what is there for who already grows. false: no room. */
bool policy_permit(struct policy *policy, struct sock_who who,
		   enum service service);
/* Does one component of a cgroup's path fit one of a rule's? Neither needs an
 * end; in time that is their product at most. */
bool policy_glob(const char *pattern, size_t pattern_len, const char *name,
		 size_t len);

/*
 * policyfile.c. path NULL or "": policy_default(). 0, or -errno with every
 * error printed to errs as FILE:LINE: what; *policy is then as it was.
 */
int policy_load(struct policy *policy, const char *path, FILE *errs);

/* policyjson.c: as kedgectl policy shows it; the caller owns it. path as for
 * policy_load(). */
struct json_object *policy_json(const struct policy *policy, const char *path);

#endif
