/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a socket's service type is, and whether it keeps its address: from what
 * the kernel says of it, and the policy. Pure.
 */
#ifndef KEDGE_USE_H
#define KEDGE_USE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "bpf/sock.h"
#include "mn/policy.h"

/* The sockets of one of our addresses. */
struct flow_use {
	struct in6_addr addr;
	unsigned int tcp, udp;		/* that keep it */
	unsigned int udp_asked;		/* of udp: silent or not */
	unsigned int graceful;		/* of all these, graceful-replacement */
	unsigned int nonpersistent;	/* beside these */
};

struct flow_type {
	enum service service;
	enum service_why why;
	int rule;			/* of the policy; -1: none */
};

/* What holds for a socket. One that the socket programs know nothing of (it is
 * older than they, or was accepted) is as the policy has it. */
struct flow_type use_type(const struct policy *policy,
			  const struct sock_rec *rec);
/* Is it a socket that would lose something with its address? No listener, and
 * none that nobody has any more. */
bool use_is_flow(const struct sock_rec *rec);
/* Does it keep its address? */
bool use_keeps(const struct sock_rec *rec, const struct flow_type *type);

/* Many sockets to some addresses: what is counted goes to *uses, whose
 * addresses may stand there twice. */
struct use_table {
	size_t n;
	struct flow_use **sorted;
};

/* 0 or -ENOMEM; use_table_fini() in either case. */
int use_table_init(struct use_table *table, struct flow_use *uses, size_t n);
void use_table_fini(struct use_table *table);
/* All counts to 0. */
void use_table_clear(struct use_table *table);
void use_table_add(struct use_table *table, const struct policy *policy,
		   const struct sock_rec *rec);
/* After the last one. */
void use_table_finish(struct use_table *table);

#endif
