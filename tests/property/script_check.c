/* SPDX-License-Identifier: BSD-2-Clause */
/* Holds a result against the expectations of a script. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script_internal.h"

static __s64 extra_value(const struct result_row *row, enum sluice_aggregate_kind kind)
{
	for (__u32 i = 0; i < row->aggregate_count; i++)
		if (row->aggregate[i].kind == kind)
			return row->aggregate[i].value;
	return INT64_MIN;
}

static double distinct_value(const struct result_row *row)
{
	for (__u32 i = 0; i < row->aggregate_count; i++)
		if (row->aggregate[i].kind == SLUICE_AGGREGATE_DISTINCT)
			return row->aggregate[i].distinct;
	return -1;
}

/* The checks of the line that the row does not pass; flags are always checked. */
static unsigned int failed_checks(const struct script_row *line, const struct result_row *row)
{
	unsigned int failed = 0;

	failed |= line->partial.count != row->partial.count ? SCRIPT_COUNT : 0;
	failed |= line->partial.records != row->partial.records ? SCRIPT_RECORDS : 0;
	failed |= line->partial.sum_low != row->partial.sum_low ? SCRIPT_SUM : 0;
	failed |= line->partial.min != row->partial.min ? SCRIPT_MIN : 0;
	failed |= line->partial.max != row->partial.max ? SCRIPT_MAX : 0;
	failed |= line->revision != row->revision ? SCRIPT_REVISION : 0;
	failed |= line->first != extra_value(row, SLUICE_AGGREGATE_FIRST) ? SCRIPT_FIRST : 0;
	failed |= line->last != extra_value(row, SLUICE_AGGREGATE_LAST) ? SCRIPT_LAST : 0;
	failed |= line->distinct < distinct_value(row) || line->distinct > distinct_value(row) ?
			  SCRIPT_DISTINCT : 0;
	return failed & line->checks;
}

static bool is_final(const struct result *result, const struct result_row *row)
{
	bool is_closed = row->is_final;

	for (size_t i = 0; i < result->close_count; i++)
		is_closed |= result->close[i].window == row->identity.window &&
			     result->close[i].start_ns == row->identity.start_ns &&
			     result->close[i].end_ns == row->identity.end_ns &&
			     result->close[i].step == row->step;
	return is_closed;
}

static bool is_match(const struct result *result, const struct script_row *line,
		     const struct result_row *row)
{
	return row->step == line->step &&
	       !memcmp(&row->identity, &line->identity, sizeof(row->identity)) &&
	       row->is_early == line->is_early && row->is_retracted == line->is_retracted &&
	       is_final(result, row) == line->is_final && !failed_checks(line, row);
}

static size_t check_rows(const struct script *script, const struct result *result)
{
	bool *is_used = calloc(result->row_count + 1, sizeof(*is_used));
	size_t differences = 0;

	if (!is_used)
		abort();
	for (size_t i = 0; i < script->row_count; i++) {
		size_t j = 0;

		while (j < result->row_count &&
		       (is_used[j] || !is_match(result, &script->row[i], &result->row[j])))
			j++;
		if (j < result->row_count)
			is_used[j] = true;
		else
			printf("  %s:%u: no such row\n", script->path, script->row[i].line);
		differences += j == result->row_count;
	}
	for (size_t j = 0; j < result->row_count; j++) {
		if (is_used[j])
			continue;
		printf("  %s:%u: this came out and is not expected:\n", script->path,
		       script->scenario.step[result->row[j].step].line);
		result_print_row("row", &result->row[j]);
		differences++;
	}
	free(is_used);
	return differences;
}

static __s64 counter_value(const struct script *script, const struct result *result,
			   const struct script_counter *counter)
{
	switch (counter->kind) {
	case SCRIPT_STREAM_COUNTER:
		return ((const __s64 *)&result->stream)[counter->index];
	case SCRIPT_WINDOW_COUNTER:
		return ((const __s64 *)&result->window[counter->window])[counter->index];
	default:
		return result->watermark_ns[counter->index * script->scenario.window_count +
					    counter->window];
	}
}

size_t script_check(const struct script *script, struct result *result)
{
	size_t differences = check_rows(script, result) + script_check_late(script, result);

	for (size_t i = 0; i < script->counter_count; i++) {
		const struct script_counter *counter = &script->counter[i];
		__s64 value = counter_value(script, result, counter);

		if (value == counter->value)
			continue;
		printf("  %s:%u: %lld instead of %lld\n", script->path, counter->line, value,
		       counter->value);
		differences++;
	}
	return differences;
}
