/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kedgectl policy check: without a daemon. */
#ifndef KEDGE_CLI_POLICY_H
#define KEDGE_CLI_POLICY_H

#include <stdbool.h>

/* Reads a policy file (NULL: where it is by custom) and prints it as it was
 * understood, or its errors to stderr. The exit status. */
int policy_check(const char *path, bool json);

#endif
