/* SPDX-License-Identifier: BSD-2-Clause */
/* Watermarks from sources: the minimum over the live ones, held back by stragglers only so far,
 * never past now, moved by silence, and never ahead of what the snapshot saw. And datagrams: once
 * per window, whichever way they come. */
#include "sources_bed.h"

#define LATER (1000000 * SECOND) /* a wall clock that is ahead of all events */

/* Window 0 reads listener 0, window 1 listener 1, window 2 both. */
static const struct window_spec windows[] = {
	{ .listener_mask = 1, .max_disorder_ns = 2 * SECOND },
	{ .listener_mask = 2 },
	{ .listener_mask = 3 },
};

static __u32 refused_windows;

static struct sources *open_sources(__u32 sources_max)
{
	return open_bed(sources_max, windows, 3);
}

static void note(struct sources *sources, __u32 worker, __u64 source, __s64 time_ns, __u64 mono_ns)
{
	static __u64 sequence;

	send(sources, (struct sent){ source, ++sequence, time_ns, mono_ns, .worker = worker });
}

/* The watermark of window 0. */
static __s64 tick(struct sources *sources, __u64 mono_ns, __u64 wall_ns, __s64 before_ns)
{
	__s64 watermark_ns[3] = { before_ns, SOURCES_WATERMARK_NONE, SOURCES_WATERMARK_NONE };

	sources_snapshot(sources, mono_ns);
	sources_watermarks(sources, wall_ns, watermark_ns);
	return watermark_ns[0];
}

static void has_none_before_the_first_event(void **state)
{
	const struct source_datagram datagram = { .source_id = 7, .is_refused = true };
	struct sources *sources = open_sources(8);
	struct source_place place = { 0 };

	(void)state;
	assert_int_equal(tick(sources, 100 * SECOND, 1000 * SECOND, SOURCES_WATERMARK_NONE),
			 SOURCES_WATERMARK_NONE);
	/* A source that is known but brought nothing is none. */
	sources_take(sources, 0, &place, &datagram, SECOND, &refused_windows);
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
	assert_int_equal(tick(sources, 11 * SECOND, LATER, SOURCES_WATERMARK_NONE), 88 * SECOND);
	/* Never back. */
	assert_int_equal(tick(sources, 11 * SECOND, LATER, 89 * SECOND), 89 * SECOND);
	/* Source 2 falls silent, source 1 goes on. */
	note(sources, 0, 1, 120 * SECOND, 16 * SECOND);
	assert_int_equal(tick(sources, 16 * SECOND, LATER, 0), 118 * SECOND);
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
	assert_int_equal(tick(sources, SECOND, LATER, 0), 938 * SECOND);
	sources_read_stats(sources, &stats);
	assert_int_equal(stats.set_aside, 1);
	assert_int_equal(stats.live, 3);
	sources_close(sources);
}

/* The newest time is remembered of sources that are idle too: a straggler that alone goes on
 * sending holds nobody's last windows open. */
static void sets_a_straggler_aside_that_alone_still_sends(void **state)
{
	struct sources *sources = open_sources(8);

	(void)state;
	note(sources, 0, 1, 5000 * SECOND, SECOND);
	note(sources, 0, 2, 1400 * SECOND, 8 * SECOND);
	assert_int_equal(tick(sources, 8 * SECOND, 5007 * SECOND, 0), 5000 * SECOND);
	/* It catches up. */
	note(sources, 0, 2, 4990 * SECOND, 9 * SECOND);
	assert_int_equal(tick(sources, 9 * SECOND, 5008 * SECOND, 0), 4988 * SECOND);
	sources_close(sources);
}

/* … but the one source there is is nobody's straggler, however far behind now. */
static void the_only_source_counts(void **state)
{
	struct sources *sources = open_sources(8);

	(void)state;
	note(sources, 0, 1, 1400 * SECOND, SECOND);
	assert_int_equal(tick(sources, SECOND, LATER, 0), 1398 * SECOND);
	sources_close(sources);
}

/* A newest time ahead of now is no measure of lag. */
static void a_fast_clock_sets_nobody_aside(void **state)
{
	struct sources *sources = open_sources(8);

	(void)state;
	note(sources, 0, 1, 1009 * SECOND, SECOND);
	note(sources, 0, 2, 945 * SECOND, SECOND);
	assert_int_equal(tick(sources, SECOND, 1000 * SECOND, 0), 943 * SECOND);
	sources_close(sources);
}

