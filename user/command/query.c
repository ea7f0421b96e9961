/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice query: reads the results log, an agent running or not, and prints the rows of one window.
 * Reads files only and changes nothing. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time_format.h"
#include "command/commands.h"
#include "command/log_damage.h"
#include "command/query_state.h"
#include "command/store_option.h"

static int parse_time(const struct command_line *line, const char *option, __s64 now_ns,
		      __s64 *time_ns)
{
	const char *text = command_option_text(line, option);

	if (!text || time_parse(text, now_ns, time_ns) == 0)
		return 0;
	return command_error(EX_USAGE, "write 2026-01-01T00:00:00Z, -10m, now or @1767225600",
			     "--%s %s is not a time", option, text);
}

static int parse_range(const struct command_line *line, struct row_set_options *options)
{
	struct timespec now;
	__s64 now_ns;
	int code;

	clock_gettime(CLOCK_REALTIME, &now);
	now_ns = (__s64)now.tv_sec * 1000000000 + now.tv_nsec;
	options->since_ns = INT64_MIN;
	options->until_ns = INT64_MAX;
	code = parse_time(line, "since", now_ns, &options->since_ns);
	return code ? code : parse_time(line, "until", now_ns, &options->until_ns);
}

static int parse_where(const struct command_line *line, struct query_where *where)
{
	const char *text;
	char what[320];

	for (unsigned int i = 0; (text = command_option_text_at(line, "where", i)); i++) {
		if (query_where_parse(where, text, what, sizeof(what)))
			return command_error(EX_USAGE,
					     "write for example --where 'type=click,count>=10'",
					     "--where: %s", what);
	}
	return 0;
}

static int parse_format(const struct command_line *line, enum query_format *format)
{
	const char *text = command_option_text(line, "format");
	bool is_json = command_option_given(line, "json");

	if (is_json && command_option_given(line, "format") && strcmp(text, "json") != 0)
		return command_error(EX_USAGE, "leave one of them out",
				     "two formats are asked for: --json and --format %s", text);
	*format = is_json || strcmp(text, "json") == 0 ? QUERY_JSON
		  : strcmp(text, "csv") == 0	       ? QUERY_CSV
						       : QUERY_TABLE;
	return 0;
}

/* Ways of looking at the log that exclude each other. */
static int parse_view(const struct command_line *line, struct query *query)
{
	bool all_revisions = command_option_given(line, "all-revisions");
	bool by_agent = command_option_given(line, "by-agent");

	query->wants_late = command_option_given(line, "late");
	query->view = all_revisions ? ROW_SET_REVISIONS
		      : by_agent    ? ROW_SET_IDENTITIES
				    : ROW_SET_MERGED;
	if (query->wants_late && all_revisions)
		return command_error(EX_USAGE, "leave one of them out",
				     "late events have no revisions: --late with --all-revisions");
	if (query->wants_late && by_agent)
		return command_error(EX_USAGE, "leave one of them out",
				     "late events are not added up: --late with --by-agent");
	if (all_revisions && by_agent)
		return command_error(EX_USAGE, "leave one of them out",
				     "--all-revisions prints identities apart already: "
				     "--all-revisions with --by-agent");
	return 0;
}

static bool is_wanted(void *context, const struct schema *schema, __u32 window,
		      const struct row_view *row, bool is_overflow)
{
	const struct query *query = context;

	return query_where_is_possible(&query->where, schema, window, row->words, is_overflow);
}

static void note_windows(struct query *query, const struct schema *schema)
{
	for (__u32 i = 0; i < schema->head.window_count; i++) {
		const char *name = schema->window[i].name;
		unsigned int j;

		for (j = 0; j < query->window_count && strcmp(query->windows[j], name) != 0; j++)
			;
		if (j == query->window_count && j < WINDOWS_LISTED_MAX)
			memcpy(query->windows[query->window_count++], name, SLUICE_NAME_MAX + 1);
		if (strcmp(name, query->options.window) != 0)
			continue;
		if (query->wants_late)
			query_where_bind_late(&query->where, schema->head.dim_name);
		else
			query_where_bind(&query->where, schema, i);
	}
}

