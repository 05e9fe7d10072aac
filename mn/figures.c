/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mobility sessions by home agent, tunnels, security: RFC 7333 REQ6. */
#include "core/figure.h"
#include "mn/json.h"
#include "mn/mn.h"

struct peer {
	struct in6_addr ha;
	unsigned int now;
	int64_t age_s;
};

static unsigned int peers_collect(const struct mn *mn, struct peer *peers,
				  unsigned int max)
{
	const struct bul_entry *e;
	unsigned int n = 0, k;

	for (e = mn->bul.entries; e; e = e->next) {
		for (k = 0; k < n; k++)
			if (ip6_addr_eq(&peers[k].ha, &e->ha))
				break;
		if (!e->bound || k == max)
			continue;
		if (k == n)
			peers[n++] = (struct peer){.ha = e->ha};
		peers[k].now++;
		peers[k].age_s += mtime_sec(mtime_sub(loop_now(), e->since));
	}
	return n;
}

static struct json_object *sessions_json(const struct mn *mn, unsigned int now)
{
	struct json_object *out = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct peer peers[ANCHORS_MAX];
	unsigned int n = peers_collect(mn, peers, ANCHORS_MAX), k;

	put_int(out, "now", now);
	put_int(out, "peers", n);
	for (k = 0; k < n; k++) {
		struct json_object *o = json_object_new_object();

		put_addr(o, "peer", &peers[k].ha);
		put_int(o, "now", peers[k].now);
		put_int(o, "mean_age_s", peers[k].age_s / peers[k].now);
		json_object_array_add(list, o);
	}
	json_object_object_add(out, "per_peer", list);
	return out;
}

void figures_add(struct mn *mn, const uint64_t *stats,
		 struct json_object *answer)
{
	struct figure_tunnels tunnels = {
		.tx_packets = stats[DP_STAT_ENCAP],
		.tx_bytes = stats[DP_STAT_ENCAP_BYTES],
		.rx_packets = stats[DP_STAT_DECAP],
		.rx_bytes = stats[DP_STAT_DECAP_BYTES],
	};
	const struct bul_entry *e;

	for (e = mn->bul.entries; e; e = e->next)
		tunnels.now += e->bound;
	json_object_object_add(answer, "durations", figure_durations());
	json_object_object_add(answer, "signalling", figure_signalling());
	json_object_object_add(answer, "sessions",
			       sessions_json(mn, tunnels.now));
	json_object_object_add(answer, "tunnels", figure_tunnels(&tunnels));
	json_object_object_add(answer, "security", figure_security(mn->sadb));
}