static void never_passes_now(void **state)
{
	struct sources *sources = open_sources(8);

	(void)state;
	note(sources, 0, 1, 1009 * SECOND, SECOND);
	assert_int_equal(tick(sources, SECOND, 1000 * SECOND, 0), 998 * SECOND);
	sources_close(sources);
}

/* One batch sent again and again, or a clock that stands. */
static void sets_a_source_aside_whose_time_stands(void **state)
{
	struct sources *sources = open_sources(8);
	struct sources_stats stats;

	(void)state;
	for (__u64 second = 1; second <= 61; second++) {
		note(sources, (__u32)(second % 2), 1, 1000 * SECOND, second * SECOND);
		note(sources, 0, 2, (__s64)(1000 + second / 2) * SECOND, second * SECOND);
	}
	assert_int_equal(tick(sources, 61 * SECOND - 1, 1061 * SECOND, 0), 998 * SECOND);
	assert_int_equal(tick(sources, 61 * SECOND, 1061 * SECOND, 0), 1028 * SECOND);
	sources_read_stats(sources, &stats);
	assert_int_equal(stats.set_aside, 1);
	/* It rises: by how little does not matter. */
	note(sources, 0, 1, 1001 * SECOND, 61 * SECOND);
	assert_int_equal(tick(sources, 61 * SECOND, 1061 * SECOND, 0), 999 * SECOND);
	sources_close(sources);
}

static void moves_with_time_when_all_are_set_aside(void **state)
{
	struct sources *sources = open_sources(8);

	(void)state;
	note(sources, 0, 1, 1000 * SECOND, SECOND);
	note(sources, 0, 1, 1000 * SECOND, 61 * SECOND);
	assert_int_equal(tick(sources, 61 * SECOND, 1061 * SECOND, 0), 1054 * SECOND);
	sources_close(sources);
}

static void moves_with_time_when_nobody_is_live(void **state)
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
	__s64 watermark_ns[3] = { 0 };

	(void)state;
	note(sources, 0, 1, 100 * SECOND, SECOND);
	sources_snapshot(sources, 20 * SECOND);
	note(sources, 0, 1, 300 * SECOND, 21 * SECOND);
	note(sources, 0, 2, 400 * SECOND, 21 * SECOND);
	sources_watermarks(sources, 9000 * SECOND, watermark_ns);
	assert_int_equal(watermark_ns[0], 98 * SECOND);
	sources_close(sources);
}

static void keeps_times_of_listeners_apart(void **state)
{
	struct sources *sources = open_sources(8);
	__s64 watermark_ns[3] = { 0 };

	(void)state;
	send(sources, (struct sent){ 5, 1, 52 * SECOND, 1 });
	send(sources, (struct sent){ 5, 2, 40 * SECOND, 1, .listener = 1 });
	sources_snapshot(sources, 1);
	sources_watermarks(sources, LATER, watermark_ns);
	assert_int_equal(watermark_ns[0], 50 * SECOND);
	assert_int_equal(watermark_ns[1], 40 * SECOND);
	assert_int_equal(watermark_ns[2], 40 * SECOND);
	sources_close(sources);
}

/* Windows are told apart by the listeners they read. */
static void a_datagram_counts_once_per_window(void **state)
{
	struct sources *sources = open_sources(8);
	const struct sent first = { 1, 1, SECOND, 1 };
	const struct sent second = { 1, 1, SECOND, 1, .worker = 1, .listener = 1 };
	struct sources_stats stats;

	(void)state;
	assert_false(sources_has_one_set(sources));
	assert_int_equal(send_of(sources, first, &refused_windows), DEDUP_NEW);
	assert_int_equal(refused_windows, 0);
	/* By the other listener: window 1 has not had it, window 2 has. */
	assert_int_equal(send_of(sources, second, &refused_windows), DEDUP_NEW);
	assert_int_equal(refused_windows, 4);
	assert_int_equal(send(sources, second), DEDUP_DUPLICATE);
	assert_int_equal(send(sources, first), DEDUP_DUPLICATE);
	sources_read_stats(sources, &stats);
	assert_int_equal(stats.known, 1);
	sources_close(sources);
}

static struct sent by(__u64 sequence, __u16 listener)
{
	return (struct sent){ 1, sequence, SECOND, 1, .worker = listener, .listener = listener };
}

