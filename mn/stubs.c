/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For this branch alone, until what it stands in for is here. */
#include <errno.h>
#include "mn/mn.h"

void policy_default(struct policy *policy) { memset(policy, 0, sizeof(*policy)); policy->everybody = ~0u; policy->reset_nonpersistent = policy->reset_lost = true; policy->grace = MTIME_SEC(10);}
int policy_load(struct policy *policy, const char *path, FILE *errs) { (void)path, (void)errs; policy_default(policy); return 0; }
/* "5003" is nonpersistent, "5004" graceful: what tests need */
int policy_match(const struct policy *policy, const struct policy_flow *flow)
{
	(void)policy, (void)flow;
	return -1;
}
bool policy_permits(const struct policy *policy, enum service service, uint32_t uid, uint32_t gid) { (void)policy, (void)service, (void)uid, (void)gid; return true; }
int sockhook_open(struct sockhook **out, const char *bpffs, const char *cgroup) { (void)out, (void)bpffs, (void)cgroup; return -EOPNOTSUPP; }
void sockhook_close(struct sockhook *sh) { (void)sh; }
void sockhook_flush(struct sockhook *sh) { (void)sh; }
int sockhook_service_set(struct sockhook *sh, enum service service, const struct sock_service *as) { (void)sh, (void)service, (void)as; return 0; }
int sockhook_each(struct sockhook *sh, void (*fn)(void *arg, const struct sock_rec *rec), void *arg) { (void)sh, (void)fn, (void)arg; return -EOPNOTSUPP; }
int sockhook_event_fd(const struct sockhook *sh) { (void)sh; return -1; }
void sockhook_read_events(struct sockhook *sh, void (*fn)(void *arg, const struct sock_event *ev), void *arg) { (void)sh, (void)fn, (void)arg; }
int app_open(struct app **out, struct mn *mn, const char *path) { (void)out, (void)mn, (void)path; return 0; }
void app_close(struct app *app) { (void)app; }
void app_changed(struct app *app) { (void)app; }
int keying_request(struct mn *mn, const struct in6_addr *ha, const struct ip6_prefix *prefix) { (void)mn, (void)ha, (void)prefix; return -ENOTSUP; }
