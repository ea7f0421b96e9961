/* SPDX-License-Identifier: BSD-2-Clause */
/* Aggregates beyond the base partial against exact answers: first, last, distinct, quantiles,
 * top. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "features.h"
#include "suite.h"

static const struct generate_options edges = {
	.has_tumbling = true,
	.has_sliding = FEATURE_SLIDING,
	.has_session = FEATURE_SESSION,
	.has_exact_extras = true,
	.windows_max = 3,
	.datagrams = 50,
};

static const struct generate_options sketches = {
	.has_tumbling = true,
	.has_sliding = FEATURE_SLIDING,
	.has_session = FEATURE_SESSION,
	.has_lateness = FEATURE_LATENESS,
	.has_sketches = true,
	.windows_max = 3,
	.datagrams = 50,
};

static const struct generate_options steady = {
	.has_tumbling = true,
	.has_sliding = FEATURE_SLIDING,
	.has_event_ids = true,
	.has_exact_extras = true,
	.has_sketches = true,
	.is_steady = true,
	.windows_max = 2,
	.datagrams = 16,
};

static void aggregates_first_and_last(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_FIRST_LAST);
	suite_random_streams(&edges, 100, 1);
	suite_permutations(&edges, 10, 10000);
	suite_workers(&edges, 10, 20000);
}

static void aggregates_sketches(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SKETCHES);
	suite_random_streams(&sketches, 100, 100000);
	suite_permutations(&sketches, 10, 110000);
	suite_workers(&sketches, 10, 120000);
	suite_hidden_choices(&sketches, 10, 130000);
	suite_empty_state(&sketches, 10, 140000);
}

/* Registers in place of single values, counts in place of lists, plain batches. */
static void aggregates_of_steady_streams(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SKETCHES);
	suite_random_streams(&steady, 10, 150000);
	suite_workers(&steady, 1, 160000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aggregates_first_and_last),
		cmocka_unit_test(aggregates_sketches),
		cmocka_unit_test(aggregates_of_steady_streams),
	};

	suite_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
