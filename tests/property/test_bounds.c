/* SPDX-License-Identifier: BSD-2-Clause */
/* At the bounds: more groups than there are places, more starts of windows at once than fit, more
 * sources than are told apart, and records that nobody honest would put in a ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/stream.h"
#include "encode.h"
#include "features.h"
#include "suite.h"

#define HOSTILE_RECORDS 20000

static const struct generate_options few = {
	.has_tumbling = true,
	.windows_max = 2,
	.datagrams = 60,
};

/* Sums over all groups of a window, whichever of them had places of their own. */
static void add_up(const struct result *result, __u32 window, struct sluice_partial *total)
{
	unsigned __int128 sum = 0;

	*total = (struct sluice_partial){ .min = INT64_MAX, .max = INT64_MIN };
	for (size_t i = 0; i < result->row_count; i++) {
		const struct sluice_partial *partial = &result->row[i].partial;

		if (result->row[i].identity.window != window)
			continue;
		total->count += partial->count;
		total->records += partial->records;
		sum += (unsigned __int128)partial->sum_high << 64 | partial->sum_low;
		total->min = partial->min < total->min ? partial->min : total->min;
		total->max = partial->max > total->max ? partial->max : total->max;
	}
	total->sum_low = (__u64)sum;
	total->sum_high = (__u64)(sum >> 64);
}

/* Totals are the oracle's to the last bit, and the ledger says the same number of events. */
static void check_totals(const struct scenario *scenario, const struct drive_options *drive)
{
	struct result expected = { 0 }, result = { 0 };

	oracle_run(scenario, &expected);
	if (drive_run(scenario, drive, &result))
		fail_msg("seed %llu", scenario->seed);
	for (__u32 i = 0; i < scenario->window_count; i++) {
		struct sluice_partial left, right;

		add_up(&expected, i, &left);
		add_up(&result, i, &right);
		if (memcmp(&left, &right, sizeof(left)))
			fail_msg("seed %llu: totals differ", scenario->seed);
		assert_int_equal(result.window[i].aggregated + result.window[i].overflow,
				 expected.window[i].aggregated + expected.window[i].overflow);
		assert_int_equal(result.window[i].late, expected.window[i].late);
	}
	assert_int_equal(compare_check_alone(scenario, &result), 0);
	result_clear(&expected);
	result_clear(&result);
}

static void bounds_of_groups(void **state)
{
	__u64 seed = generate_first_seed(1), end = seed + generate_rounds(60);

	(void)state;
	FEATURE_REQUIRE(FEATURE_OVERFLOW);
	for (; seed < end; seed++) {
		struct drive_options drive = { .hash_seed = seed, .noise_seed = seed };
		struct scenario scenario;

		generate_scenario(&scenario, seed, &few);
		scenario.groups_max = 1 + (__u32)(seed % 20);
		check_totals(&scenario, &drive);
		suite_judge_or_fail(&scenario, &drive, COMPARE_ALL);
		drive.worker_count = 3;
		check_totals(&scenario, &drive);
		scenario_clear(&scenario);
	}
}

/* Times all over the place, before any watermark can sort them out: whatever the engine cannot
 * hold at once it has to count. */
static void bounds_of_window_starts(void **state)
{
	struct drive_options drive = { .hash_seed = 1 };
	struct random random = { .state = 5 };
	struct result result = { 0 };
	struct scenario scenario;
	__u64 records = 0;

	(void)state;
	scenario_init(&scenario);
	scenario_add_window(&scenario, "w")->size_ns = 1000000;
	scenario.window[0].slide_ns = 1000000;
	for (int i = 0; i < 3000; i++) {
		struct scenario_step *step = scenario_add_step(&scenario, SCENARIO_DATAGRAM,
							       1ull << 60, 1);

		step->datagram.sequence = (__u64)i;
		step->datagram.base_time_ns = random_below(&random, 1ull << 60);
		scenario_add_event(&step->datagram);
	}
	scenario_add_step(&scenario, SCENARIO_WATERMARK, 1ull << 60, 1)->watermark_ns = INT64_MAX;
	assert_int_equal(drive_run(&scenario, &drive, &result), 0);
	assert_int_equal(compare_check_alone(&scenario, &result), 0);
	assert_int_equal(result.window[0].aggregated + result.window[0].rejected_pane, 3000);
	assert_true(result.window[0].rejected_pane > 0);
	for (size_t i = 0; i < result.row_count; i++)
		records += result.row[i].partial.records;
	assert_int_equal(records, result.window[0].aggregated);
	assert_int_equal(result.panes_left, 0);
	assert_int_equal(result.groups_left, 0);
	result_clear(&result);
	scenario_clear(&scenario);
}

