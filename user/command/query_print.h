/* SPDX-License-Identifier: BSD-2-Clause */
/* Result rows as JSON lines, CSV or a table. Prints only what the window asks for, in its order;
 * names where they are known. */
#ifndef SLUICE_COMMAND_QUERY_PRINT_H
#define SLUICE_COMMAND_QUERY_PRINT_H

#include <stdio.h>

#include "rows/names.h"
#include "rows/row_set.h"

enum query_format { QUERY_TABLE, QUERY_JSON, QUERY_CSV };

struct query_printer;

/* -ENOMEM. `out` and `names` outlive it. */
int query_printer_open(struct query_printer **printer, enum query_format format, FILE *out,
		       const struct names *names);
void query_printer_close(struct query_printer *printer);

/* CSV: whether text that a spreadsheet would run begins with a ' (true at first). */
void query_printer_protect(struct query_printer *printer, bool is_protected);
/* CSV and table: rows of this definition may come. All of them before the first row; without any,
 * its own is taken. */
void query_printer_expect(struct query_printer *printer, const struct row_set_shape *shape);

/* 0, -EBADMSG for a row whose points and sketches nobody wrote, or -errno of writing. */
int query_printer_row(struct query_printer *printer, const struct row_result *row);
/* Writes what is still held back. */
int query_printer_finish(struct query_printer *printer);

struct query_printer_stats {
	__u64 rows;
	__u64 saturated; /* sums that did not fit 64 bits */
};

struct query_printer_stats query_printer_stats(const struct query_printer *printer);

#endif
