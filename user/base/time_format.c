/* SPDX-License-Identifier: BSD-2-Clause */
/* Calendar arithmetic on days since 1970 in the proleptic Gregorian calendar: years are counted
 * from March, so that the leap day is the last of its year. */
#include "base/time_format.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/units.h"

#define SECOND_NS 1000000000ll
#define DAY_SECONDS 86400
#define ERA_DAYS 146097 /* 400 years */
#define EPOCH_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */

struct date {
	__s64 year;
	int month, day;
};

static struct date date_from_days(__s64 days)
{
	__s64 shifted = days + EPOCH_DAYS;
	__s64 era = (shifted >= 0 ? shifted : shifted - (ERA_DAYS - 1)) / ERA_DAYS;
	int day_of_era = (int)(shifted - era * ERA_DAYS);
	int year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int month = (5 * day_of_year + 2) / 153; /* 0 is March */
	struct date date = {
		.year = year_of_era + era * 400,
		.month = month < 10 ? month + 3 : month - 9,
		.day = day_of_year - (153 * month + 2) / 5 + 1,
	};

	date.year += date.month <= 2;
	return date;
}

static __s64 days_from_date(struct date date)
{
	__s64 year = date.year - (date.month <= 2);
	__s64 era = (year >= 0 ? year : year - 399) / 400;
	int year_of_era = (int)(year - era * 400);
	int month = date.month > 2 ? date.month - 3 : date.month + 9;
	int day_of_year = (153 * month + 2) / 5 + date.day - 1;

	return era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - EPOCH_DAYS;
}

static char *put_digits(char *at, unsigned int value, unsigned int digits)
{
	for (unsigned int i = digits; i > 0; i--, value /= 10)
		at[i - 1] = (char)('0' + value % 10);
	return at + digits;
}

static char *put_pair(char *at, int value, char after)
{
	at = put_digits(at, (unsigned int)value, 2);
	*at = after;
	return at + 1;
}

size_t time_format(char out[TIME_FORMAT_BYTES], __s64 time_ns)
{
	__s64 seconds = time_ns / SECOND_NS - (time_ns % SECOND_NS < 0);
	unsigned int ns = (unsigned int)(time_ns - seconds * SECOND_NS);
	__s64 days = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
	int second = (int)(seconds - days * DAY_SECONDS);
	struct date date = date_from_days(days);
	char *at = put_digits(out, (unsigned int)date.year, 4);

	*at++ = '-';
	at = put_pair(at, date.month, '-');
	at = put_pair(at, date.day, 'T');
	at = put_pair(at, second / 3600, ':');
	at = put_pair(at, second / 60 % 60, ':');
	at = put_pair(at, second % 60, '.');
	if (ns % 1000000 == 0)
		at = put_digits(at, ns / 1000000, 3);
	else if (ns % 1000 == 0)
		at = put_digits(at, ns / 1000, 6);
	else
		at = put_digits(at, ns, 9);
	*at++ = 'Z';
	*at = '\0';
	return (size_t)(at - out);
}

/* A cursor that eats what it knows. */
static bool take(const char **at, char expected)
{
	if (**at != expected)
		return false;
	++*at;
	return true;
}

static bool take_digits(const char **at, int digits, int *value)
{
	*value = 0;
	for (; digits > 0; digits--, ++*at) {
		if (**at < '0' || **at > '9')
			return false;
		*value = *value * 10 + (**at - '0');
	}
	return true;
}

static bool is_date(const struct date *date)
{
	static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = (date->year % 4 == 0 && date->year % 100 != 0) || date->year % 400 == 0;

	return date->month >= 1 && date->month <= 12 && date->day >= 1 &&
	       date->day <= month_days[date->month - 1] + (date->month == 2 && is_leap);
}

