/* SPDX-License-Identifier: BSD-2-Clause */
/* Buckets at their bounds, the longest, and sums over workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/worker/turn_times.h"

static void buckets_meet_at_their_bounds(void **state)
{
	(void)state;
	assert_int_equal(turn_times_bucket(0), 0);
	assert_int_equal(turn_times_bucket(999), 0);
	assert_int_equal(turn_times_bucket(1000), 1);
	for (unsigned int i = 0; i + 1 < TURN_TIMES_BUCKETS; i++) {
		assert_int_equal(turn_times_bucket(turn_times_bound_ns(i) - 1), i);
		assert_int_equal(turn_times_bucket(turn_times_bound_ns(i)), i + 1);
	}
	assert_int_equal(turn_times_bucket(UINT64_MAX), TURN_TIMES_BUCKETS - 1);
	assert_int_equal(turn_times_bound_ns(TURN_TIMES_BUCKETS - 1), 0);
}

static void sums_keep_the_longest(void **state)
{
	struct turn_times one = { 0 }, two = { 0 };
	struct turn_times_sum sum = { 0 };

	(void)state;
	turn_times_note(&one, 5000, 4000);
	turn_times_note(&one, 2000, 1900);
	turn_times_note(&two, 700, 90000);
	turn_times_add(&sum, &one);
	turn_times_add(&sum, &two);
	assert_int_equal(sum.turns, 3);
	assert_int_equal(sum.longest_ns, 5000);
	assert_int_equal(sum.longest_cpu_ns, 90000);
	assert_int_equal(sum.bucket[0], 1);
	assert_int_equal(sum.bucket[2], 1);
	assert_int_equal(sum.bucket[3], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_meet_at_their_bounds),
		cmocka_unit_test(sums_keep_the_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
