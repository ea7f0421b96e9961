/* SPDX-License-Identifier: BSD-2-Clause */
/* First, last, distinct, quantiles and top of a row as text: JSON, and cells of CSV and table. What
 * is lost or was never written is null. */
#ifndef SLUICE_COMMAND_QUERY_EXTRAS_H
#define SLUICE_COMMAND_QUERY_EXTRAS_H

#include "base/text.h"
#include "rows/names.h"
#include "rows/row_tail.h"

/* What is needed to show one row. */
struct query_extras {
	const struct row_tail *tail; /* holds the row */
	const struct sluice_schema_window *window;
	const char (*dim_name)[SLUICE_NAME_MAX + 1];
	const struct names *names; /* NULL: numbers only */
	const struct sluice_partial *partial; /* of the row */
};

/* The JSON value of first or last; of the others an object with a member for each field, of all
 * aggregates of this kind. */
void query_extras_add_json(const struct query_extras *extras, struct text *text,
			   enum sluice_aggregate_kind kind);

/* Columns of an aggregate: at least 1. */
unsigned int query_extras_cells(const struct sluice_schema_aggregate *aggregate, bool is_csv);
/* The heading of one of them. */
void query_extras_add_heading(struct text *text, const struct sluice_schema_aggregate *aggregate,
			      const char (*dim_name)[SLUICE_NAME_MAX + 1], unsigned int cell);
/* The value for the window's aggregate `index`; null for nothing. */
void query_extras_add_cell(const struct query_extras *extras, struct text *text,
			   unsigned int index, unsigned int cell, bool is_csv);

#endif
