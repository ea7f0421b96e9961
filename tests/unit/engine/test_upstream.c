/* SPDX-License-Identifier: BSD-2-Clause */
/* What was lost before the host, from gaps and from what was lost here: each loss is named once,
 * whichever of the two is seen first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/upstream.h"

static void gaps_are_upstream(void **state)
{
	struct upstream upstream = { 0 };

	(void)state;
	upstream_note(&upstream, 5, 0);
	upstream_note(&upstream, 5, 0);
	upstream_note(&upstream, 12, 0);
	assert_int_equal(upstream.missing, 12);
}

static void a_gap_that_fills_takes_its_loss_back(void **state)
{
	struct upstream upstream = { 0 };

	(void)state;
	upstream_note(&upstream, 5, 0);
	upstream_note(&upstream, 2, 0);
	assert_int_equal(upstream.missing, 2);
	upstream_note(&upstream, 0, 0);
	assert_int_equal(upstream.missing, 0);
	upstream_note(&upstream, 3, 0);
	assert_int_equal(upstream.missing, 3);
}

static void what_is_lost_here_is_not_upstream(void **state)
{
	struct upstream upstream = { 0 };

	(void)state;
	upstream_note(&upstream, 0, 10); /* lost here; the next datagram shows it */
	upstream_note(&upstream, 4, 10);
	upstream_note(&upstream, 10, 10);
	assert_int_equal(upstream.missing, 0);
	upstream_note(&upstream, 11, 10);
	assert_int_equal(upstream.missing, 1);
	upstream_note(&upstream, 31, 25); /* 15 of these 20 were lost here */
	assert_int_equal(upstream.missing, 6);
}

static void a_loss_here_takes_back_no_other(void **state)
{
	struct upstream upstream = { 0 };

	(void)state;
	upstream_note(&upstream, 100, 0);
	upstream_note(&upstream, 100, 40);
	assert_int_equal(upstream.missing, 100);
	upstream_note(&upstream, 140, 40);
	assert_int_equal(upstream.missing, 100);
	upstream_note(&upstream, 60, 40); /* more filled than were named: never below 0 */
	upstream_note(&upstream, 0, 40);
	assert_int_equal(upstream.missing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps_are_upstream),
		cmocka_unit_test(a_gap_that_fills_takes_its_loss_back),
		cmocka_unit_test(what_is_lost_here_is_not_upstream),
		cmocka_unit_test(a_loss_here_takes_back_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
