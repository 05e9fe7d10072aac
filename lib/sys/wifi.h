/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nl80211 (linux/nl80211.h): what the kernel tells of Wi-Fi interfaces'
 * associations and signal. Where it has no nl80211, nothing is told until it
 * has; its module is never loaded for us.
 */
#ifndef KEDGE_WIFI_H
#define KEDGE_WIFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wifi_event_type {
	WIFI_LOOK,		/* nl80211 has come, or events were lost: all
				 * interfaces are to be looked at */
	WIFI_CONNECTED,		/* associated, or with another access point */
	WIFI_DISCONNECTED,
	WIFI_SIGNAL_LOW,	/* it passed a threshold, ours or another's */
	WIFI_SIGNAL_HIGH,
	WIFI_BEACONS_LOST,	/* of its access point; it is asked */
};

struct wifi_event {
	enum wifi_event_type type;
	uint32_t ifindex;
	int dbm;		/* of WIFI_SIGNAL_*; 0: not told */
};

struct wifi;

typedef void wifi_event_fn(void *arg, const struct wifi_event *event);

/* 0 or -errno. */
int wifi_open(struct wifi **out, wifi_event_fn *fn, void *arg);
void wifi_close(struct wifi *wifi);		/* NULL is allowed */
int wifi_event_fd(const struct wifi *wifi);
/* Calls fn for each event that waits; it may call the requests below. */
void wifi_read_events(struct wifi *wifi);

/* The requests' errors: -ENOTSUP, there is no nl80211; else the kernel's. */

/* Is it one that associates with access points (managed)? 0: it is;
 * -EPROTOTYPE: Wi-Fi, but not so; else it is none. */
int wifi_managed(struct wifi *wifi, uint32_t ifindex);
/* The signal of the access point that it is associated with, in dBm (below 0;
 * 0: the driver does not tell). -ENOTCONN: with none. */
int wifi_signal(struct wifi *wifi, uint32_t ifindex, int *dbm);
/* Events are to tell when the signal passes dbm, hysteresis dB apart. There is
 * one such threshold for an interface: who sets his last has it. Needs
 * CAP_NET_ADMIN. */
int wifi_watch(struct wifi *wifi, uint32_t ifindex, int dbm,
	       unsigned int hysteresis);

/* One message of nl80211, its generic netlink header first. False: it tells
 * nothing that matters here. */
bool wifi_event_parse(struct wifi_event *out, const void *message, size_t len);

#endif
