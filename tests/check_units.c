/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules about cgroups, in a folder that stands for their root: what is known of
 * it is what any file system tells. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/count.h"
#include "core/log.h"
#include "mn/mn.h"
#include "mn/move.h"

enum { SEEN_MAX = 8192 };

static char dir[64];
static int root_fd;
static struct units *units;	/* with a callback of our own */
static struct policy policy;
static struct mn mn;

/* What the callback said last of each id. */
static struct seen {
	uint64_t id, rules;
} seen[SEEN_MAX];
static unsigned int n_seen, n_calls;

/* Rules of these tests name no interface. */
struct in6_addr move_source(struct mn *of, const struct policy_rule *rule)
{
	(void)of;
	(void)rule;
	return in6addr_any;
}

bool move_forbidden(struct mn *of, const struct policy_rule *rule)
{
	(void)of;
	(void)rule;
	return false;
}

static void on_unit(void *arg, uint64_t id, uint64_t rules)
{
	unsigned int i;

	(void)arg;
	n_calls++;
	for (i = 0; i < n_seen && seen[i].id != id; i++)
		;
	ck_assert_uint_lt(i, SEEN_MAX);
	n_seen += i == n_seen;
	seen[i] = (struct seen){id, rules};
}

static uint64_t rules_of(uint64_t id)
{
	unsigned int i;

	for (i = 0; i < n_seen; i++)
		if (seen[i].id == id)
			return seen[i].rules;
	return 0;
}

