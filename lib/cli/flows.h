/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kedgectl does beside asking for flows and explain. */
#ifndef KEDGE_CLI_FLOWS_H
#define KEDGE_CLI_FLOWS_H

#include <json-c/json.h>
#include <stdbool.h>

/* Looks in /proc for the processes of flows that the daemon does not know one
 * of, as far as we may see. */
void flows_find_processes(struct json_object *flows);

/*
 * The request of "explain DST [OPTION...]", argv[0] being "explain"; *json is
 * set if it is among the options. NULL where one is wrong, which was told. To
 * be freed by json_object_put().
 */
struct json_object *explain_request(int argc, char **argv, bool *json);

#endif
