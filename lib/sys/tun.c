/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/log.h"

enum { IP6_HEADER = 40 };

/* as: the index of one that is made, or 0. */
static int tun_configure(int fd, const char *name, uint32_t as,
			 uint32_t *ifindex)
{
	struct ifreq ifr = {
		.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR,
	};
	int hdr_len = sizeof(struct virtio_net_hdr);

	strcpy(ifr.ifr_name, name);
	if (as && ioctl(fd, TUNSETIFINDEX, &as) < 0)
		return -errno;
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return -errno;
	if (ioctl(fd, TUNSETVNETHDRSZ, &hdr_len) < 0 ||
	    ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM) < 0 ||
	    ioctl(fd, TUNSETPERSIST, 1) < 0)
		return -errno;
	*ifindex = if_nametoindex(ifr.ifr_name);
	return *ifindex ? 0 : -errno;
}

static int tun_open_as(const char *name, uint32_t as, uint32_t *ifindex)
{
	int fd, err;

	if (!*name || strlen(name) >= IFNAMSIZ)
		return -EINVAL;
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	err = fd < 0 ? -errno : tun_configure(fd, name, as, ifindex);
	if (!err)
		return fd;
	log_err("%s: cannot open the TUN device: %s", name, strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

int tun_open(const char *name, uint32_t *ifindex)
{
	return tun_open_as(name, 0, ifindex);
}

int tun_open_again(const char *name, uint32_t ifindex)
{
	uint32_t same;

	return tun_open_as(name, ifindex, &same);
}

/* The Internet checksum's sum (RFC 1071), not yet inverted. */
static uint16_t sum16(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	if (len & 1)
		sum += p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The field holds the pseudo-header's sum; the rest is left to the device. */
static int complete_checksum(const struct virtio_net_hdr *hdr, uint8_t *p,
			     size_t len)
{
	size_t start = hdr->csum_start, field = start + hdr->csum_offset;
	uint16_t sum;

	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return 0;
	if (start < IP6_HEADER || field + 2 > len)
		return -EBADMSG;
	sum = ~sum16(p + start, len - start);
	if (!sum)	/* RFC 8200 8.1: to UDP, zero means none */
		sum = 0xffff;
	p[field] = sum >> 8;
	p[field + 1] = sum & 0xff;
	return 0;
}

ssize_t tun_read(int fd, uint8_t *out, size_t cap)
{
	struct virtio_net_hdr hdr;
	uint8_t beyond;		/* tells a packet of cap bytes from more */
	struct iovec iov[] = {
		{ &hdr, sizeof(hdr) }, { out, cap }, { &beyond, 1 },
	};
	ssize_t n = readv(fd, iov, 3);
	int err;

	if (n < 0)
		return -errno;
	if (n < (ssize_t)sizeof(hdr) + IP6_HEADER)
		return -EBADMSG;
	n -= sizeof(hdr);
	if ((size_t)n > cap)
		return -EMSGSIZE;
	if (out[0] >> 4 != 6 || hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return -EBADMSG;
	err = complete_checksum(&hdr, out, n);
	return err ? err : n;
}

int tun_write(int fd, const uint8_t *p, size_t len)
{
	struct virtio_net_hdr hdr = { .gso_type = VIRTIO_NET_HDR_GSO_NONE };
	struct iovec iov[] = {
		{ &hdr, sizeof(hdr) }, { (void *)p, len },
	};

	return writev(fd, iov, 2) < 0 ? -errno : 0;
}
