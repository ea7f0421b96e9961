/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue hands over every byte in order, says no when it is full, and takes the longest
 * record. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/worker/handoff.h"

static int set_up(void **state)
{
	struct handoff *handoff = NULL;

	if (handoff_open(&handoff))
		return -1;
	*state = handoff;
	return 0;
}

static int tear_down(void **state)
{
	handoff_close(*state);
	return 0;
}

static bool put(struct handoff *handoff, unsigned char fill, size_t bytes)
{
	struct row_writer writer = handoff_writer(handoff);
	size_t room = 0;
	void *place = writer.reserve(writer.context, bytes, bytes, &room);

	if (!place)
		return false;
	assert_true(room >= bytes);
	assert_int_equal((uintptr_t)place % 8, 0);
	memset(place, fill, bytes);
	writer.commit(writer.context, bytes);
	return true;
}

static void nothing_is_there_before_the_end(void **state)
{
	struct handoff_block block;

	assert_int_equal(handoff_take(*state, &block), 0);
	assert_true(put(*state, 1, 64));
	assert_int_equal(handoff_take(*state, &block), 0);
	assert_int_equal(handoff_end(*state, 7), 0);
	assert_int_equal(handoff_take(*state, &block), 1);
	assert_int_equal(block.byte_count, 64);
	assert_int_equal(block.end_order, 7);
	assert_int_equal(block.bytes[63], 1);
	handoff_release(*state);
	assert_int_equal(handoff_take(*state, &block), 0);
}

static void an_end_may_come_alone(void **state)
{
	struct handoff_block block;

	assert_int_equal(handoff_end(*state, 3), 0);
	assert_int_equal(handoff_take(*state, &block), 1);
	assert_int_equal(block.byte_count, 0);
	assert_int_equal(block.end_order, 3);
}

static void room_that_was_not_committed_comes_again(void **state)
{
	struct row_writer writer = handoff_writer(*state);
	struct handoff_block block;
	size_t room;
	void *first = writer.reserve(writer.context, 64, 4096, &room);

	assert_int_equal(room, 4096);
	assert_ptr_equal(writer.reserve(writer.context, 64, 128, &room), first);
	assert_int_equal(room, 128);
	assert_int_equal(handoff_end(*state, 1), 0);
	assert_int_equal(handoff_take(*state, &block), 1);
	assert_int_equal(block.byte_count, 0);
}

static void full_is_an_answer_and_passes(void **state)
{
	const size_t bytes = 1024;
	struct handoff_block block;
	unsigned int count = 0, seen = 0;

	while (put(*state, (unsigned char)count, bytes))
		count++;
	assert_true(count >= HANDOFF_BLOCKS * HANDOFF_FILL_BYTES / bytes - 1);
	assert_int_equal(handoff_end(*state, 9), -EAGAIN);
	for (unsigned int i = 0; i < HANDOFF_BLOCKS; i++) {
		assert_int_equal(handoff_take(*state, &block), 1);
		assert_int_equal(block.end_order, 0);
		for (size_t at = 0; at < block.byte_count; at += bytes, seen++)
			assert_int_equal(block.bytes[at], (unsigned char)seen);
		handoff_release(*state);
	}
	assert_int_equal(seen, count);
	assert_int_equal(handoff_end(*state, 9), 0);
	assert_int_equal(handoff_take(*state, &block), 1);
	assert_int_equal(block.end_order, 9);
}

static void the_longest_record_fits_a_block(void **state)
{
	struct handoff_block block;

	assert_true(put(*state, 1, 64));
	assert_true(put(*state, 2, HANDOFF_BLOCK_BYTES));
	assert_true(put(*state, 3, 64));
	assert_int_equal(handoff_end(*state, 1), 0);
	for (unsigned char fill = 1; fill <= 3; fill++) {
		assert_int_equal(handoff_take(*state, &block), 1);
		assert_int_equal(block.byte_count, fill == 2 ? HANDOFF_BLOCK_BYTES : 64);
		assert_int_equal(block.bytes[block.byte_count - 1], fill);
		handoff_release(*state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_there_before_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_end_may_come_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(room_that_was_not_committed_comes_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(full_is_an_answer_and_passes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_longest_record_fits_a_block, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
