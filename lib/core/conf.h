/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration: INI (libinih) with drop-ins FILE.d/ *.conf read in order of
 * their names. Desired state is plain data, written by tables: an unknown
 * section or key, a bad value, a key given twice in one section is an error
 * that names file and line; all errors are told, not the first alone.
 *
 * A section without a name may stand in several files: a later file's value
 * replaces an earlier one's, and a list goes on. A named section stands once.
 * A comment begins with # or ; at a line's start or after a space.
 *
 * What the setters allocate (conf_set_string) belongs to the daemon's conf
 * struct: whoever loads into a new struct on SIGHUP frees the old one's
 * strings. Keys pass through no memory that is not wiped here; those in
 * struct sadb_conf are the daemon's to wipe (sodium_memzero).
 */
#ifndef KEDGE_CONF_H
#define KEDGE_CONF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "core/sadb.h"

/* Parses value to *dst. 0, or -1 with a reason in err. */
struct conf_key {
	const char *name;
	int (*set)(void *dst, const char *value, char *err, size_t err_len);
	size_t off;		/* of dst in what open() returned */
	bool required;
	bool many;		/* may be given more than once (a list) */
};

struct conf_section {
	const char *type;	/* "sa" of [sa NAME], "ha" of [ha] */
	bool named;
	/* The struct that this section's keys go to; NULL: err says why. It
	 * must stay where it is until close() of this section. */
	void *(*open)(void *conf, const char *name, char *err, size_t err_len);
	/* May be NULL. Called at a named section's end, and for others at the
	 * end of the last file; not where a required key is missing. 0, or -1
	 * with err. */
	int (*close)(void *conf, void *section, char *err, size_t err_len);
	const struct conf_key *keys;	/* name NULL ends them; at most 64 */
};

/* sections ends with a type of NULL. 0, or -EINVAL with every error printed to
 * errs as "FILE:LINE: what", or -errno where FILE or a drop-in cannot be read
 * (printed too). */
int conf_load(const char *path, const struct conf_section *sections,
	      void *conf, FILE *errs);

/* For open(): where its section begins. */
const char *conf_file(void);
unsigned int conf_line(void);

/* What a setter returns, with the reason in err. */
__attribute__((format(printf, 3, 4)))
static inline int wrong(char *err, size_t n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, n, fmt, ap);
	va_end(ap);
	return -1;
}

/* Setters for tables, as struct conf_key has them; dst points to: */
int conf_set_addr(void *dst, const char *v, char *err, size_t n);
		/* struct in6_addr, any address */
int conf_set_prefix(void *dst, const char *v, char *err, size_t n);
		/* struct ip6_prefix; no bits set after its length */
int conf_set_string(void *dst, const char *v, char *err, size_t n);
		/* char *, owned by dst's owner; the old one is freed */
int conf_set_u32(void *dst, const char *v, char *err, size_t n);
		/* uint32_t, decimal or 0x... */
int conf_set_bool(void *dst, const char *v, char *err, size_t n);
		/* bool: yes, no, true, false, on, off */
int conf_set_seconds(void *dst, const char *v, char *err, size_t n);
		/* mtime: "10", "1.5", "500ms", "2m", "1h" */
int conf_set_ifname(void *dst, const char *v, char *err, size_t n);
		/* char[IFNAMSIZ] */

/* The [sa NAME] section, the same for both daemons: open() is the daemon's
 * (it returns a struct sadb_conf with the name set), the keys are these.
 * Key: 72 hex digits, 32 bytes of key and 4 of salt. */
extern const struct conf_key conf_sa_keys[];

#endif