/* A lie in one field of an honest record, or noise from start to end. */
static struct sluice_record *make_hostile(struct random *random, size_t *bytes)
{
	struct scenario_datagram datagram = { .event_size = 32, .base_time_ns = 1000 };
	struct sluice_record *record, *copy;
	unsigned char *octets;

	for (__u64 i = random_below(random, 80) + 1; i; i--)
		scenario_add_event(&datagram);
	record = encode_record(&datagram, bytes);
	free(datagram.event);
	octets = (unsigned char *)record;
	for (__u64 i = random_below(random, 4); i; i--)
		octets[random_below(random, random_percent(random, 50) ? 24 : 64)] =
			(unsigned char)random_next(random);
	if (random_percent(random, 20))
		for (size_t i = 0; i < *bytes; i++)
			octets[i] = (unsigned char)random_next(random);
	if (random_percent(random, 30))
		*bytes = random_below(random, *bytes + 1);
	copy = malloc(*bytes + !*bytes);	/* of its exact size, for the sanitizer */
	assert_non_null(copy);
	memcpy(copy, record, *bytes);
	free(record);
	return copy;
}

static void check_hostile_ledger(const struct stream *stream, int datagrams)
{
	const struct sluice_stream_ledger *ledger = stream_ledger(stream);
	const struct sluice_window_ledger *window = stream_window_ledger(stream, 0);

	assert_int_equal(ledger->consumed_datagrams, datagrams);
	assert_int_equal(ledger->consumed, ledger->accepted + ledger->dictionary +
						   ledger->duplicate + ledger->stale +
						   ledger->future + ledger->rejected_record);
	assert_int_equal(ledger->accepted, window->unselected + window->aggregated +
						   window->duplicate_id + window->overflow +
						   window->late + window->rejected_pane);
}

static void bounds_of_hostile_records(void **state)
{
	struct sources_options sources_options = { .sources_max = 8, .worker_count = 1,
						   .listener_count = 1, .hash_seed = 3,
						   .idle_timeout_ns = SCENARIO_SECOND_NS,
						   .max_lag_ns = SCENARIO_SECOND_NS };
	struct stream_options options = { .window_count = 1, .worker_count = 1, .groups_max = 64,
					  .memory_bytes = 64 << 20, .hash_seed = 3,
					  .max_ahead_ns = SCENARIO_SECOND_NS };
	struct random random = { .state = 11 };
	struct scenario scenario;
	struct stream *stream;

	(void)state;
	FEATURE_REQUIRE(FEATURE_KEPT_CHECKED);
	scenario_init(&scenario);
	scenario_add_window(&scenario, "w");
	options.windows = scenario.window;
	assert_int_equal(sources_open(&options.sources, &sources_options), 0);
	assert_int_equal(stream_open(&stream, &options), 0);
	stream_set_time(stream, 1000, 1000);
	for (int i = 0; i < HOSTILE_RECORDS; i++) {
		size_t bytes;
		struct sluice_record *record = make_hostile(&random, &bytes);

		stream_add(stream, record, bytes);
		stream_flush(stream);
		check_hostile_ledger(stream, i + 1);
		free(record);
	}
	assert_true(stream_ledger(stream)->rejected_record > 0);
	assert_true(stream_ledger(stream)->accepted > 0);
	stream_close(stream);
	sources_close(options.sources);
	scenario_clear(&scenario);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_of_groups),
		cmocka_unit_test(bounds_of_window_starts),
		cmocka_unit_test(bounds_of_hostile_records),
	};

	suite_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
