/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/core: configuration, store, SAs, control socket, loop, counters. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/conf.h"
#include "core/count.h"
#include "core/ctl.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/store.h"

static char dir[64];	/* each test's own folder */

static void setup(void)
{
	strcpy(dir, "/tmp/check_core.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	log_init("check_core", LOG_LEVEL_ERR);
}

static void teardown(void)
{
	char cmd[96];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	ck_assert_int_eq(system(cmd), 0);
}

static const char *in_dir(const char *name)
{
	static char path[4][160];
	static unsigned int turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	fclose(f);
	chmod(in_dir(name), 0600);
}

/* A stand-in for a daemon's configuration */

struct test_conf {
	struct in6_addr address[4];
	int n_addresses;
	char *control;
	uint32_t max;
	bool flag;
	mtime lifetime;
	struct link {
		char name[IFNAMSIZ];
		struct ip6_prefix prefix;
	} links[4];
	int n_links;
	struct sadb_conf sas[4];
	int n_sas;
};

static int add_address(void *dst, const char *v, char *err, size_t n)
{
	struct test_conf *conf = dst;

	return conf_set_addr(&conf->address[conf->n_addresses++], v, err, n);
}

static void *open_top(void *conf, const char *name, char *err, size_t n)
{
	(void)name;
	(void)err;
	(void)n;
	return conf;
}

static void *open_link(void *arg, const char *name, char *err, size_t n)
{
	struct test_conf *conf = arg;
	struct link *link = &conf->links[conf->n_links++];

	return conf_set_ifname(link->name, name, err, n) ? NULL : link;
}

static void *open_sa(void *arg, const char *name, char *err, size_t n)
{
	struct test_conf *conf = arg;
	struct sadb_conf *sa = &conf->sas[conf->n_sas++];

	(void)err;
	(void)n;
	snprintf(sa->name, sizeof(sa->name), "%s", name);
	return sa;
}

static int close_sa(void *conf, void *section, char *err, size_t n)
{
	const struct sadb_conf *sa = section;

	(void)conf;
	if (!ip6_addr_eq(&sa->src, &sa->dst))
		return 0;
	snprintf(err, n, "src and dst are the same");
	return -1;
}

static const struct conf_key top_keys[] = {
	{ "address", add_address, 0, true, true },
	{ "control", conf_set_string, offsetof(struct test_conf, control),
	  false, false },
	{ "max", conf_set_u32, offsetof(struct test_conf, max), false, false },
	{ "flag", conf_set_bool, offsetof(struct test_conf, flag), false,
	  false },
	{ "lifetime", conf_set_seconds, offsetof(struct test_conf, lifetime),
	  false, false },
	{ NULL, NULL, 0, false, false },
};

static const struct conf_key link_keys[] = {
	{ "prefix", conf_set_prefix, offsetof(struct link, prefix), true,
	  false },
	{ NULL, NULL, 0, false, false },
};

static const struct conf_section sections[] = {
	{ "top", false, open_top, NULL, top_keys },
	{ "link", true, open_link, NULL, link_keys },
	{ "sa", true, open_sa, close_sa, conf_sa_keys },
	{ NULL, false, NULL, NULL, NULL },
};

/* Loads DIR/conf; what it printed, without "DIR/", in msgs. */
static int load(struct test_conf *conf, char *msgs, size_t len)
{
	size_t text_len, at = strlen(dir) + 1;
	char *text = NULL, *p;
	FILE *errs = open_memstream(&text, &text_len);
	int rc;

	memset(conf, 0, sizeof(*conf));
	rc = conf_load(in_dir("conf"), sections, conf, errs);
	fclose(errs);
	while ((p = strstr(text, dir)))
		memmove(p, p + at, strlen(p + at) + 1);
	snprintf(msgs, len, "%s", text);
	free(text);
	return rc;
}

#define HEX36 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c" \
	"1d1e1f20212223"

START_TEST(conf_good)
{
	struct test_conf c;
	char msgs[2048];

	write_file("conf",
		   "# a comment\n"
		   "[top]\n"
		   "  address = 2001:db8::1   # one\n"
		   "  address = 2001:db8::2\n"
		   "\tcontrol=/run/x ; another comment\n"
		   "max = 0x10\n"
		   "flag = yes\n"
		   "lifetime = 1.5\n"
		   "\n"
		   "[link eth0]\n"
		   "prefix = 2001:db8:1::/64\n"
		   "[sa out]\n"
		   "spi = 0x1001\n"
		   "src = 2001:db8::1\n"
		   "dst = 2001:db8::9\n"
		   "algorithm = chacha20-poly1305\n"
		   "key = " HEX36 "\n"
		   "identity = mn1@example.org\n");
	ck_assert_int_eq(load(&c, msgs, sizeof(msgs)), 0);
	ck_assert_str_eq(msgs, "");
	ck_assert_int_eq(c.n_addresses, 2);
	ck_assert_str_eq(ip6_str(&c.address[1]), "2001:db8::2");
	ck_assert_str_eq(c.control, "/run/x");
	ck_assert_uint_eq(c.max, 16);
	ck_assert(c.flag);
	ck_assert_int_eq(c.lifetime.ns, 1500000000);
	ck_assert_str_eq(c.links[0].name, "eth0");
	ck_assert_uint_eq(c.links[0].prefix.len, 64);
	ck_assert_uint_eq(c.sas[0].spi, 0x1001);
	ck_assert_uint_eq(c.sas[0].key[35], 0x23);
	ck_assert_str_eq(c.sas[0].identity, "mn1@example.org");
	free(c.control);
}
END_TEST

/* Every error is told, with its line. */
START_TEST(conf_bad)
{
	struct test_conf c;
	char msgs[4096];

	write_file("conf",
		   "stray = 1\n"
		   "[top]\n"
		   "address = 10.0.0.1\n"
		   "colour = red\n"
		   "flag = yes\n"
		   "flag = no\n"
		   "just words\n"
		   "max = 4294967296\n"
		   "[nothing]\n"
		   "key = secret\n"
		   "[link]\n"
		   "[link a/b]\n"
		   "[link eth0]\n"
		   "[link eth1]\n"
		   "prefix = 2001:db8::1/64\n"
		   "[link eth0]\n"
		   "[top more]\n"
		   "[sa x\n");
	ck_assert_int_eq(load(&c, msgs, sizeof(msgs)), -EINVAL);
	ck_assert_str_eq(msgs,
		"conf:1: stray stands before any section\n"
		"conf:3: address: '10.0.0.1' is not an IPv6 address\n"
		"conf:4: unknown key colour in [top]\n"
		"conf:6: flag is given twice\n"
		"conf:7: neither a section nor KEY = VALUE\n"
		"conf:8: max: '4294967296' is not a number from 0 to "
		"4294967295\n"
		"conf:9: unknown section [nothing]\n"
		"conf:11: [link] needs a name: [link NAME]\n"
		"conf:12: [link a/b]: 'a/b' is not an interface's name\n"
		"conf:13: [link eth0] lacks prefix\n"
		"conf:15: prefix: '2001:db8::1/64' has bits set after its "
		"length\n"
		"conf:16: [link eth0] stands already at conf:13\n"
		"conf:17: [top] takes no name\n"
		"conf:18: no ']' after the section's name\n");
}
END_TEST

START_TEST(conf_missing)
{
	struct test_conf c;
	char msgs[1024];

	write_file("conf", "");
	ck_assert_int_eq(load(&c, msgs, sizeof(msgs)), -EINVAL);
	ck_assert_str_eq(msgs,
			 "conf:1: no section [top], which must give address\n");
	write_file("conf", "\n[top]\nflag = no");
	ck_assert_int_eq(load(&c, msgs, sizeof(msgs)), -EINVAL);
	ck_assert_str_eq(msgs, "conf:2: [top] lacks address\n");
	unlink(in_dir("conf"));
	ck_assert_int_eq(load(&c, msgs, sizeof(msgs)), -ENOENT);
	ck_assert_str_eq(msgs, "conf: No such file or directory\n");
}
END_TEST

START_TEST(conf_long_line)
{
	struct test_conf c;
	char msgs[1024], text[1024];

	snprintf(text, sizeof(text), "[top]\naddress = 2001:db8::1\n"
		 "control = %0500d\nmax = x\n", 1);
	write_file("conf", text);
	ck_assert_int_eq(load(&c, msgs, sizeof(msgs)), -EINVAL);
	ck_assert_str_eq(msgs, "conf:3: longer than 180 characters\n"
			 "conf:4: max: 'x' is not a number from 0 to "
			 "4294967295\n");
}
END_TEST

/* A drop-in replaces values and adds to lists; its own errors name it. */
START_TEST(conf_dropins)
{
	struct test_conf c;
	char msgs[1024];

	write_file("conf", "[top]\naddress = 2001:db8::1\nmax = 1\n"
		   "control = old\n");
	ck_assert_int_eq(mkdir(in_dir("conf.d"), 0700), 0);
	write_file("conf.d/20.conf", "[top]\nmax = 3\n");
	write_file("conf.d/10.conf", "[top]\nmax = 2\naddress = 2001:db8::2\n"
		   "control = new\n[link eth0]\nprefix = 2001:db8::/64\n");
	write_file("conf.d/not-this.conf~", "rubbish\n");
	write_file("conf.d/.hidden.conf", "rubbish\n");
	ck_assert_int_eq(load(&c, msgs, sizeof(msgs)), 0);
	ck_assert_str_eq(msgs, "");
	ck_assert_uint_eq(c.max, 3);
	ck_assert_int_eq(c.n_addresses, 2);
	ck_assert_int_eq(c.n_links, 1);
	ck_assert_str_eq(c.control, "new");
	free(c.control);

	write_file("conf.d/30.conf", "[link eth0]\nprefix = 2001:db8::/64\n"
		   "[top]\nmax = 1\nmax = 2\n");
	ck_assert_int_eq(load(&c, msgs, sizeof(msgs)), -EINVAL);
	ck_assert_str_eq(msgs, "conf.d/30.conf:1: [link eth0] stands already "
			 "at conf.d/10.conf:5\n"
			 "conf.d/30.conf:5: max is given twice\n");
	free(c.control);
}
END_TEST

/* What is wrong with a key is told without a digit of it. */
START_TEST(conf_sa_secrets)
{
	struct test_conf c;
	char msgs[1024];

	write_file("conf", "[top]\naddress = 2001:db8::1\n[sa a]\nspi = 255\n"
		   "src = fe80::1\ndst = 2001:db8::1\nalgorithm = des\n"
		   "key = c0ffee" HEX36 "\nidentity =\n"
		   "[sa b]\nkey = " HEX36 "zz\n");
	ck_assert_int_eq(load(&c, msgs, sizeof(msgs)), -EINVAL);
	ck_assert_ptr_null(strstr(msgs, "c0ffee"));
	ck_assert_ptr_null(strstr(msgs, "0102"));
	ck_assert_str_eq(msgs,
		"conf:4: spi: SPIs below 256 are reserved\n"
		"conf:5: src: 'fe80::1' is not unicast routable\n"
		"conf:7: algorithm: 'des' is not known; known are "
		"chacha20-poly1305 and aes-256-gcm\n"
		"conf:8: key: not 72 hexadecimal digits (openssl rand -hex "
		"36)\n"
		"conf:9: identity: not of 1 to 127 characters\n"
		"conf:11: key: not 72 hexadecimal digits (openssl rand -hex "
		"36)\n"
		"conf:10: [sa b] lacks spi\n"
		"conf:10: [sa b] lacks src\n"
		"conf:10: [sa b] lacks dst\n"
		"conf:10: [sa b] lacks algorithm\n"
		"conf:10: [sa b] lacks identity\n");
}
END_TEST

START_TEST(conf_section_close)
{
	struct test_conf c;
	char msgs[1024];

	write_file("conf", "[top]\naddress = 2001:db8::1\n[sa a]\nspi = 256\n"
		   "src = 2001:db8::1\ndst = 2001:db8::1\n"
		   "algorithm = chacha20-poly1305\nkey = " HEX36
		   "\nidentity = x\n");
	chmod(in_dir("conf"), 0644);
	ck_assert_int_eq(load(&c, msgs, sizeof(msgs)), -EINVAL);
	ck_assert_str_eq(msgs, "conf:3: [sa a]: src and dst are the same\n"
			 "conf: warning: holds keys, and everybody may read "
			 "it\n");
}
END_TEST

static const struct seconds_case {
	const char *text;
	int64_t ns;	/* -1: refused */
} seconds_cases[] = {
	{ "0", 0 }, { "10", 10000000000 }, { "1.5", 1500000000 },
	{ "2m", 120000000000 }, { "1h", 3600000000000 },
	{ "500ms", 500000000 }, { "0.25s", 250000000 },
	{ "1.5m", 90000000000 }, { "", -1 }, { "-1", -1 }, { "s", -1 },
	{ "1x", -1 }, { ".5", -1 }, { "99999999999999999999", -1 },
	{ "2592000", 2592000000000000 }, { "100000h", 360000000000000000 },
	{ "100001h", -1 }, { "360000001", -1 }, { "1000000000", -1 },
	{ "1 s", -1 }, { "nan", -1 }, { "1e3", -1 }, { "0.0001", -1 },
};

START_TEST(conf_seconds)
{
	const struct seconds_case *t = &seconds_cases[_i];
	char err[128] = "";
	mtime out = { -1 };
	int rc = conf_set_seconds(&out, t->text, err, sizeof(err));

	ck_assert_msg(rc == (t->ns < 0 ? -1 : 0), "'%s': %d", t->text, rc);
	ck_assert_int_eq(out.ns, t->ns);
	ck_assert(rc == 0 || strstr(err, t->text));
}
END_TEST

START_TEST(conf_values)
{
	struct ip6_prefix prefix;
	char ifname[IFNAMSIZ], err[128];
	uint32_t u;

	ck_assert_int_eq(conf_set_prefix(&prefix, "2001:db8::1", err,
					 sizeof(err)), -1);
	ck_assert_int_eq(conf_set_prefix(&prefix, "2001:db8::/129", err,
					 sizeof(err)), -1);
	ck_assert_int_eq(conf_set_prefix(&prefix, "2001:db8::/", err,
					 sizeof(err)), -1);
	ck_assert_int_eq(conf_set_prefix(&prefix, "2001:db8::/+4", err,
					 sizeof(err)), -1);
	ck_assert_int_eq(conf_set_prefix(&prefix, "2001:db8::1/128", err,
					 sizeof(err)), 0);
	ck_assert_int_eq(conf_set_u32(&u, "010", err, sizeof(err)), 0);
	ck_assert_uint_eq(u, 10);
	ck_assert_int_eq(conf_set_u32(&u, "-1", err, sizeof(err)), -1);
	ck_assert_int_eq(conf_set_u32(&u, " 1", err, sizeof(err)), -1);
	ck_assert_int_eq(conf_set_ifname(ifname, "0123456789abcdef", err,
					 sizeof(err)), -1);
	ck_assert_int_eq(conf_set_ifname(ifname, "0123456789abcde", err,
					 sizeof(err)), 0);
}
END_TEST

START_TEST(store_basic)
{
	struct store *store;
	uint32_t v = 7, got = 0;
	uint64_t wide;
	bool fresh;

	ck_assert_int_eq(store_open(&store, in_dir("state"), &fresh), 0);
	ck_assert(fresh);
	ck_assert_int_eq(store_get(store, "a", &got, sizeof(got)), -ENOENT);
	ck_assert_int_eq(store_put(store, "a", &v, sizeof(v), true), 0);
	v = 8;
	ck_assert_int_eq(store_put(store, "b", &v, sizeof(v), false), 0);
	ck_assert_int_eq(store_get(store, "a", &wide, sizeof(wide)), -EINVAL);
	store_close(store);

	ck_assert_int_eq(store_open(&store, in_dir("state"), &fresh), 0);
	ck_assert(!fresh);
	ck_assert_int_eq(store_get(store, "a", &got, sizeof(got)), 0);
	ck_assert_uint_eq(got, 7);
	ck_assert_int_eq(store_get(store, "b", &got, sizeof(got)), 0);
	ck_assert_uint_eq(got, 8);
	ck_assert_int_eq(store_del(store, "a"), 0);
	ck_assert_int_eq(store_del(store, "a"), -ENOENT);
	ck_assert_int_eq(store_del(store, "b"), 0);
	ck_assert_int_eq(store_get(store, "a", &got, sizeof(got)), -ENOENT);
	store_close(store);
}
END_TEST

/* A soft transaction: seen at once, kept by commit alone, and none of the hard
 * values' business. */
START_TEST(store_soft_transaction)
{
	struct store *store;
	uint32_t v = 7, got = 0;

	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	ck_assert_int_eq(store_commit_soft(store), -EINVAL);
	ck_assert_int_eq(store_begin_soft(store), 0);
	ck_assert_int_eq(store_begin_soft(store), -EBUSY);
	ck_assert_int_eq(store_put(store, "soft", &v, sizeof(v), false), 0);
	ck_assert_int_eq(store_put(store, "hard", &v, sizeof(v), true), 0);
	ck_assert_int_eq(store_get(store, "soft", &got, sizeof(got)), 0);
	ck_assert_uint_eq(got, 7);
	ck_assert_int_eq(store_commit_soft(store), 0);
	ck_assert_int_eq(store_begin_soft(store), 0);
	ck_assert_int_eq(store_put(store, "late", &v, sizeof(v), false), 0);
	store_close(store);
	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	ck_assert_int_eq(store_get(store, "soft", &got, sizeof(got)), 0);
	ck_assert_int_eq(store_get(store, "hard", &got, sizeof(got)), 0);
	ck_assert_int_eq(store_get(store, "late", &got, sizeof(got)),
			 -ENOENT);
	store_close(store);
}
END_TEST

START_TEST(store_one_owner)
{
	struct store *store, *second;
	struct stat st;

	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	log_set_level(LOG_LEVEL_ERR);
	ck_assert_int_eq(store_open(&second, in_dir("state"), NULL), -EBUSY);
	ck_assert_int_eq(stat(in_dir("state"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	ck_assert_int_eq(stat(in_dir("state/state.mdb"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	store_close(store);
	ck_assert_int_eq(store_open(&store, in_dir("no/such"), NULL), -ENOENT);
}
END_TEST

/* Both kinds of value survive a daemon that dies without a word. */
/* A link that whoever owns the folder left there: root would follow it. */
START_TEST(store_links)
{
	static const char *const names[] = {
		"state/lock", "state/state.mdb", "state/soft.mdb" };
	const char *name = names[_i], *other = in_dir("other");
	struct store *store;

	log_set_level(LOG_LEVEL_ERR);
	ck_assert_int_eq(mkdir(in_dir("state"), 0700), 0);
	ck_assert_int_eq(symlink(other, in_dir(name)), 0);
	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), -ELOOP);
	ck_assert_int_eq(access(other, F_OK), -1);
	ck_assert_int_eq(unlink(in_dir(name)), 0);
	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	store_close(store);
}
END_TEST

START_TEST(store_killed)
{
	struct store *store;
	uint32_t v = 7, got = 0;
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (store_open(&store, in_dir("state"), NULL) ||
		    store_put(store, "hard", &v, sizeof(v), true) ||
		    store_put(store, "soft", &v, sizeof(v), false))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	ck_assert_int_eq(store_get(store, "hard", &got, sizeof(got)), 0);
	ck_assert_int_eq(store_get(store, "soft", &got, sizeof(got)), 0);
	ck_assert_uint_eq(got, 7);
	store_close(store);
}
END_TEST

/* As if the machine had died in another boot: soft values are not trusted,
 * hard ones are. */
START_TEST(store_machine_died)
{
	static const char other_boot[36] = "some other boot";
	struct store *store;
	uint32_t v = 7, got = 0;
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (store_open(&store, in_dir("state"), NULL) ||
		    store_put(store, "hard", &v, sizeof(v), true) ||
		    store_put(store, "soft", &v, sizeof(v), false) ||
		    store_put(store, "store/soft-boot", other_boot,
			      sizeof(other_boot), true))
			_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	ck_assert_int_eq(store_get(store, "hard", &got, sizeof(got)), 0);
	ck_assert_int_eq(store_get(store, "soft", &got, sizeof(got)),
			 -ENOENT);
	store_close(store);
}
END_TEST

static void damage(const char *name, off_t keep, bool overwrite)
{
	static const char rubbish[8192] = "rubbish";
	int fd = open(in_dir(name), O_RDWR);

	ck_assert_int_ge(fd, 0);
	if (overwrite)
		ck_assert_int_eq(pwrite(fd, rubbish, sizeof(rubbish), 0),
				 sizeof(rubbish));
	else
		ck_assert_int_eq(ftruncate(fd, keep), 0);
	close(fd);
}

/* A broken file is moved aside, whichever way it broke. */
START_TEST(store_corrupt)
{
	struct store *store;
	uint32_t v = 7;
	bool fresh;
	int i;

	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	for (i = 0; i < 50; i++)
		ck_assert_int_eq(store_put(store, i % 2 ? "a" : "b", &v,
					   sizeof(v), true), 0);
	store_close(store);
	if (_i == 0)
		damage("state/state.mdb", 0, true);
	else
		damage("state/state.mdb", _i == 1 ? 100 : 8192, false);
	ck_assert_int_eq(store_open(&store, in_dir("state"), &fresh), 0);
	ck_assert(fresh);
	ck_assert_int_eq(access(in_dir("state/state.mdb.corrupt"), F_OK), 0);
	ck_assert_int_eq(store_get(store, "a", &v, sizeof(v)), -ENOENT);
	store_close(store);
}
END_TEST

/* Seen at once by us, on disk together or not at all. */
START_TEST(store_transaction)
{
	struct store *store;
	uint32_t v = 7, got = 0;
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (store_open(&store, in_dir("state"), NULL) ||
		    store_put(store, "before", &v, sizeof(v), true) ||
		    store_begin(store) ||
		    store_put(store, "a", &v, sizeof(v), true) ||
		    store_del(store, "before") ||
		    store_get(store, "a", &got, sizeof(got)) || got != 7 ||
		    store_get(store, "before", &got, 4) != -ENOENT)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	ck_assert_int_eq(store_get(store, "before", &got, sizeof(got)), 0);
	ck_assert_int_eq(store_get(store, "a", &got, sizeof(got)), -ENOENT);

	ck_assert_int_eq(store_commit(store), -EINVAL);
	ck_assert_int_eq(store_begin(store), 0);
	ck_assert_int_eq(store_begin(store), -EBUSY);
	ck_assert_int_eq(store_put(store, "a", &v, sizeof(v), true), 0);
	ck_assert_int_eq(store_put(store, "soft", &v, sizeof(v), false), 0);
	ck_assert_int_eq(store_del(store, "none"), -ENOENT);
	ck_assert_int_eq(store_del(store, "before"), 0);
	ck_assert_int_eq(store_commit(store), 0);
	store_close(store);

	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	ck_assert_int_eq(store_get(store, "a", &got, sizeof(got)), 0);
	ck_assert_int_eq(store_get(store, "soft", &got, sizeof(got)), 0);
	ck_assert_int_eq(store_get(store, "before", &got, sizeof(got)),
			 -ENOENT);
	/* closed in the midst of one */
	ck_assert_int_eq(store_begin(store), 0);
	ck_assert_int_eq(store_del(store, "a"), 0);
	store_close(store);
	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	ck_assert_int_eq(store_get(store, "a", &got, sizeof(got)), 0);
	store_close(store);
}
END_TEST

/* One put fails: commit says so, and the others are not kept. */
START_TEST(store_transaction_fails)
{
	struct store *store;
	uint32_t v = 7;

	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	ck_assert_int_eq(store_begin(store), 0);
	ck_assert_int_eq(store_put(store, "a", &v, sizeof(v), true), 0);
	/* LMDB has no empty keys */
	ck_assert_int_eq(store_put(store, "", &v, sizeof(v), true), -EIO);
	ck_assert_int_eq(store_put(store, "c", &v, sizeof(v), true), 0);
	ck_assert_int_eq(store_commit(store), -EIO);
	ck_assert_int_eq(store_get(store, "a", &v, sizeof(v)), -ENOENT);
	ck_assert_int_eq(store_begin(store), 0);
	ck_assert_int_eq(store_put(store, "a", &v, sizeof(v), true), 0);
	ck_assert_int_eq(store_commit(store), 0);
	ck_assert_int_eq(store_get(store, "a", &v, sizeof(v)), 0);
	store_close(store);
}
END_TEST

static void see_key(void *arg, const char *key, const void *val, size_t len)
{
	char *seen = arg;

	sprintf(seen + strlen(seen), "%s=%.*s,", key, (int)len,
		(const char *)val);
}

START_TEST(store_prefix)
{
	static const char *const keys[] = { "own/b", "own", "own/a", "owo",
					    "ow" };
	char seen[128] = "";
	struct store *store;
	size_t i;

	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(store_put(store, keys[i], keys[i],
					   strlen(keys[i]), true), 0);
	ck_assert_int_eq(store_put(store, "own/soft", "x", 1, false), 0);
	ck_assert_int_eq(store_each(store, "own/", see_key, seen), 0);
	ck_assert_str_eq(seen, "own/a=own/a,own/b=own/b,");
	seen[0] = '\0';
	ck_assert_int_eq(store_each(store, "zz", see_key, seen), 0);
	ck_assert_str_eq(seen, "");
	ck_assert_int_eq(store_begin(store), 0);
	ck_assert_int_eq(store_del(store, "own/a"), 0);
	ck_assert_int_eq(store_put(store, "own/c", "c", 1, true), 0);
	ck_assert_int_eq(store_each(store, "own/", see_key, seen), 0);
	ck_assert_str_eq(seen, "own/b=own/b,own/c=c,");
	ck_assert_int_eq(store_commit(store), 0);
	seen[0] = '\0';
	ck_assert_int_eq(store_del(store, "store/soft-boot"), 0);
	ck_assert_int_eq(store_each(store, "", see_key, seen), 0);
	ck_assert_str_eq(seen, "ow=ow,own=own,own/b=own/b,own/c=c,owo=owo,");
	store_close(store);
}
END_TEST

/* SAs */

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static struct sadb_conf sa_conf(uint32_t spi, uint8_t key)
{
	struct sadb_conf conf = {
		.spi = spi,
		.src = addr("2001:db8:1::100"),
		.dst = addr("2001:db8:1::1"),
		.alg = ESP_CHACHA20_POLY1305,
		.identity = "mn1@example.org",
	};

	snprintf(conf.name, sizeof(conf.name), "sa-%u", spi);
	memset(conf.key, key, sizeof(conf.key));
	return conf;
}

static const uint8_t mh_bytes[24] = { 59, 2, 5 };

static struct ip6_pkt pkt_of(const struct sadb_conf *conf, const uint8_t *esp,
			     ssize_t len)
{
	return (struct ip6_pkt){
		.src = addr("2001:db8:2::100"), .dst = conf->dst,
		.hao = conf->src, .has_hao = true, .proto = IP6_PROTO_ESP,
		.upper = esp, .upper_len = (size_t)len,
	};
}

static uint64_t iv_of(const uint8_t *esp)
{
	uint64_t iv;

	memcpy(&iv, esp + 8, sizeof(iv));
	return be64toh(iv);
}

/* What is opened in these tests is Mobility Headers, unless refused. */
static enum reason open_sadb(struct sadb *sadb, const struct ip6_pkt *pkt,
			     uint8_t *out, size_t cap, size_t *out_len,
			     struct sadb_sa **sa)
{
	uint8_t proto = 0;
	enum reason reason = sadb_open(sadb, pkt, out, cap, out_len, &proto,
				       sa);

	if (!reason)
		ck_assert_int_eq(proto, IP6_PROTO_MH);
	return reason;
}

static ssize_t seal(struct sadb *sadb, const struct sadb_conf *conf,
		    uint8_t *esp, size_t cap)
{
	return sadb_seal(sadb, sadb_out(sadb, &conf->src, &conf->dst), esp,
			 cap, IP6_PROTO_MH, mh_bytes, sizeof(mh_bytes));
}

START_TEST(sadb_seal_open)
{
	struct sadb_conf conf = sa_conf(0x1001, 1);
	uint8_t esp[128], out[128];
	struct sadb *mn, *ha;
	struct sadb_sa *sa;
	struct ip6_pkt pkt;
	size_t out_len;
	ssize_t n;

	ck_assert_int_eq(sadb_new(&mn, NULL), 0);
	ck_assert_int_eq(sadb_new(&ha, NULL), 0);
	ck_assert_int_eq(sadb_add(mn, &conf, false), 0);
	ck_assert_int_eq(sadb_add(ha, &conf, true), 0);
	n = seal(mn, &conf, esp, sizeof(esp));
	ck_assert_int_gt(n, (ssize_t)sizeof(mh_bytes));
	pkt = pkt_of(&conf, esp, n);
	ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out), &out_len, &sa),
			 REASON_NONE);
	ck_assert_uint_eq(out_len, sizeof(mh_bytes));
	ck_assert_mem_eq(out, mh_bytes, sizeof(mh_bytes));
	ck_assert_str_eq(sa->conf.identity, "mn1@example.org");
	ck_assert_uint_eq(sa->packets, 1);
	ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out), &out_len, &sa),
			 REASON_ESP_REPLAY);
	/* the sealing side has no inbound SA */
	ck_assert_int_eq(open_sadb(mn, &pkt, out, sizeof(out), &out_len, &sa),
			 REASON_ESP_UNKNOWN_SPI);
	ck_assert_ptr_null(sa);
	pkt.upper_len = 3;
	ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out), &out_len, &sa),
			 REASON_ESP_TRUNCATED);
	sa = sadb_in(ha, 0x1001);
	ck_assert_int_eq(sadb_seal(ha, sa, esp, sizeof(esp), IP6_PROTO_MH,
				   mh_bytes, 8),
			 -ENOENT);
	ck_assert_int_eq(sadb_seal(ha, NULL, esp, sizeof(esp), IP6_PROTO_MH,
				   mh_bytes, 8),
			 -ENOENT);
	sadb_free(mn);
	sadb_free(ha);
}
END_TEST

