/* SPDX-License-Identifier: BSD-2-Clause */
/* Times as people write and read them: RFC 3339 in UTC, and relative to now. Times are nanoseconds
 * of Unix time; all of int64 can be written (1677 to 2262). Reads no clock. */
#ifndef SLUICE_BASE_TIME_FORMAT_H
#define SLUICE_BASE_TIME_FORMAT_H

#include <stddef.h>

#include <linux/types.h>

#define TIME_FORMAT_BYTES 40

/* "2026-01-01T00:00:00.000Z": 3, 6 or 9 decimals, as few as lose nothing. Returns the length. */
size_t time_format(char out[TIME_FORMAT_BYTES], __s64 time_ns);

/* Reads one of: RFC 3339 ("2026-01-01T00:00:00Z", any decimals up to 9, offsets like +02:00, a
 * space for T, the time or its seconds left out); "now"; "-10m", "-1.5h" or "10m" before now; Unix
 * time in seconds "@1767225600". What is before 1677 or after 2262 is the nearest end of int64.
 * -EINVAL not a time, -ERANGE a duration that is too long. */
int time_parse(const char *text, __s64 now_ns, __s64 *time_ns);

#endif
