/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The service types of RFC 8653 3.1, by the numbers that applications use
 * (kedge.h), and why a socket has the one it has.
 */
#ifndef KEDGE_SERVICE_H
#define KEDGE_SERVICE_H

#include <stdbool.h>

enum service {
	SERVICE_NONE,		/* nothing asked, nothing granted */
	SERVICE_FIXED,
	SERVICE_SESSION_LASTING,
	SERVICE_NONPERSISTENT,
	SERVICE_GRACEFUL,
	SERVICE__MAX
};

/* Who said so; the higher one wins. */
enum service_why {
	SERVICE_WHY_DEFAULT,	/* nobody: the default */
	SERVICE_WHY_POLICY,	/* a rule of the policy */
	SERVICE_WHY_RUN,	/* kedgectl run */
	SERVICE_WHY_PREFER,	/* RFC 5014's HOME or COA: a preference */
	SERVICE_WHY_OPTION,	/* the socket option, or setsc() */
	SERVICE_WHY__MAX
};

/* "fixed", "session-lasting", "nonpersistent", "graceful-replacement"; "none"
 * for SERVICE_NONE, "?" for what is none. */
const char *service_str(enum service service);
/* By these names. false: it is none of them. */
bool service_parse(const char *text, enum service *out);
/* "default", "policy", "run", "preference", "option" */
const char *service_why_str(enum service_why why);

#endif
