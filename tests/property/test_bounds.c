/* SPDX-License-Identifier: BSD-2-Clause */
/* At the bounds: more groups than there are places, more starts of windows at once than fit, more
 * sources than are told apart, and records that nobody honest would put in a ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/stream/stream.h"
#include "encode.h"
#include "features.h"
#include "suite.h"

#define HOSTILE_RECORDS 20000
#define FLOOD_KEYS 400

static const struct generate_options few = {
	.has_tumbling = true,
	.windows_max = 2,
	.datagrams = 60,
};

static const struct generate_options few_of_panes = {
	.has_tumbling = true,
	.has_sliding = true,
	.has_lateness = true,
	.windows_max = 2,
	.datagrams = 60,
};

static const struct generate_options late_sessions = {
	.has_session = true,
	.has_lateness = true,
	.has_event_ids = true,
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

/* A group that is there goes on in every pane, and while its rows are being emitted. */
static void bounds_of_groups_in_many_panes(void **state)
{
	__u64 seed = generate_first_seed(200000), end = seed + generate_rounds(60);

	(void)state;
	FEATURE_REQUIRE(FEATURE_OVERFLOW && FEATURE_SLIDING && FEATURE_LATENESS &&
			FEATURE_GROUPS_BY_WINDOW);
	for (; seed < end; seed++) {
		struct drive_options drive = { .hash_seed = seed, .noise_seed = seed };
		struct scenario scenario;

		generate_scenario(&scenario, seed, &few_of_panes);
		scenario.groups_max = 1 + (__u32)(seed % 20);
		suite_judge_or_fail(&scenario, &drive, COMPARE_ALL);
		scenario_clear(&scenario);
	}
}

/* Which group an event is in decides whether it is late. */
static void bounds_of_session_groups(void **state)
{
	__u64 seed = generate_first_seed(100000), end = seed + generate_rounds(100);

	(void)state;
	FEATURE_REQUIRE(FEATURE_OVERFLOW && FEATURE_SESSION && FEATURE_LATENESS);
	for (; seed < end; seed++) {
		struct drive_options drive = { .hash_seed = seed, .noise_seed = seed };
		struct scenario scenario;

		generate_scenario(&scenario, seed, &late_sessions);
		scenario.groups_max = 1 + (__u32)(seed % 5);
		suite_judge_or_fail(&scenario, &drive, COMPARE_ALL);
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
	/* So long that there is room for some hundred of them only. */
	scenario_add_window(&scenario, "w")->size_ns = 10 * SCENARIO_SECOND_NS;
	scenario.window[0].slide_ns = 10 * SCENARIO_SECOND_NS;
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
	assert_int_equal(ledger->accepted, window->unselected + window->duplicate_datagram +
						window->aggregated +
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

static void *reserve_anywhere(void *context, size_t bytes_min, size_t bytes_max,
			      size_t *bytes_room)
{
	static _Alignas(8) unsigned char room[64 << 10];

	(void)context;
	assert_true(bytes_min <= sizeof(room));
	*bytes_room = bytes_max < sizeof(room) ? bytes_max : sizeof(room);
	return room;
}

static void forget(void *context, size_t bytes)
{
	(void)context;
	(void)bytes;
}

/* One second of events of which each has a key that was never there before. */
static void flood(struct stream *stream, __u64 second)
{
	struct scenario_datagram datagram = { .event_size = 32, .sequence = second,
					      .base_time_ns = second * SCENARIO_SECOND_NS };
	struct sluice_record *record;
	size_t bytes;

	for (__u64 i = 0; i < FLOOD_KEYS; i++) {
		struct scenario_event *event = scenario_add_event(&datagram);

		event->wire.key = second * FLOOD_KEYS + i;
		event->wire.dim0 = (__u32)i;
		event->wire.value = (__s64)(i * i);
		event->wire.time_offset_us = (__u32)(i * 1000);
	}
	record = encode_record(&datagram, &bytes);
	stream_add(stream, record, bytes);
	stream_flush(stream);
	free(record);
	free(datagram.event);
}

static __u64 memory_after(struct stream *stream, __s64 watermark_ns, __u64 budget)
{
	const struct row_writer writer = { NULL, reserve_anywhere, forget };
	__s64 watermarks_ns[] = { watermark_ns, watermark_ns, watermark_ns };
	struct stream_stats stats;

	stream_read_stats(stream, &stats);
	assert_true(stats.memory_bytes + stats.sketch_bytes <= budget);
	stream_advance(stream, watermarks_ns);
	while (stream_emit(stream, &writer, 100))
		;
	stream_read_stats(stream, &stats);
	return stats.memory_bytes + stats.sketch_bytes;
}

/* A hundred seconds of new keys, more than there is room for: what is held does not grow, and the
 * bound on groups is what decides. */
static void bounds_of_new_keys(void **state)
{
	struct sources_options sources_options = { .sources_max = 8, .worker_count = 1,
						   .listener_count = 1, .hash_seed = 3,
						   .idle_timeout_ns = SCENARIO_SECOND_NS,
						   .max_lag_ns = SCENARIO_SECOND_NS };
	struct stream_options options = { .window_count = 3, .worker_count = 1,
					  .groups_max = FLOOD_KEYS / 4, .memory_bytes = 16 << 20,
					  .hash_seed = 3, .max_ahead_ns = SCENARIO_SECOND_NS };
	struct scenario scenario;
	struct stream *stream;
	__u64 settled = 0;

	(void)state;
	scenario_init(&scenario);
	for (__u32 i = 0; i < options.window_count; i++) {
		struct window_spec *spec = scenario_add_window(&scenario, "w");

		spec->kind = (enum sluice_window_kind)i;
		spec->gap_ns = SCENARIO_SECOND_NS / 10;
		spec->size_ns = (i + 1) * SCENARIO_SECOND_NS;
		spec->slide_ns = SCENARIO_SECOND_NS;
		spec->group_field[spec->group_count++] = SLUICE_FIELD_KEY;
		scenario_add_aggregate(spec, SLUICE_AGGREGATE_DISTINCT, SLUICE_FIELD_DIM0);
		spec->aggregate[spec->aggregate_count - 1].precision = 12;
	}
	options.windows = scenario.window;
	assert_int_equal(sources_open(&options.sources, &sources_options), 0);
	assert_int_equal(stream_open(&stream, &options), 0);
	for (__u64 second = 1; second <= 100; second++) {
		__u64 held;

		stream_set_time(stream, second * SCENARIO_SECOND_NS, second);
		flood(stream, second);
		held = memory_after(stream, (__s64)second * SCENARIO_SECOND_NS,
				    options.memory_bytes);
		if (second <= 20)
			settled = held > settled ? held : settled;
		assert_true(held <= settled);
	}
	for (__u32 i = 0; i < options.window_count; i++)
		assert_int_equal(stream_window_ledger(stream, i)->aggregated +
					 stream_window_ledger(stream, i)->overflow,
				 100 * FLOOD_KEYS);
	assert_true(stream_window_ledger(stream, 0)->overflow >= 99 * FLOOD_KEYS / 2);
	stream_close(stream);
	sources_close(options.sources);
	scenario_clear(&scenario);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_of_groups),
		cmocka_unit_test(bounds_of_groups_in_many_panes),
		cmocka_unit_test(bounds_of_session_groups),
		cmocka_unit_test(bounds_of_window_starts),
		cmocka_unit_test(bounds_of_hostile_records),
		cmocka_unit_test(bounds_of_new_keys),
	};

	suite_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
