/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "show.h"
#include "json.h"
#include "ways.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_LEN = 128, COLUMNS_MAX = 16 };

/* Formats a row's value of a column; row for what needs a second value. */
typedef void cell_fn(char *out, size_t len, struct json_object *v,
		     struct json_object *row);

struct column {
	const char *title;	/* NULL ends a table's columns */
	const char *key;
	cell_fn *fn;
	bool right;		/* aligned */
};

void text_of(char *out, size_t len, struct json_object *v)
{
	const char *s = json_object_get_string(v);
	size_t i;

	if (json_object_is_type(v, json_type_boolean))
		s = json_object_get_boolean(v) ? "yes" : "no";
	if (!s || !*s)
		s = "-";
	/* a name from elsewhere must not steer the terminal */
	for (i = 0; s[i] && i + 1 < len; i++)
		out[i] = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
	out[i] = '\0';
}

void text_of_seconds(char *out, size_t len, struct json_object *v)
{
	long long s = json_object_get_int64(v);

	if (!v)
		snprintf(out, len, "-");
	else if (s < 60)
		snprintf(out, len, "%llds", s);
	else if (s < 3600)
		snprintf(out, len, "%lldm%02llds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, len, "%lldh%02lldm", s / 3600, s / 60 % 60);
	else
		snprintf(out, len, "%lldd%02lldh", s / 86400, s / 3600 % 24);
}

static void plain(char *out, size_t len, struct json_object *v,
		  struct json_object *row)
{
	(void)row;
	text_of(out, len, v);
}

static void seconds(char *out, size_t len, struct json_object *v,
		    struct json_object *row)
{
	(void)row;
	text_of_seconds(out, len, v);
}

static void idle(char *out, size_t len, struct json_object *v,
		 struct json_object *row)
{
	if (v)
		seconds(out, len, v, row);
	else
		snprintf(out, len, "never used");
}

static void bytes(char *out, size_t len, struct json_object *v,
		  struct json_object *row)
{
	static const char *const unit[] = { "kB", "MB", "GB", "TB", "PB" };
	double n = json_object_get_double(v);
	int i = -1;

	(void)row;
	while (n >= 999.95 && i < 4) {
		n /= 1000;
		i++;
	}
	if (i < 0)
		snprintf(out, len, "%.0f B", n);
	else
		snprintf(out, len, "%.1f %s", n, unit[i]);
}

static void hex(char *out, size_t len, struct json_object *v,
		struct json_object *row)
{
	(void)row;
	snprintf(out, len, "0x%llx",
		 (unsigned long long)json_object_get_int64(v));
}

static void user(char *out, size_t len, struct json_object *v,
		 struct json_object *row)
{
	const struct passwd *pw = getpwuid((uid_t)json_object_get_int64(v));

	if (pw)
		snprintf(out, len, "%s", pw->pw_name);
	else
		plain(out, len, v, row);
}

/* A UDP socket that is not connected has no remote end. */
static void remote(char *out, size_t len, struct json_object *v,
		   struct json_object *row)
{
	char a[64], p[16];

	text_of(a, sizeof(a), v);
	text_of(p, sizeof(p), get(row, "remote_port"));
	if (json_object_get_int64(get(row, "remote_port")))
		snprintf(out, len, "[%s]:%s", a, p);
	else
		snprintf(out, len, "-");
}

static void protocol(char *out, size_t len, struct json_object *v,
		     struct json_object *row)
{
	const char *state = get_string(row, "state");

	if (!strcmp(state, "established") || !strcmp(state, "connected"))
		snprintf(out, len, "%s", json_object_get_string(v));
	else
		snprintf(out, len, "%s %s", json_object_get_string(v), state);
}

/* Short, or a line is too long; kedgectl(8) has them. */
static void service(char *out, size_t len, struct json_object *v,
		    struct json_object *row)
{
	const char *text = json_object_get_string(v);

	(void)row;
	if (text && !strcmp(text, "session-lasting"))
		text = "session";
	else if (text && !strcmp(text, "graceful-replacement"))
		text = "graceful";
	else if (text && !strcmp(text, "nonpersistent"))
		text = "nonpersist";
	snprintf(out, len, "%s", text ? text : "-");
}

/* A rule's name says more than that it was one. */
static void why(char *out, size_t len, struct json_object *v,
		struct json_object *row)
{
	text_of(out, len, get(row, "rule") ? get(row, "rule") : v);
}

static void maybe_bytes(char *out, size_t len, struct json_object *v,
			struct json_object *row)
{
	if (v)
		bytes(out, len, v, row);
	else
		snprintf(out, len, "-");
}

/* Or at least whose it is. */
static void process(char *out, size_t len, struct json_object *v,
		    struct json_object *row)
{
	char name[24];

	text_of(name, sizeof(name), get(row, "command"));
	if (v)
		snprintf(out, len, "%s[%lld]", name,
			 (long long)json_object_get_int64(v));
	else
		user(out, len, get(row, "uid"), row);
}

static void left_of(char *out, size_t len, struct json_object *v,
		    struct json_object *row)
{
	char left[24], all[24];

	text_of_seconds(left, sizeof(left), v);
	text_of_seconds(all, sizeof(all), get(row, "lifetime_s"));
	snprintf(out, len, "%s of %s", left, all);
}

/* "yes", or why not */
static void milliseconds(char *out, size_t len, struct json_object *v,
			 struct json_object *row)
{
	(void)row;
	if (v)
		snprintf(out, len, "%.1f", json_object_get_double(v));
	else
		text_of(out, len, v);
}

/* What its failure was, where that is why. */
static void ranked(char *out, size_t len, struct json_object *v,
		   struct json_object *row)
{
	if (json_object_get_boolean(get(row, "dead")))
		snprintf(out, len, "%s (dead)", get_string(row, "rank_why"));
	else if (json_object_get_boolean(get(row, "failed")))
		snprintf(out, len, "%s (%s)", get_string(row, "rank_why"),
			 get_string(row, "failed_why"));
	else
		text_of(out, len, v);
}

static void anchorable(char *out, size_t len, struct json_object *v,
		       struct json_object *row)
{
	if (!json_object_get_boolean(v) && get(row, "why"))
		text_of(out, len, get(row, "why"));
	else
		text_of(out, len, v);
}

/* "bound, dead": its home agent is; "bound, revoking": it is to go. */
static void binding_state(char *out, size_t len, struct json_object *v,
			  struct json_object *row)
{
	struct json_object *alive = get(row, "alive");
	const char *more = json_object_get_string(get(row, "leaving"));
	char state[24];

	text_of(state, sizeof(state), v);
	if (alive && !json_object_get_boolean(alive))
		more = "dead";
	snprintf(out, len, "%s%s%s", state, more ? ", " : "",
		 more ? more : "");
}

static const struct column binding_columns[] = {
	{ "HOME ADDRESS", "hoa", plain, false },
	{ "CARE-OF ADDRESS", "coa", plain, false },
	{ "HOME AGENT", "ha", plain, false },
	{ "STATE", "state", binding_state, false },
	{ "LEFT", "remaining_s", left_of, true },
	{ "AGE", "age_s", seconds, true },
	{ "SEQ", "seq", plain, true },
	{ "SENT", "tx_bytes", bytes, true },
	{ "RECEIVED", "rx_bytes", bytes, true },
	{ "IDLE", "idle_s", idle, true },
	{ "FLOWS", "flows", plain, true },
	{ NULL, NULL, NULL, false },
};

static const struct column anchor_columns[] = {
	{ "RANK", "rank", plain, true },
	{ "PREFIX", "prefix", plain, false },
	{ "HOME AGENT", "ha", plain, false },
	{ "LEARNT", "learnt", plain, false },
	{ "INTERFACE", "interface", plain, false },
	{ "CURRENT", "current", plain, false },
	{ "PREFERENCE", "preference", plain, true },
	{ "ALIVE", "alive", plain, false },
	{ "RTT (ms)", "rtt_ms", milliseconds, true },
	{ "RECORD", "record", plain, false },
	{ "ADDRESSES", "hoas", plain, true },
	{ "BINDINGS", "bindings", plain, true },
	{ "SA", "sa", plain, false },
	{ "ANCHORABLE", "anchorable", anchorable, false },
	{ "RANKED", "rank_why", ranked, false },
	{ NULL, NULL, NULL, false },
};

static const struct column discovery_columns[] = {
	{ "PREFIX", "prefix", plain, false },
	{ "NAME", "name", plain, false },
	{ "DOMAIN", "domain", plain, false },
	{ "SEARCH", "state", plain, false },
	{ "FOUND", "found", plain, true },
	{ "NEXT (s)", "next_s", plain, true },
	{ "WHY", "why", plain, false },
	{ NULL, NULL, NULL, false },
};

static void list_of(char *out, size_t len, struct json_object *v,
		    struct json_object *row)
{
	size_t i, n = 0;

	(void)row;
	snprintf(out, len, "-");
	for (i = 0; i < json_object_array_length(v) && n + 2 < len; i++) {
		if (i)
			out[n++] = ' ';
		text_of(out + n, len - n, json_object_array_get_idx(v, i));
		n += strlen(out + n);
	}
}

static void router_of(char *out, size_t len, struct json_object *v,
		      struct json_object *row)
{
	if (json_object_get_boolean(get(row, "self")))
		snprintf(out, len, "this one");
	else
		text_of(out, len, v);
}

static const struct column halist_columns[] = {
	{ "INTERFACE", "interface", plain, false },
	{ "HOME AGENT", "router", router_of, false },
	{ "PREFERENCE", "preference", plain, true },
	{ "LEFT", "lifetime_s", seconds, true },
	{ "ADDRESSES", "addresses", list_of, false },
	{ NULL, NULL, NULL, false },
};

static void interface_why(char *out, size_t len, struct json_object *v,
			  struct json_object *row)
{
	if (get(row, "interface_rule"))
		snprintf(out, len, "policy %s",
			 get_string(row, "interface_rule"));
	else if (get(row, "waits_for"))
		snprintf(out, len, "%s, waits for %s",
			 json_object_get_string(v),
			 get_string(row, "waits_for"));
	else
		plain(out, len, v, row);
}

static const struct column flow_columns[] = {
	{ "FLOW", "flow", plain, true },
	{ "PROTO", "protocol", protocol, false },
	{ "PORT", "local_port", plain, true },
	{ "REMOTE", "remote", remote, false },
	{ "SERVICE", "service", service, false },
	{ "WHY", "why", why, false },
	{ "BY", "interface", plain, false },
	{ "BECAUSE", "interface_why", interface_why, false },
	{ "SENT", "tx_bytes", maybe_bytes, true },
	{ "RECEIVED", "rx_bytes", maybe_bytes, true },
	{ "AGE", "age_s", seconds, true },
	{ "PROCESS", "pid", process, false },
	{ NULL, NULL, NULL, false },
};

static const struct column sa_columns[] = {
	{ "NAME", "name", plain, false },
	{ "DIRECTION", "direction", plain, false },
	{ "SPI", "spi", hex, true },
	{ "SOURCE", "src", plain, false },
	{ "DESTINATION", "dst", plain, false },
	{ "ALGORITHM", "algorithm", plain, false },
	{ "IDENTITY", "identity", plain, false },
	{ "PACKETS", "packets", plain, true },
	{ "SEQ", "seq", plain, true },
	{ NULL, NULL, NULL, false },
};

static void ago(char *out, size_t len, struct json_object *v,
		struct json_object *row)
{
	char text[24];

	(void)row;
	text_of_seconds(text, sizeof(text), v);
	snprintf(out, len, v ? "%s ago" : "%s", text);
}

static void left(char *out, size_t len, struct json_object *v,
		 struct json_object *row)
{
	if (v)
		seconds(out, len, v, row);
	else
		snprintf(out, len, "for good");
}

static const struct column ike_columns[] = {
	{ "IKE SA", "id", plain, true },
	{ "HOME ADDRESS", "hoa", plain, false },
	{ "HOME AGENT", "ha", plain, false },
	{ "PEER", "identity", plain, false },
	{ "STATE", "state", plain, false },
	{ "FROM", "local", plain, false },
	{ "TO", "remote", plain, false },
	{ "AGE", "age_s", seconds, true },
	{ "KEYS LEFT", "expires_s", seconds, true },
	{ NULL, NULL, NULL, false },
};

static const struct column owner_columns[] = {
	{ "HOME ADDRESS", "hoa", plain, false },
	{ "IDENTITY", "identity", plain, false },
	{ "HOW", "how", plain, false },
	{ "SINCE", "age_s", ago, true },
	{ "SEEN", "seen_s", ago, true },
	{ "LEASE LEFT", "left_s", left, true },
	{ "IN USE", "in_use", plain, false },
	{ NULL, NULL, NULL, false },
};

static const struct column host_columns[] = {
	{ "PREFIX", "prefix", plain, false },
	{ "INTERFACE", "interface", plain, false },
	{ "HOST", "address", plain, false },
	{ "MAC", "mac", plain, false },
	{ "STATE", "state", plain, false },
	{ "BINDINGS", "bindings", plain, true },
	{ "SEEN", "seen_s", ago, true },
	{ "LEASE LEFT", "left_s", left, true },
	{ NULL, NULL, NULL, false },
};

static void group(char *out, size_t len, struct json_object *v,
		  struct json_object *row)
{
	const struct group *gr = getgrgid((gid_t)json_object_get_int64(v));

	if (!v)
		snprintf(out, len, "-");
	else if (gr)
		snprintf(out, len, "%s", gr->gr_name);
	else
		plain(out, len, v, row);
}

static void user_or_none(char *out, size_t len, struct json_object *v,
			 struct json_object *row)
{
	if (v)
		user(out, len, v, row);
	else
		snprintf(out, len, "-");
}

static const struct column rule_columns[] = {
	{ "#", "number", plain, true },
	{ "RULE", "name", plain, false },
	{ "COMMAND", "command", plain, false },
	{ "USER", "uid", user_or_none, false },
	{ "GROUP", "gid", group, false },
	{ "CGROUP", "cgroup", plain, false },
	{ "PROTO", "protocol", plain, false },
	{ "PORT", "port", plain, false },
	{ "DESTINATION", "destination", plain, false },
	{ "OF SERVICE", "of_service", plain, false },
	{ "SERVICE", "service", plain, false },
	{ "INTERFACE", "interface", plain, false },
	{ "METERED", "metered", plain, false },
	{ "FROM", "from", plain, false },
	{ NULL, NULL, NULL, false },
};

/* Adds the names of some ids to a cell that is about to be full at last. */
static void add_names(char *out, size_t len, struct json_object *ids,
		      cell_fn *fn, const char *sign)
{
	char name[CELL_LEN];
	size_t i, at;

	for (i = 0; i < json_object_array_length(ids); i++) {
		at = strlen(out);
		fn(name, sizeof(name), json_object_array_get_idx(ids, i),
		   NULL);
		snprintf(out + at, len - at, "%s%s%s", at ? ", " : "", sign,
			 name);
	}
}

static void who(char *out, size_t len, struct json_object *v,
		struct json_object *row)
{
	out[0] = '\0';
	if (json_object_get_boolean(v)) {
		snprintf(out, len, "everybody");
		return;
	}
	add_names(out, len, get(row, "uids"), user, "");
	add_names(out, len, get(row, "gids"), group, "@");
	if (!out[0])
		snprintf(out, len, "nobody");
}

static const struct column allow_columns[] = {
	{ "SERVICE", "service", plain, false },
	{ "MAY BE ASKED FOR BY", "everybody", who, false },
	{ NULL, NULL, NULL, false },
};

static const struct column interface_columns[] = {
	{ "INTERFACE", "name", plain, false },
	{ "CARRIER", "carrier", plain, false },
	{ "ROUTER", "router", plain, false },
	{ "ADDRESS", "coa", plain, false },
	{ "PREFIX", "prefix", plain, false },
	{ NULL, NULL, NULL, false },
};

/* With more of each: kedgectl interfaces. */
static const struct column attachment_columns[] = {
	{ "INTERFACE", "name", plain, false },
	{ "CARRIER", "carrier", plain, false },
	{ "STATE", "state", plain, false },
	{ "SIGNAL", "signal", plain, false },
	{ "DBM", "signal_dbm", plain, true },
	{ "PREFERRED", "preferred", plain, false },
	{ "PREFERENCE", "preference", plain, true },
	{ "METERED", "metered", plain, false },
	{ "ROUTER", "gateway", plain, false },
	{ "ADDRESS", "coa", plain, false },
	{ "PREFIXES", "prefixes", list_of, false },
	{ "MTU", "mtu", plain, true },
	{ "HOAS", "hoas", plain, true },
	{ NULL, NULL, NULL, false },
};

static bool any_row_has(struct json_object *rows, const char *key)
{
	size_t i;

	for (i = 0; i < json_object_array_length(rows); i++)
		if (json_object_object_get_ex(json_object_array_get_idx(rows,
						i), key, NULL))
			return true;
	return false;
}

static void cell(char out[CELL_LEN], const struct column *c,
		 struct json_object *row)
{
	c->fn(out, CELL_LEN, get(row, c->key), row);
}

static int width_of(const struct column *c, struct json_object *rows)
{
	size_t i, width = strlen(c->title);
	char text[CELL_LEN];

	for (i = 0; i < json_object_array_length(rows); i++) {
		cell(text, c, json_object_array_get_idx(rows, i));
		if (strlen(text) > width)
			width = strlen(text);
	}
	return (int)width;
}

/* width 0: no such column. The last one of a line is not padded. */
static void print_cell(const char *text, const struct column *c, int width,
		       bool last)
{
	if (c->right)
		printf("%*s", width, text);
	else if (last)
		printf("%s", text);
	else
		printf("%-*s", width, text);
	printf(last ? "\n" : "  ");
}

/* row NULL: the titles */
static void print_line(const struct column *columns, const int *width,
		       struct json_object *row, int last)
{
	char text[CELL_LEN];
	int i;

	for (i = 0; i <= last; i++) {
		if (!width[i])
			continue;
		if (row)
			cell(text, &columns[i], row);
		print_cell(row ? text : columns[i].title, &columns[i],
			   width[i], i == last);
	}
}

typedef void before_fn(struct json_object *row, struct json_object *last);

/* Columns that no row has a value for are left out: the daemons differ. before
 * may print something before a row, knowing the last one (or NULL). */
static void table_of(const struct column *columns, struct json_object *rows,
		     const char *what, before_fn *before)
{
	int width[COLUMNS_MAX] = { 0 }, i, last = 0;
	size_t r;

	if (!json_object_is_type(rows, json_type_array) ||
	    !json_object_array_length(rows)) {
		printf("no %s\n", what);
		return;
	}
	for (i = 0; columns[i].title; i++) {
		if (!any_row_has(rows, columns[i].key))
			continue;
		width[i] = width_of(&columns[i], rows);
		last = i;
	}
	print_line(columns, width, NULL, last);
	for (r = 0; r < json_object_array_length(rows); r++) {
		struct json_object *row = json_object_array_get_idx(rows, r);

		if (before)
			before(row, r ? json_object_array_get_idx(rows, r - 1) :
					NULL);
		print_line(columns, width, row, last);
	}
}

static void table(const struct column *columns, struct json_object *rows,
		  const char *what)
{
	table_of(columns, rows, what, NULL);
}

/* Below each one what it has besides. */
static void after_binding(struct json_object *row, struct json_object *last)
{
	(void)row;
	if (last)
		ways_print(last);
}

static void show_bindings(struct json_object *rows)
{
	size_t n;

	table_of(binding_columns, rows, "bindings", after_binding);
	n = json_object_is_type(rows, json_type_array) ?
	    json_object_array_length(rows) : 0;
	if (n)
		ways_print(json_object_array_get_idx(rows, n - 1));
}

static void show_anchors(struct json_object *anchors,
			 struct json_object *searches)
{
	table(anchor_columns, anchors, "anchors");
	if (!json_object_is_type(searches, json_type_array) ||
	    !json_object_array_length(searches))
		return;
	printf("\n");
	table(discovery_columns, searches, "searches");
}

static void print_list(const char *title, struct json_object *list)
{
	char text[CELL_LEN];
	size_t i;

	if (!json_object_is_type(list, json_type_array))
		return;
	printf("%-10s", title);
	for (i = 0; i < json_object_array_length(list); i++) {
		text_of(text, sizeof(text),
			json_object_array_get_idx(list, i));
		printf(" %s", text);
	}
	printf("\n");
}

static void print_links(struct json_object *links)
{
	struct json_object *link;
	char title[CELL_LEN];
	size_t i;

	if (!json_object_is_type(links, json_type_array))
		return;
	for (i = 0; i < json_object_array_length(links); i++) {
		link = json_object_array_get_idx(links, i);
		text_of(title, 32, get(link, "name"));
		strcat(title, ":");
		print_list(title, get(link, "prefixes"));
	}
}

static void show_status(struct json_object *a)
{
	char up[32];

	text_of_seconds(up, sizeof(up), get(a, "uptime_s"));
	printf("%s %s, process %s, up %s\n", get_string(a, "daemon"),
	       get_string(a, "version"), get_string(a, "pid"), up);
	print_list("addresses:", get(a, "addresses"));
	print_links(get(a, "links"));
	print_list("by tc:", get(a, "tc"));
	print_list("by XDP:", get(a, "xdp"));
	if (json_object_get_boolean(get(a, "draining")))
		printf("%-10s its bindings are to go elsewhere\n",
		       "draining:");
	printf("%-10s %s", "bindings:", get_string(a, "bindings"));
	if (get(a, "max_bindings"))
		printf(" of %s", get_string(a, "max_bindings"));
	printf("\n");
	if (get(a, "anchors"))
		printf("%-10s %s\n", "anchors:", get_string(a, "anchors"));
	if (get(a, "hoas"))
		printf("%-10s %s\n", "HoAs:", get_string(a, "hoas"));
	if (get(a, "interfaces")) {
		printf("\n");
		table(interface_columns, get(a, "interfaces"), "interfaces");
	}
}

static void show_group(struct json_object *counters, const char *title)
{
	int shown = 0, all = 0;

	printf("%s:\n", title);
	if (counters) {
		json_object_object_foreach(counters, name, v) {
			all++;
			if (!json_object_get_int64(v))
				continue;
			shown++;
			printf("  %-28s %12s\n", name,
			       json_object_get_string(v));
		}
	}
	if (shown < all)
		printf("  (%d %s 0)\n", all - shown,
		       all - shown == 1 ? "is" : "are");
}

static void show_durations(struct json_object *durations)
{
	printf("durations:\n");
	json_object_object_foreach(durations, name, d) {
		int64_t n = json_object_get_int64(get(d, "count"));
		double sum = json_object_get_double(get(d, "sum_s"));

		if (n)
			printf("  %-28s %12lld, mean %.3gs, longest %.3gs\n",
			       name, (long long)n, sum / n,
			       json_object_get_double(get(d, "max_s")));
	}
}

static void show_counters(struct json_object *a)
{
	show_group(get(a, "events"), "events");
	show_group(get(a, "refused"), "refused messages");
	show_group(get(a, "dataplane"), "data plane");
	if (get(a, "durations"))
		show_durations(get(a, "durations"));
}

static void show_sas(struct json_object *a)
{
	table(sa_columns, get(a, "sas"), "security associations");
	if (!get(a, "ike") || !json_object_get_int64(get(a, "threads")))
		return;
	printf("\n");
	table(ike_columns, get(a, "ike"), "IKE SAs");
	printf("\nIKE runs in %s threads\n", get_string(a, "threads"));
}

static void show_policy(struct json_object *a)
{
	const char *file = json_object_get_string(get(a, "file"));

	printf("%-15s %s\n", "policy:", file ? file : "built in");
	printf("%-15s %s\n", "default:", get_string(a, "default"));
	printf("%-15s nonpersistent: %s, lost: %s\n", "reset:",
	       json_object_get_boolean(get(a, "reset_nonpersistent")) ?
	       "yes" : "no",
	       json_object_get_boolean(get(a, "reset_lost")) ? "yes" : "no");
	printf("%-15s %gs of both addresses\n\n", "graceful:",
	       json_object_get_double(get(a, "graceful_s")));
	table(rule_columns, get(a, "rules"), "rules");
	printf("\n");
	table(allow_columns, get(a, "allow"), "types");
}

static int by_source(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;
	int order = strcmp(get_string(*x, "local"), get_string(*y, "local"));
	int64_t p = json_object_get_int64(get(*x, "local_port"));
	int64_t q = json_object_get_int64(get(*y, "local_port"));

	return order ? order : p < q ? -1 : p > q;
}

/* The source address and its way, once for all its flows. */
static void source_line(struct json_object *row, struct json_object *last)
{
	if (last && !strcmp(get_string(row, "local"),
			    get_string(last, "local")))
		return;
	printf("from %s: %s", get_string(row, "local"),
	       get_string(row, "path"));
	if (get(row, "anchor"))
		printf(", anchored at %s%s", get_string(row, "anchor"),
		       get(row, "alive") && !json_object_get_boolean(
		       get(row, "alive")) ? ", which is dead" : "");
	printf("\n");
}

static void show_flows(struct json_object *rows)
{
	if (json_object_is_type(rows, json_type_array))
		json_object_array_sort(rows, by_source);
	table_of(flow_columns, rows, "flows", source_line);
}

static void show_explain(struct json_object *a)
{
	printf("%-9s %s\n", "to:", get_string(a, "dst"));
	printf("%-9s %s, by %s%s%s\n", "service:", get_string(a, "service"),
	       get_string(a, "why"), get(a, "rule") ? " rule " : "",
	       get(a, "rule") ? get_string(a, "rule") : "");
	printf("%-9s %s\n", "reason:", get_string(a, "reason"));
	if (get(a, "refused")) {
		printf("%-9s %s\n", "refused:", get_string(a, "refused"));
		return;
	}
	printf("%-9s %s (%s's choice)\n", "source:", get_string(a, "source"),
	       get_string(a, "chosen_by"));
	printf("%-9s %s", "path:", get_string(a, "path"));
	if (get(a, "anchor"))
		printf(", anchored at %s", get_string(a, "anchor"));
	if (get(a, "interface_why"))
		printf("\n%-9s %s (%s%s%s)", "by:", get_string(a, "interface"),
		       get_string(a, "interface_why"),
		       get(a, "interface_rule") ? ", rule " : "",
		       get(a, "interface_rule") ?
		       get_string(a, "interface_rule") : "");
	printf("\n%-9s %s\n", "at move:", get_string(a, "at_move"));
}

void show(const char *cmd, struct json_object *answer)
{
	struct json_object *rows = get(answer, cmd);

	if (!strcmp(cmd, "status"))
		show_status(answer);
	else if (!strcmp(cmd, "counters"))
		show_counters(answer);
	else if (!strcmp(cmd, "flush"))
		printf("releasing %s bindings; kedge-mn ends then\n",
		       get_string(answer, "bindings"));
	else if (!strcmp(cmd, "request"))
		printf("asking %s for a home address; 'monitor' tells what "
		       "it says\n", get_string(answer, "ha"));
	else if (!strcmp(cmd, "interfaces"))
		table(attachment_columns, rows, "interfaces");
	else if (!strcmp(cmd, "bindings"))
		show_bindings(rows);
	else if (!strcmp(cmd, "anchors"))
		show_anchors(rows, get(answer, "discovery"));
	else if (!strcmp(cmd, "halist"))
		table(halist_columns, rows, "halist");
	else if (!strcmp(cmd, "flows"))
		show_flows(rows);
	else if (!strcmp(cmd, "explain"))
		show_explain(answer);
	else if (!strcmp(cmd, "policy"))
		show_policy(answer);
	else if (!strcmp(cmd, "sas"))
		show_sas(answer);
	else if (!strcmp(cmd, "owners"))
		table(owner_columns, rows, "owners");
	else if (!strcmp(cmd, "hosts"))
		table(host_columns, rows, "hosts");
}
