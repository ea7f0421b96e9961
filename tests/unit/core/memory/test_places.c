/* SPDX-License-Identifier: BSD-2-Clause */
/* Places against a plain list: at home where they can be, elsewhere when another is there, and none
 * lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/memory/places.h"
#include "random.h"

#define HOMES 16u
#define NUMBERS 200

static void numbers_side_by_side_are_at_home(void **state)
{
	struct places places;

	(void)state;
	assert_int_equal(places_open(&places, HOMES), 0);
	for (__s64 number = -8; number < 8; number++)
		assert_int_equal(places_take(&places, number), (__u32)number & (HOMES - 1));
	for (__s64 number = -8; number < 8; number++)
		assert_int_equal(places_find(&places, number), (__u32)number & (HOMES - 1));
	assert_int_equal(places_find(&places, 8), PLACES_NONE);
	places_close(&places);
}

static void one_far_away_takes_nobodys_place(void **state)
{
	struct places places;
	__u32 spare;

	(void)state;
	assert_int_equal(places_open(&places, HOMES), 0);
	assert_int_equal(places_take(&places, -HOMES * 1000ll), 0);
	spare = places_take(&places, 0);
	assert_true(spare >= HOMES && spare < places_count(&places));
	assert_int_equal(places_find(&places, 0), spare);
	places_give(&places, 0);
	assert_int_equal(places_find(&places, -HOMES * 1000ll), PLACES_NONE);
	assert_int_equal(places_find(&places, 0), spare);
	places_give(&places, spare);
	assert_int_equal(places_find(&places, 0), PLACES_NONE);
	assert_int_equal(places_take(&places, 0), 0);
	places_close(&places);
}

static void room_is_told_before_it_is_taken(void **state)
{
	struct places places;

	(void)state;
	assert_int_equal(places_open(&places, HOMES), 0);
	assert_true(places_have_room(&places, 0, 2 * HOMES - 1));
	assert_false(places_have_room(&places, 0, 2 * HOMES));
	for (__s64 number = 0; number < 2 * HOMES; number++)
		assert_true(places_take(&places, number) != PLACES_NONE);
	assert_true(places_have_room(&places, 0, 2 * HOMES - 1));
	assert_false(places_have_room(&places, 0, 2 * HOMES));
	assert_int_equal(places_take(&places, 2 * HOMES), PLACES_NONE);
	places_close(&places);
}

static void none_is_lost(void **state)
{
	__u32 place_of[NUMBERS];
	struct places places;
	__u64 random = 3;
	__u32 used = 0;

	(void)state;
	assert_int_equal(places_open(&places, HOMES), 0);
	for (int i = 0; i < NUMBERS; i++)
		place_of[i] = PLACES_NONE;
	for (int round = 0; round < 100000; round++) {
		int number = (int)(random_next(&random) % NUMBERS);

		assert_int_equal(places_find(&places, number), place_of[number]);
		if (place_of[number] != PLACES_NONE) {
			places_give(&places, place_of[number]);
			place_of[number] = PLACES_NONE;
			used--;
			continue;
		}
		place_of[number] = places_take(&places, number);
		used += place_of[number] != PLACES_NONE;
		assert_true(place_of[number] != PLACES_NONE || used >= HOMES);
		for (int other = 0; other < NUMBERS; other++)
			assert_true(other == number || place_of[other] == PLACES_NONE ||
				    place_of[other] != place_of[number]);
	}
	places_close(&places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_side_by_side_are_at_home),
		cmocka_unit_test(one_far_away_takes_nobodys_place),
		cmocka_unit_test(room_is_told_before_it_is_taken),
		cmocka_unit_test(none_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
