/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups × panes × bytes: the numbers, what is reduced by default, what is refused, and that
 * following the advice in the refusal helps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/memory.h"
#include "load.h"

static void counts_panes(void **state)
{
	static const struct {
		const char *window;
		__u64 panes;
	} cases[] = {
		{ "size: 10s, max_disorder: 0s", 2 },
		{ "size: 10s, max_disorder: 2s", 3 },
		{ "size: 10s, max_disorder: 10s", 3 },
		{ "size: 10s, max_disorder: 11s", 4 },
		{ "size: 10s, max_disorder: 2s, allowed_lateness: 30s", 6 },
		{ "kind: sliding, size: 60s, slide: 1s, max_disorder: 2s", 63 },
		{ "kind: sliding, size: 60s, slide: 25s, max_disorder: 0s", 13 },
		{ "kind: session, gap: 30s", 2 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_memory memory;
		struct config *config;
		char text[256];

		snprintf(text, sizeof(text), LOAD_START "windows: [{name: w, %s}]\n",
			 cases[i].window);
		config = load_valid(text, CONFIG_FEATURES_ALL);
		config_memory_window(config, 0, &memory);
		assert_int_equal(memory.panes, cases[i].panes);
		config_free(config);
	}
}

static void adds_up(void **state)
{
	struct config *config =
		load_valid(LOAD_START "windows:\n"
				      "  - {name: a, size: 10s, max_disorder: 0s}\n"
				      "  - {name: b, size: 10s, max_disorder: 0s, "
				      "group_by: [key, type], aggregate: [first]}\n",
			   CONFIG_FEATURES_ALL);
	struct config_memory a, b;

	(void)state;
	config_memory_window(config, 0, &a);
	config_memory_window(config, 1, &b);
	assert_int_equal(b.group_bytes, a.group_bytes + 16);
	assert_int_equal(b.pane_bytes, a.pane_bytes + 40);
	assert_int_equal(config_memory_bytes(&a, 100), 100 * (2 * a.pane_bytes + a.group_bytes));
	assert_int_equal(config_memory_total(config, 7),
			 config_memory_bytes(&a, 7) + config_memory_bytes(&b, 7));
	assert_true(config_memory_bytes(&a, UINT64_MAX) == UINT64_MAX);
	assert_true(config_memory_total(config, UINT64_MAX) == UINT64_MAX);
	config_free(config);
}

static void reduces_the_default_but_never_what_is_written(void **state)
{
	struct config *config = load_valid(LOAD_START LOAD_WINDOW "limits: {memory: 32MiB}\n", 0);
	__u32 fitting = config->groups_max;
	char text[256];

	(void)state;
	assert_int_equal(config->groups_wanted, 1000000);
	assert_true(fitting < 1000000 && fitting >= 1000 && fitting % 1000 == 0);
	assert_true(config_memory_total(config, fitting) <= 32 << 20);
	assert_true(config_memory_total(config, fitting + 1000) > 32 << 20);
	config_free(config);
	snprintf(text, sizeof(text),
		 LOAD_START LOAD_WINDOW "limits: {memory: 32MiB, max_groups: %u}\n", fitting);
	config = load_valid(text, 0);
	assert_int_equal(config->groups_max, fitting);
	config_free(config);
	snprintf(text, sizeof(text),
		 LOAD_START LOAD_WINDOW "limits: {memory: 32MiB, max_groups: %u}\n",
		 fitting + 1000);
	assert_non_null(strstr(load_wrong(text, 0), "limits.memory 32MiB cannot hold"));
}

static void take_advice(const char *said, const char *before, char *out)
{
	const char *at = strstr(said, before);

	assert_non_null(at);
	at += strlen(before);
	sprintf(out, "%.*s", (int)strcspn(at, "`"), at);
}

static void advice_helps(void **state)
{
	static const char start[] = LOAD_START
		"windows: [{name: w, kind: sliding, size: 60s, slide: 1s, group_by: [key]}]\n";
	char text[512], groups[32], memory[32];
	const char *said;
	struct config *config;

	(void)state;
	snprintf(text, sizeof(text), "%slimits: {memory: 1GiB, max_groups: 5000000}\n", start);
	said = load_wrong(text, CONFIG_FEATURES_ALL);
	take_advice(said, "`max_groups: ", groups);
	take_advice(said, "`memory: ", memory);
	snprintf(text, sizeof(text), "%slimits: {memory: 1GiB, max_groups: %s}\n", start, groups);
	config = load_valid(text, CONFIG_FEATURES_ALL);
	assert_true(config_memory_total(config, config->groups_max + 1) > 1 << 30);
	config_free(config);
	snprintf(text, sizeof(text), "%slimits: {memory: %s, max_groups: 5000000}\n", start,
		 memory);
	config_free(load_valid(text, CONFIG_FEATURES_ALL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_panes),
		cmocka_unit_test(adds_up),
		cmocka_unit_test(reduces_the_default_but_never_what_is_written),
		cmocka_unit_test(advice_helps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
