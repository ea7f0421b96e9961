/* SPDX-License-Identifier: BSD-2-Clause */
/* Columns of sluice query for result rows: the same cells in the same order, of all definitions
 * that the window has had; a row leaves those empty that its own does not have. */
#include <string.h>

#include "base/json.h"
#include "command/query_cells.h"
#include "command/query_where.h"

/* Columns of CSV and table: fixed ones around groups and aggregates. The last place: in CSV, and in
 * a table of several definitions. */
enum place { PLACE_ALWAYS, PLACE_CSV, PLACE_TABLE, PLACE_DEFINITIONS };

struct fixed_column {
	const char *name;
	enum place place;
	bool is_right;
	void (*add)(struct text *text, const struct row_result *row);
};

static void add_window(struct text *text, const struct row_result *row)
{
	text_add(text, row->shape->window.name);
}

static void add_start(struct text *text, const struct row_result *row)
{
	query_add_time(text, row->start_ns);
}

static void add_end(struct text *text, const struct row_result *row)
{
	query_add_time(text, row->end_ns);
}

static void add_revision(struct text *text, const struct row_result *row)
{
	json_add_signed(text, row->revision);
}

static void add_order(struct text *text, const struct row_result *row)
{
	json_add_unsigned(text, row->order);
}

static void add_bool(struct text *text, bool is_true)
{
	text_add(text, is_true ? "true" : "false");
}

static void add_final(struct text *text, const struct row_result *row)
{
	add_bool(text, row->is_final);
}

static void add_early(struct text *text, const struct row_result *row)
{
	add_bool(text, row->is_early);
}

static void add_retracted(struct text *text, const struct row_result *row)
{
	add_bool(text, row->is_retracted);
}

static void add_unmerged(struct text *text, const struct row_result *row)
{
	add_bool(text, row->is_unmerged);
}

static void add_estimated(struct text *text, const struct row_result *row)
{
	add_bool(text, row->missing.flags & SLUICE_MISSING_ESTIMATED);
}

static void add_agent(struct text *text, const struct row_result *row)
{
	query_add_id(text, row->agent_id);
}

static void add_epoch(struct text *text, const struct row_result *row)
{
	json_add_unsigned(text, row->epoch);
}

static void add_merged(struct text *text, const struct row_result *row)
{
	json_add_unsigned(text, row->merged_count);
}

static void add_definition(struct text *text, const struct row_result *row)
{
	text_format(text, "%016llx", (unsigned long long)row->shape->window.definition);
}

static void add_completeness(struct text *text, const struct row_result *row)
{
	if (!query_add_completeness(text, row))
		text_add(text, "?");
}

static void add_percent(struct text *text, const struct row_result *row)
{
	if (!query_add_percent(text, row))
		text_add(text, "?");
}

static void add_unattended(struct text *text, const struct row_result *row)
{
	json_add_unsigned(text, query_unattended_ms(row));
}

#define SLUICE_FIELD(name, words)                                                     \
	static void add_missing_##name(struct text *out, const struct row_result *row) \
	{                                                                             \
		json_add_unsigned(out, row->missing.name);                            \
	}
SLUICE_MISSING(SLUICE_FIELD)
#undef SLUICE_FIELD

static const struct fixed_column before_groups[] = {
	{ "window", PLACE_CSV, false, add_window },
	{ "start", PLACE_ALWAYS, false, add_start },
	{ "end", PLACE_ALWAYS, false, add_end },
};

static const struct fixed_column after_groups[] = {
	{ "revision", PLACE_CSV, true, add_revision },
	{ "order", PLACE_CSV, true, add_order },
	{ "final", PLACE_CSV, false, add_final },
	{ "early", PLACE_CSV, false, add_early },
	{ "retracted", PLACE_CSV, false, add_retracted },
};

