/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sock_dump TIMES: what a plain dump of this network namespace's sockets costs,
 * by sock_diag. One object of JSON: how many, and the ms of each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sys/sockdiag.h"

static unsigned long n_socks;

static void on_sock(void *arg, const struct sock_rec *rec)
{
	(void)arg, (void)rec;
	n_socks++;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	int i, times = argc > 1 ? atoi(argv[1]) : 1;
	struct sockdiag *sd;

	if (sockdiag_open(&sd))
		return 1;
	printf("{\"ms\": [");
	for (i = 0; i < times; i++) {
		double begun = now_ms();

		n_socks = 0;
		if (sockdiag_each(sd, false, on_sock, NULL))
			return 1;
		printf("%s%.3f", i ? ", " : "", now_ms() - begun);
	}
	printf("], \"sockets\": %lu}\n", n_socks);
	sockdiag_close(sd);
	return 0;
}