/* RFC 4301 5.2: an SA protects its own addresses alone. */
START_TEST(sadb_selectors)
{
	struct sadb_conf conf = sa_conf(0x1001, 1);
	uint8_t esp[128], out[128];
	struct sadb *mn, *ha;
	struct sadb_sa *sa;
	struct ip6_pkt pkt;
	size_t out_len;
	ssize_t n;

	ck_assert_int_eq(sadb_new(&mn, NULL), 0);
	ck_assert_int_eq(sadb_new(&ha, NULL), 0);
	ck_assert_int_eq(sadb_add(mn, &conf, false), 0);
	ck_assert_int_eq(sadb_add(ha, &conf, true), 0);
	n = seal(mn, &conf, esp, sizeof(esp));
	pkt = pkt_of(&conf, esp, n);
	pkt.hao = addr("2001:db8:1::200");
	ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out), &out_len, &sa),
			 REASON_ESP_SELECTOR);
	ck_assert_uint_eq(out_len, 0);
	n = seal(mn, &conf, esp, sizeof(esp));
	pkt = pkt_of(&conf, esp, n);
	pkt.has_rh2 = true;
	pkt.rh2 = addr("2001:db8:1::9");
	ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out), &out_len, &sa),
			 REASON_ESP_SELECTOR);
	sa = sadb_out(mn, &conf.src, &conf.dst);
	n = esp_seal(&sa->esp, esp, sizeof(esp), 17, mh_bytes, 24);
	pkt = pkt_of(&conf, esp, n);
	ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out), &out_len, &sa),
			 REASON_ESP_NEXT_HEADER);
	n = seal(mn, &conf, esp, sizeof(esp));
	esp[n - 1] ^= 1;
	pkt = pkt_of(&conf, esp, n);
	ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out), &out_len, &sa),
			 REASON_ESP_AUTH);
	sadb_free(mn);
	sadb_free(ha);
}
END_TEST