static int take_record(struct query *query, const struct sluice_disk_record *record, __u64 lsn)
{
	int error;

	switch (record->kind) {
	case SLUICE_DISK_SCHEMA:
		error = schema_read(query->schema, record);
		if (error)
			return error;
		note_windows(query, query->schema);
		error = row_set_use_schema(query->rows, query->schema);
		return error ? error : late_set_use_schema(query->late, query->schema);
	case SLUICE_DISK_NAMES:
		return names_add(query->names, record);
	case SLUICE_DISK_LATE:
		return query->wants_late ? late_set_add(query->late, record) : 0;
	default:
		return query->wants_late ? 0 : row_set_add(query->rows, record, lsn);
	}
}

static int take_batch(struct query *query, const struct sluice_batch *batch)
{
	const struct sluice_disk_record *record = NULL;

	for (__u64 lsn = batch->first_lsn; (record = segment_next_record(batch, record)); lsn++) {
		int error = take_record(query, record, lsn);

		if (error == -ENOMEM)
			return error;
		if (error)
			log_reader_note_record(&query->reader, record, lsn);
	}
	return 0;
}

static int read_all(struct query *query)
{
	const struct sluice_batch *batch;
	int got;

	while ((got = log_reader_next(&query->reader, &batch)) == 1) {
		got = take_batch(query, batch);
		if (got)
			break;
	}
	return got ? command_error(EX_OSERR, "narrow it with --since, --until or --where",
				   "no memory for the rows")
		   : 0;
}

static void list_windows(const struct query *query, struct text *text)
{
	for (unsigned int i = 0; i < query->window_count; i++)
		text_format(text, "%s%s", i ? ", " : "", query->windows[i]);
}

static int explain_window(const struct query *query)
{
	char buffer[2048], fix[2100];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	list_windows(query, &text);
	if (query->window_count == 0)
		return command_error(EX_UNAVAILABLE, "start the agent with `sluice run -c FILE`",
				     "there are no results in %s yet", query->store.path);
	snprintf(fix, sizeof(fix), "there is: %s", buffer);
	if (query->options.window[0] == '\0')
		return command_error(EX_USAGE, fix, "--window NAME is missing");
	return command_error(EX_USAGE, fix, "no window is named %s", query->options.window);
}

static int check_where(const struct query *query)
{
	const char *fix = query->wants_late
				  ? "use type, key, tenant, source, value or a dimension"
				  : "use a field of its group_by, or count, records, sum, "
				    "min or max";

	for (unsigned int i = 0; i < query->where.count; i++) {
		if (!query->where.condition[i].is_used)
			return command_error(EX_USAGE, fix, "--where: window %s has no field %s",
					     query->options.window,
					     query->where.condition[i].field);
	}
	return 0;
}

static int open_all(struct query *query, enum query_format format)
{
	const struct late_set_options late = { query->options.window, query->options.since_ns,
					       query->options.until_ns };
	int error;

	query->schema = calloc(1, sizeof(*query->schema));
	error = query->schema ? names_open(&query->names) : -ENOMEM;
	if (!error)
		error = row_set_open(&query->rows, &query->options);
	if (!error)
		error = late_set_open(&query->late, &late);
	if (!error)
		error = query_printer_open(&query->printer, format, stdout, query->names);
	if (error)
		return command_error(EX_OSERR, NULL, "%s", strerror(-error));
	error = log_reader_open(&query->reader, &query->store);
	if (error)
		return command_error(EX_IOERR, NULL, "%s", query->store.problem);
	return 0;
}

static void close_all(struct query *query)
{
	log_reader_close(&query->reader);
	query_printer_close(query->printer);
	late_set_close(query->late);
	row_set_close(query->rows);
	names_close(query->names);
	free(query->schema);
	store_close(&query->store);
	free(query);
}

static bool has_window(const struct query *query)
{
	return row_set_shape_at(query->rows, 0) != NULL;
}

