/* SPDX-License-Identifier: BSD-2-Clause */
/* libyaml's events become a tree with positions; what YAML allows and a configuration should not
 * hold (anchors, tags, a second document) becomes a mistake. */
#include "config/node.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/syntax.h"

#define BLOCK_BYTES (64u << 10)
#define STANDARD_TAG "tag:yaml.org,2002:" /* what !! stands for */

struct block {
	struct block *next;
	size_t used, room;
	char data[];
};

struct node_tree {
	struct block *blocks;
	struct node *root;
	__u32 node_count;
	const char *text; /* of the document, while it is read */
	size_t bytes;
	struct mistakes *mistakes;
	yaml_parser_t parser;
	bool is_stopped; /* a mistake after which nothing can be read */
	bool has_alias; /* a value is not known: what it means cannot be judged */
	int error;
};

static void *take_memory(struct node_tree *tree, size_t bytes)
{
	struct block *block = tree->blocks;
	size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

	bytes = (bytes + 15) & ~(size_t)15;
	room = room < bytes ? bytes : room;
	if (!block || block->room - block->used < bytes) {
		block = calloc(1, sizeof(*block) + room);
		if (!block) {
			tree->error = -ENOMEM;
			tree->is_stopped = true;
			return NULL;
		}
		*block = (struct block){ .next = tree->blocks, .room = room };
		tree->blocks = block;
	}
	block->used += bytes;
	return block->data + block->used - bytes;
}

static void stop(struct node_tree *tree, struct mark mark, const char *what)
{
	if (!tree->is_stopped)
		mistakes_add(tree->mistakes, mark, "%s", what);
	tree->is_stopped = true;
}

static void report_syntax(struct node_tree *tree)
{
	struct syntax_mistake mistake;

	if (tree->parser.error == YAML_MEMORY_ERROR) {
		tree->error = -ENOMEM;
		tree->is_stopped = true;
		return;
	}
	syntax_explain(&tree->parser, tree->text, tree->bytes, &mistake);
	stop(tree, mistake.mark, mistake.text);
}

/* The next event, which the caller deletes; false when reading has to stop. */
static bool next_event(struct node_tree *tree, yaml_event_t *event)
{
	if (tree->is_stopped)
		return false;
	if (yaml_parser_parse(&tree->parser, event))
		return true;
	report_syntax(tree);
	return false;
}

static void refuse_extras(struct node_tree *tree, struct mark mark, const yaml_char_t *anchor,
			  const yaml_char_t *tag)
{
	if (anchor)
		mistakes_add(tree->mistakes, mark,
			     "anchor &%s; anchors are not read, write the value where it is needed",
			     (const char *)anchor);
	if (tag && strncmp((const char *)tag, STANDARD_TAG, strlen(STANDARD_TAG)) == 0)
		mistakes_add(tree->mistakes, mark,
			     "tag !!%s; tags are not read, write the plain value",
			     (const char *)tag + strlen(STANDARD_TAG));
	else if (tag)
		mistakes_add(tree->mistakes, mark,
			     "tag %s; tags are not read, write the plain value", (const char *)tag);
}

static struct node *make_node(struct node_tree *tree, enum node_kind kind, struct mark mark)
{
	struct node *node;

	if (tree->node_count == NODE_COUNT_MAX) {
		stop(tree, mark, "more values than any configuration needs; shorten the file");
		return NULL;
	}
	node = take_memory(tree, sizeof(*node));
	if (!node)
		return NULL;
	tree->node_count++;
	*node = (struct node){ .kind = kind, .mark = mark };
	return node;
}

static struct node *make_scalar(struct node_tree *tree, const yaml_event_t *event)
{
	struct mark mark = syntax_mark(&event->start_mark);
	size_t bytes = event->data.scalar.length;
	struct node *node;
	char *text;

	refuse_extras(tree, mark, event->data.scalar.anchor, event->data.scalar.tag);
	if (memchr(event->data.scalar.value, 0, bytes)) {
		stop(tree, mark, "a zero byte in a value; the file must be plain text");
		return NULL;
	}
	node = make_node(tree, NODE_SCALAR, mark);
	text = take_memory(tree, bytes + 1);
	if (!node || !text)
		return NULL;
	memcpy(text, event->data.scalar.value, bytes);
	text[bytes] = '\0';
	node->text = text;
	node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return node;
}

static void add_child(struct node *parent, struct node *child)
{
	if (parent->last_child)
		parent->last_child->next = child;
	else
		parent->children = child;
	parent->last_child = child;
	parent->count++;
}

static struct node *read_node(struct node_tree *tree, const yaml_event_t *event,
			      unsigned int depth);