/* RFC 6275 5.1 and 5.4: Mobility Headers, and ICMPv6 unless IKE's peer wanted
 * none (_i: 1). */
START_TEST(sadb_uses)
{
	struct sadb_conf conf = sa_conf(0x1001, 1), narrow = conf;
	uint8_t esp[128], out[128], proto;
	struct sadb *mn, *ha;
	struct sadb_sa *sa;
	struct ip6_pkt pkt;
	size_t out_len;
	ssize_t n;

	narrow.mh_only = _i;
	ck_assert_int_eq(sadb_new(&mn, NULL), 0);
	ck_assert_int_eq(sadb_new(&ha, NULL), 0);
	ck_assert_int_eq(sadb_add_ike(mn, &conf, false, 1), 0);
	ck_assert_int_eq(sadb_add_ike(ha, &narrow, true, 1), 0);
	n = sadb_seal(mn, sadb_out(mn, &conf.src, &conf.dst), esp,
		      sizeof(esp), IP6_PROTO_ICMPV6, mh_bytes, 8);
	pkt = pkt_of(&conf, esp, n);
	ck_assert_int_eq(sadb_open(ha, &pkt, out, sizeof(out), &out_len,
				   &proto, &sa),
			 _i ? REASON_ESP_SELECTOR : REASON_NONE);
	ck_assert_uint_eq(out_len, _i ? 0 : 8);
	n = seal(mn, &conf, esp, sizeof(esp));
	pkt = pkt_of(&conf, esp, n);
	ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out), &out_len, &sa),
			 REASON_NONE);
	sadb_free(mn);
	ck_assert_int_eq(sadb_new(&mn, NULL), 0);
	ck_assert_int_eq(sadb_add_ike(mn, &narrow, false, 1), 0);
	n = sadb_seal(mn, sadb_out(mn, &conf.src, &conf.dst), esp,
		      sizeof(esp), IP6_PROTO_ICMPV6, mh_bytes, 8);
	if (_i)
		ck_assert_int_eq(n, -EPROTONOSUPPORT);
	else
		ck_assert_int_gt(n, 0);
	sadb_free(mn);
	sadb_free(ha);
}
END_TEST

