/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ha/mnp.h"

#include <errno.h>
#include <string.h>

enum { BYTE_AT = 7 };	/* the last one of a /64 */

static unsigned int slices_of(const struct ip6_prefix *prefix)
{
	return 1u << (MNP_LEN_MAX - prefix->len);
}

unsigned int mnp_slices(const struct mnp_list *list)
{
	unsigned int i, n = 0;

	for (i = 0; i < list->n; i++)
		n += slices_of(&list->v[i]);
	return n;
}

struct in6_addr mnp_slice(const struct mnp_list *list, unsigned int i)
{
	const struct ip6_prefix *p = list->v;
	struct in6_addr out;

	for (; i >= slices_of(p); p++)
		i -= slices_of(p);
	out = p->addr;
	out.s6_addr[BYTE_AT] |= (uint8_t)i;
	return out;
}

bool mnp_within(const struct mnp_list *list, const struct ip6_prefix *prefix)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].len <= prefix->len &&
		    ip6_prefix_has(&list->v[i], &prefix->addr))
			return true;
	return false;
}

static bool overlaps(const struct mnp_list *list,
		     const struct ip6_prefix *prefix)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (ip6_prefix_has(&list->v[i], &prefix->addr) ||
		    ip6_prefix_has(prefix, &list->v[i].addr))
			return true;
	return false;
}

int mnp_add(struct mnp_list *list, const struct ip6_prefix *prefix)
{
	struct ip6_prefix p = *prefix;

	if (p.len < MNP_LEN_MIN || p.len > MNP_LEN_MAX ||
	    !ip6_unicast_routable(&p.addr))
		return -EINVAL;
	/* RFC 3963 4.3: a prefix, whatever follows its length */
	ip6_prefix_mask(&p);
	if (overlaps(list, &p))
		return -EEXIST;
	if (list->n == MNP_MAX ||
	    mnp_slices(list) + slices_of(&p) > MNP_SLICES)
		return -ENOSPC;
	list->v[list->n].addr = p.addr;
	list->v[list->n++].len = p.len;
	return 0;
}

/* 6.2: all of them, or none. */
static enum reason take(struct mnp_list *out, const struct mnp_list *allowed,
			const struct mh_opt *opt, int *status)
{
	const struct ip6_prefix prefix = { opt->prefix.addr, opt->prefix.len };
	int err = mnp_add(out, &prefix);

	/* one that is told twice is forwarded once */
	if (err < 0 && err != -EEXIST) {
		*status = MH_STATUS_INVALID_PREFIX;
		return REASON_BU_PREFIX_INVALID;
	}
	if (!mnp_within(allowed, &prefix)) {
		*status = MH_STATUS_PREFIX_PROHIBITED;
		return REASON_BU_PREFIX_DENIED;
	}
	return REASON_NONE;
}

static enum reason explicit_mode(const struct mh *bu,
				 const struct mnp_list *allowed,
				 struct mnp_list *out, int *status)
{
	enum reason reason = REASON_NONE;
	unsigned int i;

	for (i = 0; i < bu->n_opts && !reason; i++)
		if (bu->opts[i].type == MH_OPT_PREFIX)
			reason = take(out, allowed, &bu->opts[i], status);
	return reason;
}

enum reason mnp_judge(const struct mh *bu, const struct mnp_list *allowed,
		      bool any, struct mnp_list *out, int *status)
{
	memset(out, 0, sizeof(*out));
	if (!any) {
		*status = MH_STATUS_ROUTER_PROHIBITED;
		return REASON_BU_ROUTER;
	}
	if (mh_opt_find(bu, MH_OPT_PREFIX))
		return explicit_mode(bu, allowed, out, status);
	/* implicit mode: what is configured */
	if (!allowed->n) {
		*status = MH_STATUS_PREFIXES_MISSING;
		return REASON_BU_PREFIX_NONE;
	}
	*out = *allowed;
	return REASON_NONE;
}
