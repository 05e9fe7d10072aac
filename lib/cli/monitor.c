/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events as sentences. */
#include <string.h>
#include <time.h>

#include "proto/mh.h"
#include "show.h"

/* {field} is replaced by the event's value. */
static const struct sentence {
	const char *event, *text;
} sentences[] = {
	{ "link_down", "{interface}: link down" },
	{ "link_up", "{interface}: link up" },
	{ "signal", "{interface}: signal {state}, {dbm} dBm" },
	{ "rs_sent", "{interface}: router solicitation sent" },
	{ "ra", "{interface}: router {router} advertises {prefix}" },
	{ "address", "{interface}: address {address}, flags {flags}" },
	{ "attached", "{interface}: attached at router {router}, care-of "
		"{coa}" },
	{ "detached", "{interface}: detached" },
	{ "preferred", "new flows go by {interface} now, not by {old}" },
	{ "move", "{interface}: moved from {from} to {to}" },
	{ "flow_moved", "{hoa}: {protocol} port {local_port} to {remote} by "
		"{to} instead of {from} ({why}), after {took_s}" },
	{ "hoa_moved", "{hoa}: by {to} instead of {from} ({why}), after "
		"{took_s}" },
	{ "path", "{hoa}: care-of {coa}, BID {bid}: {state}" },
	{ "path_dead", "{hoa}: no answer by {interface}, care-of {coa}: it is "
		"not used for now" },
	{ "bu_sent", "{hoa}: binding update {seq} sent to {ha}, "
		"care-of {coa}, for {lifetime_s}" },
	{ "ba_received", "{hoa}: {ha} acknowledged {seq}: {status}" },
	{ "tunnel_up", "{hoa}: tunnel {coa} to {ha} is up" },
	{ "adopted", "{hoa}: kept after the move, anchored at {ha}" },
	{ "binding", "{hoa}: {state}, care-of {coa}" },
	{ "home", "{hoa}: back at its own link, deregistered at {ha}" },
	{ "released", "{hoa}: released at {ha}" },
	{ "assigned", "{hoa}: assigned by {ha}" },
	{ "assign_failed", "{ha} assigned no home address: {why}" },
	{ "abandoned", "{hoa}: given up: {why}" },
	{ "anchor", "anchor {ha} for {prefix}" },
	{ "anchor_dead", "anchor {ha} does not answer any more: {n_flows} "
		"flows are kept there" },
	{ "anchor_alive", "anchor {ha} answers again" },
	{ "anchor_restarted", "anchor {ha} has lost its bindings: they are "
		"registered again" },
	{ "discovery", "home agents for {prefix}: {what}" },
	{ "ha_changed", "{hoa}: {ha} instead of {old} is its home agent" },
	{ "home_prefix", "{hoa}: {ha} tells of {prefix}, valid for {valid_s}, "
		"preferred for {preferred_s}" },
	{ "address_missing", "{interface}: its address is missing, router "
		"{router} is asked again" },
	{ "association", "{hoa}: IKE with {ha} is {state}, was {old} (why: "
		"{why})" },
	{ "revoked", "{hoa}: the binding is revoked: {how}" },
	{ "switch", "{hoa}: {ha} stops, to {to} (why: {why})" },
	{ "bri_sent", "{hoa}: revocation sent to {coa}" },
	{ "switch_sent", "{hoa}: home agent switch sent to {coa}" },
	{ "host_prefix", "{prefix} of host {address}: {state}" },
	{ "reset", "{address}: {sockets} sockets told that it is gone" },
	{ "flow_end", "{hoa}: last flow ended" },
	{ "bu_received", "{hoa}: binding update {seq} received, "
		"care-of {coa}, for {lifetime_s}: {status}" },
	{ "ba_sent", "{hoa}: acknowledgement sent to {coa}: {status}" },
	{ "expired", "{hoa}: binding expired" },
	{ "ike_up", "{hoa}: IKE is up with {identity} at {remote}, "
		"home agent {ha}" },
	{ "ike_down", "{hoa}: IKE is down with {identity}, "
		"home agent {ha}: {why}" },
	{ "owner", "{hoa}: owner {identity}: {state}" },
	{ NULL, NULL },
};

/* kedge-mn's form, told by a field, of an event that both daemons have. */
static const struct {
	const char *event, *field, *text;
} at_mn[] = {
	{ "binding", "old", "{hoa}: {state}, was {old}" },
	{ "path", "interface", "{hoa}: care-of {coa}, BID {bid}, {interface}: "
		"{state}" },
	{ "revoked", "trigger", "{hoa}: {ha} has revoked the binding (trigger "
		"{trigger})" },
};

static const char *sentence_of(struct json_object *ev, const char *event)
{
	const struct sentence *s;
	unsigned int i;

	for (i = 0; i < sizeof(at_mn) / sizeof(at_mn[0]); i++)
		if (!strcmp(at_mn[i].event, event) &&
		    json_object_object_get_ex(ev, at_mn[i].field, NULL))
			return at_mn[i].text;
	for (s = sentences; s->event; s++)
		if (!strcmp(s->event, event))
			return s->text;
	return NULL;
}

static void print_field(FILE *out, const char *key, struct json_object *v)
{
	size_t len = strlen(key);
	char text[256];

	if (!strcmp(key, "took_s"))
		snprintf(text, sizeof(text), "%.1f ms",
			 json_object_get_double(v) * 1000);
	else if (len > 2 && !strcmp(key + len - 2, "_s"))
		text_of_seconds(text, sizeof(text), v);
	else if (!strcmp(key, "status") && json_object_is_type(v,
							json_type_int))
		snprintf(text, sizeof(text), "%d (%s)",
			 json_object_get_int(v), mh_status_str(
			 (uint8_t)json_object_get_int(v)));
	else
		text_of(text, sizeof(text), v);
	fputs(text, out);
}

static void print_sentence(FILE *out, const char *s, struct json_object *ev)
{
	struct json_object *v;
	char key[32];
	size_t len;

	for (; *s; s++) {
		if (*s != '{') {
			putc(*s, out);
			continue;
		}
		len = strcspn(++s, "}");
		snprintf(key, sizeof(key), "%.*s", (int)len, s);
		if (!json_object_object_get_ex(ev, key, &v))
			v = NULL;
		print_field(out, key, v);
		s += len;
	}
}

/* An event that this program does not know yet */
static void print_fields(FILE *out, const char *event, struct json_object *ev)
{
	fputs(event, out);
	json_object_object_foreach(ev, key, v) {
		if (!strcmp(key, "event") || !strcmp(key, "time"))
			continue;
		fprintf(out, " %s ", key);
		print_field(out, key, v);
	}
}

static void print_time(FILE *out, double t)
{
	time_t seconds = (time_t)t;	/* rounds down: after 1970 */
	struct tm tm;
	char text[16];

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	fprintf(out, "%s.%03d  ", text, (int)((t - (double)seconds) * 1000));
}

void show_event(FILE *out, struct json_object *ev)
{
	struct json_object *v;
	const char *event = "?", *sentence;

	if (json_object_object_get_ex(ev, "time", &v))
		print_time(out, json_object_get_double(v));
	if (json_object_object_get_ex(ev, "event", &v))
		event = json_object_get_string(v);
	sentence = sentence_of(ev, event);
	if (sentence)
		print_sentence(out, sentence, ev);
	else
		print_fields(out, event, ev);
	putc('\n', out);
}
