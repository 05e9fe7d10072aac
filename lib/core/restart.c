/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/restart.h"

#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "core/loop.h"

static const char key[] = "restart-counter";

uint32_t restart_count(struct store *store, bool lost)
{
	uint32_t n;
	int err = store_get(store, key, &n, sizeof(n));

	if (!err && !lost)
		return n;
	n = err ? (uint32_t)loop_walltime() : n + 1;
	err = store_put(store, key, &n, sizeof(n), true);
	if (err)
		log_err("restart counter: %s", strerror(-err));
	log_info("restart counter: %u%s", n, lost ? ": bindings of before may "
		 "be lost" : "");
	return n;
}
