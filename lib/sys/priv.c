/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/priv.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

#include "core/log.h"

static int user_find(const char *name, uid_t *uid, gid_t *gid)
{
	struct passwd *pw;

	errno = 0;
	pw = getpwnam(name);
	if (!pw) {
		log_err("user %s: %s", name,
			errno ? strerror(errno) : "no such user");
		return errno ? -errno : -ENOENT;
	}
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

/* The folders alone: what a user put into its own folder (a link to another's
 * file) is never given away. */
static int paths_give(const char *const *paths, uid_t uid, gid_t gid)
{
	int err;

	for (; paths && *paths; paths++) {
		if (!lchown(*paths, uid, gid))
			continue;
		err = -errno;
		log_err("%s: cannot give it to uid %u: %s", *paths, uid,
			strerror(-err));
		return err;
	}
	return 0;
}

static int caps_choose(void)
{
	const capng_type_t sets = CAPNG_EFFECTIVE | CAPNG_PERMITTED |
		CAPNG_BOUNDING_SET;
	int bpf = CAP_BPF;

	/* Kernels before 5.8 do not know CAP_BPF. */
	if (prctl(PR_CAPBSET_READ, CAP_BPF, 0, 0, 0) < 0)
		bpf = CAP_SYS_ADMIN;
	capng_clear(CAPNG_SELECT_ALL);
	return capng_updatev(CAPNG_ADD, sets, CAP_NET_ADMIN, CAP_NET_RAW, bpf,
			     -1) ? -EINVAL : 0;
}

/*
 * The bounding set needs CAP_SETPCAP. Without it (a unit that starts as its
 * user) it is left as it is, and no_new_privs makes it void.
 */
static bool may_bound(void)
{
	return !capng_get_caps_process() &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
}

static int caps_apply(bool change, uid_t uid, gid_t gid)
{
	bool bound = may_bound();
	int err = caps_choose();

	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		err = -errno;
	if (!err && bound && capng_apply(CAPNG_SELECT_BOUNDS))
		err = -EPERM;
	if (!err && change && capng_change_id(uid, gid, CAPNG_DROP_SUPP_GRP))
		err = -EPERM;
	if (!err && !change && capng_apply(CAPNG_SELECT_CAPS))
		err = -EPERM;
	if (err)
		log_err("cannot drop privileges: %s", strerror(-err));
	return err;
}

int priv_drop(const char *user, const char *const *paths)
{
	bool change = user && *user;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int err = 0;

	if (change)
		err = user_find(user, &uid, &gid);
	/* Root as well: what was a user's is closed to it without
	 * CAP_DAC_OVERRIDE. */
	if (!err && (change || !uid))
		err = paths_give(paths, uid, gid);
	return err ? err : caps_apply(change, uid, gid);
}
