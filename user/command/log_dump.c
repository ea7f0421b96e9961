/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice log dump: records of the results log, for people or, one a line, as JSON. */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/time_format.h"
#include "command/fold.h"
#include "command/log_actions.h"
#include "command/log_damage.h"
#include "command/log_dump_text.h"
#include "command/log_records.h"
#include "command/query_extras.h"
#include "command/query_where.h"
#include "core/name/dictionary.h"
#include "core/emit/late_count.h"
#include "edge/log/log_reader.h"

#define LINE_BYTES 4096

static const char *const kind_names[] = {
	[SLUICE_DISK_SCHEMA] = "schema", [SLUICE_DISK_NAMES] = "names", [SLUICE_DISK_ROWS] = "rows",
	[SLUICE_DISK_CLOSE] = "close",	 [SLUICE_DISK_LATE] = "late",
	[SLUICE_DISK_COMPLETE] = "complete", [SLUICE_DISK_FINAL] = "final",
	[SLUICE_DISK_LATE_COUNT] = "late_count", [SLUICE_DISK_GAP] = "gap",
	[SLUICE_DISK_EPOCH_END] = "epoch_end",   [SLUICE_DISK_LOSS] = "loss",
};

static const char *kind_name(__u16 kind)
{
	return kind < sizeof(kind_names) / sizeof(*kind_names) && kind_names[kind]
		       ? kind_names[kind]
		       : "unknown";
}

static void add_schema(const struct dump *dump, struct text *text)
{
	dump_add_unsigned(dump, text, "epoch", dump->schema.head.agent_epoch);
	dump_add_unsigned(dump, text, "config_epoch", dump->schema.head.config_epoch);
	dump_add_key(dump, text, "windows");
	text_add(text, "[");
	for (__u32 i = 0; i < dump->schema.head.window_count; i++) {
		text_add(text, i ? "," : "");
		text_add_quoted(text, dump->schema.window[i].name);
	}
	text_add(text, "]");
}

