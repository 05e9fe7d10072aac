/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mn/policy.h"
#include "show.h"

#define CUSTOMARY "/etc/kedge/policy.conf"

int policy_check(const char *path, bool json)
{
	static struct policy policy;
	struct json_object *o;
	int err;

	if (!path || !*path)
		path = CUSTOMARY;
	if (policy_load(&policy, path, stderr))
		return 1;
	o = policy_json(&policy, path);
	if (json)
		puts(json_object_to_json_string_ext(o,
						    JSON_C_TO_STRING_PLAIN));
	else
		show("policy", o);
	json_object_put(o);
	err = fflush(stdout) || ferror(stdout) ? errno : 0;
	if (err && err != EPIPE)
		fprintf(stderr, "kedgectl: cannot write: %s\n", strerror(err));
	return err && err != EPIPE;
}
