/* SPDX-License-Identifier: BSD-2-Clause */
/* The late side output: what goes in comes out once and as it came, in room of any size, from one
 * worker or another; a full ring is counted, and rows go on. The oracle judges which events are
 * late (tests/property/test_lateness.c). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/record/late_record.h"
#include "core/stream/stream_state.h"

#define S 1000000000ll

struct bed {
	struct window_spec window;
	struct sources *sources;
	struct stream *stream[2];
	__u32 workers;
	__u64 sequence;
	size_t room; /* the writer gives no more; 0: no room */
	bool is_handing_over;
	__u32 late_count, row_records;
	struct sluice_late_event last;
	unsigned char buffer[1 << 16];
};

static void *reserve(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room)
{
	struct bed *bed = context;

	if (bytes_min > bed->room)
		return NULL;
	*bytes_room = bytes_max < bed->room ? bytes_max : bed->room;
	return bed->buffer;
}

static void commit(void *context, size_t bytes)
{
	struct bed *bed = context;
	const struct sluice_disk_record *record = (const void *)bed->buffer;
	struct late_cursor cursor;

	assert_true(record->bytes == bytes && bytes <= bed->room);
	if (bed->is_handing_over) {
		assert_int_equal(stream_import(bed->stream[0], record, bytes), 0);
	} else if (record->kind == SLUICE_DISK_LATE) {
		assert_int_equal(late_record_open(&cursor, 1, record), 0);
		while (late_record_next(&cursor, &bed->last))
			bed->late_count++;
	} else {
		bed->row_records += record->kind == SLUICE_DISK_ROWS;
	}
}

static struct bed *open_bed(enum window_late late, __u32 workers)
{
	const struct sources_options sources = { .sources_max = 8,
						 .worker_count = workers,
						 .listener_count = 1,
						 .idle_timeout_ns = S,
						 .max_lag_ns = S };
	struct bed *bed = calloc(1, sizeof(*bed));
	struct stream_options options = { .window_count = 1,
					  .worker_count = workers,
					  .groups_max = 100,
					  .memory_bytes = 64 << 20,
					  .max_ahead_ns = 1000 * S };

	assert_non_null(bed);
	bed->workers = workers;
	bed->room = sizeof(bed->buffer);
	bed->window = (struct window_spec){
		.listener_mask = 1, .size_ns = S, .slide_ns = S, .late = late
	};
	options.windows = &bed->window;
	assert_int_equal(sources_open(&bed->sources, &sources), 0);
	options.sources = bed->sources;
	for (; options.worker < workers; options.worker++) {
		assert_int_equal(stream_open(&bed->stream[options.worker], &options), 0);
		stream_set_time(bed->stream[options.worker], 1, 1);
	}
	return bed;
}

static void close_bed(struct bed *bed)
{
	for (__u32 i = 0; i < bed->workers; i++)
		stream_close(bed->stream[i]);
	sources_close(bed->sources);
	free(bed);
}

static void add(struct bed *bed, __u32 worker, __s64 time_ns, struct sluice_event event)
{
	struct {
		struct sluice_record record;
		struct sluice_header header;
		struct sluice_event event;
	} datagram = {
		.record = { .payload_bytes = sizeof(struct sluice_header) + sizeof(event),
			    .prefix_bytes = SLUICE_PREFIX_SHORT,
			    .kept = 1 },
		.header = { .magic = SLUICE_MAGIC,
			    .version = SLUICE_VERSION,
			    .event_count = 1,
			    .event_size = sizeof(event),
			    .tenant = 9,
			    .epoch = 8,
			    .source_id = 7,
			    .sequence = bed->sequence++,
			    .base_time_ns = (__u64)time_ns },
		.event = event,
	};

	stream_add(bed->stream[worker], &datagram.record, sizeof(datagram));
	stream_flush(bed->stream[worker]);
}

static const struct sluice_event plain = { .key = 1, .value = 1 };

static struct row_writer writer_of(struct bed *bed)
{
	return (struct row_writer){ .context = bed, .reserve = reserve, .commit = commit };
}

