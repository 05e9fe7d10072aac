// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The packets-per-second benchmark's generator, for BPF_PROG_TEST_RUN's live
 * frames, and its sink.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "pps.h"

const volatile struct pps_config config = { 0 };
__u64 sunk;
static __u32 turn;

static __always_inline int put(__u8 *data, __u8 *end, __u32 at, __be32 n)
{
	if (at > PPS_TUNNELLED || data + at + 4 > end)
		return -1;
	*(__be32 *)(data + at) = n;
	return 0;
}

/*
 * Writes the whole frame: its page was used before. One turn's flow number is
 * far from the next one's, as with packets of many flows.
 */
SEC("xdp")
int pps_generate(struct xdp_md *ctx)
{
	__u8 *data = (__u8 *)(long)ctx->data;
	__u8 *end = (__u8 *)(long)ctx->data_end;
	__be32 n = bpf_htonl((turn++ * PPS_STEP & config.mask) *
			     config.stride + 1);
	int i;

	for (i = 0; i < PPS_TUNNELLED / 8 && i < config.len / 8; i++) {
		if (data + i * 8 + 8 > end)
			return XDP_ABORTED;
		((__u64 *)data)[i] = config.frame[i];
	}
	for (i = 0; i < 3 && config.at[i]; i++)
		if (put(data, end, config.at[i], n))
			return XDP_ABORTED;
	return bpf_redirect(config.ifindex, 0);
}

SEC("tc")
int pps_sink(struct __sk_buff *skb)
{
	(void)skb;
	sunk++;
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "GPL";
