/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a Wi-Fi interface tells of its association (nl80211) before its carrier
 * goes, or without its going: one machine per interface, from events to "its
 * signal is weak", "it is about to go" and "is the router still the same?".
 * Pure: ops do it.
 *
 *	NONE --associated--> GOOD --signal at weak_at or below--> WEAK
 *	  ^                   ^ <---- signal HYSTERESIS above it ----+
 *	  +-- disconnected ---+--------------------------------------+
 *
 * With another access point at once, no disconnection between, WEAK stays until
 * that one's signal is known, or was asked for and is not.
 */
#ifndef KEDGE_RADIO_H
#define KEDGE_RADIO_H

#include <stdbool.h>

#include "proto/timers.h"
#include "sys/wifi.h"

/* In dB, between weak and good again. */
enum { RADIO_HYSTERESIS = 4 };

/* So long an interface whose access point is not heard is believed to be about
 * to go: it was lost within that, or has answered when it was asked. */
#define RADIO_LEAVING MTIME_SEC(30)

enum radio_state {
	RADIO_NONE,		/* no Wi-Fi, or not associated */
	RADIO_GOOD,		/* or nobody wants to know */
	RADIO_WEAK,
};

struct radio;

struct radio_ops {
	/* Events are to tell when the signal passes r->weak_at. False: they
	 * cannot. */
	bool (*watch)(void *arg, struct radio *r);
	/* The signal now, in dBm; 0: not known. */
	int (*ask)(void *arg, struct radio *r);
	/* r->state, r->dbm; what is weak carries others' flows no more. */
	void (*state)(void *arg, struct radio *r, enum radio_state old);
	/* Its access point is not heard: it may be about to go, within
	 * RADIO_LEAVING; or it is not. */
	void (*leaving)(void *arg, struct radio *r, bool leaving);
	/* Its association has ended; the carrier follows. */
	void (*lost)(void *arg, struct radio *r);
	/* It is with an access point, another one perhaps. */
	void (*joined)(void *arg, struct radio *r);
};

struct radio {
	const struct radio_ops *ops;
	void *arg;
	struct timers *timers;
	enum radio_state state;
	int weak_at;		/* dBm; 0: no signal is */
	int dbm;		/* as told last; 0: not known */
	bool low;		/* below somebody's threshold, or who knows */
	mtime leaving_until;	/* 0: it is not */
	struct timer timer;	/* armed: the signal is asked for then */
	mtime since;		/* of the state */
};

void radio_init(struct radio *r, const struct radio_ops *ops, void *arg,
		struct timers *timers);
void radio_fini(struct radio *r);

/* As configured: 0 or below; may be the same. */
void radio_set(struct radio *r, int weak_at, mtime now);
/* Found as it is, at our start or after events were lost: associated, or not
 * (or none of Wi-Fi). */
void radio_found(struct radio *r, bool associated, mtime now);
/* Not WIFI_LOOK, which is radio_found() of each. */
void radio_event(struct radio *r, const struct wifi_event *ev, mtime now);

const char *radio_state_str(enum radio_state state);

#endif
