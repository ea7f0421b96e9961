/* SPDX-License-Identifier: BSD-2-Clause */
/* Who sends: what is told of a source, and that the worst are told when there is no room for
 * all. */
#include "sources_bed.h"

static const struct window_spec all = { .listener_mask = 3 };

static void a_source_is_told_as_it_is(void **state)
{
	struct sources *sources = open_bed(4, &all, 1);
	struct source_entry entry;

	(void)state;
	sources_snapshot(sources, 1000 * SECOND);
	send(sources, (struct sent){ 7, 10, 50 * SECOND, 1000 * SECOND, 3 });
	send(sources, (struct sent){ 7, 15, 52 * SECOND, 1001 * SECOND, 3, .listener = 1 });
	send(sources, (struct sent){ 7, 15, 52 * SECOND, 1002 * SECOND, 3, .worker = 1 });
	sources_snapshot(sources, 1002 * SECOND);
	assert_int_equal(sources_list(sources, &entry, 1), 1);
	assert_int_equal(entry.source_id, 7);
	assert_int_equal(entry.listeners, 3);
	assert_int_equal(entry.epoch, 3);
	assert_int_equal(entry.datagrams, 2);
	assert_int_equal(entry.records, 20);
	assert_int_equal(entry.rate_datagrams, 2);
	assert_int_equal(entry.rate_ns, 2 * SECOND);
	assert_int_equal(entry.missing, 4);
	assert_int_equal(entry.duplicates, 1);
	assert_int_equal(entry.seen_mono_ns, 1002 * SECOND);
	assert_int_equal(entry.newest_time_ns, 52 * SECOND);
	send(sources, (struct sent){ 7, 12, 51 * SECOND, 1003 * SECOND, 3 });
	assert_int_equal(sources_list(sources, &entry, 1), 1);
	assert_int_equal(entry.missing, 3);
	assert_int_equal(sources_list(sources, NULL, 0), 0);
	sources_close(sources);
}

static void the_worst_come_first(void **state)
{
	struct sources *sources = open_bed(200, &all, 1);
	struct source_entry entries[150];

	(void)state;
	for (__u64 source = 0; source < 100; source++) {
		send(sources, (struct sent){ source, 0, 100 * SECOND, SECOND });
		send(sources, (struct sent){ source, 1 + source * 37 % 100, 100 * SECOND, SECOND });
	}
	assert_int_equal(sources_list(sources, entries, 10), 10);
	for (__u32 i = 0; i < 10; i++)
		assert_int_equal(entries[i].missing, 99 - i);
	assert_int_equal(sources_list(sources, entries, 150), 100);
	for (__u32 i = 0; i < 100; i++)
		assert_int_equal(entries[i].missing, 99 - i);
	sources_close(sources);
}

/* Without gaps: repeats, then who is furthest behind. */
static void repeats_and_lag_are_bad_too(void **state)
{
	struct sources *sources = open_bed(8, &all, 1);
	struct source_entry entries[3];

	(void)state;
	send(sources, (struct sent){ 1, 0, 200 * SECOND, SECOND });
	send(sources, (struct sent){ 2, 0, 100 * SECOND, SECOND });
	send(sources, (struct sent){ 3, 0, 300 * SECOND, SECOND });
	send(sources, (struct sent){ 3, 0, 300 * SECOND, SECOND });
	assert_int_equal(sources_list(sources, entries, 3), 3);
	assert_int_equal(entries[0].source_id, 3);
	assert_int_equal(entries[1].source_id, 2);
	assert_int_equal(entries[2].source_id, 1);
	sources_close(sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_is_told_as_it_is),
		cmocka_unit_test(the_worst_come_first),
		cmocka_unit_test(repeats_and_lag_are_bad_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
