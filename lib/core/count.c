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
	int64_t second;		/* that "lines" is about */
	unsigned int lines;
	uint64_t left_out;
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

static bool may_log(struct refusal *r)
{
	int64_t second = mtime_sec(loop_now());

	if (second != r->second) {
		r->second = second;
		r->lines = 0;
	}
	if (r->lines < LINES_PER_SECOND) {
		r->lines++;
		return true;
	}
	r->left_out++;
	return false;
}

bool count_refused_one(enum reason reason)
{
	struct refusal *r = &refusals[reason];

	r->n++;
	return log_wanted(LOG_LEVEL_INFO) && may_log(r);
}

void count_tell(enum reason reason, const char *fmt, ...)
{
	struct refusal *r = &refusals[reason];
	char text[512], left_out[48] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->left_out)
		snprintf(left_out, sizeof(left_out), " (%llu more not shown)",
			 (unsigned long long)r->left_out);
	r->left_out = 0;
	log_info("refused: %s (%s): %s%s", reason_str(reason),
		 reason_text(reason), text, left_out);
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
