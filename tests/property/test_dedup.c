/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes twice counts once: datagrams by sequence (with wrap and restarts), events by
 * event_id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "features.h"
#include "suite.h"

static const struct generate_options sequences = {
	.has_tumbling = true,
	.has_sequence_repeats = true,
	.windows_max = 2,
	.datagrams = 60,
};

/* Registered once the engine has it, so that it is never a skip. */
#if FEATURE_EVENT_IDS
static const struct generate_options event_ids = {
	.has_tumbling = true,
	.has_sliding = FEATURE_SLIDING,
	.has_session = FEATURE_SESSION,
	.has_lateness = FEATURE_LATENESS,
	.has_event_ids = true,
	.windows_max = 3,
	.datagrams = 50,
};
#endif

static void dedup_by_sequence(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SEQUENCES);
	suite_random_streams(&sequences, 150, 1);
	suite_permutations(&sequences, 15, 10000);
}

#if FEATURE_EVENT_IDS
static void dedup_by_event_id(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_EVENT_IDS);
	suite_random_streams(&event_ids, 60, 100000);
	suite_permutations(&event_ids, 15, 110000);
	suite_workers(&event_ids, 10, 120000);
	suite_empty_state(&event_ids, 20, 130000);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dedup_by_sequence),
#if FEATURE_EVENT_IDS
		cmocka_unit_test(dedup_by_event_id),
#endif
	};

	suite_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
