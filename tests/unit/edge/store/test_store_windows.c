/* SPDX-License-Identifier: BSD-2-Clause */
/* Epochs of windows: they only rise, whatever comes and goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/store/store_windows.h"

static void epochs_rise_by_name(void **state)
{
	struct store_windows windows = { 0 };

	(void)state;
	assert_int_equal(store_windows_raise(&windows, "clicks", 7), 1);
	assert_int_equal(store_windows_raise(&windows, "visits", 8), 1);
	assert_int_equal(store_windows_raise(&windows, "clicks", 9), 2);
	assert_int_equal(windows.count, 2);
	assert_int_equal(store_windows_find(&windows, "clicks")->definition, 9);
	assert_null(store_windows_find(&windows, "click"));
}

/* A name that was forgotten never gets an epoch again that it may have had. */
static void forgotten_names_start_above(void **state)
{
	struct store_windows *windows = calloc(1, sizeof(*windows));
	char name[32];

	(void)state;
	assert_non_null(windows);
	for (int i = 0; i < 5; i++)
		store_windows_raise(windows, "first", 1);
	for (unsigned int i = 0; i < STORE_WINDOWS_MAX; i++) {
		snprintf(name, sizeof(name), "w%u", i);
		store_windows_raise(windows, name, i);
	}
	assert_int_equal(windows->count, STORE_WINDOWS_MAX);
	assert_null(store_windows_find(windows, "first"));
	assert_int_equal(store_windows_raise(windows, "first", 1), 6);
	free(windows);
}

static void text_comes_back(void **state)
{
	struct store_windows windows = { .floor = 3 }, read;
	char buffer[1024];
	struct text text;

	(void)state;
	store_windows_raise(&windows, "a b=c%\x7f", UINT64_MAX);
	store_windows_raise(&windows, "p\xc3\xa4ge", 0);
	text_init(&text, buffer, sizeof(buffer));
	store_windows_format(&windows, &text);
	assert_null(strchr(buffer, '\n'));
	assert_int_equal(store_windows_parse(&read, buffer), 0);
	assert_int_equal(read.floor, 3);
	assert_int_equal(read.count, 2);
	assert_int_equal(store_windows_find(&read, "a b=c%\x7f")->definition, UINT64_MAX);
	assert_int_equal(store_windows_find(&read, "p\xc3\xa4ge")->epoch, 4);
}

static void other_text_is_refused(void **state)
{
	static const char *const texts[] = { "",	   "x",	       "1 ",	    "1 a",
					     "1 a=",	   "1 =1.0",   "1 a=1",	    "1 a=1.0,",
					     "1 a%4=1.00", "1 a=1.0 a=2.0" };
	struct store_windows windows;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_true(store_windows_parse(&windows, texts[i]) < 0);
	assert_int_equal(store_windows_parse(&windows, "0"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(epochs_rise_by_name),
		cmocka_unit_test(forgotten_names_start_above),
		cmocka_unit_test(text_comes_back),
		cmocka_unit_test(other_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