START_TEST(sadb_taken)
{
	struct sadb_conf a = sa_conf(0x1001, 1), b = sa_conf(0x1002, 2);
	struct json_object *json, *list, *o, *v;
	struct sadb *sadb;

	log_set_level(LOG_LEVEL_ERR);
	ck_assert_int_eq(sadb_new(&sadb, NULL), 0);
	ck_assert_int_eq(sadb_add(sadb, &a, true), 0);
	ck_assert_int_eq(sadb_add(sadb, &a, true), -EEXIST);
	ck_assert_int_eq(sadb_add(sadb, &a, false), 0);
	ck_assert_int_eq(sadb_add(sadb, &b, false), -EEXIST);
	ck_assert_int_eq(sadb_add(sadb, &b, true), 0);
	a.spi = 0x1003;
	a.src = addr("2001:db8:1::300");
	ck_assert_int_eq(sadb_add(sadb, &a, false), -EKEYREJECTED);
	b.spi = 0x1004;
	b.src = addr("2001:db8:1::400");
	b.alg = ESP_CHACHA20_POLY1305;	/* another cipher is no excuse */
	ck_assert_int_eq(sadb_add(sadb, &b, true), -EKEYREJECTED);
	json = sadb_json(sadb);
	ck_assert(json_object_object_get_ex(json, "sas", &list));
	ck_assert_uint_eq(json_object_array_length(list), 3);
	o = json_object_array_get_idx(list, 0);
	ck_assert(json_object_object_get_ex(o, "spi", &v));
	ck_assert_int_eq(json_object_get_int64(v), 0x1001);
	ck_assert(!json_object_object_get_ex(o, "key", &v));
	json_object_put(json);
	sadb_del(sadb, sadb_in(sadb, 0x1002));
	ck_assert_int_eq(sadb_add(sadb, &b, true), 0);
	sadb_free(sadb);
}
END_TEST

static struct sadb *restart(struct sadb *sadb, struct store **store,
			    const struct sadb_conf *conf, bool inbound)
{
	sadb_free(sadb);
	store_close(*store);
	ck_assert_int_eq(store_open(store, in_dir("state"), NULL), 0);
	ck_assert_int_eq(sadb_new(&sadb, *store), 0);
	ck_assert_int_eq(sadb_add(sadb, conf, inbound), 0);
	return sadb;
}

/* Whatever happens to the name of an SA: no IV is used twice under one key. */
START_TEST(sadb_no_iv_twice)
{
	struct sadb_conf a = sa_conf(0x1001, 1), b = sa_conf(0x1001, 2);
	struct store *store = NULL;
	struct sadb *sadb = NULL;
	uint64_t last = 0, last_b = 0, iv;
	uint8_t esp[128];
	int run, i;

	for (run = 0; run < 4; run++) {
		sadb = restart(sadb, &store, &a, false);
		for (i = 0; i < 1500; i++) {
			ck_assert_int_gt(seal(sadb, &a, esp, sizeof(esp)), 0);
			iv = iv_of(esp);
			ck_assert_uint_gt(iv, last);
			last = iv;
		}
		/* another key for a while, then the first under a new SPI */
		sadb = restart(sadb, &store, &b, false);
		ck_assert_int_gt(seal(sadb, &b, esp, sizeof(esp)), 0);
		ck_assert_uint_gt(iv_of(esp), last_b);
		last_b = iv_of(esp);
		a.spi++;
	}
	sadb_free(sadb);
	store_close(store);
}
END_TEST

/* The same, where the daemon dies at any point. */
START_TEST(sadb_no_iv_twice_killed)
{
	struct sadb_conf conf = sa_conf(0x1001, 1);
	uint64_t last = 0, iv = 0;
	int fds[2], run, status;
	struct store *store;
	struct sadb *sadb;
	uint8_t esp[128];
	pid_t pid;

	for (run = 0; run < 3; run++) {
		ck_assert_int_eq(pipe(fds), 0);
		pid = fork();
		if (!pid) {
			store = NULL;
			sadb = restart(NULL, &store, &conf, false);
			for (iv = 0; iv < 1 + (uint64_t)run * 1024; iv++)
				if (seal(sadb, &conf, esp, sizeof(esp)) < 0 ||
				    write(fds[1], esp, 16) != 16)
					_exit(1);
			kill(getpid(), SIGKILL);
		}
		close(fds[1]);
		while (read(fds[0], esp, 16) == 16) {
			iv = iv_of(esp);
			ck_assert_uint_gt(iv, last);
			last = iv;
		}
		close(fds[0]);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
	}
}
END_TEST

/* The same, where the state folder was lost but the clock was not. */
START_TEST(sadb_no_iv_twice_state_lost)
{
	struct sadb_conf conf = sa_conf(0x1001, 1);
	struct store *store = NULL;
	struct sadb *sadb;
	uint8_t esp[128];
	uint64_t iv;

	sadb = restart(NULL, &store, &conf, false);
	ck_assert_int_gt(seal(sadb, &conf, esp, sizeof(esp)), 0);
	iv = iv_of(esp);
	sadb_free(sadb);
	store_close(store);
	store = NULL;
	ck_assert_int_eq(unlink(in_dir("state/state.mdb")), 0);
	sleep(1);
	sadb = restart(NULL, &store, &conf, false);
	ck_assert_int_gt(seal(sadb, &conf, esp, sizeof(esp)), 0);
	ck_assert_uint_gt(iv_of(esp), iv);
	sadb_free(sadb);
	store_close(store);
}
END_TEST

START_TEST(sadb_replay_after_restart)
{
	struct sadb_conf conf = sa_conf(0x1001, 1);
	uint8_t esp[200][128], out[128];
	struct store *store = NULL;
	struct sadb *mn, *ha = NULL;
	struct ip6_pkt pkt;
	struct sadb_sa *sa;
	size_t out_len;
	ssize_t n = 0;
	int i;

	ck_assert_int_eq(sadb_new(&mn, NULL), 0);
	ck_assert_int_eq(sadb_add(mn, &conf, false), 0);
	for (i = 0; i < 200; i++)
		n = seal(mn, &conf, esp[i], sizeof(esp[i]));
	ha = restart(ha, &store, &conf, true);
	for (i = 0; i < 150; i += 2) {
		pkt = pkt_of(&conf, esp[i], n);
		ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out),
					   &out_len, &sa), REASON_NONE);
	}
	ha = restart(ha, &store, &conf, true);
	for (i = 0; i < 149; i++) {
		pkt = pkt_of(&conf, esp[i], n);
		ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out),
					   &out_len, &sa), REASON_ESP_REPLAY);
	}
	for (; i < 200; i++) {
		pkt = pkt_of(&conf, esp[i], n);
		ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out),
					   &out_len, &sa), REASON_NONE);
	}
	sadb_free(mn);
	sadb_free(ha);
	store_close(store);
}
END_TEST