/* What is missing, of that which is. */
static void add_missing(const struct dump *dump, struct text *text,
			const struct sluice_missing *missing)
{
#define SLUICE_FIELD(name, words) \
	if (missing->name)        \
		dump_add_unsigned(dump, text, "missing_" #name, missing->name);
	SLUICE_MISSING(SLUICE_FIELD)
#undef SLUICE_FIELD
	if (missing->flags & SLUICE_MISSING_ESTIMATED)
		dump_add_unsigned(dump, text, "missing_estimated", 1);
	if (missing->flags & SLUICE_MISSING_UNCOUNTED)
		dump_add_unsigned(dump, text, "missing_uncounted", 1);
}

static void add_rows(const struct dump *dump, struct text *text, const struct rows_cursor *cursor)
{
	dump_add_string(dump, text, "window", cursor->window->name);
	dump_add_time(dump, text, "start", cursor->head.start_ns);
	dump_add_time(dump, text, "end", cursor->head.end_ns);
	dump_add_signed(dump, text, "revision", cursor->head.revision);
	dump_add_flags(dump, text, cursor->head.flags);
	dump_add_unsigned(dump, text, "rows", cursor->head.row_count);
	dump_add_unsigned(dump, text, "aggregated", cursor->head.aggregated);
	if (cursor->version == 1)
		return;
	dump_add_unsigned(dump, text, "epoch", cursor->head.epoch);
	dump_add_unsigned(dump, text, "order", cursor->head.order);
	dump_add_unsigned(dump, text, "selected", cursor->head.selected);
	dump_add_unsigned(dump, text, "offered", cursor->head.offered);
	add_missing(dump, text, &cursor->head.missing);
}

static const struct {
	enum sluice_aggregate_kind kind;
	const char *name;
} extra_names[] = {
	{ SLUICE_AGGREGATE_FIRST, "first" },	   { SLUICE_AGGREGATE_LAST, "last" },
	{ SLUICE_AGGREGATE_DISTINCT, "distinct" }, { SLUICE_AGGREGATE_QUANTILES, "quantiles" },
	{ SLUICE_AGGREGATE_TOP, "top" },
};

#define EXTRA_COUNT (sizeof(extra_names) / sizeof(*extra_names))

static bool has_aggregate(const struct sluice_schema_window *window,
			  enum sluice_aggregate_kind kind)
{
	for (unsigned int i = 0; i < window->aggregate_count; i++) {
		if (window->aggregate[i].kind == kind)
			return true;
	}
	return false;
}

/* What the row holds behind its partial, with the numbers of groups as they stand. */
static int add_extras(struct dump *dump, struct text *text, const struct rows_cursor *cursor,
		      const struct row_view *row)
{
	const struct query_extras extras = { .tail = dump->tail,
					     .window = cursor->window,
					     .dim_name = dump->schema.head.dim_name,
					     .partial = row->partial };
	int error;

	if (row->extra_bytes == 0)
		return 0;
	error = row_tail_begin(dump->tail, cursor->window);
	if (!error)
		error = row_tail_add(dump->tail, row->extra, row->extra_bytes);
	for (size_t i = 0; i < EXTRA_COUNT && !error; i++) {
		if (!has_aggregate(cursor->window, extra_names[i].kind))
			continue;
		dump_add_key(dump, text, extra_names[i].name);
		query_extras_add_json(&extras, text, extra_names[i].kind);
	}
	return error;
}

static int print_row(struct dump *dump, const struct rows_cursor *cursor,
		     const struct row_view *row)
{
	bool is_saturated;
	struct text text;
	int error;

	text_init(&text, dump->row, sizeof(dump->row));
	text_add(&text, dump->is_json ? "{\"kind\":\"row\"" : "          row");
	for (unsigned int i = 0; i < cursor->layout->field_count; i++)
		dump_add_unsigned(dump, &text,
			     query_field_name(dump->schema.head.dim_name,
					      cursor->layout->field[i].field),
			     group_key_value(cursor->layout, row->words, i));
	dump_add_unsigned(dump, &text, "count", row->partial->count);
	dump_add_unsigned(dump, &text, "records", row->partial->records);
	dump_add_signed(dump, &text, "sum", rows_saturated_sum(row->partial, &is_saturated));
	dump_add_signed(dump, &text, "min", row->partial->min);
	dump_add_signed(dump, &text, "max", row->partial->max);
	if (cursor->head.flags & SLUICE_ROWS_VARIABLE) {
		dump_add_time(dump, &text, "start", row->start_ns);
		dump_add_time(dump, &text, "end", row->end_ns);
		dump_add_signed(dump, &text, "revision", row->revision);
		if (cursor->version > 1)
			dump_add_unsigned(dump, &text, "order", row->order);
	}
	error = add_extras(dump, &text, cursor, row);
	if (!error)
		dump_print(dump, &text);
	return error;
}

static void add_late(struct dump *dump, struct text *text, const struct late_cursor *late)
{
	dump_add_string(dump, text, "window", dump->schema.window[late->head->window].name);
	dump_add_unsigned(dump, text, "events", late->head->event_count);
}

static void print_late_event(struct dump *dump, const struct sluice_late_event *event)
{
	struct text text;

	text_init(&text, dump->row, sizeof(dump->row));
	text_add(&text, dump->is_json ? "{\"kind\":\"late_event\"" : "          late");
	dump_add_time(dump, &text, "time", event->time_ns);
	for (int field = 0; field < SLUICE_FIELD_VALUE; field++)
		dump_add_unsigned(dump, &text,
			     query_field_name(dump->schema.head.dim_name, (enum sluice_field)field),
			     late_event_field(event, (enum sluice_field)field));
	dump_add_signed(dump, &text, "value", event->value);
	dump_add_unsigned(dump, &text, "weight", event->weight);
	dump_add_unsigned(dump, &text, "event_id", event->event_id);
	dump_add_unsigned(dump, &text, "source_epoch", event->epoch);
	dump_add_unsigned(dump, &text, "sequence", event->sequence);
	dump_add_unsigned(dump, &text, "index", event->index);
	dump_print(dump, &text);
}

static void print_late_events(struct dump *dump, struct late_cursor *late)
{
	struct sluice_late_event event;

	while (dump->has_rows && late_record_next(late, &event))
		print_late_event(dump, &event);
}

static const char *cause_name(__u64 cause)
{
	static const char *const names[] = { [SLUICE_GAP_UNATTENDED] = "unattended",
					     [SLUICE_GAP_STATE_LOST] = "state_lost" };

	return cause < sizeof(names) / sizeof(*names) ? names[cause] : "unknown";
}

static const char *missing_name(__u64 cause)
{
	static const char *const names[] = {
#define SLUICE_FIELD(name, text) #name,
		SLUICE_MISSING(SLUICE_FIELD)
#undef SLUICE_FIELD
	};

	return cause < sizeof(names) / sizeof(*names) ? names[cause] : "unknown";
}

static void add_field(const struct dump *dump, struct text *text,
		      const struct log_record_field *field, __u64 value)
{
	__s64 time_ns = (__s64)value;

	switch (field->type) {
	case LOG_RECORD_WINDOW:
		dump_add_string(dump, text, field->name, dump->schema.window[value].name);
		break;
	case LOG_RECORD_FLAGS:
		dump_add_flags(dump, text, (__u16)value);
		break;
	case LOG_RECORD_CAUSE:
		dump_add_string(dump, text, field->name, cause_name(value));
		break;
	case LOG_RECORD_MISSING:
		dump_add_string(dump, text, field->name, missing_name(value));
		break;
	case LOG_RECORD_SIGNED:
		dump_add_signed(dump, text, field->name, (__s64)value);
		break;
	case LOG_RECORD_TIME:
		dump_add_time(dump, text, field->name, time_ns);
		break;
	default:
		dump_add_unsigned(dump, text, field->name, value);
	}
}

static void add_fixed(const struct dump *dump, struct text *text,
		      const struct log_record_kind *kind, const struct sluice_disk_record *record)
{
	for (__u16 i = 0; i < kind->field_count; i++)
		add_field(dump, text, &kind->fields[i],
			  log_record_number(&kind->fields[i], record));
}

static void print_late_panes(struct dump *dump, const struct sluice_disk_record *record)
{
	struct late_count_cursor cursor;
	struct sluice_late_pane pane;

	if (!dump->has_rows || late_count_read(&cursor, dump->schema.head.window_count, record))
		return;
	while (late_count_next(&cursor, &pane)) {
		struct text text;

		text_init(&text, dump->row, sizeof(dump->row));
		text_add(&text, dump->is_json ? "{\"kind\":\"late_pane\"" : "          pane");
		dump_add_time(dump, &text, "start", pane.start_ns);
		dump_add_time(dump, &text, "end", pane.end_ns);
		dump_add_unsigned(dump, &text, "records", pane.records);
		dump_print(dump, &text);
	}
}

static int dump_record(struct dump *dump, __u64 lsn, const struct sluice_disk_record *record)
{
	const struct log_record_kind *fixed = log_record_kind(record->kind);
	bool is_rows = record->kind == SLUICE_DISK_ROWS || record->kind == SLUICE_DISK_CLOSE;
	bool is_late = record->kind == SLUICE_DISK_LATE;
	bool is_names = record->kind == SLUICE_DISK_NAMES;
	struct dictionary_cursor names;
	struct rows_cursor cursor;
	struct late_cursor late;
	char buffer[LINE_BYTES];
	struct row_view row;
	struct text text;
	__u32 count;
	int got = 0;

	if (record->kind == SLUICE_DISK_SCHEMA) {
		got = schema_read(&dump->schema, record);
		dump->has_schema = got == 0;
	} else if (is_rows) {
		got = dump->has_schema ? rows_open(&cursor, &dump->schema, record) : -EBADMSG;
	} else if (is_names) {
		got = dictionary_open(&names, record + 1, record->bytes - sizeof(*record), &count);
	} else if (is_late) {
		got = late_record_open(&late, dump->schema.head.window_count, record);
	} else if (fixed) {
		got = log_record_check(fixed, dump->has_schema ? &dump->schema : NULL, record);
	}
	if (got)
		return got;
	if (lsn < dump->from_lsn)
		return 0;
	text_init(&text, buffer, sizeof(buffer));
	text_format(&text,
		    dump->is_json ? "{\"lsn\":%" PRIu64 ",\"kind\":\"%s\"" : "%10" PRIu64 " %s",
		    (uint64_t)lsn, kind_name(record->kind));
	if (record->kind == SLUICE_DISK_SCHEMA)
		add_schema(dump, &text);
	else if (is_names)
		dump_add_unsigned(dump, &text, "names", count);
	else if (is_rows)
		add_rows(dump, &text, &cursor);
	else if (is_late)
		add_late(dump, &text, &late);
	else if (fixed)
		add_fixed(dump, &text, fixed, record);
	dump_print(dump, &text);
	if (is_late)
		print_late_events(dump, &late);
	else if (record->kind == SLUICE_DISK_LATE_COUNT)
		print_late_panes(dump, record);
	while (is_rows && dump->has_rows && (got = rows_next(&cursor, &row)) == 1) {
		got = print_row(dump, &cursor, &row);
		if (got)
			return got;
	}
	return got < 0 ? got : 0;
}

static void dump_batch(struct dump *dump, const struct sluice_batch *batch)
{
	const struct sluice_disk_record *record = NULL;

	for (__u64 lsn = batch->first_lsn; (record = segment_next_record(batch, record)); lsn++) {
		if (dump_record(dump, lsn, record))
			log_reader_note_record(dump->reader, record, lsn);
	}
}

static int run(struct dump *dump)
{
	const struct sluice_batch *batch;
	int got;

	while ((got = log_reader_next(dump->reader, &batch)) == 1)
		dump_batch(dump, batch);
	if (got)
		return command_error(EX_OSERR, NULL, "%s", strerror(-got));
	return log_damage_report(dump->reader);
}

int log_action_dump(const struct command_line *line, struct log_reader *reader)
{
	struct dump *dump = calloc(1, sizeof(*dump));
	int code;

	if (!dump || row_tail_open(&dump->tail)) {
		free(dump);
		return command_error(EX_OSERR, NULL, "%s", strerror(ENOMEM));
	}
	dump->reader = reader;
	dump->is_json = command_option_given(line, "json");
	dump->has_rows = command_option_given(line, "rows");
	code = command_option_number(line, "from", &dump->from_lsn) < 0 ? EX_USAGE : run(dump);
	row_tail_close(dump->tail);
	free(dump);
	return code;
}
