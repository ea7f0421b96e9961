/* SPDX-License-Identifier: BSD-2-Clause */
/* Session windows against the oracle: exact gaps, bridging, merges across workers, sessions cut by
 * max_duration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "features.h"
#include "suite.h"

static const struct generate_options session = {
	.has_session = true,
	.windows_max = 3,
	.datagrams = 50,
};

static const struct generate_options mixed = {
	.has_session = true,
	.has_tumbling = true,
	.windows_max = 5,
	.datagrams = 40,
};

static void session_random_streams(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SESSION);
	suite_random_streams(&session, 250, 1);
	suite_random_streams(&mixed, 100, 100000);
}

static void session_lazy_emission(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SESSION);
	suite_lazy_emission(&session, 30, 200000);
}

static void session_permutations(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SESSION);
	suite_permutations(&session, 20, 300000);
}

static void session_workers(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SESSION && FEATURE_WORKERS);
	suite_workers(&mixed, 10, 400000);
}

static void session_hidden_choices(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SESSION);
	suite_hidden_choices(&mixed, 15, 500000);
}

static void session_windows_alone(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SESSION);
	suite_windows_alone(&mixed, 15, 600000);
}

static void session_empty_state(void **state)
{
	(void)state;
	FEATURE_REQUIRE(FEATURE_SESSION);
	suite_empty_state(&mixed, 20, 700000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_random_streams),
		cmocka_unit_test(session_lazy_emission),
		cmocka_unit_test(session_permutations),
		cmocka_unit_test(session_workers),
		cmocka_unit_test(session_hidden_choices),
		cmocka_unit_test(session_windows_alone),
		cmocka_unit_test(session_empty_state),
	};

	suite_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
