/* SPDX-License-Identifier: BSD-2-Clause */
/* A YAML document as a tree of scalars, lists and maps that know where they stand in the file.
 * Scalars stay text: what they mean is for the schema to say. Anchors, aliases, tags and further
 * documents are mistakes: each value stands in the file where it counts. */
#ifndef SLUICE_CONFIG_NODE_H
#define SLUICE_CONFIG_NODE_H

#include "config/mistakes.h"

#define NODE_DEPTH_MAX 16		/* the schema needs 6 */
#define NODE_COUNT_MAX 200000		/* of a megabyte of the densest YAML, fewer are made */
#define NODE_DOCUMENT_BYTES_MAX (1u << 20)

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	struct mark mark;		/* of its first character */
	const char *text;		/* of a scalar; no zero bytes inside */
	bool is_quoted;
	__u32 count;			/* of children */
	struct node *children;		/* of a list or map, in the order of the file */
	struct node *last_child;
	struct node *next;		/* sibling */
	const struct node *key;		/* of a map's child: its scalar key */
};

struct node_tree;

/* Reads a document. *tree is set in any case and must be freed; the root is NULL when the text
 * cannot be read to its end, and then there is a mistake. -ENOMEM. */
int node_tree_read(struct node_tree **tree, const char *text, size_t bytes,
		   struct mistakes *mistakes);
void node_tree_free(struct node_tree *tree);
const struct node *node_tree_root(const struct node_tree *tree);

/* The first child of a map with this key; NULL when there is none or `map` is no map. */
const struct node *node_find(const struct node *map, const char *key);

/* Whether this is a scalar without content, as after "key:". */
bool node_is_empty(const struct node *node);

/* "a scalar", "a list", "a map" for messages. */
const char *node_kind_name(const struct node *node);

#endif
