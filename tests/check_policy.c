/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy: its rules, its file, and that the example is what is built in. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mn/policy.h"

static char dir[64];
static struct policy policy;

static void setup(void)
{
	strcpy(dir, "/tmp/check_policy.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	memset(&policy, 0, sizeof(policy));
}

static void teardown(void)
{
	char cmd[96];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	ck_assert_int_eq(system(cmd), 0);
}

static const char *in_dir(const char *name)
{
	static char path[2][160];
	static unsigned int turn;
	char *p = path[turn++ % 2];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	fclose(f);
}

/* What policy_load() says of the file, without the folder's name. */
static int load(char *errs, size_t len)
{
	char *text = NULL, *p, *out = errs;
	size_t n, skip = strlen(dir) + 1;
	FILE *f = open_memstream(&text, &n);
	int err = policy_load(&policy, in_dir("p.conf"), f);

	fclose(f);
	for (p = text; *p && out < errs + len - 1;) {
		if (!strncmp(p, dir, strlen(dir)))
			p += skip;
		else
			*out++ = *p++;
	}
	*out = '\0';
	free(text);
	return err;
}

static void load_good(const char *text)
{
	char errs[4096];
	int err;

	write_file("p.conf", text);
	err = load(errs, sizeof(errs));
	ck_assert_str_eq(errs, "");
	ck_assert_int_eq(err, 0);
}

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

/* A flow, and the rule that is to hold for it. */
struct match_case {
	const char *dst, *comm, *cgroup;
	uint16_t port;
	uint8_t protocol;
	bool mptcp;
	uint32_t uid, gid;
	const char *rule;	/* NULL: none */
};

static void expect(const struct match_case *c)
{
	struct policy_flow f = {
		.dst = addr(c->dst ? c->dst : "2001:db8::1"),
		.port = c->port, .protocol = c->protocol, .mptcp = c->mptcp,
		.uid = c->uid, .gid = c->gid,
		.comm = c->comm ? c->comm : "",
		.cgroup = c->cgroup ? c->cgroup : "",
	};
	int i = policy_match(&policy, &f);

	ck_assert_msg((i < 0 && !c->rule) ||
		      (i >= 0 && c->rule &&
		       !strcmp(policy.rules[i].name, c->rule)),
		      "%s %s %u %u %s: rule %s, not %s", f.comm, f.cgroup,
		      f.port, f.protocol, c->dst ? c->dst : "",
		      i < 0 ? "none" : policy.rules[i].name,
		      c->rule ? c->rule : "none");
}

static const char conditions[] =
	"[rule command]\ncommand = fifteen-letters\ncommand = b\n"
	"service = session-lasting\n"
	"[rule user]\nuser = 1000\nservice = nonpersistent\n"
	"[rule group]\ngroup = 2000\nservice = nonpersistent\n"
	"[rule cgroup]\ncgroup = /a.slice/b*.scope\nservice = fixed\n"
	"[rule instance]\nunit = my-vpn@home.service\nservice = fixed\n"
	"[rule unit]\nunit = x.service\nservice = fixed\n"
	"[rule user-unit]\nuser-unit = app-*.scope\nservice = fixed\n"
	"[rule ports]\nprotocol = udp\nport = 100-200\nservice = fixed\n"
	"[rule deep]\ncgroup = /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15\n"
	"service = fixed\n"
	"[rule tcp]\nprotocol = tcp\nport = 65535\nservice = fixed\n"
	"[rule one]\nport = 1\nservice = fixed\n"
	"[rule quic]\nprotocol = quic\nservice = nonpersistent\n"
	"[rule quic-8443]\nprotocol = quic\nport = 8443\n"
	"service = nonpersistent\n"
	"[rule mptcp]\nprotocol = mptcp\nservice = graceful-replacement\n"
	"[rule host]\ndestination = 2001:db8:1::5/128\nservice = fixed\n"
	"[rule net]\ndestination = 2001:db8:1:8000::/49\nservice = fixed\n";

#define APP "/user.slice/user-1000.slice/user@1000.service/app.slice/"

static const struct match_case match_cases[] = {
	{ .rule = NULL },
	{ .comm = "fifteen-letters", .rule = "command" },
	{ .comm = "fifteen-letter", .rule = NULL },
	{ .comm = "b", .rule = "command" },
	{ .comm = "bb", .rule = NULL },
	{ .uid = 1000, .rule = "user" },
	{ .uid = 2000, .gid = 1000, .rule = NULL },
	{ .gid = 2000, .rule = "group" },
	{ .cgroup = "/a.slice/b.scope", .rule = "cgroup" },
	{ .cgroup = "/a.slice/b1.scope/below/it", .rule = "cgroup" },
	{ .cgroup = "/a.slice/b1.scope2", .rule = NULL },
	{ .cgroup = "/a.slice/c.scope", .rule = NULL },
	{ .cgroup = "/a.slice", .rule = NULL },
	{ .cgroup = "/", .rule = NULL },
	{ .cgroup = "/x/a.slice/b.scope", .rule = NULL },
	{ .cgroup = "/system.slice/x.service", .rule = "unit" },
	{ .cgroup = "/system.slice/x.service/y", .rule = "unit" },
	{ .cgroup = APP "x.service", .rule = NULL },
	{ .cgroup = "/system.slice/system-my\\x2dvpn.slice/"
		    "my-vpn@home.service", .rule = "instance" },
	{ .cgroup = APP "app-gnome-1.scope", .rule = "user-unit" },
	{ .cgroup = APP "app-1.service", .rule = NULL },
	{ .port = 99, .protocol = IPPROTO_UDP, .rule = NULL },
	{ .port = 100, .protocol = IPPROTO_UDP, .rule = "ports" },
	{ .port = 200, .protocol = IPPROTO_UDP, .rule = "ports" },
	{ .port = 201, .protocol = IPPROTO_UDP, .rule = NULL },
	{ .port = 100, .protocol = IPPROTO_TCP, .rule = NULL },
	{ .port = 65535, .protocol = IPPROTO_TCP, .rule = "tcp" },
	{ .port = 65534, .protocol = IPPROTO_TCP, .rule = NULL },
	{ .port = 1, .protocol = IPPROTO_TCP, .rule = "one" },
	{ .port = 1, .protocol = IPPROTO_UDP, .rule = "one" },
	{ .port = 0, .protocol = IPPROTO_UDP, .rule = NULL },
	{ .port = 443, .protocol = IPPROTO_UDP, .rule = "quic" },
	{ .port = 443, .protocol = IPPROTO_TCP, .rule = NULL },
	{ .port = 8443, .protocol = IPPROTO_UDP, .rule = "quic-8443" },
	{ .protocol = IPPROTO_TCP, .mptcp = true, .rule = "mptcp" },
	{ .protocol = IPPROTO_TCP, .rule = NULL },
	{ .dst = "2001:db8:1::5", .rule = "host" },
	{ .dst = "2001:db8:1::4", .rule = NULL },
	{ .dst = "2001:db8:1:8000::1", .rule = "net" },
	{ .dst = "2001:db8:1:ffff::1", .rule = "net" },
	{ .dst = "2001:db8:1:7fff::1", .rule = NULL },
	{ .dst = "2001:db8:2:8000::1", .rule = NULL },
	{ .dst = "::", .rule = NULL },
	/* the first that fits */
	{ .comm = "b", .uid = 1000, .rule = "command" },
	{ .uid = 1000, .gid = 2000, .rule = "user" },
	{ .port = 100, .protocol = IPPROTO_UDP, .gid = 2000, .rule = "group" },
};

START_TEST(match)
{
	size_t i;

	load_good(conditions);
	for (i = 0; i < sizeof(match_cases) / sizeof(*match_cases); i++)
		expect(&match_cases[i]);
}
END_TEST

/* All conditions of a rule must hold. */
START_TEST(match_all)
{
	static const struct match_case cases[] = {
		{ "2001:db8::1", "c", "/g", 7, IPPROTO_TCP, true, 1, 2, "r" },
		{ "2001:db9::1", "c", "/g", 7, IPPROTO_TCP, true, 1, 2, NULL },
		{ "2001:db8::1", "d", "/g", 7, IPPROTO_TCP, true, 1, 2, NULL },
		{ "2001:db8::1", "c", "/h", 7, IPPROTO_TCP, true, 1, 2, NULL },
		{ "2001:db8::1", "c", "", 7, IPPROTO_TCP, true, 1, 2, NULL },
		{ "2001:db8::1", "c", "/g", 8, IPPROTO_TCP, true, 1, 2, NULL },
		{ "2001:db8::1", "c", "/g", 7, IPPROTO_TCP, false, 1, 2, NULL },
		{ "2001:db8::1", "c", "/g", 7, IPPROTO_TCP, true, 2, 2, NULL },
		{ "2001:db8::1", "c", "/g", 7, IPPROTO_TCP, true, 1, 1, NULL },
	};
	size_t i;

	load_good("[rule r]\ncommand = c\nuser = 1\ngroup = 2\ncgroup = /g\n"
		  "protocol = mptcp\nport = 7\ndestination = 2001:db8::/32\n"
		  "service = graceful-replacement\n");
	ck_assert_uint_eq(policy.n_rules, 1);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect(&cases[i]);
	/* a rule without conditions fits everything */
	load_good("[rule all]\nservice = fixed\n");
	expect(&(struct match_case){ .rule = "all" });
	ck_assert_int_eq(policy.rules[0].match.flags, 0);
	load_good("[rule all]\ndestination = ::/0\nservice = fixed\n");
	expect(&(struct match_case){ .dst = "::", .rule = "all" });
}
END_TEST

static const struct glob_case {
	const char *pattern, *name;
	bool fits;
} glob_cases[] = {
	{ "a", "a", true }, { "a", "b", false }, { "a", "ab", false },
	{ "ab", "a", false }, { "*", "", true }, { "", "", true },
	{ "", "a", false }, { "?", "a", true }, { "?", "", false },
	{ "a*c", "abbc", true }, { "a*c", "abcb", false },
	{ "a*bc*d", "abbcbcxd", true }, { "*.service", ".service", true },
	{ "**a", "ba", true }, { "[a]", "a", false }, { "\\*", "\\b", true },
	{ "a*", "b", false },
};

START_TEST(glob)
{
	const struct glob_case *c = &glob_cases[_i];

	ck_assert_int_eq(policy_glob(c->pattern, strlen(c->pattern), c->name,
				     strlen(c->name)), c->fits);
}
END_TEST

/* What would take others an age: users choose the names. */
START_TEST(glob_slow)
{
	char name[255];

	memset(name, 'a', sizeof(name));
	ck_assert(!policy_glob("*a*a*a*a*a*a*a*a*a*a*b", 22, name,
			       sizeof(name)));
}
END_TEST

START_TEST(settings)
{
	load_good("");
	ck_assert_uint_eq(policy.n_rules, 0);
	ck_assert_int_eq(policy.dflt, SERVICE_SESSION_LASTING);
	ck_assert(policy.reset_nonpersistent && policy.reset_lost);
	ck_assert_int_eq(policy.grace.ns, MTIME_SEC(30).ns);
	load_good("[policy]\ndefault = none\nreset-nonpersistent = no\n"
		  "reset-lost = no\ngraceful-replacement = 500ms\n");
	ck_assert_int_eq(policy.dflt, SERVICE_NONE);
	ck_assert(!policy.reset_nonpersistent && !policy.reset_lost);
	ck_assert_int_eq(policy.grace.ns, MTIME_MS(500).ns);
	load_good("[policy]\ndefault = nonpersistent\n");
	ck_assert_int_eq(policy.dflt, SERVICE_NONPERSISTENT);
}
END_TEST

static const char bad[] =
	"[policy]\n"
	"default = lasting\n"				/* 2 */
	"reset-lost = maybe\n"
	"graceful-replacement = soon\n"
	"colour = red\n"
	"[rule a]\n"					/* 6 */
	"command = sixteen-letters!\n"
	"command =\n"
	"user = no-such-user\n"
	"group = no-such-group\n"
	"cgroup = system.slice\n"
	"cgroup = /b\n"
	"protocol = sctp\n"
	"port = 0\n"
	"destination = 2001:db8::1/32\n"
	"service = none\n"
	"[rule b]\n"					/* 17 */
	"port = 5-4\n"
	"[rule c]\n"
	"port = 1-65536\n"
	"service = fixed\n"
	"[rule d]\n"					/* 22 */
	"port = 1-2-3\n"
	"unit = ssh\n"
	"service = fixed\n"
	"[rule e]\n"					/* 26 */
	"cgroup = /a/../b\n"
	"service = fixed\n"
	"[rule e]\n"
	"service = fixed\n"
	"[rule]\n"					/* 31 */
	"[rule the-name-of-this-rule-is-too-long]\n"
	"[rule f]\n"
	"cgroup = /1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16\n"
	"service = fixed\n"
	"[rule g]\n"					/* 36 */
	"cgroup = /\n"
	"service = fixed\n"
	"service = fixed\n"
	"[allow]\n"					/* 40 */
	"fixed = no-such-user\n"
	"fixed = @no-such-group\n"
	"everything = root\n"
	"[else]\n";

static const char bad_errors[] =
	"p.conf:2: default: 'lasting' is none of fixed, session-lasting, "
	"nonpersistent, graceful-replacement\n"
	"p.conf:3: reset-lost: 'maybe' is neither yes nor no\n"
	"p.conf:4: graceful-replacement: 'soon' is not a time: 10, 1.5, 500ms, "
	"2m, 1h (at most 100000h)\n"
	"p.conf:5: unknown key colour in [policy]\n"
	"p.conf:7: command: not of 1 to 15 characters (ps -o comm shows what "
	"the kernel keeps of a name)\n"
	"p.conf:8: command: not of 1 to 15 characters (ps -o comm shows what "
	"the kernel keeps of a name)\n"
	"p.conf:9: user: there is no user 'no-such-user'\n"
	"p.conf:10: group: there is no group 'no-such-group'\n"
	"p.conf:11: cgroup: 'system.slice' is not a path from the root of the "
	"cgroups, of at most 15 folders\n"
	"p.conf:12: cgroup is given twice\n"
	"p.conf:13: protocol: 'sctp' is none of tcp, udp, mptcp, quic\n"
	"p.conf:14: port: '0' is neither a port, 1 to 65535, nor LOW-HIGH\n"
	"p.conf:15: destination: '2001:db8::1/32' has bits set after its "
	"length\n"
	"p.conf:16: service: 'none' is none of fixed, session-lasting, "
	"nonpersistent, graceful-replacement\n"
	"p.conf:18: port: '5-4' is neither a port, 1 to 65535, nor LOW-HIGH\n"
	"p.conf:17: [rule b]: it has neither service, interface nor "
	"metered = no\n"
	"p.conf:20: port: '1-65536' is neither a port, 1 to 65535, nor "
	"LOW-HIGH\n"
	"p.conf:23: port: '1-2-3' is neither a port, 1 to 65535, nor "
	"LOW-HIGH\n"
	"p.conf:24: unit: 'ssh' is not a unit's name with its suffix "
	"(.service)\n"
	"p.conf:27: cgroup: '/a/../b' is not a path from the root of the "
	"cgroups, of at most 15 folders\n"
	"p.conf:29: [rule e] stands already at p.conf:26\n"
	"p.conf:31: [rule] needs a name: [rule NAME]\n"
	"p.conf:32: [rule the-name-of-this-rule-is-too-long]: the name is "
	"longer than 31 characters\n"
	"p.conf:34: cgroup: '/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16' is "
	"not a path from the root of the cgroups, of at most 15 folders\n"
	"p.conf:37: cgroup: '/' is not a path from the root of the cgroups, "
	"of at most 15 folders\n"
	"p.conf:39: service is given twice\n"
	"p.conf:41: fixed: there is no user 'no-such-user'\n"
	"p.conf:42: fixed: there is no group 'no-such-group'\n"
	"p.conf:43: unknown key everything in [allow]\n"
	"p.conf:44: unknown section [else]\n";

START_TEST(errors)
{
	static struct policy before;
	char errs[8192];

	policy_default(&policy);
	before = policy;
	write_file("p.conf", bad);
	ck_assert_int_eq(load(errs, sizeof(errs)), -EINVAL);
	ck_assert_str_eq(errs, bad_errors);
	ck_assert_mem_eq(&policy, &before, sizeof(policy));
	unlink(in_dir("p.conf"));
	ck_assert_int_eq(load(errs, sizeof(errs)), -ENOENT);
	ck_assert_str_eq(errs, "p.conf: No such file or directory\n");
	ck_assert_mem_eq(&policy, &before, sizeof(policy));
}
END_TEST

/* What a rule without a service type may say, and must. */
START_TEST(ways)
{
	char errs[1024];
	struct policy_way *w;

	load_good("[rule a]\nport = 22\ninterface = eth0 wlan0 !wwan0\n"
		  "[rule b]\nof-service = session-lasting\nmetered = no\n"
		  "[rule c]\nservice = fixed\nmetered = no\n");
	w = &policy.rules[0].way;
	ck_assert_uint_eq(w->n_prefer, 2);
	ck_assert_str_eq(w->prefer[0], "eth0");
	ck_assert_str_eq(w->prefer[1], "wlan0");
	ck_assert_uint_eq(w->n_never, 1);
	ck_assert_str_eq(w->never[0], "wwan0");
	ck_assert(!w->unmetered);
	ck_assert(policy.rules[1].way.unmetered);
	ck_assert(policy.rules[2].match.flags & SOCK_RULE_WAY);
	write_file("p.conf", "[rule a]\nport = 22\n"
		   "[rule b]\nmetered = yes\n"
		   "[rule c]\ninterface = eth0 !\n"
		   "[rule d]\ninterface = a b c d e f g h i\n"
		   "[rule e]\nof-service = fixed\nservice = fixed\n"
		   "[rule f]\ninterface = eth0\nmetered = maybe\n"
		   "[rule g]\ninterface = abcdefghijklmnopqrst\n"
		   "[rule h]\ninterface =\n");
	ck_assert_int_eq(load(errs, sizeof(errs)), -EINVAL);
	ck_assert_str_eq(errs,
		"p.conf:1: [rule a]: it has neither service, interface nor "
		"metered = no\n"
		"p.conf:3: [rule b]: it has neither service, interface nor "
		"metered = no\n"
		"p.conf:6: interface: '' is not an interface's name\n"
		"p.conf:8: interface: more than 8 interfaces\n"
		"p.conf:9: [rule e]: a rule of one service type cannot give "
		"another one\n"
		"p.conf:14: metered: 'maybe' is neither yes nor no\n"
		"p.conf:16: interface: 'abcdefghijklmnop' is not an "
		"interface's name\n"
		"p.conf:17: [rule h]: it has neither service, interface nor "
		"metered = no\n");
}
END_TEST

static int way(enum service service, uint16_t port)
{
	const uint32_t groups[] = {7, 9};
	const struct policy_flow flow = {
		.port = port, .protocol = IPPROTO_TCP, .uid = 1000,
		.gid = UINT32_MAX, .comm = "x", .cgroup = "",
		.service = service, .groups = groups, .n_groups = 2,
	};

	return policy_way(&policy, &flow);
}

/* Of each question the first rule that answers it. */
START_TEST(ways_match)
{
	const struct policy_flow flow = {
		.port = 22, .protocol = IPPROTO_TCP, .comm = "x",
		.cgroup = "",
	};

	load_good("[rule a]\nport = 22\nservice = fixed\n"
		  "[rule b]\nport = 22\ninterface = wlan0\n"
		  "[rule c]\nof-service = nonpersistent\ninterface = eth0\n"
		  "[rule d]\ngroup = 9\ninterface = usb0\n"
		  "[rule e]\nservice = session-lasting\n");
	ck_assert(policy_has_ways(&policy));
	ck_assert(policy_ways_ask(&policy));
	ck_assert_int_eq(policy_match(&policy, &flow), 0);
	ck_assert_int_eq(way(SERVICE_FIXED, 22), 1);
	ck_assert_int_eq(way(SERVICE_NONPERSISTENT, 80), 2);
	ck_assert_int_eq(way(SERVICE_SESSION_LASTING, 80), 3);
	policy.rules[3].match.gid = 8;
	ck_assert_int_eq(way(SERVICE_SESSION_LASTING, 80), -1);
	policy_default(&policy);
	ck_assert(!policy_has_ways(&policy));
	ck_assert_int_eq(way(SERVICE_FIXED, 22), -1);
}
END_TEST

START_TEST(one_cgroup)
{
	char errs[512];

	write_file("p.conf", "[rule a]\ncgroup = /a\nunit = b.service\n"
		   "service = fixed\n");
	ck_assert_int_eq(load(errs, sizeof(errs)), -EINVAL);
	ck_assert_str_eq(errs, "p.conf:3: unit: cgroup, unit and user-unit: "
			 "one of them in a rule\n");
}
END_TEST

/* n rules of two commands each */
static void write_many(int n)
{
	FILE *f = fopen(in_dir("p.conf"), "w");
	int i;

	for (i = 0; i < n; i++)
		fprintf(f, "[rule %d]\ncommand = a%d\ncommand = b%d\n"
			"service = fixed\n", i, i, i);
	fclose(f);
}

START_TEST(too_many)
{
	char errs[512];

	write_many(SOCK_RULES_MAX / 2);
	ck_assert_int_eq(load(errs, sizeof(errs)), 0);
	ck_assert_uint_eq(policy.n_rules, SOCK_RULES_MAX);
	ck_assert_str_eq(policy.rules[63].match.command, "b31");
	write_many(SOCK_RULES_MAX / 2 + 1);
	ck_assert_int_eq(load(errs, sizeof(errs)), -EINVAL);
	ck_assert_str_eq(errs, "p.conf:129: [rule 32]: more than 64 rules "
			 "(each command of a rule is one)\n");
}
END_TEST

/* They go before the file's, and first of them what comes first by name. */
START_TEST(dropins)
{
	static const char *const names[] = { "x", "x", "y", "z", "a", "b" };
	char errs[512];
	unsigned int i;

	mkdir(in_dir("p.conf.d"), 0755);
	write_file("p.conf", "[rule a]\nservice = fixed\n"
		   "[rule b]\nservice = fixed\n[policy]\ndefault = fixed\n");
	write_file("p.conf.d/1.conf", "\n[rule x]\ncommand = 1\ncommand = 2\n"
		   "service = fixed\n[rule y]\nservice = fixed\n");
	write_file("p.conf.d/2.conf", "[rule z]\nservice = fixed\n"
		   "[policy]\ndefault = none\n");
	ck_assert_int_eq(load(errs, sizeof(errs)), 0);
	ck_assert_uint_eq(policy.n_rules, 6);
	for (i = 0; i < 6; i++)
		ck_assert_str_eq(policy.rules[i].name, names[i]);
	ck_assert_str_eq(policy.rules[1].match.command, "2");
	ck_assert_str_eq(policy.rules[1].from, "1.conf:2");
	ck_assert_str_eq(policy.rules[5].from, "p.conf:3");
	ck_assert_int_eq(policy.dflt, SERVICE_NONE);
}
END_TEST

START_TEST(permits)
{
	load_good("");
	ck_assert(policy_permits(&policy, SERVICE_FIXED, 0, 5));
	ck_assert(!policy_permits(&policy, SERVICE_FIXED, 5, 0));
	ck_assert(policy_permits(&policy, SERVICE_SESSION_LASTING, 5, 5));
	ck_assert(policy_permits(&policy, SERVICE_NONPERSISTENT, 5, 5));
	ck_assert(policy_permits(&policy, SERVICE_GRACEFUL, 5, 5));
	ck_assert(!policy_permits(&policy, SERVICE_NONE, 0, 0));
	load_good("[allow]\nfixed = 7\nfixed = @8\nsession-lasting = none\n"
		  "nonpersistent = root\nnonpersistent = none\n"
		  "nonpersistent = 7\ngraceful-replacement = everybody\n");
	ck_assert(policy_permits(&policy, SERVICE_FIXED, 7, 1));
	ck_assert(policy_permits(&policy, SERVICE_FIXED, 1, 8));
	ck_assert(!policy_permits(&policy, SERVICE_FIXED, 8, 7));
	ck_assert(!policy_permits(&policy, SERVICE_FIXED, 0, 0));
	ck_assert(!policy_permits(&policy, SERVICE_SESSION_LASTING, 0, 0));
	ck_assert(!policy_permits(&policy, SERVICE_NONPERSISTENT, 0, 0));
	ck_assert(policy_permits(&policy, SERVICE_NONPERSISTENT, 7, 0));
	ck_assert(policy_permits(&policy, SERVICE_GRACEFUL, 1, 1));
	/* who is there twice takes one place */
	ck_assert_uint_eq(policy.n_permits, 2);
	load_good("[allow]\nfixed = everybody\n");
	ck_assert(policy_permits(&policy, SERVICE_FIXED, 1, 1));
}
END_TEST

static void write_allowed(int n)
{
	FILE *f = fopen(in_dir("p.conf"), "w");
	int i;

	fprintf(f, "[allow]\n");
	for (i = 0; i < n; i++)
		fprintf(f, "%s = %d\n", i % 2 ? "fixed" : "session-lasting",
			i + 1);
	fclose(f);
}

START_TEST(permits_many)
{
	char errs[512];

	write_allowed(POLICY_PERMITS_MAX);
	ck_assert_int_eq(load(errs, sizeof(errs)), 0);
	ck_assert(policy_permits(&policy, SERVICE_FIXED, 64, 1));
	ck_assert(!policy_permits(&policy, SERVICE_FIXED, 63, 1));
	write_allowed(POLICY_PERMITS_MAX + 1);
	ck_assert_int_eq(load(errs, sizeof(errs)), -EINVAL);
	ck_assert_str_eq(errs, "p.conf: [allow]: more than 64 users and "
			 "groups in all\n");
}
END_TEST

/* Members by /etc/group, as root of Debian is of none: by hand. */
START_TEST(permit_adds)
{
	struct sock_who who = { 5, 0 };

	policy_empty(&policy);
	ck_assert(policy_permit(&policy, who, SERVICE_FIXED));
	ck_assert(policy_permit(&policy, who, SERVICE_GRACEFUL));
	ck_assert_uint_eq(policy.n_permits, 1);
	ck_assert_uint_eq(policy.permits[0].services,
			  1 << SERVICE_FIXED | 1 << SERVICE_GRACEFUL);
}
END_TEST

static const char *example(void)
{
	static char path[512];
	const char *srcdir = getenv("srcdir");

	snprintf(path, sizeof(path), "%s/examples/policy.conf",
		 srcdir ? srcdir : ".");
	return path;
}

START_TEST(builtin_is_example)
{
	static struct policy builtin;
	unsigned int i;

	ck_assert_int_eq(policy_load(&policy, example(), stderr), 0);
	ck_assert_int_eq(policy_load(&builtin, "", stderr), 0);
	ck_assert_uint_eq(policy.n_rules, builtin.n_rules);
	for (i = 0; i < policy.n_rules; i++) {
		struct policy_rule *a = &policy.rules[i];
		struct policy_rule *b = &builtin.rules[i];

		ck_assert_str_eq(a->name, b->name);
		ck_assert_str_eq(b->from, "built in");
		ck_assert_mem_eq(&a->match, &b->match, sizeof(a->match));
		memcpy(a->from, b->from, sizeof(a->from));
	}
	ck_assert_mem_eq(&policy, &builtin, sizeof(policy));
}
END_TEST

START_TEST(builtin_serves)
{
	static const struct match_case cases[] = {
		{ .comm = "ssh", .protocol = IPPROTO_TCP, .port = 2222,
		  .rule = "ssh" },
		{ .comm = "git-remote", .protocol = IPPROTO_TCP, .port = 22,
		  .rule = "ssh-port" },
		{ .comm = "ssh", .protocol = IPPROTO_TCP, .port = 22,
		  .mptcp = true, .rule = "mptcp" },
		{ .comm = "ssh", .protocol = IPPROTO_UDP, .port = 53,
		  .rule = "dns" },
		{ .comm = "firefox-esr", .protocol = IPPROTO_UDP, .port = 443,
		  .rule = "quic" },
		{ .comm = "firefox-esr", .protocol = IPPROTO_TCP, .port = 443,
		  .rule = NULL },
		{ .comm = "mpv", .protocol = IPPROTO_TCP, .port = 443,
		  .rule = "streams" },
		{ .comm = "linphone", .protocol = IPPROTO_UDP, .port = 7078,
		  .rule = "voip" },
		{ .comm = "mosh-client", .protocol = IPPROTO_UDP,
		  .port = 60001, .rule = "mosh" },
		{ .comm = "chronyd", .protocol = IPPROTO_UDP, .port = 123,
		  .rule = "ntp" },
	};
	size_t i;

	policy_default(&policy);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect(&cases[i]);
}
END_TEST

START_TEST(json)
{
	struct json_object *o, *rules, *v;

	load_good("[rule a]\ncommand = c\nport = 5-6\n"
		  "destination = 2001:db8::/32\nservice = fixed\n"
		  "[rule b]\nprotocol = udp\nservice = nonpersistent\n");
	o = policy_json(&policy, "/p.conf");
	ck_assert(json_object_object_get_ex(o, "rules", &rules));
	ck_assert_str_eq(json_object_to_json_string_ext(rules,
			 JSON_C_TO_STRING_PLAIN |
			 JSON_C_TO_STRING_NOSLASHESCAPE),
		"[{\"number\":0,\"name\":\"a\",\"command\":\"c\","
		"\"port\":\"5-6\",\"destination\":\"2001:db8::/32\","
		"\"service\":\"fixed\",\"from\":\"p.conf:1\"},"
		"{\"number\":1,\"name\":\"b\",\"protocol\":\"udp\","
		"\"service\":\"nonpersistent\",\"from\":\"p.conf:6\"}]");
	ck_assert(json_object_object_get_ex(o, "allow", &v));
	ck_assert_int_eq(json_object_array_length(v), 4);
	json_object_put(o);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy");
	TCase *tc = tcase_create("policy");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, match);
	tcase_add_test(tc, match_all);
	tcase_add_loop_test(tc, glob, 0, sizeof(glob_cases) /
			    sizeof(*glob_cases));
	tcase_add_test(tc, glob_slow);
	tcase_add_test(tc, settings);
	tcase_add_test(tc, errors);
	tcase_add_test(tc, one_cgroup);
	tcase_add_test(tc, ways);
	tcase_add_test(tc, ways_match);
	tcase_add_test(tc, too_many);
	tcase_add_test(tc, dropins);
	tcase_add_test(tc, permits);
	tcase_add_test(tc, permits_many);
	tcase_add_test(tc, permit_adds);
	tcase_add_test(tc, builtin_is_example);
	tcase_add_test(tc, builtin_serves);
	tcase_add_test(tc, json);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
