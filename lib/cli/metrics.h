/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedgectl metrics: the answer to "counters" as OpenMetrics text. */
#ifndef KEDGE_CLI_METRICS_H
#define KEDGE_CLI_METRICS_H

#include <json-c/json.h>
#include <stdio.h>

/* Writes all of it, "# EOF" included. What an older daemon does not tell is
 * left out. */
void metrics_print(FILE *out, struct json_object *answer);

#endif
