/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kedgectl test-path: does the path of one binding carry packets, both ways?
 * Through the data plane that its flows use, beside them.
 */
#ifndef KEDGE_MN_TESTPATH_H
#define KEDGE_MN_TESTPATH_H

#include <json-c/json.h>

struct mn;

/* As ctl_cmd.run has it; the answer comes later, within 8 s. */
int testpath_run(void *arg, struct json_object *request,
		 struct json_object *answer);
/* Ends those that are under way, without an answer. */
void testpath_stop(struct mn *mn);

#endif
