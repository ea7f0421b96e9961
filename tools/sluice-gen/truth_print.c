/* SPDX-License-Identifier: BSD-2-Clause */
/* A row of the truth as a line of JSON, in the shape that `sluice query --format json` prints.
 * Beyond it, for a fair comparison of sketches: quantiles_range and top_more. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "time_text.h"
#include "truth_rows.h"

#define TOP_MORE_FACTOR 8 /* entries beyond the k best, times k */

static const char *const field_names[SLUICE_FIELD_COUNT] = {
	[SLUICE_FIELD_TENANT] = "tenant", [SLUICE_FIELD_SOURCE] = "source",
	[SLUICE_FIELD_TYPE] = "type",	  [SLUICE_FIELD_KEY] = "key",
	[SLUICE_FIELD_DIM0] = "dim0",	  [SLUICE_FIELD_DIM1] = "dim1",
	[SLUICE_FIELD_DIM2] = "dim2",	  [SLUICE_FIELD_DIM3] = "dim3",
	[SLUICE_FIELD_VALUE] = "value",
};

struct printer {
	const struct truth_rows *rows;
	const struct truth_row *row;
	const struct config *config;
	FILE *out;
};

static void print_string(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		if ((unsigned char)*text < 0x20)
			fprintf(out, "\\u%04x", (unsigned int)*text);
		else
			putc(*text, out);
	}
	putc('"', out);
}

static const char *name_of_field(const struct config *config, __u8 field)
{
	if (field >= SLUICE_FIELD_DIM0 && field <= SLUICE_FIELD_DIM3 &&
	    config->dim_name[field - SLUICE_FIELD_DIM0][0])
		return config->dim_name[field - SLUICE_FIELD_DIM0];
	return field_names[field];
}

static void print_member(const struct config *config, __u8 field, __u64 value, FILE *out)
{
	for (__u32 i = 0; field == SLUICE_FIELD_TYPE && i < config->type_name_count; i++) {
		if (config->type_names[i].id == value) {
			print_string(out, config->type_names[i].name);
			return;
		}
	}
	fprintf(out, "\"%llu\"", (unsigned long long)value);
}

