/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/count.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/log.h"
#include "core/loop.h"

enum { LINES_PER_SECOND = 10 };

static uint64_t events[COUNT__MAX];

static struct refusal {
	uint64_t n;
	struct count_limit limit;
} refusals[REASON__MAX];

static const char *const event_names[COUNT__MAX] = {
#define X(sym, name) [COUNT_##sym] = name,
	EVENTS(X)
#undef X
};

void count(enum count_event event)
{
	events[event]++;
}

uint64_t count_get(enum count_event event)
{
	return events[event];
}

uint64_t count_refused(enum reason reason)
{
	return refusals[reason].n;
}

bool count_may_log(struct count_limit *limit)
{
	int64_t second = mtime_sec(loop_now());

	if (second != limit->second) {
		limit->second = second;
		limit->lines = 0;
	}
	if (limit->lines < LINES_PER_SECOND) {
		limit->lines++;
		return true;
	}
	limit->left_out++;
	return false;
}

const char *count_left_out(struct count_limit *limit)
{
	static char text[48];

	if (!limit->left_out)
		return "";
	snprintf(text, sizeof(text), " (%llu more not shown)",
		 (unsigned long long)limit->left_out);
	limit->left_out = 0;
	return text;
}

bool count_refused_one(enum reason reason)
{
	struct refusal *r = &refusals[reason];

	r->n++;
	return log_wanted(LOG_LEVEL_INFO) && count_may_log(&r->limit);
}

void count_tell(enum reason reason, const char *fmt, ...)
{
	struct refusal *r = &refusals[reason];
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("refused: %s (%s): %s%s", reason_str(reason),
		 reason_text(reason), text, count_left_out(&r->limit));
}

struct json_object *count_json(void)
{
	struct json_object *out = json_object_new_object();
	struct json_object *refused = json_object_new_object();
	struct json_object *ev = json_object_new_object();
	int i;

	for (i = REASON_NONE + 1; i < REASON__MAX; i++)
		json_object_object_add(refused, reason_str(i),
				       json_object_new_uint64(refusals[i].n));
	for (i = 0; i < COUNT__MAX; i++)
		json_object_object_add(ev, event_names[i],
				       json_object_new_uint64(events[i]));
	json_object_object_add(out, "refused", refused);
	json_object_object_add(out, "events", ev);
	return out;
}
