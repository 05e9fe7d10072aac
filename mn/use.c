/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/use.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

struct flow_type use_type(const struct policy *policy,
			  const struct sock_rec *rec)
{
	const struct policy_flow flow = {
		.dst = rec->remote, .port = rec->remote_port,
		.protocol = rec->protocol, .mptcp = rec->mptcp,
		.uid = rec->uid, .gid = UINT32_MAX, .comm = "", .cgroup = "",
	};
	struct flow_type type = {
		.service = policy->dflt, .why = SERVICE_WHY_DEFAULT,
		.rule = -1,
	};

	/* NONE: not settled yet, or the default of a policy */
	if (rec->has_state && rec->state.service != SERVICE_NONE) {
		type.service = rec->state.service;
		type.why = rec->state.why;
		if (type.why == SERVICE_WHY_POLICY)
			type.rule = rec->state.rule;
		return type;
	}
	type.rule = policy_match(policy, &flow);
	if (type.rule >= 0) {
		type.service = policy->rules[type.rule].match.service;
		type.why = SERVICE_WHY_POLICY;
	}
	return type;
}

/* A connection that the application has closed and whose data has arrived
 * (FIN_WAIT2), or that nobody has accepted yet, has no file. */
static bool tcp_is_flow(const struct sock_rec *rec)
{
	switch (rec->tcp_state) {
	case TCP_ESTABLISHED:
	case TCP_SYN_SENT:
	case TCP_FIN_WAIT1:
	case TCP_CLOSE:		/* bound */
	case TCP_CLOSE_WAIT:
	case TCP_LAST_ACK:
	case TCP_CLOSING:
		return true;
	case TCP_FIN_WAIT2:
		return rec->inode != 0;
	}
	return false;
}

bool use_is_flow(const struct sock_rec *rec)
{
	return rec->protocol == IPPROTO_UDP || tcp_is_flow(rec);
}

bool use_keeps(const struct sock_rec *rec, const struct flow_type *type)
{
	if (type->service == SERVICE_NONPERSISTENT ||
	    type->service == SERVICE_NONE)
		return false;
	/* servers on old addresses would keep each for ever, unless one asks
	 * to be reached there */
	if (rec->protocol == IPPROTO_TCP && rec->tcp_state == TCP_LISTEN)
		return type->why != SERVICE_WHY_DEFAULT;
	return use_is_flow(rec);
}

static int compare(const void *a, const void *b)
{
	const struct flow_use *const *x = a, *const *y = b;

	return memcmp(&(*x)->addr, &(*y)->addr, sizeof((*x)->addr));
}

int use_table_init(struct use_table *table, struct flow_use *uses, size_t n)
{
	size_t i;

	table->n = 0;
	table->sorted = calloc(n + 1, sizeof(*table->sorted));
	if (!table->sorted)
		return -ENOMEM;
	table->n = n;
	for (i = 0; i < n; i++)
		table->sorted[i] = &uses[i];
	qsort(table->sorted, n, sizeof(*table->sorted), compare);
	return 0;
}

void use_table_fini(struct use_table *table)
{
	free(table->sorted);
	table->sorted = NULL;
	table->n = 0;
}

void use_table_clear(struct use_table *table)
{
	size_t i;

	for (i = 0; i < table->n; i++)
		*table->sorted[i] = (struct flow_use){
			.addr = table->sorted[i]->addr,
		};
}

static struct flow_use *find(struct use_table *table,
			     const struct in6_addr *addr)
{
	const struct flow_use key = {.addr = *addr}, *at = &key;
	struct flow_use **found = bsearch(&at, table->sorted, table->n,
					  sizeof(*table->sorted), compare);

	return found ? *found : NULL;
}

void use_table_add(struct use_table *table, const struct policy *policy,
		   const struct sock_rec *rec)
{
	struct flow_use *use = find(table, &rec->local);
	struct flow_type type;

	if (!use)
		return;
	type = use_type(policy, rec);
	if (type.service == SERVICE_NONPERSISTENT && use_is_flow(rec))
		use->nonpersistent++;
	if (!use_keeps(rec, &type))
		return;
	if (rec->protocol == IPPROTO_TCP)
		use->tcp++;
	else
		use->udp++;
	if (rec->protocol == IPPROTO_UDP && type.why != SERVICE_WHY_DEFAULT)
		use->udp_asked++;
	if (type.service == SERVICE_GRACEFUL)
		use->graceful++;
}

/* Of equal addresses one got it all: the same one each time. */
void use_table_finish(struct use_table *table)
{
	struct flow_use **v = table->sorted;
	size_t i, j, end;

	for (i = 0; i < table->n; i = end) {
		struct flow_use sum = {.addr = v[i]->addr};

		for (end = i; end < table->n && !compare(&v[i], &v[end]);
		     end++) {
			sum.tcp += v[end]->tcp;
			sum.udp += v[end]->udp;
			sum.udp_asked += v[end]->udp_asked;
			sum.graceful += v[end]->graceful;
			sum.nonpersistent += v[end]->nonpersistent;
		}
		for (j = i; j < end; j++)
			*v[j] = sum;
	}
}
