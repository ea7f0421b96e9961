/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree: shapes and positions, what cannot stand in a text file, and bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/node.h"

static struct mistakes mistakes;
static struct node_tree *tree;

static const struct node *read_text(const char *text, size_t bytes)
{
	node_tree_free(tree);
	mistakes_free(&mistakes);
	assert_int_equal(node_tree_read(&tree, text, bytes, &mistakes), 0);
	return node_tree_root(tree);
}

static int tear_down(void **state)
{
	(void)state;
	node_tree_free(tree);
	tree = NULL;
	mistakes_free(&mistakes);
	return 0;
}

static void assert_mark(struct mark mark, __u32 line, __u32 column)
{
	assert_int_equal(mark.line, line);
	assert_int_equal(mark.column, column);
}

/* The only mistake, there; and no tree. */
static void assert_mistake(const char *text, size_t bytes, __u32 line, __u32 column,
			   const char *word)
{
	assert_null(read_text(text, bytes));
	assert_int_equal(mistakes.count, 1);
	assert_mark(mistakes.mistake[0].mark, line, column);
	assert_non_null(strstr(mistakes.mistake[0].text, word));
}

static void keeps_shapes_and_positions(void **state)
{
	static const char text[] = "a: 1\n"
				   "b:\n"
				   "  - x\n"
				   "  - {c: 'two words', \xc3\xa9\xc3\xa9: [p, q]}\n"
				   "d: ~\n"
				   "e: \"\"\n";
	const struct node *root = read_text(text, strlen(text)), *list, *map, *last;

	(void)state;
	assert_non_null(root);
	assert_int_equal(root->kind, NODE_MAP);
	assert_int_equal(root->count, 4);
	assert_mark(node_find(root, "a")->mark, 1, 4);
	assert_mark(node_find(root, "a")->key->mark, 1, 1);
	list = node_find(root, "b");
	assert_int_equal(list->kind, NODE_LIST);
	assert_int_equal(list->count, 2);
	assert_string_equal(list->children->text, "x");
	assert_null(list->children->key);
	map = list->children->next;
	assert_mark(map->mark, 4, 5);
	assert_string_equal(node_find(map, "c")->text, "two words");
	assert_true(node_find(map, "c")->is_quoted);
	last = node_find(map, "\xc3\xa9\xc3\xa9");
	assert_mark(last->mark, 4, 26); /* columns count characters, not bytes */
	assert_true(node_is_empty(node_find(root, "d")));
	assert_false(node_is_empty(node_find(root, "e")));
	assert_null(node_find(root, "c"));
	assert_null(node_find(NULL, "c"));
	assert_null(node_find(list, "c"));
}

static void refuses_what_is_no_text(void **state)
{
	(void)state;
	assert_mistake("a: 1\nb: \xc3\x28\n", 11, 2, 4, "not UTF-8");
	assert_mistake("a: 1\n\xc3\xa9: \xff\n", 12, 2, 4, "not UTF-8");
	assert_mistake("a: \x01\n", 5, 1, 4, "control character");
	assert_mistake("a: \0b\n", 6, 1, 4, "control character");
	assert_mistake("a: \"\\0\"\n", 8, 1, 4, "zero byte");
	assert_mistake("", 0, 1, 1, "empty");
	assert_mistake("\n\n# c\n", 6, 1, 1, "empty");
	assert_mistake("---\n...\n", 8, 1, 1, "empty");
	assert_mistake("\xff\xfe"
		       "a\0:\0",
		       6, 1, 1, "not UTF-8");
}

static void takes_a_byte_order_mark(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
				   "a: 1\nb: 2\n";
	const struct node *root = read_text(text, strlen(text));

	(void)state;
	assert_int_equal(mistakes.count, 0);
	assert_non_null(node_find(root, "b"));
	assert_mark(node_find(root, "a")->mark, 1, 4);
	/* It is no column, and there is one. */
	assert_mistake("\xef\xbb\xbf"
		       "a: \x01\n",
		       8, 1, 4, "");
	assert_null(read_text("\xef\xbb\xbf\xef\xbb\xbf"
			      "a: 1\nb: 2\n",
			      16));
}

static void bounds_depth_and_count(void **state)
{
	static char text[NODE_DOCUMENT_BYTES_MAX];
	size_t bytes;

	(void)state;
	memset(text, '[', sizeof(text));
	assert_mistake(text, sizeof(text), 1, NODE_DEPTH_MAX + 1, "deeper");
	for (bytes = 0; bytes + 2 <= sizeof(text); bytes += 2)
		memcpy(text + bytes, "-\n", 2);
	assert_null(read_text(text, bytes));
	assert_int_equal(mistakes.count, 1);
	assert_non_null(strstr(mistakes.mistake[0].text, "more values"));
}

static void prints_mistakes_in_the_order_of_the_file(void **state)
{
	char *printed = NULL;
	size_t bytes = 0, i;
	FILE *file = open_memstream(&printed, &bytes);

	(void)state;
	mistakes_free(&mistakes);
	mistakes_add(&mistakes, (struct mark){ 2, 5 }, "third");
	mistakes_add(&mistakes, (struct mark){ 2, 1 }, "second, with %s", "a\x1b[31m\xff");
	mistakes_add(&mistakes, (struct mark){ 2, 5 }, "fourth");
	mistakes_add(&mistakes, (struct mark){ 0, 0 }, "first");
	mistakes_print(&mistakes, "F", file);
	fclose(file);
	assert_string_equal(printed, "sluice: error: F: first\n"
				     "sluice: error: F:2:1: second, with a\\x1b[31m\\xff\n"
				     "sluice: error: F:2:5: third\n"
				     "sluice: error: F:2:5: fourth\n");
	free(printed);
	for (i = 0; i < MISTAKES_MAX; i++)
		mistakes_add(&mistakes, (struct mark){ 3, 1 }, "more");
	assert_int_equal(mistakes.count, MISTAKES_MAX);
	assert_int_equal(mistakes.left_out, 4);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keeps_shapes_and_positions),
		TEST(refuses_what_is_no_text),
		TEST(takes_a_byte_order_mark),
		TEST(bounds_depth_and_count),
		TEST(prints_mistakes_in_the_order_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
