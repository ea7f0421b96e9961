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

#define BY_KEY "windows: [{name: w, size: 10s, group_by: [key]}]\n"

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
	assert_int_equal(b.group_bytes, a.group_bytes + 8);
	assert_int_equal(b.pane_bytes, a.pane_bytes + sizeof(struct sluice_point));
	assert_int_equal(config_memory_bytes(&b, 512), 512 * (2 * b.pane_bytes + b.group_bytes));
	assert_int_equal(config_memory_total(config, 7),
			 config_memory_bytes(&a, 7) + config_memory_bytes(&b, 7));
	assert_true(config_memory_bytes(&b, UINT64_MAX) == UINT64_MAX);
	assert_true(config_memory_total(config, UINT64_MAX) == UINT64_MAX);
	config_free(config);
}

static void reduces_the_default_but_never_what_is_written(void **state)
{
	struct config *config = load_valid(LOAD_START BY_KEY "limits: {memory: 32MiB}\n", 0);
	__u32 fitting = config->groups_max;
	char text[256];

	(void)state;
	assert_int_equal(config->groups_wanted, 1000000);
	assert_true(fitting < 1000000 && fitting >= 1000 && fitting % 1000 == 0);
	assert_true(config_memory_total(config, fitting) + config_memory_sources(config) <=
		    32 << 20);
	assert_true(config_memory_total(config, fitting + 1000) + config_memory_sources(config) >
		    32 << 20);
	config_free(config);
	snprintf(text, sizeof(text),
		 LOAD_START BY_KEY "limits: {memory: 32MiB, max_groups: %u}\n", fitting);
	config = load_valid(text, 0);
	assert_int_equal(config->groups_max, fitting);
	config_free(config);
	snprintf(text, sizeof(text),
		 LOAD_START BY_KEY "limits: {memory: 32MiB, max_groups: %u}\n", fitting + 1000);
	assert_non_null(strstr(load_wrong(text, 0), "limits.memory 32MiB cannot hold"));
}

/* What is charged is as many groups as there can be. */
static void charges_no_groups_that_cannot_be(void **state)
{
	static const struct {
		const char *groups;
		__u64 possible;
	} cases[] = {
		{ "", 1 },
		{ "group_by: [type]", 65536 },
		{ "group_by: [tenant]", 65536 },
		{ "group_by: [type, tenant]", 1ull << 32 },
		{ "group_by: [type, dim0]", 1ull << 48 },
		{ "group_by: [type, dim0, dim1]", UINT64_MAX },
		{ "group_by: [key]", UINT64_MAX },
		{ "group_by: [type], where: {types: [1, 2, 7]}", 3 },
		{ "group_by: [dim0, tenant], where: {dim0: [1, 2]}", 2 * 65536 },
		{ "where: {types: [1, 2, 7]}", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_memory memory;
		struct config *config;
		char text[512];

		snprintf(text, sizeof(text),
			 LOAD_START "windows: [{name: w, size: 10s, %s}]\n"
				    "limits: {memory: 64MiB, max_groups: 100000}\n",
			 cases[i].groups);
		config = load_valid(text, CONFIG_FEATURES_ALL);
		config_memory_window(config, 0, &memory);
		assert_true(memory.groups_max == cases[i].possible);
		assert_true(config_memory_rows(&memory, 100000) >= 100000 ||
			    config_memory_rows(&memory, 100000) - cases[i].possible < 256);
		config_free(config);
	}
}

/* One window without groups takes the others nothing that is worth a word. */
static void a_window_of_one_group_costs_no_other_its_groups(void **state)
{
	static const char one[] = "{name: one, kind: sliding, size: 1h, slide: 1s}";
	static const char many[] = "{name: many, size: 10s, group_by: [key]}";
	static const char types[] = "{name: types, size: 1s, group_by: [type]}";
	struct config *config;
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), LOAD_START "windows: [%s]\n", one);
	config = load_valid(text, CONFIG_FEATURES_ALL);
	assert_int_equal(config->groups_max, 1000000);
	config_free(config);
	snprintf(text, sizeof(text), LOAD_START "windows: [%s, %s, %s]\n", one, many, types);
	config = load_valid(text, CONFIG_FEATURES_ALL);
	assert_int_equal(config->groups_max, 1000000);
	config_free(config);
}