static bool take_date(const char **at, __s64 *days)
{
	struct date date;
	int year;

	if (!take_digits(at, 4, &year) || !take(at, '-') || !take_digits(at, 2, &date.month) ||
	    !take(at, '-') || !take_digits(at, 2, &date.day))
		return false;
	date.year = year;
	if (!is_date(&date))
		return false;
	*days = days_from_date(date);
	return true;
}

static bool take_fraction(const char **at, __s64 *ns)
{
	__s64 unit = SECOND_NS / 10;

	*ns = 0;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; ++*at, unit /= 10) {
		if (unit == 0)
			return false;
		*ns += (**at - '0') * unit;
	}
	return true;
}

static bool take_time(const char **at, int *seconds, __s64 *ns)
{
	int hour, minute, second = 0;

	*ns = 0;
	if (!take_digits(at, 2, &hour) || !take(at, ':') || !take_digits(at, 2, &minute))
		return false;
	if (take(at, ':') &&
	    (!take_digits(at, 2, &second) || (take(at, '.') && !take_fraction(at, ns))))
		return false;
	/* A leap second is the first of the next minute. */
	*seconds = hour * 3600 + minute * 60 + second;
	return hour < 24 && minute < 60 && second <= 60;
}

static bool take_zone(const char **at, int *seconds)
{
	int sign, hour, minute;

	*seconds = 0;
	if (**at == '\0' || take(at, 'Z') || take(at, 'z'))
		return true;
	sign = take(at, '-') ? -1 : 1;
	if (sign > 0 && !take(at, '+'))
		return false;
	if (!take_digits(at, 2, &hour) || !take(at, ':') || !take_digits(at, 2, &minute))
		return false;
	*seconds = sign * (hour * 3600 + minute * 60);
	return hour < 24 && minute < 60;
}

/* Before and after all that can be told apart, the nearest end of it. */
static __s64 combine(__s64 seconds, __s64 ns)
{
	__s64 made;

	if (__builtin_mul_overflow(seconds, SECOND_NS, &made) ||
	    __builtin_add_overflow(made, ns, &made))
		return seconds < 0 ? INT64_MIN : INT64_MAX;
	return made;
}

static int parse_calendar(const char *text, __s64 *time_ns)
{
	int seconds = 0, zone = 0;
	__s64 days, ns = 0;

	if (!take_date(&text, &days))
		return -EINVAL;
	if (*text != '\0' && !((take(&text, 'T') || take(&text, 't') || take(&text, ' ')) &&
			       take_time(&text, &seconds, &ns) && take_zone(&text, &zone)))
		return -EINVAL;
	if (*text != '\0')
		return -EINVAL;
	*time_ns = combine(days * DAY_SECONDS + seconds - zone, ns);
	return 0;
}

static int parse_unix(const char *text, __s64 *time_ns)
{
	bool is_negative = take(&text, '-');
	__s64 seconds = 0, ns = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		seconds = seconds > INT64_MAX / 10 - 1 ? INT64_MAX / 10
						       : seconds * 10 + (*text - '0');
	}
	if ((take(&text, '.') && !take_fraction(&text, &ns)) || *text != '\0')
		return -EINVAL;
	*time_ns = is_negative ? combine(-seconds, -ns) : combine(seconds, ns);
	return 0;
}

int time_parse(const char *text, __s64 now_ns, __s64 *time_ns)
{
	__s64 before_ns, made;
	int error;

	if (strcmp(text, "now") == 0) {
		*time_ns = now_ns;
		return 0;
	}
	if (text[0] == '@')
		return parse_unix(text + 1, time_ns);
	if (strlen(text) >= 10 && text[4] == '-')
		return parse_calendar(text, time_ns);
	error = units_parse_duration(text[0] == '-' ? text + 1 : text, &before_ns);
	if (error)
		return error == -ERANGE ? -ERANGE : -EINVAL;
	if (__builtin_sub_overflow(now_ns, before_ns, &made))
		return -ERANGE;
	*time_ns = made;
	return 0;
}
