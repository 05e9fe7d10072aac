/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mn/select.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "app/kedge.h"
#include "core/log.h"
#include "mn/mn.h"

/* A remote anchor that said no is not asked again at every socket. */
static const mtime RETRY = {10000000000};

/* ---- what each type means now */

/* Could flows from this address be kept at a move? */
static bool is_anchored(struct mn *mn, const struct in6_addr *addr,
			struct in6_addr *ha)
{
	return keying_ha(mn, addr, ha) && signal_has_sas(mn, addr, ha);
}

/* The present network's first one that could be kept; false: none of this
 * kind. */
static bool native_addr(struct mn *mn, const struct attach *at, bool temporary,
			struct in6_addr *out)
{
	const struct attach_addr *a;
	struct in6_addr ha;

	for (a = at->addrs; a < at->addrs + at->n_addrs; a++) {
		if (a->temporary != temporary || !a->usable || a->deprecated ||
		    !attach_prefix(at, &a->addr) ||
		    !is_anchored(mn, &a->addr, &ha))
			continue;
		*out = a->addr;
		return true;
	}
	return false;
}

/* The care-of address; or another, where the link has a prefix that is anchored
 * beside one that is not. */
static bool native(struct mn *mn, struct sock_service *out)
{
	struct mn_iface *i = mn_preferred(mn);
	struct in6_addr ha;

	if (!i)
		return false;
	*out = (struct sock_service){
		.addr = i->at.coa, .state = SOCK_SERVICE_ADDR, .native = true,
	};
	if (!is_anchored(mn, &i->at.coa, &ha) &&
	    !native_addr(mn, &i->at, false, &out->addr))
		return false;
	if (!native_addr(mn, &i->at, true, &out->temporary))
		out->temporary = out->addr;
	return true;
}

static struct sock_service of_hoa(const struct in6_addr *hoa)
{
	return (struct sock_service){
		.addr = *hoa, .temporary = *hoa, .state = SOCK_SERVICE_ADDR,
	};
}

/* Is an anchor known at all, or may one be? */
static bool may_anchor(const struct mn *mn)
{
	return mn->conf.accept_ra_anchors || mn->conf.anchors ||
	       mn->anchors.n;
}

/* Will it stay, for a socket that begins now? */
static bool stays(const struct mn *mn, const struct hoa *h,
		  enum service service)
{
	if (!h->up || h->e->idle || h->parting ||
	    hoa_fixed_conf(mn, &h->e->hoa))
		return false;
	/* its own kind is about to be told to leave it, or was */
	return service != SERVICE_GRACEFUL ||
	       !(timer_armed(&h->graceful) || h->graceful_over);
}

/*
 * RFC 8653 3.1: an address that stays for as long as the session does. The
 * present router's if that anchors it; else one that is away already and costs
 * nothing more; else one of a remote anchor, which is asked for by
 * select_choose().
 */
static struct sock_service session_lasting(struct mn *mn, enum service service)
{
	const struct bul_entry *e;
	struct sock_service as;

	if (native(mn, &as))
		return as;
	for (e = mn->bul.entries; e; e = e->next)
		if (stays(mn, e->priv, service))
			return of_hoa(&e->hoa);
	return (struct sock_service){
		.state = may_anchor(mn) ? SOCK_SERVICE_LATER :
					  SOCK_SERVICE_NONE,
	};
}

/* At home it is an address of the link like others. */
static bool fixed_is_up(struct mn *mn, const struct in6_addr *hoa)
{
	const struct bul_entry *e = bul_find(&mn->bul, hoa);
	const struct hoa *h = e ? e->priv : NULL;
	const struct attach *at;
	unsigned int k, j;

	if (h && !h->at_home)
		return h->up;
	for (k = 0; k < mn->conf.n_ifaces; k++) {
		at = &mn->ifaces[k].at;
		for (j = 0; attach_prefix(at, hoa) && j < at->n_addrs; j++)
			if (ip6_addr_eq(&at->addrs[j].addr, hoa))
				return at->addrs[j].usable;
	}
	return false;
}

static struct sock_service fixed(struct mn *mn)
{
	const struct mn_conf_fixed *f;

	for (f = mn->conf.fixed; f; f = f->next)
		if (fixed_is_up(mn, &f->hoa))
			return of_hoa(&f->hoa);
	return (struct sock_service){
		.state = mn->conf.fixed ? SOCK_SERVICE_LATER :
					  SOCK_SERVICE_NONE,
	};
}

static struct sock_service nonpersistent(struct mn *mn)
{
	return (struct sock_service){
		.state = mn_preferred(mn) ? SOCK_SERVICE_KERNEL :
					   SOCK_SERVICE_LATER,
	};
}

