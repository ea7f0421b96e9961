/* SPDX-License-Identifier: BSD-2-Clause */
/* Allowed lateness against the oracle: cumulative revisions, final marks, retracted sessions,
 * early rows that never replace closed ones, for each kind of window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "features.h"
#include "suite.h"

static const struct generate_options tumbling = {
	.has_tumbling = true,
	.has_lateness = true,
	.windows_max = 3,
	.datagrams = 60,
};

static const struct generate_options sliding = {
	.has_sliding = true,
	.has_lateness = true,
	.windows_max = 2,
	.datagrams = 50,
};

static const struct generate_options session = {
	.has_session = true,
	.has_lateness = true,
	.windows_max = 3,
	.datagrams = 50,
};

static const struct generate_options early = {
	.has_tumbling = true,
	.has_lateness = true,
	.has_early = true,
	.windows_max = 3,
	.datagrams = 50,
};

static const struct generate_options early_of_all = {
	.has_tumbling = true,
	.has_sliding = true,
	.has_session = true,
	.has_early = true,
	.has_lateness = true,
	.has_exact_extras = true,
	.windows_max = 3,
	.datagrams = 50,
};

static void lateness_of_tumbling(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_LATENESS);
	suite_random_streams(&tumbling, 50, 1);
	suite_lazy_emission(&tumbling, 20, 10000);
	suite_permutations(&tumbling, 10, 20000);
	suite_workers(&tumbling, 10, 30000);
	suite_empty_state(&tumbling, 20, 40000);
}

static void lateness_of_sliding(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_LATENESS && FEATURE_SLIDING);
	suite_random_streams(&sliding, 25, 100000);
	suite_lazy_emission(&sliding, 10, 110000);
	suite_permutations(&sliding, 5, 120000);
	suite_workers(&sliding, 5, 130000);
	suite_empty_state(&sliding, 10, 140000);
}

static void lateness_of_session(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_LATENESS && FEATURE_SESSION);
	suite_random_streams(&session, 60, 200000);
	suite_lazy_emission(&session, 20, 210000);
	suite_permutations(&session, 10, 220000);
	suite_workers(&session, 10, 230000);
	suite_empty_state(&session, 20, 240000);
}

static void lateness_with_early_rows(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_LATENESS && FEATURE_EARLY);
	suite_random_streams(&early, 60, 300000);
	suite_workers(&early, 10, 310000);
	suite_random_streams(&early_of_all, 100, 320000);
	suite_workers(&early_of_all, 20, 330000);
	suite_empty_state(&early_of_all, 20, 340000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lateness_of_tumbling),
		cmocka_unit_test(lateness_of_sliding),
		cmocka_unit_test(lateness_of_session),
		cmocka_unit_test(lateness_with_early_rows),
	};

	suite_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
