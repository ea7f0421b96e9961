/* SPDX-License-Identifier: BSD-2-Clause */
/* The truth on examples worked out by hand: each states its events and the lines that must come
 * out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gen_support.h"

#define S 1000000000ll
#define MS 1000000ll
#define EVENTS_MAX 16

/* A datagram in the making; times in nanoseconds since 1970. */
struct maker {
	__u8 bytes[40 + EVENTS_MAX * 48];
	__u16 event_size;
	__u16 count;
	__u64 base_ns;
};

static void put(__u8 *at, __u64 number, int bytes)
{
	for (int i = 0; i < bytes; i++, number >>= 8)
		at[i] = (__u8)number;
}

static void begin(struct maker *maker, __u16 event_size, __u64 source, __u64 sequence,
		  __u64 base_ns)
{
	memset(maker, 0, sizeof(*maker));
	memcpy(maker->bytes, "SLC1\x01", 5);
	maker->event_size = event_size;
	maker->base_ns = base_ns;
	put(maker->bytes + 8, event_size, 2);
	put(maker->bytes + 12, 1, 4);
	put(maker->bytes + 16, source, 8);
	put(maker->bytes + 24, sequence, 8);
	put(maker->bytes + 32, base_ns, 8);
}

static __u8 *add(struct maker *maker, __u64 time_ns, __u64 key, __s64 value, __u16 type,
		 __u16 weight)
{
	__u8 *record = maker->bytes + 40 + (size_t)maker->count++ * maker->event_size;

	put(maker->bytes + 6, maker->count, 2);
	put(record, key, 8);
	put(record + 8, (__u64)value, 8);
	put(record + 16, (time_ns - maker->base_ns) / 1000, 4);
	put(record + 20, type, 2);
	put(record + 22, weight, 2);
	return record;
}

static void tell(struct truth *truth, const struct maker *maker)
{
	assert_int_equal(truth_add(truth, maker->bytes,
				   40 + (size_t)maker->count * maker->event_size),
			 TRUTH_TAKEN);
}

static void expect_rows(struct truth *truth, struct config *config, const char *expected)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	assert_int_equal(truth_write(truth, out), 0);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	truth_close(truth);
	config_free(config);
}

#define T(seconds) "1970-01-01T00:00:" seconds "Z"
#define ROW(window, start, end, group, rest)                                                       \
	"{\"window\":\"" window "\",\"start\":\"" start "\",\"end\":\"" end "\",\"group\":{" group \
	"},\"revision\":0,\"final\":true,\"early\":false,\"retracted\":false" rest "}\n"

static struct truth *open_truth(struct config *config, bool drops_duplicates)
{
	struct truth *truth = NULL;

	assert_int_equal(truth_open(&truth, config, 0, drops_duplicates), 0);
	return truth;
}

static void test_tumbling_with_offset_weights_and_groups(void **unused)
{
	struct config *config = gen_config(
		"names: {types: {1: view}, dims: [region]}\n",
		"  - {name: w, kind: tumbling, size: 10s, offset: 3s, group_by: [type, region],\n"
		"     aggregate: [count, records, sum, min, max, avg, rate]}\n");
	struct truth *truth = open_truth(config, false);
	struct maker maker;

	(void)unused;
	begin(&maker, 32, 5, 0, 2 * S);
	add(&maker, 2 * S, 9, -4, 1, 0); /* [−7, 3): weight 0 is 1 */
	add(&maker, 3 * S, 9, 10, 1, 3); /* [3, 13): the start belongs to it */
	add(&maker, 13 * S - 1000, 9, 1, 1, 1);
	add(&maker, 13 * S, 9, 5, 2, 1); /* [13, 23): so does not the end */
	tell(truth, &maker);
	expect_rows(
		truth, config,
		ROW("w", "1969-12-31T23:59:53.000Z", T("03.000"),
		    "\"type\":\"view\",\"region\":\"0\"",
		",\"count\":1,\"records\":1,\"sum\":-4,\"min\":-4,\"max\":-4,\"avg\":-4.0"
		",\"rate\":0.1")
			ROW("w", T("03.000"), T("13.000"), "\"type\":\"view\",\"region\":\"0\"",
		",\"count\":4,\"records\":2,\"sum\":31,\"min\":1,\"max\":10,\"avg\":7.75"
		",\"rate\":0.4")
				ROW("w", T("13.000"), T("23.000"),
				    "\"type\":\"2\",\"region\":\"0\"",
		",\"count\":1,\"records\":1,\"sum\":5,\"min\":5,\"max\":5,\"avg\":5.0"
		",\"rate\":0.1"));
}

