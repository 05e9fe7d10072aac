/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules and routes. */
#include <errno.h>
#include <linux/fib_rules.h>
#include <stdlib.h>
#include <string.h>

#include "sys/rtnlint.h"

/* Rules. */

static struct nlmsghdr *rule_message(struct message *msg, uint16_t type,
				     uint16_t flags,
				     const struct rtnl_rule *rule)
{
	struct nlmsghdr *nlh = rtnl_message(msg, type, NLM_F_ACK | flags);
	struct fib_rule_hdr *frh = mnl_nlmsg_put_extra_header(nlh,
							      sizeof(*frh));

	frh->family = AF_INET6;
	frh->src_len = 128;
	frh->action = FR_ACT_TO_TBL;
	frh->table = rule->table < 256 ? rule->table : RT_TABLE_UNSPEC;
	rtnl_put_addr(nlh, FRA_SRC, &rule->from);
	mnl_attr_put_u32(nlh, FRA_PRIORITY, rule->priority);
	mnl_attr_put_u32(nlh, FRA_TABLE, rule->table);
	mnl_attr_put_u8(nlh, FRA_PROTOCOL, rule->protocol);
	if (rule->oif)
		mnl_attr_put_strz(nlh, FRA_OIFNAME, rule->oif);
	return nlh;
}

int rtnl_rule_add(struct rtnl *rtnl, const struct rtnl_rule *rule)
{
	struct message msg;
	int err;

	err = rtnl_request(rtnl, rule_message(&msg, RTM_NEWRULE, NLM_F_CREATE |
					      NLM_F_EXCL, rule), NULL, NULL);
	return err == -EEXIST ? 1 : err;
}

int rtnl_rule_del(struct rtnl *rtnl, const struct rtnl_rule *rule)
{
	struct message msg;

	return rtnl_request(rtnl, rule_message(&msg, RTM_DELRULE, 0, rule),
			    NULL, NULL);
}

/* Messages of a dump that are to be sent back, as deletions. */
struct deletions {
	struct message *msgs;
	size_t n;
	uint32_t ifindex;
	uint8_t protocol;
	bool prefixes;
	const struct in6_addr *router;
	const struct ip6_prefix *these;
	unsigned int n_these;
	uint32_t table;
	const struct in6_addr *keep;
	unsigned int n_keep;
	rtnl_wants_fn *wants;
	void *arg;		/* of that */
	unsigned int others;	/* somebody else's */
	int err;
};

static void deletion_add(struct deletions *del, const struct nlmsghdr *nlh,
			 uint16_t type)
{
	struct message *msgs;
	struct nlmsghdr *copy;

	if (nlh->nlmsg_len > sizeof(msgs->mem))
		return;
	msgs = realloc(del->msgs, (del->n + 1) * sizeof(*msgs));
	if (!msgs) {
		del->err = -ENOMEM;
		return;
	}
	del->msgs = msgs;
	copy = memcpy(msgs[del->n++].mem, nlh, nlh->nlmsg_len);
	copy->nlmsg_type = type;
	copy->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	copy->nlmsg_pid = 0;
}

/* What is gone already is no error. */
static int deletions_do(struct rtnl *rtnl, struct deletions *del)
{
	size_t i;
	int err;

	for (i = 0; i < del->n; i++) {
		err = rtnl_request(rtnl, (struct nlmsghdr *)del->msgs[i].mem,
				   NULL, NULL);
		if (err && err != -ENOENT && err != -ESRCH && !del->err)
			del->err = err;
	}
	free(del->msgs);
	return del->err;
}

static void rule_choose(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			void *arg)
{
	struct deletions *del = arg;
	struct attrs at;

	(void)rtnl;
	if (nlh->nlmsg_type != RTM_NEWRULE ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct fib_rule_hdr))
		return;
	rtnl_attrs_parse(&at, nlh, sizeof(struct fib_rule_hdr), rtnl_rule_attrs);
	if (at.tb[FRA_PROTOCOL] &&
	    mnl_attr_get_u8(at.tb[FRA_PROTOCOL]) == del->protocol)
		deletion_add(del, nlh, RTM_DELRULE);
}

