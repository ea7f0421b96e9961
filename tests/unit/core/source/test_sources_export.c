/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of sequences across a restart: exact after an orderly stop, everything up to the
 * highest after a crash; gaps across it are seen, and no bytes do harm. */
#include <errno.h>
#include <string.h>

#include "sources_bed.h"

static const struct window_spec windows[] = { { .listener_mask = 3 }, { .listener_mask = 2 } };

#define PLACES 16

struct kept {
	__u32 writes;
	size_t bytes[PLACES];
	unsigned char record[PLACES][SOURCE_RECORD_BYTES_MAX];
};

/* As a file with a fixed place for each record. */
static void keep(void *context, __u32 place, const struct source_record *record, size_t bytes)
{
	struct kept *kept = context;

	assert_true(place < PLACES);
	assert_true(bytes <= SOURCE_RECORD_BYTES_MAX);
	kept->writes++;
	kept->bytes[place] = bytes;
	memcpy(kept->record[place], record, bytes);
}

static struct sources *restart(struct sources *sources, const struct kept *kept)
{
	sources_close(sources);
	sources = open_bed(4, windows, 2);
	assert_true(sources_place_count(sources) <= PLACES);
	for (__u32 place = 0; place < PLACES; place++)
		if (kept->bytes[place])
			assert_int_equal(sources_import(sources, kept->record[place],
							kept->bytes[place]),
					 0);
	return sources;
}

static void fill(struct sources *sources)
{
	for (__u64 i = 0; i < 300; i++)
		if (i % 10 != 3)
			send(sources,
			     (struct sent){ 1, 100 + i, (__s64)(1000 + i) * SECOND, .epoch = 7,
					    .listener = (__u16)(i / 100 % 2) });
	for (__u64 i = 0; i < 50; i++)
		send(sources, (struct sent){ 2, i, 2000 * SECOND, .epoch = 1 });
	for (__u32 epoch = 2; epoch < 9; epoch++)
		send(sources, (struct sent){ 2, 0, 2000 * SECOND, .epoch = epoch });
}

/* The same datagrams again, some more, and what has a hole. */
static void an_orderly_stop_is_exact(void **state)
{
	struct sources *before = open_bed(4, windows, 2), *after;
	struct kept kept = { 0 };
	__u32 refused[2];

	(void)state;
	fill(before);
	sources_export_all(before, keep, &kept);
	after = restart(open_bed(4, windows, 2), &kept);
	for (__u64 sequence = 500; sequence-- > 0;)
		for (__u16 l = 0; l < 2; l++) {
			struct sent sent = { 1, sequence, SECOND, .epoch = 7, .listener = l };

			assert_int_equal(send_of(before, sent, &refused[0]),
					 send_of(after, sent, &refused[1]));
			assert_int_equal(refused[0], refused[1]);
		}
	for (__u32 epoch = 1; epoch < 9; epoch++)
		for (__u64 sequence = 0; sequence < 60; sequence++) {
			struct sent sent = { 2, sequence, 1000 * SECOND, .epoch = epoch };

			assert_int_equal(send(before, sent), send(after, sent));
		}
	sources_close(before);
	sources_close(after);
}

static void after_a_crash_all_up_to_the_highest_was_here(void **state)
{
	struct sources *sources = open_bed(4, windows, 2);
	struct kept kept = { 0 };

	(void)state;
	fill(sources);
	sources_export_changed(sources, keep, &kept);
	sources = restart(sources, &kept);
	assert_int_equal(send(sources, (struct sent){ 1, 399, SECOND, .epoch = 7 }),
			 DEDUP_DUPLICATE);
	assert_int_equal(send(sources, (struct sent){ 1, 103, SECOND, .epoch = 7 }),
			 DEDUP_DUPLICATE);	/* a hole before */
	assert_int_equal(send(sources, (struct sent){ 1, 95, SECOND, .epoch = 7 }),
			 DEDUP_DUPLICATE);	/* before the first that was seen */
	assert_int_equal(send(sources, (struct sent){ 1, 400, SECOND, .epoch = 7 }), DEDUP_NEW);
	assert_int_equal(send(sources, (struct sent){ 2, 0, SECOND, .epoch = 8 }), DEDUP_DUPLICATE);
	assert_int_equal(send(sources, (struct sent){ 2, 0, SECOND, .epoch = 7 }), DEDUP_DUPLICATE);
	assert_int_equal(send(sources, (struct sent){ 2, 0, SECOND, .epoch = 6 }), DEDUP_STALE);
	sources_close(sources);
}

static void take_note(void *context, const struct source_gap_note *note)
{
	*(struct source_gap_note *)context = *note;
}

