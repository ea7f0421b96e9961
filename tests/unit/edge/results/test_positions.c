/* SPDX-License-Identifier: BSD-2-Clause */
/* Positions become LSNs across segments, each of which begins with records of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "edge/results/positions.h"

static void segments_shift_them(void **state)
{
	static struct positions positions;

	(void)state;
	memset(&positions, 0, sizeof(positions));
	assert_int_equal(positions_lsn(&positions, 1), 0);
	positions_note(&positions, 1, 3); /* two records of the segment come first */
	positions_note(&positions, 10, 12);
	positions_note(&positions, 20, 25);
	assert_int_equal(positions.count, 2);
	assert_int_equal(positions_lsn(&positions, 1), 3);
	assert_int_equal(positions_lsn(&positions, 19), 21);
	assert_int_equal(positions_lsn(&positions, 20), 25);
	assert_int_equal(positions_lsn(&positions, 30), 35);
}

/* What is too old to tell is as old as what is known. */
static void the_oldest_are_forgotten(void **state)
{
	static struct positions positions;

	(void)state;
	memset(&positions, 0, sizeof(positions));
	for (__u64 i = 0; i < 3 * POSITIONS_MAX; i++)
		positions_note(&positions, 1 + i * 10, 1 + i * 11);
	assert_true(positions.count <= POSITIONS_MAX);
	for (__u64 i = 3 * POSITIONS_MAX - 100; i < 3 * POSITIONS_MAX; i++)
		assert_int_equal(positions_lsn(&positions, 5 + i * 10), 5 + i * 11);
	assert_true(positions_lsn(&positions, 1) >= 1);
	assert_true(positions_lsn(&positions, 1) <= positions_lsn(&positions, 1 + 30000));
}

static void only_emissions_are_resolved(void **state)
{
	static struct positions positions;
	struct {
		struct sluice_disk_record names;
		__u64 text;
		struct sluice_disk_record complete;
		struct sluice_emission emission;
	} batch = {
		.names = { 16, SLUICE_DISK_NAMES, 1 },
		.text = 7,
		.complete = { 8 + sizeof(struct sluice_emission), SLUICE_DISK_COMPLETE, 1 },
		.emission = { .first_lsn = 2, .last_lsn = 4 },
	};

	(void)state;
	memset(&positions, 0, sizeof(positions));
	positions_note(&positions, 1, 101);
	positions_resolve(&positions, &batch, sizeof(batch));
	assert_int_equal(batch.text, 7);
	assert_int_equal(batch.emission.first_lsn, 102);
	assert_int_equal(batch.emission.last_lsn, 104);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_shift_them),
		cmocka_unit_test(the_oldest_are_forgotten),
		cmocka_unit_test(only_emissions_are_resolved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
