/* SPDX-License-Identifier: BSD-2-Clause */
/* Producer and consumer on two threads, under the thread sanitizer: every record arrives once
 * and in order, whatever the two do in between. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/worker/handoff.h"

#define ORDERS 200u
#define RECORDS 60u

/* Length of a record: 8 bytes to 8 KiB, so that blocks fill at every place. */
static size_t length_of(__u64 number)
{
	return 8 + 8 * (number * 2654435761u % 1023);
}

static void *produce(void *context)
{
	struct row_writer writer = handoff_writer(context);
	__u64 number = 0;

	for (__u64 order = 1; order <= ORDERS; order++) {
		for (unsigned int i = 0; i < RECORDS * (order % 7); i++, number++) {
			size_t room, bytes = length_of(number);
			__u64 *record;

			while (!(record = writer.reserve(writer.context, bytes, bytes, &room)))
				sched_yield();
			memset(record, (int)number, bytes);
			*record = number;
			writer.commit(writer.context, bytes);
		}
		while (handoff_end(context, order))
			sched_yield();
	}
	return NULL;
}

/* Returns the number that follows the last record of the block. */
static __u64 check_block(const struct handoff_block *block, __u64 number)
{
	size_t at = 0;

	for (; at < block->byte_count; number++) {
		const __u64 *record = (const void *)(block->bytes + at);
		size_t bytes = length_of(number);

		assert_int_equal(*record, number);
		if (bytes > 8)
			assert_int_equal(block->bytes[at + bytes - 1], (unsigned char)number);
		at += bytes;
	}
	assert_int_equal(at, block->byte_count);
	return number;
}

static void every_record_arrives_in_order(void **state)
{
	struct handoff *handoff;
	pthread_t producer;
	__u64 order = 0, number = 0, expected = 0;

	(void)state;
	for (__u64 i = 1; i <= ORDERS; i++)
		expected += RECORDS * (i % 7);
	assert_int_equal(handoff_open(&handoff), 0);
	assert_int_equal(pthread_create(&producer, NULL, produce, handoff), 0);
	while (order < ORDERS) {
		struct handoff_block block;

		if (!handoff_take(handoff, &block)) {
			sched_yield();
			continue;
		}
		number = check_block(&block, number);
		if (block.end_order)
			assert_int_equal(block.end_order, ++order);
		handoff_release(handoff);
	}
	pthread_join(producer, NULL);
	assert_int_equal(number, expected);
	handoff_close(handoff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_arrives_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