static const struct fixed_column after_aggregates[] = {
	{ "revision", PLACE_TABLE, true, add_revision },
	{ "state", PLACE_ALWAYS, false, query_add_state },
	{ "complete", PLACE_TABLE, true, add_percent },
	{ "completeness", PLACE_CSV, true, add_completeness },
#define SLUICE_FIELD(name, words) { "missing_" #name, PLACE_CSV, true, add_missing_##name },
	SLUICE_MISSING(SLUICE_FIELD)
#undef SLUICE_FIELD
	{ "missing_unattended_ms", PLACE_CSV, true, add_unattended },
	{ "missing_estimated", PLACE_CSV, false, add_estimated },
	{ "agent", PLACE_CSV, false, add_agent },
	{ "epoch", PLACE_CSV, true, add_epoch },
	{ "merged", PLACE_CSV, true, add_merged },
	{ "unmerged", PLACE_CSV, false, add_unmerged },
	{ "definition", PLACE_DEFINITIONS, false, add_definition },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool has_place(const struct query_printer *printer, enum place place)
{
	bool is_csv = printer->format == QUERY_CSV;

	if (place == PLACE_DEFINITIONS)
		return is_csv || printer->columns.definition_count > 1;
	return place == PLACE_ALWAYS || (place == PLACE_CSV) == is_csv;
}

static size_t visit_fixed(struct query_printer *printer, const struct fixed_column *columns,
			  size_t count, const struct row_result *row, size_t column,
			  query_cell *cell)
{
	for (size_t i = 0; i < count; i++) {
		struct text text;

		if (!has_place(printer, columns[i].place))
			continue;
		text_init(&text, printer->line, sizeof(printer->line));
		if (row)
			columns[i].add(&text, row);
		else
			text_add(&text, columns[i].name);
		cell(printer, column++, columns[i].is_right, printer->line);
	}
	return column;
}

/* The place of a column's group field in the row's own group_by; -1: it has none. */
static int find_group(const struct row_result *row, __u8 field)
{
	for (int i = 0; i < row->shape->layout.field_count; i++) {
		if (row->shape->layout.field[i].field == field)
			return i;
	}
	return -1;
}

/* The number beside what it is called: in CSV, of what may have a name. */
static size_t visit_id(struct query_printer *printer, const struct row_result *row, int place,
		       enum sluice_field field, size_t column, query_cell *cell)
{
	enum sluice_space space;
	struct text text;

	if (printer->format != QUERY_CSV || !names_space(field, &space))
		return column;
	text_init(&text, printer->line, sizeof(printer->line));
	if (!row)
		text_format(&text, "%s_id", query_field_name(printer->columns.dim_name, field));
	else if (place >= 0 && !row->is_overflow)
		json_add_unsigned(&text, group_key_value(&row->shape->layout, row->words,
							 (unsigned int)place));
	cell(printer, column++, true, printer->line);
	return column;
}

static size_t visit_groups(struct query_printer *printer, const struct row_result *row,
			   size_t column, query_cell *cell)
{
	const struct query_columns *columns = &printer->columns;
	char room[QUERY_VALUE_BYTES];

	for (unsigned int i = 0; i < columns->field_count; i++) {
		enum sluice_field field = columns->field[i];
		int place = row && !row->is_absent ? find_group(row, field) : -1;
		const char *text = "";

		if (!row)
			text = query_field_name(columns->dim_name, field);
		else if (place >= 0)
			text = query_group_text(printer, row, (unsigned int)place, room);
		else if (row->is_absent && printer->format == QUERY_TABLE)
			text = "-";
		cell(printer, column++, false, text);
		column = visit_id(printer, row, place, field, column, cell);
	}
	return column;
}

/* The place of a column's aggregate among the row's own; -1: it has none. */
static int find_aggregate(const struct row_result *row,
			  const struct sluice_schema_aggregate *wanted)
{
	for (int i = 0; i < row->shape->window.aggregate_count; i++) {
		if (memcmp(&row->shape->window.aggregate[i], wanted, sizeof(*wanted)) == 0)
			return i;
	}
	return -1;
}

/* Aggregates of two definitions can have one heading: the second is told by its place. */
static void add_heading(const struct query_printer *printer, struct text *text, __u32 index,
			unsigned int cell)
{
	const struct sluice_schema_aggregate *aggregates = printer->columns.aggregate;
	unsigned int before = 0;

	for (__u32 i = 0; i < index; i++)
		before += aggregates[i].kind == aggregates[index].kind &&
			  aggregates[i].field == aggregates[index].field;
	query_add_heading(printer, text, &aggregates[index], cell);
	if (before)
		text_format(text, "#%u", before + 1);
}

static size_t visit_aggregate(struct query_printer *printer, const struct row_result *row,
			      __u32 index, size_t column, query_cell *cell)
{
	const struct sluice_schema_aggregate *aggregate = &printer->columns.aggregate[index];
	int place = row ? find_aggregate(row, aggregate) : -1;
	unsigned int count = query_cell_count(printer, aggregate);
	bool is_right = aggregate->kind != SLUICE_AGGREGATE_TOP;

	for (unsigned int i = 0; i < count; i++) {
		struct text text;

		text_init(&text, printer->line, sizeof(printer->line));
		if (!row)
			add_heading(printer, &text, index, i);
		else if (place >= 0)
			query_add_cell(printer, &text, row, (unsigned int)place, i);
		cell(printer, column++, is_right,
		     strcmp(printer->line, "null") == 0 ? "" : printer->line);
	}
	return column;
}

static size_t visit_aggregates(struct query_printer *printer, const struct row_result *row,
			       size_t column, query_cell *cell)
{
	for (__u32 i = 0; i < printer->columns.aggregate_count; i++)
		column = visit_aggregate(printer, row, i, column, cell);
	return column;
}

/* All cells of a row; a query_visit. */
static size_t visit(struct query_printer *printer, const void *result, query_cell *cell)
{
	const struct row_result *row = result;
	size_t column = visit_fixed(printer, before_groups, COUNT(before_groups), row, 0, cell);

	column = visit_groups(printer, row, column, cell);
	column = visit_fixed(printer, after_groups, COUNT(after_groups), row, column, cell);
	column = visit_aggregates(printer, row, column, cell);
	return visit_fixed(printer, after_aggregates, COUNT(after_aggregates), row, column, cell);
}

static void add_field(struct query_columns *columns, __u8 field)
{
	for (__u32 i = 0; i < columns->field_count; i++) {
		if (columns->field[i] == field)
			return;
	}
	columns->field[columns->field_count++] = field;
}

static void add_aggregate(struct query_columns *columns,
			  const struct sluice_schema_aggregate *aggregate)
{
	for (__u32 i = 0; i < columns->aggregate_count; i++) {
		if (memcmp(&columns->aggregate[i], aggregate, sizeof(*aggregate)) == 0)
			return;
	}
	if (columns->aggregate_count < QUERY_AGGREGATES_MAX)
		columns->aggregate[columns->aggregate_count++] = *aggregate;
}

void query_printer_expect(struct query_printer *printer, const struct row_set_shape *shape)
{
	struct query_columns *columns = &printer->columns;

	for (unsigned int i = 0; i < shape->layout.field_count; i++)
		add_field(columns, shape->layout.field[i].field);
	for (unsigned int i = 0; i < shape->window.aggregate_count; i++)
		add_aggregate(columns, &shape->window.aggregate[i]);
	memcpy(columns->dim_name, shape->dim_name, sizeof(columns->dim_name));
	columns->definition_count++;
	printer->empty_visit = visit;
}

void query_columns_row(struct query_printer *printer, const struct row_result *row)
{
	if (!printer->empty_visit)
		query_printer_expect(printer, row->shape);
	query_grid_row(printer, visit, row);
}