static struct sock_service service_now(struct mn *mn, enum service service)
{
	switch (service) {
	case SERVICE_FIXED:
		return fixed(mn);
	case SERVICE_SESSION_LASTING:
	case SERVICE_GRACEFUL:
		return session_lasting(mn, service);
	case SERVICE_NONPERSISTENT:
		return nonpersistent(mn);
	case SERVICE_NONE:
	case SERVICE__MAX:
		break;
	}
	return (struct sock_service){.state = SOCK_SERVICE_KERNEL};
}

static void publish(struct mn *mn, enum service service)
{
	int err = mn->sh ? sockhook_service_set(mn->sh, service,
					&mn->select.now[service]) : 0;

	if (err)
		log_err("service %s: %s", service_str(service),
			strerror(-err));
}

/* From the loop: he may be just asking. */
void select_tell(struct mn *mn)
{
	mn->select.tell = true;
	select_soon(mn);
}

static void update(struct mn *mn)
{
	enum service s;

	for (s = SERVICE_NONE; s < SERVICE__MAX; s++) {
		struct sock_service as = service_now(mn, s);

		if (mn->select.published &&
		    !memcmp(&as, &mn->select.now[s], sizeof(as)))
			continue;
		mn->select.now[s] = as;
		publish(mn, s);
		select_tell(mn);
	}
	/* until then there is what a daemon before us said */
	mn->select.published = true;
}

bool select_withdraw(struct mn *mn, struct hoa *h)
{
	enum service s;
	bool offered = false;

	h->parting = true;
	for (s = SERVICE_NONE; s < SERVICE__MAX; s++)
		offered |= ip6_addr_eq(&mn->select.now[s].addr, &h->e->hoa);
	if (offered)
		update(mn);
	return offered;
}

static void on_update(struct timer *timer, mtime now)
{
	struct select *select = (struct select *)((char *)timer -
					offsetof(struct select, update));
	struct mn *mn = (struct mn *)((char *)select -
				      offsetof(struct mn, select));
	bool tell;

	(void)now;
	update(mn);
	tell = select->tell;
	select->tell = false;
	if (tell && mn->app)
		app_changed(mn->app);
}

void select_init(struct mn *mn)
{
	mn->select.update.fn = on_update;
	select_soon(mn);
}

void select_fini(struct mn *mn)
{
	timers_del(&mn->loop.timers, &mn->select.update);
}

void select_soon(struct mn *mn)
{
	timers_set(&mn->loop.timers, &mn->select.update, loop_now());
}

/* ---- a remote anchor */

void select_requested(struct mn *mn, const char *failed)
{
	struct ip6_prefix prefix;
	struct in6_addr ha;
	bool works = false;

	mn->select.requesting = false;
	discover_remote(mn, &ha, &prefix, &works);
	/* another one may be asked at once */
	mn->select.retry_at = failed && !works ?
			mtime_add(loop_now(), RETRY) : (mtime){0};
	snprintf(mn->select.refusal, sizeof(mn->select.refusal), "%s",
		 failed ? failed : "");
	select_tell(mn);
}

/* No remote anchor is known: it is found first, where one may be. */
static int find_remote(struct mn *mn, bool want, struct select_choice *out)
{
	bool asked = !want || discover_want_remote(mn);

	mn->select.looking |= want && asked;
	snprintf(out->reason, sizeof(out->reason), "%s remote anchor",
		 asked ? "looking for a" : "found no");
	return asked ? EINPROGRESS : EADDRNOTAVAIL;
}

/* EINPROGRESS, or why there will be none. */
static int request(struct mn *mn, bool want, struct select_choice *out)
{
	struct mn_iface *i = mn_preferred(mn);
	bool known, works, has = discover_has_remote(mn);
	struct ip6_prefix prefix;
	struct in6_addr ha;
	int err = 0;

	/* on a link whose router is about to prove itself */
	if (!mn->select.requesting && i && keying_ha(mn, &i->at.coa, &ha) &&
	    keying_awaited(mn, &i->at.coa, &ha) && mn->conf.ike.on) {
		snprintf(out->reason, sizeof(out->reason),
			 "IKE with %s is to be done", ip6_str(&ha));
		return EINPROGRESS;
	}
	if (!has || !i || mtime_before(loop_now(), mn->select.retry_at)) {
		snprintf(out->reason, sizeof(out->reason), "%s", !i ?
			 "no network" : !has ? "this network's router anchors "
			 "nothing, no remote anchor is configured" :
			 mn->select.refusal);
		return i ? EADDRNOTAVAIL : EINPROGRESS;
	}
	known = discover_remote(mn, &ha, &prefix, &works);
	if (!known || !works)	/* the one that failed is asked all the same */
		err = find_remote(mn, want, out);
	if (!known)
		return err;
	err = 0;
	if (want && !mn->select.requesting)
		err = keying_request(mn, &ha, &prefix);
	mn->select.requesting |= want && !err;
	snprintf(out->reason, sizeof(out->reason), "%s, remote anchor %s",
		 err ? strerror(-err) : want ? "asking" : "would ask",
		 ip6_str(&ha));
	return err ? EADDRNOTAVAIL : EINPROGRESS;
}