int rtnl_rules_flush(struct rtnl *rtnl, uint8_t protocol)
{
	struct deletions del = { .protocol = protocol };

	del.err = rtnl_dump(rtnl, RTM_GETRULE, sizeof(struct fib_rule_hdr),
			    AF_INET6, rule_choose, &del);
	return deletions_do(rtnl, &del);
}

static bool is_kept(const struct deletions *del, const struct in6_addr *from)
{
	unsigned int i;

	for (i = 0; i < del->n_keep; i++)
		if (ip6_addr_eq(&del->keep[i], from))
			return true;
	return false;
}

static void stale_rule_choose(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			      void *arg)
{
	const struct fib_rule_hdr *frh = mnl_nlmsg_get_payload(nlh);
	struct in6_addr from = { 0 };
	struct deletions *del = arg;
	struct attrs at;

	(void)rtnl;
	if (nlh->nlmsg_type != RTM_NEWRULE ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*frh))
		return;
	rtnl_attrs_parse(&at, nlh, sizeof(*frh), rtnl_rule_attrs);
	rtnl_attr_addr(at.tb[FRA_SRC], &from);
	if (rtnl_attr_u32(at.tb[FRA_TABLE], frh->table) != del->table)
		return;
	if (!at.tb[FRA_PROTOCOL] ||
	    mnl_attr_get_u8(at.tb[FRA_PROTOCOL]) != del->protocol)
		del->others++;
	else if (!is_kept(del, &from))
		deletion_add(del, nlh, RTM_DELRULE);
}

int rtnl_rules_sweep(struct rtnl *rtnl, uint8_t protocol, uint32_t table,
		     const struct in6_addr *keep, unsigned int n)
{
	struct deletions del = { .protocol = protocol, .table = table,
				 .keep = keep, .n_keep = n };
	int err;

	del.err = rtnl_dump(rtnl, RTM_GETRULE, sizeof(struct fib_rule_hdr),
			    AF_INET6, stale_rule_choose, &del);
	err = deletions_do(rtnl, &del);
	return err ? err : (int)del.others;
}

/* Routes. */

static const struct attr_rule metrics_rules[ATTRS_MAX] = {
	[RTAX_MTU] = { 4, 4 },
};

static struct nlmsghdr *route_message(struct message *msg, uint16_t type,
				      uint16_t flags,
				      const struct rtnl_route *route)
{
	struct nlmsghdr *nlh = rtnl_message(msg, type, NLM_F_ACK | flags);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	uint32_t table = route->table ? route->table : RT_TABLE_MAIN;

	rtm->rtm_family = AF_INET6;
	rtm->rtm_table = table < 256 ? table : RT_TABLE_UNSPEC;
	rtm->rtm_protocol = route->protocol;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = route->throws ? RTN_THROW : RTN_UNICAST;
	rtm->rtm_dst_len = route->dst_len;
	mnl_attr_put_u32(nlh, RTA_TABLE, table);
	if (route->dst_len)
		rtnl_put_addr(nlh, RTA_DST, &route->dst);
	if (route->ifindex)
		mnl_attr_put_u32(nlh, RTA_OIF, route->ifindex);
	if (route->metric)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, route->metric);
	return nlh;
}

int rtnl_route_put(struct rtnl *rtnl, const struct rtnl_route *route,
		   bool replace)
{
	struct message msg;
	struct nlmsghdr *nlh = route_message(&msg, RTM_NEWROUTE, NLM_F_CREATE |
			(replace ? NLM_F_REPLACE : NLM_F_EXCL), route);
	struct nlattr *metrics;

	if (!IN6_IS_ADDR_UNSPECIFIED(&route->gw))
		rtnl_put_addr(nlh, RTA_GATEWAY, &route->gw);
	if (route->mtu) {
		metrics = mnl_attr_nest_start(nlh, RTA_METRICS);
		mnl_attr_put_u32(nlh, RTAX_MTU, route->mtu);
		mnl_attr_nest_end(nlh, metrics);
	}
	return rtnl_request(rtnl, nlh, NULL, NULL);
}

