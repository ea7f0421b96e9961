/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatting alone: nothing here knows what the numbers mean. */
#include "engine/report/report_words.h"

#include <stdio.h>
#include <string.h>

/* 2 + 46 + 1 + 15 + 1 + 15 = 80; a sentence before one number has room for another. */
#define SENTENCE_COLUMNS 46
#define COUNT_COLUMNS 15
#define LONG_SENTENCE_COLUMNS (SENTENCE_COLUMNS + COUNT_COLUMNS + 1)

const char *words_grouped(char *out, __u64 number)
{
	char digits[24];
	int count = snprintf(digits, sizeof(digits), "%llu", number);
	char *end = out;

	for (int i = 0; i < count; i++) {
		if (i && (count - i) % 3 == 0)
			*end++ = ',';
		*end++ = digits[i];
	}
	*end = 0;
	return out;
}

const char *words_passed(char *out, __u64 ns)
{
	__u64 seconds = ns / 1000000000;

	if (seconds < 60)
		snprintf(out, WORDS_BYTES, "%llu s", seconds);
	else if (seconds < 3600)
		snprintf(out, WORDS_BYTES, "%llu min %llu s", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		snprintf(out, WORDS_BYTES, "%llu h %llu min", seconds / 3600, seconds / 60 % 60);
	else
		snprintf(out, WORDS_BYTES, "%llu d %llu h", seconds / 86400, seconds / 3600 % 24);
	return out;
}

const char *words_brief(char *out, __u64 ns)
{
	if (ns < 1000000)
		snprintf(out, WORDS_BYTES, "%.1f µs", (double)ns / 1e3);
	else if (ns < 1000000000)
		snprintf(out, WORDS_BYTES, "%.1f ms", (double)ns / 1e6);
	else
		snprintf(out, WORDS_BYTES, "%.1f s", (double)ns / 1e9);
	return out;
}

void words_heading(struct text *out, const char *name, bool is_colour)
{
	text_format(out, is_colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", name);
}

size_t words_columns(const char *string)
{
	size_t columns = 0;

	for (; *string; string++)
		columns += ((unsigned char)*string & 0xc0) != 0x80;
	return columns;
}

/* Bytes of the words that fit in `columns`; at least one word. */
static size_t fitting(const char *string, size_t columns)
{
	size_t used = 0, good = 0, i;

	for (i = 0; string[i]; i++) {
		if (string[i] == ' ' && (good == 0 || used <= columns))
			good = i;
		used += ((unsigned char)string[i] & 0xc0) != 0x80;
		if (used > columns && good)
			return good;
	}
	return i;
}

void words_paragraph(struct text *out, int indent, const char *paragraph)
{
	int left = 0;

	while (*paragraph) {
		size_t bytes = fitting(paragraph, WORDS_COLUMNS - (size_t)left);

		text_format(out, "%*s", left, "");
		text_add_bytes(out, paragraph, bytes);
		text_add(out, "\n");
		paragraph += bytes;
		paragraph += *paragraph == ' ';
		left = indent;
	}
}

/* All of the sentence, padded to where the numbers begin. */
static void add_sentence(struct text *out, int indent, const char *sentence, int columns)
{
	size_t room = (size_t)(columns - 2 * indent);
	size_t bytes;
	int left = 2 + 2 * indent;

	while (words_columns(sentence) > room) {
		bytes = fitting(sentence, room);
		text_format(out, "%*s", left, "");
		text_add_bytes(out, sentence, bytes);
		text_add(out, "\n");
		sentence += bytes;
		sentence += *sentence == ' ';
		if (left == 2 + 2 * indent) {
			left += 2;
			room -= 2;
		}
	}
	text_format(out, "%*s%s%*s", left, "", sentence, (int)(room - words_columns(sentence)), "");
}

void words_count(struct text *out, int indent, const char *sentence, struct sluice_count count)
{
	char datagrams[WORDS_BYTES], events[WORDS_BYTES];

	add_sentence(out, indent, sentence, SENTENCE_COLUMNS);
	text_format(out, " %*s %*s\n", COUNT_COLUMNS, words_grouped(datagrams, count.datagrams),
		    COUNT_COLUMNS, words_grouped(events, count.events));
}

void words_number(struct text *out, int indent, const char *sentence, __u64 number)
{
	char events[WORDS_BYTES];

	add_sentence(out, indent, sentence, LONG_SENTENCE_COLUMNS);
	text_format(out, " %*s\n", COUNT_COLUMNS, words_grouped(events, number));
}
