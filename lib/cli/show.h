/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedgectl's answers as people read them. */
#ifndef KEDGE_CLI_SHOW_H
#define KEDGE_CLI_SHOW_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>

/* Prints the answer to a command as a table; the command is one of status,
 * bindings, anchors, flows, explain, sas, owners, policy, counters, flush. */
void show(const char *cmd, struct json_object *answer);

/* Writes one line for an event of the monitor. */
void show_event(FILE *out, struct json_object *ev);

/* A value as text: "-" for null or absent, "yes" and "no"; what is not
 * printable ASCII becomes '?'. */
void text_of(char *out, size_t len, struct json_object *v);
void text_of_seconds(char *out, size_t len, struct json_object *v);

#endif