/* What a batch took is remembered by a daemon that dies after its commit. */
START_TEST(sadb_batch_killed)
{
	struct sadb_conf conf = sa_conf(0x1001, 1);
	uint8_t esp[20][128], out[128];
	struct store *store = NULL;
	struct sadb *mn, *ha;
	struct ip6_pkt pkt;
	struct sadb_sa *sa;
	int i, status;
	size_t out_len;
	ssize_t n = 0;
	pid_t pid;

	ck_assert_int_eq(sadb_new(&mn, NULL), 0);
	ck_assert_int_eq(sadb_add(mn, &conf, false), 0);
	for (i = 0; i < 20; i++)
		n = seal(mn, &conf, esp[i], sizeof(esp[i]));
	pid = fork();
	if (!pid) {
		ha = restart(NULL, &store, &conf, true);
		sadb_begin(ha);
		for (i = 0; i < 10; i++) {
			pkt = pkt_of(&conf, esp[i], n);
			if (open_sadb(ha, &pkt, out, sizeof(out), &out_len,
				      &sa))
				_exit(1);
		}
		sadb_commit(ha);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ha = restart(NULL, &store, &conf, true);
	for (i = 0; i < 20; i++) {
		pkt = pkt_of(&conf, esp[i], n);
		ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out),
					   &out_len, &sa),
				 i < 10 ? REASON_ESP_REPLAY : REASON_NONE);
	}
	sadb_free(mn);
	sadb_free(ha);
	store_close(store);
}
END_TEST

/*
 * An SA that goes fast: its blocks grow, so that the disk is asked seldom, and
 * sadb_sync() reserves the next one before it is needed.
 */
START_TEST(sadb_blocks_grow)
{
	struct sadb_conf conf = sa_conf(0x1001, 1);
	struct store *store = NULL;
	uint32_t before, blocks = 0, synced = 0;
	struct sadb *sadb;
	struct sadb_sa *sa;
	uint8_t esp[128];
	int i;

	sadb = restart(NULL, &store, &conf, false);
	sa = sadb_out(sadb, &conf.src, &conf.dst);
	ck_assert_uint_eq(sa->block, 0);
	ck_assert(sadb_sync_due(sadb));
	sadb_sync(sadb);
	ck_assert(!sadb_sync_due(sadb));
	ck_assert_uint_eq(sa->block, 1024);
	for (i = 0; i < 100000; i++) {
		before = sa->reserved;
		ck_assert_int_gt(seal(sadb, &conf, esp, sizeof(esp)), 0);
		blocks += sa->reserved != before;
		ck_assert_uint_le(sa->esp.seq, sa->reserved);
	}
	ck_assert_uint_le(blocks, 7);
	ck_assert_uint_ge(sa->block, 32768);
	ck_assert_uint_le(sa->block, 1 << 20);
	blocks = 0;
	for (i = 0; i < 300000; i++) {
		before = sa->reserved;
		ck_assert_int_gt(seal(sadb, &conf, esp, sizeof(esp)), 0);
		blocks += sa->reserved != before;
		if (!sadb_sync_due(sadb))
			continue;
		sadb_sync(sadb);
		synced++;
		ck_assert(!sadb_sync_due(sadb));
		ck_assert_uint_gt(sa->reserved, before);
	}
	ck_assert_uint_eq(blocks, 0);
	ck_assert_uint_ge(synced, 1);
	/* what sync reserved is on disk: never used again */
	before = sa->reserved;
	sadb = restart(sadb, &store, &conf, false);
	sa = sadb_out(sadb, &conf.src, &conf.dst);
	ck_assert_uint_ge(sa->esp.seq, before);
	sadb_sync(sadb);
	ck_assert_uint_eq(sa->block, 1024);
	/* and slow ones stay small */
	for (i = 0; i < 3; i++) {
		sa->reserved_at = mtime_sub(loop_now(), MTIME_SEC(61));
		sa->esp.seq = sa->reserved - 1;
		ck_assert_int_gt(seal(sadb, &conf, esp, sizeof(esp)), 0);
		sadb_sync(sadb);
		ck_assert_uint_eq(sa->block, 1024);
		ck_assert_uint_eq(sa->reserved - sa->esp.seq, 1024);
	}
	sadb_free(sadb);
	store_close(store);
}
END_TEST

/* The disk is full, or is not any more. */
static void set_disk_full(bool full)
{
	struct rlimit rl = { RLIM_INFINITY, RLIM_INFINITY };

	if (full)
		rl.rlim_cur = 0;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &rl), 0);
}

/* One under conf, from one who has sent so many before. */
static enum reason receive(struct sadb *ha, const struct sadb_conf *conf,
			   uint32_t before)
{
	uint8_t esp[128], out[128];
	struct ip6_pkt pkt;
	struct sadb_sa *sa;
	struct sadb *mn;
	size_t len;

	ck_assert_int_eq(sadb_new(&mn, NULL), 0);
	ck_assert_int_eq(sadb_add(mn, conf, false), 0);
	sadb_out(mn, &conf->src, &conf->dst)->esp.seq = before;
	pkt = pkt_of(conf, esp, seal(mn, conf, esp, sizeof(esp)));
	sadb_free(mn);
	return open_sadb(ha, &pkt, out, sizeof(out), &len, &sa);
}

/* A disk that fails in sadb_sync(): nothing counts as reserved, or as stored,
 * and all is still due. */
START_TEST(sadb_sync_fails)
{
	struct sadb_conf conf = sa_conf(0x1001, 1), back = sa_conf(0x1002, 2);
	struct store *store = NULL;
	struct sadb *sadb;
	struct sadb_sa *in, *out;
	uint8_t esp[128];
	uint32_t reserved;
	int i;

	sadb = restart(NULL, &store, &conf, false);
	ck_assert_int_eq(sadb_add(sadb, &back, true), 0);
	out = sadb_out(sadb, &conf.src, &conf.dst);
	in = sadb_in(sadb, 0x1002);
	for (i = 0; i < 1000; i++)
		ck_assert_int_gt(seal(sadb, &conf, esp, sizeof(esp)), 0);
	ck_assert_int_eq(receive(sadb, &back, 999), REASON_NONE);
	reserved = out->reserved;
	set_disk_full(true);
	sadb_sync(sadb);
	ck_assert_uint_eq(out->reserved, reserved);
	ck_assert_uint_eq(out->block, 1024);
	ck_assert_uint_eq(in->reserved, 0);
	for (; i < 1024; i++)
		ck_assert_int_gt(seal(sadb, &conf, esp, sizeof(esp)), 0);
	ck_assert_int_eq(seal(sadb, &conf, esp, sizeof(esp)), -EIO);
	set_disk_full(false);
	ck_assert(sadb_sync_due(sadb));
	sadb_sync(sadb);
	ck_assert(!sadb_sync_due(sadb));
	ck_assert_uint_gt(out->reserved, reserved);
	ck_assert_uint_eq(in->reserved, 1000);
	ck_assert_int_gt(seal(sadb, &conf, esp, sizeof(esp)), 0);
	sadb_free(sadb);
	store_close(store);
}
END_TEST

/* An SA that goes before its sync. */
START_TEST(sadb_due_deleted)
{
	struct sadb_conf conf = sa_conf(0x1001, 1);
	struct store *store = NULL;
	struct sadb *sadb = restart(NULL, &store, &conf, false);

	ck_assert(sadb_sync_due(sadb));
	sadb_del(sadb, sadb_out(sadb, &conf.src, &conf.dst));
	ck_assert(!sadb_sync_due(sadb));
	sadb_sync(sadb);
	sadb_free(sadb);
	store_close(store);
}
END_TEST

/* SIGHUP while nothing can be stored: what was seen stays seen. */
START_TEST(sadb_replay_after_reload)
{
	struct sadb_conf conf = sa_conf(0x1001, 1), renamed;
	struct store *store = NULL;
	struct sadb *old, *fresh;

	log_set_level(LOG_LEVEL_ERR);
	old = restart(NULL, &store, &conf, true);
	ck_assert_int_eq(receive(old, &conf, 9), REASON_NONE);
	set_disk_full(true);
	ck_assert_int_eq(receive(old, &conf, 99), REASON_NONE);
	ck_assert_int_eq(receive(old, &conf, 50), REASON_NONE);
	renamed = conf;
	renamed.spi = 0x1009;
	ck_assert_int_eq(sadb_new(&fresh, store), 0);
	ck_assert_int_eq(sadb_add(fresh, &renamed, true), 0);
	ck_assert_uint_eq(sadb_in(fresh, 0x1009)->esp.highest, 10);
	sadb_take_seen(fresh, old);
	sadb_free(old);
	ck_assert(sadb_sync_due(fresh));
	ck_assert_int_eq(receive(fresh, &renamed, 99), REASON_ESP_REPLAY);
	ck_assert_int_eq(receive(fresh, &renamed, 50), REASON_ESP_REPLAY);
	ck_assert_int_eq(receive(fresh, &renamed, 51), REASON_NONE);
	ck_assert_int_eq(receive(fresh, &renamed, 100), REASON_NONE);
	sadb_free(fresh);
	store_close(store);
}
END_TEST

/* The last numbers: used once, then never again, even after a restart. */
START_TEST(sadb_exhausted)
{
	struct sadb_conf conf = sa_conf(0x1001, 1);
	struct store *store = NULL;
	struct sadb *sadb;
	struct sadb_sa *sa;
	uint8_t esp[128];
	ssize_t n;

	sadb = restart(NULL, &store, &conf, false);
	sa = sadb_out(sadb, &conf.src, &conf.dst);
	ck_assert_int_gt(seal(sadb, &conf, esp, sizeof(esp)), 0);
	sa->esp.seq = sa->reserved = UINT32_MAX - 2;
	n = seal(sadb, &conf, esp, sizeof(esp));
	ck_assert_int_gt(n, 0);
	ck_assert_int_gt(seal(sadb, &conf, esp, sizeof(esp)), 0);
	ck_assert_int_eq(seal(sadb, &conf, esp, sizeof(esp)), -EOVERFLOW);
	sadb = restart(sadb, &store, &conf, false);
	ck_assert_int_eq(seal(sadb, &conf, esp, sizeof(esp)), -EOVERFLOW);
	sadb_free(sadb);
	store_close(store);
}
END_TEST

static int lines_with(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "r");
	char line[512];
	int n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	fclose(f);
	return n;
}

/* A store that cannot write: nothing goes out under a number not reserved, and
 * that is told once. */
