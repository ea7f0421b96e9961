/* SPDX-License-Identifier: BSD-2-Clause */
/* Conditions against rows and late events, and against what is known at all. */
#include "command/query_where.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "core/name/dictionary.h"

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

int query_where_number(const char *name)
{
	for (size_t i = 0; i < NUMBER_COUNT; i++) {
		if (strcmp(numbers[i].name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
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

		condition->is_used |= query_where_number(condition->field) >= 0;
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

static bool is_named(const struct query_condition *condition, const char *name, __u64 id)
{
	return strcmp(name, condition->value) == 0 ||
	       (condition->name_bytes && condition->id == id &&
		strlen(name) == condition->name_bytes &&
		memcmp(name, condition->value, condition->name_bytes) == 0);
}

/* A group value against one condition. Without `names`, what only names can tell may hold. */
static bool holds_value(const struct query_condition *condition, const struct names *names,
			enum sluice_field field, __int128 value, bool is_overflow)
{
	bool wants_equal = condition->operator== QUERY_EQUAL;
	enum sluice_space space;
	const char *name;

	if (is_overflow)
		return (strcmp(condition->value, DICTIONARY_OVERFLOW) == 0) == wants_equal &&
		       condition->operator<= QUERY_UNEQUAL;
	if (strcmp(condition->value, DICTIONARY_OVERFLOW) == 0)
		return !wants_equal;
	if (condition->is_number)
		return holds(condition->operator, value, condition->number);
	if (!names)
		return true;
	name = names_space(field, &space) ? names_find(names, space, (__u64)value) : NULL;
	return (name && is_named(condition, name, (__u64)value)) == wants_equal;
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
		bool has_field = query_where_number(where->condition[i].field) >= 0;

		for (unsigned int j = 0; j < shape->layout.field_count; j++)
			has_field |= is_field(&where->condition[i], shape->dim_name,
					      shape->layout.field[j].field);
		if (!has_field)
			return false;
	}
	return true;
}

/* Whatever group it would have been; but nothing was counted. */
static bool is_met_by_absent(const struct query_where *where, const struct row_result *row)
{
	for (unsigned int i = 0; i < where->count; i++) {
		const struct query_condition *condition = &where->condition[i];
		int place = query_where_number(condition->field);

		if (place >= 0 && (numbers[place].needs_records ||
				   !holds(condition->operator, numbers[place].value(&row->partial),
					  condition->number)))
			return false;
	}
	return true;
}

bool query_where_is_met(const struct query_where *where, const struct names *names,
			const struct row_result *row)
{
	if (where->count == 0)
		return true;
	if (row->is_absent)
		return is_met_by_absent(where, row);
	if (!has_fields(where, row->shape) ||
	    !holds_group(where, names, row->shape->dim_name, &row->shape->layout, row->words,
			 row->is_overflow))
		return false;
	for (unsigned int i = 0; i < where->count; i++) {
		const struct query_condition *condition = &where->condition[i];
		int place = query_where_number(condition->field);

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

/* Whether a name of the condition's field is the value; offers those that are not. */
static bool is_known(const struct query_condition *condition, const struct names *names,
		     const char dim_name[4][SLUICE_NAME_MAX + 1], struct text_nearest *nearest)
{
	enum sluice_space space, wanted;
	const char *name;

	for (int field = 0; field < SLUICE_FIELD_VALUE; field++) {
		if (!is_field(condition, dim_name, (enum sluice_field)field))
			continue;
		if (!names_space((enum sluice_field)field, &wanted))
			return false;
		for (size_t i = 0; (name = names_at(names, i, &space)); i++) {
			if (space != wanted)
				continue;
			if (strcmp(name, condition->value) == 0 ||
			    (condition->name_bytes && strlen(name) == condition->name_bytes &&
			     memcmp(name, condition->value, condition->name_bytes) == 0))
				return true;
			text_nearest_offer(nearest, name);
		}
	}
	return false;
}

const struct query_condition *query_where_unknown(const struct query_where *where,
						  const struct names *names,
						  const char dim_name[4][SLUICE_NAME_MAX + 1],
						  unsigned int *index, const char **nearest)
{
	while (*index < where->count) {
		const struct query_condition *condition = &where->condition[(*index)++];
		struct text_nearest offered = { .word = condition->value };

		if (condition->is_number || query_where_number(condition->field) >= 0 ||
		    strcmp(condition->value, DICTIONARY_OVERFLOW) == 0 ||
		    is_known(condition, names, dim_name, &offered))
			continue;
		*nearest = offered.best;
		return condition;
	}
	return NULL;
}
