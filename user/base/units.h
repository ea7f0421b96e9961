/* SPDX-License-Identifier: BSD-2-Clause */
/* Quantities as people write them: 16MiB, 1.5s, 1000/s. A number without a unit is refused, because
 * nobody can know which was meant; 0 alone is fine. What cannot be held exactly is refused too. */
#ifndef SLUICE_BASE_UNITS_H
#define SLUICE_BASE_UNITS_H

#include <stddef.h>

#include <linux/types.h>

#define UNITS_BYTES_MAX 32	/* room for anything that is formatted here */

enum units_kind {
	UNITS_SIZE,	/* B KiB MiB GiB TiB → bytes */
	UNITS_DURATION,	/* ns us ms s m h d, or several as in 1h30m → nanoseconds */
	UNITS_RATE,	/* /s k/s M/s G/s → per second */
};

/* Reads all of `text`. Returns 0 and sets *value (at most INT64_MAX), or -EINVAL no number,
 * -ENODATA no unit, -ENOTSUP unknown unit, -ERANGE too large, -EDOM finer than one byte, nanosecond
 * or event a second. */
int units_parse(enum units_kind kind, const char *text, __u64 *value);

/* units_parse by kind. */
int units_parse_size(const char *text, __u64 *bytes);
int units_parse_duration(const char *text, __s64 *ns);
int units_parse_rate(const char *text, __u64 *per_second);

/* A decimal number without unit, sign or anything else around it; -EINVAL, -ERANGE. */
int units_parse_number(const char *text, __u64 *number);

/* What was wrong, for an error of units_parse: "has no unit"; and what to write instead. */
const char *units_problem(int error);
const char *units_advice(enum units_kind kind);

/* Exactly, in the largest unit that needs no fraction; units_parse gives the same value back.
 * `out` has UNITS_BYTES_MAX bytes. Returns `out`. Durations may be negative. */
char *units_format_size(char *out, __u64 bytes);
char *units_format_duration(char *out, __s64 ns);
char *units_format_rate(char *out, __u64 per_second);

/* For reading only, three digits: "1.5 GiB", "4.52 M". */
char *units_format_size_about(char *out, __u64 bytes);
char *units_format_number_about(char *out, __u64 number);

#endif