/* Children up to the end of the list or map. */
static void read_children(struct node_tree *tree, struct node *parent, unsigned int depth)
{
	const struct node *key = NULL;
	bool is_at_end = false;
	yaml_event_t event;

	while (!is_at_end && next_event(tree, &event)) {
		is_at_end = event.type == YAML_SEQUENCE_END_EVENT ||
			    event.type == YAML_MAPPING_END_EVENT;
		if (!is_at_end) {
			struct node *child = read_node(tree, &event, depth + 1);

			if (child && parent->kind == NODE_MAP && !key) {
				key = child;
				if (child->kind != NODE_SCALAR)
					stop(tree, child->mark,
					     "a key that is not a word; "
					     "quote it, or check the braces");
			} else if (child) {
				child->key = key;
				add_child(parent, child);
				key = NULL;
			}
		}
		yaml_event_delete(&event);
	}
}

static struct node *read_collection(struct node_tree *tree, const yaml_event_t *event,
				    enum node_kind kind, unsigned int depth)
{
	struct mark mark = syntax_mark(&event->start_mark);
	struct node *node;

	if (kind == NODE_LIST)
		refuse_extras(tree, mark, event->data.sequence_start.anchor,
			      event->data.sequence_start.tag);
	else
		refuse_extras(tree, mark, event->data.mapping_start.anchor,
			      event->data.mapping_start.tag);
	if (depth == NODE_DEPTH_MAX) {
		stop(tree, mark, "nested deeper than any configuration needs; check the brackets");
		return NULL;
	}
	node = make_node(tree, kind, mark);
	if (node)
		read_children(tree, node, depth);
	return node;
}

static struct node *read_alias(struct node_tree *tree, const yaml_event_t *event)
{
	struct mark mark = syntax_mark(&event->start_mark);
	struct node *node = make_node(tree, NODE_SCALAR, mark);

	mistakes_add(tree->mistakes, mark,
		     "alias *%s; aliases are not read, write the value where it is needed",
		     (const char *)event->data.alias.anchor);
	tree->has_alias = true;
	if (node)
		node->text = "";
	return node;
}

static struct node *read_node(struct node_tree *tree, const yaml_event_t *event, unsigned int depth)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return make_scalar(tree, event);
	case YAML_SEQUENCE_START_EVENT:
		return read_collection(tree, event, NODE_LIST, depth);
	case YAML_MAPPING_START_EVENT:
		return read_collection(tree, event, NODE_MAP, depth);
	case YAML_ALIAS_EVENT:
		return read_alias(tree, event);
	default:
		return NULL;
	}
}

static void read_stream(struct node_tree *tree)
{
	bool is_at_end = false;
	unsigned int documents = 0;
	yaml_event_t event;

	while (!is_at_end && next_event(tree, &event)) {
		if (event.type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
			stop(tree, syntax_mark(&event.start_mark),
			     "a second document; put everything into the first one");
		else if (event.type == YAML_STREAM_END_EVENT)
			is_at_end = true;
		else if (!tree->root)
			tree->root = read_node(tree, &event, 0);
		yaml_event_delete(&event);
	}
	if (is_at_end && (!tree->root || node_is_empty(tree->root)))
		stop(tree, (struct mark){ .line = 1, .column = 1 },
		     "the file is empty; begin with deploy/sluice.yaml (installed as "
		     "/etc/sluice/sluice.yaml.example), which explains every key");
}

int node_tree_read(struct node_tree **out, const char *text, size_t bytes,
		   struct mistakes *mistakes)
{
	struct node_tree *tree = calloc(1, sizeof(*tree));
	int error;

	*out = tree;
	if (!tree)
		return -ENOMEM;
	/* Some editors begin a file with a byte order mark. One is no mistake. */
	if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		bytes -= 3;
	}
	tree->text = text;
	tree->bytes = bytes;
	tree->mistakes = mistakes;
	if (!yaml_parser_initialize(&tree->parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&tree->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&tree->parser, (const unsigned char *)text, bytes);
	read_stream(tree);
	yaml_parser_delete(&tree->parser);
	error = tree->error;
	if (tree->is_stopped || tree->has_alias)
		tree->root = NULL;
	return error;
}

void node_tree_free(struct node_tree *tree)
{
	if (!tree)
		return;
	while (tree->blocks) {
		struct block *block = tree->blocks;

		tree->blocks = block->next;
		free(block);
	}
	free(tree);
}

const struct node *node_tree_root(const struct node_tree *tree)
{
	return tree->root;
}

const struct node *node_find(const struct node *map, const char *key)
{
	const struct node *child;

	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (child = map->children; child; child = child->next)
		if (strcmp(child->key->text, key) == 0)
			return child;
	return NULL;
}

bool node_is_empty(const struct node *node)
{
	return node->kind == NODE_SCALAR && !node->is_quoted &&
	       (!*node->text || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

const char *node_kind_name(const struct node *node)
{
	static const char *const names[] = { "a single value", "a list", "a map" };

	return names[node->kind];
}
