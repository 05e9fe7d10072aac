/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/resolve.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/ip6.h"

/* The C library does not tell a name's TTL. */
enum { NAME_TTL = 300, TTL_MIN = 30, TTL_MAX = 86400 };

/* For each server, in seconds, doubled at the second try: there is another
 * one, and the daemon's end waits for it. */
enum { WAIT = 1, TRIES = 2 };

/* RFC 5026 5.1.2 */
static const char SERVICE[] = "_mip6._ipv6";

struct resolve {
	uv_work_t work;
	void (*fn)(void *arg, const struct resolve_result *result);
	void *arg;
	char name[RESOLVE_NAME_LEN], domain[RESOLVE_NAME_LEN];
	uint32_t spin;
	atomic_bool dropped;
	struct resolve_result result;
};

bool resolve_name_valid(const char *name)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	size_t len = strlen(name), label = 0, i;

	if (!len || len >= RESOLVE_NAME_LEN || strspn(name, chars) != len)
		return false;
	for (i = 0; i < len; i++) {
		label = name[i] == '.' ? 0 : label + 1;
		if (label > NS_MAXLABEL || (name[i] == '.' && !i) ||
		    (name[i] == '.' && name[i - 1] == '.'))
			return false;
	}
	return true;
}

/* ---- SRV */

static bool before(const struct resolve_srv *a, const struct resolve_srv *b)
{
	return a->priority < b->priority;
}

/* Among equals of the first k, one by its share of their weights, RFC 2782. */
static unsigned int draw(const struct resolve_srv *list, unsigned int n,
			 uint32_t spin)
{
	uint32_t sum = 0, at;
	unsigned int i;

	for (i = 0; i < n && list[i].priority == list->priority; i++)
		sum += list[i].weight;
	at = spin % (sum + 1);
	for (i = 0, sum = 0; i < n; i++) {
		sum += list[i].weight;
		if (sum >= at)
			return i;
	}
	return 0;
}

static void insert(struct resolve_srv *list, unsigned int n,
		   const struct resolve_srv *srv)
{
	/* none of weight 0 behind one of more: it would never be drawn */
	while (n && (before(srv, &list[n - 1]) ||
		     (srv->priority == list[n - 1].priority && !srv->weight))) {
		list[n] = list[n - 1];
		n--;
	}
	list[n] = *srv;
}

static void shuffle(struct resolve_srv *list, unsigned int n, uint32_t spin)
{
	struct resolve_srv drawn;
	unsigned int i, k;

	for (i = 0; i < n; i++) {
		spin = spin * 1103515245 + 12345;
		k = i + draw(list + i, n - i, spin >> 8);
		drawn = list[k];
		memmove(&list[i + 1], &list[i], (k - i) * sizeof(*list));
		list[i] = drawn;
	}
}

static bool take(struct resolve_srv *out, const ns_msg *msg, const ns_rr *rr)
{
	const uint8_t *p = ns_rr_rdata(*rr);

	if (ns_rr_type(*rr) != ns_t_srv || ns_rr_class(*rr) != ns_c_in ||
	    ns_rr_rdlen(*rr) < 7)
		return false;
	out->priority = ns_get16(p);
	out->weight = ns_get16(p + 2);
	/* the port is of no use to what has none */
	if (dn_expand(ns_msg_base(*msg), ns_msg_end(*msg), p + 6, out->target,
		      sizeof(out->target)) < 0)
		return false;
	return resolve_name_valid(out->target);	/* "": there is no service */
}

int resolve_srv_parse(struct resolve_srv *out, uint32_t *ttl,
		      const uint8_t *msg, size_t len, uint32_t spin)
{
	struct resolve_srv srv;
	unsigned int i, n = 0;
	ns_msg parsed;
	ns_rr rr;

	*ttl = TTL_MAX;
	if (ns_initparse(msg, (int)len, &parsed) < 0)
		return -1;
	for (i = 0; i < ns_msg_count(parsed, ns_s_an); i++) {
		if (ns_parserr(&parsed, ns_s_an, (int)i, &rr) < 0)
			return -1;
		if (n == RESOLVE_NAMES_MAX || !take(&srv, &parsed, &rr))
			continue;
		insert(out, n++, &srv);
		if (ns_rr_ttl(rr) < *ttl)
			*ttl = ns_rr_ttl(rr);
	}
	shuffle(out, n, spin);
	return (int)n;
}

