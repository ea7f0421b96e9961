/* SPDX-License-Identifier: BSD-2-Clause */
/* deploy/sluice.yaml against the schema: it names every key, shows the defaults and nothing else,
 * and means exactly what a configuration without those keys means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "config/node.h"
#include "config/schema.h"
#include "load.h"

#define DEPLOYED "deploy/sluice.yaml"

static char *deployed;

static int read_deployed(void **state)
{
	size_t bytes;

	(void)state;
	if (config_read_file(DEPLOYED, &deployed, &bytes))
		return -1;
	deployed[bytes] = '\0';
	return 0;
}

static int free_deployed(void **state)
{
	(void)state;
	free(deployed);
	return 0;
}

/* "key:" as a word, in a value or in a comment that shows how to write it. */
static bool is_shown(const char *key)
{
	size_t bytes = strlen(key);
	const char *at;

	for (at = strstr(deployed, key); at; at = strstr(at + 1, key))
		if (at[bytes] == ':' && (at == deployed || strchr(" \n{", at[-1])))
			return true;
	return false;
}

static void check_section(const struct schema_section *section, const struct node *map)
{
	const struct schema_key *key;

	for (key = section->keys; key->name; key++) {
		const struct node *node = node_find(map, key->name);

		if (!is_shown(key->name))
			fail_msg("%s does not show %s", DEPLOYED, key->name);
		if (node && node->kind == NODE_SCALAR && key->fallback)
			assert_string_equal(node->text, key->fallback);
		if (key->type == SCHEMA_SECTION)
			check_section(key->section, node);
		if (key->type == SCHEMA_LIST)
			check_section(key->section, node ? node->children : NULL);
	}
}

static void shows_every_key_with_its_default(void **state)
{
	struct mistakes mistakes = { .count = 0 };
	struct node_tree *tree;

	(void)state;
	assert_int_equal(node_tree_read(&tree, deployed, strlen(deployed), &mistakes), 0);
	assert_int_equal(mistakes.count, 0);
	check_section(&schema_root, node_tree_root(tree));
	node_tree_free(tree);
}

static void means_the_defaults(void **state)
{
	struct config *shown = load_valid(deployed, config_features_supported());
	struct config *bare = load_valid("durability: none\nlisten: [{interface: eth0}]\n"
					 "windows: [{name: all, size: 10s}]\n",
					 config_features_supported());

	(void)state;
	/* Pointers of what is empty: an empty list may or may not have memory. */
	free(shown->type_names);
	free(shown->rules);
	shown->type_names = NULL;
	shown->rules = NULL;
	/* Where it stands in the file is no default. */
	shown->listener[0].ring_line = bare->listener[0].ring_line;
	shown->listener[0].ring_column = bare->listener[0].ring_column;
	assert_memory_equal(shown, bare, sizeof(*shown));
	config_free(shown);
	config_free(bare);
}

/* Every row of every table can be read: its default is in its range, and its place in its
 * struct. */
static void check_fallbacks(const struct schema_section *section)
{
	const struct schema_key *key;
	unsigned int count = 0;

	for (key = section->keys; key->name; key++, count++) {
		assert_non_null(key->help);
		assert_true(key->type != SCHEMA_CUSTOM || key->read);
		assert_true((key->type == SCHEMA_SECTION || key->type == SCHEMA_LIST) ==
			    !!key->section);
		assert_true((key->type == SCHEMA_LIST) == !!key->add);
		assert_true(key->type != SCHEMA_CHOICE || key->choices);
		assert_false(key->missing && key->fallback);
		if (key->section)
			check_fallbacks(key->section);
	}
	assert_true(count <= SCHEMA_KEYS_MAX);
}

static void rows_of_the_tables_are_complete(void **state)
{
	(void)state;
	check_fallbacks(&schema_root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_every_key_with_its_default),
		cmocka_unit_test(means_the_defaults),
		cmocka_unit_test(rows_of_the_tables_are_complete),
	};

	return cmocka_run_group_tests(tests, read_deployed, free_deployed);
}
