/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ike/conf.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
	SECRET_MIN = 8,		/* bytes */
	LIFETIME_MIN = 2,	/* s */
	IKE_PORT = 500,		/* RFC 7296 2 */
	IKE_NAT_PORT = 4500,
	SA_LIFETIME = 3600,	/* s */
	IKE_LIFETIME = 8 * 3600,
	DPD_MN = 60,		/* s; an MN is the one that notices */
	DPD_HA = 300,
};

static int check_identity(const char *v, char *err, size_t n)
{
	size_t len = strlen(v);

	if (!len || len >= IKE_IDENTITY_LEN)
		return wrong(err, n, "not of 1 to %d characters",
			     IKE_IDENTITY_LEN - 1);
	return 0;
}

static int set_identity(void *dst, const char *v, char *err, size_t n)
{
	return check_identity(v, err, n) ?: conf_set_string(dst, v, err, n);
}

static int set_file(void *dst, const char *v, char *err, size_t n)
{
	if (!*v)
		return wrong(err, n, "no file is named");
	return conf_set_string(dst, v, err, n);
}

static int list_add(struct ike_list *list, const char *v, char *err, size_t n)
{
	char **grown = reallocarray(list->v, list->n + 1, sizeof(*grown));

	if (!grown)
		return wrong(err, n, "out of memory");
	list->v = grown;
	grown[list->n] = NULL;
	if (conf_set_string(&grown[list->n], v, err, n))
		return -1;
	list->n++;
	return 0;
}

static int add_file(void *dst, const char *v, char *err, size_t n)
{
	if (!*v)
		return wrong(err, n, "no file is named");
	return list_add(dst, v, err, n);
}

static int add_identity(void *dst, const char *v, char *err, size_t n)
{
	return check_identity(v, err, n) ?: list_add(dst, v, err, n);
}

static int set_lifetime(void *dst, const char *v, char *err, size_t n)
{
	mtime lifetime;

	if (conf_set_seconds(&lifetime, v, err, n))
		return -1;
	if (mtime_before(lifetime, MTIME_SEC(LIFETIME_MIN)))
		return wrong(err, n, "shorter than %d seconds", LIFETIME_MIN);
	memcpy(dst, &lifetime, sizeof(lifetime));
	return 0;
}

static int set_any_port(void *dst, const char *v, char *err, size_t n)
{
	uint32_t port;

	if (conf_set_u32(&port, v, err, n))
		return -1;
	if (port > UINT16_MAX)
		return wrong(err, n, "'%s' is not a port", v);
	memcpy(dst, &port, sizeof(port));
	return 0;
}

/* Others have to find a responder. */
static int set_port(void *dst, const char *v, char *err, size_t n)
{
	uint32_t port;

	if (set_any_port(&port, v, err, n))
		return -1;
	if (!port)
		return wrong(err, n, "not between 1 and 65535");
	memcpy(dst, &port, sizeof(port));
	return 0;
}

static int set_psk_identity(void *dst, const char *v, char *err, size_t n)
{
	if (check_identity(v, err, n))
		return -1;
	memset(dst, 0, IKE_IDENTITY_LEN);
	memcpy(dst, v, strlen(v));
	return 0;
}

/* Nothing of the secret may get into a message. */
static int set_secret(void *dst, const char *v, char *err, size_t n)
{
	struct ike_psk *psk = dst;
	size_t len = strlen(v);
	const char *end;

	psk->len = 0;
	if (v[0] == '0' && (v[1] == 'x' || v[1] == 'X')) {
		if (sodium_hex2bin(psk->secret, sizeof(psk->secret), v + 2,
				   len - 2, NULL, &len, &end) || *end)
			return wrong(err, n, "not an even number of "
				     "hexadecimal digits after 0x, or too "
				     "many");
	} else if (len <= sizeof(psk->secret)) {
		memcpy(psk->secret, v, len);
	}
	if (len < SECRET_MIN || len > sizeof(psk->secret))
		return wrong(err, n, "not of %d to %d bytes", SECRET_MIN,
			     IKE_SECRET_MAX);
	psk->len = len;
	return 0;
}

#define IKE(key_name, field, fn, ...) { \
	.name = key_name, .set = fn, \
	.off = offsetof(struct ike_conf, field), __VA_ARGS__ }

#define IKE_COMMON \
	IKE("identity", identity, set_identity), \
	IKE("certificate", certificate, set_file), \
	IKE("key", key, set_file), \
	IKE("ca", cas, add_file, .many = true), \
	IKE("crl", crls, add_file, .many = true), \
	IKE("sa-lifetime", sa_lifetime, set_lifetime), \
	IKE("ike-lifetime", ike_lifetime, set_lifetime), \
	IKE("dpd", dpd, conf_set_seconds)

const struct conf_key ike_conf_keys_mn[] = {
	IKE_COMMON,
	IKE("port", port, set_any_port),
	IKE("nat-port", nat_port, set_any_port),
	IKE("anchor-identity", anchors, add_identity, .many = true),
	{ .name = NULL },
};

const struct conf_key ike_conf_keys_ha[] = {
	IKE_COMMON,
	IKE("port", port, set_port),
	IKE("nat-port", nat_port, set_port),
	IKE("allow", allow, add_identity, .many = true),
	IKE("deny", deny, add_identity, .many = true),
	IKE("pool-identity", assign, add_identity, .many = true),
	{ .name = NULL },
};