static void test_sliding_counts_an_event_in_every_window_around_it(void **unused)
{
	struct config *config = gen_config(
		"", "  - {name: w, kind: sliding, size: 25ms, slide: 10ms, aggregate: [count]}\n");
	struct truth *truth = open_truth(config, false);
	struct maker maker;

	(void)unused;
	begin(&maker, 32, 5, 0, 1 * S);
	add(&maker, 1 * S + 20 * MS, 1, 1, 1, 1); /* windows from 0, 10 and 20 ms */
	add(&maker, 1 * S + 25 * MS, 1, 1, 1, 1); /* from 10 and 20 */
	tell(truth, &maker);
	expect_rows(truth, config,
		    ROW("w", T("01.000"), T("01.025"), "", ",\"count\":1")
			    ROW("w", T("01.010"), T("01.035"), "", ",\"count\":2")
				    ROW("w", T("01.020"), T("01.045"), "", ",\"count\":2"));
}

static void test_sessions_merge_at_the_gap_and_end_at_their_longest(void **unused)
{
	struct config *config = gen_config(
		"",
		"  - {name: gap, kind: session, gap: 10ms, group_by: [key], aggregate: [records]}\n"
		"  - {name: cut, kind: session, gap: 10ms, max_duration: 15ms, group_by: [key],\n"
		"     aggregate: [records]}\n");
	struct truth *truth = open_truth(config, false);
	struct maker maker;

	(void)unused;
	begin(&maker, 32, 5, 0, 1 * S);
	add(&maker, 1 * S + 20 * MS, 1, 1, 1, 1); /* arrives before the one that bridges */
	add(&maker, 1 * S, 1, 1, 1, 1);
	add(&maker, 1 * S + 10 * MS, 1, 1, 1, 1); /* exactly the gap from both */
	add(&maker, 1 * S + 30 * MS + 1000, 1, 1, 1, 1); /* 1 µs too far */
	add(&maker, 1 * S + 5 * MS, 2, 1, 1, 1); /* another group */
	tell(truth, &maker);
	expect_rows(truth, config,
		    ROW("gap", T("01.000"), T("01.030"), "\"key\":\"1\"", ",\"records\":3")
			    ROW("gap", T("01.005"), T("01.015"), "\"key\":\"2\"", ",\"records\":1")
				    ROW("gap", T("01.030001"), T("01.040001"), "\"key\":\"1\"",
					",\"records\":1") ROW("cut", T("01.000"), T("01.015"),
							      "\"key\":\"1\"", ",\"records\":2")
					    ROW("cut", T("01.005"), T("01.015"), "\"key\":\"2\"",
						",\"records\":1") ROW("cut", T("01.020"),
								      T("01.030"), "\"key\":\"1\"",
								      ",\"records\":1")
						    ROW("cut", T("01.030001"), T("01.040001"),
							"\"key\":\"1\"", ",\"records\":1"));
}

static void test_first_and_last_by_time_then_identity(void **unused)
{
	struct config *config = gen_config(
		"", "  - {name: w, kind: tumbling, size: 10s, aggregate: [first, last]}\n");
	struct truth *truth = open_truth(config, false);
	struct maker maker;

	(void)unused;
	begin(&maker, 32, 6, 0, 1 * S); /* the larger source arrives first */
	add(&maker, 1 * S, 1, 61, 1, 1);
	add(&maker, 2 * S, 1, 62, 1, 1);
	tell(truth, &maker);
	begin(&maker, 32, 5, 9, 1 * S);
	add(&maker, 1 * S, 1, 51, 1, 1); /* first: same time, smaller source */
	add(&maker, 2 * S, 1, 52, 1, 1);
	tell(truth, &maker);
	expect_rows(truth, config,
		    ROW("w", T("00.000"), T("10.000"), "", ",\"first\":51,\"last\":62"));
}

