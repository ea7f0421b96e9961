/* SPDX-License-Identifier: BSD-2-Clause */
/* Watermarks from sources: the minimum over the live ones, held back by stragglers only so far,
 * moved by the wall clock when nobody is live, and never ahead of what the snapshot saw. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/sources.h"

#define SECOND 1000000000ll

static struct sources *open_sources(__u32 sources_max)
{
	struct sources_options options = {
		.sources_max = sources_max,
		.worker_count = 2,
		.listener_count = 2,
		.idle_timeout_ns = 5 * SECOND,
		.max_lag_ns = 60 * SECOND,
		.hash_seed = 99,
	};
	struct sources *sources;

	assert_int_equal(sources_open(&sources, &options), 0);
	return sources;
}

static void note(struct sources *sources, __u32 worker, __u64 source, __s64 time_ns, __u64 mono_ns)
{
	sources_note(sources, worker, sources_slot(sources, 0, source), time_ns, mono_ns);
}

static __s64 tick(struct sources *sources, __u64 mono_ns, __u64 wall_ns, __s64 before_ns)
{
	struct window_spec window = { .listener_mask = 1, .max_disorder_ns = 2 * SECOND };
	__s64 watermark_ns = before_ns;

	sources_snapshot(sources, mono_ns);
	sources_watermarks(sources, wall_ns, &window, 1, &watermark_ns);
	return watermark_ns;
}

static void has_none_before_the_first_event(void **state)
{
	struct sources *sources = open_sources(8);

	(void)state;
	assert_int_equal(tick(sources, 100 * SECOND, 1000 * SECOND, SOURCES_WATERMARK_NONE),
			 SOURCES_WATERMARK_NONE);
	/* A source that was looked up but brought nothing is none. */
	sources_slot(sources, 0, 7);
	assert_int_equal(tick(sources, 200 * SECOND, 2000 * SECOND, SOURCES_WATERMARK_NONE),
			 SOURCES_WATERMARK_NONE);
	sources_close(sources);
}

static void is_the_minimum_over_live_sources(void **state)
{
	struct sources *sources = open_sources(8);

	(void)state;
	note(sources, 0, 1, 100 * SECOND, 10 * SECOND);
	note(sources, 1, 2, 90 * SECOND, 10 * SECOND);
	note(sources, 1, 1, 95 * SECOND, 10 * SECOND);
	assert_int_equal(tick(sources, 11 * SECOND, 0, SOURCES_WATERMARK_NONE), 88 * SECOND);
	/* Never back. */
	assert_int_equal(tick(sources, 11 * SECOND, 0, 89 * SECOND), 89 * SECOND);
	/* Source 2 falls silent, source 1 goes on. */
	note(sources, 0, 1, 120 * SECOND, 16 * SECOND);
	assert_int_equal(tick(sources, 16 * SECOND, 0, 0), 118 * SECOND);
	sources_close(sources);
}

static void sets_a_straggler_aside(void **state)
{
	struct sources *sources = open_sources(8);
	struct sources_stats stats;

	(void)state;
	note(sources, 0, 1, 1000 * SECOND, SECOND);
	note(sources, 0, 2, 940 * SECOND, SECOND);
	note(sources, 0, 3, 939 * SECOND, SECOND);
	assert_int_equal(tick(sources, SECOND, 0, 0), 938 * SECOND);
	sources_read_stats(sources, &stats);
	assert_int_equal(stats.set_aside, 1);
	assert_int_equal(stats.live, 3);
	sources_close(sources);
}

static void moves_with_the_wall_clock_when_nobody_is_live(void **state)
{
	struct sources *sources = open_sources(8);

	(void)state;
	note(sources, 0, 1, 100 * SECOND, SECOND);
	assert_int_equal(tick(sources, 6 * SECOND - 1, 5000 * SECOND, 0), 98 * SECOND);
	assert_int_equal(tick(sources, 6 * SECOND, 5000 * SECOND, 0), 4993 * SECOND);
	sources_close(sources);
}

/* Between the halves of a tick events go on arriving: what they bring is not yet a watermark, but
 * it shows that the source lives. */
