/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows: where their events come from, what parts their groups, and whether their times make
 * sense together. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "config/reader.h"

#define PANES_MAX 10000 /* of one sliding window: each is merged at every emission */
#define EARLY_MIN_NS 10000000ll

void *reader_add_window(struct reader *reader, const struct node *item)
{
	struct config *config = reader->config;

	if (config->window_count == SLUICE_WINDOWS_MAX) {
		mistakes_add(reader->mistakes, item->mark,
			     "more windows than the %d that one agent "
			     "computes; remove this one",
			     SLUICE_WINDOWS_MAX);
		return NULL;
	}
	reader->window_node[config->window_count] = item;
	return &config->window[config->window_count++];
}

static void report_unknown_listener(struct reader *reader, const struct node *item)
{
	struct text_nearest nearest = { .word = item->text };
	const struct config *config = reader->config;
	unsigned int i;

	for (i = 0; i < config->listener_count; i++)
		text_nearest_offer(&nearest, config->listener[i].name);
	if (nearest.best)
		mistakes_add(reader->mistakes, item->mark, "unknown listener `%.80s`; write `%s`",
			     item->text, nearest.best);
	else
		mistakes_add(reader->mistakes, item->mark,
			     "unknown listener `%.80s`; write the `name` of one under listen",
			     item->text);
}

static void add_listener(struct reader *reader, const struct node *item, struct window_spec *window)
{
	const struct config *config = reader->config;
	unsigned int i;

	for (i = 0; i < config->listener_count; i++)
		if (strcmp(config->listener[i].name, item->text) == 0)
			break;
	if (i == config->listener_count)
		report_unknown_listener(reader, item);
	else if (window->listener_mask >> i & 1)
		mistakes_add(reader->mistakes, item->mark,
			     "listener %.80s is given twice; keep one", item->text);
	else
		window->listener_mask |= 1u << i;
}

void reader_read_from(struct reader *reader, const struct node *node, void *target)
{
	const struct node *item = node ? reader_first_item(reader, node, "from") : NULL;
	struct window_spec *window = target;

	if (!node)
		window->listener_mask = (__u32)((1ull << reader->config->listener_count) - 1);
	else if (node->kind == NODE_LIST && !node->children)
		mistakes_add(reader->mistakes, node->mark,
			     "from is empty; name listeners, or leave it out to read all");
	for (; item; item = reader_next_item(reader, item, "from"))
		add_listener(reader, item, window);
}

static void report_unknown_field(struct reader *reader, const struct node *item)
{
	const char *nearest = reader_nearest_field(reader, item->text);

	if (nearest)
		mistakes_add(reader->mistakes, item->mark, "unknown field `%.80s`; write `%s`",
			     item->text, nearest);
	else
		mistakes_add(
			reader->mistakes, item->mark,
			"unknown field `%.80s`; write tenant, source, type, key, dim0 to dim3 or a "
			"name under names.dims",
			item->text);
}

void reader_read_group_by(struct reader *reader, const struct node *node, void *target)
{
	const struct node *item = node ? reader_first_item(reader, node, "group_by") : NULL;
	struct window_spec *window = target;

	for (; item; item = reader_next_item(reader, item, "group_by")) {
		enum sluice_field field = reader_find_field(reader, item->text);

		if (field == SLUICE_FIELD_COUNT)
			report_unknown_field(reader, item);
		else if (field == SLUICE_FIELD_VALUE)
			mistakes_add(reader->mistakes, item->mark,
				     "value is what is aggregated; group by other fields");
		else if (memchr(window->group_field, (int)field, window->group_count))
			mistakes_add(reader->mistakes, item->mark,
				     "field %.80s is given twice; keep one", item->text);
		else
			window->group_field[window->group_count++] = (__u8)field;
	}
}

static void read_where_types(struct reader *reader, const struct node *node,
			     struct window_where *where)
{
	const struct node *item = reader_first_item(reader, node, "types");
	__u16 type;

	where->type_bits = reader_allocate(reader, SLUICE_TYPES / 64, sizeof(__u64));
	where->has_types = true;
	for (; item && !reader->error; item = reader_next_item(reader, item, "types")) {
		if (!reader_find_type(reader, item, &type))
			continue;
		if (where->type_bits[type / 64] >> type % 64 & 1)
			mistakes_add(reader->mistakes, item->mark,
				     "type %.80s is given twice; keep one", item->text);
		where->type_bits[type / 64] |= 1ull << type % 64;
	}
}

