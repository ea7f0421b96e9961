/* SPDX-License-Identifier: BSD-2-Clause */
/* Places for newcomers: who may be forgotten, when, and that nothing is left of who was. */
#include "sources_bed.h"

static const struct window_spec minute = { .listener_mask = 3,
					   .kind = SLUICE_WINDOW_TUMBLING,
					   .size_ns = 60 * SECOND,
					   .slide_ns = 60 * SECOND };

static __u32 known(struct sources *sources)
{
	struct sources_stats stats;

	sources_read_stats(sources, &stats);
	return stats.known;
}

static void newcomers_get_the_places_of_who_is_over(void **state)
{
	struct sources *sources = open_bed(8, &minute, 1);
	const __s64 over_ns = 120 * SECOND;

	(void)state;
	for (__u64 source = 0; source < 8; source++)
		send(sources, (struct sent){ source, 1, 100 * SECOND, SECOND });
	/* Copies of who shares a place cannot be told apart. */
	assert_int_equal(send(sources, (struct sent){ 9, 1, 100 * SECOND, SECOND }), DEDUP_NEW);
	assert_int_equal(send(sources, (struct sent){ 9, 1, 100 * SECOND, SECOND }), DEDUP_NEW);
	/* Not while they live. */
	assert_int_equal(sources_evict(sources, 6 * SECOND - 1, &over_ns), 0);
	assert_int_equal(sources_evict(sources, 6 * SECOND, &over_ns), 3);
	assert_int_equal(known(sources), 5);
	for (__u64 source = 9; source < 12; source++) {
		const struct sent sent = { source, 1, 130 * SECOND, 7 * SECOND };

		assert_int_equal(send(sources, sent), DEDUP_NEW);
		assert_int_equal(send(sources, sent), DEDUP_DUPLICATE);
		assert_int_equal(send(sources, sent), DEDUP_DUPLICATE);
	}
	assert_int_equal(known(sources), 8);
	sources_close(sources);
}

static void who_could_still_count_is_remembered(void **state)
{
	struct sources *sources = open_bed(4, &minute, 1);
	__s64 over_ns = 100 * SECOND;

	(void)state;
	for (__u64 source = 0; source < 4; source++)
		send(sources, (struct sent){ source, 1, 100 * SECOND, SECOND });
	assert_int_equal(sources_evict(sources, 3600 * SECOND, &over_ns), 0);
	assert_int_equal(send(sources, (struct sent){ 0, 1, 100 * SECOND, 3600 * SECOND }),
			 DEDUP_DUPLICATE);
	over_ns = SOURCES_WATERMARK_NONE;
	assert_int_equal(sources_evict(sources, 7200 * SECOND, &over_ns), 0);
	over_ns = 101 * SECOND;
	assert_true(sources_evict(sources, 7200 * SECOND, &over_ns) > 0);
	sources_close(sources);
}

/* A window that has had nothing yet keeps nobody else's sources. */
static void other_windows_do_not_matter(void **state)
{
	static const struct window_spec windows[] = { { .listener_mask = 1 },
						      { .listener_mask = 2 } };
	const __s64 over_ns[] = { 200 * SECOND, SOURCES_WATERMARK_NONE };
	struct sources *sources = open_bed(2, windows, 2);

	(void)state;
	send(sources, (struct sent){ 1, 1, 100 * SECOND, SECOND });
	send(sources, (struct sent){ 2, 1, 100 * SECOND, SECOND, .listener = 1 });
	assert_int_equal(sources_evict(sources, 100 * SECOND, over_ns), 1);
	assert_int_equal(send(sources, (struct sent){ 2, 1, 100 * SECOND, SECOND, .listener = 1 }),
			 DEDUP_DUPLICATE);
	sources_close(sources);
}

/* With room left, who comes back after a pause is known. */
static void nobody_is_forgotten_while_there_is_room(void **state)
{
	const __s64 over_ns = 1000 * SECOND;
	struct sources *sources = open_bed(100, &minute, 1);

	(void)state;
	for (__u64 source = 0; source < 74; source++)
		send(sources, (struct sent){ source, 1, 100 * SECOND, SECOND });
	assert_int_equal(sources_evict(sources, 3600 * SECOND, &over_ns), 0);
	send(sources, (struct sent){ 74, 1, 100 * SECOND, SECOND });
	assert_int_equal(sources_evict(sources, 3600 * SECOND, &over_ns), 1);
	sources_close(sources);
}