int rtnl_route_drop(struct rtnl *rtnl, const struct rtnl_route *route)
{
	struct message msg;

	return rtnl_request(rtnl, route_message(&msg, RTM_DELROUTE, 0, route),
			    NULL, NULL);
}

int rtnl_route_set(struct rtnl *rtnl, uint32_t ifindex,
		   const struct in6_addr *dst, uint8_t dst_len,
		   const struct in6_addr *gw, uint8_t protocol)
{
	const struct rtnl_route route = {
		.dst = *dst, .dst_len = dst_len, .gw = *gw,
		.ifindex = ifindex, .protocol = protocol,
	};

	return rtnl_route_put(rtnl, &route, true);
}

int rtnl_route_del(struct rtnl *rtnl, uint32_t ifindex,
		   const struct in6_addr *dst, uint8_t dst_len,
		   uint8_t protocol)
{
	const struct rtnl_route route = {
		.dst = *dst, .dst_len = dst_len, .ifindex = ifindex,
		.protocol = protocol,
	};

	return rtnl_route_drop(rtnl, &route);
}

int rtnl_default_set(struct rtnl *rtnl, uint32_t ifindex, uint32_t table,
		     uint8_t protocol, uint32_t mtu)
{
	const struct rtnl_route route = {
		.ifindex = ifindex, .table = table, .protocol = protocol,
		.mtu = mtu,
	};

	return rtnl_route_put(rtnl, &route, true);
}

/*
 * The kernel marks a default route from an RA RTPROT_RA, but the prefix's
 * on-link route RTPROT_KERNEL, as it does that of an address given by hand:
 * the lifetime tells them apart (one that never expires is left).
 */
static bool route_from_ra(const struct rtmsg *rtm, const struct attrs *at,
			  bool prefixes)
{
	const struct rta_cacheinfo *info;
	struct in6_addr dst = { 0 };

	if (!rtm->rtm_dst_len || !prefixes)
		return !rtm->rtm_dst_len && rtm->rtm_protocol == RTPROT_RA;
	rtnl_attr_addr(at->tb[RTA_DST], &dst);
	if (IN6_IS_ADDR_LINKLOCAL(&dst) || IN6_IS_ADDR_MULTICAST(&dst))
		return false;
	if (rtm->rtm_protocol == RTPROT_RA)
		return true;
	if (rtm->rtm_protocol != RTPROT_KERNEL || at->tb[RTA_GATEWAY] ||
	    rtm->rtm_dst_len == 128 || !at->tb[RTA_CACHEINFO])
		return false;
	info = mnl_attr_get_payload(at->tb[RTA_CACHEINFO]);
	return info->rta_expires != 0;
}

/* A unicast route of the interface in question? */
static bool route_parse(struct attrs *at, const struct nlmsghdr *nlh,
			const struct deletions *del)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
	    rtm->rtm_type != RTN_UNICAST || rtm->rtm_flags & RTM_F_CLONED)
		return false;
	rtnl_attrs_parse(at, nlh, sizeof(*rtm), rtnl_route_attrs);
	return rtnl_attr_u32(at->tb[RTA_OIF], 0) == del->ifindex;
}

static void ra_route_choose(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			    void *arg)
{
	struct deletions *del = arg;
	struct attrs at;

	(void)rtnl;
	if (route_parse(&at, nlh, del) &&
	    route_from_ra(mnl_nlmsg_get_payload(nlh), &at, del->prefixes))
		deletion_add(del, nlh, RTM_DELROUTE);
}

int rtnl_ra_routes_flush(struct rtnl *rtnl, uint32_t ifindex, bool prefixes)
{
	struct deletions del = { .ifindex = ifindex, .prefixes = prefixes };

	del.err = rtnl_dump(rtnl, RTM_GETROUTE, sizeof(struct rtmsg), AF_INET6,
			    ra_route_choose, &del);
	return deletions_do(rtnl, &del);
}

