/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by pps.bpf.c and pps_load.c. */
#ifndef KEDGE_BENCH_PPS_H
#define KEDGE_BENCH_PPS_H

#include <linux/types.h>

enum {
	/* Ethernet, IPv6, UDP and 18 bytes; tunnelled: 40 more */
	PPS_PLAIN = 80,
	PPS_TUNNELLED = 120,
	PPS_STEP = 40503,	/* odd: all numbers come, in no order */
};

struct pps_config {
	__u32 ifindex;		/* to send on */
	__u32 len;		/* PPS_PLAIN or PPS_TUNNELLED */
	/* flow numbers: 1 + stride * (0 .. mask) */
	__u32 mask, stride;
	/* where in the frame a flow's number goes; 0: nowhere */
	__u32 at[3];
	__u64 frame[PPS_TUNNELLED / 8];
};

#endif
