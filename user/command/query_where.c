/* SPDX-License-Identifier: BSD-2-Clause */
/* Conditions: text to table, and table against rows. */
#include "command/query_where.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *text; /* the longer ones first */
	enum query_operator operator;
} operators[] = {
	{ "!=", QUERY_UNEQUAL }, { "<=", QUERY_AT_MOST }, { ">=", QUERY_AT_LEAST },
	{ "=", QUERY_EQUAL },	 { "<", QUERY_LESS },	  { ">", QUERY_MORE },
};

#define OPERATOR_COUNT (sizeof(operators) / sizeof(*operators))

static __int128 value_count(const struct sluice_partial *partial)
{
	return partial->count;
}

static __int128 value_records(const struct sluice_partial *partial)
{
	return partial->records;
}

static __int128 value_min(const struct sluice_partial *partial)
{
	return partial->min;
}

static __int128 value_max(const struct sluice_partial *partial)
{
	return partial->max;
}

/* Values of a row that are numbers of the partial. */
static const struct {
	const char *name;
	__int128 (*value)(const struct sluice_partial *partial);
	bool needs_records;
} numbers[] = {
	{ "count", value_count, false }, { "records", value_records, false },
	{ "sum", rows_sum, false },	 { "min", value_min, true },
	{ "max", value_max, true },
};

#define NUMBER_COUNT (sizeof(numbers) / sizeof(*numbers))

