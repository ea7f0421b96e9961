/* SPDX-License-Identifier: BSD-2-Clause */
/* Late events into windows that slide: each closed window over them is told again, and what an
 * event costs does not depend on how many there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "stream_bed.h"

#define EVENTS 20000

static struct window_spec sliding(__s64 size_ns, __s64 slide_ns)
{
	return (struct window_spec){ .kind = SLUICE_WINDOW_SLIDING, .size_ns = size_ns,
				     .slide_ns = slide_ns, .allowed_lateness_ns = 2 * size_ns };
}

/* One event a second, all windows told that end before `seconds`. */
static struct stream_bed *open_told(struct window_spec window, __s64 seconds)
{
	struct stream_bed_options options = { .window = window };
	struct stream_bed *bed = stream_bed_open(&options);

	for (__s64 second = 0; second < seconds; second++)
		stream_bed_send(bed, 0, 1, second * SECOND);
	stream_bed_advance(bed, seconds * SECOND);
	return bed;
}

/* Rows of a revision, and what they add up to. */
static __u32 count_rows(const struct stream_bed *bed, __s32 revision, __u64 key, __u64 *records)
{
	__u32 count = 0;

	*records = 0;
	for (__u32 i = 0; i < stream_bed_row_count(bed); i++) {
		const struct stream_bed_row *row = stream_bed_row(bed, i);

		if (row->revision != revision || row->key != key)
			continue;
		*records += row->records;
		count++;
	}
	return count;
}

static void each_window_over_a_late_event_is_told_again(void **state)
{
	struct stream_bed *bed = open_told(sliding(60 * SECOND, SECOND), 200);
	__u64 records;

	(void)state;
	stream_bed_send(bed, 0, 1, 100 * SECOND);
	stream_bed_send(bed, 0, 2, 130 * SECOND);
	stream_bed_advance(bed, 201 * SECOND);
	assert_int_equal(count_rows(bed, 1, 1, &records), 60);
	assert_int_equal(records, 60 * 61);
	/* Windows over the second have a revision of their own where they have both. */
	assert_int_equal(count_rows(bed, 1, 2, &records), 60);
	assert_int_equal(records, 60);
	stream_bed_advance(bed, 202 * SECOND);
	assert_int_equal(count_rows(bed, 2, 1, &records), 0);
	stream_bed_send(bed, 0, 2, 100 * SECOND);
	stream_bed_advance(bed, 203 * SECOND);
	assert_int_equal(count_rows(bed, 2, 1, &records), 0);
	assert_int_equal(count_rows(bed, 2, 2, &records), 60);
	stream_bed_close(bed);
}

/* Between two slices of emission more comes late: nothing is forgotten. */
static void what_comes_while_revisions_are_told_is_told_too(void **state)
{
	struct stream_bed *bed = open_told(sliding(60 * SECOND, SECOND), 200);
	__u64 last[200] = { 0 };

	(void)state;
	stream_bed_send(bed, 0, 1, 100 * SECOND);
	stream_bed_advance_only(bed, 201 * SECOND);
	for (__u64 sent = 0; stream_bed_emit(bed, 1) > 0; sent++)
		if (sent < 100)
			stream_bed_send(bed, 0, 1, 100 * SECOND);
	stream_bed_advance(bed, 202 * SECOND);
	for (__u32 i = 0; i < stream_bed_row_count(bed); i++) {
		const struct stream_bed_row *row = stream_bed_row(bed, i);

		if (row->start_ns >= 0 && row->start_ns < 200 * SECOND)
			last[row->start_ns / SECOND] = row->records;
	}
	for (__s64 start = 41; start <= 100; start++)
		assert_int_equal(last[start], 60 + 1 + 100);
	stream_bed_close(bed);
}

static double seconds_for(struct stream_bed *bed, __s64 time_ns)
{
	struct timespec before, after;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	for (int i = 0; i < EVENTS; i++)
		stream_bed_send(bed, 0, 1, time_ns);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	return (double)(after.tv_sec - before.tv_sec) +
	       (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

/* 3600 closed windows lie over it: each one touched makes an event more than ten times as dear. */
static void a_late_event_touches_no_window(void **state)
{
	struct stream_bed *bed = open_told(sliding(3600 * SECOND, SECOND), 7400);
	double right, late;
	__u64 records;
	__u32 slices = 0, before;

	(void)state;
	seconds_for(bed, 7401 * SECOND);
	right = seconds_for(bed, 7401 * SECOND);
	late = seconds_for(bed, 3700 * SECOND);
	assert_true(late < 4 * right);
	stream_bed_advance_only(bed, 7400 * SECOND);
	for (int work = 1; work > 0; slices++) {
		before = stream_bed_row_count(bed);
		work = stream_bed_emit(bed, 64);
		assert_true(stream_bed_row_count(bed) - before <= 64);
	}
	assert_true(slices > 3600 / 64);
	assert_int_equal(count_rows(bed, 1, 1, &records), 3600);
	assert_int_equal(records, 3600ull * (3600 + EVENTS));
	stream_bed_close(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_window_over_a_late_event_is_told_again),
		cmocka_unit_test(what_comes_while_revisions_are_told_is_told_too),
		cmocka_unit_test(a_late_event_touches_no_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