/* What nobody took in between is a gap from the last datagram before to the first behind. */
static void a_gap_across_a_stop_is_seen(void **state)
{
	struct sources *sources = open_bed(4, windows, 2);
	struct source_gap_note note = { 0 };
	struct kept kept = { 0 };

	(void)state;
	for (__u64 i = 0; i < 100; i++)
		send(sources, (struct sent){ 1, i, (__s64)(1000 + i) * SECOND, .records = 44 });
	sources_export_all(sources, keep, &kept);
	sources = restart(sources, &kept);
	send(sources, (struct sent){ 1, 500, 1500 * SECOND, .records = 44 });
	sources_hand_over_gaps(sources, 0);
	sources_take_gaps(sources, take_note, &note);
	assert_int_equal(note.datagrams, 400);
	assert_int_equal(note.records, 400 * 44);
	assert_int_equal(note.from_ns, 1099 * SECOND);
	assert_int_equal(note.to_ns, 1500 * SECOND);
	sources_close(sources);
}

static void only_what_has_changed_is_written(void **state)
{
	const __s64 over_ns[] = { INT64_MAX, INT64_MAX };
	struct sources *sources = open_bed(4, windows, 2);
	struct kept kept = { 0 };
	__u32 each;

	(void)state;
	send(sources, (struct sent){ 1, 1, SECOND });
	send(sources, (struct sent){ 2, 1, SECOND });
	each = sources_place_count(sources) / 4;
	assert_int_equal(sources_export_changed(sources, keep, &kept), 2 * each);
	assert_int_equal(sources_export_changed(sources, keep, &kept), 0);
	send(sources, (struct sent){ 2, 2, SECOND });
	assert_int_equal(sources_export_changed(sources, keep, &kept), each);
	assert_int_equal(kept.writes, 3 * each);
	/* Who is forgotten is forgotten there too. */
	send(sources, (struct sent){ 3, 1, SECOND });
	sources_export_changed(sources, keep, &kept);
	assert_int_equal(sources_evict(sources, 100 * SECOND, over_ns), 1);
	assert_int_equal(sources_export_changed(sources, keep, &kept), each);
	sources = restart(sources, &kept);
	assert_int_equal(send(sources, (struct sent){ 1, 1, SECOND }), DEDUP_NEW);
	assert_int_equal(send(sources, (struct sent){ 2, 2, SECOND }), DEDUP_DUPLICATE);
	sources_close(sources);
}

/* Nothing of a source that was read back is newer than what it had accepted. */
static void what_was_read_back_is_kept_as_long_as_it_could_count(void **state)
{
	struct sources *sources = open_bed(1, windows, 1);
	__s64 over_ns = 1000 * SECOND;
	struct kept kept = { 0 };

	(void)state;
	send(sources, (struct sent){ 1, 1, 1000 * SECOND });
	sources_export_all(sources, keep, &kept);
	sources_close(sources);
	sources = open_bed(1, windows, 1);
	assert_int_equal(sources_import(sources, kept.record[0], kept.bytes[0]), 0);
	assert_int_equal(sources_evict(sources, 100 * SECOND, &over_ns), 0);
	over_ns = SOURCES_WATERMARK_NONE;
	assert_int_equal(sources_evict(sources, 100 * SECOND, &over_ns), 0);
	over_ns = 1001 * SECOND;
	assert_int_equal(sources_evict(sources, 100 * SECOND, &over_ns), 1);
	sources_close(sources);
}

static void what_no_export_wrote_is_refused(void **state)
{
	struct sources *sources = open_bed(2, windows, 2);
	union {
		struct source_record head;
		unsigned char bytes[SOURCE_RECORD_BYTES_MAX];
	} whole = { .head = { .source_id = 1, .listeners = UINT32_MAX, .lane_count = 1 } };

	(void)state;
	/* no span */
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head)), -EINVAL);
	whole.head.lane[0].span = DEDUP_SEQUENCE_DEPTH + 1;
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head)), -EINVAL);
	whole.head.lane[0].span = 1;
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head) - 1), -EINVAL);
	assert_int_equal(sources_import(sources, &whole, 0), -EINVAL);
	whole.head.bitmaps = 1;
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head)), -EINVAL);
	whole.head.bitmaps = 2;
	assert_int_equal(sources_import(sources, &whole, SOURCE_RECORD_BYTES_MAX), -EINVAL);
	whole.head.bitmaps = 0;
	whole.head.lane_count = 3;
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head)), -EINVAL);
	whole.head.lane_count = 1;
	whole.head.retired_count = 5;
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head)), -EINVAL);
	whole.head.retired_count = 0;
	whole.head.retired_next = 4;
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head)), -EINVAL);
	whole.head.retired_next = 0;
	/* A set that is no more, and a free place. */
	whole.head.listeners = 1;
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head)), 0);
	whole.head.listeners = UINT32_MAX;
	whole.head.lane_count = 0;
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head)), 0);
	whole.head.lane_count = 1;
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head)), 0);
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head)), -EINVAL); /* twice */
	whole.head.source_id = 2;
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head)), 0);
	whole.head.source_id = 3;
	assert_int_equal(sources_import(sources, &whole, sizeof(whole.head)), -ENOSPC);
	sources_close(sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_orderly_stop_is_exact),
		cmocka_unit_test(after_a_crash_all_up_to_the_highest_was_here),
		cmocka_unit_test(a_gap_across_a_stop_is_seen),
		cmocka_unit_test(only_what_has_changed_is_written),
		cmocka_unit_test(what_was_read_back_is_kept_as_long_as_it_could_count),
		cmocka_unit_test(what_no_export_wrote_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
