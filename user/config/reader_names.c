/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of types, fields, and the rules that use them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "config/reader.h"
#include "core/name/dictionary.h"

static const char *const field_names[] = {
	[SLUICE_FIELD_TENANT] = "tenant", [SLUICE_FIELD_SOURCE] = "source",
	[SLUICE_FIELD_TYPE] = "type",	  [SLUICE_FIELD_KEY] = "key",
	[SLUICE_FIELD_DIM0] = "dim0",	  [SLUICE_FIELD_DIM1] = "dim1",
	[SLUICE_FIELD_DIM2] = "dim2",	  [SLUICE_FIELD_DIM3] = "dim3",
	[SLUICE_FIELD_VALUE] = "value",
};

enum sluice_field reader_find_field(const struct reader *reader, const char *name)
{
	unsigned int i;

	for (i = 0; i < SLUICE_FIELD_COUNT; i++)
		if (strcmp(field_names[i], name) == 0)
			return i;
	for (i = 0; i < 4; i++)
		if (name[0] && strcmp(reader->config->dim_name[i], name) == 0)
			return SLUICE_FIELD_DIM0 + i;
	return SLUICE_FIELD_COUNT;
}

const char *reader_nearest_field(const struct reader *reader, const char *name)
{
	struct text_nearest nearest = { .word = name };
	unsigned int i;

	for (i = 0; i < SLUICE_FIELD_VALUE; i++)
		text_nearest_offer(&nearest, field_names[i]);
	for (i = 0; i < 4; i++)
		if (reader->config->dim_name[i][0])
			text_nearest_offer(&nearest, reader->config->dim_name[i]);
	return nearest.best;
}

/* A name that reads as a number would hide that number. */
static bool is_number(const char *name)
{
	__u64 ignored;

	return units_parse_number(name, &ignored) != -EINVAL || (name[0] == '0' && name[1] == 'x');
}

/* The same, and what a sender may not teach for that reason. */
bool reader_reads_as_number(const char *name)
{
	return is_number(name) ||
	       dictionary_judge_text(name, strnlen(name, UINT8_MAX)) == DICTIONARY_BAD_NUMBER;
}

static int compare_names(const void *left, const void *right)
{
	const struct config_name *const *left_name = left, *const *right_name = right;

	return strcmp((*left_name)->name, (*right_name)->name);
}

static int compare_with_name(const void *word, const void *name)
{
	return strcmp(word, (*(const struct config_name *const *)name)->name);
}

static const struct config_name *find_type_name(const struct reader *reader, const char *name)
{
	const struct config_name *const *found;

	if (!reader->type_by_name)
		return NULL;
	found = bsearch(name, reader->type_by_name, reader->config->type_name_count, sizeof(void *),
			compare_with_name);
	return found ? *found : NULL;
}

static void report_unknown_type(struct reader *reader, const struct node *node)
{
	struct text_nearest nearest = { .word = node->text };
	__u32 i;

	if (mistakes_are_full(reader->mistakes))
		return mistakes_add(reader->mistakes, node->mark, "unknown type");
	for (i = 0; i < reader->config->type_name_count; i++)
		text_nearest_offer(&nearest, reader->config->type_names[i].name);
	if (nearest.best)
		mistakes_add(reader->mistakes, node->mark, "unknown type `%.80s`; write `%s`",
			     node->text, nearest.best);
	else
		mistakes_add(reader->mistakes, node->mark,
			     "unknown type `%.80s`; write a number, or name it under names.types",
			     node->text);
}

bool reader_find_type(struct reader *reader, const struct node *node, __u16 *type)
{
	const struct config_name *name = find_type_name(reader, node->text);
	__u64 number;

	if (name) {
		*type = (__u16)name->id;
		return true;
	}
	if (!is_number(node->text)) {
		report_unknown_type(reader, node);
		return false;
	}
	if (!reader_read_number(reader, node, "type", SLUICE_TYPES - 1, &number))
		return false;
	*type = (__u16)number;
	return true;
}

/* One entry `id: name`; named[] remembers where an id got its name. */
static void read_type_name(struct reader *reader, const struct node *node,
			   const struct node **named)
{
	struct config_name *place = &reader->config->type_names[reader->config->type_name_count];
	__u64 id;

	if (node->kind == NODE_SCALAR && is_number(node->text) && !is_number(node->key->text)) {
		mistakes_add(reader->mistakes, node->key->mark,
			     "type `%.80s` is not a number; the number comes first, write `%.20s: "
			     "%.64s`",
			     node->key->text, node->text, node->key->text);
		return;
	}
	if (!reader_read_number(reader, node->key, "type", SLUICE_TYPES - 1, &id))
		return;
	if (named[id]) {
		mistakes_add(reader->mistakes, node->key->mark,
			     "type %llu is given twice, first at line %u; keep one", id,
			     named[id]->key->mark.line);
		return;
	}
	named[id] = node;
	if (node->kind != NODE_SCALAR || !node->text[0] || node_is_empty(node)) {
		mistakes_add(reader->mistakes, node->mark, "type %llu %s; write one name", id,
			     node->kind != NODE_SCALAR ? "has no plain name" : "has no name");
	} else if (reader_reads_as_number(node->text)) {
		mistakes_add(reader->mistakes, node->mark,
			     "the name `%.80s` reads as a number; begin it with a letter",
			     node->text);
	} else if (strcmp(node->text, DICTIONARY_OVERFLOW) == 0) {
		mistakes_add(reader->mistakes, node->mark,
			     "the name %s is that of groups beyond max_groups; choose another",
			     node->text);
	} else if (reader_copy_name(reader, node, "the name", "/:", place->name)) {
		place->id = id;
		reader->config->type_name_count++;
	}
}

