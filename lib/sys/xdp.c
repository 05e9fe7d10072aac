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

/* What is in the driver. */
enum here { NOTHING, THIS, OURS, ANOTHERS };

static int prog_info(int fd, struct bpf_prog_info *info)
{
	uint32_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(fd, info, &len);
}

uint32_t xdp_id(int prog_fd)
{
	struct bpf_prog_info info;

	return prog_info(prog_fd, &info) ? 0 : info.id;
}

/* Where nobody told us its number: by its name. */
static int looked_at(uint32_t id)
{
	struct bpf_prog_info info;
	int err, fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return fd;
	err = prog_info(fd, &info);
	close(fd);
	return !err && !strcmp(info.name, "kedge_ha_xdp") ? OURS : ANOTHERS;
}

/* prog_fd: this program, or -1. enum here or -errno. */
static int what_is_here(uint32_t ifindex, int prog_fd,
			const struct xdp_ours *ours)
{
	uint32_t id;
	unsigned int i;
	int err = bpf_xdp_query_id((int)ifindex, XDP_FLAGS_DRV_MODE, &id);

	if (err || !id)
		return err ? err : NOTHING;
	if (prog_fd >= 0 && xdp_id(prog_fd) == id)
		return THIS;
	for (i = 0; i < ours->n; i++)
		if (ours->ids[i] == id)
			return OURS;
	return looked_at(id);
}

int xdp_attach(uint32_t ifindex, int prog_fd, const struct xdp_ours *ours,
	       bool any)
{
	uint32_t flags = XDP_FLAGS_DRV_MODE;
	int here = what_is_here(ifindex, prog_fd, ours);

	/* many a driver takes its link down for this */
	if (here < 0 || here == THIS)
		return here < 0 ? here : 0;
	if (here == ANOTHERS)
		return -EBUSY;
	if (!any && of_this_machine(ifindex)) {
		here = here == OURS ? xdp_detach(ifindex, ours) : 0;
		return here ? here : -EOPNOTSUPP;
	}
	if (here == NOTHING)
		flags |= XDP_FLAGS_UPDATE_IF_NOEXIST;
	return bpf_xdp_attach((int)ifindex, prog_fd, flags, NULL);
}

int xdp_detach(uint32_t ifindex, const struct xdp_ours *ours)
{
	int here = what_is_here(ifindex, -1, ours);

	if (here == OURS)
		return bpf_xdp_detach((int)ifindex, XDP_FLAGS_DRV_MODE, NULL);
	return here < 0 ? here : 0;
}

int xdp_probe_new(struct probe_bpf **out)
{
	*out = probe_bpf__open_and_load();
	return *out ? 0 : -errno;
}

void xdp_probe_free(struct probe_bpf *probe)
{
	probe_bpf__destroy(probe);
}

/* Sends the one frame. */
static void send_frame(struct probe_bpf *probe, const uint8_t mac[ETH_ALEN])
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
	bpf_prog_test_run_opts(bpf_program__fd(probe->progs.probe_redirect),
			       &opts);
}

bool xdp_sends(struct probe_bpf *probe, uint32_t ifindex, const uint8_t mac[6])
{
	struct bpf_link *listen;

	if (!probe)
		return false;
	listen = bpf_program__attach(probe->progs.probe_listen);
	if (!listen)
		return false;
	probe->bss->probe_ifindex = ifindex;
	probe->bss->probe_sent = 0;
	send_frame(probe, mac);
	bpf_link__destroy(listen);
	return probe->bss->probe_sent == 1;
}