void select_found(struct mn *mn)
{
	struct select_choice out = {0};
	bool looking = mn->select.looking, works = false;
	struct ip6_prefix prefix;
	struct in6_addr ha;

	mn->select.looking = false;
	if (looking && discover_remote(mn, &ha, &prefix, &works) && works)
		request(mn, true, &out);
	select_tell(mn);
}

void select_wanted(struct mn *mn, enum service service)
{
	struct select_choice out = {.service = service};

	if (service != SERVICE_SESSION_LASTING && service != SERVICE_GRACEFUL)
		return;
	update(mn);
	if (mn->select.now[service].state == SOCK_SERVICE_LATER)
		request(mn, true, &out);
}

/* ---- the choice for one flow */

static void by_policy(struct mn *mn, const struct select_query *q,
		      struct select_choice *out)
{
	char cgroup[PATH_MAX];
	struct policy_flow flow = {
		.dst = q->dst, .port = q->port, .protocol = q->protocol,
		.uid = q->uid, .gid = q->gid, .comm = q->comm,
		.cgroup = cgroup,
	};

	units_of_pid(q->pid, cgroup, sizeof(cgroup));
	out->rule = policy_match(&mn->policy, &flow);
	out->why = out->rule < 0 ? SERVICE_WHY_DEFAULT : SERVICE_WHY_POLICY;
	out->service = out->rule < 0 ? mn->policy.dflt :
			mn->policy.rules[out->rule].match.service;
}

static void explain(struct mn *mn, const struct sock_service *as,
		    struct select_choice *out)
{
	const struct bul_entry *e = bul_find(&mn->bul, &as->addr);
	struct in6_addr ha;

	if (as->native && keying_ha(mn, &as->addr, &ha))
		snprintf(out->reason, sizeof(out->reason),
			 "native, anchored by %s", ip6_str(&ha));
	else if (e)
		snprintf(out->reason, sizeof(out->reason), "by tunnel from %s",
			 ip6_str(&e->ha));
	else
		snprintf(out->reason, sizeof(out->reason), "at home");
}

static int by_state(struct mn *mn, const struct select_query *q, bool want,
		    struct select_choice *out)
{
	const struct sock_service *as = &mn->select.now[out->service];

	switch ((enum sock_service_state)as->state) {
	case SOCK_SERVICE_NONE:
		snprintf(out->reason, sizeof(out->reason),
			 "no %s address is configured",
			 service_str(out->service));
		return ENOTSUP;
	case SOCK_SERVICE_LATER:
		if (out->service == SERVICE_SESSION_LASTING ||
		    out->service == SERVICE_GRACEFUL)
			return request(mn, want, out);
		snprintf(out->reason, sizeof(out->reason), "%s",
			 out->service == SERVICE_FIXED ?
			 "not registered yet" : "no network");
		return EINPROGRESS;
	case SOCK_SERVICE_KERNEL:
		snprintf(out->reason, sizeof(out->reason),
			 "native, as RFC 6724 has it");
		return 0;
	case SOCK_SERVICE_ADDR:
		break;
	}
	explain(mn, as, out);
	if (out->why == SERVICE_WHY_OPTION ||
	    (!as->native && out->why != SERVICE_WHY_DEFAULT))
		out->source = q->prefer & IPV6_PREFER_SRC_TMP ?
				as->temporary : as->addr;
	return 0;
}

void select_choose(struct mn *mn, const struct select_query *q, bool want,
		   struct select_choice *out)
{
	bool demanded = q->asked && q->why == SERVICE_WHY_OPTION;
	bool allowed = policy_permits(&mn->policy, q->asked, q->uid, q->gid);

	*out = (struct select_choice){
		.service = q->asked, .why = q->why, .rule = -1,
	};
	update(mn);
	if (!q->asked || (!allowed && q->why == SERVICE_WHY_PREFER)) {
		by_policy(mn, q, out);
	} else if (!allowed) {
		out->error = EPERM;
		snprintf(out->reason, sizeof(out->reason),
			 "policy does not let uid %u ask for %s",
			 (unsigned int)q->uid, service_str(q->asked));
		return;
	}
	out->error = by_state(mn, q, want && out->why != SERVICE_WHY_DEFAULT,
			      out);
	/* who did not ask has the kernel's choice, at once */
	if (!demanded && out->error && out->error != EINPROGRESS)
		out->error = 0;
	if (out->why == SERVICE_WHY_DEFAULT)
		out->error = 0;
}
