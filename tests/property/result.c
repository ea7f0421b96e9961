/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of rows: adding, ordering, and which of them hold in the end. */
#include "result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

void result_clear(struct result *result)
{
	for (size_t i = 0; i < result->row_count; i++)
		free(result->row[i].aggregate);
	free(result->row);
	free(result->close);
	free(result->late);
	free(result->late_pane);
	free(result->emission);
	free(result->watermark_ns);
	memset(result, 0, sizeof(*result));
}

struct result_row *result_add_row(struct result *result)
{
	struct result_row *row;

	result->row = scenario_grow(result->row, result->row_count, sizeof(*row));
	row = &result->row[result->row_count++];
	memset(row, 0, sizeof(*row));
	return row;
}

struct result_close *result_add_close(struct result *result)
{
	struct result_close *close;

	result->close = scenario_grow(result->close, result->close_count, sizeof(*close));
	close = &result->close[result->close_count++];
	memset(close, 0, sizeof(*close));
	return close;
}

struct result_late *result_add_late(struct result *result)
{
	struct result_late *late;

	result->late = scenario_grow(result->late, result->late_count, sizeof(*late));
	late = &result->late[result->late_count++];
	memset(late, 0, sizeof(*late));
	return late;
}

struct result_late_pane *result_add_late_pane(struct result *result)
{
	struct result_late_pane *pane;

	result->late_pane =
		scenario_grow(result->late_pane, result->late_pane_count, sizeof(*pane));
	pane = &result->late_pane[result->late_pane_count++];
	memset(pane, 0, sizeof(*pane));
	return pane;
}

struct result_emission *result_add_emission(struct result *result)
{
	struct result_emission *emission;

	result->emission =
		scenario_grow(result->emission, result->emission_count, sizeof(*emission));
	emission = &result->emission[result->emission_count++];
	memset(emission, 0, sizeof(*emission));
	return emission;
}

void result_add_watermark(struct result *result, __s64 watermark_ns)
{
	result->watermark_ns = scenario_grow(result->watermark_ns, result->watermark_count,
					     sizeof(*result->watermark_ns));
	result->watermark_ns[result->watermark_count++] = watermark_ns;
}

static int compare_numbers(__s64 a, __s64 b)
{
	return (a > b) - (a < b);
}

static int compare_groups(const struct result_identity *a, const struct result_identity *b)
{
	for (int i = 0; i < SLUICE_GROUP_FIELDS_MAX; i++)
		if (a->group[i] != b->group[i])
			return a->group[i] < b->group[i] ? -1 : 1;
	return 0;
}

static int compare_identities(const struct result_identity *a, const struct result_identity *b)
{
	int order = compare_numbers((__s64)a->window, (__s64)b->window);

	if (!order)
		order = compare_numbers(a->start_ns, b->start_ns);
	if (!order)
		order = compare_numbers(a->end_ns, b->end_ns);
	if (!order)
		order = compare_numbers((__s64)a->is_overflow, (__s64)b->is_overflow);
	return order ? order : compare_groups(a, b);
}

int result_compare(const struct result_row *a, const struct result_row *b)
{
	return compare_identities(&a->identity, &b->identity);
}

static int compare_rows(const void *left, const void *right)
{
	const struct result_row *a = left, *b = right;
	int order = compare_identities(&a->identity, &b->identity);

	if (!order)
		order = compare_numbers(a->revision, b->revision);
	return order ? order : compare_numbers(a->step, b->step);
}

static int compare_late(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct result_late));
}

void result_sort(struct result *result)
{
	if (result->late_count)
		qsort(result->late, result->late_count, sizeof(*result->late), compare_late);
	if (result->row_count)
		qsort(result->row, result->row_count, sizeof(*result->row), compare_rows);
}

size_t result_view(struct result *result, __u32 step, struct result_row **view)
{
	struct result_row *rows = malloc((result->row_count + 1) * sizeof(*rows));
	struct result_identity *last = NULL;
	size_t count = 0;

	if (!rows)
		abort();
	result_sort(result);
	for (size_t i = 0; i < result->row_count; i++) {
		struct result_row *row = &result->row[i];
		bool is_same = last && !compare_identities(last, &row->identity);

		if (row->is_early || row->step > step)
			continue;
		last = &row->identity;
		count -= is_same && count && !compare_identities(&rows[count - 1].identity, last);
		if (!row->is_retracted)
			rows[count++] = *row;
	}
	*view = rows;
	return count;
}

void result_print_row(const char *label, const struct result_row *row)
{
	printf("  %-8s window %llu [%lld, %lld) ", label, row->identity.window,
	       row->identity.start_ns, row->identity.end_ns);
	if (row->identity.is_overflow)
		printf("__overflow__ ");
	for (int i = 0; i < SLUICE_GROUP_FIELDS_MAX; i++)
		printf("%s%llx", i ? "/" : "", row->identity.group[i]);
	printf(" step %u revision %d%s%s%s count %llu records %llu sum %lld:%llu min %lld "
	       "max %lld\n",
	       row->step, row->revision, row->is_early ? " early" : "",
	       row->is_final ? " final" : "", row->is_retracted ? " retracted" : "",
	       row->partial.count, row->partial.records, (__s64)row->partial.sum_high,
	       row->partial.sum_low, row->partial.min, row->partial.max);
	for (__u32 i = 0; i < row->aggregate_count; i++)
		printf("           aggregate %u: value %lld distinct %.1f top %u\n",
		       row->aggregate[i].kind, row->aggregate[i].value, row->aggregate[i].distinct,
		       row->aggregate[i].top_count);
}
