/* SPDX-License-Identifier: BSD-2-Clause */
/* Three formats over one table of aggregates. JSON rows tell themselves what they hold; CSV and table
 * take their columns from the first row. */
#include "command/query_print.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/time_format.h"
#include "command/query_where.h"

#define LINE_BYTES 65536
#define COLUMNS_MAX (16 + SLUICE_GROUP_FIELDS_MAX + SLUICE_AGGREGATES_MAX)
#define TABLE_ROWS_HELD 500	/* widths are taken from these */
#define TABLE_GAP 2

struct cells {
	char *cell[COLUMNS_MAX];
};

struct query_printer {
	enum query_format format;
	FILE *out;
	const struct names *names;
	struct query_printer_stats stats;
	struct row_set_shape columns;	/* of the first row */
	bool has_columns;
	struct cells held[TABLE_ROWS_HELD];
	size_t held_count;
	size_t column_count;
	size_t width[COLUMNS_MAX];
	bool is_right[COLUMNS_MAX];
	bool is_flushed;		/* the held rows are out */
	char line[LINE_BYTES];
	char cell[LINE_BYTES];
};

/* Aggregates that one number tells; the others print null until they are known here. */
struct aggregate_column {
	const char *name;
	void (*add)(struct query_printer *printer, struct text *text, const struct row_result *row);
};

static void add_count(struct query_printer *printer, struct text *text, const struct row_result *row)
{
	(void)printer;
	json_add_unsigned(text, row->partial.count);
}

static void add_records(struct query_printer *printer, struct text *text, const struct row_result *row)
{
	(void)printer;
	json_add_unsigned(text, row->partial.records);
}

static void add_sum(struct query_printer *printer, struct text *text, const struct row_result *row)
{
	bool is_saturated;

	json_add_signed(text, rows_saturated_sum(&row->partial, &is_saturated));
	printer->stats.saturated += is_saturated;
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
		json_add_double(text, rows_divide((__int128)row->partial.count * 1000000000, length_ns));
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

static void add_aggregate(struct query_printer *printer, struct text *text,
			  const struct sluice_schema_aggregate *aggregate, const struct row_result *row)
{
	const struct aggregate_column *column = &aggregate_columns[aggregate->kind];

	if (column->add)
		column->add(printer, text, row);
	else
		text_add(text, "null");
}

/* The i-th group value of a row, unquoted; `digits` has room for a number. */
static const char *group_text(const struct query_printer *printer, const struct row_result *row,
			      unsigned int i, char digits[24])
{
	enum sluice_field field = row->shape->layout.field[i].field;
	enum sluice_space space;
	const char *name = NULL;
	struct text text;
	__u64 value;

	if (row->is_overflow)
		return QUERY_OVERFLOW;
	value = group_key_value(&row->shape->layout, row->words, i);
	if (names_space(field, &space))
		name = names_find(printer->names, space, value);
	if (name)
		return name;
	text_init(&text, digits, 24);
	json_add_unsigned(&text, value);
	return digits;
}

static void add_time(struct text *text, __s64 time_ns)
{
	char time[TIME_FORMAT_BYTES];

	text_add_bytes(text, time, time_format(time, time_ns));
}

static void add_id(struct text *text, const __u8 id[16])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		char pair[2] = { digits[id[i] >> 4], digits[id[i] & 15] };

		text_add_bytes(text, pair, 2);
	}
}

static void add_completeness(struct text *text, const struct row_result *row)
{
	const struct sluice_missing *missing = &row->missing;
	unsigned __int128 all = row->aggregated;

	all += (unsigned __int128)missing->shed + missing->ring_full + missing->refused + missing->late +
	       missing->upstream;
	if (all == 0 || all > UINT64_MAX)
		json_add_double(text, 1);
	else
		json_add_double(text, rows_divide(row->aggregated, (__u64)all));
}

