/* SPDX-License-Identifier: BSD-2-Clause */
/* The share that a where selects, by time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/decode/share.h"

#define S 1000000000ll

/* Half of the records until `turn_s`, a tenth from then on; 100 a second, noted each 50 ms. */
static struct share_history *make(int seconds, int turn_s)
{
	struct share_history *history = calloc(1, sizeof(*history));
	struct share total = { 0 };

	assert_non_null(history);
	for (int tick = 0; tick <= seconds * 20; tick++) {
		share_note(history, tick * S / 20, total);
		total.offered += 5 * 10;
		total.selected += tick < turn_s * 20 ? 5 * 5 : 5;
	}
	return history;
}

static double ratio(struct share share)
{
	assert_true(share.offered > 0);
	return (double)share.selected / (double)share.offered;
}

static void the_share_is_that_of_the_time(void **state)
{
	struct share_history *history = make(40, 20);

	(void)state;
	assert_true(ratio(share_between(history, 5 * S, 8 * S)) == 0.5);
	assert_true(ratio(share_between(history, 30 * S, 33 * S)) == 0.1);
	assert_true(ratio(share_between(history, 30 * S, 90 * S)) == 0.1);
	/* Before all that is known, and behind it: all there ever was. */
	assert_true(ratio(share_between(history, -9 * S, -8 * S)) > 0.25);
	assert_true(ratio(share_between(history, 90 * S, 91 * S)) > 0.25);
	free(history);
}

static void the_past_grows_coarse(void **state)
{
	struct share_history *history = make(4000, 2000);

	(void)state;
	assert_true(history->count <= SHARE_SAMPLES);
	assert_true(ratio(share_between(history, 100 * S, 101 * S)) >= 0.1);
	assert_true(ratio(share_between(history, 100 * S, 101 * S)) <= 0.5);
	assert_true(ratio(share_between(history, 3990 * S, 3991 * S)) == 0.1);
	free(history);
}

static void nothing_is_known_at_first(void **state)
{
	struct share_history history = { 0 };

	(void)state;
	assert_int_equal(share_between(&history, 0, S).offered, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_share_is_that_of_the_time),
		cmocka_unit_test(the_past_grows_coarse),
		cmocka_unit_test(nothing_is_known_at_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
