/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers as JSON has them, appended to a text. Strings: text_add_quoted(). Never allocates. */
#ifndef SLUICE_BASE_JSON_H
#define SLUICE_BASE_JSON_H

#include <linux/types.h>

#include "base/text.h"

void json_add_unsigned(struct text *text, __u64 value);
void json_add_signed(struct text *text, __s64 value);
/* The shortest digits that read back as the same double, always with a point or an exponent: 30.0.
 * What is not a number in JSON (infinite, not a number) becomes null. */
void json_add_double(struct text *text, double value);

#endif