static __u64 field_max(enum sluice_field field)
{
	if (field == SLUICE_FIELD_TENANT)
		return 0xffff;
	if (field == SLUICE_FIELD_SOURCE || field == SLUICE_FIELD_KEY)
		return ~0ull;
	return 0xffffffff;
}

/* Keeps the values ascending. */
static void insert_value(struct reader *reader, const struct node *item, struct window_where *where,
			 enum sluice_field field, __u64 value)
{
	__u64 *values = where->field[field].value;
	__u32 count = where->field[field].count, i = count;

	while (i > 0 && values[i - 1] > value)
		i--;
	if (i > 0 && values[i - 1] == value) {
		mistakes_add(reader->mistakes, item->mark, "value %.80s is given twice; keep one",
			     item->text);
		return;
	}
	if (count == SLUICE_WHERE_VALUES_MAX) {
		mistakes_add(reader->mistakes, item->mark,
			     "more than %d values; put some into a second window",
			     SLUICE_WHERE_VALUES_MAX);
		return;
	}
	memmove(values + i + 1, values + i, (count - i) * sizeof(*values));
	values[i] = value;
	where->field[field].count++;
}

static void read_where_field(struct reader *reader, const struct node *node,
			     struct window_where *where, enum sluice_field field)
{
	const char *name = node->key->text;
	const struct node *item = reader_first_item(reader, node, name);
	__u64 value;

	if (where->field[field].count) {
		mistakes_add(reader->mistakes, node->key->mark, "%.80s is given twice; keep one",
			     name);
		return;
	}
	for (; item; item = reader_next_item(reader, item, name))
		if (reader_read_number(reader, item, name, field_max(field), &value))
			insert_value(reader, item, where, field, value);
}

static void read_where_value(struct reader *reader, const struct node *node,
			     struct window_where *where)
{
	where->has_value_range = true;
	reader_read_section(reader, &schema_where_value, node, where);
	if (node->kind == NODE_MAP && !node->children)
		mistakes_add(reader->mistakes, node->mark,
			     "value is empty; write `value: {min: 0}`");
	if (where->value_min > where->value_max)
		mistakes_add(reader->mistakes, node->mark,
			     "value: min is above max, so nothing is taken; swap them");
}

static void read_condition(struct reader *reader, const struct node *node,
			   struct window_where *where)
{
	enum sluice_field field = reader_find_field(reader, node->key->text);
	bool is_types = strcmp(node->key->text, "types") == 0;

	if (node->kind == NODE_LIST && !node->children)
		mistakes_add(reader->mistakes, node->mark,
			     "%.80s is empty, so nothing is taken; list values or remove it",
			     node->key->text);
	else if ((is_types && where->has_types) ||
		 (field == SLUICE_FIELD_VALUE && where->has_value_range))
		mistakes_add(reader->mistakes, node->key->mark, "%s is given twice; keep one",
			     node->key->text);
	else if (is_types)
		read_where_types(reader, node, where);
	else if (field == SLUICE_FIELD_TYPE)
		mistakes_add(reader->mistakes, node->key->mark,
			     "unknown key `type`; write `types`");
	else if (field == SLUICE_FIELD_VALUE)
		read_where_value(reader, node, where);
	else if (field == SLUICE_FIELD_COUNT)
		report_unknown_field(reader, node->key);
	else
		read_where_field(reader, node, where, field);
}

void reader_read_where(struct reader *reader, const struct node *node, void *target)
{
	struct window_spec *window = target;
	const struct node *child;

	if (!node)
		return;
	if (node->kind != NODE_MAP) {
		mistakes_add(reader->mistakes, node->mark,
			     "where %s; write a map: `where: {types: [click]}`",
			     node_is_empty(node) ? "has no value" : "is no map");
		return;
	}
	for (child = node->children; child && !reader->error; child = child->next)
		read_condition(reader, child, &window->where);
}

/* Which keys go with which kind: needed, possible, or without meaning there. */
static const struct {
	const char *key;
	const char *needed[3]; /* by enum sluice_window_kind: an example, "" for possible, NULL */
} keys_by_kind[] = {
	{ "size", { "size: 10s", "size: 60s", NULL } },
	{ "slide", { NULL, "slide: 10s", NULL } },
	{ "offset", { "", "", NULL } },
	{ "gap", { NULL, NULL, "gap: 30s" } },
	{ "max_duration", { NULL, NULL, "" } },
};

static const char *const kind_names[] = { "tumbling", "sliding", "session" };