static int find_number(const char *name)
{
	for (size_t i = 0; i < NUMBER_COUNT; i++) {
		if (strcmp(numbers[i].name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

static bool parse_number(const char *text, __int128 *number)
{
	bool is_negative = *text == '-';
	__int128 made = 0;
	int digits = 0;

	for (text += is_negative; isdigit((unsigned char)*text) && digits < 38; text++, digits++)
		made = made * 10 + (*text - '0');
	if (*text || digits == 0)
		return false;
	*number = is_negative ? -made : made;
	return true;
}

/* Copies [start, end) without spaces around it; false when it is empty or too long. */
static bool copy_trimmed(char *out, size_t room, const char *start, const char *end)
{
	while (start < end && *start == ' ')
		start++;
	while (end > start && end[-1] == ' ')
		end--;
	if (end == start || (size_t)(end - start) >= room)
		return false;
	memcpy(out, start, (size_t)(end - start));
	out[end - start] = '\0';
	return true;
}

static int parse_one(struct query_condition *condition, const char *start, const char *end,
		     char *what, size_t what_room)
{
	const char *at = start + strcspn(start, "=<>!");

	for (size_t i = 0; i < OPERATOR_COUNT && at < end; i++) {
		size_t bytes = strlen(operators[i].text);

		if (strncmp(at, operators[i].text, bytes) != 0)
			continue;
		condition->operator= operators[i].operator;
		if (!copy_trimmed(condition->field, sizeof(condition->field), start, at) ||
		    !copy_trimmed(condition->value, sizeof(condition->value), at + bytes, end))
			break;
		condition->is_number = parse_number(condition->value, &condition->number);
		if (find_number(condition->field) >= 0 && !condition->is_number) {
			snprintf(what, what_room, "\"%s\" is not a number", condition->value);
			return -EINVAL;
		}
		if (!condition->is_number && condition->operator> QUERY_UNEQUAL) {
			snprintf(what, what_room,
				 "\"%s\" has no order; use = or !=", condition->value);
			return -EINVAL;
		}
		return 0;
	}
	snprintf(what, what_room, "\"%.*s\" is not FIELD=VALUE", (int)(end - start), start);
	return -EINVAL;
}

int query_where_parse(struct query_where *where, const char *text, char *what, size_t what_room)
{
	for (;;) {
		const char *end = text + strcspn(text, ",");
		struct query_condition condition = { 0 };
		int error = parse_one(&condition, text, end, what, what_room);

		if (error)
			return error;
		if (where->count == QUERY_WHERE_MAX) {
			snprintf(what, what_room, "more than %d conditions", QUERY_WHERE_MAX);
			return -EINVAL;
		}
		where->condition[where->count++] = condition;
		if (*end == '\0')
			return 0;
		text = end + 1;
	}
}

static const char *const field_names[SLUICE_FIELD_COUNT] = {
	[SLUICE_FIELD_TENANT] = "tenant", [SLUICE_FIELD_SOURCE] = "source",
	[SLUICE_FIELD_TYPE] = "type",	  [SLUICE_FIELD_KEY] = "key",
	[SLUICE_FIELD_DIM0] = "dim0",	  [SLUICE_FIELD_DIM1] = "dim1",
	[SLUICE_FIELD_DIM2] = "dim2",	  [SLUICE_FIELD_DIM3] = "dim3",
	[SLUICE_FIELD_VALUE] = "value",
};

const char *query_field_name(const char dim_name[4][SLUICE_NAME_MAX + 1], enum sluice_field field)
{
	if (field >= SLUICE_FIELD_DIM0 && field <= SLUICE_FIELD_DIM3 &&
	    dim_name[field - SLUICE_FIELD_DIM0][0])
		return dim_name[field - SLUICE_FIELD_DIM0];
	return field_names[field];
}

static bool is_field(const struct query_condition *condition,
		     const char dim_name[4][SLUICE_NAME_MAX + 1], enum sluice_field field)
{
	return strcmp(condition->field, query_field_name(dim_name, field)) == 0 ||
	       strcmp(condition->field, field_names[field]) == 0;
}

void query_where_bind(struct query_where *where, const struct schema *schema, __u32 window)
{
	const struct group_key *layout = &schema->layout[window];

	for (unsigned int i = 0; i < where->count; i++) {
		struct query_condition *condition = &where->condition[i];

		condition->is_used |= find_number(condition->field) >= 0;
		for (unsigned int j = 0; j < layout->field_count; j++)
			condition->is_used |=
				is_field(condition, schema->head.dim_name, layout->field[j].field);
	}
}

static bool holds(enum query_operator operator, __int128 left, __int128 right)
{
	switch (operator) {
	case QUERY_EQUAL:
		return left == right;
	case QUERY_UNEQUAL:
		return left != right;
	case QUERY_LESS:
		return left < right;
	case QUERY_AT_MOST:
		return left <= right;
	case QUERY_MORE:
		return left > right;
	default:
		return left >= right;
	}
}

/* A group value against one condition. Without `names`, what only names can tell may hold. */
static bool holds_value(const struct query_condition *condition, const struct names *names,
			enum sluice_field field, __int128 value, bool is_overflow)
{
	bool wants_equal = condition->operator== QUERY_EQUAL;
	enum sluice_space space;
	const char *name;

	if (is_overflow)
		return (strcmp(condition->value, QUERY_OVERFLOW) == 0) == wants_equal &&
		       condition->operator<= QUERY_UNEQUAL;
	if (strcmp(condition->value, QUERY_OVERFLOW) == 0)
		return !wants_equal;
	if (condition->is_number)
		return holds(condition->operator, value, condition->number);
	if (!names)
		return true;
	name = names_space(field, &space) ? names_find(names, space, (__u64)value) : NULL;
	return (name && strcmp(name, condition->value) == 0) == wants_equal;
}

/* All conditions on one group field: one of the `=` and every other one. */
static bool holds_field(const struct query_where *where, const struct names *names,
			const char dim_name[4][SLUICE_NAME_MAX + 1], enum sluice_field field,
			__int128 value, bool is_overflow)
{
	bool has_equal = false, has_match = false;

	for (unsigned int i = 0; i < where->count; i++) {
		const struct query_condition *condition = &where->condition[i];
		bool is_held;

		if (!is_field(condition, dim_name, field))
			continue;
		is_held = holds_value(condition, names, field, value, is_overflow);
		if (condition->operator== QUERY_EQUAL) {
			has_equal = true;
			has_match |= is_held;
		} else if (!is_held) {
			return false;
		}
	}
	return !has_equal || has_match;
}

static bool holds_group(const struct query_where *where, const struct names *names,
			const char dim_name[4][SLUICE_NAME_MAX + 1], const struct group_key *layout,
			const __u64 *words, bool is_overflow)
{
	for (unsigned int i = 0; i < layout->field_count; i++) {
		if (!holds_field(where, names, dim_name, layout->field[i].field,
				 group_key_value(layout, words, i), is_overflow))
			return false;
	}
	return true;
}

bool query_where_is_possible(const struct query_where *where, const struct schema *schema,
			     __u32 window, const __u64 *words, bool is_overflow)
{
	return holds_group(where, NULL, schema->head.dim_name, &schema->layout[window], words,
			   is_overflow);
}

/* A condition on a field that rows of this shape do not have is not met. */
static bool has_fields(const struct query_where *where, const struct row_set_shape *shape)
{
	for (unsigned int i = 0; i < where->count; i++) {
		bool has_field = find_number(where->condition[i].field) >= 0;

		for (unsigned int j = 0; j < shape->layout.field_count; j++)
			has_field |= is_field(&where->condition[i], shape->dim_name,
					      shape->layout.field[j].field);
		if (!has_field)
			return false;
	}
	return true;
}

bool query_where_is_met(const struct query_where *where, const struct names *names,
			const struct row_result *row)
{
	if (where->count == 0)
		return true;
	if (!has_fields(where, row->shape) ||
	    !holds_group(where, names, row->shape->dim_name, &row->shape->layout, row->words,
			 row->is_overflow))
		return false;
	for (unsigned int i = 0; i < where->count; i++) {
		const struct query_condition *condition = &where->condition[i];
		int place = find_number(condition->field);

		if (place >= 0 && ((numbers[place].needs_records && row->partial.records == 0) ||
				   !holds(condition->operator, numbers[place].value(&row->partial),
					  condition->number)))
			return false;
	}
	return true;
}

void query_where_bind_late(struct query_where *where, const char dim_name[4][SLUICE_NAME_MAX + 1])
{
	for (unsigned int i = 0; i < where->count; i++) {
		for (int field = 0; field < SLUICE_FIELD_COUNT; field++)
			where->condition[i].is_used |=
				is_field(&where->condition[i], dim_name, (enum sluice_field)field);
	}
}

bool query_where_is_met_by_late(const struct query_where *where, const struct names *names,
				const struct late_result *late)
{
	for (int field = 0; where->count && field < SLUICE_FIELD_COUNT; field++) {
		__int128 value = late->event.value;

		if (field != SLUICE_FIELD_VALUE)
			value = late_event_field(&late->event, (enum sluice_field)field);
		if (!holds_field(where, names, late->origin->dim_name, (enum sluice_field)field,
				 value, false))
			return false;
	}
	return true;
}
