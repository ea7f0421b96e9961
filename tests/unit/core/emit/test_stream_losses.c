/* SPDX-License-Identifier: BSD-2-Clause */
/* Losses that become known before, while and after the rows that miss them are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream_bed.h"

static struct stream_bed *open_bed(void)
{
	const struct stream_bed_options options = {
		.window = { .name = "w",
			    .size_ns = 10 * SECOND,
			    .slide_ns = 10 * SECOND,
			    .aggregate_count = 1,
			    .aggregate = { { .kind = SLUICE_AGGREGATE_COUNT_WEIGHT } } },
		.groups_max = 4096,
	};
	struct stream_bed *bed = stream_bed_open(&options);

	stream_bed_send(bed, 0, 1, 1 * SECOND);
	stream_bed_send(bed, 0, 1, 11 * SECOND);
	return bed;
}

static void rows_to_come_say_it_themselves(void **state)
{
	struct stream_bed *bed = open_bed();

	(void)state;
	stream_bed_advance(bed, 5 * SECOND);
	stream_bed_lose(bed, 6 * SECOND, 7 * SECOND, 5);
	stream_bed_advance(bed, 20 * SECOND);
	assert_int_equal(stream_bed_loss_count(bed), 0);
	assert_int_equal(stream_bed_row_count(bed), 2);
	assert_int_equal(stream_bed_row(bed, 0)->upstream, 5);
	assert_int_equal(stream_bed_row(bed, 1)->upstream, 0);
	stream_bed_close(bed);
}

static void rows_that_are_written_get_a_record(void **state)
{
	struct stream_bed *bed = open_bed();
	const struct sluice_loss *loss = stream_bed_last_loss(bed);

	(void)state;
	stream_bed_advance(bed, 10 * SECOND);
	assert_int_equal(stream_bed_row_count(bed), 1);
	stream_bed_lose(bed, 2 * SECOND, 12 * SECOND, 5);
	stream_bed_advance(bed, 20 * SECOND);
	assert_int_equal(stream_bed_loss_count(bed), 1);
	assert_int_equal(loss->from_ns, 2 * SECOND);
	/* The window behind was still to come, and says it itself. */
	assert_int_equal(loss->to_ns, 10 * SECOND - 1);
	assert_int_equal(loss->records, 5);
	assert_int_equal(stream_bed_row_count(bed), 2);
	assert_int_equal(stream_bed_row(bed, 1)->upstream, 5);
	assert_int_equal(stream_bed_row(bed, 1)->losses_before, 1);
	stream_bed_lose(bed, 2 * SECOND, 12 * SECOND, -5); /* all of it turned up */
	stream_bed_advance(bed, 21 * SECOND);
	assert_int_equal(stream_bed_loss_count(bed), 2);
	assert_int_equal(loss->records, -5);
	stream_bed_close(bed);
}

/* Rows behind the record in the log count as rows that know it, so they have to. */
static void an_emission_goes_on_with_what_is_known(void **state)
{
	struct stream_bed *bed = open_bed();
	__u32 first;

	(void)state;
	for (__u64 key = 2; key < 2000; key++)
		stream_bed_send(bed, 0, key, 3 * SECOND);
	stream_bed_advance_only(bed, 10 * SECOND);
	assert_true(stream_bed_emit(bed, 100) > 0);
	first = stream_bed_row_count(bed);
	assert_in_range(first, 1, 1000);
	stream_bed_lose(bed, 2 * SECOND, 3 * SECOND, 5);
	while (stream_bed_emit(bed, 100) > 0)
		;
	assert_int_equal(stream_bed_row_count(bed), 1999);
	/* The first watermark came behind the start of this emission. */
	for (__u32 i = 0; i < 1999; i++)
		assert_int_equal(stream_bed_row(bed, i)->upstream, i < first ? 0 : 5);
	assert_int_equal(stream_bed_row(bed, first)->losses_before, 1);
	stream_bed_close(bed);
}

/* The next agent's rows of that time do not know it. */
static void what_is_to_come_is_told_for_the_next_agent(void **state)
{
	struct stream_bed *bed = open_bed();
	const __s64 ahead_ns = 210 * 365 * (86400 * SECOND); /* of the clock of the bed */

	(void)state;
	stream_bed_advance(bed, 5 * SECOND);
	stream_bed_lose(bed, ahead_ns, ahead_ns + 1, 5);
	stream_bed_advance(bed, 6 * SECOND);
	assert_int_equal(stream_bed_loss_count(bed), 1);
	assert_int_equal(stream_bed_last_loss(bed)->to_ns, ahead_ns + 1);
	assert_int_equal(stream_bed_last_loss(bed)->flags, SLUICE_LOSS_AHEAD);
	stream_bed_close(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_to_come_say_it_themselves),
		cmocka_unit_test(rows_that_are_written_get_a_record),
		cmocka_unit_test(an_emission_goes_on_with_what_is_known),
		cmocka_unit_test(what_is_to_come_is_told_for_the_next_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
