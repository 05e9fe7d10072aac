/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "probe.skel.h"

enum { ETH_P_LOCAL_EXPERIMENT = 0x88b5 };	/* IEEE 802, 9.2.3 */

static int driver_name(uint32_t ifindex, char out[sizeof(
		       ((struct ethtool_drvinfo *)0)->driver)])
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq ifr = { .ifr_data = (char *)&info };
	int fd, err = 0;

	if (!if_indextoname(ifindex, ifr.ifr_name))
		return -errno;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCETHTOOL, &ifr))
		err = -errno;
	close(fd);
	memcpy(out, info.driver, sizeof(info.driver));
	return err;
}

/* A packet of a host on this machine: its checksum may be left to a device
 * that it never comes to. */
static bool of_this_machine(uint32_t ifindex)
{
	char name[sizeof(((struct ethtool_drvinfo *)0)->driver)];

	return driver_name(ifindex, name) || !strcmp(name, "veth") ||
	       !strcmp(name, "tun");
}

/* The program in the driver: its number, 0 for none; or -errno. */
static int64_t attached(uint32_t ifindex, const char *name, bool *ours)
{
	struct bpf_prog_info info = { 0 };
	uint32_t id, len = sizeof(info);
	int fd, err = bpf_xdp_query_id((int)ifindex, XDP_FLAGS_DRV_MODE, &id);

	*ours = false;
	if (err || !id)
		return err;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return fd;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		*ours = !strcmp(info.name, name);
	close(fd);
	return id;
}

int xdp_attach(uint32_t ifindex, int prog_fd, const char *name, bool any)
{
	uint32_t flags = XDP_FLAGS_DRV_MODE;
	bool ours;
	int64_t id = attached(ifindex, name, &ours);

	if (id < 0)
		return (int)id;
	if (id && !ours)
		return -EBUSY;
	if (!any && of_this_machine(ifindex))
		return -EOPNOTSUPP;
	if (!id)
		flags |= XDP_FLAGS_UPDATE_IF_NOEXIST;
	return bpf_xdp_attach((int)ifindex, prog_fd, flags, NULL);
}

bool xdp_detach(uint32_t ifindex, const char *name)
{
	bool ours;

	return attached(ifindex, name, &ours) > 0 && ours &&
	       !bpf_xdp_detach((int)ifindex, XDP_FLAGS_DRV_MODE, NULL);
}

/* Sends the one frame. */
static void probe(struct probe_bpf *skel, const uint8_t mac[ETH_ALEN])
{
	uint8_t frame[ETH_ZLEN] = { 0 };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts,
			    .data_in = frame, .data_size_in = sizeof(frame),
			    .repeat = 1, .batch_size = 1,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

	memcpy(frame, mac, ETH_ALEN);
	memcpy(frame + ETH_ALEN, mac, ETH_ALEN);
	frame[2 * ETH_ALEN] = ETH_P_LOCAL_EXPERIMENT >> 8;
	frame[2 * ETH_ALEN + 1] = ETH_P_LOCAL_EXPERIMENT & 0xff;
	bpf_prog_test_run_opts(bpf_program__fd(skel->progs.probe_redirect),
			       &opts);
}

bool xdp_sends(uint32_t ifindex, const uint8_t mac[6])
{
	struct probe_bpf *skel = probe_bpf__open();
	bool sends = false;

	if (!skel)
		return false;
	skel->rodata->probe_ifindex = ifindex;
	skel->rodata->probe_pid = (uint32_t)getpid();
	if (!probe_bpf__load(skel) && !probe_bpf__attach(skel)) {
		probe(skel, mac);
		sends = skel->bss->probe_sent == 1;
	}
	probe_bpf__destroy(skel);
	return sends;
}