static void setup(void)
{
	strcpy(dir, "/tmp/check_units.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	root_fd = open(dir, O_PATH | O_DIRECTORY);
	ck_assert_int_ge(root_fd, 0);
	log_init("check_units", LOG_LEVEL_ERR);
	ck_assert_int_eq(loop_init(&mn.loop), 0);
	ck_assert_int_eq(units_open(&units, &mn.loop, root_fd, on_unit, NULL), 0);
	policy_empty(&policy);
	n_seen = n_calls = 0;
}

static void teardown(void)
{
	char cmd[96];

	units_close(mn.units);
	units_close(units);
	loop_fini(&mn.loop);
	close(root_fd);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	ck_assert_int_eq(system(cmd), 0);
}

static void rule(const char *cgroup)
{
	struct policy_rule *r = &policy.rules[policy.n_rules++];

	strcpy(r->cgroup, cgroup);
	r->match.flags = *cgroup ? SOCK_RULE_CGROUP : 0;
}

/* Makes a folder with those above it; its id. */
static uint64_t make(const char *path)
{
	struct stat st;
	char part[256];
	size_t n;

	for (n = 0; path[n];) {
		n += 1 + strcspn(path + n + 1, "/");
		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		ck_assert(!mkdirat(root_fd, part, 0755) || errno == EEXIST);
	}
	ck_assert_int_eq(fstatat(root_fd, path, &st, 0), 0);
	return st.st_ino;
}

static void unmake(const char *path)
{
	ck_assert_int_eq(unlinkat(root_fd, path, AT_REMOVEDIR), 0);
}

/* All events that there are. */
static void run(void)
{
	int i;

	for (i = 0; i < 100; i++)
		uv_run(&mn.loop.uv, UV_RUN_NOWAIT);
}

/* Rules without cgroups cost nothing: no watch, no wake-up. */
START_TEST(none)
{
	rule("");
	ck_assert_int_eq(units_set(units, &policy), 0);
	ck_assert_uint_eq(units_known(units), 0);
	ck_assert_uint_eq(units_watched(units), 0);
	make("a/b");
	run();
	ck_assert_uint_eq(n_calls, 0);
}
END_TEST

START_TEST(there_already)
{
	uint64_t x = make("system.slice/x.service"), deep = make("u/1/app/y");
	uint64_t other = make("u/2/app/y"), inner = make("u/1/app/y/in");

	make("system.slice/z.service");
	make("u/2/oops/y");
	rule("");
	rule("/system.slice/x.service");
	rule("/u/*/app/y");
	rule("/u/1/app/?");
	ck_assert_int_eq(units_set(units, &policy), 0);
	ck_assert_uint_eq(rules_of(x), 2);
	ck_assert_uint_eq(rules_of(deep), 4 | 8);
	ck_assert_uint_eq(rules_of(other), 4);
	ck_assert_uint_eq(rules_of(inner), 0);
	ck_assert_uint_eq(n_calls, 3);
	/* the root, system.slice, u, u/1, u/1/app, u/2, u/2/app */
	ck_assert_uint_eq(units_watched(units), 7);
	ck_assert_uint_eq(units_known(units), 10);
	run();
	ck_assert_uint_eq(n_calls, 3);
}
END_TEST

START_TEST(come_and_go)
{
	uint64_t id, again;

	rule("/u/*/app/y");
	rule("/u");
	ck_assert_int_eq(units_set(units, &policy), 0);
	ck_assert_uint_eq(units_known(units), 1);
	id = make("u/1/app/y");
	make("u/1/app/n");
	run();
	ck_assert_uint_eq(rules_of(id), 1);
	ck_assert_uint_eq(rules_of(make("u")), 2);
	unmake("u/1/app/y");
	run();
	ck_assert_uint_eq(rules_of(id), 0);
	/* a folder that keeps the number: file systems use them again */
	again = make("u/1/app/y");
	run();
	ck_assert_uint_eq(rules_of(again), 1);
	unmake("u/1/app/y");
	unmake("u/1/app/n");
	unmake("u/1/app");
	unmake("u/1");
	unmake("u");
	run();
	ck_assert_uint_eq(rules_of(again), 0);
	ck_assert_uint_eq(units_known(units), 1);
	ck_assert_uint_eq(units_watched(units), 1);
	/* and all anew, in one go */
	id = make("u/3/app/y");
	run();
	ck_assert_uint_eq(rules_of(id), 1);
	ck_assert_uint_eq(units_watched(units), 4);
}
END_TEST

/* Deleted and made again before the events are read. */
START_TEST(restarted)
{
	uint64_t id;
	int i;

	rule("/s/x");
	ck_assert_int_eq(units_set(units, &policy), 0);
	make("s/x");
	run();
	for (i = 0; i < 50; i++) {
		unmake("s/x");
		/* keeps the number from being used again at once */
		make(i % 2 ? "other" : "s/other");
		id = make("s/x");
	}
	run();
	ck_assert_uint_eq(rules_of(id), 1);
	ck_assert_uint_eq(units_known(units), 3);
}
END_TEST

START_TEST(set_again)
{
	uint64_t x = make("s/x"), y = make("s/y");

	rule("/s/x");
	ck_assert_int_eq(units_set(units, &policy), 0);
	ck_assert_uint_eq(rules_of(x), 1);
	policy_empty(&policy);
	rule("");
	rule("/s/y");
	n_seen = n_calls = 0;
	ck_assert_int_eq(units_set(units, &policy), 0);
	ck_assert_uint_eq(n_calls, 1);
	ck_assert_uint_eq(rules_of(y), 2);
	unmake("s/x");
	run();
	ck_assert_uint_eq(n_calls, 1);
	policy_empty(&policy);
	ck_assert_int_eq(units_set(units, &policy), 0);
	ck_assert_uint_eq(units_watched(units), 0);
	make("s/x");
	run();
	ck_assert_uint_eq(n_calls, 1);
}
END_TEST

START_TEST(files_and_links)
{
	make("elsewhere/x");
	rule("/s/*");
	ck_assert_int_eq(units_set(units, &policy), 0);
	make("s");
	run();
	n_calls = 0;
	ck_assert_int_eq(symlinkat("../elsewhere", root_fd, "s/link"), 0);
	close(openat(root_fd, "s/file", O_CREAT | O_WRONLY, 0644));
	run();
	ck_assert_uint_eq(n_calls, 0);
}
END_TEST

static void make_many(unsigned int n, const char *fmt)
{
	char path[64];
	unsigned int i;

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), fmt, i);
		make(path);
	}
}

