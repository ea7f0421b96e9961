/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of a result row as text, by one table of aggregates. */
#include "command/query_cells.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/time_format.h"
#include "command/query_extras.h"
#include "core/name/dictionary.h"

/* Aggregates that the partial tells; the others are in query_extras.c. */
struct aggregate_column {
	const char *name;
	void (*add)(struct query_printer *printer, struct text *text, const struct row_result *row);
};

static void add_count(struct query_printer *printer, struct text *text,
		      const struct row_result *row)
{
	(void)printer;
	json_add_unsigned(text, row->partial.count);
}

static void add_records(struct query_printer *printer, struct text *text,
			const struct row_result *row)
{
	(void)printer;
	json_add_unsigned(text, row->partial.records);
}

/* Marked where it stands: in a table by > or <. */
static void add_sum(struct query_printer *printer, struct text *text, const struct row_result *row)
{
	bool is_saturated;
	__s64 sum = rows_saturated_sum(&row->partial, &is_saturated);

	if (is_saturated && printer->format == QUERY_TABLE)
		text_add(text, sum < 0 ? "<" : ">");
	json_add_signed(text, sum);
	printer->stats.saturated += is_saturated;
	if (is_saturated && printer->format == QUERY_JSON)
		text_add(text, ",\"sum_saturated\":true");
}

static bool is_saturated(const struct row_result *row)
{
	bool is_saturated;

	rows_saturated_sum(&row->partial, &is_saturated);
	return is_saturated;
}

static void add_extreme(struct text *text, const struct row_result *row, __s64 value)
{
	if (row->partial.records == 0)
		text_add(text, "null");
	else
		json_add_signed(text, value);
}

static void add_min(struct query_printer *printer, struct text *text, const struct row_result *row)
{
	(void)printer;
	add_extreme(text, row, row->partial.min);
}

static void add_max(struct query_printer *printer, struct text *text, const struct row_result *row)
{
	(void)printer;
	add_extreme(text, row, row->partial.max);
}

static void add_avg(struct query_printer *printer, struct text *text, const struct row_result *row)
{
	(void)printer;
	if (row->partial.count == 0)
		text_add(text, "null");
	else
		json_add_double(text, rows_divide(rows_sum(&row->partial), row->partial.count));
}

/* Weight a second. */
static void add_rate(struct query_printer *printer, struct text *text, const struct row_result *row)
{
	__u64 length_ns = (__u64)row->end_ns - (__u64)row->start_ns;

	(void)printer;
	if (length_ns == 0)
		text_add(text, "null");
	else
		json_add_double(text,
				rows_divide((__int128)row->partial.count * 1000000000, length_ns));
}

static const struct aggregate_column aggregate_columns[SLUICE_AGGREGATE_KINDS] = {
	[SLUICE_AGGREGATE_COUNT_WEIGHT] = { "count", add_count },
	[SLUICE_AGGREGATE_RECORDS] = { "records", add_records },
	[SLUICE_AGGREGATE_SUM] = { "sum", add_sum },
	[SLUICE_AGGREGATE_MIN] = { "min", add_min },
	[SLUICE_AGGREGATE_MAX] = { "max", add_max },
	[SLUICE_AGGREGATE_AVG] = { "avg", add_avg },
	[SLUICE_AGGREGATE_FIRST] = { "first", NULL },
	[SLUICE_AGGREGATE_LAST] = { "last", NULL },
	[SLUICE_AGGREGATE_RATE] = { "rate", add_rate },
	[SLUICE_AGGREGATE_DISTINCT] = { "distinct", NULL },
	[SLUICE_AGGREGATE_QUANTILES] = { "quantiles", NULL },
	[SLUICE_AGGREGATE_TOP] = { "top", NULL },
};

static struct query_extras extras_of(const struct query_printer *printer,
				     const struct row_result *row)
{
	return (struct query_extras){ printer->tail, &row->shape->window, row->shape->dim_name,
				      printer->names, &row->partial };
}

int query_read_extras(struct query_printer *printer, const struct row_result *row)
{
	const struct sluice_schema_window *window = &row->shape->window;
	int error = 0;

	for (unsigned int i = 0; i < window->aggregate_count; i++) {
		if (!row_tail_has(window->aggregate[i].kind))
			continue;
		error = row_tail_begin(printer->tail, window);
		return error ? error : row_tail_add(printer->tail, row->extra, row->extra_bytes);
	}
	return 0;
}

static bool is_first_of_its_kind(const struct sluice_schema_window *window, unsigned int index)
{
	for (unsigned int i = 0; i < index; i++) {
		if (window->aggregate[i].kind == window->aggregate[index].kind)
			return false;
	}
	return true;
}

void query_add_member(struct query_printer *printer, struct text *text,
		      const struct row_result *row, unsigned int index)
{
	const struct query_extras extras = extras_of(printer, row);
	__u8 kind = row->shape->window.aggregate[index].kind;

	if (!is_first_of_its_kind(&row->shape->window, index))
		return;
	text_add(text, ",\"");
	text_add(text, aggregate_columns[kind].name);
	text_add(text, "\":");
	if (row_tail_has(kind))
		query_extras_add_json(&extras, text, kind);
	else
		aggregate_columns[kind].add(printer, text, row);
}

