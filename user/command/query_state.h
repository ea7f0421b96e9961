/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of sluice query, shared by query.c (asks and reads) and query_emit.c (gives). Nobody
 * else includes it. */
#ifndef SLUICE_COMMAND_QUERY_STATE_H
#define SLUICE_COMMAND_QUERY_STATE_H

#include "command/query_late.h"
#include "command/query_print.h"
#include "command/query_where.h"
#include "edge/log/log_reader.h"

#define WINDOWS_LISTED_MAX 64

struct query {
	struct store store;
	struct log_reader reader;
	struct row_set_options options;
	struct row_set *rows;
	struct late_set *late; /* --late: events instead of rows */
	struct names *names;
	struct schema *schema;
	struct query_where where;
	struct query_printer *printer;
	enum row_set_view view;
	bool wants_late;
	/* Every window that some schema names, for the message about one that none does: */
	char windows[WINDOWS_LISTED_MAX][SLUICE_NAME_MAX + 1];
	unsigned int window_count;
};

/* Says which conditions nothing can meet: most often a slip of the pen. */
void query_warn_of_unknown_values(const struct query *query);
/* Prints what was read. An exit code. */
int query_print_all(struct query *query);

#endif
