/* SPDX-License-Identifier: BSD-2-Clause */
/* What the formats of sluice query share: the printer's state, and single values of a row as text.
 * Only query_*.c include it. */
#ifndef SLUICE_COMMAND_QUERY_CELLS_H
#define SLUICE_COMMAND_QUERY_CELLS_H

#include "base/text.h"
#include "command/query_print.h"
#include "rows/row_tail.h"

/* Longest: eight tops of 200 names, all of them escaped. */
#define QUERY_LINE_BYTES (4u << 20)
/* Of all definitions of a window together; what would be more has no columns. */
#define QUERY_AGGREGATES_MAX (4 * SLUICE_AGGREGATES_MAX)
#define QUERY_COLUMNS_MAX \
	(32 + 2 * SLUICE_FIELD_VALUE + QUERY_AGGREGATES_MAX * SLUICE_QUANTILES_MAX)
#define QUERY_ROWS_HELD 500 /* the widths of a table are taken from these */
#define QUERY_VALUE_BYTES 288 /* a name, #, digits */
#define QUERY_ESCAPED_BYTES (1u << 16)

struct query_printer;

/* One line of CSV or table is made by calling this for each cell in order. */
typedef void query_cell(struct query_printer *printer, size_t column, bool is_right,
			const char *text);
/* Does so for a row, or for the heading without one. Returns how many cells there were. */
typedef size_t query_visit(struct query_printer *printer, const void *row, query_cell *cell);

/* What any definition of the window has. */
struct query_columns {
	__u8 field[SLUICE_FIELD_VALUE];
	__u32 field_count;
	struct sluice_schema_aggregate aggregate[QUERY_AGGREGATES_MAX];
	__u32 aggregate_count;
	__u32 definition_count;
	char dim_name[4][SLUICE_NAME_MAX + 1];
};

struct query_printer {
	enum query_format format;
	FILE *out;
	const struct names *names;
	struct row_tail *tail; /* of the row in work */
	struct query_printer_stats stats;
	/* CSV and table: */
	struct query_columns columns;
	bool is_csv_unsafe; /* cells stand as they are */
	query_visit *empty_visit; /* of the heading when no row comes; or NULL */
	query_visit *visit; /* NULL before the first row */
	size_t column_count;
	char *held[QUERY_ROWS_HELD][QUERY_COLUMNS_MAX];
	size_t held_count;
	bool is_flushed; /* the held rows are out */
	size_t width[QUERY_COLUMNS_MAX];
	bool is_right[QUERY_COLUMNS_MAX];
	char line[QUERY_LINE_BYTES]; /* of JSON; a cell of the others */
	char escaped[QUERY_ESCAPED_BYTES]; /* a cell of a table, as it is shown */
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

/* A group value, unquoted: its name or its digits, for which there is room. */
const char *query_value_text(const struct names *names, enum sluice_field field, __u64 value,
			     char room[QUERY_VALUE_BYTES]);
/* The same for people, who see no number beside it: same#10 where other ids have the name. */
const char *query_value_apart(const struct names *names, enum sluice_field field, __u64 value,
			      char room[QUERY_VALUE_BYTES]);
/* The i-th of a row, as the format has it. */
const char *query_group_text(const struct query_printer *printer, const struct row_result *row,
			     unsigned int i, char room[QUERY_VALUE_BYTES]);

void query_add_time(struct text *text, __s64 time_ns);
void query_add_id(struct text *text, const __u8 id[16]);
/* Share of what is known to have been sent that was taken in: 0 to 1, rounded down. False: nobody
 * knows. */
bool query_add_completeness(struct text *text, const struct row_result *row);
bool query_add_percent(struct text *text, const struct row_result *row);
/* Time of the row in which nobody took datagrams in, rounded up. */
__u64 query_unattended_ms(const struct row_result *row);
/* What holds for the row: final, open, early, retracted, partial. */
void query_add_state(struct text *text, const struct row_result *row);

/* One result row of CSV or table. */
void query_columns_row(struct query_printer *printer, const struct row_result *row);

/* One line of CSV or table, always of the same visit; and the end of them all. */
void query_grid_row(struct query_printer *printer, query_visit *visit, const void *row);
void query_grid_finish(struct query_printer *printer);

#endif
