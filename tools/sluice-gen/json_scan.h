/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads JSON in place: members of an object and elements of an array as slices of the text. Any
 * bytes are safe; escapes stay as they are written. */
#ifndef SLUICE_GEN_JSON_SCAN_H
#define SLUICE_GEN_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define JSON_DEPTH_MAX 16

struct json_slice {
	const char *text;
	size_t bytes;
};

struct json_member {
	struct json_slice name; /* without quotes; empty in an array */
	struct json_slice value; /* strings with their quotes */
};

/* The members of the object, or elements of the array, that is all of `text` but for blanks.
 * Returns how many were set, -EINVAL when it is neither, -E2BIG for more than `room`. */
int json_scan(struct json_slice text, struct json_member *members, unsigned int room);

/* The value of the member, or an empty slice. */
struct json_slice json_find(const struct json_member *members, int count, const char *name);

bool json_is(struct json_slice value, const char *text);
bool json_equal(struct json_slice left, struct json_slice right);

/* What is between the quotes of a string; an empty slice for anything else. */
struct json_slice json_string(struct json_slice value);

/* A number as a double or, without point and exponent, as an integer. -EINVAL. */
int json_real(struct json_slice value, double *number);
int json_integer(struct json_slice value, __s64 *number);

#endif
