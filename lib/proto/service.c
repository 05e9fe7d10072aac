/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/service.h"

#include <string.h>

static const char *const names[SERVICE__MAX] = {
	[SERVICE_NONE] = "none",
	[SERVICE_FIXED] = "fixed",
	[SERVICE_SESSION_LASTING] = "session-lasting",
	[SERVICE_NONPERSISTENT] = "nonpersistent",
	[SERVICE_GRACEFUL] = "graceful-replacement",
};

static const char *const whys[SERVICE_WHY__MAX] = {
	[SERVICE_WHY_DEFAULT] = "default",
	[SERVICE_WHY_POLICY] = "policy",
	[SERVICE_WHY_RUN] = "run",
	[SERVICE_WHY_PREFER] = "preference",
	[SERVICE_WHY_OPTION] = "option",
};

const char *service_str(enum service service)
{
	return service < SERVICE__MAX ? names[service] : "?";
}

bool service_parse(const char *text, enum service *out)
{
	enum service s;

	for (s = SERVICE_FIXED; s < SERVICE__MAX; s++) {
		if (strcmp(text, names[s]) != 0)
			continue;
		*out = s;
		return true;
	}
	return false;
}

const char *service_why_str(enum service_why why)
{
	return why < SERVICE_WHY__MAX ? whys[why] : "?";
}
