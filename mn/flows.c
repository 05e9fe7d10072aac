/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/flows.h"

#include <errno.h>
#include <netinet/tcp.h>

#include "proto/ip6.h"

struct counting {
	struct flow_use *uses;
	size_t n;
};

static void on_sock(void *arg, const struct sockdiag_sock *sock)
{
	struct counting *c = arg;
	size_t i;

	if (sock->protocol == IPPROTO_TCP && sock->state == TCP_LISTEN)
		return;
	for (i = 0; i < c->n; i++) {
		if (!ip6_addr_eq(&c->uses[i].addr, &sock->local))
			continue;
		if (sock->protocol == IPPROTO_TCP)
			c->uses[i].tcp++;
		else
			c->uses[i].udp++;
		return;
	}
}

int flows_count(struct sockdiag *sd, struct flow_use *uses, size_t n)
{
	struct counting c = {uses, n};
	int tries, err;
	size_t i;

	for (tries = 0; tries < 3; tries++) {
		for (i = 0; i < n; i++)
			uses[i].tcp = uses[i].udp = 0;
		err = sockdiag_dump(sd, on_sock, &c);
		if (err != -EINTR)
			return err;
	}
	return err;
}
