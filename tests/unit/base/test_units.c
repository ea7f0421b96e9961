/* SPDX-License-Identifier: BSD-2-Clause */
/* Quantities: what is read, what is refused and why, and that reading gives back what was
 * written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>

#include <cmocka.h>

#include "base/units.h"

struct quantity {
	enum units_kind kind;
	const char *text;
	int result;
	__u64 value;
};

static const struct quantity quantities[] = {
	{ UNITS_SIZE, "0", 0, 0 },
	{ UNITS_SIZE, "0KiB", 0, 0 },
	{ UNITS_SIZE, "1B", 0, 1 },
	{ UNITS_SIZE, "16MiB", 0, 16 << 20 },
	{ UNITS_SIZE, "16 MiB", 0, 16 << 20 },
	{ UNITS_SIZE, "1.5KiB", 0, 1536 },
	{ UNITS_SIZE, "2TiB", 0, 2ull << 40 },
	{ UNITS_SIZE, "8388607TiB", 0, 8388607ull << 40 },
	{ UNITS_SIZE, "8388608TiB", -ERANGE, 0 },
	{ UNITS_SIZE, "99999999999999999999B", -ERANGE, 0 },
	{ UNITS_SIZE, "10", -ENODATA, 0 },
	{ UNITS_SIZE, "0.5", -ENODATA, 0 },
	{ UNITS_SIZE, "10MB", -ENOTSUP, 0 },
	{ UNITS_SIZE, "10mib", -ENOTSUP, 0 },
	{ UNITS_SIZE, "10s", -ENOTSUP, 0 },
	{ UNITS_SIZE, "0.3B", -EDOM, 0 },
	{ UNITS_SIZE, "0.0001KiB", -EDOM, 0 },
	{ UNITS_SIZE, "", -EINVAL, 0 },
	{ UNITS_SIZE, "KiB", -EINVAL, 0 },
	{ UNITS_SIZE, "-1KiB", -EINVAL, 0 },
	{ UNITS_SIZE, "+1KiB", -EINVAL, 0 },
	{ UNITS_SIZE, " 1KiB", -EINVAL, 0 },
	{ UNITS_SIZE, ".5KiB", -EINVAL, 0 },
	{ UNITS_SIZE, "1.KiB", -EINVAL, 0 },
	{ UNITS_SIZE, "1KiB ", -ENOTSUP, 0 },
	{ UNITS_DURATION, "10s", 0, 10000000000 },
	{ UNITS_DURATION, "1ns", 0, 1 },
	{ UNITS_DURATION, "250us", 0, 250000 },
	{ UNITS_DURATION, "500ms", 0, 500000000 },
	{ UNITS_DURATION, "5m", 0, 300000000000 },
	{ UNITS_DURATION, "168h", 0, 604800000000000 },
	{ UNITS_DURATION, "7d", 0, 604800000000000 },
	{ UNITS_DURATION, "0.000000001s", 0, 1 },
	{ UNITS_DURATION, "0.0000000001s", -EDOM, 0 },
	{ UNITS_DURATION, "2562047h", 0, 9223369200000000000ull },
	{ UNITS_DURATION, "2562048h", -ERANGE, 0 },
	{ UNITS_DURATION, "10", -ENODATA, 0 },
	{ UNITS_DURATION, "10x", -ENOTSUP, 0 },
	{ UNITS_DURATION, "10S", -ENOTSUP, 0 },
	{ UNITS_DURATION, "1h30m", 0, 5400000000000 },
	{ UNITS_DURATION, "1d2h3m4s5ms6us7ns", 0, 93784005006007 },
	{ UNITS_DURATION, "1h30", -ENODATA, 0 },
	{ UNITS_DURATION, "1m1h", -ENOTSUP, 0 },
	{ UNITS_DURATION, "1m1m", -ENOTSUP, 0 },
	{ UNITS_DURATION, "1.5h10m", -ENOTSUP, 0 },
	{ UNITS_DURATION, "1h1.5m", -ENOTSUP, 0 },
	{ UNITS_DURATION, "1h 30m", -ENOTSUP, 0 },
	{ UNITS_DURATION, "106751d24h", -ERANGE, 0 },
	{ UNITS_SIZE, "1GiB1MiB", -ENOTSUP, 0 },
	{ UNITS_RATE, "0", 0, 0 },
	{ UNITS_RATE, "1000/s", 0, 1000 },
	{ UNITS_RATE, "4.5M/s", 0, 4500000 },
	{ UNITS_RATE, "10k/s", 0, 10000 },
	{ UNITS_RATE, "1000", -ENODATA, 0 },
	{ UNITS_RATE, "10/m", -ENOTSUP, 0 },
	{ UNITS_RATE, "0.5/s", -EDOM, 0 },
};

static void reads_what_people_write(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(quantities) / sizeof(quantities[0]); i++) {
		const struct quantity *expected = &quantities[i];
		__u64 value = 77;
		int result = units_parse(expected->kind, expected->text, &value);

		if (result != expected->result || value != (result ? 77 : expected->value))
			fail_msg("%s: %d, %llu", expected->text, result, value);
	}
}

static void reads_plain_numbers(void **state)
{
	__u64 number = 77;

	(void)state;
	assert_int_equal(units_parse_number("x", &number), -EINVAL);
	assert_int_equal(units_parse_number("", &number), -EINVAL);
	assert_int_equal(units_parse_number("1 ", &number), -EINVAL);
	assert_int_equal(units_parse_number("-1", &number), -EINVAL);
	assert_int_equal(units_parse_number("18446744073709551616", &number), -ERANGE);
	assert_int_equal(number, 77);
	assert_int_equal(units_parse_number("18446744073709551615", &number), 0);
	assert_true(number == UINT64_MAX);
}

static void writes_the_largest_exact_unit(void **state)
{
	char out[UNITS_BYTES_MAX];

	(void)state;
	assert_string_equal(units_format_size(out, 0), "0B");
	assert_string_equal(units_format_size(out, 1500), "1500B");
	assert_string_equal(units_format_size(out, 16 << 20), "16MiB");
	assert_string_equal(units_format_duration(out, 0), "0s");
	assert_string_equal(units_format_duration(out, 1500000000), "1500ms");
	assert_string_equal(units_format_duration(out, 604800000000000), "168h");
	assert_string_equal(units_format_duration(out, -5000000000), "-5s");
	assert_string_equal(units_format_duration(out, INT64_MIN), "-9223372036854775808ns");
	assert_string_equal(units_format_rate(out, 4500000), "4500000/s");
}

/* Numbers with many shapes: powers, multiples of units, neighbours. */
static void reads_back_what_it_wrote(void **state)
{
	char out[UNITS_BYTES_MAX];
	__u64 seed, value;
	int shift;

	(void)state;
	for (shift = 0; shift < 62; shift++) {
		for (seed = (1ull << shift) - 1; seed <= (1ull << shift) + 1; seed++) {
			__s64 duration = 0;
			__u64 scaled = seed % 9000000 * 1000000;

			assert_int_equal(units_parse_size(units_format_size(out, seed), &value), 0);
			assert_true(value == seed);
			assert_int_equal(units_parse_rate(units_format_rate(out, seed), &value), 0);
			assert_true(value == seed);
			units_format_duration(out, (__s64)scaled);
			assert_int_equal(units_parse_duration(out, &duration), 0);
			assert_true((__u64)duration == scaled);
		}
	}
}

static void rounds_for_reading(void **state)
{
	char out[UNITS_BYTES_MAX];

	(void)state;
	assert_string_equal(units_format_size_about(out, 0), "0 B");
	assert_string_equal(units_format_size_about(out, 1023), "1023 B");
	assert_string_equal(units_format_size_about(out, 1536), "1.50 KiB");
	assert_string_equal(units_format_size_about(out, 172000000), "164 MiB");
	assert_string_equal(units_format_size_about(out, UINT64_MAX), "16.0 EiB");
	assert_string_equal(units_format_number_about(out, 999), "999");
	assert_string_equal(units_format_number_about(out, 4523456), "4.52 M");
	assert_string_equal(units_format_number_about(out, 999999), "1.00 M");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_people_write),
		cmocka_unit_test(reads_plain_numbers),
		cmocka_unit_test(writes_the_largest_exact_unit),
		cmocka_unit_test(reads_back_what_it_wrote),
		cmocka_unit_test(rounds_for_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