static void takes_times_from_the_snapshot(void **state)
{
	struct sources *sources = open_sources(8);
	struct window_spec window = { .listener_mask = 1 };
	__s64 watermark_ns = 0;

	(void)state;
	note(sources, 0, 1, 100 * SECOND, SECOND);
	sources_snapshot(sources, 20 * SECOND);
	note(sources, 0, 1, 300 * SECOND, 21 * SECOND);
	note(sources, 0, 2, 400 * SECOND, 21 * SECOND);
	sources_watermarks(sources, 9000 * SECOND, &window, 1, &watermark_ns);
	assert_int_equal(watermark_ns, 100 * SECOND);
	sources_close(sources);
}

static void keeps_listeners_apart(void **state)
{
	struct sources *sources = open_sources(8);
	struct window_spec windows[] = { { .listener_mask = 1 }, { .listener_mask = 2 },
					 { .listener_mask = 3 } };
	__s64 watermark_ns[3] = { 0 };

	(void)state;
	sources_note(sources, 0, sources_slot(sources, 0, 5), 50 * SECOND, 1);
	sources_note(sources, 0, sources_slot(sources, 1, 5), 40 * SECOND, 1);
	sources_snapshot(sources, 1);
	sources_watermarks(sources, 0, windows, 3, watermark_ns);
	assert_int_equal(watermark_ns[0], 50 * SECOND);
	assert_int_equal(watermark_ns[1], 40 * SECOND);
	assert_int_equal(watermark_ns[2], 40 * SECOND);
	sources_close(sources);
}

static void shares_one_source_beyond_the_bound(void **state)
{
	struct sources *sources = open_sources(3);
	struct sources_stats stats;

	(void)state;
	for (__u64 source = 1; source <= 3; source++)
		assert_int_equal(sources_slot(sources, 0, source), source - 1);
	assert_int_equal(sources_slot(sources, 0, 4), 3);
	assert_int_equal(sources_slot(sources, 0, 5), 3);
	assert_int_equal(sources_slot(sources, 1, 4), 4);
	assert_int_equal(sources_slot(sources, 0, 2), 1);
	note(sources, 0, 4, 10 * SECOND, SECOND);
	note(sources, 0, 5, 20 * SECOND, SECOND);
	assert_int_equal(tick(sources, SECOND, 0, 0), 18 * SECOND);
	sources_read_stats(sources, &stats);
	assert_int_equal(stats.known, 3);
	assert_int_equal(stats.overflowed, 5);
	sources_close(sources);
}

static void gaps_are_summed_by_listener_until_they_fill(void **state)
{
	struct sources *sources = open_sources(8);
	__u32 slots[3] = { sources_slot(sources, 0, 1), sources_slot(sources, 0, 2),
			   sources_slot(sources, 1, 1) };
	struct sources_stats stats;

	(void)state;
	for (int i = 0; i < 3; i++) {
		sources_test_and_set(sources, slots[i], 1, 100);
		sources_test_and_set(sources, slots[i], 1, 105); /* 4 are missing */
	}
	assert_int_equal(sources_missing(sources, 0), 8);
	assert_int_equal(sources_missing(sources, 1), 4);
	sources_test_and_set(sources, slots[1], 1, 103);
	sources_test_and_set(sources, slots[1], 1, 103); /* a duplicate fills nothing */
	assert_int_equal(sources_missing(sources, 0), 7);
	assert_int_equal(sources_missing(sources, 1), 4);
	sources_test_and_set(sources, slots[0], 1, 100000); /* those behind can fill no more */
	assert_int_equal(sources_missing(sources, 0), 7 + 100000 - 106);
	sources_read_stats(sources, &stats);
	assert_int_equal(stats.missing, 11 + 100000 - 106);
	sources_close(sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_none_before_the_first_event),
		cmocka_unit_test(is_the_minimum_over_live_sources),
		cmocka_unit_test(sets_a_straggler_aside),
		cmocka_unit_test(moves_with_the_wall_clock_when_nobody_is_live),
		cmocka_unit_test(takes_times_from_the_snapshot),
		cmocka_unit_test(keeps_listeners_apart),
		cmocka_unit_test(shares_one_source_beyond_the_bound),
		cmocka_unit_test(gaps_are_summed_by_listener_until_they_fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