START_TEST(sadb_store_fails)
{
	struct sadb_conf conf = sa_conf(0x1001, 1);
	struct store *store = NULL;
	struct sadb *sadb;
	uint8_t esp[128];
	int i;

	sadb = restart(NULL, &store, &conf, false);
	for (i = 0; i < 1024; i++)
		ck_assert_int_gt(seal(sadb, &conf, esp, sizeof(esp)), 0);
	log_set_level(LOG_LEVEL_INFO);
	ck_assert_ptr_nonnull(freopen(in_dir("log"), "w", stderr));
	setvbuf(stderr, NULL, _IOFBF, BUFSIZ);
	set_disk_full(true);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(seal(sadb, &conf, esp, sizeof(esp)), -EIO);
	set_disk_full(false);
	for (i = 0; i < 2000; i++)
		ck_assert_int_gt(seal(sadb, &conf, esp, sizeof(esp)), 0);
	fflush(stderr);
	ck_assert_int_eq(lines_with("log", "numbers are not on disk"), 1);
	ck_assert_int_eq(lines_with("log", "numbers are on disk again"), 1);
	sadb_free(sadb);
	store_close(store);
}
END_TEST

/* IKE's SAs: the other direction of sa_conf() */
static struct sadb_conf ike_conf(uint32_t spi)
{
	struct sadb_conf conf = sa_conf(spi, (uint8_t)spi);

	conf.src = addr("2001:db8:1::1");
	conf.dst = addr("2001:db8:1::100");
	return conf;
}

static uint32_t out_spi(struct sadb *sadb, const struct sadb_conf *conf)
{
	const struct sadb_sa *sa = sadb_out(sadb, &conf->src, &conf->dst);

	return sa ? sa->conf.spi : 0;
}

static struct sadb_sa *by_spi(struct sadb *sadb, uint32_t spi)
{
	struct sadb_conf conf = ike_conf(spi);

	return sadb_out_spi(sadb, &conf.src, &conf.dst, spi);
}

START_TEST(sadb_ike_newest)
{
	struct sadb_conf manual = ike_conf(0x999), conf;
	struct sadb *sadb;
	uint32_t spi;

	ck_assert_int_eq(sadb_new(&sadb, NULL), 0);
	for (spi = 0x101; spi <= 0x104; spi++) {
		conf = ike_conf(spi);
		ck_assert_int_eq(sadb_add_ike(sadb, &conf, false, 7), 0);
		ck_assert_uint_eq(out_spi(sadb, &conf), spi);
	}
	ck_assert_int_eq(sadb_add_ike(sadb, &conf, false, 8), -EEXIST);
	/* a manual one comes after all of IKE's, whenever it is added */
	ck_assert_int_eq(sadb_add(sadb, &manual, false), 0);
	ck_assert_int_eq(sadb_add(sadb, &manual, false), -EEXIST);
	ck_assert_int_eq(sadb_add_ike(sadb, &manual, false, 7), -EEXIST);
	ck_assert_uint_eq(out_spi(sadb, &conf), 0x104);
	sadb_del(sadb, by_spi(sadb, 0x104));		/* the head */
	ck_assert_uint_eq(out_spi(sadb, &conf), 0x103);
	sadb_del(sadb, by_spi(sadb, 0x102));		/* in the midst */
	sadb_expire(sadb, by_spi(sadb, 0x103));
	ck_assert_uint_eq(out_spi(sadb, &conf), 0x101);
	sadb_expire(sadb, by_spi(sadb, 0x101));
	ck_assert_uint_eq(out_spi(sadb, &conf), 0x999);
	sadb_del(sadb, by_spi(sadb, 0x999));		/* the end */
	ck_assert_uint_eq(out_spi(sadb, &conf), 0);
	sadb_del(sadb, by_spi(sadb, 0x101));
	sadb_del(sadb, by_spi(sadb, 0x103));
	ck_assert_ptr_null(by_spi(sadb, 0x103));
	sadb_free(sadb);
}
END_TEST

START_TEST(sadb_ike_reply)
{
	struct sadb_conf in = sa_conf(0x201, 1), in2 = sa_conf(0x202, 2);
	struct sadb_conf in_manual = sa_conf(0x203, 9);
	struct sadb_conf out = ike_conf(0x101), out2 = ike_conf(0x102);
	struct sadb_conf out_manual = ike_conf(0x103), more = ike_conf(0x104);
	struct sadb *sadb;

	ck_assert_int_eq(sadb_new(&sadb, NULL), 0);
	ck_assert_int_eq(sadb_add_ike(sadb, &in, true, 1), 0);
	ck_assert_int_eq(sadb_add_ike(sadb, &in2, true, 2), 0);
	ck_assert_int_eq(sadb_add(sadb, &in_manual, true), 0);
	ck_assert_ptr_null(sadb_reply(sadb, sadb_in(sadb, 0x201)));
	ck_assert_int_eq(sadb_add_ike(sadb, &out, false, 1), 0);
	ck_assert_ptr_null(sadb_reply(sadb, sadb_in(sadb, 0x203)));
	ck_assert_int_eq(sadb_add_ike(sadb, &more, false, 1), 0);
	ck_assert_int_eq(sadb_add_ike(sadb, &out2, false, 2), 0);
	ck_assert_int_eq(sadb_add(sadb, &out_manual, false), 0);
	ck_assert_uint_eq(sadb_reply(sadb, sadb_in(sadb, 0x201))->conf.spi,
			  0x104);
	ck_assert_uint_eq(sadb_reply(sadb, sadb_in(sadb, 0x202))->conf.spi,
			  0x102);
	ck_assert_uint_eq(sadb_reply(sadb, sadb_in(sadb, 0x203))->conf.spi,
			  0x103);
	sadb_expire(sadb, by_spi(sadb, 0x104));
	ck_assert_uint_eq(sadb_reply(sadb, sadb_in(sadb, 0x201))->conf.spi,
			  0x101);
	sadb_del(sadb, by_spi(sadb, 0x101));
	ck_assert_ptr_null(sadb_reply(sadb, sadb_in(sadb, 0x201)));
	sadb_free(sadb);
}
END_TEST

/* Nothing of it is stored, and after its lifetime nothing of it is left. */
START_TEST(sadb_ike_expired)
{
	static const uint8_t wiped[ESP_KEY_LEN];
	struct sadb_conf conf = sa_conf(0x1001, 1);
	char seen[512] = "";
	uint8_t esp[128], out[128];
	struct json_object *json, *list, *o, *v;
	struct store *store;
	struct sadb *mn, *ha;
	struct sadb_sa *sa;
	struct ip6_pkt pkt;
	size_t out_len;
	ssize_t n = 0;
	int i;

	ck_assert_int_eq(store_open(&store, in_dir("state"), NULL), 0);
	ck_assert_int_eq(sadb_new(&mn, store), 0);
	ck_assert_int_eq(sadb_new(&ha, store), 0);
	ck_assert_int_eq(sadb_add_ike(mn, &conf, false, 1), 0);
	ck_assert_int_eq(sadb_add_ike(ha, &conf, true, 2), 0);
	ck_assert_int_eq(sadb_add_ike(ha, &conf, true, 3), -EEXIST);
	for (i = 0; i < 2000; i++) {
		n = seal(mn, &conf, esp, sizeof(esp));
		ck_assert_uint_eq(iv_of(esp), (unsigned int)i + 1);
		pkt = pkt_of(&conf, esp, n);
		ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out),
					   &out_len, &sa), REASON_NONE);
	}
	ck_assert(!sadb_sync_due(ha));
	ck_assert_int_eq(store_del(store, "store/soft-boot"), 0);
	ck_assert_int_eq(store_each(store, "", see_key, seen), 0);
	ck_assert_str_eq(seen, "");

	n = seal(mn, &conf, esp, sizeof(esp));
	esp[n - 1] ^= 1;	/* it is not even looked at */
	pkt = pkt_of(&conf, esp, n);
	sa = sadb_out(mn, &conf.src, &conf.dst);
	sadb_expire(mn, sa);
	ck_assert_int_eq(sadb_seal(mn, sa, esp, sizeof(esp), IP6_PROTO_MH,
				   mh_bytes, 8),
			 -EKEYEXPIRED);
	sa = sadb_in(ha, 0x1001);
	sadb_expire(ha, sa);
	ck_assert_mem_eq(sa->esp.key, wiped, sizeof(wiped));
	ck_assert_mem_eq(sa->conf.key, wiped, sizeof(wiped));
	ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out), &out_len, &sa),
			 REASON_ESP_EXPIRED);
	ck_assert_str_eq(sa->conf.identity, "mn1@example.org");
	ck_assert_uint_eq(out_len, 0);
	json = sadb_json(ha);
	ck_assert(json_object_object_get_ex(json, "sas", &list));
	o = json_object_array_get_idx(list, 0);
	ck_assert(json_object_object_get_ex(o, "made", &v));
	ck_assert_str_eq(json_object_get_string(v), "ike");
	ck_assert(json_object_object_get_ex(o, "expired", &v));
	ck_assert(json_object_get_boolean(v));
	json_object_put(json);
	sadb_del(ha, sa);
	ck_assert_int_eq(open_sadb(ha, &pkt, out, sizeof(out), &out_len, &sa),
			 REASON_ESP_UNKNOWN_SPI);
	sadb_free(mn);
	sadb_free(ha);
	store_close(store);
}
END_TEST

static void see_spi(void *arg, struct sadb_sa *sa)
{
	char *seen = arg;

	sprintf(seen + strlen(seen), "%s%x ", sa->inbound ? "<" : ">",
		sa->conf.spi);
}

START_TEST(sadb_ike_taken_over)
{
	struct sadb_conf conf, manual = ike_conf(0x900);
	struct sadb_conf clash = sa_conf(0x201, 9);
	struct sadb *old, *fresh;
	char seen[256] = "";
	uint32_t i;

	ck_assert_int_eq(sadb_new(&old, NULL), 0);
	ck_assert_int_eq(sadb_new(&fresh, NULL), 0);
	ck_assert_int_eq(sadb_add(old, &manual, false), 0);
	for (i = 0; i < 3; i++) {
		conf = ike_conf(0x101 + i);
		ck_assert_int_eq(sadb_add_ike(old, &conf, false, 1), 0);
		conf = sa_conf(0x201 + i, 1);
		ck_assert_int_eq(sadb_add_ike(old, &conf, true, 1), 0);
	}
	conf = ike_conf(0x110);
	conf.dst = addr("2001:db8:1::200");
	ck_assert_int_eq(sadb_add_ike(old, &conf, false, 2), 0);
	manual.spi = 0x901;
	ck_assert_int_eq(sadb_add(fresh, &manual, false), 0);
	ck_assert_int_eq(sadb_add(fresh, &clash, true), 0);
	ck_assert_uint_eq(sadb_reply(old, sadb_in(old, 0x202))->conf.spi,
			  0x103);
	sadb_take_ike(fresh, old);
	sadb_each(old, see_spi, seen);
	ck_assert_str_eq(seen, ">900 ");
	seen[0] = '\0';
	sadb_each(fresh, see_spi, seen);
	ck_assert_str_eq(seen, "<201 <202 <203 >103 >102 >101 >901 >110 ");
	ck_assert_uint_eq(sadb_in(fresh, 0x201)->peer, 0);
	sadb_free(old);
	ck_assert_uint_eq(out_spi(fresh, &manual), 0x103);
	ck_assert_uint_eq(out_spi(fresh, &conf), 0x110);
	sadb_del(fresh, by_spi(fresh, 0x103));
	ck_assert_uint_eq(sadb_reply(fresh, sadb_in(fresh, 0x202))->conf.spi,
			  0x102);
	sadb_free(fresh);
}
END_TEST

