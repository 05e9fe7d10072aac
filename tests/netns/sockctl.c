/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives sockhook.c for tests/netns/sockets: commands on standard input, one a
 * line, each answered by lines of which the last is "ok" or "err N".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "sys/priv.h"
#include "sys/sockdiag.h"
#include "sys/sockhook.h"

enum { WORDS_MAX = 16, READ_MS = 100 };

static struct sockhook *sh;
static struct sock_rule rules[SOCK_RULES_MAX];
static struct sockhook_permit permits[SOCK_PERMITS_MAX];
static size_t n_rules, n_permits;
static uint64_t n_each;

static struct in6_addr addr(const char *text)
{
	struct in6_addr out = { 0 };

	if (inet_pton(AF_INET6, text, &out) != 1)
		fprintf(stderr, "sockctl: bad address %s\n", text);
	return out;
}

static const char *text(const struct in6_addr *a)
{
	static char out[2][INET6_ADDRSTRLEN];
	static int which;

	which = !which;
	return inet_ntop(AF_INET6, a, out[which], sizeof(out[which]));
}

/* open BPFFS [CGROUP] */
static int cmd_open(char **w)
{
	return sockhook_open(&sh, w[1], w[2]);
}

static int cmd_close(char **w)
{
	(void)w;
	sockhook_close(sh);
	sh = NULL;
	return 0;
}

static int cmd_flush(char **w)
{
	(void)w;
	sockhook_flush(sh);
	return 0;
}

/* drop: privileges, as kedge-mn does */
static int cmd_drop(char **w)
{
	(void)w;
	return priv_drop(NULL, NULL);
}

/* service TYPE none|later|kernel */
/* service TYPE addr ADDR TEMPORARY native|far */
static int cmd_service(char **w)
{
	static const char *const states[] = { "none", "later", "kernel",
					      "addr" };
	struct sock_service as = { 0 };

	while (as.state < SOCK_SERVICE_ADDR && strcmp(states[as.state], w[2]))
		as.state++;
	if (as.state == SOCK_SERVICE_ADDR) {
		as.addr = addr(w[3]);
		as.temporary = addr(w[4]);
		as.native = !strcmp(w[5], "native");
	}
	return sockhook_service_set(sh, atoi(w[1]), &as);
}

static void rule_word(struct sock_rule *r, char *word)
{
	char *value = strchr(word, '='), *slash;

	if (value)
		*value++ = 0;
	if (!strcmp(word, "comm")) {
		r->flags |= SOCK_RULE_COMMAND;
		memcpy(r->command, value, strnlen(value, SOCK_COMM - 1));
	} else if (!strcmp(word, "uid")) {
		r->flags |= SOCK_RULE_UID;
		r->uid = atoi(value);
	} else if (!strcmp(word, "gid")) {
		r->flags |= SOCK_RULE_GID;
		r->gid = atoi(value);
	} else if (!strcmp(word, "cgroup")) {
		r->flags |= SOCK_RULE_CGROUP;
	} else if (!strcmp(word, "proto")) {
		r->flags |= SOCK_RULE_PROTOCOL;
		r->protocol = atoi(value);
	} else if (!strcmp(word, "port")) {
		r->flags |= SOCK_RULE_PORT;
		sscanf(value, "%" SCNu16 "-%" SCNu16, &r->port_low,
		       &r->port_high);
	} else if (!strcmp(word, "prefix")) {
		slash = strchr(value, '/');
		*slash = 0;
		r->flags |= SOCK_RULE_PREFIX;
		r->prefix = addr(value);
		r->prefix_len = atoi(slash + 1);
	} else if (!strcmp(word, "mptcp")) {
		r->flags |= SOCK_RULE_MPTCP;
	}
}

/* rule TYPE [comm=X] [uid=N] [gid=N] [cgroup] [proto=N] [port=A-B]
 * [prefix=P/N] [mptcp]: one more, for the next "policy" */
static int cmd_rule(char **w)
{
	struct sock_rule *r = &rules[n_rules];

	if (n_rules == SOCK_RULES_MAX)
		return -E2BIG;
	n_rules++;
	*r = (struct sock_rule){ .service = atoi(w[1]) };
	for (w += 2; *w; w++)
		rule_word(r, *w);
	return 0;
}

/* permit uid|gid ID MASK */
static int cmd_permit(char **w)
{
	permits[n_permits++] = (struct sockhook_permit){
		.who = { .id = atoi(w[2]), .is_group = *w[1] == 'g' },
		.services = strtoul(w[3], NULL, 0),
	};
	return 0;
}

/* policy EVERYBODY DEFAULT: with the rules and permits since the last one */
static int cmd_policy(char **w)
{
	int err = sockhook_policy_set(sh, rules, n_rules, permits, n_permits,
				      strtoul(w[1], NULL, 0), atoi(w[2]));

	n_rules = n_permits = 0;
	return err;
}

/* cgroup ID RULES TYPE; uncgroup ID; cgroups */
static int cmd_cgroup(char **w)
{
	struct sock_cgroup as = {
		.rules = strtoull(w[2], NULL, 0), .service = atoi(w[3]),
	};

	return sockhook_cgroup_set(sh, strtoull(w[1], NULL, 0), &as);
}