static int run_query(const struct command_line *line, struct query *query)
{
	enum query_format format = QUERY_TABLE;
	int code = parse_range(line, &query->options);

	if (!code)
		code = parse_view(line, query);
	if (!code)
		code = parse_format(line, &format);
	if (!code)
		code = parse_where(line, &query->where);
	if (!code)
		code = store_option_open(line, &query->store);
	if (!code)
		code = open_all(query, format);
	if (code)
		return code;
	query_printer_protect(query->printer,
			      strcmp(command_option_text(line, "csv-safe"), "on") == 0);
	code = read_all(query);
	if (code)
		return code;
	/* The window may have stood in what is lost. */
	if (!has_window(query))
		code = query->reader.lost_count ? log_damage_report(&query->reader)
						: explain_window(query);
	else
		code = check_where(query);
	if (code || !has_window(query))
		return code;
	query_warn_of_unknown_values(query);
	code = query_print_all(query);
	return code ? code : log_damage_report(&query->reader);
}

static int run(const struct command_line *line)
{
	struct query *query = calloc(1, sizeof(*query));
	const char *window = command_option_text(line, "window");
	int code;

	if (!query)
		return command_error(EX_OSERR, NULL, "%s", strerror(ENOMEM));
	query->store = (struct store)STORE_CLOSED;
	query->reader.cursor.fd = -1;
	query->options.window = window ? window : "";
	query->options.is_wanted = is_wanted;
	query->options.context = query;
	code = run_query(line, query);
	close_all(query);
	return code;
}

static const struct command_option options[] = {
	{ .name = "window",
	  .letter = 'w',
	  .value = "NAME",
	  .help = "which window's rows to print" },
	{ .name = "since",
	  .value = "TIME",
	  .help = "windows that start, or late events, at TIME or later" },
	{ .name = "until",
	  .value = "TIME",
	  .help = "windows that start, or late events, before TIME" },
	{ .name = "where",
	  .value = "CONDITIONS",
	  .is_repeatable = true,
	  .help = "only groups and values for which all CONDITIONS hold" },
	{ .name = "format",
	  .letter = 'f',
	  .value = "FORMAT",
	  .fallback = "table",
	  .choices = "table|json|csv",
	  .help = "how to print the rows" },
	{ .name = "all-revisions",
	  .help = "every row as it was written: early, replaced and retracted too" },
	{ .name = "by-agent",
	  .help = "rows of each agent and epoch apart, instead of added up" },
	{ .name = "csv-safe",
	  .value = "on|off",
	  .fallback = "on",
	  .choices = "on|off",
	  .help = "a ' before text that a spreadsheet would run" },
	{ .name = "late", .help = "the events that came too late, of a window with `late: keep`" },
	{ 0 },
};

const struct command command_query = {
	.name = "query",
	.summary = "Prints result rows, the agent running or not.",
	.common = COMMAND_STATE | COMMAND_CONFIG | COMMAND_JSON,
	.options = options,
	.details =
		"Rows come ordered by start, end and group. Of each row only the newest revision "
		"is printed,\n"
		"and what several runs of the agent counted for the same window is added up. Rows "
		"of two\n"
		"definitions of a window are never added up: they are marked UNMERGED.\n"
		"\n"
		"COMPLETE is the share of what is known to have been sent. It is ? and the "
		"state is "
		"partial\n"
		"when something is missing that cannot be counted: time without an agent, or rows "
		"that were\n"
		"not written to their end. A line without a group stands for a window of which "
		"only "
		"that is\n"
		"known. In JSON and CSV the number of a group is always beside its name; the "
		"number "
		"is what\n"
		"counts, and in a table same#10 and same#11 are two ids of one name.\n"
		"\n"
		"Quantiles are off by 1.1 % at most, and never outside of min and max; a ~ says "
		"so. "
		"A > or <\n"
		"before a sum: it does not fit 64 bits.\n"
		"\n"
		"TIME is RFC 3339 (2026-01-01T00:00:00Z), relative to now (-10m), or Unix time "
		"(@1767225600).\n"
		"CONDITIONS are FIELD=VALUE with = != < <= > >= and commas between them; FIELD is "
		"one of the\n"
		"window's group_by, or count, records, sum, min, max. Several = on one field are "
		"alternatives.\n"
		"\n"
		"With --late it prints events in the order of time and identity; FIELD is type, "
		"key, tenant,\n"
		"source, a dimension or value.\n",
	.examples = "sluice query --window clicks --since -10m\n"
		    "sluice query --window clicks --where 'type=click,region=3,count>=10' --format "
		    "json\n"
		    "sluice query --window clicks --all-revisions --format csv\n"
		    "sluice query --window clicks --late --since -1h\n",
	.run = run,
};
