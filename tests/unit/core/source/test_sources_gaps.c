/* SPDX-License-Identifier: BSD-2-Clause */
/* When something was lost, and how much: between which two datagrams, in records by the mean of the
 * source, taken back when it comes after all, and never forgotten for want of room. */
#include "sources_bed.h"

static const struct window_spec all = { .listener_mask = 3 };

struct notes {
	__u32 count;
	struct source_gap_note note[2 * SOURCE_GAP_NOTES];
	struct source_gap_note sum;	/* of amounts */
};

static void take_note(void *context, const struct source_gap_note *note)
{
	struct notes *notes = context;

	assert_true(note->from_ns <= note->to_ns);
	assert_true(notes->count < 2 * SOURCE_GAP_NOTES);
	notes->note[notes->count++] = *note;
	notes->sum.datagrams += note->datagrams;
	notes->sum.records += note->records;
	notes->sum.unknown += note->unknown;
}

/* As at a tick: the workers answer, and then the control thread takes. */
static struct notes take(struct sources *sources)
{
	struct notes notes = { 0 };

	for (__u32 worker = 0; worker < 2; worker++)
		sources_hand_over_gaps(sources, worker);
	sources_take_gaps(sources, take_note, &notes);
	return notes;
}

static void assert_note(const struct source_gap_note *note, __s64 from_s, __s64 to_s,
			__s64 datagrams, __s64 records)
{
	assert_int_equal(note->from_ns, from_s * SECOND);
	assert_int_equal(note->to_ns, to_s * SECOND);
	assert_int_equal(note->datagrams, datagrams);
	assert_int_equal(note->records, records);
}

static void a_gap_lies_between_its_neighbours(void **state)
{
	struct sources *sources = open_bed(4, &all, 1);
	struct notes notes;

	(void)state;
	for (__u64 i = 0; i < 5; i++)
		send(sources, (struct sent){ 1, 100 + i, (__s64)(1000 + i) * SECOND });
	assert_int_equal(take(sources).count, 0);
	send(sources, (struct sent){ 1, 115, 1020 * SECOND, .listener = 1 });
	notes = take(sources);
	assert_int_equal(notes.count, 1);
	assert_note(&notes.note[0], 1004, 1020, 10, 100);
	assert_int_equal(notes.note[0].listeners, 3);
	assert_int_equal(notes.note[0].unknown, 0);
	/* Once. */
	assert_int_equal(take(sources).count, 0);
	sources_close(sources);
}

static void the_mean_is_that_of_the_source(void **state)
{
	struct sources *sources = open_bed(4, &all, 1);
	struct notes notes;

	(void)state;
	send(sources, (struct sent){ 1, 0, SECOND, .records = 1 });
	send(sources, (struct sent){ 2, 0, SECOND, .records = 44 });
	send(sources, (struct sent){ 1, 1, SECOND, .records = 2 });
	/* Names say nothing of records. */
	send(sources, (struct sent){ 1, 2, 0, .records = 300, .is_dictionary = true });
	send(sources, (struct sent){ 1, 13, 9 * SECOND, .records = 2 });
	send(sources, (struct sent){ 2, 3, 8 * SECOND, .records = 44 });
	notes = take(sources);
	assert_int_equal(notes.count, 2);
	assert_note(&notes.note[0], 1, 9, 10, 17);	/* 10 × 5 / 3 */
	assert_note(&notes.note[1], 1, 8, 2, 88);
	sources_close(sources);
}

static void what_comes_late_is_taken_back_where_it_was(void **state)
{
	struct sources *sources = open_bed(4, &all, 1);
	struct notes notes;

	(void)state;
	send(sources, (struct sent){ 1, 0, 10 * SECOND, .records = 1 });
	send(sources, (struct sent){ 1, 1, 11 * SECOND, .records = 2 });
	send(sources, (struct sent){ 1, 5, 15 * SECOND, .records = 2 });
	send(sources, (struct sent){ 1, 9, 19 * SECOND, .records = 2 });
	notes = take(sources);
	assert_int_equal(notes.count, 2);
	assert_note(&notes.note[0], 11, 15, 3, 5);
	assert_note(&notes.note[1], 15, 19, 3, 5);
	for (__u64 sequence = 4; sequence >= 2; sequence--)
		send(sources, (struct sent){ 1, sequence, 13 * SECOND, .worker = 1 });
	notes = take(sources);
	assert_int_equal(notes.count, 1);	/* of one interval */
	assert_note(&notes.note[0], 11, 15, -3, -5);
	send(sources, (struct sent){ 1, 7, 17 * SECOND, .records = 2 });
	/* A duplicate fills nothing. */
	send(sources, (struct sent){ 1, 7, 17 * SECOND, .records = 2 });
	notes = take(sources);
	assert_int_equal(notes.count, 1);
	assert_note(&notes.note[0], 15, 19, -1, -1);	/* 5 of 3 datagrams, 4 of 2 */
	assert_int_equal(sources_missing(sources, 0), 2);
	sources_close(sources);
}

