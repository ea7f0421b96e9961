/* SPDX-License-Identifier: BSD-2-Clause */
/* Columns of sluice query for result rows: the same cells in the same order, taken from the first
 * row. */
#include <string.h>

#include "base/json.h"
#include "command/query_cells.h"
#include "command/query_where.h"

/* Columns of CSV and table: fixed ones around the groups and aggregates of the first row's
 * shape. */
enum place { PLACE_ALWAYS, PLACE_CSV, PLACE_TABLE };

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

static void add_final(struct text *text, const struct row_result *row)
{
	text_add(text, row->is_final ? "true" : "false");
}

static void add_early(struct text *text, const struct row_result *row)
{
	text_add(text, row->is_early ? "true" : "false");
}

static void add_retracted(struct text *text, const struct row_result *row)
{
	text_add(text, row->is_retracted ? "true" : "false");
}

static void add_state(struct text *text, const struct row_result *row)
{
	text_add(text, row->is_retracted ? "retracted"
		       : row->is_early	 ? "early"
		       : row->is_final	 ? "final"
					 : "open");
}

static void add_agent(struct text *text, const struct row_result *row)
{
	query_add_id(text, row->agent_id);
}

static void add_epoch(struct text *text, const struct row_result *row)
{
	json_add_unsigned(text, row->epoch);
}

static void add_completeness(struct text *text, const struct row_result *row)
{
	json_add_double(text, query_completeness(row));
}

/* Never "100 %" when something is missing. */
static void add_percent(struct text *text, const struct row_result *row)
{
	double share = query_completeness(row);

	if (share == 1)
		text_add(text, "100 %");
	else
		text_format(text, "%.2f %%", share > 0.9999 ? 99.99 : share * 100);
}

#define MISSING_CELL(i)                                                              \
	static void add_missing_##i(struct text *text, const struct row_result *row) \
	{                                                                            \
		json_add_unsigned(text, query_missing_value(row, i));                \
	}
MISSING_CELL(0)
MISSING_CELL(1)
MISSING_CELL(2)
MISSING_CELL(3)
MISSING_CELL(4)

static const struct fixed_column before_groups[] = {
	{ "window", PLACE_CSV, false, add_window },
	{ "start", PLACE_ALWAYS, false, add_start },
	{ "end", PLACE_ALWAYS, false, add_end },
};

static const struct fixed_column after_groups[] = {
	{ "revision", PLACE_CSV, true, add_revision },
	{ "final", PLACE_CSV, false, add_final },
	{ "early", PLACE_CSV, false, add_early },
	{ "retracted", PLACE_CSV, false, add_retracted },
};

static const struct fixed_column after_aggregates[] = {
	{ "revision", PLACE_TABLE, true, add_revision },
	{ "state", PLACE_TABLE, false, add_state },
	{ "complete", PLACE_TABLE, true, add_percent },
	{ "completeness", PLACE_CSV, true, add_completeness },
	{ "missing_shed", PLACE_CSV, true, add_missing_0 },
	{ "missing_ring_full", PLACE_CSV, true, add_missing_1 },
	{ "missing_refused", PLACE_CSV, true, add_missing_2 },
	{ "missing_late", PLACE_CSV, true, add_missing_3 },
	{ "missing_upstream", PLACE_CSV, true, add_missing_4 },
	{ "agent", PLACE_CSV, false, add_agent },
	{ "epoch", PLACE_CSV, true, add_epoch },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static size_t visit_fixed(struct query_printer *printer, const struct fixed_column *columns,
			  size_t count, const struct row_result *row, size_t column,
			  query_cell *cell)
{
	for (size_t i = 0; i < count; i++) {
		struct text text;

		if (columns[i].place != PLACE_ALWAYS &&
		    (columns[i].place == PLACE_CSV) != (printer->format == QUERY_CSV))
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

static size_t visit_groups(struct query_printer *printer, const struct row_result *row,
			   size_t column, query_cell *cell)
{
	const struct row_set_shape *shape = &printer->columns;
	char digits[24];

	for (unsigned int i = 0; i < shape->layout.field_count; i++) {
		int place = row ? find_group(row, shape->layout.field[i].field) : -1;
		const char *text = "";

		if (!row)
			text = query_field_name(shape->dim_name, shape->layout.field[i].field);
		else if (place >= 0)
			text = query_group_text(printer, row, (unsigned int)place, digits);
		cell(printer, column++, false, text);
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

static size_t visit_aggregate(struct query_printer *printer, const struct row_result *row,
			      const struct sluice_schema_aggregate *aggregate, size_t column,
			      query_cell *cell)
{
	int place = row ? find_aggregate(row, aggregate) : -1;
	unsigned int count = query_cell_count(printer, aggregate);
	bool is_right = aggregate->kind != SLUICE_AGGREGATE_TOP;

	for (unsigned int i = 0; i < count; i++) {
		struct text text;

		text_init(&text, printer->line, sizeof(printer->line));
		if (!row)
			query_add_heading(printer, &text, aggregate, i);
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
	const struct sluice_schema_window *window = &printer->columns.window;

	for (unsigned int i = 0; i < window->aggregate_count; i++)
		column = visit_aggregate(printer, row, &window->aggregate[i], column, cell);
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

void query_columns_row(struct query_printer *printer, const struct row_result *row)
{
	if (!printer->visit)
		printer->columns = *row->shape;
	query_grid_row(printer, visit, row);
}
