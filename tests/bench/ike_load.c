/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many mobile nodes at once, for tests/bench/ike: begins IKE SAs from COUNT
 * home addresses, each from its own address, at most PARALLEL at a time.
 *
 *     ike_load HA FIRST-HOA COUNT PARALLEL IDENTITY CERT KEY CA
 *     ike_load HA FIRST-HOA COUNT PARALLEL IDENTITY SECRET
 *
 * Prints a line of JSON when all are up or have failed, keeps them until
 * SIGTERM, then ends them.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "ike/ike.h"

enum { PARALLEL_MAX = 256 };

struct flight {
	uint32_t id;		/* 0: free */
	mtime begun;
};

struct load {
	struct ike *ike;
	struct in6_addr ha, first;
	unsigned int count, parallel;
	unsigned int started, up, failed;
	unsigned int reasons[REASON__MAX];
	struct flight flights[PARALLEL_MAX];
	mtime begun;
	double *took;		/* ms, of those that are up */
};

static struct in6_addr hoa(const struct load *l, unsigned int i)
{
	struct in6_addr out = l->first;

	out.s6_addr[14] = (uint8_t)(i >> 8);
	out.s6_addr[15] = (uint8_t)i;
	return out;
}

static double ms(mtime t)
{
	return (double)t.ns / 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(struct load *l)
{
	unsigned int i;
	const char *comma = "";

	qsort(l->took, l->up, sizeof(*l->took), compare);
	printf("{\"up\":%u,\"failed\":%u,\"seconds\":%.3f,\"median_ms\":%.2f,"
	       "\"threads\":%u,\"reasons\":{", l->up, l->failed,
	       ms(mtime_sub(loop_now(), l->begun)) / 1000,
	       l->up ? l->took[l->up / 2] : 0, ike_threads(l->ike));
	for (i = 0; i < REASON__MAX; i++) {
		if (!l->reasons[i])
			continue;
		printf("%s\"%s\":%u", comma, reason_str((enum reason)i),
		       l->reasons[i]);
		comma = ",";
	}
	printf("}}\n");
	fflush(stdout);
}

static void begin(struct load *l)
{
	struct flight *f;
	struct in6_addr home;

	for (f = l->flights; f < l->flights + l->parallel; f++) {
		if (f->id || l->started == l->count)
			continue;
		home = hoa(l, l->started++);
		f->begun = loop_now();
		f->id = ike_initiate(l->ike, &home, &home, &l->ha);
		if (!f->id) {
			l->failed++;
			l->reasons[REASON_IKE_LOCAL]++;
		}
	}
}

/* false: it had landed before. */
static bool land(struct load *l, uint32_t id, mtime *took)
{
	struct flight *f;

	for (f = l->flights; f < l->flights + l->parallel; f++) {
		if (f->id != id)
			continue;
		f->id = 0;
		*took = mtime_sub(loop_now(), f->begun);
		return true;
	}
	return false;
}

static void go_on(struct load *l)
{
	begin(l);
	if (l->up + l->failed == l->count)
		report(l);
}

static void on_up(void *arg, const struct ike_peer *peer)
{
	struct load *l = arg;
	mtime took;

	if (!land(l, peer->id, &took))
		return;
	l->took[l->up++] = ms(took);
	go_on(l);
}

/* One that was up and is lost is told as well: on standard error. */
static void on_down(void *arg, const struct ike_peer *peer, enum reason why)
{
	struct load *l = arg;
	mtime took;

	if (!land(l, peer->id, &took)) {
		fprintf(stderr, "lost: %s\n", reason_text(why));
		return;
	}
	l->failed++;
	l->reasons[why]++;
	go_on(l);
}

static void on_sa(void *arg, const struct ike_peer *peer,
		  const struct ike_sa *sa)
{
	(void)arg;
	(void)peer;
	(void)sa;
}

static void on_moved(void *arg, const struct ike_peer *peer)
{
	(void)arg;
	(void)peer;
}

static const struct ike_ops ops = {
	.sa_add = on_sa, .sa_del = on_sa, .up = on_up, .down = on_down,
	.moved = on_moved,
};

static int configure(struct ike_conf *conf, char **argv, int n)
{
	static char *ca[1];
	struct ike_psk *psk;
	char err[128];

	if (ike_conf_init(conf, false))
		return -1;
	conf->on = true;
	conf->dpd.ns = 0;
	free(conf->identity);
	conf->identity = argv[0];
	if (n == 4) {
		conf->certificate = argv[1];
		conf->key = argv[2];
		ca[0] = argv[3];
		conf->cas = (struct ike_list){ca, 1};
		return 0;
	}
	psk = ike_conf_psk(conf, "load", err, sizeof(err));
	if (!psk || strlen(argv[1]) > sizeof(psk->secret))
		return -1;
	strcpy(psk->identity, "*");
	psk->len = strlen(argv[1]);
	memcpy(psk->secret, argv[1], psk->len);
	return 0;
}

int main(int argc, char **argv)
{
	static struct load l;
	char star[] = "*", *any[] = {star};
	struct ike_conf conf;
	struct loop loop;

	log_init("ike_load", LOG_LEVEL_WARN);
	if ((argc != 9 && argc != 7) ||
	    inet_pton(AF_INET6, argv[1], &l.ha) != 1 ||
	    inet_pton(AF_INET6, argv[2], &l.first) != 1)
		return 2;
	l.count = (unsigned int)atoi(argv[3]);
	l.parallel = (unsigned int)atoi(argv[4]);
	l.took = calloc(l.count, sizeof(*l.took));
	if (!l.took || !l.parallel || l.parallel > PARALLEL_MAX ||
	    configure(&conf, argv + 5, argc - 5))
		return 2;
	conf.anchors = (struct ike_list){any, 1};
	if (loop_init(&loop) ||
	    ike_open(&l.ike, &loop, &conf, NULL, &ops, &l) ||
	    ike_start(l.ike))
		return 1;
	l.begun = loop_now();
	begin(&l);
	loop_run(&loop);
	ike_close(l.ike);
	loop_fini(&loop);
	free(l.took);
	return l.failed != 0;
}
