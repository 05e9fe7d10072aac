/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines to standard error: with the local time and the daemon's name, or
 * with syslog's "<3>" prefixes where standard error is systemd's journal.
 * errno is kept. A line is cut at 1023 bytes.
 */
#ifndef KEDGE_LOG_H
#define KEDGE_LOG_H

#include <stdbool.h>
#include <stdio.h>

#include "proto/reason.h"

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO,
		 LOG_LEVEL_DEBUG };

/* ident is kept, not copied: "kedge-ha". */
void log_init(const char *ident, enum log_level level);
void log_set_level(enum log_level level);
/* From now on to syslog(3): a daemon in the background has no stderr. */
void log_to_syslog(void);

/* Would a line of this level be written? */
bool log_wanted(enum log_level level);
void log_write(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* What stands in its arguments is not even computed where nobody sees it. */
#define log_at(level, ...) do { \
	if (log_wanted(level)) \
		log_write(level, __VA_ARGS__); \
} while (0)
/*
 * For what writes errors to a stream: opens one (NULL: out of memory) whose
 * lines log_stream_end() logs as errors. One at a time.
 */
FILE *log_stream(void);
void log_stream_end(FILE *stream);

#define log_err(...) log_at(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
