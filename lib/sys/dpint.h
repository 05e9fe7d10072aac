/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What dp.c, dpattach.c and dpmap.c share; nobody else's. */
#ifndef KEDGE_DPINT_H
#define KEDGE_DPINT_H

#include <bpf/libbpf.h>

/* whose types the skeletons use */
#include "sys/dp.h"

#include "ha.skel.h"
#include "mn.skel.h"
#include "sys/xdp.h"

enum { DP_PATH_MAX = 256 };

/* The layout comes last: where it is missing, a start was cut short. */
enum dp_map { MAP_BINDINGS, MAP_PREFIXES, MAP_COAS, MAP_FLOWS, MAP_SELECTORS,
	      MAP_ADDRS, MAP_SPIS, MAP_RING, MAP_STATS, MAP_LAYOUT, MAP__MAX };

struct dp {
	enum dp_role role;
	enum dp_xdp xdp;
	char bpffs[DP_PATH_MAX];
	struct ha_bpf *ha;
	struct mn_bpf *mn;
	struct xdp_ours ours;		/* programs of before, and this one */
	struct probe_bpf *probe;	/* of outputs for XDP; NULL: none */
	struct bpf_object *obj;		/* of ha or mn */
	struct bpf_map *maps[MAP__MAX];
	bool reused[MAP__MAX];
	struct ring_buffer *rb;
	void (*fn)(void *arg, const struct dp_rec *rec);
	void *arg;
	int n_recs;
	int pins_fd;			/* inotify of the folder; -1: none */
	uint32_t mark;			/* of what this daemon put in a set */
	bool homes_set;			/* all are /64s */
	uint32_t homes_left_out;	/* for which there was no room */
};

static inline int dp_map_fd(const struct dp *dp, enum dp_map map)
{
	return bpf_map__fd(dp->maps[map]);
}

/* dpattach.c: takes our programs off an interface; clsact too, unless
 * another's filter is on it. */
void dp_interface_clean(const struct dp *dp, uint32_t ifindex);
/* dpmap.c: tells the programs how many prefixes there are. 0 or -errno. */
int dp_prefixes_count(struct dp *dp);
/* dpflow.c: and how many bindings there are with DP_BINDING_MULTI. */
int dp_multi_count(struct dp *dp);

#endif
