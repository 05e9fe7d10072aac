/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "order.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

static const struct option options[] = {
	{ "reason", required_argument, NULL, 'r' },	/* revoke */
	{ "identity", required_argument, NULL, 'i' },
	{ "all", no_argument, NULL, 'a' },		/* switch */
	{ "cancel", no_argument, NULL, 'x' },
	{ "count", required_argument, NULL, 'n' },	/* test-path */
	{ "wait", required_argument, NULL, 'w' },
	{ "to", required_argument, NULL, 't' },		/* move */
	{ "seconds", required_argument, NULL, 's' },	/* prepare */
	{ "json", no_argument, NULL, 'j' },
	{ NULL, 0, NULL, 0 },
};

static const struct {
	const char *name, *options;	/* that it takes */
} orders[] = {
	{ "revoke", "rij" },
	{ "switch", "axj" },
	{ "test-path", "nwj" },
	{ "move", "tj" },
	{ "prepare", "sxj" },
};

/* Its options; NULL: it is none of these commands. */
static const char *options_of(const char *cmd)
{
	size_t i;

	for (i = 0; i < sizeof(orders) / sizeof(*orders); i++)
		if (!strcmp(orders[i].name, cmd))
			return orders[i].options;
	return NULL;
}

bool order_is(const char *cmd)
{
	return options_of(cmd);
}

static void add_text(struct json_object *o, const char *key, const char *v)
{
	json_object_object_add(o, key, json_object_new_string(v));
}

static bool add_number(struct json_object *o, const char *key, const char *v)
{
	char *end;
	double n = strtod(v, &end);

	json_object_object_add(o, key, json_object_new_double(n));
	return *v && !*end && n > 0;
}

static bool add_option(struct json_object *o, int opt, const char *value,
		       bool *json)
{
	switch (opt) {
	case 'r':
		add_text(o, "reason", value);
		return true;
	case 'i':
		add_text(o, "identity", value);
		return true;
	case 'a':
	case 'x':
		json_object_object_add(o, opt == 'a' ? "all" : "cancel",
				       json_object_new_boolean(true));
		return true;
	case 'n':
		return add_number(o, "count", value);
	case 'w':
		return add_number(o, "wait_s", value);
	case 's':
		return add_number(o, "seconds", value);
	case 't':
		add_text(o, "to", value);
		return true;
	case 'j':
		*json = true;
		return true;
	default:
		return false;
	}
}

/* word NULL: getopt has told it; "": an address is missing */
static struct json_object *wrong(struct json_object *o, const char *word)
{
	if (word && *word)
		fprintf(stderr, "kedgectl: what is '%s'?\n", word);
	else if (word)
		fprintf(stderr, "kedgectl: of which home address?\n");
	json_object_put(o);
	return NULL;
}

static bool is_addr(const char *text)
{
	struct in6_addr addr;

	return inet_pton(AF_INET6, text, &addr) == 1;
}

/* HOA, unless the options say whose; then, for a switch, other home agents. */
static struct json_object *add_words(struct json_object *o, const char *cmd,
				     char **word)
{
	bool of_many = json_object_object_get_ex(o, "all", NULL) ||
		       json_object_object_get_ex(o, "identity", NULL);
	struct json_object *to;

	if (!of_many && !*word)
		return wrong(o, "");
	if (!of_many && !is_addr(*word))
		return wrong(o, *word);
	if (!of_many)
		add_text(o, "hoa", *word++);
	if (strcmp(cmd, "switch"))
		return *word ? wrong(o, *word) : o;
	to = json_object_new_array();
	json_object_object_add(o, "to", to);
	for (; *word; word++) {
		if (!is_addr(*word))
			return wrong(o, *word);
		json_object_array_add(to, json_object_new_string(*word));
	}
	return o;
}

/* A flow or a home address, or an interface. */
static struct json_object *add_word(struct json_object *o, const char *key,
				    char **word, const char *missing)
{
	if (*word && word[1])
		return wrong(o, word[1]);
	if (*word && **word) {
		add_text(o, key, *word);
		return o;
	}
	fprintf(stderr, "kedgectl: %s\n", missing);
	return wrong(o, NULL);
}

static struct json_object *add_move(struct json_object *o, char **word)
{
	if (json_object_object_get_ex(o, "to", NULL))
		return add_word(o, "what", word, "move: which flow or home "
				"address?");
	fprintf(stderr, "kedgectl: move: --to which interface?\n");
	return wrong(o, NULL);
}

struct json_object *order_request(int argc, char **argv, bool *json)
{
	struct json_object *o = json_object_new_object();
	const char *takes = options_of(argv[0]);
	int opt, which = 0;

