/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 3339 from and to nanoseconds since 1970; the calendar by the C library. */
#include "time_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ll

int time_text_parse(const char *text, size_t bytes, __s64 *time_ns)
{
	char copy[TIME_TEXT_BYTES];
	struct tm tm = { 0 };
	const char *rest;
	__s64 fraction = 0, unit = NS_PER_S;

	if (bytes >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, bytes);
	copy[bytes] = 0;
	rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return -EINVAL;
	if (*rest == '.') {
		for (rest++; isdigit((unsigned char)*rest) && unit > 1; rest++) {
			unit /= 10;
			fraction += (*rest - '0') * unit;
		}
	}
	if (strcmp(rest, "Z"))
		return -EINVAL;
	*time_ns = (__s64)timegm(&tm) * NS_PER_S + fraction;
	return 0;
}

char *time_text_format(char *out, __s64 time_ns)
{
	__s64 seconds = time_ns / NS_PER_S, fraction = time_ns % NS_PER_S;
	time_t clock;
	struct tm tm;
	size_t used;

	if (fraction < 0) {
		fraction += NS_PER_S;
		seconds--;
	}
	clock = (time_t)seconds;
	gmtime_r(&clock, &tm);
	used = strftime(out, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
	if (fraction % 1000000 == 0)
		snprintf(out + used, TIME_TEXT_BYTES - used, ".%03lldZ",
			 (long long)(fraction / 1000000));
	else if (fraction % 1000 == 0)
		snprintf(out + used, TIME_TEXT_BYTES - used, ".%06lldZ",
			 (long long)(fraction / 1000));
	else
		snprintf(out + used, TIME_TEXT_BYTES - used, ".%09lldZ", (long long)fraction);
	return out;
}
