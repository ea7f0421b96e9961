/* SPDX-License-Identifier: BSD-2-Clause */
/* Layouts of group keys: what readers and writers must agree on. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/group/group_key.h"

static const __u8 all[] = { SLUICE_FIELD_TENANT, SLUICE_FIELD_SOURCE, SLUICE_FIELD_TYPE,
			    SLUICE_FIELD_KEY,	 SLUICE_FIELD_DIM0,   SLUICE_FIELD_DIM1,
			    SLUICE_FIELD_DIM2,	 SLUICE_FIELD_DIM3 };

static void nothing_is_one_group(void **state)
{
	struct group_key layout;

	(void)state;
	assert_int_equal(group_key_layout(&layout, NULL, 0), 0);
	assert_int_equal(layout.field_count, 0);
	assert_int_equal(layout.word_count, 1);
}

static void widest_first_in_given_order(void **state)
{
	const __u8 fields[] = { SLUICE_FIELD_TYPE, SLUICE_FIELD_DIM1, SLUICE_FIELD_KEY,
				SLUICE_FIELD_DIM0, SLUICE_FIELD_TENANT };
	struct group_key layout;

	(void)state;
	assert_int_equal(group_key_layout(&layout, fields, 5), 0);
	assert_int_equal(layout.word_count, 3);
	assert_int_equal(layout.field[2].word, 0); /* key */
	assert_int_equal(layout.field[2].shift, 0);
	assert_int_equal(layout.field[1].word, 1); /* dim1 before dim0, as given */
	assert_int_equal(layout.field[1].shift, 0);
	assert_int_equal(layout.field[3].word, 1);
	assert_int_equal(layout.field[3].shift, 32);
	assert_int_equal(layout.field[0].word, 2); /* type */
	assert_int_equal(layout.field[0].shift, 0);
	assert_int_equal(layout.field[4].word, 2);
	assert_int_equal(layout.field[4].shift, 16);
}

static void all_fields_take_five_words(void **state)
{
	struct group_key layout;

	(void)state;
	assert_int_equal(group_key_layout(&layout, all, 8), 0);
	assert_int_equal(layout.word_count, SLUICE_KEY_WORDS_MAX);
}

/* Every subset: no two fields share a bit, and each value comes back. */
static void values_come_back(void **state)
{
	(void)state;
	for (unsigned int subset = 0; subset < 256; subset++) {
		__u64 words[SLUICE_KEY_WORDS_MAX] = { 0 };
		unsigned int count = 0;
		struct group_key layout;
		__u8 fields[8];

		for (unsigned int i = 0; i < 8; i++) {
			if (subset & (1u << i))
				fields[count++] = all[i];
		}
		assert_int_equal(group_key_layout(&layout, fields, count), 0);
		for (unsigned int i = 0; i < count; i++) {
			__u64 mask = layout.field[i].bits == 64
					     ? UINT64_MAX
					     : (1ull << layout.field[i].bits) - 1;

			assert_int_equal(layout.field[i].bits, group_key_field_bits(fields[i]));
			assert_true(layout.field[i].word < layout.word_count);
			words[layout.field[i].word] += (0x123456789ABCDEF0ull * (i + 3) & mask)
						       << layout.field[i].shift;
		}
		for (unsigned int i = 0; i < count; i++) {
			__u64 mask = layout.field[i].bits == 64
					     ? UINT64_MAX
					     : (1ull << layout.field[i].bits) - 1;

			assert_int_equal(group_key_value(&layout, words, i),
					 0x123456789ABCDEF0ull * (i + 3) & mask);
		}
	}
}

static void what_is_refused(void **state)
{
	const __u8 repeated[] = { SLUICE_FIELD_TYPE, SLUICE_FIELD_TYPE };
	const __u8 value[] = { SLUICE_FIELD_VALUE };
	const __u8 unknown[] = { 200 };
	struct group_key layout = { .word_count = 77 };

	(void)state;
	assert_int_equal(group_key_layout(&layout, repeated, 2), -EINVAL);
	assert_int_equal(group_key_layout(&layout, value, 1), -EINVAL);
	assert_int_equal(group_key_layout(&layout, unknown, 1), -EINVAL);
	assert_int_equal(group_key_layout(&layout, all, 9), -EINVAL);
	assert_int_equal(layout.word_count, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_one_group),
		cmocka_unit_test(widest_first_in_given_order),
		cmocka_unit_test(all_fields_take_five_words),
		cmocka_unit_test(values_come_back),
		cmocka_unit_test(what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