static bool route_of_router(const struct rtmsg *rtm, const struct attrs *at,
			    const struct deletions *del)
{
	struct in6_addr dst = { 0 }, gw = { 0 };
	unsigned int i;

	rtnl_attr_addr(at->tb[RTA_DST], &dst);
	rtnl_attr_addr(at->tb[RTA_GATEWAY], &gw);
	if (!rtm->rtm_dst_len)
		return del->router && rtm->rtm_protocol == RTPROT_RA &&
		       ip6_addr_eq(&gw, del->router);
	if (rtm->rtm_protocol != RTPROT_KERNEL || at->tb[RTA_GATEWAY])
		return false;
	for (i = 0; i < del->n_these; i++)
		if (del->these[i].len == rtm->rtm_dst_len &&
		    ip6_prefix_has(&del->these[i], &dst))
			return true;
	return false;
}

static void router_route_choose(struct rtnl *rtnl, const struct nlmsghdr *nlh,
				void *arg)
{
	struct deletions *del = arg;
	struct attrs at;

	(void)rtnl;
	if (route_parse(&at, nlh, del) &&
	    route_of_router(mnl_nlmsg_get_payload(nlh), &at, del))
		deletion_add(del, nlh, RTM_DELROUTE);
}

int rtnl_router_forget(struct rtnl *rtnl, uint32_t ifindex,
		       const struct in6_addr *router,
		       const struct ip6_prefix *prefixes, unsigned int n)
{
	struct deletions del = { .ifindex = ifindex, .router = router,
				 .these = prefixes, .n_these = n };

	if (!router && !n)
		return 0;
	del.err = rtnl_dump(rtnl, RTM_GETROUTE, sizeof(struct rtmsg), AF_INET6,
			    router_route_choose, &del);
	return deletions_do(rtnl, &del);
}

static void our_route_choose(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			     void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct deletions *del = arg;

	(void)rtnl;
	if (nlh->nlmsg_type == RTM_NEWROUTE &&
	    mnl_nlmsg_get_payload_len(nlh) >= sizeof(*rtm) &&
	    !(rtm->rtm_flags & RTM_F_CLONED) &&
	    rtm->rtm_protocol == del->protocol)
		deletion_add(del, nlh, RTM_DELROUTE);
}

int rtnl_routes_flush(struct rtnl *rtnl, uint8_t protocol)
{
	struct deletions del = { .protocol = protocol };

	del.err = rtnl_dump(rtnl, RTM_GETROUTE, sizeof(struct rtmsg), AF_INET6,
			    our_route_choose, &del);
	return deletions_do(rtnl, &del);
}

static bool is_wanted(const struct deletions *del, const struct rtmsg *rtm,
		      const struct attrs *at)
{
	struct rtnl_route route = {
		.dst_len = rtm->rtm_dst_len, .protocol = rtm->rtm_protocol,
		.table = del->table,
		.ifindex = rtnl_attr_u32(at->tb[RTA_OIF], 0),
		.throws = rtm->rtm_type == RTN_THROW,
	};

	if (!del->wants ||
	    (rtm->rtm_type != RTN_UNICAST && rtm->rtm_type != RTN_THROW))
		return false;
	/* the kernel tells of a throw that it is by lo */
	if (route.throws)
		route.ifindex = 0;
	rtnl_attr_addr(at->tb[RTA_DST], &route.dst);
	rtnl_attr_addr(at->tb[RTA_GATEWAY], &route.gw);
	return del->wants(del->arg, &route);
}

static void table_route_choose(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			       void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct deletions *del = arg;
	struct attrs at;

	(void)rtnl;
	if (nlh->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
	    rtm->rtm_flags & RTM_F_CLONED)
		return;
	rtnl_attrs_parse(&at, nlh, sizeof(*rtm), rtnl_route_attrs);
	if (rtnl_attr_u32(at.tb[RTA_TABLE], rtm->rtm_table) != del->table)
		return;
	if (rtm->rtm_protocol != del->protocol)
		del->others++;
	else if (!is_wanted(del, rtm, &at))
		deletion_add(del, nlh, RTM_DELROUTE);
}

