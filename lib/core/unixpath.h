/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a daemon's Unix socket is to be. */
#ifndef KEDGE_UNIXPATH_H
#define KEDGE_UNIXPATH_H

/*
 * Makes path free to be bound to: its folder is made if missing (0755, not its
 * parents), a socket file that nobody listens at is removed. type: SOCK_STREAM,
 * SOCK_SEQPACKET. 0 or -errno: -EADDRINUSE somebody does, -ENOTSOCK it is
 * something else, -ENAMETOOLONG.
 */
int unixpath_prepare(const char *path, int type);

#endif
