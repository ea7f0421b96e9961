/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of names: the first name of an id stays, spaces are apart, full is an answer, and what
 * stands in it is what would be written. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/name/name_table.h"

static int add(struct name_table *table, __u8 space, __u64 id, const char *text)
{
	const struct name_taught name = { space, (__u8)strlen(text), id, text };

	return name_table_add(table, &name);
}

static void the_first_name_stays(void **state)
{
	struct name_table table = { 0 };
	struct name_taught name;
	size_t offset = 0;

	(void)state;
	assert_int_equal(name_table_open(&table, 1), 0);
	assert_int_equal(add(&table, SLUICE_SPACE_TYPE, 2, "click"), 1);
	assert_int_equal(add(&table, SLUICE_SPACE_TYPE, 2, "click"), 0);
	assert_int_equal(add(&table, SLUICE_SPACE_TYPE, 2, "clicks"), -EEXIST);
	assert_int_equal(add(&table, SLUICE_SPACE_TYPE, 2, "clack"), -EEXIST);
	assert_int_equal(add(&table, SLUICE_SPACE_DIM0, 2, "eightful"), 1);
	assert_int_equal(table.count, 2);
	assert_true(name_table_next(&table, &offset, &name));
	assert_true(name.space == SLUICE_SPACE_TYPE && name.id == 2 && name.bytes == 5);
	assert_memory_equal(name.text, "click\0\0\0", 8);
	assert_true(name_table_next(&table, &offset, &name));
	assert_memory_equal(name.text, "eightful", name.bytes);
	assert_int_equal(offset, 16 + 8 + 16 + 8);
	assert_false(name_table_next(&table, &offset, &name));
	name_table_close(&table);
}

static void full_is_an_answer(void **state)
{
	struct name_table table = { 0 };
	const __u64 most = SLUICE_NAMES_BYTES_MAX / 24;
	__u64 id = 0;
	int got;

	(void)state;
	assert_int_equal(name_table_open(&table, 2), 0);
	while ((got = add(&table, SLUICE_SPACE_KEY, id, "name")) == 1)
		id++;
	assert_int_equal(got, -ENOSPC);
	assert_int_equal(id, most);
	assert_int_equal(add(&table, SLUICE_SPACE_KEY, 0, "name"), 0);
	assert_int_equal(add(&table, SLUICE_SPACE_KEY, most - 1, "other"), -EEXIST);
	assert_int_equal(table.bytes, most * 24);
	name_table_close(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_name_stays),
		cmocka_unit_test(full_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
