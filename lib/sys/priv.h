/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dropping what a daemon does not need. */
#ifndef KEDGE_PRIV_H
#define KEDGE_PRIV_H

/*
 * Becomes user (NULL or "": stays) and keeps only NET_ADMIN, NET_RAW and BPF
 * (SYS_ADMIN where the kernel has no CAP_BPF), no new privileges, no
 * bounding set beyond these. Folders in paths (NULL-terminated) are given to
 * the user, or back to root if it stays root, first. 0 or -errno, the reason
 * logged.
 */
int priv_drop(const char *user, const char *const *paths);

#endif