static bool stands_before(const struct node *left, const struct node *right)
{
	return left->mark.line < right->mark.line ||
	       (left->mark.line == right->mark.line && left->mark.column < right->mark.column);
}

/* Once sorted, equal names are neighbours; the mistake belongs to the later one in the file. */
static void report_equal_names(struct reader *reader, const struct node **named)
{
	const struct config_name **names = reader->type_by_name;
	__u32 i;

	for (i = 1; i < reader->config->type_name_count; i++) {
		const struct node *first = named[names[i - 1]->id], *second = named[names[i]->id];

		if (strcmp(names[i - 1]->name, names[i]->name) != 0)
			continue;
		if (stands_before(second, first)) {
			first = named[names[i]->id];
			second = named[names[i - 1]->id];
		}
		mistakes_add(
			reader->mistakes, second->mark,
			"the name %s is given twice, first at line %u; a name belongs to one type",
			second->text, first->mark.line);
	}
}

/* Sorted pointers, for looking names up. */
static void sort_type_names(struct reader *reader, const struct node **named)
{
	struct config *config = reader->config;
	__u32 i;

	for (i = 0; i < config->type_name_count; i++)
		reader->type_by_name[i] = &config->type_names[i];
	qsort(reader->type_by_name, config->type_name_count, sizeof(void *), compare_names);
	report_equal_names(reader, named);
}

void reader_read_type_names(struct reader *reader, const struct node *node, void *target)
{
	struct config *config = target;
	const struct node **named, *child;

	if (!node)
		return;
	if (node->kind != NODE_MAP) {
		mistakes_add(reader->mistakes, node->mark,
			     "types %s; write a map: `types: {1: page_view, 2: click}`",
			     node_is_empty(node) ? "has no value" : "is no map");
		return;
	}
	if (node->count > CONFIG_TYPE_NAMES_MAX) {
		mistakes_add(reader->mistakes, node->mark, "%u type names; at most %d are kept",
			     node->count, CONFIG_TYPE_NAMES_MAX);
		return;
	}
	named = reader_allocate(reader, SLUICE_TYPES, sizeof(void *));
	config->type_names = reader_allocate(reader, node->count, sizeof(*config->type_names));
	reader->type_by_name = reader_allocate(reader, node->count, sizeof(void *));
	for (child = node->children; child && !reader->error; child = child->next)
		read_type_name(reader, child, named);
	if (!reader->error)
		sort_type_names(reader, named);
	free(named);
}

void *reader_add_rule(struct reader *reader, const struct node *item)
{
	struct config *config = reader->config;

	if (!config->rules)
		config->rules = reader_allocate(reader, SLUICE_RULES_MAX, sizeof(*config->rules));
	if (!reader->ruled_types)
		reader->ruled_types = reader_allocate(reader, SLUICE_TYPES / 64, sizeof(__u64));
	if (reader->error)
		return NULL;
	if (config->rule_count == SLUICE_RULES_MAX) {
		mistakes_add(reader->mistakes, item->mark,
			     "more than %d rules; join those with the same action",
			     SLUICE_RULES_MAX);
		return NULL;
	}
	return &config->rules[config->rule_count++];
}

void reader_read_rule_types(struct reader *reader, const struct node *node, void *target)
{
	const struct node *item = node ? reader_first_item(reader, node, "types") : NULL;
	struct config_rule *rule = target;
	__u16 type;

	if (!item)
		return;
	rule->types = reader_allocate(reader, node->kind == NODE_LIST ? node->count : 1,
				      sizeof(*rule->types));
	for (; item && !reader->error; item = reader_next_item(reader, item, "types")) {
		if (!reader_find_type(reader, item, &type))
			continue;
		if (reader->ruled_types[type / 64] >> type % 64 & 1) {
			mistakes_add(reader->mistakes, item->mark,
				     "type %.80s is given twice; a type belongs to one rule",
				     item->text);
			continue;
		}
		reader->ruled_types[type / 64] |= 1ull << type % 64;
		rule->types[rule->type_count++] = type;
	}
}

void reader_read_rule_keep(struct reader *reader, const struct node *node, void *target)
{
	struct config_rule *rule = target;
	__u64 divisor;

	if (!node)
		return;
	if (node->kind != NODE_SCALAR || strncmp(node->text, "1/", 2) != 0 ||
	    units_parse_number(node->text + 2, &divisor) || divisor < 1 || divisor > 65535)
		mistakes_add(reader->mistakes, node->mark,
			     "keep: `%.80s` is not a share; write 1/16",
			     node->kind == NODE_SCALAR ? node->text : node_kind_name(node));
	else
		rule->keep_divisor = (__u32)divisor;
}

void reader_finish_rule(struct reader *reader, const struct node *map, void *target)
{
	const struct node *keep = node_find(map, "keep"), *types = node_find(map, "types");
	const struct node *action = node_find(map, "action");
	const struct config_rule *rule = target;
	bool is_sample =
		action && action->kind == NODE_SCALAR && strcmp(action->text, "sample") == 0;

	if (types && types->kind == NODE_LIST && !types->children)
		mistakes_add(reader->mistakes, types->mark,
			     "types is empty; name the types, or remove "
			     "the rule");
	if (keep && !is_sample)
		mistakes_add(reader->mistakes, keep->key->mark,
			     "keep belongs to `action: sample`; remove it");
	if (is_sample && rule->action == CONFIG_RULE_SAMPLE && !keep)
		mistakes_add(reader->mistakes, action->mark,
			     "sample needs a share; add `keep: 1/16`");
}