static const struct {
	const char *name;
	size_t offset;
} missing_fields[] = {
	{ "shed", offsetof(struct sluice_missing, shed) },
	{ "ring_full", offsetof(struct sluice_missing, ring_full) },
	{ "refused", offsetof(struct sluice_missing, refused) },
	{ "late", offsetof(struct sluice_missing, late) },
	{ "upstream", offsetof(struct sluice_missing, upstream) },
};

#define MISSING_COUNT (sizeof(missing_fields) / sizeof(*missing_fields))

static __u64 missing_value(const struct row_result *row, size_t i)
{
	__u64 value;

	memcpy(&value, (const char *)&row->missing + missing_fields[i].offset, sizeof(value));
	return value;
}

static void add_flag(struct text *text, const char *key, bool is_set)
{
	text_add(text, ",\"");
	text_add(text, key);
	text_add(text, is_set ? "\":true" : "\":false");
}

static void add_json_group(struct query_printer *printer, struct text *text, const struct row_result *row)
{
	const struct group_key *layout = &row->shape->layout;
	char digits[24];

	text_add(text, ",\"group\":{");
	for (unsigned int i = 0; i < layout->field_count; i++) {
		if (i)
			text_add(text, ",");
		text_add_quoted(text, query_field_name(row->shape->dim_name, layout->field[i].field));
		text_add(text, ":");
		text_add_quoted(text, group_text(printer, row, i, digits));
	}
	text_add(text, "}");
}

static void add_json_missing(struct text *text, const struct row_result *row)
{
	text_add(text, ",\"missing\":{");
	for (size_t i = 0; i < MISSING_COUNT; i++) {
		text_add(text, i ? ",\"" : "\"");
		text_add(text, missing_fields[i].name);
		text_add(text, "\":");
		json_add_unsigned(text, missing_value(row, i));
	}
	text_add(text, "}");
}

static void add_json(struct query_printer *printer, struct text *text, const struct row_result *row)
{
	const struct sluice_schema_window *window = &row->shape->window;

	text_add(text, "{\"window\":");
	text_add_quoted(text, window->name);
	text_add(text, ",\"start\":\"");
	add_time(text, row->start_ns);
	text_add(text, "\",\"end\":\"");
	add_time(text, row->end_ns);
	text_add(text, "\"");
	add_json_group(printer, text, row);
	text_add(text, ",\"revision\":");
	json_add_signed(text, row->revision);
	add_flag(text, "final", row->is_final);
	add_flag(text, "early", row->is_early);
	add_flag(text, "retracted", row->is_retracted);
	for (unsigned int i = 0; i < window->aggregate_count; i++) {
		text_add(text, ",\"");
		text_add(text, aggregate_columns[window->aggregate[i].kind].name);
		text_add(text, "\":");
		add_aggregate(printer, text, &window->aggregate[i], row);
	}
	text_add(text, ",\"completeness\":");
	add_completeness(text, row);
	add_json_missing(text, row);
	text_add(text, ",\"agent\":\"");
	add_id(text, row->agent_id);
	text_add(text, "\",\"epoch\":");
	json_add_unsigned(text, row->epoch);
	text_add(text, "}\n");
}

/* Columns of CSV and table: fixed ones around the groups and aggregates of the first row's shape. */
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
	add_time(text, row->start_ns);
}

static void add_end(struct text *text, const struct row_result *row)
{
	add_time(text, row->end_ns);
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
	text_add(text, row->is_retracted ? "retracted" : row->is_early ? "early" :
		       row->is_final ? "final" : "open");
}

static void add_agent(struct text *text, const struct row_result *row)
{
	add_id(text, row->agent_id);
}

static void add_epoch(struct text *text, const struct row_result *row)
{
	json_add_unsigned(text, row->epoch);
}

