/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KEDGE_SRCADDR_H
#define KEDGE_SRCADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Has this host that address (on the interface scope, if it is link-local and
 * scope is not 0), and may it be used? *temporary: RFC 8981's kind. By one dump
 * of rtnetlink; false also where that fails. */
bool srcaddr_find(const struct in6_addr *addr, uint32_t scope,
		  bool *temporary);

#endif
