/* SPDX-License-Identifier: BSD-2-Clause */
/* Tumbling windows against the oracle: any size, offset, grouping and filter, over streams with
 * disorder, late, lying and idle sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "features.h"
#include "suite.h"

static const struct generate_options few = {
	.has_tumbling = true,
	.windows_max = 3,
	.datagrams = 60,
};

static const struct generate_options many = {
	.has_tumbling = true,
	.windows_max = SLUICE_WINDOWS_MAX,
	.datagrams = 30,
};

static void tumbling_random_streams(void **state)
{
	(void)state;
	suite_random_streams(&few, 500, 1);
}

static void tumbling_many_windows(void **state)
{
	(void)state;
	suite_random_streams(&many, 40, 100000);
}

static void tumbling_lazy_emission(void **state)
{
	(void)state;
	suite_lazy_emission(&few, 100, 200000);
}

static void tumbling_permutations(void **state)
{
	(void)state;
	suite_permutations(&few, 40, 300000);
}

static void tumbling_workers(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_WORKERS);
	suite_workers(&few, 40, 400000);
}

static void tumbling_hidden_choices(void **state)
{
	(void)state;
	suite_hidden_choices(&few, 40, 500000);
}

static void tumbling_windows_alone(void **state)
{
	(void)state;
	suite_windows_alone(&few, 60, 600000);
}

static void tumbling_empty_state(void **state)
{
	(void)state;
	suite_empty_state(&few, 60, 700000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tumbling_random_streams),
		cmocka_unit_test(tumbling_many_windows),
		cmocka_unit_test(tumbling_lazy_emission),
		cmocka_unit_test(tumbling_permutations),
		cmocka_unit_test(tumbling_workers),
		cmocka_unit_test(tumbling_hidden_choices),
		cmocka_unit_test(tumbling_windows_alone),
		cmocka_unit_test(tumbling_empty_state),
	};

	suite_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