#define MISSING_CELL(i)                                                                            \
	static void add_missing_##i(struct text *text, const struct row_result *row)               \
	{                                                                                          \
		json_add_unsigned(text, missing_value(row, i));                                    \
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
	{ "completeness", PLACE_ALWAYS, true, add_completeness },
	{ "missing_shed", PLACE_CSV, true, add_missing_0 },
	{ "missing_ring_full", PLACE_CSV, true, add_missing_1 },
	{ "missing_refused", PLACE_CSV, true, add_missing_2 },
	{ "missing_late", PLACE_CSV, true, add_missing_3 },
	{ "missing_upstream", PLACE_CSV, true, add_missing_4 },
	{ "agent", PLACE_CSV, false, add_agent },
	{ "epoch", PLACE_CSV, true, add_epoch },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* One line of CSV or table is made by calling this for each cell in order. */
typedef void cell_function(struct query_printer *printer, size_t column, bool is_right, const char *text);

static size_t visit_fixed(struct query_printer *printer, const struct fixed_column *columns, size_t count,
			  const struct row_result *row, size_t column, cell_function *cell)
{
	for (size_t i = 0; i < count; i++) {
		struct text text;

		if (columns[i].place != PLACE_ALWAYS &&
		    (columns[i].place == PLACE_CSV) != (printer->format == QUERY_CSV))
			continue;
		text_init(&text, printer->cell, sizeof(printer->cell));
		if (row)
			columns[i].add(&text, row);
		else
			text_add(&text, columns[i].name);
		cell(printer, column++, columns[i].is_right, printer->cell);
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

static size_t visit_groups(struct query_printer *printer, const struct row_result *row, size_t column,
			   cell_function *cell)
{
	const struct row_set_shape *shape = &printer->columns;
	char digits[24];

	for (unsigned int i = 0; i < shape->layout.field_count; i++) {
		int place = row ? find_group(row, shape->layout.field[i].field) : -1;
		const char *text = "";

		if (!row)
			text = query_field_name(shape->dim_name, shape->layout.field[i].field);
		else if (place >= 0)
			text = group_text(printer, row, (unsigned int)place, digits);
		cell(printer, column++, false, text);
	}
	return column;
}

static bool has_aggregate(const struct row_result *row, const struct sluice_schema_aggregate *wanted)
{
	for (unsigned int i = 0; i < row->shape->window.aggregate_count; i++) {
		if (memcmp(&row->shape->window.aggregate[i], wanted, sizeof(*wanted)) == 0)
			return true;
	}
	return false;
}

static size_t visit_aggregates(struct query_printer *printer, const struct row_result *row, size_t column,
			       cell_function *cell)
{
	const struct sluice_schema_window *window = &printer->columns.window;

	for (unsigned int i = 0; i < window->aggregate_count; i++) {
		struct text text;

		text_init(&text, printer->cell, sizeof(printer->cell));
		if (!row)
			text_add(&text, aggregate_columns[window->aggregate[i].kind].name);
		else if (has_aggregate(row, &window->aggregate[i]))
			add_aggregate(printer, &text, &window->aggregate[i], row);
		cell(printer, column++, true, strcmp(printer->cell, "null") == 0 ? "" : printer->cell);
	}
	return column;
}

/* All cells of a row, or of the heading without one. Returns how many. */
static size_t visit(struct query_printer *printer, const struct row_result *row, cell_function *cell)
{
	size_t column = visit_fixed(printer, before_groups, COUNT(before_groups), row, 0, cell);

	column = visit_groups(printer, row, column, cell);
	column = visit_fixed(printer, after_groups, COUNT(after_groups), row, column, cell);
	column = visit_aggregates(printer, row, column, cell);
	return visit_fixed(printer, after_aggregates, COUNT(after_aggregates), row, column, cell);
}

/* RFC 4180: quotes where a cell would be misread. */
static void print_csv_cell(struct query_printer *printer, size_t column, bool is_right, const char *text)
{
	(void)is_right;
	if (column)
		putc(',', printer->out);
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, printer->out);
		return;
	}
	putc('"', printer->out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', printer->out);
		putc(*text, printer->out);
	}
	putc('"', printer->out);
}

/* Width on a terminal: characters, not bytes. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* Control characters would let a name move the cursor. */
static void print_table_cell(struct query_printer *printer, size_t column, bool is_right, const char *text)
{
	size_t width = width_of(text);
	size_t gap = printer->width[column] > width ? printer->width[column] - width : 0;
	bool is_last = column + 1 == printer->column_count;

	if (is_right)
		fprintf(printer->out, "%*s", (int)gap, "");
	for (const char *at = text; *at; at++)
		putc((unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at, printer->out);
	if (!is_last)
		fprintf(printer->out, "%*s", (int)((is_right ? 0 : gap) + TABLE_GAP), "");
}

static void measure_cell(struct query_printer *printer, size_t column, bool is_right, const char *text)
{
	size_t width = width_of(text);

	printer->is_right[column] = is_right;
	if (width > printer->width[column])
		printer->width[column] = width;
}

static void hold_cell(struct query_printer *printer, size_t column, bool is_right, const char *text)
{
	measure_cell(printer, column, is_right, text);
	printer->held[printer->held_count].cell[column] = strdup(text);
}

static void print_heading_cell(struct query_printer *printer, size_t column, bool is_right,
			       const char *text)
{
	char heading[SLUICE_NAME_MAX + 1];
	size_t i;

	for (i = 0; text[i] && i < SLUICE_NAME_MAX; i++)
		heading[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 'a' + 'A') : text[i];
	heading[i] = '\0';
	print_table_cell(printer, column, is_right, heading);
}

static void flush_table(struct query_printer *printer)
{
	if (printer->is_flushed || !printer->has_columns)
		return;
	visit(printer, NULL, print_heading_cell);
	putc('\n', printer->out);
	for (size_t i = 0; i < printer->held_count; i++) {
		for (size_t column = 0; column < printer->column_count; column++) {
			const char *cell = printer->held[i].cell[column];

			print_table_cell(printer, column, printer->is_right[column], cell ? cell : "");
			free(printer->held[i].cell[column]);
		}
		putc('\n', printer->out);
	}
	printer->held_count = 0;
	printer->is_flushed = true;
}

static void print_table_row(struct query_printer *printer, const struct row_result *row)
{
	if (!printer->is_flushed && printer->held_count < TABLE_ROWS_HELD) {
		visit(printer, row, hold_cell);
		printer->held_count++;
		return;
	}
	flush_table(printer);
	visit(printer, row, print_table_cell);
	putc('\n', printer->out);
}

static void take_columns(struct query_printer *printer, const struct row_result *row)
{
	if (printer->has_columns)
		return;
	printer->has_columns = true;
	printer->columns = *row->shape;
	if (printer->format == QUERY_CSV) {
		visit(printer, NULL, print_csv_cell);
		putc('\n', printer->out);
	} else {
		printer->column_count = visit(printer, NULL, measure_cell);
	}
}

int query_printer_row(struct query_printer *printer, const struct row_result *row)
{
	struct text text;

	printer->stats.rows++;
	if (printer->format == QUERY_JSON) {
		text_init(&text, printer->line, sizeof(printer->line));
		add_json(printer, &text, row);
		assert(!text.is_cut);
		fwrite(text.data, 1, text.bytes, printer->out);
	} else {
		take_columns(printer, row);
		if (printer->format == QUERY_CSV) {
			visit(printer, row, print_csv_cell);
			putc('\n', printer->out);
		} else {
			print_table_row(printer, row);
		}
	}
	return ferror(printer->out) ? -EIO : 0;
}

int query_printer_finish(struct query_printer *printer)
{
	if (printer->format == QUERY_TABLE)
		flush_table(printer);
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

	if (!made)
		return -ENOMEM;
	made->format = format;
	made->out = out;
	made->names = names;
	*printer = made;
	return 0;
}

void query_printer_close(struct query_printer *printer)
{
	for (size_t i = 0; printer && i < printer->held_count; i++) {
		for (size_t column = 0; column < COLUMNS_MAX; column++)
			free(printer->held[i].cell[column]);
	}
	free(printer);
}
