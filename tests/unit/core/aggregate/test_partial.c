/* SPDX-License-Identifier: BSD-2-Clause */
/* The base partial: what is fed in any order and any parts is the same, to the last bit, and an
 * empty one changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/aggregate/partial.h"
#include "random.h"

#define ROUNDS 20000

/* Values and weights at the edges as often as not. */
static void feed(struct sluice_partial *partial, struct sluice_partial *all, __u64 *random)
{
	static const __s64 values[] = { INT64_MIN, INT64_MAX, -1, 0, 1 };
	static const __u16 weights[] = { 0, 1, UINT16_MAX };

	partial_open(partial);
	for (__u64 i = random_below(random, 5); i; i--) {
		__s64 value = random_below(random, 2) ? values[random_below(random, 5)] :
							(__s64)random_next(random);
		__u16 weight = random_below(random, 2) ? weights[random_below(random, 3)] :
							 (__u16)random_next(random);

		partial_add(partial, value, weight);
		partial_add(all, value, weight);
	}
}

static struct sluice_partial merged(const struct sluice_partial *part, const char *order)
{
	struct sluice_partial sum;

	partial_open(&sum);
	for (; *order; order++)
		partial_merge(&sum, &part[*order - '0']);
	return sum;
}

static void merging_obeys_its_laws(void **state)
{
	static const char *const orders[] = { "012", "021", "102", "120", "201", "210" };
	__u64 random = 3;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct sluice_partial part[3], all, inner, empty, sum;

		partial_open(&all);
		partial_open(&empty);
		for (int i = 0; i < 3; i++)
			feed(&part[i], &all, &random);
		for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
			sum = merged(part, orders[i]);
			assert_memory_equal(&sum, &all, sizeof(all));
		}
		inner = merged(part, "12");	/* 0 + (1 + 2) */
		sum = part[0];
		partial_merge(&sum, &inner);
		assert_memory_equal(&sum, &all, sizeof(all));
		partial_merge(&sum, &empty);
		assert_memory_equal(&sum, &all, sizeof(all));
	}
}

static void a_weight_of_zero_is_one(void **state)
{
	struct sluice_partial zero, one;

	(void)state;
	partial_open(&zero);
	partial_open(&one);
	partial_add(&zero, -7, 0);
	partial_add(&one, -7, 1);
	assert_memory_equal(&zero, &one, sizeof(one));
	assert_int_equal(zero.count, 1);
}

/* 65,535 times the largest value, again and again: 128 bits hold what 64 do not. */
static void sums_do_not_wrap(void **state)
{
	struct sluice_partial partial;
	unsigned __int128 sum;

	(void)state;
	partial_open(&partial);
	for (int i = 0; i < 1000; i++)
		partial_add(&partial, INT64_MIN, UINT16_MAX);
	sum = (unsigned __int128)partial.sum_high << 64 | partial.sum_low;
	assert_true((__int128)sum == (__int128)INT64_MIN * UINT16_MAX * 1000);
	assert_int_equal(partial.count, UINT16_MAX * 1000);
	assert_int_equal(partial.records, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merging_obeys_its_laws),
		cmocka_unit_test(a_weight_of_zero_is_one),
		cmocka_unit_test(sums_do_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
