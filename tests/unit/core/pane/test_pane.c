/* SPDX-License-Identifier: BSD-2-Clause */
/* Room for panes: as far back as a source may lag, and for one that is far away in time, which
 * takes nobody's place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stream_bed.h"

#define DAY (86400 * SECOND)

static struct window_spec tumbling(__s64 size_ns)
{
	return (struct window_spec){ .kind = SLUICE_WINDOW_TUMBLING, .size_ns = size_ns,
				     .slide_ns = size_ns, .max_disorder_ns = 2 * SECOND };
}

static struct window_spec sliding(__s64 size_ns, __s64 slide_ns)
{
	return (struct window_spec){ .kind = SLUICE_WINDOW_SLIDING, .size_ns = size_ns,
				     .slide_ns = slide_ns, .max_disorder_ns = 2 * SECOND };
}

/* The watermark stands an hour back, because somebody is so slow. */
static void windows_reach_as_far_back_as_a_source_may_lag(void **state)
{
	struct stream_bed_options options = { .window = tumbling(SECOND),
					      .max_lag_ns = 3600 * SECOND };
	struct stream_bed *bed = stream_bed_open(&options);

	(void)state;
	stream_bed_send(bed, 0, 1, 0);
	stream_bed_advance(bed, -2 * SECOND);
	for (__s64 second = 1; second <= 3600; second++)
		stream_bed_send(bed, 0, 1, second * SECOND);
	for (__s64 second = 0; second <= 3600; second++)
		stream_bed_send(bed, 0, 2, second * SECOND);
	assert_int_equal(stream_bed_ledger(bed, 0)->rejected_pane, 0);
	assert_int_equal(stream_bed_ledger(bed, 0)->aggregated, 2 * 3601);
	stream_bed_advance(bed, 3700 * SECOND);
	assert_int_equal(stream_bed_records(bed), 2 * 3601);
	stream_bed_close(bed);
}

/* Nothing is known yet of the time when the first datagram comes. */
static void check_ancient(struct window_spec window, __u32 workers)
{
	const __s64 events = 6160, apart = 16 * SECOND / 1000;

	/* Wherever its pane would lie. */
	for (int i = 0; i < 40; i++) {
		struct stream_bed_options options = { .window = window, .workers = workers,
						      .max_lag_ns = 60 * SECOND };
		struct stream_bed *bed = stream_bed_open(&options);
		__u32 last = workers > 1 ? workers - 1 : 0;

		stream_bed_send(bed, last, 1, -40 * DAY + i * 7 * SECOND);
		for (__s64 n = 0; n < events; n++)
			stream_bed_send(bed, last, 1, n * apart);
		stream_bed_advance(bed, events * apart - 62 * SECOND);
		stream_bed_advance(bed, events * apart + 2 * DAY);
		assert_int_equal(stream_bed_ledger(bed, 0)->rejected_pane, 0);
		assert_int_equal(stream_bed_ledger(bed, last)->rejected_pane, 0);
		assert_int_equal(stream_bed_records(bed),
				 (events + 1) * (window.size_ns / window.slide_ns));
		stream_bed_close(bed);
	}
}

static void an_ancient_event_takes_no_place(void **state)
{
	(void)state;
	check_ancient(tumbling(SECOND), 1);
	check_ancient(tumbling(SECOND), 2);
	check_ancient(sliding(60 * SECOND, SECOND), 1);
	check_ancient(sliding(60 * SECOND, SECOND), 2);
}

/* All of many that are far apart: what finds no room is counted. */
static void what_finds_no_room_is_counted(void **state)
{
	struct stream_bed_options options = { .window = tumbling(3600 * SECOND) };
	struct stream_bed *bed = stream_bed_open(&options);

	(void)state;
	for (__s64 n = 0; n < 1000; n++)
		stream_bed_send(bed, 0, 1, n * 50 * DAY);
	assert_true(stream_bed_ledger(bed, 0)->rejected_pane > 0);
	assert_int_equal(stream_bed_ledger(bed, 0)->rejected_pane +
				 stream_bed_ledger(bed, 0)->aggregated,
			 1000);
	stream_bed_advance(bed, 60000 * DAY);
	assert_int_equal(stream_bed_records(bed), stream_bed_ledger(bed, 0)->aggregated);
	stream_bed_close(bed);
}

