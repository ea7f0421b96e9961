/* SPDX-License-Identifier: BSD-2-Clause */
/* One function a kind and form; each asks the tail for the state and the sketch for its answer. */
#include "command/query_extras.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "command/query_cells.h"
#include "command/query_where.h"
#include "core/sketch/sketch_distinct.h"
#include "core/sketch/sketch_histogram.h"
#include "core/sketch/sketch_top.h"

#define TOP_SHOWN 5 /* in a table, which is as wide as its widest cell */
#define NULL_TEXT "null"
/* Of an estimate that is off by 1.1 % at most. */
#define QUANTILE_DIGITS 3
#define QUANTILE_PLAIN_MIN 1.0

static void add_point(const struct query_extras *extras, struct text *text, unsigned int index)
{
	const struct sluice_point *point = row_tail_state(extras->tail, index);

	if (!point || point->time_ns == INT64_MAX)
		text_add(text, NULL_TEXT);
	else
		json_add_signed(text, point->value);
}

static bool read_distinct(const struct query_extras *extras, unsigned int index, __u64 *count,
			  bool *is_exact)
{
	const struct sketch_distinct *sketch = row_tail_state(extras->tail, index);

	if (!sketch || sketch_distinct_estimate(sketch, &extras->tail->pool, count) != 0)
		return false;
	*is_exact = sketch_distinct_is_exact(sketch);
	return true;
}

static void add_distinct(const struct query_extras *extras, struct text *text, unsigned int index)
{
	bool is_exact;
	__u64 count;

	if (!read_distinct(extras, index, &count, &is_exact)) {
		text_add(text, NULL_TEXT);
		return;
	}
	text_add(text, "{\"value\":");
	json_add_unsigned(text, count);
	text_add(text, is_exact ? ",\"exact\":true}" : ",\"exact\":false}");
}

/* As it was configured: the fewest decimals that mean the same number. */
static double add_quantile_name(struct text *text, __u64 bits)
{
	char digits[40];
	double quantile;

	memcpy(&quantile, &bits, sizeof(quantile));
	for (int decimals = 0; decimals <= 20; decimals++) {
		snprintf(digits, sizeof(digits), "%.*f", decimals, quantile);
		if (strtod(digits, NULL) == quantile)
			break;
	}
	text_add(text, digits);
	return quantile;
}

/* Decimals that leave QUANTILE_DIGITS of what is not nearer to 0 than QUANTILE_PLAIN_MIN. */
static int decimals_of(double value)
{
	int decimals = QUANTILE_DIGITS - 1;

	for (double limit = 10; decimals > 0 && fabs(value) >= limit; limit *= 10)
		decimals--;
	return decimals;
}

/* A bucket is wider than the values in it: what the row knows exactly bounds the estimate. */
static double clamp(const struct query_extras *extras, unsigned int index, double value)
{
	const struct sluice_partial *partial = extras->partial;

	if (extras->window->aggregate[index].field != SLUICE_FIELD_VALUE || !partial->records)
		return value;
	if (value < (double)partial->min)
		return (double)partial->min;
	return value > (double)partial->max ? (double)partial->max : value;
}

static bool read_quantile(const struct query_extras *extras, unsigned int index, double quantile,
			  double *value)
{
	const struct sketch_histogram *sketch = row_tail_state(extras->tail, index);

	if (!sketch || sketch_histogram_quantile(sketch, &extras->tail->pool, quantile, value) != 0)
		return false;
	*value = clamp(extras, index, *value);
	return true;
}

static void add_quantile(const struct query_extras *extras, struct text *text, unsigned int index,
			 double quantile)
{
	double value;

	if (read_quantile(extras, index, quantile, &value))
		json_add_double(text, value);
	else
		text_add(text, NULL_TEXT);
}

/* For a terminal: no more digits than are known. One value only is exact. */
static void add_quantile_short(const struct query_extras *extras, struct text *text,
			       unsigned int index, double quantile)
{
	char digits[32];
	double value;

	if (!read_quantile(extras, index, quantile, &value)) {
		text_add(text, NULL_TEXT);
	} else if (extras->partial->records && extras->partial->min == extras->partial->max) {
		json_add_double(text, value);
	} else {
		snprintf(digits, sizeof(digits), "%.*e", QUANTILE_DIGITS - 1, value);
		value = strtod(digits, NULL);
		text_add(text, "~");
		if (fabs(value) < QUANTILE_PLAIN_MIN)
			json_add_double(text, value);
		else
			text_format(text, "%.*f", decimals_of(value), value);
	}
}

static void add_quantiles(const struct query_extras *extras, struct text *text, unsigned int index)
{
	const struct sluice_schema_aggregate *aggregate = &extras->window->aggregate[index];

	text_add(text, "{");
	for (unsigned int i = 0; i < aggregate->quantile_count; i++) {
		double quantile;

		text_add(text, i ? ",\"" : "\"");
		quantile = add_quantile_name(text, aggregate->quantile[i]);
		text_add(text, "\":");
		add_quantile(extras, text, index, quantile);
	}
	text_add(text, "}");
}

/* Returns how many, or a negative number when nothing is known. */
static int read_top(const struct query_extras *extras, unsigned int index,
		    struct sketch_top_item items[SKETCH_TOP_K_MAX])
{
	const struct sketch_top *sketch = row_tail_state(extras->tail, index);

	if (!sketch)
		return -1;
	return sketch_top_items(sketch, &extras->tail->pool, items,
				extras->window->aggregate[index].k);
}

