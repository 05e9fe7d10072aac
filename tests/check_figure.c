/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>

#include "core/figure.h"

static struct json_object *get(struct json_object *o, const char *key)
{
	struct json_object *v;

	ck_assert_msg(json_object_object_get_ex(o, key, &v), "no %s", key);
	return v;
}

static int64_t in_bucket(struct json_object *d, double le)
{
	struct json_object *buckets = get(d, "buckets");
	size_t i;

	for (i = 0; i < json_object_array_length(buckets); i++) {
		struct json_object *b = json_object_array_get_idx(buckets, i);

		if (json_object_get_double(get(b, "le_s")) == le)
			return json_object_get_int64(get(b, "count"));
	}
	ck_abort_msg("no bucket %g", le);
	return -1;
}

/* Each bucket has all of the smaller ones, a bound is in its own, and what is
 * longer than all is in the count alone. */
START_TEST(durations)
{
	struct json_object *all, *d;

	figure_took(DURATION_HANDOVER, MTIME_MS(1));
	figure_took(DURATION_HANDOVER, (mtime){1000001});
	figure_took(DURATION_HANDOVER, MTIME_SEC(31));
	figure_took(DURATION_HANDOVER, (mtime){-5});
	all = figure_durations();
	d = get(all, "handover");
	ck_assert_int_eq(json_object_get_int64(get(d, "count")), 4);
	ck_assert_int_eq(in_bucket(d, 0.001), 2);
	ck_assert_int_eq(in_bucket(d, 0.002), 3);
	ck_assert_int_eq(in_bucket(d, 30), 3);
	ck_assert_double_eq_tol(json_object_get_double(get(d, "sum_s")),
				31.002000001, 1e-9);
	ck_assert_double_eq(json_object_get_double(get(d, "max_s")), 31);
	ck_assert_int_eq(json_object_get_int64(get(get(all, "session"),
						   "count")), 0);
	json_object_put(all);
}
END_TEST

START_TEST(traffic)
{
	const struct figure_tunnels t = {1, 10, 1000, 20, 2000};
	struct json_object *o;

	figure_signal(true, 136);
	figure_signal(true, 100);
	figure_signal(false, 96);
	o = figure_signalling();
	ck_assert_int_eq(json_object_get_int64(get(o, "sent")), 2);
	ck_assert_int_eq(json_object_get_int64(get(o, "sent_bytes")), 236);
	ck_assert_int_eq(json_object_get_int64(get(o, "received")), 1);
	json_object_put(o);

	figure_slow(true, 50);
	o = figure_tunnels(&t);
	ck_assert_int_eq(json_object_get_int64(get(o, "tx_packets")), 11);
	ck_assert_int_eq(json_object_get_int64(get(o, "tx_bytes")), 1050);
	ck_assert_int_eq(json_object_get_int64(get(o, "rx_bytes")), 2000);
	ck_assert_int_eq(json_object_get_int64(get(o, "overhead_bytes")),
			 31 * 40);
	json_object_put(o);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("figure");
	TCase *tc = tcase_create("figure");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, durations);
	tcase_add_test(tc, traffic);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
