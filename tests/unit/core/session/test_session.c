/* SPDX-License-Identifier: BSD-2-Clause */
/* Session windows at their edges: touching and not, retractions, memory given back, the bound on
 * groups, early rows, several workers, and what is missing. The oracle judges the rest
 * (tests/property/test_session.c). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/session/session_state.h"

#define ROWS_MAX 4096
#define MS 1000000ll

struct row {
	__u64 key;
	__s64 start_ms, end_ms;
	__s32 revision;
	__u64 records;
	__u16 flags;
	__u64 aggregated;
	__u64 ring_full;
};

/* Streams of one window, and every row they told. */
struct bed {
	struct window_spec window;
	struct sources *sources;
	struct stream *stream[4];
	__u32 workers;
	__u64 sequence;
	__u32 row_count;
	struct row row[ROWS_MAX];
	__u32 complete_count, late_count_records;
	__u64 complete_rows;
	__u32 close_count;
	__s64 closed_ms;
	unsigned char buffer[1 << 16];
	bool is_handing_over;
	bool is_full;
};

static void *reserve(void *context, size_t bytes_min, size_t bytes_max, size_t *bytes_room)
{
	struct bed *bed = context;

	if (bed->is_full || bytes_min > sizeof(bed->buffer))
		return NULL;
	*bytes_room = bytes_max < sizeof(bed->buffer) ? bytes_max : sizeof(bed->buffer);
	return bed->buffer;
}

static void take_rows(struct bed *bed, const struct sluice_rows *head)
{
	const unsigned char *at = (const unsigned char *)(head + 1);

	for (__u32 i = 0; i < head->row_count; i++) {
		const struct sluice_row_head *row = (const struct sluice_row_head *)at;
		const __u64 *key = (const __u64 *)(row + 1);
		struct sluice_partial partial;

		assert_true(bed->row_count < ROWS_MAX);
		memcpy(&partial, key + 1, sizeof(partial));
		bed->row[bed->row_count++] = (struct row){
			.key = *key,
			.start_ms = row->start_ns / MS,
			.end_ms = row->end_ns / MS,
			.revision = row->revision,
			.records = partial.records,
			.flags = head->flags & (__u16)~SLUICE_ROWS_VARIABLE,
			.aggregated = head->aggregated,
			.ring_full = head->missing.ring_full,
		};
		at += row->bytes;
	}
}

static void commit(void *context, size_t bytes)
{
	struct bed *bed = context;
	const struct sluice_disk_record *record = (const struct sluice_disk_record *)bed->buffer;
	const struct sluice_rows *head = (const struct sluice_rows *)(record + 1);
	const struct sluice_emission *emission = (const struct sluice_emission *)(record + 1);

	assert_int_equal(record->bytes, bytes);
	if (bed->is_handing_over) {
		assert_int_equal(stream_import(bed->stream[0], record, bytes), 0);
	} else if (record->kind == SLUICE_DISK_COMPLETE) {
		bed->complete_count++;
		bed->complete_rows += emission->rows;
	} else if (record->kind == SLUICE_DISK_FINAL) {
		assert_true(emission->start_ns == INT64_MIN);
		bed->close_count++;
		bed->closed_ms = emission->end_ns / MS;
	} else if (record->kind == SLUICE_DISK_LATE_COUNT) {
		bed->late_count_records++;
	} else {
		take_rows(bed, head);
	}
}

static struct bed *open_bed(struct window_spec window, __u32 workers, __u32 groups_max)
{
	const struct sources_options sources = {
		.sources_max = 8,
		.worker_count = workers,
		.listener_count = 1,
		.idle_timeout_ns = 1000 * MS,
		.max_lag_ns = 1000 * MS,
		.hash_seed = 5,
	};
	struct bed *bed = calloc(1, sizeof(*bed));
	struct stream_options options = {
		.window_count = 1,
		.worker_count = workers,
		.groups_max = groups_max,
		.memory_bytes = 64 << 20,
		.hash_seed = 5,
		.max_ahead_ns = 100000000 * MS,
	};

