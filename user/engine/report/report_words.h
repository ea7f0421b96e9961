/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers and lines as both pages of the report have them: 80 columns at most. For the report_*.c
 * alone. */
#ifndef SLUICE_ENGINE_REPORT_WORDS_H
#define SLUICE_ENGINE_REPORT_WORDS_H

#include "base/text.h"
#include "sluice/ledger.h"

#define WORDS_COLUMNS 80
#define WORDS_BYTES 40		/* room for one number or time */

/* 1234567 as 1,234,567. All three return `out`, of WORDS_BYTES. */
const char *words_grouped(char *out, __u64 number);
/* Seconds, minutes … of what has passed, two units at most. */
const char *words_passed(char *out, __u64 ns);
/* A short time: 3.2 ms. */
const char *words_brief(char *out, __u64 ns);

/* Bold where `is_colour`. */
void words_heading(struct text *out, const char *name, bool is_colour);

/* A line of the ledger: the sentence, and datagrams and events, or one number, at the right. A
 * sentence that is too long goes on in the next line. `indent` in steps of two columns. */
void words_count(struct text *out, int indent, const char *sentence, struct sluice_count count);
void words_number(struct text *out, int indent, const char *sentence, __u64 number);

/* A paragraph: broken at spaces, lines after the first indented by `indent` columns. */
void words_paragraph(struct text *out, int indent, const char *paragraph);

/* Columns of UTF-8 text. */
size_t words_columns(const char *string);

#endif