int rtnl_table_sweep(struct rtnl *rtnl, uint8_t protocol, uint32_t table,
		     rtnl_wants_fn *wants, void *arg)
{
	struct deletions del = { .protocol = protocol, .table = table,
				 .wants = wants, .arg = arg };
	int err;

	del.err = rtnl_dump(rtnl, RTM_GETROUTE, sizeof(struct rtmsg), AF_INET6,
			    table_route_choose, &del);
	err = deletions_do(rtnl, &del);
	return err ? err : (int)del.others;
}

/* Where the route tells no MTU, IPv6's of the interface holds. */
static uint32_t ipv6_mtu(uint32_t ifindex)
{
	char name[IFNAMSIZ];
	int mtu;

	if (!if_indextoname(ifindex, name))
		return 0;
	mtu = sysctl_ipv6_get(name, "mtu");
	return mtu > 0 ? mtu : 0;
}

static void path_decode(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			void *arg)
{
	struct rtnl_path *out = arg;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct attrs at, metrics;
	const struct nlattr *attr;

	(void)rtnl;
	if (nlh->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return;
	out->local = rtm->rtm_type == RTN_LOCAL;
	rtnl_attrs_parse(&at, nlh, sizeof(struct rtmsg), rtnl_route_attrs);
	out->ifindex = rtnl_attr_u32(at.tb[RTA_OIF], 0);
	rtnl_attr_addr(at.tb[RTA_GATEWAY], &out->gw);
	rtnl_attr_addr(at.tb[RTA_PREFSRC], &out->source);
	attr = at.tb[RTA_METRICS];
	if (!attr)
		return;
	rtnl_attrs_mem(&metrics, mnl_attr_get_payload(attr),
			mnl_attr_get_payload_len(attr), metrics_rules);
	out->mtu = rtnl_attr_u32(metrics.tb[RTAX_MTU], 0);
}

int rtnl_path_from(struct rtnl *rtnl, const struct in6_addr *dst,
		   const struct in6_addr *src, struct rtnl_path *out)
{
	struct message msg;
	struct nlmsghdr *nlh = rtnl_message(&msg, RTM_GETROUTE, NLM_F_ACK);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	int err;

	rtm->rtm_family = AF_INET6;
	rtm->rtm_dst_len = 128;
	rtnl_put_addr(nlh, RTA_DST, dst);
	if (!IN6_IS_ADDR_UNSPECIFIED(src)) {
		rtm->rtm_src_len = 128;
		rtnl_put_addr(nlh, RTA_SRC, src);
	}
	memset(out, 0, sizeof(*out));
	err = rtnl_request(rtnl, nlh, path_decode, out);
	if (!err && !out->ifindex)
		err = -ENETUNREACH;
	if (!err && !out->mtu)
		out->mtu = ipv6_mtu(out->ifindex);
	return err;
}

int rtnl_path_get(struct rtnl *rtnl, const struct in6_addr *dst,
		  struct rtnl_path *out)
{
	return rtnl_path_from(rtnl, dst, &in6addr_any, out);
}

/* ---- neighbours */

static void unanswered_choose(struct rtnl *rtnl, const struct nlmsghdr *nlh,
			      void *arg)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	struct deletions *del = arg;

	(void)rtnl;
	if (nlh->nlmsg_type == RTM_NEWNEIGH &&
	    mnl_nlmsg_get_payload_len(nlh) >= sizeof(*ndm) &&
	    ndm->ndm_ifindex == (int)del->ifindex &&
	    ndm->ndm_state == NUD_INCOMPLETE)
		deletion_add(del, nlh, RTM_DELNEIGH);
}

int rtnl_neigh_unanswered_flush(struct rtnl *rtnl, uint32_t ifindex)
{
	struct deletions del = { .ifindex = ifindex };

	del.err = rtnl_dump(rtnl, RTM_GETNEIGH, sizeof(struct ndmsg), AF_INET6,
			    unanswered_choose, &del);
	return deletions_do(rtnl, &del);
}