/* The usual case: one memory, by whichever listener they come. */
static void turns_over_two_listeners_are_no_loss(void **state)
{
	static const struct window_spec both[] = { { .listener_mask = 3 }, { .listener_mask = 7 } };
	struct sources_options options = { .sources_max = 4, .worker_count = 2,
					   .listener_count = 2, .windows = both, .window_count = 2,
					   .idle_timeout_ns = 5 * SECOND,
					   .max_lag_ns = 60 * SECOND };
	struct sources *sources;

	(void)state;
	assert_int_equal(sources_open(&sources, &options), 0);
	assert_true(sources_has_one_set(sources));
	for (__u64 i = 0; i < 4000; i++)
		assert_int_equal(send(sources, by(i, (__u16)(i % 2))), DEDUP_NEW);
	for (__u64 i = 0; i < 4000; i++)
		assert_int_equal(send(sources, by(i, (__u16)((i + 1) % 2))), DEDUP_DUPLICATE);
	assert_int_equal(sources_missing(sources, 0) + sources_missing(sources, 1), 0);
	sources_close(sources);
}

/* Nor are turns over two listeners that no window reads together. */
static void turns_over_two_windows_are_no_loss(void **state)
{
	struct sources *sources = open_bed(8, windows, 2);

	(void)state;
	for (__u64 i = 0; i < 4000; i++)
		assert_int_equal(send(sources, by(i, (__u16)(i % 2))), DEDUP_NEW);
	assert_int_equal(sources_missing(sources, 0) + sources_missing(sources, 1), 0);
	sources_close(sources);
}

static void what_is_refused_for_its_time_is_not_used_up(void **state)
{
	struct source_datagram datagram = { .source_id = 1, .sequence = 90000, .records = 10,
					    .is_refused = true };
	struct sources *sources = open_sources(8);
	struct source_place place = { 0 };

	(void)state;
	send(sources, (struct sent){ 1, 1, SECOND, 1 });
	assert_int_equal(sources_take(sources, 0, &place, &datagram, 1, &refused_windows),
			 DEDUP_NEW);
	assert_int_equal(sources_take(sources, 0, &place, &datagram, 1, &refused_windows),
			 DEDUP_NEW);
	/* Nor has it moved the memory. */
	assert_int_equal(send(sources, (struct sent){ 1, 2, SECOND, 1 }), DEDUP_NEW);
	datagram.sequence = 2;
	assert_int_equal(sources_take(sources, 0, &place, &datagram, 1, &refused_windows),
			 DEDUP_DUPLICATE);
	datagram.sequence = 90000;
	datagram.is_refused = false;
	assert_int_equal(sources_take(sources, 0, &place, &datagram, 1, &refused_windows),
			 DEDUP_NEW);
	sources_close(sources);
}

static void shares_one_source_beyond_the_bound(void **state)
{
	struct sources *sources = open_sources(3);
	struct sources_stats stats;

	(void)state;
	for (__u64 source = 1; source <= 3; source++)
		send(sources, (struct sent){ source, 1, 30 * SECOND, SECOND });
	for (int copy = 0; copy < 2; copy++)
		for (__u64 source = 4; source <= 5; source++) {
			const struct sent sent = { source, 1, (__s64)source * 4 * SECOND, SECOND };

			assert_int_equal(send(sources, sent), DEDUP_NEW);
		}
	assert_int_equal(send(sources, (struct sent){ 2, 1, SECOND, SECOND, .listener = 1 }),
			 DEDUP_NEW);
	assert_int_equal(tick(sources, SECOND, LATER, 0), 18 * SECOND);
	sources_read_stats(sources, &stats);
	assert_int_equal(stats.known, 3);
	assert_int_equal(stats.overflowed, 4);
	sources_close(sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_none_before_the_first_event),
		cmocka_unit_test(is_the_minimum_over_live_sources),
		cmocka_unit_test(sets_a_straggler_aside),
		cmocka_unit_test(sets_a_straggler_aside_that_alone_still_sends),
		cmocka_unit_test(the_only_source_counts),
		cmocka_unit_test(a_fast_clock_sets_nobody_aside),
		cmocka_unit_test(never_passes_now),
		cmocka_unit_test(sets_a_source_aside_whose_time_stands),
		cmocka_unit_test(moves_with_time_when_all_are_set_aside),
		cmocka_unit_test(moves_with_time_when_nobody_is_live),
		cmocka_unit_test(takes_times_from_the_snapshot),
		cmocka_unit_test(keeps_times_of_listeners_apart),
		cmocka_unit_test(a_datagram_counts_once_per_window),
		cmocka_unit_test(turns_over_two_listeners_are_no_loss),
		cmocka_unit_test(turns_over_two_windows_are_no_loss),
		cmocka_unit_test(what_is_refused_for_its_time_is_not_used_up),
		cmocka_unit_test(shares_one_source_beyond_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
