/* SPDX-License-Identifier: BSD-2-Clause */
/* What was lost in the last minute: differences of running totals, no more than a minute back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/control/recent.h"

#define SECOND_NS 1000000000ull

static __u64 ring_full_lost(const struct recent *recent, __u64 now_ns, __u64 total)
{
	struct recent_losses now = { .ring_full = total };

	return recent_lost(recent, now_ns, &now).ring_full;
}

static void note(struct recent *recent, __u64 now_ns, __u64 ring_full)
{
	struct recent_losses losses = { .ring_full = ring_full };

	recent_note(recent, now_ns, &losses);
}

static void a_young_agent_tells_all_it_lost(void **state)
{
	struct recent recent = { 0 };

	(void)state;
	assert_int_equal(ring_full_lost(&recent, SECOND_NS, 7), 0);
	note(&recent, SECOND_NS, 100);
	assert_int_equal(ring_full_lost(&recent, SECOND_NS, 100), 0);
	assert_int_equal(ring_full_lost(&recent, SECOND_NS + 1, 107), 7);
	assert_int_equal(ring_full_lost(&recent, 3 * SECOND_NS, 90), 0);
}

static void what_is_older_than_a_minute_is_forgotten(void **state)
{
	struct recent recent = { 0 };

	(void)state;
	for (__u64 second = 1; second <= 300; second++) {
		note(&recent, second * SECOND_NS, second < 200 ? 0 : 50);
		assert_false(recent_is_due(&recent, second * SECOND_NS + SECOND_NS / 2));
		assert_true(recent_is_due(&recent, second * SECOND_NS + SECOND_NS));
		if (second >= 200)
			assert_int_equal(ring_full_lost(&recent, second * SECOND_NS, 50),
					 second - 199 <= 60 ? 50 : 0);
	}
}

static void ticks_that_were_left_out_change_nothing(void **state)
{
	struct recent recent = { 0 };

	(void)state;
	note(&recent, SECOND_NS, 0);
	note(&recent, 2 * SECOND_NS, 5);
	note(&recent, 1000 * SECOND_NS, 5);
	assert_int_equal(ring_full_lost(&recent, 1001 * SECOND_NS, 6), 1);
}

static void a_gap_counts_when_it_has_stayed(void **state)
{
	struct recent recent = { 0 };
	struct recent_losses now = { .upstream = 3 }, none = { 0 };

	(void)state;
	recent_note(&recent, SECOND_NS, &none);
	assert_int_equal(recent_lost(&recent, SECOND_NS + 1, &now).upstream, 0);
	recent_note(&recent, 2 * SECOND_NS, &now);
	assert_int_equal(recent_lost(&recent, 2 * SECOND_NS + 1, &now).upstream, 3);
	assert_int_equal(recent_lost(&recent, 2 * SECOND_NS + 1, &none).upstream, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_young_agent_tells_all_it_lost),
		cmocka_unit_test(what_is_older_than_a_minute_is_forgotten),
		cmocka_unit_test(ticks_that_were_left_out_change_nothing),
		cmocka_unit_test(a_gap_counts_when_it_has_stayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
