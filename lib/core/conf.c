/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/conf.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

enum {
	LINE_MAX_LEN = 180,	/* libinih's buffer may be of 200 bytes */
	KEYS_MAX = 64,		/* of one section */
	ERR_LEN = 256,
	ID_LEN = 256,		/* of a section; longer than any line */
};

/* A section that was opened; an unnamed one stays open to the end, so that a
 * drop-in may add to it. */
struct section {
	UT_hash_handle hh;
	const struct conf_section *type;
	char *id;		/* "TYPE NAME" */
	const char *name;	/* in id */
	void *dst;
	char *file;		/* where it was opened */
	int line;
	uint64_t given;		/* a bit for each key, in any file */
	uint64_t given_here;	/* in this file */
	bool closed;
};

struct parser {
	const struct conf_section *types;
	void *conf;
	FILE *errs;
	int n_errors;
	struct section *sections;	/* by id; in the order of opening */
	/* of the file being read */
	FILE *in;
	const char *file;
	int line;
	struct section *current;	/* NULL: none, or an unknown one */
	bool in_section;
	bool unanswered;	/* libinih did not see a key in this line */
	mode_t mode;
};

/* Of the section that was opened last. */
static const char *opened_file = "";
static unsigned int opened_line;

const char *conf_file(void)
{
	return opened_file;
}

unsigned int conf_line(void)
{
	return opened_line;
}

__attribute__((format(printf, 3, 4)))
static void error_at(struct parser *p, int line, const char *fmt, ...)
{
	va_list ap;

	p->n_errors++;
	fprintf(p->errs, "%s:%d: ", p->file, line);
	va_start(ap, fmt);
	vfprintf(p->errs, fmt, ap);
	va_end(ap);
	fputc('\n', p->errs);
}

static const char *space(const struct section *s)
{
	return s->type->named ? " " : "";
}

static void section_close(struct parser *p, struct section *s)
{
	char err[ERR_LEN] = "wrong";
	const struct conf_key *key;
	const char *file = p->file;
	bool missing = false;
	int i;

	s->closed = true;
	p->file = s->file;
	for (i = 0; s->type->keys[i].name; i++) {
		key = &s->type->keys[i];
		if (!key->required || (s->given & UINT64_C(1) << i))
			continue;
		error_at(p, s->line, "[%s%s%s] lacks %s", s->type->type,
			 space(s), s->name, key->name);
		missing = true;
	}
	if (!missing && s->type->close &&
	    s->type->close(p->conf, s->dst, err, sizeof(err)))
		error_at(p, s->line, "[%s%s%s]: %s", s->type->type, space(s),
			 s->name, err);
	p->file = file;
}

static void current_end(struct parser *p)
{
	if (p->current && p->current->type->named)
		section_close(p, p->current);
	p->current = NULL;
}

static struct section *section_find(const struct parser *p,
				    const struct conf_section *type,
				    const char *name)
{
	char id[ID_LEN];
	struct section *s;

	snprintf(id, sizeof(id), "%s %s", type->type, name);
	HASH_FIND_STR(p->sections, id, s);
	return s;
}

static void section_free(struct section *s)
{
	free(s->id);
	free(s->file);
	free(s);
}

/* Without memory: NULL. */
static struct section *section_alloc(const struct conf_section *type,
				     const char *name, const char *file)
{
	size_t len = strlen(type->type) + 1;
	struct section *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->type = type;
	s->file = strdup(file);
	s->id = malloc(len + strlen(name) + 1);
	if (!s->file || !s->id) {
		section_free(s);
		return NULL;
	}
	sprintf(s->id, "%s %s", type->type, name);
	s->name = s->id + len;
	return s;
}

static struct section *section_new(struct parser *p,
				   const struct conf_section *type,
				   const char *name)
{
	char err[ERR_LEN] = "cannot be opened";
	struct section *s;
	void *dst;

	opened_file = p->file;
	opened_line = (unsigned int)p->line;
	dst = type->open(p->conf, name, err, sizeof(err));
	if (!dst) {
		error_at(p, p->line, "[%s %s]: %s", type->type, name, err);
		return NULL;
	}
	s = section_alloc(type, name, p->file);
	if (!s) {
		error_at(p, p->line, "out of memory");
		return NULL;
	}
	s->dst = dst;
	s->line = p->line;
	HASH_ADD_KEYPTR(hh, p->sections, s->id, strlen(s->id), s);
	return s;
}