/* Users that make cgroups by the thousand do not use up root's. */
START_TEST(bounds)
{
	uint64_t id, full = count_get(COUNT_UNITS_FULL);

	if (getuid()) {
		fprintf(stderr, "check_units: bounds: skipped, not root\n");
		return;
	}
	rule("/u/*");
	rule("/s/*");
	ck_assert_int_eq(units_set(units, &policy), 0);
	make("u");
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(fchownat(root_fd, "u", 1000, 1000, 0), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(seteuid(1000), 0);
	make_many(UNITS_USERS_MAX + 100, "u/%u");
	ck_assert_int_eq(seteuid(0), 0);
	run();
	/* the root, and what is the user's */
	ck_assert_uint_eq(units_known(units), 1 + UNITS_USERS_MAX);
	ck_assert_uint_ge(count_get(COUNT_UNITS_FULL) - full, 100);
	id = make("s/x");
	run();
	ck_assert_uint_eq(rules_of(id), 2);
	make_many(UNITS_MAX, "s/%u");
	run();
	ck_assert_uint_eq(units_known(units), UNITS_MAX);
}
END_TEST

/* More events than inotify keeps, by default 16384. */
START_TEST(overflow)
{
	uint64_t a, z;
	int i;

	rule("");
	rule("/s/?");
	ck_assert_int_eq(units_set(units, &policy), 0);
	a = make("s/a");
	run();
	ck_assert_uint_eq(rules_of(a), 2);
	for (i = 0; i < 20000; i++) {
		make("s/bc");
		unmake("s/bc");
	}
	unmake("s/a");
	make("s/other");	/* or z might get a's number */
	z = make("s/z");
	for (i = 0; i < 10; i++)
		run();
	ck_assert_uint_eq(rules_of(z), 2);
	if (a != z)
		ck_assert_uint_eq(rules_of(a), 0);
	ck_assert_uint_eq(units_known(units), 3);
}
END_TEST

START_TEST(of_pid)
{
	char path[POLICY_CGROUP_MAX], none[4];
	int err = units_of_pid(getpid(), path, sizeof(path));

	/* -ENOENT: this kernel mounts no cgroup2 */
	ck_assert(err == -ENOENT || (!err && path[0] == '/'));
	ck_assert_ptr_null(strchr(path, '\n'));
	ck_assert_int_eq(units_of_pid(-1, none, sizeof(none)), -ENOENT);
	ck_assert_str_eq(none, "");
}
END_TEST

/* The socket programs, as far as policy_apply() sees them. */

static struct fake_cgroup {
	uint64_t id;
	struct sock_cgroup as;
} cgroups[8];
static unsigned int n_cgroups, n_sets;
static struct sock_rule set_rules[SOCK_RULES_MAX];

/* What the kernel would go by at mkdir(2). */
static unsigned int n_hooks;
static char hooked[SOCK_RULES_MAX][POLICY_CGROUP_MAX];
static size_t n_hooked;

static struct fake_cgroup *fake_find(uint64_t id)
{
	unsigned int i;

	for (i = 0; i < n_cgroups; i++)
		if (cgroups[i].id == id)
			return &cgroups[i];
	return NULL;
}

int sockhook_cgroup_fd(const struct sockhook *sh)
{
	(void)sh;
	return root_fd;
}

int sockhook_cgroup_get(struct sockhook *sh, uint64_t id,
			struct sock_cgroup *out)
{
	const struct fake_cgroup *c = fake_find(id);

	(void)sh;
	if (c)
		*out = c->as;
	return c ? 0 : -ENOENT;
}

int sockhook_cgroup_set(struct sockhook *sh, uint64_t id,
			const struct sock_cgroup *as)
{
	struct fake_cgroup *c = fake_find(id);

	(void)sh;
	if (!c)
		c = &cgroups[n_cgroups++];
	*c = (struct fake_cgroup){id, *as};
	return 0;
}

int sockhook_cgroup_del(struct sockhook *sh, uint64_t id)
{
	struct fake_cgroup *c = fake_find(id);

	(void)sh;
	if (!c)
		return -ENOENT;
	*c = cgroups[--n_cgroups];
	return 0;
}

int sockhook_cgroup_each(struct sockhook *sh, void (*fn)(void *arg,
			 uint64_t id, const struct sock_cgroup *as), void *arg)
{
	unsigned int i;

	for (i = n_cgroups; i--;) {
		struct fake_cgroup c = cgroups[i];

		(void)sh;
		fn(arg, c.id, &c.as);
	}
	return 0;
}

/* No cgroup has rules by old numbers now. */
int sockhook_policy_set(struct sockhook *sh, const struct sock_rule *rules,
			size_t n_rules, const struct sockhook_permit *permits,
			size_t n_permits, uint32_t everybody,
			enum service dflt)
{
	unsigned int i;

	(void)sh, (void)permits, (void)n_permits, (void)everybody, (void)dflt;
	n_sets++;
	ck_assert_uint_eq(n_hooked, 0);
	for (i = 0; i < n_cgroups; i++)
		ck_assert_uint_eq(cgroups[i].as.rules, 0);
	memcpy(set_rules, rules, n_rules * sizeof(*rules));
	return 0;
}

int unithook_open(struct unithook **out, struct sockhook *sh)
{
	n_hooks++;
	*out = (struct unithook *)sh;
	return 0;
}

void unithook_clear(struct unithook *uh)
{
	(void)uh;
	n_hooked = 0;
}

void unithook_set(struct unithook *uh, const char *const *paths, size_t n)
{
	(void)uh;
	for (n_hooked = 0; n_hooked < n; n_hooked++)
		strcpy(hooked[n_hooked], paths[n_hooked]);
}

void unithook_close(struct unithook *uh)
{
	n_hooks -= uh != NULL;
	n_hooked = 0;
}

static void apply(void)
{
	mn.policy = policy;
	ck_assert_int_eq(policy_apply(&mn), 0);
}

static struct sock_cgroup fake_get(uint64_t id)
{
	struct sock_cgroup as = {0};

	sockhook_cgroup_get(NULL, id, &as);
	return as;
}

START_TEST(applied)
{
	struct sock_cgroup stale = { .rules = 5 };
	struct sock_cgroup run_there = { .service = SERVICE_FIXED, .rules = 1 };
	uint64_t x = make("s/x"), y = make("s/y"), z;

	rule("/s/x");
	rule("/s/?");
	policy.rules[1].match.service = SERVICE_GRACEFUL;
	apply();	/* no socket programs */
	ck_assert_uint_eq(n_sets, 0);
	mn.sh = (struct sockhook *)&mn;
	sockhook_cgroup_set(NULL, 12345678, &stale);
	sockhook_cgroup_set(NULL, y, &run_there);
	apply();
	ck_assert_uint_eq(n_sets, 1);
	ck_assert_int_eq(set_rules[1].service, SERVICE_GRACEFUL);
	ck_assert_uint_eq(n_hooked, 2);
	ck_assert_str_eq(hooked[1], "/s/?");
	ck_assert_uint_eq(fake_get(x).rules, 3);
	ck_assert_uint_eq(fake_get(y).rules, 2);
	ck_assert_uint_eq(fake_get(y).service, SERVICE_FIXED);
	ck_assert_ptr_null(fake_find(12345678));
	/* kedgectl run's word stays, whatever becomes of the rules */
	policy_empty(&policy);
	apply();
	ck_assert_uint_eq(n_cgroups, 1);
	/* and nothing is left that somebody could wake */
	ck_assert(!mn.units && !n_hooks);
	ck_assert_uint_eq(fake_get(y).service, SERVICE_FIXED);
	ck_assert_uint_eq(fake_get(y).rules, 0);
	rule("/s/z");
	apply();
	z = make("s/z");
	run();
	ck_assert_uint_eq(fake_get(z).rules, 1);
	unmake("s/z");
	run();
	ck_assert_ptr_null(fake_find(z));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("units");
	TCase *tc = tcase_create("units");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, none);
	tcase_add_test(tc, there_already);
	tcase_add_test(tc, come_and_go);
	tcase_add_test(tc, restarted);
	tcase_add_test(tc, set_again);
	tcase_add_test(tc, files_and_links);
	tcase_add_test(tc, bounds);
	tcase_add_test(tc, overflow);
	tcase_add_test(tc, of_pid);
	tcase_add_test(tc, applied);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
