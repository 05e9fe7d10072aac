// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does an interface send what XDP redirects to it? Drivers do not tell; where
 * one does not, redirected packets vanish. So one frame is redirected, and the
 * kernel's own tracepoint is listened to.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

enum { LOOPBACK = 1 };

__u32 probe_ifindex;
__s32 probe_sent;

struct net_device {
	int ifindex;
} __attribute__((preserve_access_index));

SEC("xdp")
int probe_redirect(struct xdp_md *ctx)
{
	(void)ctx;
	return bpf_redirect(probe_ifindex, 0);
}

/* What the probe sends comes from no interface, that is, from lo. */
SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(probe_listen, const struct net_device *from,
	     const struct net_device *to, int sent)
{
	if (from->ifindex == LOOPBACK && to->ifindex == (int)probe_ifindex)
		probe_sent = sent;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