static const struct conf_section *type_find(const struct parser *p,
					    const char *type)
{
	int i;

	for (i = 0; p->types[i].type; i++)
		if (!strcmp(p->types[i].type, type))
			return &p->types[i];
	return NULL;
}

static void section_begin(struct parser *p, char *type, const char *name)
{
	const struct conf_section *t = type_find(p, type);
	struct section *s;

	if (!t) {
		error_at(p, p->line, "unknown section [%s]", type);
		return;
	}
	if (t->named != (*name != '\0')) {
		error_at(p, p->line, t->named ? "[%s] needs a name: [%s NAME]" :
			 "[%s] takes no name", type, type);
		return;
	}
	s = section_find(p, t, name);
	if (s && t->named)
		error_at(p, p->line, "[%s %s] stands already at %s:%d", type,
			 name, s->file, s->line);
	else
		p->current = s ?: section_new(p, t, name);
}

/* "[type name]" at text, which is changed. */
static void section_line(struct parser *p, char *text)
{
	char *end = strchr(text, ']');
	char *name;

	current_end(p);
	p->in_section = true;
	if (!end) {
		error_at(p, p->line, "no ']' after the section's name");
		return;
	}
	*end = '\0';
	text += 1 + strspn(text + 1, " \t");
	name = text + strcspn(text, " \t");
	if (*name) {
		*name++ = '\0';
		name += strspn(name, " \t");
		end = name + strlen(name);
		while (end > name && isspace((unsigned char)end[-1]))
			*--end = '\0';
	}
	section_begin(p, text, name);
}

static void key_set(struct parser *p, struct section *s, int i,
		    const char *value)
{
	const struct conf_key *key = &s->type->keys[i];
	uint64_t bit = UINT64_C(1) << i;
	char err[ERR_LEN] = "wrong value";

	if ((s->given_here & bit) && !key->many) {
		error_at(p, p->line, "%s is given twice", key->name);
		return;
	}
	s->given |= bit;
	s->given_here |= bit;
	if (key->set((char *)s->dst + key->off, value, err, sizeof(err)))
		error_at(p, p->line, "%s: %s", key->name, err);
}

/* libinih's handler. Sections are seen by read_line() already. */
static int on_key(void *user, const char *section, const char *name,
		  const char *value)
{
	struct parser *p = user;
	struct section *s = p->current;
	int i;

	(void)section;
	p->unanswered = false;
	if (!p->in_section)
		error_at(p, p->line, "%s stands before any section", name);
	if (!s)
		return 1;	/* in an unknown section, told already */
	for (i = 0; i < KEYS_MAX && s->type->keys[i].name; i++) {
		if (strcmp(s->type->keys[i].name, name))
			continue;
		key_set(p, s, i, value ? value : "");
		return 1;
	}
	error_at(p, p->line, "unknown key %s in [%s%s%s]", name,
		 s->type->type, space(s), s->name);
	return 1;
}

/* A comment begins with # or ; at the start or after a space. */
static void cut_comment(char *text)
{
	char *c;

	for (c = text; *c; c++)
		if ((*c == '#' || *c == ';') &&
		    (c == text || isspace((unsigned char)c[-1])))
			*c = '\0';
}

static void skip_to_line_end(FILE *in)
{
	int c;

	do
		c = getc(in);
	while (c != EOF && c != '\n');
}

static void check_answered(struct parser *p)
{
	if (p->unanswered)
		error_at(p, p->line, "neither a section nor KEY = VALUE");
	p->unanswered = false;
}

/*
 * libinih's reader, which is where lines are counted. It gives libinih each
 * line without its indentation (which would make it a continuation of the
 * line before, with some builds of libinih) and without its comment.
 */
