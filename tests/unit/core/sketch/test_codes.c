/* SPDX-License-Identifier: BSD-2-Clause */
/* Buckets of four values at once, as the variant for x86-64-v3 finds them, against the buckets of
 * one: at every bound of the grid, for numbers that a double holds, and for some that it does
 * not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* Only what is between push and pop is compiled for AVX2. */
#include "core/sketch/sketch_histogram.h"
#include "random.h"

#pragma GCC push_options
#pragma GCC target("avx2")
#include "core/sketch/codes_hot.h"

#define VALUES_MAX 256u
#define NOT_WRITTEN 0xdeadbeefu

struct bed {
	__u32 count;
	__s64 value[VALUES_MAX + 3];
	__u32 code[VALUES_MAX + 4];
};

/* Inlined here, where there is AVX2. */
static __attribute__((noinline)) void find(struct bed *bed, unsigned int scale)
{
	codes_find(bed->value, bed->count, scale, bed->code);
}

static __attribute__((noinline)) bool are_small(struct bed *bed, unsigned int scale)
{
#if defined(__AVX2__)
	return codes_of_small(bed->value, bed->count, scale, bed->code);
#else
	(void)bed, (void)scale;
	return false;
#endif
}
#pragma GCC pop_options

static void assert_codes(struct bed *bed)
{
	for (unsigned int scale = SKETCH_HISTOGRAM_SCALE_MIN; scale <= SKETCH_HISTOGRAM_SCALE_MAX;
	     scale++) {
		bed->code[VALUES_MAX + 3] = NOT_WRITTEN;
		find(bed, scale);
		for (__u32 i = 0; i < bed->count; i++)
			assert_int_equal(bed->code[i], sketch_histogram_code(bed->value[i], scale));
		assert_int_equal(bed->code[VALUES_MAX + 3], NOT_WRITTEN);
	}
}

static void skip_without_avx2(void)
{
	if (!__builtin_cpu_supports("avx2"))
		skip();
}

static void a_step_is_cell_and_bound(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < 128; c++) {
		const __u64 behind = sketch_bound[sketch_cell[c]] << 1 >> 12;

		assert_int_equal(sketch_step[c], behind << 11 | sketch_cell[c]);
	}
}

/* The bounds of an octave, and the integers beside them, of both signs. */
static void codes_are_right_at_every_bound(void **state)
{
	struct bed bed = { 0 };

	(void)state;
	skip_without_avx2();
	for (unsigned int octave = 0; octave < 63; octave++) {
		for (unsigned int k = 0; k <= 64; k++) {
			const __u64 bound = sketch_bound[k] >> (63 - octave);

			for (__u64 beside = bound - 1; beside != bound + 2; beside++) {
				bed.value[bed.count++] = (__s64)beside;
				bed.value[bed.count++] = (__s64)-beside;
			}
			if (bed.count + 6 <= VALUES_MAX && k < 64)
				continue;
			assert_codes(&bed);
			bed.count = 0;
		}
	}
}

static void codes_of_any_count_and_size(void **state)
{
	struct bed bed = { 0 };
	__u64 random = 7;

	(void)state;
	skip_without_avx2();
	for (int round = 0; round < 4000; round++) {
		const __u64 bits = 1 + random_below(&random, 64);

		bed.count = (__u32)random_below(&random, VALUES_MAX + 1);
		for (__u32 i = 0; i < VALUES_MAX + 3; i++)
			bed.value[i] = (__s64)random_next(&random) >> (64 - bits);
		assert_codes(&bed);
	}
}

/* From 2^52 on not every number is told from the next; the whole batch goes the other way. */
static void one_number_too_large_is_told(void **state)
{
	const __s64 least = 1ll << 52;
	struct bed bed = { .count = VALUES_MAX };

	(void)state;
	skip_without_avx2();
	for (__u32 i = 0; i < VALUES_MAX; i++) {
		bed.value[i] = least - 1;
		assert_true(are_small(&bed, 5));
		bed.value[i] = i % 2 ? least : -least;
		assert_false(are_small(&bed, 5));
		bed.value[i] = i % 2 ? INT64_MIN : INT64_MAX;
		assert_false(are_small(&bed, 5));
		bed.value[i] = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_is_cell_and_bound),
		cmocka_unit_test(codes_are_right_at_every_bound),
		cmocka_unit_test(codes_of_any_count_and_size),
		cmocka_unit_test(one_number_too_large_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
