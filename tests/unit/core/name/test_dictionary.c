/* SPDX-License-Identifier: BSD-2-Clause */
/* Dictionary entries of any bytes: lengths that lie are seen before anything is taken, and each
 * name is judged by itself. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/name/dictionary.h"

static __u8 entries[1024];

static size_t put(size_t at, __u8 space, __u64 id, const char *text)
{
	const struct name_taught name = { space, (__u8)strlen(text), id, text };

	name_entry_write(entries + at, &name);
	return at + name_entry_bytes(name.bytes);
}

static void entries_follow_one_another(void **state)
{
	size_t bytes = put(put(put(0, SLUICE_SPACE_KEY, 1, "a"), SLUICE_SPACE_TYPE, 2, "eightful"),
			   SLUICE_SPACE_TENANT, 3, "nine char");
	struct dictionary_cursor cursor;
	struct name_taught name;
	__u32 count;

	(void)state;
	assert_int_equal(bytes, 24 + 24 + 32);
	assert_int_equal(dictionary_open(&cursor, entries, bytes, &count), 0);
	assert_int_equal(count, 3);
	assert_true(dictionary_next(&cursor, &name));
	assert_true(name.space == SLUICE_SPACE_KEY && name.id == 1 && name.bytes == 1);
	assert_true(dictionary_next(&cursor, &name));
	assert_memory_equal(name.text, "eightful", name.bytes);
	assert_true(dictionary_next(&cursor, &name));
	assert_memory_equal(name.text, "nine char", name.bytes);
	assert_false(dictionary_next(&cursor, &name));
	assert_int_equal(dictionary_open(&cursor, entries, 0, &count), 0);
	assert_int_equal(count, 0);
	assert_false(dictionary_next(&cursor, &name));
}

static void lengths_that_lie(void **state)
{
	size_t bytes = put(put(0, SLUICE_SPACE_KEY, 1, "a"), SLUICE_SPACE_KEY, 2, "b");
	struct dictionary_cursor cursor;
	__u32 count = 77;

	(void)state;
	for (size_t cut = 1; cut < 24; cut++)
		assert_int_equal(dictionary_open(&cursor, entries, bytes - cut, &count), -EBADMSG);
	for (size_t more = 1; more < 16; more++)
		assert_int_equal(dictionary_open(&cursor, entries, bytes + more, &count), -EBADMSG);
	entries[24 + 1] = 9; /* of one byte */
	assert_int_equal(dictionary_open(&cursor, entries, bytes, &count), -EBADMSG);
	entries[24 + 1] = 255;
	assert_int_equal(dictionary_open(&cursor, entries, bytes, &count), -EBADMSG);
	assert_int_equal(count, 77);
}

static enum dictionary_verdict judge(__u8 space, __u64 id, const char *text, size_t bytes)
{
	const struct name_taught name = { space, (__u8)bytes, id, text };

	return dictionary_judge(&name);
}

static void names_are_judged(void **state)
{
	char long_name[255];

	(void)state;
	memset(long_name, 'x', sizeof(long_name));
	assert_int_equal(judge(SLUICE_SPACE_KEY, UINT64_MAX, long_name, 255), DICTIONARY_GOOD);
	assert_int_equal(judge(SLUICE_SPACE_KEY, 0, "Zürich", 7), DICTIONARY_GOOD);
	assert_int_equal(judge(SLUICE_SPACE_COUNT, 0, "x", 1), DICTIONARY_BAD_SPACE);
	assert_int_equal(judge(255, 0, "x", 1), DICTIONARY_BAD_SPACE);
	assert_int_equal(judge(SLUICE_SPACE_TYPE, 65535, "x", 1), DICTIONARY_GOOD);
	assert_int_equal(judge(SLUICE_SPACE_TYPE, 65536, "x", 1), DICTIONARY_BAD_ID);
	assert_int_equal(judge(SLUICE_SPACE_TENANT, 65536, "x", 1), DICTIONARY_BAD_ID);
	assert_int_equal(judge(SLUICE_SPACE_DIM3, UINT32_MAX, "x", 1), DICTIONARY_GOOD);
	assert_int_equal(judge(SLUICE_SPACE_DIM3, 1ull << 32, "x", 1), DICTIONARY_BAD_ID);
	assert_int_equal(judge(SLUICE_SPACE_KEY, 0, "", 0), DICTIONARY_BAD_TEXT);
	assert_int_equal(judge(SLUICE_SPACE_KEY, 0, "a\0b", 3), DICTIONARY_BAD_TEXT);
	assert_int_equal(judge(SLUICE_SPACE_KEY, 0, "a\0", 2), DICTIONARY_BAD_TEXT);
	assert_int_equal(judge(SLUICE_SPACE_KEY, 0, "\xff", 1), DICTIONARY_BAD_TEXT);
	assert_int_equal(judge(SLUICE_SPACE_KEY, 0, "Z\xc3", 2), DICTIONARY_BAD_TEXT);
	assert_int_equal(judge(SLUICE_SPACE_KEY, 0, "\xc0\x80", 2), DICTIONARY_BAD_TEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_follow_one_another),
		cmocka_unit_test(lengths_that_lie),
		cmocka_unit_test(names_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
