/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of CPUs as the kernel writes them, and the one of this machine. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/host/cpus.h"

static void test_lists(void **state)
{
	static const struct {
		const char *text;
		int count;
		unsigned int present, absent;
	} cases[] = {
		{ "0", 1, 0, 1 },	    { "0-1\n", 2, 1, 2 },    { "0-3,8\n", 5, 8, 7 },
		{ "2,4-5,7", 4, 4, 3 },	    { "1,1-2", 2, 2, 0 },    { "0-511", 512, 511, 0 },
		{ "", -EINVAL, 0, 0 },	    { "x", -EINVAL, 0, 0 },  { "3-1", -EINVAL, 0, 0 },
		{ "0-512", -EINVAL, 0, 0 }, { "0,", -EINVAL, 0, 0 }, { "0 1", -EINVAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cpus cpus = { 0 };

		assert_int_equal(cpus_parse(cases[i].text, &cpus), cases[i].count);
		if (cases[i].count < 0)
			continue;
		assert_true(cpus.is_present[cases[i].present]);
		if (cases[i].count < SLUICE_CPUS_MAX)
			assert_false(cpus.is_present[cases[i].absent]);
	}
}

static void test_this_machine(void **state)
{
	struct cpus cpus;

	(void)state;
	assert_in_range(cpus_read_present(&cpus), sysconf(_SC_NPROCESSORS_ONLN), SLUICE_CPUS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
