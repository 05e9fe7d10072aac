/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: a Unix stream socket (0660), one JSON object a line in
 * both directions. {"cmd":"status"} is answered by {"ok":true,...} or
 * {"ok":false,"error":"..."}; after {"cmd":"monitor"} events follow, one a
 * line, until the client hangs up. Requests are bounded (4 KiB a line, 64
 * clients); a monitor that does not read is cut off at 1 MiB of backlog.
 */
#ifndef KEDGE_CTL_H
#define KEDGE_CTL_H

#include <json-c/json.h>

#include "core/loop.h"

struct ctl;

struct ctl_cmd {
	const char *name;	/* NULL ends the table */
	/* Fills answer. 0, or -errno (answered as an error by its text, unless
	 * answer has an "error" already). */
	int (*run)(void *arg, struct json_object *request,
		   struct json_object *answer);
};

/*
 * Called by run(): the answer comes later, by ctl_answer() with this token,
 * and what run() fills and returns is not sent. The client's next request
 * waits. One at a time for each client; never 0.
 */
uint64_t ctl_defer(struct ctl *ctl);
/* answer is taken over; err as run() returns it. Nothing happens where the
 * client has gone. */
void ctl_answer(struct ctl *ctl, uint64_t token, struct json_object *answer,
		int err);

/* A stale socket file is replaced; one that answers is -EADDRINUSE. The
 * folder is made if missing (0755, not its parents). 0 or -errno, the reason
 * logged. cmds and arg are kept. "monitor" need not be in cmds. */
int ctl_open(struct ctl **out, struct loop *loop, const char *path,
	     const struct ctl_cmd *cmds, void *arg);
/* Also unlinks. Before loop_fini(), which frees the memory. NULL is allowed. */
void ctl_close(struct ctl *ctl);

/* Does any monitor listen? Ask where events are many: to make one for nobody
 * costs more than what it tells about. ctl may be NULL. */
bool ctl_heard(const struct ctl *ctl);
/*
 * Sends an event to every monitor. ev is taken over; "time" (walltime) is
 * added. ctl may be NULL. Events: {"event":NAME, ...}; see kedgectl(8).
 */
void ctl_event(struct ctl *ctl, struct json_object *ev);
/* An event from name, then pairs of key and string value, NULL at the end. A
 * value that is NULL becomes null (cast it: (char *)NULL). */
struct json_object *ctl_ev(const char *name, ...)
	__attribute__((sentinel));

#endif
