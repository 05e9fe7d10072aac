/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where an XDP program can be at work: in the driver itself, and with outputs
 * that send what is redirected to them.
 */
#ifndef KEDGE_XDP_H
#define KEDGE_XDP_H

#include <stdbool.h>
#include <stdint.h>

enum { XDP_OURS_MAX = 16 };

/* Numbers of programs that are known to be ours; to look at a program that is
 * attached takes CAP_SYS_ADMIN. */
struct xdp_ours {
	uint32_t ids[XDP_OURS_MAX];
	unsigned int n;
};

/*
 * Attaches in the driver, in place of an older program of ours. 0 or -errno:
 * -EOPNOTSUPP: the driver has no XDP, or (unless any) hands its packets on with
 * checksums that nobody has computed yet, as veth and tun do; -EBUSY: another's
 * program is there; -EPERM: one that we may not look at, so another's or not.
 */
int xdp_attach(uint32_t ifindex, int prog_fd, const struct xdp_ours *ours,
	       bool any);
/* Detaches a program of ours. 0 (also where there is none), or -EPERM as
 * above, or another -errno. */
int xdp_detach(uint32_t ifindex, const struct xdp_ours *ours);
/* The number of a program, or 0. */
uint32_t xdp_id(int prog_fd);

/*
 * Does an interface send what is redirected to it? Finds out by sending one
 * frame, from itself to itself, of the type for local experiments. The probe is
 * made while there are privileges, and used later without: 0 or -errno.
 */
struct probe_bpf;
int xdp_probe_new(struct probe_bpf **out);
void xdp_probe_free(struct probe_bpf *probe);	/* NULL is allowed */
/* false also where that cannot be found out (probe NULL, for one). */
bool xdp_sends(struct probe_bpf *probe, uint32_t ifindex, const uint8_t mac[6]);

#endif