static int emit(struct bed *bed, __u32 rows_max)
{
	const struct row_writer writer = writer_of(bed);

	return stream_emit(bed->stream[0], &writer, rows_max);
}

static void advance(struct bed *bed, __s64 watermark_ns)
{
	const struct row_writer writer = writer_of(bed);

	for (__u32 i = bed->workers; i-- > 0;) {
		stream_advance(bed->stream[i], &watermark_ns);
		bed->is_handing_over = i > 0;
		while (i && stream_export(bed->stream[i], &writer, 3) > 0)
			;
	}
	while (emit(bed, 3) > 0)
		;
}

static void all_of_an_event_is_kept(void **state)
{
	struct bed *bed = open_bed(WINDOW_LATE_KEEP, 1);
	const struct sluice_event event = { .key = 11,
					    .value = -12,
					    .time_offset_us = 5,
					    .type = 13,
					    .weight = 14,
					    .dim0 = 15,
					    .dim1 = 16,
					    .event_id = 17,
					    .dim2 = 18,
					    .dim3 = 19 };
	const struct sluice_late_event expected = { .time_ns = S + 5000,
						    .key = 11,
						    .value = -12,
						    .event_id = 17,
						    .source_id = 7,
						    .sequence = 1,
						    .epoch = 8,
						    .index = 0,
						    .tenant = 9,
						    .type = 13,
						    .weight = 14,
						    .dim = { 15, 16, 18, 19 } };

	(void)state;
	add(bed, 0, 20 * S, plain);
	advance(bed, 10 * S);
	add(bed, 0, S, event);
	assert_true(stream_has_late(bed->stream[0]));
	/* How many there were is a record of its own. */
	while (stream_has_late(bed->stream[0]))
		assert_true(emit(bed, 1) > 0);
	assert_int_equal(bed->late_count, 1);
	assert_memory_equal(&bed->last, &expected, sizeof(expected));
	close_bed(bed);
}

static void dropped_is_only_counted(void **state)
{
	struct bed *bed = open_bed(WINDOW_LATE_DROP, 1);

	(void)state;
	advance(bed, 10 * S);
	add(bed, 0, S, plain);
	advance(bed, 11 * S);
	assert_int_equal(bed->late_count, 0);
	assert_int_equal(stream_window_ledger(bed->stream[0], 0)->late, 1);
	assert_int_equal(stream_window_ledger(bed->stream[0], 0)->late_not_kept, 0);
	close_bed(bed);
}

/* The disk is full: nothing waits for it, what finds no room is counted, the rest comes out. */
static void full_is_counted(void **state)
{
	struct bed *bed = open_bed(WINDOW_LATE_KEEP, 1);
	const struct sluice_window_ledger *ledger = stream_window_ledger(bed->stream[0], 0);

	(void)state;
	advance(bed, 10 * S);
	bed->room = 0;
	for (__u32 i = 0; i < SLUICE_LATE_EVENTS_MAX + 3; i++)
		add(bed, 0, S, plain);
	assert_int_equal(ledger->late, SLUICE_LATE_EVENTS_MAX + 3);
	assert_int_equal(ledger->late_not_kept, 3);
	assert_int_equal(emit(bed, 100), -EAGAIN);
	bed->room = 16 + 3 * sizeof(struct sluice_late_event) + 8;
	while (emit(bed, 100) > 0)
		;
	assert_int_equal(bed->late_count, SLUICE_LATE_EVENTS_MAX);
	assert_int_equal(bed->last.sequence, SLUICE_LATE_EVENTS_MAX - 1);
	close_bed(bed);
}