/* The shortest text that reads back as the same number; always with a point or an exponent. */
static void print_real(FILE *out, double number)
{
	char text[32];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	fprintf(out, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static long long saturated(__int128 sum)
{
	return sum > INT64_MAX ? INT64_MAX : sum < INT64_MIN ? INT64_MIN : (long long)sum;
}

/* The value at rank `rank` (from 1, by weight) of a merged bag; ranks outside are the ends. */
static long long value_at(const struct truth_bag *bag, double rank)
{
	double below = 0;

	for (size_t i = 0; i < bag->count; i++) {
		below += (double)bag->items[i].weight;
		if (below >= rank)
			return (long long)bag->items[i].value;
	}
	return (long long)bag->items[bag->count - 1].value;
}

static double quantile_of(const struct sluice_schema_aggregate *aggregate, unsigned int i)
{
	double quantile;

	memcpy(&quantile, &aggregate->quantile[i], sizeof(quantile));
	return quantile;
}

/* As the configuration has it: the fewest decimals that mean the same number. */
static void print_quantile_name(FILE *out, double quantile)
{
	char text[40];

	for (int decimals = 0; decimals <= 20; decimals++) {
		snprintf(text, sizeof(text), "%.*f", decimals, quantile);
		if (strtod(text, NULL) == quantile)
			break;
	}
	fprintf(out, "\"%s\":", text);
}

static void print_quantiles(const struct printer *printer, unsigned int index, bool is_range)
{
	const struct sluice_schema_aggregate *aggregate = &printer->rows->window->aggregate[index];
	const struct truth_bag *bag = &printer->row->bags[index];

	putc('{', printer->out);
	for (unsigned int i = 0; i < aggregate->quantile_count; i++) {
		double quantile = quantile_of(aggregate, i),
		       rank = ceil(quantile * (double)printer->row->count);

		fputs(i ? "," : "", printer->out);
		print_quantile_name(printer->out, quantile);
		if (is_range)
			fprintf(printer->out, "[%lld,%lld]", value_at(bag, rank - 1),
				value_at(bag, rank + 1));
		else
			print_real(printer->out, (double)value_at(bag, rank));
	}
	putc('}', printer->out);
}

/* Heaviest first, then by value. */
static int compare_weights(const void *left, const void *right)
{
	const struct truth_weight *a = left, *b = right;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return (a->value > b->value) - (a->value < b->value);
}

static void print_top(const struct printer *printer, unsigned int index, bool is_more)
{
	const struct sluice_schema_aggregate *aggregate = &printer->rows->window->aggregate[index];
	const struct truth_bag *bag = &printer->row->bags[index];
	size_t from = is_more ? aggregate->k : 0;
	size_t to = is_more ? (size_t)aggregate->k * (1 + TOP_MORE_FACTOR) : aggregate->k;

	qsort(bag->items, bag->count, sizeof(*bag->items), compare_weights);
	putc('[', printer->out);
	for (size_t i = from; i < bag->count && i < to; i++) {
		fprintf(printer->out, "%s{\"key\":", i > from ? "," : "");
		print_member(printer->config, aggregate->field, bag->items[i].value, printer->out);
		fprintf(printer->out, ",\"count\":%llu,\"error\":0}",
			(unsigned long long)bag->items[i].weight);
	}
	putc(']', printer->out);
}

static void print_sketch(const struct printer *printer, unsigned int index, bool is_extra)
{
	const struct sluice_schema_aggregate *aggregate = &printer->rows->window->aggregate[index];
	struct truth_bag *bag = &printer->row->bags[index];

	truth_bag_merge(bag, aggregate->field);
	if (aggregate->kind == SLUICE_AGGREGATE_DISTINCT)
		fprintf(printer->out, "{\"value\":%zu,\"exact\":true}", bag->count);
	else if (aggregate->kind == SLUICE_AGGREGATE_QUANTILES)
		print_quantiles(printer, index, is_extra);
	else
		print_top(printer, index, is_extra);
}

/* All aggregates of a kind under one name, each under the name of its field. */
static void print_sketches(const struct printer *printer, __u8 kind, const char *name,
			   bool is_extra)
{
	const struct window_spec *window = printer->rows->window;
	bool is_first = true;

	for (unsigned int i = 0; i < window->aggregate_count; i++) {
		if (window->aggregate[i].kind != kind)
			continue;
		fprintf(printer->out, is_first ? ",\"%s\":{" : ",", name);
		print_string(printer->out,
			     name_of_field(printer->config, window->aggregate[i].field));
		putc(':', printer->out);
		print_sketch(printer, i, is_extra);
		is_first = false;
	}
	if (!is_first)
		putc('}', printer->out);
}

static void print_aggregate(const struct printer *printer,
			    const struct sluice_schema_aggregate *aggregate)
{
	const struct truth_row *row = printer->row;
	FILE *out = printer->out;

	switch (aggregate->kind) {
	case SLUICE_AGGREGATE_COUNT_WEIGHT:
		fprintf(out, ",\"count\":%llu", (unsigned long long)row->count);
		break;
	case SLUICE_AGGREGATE_RECORDS:
		fprintf(out, ",\"records\":%llu", (unsigned long long)row->records);
		break;
	case SLUICE_AGGREGATE_SUM:
		fprintf(out, ",\"sum\":%lld", saturated(row->sum));
		break;
	case SLUICE_AGGREGATE_MIN:
		fprintf(out, ",\"min\":%lld", (long long)row->min);
		break;
	case SLUICE_AGGREGATE_MAX:
		fprintf(out, ",\"max\":%lld", (long long)row->max);
		break;
	case SLUICE_AGGREGATE_FIRST:
		fprintf(out, ",\"first\":%lld", (long long)row->edges->first.value);
		break;
	case SLUICE_AGGREGATE_LAST:
		fprintf(out, ",\"last\":%lld", (long long)row->edges->last.value);
		break;
	case SLUICE_AGGREGATE_AVG:
		fprintf(out, ",\"avg\":");
		print_real(out, (double)((long double)row->sum / (long double)row->count));
		break;
	case SLUICE_AGGREGATE_RATE:
		fprintf(out, ",\"rate\":");
		print_real(out, (double)((long double)row->count * 1e9L /
					 (long double)(row->end_ns - row->start_ns)));
		break;
	default:
		break;
	}
}

static void print_head(const struct printer *printer)
{
	const struct window_spec *window = printer->rows->window;
	char start[TIME_TEXT_BYTES], end[TIME_TEXT_BYTES];

	fprintf(printer->out, "{\"window\":");
	print_string(printer->out, window->name);
	fprintf(printer->out, ",\"start\":\"%s\",\"end\":\"%s\",\"group\":{",
		time_text_format(start, printer->row->start_ns),
		time_text_format(end, printer->row->end_ns));
	for (unsigned int i = 0; i < window->group_count; i++) {
		if (i)
			putc(',', printer->out);
		print_string(printer->out, name_of_field(printer->config, window->group_field[i]));
		putc(':', printer->out);
		print_member(printer->config, window->group_field[i], printer->row->group[i],
			     printer->out);
	}
	fprintf(printer->out,
		"},\"revision\":0,\"final\":true,\"early\":false,\"retracted\":false");
}

void truth_row_print(const struct truth_rows *rows, const struct truth_row *row,
		     const struct config *config, FILE *out)
{
	const struct printer printer = { rows, row, config, out };
	const struct window_spec *window = rows->window;

	print_head(&printer);
	for (unsigned int i = 0; i < window->aggregate_count; i++)
		print_aggregate(&printer, &window->aggregate[i]);
	print_sketches(&printer, SLUICE_AGGREGATE_DISTINCT, "distinct", false);
	print_sketches(&printer, SLUICE_AGGREGATE_QUANTILES, "quantiles", false);
	print_sketches(&printer, SLUICE_AGGREGATE_QUANTILES, "quantiles_range", true);
	print_sketches(&printer, SLUICE_AGGREGATE_TOP, "top", false);
	print_sketches(&printer, SLUICE_AGGREGATE_TOP, "top_more", true);
	fprintf(out, "}\n");
}
