/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of CSV and tables, of whatever cells a visit gives; a table holds the first rows back to
 * know its widths. */
#include <stdlib.h>
#include <string.h>

#include "command/query_cells.h"

#define TABLE_GAP 2
#define HEADING_MAX (SLUICE_NAME_MAX + 24) /* a field's name and what is told of it */

/* RFC 4180: quotes where a cell would be misread. A spreadsheet would run what begins so. */
static void print_csv_cell(struct query_printer *printer, size_t column, bool is_right,
			   const char *text)
{
	bool is_run = !is_right && !printer->is_csv_unsafe && *text && strchr("=+-@\t\r", *text);

	if (column)
		putc(',', printer->out);
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(is_run ? "'" : "", printer->out);
		fputs(text, printer->out);
		return;
	}
	putc('"', printer->out);
	fputs(is_run ? "'" : "", printer->out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', printer->out);
		putc(*text, printer->out);
	}
	putc('"', printer->out);
}

/* What is not printable would let a name move the cursor, or hide. */
static const char *escape(struct query_printer *printer, const char *text)
{
	const char *at = text;
	struct text escaped;
	size_t bytes;

	while ((bytes = text_printable_bytes(at)))
		at += bytes;
	if (!*at)
		return text;
	text_init(&escaped, printer->escaped, sizeof(printer->escaped));
	text_add_printable(&escaped, text);
	return printer->escaped;
}

/* Width on a terminal: characters, not bytes. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void print_escaped_cell(struct query_printer *printer, size_t column, bool is_right,
			       const char *text)
{
	size_t width = width_of(text);
	size_t gap = printer->width[column] > width ? printer->width[column] - width : 0;
	bool is_last = column + 1 == printer->column_count;

	if (is_right)
		fprintf(printer->out, "%*s", (int)gap, "");
	fputs(text, printer->out);
	if (!is_last)
		fprintf(printer->out, "%*s", (int)((is_right ? 0 : gap) + TABLE_GAP), "");
}

static void print_table_cell(struct query_printer *printer, size_t column, bool is_right,
			     const char *text)
{
	print_escaped_cell(printer, column, is_right, escape(printer, text));
}

static void measure_cell(struct query_printer *printer, size_t column, bool is_right,
			 const char *text)
{
	size_t width = width_of(text);

	printer->is_right[column] = is_right;
	if (width > printer->width[column])
		printer->width[column] = width;
}

static void hold_cell(struct query_printer *printer, size_t column, bool is_right, const char *text)
{
	text = escape(printer, text);
	measure_cell(printer, column, is_right, text);
	printer->held[printer->held_count][column] = strdup(text);
}

static void print_heading_cell(struct query_printer *printer, size_t column, bool is_right,
			       const char *text)
{
	char heading[HEADING_MAX + 1];
	size_t i;

	for (i = 0; text[i] && i < HEADING_MAX; i++)
		heading[i] =
			text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 'a' + 'A') : text[i];
	heading[i] = '\0';
	print_table_cell(printer, column, is_right, heading);
}

static void finish_table(struct query_printer *printer)
{
	if (printer->is_flushed || !printer->visit)
		return;
	printer->visit(printer, NULL, print_heading_cell);
	putc('\n', printer->out);
	for (size_t i = 0; i < printer->held_count; i++) {
		for (size_t column = 0; column < printer->column_count; column++) {
			const char *cell = printer->held[i][column];

			print_escaped_cell(printer, column, printer->is_right[column],
					   cell ? cell : "");
			free(printer->held[i][column]);
		}
		putc('\n', printer->out);
	}
	printer->held_count = 0;
	printer->is_flushed = true;
}

static void print_table_row(struct query_printer *printer, const void *row)
{
	if (!printer->is_flushed && printer->held_count < QUERY_ROWS_HELD) {
		printer->visit(printer, row, hold_cell);
		printer->held_count++;
		return;
	}
	finish_table(printer);
	printer->visit(printer, row, print_table_cell);
	putc('\n', printer->out);
}

static void begin(struct query_printer *printer, query_visit *visit)
{
	if (printer->visit)
		return;
	printer->visit = visit;
	if (printer->format == QUERY_CSV) {
		visit(printer, NULL, print_csv_cell);
		putc('\n', printer->out);
	} else {
		printer->column_count = visit(printer, NULL, measure_cell);
	}
}

/* A file without rows still says what they would be. */
void query_grid_finish(struct query_printer *printer)
{
	if (printer->format == QUERY_TABLE)
		finish_table(printer);
	else if (printer->format == QUERY_CSV && printer->empty_visit)
		begin(printer, printer->empty_visit);
}

void query_grid_row(struct query_printer *printer, query_visit *visit, const void *row)
{
	begin(printer, visit);
	if (printer->format == QUERY_TABLE) {
		print_table_row(printer, row);
		return;
	}
	visit(printer, row, print_csv_cell);
	putc('\n', printer->out);
}