/* However much is late, rows have their part of a slice. */
static void rows_are_not_held_up(void **state)
{
	struct bed *bed = open_bed(WINDOW_LATE_KEEP, 1);
	__s64 watermark_ns = 10 * S;

	(void)state;
	add(bed, 0, 9 * S, plain);
	advance(bed, 5 * S);
	for (__u32 i = 0; i < SLUICE_LATE_EVENTS_MAX; i++)
		add(bed, 0, S, plain);
	stream_advance(bed->stream[0], &watermark_ns);
	assert_true(emit(bed, 16) > 0);
	assert_true(bed->late_count > 0 && bed->late_count <= 64);
	assert_int_equal(bed->row_records, 1);
	close_bed(bed);
}

static void another_worker_hands_over(void **state)
{
	struct bed *bed = open_bed(WINDOW_LATE_KEEP, 2);

	(void)state;
	advance(bed, 10 * S);
	for (__u32 i = 0; i < 1000; i++)
		add(bed, i % 2, S, plain);
	advance(bed, 11 * S);
	assert_int_equal(bed->late_count, 1000);
	assert_false(stream_has_late(bed->stream[1]));
	assert_int_equal(stream_window_ledger(bed->stream[0], 0)->late +
				 stream_window_ledger(bed->stream[1], 0)->late,
			 1000);
	close_bed(bed);
}

static void records_that_lie(void **state)
{
	struct {
		struct sluice_disk_record record;
		struct sluice_late head;
		struct sluice_late_event event[2];
	} good = { .record = { sizeof(good), SLUICE_DISK_LATE, 1 },
		   .head = { 0, sizeof(struct sluice_late_event), 2 } },
	  bad;
	struct bed *bed = open_bed(WINDOW_LATE_KEEP, 1);
	struct late_cursor cursor;

	(void)state;
	assert_int_equal(late_record_open(&cursor, 1, &good.record), 0);
	assert_int_equal(late_record_open(&cursor, 0, &good.record), -EBADMSG);
#define LIE(what)                                                              \
	bad = good;                                                            \
	what;                                                                  \
	assert_int_equal(late_record_open(&cursor, 1, &bad.record), -EBADMSG); \
	assert_int_equal(stream_import(bed->stream[0], &bad, sizeof(bad)), -EINVAL)
	LIE(bad.head.window = 1);
	LIE(bad.head.event_count = 3);
	LIE(bad.head.event_count = 0);
	LIE(bad.head.event_count = UINT32_MAX);
	LIE(bad.head.event_bytes = 72);
	LIE(bad.head.event_bytes = 84);
	LIE(bad.record.version = 2);
	assert_int_equal(stream_import(bed->stream[0], &good, sizeof(good) - 8), -EINVAL);
	assert_int_equal(stream_import(bed->stream[0], &good, sizeof(good)), 0);
	close_bed(bed);
	bed = open_bed(WINDOW_LATE_DROP, 1);
	assert_int_equal(stream_import(bed->stream[0], &good, sizeof(good)), -EINVAL);
	close_bed(bed);
}

/* Events of a later version may be longer. */
static void longer_events_are_read(void **state)
{
	struct {
		struct sluice_disk_record record;
		struct sluice_late head;
		struct sluice_late_event first;
		__u64 more;
		struct sluice_late_event second;
		__u64 still_more;
	} record = { .record = { sizeof(record), SLUICE_DISK_LATE, 1 },
		     .head = { 0, sizeof(struct sluice_late_event) + 8, 2 },
		     .first = { .key = 1 },
		     .more = 5,
		     .second = { .key = 2 } };
	struct sluice_late_event event;
	struct late_cursor cursor;

	(void)state;
	assert_int_equal(late_record_open(&cursor, 1, &record.record), 0);
	assert_true(late_record_next(&cursor, &event));
	assert_int_equal(event.key, 1);
	assert_true(late_record_next(&cursor, &event));
	assert_int_equal(event.key, 2);
	assert_false(late_record_next(&cursor, &event));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_an_event_is_kept),
		cmocka_unit_test(dropped_is_only_counted),
		cmocka_unit_test(full_is_counted),
		cmocka_unit_test(rows_are_not_held_up),
		cmocka_unit_test(another_worker_hands_over),
		cmocka_unit_test(records_that_lie),
		cmocka_unit_test(longer_events_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
