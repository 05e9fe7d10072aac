/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sys/relay.h"

#include <errno.h>

#include "core/count.h"
#include "core/log.h"
#include "sys/raw.h"

enum {
	AT_ONCE = 64,		/* before others get their turn */
	QUOTED_MAX = 1500,
};

static void tell(const struct relay_ops *ops, void *arg,
		 const struct tunnel_error *te, struct bucket *bucket,
		 mtime now)
{
	if (!te->tell.type)
		return;
	if (bucket_take(bucket, now))
		ops->tell(arg, te);
	else
		count(COUNT_ERRORS_LIMITED);
}

bool relay_errors(int fd, const struct relay_ops *ops, void *arg,
		  struct bucket *bucket, mtime now)
{
	uint8_t quoted[QUOTED_MAX];
	struct tunnel_error te;
	struct in6_addr from;
	struct nd_error err;
	bool smaller = false;
	enum reason reason;
	ssize_t n;
	int i;

	for (i = 0; i < AT_ONCE; i++) {
		n = raw_tunnel_error(fd, quoted, sizeof(quoted), &err, &from);
		if (n == -EAGAIN)
			break;
		if (n < 0)
			continue;
		reason = tunnel_error_parse(&te, &err, quoted, (size_t)n);
		if (!reason)
			reason = ops->check(arg, &te);
		if (reason) {
			count_refusal(reason, "ICMPv6 %u/%u from %s about %s "
				      "to %s, inside %s to %s", err.type,
				      err.code, ip6_str(&from),
				      ip6_str(&te.src), ip6_str(&te.dst),
				      ip6_str(&te.inner_src),
				      ip6_str(&te.inner_dst));
			continue;
		}
		count(COUNT_TUNNEL_ERRORS);
		log_debug("ICMPv6 %u/%u, %u from %s about %s to %s, inside %s "
			  "to %s", err.type, err.code, err.param,
			  ip6_str(&from), ip6_str(&te.src), ip6_str(&te.dst),
			  ip6_str(&te.inner_src), ip6_str(&te.inner_dst));
		tell(ops, arg, &te, bucket, now);
		smaller |= err.type == ND_TYPE_PTB;
	}
	return smaller;
}
