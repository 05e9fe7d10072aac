/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The care-of addresses and flow bindings of a binding that has several. */
#ifndef KEDGE_CLI_WAYS_H
#define KEDGE_CLI_WAYS_H

#include <json-c/json.h>

/* Lines below a binding's own: one for each of "paths" and "flow_bindings". */
void ways_print(struct json_object *binding);

#endif
