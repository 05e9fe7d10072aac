/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static const char *ident = "kedge";
static enum log_level max_level = LOG_LEVEL_INFO;
static enum { TO_TERMINAL, TO_JOURNAL, TO_SYSLOG } target;

static int syslog_level(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERR:
		return LOG_ERR;
	case LOG_LEVEL_WARN:
		return LOG_WARNING;
	case LOG_LEVEL_INFO:
		return LOG_INFO;
	case LOG_LEVEL_DEBUG:
		return LOG_DEBUG;
	}
	return LOG_ERR;
}

static const char *level_text(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERR:
		return "error: ";
	case LOG_LEVEL_WARN:
		return "warning: ";
	case LOG_LEVEL_INFO:
	case LOG_LEVEL_DEBUG:
		return "";
	}
	return "";
}

/* systemd.exec(5): $JOURNAL_STREAM is device:inode of the journal's stream. */
static bool stderr_is_journal(void)
{
	const char *js = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return js && sscanf(js, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev &&
	       st.st_ino == ino;
}

void log_init(const char *name, enum log_level level)
{
	ident = name;
	max_level = level;
	target = stderr_is_journal() ? TO_JOURNAL : TO_TERMINAL;
}

void log_set_level(enum log_level level)
{
	max_level = level;
}

void log_to_syslog(void)
{
	openlog(ident, LOG_PID, LOG_DAEMON);
	target = TO_SYSLOG;
}

static void to_terminal(const char *what, const char *text)
{
	struct timespec ts;
	struct tm tm;
	char at[16];

	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(at, sizeof(at), "%H:%M:%S", &tm);
	fprintf(stderr, "%s.%03ld %s: %s%s\n", at, ts.tv_nsec / 1000000,
		ident, what, text);
}

bool log_wanted(enum log_level level)
{
	return level <= max_level;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (target == TO_SYSLOG)
		syslog(syslog_level(level), "%s", text);
	else if (target == TO_JOURNAL)
		fprintf(stderr, "<%d>%s\n", syslog_level(level), text);
	else
		to_terminal(level_text(level), text);
	errno = saved;
}

static char *stream_text;
static size_t stream_len;

FILE *log_stream(void)
{
	return open_memstream(&stream_text, &stream_len);
}

void log_stream_end(FILE *stream)
{
	char *line, *at;

	fclose(stream);
	at = stream_text;
	while ((line = strsep(&at, "\n")))
		if (*line)
			log_err("%s", line);
	free(stream_text);
	stream_text = NULL;
}
