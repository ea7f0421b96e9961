/* SPDX-License-Identifier: BSD-2-Clause */
/* Dictionary entries, read: of a datagram, or of a names record. The lengths of all of them are
 * checked first; then each is given, and judged by itself. Any bytes are safe. */
#ifndef SLUICE_CORE_DICTIONARY_H
#define SLUICE_CORE_DICTIONARY_H

#include "core/name/name_table.h"

struct dictionary_cursor {
	const __u8 *at; /* of the next entry */
	const __u8 *end;
};

/* `bytes` of entries one behind the other, to their last byte; *count of them. -EBADMSG: their
 * lengths do not add up. */
int dictionary_open(struct dictionary_cursor *cursor, const void *entries, size_t bytes,
		    __u32 *count);

/* False behind the last one. */
bool dictionary_next(struct dictionary_cursor *cursor, struct name_taught *name);

enum dictionary_verdict {
	DICTIONARY_GOOD,
	DICTIONARY_BAD_SPACE, /* unknown */
	DICTIONARY_BAD_ID, /* larger than any of its space */
	DICTIONARY_BAD_TEXT, /* empty, a zero byte, or not UTF-8 */
	DICTIONARY_BAD_NUMBER, /* reads as a number: it would pass for another id */
	DICTIONARY_BAD_RESERVED, /* DICTIONARY_OVERFLOW */
	DICTIONARY_BAD_CONTROL, /* holds what moves a cursor, ends a line or turns text around */
};

/* What rows of the overflow group are called in place of a name. */
#define DICTIONARY_OVERFLOW "__overflow__"

/* Whether it is a name of something. */
enum dictionary_verdict dictionary_judge(const struct name_taught *name);
/* The same of the text alone; any bytes, UINT8_MAX at most. */
enum dictionary_verdict dictionary_judge_text(const char *text, size_t bytes);

#endif
