/* SPDX-License-Identifier: BSD-2-Clause */
/* The printer of sluice query, and its JSON: one object a line that tells itself what it holds. CSV
 * and table are in query_columns.c. */
#include "command/query_print.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "command/query_cells.h"
#include "command/query_where.h"

static void add_flag(struct text *text, const char *key, bool is_set)
{
	text_add(text, ",\"");
	text_add(text, key);
	text_add(text, is_set ? "\":true" : "\":false");
}

static void add_field_name(struct text *text, const struct row_result *row, unsigned int i)
{
	text_add(text, i ? "," : "");
	text_add_quoted(text, query_field_name(row->shape->dim_name,
					       row->shape->layout.field[i].field));
	text_add(text, ":");
}

/* What people read, and what it is. */
static void add_json_group(struct query_printer *printer, struct text *text,
			   const struct row_result *row)
{
	const struct group_key *layout = &row->shape->layout;
	char room[QUERY_VALUE_BYTES];

	if (row->is_absent) {
		text_add(text, ",\"group\":null,\"group_id\":null");
		return;
	}
	text_add(text, ",\"group\":{");
	for (unsigned int i = 0; i < layout->field_count; i++) {
		add_field_name(text, row, i);
		text_add_quoted(text, query_group_text(printer, row, i, room));
	}
	text_add(text, "},\"group_id\":{");
	for (unsigned int i = 0; i < layout->field_count; i++) {
		add_field_name(text, row, i);
		if (row->is_overflow)
			text_add(text, "null");
		else
			json_add_unsigned(text, group_key_value(layout, row->words, i));
	}
	text_add(text, "}");
}

static void add_json_missing(struct text *text, const struct row_result *row)
{
	text_add(text, ",\"completeness\":");
	if (!query_add_completeness(text, row))
		text_add(text, "null");
	text_add(text, ",\"missing\":{");
#define SLUICE_FIELD(name, words)         \
	text_add(text, "\"" #name "\":"); \
	json_add_unsigned(text, row->missing.name); \
	text_add(text, ",");
	SLUICE_MISSING(SLUICE_FIELD)
#undef SLUICE_FIELD
	text_add(text, "\"unattended_ms\":");
	json_add_unsigned(text, query_unattended_ms(row));
	add_flag(text, "estimated", row->missing.flags & SLUICE_MISSING_ESTIMATED);
	text_add(text, "}");
}

static void add_json(struct query_printer *printer, struct text *text, const struct row_result *row)
{
	const struct sluice_schema_window *window = &row->shape->window;

	text_add(text, "{\"window\":");
	text_add_quoted(text, window->name);
	text_add(text, ",\"start\":\"");
	query_add_time(text, row->start_ns);
	text_add(text, "\",\"end\":\"");
	query_add_time(text, row->end_ns);
	text_add(text, "\"");
	add_json_group(printer, text, row);
	text_add(text, ",\"revision\":");
	json_add_signed(text, row->revision);
	text_add(text, ",\"order\":");
	json_add_unsigned(text, row->order);
	add_flag(text, "final", row->is_final);
	add_flag(text, "early", row->is_early);
	add_flag(text, "retracted", row->is_retracted);
	for (unsigned int i = 0; i < window->aggregate_count; i++)
		query_add_member(printer, text, row, i);
	add_json_missing(text, row);
	text_add(text, ",\"agent\":\"");
	query_add_id(text, row->agent_id);
	text_add(text, "\",\"epoch\":");
	json_add_unsigned(text, row->epoch);
	text_add(text, ",\"merged\":");
	json_add_unsigned(text, row->merged_count);
	if (row->is_unmerged)
		add_flag(text, "unmerged", true);
	text_add(text, "}\n");
}

void query_printer_protect(struct query_printer *printer, bool is_protected)
{
	printer->is_csv_unsafe = !is_protected;
}

int query_printer_row(struct query_printer *printer, const struct row_result *row)
{
	int error = query_read_extras(printer, row);
	struct text text;

	if (error)
		return error;
	printer->stats.rows++;
	if (printer->format == QUERY_JSON) {
		text_init(&text, printer->line, sizeof(printer->line));
		add_json(printer, &text, row);
		assert(!text.is_cut);
		fwrite(text.data, 1, text.bytes, printer->out);
	} else {
		query_columns_row(printer, row);
	}
	return ferror(printer->out) ? -EIO : 0;
}

int query_printer_finish(struct query_printer *printer)
{
	query_grid_finish(printer);
	if (fflush(printer->out) != 0)
		return -errno;
	return ferror(printer->out) ? -EIO : 0;
}

struct query_printer_stats query_printer_stats(const struct query_printer *printer)
{
	return printer->stats;
}

int query_printer_open(struct query_printer **printer, enum query_format format, FILE *out,
		       const struct names *names)
{
	struct query_printer *made = calloc(1, sizeof(*made));

	if (!made || row_tail_open(&made->tail)) {
		free(made);
		return -ENOMEM;
	}
	made->format = format;
	made->out = out;
	made->names = names;
	*printer = made;
	return 0;
}

void query_printer_close(struct query_printer *printer)
{
	for (size_t i = 0; printer && i < printer->held_count; i++) {
		for (size_t column = 0; column < QUERY_COLUMNS_MAX; column++)
			free(printer->held[i][column]);
	}
	if (printer)
		row_tail_close(printer->tail);
	free(printer);
}