/* A quarter of the memory is not for groups when there are sketches, and advice knows. */
static void sets_memory_aside_for_sketches(void **state)
{
	struct config *plain = load_valid(
		LOAD_START LOAD_WINDOW "limits: {memory: 64MiB, max_sources: 1000}\n", 0);
	struct config *config =
		load_valid(LOAD_START
			   "windows: [{name: w, size: 10s, group_by: [key], max_disorder: 0s, "
			   "aggregate: [count, \"distinct(key)\", \"top(key, 3)\", "
			   "\"quantiles(value)\"]}]\n"
			   "limits: {memory: 64MiB, max_sources: 1000}\n",
			   CONFIG_FEATURES_ALL);
	struct config_memory memory, plain_memory;
	__u64 groups = config_memory_groups(config), room;

	(void)state;
	config_memory_window(config, 0, &memory);
	config_memory_window(plain, 0, &plain_memory);
	assert_int_equal(memory.pane_bytes, plain_memory.pane_bytes + 3 * 8);
	assert_int_equal(config_memory_sketches(plain), 0);
	room = (64 << 20) - config_memory_sources(config);
	assert_int_equal(config_memory_sketches(config), room / 4);
	room -= room / 4;
	assert_true(config_memory_total(config, groups) <= room);
	assert_true(config_memory_total(config, groups + 1) > room);
	assert_true(config_memory_needed(config, groups) <= (64 << 20) + 4);
	assert_true(config_memory_needed(config, groups + 1) > 64 << 20);
	assert_int_equal(config_memory_needed(plain, 100),
			 config_memory_total(plain, 100) + config_memory_sources(plain));
	config_free(config);
	config_free(plain);
}

/* What is for ids is for nothing else: a quarter by default, or what is written. */
static void sets_memory_aside_for_event_ids(void **state)
{
	static const char window[] =
		LOAD_START "windows: [{name: w, size: 10s, group_by: [key], dedup: event_id}]\n";
	struct config *config = load_valid(LOAD_START LOAD_WINDOW "limits: {memory: 64MiB}\n", 0);
	char text[512];
	__u64 room;

	(void)state;
	assert_int_equal(config_memory_dedup(config), 0);
	config_free(config);
	snprintf(text, sizeof(text), "%slimits: {memory: 64MiB}\n", window);
	config = load_valid(text, CONFIG_FEATURES_ALL);
	assert_int_equal(config_memory_dedup_windows(config), 1);
	assert_int_equal(config_memory_dedup(config), 16 << 20);
	room = (48 << 20) - config_memory_sources(config);
	assert_true(config_memory_total(config, config_memory_groups(config)) <= room);
	assert_true(config_memory_total(config, config_memory_groups(config) + 1) > room);
	config_free(config);
	snprintf(text, sizeof(text), "%slimits: {memory: 64MiB, dedup_memory: 20MiB}\n", window);
	config = load_valid(text, CONFIG_FEATURES_ALL);
	assert_int_equal(config_memory_dedup(config), 20 << 20);
	assert_int_equal(config_memory_needed(config, 100),
			 config_memory_total(config, 100) + (20 << 20) +
				 config_memory_of_sources(config, config->sources_wanted));
	config_free(config);
	snprintf(text, sizeof(text), "%slimits: {memory: 64MiB, dedup_memory: 33MiB}\n", window);
	assert_non_null(strstr(load_wrong(text, CONFIG_FEATURES_ALL),
			       "4:39: dedup_memory: 33MiB is more than half of limits.memory; "
			       "write at most 32MiB"));
	config = load_valid(window, CONFIG_FEATURES_ALL);
	assert_int_equal(config_memory_dedup(config), 256 << 20);
	config_free(config);
}

/* Places of sources are part of the memory: by default a quarter at most, never more than half. */
static void sets_memory_aside_for_sources(void **state)
{
	struct config *config = load_valid(LOAD_START BY_KEY, 0);
	char text[256];
	const char *said;

	(void)state;
	assert_int_equal(config->sources_max, 65536);
	assert_true(config_memory_sources(config) > 65536 * 2112ull);
	config_free(config);
	config = load_valid(LOAD_START BY_KEY "limits: {memory: 64MiB}\n", 0);
	assert_true(config->sources_max < 65536);
	assert_true(config_memory_sources(config) <= 16 << 20);
	assert_true(config_memory_of_sources(config, config->sources_max + 1000) > 16 << 20);
	config_free(config);
	said = load_wrong(LOAD_START BY_KEY "limits: {memory: 64MiB, max_sources: 16777216}\n", 0);
	assert_non_null(
		strstr(said, "more than half of limits.memory 64MiB; write `max_sources: "));
	snprintf(text, sizeof(text),
		 LOAD_START BY_KEY "limits: {memory: 64MiB, max_sources: %u}\n",
		 (unsigned int)strtoul(strstr(said, "`max_sources: ") + 14, NULL, 10));
	config_free(load_valid(text, 0));
}

