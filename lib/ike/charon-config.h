/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands for the config.h that strongSwan was built with, before everything
 * else in the files that include its headers. What those of 5.9.8 ask for
 * (other systems than Linux left out):
 *
 *   ME	changes layouts: methods of peer_cfg_t and ike_sa_t, members of
 *	daemon_t and peer_cfg_create_t, values of payloads and tasks. Debian
 *	builds with it; configure asks the library, and passes -DME.
 *   HAVE_STDBOOL_H
 *	bool is a signed char without it.
 *   HAVE_SIGWAITINFO, HAVE_CLOSEFROM, HAVE_MEMRCHR, HAVE_FMEMOPEN,
 *   HAVE_EXPLICIT_BZERO, HAVE_ALLOCA_H, HAVE_SYS_PARAM_H
 *	functions and headers that Linux's C library has: left out, some are
 *	declared or replaced, at odds with that library.
 *   HAVE_CLOCK_GETTIME, HAVE_CONDATTR_CLOCK_MONOTONIC
 *	which clock conditions take; it is used inside the library alone.
 *   USE_VSTR, USE_BUILTIN_PRINTF
 *	printf() of its own: not in Debian, which hooks the C library's.
 *   HAVE_INT128, HAVE_SYS_CAPABILITY_H, CAPABILITIES_NATIVE, LOCK_PROFILER,
 *   HASHTABLE_PROFILER, DEBUG_LEVEL
 *	nothing that this side sees.
 *
 * LEAK_DETECTIVE, USE_IKEV1 and the rest are for its sources alone.
 */
#ifndef KEDGE_IKE_CHARON_CONFIG_H
#define KEDGE_IKE_CHARON_CONFIG_H

#define CONFIG_H_INCLUDED

#define HAVE_STDBOOL_H 1
#define HAVE_ALLOCA_H 1
#define HAVE_SYS_PARAM_H 1
#define HAVE_SIGWAITINFO 1
#define HAVE_CLOSEFROM 1
#define HAVE_MEMRCHR 1
#define HAVE_FMEMOPEN 1
#define HAVE_EXPLICIT_BZERO 1
#define HAVE_CLOCK_GETTIME 1
#define HAVE_CONDATTR_CLOCK_MONOTONIC 1

#endif
