/* SPDX-License-Identifier: BSD-2-Clause */
/* Late events as JSON lines, CSV or a table: sluice query --late. */
#ifndef SLUICE_COMMAND_QUERY_LATE_H
#define SLUICE_COMMAND_QUERY_LATE_H

#include "command/query_print.h"
#include "rows/late_set.h"

/* 0 or -errno of writing. A printer prints rows or late events, never both. */
int query_printer_late(struct query_printer *printer, const struct late_result *late);

/* CSV and table: events may come, with dimensions of these names. Without it the first one
 * tells. */
void query_printer_expect_late(struct query_printer *printer,
			       const char dim_name[4][SLUICE_NAME_MAX + 1]);

#endif
