/* SPDX-License-Identifier: BSD-2-Clause */
/* The statement `window`: name, kind, and everything a configuration may say of it. */
#include "script_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_list(struct script_reader *reader, struct window_spec *spec, const char *name,
		     char *text)
{
	char *rest = NULL;

	for (char *item = strtok_r(text, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
		struct window_where *where = &spec->where;
		int field = script_find_field(!strcmp(name, "group") ? item : name);
		__u64 number = 0;

		if (strcmp(name, "group") && !script_read_number(item, &number))
			return script_mistake(reader, "not a number", item);
		if (!strcmp(name, "from")) {
			spec->listener_mask |= 1u << number;
		} else if (field < 0 || field == SLUICE_FIELD_VALUE) {
			return script_mistake(reader, "unknown field", item);
		} else if (!strcmp(name, "group")) {
			spec->group_field[spec->group_count++] = (__u8)field;
		} else if (field == SLUICE_FIELD_TYPE) {
			where->has_types = true;
			if (!where->type_bits)
				where->type_bits = calloc(SLUICE_TYPES / 64, sizeof(__u64));
			if (!where->type_bits || number >= SLUICE_TYPES)
				return script_mistake(reader, "not a type", item);
			where->type_bits[number / 64] |= 1ull << number % 64;
		} else {
			where->field[field].value[where->field[field].count++] = number;
		}
	}
	return 0;
}

static int read_values(struct script_reader *reader, struct window_spec *spec, char *text)
{
	char *second = strstr(text, "..");
	__u64 low, high;

	if (!second)
		return script_mistake(reader, "not a range", text);
	*second = '\0';
	if (!script_read_number(text, &low) || !script_read_number(second + 2, &high))
		return script_mistake(reader, "not a range", text);
	spec->where.has_value_range = true;
	spec->where.value_min = (__s64)low;
	spec->where.value_max = (__s64)high;
	return 0;
}

static __s64 *time_of_window(struct window_spec *spec, const char *name)
{
	const struct {
		const char *name;
		__s64 *time_ns;
	} times[] = {
		{ "size", &spec->size_ns },
		{ "slide", &spec->slide_ns },
		{ "offset", &spec->offset_ns },
		{ "gap", &spec->gap_ns },
		{ "max_duration", &spec->max_duration_ns },
		{ "disorder", &spec->max_disorder_ns },
		{ "lateness", &spec->allowed_lateness_ns },
		{ "early", &spec->early_ns },
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (!strcmp(times[i].name, name))
			return times[i].time_ns;
	return NULL;
}

static int read_aggregate(struct script_reader *reader, struct window_spec *spec, const char *name,
			  const char *value)
{
	static const struct {
		const char *name;
		enum sluice_aggregate_kind kind;
	} kinds[] = { { "first", SLUICE_AGGREGATE_FIRST },
		      { "last", SLUICE_AGGREGATE_LAST },
		      { "distinct", SLUICE_AGGREGATE_DISTINCT } };
	int field = script_find_field(value);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, name))
			continue;
		if (field < 0)
			return script_mistake(reader, "unknown field", value);
		scenario_add_aggregate(spec, kinds[i].kind, (enum sluice_field)field);
		spec->aggregate[spec->aggregate_count - 1].precision = 12;
		return 0;
	}
	return script_mistake(reader, "unknown word of a window", name);
}

static int read_window_pair(struct script_reader *reader, struct window_spec *spec,
			    const char *name, char *value)
{
	__s64 *time_ns = time_of_window(spec, name);

	if (time_ns)
		return script_read_time(value, time_ns)
			       ? 0
			       : script_mistake(reader, "not a time", value);
	if (!strcmp(name, "late") && !strcmp(value, "keep"))
		spec->late = WINDOW_LATE_KEEP;
	else if (!strcmp(name, "dedup") && !strcmp(value, "event_id"))
		spec->dedup = WINDOW_DEDUP_EVENT_ID;
	else if (!strcmp(name, "values"))
		return read_values(reader, spec, value);
	else if (!strcmp(name, "group") || !strcmp(name, "from") || script_find_field(name) >= 0)
		return read_list(reader, spec, name, value);
	else
		return read_aggregate(reader, spec, name, value);
	return 0;
}

int script_read_window(struct script_reader *reader)
{
	static const char *const kinds[] = { "tumbling", "sliding", "session" };
	struct window_spec *spec;
	int kind = 0;

	if (reader->word_count < 3)
		return script_mistake(reader, "a window needs a name and a kind", NULL);
	spec = scenario_add_window(&reader->script->scenario, reader->word[1]);
	while (kind < 3 && strcmp(kinds[kind], reader->word[2]))
		kind++;
	if (kind == 3)
		return script_mistake(reader, "unknown kind of window", reader->word[2]);
	spec->kind = (enum sluice_window_kind)kind;
	for (int i = 3; i < reader->word_count; i++) {
		if (!strcmp(reader->word[i], "from"))
			spec->listener_mask = 0;
		if (!reader->value[i])
			return script_mistake(reader, "not name=value", reader->word[i]);
		if (read_window_pair(reader, spec, reader->word[i], reader->value[i]))
			return -EINVAL;
	}
	if (spec->kind == SLUICE_WINDOW_SESSION)
		spec->size_ns = spec->gap_ns;
	if (spec->kind != SLUICE_WINDOW_SLIDING)
		spec->slide_ns = spec->size_ns;
	return 0;
}