/* Rows of a window by its end and key: what was emitted, and 0 for what was not. */
static __u64 records_of(const struct stream_bed *bed, __s64 start_ns, __u64 key, bool is_overflow)
{
	__u64 records = 0;

	for (__u32 i = 0; i < stream_bed_row_count(bed); i++) {
		const struct stream_bed_row *row = stream_bed_row(bed, i);

		if (row->start_ns == start_ns && row->revision == 0 &&
		    !(row->flags & SLUICE_ROWS_OVERFLOW) == !is_overflow &&
		    (is_overflow || row->key == key))
			records += row->records;
	}
	return records;
}

/* Two groups are there; then others come first in every pane. With several workers each has its
 * places, as long as the window has them. */
static void check_that_groups_go_on(struct window_spec window, __u32 workers)
{
	struct stream_bed_options options = { .window = window, .workers = workers,
					      .groups_max = 2 };
	struct stream_bed *bed = stream_bed_open(&options);
	__u32 worker = workers > 1 ? 1 : 0;

	for (__s64 second = 0; second < 20; second++) {
		for (__u64 key = 100; second && key < 110; key++)
			stream_bed_send(bed, worker, key + (__u64)second, second * SECOND);
		stream_bed_send(bed, worker, 1, second * SECOND);
		stream_bed_send(bed, worker, 2, second * SECOND);
		stream_bed_advance(bed, (second - 2) * SECOND);
	}
	stream_bed_advance(bed, 100 * SECOND);
	for (__s64 start = 1; start <= 10; start++) {
		__u64 panes = (__u64)(window.size_ns / SECOND);

		assert_int_equal(records_of(bed, start * SECOND, 1, false), panes);
		assert_int_equal(records_of(bed, start * SECOND, 2, false), panes);
		assert_int_equal(records_of(bed, start * SECOND, 0, true), 10 * panes);
	}
	stream_bed_close(bed);
}

static void a_group_that_is_there_goes_on_in_every_pane(void **state)
{
	(void)state;
	check_that_groups_go_on(sliding(5 * SECOND, SECOND), 1);
	check_that_groups_go_on(sliding(5 * SECOND, SECOND), 2);
	check_that_groups_go_on(tumbling(SECOND), 1);
	check_that_groups_go_on(tumbling(SECOND), 2);
}

/* Groups make room when the watermark has passed their last pane, emitted or not. */
static void groups_of_panes_that_have_ended_make_room(void **state)
{
	struct stream_bed_options options = { .window = sliding(4 * SECOND, SECOND),
					      .groups_max = 8 };
	struct stream_bed *bed = stream_bed_open(&options);

	(void)state;
	for (__u64 key = 0; key < 8; key++)
		stream_bed_send(bed, 0, key, 0);
	stream_bed_send(bed, 0, 7, SECOND);
	stream_bed_send(bed, 0, 8, SECOND);
	assert_int_equal(stream_bed_ledger(bed, 0)->overflow, 1);
	stream_bed_advance_only(bed, 4 * SECOND);
	for (__u64 key = 7; key < 16; key++)
		stream_bed_send(bed, 0, key, 4 * SECOND);
	assert_int_equal(stream_bed_ledger(bed, 0)->overflow, 2);
	stream_bed_advance(bed, 100 * SECOND);
	stream_bed_close(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_reach_as_far_back_as_a_source_may_lag),
		cmocka_unit_test(an_ancient_event_takes_no_place),
		cmocka_unit_test(what_finds_no_room_is_counted),
		cmocka_unit_test(a_group_that_is_there_goes_on_in_every_pane),
		cmocka_unit_test(groups_of_panes_that_have_ended_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
