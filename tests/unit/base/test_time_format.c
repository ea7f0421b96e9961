/* SPDX-License-Identifier: BSD-2-Clause */
/* Times as text in both directions, against the C library and at the ends of the calendar. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/time_format.h"

#define SECOND_NS 1000000000ll
#define NEW_YEAR (1767225600 * SECOND_NS) /* 2026-01-01T00:00:00Z */

static const char *format(__s64 time_ns)
{
	static char buffer[TIME_FORMAT_BYTES];

	size_t bytes = time_format(buffer, time_ns);

	assert_int_equal(bytes, strlen(buffer));
	return buffer;
}

static void as_few_decimals_as_lose_nothing(void **state)
{
	(void)state;
	assert_string_equal(format(NEW_YEAR), "2026-01-01T00:00:00.000Z");
	assert_string_equal(format(NEW_YEAR + 120000000), "2026-01-01T00:00:00.120Z");
	assert_string_equal(format(NEW_YEAR + 120001000), "2026-01-01T00:00:00.120001Z");
	assert_string_equal(format(NEW_YEAR + 1), "2026-01-01T00:00:00.000000001Z");
	assert_string_equal(format(NEW_YEAR - 1), "2025-12-31T23:59:59.999999999Z");
	assert_string_equal(format(0), "1970-01-01T00:00:00.000Z");
	assert_string_equal(format(-1), "1969-12-31T23:59:59.999999999Z");
	assert_string_equal(format(INT64_MAX), "2262-04-11T23:47:16.854775807Z");
	assert_string_equal(format(INT64_MIN), "1677-09-21T00:12:43.145224192Z");
	assert_string_equal(format(951782400 * SECOND_NS), "2000-02-29T00:00:00.000Z");
}

static void equals_the_library(void **state)
{
	char expected[64];

	(void)state;
	for (__s64 seconds = -9000000000; seconds < 9000000000; seconds += 86399 * 7 + 13) {
		time_t time = seconds;
		struct tm parts;
		__s64 back;

		gmtime_r(&time, &parts);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000Z", &parts);
		assert_string_equal(format(seconds * SECOND_NS), expected);
		assert_int_equal(time_parse(expected, 0, &back), 0);
		assert_int_equal(back, seconds * SECOND_NS);
	}
}

static const struct {
	const char *text;
	__s64 time_ns;
} good[] = {
	{ "2026-01-01T00:00:00Z", NEW_YEAR },
	{ "2026-01-01", NEW_YEAR },
	{ "2026-01-01T00:00", NEW_YEAR },
	{ "2026-01-01 00:00:00", NEW_YEAR },
	{ "2026-01-01t00:00:00z", NEW_YEAR },
	{ "2026-01-01T02:00:00+02:00", NEW_YEAR },
	{ "2025-12-31T19:30:00-04:30", NEW_YEAR },
	{ "2026-01-01T00:00:00.5Z", NEW_YEAR + 500000000 },
	{ "2026-01-01T00:00:00.123456789Z", NEW_YEAR + 123456789 },
	{ "2025-12-31T23:59:60Z", NEW_YEAR },
	{ "@1767225600", NEW_YEAR },
	{ "@1767225600.25", NEW_YEAR + 250000000 },
	{ "@-1.5", -1500000000 },
	{ "now", 1000 * SECOND_NS },
	{ "-10s", 990 * SECOND_NS },
	{ "10s", 990 * SECOND_NS },
	{ "-1.5m", 910 * SECOND_NS },
	{ "0", 1000 * SECOND_NS },
	{ "1969-12-31T23:59:59.5Z", -500000000 },
	{ "2262-04-11T23:47:16.854775807Z", INT64_MAX },
	{ "2262-04-11T23:47:16.854775808Z", INT64_MAX },
	{ "9999-12-31", INT64_MAX },
	{ "9999-12-31T23:59:60.999999999-23:59", INT64_MAX },
	{ "1677-09-21T00:12:43.145224192Z", INT64_MIN },
	{ "1600-01-01", INT64_MIN },
	{ "0000-01-01", INT64_MIN },
	{ "@99999999999999999999", INT64_MAX },
	{ "@-99999999999999999999.5", INT64_MIN },
};

static void what_people_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		__s64 time_ns = -7;
		int error = time_parse(good[i].text, 1000 * SECOND_NS, &time_ns);

		if (error || time_ns != good[i].time_ns)
			fail_msg("%s: %d, %lld", good[i].text, error, time_ns);
	}
}

static const struct {
	const char *text;
	int error;
} bad[] = {
	{ "", -EINVAL },
	{ "yesterday", -EINVAL },
	{ "10", -EINVAL },
	{ "2026-13-01", -EINVAL },
	{ "2026-02-29", -EINVAL },
	{ "2026-01-01T24:00:00Z", -EINVAL },
	{ "2026-01-01T00:60:00Z", -EINVAL },
	{ "2026-01-01T00:00:00.Z", -EINVAL },
	{ "2026-01-01T00:00:00.1234567890Z", -EINVAL },
	{ "2026-01-01T00:00:00Zx", -EINVAL },
	{ "2026-01-01T00:00:00+0200", -EINVAL },
	{ "2026-01-01x", -EINVAL },
	{ "@", -EINVAL },
	{ "@12x", -EINVAL },
	{ "-999999999d", -ERANGE },
};

static void what_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		__s64 time_ns = -7;
		int error = time_parse(bad[i].text, 0, &time_ns);

		if (error != bad[i].error || time_ns != -7)
			fail_msg("%s: %d, %lld", bad[i].text, error, time_ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_few_decimals_as_lose_nothing),
		cmocka_unit_test(equals_the_library),
		cmocka_unit_test(what_people_write),
		cmocka_unit_test(what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
