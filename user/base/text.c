/* SPDX-License-Identifier: BSD-2-Clause */
/* Text in buffers of a fixed size, and words that were probably meant. */
#include "base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define WORD_BYTES_MAX 63
#define EDITS_MAX 4 /* further away it is another word, however long */

void text_init(struct text *text, char *buffer, size_t room)
{
	assert(room >= 1);
	*text = (struct text){ .data = buffer, .room = room };
	buffer[0] = '\0';
}

void text_add_bytes(struct text *text, const char *data, size_t bytes)
{
	size_t left = text->room - 1 - text->bytes;

	if (bytes > left) {
		bytes = left;
		text->is_cut = true;
	}
	memcpy(text->data + text->bytes, data, bytes);
	text->bytes += bytes;
	text->data[text->bytes] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_format_list(struct text *text, const char *format, va_list arguments)
{
	size_t left = text->room - text->bytes;
	int wanted = vsnprintf(text->data + text->bytes, left, format, arguments);

	assert(wanted >= 0);
	if ((size_t)wanted >= left) {
		text->is_cut = true;
		text->bytes = text->room - 1;
	} else {
		text->bytes += (size_t)wanted;
	}
}

void text_format(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_format_list(text, format, arguments);
	va_end(arguments);
}

void text_cut(struct text *text, size_t bytes)
{
	assert(bytes <= text->bytes);
	text->bytes = bytes;
	text->data[bytes] = '\0';
	text->is_cut = false;
}

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* Table 3-7 of the Unicode Standard: well-formed UTF-8 byte sequences. */
size_t text_utf8_bytes(const char *string)
{
	const unsigned char *at = (const unsigned char *)string;
	unsigned char low = 0x80, high = 0xbf;

	if (at[0] == 0)
		return 0;
	if (at[0] < 0x80)
		return 1;
	if (at[0] >= 0xc2 && at[0] <= 0xdf)
		return is_continuation(at[1]) ? 2 : 0;
	if (at[0] == 0xe0 || at[0] == 0xf0)
		low = at[0] == 0xe0 ? 0xa0 : 0x90;
	if (at[0] == 0xed || at[0] == 0xf4)
		high = at[0] == 0xed ? 0x9f : 0x8f;
	if (at[0] < 0xe0 || at[0] > 0xf4 || at[1] < low || at[1] > high || !is_continuation(at[2]))
		return 0;
	if (at[0] < 0xf0)
		return 3;
	return is_continuation(at[3]) ? 4 : 0;
}

static unsigned int decoded(const unsigned char *at, size_t bytes)
{
	switch (bytes) {
	case 1:
		return at[0];
	case 2:
		return (at[0] & 0x1fu) << 6 | (at[1] & 0x3fu);
	case 3:
		return (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
	default:
		return (at[0] & 0x07u) << 18 | (at[1] & 0x3fu) << 12 | (at[2] & 0x3fu) << 6 |
		       (at[3] & 0x3fu);
	}
}

/* What drives a terminal, is not seen, or turns the direction of what is beside it. */
static const struct {
	unsigned int first, last;
} unprintable[] = {
	{ 0x00, 0x1f },	    { 0x7f, 0x9f },	{ 0xad, 0xad },	    { 0x61c, 0x61c },
	{ 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
	{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xfffe, 0xffff }, { 0xe0000, 0xe0fff },
};

static bool is_printable(unsigned int character)
{
	for (size_t i = 0; i < sizeof(unprintable) / sizeof(unprintable[0]); i++)
		if (character <= unprintable[i].last)
			return character < unprintable[i].first;
	return true;
}

size_t text_printable_bytes(const char *string)
{
	size_t bytes = text_utf8_bytes(string);

	return bytes && is_printable(decoded((const unsigned char *)string, bytes)) ? bytes : 0;
}

void text_add_printable(struct text *text, const char *string)
{
	while (*string) {
		size_t bytes = text_utf8_bytes(string);
		unsigned int character = decoded((const unsigned char *)string, bytes ? bytes : 1);

		if (bytes && is_printable(character))
			text_add_bytes(text, string, bytes);
		else if (bytes <= 1)
			text_format(text, "\\x%02x", character);
		else
			text_format(text, "\\u{%x}", character);
		string += bytes ? bytes : 1;
	}
}

/* JSON has 16 bits an escape: two of them beyond. */
static void add_code_escape(struct text *text, unsigned int character)
{
	if (character > 0xffff)
		text_format(text, "\\u%04x\\u%04x", 0xd800 + ((character - 0x10000) >> 10),
			    0xdc00 + ((character - 0x10000) & 0x3ff));
	else
		text_format(text, "\\u%04x", character);
}

static void add_escape(struct text *text, unsigned char byte)
{
	static const char letters[] = "\bb\nn\tt\rr\ff\"\"\\\\";
	const char *pair;

	for (pair = letters; *pair; pair += 2) {
		if ((unsigned char)pair[0] == byte) {
			text_format(text, "\\%c", pair[1]);
			return;
		}
	}
	text_format(text, "\\u%04x", byte);
}

void text_add_quoted(struct text *text, const char *string)
{
	text_add(text, "\"");
	while (*string) {
		size_t bytes = text_utf8_bytes(string);
		unsigned char byte = (unsigned char)*string;

		if (bytes == 0)
			text_add(text, "\xef\xbf\xbd");
		else if (byte < 0x20 || byte == '"' || byte == '\\')
			add_escape(text, byte);
		else if (!text_printable_bytes(string))
			add_code_escape(text, decoded((const unsigned char *)string, bytes));
		else
			text_add_bytes(text, string, bytes);
		string += bytes ? bytes : 1;
	}
	text_add(text, "\"");
}

static char folded(char letter)
{
	if (letter >= 'A' && letter <= 'Z')
		return (char)(letter - 'A' + 'a');
	return letter == '-' ? '_' : letter;
}

static unsigned int least(unsigned int left, unsigned int right)
{
	return left < right ? left : right;
}

/* Optimal string alignment: three rows of the Damerau-Levenshtein table, and of each row only what
 * is near enough to the diagonal to stay within `limit` edits. More than that gives limit + 1. */
static unsigned int distance_within(const char *left, const char *right, unsigned int limit)
{
	unsigned int rows[3][WORD_BYTES_MAX + 2] = { { 0 } };
	unsigned int *before = rows[0], *above = rows[1], *row = rows[2];
	unsigned int height = (unsigned int)strnlen(left, WORD_BYTES_MAX + 1);
	unsigned int width = (unsigned int)strnlen(right, WORD_BYTES_MAX + 1), i, j;

	if (height > WORD_BYTES_MAX || width > WORD_BYTES_MAX ||
	    (height > width ? height - width : width - height) > limit)
		return limit + 1;
	for (j = 0; j <= width; j++)
		above[j] = j;
	for (i = 1; i <= height; i++) {
		unsigned int *oldest = before;
		unsigned int first = i > limit ? i - limit : 1, last = least(width, i + limit);

		row[first - 1] = first == 1 ? i : limit + 1;
		for (j = first; j <= last; j++) {
			unsigned int differs = folded(left[i - 1]) != folded(right[j - 1]);

			row[j] = least(above[j - 1] + differs, row[j - 1] + 1);
			if (j < i + limit)
				row[j] = least(row[j], above[j] + 1);
			if (i > 1 && j > 1 && folded(left[i - 1]) == folded(right[j - 2]) &&
			    folded(left[i - 2]) == folded(right[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = oldest;
	}
	return least(above[width], limit + 1);
}

unsigned int text_distance(const char *left, const char *right)
{
	return distance_within(left, right, WORD_BYTES_MAX);
}

static bool is_prefix(const char *start, const char *whole)
{
	size_t bytes = strlen(start);

	return bytes >= 3 && strncmp(start, whole, bytes) == 0;
}

void text_nearest_offer(struct text_nearest *nearest, const char *candidate)
{
	unsigned int tolerated = least((unsigned int)(strlen(nearest->word) + 1) / 3, EDITS_MAX);
	unsigned int distance = distance_within(nearest->word, candidate, tolerated);

	if (is_prefix(nearest->word, candidate) || is_prefix(candidate, nearest->word))
		distance = least(distance, 1);
	if (distance > tolerated || (nearest->best && distance >= nearest->distance))
		return;
	nearest->best = candidate;
	nearest->distance = distance;
}
