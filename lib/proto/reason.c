/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/reason.h"

const char *reason_str(enum reason reason)
{
	static const char *const names[REASON__MAX] = {
		[REASON_NONE] = "none",
#define X(sym, name, text) [REASON_##sym] = name,
		REASONS(X)
#undef X
	};

	return (unsigned int)reason < REASON__MAX ? names[reason] : "?";
}

const char *reason_text(enum reason reason)
{
	static const char *const texts[REASON__MAX] = {
		[REASON_NONE] = "no error",
#define X(sym, name, text) [REASON_##sym] = text,
		REASONS(X)
#undef X
	};

	return (unsigned int)reason < REASON__MAX ? texts[reason] : "?";
}
