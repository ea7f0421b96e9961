/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers: exact digits, shortest doubles that read back. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static char buffer[64];

static const char *number(double value)
{
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	json_add_double(&text, value);
	return buffer;
}

static const char *positive(__u64 value)
{
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	json_add_unsigned(&text, value);
	return buffer;
}

static const char *integer(__s64 value)
{
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	json_add_signed(&text, value);
	return buffer;
}

static void integers_at_the_ends(void **state)
{
	(void)state;
	assert_string_equal(positive(0), "0");
	assert_string_equal(positive(UINT64_MAX), "18446744073709551615");
	assert_string_equal(integer(INT64_MAX), "9223372036854775807");
	assert_string_equal(integer(INT64_MIN), "-9223372036854775808");
	assert_string_equal(integer(-1), "-1");
}

static void doubles_are_shortest(void **state)
{
	(void)state;
	assert_string_equal(number(30), "30.0");
	assert_string_equal(number(-30), "-30.0");
	assert_string_equal(number(0), "0.0");
	assert_string_equal(number(0.1), "0.1");
	assert_string_equal(number(29.7), "29.7");
	assert_string_equal(number(1.0 / 3), "0.3333333333333333");
	assert_string_equal(number(2.0 / 3), "0.6666666666666666");
	assert_string_equal(number(1e15), "1e+15");
	assert_string_equal(number(123456789012345.0), "123456789012345.0");
	assert_string_equal(number(1234567890123456.0), "1234567890123456.0");
	assert_string_equal(number(INFINITY), "null");
	assert_string_equal(number(NAN), "null");
}

static void doubles_read_back(void **state)
{
	__u64 bits = 88172645463325252ull;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		double value;

		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value))
			continue;
		assert_true(strtod(number(value), NULL) == value);
		assert_non_null(strpbrk(buffer, ".e"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_at_the_ends),
		cmocka_unit_test(doubles_are_shortest),
		cmocka_unit_test(doubles_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