	add_text(o, "cmd", argv[0]);
	optind = 0;	/* a new scan */
	while ((opt = getopt_long(argc, argv, "j", options, &which)) != -1) {
		if (opt != '?' && !strchr(takes, opt)) {
			fprintf(stderr, "kedgectl: %s takes no --%s\n",
				argv[0], options[which].name);
			return wrong(o, NULL);
		}
		if (!add_option(o, opt, optarg, json))
			return wrong(o, opt == '?' ? NULL : optarg);
	}
	if (!strcmp(argv[0], "move"))
		return add_move(o, argv + optind);
	if (!strcmp(argv[0], "prepare"))
		return add_word(o, "interface", argv + optind,
				"prepare: which interface?");
	return add_words(o, argv[0], argv + optind);
}

/* ---- for people */

static double get_ms(struct json_object *o, const char *key)
{
	return json_object_get_double(get(o, key));
}

static void show_test(struct json_object *t)
{
	static const struct {
		const char *test, *text;
	} names[] = {
		{ "round", "to the home agent and back" },
		{ "full", "the same, as large as can be" },
		{ "out", "out by the tunnel, back beside it" },
		{ "back", "out beside the tunnel, back by it" },
	};
	const char *name = get_string(t, "test");
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i].test, name))
			name = names[i].text;
	printf("  %-35s %5s bytes  %2s of %2s", name, get_string(t, "bytes"),
	       get_string(t, "received"), get_string(t, "sent"));
	if (get(t, "rtt_min_ms"))
		printf("  %.3f / %.3f / %.3f ms", get_ms(t, "rtt_min_ms"),
		       get_ms(t, "rtt_median_ms"), get_ms(t, "rtt_max_ms"));
	if (get(t, "error"))
		printf("  (%s)", get_string(t, "error"));
	printf("\n");
}

static void show_heartbeat(struct json_object *h)
{
	printf("  %-35s ", "heartbeat");
	if (!json_object_get_boolean(get(h, "sent")))
		printf("not sent: not in use, or it knows none\n");
	else if (!json_object_get_boolean(get(h, "answered")))
		printf("not answered\n");
	else if (get(h, "rtt_ms"))
		printf("answered, %.3f ms\n", get_ms(h, "rtt_ms"));
	else
		printf("answered\n");
}

static void show_registration(struct json_object *v)
{
	if (v)
		printf("  %-35s %s\n", "Binding Update",
		       json_object_get_boolean(v) ? "acknowledged" :
						    "not acknowledged");
}

static void show_path(struct json_object *a)
{
	struct json_object *tests = get(a, "tests");
	size_t i;

	printf("%s at %s, by home agent %s: %s\n", get_string(a, "hoa"),
	       get_string(a, "coa"), get_string(a, "ha"),
	       get_string(a, "verdict"));
	show_heartbeat(get(a, "heartbeat"));
	show_registration(get(a, "registration"));
	for (i = 0; tests && i < json_object_array_length(tests); i++)
		show_test(json_object_array_get_idx(tests, i));
}

static const char *plural(struct json_object *o, const char *key)
{
	return json_object_get_int64(get(o, key)) == 1 ? "" : "s";
}

static void show_moved(struct json_object *a)
{
	if (get(a, "protocol"))
		printf("%s, %s port %s to [%s]:%s", get_string(a, "hoa"),
		       get_string(a, "protocol"), get_string(a, "local_port"),
		       get_string(a, "remote"), get_string(a, "remote_port"));
	else
		printf("%s", get_string(a, "hoa"));
	if (json_object_get_boolean(get(a, "moved")))
		printf(": by %s instead of %s, after %.0f ms\n",
		       get_string(a, "to"), get_string(a, "from"),
		       get_ms(a, "took_s") * 1000);
	else
		printf(": is by %s, as it was\n", get_string(a, "to"));
}

static void show_prepared(struct json_object *a)
{
	if (!get(a, "hoas"))
		printf("%s stays\n", get_string(a, "interface"));
	else
		printf("%s may go within %g s: %s home address%s and %s "
		       "flow%s moved off it, after %.0f ms\n",
		       get_string(a, "interface"), get_ms(a, "for_s"),
		       get_string(a, "hoas"), json_object_get_int64(
		       get(a, "hoas")) == 1 ? "" : "es",
		       get_string(a, "flows"), plural(a, "flows"),
		       get_ms(a, "took_s") * 1000);
}

void order_show(const char *cmd, struct json_object *answer)
{
	if (!strcmp(cmd, "test-path"))
		show_path(answer);
	else if (!strcmp(cmd, "move"))
		show_moved(answer);
	else if (!strcmp(cmd, "prepare"))
		show_prepared(answer);
	else if (!strcmp(cmd, "revoke"))
		printf("revoking %s; 'monitor' tells how it ends\n",
		       get_string(answer, "bindings"));
	else
		printf("done; 'bindings' shows who is still bound\n");
}

int order_status(struct json_object *answer)
{
	struct json_object *works = get(answer, "works");

	return works && !json_object_get_boolean(works);
}