static char *read_line(char *str, int num, void *stream)
{
	struct parser *p = stream;
	char line[LINE_MAX_LEN + 2], *text;
	size_t len;

	check_answered(p);
	sodium_memzero(str, (size_t)num);	/* may hold a key */
	if (num <= LINE_MAX_LEN) {
		error_at(p, p->line, "libinih reads no lines so long");
		return NULL;
	}
	if (!fgets(line, sizeof(line), p->in))
		return NULL;
	p->line++;
	len = strlen(line);
	if (len == sizeof(line) - 1 && line[len - 1] != '\n') {
		error_at(p, p->line, "longer than %d characters",
			 LINE_MAX_LEN);
		skip_to_line_end(p->in);
		line[0] = '\0';
	}
	cut_comment(line);
	text = line + strspn(line, " \t\r\n");
	p->unanswered = *text && *text != '[';
	snprintf(str, (size_t)num, "%s", text);
	if (*text == '[')
		section_line(p, text);
	sodium_memzero(line, sizeof(line));
	return str;
}

/* Secrets of IKE's are as good as keys. */
static bool has_keys(const struct parser *p)
{
	const struct section *s;

	for (s = p->sections; s; s = s->hh.next)
		if ((!strcmp(s->type->type, "sa") ||
		     !strcmp(s->type->type, "psk")) &&
		    !strcmp(s->file, p->file))
			return true;
	return false;
}

static void parse_open_file(struct parser *p)
{
	static char iobuf[BUFSIZ];
	struct section *s;
	struct stat st;

	setvbuf(p->in, iobuf, _IOFBF, sizeof(iobuf));
	for (s = p->sections; s; s = s->hh.next)
		s->given_here = 0;
	ini_parse_stream(read_line, p, on_key, p);
	check_answered(p);
	current_end(p);
	if (ferror(p->in))
		error_at(p, p->line, "cannot be read");
	if (has_keys(p) && !fstat(fileno(p->in), &st) &&
	    (st.st_mode & S_IROTH))
		fprintf(p->errs, "%s: warning: holds keys, and everybody may "
			"read it\n", p->file);
	fclose(p->in);
	sodium_memzero(iobuf, sizeof(iobuf));
}

static int parse_file(struct parser *p, const char *path)
{
	int rc;

	p->file = path;
	p->line = 0;
	p->in_section = false;
	p->unanswered = false;
	p->in = fopen(path, "re");
	if (!p->in) {
		rc = -errno;
		fprintf(p->errs, "%s: %s\n", path, strerror(errno));
		return rc;
	}
	parse_open_file(p);
	return 0;
}

static int is_dropin(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 &&
	       !strcmp(entry->d_name + len - 5, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int parse_dropins(struct parser *p, const char *path)
{
	struct dirent **names;
	char dir[PATH_MAX], file[2 * PATH_MAX];
	int i, n, rc = 0;

	if (snprintf(dir, sizeof(dir), "%s.d", path) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	n = scandir(dir, &names, is_dropin, by_name);
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0) {
		rc = -errno;
		fprintf(p->errs, "%s: %s\n", dir, strerror(errno));
		return rc;
	}
	for (i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, names[i]->d_name);
		rc = parse_file(p, file) ?: rc;
		free(names[i]);
	}
	free(names);
	return rc;
}

/* Unnamed sections that stand nowhere may lack a key all the same. */
static void check_absent(struct parser *p)
{
	const struct conf_section *type;
	int i;

	for (type = p->types; type->type; type++) {
		if (type->named || section_find(p, type, ""))
			continue;
		for (i = 0; type->keys[i].name; i++)
			if (type->keys[i].required)
				break;
		if (type->keys[i].name)
			error_at(p, p->line, "no section [%s], which must "
				 "give %s", type->type, type->keys[i].name);
	}
}

static void finish(struct parser *p, const char *path)
{
	struct section *s, *next;

	p->file = path;
	p->line = 1;
	check_absent(p);
	HASH_ITER(hh, p->sections, s, next) {
		if (!s->closed)
			section_close(p, s);
		HASH_DEL(p->sections, s);
		section_free(s);
	}
}

int conf_load(const char *path, const struct conf_section *sections,
	      void *conf, FILE *errs)
{
	struct parser p = { .types = sections, .conf = conf, .errs = errs };
	int rc = parse_file(&p, path);

	if (rc)
		return rc;
	rc = parse_dropins(&p, path);
	opened_file = "";
	finish(&p, path);
	if (rc)
		return rc;
	return p.n_errors ? -EINVAL : 0;
}