static void a_clock_that_went_back_makes_no_empty_interval(void **state)
{
	struct sources *sources = open_bed(4, &all, 1);
	struct notes notes;

	(void)state;
	send(sources, (struct sent){ 1, 0, 20 * SECOND });
	send(sources, (struct sent){ 1, 2, 10 * SECOND });
	notes = take(sources);
	assert_note(&notes.note[0], 10, 20, 1, 10);
	sources_close(sources);
}

/* A restart of the sender: what is below the first of its new epoch was sent too. */
static void a_restart_counts_from_zero(void **state)
{
	struct sources *sources = open_bed(4, &all, 1);
	struct notes notes;

	(void)state;
	send(sources, (struct sent){ 1, 500, 20 * SECOND, .epoch = 1 });
	send(sources, (struct sent){ 1, 3, 30 * SECOND, .epoch = 2 });
	notes = take(sources);
	assert_int_equal(notes.count, 1);
	assert_note(&notes.note[0], 20, 30, 3, 30);
	send(sources, (struct sent){ 1, 1, 30 * SECOND, .epoch = 2 });
	notes = take(sources);
	assert_note(&notes.note[0], 20, 30, -1, -10);
	/* Of the epoch before, between its own neighbours. */
	send(sources, (struct sent){ 1, 502, 22 * SECOND, .epoch = 1 });
	notes = take(sources);
	assert_note(&notes.note[0], 20, 22, 1, 10);
	sources_close(sources);
}

static void what_nobody_can_count_says_so(void **state)
{
	struct sources *sources = open_bed(4, &all, 1);
	struct notes notes;

	(void)state;
	send(sources, (struct sent){ 1, 7, 10 * SECOND, .epoch = 1 });
	send(sources, (struct sent){ 1, 9000, 20 * SECOND, .epoch = 2 });
	send(sources, (struct sent){ 1, 9000 + DEDUP_SEQUENCE_JUMP, 30 * SECOND, .epoch = 2 });
	notes = take(sources);
	assert_int_equal(notes.count, 2);
	assert_note(&notes.note[0], 10, 20, 0, 0);
	assert_note(&notes.note[1], 20, 30, 0, 0);
	assert_int_equal(notes.sum.unknown, 2);
	sources_close(sources);
}

/* It was here, and is counted as refused: the gap that it leaves is no second loss. */
static void what_is_refused_for_its_time_is_no_gap(void **state)
{
	struct sources *sources = open_bed(4, &all, 1);
	struct notes notes;

	(void)state;
	send(sources, (struct sent){ 1, 0, 10 * SECOND });
	send(sources, (struct sent){ 1, 1, 1000 * SECOND, .is_refused = true });
	send(sources, (struct sent){ 1, 2, 1000 * SECOND, .is_refused = true });
	send(sources, (struct sent){ 1, 3, 13 * SECOND });
	assert_int_equal(take(sources).count, 0);
	/* One refused, two lost. */
	send(sources, (struct sent){ 1, 5, 1000 * SECOND, .is_refused = true });
	send(sources, (struct sent){ 1, 7, 17 * SECOND });
	notes = take(sources);
	assert_int_equal(notes.count, 1);
	assert_note(&notes.note[0], 13, 17, 2, 20);
	/* Refused when the gap was open already. */
	send(sources, (struct sent){ 1, 6, 1000 * SECOND, .is_refused = true });
	notes = take(sources);
	assert_note(&notes.note[0], 13, 17, -1, -10);
	sources_close(sources);
}