static void add_top(const struct query_extras *extras, struct text *text, unsigned int index)
{
	struct sketch_top_item items[SKETCH_TOP_K_MAX];
	int count = read_top(extras, index, items);
	enum sluice_field field = extras->window->aggregate[index].field;
	char room[QUERY_VALUE_BYTES];

	if (count < 0) {
		text_add(text, NULL_TEXT);
		return;
	}
	text_add(text, "[");
	for (int i = 0; i < count; i++) {
		text_add(text, i ? ",{\"key\":" : "{\"key\":");
		text_add_quoted(text,
				query_value_text(extras->names, field, items[i].value, room));
		text_add(text, ",\"key_id\":");
		json_add_unsigned(text, items[i].value);
		text_add(text, ",\"count\":");
		json_add_unsigned(text, items[i].count);
		text_add(text, ",\"error\":");
		json_add_unsigned(text, items[i].error);
		text_add(text, "}");
	}
	text_add(text, "]");
}

/* For a terminal: "user42 9, user7 3…"; ~ before a count that may be less. */
static void add_top_short(const struct query_extras *extras, struct text *text, unsigned int index)
{
	struct sketch_top_item items[SKETCH_TOP_K_MAX];
	int count = read_top(extras, index, items);
	enum sluice_field field = extras->window->aggregate[index].field;
	char room[QUERY_VALUE_BYTES];

	if (count < 0)
		text_add(text, NULL_TEXT);
	for (int i = 0; i < count && i < TOP_SHOWN; i++) {
		text_add(text, i ? ", " : "");
		text_add(text,
			 query_value_apart(extras->names, field, items[i].value, room));
		text_add(text, items[i].error ? " ~" : " ");
		json_add_unsigned(text, items[i].count);
	}
	if (count > TOP_SHOWN)
		text_add(text, "…");
}

void query_extras_add_json(const struct query_extras *extras, struct text *text,
			   enum sluice_aggregate_kind kind)
{
	bool is_point = kind == SLUICE_AGGREGATE_FIRST || kind == SLUICE_AGGREGATE_LAST;
	bool is_next = false;

	if (!is_point)
		text_add(text, "{");
	for (unsigned int i = 0; i < extras->window->aggregate_count; i++) {
		const struct sluice_schema_aggregate *aggregate = &extras->window->aggregate[i];

		if (aggregate->kind != kind)
			continue;
		if (is_point) {
			add_point(extras, text, i);
			return;
		}
		text_add(text, is_next ? "," : "");
		text_add_quoted(text, query_field_name(extras->dim_name, aggregate->field));
		text_add(text, ":");
		if (kind == SLUICE_AGGREGATE_DISTINCT)
			add_distinct(extras, text, i);
		else if (kind == SLUICE_AGGREGATE_QUANTILES)
			add_quantiles(extras, text, i);
		else
			add_top(extras, text, i);
		is_next = true;
	}
	text_add(text, "}");
}

unsigned int query_extras_cells(const struct sluice_schema_aggregate *aggregate, bool is_csv)
{
	if (aggregate->kind == SLUICE_AGGREGATE_DISTINCT)
		return is_csv ? 2 : 1;
	if (aggregate->kind == SLUICE_AGGREGATE_QUANTILES)
		return aggregate->quantile_count ? aggregate->quantile_count : 1;
	return 1;
}

void query_extras_add_heading(struct text *text, const struct sluice_schema_aggregate *aggregate,
			      const char (*dim_name)[SLUICE_NAME_MAX + 1], unsigned int cell)
{
	const char *field = query_field_name(dim_name, aggregate->field);

	switch (aggregate->kind) {
	case SLUICE_AGGREGATE_DISTINCT:
		text_add(text, "distinct_");
		text_add(text, field);
		text_add(text, cell ? "_exact" : "");
		break;
	case SLUICE_AGGREGATE_QUANTILES:
		text_add(text, field);
		text_add(text, "_");
		add_quantile_name(text, aggregate->quantile[cell]);
		break;
	case SLUICE_AGGREGATE_TOP:
		text_add(text, "top_");
		text_add(text, field);
		break;
	default:
		text_add(text, aggregate->kind == SLUICE_AGGREGATE_FIRST ? "first" : "last");
		break;
	}
}

static void add_distinct_cell(const struct query_extras *extras, struct text *text,
			      unsigned int index, unsigned int cell, bool is_csv)
{
	bool is_exact;
	__u64 count;

	if (!read_distinct(extras, index, &count, &is_exact)) {
		text_add(text, NULL_TEXT);
	} else if (cell == 1) {
		text_add(text, is_exact ? "true" : "false");
	} else {
		text_add(text, is_csv || is_exact ? "" : "~");
		json_add_unsigned(text, count);
	}
}

void query_extras_add_cell(const struct query_extras *extras, struct text *text,
			   unsigned int index, unsigned int cell, bool is_csv)
{
	const struct sluice_schema_aggregate *aggregate = &extras->window->aggregate[index];
	double quantile;

	if (aggregate->kind == SLUICE_AGGREGATE_DISTINCT) {
		add_distinct_cell(extras, text, index, cell, is_csv);
	} else if (aggregate->kind == SLUICE_AGGREGATE_QUANTILES) {
		memcpy(&quantile, &aggregate->quantile[cell], sizeof(quantile));
		if (is_csv)
			add_quantile(extras, text, index, quantile);
		else
			add_quantile_short(extras, text, index, quantile);
	} else if (aggregate->kind == SLUICE_AGGREGATE_TOP) {
		if (is_csv)
			add_top(extras, text, index);
		else
			add_top_short(extras, text, index);
	} else {
		add_point(extras, text, index);
	}
}
