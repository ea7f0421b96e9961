/* SPDX-License-Identifier: BSD-2-Clause */
/* Losses by interval: what overlaps counts, and a full list says more, never less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/emit/losses.h"

#define CAPACITY 16u

struct bed {
	struct losses losses;
	struct loss memory[CAPACITY];
};

static void open_bed(struct bed *bed)
{
	losses_open(&bed->losses, bed->memory, CAPACITY);
}

static void lose(struct bed *bed, enum loss_cause cause, __u32 mask, __s64 from_ns, __s64 to_ns,
		 __s64 records)
{
	const struct loss loss = { .from_ns = from_ns,
				   .to_ns = to_ns,
				   .records = records,
				   .window_mask = mask,
				   .cause = (__u8)cause };

	losses_add(&bed->losses, &loss);
}

static struct sluice_missing sum(const struct bed *bed, __u32 mask, __s64 start_ns, __s64 end_ns)
{
	struct sluice_missing missing = { 0 };

	losses_sum(&bed->losses, mask, start_ns, end_ns, &missing);
	return missing;
}

static void what_overlaps_counts_once(void **state)
{
	struct bed bed;

	(void)state;
	open_bed(&bed);
	lose(&bed, LOSS_refused, 1, 100, 200, 7);
	assert_int_equal(sum(&bed, 1, 0, 100).refused, 0);
	assert_int_equal(sum(&bed, 1, 0, 101).refused, 7);
	assert_int_equal(sum(&bed, 1, 120, 130).refused, 7);
	assert_int_equal(sum(&bed, 1, 200, 300).refused, 7);
	assert_int_equal(sum(&bed, 1, 201, 300).refused, 0);
	assert_int_equal(sum(&bed, 2, 120, 130).refused, 0);
	assert_int_equal(sum(&bed, 1, 0, 1000).upstream, 0);
}

static void what_turned_up_is_no_loss(void **state)
{
	struct bed bed;

	(void)state;
	open_bed(&bed);
	lose(&bed, LOSS_upstream, 1, 0, 1000, 50);
	lose(&bed, LOSS_upstream, 1, 100, 200, 7);
	lose(&bed, LOSS_upstream, 1, 100, 200, -3);
	assert_int_equal(sum(&bed, 1, 0, 1000).upstream, 54);
	lose(&bed, LOSS_upstream, 1, 300, 310, -50);
	assert_int_equal(sum(&bed, 1, 0, 1000).upstream, 4);
	/* Nobody knows where it had been counted: it stays. */
	lose(&bed, LOSS_upstream, 1, 5000, 5001, -4);
	assert_int_equal(sum(&bed, 1, 0, 1000).upstream, 4);
}

/* Every record is still somewhere that covers its time, for every window that misses it. */
static void a_full_list_never_says_less(void **state)
{
	struct bed bed;

	(void)state;
	open_bed(&bed);
	for (__s64 i = 0; i < 1000; i++) {
		lose(&bed, (enum loss_cause)(i % LOSS_CAUSES), 1u << (i % 3), i * 10, i * 10 + 5,
		     1);
		assert_true(bed.losses.count <= CAPACITY);
	}
	for (__s64 i = 0; i < 1000; i++) {
		struct sluice_missing missing = sum(&bed, 1u << (i % 3), i * 10, i * 10 + 6);

		assert_true(*losses_counter(&missing, (unsigned int)(i % LOSS_CAUSES)) > 0);
	}
	for (unsigned int cause = 0; cause < LOSS_CAUSES; cause++) {
		struct sluice_missing missing = sum(&bed, 7, INT64_MIN, INT64_MAX);

		assert_true(*losses_counter(&missing, cause) == 1000 / LOSS_CAUSES ||
			    *losses_counter(&missing, cause) == 1000 / LOSS_CAUSES + 1);
	}
}

static void what_is_over_is_forgotten(void **state)
{
	struct bed bed;

	(void)state;
	open_bed(&bed);
	lose(&bed, LOSS_no_pane, 3, 0, 10, 1);
	lose(&bed, LOSS_no_pane, 3, 0, 20, 2);
	losses_forget(&bed.losses, 1, 15);
	assert_int_equal(sum(&bed, 1, 0, 100).no_pane, 2);
	assert_int_equal(sum(&bed, 2, 0, 100).no_pane, 3);
	losses_forget(&bed.losses, 2, 21);
	assert_int_equal(sum(&bed, 2, 0, 100).no_pane, 0);
	assert_int_equal(bed.losses.count, 1);
}

static void what_cannot_be_counted_is_said(void **state)
{
	struct bed bed;
	const struct loss loss = { .from_ns = 5,
				   .to_ns = 6,
				   .window_mask = 1,
				   .cause = LOSS_upstream,
				   .flags = SLUICE_MISSING_UNCOUNTED };

	(void)state;
	open_bed(&bed);
	losses_add(&bed.losses, &loss);
	assert_int_equal(sum(&bed, 1, 0, 10).flags, SLUICE_MISSING_UNCOUNTED);
	assert_int_equal(sum(&bed, 1, 7, 10).flags, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_overlaps_counts_once),
		cmocka_unit_test(what_turned_up_is_no_loss),
		cmocka_unit_test(a_full_list_never_says_less),
		cmocka_unit_test(what_is_over_is_forgotten),
		cmocka_unit_test(what_cannot_be_counted_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