/* Of each place: another name, another life. */
static void nothing_is_left_of_who_was_there(void **state)
{
	const struct window_spec window = { .listener_mask = 3 };
	struct sources *sources = open_bed(1, &window, 1);
	__s64 over_ns = INT64_MAX, watermark_ns;
	struct source_entry entry;

	(void)state;
	for (__u64 round = 1; round < 50; round++) {
		__u64 mono_ns = round * 100 * SECOND;
		__s64 time_ns = (__s64)(5000 - round) * SECOND;

		assert_int_equal(send(sources, (struct sent){ round, 5, time_ns, mono_ns }),
				 DEDUP_NEW);
		send(sources, (struct sent){ round, 5, time_ns, mono_ns, .worker = 1 });
		send(sources, (struct sent){ round, 9, time_ns, mono_ns });
		assert_int_equal(sources_list(sources, &entry, 1), 1);
		assert_int_equal(entry.source_id, round);
		assert_int_equal(entry.datagrams, 2);
		assert_int_equal(entry.records, 20);
		assert_int_equal(entry.missing, 3);
		assert_int_equal(entry.duplicates, 1);
		assert_int_equal(entry.newest_time_ns, time_ns);
		watermark_ns = SOURCES_WATERMARK_NONE;
		sources_snapshot(sources, mono_ns);
		sources_watermarks(sources, INT64_MAX, &watermark_ns);
		assert_int_equal(watermark_ns, time_ns);
		assert_int_equal(sources_evict(sources, mono_ns + 5 * SECOND, &over_ns), 1);
		assert_int_equal(sources_list(sources, &entry, 1), 0);
	}
	sources_close(sources);
}

/* The index stays sound however often it changes. */
static void many_come_and_go(void **state)
{
	struct sources *sources = open_bed(1000, &minute, 1);
	const __s64 over_ns = INT64_MAX;
	__u64 mono_ns = SECOND, source = 0;

	(void)state;
	for (int round = 0; round < 60; round++) {
		__u64 first = source;

		for (; known(sources) < 1000; source++)
			assert_int_equal(send(sources, (struct sent){ source * 7919, 1, SECOND,
								      mono_ns }),
					 DEDUP_NEW);
		for (__u64 again = first; again < source; again++)
			assert_int_equal(send(sources, (struct sent){ again * 7919, 1, SECOND,
								      mono_ns }),
					 DEDUP_DUPLICATE);
		mono_ns += 5 * SECOND;
		assert_int_equal(sources_evict(sources, mono_ns, &over_ns), 251);
		assert_int_equal(known(sources), 749);
	}
	sources_close(sources);
}

/* Nobody is idle who is heard, whatever becomes of what it sends. */
static void who_is_heard_is_not_idle(void **state)
{
	const __s64 over_ns = INT64_MAX;
	struct sources *sources = open_bed(1, &minute, 1);

	(void)state;
	send(sources, (struct sent){ 1, 1, SECOND, SECOND });
	send(sources, (struct sent){ 1, 1, SECOND, 9 * SECOND });
	assert_int_equal(sources_evict(sources, 10 * SECOND, &over_ns), 0);
	assert_int_equal(sources_evict(sources, 14 * SECOND, &over_ns), 1);
	sources_close(sources);
}

static void events_are_over_with_their_last_window(void **state)
{
	struct window_spec spec = { .kind = SLUICE_WINDOW_TUMBLING, .size_ns = 60, .slide_ns = 60 };

	(void)state;
	assert_int_equal(window_spec_over_ns(&spec, INT64_MIN), INT64_MIN);
	assert_int_equal(window_spec_over_ns(&spec, 119), 60);
	assert_int_equal(window_spec_over_ns(&spec, 120), 120);
	spec.allowed_lateness_ns = 1;
	assert_int_equal(window_spec_over_ns(&spec, 120), 60);
	spec.offset_ns = 7;
	assert_int_equal(window_spec_over_ns(&spec, 128), 127);
	assert_int_equal(window_spec_over_ns(&spec, 6), -53);
	spec = (struct window_spec){ .kind = SLUICE_WINDOW_SLIDING, .size_ns = 60, .slide_ns = 20 };
	/* [60, 120) is the last one over 79, [80, 140) that over 80. */
	assert_int_equal(window_spec_over_ns(&spec, 120), 80);
	assert_int_equal(window_spec_over_ns(&spec, 119), 60);
	spec = (struct window_spec){ .kind = SLUICE_WINDOW_SESSION, .gap_ns = 10,
				     .max_duration_ns = 100, .allowed_lateness_ns = 5 };
	assert_int_equal(window_spec_over_ns(&spec, 1000), 885);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newcomers_get_the_places_of_who_is_over),
		cmocka_unit_test(who_could_still_count_is_remembered),
		cmocka_unit_test(other_windows_do_not_matter),
		cmocka_unit_test(nobody_is_forgotten_while_there_is_room),
		cmocka_unit_test(nothing_is_left_of_who_was_there),
		cmocka_unit_test(many_come_and_go),
		cmocka_unit_test(who_is_heard_is_not_idle),
		cmocka_unit_test(events_are_over_with_their_last_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