static void test_sketches_are_exact(void **unused)
{
	struct config *config = gen_config(
		"",
		"  - {name: w, kind: tumbling, size: 10s,\n"
		"     aggregate: [\"distinct(key)\", \"distinct(dim0)\", "
		"\"quantiles(value; 0.5, 0.9)\", \"top(key, 1)\"]}\n");
	struct truth *truth = open_truth(config, false);
	struct maker maker;

	(void)unused;
	begin(&maker, 32, 5, 0, 1 * S);
	add(&maker, 1 * S, 1, -50, 1, 1);
	add(&maker, 1 * S, 2, 7, 1, 5);
	add(&maker, 1 * S, 2, 8, 1, 1);
	add(&maker, 1 * S, 3, 100, 1, 3);
	tell(truth, &maker); /* ranks 1: −50, 2…6: 7, 7: 8, 8…10: 100 */
	expect_rows(
		truth, config,
		ROW("w", T("00.000"), T("10.000"), "",
		",\"distinct\":{\"key\":{\"value\":3,\"exact\":true},\"dim0\":{\"value\":1"
		",\"exact\":true}}"
		    ",\"quantiles\":{\"value\":{\"0.5\":7.0,\"0.9\":100.0}}"
		    ",\"quantiles_range\":{\"value\":{\"0.5\":[7,7],\"0.9\":[100,100]}}"
		    ",\"top\":{\"key\":[{\"key\":\"2\",\"count\":6,\"error\":0}]}"
		",\"top_more\":{\"key\":[{\"key\":\"3\",\"count\":3"
		",\"error\":0},{\"key\":\"1\",\"count\":1,\"error\":0}]}"));
}

static void test_rules_and_selection(void **unused)
{
	struct config *config = gen_config(
		"filter:\n  default: pass\n"
		"  rules: [{types: [7], action: drop}, {types: [8], action: pass}]\n",
		"  - {name: t, kind: tumbling, size: 10s, where: {types: [7, 8]},\n"
		"     aggregate: [sum]}\n"
		"  - {name: v, kind: tumbling, size: 10s,\n"
		"     where: {key: [2, 4], value: {min: -1, max: 8}},\n"
		"     aggregate: [sum]}\n");
	struct truth *truth = open_truth(config, false);
	struct maker maker;

	(void)unused;
	begin(&maker, 32, 5, 0, 1 * S);
	add(&maker, 1 * S, 2, 1, 7, 1); /* dropped */
	add(&maker, 1 * S, 2, -1, 8, 1); /* both */
	add(&maker, 1 * S, 4, 8, 9, 1); /* v */
	add(&maker, 1 * S, 4, 9, 9, 1); /* none: value */
	add(&maker, 1 * S, 3, 4, 9, 1); /* none: key */
	tell(truth, &maker);
	assert_int_equal(truth_stats(truth)->dropped, 1);
	expect_rows(truth, config,
		    ROW("t", T("00.000"), T("10.000"), "", ",\"sum\":-1")
			    ROW("v", T("00.000"), T("10.000"), "", ",\"sum\":7"));
}