/* ---- on a thread */

static bool listed(const struct resolve_result *r, const struct in6_addr *addr)
{
	unsigned int i;

	for (i = 0; i < r->n; i++)
		if (ip6_addr_eq(&r->addrs[i], addr))
			return true;
	return false;
}

static void look_up(struct resolve_result *r, const char *name)
{
	struct addrinfo hints = {.ai_family = AF_INET6,
				 .ai_socktype = SOCK_DGRAM};
	struct addrinfo *list, *a;
	const struct in6_addr *addr;
	int err = getaddrinfo(name, NULL, &hints, &list);

	if (err) {
		r->error = err == EAI_NONAME || err == EAI_NODATA ?
			"the name has no IPv6 address" :
			"the DNS does not answer";
		return;
	}
	for (a = list; a && r->n < RESOLVE_ADDRS_MAX; a = a->ai_next) {
		addr = &((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_addr;
		if (ip6_unicast_routable(addr) && !listed(r, addr))
			r->addrs[r->n++] = *addr;
	}
	freeaddrinfo(list);
}

static void look_up_service(struct resolve *q)
{
	struct resolve_srv list[RESOLVE_NAMES_MAX];
	struct resolve_result *r = &q->result;
	char service[sizeof(SERVICE) + 1 + RESOLVE_NAME_LEN];
	uint8_t msg[4096];
	int i, n, len;

	snprintf(service, sizeof(service), "%s.%s", SERVICE, q->domain);
	len = res_nquery(&_res, service, ns_c_in, ns_t_srv, msg, sizeof(msg));
	if (len < 0) {
		r->error = h_errno == TRY_AGAIN ? "the DNS does not answer" :
			"the domain names no home agent";
		return;
	}
	if (len > (int)sizeof(msg))
		len = sizeof(msg);
	n = resolve_srv_parse(list, &r->ttl, msg, len, q->spin);
	if (n <= 0)
		r->error = n < 0 ? "the DNS's answer is malformed" :
				   "the domain names no home agent";
	for (i = 0; i < n && !atomic_load(&q->dropped); i++)
		look_up(r, list[i].target);
}

static void work(uv_work_t *work)
{
	struct resolve *q = work->data;
	struct resolve_result *r = &q->result;

	/* of this thread; the network's servers may be others by now */
	if (res_init() < 0) {
		r->error = "the resolver has no configuration";
		return;
	}
	_res.retrans = WAIT;
	_res.retry = TRIES;
	r->ttl = NAME_TTL;
	if (*q->domain)
		look_up_service(q);
	else
		look_up(r, q->name);
	if (r->n)
		r->error = NULL;
	else if (!r->error)
		r->error = "the name has no address that can be a home agent's";
	if (r->ttl < TTL_MIN)
		r->ttl = TTL_MIN;
}

static void done(uv_work_t *work, int status)
{
	struct resolve *q = work->data;

	if (!status && !atomic_load(&q->dropped))
		q->fn(q->arg, &q->result);
	free(q);
}

int resolve_start(struct resolve **out, uv_loop_t *loop, const char *name,
		  const char *domain,
		  void (*fn)(void *arg, const struct resolve_result *result),
		  void *arg)
{
	struct resolve *q = calloc(1, sizeof(*q));
	int err;

	if (!q)
		return -ENOMEM;
	q->fn = fn;
	q->arg = arg;
	q->spin = randombytes_random();
	q->work.data = q;
	snprintf(q->name, sizeof(q->name), "%s", name ? name : "");
	snprintf(q->domain, sizeof(q->domain), "%s", domain ? domain : "");
	err = uv_queue_work(loop, &q->work, work, done);
	if (err) {
		free(q);
		return err;
	}
	*out = q;
	return 0;
}

void resolve_drop(struct resolve *q)
{
	atomic_store(&q->dropped, true);
	uv_cancel((uv_req_t *)&q->work);
}