unsigned int query_cell_count(const struct query_printer *printer,
			      const struct sluice_schema_aggregate *aggregate)
{
	if (aggregate->kind == SLUICE_AGGREGATE_SUM)
		return printer->format == QUERY_CSV ? 2 : 1;
	return query_extras_cells(aggregate, printer->format == QUERY_CSV);
}

void query_add_heading(const struct query_printer *printer, struct text *text,
		       const struct sluice_schema_aggregate *aggregate, unsigned int cell)
{
	if (row_tail_has(aggregate->kind))
		query_extras_add_heading(text, aggregate, printer->columns.dim_name, cell);
	else
		text_add(text, cell ? "sum_saturated" : aggregate_columns[aggregate->kind].name);
}

void query_add_cell(struct query_printer *printer, struct text *text, const struct row_result *row,
		    unsigned int index, unsigned int cell)
{
	const struct query_extras extras = extras_of(printer, row);
	__u8 kind = row->shape->window.aggregate[index].kind;

	if (row_tail_has(kind))
		query_extras_add_cell(&extras, text, index, cell, printer->format == QUERY_CSV);
	else if (cell)
		text_add(text, is_saturated(row) ? "true" : "false");
	else
		aggregate_columns[kind].add(printer, text, row);
}

const char *query_value_text(const struct names *names, enum sluice_field field, __u64 value,
			     char room[QUERY_VALUE_BYTES])
{
	enum sluice_space space;
	const char *name = NULL;
	struct text text;

	if (names && names_space(field, &space))
		name = names_find(names, space, value);
	if (name)
		return name;
	text_init(&text, room, QUERY_VALUE_BYTES);
	json_add_unsigned(&text, value);
	return room;
}

const char *query_value_apart(const struct names *names, enum sluice_field field, __u64 value,
			      char room[QUERY_VALUE_BYTES])
{
	const char *name = query_value_text(names, field, value, room);
	enum sluice_space space;
	struct text text;

	if (!names || !names_space(field, &space) || !names_is_shared(names, space, value))
		return name;
	text_init(&text, room, QUERY_VALUE_BYTES);
	text_add(&text, name);
	text_add(&text, "#");
	json_add_unsigned(&text, value);
	return room;
}

const char *query_group_text(const struct query_printer *printer, const struct row_result *row,
			     unsigned int i, char room[QUERY_VALUE_BYTES])
{
	enum sluice_field field = row->shape->layout.field[i].field;
	__u64 value;

	if (row->is_overflow)
		return DICTIONARY_OVERFLOW;
	value = group_key_value(&row->shape->layout, row->words, i);
	return printer->format == QUERY_TABLE
		       ? query_value_apart(printer->names, field, value, room)
		       : query_value_text(printer->names, field, value, room);
}

void query_add_time(struct text *text, __s64 time_ns)
{
	char time[TIME_FORMAT_BYTES];

	text_add_bytes(text, time, time_format(time, time_ns));
}

void query_add_id(struct text *text, const __u8 id[16])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		char pair[2] = { digits[id[i] >> 4], digits[id[i] & 15] };

		text_add_bytes(text, pair, 2);
	}
}

/* Decimals behind the point, without zeros at their end. */
static void add_decimals(struct text *text, __u64 value, unsigned int count)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%0*llu", (int)count, (unsigned long long)value);
	while (count > 1 && digits[count - 1] == '0')
		count--;
	text_add_bytes(text, digits, count);
}

bool query_add_completeness(struct text *text, const struct row_result *row)
{
	const __u64 scale = 1000000000000000ull;
	__u64 share;

	if (!row_result_completeness(row, scale, &share))
		return false;
	text_add(text, share == scale ? "1." : "0.");
	add_decimals(text, share % scale, 15);
	return true;
}

bool query_add_percent(struct text *text, const struct row_result *row)
{
	__u64 share;

	if (!row_result_completeness(row, 10000, &share))
		return false;
	if (share == 10000)
		text_add(text, "100 %");
	else
		text_format(text, "%llu.%02llu %%", (unsigned long long)share / 100,
			    (unsigned long long)share % 100);
	return true;
}

__u64 query_unattended_ms(const struct row_result *row)
{
	return row->unattended_ns / 1000000 + (row->unattended_ns % 1000000 != 0);
}

void query_add_state(struct text *text, const struct row_result *row)
{
	bool is_known;
	__u64 share;

	is_known = row_result_completeness(row, 1, &share);
	text_add(text, row->is_retracted ? "retracted"
		       : !is_known	 ? "partial"
		       : row->is_early	 ? "early"
		       : row->is_final	 ? "final"
					 : "open");
	text_add(text, row->is_unmerged ? " UNMERGED" : "");
}
