/* SPDX-License-Identifier: GPL-2.0-or-later */
/* systemd's Type=notify, without libsystemd: a datagram to $NOTIFY_SOCKET. */
#ifndef KEDGE_NOTIFY_H
#define KEDGE_NOTIFY_H

#include "core/loop.h"

/* "READY=1", "STOPPING=1", "STATUS=...". Nothing without $NOTIFY_SOCKET. */
void notify_send(const char *state);
/* Sends WATCHDOG=1 at half of $WATCHDOG_USEC from loop's timers. */
void notify_watchdog(struct loop *loop);

#endif