static int cmd_uncgroup(char **w)
{
	return sockhook_cgroup_del(sh, strtoull(w[1], NULL, 0));
}

static void delete_cgroup(void *arg, uint64_t id, const struct sock_cgroup *as)
{
	(void)arg;
	printf("cgroup %" PRIu64 " rules %" PRIu64 " service %u\n", id,
	       (uint64_t)as->rules, as->service);
	sockhook_cgroup_del(sh, id);
}

static int cmd_cgroups(char **w)
{
	(void)w;
	return sockhook_cgroup_each(sh, delete_cgroup, NULL);
}

static int cmd_held(char **w)
{
	struct in6_addr a = addr(w[1]);

	printf("%u\n", sockhook_held(sh, &a));
	return 0;
}

static int cmd_lost(char **w)
{
	struct in6_addr a = addr(w[1]);

	sockhook_lost(sh, &a);
	return 0;
}

static void print_event(void *arg, const struct sock_event *ev)
{
	(void)arg;
	printf("%s %s\n", ev->type == SOCK_EVENT_HELD ? "held" : "free",
	       text(&ev->addr));
}

static int cmd_events(char **w)
{
	struct pollfd p = { .fd = sockhook_event_fd(sh), .events = POLLIN };

	(void)w;
	while (poll(&p, 1, READ_MS) > 0)
		sockhook_read_events(sh, print_event, NULL);
	return 0;
}

static void print_rec(void *arg, const struct sock_rec *r)
{
	(void)arg;
	printf("protocol=%u state=%u local=%s lport=%u remote=%s rport=%u "
	       "cookie=%" PRIu64 " inode=%" PRIu64 " tx=%" PRIu64 " rx=%"
	       PRIu64 " uid=%u mptcp=%u bound=%u has=%u service=%u why=%u "
	       "rule=%u pid=%u asked=%u flags=%u source=%s since=%" PRIu64
	       " comm=%.16s\n", r->protocol, r->tcp_state, text(&r->local),
	       r->local_port, text(&r->remote), r->remote_port,
	       (uint64_t)r->cookie, (uint64_t)r->inode, (uint64_t)r->tx_bytes,
	       (uint64_t)r->rx_bytes, r->uid, r->mptcp, r->bound,
	       r->has_state, r->state.service, r->state.why, r->state.rule,
	       r->state.pid, r->state.asked, r->state.flags,
	       text(&r->state.source), (uint64_t)r->state.since,
	       r->has_state ? r->state.comm : "");
}

static int cmd_each(char **w)
{
	(void)w;
	return sockhook_each(sh, print_rec, NULL);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ull + ts.tv_nsec / 1000;
}

static void count_rec(void *arg, const struct sock_rec *r)
{
	(void)arg, (void)r;
	n_each++;
}

/* time: us and number of sockets by iterator, and by sock_diag */
static int cmd_time(char **w)
{
	struct sockdiag *sd;
	uint64_t from;
	int err = sockdiag_open(&sd);

	(void)w;
	if (err)
		return err;
	n_each = 0;
	from = now_us();
	err = sockhook_each(sh, count_rec, NULL);
	printf("each %" PRIu64 " us %" PRIu64 "\n", n_each, now_us() - from);
	n_each = 0;
	from = now_us();
	if (!err)
		err = sockdiag_each(sd, false, count_rec, NULL);
	printf("diag %" PRIu64 " us %" PRIu64 "\n", n_each, now_us() - from);
	sockdiag_close(sd);
	return err;
}

static const struct {
	const char *name;
	int words;
	int (*fn)(char **w);
} cmds[] = {
	{ "open", 2, cmd_open }, { "close", 1, cmd_close },
	{ "flush", 1, cmd_flush }, { "drop", 1, cmd_drop },
	{ "service", 3, cmd_service }, { "rule", 2, cmd_rule },
	{ "permit", 4, cmd_permit }, { "policy", 3, cmd_policy },
	{ "cgroup", 4, cmd_cgroup }, { "uncgroup", 2, cmd_uncgroup },
	{ "cgroups", 1, cmd_cgroups }, { "held", 2, cmd_held },
	{ "lost", 2, cmd_lost }, { "events", 1, cmd_events },
	{ "each", 1, cmd_each }, { "time", 1, cmd_time },
};

static int run(char *line)
{
	char *w[WORDS_MAX + 1] = { 0 };
	int n = 0;
	size_t i;

	for (line = strtok(line, " \n"); line && n < WORDS_MAX;
	     line = strtok(NULL, " \n"))
		w[n++] = line;
	for (i = 0; n && i < sizeof(cmds) / sizeof(cmds[0]); i++)
		if (!strcmp(cmds[i].name, w[0]) && n >= cmds[i].words)
			return cmds[i].fn(w);
	return -EINVAL;
}

int main(void)
{
	char line[1024];
	int err;

	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n")) {
		err = run(line);
		if (err)
			printf("err %d\n", -err);
		else
			printf("ok\n");
		fflush(stdout);
	}
	sockhook_close(sh);
	return 0;
}
