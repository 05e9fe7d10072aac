/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kedge0, the persistent TUN device. Packets that BPF does not take out of it
 * are read here.
 */
#ifndef KEDGE_TUN_H
#define KEDGE_TUN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens (and makes, if need be) a persistent TUN device with IFF_VNET_HDR and
 * TUN_F_CSUM (without it the kernel cannot hand UDP GSO through), sets it
 * non-blocking. Returns the descriptor or -errno (-EBUSY: another process has
 * it). *ifindex is its index.
 */
int tun_open(const char *name, uint32_t *ifindex);
/* The same for one that was deleted, with the index that it had. */
int tun_open_again(const char *name, uint32_t ifindex);

/*
 * Reads one packet (IPv6 header onward) with its checksum completed. Returns
 * its length, -EAGAIN where there is none, -EMSGSIZE (skipped), -EBADMSG
 * (skipped: the device gave nonsense).
 */
ssize_t tun_read(int fd, uint8_t *out, size_t cap);

/* Gives the stack a packet as if it had come in on the device. 0 or -errno. */
int tun_write(int fd, const uint8_t *p, size_t len);

#endif
