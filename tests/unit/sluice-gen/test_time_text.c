/* SPDX-License-Identifier: BSD-2-Clause */
/* Times as text, there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../tools/sluice-gen/time_text.h"

static void test_there_and_back(void **unused)
{
	static const struct {
		__s64 time_ns;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1, "1970-01-01T00:00:00.000000001Z" },
		{ -1, "1969-12-31T23:59:59.999999999Z" },
		{ -1000000000, "1969-12-31T23:59:59.000Z" },
		{ 1767225600123000000, "2026-01-01T00:00:00.123Z" },
		{ 1767225600000456000, "2026-01-01T00:00:00.000456Z" },
		{ 951782400000000000, "2000-02-29T00:00:00.000Z" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[TIME_TEXT_BYTES];
		__s64 time_ns = 42;

		assert_string_equal(time_text_format(text, cases[i].time_ns), cases[i].text);
		assert_int_equal(time_text_parse(cases[i].text, strlen(cases[i].text), &time_ns),
				 0);
		assert_int_equal(time_ns, cases[i].time_ns);
	}
}

static void test_what_is_no_time(void **unused)
{
	static const char *const texts[] = {
		"",
		"2026-01-01",
		"2026-01-01T00:00:00",
		"2026-01-01T00:00:00+01:00",
		"2026-01-01T00:00:00.1234567890Z",
		"2026-01-01T00:00:00Z ",
		"2026-13-01T00:00:00Z",
		"now",
		"2026-01-01T00:00:00.000000000000000000000000000000000Z"
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		__s64 time_ns = 42;

		assert_true(time_text_parse(texts[i], strlen(texts[i]), &time_ns) < 0);
		assert_int_equal(time_ns, 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_what_is_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
