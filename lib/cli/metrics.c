/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OpenMetrics 1.0: families of samples, each with the daemon's name. */
#include "metrics.h"

#include <string.h>

#include "json.h"

static const char *daemon_name;	/* the label of every sample */

static void family(FILE *out, const char *name, const char *type,
		   const char *help)
{
	fprintf(out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

static void label(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s=\"", key);
	for (; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", out);
			continue;
		}
		if (*value == '"' || *value == '\\')
			fputc('\\', out);
		fputc(*value, out);
	}
	fputc('"', out);
}

/* key NULL: no label but the daemon's */
static void sample(FILE *out, const char *name, const char *suffix,
		   const char *key, const char *value, struct json_object *v)
{
	fprintf(out, "%s%s{", name, suffix);
	label(out, "daemon", daemon_name);
	if (key) {
		fputc(',', out);
		label(out, key, value);
	}
	if (json_object_is_type(v, json_type_double))
		fprintf(out, "} %.9g\n", json_object_get_double(v));
	else
		fprintf(out, "} %s\n", json_object_get_string(v));
}

/* All of an object, a sample each. */
static void samples(FILE *out, const char *name, const char *suffix,
		    const char *key, struct json_object *group)
{
	json_object_object_foreach(group, field, v)
		sample(out, name, suffix, key, field, v);
}

static void counter_group(FILE *out, const char *name, const char *key,
			  const char *help, struct json_object *group)
{
	if (!group)
		return;
	family(out, name, "counter", help);
	samples(out, name, "_total", key, group);
}

static void one(FILE *out, const char *name, const char *type,
		const char *help, struct json_object *v)
{
	if (!v)
		return;
	family(out, name, type, help);
	sample(out, name, strcmp(type, "counter") ? "" : "_total", NULL, NULL,
	       v);
}

static void histogram(FILE *out, const char *name, struct json_object *d)
{
	struct json_object *buckets = get(d, "buckets");
	size_t i, n = json_object_array_length(buckets);
	char text[32];

	for (i = 0; i < n; i++) {
		struct json_object *b = json_object_array_get_idx(buckets, i);

		/* OpenMetrics wants 1.0 rather than 1 */
		snprintf(text, sizeof(text), "%g",
			 json_object_get_double(get(b, "le_s")));
		if (!strchr(text, '.'))
			strcat(text, ".0");
		sample(out, name, "_bucket", "le", text, get(b, "count"));
	}
	sample(out, name, "_bucket", "le", "+Inf", get(d, "count"));
	sample(out, name, "_count", NULL, NULL, get(d, "count"));
	sample(out, name, "_sum", NULL, NULL, get(d, "sum_s"));
}

static void durations(FILE *out, struct json_object *group)
{
	static const struct {
		const char *key, *name, *help;
	} all[] = {
		{ "session", "kedge_session_seconds",
		  "Bindings that ended, from the first registration on." },
		{ "handover", "kedge_handover_seconds",
		  "From the loss of a network until packets flow again." },
		{ "reactivity", "kedge_reactivity_seconds",
		  "From being attached anew until the home agent answered." },
		{ "registration", "kedge_registration_seconds",
		  "From a Binding Update to its acknowledgement." },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct json_object *d = get(group, all[i].key);

		if (!d)
			continue;
		family(out, all[i].name, "histogram", all[i].help);
		fprintf(out, "# UNIT %s seconds\n", all[i].name);
		histogram(out, all[i].name, d);
	}
}

static void sessions(FILE *out, struct json_object *s)
{
	struct json_object *peers = get(s, "per_peer");
	size_t i, n = peers ? json_object_array_length(peers) : 0;

	one(out, "kedge_sessions", "gauge", "Bindings.", get(s, "now"));
	one(out, "kedge_peers", "gauge",
	    "Users (kedge-ha) or home agents (kedge-mn) with a binding.",
	    get(s, "peers"));
	one(out, "kedge_sessions_several", "gauge",
	    "Of the bindings, those with Binding Identifiers (RFC 5648).",
	    get(s, "several"));
	one(out, "kedge_flow_bindings", "gauge", "Flow bindings (RFC 6089).",
	    get(s, "flow_bindings"));
	family(out, "kedge_peer_sessions", "gauge",
	       "Bindings of one of them, the largest first, 1000 at most.");
	for (i = 0; i < n; i++) {
		struct json_object *p = json_object_array_get_idx(peers, i);

		sample(out, "kedge_peer_sessions", "", "peer",
		       json_object_get_string(get(p, "peer")), get(p, "now"));
	}
}

static void traffic(FILE *out, struct json_object *t, struct json_object *sig)
{
	static const struct {
		const char *key, *name, *help;
		int signalling;
	} all[] = {
		{ "tx_packets", "kedge_tunnel_sent_packets",
		  "Packets that were put into tunnels.", 0 },
		{ "tx_bytes", "kedge_tunnel_sent_bytes",
		  "Their bytes, without the tunnel's header.", 0 },
		{ "rx_packets", "kedge_tunnel_received_packets",
		  "Packets that came out of tunnels.", 0 },
		{ "rx_bytes", "kedge_tunnel_received_bytes",
		  "Their bytes, without the tunnel's header.", 0 },
		{ "overhead_bytes", "kedge_tunnel_overhead_bytes",
		  "The tunnels' headers, both ways.", 0 },
		{ "sent", "kedge_signalling_sent_packets",
		  "Signalling, without IKE.", 1 },
		{ "sent_bytes", "kedge_signalling_sent_bytes",
		  "Signalling, without IKE, with IPv6 header.", 1 },
		{ "received", "kedge_signalling_received_packets",
		  "Signalling, without IKE, refused too.", 1 },
		{ "received_bytes", "kedge_signalling_received_bytes",
		  "Signalling, without IKE, with IPv6 header.", 1 },
	};
	size_t i;

	one(out, "kedge_tunnels", "gauge", "Tunnels that are up.",
	    get(t, "now"));
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		one(out, all[i].name, "counter", all[i].help,
		    get(all[i].signalling ? sig : t, all[i].key));
}

static void security(FILE *out, struct json_object *s)
{
	if (!s)
		return;
	family(out, "kedge_sas", "gauge",
	       "Security associations, by who made them and by algorithm.");
	samples(out, "kedge_sas", "", "kind", s);
}

void metrics_print(FILE *out, struct json_object *answer)
{
	struct json_object *name = get(answer, "daemon");

	daemon_name = name ? json_object_get_string(name) : "kedge";
	if (get(answer, "version")) {
		family(out, "kedge_build", "info", "The daemon's version.");
		fprintf(out, "kedge_build_info{");
		label(out, "daemon", daemon_name);
		fputc(',', out);
		label(out, "version",
		      json_object_get_string(get(answer, "version")));
		fprintf(out, "} 1\n");
	}
	one(out, "kedge_uptime_seconds", "gauge", "Since the daemon's start.",
	    get(answer, "uptime_s"));
	sessions(out, get(answer, "sessions"));
	durations(out, get(answer, "durations"));
	traffic(out, get(answer, "tunnels"), get(answer, "signalling"));
	security(out, get(answer, "security"));
	counter_group(out, "kedge_events", "event", "What happened.",
		      get(answer, "events"));
	counter_group(out, "kedge_refused", "reason", "Messages refused.",
		      get(answer, "refused"));
	counter_group(out, "kedge_dataplane", "what",
		      "Packets, or bytes, by what BPF did with them.",
		      get(answer, "dataplane"));
	fprintf(out, "# EOF\n");
}