static void check_keys(struct reader *reader, const struct node *map,
		       const struct window_spec *window, enum sluice_window_kind kind)
{
	unsigned int i;

	for (i = 0; i < sizeof(keys_by_kind) / sizeof(keys_by_kind[0]); i++) {
		const struct node *node = node_find(map, keys_by_kind[i].key);
		const char *needed = keys_by_kind[i].needed[kind];

		if (needed && needed[0] && !node)
			mistakes_add(reader->mistakes, map->mark, "window %s has no `%s`; add `%s`",
				     window->name, keys_by_kind[i].key, needed);
		if (!needed && node)
			mistakes_add(reader->mistakes, node->key->mark,
				     "%s has no meaning for kind %s; remove it",
				     keys_by_kind[i].key, kind_names[kind]);
	}
}

static void check_slide(struct reader *reader, const struct node *map,
			const struct window_spec *window)
{
	const struct node *slide = node_find(map, "slide");
	char size[UNITS_BYTES_MAX], pane_text[UNITS_BYTES_MAX];
	__s64 pane;

	if (!slide || !window->slide_ns || !window->size_ns)
		return;
	pane = window_spec_pane_ns(window);
	if (window->slide_ns > window->size_ns)
		mistakes_add(reader->mistakes, slide->mark,
			     "slide: %.80s is longer than size, so events between windows would be "
			     "lost; write at most %s",
			     slide->text, units_format_duration(size, window->size_ns));
	else if (window->size_ns / pane > PANES_MAX)
		mistakes_add(
			reader->mistakes, slide->mark,
			"slide: %.80s cuts the window into %lld panes of %s; at most %d are kept, "
			"choose a slide that divides size into fewer",
			slide->text, window->size_ns / pane, units_format_duration(pane_text, pane),
			PANES_MAX);
}

static void check_offset(struct reader *reader, const struct node *map,
			 const struct window_spec *window)
{
	const struct node *offset = node_find(map, "offset");
	char most[UNITS_BYTES_MAX];

	if (offset && window->slide_ns && window->offset_ns >= window->slide_ns)
		mistakes_add(reader->mistakes, offset->mark, "offset: %.80s; write less than %s",
			     offset->kind == NODE_SCALAR ? offset->text : "",
			     units_format_duration(most, window->slide_ns));
}

static void check_times(struct reader *reader, const struct node *map,
			const struct window_spec *window)
{
	const struct node *lateness = node_find(map, "allowed_lateness");
	const struct node *early = node_find(map, "early"),
			  *longest = node_find(map, "max_duration");

	if (window->allowed_lateness_ns)
		reader_require(reader, CONFIG_FEATURE_LATENESS, lateness->mark);
	if (window->early_ns && window->early_ns < EARLY_MIN_NS)
		mistakes_add(reader->mistakes, early->mark,
			     "early: %s is too often; write 10ms or more", early->text);
	else if (window->early_ns)
		reader_require(reader, CONFIG_FEATURE_EARLY, early->mark);
	if (window->max_duration_ns && window->max_duration_ns < window->gap_ns)
		mistakes_add(reader->mistakes, longest->mark,
			     "max_duration: %s is shorter than gap; write more, or 0s",
			     longest->text);
}

static void check_name(struct reader *reader, const struct node *map,
		       const struct window_spec *window)
{
	const struct config *config = reader->config;
	const struct node *name = node_find(map, "name");
	unsigned int i;

	for (i = 0; &config->window[i] != window; i++)
		if (name && window->name[0] && strcmp(config->window[i].name, window->name) == 0)
			mistakes_add(
				reader->mistakes, name->mark,
				"window %s is there twice, first at line %u; give it another name",
				window->name, reader->window_node[i]->mark.line);
}

void reader_finish_window(struct reader *reader, const struct node *map, void *target)
{
	const struct node *kind = node_find(map, "kind");
	struct window_spec *window = target;
	enum sluice_window_kind wanted = window->kind;
	bool is_known = !kind;
	unsigned int i;

	/* The kind as written decides what belongs together, also when it is not supported. */
	for (i = 0; kind && kind->kind == NODE_SCALAR && i < 3; i++) {
		if (strcmp(kind->text, kind_names[i]) != 0)
			continue;
		wanted = i;
		is_known = true;
	}
	check_name(reader, map, window);
	if (is_known)	/* or each key would be a mistake, too */
		check_keys(reader, map, window, wanted);
	if (wanted == SLUICE_WINDOW_SLIDING)
		check_slide(reader, map, window);
	else if (wanted == SLUICE_WINDOW_TUMBLING)
		window->slide_ns = window->size_ns;
	check_offset(reader, map, window);
	check_times(reader, map, window);
}
