/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of kedge-mn's answers on the control socket. */
#ifndef KEDGE_MN_JSON_H
#define KEDGE_MN_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/ip6.h"

/* value NULL: null */
static inline void put(struct json_object *o, const char *key,
		       const char *value)
{
	json_object_object_add(o, key, value ? json_object_new_string(value) :
					       NULL);
}

static inline void put_int(struct json_object *o, const char *key,
			   int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static inline void put_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

/* ::: null */
static inline void put_addr(struct json_object *o, const char *key,
			    const struct in6_addr *addr)
{
	put(o, key, IN6_IS_ADDR_UNSPECIFIED(addr) ? NULL : ip6_str(addr));
}

static inline void put_prefix(struct json_object *o, const char *key,
			      const struct in6_addr *addr, unsigned int len)
{
	struct ip6_prefix prefix = {*addr, len};
	char text[64];

	ip6_prefix_mask(&prefix);
	snprintf(text, sizeof(text), "%s/%u", ip6_str(&prefix.addr), len);
	put(o, key, len ? text : NULL);
}

#endif