	assert_non_null(bed);
	bed->workers = workers;
	bed->window = window;
	bed->window.kind = SLUICE_WINDOW_SESSION;
	bed->window.listener_mask = 1;
	bed->window.group_count = 1;
	bed->window.group_field[0] = SLUICE_FIELD_KEY;
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

static void add_ns(struct bed *bed, __u32 worker, __u64 key, __s64 time_ns)
{
	struct {
		struct sluice_record record;
		struct sluice_header header;
		unsigned char event[32];
	} datagram = {
		.record = { .payload_bytes = sizeof(struct sluice_header) + 32,
			    .prefix_bytes = SLUICE_PREFIX_SHORT,
			    .kept = 1 },
		.header = { .magic = SLUICE_MAGIC,
			    .version = SLUICE_VERSION,
			    .event_count = 1,
			    .event_size = 32,
			    .sequence = bed->sequence++,
			    .base_time_ns = (__u64)time_ns },
	};
	struct sluice_event event = { .key = key, .value = 1 };

	memcpy(datagram.event, &event, 32);
	stream_add(bed->stream[worker], &datagram.record, sizeof(datagram));
	stream_flush(bed->stream[worker]);
}

static void add_at(struct bed *bed, __u32 worker, __u64 key, __s64 time_ms)
{
	add_ns(bed, worker, key, time_ms * MS);
}

static void add(struct bed *bed, __u64 key, __s64 time_ms)
{
	add_at(bed, 0, key, time_ms);
}

static struct row_writer writer_of(struct bed *bed)
{
	return (struct row_writer){ .context = bed, .reserve = reserve, .commit = commit };
}

static void hand_over(struct bed *bed, __u32 worker)
{
	const struct row_writer writer = writer_of(bed);

	bed->is_handing_over = true;
	while (stream_export(bed->stream[worker], &writer, 3) > 0)
		;
	bed->is_handing_over = false;
}

static void emit(struct bed *bed)
{
	const struct row_writer writer = writer_of(bed);

	while (stream_emit(bed->stream[0], &writer, 3) > 0)
		;
}

static void advance(struct bed *bed, __s64 watermark_ms)
{
	__s64 watermark_ns = watermark_ms * MS;

	bed->row_count = 0;
	for (__u32 i = bed->workers; i-- > 0;) {
		stream_advance(bed->stream[i], &watermark_ns);
		if (i)
			hand_over(bed, i);
	}
	emit(bed);
}

static void expect(const struct bed *bed, __u32 i, __u64 key, __s64 start_ms, __s64 end_ms,
		   __u64 records, __s32 revision, __u16 flags)
{
	const struct row *row = &bed->row[i];

	assert_true(i < bed->row_count);
	assert_int_equal(row->key, key);
	assert_int_equal(row->start_ms, start_ms);
	assert_int_equal(row->end_ms, end_ms);
	assert_int_equal(row->records, records);
	assert_int_equal(row->revision, revision);
	assert_int_equal(row->flags, flags);
}

static void expect_empty(const struct bed *bed)
{
	struct stream_stats stats;

	for (__u32 i = 0; i < bed->workers; i++) {
		stream_read_stats(bed->stream[i], &stats);
		assert_int_equal(stats.groups, 0);
		assert_int_equal(stats.panes, 0);
		assert_int_equal(stats.pane_groups, 0);
	}
}

static const struct sluice_window_ledger *ledger(const struct bed *bed)
{
	return stream_window_ledger(bed->stream[0], 0);
}

static const struct window_spec plain = { .gap_ns = 100 * MS };
static const struct window_spec tolerant = { .gap_ns = 100 * MS, .allowed_lateness_ns = 500 * MS };

static void touching_is_together(void **state)
{
	struct bed *bed = open_bed(plain, 1, 100);

	(void)state;
	add(bed, 1, 1000);
	add(bed, 1, 1100);
	add(bed, 2, 1000);
	add_ns(bed, 0, 2, 1100 * MS + 1);
	advance(bed, 2000);
	assert_int_equal(bed->row_count, 3);
	expect(bed, 0, 1, 1000, 1200, 2, 0, SLUICE_ROWS_FINAL);
	expect(bed, 1, 2, 1000, 1100, 1, 0, SLUICE_ROWS_FINAL);
	expect(bed, 2, 2, 1100, 1200, 1, 0, SLUICE_ROWS_FINAL);
	expect_empty(bed);
	close_bed(bed);
}

static void watermark_at_the_end_is_too_early(void **state)
{
	struct bed *bed = open_bed(plain, 1, 100);
	__s64 one_more = 1100 * MS + 1;

	(void)state;
	add(bed, 1, 1000);
	advance(bed, 1100);
	assert_int_equal(bed->row_count, 0);
	stream_advance(bed->stream[0], &one_more);
	emit(bed);
	assert_int_equal(bed->row_count, 1);
	close_bed(bed);
}

static void bridge_swallows_what_was_told(void **state)
{
	struct bed *bed = open_bed(tolerant, 1, 100);

	(void)state;
	add(bed, 1, 1000);
	add(bed, 1, 1200);
	advance(bed, 1301);
	assert_int_equal(bed->row_count, 2);
	add(bed, 1, 1100);
	advance(bed, 1302);
	assert_int_equal(bed->row_count, 3);
	for (__u32 i = 0; i < 2; i++)
		assert_true(bed->row[i].flags == SLUICE_ROWS_RETRACTED &&
			    bed->row[i].revision == 1 && bed->row[i].records == 1);
	assert_int_equal(bed->row[0].start_ms + bed->row[1].start_ms, 2200);
	expect(bed, 2, 1, 1000, 1300, 3, 0, 0);
	add(bed, 1, 1050);
	advance(bed, 1303);
	assert_int_equal(bed->row_count, 1);
	expect(bed, 0, 1, 1000, 1300, 4, 1, 0);
	assert_int_equal(bed->close_count, 0);
	advance(bed, 1801);
	assert_int_equal(bed->row_count, 0);
	assert_int_equal(bed->close_count, 1);
	assert_int_equal(bed->closed_ms, 1300);
	expect_empty(bed);
	add(bed, 1, 1150);
	assert_int_equal(ledger(bed)->late, 1);
	close_bed(bed);
}

/* A new session of a group may open before a sweep has told the one before it. */
static void next_session_leaves_the_last_alone(void **state)
{
	struct bed *bed = open_bed(plain, 1, 100);

	(void)state;
	for (__s64 i = 0; i < 50; i++)
		add(bed, 7, 1000 + 200 * i);
	add(bed, 7, 900);
	advance(bed, 1000000);
	assert_int_equal(bed->row_count, 50);
	for (__u32 i = 0; i < 50; i++) {
		__s64 start_ms = bed->row[i].start_ms;

		assert_int_equal(bed->row[i].records, start_ms == 900 ? 2 : 1);
		assert_int_equal(bed->row[i].end_ms, start_ms == 900 ? 1100 : start_ms + 100);
	}
	expect_empty(bed);
	close_bed(bed);
}

static void longest_session_is_cut(void **state)
{
	struct window_spec window = tolerant;
	struct bed *bed;

	(void)state;
	window.max_duration_ns = 200 * MS;
	bed = open_bed(window, 1, 100);
	for (__s64 i = 0; i < 100; i++)
		add(bed, 1, 1000 + 30 * i);
	advance(bed, 1201);
	assert_int_equal(bed->row_count, 1);
	expect(bed, 0, 1, 1000, 1200, 7, 0, 0);
	/* The first event moves, and all cuts with it. */
	add(bed, 1, 970);
	advance(bed, 1202);
	assert_int_equal(bed->row_count, 2);
	expect(bed, 0, 1, 1000, 1200, 7, 1, SLUICE_ROWS_RETRACTED);
	expect(bed, 1, 1, 970, 1170, 7, 2, 0);
	advance(bed, 100000);
	assert_int_equal(bed->row_count, 14);
	for (__u32 i = 0; i < 14; i++) {
		assert_int_equal(bed->row[i].start_ms, 1180 + 210 * i);
		assert_int_equal(bed->row[i].records, i < 13 ? 7 : 3);
	}
	expect_empty(bed);
	close_bed(bed);
}

static void groups_beyond_the_bound_share_one(void **state)
{
	struct bed *bed = open_bed(plain, 1, 2);
	__u64 records = 0;

	(void)state;
	for (__u64 key = 1; key <= 5; key++)
		add(bed, key, 1000);
	add(bed, 1, 1050);
	assert_int_equal(ledger(bed)->aggregated, 3);
	assert_int_equal(ledger(bed)->overflow, 3);
	advance(bed, 2000);
	assert_int_equal(bed->row_count, 3);
	for (__u32 i = 0; i < 3; i++)
		records += bed->row[i].records;
	assert_int_equal(records, 6);
	expect(bed, 2, 0, 1000, 1100, 3, 0, SLUICE_ROWS_OVERFLOW | SLUICE_ROWS_FINAL);
	add(bed, 9, 3000);
	assert_int_equal(ledger(bed)->overflow, 3);
	close_bed(bed);
}

static void early_rows_are_taken_back(void **state)
{
	struct window_spec window = plain;
	struct bed *bed;

	(void)state;
	window.early_ns = 1;
	bed = open_bed(window, 1, 100);
	add(bed, 1, 1000);
	add(bed, 2, 1000);
	advance(bed, 1);
	assert_int_equal(bed->row_count, 2);
	expect(bed, 0, 1, 1000, 1100, 1, -1, SLUICE_ROWS_EARLY);
	add(bed, 1, 1050);
	bed->window.early_ns = 0;
	advance(bed, 5000);
	assert_int_equal(bed->row_count, 3);
	expect(bed, 0, 1, 1000, 1150, 2, 0, SLUICE_ROWS_FINAL);
	expect(bed, 1, 2, 1000, 1100, 1, 0, SLUICE_ROWS_FINAL);
	expect(bed, 2, 1, 1000, 1100, 1, -1, SLUICE_ROWS_EARLY | SLUICE_ROWS_RETRACTED);
	expect_empty(bed);
	close_bed(bed);
}

static void stop_tells_what_is_open(void **state)
{
	struct bed *bed = open_bed(tolerant, 1, 100);

	(void)state;
	add(bed, 1, 1000);
	advance(bed, 1200);
	add(bed, 1, 5000);
	bed->row_count = 0;
	stream_finish(bed->stream[0]);
	emit(bed);
	assert_int_equal(bed->row_count, 1);
	expect(bed, 0, 1, 5000, 5100, 1, 0, 0);
	expect_empty(bed);
	close_bed(bed);
}

/* Late by itself, saved by a session that another worker saw before; and one that nothing saves. */
static void workers_settle_doubts_together(void **state)
{
	struct bed *bed = open_bed(plain, 2, 100);

	(void)state;
	add_at(bed, 1, 1, 1000);
	add_at(bed, 0, 1, 1090);
	advance(bed, 1150);
	assert_int_equal(bed->row_count, 0);
	add_at(bed, 1, 1, 920);
	add_at(bed, 1, 2, 920);
	assert_int_equal(stream_window_ledger(bed->stream[1], 0)->late, 2);
	advance(bed, 1151);
	assert_int_equal(bed->row_count, 0);
	assert_int_equal(ledger(bed)->late + stream_window_ledger(bed->stream[1], 0)->late, 1);
	add_at(bed, 1, 1, 1180);
	advance(bed, 3000);
	assert_int_equal(bed->row_count, 1);
	expect(bed, 0, 1, 920, 1280, 4, 0, SLUICE_ROWS_FINAL);
	expect_empty(bed);
	close_bed(bed);
}

static void lose(struct bed *bed, __s64 from_ms, __s64 to_ms, __s64 records)
{
	const struct loss loss = { .from_ns = from_ms * MS,
				   .to_ns = to_ms * MS,
				   .records = records,
				   .window_mask = 1,
				   .cause = LOSS_ring_full };

	stream_add_losses(bed->stream[0], &loss, 1);
}

static void loss_is_that_of_its_interval(void **state)
{
	struct bed *bed = open_bed(plain, 1, 100);

	(void)state;
	lose(bed, 0, 999, 7);
	lose(bed, 1050, 1060, 3);
	lose(bed, 1100, 1200, 50);
	advance(bed, 1);
	add(bed, 1, 1000);
	advance(bed, 2);
	add(bed, 2, 1050);
	advance(bed, 5000);
	assert_int_equal(bed->row_count, 2);
	assert_int_equal(bed->row[0].ring_full, 3);
	assert_int_equal(bed->row[0].aggregated, 2);
	assert_int_equal(bed->row[1].ring_full, 53);
	assert_int_equal(bed->row[1].aggregated, 1);
	assert_int_equal(bed->complete_count, 1);
	assert_int_equal(bed->complete_rows, 2);
	close_bed(bed);
}

/* A full disk holds rows back; nothing is lost or told twice. */
static void rows_wait_for_room(void **state)
{
	struct bed *bed = open_bed(plain, 1, 5000);
	const struct row_writer writer = writer_of(bed);

	(void)state;
	for (__u64 key = 0; key < 1000; key++)
		add(bed, key, 1000);
	bed->is_full = true;
	advance(bed, 5000);
	assert_int_equal(bed->row_count, 0);
	assert_int_equal(stream_emit(bed->stream[0], &writer, 100), -EAGAIN);
	bed->is_full = false;
	emit(bed);
	assert_int_equal(bed->row_count, 1000);
	expect_empty(bed);
	close_bed(bed);
}

/* Without memory for nodes a group's second session goes to the overflow group or is refused. */
static void memory_is_a_bound(void **state)
{
	struct bed *bed = open_bed(tolerant, 1, 1000000);
	struct stream_stats stats;

	(void)state;
	for (__u64 key = 0; key < 60000; key++)
		for (__s64 i = 0; i < 20; i++)
			add(bed, key, 1000 + 200 * i);
	stream_read_stats(bed->stream[0], &stats);
	assert_true(ledger(bed)->overflow + ledger(bed)->rejected_pane > 0);
	assert_int_equal(ledger(bed)->overflow + ledger(bed)->rejected_pane +
				 ledger(bed)->aggregated,
			 1200000);
	close_bed(bed);
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Sessions of one key, each found among all that are kept: in a list that took 1.8 billion steps,
 * half a minute; in a tree it is less than a second. */
static void check_that_many_are_found(struct window_spec window, bool newest_first)
{
	const __s64 count = 60000;
	struct bed *bed = open_bed(window, 1, 10);
	double before = cpu_seconds();

	for (__s64 i = 0; i < count; i++)
		add(bed, 1, 1000 * (newest_first ? count - i : i));
	assert_true(cpu_seconds() - before < 6);
	assert_int_equal(ledger(bed)->aggregated, count);
	close_bed(bed);
}

static void one_of_very_many_sessions_is_found(void **state)
{
	struct window_spec cut = tolerant;

	(void)state;
	cut.max_duration_ns = 500 * MS;
	check_that_many_are_found(plain, true);
	check_that_many_are_found(tolerant, true);
	check_that_many_are_found(cut, true);
	check_that_many_are_found(cut, false);
}

/* However many sessions of one key end at once, a slice tells as many as it may. */
static void check_slices(struct window_spec window, __s64 watermark_ms)
{
	const __u32 count = 2000;
	struct bed *bed = open_bed(window, 1, 10);
	const struct row_writer writer = writer_of(bed);
	__s64 watermark_ns = watermark_ms * MS;

	for (__u32 i = 0; i < count; i++)
		add(bed, 1, 1000 * (__s64)(count - i));
	stream_advance(bed->stream[0], &watermark_ns);
	for (int work = 1; work > 0;) {
		__u32 before = bed->row_count;

		work = stream_emit(bed->stream[0], &writer, 50);
		assert_true(bed->row_count - before <= 51);
	}
	assert_int_equal(bed->row_count, count);
	close_bed(bed);
}

static void a_slice_tells_no_more_than_it_may(void **state)
{
	struct window_spec early = tolerant;

	(void)state;
	early.early_ns = 1;
	check_slices(plain, 10000000);
	check_slices(tolerant, 2500000);
	check_slices(early, 1000000);
	early.max_duration_ns = 500 * MS;
	check_slices(early, 1000000);
}

/* After a crash the gap begins where the oldest open session does, though none was told yet. */
static void open_sessions_are_known_from_their_start(void **state)
{
	struct bed *bed = open_bed(plain, 1, 100);
	struct window_open open;

	(void)state;
	for (__s64 ms = 1000; ms < 3000; ms += 50) {
		add(bed, 1, ms);
		advance(bed, ms - 20);
		stream_read_open(bed->stream[0], 0, ms * MS, &open);
		assert_in_range(open.oldest_revised_ns, 1, 1000 * MS);
		assert_in_range(ms * MS - open.overlap_ns, 1, 1000 * MS);
	}
	assert_int_equal(bed->row_count, 0);
	add(bed, 1, 3300); /* the one before makes room for it */
	advance(bed, 2990);
	stream_read_open(bed->stream[0], 0, 3300 * MS, &open);
	assert_in_range(open.oldest_revised_ns, 1, 1000 * MS);
	close_bed(bed);
}

/* The row of a late event is not there yet. */
static void told_sessions_may_wait_for_late_rows(void **state)
{
	struct bed *bed = open_bed(tolerant, 1, 100);
	struct window_open open;

	(void)state;
	add(bed, 1, 1000);
	advance(bed, 1400);
	add(bed, 2, 950);
	stream_read_open(bed->stream[0], 0, 1400 * MS, &open);
	assert_in_range(open.oldest_revised_ns, 1, 950 * MS);
	close_bed(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(touching_is_together),
		cmocka_unit_test(watermark_at_the_end_is_too_early),
		cmocka_unit_test(bridge_swallows_what_was_told),
		cmocka_unit_test(next_session_leaves_the_last_alone),
		cmocka_unit_test(longest_session_is_cut),
		cmocka_unit_test(groups_beyond_the_bound_share_one),
		cmocka_unit_test(early_rows_are_taken_back),
		cmocka_unit_test(stop_tells_what_is_open),
		cmocka_unit_test(workers_settle_doubts_together),
		cmocka_unit_test(loss_is_that_of_its_interval),
		cmocka_unit_test(rows_wait_for_room),
		cmocka_unit_test(memory_is_a_bound),
		cmocka_unit_test(one_of_very_many_sessions_is_found),
		cmocka_unit_test(a_slice_tells_no_more_than_it_may),
		cmocka_unit_test(open_sessions_are_known_from_their_start),
		cmocka_unit_test(told_sessions_may_wait_for_late_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
