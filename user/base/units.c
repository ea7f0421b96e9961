/* SPDX-License-Identifier: BSD-2-Clause */
/* Quantities as people write them, to and from base units. */
#include "base/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define FRACTION_DIGITS_MAX 18
#define KIB 1024ull

struct unit {
	const char *name;
	__u64 factor;
	bool is_written; /* used when formatting */
};

/* Smallest first; a NULL name ends the list. */
static const struct unit units_by_kind[][8] = {
	[UNITS_SIZE] = { { "B", 1, true },
			 { "KiB", KIB, true },
			 { "MiB", KIB *KIB, true },
			 { "GiB", KIB *KIB *KIB, true },
			 { "TiB", KIB *KIB *KIB *KIB, true } },
	[UNITS_DURATION] = { { "ns", 1, true },
			     { "us", 1000, true },
			     { "ms", 1000000, true },
			     { "s", 1000000000, true },
			     { "m", 60000000000, true },
			     { "h", 3600000000000, true },
			     { "d", 86400000000000, false } },
	[UNITS_RATE] = { { "/s", 1, true },
			 { "k/s", 1000, false },
			 { "M/s", 1000000, false },
			 { "G/s", 1000000000, false } },
};

static const char *const advice_by_kind[] = {
	[UNITS_SIZE] = "write a size such as 512KiB, 16MiB or 2GiB",
	[UNITS_DURATION] = "write a duration such as 500ms, 10s, 1h30m or 7d",
	[UNITS_RATE] = "write a rate such as 1000/s",
};

/* integer + fraction / 10^digits, as written */
struct decimal {
	__u64 integer;
	__u64 fraction;
	__u64 fraction_scale; /* 10^digits */
};

static bool is_digit(char letter)
{
	return letter >= '0' && letter <= '9';
}

static int read_digits(const char **text, __u64 *number, unsigned int digits_max)
{
	__u64 sum = 0;
	unsigned int digits = 0;

	for (; is_digit(**text); (*text)++, digits++) {
		__u64 digit = (__u64)(**text - '0');

		if (__builtin_mul_overflow(sum, 10ull, &sum) ||
		    __builtin_add_overflow(sum, digit, &sum))
			return -ERANGE;
		if (digits == digits_max)
			return -EDOM;
	}
	*number = sum;
	return (int)digits;
}

static int read_decimal(const char **text, struct decimal *decimal)
{
	int digits = read_digits(text, &decimal->integer, 32);

	decimal->fraction = 0;
	decimal->fraction_scale = 1;
	if (digits <= 0)
		return digits ? digits : -EINVAL;
	if (**text != '.')
		return 0;
	(*text)++;
	digits = read_digits(text, &decimal->fraction, FRACTION_DIGITS_MAX);
	if (digits <= 0)
		return digits ? digits : -EINVAL;
	for (; digits > 0; digits--)
		decimal->fraction_scale *= 10;
	return 0;
}

static int scale(const struct decimal *decimal, __u64 factor, __u64 *value)
{
	unsigned __int128 whole = (unsigned __int128)decimal->integer * factor;
	unsigned __int128 part = (unsigned __int128)decimal->fraction * factor;

	if (part % decimal->fraction_scale)
		return -EDOM;
	whole += part / decimal->fraction_scale;
	if (whole > INT64_MAX)
		return -ERANGE;
	*value = (__u64)whole;
	return 0;
}

/* The unit that `text` begins with, up to its end or, of durations, to the next digit. */
static const struct unit *find_unit(enum units_kind kind, const char *text, size_t *bytes)
{
	const struct unit *unit = units_by_kind[kind];

	*bytes = kind == UNITS_DURATION ? strcspn(text, "0123456789") : strlen(text);
	for (; unit->name; unit++)
		if (strlen(unit->name) == *bytes && memcmp(unit->name, text, *bytes) == 0)
			return unit;
	return NULL;
}

