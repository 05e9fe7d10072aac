/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs on interfaces: tc filters, XDP. */
#include <bpf/bpf.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "sys/dpint.h"

enum {
	/* Our filters' place; fixed, so that a restart replaces them. */
	DP_HANDLE = 1,
	DP_PRIORITY = 77,
};

static const enum bpf_tc_attach_point points[] = {
	BPF_TC_INGRESS, BPF_TC_EGRESS
};

static int filter_attach(struct dp *dp, uint32_t ifindex,
			 enum bpf_tc_attach_point point, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(dp->obj,
								    name);
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = DP_HANDLE,
			    .priority = DP_PRIORITY, .flags = BPF_TC_F_REPLACE);
	int err;

	if (!prog)
		return -ENOENT;
	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		return err;
	hook.attach_point = point;
	opts.prog_fd = bpf_program__fd(prog);
	return bpf_tc_attach(&hook, &opts);
}

/* The programs count on an Ethernet header, or on none. */
static int check_arptype(uint32_t ifindex, uint16_t arptype)
{
	struct ifreq ifr = { 0 };
	int fd, err = 0;

	if (!if_indextoname(ifindex, ifr.ifr_name))
		return -errno;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFHWADDR, &ifr))
		err = -errno;
	else if (ifr.ifr_hwaddr.sa_family != arptype)
		err = -EPROTONOSUPPORT;
	close(fd);
	return err;
}

static int attached(uint32_t ifindex, int err)
{
	if (err)
		log_err("interface %u: cannot attach the data plane: %s",
			ifindex, strerror(-err));
	return err;
}

/* What a dump of a hook's filters showed. */
struct filters {
	bool ours, others;
};

static int on_option(const struct nlattr *attr, void *arg)
{
	const char **name = arg;

	if (mnl_attr_get_type(attr) == TCA_BPF_NAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*name = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

/* Each classifier comes once without a handle, then each of its filters. */
static int on_filter(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	struct filters *found = arg;
	const struct nlattr *attr;
	const char *name = "";

	if (nlh->nlmsg_type != RTM_NEWTFILTER ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*tcm) || !tcm->tcm_handle)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*tcm))
		if (mnl_attr_get_type(attr) == TCA_OPTIONS)
			mnl_attr_parse_nested(attr, on_option, &name);
	if (TC_H_MAJ(tcm->tcm_info) >> 16 == DP_PRIORITY &&
	    tcm->tcm_handle == DP_HANDLE && !strncmp(name, "kedge_", 6))
		found->ours = true;
	else
		found->others = true;
	return MNL_CB_OK;
}

static void filters_dump(struct mnl_socket *nl, uint32_t ifindex,
			 enum bpf_tc_attach_point point, struct filters *found)
{
	char buffer[16384] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct tcmsg *tcm;
	ssize_t n;

	nlh->nlmsg_type = RTM_GETTFILTER;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));
	tcm->tcm_ifindex = ifindex;
	tcm->tcm_parent = TC_H_MAKE(TC_H_CLSACT, point == BPF_TC_INGRESS ?
				    TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return;
	do {
		n = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
	} while (n > 0 && mnl_cb_run(buffer, n, 0, 0, on_filter, found) > 0);
}

static struct filters filters_find(uint32_t ifindex,
				   enum bpf_tc_attach_point point)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct filters found = { 0 };

	if (!nl)
		return found;
	if (!mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		filters_dump(nl, ifindex, point, &found);
	mnl_socket_close(nl);
	return found;
}

static bool is_filtered(uint32_t ifindex, enum bpf_tc_attach_point point)
{
	return filters_find(ifindex, point).ours;
}

static bool filter_detach(uint32_t ifindex, enum bpf_tc_attach_point point)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
			    .attach_point = point);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = DP_HANDLE,
			    .priority = DP_PRIORITY);

	return filters_find(ifindex, point).ours &&
	       !bpf_tc_detach(&hook, &opts);
}

