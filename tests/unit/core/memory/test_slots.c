/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots against a plain list: sorted however they came, complete however they go, and as many as
 * there is room for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>

#include "core/memory/slots.h"
#include "random.h"

#define CAPACITY 256u

static void assert_sorted(struct slots *slots, const __s64 *number, __u32 count)
{
	__u32 seen = 0;

	slots_sort(slots);
	assert_int_equal(slots->count, count);
	for (__u32 i = 1; i < slots->count; i++)
		assert_true(number[slots_at(slots, i - 1)] <= number[slots_at(slots, i)]);
	for (__u32 i = 0; i < slots->count; i++) {
		assert_true(number[slots_at(slots, i)] != INT64_MIN);
		seen++;
	}
	assert_int_equal(seen, count);
}

static void a_moving_range_stays_sorted(void **state)
{
	__s64 number[CAPACITY];
	struct slots slots;
	__s64 oldest = -1000, next = -1000;

	(void)state;
	assert_int_equal(slots_open(&slots, CAPACITY), 0);
	for (int round = 0; round < 3000; round++) {
		while (next < oldest + CAPACITY) {
			number[(__u32)next % CAPACITY] = next;
			slots_add(&slots, next, (__u32)next % CAPACITY);
			next++;
		}
		assert_sorted(&slots, number, CAPACITY);
		for (int i = 0; i < 1 + round % 7; i++) {
			number[(__u32)oldest % CAPACITY] = INT64_MIN;
			slots_remove(&slots, (__u32)oldest++ % CAPACITY);
		}
	}
	slots_close(&slots);
}

static void any_order_is_sorted(void **state)
{
	__u64 random = 7;
	__s64 number[CAPACITY];
	struct slots slots;

	(void)state;
	assert_int_equal(slots_open(&slots, CAPACITY), 0);
	for (__u32 i = 0; i < CAPACITY; i++)
		number[i] = INT64_MIN;
	for (int round = 0; round < 20000; round++) {
		__u32 index = (__u32)(random_below(&random, CAPACITY));

		if (number[index] != INT64_MIN) {
			slots_remove(&slots, index);
			number[index] = INT64_MIN;
		} else {
			number[index] = (__s64)random_below(&random, 1000) - 500;
			slots_add(&slots, number[index], index);
		}
		if (round % 50 == 0)
			assert_sorted(&slots, number, slots.count);
	}
	slots_close(&slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_moving_range_stays_sorted),
		cmocka_unit_test(any_order_is_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
