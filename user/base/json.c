/* SPDX-License-Identifier: BSD-2-Clause */
/* Digits, without printf where rows come by the million. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 20

void json_add_unsigned(struct text *text, __u64 value)
{
	char digits[DIGITS_MAX];
	size_t at = DIGITS_MAX;

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	text_add_bytes(text, digits + at, DIGITS_MAX - at);
}

void json_add_signed(struct text *text, __s64 value)
{
	if (value < 0)
		text_add(text, "-");
	json_add_unsigned(text, value < 0 ? -(__u64)value : (__u64)value);
}

void json_add_double(struct text *text, double value)
{
	char digits[40];

	if (!isfinite(value)) {
		text_add(text, "null");
		return;
	}
	/* Whole numbers and halves are frequent, and simple. */
	if (fabs(value) < 1e15 && value == (double)(__s64)value &&
	    !(value == 0 && signbit(value))) {
		json_add_signed(text, (__s64)value);
		text_add(text, ".0");
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(digits, sizeof(digits), "%.*g", precision, value);
		if (strtod(digits, NULL) == value)
			break;
	}
	text_add(text, digits);
	if (!strpbrk(digits, ".e"))
		text_add(text, ".0");
}