int dp_attach(struct dp *dp, uint32_t ifindex, bool home)
{
	bool ha = dp->role == DP_HA;
	int err = check_arptype(ifindex, ARPHRD_ETHER);

	if (!err)
		err = filter_attach(dp, ifindex, BPF_TC_INGRESS,
				    ha ? "kedge_ha_in" : "kedge_mn_in");
	if (!err && home)
		err = filter_attach(dp, ifindex, BPF_TC_EGRESS,
				    ha ? "kedge_ha_out" : "kedge_mn_out");
	else if (!err)
		filter_detach(ifindex, BPF_TC_EGRESS);
	return attached(ifindex, err);
}

int dp_attach_again(struct dp *dp, uint32_t ifindex, bool home)
{
	int err;

	if (is_filtered(ifindex, BPF_TC_INGRESS) &&
	    (!home || is_filtered(ifindex, BPF_TC_EGRESS)))
		return 0;
	err = dp_attach(dp, ifindex, home);
	return err ? err : 1;
}

int dp_attach_xdp(struct dp *dp, uint32_t ifindex, const uint8_t mac[6])
{
	struct dp_mac ours = { 0 };
	int err, fd = bpf_program__fd(dp->ha->progs.kedge_ha_xdp);

	if (dp->xdp == DP_XDP_NO) {
		err = xdp_detach(ifindex, &dp->ours);
		return err ? err : -EOPNOTSUPP;
	}
	err = xdp_attach(ifindex, fd, &dp->ours, dp->xdp == DP_XDP_YES);
	if (err)
		return err;
	memcpy(&ours, mac, sizeof(ours.part));
	err = bpf_map_update_elem(bpf_map__fd(dp->ha->maps.macs), &ifindex,
				  &ours, BPF_ANY);
	if (!err && xdp_sends(dp->probe, ifindex, mac))
		return bpf_map_update_elem(bpf_map__fd(dp->ha->maps.outputs),
					   &ifindex, &ifindex, BPF_ANY);
	bpf_map_delete_elem(bpf_map__fd(dp->ha->maps.outputs), &ifindex);
	return err;
}

void dp_gone(struct dp *dp, uint32_t ifindex)
{
	bpf_map_delete_elem(bpf_map__fd(dp->ha->maps.macs), &ifindex);
	bpf_map_delete_elem(bpf_map__fd(dp->ha->maps.outputs), &ifindex);
}

void dp_routes_changed(struct dp *dp)
{
	if (dp->ha)
		dp->ha->bss->route_generation++;
}

int dp_attach_tun(struct dp *dp, uint32_t ifindex)
{
	int err = check_arptype(ifindex, ARPHRD_NONE);

	if (!err)
		err = filter_attach(dp, ifindex, BPF_TC_EGRESS, "kedge_mn_tun");
	return attached(ifindex, err);
}

int dp_attach_tun_again(struct dp *dp, uint32_t ifindex)
{
	int err;

	if (is_filtered(ifindex, BPF_TC_EGRESS))
		return 0;
	err = dp_attach_tun(dp, ifindex);
	return err ? err : 1;
}

void dp_interface_clean(const struct dp *dp, uint32_t ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	bool removed = false, others = false;
	size_t i;

	int err = dp->ha ? xdp_detach(ifindex, &dp->ours) : 0;

	if (err == -EPERM)
		log_err("interface %u: there is an XDP program that may not "
			"be looked at, ours or not: %s", ifindex,
			strerror(-err));
	for (i = 0; i < 2; i++)
		removed |= filter_detach(ifindex, points[i]);
	for (i = 0; removed && i < 2; i++)
		others |= filters_find(ifindex, points[i]).others;
	if (removed && !others)
		bpf_tc_hook_destroy(&hook);
}

void dp_detach(struct dp *dp, uint32_t ifindex)
{
	dp_interface_clean(dp, ifindex);
}
