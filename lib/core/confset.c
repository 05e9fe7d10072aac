/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the values of a configuration look like. */
#include "core/conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mtime.h"

int conf_set_addr(void *dst, const char *v, char *err, size_t n)
{
	struct in6_addr addr;

	if (inet_pton(AF_INET6, v, &addr) != 1)
		return wrong(err, n, "'%s' is not an IPv6 address", v);
	memcpy(dst, &addr, sizeof(addr));
	return 0;
}

static bool has_host_bits(const struct in6_addr *addr, unsigned int len)
{
	unsigned int i;

	for (i = len; i < 128; i++)
		if (addr->s6_addr[i / 8] & 0x80 >> i % 8)
			return true;
	return false;
}

int conf_set_prefix(void *dst, const char *v, char *err, size_t n)
{
	struct ip6_prefix *prefix = dst;
	char text[INET6_ADDRSTRLEN + 4], *slash, *end;
	struct in6_addr addr;
	unsigned long len;

	snprintf(text, sizeof(text), "%s", v);
	slash = strchr(text, '/');
	if (!slash)
		return wrong(err, n, "'%s' is not ADDRESS/LENGTH", v);
	*slash++ = '\0';
	len = strtoul(slash, &end, 10);
	if (inet_pton(AF_INET6, text, &addr) != 1 || *end || end == slash ||
	    slash[0] < '0' || slash[0] > '9' || len > 128)
		return wrong(err, n, "'%s' is not an IPv6 prefix", v);
	if (has_host_bits(&addr, (unsigned int)len))
		return wrong(err, n, "'%s' has bits set after its length", v);
	prefix->addr = addr;
	prefix->len = (uint8_t)len;
	return 0;
}

int conf_set_string(void *dst, const char *v, char *err, size_t n)
{
	char *copy = strdup(v), **out = dst;

	if (!copy)
		return wrong(err, n, "out of memory");
	free(*out);
	*out = copy;
	return 0;
}

int conf_set_u32(void *dst, const char *v, char *err, size_t n)
{
	bool hex = v[0] == '0' && (v[1] == 'x' || v[1] == 'X');
	unsigned long long number;
	uint32_t *out = dst;
	char *end;

	errno = 0;
	number = strtoull(v, &end, hex ? 16 : 10);
	if (errno || *end || end == v || v[0] < '0' || v[0] > '9' ||
	    number > UINT32_MAX)
		return wrong(err, n, "'%s' is not a number from 0 to %u", v,
			     UINT32_MAX);
	*out = (uint32_t)number;
	return 0;
}

int conf_set_bool(void *dst, const char *v, char *err, size_t n)
{
	bool *out = dst;

	if (!strcmp(v, "yes") || !strcmp(v, "true") || !strcmp(v, "on"))
		*out = true;
	else if (!strcmp(v, "no") || !strcmp(v, "false") || !strcmp(v, "off"))
		*out = false;
	else
		return wrong(err, n, "'%s' is neither yes nor no", v);
	return 0;
}

/* ns in a unit; 0 for what is none */
static int64_t unit_ns(const char *unit)
{
	if (!*unit || !strcmp(unit, "s"))
		return 1000000000;
	if (!strcmp(unit, "ms"))
		return 1000000;
	if (!strcmp(unit, "m"))
		return INT64_C(60) * 1000000000;
	if (!strcmp(unit, "h"))
		return INT64_C(3600) * 1000000000;
	return 0;
}

/* So that sums of them are far from an overflow. */
static const int64_t TIME_MAX = INT64_C(100000) * 3600 * 1000000000;

/* Not strtod(): the fraction's point is a point in every locale. */
int conf_set_seconds(void *dst, const char *v, char *err, size_t n)
{
	size_t whole = strspn(v, "0123456789");
	int64_t number = 0, scale = 1, unit;
	const char *p;
	mtime *out = dst;

	for (p = v; p < v + whole && number < 100000000; p++)
		number = number * 10 + (*p - '0');
	if (whole && *p == '.')
		for (p++; *p >= '0' && *p <= '9' && scale < 1000; p++) {
			number = number * 10 + (*p - '0');
			scale *= 10;
		}
	unit = unit_ns(p);
	if (!whole || !unit || number / scale > TIME_MAX / unit)
		return wrong(err, n, "'%s' is not a time: 10, 1.5, 500ms, 2m, "
			     "1h (at most 100000h)", v);
	*out = (mtime){number * (unit / scale)};
	return 0;
}

int conf_set_ifname(void *dst, const char *v, char *err, size_t n)
{
	size_t len = strlen(v);

	if (!len || len >= IFNAMSIZ || strpbrk(v, "/ \t") ||
	    !strcmp(v, ".") || !strcmp(v, ".."))
		return wrong(err, n, "'%s' is not an interface's name", v);
	memset(dst, 0, IFNAMSIZ);
	memcpy(dst, v, len);
	return 0;
}

static int set_spi(void *dst, const char *v, char *err, size_t n)
{
	uint32_t *spi = dst;

	if (conf_set_u32(dst, v, err, n))
		return -1;
	if (*spi < 256)	/* RFC 4303 2.1 */
		return wrong(err, n, "SPIs below 256 are reserved");
	return 0;
}

static int set_sa_addr(void *dst, const char *v, char *err, size_t n)
{
	if (conf_set_addr(dst, v, err, n))
		return -1;
	if (!ip6_unicast_routable(dst))
		return wrong(err, n, "'%s' is not unicast routable", v);
	return 0;
}

static int set_algorithm(void *dst, const char *v, char *err, size_t n)
{
	if (esp_alg_parse(v, dst))
		return wrong(err, n, "'%s' is not known; known are "
			     "chacha20-poly1305 and aes-256-gcm", v);
	return 0;
}

/* Nothing of the key may get into a message. */
static int set_key(void *dst, const char *v, char *err, size_t n)
{
	uint8_t key[ESP_KEY_LEN];
	const char *end;
	size_t len;
	int rc;

	rc = sodium_hex2bin(key, sizeof(key), v, strlen(v), NULL, &len, &end);
	if (!rc && !*end && len == sizeof(key))
		memcpy(dst, key, sizeof(key));
	else
		rc = wrong(err, n, "not %d hexadecimal digits "
			   "(openssl rand -hex %d)", 2 * ESP_KEY_LEN,
			   ESP_KEY_LEN);
	sodium_memzero(key, sizeof(key));
	return rc;
}

static int set_identity(void *dst, const char *v, char *err, size_t n)
{
	const size_t max = sizeof(((struct sadb_conf *)0)->identity);
	size_t len = strlen(v);

	if (!len || len >= max)
		return wrong(err, n, "not of 1 to %zu characters", max - 1);
	memset(dst, 0, max);
	memcpy(dst, v, len);
	return 0;
}

#define SA(key_name, field, fn, must) { \
	.name = key_name, .set = fn, \
	.off = offsetof(struct sadb_conf, field), .required = must }

const struct conf_key conf_sa_keys[] = {
	SA("spi", spi, set_spi, true),
	SA("src", src, set_sa_addr, true),
	SA("dst", dst, set_sa_addr, true),
	SA("algorithm", alg, set_algorithm, true),
	SA("key", key, set_key, true),
	SA("identity", identity, set_identity, true),
	{ .name = NULL },
};