const struct conf_key ike_conf_psk_keys[] = {
	{ .name = "identity", .set = set_psk_identity,
	  .off = offsetof(struct ike_psk, identity), .required = true },
	{ .name = "secret", .set = set_secret, .required = true },
	{ .name = NULL },
};

int ike_conf_init(struct ike_conf *conf, bool responder)
{
	*conf = (struct ike_conf){
		.sa_lifetime = MTIME_SEC(SA_LIFETIME),
		.ike_lifetime = MTIME_SEC(IKE_LIFETIME),
		.dpd = MTIME_SEC(responder ? DPD_HA : DPD_MN),
		.port = responder ? IKE_PORT : 0,
		.nat_port = responder ? IKE_NAT_PORT : 0,
		.identity = strdup(""),
	};
	return conf->identity ? 0 : -ENOMEM;
}

static void list_free(struct ike_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
}

void ike_conf_free(struct ike_conf *conf)
{
	struct ike_psk *psk;

	while ((psk = conf->psks)) {
		conf->psks = psk->next;
		sodium_memzero(psk, sizeof(*psk));
		free(psk);
	}
	list_free(&conf->cas);
	list_free(&conf->crls);
	list_free(&conf->anchors);
	list_free(&conf->allow);
	list_free(&conf->deny);
	list_free(&conf->assign);
	free(conf->identity);
	free(conf->certificate);
	free(conf->key);
	*conf = (struct ike_conf){0};
}

/* At the end: the first that matches is taken, in the file's order. */
struct ike_psk *ike_conf_psk(struct ike_conf *conf, const char *name,
			     char *err, size_t n)
{
	struct ike_psk **at = &conf->psks, *psk;

	if (strlen(name) >= sizeof(psk->name)) {
		wrong(err, n, "name is too long");
		return NULL;
	}
	psk = calloc(1, sizeof(*psk));
	if (!psk) {
		wrong(err, n, "out of memory");
		return NULL;
	}
	strcpy(psk->name, name);
	while (*at)
		at = &(*at)->next;
	return *at = psk;
}

static int complain(const char *path, FILE *errs, const char *what)
{
	fprintf(errs, "%s: [ike]: %s\n", path, what);
	return -EINVAL;
}

int ike_conf_check(const struct ike_conf *conf, const char *path, FILE *errs)
{
	int rc = 0;

	if (!conf->on && conf->psks)
		return complain(path, errs,
				"there is a [psk], but no such section");
	if (!conf->on)
		return 0;
#ifndef HAVE_IKE
	return complain(path, errs, "this kedge was built without IKE");
#endif
	if (!*conf->identity)
		rc = complain(path, errs, "lacks identity");
	if (!conf->certificate != !conf->key)
		rc = complain(path, errs, conf->key ?
			      "key without certificate" :
			      "certificate without key");
	if (!conf->certificate && !conf->psks)
		rc = complain(path, errs, "nothing to authenticate with: "
			      "neither certificate nor [psk NAME]");
	if (!conf->cas.n && !conf->psks)
		rc = complain(path, errs, "no peer could be believed: neither "
			      "ca nor [psk NAME]");
	if (conf->port && conf->port == conf->nat_port)
		rc = complain(path, errs, "port and nat-port are the same");
	return rc;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_list(const struct ike_list *a, const struct ike_list *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]))
			return false;
	return true;
}

static bool same_psks(const struct ike_psk *a, const struct ike_psk *b)
{
	for (; a && b; a = a->next, b = b->next)
		if (strcmp(a->name, b->name) ||
		    strcmp(a->identity, b->identity) || a->len != b->len ||
		    sodium_memcmp(a->secret, b->secret, a->len))
			return false;
	return a == b;
}

bool ike_conf_same(const struct ike_conf *a, const struct ike_conf *b)
{
	return a->on == b->on && same_text(a->identity, b->identity) &&
		same_text(a->certificate, b->certificate) &&
		same_text(a->key, b->key) && same_list(&a->cas, &b->cas) &&
		same_list(&a->crls, &b->crls) &&
		same_list(&a->anchors, &b->anchors) &&
		same_list(&a->allow, &b->allow) &&
		same_list(&a->deny, &b->deny) &&
		same_list(&a->assign, &b->assign) &&
		a->sa_lifetime.ns == b->sa_lifetime.ns &&
		a->ike_lifetime.ns == b->ike_lifetime.ns &&
		a->dpd.ns == b->dpd.ns && a->port == b->port &&
		a->nat_port == b->nat_port && same_psks(a->psks, b->psks);
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Only the last * need be tried again, with one character more: it takes no
 * more than the product of both lengths. */
bool ike_match(const char *pattern, const char *identity)
{
	const char *star = NULL, *from = NULL;

	while (*identity) {
		if (*pattern == '*') {
			star = ++pattern;
			from = identity;
		} else if (*pattern == '?' ||
			   same_letter(*pattern, *identity)) {
			pattern++;
			identity++;
		} else if (star) {
			pattern = star;
			identity = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

bool ike_match_any(const struct ike_list *patterns, const char *identity)
{
	size_t i;

	for (i = 0; i < patterns->n; i++)
		if (ike_match(patterns->v[i], identity))
			return true;
	return false;
}
