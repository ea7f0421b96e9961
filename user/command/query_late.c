/* SPDX-License-Identifier: BSD-2-Clause */
/* One table of members for all formats: what names the event, then its fields, then the rest. */
#include "command/query_late.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "command/query_cells.h"
#include "command/query_where.h"

enum place { PLACE_ALWAYS, PLACE_NOT_IN_TABLE };

struct member {
	const char *name;
	enum place place;
	bool is_number; /* in JSON: stands without quotes */
	void (*add)(struct text *text, const struct late_result *late);
};

static void add_window(struct text *text, const struct late_result *late)
{
	text_add(text, late->window);
}

static void add_time(struct text *text, const struct late_result *late)
{
	query_add_time(text, late->event.time_ns);
}

static void add_value(struct text *text, const struct late_result *late)
{
	json_add_signed(text, late->event.value);
}

static void add_weight(struct text *text, const struct late_result *late)
{
	json_add_unsigned(text, late->event.weight);
}

static void add_event_id(struct text *text, const struct late_result *late)
{
	json_add_unsigned(text, late->event.event_id);
}

static void add_source_epoch(struct text *text, const struct late_result *late)
{
	json_add_unsigned(text, late->event.epoch);
}

static void add_sequence(struct text *text, const struct late_result *late)
{
	json_add_unsigned(text, late->event.sequence);
}

static void add_index(struct text *text, const struct late_result *late)
{
	json_add_unsigned(text, late->event.index);
}

static void add_agent(struct text *text, const struct late_result *late)
{
	query_add_id(text, late->origin->agent_id);
}

static void add_epoch(struct text *text, const struct late_result *late)
{
	json_add_unsigned(text, late->origin->epoch);
}

static const struct member before_fields[] = {
	{ "window", PLACE_NOT_IN_TABLE, false, add_window },
	{ "time", PLACE_ALWAYS, false, add_time },
};

/* In this order; then the members behind. */
static const enum sluice_field fields[] = {
	SLUICE_FIELD_TYPE, SLUICE_FIELD_KEY,  SLUICE_FIELD_TENANT, SLUICE_FIELD_SOURCE,
	SLUICE_FIELD_DIM0, SLUICE_FIELD_DIM1, SLUICE_FIELD_DIM2,   SLUICE_FIELD_DIM3,
};

static const struct member after_fields[] = {
	{ "value", PLACE_ALWAYS, true, add_value },
	{ "weight", PLACE_ALWAYS, true, add_weight },
	{ "event_id", PLACE_ALWAYS, false, add_event_id },
	{ "source_epoch", PLACE_ALWAYS, true, add_source_epoch },
	{ "sequence", PLACE_ALWAYS, true, add_sequence },
	{ "index", PLACE_ALWAYS, true, add_index },
	{ "agent", PLACE_NOT_IN_TABLE, false, add_agent },
	{ "epoch", PLACE_NOT_IN_TABLE, true, add_epoch },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *field_text(const struct query_printer *printer, const struct late_result *late,
			      enum sluice_field field, char room[QUERY_VALUE_BYTES])
{
	__u64 value = late_event_field(&late->event, field);

	return printer->format == QUERY_TABLE
		       ? query_value_apart(printer->names, field, value, room)
		       : query_value_text(printer->names, field, value, room);
}

static void add_json_members(struct text *text, const struct late_result *late,
			     const struct member *members, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		text_format(text, members[i].is_number ? "%s\"%s\":" : "%s\"%s\":\"",
			    text->bytes > 1 ? "," : "", members[i].name);
		members[i].add(text, late);
		text_add(text, members[i].is_number ? "" : "\"");
	}
}

static void add_json(const struct query_printer *printer, struct text *text,
		     const struct late_result *late)
{
	char room[QUERY_VALUE_BYTES];

	text_add(text, "{");
	add_json_members(text, late, before_fields, COUNT(before_fields));
	text_add(text, ",\"fields\":{");
	for (size_t i = 0; i < COUNT(fields); i++) {
		text_add(text, i ? "," : "");
		text_add_quoted(text, query_field_name(late->origin->dim_name, fields[i]));
		text_add(text, ":");
		text_add_quoted(text, field_text(printer, late, fields[i], room));
	}
	text_add(text, "},\"fields_id\":{");
	for (size_t i = 0; i < COUNT(fields); i++) {
		text_add(text, i ? "," : "");
		text_add_quoted(text, query_field_name(late->origin->dim_name, fields[i]));
		text_add(text, ":");
		json_add_unsigned(text, late_event_field(&late->event, fields[i]));
	}
	text_add(text, "}");
	add_json_members(text, late, after_fields, COUNT(after_fields));
	text_add(text, "}\n");
}

static size_t visit_members(struct query_printer *printer, const struct late_result *late,
			    const struct member *members, size_t count, size_t column,
			    query_cell *cell)
{
	for (size_t i = 0; i < count; i++) {
		struct text text;

		if (members[i].place == PLACE_NOT_IN_TABLE && printer->format == QUERY_TABLE)
			continue;
		text_init(&text, printer->line, sizeof(printer->line));
		if (late)
			members[i].add(&text, late);
		else
			text_add(&text, members[i].name);
		cell(printer, column++, members[i].is_number, printer->line);
	}
	return column;
}

/* A field, and in CSV its number where it may have a name. */
static size_t visit_field(struct query_printer *printer, const struct late_result *late,
			  enum sluice_field field, size_t column, query_cell *cell)
{
	const char *name = query_field_name(printer->columns.dim_name, field);
	char room[QUERY_VALUE_BYTES];
	enum sluice_space space;
	struct text text;

	cell(printer, column++, false, late ? field_text(printer, late, field, room) : name);
	if (printer->format != QUERY_CSV || !names_space(field, &space))
		return column;
	text_init(&text, printer->line, sizeof(printer->line));
	if (late)
		json_add_unsigned(&text, late_event_field(&late->event, field));
	else
		text_format(&text, "%s_id", name);
	cell(printer, column++, true, printer->line);
	return column;
}

static size_t visit(struct query_printer *printer, const void *row, query_cell *cell)
{
	const struct late_result *late = row;
	size_t column = visit_members(printer, late, before_fields, COUNT(before_fields), 0, cell);

	for (size_t i = 0; i < COUNT(fields); i++)
		column = visit_field(printer, late, fields[i], column, cell);
	return visit_members(printer, late, after_fields, COUNT(after_fields), column, cell);
}

void query_printer_expect_late(struct query_printer *printer,
			       const char dim_name[4][SLUICE_NAME_MAX + 1])
{
	memcpy(printer->columns.dim_name, dim_name, sizeof(printer->columns.dim_name));
	printer->empty_visit = visit;
}

int query_printer_late(struct query_printer *printer, const struct late_result *late)
{
	struct text text;

	printer->stats.rows++;
	if (printer->format == QUERY_JSON) {
		text_init(&text, printer->line, sizeof(printer->line));
		add_json(printer, &text, late);
		assert(!text.is_cut);
		fwrite(text.data, 1, text.bytes, printer->out);
	} else {
		if (!printer->empty_visit)
			query_printer_expect_late(printer, late->origin->dim_name);
		query_grid_row(printer, visit, late);
	}
	return ferror(printer->out) ? -EIO : 0;
}
