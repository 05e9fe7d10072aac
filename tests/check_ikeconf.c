/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/ike/conf.c: [ike] and [psk NAME]. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ike/conf.h"

static char path[64];
static struct ike_conf conf;
static char msgs[2048];

static void setup(void)
{
	int fd;

	strcpy(path, "/tmp/check_ikeconf.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	memset(&conf, 0, sizeof(conf));
}

static void teardown(void)
{
	unlink(path);
}

static void *open_ike(void *arg, const char *name, char *err, size_t n)
{
	struct ike_conf *c = arg;

	(void)name;
	(void)err;
	(void)n;
	c->on = true;
	return c;
}

static void *open_psk(void *arg, const char *name, char *err, size_t n)
{
	return ike_conf_psk(arg, name, err, n);
}

/* Loads text; what it printed, without the file's name, is in msgs. */
static int load(struct ike_conf *c, bool responder, const char *text)
{
	const struct conf_section sections[] = {
		{ "ike", false, open_ike, NULL, responder ? ike_conf_keys_ha :
		  ike_conf_keys_mn },
		{ "psk", true, open_psk, NULL, ike_conf_psk_keys },
		{ NULL, false, NULL, NULL, NULL },
	};
	FILE *f = fopen(path, "w"), *errs;
	char *told = NULL, *p;
	size_t len;
	int rc;

	fputs(text, f);
	fclose(f);
	errs = open_memstream(&told, &len);
	ck_assert_int_eq(ike_conf_init(c, responder), 0);
	rc = conf_load(path, sections, c, errs);
	if (!rc)
		rc = ike_conf_check(c, path, errs);
	fclose(errs);
	len = strlen(path) + 1;
	while ((p = strstr(told, path)))
		memmove(p, p + len, strlen(p + len) + 1);
	snprintf(msgs, sizeof(msgs), "%s", told);
	free(told);
	return rc;
}

START_TEST(defaults)
{
	ck_assert_int_eq(load(&conf, false, ""), 0);
	ck_assert(!conf.on);
	ck_assert_int_eq(mtime_sec(conf.sa_lifetime), 3600);
	ck_assert_int_eq(mtime_sec(conf.ike_lifetime), 28800);
	ck_assert_int_eq(mtime_sec(conf.dpd), 60);
	ck_assert_uint_eq(conf.port + conf.nat_port, 0);
	ike_conf_free(&conf);
	ck_assert_int_eq(load(&conf, true, ""), 0);
	ck_assert_int_eq(mtime_sec(conf.dpd), 300);
	ck_assert_uint_eq(conf.port, 500);
	ck_assert_uint_eq(conf.nat_port, 4500);
	ike_conf_free(&conf);
}
END_TEST

static const char whole[] =
	"[ike]\nidentity = ar1.example.org\ncertificate = /c\nkey = /k\n"
	"ca = /ca1\nca = /ca2\ncrl = /r\nsa-lifetime = 2s\n"
	"ike-lifetime = 1h\ndpd = 0\nport = 1500\nnat-port = 1501\n"
	"allow = *@example.org\ndeny = evil@example.org\n"
	"pool-identity = mn*\npool-identity = boss@example.org\n"
	"[psk a]\nidentity = mn*@example.org\nsecret = correct horse\n"
	"[psk b]\nidentity = *\nsecret = 0x00010203040506ff\n";

START_TEST(all_keys)
{
	static const uint8_t bytes[] = { 0, 1, 2, 3, 4, 5, 6, 255 };
	int rc = load(&conf, true, whole);

#ifdef HAVE_IKE
	ck_assert_str_eq(msgs, "");
	ck_assert_int_eq(rc, 0);
#else
	ck_assert_str_eq(msgs, " [ike]: this kedge was built without IKE\n");
	ck_assert_int_eq(rc, -EINVAL);
#endif
	ck_assert_str_eq(conf.identity, "ar1.example.org");
	ck_assert_str_eq(conf.certificate, "/c");
	ck_assert_str_eq(conf.key, "/k");
	ck_assert_uint_eq(conf.cas.n, 2);
	ck_assert_str_eq(conf.cas.v[1], "/ca2");
	ck_assert_uint_eq(conf.crls.n, 1);
	ck_assert_int_eq(mtime_sec(conf.sa_lifetime), 2);
	ck_assert_int_eq(conf.dpd.ns, 0);
	ck_assert_uint_eq(conf.nat_port, 1501);
	ck_assert_str_eq(conf.allow.v[0], "*@example.org");
	ck_assert_str_eq(conf.deny.v[0], "evil@example.org");
	ck_assert_uint_eq(conf.assign.n, 2);
	ck_assert_str_eq(conf.assign.v[1], "boss@example.org");
	/* in the file's order */
	ck_assert_str_eq(conf.psks->name, "a");
	ck_assert_uint_eq(conf.psks->len, 13);
	ck_assert_mem_eq(conf.psks->secret, "correct horse", 13);
	ck_assert_str_eq(conf.psks->next->identity, "*");
	ck_assert_uint_eq(conf.psks->next->len, sizeof(bytes));
	ck_assert_mem_eq(conf.psks->next->secret, bytes, sizeof(bytes));
	ike_conf_free(&conf);
}
END_TEST

START_TEST(wrong_values)
{
	static const char text[] =
		"[ike]\nidentity =\nca =\nkey =\nsa-lifetime = 1.9\n"
		"ike-lifetime = 1\nport = 65536\nnat-port = 0\ncolour = red\n"
		"anchor-identity = x\n"
		"[psk a]\nidentity =\nsecret = 7 bytes\n"
		"[psk b]\nsecret = 0x0102030405060\n"
		"[psk c]\nidentity = x\nsecret = 0x01020304050607\n";

	ck_assert_int_eq(load(&conf, true, text), -EINVAL);
	ck_assert_str_eq(msgs,
		"2: identity: not of 1 to 127 characters\n"
		"3: ca: no file is named\n"
		"4: key: no file is named\n"
		"5: sa-lifetime: shorter than 2 seconds\n"
		"6: ike-lifetime: shorter than 2 seconds\n"
		"7: port: '65536' is not a port\n"
		"8: nat-port: not between 1 and 65535\n"
		"9: unknown key colour in [ike]\n"
		"10: unknown key anchor-identity in [ike]\n"
		"12: identity: not of 1 to 127 characters\n"
		"13: secret: not of 8 to 128 bytes\n"
		"15: secret: not an even number of hexadecimal digits after "
		"0x, or too many\n"
		"14: [psk b] lacks identity\n"
		"18: secret: not of 8 to 128 bytes\n");
	ike_conf_free(&conf);
}
END_TEST

START_TEST(secret_lengths)
{
	const struct conf_key *key = &ike_conf_psk_keys[1];
	char text[300] = "0x", err[128];
	struct ike_psk psk = { .len = 1 };

	memset(text + 2, 'a', 256);
	ck_assert_int_eq(key->set(&psk, text, err, sizeof(err)), 0);
	ck_assert_uint_eq(psk.len, 128);
	strcat(text, "aa");
	ck_assert_int_eq(key->set(&psk, text, err, sizeof(err)), -1);
	ck_assert_uint_eq(psk.len, 0);
	text[0] = 'a';
	text[128] = '\0';
	ck_assert_int_eq(key->set(&psk, text, err, sizeof(err)), 0);
	ck_assert_uint_eq(psk.len, 128);
	text[128] = 'a';
	ck_assert_int_eq(key->set(&psk, text, err, sizeof(err)), -1);
	ck_assert_ptr_null(strstr(err, "aa"));
}
END_TEST

/* What is wrong with the whole of it */
static const struct check_case {
	const char *text, *told;
} check_cases[] = {
	{ "[psk a]\nidentity = x\nsecret = 12345678\n",
	  "there is a [psk], but no such section" },
#ifdef HAVE_IKE
	{ "[ike]\ncertificate = /c\nkey = /k\nca = /ca\n", "lacks identity" },
	{ "[ike]\nidentity = x\nkey = /k\nca = /ca\n",
	  "key without certificate" },
	{ "[ike]\nidentity = x\ncertificate = /k\nca = /ca\n",
	  "certificate without key" },
	{ "[ike]\nidentity = x\nca = /ca\n",
	  "nothing to authenticate with" },
	{ "[ike]\nidentity = x\ncertificate = /c\nkey = /k\n",
	  "no peer could be believed" },
	{ "[ike]\nidentity = x\ncertificate = /c\nkey = /k\nca = /ca\n"
	  "port = 500\nnat-port = 500\n", "port and nat-port are the same" },
	{ "[ike]\nidentity = x\ncertificate = /c\nkey = /k\nca = /ca\n"
	  "port = 0\nanchor-identity = *.example.org\n", NULL },
	{ "[ike]\nidentity = x\n[psk a]\nidentity = y\nsecret = 12345678\n",
	  NULL },
#endif
};

START_TEST(checked)
{
	const struct check_case *c = &check_cases[_i];
	int rc = load(&conf, false, c->text);

	ck_assert_msg(rc == (c->told ? -EINVAL : 0), "%s", msgs);
	ck_assert_msg(c->told ? !!strstr(msgs, c->told) : !*msgs, "%s", msgs);
	ike_conf_free(&conf);
}
END_TEST

/* A file with secrets that everybody may read */
START_TEST(world_readable)
{
	chmod(path, 0644);
	load(&conf, false, "[ike]\nidentity = x\n"
	     "[psk a]\nidentity = y\nsecret = 12345678\n");
	ck_assert_ptr_nonnull(strstr(msgs, "everybody may read it"));
	ike_conf_free(&conf);
}
END_TEST

static const char *const changes[] = {
	"ar1.example.org", "/c", "/k", "/ca2", "/r", "2s", "1h", "= 0\n",
	"1500", "1501", "*@example.org\ndeny", "evil", "[psk a]", "mn*",
	"correct", "040506ff",
};

/* Whatever is changed is seen. */
START_TEST(same)
{
	struct ike_conf other;
	char text[sizeof(whole)], *p;

	load(&conf, true, whole);
	load(&other, true, whole);
	ck_assert(ike_conf_same(&conf, &other));
	other.psks->len++;
	ck_assert(!ike_conf_same(&conf, &other));
	ike_conf_free(&other);
	strcpy(text, whole);
	p = strstr(text, changes[_i]);
	while (*p == '/' || *p == '*' || *p == '[' || *p == '=' || *p == ' ')
		p++;
	*p = *p == 'p' ? 'p' : *p == '9' ? '8' : *p + 1;
	if (*p == 'p')
		p[4] = 'z';
	ck_assert_str_ne(text, whole);
	load(&other, true, text);
	ck_assert_msg(!ike_conf_same(&conf, &other), "%s", changes[_i]);
	ike_conf_free(&other);
	ike_conf_free(&conf);
}
END_TEST

static const struct match_case {
	const char *pattern, *identity;
	bool matches;
} match_cases[] = {
	{ "", "", true },
	{ "", "a", false },
	{ "a", "", false },
	{ "*", "", true },
	{ "*", "anything", true },
	{ "mn1@example.org", "MN1@Example.ORG", true },
	{ "mn?@example.org", "mn1@example.org", true },
	{ "mn?@example.org", "mn@example.org", false },
	{ "mn?@example.org", "mn12@example.org", false },
	{ "*@example.org", "mn1@example.org", true },
	{ "*@example.org", "mn1@example.org.evil.net", false },
	{ "*@example.org", "mn1@example.orgg", false },
	{ "*.example.org", "example.org", false },
	{ "*.example.org", "a.b.example.org", true },
	{ "a*b*c", "aXbXbXc", true },
	{ "a*b*c", "aXbXbX", false },
	{ "*aab", "aaaaaab", true },
	{ "a**", "a", true },
	{ "C=CH, O=x, CN=*", "C=CH, O=X, CN=mn1", true },
	{ "[ab]", "a", false },
	{ "\\*", "*", false },
};

START_TEST(match)
{
	const struct match_case *c = &match_cases[_i];

	ck_assert_msg(ike_match(c->pattern, c->identity) == c->matches,
		      "'%s' '%s'", c->pattern, c->identity);
}
END_TEST

START_TEST(match_any)
{
	char *v[] = { "a", "b*" };
	struct ike_list none = { NULL, 0 }, two = { v, 2 };

	ck_assert(!ike_match_any(&none, "a"));
	ck_assert(ike_match_any(&two, "a"));
	ck_assert(ike_match_any(&two, "bc"));
	ck_assert(!ike_match_any(&two, "c"));
}
END_TEST

/* A pattern made to be slow is not. */
START_TEST(match_slow)
{
	char pattern[IKE_IDENTITY_LEN], identity[IKE_IDENTITY_LEN];
	int i;

	memset(identity, 'a', sizeof(identity) - 1);
	identity[sizeof(identity) - 1] = '\0';
	for (i = 0; i < 120; i += 2)
		memcpy(pattern + i, "*a", 2);
	strcpy(pattern + 120, "*b");
	for (i = 0; i < 1000; i++)
		ck_assert(!ike_match(pattern, identity));
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *s = suite_create("ikeconf");
	TCase *tc = tcase_create("conf");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, all_keys);
	tcase_add_test(tc, wrong_values);
	tcase_add_test(tc, secret_lengths);
	tcase_add_loop_test(tc, checked, 0, N(check_cases));
	tcase_add_test(tc, world_readable);
	tcase_add_loop_test(tc, same, 0, N(changes));
	tcase_add_loop_test(tc, match, 0, N(match_cases));
	tcase_add_test(tc, match_any);
	tcase_add_test(tc, match_slow);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
