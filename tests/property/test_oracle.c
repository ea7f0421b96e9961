/* SPDX-License-Identifier: BSD-2-Clause */
/* The judges are judged: exact aggregates on examples worked by hand, the promise of the
 * generator that nothing is late within its bound, and that each kind of difference is seen.
 * (The oracle's windows are judged by the scripts.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "suite.h"

static struct scenario_event *add_event(struct scenario *scenario, __u64 time_ns, __u64 key,
					__s64 value, __u16 weight)
{
	struct scenario_step *step = scenario_add_step(scenario, SCENARIO_DATAGRAM, 1ull << 40, 1);
	struct scenario_event *event = scenario_add_event(&step->datagram);

	step->datagram.base_time_ns = time_ns;
	step->datagram.sequence = scenario->step_count;
	event->wire.key = key;
	event->wire.value = value;
	event->wire.weight = weight;
	return event;
}

static void close_all(struct scenario *scenario)
{
	scenario_add_step(scenario, SCENARIO_WATERMARK, 1ull << 40, 1)->watermark_ns = INT64_MAX;
}

static void oracle_quantiles_by_rank(void **state)
{
	static const double quantiles[] = { 0, 0.5, 0.75, 0.76, 1 };
	struct sluice_schema_aggregate *aggregate;
	struct result result = { 0 };
	struct scenario scenario;
	struct window_spec *spec;

	(void)state;
	scenario_init(&scenario);
	spec = scenario_add_window(&scenario, "w");
	scenario_add_aggregate(spec, SLUICE_AGGREGATE_QUANTILES, SLUICE_FIELD_VALUE);
	aggregate = &spec->aggregate[spec->aggregate_count - 1];
	aggregate->quantile_count = 5;
	memcpy(aggregate->quantile, quantiles, sizeof(quantiles));
	add_event(&scenario, 5, 0, 30, 1);
	add_event(&scenario, 5, 0, -10, 2);	/* -10 -10 20 30: ranks 1 to 4 */
	add_event(&scenario, 5, 0, 20, 0);
	close_all(&scenario);
	oracle_run(&scenario, &result);
	assert_int_equal(result.row_count, 1);
	assert_float_equal(result.row[0].aggregate[0].quantile[0], -10, 0);
	assert_float_equal(result.row[0].aggregate[0].quantile[1], -10, 0);
	assert_float_equal(result.row[0].aggregate[0].quantile[2], 20, 0);
	assert_float_equal(result.row[0].aggregate[0].quantile[3], 30, 0);
	assert_float_equal(result.row[0].aggregate[0].quantile[4], 30, 0);
	result_clear(&result);
	scenario_clear(&scenario);
}

static void oracle_top_and_distinct(void **state)
{
	struct result result = { 0 };
	struct scenario scenario;
	struct window_spec *spec;
	const struct result_aggregate *top;

	(void)state;
	scenario_init(&scenario);
	spec = scenario_add_window(&scenario, "w");
	scenario_add_aggregate(spec, SLUICE_AGGREGATE_TOP, SLUICE_FIELD_KEY);
	spec->aggregate[spec->aggregate_count - 1].k = 2;
	scenario_add_aggregate(spec, SLUICE_AGGREGATE_DISTINCT, SLUICE_FIELD_KEY);
	add_event(&scenario, 1, 9, 0, 2);
	add_event(&scenario, 1, 7, 0, 1);
	add_event(&scenario, 1, 8, 0, 3);
	add_event(&scenario, 1, 7, 0, 2);
	close_all(&scenario);
	oracle_run(&scenario, &result);
	assert_int_equal(result.row_count, 1);
	top = &result.row[0].aggregate[0];
	assert_true(top->is_exact);
	assert_int_equal(top->top_count, 2);
	assert_int_equal(top->top[0].value, 7);	/* 3, as many as 8: by value */
	assert_int_equal(top->top[0].count, 3);
	assert_int_equal(top->top[1].value, 8);
	assert_float_equal(result.row[0].aggregate[1].distinct, 3, 0);
	result_clear(&result);
	scenario_clear(&scenario);
}

static void generator_keeps_its_bound(void **state)
{
	struct generate_options options = { .has_tumbling = true, .has_sliding = true,
					    .windows_max = 4, .datagrams = 40,
					    .is_in_bound = true };
	__u64 taken = 0;

	(void)state;
	for (__u64 seed = 1; seed <= 30; seed++) {
		struct result result = { 0 };
		struct scenario scenario;

		generate_scenario(&scenario, seed, &options);
		oracle_run(&scenario, &result);
		for (__u32 i = 0; i < scenario.window_count; i++) {
			assert_int_equal(result.window[i].late, 0);
			taken += result.window[i].aggregated;
		}
		result_clear(&result);
		scenario_clear(&scenario);
	}
	assert_true(taken > 1000);
}