/* Only the place that it had: what others lost stays lost, however often it comes. */
static void what_is_refused_excuses_its_own_place(void **state)
{
	struct sources *sources = open_bed(4, &all, 1);
	struct sent refused = { 1, 500, 9000 * SECOND, .is_refused = true };

	(void)state;
	send(sources, (struct sent){ 1, 0, 1000 * SECOND });
	send(sources, refused);
	send(sources, refused);
	send(sources, (struct sent){ 1, 4, 1001 * SECOND }); /* 1 to 3 are lost */
	assert_int_equal(take(sources).sum.datagrams, 3);
	refused.sequence = 2;
	send(sources, refused);
	send(sources, refused);
	assert_int_equal(take(sources).sum.datagrams, -1);
	/* The same with a right time is no other one either. */
	send(sources, (struct sent){ 1, 2, 1001 * SECOND });
	assert_int_equal(take(sources).sum.datagrams, 0);
	send(sources, (struct sent){ 1, 3, 1001 * SECOND });
	assert_int_equal(take(sources).sum.datagrams, -1);
	send(sources, (struct sent){ 1, 505, 1002 * SECOND }); /* without 500 */
	assert_int_equal(take(sources).sum.datagrams, 499);
	sources_close(sources);
}

/* More open gaps than a source remembers: they become wider, and amounts stay. */
static void many_gaps_of_a_source_merge(void **state)
{
	struct sources *sources = open_bed(4, &all, 1);
	struct notes opened, filled;

	(void)state;
	for (__u64 i = 0; i < 20; i++)
		send(sources, (struct sent){ 1, 2 * i, (__s64)(100 + i) * SECOND });
	opened = take(sources);
	assert_int_equal(opened.sum.datagrams, 19);
	for (__u64 i = 0; i < 19; i++)
		send(sources, (struct sent){ 1, 2 * i + 1, (__s64)(100 + i) * SECOND });
	filled = take(sources);
	assert_int_equal(filled.sum.datagrams, -19);
	assert_int_equal(filled.sum.records, -opened.sum.records);
	for (__u32 i = 0; i < filled.count; i++)
		assert_true(filled.note[i].from_ns >= 100 * SECOND &&
			    filled.note[i].to_ns <= 119 * SECOND);
	assert_int_equal(sources_missing(sources, 0), 0);
	sources_close(sources);
}

/* More notes in a tick than there is room for: neighbours become one, listeners stay apart while
 * that is possible. */
static void many_notes_merge_with_their_neighbours(void **state)
{
	struct sources *sources = open_bed(4, &all, 1);
	struct notes notes;
	__s64 of_listener[2] = { 0 };

	(void)state;
	for (__u64 i = 0; i < 3000; i++)
		for (__u16 l = 0; l < 2; l++)
			send(sources, (struct sent){ 1 + l, 2 * i, (__s64)(100 + i) * SECOND,
						     .listener = l });
	notes = take(sources);
	assert_true(notes.count <= SOURCE_GAP_NOTES);
	for (__u32 i = 0; i < notes.count; i++) {
		assert_true(notes.note[i].listeners == 1 || notes.note[i].listeners == 2);
		of_listener[notes.note[i].listeners - 1] += notes.note[i].datagrams;
	}
	assert_int_equal(of_listener[0], 2999);
	assert_int_equal(of_listener[1], 2999);
	assert_int_equal(notes.sum.records, 2 * 29990);
	sources_close(sources);
}

/* A control thread that is late loses none. */
static void notes_wait_until_they_are_taken(void **state)
{
	struct sources *sources = open_bed(4, &all, 1);
	struct notes notes;

	(void)state;
	send(sources, (struct sent){ 1, 0, 10 * SECOND });
	send(sources, (struct sent){ 1, 2, 12 * SECOND });
	sources_hand_over_gaps(sources, 0);
	send(sources, (struct sent){ 1, 4, 14 * SECOND });
	sources_hand_over_gaps(sources, 0);
	send(sources, (struct sent){ 1, 6, 16 * SECOND });
	notes = (struct notes){ 0 };
	sources_take_gaps(sources, take_note, &notes);
	assert_int_equal(notes.sum.datagrams, 1);
	assert_int_equal(take(sources).sum.datagrams, 2);
	sources_close(sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gap_lies_between_its_neighbours),
		cmocka_unit_test(the_mean_is_that_of_the_source),
		cmocka_unit_test(what_comes_late_is_taken_back_where_it_was),
		cmocka_unit_test(a_clock_that_went_back_makes_no_empty_interval),
		cmocka_unit_test(a_restart_counts_from_zero),
		cmocka_unit_test(what_nobody_can_count_says_so),
		cmocka_unit_test(what_is_refused_for_its_time_is_no_gap),
		cmocka_unit_test(what_is_refused_excuses_its_own_place),
		cmocka_unit_test(many_gaps_of_a_source_merge),
		cmocka_unit_test(many_notes_merge_with_their_neighbours),
		cmocka_unit_test(notes_wait_until_they_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
