/* SPDX-License-Identifier: BSD-2-Clause */
/* Text in fixed buffers, UTF-8, quoting, and words that were probably meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/types.h>

#include "base/text.h"

static void cuts_at_the_room_and_says_so(void **state)
{
	char buffer[8];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	text_add(&text, "abc");
	text_format(&text, "%d", 1234);
	assert_string_equal(buffer, "abc1234");
	assert_false(text.is_cut);
	text_add(&text, "x");
	assert_true(text.is_cut);
	assert_string_equal(buffer, "abc1234");
	text_cut(&text, 2);
	assert_false(text.is_cut);
	text_format(&text, "%s", "123456");
	assert_true(text.is_cut);
	assert_string_equal(buffer, "ab12345");
	assert_int_equal(text.bytes, 7);
}

static void takes_a_buffer_of_one_byte(void **state)
{
	char buffer[2] = "zz";
	struct text text;

	(void)state;
	text_init(&text, buffer, 1);
	text_add(&text, "a");
	text_format(&text, "%d", 7);
	assert_string_equal(buffer, "");
	assert_int_equal(buffer[1], 'z');
	assert_true(text.is_cut);
}

static void tells_utf8_from_other_bytes(void **state)
{
	static const struct {
		const char *string;
		size_t bytes;
	} cases[] = {
		{ "", 0 },
		{ "a", 1 },
		{ "\xc3\xa9", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x98\x80", 4 },
		{ "\x80", 0 },
		{ "\xc0\xaf", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xe0\x80\xaf", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xc3", 0 },
		{ "\xe2\x82", 0 },
		{ "\xf0\x9f\x98", 0 },
		{ "\xff", 0 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(text_utf8_bytes(cases[i].string), cases[i].bytes);
}

static void quotes_as_json(void **state)
{
	static const struct {
		const char *string;
		const char *quoted;
	} cases[] = {
		{ "", "\"\"" },
		{ "plain", "\"plain\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "line\nfeed\ttab", "\"line\\nfeed\\ttab\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
		{ "\xc3\xa9", "\"\xc3\xa9\"" },
		{ "\xff!", "\"\xef\xbf\xbd!\"" },
		{ "\xc2\x9b", "\"\\u009b\"" },
		{ "\xe2\x80\xae", "\"\\u202e\"" },
		{ "\xf3\xa0\x80\x81", "\"\\udb40\\udc01\"" },
		{ "\xf0\x9f\x99\x82", "\"\xf0\x9f\x99\x82\"" },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char buffer[64];
		struct text text;

		text_init(&text, buffer, sizeof(buffer));
		text_add_quoted(&text, cases[i].string);
		assert_string_equal(buffer, cases[i].quoted);
	}
}

static void prints_nothing_that_drives_a_terminal(void **state)
{
	static const struct {
		const char *string;
		const char *printed;
	} cases[] = {
		{ "plain \xc3\xa9 \xe2\x82\xac", "plain \xc3\xa9 \xe2\x82\xac" },
		{ "\x1b[31m\r\n", "\\x1b[31m\\x0d\\x0a" },
		{ "\x7f\xff", "\\x7f\\xff" },
		{ "\xc2\x9b", "\\u{9b}" },		/* C1: a terminal may take it for ESC [ */
		{ "a\xe2\x80\xa8z", "a\\u{2028}z" },	/* line separator */
		{ "\xe2\x80\xae", "\\u{202e}" },	/* right to left from here on */
		{ "\xe2\x81\xa6", "\\u{2066}" },
		{ "\xd8\x9c", "\\u{61c}" },
		{ "\xe2\x80\xa6", "\xe2\x80\xa6" },	/* an ellipsis is one to see */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char buffer[64];
		struct text text;

		text_init(&text, buffer, sizeof(buffer));
		text_add_printable(&text, cases[i].string);
		assert_string_equal(buffer, cases[i].printed);
	}
}

static void counts_edits(void **state)
{
	static const struct {
		const char *left;
		const char *right;
		unsigned int distance;
	} cases[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "size", "size", 0 },
		{ "size", "sise", 1 },
		{ "wnidows", "windows", 1 },
		{ "kitten", "sitting", 3 },
		{ "max-groups", "Max_Groups", 0 },
		{ "ab", "ba", 1 },
		{ "abc", "ca", 3 },
		{ "group", "group_by", 3 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(text_distance(cases[i].left, cases[i].right), cases[i].distance);
		assert_int_equal(text_distance(cases[i].right, cases[i].left), cases[i].distance);
	}
}

static const char *nearest(const char *word)
{
	static const char *const known[] = { "size", "slide", "offset", "group_by",
					     "gap",  "min",   "max" };
	struct text_nearest found = { .word = word };
	unsigned int i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		text_nearest_offer(&found, known[i]);
	return found.best;
}

static void suggests_only_what_is_near(void **state)
{
	char longest[200];

	(void)state;
	assert_string_equal(nearest("sze"), "size");
	assert_string_equal(nearest("Size"), "size");
	assert_string_equal(nearest("slied"), "slide");
	assert_string_equal(nearest("group"), "group_by");
	assert_string_equal(nearest("group-by"), "group_by");
	assert_null(nearest("median"));
	assert_null(nearest("g"));
	assert_null(nearest(""));
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(nearest(longest));
}

static void random_word(char *out, __u32 *seed)
{
	unsigned int bytes, i;

	*seed = *seed * 1664525 + 1013904223;
	bytes = *seed >> 28;
	for (i = 0; i < bytes; i++) {
		*seed = *seed * 1664525 + 1013904223;
		out[i] = (char)('a' + (*seed >> 24) % 3);
	}
	out[bytes] = '\0';
}

/* The search looks only near the diagonal; the plain distance looks everywhere. */
static void suggests_what_the_distance_says(void **state)
{
	unsigned int round, suggested = 0;
	__u32 seed = 1;

	(void)state;
	for (round = 0; round < 20000; round++) {
		char left[16], right[16];
		struct text_nearest found = { .word = left };
		unsigned int distance, tolerated;

		random_word(left, &seed);
		random_word(right, &seed);
		distance = text_distance(left, right);
		tolerated = (unsigned int)(strlen(left) + 1) / 3;
		tolerated = tolerated < 4 ? tolerated : 4;
		text_nearest_offer(&found, right);
		if (distance <= tolerated) {
			assert_string_equal(found.best, right);
			assert_true(found.distance <= distance);
			suggested++;
		} else if (found.best) { /* one begins with the other */
			assert_true(strncmp(left, right, strlen(left)) == 0 ||
				    strncmp(left, right, strlen(right)) == 0);
		}
	}
	assert_true(suggested > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_at_the_room_and_says_so),
		cmocka_unit_test(takes_a_buffer_of_one_byte),
		cmocka_unit_test(tells_utf8_from_other_bytes),
		cmocka_unit_test(quotes_as_json),
		cmocka_unit_test(prints_nothing_that_drives_a_terminal),
		cmocka_unit_test(counts_edits),
		cmocka_unit_test(suggests_only_what_is_near),
		cmocka_unit_test(suggests_what_the_distance_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