/* Not a matter of minutes: a walk over all for each would be. */
START_TEST(sadb_ike_many)
{
	const uint32_t many = 100000;
	struct sadb_conf in = sa_conf(0, 1), out = ike_conf(0);
	struct sadb *sadb, *fresh;
	uint32_t i;

	ck_assert_int_eq(sadb_new(&sadb, NULL), 0);
	ck_assert_int_eq(sadb_new(&fresh, NULL), 0);
	for (i = 1; i <= many; i++) {
		in.spi = out.spi = 0x1000 + i;
		memcpy(&in.src.s6_addr[8], &i, sizeof(i));
		out.dst = in.src;
		ck_assert_int_eq(sadb_add_ike(sadb, &in, true, i), 0);
		ck_assert_int_eq(sadb_add_ike(sadb, &out, false, i), 0);
	}
	sadb_take_ike(fresh, sadb);
	for (i = 1; i <= many; i++) {
		struct sadb_sa *sa = sadb_in(fresh, 0x1000 + i);

		ck_assert_uint_eq(sadb_reply(fresh, sa)->peer, i);
		sadb_del(fresh, sadb_reply(fresh, sa));
		sadb_del(fresh, sa);
	}
	sadb_free(sadb);
	sadb_free(fresh);
}
END_TEST

/* Loop */

static struct loop loop;
static int fired[3], n_fired;

struct numbered {
	struct timer timer;
	int number;
};

static void on_fire(struct timer *timer, mtime now)
{
	struct numbered *n = (struct numbered *)timer;

	(void)now;
	fired[n_fired++] = n->number;
	if (n_fired == 3)
		loop_stop(&loop);
}

START_TEST(loop_timers)
{
	struct numbered t[4] = {
		{ { .fn = on_fire }, 0 }, { { .fn = on_fire }, 1 },
		{ { .fn = on_fire }, 2 }, { { .fn = on_fire }, 3 } };
	mtime start, end;

	n_fired = 0;
	ck_assert_int_eq(loop_init(&loop), 0);
	start = loop_now();
	timers_set(&loop.timers, &t[0].timer, mtime_add(start, MTIME_MS(30)));
	timers_set(&loop.timers, &t[1].timer, mtime_add(start, MTIME_MS(10)));
	timers_set(&loop.timers, &t[2].timer, mtime_sub(start, MTIME_SEC(1)));
	timers_set(&loop.timers, &t[3].timer, mtime_add(start, MTIME_MS(5)));
	timers_del(&loop.timers, &t[3].timer);
	ck_assert_int_eq(loop_run(&loop), 0);
	end = loop_now();
	ck_assert_int_eq(fired[0], 2);
	ck_assert_int_eq(fired[1], 1);
	ck_assert_int_eq(fired[2], 0);
	ck_assert(!mtime_before(end, mtime_add(start, MTIME_MS(30))));
	loop_fini(&loop);
}
END_TEST

struct pipe_end {
	struct loop_fd lf;
	int fd;
	char text[16];
};

static void on_pipe(void *arg)
{
	struct pipe_end *end = arg;

	if (read(end->fd, end->text, sizeof(end->text) - 1) < 0)
		return;
	/* the struct may go as soon as it is deleted */
	loop_fd_del(&end->lf);
	close(end->fd);
	strcpy(dir + 50, end->text);
	free(end);
	loop_stop(&loop);
}

START_TEST(loop_fds)
{
	struct pipe_end *end = calloc(1, sizeof(*end));
	struct loop_fd again;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(loop_init(&loop), 0);
	end->fd = fds[0];
	ck_assert_int_eq(loop_fd_add(&loop, &end->lf, fds[0], on_pipe, end),
			 0);
	ck_assert_int_eq(write(fds[1], "hello", 5), 5);
	ck_assert_int_eq(loop_run(&loop), 0);
	ck_assert_str_eq(dir + 50, "hello");
	ck_assert_int_ne(loop_fd_add(&loop, &again, -1, on_pipe, NULL), 0);
	loop_fd_del(&again);
	loop_fini(&loop);
	close(fds[1]);
}
END_TEST

static void on_hup(void *arg)
{
	*(int *)arg += 1;
	kill(getpid(), SIGTERM);
}

START_TEST(loop_signals)
{
	int hups = 0;

	ck_assert_int_eq(loop_init(&loop), 0);
	loop_on_hup(&loop, on_hup, &hups);
	kill(getpid(), SIGPIPE);
	kill(getpid(), SIGHUP);
	ck_assert_int_eq(loop_run(&loop), 0);
	ck_assert_int_eq(hups, 1);
	loop_fini(&loop);
}
END_TEST

/* Control socket. The client lives in a child process. */

static struct ctl *ctl;

static int cmd_echo(void *arg, struct json_object *request,
		    struct json_object *answer)
{
	struct json_object *v;

	(void)arg;
	if (!json_object_object_get_ex(request, "text", &v))
		return -EINVAL;
	json_object_object_add(answer, "text", json_object_get(v));
	return 0;
}

static int cmd_own_error(void *arg, struct json_object *request,
			 struct json_object *answer)
{
	(void)arg;
	(void)request;
	json_object_object_add(answer, "error",
			       json_object_new_string("not today"));
	return -EBUSY;
}

static int cmd_event(void *arg, struct json_object *request,
		     struct json_object *answer)
{
	(void)arg;
	(void)request;
	(void)answer;
	ctl_event(ctl, ctl_ev("moved", "from", "a/b", "to", (char *)NULL,
			      NULL));
	return 0;
}

static int cmd_big(void *arg, struct json_object *request,
		   struct json_object *answer)
{
	char *text = calloc(1, 3 << 20);

	(void)arg;
	(void)request;
	memset(text, 'x', (3 << 20) - 1);
	json_object_object_add(answer, "text", json_object_new_string(text));
	free(text);
	return 0;
}

static int cmd_flood(void *arg, struct json_object *request,
		     struct json_object *answer)
{
	int i;

	for (i = 0; i < 20000; i++)
		cmd_event(arg, request, answer);
	return 0;
}

static int cmd_stop(void *arg, struct json_object *request,
		    struct json_object *answer)
{
	(void)arg;
	(void)request;
	(void)answer;
	loop_stop(&loop);
	return 0;
}

static const struct ctl_cmd cmds[] = {
	{ "echo", cmd_echo }, { "own-error", cmd_own_error },
	{ "event", cmd_event }, { "big", cmd_big }, { "flood", cmd_flood },
	{ "stop", cmd_stop }, { NULL, NULL },
};

static FILE *dial(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", in_dir("c/sock"));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		return NULL;
	return fdopen(fd, "r+");
}

static const char *ask(FILE *f, const char *request)
{
	static char line[8192];

	fprintf(f, "%s\n", request);
	fflush(f);
	return fgets(line, sizeof(line), f) ? line : "(hung up)\n";
}

