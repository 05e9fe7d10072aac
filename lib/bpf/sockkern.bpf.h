/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sock.bpf.c reads of the kernel's own structs: the fields alone, whose
 * places the loader takes from the kernel that runs (BTF).
 */
#ifndef KEDGE_SOCKKERN_BPF_H
#define KEDGE_SOCKKERN_BPF_H

#include <linux/in6.h>
#include <linux/types.h>

enum { TCP_STATE_TIME_WAIT = 6, TCP_STATE_NEW_SYN_RECV = 12 };

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

struct kgid {
	__u32 val;
};

struct group_info {
	int ngroups;
	struct kgid gid[0];
};

struct cred {
	struct group_info *group_info;
};

struct task_struct {
	struct task_struct *group_leader;
	const struct cred *cred;
	char comm[16];
};

struct sock_common {
	unsigned short skc_family;
	volatile unsigned char skc_state;
	__u16 skc_num;
	__be16 skc_dport;
	int skc_bound_dev_if;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct socket;

struct sock {
	struct sock_common __sk_common;
	struct socket *sk_socket;
};

struct inode {
	unsigned long i_ino;
};

struct socket_alloc {
	struct inode vfs_inode;
};

struct tcp_sock {
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u64 bytes_received;
	bool is_mptcp;
};

struct mptcp_sock {
	__u32 token;
};

struct udp_sock;
struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
	__u32 uid;
};

struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
	__u32 uid;
};

#pragma clang attribute pop

#endif