static void test_sums_saturate_only_when_printed(void **unused)
{
	struct config *config = gen_config(
		"",
		"  - {name: w, kind: tumbling, size: 10s, group_by: [key], aggregate: [sum]}\n");
	struct truth *truth = open_truth(config, false);
	struct maker maker;

	(void)unused;
	begin(&maker, 32, 5, 0, 1 * S);
	add(&maker, 1 * S, 1, INT64_MAX, 1, 2);
	add(&maker, 1 * S, 2, INT64_MIN, 1, 65535);
	add(&maker, 1 * S, 3, INT64_MAX, 1, 65535); /* beyond, and back */
	add(&maker, 1 * S, 3, -INT64_MAX, 1, 65535);
	tell(truth, &maker);
	expect_rows(
		truth, config,
		ROW("w", T("00.000"), T("10.000"), "\"key\":\"1\"", ",\"sum\":9223372036854775807")
			ROW("w", T("00.000"), T("10.000"), "\"key\":\"2\"",
			    ",\"sum\":-9223372036854775808")
				ROW("w", T("00.000"), T("10.000"), "\"key\":\"3\"", ",\"sum\":0"));
}

static void test_short_records_have_zeros_and_long_ones_are_cut(void **unused)
{
	struct config *config = gen_config(
		"",
		"  - {name: w, kind: tumbling, size: 10s, group_by: [dim2, dim3],\n"
		"     aggregate: [records]}\n");
	struct truth *truth = open_truth(config, false);
	struct maker maker;
	__u8 *record;

	(void)unused;
	begin(&maker, 40, 5, 0, 1 * S);
	add(&maker, 1 * S, 1, 1, 1, 1);
	tell(truth, &maker);
	begin(&maker, 48, 5, 1, 1 * S);
	record = add(&maker, 1 * S, 1, 1, 1, 1);
	put(record + 40, 3, 4);
	put(record + 44, 4, 4);
	tell(truth, &maker);
	expect_rows(truth, config,
		    ROW("w", T("00.000"), T("10.000"), "\"dim2\":\"0\",\"dim3\":\"0\"",
			",\"records\":1") ROW("w", T("00.000"), T("10.000"),
					      "\"dim2\":\"3\",\"dim3\":\"4\"", ",\"records\":1"));
}

static void test_duplicates_are_kept_or_dropped_as_told(void **unused)
{
	struct maker maker;

	(void)unused;
	begin(&maker, 32, 5, 3, 1 * S);
	add(&maker, 1 * S, 1, 1, 1, 1);
	for (int drops = 0; drops < 2; drops++) {
		struct config *config = gen_config(
			"", "  - {name: w, kind: tumbling, size: 10s, aggregate: [records]}\n");
		struct truth *truth = open_truth(config, drops);

		tell(truth, &maker);
		assert_int_equal(truth_add(truth, maker.bytes, 72),
				 drops ? TRUTH_REPEATED : TRUTH_TAKEN);
		expect_rows(truth, config,
			    drops ? ROW("w", T("00.000"), T("10.000"), "", ",\"records\":1")
				  : ROW("w", T("00.000"), T("10.000"), "", ",\"records\":2"));
	}
}

static void test_event_ids_count_once_where_a_window_asks(void **unused)
{
	struct config *config = gen_config(
		"",
		"  - {name: once, kind: tumbling, size: 10s, dedup: event_id,\n"
		"     aggregate: [records]}\n"
		"  - {name: all, kind: tumbling, size: 10s, aggregate: [records]}\n");
	struct truth *truth = open_truth(config, false);
	struct maker maker;

	(void)unused;
	begin(&maker, 40, 5, 0, 1 * S);
	put(add(&maker, 1 * S, 1, 1, 1, 1) + 32, 77, 8);
	put(add(&maker, 2 * S, 1, 1, 1, 1) + 32, 77, 8);
	add(&maker, 3 * S, 1, 1, 1, 1); /* 0 is no id */
	add(&maker, 3 * S, 1, 1, 1, 1);
	tell(truth, &maker);
	expect_rows(truth, config,
		    ROW("once", T("00.000"), T("10.000"), "", ",\"records\":3")
			    ROW("all", T("00.000"), T("10.000"), "", ",\"records\":4"));
}

