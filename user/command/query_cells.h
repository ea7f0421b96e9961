/* SPDX-License-Identifier: BSD-2-Clause */
/* What the formats of sluice query share: the printer's state, and single values of a row as text.
 * Only query_*.c include it. */
#ifndef SLUICE_COMMAND_QUERY_CELLS_H
#define SLUICE_COMMAND_QUERY_CELLS_H

#include "base/text.h"
#include "command/query_print.h"
#include "edge/row_tail.h"

/* Longest: eight tops of 200 names, all of them escaped. */
#define QUERY_LINE_BYTES (4u << 20)
#define QUERY_COLUMNS_MAX \
	(20 + SLUICE_GROUP_FIELDS_MAX + SLUICE_AGGREGATES_MAX * SLUICE_QUANTILES_MAX)
#define QUERY_ROWS_HELD 500 /* the widths of a table are taken from these */
#define QUERY_MISSING_COUNT 5

struct query_printer;

/* One line of CSV or table is made by calling this for each cell in order. */
typedef void query_cell(struct query_printer *printer, size_t column, bool is_right,
			const char *text);
/* Does so for a row, or for the heading without one. Returns how many cells there were. */
typedef size_t query_visit(struct query_printer *printer, const void *row, query_cell *cell);

struct query_printer {
	enum query_format format;
	FILE *out;
	const struct names *names;
	struct row_tail *tail; /* of the row in work */
	struct query_printer_stats stats;
	/* CSV and table: */
	struct row_set_shape columns; /* of the first row */
	query_visit *visit; /* NULL before it */
	size_t column_count;
	char *held[QUERY_ROWS_HELD][QUERY_COLUMNS_MAX];
	size_t held_count;
	bool is_flushed; /* the held rows are out */
	size_t width[QUERY_COLUMNS_MAX];
	bool is_right[QUERY_COLUMNS_MAX];
	char line[QUERY_LINE_BYTES]; /* of JSON; a cell of the others */
};

/* Reads what the row's aggregates need beyond its partial; before anything below. -EBADMSG. */
int query_read_extras(struct query_printer *printer, const struct row_result *row);

/* A member of the JSON object, with a comma before it; aggregates of a kind that have a member in
 * common come with the first of them. */
void query_add_member(struct query_printer *printer, struct text *text,
		      const struct row_result *row, unsigned int index);
/* CSV and table: columns of an aggregate (at least 1), their headings, their values or null. */
unsigned int query_cell_count(const struct query_printer *printer,
			      const struct sluice_schema_aggregate *aggregate);
void query_add_heading(const struct query_printer *printer, struct text *text,
		       const struct sluice_schema_aggregate *aggregate, unsigned int cell);
void query_add_cell(struct query_printer *printer, struct text *text, const struct row_result *row,
		    unsigned int index, unsigned int cell);

/* The i-th group value, unquoted: its name or its digits, for which there is room. */
const char *query_group_text(const struct query_printer *printer, const struct row_result *row,
			     unsigned int i, char digits[24]);

void query_add_time(struct text *text, __s64 time_ns);
void query_add_id(struct text *text, const __u8 id[16]);
/* Share of what is known to have been sent that was taken in: 0 to 1. */
double query_completeness(const struct row_result *row);
/* The parts of what is missing, QUERY_MISSING_COUNT of them. */
const char *query_missing_name(size_t i);
__u64 query_missing_value(const struct row_result *row, size_t i);

/* A group value, unquoted: its name or its digits, for which there is room. */
const char *query_value_text(const struct names *names, enum sluice_field field, __u64 value,
			     char digits[24]);

/* One result row of CSV or table. */
void query_columns_row(struct query_printer *printer, const struct row_result *row);

/* One line of CSV or table, always of the same visit; and the end of them all. */
void query_grid_row(struct query_printer *printer, query_visit *visit, const void *row);
void query_grid_finish(struct query_printer *printer);

#endif
