/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedgectl's commands about single bindings: revoke, switch, test-path,
 * move, prepare. */
#ifndef KEDGE_CLI_ORDER_H
#define KEDGE_CLI_ORDER_H

#include <json-c/json.h>
#include <stdbool.h>

bool order_is(const char *cmd);
/*
 * The request, argv[0] being the command; *json is set if it is among the
 * options. NULL where one is wrong, which was told. To be freed by
 * json_object_put().
 */
struct json_object *order_request(int argc, char **argv, bool *json);
/* For people. */
void order_show(const char *cmd, struct json_object *answer);
/* The exit status: 1 where the daemon answered that it does not work. */
int order_status(struct json_object *answer);

#endif
