/* SPDX-License-Identifier: BSD-2-Clause */
/* Text in buffers of a fixed size, and words that were probably meant. Never allocates. */
#ifndef SLUICE_BASE_TEXT_H
#define SLUICE_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Text under construction; always ends with a zero byte. What does not fit is left out and
 * noted. */
struct text {
	char *data;
	size_t room;	/* of the buffer, the zero included */
	size_t bytes;	/* without the zero */
	bool is_cut;
};

/* Starts empty in `buffer` of `room` bytes, at least 1. */
void text_init(struct text *text, char *buffer, size_t room);

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *data, size_t bytes);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_format_list(struct text *text, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

/* Between double quotes as in JSON: what is not printable escaped, and what is not UTF-8 as U+FFFD.
 * For every reader of JSON it is the same string. */
void text_add_quoted(struct text *text, const char *string);

/* For people: what is printable as it is; control characters, those that turn the direction of text
 * or are not seen, and bytes that are not UTF-8 as \x1b or \u{202e}. */
void text_add_printable(struct text *text, const char *string);

/* Back to an earlier length. */
void text_cut(struct text *text, size_t bytes);

/* Length in bytes of the UTF-8 character at `string`, 1 to 4; 0 at the end and where it is not
 * UTF-8 (overlong forms and surrogates included). */
size_t text_utf8_bytes(const char *string);

/* The same, and 0 where the character is not printable. */
size_t text_printable_bytes(const char *string);

/* Edits (insert, delete, replace, swap neighbours) from one word to the other; letter case and -
 * for _ are free. Words longer than 63 bytes are entirely different: 64. */
unsigned int text_distance(const char *left, const char *right);

/* The candidate that `word` was probably meant to be. Zero it but for the word, offer every
 * candidate, read `best`: NULL when none is near enough to be worth a suggestion. */
struct text_nearest {
	const char *word;
	const char *best;
	unsigned int distance;	/* of best */
};

void text_nearest_offer(struct text_nearest *nearest, const char *candidate);

#endif