static void test_doubtful_events_are_noticed(void **unused)
{
	struct config *config = gen_config(
		"",
		"  - {name: w, kind: tumbling, size: 1s, max_disorder: 2s,\n"
		"     aggregate: [records]}\n");
	struct truth *truth = open_truth(config, false);
	struct maker maker;

	(void)unused;
	for (__u64 source = 1; source <= 2; source++) {
		begin(&maker, 32, source, 0, 10 * S);
		add(&maker, 10 * S, 1, 1, 1, 1);
		tell(truth, &maker);
	}
	begin(&maker, 32, 1, 1, 7 * S); /* its window ends at 8 s, the watermark may be at 8 s */
	add(&maker, 7 * S, 1, 1, 1, 1);
	tell(truth, &maker);
	assert_int_equal(truth_stats(truth)->doubtful, 1);
	begin(&maker, 32, 2, 1, 8 * S); /* this one ends at 9 s */
	add(&maker, 8 * S, 1, 1, 1, 1);
	tell(truth, &maker);
	assert_int_equal(truth_stats(truth)->doubtful, 1);
	assert_int_equal(truth_stats(truth)->behind_max_ns, 3 * S);
	truth_close(truth);
	config_free(config);
}

static void test_bad_payloads_are_refused_in_order(void **unused)
{
	struct config *config =
		gen_config("", "  - {name: w, kind: tumbling, size: 1s, aggregate: [records]}\n");
	struct truth *truth = open_truth(config, false);
	struct maker maker, bad;

	(void)unused;
	begin(&maker, 32, 5, 0, 1 * S);
	add(&maker, 1 * S, 1, 1, 1, 1);
	for (size_t bytes = 0; bytes < 40; bytes++)
		assert_int_equal(truth_add(truth, maker.bytes, bytes), TRUTH_REFUSED_SHORT);
	for (size_t bytes = 40; bytes < 100; bytes++)
		assert_int_equal(truth_add(truth, maker.bytes, bytes),
				 bytes == 72 ? TRUTH_TAKEN : TRUTH_REFUSED_LENGTH);
	bad = maker;
	bad.bytes[8] = 24;
	assert_int_equal(truth_add(truth, bad.bytes, 64), TRUTH_REFUSED_EVENT_SIZE);
	bad.bytes[6] = 0;
	assert_int_equal(truth_add(truth, bad.bytes, 64), TRUTH_REFUSED_EVENT_COUNT);
	bad.bytes[5] = 0x10;
	assert_int_equal(truth_add(truth, bad.bytes, 64), TRUTH_REFUSED_FLAGS);
	bad.bytes[4] = 2;
	assert_int_equal(truth_add(truth, bad.bytes, 64), TRUTH_REFUSED_VERSION);
	bad.bytes[3] = 'X';
	assert_int_equal(truth_add(truth, bad.bytes, 64), TRUTH_REFUSED_MAGIC);
	truth_close(truth);
	config_free(config);
}

static void test_listeners_are_found(void **unused)
{
	struct config *config =
		gen_config("", "  - {name: w, kind: tumbling, size: 1s, aggregate: [records]}\n");

	(void)unused;
	assert_int_equal(truth_find_listener(config, NULL, 9125), 0);
	assert_int_equal(truth_find_listener(config, NULL, 1), 0); /* there is but one */
	assert_int_equal(truth_find_listener(config, "edge", 1), 0);
	assert_true(truth_find_listener(config, "other", 9125) < 0);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tumbling_with_offset_weights_and_groups),
		cmocka_unit_test(test_sliding_counts_an_event_in_every_window_around_it),
		cmocka_unit_test(test_sessions_merge_at_the_gap_and_end_at_their_longest),
		cmocka_unit_test(test_first_and_last_by_time_then_identity),
		cmocka_unit_test(test_sketches_are_exact),
		cmocka_unit_test(test_rules_and_selection),
		cmocka_unit_test(test_sums_saturate_only_when_printed),
		cmocka_unit_test(test_short_records_have_zeros_and_long_ones_are_cut),
		cmocka_unit_test(test_duplicates_are_kept_or_dropped_as_told),
		cmocka_unit_test(test_event_ids_count_once_where_a_window_asks),
		cmocka_unit_test(test_doubtful_events_are_noticed),
		cmocka_unit_test(test_bad_payloads_are_refused_in_order),
		cmocka_unit_test(test_listeners_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
