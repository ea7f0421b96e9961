/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks a map by its section of the schema: unknown and repeated keys, values, defaults, and then
 * what the section wants to know about them together. */
#include "config/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

bool reader_require(struct reader *reader, enum config_feature feature, struct mark mark)
{
	if (feature == CONFIG_FEATURE_NONE || reader->features >> feature & 1)
		return true;
	mistakes_add(reader->mistakes, mark, "%s is not in this version; %s",
		     config_support[feature].what, config_support[feature].instead);
	return false;
}

void *reader_allocate(struct reader *reader, size_t count, size_t bytes)
{
	void *memory = calloc(count ? count : 1, bytes);

	if (!memory)
		reader->error = -ENOMEM;
	return memory;
}

static const struct node *first_value(struct reader *reader, const struct node *item,
				      const char *what)
{
	for (; item; item = item->next) {
		if (item->kind == NODE_SCALAR && !node_is_empty(item))
			return item;
		mistakes_add(reader->mistakes, item->mark,
			     "%s in the list of %s; write plain values",
			     node_is_empty(item) ? "nothing" : node_kind_name(item), what);
	}
	return NULL;
}

const struct node *reader_first_item(struct reader *reader, const struct node *node,
				     const char *what)
{
	if (node->kind == NODE_LIST)
		return first_value(reader, node->children, what);
	if (node->kind == NODE_SCALAR && !node_is_empty(node))
		return node;
	mistakes_add(reader->mistakes, node->mark, "%s %s; write a list: `%s: [a, b]`", what,
		     node_is_empty(node) ? "has no value" : "is a map", what);
	return NULL;
}

const struct node *reader_next_item(struct reader *reader, const struct node *item,
				    const char *what)
{
	/* A single value that stands for a list has a key; the items of a list have none. */
	return item->key ? NULL : first_value(reader, item->next, what);
}

static const struct schema_key *find_key(const struct schema_section *section, const char *name)
{
	const struct schema_key *key;

	for (key = section->keys; key->name; key++)
		if (strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

static void report_unknown(struct reader *reader, const struct schema_section *section,
			   const struct node *name)
{
	struct text_nearest nearest = { .word = name->text };
	const struct schema_key *key;
	char buffer[256];
	struct text known;

	text_init(&known, buffer, sizeof(buffer));
	for (key = section->keys; key->name; key++) {
		text_nearest_offer(&nearest, key->name);
		text_format(&known, "%s%s", known.bytes ? ", " : "", key->name);
	}
	if (nearest.best)
		mistakes_add(reader->mistakes, name->mark, "unknown key `%.64s`; write `%s`",
			     name->text, nearest.best);
	else
		mistakes_add(reader->mistakes, name->mark, "unknown key `%.64s`; %s knows %s",
			     name->text, section->name, buffer);
}

/* Sorts the children of a map to the keys of the section. */
static void find_children(struct reader *reader, const struct schema_section *section,
			  const struct node *map, const struct node *found[SCHEMA_KEYS_MAX])
{
	const struct node *child;

	for (child = map->children; child; child = child->next) {
		const struct schema_key *key = find_key(section, child->key->text);
		const struct node **place = key ? &found[key - section->keys] : NULL;

		if (!key)
			report_unknown(reader, section, child->key);
		else if (*place)
			mistakes_add(reader->mistakes, child->key->mark,
				     "%s is given twice, first at line %u; keep one", key->name,
				     (*place)->key->mark.line);
		else
			*place = child;
	}
}

static void read_list(struct reader *reader, const struct schema_key *key, const struct node *list)
{
	const struct node *item;

	if (!list)
		return;
	if (list->kind != NODE_LIST && !node_is_empty(list)) {
		mistakes_add(reader->mistakes, list->mark,
			     "%s is %s; write a list, each item with a dash: `- `", key->name,
			     node_kind_name(list));
		return;
	}
	if (key->missing && !list->children)
		mistakes_add(reader->mistakes, list->mark, "%s is empty; %s", key->name,
			     key->missing);
	for (item = list->children; item; item = item->next) {
		void *target = key->add(reader, item);

		if (target)
			reader_read_section(reader, key->section, item, target);
	}
}

static void read_fallback(struct reader *reader, const struct schema_key *key, void *place)
{
	const struct node node = { .kind = NODE_SCALAR, .text = key->fallback };

	if (key->fallback)
		reader_read_value(reader, key, &node, place);
}

static void read_key(struct reader *reader, const struct schema_key *key, const struct node *node,
		     void *target)
{
	char *place = (char *)target + key->offset;

	if (key->type == SCHEMA_SECTION)
		reader_read_section(reader, key->section, node, place);
	else if (key->type == SCHEMA_LIST)
		read_list(reader, key, node);
	else if (key->type == SCHEMA_CUSTOM)
		key->read(reader, node, place);
	else if (node)
		reader_read_value(reader, key, node, place);
	else
		read_fallback(reader, key, place);
}

void reader_read_section(struct reader *reader, const struct schema_section *section,
			 const struct node *map, void *target)
{
	const struct node *found[SCHEMA_KEYS_MAX] = { NULL };
	const struct schema_key *key;
	unsigned int i;

	/* All keys of a section may be commented out; an item of a list is there for something. */
	if (map && map->key && node_is_empty(map))
		map = NULL;
	if (map && map->kind != NODE_MAP) {
		mistakes_add(reader->mistakes, map->mark,
			     "%s is %s; write a map of keys: `key: value`",
			     map->key ? map->key->text : section->name,
			     node_is_empty(map) ? "empty" : node_kind_name(map));
		return;
	}
	if (map)
		find_children(reader, section, map, found);
	for (key = section->keys, i = 0; key->name; key++, i++) {
		assert(i < SCHEMA_KEYS_MAX);
		if (key->missing && !found[i])
			mistakes_add(reader->mistakes, map ? map->mark : reader->top,
				     "%s has no `%s`; %s", section->name, key->name, key->missing);
		read_key(reader, key, found[i], target);
	}
	if (section->finish)
		section->finish(reader, map, target);
}
