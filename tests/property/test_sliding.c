/* SPDX-License-Identifier: BSD-2-Clause */
/* Sliding windows against the oracle: slides that divide the size or not, any offset, alone and
 * beside tumbling windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "features.h"
#include "suite.h"

static const struct generate_options sliding = {
	.has_sliding = true,
	.windows_max = 3,
	.datagrams = 50,
};

static const struct generate_options mixed = {
	.has_sliding = true,
	.has_tumbling = true,
	.windows_max = 6,
	.datagrams = 40,
};

static void sliding_random_streams(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SLIDING);
	suite_random_streams(&sliding, 200, 1);
	suite_random_streams(&mixed, 100, 100000);
}

static void sliding_lazy_emission(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SLIDING);
	suite_lazy_emission(&sliding, 30, 200000);
}

static void sliding_permutations(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SLIDING);
	suite_permutations(&sliding, 15, 300000);
}

static void sliding_workers(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SLIDING && FEATURE_WORKERS);
	suite_workers(&mixed, 10, 400000);
}

static void sliding_hidden_choices(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SLIDING);
	suite_hidden_choices(&mixed, 15, 500000);
}

static void sliding_windows_alone(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SLIDING);
	suite_windows_alone(&mixed, 15, 600000);
}

static void sliding_empty_state(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SLIDING);
	suite_empty_state(&mixed, 20, 700000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sliding_random_streams),
		cmocka_unit_test(sliding_lazy_emission),
		cmocka_unit_test(sliding_permutations),
		cmocka_unit_test(sliding_workers),
		cmocka_unit_test(sliding_hidden_choices),
		cmocka_unit_test(sliding_windows_alone),
		cmocka_unit_test(sliding_empty_state),
	};

	suite_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
