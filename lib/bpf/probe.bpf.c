// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does an interface send what XDP redirects to it? Drivers do not tell; where
 * one does not, redirected packets vanish. So one frame is redirected, and the
 * kernel's own tracepoint is listened to.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

__u32 probe_ifindex;
__u32 probe_pid;
__s32 probe_sent;

SEC("xdp")
int probe_redirect(struct xdp_md *ctx)
{
	(void)ctx;
	return bpf_redirect(probe_ifindex, 0);
}

/* xdp_devmap_xmit: from, to, sent, drops, err */
SEC("raw_tp/xdp_devmap_xmit")
int probe_listen(struct bpf_raw_tracepoint_args *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 == probe_pid)
		probe_sent = (__s32)ctx->args[2];
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
