/* SPDX-License-Identifier: BSD-2-Clause */
/* Points in time as text: RFC 3339 in UTC. */
#ifndef SLUICE_GEN_TIME_TEXT_H
#define SLUICE_GEN_TIME_TEXT_H

#include <stddef.h>

#include <linux/types.h>

#define TIME_TEXT_BYTES 40

/* Reads `2026-01-01T00:00:00Z` with up to 9 decimals, all of `bytes`. 0 and *time_ns since 1970,
 * -EINVAL. */
int time_text_parse(const char *text, size_t bytes, __s64 *time_ns);

/* Writes with 3, 6 or 9 decimals, as few as lose nothing. Returns `out` (TIME_TEXT_BYTES). */
char *time_text_format(char *out, __s64 time_ns);

#endif
