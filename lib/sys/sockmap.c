/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon tells the socket programs, and what they tell. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "sys/sockint.h"

enum { EVENTS_AT_ONCE = 256 };

int sockhook_service_set(struct sockhook *sh, enum service service,
			 const struct sock_service *as)
{
	struct service_slot slot = { .service = *as };
	uint32_t key = service;

	return bpf_map_update_elem(bpf_map__fd(sh->skel->maps.services), &key,
				   &slot, BPF_F_LOCK);
}

/* Policy. */

/* The kernel lets go of the old one when no program can see it any more. */
static int policy_exchange(struct sockhook *sh, const struct sock_policy *p)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sock_policy",
				sizeof(uint32_t), sizeof(*p), 1, NULL);
	uint32_t zero = 0;
	int err;

	if (fd < 0)
		return fd;
	err = bpf_map_update_elem(fd, &zero, p, BPF_ANY);
	if (!err)
		err = bpf_map_update_elem(bpf_map__fd(sh->skel->maps.policy),
					  &zero, &fd, BPF_ANY);
	close(fd);
	return err;
}

int sockhook_policy_set(struct sockhook *sh, const struct sock_rule *rules,
			size_t n_rules, const struct sockhook_permit *permits,
			size_t n_permits, uint32_t everybody,
			enum service dflt)
{
	struct sock_policy p = {
		.n_rules = n_rules, .n_permits = n_permits,
		.everybody = everybody, .service = dflt,
	};
	size_t i;

	if (n_rules > SOCK_RULES_MAX || n_permits > SOCK_PERMITS_MAX)
		return -E2BIG;
	for (i = 0; i < n_rules; i++)
		p.has_ways |= !!(rules[i].flags & SOCK_RULE_WAY);
	if (n_rules)
		memcpy(p.rules, rules, n_rules * sizeof(*rules));
	if (n_permits)
		memcpy(p.permits, permits, n_permits * sizeof(*permits));
	return policy_exchange(sh, &p);
}

/* Cgroups. */

static int any_cgroup_set(struct sockhook *sh, bool any)
{
	int fd = bpf_map__fd(sh->skel->maps.conf);
	struct sock_conf conf;
	uint32_t zero = 0;
	int err = bpf_map_lookup_elem(fd, &zero, &conf);

	if (err || conf.any_cgroup == any)
		return err;
	conf.any_cgroup = any;
	return bpf_map_update_elem(fd, &zero, &conf, BPF_ANY);
}

int sock_cgroups_count(struct sockhook *sh)
{
	int fd = bpf_map__fd(sh->skel->maps.cgroups);
	uint64_t key;

	return any_cgroup_set(sh, !bpf_map_get_next_key(fd, NULL, &key));
}

int sockhook_cgroup_set(struct sockhook *sh, uint64_t id,
			const struct sock_cgroup *as)
{
	int err = any_cgroup_set(sh, true);

	return err ? err : bpf_map_update_elem(
			bpf_map__fd(sh->skel->maps.cgroups), &id, as, BPF_ANY);
}

int sockhook_cgroup_get(struct sockhook *sh, uint64_t id,
			struct sock_cgroup *out)
{
	return bpf_map_lookup_elem(bpf_map__fd(sh->skel->maps.cgroups), &id,
				   out);
}

int sockhook_cgroup_del(struct sockhook *sh, uint64_t id)
{
	int err = bpf_map_delete_elem(bpf_map__fd(sh->skel->maps.cgroups),
				      &id);

	return err ? err : sock_cgroups_count(sh);
}

/* The key after the one that fn may delete is found before. */
int sockhook_cgroup_each(struct sockhook *sh, void (*fn)(void *arg,
			 uint64_t id, const struct sock_cgroup *as), void *arg)
{
	int fd = bpf_map__fd(sh->skel->maps.cgroups);
	int err = 0, end;
	struct sock_cgroup as;
	uint64_t key, next;

	for (end = bpf_map_get_next_key(fd, NULL, &key); !end; key = next) {
		err = bpf_map_lookup_elem(fd, &key, &as);
		end = bpf_map_get_next_key(fd, &key, &next);
		if (!err)
			fn(arg, key, &as);
	}
	return end == -ENOENT ? 0 : end;
}

/* Addresses that are held. */

static int held_fd(const struct sockhook *sh)
{
	return bpf_map__fd(sh->skel->maps.held);
}

uint32_t sockhook_held(struct sockhook *sh, const struct in6_addr *addr)
{
	struct sock_hold hold;

	return bpf_map_lookup_elem(held_fd(sh), addr, &hold) ? 0 : hold.count;
}

void sockhook_lost(struct sockhook *sh, const struct in6_addr *addr)
{
	bpf_map_delete_elem(held_fd(sh), addr);
}

/*
 * The entry of an address that nobody holds goes. Where a socket was quicker,
 * its entry is put back; where another one made a new entry in that moment, it
 * finds that it is not counted, and is, at its next datagram.
 */
static void hold_collect(struct sockhook *sh, const struct in6_addr *addr)
{
	struct sock_hold hold;

	if (bpf_map_lookup_elem(held_fd(sh), addr, &hold) || hold.count)
		return;
	if (!bpf_map_lookup_and_delete_elem(held_fd(sh), addr, &hold) &&
	    hold.count)
		bpf_map_update_elem(held_fd(sh), addr, &hold, BPF_NOEXIST);
}

/* Events. */

/* As it is now, not as it was: the last word on an address is right, whatever
 * was lost in between. */
static void tell(struct sockhook *sh, const struct in6_addr *addr)
{
	struct sock_event ev = { .addr = *addr, .type = SOCK_EVENT_HELD };

	if (!sockhook_held(sh, addr)) {
		ev.type = SOCK_EVENT_FREE;
		hold_collect(sh, addr);
	}
	sh->fn(sh->arg, &ev);
}

int sock_on_event(void *ctx, void *data, size_t len)
{
	struct sockhook *sh = ctx;
	const struct sock_event *ev = data;

	if (len < sizeof(*ev))
		return 0;
	if (ev->type == SOCK_EVENT_WANTED)
		sh->fn(sh->arg, ev);
	else
		tell(sh, &ev->addr);
	return ++sh->n_events < EVENTS_AT_ONCE ? 0 : -EAGAIN;
}

int sockhook_event_fd(const struct sockhook *sh)
{
	return ring_buffer__epoll_fd(sh->rb);
}

/* The ring was full: tells of all that is in the map. */
static void tell_all(struct sockhook *sh)
{
	struct in6_addr key, next;
	int end;

	log_debug("events of sockets were lost; looking at all that is held");
	for (end = bpf_map_get_next_key(held_fd(sh), NULL, &key); !end;
	     key = next) {
		end = bpf_map_get_next_key(held_fd(sh), &key, &next);
		tell(sh, &key);
	}
}

/* A bounded number at once: the descriptor stays readable for the rest. What
 * was lost is told after it. */
void sockhook_read_events(struct sockhook *sh, void (*fn)(void *arg,
			  const struct sock_event *ev), void *arg)
{
	struct pollfd more = {
		.fd = sockhook_event_fd(sh), .events = POLLIN,
	};

	sh->fn = fn;
	sh->arg = arg;
	sh->n_events = 0;
	ring_buffer__consume(sh->rb);
	if ((sh->n_events < EVENTS_AT_ONCE || poll(&more, 1, 0) <= 0) &&
	    __atomic_exchange_n(&sh->skel->bss->events_lost, 0,
				__ATOMIC_SEQ_CST))
		tell_all(sh);
}