/* The next part of 1h30m: a whole number, and a smaller unit than `above`. */
static int add_part(const char **text, const struct unit **above, __u64 *value)
{
	struct decimal decimal = { .fraction_scale = 1 };
	const struct unit *unit;
	__u64 part;
	size_t bytes;
	int error = read_digits(text, &decimal.integer, 32);

	if (error < 0)
		return error;
	if (**text == '\0')
		return -ENODATA;
	unit = find_unit(UNITS_DURATION, *text, &bytes);
	if (!unit || unit >= *above)
		return -ENOTSUP;
	error = scale(&decimal, unit->factor, &part);
	if (error || *value + part > INT64_MAX)
		return error ? error : -ERANGE;
	*value += part;
	*text += bytes;
	*above = unit;
	return 0;
}

int units_parse(enum units_kind kind, const char *text, __u64 *value)
{
	const struct unit *unit;
	struct decimal decimal;
	size_t bytes;
	__u64 sum = 0;
	int error = read_decimal(&text, &decimal);

	if (error)
		return error;
	while (*text == ' ')
		text++;
	if (*text == '\0') {
		if (decimal.integer || decimal.fraction)
			return -ENODATA;
		*value = 0;
		return 0;
	}
	unit = find_unit(kind, text, &bytes);
	if (!unit)
		return -ENOTSUP;
	error = scale(&decimal, unit->factor, &sum);
	for (text += bytes; !error && *text;)
		error = decimal.fraction_scale > 1 ? -ENOTSUP : add_part(&text, &unit, &sum);
	if (!error)
		*value = sum;
	return error;
}

int units_parse_size(const char *text, __u64 *bytes)
{
	return units_parse(UNITS_SIZE, text, bytes);
}

int units_parse_duration(const char *text, __s64 *ns)
{
	__u64 value;
	int error = units_parse(UNITS_DURATION, text, &value);

	if (!error)
		*ns = (__s64)value;
	return error;
}

int units_parse_rate(const char *text, __u64 *per_second)
{
	return units_parse(UNITS_RATE, text, per_second);
}

int units_parse_number(const char *text, __u64 *number)
{
	__u64 value;
	int digits = read_digits(&text, &value, 32);

	if (digits < 0)
		return -ERANGE;
	if (digits == 0 || *text)
		return -EINVAL;
	*number = value;
	return 0;
}

const char *units_problem(int error)
{
	switch (error) {
	case -ENODATA:
		return "has no unit";
	case -ENOTSUP:
		return "has an unknown unit";
	case -ERANGE:
		return "is too large";
	case -EDOM:
		return "is finer than can be kept";
	default:
		return "is not a number with a unit";
	}
}

const char *units_advice(enum units_kind kind)
{
	return advice_by_kind[kind];
}

static char *format_exactly(char *out, enum units_kind kind, const char *sign, __u64 value)
{
	const struct unit *unit, *best = &units_by_kind[kind][0];

	for (unit = best; value && unit->name; unit++)
		if (unit->is_written && value % unit->factor == 0)
			best = unit;
	snprintf(out, UNITS_BYTES_MAX, "%s%llu%s", sign, value / best->factor, best->name);
	return out;
}

char *units_format_size(char *out, __u64 bytes)
{
	return format_exactly(out, UNITS_SIZE, "", bytes);
}

char *units_format_duration(char *out, __s64 ns)
{
	if (ns == 0) {
		snprintf(out, UNITS_BYTES_MAX, "0s");
		return out;
	}
	if (ns < 0)
		return format_exactly(out, UNITS_DURATION, "-", 0 - (__u64)ns);
	return format_exactly(out, UNITS_DURATION, "", (__u64)ns);
}

char *units_format_rate(char *out, __u64 per_second)
{
	return format_exactly(out, UNITS_RATE, "", per_second);
}

static char *format_about(char *out, double value, double step, const char *const *names,
			  const char *space)
{
	unsigned int i = 0;
	int decimals;

	while (value >= step * 0.9995 && names[i + 1]) {
		value /= step;
		i++;
	}
	decimals = i == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
	snprintf(out, UNITS_BYTES_MAX, "%.*f%s%s", decimals, value, names[i][0] ? space : "",
		 names[i]);
	return out;
}

char *units_format_size_about(char *out, __u64 bytes)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", NULL };

	return format_about(out, (double)bytes, 1024, names, " ");
}

char *units_format_number_about(char *out, __u64 number)
{
	static const char *const names[] = { "", "k", "M", "G", "T", "P", "E", NULL };

	return format_about(out, (double)number, 1000, names, " ");
}