/* Two sets do not fit one MiB, and the advice helps. */
static void needs_a_mebibyte_a_set(void **state)
{
	static const char windows[] =
		LOAD_START "windows: [{name: a, size: 10s, dedup: event_id},\n"
			   "          {name: b, size: 10s, dedup: event_id}]\n";
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), "%slimits: {dedup_memory: 1MiB}\n", windows);
	assert_non_null(strstr(load_wrong(text, CONFIG_FEATURES_ALL),
			       "5:24: the 2 windows with dedup: event_id need 1MiB each; write "
			       "`dedup_memory: 2MiB` or more"));
	snprintf(text, sizeof(text), "%slimits: {dedup_memory: 2MiB}\n", windows);
	config_free(load_valid(text, CONFIG_FEATURES_ALL));
}

/* Emission remembers aggregates of a window that slides over many panes, unless it has sketches. */
static void counts_what_emission_remembers(void **state)
{
	static const char sliding[] =
		LOAD_START "windows: [{name: w, kind: sliding, size: %s, slide: 1s, "
			   "group_by: [key], aggregate: [%s]}]\n";
	static const struct {
		const char *size, *aggregate;
		__u64 columns;
	} cases[] = {
		{ "4s", "count", 0 },
		{ "5s", "count", 5 / 3 + 3 + 2 },
		{ "60s", "count", 60 / 8 + 8 + 2 },
		{ "60s", "first", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_memory memory;
		struct config *config;
		char text[256];

		snprintf(text, sizeof(text), sliding, cases[i].size, cases[i].aggregate);
		config = load_valid(text, CONFIG_FEATURES_ALL);
		config_memory_window(config, 0, &memory);
		assert_int_equal(memory.group_bytes,
				 8 + 8 + 16 + cases[i].columns * sizeof(struct sluice_partial));
		config_free(config);
	}
}

static void take_advice(const char *said, const char *before, char *out)
{
	const char *at = strstr(said, before);

	assert_non_null(at);
	at += strlen(before);
	sprintf(out, "%.*s", (int)strcspn(at, "`"), at);
}

static void try_advice(const char *start)
{
	char text[512], groups[32], memory[32];
	const char *said;
	struct config *config;

	snprintf(text, sizeof(text), "%slimits: {memory: 1GiB, max_groups: 5000000}\n", start);
	said = load_wrong(text, CONFIG_FEATURES_ALL);
	take_advice(said, "`max_groups: ", groups);
	take_advice(said, "`memory: ", memory);
	snprintf(text, sizeof(text), "%slimits: {memory: 1GiB, max_groups: %s}\n", start, groups);
	config = load_valid(text, CONFIG_FEATURES_ALL);
	assert_true(config_memory_total(config, config->groups_max + 1) +
			    config_memory_dedup(config) + config_memory_sources(config) >
		    1 << 30);
	config_free(config);
	snprintf(text, sizeof(text), "%slimits: {memory: %s, max_groups: 5000000}\n", start,
		 memory);
	config_free(load_valid(text, CONFIG_FEATURES_ALL));
}

static void advice_helps(void **state)
{
	(void)state;
	try_advice(LOAD_START
		   "windows: [{name: w, kind: sliding, size: 60s, slide: 1s, group_by: [key]}]\n");
	try_advice(LOAD_START
		   "windows: [{name: w, kind: sliding, size: 60s, slide: 1s, group_by: [key], "
		   "dedup: event_id}]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_panes),
		cmocka_unit_test(adds_up),
		cmocka_unit_test(reduces_the_default_but_never_what_is_written),
		cmocka_unit_test(charges_no_groups_that_cannot_be),
		cmocka_unit_test(a_window_of_one_group_costs_no_other_its_groups),
		cmocka_unit_test(sets_memory_aside_for_sketches),
		cmocka_unit_test(sets_memory_aside_for_event_ids),
		cmocka_unit_test(sets_memory_aside_for_sources),
		cmocka_unit_test(needs_a_mebibyte_a_set),
		cmocka_unit_test(counts_what_emission_remembers),
		cmocka_unit_test(advice_helps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
