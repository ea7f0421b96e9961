/* SPDX-License-Identifier: BSD-2-Clause */
/* What sluice query gives: rows or late events to the printer, and a word about what they are
 * not. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "command/command.h"
#include "command/query_state.h"

void query_warn_of_unknown_values(const struct query *query)
{
	const struct late_origin *origin = late_set_origin(query->late);
	const struct query_condition *condition;
	unsigned int index = 0;
	const char *nearest;

	while (origin && (condition = query_where_unknown(&query->where, query->names,
							  origin->dim_name, &index, &nearest))) {
		char line[1024];
		struct text text;

		text_init(&text, line, sizeof(line));
		text_format(&text, "sluice: warning: --where: nothing is known to be called ");
		text_add_printable(&text, condition->value);
		text_format(&text, " in %s", condition->field);
		if (nearest) {
			text_add(&text, "; did you mean ");
			text_add_printable(&text, nearest);
			text_add(&text, "?");
		}
		fprintf(stderr, "%s\n", line);
	}
}

static int emit(void *context, const struct row_result *row)
{
	struct query *query = context;

	if (!query_where_is_met(&query->where, query->names, row))
		return 0;
	return query_printer_row(query->printer, row);
}

static int emit_late(void *context, const struct late_result *late)
{
	struct query *query = context;

	if (!query_where_is_met_by_late(&query->where, query->names, late))
		return 0;
	return query_printer_late(query->printer, late);
}

static int print_late(struct query *query)
{
	if (!late_set_has_any(query->late))
		fprintf(stderr,
			"sluice: note: the log holds no late events of window %s; `late: keep` in "
			"its configuration keeps them\n",
			query->options.window);
	query_printer_expect_late(query->printer, late_set_origin(query->late)->dim_name);
	return late_set_emit(query->late, emit_late, query);
}

/* Definitions of rows that may come; when there are none, of the window as it is. */
static int print_rows(struct query *query)
{
	const struct row_set_shape *shape, *last = NULL;
	unsigned int expected = 0;

	for (size_t i = 0; (shape = row_set_shape_at(query->rows, i)); i++) {
		if (shape->has_rows) {
			query_printer_expect(query->printer, shape);
			expected++;
		}
		last = shape;
	}
	if (!expected && last)
		query_printer_expect(query->printer, last);
	return row_set_emit(query->rows, query->view, emit, query);
}

static void warn_of_the_rest(const struct query *query)
{
	struct query_printer_stats stats = query_printer_stats(query->printer);
	__u64 left_out = row_set_left_out(query->rows);

	if (stats.saturated)
		fprintf(stderr,
			"sluice: warning: %llu sums do not fit 64 bits and are shown at the "
			"limit\n",
			stats.saturated);
	if (left_out)
		fprintf(stderr,
			"sluice: warning: %llu more windows may have no row and lines of their "
			"own; "
			"narrow it with --since and --until\n",
			left_out);
}

int query_print_all(struct query *query)
{
	int error = names_compare(query->names);

	if (!error)
		error = query->wants_late ? print_late(query) : print_rows(query);
	if (!error)
		error = query_printer_finish(query->printer);
	if (error == -ENOMEM)
		return command_error(EX_OSERR, "narrow it with --since, --until or --where",
				     "no memory for the rows");
	if (error == -EBADMSG)
		return command_error(EX_IOERR, "see `sluice log verify`",
				     "the sketches of a row of window %s make no sense",
				     query->options.window);
	if (error)
		return command_error(EX_IOERR, NULL, "the rows cannot be written: %s",
				     strerror(-error));
	warn_of_the_rest(query);
	return EX_OK;
}
