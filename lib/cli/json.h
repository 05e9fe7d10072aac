/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of the daemons' answers. */
#ifndef KEDGE_CLI_JSON_H
#define KEDGE_CLI_JSON_H

#include <json-c/json.h>

/* NULL: there is none, or it is null. */
static inline struct json_object *get(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? v : NULL;
}

/* "-" for null or absent */
static inline const char *get_string(struct json_object *o, const char *key)
{
	const char *s = json_object_get_string(get(o, key));

	return s ? s : "-";
}

#endif