/* Runs the server until client() in a child has said "stop". */
static void with_server(void (*client)(void))
{
	FILE *f;
	int status;
	pid_t pid;

	ck_assert_int_eq(loop_init(&loop), 0);
	ck_assert_int_eq(ctl_open(&ctl, &loop, in_dir("c/sock"), cmds, NULL),
			 0);
	pid = fork();
	if (!pid) {
		client();
		f = dial();
		if (!f)
			_exit(1);
		ask(f, "{\"cmd\":\"stop\"}");
		_exit(0);
	}
	ck_assert_int_eq(loop_run(&loop), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ctl_close(ctl);
	loop_fini(&loop);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(access(in_dir("c/sock"), F_OK), -1);
}

/* In the child: a wrong answer ends it, and the server with it. */
static void expect(const char *got, const char *want)
{
	if (!strcmp(got, want))
		return;
	fprintf(stderr, "got:  %swant: %s", got, want);
	kill(getppid(), SIGTERM);
	_exit(1);
}

static void client_commands(void)
{
	static const char bad[] = "{\"ok\":false,\"error\":\"a request is "
		"{\\\"cmd\\\":NAME} in one line\"}\n";
	FILE *f = dial();
	char line[128];

	expect(ask(f, "{\"cmd\":\"echo\",\"text\":\"a/b\"}"),
	       "{\"ok\":true,\"text\":\"a/b\"}\n");
	expect(ask(f, "{\"cmd\":\"echo\"}"),
	       "{\"ok\":false,\"error\":\"Invalid argument\"}\n");
	expect(ask(f, "{\"cmd\":\"own-error\"}"),
	       "{\"ok\":false,\"error\":\"not today\"}\n");
	expect(ask(f, "{\"cmd\":\"dance\"}"),
	       "{\"ok\":false,\"error\":\"not a command of this daemon\"}\n");
	expect(ask(f, "{\"cmd\":1}"), bad);
	expect(ask(f, "[]"), bad);
	expect(ask(f, "{"), bad);
	expect(ask(f, "{\"cmd\":\"echo\"} trailing"), bad);
	/* two at once are answered in turn */
	expect(ask(f, "{\"cmd\":\"dance\"}\n\n{\"cmd\":\"own-error\"}"),
	       "{\"ok\":false,\"error\":\"not a command of this daemon\"}\n");
	expect(fgets(line, sizeof(line), f),
	       "{\"ok\":false,\"error\":\"not today\"}\n");
	fclose(f);
}

START_TEST(ctl_commands)
{
	with_server(client_commands);
}
END_TEST

static void client_limits(void)
{
	char line[8192] = "";
	FILE *many[70], *f = dial();
	int i, hung_up = 0;

	memset(line, 'x', 5000);
	expect(ask(f, line),
	       "{\"ok\":false,\"error\":\"request is too long\"}\n");
	expect(fgets(line, sizeof(line), f) ? "more" : "", "");
	fclose(f);
	for (i = 0; i < 70; i++)
		many[i] = dial();
	for (i = 0; i < 70; i++)
		hung_up += !!strstr(ask(many[i], "{\"cmd\":\"dance\"}"),
				    "too many clients");
	snprintf(line, sizeof(line), "%d\n", hung_up);
	expect(line, "6\n");
	for (i = 0; i < 70; i++)
		fclose(many[i]);
}

START_TEST(ctl_limits)
{
	with_server(client_limits);
}
END_TEST

/* 20 answers of 3 MiB each to one who asks first and reads later */
static void client_slow(void)
{
	FILE *f = dial();
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int i;

	for (i = 0; i < 20; i++)
		fputs("{\"cmd\":\"big\"}\n", f);
	fflush(f);
	usleep(50000);
	for (i = 0; i < 20; i++) {
		n = getline(&line, &cap, f);
		expect(n > 3 << 20 ? "big" : "small", "big");
	}
	free(line);
	fclose(f);
}

START_TEST(ctl_slow_reader)
{
	with_server(client_slow);
}
END_TEST

static void client_monitor(void)
{
	FILE *m = dial(), *f = dial();
	struct json_object *ev, *v;
	char line[256];
	int i;

	expect(ask(m, "{\"cmd\":\"monitor\"}"), "{\"ok\":true}\n");
	expect(ask(f, "{\"cmd\":\"event\"}"), "{\"ok\":true}\n");
	if (!fgets(line, sizeof(line), m))
		expect("nothing", "an event");
	expect(strtok(line, ","), "{\"event\":\"moved\"");
	expect(strtok(NULL, ","), "\"from\":\"a/b\"");
	expect(strtok(NULL, ","), "\"to\":null");
	expect(ask(f, "{\"cmd\":\"event\"}"), "{\"ok\":true}\n");
	if (!fgets(line, sizeof(line), m))
		expect("nothing", "an event");
	ev = json_tokener_parse(line);
	expect(json_object_object_get_ex(ev, "time", &v) &&
	       json_object_get_double(v) > 1.6e9 ? "time" : "none", "time");
	json_object_put(ev);
	/* it does not read: cut off, while the other one goes on */
	for (i = 0; i < 2; i++)
		expect(ask(f, "{\"cmd\":\"flood\"}"), "{\"ok\":true}\n");
	for (i = 0; fgets(line, sizeof(line), m); i++)
		;
	expect(i < 40000 ? "cut off" : "all", "cut off");
	fclose(m);
	fclose(f);
}

START_TEST(ctl_monitor)
{
	with_server(client_monitor);
}
END_TEST

START_TEST(ctl_stale_socket)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct ctl *second;
	struct stat st;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", in_dir("sock"));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	ck_assert_int_eq(loop_init(&loop), 0);
	ck_assert_int_eq(ctl_open(&ctl, &loop, in_dir("sock"), cmds, NULL),
			 0);
	ck_assert_int_eq(stat(in_dir("sock"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	ck_assert_int_eq(ctl_open(&second, &loop, in_dir("sock"), cmds, NULL),
			 -EADDRINUSE);
	write_file("file", "precious");
	ck_assert_int_eq(ctl_open(&second, &loop, in_dir("file"), cmds, NULL),
			 -ENOTSOCK);
	ck_assert_int_eq(access(in_dir("file"), F_OK), 0);
	ck_assert(!ctl_heard(NULL) && !ctl_heard(ctl));
	ctl_event(NULL, ctl_ev("nobody", NULL));
	ctl_close(ctl);
	loop_fini(&loop);
}
END_TEST

START_TEST(count_all)
{
	struct json_object *json, *o, *v;
	int i;

	count(COUNT_BU_SENT);
	count(COUNT_BU_SENT);
	ck_assert_uint_eq(count_get(COUNT_BU_SENT), 2);
	for (i = 0; i < 30; i++)
		count_refusal(REASON_BU_SEQ, "HoA %s", "2001:db8::1");
	ck_assert_uint_eq(count_refused(REASON_BU_SEQ), 30);
	json = count_json();
	ck_assert(json_object_object_get_ex(json, "refused", &o));
	ck_assert_int_eq(json_object_object_length(o), REASON__MAX - 1);
	ck_assert(json_object_object_get_ex(o, "bu_seq", &v));
	ck_assert_int_eq(json_object_get_int64(v), 30);
	ck_assert(json_object_object_get_ex(json, "events", &o));
	ck_assert_int_eq(json_object_object_length(o), COUNT__MAX);
	ck_assert(json_object_object_get_ex(o, "bu_sent", &v));
	ck_assert_int_eq(json_object_get_int64(v), 2);
	json_object_put(json);
}
END_TEST

static int count_lines(const char *path, const char *word)
{
	char line[2048];
	FILE *f = fopen(path, "r");
	int n = 0;

	while (fgets(line, sizeof(line), f))
		n += !!strstr(line, word);
	fclose(f);
	return n;
}

/* At most 10 lines a second; this may run across a second's end. */
START_TEST(count_rate)
{
	int i, n;

	log_set_level(LOG_LEVEL_INFO);
	ck_assert_ptr_nonnull(freopen(in_dir("log"), "w", stderr));
	for (i = 0; i < 1000; i++)
		count_refusal(REASON_BU_SEQ, "HoA %s", "2001:db8::1");
	fflush(stderr);
	n = count_lines(in_dir("log"), "refused: bu_seq (sequence number out "
			"of window): HoA 2001:db8::1");
	ck_assert_int_ge(n, 10);
	ck_assert_int_le(n, 20);
}
END_TEST

static int looked_at;

static int look(void)
{
	return ++looked_at;
}

/* Arguments of a line that nobody sees are not computed. */
START_TEST(log_levels)
{
	int i;

	ck_assert_ptr_nonnull(freopen(in_dir("log"), "w", stderr));
	log_set_level(LOG_LEVEL_INFO);
	log_debug("unseen %d", look());
	ck_assert_int_eq(looked_at, 0);
	ck_assert(!log_wanted(LOG_LEVEL_DEBUG));
	log_at(LOG_LEVEL_INFO, "seen %d", look());
	ck_assert_int_eq(looked_at, 1);
	for (i = 0; i < 1000; i++)
		count_refusal(REASON_BU_SEQ, "HoA %d", look());
	ck_assert_int_ge(looked_at, 11);
	ck_assert_int_le(looked_at, 21);	/* across a second's end */
	log_set_level(LOG_LEVEL_WARN);
	looked_at = 0;
	count_refusal(REASON_BU_NOT_OWNER, "HoA %d", look());
	ck_assert_int_eq(looked_at, 0);
	ck_assert_uint_eq(count_refused(REASON_BU_NOT_OWNER), 1);
	log_set_level(LOG_LEVEL_ERR);
	fflush(stderr);
	ck_assert_int_eq(count_lines(in_dir("log"), ": seen 1"), 1);
	ck_assert_int_eq(count_lines(in_dir("log"), "unseen"), 0);
}
END_TEST

static TCase *tcase(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return tc;
}

static void add_conf(Suite *s)
{
	TCase *tc = tcase(s, "conf");

	tcase_add_test(tc, conf_good);
	tcase_add_test(tc, conf_bad);
	tcase_add_test(tc, conf_missing);
	tcase_add_test(tc, conf_long_line);
	tcase_add_test(tc, conf_dropins);
	tcase_add_test(tc, conf_sa_secrets);
	tcase_add_test(tc, conf_section_close);
	tcase_add_loop_test(tc, conf_seconds, 0, sizeof(seconds_cases) /
			    sizeof(seconds_cases[0]));
	tcase_add_test(tc, conf_values);
}

static void add_state(Suite *s)
{
	TCase *tc = tcase(s, "store");

	tcase_add_test(tc, store_basic);
	tcase_add_test(tc, store_soft_transaction);
	tcase_add_test(tc, store_one_owner);
	tcase_add_loop_test(tc, store_links, 0, 3);
	tcase_add_test(tc, store_killed);
	tcase_add_test(tc, store_machine_died);
	tcase_add_loop_test(tc, store_corrupt, 0, 3);
	tcase_add_test(tc, store_transaction);
	tcase_add_test(tc, store_transaction_fails);
	tcase_add_test(tc, store_prefix);
	tc = tcase(s, "sadb");
	tcase_add_test(tc, sadb_seal_open);
	tcase_add_test(tc, sadb_selectors);
	tcase_add_loop_test(tc, sadb_uses, 0, 2);
	tcase_add_test(tc, sadb_taken);
	tcase_add_test(tc, sadb_no_iv_twice);
	tcase_add_test(tc, sadb_no_iv_twice_killed);
	tcase_add_test(tc, sadb_no_iv_twice_state_lost);
	tcase_add_test(tc, sadb_replay_after_restart);
	tcase_add_test(tc, sadb_batch_killed);
	tcase_add_test(tc, sadb_blocks_grow);
	tcase_add_test(tc, sadb_sync_fails);
	tcase_add_test(tc, sadb_due_deleted);
	tcase_add_test(tc, sadb_replay_after_reload);
	tcase_add_test(tc, sadb_exhausted);
	tcase_add_test(tc, sadb_store_fails);
	tcase_add_test(tc, sadb_ike_newest);
	tcase_add_test(tc, sadb_ike_reply);
	tcase_add_test(tc, sadb_ike_expired);
	tcase_add_test(tc, sadb_ike_taken_over);
	tcase_add_test(tc, sadb_ike_many);
}

static void add_loop(Suite *s)
{
	TCase *tc = tcase(s, "loop");

	tcase_add_test(tc, loop_timers);
	tcase_add_test(tc, loop_fds);
	tcase_add_test(tc, loop_signals);
	tc = tcase(s, "ctl");
	tcase_add_test(tc, ctl_commands);
	tcase_add_test(tc, ctl_limits);
	tcase_add_test(tc, ctl_slow_reader);
	tcase_add_test(tc, ctl_monitor);
	tcase_add_test(tc, ctl_stale_socket);
	tc = tcase(s, "count");
	tcase_add_test(tc, count_all);
	tcase_add_test(tc, count_rate);
	tcase_add_test(tc, log_levels);
}

int main(void)
{
	Suite *s = suite_create("core");
	SRunner *sr = srunner_create(s);
	int failed;

	add_conf(s);
	add_state(s);
	add_loop(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