/* Streams without the bound have late, future and unselected events, or they test nothing. */
static void generator_is_nasty(void **state)
{
	struct generate_options options = { .has_tumbling = true, .has_event_ids = true,
					    .has_sequence_repeats = true, .has_lateness = true,
					    .windows_max = 4, .datagrams = 60 };
	__u64 late = 0, future = 0, unselected = 0, duplicate = 0, duplicate_id = 0, again = 0;

	(void)state;
	for (__u64 seed = 1; seed <= 30; seed++) {
		struct result result = { 0 };
		struct scenario scenario;

		generate_scenario(&scenario, seed, &options);
		oracle_run(&scenario, &result);
		future += result.stream.future;
		duplicate += result.stream.duplicate;
		for (__u32 i = 0; i < scenario.window_count; i++) {
			late += result.window[i].late;
			unselected += result.window[i].unselected;
			duplicate_id += result.window[i].duplicate_id;
		}
		for (size_t i = 0; i < result.row_count; i++)
			again += result.row[i].revision > 0;
		result_clear(&result);
		scenario_clear(&scenario);
	}
	assert_true(late > 100);
	assert_true(future > 100);
	assert_true(unselected > 100);
	assert_true(duplicate > 100);
	assert_true(duplicate_id > 100);
	assert_true(again > 10);
}

/* One way each in which an engine could be wrong. */
static void damage(struct result *result, int kind)
{
	struct result_row *row = &result->row[result->row_count / 2], copy;

	switch (kind) {
	case 0:
		row->partial.count++;
		break;
	case 1:
		row->partial.sum_high ^= 1;
		break;
	case 2:
		row->partial.min--;
		break;
	case 3:
		row->identity.end_ns++;
		break;
	case 4:
		row->identity.group[0] ^= 1ull << 63;
		break;
	case 5:
		row->is_retracted = true;
		break;
	case 6:
		row->step++;	/* came out one step late */
		break;
	case 7:
		row->revision = 1 << 20;
		break;
	case 8:
		*row = result->row[--result->row_count];	/* lost */
		break;
	case 9:
		copy = *row;	/* a row that nobody asked for */
		*result_add_row(result) = copy;
		result->row[result->row_count - 1].identity.start_ns -= 1;
		break;
	case 10:
		result->window[0].late++;
		break;
	case 11:
		result->stream.accepted++;
		break;
	case 12:
		result->watermark_ns[result->watermark_count / 2]++;
		break;
	default:
		result->close_count = 0;	/* nothing is final any more */
		for (size_t i = 0; i < result->row_count; i++)
			result->row[i].is_final = false;
	}
}

static void every_damage_is_seen(void **state)
{
	struct generate_options options = { .has_tumbling = true, .windows_max = 1,
					    .datagrams = 40 };
	struct result expected = { 0 };
	struct scenario scenario;

	(void)state;
	generate_scenario(&scenario, 1, &options);
	oracle_run(&scenario, &expected);
	assert_true(expected.row_count > 3);
	compare_set_quiet(true);
	for (int kind = -1; kind <= 13; kind++) {
		struct result result = { 0 };
		size_t differences;

		oracle_run(&scenario, &result);
		if (kind >= 0)
			damage(&result, kind);
		differences = compare_results(&scenario, &expected, &result, COMPARE_ALL);
		if ((differences != 0) != (kind >= 0))
			fail_msg("damage %d gives %zu differences", kind, differences);
		result_clear(&result);
	}
	compare_set_quiet(false);
	result_clear(&expected);
	scenario_clear(&scenario);
}

/* What no result may do, whatever the oracle says. */
static void nonsense_is_seen(void **state)
{
	struct result result = { 0 };
	struct scenario scenario;
	struct result_row *row;

	(void)state;
	scenario_init(&scenario);
	scenario_add_window(&scenario, "w");
	add_event(&scenario, 5, 1, 1, 1);
	close_all(&scenario);
	oracle_run(&scenario, &result);
	assert_int_equal(compare_check_alone(&scenario, &result), 0);
	compare_set_quiet(true);
	row = result_add_row(&result);
	*row = result.row[0];
	row->aggregate = NULL;
	assert_int_equal(compare_check_alone(&scenario, &result), 1);	/* revision 0 twice */
	row->revision = 1;
	assert_int_equal(compare_check_alone(&scenario, &result), 1);	/* after a final row */
	result.row_count--;
	result.window[0].aggregated++;
	assert_int_equal(compare_check_alone(&scenario, &result), 1);
	result.window[0].aggregated--;
	result.stream.consumed++;
	assert_int_equal(compare_check_alone(&scenario, &result), 1);
	compare_set_quiet(false);
	result_clear(&result);
	scenario_clear(&scenario);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oracle_quantiles_by_rank),
		cmocka_unit_test(oracle_top_and_distinct),
		cmocka_unit_test(generator_keeps_its_bound),
		cmocka_unit_test(generator_is_nasty),
		cmocka_unit_test(every_damage_is_seen),
		cmocka_unit_test(nonsense_is_seen),
	};

	suite_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
